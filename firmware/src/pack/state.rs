//! Whether the battery is on, which way current flows, and the states of bms-behaviour 3.3.

use crate::protection::condition::ConditionSet;
use crate::protection::parameters::{Parameter, Parameters};

/// Whether the battery is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Power {
    /// Off: nothing is sent on any bus (B-050, B-060).
    Asleep,
    /// Self-test and pre-charge; nothing is sent yet (B-051).
    Starting,
    /// On.
    Running,
}

/// Which way current flows, with the hysteresis of B-030.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Flow {
    /// No effective current.
    #[default]
    Idle,
    /// From 1.0 A on, until it falls below 0.7 A.
    Charging,
    /// From -1.0 A on, until it rises above -0.7 A.
    Discharging,
}

impl Flow {
    /// The flow after this one at a current in mA, positive = charging.
    pub(crate) fn next(self, current_ma: i32, parameters: &Parameters) -> Flow {
        let enter = parameters.canonical(Parameter::EffectiveCurrent);
        let leave = parameters.canonical(Parameter::IdleCurrent);
        match self {
            _ if current_ma >= enter => Flow::Charging,
            _ if current_ma <= -enter => Flow::Discharging,
            Flow::Charging if current_ma >= leave => Flow::Charging,
            Flow::Discharging if current_ma <= -leave => Flow::Discharging,
            _ => Flow::Idle,
        }
    }
}

/// What a pack is doing (B-050 to B-058).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PackState {
    /// Off, both switches open (B-050).
    Sleep,
    /// Self-test and pre-charge of the bus, both switches open (B-051, B-033).
    Init,
    /// Both switches closed, no effective current (B-052).
    Standby,
    /// A charge current flows (B-053).
    Charge,
    /// A discharge current flows (B-054).
    Discharge,
    /// Charging is forbidden (B-055).
    ChargeProtection,
    /// Discharging is forbidden (B-056).
    DischargeProtection,
    /// Both directions are forbidden (B-057).
    FullProtection,
    /// The battery is defective; only a restart helps (B-058).
    Fault,
}

impl PackState {
    /// The state of a pack; a graver one hides a lighter one.
    pub(crate) fn of(power: Power, conditions: ConditionSet, flow: Flow) -> PackState {
        match (power, conditions.blocks_charge(), conditions.blocks_discharge()) {
            (Power::Asleep, ..) => PackState::Sleep,
            (Power::Starting, ..) => PackState::Init,
            (Power::Running, ..) if conditions.is_faulty() => PackState::Fault,
            (Power::Running, true, true) => PackState::FullProtection,
            (Power::Running, true, false) => PackState::ChargeProtection,
            (Power::Running, false, true) => PackState::DischargeProtection,
            (Power::Running, false, false) => match flow {
                Flow::Idle => PackState::Standby,
                Flow::Charging => PackState::Charge,
                Flow::Discharging => PackState::Discharge,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protection::condition::Condition;

    /// B-030, B-052 to B-054.
    #[test]
    fn a_flow_begins_at_one_ampere_and_ends_below_seven_tenths() {
        let steps = [
            (999, Flow::Idle),
            (1000, Flow::Charging),
            (700, Flow::Charging),
            (699, Flow::Idle),
            (700, Flow::Idle),
            (-999, Flow::Idle),
            (-1000, Flow::Discharging),
            (-700, Flow::Discharging),
            (-699, Flow::Idle),
            (1500, Flow::Charging),
            (-1500, Flow::Discharging),
            (900, Flow::Idle),
        ];
        let mut flow = Flow::Idle;
        for (current_ma, expected) in steps {
            flow = flow.next(current_ma, &Parameters::default());
            assert_eq!(flow, expected, "at {current_ma} mA");
        }
    }

    /// B-050 to B-058.
    #[test]
    fn the_graver_state_hides_the_lighter_one() {
        let of = |power, conditions: &[Condition], flow| PackState::of(power, ConditionSet::of(conditions), flow);
        use Condition::*;
        let cases: [(Power, &[Condition], Flow, PackState); 12] = [
            (Power::Asleep, &[CellFault], Flow::Charging, PackState::Sleep),
            (Power::Starting, &[CellFault], Flow::Charging, PackState::Init),
            (Power::Running, &[LowSocAlarm], Flow::Idle, PackState::Standby),
            (Power::Running, &[], Flow::Charging, PackState::Charge),
            (Power::Running, &[], Flow::Discharging, PackState::Discharge),
            (
                Power::Running,
                &[CellOverVoltageProtection],
                Flow::Discharging,
                PackState::ChargeProtection,
            ),
            (
                Power::Running,
                &[PackUnderVoltageProtection],
                Flow::Charging,
                PackState::DischargeProtection,
            ),
            (
                Power::Running,
                &[CellOverVoltageProtection, DischargeOverCurrentProtection],
                Flow::Idle,
                PackState::FullProtection,
            ),
            (
                Power::Running,
                &[ShortCircuitProtection],
                Flow::Idle,
                PackState::FullProtection,
            ),
            (
                Power::Running,
                &[MosfetOverTemperatureProtection],
                Flow::Idle,
                PackState::FullProtection,
            ),
            (
                Power::Running,
                &[AmbientUnderTemperatureProtection],
                Flow::Idle,
                PackState::FullProtection,
            ),
            (
                Power::Running,
                &[CellOverVoltageProtection, SamplingFault],
                Flow::Charging,
                PackState::Fault,
            ),
        ];
        for (power, conditions, flow, expected) in cases {
            assert_eq!(
                of(power, conditions, flow),
                expected,
                "{power:?} {conditions:?} {flow:?}"
            );
        }
    }
}
