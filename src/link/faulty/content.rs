//! The fault in the data of one message.

use std::collections::HashMap;
use std::ptr;

use crate::decode::{Decoded, DecodedField, bits};
use crate::definition::{Anchor, Field, Protocol};
use crate::fault::{Act, Fault, Memory, Place, Slot};

/// What a faulty sender remembers of what it has sent.
#[derive(Debug, Default)]
pub(crate) struct Content {
    /// First values, or the last ones that were not 0, by pack and field.
    kept: HashMap<(usize, String), u64>,
    /// The data of the message before; of registers for each range that is read.
    before: HashMap<Option<(u16, u16)>, Vec<u8>>,
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
                // Where the message begins in the data: before them, where only a later part of it was read.
                let shift = match (registers, message.registers()) {
                    (Some((start, _)), Some((first, _))) => 2 * (signed(first) - signed(start)),
                    _ => 0,
                };
                for reserved in fault.reserved(protocol) {
                    set_reserved(&reserved.place, shift, &mut data);
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
        (data != decoded.data).then_some(data)
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

/// Sets the bits that the sheet reserves; the message begins `shift` bytes into the data.
fn set_reserved(place: &crate::definition::Place, shift: isize, data: &mut [u8]) -> Option<()> {
    let start = match place.anchor {
        Anchor::Start(start) => start.checked_add_signed(shift)?,
        Anchor::End(back) => data.len().checked_sub(back)?,
        Anchor::Next | Anchor::Same => return None,
    };
    let end = (start + place.bytes).min(data.len());
    let bytes = data.get_mut(start..end)?;
    if place.bits.is_none() {
        bytes.fill(0xFF);
        return Some(());
    }
    bits::insert(place, bytes, u64::MAX)
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
            Place::Message(_) | Place::Field(..) | Place::Reserved(..)
        )
    )
}
