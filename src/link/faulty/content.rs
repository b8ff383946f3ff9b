//! The fault in the data of one message.

use std::collections::HashMap;

use crate::decode::{Decoded, DecodedField, bits};
use crate::definition::{Anchor, Protocol};
use crate::fault::{Act, Fault, Memory, Place, Slot};

/// What a faulty sender remembers of what it has sent.
#[derive(Debug, Default)]
pub(crate) struct Content {
    /// First values, or the last ones that were not 0, by pack and field.
    kept: HashMap<(usize, String), u64>,
    /// The data of the message before.
    before: Option<Vec<u8>>,
}

impl Content {
    /// The data with the fault in it; `None` where the fault does not change it.
    pub(crate) fn changed(&mut self, fault: &Fault, protocol: &Protocol, decoded: &Decoded<'_>) -> Option<Vec<u8>> {
        let key = decoded.message?.key;
        if fault.place.message() != Some(key) {
            return None;
        }
        let mut data = decoded.data.clone();
        match fault.operator.act {
            Act::Field { changes, .. } => {
                let change = changes.first()?;
                for_each(decoded, fault.place.field()?, |slot, _| {
                    change(&slot, &mut data);
                });
            }
            Act::Message { change, .. } => {
                for (_, around) in groups(decoded) {
                    for slot in (0..around.len()).filter_map(|index| Slot::new(around, index)) {
                        change(&slot, &mut data);
                    }
                }
            }
            Act::Reserved => {
                for reserved in fault.reserved(protocol) {
                    set_reserved(&reserved.place, &mut data);
                }
            }
            Act::Memory(Memory::Stale) => {
                let before = self.before.replace(data.clone());
                data = before?;
            }
            Act::Memory(memory) => self.remember(memory, fault.place.field()?, decoded, &mut data),
            _ => return None,
        }
        (data != decoded.data).then_some(data)
    }

    fn remember(&mut self, memory: Memory, name: &str, decoded: &Decoded<'_>, data: &mut [u8]) {
        for_each(decoded, name, |slot, pack| {
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

/// Sets the bits that the sheet reserves.
fn set_reserved(place: &crate::definition::Place, data: &mut [u8]) -> Option<()> {
    let start = match place.anchor {
        Anchor::Start(start) => start,
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
