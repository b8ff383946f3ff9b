//! What the inverter is told: derating, full detection and full hold, the way back after a protection, the limiter
//! (bms-behaviour 3.4 and 3.5).

mod bench;

use bench::Bench;
use refbms::{CanFrame, Condition, Config, PackState, PackView, Parameter, Setting, Switch};

fn running() -> Bench {
    let mut bench = Bench::can(Config::default());
    bench.run_to(2500);
    bench
}

fn cells(millivolts: u16) -> Setting {
    Setting::CellVoltage { cell: None, millivolts }
}

fn cell(cell: u8, millivolts: u16) -> Setting {
    Setting::CellVoltage {
        cell: Some(cell),
        millivolts,
    }
}

fn milliamperes(milliamperes: i32) -> Setting {
    Setting::Current { milliamperes }
}

/// Charge and discharge current limit in 0.1 A.
fn limits(pack: &PackView) -> (u16, u16) {
    (pack.charge_current_limit_deci_a, pack.discharge_current_limit_deci_a)
}

/// 3.5, B-074: the worked example, down to the wire: 76.0 A.
#[test]
fn the_worked_example_reaches_the_wire() {
    let mut bench = running();
    bench.set(cell(7, 3520));
    bench.set(Setting::CellTemperature {
        sensor: Some(4),
        decidegrees: 120,
    });
    bench.set(Setting::soc_percent(93));
    bench.expect_frames(&[("351", "4002 F802 D007 C001")]);
}

/// B-074, B-075: each input alone, on the side that it belongs to.
#[test]
fn each_input_derates_its_side() {
    let temperature = |decidegrees| Setting::CellTemperature {
        sensor: None,
        decidegrees,
    };
    let cases = [
        (cell(3, 3525), (700, 2000)),
        (cell(3, 2950), (2000, 1500)),
        (temperature(75), (700, 2000)),
        (temperature(-50), (200, 1500)),
        (temperature(475), (1500, 1500)),
        (Setting::MosfetTemperature { decidegrees: 750 }, (1500, 1500)),
        (Setting::AmbientTemperature { decidegrees: -100 }, (2000, 2000)),
        (Setting::Soc { centipercent: 9250 }, (1500, 2000)),
        (Setting::Soc { centipercent: 750 }, (2000, 1500)),
        (Setting::soc_percent(100), (200, 2000)),
        (Setting::soc_percent(0), (2000, 400)),
    ];
    for (setting, expected) in cases {
        let mut bench = running();
        bench.set(setting);
        assert_eq!(limits(&bench.pack()), expected, "{setting:?}");
        assert!(bench.pack().charge_enable && bench.pack().discharge_enable);
    }
}

/// B-074: the nominal value is taken back in the same way, and is itself never more than 200.0 A.
#[test]
fn a_lower_nominal_value_is_derated_too() {
    let mut bench = running();
    bench.set(Setting::ChargeCurrentLimit { deciamperes: 1000 });
    bench.set(Setting::DischargeCurrentLimit { deciamperes: 1400 });
    bench.set(cell(1, 3500));
    bench.set(cell(2, 2900));
    assert_eq!(limits(&bench.pack()), (500, 700));
}

/// B-108: derated packs of a bank, the smallest times their number.
#[test]
fn a_bank_takes_the_smallest_request() {
    let mut bench = Bench::can(Config {
        packs: 3,
        ..Config::default()
    });
    bench.run_to(2500);
    bench.set_pack(2, cell(1, 3500));
    let bank = bench.bms.status().bank;
    assert_eq!(bank.charge_current_limit_deci_a, 3 * 1000);
    assert_eq!(bank.discharge_current_limit_deci_a, 3 * 2000);
}

/// B-072: the charge voltage stays the same whatever is forbidden.
#[test]
fn the_charge_voltage_stays() {
    let mut bench = running();
    for setting in [cells(3700), cells(2600), cells(900)] {
        bench.set(setting);
        bench.run_for(3000);
        let pack = bench.pack();
        assert_eq!(
            (pack.charge_voltage_limit_mv, pack.discharge_voltage_limit_mv),
            (57_600, 44_800)
        );
    }
}

/// B-077: after a release a limit rises by 50 A per second, and no further than derating lets it.
#[test]
fn a_limit_comes_back_slowly_and_only_so_far() {
    let mut bench = running();
    bench.set(cell(1, 3650));
    bench.run_for(1000);
    assert_eq!(limits(&bench.pack()), (0, 2000));
    bench.set(Setting::soc_percent(93));
    bench.set(cell(1, 3300));
    let mut seen = Vec::new();
    for _ in 0..5 {
        seen.push(bench.pack().charge_current_limit_deci_a);
        bench.run_for(1000);
    }
    assert_eq!(seen, [0, 500, 1000, 1400, 1400]);
}

/// B-077: a limit is 0 from the moment of the protection on.
#[test]
fn a_protection_takes_its_limit_away_at_once() {
    let mut bench = running();
    bench.set(milliamperes(-230_000));
    bench.run_for(999);
    assert_eq!(limits(&bench.pack()), (2000, 2000));
    bench.run_for(1);
    assert_eq!(limits(&bench.pack()), (2000, 0));
}

/// The state in which a charger's current has fallen: 56.0 V and 5.6 A.
fn tapering(pack_mv: u32, current: i32) -> Bench {
    let mut bench = running();
    bench.set(Setting::soc_percent(97));
    bench.set(cells(3500));
    bench.set(Setting::PackVoltage {
        millivolts: Some(pack_mv),
    });
    bench.set(milliamperes(current));
    bench
}

/// B-029: 56.0 V and 0 to 5.6 A for 60 s.
#[test]
fn a_pack_is_full_after_a_minute_of_low_current() {
    for (pack_mv, current) in [(56_000, 5600), (57_600, 0), (56_000, 2000)] {
        let mut bench = tapering(pack_mv, current);
        bench.run_for(59_999);
        assert!(!bench.pack().fully_charged, "{pack_mv} mV, {current} mA");
        bench.run_for(1);
        let pack = bench.pack();
        assert!(pack.fully_charged && pack.full_hold);
        assert_eq!(pack.soc_centipercent, 10_000);
        assert_eq!(pack.remaining_capacity_mah, pack.full_capacity_mah);
    }
    for (pack_mv, current) in [(55_999, 2000), (56_000, 5601), (56_000, -1)] {
        let mut bench = tapering(pack_mv, current);
        bench.run_for(200_000);
        assert!(!bench.pack().fully_charged, "{pack_mv} mV, {current} mA");
    }
    let mut bench = tapering(56_000, 5600);
    bench.run_for(59_000);
    bench.set(milliamperes(5601));
    bench.set(milliamperes(5600));
    bench.run_for(59_999);
    assert!(!bench.pack().fully_charged, "counted anew");
    bench.run_for(1);
    assert!(bench.pack().fully_charged);
}

/// B-029, C-14: an over-voltage protection makes the pack full too; one that the bench holds does not.
#[test]
fn over_voltage_makes_a_pack_full() {
    let mut bench = running();
    bench.set(milliamperes(50_000));
    bench.set(cell(5, 3650));
    bench.run_for(999);
    assert_eq!(bench.pack().soc_percent(), 50);
    bench.run_for(1);
    assert!(bench.pack().fully_charged && bench.pack().full_hold);
    assert_eq!(bench.pack().soc_percent(), 100);

    let mut bench = running();
    bench.force("cell_over_voltage_protection", true);
    bench.run_for(10_000);
    assert_eq!(bench.pack().soc_percent(), 50);
    // Nor does a measured one that the bench holds off.
    let mut bench = running();
    bench.set(Setting::HoldCondition {
        condition: Condition::CellOverVoltageProtection,
        hold: Switch::Off,
    });
    bench.set(cell(5, 3660));
    bench.run_for(10_000);
    assert_eq!(bench.pack().soc_percent(), 50);
}

/// B-080, Q-07: in the full hold limit and enable are 0 and the charge switch stays closed; it ends below 96 % or when
/// the highest cell is below 3.38 V.
#[test]
fn the_full_hold_and_its_end() {
    let held = || {
        let mut bench = tapering(56_000, 2000);
        bench.run_for(60_000);
        let pack = bench.pack();
        assert_eq!((pack.charge_enable, limits(&pack)), (false, (0, 2000)));
        assert!(pack.charge_mosfet_on && pack.discharge_enable);
        assert_eq!(pack.state, PackState::Charge, "it is no protection");
        bench.set(milliamperes(0));
        bench
    };
    let mut bench = held();
    bench.set(Setting::soc_percent(96));
    assert!(!bench.pack().charge_enable, "at 96 %");
    bench.set(Setting::Soc { centipercent: 9599 });
    assert!(bench.pack().charge_enable, "below 96 %");
    assert_eq!(bench.pack().charge_current_limit_deci_a, 0, "it comes back slowly");

    let mut bench = held();
    bench.set(Setting::PackVoltage { millivolts: None });
    bench.set(cell(8, 3380));
    for number in (1..=16).filter(|number| *number != 8) {
        bench.set(cell(number, 3300));
    }
    assert!(!bench.pack().charge_enable, "a cell at 3.38 V");
    bench.set(cell(8, 3379));
    assert!(bench.pack().charge_enable, "all below 3.38 V");
    assert!(bench.pack().fully_charged, "full all the same");
    bench.run_for(600_000);
    assert!(bench.pack().charge_enable);
    // Charged again, it is found full again.
    bench.set(cells(3510));
    bench.run_for(59_999);
    assert!(bench.pack().charge_enable);
    bench.run_for(1);
    assert!(!bench.pack().charge_enable);
}

/// B-080: on its way to full the limit falls but stays above 0 until something is detected.
#[test]
fn the_limit_stays_above_zero_until_full() {
    let mut bench = running();
    bench.set(milliamperes(20_000));
    let mut last = u16::MAX;
    for (percent, millivolts) in [(90, 3450), (95, 3500), (97, 3550), (99, 3600), (99, 3640)] {
        bench.set(Setting::soc_percent(percent));
        bench.set(cells(millivolts));
        bench.run_for(1000);
        let limit = bench.pack().charge_current_limit_deci_a;
        assert!((1..last).contains(&limit), "{limit} at {millivolts} mV");
        last = limit;
    }
}

/// B-080: the bench may hold and let go; what it holds does not end by itself.
#[test]
fn a_full_hold_of_the_bench() {
    let mut bench = running();
    bench.set(Setting::FullHold(true));
    bench.run_for(100_000);
    assert!(!bench.pack().charge_enable, "at 50 % and 3.3 V");
    bench.bms.power_cycle(bench.now);
    bench.run_for(10_000);
    assert!(!bench.pack().charge_enable, "after a restart");
    bench.set(Setting::FullHold(false));
    assert!(bench.pack().charge_enable);

    let mut bench = tapering(56_000, 0);
    bench.run_for(60_000);
    assert!(bench.pack().full_hold);
    bench.set(Setting::FullHold(false));
    assert!(bench.pack().charge_enable, "one that the battery had begun");
    bench.run_for(59_999);
    assert!(bench.pack().charge_enable);
    bench.run_for(1);
    assert!(!bench.pack().charge_enable, "found full anew");
}

/// Setting 100 % sets 100 %, and nothing else.
#[test]
fn a_charge_that_is_set_begins_no_hold() {
    let mut bench = running();
    bench.set(cells(3400));
    bench.set(Setting::soc_percent(100));
    bench.run_for(10_000);
    let pack = bench.pack();
    assert!(pack.fully_charged && !pack.full_hold && pack.charge_enable);
}

/// B-081: 100 % only after full detection.
#[test]
fn a_hundred_per_cent_only_when_full() {
    let mut bench = running();
    bench.set(Setting::Soc { centipercent: 9999 });
    bench.expect_frames(&[("355", "6300 6400 0000 0000")]);
    bench.set(cell(1, 3650));
    bench.run_for(1000);
    bench.expect_frames(&[("355", "6400 6400 0000 0000")]);
}

/// B-032: not fitted as delivered; automatic for five minutes at a time while the current is too high.
#[test]
fn the_charge_current_limiter() {
    let mut bench = running();
    bench.set(milliamperes(206_000));
    bench.run_for(2000);
    assert_eq!(bench.pack().charge_current_limit_deci_a, 2000, "not fitted");
    bench.set(Setting::ChargeCurrentLimiter(Switch::Automatic));
    let on = |bench: &Bench| {
        let pack = bench.pack();
        assert_eq!(
            pack.charge_current_limiter_on,
            pack.charge_current_limit_deci_a == 100,
            "10 A"
        );
        pack.charge_current_limiter_on
    };
    assert!(on(&bench));
    bench.set(milliamperes(9000));
    bench.run_for(299_999);
    assert!(on(&bench));
    bench.run_for(1);
    assert!(!on(&bench), "checked again");
    bench.set(milliamperes(206_000));
    bench.run_for(999);
    assert!(!on(&bench));
    bench.run_for(600_001);
    assert!(on(&bench), "the alarm is still there after five minutes");
    bench.set(Setting::ChargeCurrentLimiter(Switch::Off));
    assert!(!on(&bench));
    bench.set(Setting::ChargeCurrentLimiter(Switch::On));
    bench.set(milliamperes(0));
    bench.run_for(10_000);
    assert!(on(&bench));
    bench.set(Setting::Parameter {
        parameter: Parameter::ChargeCurrentLimiterCurrent,
        value: 50,
    });
    assert_eq!(bench.pack().charge_current_limit_deci_a, 50);
}

/// B-076: flags, limits and alarms of one event come in the same cycle, whenever it happens.
#[test]
fn one_event_shows_in_one_cycle() {
    let before = ["4002D007D007C001", "0000000001504E00", "C000000000000000"];
    let after = ["4002D0070000C001", "8000800001504E00", "8000000000000000"];
    for offset in (0..1000).step_by(37) {
        let mut bench = running();
        bench.run_to(3000 + offset);
        bench.set(milliamperes(-230_000));
        let mut cycles = Vec::new();
        for _ in 0..3 {
            let frames = bench.next_cycle();
            cycles.push(["351", "359", "35C"].map(|id| frames[id].clone()));
        }
        // It trips 1 s after the current came: in the second cycle from now, or at its very beginning in the first.
        for cycle in &cycles {
            assert!(
                *cycle == before || *cycle == after,
                "{offset} ms into a cycle: {cycle:?}"
            );
        }
        assert_eq!(cycles[1], after, "{offset} ms into a cycle");
    }
}

/// B-078: the requests over a discharge and a charge, with the lowest cell.
#[test]
fn requests_for_charge_have_their_hysteresis() {
    let mut bench = running();
    let steps = [
        (14, 3300, "C0"),
        (13, 3300, "D0"),
        (11, 3300, "D0"),
        (10, 3300, "F0"),
        (14, 3300, "F0"),
        (15, 3300, "D0"),
        (17, 3300, "D0"),
        (18, 3300, "C0"),
        (50, 2800, "E0"),
        (50, 2949, "E0"),
        (50, 2950, "C0"),
        (3, 3300, "F0"),
    ];
    for (percent, millivolts, flags) in steps {
        bench.set(Setting::soc_percent(percent));
        bench.set(cell(11, millivolts));
        bench.run_for(1500);
        bench.expect_frames(&[("35C", &format!("{flags} 00000000000000"))]);
    }
}

/// whatever the cells do, nothing forbidden is ever sent.
#[test]
fn limits_of_the_product_hold_on_the_way_through_all_voltages() {
    use embedded_can::Frame;
    let word = |frame: &CanFrame, at: usize| u16::from_le_bytes([frame.data()[at], frame.data()[at + 1]]);
    for step in 0..120 {
        let millivolts = 2500 + step * 12;
        let mut bench = running();
        bench.set(cells(millivolts));
        let frames: Vec<_> = bench
            .run_for(3500)
            .into_iter()
            .map(|(_, text)| bench::frame(&text))
            .collect();
        let limits: Vec<_> = frames.iter().filter(|frame| frame.raw_id() == 0x351).collect();
        assert!(!limits.is_empty());
        for frame in limits {
            assert!(word(frame, 0) <= 584 && word(frame, 2) <= 2000 && word(frame, 4) <= 2000);
        }
        let last = frames.iter().rfind(|frame| frame.raw_id() == 0x35C).unwrap();
        let allowed = (last.data()[0] & 0x80 != 0, last.data()[0] & 0x40 != 0);
        assert_eq!(allowed, (millivolts < 3650, millivolts > 2700), "at {millivolts} mV");
    }
}
