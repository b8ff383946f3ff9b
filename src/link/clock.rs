//! The clock of a real bus: when it is, and when a stamp of the kernel was.

use std::time::{Duration, SystemTime};

use crate::time::Instant;

/// How far the wall clock may stray from the monotonic clock before that is taken as a step. Both are slewed alike by
/// time synchronisation, so only a step parts them; the rest is the time between two readings.
const STEP: Duration = Duration::from_millis(2);
/// Two readings of the monotonic clock no further apart than this date a reading of the wall clock between them well.
const BRACKET: Duration = Duration::from_micros(20);

/// A clock that starts when it is made and never goes back.
///
/// The kernel stamps CAN frames with the wall clock, which somebody may set in mid-run; this clock is monotonic, and
/// stamps are moved onto it by the distance between both, which is measured again and again.
#[derive(Debug)]
pub(crate) struct BusClock {
    start: std::time::Instant,
    /// The wall clock at `start`, in microseconds since 1970; moved when the wall clock steps.
    wall_start: i128,
    last: Instant,
}

/// A measurement of the distance between both clocks.
#[derive(Debug)]
struct Measured {
    /// The wall clock at the start of the monotonic one, in microseconds since 1970.
    wall_start: i128,
    /// Within this time both were read.
    bracket: Duration,
}

/// What became of a stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamped {
    /// The time on the clock of the bus, never before that of an earlier stamp.
    pub(crate) at: Instant,
    /// By how much the stamp or the wall clock had jumped back, if it had.
    pub(crate) jumped_back: Option<Duration>,
}

impl BusClock {
    pub(crate) fn start() -> BusClock {
        let start = std::time::Instant::now();
        let mut clock = BusClock {
            start,
            wall_start: 0,
            last: Instant::ZERO,
        };
        clock.wall_start = clock.measure().wall_start;
        clock
    }

    /// The present time.
    pub(crate) fn now(&self) -> Instant {
        self.at(std::time::Instant::now())
    }

    /// A point of the system's monotonic clock on this clock.
    pub(crate) fn at(&self, instant: std::time::Instant) -> Instant {
        Instant::ZERO.after(instant.saturating_duration_since(self.start))
    }

    /// When a stamp of the wall clock was, on this clock.
    pub(crate) fn stamped(&mut self, stamp: SystemTime) -> Stamped {
        let measured = self.measure();
        let stepped_back = self.note_distance(&measured);
        self.place(micros_since_1970(stamp), stepped_back)
    }

    /// Where the wall clock stood at `start`, measured now: the best of a few attempts, since this thread may be
    /// interrupted between two readings.
    fn measure(&self) -> Measured {
        let mut best: Option<Measured> = None;
        for _ in 0..5 {
            let before = std::time::Instant::now();
            let wall = SystemTime::now();
            let bracket = before.elapsed();
            let middle = self.at(before + bracket / 2);
            let measured = Measured {
                wall_start: micros_since_1970(wall) - i128::from(middle.as_micros()),
                bracket,
            };
            if best.as_ref().is_none_or(|best| bracket < best.bracket) {
                best = Some(measured);
            }
            if bracket <= BRACKET {
                break;
            }
        }
        best.unwrap_or(Measured {
            wall_start: self.wall_start,
            bracket: Duration::ZERO,
        })
    }

    /// Takes in a new measurement; by how much the wall clock has stepped back since the last.
    fn note_distance(&mut self, measured: &Measured) -> Option<Duration> {
        let step = measured.wall_start - self.wall_start;
        if step.unsigned_abs() <= (STEP + measured.bracket).as_micros() {
            return None;
        }
        self.wall_start = measured.wall_start;
        (step < 0).then(|| duration(-step))
    }

    fn place(&mut self, stamp: i128, stepped_back: Option<Duration>) -> Stamped {
        let at = Instant::from_micros(u64::try_from(stamp - self.wall_start).unwrap_or(0));
        let behind = self.last.since(at);
        self.last = self.last.max(at);
        Stamped {
            at: self.last,
            jumped_back: stepped_back.or((behind > Duration::ZERO).then_some(behind)),
        }
    }
}

/// How finely the wall clock of this machine runs: the largest of its smallest visible steps, at least 1 us.
pub(crate) fn wall_clock_resolution() -> Duration {
    let step = || {
        let first = SystemTime::now();
        // A clock that does not move within so many readings is no clock to measure with.
        (0..1_000_000)
            .find_map(|_| {
                SystemTime::now()
                    .duration_since(first)
                    .ok()
                    .filter(|step| !step.is_zero())
            })
            .unwrap_or(Duration::from_secs(1))
    };
    let mut steps: Vec<Duration> = (0..9).map(|_| step()).collect();
    steps.sort_unstable();
    // The median: a thread that is interrupted in between does not make the clock coarse.
    steps[steps.len() / 2].max(Duration::from_micros(1))
}

fn duration(micros: i128) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
}

fn micros_since_1970(time: SystemTime) -> i128 {
    let micros = |duration: Duration| i128::try_from(duration.as_micros()).unwrap_or(i128::MAX);
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => micros(since),
        Err(error) => -micros(error.duration()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i128 = 1_000_000;

    /// A clock that was started at 1,000 s of the wall clock.
    fn clock() -> BusClock {
        BusClock {
            start: std::time::Instant::now(),
            wall_start: 1000 * SECOND,
            last: Instant::ZERO,
        }
    }

    fn measured(wall_start: i128) -> Measured {
        Measured {
            wall_start,
            bracket: Duration::from_micros(5),
        }
    }

    fn at(clock: &mut BusClock, stamp: i128) -> (u64, Option<Duration>) {
        let stamped = clock.place(stamp, None);
        (stamped.at.as_micros(), stamped.jumped_back)
    }

    #[test]
    fn stamps_count_from_the_start_of_the_clock() {
        let mut clock = clock();
        assert_eq!(at(&mut clock, 1000 * SECOND + 7), (7, None));
        assert_eq!(at(&mut clock, 1003 * SECOND), (3_000_000, None));
        assert_eq!(at(&mut clock, 1003 * SECOND), (3_000_000, None));
    }

    #[test]
    fn a_stamp_that_goes_back_is_told_and_held() {
        let mut clock = clock();
        at(&mut clock, 1003 * SECOND);
        assert_eq!(at(&mut clock, 1001 * SECOND), (3_000_000, Some(Duration::from_secs(2))));
        assert_eq!(at(&mut clock, 1004 * SECOND), (4_000_000, None));
    }

    #[test]
    fn a_wall_clock_that_is_set_moves_no_frame() {
        let mut clock = clock();
        at(&mut clock, 1003 * SECOND);
        // Somebody sets it back by ten minutes: told once, and the stamps behind it lie right.
        let back = clock.note_distance(&measured(400 * SECOND));
        assert_eq!(back, Some(Duration::from_secs(600)));
        let stamped = clock.place(404 * SECOND, back);
        assert_eq!((stamped.at.as_micros(), stamped.jumped_back), (4_000_000, back));
        assert_eq!(clock.note_distance(&measured(400 * SECOND + 100)), None);
        assert_eq!(at(&mut clock, 405 * SECOND), (5_000_000, None));
        // Forward: nothing has jumped back.
        assert_eq!(clock.note_distance(&measured(7000 * SECOND)), None);
        assert_eq!(at(&mut clock, 7006 * SECOND), (6_000_000, None));
    }

    #[test]
    fn a_stamp_of_now_is_now() {
        let mut clock = BusClock::start();
        let before = clock.now();
        let stamped = clock.stamped(SystemTime::now());
        // The tolerance is what is not yet taken as a step.
        assert!(stamped.at.after(STEP) >= before, "{stamped:?} {before}");
        assert!(stamped.at <= clock.now().after(STEP));
        assert_eq!(stamped.jumped_back, None);
        assert!(wall_clock_resolution() >= Duration::from_micros(1));
    }
}
