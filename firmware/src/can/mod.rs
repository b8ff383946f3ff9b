//! Protocols on CAN: the battery broadcasts, the inverter acknowledges.
//!
//! - [`blocks`]: frames that several protocols of the Pylon and SMA families share.
//! - One file per protocol: its options, its table of messages, and what it takes for a sign of life.
//! - [`broadcast`]: sends a table round and round.
//!
//! A protocol is added with its file, a line in [`PROTOCOLS`] and a line in the table of `config.rs`; when it has
//! options, they are a field of [`Config`].

pub(crate) mod blocks;
pub(crate) mod broadcast;
pub(crate) mod ginlong_can;
pub(crate) mod goodwe_can;
pub(crate) mod growatt_can;
pub(crate) mod luxpower_can;
pub(crate) mod must_can;
pub(crate) mod pylon_can;
pub(crate) mod schneider_can;
pub(crate) mod senergy_can;
pub(crate) mod sma_can;
pub(crate) mod sorotec_can;
pub(crate) mod studer_can;
pub(crate) mod tbb_can;
pub(crate) mod victron_can;

use core::time::Duration;

use crate::bank::{Bank, BankView};
use crate::config::{Config, MAX_PACKS, Protocol};
use crate::frame::CanFrame;
use crate::pack::PackView;
use crate::time::Instant;

/// Every protocol on CAN.
const PROTOCOLS: &[CanProtocol] = &[
    growatt_can::PROTOCOL,
    schneider_can::PROTOCOL,
    victron_can::PROTOCOL,
    sma_can::PROTOCOL,
    pylon_can::PROTOCOL,
    sorotec_can::PROTOCOL,
    studer_can::PROTOCOL,
    must_can::PROTOCOL,
    senergy_can::PROTOCOL,
    goodwe_can::PROTOCOL,
    luxpower_can::PROTOCOL,
    ginlong_can::PROTOCOL,
    tbb_can::PROTOCOL,
];

/// A protocol on CAN.
#[derive(Debug)]
pub(crate) struct CanProtocol {
    /// Which one it is.
    pub(crate) protocol: Protocol,
    /// The width of its identifiers.
    pub(crate) id_format: IdFormat,
    /// The time between two frames of the messages that are sent most often.
    pub(crate) cycle: Duration,
    /// What it sends, in the order of a cycle.
    pub(crate) messages: &'static [Message],
    /// Whether a frame counts as a sign of life of the inverter.
    pub(crate) is_keepalive: fn(&CanFrame) -> bool,
}

impl CanProtocol {
    /// How this protocol is spoken on CAN; `None` if it runs on the other bus.
    pub(crate) fn of(protocol: Protocol) -> Option<&'static CanProtocol> {
        PROTOCOLS.iter().find(|can| can.protocol == protocol)
    }

    /// Whether a frame of the inverter makes the battery shut down.
    pub(crate) fn orders_shutdown(&self, frame: &CanFrame, config: &Config) -> bool {
        self.protocol == Protocol::LuxpowerCan && luxpower_can::orders_shutdown(frame, config)
    }

    fn frame(&self, message: &Message, now: &Snapshot, config: &Config) -> CanFrame {
        let mut data = [0; 8];
        (message.emit)(now, config, &mut data);
        let frame = match self.id_format {
            IdFormat::Standard => CanFrame::standard(message.id, &data),
            IdFormat::Extended => CanFrame::extended(message.id, &data),
        };
        frame.cut((message.length)(config))
    }
}

/// The width of identifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IdFormat {
    /// 11 bits.
    Standard,
    /// 29 bits.
    Extended,
}

/// Writes all eight bytes of a frame.
pub(crate) type Emit = fn(&Snapshot, &Config, &mut [u8; 8]);

/// One broadcast frame of a protocol.
#[derive(Debug)]
pub(crate) struct Message {
    /// Identifier, of the width of the protocol's.
    pub(crate) id: u32,
    /// It is sent in every so many cycles, at least 1.
    pub(crate) every: u32,
    /// Whether it is sent at all.
    pub(crate) included: fn(&Snapshot, &Config) -> bool,
    /// How many of its eight bytes are sent.
    pub(crate) length: fn(&Config) -> u8,
    /// Writes all eight bytes.
    pub(crate) emit: Emit,
}

impl Message {
    /// A message of eight bytes that is sent in every cycle.
    pub(crate) const fn new(id: u32, emit: Emit) -> Message {
        Message {
            id,
            every: 1,
            included: |_, _| true,
            length: |_| 8,
            emit,
        }
    }

    /// The same, sent only under a condition.
    pub(crate) const fn only_if(self, included: fn(&Snapshot, &Config) -> bool) -> Message {
        Message { included, ..self }
    }

    /// The same with another length.
    pub(crate) const fn with_length(self, length: fn(&Config) -> u8) -> Message {
        Message { length, ..self }
    }
}

/// The battery as it was when a cycle began.
///
/// All frames of a cycle show the same moment, so flags, limits and alarms of one event appear together (B-076).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Snapshot {
    /// The bank.
    pub(crate) bank: BankView,
    /// The packs online, each at the place of its number.
    packs: [Option<PackView>; MAX_PACKS as usize],
    /// How long the inverter has given no sign of life, or since the battery began to speak this protocol.
    pub(crate) inverter_silence: Duration,
    /// Number of the cycle, from 0, for what is sent in pages.
    pub(crate) cycle: u64,
}

impl Snapshot {
    fn of(bank: &Bank, now: Instant, inverter_heard: Instant, cycle: u64) -> Snapshot {
        let mut packs = [None; MAX_PACKS as usize];
        for pack in bank.online(now) {
            if let Some(slot) = packs.get_mut(usize::from(pack.number).saturating_sub(1)) {
                *slot = Some(pack);
            }
        }
        Snapshot {
            bank: bank.view(now),
            packs,
            inverter_silence: now.duration_since(inverter_heard),
            cycle,
        }
    }

    /// The packs online in the order of their numbers.
    pub(crate) fn packs(&self) -> impl Iterator<Item = &PackView> {
        self.packs.iter().flatten()
    }
}

#[cfg(test)]
impl Snapshot {
    /// A bank that looks like this, with an inverter that has just been heard.
    pub(crate) fn showing(bank: BankView) -> Snapshot {
        Snapshot {
            bank,
            packs: [None; MAX_PACKS as usize],
            inverter_silence: Duration::ZERO,
            cycle: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::blocks::tests::written;
    use super::*;
    use crate::config::Bus;

    #[test]
    fn every_protocol_on_can_has_its_table() {
        for protocol in Protocol::ALL {
            assert_eq!(
                CanProtocol::of(protocol).is_some(),
                protocol.bus() == Bus::Can,
                "{}",
                protocol.name()
            );
        }
    }

    #[test]
    fn every_message_writes_all_its_bytes_and_has_its_own_id() {
        let now = Snapshot::showing(BankView::example());
        for protocol in PROTOCOLS {
            let name = protocol.protocol.name();
            let widest = match protocol.id_format {
                IdFormat::Standard => 0x7FF,
                IdFormat::Extended => 0x1FFF_FFFF,
            };
            for (index, message) in protocol.messages.iter().enumerate() {
                let id = message.id;
                written(|data| (message.emit)(&now, &Config::default(), data));
                assert!(id <= widest, "{name}: {id:#X}");
                assert!(message.every > 0, "{name}: {id:#X}");
                assert!(
                    protocol.messages[..index].iter().all(|other| other.id != id),
                    "{name}: {id:#X} twice"
                );
                let frame = protocol.frame(message, &now, &Config::default());
                assert!(
                    !(protocol.is_keepalive)(&frame),
                    "{name}: the battery acknowledges itself with {id:#X}"
                );
            }
        }
    }

    /// there is room for all frames of a cycle, and one goes out in each.
    #[test]
    fn a_cycle_holds_its_messages() {
        for protocol in PROTOCOLS {
            let count = u32::try_from(protocol.messages.len()).unwrap();
            assert!(
                broadcast::SPACING * count < protocol.cycle,
                "{}",
                protocol.protocol.name()
            );
            assert!(protocol.messages.iter().any(|message| message.every == 1));
        }
    }
}
