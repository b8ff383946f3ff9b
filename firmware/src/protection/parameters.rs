//! The parameters of the battery: thresholds, releases, delays (bms-behaviour 3.1, column REF).
//!
//! Names follow README 3.5: `<thing>_alarm_threshold`, `<thing>_protection_threshold`, `<thing>_release_threshold`,
//! `<thing>_delay`. Ranges are those of PACE where the sheet gives them, widened where a value of the reference lies
//! outside. The battery does not check one parameter against another: where a release value lies on the wrong side of
//! its threshold, the threshold wins.

use core::time::Duration;

/// What a parameter is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ParameterUnit {
    /// 1 mV.
    Millivolt,
    /// 0.1 A.
    Deciampere,
    /// 0.1 degC.
    Decidegree,
    /// 1 %.
    Percent,
    /// A number of times.
    Count,
    /// 1 us.
    Microsecond,
    /// 1 ms.
    Millisecond,
    /// 1 s.
    Second,
}

impl ParameterUnit {
    /// The unit in print.
    pub const fn symbol(self) -> &'static str {
        match self {
            ParameterUnit::Millivolt => "mV",
            ParameterUnit::Deciampere => "x 0.1 A",
            ParameterUnit::Decidegree => "x 0.1 degC",
            ParameterUnit::Percent => "%",
            ParameterUnit::Count => "times",
            ParameterUnit::Microsecond => "us",
            ParameterUnit::Millisecond => "ms",
            ParameterUnit::Second => "s",
        }
    }
}

type Range = (i32, i32);
const CELL: Range = (2000, 4500);
const ANY_CELL: Range = (0, 5000);
const CELL_DIFFERENCE: Range = (1, 2000);
const PACK: Range = (15_000, 65_000);
const CURRENT: Range = (10, 10_000);
const TEMPERATURE: Range = (-350, 1000);
const MOSFET: Range = (300, 1200);
const SENSOR: Range = (-1000, 3000);
const PERCENT: Range = (0, 100);
const DELAY: Range = (0, 25_000);
const LONG_DELAY: Range = (0, 10_000_000);

macro_rules! parameters {
    ($($variant:ident $name:literal $unit:ident $default:literal $range:expr, $doc:literal;)*) => {
        /// One parameter of a pack.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Parameter {
            $(#[doc = concat!("`", $name, "`: ", $doc)] $variant,)*
        }

        impl Parameter {
            /// Every parameter, in the order of the sheet.
            pub const ALL: &'static [Parameter] = &[$(Parameter::$variant),*];

            /// The name in snake_case.
            pub const fn name(self) -> &'static str {
                match self { $(Parameter::$variant => $name,)* }
            }

            /// What its value is counted in.
            pub const fn unit(self) -> ParameterUnit {
                match self { $(Parameter::$variant => ParameterUnit::$unit,)* }
            }

            /// The value as delivered.
            pub const fn default_value(self) -> i32 {
                match self { $(Parameter::$variant => $default,)* }
            }

            /// The lowest and the highest value that can be set.
            pub const fn range(self) -> (i32, i32) {
                match self { $(Parameter::$variant => $range,)* }
            }
        }

        const COUNT: usize = [$(Parameter::$variant),*].len();

        const DEFAULTS: [i32; COUNT] = [$($default),*];
    };
}

parameters! {
    CellOverVoltageAlarm "cell_over_voltage_alarm_threshold" Millivolt 3600 CELL, "B-001";
    CellOverVoltageAlarmRelease "cell_over_voltage_alarm_release_threshold" Millivolt 3500 CELL, "B-001";
    CellOverVoltageProtection "cell_over_voltage_protection_threshold" Millivolt 3650 CELL, "B-002 (R-003 / 16)";
    CellOverVoltageRelease "cell_over_voltage_release_threshold" Millivolt 3380 CELL, "B-002";
    CellOverVoltageDelay "cell_over_voltage_delay" Millisecond 1000 DELAY, "B-002";
    PackOverVoltageAlarm "pack_over_voltage_alarm_threshold" Millivolt 57_600 PACK, "B-003";
    PackOverVoltageAlarmRelease "pack_over_voltage_alarm_release_threshold" Millivolt 56_000 PACK, "B-003";
    PackOverVoltageProtection "pack_over_voltage_protection_threshold" Millivolt 58_400 PACK, "B-004 (R-003)";
    PackOverVoltageRelease "pack_over_voltage_release_threshold" Millivolt 54_000 PACK, "B-004";
    PackOverVoltageDelay "pack_over_voltage_delay" Millisecond 1000 DELAY, "B-004";
    CellUnderVoltageAlarm "cell_under_voltage_alarm_threshold" Millivolt 2800 CELL, "B-005 (R-008 / 16)";
    CellUnderVoltageAlarmRelease "cell_under_voltage_alarm_release_threshold" Millivolt 2950 CELL, "B-005";
    CellUnderVoltageProtection "cell_under_voltage_protection_threshold" Millivolt 2700 CELL, "B-006 (R-009 / 16)";
    CellUnderVoltageRelease "cell_under_voltage_release_threshold" Millivolt 2950 CELL, "B-006 (R-010 / 16)";
    CellUnderVoltageDelay "cell_under_voltage_delay" Millisecond 1000 DELAY, "B-006";
    PackUnderVoltageAlarm "pack_under_voltage_alarm_threshold" Millivolt 44_800 PACK, "B-007 (R-008)";
    PackUnderVoltageAlarmRelease "pack_under_voltage_alarm_release_threshold" Millivolt 47_200 PACK, "B-007";
    PackUnderVoltageProtection "pack_under_voltage_protection_threshold" Millivolt 43_200 PACK, "B-008 (R-009)";
    PackUnderVoltageRelease "pack_under_voltage_release_threshold" Millivolt 47_200 PACK, "B-008 (R-010)";
    PackUnderVoltageDelay "pack_under_voltage_delay" Millisecond 1000 DELAY, "B-008";

    ChargeOverCurrentAlarm "charge_over_current_alarm_threshold" Deciampere 2050 CURRENT, "B-009";
    ChargeOverCurrentAlarmRelease "charge_over_current_alarm_release_threshold" Deciampere 2000 CURRENT, "B-009";
    ChargeOverCurrentProtection "charge_over_current_protection_threshold" Deciampere 2200 CURRENT, "B-010";
    ChargeOverCurrentDelay "charge_over_current_delay" Millisecond 1000 DELAY, "B-010";
    ChargeOverCurrent2Protection "charge_over_current_2_protection_threshold" Deciampere 3000 CURRENT, "B-011";
    ChargeOverCurrent2Delay "charge_over_current_2_delay" Millisecond 100 DELAY, "B-011";
    DischargeOverCurrentAlarm "discharge_over_current_alarm_threshold" Deciampere 2100 CURRENT, "B-012";
    DischargeOverCurrentAlarmRelease "discharge_over_current_alarm_release_threshold" Deciampere 2050 CURRENT, "B-012";
    DischargeOverCurrentProtection "discharge_over_current_protection_threshold" Deciampere 2200 CURRENT, "B-013";
    DischargeOverCurrentDelay "discharge_over_current_delay" Millisecond 1000 DELAY, "B-013";
    DischargeOverCurrent2Protection "discharge_over_current_2_protection_threshold" Deciampere 3000 CURRENT, "B-014";
    DischargeOverCurrent2Delay "discharge_over_current_2_delay" Millisecond 100 DELAY, "B-014";
    ShortCircuitProtection "short_circuit_protection_threshold" Deciampere 6000 CURRENT, "B-015";
    ShortCircuitDelay "short_circuit_delay" Microsecond 300 (100, 500), "B-015";
    OverCurrentReleaseDelay "over_current_release_delay" Second 60 (1, 3600), "B-016";
    OverCurrentLockTrips "over_current_lock_trips" Count 5 (1, 5), "B-017";
    OverCurrentLockWindow "over_current_lock_window" Second 600 (1, 3600), "B-017";

    ChargeOverTemperatureAlarm "charge_over_temperature_alarm_threshold" Decidegree 510 TEMPERATURE, "B-018";
    ChargeOverTemperatureProtection "charge_over_temperature_protection_threshold" Decidegree 550 TEMPERATURE,
        "B-018 (R-013)";
    ChargeOverTemperatureRelease "charge_over_temperature_release_threshold" Decidegree 500 TEMPERATURE,
        "B-018, of the protection and of the alarm";
    ChargeUnderTemperatureAlarm "charge_under_temperature_alarm_threshold" Decidegree 30 TEMPERATURE, "B-019";
    ChargeUnderTemperatureProtection "charge_under_temperature_protection_threshold" Decidegree 0 TEMPERATURE,
        "B-019 (R-013); trips strictly below";
    ChargeUnderTemperatureRelease "charge_under_temperature_release_threshold" Decidegree 30 TEMPERATURE,
        "B-019, of the protection and of the alarm";
    DischargeOverTemperatureAlarm "discharge_over_temperature_alarm_threshold" Decidegree 520 TEMPERATURE, "B-020";
    DischargeOverTemperatureProtection "discharge_over_temperature_protection_threshold" Decidegree 550 TEMPERATURE,
        "B-020 (R-012)";
    DischargeOverTemperatureRelease "discharge_over_temperature_release_threshold" Decidegree 500 TEMPERATURE,
        "B-020, of the protection and of the alarm";
    DischargeUnderTemperatureAlarm "discharge_under_temperature_alarm_threshold" Decidegree -150 TEMPERATURE, "B-021";
    DischargeUnderTemperatureProtection "discharge_under_temperature_protection_threshold" Decidegree -200 TEMPERATURE,
        "B-021 (R-012); trips strictly below";
    DischargeUnderTemperatureRelease "discharge_under_temperature_release_threshold" Decidegree -150 TEMPERATURE,
        "B-021, of the protection and of the alarm";
    MosfetOverTemperatureAlarm "mosfet_over_temperature_alarm_threshold" Decidegree 900 MOSFET, "B-022";
    MosfetOverTemperatureProtection "mosfet_over_temperature_protection_threshold" Decidegree 1050 MOSFET, "B-022";
    MosfetOverTemperatureRelease "mosfet_over_temperature_release_threshold" Decidegree 850 MOSFET,
        "B-022, of the protection and of the alarm";
    AmbientOverTemperatureAlarm "ambient_over_temperature_alarm_threshold" Decidegree 650 TEMPERATURE, "B-023";
    AmbientOverTemperatureProtection "ambient_over_temperature_protection_threshold" Decidegree 700 TEMPERATURE,
        "B-023";
    AmbientOverTemperatureRelease "ambient_over_temperature_release_threshold" Decidegree 650 TEMPERATURE,
        "B-023, of the protection and of the alarm";
    AmbientUnderTemperatureAlarm "ambient_under_temperature_alarm_threshold" Decidegree -200 TEMPERATURE, "B-024";
    AmbientUnderTemperatureProtection "ambient_under_temperature_protection_threshold" Decidegree -250 TEMPERATURE,
        "B-024";
    AmbientUnderTemperatureRelease "ambient_under_temperature_release_threshold" Decidegree -200 TEMPERATURE,
        "B-024, of the protection and of the alarm";
    TemperatureDelay "temperature_delay" Millisecond 2000 DELAY, "B-025, of the protections and of the sensor fault";
    AlarmDelay "alarm_delay" Millisecond 1000 DELAY, "of every alarm but the imbalance (3.1, comparison rules)";

    LowSocAlarm "low_soc_alarm_threshold" Percent 15 PERCENT, "B-026, in whole per cent as the inverter sees it";
    LowSocAlarmRelease "low_soc_alarm_release_threshold" Percent 18 PERCENT, "B-026";
    CellImbalanceAlarm "cell_imbalance_alarm_threshold" Millivolt 500 CELL_DIFFERENCE, "B-027";
    CellImbalanceAlarmRelease "cell_imbalance_alarm_release_threshold" Millivolt 300 CELL_DIFFERENCE, "B-027";
    CellImbalanceDelay "cell_imbalance_delay" Millisecond 5000 DELAY, "B-027";
    BalanceStartVoltage "balance_start_voltage" Millivolt 3400 CELL, "B-028";
    BalanceStartDifference "balance_start_difference" Millivolt 30 CELL_DIFFERENCE, "B-028";
    BalanceStopDifference "balance_stop_difference" Millivolt 20 CELL_DIFFERENCE, "B-028";
    FullChargeVoltage "full_charge_voltage" Millivolt 56_000 PACK, "B-029";
    FullChargeCurrent "full_charge_current" Deciampere 56 (0, 10_000), "B-029 (R-004)";
    FullChargeDelay "full_charge_delay" Second 60 (0, 3600), "B-029";
    FullReleaseSoc "full_release_soc" Percent 96 PERCENT, "below it over-voltage (3.1) and full hold (B-080) release";
    FullHoldReleaseVoltage "full_hold_release_voltage" Millivolt 3380 CELL, "B-080: highest cell below it";
    EffectiveCurrent "effective_current" Deciampere 10 (1, 100), "B-030: charging or discharging begins";
    IdleCurrent "idle_current" Deciampere 7 (1, 100), "B-030: charging or discharging ends below it";
    UnderVoltageSleepDelay "under_voltage_sleep_delay" Second 60 LONG_DELAY, "B-031";
    IdleSleepDelay "idle_sleep_delay" Second 172_800 LONG_DELAY, "B-031: 48 h";
    CellSleepVoltage "cell_sleep_voltage" Millivolt 3100 CELL, "B-031";
    CellSleepDelay "cell_sleep_delay" Second 300 LONG_DELAY, "B-031";
    ChargeCurrentLimiterCurrent "charge_current_limiter_current" Deciampere 100 CURRENT, "B-032";
    ChargeCurrentLimiterDelay "charge_current_limiter_delay" Second 300 (1, 3600), "B-032: time to the re-check";
    ChargerWakeDifference "charger_wake_difference" Millivolt 500 CELL_DIFFERENCE,
        "B-160: a charger stands so much above the pack";
    PrechargeDelay "precharge_delay" Millisecond 2000 (0, 5000), "B-033, the length of init (B-051)";
    BodyDiodeDelay "body_diode_delay" Millisecond 500 (0, 1000), "B-059: within 1 s";

    CellFaultHigh "cell_fault_high_threshold" Millivolt 4200 ANY_CELL, "3.2: defective above";
    CellFaultLow "cell_fault_low_threshold" Millivolt 1000 ANY_CELL, "3.2: defective below";
    CellFaultDelay "cell_fault_delay" Millisecond 1000 DELAY, "of the cell fault (D)";
    SensorHigh "temperature_sensor_high_threshold" Decidegree 1250 SENSOR, "a probe that reads above is defective (D)";
    SensorLow "temperature_sensor_low_threshold" Decidegree -400 SENSOR, "a probe that reads below is defective (D)";
}

impl Parameter {
    /// The parameter of this name.
    pub fn from_name(name: &str) -> Option<Parameter> {
        Parameter::ALL
            .iter()
            .copied()
            .find(|parameter| parameter.name() == name)
    }
}

/// The values of all parameters of a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    values: [i32; COUNT],
}

impl Parameters {
    /// The value, in the parameter's own unit.
    pub const fn get(&self, parameter: Parameter) -> i32 {
        self.values[parameter as usize]
    }

    /// Sets a value that lies within the parameter's range.
    pub(crate) const fn set(&mut self, parameter: Parameter, value: i32) {
        self.values[parameter as usize] = value;
    }

    /// A current in mA, anything else in the parameter's own unit: what measured values are compared with.
    pub(crate) const fn canonical(&self, parameter: Parameter) -> i32 {
        match parameter.unit() {
            ParameterUnit::Deciampere => self.get(parameter) * 100,
            _ => self.get(parameter),
        }
    }

    /// A delay; zero for a parameter that is none.
    pub(crate) fn duration(&self, parameter: Parameter) -> Duration {
        let count = u64::try_from(self.get(parameter)).unwrap_or(0);
        match parameter.unit() {
            ParameterUnit::Microsecond => Duration::from_micros(count),
            ParameterUnit::Millisecond => Duration::from_millis(count),
            ParameterUnit::Second => Duration::from_secs(count),
            _ => Duration::ZERO,
        }
    }
}

impl Default for Parameters {
    fn default() -> Parameters {
        Parameters { values: DEFAULTS }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_and_are_told_once() {
        for &parameter in Parameter::ALL {
            assert_eq!(Parameter::from_name(parameter.name()), Some(parameter));
        }
        assert_eq!(Parameter::from_name("cell_over_voltage"), None);
    }

    #[test]
    fn delivered_values_lie_within_their_range() {
        for &parameter in Parameter::ALL {
            let (min, max) = parameter.range();
            assert!((min..=max).contains(&parameter.default_value()), "{}", parameter.name());
            assert_eq!(Parameters::default().get(parameter), parameter.default_value());
        }
    }

    #[test]
    fn units_fit_the_names() {
        for &parameter in Parameter::ALL {
            let is_time = matches!(
                parameter.unit(),
                ParameterUnit::Microsecond | ParameterUnit::Millisecond | ParameterUnit::Second
            );
            let named_time = parameter.name().ends_with("_delay") || parameter.name().ends_with("_window");
            assert_eq!(is_time, named_time, "{}", parameter.name());
            assert_eq!(
                is_time,
                !Parameters::default().duration(parameter).is_zero(),
                "{}",
                parameter.name()
            );
            assert!(!parameter.unit().symbol().is_empty());
        }
    }

    #[test]
    fn values_are_converted() {
        let mut parameters = Parameters::default();
        assert_eq!(parameters.canonical(Parameter::ChargeOverCurrentProtection), 220_000);
        assert_eq!(parameters.canonical(Parameter::CellOverVoltageAlarm), 3600);
        assert_eq!(
            parameters.duration(Parameter::ShortCircuitDelay),
            Duration::from_micros(300)
        );
        assert_eq!(
            parameters.duration(Parameter::IdleSleepDelay),
            Duration::from_secs(48 * 3600)
        );
        parameters.set(Parameter::TemperatureDelay, 1500);
        assert_eq!(
            parameters.duration(Parameter::TemperatureDelay),
            Duration::from_millis(1500)
        );
    }
}
