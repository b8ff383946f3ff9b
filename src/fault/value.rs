//! What the faults of values do to the bytes of a message.
//!
//! Each answers `None` where the field is of a kind that it does not concern; a change of nothing is no change.

use super::slot::Slot;
use crate::definition::{Absent, Field, Kind, NumberKind};
use crate::value::{Dimension, Number};

/// The number of a field, if it is one.
pub(super) fn number(field: &Field) -> Option<&NumberKind> {
    match &field.kind {
        Kind::Number(number) => Some(number),
        _ => None,
    }
}

pub(super) fn is_number(field: &Field) -> bool {
    number(field).is_some()
}

/// A number of at least two whole bytes, or a code of that size.
pub(super) fn is_word(field: &Field) -> bool {
    matches!(field.kind, Kind::Number(_) | Kind::State { .. } | Kind::Version { .. })
        && field.place.bits.is_none()
        && (2..=8).contains(&field.place.bytes)
}

/// A number of two to eight whole bytes.
pub(super) fn is_wide_number(field: &Field) -> bool {
    is_number(field) && is_word(field)
}

pub(super) fn is_signed(field: &Field) -> bool {
    number(field).is_some_and(|number| number.signed)
}

/// A field that holds a value, as opposed to a flag.
pub(super) fn is_value(field: &Field) -> bool {
    !matches!(field.kind, Kind::Flag { .. } | Kind::Truth { .. } | Kind::Pair { .. })
}

/// A value in whole bytes.
pub(super) fn is_bytes(field: &Field) -> bool {
    is_value(field) && field.place.bits.is_none()
}

pub(super) fn is_text(field: &Field) -> bool {
    matches!(field.kind, Kind::Text(_))
}

pub(super) fn has_offset(field: &Field) -> bool {
    number(field).is_some_and(|number| number.offset != 0)
}

/// A temperature that is sent in degrees Celsius.
pub(super) fn is_celsius(field: &Field) -> bool {
    number(field).is_some_and(|number| number.unit.dimension() == Dimension::Temperature && number.offset == 0)
}

/// A current that is sent without an offset.
pub(super) fn is_plain_current(field: &Field) -> bool {
    number(field).is_some_and(|number| number.unit.dimension() == Dimension::Current && number.offset == 0)
        && is_word(field)
}

fn change(slot: &Slot<'_, '_>, data: &mut [u8], change: impl Fn(i128) -> Option<i128>) -> Option<()> {
    let raw = change(slot.read_signed(data)?)?;
    // The conversion of a sender that does not look: what does not fit is cut off.
    slot.write(data, raw as u64)
}

pub(super) fn byte_order(slot: &Slot<'_, '_>, data: &mut [u8]) -> Option<()> {
    data.get_mut(slot.bytes())?.reverse();
    Some(())
}

pub(super) fn times_10(slot: &Slot<'_, '_>, data: &mut [u8]) -> Option<()> {
    change(slot, data, |raw| raw.checked_mul(10))
}

pub(super) fn times_100(slot: &Slot<'_, '_>, data: &mut [u8]) -> Option<()> {
    change(slot, data, |raw| raw.checked_mul(100))
}

pub(super) fn tenth(slot: &Slot<'_, '_>, data: &mut [u8]) -> Option<()> {
    change(slot, data, |raw| Some(raw / 10))
}

/// As [`tenth`], rounded: what a sender does with the rest is its own affair.
pub(super) fn tenth_rounded(slot: &Slot<'_, '_>, data: &mut [u8]) -> Option<()> {
    change(slot, data, |raw| Some(rounded(raw, 10)))
}

pub(super) fn hundredth(slot: &Slot<'_, '_>, data: &mut [u8]) -> Option<()> {
    change(slot, data, |raw| Some(raw / 100))
}

pub(super) fn hundredth_rounded(slot: &Slot<'_, '_>, data: &mut [u8]) -> Option<()> {
    change(slot, data, |raw| Some(rounded(raw, 100)))
}

fn rounded(raw: i128, by: i128) -> i128 {
    (raw + by / 2 * raw.signum()) / by
}

pub(super) fn sign_flipped(slot: &Slot<'_, '_>, data: &mut [u8]) -> Option<()> {
    change(slot, data, i128::checked_neg)
}

pub(super) fn sign_lost(slot: &Slot<'_, '_>, data: &mut [u8]) -> Option<()> {
    change(slot, data, i128::checked_abs)
}

/// A negative number was taken for a large positive one, and cut to what the field holds.
pub(super) fn read_as_unsigned(slot: &Slot<'_, '_>, data: &mut [u8]) -> Option<()> {
    let highest = (1_i128 << (slot.width().min(64) - 1)) - 1;
    change(slot, data, |raw| Some(if raw < 0 { highest } else { raw }))
}

pub(super) fn offset_missing(slot: &Slot<'_, '_>, data: &mut [u8]) -> Option<()> {
    let offset = i128::from(number(slot.field)?.offset);
    change(slot, data, |raw| raw.checked_add(offset))
}

/// 273.15 K in units of the wire, cut.
fn kelvin(slot: &Slot<'_, '_>, more: i128) -> Option<i128> {
    let scale = number(slot.field)?.scale;
    let zero = Number::ratio(27_315, 100)?.checked_div(scale)?;
    let centi = zero.checked_mul(Number::integer(100))?;
    // Scales of the sheets are 1, 0.1 and 0.01: the hundredfold is whole.
    Some(centi.as_integer()? / 100 + more)
}

pub(super) fn kelvin_cut(slot: &Slot<'_, '_>, data: &mut [u8]) -> Option<()> {
    let zero = kelvin(slot, 0)?;
    change(slot, data, |raw| raw.checked_add(zero))
}

pub(super) fn kelvin_rounded(slot: &Slot<'_, '_>, data: &mut [u8]) -> Option<()> {
    let zero = kelvin(slot, 1)?;
    change(slot, data, |raw| raw.checked_add(zero))
}

pub(super) fn offset_30000(slot: &Slot<'_, '_>, data: &mut [u8]) -> Option<()> {
    change(slot, data, |raw| raw.checked_add(30_000))
}

/// One unit of the wire too many; of a text or other bytes, the last byte.
pub(super) fn one_more(slot: &Slot<'_, '_>, data: &mut [u8]) -> Option<()> {
    if is_number(slot.field) || matches!(slot.field.kind, Kind::State { .. }) {
        return change(slot, data, |raw| raw.checked_add(1));
    }
    let last = data.get_mut(slot.bytes())?.last_mut()?;
    *last = last.wrapping_add(1);
    Some(())
}

pub(super) fn one_less(slot: &Slot<'_, '_>, data: &mut [u8]) -> Option<()> {
    if !is_number(slot.field) {
        return None;
    }
    let lowest = if is_signed(slot.field) { i128::MIN } else { 0 };
    change(slot, data, |raw| (raw > lowest).then(|| raw - 1))
}

/// The value is written one byte too late: over the first byte of what follows.
pub(super) fn byte_late(slot: &Slot<'_, '_>, data: &mut [u8]) -> Option<()> {
    let bytes = slot.bytes();
    if bytes.is_empty() || bytes.end >= data.len() {
        return None;
    }
    data.copy_within(bytes.clone(), bytes.start + 1);
    *data.get_mut(bytes.start)? = 0;
    Some(())
}

/// The value is written one byte too early: over the last byte of what stands before.
pub(super) fn byte_early(slot: &Slot<'_, '_>, data: &mut [u8]) -> Option<()> {
    let bytes = slot.bytes();
    let before = bytes.start.checked_sub(1)?;
    if bytes.is_empty() || bytes.end > data.len() {
        return None;
    }
    data.copy_within(bytes.clone(), before);
    *data.get_mut(bytes.end - 1)? = 0;
    Some(())
}

/// Whether two fields can be mistaken for each other: values of the same size.
pub(super) fn are_alike(one: &Field, other: &Field) -> bool {
    is_word(one) && is_word(other) && one.place.bytes == other.place.bytes
        || is_number(one)
            && is_number(other)
            && one.place.bytes == 1
            && other.place.bytes == 1
            && one.place.bits.is_none()
            && other.place.bits.is_none()
}

pub(super) fn neighbour_value(slot: &Slot<'_, '_>, data: &mut [u8]) -> Option<()> {
    let other = slot.neighbour(|field| are_alike(slot.field, field))?;
    let raw = other.read(data)?;
    slot.write(data, raw)
}

pub(super) fn exchanged(slot: &Slot<'_, '_>, data: &mut [u8]) -> Option<()> {
    exchange(slot, &slot.neighbour(|field| are_alike(slot.field, field))?, data)
}

/// As [`exchanged`], with the field before: so the other one of the two sees it.
pub(super) fn exchanged_before(slot: &Slot<'_, '_>, data: &mut [u8]) -> Option<()> {
    exchange(
        slot,
        &slot.neighbour_before(|field| are_alike(slot.field, field))?,
        data,
    )
}

fn exchange(slot: &Slot<'_, '_>, other: &Slot<'_, '_>, data: &mut [u8]) -> Option<()> {
    let (own, foreign) = (slot.read(data)?, other.read(data)?);
    slot.write(data, foreign)?;
    other.write(data, own)
}

/// What does not fit into one byte is sent as the highest that does.
pub(super) fn saturated(slot: &Slot<'_, '_>, data: &mut [u8]) -> Option<()> {
    let (low, high) = if is_signed(slot.field) { (-128, 127) } else { (0, 255) };
    change(slot, data, |raw| Some(raw.clamp(low, high)))
}

/// What does not fit into one byte loses its upper part.
pub(super) fn wrapped(slot: &Slot<'_, '_>, data: &mut [u8]) -> Option<()> {
    let raw = slot.read(data)?;
    slot.write(data, raw & 0xFF)
}

/// Whether some data says "not available" there.
pub(super) fn is_absent(slot: &Slot<'_, '_>, data: &[u8]) -> bool {
    let raw = slot.read(data);
    let marks = slot.field.absent.iter();
    marks
        .filter_map(|absent| match absent {
            Absent::Raw(mark) => Some(*mark),
            Absent::Below(_) | Absent::Above(_) => None,
        })
        .any(|mark| raw == Some(mark))
}

/// The value that stands for "not available", in this field or by custom.
pub(super) fn sentinel(slot: &Slot<'_, '_>, data: &mut [u8]) -> Option<()> {
    let own = slot.field.absent.iter().find_map(|absent| match absent {
        Absent::Raw(raw) => Some(*raw),
        Absent::Below(_) | Absent::Above(_) => None,
    });
    match own {
        Some(raw) => slot.write(data, raw),
        None if (1..=8).contains(&slot.field.place.bytes) => slot.write(data, u64::MAX),
        None => {
            data.get_mut(slot.bytes())?.fill(0xFF);
            Some(())
        }
    }
}

/// The second half of a text is missing.
pub(super) fn text_cut(slot: &Slot<'_, '_>, data: &mut [u8]) -> Option<()> {
    let (text, fill) = text_of(slot, data)?;
    let half = text.len().div_ceil(2);
    text.get_mut(half..)?.fill(fill);
    Some(())
}

/// Letters in the other case.
pub(super) fn text_case(slot: &Slot<'_, '_>, data: &mut [u8]) -> Option<()> {
    for byte in data.get_mut(slot.bytes())? {
        if byte.is_ascii_alphabetic() {
            *byte ^= 0x20;
        }
    }
    Some(())
}

/// Each character takes two bytes, as in UTF-16.
pub(super) fn text_wide(slot: &Slot<'_, '_>, data: &mut [u8]) -> Option<()> {
    let whole = data.get_mut(slot.bytes())?;
    let narrow = whole.to_vec();
    for (index, byte) in whole.iter_mut().enumerate() {
        *byte = if index % 2 == 0 { *narrow.get(index / 2)? } else { 0 };
    }
    Some(())
}

/// The characters of a text without the filling at its end, and the byte that fills.
fn text_of<'d>(slot: &Slot<'_, '_>, data: &'d mut [u8]) -> Option<(&'d mut [u8], u8)> {
    let Kind::Text(kind) = &slot.field.kind else {
        return None;
    };
    let whole = data.get_mut(slot.bytes())?;
    let fills = |byte: &u8| *byte == kind.fill || kind.accept_fill.contains(byte);
    let length = whole.iter().rposition(|byte| !fills(byte))? + 1;
    Some((whole.get_mut(..length)?, kind.fill))
}
