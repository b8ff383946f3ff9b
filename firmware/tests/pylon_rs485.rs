//! Pylon RS485 as an inverter sees it: questions and answers against the whole battery in virtual time.

mod bench;

use bench::{Bench, sealed};
use refbms::{Config, PylonRs485Options, Sensor, Setting, Switch};

fn packs(packs: u8) -> Config {
    Config {
        packs,
        ..Config::default()
    }
}

fn dip(dip: u8) -> Config {
    Config {
        dip,
        ..Config::default()
    }
}

fn options(pylon_rs485: PylonRs485Options) -> Config {
    Config {
        pylon_rs485,
        ..Config::default()
    }
}

fn set_limits(bench: &mut Bench, deciamperes: u16) {
    bench.set(Setting::ChargeCurrentLimit { deciamperes });
    bench.set(Setting::DischargeCurrentLimit { deciamperes });
}

/// The state of the constructed vectors G3 for as many of its two packs as there are.
fn set_state_g3(bench: &mut Bench, packs: u8) {
    let cells = [
        3331, 3332, 3330, 3333, 3331, 3329, 3334, 3332, 3330, 3331, 3335, 3332, 3331, 3330, 3328, 3331,
    ];
    let temperatures = [[255, 260, 250, 245], [-124, -120, -115, -110]];
    for pack in 1..=packs {
        let index = usize::from(pack) - 1;
        for (cell, millivolts) in (1..).zip(cells) {
            let millivolts = if pack == 1 { millivolts } else { millivolts - 3 };
            bench.set_pack(
                pack,
                Setting::CellVoltage {
                    cell: Some(cell),
                    millivolts,
                },
            );
        }
        for (sensor, decidegrees) in (1..).zip(temperatures[index]) {
            bench.set_pack(
                pack,
                Setting::CellTemperature {
                    sensor: Some(sensor),
                    decidegrees,
                },
            );
        }
        bench.set_pack(
            pack,
            Setting::AmbientTemperature {
                decidegrees: [315, 300][index],
            },
        );
        bench.set_pack(
            pack,
            Setting::Current {
                milliamperes: [-45_600, 12_300][index],
            },
        );
        bench.set_pack(
            pack,
            Setting::RemainingCapacity {
                milliampere_hours: [196_000, 195_500][index],
            },
        );
        bench.set_pack(pack, Setting::CycleCount { cycles: 123 });
    }
}

/// Blocks of 42 for the two packs of G3.
const PACK_1: &str = "100D030D040D020D050D030D010D060D040D020D030D070D040D030D020D000D03\
                      050BE60BAA0BAF0BA50BA0FE38D034FFFF04FFFF007B02FDA00445C0";
const PACK_2: &str = "100D000D010CFF0D020D000CFE0D030D010CFF0D000D040D010D000CFF0CFD0D00\
                      050BD70A2F0A330A380A3D007BD004FFFF04FFFF007B02FBAC0445C0";

#[test]
fn identity_is_told() {
    let mut bench = Bench::rs485(packs(4));
    bench.expect_reply("~0002464F0000FD9A", "~200246000000FDB2"); // K1
    bench.expect_reply("~2012464F0000FD97", "~201246000000FDB1");
    bench.expect_reply(
        "~200246510000FDAC", // K16
        "~20024600C0404353543238304C520000010250796C6F6E000000000000000000000000000000F0EA",
    );
    bench.expect_reply(
        "~20024693E00202FD2D",
        "~20024600C0220243535432383041303030303030303031F6ED",
    ); // K24
    bench.expect_reply("~20024696E00202FD2A", "~20024600400C020102010203FB50"); // K27
    bench.expect_reply(
        "~200246470000FDA7", // K47
        "~20024600B032000E420AF00A8C0CD10AAB07D0E420AF00A8C00CD109E3F830F27E",
    );
    bench.expect_reply(
        "~201246600000FDAB", // K29
        "~2012460020C24353543238304C52000050796C6F6E00000000000000000000000000000001020443535432383041303\
         030303030303031435354323830413030303030303030324353543238304130303030303030303343535432383041303\
         030303030303034D74F",
    );
    let mut bench = Bench::rs485(packs(1));
    bench.expect_reply(
        "~200246600000FDAC", // K28
        "~20024600806\
         24353543238304C52000050796C6F6E00000000000000000000000000000001020143535432383041303030303030303031EA44",
    );
}

#[test]
fn measurements_of_packs() {
    let mut bench = Bench::rs485(packs(2));
    set_state_g3(&mut bench, 2);
    bench.expect_reply("~20024642E00202FD33", &format!("~20024600B07E0002{PACK_1}E208")); // K8
    bench.expect_reply("~20034642E00203FD31", &format!("~20034600B07E0003{PACK_2}E19D")); // K9

    // K10: both packs, after alarms and switches have changed and changed back.
    bench.force("pack_over_voltage_protection", true);
    bench.force("pack_over_voltage_protection", false);
    bench.expect_reply("~20024642E002FFFD09", &format!("~2002460090F81102{PACK_1}{PACK_2}C6EA"));
}

#[test]
fn alarms_of_packs_and_their_info_flag() {
    let mut bench = Bench::rs485(packs(1));
    set_state_g3(&mut bench, 1);
    let healthy = "1000000000000000000000000000000000050000000000000000";
    bench.expect_reply(
        "~20024644E00202FD31",
        &format!("~20024600A0420002{healthy}000E400000F11A"),
    ); // K12

    // The first alarm opens the discharge switch; 44 reads both changes, and they are no news after that.
    bench.force("discharge_over_current_protection", true);
    let flag = |reply: Option<String>| reply.map(|text| text[13..15].to_owned());
    assert_eq!(flag(bench.ask("~200246470000FDA7")).as_deref(), Some("11"));
    assert_eq!(flag(bench.ask("~20024642E00202FD33")).as_deref(), Some("11"));
    assert_eq!(flag(bench.ask("~20024644E00202FD31")).as_deref(), Some("11"));
    assert_eq!(flag(bench.ask("~20024644E00202FD31")).as_deref(), Some("00"));

    // K13: further alarms, no further switch.
    bench.set(Setting::CellVoltage {
        cell: Some(9),
        millivolts: 2700,
    });
    bench.set(Setting::CellTemperature {
        sensor: Some(2),
        decidegrees: 560,
    });
    bench.force("cell_under_voltage_protection", true);
    bench.force("discharge_over_temperature_protection", true);
    bench.expect_reply(
        "~20024644E00202FD31",
        "~20024600A04201021000000000000000000100000000000000050000020000000002320A400000F113",
    );

    let mut bench = Bench::rs485(packs(2));
    bench.set(Setting::Current { milliamperes: -10_000 });
    let block = "1000000000000000000000000000000000050000000000000000000E400000";
    bench.expect_reply("~20024644E002FFFD07", &format!("~2002460080800002{block}{block}E562")); // K14
    // One pack's news is read with the whole group, the other's stays when only one is read.
    bench.force("low_soc_alarm", true);
    assert_eq!(flag(bench.ask("~20024644E00202FD31")).as_deref(), Some("01"));
    assert_eq!(flag(bench.ask("~20024642E00202FD33")).as_deref(), Some("00"));
    assert_eq!(flag(bench.ask("~20024644E002FFFD07")).as_deref(), Some("01"));
    assert_eq!(flag(bench.ask("~20034642E00203FD31")).as_deref(), Some("00"));
}

#[test]
fn what_a_pack_allows() {
    let ask = "~20024692E00202FD2E";
    let mut bench = Bench::rs485(packs(1));
    set_limits(&mut bench, 1400);
    bench.expect_reply(ask, "~20024600B01402E100AF000578FA88C0F93E"); // K17

    bench.set(Setting::FullHold(true));
    bench.expect_reply(ask, "~20024600B01402E100AF000000FA8840F961"); // K18
    bench.set(Setting::FullHold(false));
    bench.run_for(5000);

    bench.force("pack_under_voltage_protection", true);
    bench.expect_reply(ask, "~20024600B01402E100AF000578000080F980"); // K19
    bench.force("pack_under_voltage_protection", false);
    bench.run_for(5000);

    bench.force("cell_under_voltage_alarm", true);
    bench.expect_reply(ask, "~20024600B01402E100AF000578FA88E0F93C"); // K20
    bench.force("cell_under_voltage_alarm", false);

    bench.set(Setting::soc_percent(12));
    bench.expect_reply(ask, "~20024600B01402E100AF000578FA88D0F93D"); // K21
    bench.set(Setting::soc_percent(70));

    bench.set(Setting::FullChargeRequest(Switch::On));
    bench.expect_reply(ask, "~20024600B01402E100AF000578FA88C8F936"); // K22
    bench.set(Setting::FullChargeRequest(Switch::Automatic));

    bench.force("charge_mosfet_fault", true);
    bench.expect_reply(ask, "~20024600B01402E100AF000000000000F99C"); // K23
}

#[test]
fn what_a_bank_allows() {
    let ask = "~201246630000FDA8";
    let mut bench = Bench::rs485(packs(4));
    set_limits(&mut bench, 1400);
    bench.expect_reply(ask, "~20124600D012E100AF0015E015E0C0F9B4"); // K38
    bench.set(Setting::FullHold(true));
    bench.expect_reply(ask, "~20124600D012E100AF00000015E040F9DE"); // K39
    bench.set(Setting::FullHold(false));
    bench.run_for(5000);
    bench.force("pack_under_voltage_protection", true);
    bench.expect_reply(ask, "~20124600D012E100AF0015E0000080F9DA"); // K40
    bench.force("pack_under_voltage_protection", false);
    bench.run_for(5000);
    bench.set(Setting::soc_percent(12));
    bench.expect_reply(ask, "~20124600D012E100AF0015E015E0E0F9B2"); // K41
    bench.set(Setting::soc_percent(70));
    bench.set(Setting::FullChargeRequest(Switch::On));
    bench.expect_reply(ask, "~20124600D012E100AF0015E015E0D0F9B3"); // K42

    let negative = options(PylonRs485Options {
        negative_discharge_limit: true,
        ..Default::default()
    });
    let mut bench = Bench::rs485(Config { packs: 4, ..negative });
    set_limits(&mut bench, 1400);
    bench.expect_reply(ask, "~20124600D012E100AF0015E0EA20C0F9A7"); // K43

    let ask = "~200246630000FDA9";
    let mut bench = Bench::rs485(packs(1));
    set_limits(&mut bench, 1400);
    bench.expect_reply(ask, "~20024600D012E100AF0005780578C0F9C3"); // K44
    bench.force("discharge_mosfet_fault", true);
    bench.expect_reply(ask, "~20024600D012E100AF000000000000F9FE"); // K45
    bench.force("discharge_mosfet_fault", false);
    bench.run_for(5000);

    // C22, a reply captured from another make.
    bench.set(Setting::DischargeVoltageLimit { millivolts: 41_600 });
    bench.set(Setting::ChargeCurrentLimit { deciamperes: 380 });
    bench.set(Setting::DischargeCurrentLimit { deciamperes: 1900 });
    bench.expect_reply(ask, "~20024600D012E100A280017C076CC0F9BC");
}

#[test]
fn measurements_of_a_bank() {
    let mut bench = Bench::rs485(packs(1));
    set_state_g3(&mut bench, 1);
    bench.set(Setting::SensorFitted {
        sensor: Sensor::Mosfet,
        fitted: false,
    });
    bench.expect_reply(
        "~200246610000FDAB", // K33
        "~200246008062D034EE3046007B007B64640D0700020D0000020BA80BAF00020BA00002\
         FFFFFFFFFFFFFFFFFFFF0BE60BE600020BE60002E7A9",
    );

    bench.set(Setting::SensorFitted {
        sensor: Sensor::Mosfet,
        fitted: true,
    });
    bench.set(Setting::MosfetTemperature { decidegrees: -50 });
    bench.set(Setting::AmbientTemperature { decidegrees: 300 });
    for (sensor, decidegrees) in (1..).zip([-124, -120, -115, -110]) {
        bench.set(Setting::CellTemperature {
            sensor: Some(sensor),
            decidegrees,
        });
    }
    bench.set(Setting::CellVoltage {
        cell: None,
        millivolts: 3330,
    });
    bench.set(Setting::CellVoltage {
        cell: Some(3),
        millivolts: 3332,
    });
    bench.set(Setting::CellVoltage {
        cell: Some(4),
        millivolts: 3325,
    });
    bench.set(Setting::PackVoltage {
        millivolts: Some(52_800),
    });
    bench.set(Setting::Current { milliamperes: 49_200 });
    bench.expect_reply(
        "~200246610000FDAB", // K31
        "~200246008062CE40133846007B007B64640D0400020CFD00020A360A3D00020A2F0002\
         0A790A7900020A7900020BD70BD700020BD70002E8FD",
    );

    // Beyond the ends of the field the value stays at the end.
    let current = |bench: &mut Bench, milliamperes| {
        bench.set(Setting::Current { milliamperes });
        bench.ask("~200246610000FDAB").map(|text| text[17..21].to_owned())
    };
    assert_eq!(current(&mut bench, -327_690).as_deref(), Some("8000"));
    assert_eq!(current(&mut bench, 400_000).as_deref(), Some("7FFF"));
}

#[test]
fn alarms_of_a_bank() {
    let mut bench = Bench::rs485(packs(2));
    bench.expect_reply("~200246620000FDAA", "~20024600800800000000FC22"); // K35
    bench.expect_reply("~201246620000FDA9", "~20124600800800000000FC21"); // D10
    bench.force("cell_under_voltage_protection", true);
    bench.force("discharge_under_temperature_alarm", true);
    bench.expect_reply("~201246620000FDA9", "~20124600800814001000FC1B"); // K36
    for condition in refbms::Condition::ALL {
        bench.force(condition.name(), true);
    }
    bench.expect_reply("~201246620000FDA9", "~201246008008FFF0FE68FBA6"); // K37
}

#[test]
fn any_version_is_answered_with_our_own() {
    let mut bench = Bench::rs485(packs(1));
    set_limits(&mut bench, 1400);
    // K5, K7 and a version that nobody has.
    for question in [
        "~28024692E00202FD26",
        &sealed("00024692E00202"),
        &sealed("99024692E00202"),
    ] {
        bench.expect_reply(question, "~20024600B01402E100AF000578FA88C0F93E");
    }
    let mut bench = Bench::rs485(options(PylonRs485Options {
        version: 0x28,
        ..Default::default()
    }));
    set_limits(&mut bench, 1400);
    bench.expect_reply("~0002464F0000FD9A", "~280246000000FDAA"); // K2
    bench.expect_reply("~28024692E00202FD26", "~28024600B01402E100AF000578FA88C0F936"); // K6

    let mut bench = Bench::rs485(options(PylonRs485Options {
        strict_version: true,
        ..Default::default()
    }));
    bench.expect_reply(&sealed("99024692E00202"), "~200246010000FDB1");
    bench.expect_reply(&sealed("9902464F0000"), "~200246000000FDB2");
    assert!(
        bench
            .ask("~28024692E00202FD26")
            .is_some_and(|reply| reply.starts_with("~20024600B014"))
    );
}

#[test]
fn every_kind_of_mistake_has_its_return_code() {
    let mut bench = Bench::rs485(packs(1));
    let cases = [
        ("~20024642E00202FD34", "~200246020000FDB0"), // CHKSUM
        ("~20024642E00202zzzz", "~200246020000FDB0"),
        ("~20024642D00202FD34", "~200246030000FDAF"),     // LCHKSUM
        ("~20024642C00402FD33", "~200246050000FDAD"),     // LENID 4, two characters
        (&sealed("20024642F0010"), "~200246050000FDAD"),  // half a byte
        (&sealed("20024642E0020G"), "~200246050000FDAD"), // no hexadecimal digit
        ("~200246420000FDAC", "~200246050000FDAD"),       // INFO missing
        ("~20024642E00203FD32", "~200246060000FDAC"),     // neither ADR nor FF
        ("~20024692E002FFFD04", "~200246060000FDAC"),     // FF means nothing to 92
        ("~20024645E00202FD30", "~200246040000FDAE"),     // unknown commands
        ("~20024649E00202FD2C", "~200246040000FDAE"),
        ("~200246900000FDA9", "~200246040000FDAE"),
        ("~201246900000FDA8", "~201246040000FDAD"),
        ("~200246640000FDA8", "~200246040000FDAE"), // switched off by default
        ("~20024695E00202FD2B", "~200246040000FDAE"),
        ("~20024694D01202DAC0B3B001F4FE0CF974", "~200246040000FDAE"),
    ];
    for (question, reply) in cases {
        bench.expect_reply(question, reply);
    }
}

#[test]
fn what_is_not_for_this_battery_is_not_answered() {
    let mut bench = Bench::rs485(packs(1));
    let cases = [
        "~20024A630000FD9E",   // another kind of device
        "~20FF46630000FD7F",   // ADR FF
        "~200046630000FDAB",   // ADR 00
        "~200346630000FDA8",   // a slave that is not there
        "~200F4642E0020FFD0B", // another one
        "~202246610000FDA9",   // C23: other groups
        "~20424642E00242FD2B", // C29
        "~207246610000FDA4",
        "~20FF46630000FD00", // wrong checksum at a foreign address
        "~2002466",
        "~",
        "~zz0246630000FDA9",
    ];
    for question in cases {
        bench.expect_reply(question, "");
    }
    bench.run_to(62_000);
    assert!(bench.bms.status().inverter_lost, "none of this was our inverter");
    bench.expect_reply("~200246620000FDAA", "~20024600800800000000FC22");
    assert!(!bench.bms.status().inverter_lost);
}

#[test]
fn extra_bytes_of_info_are_tolerated() {
    let mut bench = Bench::rs485(packs(1));
    // C1, C3, C5, C7 and C38: seen on real lines.
    bench.expect_reply("~2002464FC0048520FCB2", "~200246000000FDB2");
    bench.expect_reply("~20024696C0040201FCC9", "~20024600400C020102010203FB50");
    for (question, length) in [
        ("~20024651C0040000FCD5", "C040"),
        ("~20024642C0040202FCD1", "B07E"),
        ("~20024661E00201FD33", "8062"),
        ("~20024647E00202FD2E", "B032"),
    ] {
        let reply = bench.ask(question).unwrap_or_default();
        assert_eq!(reply.get(..13), Some(&*format!("~20024600{length}")), "{question}");
    }
}

#[test]
fn lower_case_is_read_and_upper_case_written() {
    let mut bench = Bench::rs485(packs(1));
    let reply = bench.ask("~20024642e00202FD13").unwrap();
    assert!(reply.starts_with("~20024600B07E0002"));
    assert_eq!(reply, reply.to_uppercase());
    bench.expect_reply("~0002464f0000fd7a", "~200246000000FDB2");
}

/// The addresses that answer `cid2` with data, scanning all of them.
fn who_answers(bench: &mut Bench, cid2: u8) -> Vec<u8> {
    let answers = |adr: &u8| {
        let body = format!(
            "20{adr:02X}46{cid2:02X}{}",
            if cid2 == 0x42 {
                format!("E002{adr:02X}")
            } else {
                "0000".into()
            }
        );
        let sum = body
            .bytes()
            .fold(0u16, |sum, byte| sum.wrapping_add(byte.into()))
            .wrapping_neg();
        let reply = bench.ask(&format!("~{body}{sum:04X}"));
        let data = reply.as_deref().filter(|reply| &reply[7..9] == "00");
        if let Some(reply) = data {
            assert_eq!(
                &reply[3..5],
                format!("{adr:02X}"),
                "a reply repeats the address of its question"
            );
        }
        data.is_some()
    };
    (0..=0xFF).filter(answers).collect()
}

#[test]
fn only_packs_online_have_an_address() {
    assert_eq!(who_answers(&mut Bench::rs485(packs(1)), 0x42), [0x02, 0x12]);
    assert_eq!(
        who_answers(&mut Bench::rs485(packs(3)), 0x42),
        [0x02, 0x03, 0x04, 0x12, 0x13, 0x14]
    );
    assert_eq!(
        who_answers(&mut Bench::rs485(packs(3)), 0x4F),
        [0x02, 0x03, 0x04, 0x12, 0x13, 0x14]
    );
    // 60 to 63 only the master answers; DIP 0 acts as 1.
    assert_eq!(who_answers(&mut Bench::rs485(packs(3)), 0x61), [0x02, 0x12]);
    assert_eq!(who_answers(&mut Bench::rs485(dip(0)), 0x61), [0x02, 0x12]);
}

#[test]
fn a_slave_that_is_wired_alone_answers_for_itself() {
    for dip in 2..=14 {
        let adr = dip + 1;
        let mut bench = Bench::rs485(Config {
            dip,
            ..Config::default()
        });
        assert_eq!(who_answers(&mut bench, 0x42), [adr, adr + 0x10], "DIP {dip}");
        assert_eq!(who_answers(&mut bench, 0x63), [], "DIP {dip}");
    }
    assert_eq!(who_answers(&mut Bench::rs485(dip(15)), 0x42), []);
    let mut bench = Bench::rs485(dip(2));
    bench.expect_reply("~200346630000FDA8", "");
    // FF means the whole group, which only a master knows.
    bench.expect_reply("~20034642E002FFFD08", "~200346060000FDAB");
}

#[test]
fn slaves_are_asked_through_the_master() {
    let mut bench = Bench::rs485(packs(2));
    // The whole group is a question to the master, and so are 60 to 64.
    bench.expect_reply("~20034642E002FFFD08", "~200346060000FDAB");
    bench.expect_reply("~200346630000FDA8", "~200346900000FDA8");
    bench.expect_reply(
        "~20034693E00203FD2B",
        "~20034600C0220343535432383041303030303030303032F6EA",
    );

    // While it is missed but not yet given up it cannot be reached; then it is absent.
    bench.bms.unplug(bench.now, 2).unwrap();
    bench.expect_reply("~20034642E00203FD31", "~200346910000FDA7");
    bench.run_for(6000);
    bench.expect_reply("~20034642E00203FD31", "");
    let counts = |bench: &mut Bench| {
        let group = bench.ask("~20024642E002FFFD09").unwrap();
        let system = bench.ask("~200246600000FDAC").unwrap();
        (group[15..17].to_owned(), system[77..79].to_owned(), system.len())
    };
    assert_eq!(counts(&mut bench), ("01".into(), "01".into(), 17 + 2 * 49));
    bench.expect_reply("~200246620000FDAA", "~20024600800800100000FC21");
    bench.bms.plug(bench.now, 2).unwrap();
    bench.run_for(1000);
    assert_eq!(counts(&mut bench), ("02".into(), "02".into(), 17 + 2 * 65));
}

#[test]
fn four_packs_fit_into_one_reply() {
    let mut bench = Bench::rs485(packs(4));
    let reply = bench.ask("~20024642E002FFFD09").unwrap();
    assert_eq!((reply.len() + 1, &reply[9..13], &reply[15..17]), (510, "51EC", "04"));
    let reply = bench.ask("~20024644E002FFFD07").unwrap();
    assert_eq!((&reply[9..13], &reply[15..17]), ("50FC", "04"));
}

#[test]
fn limits_of_the_inverter_hold_for_ten_seconds() {
    let mut bench = Bench::rs485(options(PylonRs485Options {
        set_limits: true,
        ..Default::default()
    }));
    let own = &*sealed("20024600B01402E100AF0007D0F830C0");
    let ask = "~20024692E00202FD2E";
    bench.expect_reply(ask, own);
    bench.expect_reply("~20024694D01202DAC0B3B001F4FE0CF974", "~200246000000FDB2"); // K25, K26
    bench.expect_reply(ask, &sealed("20024600B01402DAC0B3B001F4FE0CC0"));
    bench.run_for(8990);
    assert_ne!(bench.ask(ask).as_deref(), Some(own));
    bench.run_for(10);
    bench.expect_reply(ask, own);

    // The battery's own limits are never exceeded.
    set_limits(&mut bench, 300);
    bench.ask("~20024694D01202DAC0B3B001F4FE0CF974");
    bench.expect_reply(ask, &sealed("20024600B01402DAC0B3B0012CFED4C0"));

    let refused = [
        ("02DAC0B3B001F401F4", "06"), // a positive discharge limit
        ("02DAC0B3B007D1FE0C", "06"), // 200.1 A
        ("02DAC0B3B0FFFFFE0C", "06"), // a negative charge limit
        ("02DAC0B3B001F48000", "06"),
        ("02D2EFB3B001F4FE0C", "06"), // 53.999 V
        ("02E421B3B001F4FE0C", "06"), // 58.401 V
        ("02DAC09C3F01F4FE0C", "06"), // 39.999 V
        ("03DAC0B3B001F4FE0C", "06"), // another pack
        ("02DAC0B3B001F4FE", "05"),   // a byte too few
    ];
    for (info, rtn) in refused {
        let length = if info.len() == 18 { "D012" } else { "F010" };
        let body = format!("20024694{length}{info}");
        let sum = body
            .bytes()
            .fold(0u16, |sum, byte| sum.wrapping_add(byte.into()))
            .wrapping_neg();
        let reply = bench.ask(&format!("~{body}{sum:04X}")).unwrap();
        assert_eq!(&reply[7..9], rtn, "{info}");
    }
}

#[test]
fn a_pack_is_turned_off_after_it_has_said_so() {
    let off = options(PylonRs485Options {
        turn_off: true,
        ..Default::default()
    });
    let mut bench = Bench::rs485(Config { packs: 2, ..off });
    bench.expect_reply("~20034695E00203FD29", "~200346000000FDB1");
    bench.run_for(6000);
    bench.expect_reply("~20034642E00203FD31", "");
    assert!(bench.ask("~200246630000FDA9").is_some());
    // Without the master nobody speaks.
    bench.expect_reply("~20024695E00202FD2B", "~200246000000FDB2");
    bench.expect_reply("~200246630000FDA9", "");
    assert_eq!(bench.bms.status().power, refbms::Power::Asleep);
}

#[test]
fn the_group_is_shut_down_after_it_has_said_so() {
    let mut bench = Bench::rs485(options(PylonRs485Options {
        shutdown: true,
        ..Default::default()
    }));
    bench.expect_reply("~201246640000FDA7", "~201246000000FDB1"); // K46
    bench.expect_reply("~201246630000FDA8", "");
    bench.bms.wake(bench.now);
    bench.expect_reply("~201246630000FDA8", "");
    bench.run_for(2000);
    assert!(bench.ask("~201246630000FDA8").is_some());
}

#[test]
fn nothing_is_answered_before_the_end_of_init() {
    let mut bench = Bench::new(Config {
        protocol: refbms::Protocol::PylonRs485,
        ..Config::default()
    });
    bench.run_to(1400);
    bench.expect_reply("~200246620000FDAA", "");
    bench.run_to(2000);
    bench.expect_reply("~200246620000FDAA", "~20024600800800000000FC22");
}

const QUESTION: &[u8] = b"~200246620000FDAA\r";
const REPLY: &str = "~20024600800800000000FC22";

#[test]
fn a_question_may_come_in_any_pieces() {
    for cut in 1..QUESTION.len() {
        let mut bench = Bench::rs485(packs(1));
        let (head, tail) = QUESTION.split_at(cut);
        assert_eq!(bench.bms.poll_timeout().map(|at| at > bench.now), Some(true));
        bench.bms.handle_serial(bench.now, head);
        bench.run_for(199);
        assert_eq!(bench.exchange(tail).as_deref(), Some(REPLY), "cut after {cut}");

        // Half a question is forgotten after 200 ms of silence.
        bench.bms.handle_serial(bench.now, head);
        bench.run_for(200);
        assert_eq!(bench.exchange(tail), None, "cut after {cut}");
        assert_eq!(bench.exchange(QUESTION).as_deref(), Some(REPLY), "cut after {cut}");
    }
}

#[test]
fn a_long_piece_counts_from_its_first_byte() {
    let mut bench = Bench::rs485(packs(1));
    // 94 is refused, but its 35 characters behind the first take 36 ms: the line was silent for 199 ms only.
    let question = b"~20024694D01202DAC0B3B001F4FE0CF974\r";
    bench.bms.handle_serial(bench.now, &question[..1]);
    let arrived = bench.now + std::time::Duration::from_millis(235);
    bench.bms.handle_serial(arrived, &question[1..]);
    bench.now = arrived;
    assert_eq!(bench.exchange(b"").as_deref(), Some("~200246040000FDAE"));
}

#[test]
fn stray_bytes_before_a_question_do_no_harm() {
    let mut bench = Bench::rs485(packs(1));
    for stray in [
        &b"\0"[..],
        b"\xFF",
        b"\r",
        b"\n",
        b"~2002",
        b"~~~",
        b"~20024662\0\xFF",
        &[b'~'; 5000],
        &[0x55; 5000],
    ] {
        let bytes = [stray, QUESTION, b"\n"].concat();
        assert_eq!(bench.exchange(&bytes).as_deref(), Some(REPLY), "{stray:?}");
    }
}

#[test]
fn two_masters_get_one_answer() {
    let mut bench = Bench::rs485(packs(1));
    let both = [QUESTION, b"~200246610000FDAB\r"].concat();
    assert_eq!(bench.exchange(&both).as_deref(), Some(REPLY));
    assert!(
        bench
            .ask("~200246610000FDAB")
            .is_some_and(|reply| reply.contains("8062"))
    );
}

#[test]
fn the_bus_that_is_not_used_is_not_heard() {
    let mut bench = Bench::rs485(packs(1));
    bench.run_to(62_000);
    bench.bms.handle_can(bench.now, &bench::frame("305#0000000000000000"));
    assert!(bench.bms.status().inverter_lost);
    let mut bench = Bench::can(packs(1));
    bench.run_to(60_999);
    bench.bms.handle_serial(bench.now, QUESTION);
    assert_eq!(bench.run_for(1000).len(), 6);
    bench.run_to(62_000);
    assert!(bench.bms.status().inverter_lost);
}
