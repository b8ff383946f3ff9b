//! Which questions a target has answered, and how: the map that a discovery is about.
//!
//! Only sound questions count: what a target does with a broken one says nothing about what it has. A register that was
//! served once is there, whatever a question that ran past the end of a block, or one to a sleeping battery, was given.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::definition::{Envelope, Protocol};
use crate::engine::{EventKind, Trace};
use crate::judge::observe::{Heard, Observer, Seen};
use crate::wire::modbus::{self, Reply, ReplyFraming, Request};
use crate::wire::{BusFrame, pylon_ascii};

/// How a question was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// Not at all.
    Silence,
    /// By an exception (Modbus) or a return code other than 0 (ASCII frames).
    Refused(u8),
    /// With what was asked for.
    Served,
}

/// What a target has answered to which question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// By address and function (Modbus) or command (ASCII frames).
    functions: BTreeMap<(u8, u8), Asked>,
}

/// The answers of one address to one function or command.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Asked {
    /// By register.
    Registers(BTreeMap<u16, Answer>),
    /// A question without registers.
    Whole(Answer),
}

/// A line of the map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerLine {
    /// The address that was asked.
    pub address: u8,
    /// The function or command.
    pub function: u8,
    /// How it was answered.
    pub answer: Answer,
    /// The registers that were answered so; none for a question without registers.
    pub registers: Vec<RangeInclusive<u16>>,
}

/// A question that waits for its answer.
#[derive(Clone, Copy, Debug)]
struct Question {
    address: u8,
    function: u8,
    /// First register and count.
    registers: Option<(u16, u16)>,
}

impl Answers {
    /// Adds what a trace shows. On a bus where nobody asks there is nothing to add.
    pub fn add(&mut self, protocol: &Protocol, trace: &Trace) {
        if !protocol.asks() {
            return;
        }
        let framing = protocol.framing(trace.header.variant.as_deref());
        let mut observer = Observer::new(protocol, &trace.header);
        let mut waiting: Option<Question> = None;
        for (index, event) in trace.events.iter().enumerate() {
            observer.handle_event(index, event);
            while let Some(observation) = observer.poll_observation() {
                match (observation.seen, &event.kind) {
                    (Seen::Heard(heard), _) => self.heard(&mut waiting, &heard, protocol, framing),
                    (
                        Seen::Sent { .. },
                        EventKind::Sent {
                            frame: BusFrame::Serial(bytes),
                            ..
                        },
                    ) => {
                        self.unanswered(&mut waiting);
                        waiting = question(bytes, protocol);
                    }
                    _ => {}
                }
            }
        }
        observer.flush();
        while let Some(observation) = observer.poll_observation() {
            if let Seen::Heard(heard) = observation.seen {
                self.heard(&mut waiting, &heard, protocol, framing);
            }
        }
        self.unanswered(&mut waiting);
    }

    /// Adds what another trace of the same protocol has shown.
    pub fn merge(&mut self, other: &Answers) {
        for ((address, function), asked) in &other.functions {
            let mut add = |registers, answer| {
                let question = Question {
                    address: *address,
                    function: *function,
                    registers,
                };
                self.note(&question, answer);
            };
            match asked {
                Asked::Whole(answer) => add(None, *answer),
                Asked::Registers(registers) => {
                    for (register, answer) in registers {
                        add(Some((*register, 1)), *answer);
                    }
                }
            }
        }
    }

    /// Whether nothing was asked.
    pub fn is_empty(&self) -> bool {
        self.functions.is_empty()
    }

    /// The map, by address, function and answer.
    pub fn lines(&self) -> Vec<AnswerLine> {
        let mut lines = Vec::new();
        for ((address, function), asked) in &self.functions {
            let mut line = |answer, registers| {
                lines.push(AnswerLine {
                    address: *address,
                    function: *function,
                    answer,
                    registers,
                });
            };
            match asked {
                Asked::Whole(answer) => line(*answer, Vec::new()),
                Asked::Registers(registers) => {
                    let mut answers: Vec<Answer> = registers.values().copied().collect();
                    answers.sort_unstable_by(|a, b| b.cmp(a));
                    answers.dedup();
                    for answer in answers {
                        let such = registers.iter().filter(|(_, given)| **given == answer);
                        line(answer, ranges(such.map(|(register, _)| *register)));
                    }
                }
            }
        }
        lines
    }

    fn heard(&mut self, waiting: &mut Option<Question>, heard: &Heard<'_>, protocol: &Protocol, framing: ReplyFraming) {
        let BusFrame::Serial(bytes) = &heard.frame else { return };
        let Some(question) = *waiting else { return };
        if let Some(answer) = answer(bytes, &question, protocol, framing) {
            self.note(&question, answer);
            *waiting = None;
        }
    }

    fn unanswered(&mut self, waiting: &mut Option<Question>) {
        if let Some(question) = waiting.take() {
            self.note(&question, Answer::Silence);
        }
    }

    fn note(&mut self, question: &Question, answer: Answer) {
        let key = (question.address, question.function);
        match question.registers {
            None => {
                let asked = self.functions.entry(key).or_insert(Asked::Whole(answer));
                if let Asked::Whole(best) = asked {
                    *best = answer.max(*best);
                }
            }
            Some((start, count)) => {
                let asked = self
                    .functions
                    .entry(key)
                    .or_insert_with(|| Asked::Registers(BTreeMap::new()));
                if let Asked::Registers(registers) = asked {
                    for register in (0..count).filter_map(|index| start.checked_add(index)) {
                        let best = registers.entry(register).or_insert(answer);
                        *best = answer.max(*best);
                    }
                }
            }
        }
    }
}

/// What a sound frame asks.
fn question(bytes: &[u8], protocol: &Protocol) -> Option<Question> {
    if matches!(protocol.envelope, Envelope::PylonAscii { .. }) {
        let frame = pylon_ascii::parse(bytes).ok()?;
        return frame.is_sound().then_some(Question {
            address: frame.adr,
            function: frame.cid2,
            registers: None,
        });
    }
    let parsed = modbus::parse_request(bytes).ok()?;
    let registers = match parsed.content {
        Request::ReadHolding { start, count }
        | Request::ReadInput { start, count }
        | Request::WriteSeveral { start, count, .. } => Some((start, count)),
        Request::WriteOne { register, .. } => Some((register, 1)),
        Request::Other { .. } => None,
    };
    // A count that no frame can carry is a wrong question.
    let carried = registers.is_none_or(|(_, count)| (1..=READ_AT_MOST).contains(&count));
    (parsed.faults.is_empty() && carried).then_some(Question {
        address: parsed.address,
        function: parsed.function,
        registers,
    })
}

/// The registers that a Modbus frame has room for.
const READ_AT_MOST: u16 = 125;

/// What a frame answers to the question; `None` when it is broken or somebody else's.
fn answer(bytes: &[u8], question: &Question, protocol: &Protocol, framing: ReplyFraming) -> Option<Answer> {
    if matches!(protocol.envelope, Envelope::PylonAscii { .. }) {
        let frame = pylon_ascii::parse(bytes)
            .ok()
            .filter(pylon_ascii::PylonFrame::is_sound)?;
        return Some(match frame.cid2 {
            0 => Answer::Served,
            code => Answer::Refused(code),
        });
    }
    let reply = modbus::parse_reply(bytes, framing).ok()?;
    if !reply.faults.is_empty() || reply.address != question.address {
        return None;
    }
    match reply.content {
        Reply::Exception { function, code } => (function == question.function).then_some(Answer::Refused(code)),
        _ => (reply.function == question.function).then_some(Answer::Served),
    }
}

/// Numbers in rising order as runs.
pub(crate) fn ranges(numbers: impl Iterator<Item = u16>) -> Vec<RangeInclusive<u16>> {
    let mut runs: Vec<RangeInclusive<u16>> = Vec::new();
    for number in numbers {
        match runs.last_mut() {
            Some(run) if run.end().checked_add(1) == Some(number) => *run = *run.start()..=number,
            _ => runs.push(number..=number),
        }
    }
    runs
}
