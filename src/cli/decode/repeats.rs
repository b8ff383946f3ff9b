//! Frames that were decoded before.
//!
//! A battery at rest says the same again and again: what a CAN frame means depends on its identifier and data alone, so
//! the line of JSON after the time is kept and used again. The table has a fixed number of places; frames that share
//! one displace each other, and memory stays as it is.

use super::Counts;
use crate::wire::can::{CanFrame, CanKind};

/// The number of places: a power of two. A line has about 600 bytes, so that the table stays below a megabyte.
const PLACES: usize = 1024;

/// Lines of frames that were decoded before.
#[derive(Debug)]
pub struct Repeats {
    places: Vec<Place>,
}

/// A frame with its line.
#[derive(Clone, Debug, Default)]
pub struct Place {
    frame: Option<CanFrame>,
    /// The line after the time.
    pub rest: Vec<u8>,
    /// What the frame adds to the counts.
    pub counts: Counts,
}

impl Default for Repeats {
    /// An empty table.
    fn default() -> Repeats {
        Repeats {
            places: vec![Place::default(); PLACES],
        }
    }
}

impl Repeats {
    /// The place of a frame, and whether it holds that frame already. If not, it is empty and the frame's from now on.
    pub fn place(&mut self, frame: &CanFrame) -> (&mut Place, bool) {
        let index = index_of(frame);
        let place = &mut self.places[index];
        let known = place.frame.as_ref() == Some(frame);
        if !known {
            place.frame = Some(*frame);
            place.rest.clear();
            place.counts = Counts::default();
        }
        (place, known)
    }
}

/// A place by identifier and data; frames that differ in nothing else may share it.
fn index_of(frame: &CanFrame) -> usize {
    let mut bytes = [0; 8];
    let payload = frame.payload();
    bytes[..payload.len()].copy_from_slice(payload);
    let kind = u64::from(frame.kind == CanKind::Data);
    let head = u64::from(frame.id.number()) << 8 | kind << 7 | frame.length() as u64;
    // Fibonacci hashing: the upper bits of the product depend on all bits below.
    let mixed = (u64::from_le_bytes(bytes) ^ head.rotate_left(32)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 54) as usize % PLACES
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::can::CanId;

    #[test]
    fn only_the_very_same_frame_is_known_again() {
        let mut repeats = Repeats::default();
        let frame = |id, data: &[u8]| CanFrame::data(id, data).expect("eight bytes at most");
        let first = frame(CanId::Standard(0x351), &[1, 2]);
        assert!(!repeats.place(&first).1);
        repeats.place(&first).0.rest.push(7);
        assert!(repeats.place(&first).1);
        for other in [
            frame(CanId::Standard(0x351), &[1, 2, 0]),
            frame(CanId::Standard(0x351), &[1, 3]),
            frame(CanId::Extended(0x351), &[1, 2]),
            CanFrame::remote(CanId::Standard(0x351), 2).expect("two bytes"),
        ] {
            assert!(!repeats.place(&other).1, "{other}");
        }
    }

    #[test]
    fn a_displaced_frame_leaves_nothing_behind() {
        let mut repeats = Repeats::default();
        for number in 0..100_000_u32 {
            let frame = CanFrame::data(CanId::Standard(0x351), &number.to_le_bytes()).expect("four bytes");
            let (place, known) = repeats.place(&frame);
            assert!(!known && place.rest.is_empty(), "{number}");
            place.rest.extend_from_slice(&number.to_le_bytes());
        }
    }
}
