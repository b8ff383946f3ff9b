//! What happened on a bus, as evidence: verdicts are a pure function of suite, definition and trace.

use std::time::Duration;

use crate::link::LinkEvent;
use crate::suite::{Setting, Stimulus};
use crate::time::Instant;
use crate::value::Quantity;
use crate::wire::BusFrame;

/// The record of one run on one protocol.
#[derive(Clone, Debug)]
pub struct Trace {
    /// Where the frames came from and what the clock is worth.
    pub header: TraceHeader,
    /// What happened, in order of time.
    pub events: Vec<Event>,
}

/// Where a trace comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceHeader {
    /// The protocol that was driven.
    pub protocol: String,
    /// The target in words: `reference BMS`, `can:can0`.
    pub target: String,
    /// True for the in-tree reference BMS, false for hardware or a replay of it.
    pub reference: bool,
    /// Where time stamps come from.
    pub clock: ClockSource,
    /// How finely times are known.
    pub resolution: Duration,
    /// The variant of the protocol that the target claims.
    pub variant: Option<String>,
    /// The capabilities that the target claims (PICS).
    pub claims: Vec<String>,
    /// Packs that the target has, where known.
    pub packs: Option<u8>,
}

/// Where time stamps come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockSource {
    /// Simulated time: exact.
    Virtual,
    /// Stamps of the kernel on reception.
    Kernel,
    /// Stamps of this program on reception.
    User,
    /// Stamps of a recording.
    Recording,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When: for bytes of a serial line, the first byte.
    pub at: Instant,
    /// What.
    pub kind: EventKind,
}

/// Kinds of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A frame, or bytes, from the target.
    Received {
        /// The frame.
        frame: BusFrame,
        /// When the last byte had arrived (equal to `at` for CAN).
        until: Instant,
    },
    /// A frame, or bytes, sent to the target.
    Sent {
        /// The frame.
        frame: BusFrame,
        /// When the last byte had left.
        until: Instant,
    },
    /// A stimulus that took effect.
    Stimulated(Stimulus),
    /// A stimulus that could not be given, and why.
    StimulusFailed(Stimulus, String),
    /// What display and LEDs show at this moment.
    Looked(Vec<(String, Setting)>),
    /// Nobody could tell what they show, and why.
    LookFailed(String),
    /// So much time has passed in which nothing was recorded.
    Elapsed(Duration),
    /// A case was chosen for this run, by its full name. All of them stand before the first frame.
    CasePlanned(String),
    /// A case began. Cases that share an observation begin one after the other at the same time.
    CaseStarted(String),
    /// A step of a case began.
    StepStarted {
        /// The case.
        case: String,
        /// The step, from 0.
        step: usize,
        /// The repetition of an exchange, from 0.
        round: u32,
    },
    /// A case is over.
    CaseEnded(String),
    /// A case was not run, and why.
    CaseSkipped(String, String),
    /// Something about the link.
    Link(LinkEvent),
    /// The run ended before its plan; nothing follows.
    Stopped(Stop),
}

/// Why a run ended before its plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The link broke, and how.
    LinkBroke(String),
    /// The recording was over.
    RecordingOver,
    /// The bound on the time of a run was reached.
    OutOfTime(Duration),
    /// A case failed, and the run was to end at the first failure.
    FirstFailure(String),
    /// Somebody interrupted it.
    Interrupted,
}

impl std::fmt::Display for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Stop::LinkBroke(why) => write!(f, "the link broke: {why}"),
            Stop::RecordingOver => f.write_str("the recording was over"),
            Stop::OutOfTime(bound) => write!(f, "the run was bounded to {}", Quantity::from_duration(*bound)),
            Stop::FirstFailure(case) => write!(f, "the run ended at the first failure, `{case}`"),
            Stop::Interrupted => f.write_str("the run was interrupted"),
        }
    }
}
