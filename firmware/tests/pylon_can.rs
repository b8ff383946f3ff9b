//! Pylon CAN as an inverter sees it, from power-on: scripts against the whole battery in virtual time.

mod bench;

use std::time::Duration;

use bench::{Bench, Sent, frame};
use refbms::{Bms, CellExtremesVariant, Config, Instant, PylonCanOptions, Sensor, Setting, Switch, Transmit};

fn packs(packs: u8) -> Config {
    Config {
        packs,
        ..Config::default()
    }
}

fn options(pylon_can: PylonCanOptions) -> Config {
    Config {
        pylon_can,
        ..Config::default()
    }
}

#[test]
fn nothing_is_sent_before_the_end_of_init_and_then_the_whole_set() {
    let expected = [
        (2000, "351#4002D007D007C001"),
        (2020, "355#3200640000000000"),
        (2040, "356#A0140000FA000000"),
        (2060, "359#0000000001504E00"),
        (2080, "35C#C000000000000000"),
        (2100, "35E#50594C4F4E202020"),
    ];
    Bench::expect_set_each_second(Config::default(), &expected);
}

#[test]
fn constructed_vectors_of_two_packs() {
    let mut bench = Bench::can(packs(2));
    bench.limits(1000, 1400);
    bench.set(Setting::soc_percent(76));
    bench.set(Setting::Soh { percent: 99 });
    bench.set(Setting::PackVoltage {
        millivolts: Some(53_240),
    });
    bench.set_pack(1, Setting::Current { milliamperes: -20_000 });
    bench.set_pack(2, Setting::Current { milliamperes: -17_500 });
    bench.set(Setting::CellTemperature {
        sensor: None,
        decidegrees: 246,
    });
    bench.expect_frames(&[
        ("351", "4002 D007 F00A C001"),  // P-S1
        ("355", "4C00 6300 0000 0000"),  // P-S2
        ("356", "CC14 89FE F600 0000"),  // P-S3
        ("359", "0000 0000 02 504E 00"), // P-S4
        ("35C", "C0 00000000000000"),    // P-S5
        ("35E", "50594C4F4E202020"),     // P-S6
    ]);

    bench.set(Setting::PackVoltage {
        millivolts: Some(44_100),
    });
    bench.set(Setting::Current { milliamperes: -140_000 });
    bench.set(Setting::CellTemperature {
        sensor: None,
        decidegrees: -125,
    });
    bench.expect_frames(&[("356", "3A11 10F5 83FF 0000")]); // P-S17
}

#[test]
fn each_protection_sets_its_bits_and_takes_its_limit_away() {
    let cases = [
        ("cell_over_voltage_protection", "0200 0200", "40"),           // P-S7
        ("cell_under_voltage_protection", "0400 0400", "A0"),          // P-S8, with its request for charge
        ("discharge_over_current_protection", "8000 8000", "80"),      // P-S9
        ("charge_over_current_protection", "0001 0001", "40"),         // P-S10
        ("charge_over_temperature_protection", "0800 0800", "40"),     // P-S11
        ("discharge_under_temperature_protection", "1000 1000", "80"), // P-S12
        ("mosfet_over_temperature_protection", "0800 0800", "00"),
        ("short_circuit_protection", "8008 0000", "00"),
        ("sampling_fault", "0008 0000", "00"),
        ("cell_imbalance_alarm", "0000 0000", "C0"),
        ("low_soc_alarm", "0000 0400", "C0"),
    ];
    let mut bench = Bench::can(packs(2));
    for (name, flags, requests) in cases {
        bench.force(name, true);
        let charge = if requests == "40" || requests == "00" {
            "0000"
        } else {
            "A00F"
        };
        let discharge = if matches!(requests, "A0" | "80" | "00") {
            "0000"
        } else {
            "A00F"
        };
        bench.expect_frames(&[
            ("351", &format!("4002 {charge} {discharge} C001")),
            ("359", &format!("{flags} 02 504E 00")),
            ("35C", &format!("{requests} 00000000000000")),
        ]);
        bench.force(name, false);
        // B-077: 4 s until both limits are back.
        bench.run_for(4000);
        bench.expect_frames(&[
            ("351", "4002 A00F A00F C001"),
            ("359", "0000 0000 02 504E 00"),
            ("35C", "C0 00000000000000"),
        ]);
    }
}

#[test]
fn states_of_the_requests() {
    let mut bench = Bench::can(packs(2));
    bench.force("system_error_fault", true);
    bench.force("internal_communication_alarm", true);
    bench.expect_frames(&[("359", "0008 0008 02 504E 00")]); // P-S13
    bench.force("system_error_fault", false);
    bench.force("internal_communication_alarm", false);

    bench.set(Setting::FullHold(true));
    bench.expect_frames(&[("35C", "40 00000000000000"), ("359", "0000 0000 02 504E 00")]); // P-S14
    bench.set(Setting::FullHold(false));

    bench.force("cell_under_voltage_protection", true);
    bench.set(Setting::soc_percent(0));
    bench.expect_frames(&[("35C", "B0 00000000000000"), ("355", "0000 6400 0000 0000")]); // P-S15
    bench.force("cell_under_voltage_protection", false);

    bench.set(Setting::soc_percent(50));
    bench.set(Setting::FullChargeRequest(Switch::On));
    bench.expect_frames(&[("35C", "C8 00000000000000")]); // P-S16
}

/// Published frames whose state this battery can take.
#[test]
fn published_frames_come_out_byte_for_byte() {
    let mut bench = Bench::can(options(PylonCanOptions {
        short_frames: true,
        identity: true,
        cell_extremes: Some(CellExtremesVariant::WholeDegrees),
        ..PylonCanOptions::default()
    }));
    bench.limits(500, 800);
    bench.set(Setting::ChargeVoltageLimit { millivolts: 55_200 });
    bench.set(Setting::DischargeVoltageLimit { millivolts: 48_000 });
    bench.set(Setting::soc_percent(60));
    bench.set(Setting::PackVoltage {
        millivolts: Some(52_280),
    });
    bench.set(Setting::Current { milliamperes: 400 });
    bench.set(Setting::CellTemperature {
        sensor: None,
        decidegrees: 220,
    });
    bench.set(Setting::DesignCapacity {
        milliampere_hours: 572_000,
    });
    bench.expect_frames(&[
        ("351", "2802 F401 2003 E001"), // P-D1
        ("355", "3C00 6400"),           // P-D2
        ("356", "6C14 0400 DC00"),      // P-D3
        ("359", "0000 0000 01 504E"),   // P-D4
        ("35C", "C0 00"),               // P-A6
        ("35E", "50594C4F4E202020"),    // P-A7
        ("35F", "4C49 0103 3C02 AA00"), // P-B5
    ]);

    bench.set(Setting::CellVoltage {
        cell: None,
        millivolts: 3568,
    });
    bench.set(Setting::CellVoltage {
        cell: Some(1),
        millivolts: 3570,
    });
    bench.set(Setting::CellVoltage {
        cell: Some(5),
        millivolts: 3567,
    });
    bench.set(Setting::PackVoltage {
        millivolts: Some(57_080),
    });
    bench.set(Setting::Current { milliamperes: 0 });
    for (sensor, decidegrees) in [(1, 308), (2, 308), (3, 304), (4, 312)] {
        bench.set(Setting::CellTemperature {
            sensor: Some(sensor),
            decidegrees,
        });
    }
    bench.set(Setting::soc_percent(99));
    bench.expect_frames(&[
        ("355", "6300 6400"),           // P-C2
        ("356", "4C16 0000 3401"),      // P-C3
        ("370", "1F00 1E00 F20D EF0D"), // P-C6
        ("371", "0400 0300 0100 0500"), // P-C7
    ]);
}

#[test]
fn optional_frames_are_off_until_configured() {
    let all = PylonCanOptions {
        manufacturer_name: *b"DEYE    ",
        short_frames: false,
        alarm_pairs: true,
        identity: true,
        cell_extremes: Some(CellExtremesVariant::Tenths),
        modules: true,
        installed_capacity: true,
        capacities: false,
    };
    let mut bench = Bench::can(Config {
        packs: 2,
        ..options(all)
    });
    bench.set_pack(
        2,
        Setting::CellVoltage {
            cell: Some(12),
            millivolts: 3276,
        },
    );
    bench.set_pack(
        1,
        Setting::CellVoltage {
            cell: Some(5),
            millivolts: 3324,
        },
    );
    bench.set_pack(
        2,
        Setting::CellTemperature {
            sensor: Some(3),
            decidegrees: 264,
        },
    );
    bench.set_pack(
        1,
        Setting::CellTemperature {
            sensor: Some(2),
            decidegrees: 228,
        },
    );
    let condition = refbms::Condition::ChargeOverCurrentProtection;
    bench.set_pack(
        2,
        Setting::Condition {
            condition,
            active: true,
        },
    );

    let frames = bench.next_cycle();
    let expected = [
        ("351", "4002 D007 A00F C001"),
        ("355", "3200 6400 0000 0000"),
        ("356", "A014 0000 F900 0000"), // 24.9 degC
        ("359", "0001 0001 02 504E 00"),
        ("35A", "00000100 00000100"),
        ("35C", "C0 00000000000000"),
        ("35E", "4445594520202020"),
        ("35F", "4C49 0103 3002 AA00"),
        ("370", "0801 E400 FC0C CC0C"),
        ("371", "0700 0200 0500 1C00"),
        ("372", "0200 0100 0000 0000"),
        ("373", "CC0C FC0C 2801 2B01"),
        ("374", "5030324331320000"), // P02C12
        ("375", "5030314330350000"), // P01C05
        ("376", "5030315430320000"), // P01T02
        ("377", "5030325430330000"), // P02T03
        ("379", "3002 000000000000"),
    ];
    let expected: Vec<_> = expected
        .iter()
        .map(|(id, data)| ((*id).to_owned(), data.replace(' ', "")))
        .collect();
    assert_eq!(frames.into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn frames_keep_their_distance_and_their_period() {
    let mut bench = Bench::can(options(PylonCanOptions {
        alarm_pairs: true,
        identity: true,
        cell_extremes: Some(CellExtremesVariant::WholeDegrees),
        modules: true,
        installed_capacity: true,
        capacities: false,
        ..PylonCanOptions::default()
    }));
    let sent = bench.run_for(60_000);
    assert_eq!(sent.len(), 60 * 17, "every identifier once a second");
    for pair in sent.windows(2) {
        let gap = pair[1].0 - pair[0].0;
        assert!(gap >= 10, "{gap} ms between {pair:?}");
    }
    for (time, text) in &sent[17..] {
        let id = &text[..4];
        let before = sent
            .iter()
            .rfind(|(earlier, other)| earlier < time && other.starts_with(id))
            .unwrap();
        assert_eq!(time - before.0, 1000, "{id}");
    }
}

#[test]
fn one_event_shows_in_one_cycle_and_never_half() {
    let mut bench = Bench::can(Config::default());
    // The frame of limits of this cycle has gone when the protection trips.
    bench.run_to(3010);
    bench.force("cell_over_voltage_protection", true);
    let rest = bench.run_to(3999);
    assert!(rest.contains(&(3060, "359#0000000001504E00".into())), "{rest:?}");
    assert!(rest.contains(&(3080, "35C#C000000000000000".into())), "{rest:?}");
    let next = bench.run_to(4999);
    assert!(next.contains(&(4000, "351#40020000D007C001".into())), "{next:?}");
    assert!(next.contains(&(4060, "359#0200020001504E00".into())), "{next:?}");
    assert!(next.contains(&(4080, "35C#4000000000000000".into())), "{next:?}");
}

#[test]
fn limits_come_back_slowly_after_a_protection() {
    let mut bench = Bench::can(Config::default());
    bench.force("charge_over_temperature_protection", true);
    bench.run_to(4500);
    bench.force("charge_over_temperature_protection", false);
    for charge in ["FA00", "EE02", "E204", "D606", "D007", "D007"] {
        bench.expect_frames(&[
            ("351", &format!("4002 {charge} D007 C001")),
            ("35C", "C0 00000000000000"),
        ]);
    }
}

/// B-082.
#[test]
fn every_acknowledge_counts_and_none_is_needed() {
    let six_a_second = |sent: &[Sent]| sent.len() == 6;
    for text in [
        "305#0000000000000000",
        "305#",
        "305#21",
        "00000305#1122334455667788",
        "305#R8",
        "00000305#R0",
    ] {
        let mut bench = Bench::can(Config::default());
        bench.run_to(61_999);
        assert!(!bench.bms.status().inverter_lost, "59.999 s after the end of init");
        bench.run_to(62_000);
        assert!(bench.bms.status().inverter_lost, "60 s of silence");
        bench.run_to(62_999);
        assert!(six_a_second(&bench.run_for(1000)), "the battery goes on alone");

        bench.bms.handle_can(bench.now, &frame(text));
        assert!(!bench.bms.status().inverter_lost, "{text}");
        assert!(six_a_second(&bench.run_for(1000)), "{text} changes nothing on the bus");
        bench.run_for(58_999);
        assert!(!bench.bms.status().inverter_lost, "{text}");
        bench.run_for(1);
        assert!(bench.bms.status().inverter_lost, "lost again 60 s after {text}");
    }
}

#[test]
fn other_frames_are_no_sign_of_life() {
    let mut bench = Bench::can(Config::default());
    bench.run_to(61_000);
    for text in [
        "351#4002D007D007C001",
        "304#00",
        "306#00",
        "0C140000#00",
        "7FF#",
        "00000000#R8",
    ] {
        bench.bms.handle_can(bench.now, &frame(text));
    }
    bench.run_to(62_000);
    assert!(bench.bms.status().inverter_lost);
}

#[test]
fn only_the_master_speaks() {
    for dip in 0..=15 {
        let mut bench = Bench::new(Config {
            dip,
            ..Config::default()
        });
        let sent = bench.run_to(10_000);
        assert_eq!(!sent.is_empty(), dip <= 1, "DIP {dip}");
    }
}

#[test]
fn a_sleeping_battery_is_silent_and_wakes_through_init() {
    let mut bench = Bench::can(Config::default());
    bench.run_to(3010);
    bench.bms.sleep(bench.now);
    assert_eq!(bench.bms.poll_timeout(), None);
    assert_eq!(bench.run_to(100_000), []);
    bench.bms.wake(bench.now);
    assert_eq!(bench.run_to(101_999), []);
    assert_eq!(bench.run_to(102_999).len(), 6);
    // Waking what is awake changes nothing.
    bench.bms.wake(bench.now);
    assert_eq!(bench.run_to(103_999).len(), 6);
    bench.bms.power_cycle(bench.now);
    assert_eq!(bench.run_for(1999), []);
    assert_eq!(bench.run_for(1000).len(), 6);
}

#[test]
fn the_module_count_follows_a_pack_that_drops_out() {
    let mut bench = Bench::can(packs(4));
    bench.expect_frames(&[("359", "0000 0000 04 504E 00"), ("351", "4002 401F 401F C001")]);
    bench.bms.unplug(bench.now, 3).unwrap();
    bench.run_for(10_000);
    bench.expect_frames(&[("359", "0000 0008 03 504E 00"), ("351", "4002 7017 7017 C001")]);
    bench.bms.plug(bench.now, 3).unwrap();
    bench.run_for(2000);
    bench.expect_frames(&[("359", "0000 0000 04 504E 00")]);
}

#[test]
fn a_sensor_that_is_not_fitted_leaves_the_mean() {
    let mut bench = Bench::can(Config::default());
    for (sensor, decidegrees) in [(1, 100), (2, 200), (3, 300), (4, 600)] {
        bench.set(Setting::CellTemperature {
            sensor: Some(sensor),
            decidegrees,
        });
    }
    bench.set(Setting::SensorFitted {
        sensor: Sensor::Cell(4),
        fitted: false,
    });
    bench.expect_frames(&[("356", "A014 0000 C800 0000")]);
}

#[test]
fn a_late_driver_loses_no_frame_and_no_grid() {
    let mut bms = Bms::new(Config::default(), Instant::ZERO);
    // Woken only every 37 ms.
    let mut sent = Vec::new();
    for step in 0..400 {
        let now = Instant::from_millis(step * 37);
        bms.handle_timeout(now);
        while let Some(transmit) = bms.poll_transmit(now) {
            let Transmit::Can(frame) = transmit else {
                panic!("{transmit:?}")
            };
            sent.push((now, format!("{frame:?}")));
        }
    }
    assert!(
        sent.windows(2).all(|pair| pair[0].0 < pair[1].0),
        "two frames at one time"
    );
    for id in ["351", "355", "356", "359", "35C", "35E"] {
        let times: Vec<_> = sent
            .iter()
            .filter(|(_, text)| text.starts_with(id))
            .map(|(at, _)| *at)
            .collect();
        assert_eq!(times.len(), 13, "{id}");
        let span = times[12].duration_since(times[0]);
        assert!(
            span.abs_diff(Duration::from_secs(12)) <= Duration::from_millis(37),
            "{id} drifts: {span:?}"
        );
    }
}

#[test]
fn a_driver_that_slept_long_gets_one_cycle_not_all_that_it_missed() {
    let mut bench = Bench::can(Config::default());
    let late = Instant::from_millis(600_500);
    bench.bms.handle_timeout(late);
    bench.now = late;
    let sent = bench.run_to(601_999);
    assert!(sent.len() <= 12, "{sent:?}");
    assert_eq!(bench.run_to(602_999).len(), 6);
}

#[test]
fn the_clock_may_run_for_three_months() {
    let start = Instant::from_secs(90 * 86_400);
    let mut bms = Bms::new(Config::default(), start);
    let first = start + Duration::from_secs(2);
    assert_eq!(bms.poll_timeout(), Some(first));
    bms.handle_timeout(first);
    assert!(bms.poll_transmit(first).is_some());
    assert_eq!(bms.poll_timeout(), Some(first + Duration::from_millis(20)));
    // A clock that goes back is taken as standing still.
    assert_eq!(bms.poll_transmit(Instant::ZERO), None);
    assert_eq!(bms.poll_timeout(), Some(first + Duration::from_millis(20)));
}
