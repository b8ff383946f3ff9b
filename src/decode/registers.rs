//! Modbus RTU and its relatives: requests, replies, exceptions; registers to fields and back.
//!
//! A reply does not say which registers it holds: it is read by its request. Any range can be asked for: the fields are
//! those whose registers all lie in it.

use std::collections::HashSet;

use super::can::finding;
use super::read::Window;
use super::write::{EncodeError, EncodeInput, encode};
use super::{Decoded, Decoder, Finding, RequestContext, Role};
use crate::definition::{
    Anchor, Danger, Envelope, Grade, Item, Message, Outcome, Place, Protocol, is_read, is_write, may_write,
};
use crate::wire::modbus::{self, ModbusFault, Parsed, Reply, ReplyFraming, Request, TooShort, function};

/// The finding on a field of which only some registers were asked for.
pub(crate) const CUT_FIELD: &str = "cut-field";

/// The parameter of a request that holds the value written by function 0x06.
const VALUE: &str = "value";

/// From so many registers on, the length of a reply hints at what it holds.
const TELLING: usize = 4;

impl<'p> Decoder<'p> {
    /// Decodes a question on a Modbus line.
    pub(super) fn register_request(&self, bytes: &[u8]) -> (Decoded<'p>, RequestContext) {
        let mut decoded = Decoded::empty(Role::Request);
        let mut context = RequestContext::default();
        let Some(parsed) = envelope(modbus::parse_request(bytes), &mut decoded) else {
            return (decoded, context);
        };
        context.command = Some(parsed.function);
        context.address = parsed.address;
        context.parameters = vec![("adr".to_string(), i64::from(parsed.address))];
        let written = match parsed.content {
            Request::ReadHolding { start, count } | Request::ReadInput { start, count } => {
                context.registers = Some((start, count));
                Vec::new()
            }
            Request::WriteOne { register, value } => {
                context.registers = Some((register, 1));
                context.parameters.push((VALUE.to_string(), i64::from(value)));
                value.to_be_bytes().to_vec()
            }
            Request::WriteSeveral { start, count, values } => {
                context.registers = Some((start, count));
                values.iter().flat_map(|value| value.to_be_bytes()).collect()
            }
            Request::Other { function, .. } => {
                let fits = ![
                    function::READ_HOLDING,
                    function::READ_INPUT,
                    function::WRITE_ONE,
                    function::WRITE_SEVERAL,
                ]
                .contains(&function);
                // Where the CRC is wrong already, the bytes say nothing certain.
                if !fits && decoded.errors.is_empty() {
                    let text = format!("the bytes do not fit a request of function 0x{function:02X}");
                    decoded.errors.push(finding("length", Outcome::Fail, Grade::A, text));
                }
                Vec::new()
            }
        };
        self.function_of_request(parsed.function, &context, &mut decoded);
        if let Some((start, count)) = context.registers {
            decoded.message = self.protocol.block(start, count, self.variant.as_deref());
            self.read_registers(start, written, &mut decoded);
        }
        (decoded, context)
    }

    /// Whether the definition serves what is asked.
    fn function_of_request(&self, code: u8, context: &RequestContext, decoded: &mut Decoded<'p>) {
        let Some(map) = &self.protocol.registers else { return };
        let mut warn = |id, grade, text| decoded.warnings.push(finding(id, Outcome::Warning, grade, text));
        let rule = map.function(code);
        match rule {
            None if !map.functions.is_empty() => {
                let text = format!("function 0x{code:02X} is none of {}", self.protocol.name);
                warn("unknown-function", self.protocol.grade, text);
            }
            Some(rule) if rule.exception.is_some() => {
                let text = format!("{} refuses function 0x{code:02X}", self.protocol.name);
                warn("unknown-function", rule.grade, text);
            }
            _ => {}
        }
        let Some((start, count)) = context.registers else {
            return;
        };
        if let Some(rule) = rule.filter(|rule| !rule.count.contains(&count)) {
            let (low, high) = (rule.count.start(), rule.count.end());
            let text = format!("{count} registers are asked, function 0x{code:02X} serves {low} to {high}");
            warn("quantity", rule.grade, text);
        }
        let refused = rule.is_some_and(|rule| rule.exception.is_some());
        if is_write(code) && !refused && !map.is_writable(start, count, code) {
            let text = format!("function 0x{code:02X} does not write all of {}", range(start, count));
            warn("read-only", self.protocol.grade, text);
        }
        if count > 0 && self.protocol.blocks(start, count, self.variant.as_deref()).is_empty() {
            let known = map.blocks.iter().any(|block| {
                block.registers.contains(&start) && block.registers.contains(&start.saturating_add(count - 1))
            });
            if !known {
                let text = format!("{} are no registers of {}", range(start, count), self.protocol.name);
                warn("unknown-registers", self.protocol.grade, text);
            }
        }
    }

    /// Decodes an answer on a Modbus line.
    pub(super) fn register_reply(&self, bytes: &[u8], request: Option<&RequestContext>) -> Decoded<'p> {
        let mut decoded = Decoded::empty(Role::Reply);
        let own = self.protocol.framing(self.variant.as_deref());
        let asked = request.and_then(|request| request.registers);
        let met = asked.and_then(|(_, count)| ReplyFraming::recognise(bytes, count));
        let Some(parsed) = envelope(modbus::parse_reply(bytes, met.unwrap_or(own)), &mut decoded) else {
            return decoded;
        };
        let Some(request) = request else {
            self.without_request(&parsed, &mut decoded);
            return decoded;
        };
        if parsed.address != request.address {
            let text = format!(
                "address {:02X} answers, asked was {:02X}",
                parsed.address, request.address
            );
            decoded
                .warnings
                .push(finding("reply-address", Outcome::Fail, Grade::A, text));
        }
        decoded.message = asked.and_then(|(start, count)| self.protocol.block(start, count, self.variant.as_deref()));
        let answered = parsed.function & !function::EXCEPTION;
        if request.command.is_some_and(|command| command != answered) {
            let text = format!(
                "function 0x{answered:02X} is answered, asked was 0x{:02X}",
                request.command.unwrap_or_default()
            );
            decoded.errors.push(finding("function", Outcome::Fail, Grade::A, text));
            return decoded;
        }
        match parsed.content {
            Reply::Exception { code, .. } => self.exception(code, &mut decoded),
            Reply::Read { data, framing } => {
                self.read_framing(framing, own, &mut decoded);
                self.read_reply(data, answered, asked, &mut decoded);
            }
            Reply::WriteOne { register, value } => {
                let wanted = request
                    .parameters
                    .iter()
                    .find(|(name, _)| name == VALUE)
                    .map(|(_, value)| *value);
                if asked.is_some_and(|asked| asked != (register, 1))
                    || wanted.is_some_and(|wanted| wanted != i64::from(value))
                {
                    let text =
                        format!("register 0x{register:04X} with 0x{value:04X} is confirmed, which was not asked");
                    decoded.errors.push(finding("echo", Outcome::Fail, Grade::A, text));
                }
            }
            Reply::WriteSeveral { start, count } => {
                if asked.is_some_and(|asked| asked != (start, count)) {
                    let text = format!("{} are confirmed, which were not asked", range(start, count));
                    decoded.errors.push(finding("echo", Outcome::Fail, Grade::A, text));
                }
            }
            Reply::Other { data, function } => {
                if is_read(function & !function::EXCEPTION) || is_write(function) || function & function::EXCEPTION != 0
                {
                    let text = format!("{} bytes do not fit a reply of function 0x{function:02X}", data.len());
                    decoded.errors.push(finding("length", Outcome::Fail, Grade::A, text));
                }
                decoded.data = data;
            }
        }
        decoded
    }

    /// What can be said of a reply whose question is not known.
    fn without_request(&self, parsed: &Parsed<Reply>, decoded: &mut Decoded<'p>) {
        match &parsed.content {
            // Which function was refused, and why, stands in the reply.
            Reply::Exception { code, .. } => self.exception(*code, decoded),
            Reply::WriteOne { register, .. } => {
                decoded.message = self.protocol.block(*register, 1, self.variant.as_deref())
            }
            Reply::WriteSeveral { start, count } => {
                decoded.message = self.protocol.block(*start, *count, self.variant.as_deref());
            }
            Reply::Read { data, .. } | Reply::Other { data, .. } => {
                decoded.role = Role::Unknown;
                decoded.data.clone_from(data);
                let mut text =
                    "a reply does not say which registers it holds, and its request is not there".to_string();
                if matches!(parsed.content, Reply::Read { .. }) {
                    text.push_str(&self.of_length(data.len()));
                }
                decoded
                    .warnings
                    .push(finding("no-request", Outcome::Information, Grade::A, text));
            }
        }
    }

    /// What a reply with so many bytes of data may hold. A few registers may be any.
    fn of_length(&self, length: usize) -> String {
        let fits = |block: &&Message| block.registers().is_some() && block.length.send == Some(length);
        let blocks: Vec<String> = self
            .protocol
            .messages
            .iter()
            .filter(fits)
            .map(|block| format!("{} ({})", block.key, block.name))
            .collect();
        match length / 2 {
            count if count >= TELLING && !blocks.is_empty() => {
                format!("; by its length it may be {}", blocks.join(" or "))
            }
            1 => "; it holds 1 register".to_string(),
            count => format!("; it holds {count} registers"),
        }
    }

    fn exception(&self, code: u8, decoded: &mut Decoded<'p>) {
        decoded.return_code = code;
        let known = &self.protocol.return_codes;
        if code == 0 {
            // The judge takes 0 for no exception.
            let text = "exception 00 says nothing".to_string();
            decoded
                .errors
                .push(finding("return-code", Outcome::Fail, Grade::A, text));
        } else if !known.is_empty() && !known.iter().any(|known| known.code == i64::from(code)) {
            let text = format!("{code:02X} is no exception of {}", self.protocol.name);
            decoded
                .warnings
                .push(finding("return-code", Outcome::Fail, Grade::A, text));
        }
    }

    /// The framing of a reply that is none of this protocol (voltronic-rs485 "Reply framings met in the field").
    fn read_framing(&self, met: ReplyFraming, own: ReplyFraming, decoded: &mut Decoded<'p>) {
        if met == own {
            return;
        }
        let words = |framing| match framing {
            ReplyFraming::Standard => "bytes in one byte",
            ReplyFraming::Words => "registers in two bytes",
            ReplyFraming::WideBytes => "bytes in two bytes",
        };
        let text = format!(
            "the length counts {}, {} counts {}",
            words(met),
            self.protocol.name,
            words(own)
        );
        // However little is known of the registers, the frames of Modbus are.
        let grade = match self.protocol.envelope {
            Envelope::ModbusRtu => Grade::A,
            _ => self.protocol.grade,
        };
        decoded.warnings.push(finding("framing", Outcome::Fail, grade, text));
    }

    fn read_reply(&self, data: Vec<u8>, function: u8, asked: Option<(u16, u16)>, decoded: &mut Decoded<'p>) {
        let rule = self.protocol.registers.as_ref().and_then(|map| map.function(function));
        if let Some(rule) = rule.filter(|rule| rule.exception.is_some()) {
            let text = format!("function 0x{function:02X} is answered with data, it does not exist here");
            decoded
                .warnings
                .push(finding("function", Outcome::Warning, rule.grade, text));
        }
        let Some((start, count)) = asked else {
            decoded.data = data;
            return;
        };
        let bytes = usize::from(count) * 2;
        if data.len() != bytes && !decoded.errors.iter().any(|error| error.id == "length") {
            let text = format!("{} bytes for {count} registers, which are {bytes} bytes", data.len());
            decoded.errors.push(finding("length", Outcome::Fail, Grade::A, text));
        }
        self.read_registers(start, data, decoded);
        self.derive(decoded);
        self.deviations(decoded, Some(start));
    }

    /// Reads the registers from `start` on, and says of what lies in no field that it is there.
    fn read_registers(&self, start: u16, data: Vec<u8>, decoded: &mut Decoded<'p>) {
        // What more than the whole address space is no register.
        let most = (0x1_0000 - usize::from(start)) * 2;
        let data_of_registers = &data[..data.len().min(most)];
        let count = u16::try_from(data_of_registers.len() / 2).unwrap_or(u16::MAX);
        let mut described = vec![false; data_of_registers.len()];
        let mut cut: HashSet<&str> = HashSet::new();
        for block in self.protocol.blocks(start, count, self.variant.as_deref()) {
            let Some((first, _)) = block.registers() else { continue };
            let window = Window { first, start };
            let mut reader = self.reader(data_of_registers);
            reader.window = Some(window);
            reader.layout(&block.layout, true);
            decoded.fields.append(&mut reader.fields);
            decoded.errors.append(&mut reader.errors);
            decoded.warnings.append(&mut reader.warnings);
            let fields = block.layout.items.iter().filter_map(|item| match item {
                Item::Field(field) => Some((&field.place, Some(field))),
                _ => None,
            });
            let reserved = block.layout.reserved.iter().map(|reserved| (&reserved.place, None));
            for (place, field) in fields.chain(reserved) {
                let (inside, whole) = window.cover(place, &mut described);
                if let Some(field) = field.filter(|field| inside && !whole && self.has(&field.variants))
                    && cut.insert(&field.name)
                {
                    let text = format!(
                        "only a part of `{}` is there: it has {} registers",
                        field.name,
                        place.bytes / 2
                    );
                    let mut found = finding(CUT_FIELD, Outcome::Information, Grade::A, text);
                    found.field = Some(field.name.clone());
                    decoded.warnings.push(found);
                }
            }
        }
        if decoded.role == Role::Reply {
            decoded
                .warnings
                .extend(undescribed(self.protocol, start, data_of_registers, &described));
        }
        decoded.data = data;
    }

    fn has(&self, variants: &[String]) -> bool {
        super::read::applies(variants, self.variant.as_deref())
    }
}

impl Window {
    /// Marks the bytes of a place; whether any of them lies in the window, and whether all of them do.
    fn cover(self, place: &Place, covered: &mut [bool]) -> (bool, bool) {
        let Anchor::Start(at) = place.anchor else {
            return (false, false);
        };
        let (mut inside, mut whole) = (false, true);
        for byte in at..at + place.bytes {
            match self.byte(byte).and_then(|byte| covered.get_mut(byte)) {
                Some(covered) => (*covered, inside) = (true, true),
                None => whole = false,
            }
        }
        (inside, whole)
    }
}

/// Registers that hold something the definition does not describe.
fn undescribed(protocol: &Protocol, start: u16, data: &[u8], described: &[bool]) -> Option<Finding> {
    let words = data.chunks(2).zip(described.chunks(2)).enumerate();
    let set: Vec<(usize, String)> = words
        .filter(|(_, (bytes, described))| bytes.iter().zip(*described).any(|(byte, known)| *byte != 0 && !known))
        .map(|(index, (bytes, _))| {
            let value = bytes.iter().fold(0_u16, |sum, byte| sum << 8 | u16::from(*byte));
            (index, format!("0x{:04X} = 0x{value:04X}", usize::from(start) + index))
        })
        .collect();
    let (first, last) = (set.first()?.0, set.last()?.0);
    let texts: Vec<&str> = set.iter().map(|(_, text)| text.as_str()).collect();
    let text = format!("registers that are not described hold something: {}", texts.join(", "));
    let mut found = finding("undescribed", Outcome::Information, protocol.grade, text);
    found.bytes = 2 * first..(2 * last + 2).min(data.len());
    Some(found)
}

/// Cuts a frame and reports what is wrong with its envelope.
fn envelope<T>(parsed: Result<Parsed<T>, TooShort>, decoded: &mut Decoded<'_>) -> Option<Parsed<T>> {
    let parsed = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            decoded
                .errors
                .push(finding("frame", Outcome::Fail, Grade::A, error.to_string()));
            return None;
        }
    };
    for fault in &parsed.faults {
        let id = match fault {
            ModbusFault::Crc { .. } => "checksum",
            ModbusFault::ByteCount { .. } | ModbusFault::RegisterCount { .. } => "length",
        };
        decoded
            .errors
            .push(finding(id, Outcome::Fail, Grade::A, fault.to_string()));
    }
    decoded.address = Some(parsed.address);
    Some(parsed)
}

fn range(start: u16, count: u16) -> String {
    match count {
        1 => format!("register 0x{start:04X}"),
        _ => format!(
            "registers 0x{start:04X}..0x{:04X}",
            u32::from(start) + u32::from(count.max(1)) - 1
        ),
    }
}

/// What a request writes into registers does to a battery, with the name of the block; `None` for a request that is
/// harmless. A frame that is broken on purpose counts too: a battery that does not check it would obey.
pub fn danger(protocol: &Protocol, request: &[u8]) -> Option<(Danger, String)> {
    let parsed = modbus::parse_request(request).ok()?;
    let map = protocol.registers.as_ref()?;
    if is_read(parsed.function) {
        return None;
    }
    let dangerous = map.blocks.iter().filter_map(|block| Some((block.danger?, block)));
    let touched = |start: u16, count: u16| {
        let end = u32::from(start) + u32::from(count.max(1));
        move |registers: &std::ops::RangeInclusive<u16>| {
            u32::from(*registers.start()) < end && start <= *registers.end()
        }
    };
    let (danger, block) = match parsed.content {
        Request::WriteOne { register, .. } => {
            let touched = touched(register, 1);
            dangerous.into_iter().find(|(_, block)| touched(&block.registers))?
        }
        Request::WriteSeveral { start, count, values } => {
            let touched = touched(start, count.max(u16::try_from(values.len()).unwrap_or(u16::MAX)));
            dangerous.into_iter().find(|(_, block)| touched(&block.registers))?
        }
        // The bytes do not say what is written.
        _ if may_write(parsed.function) => dangerous.into_iter().next()?,
        _ => return None,
    };
    Some((danger, block.name.clone()))
}

/// Encodes `count` registers from `start` on; registers without a value get their neutral one, registers without a
/// field 0.
///
/// # Errors
/// [`EncodeError`]: a field that none of the registers has, a value that the wire cannot hold.
pub fn encode_registers(
    protocol: &Protocol,
    start: u16,
    count: u16,
    input: &EncodeInput,
) -> Result<Vec<u8>, EncodeError> {
    let variant = input
        .variant
        .as_deref()
        .or_else(|| protocol.variants.first().map(|variant| variant.name.as_str()));
    let blocks: Vec<&Message> = protocol.blocks(start, count, variant);
    let mut data = vec![0; usize::from(count) * 2];
    for (name, _) in &input.fields {
        if !blocks.iter().any(|block| block.field(name).is_some()) {
            return Err(EncodeError::UnknownField {
                message: range(start, count),
                field: name.clone(),
            });
        }
    }
    for block in blocks {
        let Some((first, _)) = block.registers() else { continue };
        let own = EncodeInput {
            fields: input
                .fields
                .iter()
                .filter(|(name, _)| block.field(name).is_some())
                .cloned()
                .collect(),
            variant: variant.map(str::to_string),
            ..input.clone()
        };
        let window = Window { first, start };
        for (index, byte) in encode(block, &own)?.into_iter().enumerate() {
            if let Some(target) = window.byte(index).and_then(|index| data.get_mut(index)) {
                *target = byte;
            }
        }
    }
    Ok(data)
}

#[cfg(test)]
mod tests;
