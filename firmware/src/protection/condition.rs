//! Alarms, protections and faults by name, and sets of them (bms-behaviour 3.2, README 3.6).

use core::fmt;

/// How grave a condition is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConditionKind {
    /// An advance warning; nothing is switched.
    Alarm,
    /// A protection that acts: it blocks charging, discharging or both.
    Protection,
    /// A defect of the BMS; it blocks both directions (B-058).
    Fault,
}

/// The directions of current that a condition forbids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Blocks {
    /// None: an alarm.
    Nothing,
    /// Charging (B-055).
    Charge,
    /// Discharging (B-056).
    Discharge,
    /// Charging and discharging (B-057, B-058).
    Both,
}

macro_rules! conditions {
    ($($variant:ident $name:literal $kind:ident $blocks:ident $alarm:expr;)*) => {
        /// One alarm, protection or fault of a pack.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Condition {
            $(#[doc = concat!("`", $name, "`")] $variant,)*
        }

        impl Condition {
            /// Every condition, in the order of the catalogue.
            pub const ALL: &'static [Condition] = &[$(Condition::$variant),*];

            /// The name in snake_case with its ending `_alarm`, `_protection` or `_fault`.
            pub const fn name(self) -> &'static str {
                match self { $(Condition::$variant => $name,)* }
            }

            /// Alarm, protection or fault.
            pub const fn kind(self) -> ConditionKind {
                match self { $(Condition::$variant => ConditionKind::$kind,)* }
            }

            /// Which directions it forbids.
            pub const fn blocks(self) -> Blocks {
                match self { $(Condition::$variant => Blocks::$blocks,)* }
            }

            /// The alarm that this protection brings with it; `None` where the catalogue has none.
            pub const fn implied_alarm(self) -> Option<Condition> {
                use Condition::*;
                match self { $(Condition::$variant => $alarm,)* }
            }
        }
    };
}

conditions! {
    CellOverVoltageAlarm "cell_over_voltage_alarm" Alarm Nothing None;
    CellUnderVoltageAlarm "cell_under_voltage_alarm" Alarm Nothing None;
    PackOverVoltageAlarm "pack_over_voltage_alarm" Alarm Nothing None;
    PackUnderVoltageAlarm "pack_under_voltage_alarm" Alarm Nothing None;
    ChargeOverCurrentAlarm "charge_over_current_alarm" Alarm Nothing None;
    DischargeOverCurrentAlarm "discharge_over_current_alarm" Alarm Nothing None;
    ChargeOverTemperatureAlarm "charge_over_temperature_alarm" Alarm Nothing None;
    ChargeUnderTemperatureAlarm "charge_under_temperature_alarm" Alarm Nothing None;
    DischargeOverTemperatureAlarm "discharge_over_temperature_alarm" Alarm Nothing None;
    DischargeUnderTemperatureAlarm "discharge_under_temperature_alarm" Alarm Nothing None;
    MosfetOverTemperatureAlarm "mosfet_over_temperature_alarm" Alarm Nothing None;
    AmbientOverTemperatureAlarm "ambient_over_temperature_alarm" Alarm Nothing None;
    AmbientUnderTemperatureAlarm "ambient_under_temperature_alarm" Alarm Nothing None;
    LowSocAlarm "low_soc_alarm" Alarm Nothing None;
    CellImbalanceAlarm "cell_imbalance_alarm" Alarm Nothing None;
    TemperatureImbalanceAlarm "temperature_imbalance_alarm" Alarm Nothing None;
    InternalCommunicationAlarm "internal_communication_alarm" Alarm Nothing None;

    CellOverVoltageProtection "cell_over_voltage_protection" Protection Charge Some(CellOverVoltageAlarm);
    CellUnderVoltageProtection "cell_under_voltage_protection" Protection Discharge Some(CellUnderVoltageAlarm);
    PackOverVoltageProtection "pack_over_voltage_protection" Protection Charge Some(PackOverVoltageAlarm);
    PackUnderVoltageProtection "pack_under_voltage_protection" Protection Discharge Some(PackUnderVoltageAlarm);
    ChargerOverVoltageProtection "charger_over_voltage_protection" Protection Charge None;
    ChargeOverCurrentProtection "charge_over_current_protection" Protection Charge Some(ChargeOverCurrentAlarm);
    ChargeOverCurrent2Protection "charge_over_current_2_protection" Protection Charge Some(ChargeOverCurrentAlarm);
    DischargeOverCurrentProtection "discharge_over_current_protection" Protection Discharge
        Some(DischargeOverCurrentAlarm);
    DischargeOverCurrent2Protection "discharge_over_current_2_protection" Protection Discharge
        Some(DischargeOverCurrentAlarm);
    ShortCircuitProtection "short_circuit_protection" Protection Both None;
    ChargeOverTemperatureProtection "charge_over_temperature_protection" Protection Charge
        Some(ChargeOverTemperatureAlarm);
    ChargeUnderTemperatureProtection "charge_under_temperature_protection" Protection Charge
        Some(ChargeUnderTemperatureAlarm);
    DischargeOverTemperatureProtection "discharge_over_temperature_protection" Protection Discharge
        Some(DischargeOverTemperatureAlarm);
    DischargeUnderTemperatureProtection "discharge_under_temperature_protection" Protection Discharge
        Some(DischargeUnderTemperatureAlarm);
    MosfetOverTemperatureProtection "mosfet_over_temperature_protection" Protection Both
        Some(MosfetOverTemperatureAlarm);
    AmbientOverTemperatureProtection "ambient_over_temperature_protection" Protection Both
        Some(AmbientOverTemperatureAlarm);
    AmbientUnderTemperatureProtection "ambient_under_temperature_protection" Protection Both
        Some(AmbientUnderTemperatureAlarm);

    CellFault "cell_fault" Fault Both None;
    ChargeMosfetFault "charge_mosfet_fault" Fault Both None;
    DischargeMosfetFault "discharge_mosfet_fault" Fault Both None;
    TemperatureSensorFault "temperature_sensor_fault" Fault Both None;
    SamplingFault "sampling_fault" Fault Both None;
    SoftStartFault "soft_start_fault" Fault Both None;
    SystemErrorFault "system_error_fault" Fault Both None;
}

impl Condition {
    /// The condition of this name.
    ///
    /// Two names of the sheets lead to a condition that is called otherwise here: `internal_communication_fault`
    /// (bms-behaviour 3.2) is an alarm by README 3.6, and `soft_start_fail` is `soft_start_fault`.
    pub fn from_name(name: &str) -> Option<Condition> {
        match name {
            "internal_communication_fault" => Some(Condition::InternalCommunicationAlarm),
            "soft_start_fail" => Some(Condition::SoftStartFault),
            _ => Condition::ALL
                .iter()
                .copied()
                .find(|condition| condition.name() == name),
        }
    }

    const fn bit(self) -> u64 {
        1 << self as u8
    }
}

/// A set of conditions.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct ConditionSet(u64);

impl ConditionSet {
    /// No condition.
    pub const EMPTY: ConditionSet = ConditionSet(0);

    /// The set of these conditions.
    pub const fn of(conditions: &[Condition]) -> ConditionSet {
        let mut set = ConditionSet::EMPTY;
        let mut index = 0;
        while index < conditions.len() {
            set.0 |= conditions[index].bit();
            index += 1;
        }
        set
    }

    /// Whether nothing is active.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether the condition is active.
    pub const fn contains(self, condition: Condition) -> bool {
        self.0 & condition.bit() != 0
    }

    /// Whether one of these conditions is active.
    pub const fn intersects(self, other: ConditionSet) -> bool {
        self.0 & other.0 != 0
    }

    /// Both sets together.
    #[must_use]
    pub const fn union(self, other: ConditionSet) -> ConditionSet {
        ConditionSet(self.0 | other.0)
    }

    /// The set without those of another.
    #[must_use]
    pub const fn without(self, other: ConditionSet) -> ConditionSet {
        ConditionSet(self.0 & !other.0)
    }

    /// Makes a condition active or inactive.
    pub const fn set(&mut self, condition: Condition, active: bool) {
        if active {
            self.0 |= condition.bit();
        } else {
            self.0 &= !condition.bit();
        }
    }

    /// The active conditions in the order of the catalogue.
    pub fn iter(self) -> impl Iterator<Item = Condition> {
        let mut rest = self.0;
        core::iter::from_fn(move || {
            let index = usize::try_from(rest.trailing_zeros()).ok()?;
            rest &= rest.wrapping_sub(1);
            Condition::ALL.get(index).copied()
        })
    }

    /// The set with the alarm of each of its protections.
    #[must_use]
    pub fn with_implied_alarms(self) -> ConditionSet {
        self.iter()
            .filter_map(Condition::implied_alarm)
            .fold(self, |mut set, alarm| {
                set.set(alarm, true);
                set
            })
    }

    /// Whether charging is forbidden (B-070, without the full hold).
    pub const fn blocks_charge(self) -> bool {
        self.intersects(BLOCKS_CHARGE)
    }

    /// Whether discharging is forbidden (B-071).
    pub const fn blocks_discharge(self) -> bool {
        self.intersects(BLOCKS_DISCHARGE)
    }

    /// Whether the BMS is defective (B-058).
    pub const fn is_faulty(self) -> bool {
        self.intersects(FAULTS)
    }
}

const BLOCKS_CHARGE: ConditionSet = blocking(Blocks::Charge);
const BLOCKS_DISCHARGE: ConditionSet = blocking(Blocks::Discharge);
const FAULTS: ConditionSet = {
    let mut set = ConditionSet::EMPTY;
    let mut index = 0;
    while index < Condition::ALL.len() {
        if matches!(Condition::ALL[index].kind(), ConditionKind::Fault) {
            set.set(Condition::ALL[index], true);
        }
        index += 1;
    }
    set
};

/// The conditions that block this direction, alone or with the other one.
const fn blocking(side: Blocks) -> ConditionSet {
    let mut set = ConditionSet::EMPTY;
    let mut index = 0;
    while index < Condition::ALL.len() {
        let blocks = Condition::ALL[index].blocks();
        if blocks as u8 == side as u8 || matches!(blocks, Blocks::Both) {
            set.set(Condition::ALL[index], true);
        }
        index += 1;
    }
    set
}

impl fmt::Debug for ConditionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Condition::name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_end_as_their_kind_and_lead_back() {
        for &condition in Condition::ALL {
            let ending = match condition.kind() {
                ConditionKind::Alarm => "_alarm",
                ConditionKind::Protection => "_protection",
                ConditionKind::Fault => "_fault",
            };
            assert!(condition.name().ends_with(ending), "{}", condition.name());
            assert_eq!(Condition::from_name(condition.name()), Some(condition));
        }
        assert_eq!(Condition::from_name("cell_over_voltage"), None);
        let alias = Condition::from_name("internal_communication_fault");
        assert_eq!(alias, Some(Condition::InternalCommunicationAlarm));
    }

    #[test]
    fn only_alarms_block_nothing() {
        for &condition in Condition::ALL {
            let alarm = condition.kind() == ConditionKind::Alarm;
            assert_eq!(condition.blocks() == Blocks::Nothing, alarm, "{}", condition.name());
            let set = ConditionSet::of(&[condition]);
            let blocks = |side| condition.blocks() == side || condition.blocks() == Blocks::Both;
            assert_eq!(set.blocks_charge(), blocks(Blocks::Charge), "{}", condition.name());
            assert_eq!(
                set.blocks_discharge(),
                blocks(Blocks::Discharge),
                "{}",
                condition.name()
            );
            assert_eq!(set.is_faulty(), condition.kind() == ConditionKind::Fault);
            if condition.kind() == ConditionKind::Fault {
                assert_eq!(condition.blocks(), Blocks::Both, "{}", condition.name());
            }
        }
    }

    #[test]
    fn a_protection_brings_the_alarm_of_its_own_name() {
        for &condition in Condition::ALL {
            let Some(alarm) = condition.implied_alarm() else {
                continue;
            };
            let thing = condition.name().trim_end_matches("_protection").trim_end_matches("_2");
            assert_eq!(alarm.name().trim_end_matches("_alarm"), thing);
        }
        let set = ConditionSet::of(&[Condition::CellOverVoltageProtection]).with_implied_alarms();
        assert!(set.contains(Condition::CellOverVoltageAlarm));
        assert!(set.blocks_charge() && !set.blocks_discharge());
    }

    #[test]
    fn a_set_gives_back_what_was_put_in() {
        let mut set = ConditionSet::EMPTY;
        for &condition in Condition::ALL {
            assert!(!set.contains(condition));
            set.set(condition, true);
        }
        assert!(set.iter().eq(Condition::ALL.iter().copied()));
        assert_eq!(ConditionSet::EMPTY.iter().next(), None);
        set.set(Condition::LowSocAlarm, false);
        assert!(!set.contains(Condition::LowSocAlarm) && set.contains(Condition::CellFault));
    }
}
