//! Growatt CAN as an inverter sees it, from power-on: scripts against the whole battery in virtual time.

mod bench;

use std::time::Duration;

use bench::{Bench, Sent, frame};
use refbms::{Config, GrowattCanOptions, Protocol, Sensor, Setting, Switch};

const KEEPALIVE: &str = "301#0B16212C37424D58";

fn packs(packs: u8) -> Config {
    Config {
        protocol: Protocol::GrowattCan,
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

#[test]
fn nothing_is_sent_before_the_end_of_init_and_then_the_whole_set() {
    let mut bench = Bench::new(packs(1));
    assert_eq!(bench.run_to(1999), []);
    let expected = [
        (2000, "311#024007D007D00061"),
        (2020, "312#0000000001000010"),
        (2040, "313#14A0000000FA3264"),
        (2060, "314#36B06D600000000C"),
        (2080, "319#C00CE40CE4010100"),
        (2100, "320#4353010200000000"),
        (2120, "321#0000000000000000"),
        (2140, "322#00FA00FA01013232"),
        (2160, "323#1000000000000000"),
        (2180, "315#0CE40CE40CE40CE4"),
        (2200, "316#0CE40CE40CE40CE4"),
        (2220, "317#0CE40CE40CE40CE4"),
        (2240, "318#0CE40CE40CE40CE4"),
    ];
    let at = |later: u64| {
        let expected = expected.iter();
        expected.map(move |(time, text)| (time + later, (*text).to_owned()))
    };
    assert_eq!(bench.run_to(2999), at(0).collect::<Vec<Sent>>());
    assert_eq!(bench.run_to(4999), at(1000).chain(at(2000)).collect::<Vec<Sent>>());
}

/// G7 of the sheet, with the charge voltage that it uses.
#[test]
fn constructed_vectors() {
    let mut bench = Bench::can(packs(1));
    bench.set(Setting::ChargeVoltageLimit { millivolts: 56_800 });
    bench.limits(1400, 2000);
    bench.set(Setting::PackVoltage {
        millivolts: Some(53_120),
    });
    bench.set(Setting::Current { milliamperes: 25_000 });
    bench.set(Setting::CellTemperature {
        sensor: None,
        decidegrees: 275,
    });
    bench.set(Setting::soc_percent(55));
    bench.set(Setting::CycleCount { cycles: 12 });
    bench.set(cell(3, 3309));
    bench.expect_frames(&[
        ("311", "0238 0578 07D0 0062"),
        ("313", "14C0 00FA 0113 37 64"),
        ("314", "3C28 6D60 0009 000C"),
    ]);

    bench.set(Setting::Current { milliamperes: 0 });
    bench.set(Setting::soc_percent(19));
    bench.set(Setting::CellVoltage {
        cell: None,
        millivolts: 2850,
    });
    bench.set(cell(3, 2900));
    bench.set(cell(11, 2800));
    bench.force("cell_under_voltage_protection", true);
    bench.expect_frames(&[
        ("311", "0238 0578 0000 0045"),
        ("319", "A0 0B54 0AF0 03 0B 01"),
        // Protection and warning as in the sheet; what is derated is told besides.
        ("312", "08 00 08 00 01 0002 10"),
    ]);
}

#[test]
fn four_packs() {
    let mut bench = Bench::can(packs(4));
    bench.set(Setting::ChargeVoltageLimit { millivolts: 56_800 });
    bench.limits(1400, 2000);
    bench.set(Setting::Current { milliamperes: -5000 });
    bench.set(Setting::CycleCount { cycles: 12 });
    bench.set_pack(2, cell(7, 3305));
    bench.set_pack(3, cell(12, 3296));
    let frames = bench.next_cycle();
    assert_eq!(frames["311"], "023815E01F400163"); // G7
    assert_eq!(frames["314"], "DAC0FFFF0009000C"); // 560 Ah; 1120 Ah do not fit
    assert_eq!(frames["312"], "0000000004000040");
    assert_eq!(frames["319"], "C00CE90CE0172C00"); // cells 23 and 44
    assert_eq!(frames["323"], "4000000000000000");
    assert!(!frames.contains_key("315"), "no cells of one pack among several");

    bench.set(Setting::soc_percent(100));
    bench.expect_frames(&[("314", "FFFF FFFF 0009 000C")]); // G7
}

/// G7: two packs of which one is colder and fuller.
#[test]
fn ranges_of_temperature_and_charge() {
    let mut bench = Bench::can(packs(2));
    let temperature = |sensor, decidegrees| Setting::CellTemperature {
        sensor: Some(sensor),
        decidegrees,
    };
    bench.set(temperature(2, 270));
    bench.set_pack(1, temperature(2, 275));
    bench.set_pack(2, temperature(4, -25));
    bench.set_pack(1, Setting::soc_percent(54));
    bench.set_pack(2, Setting::soc_percent(56));
    bench.expect_frames(&[("322", "0113 FFE7 02 08 38 36"), ("313", "14A0 0000 00DD 37 64")]);

    // Known field problem 8: what is not fitted is not a temperature.
    for sensor in 1..=4 {
        bench.set_pack(
            2,
            Setting::SensorFitted {
                sensor: Sensor::Cell(sensor),
                fitted: false,
            },
        );
    }
    bench.set_pack(2, Setting::soc_percent(0));
    bench.expect_frames(&[("322", "0113 00FA 02 01 36 00")]);
}

#[test]
fn cells_of_a_single_pack() {
    let mut bench = Bench::can(packs(1));
    for number in 1..=16 {
        bench.set(cell(number, 3300 + u16::from(number)));
    }
    bench.expect_frames(&[
        ("315", "0CE5 0CE6 0CE7 0CE8"),
        ("316", "0CE9 0CEA 0CEB 0CEC"),
        ("317", "0CED 0CEE 0CEF 0CF0"),
        ("318", "0CF1 0CF2 0CF3 0CF4"),
        ("319", "C0 0CF4 0CE5 10 01 00"),
        ("314", "36B0 6D60 000F 000C"),
    ]);
}

/// Every condition: its byte in the protections, in the warnings, in 0x323, and whether the error is declared.
#[test]
fn every_condition_has_its_place() {
    let cases = [
        ("soft_start_fault", "0100 0000", "00"),
        ("pack_under_voltage_protection", "0200 0200", "00"),
        ("pack_over_voltage_protection", "0400 0400", "00"),
        ("charger_over_voltage_protection", "0400 0000", "00"),
        ("cell_under_voltage_protection", "0800 0800", "00"),
        ("cell_over_voltage_protection", "1000 1000", "00"),
        ("short_circuit_protection", "2000 0000", "00"),
        ("charge_over_current_protection", "4000 4000", "00"),
        ("charge_over_current_2_protection", "4000 4000", "00"),
        ("discharge_over_current_protection", "8000 8000", "00"),
        ("discharge_over_current_2_protection", "8000 8000", "00"),
        ("system_error_fault", "0008 0000", "00"),
        ("cell_fault", "0008 0000", "00"),
        ("charge_mosfet_fault", "0008 0000", "00"),
        ("discharge_mosfet_fault", "0008 0000", "00"),
        ("temperature_sensor_fault", "0008 0000", "00"),
        ("sampling_fault", "0008 0000", "20"),
        ("charge_under_temperature_protection", "0010 0010", "00"),
        ("discharge_under_temperature_protection", "0020 0020", "00"),
        ("ambient_under_temperature_protection", "0020 0020", "00"),
        ("charge_over_temperature_protection", "0040 0040", "00"),
        ("discharge_over_temperature_protection", "0080 0080", "00"),
        ("mosfet_over_temperature_protection", "0080 0080", "00"),
        ("ambient_over_temperature_protection", "0080 0080", "00"),
        ("pack_under_voltage_alarm", "0000 0200", "00"),
        ("pack_over_voltage_alarm", "0000 0400", "00"),
        ("cell_under_voltage_alarm", "0000 0800", "00"),
        ("cell_over_voltage_alarm", "0000 1000", "00"),
        ("charge_over_current_alarm", "0000 4000", "00"),
        ("discharge_over_current_alarm", "0000 8000", "00"),
        ("internal_communication_alarm", "0000 0001", "00"),
        ("charge_under_temperature_alarm", "0000 0010", "00"),
        ("discharge_under_temperature_alarm", "0000 0020", "00"),
        ("ambient_under_temperature_alarm", "0000 0020", "00"),
        ("charge_over_temperature_alarm", "0000 0040", "00"),
        ("discharge_over_temperature_alarm", "0000 0080", "00"),
        ("mosfet_over_temperature_alarm", "0000 0080", "00"),
        ("ambient_over_temperature_alarm", "0000 0080", "00"),
        ("low_soc_alarm", "0000 0000", "00"),
        ("cell_imbalance_alarm", "0000 0000", "00"),
        ("temperature_imbalance_alarm", "0000 0000", "00"),
    ];
    assert_eq!(cases.len(), refbms::Condition::ALL.len(), "every condition is listed");
    let mut bench = Bench::can(packs(2));
    for (name, flags, faults) in cases {
        bench.force(name, true);
        let frames = bench.next_cycle();
        let flags = flags.replace(' ', "");
        assert_eq!(frames["312"], format!("{flags}02000020"), "{name}");
        assert_eq!(frames["323"], format!("20000000{faults}000000"), "{name}");
        let tripped = &flags[..4] != "0000";
        let status = u8::from_str_radix(&frames["311"][14..], 16).unwrap();
        assert_eq!(status & 0x04 != 0, tripped, "{name}: error_valid");
        assert_eq!(&frames["319"][14..], if tripped { "01" } else { "00" }, "{name}");
        // The outputs of 0x311 are the enables of 0x319.
        let enables = u8::from_str_radix(&frames["319"][..2], 16).unwrap() >> 6;
        let outputs = (status >> 6 & 1) << 1 | status >> 5 & 1;
        assert_eq!(enables, outputs, "{name}");
        bench.force(name, false);
        bench.run_for(4000);
        bench.expect_frames(&[("312", "0000 0000 02 0000 20"), ("319", "C0 0CE4 0CE4 01 01 00")]);
    }
}

#[test]
fn the_pack_that_has_tripped_is_named() {
    let mut bench = Bench::can(packs(3));
    let trip = |bench: &mut Bench, pack, active| {
        let condition = refbms::Condition::from_name("cell_over_voltage_protection").unwrap();
        bench.set_pack(pack, Setting::Condition { condition, active });
    };
    trip(&mut bench, 3, true);
    bench.expect_frames(&[("319", "C0 0CE4 0CE4 01 01 03")]);
    trip(&mut bench, 2, true);
    bench.expect_frames(&[("319", "C0 0CE4 0CE4 01 01 02")]);
    trip(&mut bench, 2, false);
    trip(&mut bench, 3, false);
    bench.expect_frames(&[("319", "C0 0CE4 0CE4 01 01 00")]);
}

#[test]
fn what_takes_the_limits_back_is_told() {
    let mut bench = Bench::can(packs(2));
    let temperature = |decidegrees| Setting::CellTemperature {
        sensor: Some(3),
        decidegrees,
    };
    let expect = |bench: &mut Bench, reason: &str| {
        let frames = bench.next_cycle();
        assert_eq!(&frames["312"][10..14], reason, "{frames:?}");
    };
    expect(&mut bench, "0000");
    bench.set_pack(2, cell(5, 3451));
    expect(&mut bench, "0001");
    bench.set_pack(2, cell(5, 2999));
    expect(&mut bench, "0002");
    bench.set_pack(2, cell(5, 3300));
    bench.set_pack(1, temperature(451));
    expect(&mut bench, "0004");
    bench.set_pack(1, temperature(149));
    expect(&mut bench, "0008");
    bench.set_pack(1, temperature(150));
    bench.set(Setting::MosfetTemperature { decidegrees: 701 });
    expect(&mut bench, "0400");
    bench.set(Setting::MosfetTemperature { decidegrees: 700 });
    bench.set(Setting::FullHold(true));
    expect(&mut bench, "0200");
}

/// B-078, Q-18: request 1 alone, on bit 5; bit 4 is never set.
#[test]
fn force_charge() {
    let mut bench = Bench::can(packs(1));
    for (soc, flags) in [(14, "C0"), (11, "C0"), (10, "E0"), (14, "E0"), (15, "C0")] {
        bench.set(Setting::soc_percent(soc));
        let frames = bench.next_cycle();
        assert_eq!(&frames["319"][..2], flags, "{soc} %");
    }
    bench.set(Setting::FullChargeRequest(Switch::On));
    let frames = bench.next_cycle();
    assert_eq!(&frames["319"][..2], "C0", "there is no request for a full charge");
}

#[test]
fn run_state_and_balancing() {
    let mut bench = Bench::can(packs(1));
    for (milliamperes, state) in [
        (900, 1),
        (1000, 2),
        (700, 2),
        (600, 1),
        (-900, 1),
        (-1000, 3),
        (-700, 3),
        (-600, 1),
    ] {
        bench.set(Setting::Current { milliamperes });
        let frames = bench.next_cycle();
        let status = u8::from_str_radix(&frames["311"][14..], 16).unwrap();
        assert_eq!(status, 0x60 | state, "{milliamperes} mA");
    }
    // B-028: a charged pack with one cell above the others.
    bench.set(Setting::Current { milliamperes: 5000 });
    bench.set(Setting::CellVoltage {
        cell: None,
        millivolts: 3420,
    });
    bench.set(cell(6, 3450));
    bench.expect_frames(&[("311", "0240 07D0 07D0 006A")]);
}

/// without a valid 0x301 everything is withdrawn after 600 s, and comes back with the next.
#[test]
fn an_inverter_that_stays_silent_is_given_nothing() {
    let mut bench = Bench::can(packs(2));
    // It began to speak at 2 s: at 602 s there have been exactly 600 s.
    bench.run_to(601_900);
    bench.expect_frames(&[("319", "C0 0CE4 0CE4 01 01 00"), ("323", "20 000000 00 000000")]);
    bench.expect_frames(&[
        ("311", "0240 0000 0000 0101"),
        ("312", "0000 0002 02 2000 20"),
        ("313", "14A0 0000 00FA 3264"),
        ("319", "00 0CE4 0CE4 01 01 00"),
        ("323", "20 000000 04 000000"),
    ]);
    // Neither another payload nor another length, format or kind is a sign of life.
    for wrong in [
        "301#1122334455667788",
        "301#0B16212C37424D",
        "301#",
        "00000301#0B16212C37424D58",
        "301#R8",
        "305#0000000000000000",
        "311#0B16212C37424D58",
    ] {
        bench.bms.handle_can(bench.now, &frame(wrong));
        bench.expect_frames(&[("311", "0240 0000 0000 0101")]);
    }
    assert!(bench.bms.status().inverter_lost);
    bench.bms.handle_can(bench.now, &frame(KEEPALIVE));
    assert!(!bench.bms.status().inverter_lost);
    bench.expect_frames(&[
        ("311", "0240 0FA0 0FA0 0161"),
        ("312", "0000 0000 02 0000 20"),
        ("319", "C0 0CE4 0CE4 01 01 00"),
        ("323", "20 000000 00 000000"),
    ]);
}

#[test]
fn the_patience_is_an_option_and_counts_from_the_last_keep_alive() {
    let mut bench = Bench::can(Config {
        growatt_can: GrowattCanOptions {
            inverter_patience: Duration::from_secs(5),
            ..GrowattCanOptions::default()
        },
        ..packs(1)
    });
    let allowed = |bench: &mut Bench| bench.next_cycle()["319"].starts_with("C0");
    for _ in 0..10 {
        bench.bms.handle_can(bench.now, &frame(KEEPALIVE));
        assert!(allowed(&mut bench));
    }
    // Heard 6 s before this cycle begins.
    bench.run_for(4500);
    assert!(!allowed(&mut bench));
    bench.bms.handle_can(bench.now, &frame(KEEPALIVE));
    assert!(allowed(&mut bench));
}

/// What Growatt's own packs send besides, in the states of G3 and G4.
#[test]
fn later_frames() {
    let mut bench = Bench::can(Config {
        growatt_can: GrowattCanOptions {
            later_frames: true,
            ..GrowattCanOptions::default()
        },
        ..packs(2)
    });
    bench.set_pack(1, Setting::DischargedEnergy { watt_hours: 850_400 });
    bench.set_pack(1, Setting::ChargedEnergy { watt_hours: 1_603_199 });
    bench.set_pack(2, Setting::ChargedEnergy { watt_hours: u32::MAX });
    bench.set_pack(2, cell(9, 3362));
    bench.set_pack(2, cell(7, 3257));
    // CST280A000000001 and CST280A000000002; 42,949,672 tenths of a kWh do not fit three bytes.
    let (first, second) = ("0100213801003E9F", "0200000002FFFFFF");
    let expected = [
        ("0001435354323830", first),
        ("0141303030303030", second),
        ("0230303100000000", first),
        ("0002435354323830", second),
        ("0141303030303030", first),
        ("0230303200000000", second),
        ("0001435354323830", first),
    ];
    for (serial, energy) in expected {
        bench.expect_frames(&[("324", serial), ("329", energy), ("330", "0209 0207 0D22 0CB9")]);
    }
}
