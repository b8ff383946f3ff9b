use super::*;

const SOON: &str = "expect: { message: limits, within: 3 s, fields: { charge_current_limit: 0 A } }";
const NOW: &str = "expect: { message: limits, over: 3, fields: { charge_voltage_limit: 57.6 V } }";

/// A step that changes something, so that the demand is not watched from the start.
const WAIT: &str = "wait: 1 s";

#[test]
fn a_match_in_time_passes_with_its_reaction_time() {
    let script = can("", &["set: { cell_over_voltage_protection: true }", SOON])
        .begin(0)
        .sets(0)
        .step(1, 1)
        .frame(1000, LIMITS)
        .frame(2000, NO_CHARGE)
        .end(2000);
    let result = script.passes();
    let check = check(&result, "0x351.charge_current_limit");
    assert_eq!(check.measured, Some(Duration::from_secs(2)));
    assert_eq!(check.expected, "0 A within 3 s");
    assert_eq!(check.evidence.as_ref().unwrap().at, at(2000));
}

#[test]
fn a_reaction_that_came_during_an_earlier_step_counts_from_its_first_message() {
    let script = can("", &["set: { cell_over_voltage_protection: true }", "wait: 3 s", SOON])
        .begin(0)
        .sets(100)
        .step(100, 1)
        .frame(1000, LIMITS)
        .frame(2000, NO_CHARGE)
        .frame(3000, NO_CHARGE)
        .step(3100, 2)
        .frame(4000, NO_CHARGE)
        .end(4000);
    let result = script.passes();
    let check = check(&result, "0x351.charge_current_limit");
    assert_eq!(check.measured, Some(Duration::from_millis(1900)));
}

#[test]
fn what_never_matches_in_time_fails_with_what_came_last() {
    let script = can("", &[WAIT, SOON])
        .begin(0)
        .step(1000, 1)
        .frame(1500, LIMITS)
        .frame(2500, LIMITS)
        .frame(4100, NO_CHARGE) // too late
        .end(4100);
    let check = script.fails("0x351.charge_current_limit", "200.0 A (raw 2000)");
    assert_eq!(check.evidence.unwrap().at, at(2500));
    assert_eq!(check.demanded_at.as_deref(), Some("tests.yaml:5"));
}

#[test]
fn a_message_that_does_not_come_fails_with_what_came_instead() {
    let script = can("", &[WAIT, SOON])
        .begin(0)
        .step(1000, 1)
        .frames(1500, 3, ENABLED)
        .end(4000);
    let check = script.fails("0x351", "none; seen instead: 0x35C (3)");
    assert_eq!(check.expected, "a message within 3 s");
}

#[test]
fn what_was_there_before_the_step_does_not_count() {
    // The frame ends just after the step begins: it was on its way before.
    let script = can("", &[WAIT, SOON])
        .begin(0)
        .step(1000, 1)
        .frame(1000, NO_CHARGE)
        .end(4000);
    script.fails("0x351", "nothing at all came");
    let mut script = can("", &[WAIT, SOON]).begin(0).step(1000, 1);
    let frame = BusFrame::Can(can_frame(NO_CHARGE));
    let soon = Instant::from_micros(1_000_100);
    script.events.push(Event {
        at: soon,
        kind: EventKind::Received { frame, until: soon },
    });
    script.end(4000).fails("0x351", "nothing at all came");
}

#[test]
fn a_missing_message_is_open_when_frames_were_lost() {
    let script = can("", &[WAIT, SOON])
        .begin(0)
        .step(1000, 1)
        .frame(1500, LIMITS)
        .lost(2000)
        .end(4000);
    script.is_open("0x351.charge_current_limit", "the link lost frames");
}

#[test]
fn a_loss_before_the_step_excuses_nothing() {
    let script = can("", &[WAIT, SOON])
        .begin(0)
        .lost(500)
        .step(1000, 1)
        .frame(1500, LIMITS)
        .end(4000);
    script.fails("0x351.charge_current_limit", "200.0 A");
}

#[test]
fn an_observation_that_was_cut_short_is_open() {
    let script = can("", &[WAIT, SOON])
        .begin(0)
        .step(1000, 1)
        .frame(1500, LIMITS)
        .end(2000);
    script.is_open("0x351", "the observation ended after 1 s, 3 s were wanted");
}

const EARLY: &str =
    "expect: { message: limits, within: 5 s, not_before: 900 ms, fields: { charge_current_limit: 0 A } }";

#[test]
fn a_match_too_early_fails_and_one_in_time_passes() {
    let script = |first: u64| {
        can("", &[WAIT, EARLY])
            .begin(0)
            .step(1000, 1)
            .frame(first, NO_CHARGE)
            .end(6000)
    };
    script(1900).passes();
    script(1899).fails("0x351 not before", "matched after 899 ms");
}

/// A bench reports a stimulus done some time after it has begun to act.
#[test]
fn too_early_is_counted_from_the_begin_of_the_stimulus() {
    let script = |first: u64| {
        can("", &["set: { soc: 50 % }", EARLY])
            .begin(0)
            .step(40, 1)
            .frame(first, NO_CHARGE)
            .end(6000)
    };
    script(900).passes();
    script(899).fails("0x351 not before", "matched after 899 ms");
}

#[test]
fn a_match_near_the_earliest_time_is_open_on_a_coarse_clock() {
    let script = |first: u64| {
        can("", &[WAIT, EARLY])
            .resolution(Duration::from_millis(16))
            .begin(0)
            .step(1000, 1)
            .frame(first, NO_CHARGE)
            .end(6000)
    };
    script(1890).is_open("0x351 not before", "too near to a bound for a clock of 16 ms");
    script(1950).passes();
    script(1800).fails("0x351 not before", "matched after 800 ms");
}

#[test]
fn a_match_too_early_is_open_when_the_clock_jumped() {
    let script = can("", &[WAIT, EARLY])
        .begin(0)
        .step(1000, 1)
        .jumped(1500)
        .frame(1800, NO_CHARGE)
        .end(6000);
    script.is_open("0x351 not before", "the clock jumped back");
}

const HOLDS: &str = "expect: { message: limits, within: 3 s, holds: 5 s, fields: { charge_current_limit: 0 A } }";

#[test]
fn what_holds_passes_and_what_does_not_fails_with_the_time() {
    let matched = || {
        can("", &[WAIT, HOLDS])
            .begin(0)
            .step(1000, 1)
            .frames(1500, 3, NO_CHARGE)
    };
    matched().frames(4500, 3, NO_CHARGE).end(6500).passes();
    let check = matched()
        .frame(4500, LIMITS)
        .end(6500)
        .fails("0x351.charge_current_limit", "200.0 A (raw 2000) after 3 s");
    assert_eq!(check.expected, "0 A for 5 s");
    // After its time it may end.
    matched()
        .frames(4500, 2, NO_CHARGE)
        .frame(6600, LIMITS)
        .end(6600)
        .passes();
}

#[test]
fn nothing_holds_when_no_message_comes() {
    let script = can("", &[WAIT, HOLDS]).begin(0).step(1000, 1).frame(1500, NO_CHARGE);
    script.end(6500).fails("0x351 holds", "none came");
    let script = can("", &[WAIT, HOLDS])
        .begin(0)
        .step(1000, 1)
        .frame(1500, NO_CHARGE)
        .lost(3000);
    script.end(6500).is_open("0x351 holds", "the link lost frames");
}

#[test]
fn what_does_not_hold_fails_although_frames_were_lost() {
    let script = can("", &[WAIT, HOLDS])
        .begin(0)
        .step(1000, 1)
        .frame(1500, NO_CHARGE)
        .lost(2000)
        .frame(2500, LIMITS)
        .end(6500);
    script.fails("0x351.charge_current_limit", "200.0 A (raw 2000) after 1 s");
}

#[test]
fn each_of_the_next_messages_must_match() {
    can("", &[NOW]).begin(0).frames(500, 3, LIMITS).end(2500).passes();
    // One wrong message is enough, wherever it stands.
    let script = can("", &[NOW])
        .begin(0)
        .frames(500, 2, LIMITS)
        .frame(2500, "351#3C02D007FA000000")
        .end(2500);
    let check = script.fails("0x351.charge_voltage_limit", "57.2 V (raw 572)");
    assert_eq!(check.evidence.unwrap().at, at(2500));
}

#[test]
fn a_wrong_message_fails_although_frames_were_lost() {
    let script = can("", &[NOW])
        .begin(0)
        .lost(100)
        .frame(500, "351#3C02D007FA000000")
        .end(2500);
    script.fails("0x351.charge_voltage_limit", "57.2 V");
}

#[test]
fn messages_that_stop_coming_fail_and_are_open_after_a_loss() {
    // Three messages of at most 3 s each.
    let script = || can("", &[NOW]).begin(0).frames(500, 2, LIMITS);
    script().end(9000).fails("0x351", "only 2");
    script().lost(4000).end(9000).is_open("0x351", "the link lost frames");
    script()
        .end(8999)
        .is_open("0x351", "the observation ended after 8.999 s, 9 s were wanted");
}

#[test]
fn a_message_alone_can_be_demanded() {
    let demand = "expect: { message: requests, within: 2 s }";
    can("", &[demand]).begin(0).frame(500, ENABLED).end(500).passes();
    can("", &[demand])
        .begin(0)
        .frame(500, LIMITS)
        .end(2000)
        .fails("0x35C", "none; seen instead: 0x351 (1)");
}

#[test]
fn demands_can_be_watched_together() {
    let together = "together: [ { expect: { message: limits, within: 2 s, fields: { charge_current_limit: 0 A } } }, \
                    { expect: { message: requests, within: 2 s, fields: { charge_enable: false } } } ]";
    let begun = || can("", &[WAIT, together]).begin(0).step(1000, 1);
    // The second one matches first.
    begun().frame(1500, DISABLED).frame(2500, NO_CHARGE).end(2500).passes();
    let script = begun()
        .frame(1500, DISABLED)
        .frame(2500, LIMITS)
        .frame(2600, DISABLED)
        .end(3000);
    script.fails("0x351.charge_current_limit", "200.0 A");
}

const ASKS: &str = "expect: { message: 0x61, over: 2, fields: { soc: 50 % } }";

#[test]
fn a_question_without_an_answer_is_a_missing_message() {
    let script = || serial(&[ASKS]).begin(0).polls(0).reply(30, 0, &[50, 100]);
    script().polls(1000).reply(1030, 0, &[50, 100]).end(1100).passes();
    // The second question has left at 1020 ms; its answer is overdue a second later.
    let check = script().polls(1000).end(2020).fails("0x61", "only 1");
    assert_eq!(check.expected, "2 messages within 2.02 s");
    script().polls(1000).end(2019).is_open("0x61", "the observation ended");
}

/// A battery that wakes leaves the first questions without an answer; from the first answer on it must give one to each.
#[test]
fn questions_before_the_first_answer_do_not_count() {
    let woken = || {
        serial(&[ASKS])
            .begin(0)
            .polls(0)
            .polls(1100)
            .polls(2200)
            .reply(2230, 0, &[50, 100])
    };
    woken().polls(3300).reply(3330, 0, &[50, 100]).end(3400).passes();
    woken().polls(3300).end(4320).fails("0x61", "only 1");
}

#[test]
fn what_was_not_asked_for_cannot_be_missing() {
    let step = "expect: { message: 0x61, within: 3 s, fields: { soc: 50 % } }";
    serial(&["wait: 1 s", step])
        .begin(0)
        .step(1000, 1)
        .end(4000)
        .is_open("0x61", "it was not asked for in this time");
    serial(&["wait: 1 s", step])
        .begin(0)
        .step(1000, 1)
        .polls(1500)
        .end(4000)
        .fails("0x61", "nothing at all came");
    let all = "all_messages: { within: 3 s }";
    let script = serial(&["wait: 1 s", all])
        .begin(0)
        .step(1000, 1)
        .polls(1500)
        .reply(1600, 0, &[50, 100])
        .end(4000);
    script.is_open("0x42 packs", "it was not asked for in this time");
}
