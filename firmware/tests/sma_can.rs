//! SMA CAN as the Sunny Island sees it: scripts against the whole battery in virtual time.

mod bench;

use bench::{Bench, frame};
use refbms::{Config, Protocol, Sensor, Setting, SmaCanOptions};

fn sma(packs: u8) -> Config {
    Config {
        protocol: Protocol::SmaCan,
        packs,
        ..Config::default()
    }
}

#[test]
fn nothing_is_sent_before_the_end_of_init_and_then_the_whole_set() {
    let expected = [
        (2000, "351#4002D007D007C001"),
        (2020, "355#320064008813FFFF"),
        (2040, "356#A0140000FA00FFFF"),
        (2060, "35A#AAAAAA02AAAAAA02"), // S-A3
        (2080, "35E#4353542020202020"), // S-S30
        (2100, "35F#030001021801FFFF"),
    ];
    Bench::expect_set_each_second(sma(1), &expected);
}

#[test]
fn constructed_vectors_of_two_packs() {
    let mut bench = Bench::can(sma(2));
    bench.limits(1000, 1400);
    bench.set(Setting::Soc { centipercent: 7642 });
    bench.set(Setting::Soh { percent: 99 });
    bench.set(Setting::PackVoltage {
        millivolts: Some(53_240),
    });
    bench.set_pack(1, Setting::Current { milliamperes: -20_000 });
    bench.set_pack(2, Setting::Current { milliamperes: -17_500 });
    bench.set(Setting::CellTemperature {
        sensor: None,
        decidegrees: 246,
    });
    bench.expect_frames(&[
        ("351", "4002 D007 F00A C001"), // S-S1
        ("355", "4C00 6300 DA1D FFFF"), // S-S2
        ("356", "CC14 89FE F600 FFFF"), // S-S3
        ("35F", "0300 0102 3002 FFFF"), // 560 Ah
    ]);

    bench.set(Setting::PackVoltage {
        millivolts: Some(44_100),
    });
    bench.set(Setting::Current { milliamperes: -140_000 });
    bench.set(Setting::CellTemperature {
        sensor: None,
        decidegrees: -125,
    });
    bench.expect_frames(&[("356", "3A11 10F5 83FF FFFF")]);
}

#[test]
fn each_event_arrives_in_its_pair_and_leaves_again() {
    let cases = [
        ("cell_over_voltage_protection", "A6AAAA02", "A6AAAA02"), // S-S5, S-S18
        ("pack_under_voltage_protection", "9AAAAA02", "9AAAAA02"), // S-S6, S-S19
        ("discharge_over_temperature_alarm", "AAAAAA02", "6AAAAA02"), // S-S20
        ("ambient_under_temperature_protection", "AAA9AA02", "AAA9AA02"),
        ("charge_over_temperature_protection", "AAA6AA02", "AAA6AA02"),
        ("charge_under_temperature_protection", "AA9AAA02", "AA9AAA02"),
        ("discharge_over_current_protection", "AA6AAA02", "AA6AAA02"),
        ("charge_over_current_protection", "AAAAA902", "AAAAA902"),
        ("short_circuit_protection", "AAAA9A02", "AAAAAA02"),
        ("sampling_fault", "AAAA6A02", "AAAAAA02"),
        ("internal_communication_alarm", "AAAAAA02", "AAAA6A02"),
        ("cell_imbalance_alarm", "AAAAAA02", "AAAAAA01"),
    ];
    let mut bench = Bench::can(sma(1));
    for (name, protections, warnings) in cases {
        bench.force(name, true);
        bench.expect_frames(&[("35A", &format!("{protections} {warnings}"))]);
        bench.force(name, false);
        bench.expect_frames(&[("35A", "AAAAAA02 AAAAAA02")]);
    }
}

/// There is no enable bit: a direction is forbidden by its limit alone.
#[test]
fn a_protection_takes_its_limit_away() {
    let mut bench = Bench::can(sma(2));
    bench.limits(1000, 1400);
    bench.force("cell_over_voltage_protection", true);
    bench.expect_frames(&[("351", "4002 0000 F00A C001")]);
    bench.force("cell_over_voltage_protection", false);
    bench.run_for(4000);
    bench.force("pack_under_voltage_protection", true);
    bench.expect_frames(&[("351", "4002 D007 0000 C001")]);
}

#[test]
fn a_temperature_that_is_not_measured_is_marked() {
    let mut bench = Bench::can(sma(1));
    for sensor in 1..=4 {
        bench.set(Setting::SensorFitted {
            sensor: Sensor::Cell(sensor),
            fitted: false,
        });
    }
    bench.expect_frames(&[("356", "A014 0000 0080 FFFF")]);
}

#[test]
fn options() {
    let mut bench = Bench::can(Config {
        sma_can: SmaCanOptions {
            manufacturer_name: *b"BATRIUM ",
            events: true,
        },
        ..sma(1)
    });
    let frames = bench.next_cycle();
    assert_eq!(frames.len(), 7);
    assert_eq!(frames["35B"], "0000000000000000");
    assert_eq!(frames["35E"], "4241545249554D20"); // S-B2
}

/// The inverter's values, and the commands that only it obeys on this bus.
#[test]
fn what_the_inverter_sends_changes_nothing() {
    let mut bench = Bench::can(sma(1));
    let before = bench.next_cycle();
    for text in [
        "305#140289FEF600FC02", // S-S32
        "306#63000A04B8031C02", // S-S34
        "307#0100000200000000",
        "35C#02000000",
        "00F#",
    ] {
        for _ in 0..10 {
            bench.bms.handle_can(bench.now, &frame(text));
        }
    }
    assert_eq!(bench.next_cycle(), before);
    assert!(!bench.bms.status().inverter_lost);
    bench.run_for(700_000);
    assert_eq!(bench.next_cycle(), before);
    assert!(bench.bms.status().inverter_lost);
}

/// Known field problem: SOC 0 shuts the inverter down, so 0 is sent by an empty battery only.
#[test]
fn the_hundredths_agree_with_the_state_of_charge() {
    let mut bench = Bench::can(sma(1));
    for (centipercent, data) in [
        (10_000, "6400 6400 1027 FFFF"),
        (9999, "6300 6400 0F27 FFFF"),
        (300, "0300 6400 2C01 FFFF"),
        (100, "0100 6400 6400 FFFF"),
        (40, "0100 6400 2800 FFFF"),
        (0, "0000 6400 0000 FFFF"),
    ] {
        bench.set(Setting::Soc { centipercent });
        bench.expect_frames(&[("355", data)]);
    }
}
