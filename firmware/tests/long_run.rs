//! Weeks of battery life: nothing drifts, nothing wraps, nothing is forgotten.

mod bench;

use std::time::Duration;

use bench::{Bench, Sent, frame};
use refbms::{Bms, Condition, Config, Instant, Power, Protocol, Setting, Transmit};

const HOUR: Duration = Duration::from_secs(3600);

/// Milliseconds at which a 32-bit millisecond counter wraps: 49.7 days.
const WRAP_MILLIS: u64 = 1 << 32;

/// A battery switched on at this moment, on CAN.
fn switched_on(millis: u64) -> Bench {
    let now = Instant::from_millis(millis);
    Bench {
        bms: Bms::new(Config::default(), now),
        now,
    }
}

/// What happens to a battery in eleven minutes, in milliseconds since its switch-on: frames, a protection with its delay,
/// its release and the ramp, an over-current with its minute, and the loss of the inverter.
fn eventful(bench: &mut Bench, start: u64) -> Vec<Sent> {
    let mut sent = Vec::new();
    let steps: [(u64, Setting); 6] = [
        (
            60_500,
            Setting::CellVoltage {
                cell: Some(3),
                millivolts: 2690,
            },
        ),
        (
            70_250,
            Setting::CellVoltage {
                cell: Some(3),
                millivolts: 3300,
            },
        ),
        (250_000, Setting::Current { milliamperes: -350_000 }),
        (251_000, Setting::Current { milliamperes: 0 }),
        (400_000, Setting::MosfetTemperature { decidegrees: 1060 }),
        (500_000, Setting::MosfetTemperature { decidegrees: 280 }),
    ];
    for (at, setting) in steps {
        sent.extend(bench.run_to(start + at));
        bench.set(setting);
    }
    sent.extend(bench.run_to(start + 660_000));
    sent.iter_mut().for_each(|(at, _)| *at -= start);
    sent
}

/// 49.7 days: everything is the same when a 32-bit counter of milliseconds, or of microseconds, would wrap on the way.
#[test]
fn a_wrap_of_32_bits_changes_nothing() {
    let expected = eventful(&mut switched_on(0), 0);
    assert!(expected.len() > 3900);
    for before in [0, 1, 61_000, 300_000, 450_500] {
        for wrap in [WRAP_MILLIS, WRAP_MILLIS / 1000, 2 * WRAP_MILLIS] {
            let start = wrap - before;
            assert_eq!(
                eventful(&mut switched_on(start), start),
                expected,
                "{before} ms before {wrap} ms"
            );
        }
    }
}

/// 49.7 days and more without a break, asked every two hours: the battery answers as on the first day.
#[test]
fn a_battery_answers_for_fifty_days() {
    let mut bench = Bench::rs485(Config::default());
    // A small load keeps its state of charge in question, and the request for a full charge in view (B-079).
    bench.set(Setting::Current { milliamperes: -2000 });
    let questions = ["~200246610000FDAB", "~200246620000FDAA", "~200246630000FDA9"];
    let first = questions.map(|question| bench.ask(question).expect("an answer"));
    let days = 51;
    for hour in (0..days * 24).step_by(2) {
        for (question, expected) in questions.iter().zip(&first) {
            let reply = bench.ask(question).expect("an answer");
            let full_charge_asked_for = *question == questions[2] && hour >= 30 * 24;
            assert_eq!(reply == *expected, !full_charge_asked_for, "{question} after {hour} h");
        }
        let next = bench.now + 2 * HOUR - Duration::from_millis(1500);
        bench.run_to(next.as_micros() / 1000);
        let status = bench.bms.status();
        assert_eq!((status.power, status.bank.module_count), (Power::Running, 1));
        assert_eq!(status.bank.soc_percent, 50, "a current that is set counts nothing");
    }
    assert!(bench.now > Instant::from_millis(WRAP_MILLIS));
}

/// 30 days of daily cycles under a simulated inverter: charge is counted without drift, cycles add up, and the request
/// for a full charge comes on the thirtieth day (B-079).
#[test]
fn a_month_of_daily_cycles() {
    let mut bench = Bench::rs485(Config::default());
    bench.set(Setting::soc_percent(20));
    let source = |milliamperes| Setting::Simulate { milliamperes };
    let begin = bench.pack();
    let mut asked_since = None;
    for hour in 0..31 * 24 {
        // Eight hours of sun, four of rest, eight hours of load, four of rest: 180 Ah each way.
        bench.set(source(match hour % 24 {
            0..=7 => 22_500,
            12..=19 => -22_500,
            _ => 0,
        }));
        // The inverter speaks, so that the battery does not sleep.
        bench.ask("~200246620000FDAA").expect("an answer");
        let next = Instant::from_secs(3 + 3600 * (hour + 1));
        bench.bms.handle_timeout(next);
        bench.now = next;
        let pack = bench.pack();
        assert_eq!(bench.bms.status().power, Power::Running, "after {hour} h");
        assert!(pack.conditions.is_empty(), "after {hour} h: {:?}", pack.conditions);
        assert!((19..=90).contains(&pack.soc_percent()));
        if hour % 24 == 23 {
            let drift = pack.remaining_capacity_mah.abs_diff(begin.remaining_capacity_mah);
            assert!(drift <= 1, "{drift} mAh after {hour} h");
        }
        if pack.requests.full_charge {
            asked_since.get_or_insert(hour);
        }
    }
    // 31 x 180 Ah of 280 Ah.
    assert_eq!(bench.pack().cycle_count, begin.cycle_count + 19);
    // Thirty days from the end of init on: in the first hour of the thirty-first day.
    assert_eq!(asked_since, Some(30 * 24 - 1));
}

/// 30 days asleep: nothing happens, nothing is due, and then it wakes as if it had slept a second.
#[test]
fn a_month_of_sleep() {
    for protocol in Protocol::ALL {
        let mut bench = Bench::new(Config {
            protocol,
            ..Config::default()
        });
        bench.run_to(3000);
        bench.bms.sleep(bench.now);
        assert_eq!(bench.bms.poll_timeout(), None);
        let woken = bench.now + 720 * HOUR;
        bench.bms.wake(woken);
        bench.now = woken;
        bench.run_to(woken.as_micros() / 1000 + 3000);
        assert!(bench.bms.status().bank.conditions.is_empty());
        assert_eq!(bench.bms.status().power, Power::Running);
    }
}

/// An hour on CAN under a driver that comes when it wants: no cycle is lost or doubled.
#[test]
fn an_irregular_driver_for_an_hour() {
    let mut bms = Bms::new(Config::default(), Instant::ZERO);
    let mut now = Instant::ZERO;
    let (mut frames, mut last) = (0u32, Instant::ZERO);
    let mut step = 1u64;
    while now < Instant::from_secs(3600) {
        // Anything from 1 to 97 ms.
        step = step * 31 % 97 + 1;
        now += Duration::from_millis(step);
        bms.handle_timeout(now);
        if step == 50 {
            bms.handle_can(now, &frame("305#0000000000000000"));
        }
        while let Some(Transmit::Can(sent)) = bms.poll_transmit(now) {
            if format!("{sent:?}").starts_with("351") {
                let gap = now.duration_since(last);
                assert!(frames == 0 || gap >= Duration::from_millis(900), "{gap:?}");
                assert!(gap <= Duration::from_millis(2200), "{gap:?}");
                (frames, last) = (frames + 1, now);
            }
        }
    }
    assert!((3597..=3599).contains(&frames), "{frames} in an hour");
    assert!(
        !bms.status()
            .bank
            .conditions
            .contains(Condition::InternalCommunicationAlarm)
    );
}
