//! What the battery does on any protocol, read from its status and from the buses.

mod bench;

use bench::Bench;
use refbms::{Condition, ConditionKind, Config, Instant, Power, Sensor, SetError, Setting, Switch};

fn packs(packs: u8) -> Config {
    Config {
        packs,
        ..Config::default()
    }
}

const DAY: u64 = 86_400_000;

#[test]
fn a_delivered_pack_is_neutral() {
    let mut bench = Bench::can(Config::default());
    bench.run_to(3000);
    let status = bench.bms.status();
    let bank = status.bank;
    assert_eq!((status.power, status.packs, status.dip), (Power::Running, 1, 1));
    assert_eq!((bank.pack_voltage_mv, bank.pack_current_ma), (52_800, 0));
    assert_eq!((bank.soc_percent, bank.soh_percent, bank.cycle_count), (50, 100, 12));
    assert_eq!(
        (bank.remaining_capacity_mah, bank.full_capacity_mah),
        (140_000, 280_000)
    );
    let temperature = |kind: Option<refbms::Temperatures>| kind.map(|sensors| sensors.mean_deci_c);
    assert_eq!(temperature(bank.cell_temperature), Some(250));
    assert_eq!(temperature(bank.mosfet_temperature), Some(280));
    assert_eq!(temperature(bank.ambient_temperature), Some(270));
    assert_eq!(
        (bank.charge_current_limit_deci_a, bank.discharge_current_limit_deci_a),
        (2000, 2000)
    );
    assert_eq!(
        (bank.charge_voltage_limit_mv, bank.discharge_voltage_limit_mv),
        (57_600, 44_800)
    );
    assert!(bank.charge_enable && bank.discharge_enable && bank.conditions.is_empty());
}

/// B-070, B-071, B-072, B-073.
#[test]
fn an_enable_and_its_limit_go_together_for_every_condition() {
    let mut bench = Bench::can(packs(2));
    for &condition in Condition::ALL {
        bench.set(Setting::Condition {
            condition,
            active: true,
        });
        let bank = bench.bms.status().bank;
        assert!(bank.conditions.contains(condition), "{}", condition.name());
        assert_eq!(
            bank.charge_enable,
            bank.charge_current_limit_deci_a == 4000,
            "{}",
            condition.name()
        );
        assert_eq!(
            bank.discharge_enable,
            bank.discharge_current_limit_deci_a == 4000,
            "{}",
            condition.name()
        );
        assert_eq!(
            bank.charge_enable,
            !bank.conditions.blocks_charge(),
            "{}",
            condition.name()
        );
        assert_eq!(
            bank.discharge_enable,
            !bank.conditions.blocks_discharge(),
            "{}",
            condition.name()
        );
        let blocked = !bank.charge_enable || !bank.discharge_enable;
        assert_eq!(
            blocked,
            condition.kind() != ConditionKind::Alarm,
            "{}",
            condition.name()
        );
        // B-072: what is forbidden is said by limits and enables, never by the voltage.
        assert_eq!(
            (bank.charge_voltage_limit_mv, bank.discharge_voltage_limit_mv),
            (57_600, 44_800)
        );
        bench.set(Setting::Condition {
            condition,
            active: false,
        });
        bench.run_for(5000);
        assert_eq!(bench.bms.status().bank.charge_current_limit_deci_a, 4000);
    }
}

/// B-108, B-111.
#[test]
fn one_blocked_pack_of_four_leaves_three_quarters() {
    let mut bench = Bench::can(packs(4));
    let block = |active| Setting::Condition {
        condition: Condition::CellOverVoltageProtection,
        active,
    };
    bench.set_pack(2, block(true));
    let bank = bench.bms.status().bank;
    assert_eq!((bank.charge_enable, bank.charge_current_limit_deci_a), (true, 6000));
    assert_eq!(
        (bank.discharge_enable, bank.discharge_current_limit_deci_a),
        (true, 8000)
    );
    bench.set(block(true));
    let bank = bench.bms.status().bank;
    assert_eq!((bank.charge_enable, bank.charge_current_limit_deci_a), (false, 0));
}

#[test]
fn the_charge_switch_stays_closed_in_the_full_hold() {
    let mut bench = Bench::rs485(Config::default());
    let switches = |bench: &mut Bench| bench.ask("~20024644E00202FD31").map(|reply| reply[71..73].to_owned());
    bench.set(Setting::FullHold(true));
    assert_eq!(switches(&mut bench).as_deref(), Some("0E"));
    let pack = bench.bms.pack_status(1).unwrap();
    assert!(pack.charge_mosfet_on && !pack.charge_enable);
    assert_eq!(bench.bms.pack_status(2), None);
    bench.force("cell_over_voltage_protection", true);
    assert_eq!(switches(&mut bench).as_deref(), Some("0C"));
    bench.set(Setting::ChargeMosfet(Switch::On));
    bench.set(Setting::DischargeMosfet(Switch::Off));
    assert_eq!(switches(&mut bench).as_deref(), Some("0A"));
}

#[test]
fn requests_follow_the_charge_of_the_bank_and_of_each_pack() {
    let mut bench = Bench::rs485(packs(2));
    let status = |bench: &mut Bench, question: &str| {
        bench
            .ask(question)
            .map(|reply| reply[reply.len() - 6..][..2].to_owned())
    };
    let (pack_1, pack_2, bank) = ("~20024692E00202FD2E", "~20034692E00203FD2C", "~200246630000FDA9");
    // One pack nearly empty: the bank as a whole is not.
    bench.set_pack(1, Setting::soc_percent(9));
    bench.set_pack(2, Setting::soc_percent(80));
    assert_eq!(status(&mut bench, pack_1).as_deref(), Some("F0"));
    assert_eq!(status(&mut bench, pack_2).as_deref(), Some("C0"));
    assert_eq!(status(&mut bench, bank).as_deref(), Some("C0"));
    bench.set_pack(2, Setting::soc_percent(16));
    assert_eq!(status(&mut bench, bank).as_deref(), Some("E0"), "12.5 % shows as 12 %");
    bench.set_pack(2, Setting::soc_percent(25));
    assert_eq!(
        status(&mut bench, bank).as_deref(),
        Some("E0"),
        "17 % is inside the hysteresis"
    );
    bench.set_pack(2, Setting::soc_percent(27));
    assert_eq!(status(&mut bench, bank).as_deref(), Some("C0"));
}

/// B-079.
#[test]
fn a_full_charge_is_asked_for_after_thirty_days_without_one() {
    let mut bench = Bench::can(Config::default());
    // A small load keeps the battery awake (B-031).
    bench.set(Setting::Current { milliamperes: -1000 });
    let asked = |bench: &mut Bench, at: u64| {
        bench.bms.handle_timeout(Instant::from_millis(at));
        bench.now = Instant::from_millis(at);
        bench.bms.status().bank.requests.full_charge
    };
    assert!(!asked(&mut bench, 30 * DAY), "counted from the end of init");
    assert!(asked(&mut bench, 30 * DAY + 2000));
    bench.set(Setting::soc_percent(97));
    assert!(!asked(&mut bench, 30 * DAY + 2001));
    assert!(!asked(&mut bench, 70 * DAY));
    bench.set(Setting::soc_percent(96));
    assert!(!asked(&mut bench, 100 * DAY - 1));
    assert!(asked(&mut bench, 100 * DAY));
    bench.set(Setting::FullChargeRequest(Switch::Off));
    assert!(!asked(&mut bench, 101 * DAY));
}

#[test]
fn charge_and_remaining_capacity_move_together() {
    let mut bench = Bench::can(Config::default());
    bench.set(Setting::Soc { centipercent: 3333 });
    assert_eq!(bench.bms.status().bank.remaining_capacity_mah, 93_324);
    bench.set(Setting::RemainingCapacity {
        milliampere_hours: 196_000,
    });
    assert_eq!(bench.bms.status().bank.soc_centipercent, 7000);
    bench.set(Setting::RemainingCapacity { milliampere_hours: 0 });
    assert_eq!(bench.bms.status().bank.soc_centipercent, 0);
    bench.set(Setting::soc_percent(100));
    assert_eq!(bench.bms.status().bank.soc_percent, 100);
    bench.set(Setting::FullyCharged(false));
    let bank = bench.bms.status().bank;
    assert_eq!((bank.soc_percent, bank.soc_centipercent), (99, 9999));
}

#[test]
fn a_refused_setting_says_its_range_and_changes_nothing() {
    let mut bench = Bench::can(packs(2));
    let before = bench.bms.status();
    let cases = [
        (
            None,
            Setting::CellVoltage {
                cell: Some(17),
                millivolts: 3300,
            },
            "there is no cell 17; cells are 1..=16",
        ),
        (
            None,
            Setting::CellVoltage {
                cell: Some(0),
                millivolts: 3300,
            },
            "there is no cell 0; cells are 1..=16",
        ),
        (
            None,
            Setting::CellVoltage {
                cell: None,
                millivolts: 5001,
            },
            "cell voltage of 5001 mV is outside 0..=5000 mV",
        ),
        (
            None,
            Setting::CellTemperature {
                sensor: Some(5),
                decidegrees: 0,
            },
            "there is no cell sensor 5; cell sensors are 1..=4",
        ),
        (
            None,
            Setting::SensorFitted {
                sensor: Sensor::Cell(0),
                fitted: true,
            },
            "there is no cell sensor 0; cell sensors are 1..=4",
        ),
        (
            None,
            Setting::ChargeCurrentLimit { deciamperes: 2001 },
            "charge current limit of 2001 x 0.1 A is outside 0..=2000 x 0.1 A",
        ),
        (
            None,
            Setting::ChargeVoltageLimit { millivolts: 58_401 },
            "charge voltage limit of 58401 mV is outside 54000..=58400 mV",
        ),
        (
            None,
            Setting::DischargeVoltageLimit { millivolts: 39_999 },
            "discharge voltage limit of 39999 mV is outside 40000..=48000 mV",
        ),
        (
            None,
            Setting::Soc { centipercent: 10_001 },
            "state of charge of 10001 x 0.01 % is outside 0..=10000 x 0.01 %",
        ),
        (
            None,
            Setting::Soh { percent: 101 },
            "state of health of 101 % is outside 0..=100 %",
        ),
        (
            None,
            Setting::AmbientTemperature { decidegrees: -1001 },
            "ambient temperature of -1001 x 0.1 degC is outside -1000..=3000 x 0.1 degC",
        ),
        (
            None,
            Setting::FullCapacity { milliampere_hours: 0 },
            "full capacity of 0 mAh is outside 1..=16777215 mAh",
        ),
        (Some(3), Setting::Heater(true), "there is no pack 3; packs are 1..=2"),
        (Some(0), Setting::Heater(true), "there is no pack 0; packs are 1..=2"),
    ];
    for (pack, setting, message) in cases {
        let error = bench.bms.set(bench.now, pack, setting).expect_err(message);
        assert_eq!(error.to_string(), message);
    }
    assert_eq!(bench.bms.status(), before);
    assert_eq!(bench.bms.set_packs(bench.now, 5), Err(SetError::PackCount { packs: 5 }));
    assert_eq!(bench.bms.set_packs(bench.now, 0), Err(SetError::PackCount { packs: 0 }));
    assert_eq!(bench.bms.unplug(bench.now, 1), Err(SetError::WiredPack));
    assert_eq!(
        bench.bms.plug(bench.now, 3),
        Err(SetError::NoSuchPack { pack: 3, packs: 2 })
    );
    assert_eq!(
        bench.bms.unplug(bench.now, 0),
        Err(SetError::NoSuchPack { pack: 0, packs: 2 })
    );
    assert_eq!(bench.bms.status(), before);
}

#[test]
fn what_was_set_survives_a_power_cycle_but_not_what_was_remembered() {
    let mut bench = Bench::can(packs(2));
    bench.set(Setting::soc_percent(12));
    bench.set(Setting::soc_percent(16));
    assert!(bench.bms.status().bank.requests.force_charge_2);
    bench.bms.unplug(bench.now, 2).unwrap();
    bench.run_for(10_000);
    assert_eq!(bench.bms.status().bank.module_count, 1);
    bench.bms.plug(bench.now, 2).unwrap();
    bench.bms.power_cycle(bench.now);
    assert_eq!(bench.bms.status().power, Power::Starting);
    bench.run_for(2000);
    let bank = bench.bms.status().bank;
    assert_eq!((bank.soc_percent, bank.module_count), (16, 2));
    assert!(!bank.requests.force_charge_2);
}

#[test]
fn the_number_of_packs_may_be_changed_while_running() {
    let mut bench = Bench::can(packs(1));
    for count in [4, 2, 3, 1] {
        bench.bms.set_packs(bench.now, count).unwrap();
        let bank = bench.bms.status().bank;
        assert_eq!(
            (bank.module_count, bank.charge_current_limit_deci_a),
            (count, 2000 * u32::from(count))
        );
        bench.run_for(20_000);
        assert!(bench.bms.status().bank.conditions.is_empty());
    }
}

#[test]
fn a_wrong_configuration_is_taken_as_the_nearest_right_one() {
    let packs = |packs| {
        Bench::can(Config {
            packs,
            ..Config::default()
        })
        .bms
        .status()
        .packs
    };
    assert_eq!((packs(0), packs(4), packs(5), packs(255)), (1, 4, 4, 4));
    assert_eq!(
        Bench::can(Config {
            dip: 0x31,
            ..Config::default()
        })
        .bms
        .status()
        .dip,
        1
    );
}
