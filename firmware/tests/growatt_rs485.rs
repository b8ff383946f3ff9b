//! Growatt RS485 as an inverter sees it: questions and answers against the whole battery in virtual time.
//!
//! G: golden frames of the sheet growatt-rs485.

mod bench;

use bench::Bench;
use bench::modbus::{ask, bytes, expect, read, sealed};
use refbms::{Config, Protocol, Setting};

/// A real inverter's three questions (G1).
const IDENTITY: &str = "01 03 00 01 00 0F 54 0E";
const CELLS: &str = "01 03 00 70 00 11 84 1D";
const STATUS: &str = "01 03 00 10 00 1B 04 04";

fn battery(config: Config) -> Bench {
    let mut bench = Bench::new(Config {
        protocol: Protocol::GrowattRs485,
        ..config
    });
    bench.run_to(3000);
    bench
}

#[track_caller]
fn register(bench: &mut Bench, register: u16) -> u16 {
    read(bench, 1, register, 1)[0]
}

/// The state of G6 A and D.
fn set_g6(bench: &mut Bench) {
    let cells = [
        3320, 3321, 3319, 3320, 3322, 3318, 3325, 3320, 3321, 3319, 3317, 3316, 3320, 3321, 3319, 3320,
    ];
    for (cell, millivolts) in (1..).zip(cells) {
        bench.set(Setting::CellVoltage {
            cell: Some(cell),
            millivolts,
        });
    }
    bench.set(Setting::CellTemperature {
        sensor: None,
        decidegrees: 270,
    });
    bench.set(Setting::RemainingCapacity {
        milliampere_hours: 154_000,
    });
    bench.set(Setting::Soh { percent: 98 });
    bench.set(Setting::CycleCount { cycles: 12 });
    bench.set(Setting::Current { milliamperes: 25_000 });
}

/// G6 A: every register of the inverter's status poll. The pack of the sheet asks for other currents and 56.80 V, this one
/// for the 57.60 V of Q-08 and for 200 A.
#[test]
fn status_is_told_as_in_the_golden_frame() {
    let golden = bytes(
        "09 C4 00 00 00 00 00 62 00 00 00 37 14 C0 09 C4 00 1B 36 B0 3C 28 6D 60 01 01 00 00 00 0C 00 00 00 62 16 30 00 00 \
         4E 20 00 00 0C FD 0C F4 00 07 00 0C 00 10 00 00",
    );
    let mut bench = battery(Config::default());
    set_g6(&mut bench);
    let told = read(&mut bench, 1, 0x0010, 27);
    for ((number, word), golden) in (0x0010..).zip(told).zip(golden.chunks(2)) {
        let golden = match number {
            0x0019 => 20_000,
            0x0021 => 5760,
            _ => u16::from_be_bytes([golden[0], golden[1]]),
        };
        assert_eq!(word, golden, "register 0x{number:04X}");
    }
}

/// G6 D, whole.
#[test]
fn cells_are_told_as_in_the_golden_frame() {
    let mut bench = battery(Config::default());
    set_g6(&mut bench);
    expect(
        &mut bench,
        CELLS,
        "01 03 22 00 00 0C F8 0C F9 0C F7 0C F8 0C FA 0C F6 0C FD 0C F8 0C F9 0C F7 0C F5 0C F4 0C F8 0C F9 0C F7 0C F8 24 AD",
    );
}

#[test]
fn identity_has_a_version_and_the_end_of_the_serial_number() {
    let mut bench = battery(Config::default());
    let identity = read(&mut bench, 1, 0x0001, 15);
    assert_eq!(identity[0], 0x0102, "version 1.2");
    let characters: Vec<u8> = identity[8..12].iter().flat_map(|word| word.to_be_bytes()).collect();
    assert_eq!(characters, b"00000001");
    assert_eq!(identity[4..8], [0; 4], "no date");
    assert_eq!(identity[14], 14_336, "280 Ah at 51.2 V in Wh");
    assert!(ask(&mut bench, IDENTITY).is_some());
}

#[test]
fn currents_and_temperatures_below_zero() {
    let mut bench = battery(Config::default());
    set_g6(&mut bench);
    bench.set(Setting::Current { milliamperes: -37_500 });
    bench.set(Setting::CellTemperature {
        sensor: None,
        decidegrees: -50,
    });
    assert_eq!(register(&mut bench, 0x0017), 0xF15A);
    assert_eq!(register(&mut bench, 0x0010), 0xF15A);
    assert_eq!(register(&mut bench, 0x0018), 0xFFFB);
    assert_eq!(register(&mut bench, 0x0013) & 0b11, 0b11, "discharging");
}

/// README 3.6, column GRR.
#[test]
fn each_condition_has_its_place() {
    let protections = [
        ("discharge_over_current_protection", 0),
        ("short_circuit_protection", 1),
        ("pack_over_voltage_protection", 2),
        ("cell_over_voltage_protection", 2),
        ("charger_over_voltage_protection", 2),
        ("pack_under_voltage_protection", 3),
        ("cell_under_voltage_protection", 3),
        ("discharge_over_temperature_protection", 4),
        ("charge_over_temperature_protection", 5),
        ("discharge_under_temperature_protection", 6),
        ("charge_under_temperature_protection", 7),
        ("soft_start_fault", 8),
        ("system_error_fault", 9),
        ("cell_fault", 9),
        ("charge_over_current_protection", 11),
        ("charge_over_current_2_protection", 11),
        ("mosfet_over_temperature_protection", 12),
        ("ambient_over_temperature_protection", 13),
        ("ambient_under_temperature_protection", 14),
    ];
    for (name, bit) in protections {
        let mut bench = battery(Config::default());
        bench.force(name, true);
        assert_eq!(register(&mut bench, 0x0014), 1 << bit, "{name}");
        assert_eq!(register(&mut bench, 0x0013) & 0b100, 0b100, "error_valid with {name}");
    }
    let warnings = [
        ("cell_over_voltage_alarm", 0),
        ("cell_under_voltage_alarm", 1),
        ("pack_over_voltage_alarm", 2),
        ("pack_under_voltage_alarm", 3),
        ("discharge_over_current_alarm", 4),
        ("charge_over_current_alarm", 5),
        ("discharge_over_temperature_alarm", 6),
        ("discharge_under_temperature_alarm", 7),
        ("charge_over_temperature_alarm", 8),
        ("charge_under_temperature_alarm", 9),
        ("mosfet_over_temperature_alarm", 10),
        ("ambient_over_temperature_alarm", 11),
        ("ambient_under_temperature_alarm", 12),
    ];
    for (name, bit) in warnings {
        let mut bench = battery(Config::default());
        bench.force(name, true);
        assert_eq!(register(&mut bench, 0x0022), 1 << bit, "{name}");
        assert_eq!(register(&mut bench, 0x0013) & 0b100, 0, "no error_valid with {name}");
    }
}

#[test]
fn outputs_and_limits_go_together() {
    let mut bench = battery(Config::default());
    bench.force("cell_over_voltage_protection", true);
    assert_eq!(register(&mut bench, 0x0013) & 0x60, 0x20, "discharging only");
    assert_eq!(register(&mut bench, 0x0019), 0);
    assert!(register(&mut bench, 0x0023) > 0);
    let mut bench = battery(Config::default());
    bench.force("cell_under_voltage_protection", true);
    assert_eq!(register(&mut bench, 0x0013) & 0x60, 0x40, "charging only");
    assert_eq!(register(&mut bench, 0x0023), 0);
}

/// G2: only the inverter's own state is taken over.
#[test]
fn the_hand_shake_writes_two_bits() {
    let mut bench = battery(Config::default());
    let before = register(&mut bench, 0x0013);
    assert_eq!(before & 0x0C00, 0);
    let answer = "01 10 00 13 00 01 F0 0C";
    expect(&mut bench, "01 10 00 13 00 01 02 0C 00 A1 F3", answer);
    assert_eq!(register(&mut bench, 0x0013), before | 0x0C00);
    expect(&mut bench, &sealed("01 10 00 13 00 01 02 F7 FF"), answer);
    assert_eq!(
        register(&mut bench, 0x0013),
        before | 0x0400,
        "the other bits are ignored"
    );
    expect(&mut bench, "01 10 00 13 00 01 02 00 00 A4 F3", answer);
    assert_eq!(register(&mut bench, 0x0013), before);
}

#[test]
fn what_is_not_served_is_refused() {
    let mut bench = battery(Config::default());
    let (function, unknown, count) = ("01 83 01 80 F0", "01 83 02 C0 F1", "01 83 03 01 31");
    assert_ne!(function, unknown);
    for question in [
        "01 03 00 00 00 01",
        "01 03 00 53 00 01",
        "01 03 00 52 00 02",
        "01 03 00 91 00 01",
    ] {
        expect(&mut bench, &sealed(question), unknown);
    }
    for question in ["01 03 01 0C 00 01", "01 03 01 0F 00 01", "01 03 FF FF 00 02"] {
        expect(&mut bench, &sealed(question), unknown);
    }
    expect(&mut bench, &sealed("01 03 00 10 00 00"), count);
    expect(&mut bench, &sealed("01 03 00 10 00 7E"), count);
    expect(&mut bench, "01 04 00 10 00 1B B1 C4", "01 84 01 82 C0");
    let refused = "01 90 02 CD C1";
    let before = register(&mut bench, 0x0021);
    expect(&mut bench, &sealed("01 10 00 21 00 01 02 12 34"), refused);
    expect(&mut bench, &sealed("01 10 00 13 00 02 04 00 00 00 00"), refused);
    expect(&mut bench, &sealed("01 10 01 28 00 01 02 00 00"), refused);
    assert_eq!(register(&mut bench, 0x0021), before);
}

#[test]
fn silence_to_others_and_to_noise() {
    let mut bench = battery(Config::default());
    for question in [
        "02 03 00 10 00 1B 04 37",
        "0F 03 00 10 00 1B 05 2A",
        "01 03 00 10 00 1B 04 05",
    ] {
        assert_eq!(ask(&mut bench, question), None, "{question}");
    }
    assert_eq!(ask(&mut bench, &sealed("00 03 00 10 00 1B")), None, "broadcast");
    assert_eq!(ask(&mut bench, "01 03 00 10 00"), None, "cut short");
    assert!(ask(&mut bench, STATUS).is_some(), "the next good question is answered");
}

///
#[test]
fn addresses() {
    let mut bench = battery(Config {
        dip: 0,
        ..Config::default()
    });
    assert!(ask(&mut bench, STATUS).is_some(), "DIP 0 acts as 1");
    let mut bench = battery(Config {
        dip: 5,
        ..Config::default()
    });
    assert_eq!(ask(&mut bench, STATUS), None, "a slave is not polled");
    assert_eq!(read(&mut bench, 5, 0x0029, 1), [16]);
}

/// four packs do not fit, and nothing wraps.
#[test]
fn a_bank_saturates() {
    let mut bench = battery(Config {
        packs: 4,
        ..Config::default()
    });
    bench.run_to(15_000);
    bench.set(Setting::RemainingCapacity {
        milliampere_hours: 212_800,
    });
    bench.set(Setting::Current { milliamperes: -100_000 });
    assert_eq!(register(&mut bench, 0x0017), 0x8000);
    assert_eq!(register(&mut bench, 0x001A), 0xFFFF);
    assert_eq!(register(&mut bench, 0x001B), 0xFFFF);
    assert_eq!(register(&mut bench, 0x0023), 0xFFFF);
    assert_eq!(register(&mut bench, 0x0013) & 0x0300, 0x0100, "parallel");
}

#[test]
fn the_extension_is_sent_low_byte_first() {
    let mut bench = battery(Config::default());
    set_g6(&mut bench);
    assert_eq!(register(&mut bench, 0x0102), 3320_u16.swap_bytes());
    assert_eq!(register(&mut bench, 0x0104), 531_u16.swap_bytes());
    assert_eq!(register(&mut bench, 0x010B).swap_bytes() & 0x0F, 3, "charging");
}
