//! The words of the vocabulary but for the conditions, which the firmware names itself.

use refbms::Sensor;

use super::{Build, Takes, Word};
use crate::value::Unit;

const ABSENT: &str = "absent";
pub(super) const AUTOMATIC: &str = "automatic";
/// The highest capacity, 16,777.215 Ah: three bytes of mAh (Pylon RS485).
const CAPACITY: i64 = 0xFF_FFFF;

const fn quantity(unit: Unit, steps: u32, min: i64, max: i64, word: Option<&'static str>) -> Takes {
    Takes::Quantity {
        unit,
        steps,
        min,
        max,
        word,
    }
}

const TEMPERATURE: Takes = quantity(Unit::DegreeCelsius, 10, -1000, 3000, Some(ABSENT));

const fn word(name: &'static str, title: &'static str, numbered: u8, takes: Takes, build: Build) -> Word {
    Word {
        name,
        title,
        numbered,
        takes,
        build,
    }
}

/// The words but for the conditions. Bounds are those of the reference BMS, whose own check must agree (see the tests);
/// so the casts below lose nothing.
pub(super) const WORDS: &[Word] = &[
    word(
        "soc",
        "state of charge; the remaining capacity goes with it, and 100 % means full",
        0,
        quantity(Unit::Percent, 100, 0, 10_000, None),
        Build::Quantity(|_, value| {
            one(value.map(|value| refbms::Setting::Soc {
                centipercent: value as u16,
            }))
        }),
    ),
    word(
        "soh",
        "state of health",
        0,
        quantity(Unit::Percent, 1, 0, 100, None),
        Build::Quantity(|_, value| one(value.map(|value| refbms::Setting::Soh { percent: value as u8 }))),
    ),
    word(
        "cell_voltage",
        "voltage of one cell, or of all",
        refbms::CELLS as u8,
        quantity(Unit::Millivolt, 1, 0, 5000, None),
        Build::Quantity(|cell, value| {
            one(value.map(|value| refbms::Setting::CellVoltage {
                cell,
                millivolts: value as u16,
            }))
        }),
    ),
    word(
        "cell_temperature",
        "temperature at one cell sensor, or at all; absent: not fitted",
        refbms::CELL_SENSORS as u8,
        TEMPERATURE,
        Build::Quantity(cell_temperature),
    ),
    word(
        "mosfet_temperature",
        "temperature of the power stage; absent: not fitted",
        0,
        TEMPERATURE,
        Build::Quantity(|_, value| {
            probe(Sensor::Mosfet, value, |decidegrees| {
                refbms::Setting::MosfetTemperature { decidegrees }
            })
        }),
    ),
    word(
        "ambient_temperature",
        "temperature of the surroundings; absent: not fitted",
        0,
        TEMPERATURE,
        Build::Quantity(|_, value| {
            probe(Sensor::Ambient, value, |decidegrees| {
                refbms::Setting::AmbientTemperature { decidegrees }
            })
        }),
    ),
    word(
        "current",
        "current of a pack, positive = charging",
        0,
        quantity(Unit::Ampere, 1000, -5_000_000, 5_000_000, None),
        Build::Quantity(|_, value| {
            one(value.map(|value| refbms::Setting::Current {
                milliamperes: value as i32,
            }))
        }),
    ),
    word(
        "pack_voltage",
        "voltage of the pack whatever its cells say; automatic: their sum",
        0,
        quantity(Unit::Volt, 1000, 0, 1_000_000, Some(AUTOMATIC)),
        Build::Quantity(|_, value| {
            one(Some(refbms::Setting::PackVoltage {
                millivolts: value.map(|value| value as u32),
            }))
        }),
    ),
    word(
        "remaining_capacity",
        "charge left; the state of charge goes with it",
        0,
        quantity(Unit::AmpereHour, 1000, 0, CAPACITY, None),
        Build::Quantity(|_, value| {
            one(value.map(|value| refbms::Setting::RemainingCapacity {
                milliampere_hours: value as u32,
            }))
        }),
    ),
    word(
        "full_capacity",
        "present full capacity; the state of charge stays",
        0,
        quantity(Unit::AmpereHour, 1000, 1, CAPACITY, None),
        Build::Quantity(|_, value| {
            one(value.map(|value| refbms::Setting::FullCapacity {
                milliampere_hours: value as u32,
            }))
        }),
    ),
    word(
        "design_capacity",
        "rated capacity",
        0,
        quantity(Unit::AmpereHour, 1000, 1, CAPACITY, None),
        Build::Quantity(|_, value| {
            one(value.map(|value| refbms::Setting::DesignCapacity {
                milliampere_hours: value as u32,
            }))
        }),
    ),
    word(
        "cycle_count",
        "full cycles",
        0,
        quantity(Unit::None, 1, 0, 65_535, None),
        Build::Quantity(|_, value| one(value.map(|value| refbms::Setting::CycleCount { cycles: value as u16 }))),
    ),
    word(
        "lifetime_charge_energy",
        "energy that has gone in over the pack's life",
        0,
        quantity(Unit::WattHour, 1, 0, u32::MAX as i64, None),
        Build::Quantity(|_, value| {
            one(value.map(|value| refbms::Setting::ChargedEnergy {
                watt_hours: value as u32,
            }))
        }),
    ),
    word(
        "lifetime_discharge_energy",
        "energy that has gone out over the pack's life",
        0,
        quantity(Unit::WattHour, 1, 0, u32::MAX as i64, None),
        Build::Quantity(|_, value| {
            one(value.map(|value| refbms::Setting::DischargedEnergy {
                watt_hours: value as u32,
            }))
        }),
    ),
    word(
        "charge_current_nominal",
        "charge current limit of a pack before derating and protections",
        0,
        quantity(Unit::Ampere, 10, 0, 2000, None),
        Build::Quantity(|_, value| {
            one(value.map(|value| refbms::Setting::ChargeCurrentLimit {
                deciamperes: value as u16,
            }))
        }),
    ),
    word(
        "discharge_current_nominal",
        "discharge current limit of a pack before derating and protections",
        0,
        quantity(Unit::Ampere, 10, 0, 2000, None),
        Build::Quantity(|_, value| {
            one(value.map(|value| refbms::Setting::DischargeCurrentLimit {
                deciamperes: value as u16,
            }))
        }),
    ),
    word(
        "charge_voltage_limit",
        "highest charge voltage (B-072)",
        0,
        quantity(Unit::Volt, 1000, 54_000, 58_400, None),
        Build::Quantity(|_, value| {
            one(value.map(|value| refbms::Setting::ChargeVoltageLimit {
                millivolts: value as u16,
            }))
        }),
    ),
    word(
        "discharge_voltage_limit",
        "voltage at which discharging should end (B-073)",
        0,
        quantity(Unit::Volt, 1000, 40_000, 48_000, None),
        Build::Quantity(|_, value| {
            one(value.map(|value| refbms::Setting::DischargeVoltageLimit {
                millivolts: value as u16,
            }))
        }),
    ),
    word(
        "full_charge_request",
        "the request for a full charge (B-079)",
        0,
        Takes::Switch,
        Build::Switch(refbms::Setting::FullChargeRequest),
    ),
    word(
        "fully_charged",
        "full detected: true sets 100 %, false at most 99.99 % (B-081)",
        0,
        Takes::Truth,
        Build::Truth(refbms::Setting::FullyCharged),
    ),
    word(
        "full_hold",
        "no charging because the pack is full (B-080)",
        0,
        Takes::Truth,
        Build::Truth(refbms::Setting::FullHold),
    ),
    word(
        "charge_mosfet_on",
        "the charge switch, apart from what protections do",
        0,
        Takes::Switch,
        Build::Switch(refbms::Setting::ChargeMosfet),
    ),
    word(
        "discharge_mosfet_on",
        "the discharge switch, apart from what protections do",
        0,
        Takes::Switch,
        Build::Switch(refbms::Setting::DischargeMosfet),
    ),
    word(
        "heater_on",
        "the heater",
        0,
        Takes::Truth,
        Build::Truth(refbms::Setting::Heater),
    ),
    word(
        "buzzer_on",
        "the buzzer",
        0,
        Takes::Truth,
        Build::Truth(refbms::Setting::Buzzer),
    ),
    word(
        "simulated_current",
        "a charger (positive) or load (negative) of this current: voltages, temperatures and charge move from here on",
        0,
        quantity(Unit::Ampere, 1000, -5_000_000, 5_000_000, None),
        Build::Quantity(|_, value| {
            one(value.map(|value| refbms::Setting::Simulate {
                milliamperes: value as i32,
            }))
        }),
    ),
    word(
        "simulated_voltage_limit",
        "pack voltage that a simulated charger does not exceed; absent: no bound",
        0,
        quantity(Unit::Volt, 1000, 0, 100_000, Some(ABSENT)),
        Build::Quantity(|_, value| {
            one(Some(refbms::Setting::SimulatedVoltageLimit {
                millivolts: value.map(|value| value as u32),
            }))
        }),
    ),
    word(
        "cell_capacity",
        "what the cells really hold, which the battery may learn (R-036)",
        0,
        quantity(Unit::AmpereHour, 1000, 1, CAPACITY, None),
        Build::Quantity(|_, value| {
            one(value.map(|value| refbms::Setting::CellCapacity {
                milliampere_hours: value as u32,
            }))
        }),
    ),
    word(
        "charge_current_limiter",
        "the limiter of the charge current (B-032)",
        0,
        Takes::Switch,
        Build::Switch(refbms::Setting::ChargeCurrentLimiter),
    ),
    word(
        "charger",
        "voltage at the terminals from outside; absent: none. 0.5 V above the pack is a charger (B-160)",
        0,
        quantity(Unit::Volt, 1000, 0, 100_000, Some(ABSENT)),
        Build::Charger,
    ),
    word(
        "dip",
        "address on the DIP switches of a pack; it counts from the next start (R-061)",
        0,
        quantity(Unit::None, 1, 0, 15, None),
        Build::Dip,
    ),
];

fn one(setting: Option<refbms::Setting>) -> Vec<refbms::Setting> {
    setting.into_iter().collect()
}

/// A temperature fits the sensor that shows it; `None` takes the sensor away.
fn probe(sensor: Sensor, value: Option<i64>, build: fn(i16) -> refbms::Setting) -> Vec<refbms::Setting> {
    let fitted = refbms::Setting::SensorFitted {
        sensor,
        fitted: value.is_some(),
    };
    std::iter::once(fitted)
        .chain(value.map(|value| build(value as i16)))
        .collect()
}

fn cell_temperature(sensor: Option<u8>, value: Option<i64>) -> Vec<refbms::Setting> {
    let sensors = sensor.map_or(1..=refbms::CELL_SENSORS as u8, |sensor| sensor..=sensor);
    let mut settings: Vec<refbms::Setting> = sensors
        .map(|sensor| refbms::Setting::SensorFitted {
            sensor: Sensor::Cell(sensor),
            fitted: value.is_some(),
        })
        .collect();
    settings.extend(value.map(|value| refbms::Setting::CellTemperature {
        sensor,
        decidegrees: value as i16,
    }));
    settings
}
