//! What the faults of flags do to the bytes of a message.

use super::slot::Slot;
use crate::definition::{Field, Kind, Message};

/// A truth value in one or two bits.
pub(super) fn is_flag(field: &Field) -> bool {
    match &field.kind {
        Kind::Flag { .. } | Kind::Truth { .. } => true,
        Kind::Pair { states, .. } => states.is_empty(),
        _ => false,
    }
}

/// A truth value in one bit.
pub(super) fn is_bit(field: &Field) -> bool {
    matches!(field.kind, Kind::Flag { .. })
}

/// Whether the flag allows something.
pub(super) fn is_enable(field: &Field) -> bool {
    is_flag(field) && field.name.contains("_enable")
}

/// Whether the flag asks for something.
pub(super) fn is_request(field: &Field) -> bool {
    is_flag(field) && field.name.contains("_request")
}

/// The raw numbers of a flag for false and true.
pub(super) fn codes(field: &Field) -> Option<[u64; 2]> {
    Some(match &field.kind {
        Kind::Flag { active: true } => [0, 1],
        Kind::Flag { active: false } => [1, 0],
        Kind::Truth { yes, no } => [*no as u64, *yes as u64],
        Kind::Pair { idle, states } if states.is_empty() => [u64::from(*idle), 1],
        _ => return None,
    })
}

/// The truth value of a flag in some data.
pub(super) fn truth(slot: &Slot<'_, '_>, data: &[u8]) -> Option<bool> {
    let [_, yes] = codes(slot.field)?;
    Some(slot.read(data)? == yes)
}

/// Writes a truth value.
pub(super) fn set(slot: &Slot<'_, '_>, data: &mut [u8], truth: bool) -> Option<()> {
    let raw = codes(slot.field)?[usize::from(truth)];
    slot.write(data, raw)
}

pub(super) fn inverted(slot: &Slot<'_, '_>, data: &mut [u8]) -> Option<()> {
    let now = truth(slot, data)?;
    set(slot, data, !now)
}

pub(super) fn never_set(slot: &Slot<'_, '_>, data: &mut [u8]) -> Option<()> {
    set(slot, data, false)
}

pub(super) fn always_set(slot: &Slot<'_, '_>, data: &mut [u8]) -> Option<()> {
    set(slot, data, true)
}

/// The flag and the next one change places.
pub(super) fn exchanged(slot: &Slot<'_, '_>, data: &mut [u8]) -> Option<()> {
    exchange(slot, &slot.neighbour(is_flag)?, data)
}

/// As [`exchanged`], with the flag before: so the other one of the two sees it.
pub(super) fn exchanged_before(slot: &Slot<'_, '_>, data: &mut [u8]) -> Option<()> {
    exchange(slot, &slot.neighbour_before(is_flag)?, data)
}

fn exchange(slot: &Slot<'_, '_>, other: &Slot<'_, '_>, data: &mut [u8]) -> Option<()> {
    let (own, foreign) = (truth(slot, data)?, truth(other, data)?);
    set(slot, data, foreign)?;
    set(other, data, own)
}

/// The bits of the flag's byte, counted from the other end.
pub(super) fn reversed(slot: &Slot<'_, '_>, data: &mut [u8]) -> Option<()> {
    let byte = data.get_mut(slot.around.get(slot.index)?.bytes.start)?;
    *byte = byte.reverse_bits();
    Some(())
}

/// The alarm that belongs to a protection, or the protection that belongs to an alarm.
pub(super) fn counterpart(name: &str) -> Option<String> {
    match (name.strip_suffix("_protection"), name.strip_suffix("_alarm")) {
        (Some(stem), _) => Some(format!("{stem}_alarm")),
        (_, Some(stem)) => Some(format!("{stem}_protection")),
        _ => None,
    }
}

/// Whether a message holds both words.
pub(super) fn has_both_words(message: &Message) -> bool {
    let fields = message.fields();
    let has = |name: &str| fields.iter().any(|field| is_flag(field) && field.name == name);
    fields
        .iter()
        .any(|field| field.name.ends_with("_protection") && counterpart(&field.name).is_some_and(|name| has(&name)))
}

/// Alarms stand where protections belong, and the other way round.
pub(super) fn words_exchanged(slot: &Slot<'_, '_>, data: &mut [u8]) -> Option<()> {
    // One call exchanges one pair: that of the protection.
    let name = &slot.around.get(slot.index)?.name;
    if !name.ends_with("_protection") {
        return None;
    }
    exchange(slot, &Slot::named(slot.around, &counterpart(name)?)?, data)
}
