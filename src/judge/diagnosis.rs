//! Which wire fault explains a difference.
//!
//! A demanded value is turned into what should be on the wire; then a table of faults is searched for the one that turns
//! it into what is there. The table is small on purpose: it names only faults that are met in the field, and where none
//! explains the bytes nothing is said.

use std::rc::Rc;

use crate::decode::{DecodedField, FieldValue};
use crate::definition::{ByteOrder, Field, Kind, Message, NumberKind};
use crate::suite::Demand;
use crate::value::Quantity;
use crate::wire::hex_spaced;

use super::observe::Heard;

/// What should be on the wire, and what is.
struct Difference<'d> {
    field: &'d Field,
    /// The data of the message, and where the field lies in it.
    data: &'d [u8],
    bytes: std::ops::Range<usize>,
    /// The number that should be there, and the one that is.
    expected: i128,
    actual: i128,
}

/// A fault: it turns what should be there into what a faulty sender sends.
struct Fault {
    explain: fn(&Difference<'_>) -> Option<String>,
}

/// The faults, most telling first.
const FAULTS: &[Fault] = &[
    Fault { explain: byte_order },
    Fault { explain: scale },
    Fault { explain: sign },
    Fault { explain: offset },
    Fault { explain: shifted },
];

/// Explains why a field is not what is demanded.
pub(super) fn field(
    found: &DecodedField<'_>,
    demanded: &Demand,
    heard: &Rc<Heard<'_>>,
    message: Option<&Message>,
) -> Option<String> {
    match (&found.field.kind, demanded) {
        (Kind::Number(kind), Demand::Is { value, .. }) => {
            let difference = Difference {
                field: found.field,
                data: &heard.decoded.data,
                bytes: found.bytes.clone(),
                expected: raw_of(kind, *value)?,
                actual: found.raw,
            };
            explain(&difference).or_else(|| in_neighbour(found, *value, heard))
        }
        (Kind::Flag { .. }, Demand::Truth(true)) => neighbour_bit(found, heard, message?),
        (Kind::Text(_), Demand::Word(word)) => text(found, word),
        _ => None,
    }
}

/// Explains why bytes differ from golden ones: by the first field that lies wholly under known bytes and differs.
pub(super) fn golden(golden: &[Option<u8>], heard: &Rc<Heard<'_>>) -> Option<String> {
    let data = &heard.decoded.data;
    heard.decoded.fields.iter().find_map(|found| {
        let wanted: Option<Vec<u8>> = golden.get(found.bytes.clone())?.iter().copied().collect();
        let wanted = wanted?;
        let Kind::Number(kind) = &found.field.kind else {
            return None;
        };
        if found.bits.is_some() || data.get(found.bytes.clone()) == Some(wanted.as_slice()) {
            return None;
        }
        let difference = Difference {
            field: found.field,
            data,
            bytes: found.bytes.clone(),
            expected: number_of(&wanted, found.field.place.order, kind.signed)?,
            actual: found.raw,
        };
        explain(&difference)
    })
}

fn explain(difference: &Difference<'_>) -> Option<String> {
    // Zero is zero under most faults: it would prove any of them.
    if difference.expected == difference.actual || difference.actual == 0 {
        return None;
    }
    FAULTS.iter().find_map(|fault| (fault.explain)(difference))
}

/// The number on the wire that stands for a value; `None` where the wire cannot carry it exactly.
fn raw_of(kind: &NumberKind, value: Quantity) -> Option<i128> {
    let number = value.to_unit(kind.unit)?.number.checked_div(kind.scale)?;
    number.as_integer()?.checked_sub(i128::from(kind.offset))
}

/// A number as it lies in bytes.
fn number_of(bytes: &[u8], order: ByteOrder, signed: bool) -> Option<i128> {
    if bytes.is_empty() || bytes.len() > 8 {
        return None;
    }
    let fold = |number: i128, byte: &u8| number << 8 | i128::from(*byte);
    let number = match order {
        ByteOrder::Big => bytes.iter().fold(0, fold),
        ByteOrder::Little => bytes.iter().rev().fold(0, fold),
    };
    let width = bytes.len() * 8;
    let negative = signed && number >> (width - 1) == 1;
    Some(if negative { number - (1 << width) } else { number })
}

fn is_signed(field: &Field) -> bool {
    matches!(&field.kind, Kind::Number(kind) if kind.signed)
}

fn other(order: ByteOrder) -> ByteOrder {
    match order {
        ByteOrder::Little => ByteOrder::Big,
        ByteOrder::Big => ByteOrder::Little,
    }
}

fn byte_order(difference: &Difference<'_>) -> Option<String> {
    let bytes = difference.data.get(difference.bytes.clone())?;
    if difference.field.place.bits.is_some() || bytes.len() < 2 {
        return None;
    }
    let order = other(difference.field.place.order);
    let swapped = number_of(bytes, order, is_signed(difference.field))?;
    (swapped == difference.expected).then(|| {
        let first = match order {
            ByteOrder::Little => "low",
            ByteOrder::Big => "high",
        };
        format!(
            "bytes {} are the demanded value if taken {first} byte first: byte order?",
            hex_spaced(bytes)
        )
    })
}

fn scale(difference: &Difference<'_>) -> Option<String> {
    const POWERS: [i128; 3] = [10, 100, 1000];
    let (expected, actual) = (difference.expected, difference.actual);
    POWERS.iter().find_map(|power| {
        if expected.checked_mul(*power) == Some(actual) {
            return Some(format!("the number is {power} times the demanded one: scale?"));
        }
        // What a division leaves over may be cut or rounded.
        let quotient = expected / power;
        let near = (actual - quotient).abs() <= 1 && quotient != 0 && actual.checked_mul(*power) != Some(0);
        (near && actual != expected).then(|| format!("the number is 1/{power} of the demanded one: scale?"))
    })
}

fn sign(difference: &Difference<'_>) -> Option<String> {
    (difference.actual == -difference.expected)
        .then(|| "the magnitude is the demanded one, the sign is reversed".to_string())
}

/// The offset of the wire was left out, or added where the wire has none.
fn offset(difference: &Difference<'_>) -> Option<String> {
    let Kind::Number(kind) = &difference.field.kind else {
        return None;
    };
    let shift = difference.actual - difference.expected;
    let offset = i128::from(kind.offset);
    if offset != 0 && shift == offset {
        return Some(format!("the offset of {} is missing on the wire", -offset));
    }
    let kelvin = [2731_i128, 2730, 2732, 273];
    if kind.unit.dimension() == crate::value::Dimension::Temperature
        && offset == 0
        && let Some(found) = kelvin.iter().find(|kelvin| shift == **kelvin)
    {
        return Some(format!(
            "the number is {found} too high: kelvin instead of degrees Celsius?"
        ));
    }
    None
}

/// The demanded bytes stand one byte earlier or later.
fn shifted(difference: &Difference<'_>) -> Option<String> {
    let length = difference.bytes.len();
    if difference.field.place.bits.is_some() || length < 2 {
        return None;
    }
    let at = |start: usize| {
        let bytes = difference.data.get(start..start + length)?;
        let number = number_of(bytes, difference.field.place.order, is_signed(difference.field))?;
        (number == difference.expected).then_some(())
    };
    if at(difference.bytes.start + 1).is_some() {
        return Some("the demanded value stands one byte later".into());
    }
    let before = difference.bytes.start.checked_sub(1)?;
    at(before).map(|()| "the demanded value stands one byte earlier".into())
}

/// The demanded value stands in another field of the message that measures the same.
fn in_neighbour(found: &DecodedField<'_>, value: Quantity, heard: &Rc<Heard<'_>>) -> Option<String> {
    if value.number.is_zero() {
        return None;
    }
    let others = heard.decoded.fields.iter().filter(|other| other.name != found.name);
    let mut same = others.filter(|other| matches!(&other.value, FieldValue::Quantity(quantity) if *quantity == value));
    // Two that match would prove neither.
    match (same.next(), same.next()) {
        (Some(only), None) => Some(format!("the demanded value stands in `{}`: fields swapped?", only.name)),
        _ => None,
    }
}

/// A flag that should be set is not, and the bit beside it is: counted from the other end, or one off.
fn neighbour_bit(found: &DecodedField<'_>, heard: &Rc<Heard<'_>>, message: &Message) -> Option<String> {
    let (bit, _) = found.bits?;
    let byte = *heard.decoded.data.get(found.bytes.start)?;
    // Only a single bit in the byte tells where the flag went.
    if byte.count_ones() != 1 || found.bytes.len() != 1 {
        return None;
    }
    let set = u8::try_from(byte.trailing_zeros()).ok()?;
    let name = heard
        .decoded
        .fields
        .iter()
        .find(|other| other.bytes == found.bytes && other.bits.map(|(bit, _)| bit) == Some(set))
        .map_or_else(|| "no flag".to_string(), |other| format!("`{}`", other.name));
    let place = format!(
        "bit {set} of byte {} of {} is set instead ({name})",
        found.bytes.start, message.key
    );
    if set == 7 - bit {
        Some(format!("{place}: bits counted from the other end?"))
    } else if set.abs_diff(bit) == 1 {
        Some(format!("{place}: one bit off?"))
    } else {
        None
    }
}

fn text(found: &DecodedField<'_>, word: &str) -> Option<String> {
    let FieldValue::Text(text) = &found.value else {
        return None;
    };
    if text.eq_ignore_ascii_case(word) {
        return Some("only the case of the letters differs".into());
    }
    if !text.is_empty() && word.starts_with(text.as_str()) {
        return Some("the text is cut off".into());
    }
    let wide: String = text.chars().filter(|character| *character != '\0').collect();
    (text.contains('\0') && word.starts_with(&wide) && !wide.is_empty())
        .then(|| "characters have two bytes each".into())
}
