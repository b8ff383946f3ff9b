//! The battery's clock: year to second, without weekday or time zone (sheet, "B1H / B2H clock").

use core::time::Duration;

use crate::time::Instant;

const DAY: u32 = 86_400;
/// Days of four years, one of them a leap year; 2000 to 2099 has no exception.
const FOUR_YEARS: u32 = 1461;

/// A date and time of 2000 to 2099, in the order of the wire: year - 2000, month, day, hour, minute, second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DateTime([u8; 6]);

impl DateTime {
    pub(crate) const FIRST: DateTime = DateTime([0, 1, 1, 0, 0, 0]);
    pub(crate) const LAST: DateTime = DateTime([99, 12, 31, 23, 59, 59]);

    /// The date and time of six bytes; `None` when the calendar has no such day or the day no such time.
    pub(crate) fn new(bytes: [u8; 6]) -> Option<DateTime> {
        let [year, month, day, hour, minute, second] = bytes;
        let is_date = year <= 99 && (1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day);
        (is_date && hour <= 23 && minute <= 59 && second <= 59).then_some(DateTime(bytes))
    }

    pub(crate) const fn bytes(self) -> [u8; 6] {
        self.0
    }

    /// Seconds since the beginning of 2000.
    fn seconds(self) -> u32 {
        let [year, month, day, hour, minute, second] = self.0;
        let years = u32::from(year);
        // Of each four years the first is the leap year.
        let days = years * 365
            + years.div_ceil(4)
            + (1..month).map(|month| u32::from(days_in(year, month))).sum::<u32>()
            + u32::from(day)
            - 1;
        days * DAY + u32::from(hour) * 3600 + u32::from(minute) * 60 + u32::from(second)
    }

    /// The date and time so many seconds after the beginning of 2000, at most the end of 2099.
    fn at(seconds: u32) -> DateTime {
        if seconds >= DateTime::LAST.seconds() {
            return DateTime::LAST;
        }
        let (mut days, rest) = (seconds / DAY, seconds % DAY);
        let mut year = days / FOUR_YEARS * 4;
        days %= FOUR_YEARS;
        for length in [366, 365, 365] {
            if days < length {
                break;
            }
            days -= length;
            year += 1;
        }
        let byte = |number: u32| u8::try_from(number).unwrap_or(u8::MAX);
        let year = byte(year);
        let mut month = 1;
        while month < 12 && days >= u32::from(days_in(year, month)) {
            days -= u32::from(days_in(year, month));
            month += 1;
        }
        DateTime([
            year,
            month,
            byte(days + 1),
            byte(rest / 3600),
            byte(rest / 60 % 60),
            byte(rest % 60),
        ])
    }
}

fn days_in(year: u8, month: u8) -> u8 {
    match month {
        2 if year.is_multiple_of(4) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// A clock that goes on from where it was set, also while the battery sleeps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    set_at: Instant,
    set_to: DateTime,
}

impl Clock {
    /// A clock that was never set.
    pub(crate) fn new(now: Instant) -> Clock {
        Clock {
            set_at: now,
            set_to: DateTime([26, 1, 1, 0, 0, 0]),
        }
    }

    pub(crate) fn set(&mut self, now: Instant, to: DateTime) {
        (self.set_at, self.set_to) = (now, to);
    }

    pub(crate) fn read(&self, now: Instant) -> DateTime {
        DateTime::at(self.seconds(now))
    }

    fn seconds(&self, now: Instant) -> u32 {
        let passed = now.duration_since(self.set_at).as_secs();
        let seconds = u64::from(self.set_to.seconds()).saturating_add(passed);
        u32::try_from(seconds).unwrap_or(u32::MAX)
    }

    /// When the clock next shows `first` or a whole number of `minutes` after it, not later than `last`; only points in
    /// time after `now` count.
    pub(crate) fn next_mark(&self, now: Instant, minutes: u8, first: DateTime, last: DateTime) -> Option<Instant> {
        let step = u32::from(minutes) * 60;
        let (first, last, shown) = (first.seconds(), last.seconds(), self.seconds(now));
        let next = match shown.checked_sub(first) {
            None => first,
            Some(passed) => first.checked_add((passed.checked_div(step)? + 1).checked_mul(step)?)?,
        };
        if step == 0 || next > last {
            return None;
        }
        let ahead = next.checked_sub(self.set_to.seconds())?;
        Some(self.set_at + Duration::from_secs(ahead.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Instant {
        Instant::from_secs(secs)
    }

    #[test]
    fn every_day_of_the_century_leads_back() {
        let mut seconds = 12 * 3600;
        let mut before = DateTime::FIRST;
        for _ in 0..36_525 {
            let day = DateTime::at(seconds);
            assert_eq!((day.seconds(), DateTime::new(day.0)), (seconds, Some(day)));
            assert!(day.0 > before.0, "{before:?} {day:?}");
            before = day;
            seconds += DAY;
        }
        assert_eq!(before.0[..3], [99, 12, 31]);
        assert_eq!(DateTime::at(u32::MAX), DateTime::LAST);
        assert_eq!(DateTime::at(0), DateTime::FIRST);
    }

    #[test]
    fn what_no_calendar_has_is_refused() {
        for wrong in [
            [100, 1, 1, 0, 0, 0],
            [26, 0, 1, 0, 0, 0],
            [26, 13, 1, 0, 0, 0],
            [26, 4, 31, 0, 0, 0],
            [26, 2, 29, 0, 0, 0],
            [24, 2, 30, 0, 0, 0],
            [26, 1, 0, 0, 0, 0],
            [26, 1, 1, 24, 0, 0],
            [26, 1, 1, 0, 60, 0],
            [26, 1, 1, 0, 0, 60],
        ] {
            assert_eq!(DateTime::new(wrong), None, "{wrong:?}");
        }
        assert!(DateTime::new([24, 2, 29, 23, 59, 59]).is_some());
    }

    #[test]
    fn a_clock_goes_on() {
        let mut clock = Clock::new(at(5));
        assert_eq!(clock.read(at(5)).bytes(), [26, 1, 1, 0, 0, 0]);
        clock.set(at(100), DateTime([23, 12, 31, 23, 59, 58]));
        assert_eq!(clock.read(at(101)).bytes(), [23, 12, 31, 23, 59, 59]);
        assert_eq!(clock.read(at(102)).bytes(), [24, 1, 1, 0, 0, 0]);
        assert_eq!(clock.read(Instant::from_micros(u64::MAX)), DateTime::LAST);
    }

    #[test]
    fn marks_come_at_whole_intervals() {
        let mut clock = Clock::new(at(0));
        clock.set(at(0), DateTime([26, 11, 22, 14, 30, 5]));
        let first = DateTime([26, 11, 22, 14, 31, 5]);
        let last = DateTime([26, 11, 22, 14, 41, 5]);
        let next = |now, minutes| clock.next_mark(at(now), minutes, first, last);
        assert_eq!(next(0, 5), Some(at(60)));
        assert_eq!(next(60, 5), Some(at(360)));
        assert_eq!(next(359, 5), Some(at(360)));
        assert_eq!(next(360, 5), Some(at(660)));
        assert_eq!(next(660, 5), None, "it is over");
        assert_eq!(next(0, 0), None, "there is none");
        assert_eq!(
            clock.next_mark(at(0), 5, last, first),
            None,
            "the end lies before the beginning"
        );
    }
}
