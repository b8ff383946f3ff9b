//! Where bytes come from.
//!
//! | file | subject |
//! |---|---|
//! | [`reference`] | the reference BMS in process, in virtual time |
//! | [`socketcan`] | a CAN interface of the Linux kernel |
//! | [`serial`] | a serial port or a pseudo-terminal |
//! | [`pty`] | a new pseudo-terminal, for emulation |
//! | [`replay`] | a recorded capture |
//! | [`faulty`] | a wire fault around any other link |
//! | [`target`] | what a user names as the target, and the link that it becomes |
//! | [`emulate`] | the reference BMS in real time, on CAN, a serial port or a pseudo-terminal |
//! | [`battery`] | the reference BMS with what a bench must remember of it |
//! | [`line`] | how long frames and bytes occupy a line |
//! | [`stimulus`] | the vocabulary of stimuli |
//! | [`control`] | the control protocol: stimuli as JSON lines |
//! | [`fixture`] | how stimuli reach a target |
//!
//! A link owns the clock of its bus: [`Link::receive`] lets time pass, in virtual time at once, on a wire by waiting.

pub mod battery;
mod clock;
pub mod control;
pub mod emulate;
pub mod faulty;
pub mod fixture;
pub mod line;
pub mod look;
pub mod pty;
pub mod reference;
pub mod replay;
pub mod serial;
pub mod socketcan;
pub mod stimulus;
pub mod target;

use std::time::Duration;

use crate::engine::ClockSource;
use crate::suite::{Setting, Stimulus};
use crate::time::Instant;
use crate::wire::BusFrame;

/// A bus with a target on it.
pub trait Link: Send {
    /// What the link is, for traces and reports.
    fn describe(&self) -> LinkDescription;

    /// True for a link that nothing can be sent on (a recording): then [`send`](Link::send) always fails.
    fn listens_only(&self) -> bool {
        false
    }

    /// The present time of the bus clock.
    fn now(&self) -> Instant;

    /// Sends a frame or bytes. Answers when the last bit had left, as well as that is known.
    ///
    /// # Errors
    /// The link broke, or does not carry such frames.
    fn send(&mut self, frame: &BusFrame) -> Result<Instant, LinkError>;

    /// Waits for the next thing that happens, until a point in time at the latest.
    ///
    /// # Errors
    /// The link broke.
    fn receive(&mut self, until: Instant) -> Result<Received, LinkError>;

    /// Lets time pass until then: an inverter is there, which sends these frames so often, and nothing that the battery
    /// says is received. Only simulated time can be made to pass.
    ///
    /// # Errors
    /// Time passes by itself here.
    fn elapse(&mut self, _until: Instant, _alive: &[BusFrame], _every: Duration) -> Result<(), LinkError> {
        Err(LinkError::Other {
            name: self.describe().name,
            reason: "time passes here by itself".to_string(),
            help: "`elapse` is for the reference BMS in simulated time".to_string(),
        })
    }
}

/// What came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// Nothing until the given time; the clock stands there now.
    Nothing,
    /// A frame or bytes.
    Frame {
        /// When it arrived: for bytes the first one.
        at: Instant,
        /// When the last byte had arrived.
        until: Instant,
        /// What arrived.
        frame: BusFrame,
    },
    /// Something about the link itself.
    Event(Instant, LinkEvent),
    /// A recording is over: nothing will ever come.
    End,
}

/// Something about a link that a verdict must know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkEvent {
    /// The kernel or the recording lost frames: how many, where known.
    FramesLost(Option<u32>),
    /// Time stamps jumped back by so much.
    ClockJumpedBack(Duration),
    /// The controller reports a bus condition (`error passive`, `bus off` ...).
    Bus(String),
    /// Bytes on a serial line that belong to no frame, and why they were dropped.
    Discarded {
        /// The bytes.
        bytes: Vec<u8>,
        /// The reason.
        reason: String,
    },
    /// The line gives back what is sent (a half-duplex adapter that hears itself). It is said once; the copies stay among
    /// what was received and are taken out by the judge.
    Echo,
}

/// What a link is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkDescription {
    /// In words: `reference BMS`, `can:can0`, `serial:/dev/ttyUSB0@9600`.
    pub name: String,
    /// True for the in-tree reference BMS.
    pub reference: bool,
    /// Where time stamps come from.
    pub clock: ClockSource,
    /// How finely times are known.
    pub resolution: Duration,
}

/// A link that broke or could not be opened: never the fault of the battery's protocol.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The interface or port does not exist.
    #[error("`{name}` does not exist")]
    Missing {
        /// Interface or port.
        name: String,
        /// What to do.
        help: String,
    },
    /// It exists, but is down.
    #[error("`{name}` is down")]
    Down {
        /// Interface or port.
        name: String,
        /// What to do.
        help: String,
    },
    /// Somebody else holds it.
    #[error("`{name}` is in use by another program")]
    Busy {
        /// Interface or port.
        name: String,
        /// What to do.
        help: String,
    },
    /// No permission.
    #[error("no permission to open `{name}`")]
    Permission {
        /// Interface or port.
        name: String,
        /// What to do.
        help: String,
    },
    /// It vanished in mid-run.
    #[error("`{name}` is gone: {reason}")]
    Gone {
        /// Interface or port.
        name: String,
        /// What the system said.
        reason: String,
        /// What to do.
        help: String,
    },
    /// Anything else the system said.
    #[error("`{name}`: {reason}")]
    Other {
        /// Interface or port.
        name: String,
        /// What the system said.
        reason: String,
        /// What to do.
        help: String,
    },
}

/// How stimuli reach a target.
pub trait Fixture: Send {
    /// In words, for reports: `reference BMS`, `none`, `exec:simulate`.
    fn describe(&self) -> String;

    /// What it can do: some of [`CAPABILITIES`](stimulus::CAPABILITIES).
    fn capabilities(&self) -> Vec<String>;

    /// Puts the target into a state.
    ///
    /// # Errors
    /// What could not be done, in words; the case becomes `inconclusive`, never `fail`.
    fn apply(&mut self, now: Instant, stimulus: &Stimulus) -> Result<(), String>;

    /// What display and LEDs show: each of these things, beside what it is expected to show.
    ///
    /// # Errors
    /// Why nobody can tell, in words; the case becomes `inconclusive`, never `fail`.
    fn look(&mut self, now: Instant, expected: &[(String, Setting)]) -> Result<Vec<(String, Setting)>, String>;

    /// How long a stimulus takes until it shows on the wire, beyond the protocol's own period.
    fn settle(&self) -> Duration;
}
