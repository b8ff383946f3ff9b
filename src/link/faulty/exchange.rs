//! The fault in questions and replies on a serial line: what both framings share, and ASCII frames.

use std::collections::VecDeque;
use std::time::Duration;

use super::content::is_of_content;
use super::registers::Registers;
use super::{Arrival, Faulty};
use crate::decode::{Decoded, RequestContext};
use crate::definition::{Envelope, MessageKey, Outcome};
use crate::fault::{Act, ReplyFault, RequestFault};
use crate::link::Link;
use crate::time::Instant;
use crate::wire::BusFrame;
use crate::wire::pylon_ascii::{self, Deframer, DeframerEvent, PylonFlaw, PylonFrame};

/// So many questions may be open at a time.
const MAX_OPEN: usize = 64;
/// A battery that is asked and does not answer has had this long; the longest known takes 50 ms.
const NO_ANSWER: Duration = Duration::from_millis(120);
/// A reply that is too late comes so much after the last moment.
const TOO_LATE: Duration = Duration::from_millis(100);
/// The longest time for a reply where the definition says nothing.
const WAIT: Duration = Duration::from_millis(500);

/// What is remembered of questions and replies.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    /// Cuts what is asked.
    asked: Deframer,
    /// Cuts what comes.
    came: Deframer,
    /// The first byte of what has come and is not a whole frame yet.
    began: Option<Instant>,
    /// Questions that may still be answered.
    open: VecDeque<RequestContext>,
    /// The bytes of the last question, which the line may give back.
    echo: Vec<u8>,
    /// A question to somebody else: when to put it to the battery, and how.
    pub(super) foreign: Option<Foreign>,
    /// The reply before.
    pub(super) previous: Option<Vec<u8>>,
    /// What only Modbus lines have.
    pub(super) registers: Registers,
}

/// A question to somebody else.
#[derive(Debug)]
pub(super) struct Foreign {
    /// When it is plain that nobody answers; `None` before the question has left.
    pub(super) due: Option<Instant>,
    /// What the battery is asked then.
    pub(super) question: Vec<u8>,
    /// Who was asked.
    pub(super) address: u8,
    /// The question has been put to the battery.
    pub(super) asked: bool,
}

impl Exchange {
    /// The question has left.
    pub(super) fn sent(&mut self, until: Instant) {
        if let Some(foreign) = &mut self.foreign
            && foreign.due.is_none()
        {
            foreign.due = Some(until.after(NO_ANSWER));
        }
    }

    /// A question of somebody else that nobody answered.
    pub(super) fn due_question(&mut self, now: Instant) -> Option<Vec<u8>> {
        let foreign = self.foreign.as_mut()?;
        if foreign.asked || foreign.due.is_none_or(|due| due > now) {
            return None;
        }
        foreign.asked = true;
        Some(foreign.question.clone())
    }

    /// When there may be a question to send.
    pub(super) fn next(&self) -> Option<Instant> {
        self.foreign.as_ref().filter(|foreign| !foreign.asked)?.due
    }
}

impl<'p, L: Link> Faulty<'p, L> {
    /// Takes note of what is asked; answers what the battery is to hear.
    pub(super) fn question(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.exchange.echo = bytes.to_vec();
        self.exchange.foreign = None;
        if self.protocol.is_modbus() {
            return self.register_question(bytes);
        }
        if matches!(self.protocol.envelope, Envelope::PylonAscii { .. }) {
            self.exchange.asked.feed(bytes);
            while let Some(found) = self.exchange.asked.poll() {
                if let DeframerEvent::Frame { bytes, .. } = found {
                    self.open(&bytes);
                }
            }
            if let Act::Request(fault) = self.fault.operator.act {
                return self.mistaken(fault, bytes);
            }
        }
        bytes.to_vec()
    }

    /// The battery takes what is asked for something else.
    pub(super) fn instead(&mut self, asked: &[u8], heard: Vec<u8>) -> Vec<u8> {
        self.changed += u64::from(asked != heard);
        heard
    }

    /// The question that the battery takes an ASCII frame for.
    fn mistaken(&mut self, fault: RequestFault, bytes: &[u8]) -> Vec<u8> {
        let Ok(frame) = pylon_ascii::parse(bytes) else {
            return bytes.to_vec();
        };
        match fault {
            RequestFault::BadChecksum => {
                let only_checksum =
                    |fault: &pylon_ascii::PylonFault| matches!(fault, pylon_ascii::PylonFault::Checksum { .. });
                if frame.is_sound() || !frame.faults.iter().all(only_checksum) {
                    return bytes.to_vec();
                }
                self.instead(bytes, frame.emit())
            }
            RequestFault::UnknownCommand if frame.is_sound() && self.protocol.command(frame.cid2).is_none() => {
                let known = self.protocol.messages.iter().find_map(|message| match message.key {
                    MessageKey::Command(code) if message.request.is_empty() && message.danger.is_none() => Some(code),
                    _ => None,
                });
                let heard = known.and_then(|code| PylonFrame::new(frame.ver, frame.adr, frame.cid1, code, &[]));
                match heard {
                    Some(heard) => self.instead(bytes, heard.emit()),
                    None => bytes.to_vec(),
                }
            }
            RequestFault::ForeignAddress if frame.is_sound() && self.protocol.command(frame.cid2).is_some() => {
                let own = self
                    .protocol
                    .addresses
                    .as_ref()
                    .and_then(|addresses| addresses.system.first());
                if let Some(own) = own.filter(|own| **own != frame.adr) {
                    // A pack is named by its address in the data too.
                    let info: Vec<u8> = frame
                        .info
                        .iter()
                        .map(|byte| if *byte == frame.adr { *own } else { *byte })
                        .collect();
                    let question = PylonFrame::new(frame.ver, *own, frame.cid1, frame.cid2, &info);
                    self.exchange.foreign = question.map(|question| Foreign {
                        due: None,
                        question: question.emit(),
                        address: frame.adr,
                        asked: false,
                    });
                }
                bytes.to_vec()
            }
            RequestFault::UnknownCommand | RequestFault::ForeignAddress => bytes.to_vec(),
        }
    }

    /// Takes note of a question that may be answered.
    pub(super) fn open(&mut self, question: &[u8]) -> RequestContext {
        let (_, context) = self.decoder.request(question);
        if context.command.is_some() {
            self.exchange.open.push_back(context.clone());
            if self.exchange.open.len() > MAX_OPEN {
                self.exchange.open.pop_front();
            }
        }
        context
    }

    /// What becomes of bytes from the battery.
    pub(super) fn reply(&mut self, arrival: Arrival) -> Vec<Arrival> {
        let BusFrame::Serial(bytes) = &arrival.frame else {
            return vec![arrival];
        };
        if *bytes == self.exchange.echo {
            return vec![arrival];
        }
        if self.protocol.is_modbus() {
            return self.registers_came(&arrival, bytes);
        }
        let began = *self.exchange.began.get_or_insert(arrival.at);
        self.exchange.came.feed(bytes);
        let mut out = Vec::new();
        let mut whole = false;
        while let Some(found) = self.exchange.came.poll() {
            whole = true;
            let (DeframerEvent::Frame { bytes, .. } | DeframerEvent::Discarded { bytes, .. }) = &found;
            let each = Arrival {
                at: began,
                until: arrival.until,
                frame: BusFrame::Serial(bytes.clone()),
            };
            match found {
                DeframerEvent::Frame { bytes, .. } => out.extend(self.ascii_reply(each, &bytes)),
                DeframerEvent::Discarded { .. } => out.push(each),
            }
        }
        if whole {
            self.exchange.began = None;
        }
        out
    }

    /// The reply as the definition reads it: with the question that it fits best, of several the latest.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Option<(RequestContext, Decoded<'p>)> {
        let wrong = |decoded: &Decoded<'_>| {
            let failing = decoded
                .warnings
                .iter()
                .filter(|finding| finding.outcome == Outcome::Fail);
            decoded.errors.len() + failing.count()
        };
        let contexts = self.exchange.open.iter().enumerate().rev();
        let best = contexts.min_by_key(|(_, context)| wrong(&self.decoder.reply(bytes, Some(context))));
        let index = best.map(|(index, _)| index)?;
        let context = self.exchange.open.get(index).cloned()?;
        // Those before it will not be answered any more.
        self.exchange.open.drain(..=index);
        let decoded = self.decoder.reply(bytes, Some(&context));
        Some((context, decoded))
    }

    /// The time by which a reply is too late for certain.
    pub(super) fn too_late(&self) -> Duration {
        self.protocol.timing.as_ref().map_or(WAIT, |timing| timing.fail) + TOO_LATE
    }

    fn ascii_reply(&mut self, arrival: Arrival, bytes: &[u8]) -> Option<Arrival> {
        let Ok(frame) = pylon_ascii::parse(bytes) else {
            return Some(arrival);
        };
        if let Some(foreign) = self.exchange.foreign.take_if(|foreign| foreign.asked) {
            self.changed += 1;
            let answer = PylonFrame::new(frame.ver, foreign.address, frame.cid1, frame.cid2, &frame.info)?;
            return Some(arrival.with(BusFrame::Serial(answer.emit())));
        }
        // Somebody has answered.
        self.exchange.foreign = None;
        let previous = self.exchange.previous.replace(bytes.to_vec());
        let (fault, protocol) = (self.fault.clone(), self.protocol);
        if is_of_content(&fault) {
            let read = self.read(bytes).filter(|(_, decoded)| decoded.return_code == 0);
            let changed = read.and_then(|(_, decoded)| self.content.changed(&fault, protocol, &decoded, None));
            let Some(data) = changed else { return Some(arrival) };
            let reply = PylonFrame::new(frame.ver, frame.adr, frame.cid1, frame.cid2, &data)?;
            self.changed += 1;
            return Some(arrival.with(BusFrame::Serial(reply.emit())));
        }
        let Act::Reply(wrong) = fault.operator.act else {
            return Some(arrival);
        };
        let (context, _) = self.read(bytes)?;
        let here = match fault.place.message() {
            Some(key) => context.command.map(MessageKey::Command) == Some(key),
            None => true,
        };
        if !here {
            return Some(arrival);
        }
        let changed = self.ascii_instead(wrong, &arrival, &frame, &context, previous);
        self.count(&arrival, changed)
    }

    /// What comes instead of a reply; counted where it is another one.
    pub(super) fn count(&mut self, arrival: &Arrival, changed: Option<Arrival>) -> Option<Arrival> {
        let same = |changed: &Arrival| changed.frame == arrival.frame && changed.at == arrival.at;
        self.changed += u64::from(!changed.as_ref().is_some_and(same));
        changed
    }

    /// The ASCII reply that comes instead.
    fn ascii_instead(
        &self,
        fault: ReplyFault,
        arrival: &Arrival,
        frame: &PylonFrame,
        context: &RequestContext,
        previous: Option<Vec<u8>>,
    ) -> Option<Arrival> {
        let bytes = |bytes: Vec<u8>| Some(arrival.with(BusFrame::Serial(bytes)));
        let again = |ver, adr, cid2, info: &[u8]| {
            let frame = PylonFrame::new(ver, adr, frame.cid1, cid2, info)?;
            Some(arrival.with(BusFrame::Serial(frame.emit())))
        };
        let normal = frame.cid2 == 0;
        match fault {
            ReplyFault::Checksum => bytes(frame.emit_with(&[PylonFlaw::Checksum(frame.checksum ^ 1)])),
            ReplyFault::Length => bytes(frame.emit_with(&[PylonFlaw::Length(frame.lenid() + 2)])),
            ReplyFault::LengthChecksum => {
                let sent = (frame.length >> 12) as u8;
                bytes(frame.emit_with(&[PylonFlaw::LengthChecksum(sent ^ 1)]))
            }
            ReplyFault::Address => again(frame.ver, frame.adr.wrapping_add(1), frame.cid2, &frame.info),
            ReplyFault::CommandEchoed if normal => again(frame.ver, frame.adr, context.command?, &frame.info),
            ReplyFault::ErrorCode if !normal => {
                let codes = &self.protocol.return_codes;
                let at = codes.iter().position(|code| code.code == i64::from(frame.cid2))?;
                // The next code that refuses.
                let refusing = codes.iter().cycle().skip(at + 1).find(|code| code.code != 0)?;
                again(frame.ver, frame.adr, u8::try_from(refusing.code).ok()?, &frame.info)
            }
            ReplyFault::Version => again(frame.ver.wrapping_add(1), frame.adr, frame.cid2, &frame.info),
            ReplyFault::Missing => None,
            ReplyFault::Late => Some(arrival.clone().later(self.too_late())),
            ReplyFault::Truncated => {
                let half = frame.characters.len() / 2;
                bytes(frame.characters.get(..half)?.to_vec())
            }
            ReplyFault::Short if normal => {
                let (_, short) = frame.info.split_last()?;
                again(frame.ver, frame.adr, frame.cid2, short)
            }
            ReplyFault::Trailing if normal => {
                let mut long = frame.info.clone();
                long.push(0xA5);
                again(frame.ver, frame.adr, frame.cid2, &long)
            }
            ReplyFault::Previous => bytes(previous.unwrap_or_else(|| frame.characters.clone())),
            _ => Some(arrival.clone()),
        }
    }
}
