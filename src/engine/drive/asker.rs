//! Asks for messages on a bus where the battery only answers: one question at a time.

use std::time::Duration;

use crate::definition::{Message, Protocol};
use crate::suite::question;
use crate::time::Instant;

/// How long an answer is awaited where the definition says nothing (sheets: 200 ms to 2 s are in use, B).
const WAIT: Duration = Duration::from_millis(500);
/// The silence after an answer where the definition says nothing.
const GAP: Duration = Duration::from_millis(20);

/// Asks for the wanted messages in turn.
#[derive(Debug)]
pub(super) struct Asker {
    /// How long an answer may take; as long again passes before an unanswered question is given up, so that a late
    /// answer is not taken for that to the next one.
    patience: Duration,
    gap: Duration,
    /// When the line is free for the next question.
    free: Instant,
    /// A question of ours is out and not answered.
    out: bool,
    /// The next question is sent, but not yet confirmed.
    sending: bool,
    /// Which of the wanted messages comes next.
    turn: usize,
}

impl Asker {
    pub(super) fn new(protocol: &Protocol, now: Instant) -> Asker {
        let timing = protocol.timing.as_ref();
        Asker {
            patience: timing.map_or(WAIT, |timing| timing.fail),
            gap: timing.map_or(GAP, |timing| timing.gap),
            free: now,
            out: false,
            sending: false,
            turn: 0,
        }
    }

    /// The next question, once the line is free.
    pub(super) fn poll_question(&mut self, now: Instant, wanted: &[&Message], protocol: &Protocol) -> Option<Vec<u8>> {
        if self.free > now || self.sending || wanted.is_empty() {
            return None;
        }
        let message = wanted.get(self.turn % wanted.len())?;
        self.turn = self.turn.wrapping_add(1);
        let bytes = question(protocol, message);
        match bytes {
            Some(_) => self.sending = true,
            // Nobody knows how to ask for it: do not try again at once.
            None => self.free = now.after(self.patience),
        }
        bytes
    }

    /// Something was sent: if it was our question, its answer may come now; of anything else a question keeps its distance.
    pub(super) fn handle_sent(&mut self, until: Instant) {
        if std::mem::take(&mut self.sending) {
            self.out = true;
            self.free = until.after(self.patience).after(self.patience);
        } else {
            self.free = self.free.max(until.after(self.gap));
        }
    }

    /// An answer came and ended.
    pub(super) fn handle_answer(&mut self, until: Instant) {
        if std::mem::take(&mut self.out) {
            self.free = until.after(self.gap);
        }
    }

    /// When the next question may go out.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        (!self.sending).then_some(self.free)
    }

    /// Whether no answer is awaited any more.
    pub(super) fn is_quiet(&self, now: Instant) -> bool {
        !self.sending && self.free <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::Library;
    use crate::document::Source;
    use crate::wire::modbus::Request;

    const TOY: &str = r#"
protocol: toy-modbus
title: Toy
sheet: toy
grade: A
bus: { serial: { baud: 9600 } }
envelope: { modbus: rtu }
address: { pack_offsets: [0], system: [0x07] }
timing: { warn: 100 ms, fail: 200 ms, gap: 20 ms }
functions: { 0x03: { exception: 1 }, 0x04: { count: 1..125 } }
registers: [{ address: 0, name: soc, unit: "%" }, { address: 16, name: soh, unit: "%" }]
blocks: [{ name: runtime, registers: 0..3 }, { name: health, registers: 16..17 }]
"#;

    #[test]
    fn blocks_are_asked_for_in_turn_and_an_answer_is_waited_for() {
        let (library, mistakes) = Library::from_sources(&[Source::new("toy.yaml", TOY)]);
        let protocol = library.protocol("toy-modbus").expect("it has no mistake");
        assert!(!mistakes.has_errors(), "{}", mistakes.render_plain());
        let wanted: Vec<&Message> = protocol.messages.iter().collect();
        let at = |millis: u64| Instant::from_micros(millis * 1000);
        let mut asker = Asker::new(protocol, at(0));
        let first = Request::ReadInput { start: 0, count: 4 }.emit(7);
        assert_eq!(asker.poll_question(at(0), &wanted, protocol), Some(first));
        asker.handle_sent(at(10));
        // Unanswered, it is given up only when a late answer cannot be taken for that to the next question.
        assert_eq!(asker.poll_question(at(409), &wanted, protocol), None);
        let second = Request::ReadInput { start: 16, count: 2 }.emit(7);
        assert_eq!(asker.poll_question(at(410), &wanted, protocol), Some(second));
        asker.handle_sent(at(420));
        asker.handle_answer(at(450));
        assert_eq!(asker.poll_question(at(469), &wanted, protocol), None);
        assert!(asker.poll_question(at(470), &wanted, protocol).is_some());
    }
}
