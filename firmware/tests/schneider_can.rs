//! Schneider CAN as a gateway sees it: scripts against the whole battery in virtual time.

mod bench;

use bench::{Bench, Sent, frame};
use refbms::{Condition, Config, Identity, Protocol, SchneiderCanOptions, Sensor, Setting};

fn packs(packs: u8) -> Config {
    Config {
        protocol: Protocol::SchneiderCan,
        packs,
        ..Config::default()
    }
}

/// What a battery sends in the next so many milliseconds, the last frame of each identifier.
fn last(bench: &mut Bench, millis: u64) -> std::collections::BTreeMap<String, String> {
    let sent = bench.run_for(millis);
    let frames = sent.iter().filter_map(|(_, text)| text.split_once('#'));
    frames.map(|(id, data)| (id.to_owned(), data.to_owned())).collect()
}

#[track_caller]
fn expect(bench: &mut Bench, millis: u64, expected: &[(&str, &str)]) {
    let frames = last(bench, millis);
    for (id, data) in expected {
        let data = data.replace(' ', "");
        assert_eq!(frames.get(&format!("00000{id}")), Some(&data), "{id} in {frames:?}");
    }
}

#[test]
fn three_groups() {
    let mut bench = Bench::new(packs(1));
    assert_eq!(bench.run_to(1999), []);
    let fast = ["321", "322", "323", "324", "325"];
    let medium = ["320", "326", "327"];
    let slow = ["328", "330", "331", "332", "333"];
    let sent = bench.run_to(22_499);
    let ids = |from: u64, to: u64| -> Vec<&str> {
        let within = sent.iter().filter(|(at, _)| (from..to).contains(at));
        within.map(|(_, text)| &text[5..8]).collect()
    };
    for cycle in 0..41 {
        let start = 2000 + 500 * cycle;
        let mut expected: Vec<&str> = fast.to_vec();
        if cycle % 4 == 0 {
            expected.extend(medium);
        }
        if cycle % 20 == 0 {
            expected.extend(slow);
        }
        assert_eq!(ids(start, start + 500), expected, "at {start} ms");
    }
    let first: Vec<Sent> = sent.iter().take(13).cloned().collect();
    let expected = [
        (2000, "00000321#0000168000001180"),
        (2020, "00000322#00004E2000004E20"),
        (2040, "00000323#000014A000000000"),
        (2060, "00000324#00FA01F4"),
        (2080, "00000325#000600000000"),
        (2100, "00000320#0002"),
        (2120, "00000326#0003000C00640AF0"),
        (2140, "00000327#00FA00FA0CE40CE4"),
        (2160, "00000328#0000000000000000"),
        (2180, "00000330#0000000000000000"),
        (2200, "00000331#4353543238304130"),
        (2220, "00000332#3030303030303031"),
        (2240, "00000333#5345424D53000000"),
    ];
    assert_eq!(first, expected.map(|(at, text)| (at, text.to_owned())));
}

/// Scenarios A, B and E of the sheet.
#[test]
fn scenarios() {
    let mut bench = Bench::can(Config {
        identity: Identity {
            serial_number: *b"R512280000000001",
            ..Identity::default()
        },
        ..packs(1)
    });
    bench.set(Setting::ChargeCurrentLimit { deciamperes: 1400 });
    bench.set(Setting::DischargeCurrentLimit { deciamperes: 1400 });
    bench.set_schneider_values();
    expect(
        &mut bench,
        400,
        &[
            ("320", "0002"),
            ("321", "00001680 00001180"),
            ("322", "000036B0 000036B0"),
            ("323", "000014C0 000009C4"),
            ("324", "00FD 02FD"),
            ("325", "0006 0000 0000"),
            ("326", "0003 000C 0063 0AF0"),
            ("327", "0105 00F5 0CFD 0CF6"),
            ("328", "00347D80 0031DDA0"),
            ("331", "5235313232383030"),
            ("332", "3030303030303031"),
            ("333", "5345424D53000000"),
        ],
    );

    bench.set(Setting::PackVoltage {
        millivolts: Some(49_870),
    });
    bench.set(Setting::Current { milliamperes: -35_500 });
    bench.set(Setting::Soc { centipercent: 950 });
    bench.set(Setting::CellTemperature {
        sensor: None,
        decidegrees: -50,
    });
    bench.force("charge_under_temperature_alarm", true);
    bench.force("pack_under_voltage_alarm", true);
    let frames = last(&mut bench, 1000);
    assert_eq!(frames["00000323"], "0000137BFFFFF222");
    assert_eq!(frames["00000324"], "FFCE005F");
    assert_eq!(&frames["00000325"][..8], "00070028"); // the protection has a delay
}

#[test]
fn four_packs() {
    let mut bench = Bench::can(packs(4));
    bench.set(Setting::ChargeCurrentLimit { deciamperes: 1400 });
    bench.set(Setting::DischargeCurrentLimit { deciamperes: 1400 });
    bench.set(Setting::Current { milliamperes: 25_000 });
    bench.set(Setting::PackVoltage {
        millivolts: Some(53_120),
    });
    let expected = [
        ("322", "0000DAC0 0000DAC0"),
        ("323", "000014C0 00002710"),
        ("326", "0003 000C 0064 2BC0"),
    ];
    expect(&mut bench, 400, &expected);
}

/// Every condition: commands, warnings and faults (README 3.6, column SCC).
#[test]
fn every_condition_has_its_place() {
    let cases = [
        ("cell_over_voltage_alarm", 6, 0x0010, 0),
        ("pack_over_voltage_alarm", 6, 0x0010, 0),
        ("cell_under_voltage_alarm", 7, 0x0020, 0),
        ("pack_under_voltage_alarm", 6, 0x0020, 0),
        ("low_soc_alarm", 6, 0, 0),
        ("charge_over_current_alarm", 6, 0x0001, 0),
        ("discharge_over_current_alarm", 6, 0x0002, 0),
        ("charge_over_temperature_alarm", 6, 0x0004, 0),
        ("discharge_over_temperature_alarm", 6, 0x0004, 0),
        ("mosfet_over_temperature_alarm", 6, 0x0004, 0),
        ("ambient_over_temperature_alarm", 6, 0x0004, 0),
        ("charge_under_temperature_alarm", 6, 0x0008, 0),
        ("discharge_under_temperature_alarm", 6, 0x0008, 0),
        ("ambient_under_temperature_alarm", 6, 0x0008, 0),
        ("cell_imbalance_alarm", 6, 0x0040, 0),
        ("temperature_imbalance_alarm", 6, 0, 0),
        ("internal_communication_alarm", 6, 0x0080, 0),
        ("cell_over_voltage_protection", 4, 0x0010, 0x0010),
        ("pack_over_voltage_protection", 4, 0x0010, 0x0010),
        ("charger_over_voltage_protection", 4, 0, 0x0010),
        ("cell_under_voltage_protection", 3, 0x0020, 0x0020),
        ("pack_under_voltage_protection", 2, 0x0020, 0x0020),
        ("charge_over_current_protection", 4, 0x0001, 0x0001),
        ("charge_over_current_2_protection", 4, 0x0001, 0x0001),
        ("discharge_over_current_protection", 2, 0x0002, 0x0002),
        ("discharge_over_current_2_protection", 2, 0x0002, 0x0002),
        ("short_circuit_protection", 8, 0, 0x0002),
        ("charge_over_temperature_protection", 4, 0x0004, 0x0004),
        ("discharge_over_temperature_protection", 2, 0x0004, 0x0004),
        ("mosfet_over_temperature_protection", 8, 0x0004, 0x0004),
        ("ambient_over_temperature_protection", 8, 0x0004, 0x0004),
        ("charge_under_temperature_protection", 4, 0x0008, 0x0008),
        ("discharge_under_temperature_protection", 2, 0x0008, 0x0008),
        ("ambient_under_temperature_protection", 8, 0x0008, 0x0008),
        ("cell_fault", 8, 0, 0x0100),
        ("charge_mosfet_fault", 8, 0, 0x0100),
        ("discharge_mosfet_fault", 8, 0, 0x0100),
        ("temperature_sensor_fault", 8, 0, 0x0100),
        ("sampling_fault", 8, 0, 0x0100),
        ("soft_start_fault", 8, 0, 0x0100),
        ("system_error_fault", 8, 0, 0x0100),
    ];
    assert_eq!(cases.len(), Condition::ALL.len(), "every condition is listed");
    let mut bench = Bench::can(packs(2));
    for (name, commands, warnings, faults) in cases {
        bench.force(name, true);
        let frames = last(&mut bench, 2100);
        assert_eq!(
            frames["00000325"],
            format!("{commands:04X}{warnings:04X}{faults:04X}"),
            "{name}"
        );
        let state = if commands == 8 { "0004" } else { "0003" };
        assert_eq!(&frames["00000326"][..4], state, "{name}");
        let limit = |allowed: bool| if allowed { "00009C40" } else { "00000000" };
        assert_eq!(
            frames["00000322"],
            format!("{}{}", limit(commands & 2 != 0), limit(commands & 4 != 0)),
            "{name}"
        );
        bench.force(name, false);
        bench.run_for(4500);
        expect(&mut bench, 600, &[("325", "0006 0000 0000")]);
    }
}

#[test]
fn small_and_negative_values() {
    let mut bench = Bench::can(packs(1));
    for (milliamperes, decidegrees, measured, charge) in [
        (-50, -1, "000014A0 FFFFFFFB", "FFFF 01F4"),
        (-44, -50, "000014A0 FFFFFFFC", "FFCE 01F4"),
        (-45, -400, "000014A0 FFFFFFFB", "FE70 01F4"),
        (-100_000, 0, "000014A0 FFFFD8F0", "0000 01F4"),
    ] {
        bench.set(Setting::Current { milliamperes });
        bench.set(Setting::CellTemperature {
            sensor: None,
            decidegrees,
        });
        expect(&mut bench, 1000, &[("323", measured), ("324", charge)]);
    }
    for (centipercent, soc) in [(10_000, "03E8"), (9999, "03E7"), (1, "0001"), (0, "0000")] {
        bench.set(Setting::Soc { centipercent });
        expect(&mut bench, 1000, &[("324", &format!("0000 {soc}"))]);
    }
    for sensor in 1..=4 {
        bench.set(Setting::SensorFitted {
            sensor: Sensor::Cell(sensor),
            fitted: false,
        });
    }
    expect(
        &mut bench,
        2100,
        &[("324", "0000 0000"), ("327", "0000 0000 0CE4 0CE4")],
    );
}

#[test]
fn registered_numbers() {
    let mut bench = Bench::can(Config {
        schneider_can: SchneiderCanOptions {
            manufacturer_id: 0x0102,
            model_id: 0x0304,
        },
        ..packs(1)
    });
    expect(&mut bench, 400, &[("330", "0102 0304 00000000")]);
}

/// only a heartbeat of 29 bits is one, and nothing depends on it.
#[test]
fn heartbeat() {
    let mut bench = Bench::can(packs(1));
    let before = last(&mut bench, 400);
    bench.run_for(70_000);
    assert!(bench.bms.status().inverter_lost);
    let after = last(&mut bench, 10_000);
    assert_eq!(after, before);
    for (text, alive) in [
        ("310#0000000000000000", false),
        ("00000305#0000000000000000", false),
        ("00000310#", true),
    ] {
        bench.bms.handle_can(bench.now, &frame(text));
        assert_eq!(bench.bms.status().inverter_lost, !alive, "{text}");
    }
    bench.run_for(61_000);
    bench.bms.handle_can(bench.now, &frame("00000310#1122334455667788"));
    assert!(!bench.bms.status().inverter_lost);
}
