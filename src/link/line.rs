//! How long frames and bytes occupy a line.

use std::time::Duration;

use crate::definition::Bus;
use crate::wire::can::{CanFrame, CanId, CanKind};
use crate::wire::checksum::can_crc15;

/// The physical line of a bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// Classic CAN.
    Can {
        /// Bits per second, not zero.
        bitrate: u32,
    },
    /// A serial line with ten bits for each byte (8N1).
    Serial {
        /// Bits per second, not zero.
        baud: u32,
    },
}

/// Bits of silence that follow a CAN frame before the next may start (ISO 11898-1, intermission).
const INTERMISSION_BITS: u64 = 3;
/// CRC delimiter, acknowledge slot and delimiter, end of frame: never stuffed.
const CAN_TAIL_BITS: u64 = 10;
/// Start bit, eight data bits, stop bit.
const SERIAL_BITS: u64 = 10;

impl Line {
    /// The line of a definition's bus at its nominal rate.
    pub fn of(bus: &Bus) -> Line {
        match bus {
            Bus::Can { bitrate, .. } => Line::Can { bitrate: *bitrate },
            Bus::Serial { baud, .. } => Line::Serial { baud: *baud },
        }
    }

    /// How long a CAN frame takes from the start-of-frame bit to the end of its last bit, stuff bits counted exactly.
    ///
    /// Zero for an error report, which is no frame on the wire.
    pub fn can_frame(self, frame: &CanFrame) -> Duration {
        self.bits(can_bits(frame))
    }

    /// The pause that must follow a CAN frame.
    pub fn intermission(self) -> Duration {
        self.bits(INTERMISSION_BITS)
    }

    /// How long `count` serial bytes take without a gap between them.
    pub fn bytes(self, count: usize) -> Duration {
        self.bits(SERIAL_BITS.saturating_mul(count as u64))
    }

    /// The duration of this many bits, to the nearest microsecond.
    fn bits(self, bits: u64) -> Duration {
        let rate = match self {
            Line::Can { bitrate } => bitrate,
            Line::Serial { baud } => baud,
        };
        let rate = u64::from(rate.max(1));
        Duration::from_micros((bits.saturating_mul(1_000_000) + rate / 2) / rate)
    }
}

/// The bits of a CAN frame on the wire, stuff bits included, without the intermission.
fn can_bits(frame: &CanFrame) -> u64 {
    let remote = match frame.kind {
        CanKind::Data => 0,
        CanKind::Remote => 1,
        CanKind::Error => return 0,
    };
    let mut bits = Bits::default();
    bits.push(0, 1);
    match frame.id {
        // Identifier; RTR, IDE, r0.
        CanId::Standard(id) => {
            bits.push(id.into(), 11);
            bits.push(remote << 2, 3);
        }
        // Base identifier; SRR and IDE; extension; RTR, r1, r0.
        CanId::Extended(id) => {
            bits.push(id >> 18, 11);
            bits.push(0b11, 2);
            bits.push(id & 0x3_FFFF, 18);
            bits.push(remote << 2, 3);
        }
    }
    bits.push(frame.length() as u32, 4);
    for byte in frame.payload() {
        bits.push((*byte).into(), 8);
    }
    bits.push(can_crc15(frame).unwrap_or_default().into(), 15);
    u64::from(bits.count) + bits.stuffed() + CAN_TAIL_BITS
}

/// A row of bits; the longest frame has 118 before its CRC delimiter.
#[derive(Default)]
struct Bits {
    row: u128,
    count: u32,
}

impl Bits {
    fn push(&mut self, value: u32, count: u32) {
        self.row = self.row << count | u128::from(value);
        self.count += count;
    }

    /// How many stuff bits a sender inserts: one of the other kind after five equal bits, itself counted as the first
    /// of the next five.
    fn stuffed(&self) -> u64 {
        let (mut last, mut run, mut stuffed) = (1, 0, 0);
        for place in (0..self.count).rev() {
            let bit = self.row >> place & 1;
            run = if bit == last { run + 1 } else { 1 };
            last = bit;
            if run == 5 {
                stuffed += 1;
                (last, run) = (1 - bit, 1);
            }
        }
        stuffed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAN: Line = Line::Can { bitrate: 500_000 };

    fn frame(id: u16, data: &[u8]) -> CanFrame {
        CanFrame::data(CanId::Standard(id), data).unwrap()
    }

    /// Counted by another program, which builds the bits as text; the CRC of the first two is that of sheet pylon-can.
    #[test]
    fn frames_have_the_bits_that_another_program_counts() {
        let extended = |id, data: &[u8]| CanFrame::data(CanId::Extended(id), data).unwrap();
        for (frame, bits) in [
            (frame(0x351, &[0x9E, 0x02, 0x7C, 0x01, 0x6C, 0x07, 0xC6, 0x01]), 115),
            (frame(0x305, &[0; 8]), 122),
            (frame(0x555, &[0x55; 8]), 109),
            (frame(0x7FF, &[]), 47),
            (extended(0x1555_5555, &[0x55; 8]), 128),
            (extended(0x1FFF_FFFF, &[0xFF; 8]), 146),
            (CanFrame::remote(CanId::Standard(0x305), 8).unwrap(), 46),
        ] {
            assert_eq!(can_bits(&frame), bits, "{frame}");
            assert_eq!(CAN.can_frame(&frame), Duration::from_micros(2 * bits));
        }
        assert_eq!(CAN.intermission(), Duration::from_micros(6));
    }

    #[test]
    fn stuff_bits_are_counted_and_start_a_new_run() {
        let row = |text: &str| {
            let mut bits = Bits::default();
            text.bytes().for_each(|bit| bits.push(u32::from(bit - b'0'), 1));
            bits.stuffed()
        };
        assert_eq!(row("01010101"), 0);
        assert_eq!(row("00000"), 1);
        assert_eq!(row("0000"), 0);
        // The stuffed 1 after five zeros makes a run with the four ones that follow.
        assert_eq!(row("000001111"), 2);
        assert_eq!(row("00000111"), 1);
        // Ten zeros: a stuff bit after each five.
        assert_eq!(row("0000000000"), 2);
    }

    #[test]
    fn an_error_report_takes_no_time() {
        assert_eq!(CAN.can_frame(&CanFrame::error(4, [0; 8])), Duration::ZERO);
    }

    #[test]
    fn serial_bytes_do_not_add_up_rounding() {
        let line = Line::Serial { baud: 9600 };
        assert_eq!(line.bytes(1), Duration::from_micros(1042));
        assert_eq!(line.bytes(960), Duration::from_secs(1));
        assert_eq!(Line::Serial { baud: 115_200 }.bytes(0), Duration::ZERO);
    }
}
