//! What a fault is planted in, and all faults that a protocol can have.

use super::catalogue::{Act, CATALOGUE, FrameFault, Memory, Operator, ReplyFault, RequestFault, SessionFault};
use super::slot::Slot;
use super::{flag, value};
use crate::decode::{Decoded, Decoder, EncodeInput, FieldValue, RequestContext, encode};
use crate::definition::{Envelope, Field, Item, Layout, Message, MessageKey, Presence, Protocol, Reserved, Sender};
use crate::wire::can::CanFrame;
use crate::wire::modbus::Reply;
use crate::wire::pylon_ascii::PylonFrame;

/// A fault of the catalogue, in one place of a protocol.
#[derive(Clone, Debug)]
pub struct Fault {
    /// What is done.
    pub operator: &'static Operator,
    /// Where.
    pub place: Place,
}

/// Where a fault is planted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the protocol as a whole.
    Protocol,
    /// In one message.
    Message(MessageKey),
    /// In one field; a name with `{n}` is every field of that row.
    Field(MessageKey, String),
    /// In the reserved bits that the definition states together with those at this index of the message's layout.
    Reserved(MessageKey, usize),
}

impl Place {
    /// The message concerned.
    pub fn message(&self) -> Option<MessageKey> {
        match self {
            Place::Protocol => None,
            Place::Message(key) | Place::Field(key, _) | Place::Reserved(key, _) => Some(*key),
        }
    }

    /// The field concerned.
    pub fn field(&self) -> Option<&str> {
        match self {
            Place::Field(_, name) => Some(name),
            _ => None,
        }
    }
}

impl std::fmt::Display for Place {
    /// `0x351.charge_voltage_limit`, `0x359.reserved[2]`, `0x351`, `the protocol`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Place::Protocol => f.write_str("the protocol"),
            Place::Message(key) => key.fmt(f),
            Place::Field(key, name) => write!(f, "{key}.{name}"),
            Place::Reserved(key, index) => write!(f, "{key}.reserved[{index}]"),
        }
    }
}

impl std::fmt::Display for Fault {
    /// `byte-order in 0x351.charge_voltage_limit`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} in {}", self.operator.name, self.place)
    }
}

impl Fault {
    /// The message concerned, of the protocol that it was made for.
    pub fn message<'p>(&self, protocol: &'p Protocol) -> Option<&'p Message> {
        let key = self.place.message()?;
        protocol.messages.iter().find(|message| message.key == key)
    }

    /// The field concerned.
    pub fn field<'p>(&self, protocol: &'p Protocol) -> Option<&'p Field> {
        let name = self.place.field()?;
        let fields = self.message(protocol)?.fields();
        fields.into_iter().find(|field| field.name == name)
    }

    /// The reserved bits concerned.
    pub fn reserved<'p>(&self, protocol: &'p Protocol) -> Vec<&'p Reserved> {
        let (Place::Reserved(_, index), Some(message)) = (&self.place, self.message(protocol)) else {
            return Vec::new();
        };
        let all = &message.layout.reserved;
        let first = all.get(*index);
        let stated_with = |bits: &&Reserved| first.is_some_and(|first| first.origin.span == bits.origin.span);
        all.iter().filter(stated_with).collect()
    }
}

/// Every fault of the catalogue in every place of a protocol where there can be such a thing.
pub fn faults_of(protocol: &Protocol) -> Vec<Fault> {
    let mut faults = Vec::new();
    for operator in CATALOGUE {
        let mut add = |place| faults.push(Fault { operator, place });
        match operator.act {
            Act::Session(fault) if has_session_fault(protocol, fault) => add(Place::Protocol),
            Act::Request(fault) if has_request_fault(protocol, fault) => add(Place::Protocol),
            Act::Reply(fault) if has_reply_fault(protocol, fault) => add(Place::Protocol),
            _ => {}
        }
    }
    let sent = |message: &&Message| {
        message.from == Sender::Bms
            && message.presence != Presence::Refused
            && is_in_default(protocol, &message.variants)
    };
    for message in protocol.messages.iter().filter(sent) {
        faults.extend(faults_in(protocol, message));
    }
    faults
}

/// Whether the default variant, which is the one that is measured, has something.
fn is_in_default(protocol: &Protocol, variants: &[String]) -> bool {
    let default = protocol.variants.first();
    variants.is_empty() || default.is_some_and(|default| variants.contains(&default.name))
}

fn has_session_fault(protocol: &Protocol, fault: SessionFault) -> bool {
    let timeout = protocol.keepalive.as_ref().map(|keepalive| keepalive.timeout);
    match fault {
        SessionFault::StopsAfterAWhile => true,
        SessionFault::StopsWithoutKeepalive => timeout == Some(None) && !protocol.inverter.is_empty(),
        SessionFault::GoesOnWithoutKeepalive => timeout.is_some_and(|timeout| timeout.is_some()),
    }
}

fn has_request_fault(protocol: &Protocol, fault: RequestFault) -> bool {
    let ascii = matches!(protocol.envelope, Envelope::PylonAscii { .. });
    match fault {
        RequestFault::ForeignAddress => (ascii || protocol.is_modbus()) && protocol.addresses.is_some(),
        RequestFault::BadChecksum | RequestFault::UnknownCommand => ascii || protocol.is_modbus(),
    }
}

/// Whether a fault of replies is one of the protocol as a whole: which message is concerned does not matter.
fn is_of_protocol(fault: ReplyFault) -> bool {
    matches!(
        fault,
        ReplyFault::ErrorCode | ReplyFault::RefusalMissing | ReplyFault::Previous
    )
}

fn has_reply_fault(protocol: &Protocol, fault: ReplyFault) -> bool {
    let refuses = protocol.return_codes.len() > 2 || protocol.is_modbus();
    is_of_protocol(fault) && fault.fits(protocol.envelope) && (fault == ReplyFault::Previous || refuses)
}

/// The faults in one message.
fn faults_in(protocol: &Protocol, message: &Message) -> Vec<Fault> {
    let samples = Sample::all(protocol, message);
    let mut fields = unique(message.fields());
    fields.retain(|field| is_in_default(protocol, &field.variants));
    let mut faults = Vec::new();
    for operator in CATALOGUE {
        let mut add = |place| faults.push(Fault { operator, place });
        let place = |field: &Field| Place::Field(message.key, field.name.clone());
        match operator.act {
            Act::Field { fits, changes, .. } => {
                let mut bytes = Vec::new();
                for field in fields.iter().filter(|field| fits(field)) {
                    // One fault for each byte, however many flags it has.
                    if operator.name == "bits-reversed"
                        && let Some(byte) = samples.iter().find_map(|sample| sample.byte_of(field))
                    {
                        if bytes.contains(&byte) {
                            continue;
                        }
                        bytes.push(byte);
                    }
                    // What no sample shows is taken to be possible.
                    let mut shown = samples.iter().filter(|sample| sample.has(field)).peekable();
                    if shown.peek().is_none() || shown.any(|sample| sample.allows(field, changes[0])) {
                        add(place(field));
                    }
                }
            }
            Act::Memory(Memory::Frozen) => {
                for field in fields.iter().filter(|field| is_variable(field)) {
                    add(place(field));
                }
            }
            Act::Memory(Memory::Stale) if fields.iter().any(|field| is_variable(field)) => {
                add(Place::Message(message.key));
            }
            Act::Memory(Memory::EnableHeld) => {
                for field in fields.iter().filter(|field| flag::is_enable(field)) {
                    add(place(field));
                }
            }
            Act::Memory(Memory::LimitHeld) => {
                for field in fields.iter().filter(|field| field.name.ends_with("_current_limit")) {
                    add(place(field));
                }
            }
            Act::Reserved => {
                // Bits that are stated together are one fault.
                let reserved = &message.layout.reserved;
                for (index, bits) in reserved.iter().enumerate() {
                    let same = |other: &Reserved| other.origin.span == bits.origin.span;
                    if !reserved.iter().take(index).any(same) {
                        add(Place::Reserved(message.key, index));
                    }
                }
            }
            Act::Message { fits, .. } if fits(message) => add(Place::Message(message.key)),
            Act::Frame(fault) if has_frame_fault(message, fault) => add(Place::Message(message.key)),
            Act::Reply(fault)
                if !matches!(message.key, MessageKey::Can(_))
                    && !is_of_protocol(fault)
                    && fault.fits(protocol.envelope) =>
            {
                let data = !message.layout.is_empty() && message.length.send != Some(0);
                let needs_data = matches!(fault, ReplyFault::Short | ReplyFault::Trailing | ReplyFault::Truncated);
                if data || !needs_data {
                    add(Place::Message(message.key));
                }
            }
            _ => {}
        }
    }
    faults
}

/// The fields by name, each once: pages may repeat one.
fn unique(fields: Vec<&Field>) -> Vec<&Field> {
    let mut unique: Vec<&Field> = Vec::new();
    for field in fields {
        if unique.iter().all(|known| known.name != field.name) {
            unique.push(field);
        }
    }
    unique
}

/// What can be another value at another time.
fn is_variable(field: &Field) -> bool {
    use crate::definition::Kind;
    !matches!(field.kind, Kind::Constant { .. } | Kind::Text(_) | Kind::Version { .. })
        && (value::is_value(field) || flag::is_flag(field))
        && field.equals_request.is_none()
}

fn has_frame_fault(message: &Message, fault: FrameFault) -> bool {
    if !matches!(message.key, MessageKey::Can(_)) {
        return false;
    }
    match fault {
        FrameFault::Doubled
        | FrameFault::Late
        | FrameFault::Early
        | FrameFault::PeriodLonger
        | FrameFault::PeriodShorter
        | FrameFault::Jitter
        | FrameFault::OrderChanged => message.period.is_some(),
        FrameFault::LengthLong => message.length.send.is_some_and(|length| length < 8),
        FrameFault::Dropped
        | FrameFault::WrongId
        | FrameFault::WrongIdFormat
        | FrameFault::LengthShort
        | FrameFault::Remote => true,
    }
}

/// A message with neutral content, each counted row twice: it shows what lies beside what.
pub(super) struct Sample<'p> {
    pub(super) decoded: Decoded<'p>,
}

impl<'p> Sample<'p> {
    /// The samples of a message, one for each of its pages; none where its kind of bus has none.
    pub(super) fn all(protocol: &'p Protocol, message: &'p Message) -> Vec<Sample<'p>> {
        let pages = message.layout.items.iter().find_map(|item| match item {
            Item::Pages(pages) => Some(pages),
            _ => None,
        });
        let Some(pages) = pages else {
            return Sample::of(protocol, message, None).into_iter().collect();
        };
        let name = pages.key.name.as_str();
        let numbers = pages.pages.iter().map(|(number, _)| *number);
        numbers
            .filter_map(|number| Sample::of(protocol, message, Some((name, number))))
            .collect()
    }

    /// The sample of a message, with one of its pages where it has some.
    pub(super) fn of(protocol: &'p Protocol, message: &'p Message, page: Option<(&str, i64)>) -> Option<Sample<'p>> {
        let mut fields = Vec::new();
        if let Some((name, number)) = page {
            fields.push((name.to_string(), FieldValue::integer(number)));
        }
        counts(&message.layout.items, &mut fields);
        texts(&message.layout, &mut fields);
        let parameters = vec![("adr".to_string(), 2), ("pack".to_string(), 2)];
        let input = EncodeInput {
            fields,
            parameters: parameters.clone(),
            ..EncodeInput::default()
        };
        let data = encode(message, &input).ok()?;
        Sample::decoded(protocol, message, &data, parameters)
    }

    /// Some data of a message, as the definition reads it.
    pub(super) fn decoded(
        protocol: &'p Protocol,
        message: &'p Message,
        data: &[u8],
        parameters: Vec<(String, i64)>,
    ) -> Option<Sample<'p>> {
        let decoder = Decoder::new(protocol);
        let decoded = match (message.key, protocol.envelope) {
            (MessageKey::Can(id), _) => decoder.can(&CanFrame::data(id, data)?),
            (MessageKey::Command(command), Envelope::PylonAscii { ver, cid1 }) => {
                let frame = PylonFrame::new(ver, 2, cid1, 0, data)?;
                let request = RequestContext {
                    command: Some(command),
                    address: 2,
                    parameters,
                    registers: None,
                };
                decoder.reply(&frame.emit(), Some(&request))
            }
            (MessageKey::Registers(_), Envelope::ModbusRtu | Envelope::Voltronic) => {
                let variant = protocol.variants.first().map(|variant| variant.name.as_str());
                let function = protocol.registers.as_ref()?.read_function();
                let reply = Reply::Read {
                    framing: protocol.framing(variant),
                    data: data.to_vec(),
                };
                let request = RequestContext {
                    command: Some(function),
                    address: 2,
                    parameters,
                    registers: message.registers(),
                };
                decoder.reply(&reply.emit(2, function), Some(&request))
            }
            _ => return None,
        };
        Some(Sample { decoded })
    }

    /// The first byte that holds a field.
    fn byte_of(&self, field: &Field) -> Option<usize> {
        let found = self
            .decoded
            .fields
            .iter()
            .find(|found| found.field.name == field.name)?;
        Some(found.bytes.start)
    }

    fn has(&self, field: &Field) -> bool {
        self.decoded.fields.iter().any(|found| found.field.name == field.name)
    }

    /// Whether a change does something to a field.
    fn allows(&self, field: &Field, change: super::catalogue::Change) -> bool {
        let around = &self.decoded.fields;
        let mut here = around
            .iter()
            .enumerate()
            .filter(|(_, found)| found.field.name == field.name);
        here.any(|(index, _)| {
            let mut data = self.decoded.data.clone();
            Slot::new(around, index).is_some_and(|slot| change(&slot, &mut data).is_some())
        })
    }
}

/// Two repetitions of every counted row.
fn counts(items: &[Item], into: &mut Vec<(String, FieldValue)>) {
    for item in items {
        match item {
            Item::Repeat(repeat) => {
                if let Some(count) = &repeat.count_field {
                    into.push((count.name.clone(), FieldValue::integer(2)));
                }
                counts(&repeat.items, into);
            }
            Item::When(when) => counts(&when.items, into),
            Item::Field(_) | Item::Pages(_) => {}
        }
    }
}

/// Letters in every text.
fn texts(layout: &Layout, into: &mut Vec<(String, FieldValue)>) {
    for item in &layout.items {
        if let Item::Field(field) = item
            && value::is_text(field)
            && field.place.bytes > 1
        {
            let text: String = "PYLONTECH".chars().take(field.place.bytes - 1).collect();
            into.push((field.name.clone(), FieldValue::Text(text)));
        }
    }
}
