//! Protocols on CAN: the battery broadcasts, the inverter acknowledges.
//!
//! - [`blocks`]: frames that several protocols of the Pylon and SMA families share.
//! - One file per protocol: its table of messages, and what it takes for a sign of life.
//! - [`Broadcast`]: sends a table round and round.

pub(crate) mod blocks;
pub(crate) mod pylon_can;

use core::time::Duration;

use crate::bank::{Bank, BankView};
use crate::config::{Config, Protocol};
use crate::frame::CanFrame;
use crate::time::Instant;

/// One broadcast frame of a protocol.
pub(crate) struct Message {
    /// 11-bit identifier.
    pub(crate) id: u16,
    /// Whether it is sent under this configuration.
    pub(crate) included: fn(&Config) -> bool,
    /// How many of its eight bytes are sent under this configuration.
    pub(crate) length: fn(&Config) -> u8,
    /// Writes all eight bytes.
    pub(crate) emit: fn(&BankView, &Config, &mut [u8; 8]),
}

impl Message {
    fn frame(&self, view: &BankView, config: &Config) -> CanFrame {
        let mut data = [0; 8];
        (self.emit)(view, config, &mut data);
        CanFrame::standard(self.id, &data).cut((self.length)(config))
    }
}

/// The messages of a protocol in the order in which they are sent; none for a serial protocol.
fn messages(protocol: Protocol) -> &'static [Message] {
    match protocol {
        Protocol::PylonCan => pylon_can::MESSAGES,
        Protocol::PylonRs485
        | Protocol::PaceModbus
        | Protocol::SrneModbus
        | Protocol::GrowattRs485
        | Protocol::VoltronicRs485 => &[],
    }
}

/// Whether a frame counts as a sign of life of the inverter.
pub(crate) fn is_keepalive(protocol: Protocol, frame: &CanFrame) -> bool {
    match protocol {
        Protocol::PylonCan => pylon_can::is_keepalive(frame),
        Protocol::PylonRs485
        | Protocol::PaceModbus
        | Protocol::SrneModbus
        | Protocol::GrowattRs485
        | Protocol::VoltronicRs485 => false,
    }
}

/// The broadcast of a protocol's messages, all of them once a second.
///
/// All frames of a cycle show the bank as it was when the cycle began, so flags, limits and alarms of one event
/// appear together (B-076). Cycles keep to a fixed grid, however late single calls come.
#[derive(Clone, Debug)]
pub(crate) struct Broadcast {
    cycle_start: Instant,
    snapshot: Option<BankView>,
    /// Index of the next message in the protocol's table.
    next: usize,
    sent: u32,
}

impl Broadcast {
    /// 10 to 100 ms between frames; controllers with two transmit buffers lose frames sent without a gap.
    const SPACING: Duration = Duration::from_millis(20);
    const LEAST_SPACING: Duration = Duration::from_millis(10);

    /// A broadcast whose first cycle begins at `start`.
    pub(crate) fn new(start: Instant) -> Broadcast {
        Broadcast {
            cycle_start: start,
            snapshot: None,
            next: 0,
            sent: 0,
        }
    }

    /// The frame that is due at `now`, and when to ask again; `None` for a protocol that broadcasts nothing.
    pub(crate) fn next_frame(&mut self, now: Instant, config: &Config, bank: &Bank) -> Option<(CanFrame, Instant)> {
        let messages = messages(config.protocol);
        let included = |from: usize| (from..messages.len()).find(|index| (messages[*index].included)(config));
        let index = included(self.next)?;
        let view = *self.snapshot.get_or_insert_with(|| bank.view(now));
        let frame = messages[index].frame(&view, config);
        self.sent += 1;
        let due = match included(index + 1) {
            Some(next) => {
                self.next = next;
                self.cycle_start + Broadcast::SPACING * self.sent
            }
            None => {
                // The next point of the grid: cycles that a late driver has missed are not made up for.
                let cycles = now.duration_since(self.cycle_start).as_secs() + 1;
                *self = Broadcast::new(self.cycle_start + Duration::from_secs(cycles));
                self.cycle_start
            }
        };
        Some((frame, due.max(now + Broadcast::LEAST_SPACING)))
    }
}
