//! LuxPower CAN as an inverter sees it, from power-on: scripts against the whole battery in virtual time.

mod bench;

use bench::{Bench, frame};
use refbms::{Config, LuxpowerCanOptions, Protocol, Setting, Switch};

fn luxpower(packs: u8) -> Config {
    Config {
        protocol: Protocol::LuxpowerCan,
        packs,
        ..Config::default()
    }
}

fn with_remote_command() -> Config {
    Config {
        luxpower_can: LuxpowerCanOptions {
            remote_command: true,
            ..LuxpowerCanOptions::default()
        },
        ..luxpower(1)
    }
}

fn cells(bench: &mut Bench, highest: u16, lowest: u16) {
    bench.set(Setting::CellVoltage {
        cell: None,
        millivolts: lowest,
    });
    bench.set(Setting::CellVoltage {
        cell: Some(9),
        millivolts: highest,
    });
}

fn temperatures(bench: &mut Bench, highest: i16, lowest: i16) {
    bench.set(Setting::CellTemperature {
        sensor: None,
        decidegrees: lowest,
    });
    bench.set(Setting::CellTemperature {
        sensor: Some(2),
        decidegrees: highest,
    });
}

fn measured(bench: &mut Bench, millivolts: u32, milliamperes: i32) {
    bench.set(Setting::PackVoltage {
        millivolts: Some(millivolts),
    });
    bench.set(Setting::Current { milliamperes });
}

#[test]
fn the_whole_set_once_a_second() {
    let expected = [
        (2000, "351#4002D007D007C001"),
        (2020, "355#32006400E40CE40C"),
        (2040, "356#A0140000FA00FA00"),
        (2060, "359#0000000001180100"),
        (2080, "35C#C0000C0000000000"),
        (2100, "35E#4353544C52323830"),
    ];
    Bench::expect_set_each_second(luxpower(1), &expected);
}

/// S1 of the sheet.
#[test]
fn one_pack_charging() {
    let mut bench = Bench::can(luxpower(1));
    bench.limits(1400, 1400);
    bench.set(Setting::soc_percent(76));
    bench.set(Setting::CycleCount { cycles: 42 });
    cells(&mut bench, 3315, 3308);
    temperatures(&mut bench, 255, 230);
    measured(&mut bench, 53_000, 25_000);
    bench.expect_frames(&[
        ("351", "4002 7805 7805 C001"),
        ("355", "4C00 6400 F30C EC0C"),
        ("356", "B414 FA00 FF00 E600"),
        ("359", "0000 0000 01 1801 00"),
        ("35C", "C000 2A00 00000000"),
        ("35E", "4353544C52323830"),
    ]);
    // S10: the full charge request; S9: what is around zero.
    bench.set(Setting::FullChargeRequest(Switch::On));
    measured(&mut bench, 53_100, -100);
    temperatures(&mut bench, 10, -10);
    bench.expect_frames(&[("356", "BE14 FFFF 0A00 F6FF"), ("35C", "C800 2A00 00000000")]);
}

/// S2 of the sheet; the highest number of cycles speaks for the bank.
#[test]
fn four_packs_discharging() {
    let mut bench = Bench::can(luxpower(4));
    bench.limits(1400, 1400);
    bench.set(Setting::soc_percent(64));
    bench.set(Setting::Soh { percent: 99 });
    bench.set(Setting::CycleCount { cycles: 250 });
    bench.set_pack(3, Setting::CycleCount { cycles: 300 });
    cells(&mut bench, 3288, 3281);
    temperatures(&mut bench, 40, -30);
    measured(&mut bench, 52_600, -47_250);
    let frames = bench.next_cycle();
    // In the cold the limits are derated; the sheet gives them as values.
    for (id, data) in [
        ("355", "40006300D80CD10C"),
        ("356", "8C149EF82800E2FF"),
        ("359", "0000000004600400"),
        ("35C", "C0002C0100000000"),
    ] {
        assert_eq!(frames[id], data, "{id}");
    }
    temperatures(&mut bench, 250, 230);
    bench.expect_frames(&[("351", "4002 E015 E015 C001")]);
    bench.bms.unplug(bench.now, 2).unwrap();
    bench.run_for(10_000);
    bench.expect_frames(&[("359", "0000 0008 03 4803 00")]);
}

#[test]
fn each_condition_sets_its_bits() {
    let cases = [
        ("cell_over_voltage_protection", "0200 0200", "40"),
        ("pack_under_voltage_protection", "0400 0400", "80"),
        ("charge_over_temperature_protection", "0800 0800", "40"),
        ("charge_under_temperature_protection", "1000 1000", "40"),
        ("discharge_over_current_protection", "8000 8000", "80"),
        ("charge_over_current_protection", "0001 0001", "40"),
        ("short_circuit_protection", "8008 0000", "00"),
        ("system_error_fault", "0008 0000", "00"),
        ("internal_communication_alarm", "0000 0008", "C0"),
        ("low_soc_alarm", "0000 0400", "C0"),
        ("cell_imbalance_alarm", "0000 0000", "C0"),
    ];
    let mut bench = Bench::can(luxpower(2));
    bench.expect_conditions(&cases, "02 3002 00", "00 0C00 00000000");
}

#[test]
fn the_first_version_has_no_brand() {
    let mut bench = Bench::can(Config {
        luxpower_can: LuxpowerCanOptions {
            brand_frame: false,
            ..LuxpowerCanOptions::default()
        },
        ..luxpower(1)
    });
    let ids: Vec<_> = bench.next_cycle().into_keys().collect();
    assert_eq!(ids, ["351", "355", "356", "359", "35C"]);
}

#[test]
fn the_remote_command_shuts_down_only_where_it_is_obeyed() {
    let mut bench = Bench::can(luxpower(1));
    bench.run_to(3000);
    bench.bms.handle_can(bench.now, &frame("300#0100000000000000"));
    assert_eq!(bench.run_for(2000).len(), 12, "V01 does not know it");

    let mut bench = Bench::can(with_remote_command());
    bench.run_to(3000);
    for text in [
        "300#0000000000000000",
        "300#0200000000000000",
        "300#",
        "300#R8",
        "00000300#0100000000000000",
        "301#0100000000000000",
    ] {
        bench.bms.handle_can(bench.now, &frame(text));
    }
    assert_eq!(bench.run_for(2000).len(), 12, "no command");
    bench.bms.handle_can(bench.now, &frame("300#01"));
    assert_eq!(bench.run_for(60_000), [], "shut down");
    bench.bms.handle_can(bench.now, &frame("300#00"));
    assert_eq!(bench.run_for(60_000), [], "and nothing on the bus wakes it");
    bench.bms.wake(bench.now);
    assert_eq!(bench.run_for(1999), []);
    assert_eq!(bench.run_for(1000).len(), 6);
}

/// B-082.
#[test]
fn every_acknowledge_counts_and_none_is_needed() {
    for text in ["305#0000000000000000", "305#21", "00000305#00", "305#R8"] {
        let mut bench = Bench::can(luxpower(1));
        bench.run_to(62_000);
        assert!(bench.bms.status().inverter_lost, "60 s of silence");
        bench.run_to(62_999);
        assert_eq!(bench.run_for(2000).len(), 12, "the battery goes on alone");
        bench.bms.handle_can(bench.now, &frame(text));
        assert!(!bench.bms.status().inverter_lost, "{text}");
        assert_eq!(bench.run_for(2000).len(), 12, "{text} changes nothing on the bus");
    }
    // The command is no sign of life.
    let mut bench = Bench::can(luxpower(1));
    bench.run_to(61_000);
    bench.bms.handle_can(bench.now, &frame("300#00"));
    bench.run_to(62_000);
    assert!(bench.bms.status().inverter_lost);
}
