//! Where a field lies in the bytes of one message.

use crate::decode::{DecodedField, bits};
use crate::definition::{ByteOrder, Field, Kind};

/// A field of one message, with the message's other fields beside it.
///
/// Numbers are read and written as they lie on the wire: order of bytes and bits applied, no scale and no offset.
#[derive(Clone, Copy, Debug)]
pub struct Slot<'d, 'p> {
    /// The definition's field.
    pub field: &'p Field,
    /// The first byte of its container.
    pub start: usize,
    /// The fields that stand together with it: of the message, or of its pack.
    pub around: &'d [DecodedField<'p>],
    /// Its index among them.
    pub index: usize,
}

impl<'d, 'p> Slot<'d, 'p> {
    /// The slot of one of some decoded fields; `None` for a field that takes no place on the wire.
    pub fn new(around: &'d [DecodedField<'p>], index: usize) -> Option<Slot<'d, 'p>> {
        let found = around.get(index)?;
        if found.bytes.is_empty() {
            return None;
        }
        let place = &found.field.place;
        let start = match (place.bits, place.order) {
            (Some(_), _) if place.low_word_first => found.bytes.start,
            (Some((low, _)), ByteOrder::Little) => found.bytes.start.checked_sub(usize::from(low / 8))?,
            (Some((_, high)), ByteOrder::Big) => {
                let above = place.bytes.checked_sub(1 + usize::from(high / 8))?;
                found.bytes.start.checked_sub(above)?
            }
            (None, _) => found.bytes.start,
        };
        Some(Slot {
            field: found.field,
            start,
            around,
            index,
        })
    }

    /// The slot of the field with this name.
    pub fn named(around: &'d [DecodedField<'p>], name: &str) -> Option<Slot<'d, 'p>> {
        let index = around.iter().position(|found| found.name == name)?;
        Slot::new(around, index)
    }

    /// The bytes of its container: a text's length is that of what was decoded.
    pub fn bytes(&self) -> std::ops::Range<usize> {
        match (self.field.place.bytes, self.around.get(self.index)) {
            (0, Some(found)) => found.bytes.clone(),
            (bytes, _) => self.start..self.start + bytes,
        }
    }

    /// How many bits its number has.
    pub fn width(&self) -> u8 {
        match self.field.place.bytes {
            0 => u8::try_from(self.bytes().len() * 8).unwrap_or(u8::MAX),
            _ => bits::width(&self.field.place),
        }
    }

    /// Its number without a sign; `None` where the data is too short, and for what is longer than eight bytes.
    pub fn read(&self, data: &[u8]) -> Option<u64> {
        bits::extract(&self.field.place, data.get(self.bytes())?)
    }

    /// Its number with the sign of a two's complement field.
    pub fn read_signed(&self, data: &[u8]) -> Option<i128> {
        let raw = self.read(data)?;
        Some(match &self.field.kind {
            Kind::Number(number) if number.signed => i128::from(bits::sign_extend(raw, self.width())),
            Kind::State { signed: true, .. } => i128::from(bits::sign_extend(raw, self.width())),
            _ => i128::from(raw),
        })
    }

    /// What stands in its place: its number, or the bytes of what is longer or no number.
    pub fn read_bytes(&self, data: &[u8]) -> Option<Vec<u8>> {
        match self.read(data) {
            Some(raw) => Some(raw.to_be_bytes().to_vec()),
            None => data.get(self.bytes()).map(<[u8]>::to_vec),
        }
    }

    /// Writes a number; what goes beyond its bits is cut off, as a sender's conversion does.
    pub fn write(&self, data: &mut [u8], raw: u64) -> Option<()> {
        bits::insert(&self.field.place, data.get_mut(self.bytes())?, raw)
    }

    /// The nearest field before that satisfies a condition.
    pub fn neighbour_before(&self, fits: impl Fn(&Field) -> bool) -> Option<Slot<'d, 'p>> {
        let found = (0..self.index).rev().find(|index| self.is_there(*index, &fits))?;
        Slot::new(self.around, found)
    }

    /// The next field that satisfies a condition, or the nearest one before.
    pub fn neighbour(&self, fits: impl Fn(&Field) -> bool) -> Option<Slot<'d, 'p>> {
        let after = self.index + 1..self.around.len();
        let found = after
            .chain((0..self.index).rev())
            .find(|index| self.is_there(*index, &fits))?;
        Slot::new(self.around, found)
    }

    /// Whether a field that takes a place on the wire satisfies a condition.
    fn is_there(&self, index: usize, fits: &impl Fn(&Field) -> bool) -> bool {
        let other = self.around.get(index);
        other.is_some_and(|other| !other.bytes.is_empty() && fits(other.field))
    }
}
