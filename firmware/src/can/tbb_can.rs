//! TBB CAN (sheet tbb-can): "TBB CAN V1.05".
//!
//! Nothing is published: the frames of Pylon V1.2 are assumed, as profile T1 of the sheet has them (D). 500 kbit/s,
//! 11-bit identifiers, the whole set once a second without being asked. The inverter may acknowledge with 0x305; the
//! battery depends on nothing in it and never sends it itself.

use core::ops::Range;
use core::time::Duration;

use super::blocks::{self, put_u16};
use super::{CanProtocol, Emit, IdFormat, Message};
use crate::bank::BankView;
use crate::config::{Config, Protocol};
use crate::convert::div_nearest;

/// Options of TBB CAN; by default the six frames of profile T1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TbbCanOptions {
    /// The text of 0x35E.
    pub manufacturer_name: [u8; 8],
    /// Profile T2: also send 0x35A and 0x35F, and SOC in 0.01 % in 0x355.
    pub t2_frames: bool,
}

impl Default for TbbCanOptions {
    fn default() -> TbbCanOptions {
        TbbCanOptions {
            manufacturer_name: *b"PYLON   ",
            t2_frames: false,
        }
    }
}

/// TBB CAN; eight bytes in every frame.
pub(crate) const PROTOCOL: CanProtocol = CanProtocol {
    protocol: Protocol::TbbCan,
    id_format: IdFormat::Standard,
    cycle: Duration::from_secs(1),
    messages: &[
        Message::new(0x351, |now, _, data| blocks::emit_limits(&now.bank, data)),
        Message::new(0x355, |now, config, data| {
            emit_state_of_charge(&now.bank, config.tbb_can.t2_frames, data);
        }),
        Message::new(0x356, |now, _, data| blocks::emit_measurements(&now.bank, data)),
        Message::new(0x359, |now, _, data| blocks::emit_alarm_bits(&now.bank, data)),
        Message::new(0x35C, |now, _, data| blocks::emit_requests(&now.bank, data)),
        Message::new(0x35E, |_, config, data| *data = config.tbb_can.manufacturer_name),
        // Inactive pairs are 00.
        t2(0x35A, |now, _, data| blocks::emit_alarm_pairs(&now.bank, data)),
        t2(0x35F, |now, config, data| emit_identity(&now.bank, config, data)),
    ],
    is_keepalive: blocks::is_any_keepalive,
};

const fn t2(id: u32, emit: Emit) -> Message {
    Message::new(id, emit).only_if(|_, config| config.tbb_can.t2_frames)
}

/// 0x355: state of charge and health (D).
///
/// | bytes | field | type | unit |
/// |---|---|---|---|
/// | 0-1 | soc | u16 | % |
/// | 2-3 | soh | u16 | % |
/// | 4-5 | soc_high_res; 0 in profile T1 | u16 | 0.01 % |
/// | 6-7 | reserved, 0 | | |
fn emit_state_of_charge(view: &BankView, high_resolution: bool, data: &mut [u8; 8]) {
    const HIGH_RESOLUTION: Range<usize> = 4..6;

    blocks::emit_state_of_charge(view, data);
    if high_resolution {
        put_u16(data, HIGH_RESOLUTION, view.soc_centipercent.into());
    }
}

/// 0x35F: identity (profile T2, D).
///
/// | bytes | field | type |
/// |---|---|---|
/// | 0-1 | battery_type: chemistry or product id, 0 | u16 |
/// | 2-3 | firmware_version, major and minor | u8, u8 |
/// | 4-5 | capacity: rated, of the packs online, 1 Ah (Q-39) | u16 |
/// | 6-7 | manufacturer_id, 0 | u16 |
fn emit_identity(view: &BankView, config: &Config, data: &mut [u8; 8]) {
    const BATTERY_TYPE: Range<usize> = 0..2;
    const VERSION: Range<usize> = 2..4;
    const CAPACITY: Range<usize> = 4..6;
    const MANUFACTURER: Range<usize> = 6..8;

    data[BATTERY_TYPE].fill(0);
    data[VERSION].copy_from_slice(&config.identity.software_version);
    put_u16(data, CAPACITY, div_nearest(view.design_capacity_mah.into(), 1000));
    data[MANUFACTURER].fill(0);
}
