//! Bits in bytes: the one place that knows how a number lies in its container.

use std::ops::Range;

use crate::definition::{ByteOrder, Place};

/// The container's bytes as one number, bits cut out; `None` when `bytes` is not as long as the place says.
///
/// Containers have at most eight bytes (checked when a definition is loaded).
pub(crate) fn extract(place: &Place, bytes: &[u8]) -> Option<u64> {
    let whole = assemble(place, bytes)?;
    Some(match place.bits {
        None => whole,
        Some((low, high)) => (whole >> low) & mask(high - low + 1),
    })
}

/// Puts bits of a number into the container's bytes; bits beyond the place are cut off.
pub(crate) fn insert(place: &Place, bytes: &mut [u8], value: u64) -> Option<()> {
    let whole = assemble(place, bytes)?;
    let merged = match place.bits {
        None => value & mask((place.bytes * 8) as u8),
        Some((low, high)) => {
            let window = mask(high - low + 1) << low;
            (whole & !window) | ((value << low) & window)
        }
    };
    let count = bytes.len();
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = (merged >> (8 * significance(place, index, count))) as u8;
    }
    Some(())
}

fn assemble(place: &Place, bytes: &[u8]) -> Option<u64> {
    let count = bytes.len();
    if count != place.bytes || count == 0 || count > 8 {
        return None;
    }
    let mut whole = 0_u64;
    for (index, byte) in bytes.iter().enumerate() {
        whole |= u64::from(*byte) << (8 * significance(place, index, count));
    }
    Some(whole)
}

/// How significant the byte at `index` is, from 0 for the least.
fn significance(place: &Place, index: usize, count: usize) -> usize {
    match place.order {
        ByteOrder::Little if !place.low_word_first => index,
        // Words of two bytes swapped against the order of the bytes in them.
        ByteOrder::Little => (count / 2 - 1 - index / 2) * 2 + index % 2,
        ByteOrder::Big if !place.low_word_first => count - 1 - index,
        ByteOrder::Big => index / 2 * 2 + (1 - index % 2),
    }
}

/// How many bits the number has.
pub(crate) fn width(place: &Place) -> u8 {
    place.bits.map_or((place.bytes * 8) as u8, |(low, high)| high - low + 1)
}

/// The two's complement reading of a number of some bits.
pub(crate) fn sign_extend(value: u64, width: u8) -> i64 {
    if width == 0 || width >= 64 {
        return value as i64;
    }
    let shift = 64 - u32::from(width);
    ((value << shift) as i64) >> shift
}

/// As many ones as the number has bits.
pub(crate) fn mask(width: u8) -> u64 {
    if width >= 64 { u64::MAX } else { (1 << width) - 1 }
}

/// The bytes of the data that hold the bits of a place whose container begins at `start`.
pub(crate) fn touched(place: &Place, start: usize) -> Range<usize> {
    let Some((low, high)) = place.bits else {
        return start..start + place.bytes;
    };
    if place.bytes == 0 || place.low_word_first {
        return start..start + place.bytes;
    }
    let (low, high) = (usize::from(low / 8), usize::from(high / 8));
    match place.order {
        ByteOrder::Little => start + low..start + high + 1,
        ByteOrder::Big => start + place.bytes - 1 - high..start + place.bytes - low,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::Anchor;

    fn place(bytes: usize, bits: Option<(u8, u8)>, order: ByteOrder, low_word_first: bool) -> Place {
        Place {
            anchor: Anchor::Start(0),
            bytes,
            bits,
            order,
            low_word_first,
        }
    }

    #[test]
    fn orders_of_bytes_and_words() {
        let bytes = [0x00, 0x04, 0x45, 0xC0];
        assert_eq!(
            extract(&place(4, None, ByteOrder::Big, false), &bytes),
            Some(0x0004_45C0)
        );
        assert_eq!(
            extract(&place(4, None, ByteOrder::Little, false), &bytes),
            Some(0xC045_0400)
        );
        // Growatt's date: low word first, each word high byte first.
        assert_eq!(
            extract(&place(4, None, ByteOrder::Big, true), &[0xDB, 0x5E, 0x61, 0x62]),
            Some(0x6162_DB5E)
        );
        assert_eq!(
            extract(&place(3, None, ByteOrder::Big, false), &[0x04, 0x45, 0xC0]),
            Some(280_000)
        );
        assert_eq!(extract(&place(2, None, ByteOrder::Big, false), &[1]), None);
    }

    #[test]
    fn bits_count_from_the_least_significant_of_the_container() {
        // Growatt 0x311 bytes 6..7 `00 69`: word bit 5 is byte 7 bit 5.
        let word = |bit| place(2, Some((bit, bit)), ByteOrder::Big, false);
        assert_eq!(extract(&word(5), &[0x00, 0x69]), Some(1));
        assert_eq!(extract(&word(4), &[0x00, 0x69]), Some(0));
        assert_eq!(touched(&word(5), 6), 7..8);
        assert_eq!(touched(&word(9), 6), 6..7);
        assert_eq!(
            extract(&place(1, Some((0, 6)), ByteOrder::Little, false), &[0xE4]),
            Some(100)
        );
    }

    #[test]
    fn what_is_inserted_is_extracted_and_nothing_else_moves() {
        for order in [ByteOrder::Little, ByteOrder::Big] {
            for low_word_first in [false, true] {
                let place = place(4, Some((5, 17)), order, low_word_first);
                let mut bytes = [0xA5; 4];
                insert(&place, &mut bytes, 0x1ABC).unwrap();
                assert_eq!(extract(&place, &bytes), Some(0x1ABC));
                insert(&place, &mut bytes, extract(&place, &[0xA5; 4]).unwrap()).unwrap();
                assert_eq!(bytes, [0xA5; 4]);
            }
        }
    }

    #[test]
    fn signs() {
        assert_eq!(sign_extend(0xFFD8, 16), -40);
        assert_eq!(sign_extend(0x7FFF, 16), 32767);
        assert_eq!(sign_extend(0xFD, 8), -3);
        assert_eq!(sign_extend(u64::MAX, 64), -1);
    }
}
