//! Victron CAN as a GX device sees it: scripts against the whole battery in virtual time.

mod bench;

use bench::{Bench, Sent, frame};
use refbms::{Config, Protocol, Sensor, Setting, VictronCanOptions};

fn packs(packs: u8) -> Config {
    Config {
        protocol: Protocol::VictronCan,
        packs,
        ..Config::default()
    }
}

fn cell(cell: u8, millivolts: u16) -> Setting {
    Setting::CellVoltage {
        cell: Some(cell),
        millivolts,
    }
}

/// the fast frames every second, the slow ones every ten.
#[test]
fn fast_and_slow_frames() {
    let mut bench = Bench::new(packs(1));
    assert_eq!(bench.run_to(1999), []);
    let fast = [
        (2000, "351#4002D007D007C001"),
        (2020, "355#3200640088130000"),
        (2040, "356#A0140000FA000000"),
        (2060, "35A#AAAAAA02AAAAAA0A"), // V-S4
        (2080, "360#0000000000000000"),
        (2100, "372#0100000000000000"),
        (2120, "373#E40CE40C2A012A01"),
    ];
    let slow = [
        (2140, "35E#4353540000000000"), // V-S20
        (2160, "35F#0000010218010000"),
        (2180, "370#4353542D4C522D35"), // CST-LR-51.2-280
        (2200, "371#312E322D32383000"),
        (2220, "374#5030314330310000"), // P01C01
        (2240, "375#5030314330310000"),
        (2260, "376#5030315430310000"),
        (2280, "377#5030315430310000"),
        (2300, "378#0000000000000000"),
        (2320, "379#1801000000000000"),
        (2340, "380#4353543238304130"), // CST280A000000001
        (2360, "381#3030303030303031"),
        (2380, "382#4353542D4C520000"), // CST-LR
    ];
    let later = |frames: &[(u64, &str)], seconds: u64| -> Vec<Sent> {
        let frames = frames.iter();
        frames
            .map(|(time, text)| (time + 1000 * seconds, (*text).to_owned()))
            .collect()
    };
    let mut expected = later(&fast, 0);
    expected.extend(later(&slow, 0));
    (1..=10).for_each(|second| expected.extend(later(&fast, second)));
    expected.extend(later(&slow, 10));
    expected.extend(later(&fast, 11));
    assert_eq!(bench.run_to(13_999), expected);
}

#[test]
fn constructed_vectors_of_two_packs() {
    let mut bench = Bench::can(packs(2));
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
    bench.set(Setting::CellVoltage {
        cell: None,
        millivolts: 3328,
    });
    bench.set_pack(2, cell(12, 3324));
    bench.set_pack(1, cell(5, 3331));
    bench.set_pack(1, Setting::ChargedEnergy { watt_hours: 1_000_000 });
    bench.set_pack(2, Setting::ChargedEnergy { watt_hours: 234_599 });
    bench.set_pack(2, Setting::DischargedEnergy { watt_hours: 1_187_600 });
    bench.expect_frames(&[
        ("351", "4002 D007 F00A C001"), // V-S1
        ("355", "4C00 6300 DA1D 0000"), // V-S2
        ("356", "CC14 89FE F600 0000"), // V-S3
        ("35F", "0000 0102 3002 0000"), // V-S21
        ("372", "0200 0000 0000 0000"), // V-S22
        ("373", "FC0C 030D 2A01 2A01"),
        ("374", "503032433132 0000"), // V-S24
        ("375", "503031433035 0000"), // V-S25
        ("378", "39300000 642E0000"), // V-S26
        ("379", "3002 000000000000"), // V-S27
    ]);

    bench.set(Setting::PackVoltage {
        millivolts: Some(44_100),
    });
    bench.set(Setting::Current { milliamperes: -140_000 });
    bench.set(Setting::CellTemperature {
        sensor: None,
        decidegrees: -125,
    });
    bench.expect_frames(&[("356", "3A11 10F5 83FF 0000")]); // V-S28
}

#[test]
fn each_event_has_its_pair() {
    let cases = [
        ("cell_over_voltage_protection", "A6AAAA02", "A6AAAA0A"), // V-S6, V-S18
        ("pack_under_voltage_protection", "9AAAAA02", "9AAAAA0A"), // V-S7
        ("discharge_over_temperature_alarm", "AAAAAA02", "6AAAAA0A"),
        ("ambient_under_temperature_protection", "AAA9AA02", "AAA9AA0A"), // V-S9
        ("charge_over_temperature_protection", "AAA6AA02", "AAA6AA0A"),   // V-S10
        ("charge_under_temperature_protection", "AA9AAA02", "AA9AAA0A"),  // V-S11
        ("discharge_over_current_protection", "AA6AAA02", "AA6AAA0A"),    // V-S12
        ("charge_over_current_protection", "AAAAA902", "AAAAA90A"),       // V-S13
        ("short_circuit_protection", "AAAA9A02", "AAAAAA0A"),             // V-S15
        ("sampling_fault", "AAAA6A02", "AAAAAA0A"),                       // V-S16
        ("internal_communication_alarm", "AAAAAA02", "AAAA6A0A"),
        ("cell_imbalance_alarm", "AAAAAA02", "AAAAAA09"), // V-S19
    ];
    let mut bench = Bench::can(packs(1));
    for (name, protections, warnings) in cases {
        bench.force(name, true);
        bench.expect_frames(&[("35A", &format!("{protections} {warnings}"))]);
        bench.force(name, false);
        bench.expect_frames(&[("35A", "AAAAAA02 AAAAAA0A")]);
    }
}

/// while charging is forbidden the charge voltage limit is the pack voltage, if that is lower.
#[test]
fn the_charge_voltage_is_lowered_while_charging_is_forbidden() {
    let mut bench = Bench::can(packs(2));
    bench.limits(1000, 1400);
    bench.set(Setting::ChargeVoltageLimit { millivolts: 56_000 });
    bench.force("cell_over_voltage_protection", true);
    for (millivolts, limit) in [
        (53_000, "1202"), // V-S29
        (53_001, "1302"),
        (53_100, "1302"),
        (55_901, "3002"), // 56.0 V is what was set
        (55_999, "3002"),
        (56_001, "3002"),
        (43_250, "B101"),
        (43_200, "B001"),
    ] {
        bench.set(Setting::PackVoltage {
            millivolts: Some(millivolts),
        });
        bench.expect_frames(&[("351", &format!("{limit} 0000 F00A C001"))]);
    }
    bench.set(Setting::PackVoltage {
        millivolts: Some(53_000),
    });
    // One pack of two still charges.
    bench.set_pack(
        2,
        Setting::Condition {
            condition: refbms::Condition::CellOverVoltageProtection,
            active: false,
        },
    );
    bench.run_for(4000);
    bench.expect_frames(&[("351", "3002 E803 F00A C001")]);
}

/// B-078, Q-18: either request sets the only flag.
#[test]
fn charge_request() {
    let mut bench = Bench::can(packs(1));
    for (soc, data) in [(14, "00"), (13, "FF"), (10, "FF"), (16, "FF"), (18, "00")] {
        bench.set(Setting::soc_percent(soc));
        bench.expect_frames(&[("360", &format!("{data}00000000000000"))]);
    }
    bench.force("cell_under_voltage_alarm", true);
    bench.expect_frames(&[("360", "FF00000000000000")]);
}

#[test]
fn modules_that_block_and_that_are_missing() {
    let mut bench = Bench::can(packs(4));
    bench.bms.unplug(bench.now, 4).unwrap();
    let condition = |name| refbms::Condition::from_name(name).unwrap();
    let force = |bench: &mut Bench, pack, name| {
        let condition = condition(name);
        bench.set_pack(
            pack,
            Setting::Condition {
                condition,
                active: true,
            },
        );
    };
    force(&mut bench, 2, "cell_over_voltage_protection");
    force(&mut bench, 3, "cell_over_voltage_protection");
    force(&mut bench, 1, "pack_under_voltage_protection");
    bench.run_for(8000);
    bench.expect_frames(&[("372", "0300 0200 0100 0100")]);
}

#[test]
fn what_is_not_measured_is_not_available() {
    let mut bench = Bench::can(packs(1));
    for sensor in 1..=4 {
        bench.set(Setting::SensorFitted {
            sensor: Sensor::Cell(sensor),
            fitted: false,
        });
    }
    bench.expect_frames(&[
        ("356", "A014 0000 0080 0000"),
        ("373", "E40C E40C FFFF FFFF"),
        ("376", "0000000000000000"),
        ("377", "0000000000000000"),
    ]);
}

#[test]
fn options() {
    let mut bench = Bench::can(Config {
        victron_can: VictronCanOptions {
            manufacturer_name: *b"BYD\0\0\0\0\0",
            battery_name: *b"CAN-SMARTBMS-BAT",
            family_name: *b"PREMIUM\0",
            events: true,
        },
        ..packs(1)
    });
    bench.expect_frames(&[
        ("35B", "0000000000000000"), // V-A5
        ("35E", "4259440000000000"), // V-A6
        ("370", "43414E2D534D4152"), // V-B7
        ("371", "54424D532D424154"), // V-B8
        ("382", "5052454D49554D00"), // V-A16
    ]);
}

/// the GX in its high-voltage profile sends nothing at all.
#[test]
fn nothing_depends_on_the_gx() {
    let mut bench = Bench::can(packs(1));
    let before = bench.next_cycle();
    bench.run_for(699_000);
    assert!(bench.bms.status().inverter_lost);
    let after = bench.next_cycle();
    assert_eq!(after["351"], before["351"]);
    for (text, alive) in [
        ("308#0000000000000000", false),
        ("304#", false),
        ("307#1234567856494300", true),
        ("306#0000000000000000", true),
        ("305#0000000000000000", true),
    ] {
        bench.run_for(61_000);
        bench.bms.handle_can(bench.now, &frame(text));
        assert_eq!(bench.bms.status().inverter_lost, !alive, "{text}");
    }
}
