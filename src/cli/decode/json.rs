//! A message as a line of JSON (DESIGN section 6).
//!
//! Written by hand into a reused buffer: this is the inner loop of `decode --format json`. Numbers are exact decimals.

use super::conversation::Message;
use crate::capture::Timestamp;
use crate::decode::{DecodedField, FieldValue, Finding, Role};
use crate::value::{Number, Unit};
use crate::wire::BusFrame;
use crate::wire::can::{CanFrame, CanId, CanKind};

/// Appends the message and a line feed.
pub fn write(out: &mut Vec<u8>, message: &Message<'_>) {
    write_time(out, message.time);
    write_rest(out, message);
}

/// Appends the beginning of a line, up to the time.
pub fn write_time(out: &mut Vec<u8>, time: Option<Timestamp>) {
    out.extend_from_slice(b"{\"time\": ");
    match time {
        Some(time) => decimal(out, false, u128::from(time.as_micros()), 6),
        None => out.extend_from_slice(b"null"),
    }
}

/// Appends what follows the time, and a line feed. On CAN it depends on nothing but the frame.
pub fn write_rest(out: &mut Vec<u8>, message: &Message<'_>) {
    let decoded = &message.decoded;
    out.extend_from_slice(b", \"frame\": \"");
    match message.frame.as_ref() {
        BusFrame::Can(frame) => can_frame(out, frame),
        BusFrame::Serial(bytes) => hex(out, bytes),
    }
    out.extend_from_slice(b"\", \"message\": ");
    match decoded.message {
        Some(known) => name(out, &known.name),
        None => out.extend_from_slice(b"null"),
    }
    if let BusFrame::Serial(_) = message.frame.as_ref() {
        conversation(out, message);
    }
    out.extend_from_slice(b", \"fields\": {");
    fields(out, &decoded.fields);
    if !decoded.packs.is_empty() {
        if !decoded.fields.is_empty() {
            out.extend_from_slice(b", ");
        }
        out.extend_from_slice(b"\"packs\": [");
        for (index, pack) in decoded.packs.iter().enumerate() {
            out.extend_from_slice(if index == 0 { b"{" } else { b", {" });
            fields(out, pack);
            out.push(b'}');
        }
        out.push(b']');
    }
    out.extend_from_slice(b"}, \"errors\": [");
    findings(out, &decoded.errors);
    out.extend_from_slice(b"], \"warnings\": [");
    findings(out, &decoded.warnings);
    out.extend_from_slice(b"]}\n");
}

/// What a serial message has beyond a frame that stands for itself: its part in the conversation.
fn conversation(out: &mut Vec<u8>, message: &Message<'_>) {
    let role = match message.decoded.role {
        Role::Broadcast => "broadcast",
        Role::Request => "request",
        Role::Reply => "reply",
        Role::Unknown => "unknown",
    };
    out.extend_from_slice(b", \"role\": \"");
    out.extend_from_slice(role.as_bytes());
    out.push(b'"');
    if let Some(address) = message.decoded.address {
        out.extend_from_slice(b", \"address\": ");
        decimal(out, false, u128::from(address), 0);
        if message.decoded.role != Role::Request {
            out.extend_from_slice(b", \"return_code\": ");
            decimal(out, false, u128::from(message.decoded.return_code), 0);
        }
    }
}

fn fields(out: &mut Vec<u8>, fields: &[DecodedField<'_>]) {
    for (index, field) in fields.iter().enumerate() {
        if index > 0 {
            out.extend_from_slice(b", ");
        }
        name(out, &field.name);
        out.extend_from_slice(b": {\"value\": ");
        match &field.value {
            FieldValue::Quantity(quantity) => {
                number(out, quantity.number);
                if quantity.unit != Unit::None {
                    out.extend_from_slice(b", \"unit\": \"");
                    out.extend_from_slice(quantity.unit.symbol().as_bytes());
                    out.push(b'"');
                }
                raw(out, field.raw);
            }
            FieldValue::Flag(true) => out.extend_from_slice(b"true"),
            FieldValue::Flag(false) => out.extend_from_slice(b"false"),
            FieldValue::State(Some(state), _) => {
                string(out, state);
                raw(out, field.raw);
            }
            // A code without a name stands for itself: `null` means "not available".
            FieldValue::State(None, code) => {
                signed(out, i128::from(*code));
                raw(out, field.raw);
            }
            FieldValue::Text(text) => string(out, text),
            FieldValue::Absent => {
                out.extend_from_slice(b"null");
                raw(out, field.raw);
            }
            FieldValue::Bytes(bytes) => {
                out.push(b'"');
                hex(out, bytes);
                out.push(b'"');
            }
        }
        out.push(b'}');
    }
}

fn raw(out: &mut Vec<u8>, raw: i128) {
    out.extend_from_slice(b", \"raw\": ");
    signed(out, raw);
}

fn findings(out: &mut Vec<u8>, findings: &[Finding]) {
    for (index, finding) in findings.iter().enumerate() {
        out.extend_from_slice(if index == 0 { b"{\"id\": " } else { b", {\"id\": " });
        string(out, &finding.id);
        out.extend_from_slice(b", \"text\": ");
        string(out, &finding.text);
        out.extend_from_slice(b", \"grade\": \"");
        out.extend_from_slice(finding.grade.letter().as_bytes());
        out.push(b'"');
        if let Some(field) = &finding.field {
            out.extend_from_slice(b", \"field\": ");
            string(out, field);
        }
        out.push(b'}');
    }
}

/// An exact decimal; a number without one is rounded to nine places.
fn number(out: &mut Vec<u8>, number: Number) {
    let (numerator, mut denominator) = (number.numerator(), number.denominator());
    let mut places = 0;
    while denominator > 1 && denominator % 10 == 0 {
        denominator /= 10;
        places += 1;
    }
    if denominator == 1 {
        return decimal(out, numerator < 0, numerator.unsigned_abs(), places);
    }
    let text = number.to_string();
    if !text.contains('/') {
        return out.extend_from_slice(text.as_bytes());
    }
    const NINE_PLACES: i64 = 1_000_000_000;
    match number.checked_mul(Number::integer(NINE_PLACES)) {
        Some(scaled) => {
            let rounded = scaled.rounded();
            decimal(out, rounded < 0, rounded.unsigned_abs(), 9);
        }
        None => out.extend_from_slice(b"null"),
    }
}

fn signed(out: &mut Vec<u8>, value: i128) {
    decimal(out, value < 0, value.unsigned_abs(), 0);
}

/// Writes `magnitude / 10^places` digit by digit.
fn decimal(out: &mut Vec<u8>, negative: bool, magnitude: u128, places: usize) {
    // Room for all digits of a u128, and for as many places.
    let mut digits = [0_u8; 80];
    let mut at = digits.len();
    let mut written = 0;
    // Nearly all numbers fit 64 bits, whose division is several times faster.
    let mut small = u64::try_from(magnitude).unwrap_or(u64::MAX);
    let mut large = if u128::from(small) == magnitude { 0 } else { magnitude };
    loop {
        let digit = if large > 0 {
            let digit = (large % 10) as u8;
            large /= 10;
            if let Ok(rest) = u64::try_from(large) {
                (small, large) = (rest, 0);
            }
            digit
        } else {
            let digit = (small % 10) as u8;
            small /= 10;
            digit
        };
        at -= 1;
        digits[at] = b'0' + digit;
        written += 1;
        if written == places && at > 1 {
            at -= 1;
            digits[at] = b'.';
        }
        let done = small == 0 && large == 0 && written > places;
        if done || at < 2 {
            break;
        }
    }
    if negative {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[at..]);
}

fn can_frame(out: &mut Vec<u8>, frame: &CanFrame) {
    let plain = frame.kind == CanKind::Data;
    match frame.id {
        CanId::Standard(id) if plain => {
            let id = id.to_be_bytes();
            out.push(HEX[usize::from(id[0] & 15)]);
            hex(out, &id[1..]);
        }
        CanId::Extended(id) if plain => hex(out, &id.to_be_bytes()),
        _ => return out.extend_from_slice(frame.to_string().as_bytes()),
    }
    out.push(b'#');
    hex(out, frame.payload());
}

const HEX: &[u8; 16] = b"0123456789ABCDEF";

fn hex(out: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        out.push(HEX[usize::from(byte >> 4)]);
        out.push(HEX[usize::from(byte & 15)]);
    }
}

/// A name in quotation marks. Definitions allow nothing in names that would need an escape.
fn name(out: &mut Vec<u8>, name: &str) {
    out.push(b'"');
    out.extend_from_slice(name.as_bytes());
    out.push(b'"');
}

/// A text in quotation marks.
fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    // Hardly any text needs escapes.
    if text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        out.extend_from_slice(text.as_bytes());
    } else {
        for character in text.chars() {
            match character {
                '"' => out.extend_from_slice(b"\\\""),
                '\\' => out.extend_from_slice(b"\\\\"),
                control if control < ' ' => out.extend_from_slice(format!("\\u{:04x}", u32::from(control)).as_bytes()),
                other => out.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Decoder;
    use crate::definition::Library;
    use proptest::prelude::*;
    use std::borrow::Cow;
    use std::sync::LazyLock;

    fn written(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn numbers_are_exact_decimals() {
        let ratio = |over, under| Number::ratio(over, under).unwrap();
        for (value, text) in [
            (ratio(576, 10), "57.6"),
            (ratio(2000, 10), "200.0"),
            (ratio(-5, 100), "-0.05"),
            (ratio(0, 10), "0.0"),
            (ratio(7, 1), "7"),
            (ratio(1, 8), "0.125"),
            (ratio(1, 3), "0.333333333"),
            (ratio(-2, 3), "-0.666666667"),
            (ratio(i128::from(u64::MAX) * 10 + 3, 1), "184467440737095516153"),
        ] {
            assert_eq!(written(|out| number(out, value)), text);
        }
        assert_eq!(written(|out| decimal(out, false, 72_569, 6)), "0.072569");
        assert_eq!(
            written(|out| decimal(out, false, 1_700_000_000_123_456, 6)),
            "1700000000.123456"
        );
    }

    #[test]
    fn frames_are_written_as_candump_does() {
        for frame in [
            CanFrame::data(CanId::Standard(0x51), &[1, 0xAB]).unwrap(),
            CanFrame::data(CanId::Extended(0x351), &[]).unwrap(),
            CanFrame::remote(CanId::Standard(0x351), 8).unwrap(),
            CanFrame::error(4, [0; 8]),
        ] {
            assert_eq!(written(|out| can_frame(out, &frame)), frame.to_string());
        }
    }

    fn line(decoder: &Decoder<'_>, frame: CanFrame) -> serde_json::Value {
        let message = Message {
            time: Some(Timestamp::from_micros(1_700_000_000_123_456)),
            frame: Cow::Owned(BusFrame::Can(frame)),
            decoded: decoder.can(&frame),
        };
        let text = written(|out| write(out, &message));
        assert!(text.ends_with("}\n") && text.matches('\n').count() == 1, "{text}");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    #[test]
    fn a_line_has_the_keys_of_the_contract_in_their_order() {
        let (library, _) = Library::load(None);
        let decoder = Decoder::new(library.protocol("pylon-can").unwrap());
        let frame = CanFrame::data(CanId::Standard(0x351), &[0x40, 2, 0xD0, 7, 0xF0, 0x0A, 0xC0, 1]).unwrap();
        let value = line(&decoder, frame);
        let keys: Vec<&String> = value.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["time", "frame", "message", "fields", "errors", "warnings"]);
        assert_eq!(value["time"].to_string(), "1700000000.123456");
        assert_eq!(
            value["fields"]["charge_voltage_limit"].to_string(),
            r#"{"value":57.6,"unit":"V","raw":576}"#
        );
        let unknown = line(&decoder, CanFrame::data(CanId::Standard(0x7F0), &[1]).unwrap());
        assert_eq!(unknown["message"], serde_json::Value::Null);
        assert_eq!(unknown["fields"].to_string(), "{}");
    }

    proptest! {
        #[test]
        fn every_frame_is_one_line_that_another_reader_understands(
            id in prop_oneof![Just(0x351_u32), Just(0x355), Just(0x359), Just(0x35A), Just(0x35E), Just(0x370), 0..0x800_u32],
            data in prop::collection::vec(any::<u8>(), 0..=8),
        ) {
            static LIBRARY: LazyLock<Library> = LazyLock::new(|| Library::load(None).0);
            let decoder = Decoder::new(LIBRARY.protocol("pylon-can").unwrap());
            let frame = CanFrame::data(CanId::standard(id).unwrap(), &data).unwrap();
            let value = line(&decoder, frame);
            let decoded = decoder.can(&frame);
            prop_assert_eq!(value["fields"].as_object().unwrap().len(), decoded.fields.len());
            for field in &decoded.fields {
                let shown = &value["fields"][&*field.name];
                match &field.value {
                    FieldValue::Quantity(quantity) => {
                        prop_assert_eq!(shown["value"].to_string(), quantity.number.to_string());
                        prop_assert_eq!(shown["raw"].to_string(), field.raw.to_string());
                    }
                    FieldValue::Text(text) => prop_assert_eq!(shown["value"].as_str().unwrap(), text),
                    FieldValue::Flag(truth) => prop_assert_eq!(shown["value"].as_bool(), Some(*truth)),
                    FieldValue::Absent => prop_assert!(shown["value"].is_null()),
                    _ => {}
                }
            }
            prop_assert_eq!(value["warnings"].as_array().unwrap().len(), decoded.warnings.len());
        }

        #[test]
        fn any_text_is_read_back_by_another_reader(text in ".*") {
            let json = written(|out| string(out, &text));
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }

        #[test]
        fn decimals_agree_with_the_slow_way(value in any::<i64>(), places in 0_u32..9) {
            let value = Number::ratio(value.into(), 10_i128.pow(places)).unwrap();
            prop_assert_eq!(written(|out| number(out, value)), value.to_string());
        }
    }
}
