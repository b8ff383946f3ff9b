//! That something does not come.

use std::rc::Rc;

use crate::definition::{Bus, Grade, Message, Outcome, Sender};
use crate::document::scalar;
use crate::suite::{Never, Unwanted, is_askable};
use crate::time::Instant;
use crate::wire::BusFrame;
use crate::wire::can::{CanFrame, CanKind};

use super::{Around, cut_short};
use crate::judge::content::evidence;
use crate::judge::observe::{Heard, Observation, Seen};
use crate::judge::ruling::{Context, Ruling};
use crate::judge::timing::words;

/// Demands that something does not come in (start, start + during]. The first that comes decides.
#[derive(Debug)]
pub(crate) struct NeverMachine<'p> {
    demand: Never,
    context: Context<'p>,
    start: Instant,
    around: Around,
    offence: Option<Offence<'p>>,
}

#[derive(Debug)]
enum Offence<'p> {
    Message(Rc<Heard<'p>>),
    Bytes(String),
}

impl<'p> NeverMachine<'p> {
    pub(crate) fn new(demand: Never, context: Context<'p>, start: Instant) -> NeverMachine<'p> {
        NeverMachine {
            demand,
            context,
            start,
            around: Around::default(),
            offence: None,
        }
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.start.after(self.demand.during)
    }

    pub(crate) fn is_done(&self) -> bool {
        self.offence.is_some()
    }

    /// What is asked although no answer may come.
    pub(crate) fn wanted(&self) -> Vec<&'p Message> {
        let protocol = self.context.protocol;
        if self.demand.what != Unwanted::Answer || self.is_done() {
            return Vec::new();
        }
        let askable = |message: &&Message| message.danger.is_none() && is_askable(message);
        protocol.messages.iter().filter(askable).collect()
    }

    pub(crate) fn observe(&mut self, observation: &Observation<'p>) {
        if self.is_done() || observation.begin <= self.start || observation.at > self.deadline() {
            return;
        }
        self.around.note(observation);
        match &observation.seen {
            Seen::Heard(heard) if self.is_unwanted(heard) => self.offence = Some(Offence::Message(Rc::clone(heard))),
            Seen::Noise(noise) if matches!(self.demand.what, Unwanted::Anything | Unwanted::Answer) => {
                self.offence = Some(Offence::Bytes(crate::wire::hex_spaced(&noise.bytes)));
            }
            _ => {}
        }
    }

    /// Whether a number of the protocol is used, in either width: other nodes of the bus may send what they like on
    /// their own.
    fn is_number_of_protocol(&self, frame: &CanFrame) -> bool {
        let number = frame.id.number();
        let protocol = self.context.protocol;
        protocol.messages.iter().any(|message| message.key.number() == number)
            || protocol.inverter.iter().any(|frame| frame.id.number() == number)
            || protocol.forbidden_ids.iter().any(|(id, _)| id.number() == number)
    }

    fn is_unwanted(&self, heard: &Heard<'p>) -> bool {
        let can: Option<&CanFrame> = match &heard.frame {
            BusFrame::Can(frame) => Some(frame),
            BusFrame::Serial(_) => None,
        };
        match &self.demand.what {
            Unwanted::Anything | Unwanted::Answer => true,
            Unwanted::Message(reference) => {
                // An identifier means the frame with that number, whatever the definition calls it and in either
                // format; a name means the message.
                let by_number = scalar::code(reference)
                    .zip(can)
                    .is_some_and(|(code, frame)| i64::from(frame.id.number()) == code);
                let by_name = self
                    .context
                    .protocol
                    .message_by_reference(reference)
                    .is_some_and(|message| heard.key() == Some(message.key));
                by_number || by_name
            }
            Unwanted::WrongIdFormat => {
                let extended = matches!(self.context.protocol.bus, Bus::Can { extended: true, .. });
                can.is_some_and(|frame| frame.id.is_extended() != extended && self.is_number_of_protocol(frame))
            }
            Unwanted::Remote => {
                can.is_some_and(|frame| frame.kind == CanKind::Remote && self.is_number_of_protocol(frame))
            }
            Unwanted::UnknownId => can.is_some_and(|frame| !self.is_listed(frame)),
        }
    }

    /// Whether the definition lists the identifier, in its own format, among what the battery sends.
    fn is_listed(&self, frame: &CanFrame) -> bool {
        self.context
            .protocol
            .can_message(frame.id)
            .is_some_and(|message| message.from == Sender::Bms)
    }

    fn words(&self) -> String {
        match &self.demand.what {
            Unwanted::Anything => "anything".into(),
            Unwanted::Answer if self.context.protocol.asks() => "an answer".into(),
            Unwanted::Answer => "anything".into(),
            Unwanted::Message(reference) => reference.clone(),
            Unwanted::WrongIdFormat => "an identifier of the other format".into(),
            Unwanted::Remote => "a remote frame".into(),
            Unwanted::UnknownId => "an identifier that the definition does not list".into(),
        }
    }

    /// How well the prohibition is known, and what breaking it amounts to.
    fn grade(&self) -> (Outcome, Grade) {
        let protocol = self.context.protocol;
        match &self.demand.what {
            Unwanted::Message(reference) => {
                let code = scalar::code(reference);
                let forbidden = protocol
                    .forbidden_ids
                    .iter()
                    .find(|(id, _)| Some(i64::from(id.number())) == code);
                let grade = match (forbidden, protocol.message_by_reference(reference)) {
                    (Some((_, grade)), _) => *grade,
                    (None, Some(message)) => message.grade,
                    (None, None) => protocol.grade,
                };
                (Outcome::Fail, grade)
            }
            Unwanted::UnknownId => protocol.other_ids,
            Unwanted::Anything | Unwanted::Answer => (Outcome::Fail, protocol.grade),
            // Receivers ignore such frames: wrong in every reading.
            Unwanted::WrongIdFormat | Unwanted::Remote => (Outcome::Fail, Grade::A),
        }
    }

    pub(crate) fn finish(self, now: Instant) -> Vec<Ruling> {
        let (outcome, grade) = self.grade();
        let what = format!("never {}", self.words());
        let expected = format!("none for {}", words(self.demand.during));
        let ruling = match &self.offence {
            Some(Offence::Message(heard)) => {
                let actual = format!("{} after {}", heard.frame, words(heard.at.since(self.start)));
                self.context
                    .ruling_of(what, grade, expected, actual, outcome)
                    .with_evidence(evidence(heard, 0..0))
            }
            Some(Offence::Bytes(bytes)) => {
                self.context
                    .ruling_of(what, grade, expected, format!("bytes {bytes}"), outcome)
            }
            None => {
                let actual = if self.around.is_empty() {
                    "nothing came".to_string()
                } else {
                    "none".to_string()
                };
                let ruling = self.context.ruling(what, grade, expected, actual, true).by_silence();
                match self.around.excuse() {
                    Some(why) => ruling.unjudged(why),
                    None if now < self.deadline() => {
                        let why = cut_short(self.start, now, self.deadline());
                        ruling.unjudged(&why)
                    }
                    None => ruling,
                }
            }
        };
        vec![ruling]
    }
}
