//! The LEDs (R-048 to, B-150 to B-154).

use core::time::Duration;

use crate::pack::state::{Flow, Power};
use crate::protection::condition::Condition::{self, *};
use crate::protection::condition::{Blocks, ConditionKind, ConditionSet};
use crate::time::Instant;

/// What one LED does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Pattern {
    /// Dark.
    #[default]
    Off,
    /// Steady.
    On,
    /// On for 0.25 s, off for 3.75 s (B-150).
    Flash1,
    /// On for 0.5 s, off for 0.5 s (B-150).
    Flash2,
    /// On for 0.5 s, off for 1.5 s (B-150).
    Flash3,
}

impl Pattern {
    /// Whether the LED is lit at this moment.
    pub fn is_lit(self, at: Instant) -> bool {
        let (on, period) = match self {
            Pattern::Off => return false,
            Pattern::On => return true,
            Pattern::Flash1 => (250_000, 4_000_000),
            Pattern::Flash2 => (500_000, 1_000_000),
            Pattern::Flash3 => (500_000, 2_000_000),
        };
        at.as_micros() % period < on
    }
}

/// What all LEDs do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Leds {
    /// ON/OFF: works, or sleeps.
    pub on_off: Pattern,
    /// RUN: running state.
    pub run: Pattern,
    /// ALM, red: blinking = alarm, steady = protection, with the exceptions of the state table.
    pub alarm: Pattern,
    /// The remaining capacity, L1 first.
    pub soc: [Pattern; 6],
}

/// Which LEDs are lit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LitLeds {
    /// ON/OFF.
    pub on_off: bool,
    /// RUN.
    pub run: bool,
    /// ALM.
    pub alarm: bool,
    /// L1 to L6.
    pub soc: [bool; 6],
}

impl Leds {
    /// Which LEDs are lit at this moment.
    pub fn lit(&self, at: Instant) -> LitLeds {
        LitLeds {
            on_off: self.on_off.is_lit(at),
            run: self.run.is_lit(at),
            alarm: self.alarm.is_lit(at),
            soc: self.soc.map(|pattern| pattern.is_lit(at)),
        }
    }

    /// The LEDs of a state at a state of charge in 0.01 %.
    pub fn of(state: LedState, soc_centipercent: u16) -> Leds {
        use Pattern::{Flash1, Flash3, Off, On};
        let capacity = capacity(soc_centipercent, On);
        let charging = capacity_while_charging(soc_centipercent);
        let dark = [Off; 6];
        let (on_off, run, alarm, soc) = match state {
            LedState::PowerOff => (Off, Off, Off, dark),
            LedState::Standby => (On, Flash1, Off, capacity),
            LedState::StandbyAlarm => (On, Flash1, Flash3, capacity),
            LedState::Charging => (On, On, Off, charging),
            LedState::ChargingAlarm => (On, On, Flash3, charging),
            LedState::ChargingOverVoltage => (On, On, Off, [On; 6]),
            LedState::ChargingProtection => (On, Off, On, dark),
            LedState::Discharging => (On, Flash3, Off, capacity),
            LedState::DischargingAlarm => (On, Flash3, Flash3, capacity),
            LedState::DischargingUnderVoltage => (On, Off, Off, dark),
            LedState::DischargingProtection => (On, Off, On, dark),
            LedState::Failure => (Off, Off, On, dark),
        };
        Leds {
            on_off,
            run,
            alarm,
            soc,
        }
    }

    /// The LEDs light one after another, ON/OFF, RUN, ALM, L1 to L6, after switch-on and after a shut-down by RESET
    /// (B-154); as they are so long after it.
    pub(crate) fn one_after_another(passed: Duration) -> Leds {
        let lit = usize::try_from(passed.as_millis() / LIGHT_UP_STEP.as_millis()).unwrap_or(usize::MAX);
        let led = |place: usize| if place <= lit { Pattern::On } else { Pattern::Off };
        Leds {
            on_off: led(0),
            run: led(1),
            alarm: led(2),
            soc: [3, 4, 5, 6, 7, 8].map(led),
        }
    }
}

/// B-154: so long after each other (D: nine of them within the two seconds of init).
const LIGHT_UP_STEP: Duration = Duration::from_millis(200);
/// B-154: how long that takes with the last one lit for a step.
pub(crate) const LIGHT_UP: Duration = Duration::from_millis(1800);

/// A row of the manual's state table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LedState {
    /// dormant.
    PowerOff,
    ///
    Standby,
    /// standby with an alarm.
    StandbyAlarm,
    /// charging; over-voltage alarms do not count (C-04).
    Charging,
    /// charging with an alarm.
    ChargingAlarm,
    /// over-voltage protection at a charger.
    ChargingOverVoltage,
    /// charging stopped by temperature or over-current.
    ChargingProtection,
    ///
    Discharging,
    /// discharging with an alarm.
    DischargingAlarm,
    /// under-voltage protection.
    DischargingUnderVoltage,
    /// discharging stopped by temperature, over-current or short circuit.
    DischargingProtection,
    /// failure.
    Failure,
}

/// What the LEDs depend on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LedInput {
    pub(crate) power: Power,
    pub(crate) conditions: ConditionSet,
    pub(crate) flow: Flow,
    pub(crate) charging_source: bool,
}

const OVER_VOLTAGE: ConditionSet = ConditionSet::of(&[
    CellOverVoltageProtection,
    PackOverVoltageProtection,
    ChargerOverVoltageProtection,
]);
const OVER_VOLTAGE_ALARMS: ConditionSet = ConditionSet::of(&[CellOverVoltageAlarm, PackOverVoltageAlarm]);
const UNDER_VOLTAGE: ConditionSet = ConditionSet::of(&[CellUnderVoltageProtection, PackUnderVoltageProtection]);

impl LedState {
    /// The row for a state: failure before protection before alarm before normal; of two protections the one of the
    /// present current direction (B-153).
    pub(crate) fn of(input: &LedInput) -> LedState {
        if input.power == Power::Asleep {
            return LedState::PowerOff;
        }
        if input.conditions.is_faulty() {
            return LedState::Failure;
        }
        LedState::protection(input).unwrap_or_else(|| LedState::working(input))
    }

    fn protection(input: &LedInput) -> Option<LedState> {
        let acts = |side: Blocks, without: ConditionSet| {
            let mut others = input.conditions.without(without).iter();
            others.any(|condition| condition.blocks() == side || condition.blocks() == Blocks::Both)
        };
        let charge = if acts(Blocks::Charge, OVER_VOLTAGE) {
            Some(LedState::ChargingProtection)
        } else if input.conditions.intersects(OVER_VOLTAGE) && input.charging_source {
            Some(LedState::ChargingOverVoltage)
        } else {
            // Without a charging source the display changes to standby.
            None
        };
        let discharge = if acts(Blocks::Discharge, UNDER_VOLTAGE) {
            Some(LedState::DischargingProtection)
        } else {
            input
                .conditions
                .intersects(UNDER_VOLTAGE)
                .then_some(LedState::DischargingUnderVoltage)
        };
        match (charge, discharge) {
            (Some(charge), Some(discharge)) => Some(match input.flow {
                Flow::Charging => charge,
                Flow::Discharging => discharge,
                // No direction: the one that shows as a protection.
                Flow::Idle if discharge == LedState::DischargingProtection => discharge,
                Flow::Idle => charge,
            }),
            (one, other) => one.or(other),
        }
    }

    fn working(input: &LedInput) -> LedState {
        let counts = |alarms: ConditionSet| {
            alarms
                .iter()
                .any(|condition: Condition| condition.kind() == ConditionKind::Alarm)
        };
        let alarm = counts(input.conditions);
        match input.flow {
            Flow::Idle if alarm => LedState::StandbyAlarm,
            Flow::Idle => LedState::Standby,
            Flow::Charging if counts(input.conditions.without(OVER_VOLTAGE_ALARMS)) => LedState::ChargingAlarm,
            Flow::Charging => LedState::Charging,
            Flow::Discharging if alarm => LedState::DischargingAlarm,
            Flow::Discharging => LedState::Discharging,
        }
    }
}

/// Where one more LED lights, in 0.01 % (R-123); a border belongs to the upper band (B-152).
const BANDS: [u16; 5] = [1660, 3320, 4980, 6640, 8300];

/// The number of LEDs that a state of charge lights, 1..=6.
fn lit_by(soc_centipercent: u16) -> usize {
    1 + BANDS.iter().filter(|border| soc_centipercent >= **border).count()
}

/// The capacity display with its highest LED in a pattern of its own.
fn capacity(soc_centipercent: u16, highest: Pattern) -> [Pattern; 6] {
    let lit = lit_by(soc_centipercent);
    core::array::from_fn(|index| match (index + 1).cmp(&lit) {
        core::cmp::Ordering::Less => Pattern::On,
        core::cmp::Ordering::Equal => highest,
        core::cmp::Ordering::Greater => Pattern::Off,
    })
}

fn capacity_while_charging(soc_centipercent: u16) -> [Pattern; 6] {
    capacity(soc_centipercent, Pattern::Flash2)
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::Pattern::{Flash1, Flash2, Flash3, Off, On};
    use super::*;

    /// R-124, B-150, B-151: the length of each flash and pause, to the microsecond.
    #[test]
    fn flashes_have_their_lengths() {
        for (pattern, on_us, off_us) in [
            (Flash1, 250_000, 3_750_000),
            (Flash2, 500_000, 500_000),
            (Flash3, 500_000, 1_500_000),
        ] {
            for begin in [0, 7] {
                let at = |micros: u64| Instant::from_micros(begin * (on_us + off_us) + micros);
                for (micros, lit) in [
                    (0, true),
                    (on_us - 1, true),
                    (on_us, false),
                    (on_us + off_us - 1, false),
                    (on_us + off_us, true),
                ] {
                    assert_eq!(pattern.is_lit(at(micros)), lit, "{pattern:?} after {micros} us");
                }
            }
        }
        let end = Instant::from_micros(u64::MAX);
        assert!(On.is_lit(end) && !Off.is_lit(end));
    }

    /// Both columns of the capacity table, at both ends of each band (B-152).
    const CAPACITIES: [(u16, u16, [Pattern; 6], [Pattern; 6]); 6] = [
        (
            0,
            1659,
            [Flash2, Off, Off, Off, Off, Off],
            [On, Off, Off, Off, Off, Off],
        ),
        (
            1660,
            3319,
            [On, Flash2, Off, Off, Off, Off],
            [On, On, Off, Off, Off, Off],
        ),
        (3320, 4979, [On, On, Flash2, Off, Off, Off], [On, On, On, Off, Off, Off]),
        (4980, 6639, [On, On, On, Flash2, Off, Off], [On, On, On, On, Off, Off]),
        (6640, 8299, [On, On, On, On, Flash2, Off], [On, On, On, On, On, Off]),
        (8300, 10_000, [On, On, On, On, On, Flash2], [On, On, On, On, On, On]),
    ];

    /// How a row of the state table shows the capacity.
    #[derive(Clone, Copy, PartialEq)]
    enum Soc {
        Dark,
        All,
        Charging,
        Otherwise,
    }

    /// The state table: ON/OFF, RUN, ALM and SOC.
    const STATES: [(LedState, Pattern, Pattern, Pattern, Soc); 12] = [
        (LedState::PowerOff, Off, Off, Off, Soc::Dark),
        (LedState::Standby, On, Flash1, Off, Soc::Otherwise),
        (LedState::StandbyAlarm, On, Flash1, Flash3, Soc::Otherwise),
        (LedState::Charging, On, On, Off, Soc::Charging),
        (LedState::ChargingAlarm, On, On, Flash3, Soc::Charging),
        (LedState::ChargingOverVoltage, On, On, Off, Soc::All),
        (LedState::ChargingProtection, On, Off, On, Soc::Dark),
        (LedState::Discharging, On, Flash3, Off, Soc::Otherwise),
        (LedState::DischargingAlarm, On, Flash3, Flash3, Soc::Otherwise),
        (LedState::DischargingUnderVoltage, On, Off, Off, Soc::Dark),
        (LedState::DischargingProtection, On, Off, On, Soc::Dark),
        (LedState::Failure, Off, Off, On, Soc::Dark),
    ];

    /// C-03, C-05, B-152: the whole state table in all bands of capacity.
    #[test]
    fn twelve_states_in_six_bands() {
        for (state, on_off, run, alarm, soc) in STATES {
            for (low, high, charging, otherwise) in CAPACITIES {
                let expected = Leds {
                    on_off,
                    run,
                    alarm,
                    soc: match soc {
                        Soc::Dark => [Off; 6],
                        Soc::All => [On; 6],
                        Soc::Charging => charging,
                        Soc::Otherwise => otherwise,
                    },
                };
                assert_eq!(Leds::of(state, low), expected, "{state:?} at {low}");
                assert_eq!(Leds::of(state, high), expected, "{state:?} at {high}");
            }
        }
    }

    fn state(power: Power, conditions: &[Condition], flow: Flow, charging_source: bool) -> LedState {
        LedState::of(&LedInput {
            power,
            conditions: ConditionSet::of(conditions).with_implied_alarms(),
            flow,
            charging_source,
        })
    }

    /// B-153, C-04, R-116: which row a state takes.
    #[test]
    fn the_gravest_decides_and_then_the_direction() {
        use Flow::{Charging, Discharging, Idle};
        type Case<'a> = (&'a [Condition], Flow, bool, LedState);
        let cases: [Case<'_>; 34] = [
            (&[], Idle, false, LedState::Standby),
            (&[], Charging, true, LedState::Charging),
            (&[], Discharging, false, LedState::Discharging),
            (&[LowSocAlarm], Idle, false, LedState::StandbyAlarm),
            (&[LowSocAlarm], Charging, true, LedState::ChargingAlarm),
            (&[LowSocAlarm], Discharging, false, LedState::DischargingAlarm),
            // C-04.
            (&[CellOverVoltageAlarm], Charging, true, LedState::Charging),
            (
                &[CellOverVoltageAlarm, PackOverVoltageAlarm],
                Charging,
                true,
                LedState::Charging,
            ),
            (
                &[CellOverVoltageAlarm, CellImbalanceAlarm],
                Charging,
                true,
                LedState::ChargingAlarm,
            ),
            (&[CellOverVoltageAlarm], Idle, false, LedState::StandbyAlarm),
            (&[CellOverVoltageAlarm], Discharging, false, LedState::DischargingAlarm),
            // R-116 and its remark.
            (
                &[CellOverVoltageProtection],
                Charging,
                true,
                LedState::ChargingOverVoltage,
            ),
            (&[PackOverVoltageProtection], Idle, true, LedState::ChargingOverVoltage),
            (
                &[ChargerOverVoltageProtection],
                Idle,
                true,
                LedState::ChargingOverVoltage,
            ),
            (&[CellOverVoltageProtection], Idle, false, LedState::StandbyAlarm),
            (&[ChargerOverVoltageProtection], Idle, false, LedState::Standby),
            (
                &[CellOverVoltageProtection],
                Discharging,
                false,
                LedState::DischargingAlarm,
            ),
            //
            (
                &[ChargeOverCurrentProtection],
                Idle,
                false,
                LedState::ChargingProtection,
            ),
            (
                &[ChargeUnderTemperatureProtection],
                Charging,
                true,
                LedState::ChargingProtection,
            ),
            (
                &[CellOverVoltageProtection, ChargeOverTemperatureProtection],
                Charging,
                true,
                LedState::ChargingProtection,
            ),
            // A protection before what the other direction does.
            (
                &[ChargeUnderTemperatureProtection],
                Discharging,
                false,
                LedState::ChargingProtection,
            ),
            //
            (
                &[CellUnderVoltageProtection],
                Idle,
                false,
                LedState::DischargingUnderVoltage,
            ),
            (
                &[PackUnderVoltageProtection],
                Charging,
                true,
                LedState::DischargingUnderVoltage,
            ),
            (
                &[DischargeOverCurrentProtection],
                Idle,
                false,
                LedState::DischargingProtection,
            ),
            (&[ShortCircuitProtection], Idle, false, LedState::DischargingProtection),
            (
                &[PackUnderVoltageProtection, DischargeUnderTemperatureProtection],
                Idle,
                false,
                LedState::DischargingProtection,
            ),
            // Both sides: the direction of the current.
            (
                &[MosfetOverTemperatureProtection],
                Charging,
                true,
                LedState::ChargingProtection,
            ),
            (
                &[MosfetOverTemperatureProtection],
                Discharging,
                false,
                LedState::DischargingProtection,
            ),
            (
                &[CellOverVoltageProtection, CellUnderVoltageProtection],
                Charging,
                true,
                LedState::ChargingOverVoltage,
            ),
            (
                &[CellOverVoltageProtection, CellUnderVoltageProtection],
                Discharging,
                true,
                LedState::DischargingUnderVoltage,
            ),
            (
                &[CellOverVoltageProtection, CellUnderVoltageProtection],
                Idle,
                true,
                LedState::ChargingOverVoltage,
            ),
            (
                &[CellOverVoltageProtection, DischargeOverCurrentProtection],
                Idle,
                true,
                LedState::DischargingProtection,
            ),
            (&[CellFault], Charging, true, LedState::Failure),
            (
                &[SamplingFault, CellOverVoltageProtection],
                Discharging,
                true,
                LedState::Failure,
            ),
        ];
        for (conditions, flow, charging_source, expected) in cases {
            assert_eq!(
                state(Power::Running, conditions, flow, charging_source),
                expected,
                "{conditions:?}, {flow:?}, charger {charging_source}"
            );
            assert_eq!(
                state(Power::Asleep, conditions, flow, charging_source),
                LedState::PowerOff
            );
        }
    }

    /// Every alarm, protection and fault of the catalogue shows, whatever the current does; over-voltage alarms while
    /// charging excepted (C-04).
    #[test]
    fn nothing_of_the_catalogue_goes_unseen() {
        for &condition in Condition::ALL {
            for (flow, normal) in [
                (Flow::Idle, LedState::Standby),
                (Flow::Charging, LedState::Charging),
                (Flow::Discharging, LedState::Discharging),
            ] {
                let shown = state(Power::Running, &[condition], flow, true);
                let silent = OVER_VOLTAGE_ALARMS.contains(condition) && flow == Flow::Charging;
                assert_eq!(shown == normal, silent, "{} {flow:?}", condition.name());
            }
        }
    }

    /// B-154.
    #[test]
    fn leds_light_one_after_another() {
        let lit = |millis| {
            let lit = Leds::one_after_another(Duration::from_millis(millis)).lit(Instant::ZERO);
            let all = [lit.on_off, lit.run, lit.alarm].into_iter().chain(lit.soc);
            all.collect::<Vec<bool>>()
        };
        for step in 0..9 {
            for millis in [step * 200, step * 200 + 199] {
                let expected: Vec<bool> = (0..9).map(|led| led <= step).collect();
                assert_eq!(lit(millis), expected, "after {millis} ms");
            }
        }
        assert_eq!(lit(100_000), [true; 9]);
        assert_eq!(LIGHT_UP, LIGHT_UP_STEP * 9);
    }
}
