//! GoodWe CAN as an inverter sees it, from power-on: scripts against the whole battery in virtual time.

mod bench;

use bench::{Bench, frame};
use refbms::{CellExtremesVariant, Config, GoodweCanOptions, Protocol, Sensor, Setting, Switch};

fn goodwe(packs: u8) -> Config {
    Config {
        protocol: Protocol::GoodweCan,
        packs,
        ..Config::default()
    }
}

fn temperature(sensor: Option<u8>, decidegrees: i16) -> Setting {
    Setting::CellTemperature { sensor, decidegrees }
}

fn cell(cell: Option<u8>, millivolts: u16) -> Setting {
    Setting::CellVoltage { cell, millivolts }
}

#[test]
fn the_whole_set_once_a_second() {
    let expected = [
        (2000, "351#4002D007D007C001"),
        (2020, "355#3200640000000000"),
        (2040, "356#A0140000FA000000"),
        (2060, "359#0000000001504E00"),
        (2080, "35C#C000000000000000"),
        (2100, "35E#474F4F4457452020"),
        (2120, "370#19001900E40CE40C"),
        (2140, "371#0100010001000100"),
    ];
    Bench::expect_set_each_second(goodwe(1), &expected);
}

/// The state of the capture: a JK BMS in its GoodWe profile (sheet, Golden frames).
#[test]
fn the_captured_state_comes_out_byte_for_byte() {
    let mut bench = Bench::can(goodwe(1));
    bench.limits(380, 1900);
    bench.set(Setting::DischargeVoltageLimit { millivolts: 45_400 });
    bench.set(Setting::soc_percent(99));
    bench.set(cell(None, 3571));
    bench.set(cell(Some(1), 3572));
    bench.set(Setting::PackVoltage {
        millivolts: Some(57_150),
    });
    // Sensor 4 the hottest, 3 the coldest; 30.6 degC in the mean.
    for (sensor, decidegrees) in [(1, 306), (2, 307), (3, 302), (4, 309)] {
        bench.set(temperature(Some(sensor), decidegrees));
    }
    let frames = bench.next_cycle();
    // Derating above 3.55 V and the charge voltage of 67.0 V are not this battery's.
    assert!(frames["351"].ends_with("6C07C601"), "{frames:?}");
    for (id, data) in [
        ("355", "6300640000000000"),
        ("356", "5316000032010000"),
        ("359", "0000000001504E00"),
        ("35C", "C000000000000000"),
        ("370", "1F001E00F40DF30D"),
    ] {
        assert_eq!(frames[id], data, "{id}");
    }
    // All cells but the first are the lowest: the first of them counts.
    assert_eq!(frames["371"], "0400030001000200");
}

#[test]
fn constructed_vectors() {
    let mut bench = Bench::can(goodwe(1));
    bench.limits(1400, 1400);
    bench.set(Setting::ChargeVoltageLimit { millivolts: 56_000 });
    bench.set(Setting::soc_percent(87));
    bench.set(Setting::PackVoltage {
        millivolts: Some(53_280),
    });
    bench.set(Setting::Current { milliamperes: 35_200 });
    bench.set(temperature(None, 246));
    bench.expect_frames(&[
        ("351", "3002 7805 7805 C001"),
        ("355", "5700 6400 0000 0000"),
        ("356", "D014 6001 F600 0000"),
    ]);
    bench.set(Setting::PackVoltage {
        millivolts: Some(52_040),
    });
    bench.set(Setting::Current { milliamperes: -118_700 });
    bench.set(temperature(None, 315));
    bench.expect_frames(&[("356", "5414 5DFB 3B01 0000")]);

    bench.set(Setting::FullChargeRequest(Switch::On));
    bench.expect_frames(&[("35C", "C8 00000000000000")]);
}

#[test]
fn four_packs_add_up() {
    let mut bench = Bench::can(goodwe(4));
    bench.limits(1400, 1400);
    bench.set(Setting::ChargeVoltageLimit { millivolts: 56_000 });
    bench.expect_frames(&[("351", "3002 E015 E015 C001"), ("359", "00000000 04 504E 00")]);
    bench.set(Setting::Current {
        milliamperes: 1_000_000,
    });
    bench.expect_frames(&[("356", "A014 FF7F FA00 0000")]);
    bench.set(Setting::Current {
        milliamperes: -1_000_000,
    });
    bench.expect_frames(&[("356", "A014 0080 FA00 0000")]);
}

#[test]
fn each_condition_sets_its_bits() {
    let cases = [
        ("cell_over_voltage_protection", "0200 0200", "40"),
        ("pack_under_voltage_protection", "0400 0400", "80"),
        ("charge_over_temperature_protection", "0800 0800", "40"),
        ("charge_under_temperature_protection", "1000 1000", "40"),
        ("discharge_over_current_protection", "8000 8000", "80"),
        ("charge_over_current_protection", "0001 0001", "40"),
        ("short_circuit_protection", "8008 0000", "00"),
        ("system_error_fault", "0008 0000", "00"),
        ("cell_over_voltage_alarm", "0000 0200", "C0"),
        ("low_soc_alarm", "0000 0400", "C0"),
        ("internal_communication_alarm", "0000 0008", "C0"),
        ("cell_imbalance_alarm", "0000 0010", "C0"),
        ("temperature_imbalance_alarm", "0000 0000", "C0"),
    ];
    let mut bench = Bench::can(goodwe(2));
    bench.expect_conditions(&cases, "02 504E 00", "00000000000000");
    for name in [
        "internal_communication_alarm",
        "cell_imbalance_alarm",
        "system_error_fault",
    ] {
        bench.force(name, true);
    }
    bench.expect_frames(&[("359", "0008 0018 02 504E 00")]);
}

#[test]
fn extremes_of_the_bank() {
    let mut bench = Bench::can(goodwe(4));
    bench.set_pack(4, cell(Some(16), 3345));
    bench.set_pack(2, cell(Some(7), 3222));
    bench.set_pack(4, temperature(Some(4), 377));
    bench.set_pack(3, temperature(Some(2), -94));
    bench.expect_frames(&[
        ("370", "2600 F7FF 110D 960C"), // 38 and -9 degC, 3345 and 3222 mV
        ("371", "1000 0A00 4000 1700"), // sensors 16 and 10, cells 64 and 23
    ]);
    for pack in 1..=4 {
        for sensor in 1..=4 {
            bench.set_pack(
                pack,
                Setting::SensorFitted {
                    sensor: Sensor::Cell(sensor),
                    fitted: false,
                },
            );
        }
    }
    // the protocol has no mark for what is not known.
    bench.expect_frames(&[
        ("356", "9F14 0000 0000 0000"),
        ("370", "0000 0000 110D 960C"),
        ("371", "0000 0000 4000 1700"),
    ]);
}

#[test]
fn options() {
    let mut bench = Bench::can(Config {
        goodwe_can: GoodweCanOptions {
            manufacturer_name: *b"SHEnergy",
            cell_extremes: Some(CellExtremesVariant::Tenths),
            installed_capacity: true,
        },
        ..goodwe(2)
    });
    bench.set(temperature(None, 246));
    bench.expect_frames(&[
        ("35E", "5348456E65726779"),
        ("370", "F600 F600 E40C E40C"),
        ("379", "3002 000000000000"),
    ]);

    let mut bench = Bench::can(Config {
        goodwe_can: GoodweCanOptions {
            cell_extremes: None,
            ..GoodweCanOptions::default()
        },
        ..goodwe(1)
    });
    let ids: Vec<_> = bench.next_cycle().into_keys().collect();
    assert_eq!(ids, ["351", "355", "356", "359", "35C", "35E"]);
}

/// B-082.
#[test]
fn every_acknowledge_counts_and_none_is_needed() {
    for text in ["305#0000000000000000", "305#21", "00000305#1122334455667788", "305#R8"] {
        let mut bench = Bench::can(goodwe(1));
        bench.run_to(62_000);
        assert!(bench.bms.status().inverter_lost, "60 s of silence");
        bench.run_to(62_999);
        assert_eq!(bench.run_for(2000).len(), 16, "the battery goes on alone");
        bench.bms.handle_can(bench.now, &frame(text));
        assert!(!bench.bms.status().inverter_lost, "{text}");
        assert_eq!(bench.run_for(2000).len(), 16, "{text} changes nothing on the bus");
    }
    let mut bench = Bench::can(goodwe(1));
    bench.run_to(61_000);
    for text in ["351#4002D007D007C001", "306#00", "453#0100000000000000", "7FF#"] {
        bench.bms.handle_can(bench.now, &frame(text));
    }
    bench.run_to(62_000);
    assert!(bench.bms.status().inverter_lost);
}
