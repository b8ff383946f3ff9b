use super::*;

const NOW: &str = "expect: { message: limits, over: 1, fields: { charge_voltage_limit: 57.6 V } }";
const WRONG: &str = "351#3F02D007FA000000";

#[test]
fn a_stimulus_that_could_not_be_given_leaves_the_case_open() {
    let stimulus = Stimulus::Set("soc".into(), Setting::Quantity("50 %".parse().unwrap()));
    let script = can("given: { soc: 50 % }", &[NOW])
        .event(0, EventKind::CaseStarted(CASE.into()))
        .event(0, EventKind::StimulusFailed(stimulus, "the relay box is silent".into()))
        .end(0);
    let result = script.judge();
    assert_eq!(result.verdict, Verdict::Inconclusive);
    assert_eq!(
        result.reason.as_deref(),
        Some("the state could not be given: soc = 50 %: the relay box is silent")
    );
}

#[test]
fn a_link_that_breaks_is_an_error_and_never_a_failure() {
    let broke = || Stop::LinkBroke("`can0` is gone".into());
    // Before, during, and after something wrong was seen.
    for script in [
        can("", &[NOW]).stopped(0, broke()),
        can("", &[NOW]).begin(0).stopped(500, broke()),
        can("", &[NOW]).begin(0).frame(400, WRONG).stopped(500, broke()),
    ] {
        let result = script.judge();
        assert_eq!(result.verdict, Verdict::Error, "{result:#?}");
        assert_eq!(result.reason.as_deref(), Some("the link broke: `can0` is gone"));
    }
}

#[test]
fn a_case_that_was_not_run_did_not_pass() {
    for (stop, verdict) in [
        (Stop::RecordingOver, Verdict::Inconclusive),
        (Stop::OutOfTime(Duration::from_secs(5)), Verdict::Inconclusive),
        (Stop::Interrupted, Verdict::Inconclusive),
        (Stop::FirstFailure("another".into()), Verdict::Skip),
    ] {
        assert_eq!(
            can("", &[NOW]).stopped(0, stop.clone()).judge().verdict,
            verdict,
            "{stop}"
        );
    }
    assert_eq!(can("", &[NOW]).judge().verdict, Verdict::Inconclusive);
}

#[test]
fn a_case_that_was_interrupted_keeps_its_failure_and_loses_its_pass() {
    let script = |frame: &str| {
        can("", &[NOW])
            .begin(0)
            .frame(400, frame)
            .stopped(500, Stop::Interrupted)
    };
    assert_eq!(script(WRONG).judge().verdict, Verdict::Fail);
    assert_eq!(script(LIMITS).judge().verdict, Verdict::Inconclusive);
}

#[test]
fn a_skipped_case_says_why() {
    let script = can("", &[NOW]).event(
        0,
        EventKind::CaseSkipped(CASE.into(), "the bench cannot do `set`".into()),
    );
    let result = script.judge();
    assert_eq!(
        (result.verdict, result.reason.as_deref()),
        (Verdict::Skip, Some("the bench cannot do `set`"))
    );
}

#[test]
fn a_flag_seen_in_one_state_only_proves_nothing_to_a_certifier() {
    let flags = |frames: &[&str]| {
        let step = "never: { message: 0x305, during: 5 s }";
        let look = "expect: { message: requests, over: 1, fields: { charge_enable: true } }";
        let script = can("covers: [toy-can/0x35C.charge_enable]", &[step, look]).begin(0);
        let script = frames.iter().enumerate().fold(script, |script, (index, frame)| {
            script.frame(500 + 1000 * index as u64, frame)
        });
        script.end(5000)
    };
    let result = flags(&[ENABLED, ENABLED]).passes();
    let state = check(&result, "0x35C.charge_enable in both states");
    assert!(state.vacuous && state.actual == "true only", "{state:#?}");
    let certified = flags(&[ENABLED, ENABLED]).certification().judge();
    assert_eq!(certified.verdict, Verdict::Inconclusive);
    assert_eq!(
        certified.reason.as_deref(),
        Some("0x35C.charge_enable in both states: true only; nothing could have broken it")
    );
    assert_eq!(
        flags(&[ENABLED, DISABLED]).certification().judge().verdict,
        Verdict::Pass
    );
}

#[test]
fn a_rule_whose_condition_never_held_proves_nothing_to_a_certifier() {
    let script = |frame: &str| {
        can(
            "covers: [toy-can/rule:no-charge-no-current]",
            &["never: { message: 0x305, during: 5 s }"],
        )
        .begin(0)
        .frame(500, NO_CHARGE)
        .frame(520, frame)
        .end(5000)
        .certification()
        .judge()
    };
    assert_eq!(script(DISABLED).verdict, Verdict::Pass);
    let result = script(ENABLED);
    assert_eq!(result.verdict, Verdict::Inconclusive);
    assert!(check(&result, "rule no-charge-no-current exercised").vacuous);
}

#[test]
fn a_demand_that_every_value_meets_proves_nothing_to_a_certifier() {
    let step = "expect: { message: limits, over: 1, fields: { charge_voltage_limit: 0..6553.5 V } }";
    let script = can("", &[step]).begin(0).frame(500, LIMITS).end(500);
    assert!(check(&script.passes(), "0x351.charge_voltage_limit").vacuous);
    assert_eq!(script.certification().judge().verdict, Verdict::Inconclusive);
}

#[test]
fn the_time_and_the_covers_of_a_case_are_told() {
    let result = can("", &[NOW]).begin(1000).frame(1500, LIMITS).end(2500).passes();
    assert_eq!(result.time, Duration::from_millis(1500));
    assert_eq!(
        (result.id.as_str(), result.covers.as_slice()),
        (CASE, &["R-003".to_string()][..])
    );
    assert_eq!(result.origin, "tests.yaml:5");
}

mod waived {
    use super::*;
    use crate::judge::waivers::{self, Waiver};

    fn waiver(text: &str) -> Waiver {
        let text = format!("waivers:\n  - {{ reason: known, owner: jo, {text} }}\n");
        let (mut waivers, mistakes) = waivers::load(&Source::new("waivers.yaml", text));
        assert!(mistakes.is_empty(), "{}", mistakes.render_plain());
        waivers.remove(0)
    }

    /// The verdict of a script under a waiver, on a day in 2026.
    fn under(waiver_text: &str, script: &Script, day: &str) -> CaseResult {
        let mut results = [script.judge()];
        let day = format!("2026-{day}").parse().unwrap();
        waivers::apply(&[waiver(waiver_text)], &mut results, day, &script.options);
        let [result] = results;
        result
    }

    fn failing() -> Script {
        can("", &[NOW]).begin(0).frame(500, WRONG).end(500)
    }

    #[test]
    fn a_known_failure_passes_until_its_last_day() {
        let text = "case: 'toy/*', expires: 2026-06-30";
        let result = under(text, &failing(), "06-30");
        assert_eq!(result.verdict, Verdict::Pass);
        assert_eq!(
            result.waiver.as_deref(),
            Some("known (jo, until 2026-06-30; waivers.yaml:2)")
        );
        let result = under(text, &failing(), "07-01");
        assert_eq!(result.verdict, Verdict::Fail);
        assert_eq!(result.reason.as_deref(), Some("its waiver expired on 2026-06-30"));
    }

    #[test]
    fn an_expired_waiver_fails_even_where_all_is_well() {
        let passing = can("", &[NOW]).begin(0).frame(500, LIMITS).end(500);
        let result = under("case: 'toy/*', expires: 2026-06-30", &passing, "07-01");
        assert_eq!(result.verdict, Verdict::Fail);
    }

    #[test]
    fn an_unexpected_pass_fails() {
        let passing = can("", &[NOW]).begin(0).frame(500, LIMITS).end(500);
        let result = under("case: 'toy/*', expires: 2026-06-30", &passing, "01-01");
        assert_eq!(result.verdict, Verdict::Fail);
        assert!(result.reason.unwrap().contains("not needed any more"));
    }

    #[test]
    fn only_the_named_check_is_excused() {
        let right = "case: '*', check: '0x351.charge*', expires: 2026-06-30";
        assert_eq!(under(right, &failing(), "01-01").verdict, Verdict::Pass);
        let other = can("", &[NOW]).begin(0).frame(500, "351#3F02D007FA000001").end(500);
        assert_eq!(
            under(right, &other, "01-01").verdict,
            Verdict::Fail,
            "the reserved byte is not excused"
        );
        let wrong = "case: '*', check: '0x35C*', expires: 2026-06-30";
        assert_eq!(under(wrong, &failing(), "01-01").verdict, Verdict::Fail);
    }

    #[test]
    fn errors_and_other_cases_are_left_alone() {
        let error = can("", &[NOW]).begin(0).stopped(500, Stop::LinkBroke("gone".into()));
        let result = under("case: '*', expires: 2026-06-30", &error, "01-01");
        assert_eq!((result.verdict, result.waiver), (Verdict::Error, None));
        let result = under("case: 'other/*', expires: 2026-06-30", &failing(), "01-01");
        assert_eq!((result.verdict, result.waiver), (Verdict::Fail, None));
    }

    #[test]
    fn what_could_not_be_judged_is_no_unexpected_pass() {
        let open = can("", &[NOW]).begin(0).end(500);
        let result = under("case: '*', expires: 2026-06-30", &open, "01-01");
        assert_eq!(result.verdict, Verdict::Inconclusive);
    }

    #[test]
    fn stars_stand_for_any_text() {
        use waivers::matches;
        for (pattern, text, fits) in [
            ("a/b", "a/b", true),
            ("a/b", "a/bc", false),
            ("a/*", "a/", true),
            ("*/c", "a/b/c", true),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "acb", false),
            ("*", "", true),
            ("ab*ba", "aba", false),
        ] {
            assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
        }
    }
}
