//! Which questions a target has answered, and how.

use super::*;
use crate::judge::answers::{Answer, Answers};
use crate::wire::modbus::{Reply, ReplyFraming, Request, with_crc};

/// What the case asks does not matter here.
const STEP: &str = "request: { registers: 0..2 }, reply: { fields: { soc: 50 % } }";

/// A script whose questions are the given bytes, each with what came back, at intervals of a second.
fn conversation(exchanges: &[(Vec<u8>, Option<Vec<u8>>)]) -> Vec<String> {
    let mut script = Script::new("toy-modbus", "", &[STEP]).begin(0);
    for (index, (question, answer)) in exchanges.iter().enumerate() {
        let millis = 1000 * index as u64;
        let frame = BusFrame::Serial(question.clone());
        let until = at(millis + 10);
        script = script.event(millis, EventKind::Sent { frame, until });
        if let Some(answer) = answer {
            script = script.bytes(millis + 20, answer);
        }
    }
    let mut answers = Answers::default();
    let script = script.end(1000 * exchanges.len() as u64);
    answers.add(script.protocol(), &script.trace());
    let line = |line: crate::judge::answers::AnswerLine| {
        format!(
            "{:02X} {:02X} {:?} {:?}",
            line.address, line.function, line.answer, line.registers
        )
    };
    answers.lines().into_iter().map(line).collect()
}

fn read(address: u8, start: u16, count: u16) -> Vec<u8> {
    Request::ReadHolding { start, count }.emit(address)
}

fn values(address: u8, count: usize) -> Option<Vec<u8>> {
    let reply = Reply::Read {
        framing: ReplyFraming::Standard,
        data: vec![0; 2 * count],
    };
    Some(reply.emit(address, 3))
}

fn refusal(function: u8, code: u8) -> Option<Vec<u8>> {
    Some(Reply::Exception { function, code }.emit(1, function))
}

#[test]
fn a_register_that_was_served_once_is_there() {
    let seen = conversation(&[
        (read(1, 0, 2), values(1, 2)),
        (read(1, 0, 4), refusal(3, 2)),
        (read(1, 1, 2), None),
        (read(2, 0, 1), None),
        (Request::WriteOne { register: 7, value: 1 }.emit(1), refusal(6, 1)),
        (with_crc(vec![1, 0x2B, 0x0E]), refusal(0x2B, 1)),
    ]);
    assert_eq!(
        seen,
        [
            "01 03 Served [0..=1]",
            "01 03 Refused(2) [2..=3]",
            "01 06 Refused(1) [7..=7]",
            "01 2B Refused(1) []",
            "02 03 Silence [0..=0]",
        ]
    );
}

#[test]
fn broken_questions_and_what_others_say_prove_nothing() {
    let mut broken = read(1, 9, 1);
    broken[7] ^= 1;
    let seen = conversation(&[
        (broken, refusal(3, 4)),
        (read(1, 9, 0), refusal(3, 3)),
        // Another address answers.
        (read(1, 0, 1), values(2, 1)),
    ]);
    assert_eq!(seen, ["01 03 Silence [0..=0]"]);
}

#[test]
fn several_traces_make_one_map() {
    let seen = |answer: Option<Vec<u8>>| {
        let script = Script::new("toy-modbus", "", &[STEP]).begin(0);
        let frame = BusFrame::Serial(read(1, 0, 1));
        let script = script.event(0, EventKind::Sent { frame, until: at(10) });
        let script = match &answer {
            Some(bytes) => script.bytes(20, bytes),
            None => script,
        };
        let mut answers = Answers::default();
        let script = script.end(300);
        answers.add(script.protocol(), &script.trace());
        answers
    };
    let mut both = seen(None);
    assert_eq!(both.lines()[0].answer, Answer::Silence);
    both.merge(&seen(values(1, 1)));
    assert_eq!(both, seen(values(1, 1)));
}
