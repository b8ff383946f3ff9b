//! From canonical units to numbers on a wire: rounding and saturation, never a wrap.

/// `value / divisor` to the nearest whole number, halves away from zero; `divisor` is positive.
pub(crate) const fn div_nearest(value: i64, divisor: i64) -> i64 {
    let half = divisor / 2;
    if value < 0 {
        (value - half) / divisor
    } else {
        (value + half) / divisor
    }
}

/// Held between the ends of an unsigned 8-bit field.
pub(crate) fn saturate_u8(value: i64) -> u8 {
    u8::try_from(value.max(0)).unwrap_or(u8::MAX)
}

/// Held between the ends of an unsigned 16-bit field.
pub(crate) fn saturate_u16(value: i64) -> u16 {
    u16::try_from(value.max(0)).unwrap_or(u16::MAX)
}

/// Held between the ends of a signed 16-bit field.
pub(crate) fn saturate_i16(value: i64) -> i16 {
    i16::try_from(value).unwrap_or(if value < 0 { i16::MIN } else { i16::MAX })
}

/// Held between the ends of a signed 32-bit field.
pub(crate) fn saturate_i32(value: i64) -> i32 {
    i32::try_from(value).unwrap_or(if value < 0 { i32::MIN } else { i32::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_rounded_away_from_zero() {
        let cases = [
            (14, 1),
            (15, 2),
            (-14, -1),
            (-15, -2),
            (0, 0),
            (-4, 0),
            (5, 1),
            (-5, -1),
        ];
        for (value, rounded) in cases {
            assert_eq!(div_nearest(value, 10), rounded, "{value} / 10");
        }
        assert_eq!(div_nearest(1, 3), 0);
        assert_eq!(div_nearest(2, 3), 1);
        assert_eq!(div_nearest(-2, 3), -1);
    }

    #[test]
    fn fields_saturate() {
        assert_eq!((saturate_i32(i64::MIN), saturate_i32(1 << 31)), (i32::MIN, i32::MAX));
        assert_eq!((saturate_u8(-1), saturate_u8(256)), (0, 255));
        assert_eq!((saturate_u16(-1), saturate_u16(65_536)), (0, 65_535));
        assert_eq!((saturate_i16(-32_769), saturate_i16(32_768)), (-32_768, 32_767));
    }
}
