//! What each setting does to a pack.

use super::{Setting, Switch};
use crate::pack::Pack;
use crate::time::Instant;

impl Setting {
    /// Applies a checked setting to a pack, which is then to be refreshed.
    pub(crate) fn apply(&self, pack: &mut Pack, now: Instant) {
        pack.integrate(now);
        match *self {
            Setting::CellVoltage { cell, millivolts } => set_cells(pack, cell, millivolts),
            Setting::CellTemperature { sensor, decidegrees } => set_cell_temperatures(pack, sensor, decidegrees),
            Setting::MosfetTemperature { decidegrees } => {
                pack.sensors.mosfet.decidegrees = decidegrees;
                if let Some(simulation) = pack.simulation_mut() {
                    simulation.hold_mosfet();
                }
            }
            Setting::AmbientTemperature { decidegrees } => pack.sensors.ambient.decidegrees = decidegrees,
            Setting::SensorFitted { sensor, fitted } => {
                if let Some(probe) = pack.sensors.probe_mut(sensor) {
                    probe.fitted = fitted;
                }
            }
            Setting::Current { milliamperes } => pack.set_current(milliamperes),
            Setting::Simulate { milliamperes } => pack.simulate(now, milliamperes),
            Setting::SimulatedVoltageLimit { millivolts } => pack.limit_simulated_voltage(millivolts),
            Setting::CellCapacity { milliampere_hours } => pack.set_capacity(milliampere_hours),
            Setting::Soc { centipercent } => {
                pack.gauge.set_soc(centipercent);
                pack.match_charge();
            }
            Setting::Soh { percent } => pack.gauge.soh_percent = percent,
            Setting::CycleCount { cycles } => pack.gauge.cycle_count = cycles,
            Setting::ChargedEnergy { watt_hours } => pack.gauge.set_charged_energy(watt_hours),
            Setting::DischargedEnergy { watt_hours } => pack.gauge.set_discharged_energy(watt_hours),
            Setting::RemainingCapacity { milliampere_hours } => {
                pack.gauge.set_remaining(milliampere_hours);
                pack.match_charge();
            }
            Setting::FullCapacity { milliampere_hours } => pack.gauge.set_full(milliampere_hours),
            Setting::DesignCapacity { milliampere_hours } => pack.gauge.design_mah = milliampere_hours,
            Setting::PackVoltage { millivolts } => pack.forced_voltage_mv = millivolts,
            Setting::ChargeCurrentLimit { deciamperes } => pack.nominal_charge_deci_a = deciamperes,
            Setting::DischargeCurrentLimit { deciamperes } => pack.nominal_discharge_deci_a = deciamperes,
            Setting::ChargeVoltageLimit { millivolts } => pack.charge_voltage_limit_mv = millivolts,
            Setting::DischargeVoltageLimit { millivolts } => pack.discharge_voltage_limit_mv = millivolts,
            Setting::Condition { condition, active } => {
                let hold = if active { Switch::On } else { Switch::Automatic };
                pack.protection.hold(condition, hold);
            }
            Setting::HoldCondition { condition, hold } => pack.protection.hold(condition, hold),
            Setting::Parameter { parameter, value } => pack.parameters.set(parameter, value),
            Setting::FullChargeRequest(switch) => pack.full_charge_request = switch,
            Setting::ChargeMosfet(switch) => pack.charge_mosfet = switch,
            Setting::DischargeMosfet(switch) => pack.discharge_mosfet = switch,
            Setting::Heater(on) => pack.heater_on = on,
            Setting::Buzzer(on) => pack.buzzer_on = on,
            Setting::FullyCharged(full) => {
                pack.gauge.set_full_detected(full);
                pack.match_charge();
            }
            Setting::FullHold(hold) => pack.full_charge.hold(hold),
            Setting::ChargeCurrentLimiter(mode) => pack.limiter.mode = mode,
        }
    }
}

fn set_cells(pack: &mut Pack, cell: Option<u8>, millivolts: u16) {
    let index = cell.map(|cell| usize::from(cell).saturating_sub(1));
    for (at, slot) in pack.cells.millivolts.iter_mut().enumerate() {
        if index.is_none_or(|index| index == at) {
            *slot = millivolts;
        }
    }
    if let Some(simulation) = pack.simulation_mut() {
        simulation.hold_cells(index);
    }
}

fn set_cell_temperatures(pack: &mut Pack, sensor: Option<u8>, decidegrees: i16) {
    let index = sensor.map(|sensor| usize::from(sensor).saturating_sub(1));
    for (at, probe) in pack.sensors.cells.iter_mut().enumerate() {
        if index.is_none_or(|index| index == at) {
            probe.decidegrees = decidegrees;
        }
    }
    if let Some(simulation) = pack.simulation_mut() {
        simulation.hold_probes(index);
    }
}
