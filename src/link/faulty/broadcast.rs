//! The fault in CAN frames that the battery sends by itself.

use std::time::Duration;

use super::content::is_of_content;
use super::{Arrival, Faulty};
use crate::definition::{Message, MessageKey, PeriodRule, Protocol, Sender};
use crate::fault::{Act, FrameFault};
use crate::link::Link;
use crate::wire::BusFrame;
use crate::wire::can::{CanFrame, CanId, CanKind};

/// So many frames make one round of what comes again and again.
const ROUND: u64 = 10;
/// The second of two frames follows the first one after this: longer than any frame of classic CAN at 125 kbit/s takes.
const RIGHT_AFTER: Duration = Duration::from_micros(1500);
/// Longer than all frames of one round take.
const AFTER_THE_OTHERS: Duration = Duration::from_millis(40);

/// What is remembered of the frames concerned.
#[derive(Debug, Default)]
pub(super) struct Broadcast {
    /// How many there were.
    count: u64,
    /// A sequence that looks like chance and is the same each time.
    dice: u64,
}

impl Broadcast {
    /// A number below `below` that looks like chance.
    fn throw(&mut self, below: u64) -> u64 {
        self.dice = self
            .dice
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.dice >> 33) % below.max(1)
    }
}

/// How often the frame of a message comes where it comes twice as often as the shortest period allows.
pub(crate) fn early_copies(period: &PeriodRule) -> u32 {
    let shortest = period
        .at_least
        .unwrap_or(*period.pass.start())
        .max(Duration::from_millis(1));
    let times = (period.is * 2).as_micros().div_ceil(shortest.as_micros());
    u32::try_from(times).unwrap_or(u32::MAX).clamp(2, 200)
}

/// How many periods a late frame comes late: then the gap is longer than the longest one allowed.
pub(crate) fn late_by(period: &PeriodRule) -> u64 {
    let longest = period.gap.unwrap_or(period.warn).max(period.warn).max(period.is);
    u64::try_from(longest.as_micros() / period.is.as_micros().max(1))
        .unwrap_or(1)
        .clamp(1, ROUND - 2)
}

impl<L: Link> Faulty<'_, L> {
    /// What becomes of a CAN frame.
    pub(super) fn broadcast(&mut self, arrival: Arrival) -> Vec<Arrival> {
        let BusFrame::Can(frame) = arrival.frame else {
            return vec![arrival];
        };
        if frame.kind != CanKind::Data || self.fault.place.message() != Some(MessageKey::Can(frame.id)) {
            return vec![arrival];
        }
        if is_of_content(&self.fault) {
            let decoded = self.decoder.can(&frame);
            let changed = self.content.changed(&self.fault, self.protocol, &decoded, None);
            return match changed.and_then(|data| CanFrame::data(frame.id, &data)) {
                Some(changed) => {
                    self.changed += 1;
                    vec![arrival.with(BusFrame::Can(changed))]
                }
                None => vec![arrival],
            };
        }
        let Act::Frame(fault) = self.fault.operator.act else {
            return vec![arrival];
        };
        let Some(message) = self
            .fault
            .message(self.protocol)
            .filter(|message| message.from == Sender::Bms)
        else {
            return vec![arrival];
        };
        self.changed += 1;
        let count = self.broadcast.count;
        self.broadcast.count += 1;
        self.frames(fault, message, &arrival, &frame, count)
    }

    /// The frames that come instead of one.
    fn frames(
        &mut self,
        fault: FrameFault,
        message: &Message,
        arrival: &Arrival,
        frame: &CanFrame,
        count: u64,
    ) -> Vec<Arrival> {
        let same = || arrival.clone();
        let instead = |frame: Option<CanFrame>| {
            frame
                .map(|frame| arrival.with(BusFrame::Can(frame)))
                .into_iter()
                .collect()
        };
        let period = message.period.as_ref();
        let is = period.map_or(Duration::ZERO, |period| period.is);
        match fault {
            FrameFault::Dropped => Vec::new(),
            FrameFault::Doubled => vec![same(), same().later(RIGHT_AFTER)],
            FrameFault::Late => {
                let late = period.map_or(1, late_by);
                if count % ROUND >= ROUND - late {
                    Vec::new()
                } else {
                    vec![same()]
                }
            }
            FrameFault::Early => {
                let copies = period.map_or(1, early_copies);
                (0..copies).map(|copy| same().later(is * copy / copies)).collect()
            }
            // Of three frames the second comes half a period late and the third not at all: 0, 1.5, 3 periods.
            FrameFault::PeriodLonger => match count % 3 {
                0 => vec![same()],
                1 => vec![same().later(is / 2)],
                _ => Vec::new(),
            },
            FrameFault::PeriodShorter => vec![same(), same().later(is / 2)],
            FrameFault::Jitter => {
                let most = u64::try_from(is.as_micros() * 9 / 10).unwrap_or(0);
                vec![same().later(Duration::from_micros(self.broadcast.throw(most)))]
            }
            FrameFault::OrderChanged => vec![same().later(AFTER_THE_OTHERS)],
            FrameFault::WrongId => {
                instead(other_id(self.protocol, frame.id).and_then(|id| CanFrame::data(id, frame.payload())))
            }
            FrameFault::WrongIdFormat => {
                let number = frame.id.number();
                let id = if frame.id.is_extended() {
                    CanId::standard(number & 0x7FF)
                } else {
                    CanId::extended(number)
                };
                instead(id.and_then(|id| CanFrame::data(id, frame.payload())))
            }
            FrameFault::LengthShort => {
                let (_, short) = frame.payload().split_last().unwrap_or((&0, &[]));
                instead(CanFrame::data(frame.id, short))
            }
            FrameFault::LengthLong => {
                let mut long = frame.payload().to_vec();
                long.push(0);
                instead(CanFrame::data(frame.id, &long))
            }
            FrameFault::Remote => instead(CanFrame::remote(frame.id, u8::try_from(frame.length()).unwrap_or(8))),
        }
    }
}

/// The next identifier that the protocol does not use.
fn other_id(protocol: &Protocol, id: CanId) -> Option<CanId> {
    let known = |id: CanId| {
        protocol.can_message(id).is_some()
            || protocol.inverter.iter().any(|frame| frame.id == id)
            || protocol.forbidden_ids.iter().any(|(forbidden, _)| *forbidden == id)
    };
    (1..64).find_map(|step| {
        let number = id.number().checked_add(step)?;
        let other = if id.is_extended() {
            CanId::extended(number)
        } else {
            CanId::standard(number)
        };
        other.filter(|other| !known(*other))
    })
}
