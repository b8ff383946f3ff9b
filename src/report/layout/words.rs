//! Places, types, values and ranges in words.

use std::time::Duration;

use crate::definition::{
    Absent, Anchor, Bus, ByteOrder, DateTimeKind, Field, Grade, Kind, LengthRule, NumberKind, Outcome, PeriodRule,
    Place,
};
use crate::report::text::{milliseconds, seconds};
use crate::value::{Number, Quantity};
use crate::wire::hex_spaced;

/// A bus: `CAN, 500 kbit/s, 11-bit identifiers`.
pub fn bus(bus: &Bus) -> String {
    match bus {
        Bus::Can { bitrate, extended } => {
            let width = if *extended { 29 } else { 11 };
            format!("CAN, {} kbit/s, {width}-bit identifiers", bitrate / 1000)
        }
        Bus::Serial { baud, also, rs232 } => {
            let line = if *rs232 { "RS232" } else { "RS485" };
            let mut text = format!("{line}, {baud} baud, 8N1");
            if !also.is_empty() {
                let rates: Vec<String> = also.iter().map(ToString::to_string).collect();
                text.push_str(&format!(" (also met: {})", rates.join(", ")));
            }
            text
        }
    }
}

/// Where a field of a register block stands, by register: `0x0010`, `0x0004-0x0005`, `0x0002 low`, `0x0009.3`.
pub fn register(place: &Place, first: u16) -> String {
    let Anchor::Start(at) = place.anchor else {
        return self::place(place);
    };
    let register = usize::from(first) + at / 2;
    let last = usize::from(first) + (at + place.bytes.max(1) - 1) / 2;
    let mut text = format!("0x{register:04X}");
    match place.bits {
        Some((low, high)) if low == high => text.push_str(&format!(".{low}")),
        Some((low, high)) => text.push_str(&format!(" bits {low}-{high}")),
        None if last > register => text.push_str(&format!("-0x{last:04X}")),
        None if place.bytes == 1 => text.push_str(if at % 2 == 0 { " high" } else { " low" }),
        None => {}
    }
    text
}

/// A place: `0-1`, `0.7` (byte and bit), `4.0-1`, `+2` (two bytes after the part before), `end-2`.
pub fn place(place: &Place) -> String {
    let whole = place.bits.is_none();
    match place.anchor {
        Anchor::Start(first) => match place.bits {
            None => bytes_from(first, place.bytes),
            // Bits of a container of several bytes are shown at the byte that holds them where one byte does.
            Some((low, high)) => {
                let (byte_low, byte_high) = (usize::from(low) / 8, usize::from(high) / 8);
                if byte_low == byte_high && place.bytes > 0 {
                    let byte = match place.order {
                        ByteOrder::Little => first + byte_low,
                        ByteOrder::Big => first + place.bytes - 1 - byte_low,
                    };
                    format!("{byte}.{}", bits(low % 8, high % 8))
                } else {
                    format!("{} bits {}", bytes_from(first, place.bytes), bits(low, high))
                }
            }
        },
        Anchor::End(from_end) => {
            let text = format!("end-{from_end}");
            if whole {
                text
            } else {
                format!("{text}{}", bit_suffix(place))
            }
        }
        Anchor::Next if place.bytes == 0 => "rest".to_string(),
        Anchor::Next => format!("+{}{}", place.bytes, bit_suffix(place)),
        Anchor::Same => format!("+0{}", bit_suffix(place)),
    }
}

fn bit_suffix(place: &Place) -> String {
    place
        .bits
        .map_or(String::new(), |(low, high)| format!(" bits {}", bits(low, high)))
}

fn bits(low: u8, high: u8) -> String {
    if low == high {
        low.to_string()
    } else {
        format!("{low}-{high}")
    }
}

fn bytes_from(first: usize, bytes: usize) -> String {
    match bytes {
        0 => format!("{first}-"),
        1 => first.to_string(),
        more => format!("{first}-{}", first + more - 1),
    }
}

/// What a field is on the wire: `u16 LE` (low byte first), `u16 BE`, `bit`, `text, 8 bytes`.
pub fn kind(field: &Field) -> String {
    let width = match field.place.bits {
        Some((low, high)) => usize::from(high - low) + 1,
        None => field.place.bytes * 8,
    };
    let order = if field.place.bytes > 1 && field.place.bits.is_none() {
        match (field.place.order, field.place.low_word_first) {
            (ByteOrder::Little, _) => " LE",
            (ByteOrder::Big, false) => " BE",
            (ByteOrder::Big, true) => " BE, low word first",
        }
    } else {
        ""
    };
    match &field.kind {
        Kind::Number(number) => {
            let letter = if number.signed { "i" } else { "u" };
            let bcd = if number.bcd { " BCD" } else { "" };
            format!("{letter}{width}{bcd}{order}")
        }
        Kind::Flag { active: true } => "bit".to_string(),
        Kind::Flag { active: false } => "bit, active 0".to_string(),
        Kind::Truth { yes, no } => format!("u{width}{order}, {yes} is true, {no} false"),
        Kind::Pair { .. } => "pair of bits".to_string(),
        Kind::State { signed, .. } => format!("state, {}{width}{order}", if *signed { "i" } else { "u" }),
        Kind::Text(text) => match (text.until, field.place.bytes) {
            (Some(byte), _) => format!("text up to {byte:02X}"),
            (None, 0) => "text to the end".to_string(),
            (None, bytes) => format!("text, {bytes} bytes"),
        },
        Kind::Constant { bytes, .. } => format!("always {}", hex_spaced(bytes)),
        Kind::Version { parts, .. } => format!("version of {} parts", parts.len()),
        Kind::DateTime(DateTimeKind::Packed { .. }) => format!("date and time in {width} bits"),
        Kind::DateTime(DateTimeKind::Bytes { order, .. }) => format!("date and time, bytes {order}"),
        Kind::Bytes => "bytes".to_string(),
    }
}

/// The scale and unit of a number: `0.1 V`, `(raw - 400) x 0.1 A`; a flavour's name before each of several.
pub fn scale(field: &Field) -> String {
    let Kind::Number(number) = &field.kind else {
        return String::new();
    };
    if number.choices.is_empty() {
        return one_scale(number, number.scale);
    }
    let choices: Vec<String> = number
        .choices
        .iter()
        .map(|choice| format!("{}: {}", choice.name, one_scale(number, choice.scale)))
        .collect();
    choices.join(", ")
}

fn one_scale(number: &NumberKind, scale: Number) -> String {
    let step = Quantity::new(scale, number.unit).to_string();
    match number.offset {
        0 => step,
        offset if offset > 0 => format!("(raw + {offset}) x {step}"),
        offset => format!("(raw - {}) x {step}", offset.unsigned_abs()),
    }
}

/// The plausible values: `44.8..60 V`, `0 A and above`.
pub fn range(field: &Field) -> String {
    let Some(range) = &field.range else {
        return String::new();
    };
    let short = |quantity: Quantity| match quantity.unit.symbol() {
        "" => quantity.number.to_short_string(),
        unit => format!("{} {unit}", quantity.number.to_short_string()),
    };
    let mut text = match (range.low, range.high) {
        (Some(low), Some(high)) => format!("{}..{}", low.number.to_short_string(), short(high)),
        (Some(low), None) => format!("{} and above", short(low)),
        (None, Some(high)) => format!("up to {}", short(high)),
        (None, None) => return String::new(),
    };
    if range.per_pack {
        text.push_str(" per pack");
    }
    text
}

/// The values that mean "not available".
pub fn absent(field: &Field) -> String {
    let parts: Vec<String> = field
        .absent
        .iter()
        .map(|absent| match absent {
            Absent::Raw(raw) => format!("raw 0x{raw:X}"),
            Absent::Below(quantity) => format!("below {quantity}"),
            Absent::Above(quantity) => format!("above {quantity}"),
        })
        .collect();
    parts.join(", ")
}

/// The grade of a field, with the aspects that are known worse: `A (range D)`.
pub fn grade(field: &Field) -> String {
    with_aspects(field.grade, &field.aspects)
}

fn with_aspects(grade: Grade, aspects: &[(String, Grade)]) -> String {
    let worse: Vec<String> = aspects
        .iter()
        .filter(|(_, aspect)| *aspect > grade)
        .map(|(name, aspect)| format!("{name} {}", aspect.letter()))
        .collect();
    if worse.is_empty() {
        return grade.letter().to_string();
    }
    format!("{} ({})", grade.letter(), worse.join(", "))
}

/// What a deviation amounts to, as a verb: `fails`.
pub const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "passes",
        Outcome::Information => "is information",
        Outcome::Warning => "is a warning",
        Outcome::Fail => "fails",
    }
}

/// A time as definitions write it: `1 s`, `100 ms`.
pub fn time(duration: Duration) -> String {
    if duration.as_millis() >= 1000 {
        format!("{} s", seconds(duration))
    } else {
        format!("{} ms", milliseconds(duration))
    }
}

/// A cadence in words.
pub fn period(rule: &PeriodRule) -> String {
    let mut text = format!(
        "every {}; a mean of {} to {} passes, up to {} is a warning",
        time(rule.is),
        time(*rule.pass.start()),
        time(*rule.pass.end()),
        time(rule.warn)
    );
    if let Some(gap) = rule.gap {
        text.push_str(&format!("; a gap above {} fails", time(gap)));
    }
    if let Some(least) = rule.at_least {
        text.push_str(&format!("; a mean below {} fails", time(least)));
    }
    text.push_str(&format!(" (grade {})", rule.grade.letter()));
    text
}

/// What a field reads as: type, scale and unit, plausible values.
pub fn reading(field: &Field) -> String {
    let mut text = kind(field);
    let scale = scale(field);
    if scale.contains("raw") || scale.contains(':') {
        text.push_str(&format!(", {scale}"));
    } else if !scale.is_empty() && scale != "1" {
        text.push_str(&format!(" x {scale}"));
    }
    let range = range(field);
    if !range.is_empty() {
        text.push_str(&format!(", {range}"));
    }
    text
}

/// Lengths in words: `8 bytes; 4 is right too; 5 to 8 is a warning; any other fails`.
pub fn length(rule: &LengthRule) -> String {
    let mut text = match rule.send {
        Some(bytes) => format!("{bytes} bytes"),
        None => "as long as its content".to_string(),
    };
    let others: Vec<String> = rule
        .pass
        .iter()
        .filter(|length| Some(**length) != rule.send)
        .map(ToString::to_string)
        .collect();
    if !others.is_empty() {
        text.push_str(&format!("; {} is right too", others.join(" or ")));
    }
    if let Some(warn) = &rule.warn {
        text.push_str(&format!("; else {} to {} is a warning", warn.start(), warn.end()));
    }
    if !rule.pass.is_empty() || rule.warn.is_some() {
        text.push_str("; any other fails");
    }
    if let Some(grade) = rule.grade {
        text.push_str(&format!(" (grade {})", grade.letter()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(anchor: Anchor, bytes: usize, bits: Option<(u8, u8)>, order: ByteOrder) -> String {
        place(&Place {
            anchor,
            bytes,
            bits,
            order,
            low_word_first: false,
        })
    }

    #[test]
    fn places_in_registers_are_registers() {
        let at = |start: usize, bytes: usize, bits: Option<(u8, u8)>| {
            let place = Place {
                anchor: Anchor::Start(start),
                bytes,
                bits,
                order: ByteOrder::Big,
                low_word_first: false,
            };
            register(&place, 0x10)
        };
        assert_eq!(at(0, 2, None), "0x0010");
        assert_eq!(at(2, 4, None), "0x0011-0x0012");
        assert_eq!(at(4, 1, None), "0x0012 high");
        assert_eq!(at(5, 1, None), "0x0012 low");
        assert_eq!(at(6, 2, Some((12, 12))), "0x0013.12");
        assert_eq!(at(6, 2, Some((0, 1))), "0x0013 bits 0-1");
    }

    #[test]
    fn places_are_bytes_and_bits() {
        use ByteOrder::{Big, Little};
        for (shown, expected) in [
            (at(Anchor::Start(0), 2, None, Little), "0-1"),
            (at(Anchor::Start(4), 1, None, Little), "4"),
            (at(Anchor::Start(0), 1, Some((7, 7)), Little), "0.7"),
            (at(Anchor::Start(4), 1, Some((0, 1)), Little), "4.0-1"),
            (at(Anchor::Start(2), 2, Some((9, 9)), Little), "3.1"),
            (at(Anchor::Start(2), 2, Some((9, 9)), Big), "2.1"),
            (at(Anchor::Start(2), 2, Some((6, 9)), Big), "2-3 bits 6-9"),
            (at(Anchor::Next, 2, None, Big), "+2"),
            (at(Anchor::Next, 0, None, Big), "rest"),
            (at(Anchor::End(2), 2, None, Big), "end-2"),
        ] {
            assert_eq!(shown, expected);
        }
    }

    #[test]
    fn lengths_and_periods_say_what_passes() {
        let rule = LengthRule {
            send: Some(8),
            pass: vec![4, 8],
            warn: Some(4..=8),
            grade: Some(Grade::B),
        };
        assert_eq!(
            length(&rule),
            "8 bytes; 4 is right too; else 4 to 8 is a warning; any other fails (grade B)"
        );
        let rule = PeriodRule {
            is: Duration::from_secs(1),
            pass: Duration::from_millis(100)..=Duration::from_millis(1500),
            warn: Duration::from_secs(3),
            gap: Some(Duration::from_secs(3)),
            at_least: None,
            grade: Grade::A,
        };
        assert_eq!(
            period(&rule),
            "every 1 s; a mean of 100 ms to 1.5 s passes, up to 3 s is a warning; a gap above 3 s fails (grade A)"
        );
    }
}
