use super::*;

const DATA: &str = "request: { command: 0x61 }, reply: { fields: { soc: 50 % } }";
/// soc 50 %, soh 100 %.
const HALF: &[u8] = &[50, 100];

/// The question has left at 20 ms.
fn asked(step: &str) -> Script {
    serial(&[step]).begin(0).asks(0, 0)
}

#[test]
fn a_right_answer_in_time_passes_with_its_time() {
    let result = asked(DATA).reply(30, 0, HALF).end(100).passes();
    assert_eq!(
        check(&result, "0x61 reply time").measured,
        Some(Duration::from_millis(10))
    );
    assert_eq!(check(&result, "0x61.soc").actual, "50 % (raw 50)");
}

#[test]
fn wrong_content_fails() {
    asked(DATA)
        .reply(30, 0, &[49, 100])
        .end(100)
        .fails("0x61.soc", "49 % (raw 49)");
}

#[test]
fn no_answer_fails_and_is_open_after_a_loss_or_a_short_observation() {
    asked(DATA).end(1020).fails("0x61 reply", "silence");
    asked(DATA)
        .lost(100)
        .end(1020)
        .is_open("0x61 reply", "the link lost frames");
    asked(DATA)
        .end(1019)
        .is_open("0x61 reply", "the observation ended before the answer was due");
}

#[test]
fn an_answer_is_slow_and_then_too_slow() {
    asked(DATA).reply(270, 0, HALF).end(1100).passes();
    asked(DATA)
        .reply(271, 0, HALF)
        .end(1100)
        .remarks(CheckResult::Warning, "0x61 reply time", "251 ms");
    asked(DATA)
        .reply(521, 0, HALF)
        .end(1100)
        .fails("0x61 reply time", "501 ms");
    let coarse = asked(DATA)
        .resolution(Duration::from_millis(16))
        .reply(515, 0, HALF)
        .end(1100);
    coarse.is_open("0x61 reply time", "495 ms is too near to a bound for a clock of 16 ms");
}

#[test]
fn a_case_may_be_stricter_about_time() {
    let step = "request: { command: 0x61 }, reply: { within: 50 ms }";
    asked(step).reply(70, 0, HALF).end(1100).passes();
    asked(step)
        .reply(71, 0, HALF)
        .end(1100)
        .fails("0x61 reply time", "51 ms");
}

#[test]
fn an_error_instead_of_data_fails() {
    asked(DATA)
        .reply(30, 4, &[])
        .end(100)
        .fails("0x61 reply", "return code 04");
}

#[test]
fn a_broken_answer_is_no_answer() {
    let mut bytes = crate::wire::pylon_ascii::emit(0x20, 2, 0x46, 0, HALF).unwrap();
    bytes[14] ^= 1; // wrong
    let result = asked(DATA).bytes(30, &bytes).end(1100).judge();
    assert_eq!(result.verdict, Verdict::Fail);
    assert_eq!(check(&result, "0x61 checksum").result, CheckResult::Fail);
    assert_eq!(check(&result, "0x61 reply").result, CheckResult::Fail);
}

#[test]
fn two_answers_to_one_question_fail() {
    asked(DATA)
        .reply(30, 0, HALF)
        .reply(100, 0, HALF)
        .end(200)
        .fails("0x61 answered once", "another");
}

#[test]
fn silence_passes_and_any_answer_breaks_it() {
    let step = "request: { command: 0x61, at: 0x05 }, silence: 500 ms";
    let alive = "request: { command: 0x61 }, reply: {}";
    let begun = || serial(&[step, alive]).begin(0).asks(0, 0);
    let after = |script: Script| script.step(1100, 1).asks(1100, 1).reply(1130, 0, HALF).end(1300);
    after(begun()).passes();
    // Late is an answer all the same.
    for millis in [30, 400, 900] {
        let bytes = crate::wire::pylon_ascii::emit(0x20, 5, 0x46, 0, HALF).unwrap();
        after(begun().bytes(millis, &bytes)).fails("0x61 silence", "a normal reply");
    }
    after(begun().lost(100)).is_open("0x61 silence", "the link lost frames");
    // A glitch of the line is none.
    after(begun().bytes(30, &[0])).remarks(CheckResult::Information, "0x61 silence", "no reply, but 00");
    after(begun().bytes(30, b"hello")).fails("0x61 silence", "no reply, but");
}

#[test]
fn silence_of_a_target_that_was_never_heard_proves_nothing() {
    let script = asked("request: { command: 0x61, at: 0x05 }, silence: 500 ms").end(1100);
    assert!(check(&script.passes(), "0x61 silence").vacuous);
    assert_eq!(script.certification().judge().verdict, Verdict::Inconclusive);
}

#[test]
fn a_bad_request_is_judged_by_the_definition() {
    let step = "request: { raw: '~200246610000FDAC' }, error: bad_checksum";
    asked(step).reply(30, 2, &[]).end(100).passes();
    assert!(
        check(&asked(step).end(1100).passes(), "0x61 bad_checksum").vacuous,
        "silence is accepted, and may be death"
    );
    asked(step)
        .reply(30, 4, &[])
        .end(100)
        .remarks(CheckResult::Warning, "0x61 bad_checksum", "return code 04");
    let check = asked(step)
        .reply(30, 0, HALF)
        .end(100)
        .fails("0x61 bad_checksum", "a normal reply");
    assert_eq!(
        check.expected,
        "return code 02, or silence, or (warning) return code 04"
    );
    asked(step)
        .lost(50)
        .end(1100)
        .is_open("0x61 bad_checksum", "the link lost frames");
}

#[test]
fn what_nobody_knows_never_decides() {
    let step = "request: { raw: '~200246610000FDAC' }, error: unsure";
    asked(step)
        .reply(30, 2, &[])
        .end(100)
        .remarks(CheckResult::Information, "0x61 unsure", "return code 02");
}

#[test]
fn a_return_code_can_be_demanded() {
    let step = "request: { command: 0x45 }, return_code: 0x04";
    asked(step).reply(30, 4, &[]).end(100).passes();
    asked(step)
        .reply(30, 2, &[])
        .end(100)
        .fails("0x45 reply", "return code 02");
    asked(step).end(1100).fails("0x45 reply", "silence");
    asked(step).end(500).is_open("0x45 reply", "the observation ended");
}

#[test]
fn a_target_that_serves_may_answer_anything_sound() {
    let step = "request: { raw: '7E 7E 0D' }, serves: true";
    asked(step).reply(30, 4, &[]).end(100).passes();
    assert!(check(&asked(step).end(1100).passes(), "request reply").vacuous);
    let mut bytes = crate::wire::pylon_ascii::emit(0x20, 2, 0x46, 4, &[]).unwrap();
    bytes[14] ^= 1; // wrong
    assert_eq!(asked(step).bytes(30, &bytes).end(1100).judge().verdict, Verdict::Fail);
}

#[test]
fn golden_data_and_frames_are_compared() {
    let step = "request: { command: 0x61 }, reply: { golden: '32 ??', length: 2, frame: '~20024600C0043264FD9F' }";
    let right = crate::wire::pylon_ascii::emit(0x20, 2, 0x46, 0, HALF).unwrap();
    let step = step.replace(
        "~20024600C0043264FD9F",
        std::str::from_utf8(&right[..right.len() - 1]).unwrap(),
    );
    asked(&step).reply(30, 0, HALF).end(100).passes();
    let result = asked(&step).reply(30, 0, &[51, 100]).end(100).judge();
    assert_eq!(check(&result, "0x61 bytes").actual, "33 64");
    assert_eq!(check(&result, "0x61 frame").result, CheckResult::Fail);
}

#[test]
fn the_fields_of_each_pack_are_compared() {
    let step = "request: { command: 0x42 }, reply: { packs: [{ pack_voltage: 52.8 V }, { pack_voltage: 52.9 V }] }";
    let reply = |second: u16| {
        let mut info = vec![2, 0xCE, 0x40];
        info.extend(second.to_be_bytes());
        asked(step).reply(30, 0, &info).end(200)
    };
    reply(52_900).passes();
    reply(52_901).fails("0x42.packs[2].pack_voltage", "52.901 V (raw 52901)");
    // One pack too few.
    let result = asked(step).reply(30, 0, &[1, 0xCE, 0x40]).end(200).judge();
    assert_eq!(check(&result, "0x42 packs").actual, "1");
}

#[test]
fn rounds_are_one_check_with_the_worst_of_them() {
    let step = format!("{DATA}, times: 3");
    let round = |script: Script, number: u64, soc: u8| {
        let from = number * 1000;
        let script = if number == 0 {
            script
        } else {
            script.round(from, 0, number as u32).asks(from, 0)
        };
        script.reply(from + 30 + number, 0, &[soc, 100])
    };
    let right = (0..3)
        .fold(asked(&step), |script, number| round(script, number, 50))
        .end(3000);
    let result = right.passes();
    assert_eq!(check(&result, "0x61.soc").actual, "50 % (raw 50) (3 of 3 rounds)");
    assert_eq!(
        check(&result, "0x61 reply time").measured,
        Some(Duration::from_millis(12))
    );
    let wrong = round(round(round(asked(&step), 0, 50), 1, 49), 2, 50).end(3000);
    wrong.fails("0x61.soc", "49 % (raw 49) (1 of 3 rounds)");
}
