//! Random input for the battery: frames that nobody sends, bytes that mean nothing.

use crate::definition::{Bus, MessageKey, Protocol};
use crate::hash::fnv1a;
use crate::wire::BusFrame;
use crate::wire::can::{CanFrame, CanId};

/// The longest piece of random bytes on a serial line.
const PIECE: usize = 40;

/// Numbers that look random and follow from the seed of the run (splitmix64).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Dice for one step of one case: the same seed gives the same throws, whatever ran before.
    pub fn new(seed: u64, case: &str, step: usize) -> Dice {
        Dice(fnv1a(case.bytes()) ^ seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (step as u64).rotate_left(32))
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// A number below `end`; 0 where that is 0.
    pub fn below(&mut self, end: u32) -> u32 {
        // The remainder of 64 bits by 32 is even enough.
        u32::try_from(self.bits() % u64::from(end.max(1))).unwrap_or(0)
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.bits().to_le_bytes()[0]).collect()
    }
}

/// So many random frames, or bytes on a serial line.
///
/// A frame has any length and any identifier of either width, except those that the protocol knows and those where
/// inverters command batteries (below 0x010, 0x300 to 0x3FF): on a live battery nothing may be switched by chance. One in
/// eight is a remote frame. Bytes come in pieces of at most 40.
pub fn noise(protocol: &Protocol, count: u32, dice: &mut Dice) -> Vec<BusFrame> {
    if matches!(protocol.bus, Bus::Can { .. }) {
        return (0..count).map(|_| BusFrame::Can(frame(protocol, dice))).collect();
    }
    let mut left = usize::try_from(count).unwrap_or(usize::MAX);
    let mut pieces = Vec::new();
    while left > 0 {
        let length = left.min(1 + usize::try_from(dice.below(PIECE as u32)).unwrap_or(0));
        pieces.push(BusFrame::Serial(dice.bytes(length)));
        left -= length;
    }
    pieces
}

fn frame(protocol: &Protocol, dice: &mut Dice) -> CanFrame {
    loop {
        let id = match dice.below(2) {
            0 => CanId::standard(dice.below(0x800)),
            _ => CanId::extended(dice.below(0x2000_0000)),
        };
        let Some(id) = id.filter(|id| is_foreign(protocol, *id)) else {
            continue;
        };
        let length = u8::try_from(dice.below(9)).unwrap_or(8);
        let made = match dice.below(8) {
            0 => CanFrame::remote(id, length),
            _ => CanFrame::data(id, &dice.bytes(usize::from(length))),
        };
        if let Some(frame) = made {
            return frame;
        }
    }
}

fn is_foreign(protocol: &Protocol, id: CanId) -> bool {
    let number = id.number();
    let listed = protocol
        .messages
        .iter()
        .any(|message| message.key == MessageKey::Can(id));
    let sent = protocol.inverter.iter().any(|frame| frame.id == id);
    !(listed || sent || number < 0x10 || (0x300..0x400).contains(&number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::Library;
    use crate::wire::can::CanKind;

    #[test]
    fn frames_are_of_all_kinds_and_of_nobody() {
        let (library, _) = Library::load(None);
        for protocol in library
            .protocols()
            .filter(|protocol| matches!(protocol.bus, Bus::Can { .. }))
        {
            let all = noise(protocol, 4000, &mut Dice::new(1, "case", 0));
            let frames: Vec<&CanFrame> = all
                .iter()
                .filter_map(|frame| match frame {
                    BusFrame::Can(frame) => Some(frame),
                    BusFrame::Serial(_) => None,
                })
                .collect();
            assert_eq!(frames.len(), 4000);
            assert!(frames.iter().all(|frame| is_foreign(protocol, frame.id)));
            for length in 0..=8 {
                assert!(frames.iter().any(|frame| frame.length() == length), "{length}");
            }
            assert!(frames.iter().any(|frame| frame.kind == CanKind::Remote));
            let wide = frames.iter().filter(|frame| frame.id.is_extended()).count();
            assert!((1000..3000).contains(&wide), "{wide}");
        }
    }

    #[test]
    fn a_seed_gives_the_same_bytes_and_another_one_others() {
        let (library, _) = Library::load(None);
        let protocol = library.protocol("pylon-rs485").expect("a protocol");
        let bytes = |seed, step| noise(protocol, 500, &mut Dice::new(seed, "case", step));
        let length = |pieces: &[BusFrame]| pieces.iter().map(|piece| piece.to_string().len()).sum::<usize>();
        assert_eq!(bytes(1, 0), bytes(1, 0));
        assert_ne!(bytes(1, 0), bytes(2, 0));
        assert_ne!(bytes(1, 0), bytes(1, 1));
        let count: usize = bytes(1, 0)
            .iter()
            .map(|piece| match piece {
                BusFrame::Serial(bytes) => bytes.len(),
                BusFrame::Can(_) => 0,
            })
            .sum();
        assert_eq!(count, 500);
        assert!(length(&bytes(1, 0)) > 0);
    }
}
