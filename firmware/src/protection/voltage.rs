//! Voltages of the cells and of the pack: B-001 to B-008, and the difference between the cells, B-027.

use super::Measured;
use super::condition::{Condition, ConditionSet};
use super::detector::{Group, Level, Reading, Side};
use super::parameters::{Parameter, Parameters};
use crate::time::Instant;

const LEVELS: [Level; 9] = [
    Level::new(
        Condition::CellOverVoltageAlarm, // B-001
        Side::AtOrAbove,
        Parameter::CellOverVoltageAlarm,
        Parameter::CellOverVoltageAlarmRelease,
        Parameter::AlarmDelay,
    ),
    Level::new(
        Condition::CellOverVoltageProtection, // B-002
        Side::AtOrAbove,
        Parameter::CellOverVoltageProtection,
        Parameter::CellOverVoltageRelease,
        Parameter::CellOverVoltageDelay,
    ),
    Level::new(
        Condition::PackOverVoltageAlarm, // B-003
        Side::AtOrAbove,
        Parameter::PackOverVoltageAlarm,
        Parameter::PackOverVoltageAlarmRelease,
        Parameter::AlarmDelay,
    ),
    Level::new(
        Condition::PackOverVoltageProtection, // B-004
        Side::AtOrAbove,
        Parameter::PackOverVoltageProtection,
        Parameter::PackOverVoltageRelease,
        Parameter::PackOverVoltageDelay,
    ),
    Level::new(
        Condition::CellUnderVoltageAlarm, // B-005
        Side::AtOrBelow,
        Parameter::CellUnderVoltageAlarm,
        Parameter::CellUnderVoltageAlarmRelease,
        Parameter::AlarmDelay,
    ),
    Level::new(
        Condition::CellUnderVoltageProtection, // B-006
        Side::AtOrBelow,
        Parameter::CellUnderVoltageProtection,
        Parameter::CellUnderVoltageRelease,
        Parameter::CellUnderVoltageDelay,
    ),
    Level::new(
        Condition::PackUnderVoltageAlarm, // B-007
        Side::AtOrBelow,
        Parameter::PackUnderVoltageAlarm,
        Parameter::PackUnderVoltageAlarmRelease,
        Parameter::AlarmDelay,
    ),
    Level::new(
        Condition::PackUnderVoltageProtection, // B-008
        Side::AtOrBelow,
        Parameter::PackUnderVoltageProtection,
        Parameter::PackUnderVoltageRelease,
        Parameter::PackUnderVoltageDelay,
    ),
    Level::new(
        Condition::CellImbalanceAlarm, // B-027
        Side::AtOrAbove,
        Parameter::CellImbalanceAlarm,
        Parameter::CellImbalanceAlarmRelease,
        Parameter::CellImbalanceDelay,
    ),
];

/// The detectors of this group.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct VoltageProtection {
    group: Group<{ LEVELS.len() }>,
}

impl VoltageProtection {
    pub(crate) fn update(&mut self, now: Instant, measured: &Measured, parameters: &Parameters) {
        // Over-voltage also needs a charge below 96 %, or a discharge current, to release; under-voltage is released by
        // a charge current as well, and does not come back while that flows (3.1, additional release rules).
        let effective = parameters.canonical(Parameter::EffectiveCurrent);
        let below_full = i32::from(measured.soc_percent()) < parameters.get(Parameter::FullReleaseSoc);
        let over = |value| Reading {
            held: !below_full && measured.current_ma > -effective,
            ..Reading::of(value)
        };
        let under = |value| Reading {
            let_go: measured.current_ma >= effective,
            ..Reading::of(value)
        };
        self.group.update(now, &LEVELS, parameters, |condition| {
            Some(match condition {
                Condition::CellOverVoltageAlarm => Reading::of(measured.highest_cell_mv),
                Condition::CellOverVoltageProtection => over(measured.highest_cell_mv),
                Condition::PackOverVoltageAlarm | Condition::PackUnderVoltageAlarm => Reading::of(measured.pack_mv),
                Condition::PackOverVoltageProtection => over(measured.pack_mv),
                Condition::CellUnderVoltageAlarm => Reading::of(measured.lowest_cell_mv),
                Condition::CellUnderVoltageProtection => under(measured.lowest_cell_mv),
                Condition::PackUnderVoltageProtection => under(measured.pack_mv),
                _ => Reading::of(measured.highest_cell_mv - measured.lowest_cell_mv),
            })
        });
    }

    pub(crate) fn active(&self) -> ConditionSet {
        self.group.active(&LEVELS)
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.group.deadline()
    }
}
