use super::*;

const WATCH: &str = "expect: { message: limits, over: 2 }";

#[test]
fn deviations_of_every_message_count_once_each_with_their_number() {
    let script = can("", &[WATCH])
        .begin(0)
        .frames(500, 2, "351#4002D007FA000001")
        .end(1500);
    let check = script.fails("0x351 reserved-bits", "(2 times)");
    assert_eq!(check.step, None);
    assert_eq!(check.evidence.unwrap().at, at(500));
}

#[test]
fn a_value_outside_its_range_fails_by_the_grade_of_the_range() {
    let script = can("", &[WATCH])
        .begin(0)
        .frames(500, 2, "351#6202D007FA000000")
        .end(1500); // 61.0 V
    script.fails("0x351.charge_voltage_limit out-of-range", "61.0 V (raw 610)");
}

#[test]
fn deviations_known_from_one_source_warn_and_guesses_inform() {
    let script = can("", &[WATCH])
        .begin(0)
        .frames(500, 2, LIMITS)
        .frame(1600, "123#00")
        .end(2000);
    script.remarks(
        CheckResult::Warning,
        "0x123 unknown-id",
        "0x123 is no identifier of toy-can",
    );
    let script = can("", &[WATCH])
        .begin(0)
        .frames(500, 2, LIMITS)
        .frame(1600, "35C#C100")
        .end(2000);
    script.remarks(CheckResult::Information, "0x35C reserved-bits", "");
}

#[test]
fn an_identifier_of_the_inverter_must_not_come_from_the_battery() {
    let script = can("", &[WATCH])
        .begin(0)
        .frames(500, 2, LIMITS)
        .frame(1600, "305#0000000000000000")
        .end(2000);
    script.fails("0x305 forbidden-id", "must not come from the battery");
}

#[test]
fn what_comes_before_the_target_has_settled_does_not_count() {
    let script = can("given: { soc: 50 % }", &[WATCH])
        .event(0, EventKind::CaseStarted(CASE.into()))
        .sets(0)
        .frame(500, "351#4002D007FA000001")
        .step(1000, 0)
        .frames(1500, 2, LIMITS)
        .end(2500);
    script.passes();
}

#[test]
fn a_broken_message_is_no_value_for_a_rule() {
    // Too short for the temperature: nothing can be said of it.
    let script = can("", &["expect: { message: limits, within: 1 s }"])
        .begin(0)
        .frame(500, "351#4002")
        .end(1000);
    let result = script.judge();
    assert!(
        result.checks.iter().all(|check| !check.what.starts_with("rule")),
        "{result:#?}"
    );
    assert_eq!(result.verdict, Verdict::Fail, "it is too short");
}

/// Two cases that share an observation: one looks at the limits, one at the requests.
#[test]
fn findings_go_to_the_cases_that_look_at_the_message() {
    let script = can("", &[WATCH]);
    let text = "suite: toy/pair\ntitle: Pair\nprotocol: toy-can\ncases:\n\
                - { id: limits, title: L, covers: [R-003], expect: [{ message: limits, over: 1 }] }\n\
                - { id: requests, title: R, covers: [R-003], expect: [{ message: requests, over: 1 }] }\n";
    let (suite, mistakes) = suite::load(&Source::new("pair.yaml", text), &[script.protocol()]);
    let suite = suite.unwrap_or_else(|| panic!("{}", mistakes.render_plain()));
    let ids = ["toy/pair/limits", "toy/pair/requests"];
    let run = |frames: &[&str]| {
        let mut trace = script.trace();
        trace.events.clear();
        let mut push = |millis: u64, kind: EventKind| trace.events.push(Event { at: at(millis), kind });
        for id in ids {
            push(0, EventKind::CasePlanned(id.into()));
        }
        for id in ids {
            push(0, EventKind::CaseStarted(id.into()));
        }
        for id in ids {
            push(
                0,
                EventKind::StepStarted {
                    case: id.into(),
                    step: 0,
                    round: 0,
                },
            );
        }
        for (index, frame) in frames.iter().enumerate() {
            let millis = 500 + index as u64;
            push(
                millis,
                EventKind::Received {
                    frame: BusFrame::Can(can_frame(frame)),
                    until: at(millis),
                },
            );
        }
        for id in ids {
            push(1000, EventKind::CaseEnded(id.into()));
        }
        let results = judge(
            std::slice::from_ref(&suite),
            script.protocol(),
            &trace,
            JudgeOptions::default(),
        );
        results.iter().map(|result| result.verdict).collect::<Vec<_>>()
    };
    assert_eq!(run(&[LIMITS, ENABLED]), [Verdict::Pass, Verdict::Pass]);
    assert_eq!(run(&["351#4002D007FA000001", ENABLED]), [Verdict::Fail, Verdict::Pass]);
    // A message that nobody looks at concerns all: nothing is lost.
    assert_eq!(
        run(&[LIMITS, ENABLED, "305#0000000000000000"]),
        [Verdict::Fail, Verdict::Fail]
    );
}

const ASKS: &str = "expect: { message: 0x61, over: 2, fields: { soc: 50 % } }";

#[test]
fn answers_to_questions_of_the_harness_itself_must_come_in_time() {
    let script = |second: u64| {
        serial(&[ASKS])
            .begin(0)
            .polls(0)
            .reply(30, 0, &[50, 100])
            .polls(1000)
            .reply(1000 + second, 0, &[50, 100])
            .end(3000)
    };
    script(30).passes();
    script(320).remarks(CheckResult::Warning, "0x61 reply time", "300 ms");
    script(620).fails("0x61 reply time", "600 ms");
}

#[test]
fn a_battery_that_speaks_without_being_asked_fails() {
    let script = serial(&[ASKS, "never: { message: 0x42, during: 3 s }"])
        .begin(0)
        .polls(0)
        .reply(30, 0, &[50, 100])
        .polls(1000)
        .reply(1030, 0, &[50, 100])
        .reply(2000, 0, &[50, 100])
        .end(3000);
    script.fails("0x61 unasked", "it comes without a question");
}

#[test]
fn bytes_that_belong_to_no_frame_are_told() {
    let script = serial(&[ASKS])
        .begin(0)
        .polls(0)
        .bytes(30, &[0, 0])
        .reply(40, 0, &[50, 100])
        .polls(1000)
        .reply(1030, 0, &[50, 100])
        .end(3000);
    script.remarks(CheckResult::Information, "stray bytes", "00 00 belong to no frame");
}
