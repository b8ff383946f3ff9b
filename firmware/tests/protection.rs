//! Every alarm, protection and release of bms-behaviour 3.1: at its threshold, just before and just after, at the end of
//! its delay and a millisecond before, and at its release.

mod bench;

use bench::Bench;
use refbms::Condition::{self, *};
use refbms::{Blocks, Config, Parameter, Sensor, Setting, Switch};

/// How a row brings its value about.
#[derive(Clone, Copy, Debug)]
enum Input {
    /// mV of cell 4.
    Cell,
    /// mV of the pack.
    Pack,
    /// mA.
    Current,
    /// 0.1 degC of cell sensor 2.
    CellTemperature,
    /// 0.1 degC.
    Mosfet,
    /// 0.1 degC.
    Ambient,
    /// %.
    Soc,
}

impl Input {
    fn setting(self, value: i32) -> Setting {
        let small = || i16::try_from(value).unwrap();
        match self {
            Input::Cell => Setting::CellVoltage {
                cell: Some(4),
                millivolts: u16::try_from(value).unwrap(),
            },
            Input::Pack => Setting::PackVoltage {
                millivolts: Some(u32::try_from(value).unwrap()),
            },
            Input::Current => Setting::Current { milliamperes: value },
            Input::CellTemperature => Setting::CellTemperature {
                sensor: Some(2),
                decidegrees: small(),
            },
            Input::Mosfet => Setting::MosfetTemperature { decidegrees: small() },
            Input::Ambient => Setting::AmbientTemperature { decidegrees: small() },
            Input::Soc => Setting::soc_percent(u8::try_from(value).unwrap()),
        }
    }
}

/// One row of the sheet.
struct Row {
    condition: Condition,
    input: Input,
    /// The last value that does not trip, and the first that does.
    trip: (i32, i32),
    delay_ms: u64,
    /// The last value that does not release, and the first that does.
    release: (i32, i32),
}

const fn row(condition: Condition, input: Input, trip: (i32, i32), delay_ms: u64, release: (i32, i32)) -> Row {
    Row {
        condition,
        input,
        trip,
        delay_ms,
        release,
    }
}

/// Column REF. Currents release otherwise than by value and have their own tests below.
const ROWS: [Row; 24] = [
    row(CellOverVoltageAlarm, Input::Cell, (3599, 3600), 1000, (3501, 3500)), // B-001
    row(CellOverVoltageProtection, Input::Cell, (3649, 3650), 1000, (3381, 3380)), // B-002
    row(
        PackOverVoltageAlarm,
        Input::Pack,
        (57_599, 57_600),
        1000,
        (56_001, 56_000),
    ), // B-003
    row(
        PackOverVoltageProtection,
        Input::Pack,
        (58_399, 58_400),
        1000,
        (54_001, 54_000),
    ), // B-004
    row(CellUnderVoltageAlarm, Input::Cell, (2801, 2800), 1000, (2949, 2950)), // B-005
    row(
        CellUnderVoltageProtection,
        Input::Cell,
        (2701, 2700),
        1000,
        (2949, 2950),
    ), // B-006
    row(
        PackUnderVoltageAlarm,
        Input::Pack,
        (44_801, 44_800),
        1000,
        (47_199, 47_200),
    ), // B-007
    row(
        PackUnderVoltageProtection,
        Input::Pack,
        (43_201, 43_200),
        1000,
        (47_199, 47_200),
    ), // B-008
    row(
        ChargeOverCurrentAlarm,
        Input::Current,
        (204_999, 205_000),
        1000,
        (200_001, 200_000),
    ), // B-009
    row(
        DischargeOverCurrentAlarm,
        Input::Current,
        (-209_999, -210_000),
        1000,
        (-205_001, -205_000),
    ), // B-012
    row(
        ChargeOverTemperatureAlarm,
        Input::CellTemperature,
        (509, 510),
        1000,
        (501, 500),
    ), // B-018
    row(
        ChargeOverTemperatureProtection,
        Input::CellTemperature,
        (549, 550),
        2000,
        (501, 500),
    ), // B-025
    row(
        ChargeUnderTemperatureAlarm,
        Input::CellTemperature,
        (30, 29),
        1000,
        (29, 30),
    ), // B-019
    row(
        ChargeUnderTemperatureProtection,
        Input::CellTemperature,
        (0, -1),
        2000,
        (29, 30),
    ),
    row(
        DischargeOverTemperatureAlarm,
        Input::CellTemperature,
        (519, 520),
        1000,
        (501, 500),
    ), // B-020
    row(
        DischargeOverTemperatureProtection,
        Input::CellTemperature,
        (549, 550),
        2000,
        (501, 500),
    ),
    row(
        DischargeUnderTemperatureAlarm,
        Input::CellTemperature,
        (-150, -151),
        1000,
        (-151, -150),
    ), // B-021
    row(
        DischargeUnderTemperatureProtection,
        Input::CellTemperature,
        (-200, -201),
        2000,
        (-151, -150),
    ),
    row(MosfetOverTemperatureAlarm, Input::Mosfet, (899, 900), 1000, (851, 850)), // B-022
    row(
        MosfetOverTemperatureProtection,
        Input::Mosfet,
        (1049, 1050),
        2000,
        (851, 850),
    ),
    row(
        AmbientOverTemperatureAlarm,
        Input::Ambient,
        (649, 650),
        1000,
        (650, 649),
    ), // B-023
    row(
        AmbientOverTemperatureProtection,
        Input::Ambient,
        (699, 700),
        2000,
        (651, 650),
    ),
    row(
        AmbientUnderTemperatureAlarm,
        Input::Ambient,
        (-199, -200),
        1000,
        (-200, -199),
    ), // B-024
    row(
        AmbientUnderTemperatureProtection,
        Input::Ambient,
        (-249, -250),
        2000,
        (-201, -200),
    ),
];

/// A delivered pack at 50 %, 3.300 V, 25 degC, running.
fn neutral() -> Bench {
    let mut bench = Bench::can(Config::default());
    bench.run_to(2500);
    bench
}

#[track_caller]
fn expect(bench: &Bench, condition: Condition, active: bool, what: &str) {
    assert_eq!(bench.is_active(condition), active, "{} {what}", condition.name());
}

/// B-001 to B-025: threshold, delay and release of everything that a value alone decides.
#[test]
fn every_row_trips_and_releases_at_its_values() {
    for Row {
        condition,
        input,
        trip: (sound, tripping),
        delay_ms,
        release: (held, released),
    } in ROWS
    {
        let mut bench = neutral();
        bench.set(input.setting(sound));
        bench.run_for(10_000);
        expect(&bench, condition, false, "just before its threshold");

        bench.set(input.setting(tripping));
        bench.run_for(delay_ms - 1);
        expect(&bench, condition, false, "a millisecond before its delay");
        bench.set(input.setting(sound));
        bench.set(input.setting(tripping));
        bench.run_for(delay_ms - 1);
        expect(&bench, condition, false, "its delay counts anew");
        bench.run_for(1);
        expect(&bench, condition, true, "at the end of its delay");

        bench.set(input.setting(held));
        bench.run_for(10_000);
        expect(&bench, condition, true, "just before its release");
        // Over-voltage has made the pack full (B-029), which holds it (see below).
        bench.set(Setting::soc_percent(50));
        bench.set(input.setting(released));
        expect(&bench, condition, false, "at its release");
    }
}

/// what a protection does, and that it brings its alarm.
#[test]
fn every_protection_blocks_its_side_and_brings_its_alarm() {
    for row in ROWS.iter().filter(|row| row.condition.blocks() != Blocks::Nothing) {
        let mut bench = neutral();
        bench.set(row.input.setting(row.trip.1));
        bench.run_for(row.delay_ms);
        let (pack, name) = (bench.pack(), row.condition.name());
        let alarm = row.condition.implied_alarm().unwrap();
        assert!(pack.conditions.contains(alarm), "{name} without its alarm");
        assert_eq!(pack.charge_enable, !pack.conditions.blocks_charge(), "{name}");
        assert_eq!(pack.discharge_enable, !pack.conditions.blocks_discharge(), "{name}");
        assert_eq!(pack.charge_mosfet_on, pack.charge_enable, "{name}");
        assert_eq!(pack.discharge_mosfet_on, pack.discharge_enable, "{name}");
        assert!(!pack.charge_enable || !pack.discharge_enable, "{name} blocks nothing");
        assert!(pack.charge_enable || pack.charge_current_limit_deci_a == 0, "{name}");
        assert!(
            pack.discharge_enable || pack.discharge_current_limit_deci_a == 0,
            "{name}"
        );
    }
}

/// the temperatures of the manual, to a tenth of a degree.
#[test]
fn temperature_limits_of_the_manual() {
    let enables = |decidegrees| {
        let mut bench = neutral();
        bench.set(Setting::CellTemperature {
            sensor: None,
            decidegrees,
        });
        bench.run_for(2000);
        let pack = bench.pack();
        (pack.charge_enable, pack.discharge_enable)
    };
    let cases = [
        (0, (true, true)),
        (-1, (false, true)),
        (-200, (false, true)),
        (-201, (false, false)),
        (549, (true, true)),
        (550, (false, false)),
    ];
    for (decidegrees, expected) in cases {
        assert_eq!(enables(decidegrees), expected, "{decidegrees} x 0.1 degC");
    }
}

/// The hottest sensor decides about heat, the coldest about cold.
#[test]
fn one_sensor_is_enough() {
    let mut bench = neutral();
    for (sensor, decidegrees) in (1..).zip([-10, 550, 250, 250]) {
        bench.set(Setting::CellTemperature {
            sensor: Some(sensor),
            decidegrees,
        });
    }
    bench.run_for(2000);
    for condition in [
        ChargeUnderTemperatureProtection,
        ChargeOverTemperatureProtection,
        DischargeOverTemperatureProtection,
    ] {
        expect(&bench, condition, true, "");
    }
}

/// 3.1, additional release rules: over-voltage also needs a charge below 96 %, or a discharge current.
#[test]
fn over_voltage_of_a_full_pack_needs_a_discharge_current() {
    for input in [Input::Cell, Input::Pack] {
        let (condition, tripping, released) = match input {
            Input::Cell => (CellOverVoltageProtection, 3650, 3380),
            _ => (PackOverVoltageProtection, 58_400, 54_000),
        };
        let tripped = |percent| {
            let mut bench = neutral();
            bench.set(input.setting(tripping));
            bench.run_for(1000);
            bench.set(Setting::soc_percent(percent));
            bench.set(input.setting(released));
            bench
        };
        expect(&tripped(95), condition, false, "at 95 %");
        let mut bench = tripped(96);
        expect(&bench, condition, true, "at 96 %");
        bench.set(Setting::Current { milliamperes: -999 });
        expect(&bench, condition, true, "at 0.999 A");
        bench.set(Setting::Current { milliamperes: -1000 });
        expect(&bench, condition, false, "at 1 A of discharge");
        // The current alone does not help while the voltage is too high.
        let mut bench = tripped(96);
        bench.set(input.setting(released + 1));
        bench.set(Setting::Current { milliamperes: -50_000 });
        expect(&bench, condition, true, "above its release voltage");
    }
}

/// 3.1, additional release rules: under-voltage is released by a charge current, and does not come back under it.
#[test]
fn under_voltage_is_released_by_charging() {
    for (input, condition, low) in [
        (Input::Cell, CellUnderVoltageProtection, 2600),
        (Input::Pack, PackUnderVoltageProtection, 42_000),
    ] {
        let mut bench = neutral();
        bench.set(input.setting(low));
        bench.run_for(1000);
        bench.set(Setting::Current { milliamperes: 999 });
        expect(&bench, condition, true, "at 0.999 A");
        bench.set(Setting::Current { milliamperes: 1000 });
        expect(&bench, condition, false, "at 1 A");
        expect(&bench, condition.implied_alarm().unwrap(), true, "still low");
        bench.run_for(30_000);
        expect(&bench, condition, false, "while charging");
        bench.set(Setting::Current { milliamperes: 0 });
        bench.run_for(999);
        expect(&bench, condition, false, "within its delay");
        bench.run_for(1);
        expect(&bench, condition, true, "as low as before");
    }
}

/// B-010, B-011, B-013 to B-015: threshold and delay of each level, in microseconds.
#[test]
fn over_current_levels_trip_after_their_delay() {
    let cases = [
        (219_999, None, 30_000_000),
        (220_000, Some(ChargeOverCurrentProtection), 1_000_000),
        (299_999, Some(ChargeOverCurrentProtection), 1_000_000),
        (300_000, Some(ChargeOverCurrent2Protection), 100_000),
        (2_000_000, Some(ChargeOverCurrent2Protection), 100_000),
        (-219_999, None, 30_000_000),
        (-220_000, Some(DischargeOverCurrentProtection), 1_000_000),
        (-299_999, Some(DischargeOverCurrentProtection), 1_000_000),
        (-300_000, Some(DischargeOverCurrent2Protection), 100_000),
        (-599_999, Some(DischargeOverCurrent2Protection), 100_000),
        (-600_000, Some(ShortCircuitProtection), 300),
        (-5_000_000, Some(ShortCircuitProtection), 300),
    ];
    for (milliamperes, condition, delay_us) in cases {
        let mut bench = neutral();
        bench.set(Setting::Current { milliamperes });
        bench.run_micros(delay_us - 1);
        let early = bench.pack();
        assert!(early.charge_enable && early.discharge_enable, "{milliamperes} mA");
        bench.run_micros(1);
        let pack = bench.pack();
        let protections = pack
            .conditions
            .iter()
            .filter(|active| active.blocks() != Blocks::Nothing);
        // One protection at a time: the switch is open, there is no current left that could trip another.
        assert!(protections.eq(condition), "{milliamperes} mA: {:?}", pack.conditions);
        assert_eq!(pack.charge_enable, !pack.conditions.blocks_charge());
        assert_eq!(pack.discharge_enable, !pack.conditions.blocks_discharge());
        bench.run_micros(5_000_000);
        let alarm = if milliamperes > 0 {
            ChargeOverCurrentAlarm
        } else {
            DischargeOverCurrentAlarm
        };
        expect(&bench, alarm, true, "with the current as it is");
    }
}

/// B-016: after 60 s.
#[test]
fn over_current_is_tried_again_after_a_minute() {
    for (milliamperes, condition, delay_us) in [
        (250_000, ChargeOverCurrentProtection, 1_000_000),
        (350_000, ChargeOverCurrent2Protection, 100_000),
        (-250_000, DischargeOverCurrentProtection, 1_000_000),
        (-350_000, DischargeOverCurrent2Protection, 100_000),
        (-650_000, ShortCircuitProtection, 300),
    ] {
        let mut bench = neutral();
        bench.set(Setting::Current { milliamperes });
        bench.run_micros(delay_us);
        bench.set(Setting::Current { milliamperes: 0 });
        bench.run_micros(59_999_999);
        expect(&bench, condition, true, "a microsecond before the minute");
        bench.run_micros(1);
        expect(&bench, condition, false, "after the minute");

        // The cause is still there: it trips again.
        bench.set(Setting::Current { milliamperes });
        bench.run_micros(delay_us);
        bench.run_micros(60_000_000);
        expect(&bench, condition, false, "tried again");
        bench.run_micros(delay_us - 1);
        expect(&bench, condition, false, "within its delay");
        bench.run_micros(1);
        expect(&bench, condition, true, "and tripped again");
    }
}

/// B-016: at once on a current of 1 A the other way.
#[test]
fn an_opposite_current_releases_over_current() {
    for (milliamperes, condition, sign) in [
        (250_000, ChargeOverCurrentProtection, -1),
        (350_000, ChargeOverCurrent2Protection, -1),
        (-250_000, DischargeOverCurrentProtection, 1),
        (-350_000, DischargeOverCurrent2Protection, 1),
        (-650_000, ShortCircuitProtection, 1),
    ] {
        let mut bench = neutral();
        bench.set(Setting::Current { milliamperes });
        bench.run_for(1000);
        expect(&bench, condition, true, "");
        bench.set(Setting::Current {
            milliamperes: sign * 999,
        });
        expect(&bench, condition, true, "at 0.999 A");
        bench.set(Setting::Current {
            milliamperes: sign * 1000,
        });
        expect(&bench, condition, false, "at 1 A");
    }
}

/// B-017: five trips within ten minutes.
#[test]
fn the_fifth_trip_locks() {
    for (milliamperes, condition, sign) in [
        (-650_000, ShortCircuitProtection, 1),
        (-350_000, DischargeOverCurrent2Protection, 1),
        (350_000, ChargeOverCurrent2Protection, -1),
    ] {
        let locked = || {
            let mut bench = neutral();
            bench.set(Setting::Current { milliamperes });
            // Trips at 0, 1, 2, 3 and 4 minutes.
            bench.run_for(230_000);
            assert!(!bench.pack().over_current_locked, "after four");
            bench.run_for(20_000);
            assert!(bench.pack().over_current_locked, "after five");
            bench.set(Setting::Current { milliamperes: 0 });
            bench.run_for(1_000_000);
            // Something else happens meanwhile.
            bench.set(Setting::soc_percent(49));
            expect(&bench, condition, true, "however long one waits");
            bench
        };
        let mut bench = locked();
        bench.set(Setting::Current {
            milliamperes: sign * 1000,
        });
        expect(&bench, condition, false, "the other way");
        assert!(!bench.pack().over_current_locked);
        // The count begins anew.
        bench.set(Setting::Current { milliamperes });
        bench.run_for(200_000);
        assert!(!bench.pack().over_current_locked);

        let mut bench = locked();
        bench.bms.power_cycle(bench.now);
        bench.run_for(3000);
        expect(&bench, condition, false, "after a restart");
        assert!(!bench.pack().over_current_locked);
    }
}

/// B-017: trips that lie further apart, or of level 1, or in two directions, do not lock.
#[test]
fn other_trips_do_not_lock() {
    let mut bench = neutral();
    bench.set(Setting::Current { milliamperes: -250_000 });
    bench.run_for(3_600_000);
    assert!(!bench.pack().over_current_locked, "level 1");

    let mut bench = neutral();
    for trip in 0..20 {
        bench.set(Setting::Current { milliamperes: -350_000 });
        bench.run_for(100);
        expect(&bench, DischargeOverCurrent2Protection, true, "");
        assert!(!bench.pack().over_current_locked, "trip {trip}");
        bench.set(Setting::Current { milliamperes: 0 });
        // The fifth comes 600.4 s after the first.
        bench.run_for(150_000);
    }

    let mut bench = neutral();
    for trip in 0..8 {
        let milliamperes = if trip % 2 == 0 { 350_000 } else { -350_000 };
        bench.set(Setting::Current { milliamperes });
        bench.run_for(100);
        // Four of each direction, although the tenth minute is not over.
        assert!(!bench.pack().over_current_locked, "trip {trip}");
    }
}

/// B-026: an alarm in whole per cent; it never stops discharging.
#[test]
fn low_charge_is_an_alarm_only() {
    let mut bench = neutral();
    let steps = [
        (Setting::soc_percent(16), false),
        (Setting::Soc { centipercent: 1599 }, true),
        (Setting::soc_percent(17), true),
        (Setting::Soc { centipercent: 1799 }, true),
        (Setting::soc_percent(18), false),
        (Setting::soc_percent(1), true),
    ];
    for (setting, active) in steps {
        bench.set(setting);
        bench.run_for(999);
        let pack = bench.pack();
        assert!(!active || pack.discharge_enable, "{setting:?}");
        bench.run_for(1);
        expect(&bench, LowSocAlarm, active, &format!("{setting:?}"));
    }
    bench.set(Input::Soc.setting(18));
    expect(&bench, LowSocAlarm, false, "released at once");
}

/// B-027: the difference between the highest and the lowest cell, for 5 s.
#[test]
fn unequal_cells_raise_an_alarm_only() {
    let mut bench = neutral();
    let spread = |bench: &mut Bench, difference: u16| {
        bench.set(Setting::CellVoltage {
            cell: Some(7),
            millivolts: 3300 - difference,
        });
    };
    spread(&mut bench, 499);
    bench.run_for(20_000);
    expect(&bench, CellImbalanceAlarm, false, "at 499 mV");
    spread(&mut bench, 500);
    bench.run_for(4999);
    expect(&bench, CellImbalanceAlarm, false, "within its delay");
    bench.run_for(1);
    expect(&bench, CellImbalanceAlarm, true, "at 500 mV");
    let pack = bench.pack();
    assert!(pack.charge_enable && pack.discharge_enable);
    spread(&mut bench, 301);
    bench.run_for(10_000);
    expect(&bench, CellImbalanceAlarm, true, "at 301 mV");
    spread(&mut bench, 300);
    expect(&bench, CellImbalanceAlarm, false, "at 300 mV");
}

/// 3.2: a cell below 1.0 V or above 4.2 V is a defect, and stays one until a restart (B-058).
#[test]
fn a_defective_cell_stays_a_fault_until_a_restart() {
    for (sound, defective) in [(4200, 4201), (1000, 999)] {
        let mut bench = neutral();
        bench.set(Input::Cell.setting(sound));
        bench.run_for(10_000);
        expect(&bench, CellFault, false, "at the end of the range");
        bench.set(Input::Cell.setting(defective));
        bench.run_for(999);
        expect(&bench, CellFault, false, "within its delay");
        bench.run_for(1);
        expect(&bench, CellFault, true, "beyond the range");
        bench.set(Input::Cell.setting(3300));
        bench.run_for(600_000);
        expect(&bench, CellFault, true, "for good");
        bench.bms.power_cycle(bench.now);
        bench.run_for(10_000);
        expect(&bench, CellFault, false, "after a restart");
    }
}

/// A probe that is missing or reads nonsense is a fault (B-058), whichever it is.
#[test]
fn a_bad_temperature_sensor_is_a_fault() {
    let sensors = [
        (Sensor::Cell(3), None),
        (Sensor::Mosfet, Some(Input::Mosfet)),
        (Sensor::Ambient, Some(Input::Ambient)),
    ];
    for (sensor, input) in sensors {
        let mut bench = neutral();
        bench.set(Setting::SensorFitted { sensor, fitted: false });
        bench.run_for(1999);
        expect(&bench, TemperatureSensorFault, false, "within its delay");
        bench.run_for(1);
        expect(&bench, TemperatureSensorFault, true, "not fitted");
        let pack = bench.pack();
        assert!(!pack.charge_enable && !pack.discharge_enable);
        bench.set(Setting::SensorFitted { sensor, fitted: true });
        bench.run_for(10_000);
        expect(&bench, TemperatureSensorFault, true, "until a restart");

        for (sound, wrong) in [(1250, 1251), (-400, -401)] {
            let input = input.unwrap_or(Input::CellTemperature);
            let mut bench = neutral();
            bench.set(input.setting(sound));
            bench.run_for(10_000);
            expect(&bench, TemperatureSensorFault, false, "at the end of its range");
            bench.set(input.setting(wrong));
            bench.run_for(2000);
            expect(&bench, TemperatureSensorFault, true, "beyond its range");
        }
    }
}

/// What no probe measures neither trips nor releases.
#[test]
fn a_missing_probe_changes_no_temperature_protection() {
    let mut bench = neutral();
    bench.set(Input::Mosfet.setting(1050));
    bench.run_for(2000);
    let sensor = Sensor::Mosfet;
    bench.set(Setting::SensorFitted { sensor, fitted: false });
    bench.set(Input::Mosfet.setting(200));
    bench.run_for(10_000);
    expect(&bench, MosfetOverTemperatureProtection, true, "with its probe gone");
    bench.set(Setting::SensorFitted { sensor, fitted: true });
    expect(&bench, MosfetOverTemperatureProtection, false, "with its probe back");
}

/// What a bench holds wins over the sensors, either way.
#[test]
fn a_held_condition_wins() {
    let mut bench = neutral();
    let hold = |condition, hold| Setting::HoldCondition { condition, hold };
    bench.set(hold(CellOverVoltageProtection, Switch::Off));
    bench.set(hold(CellOverVoltageAlarm, Switch::Off));
    bench.set(Input::Cell.setting(3660));
    bench.run_for(5000);
    let pack = bench.pack();
    assert!(
        pack.charge_enable && pack.conditions.is_empty(),
        "{:?}",
        pack.conditions
    );
    bench.set(hold(CellOverVoltageAlarm, Switch::Automatic));
    expect(&bench, CellOverVoltageAlarm, true, "left to the sensors");
    bench.set(hold(CellOverVoltageProtection, Switch::Automatic));
    expect(&bench, CellOverVoltageProtection, true, "left to the sensors");

    let mut bench = neutral();
    bench.set(hold(PackUnderVoltageProtection, Switch::On));
    bench.set(hold(PackUnderVoltageAlarm, Switch::Off));
    expect(&bench, PackUnderVoltageProtection, true, "held");
    expect(&bench, PackUnderVoltageAlarm, false, "held off beside its protection");
    bench.set(Setting::Condition {
        condition: PackUnderVoltageProtection,
        active: false,
    });
    expect(&bench, PackUnderVoltageProtection, false, "let go");
}

/// Every parameter counts: a threshold, a release, a delay, and what a parameter may not be.
#[test]
fn parameters_can_be_set_within_their_ranges() {
    let mut bench = neutral();
    for (parameter, value) in [
        (Parameter::CellOverVoltageAlarm, 3400),
        (Parameter::CellOverVoltageAlarmRelease, 3390),
        (Parameter::AlarmDelay, 2500),
    ] {
        bench.set(Setting::Parameter { parameter, value });
        assert_eq!(bench.pack().parameters.get(parameter), value);
    }
    bench.set(Input::Cell.setting(3400));
    bench.run_for(2499);
    expect(&bench, CellOverVoltageAlarm, false, "within the new delay");
    bench.run_for(1);
    expect(&bench, CellOverVoltageAlarm, true, "at the new threshold");
    bench.set(Input::Cell.setting(3390));
    expect(&bench, CellOverVoltageAlarm, false, "at the new release");

    for &parameter in Parameter::ALL {
        let (min, max) = parameter.range();
        for value in [min - 1, max + 1] {
            let refused = bench.bms.set(bench.now, None, Setting::Parameter { parameter, value });
            let message = refused.expect_err(parameter.name()).to_string();
            assert!(message.starts_with(parameter.name()), "{message}");
        }
    }
    let refused = Setting::Parameter {
        parameter: Parameter::ShortCircuitDelay,
        value: 50,
    };
    assert_eq!(
        bench.bms.set(bench.now, None, refused).unwrap_err().to_string(),
        "short_circuit_delay of 50 us is outside 100..=500 us"
    );
}

/// A driver that comes late finds what it would have found had it come in time.
#[test]
fn events_happen_at_their_own_time_however_late_the_driver_is() {
    let mut late = neutral();
    late.set(Setting::Current { milliamperes: -250_000 });
    let mut punctual = Bench {
        bms: late.bms.clone(),
        now: late.now,
    };
    // Trips at 1 s, is tried again at 61 s, trips at 62 s, and so on.
    for millis in [500, 1000, 60_999, 61_000, 61_999, 62_000, 600_000] {
        let at = punctual.now + std::time::Duration::from_millis(millis);
        let mut visitor = late.bms.clone();
        visitor.handle_timeout(at);
        let mut other = Bench {
            bms: punctual.bms.clone(),
            now: punctual.now,
        };
        other.run_for(millis);
        assert_eq!(
            visitor.pack_status(1).unwrap().conditions,
            other.pack().conditions,
            "after {millis} ms"
        );
    }
    punctual.run_for(61_000);
    expect(&punctual, DischargeOverCurrentProtection, false, "tried again");
}
