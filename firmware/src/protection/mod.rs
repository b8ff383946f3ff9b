//! Which alarms, protections and faults of a pack are active.
//!
//! - [`condition`]: the catalogue by name, what each one blocks, sets of them.
//! - [`parameters`]: thresholds, releases and delays of bms-behaviour 3.1.
//! - [`detector`]: a threshold with its delay; tables of them.
//! - [`voltage`], [`current`], [`temperature`], [`charge`], [`fault`]: one file per group.
//! - [`Protection`]: the state of one pack. Everything else (limits, enables, flags on every wire) follows from
//!   [`Protection::active`].

mod charge;
pub(crate) mod condition;
mod current;
pub(crate) mod detector;
mod fault;
pub(crate) mod parameters;
mod temperature;
mod voltage;

use crate::pack::sensors::CELL_SENSORS;
use crate::setting::Switch;
use crate::time::Instant;
use charge::ChargeAlarm;
use condition::{Condition, ConditionSet};
use current::CurrentProtection;
use fault::FaultDetection;
use parameters::Parameters;
use temperature::TemperatureProtection;
use voltage::VoltageProtection;

/// What the protections look at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    pub(crate) highest_cell_mv: i32,
    pub(crate) lowest_cell_mv: i32,
    pub(crate) pack_mv: i32,
    /// Positive = charging.
    pub(crate) current_ma: i32,
    /// State of charge in 0.01 %.
    pub(crate) soc_centipercent: u16,
    /// In 0.1 degC; `None` where no probe is fitted.
    pub(crate) cells: [Option<i16>; CELL_SENSORS],
    pub(crate) mosfet: Option<i16>,
    pub(crate) ambient: Option<i16>,
    /// An outside voltage above that of the pack stands at the terminals (B-160).
    pub(crate) charger_present: bool,
}

impl Measured {
    /// State of charge in whole per cent, rounded down, as the inverter sees it.
    pub(crate) fn soc_percent(&self) -> u8 {
        u8::try_from(self.soc_centipercent / 100).unwrap_or(100)
    }

    /// The highest cell temperature, in 0.1 degC.
    pub(crate) fn hottest_cell(&self) -> Option<i16> {
        self.cells.iter().flatten().max().copied()
    }

    /// The lowest cell temperature, in 0.1 degC.
    pub(crate) fn coldest_cell(&self) -> Option<i16> {
        self.cells.iter().flatten().min().copied()
    }
}

/// The protection state of one pack.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Protection {
    /// Conditions held active by name, whatever the sensors say.
    held_on: ConditionSet,
    /// Conditions held inactive by name, whatever the sensors say.
    held_off: ConditionSet,
    /// Conditions that are not looked for, by a setting of the battery.
    switched_off: ConditionSet,
    groups: Groups,
}

/// All that a restart forgets.
#[derive(Clone, Copy, Debug, Default)]
struct Groups {
    voltage: VoltageProtection,
    current: CurrentProtection,
    temperature: TemperatureProtection,
    charge: ChargeAlarm,
    fault: FaultDetection,
}

impl Protection {
    /// Holds a condition active or inactive, or leaves it to the sensors.
    pub(crate) fn hold(&mut self, condition: Condition, hold: Switch) {
        self.held_on.set(condition, hold == Switch::On);
        self.held_off.set(condition, hold == Switch::Off);
    }

    /// Looks for these conditions, or no longer.
    pub(crate) fn switch_on(&mut self, conditions: ConditionSet, on: bool) {
        self.switched_off = if on {
            self.switched_off.without(conditions)
        } else {
            self.switched_off.union(conditions)
        };
    }

    /// Looks for every condition.
    pub(crate) fn switch_all_on(&mut self) {
        self.switched_off = ConditionSet::EMPTY;
    }

    /// Whether all of these conditions are looked for.
    pub(crate) fn is_switched_on(&self, conditions: ConditionSet) -> bool {
        !self.switched_off.intersects(conditions)
    }

    /// Forgets what was detected; what is held stays.
    pub(crate) fn restart(&mut self) {
        self.groups = Groups::default();
    }

    /// Takes in what is measured at `now`.
    pub(crate) fn update(&mut self, now: Instant, measured: &Measured, parameters: &Parameters) {
        let groups = &mut self.groups;
        groups.voltage.update(now, measured, parameters);
        groups.current.update(now, measured, parameters);
        groups.temperature.update(now, measured, parameters);
        groups.charge.update(now, measured, parameters);
        groups.fault.update(now, measured, parameters);
    }

    /// What the sensors alone have brought about, without what is held inactive or not looked for.
    pub(crate) fn detected(&self) -> ConditionSet {
        let groups = &self.groups;
        [
            groups.voltage.active(),
            groups.current.active(),
            groups.temperature.active(),
            groups.charge.active(),
            groups.fault.active(),
        ]
        .into_iter()
        .fold(ConditionSet::EMPTY, ConditionSet::union)
        .without(self.held_off)
        .without(self.switched_off)
    }

    /// The active conditions, each protection with its alarm; what is held inactive never is.
    pub(crate) fn active(&self) -> ConditionSet {
        self.detected()
            .union(self.held_on)
            .with_implied_alarms()
            .without(self.held_off)
    }

    /// Whether an over-current protection is locked (B-017).
    pub(crate) fn is_locked(&self) -> bool {
        self.groups.current.is_locked()
    }

    /// When something next becomes active or inactive if nothing changes.
    pub(crate) fn deadline(&self, parameters: &Parameters) -> Option<Instant> {
        let groups = &self.groups;
        [
            groups.voltage.deadline(),
            groups.current.deadline(parameters),
            groups.temperature.deadline(),
            groups.charge.deadline(),
            groups.fault.deadline(),
        ]
        .into_iter()
        .flatten()
        .min()
    }
}
