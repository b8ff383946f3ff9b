//! LuxPower RS485, profiles L and G, as an inverter sees them: questions and answers against the whole battery in virtual
//! time.
//!
//! L, G: golden frames of the sheet luxpower-rs485.

mod bench;

use bench::Bench;
use bench::modbus::{ask, bytes, expect, read, sealed};
use refbms::{Config, Identity, Protocol, Sensor, Setting};

/// L: all of the measurements and flags in one read.
const RUNTIME: &str = "01 03 00 00 00 27 05 D0";
/// L: model, firmware, serial number.
const TEXTS: &str = "01 03 00 69 00 17 D5 D8";
/// G: the inverter's poll.
const POLL: &str = "01 03 00 13 00 11 74 03";

fn battery(protocol: Protocol, config: Config) -> Bench {
    let mut bench = Bench::new(Config { protocol, ..config });
    bench.run_to(3000);
    bench
}

fn profile_l() -> Bench {
    battery(Protocol::LuxpowerRs485, Config::default())
}

fn profile_g() -> Bench {
    battery(Protocol::LuxpowerRs485G, Config::default())
}

/// The state of L1 and G1: 53.00 V, +25.00 A, SOC 76 %, limits of 140 A, 42 cycles.
fn set_reference(bench: &mut Bench) {
    let cells = [
        3315, 3312, 3310, 3313, 3311, 3312, 3314, 3312, 3313, 3311, 3312, 3308, 3313, 3312, 3312, 3314,
    ];
    for (cell, millivolts) in (1..).zip(cells) {
        bench.set(Setting::CellVoltage {
            cell: Some(cell),
            millivolts,
        });
    }
    for (sensor, degrees) in (1..).zip([25, 25, 26, 25]) {
        bench.set(Setting::CellTemperature {
            sensor: Some(sensor),
            decidegrees: 10 * degrees,
        });
    }
    bench.set(Setting::AmbientTemperature { decidegrees: 240 });
    bench.set(Setting::MosfetTemperature { decidegrees: 300 });
    bench.set(Setting::PackVoltage {
        millivolts: Some(53_000),
    });
    bench.set(Setting::RemainingCapacity {
        milliampere_hours: 212_800,
    });
    bench.set(Setting::CycleCount { cycles: 42 });
    bench.limits(1400, 1400);
    bench.set(Setting::Current { milliamperes: 25_000 });
}

/// L1 at both addresses, L3.
#[test]
fn measurements_are_told_as_in_the_golden_frames() {
    let first =
        "14 B4 09 C4 0C F3 0C F0 0C EE 0C F1 0C EF 0C F0 0C F2 0C F0 0C F1 0C EF 0C F0 0C EC 0C F1 0C F0 0C F0 0C F2";
    let rest = "00 1E 00 19 00 1A 00 D5 00 8C 00 64 00 4C 00 01 00 00 00 00 00 00 00 00 00 2A 3C 14 DC 00 19 19 1A 19 18 1E 00 \
                10 0A F0 00 00";
    let mut bench = battery(
        Protocol::LuxpowerRs485,
        Config {
            dip: 0,
            ..Config::default()
        },
    );
    set_reference(&mut bench);
    expect(&mut bench, RUNTIME, &format!("01 03 4E {first} {rest} B8 74"));
    expect(
        &mut bench,
        "10 03 00 00 00 27 06 91",
        &format!("10 03 4E {first} {rest} BA 58"),
    );
    expect(
        &mut bench,
        "01 03 00 00 00 12 C5 C7",
        &format!("01 03 24 {first} 8F 58"),
    );
    expect(&mut bench, "01 03 00 12 00 15 24 00", &format!("01 03 2A {rest} AF D4"));
}

/// L2. Its mean temperature is not that of its sensors, and this battery does not charge below 0 degC.
#[test]
fn currents_and_temperatures_below_zero() {
    let golden = bytes(
        "14 8C ED 86 0C DA 0C D7 0C D5 0C D8 0C D6 0C D7 0C D9 0C D7 0C D8 0C D6 0C D7 0C D3 0C D8 0C D7 0C D7 0C D9 00 14 FF FD \
         00 04 00 D2 00 8C 00 64 00 4B 00 02 00 00 00 00 00 00 00 00 00 2A 3C 14 DC 00 FD 00 04 FE 01 14 00 10 0A F0 00 00",
    );
    let mut bench = profile_l();
    set_reference(&mut bench);
    let cells = [
        3290, 3287, 3285, 3288, 3286, 3287, 3289, 3287, 3288, 3286, 3287, 3283, 3288, 3287, 3287, 3289,
    ];
    for (cell, millivolts) in (1..).zip(cells) {
        bench.set(Setting::CellVoltage {
            cell: Some(cell),
            millivolts,
        });
    }
    for (sensor, degrees) in (1..).zip([-3, 0, 4, -2]) {
        bench.set(Setting::CellTemperature {
            sensor: Some(sensor),
            decidegrees: 10 * degrees,
        });
    }
    bench.set(Setting::AmbientTemperature { decidegrees: 10 });
    bench.set(Setting::MosfetTemperature { decidegrees: 200 });
    bench.set(Setting::PackVoltage {
        millivolts: Some(52_600),
    });
    bench.set(Setting::RemainingCapacity {
        milliampere_hours: 210_000,
    });
    bench.set(Setting::Current { milliamperes: -47_300 });
    bench.run_for(5000);
    let told = read(&mut bench, 1, 0, 39);
    for ((number, word), golden) in (0..).zip(told).zip(golden.chunks(2)) {
        let golden = match number {
            19 => 0,
            22 => 0,
            26 | 27 => 1 << 10,
            _ => u16::from_be_bytes([golden[0], golden[1]]),
        };
        assert_eq!(word, golden, "register {number}");
    }
}

/// L6.
#[test]
fn texts_are_told_as_in_the_golden_frame() {
    let mut bench = battery(
        Protocol::LuxpowerRs485,
        Config {
            identity: Identity {
                serial_number: *b"CST0000000000001",
                ..Identity::default()
            },
            ..Config::default()
        },
    );
    expect(
        &mut bench,
        TEXTS,
        "01 03 2E 43 53 54 2D 4C 52 2D 35 31 2E 32 2D 32 38 30 00 00 00 00 00 00 00 00 00 56 30 31 52 30 32 43 53 54 30 30 30 \
         30 30 30 30 30 30 30 30 30 31 C1 AA",
    );
    let texts = read(&mut bench, 1, 0x69, 0x17);
    assert_eq!(texts.len(), 23, "as many registers as are asked for");
}

/// L4.
#[test]
fn the_state_is_protect_while_nothing_flows() {
    let mut bench = profile_l();
    bench.force("cell_over_voltage_protection", true);
    expect(
        &mut bench,
        "01 03 00 19 00 04 95 CE",
        "01 03 08 00 04 00 02 00 02 00 00 08 17",
    );
    bench.set(Setting::Current { milliamperes: -5000 });
    assert_eq!(read(&mut bench, 1, 25, 1), [2], "it discharges all the same");
}

/// L5 bit by bit: README 3.6, column LXL.
#[test]
fn each_condition_has_its_place() {
    let places: [(&str, u16, u16); 37] = [
        ("pack_over_voltage_alarm", 26, 0),
        ("cell_over_voltage_alarm", 26, 1),
        ("pack_under_voltage_alarm", 26, 2),
        ("cell_under_voltage_alarm", 26, 3),
        ("charge_over_current_alarm", 26, 4),
        ("discharge_over_current_alarm", 26, 5),
        ("ambient_over_temperature_alarm", 26, 6),
        ("ambient_under_temperature_alarm", 26, 6),
        ("mosfet_over_temperature_alarm", 26, 7),
        ("charge_over_temperature_alarm", 26, 8),
        ("discharge_over_temperature_alarm", 26, 9),
        ("charge_under_temperature_alarm", 26, 10),
        ("discharge_under_temperature_alarm", 26, 11),
        ("low_soc_alarm", 26, 12),
        ("pack_over_voltage_protection", 27, 0),
        ("charger_over_voltage_protection", 27, 0),
        ("cell_over_voltage_protection", 27, 1),
        ("pack_under_voltage_protection", 27, 2),
        ("cell_under_voltage_protection", 27, 3),
        ("charge_over_current_protection", 27, 4),
        ("charge_over_current_2_protection", 27, 4),
        ("discharge_over_current_protection", 27, 5),
        ("discharge_over_current_2_protection", 27, 5),
        ("ambient_over_temperature_protection", 27, 6),
        ("ambient_under_temperature_protection", 27, 6),
        ("mosfet_over_temperature_protection", 27, 7),
        ("charge_over_temperature_protection", 27, 8),
        ("discharge_over_temperature_protection", 27, 9),
        ("charge_under_temperature_protection", 27, 10),
        ("discharge_under_temperature_protection", 27, 11),
        ("short_circuit_protection", 27, 13),
        ("cell_fault", 28, 0),
        ("sampling_fault", 28, 0),
        ("temperature_sensor_fault", 28, 1),
        ("charge_mosfet_fault", 28, 2),
        ("discharge_mosfet_fault", 28, 2),
        ("cell_imbalance_alarm", 28, 4),
    ];
    for (name, register, bit) in places {
        let mut bench = profile_l();
        bench.force(name, true);
        let told = read(&mut bench, 1, 25, 4);
        assert_eq!(told[usize::from(register - 25)], 1 << bit, "{name}");
        assert_eq!(
            told[0],
            if name.ends_with("_alarm") { 0 } else { 4 },
            "state with {name}"
        );
    }
    for name in ["soft_start_fault", "system_error_fault"] {
        let mut bench = profile_l();
        bench.force(name, true);
        assert_eq!(read(&mut bench, 1, 25, 4), [4, 0, 0, 0], "{name}");
    }
}

/// 0 A forbids charging, so a limit of less than half an ampere is 1 A.
#[test]
fn a_small_limit_is_not_rounded_away() {
    let mut bench = profile_l();
    for (limit, told) in [(0, 0), (1, 1), (4, 1), (14, 1), (15, 2), (2000, 200)] {
        bench.limits(limit, 2000);
        assert_eq!(read(&mut bench, 1, 22, 1), [told], "{limit} x 0.1 A");
    }
}

#[test]
fn heater_limiter_and_balancing_are_shown() {
    let mut bench = profile_l();
    bench.set(Setting::Heater(true));
    assert_eq!(read(&mut bench, 1, 25, 1), [0x8000]);
    bench.set(Setting::Current { milliamperes: 20_000 });
    bench.set(Setting::ChargeCurrentLimiter(refbms::Switch::On));
    assert_eq!(read(&mut bench, 1, 25, 1), [0x8008]);
    let mut bench = profile_l();
    bench.set(Setting::CellVoltage {
        cell: None,
        millivolts: 3400,
    });
    bench.set(Setting::CellVoltage {
        cell: Some(11),
        millivolts: 3450,
    });
    bench.run_for(3000);
    assert_eq!(read(&mut bench, 1, 38, 1), [1 << 10]);
}

/// numbers stop at the end of their fields, and what is not fitted reads 0.
#[test]
fn values_beyond_their_fields() {
    let mut bench = profile_l();
    bench.set(Setting::PackVoltage {
        millivolts: Some(1_000_000),
    });
    bench.set(Setting::Current {
        milliamperes: -5_000_000,
    });
    bench.set(Setting::FullCapacity {
        milliampere_hours: 16_777_215,
    });
    bench.set(Setting::DesignCapacity {
        milliampere_hours: 16_777_215,
    });
    bench.set(Setting::CellTemperature {
        sensor: Some(2),
        decidegrees: 3000,
    });
    bench.set(Setting::CellTemperature {
        sensor: Some(3),
        decidegrees: -1000,
    });
    bench.set(Setting::MosfetTemperature { decidegrees: 3000 });
    assert_eq!(read(&mut bench, 1, 0, 2), [0xFFFF, 0x8000]);
    assert_eq!(read(&mut bench, 1, 31, 2), [0xFFFF, 0xFFFF]);
    assert_eq!(
        read(&mut bench, 1, 33, 3),
        [0x197F, 0x9C19, 0x1B7F],
        "25, 127, -100, 25, 27, 127 degC"
    );
    assert_eq!(read(&mut bench, 1, 37, 1), [0xFFFF]);
    let sensors = (1..=4).map(Sensor::Cell).chain([Sensor::Mosfet, Sensor::Ambient]);
    for sensor in sensors {
        bench.set(Setting::SensorFitted { sensor, fitted: false });
    }
    assert_eq!(read(&mut bench, 1, 18, 3), [0, 0, 0]);
    assert_eq!(read(&mut bench, 1, 33, 3), [0, 0, 0]);
}

/// The map of a 16S pack, with the values of this battery.
#[test]
fn the_configuration_is_that_of_the_battery() {
    let mut bench = profile_l();
    let told = read(&mut bench, 1, 56, 49);
    let expected = [
        3400, 30, 15, 0, 0, 2800, 2700, 2950, 4480, 4320, 4720, 3600, 3650, 3380, 5760, 5840, 5400, 0, 0, 0, 5, 5, 60,
        60, 22_000, 22_000, 30_000, 30_000, 60_000, 1, 0, 1, 0, 0, 53, 50, 53, 101, 105, 100, 35, 30, 35, 102, 105,
        100, 140, 155, 135,
    ];
    for ((number, word), expected) in (56..).zip(told).zip(expected) {
        assert_eq!(word, expected, "register {number}");
    }
    assert_eq!(read(&mut bench, 1, 39, 6), [0; 6]);
    assert_eq!(read(&mut bench, 1, 49, 7), [0; 7]);
}

/// The golden writes: clock and balance difference.
#[test]
fn masters_set_the_clock_and_the_balance_difference() {
    let mut bench = profile_l();
    expect(
        &mut bench,
        "01 10 00 2D 00 04 08 67 11 18 6E 00 08 05 00 F4 5A",
        "01 10 00 2D 00 04 51 C3",
    );
    bench.run_for(61_000);
    assert_eq!(read(&mut bench, 1, 45, 4), [0x6711, 0x186F, 0x0008, 0x0600], "it runs");
    expect(&mut bench, "01 06 00 39 00 14 59 C8", "01 06 00 39 00 14 59 C8");
    assert_eq!(read(&mut bench, 1, 57, 1), [20]);
    expect(
        &mut bench,
        &sealed("01 10 00 39 00 01 02 00 23"),
        &sealed("01 10 00 39 00 01"),
    );
    assert_eq!(read(&mut bench, 1, 57, 1), [35]);
}

/// Registers that the document calls read/write, but for the serial number.
#[test]
fn cycles_capacity_and_cell_count_are_written() {
    let mut bench = profile_l();
    expect(
        &mut bench,
        &sealed("01 10 00 1D 00 04 08 00 00 12 34 3A F7 37 00"),
        &sealed("01 10 00 1D 00 04"),
    );
    assert_eq!(read(&mut bench, 1, 29, 4), [0, 0x1234, 0x3AF7, 0x3700]);
    assert_eq!(bench.pack().full_capacity_mah, 274_800);
    expect(&mut bench, &sealed("01 06 00 24 00 10"), &sealed("01 06 00 24 00 10"));
    let refused = [
        "01 10 00 1D 00 02 04 00 01 00 00",
        "01 10 00 1D 00 02 04 00 00 00 00",
        "01 10 00 1E 00 01 02 00 07",
        "01 10 00 1D 00 01 02 00 07",
        "01 10 00 1F 00 02 04 00 00 00 01",
        "01 10 00 1D 00 03 06 00 00 00 07 00 01",
        "01 10 00 24 00 01 02 00 0F",
        "01 10 00 78 00 01 02 41 41",
        "01 10 00 2D 00 01 02 67 11",
        "01 10 00 39 00 01 02 00 00",
        "01 10 00 39 00 01 02 FF FF",
        "01 10 FF FF 00 01 02 00 00",
        "01 10 00 00 00 01 02 00 00",
    ];
    for question in refused {
        expect(&mut bench, &sealed(question), "01 90 02 CD C1");
    }
    for question in [
        "01 06 00 1E 00 07",
        "01 06 00 39 FF FF",
        "01 06 00 18 00 63",
        "01 06 00 80 00 00",
    ] {
        expect(&mut bench, &sealed(question), &sealed("01 86 02"));
    }
    assert_eq!(
        read(&mut bench, 1, 29, 4),
        [0, 0x1234, 0x3AF7, 0x3700],
        "nothing has changed"
    );
    assert_eq!(read(&mut bench, 1, 57, 1), [30]);
}

/// The table of errors of the sheet, in both profiles.
#[test]
fn what_is_not_served_is_refused() {
    for mut bench in [profile_l(), profile_g()] {
        expect(&mut bench, "01 04 00 00 00 27 B0 10", "01 84 01 82 C0");
        for function in ["01", "02", "05", "0F", "17", "2B", "7F"] {
            let reply = format!("01 {:02X} 01", u8::from_str_radix(function, 16).unwrap() | 0x80);
            expect(
                &mut bench,
                &sealed(&format!("01 {function} 00 13 00 01")),
                &sealed(&reply),
            );
        }
        for question in [
            "01 03 00 81 00 01",
            "01 03 00 7E 00 04",
            "01 03 FF FF 00 01",
            "01 03 01 00 00 01",
        ] {
            expect(&mut bench, &sealed(question), "01 83 02 C0 F1");
        }
        for question in ["01 03 00 00 00 00", "01 03 00 00 00 7E"] {
            expect(&mut bench, &sealed(question), "01 83 03 01 31");
        }
        expect(&mut bench, "01 10 00 00 00 01 02 00 00 A6 50", "01 90 02 CD C1");
        assert_eq!(read(&mut bench, 1, 0, 125).len(), 125, "as many as a reply holds");
    }
    let mut bench = profile_l();
    expect(&mut bench, "01 03 00 80 00 08 45 E4", "01 83 02 C0 F1");
    assert_eq!(read(&mut bench, 1, 127, 1), [0x3031]);
    let mut bench = profile_g();
    assert_eq!(read(&mut bench, 1, 128, 1), [3300], "the last cell");
    expect(&mut bench, &sealed("01 06 00 13 0C 00"), &sealed("01 86 01"));
    expect(&mut bench, &sealed("01 10 00 13 00 01 02 0C 00"), "01 90 02 CD C1");
}

#[test]
fn silence_to_others_and_to_noise() {
    for (mut bench, question) in [(profile_l(), RUNTIME), (profile_g(), POLL)] {
        let good = ask(&mut bench, question);
        assert!(good.is_some());
        for question in [
            "02 03 00 00 00 27 05 E3",
            "10 03 00 00 00 27 06 91",
            "01 03 00 00 00 27 05 D1",
            "01 03 00 00 00",
        ] {
            assert_eq!(ask(&mut bench, question), None, "{question}");
        }
        for question in [
            "00 03 00 00 00 27",
            "00 06 00 39 00 14",
            "00 10 00 39 00 01 02 00 14",
            "01 03 00 00 00 01 00",
        ] {
            assert_eq!(ask(&mut bench, &sealed(question)), None, "{question}");
        }
        assert_eq!(ask(&mut bench, question), good, "the next good question is answered");
    }
    let mut bench = profile_l();
    for question in ["00 06 00 39 00 14", "01 06 00 39 00", "01 06 00 39 00 14 00"] {
        assert_eq!(ask(&mut bench, &sealed(question)), None, "{question}");
    }
    assert_eq!(read(&mut bench, 1, 57, 1), [30], "nothing has been written");
}

///
#[test]
fn addresses() {
    for dip in 2..=15 {
        let config = Config {
            dip,
            ..Config::default()
        };
        for protocol in [Protocol::LuxpowerRs485, Protocol::LuxpowerRs485G] {
            let mut bench = battery(protocol, config);
            assert_eq!(ask(&mut bench, &sealed("01 03 00 24 00 06")), None);
            assert_eq!(ask(&mut bench, &sealed("10 03 00 24 00 06")), None);
            assert_eq!(read(&mut bench, dip, 0x24, 6).len(), 6);
        }
    }
    let mut bench = battery(
        Protocol::LuxpowerRs485G,
        Config {
            dip: 0,
            ..Config::default()
        },
    );
    assert!(ask(&mut bench, POLL).is_some(), "DIP 0 acts as 1");
    assert_eq!(ask(&mut bench, &sealed("10 03 00 13 00 11")), None);
}

/// Profile L: the master answers for each pack that is online, with that pack's values.
#[test]
fn each_pack_has_its_own_values() {
    let mut bench = battery(
        Protocol::LuxpowerRs485,
        Config {
            packs: 3,
            ..Config::default()
        },
    );
    bench.run_to(15_000);
    for pack in 1..=3 {
        let milliamperes = 1110 * i32::from(pack) - 3000;
        bench.set_pack(pack, Setting::Current { milliamperes });
    }
    for address in 1..=3 {
        let current = i16::from(address) * 111 - 300;
        assert_eq!(read(&mut bench, address, 1, 1), [current.cast_unsigned()]);
        let serial = read(&mut bench, address, 127, 1)[0].to_be_bytes();
        assert_eq!(serial, [b'0', b'0' + address]);
    }
    expect(&mut bench, &sealed("02 06 00 39 00 14"), &sealed("02 06 00 39 00 14"));
    assert_eq!(read(&mut bench, 1, 57, 1), [30], "only the pack that is asked");
    assert_eq!(read(&mut bench, 2, 57, 1), [20]);
    assert_eq!(ask(&mut bench, &sealed("04 03 00 00 00 27")), None, "no fourth pack");
    bench.bms.unplug(bench.now, 3).expect("a pack");
    bench.run_for(10_000);
    assert_eq!(ask(&mut bench, &sealed("03 03 00 00 00 27")), None, "it is gone");
}

/// G1, G2, G5 and G6; error_valid only with an error, cells numbered from 1.
#[test]
fn the_bank_is_told_as_in_the_golden_frames() {
    let mut bench = profile_g();
    set_reference(&mut bench);
    expect(
        &mut bench,
        POLL,
        &sealed(
            "01 03 22 08 62 00 00 00 4C 14 B4 09 C4 00 19 36 B0 53 20 6D 60 01 01 00 07 00 2A 00 00 00 64 16 80 00 00 36 B0",
        ),
    );
    expect(
        &mut bench,
        "01 03 00 24 00 06 85 C3",
        &sealed("01 03 0C 00 00 0C F3 0C EC 00 01 00 0C 00 10"),
    );
    expect(
        &mut bench,
        "01 03 00 71 00 10 14 1D",
        "01 03 20 0C F3 0C F0 0C EE 0C F1 0C EF 0C F0 0C F2 0C F0 0C F1 0C EF 0C F0 0C EC 0C F1 0C F0 0C F0 0C F2 93 90",
    );
    bench.set(Setting::PackVoltage {
        millivolts: Some(52_600),
    });
    bench.set(Setting::RemainingCapacity {
        milliampere_hours: 210_000,
    });
    bench.set(Setting::Current { milliamperes: -47_300 });
    expect(
        &mut bench,
        POLL,
        &sealed(
            "01 03 22 0C 63 00 00 00 4B 14 8C ED 86 00 19 36 B0 52 08 6D 60 01 01 00 07 00 2A 00 00 00 64 16 80 00 00 36 B0",
        ),
    );
    assert_eq!(read(&mut bench, 1, 0, 0x13), [0; 0x13], "Growatt's head is empty");
    assert_eq!(read(&mut bench, 1, 0x2A, 0x47), [0; 0x47]);
}

/// G3s, but for error_valid and the bits that tell a bank from a single pack.
#[test]
fn a_bank_saturates() {
    let mut bench = battery(
        Protocol::LuxpowerRs485G,
        Config {
            packs: 4,
            ..Config::default()
        },
    );
    bench.run_to(15_000);
    set_reference(&mut bench);
    expect(
        &mut bench,
        POLL,
        &sealed(
            "01 03 22 09 62 00 00 00 4C 14 B4 27 10 00 19 DA C0 FF FF FF FF 01 01 00 07 00 2A 00 00 00 64 16 80 00 00 DA C0",
        ),
    );
    bench.set(Setting::Current { milliamperes: -100_000 });
    assert_eq!(read(&mut bench, 1, 0x17, 1), [0x8000]);
    assert_eq!(ask(&mut bench, &sealed("02 03 00 13 00 11")), None, "one address only");
}

/// G4.
#[test]
fn an_over_voltage_is_told_as_in_the_golden_frame() {
    let mut bench = profile_g();
    set_reference(&mut bench);
    bench.set(Setting::Current { milliamperes: 0 });
    bench.set(Setting::CellTemperature {
        sensor: None,
        decidegrees: 250,
    });
    bench.set(Setting::Soc { centipercent: 10_000 });
    bench.set(Setting::PackVoltage {
        millivolts: Some(58_260),
    });
    bench.force("cell_over_voltage_alarm", true);
    bench.force("pack_over_voltage_protection", true);
    expect(
        &mut bench,
        POLL,
        "01 03 22 04 25 00 04 00 64 16 C2 00 00 00 19 00 00 6D 60 6D 60 01 01 00 07 00 2A 00 00 00 64 16 80 00 05 36 B0 2E 22",
    );
}
