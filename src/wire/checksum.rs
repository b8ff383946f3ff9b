//! Checksums of the serial protocols, and the CRC that a CAN controller computes.
//!
//! | checksum | used by | sheet |
//! |---|---|---|
//! | [`crc16_modbus`] | Modbus RTU and the Voltronic protocol | pace-modbus "CRC and lengths" (A) |
//! | [`ascii_checksum`] | CHKSUM of the Pylon ASCII frame | pylon-rs485 "Checksum and length rules" (A) |
//! | [`length_checksum`] | LCHKSUM, the high nibble of its LENGTH | pylon-rs485 "Checksum and length rules" (A) |
//! | [`can_crc15`] | nobody above the controller: CAN has no application checksum | pylon-can "Checksum / length" (A) |

use super::can::{CanFrame, CanId, CanKind};

/// CRC-16 of Modbus: reflected polynomial 0xA001, start value 0xFFFF, no final exclusive or.
///
/// On the wire the low byte goes first.
pub fn crc16_modbus(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |crc, byte| {
        (crc >> 8) ^ CRC16_TABLE[usize::from((crc as u8) ^ byte)]
    })
}

/// CHKSUM of a Pylon ASCII frame: the two's complement of the sum of the character codes, modulo 65536.
///
/// `characters` are those from VER to the end of INFO, as sent (lower-case hex digits change the sum).
pub fn ascii_checksum(characters: &[u8]) -> u16 {
    characters
        .iter()
        .fold(0_u16, |sum, &character| sum.wrapping_add(u16::from(character)))
        .wrapping_neg()
}

/// LCHKSUM of a Pylon ASCII frame: the two's complement of the sum of the three digits of LENID, 0..=15.
///
/// Only the low 12 bits of `lenid` count.
pub fn length_checksum(lenid: u16) -> u8 {
    let digits = (lenid & 15) + (lenid >> 4 & 15) + (lenid >> 8 & 15);
    (digits.wrapping_neg() & 15) as u8
}

/// CRC-15 of a CAN frame (polynomial 0x4599, start value 0) over the bits from start-of-frame to the end of the data,
/// before stuffing; `None` for an error report, which is no frame on the wire.
///
/// No protocol carries it: it serves to compare a frame with a recording of the raw bits.
pub fn can_crc15(frame: &CanFrame) -> Option<u16> {
    const DOMINANT: u32 = 0;
    const RECESSIVE: u32 = 1;
    let remote = match frame.kind {
        CanKind::Data => DOMINANT,
        CanKind::Remote => RECESSIVE,
        CanKind::Error => return None,
    };
    let mut crc = crc15_bits(0, DOMINANT, 1);
    crc = match frame.id {
        // Identifier, RTR, IDE, r0.
        CanId::Standard(id) => crc15_bits(crc, u32::from(id) << 3 | remote << 2, 14),
        CanId::Extended(id) => {
            // Base identifier, SRR, IDE (both recessive), identifier extension, RTR, r1, r0.
            let crc = crc15_bits(crc, id >> 18 << 2 | RECESSIVE << 1 | RECESSIVE, 13);
            crc15_bits(crc, (id & 0x3_FFFF) << 3 | remote << 2, 21)
        }
    };
    crc = crc15_bits(crc, frame.length() as u32, 4);
    Some(
        frame
            .payload()
            .iter()
            .fold(crc, |crc, &byte| crc15_bits(crc, u32::from(byte), 8)),
    )
}

/// Takes the low `count` bits of `bits` into the CRC, highest first.
fn crc15_bits(crc: u16, bits: u32, count: u32) -> u16 {
    (0..count).rev().fold(crc, |crc, place| {
        let next = (bits >> place & 1) as u16 ^ (crc >> 14 & 1);
        (crc << 1 & 0x7FFF) ^ (next * 0x4599)
    })
}

const CRC16_TABLE: [u16; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut crc = index as u16;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xA001 } else { crc >> 1 };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modbus_crc_agrees_with_the_worked_examples() {
        // pace-modbus, growatt-rs485, srne-modbus, voltronic-rs485, luxpower-rs485, schneider-rs485: "Worked example".
        let examples: [(&[u8], u16); 9] = [
            (&[0x01, 0x03, 0x00, 0x01, 0x00, 0x01], 0xCAD5),
            (&[0x01, 0x03, 0x00, 0x10, 0x00, 0x1B], 0x0404),
            (&[0x01, 0x03, 0x02, 0x00, 0x42], 0x7538),
            (&[0x01, 0x03, 0x00, 0x00, 0x00, 0x0D], 0x0F84),
            (&[0x0F, 0x03, 0x00, 0x33, 0x00, 0x01], 0x2B75),
            (&[0x01, 0x03, 0x00, 0x13, 0x00, 0x11], 0x0374),
            (&[0x01, 0x03, 0x00, 0x4C, 0x00, 0x03], 0x1CC4),
            (&[0x11, 0x03, 0x00, 0x6B, 0x00, 0x03], 0x8776),
            (&[0x11, 0x03, 0x06, 0xAE, 0x41, 0x56, 0x52, 0x43, 0x40], 0xAD49),
        ];
        for (bytes, crc) in examples {
            assert_eq!(crc16_modbus(bytes), crc, "{bytes:02X?}");
        }
        // The running values of the same table, byte by byte (pace-modbus).
        let running: Vec<u16> = (1..=6).map(|end| crc16_modbus(&[1, 3, 0, 1, 0, 1][..end])).collect();
        assert_eq!(running, [0x807E, 0x2140, 0xF020, 0x1830, 0x1418, 0xCAD5]);
    }

    #[test]
    fn ascii_checksum_agrees_with_the_worked_examples() {
        assert_eq!(ascii_checksum(b"20024642E00202"), 0xFD33); // pylon-rs485
        assert_eq!(ascii_checksum(b"25014642E00201"), 0xFD30); // pace-rs232
        assert_eq!(ascii_checksum(b"1203400356ABCEFE"), 0xFC72); // PACE document
        assert_eq!(ascii_checksum(b"1203400456ABCEFE"), 0xFC71); // Pylon V3.5; V3.3 prints FC72
        assert_eq!(ascii_checksum(b"20024642e00202"), 0xFD13); // lower case changes the sum
        assert_eq!(ascii_checksum(b""), 0);
    }

    /// pace-rs232 "Checksum stress vectors": sums beyond 65535, leading zeros, and a sum that is a multiple of 65536.
    #[test]
    fn ascii_checksum_is_taken_modulo_65536() {
        let record = "100CE40CE50CE60CE70CE80CE90CEA0CEB0CEC0CED0CEE0CEF0CF00CF10CF20CF3060BA90BA40B9F0A2E0BD60BC2FC13CEB8\
                      5780096D60000C6D6050000004D2000004B063CEAE0000";
        for (packs, length, checksum) in [
            (1, 0x1096, 0xDBE6),
            (7, 0xA402, 0x160F),
            (8, 0xF494, 0xF507),
            (15, 0xD892, 0x0E38),
            (23, 0xFD22, 0x0687),
        ] {
            let text = format!("25014600{length:04X}00{packs:02X}{}", record.repeat(packs));
            assert_eq!(ascii_checksum(text.as_bytes()), checksum, "{packs} packs");
            assert_eq!(usize::from(length_checksum(length & 0xFFF)), usize::from(length >> 12));
        }
        let same = "100CA30CA30CA30CA30CA30CA30CA30CA30CA30CA30CA30CA30CA30CA30CA30CA3060BA40BA40BA40BA40BA40BA40000CA30\
                    5780096D60005F6D6050000000000000000064CA300000";
        let other = same.replace("005F6D60", "00DF6D60");
        let text = format!("25014600F4940008{}{other}", same.repeat(7));
        assert_eq!(ascii_checksum(text.as_bytes()), 0);
    }

    #[test]
    fn length_checksum_agrees_with_the_table_of_the_sheet() {
        // pylon-rs485: LENID -> LENGTH; the last three have a digit sum that is a multiple of 16.
        for length in [
            0x0000, 0xE002, 0xC004, 0x8008, 0x400C, 0xD012, 0xB014, 0xC022, 0xB032, 0xC040, 0xA042, 0xD05E, 0x8062,
            0xC06E, 0x7072, 0xF07A, 0xB07E, 0x8080, 0x6082, 0x40A2, 0x20C2, 0xB0D8, 0x10F0, 0x90F8, 0x50FC, 0x9142,
            0x6172, 0x51EC, 0xA222, 0x00E2, 0x02E0, 0x0178,
        ] {
            assert_eq!(u16::from(length_checksum(length & 0xFFF)), length >> 12, "{length:04X}");
        }
        assert_eq!(length_checksum(0xF002), length_checksum(0x0002));
    }

    #[test]
    fn can_crc_agrees_with_the_recorded_bits() {
        // pylon-can, sma-can, victron-can, ginlong-can, growatt-can, studer-can: "Worked example".
        let examples: [(u16, &[u8], u16); 9] = [
            (0x351, &[0x9E, 0x02, 0x7C, 0x01, 0x6C, 0x07, 0xC6, 0x01], 0x310B),
            (0x305, &[0; 8], 0x5239),
            (0x356, &[0x3E, 0x16, 0, 0, 0xF9, 0, 0, 0], 0x329C),
            (0x356, &[0x49, 0x13, 0, 0, 0xD2, 0], 0x6DD9),
            (0x307, &[0x12, 0x34, 0x56, 0x78, 0x56, 0x49, 0x43, 0], 0x2D6E),
            (0x351, &[0x30, 0x02, 0xC8, 0, 0x58, 0x02, 0, 0], 0x4CAB),
            (0x359, &[0, 0, 0, 0, 0, 0x50, 0x4E], 0x3032),
            (0x311, &[0x02, 0x40, 0x01, 0x7C, 0x07, 0x6C, 0x00, 0x69], 0x3EDA),
            (0x355, &[0x4C, 0, 0x63, 0, 0xDA, 0x1D, 0, 0], 0x71CE),
        ];
        for (id, data, crc) in examples {
            let frame = CanFrame::data(CanId::Standard(id), data).unwrap();
            assert_eq!(can_crc15(&frame), Some(crc), "{frame}");
        }
    }

    #[test]
    fn can_crc_of_an_extended_frame_takes_its_bits_in_wire_order() {
        // 0x18F128F4: start, base identifier, SRR, IDE, extension, RTR, r1, r0, DLC 1, data 0xA5.
        let bits = [
            "0",
            "11000111100",
            "1",
            "1",
            "010010100011110100",
            "0",
            "0",
            "0",
            "0001",
            "10100101",
        ]
        .concat();
        let expected = bits
            .bytes()
            .fold(0, |crc, bit| crc15_bits(crc, u32::from(bit - b'0'), 1));
        let frame = CanFrame::data(CanId::Extended(0x18F1_28F4), &[0xA5]).unwrap();
        assert_eq!(can_crc15(&frame), Some(expected));
    }

    #[test]
    fn can_crc_covers_identifier_format_and_kind() {
        let standard = CanFrame::data(CanId::Standard(0x305), &[]).unwrap();
        let extended = CanFrame::data(CanId::Extended(0x305), &[]).unwrap();
        let remote = CanFrame::remote(CanId::Standard(0x305), 0).unwrap();
        assert_ne!(can_crc15(&standard), can_crc15(&extended));
        assert_ne!(can_crc15(&standard), can_crc15(&remote));
        assert_eq!(can_crc15(&CanFrame::error(4, [0; 8])), None);
    }
}
