//! GINLONG low-voltage CAN for Solis inverters (sheet ginlong-can): "GINLONG CAN LV V1.0".
//!
//! 500 kbit/s, 11-bit identifiers, the whole set once a second without being asked. The vendor's document is not public:
//! the frames of Pylon with the imbalance of the cells, which a Solis takes under its battery model PYLON_LV (B), are
//! assumed to be it (D). The inverter acknowledges with 0x305; the battery depends on nothing in it and never sends it
//! itself.

use core::ops::Range;
use core::time::Duration;

use super::blocks::{self, put_u16};
use super::{CanProtocol, Emit, IdFormat, Message};
use crate::bank::BankView;
use crate::config::{Config, Protocol};
use crate::convert::div_nearest;

/// Options of GINLONG CAN; by default the six frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GinlongCanOptions {
    /// The text of 0x35E; every sender that is known to work says `PYLON`.
    pub manufacturer_name: [u8; 8],
    /// Send the set of Annex S, for the battery model AoBo LV: 0x35A and 0x35F instead of 0x359 and 0x35C.
    pub aobo_frames: bool,
}

impl Default for GinlongCanOptions {
    fn default() -> GinlongCanOptions {
        GinlongCanOptions {
            manufacturer_name: *b"PYLON   ",
            aobo_frames: false,
        }
    }
}

/// GINLONG CAN in the order of a sender that is known to work; eight bytes in every frame.
pub(crate) const PROTOCOL: CanProtocol = CanProtocol {
    protocol: Protocol::GinlongCan,
    id_format: IdFormat::Standard,
    cycle: Duration::from_secs(1),
    messages: &[
        native(0x359, |now, _, data| {
            blocks::emit_alarm_bits_with_imbalance(&now.bank, data);
        }),
        Message::new(0x351, |now, _, data| blocks::emit_limits(&now.bank, data)),
        Message::new(0x355, |now, _, data| blocks::emit_state_of_charge(&now.bank, data)),
        Message::new(0x356, |now, _, data| blocks::emit_measurements(&now.bank, data)),
        native(0x35C, |now, _, data| blocks::emit_requests(&now.bank, data)),
        aobo(0x35A, |now, _, data| {
            blocks::emit_explicit_alarm_pairs(&now.bank, data);
        }),
        Message::new(0x35E, |_, config, data| *data = config.ginlong_can.manufacturer_name),
        aobo(0x35F, |now, config, data| emit_identity(&now.bank, config, data)),
    ],
    is_keepalive: blocks::is_any_keepalive,
};

const fn native(id: u32, emit: Emit) -> Message {
    Message::new(id, emit).only_if(|_, config| !config.ginlong_can.aobo_frames)
}

const fn aobo(id: u32, emit: Emit) -> Message {
    Message::new(id, emit).only_if(|_, config| config.ginlong_can.aobo_frames)
}

/// 0x35F: identity (Annex S, C).
///
/// | bytes | field | type |
/// |---|---|---|
/// | 0-1 | battery_type, "Li" | ASCII |
/// | 2-3 | firmware_version, major and minor | u8, u8 |
/// | 4-5 | capacity: rated, of the packs online, 1 Ah (Q-39) | u16 |
/// | 6-7 | manufacturer_id, 0 | u16 |
fn emit_identity(view: &BankView, config: &Config, data: &mut [u8; 8]) {
    const BATTERY_TYPE: Range<usize> = 0..2;
    const VERSION: Range<usize> = 2..4;
    const CAPACITY: Range<usize> = 4..6;
    const MANUFACTURER: Range<usize> = 6..8;

    data[BATTERY_TYPE].copy_from_slice(b"Li");
    data[VERSION].copy_from_slice(&config.identity.software_version);
    put_u16(data, CAPACITY, div_nearest(view.design_capacity_mah.into(), 1000));
    data[MANUFACTURER].fill(0);
}
