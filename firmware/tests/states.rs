//! The state machine of bms-behaviour 3.3: sleep, init, what each state does with the switches, how a battery sleeps and
//! wakes, and the keys.

mod bench;

use std::time::Duration;

use bench::{Bench, frame};
use refbms::{Condition, Config, Flow, Instant, Key, PackState, Parameter, Power, Protocol, Setting};

fn packs(packs: u8) -> Config {
    Config {
        packs,
        ..Config::default()
    }
}

/// A delivered battery that has just begun to speak.
fn running() -> Bench {
    let mut bench = Bench::can(Config::default());
    bench.run_to(2500);
    bench
}

fn cells(millivolts: u16) -> Setting {
    Setting::CellVoltage { cell: None, millivolts }
}

fn amperes(amperes: i32) -> Setting {
    Setting::Current {
        milliamperes: amperes * 1000,
    }
}

fn decidegrees(decidegrees: i16) -> Setting {
    Setting::CellTemperature {
        sensor: None,
        decidegrees,
    }
}

/// State and switches: charge, discharge.
type Observed = (PackState, bool, bool);

fn observed(bench: &Bench) -> Observed {
    let pack = bench.pack();
    assert_eq!(bench.bms.status().state, pack.state);
    (pack.state, pack.charge_mosfet_on, pack.discharge_mosfet_on)
}

/// B-051, B-033, B-061: 2 s of self-test and pre-charge with both switches open, then the first frame within 3 s.
#[test]
fn init_lasts_two_seconds_with_open_switches() {
    let mut bench = Bench::new(Config::default());
    assert_eq!(observed(&bench), (PackState::Init, false, false));
    bench.run_to(1999);
    assert_eq!(observed(&bench), (PackState::Init, false, false));
    let sent = bench.run_to(2000);
    assert_eq!(observed(&bench), (PackState::Standby, true, true));
    assert_eq!(sent.len(), 1, "the first frame at the end of init");

    // B-033: 0 to 5000 ms.
    for value in [0, 5000] {
        let mut bench = running();
        let parameter = Parameter::PrechargeDelay;
        bench.set(Setting::Parameter { parameter, value });
        bench.bms.power_cycle(bench.now);
        let first = bench.run_for(8000)[0].0;
        assert_eq!(first, 2500 + u64::try_from(value).unwrap());
    }
}

/// B-051: a self-test that fails ends in the fault state.
#[test]
fn a_failed_self_test_ends_in_a_fault() {
    let mut bench = Bench::new(Config::default());
    bench.force("soft_start_fault", true);
    bench.run_to(2000);
    assert_eq!(observed(&bench), (PackState::Fault, false, false));
}

/// B-052 to B-058: each state and its switches.
#[test]
fn each_state_has_its_switches() {
    type Case<'a> = (&'a [Setting], u64, Observed);
    let cases: [Case<'_>; 12] = [
        (&[], 0, (PackState::Standby, true, true)),
        (&[amperes(1)], 0, (PackState::Charge, true, true)),
        (&[amperes(-1)], 0, (PackState::Discharge, true, true)),
        (&[cells(3650)], 1000, (PackState::ChargeProtection, false, true)),
        (&[amperes(230)], 1000, (PackState::ChargeProtection, false, true)),
        (&[decidegrees(-1)], 2000, (PackState::ChargeProtection, false, true)),
        (&[cells(2700)], 1000, (PackState::DischargeProtection, true, false)),
        (&[amperes(-230)], 1000, (PackState::DischargeProtection, true, false)),
        (&[decidegrees(550)], 2000, (PackState::FullProtection, false, false)),
        (
            &[Setting::MosfetTemperature { decidegrees: 1050 }],
            2000,
            (PackState::FullProtection, false, false),
        ),
        (&[amperes(-650)], 1, (PackState::FullProtection, false, false)),
        (&[cells(4300)], 1000, (PackState::Fault, false, false)),
    ];
    for (settings, millis, expected) in cases {
        let mut bench = running();
        settings.iter().for_each(|setting| bench.set(*setting));
        bench.run_for(millis);
        assert_eq!(observed(&bench), expected, "{settings:?}");
    }
}

/// B-030, B-052 to B-054: into charge and discharge at 1 A, back below 0.7 A.
#[test]
fn a_current_makes_the_state() {
    let mut bench = running();
    for (milliamperes, state, flow) in [
        (999, PackState::Standby, Flow::Idle),
        (1000, PackState::Charge, Flow::Charging),
        (700, PackState::Charge, Flow::Charging),
        (699, PackState::Standby, Flow::Idle),
        (-1000, PackState::Discharge, Flow::Discharging),
        (-700, PackState::Discharge, Flow::Discharging),
        (-699, PackState::Standby, Flow::Idle),
    ] {
        bench.set(Setting::Current { milliamperes });
        let pack = bench.pack();
        assert_eq!((pack.state, pack.flow), (state, flow), "at {milliamperes} mA");
    }
}

/// B-058: a fault that was found stays until a restart, even when its cause is gone.
#[test]
fn only_a_restart_ends_a_fault() {
    type Restart = fn(&mut Bench);
    let restarts: [Restart; 4] = [
        |bench| bench.bms.power_cycle(bench.now),
        |bench| {
            bench.bms.sleep(bench.now);
            bench.bms.wake(bench.now);
        },
        |bench| {
            bench.bms.key(bench.now, Key::ResetPress);
            bench.run_for(1000);
            bench.bms.key(bench.now, Key::ResetRelease);
        },
        |bench| {
            bench.bms.key(bench.now, Key::SideSwitch);
            bench.bms.key(bench.now, Key::Power);
        },
    ];
    for restart in restarts {
        let mut bench = running();
        bench.set(cells(900));
        bench.run_for(1000);
        bench.set(cells(3300));
        bench.run_for(30_000);
        assert_eq!(observed(&bench).0, PackState::Fault);
        restart(&mut bench);
        bench.run_for(5000);
        assert_eq!(observed(&bench), (PackState::Standby, true, true));
    }
}

/// B-059: a discharge current through the body diode of the open charge switch closes it within 1 s.
#[test]
fn the_body_diode_is_relieved() {
    let mut bench = running();
    bench.set(decidegrees(-1));
    bench.set(amperes(-20));
    bench.run_for(2000);
    assert_eq!(observed(&bench), (PackState::ChargeProtection, false, true));
    bench.run_for(499);
    assert!(!bench.pack().charge_mosfet_on);
    bench.run_for(1);
    assert!(bench.pack().charge_mosfet_on, "half a second later");
    let pack = bench.pack();
    // Charging stays forbidden.
    assert!(!pack.charge_enable && pack.charge_current_limit_deci_a == 0);
    bench.set(Setting::Current { milliamperes: -700 });
    assert!(bench.pack().charge_mosfet_on);
    bench.set(Setting::Current { milliamperes: -699 });
    assert!(!bench.pack().charge_mosfet_on, "the current has ended");

    // With both switches open no current flows through anything.
    let mut bench = running();
    bench.set(decidegrees(-201));
    bench.set(amperes(-20));
    bench.run_for(10_000);
    assert_eq!(observed(&bench), (PackState::FullProtection, false, false));
}

/// Runs until the battery sleeps, at most `limit`; how long that took, in milliseconds.
fn time_to_sleep(bench: &mut Bench, limit: Duration) -> Option<u128> {
    let begin = bench.now;
    while bench.bms.status().power == Power::Running {
        bench.now = bench.bms.poll_timeout().filter(|at| at.duration_since(begin) < limit)?;
        bench.bms.handle_timeout(bench.now);
        while bench.bms.poll_transmit(bench.now).is_some() {}
    }
    let slept = bench.bms.status().power == Power::Asleep;
    slept.then(|| bench.now.duration_since(begin).as_millis())
}

const HOUR: u64 = 3_600_000;

/// B-031: one minute after an under-voltage protection, whoever speaks to it; a charge current prevents it.
#[test]
fn an_empty_battery_sleeps_after_a_minute() {
    for setting in [
        cells(2700),
        Setting::PackVoltage {
            millivolts: Some(43_000),
        },
    ] {
        let mut bench = running();
        bench.set(setting);
        bench.run_for(60_999);
        assert_eq!(observed(&bench).0, PackState::DischargeProtection);
        bench.bms.handle_can(bench.now, &frame("305#0000000000000000"));
        bench.run_for(1);
        assert_eq!(observed(&bench), (PackState::Sleep, false, false));
        assert_eq!(bench.bms.poll_timeout(), None);
        assert_eq!(bench.run_for(100_000), []);
    }
    let mut bench = running();
    bench.set(cells(2700));
    bench.run_for(60_000);
    bench.set(amperes(5));
    bench.run_for(600_000);
    assert_eq!(observed(&bench).0, PackState::Charge);
}

/// B-031: 48 h without current and without a word.
#[test]
fn an_idle_battery_sleeps_after_two_days() {
    let limit = Duration::from_secs(50 * 3600);
    // On RS485, where nothing is broadcast meanwhile.
    let running = || Bench::rs485(Config::default());
    let mut bench = running();
    assert_eq!(time_to_sleep(&mut bench, limit), Some(u128::from(48 * HOUR) - 1000));

    let mut bench = running();
    assert!(bench.ask("~200246620000FDAA").is_some());
    bench.run_for(7500);
    bench.bms.handle_serial(bench.now, b"~200246620000FDAA\r");
    assert_eq!(
        time_to_sleep(&mut bench, limit),
        Some(u128::from(48 * HOUR)),
        "from the last word on"
    );

    for milliamperes in [1000, -1000] {
        let mut bench = running();
        bench.set(Setting::Current { milliamperes });
        assert_eq!(time_to_sleep(&mut bench, limit), None, "it works");
        bench.set(Setting::Current { milliamperes: 699 });
        assert_eq!(
            time_to_sleep(&mut bench, limit),
            Some(u128::from(48 * HOUR)),
            "from the last current on"
        );
    }
}

/// B-031: a cell at 3.10 V or below, 5 minutes without current and without a word.
#[test]
fn a_low_battery_sleeps_after_five_minutes() {
    let limit = Duration::from_secs(3600);
    let low = |millivolts| Setting::CellVoltage {
        cell: Some(9),
        millivolts,
    };
    let mut bench = running();
    bench.set(low(3101));
    assert_eq!(time_to_sleep(&mut bench, limit), None);
    bench.set(low(3100));
    assert_eq!(time_to_sleep(&mut bench, limit), Some(300_000));

    let mut bench = running();
    bench.set(low(3100));
    bench.set(Setting::Current { milliamperes: -1000 });
    assert_eq!(time_to_sleep(&mut bench, limit), None, "it works");
    bench.set(Setting::Current { milliamperes: 0 });
    bench.run_for(299_000);
    bench.bms.handle_can(bench.now, &frame("305#0000000000000000"));
    assert_eq!(time_to_sleep(&mut bench, limit), Some(300_000), "from the last word on");
}

/// B-031: whoever asks the battery something every few minutes keeps it awake.
#[test]
fn a_question_counts_as_a_word() {
    let mut bench = Bench::rs485(Config::default());
    bench.set(cells(3050));
    for _ in 0..100 {
        bench.run_for(295_000);
        assert!(bench.ask("~200246620000FDAA").is_some());
    }
    bench.run_for(299_000);
    assert_eq!(observed(&bench).0, PackState::Standby);
    bench.run_for(1000);
    assert_eq!(observed(&bench).0, PackState::Sleep);
    assert_eq!(
        bench.ask("~200246620000FDAA"),
        None,
        "B-060: it does not answer in its sleep"
    );
}

/// R-040, B-050: POWER wakes; while the battery is awake it does nothing.
#[test]
fn power_wakes() {
    let mut bench = running();
    bench.bms.sleep(bench.now);
    bench.run_for(10_000);
    bench.bms.key(bench.now, Key::Power);
    assert_eq!(observed(&bench).0, PackState::Init);
    bench.run_for(2000);
    assert_eq!(observed(&bench), (PackState::Standby, true, true));
    bench.bms.key(bench.now, Key::Power);
    assert_eq!(observed(&bench), (PackState::Standby, true, true));
}

/// R-046: RESET held for 5 s shuts the whole machine down, at that moment and not before.
#[test]
fn reset_held_for_five_seconds_shuts_down() {
    let mut bench = Bench::can(packs(3));
    bench.run_to(10_000);
    bench.bms.key(bench.now, Key::ResetPress);
    bench.run_for(4999);
    assert_eq!(bench.bms.status().power, Power::Running);
    bench.run_for(1);
    assert_eq!(bench.bms.status().power, Power::Asleep);
    assert!((1..=3).all(|pack| bench.bms.pack_status(pack).unwrap().state == PackState::Sleep));
    // Letting go of the key then is no press.
    bench.run_for(3000);
    bench.bms.key(bench.now, Key::ResetRelease);
    assert_eq!(bench.bms.status().power, Power::Asleep);
    assert_eq!(bench.run_for(60_000), []);
}

/// B-050: RESET pressed for 1 s wakes a sleeping battery and restarts one that is awake.
#[test]
fn a_short_press_of_reset_wakes_or_restarts() {
    let press = |bench: &mut Bench, millis| {
        bench.bms.key(bench.now, Key::ResetPress);
        bench.run_for(millis);
        bench.bms.key(bench.now, Key::ResetRelease);
        bench.bms.status().power
    };
    let mut bench = running();
    assert_eq!(press(&mut bench, 999), Power::Running);
    assert_eq!(press(&mut bench, 1000), Power::Starting);
    bench.run_for(3000);
    bench.bms.sleep(bench.now);
    assert_eq!(press(&mut bench, 999), Power::Asleep);
    assert_eq!(press(&mut bench, 1000), Power::Starting);
    // A key that comes up without having gone down is no press; one that goes down twice counts from the first time.
    bench.run_for(3000);
    bench.bms.key(bench.now, Key::ResetRelease);
    assert_eq!(bench.bms.status().power, Power::Running);
    bench.bms.key(bench.now, Key::ResetPress);
    bench.run_for(3000);
    bench.bms.key(bench.now, Key::ResetPress);
    bench.run_for(2000);
    assert_eq!(bench.bms.status().power, Power::Asleep);
}

/// R-101, C-02: the switch at the side puts the battery to sleep at once.
#[test]
fn the_side_switch_puts_it_to_sleep() {
    let mut bench = running();
    bench.bms.key(bench.now, Key::SideSwitch);
    assert_eq!(observed(&bench), (PackState::Sleep, false, false));
    assert_eq!(bench.run_for(60_000), []);
}

/// R-047, B-160: a voltage 0.5 V above that of the pack wakes it.
#[test]
fn a_charger_wakes_it() {
    let mut bench = running();
    bench.bms.sleep(bench.now);
    bench.run_for(1000);
    // 16 x 3.300 V and 0.5 V.
    bench.bms.charger(bench.now, Some(53_299));
    assert_eq!(bench.bms.status().power, Power::Asleep);
    bench.bms.charger(bench.now, Some(53_300));
    assert_eq!(bench.bms.status().power, Power::Starting);
    bench.run_for(2000);
    assert_eq!(observed(&bench).0, PackState::Standby);
}

/// B-031, R-047: what a charger could no longer wake does not fall asleep at it.
#[test]
fn a_battery_at_a_charger_does_not_switch_itself_off() {
    let mut bench = running();
    bench.bms.charger(bench.now, Some(54_000));
    bench.set(cells(2700));
    bench.run_for(600_000);
    assert_eq!(observed(&bench).0, PackState::DischargeProtection);
    bench.bms.charger(bench.now, None);
    bench.run_for(1);
    assert_eq!(observed(&bench).0, PackState::Sleep);
}

/// B-017: a charger at the terminals ends the lock of a short circuit, whose charge current could not flow.
#[test]
fn a_charger_ends_a_lock() {
    let mut bench = running();
    bench.set(amperes(-650));
    bench.run_for(300_000);
    bench.set(amperes(0));
    assert!(bench.pack().over_current_locked);
    bench.bms.charger(bench.now, Some(54_000));
    assert_eq!(observed(&bench), (PackState::Standby, true, true));

    // A single trip waits for its minute all the same: the load may still be there.
    bench.set(Setting::Simulate { milliamperes: -650_000 });
    bench.run_for(1);
    assert_eq!(observed(&bench).0, PackState::FullProtection);
    bench.run_for(59_999);
    assert_eq!(observed(&bench).0, PackState::FullProtection);
}

/// B-060, B-050: nothing on either bus while asleep, whatever arrives; then init again.
#[test]
fn a_sleeping_battery_hears_nothing() {
    for protocol in Protocol::ALL {
        let mut bench = Bench::new(Config {
            protocol,
            ..Config::default()
        });
        bench.run_to(5000);
        bench.bms.sleep(bench.now);
        bench.bms.handle_can(bench.now, &frame("305#"));
        bench.bms.handle_serial(bench.now, b"~200246620000FDAA\r");
        assert_eq!(bench.bms.poll_timeout(), None);
        assert!(bench.bms.poll_transmit(bench.now).is_none());
        bench.set(amperes(-300));
        bench.set(cells(2500));
        assert_eq!(bench.bms.poll_timeout(), None, "nobody is there to notice");
        assert!(bench.pack().conditions.is_empty());
    }
}

/// B-031 in a bank: an empty slave switches itself off and is missed like one that is unplugged; POWER or a charger
/// brings it back.
#[test]
fn a_slave_sleeps_by_itself() {
    let empty = |bench: &mut Bench| {
        bench.set_pack(
            2,
            Setting::CellVoltage {
                cell: Some(1),
                millivolts: 2690,
            },
        );
        bench.run_for(70_000);
        let bank = bench.bms.status().bank;
        assert_eq!((bench.bms.status().power, bank.module_count), (Power::Running, 2));
        assert!(bank.conditions.contains(Condition::InternalCommunicationAlarm));
        assert_eq!(bench.bms.pack_status(2).unwrap().state, PackState::Sleep);
        bench.set_pack(2, cells(3300));
        bench.run_for(10_000);
        assert_eq!(bench.bms.status().bank.module_count, 2);
    };
    let mut bench = Bench::can(packs(3));
    bench.run_to(3000);
    empty(&mut bench);
    bench.bms.key(bench.now, Key::Power);
    bench.run_for(1000);
    assert_eq!(bench.bms.status().bank.module_count, 3);
    empty(&mut bench);
    bench.bms.charger(bench.now, Some(60_000));
    bench.run_for(1000);
    assert_eq!(bench.bms.status().bank.module_count, 3);
}

/// The master takes the whole battery with it.
#[test]
fn without_its_master_the_whole_bank_sleeps() {
    let mut bench = Bench::can(packs(3));
    bench.run_to(3000);
    bench.set_pack(1, cells(2690));
    bench.run_for(61_000);
    assert_eq!(bench.bms.status().power, Power::Asleep);
    assert_eq!(bench.bms.pack_status(3).unwrap().state, PackState::Sleep);
}

/// A battery that wakes up empty trips and sleeps again.
#[test]
fn an_empty_battery_sleeps_again() {
    let mut bench = running();
    bench.set(cells(2690));
    for _ in 0..5 {
        bench.run_for(61_000);
        assert_eq!(bench.bms.status().power, Power::Asleep);
        bench.bms.wake(bench.now);
        bench.run_for(2000);
        assert_eq!(
            observed(&bench).0,
            PackState::Standby,
            "it has not yet measured for long enough"
        );
    }
    assert!(bench.now > Instant::from_secs(300));
}
