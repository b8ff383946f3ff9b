//! A pack at one moment, in canonical quantities.

use super::cells::CELLS;
use super::sensors::CELL_SENSORS;
use super::state::{Flow, PackState};
use crate::limits::Requests;
use crate::protection::condition::ConditionSet;
use crate::protection::parameters::Parameters;

/// A pack at one moment.
///
/// Units are in the names: mV, mA (positive = charging), 0.1 A, 0.1 degC, mAh, %.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackView {
    /// Number of the pack in the bank, from 1.
    pub number: u8,
    /// The address that it acts at, by its DIP switches; 0 acts as 1.
    pub address: u8,
    /// Voltage of each cell.
    pub cell_voltage_mv: [u16; CELLS],
    /// Each cell sensor; `None` where none is fitted.
    pub cell_temperature_deci_c: [Option<i16>; CELL_SENSORS],
    /// Power stage.
    pub mosfet_temperature_deci_c: Option<i16>,
    /// Surroundings.
    pub ambient_temperature_deci_c: Option<i16>,
    /// The sum of the cells, unless another value is forced.
    pub pack_voltage_mv: u32,
    /// Current, positive = charging.
    pub pack_current_ma: i32,
    /// State of charge in 0.01 %, rounded down.
    pub soc_centipercent: u16,
    /// State of health.
    pub soh_percent: u8,
    /// Charge left.
    pub remaining_capacity_mah: u32,
    /// Present full capacity.
    pub full_capacity_mah: u32,
    /// Rated capacity.
    pub design_capacity_mah: u32,
    /// Full cycles.
    pub cycle_count: u16,
    /// Energy that has gone in over its life, in Wh.
    pub lifetime_charge_energy_wh: u32,
    /// Energy that has gone out over its life, in Wh.
    pub lifetime_discharge_energy_wh: u32,
    /// Active alarms, protections and faults.
    pub conditions: ConditionSet,
    /// Whether charging is allowed (B-070).
    pub charge_enable: bool,
    /// Whether discharging is allowed (B-071).
    pub discharge_enable: bool,
    /// Highest charge current at this moment.
    pub charge_current_limit_deci_a: u16,
    /// Highest discharge current at this moment, a magnitude.
    pub discharge_current_limit_deci_a: u16,
    /// Highest charge voltage (B-072).
    pub charge_voltage_limit_mv: u16,
    /// Voltage at which discharging should end (B-073).
    pub discharge_voltage_limit_mv: u16,
    /// Charge current limit before derating and protections.
    pub nominal_charge_current_deci_a: u16,
    /// Discharge current limit before derating and protections.
    pub nominal_discharge_current_deci_a: u16,
    /// What the pack asks of the inverter.
    pub requests: Requests,
    /// Whether the charge switch is closed.
    pub charge_mosfet_on: bool,
    /// Whether the discharge switch is closed.
    pub discharge_mosfet_on: bool,
    /// Whether the charge switch is held open, apart from what protections do.
    pub charge_mosfet_forced_off: bool,
    /// Whether the discharge switch is held open, apart from what protections do.
    pub discharge_mosfet_forced_off: bool,
    /// Whether the heater runs.
    pub heater_on: bool,
    /// Whether the buzzer sounds.
    pub buzzer_on: bool,
    /// Whether the pack is known to be full.
    pub fully_charged: bool,
    /// What has changed since it was last read.
    pub unread: Unread,
    /// What the pack is doing.
    pub state: PackState,
    /// Which way current flows.
    pub flow: Flow,
    /// Whether something is connected that charges the pack, or would.
    pub charging_source: bool,
    /// The cells that are balanced; bit n: cell n + 1 (B-028).
    pub balancing: u16,
    /// Whether charging is refused because the pack is full; its charge switch stays closed (B-080).
    pub full_hold: bool,
    /// Whether the charge current limiter acts (B-032).
    pub charge_current_limiter_on: bool,
    /// Whether the charge current limiter is fitted and may act.
    pub charge_current_limiter_enabled: bool,
    /// Whether an over-current or short-circuit protection is not tried again by itself (B-017).
    pub over_current_locked: bool,
    /// Thresholds, release values and delays.
    pub parameters: Parameters,
}

impl PackView {
    /// State of charge in whole per cent, rounded down, but not to 0 before the pack is empty.
    pub fn soc_percent(&self) -> u8 {
        // A state of charge is at most 10,000, so a hundredth of it fits.
        let percent = u8::try_from(self.soc_centipercent / 100).unwrap_or(100);
        percent.max(u8::from(self.soc_centipercent > 0))
    }
}

/// Changes that no reader has seen yet (Pylon RS485, INFOFLAG).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unread {
    /// A switch opened or closed.
    pub switches: bool,
    /// An alarm, protection or fault came or went.
    pub alarms: bool,
}
