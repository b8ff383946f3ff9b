//! A checked conformance suite.

use std::time::Duration;

use crate::definition::{Expression, Grade, Message, Origin, Protocol};
use crate::value::Quantity;
use crate::wire::BusFrame;

/// A file of cases.
#[derive(Clone, Debug)]
pub struct Suite {
    /// Its name: `pylon-can/limits`.
    pub name: String,
    /// What it is about, in words.
    pub title: String,
    /// The protocol that its cases run on; `None` for suites that run on every protocol that carries their fields.
    pub protocol: Option<String>,
    /// The cases in the order of the file.
    pub cases: Vec<Case>,
    /// Where it stands.
    pub origin: Origin,
}

/// A test case.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its name in the suite, in kebab case.
    pub id: String,
    /// What it demands, in words.
    pub title: String,
    /// What it covers: requirements (`R-003`), settled questions (`Q-07`), and items of the definition
    /// (`pylon-can/0x351.charge_current_limit`).
    pub covers: Vec<String>,
    /// The profiles that it belongs to.
    pub profiles: Vec<Profile>,
    /// The case's facts are known no better than this.
    pub grade: Option<Grade>,
    /// The state in which it starts; empty: any state.
    pub given: Vec<Stimulus>,
    /// Whether the inverter's frames are sent during the case.
    pub keepalive: bool,
    /// What a target must be able to do, beyond what the steps show.
    pub needs: Vec<String>,
    /// The claim (PICS) without which the case is skipped.
    pub claim: Option<String>,
    /// What happens, in order.
    pub steps: Vec<Step>,
    /// Rules of the definition that this case breaks on purpose.
    pub allow: Vec<String>,
    /// Where it stands.
    pub origin: Origin,
}

impl Case {
    /// True for a case whose steps only watch: all of them begin together, and cases with the same state share one
    /// observation.
    pub fn only_watches(&self) -> bool {
        self.steps.iter().all(|step| step.action.is_watch())
    }

    /// True for a case that changes nothing: it watches, in whatever state the target is.
    pub fn is_passive(&self) -> bool {
        self.given.is_empty() && self.keepalive && self.only_watches()
    }
}

/// Where a case is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Profile {
    /// Continuous integration against the reference BMS.
    Ci,
    /// End of line: seconds per device.
    Eol,
    /// Certification: everything, no vacuous pass.
    Certification,
}

impl Profile {
    /// The profile's word in files and on the command line.
    pub const fn word(self) -> &'static str {
        match self {
            Profile::Ci => "ci",
            Profile::Eol => "eol",
            Profile::Certification => "certification",
        }
    }
}

/// Something that puts the target into a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stimulus {
    /// Back to the neutral state: awake, one pack, nothing active.
    Reset,
    /// A value of the battery, by its name in the stimulus vocabulary (`soc`, `cell_voltage_4`, `pack_2.current`).
    Set(String, Setting),
    /// The number of packs in parallel.
    Packs(u8),
    /// A pack of the bank no longer answers (or answers again).
    Online {
        /// The pack, from 1.
        pack: u8,
        /// Whether it answers.
        online: bool,
    },
    /// The battery sleeps, or wakes.
    Sleep(bool),
    /// The battery is switched off and on again.
    PowerCycle,
    /// A hand does something to a key, in the words of [`hands::key`](crate::link::stimulus::hands::key).
    Key(String),
    /// A person does something at the display, in the words of [`hands::panel`](crate::link::stimulus::hands::panel).
    Panel(String),
}

/// The value of a stimulus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// A quantity.
    Quantity(Quantity),
    /// A truth value: a condition is forced or released.
    Truth(bool),
    /// A word.
    Word(String),
}

/// One step of a case.
#[derive(Clone, Debug)]
pub struct Step {
    /// What happens.
    pub action: Action,
    /// Where it stands.
    pub origin: Origin,
}

/// What a step does or demands.
#[derive(Clone, Debug)]
pub enum Action {
    /// Changes the target's state.
    Stimulate(Vec<Stimulus>),
    /// Lets time pass.
    Wait(Duration),
    /// Lets much time pass: the inverter goes on, and what comes is neither recorded nor judged.
    Elapse(Duration),
    /// Demands what display and LEDs show at this moment, by their names in the [table](crate::link::look).
    Shows(Vec<(String, Setting)>),
    /// Sends or withholds the inverter's frames from here on.
    Keepalive(bool),
    /// Sends frames or bytes as they are.
    Send(Send),
    /// Demands a message.
    Expect(Expect),
    /// Demands that something does not come.
    Never(Never),
    /// Demands a cadence.
    Period(Period),
    /// Demands every core message of the definition within a time.
    AllMessages(Duration),
    /// Demands that the named rules were exercised (their condition held) and held while the given time passes.
    Rules(RulesHold),
    /// Demands that are watched at the same time; each is one of the five above.
    Together(Vec<Step>),
    /// Asks a question and judges what follows.
    Exchange(Exchange),
}

impl Action {
    /// True for a step that demands something, in whatever way it is judged.
    pub fn is_demand(&self) -> bool {
        self.is_watch() || matches!(self, Action::Shows(_) | Action::Exchange(_))
    }

    /// True for a demand that is judged by watching alone.
    pub fn is_watch(&self) -> bool {
        matches!(
            self,
            Action::Expect(_)
                | Action::Period(_)
                | Action::Never(_)
                | Action::AllMessages(_)
                | Action::Rules(_)
                | Action::Together(_)
        )
    }
}

/// Frames or bytes to send as they are.
#[derive(Clone, Debug)]
pub struct Send {
    /// What is sent.
    pub frames: Vec<BusFrame>,
    /// How many random frames, or random bytes on a serial line, are sent besides.
    pub random: u32,
    /// How often all of it is sent.
    pub times: u32,
    /// The pause after each frame.
    pub every: Duration,
}

/// A demand on a message that the BMS sends by itself.
#[derive(Clone, Debug)]
pub struct Expect {
    /// The message, by name or identifier as in the definition. `None` only in suites for all protocols: the message
    /// that carries the fields, found when the case is bound to a protocol.
    pub message: Option<String>,
    /// With a time: some message within it must match, and what comes before does not matter.
    /// Without: every one of the next `over` messages must match.
    pub within: Option<Duration>,
    /// How many messages are looked at, without `within`.
    pub over: u32,
    /// After the first match, every further message during this time must match too.
    pub holds: Option<Duration>,
    /// A match before this time has passed since the step began is a failure.
    pub not_before: Option<Duration>,
    /// Where a protocol carries none of the fields, the demand falls away; only in suites for all protocols.
    pub if_carried: bool,
    /// What must stand in it.
    pub content: Content,
}

/// What must stand in a message.
#[derive(Clone, Debug, Default)]
pub struct Content {
    /// Fields and what they must be.
    pub fields: Vec<(String, Demand)>,
    /// Demands on each pack's fields, when a reply holds several.
    pub packs: Vec<Vec<(String, Demand)>>,
    /// The exact bytes, `None` for a byte that does not matter.
    pub golden: Option<Vec<Option<u8>>>,
    /// The exact frame on a serial line, its end included.
    pub frame: Option<Vec<u8>>,
    /// The length of the data.
    pub length: Option<usize>,
    /// Expressions over the fields that must be true.
    pub that: Vec<Expression>,
}

impl Content {
    /// True when nothing is demanded of the content.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
            && self.packs.is_empty()
            && self.golden.is_none()
            && self.frame.is_none()
            && self.length.is_none()
            && self.that.is_empty()
    }
}

/// What a field must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Demand {
    /// This quantity, with an allowed difference.
    Is {
        /// The value.
        value: Quantity,
        /// The allowed difference; `None`: exact.
        tolerance: Option<Quantity>,
    },
    /// Within bounds.
    Range(Option<Quantity>, Option<Quantity>),
    /// A truth value (a pair counts as true when active).
    Truth(bool),
    /// A named state or a text.
    Word(String),
    /// Not available.
    Absent,
    /// The field is not in the message at all.
    Missing,
}

/// A demand that something does not come.
#[derive(Clone, Debug)]
pub struct Never {
    /// What must not come.
    pub what: Unwanted,
    /// For how long.
    pub during: Duration,
}

/// What must not come from the BMS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unwanted {
    /// Anything at all.
    Anything,
    /// Anything at all, while the inverter goes on asking on a bus where the battery only answers.
    Answer,
    /// A message of the definition or an identifier.
    Message(String),
    /// A frame with the id format that the protocol does not use.
    WrongIdFormat,
    /// A remote frame.
    Remote,
    /// An identifier that the definition does not list.
    UnknownId,
}

/// A demand on a cadence; what is `None` comes from the definition.
#[derive(Clone, Debug)]
pub struct Period {
    /// The message.
    pub message: String,
    /// The nominal period.
    pub is: Option<Duration>,
    /// The allowed relative difference of the mean.
    pub tolerance: Option<Quantity>,
    /// How many periods are observed.
    pub over: u32,
}

/// Rules that must have been exercised.
#[derive(Clone, Debug)]
pub struct RulesHold {
    /// Their names in the definition.
    pub rules: Vec<String>,
    /// How long they are watched.
    pub during: Duration,
}

/// A question and what must follow.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The question.
    pub request: Request,
    /// What must follow.
    pub reaction: Reply,
    /// How often the exchange is done.
    pub times: u32,
}

/// A question.
#[derive(Clone, Debug)]
pub struct Request {
    /// The command that is asked, or the Modbus function, for decoding the reply; `None` for bytes without meaning.
    pub command: Option<u8>,
    /// First register and count of what is read or written.
    pub registers: Option<(u16, u16)>,
    /// The address asked.
    pub address: u8,
    /// The bytes that go onto the line.
    pub bytes: Vec<u8>,
    /// Named parameters of the request (`pack`), for rules and counts of the reply.
    pub parameters: Vec<(String, i64)>,
    /// The bytes are sent in slices with this pause, when given.
    pub sliced: Option<Duration>,
}

impl Request {
    /// The messages of the definition that an answer holds, or parts of them: one command, or the blocks of the registers.
    pub fn messages<'p>(&self, protocol: &'p Protocol) -> Vec<&'p Message> {
        match self.registers {
            Some((start, count)) => protocol.blocks(start, count, None),
            None => self
                .command
                .and_then(|command| protocol.command(command))
                .into_iter()
                .collect(),
        }
    }

    /// The message of the definition that is asked for.
    pub fn message<'p>(&self, protocol: &'p Protocol) -> Option<&'p Message> {
        protocol.asked(self.command, self.registers, None)
    }
}

/// What must follow a question.
#[derive(Clone, Debug)]
pub enum Reply {
    /// A normal reply; within the definition's time unless said otherwise.
    Data {
        /// Its content.
        content: Box<Content>,
        /// The time to the first byte.
        within: Option<Duration>,
    },
    /// No reply during this time.
    Silence(Duration),
    /// What the definition says for this situation.
    Error(String),
    /// A reply with this return code and no data.
    ReturnCode(u8),
    /// Anything that is not broken (used to see that a target goes on serving).
    Whatever,
}
