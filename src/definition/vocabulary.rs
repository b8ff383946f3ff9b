//! The names that mean the same quantity in every protocol (protocols/README.md section 3).

use refbms::Condition;

use crate::value::Unit;

/// Names of quantities with their unit.
const QUANTITIES: &[(&str, Unit)] = &[
    ("charge_voltage_limit", Unit::Volt),
    ("discharge_voltage_limit", Unit::Volt),
    ("charge_current_limit", Unit::Ampere),
    ("discharge_current_limit", Unit::Ampere),
    ("pack_voltage", Unit::Volt),
    ("pack_current", Unit::Ampere),
    ("charge_current", Unit::Ampere),
    ("discharge_current", Unit::Ampere),
    ("gauge_current", Unit::Ampere),
    ("temperature", Unit::DegreeCelsius),
    ("soc", Unit::Percent),
    ("soc_high_res", Unit::Percent),
    ("soh", Unit::Percent),
    ("minimum_soh", Unit::Percent),
    ("cell_voltage_{n}", Unit::Millivolt),
    ("max_cell_voltage", Unit::Millivolt),
    ("min_cell_voltage", Unit::Millivolt),
    ("cell_voltage_delta", Unit::Millivolt),
    ("max_cell_voltage_number", Unit::None),
    ("min_cell_voltage_number", Unit::None),
    ("max_cell_temperature", Unit::DegreeCelsius),
    ("min_cell_temperature", Unit::DegreeCelsius),
    ("max_cell_temperature_number", Unit::None),
    ("min_cell_temperature_number", Unit::None),
    ("cell_temperature_{n}", Unit::DegreeCelsius),
    ("mosfet_temperature", Unit::DegreeCelsius),
    ("average_mosfet_temperature", Unit::DegreeCelsius),
    ("max_mosfet_temperature", Unit::DegreeCelsius),
    ("min_mosfet_temperature", Unit::DegreeCelsius),
    ("ambient_temperature", Unit::DegreeCelsius),
    ("average_bms_temperature", Unit::DegreeCelsius),
    ("max_bms_temperature", Unit::DegreeCelsius),
    ("min_bms_temperature", Unit::DegreeCelsius),
    ("remaining_capacity", Unit::AmpereHour),
    ("full_capacity", Unit::AmpereHour),
    ("design_capacity", Unit::AmpereHour),
    ("capacity", Unit::AmpereHour),
    ("cycle_count", Unit::None),
    ("lifetime_charge_energy", Unit::KilowattHour),
    ("lifetime_discharge_energy", Unit::KilowattHour),
    ("cell_count", Unit::None),
    ("temperature_sensor_count", Unit::None),
    ("module_count", Unit::None),
];

/// Names of flags and states (3.5); those of alarms, protections and faults (3.6) are the battery's conditions.
const STATES: &[&str] = &[
    "charge_enable",
    "discharge_enable",
    "force_charge_request_1",
    "force_charge_request_2",
    "force_charge_request",
    "full_charge_request",
    "small_current_charge_request",
    "stop",
    "run_state",
    "battery_state",
    "error_valid",
    "charging",
    "discharging",
    "charge_mosfet_on",
    "discharge_mosfet_on",
    "balancing",
    "cell_balancing_{n}",
    "heater_on",
    "fully_charged",
    "charge_current_limiter_on",
    "charger_reversed",
    "sleep",
    "terminal_open",
    "parallel_mode",
    "inverter_run_state",
];

/// Whether a name means the same in every protocol: a quantity, a flag or state, or a condition of the battery.
pub fn is_known(name: &str) -> bool {
    let general = generalised(name);
    unit_of(name).is_some()
        || STATES.iter().any(|known| *known == name || *known == general)
        || Condition::from_name(name).is_some()
}

/// Words at the end of a name that fix its unit: `cell_over_voltage_protection_threshold` is a voltage of a cell.
const ENDINGS: &[(&str, Unit)] = &[("_delay", Unit::Second)];

/// The unit that the vocabulary gives a name; `None` for names that it does not know.
pub fn unit_of(name: &str) -> Option<Unit> {
    let general = generalised(name);
    QUANTITIES
        .iter()
        .find(|(known, _)| *known == name || *known == general)
        .map(|(_, unit)| *unit)
}

/// The quantity names of the vocabulary.
pub fn quantity_names() -> impl Iterator<Item = &'static str> {
    QUANTITIES.iter().map(|(name, _)| *name)
}

/// The dimension that a name's ending demands, as an example unit.
pub fn unit_of_ending(name: &str) -> Option<Unit> {
    ENDINGS
        .iter()
        .find(|(ending, _)| name.ends_with(ending))
        .map(|(_, unit)| *unit)
}

/// The name with a running number at its end as `{n}`: `cell_voltage_4` -> `cell_voltage_{n}`.
pub fn generalised(name: &str) -> String {
    match name.rsplit_once('_') {
        Some((stem, number)) if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("{stem}_{{n}}")
        }
        _ => name.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_numbers_share_an_entry() {
        assert_eq!(unit_of("cell_voltage_16"), Some(Unit::Millivolt));
        assert_eq!(unit_of("cell_voltage_{n}"), Some(Unit::Millivolt));
        assert_eq!(unit_of("soc"), Some(Unit::Percent));
        assert_eq!(unit_of("no_such_name"), None);
        for name in ["cell_voltage_16", "cell_balancing_4", "balancing", "low_soc_alarm"] {
            assert!(is_known(name), "{name}");
        }
        assert!(!is_known("cell_balancing") && !is_known("low_soc_alarms"));
    }
}
