//! Runs against the reference BMS and against links that a test writes.

use std::collections::VecDeque;
use std::time::Duration;

use super::plan::{ELAPSE, Group, KEEPALIVE_CONTROL, SEND};
use super::*;
use crate::definition::{Library, Protocol};
use crate::document::Source;
use crate::judge::{CaseResult, CheckResult, JudgeOptions, Verdict, judge};
use crate::link::fixture::ReferenceFixture;
use crate::link::line::Line;
use crate::link::reference::{Reference, ReferenceOptions};
use crate::link::stimulus::LOOK;
use crate::link::{Fixture, Link, LinkDescription, LinkError, Received};
use crate::suite::{self, Case, Setting, Stimulus, Suite, library};
use crate::time::Instant;
use crate::wire::BusFrame;
use crate::wire::can::{CanFrame, CanId};

#[track_caller]
fn suite(library: &Library, protocol: &str, cases: &[&str]) -> Suite {
    let mut text = format!("suite: {protocol}/t\ntitle: T\nprotocol: {protocol}\ncases:\n");
    for case in cases {
        text.push_str(&format!("  - {{ title: T, covers: [R-003], {case} }}\n"));
    }
    let protocols: Vec<&Protocol> = library.protocols().collect();
    let (suite, mistakes) = suite::load(&Source::new("t.yaml", text), &protocols);
    suite.unwrap_or_else(|| panic!("{}", mistakes.render_plain()))
}

fn all(suite: &Suite) -> Vec<(&Suite, &Case)> {
    suite.cases.iter().map(|case| (suite, case)).collect()
}

fn target(capabilities: &[&str]) -> Target {
    Target {
        capabilities: capabilities
            .iter()
            .map(|capability| (*capability).to_string())
            .collect(),
        packs: Some(4),
        dangerous: true,
        ..Target::default()
    }
}

const EVERYTHING: [&str; 11] = [
    "reset",
    "set",
    "packs",
    "online",
    "sleep",
    "power-cycle",
    "key",
    "panel",
    LOOK,
    ELAPSE,
    SEND,
];

mod planning {
    use super::*;

    #[track_caller]
    fn skipped(protocol: &str, case: &str, target: &Target) -> Option<String> {
        let library = library();
        let suite = suite(library, protocol, &[case]);
        let plan = plan(&all(&suite), library.protocol(protocol).unwrap(), target);
        assert_eq!(plan.len() + plan.skipped.len(), 1);
        plan.skipped.first().map(|(_, why)| why.clone())
    }

    const WATCH: &str = "expect: [{ message: limits }]";

    #[test]
    fn what_the_bench_cannot_do_is_skipped_with_the_reason() {
        let with = |case: &str| match case.starts_with("steps") {
            true => format!("id: a, {case}"),
            false => format!("id: a, {case}, {WATCH}"),
        };
        let nothing = target(&[]);
        assert_eq!(skipped("pylon-can", &with("grade: A"), &nothing), None);
        for (case, able, reason) in [
            ("given: { soc: 50 % }", &["set"][..], "the bench cannot do `reset`"),
            ("given: { soc: 50 % }", &["reset"], "the bench cannot do `set`"),
            ("given: { packs: 2 }", &["reset", "set"], "the bench cannot do `packs`"),
            ("keepalive: off", &[], "the bench cannot do `keepalive-control`"),
            ("needs: [online]", &[], "the bench cannot do `online`"),
            ("steps: [{ shows: { led_run: on } }]", &[], "the bench cannot do `look`"),
            (
                "steps: [{ elapse: 1 d }, { expect: { message: limits } }]",
                &["reset"],
                "the bench cannot do `elapse`",
            ),
            (
                "claim: v13_frames",
                &EVERYTHING,
                "the target does not claim `v13_frames`",
            ),
        ] {
            assert_eq!(
                skipped("pylon-can", &with(case), &target(able)).as_deref(),
                Some(reason),
                "{case}"
            );
            if able.len() < EVERYTHING.len() {
                assert_eq!(skipped("pylon-can", &with(case), &target(&EVERYTHING)), None, "{case}");
            }
        }
        let mut claims = target(&[]);
        claims.claims = vec!["v13_frames".into()];
        assert_eq!(skipped("pylon-can", &with("claim: v13_frames"), &claims), None);
    }

    #[test]
    fn a_target_without_enough_packs_is_not_asked_for_them() {
        let mut small = target(&EVERYTHING);
        small.packs = Some(2);
        let case = "id: a, given: { packs: 3 }, expect: [{ message: limits }]";
        assert_eq!(
            skipped("pylon-can", case, &small).as_deref(),
            Some("the case needs 3 packs, the target has 2")
        );
    }

    #[test]
    fn what_a_target_carries_out_is_not_asked_to_see_it_refused() {
        let mut writes = target(&EVERYTHING);
        writes.claims = vec!["writes".into()];
        let refused = r#"id: a, steps: [{ request: { raw: "~200246640000FDA8" }, error: refused_command }]"#;
        let obeyed = r#"id: a, claim: writes, steps: [{ request: { command: 0x64 }, reply: { length: 0 } }]"#;
        assert_eq!(skipped("pylon-rs485", refused, &target(&EVERYTHING)), None);
        assert_eq!(
            skipped("pylon-rs485", refused, &writes).as_deref(),
            Some("the target claims `writes`: it carries `shutdown` out instead of refusing it")
        );
        assert_eq!(skipped("pylon-rs485", obeyed, &writes), None);
    }

    #[test]
    fn what_may_stop_a_battery_needs_permission() {
        let case = "id: a, steps: [{ request: { command: 0x64 }, return_code: 0x04 }]";
        let mut live = target(&EVERYTHING);
        live.dangerous = false;
        let reason = skipped("pylon-rs485", case, &live).unwrap();
        assert_eq!(
            reason,
            "`shutdown` changes or stops a battery: it is sent only with permission"
        );
        assert_eq!(skipped("pylon-rs485", case, &target(&EVERYTHING)), None);
    }

    #[test]
    fn who_can_send_can_withhold_too() {
        assert!(EVERYTHING.contains(&SEND) && !EVERYTHING.contains(&KEEPALIVE_CONTROL));
        let case = "id: a, keepalive: off, expect: [{ message: limits }]";
        assert_eq!(skipped("pylon-can", case, &target(&[SEND])), None);
    }

    /// The groups of a plan, as lists of case names.
    fn groups(cases: &[&str]) -> Vec<Vec<String>> {
        let library = library();
        let suite = suite(library, "pylon-can", cases);
        let plan = plan(
            &all(&suite),
            library.protocol("pylon-can").unwrap(),
            &target(&EVERYTHING),
        );
        let name = |id: &str| id.rsplit('/').next().unwrap_or_default().to_string();
        let names = |group: &Group| group.cases.iter().map(|case| name(&case.id)).collect();
        plan.groups.iter().map(names).collect()
    }

    #[test]
    fn cases_that_only_watch_share_an_observation_per_state() {
        let groups = groups(&[
            "id: full, given: { soc: 100 % }, expect: [{ message: limits }]",
            "id: passive, expect: [{ message: limits }]",
            "id: acts, given: { soc: 100 % }, steps: [{ set: { soc: 90 % } }, { expect: { message: limits } }]",
            "id: also-passive, expect: [{ message: requests }]",
            "id: also-full, given: { soc: 100 % }, expect: [{ message: requests }]",
            "id: silent, keepalive: off, expect: [{ message: requests }]",
        ]);
        assert_eq!(
            groups,
            [
                vec!["passive", "also-passive"],
                vec!["silent"],
                vec!["full", "also-full"],
                vec!["acts"]
            ]
        );
    }

    #[test]
    fn states_change_seldom_and_the_plan_keeps_the_order_of_choice() {
        let library = library();
        let cases: Vec<String> = ["50", "60", "50", "60"]
            .iter()
            .enumerate()
            .map(|(number, soc)| {
                format!("id: c{number}, given: {{ soc: {soc} % }}, steps: [{{ wait: 1 s }}, {{ expect: {{ message: limits }} }}]")
            })
            .collect();
        let cases: Vec<&str> = cases.iter().map(String::as_str).collect();
        let suite = suite(library, "pylon-can", &cases);
        let plan = plan(
            &all(&suite),
            library.protocol("pylon-can").unwrap(),
            &target(&EVERYTHING),
        );
        let order: Vec<&str> = plan.groups.iter().map(|group| group.cases[0].id.as_str()).collect();
        assert_eq!(
            order,
            ["pylon-can/t/c0", "pylon-can/t/c2", "pylon-can/t/c1", "pylon-can/t/c3"]
        );
        let chosen: Vec<&str> = plan.chosen.iter().map(|chosen| chosen.id.as_str()).collect();
        assert_eq!(
            chosen,
            ["pylon-can/t/c0", "pylon-can/t/c1", "pylon-can/t/c2", "pylon-can/t/c3"]
        );
    }
}

/// A run against the reference BMS.
fn against_reference(library: &Library, suites: &[Suite], protocol: &str, options: DriveOptions) -> Run {
    let protocol = library.protocol(protocol).unwrap();
    let line = match protocol.asks() {
        true => Line::Serial { baud: 9600 },
        false => Line::Can { bitrate: 500_000 },
    };
    let mut link = Reference::start(&ReferenceOptions::new(&protocol.name, line)).unwrap();
    let mut fixture = ReferenceFixture::new(link.battery());
    let target = target(&EVERYTHING);
    let cases: Vec<(&Suite, &Case)> = suites.iter().flat_map(all).collect();
    let plan = plan(&cases, protocol, &target);
    run(protocol, plan, &target, options, &mut link, &mut fixture, &mut |_| true)
}

fn kinds<'t>(trace: &'t Trace, wanted: impl Fn(&EventKind) -> bool + 't) -> Vec<&'t Event> {
    trace.events.iter().filter(|event| wanted(&event.kind)).collect()
}

#[test]
fn stateful_cases_begin_with_a_reset_and_their_state() {
    let library = library();
    let case = "id: a, given: { soc: 50 %, current: 0 A }, steps: [{ set: { soc: 10 % } }, \
                { expect: { message: 0x355, within: 3 s, fields: { soc: 10 % } } }]";
    let suite = suite(library, "pylon-can", &[case]);
    let run = against_reference(library, &[suite], "pylon-can", DriveOptions::default());
    assert_eq!(run.results[0].verdict, Verdict::Pass, "{:#?}", run.results);
    let interesting = |kind: &EventKind| {
        matches!(
            kind,
            EventKind::CaseStarted(_)
                | EventKind::Stimulated(_)
                | EventKind::StepStarted { .. }
                | EventKind::CaseEnded(_)
        )
    };
    let events = kinds(&run.trace, interesting);
    let EventKind::Stimulated(first) = &events[1].kind else {
        panic!("{events:#?}")
    };
    assert_eq!(*first, Stimulus::Reset);
    let set =
        |index: usize| matches!(&events[index].kind, EventKind::Stimulated(Stimulus::Set(name, _)) if name == "soc");
    assert!(set(2));
    // One period passes before the first step; then the state changes.
    assert!(
        matches!(events[4].kind, EventKind::StepStarted { step: 0, .. }),
        "{events:#?}"
    );
    assert_eq!(events[4].at.since(events[3].at), Duration::from_secs(1));
    assert!(set(5) && matches!(events[6].kind, EventKind::StepStarted { step: 1, .. }));
}

#[test]
fn the_inverter_speaks_every_second_and_is_silent_when_told() {
    let library = library();
    let case = "id: a, steps: [{ wait: 3.5 s }, { keepalive: off }, { wait: 5 s }, { keepalive: on }, { wait: 2.5 s }, \
                { expect: { message: limits } }]";
    let suite = suite(library, "pylon-can", &[case]);
    let run = against_reference(library, &[suite], "pylon-can", DriveOptions::default());
    let off = kinds(&run.trace, |kind| {
        matches!(kind, EventKind::StepStarted { step: 1, .. })
    })[0]
        .at;
    let on = kinds(&run.trace, |kind| {
        matches!(kind, EventKind::StepStarted { step: 3, .. })
    })[0]
        .at;
    let sent: Vec<Instant> = kinds(&run.trace, |kind| matches!(kind, EventKind::Sent { .. }))
        .iter()
        .map(|event| event.at)
        .collect();
    assert!(sent.iter().all(|at| *at <= off || *at >= on), "{sent:?}");
    // From the very start, every second; on its return at once.
    let before: Vec<Instant> = sent.iter().copied().filter(|at| *at <= off).collect();
    assert!(
        before
            .windows(2)
            .all(|pair| pair[1].since(pair[0]) == Duration::from_secs(1)),
        "{before:?}"
    );
    assert_eq!((before[0], before.len()), (Instant::ZERO, 7));
    assert!(sent.contains(&on));
}

#[test]
fn a_case_without_keep_alive_leaves_it_on_for_the_next() {
    let library = library();
    let cases = [
        "id: silent, keepalive: off, steps: [{ wait: 5 s }, { expect: { message: limits } }]",
        "id: next, given: { soc: 50 % }, steps: [{ wait: 5 s }, { expect: { message: limits } }]",
    ];
    let suite = suite(library, "pylon-can", &cases);
    let run = against_reference(library, &[suite], "pylon-can", DriveOptions::default());
    let span = |case: &str| {
        let id = format!("pylon-can/t/{case}");
        let begin = kinds(&run.trace, |kind| *kind == EventKind::CaseStarted(id.clone()))[0].at;
        let end = kinds(&run.trace, |kind| *kind == EventKind::CaseEnded(id.clone()))[0].at;
        let sent = kinds(&run.trace, |kind| matches!(kind, EventKind::Sent { .. }));
        sent.iter().filter(|event| event.at > begin && event.at < end).count()
    };
    assert_eq!(span("silent"), 0);
    assert!(span("next") >= 5, "{}", span("next"));
}

#[test]
fn passive_cases_take_the_time_of_the_longest() {
    let library = library();
    let cases = [
        "id: a, expect: [{ message: limits, over: 3 }]",
        "id: b, steps: [{ period: { message: limits, over: 9 } }, { period: { message: requests, over: 9 } }]",
        "id: c, steps: [{ never: { message: 0x305, during: 4 s } }]",
    ];
    let suite = suite(library, "pylon-can", &cases);
    let run = against_reference(library, &[suite], "pylon-can", DriveOptions::default());
    assert!(
        run.results.iter().all(|result| result.verdict == Verdict::Pass),
        "{:#?}",
        run.results
    );
    let longest = run.results.iter().map(|result| result.time).max().unwrap();
    assert!(
        longest > Duration::from_secs(9) && longest < Duration::from_millis(10_200),
        "{longest:?}"
    );
}

#[test]
fn sends_go_out_as_often_as_told() {
    let library = library();
    let case = "id: a, steps: [{ send: { frames: ['305#0102', '00000305#'], times: 3, every: 100 ms } }, \
                { expect: { message: limits } }]";
    let suite = suite(library, "pylon-can", &[case]);
    let run = against_reference(library, &[suite], "pylon-can", DriveOptions::default());
    let ours: Vec<&Event> = kinds(&run.trace, |kind| match kind {
        EventKind::Sent {
            frame: BusFrame::Can(frame),
            ..
        } => frame.payload().len() != 8,
        _ => false,
    });
    assert_eq!(ours.len(), 6);
    let gaps: Vec<Duration> = ours.windows(2).map(|pair| pair[1].at.since(pair[0].at)).collect();
    assert_eq!(gaps, [Duration::from_millis(100); 5]);
}

#[test]
fn the_first_failure_ends_the_run_when_told_to() {
    let library = library();
    let cases = [
        "id: wrong, expect: [{ message: limits, over: 1, fields: { charge_voltage_limit: 40 V } }]",
        "id: shares, expect: [{ message: limits, over: 1 }]",
        "id: later, given: { soc: 50 % }, expect: [{ message: limits, over: 1 }]",
    ];
    let suites = [suite(library, "pylon-can", &cases)];
    let verdicts = |fail_fast| {
        let options = DriveOptions {
            fail_fast,
            ..DriveOptions::default()
        };
        let run = against_reference(library, &suites, "pylon-can", options);
        run.results.iter().map(|result| result.verdict).collect::<Vec<_>>()
    };
    assert_eq!(verdicts(false), [Verdict::Fail, Verdict::Pass, Verdict::Pass]);
    assert_eq!(verdicts(true), [Verdict::Fail, Verdict::Pass, Verdict::Skip]);
}

#[test]
fn a_run_is_bounded() {
    let library = library();
    let suites = [suite(
        library,
        "pylon-can",
        &["id: a, steps: [{ never: { message: 0x305, during: 10 h } }]"],
    )];
    let options = DriveOptions {
        longest: Duration::from_secs(60),
        ..DriveOptions::default()
    };
    let run = against_reference(library, &suites, "pylon-can", options);
    assert_eq!(run.results[0].verdict, Verdict::Inconclusive);
    assert_eq!(
        run.results[0].reason.as_deref(),
        Some("never 0x305: none (the observation ended after 57 s, 36000 s were wanted)")
    );
}

#[test]
fn one_question_is_out_at_a_time_and_the_line_rests_between() {
    let library = library();
    let cases = [
        "id: asks, given: { soc: 50 % }, steps: [{ all_messages: { within: 30 s } }, \
         { expect: { message: 0x61, over: 3, fields: { soc: 50 % } } }, { request: { command: 0x63 }, reply: {}, times: 3 }]",
    ];
    let suites = [suite(library, "pylon-rs485", &cases)];
    let run = against_reference(library, &suites, "pylon-rs485", DriveOptions::default());
    let mut last_answer: Option<Instant> = None;
    let mut open = false;
    let mut questions = 0;
    for event in &run.trace.events {
        match &event.kind {
            EventKind::Sent { .. } => {
                assert!(!open, "a question at {} while another is open", event.at);
                let rested = last_answer.map(|last| event.at.since(last));
                assert!(
                    rested.is_none_or(|rested| rested >= Duration::from_millis(20)),
                    "{rested:?} at {}",
                    event.at
                );
                open = true;
                questions += 1;
            }
            EventKind::Received { until, .. } => {
                open = false;
                last_answer = Some(*until);
            }
            _ => {}
        }
    }
    assert!(questions > 15, "{questions}");
}

#[test]
fn a_question_can_go_out_byte_by_byte() {
    let library = library();
    let case = "id: a, steps: [{ request: { command: 0x63, sliced: 5 ms }, reply: { fields: { charge_voltage_limit: 57.6 V } } }]";
    let suites = [suite(library, "pylon-rs485", &[case])];
    let run = against_reference(library, &suites, "pylon-rs485", DriveOptions::default());
    assert_eq!(run.results[0].verdict, Verdict::Pass, "{:#?}", run.results[0]);
    assert_eq!(
        kinds(&run.trace, |kind| matches!(kind, EventKind::Sent { .. })).len(),
        18
    );
}

#[test]
fn a_case_for_all_protocols_runs_on_each_by_its_own_means() {
    let library = library();
    let text = "suite: behaviour/t\ntitle: T\nprotocols: all\ncases:\n  - { id: a, title: A, covers: [R-003], \
                given: { soc: 50 % }, steps: [{ set: { cell_over_voltage_protection: true } }, \
                { expect: { within: 5 s, fields: { charge_enable: false, charge_current_limit: 0 A, soc: 50 % } } }, \
                { set: { cell_over_voltage_protection: false } }, \
                { expect: { within: 5 s, holds: 2 s, fields: { charge_enable: true } } }] }\n";
    let protocols: Vec<&Protocol> = library.protocols().collect();
    let (suite, mistakes) = suite::load(&Source::new("t.yaml", text), &protocols);
    let suites = [suite.unwrap_or_else(|| panic!("{}", mistakes.render_plain()))];
    for protocol in ["pylon-can", "pylon-rs485"] {
        let run = against_reference(library, &suites, protocol, DriveOptions::default());
        let [result] = run.results.as_slice() else {
            panic!("{:#?}", run.results)
        };
        assert_eq!(
            (result.id.as_str(), result.verdict),
            (&*format!("{protocol}/behaviour/t/a"), Verdict::Pass),
            "{result:#?}"
        );
        assert!(
            result
                .checks
                .iter()
                .any(|check| check.what.ends_with(".charge_enable") && check.measured.is_some())
        );
    }
}

#[test]
fn days_elapse_in_one_event_and_the_inverter_is_not_missed() {
    let library = library();
    let can = "id: a, steps: [{ elapse: 30.1 d }, \
               { expect: { message: 0x35C, within: 2 s, fields: { full_charge_request: true } } }, \
               { period: { message: limits } }]";
    let serial = "id: a, steps: [{ elapse: 30.1 d }, \
                  { expect: { message: 0x63, within: 2 s, fields: { full_charge_request: true } } }]";
    for (protocol, case) in [("pylon-can", can), ("pylon-rs485", serial)] {
        let suites = [suite(library, protocol, &[case])];
        let run = against_reference(library, &suites, protocol, DriveOptions::default());
        assert_eq!(run.results[0].verdict, Verdict::Pass, "{:#?}", run.results);
        let days = Duration::from_secs(301 * 8640);
        let elapsed = kinds(&run.trace, |kind| *kind == EventKind::Elapsed(days));
        assert_eq!(elapsed.len(), 1);
        assert!(run.trace.events.len() < 200, "nothing of it is recorded");
    }
}

#[test]
fn display_and_leds_are_looked_at_when_the_step_begins() {
    let library = library();
    let cases = [
        "id: right, steps: [{ wait: 3 s }, { shows: { page: main_status, led_run: flash_1, display_soc: 50 % } }, \
         { panel: open menu }, { shows: { panel_answer: not_permitted, page: main_status } }, { key: side_switch }, \
         { shows: { power: asleep, led_run: off, page: dark } }]",
        "id: wrong, steps: [{ shows: { led_run: flash_1, led_alarm: on } }]",
    ];
    let suites = [suite(library, "pylon-can", &cases)];
    let run = against_reference(library, &suites, "pylon-can", DriveOptions::default());
    assert_eq!(run.results[0].verdict, Verdict::Pass, "{:#?}", run.results[0]);
    assert_eq!(run.results[1].verdict, Verdict::Fail);
    let wrong: Vec<(&str, CheckResult, &str)> = run.results[1]
        .checks
        .iter()
        .filter(|check| check.what.starts_with("led_"))
        .map(|check| (check.what.as_str(), check.result, check.actual.as_str()))
        .collect();
    assert_eq!(
        wrong,
        [
            ("led_run", CheckResult::Pass, "flash_1"),
            ("led_alarm", CheckResult::Fail, "off")
        ]
    );
}

#[test]
fn a_battery_that_nobody_can_look_at_is_not_judged() {
    let cases = ["id: a, steps: [{ shows: { led_run: flash_1 } }]"];
    let run = on_script(&mut Scripted::healthy(30), true, &cases);
    assert_eq!(run.results[0].verdict, Verdict::Inconclusive);
    assert_eq!(
        run.results[0].reason.as_deref(),
        Some("the state could not be given: looking at the battery: nobody is there")
    );
    let days = ["id: a, steps: [{ elapse: 1 d }, { expect: { message: limits } }]"];
    let run = on_script(&mut Scripted::healthy(30), false, &days);
    assert_eq!(run.results[0].verdict, Verdict::Error, "time passes by itself there");
}

/// A bus on which a script speaks.
struct Scripted {
    now: Instant,
    script: VecDeque<(Instant, BusFrame)>,
    /// After so many calls the interface is gone.
    calls_left: usize,
    /// Nothing comes after the script, ever.
    recording: bool,
}

impl Scripted {
    /// The limits and requests of a healthy battery, once a second.
    fn healthy(seconds: u64) -> Scripted {
        let frame = |id: u16, data: &[u8]| BusFrame::Can(CanFrame::data(CanId::Standard(id), data).unwrap());
        let script = (1..=seconds)
            .flat_map(|second| {
                [
                    (
                        Instant::from_micros(second * 1_000_000),
                        frame(0x351, &[0x40, 2, 0xD0, 7, 0xD0, 7, 0xC0, 1]),
                    ),
                    (
                        Instant::from_micros(second * 1_000_000 + 20_000),
                        frame(0x35C, &[0xC0, 0, 0, 0, 0, 0, 0, 0]),
                    ),
                ]
            })
            .collect();
        Scripted {
            now: Instant::ZERO,
            script,
            calls_left: usize::MAX,
            recording: false,
        }
    }

    fn gone(&self) -> LinkError {
        LinkError::Gone {
            name: "can0".into(),
            reason: "unplugged".into(),
            help: "plug it in".into(),
        }
    }
}

impl Link for Scripted {
    fn describe(&self) -> LinkDescription {
        LinkDescription {
            name: "can:can0".into(),
            reference: false,
            clock: ClockSource::Kernel,
            resolution: Duration::from_micros(1),
        }
    }

    fn now(&self) -> Instant {
        self.now
    }

    fn send(&mut self, _: &BusFrame) -> Result<Instant, LinkError> {
        self.calls_left = self.calls_left.checked_sub(1).ok_or_else(|| self.gone())?;
        Ok(self.now)
    }

    fn receive(&mut self, until: Instant) -> Result<Received, LinkError> {
        self.calls_left = self.calls_left.checked_sub(1).ok_or_else(|| self.gone())?;
        match self.script.front() {
            Some((at, _)) if *at <= until => {
                let (at, frame) = self.script.pop_front().expect("it is there");
                self.now = self.now.max(at);
                Ok(Received::Frame { at, until: at, frame })
            }
            None if self.recording => Ok(Received::End),
            _ => {
                self.now = self.now.max(until);
                Ok(Received::Nothing)
            }
        }
    }
}

/// A battery on a serial line that answers each question after a time of its own.
struct Answering {
    now: Instant,
    delays: VecDeque<u64>,
    coming: VecDeque<(Instant, Vec<u8>)>,
}

impl Link for Answering {
    fn describe(&self) -> LinkDescription {
        LinkDescription {
            name: "serial:port".into(),
            reference: false,
            clock: ClockSource::User,
            resolution: Duration::from_millis(1),
        }
    }

    fn now(&self) -> Instant {
        self.now
    }

    fn send(&mut self, _: &BusFrame) -> Result<Instant, LinkError> {
        let until = self.now.after(Duration::from_millis(20));
        // The number of the question is its SOC.
        let number = 100 - self.delays.len() as u8;
        if let Some(delay) = self.delays.pop_front() {
            let info: Vec<u8> = (0..49).map(|index| if index == 4 { number } else { 0 }).collect();
            let bytes = crate::wire::pylon_ascii::emit(0x20, 2, 0x46, 0, &info).unwrap();
            self.coming
                .push_back((until.after(Duration::from_millis(delay)), bytes));
        }
        Ok(until)
    }

    fn receive(&mut self, until: Instant) -> Result<Received, LinkError> {
        match self.coming.front() {
            Some((at, bytes)) if *at <= until => {
                let (at, end) = (*at, at.after(Duration::from_millis(bytes.len() as u64)));
                let (_, bytes) = self.coming.pop_front().expect("it is there");
                self.now = self.now.max(end);
                Ok(Received::Frame {
                    at,
                    until: end,
                    frame: BusFrame::Serial(bytes),
                })
            }
            _ => {
                self.now = self.now.max(until);
                Ok(Received::Nothing)
            }
        }
    }
}

/// The states of charge that each question got, with the verdict of its time.
fn answers(delays: &[u64], case: &str) -> Vec<(String, CheckResult)> {
    let library = library();
    let protocol = library.protocol("pylon-rs485").unwrap();
    let suites = [suite(library, "pylon-rs485", &[case])];
    let target = target(&EVERYTHING);
    let plan = plan(&all(&suites[0]), protocol, &target);
    let mut link = Answering {
        now: Instant::ZERO,
        delays: delays.iter().copied().collect(),
        coming: VecDeque::new(),
    };
    let mut bench = Bench { refuses: false };
    let options = DriveOptions::default();
    let run = run(protocol, plan, &target, options, &mut link, &mut bench, &mut |_| true);
    let checks = run.results[0].checks.iter();
    checks
        .filter(|check| check.what == "0x61.soc" || check.what == "0x61 reply")
        .map(|check| {
            (
                check.actual.split(':').next().unwrap_or_default().to_string(),
                check.result,
            )
        })
        .collect()
}

#[test]
fn a_late_answer_is_waited_for_and_not_taken_for_the_next() {
    let ask = "{ request: { command: 0x61 }, reply: { fields: { soc: 0..100 % } } }";
    let case = format!("id: a, steps: [{ask}, {ask}, {ask}]");
    // The second answer comes after the time of the definition, the third question gets its own answer.
    let answers = answers(&[10, 900, 10], &case);
    let seen: Vec<&str> = answers.iter().map(|(actual, _)| actual.as_str()).collect();
    assert_eq!(
        seen,
        [
            "a normal reply",
            "97 % (raw 97)",
            "a normal reply",
            "98 % (raw 98)",
            "a normal reply",
            "99 % (raw 99)"
        ]
    );
}

/// A bench that takes stimuli, or refuses them.
struct Bench {
    refuses: bool,
}

impl Fixture for Bench {
    fn describe(&self) -> String {
        "bench".into()
    }

    fn capabilities(&self) -> Vec<String> {
        EVERYTHING.iter().map(|capability| (*capability).to_string()).collect()
    }

    fn apply(&mut self, _: Instant, stimulus: &Stimulus) -> Result<(), String> {
        match (self.refuses, stimulus) {
            (true, Stimulus::Set(..)) => Err("the relay box is silent".into()),
            _ => Ok(()),
        }
    }

    fn look(&mut self, _: Instant, expected: &[(String, Setting)]) -> Result<Vec<(String, Setting)>, String> {
        match self.refuses {
            true => Err("nobody is there".into()),
            false => Ok(expected.to_vec()),
        }
    }

    fn settle(&self) -> Duration {
        Duration::ZERO
    }
}

/// A run on a scripted bus.
fn on_script(link: &mut Scripted, refuses: bool, cases: &[&str]) -> Run {
    let library = library();
    let protocol = library.protocol("pylon-can").unwrap();
    let suites = [suite(library, "pylon-can", cases)];
    let target = target(&EVERYTHING);
    let plan = plan(&all(&suites[0]), protocol, &target);
    let mut fixture = Bench { refuses };
    let options = DriveOptions::default();
    let run = run(protocol, plan, &target, options, link, &mut fixture, &mut |_| true);
    let again = judge(&suites, protocol, &run.trace, JudgeOptions::default());
    assert_eq!(
        format!("{again:?}"),
        format!("{:?}", run.results),
        "the stored trace says something else"
    );
    run
}

/// A passive case, one that fails, one with a state.
const THREE: [&str; 3] = [
    "id: passive, expect: [{ message: limits, over: 3 }]",
    "id: wrong, steps: [{ wait: 1 s }, { expect: { message: limits, over: 1, fields: { charge_voltage_limit: 50 V } } }]",
    "id: stateful, given: { soc: 50 % }, steps: [{ wait: 1 s }, { expect: { message: requests, over: 2 } }]",
];

#[test]
fn a_link_that_breaks_anywhere_makes_errors_and_no_failures() {
    let whole = on_script(&mut Scripted::healthy(30), false, &THREE);
    let verdicts: Vec<Verdict> = whole.results.iter().map(|result| result.verdict).collect();
    assert_eq!(verdicts, [Verdict::Pass, Verdict::Fail, Verdict::Pass]);
    let mut errors = 0;
    for calls in 0..60 {
        let mut link = Scripted {
            calls_left: calls,
            ..Scripted::healthy(30)
        };
        let run = on_script(&mut link, false, &THREE);
        for (result, unbroken) in run.results.iter().zip(&whole.results) {
            // What was over before keeps its verdict; all else is an error of the bench.
            assert!(
                result.verdict == unbroken.verdict || result.verdict == Verdict::Error,
                "after {calls} calls: {result:#?}"
            );
            errors += usize::from(result.verdict == Verdict::Error);
        }
    }
    assert!(errors > 40, "{errors}");
}

#[test]
fn a_battery_that_falls_silent_fails_and_is_no_error() {
    let run = on_script(&mut Scripted::healthy(2), false, &THREE[..1]);
    let CaseResult { verdict, checks, .. } = &run.results[0];
    assert_eq!(*verdict, Verdict::Fail);
    assert!(
        checks
            .iter()
            .any(|check| check.result == CheckResult::Fail && check.actual == "only 2"),
        "{checks:#?}"
    );
}

#[test]
fn a_recording_that_ends_leaves_open_what_it_does_not_hold() {
    let mut link = Scripted {
        recording: true,
        ..Scripted::healthy(2)
    };
    let run = on_script(&mut link, false, &THREE);
    assert!(
        run.results.iter().all(|result| result.verdict == Verdict::Inconclusive),
        "{:#?}",
        run.results
    );
    let mut link = Scripted {
        recording: true,
        ..Scripted::healthy(5)
    };
    let run = on_script(&mut link, false, &THREE[..1]);
    assert_eq!(run.results[0].verdict, Verdict::Pass);
}

#[test]
fn a_state_that_cannot_be_given_leaves_the_case_open_and_the_run_goes_on() {
    let cases = [
        THREE[2],
        "id: after, given: { packs: 1 }, expect: [{ message: requests, over: 2 }]",
    ];
    let run = on_script(&mut Scripted::healthy(30), true, &cases);
    let verdicts: Vec<Verdict> = run.results.iter().map(|result| result.verdict).collect();
    assert_eq!(verdicts, [Verdict::Inconclusive, Verdict::Pass]);
    assert_eq!(
        run.results[0].reason.as_deref(),
        Some("the state could not be given: soc = 50 %: the relay box is silent")
    );
    // None of its steps was done.
    let steps = kinds(
        &run.trace,
        |kind| matches!(kind, EventKind::StepStarted { case, .. } if case.ends_with("stateful")),
    );
    assert!(steps.is_empty());
}

#[test]
fn progress_tells_each_case_and_may_end_the_run() {
    let library = library();
    let protocol = library.protocol("pylon-can").unwrap();
    let suites = [suite(library, "pylon-can", &THREE)];
    let target = target(&EVERYTHING);
    let plan = plan(&all(&suites[0]), protocol, &target);
    let mut told = Vec::new();
    let mut link = Scripted::healthy(30);
    let run = run(
        protocol,
        plan,
        &target,
        DriveOptions::default(),
        &mut link,
        &mut Bench { refuses: false },
        &mut |news| match news {
            Progress::CaseStarted { id, number, of } => {
                told.push(format!("{id} {number}/{of}"));
                true
            }
            Progress::CaseDone(result) => {
                told.push(format!("{} {}", result.id, result.verdict.word()));
                result.id != "pylon-can/t/wrong"
            }
        },
    );
    assert_eq!(
        told,
        [
            "pylon-can/t/passive 0/3",
            "pylon-can/t/passive pass",
            "pylon-can/t/wrong 1/3",
            "pylon-can/t/wrong fail",
            "pylon-can/t/stateful 2/3",
        ]
    );
    assert_eq!(run.results[2].verdict, Verdict::Inconclusive);
    assert_eq!(run.results[2].reason.as_deref(), Some("the run was interrupted"));
}
