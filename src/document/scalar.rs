//! The texts of scalars: whole numbers, bytes, ranges.

use std::ops::RangeInclusive;

use crate::value::{Number, Quantity, Unit};

/// A whole number, decimal (`12`, `-3`) or hexadecimal (`0x351`).
pub fn whole(text: &str) -> Option<i64> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let value = match digits.strip_prefix("0x") {
        Some(hex) if hex.bytes().all(|byte| byte.is_ascii_hexdigit()) => i64::from_str_radix(hex, 16).ok()?,
        Some(_) => return None,
        None if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok()?,
        None => return None,
    };
    Some(sign * value)
}

/// A code that must be written in hexadecimal (`0x42`), since vendors' tables mix hex and decimal.
pub fn code(text: &str) -> Option<i64> {
    text.starts_with("0x").then(|| whole(text)).flatten()
}

/// Bytes as hex pairs, blanks between them free: `40 02 D0 07` or `4002D007`.
pub fn bytes(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for word in text.split_whitespace() {
        if word.len() % 2 != 0 || !word.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        for at in (0..word.len()).step_by(2) {
            bytes.push(u8::from_str_radix(word.get(at..at + 2)?, 16).ok()?);
        }
    }
    Some(bytes)
}

/// A range of whole numbers: `15..30`, or a single number as a range of one.
pub fn whole_range(text: &str) -> Option<RangeInclusive<i64>> {
    match text.split_once("..") {
        None => whole(text.trim()).map(|value| value..=value),
        Some((low, high)) => {
            let (low, high) = (whole(low.trim())?, whole(high.trim())?);
            (low <= high).then_some(low..=high)
        }
    }
}

/// A range of quantities: `44.8..60.0`, `0..`, `..3 s`, `0.1..1.5 s` (a unit at the end holds for both ends).
/// Bounds without a unit take `unit`.
pub fn quantity_range(text: &str, unit: Unit) -> Option<(Option<Quantity>, Option<Quantity>)> {
    let (low, high) = text.split_once("..")?;
    let parse = |text: &str| -> Option<Option<Quantity>> {
        let text = text.trim();
        if text.is_empty() {
            Some(None)
        } else {
            text.parse::<Quantity>().ok().map(Some)
        }
    };
    let (mut low, mut high) = (parse(low)?, parse(high)?);
    let shared = match high {
        Some(high) if high.unit != Unit::None => high.unit,
        _ => unit,
    };
    for bound in [&mut low, &mut high].into_iter().flatten() {
        if bound.unit == Unit::None {
            bound.unit = shared;
        }
    }
    if low.is_none() && high.is_none() {
        return None;
    }
    if let (Some(low), Some(high)) = (low, high)
        && low.compare(high)? == std::cmp::Ordering::Greater
    {
        return None;
    }
    Some((low, high))
}

/// A number, decimal or a fraction.
pub fn number(text: &str) -> Option<Number> {
    Number::parse(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_decimal_or_hex() {
        assert_eq!(whole("0x351"), Some(0x351));
        assert_eq!(whole("-12"), Some(-12));
        for wrong in [
            "",
            "1.0",
            "0x",
            "0xG",
            "1e3",
            "++1",
            "9999999999999999999999",
            "0x-1",
            "-",
        ] {
            assert_eq!(whole(wrong), None, "{wrong}");
        }
        assert_eq!(code("42"), None);
    }

    #[test]
    fn bytes_are_hex_pairs() {
        assert_eq!(bytes("40 02 D0"), Some(vec![0x40, 2, 0xD0]));
        assert_eq!(bytes("4002d0"), Some(vec![0x40, 2, 0xD0]));
        assert_eq!(bytes("4 02"), None);
        assert_eq!(bytes("zz"), None);
        assert_eq!(bytes("éé"), None);
    }

    #[test]
    fn ranges_share_a_trailing_unit() {
        let (low, high) = quantity_range("0.1..1.5 s", Unit::None).unwrap();
        assert_eq!(
            (low.unwrap().to_string(), high.unwrap().to_string()),
            ("0.1 s".into(), "1.5 s".into())
        );
        let (low, high) = quantity_range("0..", Unit::Ampere).unwrap();
        assert_eq!((low.unwrap().to_string(), high), ("0 A".into(), None));
        assert!(quantity_range("5..4", Unit::None).is_none());
        assert!(quantity_range("..", Unit::None).is_none());
        assert!(quantity_range("1 V..2 A", Unit::None).is_none());
        assert_eq!(whole_range("15..30"), Some(15..=30));
    }
}
