//! The fault in questions and replies on a serial line.

use std::collections::VecDeque;
use std::time::Duration;

use super::content::is_of_content;
use super::{Arrival, Faulty};
use crate::decode::{Decoded, RequestContext};
use crate::definition::{Envelope, MessageKey, Outcome};
use crate::fault::{Act, ReplyFault, RequestFault};
use crate::link::Link;
use crate::time::Instant;
use crate::wire::BusFrame;
use crate::wire::modbus;
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
    foreign: Option<Foreign>,
    /// The reply before.
    previous: Option<Vec<u8>>,
}

#[derive(Debug)]
struct Foreign {
    /// When it is plain that nobody answers; `None` before the question has left.
    due: Option<Instant>,
    question: Vec<u8>,
    address: u8,
    /// The question has been put to the battery.
    asked: bool,
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

impl<L: Link> Faulty<'_, L> {
    /// Takes note of what is asked; answers what the battery is to hear.
    pub(super) fn question(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.exchange.echo = bytes.to_vec();
        self.exchange.foreign = None;
        if matches!(self.protocol.envelope, Envelope::PylonAscii { .. }) {
            self.exchange.asked.feed(bytes);
            while let Some(found) = self.exchange.asked.poll() {
                if let DeframerEvent::Frame { bytes, .. } = found {
                    self.open(&bytes);
                }
            }
        }
        let Act::Request(fault) = self.fault.operator.act else {
            return bytes.to_vec();
        };
        match (fault, self.protocol.envelope) {
            (RequestFault::BadChecksum, Envelope::ModbusRtu | Envelope::Voltronic) => {
                match bytes.split_last_chunk::<2>() {
                    Some((body, _)) => self.instead(bytes, modbus::with_crc(body.to_vec())),
                    None => bytes.to_vec(),
                }
            }
            (_, Envelope::PylonAscii { .. }) => self.mistaken(fault, bytes),
            _ => bytes.to_vec(),
        }
    }

    fn instead(&mut self, asked: &[u8], heard: Vec<u8>) -> Vec<u8> {
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

    fn open(&mut self, question: &[u8]) {
        let (_, context) = self.decoder.request(question);
        if context.command.is_some() {
            self.exchange.open.push_back(context);
            if self.exchange.open.len() > MAX_OPEN {
                self.exchange.open.pop_front();
            }
        }
    }

    /// What becomes of bytes from the battery.
    pub(super) fn reply(&mut self, arrival: Arrival) -> Vec<Arrival> {
        let BusFrame::Serial(bytes) = &arrival.frame else {
            return vec![arrival];
        };
        if *bytes == self.exchange.echo {
            return vec![arrival];
        }
        if !matches!(self.protocol.envelope, Envelope::PylonAscii { .. }) {
            return self.modbus_reply(&arrival, bytes.clone());
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
    fn read(&mut self, bytes: &[u8]) -> Option<(RequestContext, Decoded<'_>)> {
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
            let mut content = std::mem::take(&mut self.content);
            let changed = self.read(bytes).and_then(|(_, decoded)| {
                let normal = decoded.return_code == 0;
                normal.then(|| content.changed(&fault, protocol, &decoded)).flatten()
            });
            self.content = content;
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
        self.changed += u64::from(
            !changed
                .as_ref()
                .is_some_and(|changed| changed.frame == arrival.frame && changed.at == arrival.at),
        );
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
            ReplyFault::Late => {
                let longest = self.protocol.timing.as_ref().map_or(WAIT, |timing| timing.fail);
                Some(arrival.clone().later(longest + TOO_LATE))
            }
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

    fn modbus_reply(&mut self, arrival: &Arrival, bytes: Vec<u8>) -> Vec<Arrival> {
        let Act::Reply(fault) = self.fault.operator.act else {
            return vec![arrival.clone()];
        };
        let previous = self.exchange.previous.replace(bytes.clone());
        self.changed += 1;
        match fault {
            ReplyFault::Missing => Vec::new(),
            ReplyFault::Late => {
                let longest = self.protocol.timing.as_ref().map_or(WAIT, |timing| timing.fail);
                vec![arrival.clone().later(longest + TOO_LATE)]
            }
            _ => {
                let changed = modbus_instead(fault, self.protocol.envelope, &bytes, previous);
                vec![arrival.with(BusFrame::Serial(changed.unwrap_or(bytes)))]
            }
        }
    }
}

/// The Modbus reply that comes instead; `None` where the fault does not concern it.
pub(super) fn modbus_instead(
    fault: ReplyFault,
    envelope: Envelope,
    bytes: &[u8],
    previous: Option<Vec<u8>>,
) -> Option<Vec<u8>> {
    let (body, crc) = bytes.split_last_chunk::<2>()?;
    let refused = body.get(1)? & 0x80 != 0;
    // Where the registers begin: behind address, function and the count of bytes.
    let head = if envelope == Envelope::Voltronic { 4 } else { 3 };
    let edited = |edit: &dyn Fn(&mut Vec<u8>) -> Option<()>| {
        let mut body = body.to_vec();
        edit(&mut body)?;
        Some(modbus::with_crc(body))
    };
    let recount = |body: &mut Vec<u8>| {
        let count = body.len().checked_sub(head)?;
        *body.get_mut(head - 1)? = u8::try_from(count & 0xFF).ok()?;
        Some(())
    };
    match fault {
        ReplyFault::Crc => Some([body, &[crc[0] ^ 1, crc[1]]].concat()),
        ReplyFault::CrcExchanged => Some([body, &[crc[1], crc[0]]].concat()),
        ReplyFault::Truncated => Some(bytes.get(..bytes.len() / 2)?.to_vec()),
        ReplyFault::Previous => previous,
        ReplyFault::Address => edited(&|body| body.first_mut().map(|address| *address = address.wrapping_add(1))),
        ReplyFault::ErrorCode if refused => edited(&|body| body.get_mut(2).map(|code| *code = code.wrapping_add(1))),
        _ if refused => None,
        ReplyFault::RegisterCount => edited(&|body| body.get_mut(head - 1).map(|count| *count = count.wrapping_add(2))),
        ReplyFault::RegistersShifted => edited(&|body| {
            if body.len() < head + 2 {
                return None;
            }
            body.drain(head..head + 2);
            body.extend([0, 0]);
            Some(())
        }),
        ReplyFault::Short => edited(&|body| {
            body.pop()?;
            recount(body)
        }),
        ReplyFault::Trailing => edited(&|body| {
            body.push(0xA5);
            recount(body)
        }),
        _ => None,
    }
}
