use super::*;

const PERIOD: &str = "period: { message: limits, over: 3 }";

/// Frames at these times.
fn times(step: &str, times: &[u64], end: u64) -> Script {
    let script = can("", &[step]).begin(0);
    times
        .iter()
        .fold(script, |script, millis| script.frame(*millis, LIMITS))
        .end(end)
}

#[test]
fn a_right_cadence_passes_with_its_mean_and_longest_gap() {
    let result = times(PERIOD, &[500, 1500, 2400, 3500], 3500).passes();
    assert_eq!(check(&result, "0x351 period").measured, Some(Duration::from_secs(1)));
    assert_eq!(check(&result, "0x351 gap").measured, Some(Duration::from_millis(1100)));
}

#[test]
fn a_mean_outside_warns_and_far_outside_fails() {
    times(PERIOD, &[500, 2100, 3700, 5300], 5300).remarks(CheckResult::Warning, "0x351 period", "1.6 s over 3 periods");
    times(PERIOD, &[500, 900, 1300, 1700], 1700).remarks(CheckResult::Warning, "0x351 period", "400 ms over 3 periods");
    let strict = times(PERIOD, &[500, 2100, 3700, 5300], 5300).strict();
    assert_eq!(strict.judge().verdict, Verdict::Fail);
}

#[test]
fn one_gap_too_long_fails() {
    times(PERIOD, &[500, 1000, 4001, 4501], 4501).fails("0x351 gap", "3.001 s");
    times(PERIOD, &[500, 1000, 4000, 4500], 4500).passes();
}

#[test]
fn a_message_that_stops_fails() {
    times(PERIOD, &[500, 1500], 4500).fails("0x351", "2, then none for 3 s");
    times(PERIOD, &[], 3000).fails("0x351", "nothing at all came");
}

#[test]
fn a_gap_is_open_when_frames_were_lost_and_a_right_cadence_is_not() {
    let script = |lost: u64, times: &[u64], end: u64| {
        let script = can("", &[PERIOD]).begin(0).lost(lost);
        times
            .iter()
            .fold(script, |script, millis| script.frame(*millis, LIMITS))
            .end(end)
    };
    script(100, &[500, 1000, 4001, 4501], 4501).is_open("0x351 gap", "the link lost frames");
    script(100, &[500, 1500, 2500, 3500], 3500).passes();
}

#[test]
fn a_clock_that_jumped_leaves_every_time_open() {
    let script = can("", &[PERIOD])
        .begin(0)
        .frames(500, 2, LIMITS)
        .jumped(2000)
        .frames(2500, 2, LIMITS)
        .end(3500);
    let result = script.judge();
    assert_eq!(result.verdict, Verdict::Inconclusive);
    assert_eq!(check(&result, "0x351 period").result, CheckResult::Inconclusive);
    assert_eq!(check(&result, "0x351 gap").result, CheckResult::Inconclusive);
}

#[test]
fn an_observation_that_was_cut_short_is_open() {
    times(PERIOD, &[500, 1500], 2000).judge();
    let result = times(PERIOD, &[500, 1500], 2000).judge();
    assert_eq!(result.verdict, Verdict::Inconclusive);
    // A gap that was too long stays too long.
    let result = times(PERIOD, &[500, 3600], 4000).judge();
    assert_eq!(result.verdict, Verdict::Fail);
}

const FINE: &str = "period: { message: limits, is: 1 s, tolerance: 1 %, over: 3 }";

#[test]
fn a_demand_of_its_own_overrides_the_definition() {
    times(FINE, &[500, 1505, 2510, 3515], 3515).passes();
    times(FINE, &[500, 1520, 2540, 3560], 3560).fails("0x351 period", "1.02 s over 3 periods");
    times(FINE, &[500, 1480, 2460, 3440], 3440).fails("0x351 period", "980 ms over 3 periods");
}

#[test]
fn a_tolerance_finer_than_the_clock_is_open_with_the_number() {
    let script = times(FINE, &[500, 1500, 2500, 3500], 3500).resolution(Duration::from_millis(16));
    script.is_open(
        "0x351 period",
        "a tolerance of 10 ms is finer than the clock, which is known to 16 ms",
    );
    let script = times(FINE, &[500, 1500, 2500, 3500], 3500).resolution(Duration::from_millis(5));
    script.passes();
}

#[test]
fn the_grade_of_the_period_decides() {
    let script = can("", &["period: { message: requests, over: 1 }"])
        .begin(0)
        .frame(500, ENABLED)
        .frame(4000, ENABLED);
    let result = script.end(4000).passes();
    assert_eq!(check(&result, "0x35C gap").result, CheckResult::Warning);
}

#[test]
fn all_messages_must_come_in_time() {
    let demand = "all_messages: { within: 5 s }";
    let result = can("", &[demand])
        .begin(0)
        .frame(500, LIMITS)
        .frame(900, ENABLED)
        .end(900)
        .passes();
    assert_eq!(
        check(&result, "0x35C requests").measured,
        Some(Duration::from_millis(900))
    );
    let script = || can("", &[demand]).begin(0).frame(500, LIMITS);
    script()
        .frame(5001, ENABLED)
        .end(5001)
        .fails("0x35C requests", "it did not come");
    script()
        .lost(600)
        .end(5000)
        .is_open("0x35C requests", "the link lost frames");
    script().end(4999).is_open("0x35C requests", "the observation ended");
}

#[test]
fn after_a_start_the_first_set_must_be_complete_in_time() {
    let started = || {
        can("", &["power_cycle: true", "all_messages: { within: 5 s }"])
            .begin(0)
            .event(0, EventKind::Stimulated(Stimulus::PowerCycle))
            .step(0, 1)
            .frame(2000, LIMITS)
    };
    let result = started().frame(2500, ENABLED).end(2500).passes();
    assert_eq!(check(&result, "first set").measured, Some(Duration::from_millis(500)));
    started().frame(2501, ENABLED).end(2501).fails("first set", "501 ms");
    // Without a start it is no first set.
    let script = can("", &["all_messages: { within: 5 s }"])
        .begin(0)
        .frame(2000, LIMITS)
        .frame(3000, ENABLED);
    script.end(3000).passes();
}
