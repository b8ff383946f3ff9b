//! Temperatures of the cells, the power stage and the surroundings: B-018 to B-025.
//!
//! They are released by temperature only (3.1, additional release rules).

use super::Measured;
use super::condition::{Condition, ConditionSet};
use super::detector::{Group, Level, Reading, Side};
use super::parameters::{Parameter, Parameters};
use crate::time::Instant;

const fn alarm(condition: Condition, side: Side, threshold: Parameter, release: Parameter) -> Level {
    Level::new(condition, side, threshold, release, Parameter::AlarmDelay)
}

const fn protection(condition: Condition, side: Side, threshold: Parameter, release: Parameter) -> Level {
    Level::new(condition, side, threshold, release, Parameter::TemperatureDelay)
}

const LEVELS: [Level; 14] = [
    alarm(
        Condition::ChargeOverTemperatureAlarm, // B-018
        Side::AtOrAbove,
        Parameter::ChargeOverTemperatureAlarm,
        Parameter::ChargeOverTemperatureRelease,
    ),
    protection(
        Condition::ChargeOverTemperatureProtection,
        Side::AtOrAbove,
        Parameter::ChargeOverTemperatureProtection,
        Parameter::ChargeOverTemperatureRelease,
    ),
    alarm(
        Condition::ChargeUnderTemperatureAlarm, // B-019
        Side::Below,
        Parameter::ChargeUnderTemperatureAlarm,
        Parameter::ChargeUnderTemperatureRelease,
    ),
    protection(
        Condition::ChargeUnderTemperatureProtection,
        Side::Below,
        Parameter::ChargeUnderTemperatureProtection,
        Parameter::ChargeUnderTemperatureRelease,
    ),
    alarm(
        Condition::DischargeOverTemperatureAlarm, // B-020
        Side::AtOrAbove,
        Parameter::DischargeOverTemperatureAlarm,
        Parameter::DischargeOverTemperatureRelease,
    ),
    protection(
        Condition::DischargeOverTemperatureProtection,
        Side::AtOrAbove,
        Parameter::DischargeOverTemperatureProtection,
        Parameter::DischargeOverTemperatureRelease,
    ),
    alarm(
        Condition::DischargeUnderTemperatureAlarm, // B-021
        Side::Below,
        Parameter::DischargeUnderTemperatureAlarm,
        Parameter::DischargeUnderTemperatureRelease,
    ),
    protection(
        Condition::DischargeUnderTemperatureProtection,
        Side::Below,
        Parameter::DischargeUnderTemperatureProtection,
        Parameter::DischargeUnderTemperatureRelease,
    ),
    alarm(
        Condition::MosfetOverTemperatureAlarm, // B-022
        Side::AtOrAbove,
        Parameter::MosfetOverTemperatureAlarm,
        Parameter::MosfetOverTemperatureRelease,
    ),
    protection(
        Condition::MosfetOverTemperatureProtection,
        Side::AtOrAbove,
        Parameter::MosfetOverTemperatureProtection,
        Parameter::MosfetOverTemperatureRelease,
    ),
    alarm(
        Condition::AmbientOverTemperatureAlarm, // B-023
        Side::AtOrAbove,
        Parameter::AmbientOverTemperatureAlarm,
        Parameter::AmbientOverTemperatureRelease,
    ),
    protection(
        Condition::AmbientOverTemperatureProtection,
        Side::AtOrAbove,
        Parameter::AmbientOverTemperatureProtection,
        Parameter::AmbientOverTemperatureRelease,
    ),
    alarm(
        Condition::AmbientUnderTemperatureAlarm, // B-024
        Side::AtOrBelow,
        Parameter::AmbientUnderTemperatureAlarm,
        Parameter::AmbientUnderTemperatureRelease,
    ),
    protection(
        Condition::AmbientUnderTemperatureProtection,
        Side::AtOrBelow,
        Parameter::AmbientUnderTemperatureProtection,
        Parameter::AmbientUnderTemperatureRelease,
    ),
];

/// The detectors of this group.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TemperatureProtection {
    group: Group<{ LEVELS.len() }>,
}

impl TemperatureProtection {
    pub(crate) fn update(&mut self, now: Instant, measured: &Measured, parameters: &Parameters) {
        self.group.update(now, &LEVELS, parameters, |condition| {
            let reading = match condition {
                Condition::ChargeOverTemperatureAlarm
                | Condition::ChargeOverTemperatureProtection
                | Condition::DischargeOverTemperatureAlarm
                | Condition::DischargeOverTemperatureProtection => measured.hottest_cell(),
                Condition::ChargeUnderTemperatureAlarm
                | Condition::ChargeUnderTemperatureProtection
                | Condition::DischargeUnderTemperatureAlarm
                | Condition::DischargeUnderTemperatureProtection => measured.coldest_cell(),
                Condition::MosfetOverTemperatureAlarm | Condition::MosfetOverTemperatureProtection => measured.mosfet,
                _ => measured.ambient,
            };
            reading.map(|decidegrees| Reading::of(decidegrees.into()))
        });
    }

    pub(crate) fn active(&self) -> ConditionSet {
        self.group.active(&LEVELS)
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.group.deadline()
    }
}
