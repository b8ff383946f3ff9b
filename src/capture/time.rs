//! Time stamps of captures.

use std::fmt;
use std::time::Duration;

/// A time stamp: whole microseconds since 1970 or since the start of the recording, whichever the capture uses.
///
/// Finer stamps (nanoseconds of pcapng) are cut to microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The time `micros` microseconds after the capture's zero.
    pub const fn from_micros(micros: u64) -> Timestamp {
        Timestamp(micros)
    }

    /// Microseconds after the capture's zero.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to this one; `None` if `earlier` is later (the clock jumped back).
    pub fn since(self, earlier: Timestamp) -> Option<Duration> {
        self.0.checked_sub(earlier.0).map(Duration::from_micros)
    }
}

impl fmt::Display for Timestamp {
    /// Seconds with six decimals: `1700000000.123456`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000))
    }
}

/// A time stamp as it stands in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) micros: u64,
    /// Fewer digits than candump gives to a time since 1970: counted from the first frame, or from the one before.
    pub(super) is_short: bool,
}

/// Tells candump's differences (`-t d`) from its times since the first frame (`-t z`), which look alike, and adds up the
/// former.
///
/// Times since the first frame practically never fall (a few may, where two interfaces are merged); differences fall
/// with nearly every second frame.
#[derive(Clone, Debug, Default)]
pub(super) struct ShortStamps {
    seen: u32,
    falls: u32,
    last: u64,
    sum: u64,
    are_differences: bool,
}

impl ShortStamps {
    /// Stamps after which the decision stands.
    const SAMPLE: u32 = 64;
    /// Stamps before which there is none.
    const FEWEST: u32 = 4;

    /// Takes the next stamp and gives the time since the first frame.
    pub(super) fn take(&mut self, micros: u64) -> u64 {
        self.sum = self.sum.saturating_add(micros);
        if self.seen < ShortStamps::SAMPLE {
            self.seen += 1;
            self.falls += u32::from(micros < self.last);
            self.last = micros;
            if self.seen >= ShortStamps::FEWEST {
                self.are_differences = self.falls * 8 >= self.seen;
            }
        }
        if self.are_differences { self.sum } else { micros }
    }

    /// The state before the first stamp, with the decision that `sample` has come to.
    pub(super) fn decided_by(sample: &ShortStamps) -> ShortStamps {
        if sample.seen < ShortStamps::FEWEST {
            return ShortStamps::default();
        }
        ShortStamps {
            seen: ShortStamps::SAMPLE,
            are_differences: sample.are_differences,
            ..ShortStamps::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_print_as_candump_writes_them() {
        assert_eq!(
            Timestamp::from_micros(1_700_000_000_123_456).to_string(),
            "1700000000.123456"
        );
        assert_eq!(format!("{:0>17}", Timestamp::from_micros(1)), "0000000000.000001");
    }

    #[test]
    fn a_clock_that_jumped_back_gives_no_duration() {
        let (early, late) = (Timestamp::from_micros(5), Timestamp::from_micros(7));
        assert_eq!(late.since(early), Some(Duration::from_micros(2)));
        assert_eq!(early.since(late), None);
    }

    fn taken(stamps: &[u64]) -> Vec<u64> {
        let mut short = ShortStamps::default();
        for &stamp in stamps {
            short.take(stamp);
        }
        let mut decided = ShortStamps::decided_by(&short);
        stamps.iter().map(|&stamp| decided.take(stamp)).collect()
    }

    #[test]
    fn differences_are_added_up_and_times_since_the_start_are_not() {
        assert_eq!(taken(&[0, 100, 99, 101, 100]), [0, 100, 199, 300, 400]);
        assert_eq!(taken(&[0, 100, 200, 300, 400]), [0, 100, 200, 300, 400]);
        let merged: Vec<u64> = (0..40).map(|step| if step == 20 { 1898 } else { step * 100 }).collect();
        assert_eq!(taken(&merged), merged);
    }

    #[test]
    fn the_decision_can_come_while_reading() {
        let mut short = ShortStamps::default();
        let times: Vec<u64> = [0, 100, 99, 101, 100].iter().map(|&stamp| short.take(stamp)).collect();
        assert_eq!(times, [0, 100, 99, 300, 400]);
    }
}
