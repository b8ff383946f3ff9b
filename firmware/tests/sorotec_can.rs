//! Sorotec CAN as an inverter sees it: scripts against the whole battery in virtual time.

mod bench;

use bench::{Bench, State, frame};
use refbms::{Config, Protocol, Setting, SorotecCanOptions};

fn sorotec(packs: u8) -> Config {
    Config {
        protocol: Protocol::SorotecCan,
        packs,
        ..Config::default()
    }
}

#[test]
fn nothing_is_sent_before_the_end_of_init_and_then_the_whole_set() {
    let expected = [
        (2000, "351#4002D007D007C001"),
        (2020, "355#3200640088130000"), // SOC 50: 88 13
        (2040, "356#A0140000FA000000"), // 25.0 degC: 250
        (2060, "35A#0000000000000000"),
        (2080, "35E#4353542020202020"),
    ];
    Bench::expect_set_each_second(sorotec(1), &expected);
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
                ("355", "4300 6400 2C1A 0000"),
                ("356", "C014 C201 FA00 0000"),
                ("35A", "00000000 00000000"),
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
                ("355", "2A00 6300 6810 0000"),
                ("356", "4314 2EFB 3B01 0000"),
                ("35A", "00000000 00000000"),
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
                ("355", "6400 6400 1027 0000"),
                ("356", "D116 0000 1801 0000"),
                ("35A", "04000000 04000000"),
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
                ("355", "0300 6100 2C01 0000"),
                ("356", "DB10 0000 BE00 0000"),
                ("35A", "10000000 10000000"),
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
                ("355", "3700 6400 7C15 0000"),
                ("356", "7814 85FF B5FF 0000"),
                ("35A", "00100000 00100000"),
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
                ("355", "4700 6400 BC1B 0000"),
                ("356", "B414 0000 0401 0000"),
                ("35A", "00001000 00000000"),
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
                ("355", "0B00 6400 4C04 0000"),
                ("356", "A113 B3F7 8201 0000"),
                ("35A", "00000000 10400000"),
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
                ("355", "5000 6400 401F 0000"),
                ("356", "7E15 1608 4A01 0000"),
                ("35A", "00000000 00000100"),
            ],
        },
    ];
    states.iter().for_each(|state| state.check(sorotec(state.packs)));
}

/// With no current all of 0x35A is 0, and the sign of the current is that of the direction.
#[test]
fn signs() {
    let mut bench = Bench::can(sorotec(1));
    for (milliamperes, decidegrees, bytes) in [(10_000, 250, "6400 FA00"), (-10_000, -75, "9CFF B5FF")] {
        bench.set(Setting::Current { milliamperes });
        bench.set(Setting::CellTemperature {
            sensor: None,
            decidegrees,
        });
        bench.expect_frames(&[("356", &format!("A014 {bytes} 0000")), ("35A", "0000000000000000")]);
    }
}

/// The SOC in 0.01 % is a true value, since some listeners prefer it; never 0 while the SOC is not.
#[test]
fn the_fine_state_of_charge_is_true() {
    let mut bench = Bench::can(sorotec(1));
    for (centipercent, bytes) in [
        (7642, "4C00 6400 DA1D"),
        (40, "0100 6400 2800"),
        (9930, "6300 6400 CA26"),
    ] {
        bench.set(Setting::Soc { centipercent });
        bench.expect_frames(&[("355", &format!("{bytes} 0000"))]);
    }
}

#[test]
fn profile_p_c() {
    let mut bench = Bench::can(Config {
        sorotec_can: SorotecCanOptions {
            manufacturer_name: *b"REVO    ",
            pylon_profile: true,
        },
        ..sorotec(2)
    });
    bench.force("cell_over_voltage_protection", true);
    let frames = bench.next_cycle();
    let ids: Vec<_> = frames.keys().map(String::as_str).collect();
    assert_eq!(ids, ["351", "355", "356", "359", "35C", "35E"]);
    assert_eq!(frames["359"], "0200020002504E00");
    assert_eq!(frames["35C"], "4000000000000000");
    assert_eq!(frames["35E"], "5245564F20202020");
}

/// The inverter only listens: eleven minutes of silence, and frames of others, change nothing.
#[test]
fn nobody_needs_to_speak() {
    let mut bench = Bench::can(sorotec(1));
    let before = bench.next_cycle();
    bench.run_for(660_000);
    for text in ["305#0000000000000000", "307#1234567856494300", "351#R8", "00000351#"] {
        bench.bms.handle_can(bench.now, &frame(text));
    }
    assert_eq!(bench.next_cycle(), before);
}
