use super::*;

fn demand(what: &str) -> String {
    format!("never: {{ {what}, during: 5 s }}")
}

#[track_caller]
fn offends(what: &str, frame: &str, named: &str) {
    let demand = demand(what);
    let begun = || {
        can("", &["wait: 1 s", &demand])
            .begin(0)
            .frame(500, LIMITS)
            .step(1000, 1)
    };
    let name = format!("never {named}");
    let result = |script: Script| check(&script.judge(), &name).clone();
    // What came before, and what comes after, does not matter.
    let outside = begun()
        .frame(1000, frame)
        .frame(2000, LIMITS)
        .frame(6001, frame)
        .end(6001);
    assert_eq!(result(outside).result, CheckResult::Pass);
    let offence = result(begun().frame(2000, frame).end(6000));
    assert!(offence.actual.contains("after 1 s"), "{offence:#?}");
    // What is known from one source only warns.
    let expected = if what.contains("unknown_id") {
        CheckResult::Warning
    } else {
        CheckResult::Fail
    };
    assert_eq!(offence.result, expected, "{offence:#?}");
    begun().lost(2000).end(6000).is_open(&name, "the link lost frames");
    begun().end(5999).is_open(&name, "the observation ended");
}

#[test]
fn each_kind_of_unwanted_thing_is_seen() {
    offends("message: 0x305", "305#0000", "0x305");
    offends("message: requests", "35C#C000", "requests");
    offends(
        "id_format: wrong",
        "00000351#4002D007FA000000",
        "an identifier of the other format",
    );
    offends("remote: true", "351#R", "a remote frame");
    offends(
        "unknown_id: true",
        "123#00",
        "an identifier that the definition does not list",
    );
}

#[test]
fn anything_is_any_message() {
    let demand = demand("anything: true");
    let begun = || {
        can("", &["wait: 1 s", &demand])
            .begin(0)
            .frame(500, LIMITS)
            .step(1000, 1)
    };
    begun().end(6000).passes();
    begun()
        .frame(5900, LIMITS)
        .end(6000)
        .fails("never anything", "351#4002D007FA000000 after 4.9 s");
}

#[test]
fn silence_of_a_target_that_was_never_heard_proves_nothing() {
    let demand = demand("message: 0x305");
    let script = can("", &["wait: 1 s", &demand]).begin(0).step(1000, 1).end(6000);
    let result = script.passes();
    assert!(check(&result, "never 0x305").vacuous);
    let result = script.certification().judge();
    assert_eq!(result.verdict, Verdict::Inconclusive);
    assert_eq!(
        result.reason.as_deref(),
        Some("never 0x305: nothing came; nothing could have broken it")
    );
}
