//! The broadcast of a protocol's messages.

use core::time::Duration;

use super::{CanProtocol, Message, Snapshot};
use crate::bank::Bank;
use crate::config::Config;
use crate::frame::CanFrame;
use crate::time::Instant;

/// 10 to 100 ms between frames; controllers with two transmit buffers lose frames sent without a gap.
pub(super) const SPACING: Duration = Duration::from_millis(20);
/// The least time between frames after a late call.
const LEAST_SPACING: Duration = Duration::from_millis(10);

/// The broadcast of a protocol's messages, each in every cycle or in every so many of them.
///
/// Cycles keep to a fixed grid, however late single calls come; those that a late driver has missed are not made up
/// for, but a message whose turn was in one of them is sent in the next.
#[derive(Clone, Debug)]
pub(crate) struct Broadcast {
    protocol: &'static CanProtocol,
    /// Number of the cycle, from 0.
    cycle: u64,
    cycle_start: Instant,
    /// The last cycle before this one in which anything was sent.
    last_cycle: Option<u64>,
    snapshot: Option<Snapshot>,
    /// Index of the next message in the protocol's table.
    next: usize,
    sent: u32,
    /// When the inverter last gave a sign of life, or when the broadcast began.
    inverter_heard: Instant,
}

impl Broadcast {
    /// A broadcast whose first cycle begins at `start`, with every message.
    pub(crate) fn new(protocol: &'static CanProtocol, start: Instant) -> Broadcast {
        Broadcast {
            protocol,
            cycle: 0,
            cycle_start: start,
            last_cycle: None,
            snapshot: None,
            next: 0,
            sent: 0,
            inverter_heard: start,
        }
    }

    /// Notes a sign of life of the inverter.
    pub(crate) fn note_inverter(&mut self, now: Instant) {
        self.inverter_heard = now;
    }

    /// The frame that is due at `now`, if there is one, and when to ask again.
    pub(crate) fn next_frame(&mut self, now: Instant, config: &Config, bank: &Bank) -> (Option<CanFrame>, Instant) {
        let protocol = self.protocol;
        let (heard, cycle) = (self.inverter_heard, self.cycle);
        let snapshot = *self
            .snapshot
            .get_or_insert_with(|| Snapshot::of(bank, now, heard, cycle));
        let due = |broadcast: &Broadcast, from: usize| {
            let due = |message: &Message| broadcast.is_due(message) && (message.included)(&snapshot, config);
            (from..protocol.messages.len()).find(|index| due(&protocol.messages[*index]))
        };
        let Some(index) = due(self, self.next) else {
            self.begin_cycle(now);
            return (None, self.cycle_start);
        };
        let frame = protocol.frame(&protocol.messages[index], &snapshot, config);
        self.sent += 1;
        let next_at = match due(self, index + 1) {
            Some(next) => {
                self.next = next;
                self.cycle_start + SPACING * self.sent
            }
            None => {
                self.begin_cycle(now);
                self.cycle_start
            }
        };
        (Some(frame), next_at.max(now + LEAST_SPACING))
    }

    /// Whether this cycle is a message's turn, or one that was missed since its last one was.
    fn is_due(&self, message: &Message) -> bool {
        let turn = |cycle: u64| cycle / u64::from(message.every.max(1));
        self.last_cycle.is_none_or(|last| turn(last) != turn(self.cycle))
    }

    /// Goes on to the next point of the grid after `now`.
    fn begin_cycle(&mut self, now: Instant) {
        let micros = |duration: Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let length = micros(self.protocol.cycle).max(1);
        let cycles = micros(now.duration_since(self.cycle_start)) / length + 1;
        self.last_cycle = Some(self.cycle);
        self.cycle = self.cycle.saturating_add(cycles);
        self.cycle_start += Duration::from_micros(length.saturating_mul(cycles));
        self.snapshot = None;
        self.next = 0;
        self.sent = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::format;
    use std::string::String;
    use std::vec::Vec;

    use super::*;
    use crate::can::IdFormat;
    use crate::config::Protocol;

    /// Two messages twice a second, one with every second cycle, one with every third; silence in seconds.
    const MIXED: CanProtocol = CanProtocol {
        protocol: Protocol::PylonCan,
        id_format: IdFormat::Extended,
        cycle: Duration::from_millis(500),
        messages: &[
            Message::new(0x10, |now, _, data| {
                *data = now.inverter_silence.as_millis().to_be_bytes()[8..].try_into().unwrap();
            }),
            Message {
                every: 2,
                ..Message::new(0x12, |_, _, _| {}).with_length(|_| 0)
            },
            Message {
                every: 3,
                ..Message::new(0x13, |_, _, _| {}).with_length(|_| 0)
            },
            Message::new(0x11, |_, _, _| {}).with_length(|_| 0),
            Message::new(0x14, |_, _, _| {}).only_if(|now, _| now.bank.module_count > 1),
        ],
        is_keepalive: |_| false,
    };

    fn run(broadcast: &mut Broadcast, due: &mut Instant, until: u64) -> Vec<(u64, String)> {
        let bank = Bank::new(1, Instant::ZERO);
        let mut sent = Vec::new();
        while *due < Instant::from_millis(until) {
            let now = *due;
            let (frame, next) = broadcast.next_frame(now, &Config::default(), &bank);
            sent.extend(frame.map(|frame| (now.as_micros() / 1000, format!("{frame:?}"))));
            assert!(next > now);
            *due = next;
        }
        sent
    }

    #[track_caller]
    fn check(sent: &[(u64, String)], expected: &[(u64, &str)]) {
        let sent: Vec<_> = sent.iter().map(|(at, frame)| (*at, frame.as_str())).collect();
        assert_eq!(sent, expected);
    }

    #[test]
    fn a_message_has_a_period_of_its_own() {
        let mut due = Instant::from_millis(2000);
        let mut broadcast = Broadcast::new(&MIXED, due);
        let sent = run(&mut broadcast, &mut due, 4000);
        let expected = [
            (2000, "00000010#0000000000000000"),
            (2020, "00000012#"),
            (2040, "00000013#"),
            (2060, "00000011#"),
            (2500, "00000010#00000000000001F4"),
            (2520, "00000011#"),
            (3000, "00000010#00000000000003E8"),
            (3020, "00000012#"),
            (3040, "00000011#"),
            (3500, "00000010#00000000000005DC"),
            (3520, "00000013#"),
            (3540, "00000011#"),
        ];
        check(&sent, &expected);

        broadcast.note_inverter(Instant::from_millis(3900));
        let sent = run(&mut broadcast, &mut due, 4010);
        check(&sent, &[(4000, "00000010#0000000000000064")]);
    }

    /// A driver that sleeps finds the grid again, and gets what it has missed once.
    #[test]
    fn a_late_call_shifts_nothing() {
        let mut due = Instant::ZERO;
        let mut broadcast = Broadcast::new(&MIXED, due);
        assert_eq!(run(&mut broadcast, &mut due, 500).len(), 4);
        // Cycle 1 begins, and its driver comes back in cycle 4.
        assert_eq!(run(&mut broadcast, &mut due, 510).len(), 1);
        due = Instant::from_millis(2230);
        let sent = run(&mut broadcast, &mut due, 3000);
        let expected = [
            (2230, "00000011#"),
            (2500, "00000010#00000000000009C4"),
            (2520, "00000012#"),
            (2540, "00000013#"),
            (2560, "00000011#"),
        ];
        check(&sent, &expected);
    }

    #[test]
    fn a_cycle_without_frames_is_passed_over() {
        const RARE: CanProtocol = CanProtocol {
            messages: &[Message {
                every: 4,
                ..Message::new(0x15, |_, _, _| {}).with_length(|_| 0)
            }],
            ..MIXED
        };
        let mut due = Instant::ZERO;
        let mut broadcast = Broadcast::new(&RARE, due);
        let sent = run(&mut broadcast, &mut due, 4500);
        check(&sent, &[(0, "00000015#"), (2000, "00000015#"), (4000, "00000015#")]);
    }
}
