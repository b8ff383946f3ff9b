//! Schneider RS485 as a gateway sees it: questions and answers against the whole battery in virtual time.
//!
//! G: golden frames of the sheet schneider-rs485, all of the placeholder map P0.

mod bench;

use bench::Bench;
use bench::modbus::{self, ask, bytes, expect, sealed, text};
use refbms::{Condition, Config, Identity, Protocol, SchneiderRs485Options, Sensor, Setting};

/// The questions of G.
const VERSION: &str = "01 03 00 00 00 01 84 0A";
const RUNTIME: &str = "01 03 00 04 00 14 04 04";
const SIGNATURE: &str = "01 03 00 4C 00 03 C4 1C";

fn battery(config: Config) -> Bench {
    let mut bench = Bench::new(Config {
        protocol: Protocol::SchneiderRs485,
        ..config
    });
    bench.run_to(3000);
    bench
}

fn packs(packs: u8) -> Bench {
    battery(Config {
        packs,
        ..Config::default()
    })
}

/// The data of so many registers, as text.
#[track_caller]
fn data(bench: &mut Bench, address: u8, first: u16, count: u8) -> String {
    text(&modbus::data(bench, address, first, count))
}

#[track_caller]
fn registers(bench: &mut Bench, first: u16, count: u8) -> String {
    data(bench, 1, first, count)
}

/// Scenario A of the sheet schneider-can.
fn set_scenario_a(bench: &mut Bench) {
    bench.limits(1400, 1400);
    bench.set_schneider_values();
    bench.set(Setting::CycleCount { cycles: 12 });
}

/// G, every frame with values. The serial number of the sheet has 20 characters, that of this battery the last 16 of them.
#[test]
fn golden_frames() {
    let mut bench = battery(Config {
        identity: Identity {
            serial_number: *b"R512280000000001",
            ..Identity::default()
        },
        ..Config::default()
    });
    set_scenario_a(&mut bench);
    expect(&mut bench, VERSION, "01 03 02 00 02 39 85");
    expect(
        &mut bench,
        RUNTIME,
        "01 03 28 00 00 16 80 00 00 11 80 00 00 36 B0 00 00 36 B0 00 00 14 C0 00 00 09 C4 00 FD 02 FD 00 00 00 00 00 06 00 00 00 \
         00 00 00 77 AC",
    );
    expect(
        &mut bench,
        "01 03 00 18 00 08 C4 0B",
        "01 03 10 00 03 00 0C 00 63 0A F0 01 05 00 F5 0C FD 0C F6 6C CA",
    );
    expect(
        &mut bench,
        "01 03 00 20 00 04 45 C3",
        "01 03 08 00 34 7D 80 00 31 DD A0 E3 00",
    );
    let golden = "01 03 1E 00 00 00 00 00 00 00 00 52 35 31 32 32 38 30 30 30 30 30 30 30 30 30 31 53 45 42 4D 53 00";
    expect(&mut bench, "01 03 00 40 00 0F 04 1A", &sealed(golden));
    expect(&mut bench, SIGNATURE, "01 03 06 53 45 42 4D 53 00 58 46");
    expect(
        &mut bench,
        "01 04 00 4C 00 03 71 DC",
        "01 04 06 53 45 42 4D 53 00 19 A0",
    );
}

/// G, every exception, and the form of each for both reading functions.
#[test]
fn what_is_not_served_is_refused() {
    let mut bench = packs(1);
    for (question, reply) in [
        ("01 03 00 50 00 01 84 1B", "01 83 02 C0 F1"),
        ("01 03 00 00 00 7E C5 EA", "01 83 03 01 31"),
        ("01 03 00 00 00 00 45 CA", "01 83 03 01 31"),
        ("01 05 00 00 00 00 CD CA", "01 85 01 83 50"),
        ("01 06 00 00 00 01 48 0A", "01 86 01 83 A0"),
        ("01 10 00 04 00 01 02 00 00 A7 D4", "01 90 01 8D C0"),
    ] {
        expect(&mut bench, question, reply);
    }
    for (question, reply) in [
        ("01 03 00 4F 00 02", "01 83 02"),
        ("01 03 00 00 00 51", "01 83 02"),
        ("01 03 FF FF 00 01", "01 83 02"),
        ("01 03 FF FF 00 7D", "01 83 02"),
        ("01 04 00 50 00 01", "01 84 02"),
        ("01 04 00 00 00 00", "01 84 03"),
        ("01 04 00 00 00 7E", "01 84 03"),
        ("01 03 00 00 FF FF", "01 83 03"),
        // The CRC is right, the length is not.
        ("01 03", "01 83 03"),
        ("01 03 00 00 00", "01 83 03"),
        ("01 03 00 00 00 01 00", "01 83 03"),
        ("01 04 00 00 00 01 00 00", "01 84 03"),
        ("01 10 00 04 00 01 03 00 00", "01 90 01"),
        ("01 2B 0E 01 00", "01 AB 01"),
        ("01 00", "01 80 01"),
        ("01 7F", "01 FF 01"),
    ] {
        expect(&mut bench, &sealed(question), &sealed(reply));
    }
    assert_eq!(registers(&mut bench, 0x0004, 2), "00 00 16 80", "nothing is written");
}

#[test]
fn silence_to_others_and_to_noise() {
    let mut bench = packs(4);
    for address in (0..=255).filter(|address| *address != 1) {
        for function in [3, 4, 6] {
            let question = sealed(&text(&[address, function, 0, 0, 0, 1]));
            assert_eq!(ask(&mut bench, &question), None, "{question}");
        }
    }
    // G: a wrong CRC, a short frame.
    for question in [
        "01 03 00 00 00 01 84 0B",
        "01 03 00 00 00",
        "01",
        "01 03",
        "01 04 00 00 00 01 84 0A",
    ] {
        assert_eq!(ask(&mut bench, question), None, "{question}");
    }
    expect(&mut bench, VERSION, "01 03 02 00 02 39 85");
}

/// A gap of 5 ms ends what has come before; 3.5 characters are 3.65 ms.
#[test]
fn garbage_before_a_gap_is_forgotten() {
    let mut bench = packs(1);
    bench.bms.handle_serial(bench.now, &[0x01, 0x03, 0xFF]);
    bench.run_micros(5000);
    expect(&mut bench, VERSION, "01 03 02 00 02 39 85");
    let (head, tail) = VERSION.split_at(12);
    bench.bms.handle_serial(bench.now, &bytes(head));
    bench.run_micros(20_000);
    assert_eq!(ask(&mut bench, tail), None, "the second half alone");
    expect(&mut bench, VERSION, "01 03 02 00 02 39 85");
}

/// Both functions read every register, alone and all at once; what is reserved is 0.
#[test]
fn the_whole_map() {
    let mut bench = packs(1);
    set_scenario_a(&mut bench);
    let all = registers(&mut bench, 0, 0x50);
    let words: Vec<String> = bytes(&all).chunks(2).map(text).collect();
    for (register, word) in (0..).zip(&words) {
        assert_eq!(&registers(&mut bench, register, 1), word, "0x{register:04X}");
        let question = text(&[1, 4, 0, u8::try_from(register).unwrap(), 0, 1]);
        expect(&mut bench, &sealed(&question), &sealed(&format!("01 04 02 {word}")));
    }
    let reserved = (0x01..=0x03)
        .chain(0x12..=0x13)
        .chain([0x17])
        .chain(0x24..=0x3F)
        .chain([0x4F]);
    for register in reserved {
        assert_eq!(words[register], "00 00", "0x{register:04X}");
    }
}

///
#[test]
fn addresses() {
    let alone = |dip| {
        let config = Config {
            dip,
            packs: 2,
            ..Config::default()
        };
        battery(config)
    };
    let mut bench = alone(0);
    expect(&mut bench, VERSION, "01 03 02 00 02 39 85");
    assert_eq!(ask(&mut bench, &sealed("00 03 00 00 00 01")), None, "broadcast");
    assert_eq!(registers(&mut bench, 0x001B, 1), "15 E0", "two packs");
    // G: a pack with DIP 2 that is the only one.
    let mut bench = alone(2);
    expect(&mut bench, "02 03 00 00 00 01 84 39", "02 03 02 00 02 7D 85");
    assert_eq!(data(&mut bench, 2, 0x001B, 1), "0A F0", "its own values");
    for dip in 2..=15 {
        let mut bench = alone(dip);
        for address in 0..=16 {
            let reply = ask(&mut bench, &sealed(&text(&[address, 3, 0, 0x4C, 0, 3])));
            assert_eq!(reply.is_some(), address == dip, "{address} to DIP {dip}");
        }
    }
}

/// A pack that is wired alone asks for charge by its own state.
#[test]
fn a_pack_alone_shows_its_own_request() {
    let mut bench = battery(Config {
        dip: 5,
        ..Config::default()
    });
    bench.set(Setting::Soc { centipercent: 500 });
    bench.run_for(2000);
    assert_eq!(data(&mut bench, 5, 0x0011, 4), "00 32 00 00 00 00 00 07");
}

/// Scenario E, and Q-22: the capacity of four packs still fits, currents have 32 bits.
#[test]
fn four_packs() {
    let mut bench = packs(4);
    set_scenario_a(&mut bench);
    assert_eq!(
        registers(&mut bench, 0x0008, 8),
        "00 00 DA C0 00 00 DA C0 00 00 14 C0 00 00 27 10"
    );
    assert_eq!(registers(&mut bench, 0x0018, 4), "00 03 00 0C 00 63 2B C0");
    assert_eq!(registers(&mut bench, 0x0020, 4), "00 D1 F6 00 00 C7 76 80");
    bench.limits(2000, 2000);
    bench.set(Setting::Current { milliamperes: -199_990 });
    assert_eq!(
        registers(&mut bench, 0x0008, 8),
        "00 01 38 80 00 01 38 80 00 00 14 C0 FF FE C7 84"
    );
    bench.set(Setting::Current {
        milliamperes: -5_000_000,
    });
    bench.set(Setting::FullCapacity {
        milliampere_hours: 2_000_000,
    });
    bench.set(Setting::ChargedEnergy { watt_hours: u32::MAX });
    assert_eq!(registers(&mut bench, 0x000E, 2), "FF E1 7B 80", "-20000 A");
    assert_eq!(registers(&mut bench, 0x001B, 1), "FF FF");
    assert_eq!(registers(&mut bench, 0x0020, 2), "FF FF FF FF");
}

#[test]
fn small_and_negative_values() {
    let mut bench = packs(1);
    for (milliamperes, decidegrees, measured) in [
        (-50, -1, "FF FF FF FB FF FF"),
        (-44, -50, "FF FF FF FC FF CE"),
        (-45, -400, "FF FF FF FB FE 70"),
        (45, 5, "00 00 00 05 00 05"),
        (-100_000, 0, "FF FF D8 F0 00 00"),
    ] {
        bench.set(Setting::Current { milliamperes });
        bench.set(Setting::CellTemperature {
            sensor: None,
            decidegrees,
        });
        assert_eq!(registers(&mut bench, 0x000E, 3), measured);
    }
    for (centipercent, soc) in [(10_000, "03 E8"), (9999, "03 E7"), (1, "00 01"), (0, "00 00")] {
        bench.set(Setting::Soc { centipercent });
        assert_eq!(registers(&mut bench, 0x0011, 1), soc);
    }
    for sensor in 1..=4 {
        bench.set(Setting::SensorFitted {
            sensor: Sensor::Cell(sensor),
            fitted: false,
        });
    }
    assert_eq!(registers(&mut bench, 0x0010, 1), "00 00");
    assert_eq!(registers(&mut bench, 0x001C, 4), "00 00 00 00 0C E4 0C E4");
}

/// Every condition: its warning and its fault by their bit, and what it forbids (README 3.6, column SCR).
#[test]
fn every_condition_has_its_place() {
    const CHARGE_ONLY: u16 = 2;
    const DISCHARGE_ONLY: u16 = 4;
    const BOTH: u16 = 6;
    const STOP: u16 = 8;
    let cases = [
        ("cell_over_voltage_alarm", BOTH, Some(4), None),
        ("pack_over_voltage_alarm", BOTH, Some(4), None),
        ("cell_under_voltage_alarm", BOTH | 1, Some(5), None),
        ("pack_under_voltage_alarm", BOTH, Some(5), None),
        ("low_soc_alarm", BOTH, None, None),
        ("charge_over_current_alarm", BOTH, Some(0), None),
        ("discharge_over_current_alarm", BOTH, Some(1), None),
        ("charge_over_temperature_alarm", BOTH, Some(2), None),
        ("discharge_over_temperature_alarm", BOTH, Some(2), None),
        ("mosfet_over_temperature_alarm", BOTH, Some(2), None),
        ("ambient_over_temperature_alarm", BOTH, Some(2), None),
        ("charge_under_temperature_alarm", BOTH, Some(3), None),
        ("discharge_under_temperature_alarm", BOTH, Some(3), None),
        ("ambient_under_temperature_alarm", BOTH, Some(3), None),
        ("cell_imbalance_alarm", BOTH, Some(6), None),
        ("temperature_imbalance_alarm", BOTH, None, None),
        ("internal_communication_alarm", BOTH, Some(7), None),
        ("cell_over_voltage_protection", DISCHARGE_ONLY, Some(4), Some(4)),
        ("pack_over_voltage_protection", DISCHARGE_ONLY, Some(4), Some(4)),
        ("charger_over_voltage_protection", DISCHARGE_ONLY, None, Some(4)),
        ("cell_under_voltage_protection", CHARGE_ONLY | 1, Some(5), Some(5)),
        ("pack_under_voltage_protection", CHARGE_ONLY, Some(5), Some(5)),
        ("charge_over_current_protection", DISCHARGE_ONLY, Some(0), Some(0)),
        ("charge_over_current_2_protection", DISCHARGE_ONLY, Some(0), Some(0)),
        ("discharge_over_current_protection", CHARGE_ONLY, Some(1), Some(1)),
        ("discharge_over_current_2_protection", CHARGE_ONLY, Some(1), Some(1)),
        ("short_circuit_protection", STOP, None, Some(1)),
        ("charge_over_temperature_protection", DISCHARGE_ONLY, Some(2), Some(2)),
        ("discharge_over_temperature_protection", CHARGE_ONLY, Some(2), Some(2)),
        ("mosfet_over_temperature_protection", STOP, Some(2), Some(2)),
        ("ambient_over_temperature_protection", STOP, Some(2), Some(2)),
        ("charge_under_temperature_protection", DISCHARGE_ONLY, Some(3), Some(3)),
        ("discharge_under_temperature_protection", CHARGE_ONLY, Some(3), Some(3)),
        ("ambient_under_temperature_protection", STOP, Some(3), Some(3)),
        ("cell_fault", STOP, None, Some(8)),
        ("charge_mosfet_fault", STOP, None, Some(8)),
        ("discharge_mosfet_fault", STOP, None, Some(8)),
        ("temperature_sensor_fault", STOP, None, Some(8)),
        ("sampling_fault", STOP, None, Some(8)),
        ("soft_start_fault", STOP, None, Some(8)),
        ("system_error_fault", STOP, None, Some(8)),
    ];
    assert_eq!(cases.len(), Condition::ALL.len(), "every condition is listed");
    for (name, commands, warning, fault) in cases {
        let mut bench = packs(1);
        bench.force(name, true);
        let word = |bit: Option<u16>| text(&bit.map_or(0, |bit| 1_u16 << bit).to_be_bytes());
        let expected = format!(
            "{} {} {}",
            text(&u16::to_be_bytes(commands)),
            word(warning),
            word(fault)
        );
        assert_eq!(registers(&mut bench, 0x0014, 3), expected, "{name}");
        let state = if commands == STOP { "00 04" } else { "00 03" };
        assert_eq!(registers(&mut bench, 0x0018, 1), state, "{name}");
        let limit = |allowed: bool| if allowed { "00 00 4E 20" } else { "00 00 00 00" };
        let limits = format!("{} {}", limit(commands & 2 != 0), limit(commands & 4 != 0));
        assert_eq!(registers(&mut bench, 0x0008, 4), limits, "{name}");
    }
}

/// What a slave said last stays, and the warning tells that it is old; never an exception.
#[test]
fn a_slave_that_falls_silent_is_a_warning() {
    let mut bench = packs(2);
    bench.set(Setting::Current { milliamperes: 10_000 });
    bench.bms.unplug(bench.now, 2).expect("a slave");
    bench.run_for(2000);
    assert_eq!(registers(&mut bench, 0x000E, 2), "00 00 07 D0", "its last words");
    bench.run_for(10_000);
    assert_eq!(registers(&mut bench, 0x0014, 3), "00 06 00 80 00 00");
    assert_eq!(registers(&mut bench, 0x000E, 2), "00 00 03 E8", "without it");
}

/// nothing depends on the gateway's questions.
#[test]
fn nobody_asks() {
    let mut bench = packs(1);
    let before = ask(&mut bench, RUNTIME);
    assert!(!bench.bms.status().inverter_lost);
    bench.run_for(59_000);
    assert!(!bench.bms.status().inverter_lost);
    bench.run_for(2_000);
    assert!(bench.bms.status().inverter_lost);
    assert_eq!(ask(&mut bench, RUNTIME), before);
    assert!(!bench.bms.status().inverter_lost);
}

/// Registered numbers, and a map that begins elsewhere.
#[test]
fn options() {
    let mut bench = battery(Config {
        schneider_rs485: SchneiderRs485Options {
            first_register: 0x9C40,
            manufacturer_id: 0x0102,
            model_id: 0x0304,
        },
        ..Config::default()
    });
    assert_eq!(registers(&mut bench, 0x9C80, 2), "01 02 03 04");
    assert_eq!(registers(&mut bench, 0x9C8C, 4), "53 45 42 4D 53 00 00 00");
    for question in [
        "01 03 00 00 00 01",
        "01 03 9C 3F 00 01",
        "01 03 9C 90 00 01",
        "01 03 9C 3F 00 02",
    ] {
        expect(&mut bench, &sealed(question), &sealed("01 83 02"));
    }
    let mut bench = battery(Config {
        schneider_rs485: SchneiderRs485Options {
            first_register: 0xFFFE,
            ..SchneiderRs485Options::default()
        },
        ..Config::default()
    });
    assert_eq!(registers(&mut bench, 0xFFFE, 2), "00 02 00 00");
    expect(&mut bench, &sealed("01 03 FF FE 00 03"), &sealed("01 83 02"));
}
