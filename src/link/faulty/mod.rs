//! A link with one wire fault in it: it composes around any link, also a live one.
//!
//! What comes from the battery is changed as the fault of the catalogue says; what the harness sends reaches the battery
//! as it is, except where the fault is that the battery mistakes a question for another one. The fault is planted by the
//! definition: a message is decoded, changed where a field lies, and put together again, with lengths and checksums that
//! fit unless the fault is about them. A recorder around this link sees the fault, one inside it does not.
//!
//! | file | subject |
//! |---|---|
//! | here | the link, and what it holds back |
//! | `broadcast` | CAN frames: identifiers, lengths, times |
//! | `content` | the data of one message |
//! | `exchange` | questions and replies on a serial line, in ASCII frames |
//! | `registers` | questions and replies on a Modbus line |
//!
//! ```
//! use bmscheck::definition::Library;
//! use bmscheck::fault::faults_of;
//! use bmscheck::link::{Link, Received, faulty::Faulty, line::Line};
//! use bmscheck::link::reference::{Reference, ReferenceOptions};
//! use bmscheck::time::Instant;
//!
//! let (library, _) = Library::load(None);
//! let protocol = library.protocol("pylon-can").unwrap();
//! let fault = faults_of(protocol).into_iter().find(|f| f.to_string() == "byte-order in 0x355.soc").unwrap();
//! let battery = Reference::start(&ReferenceOptions::new("pylon-can", Line::of(&protocol.bus))).unwrap();
//! let mut link = Faulty::new(battery, protocol, fault);
//! let mut frames = Vec::new();
//! while let Received::Frame { frame, .. } = link.receive(Instant::from_micros(4_000_000)).unwrap() {
//!     frames.push(frame.to_string());
//! }
//! // 50 % and 100 %, the first with its bytes in the other order.
//! assert!(frames.contains(&"355#0032640000000000".to_string()), "{frames:?}");
//! ```

mod broadcast;
mod content;
mod exchange;
mod registers;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

use super::{Link, LinkDescription, LinkError, Received};
use crate::decode::Decoder;
use crate::definition::{Grade, Protocol};
use crate::fault::{Act, Fault, SessionFault};
use crate::time::Instant;
use crate::wire::BusFrame;
use crate::wire::can::CanFrame;

use broadcast::Broadcast;
pub(crate) use broadcast::{early_copies, late_by};
pub(crate) use content::Content;
use exchange::Exchange;

/// The time after which a battery that stops after a while stops, from its first frame on.
const A_WHILE: Duration = Duration::from_secs(20);

/// A link with one fault in it.
#[derive(Debug)]
pub struct Faulty<'p, L> {
    link: L,
    protocol: &'p Protocol,
    fault: Fault,
    decoder: Decoder<'p>,
    content: Content,
    broadcast: Broadcast,
    exchange: Exchange,
    /// What comes later than it was sent, in order of time.
    held: VecDeque<Held>,
    /// When the first frame came.
    first: Option<Instant>,
    /// When the inverter last said something.
    inverter: Instant,
    /// When the inverter's frames are due that the fault sends by itself.
    sends: Vec<(CanFrame, Duration, Instant)>,
    changed: u64,
}

/// Something that came and is handed on later.
#[derive(Debug)]
struct Held {
    due: Instant,
    received: Received,
}

/// A frame with its times.
#[derive(Clone, Debug)]
struct Arrival {
    at: Instant,
    until: Instant,
    frame: BusFrame,
}

impl Arrival {
    fn later(self, by: Duration) -> Arrival {
        Arrival {
            at: self.at.after(by),
            until: self.until.after(by),
            frame: self.frame,
        }
    }

    fn with(&self, frame: BusFrame) -> Arrival {
        Arrival { frame, ..self.clone() }
    }
}

impl<'p, L: Link> Faulty<'p, L> {
    /// Plants a fault of `protocol` into a link.
    pub fn new(link: L, protocol: &'p Protocol, fault: Fault) -> Faulty<'p, L> {
        let now = link.now();
        let sends = match fault.operator.act {
            Act::Session(SessionFault::GoesOnWithoutKeepalive) => protocol
                .inverter
                .iter()
                .filter_map(|frame| Some((CanFrame::data(frame.id, &frame.payload)?, frame.every, now)))
                .collect(),
            _ => Vec::new(),
        };
        Faulty {
            link,
            protocol,
            fault,
            decoder: Decoder::new(protocol),
            content: Content::default(),
            broadcast: Broadcast::default(),
            exchange: Exchange::default(),
            held: VecDeque::new(),
            first: None,
            inverter: now,
            sends,
            changed: 0,
        }
    }

    /// The link without the fault.
    pub fn into_inner(self) -> L {
        self.link
    }

    /// How well the best known of the fields and bits is known that the fault has changed so far; `None` where none was.
    pub fn grade(&self) -> Option<Grade> {
        self.content.grade()
    }

    /// How often the fault has changed what came: 0 when the state for it never arose.
    pub fn changed(&self) -> u64 {
        self.changed
    }

    /// Whether the stream is cut off at this time.
    fn is_silent(&mut self, at: Instant) -> bool {
        let first = *self.first.get_or_insert(at);
        match self.fault.operator.act {
            Act::Session(SessionFault::StopsAfterAWhile) => at.since(first) > A_WHILE,
            Act::Session(SessionFault::StopsWithoutKeepalive) => {
                let goes_on = self
                    .protocol
                    .keepalive
                    .as_ref()
                    .map_or(A_WHILE, |keepalive| keepalive.goes_on);
                at.since(self.inverter) > goes_on / 2
            }
            _ => false,
        }
    }

    /// What becomes of a frame.
    fn take(&mut self, arrival: Arrival) {
        if self.is_silent(arrival.at) {
            self.changed += 1;
            return;
        }
        let out = match &arrival.frame {
            BusFrame::Can(_) => self.broadcast(arrival),
            BusFrame::Serial(_) => self.reply(arrival),
        };
        for arrival in out {
            self.hold(arrival);
        }
    }

    fn hold(&mut self, arrival: Arrival) {
        let due = arrival.until;
        let place = self
            .held
            .iter()
            .rposition(|held| held.due <= due)
            .map_or(0, |index| index + 1);
        let Arrival { at, until, frame } = arrival;
        let received = Received::Frame { at, until, frame };
        self.held.insert(place, Held { due, received });
    }

    /// Sends what the fault itself has to send.
    fn act(&mut self, now: Instant) -> Result<(), LinkError> {
        for (frame, every, next) in &mut self.sends {
            if *next <= now {
                self.link.send(&BusFrame::Can(*frame))?;
                *next = now.after(*every);
                self.changed += 1;
            }
        }
        if self.exchange.registers.silent_at().is_some_and(|at| at <= now) {
            for arrival in self.line_is_silent() {
                self.hold(arrival);
            }
        }
        if let Some(question) = self.exchange.due_question(now) {
            self.link.send(&BusFrame::Serial(question))?;
        }
        Ok(())
    }

    /// When something is to be done or handed on.
    fn next(&self) -> Option<Instant> {
        let held = self.held.front().map(|held| held.due);
        let sends = self.sends.iter().map(|(_, _, next)| *next);
        let silent = self.exchange.registers.silent_at();
        sends.chain(held).chain(self.exchange.next()).chain(silent).min()
    }
}

impl<L: Link> Link for Faulty<'_, L> {
    fn describe(&self) -> LinkDescription {
        let inner = self.link.describe();
        LinkDescription {
            name: format!("{} with {}", inner.name, self.fault),
            ..inner
        }
    }

    fn listens_only(&self) -> bool {
        self.link.listens_only()
    }

    fn elapse(&mut self, until: Instant, alive: &[BusFrame], every: Duration) -> Result<(), LinkError> {
        self.link.elapse(until, alive, every)
    }

    fn now(&self) -> Instant {
        self.link.now()
    }

    fn send(&mut self, frame: &BusFrame) -> Result<Instant, LinkError> {
        self.inverter = self.link.now();
        let until = match frame {
            BusFrame::Can(_) => self.link.send(frame)?,
            BusFrame::Serial(bytes) => {
                let asked = self.question(bytes);
                let until = self.link.send(&BusFrame::Serial(asked))?;
                self.exchange.sent(until);
                until
            }
        };
        self.inverter = self.inverter.max(until);
        Ok(until)
    }

    fn receive(&mut self, until: Instant) -> Result<Received, LinkError> {
        loop {
            let now = self.link.now();
            self.act(now)?;
            if self.held.front().is_some_and(|held| held.due <= now)
                && let Some(held) = self.held.pop_front()
            {
                return Ok(held.received);
            }
            let wake = self.next().map_or(until, |next| next.min(until));
            match self.link.receive(wake)? {
                Received::Nothing if wake >= until && self.next().is_none_or(|next| next > self.link.now()) => {
                    return Ok(Received::Nothing);
                }
                Received::Nothing => {}
                Received::Frame { at, until, frame } => self.take(Arrival { at, until, frame }),
                // What was held back will not be needed by anybody.
                other => return Ok(other),
            }
        }
    }
}
