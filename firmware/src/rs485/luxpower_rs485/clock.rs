//! The battery's clock as registers 45 to 48 of profile L show it (sheet luxpower-rs485, "Configuration block", C).
//!
//! | register | high byte | low byte |
//! |---|---|---|
//! | 45 | year - 1922 | month + 5 |
//! | 46 | hour, BCD | minute + 110 |
//! | 47 | 0 | day |
//! | 48 | second + 5 | unknown, 0 |

use crate::convert::saturate_u8;
use crate::time::Instant;

const FIRST_YEAR: u64 = 2000;
const LAST_YEAR: u64 = 2099;
/// The last second of [`LAST_YEAR`], counted from the beginning of [`FIRST_YEAR`].
const LAST_SECOND: u64 = 36_525 * DAY - 1;
const DAY: u64 = 86_400;

const YEAR_OFFSET: u64 = 1922;
const MONTH_OFFSET: u64 = 5;
const MINUTE_OFFSET: u64 = 110;
const SECOND_OFFSET: u64 = 5;

/// A clock that runs from 2000-01-01 00:00:00 on until it is set, and stops at the end of 2099.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    since: Instant,
    /// Seconds from the beginning of 2000 to `since`.
    seconds: u64,
}

impl Clock {
    /// A clock that nobody has set.
    pub(crate) const fn new() -> Clock {
        Clock {
            since: Instant::ZERO,
            seconds: 0,
        }
    }

    /// A clock that is `seconds` after the beginning of 2000 at this moment.
    pub(crate) const fn set_to(now: Instant, seconds: u64) -> Clock {
        Clock { since: now, seconds }
    }

    /// Registers 45 to 48 at this moment.
    pub(crate) fn words(&self, now: Instant) -> [u16; 4] {
        let seconds = self.seconds.saturating_add(now.duration_since(self.since).as_secs());
        let seconds = seconds.min(LAST_SECOND);
        let mut days = seconds / DAY;
        let mut year = FIRST_YEAR;
        while days >= days_in_year(year) {
            days -= days_in_year(year);
            year += 1;
        }
        let mut month = 1;
        while days >= days_in_month(year, month) {
            days -= days_in_month(year, month);
            month += 1;
        }
        let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
        let hour = hour / 10 * 16 + hour % 10;
        [
            bytes(year - YEAR_OFFSET, month + MONTH_OFFSET),
            bytes(hour, minute + MINUTE_OFFSET),
            bytes(0, days + 1),
            bytes(second + SECOND_OFFSET, 0),
        ]
    }
}

fn bytes(high: u64, low: u64) -> u16 {
    let byte = |number: u64| saturate_u8(i64::try_from(number).unwrap_or(i64::MAX));
    u16::from_be_bytes([byte(high), byte(low)])
}

/// The bytes of registers 45 to 48 as seconds since the beginning of 2000; `None` for a time that does not exist.
pub(super) fn seconds(bytes: [u8; 8]) -> Option<u64> {
    let [year, month, hour, minute, _, day, second, _] = bytes.map(u64::from);
    let year = year + YEAR_OFFSET;
    let month = month.checked_sub(MONTH_OFFSET)?;
    let hour = (hour % 16 < 10).then_some(hour / 16 * 10 + hour % 16)?;
    let minute = minute.checked_sub(MINUTE_OFFSET)?;
    let second = second.checked_sub(SECOND_OFFSET)?;
    let exists = (FIRST_YEAR..=LAST_YEAR).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_in_month(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    let days = || {
        let years: u64 = (FIRST_YEAR..year).map(days_in_year).sum();
        let months: u64 = (1..month).map(|month| days_in_month(year, month)).sum();
        years + months + day - 1
    };
    exists.then(|| ((days() * 24 + hour) * 60 + minute) * 60 + second)
}

fn is_leap_year(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_in_year(year: u64) -> u64 {
    365 + u64::from(is_leap_year(year))
}

fn days_in_month(year: u64, month: u64) -> u64 {
    match month {
        2 => 28 + u64::from(is_leap_year(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The golden frame's clock.
    const GOLDEN: [u8; 8] = [0x67, 0x11, 0x18, 0x6E, 0x00, 0x08, 0x05, 0x00];

    fn at(seconds: u64) -> [u8; 8] {
        let words = Clock::set_to(Instant::ZERO, seconds).words(Instant::ZERO);
        let mut bytes = [0; 8];
        for (pair, word) in bytes.chunks_mut(2).zip(words) {
            pair.copy_from_slice(&word.to_be_bytes());
        }
        bytes
    }

    #[test]
    fn the_golden_time_is_2025_12_08_18_00_00() {
        let days = 25 * 365 + 7 + 334 + 7;
        assert_eq!(seconds(GOLDEN), Some(days * DAY + 18 * 3600));
        assert_eq!(at(days * DAY + 18 * 3600), GOLDEN);
    }

    #[test]
    fn every_day_is_read_as_it_was_written() {
        for day in 0..36_525 {
            let moment = day * DAY + 86_399;
            assert_eq!(seconds(at(moment)), Some(moment));
        }
    }

    #[test]
    fn times_that_do_not_exist_are_not_taken() {
        let changed = |at: usize, byte: u8| {
            let mut bytes = GOLDEN;
            bytes[at] = byte;
            seconds(bytes)
        };
        assert!(changed(0, 77).is_none() && changed(0, 78).is_some());
        assert!(changed(0, 177).is_some() && changed(0, 178).is_none());
        assert!(changed(1, 5).is_none() && changed(1, 18).is_none() && changed(1, 4).is_none());
        assert!(changed(2, 0x1A).is_none() && changed(2, 0x24).is_none() && changed(2, 0x23).is_some());
        assert!(changed(3, 109).is_none() && changed(3, 170).is_none() && changed(3, 169).is_some());
        assert!(changed(5, 0).is_none() && changed(5, 32).is_none() && changed(5, 31).is_some());
        assert!(changed(6, 4).is_none() && changed(6, 65).is_none() && changed(6, 64).is_some());
        let february = |year, day| seconds([year, 7, 0, 110, 0, day, 5, 0]);
        assert!(february(102, 29).is_some() && february(103, 29).is_none());
    }

    #[test]
    fn it_runs_and_stops_at_the_end_of_its_century() {
        let unset = Clock::new();
        assert_eq!(unset.words(Instant::ZERO), [0x4E06, 0x006E, 0x0001, 0x0500]);
        assert_eq!(unset.words(Instant::from_secs(86_461))[1..], [0x006F, 0x0002, 0x0600]);
        let end = [0xB111, 0x23A9, 0x001F, 0x4000];
        assert_eq!(unset.words(Instant::from_secs(LAST_SECOND)), end);
        assert_eq!(unset.words(Instant::from_micros(u64::MAX)), end);
    }
}
