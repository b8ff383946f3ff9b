//! Studer CAN as the gateway sees it: scripts against the whole battery in virtual time.

mod bench;

use bench::{Bench, frame};
use refbms::{Config, Protocol, Sensor, Setting, StuderCanOptions};

fn studer(packs: u8) -> Config {
    Config {
        protocol: Protocol::StuderCan,
        packs,
        ..Config::default()
    }
}

#[test]
fn nothing_is_sent_before_the_end_of_init_and_then_the_whole_set() {
    let expected = [
        (2000, "351#4002D007D007C001"),
        (2020, "355#3200640088130000"),
        (2040, "356#A0140000FA000000"),
        (2060, "35A#AAAAAA02AAAAAA02"), // T-S4
        (2080, "35E#4353542020202020"), // T-S9
        (2100, "35F#0300010218010000"), // T-S11
    ];
    Bench::expect_set_each_second(studer(1), &expected);
}

#[test]
fn constructed_vectors_of_two_packs() {
    let mut bench = Bench::can(studer(2));
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
        ("351", "4002 D007 F00A C001"), // T-S1
        ("355", "4C00 6300 DA1D 0000"), // T-S2
        ("356", "CC14 89FE F600 0000"), // T-S3
        ("35F", "0300 0102 3002 0000"), // 560 Ah
    ]);

    bench.set(Setting::PackVoltage {
        millivolts: Some(44_100),
    });
    bench.set(Setting::Current { milliamperes: -140_000 });
    bench.set(Setting::CellTemperature {
        sensor: None,
        decidegrees: -125,
    });
    bench.expect_frames(&[("356", "3A11 10F5 83FF 0000")]); // T-S13
}

#[test]
fn each_event_arrives_in_its_pair_and_leaves_again() {
    let cases = [
        ("cell_over_voltage_protection", "A6AAAA02", "A6AAAA02"), // T-S5 with its warning
        ("pack_under_voltage_protection", "9AAAAA02", "9AAAAA02"), // T-S6
        ("discharge_over_temperature_alarm", "AAAAAA02", "6AAAAA02"), // T-S7
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
    let mut bench = Bench::can(studer(1));
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
    let mut bench = Bench::can(studer(2));
    bench.limits(1000, 1400);
    bench.force("cell_over_voltage_protection", true);
    bench.expect_frames(&[("351", "4002 0000 F00A C001")]); // T-S12
    bench.force("cell_over_voltage_protection", false);
    bench.run_for(4000);
    bench.force("pack_under_voltage_protection", true);
    bench.expect_frames(&[("351", "4002 D007 0000 C001")]);
}

#[test]
fn a_temperature_that_is_not_measured_is_marked() {
    let mut bench = Bench::can(studer(1));
    for sensor in 1..=4 {
        bench.set(Setting::SensorFitted {
            sensor: Sensor::Cell(sensor),
            fitted: false,
        });
    }
    bench.expect_frames(&[("356", "A014 0000 0080 0000")]);
}

#[test]
fn options() {
    let mut bench = Bench::can(Config {
        studer_can: StuderCanOptions {
            manufacturer_name: *b"PYLON   ",
            events: true,
        },
        ..studer(1)
    });
    let frames = bench.next_cycle();
    assert_eq!(frames.len(), 7);
    assert_eq!(frames["35B"], "0000000000000000"); // T-S8
    assert_eq!(frames["35E"], "50594C4F4E202020"); // T-S10
}

/// The gateway's own frames, and the error frames of its 29-bit protocol.
#[test]
fn what_the_gateway_sends_changes_nothing() {
    let mut bench = Bench::can(studer(1));
    let before = bench.next_cycle();
    for text in [
        "305#0000000000000000",
        "00320B01#00010000000B0001",
        "1F4003C1#0003000000000012",
    ] {
        for _ in 0..10 {
            bench.bms.handle_can(bench.now, &frame(text));
        }
    }
    assert_eq!(bench.next_cycle(), before);
    bench.run_for(700_000);
    assert_eq!(bench.next_cycle(), before);
}
