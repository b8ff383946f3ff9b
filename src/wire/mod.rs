//! Frames as they are on a bus, and the codecs between bytes and frames.
//!
//! | file | subject |
//! |---|---|
//! | [`can`] | a classic CAN frame: identifier with its format, data or remote |
//! | [`pylon_ascii`] | the ASCII-hex frame of Pylon RS485 and its relatives: `parse`, `emit`, a deframer |
//! | [`modbus`] | Modbus RTU frames: `parse`, `emit`, silence-based deframing |
//! | [`checksum`] | CRC-16 of Modbus, additive checksums of the ASCII frames |
//!
//! A frame shows any bytes faithfully, nonsense included; meaning is given by [`crate::decode`].

pub mod can;
pub mod checksum;
pub mod modbus;
pub mod pylon_ascii;

use std::fmt;

/// What one message on a bus consists of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum BusFrame {
    /// A CAN frame.
    Can(can::CanFrame),
    /// Bytes of a serial line that arrived together (a burst, or what one write sent).
    Serial(Vec<u8>),
}

impl fmt::Display for BusFrame {
    /// `351#...` for CAN, spaced upper-case hex for serial bytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BusFrame::Can(frame) => fmt::Display::fmt(frame, f),
            BusFrame::Serial(bytes) => f.pad(&hex_spaced(bytes)),
        }
    }
}

/// Upper-case hex with a blank between bytes: `7E 32 30`.
pub fn hex_spaced(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 3);
    for (index, byte) in bytes.iter().enumerate() {
        if index > 0 {
            text.push(' ');
        }
        text.push(HEX_DIGITS[usize::from(byte >> 4)]);
        text.push(HEX_DIGITS[usize::from(byte & 15)]);
    }
    text
}

/// Upper-case hex without blanks: `7E3230`.
pub fn hex_compact(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [HEX_DIGITS[usize::from(byte >> 4)], HEX_DIGITS[usize::from(byte & 15)]])
        .collect()
}

const HEX_DIGITS: [char; 16] = [
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F',
];
