//! GINLONG CAN as an inverter sees it, from power-on: scripts against the whole battery in virtual time.

mod bench;

use bench::{Bench, frame};
use refbms::{Config, GinlongCanOptions, Protocol, Setting};

fn ginlong(packs: u8) -> Config {
    Config {
        protocol: Protocol::GinlongCan,
        packs,
        ..Config::default()
    }
}

fn aobo(packs: u8) -> Config {
    Config {
        ginlong_can: GinlongCanOptions {
            aobo_frames: true,
            ..GinlongCanOptions::default()
        },
        ..ginlong(packs)
    }
}

fn measured(bench: &mut Bench, millivolts: u32, milliamperes: i32, decidegrees: i16) {
    bench.set(Setting::PackVoltage {
        millivolts: Some(millivolts),
    });
    bench.set(Setting::Current { milliamperes });
    bench.set(Setting::CellTemperature {
        sensor: None,
        decidegrees,
    });
}

#[test]
fn the_whole_set_once_a_second() {
    let expected = [
        (2000, "359#0000000001504E00"),
        (2020, "351#4002D007D007C001"),
        (2040, "355#3200640000000000"),
        (2060, "356#A0140000FA000000"),
        (2080, "35C#C000000000000000"),
        (2100, "35E#50594C4F4E202020"),
    ];
    Bench::expect_set_each_second(ginlong(1), &expected);
}

#[test]
fn constructed_vectors() {
    let mut bench = Bench::can(ginlong(1));
    bench.limits(1400, 1400);
    bench.set(Setting::ChargeVoltageLimit { millivolts: 56_000 });
    bench.set(Setting::soc_percent(87));
    measured(&mut bench, 53_280, 35_200, 246);
    bench.expect_frames(&[
        ("351", "3002 7805 7805 C001"),
        ("355", "5700 6400 0000 0000"),
        ("356", "D014 6001 F600 0000"),
    ]);
    measured(&mut bench, 52_040, -118_700, 315);
    bench.expect_frames(&[("356", "5414 5DFB 3B01 0000")]);
    bench.force("cell_over_voltage_protection", true);
    bench.expect_frames(&[
        ("351", "3002 0000 7805 C001"),
        ("359", "0200 0200 01 504E 00"),
        ("35C", "40 00000000000000"),
    ]);
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
        ("internal_communication_alarm", "0000 0008", "C0"),
        ("cell_imbalance_alarm", "0000 0010", "C0"),
    ];
    let mut bench = Bench::can(ginlong(2));
    bench.expect_conditions(&cases, "02 504E 00", "00000000000000");
}

/// Annex S.
#[test]
fn the_set_of_aobo_has_pairs_for_bits() {
    let mut bench = Bench::can(aobo(2));
    let frames = bench.next_cycle();
    let expected = [
        ("351", "4002A00FA00FC001"),
        ("355", "3200640000000000"),
        ("356", "A0140000FA000000"),
        ("35A", "AAAAAA02AAAAAA02"),
        ("35E", "50594C4F4E202020"),
        ("35F", "4C69010230020000"),
    ];
    let expected: Vec<_> = expected
        .iter()
        .map(|(id, data)| ((*id).to_owned(), (*data).to_owned()))
        .collect();
    assert_eq!(frames.into_iter().collect::<Vec<_>>(), expected);
    for (name, pairs) in [
        ("cell_over_voltage_protection", "A6AAAA02 A6AAAA02"),
        ("pack_under_voltage_protection", "9AAAAA02 9AAAAA02"),
        ("discharge_over_temperature_protection", "6AAAAA02 6AAAAA02"),
        ("discharge_under_temperature_protection", "AAA9AA02 AAA9AA02"),
        ("charge_over_temperature_protection", "AAA6AA02 AAA6AA02"),
        ("charge_under_temperature_protection", "AA9AAA02 AA9AAA02"),
        ("discharge_over_current_protection", "AA6AAA02 AA6AAA02"),
        ("charge_over_current_protection", "AAAAA902 AAAAA902"),
        ("short_circuit_protection", "AAAA9A02 AAAAAA02"),
        ("system_error_fault", "AAAA6A02 AAAAAA02"),
        ("internal_communication_alarm", "AAAAAA02 AAAA6A02"),
        ("cell_imbalance_alarm", "AAAAAA02 AAAAAA01"),
    ] {
        bench.force(name, true);
        bench.expect_frames(&[("35A", pairs)]);
        bench.force(name, false);
    }
    bench.expect_frames(&[("35A", "AAAAAA02 AAAAAA02")]);
}

/// B-082.
#[test]
fn every_acknowledge_counts_and_none_is_needed() {
    for text in ["305#0000000000000000", "305#21", "00000305#00", "305#R8"] {
        let mut bench = Bench::can(ginlong(1));
        bench.run_to(62_000);
        assert!(bench.bms.status().inverter_lost, "60 s of silence");
        bench.run_to(62_999);
        assert_eq!(bench.run_for(2000).len(), 12, "the battery goes on alone");
        bench.bms.handle_can(bench.now, &frame(text));
        assert!(!bench.bms.status().inverter_lost, "{text}");
        assert_eq!(bench.run_for(2000).len(), 12, "{text} changes nothing on the bus");
    }
}
