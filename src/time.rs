//! Points in time on the clock of one bus.

use std::fmt;
use std::time::Duration;

/// A point in time: whole microseconds since the start of the trace.
///
/// Virtual and real clocks use the same type; where the clock comes from is stated in the trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The start of the trace.
    pub const ZERO: Instant = Instant(0);

    /// The point `micros` microseconds after the start.
    pub const fn from_micros(micros: u64) -> Instant {
        Instant(micros)
    }

    /// Microseconds since the start.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to this point; zero if `earlier` is later.
    pub const fn since(self, earlier: Instant) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// This point moved forward, held at the end of the clock.
    pub fn after(self, duration: Duration) -> Instant {
        Instant(
            self.0
                .saturating_add(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)),
        )
    }

    /// This point moved back, held at the start.
    pub fn before(self, duration: Duration) -> Instant {
        Instant(
            self.0
                .saturating_sub(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)),
        )
    }
}

impl fmt::Display for Instant {
    /// Seconds with six decimals, as candump prints them: `12.345678`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000))
    }
}
