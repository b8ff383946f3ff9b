//! Voltronic RS485 as an inverter sees it: questions and answers against the whole battery in virtual time.
//!
//! V: derived vectors of the sheet voltronic-rs485.

mod bench;

use bench::Bench;
use bench::modbus::{ask, bytes, expect, sealed, text};
use refbms::{Config, LengthField, Protocol, Setting, VoltronicRs485Options};

fn battery(config: Config) -> Bench {
    let mut bench = Bench::new(Config {
        protocol: Protocol::VoltronicRs485,
        ..config
    });
    bench.run_to(3000);
    bench
}

#[track_caller]
fn register(bench: &mut Bench, register: u16) -> u16 {
    let [a, b] = register.to_be_bytes();
    let reply = bytes(&ask(bench, &sealed(&text(&[1, 3, a, b, 0, 1]))).expect("an answer"));
    assert_eq!((reply.len(), &reply[..4]), (8, &[1, 3, 0, 1][..]));
    u16::from_be_bytes([reply[4], reply[5]])
}

/// The pack of V1 to V12: 53.0 V, 25 A charging, 76 %.
fn set_v(bench: &mut Bench) {
    bench.set(Setting::CellVoltage {
        cell: None,
        millivolts: 3313,
    });
    for (sensor, decidegrees) in (1..).zip([250, 250, 260, 250]) {
        bench.set(Setting::CellTemperature {
            sensor: Some(sensor),
            decidegrees,
        });
    }
    bench.set(Setting::AmbientTemperature { decidegrees: 240 });
    bench.set(Setting::MosfetTemperature { decidegrees: 300 });
    bench.set(Setting::RemainingCapacity {
        milliampere_hours: 212_800,
    });
    bench.set(Setting::Current { milliamperes: 25_000 });
}

#[test]
fn golden_frames_of_a_charging_pack() {
    let mut bench = battery(Config::default());
    set_v(&mut bench);
    expect(
        &mut bench,
        "01 03 00 10 00 20 45 D7", // V2
        "01 03 00 20 00 10 00 21 00 21 00 21 00 21 00 21 00 21 00 21 00 21 00 21 00 21 00 21 00 21 00 21 00 21 00 21 00 21 \
         00 00 00 00 00 00 00 00 00 06 0B A5 0B A5 0B AF 0B A5 0B 9B 0B D7 00 00 00 00 00 00 00 00 6C C0",
    );
    expect(
        &mut bench,
        "01 03 00 30 00 06 C5 C7", // V3
        "01 03 00 06 00 FA 00 00 02 12 00 4C 00 04 45 C0 C6 6B",
    );
    expect(
        &mut bench,
        "01 03 00 36 00 08 A4 02", // V4
        "01 03 00 08 00 01 00 00 00 00 00 00 00 00 00 00 00 00 00 00 1B 4C",
    );
    expect(
        &mut bench,
        "01 03 00 36 00 0A 25 C3",
        "01 03 00 0A 00 01 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 04 45 C0 97 D0",
    );
    expect(
        &mut bench,
        "01 03 00 40 00 0B 05 D9", // V5
        "01 03 00 0B 00 10 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 44 80",
    );
    expect(
        &mut bench,
        "01 03 00 50 00 06 C5 D9", // V6
        "01 03 00 06 00 06 00 00 00 00 00 00 00 00 00 00 2B 2F",
    );
    expect(
        &mut bench,
        "01 03 00 60 00 0A C5 D3", // V7
        "01 03 00 0A 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 D9 2D",
    );
    expect(
        &mut bench,
        "01 03 00 74 00 06 85 D2", // V10
        "01 03 00 06 00 C0 00 00 00 03 3F 40 00 00 00 00 FE 64",
    );
    expect(&mut bench, "01 03 00 80 00 01 85 E2", "01 03 00 01 00 00 14 0A"); // V11
    // V1 and V8 with this battery's version and limits of 200 A.
    expect(
        &mut bench,
        "01 03 00 01 00 06 94 08",
        "01 03 00 06 00 00 00 00 01 02 00 00 01 00 00 00 D6 57",
    );
    let limits = sealed("01 03 00 08 02 40 01 C0 07 D0 07 D0 00 C0 00 00 00 03 3F 40");
    expect(&mut bench, "01 03 00 70 00 08 45 D7", &limits);
}

#[test]
fn discharging_is_a_magnitude_of_its_own() {
    let mut bench = battery(Config::default());
    set_v(&mut bench);
    bench.set(Setting::Current { milliamperes: -47_300 });
    assert_eq!((register(&mut bench, 0x0030), register(&mut bench, 0x0031)), (0, 473));
    assert_eq!(register(&mut bench, 0x0075), 269, "212.8 Ah at 47.3 A in minutes");
}

/// README 3.6, column VOL.
#[test]
fn each_condition_has_its_place() {
    let places: [(&str, &[(u16, u16)]); 27] = [
        ("cell_over_voltage_alarm", &[(0x37, 1)]),
        ("cell_under_voltage_alarm", &[(0x38, 3)]),
        ("charge_over_current_alarm", &[(0x37, 3)]),
        ("charge_over_temperature_alarm", &[(0x37, 0)]),
        ("charge_under_temperature_alarm", &[(0x37, 2)]),
        ("discharge_over_temperature_alarm", &[(0x38, 0)]),
        ("discharge_under_temperature_alarm", &[(0x38, 1)]),
        ("mosfet_over_temperature_alarm", &[(0x38, 2)]),
        ("pack_over_voltage_alarm", &[]),
        ("low_soc_alarm", &[]),
        ("cell_over_voltage_protection", &[(0x39, 10)]),
        ("cell_under_voltage_protection", &[(0x3B, 11)]),
        ("charger_over_voltage_protection", &[(0x39, 10)]),
        ("charge_over_current_protection", &[(0x39, 11)]),
        ("charge_over_current_2_protection", &[(0x39, 15)]),
        ("discharge_over_current_protection", &[(0x3B, 12)]),
        ("discharge_over_current_2_protection", &[(0x3C, 2)]),
        ("short_circuit_protection", &[(0x3C, 1)]),
        ("charge_over_temperature_protection", &[(0x39, 8)]),
        ("charge_under_temperature_protection", &[(0x39, 9)]),
        ("discharge_over_temperature_protection", &[(0x3B, 14)]),
        ("discharge_under_temperature_protection", &[(0x3B, 13)]),
        ("mosfet_over_temperature_protection", &[(0x39, 6), (0x3B, 10)]),
        ("pack_over_voltage_protection", &[]),
        ("charge_mosfet_fault", &[(0x39, 1)]),
        ("discharge_mosfet_fault", &[(0x3B, 1)]),
        ("sampling_fault", &[(0x39, 2), (0x3C, 0)]),
    ];
    for (name, expected) in places {
        let is_alarm = name.ends_with("_alarm");
        let mut bench = battery(Config::default());
        bench.force(name, true);
        for word in 0x37..=0x3C_u16 {
            // A protection brings its alarm (Q-26).
            if !is_alarm && word <= 0x38 {
                continue;
            }
            let bits = expected
                .iter()
                .filter(|(place, _)| *place == word)
                .fold(0, |bits, (_, bit)| bits | 1 << bit);
            assert_eq!(register(&mut bench, word), bits, "0x{word:04X} with {name}");
        }
    }
    let states = [
        ("pack_over_voltage_protection", 0x60, 2),
        ("pack_under_voltage_protection", 0x61, 1),
        ("cell_over_voltage_protection", 0x62, 2), // V7
        ("cell_under_voltage_protection", 0x63, 1),
        ("charge_over_current_protection", 0x64, 2),
        ("discharge_over_current_protection", 0x65, 2),
        ("charge_under_temperature_protection", 0x68, 1),
        ("discharge_over_temperature_protection", 0x69, 2),
    ];
    for (name, place, state) in states {
        let mut bench = battery(Config::default());
        bench.force(name, true);
        for word in 0x60..=0x69 {
            let expected = if word == place { state } else { 0 };
            assert_eq!(register(&mut bench, word), expected, "0x{word:04X} with {name}");
        }
    }
}

/// V5: the first of two cells stands in the high byte.
#[test]
fn a_tripped_cell_is_named() {
    let mut bench = battery(Config::default());
    bench.set(Setting::CellVoltage {
        cell: Some(3),
        millivolts: 3700,
    });
    bench.force("cell_over_voltage_protection", true);
    assert_eq!(register(&mut bench, 0x0041), 0);
    assert_eq!(register(&mut bench, 0x0042), 0x0200);
}

/// V13, Q-18: thresholds without hysteresis, never both bits.
#[test]
fn requests_follow_the_state_of_charge() {
    let mut bench = battery(Config::default());
    for (percent, status) in [
        (15, 0xC0),
        (14, 0xD0),
        (12, 0xD0),
        (10, 0xD0),
        (9, 0xE0),
        (7, 0xE0),
        (12, 0xD0),
    ] {
        bench.set(Setting::RemainingCapacity {
            milliampere_hours: 2800 * percent,
        });
        assert_eq!(register(&mut bench, 0x0074), status, "{percent} %");
    }
}

/// Q-06: one pack that forbids charging takes bit 7 from the bank; bit 6 stays while one pack allows discharging.
#[test]
fn enables_of_a_bank() {
    let mut bench = battery(Config {
        packs: 2,
        ..Config::default()
    });
    bench.run_to(15_000);
    assert_eq!(register(&mut bench, 0x0036), 2);
    assert_eq!(register(&mut bench, 0x0074) & 0xC0, 0xC0);
    let condition = |name| refbms::Condition::from_name(name).expect("a condition of this name");
    for name in ["cell_over_voltage_protection", "cell_under_voltage_protection"] {
        bench.set_pack(
            2,
            Setting::Condition {
                condition: condition(name),
                active: true,
            },
        );
    }
    assert_eq!(register(&mut bench, 0x0074) & 0xC0, 0x40);
}

#[test]
fn errors_have_codes() {
    let mut bench = battery(Config::default());
    expect(&mut bench, "11 03 00 33 00 01 76 95", "11 83 01 81 35"); // V14
    expect(&mut bench, "01 04 00 75 00 01 20 10", "01 84 02 C2 C1");
    let before = register(&mut bench, 0x0070);
    expect(&mut bench, "01 10 00 70 00 01 02 02 40 AD F0", "01 90 02 CD C1");
    assert_eq!(register(&mut bench, 0x0070), before);
    expect(&mut bench, "01 03 00 33 00 01 75 2C", &sealed("01 83 03"));
    expect(&mut bench, &sealed("01 03 00 10 00 79"), &sealed("01 83 02"));
    expect(&mut bench, &sealed("01 03 00 10 00 00"), &sealed("01 83 02"));
    for silent in ["02 03 00 33 00 01 74 36", "0F 03 00 33 00 01 75 2C", "01 03 00 33 00"] {
        assert_eq!(ask(&mut bench, silent), None, "{silent}");
    }
    let pylon = text(b"~20024642E00202FD33\r");
    assert_eq!(ask(&mut bench, &pylon), None, "a Pylon question");
    assert_eq!(register(&mut bench, 0x0010), 16, "the next good question is answered");
}

#[test]
fn ids() {
    let mut bench = battery(Config {
        dip: 15,
        ..Config::default()
    });
    bench.set(Setting::RemainingCapacity {
        milliampere_hours: 212_800,
    });
    expect(&mut bench, "0F 03 00 33 00 01 75 2B", "0F 03 00 01 00 4C 14 D1"); // V12
    assert_eq!(register(&mut bench, 0x0033), 76, "the common id");
    assert_eq!(ask(&mut bench, "02 03 00 33 00 01 74 36"), None);
}

/// Q-35: 270 minutes in the three ways of telling the length.
#[test]
fn the_length_can_be_told_otherwise() {
    let question = "01 03 00 75 00 01 95 D0";
    let replies = [
        (LengthField::Words, "01 03 00 01 01 0E 94 5E"),
        (LengthField::WideBytes, "01 03 00 02 01 0E 64 5E"),
        (LengthField::Bytes, "01 03 02 01 0E 38 10"),
    ];
    for (length, reply) in replies {
        let mut bench = battery(Config {
            voltronic_rs485: VoltronicRs485Options { length },
            ..Config::default()
        });
        bench.set(Setting::RemainingCapacity {
            milliampere_hours: 225_000,
        });
        bench.set(Setting::Current { milliamperes: -50_000 });
        expect(&mut bench, question, reply);
    }
}
