//! The fault in the data of one message.

use std::collections::HashMap;
use std::ptr;

use crate::decode::{Decoded, DecodedField, bits};
use crate::definition::{Anchor, Field, Grade, Message, Place, Protocol, Reserved};
use crate::fault::{Act, Fault, Memory, Slot, place};

/// What a faulty sender remembers of what it has sent.
#[derive(Debug, Default)]
pub(crate) struct Content {
    /// First values, or the last ones that were not 0, by pack and field.
    kept: HashMap<(usize, String), u64>,
    /// The data of the message before; of registers for each range that is read.
    before: HashMap<Option<(u16, u16)>, Vec<u8>>,
    /// The best grade of what has been changed so far.
    best: Option<Grade>,
}

impl Content {
    /// The data with the fault in it; `None` where the fault does not change it. `registers`: first register and count of
    /// what was read, where the data are registers: parts of one block or of several.
    pub(crate) fn changed(
        &mut self,
        fault: &Fault,
        protocol: &Protocol,
        decoded: &Decoded<'_>,
        registers: Option<(u16, u16)>,
    ) -> Option<Vec<u8>> {
        let message = fault.message(protocol)?;
        let is_it = decoded.message.is_some_and(|decoded| decoded.key == message.key);
        if registers.is_none() && !is_it {
            return None;
        }
        let is_own = |field: &Field| registers.is_none() || message.fields().iter().any(|own| ptr::eq(*own, field));
        // Where the message begins in the data: before them, where only a later part of it was read.
        let shift = match (registers, message.registers()) {
            (Some((start, _)), Some((first, _))) => 2 * (signed(first) - signed(start)),
            _ => 0,
        };
        let mut data = decoded.data.clone();
        match fault.operator.act {
            Act::Field { changes, .. } => {
                let change = changes.first()?;
                for_each(decoded, fault.place.field()?, |slot, _| {
                    if is_own(slot.field) {
                        change(&slot, &mut data);
                    }
                });
            }
            Act::Message { change, .. } => {
                for (_, around) in groups(decoded) {
                    let slots = (0..around.len()).filter_map(|index| Slot::new(around, index));
                    for slot in slots.filter(|slot| is_own(slot.field)) {
                        change(&slot, &mut data);
                    }
                }
            }
            Act::Reserved => {
                for reserved in fault.reserved(protocol) {
                    set_reserved(reserved, shift, &mut data);
                }
            }
            Act::Memory(Memory::Stale) => {
                if !is_it {
                    return None;
                }
                data = self.before.insert(registers, data)?;
            }
            Act::Memory(memory) => self.remember(memory, fault.place.field()?, decoded, &mut data, &is_own),
            _ => return None,
        }
        if data == decoded.data {
            return None;
        }
        self.best = self
            .best
            .into_iter()
            .chain(best_changed(message, shift, decoded, &data))
            .min();
        Some(data)
    }

    /// How well the best known of all that has been changed so far is known.
    pub(crate) fn grade(&self) -> Option<Grade> {
        self.best
    }

    fn remember(
        &mut self,
        memory: Memory,
        name: &str,
        decoded: &Decoded<'_>,
        data: &mut [u8],
        is_own: &dyn Fn(&Field) -> bool,
    ) {
        for_each(decoded, name, |slot, pack| {
            if !is_own(slot.field) {
                return;
            }
            let Some(raw) = slot.read(data) else { return };
            let key = (
                pack,
                slot.around
                    .get(slot.index)
                    .map_or(String::new(), |found| found.name.to_string()),
            );
            match memory {
                Memory::Frozen => {
                    let first = *self.kept.entry(key).or_insert(raw);
                    slot.write(data, first);
                }
                Memory::LimitHeld | Memory::EnableHeld if raw == 0 => {
                    if let Some(last) = self.kept.get(&key) {
                        slot.write(data, *last);
                    }
                }
                Memory::LimitHeld | Memory::EnableHeld | Memory::Stale => {
                    self.kept.insert(key, raw);
                }
            }
        });
    }
}

fn signed(register: u16) -> isize {
    isize::try_from(register).unwrap_or(isize::MAX)
}

/// The best grade of the message's fields, and of its bits without a field, whose value is another one; the message begins
/// `shift` bytes into the data.
fn best_changed(message: &Message, shift: isize, decoded: &Decoded<'_>, data: &[u8]) -> Option<Grade> {
    let slots = groups(decoded).flat_map(|(_, around)| (0..around.len()).filter_map(|index| Slot::new(around, index)));
    let fields = slots
        .filter(|slot| slot.read(data) != slot.read(&decoded.data))
        .map(|slot| slot.field.value_grade(false));
    let reserved = message
        .layout
        .reserved
        .iter()
        .filter(|reserved| !reserved.must.is_empty());
    let bits = reserved
        .filter(|reserved| {
            let bytes = |data| reserved_bytes(&reserved.place, shift, data);
            bytes(data) != bytes(&decoded.data)
        })
        .map(|reserved| reserved.grade);
    fields.chain(bits).map(|grade| grade.worse(message.grade)).min()
}

fn reserved_bytes<'d>(place: &Place, shift: isize, data: &'d [u8]) -> Option<&'d [u8]> {
    data.get(reserved_range(place, shift, data.len())?)
}

/// Where reserved bits lie in data of some length.
fn reserved_range(place: &Place, shift: isize, length: usize) -> Option<std::ops::Range<usize>> {
    let start = start_of(place, shift, length)?;
    Some(start..(start + place.bytes).min(length))
}

/// Where a place without a field begins in the data, of so many bytes.
fn start_of(place: &Place, shift: isize, length: usize) -> Option<usize> {
    match place.anchor {
        Anchor::Start(start) => start.checked_add_signed(shift),
        Anchor::End(back) => length.checked_sub(back),
        Anchor::Next | Anchor::Same => None,
    }
}

/// Gives the bits that the sheet reserves a value that is neither right nor tolerated: all set where that is wrong. The
/// message begins `shift` bytes into the data.
fn set_reserved(reserved: &Reserved, shift: isize, data: &mut [u8]) -> Option<()> {
    let place = &reserved.place;
    let width = place
        .bits
        .map_or(8 * place.bytes, |(low, high)| usize::from(high - low) + 1);
    let all = u64::MAX >> (64 - width.clamp(1, 64));
    let fine = |value: &u64| reserved.must.contains(value) || reserved.tolerated.contains(value);
    let value = [all, 0, 1, 2].into_iter().find(|value| !fine(value))?;
    let bytes = data.get_mut(reserved_range(place, shift, data.len())?)?;
    if place.bits.is_none() {
        let [low, ..] = value.to_le_bytes();
        bytes.fill(if value == all { 0xFF } else { 0 });
        *bytes.first_mut()? = low;
        return Some(());
    }
    bits::insert(place, bytes, value)
}

/// The fields of a message by pack; those of the message itself under 0.
fn groups<'d, 'p>(decoded: &'d Decoded<'p>) -> impl Iterator<Item = (usize, &'d [DecodedField<'p>])> {
    std::iter::once(decoded.fields.as_slice())
        .chain(decoded.packs.iter().map(Vec::as_slice))
        .enumerate()
}

/// Each field of a message with a name of the definition, with the number of its pack.
fn for_each(decoded: &Decoded<'_>, name: &str, mut each: impl FnMut(Slot<'_, '_>, usize)) {
    for (pack, around) in groups(decoded) {
        for index in (0..around.len()).filter(|index| around[*index].field.name == name) {
            if let Some(slot) = Slot::new(around, index) {
                each(slot, pack);
            }
        }
    }
}

/// Whether a fault is one of the data of messages.
pub(super) fn is_of_content(fault: &Fault) -> bool {
    matches!(
        (fault.operator.act, &fault.place),
        (
            Act::Field { .. } | Act::Message { .. } | Act::Reserved | Act::Memory(_),
            place::Place::Message(_) | place::Place::Field(..) | place::Place::Reserved(..)
        )
    )
}
