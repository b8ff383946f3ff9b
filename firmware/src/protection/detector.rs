//! A threshold with its delay and its release (bms-behaviour 3.1, comparison rules).

use core::time::Duration;

use super::condition::{Condition, ConditionSet};
use super::parameters::{Parameter, Parameters};
use crate::time::Instant;

/// Whether something has held for long enough.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Detector {
    active: bool,
    /// When it becomes active, if its cause lasts until then.
    due: Option<Instant>,
}

impl Detector {
    /// Takes in whether the cause is there (`trip`) and whether it is far enough gone (`release`).
    ///
    /// The cause must last for the whole delay; it ends at once. Where both hold, the cause wins.
    pub(crate) fn update(&mut self, now: Instant, trip: bool, release: bool, delay: Duration) {
        if self.active {
            self.active = trip || !release;
        } else if trip {
            let due = *self.due.get_or_insert(now + delay);
            self.active = due <= now;
        }
        if self.active || !trip {
            self.due = None;
        }
    }

    pub(crate) fn is_active(&self) -> bool {
        self.active
    }

    /// When it becomes active if nothing changes.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.due
    }
}

/// On which side of its threshold a value trips.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    AtOrAbove,
    AtOrBelow,
    /// Strictly below: B-019 and B-021.
    Below,
}

/// One row of a table of thresholds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Level {
    pub(crate) condition: Condition,
    pub(crate) side: Side,
    pub(crate) threshold: Parameter,
    pub(crate) release: Parameter,
    pub(crate) delay: Parameter,
}

impl Level {
    pub(crate) const fn new(
        condition: Condition,
        side: Side,
        threshold: Parameter,
        release: Parameter,
        delay: Parameter,
    ) -> Level {
        Level {
            condition,
            side,
            threshold,
            release,
            delay,
        }
    }

    fn trips(&self, parameters: &Parameters, value: i32) -> bool {
        let threshold = parameters.canonical(self.threshold);
        match self.side {
            Side::AtOrAbove => value >= threshold,
            Side::AtOrBelow => value <= threshold,
            Side::Below => value < threshold,
        }
    }

    fn releases(&self, parameters: &Parameters, value: i32) -> bool {
        let release = parameters.canonical(self.release);
        match self.side {
            Side::AtOrAbove => value <= release,
            Side::AtOrBelow | Side::Below => value >= release,
        }
    }
}

/// A measured value, and what else decides about its condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) value: i32,
    /// Not released, whatever the value.
    pub(crate) held: bool,
    /// Released and not tripped, whatever the value.
    pub(crate) let_go: bool,
}

impl Reading {
    /// Only the value decides.
    pub(crate) const fn of(value: i32) -> Reading {
        Reading {
            value,
            held: false,
            let_go: false,
        }
    }
}

/// A detector for each row of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group<const N: usize> {
    detectors: [Detector; N],
}

impl<const N: usize> Group<N> {
    /// Takes in one reading for each level; where nothing is measured (`None`), nothing trips and nothing releases.
    pub(crate) fn update(
        &mut self,
        now: Instant,
        levels: &[Level; N],
        parameters: &Parameters,
        read: impl Fn(Condition) -> Option<Reading>,
    ) {
        for (detector, level) in self.detectors.iter_mut().zip(levels) {
            let (trip, release) = match read(level.condition) {
                None => (false, false),
                Some(reading) => (
                    !reading.let_go && level.trips(parameters, reading.value),
                    reading.let_go || (!reading.held && level.releases(parameters, reading.value)),
                ),
            };
            detector.update(now, trip, release, parameters.duration(level.delay));
        }
    }

    /// What is active.
    pub(crate) fn active(&self, levels: &[Level; N]) -> ConditionSet {
        let mut set = ConditionSet::EMPTY;
        for (detector, level) in self.detectors.iter().zip(levels) {
            set.set(level.condition, detector.is_active());
        }
        set
    }

    /// When the next one becomes active if nothing changes.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.detectors.iter().filter_map(Detector::deadline).min()
    }
}

impl<const N: usize> Default for Group<N> {
    fn default() -> Group<N> {
        Group {
            detectors: [Detector::default(); N],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELAY: Duration = Duration::from_millis(1000);

    fn at(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    #[test]
    fn a_cause_must_last_for_the_whole_delay() {
        let mut detector = Detector::default();
        detector.update(at(0), true, false, DELAY);
        assert_eq!((detector.is_active(), detector.deadline()), (false, Some(at(1000))));
        detector.update(at(999), true, false, DELAY);
        assert!(!detector.is_active());
        // Interrupted: it counts anew.
        detector.update(at(999), false, true, DELAY);
        assert_eq!(detector.deadline(), None);
        detector.update(at(1000), true, false, DELAY);
        detector.update(at(1999), true, false, DELAY);
        assert!(!detector.is_active());
        detector.update(at(2000), true, false, DELAY);
        assert_eq!((detector.is_active(), detector.deadline()), (true, None));
    }

    #[test]
    fn a_release_acts_at_once_but_never_against_the_cause() {
        let mut detector = Detector::default();
        detector.update(at(0), true, true, Duration::ZERO);
        assert!(detector.is_active(), "no delay");
        detector.update(at(1), true, true, DELAY);
        assert!(detector.is_active(), "both at once: the cause wins");
        detector.update(at(2), false, false, DELAY);
        assert!(detector.is_active(), "between threshold and release");
        detector.update(at(3), false, true, DELAY);
        assert!(!detector.is_active());
    }

    /// Where threshold and release are one value (B-023, B-024) the threshold wins at exactly that value.
    #[test]
    fn sides_of_a_threshold() {
        let parameters = &Parameters::default();
        let level = |side| {
            Level::new(
                Condition::AmbientOverTemperatureAlarm,
                side,
                Parameter::AmbientOverTemperatureAlarm,
                Parameter::AmbientOverTemperatureRelease,
                Parameter::AlarmDelay,
            )
        };
        let cases = [
            (Side::AtOrAbove, 649, false, true),
            (Side::AtOrAbove, 650, true, true),
            (Side::AtOrAbove, 651, true, false),
            (Side::AtOrBelow, 649, true, false),
            (Side::AtOrBelow, 650, true, true),
            (Side::AtOrBelow, 651, false, true),
            (Side::Below, 649, true, false),
            (Side::Below, 650, false, true),
        ];
        for (side, value, trips, releases) in cases {
            let level = level(side);
            assert_eq!(level.trips(parameters, value), trips, "{side:?} {value}");
            assert_eq!(level.releases(parameters, value), releases, "{side:?} {value}");
        }
    }
}
