//! TBB CAN as an inverter sees it, from power-on: scripts against the whole battery in virtual time.

mod bench;

use bench::{Bench, frame};
use refbms::{Config, Protocol, Setting, TbbCanOptions};

fn tbb(packs: u8) -> Config {
    Config {
        protocol: Protocol::TbbCan,
        packs,
        ..Config::default()
    }
}

fn t2(packs: u8) -> Config {
    Config {
        tbb_can: TbbCanOptions {
            t2_frames: true,
            ..TbbCanOptions::default()
        },
        ..tbb(packs)
    }
}

fn measured(bench: &mut Bench, millivolts: u32, milliamperes: i32, decidegrees: i16) {
    bench.set(Setting::PackVoltage {
        millivolts: Some(millivolts),
    });
    bench.set(Setting::Current { milliamperes });
    bench.set(Setting::CellTemperature {
        sensor: None,
        decidegrees,
    });
}

#[test]
fn the_whole_set_once_a_second() {
    let expected = [
        (2000, "351#4002D007D007C001"),
        (2020, "355#3200640000000000"),
        (2040, "356#A0140000FA000000"),
        (2060, "359#0000000001504E00"),
        (2080, "35C#C000000000000000"),
        (2100, "35E#50594C4F4E202020"),
    ];
    Bench::expect_set_each_second(tbb(1), &expected);
}

/// The states 1 to 8 of the sheet, in profile T2; their limits are given values where this battery would derate.
#[test]
fn the_states_of_the_sheet() {
    let mut bench = Bench::can(t2(1));
    bench.set(Setting::soc_percent(67));
    measured(&mut bench, 53_120, 45_000, 250);
    bench.expect_frames(&[
        ("351", "4002 D007 D007 C001"),
        ("355", "4300 6400 2C1A 0000"),
        ("356", "C014 C201 FA00 0000"),
        ("359", "0000 0000 01 504E 00"),
        ("35A", "00000000 00000000"),
        ("35C", "C0 00000000000000"),
    ]);

    bench.force("cell_over_voltage_protection", true);
    measured(&mut bench, 58_410, 0, 280);
    bench.expect_frames(&[
        ("351", "4002 0000 D007 C001"),
        ("356", "D116 0000 1801 0000"),
        ("359", "0200 0200 01 504E 00"),
        ("35A", "04000000 04000000"),
        ("35C", "40 00000000000000"),
    ]);
    bench.force("cell_over_voltage_protection", false);

    bench.force("cell_under_voltage_protection", true);
    bench.set(Setting::soc_percent(3));
    bench.set(Setting::Soh { percent: 97 });
    measured(&mut bench, 43_150, 0, 190);
    bench.expect_frames(&[
        ("355", "0300 6100 2C01 0000"),
        ("356", "DB10 0000 BE00 0000"),
        ("359", "0400 0400 01 504E 00"),
        ("35A", "10000000 10000000"),
        ("35C", "B0 00000000000000"),
    ]);
    bench.force("cell_under_voltage_protection", false);
    bench.set(Setting::Soh { percent: 100 });

    bench.force("charge_under_temperature_protection", true);
    bench.set(Setting::soc_percent(55));
    measured(&mut bench, 52_400, -12_300, -75);
    bench.expect_frames(&[
        ("356", "7814 85FF B5FF 0000"),
        ("359", "1000 1000 01 504E 00"),
        ("35A", "00100000 00100000"),
        ("35C", "40 00000000000000"),
    ]);
    bench.force("charge_under_temperature_protection", false);

    bench.force("short_circuit_protection", true);
    bench.set(Setting::soc_percent(71));
    measured(&mut bench, 53_000, 0, 260);
    bench.expect_frames(&[
        ("351", "4002 0000 0000 C001"),
        ("355", "4700 6400 BC1B 0000"),
        ("356", "B414 0000 0401 0000"),
        ("359", "8008 0000 01 504E 00"),
        ("35A", "00001000 00000000"),
        ("35C", "00 00000000000000"),
    ]);
    bench.force("short_circuit_protection", false);
    bench.run_for(4000);

    bench.force("discharge_over_current_alarm", true);
    bench.force("low_soc_alarm", true);
    bench.set(Setting::soc_percent(11));
    measured(&mut bench, 50_250, -212_500, 386);
    bench.expect_frames(&[
        ("351", "4002 D007 D007 C001"),
        ("356", "A113 B3F7 8201 0000"),
        ("359", "0000 8400 01 504E 00"),
        ("35A", "00000000 10400000"),
        ("35C", "D0 00000000000000"),
    ]);
    bench.force("discharge_over_current_alarm", false);
    bench.force("low_soc_alarm", false);

    bench.force("charge_over_current_alarm", true);
    bench.set(Setting::soc_percent(80));
    measured(&mut bench, 55_020, 207_000, 330);
    bench.expect_frames(&[
        ("351", "4002 D007 D007 C001"),
        ("356", "7E15 1608 4A01 0000"),
        ("359", "0000 0001 01 504E 00"),
        ("35A", "00000000 00000100"),
        ("35C", "C0 00000000000000"),
    ]);
}

/// State 2.
#[test]
fn four_packs_add_up() {
    let mut bench = Bench::can(t2(4));
    bench.set(Setting::soc_percent(42));
    bench.set(Setting::Soh { percent: 99 });
    measured(&mut bench, 51_870, -30_850, 315);
    bench.expect_frames(&[
        ("351", "4002 401F 401F C001"),
        ("355", "2A00 6300 6810 0000"),
        ("356", "4314 2EFB 3B01 0000"),
        ("359", "0000 0000 04 504E 00"),
        ("35F", "0000 0102 6004 0000"),
    ]);
    bench.set(Setting::Current {
        milliamperes: 1_000_000,
    });
    bench.expect_frames(&[("356", "4314 FF7F 3B01 0000")]);
    bench.set(Setting::Current {
        milliamperes: -1_000_000,
    });
    bench.expect_frames(&[("356", "4314 0080 3B01 0000")]);
}

/// B-082; the sheet's ten minutes without any frame.
#[test]
fn every_acknowledge_counts_and_none_is_needed() {
    let mut bench = Bench::can(tbb(1));
    bench.run_to(601_999);
    assert!(bench.bms.status().inverter_lost);
    assert_eq!(bench.run_for(10_000).len(), 60, "the battery goes on alone");
    for text in ["305#0000000000000000", "305#21", "00000305#00", "305#R8"] {
        bench.bms.handle_can(bench.now, &frame(text));
        assert!(!bench.bms.status().inverter_lost, "{text}");
        assert_eq!(bench.run_for(2000).len(), 12, "{text} changes nothing on the bus");
        bench.run_for(60_000);
        assert!(bench.bms.status().inverter_lost, "lost again 60 s after {text}");
    }
}
