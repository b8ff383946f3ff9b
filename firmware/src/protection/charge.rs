//! State of charge: B-026. It is an alarm only; no charge is too low to be discharged further.

use super::Measured;
use super::condition::{Condition, ConditionSet};
use super::detector::{Group, Level, Reading, Side};
use super::parameters::{Parameter, Parameters};
use crate::time::Instant;

const LEVELS: [Level; 1] = [Level::new(
    Condition::LowSocAlarm,
    Side::AtOrBelow,
    Parameter::LowSocAlarm,
    Parameter::LowSocAlarmRelease,
    Parameter::AlarmDelay,
)];

/// The detector of this group.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ChargeAlarm {
    group: Group<1>,
}

impl ChargeAlarm {
    pub(crate) fn update(&mut self, now: Instant, measured: &Measured, parameters: &Parameters) {
        let reading = Reading::of(measured.soc_percent().into());
        self.group.update(now, &LEVELS, parameters, |_| Some(reading));
    }

    pub(crate) fn active(&self) -> ConditionSet {
        self.group.active(&LEVELS)
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.group.deadline()
    }
}
