//! Senergy CAN as an inverter sees it: scripts against the whole battery in virtual time.

mod bench;

use bench::{Bench, State, frame};
use refbms::{Config, Protocol, SenergyCanOptions, Setting};

fn senergy(packs: u8) -> Config {
    Config {
        protocol: Protocol::SenergyCan,
        packs,
        ..Config::default()
    }
}

/// The order of the sheet: alarms first.
#[test]
fn nothing_is_sent_before_the_end_of_init_and_then_the_whole_set() {
    let expected = [
        (2000, "359#0000000001504E00"),
        (2020, "351#4002D007D007C001"),
        (2040, "355#3200640000000000"),
        (2060, "356#A0140000FA000000"),
        (2080, "35C#C000000000000000"),
        (2100, "35E#50594C4F4E202020"),
    ];
    Bench::expect_set_each_second(senergy(1), &expected);
}

/// States 1 to 8 of the sheet. Its limits are given values, so state 5 has none here: the battery derates in the cold.
#[test]
fn states_of_the_sheet() {
    let states = [
        State {
            packs: 1,
            limits: (2000, 2000),
            soc: 67,
            soh: 100,
            millivolts: 53_120,
            milliamperes: 45_000,
            decidegrees: 250,
            conditions: &[],
            frames: &[
                ("351", "4002 D007 D007 C001"),
                ("355", "4300 6400 0000 0000"),
                ("356", "C014 C201 FA00 0000"),
                ("359", "0000 0000 01 504E 00"),
                ("35C", "C0 00000000000000"),
            ],
        },
        State {
            packs: 4,
            limits: (2000, 2000),
            soc: 42,
            soh: 99,
            millivolts: 51_870,
            milliamperes: -30_850,
            decidegrees: 315,
            conditions: &[],
            frames: &[
                ("351", "4002 401F 401F C001"),
                ("355", "2A00 6300 0000 0000"),
                ("356", "4314 2EFB 3B01 0000"),
                ("359", "0000 0000 04 504E 00"),
                ("35C", "C0 00000000000000"),
            ],
        },
        State {
            packs: 1,
            limits: (2000, 2000),
            soc: 100,
            soh: 100,
            millivolts: 58_410,
            milliamperes: 0,
            decidegrees: 280,
            conditions: &["cell_over_voltage_protection"],
            frames: &[
                ("351", "4002 0000 D007 C001"),
                ("355", "6400 6400 0000 0000"),
                ("356", "D116 0000 1801 0000"),
                ("359", "0200 0200 01 504E 00"),
                ("35C", "40 00000000000000"),
            ],
        },
        State {
            packs: 1,
            limits: (200, 2000),
            soc: 3,
            soh: 97,
            millivolts: 43_150,
            milliamperes: 0,
            decidegrees: 190,
            conditions: &["cell_under_voltage_protection", "low_soc_alarm"],
            frames: &[
                ("351", "4002 C800 0000 C001"),
                ("355", "0300 6100 0000 0000"),
                ("356", "DB10 0000 BE00 0000"),
                ("359", "0400 0400 01 504E 00"),
                ("35C", "B0 00000000000000"),
            ],
        },
        State {
            packs: 1,
            limits: (2000, 2000),
            soc: 55,
            soh: 100,
            millivolts: 52_400,
            milliamperes: -12_300,
            decidegrees: -75,
            conditions: &["charge_under_temperature_protection"],
            frames: &[
                ("355", "3700 6400 0000 0000"),
                ("356", "7814 85FF B5FF 0000"),
                ("359", "1000 1000 01 504E 00"),
                ("35C", "40 00000000000000"),
            ],
        },
        State {
            packs: 1,
            limits: (2000, 2000),
            soc: 71,
            soh: 100,
            millivolts: 53_000,
            milliamperes: 0,
            decidegrees: 260,
            conditions: &["short_circuit_protection"],
            frames: &[
                ("351", "4002 0000 0000 C001"),
                ("355", "4700 6400 0000 0000"),
                ("356", "B414 0000 0401 0000"),
                ("359", "8008 0000 01 504E 00"),
                ("35C", "00 00000000000000"),
            ],
        },
        State {
            packs: 1,
            limits: (2000, 2000),
            soc: 11,
            soh: 100,
            millivolts: 50_250,
            milliamperes: -212_500,
            decidegrees: 386,
            conditions: &["discharge_over_current_alarm", "low_soc_alarm"],
            frames: &[
                ("351", "4002 D007 D007 C001"),
                ("355", "0B00 6400 0000 0000"),
                ("356", "A113 B3F7 8201 0000"),
                ("359", "0000 8400 01 504E 00"),
                ("35C", "D0 00000000000000"),
            ],
        },
        State {
            packs: 1,
            limits: (2000, 2000),
            soc: 80,
            soh: 100,
            millivolts: 55_020,
            milliamperes: 207_000,
            decidegrees: 330,
            conditions: &["charge_over_current_alarm"],
            frames: &[
                ("351", "4002 D007 D007 C001"),
                ("355", "5000 6400 0000 0000"),
                ("356", "7E15 1608 4A01 0000"),
                ("359", "0000 0001 01 504E 00"),
                ("35C", "C0 00000000000000"),
            ],
        },
    ];
    states.iter().for_each(|state| state.check(senergy(state.packs)));
}

/// 40.3 V and 40.8 V, which binary fractions would cut to 40.29 V and 40.79 V.
#[test]
fn voltages_are_rounded() {
    let mut bench = Bench::can(senergy(1));
    for (millivolts, bytes) in [(40_300, "BE0F"), (40_800, "F00F")] {
        bench.set(Setting::PackVoltage {
            millivolts: Some(millivolts),
        });
        bench.expect_frames(&[("356", &format!("{bytes} 0000 FA00 0000"))]);
    }
}

/// One program's bank pauses after 5 s without 0x305; this battery never does.
#[test]
fn a_slow_heartbeat_pauses_nothing() {
    let mut bench = Bench::can(senergy(1));
    for _ in 0..10 {
        bench.bms.handle_can(bench.now, &frame("305#0000000000000000"));
        assert_eq!(bench.run_for(6000).len(), 36);
    }
}

#[test]
fn options() {
    let mut bench = Bench::can(Config {
        senergy_can: SenergyCanOptions {
            manufacturer_name: *b"DISCOVER",
            tag: *b"UZ",
            soc_high_res: true,
        },
        ..senergy(1)
    });
    bench.force("charge_over_current_alarm", true);
    bench.set(Setting::Soc { centipercent: 6708 });
    bench.expect_frames(&[
        ("359", "0000 0001 01 555A 00"),
        ("355", "4300 6400 341A 0000"),
        ("35E", "444953434F564552"),
    ]);
}
