//! Questions and answers on a Modbus line: cutting frames out of the stream, and which question an answer belongs to.

use super::*;
use crate::wire::modbus::{Reply, ReplyFraming, Request, with_crc};
use proptest::prelude::*;

const ALL: &str = "request: { registers: 0..2 }, reply: { fields: { soc: 50 %, soh: 100 % } }";

/// A Modbus script of a case with these steps.
fn modbus(steps: &[&str]) -> Script {
    Script::new("toy-modbus", "", steps)
}

fn data(bytes: &[u8]) -> Vec<u8> {
    let framing = ReplyFraming::Standard;
    let data = bytes.to_vec();
    Reply::Read { framing, data }.emit(1, 3)
}

/// 52.48 V, soc 50 %, soh 100 %.
fn answer() -> Vec<u8> {
    data(&[0x14, 0x80, 0, 50, 0, 100])
}

/// The question has left at 20 ms.
fn asked(step: &str) -> Script {
    modbus(&[step]).begin(0).asks(0, 0)
}

/// The answer is no normal reply, and what is wrong with it is told beside that.
#[track_caller]
fn is_broken(script: &Script, what: &str, finding: &str) {
    let result = script.judge();
    assert_eq!(result.verdict, Verdict::Fail, "{result:#?}");
    assert_eq!(check(&result, what).result, CheckResult::Fail);
    assert_eq!(check(&result, finding).result, CheckResult::Fail);
}

#[test]
fn registers_are_asked_for_and_judged() {
    let script = asked(ALL);
    let EventKind::Sent { frame, .. } = &script.events[script.events.len() - 1].kind else {
        panic!("nothing was asked");
    };
    let question = Request::ReadHolding { start: 0, count: 3 }.emit(1);
    assert_eq!(*frame, BusFrame::Serial(question));
    let result = script.bytes(30, &answer()).end(300).passes();
    assert_eq!(check(&result, "0x0000.soc").actual, "50 % (raw 50)");
    asked(ALL)
        .bytes(30, &data(&[0x14, 0x80, 0, 49, 0, 100]))
        .end(300)
        .fails("0x0000.soc", "49 % (raw 49)");
}

#[test]
fn some_registers_of_a_block_can_be_asked_for() {
    let one = "request: { function: 0x03, registers: 1, at: 0x01 }, reply: { fields: { soc: 50 % }, golden: '00 32' }";
    asked(one).bytes(30, &data(&[0, 50])).end(300).passes();
    // Another count than asked is no answer to it.
    is_broken(
        &asked(one).bytes(30, &answer()).end(500),
        "0x0000 reply",
        "0x0000 length",
    );
}

#[test]
fn the_echo_of_a_half_duplex_line_is_no_answer() {
    let echo = Request::ReadHolding { start: 0, count: 3 }.emit(1);
    asked(ALL).bytes(5, &echo).bytes(30, &answer()).end(300).passes();
    let together = [&echo[..], &[0xFF], &answer()].concat();
    asked(ALL).bytes(5, &together).end(300).passes();
    asked(ALL).bytes(5, &echo).end(500).fails("0x0000 reply", "silence");
}

#[test]
fn an_answer_with_a_wrong_crc_is_a_broken_one() {
    let mut broken = answer();
    broken[4] ^= 1;
    is_broken(
        &asked(ALL).bytes(30, &broken).end(500),
        "0x0000 reply",
        "0x0000 checksum",
    );
    let cut = &answer()[..6];
    is_broken(&asked(ALL).bytes(30, cut).end(500), "0x0000 reply", "0x0000 checksum");
    asked(ALL)
        .bytes(30, &[0xFF, 0x00, 0x55])
        .end(500)
        .fails("0x0000 reply", "no reply, but");
}

#[test]
fn refusals_are_judged_by_their_code() {
    let situation = "request: { registers: 0x0100 }, error: unknown_register";
    let refused = |code: u8| with_crc(vec![1, 0x83, code]);
    asked(situation).bytes(30, &refused(2)).end(300).passes();
    asked(situation)
        .bytes(30, &refused(1))
        .end(300)
        .fails("0x03 unknown_register", "exception 01");
    asked("request: { registers: 0..2 }, return_code: 0x03")
        .bytes(30, &refused(3))
        .end(300)
        .passes();
}

#[test]
fn a_broken_question_stays_the_question_that_it_was_to_be() {
    let silent = "request: { raw: '01 03 00 00 00 03 05 CA' }, error: bad_checksum";
    asked(silent).end(500).passes();
    asked(silent)
        .bytes(30, &answer())
        .end(500)
        .fails("0x0000 bad_checksum", "a normal reply");
    asked(silent)
        .bytes(30, &with_crc(vec![1, 0x83, 3]))
        .end(500)
        .fails("0x0000 bad_checksum", "exception 03");
}

#[test]
fn a_written_register_is_confirmed() {
    let raw = "request: { raw: '01 06 00 10 0E 10 8D A3' }, reply: {}";
    let echo = Request::WriteOne {
        register: 16,
        value: 0x0E10,
    }
    .emit(1);
    assert_eq!(echo, [0x01, 0x06, 0x00, 0x10, 0x0E, 0x10, 0x8D, 0xA3]);
    asked(raw).bytes(30, &echo).end(300).passes();
    let other = Request::WriteOne {
        register: 16,
        value: 0x0E11,
    }
    .emit(1);
    is_broken(&asked(raw).bytes(30, &other).end(500), "0x0010 reply", "0x0010 echo");
}

#[test]
fn a_late_answer_is_not_that_to_the_next_question() {
    let settings = "request: { registers: 16..18 }, reply: { fields: { threshold: 3600 mV } }";
    let script = modbus(&[ALL, settings])
        .begin(0)
        .asks(0, 0)
        .step(440, 1)
        .asks(440, 1)
        // What answers the first question comes while the second is on its way, with the right length for both.
        .bytes(445, &answer())
        .bytes(480, &data(&[0x0E, 0x10, 0, 0, 0, 0]))
        .end(800);
    let result = script.judge();
    assert_eq!(result.verdict, Verdict::Fail);
    let seen: Vec<&str> = result.checks.iter().map(|check| check.actual.as_str()).collect();
    assert!(seen.iter().any(|text| text.contains("question before")), "{seen:#?}");
    assert!(!seen.iter().any(|text| text.contains("5248 mV")), "{seen:#?}");
    // The answer behind it is the one that is judged, and nothing is wrong with the second exchange but the late one.
    assert_eq!(check(&result, "0x0010.threshold").result, CheckResult::Pass);
    let failed: Vec<&str> = result
        .checks
        .iter()
        .filter(|check| check.result == CheckResult::Fail)
        .map(|check| check.what.as_str())
        .collect();
    assert_eq!(failed, ["0x0000 reply", "0x0000 late-reply"], "{seen:#?}");
}

#[test]
fn expectations_are_asked_for_by_block() {
    let step = "expect: { message: runtime, within: 2 s, fields: { soc: 50 % } }";
    let question = Request::ReadHolding { start: 0, count: 3 }.emit(1);
    let sent = EventKind::Sent {
        frame: BusFrame::Serial(question),
        until: at(20),
    };
    modbus(&[step])
        .begin(0)
        .event(0, sent)
        .bytes(30, &answer())
        .end(300)
        .passes();
}

proptest! {
    #[test]
    fn slicing_the_stream_changes_no_verdict(
        cuts in proptest::collection::vec(1_usize..12, 0..6),
        noise in 0_usize..3,
        echo in any::<bool>(),
        broken in any::<bool>(),
    ) {
        let question = if echo { Request::ReadHolding { start: 0, count: 3 }.emit(1) } else { Vec::new() };
        let mut reply = answer();
        reply[3] ^= u8::from(broken);
        let stream = [&vec![0xFF; noise][..], &question, &reply].concat();
        let whole = asked(ALL).bytes(21, &stream).end(600).judge();
        let mut script = asked(ALL);
        let mut from = 0;
        for cut in cuts.into_iter().chain([stream.len()]) {
            let to = (from + cut).min(stream.len());
            if from < to {
                let first = Instant::from_micros(21_000 + 1042 * from as u64);
                let last = Instant::from_micros(21_000 + 1042 * (to as u64 - 1));
                let frame = BusFrame::Serial(stream[from..to].to_vec());
                script.events.push(Event { at: first, kind: EventKind::Received { frame, until: last } });
            }
            from = to;
        }
        let sliced = script.end(600).judge();
        prop_assert_eq!(whole.verdict, sliced.verdict);
        let results = |result: &CaseResult| {
            result.checks.iter().map(|check| (check.what.clone(), check.result)).collect::<Vec<_>>()
        };
        prop_assert_eq!(results(&whole), results(&sliced));
    }
}
