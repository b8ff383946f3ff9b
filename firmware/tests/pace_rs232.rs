//! The RS232 service port as a PC sees it: questions and answers against the whole battery in virtual time.

mod bench;

use bench::{Bench, sealed};
use refbms::{
    Config, Key, PaceRs232Options, Page, PanelAction, Parameter, Power, Protocol, RecordTail, Sensor, Setting, Switch,
};

fn config(packs: u8) -> Config {
    Config {
        protocol: Protocol::PaceRs232,
        packs,
        ..Config::default()
    }
}

fn with(options: PaceRs232Options) -> Config {
    Config {
        pace_rs232: options,
        ..config(1)
    }
}

/// Everything that the sheet has.
fn everything() -> PaceRs232Options {
    PaceRs232Options {
        dangerous_writes: true,
        wireless: true,
        ..PaceRs232Options::default()
    }
}

/// A battery at its service port, one second after the end of init.
fn port(config: Config) -> Bench {
    let mut bench = Bench::new(config);
    bench.run_to(3000);
    bench
}

/// A whole frame of this family around CID2 or RTN and INFO.
fn frame(adr: u8, cid2: u8, info: &str) -> String {
    let info = info.replace(' ', "");
    let digits = format!("{:03X}", info.len());
    let sum: u32 = digits.chars().map(|digit| digit.to_digit(16).unwrap()).sum();
    let lchksum = (16 - sum % 16) % 16;
    sealed(&format!("25{adr:02X}46{cid2:02X}{lchksum:X}{digits}{info}"))
}

/// Asks with address 1, as the PC program does once it knows the pack.
#[track_caller]
fn ask(bench: &mut Bench, command: u8, info: &str) -> String {
    let question = frame(1, command, info);
    let reply = bench
        .ask(&question)
        .unwrap_or_else(|| panic!("no answer to {question}"));
    let body = &reply[1..reply.len() - 4];
    assert_eq!(reply, sealed(body), "CHKSUM");
    assert_eq!(&body[..6], "250146", "{reply}");
    assert_eq!(
        reply,
        frame(1, u8::from_str_radix(&body[6..8], 16).unwrap(), &body[12..])
    );
    format!("{} {}", &body[6..8], &body[12..])
}

/// RTN and INFO of the reply, INFO in groups as one likes.
#[track_caller]
fn expect(bench: &mut Bench, command: u8, info: &str, rtn: &str, expected: &str) {
    let reply = ask(bench, command, info);
    let expected = format!("{rtn} {}", expected.replace(' ', ""));
    assert_eq!(reply, expected, "answer to {command:02X} {info}");
}

#[track_caller]
fn data(bench: &mut Bench, command: u8, info: &str, expected: &str) {
    expect(bench, command, info, "00", expected);
}

#[track_caller]
fn refused(bench: &mut Bench, command: u8, info: &str) {
    expect(bench, command, info, "09", "");
}

fn cell(cell: u8, millivolts: u16) -> Setting {
    Setting::CellVoltage {
        cell: Some(cell),
        millivolts,
    }
}

fn sensor(sensor: u8, decidegrees: i16) -> Setting {
    Setting::CellTemperature {
        sensor: Some(sensor),
        decidegrees,
    }
}

/// The state of the constructed vectors, on every pack.
fn set_state(bench: &mut Bench) {
    for number in 1..=16 {
        bench.set(cell(number, 3299 + u16::from(number)));
    }
    for (number, decidegrees) in (1..).zip([255, 250, 245, -124]) {
        bench.set(sensor(number, decidegrees));
    }
    bench.set(Setting::MosfetTemperature { decidegrees: 300 });
    bench.set(Setting::AmbientTemperature { decidegrees: 280 });
    bench.set(Setting::Current { milliamperes: -10_050 });
    bench.set(Setting::RemainingCapacity {
        milliampere_hours: 224_000,
    });
    bench.set(Setting::CycleCount { cycles: 12 });
    bench.set(Setting::Soh { percent: 99 });
    // 1234 and 1200 Ah at 51.2 V.
    bench.set(Setting::ChargedEnergy { watt_hours: 63_181 });
    bench.set(Setting::DischargedEnergy { watt_hours: 61_440 });
    bench.set(Setting::PackVoltage {
        millivolts: Some(52_910),
    });
}

/// Cells and temperatures of that state.
const SENSED: &str = "100CE40CE50CE60CE70CE80CE90CEA0CEB0CEC0CED0CEE0CEF0CF00CF10CF20CF3 060BA90BA40B9F0A2E0BD60BC2";
/// Its current, voltage and remaining capacity; full capacity, cycles and design capacity stand behind P.
const MEASURED: &str = "FC13 CEAE 5780";
const CAPACITIES: &str = "6D60 000C 6D60";

/// "V3.1 full record", "2018 record", and the tails between; the sheet's vector has other numbers in its second
/// measurements of voltage and current than this battery, which derives them from the same sensors.
#[test]
fn measurements_with_each_tail() {
    let tails = [
        (RecordTail::None, "03", ""),
        (RecordTail::One, "02", "50"),
        (RecordTail::Ten, "02", "50 000004D2 000004B0 63"),
        (RecordTail::Fourteen, "09", "50 000004D2 000004B0 63 CEB8 FC13"),
        (
            RecordTail::All,
            "09",
            "50 000004D2 000004B0 63 CEB8 FC13 00005780 00006D60",
        ),
    ];
    let lengths = [0x07A, 0x07C, 0x08E, 0x096, 0x0A6];
    for ((record_tail, p, tail), length) in tails.into_iter().zip(lengths) {
        let mut bench = port(with(PaceRs232Options {
            record_tail,
            ..PaceRs232Options::default()
        }));
        set_state(&mut bench);
        let info = format!("00 01 {SENSED} {MEASURED} {p} {CAPACITIES} {tail}");
        data(&mut bench, 0x42, "01", &info);
        assert_eq!(info.replace(' ', "").len(), length);
    }
    // The document's question with address 00 is answered with the pack's own.
    let mut bench = port(config(1));
    set_state(&mut bench);
    let reply = frame(
        1,
        0x00,
        &format!("00 01 {SENSED} {MEASURED} 09 {CAPACITIES} 50 000004D2 000004B0 63 CEB8 FC13 00005780 00006D60"),
    );
    bench.expect_reply("~25004642E00201FD31", &reply);
    bench.expect_reply("~25014642E00201FD30", &reply);
    // Nobody is left out by FF.
    bench.expect_reply("~25004642E002FFFD06", &reply);
}

/// The reply of the vendor's document: what it does not tell is cut off.
#[test]
fn measurements_of_the_document() {
    let mut bench = port(with(PaceRs232Options {
        record_tail: RecordTail::None,
        ..PaceRs232Options::default()
    }));
    let cells = [
        3394, 3348, 3347, 3347, 3347, 3347, 3347, 3347, 3345, 3346, 3347, 3345, 3345, 3346, 3344, 3347,
    ];
    for (number, millivolts) in (1..).zip(cells) {
        bench.set(cell(number, millivolts));
    }
    for (number, decidegrees) in (1..).zip([269, 269, 270, 268]) {
        bench.set(sensor(number, decidegrees));
    }
    bench.set(Setting::MosfetTemperature { decidegrees: 265 });
    bench.set(Setting::AmbientTemperature { decidegrees: 275 });
    bench.set(Setting::DesignCapacity {
        milliampere_hours: 50_000,
    });
    bench.set(Setting::FullCapacity {
        milliampere_hours: 50_000,
    });
    bench.set(Setting::RemainingCapacity {
        milliampere_hours: 47_500,
    });
    bench.set(Setting::CycleCount { cycles: 0 });
    // The same bytes as in the document, from address 1.
    let info = "0001100D420D140D130D130D130D130D130D130D110D120D130D110D110D120D100D13060BB70BB70BB80BB60BB30BBD\
                0000D155128E03138800001388";
    data(&mut bench, 0x42, "01", info);
}

#[test]
fn measurements_saturate_and_missing_sensors_say_so() {
    let mut bench = port(with(PaceRs232Options {
        record_tail: RecordTail::None,
        ..PaceRs232Options::default()
    }));
    set_state(&mut bench);
    bench.set(sensor(4, 200));
    for fitted in [Sensor::Cell(1), Sensor::Ambient] {
        bench.set(Setting::SensorFitted {
            sensor: fitted,
            fitted: false,
        });
    }
    bench.set(Setting::Current { milliamperes: 400_000 });
    bench.set(Setting::PackVoltage {
        millivolts: Some(70_000),
    });
    bench.set(Setting::DesignCapacity {
        milliampere_hours: 700_000,
    });
    let reply = ask(&mut bench, 0x42, "01");
    assert!(
        reply.ends_with("0680000BA40B9F0B720BD680007FFFFFFF5780036D60000CFFFF"),
        "{reply}"
    );
    for (milliamperes, raw) in [
        (-400_000, "8000"),
        (-10, "FFFF"),
        (-327_680, "8000"),
        (14, "0001"),
        (15, "0002"),
        (-15, "FFFE"),
    ] {
        bench.set(Setting::Current { milliamperes });
        let reply = ask(&mut bench, 0x42, "01");
        let at = reply.len() - 26;
        assert_eq!(&reply[at..at + 4], raw, "{milliamperes} mA");
    }
}

/// "Two packs, tail 14, second one absent", and "Largest stack": a pack that is missed stays in the list.
#[test]
fn a_stack_is_shown_by_its_master() {
    let mut bench = port(Config {
        pace_rs232: PaceRs232Options {
            record_tail: RecordTail::Fourteen,
            ..PaceRs232Options::default()
        },
        ..config(2)
    });
    set_state(&mut bench);
    bench.bms.unplug(bench.now, 2).unwrap();
    let present = format!("{SENSED} {MEASURED} 09 {CAPACITIES} 50 000004D2 000004B0 63 CEB8 FC13");
    data(&mut bench, 0x42, "FF", &format!("00 02 {present} {present}"));
    bench.run_for(6000);
    let absent = format!(
        "10 {} 06 {} 000000000000 09 000000000000 50 00000000 00000000 63 00000000",
        "0000".repeat(16),
        "0AAA".repeat(6)
    );
    data(&mut bench, 0x42, "FF", &format!("00 02 {present} {absent}"));
    data(&mut bench, 0x42, "02", &format!("00 02 {absent}"));
    data(&mut bench, 0x42, "01", &format!("00 01 {present}"));
    data(&mut bench, 0x42, "00", &format!("00 00 {present}"));
    data(&mut bench, 0x90, "", "02");
    let alarms = format!("10 {} 06 {} 00", "00".repeat(16), "00".repeat(18));
    data(&mut bench, 0x44, "02", &format!("00 02 {alarms}"));
    for nobody in ["03", "0F", "10", "80", "FE"] {
        refused(&mut bench, 0x42, nobody);
        refused(&mut bench, 0x44, nobody);
    }
    bench.bms.plug(bench.now, 2).unwrap();
    bench.run_for(1000);
    data(&mut bench, 0x42, "02", &format!("00 02 {present}"));
}

/// The capacities of the bank are sums, also beyond 655.35 Ah, and follow who is online.
#[test]
fn capacities_of_the_bank_are_sums() {
    let mut bench = port(config(4));
    for (pack, milliampere_hours) in (1..).zip([224_000, 100_005, 50_000, 25_000]) {
        bench.set_pack(pack, Setting::RemainingCapacity { milliampere_hours });
    }
    let sums = |bench: &mut Bench, command: &str| {
        let reply = ask(bench, 0x42, command);
        reply[reply.len() - 16..].to_owned()
    };
    // 399.005 Ah, 1120 Ah.
    assert_eq!(sums(&mut bench, "01"), "00009BDD0001B580");
    assert_eq!(sums(&mut bench, "04"), "00009BDD0001B580");
    assert_eq!(sums(&mut bench, "FF"), "00009BDD0001B580");
    bench.bms.unplug(bench.now, 4).unwrap();
    bench.run_for(6000);
    assert_eq!(sums(&mut bench, "01"), "000092190001482 0".replace(' ', ""));
    // A whole stack of V3.1: 2 + 4 x 81 bytes.
    assert_eq!(ask(&mut bench, 0x42, "FF").len(), 3 + 2 * (2 + 4 * 81));
    assert_eq!(ask(&mut bench, 0x44, "FF").len(), 3 + 2 * (2 + 4 * 41));
}

/// Q-11, Q-12 and the table of addresses: a pack with DIP 2 to 15 knows only itself.
#[test]
fn who_answers_by_dip() {
    for dip in 0..=15 {
        let mut bench = port(Config { dip, ..config(3) });
        bench.set_pack(1, cell(1, 3333));
        let own = dip.max(1);
        let count = if own == 1 { "03" } else { "01" };
        bench.expect_reply(&frame(0, 0x90, ""), &frame(own, 0x00, count));
        // Any address is answered on a line with two ends.
        for adr in [0x00, 0x01, 0x07, 0x10, 0xFF] {
            let reply = bench.ask(&frame(adr, 0x42, "01")).unwrap();
            assert_eq!(&reply[..17], &format!("~25{own:02X}460000A60001"));
            assert_eq!(&reply[17..23], "100D05");
        }
        if own != 1 {
            // By its own number it shows a record without values, as a real board.
            let reply = bench.ask(&frame(0, 0x42, &format!("{dip:02X}"))).unwrap();
            assert_eq!(&reply[15..23], &format!("{dip:02X}100000"));
            let reply = bench.ask(&frame(0, 0x42, "FF")).unwrap();
            assert_eq!((&reply[9..13], &reply[15..23]), ("00A6", "01100D05"));
            let other = if dip == 2 { 3 } else { 2 };
            bench.expect_reply(&frame(0, 0x44, &format!("{other:02X}")), &frame(own, 0x09, ""));
        }
    }
}

/// A battery at rest, with its limiter not fitted; then the states of captures.
#[test]
fn alarms_of_a_battery_at_rest() {
    let mut bench = port(with(PaceRs232Options {
        record_tail: RecordTail::None,
        ..PaceRs232Options::default()
    }));
    let healthy = |indication: &str, control: &str| {
        format!(
            "00 01 10 {} 06 {} 000000 0000 {indication} {control} 00 0000 0000",
            "00".repeat(16),
            "00".repeat(6)
        )
    };
    data(&mut bench, 0x44, "01", &healthy("06", "10"));
    bench.set(Setting::ChargeCurrentLimiter(Switch::Automatic));
    data(&mut bench, 0x44, "01", &healthy("06", "00"));
    bench.set(Setting::Current { milliamperes: -2250 });
    // The capture of a 100 Ah pack under load, byte for byte.
    bench.expect_reply(
        "~25014644E00201FD2E",
        "~25014600004C000110000000000000000000000000000000000600000000000000000000000E000000000000EF3A",
    );
    bench.set(Setting::Current { milliamperes: 2250 });
    data(&mut bench, 0x44, "01", &healthy("26", "00"));
    bench.set(Setting::Heater(true));
    bench.set(Setting::Buzzer(true));
    bench.set(Setting::ChargeCurrentLimiter(Switch::On));
    data(&mut bench, 0x44, "01", &healthy("A7", "01"));
}

/// Each condition alone: its bit, and the alarm that comes with a protection.
#[test]
fn every_condition_has_its_bit() {
    // Name, then the bytes that are not as at rest, counted from protection_status_1: 0 protection_1, 1 protection_2,
    // 4 fault_5, 7 warning_1, 8 warning_2, 9 fault_8.
    let cases: [(&str, &[(usize, u8)]); 38] = [
        ("cell_over_voltage_alarm", &[(7, 0x01)]),
        ("cell_under_voltage_alarm", &[(7, 0x02)]),
        ("pack_over_voltage_alarm", &[(7, 0x04)]),
        ("pack_under_voltage_alarm", &[(7, 0x08)]),
        ("charge_over_current_alarm", &[(7, 0x10)]),
        ("discharge_over_current_alarm", &[(7, 0x20)]),
        ("charge_over_temperature_alarm", &[(8, 0x01)]),
        ("discharge_over_temperature_alarm", &[(8, 0x02)]),
        ("charge_under_temperature_alarm", &[(8, 0x04)]),
        ("discharge_under_temperature_alarm", &[(8, 0x08)]),
        ("ambient_over_temperature_alarm", &[(8, 0x10)]),
        ("ambient_under_temperature_alarm", &[(8, 0x20)]),
        ("mosfet_over_temperature_alarm", &[(8, 0x40)]),
        ("low_soc_alarm", &[(8, 0x80)]),
        ("cell_imbalance_alarm", &[]),
        ("temperature_imbalance_alarm", &[(9, 0x02)]),
        // The only pack of a bank misses nobody.
        ("internal_communication_alarm", &[(4, 0x08), (9, 0x20)]),
        ("cell_over_voltage_protection", &[(0, 0x01), (7, 0x01)]),
        ("cell_under_voltage_protection", &[(0, 0x02), (7, 0x02)]),
        ("pack_over_voltage_protection", &[(0, 0x04), (7, 0x04)]),
        ("pack_under_voltage_protection", &[(0, 0x08), (7, 0x08)]),
        ("charge_over_current_protection", &[(0, 0x10), (7, 0x10)]),
        ("charge_over_current_2_protection", &[(0, 0x10), (7, 0x10)]),
        ("discharge_over_current_protection", &[(0, 0x20), (7, 0x20)]),
        ("discharge_over_current_2_protection", &[(0, 0x20), (7, 0x20)]),
        ("short_circuit_protection", &[(0, 0x40)]),
        ("charger_over_voltage_protection", &[(0, 0x80)]),
        ("charge_over_temperature_protection", &[(1, 0x01), (8, 0x01)]),
        ("discharge_over_temperature_protection", &[(1, 0x02), (8, 0x02)]),
        ("charge_under_temperature_protection", &[(1, 0x04), (8, 0x04)]),
        ("discharge_under_temperature_protection", &[(1, 0x08), (8, 0x08)]),
        ("mosfet_over_temperature_protection", &[(1, 0x10), (8, 0x40)]),
        ("ambient_over_temperature_protection", &[(1, 0x20), (8, 0x10)]),
        ("ambient_under_temperature_protection", &[(1, 0x40), (8, 0x20)]),
        ("charge_mosfet_fault", &[(4, 0x01)]),
        ("discharge_mosfet_fault", &[(4, 0x02)]),
        ("cell_fault", &[(4, 0x10)]),
        ("sampling_fault", &[(4, 0x20)]),
    ];
    for (name, changed) in cases {
        let mut bench = port(config(1));
        bench.force(name, true);
        let reply = ask(&mut bench, 0x44, "01");
        let byte = |at: usize| u8::from_str_radix(&reply[3 + 2 * at..5 + 2 * at], 16).unwrap();
        for at in [0, 1, 4, 7, 8, 9] {
            let expected = changed
                .iter()
                .find(|(place, _)| *place == at)
                .map_or(0, |(_, value)| *value);
            assert_eq!(byte(29 + at), expected, "{name}: byte {at} of {reply}");
        }
    }
    let mut bench = port(config(1));
    bench.force("temperature_sensor_fault", true);
    assert_eq!(&ask(&mut bench, 0x44, "01")[3 + 2 * 33..][..2], "04");
    bench.force("temperature_sensor_fault", false);
    bench.force("soft_start_fault", true);
    assert_eq!(&ask(&mut bench, 0x44, "01")[3 + 2 * 33..][..2], "02");
    let mut bench = port(config(1));
    bench.set(Setting::FullyCharged(true));
    assert_eq!(&ask(&mut bench, 0x44, "01")[3 + 2 * 30..][..2], "80");
}

/// "V3.1 44H": codes, bits and balancing in one reply; what this battery cannot have is 0.
#[test]
fn the_long_alarm_record() {
    let mut bench = port(with(everything()));
    data(&mut bench, 0x99, "0A", "0A 00");
    data(&mut bench, 0x99, "09", "09 08");
    bench.set(cell(3, 3610));
    bench.set(cell(16, 2790));
    bench.set(sensor(1, 550));
    bench.set(Setting::Current { milliamperes: 210_000 });
    bench.run_for(3000);
    // Cell 3 high and balanced, cell 16 low, temperature 1 high while charging and discharging, charge current high.
    data(
        &mut bench,
        0x44,
        "01",
        "00 01 10 00000200000000000000000000000001 06 020000000000 02 00 00 00 03 21 08 00 0000 13 03 00 02 0000 00",
    );
    // Without the temperature protection, which lets nothing be balanced; the limiter acts for five minutes.
    bench.set(sensor(1, 250));
    bench.set(Setting::Current { milliamperes: 10_000 });
    bench.run_for(3000);
    data(
        &mut bench,
        0x44,
        "01",
        "00 01 10 00000200000000000000000000000001 06 000000000000 00 00 00 00 00 27 08 00 0400 03 00 00 02 0000 00",
    );
    data(&mut bench, 0x6B, "", "00");
    data(&mut bench, 0x6A, "01", "");
    data(&mut bench, 0x6B, "", "01");
    data(&mut bench, 0x68, "", "01");
    let tail = |bench: &mut Bench| ask(bench, 0x44, "01")[3 + 2 * 34..].to_owned();
    assert_eq!(tail(&mut bench), "0000 0300 00 02 0400 00".replace(' ', ""));
    refused(&mut bench, 0x6A, "02");
    // Test mode switches all balancers on until the battery is restarted.
    data(&mut bench, 0xFF, "01", "");
    data(&mut bench, 0x6A, "00", "");
    assert_eq!(&ask(&mut bench, 0x44, "01")[3 + 2 * 32..], "8800FFFF03000002000000");
    bench.bms.power_cycle(bench.now);
    bench.run_for(3000);
    assert_eq!(&ask(&mut bench, 0x44, "01")[3 + 2 * 32..][..8], "08000400");
}

/// Field problem: with a limit of 3600 mV, 3599 mV is normal and 3601 mV is above.
#[test]
fn codes_follow_the_alarm_thresholds() {
    let code = |bench: &mut Bench, at: usize| ask(bench, 0x44, "01")[3 + 2 * at..][..2].to_owned();
    let mut bench = port(config(1));
    bench.set(cell(5, 3599));
    bench.run_for(2000);
    assert_eq!(code(&mut bench, 7), "00");
    bench.set(cell(5, 3601));
    bench.run_for(2000);
    assert_eq!(code(&mut bench, 7), "02");
    assert_eq!(code(&mut bench, 36), "01");
    bench.set(Setting::PackVoltage {
        millivolts: Some(57_741),
    });
    bench.run_for(2000);
    assert_eq!(code(&mut bench, 27), "02");
    bench.set(Setting::PackVoltage {
        millivolts: Some(44_000),
    });
    bench.run_for(2000);
    assert_eq!(code(&mut bench, 27), "01");
    bench.set(Setting::MosfetTemperature { decidegrees: 950 });
    bench.set(Setting::AmbientTemperature { decidegrees: -210 });
    bench.set(sensor(3, 25));
    bench.run_for(3000);
    assert_eq!(&ask(&mut bench, 0x44, "01")[3 + 2 * 20..][..12], "000001000201");
    bench.set(Setting::AmbientTemperature { decidegrees: 660 });
    bench.run_for(3000);
    assert_eq!(code(&mut bench, 25), "02");
    bench.set(Setting::SensorFitted {
        sensor: Sensor::Cell(2),
        fitted: false,
    });
    bench.run_for(3000);
    assert_eq!(code(&mut bench, 21), "F0");
    bench.set(Setting::Current { milliamperes: -215_000 });
    bench.run_for(3000);
    assert_eq!((code(&mut bench, 26), code(&mut bench, 28)), ("00".into(), "02".into()));
}

/// The captures of one board, which has other thresholds: written here first, then read back.
#[test]
fn thresholds_of_a_real_board() {
    let captures = [
        (0xD0, 0xD1, "01 0E10 0E74 0D34 0A"),
        (0xD4, 0xD5, "01 E100 E740 D2F0 0A"),
        (0xD4, 0xD5, "01 E10A E740 D2F0 0A"),
        (0xD8, 0xD9, "01 0068 006E 0A"),
        (0xE2, 0xE3, "0096 04 0096 04"),
        (0xE4, 0xE5, "0C"),
        (0xDC, 0xDD, "01 0CA8 0CD0 0C9E 0CDA 0D02 0CD0"),
        (0xE6, 0xE7, "01 09E2 09B0 09E2 0D34 0D66 0D34"),
        (0xA8, 0xA0, "0C1C 0005"),
        (0xAE, 0xAF, "DAC0 07D0 05"),
        (0xEE, 0xED, "0064"),
        // Constructed.
        (0xD2, 0xD3, "01 0B22 0A28 0B54 0A"),
        (0xD6, 0xD7, "01 B2C0 A410 B9C8 0A"),
        (0xB5, 0xB6, "0D7A 0014"),
        (0xDE, 0xDF, "01 0ABE 0A96 0AC8 0A46 09F6 0A5A"),
        (0xE0, 0xE1, "01 0DFC 0E92 0D98"),
    ];
    let mut bench = port(config(1));
    for (set, read, info) in captures {
        data(&mut bench, set, info, "");
        data(&mut bench, read, "", info);
        // Switched off.
        if info.starts_with("01") && set != 0xE4 {
            let off = info.replacen("01", "00", 1);
            data(&mut bench, set, &off, "");
            data(&mut bench, read, "", &off);
            refused(&mut bench, set, &info.replacen("01", "02", 1));
        }
    }
    // Positive when written, negative when read.
    data(&mut bench, 0xDA, "01 0069 006E 0A", "");
    data(&mut bench, 0xDB, "", "01 FF97 FF92 0A");
    refused(&mut bench, 0xDA, "01 FF97 FF92 0A");
    // Short and long forms.
    data(&mut bench, 0xE2, "00C8 08", "");
    data(&mut bench, 0xE3, "", "00C8 08 0096 04");
    data(&mut bench, 0xAE, "DB24 03E8", "");
    data(&mut bench, 0xAF, "", "DB24 03E8 05");
    data(&mut bench, 0xDA, "01 00C8 00DC 00B4 0A", "");
    data(&mut bench, 0xDB, "", "01 FF38 FF24 0A");
    assert_eq!(
        bench.pack().parameters.get(Parameter::DischargeOverCurrentAlarmRelease),
        1800
    );
    data(&mut bench, 0xD8, "00 0061 0062 0063 0B", "");
    data(&mut bench, 0xD9, "", "00 0061 0062 0B");
}

#[test]
fn thresholds_as_delivered() {
    let delivered = [
        (0xD1, "01 0E10 0E42 0D34 0A"),
        (0xD3, "01 0AF0 0A8C 0B86 0A"),
        (0xD5, "01 E100 E420 D2F0 0A"),
        (0xD7, "01 AF00 A8C0 B860 0A"),
        (0xD9, "01 00CD 00DC 0A"),
        (0xDB, "01 FF2E FF24 0A"),
        (0xDD, "01 0CA8 0CD0 0C9E 0CB2 0CD0 0C9E"),
        (0xDF, "01 0AC8 0AAA 0AC8 0A14 09E2 0A14"),
        (0xE1, "01 0E2E 0EC4 0DFC"),
        (0xE3, "012C 04 012C 04"),
        (0xE5, "0C"),
        (0xE7, "01 09E2 09B0 09E2 0D34 0D66 0D34"),
        (0xA0, "0C1C 0005"),
        (0xAF, "DAC0 15E0 0F"),
        (0xB6, "0D48 001E"),
        (0xED, "000A"),
    ];
    let mut bench = port(config(1));
    for (read, info) in delivered {
        data(&mut bench, read, "", info);
        refused(&mut bench, read, "00");
    }
    let mut bench = port(with(PaceRs232Options {
        long_over_current: true,
        negative_discharge_thresholds: false,
        ..PaceRs232Options::default()
    }));
    data(&mut bench, 0xD9, "", "01 00CD 00DC 00C8 0A");
    data(&mut bench, 0xDB, "", "01 00D2 00DC 00CD 0A");
}

#[test]
fn a_threshold_out_of_range_changes_nothing() {
    let mut bench = port(config(1));
    let before = bench.pack().parameters;
    for (set, info) in [
        (0xD0, "01 1195 0E74 0D34 0A"),
        (0xD0, "01 0E10 0E74 0D34 00"),
        (0xD2, "01 0B22 0A28 03E8 0A"),
        (0xD6, "01 B2C0 A410 0000 0A"),
        (0xDC, "01 0CA8 0CD0 0C9E 0CDA 0D02 0FFF"),
        (0xDE, "01 0ABE 0A96 0AC8 0A46 0000 0A5A"),
        (0xE4, "00"),
        (0xE4, "15"),
        (0xB5, "0D7A 0000"),
        (0xAE, "DAC0 07D0 65"),
        (0xEE, "0000"),
        (0xD0, "01 0E10 0E74 0D34"),
        (0xD0, "01 0E10 0E74 0D34 0A 00"),
        (0xD0, ""),
        (0xD8, "01 0068 006E 0A 0A"),
        (0xE2, "0096"),
    ] {
        refused(&mut bench, set, info);
        assert_eq!(bench.pack().parameters, before, "{set:02X} {info}");
    }
}

/// A function that is switched off is not looked for, whatever the cells say.
#[test]
fn a_function_switched_off_protects_no_more() {
    let mut bench = port(config(1));
    bench.set(cell(1, 2690));
    bench.run_for(3000);
    let protections = |bench: &mut Bench| ask(bench, 0x44, "01")[3 + 2 * 29..][..4].to_owned();
    assert_eq!(protections(&mut bench), "0200");
    data(&mut bench, 0xD2, "00 0AF0 0A8C 0B86 0A", "");
    assert_eq!(protections(&mut bench), "0000");
    assert!(bench.pack().discharge_enable);
    // A restart does not bring it back.
    bench.bms.power_cycle(bench.now);
    bench.run_for(6000);
    assert_eq!(protections(&mut bench), "0000");
    data(&mut bench, 0xD2, "01 0AF0 0A8C 0B86 0A", "");
    bench.run_for(3000);
    assert_eq!(protections(&mut bench), "0200");
}

/// Captures of 99, 9A and 9B; the charger makes bit 5.
#[test]
fn switches_of_a_real_board() {
    let mut bench = port(config(1));
    data(&mut bench, 0x99, "0A", "0A 00");
    data(&mut bench, 0x99, "0D", "0D 01");
    assert!(bench.pack().buzzer_on);
    data(&mut bench, 0x99, "0C", "0C 00");
    assert!(!bench.pack().buzzer_on);
    bench.bms.charger(bench.now, Some(60_000));
    data(&mut bench, 0x9A, "00", "26");
    data(&mut bench, 0x9A, "01", "24");
    assert!(!bench.pack().charge_mosfet_on);
    data(&mut bench, 0x99, "06", "06 02");
    data(&mut bench, 0x99, "07", "07 22");
    data(&mut bench, 0x99, "0A", "0A 22");
    data(&mut bench, 0x99, "0B", "0B 32");
    data(&mut bench, 0x99, "09", "09 3A");
    bench.bms.charger(bench.now, None);
    // Both may not be open.
    expect(&mut bench, 0x9B, "01", "09", "04");
    data(&mut bench, 0x9B, "00", "04");
    data(&mut bench, 0x9A, "00", "06");
    data(&mut bench, 0x9B, "01", "02");
    expect(&mut bench, 0x9A, "01", "09", "02");
    data(&mut bench, 0x99, "08", "08 34");
    data(&mut bench, 0x99, "05", "05 74");
    data(&mut bench, 0x99, "04", "04 34");
    data(&mut bench, 0x9B, "00", "06");
    refused(&mut bench, 0x9A, "02");
    refused(&mut bench, 0x9B, "");
    for code in ["00", "01", "11", "12", "13", "D0", "DF", "FF"] {
        refused(&mut bench, 0x99, code);
    }
}

/// Against a current that would flow through the body diode no MOSFET is opened.
#[test]
fn a_mosfet_is_not_opened_against_the_current() {
    let mut bench = port(config(1));
    bench.set(Setting::Current { milliamperes: -5000 });
    expect(&mut bench, 0x9A, "01", "09", "0E");
    data(&mut bench, 0x9B, "01", "0A");
    data(&mut bench, 0x9B, "00", "0E");
    bench.set(Setting::Current { milliamperes: 5000 });
    expect(&mut bench, 0x9B, "01", "09", "26");
    data(&mut bench, 0x9A, "01", "24");
}

/// 99 02 and 03: cells are balanced at rest, or only while a current flows in.
#[test]
fn static_balancing() {
    let mut bench = port(config(1));
    bench.set(cell(9, 3450));
    let balanced = |bench: &mut Bench| ask(bench, 0x44, "01")[3 + 2 * 34..][..4].to_owned();
    assert_eq!(balanced(&mut bench), "0001");
    data(&mut bench, 0x99, "03", "03 10");
    assert_eq!(balanced(&mut bench), "0000");
    bench.set(Setting::Current { milliamperes: 5000 });
    assert_eq!(balanced(&mut bench), "0001");
    bench.set(Setting::Current { milliamperes: 0 });
    data(&mut bench, 0x99, "02", "02 10");
    assert_eq!(balanced(&mut bench), "0001");
}

/// EB and EC: the selection shows at once, on the display too, and survives a restart.
#[test]
fn the_inverter_protocol_is_selected() {
    let mut bench = port(config(1));
    bench.expect_reply("~250046EB0000FD88", "~25014600A006010101FC74");
    assert_eq!(bench.bms.panel_view().setting.protocol_name, "pylon-can");
    let can = [
        (0x01, Some(5)),
        (0x02, Some(7)),
        (0x03, Some(12)),
        (0x04, Some(9)),
        (0x05, Some(11)),
        (0x06, Some(13)),
        (0x07, Some(14)),
        (0x08, Some(15)),
        (0x09, Some(16)),
        (0x0B, Some(17)),
        (0x0C, Some(18)),
        (0x0E, Some(19)),
        (0x0F, Some(20)),
        (0x00, None),
    ];
    for (code, setting) in can {
        data(&mut bench, 0xEC, &format!("{code:02X} FF 01"), "");
        data(&mut bench, 0xEB, "", &format!("{code:02X} 01 01"));
        if let Some(number) = setting {
            assert_eq!(bench.bms.panel_view().setting.number, number);
        }
    }
    for (code, number) in [(0, 1), (1, 4), (2, 6), (3, 3), (4, 8), (0x0C, 10), (0x0D, 2)] {
        data(&mut bench, 0xEC, &format!("FF {code:02X} FF"), "");
        data(&mut bench, 0xEB, "", &format!("00 {code:02X} 01"));
        assert_eq!(bench.bms.panel_view().setting.number, number);
    }
    // The port itself goes on as it is, whatever is selected for the others.
    assert_eq!(bench.bms.status().protocol, Some(Protocol::PaceRs232));
    data(&mut bench, 0xEC, "FF 0B 01", "");
    data(&mut bench, 0xEB, "", "00 0B 01");
    bench.expect_reply("~250046ECA006FFFF00FBF8", "~250146000000FDAE");
    data(&mut bench, 0xEB, "", "00 0B 00");
    data(&mut bench, 0xEC, "01 FF FF", "");
    data(&mut bench, 0xEB, "", "01 0B 00");
    bench.bms.power_cycle(bench.now);
    bench.run_for(3000);
    data(&mut bench, 0xEB, "", "01 0B 00");
    data(&mut bench, 0xEC, "FF FF 01", "");
    data(&mut bench, 0xEB, "", "01 0B 01");
    for wrong in [
        "03 05 01", "13 14 00", "10 FF 01", "0A FF 01", "FF 07 01", "01 01 00", "FF FF 02", "01 FF",
    ] {
        refused(&mut bench, 0xEC, wrong);
        data(&mut bench, 0xEB, "", "01 0B 01");
    }
    // The documents' requests with their stale checksums.
    bench.expect_reply("~250046EB0000FD97", "~250146020000FDAC");
    bench.expect_reply("~250046ECA006FFFF00FC07", "~250146020000FDAC");
    data(&mut bench, 0xEB, "", "01 0B 01");
    // Six NUL characters after the codes.
    let nuls = "~250046EC400C01FF01\0\0\0\0\0\0";
    let sum = nuls.bytes().skip(1).map(u16::from).sum::<u16>().wrapping_neg();
    assert_eq!(bench.ask(&format!("{nuls}{sum:04X}")), None);
    data(&mut bench, 0xEB, "", "01 0B 01");
}

#[test]
fn the_display_selects_too() {
    let mut bench = port(config(1));
    bench.run_for(4000);
    for action in [
        PanelAction::Touch,
        PanelAction::Password(82_993_060),
        PanelAction::Open(Page::Menu),
        PanelAction::Open(Page::Protocol),
        PanelAction::Password(82_993_060),
    ] {
        let _ = bench.bms.panel(bench.now, action);
    }
    let selects = [
        (22, "01 01 01"),
        (12, "03 01 01"),
        (2, "03 0D 01"),
        (10, "03 0C 01"),
        (6, "03 02 01"),
    ];
    for (number, shown) in selects {
        if bench.bms.panel(bench.now, PanelAction::SelectProtocol(number)).is_ok() {
            data(&mut bench, 0xEB, "", shown);
        } else {
            panic!("the display refuses {number}: {:?}", bench.bms.panel_view());
        }
    }
    assert!(!bench.bms.panel_view().silent);
}

/// 60 to 63.
#[test]
fn protocols_are_listed_and_set() {
    let mut bench = port(config(1));
    bench.expect_reply(
        "~250046600000FDA9",
        "~25014600D0300E000102030405060708090B0C0E0F0800010203040B0C0DF3BA",
    );
    bench.expect_reply(
        "~25004661600A0000020102FBAC",
        "~25014600B032020150594C4F4E5F43414E000247524F574154545F43414E00F306",
    );
    bench.expect_reply("~250046620000FDA7", "~25014600C0040101FCD5");
    bench.expect_reply("~25004663C0040101FCCD", "~25014600C0040101FCD5");
    let mut names = String::from("08");
    for (code, name) in [
        (0x00, "PACE_MODBUS_485"),
        (0x01, "PYLON_485"),
        (0x02, "GROWATT_485"),
        (0x03, "VOLTRON_485"),
        (0x04, "SE_485"),
        (0x0B, "LUXPOWERTEK_V01_485"),
        (0x0C, "LUXPOWERTEK_V03_485"),
        (0x0D, "WOW_MODBUS"),
    ] {
        names += &format!("{code:02X}");
        names.extend(name.bytes().map(|byte| format!("{byte:02X}")));
        names += "00";
    }
    data(&mut bench, 0x61, "01 01 08 00 01 02 03 04 0B 0C 0D", &names);
    data(&mut bench, 0x61, "00 00 00", "00");
    let longest = format!("00 00 0E {}", "05".repeat(14));
    assert_eq!(ask(&mut bench, 0x61, &longest).len(), 3 + 2 * (1 + 14 * 17));
    for wrong in [
        "",
        "00 00",
        "02 00 01 01",
        "00 02 01 01",
        "00 00 02 01",
        "00 00 01 0A",
        "00 01 01 0E",
    ] {
        refused(&mut bench, 0x61, wrong);
    }
    refused(&mut bench, 0x61, &format!("00 00 0F {}", "05".repeat(15)));
    // FF switches a port off.
    data(&mut bench, 0x63, "FF 02", "FF 02");
    data(&mut bench, 0x62, "", "FF 02");
    assert_eq!(bench.bms.panel_view().setting.number, 6);
    data(&mut bench, 0x63, "03 FF", "03 FF");
    data(&mut bench, 0xEB, "", "03 FF 01");
    refused(&mut bench, 0x63, "0A 01");
    refused(&mut bench, 0x63, "01");
    data(&mut bench, 0x62, "", "03 FF");
    let mut bench = port(with(PaceRs232Options {
        protocol_list: false,
        ..PaceRs232Options::default()
    }));
    for command in 0x60..=0x63 {
        expect(&mut bench, command, "", "04", "");
    }
    // 99 of V3.1.
    data(&mut bench, 0x99, "10", "10 10");
    data(&mut bench, 0xEB, "", "02 01 01");
    data(&mut bench, 0x99, "0E", "0E 10");
    data(&mut bench, 0xEB, "", "00 01 01");
    data(&mut bench, 0x99, "0F", "0F 10");
    data(&mut bench, 0xEB, "", "01 01 01");
}

#[test]
fn the_clock_goes_on() {
    let mut bench = port(config(1));
    bench.expect_reply("~250046B2400C1A0B160E1E05FAE9", "~250146000000FDAE");
    data(&mut bench, 0xB1, "", "1A0B160E1E05");
    bench.run_for(56_000);
    data(&mut bench, 0xB1, "", "1A0B160E1F02");
    bench.bms.sleep(bench.now);
    bench.run_for(3_600_000);
    bench.bms.wake(bench.now);
    bench.run_for(3000);
    data(&mut bench, 0xB1, "", "1A0B160F1F05");
    for wrong in [
        "1A0C200E1E05",
        "1A0B160E3C05",
        "640B160E1E05",
        "1A0B160E1E",
        "1A0B160E1E0500",
    ] {
        refused(&mut bench, 0xB2, wrong);
    }
    // BCD would be the 22nd as 22.
    data(&mut bench, 0xB2, "180815051D1F", "");
    data(&mut bench, 0xB1, "", "180815051D1F");
}

/// "newest log record": what has changed, when, and that the battery was switched on.
#[test]
fn the_log_tells_the_past() {
    let mut bench = port(with(everything()));
    // Switched on at the first of January, 2026, as far as the clock knew.
    let power_on = ask(&mut bench, 0xA1, "0000");
    assert_eq!(
        (&power_on[3..15], &power_on[power_on.len() - 8..]),
        ("1A0101000002", "00000001")
    );
    assert_eq!(power_on.len(), 3 + 2 * 72);
    data(&mut bench, 0xA1, "0001", "");
    data(&mut bench, 0xA1, "018F", "");
    set_state(&mut bench);
    // Nothing but what is to be logged.
    bench.set(sensor(4, 240));
    let sensed = SENSED.replace("0A2E", "0B9A");
    data(&mut bench, 0xB2, "1A0B160E1E02", "");
    bench.set(Setting::PackVoltage {
        millivolts: Some(52_920),
    });
    bench.force("cell_under_voltage_protection", true);
    let record = format!("1A0B160E1E02 {sensed} FC13 CEB8 5780 6D60 02 00 00 02 00 0A 000C 00 00 0000");
    data(&mut bench, 0xA1, "0000", &record);
    data(&mut bench, 0xA1, "0001", &power_on[3..]);
    bench.force("cell_under_voltage_protection", false);
    bench.run_for(4000);
    let newest = ask(&mut bench, 0xA1, "0000");
    assert_eq!(&newest[3 + 2 * 60..], "00000000000E000C00000000");
    assert_eq!(ask(&mut bench, 0xA1, "0001")[3..], record.replace(' ', ""));
    refused(&mut bench, 0xA1, "");
    refused(&mut bench, 0xA1, "00");
    data(&mut bench, 0xB3, "", "");
    data(&mut bench, 0xA1, "0000", "");
}

/// B7 to BC: marks at whole intervals between two points in time.
#[test]
fn the_timed_log() {
    let mut bench = port(with(everything()));
    data(&mut bench, 0xB8, "", "00");
    data(&mut bench, 0xBA, "", "000101000000");
    data(&mut bench, 0xBC, "", "630C1F173B3B");
    data(&mut bench, 0xB3, "", "");
    data(&mut bench, 0xB2, "1A0B160E1E05", "");
    data(&mut bench, 0xB9, "1A0B160E1F05", "");
    data(&mut bench, 0xBB, "1A0B160E2906", "");
    data(&mut bench, 0xB7, "05", "");
    data(&mut bench, 0xB8, "", "05");
    data(&mut bench, 0xBA, "", "1A0B160E1F05");
    data(&mut bench, 0xBC, "", "1A0B160E2906");
    data(&mut bench, 0xA1, "0000", "");
    bench.run_for(3_600_000);
    for (number, time) in [(0, "1A0B160E2905"), (1, "1A0B160E2405"), (2, "1A0B160E1F05")] {
        assert_eq!(&ask(&mut bench, 0xA1, &format!("{number:04X}"))[3..15], time);
    }
    data(&mut bench, 0xA1, "0003", "");
    refused(&mut bench, 0xB7, "79");
    refused(&mut bench, 0xB9, "1A0B160E3C05");
    refused(&mut bench, 0xBB, "1A0D160E1E05");
}

#[test]
fn identity() {
    let text = |text: &str| text.bytes().map(|byte| format!("{byte:02X}")).collect::<String>();
    let mut bench = port(config(1));
    data(&mut bench, 0xC1, "", &text("P16S200A-28000-1.20 "));
    data(&mut bench, 0xC2, "", &text("BMS0000000001       CST280A000000001    "));
    data(&mut bench, 0xC6, "", &text("CST-LR-51.2-280 1.2.3V1.0      "));
    data(&mut bench, 0x80, "", "00 00 0000");
    data(&mut bench, 0x64, "", &"00".repeat(13));
    data(&mut bench, 0x66, "", &format!("00 0D {}", text("             ")));
    refused(&mut bench, 0xC3, &text("BMS9999999999       "));
    refused(&mut bench, 0x65, &format!("0D {}", text("B359999999999")));

    let mut bench = port(with(everything()));
    data(&mut bench, 0xC1, "", &text("P16S200A-28000-1.20 BT280A000001        "));
    data(&mut bench, 0xC3, &text("BMS9999999999       "), "");
    data(&mut bench, 0xC4, &text("CST280B000000777-X  "), "");
    data(&mut bench, 0xC2, "", &text("BMS9999999999       CST280B000000777-X  "));
    refused(&mut bench, 0xC3, &text("BMS9999999999"));
    refused(&mut bench, 0xC4, &format!("07{}", text("ST280B000000777-X  ")));
    data(&mut bench, 0x65, &format!("0D {}", text("B359999999999")), "");
    refused(&mut bench, 0x65, &format!("0C {}", text("B359999999999")));
    data(&mut bench, 0x66, "", &format!("01 0D {}", text("B359999999999")));
    let module = ask(&mut bench, 0x64, "");
    assert_eq!(&module[3..7], "0103");
    // 13 bytes and four texts.
    assert_eq!(module.len(), 3 + 2 * (13 + 8 + 8 + 8 + 8));
    assert_eq!(&ask(&mut bench, 0x44, "01")[3 + 2 * 39..][..2], "02");
}

/// Commands that are dangerous or cannot be undone are there only when the maker wants them.
#[test]
fn dangerous_commands() {
    let dangerous = [
        (0x65, 14),
        (0x67, 18),
        (0x7E, 8),
        (0x9C, 0),
        (0xA4, 0),
        (0xA7, 6),
        (0xA9, 2),
        (0xAA, 2),
        (0xAB, 2),
        (0xAC, 2),
        (0xAD, 2),
        (0xB3, 0),
        (0xB4, 1),
        (0xBD, 2),
        (0xC3, 20),
        (0xC4, 20),
        (0xFF, 1),
    ];
    let mut bench = port(config(1));
    for (command, length) in dangerous {
        refused(&mut bench, command, &"20".repeat(length));
    }
    assert_eq!(bench.bms.status().power, Power::Running);
    let mut bench = port(with(PaceRs232Options {
        writes: false,
        ..PaceRs232Options::default()
    }));
    for (command, info) in [
        (0x99, "0D"),
        (0x9A, "00"),
        (0xB2, "1A0B160E1E05"),
        (0xEC, "01FF01"),
        (0xEE, "0064"),
    ] {
        refused(&mut bench, command, info);
    }

    let mut bench = port(with(everything()));
    data(&mut bench, 0xA6, "", "36B0 6D60 6D60");
    data(&mut bench, 0xA7, "5780 6D60 6D60", "");
    bench.expect_reply("~250146A60000FD97", "~25014600400C57806D606D60FB03");
    data(&mut bench, 0xA7, "1388 2710 2EE0", "");
    data(&mut bench, 0xA6, "", "1388 2710 2EE0");
    refused(&mut bench, 0xA7, "2711 2710 2EE0");
    refused(&mut bench, 0xA7, "0000 0000 2EE0");
    data(&mut bench, 0xBD, "1234", "");
    assert_eq!(bench.pack().cycle_count, 0x1234);
    data(&mut bench, 0xB4, "10", "");
    refused(&mut bench, 0xB4, "0F");
    data(&mut bench, 0xA9, "1000", "");
    data(&mut bench, 0xAA, "10E1", "");
    refused(&mut bench, 0xAA, "10E0");
    for (command, right, wrong) in [
        (0xAB, ["0000", "0032", "0258"], ["0031", "0259"]),
        (0xAC, ["0000", "0032", "3A98"], ["0001", "3A99"]),
    ] {
        right.iter().for_each(|info| data(&mut bench, command, info, ""));
        wrong.iter().for_each(|info| refused(&mut bench, command, info));
    }
    data(&mut bench, 0xAD, "CEB8", "");
    // Memory.
    data(&mut bench, 0x7F, "02 00000010 0004", "02 00000010 0004 FFFFFFFF");
    data(&mut bench, 0x7E, "02 00000011 0002 BEEF", "");
    data(&mut bench, 0x7F, "02 00000010 0004", "02 00000010 0004 FFBEEFFF");
    data(&mut bench, 0x7F, "01 00100010 0004", "01 00100010 0004 FFFFFFFF");
    let block = "5A".repeat(128);
    data(&mut bench, 0x7E, &format!("00 0801FF80 0080 {block}"), "");
    data(
        &mut bench,
        0x7F,
        "00 0801FF80 0080",
        &format!("00 0801FF80 0080 {block}"),
    );
    for (command, info) in [
        (0x7F, "03 00000000 0001"),
        (0x7F, "00 0801FFFF 0002"),
        (0x7F, "00 FFFFFFFF FFFF"),
        (0x7F, "00 0801FEFF 0001"),
        (0x7F, "00 0801FF00 0081"),
        (0x7F, "00 00000000"),
        (0x7E, "00 0801FF00 0002 5A"),
        (0x7E, "00 0801FF00 0001 5A5A"),
        (0x7E, "00"),
    ] {
        refused(&mut bench, command, info);
    }
    // Test mode, restored data, counters.
    bench.set(Setting::ChargedEnergy { watt_hours: 51_200 });
    data(&mut bench, 0xFF, "03", "");
    assert_eq!(bench.pack().lifetime_charge_energy_wh, 0);
    data(&mut bench, 0xD0, "00 0E11 0E43 0D35 0B", "");
    data(&mut bench, 0xB7, "05", "");
    data(&mut bench, 0xFF, "02", "");
    data(&mut bench, 0xD1, "", "01 0E10 0E42 0D34 0A");
    data(&mut bench, 0xB8, "", "00");
    data(&mut bench, 0xD0, "00 0E11 0E43 0D35 0B", "");
    data(&mut bench, 0xA4, "", "");
    data(&mut bench, 0xD1, "", "01 0E10 0E42 0D34 0A");
    for code in ["", "00", "04", "50", "5001", "E0", "E6"] {
        refused(&mut bench, 0xFF, code);
    }
}

/// A5: from this state of charge on, no more charging.
#[test]
fn charging_stops_where_it_is_told() {
    let mut bench = port(with(everything()));
    bench.set(Setting::soc_percent(89));
    data(&mut bench, 0xA5, "5A", "");
    assert!(bench.pack().charge_enable);
    bench.set(Setting::soc_percent(90));
    assert!(!bench.pack().charge_enable);
    refused(&mut bench, 0xA5, "49");
    refused(&mut bench, 0xA5, "62");
    data(&mut bench, 0xA4, "", "");
    assert!(bench.pack().charge_enable);
}

/// 9C: at rest the battery sleeps; with a current it is back at once.
#[test]
fn shutdown() {
    for info in ["", "01"] {
        let mut bench = port(with(everything()));
        data(&mut bench, 0x9C, info, "");
        assert_eq!(bench.bms.status().power, Power::Asleep);
        assert_eq!(bench.ask(&frame(1, 0x90, "")), None);
        bench.bms.key(bench.now, Key::Power);
        bench.run_for(3000);
        data(&mut bench, 0x90, "", "01");
    }
    let mut bench = port(with(everything()));
    refused(&mut bench, 0x9C, "00");
    bench.set(Setting::Current { milliamperes: 5000 });
    data(&mut bench, 0x9C, "01", "");
    assert_eq!(bench.bms.status().power, Power::Starting);
    bench.run_for(3000);
    let record = ask(&mut bench, 0xA1, "0000");
    assert!(record.ends_with("00000001"), "{record}");
}

/// 67: a frame for another pack goes over the packs' own line, where the address must be right.
#[test]
fn frames_are_passed_on() {
    let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02X}")).collect::<String>();
    let mut bench = port(Config {
        pace_rs232: PaceRs232Options {
            record_tail: RecordTail::One,
            ..everything()
        },
        ..config(2)
    });
    let pass = |bench: &mut Bench, frame: &str| ask(bench, 0x67, &hex(&format!("{frame}\r")));
    set_state(&mut bench);
    let record = format!("00 02 {SENSED} {MEASURED} 02 {CAPACITIES} 50");
    let answer = |rtn, info: &str| format!("00 {}", hex(&format!("{}\r", frame(2, rtn, info))));
    assert_eq!(pass(&mut bench, "~25024642E00202FD2E"), answer(0, &record));
    assert_eq!(pass(&mut bench, "~250246900000FDA4"), answer(0, "01"));
    assert!(pass(&mut bench, "~25024644E00202FD2C").len() > 100);
    // Its errors are its own.
    assert_eq!(pass(&mut bench, &frame(2, 0x42, "FF")), answer(9, ""));
    assert_eq!(pass(&mut bench, &frame(2, 0x44, "01")), answer(9, ""));
    assert_eq!(pass(&mut bench, &frame(2, 0xC1, "")), answer(4, ""));
    assert_eq!(pass(&mut bench, "~250246900000FDA5"), answer(2, ""));
    // Nobody answers.
    for silent in [
        frame(3, 0x90, ""),
        frame(1, 0x90, ""),
        "~200246900000FDA9".into(),
        "~2502".into(),
    ] {
        assert_eq!(pass(&mut bench, &silent), "09 ");
    }
    refused(&mut bench, 0x67, &hex("~250246900000FDA4"));
    bench.bms.unplug(bench.now, 2).unwrap();
    assert_eq!(pass(&mut bench, "~250246900000FDA4"), "09 ");
}

/// Every row of "Errors".
#[test]
fn errors() {
    let mut bench = port(config(1));
    bench.expect_reply("~25014642E00201FD31", "~250146020000FDAC");
    bench.expect_reply("~25014642D00201FD31", "~250146030000FDAB");
    bench.expect_reply(&frame(1, 0x43, ""), "~250146040000FDAA");
    bench.expect_reply(&frame(1, 0x42, ""), "~250146090000FDA5");
    // Codes of the relatives, and of nobody.
    for command in [
        0x43, 0x45, 0x47, 0x49, 0x4D, 0x4E, 0x4F, 0x51, 0x91, 0x92, 0x93, 0x94, 0x95, 0x96, 0x00, 0x69, 0xC5,
    ] {
        expect(&mut bench, command, "", "04", "");
    }
    // LENID is not what is there; INFO is cut in half.
    bench.expect_reply(&sealed("25014642C00401"), "~250146090000FDA5");
    bench.expect_reply(&sealed("25014642F0010"), "~250146090000FDA5");
    refused(&mut bench, 0x42, "0101");
    refused(&mut bench, 0x90, "00");
    // Another family, and what is no frame.
    for silent in [
        sealed("20014642E00201"),
        sealed("25014A42E00201"),
        sealed("25014642E0020G"),
        "~25014642E00201FD3x".into(),
        "~2501".into(),
        "25014642E00201FD30".into(),
        String::new(),
    ] {
        assert_eq!(bench.ask(&silent), None, "{silent}");
    }
    // Lower case, and a frame that begins anew.
    assert!(bench.ask("~25014642e00201FD10").is_some());
    assert!(bench.ask("~25014642~25014642E00201FD30").is_some());
    assert!(bench.ask("noise~25014642E00201FD30").is_some());
    // The end is missing for too long, and not quite.
    for (pause, answered) in [(90, true), (120, false)] {
        bench.bms.handle_serial(bench.now, b"~25014642E002");
        bench.run_for(pause);
        assert_eq!(bench.ask("01FD30").is_some(), answered, "after {pause} ms");
    }
    data(&mut bench, 0x90, "", "01");
}

/// Slaves are read, never set: all commands but 42, 44 and 90 are about the pack of the cable.
#[test]
fn only_the_connected_pack_is_changed() {
    let mut bench = port(config(2));
    for adr in [0x00, 0x01, 0x02, 0x0F] {
        let threshold = format!("01 0E{adr:02X} 0E42 0D34 0A");
        assert_eq!(bench.ask(&frame(adr, 0xD0, &threshold)), Some(frame(1, 0, "")));
        let own = bench.bms.pack_status(1).unwrap().parameters;
        let other = bench.bms.pack_status(2).unwrap().parameters;
        assert_eq!(own.get(Parameter::CellOverVoltageAlarm), 0xE00 + i32::from(adr));
        assert_eq!(other, refbms::Parameters::default());
    }
    // The switches in 44 are those of each pack.
    data(&mut bench, 0x99, "07", "07 30");
    data(&mut bench, 0x99, "0D", "0D 31");
    let control = |bench: &mut Bench, command: &str| ask(bench, 0x44, command)[3 + 2 * 32..][..2].to_owned();
    assert_eq!(
        (control(&mut bench, "01"), control(&mut bench, "02")),
        ("31".into(), "10".into())
    );
}

/// R-042: replies of real boards, byte for byte, from a battery in their state.
#[test]
fn captures_of_real_boards() {
    // Two packs, asked with address 00.
    port(config(2)).expect_reply("~250046900000FDA6", "~25014600E00202FD35");

    // Jakiper JK48V100: its voltage is not the sum of its cells.
    let mut bench = port(with(PaceRs232Options {
        record_tail: RecordTail::None,
        ..PaceRs232Options::default()
    }));
    let cells = [
        3271, 3272, 3271, 3271, 3271, 3269, 3270, 3271, 3271, 3270, 3271, 3270, 3270, 3271, 3270, 3271,
    ];
    for (number, millivolts) in (1..).zip(cells) {
        bench.set(cell(number, millivolts));
    }
    for (number, decidegrees) in (1..).zip([241, 239, 239, 239]) {
        bench.set(sensor(number, decidegrees));
    }
    bench.set(Setting::MosfetTemperature { decidegrees: 265 });
    bench.set(Setting::AmbientTemperature { decidegrees: 274 });
    bench.set(Setting::Current { milliamperes: -2250 });
    bench.set(Setting::PackVoltage {
        millivolts: Some(52_429),
    });
    bench.set(Setting::DesignCapacity {
        milliampere_hours: 100_000,
    });
    bench.set(Setting::FullCapacity {
        milliampere_hours: 103_460,
    });
    bench.set(Setting::RemainingCapacity {
        milliampere_hours: 48_190,
    });
    bench.set(Setting::CycleCount { cycles: 140 });
    bench.expect_reply(
        "~25014642E00201FD30",
        "~25014600F07A0001100CC70CC80CC70CC70CC70CC50CC60CC70CC70CC60CC70CC60CC60CC70CC60CC7060B9B0B990B990B990BB30BBC\
         FF1FCCCD12D303286A008C2710E1E4",
    );

    // EASUN under load: one byte more. TDT at address 2, asked with COMMAND 00, its buzzer on.
    let mut bench = port(with(PaceRs232Options {
        record_tail: RecordTail::One,
        ..PaceRs232Options::default()
    }));
    bench.set(Setting::ChargeCurrentLimiter(Switch::Automatic));
    bench.set(Setting::Current { milliamperes: -1970 });
    bench.expect_reply(
        "~25014644E00201FD2E",
        "~25014600E04E000110000000000000000000000000000000000600000000000000000000000E00000000000000EEC3",
    );
    let mut bench = port(Config {
        dip: 2,
        pace_rs232: PaceRs232Options {
            record_tail: RecordTail::None,
            ..PaceRs232Options::default()
        },
        ..config(1)
    });
    bench.set(Setting::ChargeCurrentLimiter(Switch::Automatic));
    bench.set(Setting::Buzzer(true));
    bench.expect_reply(
        &frame(2, 0x44, "00"),
        "~25024600004C0000100000000000000000000000000000000006000000000000000000000006010000000000EF48",
    );

    // Texts, with a NUL behind them or filled to the end.
    for (board, reply) in [
        (
            b"P16S100A-1812-1.00 \0",
            "~25014600602850313653313030412D313831322D312E30302000F58E",
        ),
        (
            b"P16S200A-21606-1.01\0",
            "~25014600602850313653323030412D32313630362D312E303100F588",
        ),
        (
            b"P16S150A-17900-2.05W",
            "~25014600602850313653313530412D31373930302D322E303557F571",
        ),
    ] {
        let options = PaceRs232Options {
            board: *board,
            model_serial_number: *b"216061024400003A    ",
            dangerous_writes: true,
            ..PaceRs232Options::default()
        };
        let mut bench = port(with(options));
        bench.expect_reply("~250146C10000FD9A", reply);
        data(&mut bench, 0xC4, "4750535232504332303059573238303231313039", "");
        bench.expect_reply(
            &frame(1, 0xC2, ""),
            "~25014600B05032313630363130323434303030303341202020204750535232504332303059573238303231313039EDBC",
        );
    }
}
