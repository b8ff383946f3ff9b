//! Stimuli: what a bench may set on a pack, with units and ranges.
//!
//! - here: the settings themselves.
//! - [`check`]: their ranges, and why one is refused.
//! - [`apply`]: what each of them does to a pack.

mod apply;
mod check;

pub use check::SetError;

use crate::pack::sensors::Sensor;
use crate::protection::condition::Condition;
use crate::protection::parameters::Parameter;

/// Something that the battery decides by itself unless it is held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Switch {
    /// The battery decides.
    #[default]
    Automatic,
    /// Held on.
    On,
    /// Held off.
    Off,
}

impl Switch {
    /// The state where the battery itself would choose `automatic`.
    pub(crate) const fn resolve(self, automatic: bool) -> bool {
        match self {
            Switch::Automatic => automatic,
            Switch::On => true,
            Switch::Off => false,
        }
    }
}

/// One value to set on a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// Voltage of one cell (1..=16) or of all (`None`): 0..=5000 mV.
    CellVoltage {
        /// Cell number from 1, or every cell.
        cell: Option<u8>,
        /// mV.
        millivolts: u16,
    },
    /// Temperature at one cell sensor (1..=4) or at all (`None`): -100.0..=300.0 degC.
    CellTemperature {
        /// Sensor number from 1, or every cell sensor.
        sensor: Option<u8>,
        /// 0.1 degC.
        decidegrees: i16,
    },
    /// Temperature of the power stage in 0.1 degC: -100.0..=300.0 degC.
    MosfetTemperature {
        /// 0.1 degC.
        decidegrees: i16,
    },
    /// Temperature of the surroundings in 0.1 degC: -100.0..=300.0 degC.
    AmbientTemperature {
        /// 0.1 degC.
        decidegrees: i16,
    },
    /// Whether a temperature sensor is there at all.
    SensorFitted {
        /// Which one.
        sensor: Sensor,
        /// False: it reads nothing.
        fitted: bool,
    },
    /// Current of the pack as it is measured, positive = charging: -5000..=5000 A.
    ///
    /// It stays as it is, and moves nothing: state of charge, voltages and temperatures stand still, so that a suite sees
    /// exactly what it has set. A simulation ends with it; see [`Setting::Simulate`].
    Current {
        /// mA.
        milliamperes: i32,
    },
    /// State of charge: 0..=100 %. The remaining capacity goes with it; 100 % means full detected. The full hold does
    /// not follow from it.
    Soc {
        /// 0.01 %.
        centipercent: u16,
    },
    /// Connects a simulated charger (positive) or load (negative) to the pack: -5000..=5000 A; 0 leaves it alone.
    ///
    /// Voltages, temperatures, state of charge, capacity and cycles then move together over time, and open switches let
    /// nothing through. What is set of these while a simulation runs stands still until another one begins, but for the
    /// state of charge, which goes on from there. [`Setting::Current`] ends it.
    Simulate {
        /// mA.
        milliamperes: i32,
    },
    /// The pack voltage that a simulated charger does not exceed, 0..=100 V: its current falls instead; no bound as
    /// delivered. It counts in a simulation only.
    SimulatedVoltageLimit {
        /// mV; `None`: no bound.
        millivolts: Option<u32>,
    },
    /// What the cells really hold, which the battery does not know but may learn: 0.001..=16777.215 Ah, 280 Ah
    /// as delivered. It counts in a simulation only.
    CellCapacity {
        /// mAh.
        milliampere_hours: u32,
    },
    /// State of health: 0..=100 %.
    Soh {
        /// %.
        percent: u8,
    },
    /// Full cycles.
    CycleCount {
        /// Any number.
        cycles: u16,
    },
    /// Energy that has gone in over the pack's life.
    ChargedEnergy {
        /// Wh, any number.
        watt_hours: u32,
    },
    /// Energy that has gone out over the pack's life.
    DischargedEnergy {
        /// Wh, any number.
        watt_hours: u32,
    },
    /// Charge left, at most the full capacity: 0..=16777.215 Ah. The state of charge goes with it.
    RemainingCapacity {
        /// mAh.
        milliampere_hours: u32,
    },
    /// Present full capacity: 0.001..=16777.215 Ah. The state of charge stays.
    FullCapacity {
        /// mAh.
        milliampere_hours: u32,
    },
    /// Rated capacity: 0.001..=16777.215 Ah.
    DesignCapacity {
        /// mAh.
        milliampere_hours: u32,
    },
    /// Voltage of the pack whatever its cells say, also an impossible one: 0..=1000 V. `None`: the sum of the cells.
    PackVoltage {
        /// mV.
        millivolts: Option<u32>,
    },
    /// Charge current limit before derating: 0..=200.0 A.
    ChargeCurrentLimit {
        /// 0.1 A.
        deciamperes: u16,
    },
    /// Discharge current limit before derating: 0..=200.0 A.
    DischargeCurrentLimit {
        /// 0.1 A.
        deciamperes: u16,
    },
    /// Charge voltage limit: 54.0..=58.4 V (B-072).
    ChargeVoltageLimit {
        /// mV.
        millivolts: u16,
    },
    /// Discharge voltage limit: 40.0..=48.0 V.
    DischargeVoltageLimit {
        /// mV.
        millivolts: u16,
    },
    /// Holds an alarm, protection or fault active, or leaves it to the sensors again.
    ///
    /// What is held acts as if it were real: the battery sleeps a minute after an under-voltage protection (B-031). It
    /// is no measurement, though: the state of charge does not follow it, and it is over at once when it is let go.
    Condition {
        /// Which one.
        condition: Condition,
        /// Held active or not held.
        active: bool,
    },
    /// Holds an alarm, protection or fault active (`On`) or inactive (`Off`), or leaves it to the sensors.
    ///
    /// What is held inactive is not active even as the alarm that an active protection brings with it.
    HoldCondition {
        /// Which one.
        condition: Condition,
        /// How it is held.
        hold: Switch,
    },
    /// A threshold, release value or delay, in the parameter's own unit and within its range.
    Parameter {
        /// Which one.
        parameter: Parameter,
        /// In [`Parameter::unit`], within [`Parameter::range`].
        value: i32,
    },
    /// The request for a full charge (B-079).
    FullChargeRequest(Switch),
    /// The charge switch, apart from what protections do.
    ChargeMosfet(Switch),
    /// The discharge switch, apart from what protections do.
    DischargeMosfet(Switch),
    /// The heater.
    Heater(bool),
    /// The buzzer.
    Buzzer(bool),
    /// Full detection: true sets 100 %, false shows at most 99.99 % (B-081). The full hold does not follow from it.
    FullyCharged(bool),
    /// Full hold: no charging because the pack is full (B-080). True holds it; false lets go of it, and of one that the
    /// battery has begun by itself, until the pack is detected full again (B-029).
    FullHold(bool),
    /// The charge current limiter (B-032): off = not fitted, as delivered; automatic = it acts for five minutes when the
    /// charge current is too high; on = it acts.
    ChargeCurrentLimiter(Switch),
}

impl Setting {
    /// A state of charge in whole per cent.
    pub const fn soc_percent(percent: u8) -> Setting {
        Setting::Soc {
            centipercent: percent as u16 * 100,
        }
    }
}
