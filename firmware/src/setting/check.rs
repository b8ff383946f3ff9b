//! Ranges of the settings, and why one is refused.

use core::fmt;

use super::Setting;
use crate::limits::{CHARGE_VOLTAGE_RANGE, CURRENT_CEILING, DISCHARGE_VOLTAGE_RANGE};
use crate::pack::cells::CELLS;
use crate::pack::gauge::FULL;
use crate::pack::sensors::{CELL_SENSORS, Sensor};

impl Setting {
    /// Checks the setting against its range.
    ///
    /// # Errors
    /// [`SetError::OutOfRange`], [`SetError::NoSuchCell`] or [`SetError::NoSuchSensor`].
    pub fn check(&self) -> Result<(), SetError> {
        const TEMPERATURE: (i64, i64) = (-1000, 3000);
        const CAPACITY: (i64, i64) = (1, 0xFF_FFFF);
        let range = |quantity, value: i64, (min, max): (i64, i64), unit| {
            if (min..=max).contains(&value) {
                Ok(())
            } else {
                Err(SetError::OutOfRange {
                    quantity,
                    value,
                    min,
                    max,
                    unit,
                })
            }
        };
        let wide = |(min, max): (u16, u16)| (i64::from(min), i64::from(max));
        match *self {
            Setting::CellVoltage { cell, millivolts } => {
                if let Some(cell) = cell.filter(|cell| *cell == 0 || usize::from(*cell) > CELLS) {
                    return Err(SetError::NoSuchCell { cell });
                }
                range("cell voltage", millivolts.into(), (0, 5000), "mV")
            }
            Setting::CellTemperature { sensor, decidegrees } => {
                if let Some(sensor) = sensor.filter(|sensor| !is_cell_sensor(*sensor)) {
                    return Err(SetError::NoSuchSensor { sensor });
                }
                range("cell temperature", decidegrees.into(), TEMPERATURE, "x 0.1 degC")
            }
            Setting::MosfetTemperature { decidegrees } => {
                range("MOSFET temperature", decidegrees.into(), TEMPERATURE, "x 0.1 degC")
            }
            Setting::AmbientTemperature { decidegrees } => {
                range("ambient temperature", decidegrees.into(), TEMPERATURE, "x 0.1 degC")
            }
            Setting::SensorFitted {
                sensor: Sensor::Cell(sensor),
                ..
            } if !is_cell_sensor(sensor) => Err(SetError::NoSuchSensor { sensor }),
            Setting::Current { milliamperes } => range("current", milliamperes.into(), (-5_000_000, 5_000_000), "mA"),
            Setting::Simulate { milliamperes } => range("current", milliamperes.into(), (-5_000_000, 5_000_000), "mA"),
            Setting::SimulatedVoltageLimit {
                millivolts: Some(millivolts),
            } => range("charger voltage", millivolts.into(), (0, 100_000), "mV"),
            Setting::CellCapacity { milliampere_hours } => {
                range("cell capacity", milliampere_hours.into(), CAPACITY, "mAh")
            }
            Setting::Soc { centipercent } => {
                range("state of charge", centipercent.into(), (0, FULL.into()), "x 0.01 %")
            }
            Setting::Soh { percent } => range("state of health", percent.into(), (0, 100), "%"),
            Setting::RemainingCapacity { milliampere_hours } => {
                range("remaining capacity", milliampere_hours.into(), (0, CAPACITY.1), "mAh")
            }
            Setting::FullCapacity { milliampere_hours } => {
                range("full capacity", milliampere_hours.into(), CAPACITY, "mAh")
            }
            Setting::DesignCapacity { milliampere_hours } => {
                range("design capacity", milliampere_hours.into(), CAPACITY, "mAh")
            }
            Setting::PackVoltage {
                millivolts: Some(millivolts),
            } => range("pack voltage", millivolts.into(), (0, 1_000_000), "mV"),
            Setting::ChargeCurrentLimit { deciamperes } => range(
                "charge current limit",
                deciamperes.into(),
                wide((0, CURRENT_CEILING)),
                "x 0.1 A",
            ),
            Setting::DischargeCurrentLimit { deciamperes } => range(
                "discharge current limit",
                deciamperes.into(),
                wide((0, CURRENT_CEILING)),
                "x 0.1 A",
            ),
            Setting::ChargeVoltageLimit { millivolts } => range(
                "charge voltage limit",
                millivolts.into(),
                wide(CHARGE_VOLTAGE_RANGE),
                "mV",
            ),
            Setting::DischargeVoltageLimit { millivolts } => range(
                "discharge voltage limit",
                millivolts.into(),
                wide(DISCHARGE_VOLTAGE_RANGE),
                "mV",
            ),
            Setting::Parameter { parameter, value } => {
                let (min, max) = parameter.range();
                range(
                    parameter.name(),
                    value.into(),
                    (min.into(), max.into()),
                    parameter.unit().symbol(),
                )
            }
            Setting::SensorFitted { .. }
            | Setting::CycleCount { .. }
            | Setting::ChargedEnergy { .. }
            | Setting::DischargedEnergy { .. }
            | Setting::PackVoltage { millivolts: None }
            | Setting::SimulatedVoltageLimit { millivolts: None }
            | Setting::Condition { .. }
            | Setting::HoldCondition { .. }
            | Setting::FullChargeRequest(_)
            | Setting::ChargeMosfet(_)
            | Setting::DischargeMosfet(_)
            | Setting::Heater(_)
            | Setting::Buzzer(_)
            | Setting::FullyCharged(_)
            | Setting::FullHold(_)
            | Setting::ChargeCurrentLimiter(_) => Ok(()),
        }
    }
}

fn is_cell_sensor(number: u8) -> bool {
    (1..=CELL_SENSORS).contains(&usize::from(number))
}

/// Why a stimulus was refused; nothing has been changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetError {
    /// The value lies outside its range.
    OutOfRange {
        /// What was to be set.
        quantity: &'static str,
        /// The value asked for.
        value: i64,
        /// The lowest value allowed.
        min: i64,
        /// The highest value allowed.
        max: i64,
        /// The unit of the three numbers.
        unit: &'static str,
    },
    /// Cells are numbered 1..=16.
    NoSuchCell {
        /// The number asked for.
        cell: u8,
    },
    /// Cell sensors are numbered 1..=4.
    NoSuchSensor {
        /// The number asked for.
        sensor: u8,
    },
    /// The bank has fewer packs.
    NoSuchPack {
        /// The number asked for, from 1.
        pack: u8,
        /// Packs in the bank.
        packs: u8,
    },
    /// A bank has 1..=4 packs.
    PackCount {
        /// The number asked for.
        packs: u8,
    },
    /// The pack that is wired to the inverter cannot leave its own bank.
    WiredPack,
}

impl fmt::Display for SetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            SetError::OutOfRange {
                quantity,
                value,
                min,
                max,
                unit,
            } => {
                write!(f, "{quantity} of {value} {unit} is outside {min}..={max} {unit}")
            }
            SetError::NoSuchCell { cell } => write!(f, "there is no cell {cell}; cells are 1..={CELLS}"),
            SetError::NoSuchSensor { sensor } => {
                write!(
                    f,
                    "there is no cell sensor {sensor}; cell sensors are 1..={CELL_SENSORS}"
                )
            }
            SetError::NoSuchPack { pack, packs: 1 } => write!(f, "there is no pack {pack} in a bank of one pack"),
            SetError::NoSuchPack { pack, packs } => write!(f, "there is no pack {pack}; packs are 1..={packs}"),
            SetError::PackCount { packs } => write!(f, "a bank has 1..=4 packs, not {packs}"),
            SetError::WiredPack => write!(f, "pack 1 is wired to the inverter and cannot be unplugged"),
        }
    }
}

impl core::error::Error for SetError {}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lowest and highest value that a setting takes, and its neighbours outside where the type has them.
    #[test]
    fn ranges_end_where_they_say() {
        let check = |setting: Setting, right: bool| assert_eq!(setting.check().is_ok(), right, "{setting:?}");
        for (millivolts, right) in [(0, true), (5000, true), (5001, false)] {
            check(
                Setting::CellVoltage {
                    cell: Some(16),
                    millivolts,
                },
                right,
            );
        }
        for (decidegrees, right) in [(-1001, false), (-1000, true), (3000, true), (3001, false)] {
            check(
                Setting::CellTemperature {
                    sensor: Some(4),
                    decidegrees,
                },
                right,
            );
            check(Setting::MosfetTemperature { decidegrees }, right);
            check(Setting::AmbientTemperature { decidegrees }, right);
        }
        for (milliamperes, right) in [
            (-5_000_001, false),
            (-5_000_000, true),
            (5_000_000, true),
            (5_000_001, false),
        ] {
            check(Setting::Current { milliamperes }, right);
        }
        for (centipercent, right) in [(0, true), (10_000, true), (10_001, false)] {
            check(Setting::Soc { centipercent }, right);
        }
        for (percent, right) in [(0, true), (100, true), (101, false)] {
            check(Setting::Soh { percent }, right);
        }
        for (milliampere_hours, right) in [(0, false), (1, true), (16_777_215, true), (16_777_216, false)] {
            check(Setting::FullCapacity { milliampere_hours }, right);
            check(Setting::DesignCapacity { milliampere_hours }, right);
            check(
                Setting::RemainingCapacity { milliampere_hours },
                right || milliampere_hours == 0,
            );
        }
        for (millivolts, right) in [(0, true), (1_000_000, true), (1_000_001, false)] {
            check(
                Setting::PackVoltage {
                    millivolts: Some(millivolts),
                },
                right,
            );
        }
        for (deciamperes, right) in [(0, true), (2000, true), (2001, false)] {
            check(Setting::ChargeCurrentLimit { deciamperes }, right);
            check(Setting::DischargeCurrentLimit { deciamperes }, right);
        }
        for (millivolts, right) in [(53_999, false), (54_000, true), (58_400, true), (58_401, false)] {
            check(Setting::ChargeVoltageLimit { millivolts }, right);
        }
        for (millivolts, right) in [(39_999, false), (40_000, true), (48_000, true), (48_001, false)] {
            check(Setting::DischargeVoltageLimit { millivolts }, right);
        }
        for (number, right) in [(0, false), (1, true), (4, true), (5, false)] {
            check(
                Setting::CellTemperature {
                    sensor: Some(number),
                    decidegrees: 0,
                },
                right,
            );
            check(
                Setting::SensorFitted {
                    sensor: Sensor::Cell(number),
                    fitted: false,
                },
                right,
            );
        }
        for (number, right) in [(0, false), (1, true), (16, true), (17, false)] {
            check(
                Setting::CellVoltage {
                    cell: Some(number),
                    millivolts: 0,
                },
                right,
            );
        }
    }
}
