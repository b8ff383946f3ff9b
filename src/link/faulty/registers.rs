//! The fault in questions and replies on a Modbus line.

use std::time::Duration;

use super::content::is_of_content;
use super::exchange::Foreign;
use super::{Arrival, Faulty};
use crate::decode::RequestContext;
use crate::definition::{MessageKey, Protocol, is_read};
use crate::fault::{Act, ReplyFault, RequestFault};
use crate::link::Link;
use crate::time::Instant;
use crate::wire::BusFrame;
use crate::wire::modbus::{self, Awaited, Parsed, Received, Receiver, Reply, ReplyFraming, Request, function};

/// A silence after which bytes that are no awaited answer are handed on: longer than any between two bytes of a frame.
const SILENCE: Duration = Duration::from_millis(20);

/// What is remembered of questions and replies on a Modbus line.
#[derive(Debug, Default)]
pub(super) struct Registers {
    /// Cuts what comes.
    receiver: Receiver,
    /// When the bytes that are not cut yet began and ended.
    pending: Option<(Instant, Instant)>,
    /// The function asked, where the battery was made to hear another one.
    mistaken: Option<u8>,
}

impl Registers {
    /// When what has come is handed on, whatever it is.
    pub(super) fn silent_at(&self) -> Option<Instant> {
        self.pending.map(|(_, until)| until.after(SILENCE))
    }
}

impl<L: Link> Faulty<'_, L> {
    /// Takes note of what is asked; answers what the battery is to hear.
    pub(super) fn register_question(&mut self, bytes: &[u8]) -> Vec<u8> {
        let context = self.open(bytes);
        self.exchange.registers.mistaken = None;
        self.exchange
            .registers
            .receiver
            .expect(context.command.map(|function| Awaited {
                address: context.address,
                function,
                count: context.registers.map(|(_, count)| count),
            }));
        let (Act::Request(fault), Ok(parsed)) = (self.fault.operator.act, modbus::parse_request(bytes)) else {
            return bytes.to_vec();
        };
        let sound = parsed.faults.is_empty();
        match fault {
            RequestFault::BadChecksum => match bytes.split_last_chunk::<2>() {
                Some((body, _)) => self.instead(bytes, modbus::with_crc(body.to_vec())),
                None => bytes.to_vec(),
            },
            RequestFault::UnknownCommand if sound && !serves(self.protocol, parsed.function) => {
                match known_question(self.protocol) {
                    Some(question) => {
                        self.exchange.registers.mistaken = Some(parsed.function);
                        self.instead(bytes, question.emit(parsed.address))
                    }
                    None => bytes.to_vec(),
                }
            }
            RequestFault::ForeignAddress if sound && serves(self.protocol, parsed.function) => {
                self.exchange.foreign = foreign(self.protocol, &parsed);
                bytes.to_vec()
            }
            RequestFault::UnknownCommand | RequestFault::ForeignAddress => bytes.to_vec(),
        }
    }

    /// What becomes of bytes from the battery.
    pub(super) fn registers_came(&mut self, arrival: &Arrival, bytes: &[u8]) -> Vec<Arrival> {
        let registers = &mut self.exchange.registers;
        let began = registers.pending.map_or(arrival.at, |(began, _)| began);
        registers.pending = Some((began, arrival.until));
        registers.receiver.feed(bytes);
        self.cut_registers()
    }

    /// The line is silent: what has come is whole.
    pub(super) fn line_is_silent(&mut self) -> Vec<Arrival> {
        self.exchange.registers.receiver.idle();
        self.cut_registers()
    }

    fn cut_registers(&mut self) -> Vec<Arrival> {
        let Some((at, until)) = self.exchange.registers.pending else {
            return Vec::new();
        };
        let mut out = Vec::new();
        while let Some(found) = self.exchange.registers.receiver.poll() {
            let (Received::Frame { bytes, .. } | Received::Rest { bytes, .. }) = &found;
            let arrival = Arrival {
                at,
                until,
                frame: BusFrame::Serial(bytes.clone()),
            };
            match found {
                Received::Frame { bytes, .. } => out.extend(self.register_reply(arrival, &bytes)),
                Received::Rest { .. } => out.push(arrival),
            }
        }
        if self.exchange.registers.receiver.pending().is_empty() {
            self.exchange.registers.pending = None;
        }
        out
    }

    fn register_reply(&mut self, arrival: Arrival, bytes: &[u8]) -> Option<Arrival> {
        if let Some(foreign) = self.exchange.foreign.take_if(|foreign| foreign.asked) {
            return self.count(&arrival, readdressed(&arrival, bytes, foreign.address));
        }
        // Somebody has answered.
        self.exchange.foreign = None;
        if let Some(function) = self.exchange.registers.mistaken.take() {
            return self.count(&arrival, renamed(&arrival, bytes, function));
        }
        let previous = self.exchange.previous.replace(bytes.to_vec());
        let (fault, protocol) = (self.fault.clone(), self.protocol);
        let Some((context, decoded)) = self.read(bytes) else {
            return Some(arrival);
        };
        let framing = framing(protocol, bytes, &context);
        let Ok(reply) = modbus::parse_reply(bytes, framing) else {
            return Some(arrival);
        };
        if is_of_content(&fault) {
            let data = match (&reply.content, reply.faults.is_empty()) {
                (Reply::Read { .. }, true) => self.content.changed(&fault, protocol, &decoded, context.registers),
                _ => None,
            };
            let Some(data) = data else { return Some(arrival) };
            let changed = Reply::Read { framing, data }.emit(reply.address, reply.function);
            return self.count(&arrival, Some(arrival.with(BusFrame::Serial(changed))));
        }
        let Act::Reply(wrong) = fault.operator.act else {
            return Some(arrival);
        };
        let asked = decoded.message.map(|message| message.key);
        if fault.place.message().is_some_and(|key| asked != Some(key)) {
            return Some(arrival);
        }
        let changed = match wrong {
            ReplyFault::Missing => None,
            ReplyFault::Late => Some(arrival.clone().later(self.too_late())),
            _ => {
                let bytes = reply_instead(wrong, &reply, bytes, &context, previous);
                Some(bytes.map_or_else(|| arrival.clone(), |bytes| arrival.with(BusFrame::Serial(bytes))))
            }
        };
        self.count(&arrival, changed)
    }
}

/// The reply that comes instead; `None` where the fault does not concern it.
pub(super) fn reply_instead(
    fault: ReplyFault,
    reply: &Parsed<Reply>,
    bytes: &[u8],
    context: &RequestContext,
    previous: Option<Vec<u8>>,
) -> Option<Vec<u8>> {
    let again = |content: Reply| Some(content.emit(reply.address, reply.function));
    let (body, crc) = bytes.split_last_chunk::<2>()?;
    match (fault, &reply.content) {
        (ReplyFault::Crc, _) => Some([body, &[crc[0] ^ 1, crc[1]]].concat()),
        (ReplyFault::CrcExchanged, _) => Some([body, &[crc[1], crc[0]]].concat()),
        (ReplyFault::Truncated, _) => Some(bytes.get(..bytes.len() / 2)?.to_vec()),
        (ReplyFault::Previous, _) => previous,
        (ReplyFault::Address, content) => Some(content.emit(reply.address.wrapping_add(1), reply.function)),
        (ReplyFault::ErrorCode, Reply::Exception { function, code }) => again(Reply::Exception {
            function: *function,
            code: code.wrapping_add(1),
        }),
        (ReplyFault::RefusalMissing, Reply::Exception { .. }) => {
            let (start, count) = context.registers?;
            let answer = match context.command? {
                function::WRITE_ONE => Reply::WriteOne {
                    register: start,
                    value: 0,
                },
                function::WRITE_SEVERAL => Reply::WriteSeveral { start, count },
                asked if is_read(asked) => Reply::Read {
                    framing: ReplyFraming::Standard,
                    data: vec![0; usize::from(count.min(READ_AT_MOST)) * 2],
                },
                _ => return None,
            };
            Some(answer.emit(reply.address, context.command?))
        }
        (ReplyFault::RegisterCount, Reply::Read { framing, .. }) => {
            let mut body = body.to_vec();
            let low = body.get_mut(1 + framing.width())?;
            *low = low.wrapping_add(if *framing == ReplyFraming::Words { 1 } else { 2 });
            Some(modbus::with_crc(body))
        }
        (ReplyFault::Framing, Reply::Read { framing, data }) => {
            let framing = match framing {
                ReplyFraming::Standard | ReplyFraming::WideBytes => ReplyFraming::Words,
                ReplyFraming::Words => ReplyFraming::WideBytes,
            };
            let data = data.clone();
            again(Reply::Read { framing, data })
        }
        (ReplyFault::RegistersShifted, Reply::Read { framing, data }) if data.len() >= 2 => {
            let shifted = data.get(2..)?.iter().copied().chain([0, 0]).collect();
            again(Reply::Read {
                framing: *framing,
                data: shifted,
            })
        }
        (ReplyFault::Short, Reply::Read { framing, data }) => {
            let short = data.get(..data.len().checked_sub(step(*framing))?)?;
            again(Reply::Read {
                framing: *framing,
                data: short.to_vec(),
            })
        }
        (ReplyFault::Trailing, Reply::Read { framing, data }) => {
            let mut data = data.clone();
            data.extend(&[0xA5, 0xA5][..step(*framing)]);
            again(Reply::Read {
                framing: *framing,
                data,
            })
        }
        _ => None,
    }
}

/// A reply holds so many registers at most.
const READ_AT_MOST: u16 = 125;

/// The least that a length field can tell more or less: a byte, or a register.
fn step(framing: ReplyFraming) -> usize {
    if framing == ReplyFraming::Words { 2 } else { 1 }
}

fn framing(protocol: &Protocol, bytes: &[u8], context: &RequestContext) -> ReplyFraming {
    context
        .registers
        .and_then(|(_, count)| ReplyFraming::recognise(bytes, count))
        .unwrap_or_else(|| protocol.framing(protocol.variants.first().map(|variant| variant.name.as_str())))
}

/// Whether a protocol answers a function with data.
fn serves(protocol: &Protocol, code: u8) -> bool {
    let rule = protocol.registers.as_ref().and_then(|map| map.function(code));
    rule.is_some_and(|rule| rule.exception.is_none())
}

/// A question that is answered with a register.
fn known_question(protocol: &Protocol) -> Option<Request> {
    let map = protocol.registers.as_ref()?;
    let start = protocol.messages.iter().find_map(|message| match message.key {
        MessageKey::Registers(first) => Some(first),
        _ => None,
    })?;
    Some(match map.read_function() {
        function::READ_INPUT => Request::ReadInput { start, count: 1 },
        _ => Request::ReadHolding { start, count: 1 },
    })
}

/// A question to somebody else, as one to the battery.
fn foreign(protocol: &Protocol, asked: &Parsed<Request>) -> Option<Foreign> {
    let system = &protocol.addresses.as_ref()?.system;
    let own = system.first().filter(|_| !system.contains(&asked.address))?;
    Some(Foreign {
        due: None,
        question: asked.content.emit(*own),
        address: asked.address,
        asked: false,
    })
}

/// A reply with another address.
fn readdressed(arrival: &Arrival, bytes: &[u8], address: u8) -> Option<Arrival> {
    with_byte(arrival, bytes, 0, address)
}

/// A reply to another function.
fn renamed(arrival: &Arrival, bytes: &[u8], function: u8) -> Option<Arrival> {
    with_byte(arrival, bytes, 1, function)
}

fn with_byte(arrival: &Arrival, bytes: &[u8], at: usize, byte: u8) -> Option<Arrival> {
    let (body, _) = bytes.split_last_chunk::<2>()?;
    let mut body = body.to_vec();
    *body.get_mut(at)? = byte;
    Some(arrival.with(BusFrame::Serial(modbus::with_crc(body))))
}
