//! Bytes of a serial line in pieces, echoes, and questions that the answer belongs to.

use proptest::prelude::*;

use super::*;
use crate::wire::pylon_ascii::emit;

const DATA: &str = "request: { command: 0x61 }, reply: { fields: { soc: 50 % } }";

fn question() -> Vec<u8> {
    emit(0x20, 2, 0x46, 0x61, &[]).unwrap()
}

fn answer() -> Vec<u8> {
    emit(0x20, 2, 0x46, 0, &[50, 100]).unwrap()
}

#[test]
fn our_own_echo_is_no_answer() {
    let script = || serial(&[DATA]).begin(0).asks(0, 0);
    script().bytes(1, &question()).bytes(30, &answer()).end(200).passes();
    script().bytes(1, &question()).end(1020).fails("0x61 reply", "silence");
    // In one piece with the answer, and byte by byte.
    let both = [question(), answer()].concat();
    let result = script().bytes(1, &both).end(200).judge();
    assert_eq!(check(&result, "0x61.soc").result, CheckResult::Pass);
}

#[test]
fn an_echo_does_not_break_silence() {
    let step = "request: { command: 0x61, at: 0x05 }, silence: 500 ms";
    let echo = emit(0x20, 5, 0x46, 0x61, &[]).unwrap();
    let script = serial(&[step]).begin(0).asks(0, 0).bytes(1, &echo).end(1100);
    assert_eq!(script.judge().verdict, Verdict::Pass);
    // Only once: a battery that sends the question back answers.
    let script = serial(&[step])
        .begin(0)
        .asks(0, 0)
        .bytes(1, &echo)
        .bytes(100, &echo)
        .end(1100);
    assert_eq!(script.judge().verdict, Verdict::Fail);
}

#[test]
fn the_echo_of_a_question_in_slices_comes_in_slices() {
    let step = "request: { command: 0x61, at: 0x05, sliced: 2 ms }, silence: 500 ms";
    let question = emit(0x20, 5, 0x46, 0x61, &[]).unwrap();
    let mut script = serial(&[step]).begin(0);
    for (millis, byte) in (0..).step_by(2).zip(&question) {
        let sent = EventKind::Sent {
            frame: BusFrame::Serial(vec![*byte]),
            until: at(millis),
        };
        script = script.event(millis, sent).bytes(millis + 1, &[*byte]);
    }
    let result = script.end(1200).judge();
    assert_eq!(result.verdict, Verdict::Pass, "{result:#?}");
}

#[test]
fn an_answer_equal_to_its_question_counts_on_a_line_without_echo() {
    // Return code 90 at address 02 is byte for byte the question 90.
    let step = "request: { command: 0x90 }, return_code: 0x90";
    let bytes = emit(0x20, 2, 0x46, 0x90, &[]).unwrap();
    serial(&[step]).begin(0).asks(0, 0).bytes(30, &bytes).end(200).passes();
    // On a line that gave back another question the copy is an echo.
    let script = serial(&[DATA, step])
        .begin(0)
        .asks(0, 0)
        .bytes(1, &question())
        .bytes(30, &answer())
        .step(200, 1)
        .asks(200, 1)
        .bytes(201, &bytes)
        .end(1300);
    script.fails("0x90 reply", "silence");
}

#[test]
fn a_late_answer_is_not_that_to_the_next_question() {
    let other = "request: { command: 0x61 }, reply: { fields: { soc: 51 % } }";
    let script = serial(&[DATA, other])
        .begin(0)
        .asks(0, 0)
        .reply(700, 0, &[50, 100])
        .step(1020, 1)
        .asks(1020, 1)
        .reply(1050, 0, &[51, 100])
        .end(1200);
    let check = script.fails("0x61 reply time", "680 ms");
    assert_eq!(check.step, Some(0));
}

#[test]
fn an_answer_to_the_question_before_is_known_by_what_it_fits() {
    // The first answer comes behind the second question, which asks for something longer.
    let other = "request: { command: 0x42 }, reply: { length: 3 }";
    let script = serial(&[DATA, other])
        .begin(0)
        .asks(0, 0)
        .step(1020, 1)
        .asks(1020, 1)
        .reply(1050, 0, &[50, 100])
        .reply(1150, 0, &[1, 0xCE, 0x40])
        .end(1400);
    let result = script.judge();
    let failed: Vec<&str> = result
        .checks
        .iter()
        .filter(|check| check.result == CheckResult::Fail)
        .map(|check| check.what.as_str())
        .collect();
    assert_eq!(failed, ["0x61 reply", "0x61 late-reply"], "{result:#?}");
}

#[test]
fn a_message_that_does_not_end_is_no_answer() {
    let cut = &answer()[..10];
    let script = serial(&[DATA]).begin(0).asks(0, 0).bytes(30, cut).end(1100);
    script.fails("0x61 reply", "no reply, but");
}

#[test]
fn bytes_before_an_answer_are_no_part_of_it() {
    let noisy = [&[0x00, 0xFF][..], &answer()].concat();
    let result = serial(&[DATA]).begin(0).asks(0, 0).bytes(30, &noisy).end(200).passes();
    // The answer begins after them, two bytes later.
    assert_eq!(
        check(&result, "0x61 reply time").measured,
        Some(Duration::from_micros(10_000 + 2 * 1042))
    );
}

proptest! {
    #[test]
    fn slicing_the_stream_changes_no_verdict(cuts in proptest::collection::vec(1_usize..40, 0..6), noise in 0_usize..3) {
        let stream = [&vec![0xFF; noise][..], &question(), &answer()].concat();
        let whole = serial(&[DATA]).begin(0).asks(0, 0).bytes(1, &stream).end(400).judge();
        let mut script = serial(&[DATA]).begin(0).asks(0, 0);
        let mut from = 0;
        for cut in cuts.into_iter().chain([stream.len()]) {
            let to = (from + cut).min(stream.len());
            if from < to {
                let first = Instant::from_micros(1000 + 1042 * from as u64);
                let last = Instant::from_micros(1000 + 1042 * (to as u64 - 1));
                let frame = BusFrame::Serial(stream[from..to].to_vec());
                script.events.push(Event { at: first, kind: EventKind::Received { frame, until: last } });
            }
            from = to;
        }
        let sliced = script.end(400).judge();
        prop_assert_eq!(whole.verdict, sliced.verdict);
        let results = |result: &CaseResult| {
            result.checks.iter().map(|check| (check.what.clone(), check.result, check.measured)).collect::<Vec<_>>()
        };
        prop_assert_eq!(results(&whole), results(&sliced));
    }
}
