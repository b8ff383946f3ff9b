//! Frames as people write them in suite and vector files.

use crate::definition::Bus;
use crate::document::scalar;
use crate::wire::BusFrame;
use crate::wire::can::{CanFrame, CanId};

/// Reads a frame for a bus: `351#4002` (eight id digits for 29 bits), `351#R8` for a remote frame; on a serial line
/// `~2002...`, to which the carriage return is added, or hex bytes as they are.
///
/// # Errors
/// What is wrong with the text, in one phrase.
pub(crate) fn frame(text: &str, bus: &Bus) -> Result<BusFrame, String> {
    match bus {
        Bus::Can { .. } => can(text).map(BusFrame::Can),
        Bus::Serial { .. } => serial(text).map(BusFrame::Serial),
    }
}

/// Reads a CAN frame as candump writes it.
pub(crate) fn can(text: &str) -> Result<CanFrame, String> {
    let Some((id, data)) = text.trim().split_once('#') else {
        return Err("a CAN frame is written `305#0102030405060708`".into());
    };
    if !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(format!("`{id}` is no hexadecimal identifier"));
    }
    let number = u32::from_str_radix(id, 16).unwrap_or(u32::MAX);
    let id = match id.len() {
        3 => CanId::standard(number).ok_or("an 11-bit identifier is at most 7FF"),
        8 => CanId::extended(number).ok_or("a 29-bit identifier is at most 1FFFFFFF"),
        _ => Err("an identifier has three digits (11 bits) or eight (29 bits)"),
    }?;
    if let Some(length) = data.strip_prefix(['R', 'r']) {
        let length = if length.is_empty() { Ok(0) } else { length.parse::<u8>() };
        return length
            .ok()
            .and_then(|length| CanFrame::remote(id, length))
            .ok_or_else(|| "a remote frame is written `351#R` or `351#R8`, at most 8".into());
    }
    let data = scalar::bytes(&data.replace('.', "")).ok_or("the data are pairs of hexadecimal digits")?;
    CanFrame::data(id, &data).ok_or_else(|| format!("a CAN frame holds 8 bytes, not {}", data.len()))
}

/// Reads what goes onto a serial line.
pub(crate) fn serial(text: &str) -> Result<Vec<u8>, String> {
    let text = text.trim();
    if text.starts_with('~') {
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("an ASCII frame has printable characters only; write other bytes in hex".into());
        }
        let mut bytes = text.as_bytes().to_vec();
        bytes.push(b'\r');
        return Ok(bytes);
    }
    match scalar::bytes(text) {
        Some(bytes) if !bytes.is_empty() => Ok(bytes),
        _ => Err("write `~2002...` (the carriage return is added) or bytes in hex such as `7E 32 30`".into()),
    }
}

/// Reads golden bytes: `40 02 ?? 07`, `None` for a byte that does not matter.
pub(crate) fn golden(text: &str) -> Result<Vec<Option<u8>>, String> {
    let mut golden = Vec::new();
    for word in text.split_whitespace() {
        let pairs = word.as_bytes().chunks(2);
        for pair in pairs {
            let byte = match pair {
                b"??" => None,
                [_, _] => {
                    let digits = std::str::from_utf8(pair).unwrap_or_default();
                    let all_hex = pair.iter().all(u8::is_ascii_hexdigit);
                    let byte = all_hex.then(|| u8::from_str_radix(digits, 16).ok()).flatten();
                    Some(byte.ok_or_else(|| format!("`{word}` is neither hex nor `??`"))?)
                }
                _ => return Err(format!("`{word}` has an odd number of digits")),
            };
            golden.push(byte);
        }
    }
    if golden.is_empty() {
        return Err("golden bytes are hex pairs, `??` for any byte".into());
    }
    Ok(golden)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn can_frames_are_read_as_they_print() {
        for text in ["305#", "351#4002D007F00AC001", "00000351#0102", "351#R", "351#R8"] {
            assert_eq!(can(text).map(|frame| frame.to_string()), Ok(text.to_string()));
        }
        for text in [
            "305",
            "35#00",
            "800#00",
            "351#0",
            "351#00112233445566778",
            "351#R9",
            "3x1#00",
            "20000000#",
            "351#zz",
        ] {
            assert!(can(text).is_err(), "{text}");
        }
    }

    #[test]
    fn serial_text_gets_its_carriage_return() {
        assert_eq!(serial("~2002").unwrap(), b"~2002\r");
        assert_eq!(serial("7E 0d").unwrap(), b"~\r");
        for text in ["", "~20 02", "7", "hello", "~é"] {
            assert!(serial(text).is_err(), "{text}");
        }
    }

    #[test]
    fn golden_bytes_may_leave_bytes_open() {
        assert_eq!(golden("40 ?? d007").unwrap(), [Some(0x40), None, Some(0xD0), Some(7)]);
        for text in ["", "4", "4?", "xx", "40 0", "+1", "é0"] {
            assert!(golden(text).is_err(), "{text}");
        }
    }
}
