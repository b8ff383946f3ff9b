//! The pack under a simulated charger or load: counting, learning, balancing, and that nothing moves without one.

mod bench;

use bench::Bench;
use refbms::{Condition, Config, Flow, PackState, Parameter, Setting};

/// On RS485, where hours pass without a broadcast; nobody speaks, so batteries at rest may fall asleep (B-031).
fn running() -> Bench {
    Bench::rs485(Config::default())
}

fn simulate(amperes: i32) -> Setting {
    Setting::Simulate {
        milliamperes: amperes * 1000,
    }
}

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

/// A current that is set stands still, and so does everything else.
#[test]
fn without_a_simulation_nothing_moves() {
    let mut bench = running();
    bench.set(Setting::Current { milliamperes: 100_000 });
    let before = bench.pack();
    bench.run_for(5 * HOUR);
    assert_eq!(bench.pack(), before);
    // Not even an empty cell empties the pack.
    bench.set(Setting::Current { milliamperes: 0 });
    bench.set(Setting::CellVoltage {
        cell: Some(1),
        millivolts: 2690,
    });
    bench.run_for(2000);
    let pack = bench.pack();
    assert!(pack.conditions.contains(Condition::CellUnderVoltageProtection));
    assert_eq!(pack.soc_percent(), 50);
}

/// Charge, capacity, voltages and temperatures follow a simulated load together.
#[test]
fn a_load_takes_charge_out() {
    let mut bench = running();
    bench.set(simulate(-100));
    let pack = bench.pack();
    assert_eq!((pack.pack_current_ma, pack.flow), (-100_000, Flow::Discharging));
    assert_eq!(pack.state, PackState::Discharge);
    assert_eq!(pack.cell_voltage_mv, [3250; 16], "50 mV over its resistance");
    bench.run_for(HOUR);
    let pack = bench.pack();
    assert_eq!(pack.remaining_capacity_mah, 40_000);
    assert_eq!(pack.soc_centipercent, 1428);
    assert_eq!(pack.cell_voltage_mv, [3166; 16]);
    assert_eq!(pack.pack_voltage_mv, 16 * 3166);
    assert!(
        pack.cell_temperature_deci_c
            .iter()
            .flatten()
            .all(|reading| *reading > 250)
    );
    assert!(pack.mosfet_temperature_deci_c > Some(280));
    assert!(pack.conditions.contains(Condition::LowSocAlarm));
    assert_eq!(pack.cycle_count, 12);
    bench.set(simulate(0));
    let pack = bench.pack();
    assert_eq!(
        (pack.pack_current_ma, pack.cell_voltage_mv),
        (0, [3216; 16]),
        "relieved"
    );
    let charged = pack.remaining_capacity_mah;
    bench.set(simulate(50));
    bench.run_for(HOUR);
    assert_eq!(bench.pack().remaining_capacity_mah, charged + 50_000);
}

/// A cycle is a full capacity taken out, in however many pieces.
#[test]
fn cycles_are_counted() {
    let mut bench = running();
    for _ in 0..14 {
        bench.set(simulate(-100));
        bench.run_for(12 * MINUTE);
        bench.set(simulate(100));
        bench.run_for(12 * MINUTE);
    }
    assert_eq!(
        (bench.pack().cycle_count, bench.pack().remaining_capacity_mah),
        (13, 140_000)
    );
}

/// What is set during a simulation stands still; the next one takes it along again.
#[test]
fn a_sensor_that_is_set_stands_still() {
    let mut bench = running();
    bench.set(simulate(-100));
    bench.set(Setting::CellVoltage {
        cell: Some(4),
        millivolts: 3444,
    });
    bench.set(Setting::CellTemperature {
        sensor: Some(2),
        decidegrees: 333,
    });
    bench.set(Setting::MosfetTemperature { decidegrees: 444 });
    bench.run_for(10 * MINUTE);
    let pack = bench.pack();
    assert_eq!(pack.cell_voltage_mv[3], 3444);
    assert!(pack.cell_voltage_mv[2] < 3250);
    assert_eq!(pack.cell_temperature_deci_c[1], Some(333));
    assert!(pack.cell_temperature_deci_c[0] < Some(333));
    assert_eq!(pack.mosfet_temperature_deci_c, Some(444));
    bench.set(simulate(-50));
    let pack = bench.pack();
    assert_eq!(pack.cell_voltage_mv[3], pack.cell_voltage_mv[2]);
    assert!(pack.mosfet_temperature_deci_c < Some(444));

    // A state of charge goes on from where it is set, and takes the cells with it.
    bench.set(Setting::soc_percent(20));
    assert_eq!(bench.pack().cell_voltage_mv[0], 3245 - 25);
    bench.run_for(12 * MINUTE);
    assert_eq!(bench.pack().remaining_capacity_mah, 56_000 - 10_000);
    // A current that is set ends it.
    bench.set(Setting::Current { milliamperes: -100_000 });
    let before = bench.pack();
    bench.run_for(HOUR);
    assert_eq!(bench.pack(), before);
}

/// What is set counts from the moment on at which it is set, and what flowed until then is counted.
#[test]
fn settings_between_two_steps_are_exact() {
    let mut bench = running();
    bench.set(simulate(-360));
    bench.run_for(10);
    // 1 mAh in 10 ms.
    bench.set(simulate(-180));
    assert_eq!(bench.pack().remaining_capacity_mah, 139_999);
    bench.run_for(20);
    bench.set(Setting::Current { milliamperes: 0 });
    assert_eq!(bench.pack().remaining_capacity_mah, 139_998);
    bench.set(simulate(-200));
    bench.run_for(500);
    bench.set(Setting::soc_percent(20));
    assert_eq!(bench.pack().soc_centipercent, 2000);
    bench.set(Setting::RemainingCapacity {
        milliampere_hours: 70_000,
    });
    assert_eq!(bench.pack().remaining_capacity_mah, 70_000);
}

/// A charger that keeps to its voltage: its current falls, and the pack is found full (B-029, R-004).
#[test]
fn constant_current_then_constant_voltage_until_full() {
    let mut bench = running();
    bench.set(Setting::soc_percent(90));
    bench.set(Setting::SimulatedVoltageLimit {
        millivolts: Some(57_600),
    });
    bench.set(Setting::Simulate { milliamperes: 100_000 });
    bench.run_for(10 * MINUTE);
    assert_eq!(bench.pack().pack_current_ma, 100_000);
    let mut least = i32::MAX;
    for _ in 0..60 {
        bench.run_for(MINUTE);
        let pack = bench.pack();
        assert!(pack.pack_voltage_mv <= 57_608, "{} mV", pack.pack_voltage_mv);
        least = least.min(pack.pack_current_ma);
    }
    let pack = bench.pack();
    assert!(pack.fully_charged && pack.full_hold && !pack.charge_enable);
    assert!(least < 5600, "{least} mA");
    assert!(!pack.conditions.blocks_charge(), "without over-voltage");
}

/// charge to over-voltage, discharge to under-voltage, charge again: 280 Ah +-2 %.
#[test]
fn the_capacity_is_learned_within_two_per_cent() {
    for (believed, real) in [(260_000, 280_000), (280_000, 250_000)] {
        let mut bench = running();
        bench.set(Setting::FullCapacity {
            milliampere_hours: believed,
        });
        bench.set(Setting::CellCapacity {
            milliampere_hours: real,
        });
        bench.set(Setting::soc_percent(95));
        bench.set(simulate(140));
        bench.run_for(HOUR / 4);
        let pack = bench.pack();
        assert!(pack.conditions.contains(Condition::CellOverVoltageProtection));
        assert!(pack.fully_charged);
        assert_eq!(pack.pack_current_ma, 0, "its switch is open");
        assert_eq!(pack.full_capacity_mah, believed);

        bench.set(simulate(-140));
        while !bench.pack().conditions.contains(Condition::CellUnderVoltageProtection) {
            assert!(bench.pack().pack_current_ma < 0 && bench.pack().soc_percent() > 0);
            bench.run_for(10_000);
        }
        let pack = bench.pack();
        assert_eq!((pack.soc_centipercent, pack.remaining_capacity_mah), (0, 0));
        let off = pack.full_capacity_mah.abs_diff(real);
        assert!(off <= real / 50, "learned {} of {real} mAh", pack.full_capacity_mah);

        bench.set(simulate(140));
        bench.run_for(2 * HOUR + 5 * MINUTE);
        let pack = bench.pack();
        assert!(pack.fully_charged);
        assert_eq!(pack.remaining_capacity_mah, pack.full_capacity_mah);
    }
}

/// B-081: counting alone makes a pack neither full nor empty; 0 % comes with the under-voltage protection.
#[test]
fn zero_comes_with_the_protection_only() {
    let mut bench = running();
    // The battery believes in less than there is.
    bench.set(Setting::soc_percent(5));
    bench.set(Setting::FullCapacity {
        milliampere_hours: 140_000,
    });
    bench.set(simulate(-50));
    let mut lowest = u8::MAX;
    while !bench.pack().conditions.blocks_discharge() {
        bench.run_for(1000);
        if !bench.pack().conditions.blocks_discharge() {
            lowest = lowest.min(bench.pack().soc_percent());
        }
    }
    assert_eq!((lowest, bench.pack().soc_percent()), (1, 0));
}

/// B-016, B-017: a simulated short circuit ends with the switch, is tried again each minute, and locks.
#[test]
fn a_simulated_short_circuit_locks() {
    let mut bench = running();
    bench.set(simulate(-650));
    assert_eq!(bench.pack().pack_current_ma, -650_000);
    bench.run_micros(300);
    let pack = bench.pack();
    assert_eq!((pack.pack_current_ma, pack.state), (0, PackState::FullProtection));
    for trip in 1..5 {
        assert!(!bench.pack().over_current_locked, "trip {trip}");
        bench.run_micros(60_000_000);
        assert_eq!(bench.pack().pack_current_ma, -650_000, "tried again");
        bench.run_micros(300);
        assert_eq!(bench.pack().pack_current_ma, 0);
    }
    assert!(bench.pack().over_current_locked);
    bench.run_for(HOUR);
    assert_eq!(bench.pack().pack_current_ma, 0);
}

/// B-059, 3.1: discharging a full pack releases its over-voltage; under-voltage is released by a charger.
#[test]
fn protections_of_a_simulated_pack_release_by_the_other_current() {
    let mut bench = running();
    bench.set(Setting::soc_percent(99));
    bench.set(simulate(100));
    bench.run_for(10 * MINUTE);
    assert_eq!(bench.pack().state, PackState::ChargeProtection);
    bench.set(simulate(-100));
    assert!(!bench.pack().charge_mosfet_on);
    bench.run_for(1000);
    assert!(bench.pack().charge_mosfet_on, "its body diode is relieved");
    bench.run_for(10 * MINUTE);
    assert_eq!(bench.pack().state, PackState::Discharge);

    bench.set(Setting::soc_percent(1));
    bench.run_for(5 * MINUTE);
    assert_eq!(bench.pack().state, PackState::Sleep, "empty, and left alone");
    bench.set(simulate(20));
    bench.bms.charger(bench.now, Some(54_000));
    bench.run_for(10_000);
    let pack = bench.pack();
    assert_eq!((pack.state, pack.pack_current_ma), (PackState::Charge, 20_000));
    assert_eq!(pack.soc_percent(), 1, "not empty any more (Q-04)");
}

/// B-028, R-015: high cells are brought down while charging; the flags say which.
#[test]
fn balancing_brings_cells_together() {
    let mut bench = running();
    bench.set(Setting::CellVoltage {
        cell: Some(6),
        millivolts: 3340,
    });
    bench.set(Setting::soc_percent(99));
    bench.set(Setting::SimulatedVoltageLimit {
        millivolts: Some(54_400),
    });
    bench.set(Setting::Simulate { milliamperes: 5000 });
    let spread = |bench: &Bench| {
        let cells = bench.pack().cell_voltage_mv;
        cells.iter().max().unwrap() - cells.iter().min().unwrap()
    };
    assert_eq!((spread(&bench), bench.pack().balancing), (40, 1 << 5));
    bench.run_for(7 * HOUR);
    assert_eq!((spread(&bench), bench.pack().balancing), (20, 0));

    // Without a simulation the flags follow what is set.
    let mut bench = running();
    for (cell, millivolts) in [(1, 3450), (16, 3420), (2, 3380)] {
        bench.set(Setting::CellVoltage {
            cell: Some(cell),
            millivolts,
        });
    }
    assert_eq!(bench.pack().balancing, 1 << 15 | 1);
    bench.set(Setting::Current { milliamperes: -5000 });
    assert_eq!(bench.pack().balancing, 0, "not while discharging");
}

/// What a simulation may be.
#[test]
fn a_simulation_has_its_ranges() {
    let mut bench = running();
    for (setting, message) in [
        (simulate(5001), "current of 5001000 mA is outside -5000000..=5000000 mA"),
        (
            Setting::SimulatedVoltageLimit {
                millivolts: Some(100_001),
            },
            "charger voltage of 100001 mV is outside 0..=100000 mV",
        ),
        (
            Setting::CellCapacity { milliampere_hours: 0 },
            "cell capacity of 0 mAh is outside 1..=16777215 mAh",
        ),
    ] {
        let refused = bench.bms.set(bench.now, None, setting);
        assert_eq!(refused.unwrap_err().to_string(), message);
    }
}

/// A driver that sleeps for hours finds the pack where a punctual one finds it.
#[test]
fn the_model_does_not_depend_on_how_often_it_is_looked_at() {
    let mut late = running();
    late.set(Setting::Parameter {
        parameter: Parameter::IdleSleepDelay,
        value: 10_000_000,
    });
    late.set(simulate(-20));
    let mut punctual = Bench {
        bms: late.bms.clone(),
        now: late.now,
    };
    punctual.run_for(3 * HOUR);
    late.bms
        .handle_timeout(late.now + std::time::Duration::from_millis(3 * HOUR));
    let late = late.bms.pack_status(1).unwrap();
    let punctual = punctual.pack();
    assert_eq!(late.soc_centipercent, punctual.soc_centipercent);
    assert_eq!(late.cell_voltage_mv, punctual.cell_voltage_mv);
}
