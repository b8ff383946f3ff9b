//! From the events of a trace to what a judge looks at: whole messages, decoded, each with its times.
//!
//! On CAN a frame is a message. On a serial line bytes arrive in pieces: they are cut into frames, our own echo is taken
//! out, and an answer is read with the question that was asked last. Engine and judge observe through the same code, so
//! that a stored trace is seen as the live run saw it.

mod deframer;

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::rc::Rc;
use std::time::Duration;

use crate::decode::{Decoded, Decoder, Finding, RequestContext};
use crate::definition::{Bus, Envelope, MessageKey, Outcome, Protocol, is_read};
use crate::engine::{ClockSource, Event, EventKind, TraceHeader};
use crate::link::LinkEvent;
use crate::link::line::Line;
use crate::suite::{Setting, Stimulus};
use crate::time::Instant;
use crate::wire::BusFrame;
use crate::wire::can::{CanFrame, CanKind};
use crate::wire::modbus;

use deframer::{Cut, Deframer};

/// A pause after which a broken frame is given up (sheet pylon-rs485, "receiver resynchronisation", D).
const BROKEN_AFTER: Duration = Duration::from_millis(200);
/// A question in slices is put together up to this length, in bytes.
const MAX_QUESTION: usize = 4096;
/// So many questions of a flood may still be answered.
const MAX_OPEN: usize = 256;
/// So many pieces of the stream are remembered: more than the longest frame has characters.
const MAX_PIECES: usize = 8192;

/// What is found wrong with an answer to a question that had been given up.
const LATE: &str = "late-reply";

/// Something that a judge looks at.
#[derive(Clone, Debug)]
pub(crate) struct Observation<'p> {
    /// When.
    pub(crate) at: Instant,
    /// When it began: a CAN frame is stamped at its end, and was on its way before.
    pub(crate) begin: Instant,
    /// What.
    pub(crate) seen: Seen<'p>,
}

/// What a judge looks at.
#[derive(Clone, Debug)]
pub(crate) enum Seen<'p> {
    /// A whole message from the target.
    Heard(Rc<Heard<'p>>),
    /// Bytes from the target came, which may be part of a message.
    Bytes {
        /// When the last of them had arrived.
        until: Instant,
    },
    /// Bytes from the target that belong to no message.
    Noise(Rc<Noise>),
    /// The harness sent something.
    Sent {
        /// When the last bit had left.
        until: Instant,
        /// The message that it asks for, on a serial line.
        asked: Option<MessageKey>,
    },
    /// A stimulus took effect.
    Stimulated(Stimulus),
    /// A stimulus could not be given, and why.
    StimulusFailed(Stimulus, String),
    /// What display and LEDs show.
    Looked(Rc<[(String, Setting)]>),
    /// Nobody could tell what they show, and why.
    LookFailed(String),
    /// So much time has passed in which nothing was recorded.
    Elapsed,
    /// The link cannot vouch for what was seen around this time, and why.
    Disturbed(Disturbance),
}

/// A whole message from the target.
#[derive(Clone, Debug)]
pub(crate) struct Heard<'p> {
    /// The event that it began in.
    pub(crate) event: usize,
    /// When it was on the bus; of bytes the first one.
    pub(crate) at: Instant,
    /// When its last byte had arrived.
    pub(crate) until: Instant,
    /// The frame, or all bytes of it.
    pub(crate) frame: BusFrame,
    /// What the definition says of it.
    pub(crate) decoded: Decoded<'p>,
}

impl Heard<'_> {
    /// The message of the definition that it is.
    pub(crate) fn key(&self) -> Option<MessageKey> {
        self.decoded.message.map(|message| message.key)
    }

    /// Whether it answers a question that had been given up.
    pub(crate) fn is_late(&self) -> bool {
        self.decoded.errors.iter().any(|finding| finding.id == LATE)
    }

    /// Its name for people: `0x351`, or the unknown identifier.
    pub(crate) fn label(&self) -> String {
        match (self.decoded.message, &self.frame) {
            (Some(message), _) => message.key.to_string(),
            (None, BusFrame::Can(frame)) => format!("0x{}", frame.id),
            (None, BusFrame::Serial(_)) => "a reply".to_string(),
        }
    }
}

/// Bytes that belong to no message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Noise {
    /// The event that they began in.
    pub(crate) event: usize,
    /// The first of them.
    pub(crate) at: Instant,
    /// The bytes.
    pub(crate) bytes: Vec<u8>,
    /// Why they belong to no message.
    pub(crate) reason: String,
}

/// Why the link cannot vouch for what was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disturbance {
    /// Frames were lost.
    Lost,
    /// The clock jumped back.
    Clock,
    /// The controller was off the bus, or reported errors on it.
    Bus,
}

impl Disturbance {
    /// The disturbance in words.
    pub(crate) fn in_words(self) -> &'static str {
        match self {
            Disturbance::Lost => "the link lost frames",
            Disturbance::Clock => "the clock jumped back",
            Disturbance::Bus => "the controller reported trouble on the bus",
        }
    }
}

/// What a step says of the questions that go out in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Announced {
    /// The harness asks by itself, one question after the other.
    Nothing,
    /// One question, which counts as this one even if its bytes are broken.
    One {
        /// The command, if the bytes ask for one.
        command: Option<u8>,
        /// The registers, if the bytes ask for some.
        registers: Option<(u16, u16)>,
        /// The address asked.
        address: u8,
    },
    /// Whatever is sent, perhaps without waiting for answers.
    Any,
}

/// A question on its way.
#[derive(Clone, Debug)]
struct Question {
    bytes: Vec<u8>,
    /// What was asked: one question for each frame that went out together.
    contexts: Vec<RequestContext>,
    /// What the question gives when it is cut like an answer, as far as it has not come back yet: the line may give it
    /// back.
    echo: VecDeque<Vec<u8>>,
    /// Further slices may follow.
    open: bool,
    /// When its last bit had left.
    until: Instant,
    /// It has its answer: what comes then and cannot be read as a frame is noise of the line.
    answered: bool,
}

/// Turns events into observations.
#[derive(Debug)]
pub(crate) struct Observer<'p> {
    decoder: Decoder<'p>,
    protocol: &'p Protocol,
    deframer: Deframer,
    /// The pieces that the deframer was fed, by their place in the stream.
    pieces: VecDeque<Piece>,
    fed: u64,
    last_byte: Option<Instant>,
    question: Option<Question>,
    /// What was asked before that, and has not been answered.
    unanswered: Option<RequestContext>,
    /// The pause that ends a frame.
    pause: Duration,
    /// What the running step says of its questions.
    announced: Announced,
    /// The line has given back a question that no answer could equal.
    echoes: bool,
    out: VecDeque<Observation<'p>>,
}

#[derive(Clone, Copy, Debug)]
struct Piece {
    start: u64,
    length: u64,
    at: Instant,
    until: Instant,
    event: usize,
}

impl<'p> Observer<'p> {
    /// An observer of a trace with this header.
    pub(crate) fn new(protocol: &'p Protocol, header: &TraceHeader) -> Observer<'p> {
        let mut decoder = Decoder::new(protocol);
        if let Some(variant) = &header.variant {
            decoder = decoder.with_variant(variant);
        }
        Observer {
            decoder,
            protocol,
            deframer: Deframer::new(protocol),
            pieces: VecDeque::new(),
            fed: 0,
            last_byte: None,
            question: None,
            unanswered: None,
            pause: pause(protocol, header),
            announced: Announced::Nothing,
            echoes: false,
            out: VecDeque::new(),
        }
    }

    /// Takes the next event of the trace, which stands at `index`.
    pub(crate) fn handle_event(&mut self, index: usize, event: &Event) {
        match &event.kind {
            EventKind::Received {
                frame: BusFrame::Can(frame),
                ..
            } if frame.kind == CanKind::Error => {
                self.push(event.at, Seen::Disturbed(Disturbance::Bus));
            }
            EventKind::Received {
                frame: frame @ BusFrame::Can(can),
                until,
            } => {
                let heard = Heard {
                    event: index,
                    at: event.at,
                    until: *until,
                    frame: frame.clone(),
                    decoded: self.decoder.can(can),
                };
                self.out.push_back(Observation {
                    at: event.at,
                    begin: event.at.before(self.on_the_wire(can)),
                    seen: Seen::Heard(Rc::new(heard)),
                });
            }
            EventKind::Received {
                frame: BusFrame::Serial(bytes),
                until,
            } => {
                self.receive(index, event.at, *until, bytes);
            }
            EventKind::Sent { frame, until } => {
                if let BusFrame::Serial(bytes) = frame {
                    // What comes while a question goes out in slices is its echo, which goes on too.
                    if self.question.as_ref().is_none_or(|question| !question.open) {
                        self.flush();
                    }
                    self.asked(bytes, *until);
                }
                let asked = self.question.as_ref().and_then(|question| question.contexts.last());
                let asked = asked
                    .filter(|context| !self.protocol.is_modbus() || context.command.is_some_and(is_read))
                    .and_then(|context| self.decoder.asked(context))
                    .map(|message| message.key);
                self.push(event.at, Seen::Sent { until: *until, asked });
            }
            EventKind::Stimulated(stimulus) => self.push(event.at, Seen::Stimulated(stimulus.clone())),
            EventKind::StimulusFailed(stimulus, why) => {
                self.push(event.at, Seen::StimulusFailed(stimulus.clone(), why.clone()));
            }
            EventKind::Looked(shown) => self.push(event.at, Seen::Looked(shown.as_slice().into())),
            EventKind::LookFailed(why) => self.push(event.at, Seen::LookFailed(why.clone())),
            EventKind::Elapsed(_) => {
                self.flush();
                self.push(event.at, Seen::Elapsed);
            }
            EventKind::Link(link) => self.link(index, event.at, link),
            EventKind::StepStarted { .. } | EventKind::CaseEnded(_) | EventKind::Stopped(_) => {
                self.flush();
                if let Some(question) = &mut self.question {
                    question.open = false;
                }
            }
            EventKind::CasePlanned(_) | EventKind::CaseStarted(_) | EventKind::CaseSkipped(..) => {}
        }
    }

    /// The next observation, in the order in which things happened.
    #[must_use]
    pub(crate) fn poll_observation(&mut self) -> Option<Observation<'p>> {
        self.out.pop_front()
    }

    /// Whether the line gives back what is sent, as half-duplex adapters do.
    pub(crate) fn hears_itself(&self) -> bool {
        self.echoes
    }

    /// Gives up a message that has not ended: the line is silent, or somebody else speaks.
    pub(crate) fn flush(&mut self) {
        self.deframer.idle();
        self.drain();
    }

    /// How long a frame occupies the bus.
    fn on_the_wire(&self, frame: &CanFrame) -> Duration {
        match self.protocol.bus {
            Bus::Can { bitrate, .. } => Line::Can { bitrate }.can_frame(frame),
            Bus::Serial { .. } => Duration::ZERO,
        }
    }

    fn push(&mut self, at: Instant, seen: Seen<'p>) {
        self.out.push_back(Observation { at, begin: at, seen });
    }

    fn noise(&mut self, event: usize, at: Instant, bytes: Vec<u8>, reason: String) {
        let noise = Noise {
            event,
            at,
            bytes,
            reason,
        };
        self.push(at, Seen::Noise(Rc::new(noise)));
    }

    fn link(&mut self, index: usize, at: Instant, link: &LinkEvent) {
        match link {
            LinkEvent::FramesLost(_) => self.push(at, Seen::Disturbed(Disturbance::Lost)),
            LinkEvent::ClockJumpedBack(_) => self.push(at, Seen::Disturbed(Disturbance::Clock)),
            LinkEvent::Bus(_) => self.push(at, Seen::Disturbed(Disturbance::Bus)),
            LinkEvent::Discarded { bytes, reason } => self.noise(index, at, bytes.clone(), reason.clone()),
            LinkEvent::Echo => {}
        }
    }

    fn asked(&mut self, bytes: &[u8], until: Instant) {
        // A question that goes out in slices is one question: it ends with the frame's end.
        let before = self.question.take();
        let bytes = match &before {
            Some(question) if question.open && question.bytes.len() < MAX_QUESTION => {
                [question.bytes.as_slice(), bytes].concat()
            }
            _ => {
                self.unanswered = before
                    .as_ref()
                    .filter(|question| !question.answered)
                    .and_then(|question| question.contexts.last().cloned());
                bytes.to_vec()
            }
        };
        let mut cut = Deframer::new(self.protocol);
        cut.feed(&bytes);
        cut.idle();
        let mut contexts: Vec<RequestContext> = Vec::new();
        let mut echo = VecDeque::new();
        while let Some(found) = cut.poll() {
            if found.noise.is_none() && self.protocol.envelope != Envelope::None {
                contexts.push(self.decoder.request(&found.bytes).1);
            }
            echo.push_back(found.bytes);
        }
        self.announce(&mut contexts);
        if let (Announced::Any, Some(before)) = (self.announced, before) {
            contexts.splice(..0, before.contexts);
            let excess = contexts.len().saturating_sub(MAX_OPEN);
            contexts.drain(..excess);
        }
        self.deframer.expect(contexts.last());
        let open = !self.is_whole(&bytes);
        self.question = Some(Question {
            bytes,
            contexts,
            echo,
            open,
            until,
            answered: false,
        });
    }

    /// What the case says of its only question counts more than what its bytes say: they may be broken on purpose.
    fn announce(&self, contexts: &mut Vec<RequestContext>) {
        let Announced::One {
            command,
            registers,
            address,
        } = self.announced
        else {
            return;
        };
        if contexts.is_empty() {
            contexts.push(RequestContext {
                parameters: vec![
                    ("adr".to_string(), i64::from(address)),
                    ("pack".to_string(), i64::from(address)),
                ],
                ..RequestContext::default()
            });
        }
        if let [only] = contexts.as_mut_slice() {
            only.command = command.or(only.command);
            only.registers = registers.or(only.registers);
            only.address = address;
        }
    }

    /// Says what the step that begins asks.
    pub(crate) fn expect_question(&mut self, announced: Announced) {
        self.announced = announced;
    }

    /// Reads an answer that began at `at`; `None` for bytes that are none. Of several questions that are open it answers
    /// the first that fits.
    fn read_answer(&mut self, bytes: &[u8], at: Instant) -> Option<Decoded<'p>> {
        let contexts = self
            .question
            .as_ref()
            .map_or(&[][..], |question| question.contexts.as_slice());
        let best = contexts
            .iter()
            .enumerate()
            .map(|(index, context)| (index, self.decoder.reply(bytes, Some(context))))
            .min_by_key(|(_, decoded)| faults(decoded));
        let early = self.question.as_ref().is_some_and(|question| at < question.until);
        let fits = best.as_ref().is_some_and(|(_, decoded)| faults(decoded) == 0);
        if (early || !fits)
            && let Some(late) = self.late_answer(bytes)
        {
            return Some(late);
        }
        let decoded = match best {
            None => self.decoder.reply(bytes, None),
            Some((index, decoded)) => {
                if let Some(question) = &mut self.question
                    && question.contexts.len() > index + 1
                {
                    // Those before it will not be answered any more.
                    question.contexts.drain(..=index);
                }
                decoded
            }
        };
        (!self.is_noise(&decoded)).then_some(decoded)
    }

    /// An answer to the question before: it does not fit the last one, or had begun before that had left.
    fn late_answer(&mut self, bytes: &[u8]) -> Option<Decoded<'p>> {
        let before = self.unanswered.as_ref()?;
        let mut decoded = self.decoder.reply(bytes, Some(before));
        if faults(&decoded) > 0 {
            return None;
        }
        self.unanswered = None;
        decoded.errors.push(Finding {
            id: LATE.into(),
            outcome: Outcome::Fail,
            grade: self.protocol.grade,
            text: "it answers the question before, which had been given up".into(),
            field: None,
            bytes: 0..0,
        });
        Some(decoded)
    }

    /// Whether bytes between the marks of a frame are none, at a time at which nothing is to come. A broken answer to an
    /// open question is a broken answer.
    fn is_noise(&mut self, decoded: &Decoded<'p>) -> bool {
        let unreadable = decoded.errors.iter().any(|finding| finding.id == "frame");
        match &mut self.question {
            None => unreadable,
            Some(question) if unreadable => question.answered,
            Some(question) => {
                question.answered = question.contexts.len() <= 1;
                false
            }
        }
    }

    /// Whether a question is at its end, so that the next bytes are another one.
    fn is_whole(&self, bytes: &[u8]) -> bool {
        match self.protocol.envelope {
            Envelope::PylonAscii { .. } => bytes.last() == Some(&b'\r') || bytes.first() != Some(&b'~'),
            _ => true,
        }
    }

    fn receive(&mut self, index: usize, at: Instant, until: Instant, bytes: &[u8]) {
        if self.last_byte.is_some_and(|last| at.since(last) > self.pause) {
            self.flush();
        }
        self.last_byte = Some(until);
        self.push(at, Seen::Bytes { until });
        self.pieces.push_back(Piece {
            start: self.fed,
            length: bytes.len() as u64,
            at,
            until,
            event: index,
        });
        self.fed += bytes.len() as u64;
        self.deframer.feed(bytes);
        self.drain();
    }

    /// Takes what the deframer has found.
    fn drain(&mut self) {
        while let Some(found) = self.deframer.poll() {
            if self.is_echo(&found.bytes) {
                continue;
            }
            let Cut { offset, bytes, noise } = found;
            let (event, at) = self.place(offset);
            match noise.filter(|_| !self.is_broken_answer(&bytes)) {
                None => {
                    let (_, until) = self.place(offset + bytes.len() as u64 - 1);
                    let Some(decoded) = self.read_answer(&bytes, at) else {
                        let reason = "no frame, and no question is open".to_string();
                        self.noise(event, at, bytes, reason);
                        continue;
                    };
                    let heard = Heard {
                        event,
                        at,
                        until,
                        frame: BusFrame::Serial(bytes),
                        decoded,
                    };
                    self.push(at, Seen::Heard(Rc::new(heard)));
                }
                Some(reason) => self.noise(event, at, bytes, reason),
            }
        }
        while self.pieces.len() > MAX_PIECES {
            self.pieces.pop_front();
        }
    }

    /// Whether bytes without a right CRC are an answer all the same: they begin like one. An ASCII frame shows its end by
    /// itself, whatever its checksum.
    fn is_broken_answer(&self, bytes: &[u8]) -> bool {
        let open = self.question.as_ref().filter(|question| !question.answered);
        let asked = open.and_then(|question| question.contexts.last());
        let (Some(asked), [address, function, _, _, ..], true) = (asked, bytes, self.protocol.is_modbus()) else {
            return false;
        };
        let function = function & !modbus::function::EXCEPTION;
        *address == asked.address && asked.command.is_none_or(|command| command == function)
    }

    /// Takes our own question out of what came, where the line gives it back.
    ///
    /// Limitation: an answer with return code 90 can be equal to a question with command 90, the confirmation of a written
    /// register is, and a read of one register can be. Where such a question was asked, the copy counts as echo only on a
    /// line that has given back other questions.
    fn is_echo(&mut self, bytes: &[u8]) -> bool {
        let Some(question) = &mut self.question else {
            return false;
        };
        if question.echo.front().is_none_or(|expected| expected != bytes) {
            return false;
        }
        let is_code = |command: u8| {
            self.protocol
                .return_codes
                .iter()
                .any(|known| known.code == i64::from(command))
        };
        let ambiguous = match self.protocol.is_modbus() {
            true => question.contexts.iter().any(|context| {
                let own = context.command == Some(modbus::function::WRITE_ONE);
                let count = context.registers.map_or(0, |(_, count)| count);
                own || modbus::ReplyFraming::recognise(bytes, count).is_some()
            }),
            false => question
                .contexts
                .iter()
                .filter_map(|context| context.command)
                .any(is_code),
        };
        if ambiguous && !self.echoes {
            return false;
        }
        self.echoes = true;
        question.echo.pop_front();
        true
    }

    /// The event and the time of the byte at `offset` of the stream.
    fn place(&self, offset: u64) -> (usize, Instant) {
        let piece = self
            .pieces
            .iter()
            .rev()
            .find(|piece| piece.start <= offset)
            .or(self.pieces.front());
        match piece {
            None => (0, Instant::ZERO),
            Some(piece) => {
                let inside = offset.saturating_sub(piece.start);
                let steps = piece.length.saturating_sub(1).max(1);
                let span = u64::try_from(piece.until.since(piece.at).as_micros()).unwrap_or(u64::MAX);
                let into = span.saturating_mul(inside) / steps;
                (piece.event, piece.at.after(Duration::from_micros(into)))
            }
        }
    }
}

/// What is wrong with an answer.
fn faults(decoded: &Decoded<'_>) -> usize {
    let warnings = decoded
        .warnings
        .iter()
        .filter(|finding| finding.outcome == Outcome::Fail);
    decoded.errors.len() + warnings.count()
}

/// The pause after which a message that has not ended never will.
///
/// On a Modbus line that is 3.5 characters (counted here from the end of one character to that of the next), but only
/// where times are exact: an operating system hands bytes on in portions, with pauses that were not on the line.
fn pause(protocol: &Protocol, header: &TraceHeader) -> Duration {
    let Bus::Serial { baud, .. } = protocol.bus else {
        return BROKEN_AFTER;
    };
    match NonZeroU32::new(baud) {
        Some(rate) if protocol.is_modbus() && header.clock == ClockSource::Virtual => {
            modbus::silent_interval(rate) + Line::Serial { baud }.bytes(1)
        }
        _ => BROKEN_AFTER,
    }
}
