//! Measured times against bounds, with what the clock is worth.
//!
//! A time that is nearer to a bound than the clock's resolution cannot be judged: it may be on either side. Clocks of a
//! microsecond and better count as exact, since that is the unit of the trace.

use std::time::Duration;

use crate::definition::Outcome;
use crate::value::Quantity;

/// The finest resolution that a trace can show.
const EXACT: Duration = Duration::from_micros(1);

/// How finely times are known, as far as it matters for a verdict.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    resolution: Duration,
}

impl Clock {
    pub(crate) fn new(resolution: Duration) -> Clock {
        let resolution = if resolution <= EXACT {
            Duration::ZERO
        } else {
            resolution
        };
        Clock { resolution }
    }

    /// How finely times are known; zero for an exact clock.
    pub(crate) fn resolution(self) -> Duration {
        self.resolution
    }

    /// What `measured` amounts to, give or take the resolution. `None` when the bound runs through what it may be.
    ///
    /// `outcome` must change only at bounds, never twice within one resolution.
    pub(crate) fn judge(self, measured: Duration, outcome: impl Fn(Duration) -> Outcome) -> Option<Outcome> {
        self.judge_within(measured, self.resolution, outcome)
    }

    /// As [`Clock::judge`], for a time that is known to `uncertainty` (a mean over many is known better than one).
    pub(crate) fn judge_within(
        self,
        measured: Duration,
        uncertainty: Duration,
        outcome: impl Fn(Duration) -> Outcome,
    ) -> Option<Outcome> {
        let at = outcome(measured);
        let same = outcome(measured.saturating_sub(uncertainty)) == at && outcome(measured + uncertainty) == at;
        same.then_some(at)
    }

    /// Why a time cannot be judged.
    pub(crate) fn excuse(self, measured: Duration) -> String {
        format!(
            "{} is too near to a bound for a clock of {}",
            words(measured),
            words(self.resolution)
        )
    }
}

/// A time for people: `250 ms`, `1.5 s`.
pub(crate) fn words(duration: Duration) -> String {
    Quantity::from_duration(duration).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn below(bound: u64) -> impl Fn(Duration) -> Outcome {
        move |time| {
            if time <= Duration::from_millis(bound) {
                Outcome::Pass
            } else {
                Outcome::Fail
            }
        }
    }

    #[test]
    fn an_exact_clock_decides_every_time() {
        let clock = Clock::new(Duration::from_micros(1));
        assert_eq!(clock.judge(Duration::from_millis(250), below(250)), Some(Outcome::Pass));
        assert_eq!(
            clock.judge(Duration::from_micros(250_001), below(250)),
            Some(Outcome::Fail)
        );
    }

    #[test]
    fn a_coarse_clock_leaves_times_near_a_bound_open() {
        let clock = Clock::new(Duration::from_millis(16));
        assert_eq!(clock.judge(Duration::from_millis(230), below(250)), Some(Outcome::Pass));
        assert_eq!(clock.judge(Duration::from_millis(240), below(250)), None);
        assert_eq!(clock.judge(Duration::from_millis(260), below(250)), None);
        assert_eq!(clock.judge(Duration::from_millis(270), below(250)), Some(Outcome::Fail));
    }
}
