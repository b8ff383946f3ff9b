use super::*;

/// Watches everything for some seconds.
const WATCH: &str = "never: { message: 0x123, during: 10 s }";

fn watching() -> Script {
    can("", &[WATCH]).begin(0)
}

#[test]
fn a_rule_within_one_message_is_broken_at_once() {
    let script = watching().frame(500, "351#4002D0070CFF0000").end(10_000); // -24.4 degC
    let check = script.fails("rule warm", "temperature = -24.4 degC");
    assert_eq!(check.expected, "temperature > -20 degC");
    assert_eq!(check.requirement, "sheet toy, grade A (toy.yaml:41)");
}

#[test]
fn messages_that_follow_each_other_break_no_rule() {
    // The enable goes first, the limit follows 20 ms later: between them the two disagree.
    let script = watching()
        .frame(500, LIMITS)
        .frame(520, ENABLED)
        .frame(1480, DISABLED)
        .frame(1500, NO_CHARGE)
        .frame(2480, DISABLED)
        .frame(2500, NO_CHARGE)
        .end(10_000);
    script.passes();
}

#[test]
fn a_rule_over_two_messages_is_broken_once_both_came_again() {
    let broken = || watching().frame(500, LIMITS).frame(520, DISABLED).frame(1500, LIMITS);
    broken().end(10_000).passes();
    let check = broken().frame(1520, DISABLED).end(10_000).fails(
        "rule no-charge-no-current",
        "charge_enable = false, charge_current_limit = 200.0 A",
    );
    assert_eq!(check.evidence.unwrap().at, at(520));
}

#[test]
fn a_rule_with_a_duration_must_be_broken_for_longer() {
    // Charging and discharging forbidden; the limit of the second rule may lag for 3 s.
    let script = |frames: u64| {
        can("allow: [no-charge-no-current]", &[WATCH])
            .begin(0)
            .frames(500, frames, LIMITS)
            .frames(520, frames, "35C#8000")
            .frame(520 + 1000 * frames, "35C#8000")
            .frame(500 + 1000 * frames, NO_CHARGE)
            .end(10_000)
    };
    script(3).passes();
    script(5).fails(
        "rule slowly",
        "discharge_enable = false, charge_current_limit = 200.0 A",
    );
}

#[test]
fn a_rule_is_broken_once_however_long_it_lasts() {
    let script = watching().frames(500, 5, "351#4002D0070CFF0000").end(10_000);
    script.fails("rule warm", "temperature = -24.4 degC");
    let script = watching()
        .frame(500, "351#4002D0070CFF0000")
        .frame(1500, LIMITS)
        .frame(2500, "351#4002D0070CFF0000")
        .end(10_000);
    script.fails("rule warm", "(2 times)");
}

#[test]
fn a_case_may_break_a_rule_on_purpose() {
    let script = can("allow: [warm]", &[WATCH])
        .begin(0)
        .frame(500, "351#4002D0070CFF0000")
        .end(10_000);
    script.passes();
}

#[test]
fn a_loss_between_two_messages_breaks_no_rule() {
    let script = watching()
        .frame(500, LIMITS)
        .frame(520, DISABLED)
        .lost(600)
        .frame(1500, LIMITS)
        .frame(1520, ENABLED)
        .end(10_000);
    let result = script.judge();
    assert!(
        result.checks.iter().all(|check| !check.what.starts_with("rule")),
        "{result:#?}"
    );
}

const HOLD: &str = "rules: { hold: [no-charge-no-current], during: 5 s }";

#[test]
fn a_demanded_rule_must_be_exercised_and_hold() {
    let begun = || can("", &["wait: 1 s", HOLD]).begin(0).step(1000, 1);
    begun().frame(1500, NO_CHARGE).frame(1520, DISABLED).end(6000).passes();
    begun()
        .frame(1500, LIMITS)
        .frame(1520, ENABLED)
        .end(6000)
        .is_open("rule no-charge-no-current", "the rule was not exercised");
    let broken = begun().frames(1500, 2, LIMITS).frames(1520, 2, DISABLED).end(6000);
    let result = broken.judge();
    assert_eq!(result.verdict, Verdict::Fail);
    assert_eq!(
        check(&result, "rule no-charge-no-current").actual,
        "broken: charge_enable = false, charge_current_limit = 200.0 A"
    );
}

#[test]
fn a_demanded_rule_is_open_after_a_loss_or_a_short_observation() {
    let begun = || {
        can("", &["wait: 1 s", HOLD])
            .begin(0)
            .step(1000, 1)
            .frame(1500, NO_CHARGE)
            .frame(1520, DISABLED)
    };
    begun()
        .lost(2000)
        .end(6000)
        .is_open("rule no-charge-no-current", "the link lost frames");
    begun()
        .end(5999)
        .is_open("rule no-charge-no-current", "the observation ended");
}
