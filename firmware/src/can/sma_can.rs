//! SMA Sunny Island with an external BMS (sheet sma-can): "SMA CAN V2.0"; the document seen is V1.0.
//!
//! 500 kbit/s, 11-bit identifiers, little-endian (A). The battery broadcasts once a second without being asked, never
//! faster than the inhibit time of 200 ms, and nothing but the frames of the document may stand on this bus. The
//! inverter sends what it measures on 0x305 to 0x307; nothing depends on it.

use core::ops::Range;
use core::time::Duration;

use super::{CanProtocol, IdFormat, Message, blocks};
use crate::bank::BankView;
use crate::config::{Config, Protocol};
use crate::convert::{div_nearest, saturate_u16};

/// Options of SMA CAN; by default the six frames of Q-32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SmaCanOptions {
    /// The text of 0x35E, for display only.
    pub manufacturer_name: [u8; 8],
    /// Also send 0x35B, events; this battery has none to tell.
    pub events: bool,
}

impl Default for SmaCanOptions {
    fn default() -> SmaCanOptions {
        SmaCanOptions {
            manufacturer_name: *b"CST     ",
            events: false,
        }
    }
}

/// SMA CAN.
pub(crate) const PROTOCOL: CanProtocol = CanProtocol {
    protocol: Protocol::SmaCan,
    id_format: IdFormat::Standard,
    cycle: Duration::from_secs(1),
    messages: &[
        Message::new(0x351, |now, _, data| blocks::emit_limits(&now.bank, data)),
        Message::new(0x355, |now, _, data| emit_state_of_charge(&now.bank, data)),
        Message::new(0x356, |now, _, data| emit_measurements(&now.bank, data)),
        Message::new(0x35A, |now, _, data| {
            blocks::emit_explicit_alarm_pairs(&now.bank, data);
        }),
        Message::new(0x35B, |_, _, data| data.fill(0)).only_if(|_, config| config.sma_can.events),
        Message::new(0x35E, |_, config, data| *data = config.sma_can.manufacturer_name),
        Message::new(0x35F, |now, config, data| emit_identity(&now.bank, config, data)),
    ],
    is_keepalive: blocks::is_any_keepalive,
};

/// What an unsigned word says that carries no value (A).
const INVALID: [u8; 2] = 0xFFFF_u16.to_le_bytes();
/// What a signed word says that carries no value (A).
const INVALID_SIGNED: [u8; 2] = 0x8000_u16.to_le_bytes();
/// The last word of 0x355 and 0x356, which has no meaning.
const UNUSED: Range<usize> = 6..8;

/// 0x355: state of charge, also in 0.01 %; bytes 6 and 7 carry the invalid mark (A; Q-30).
fn emit_state_of_charge(view: &BankView, data: &mut [u8; 8]) {
    blocks::emit_state_of_charge_high_res(view, data);
    data[UNUSED].copy_from_slice(&INVALID);
}

/// 0x356: measured values; a temperature that no sensor gives, and bytes 6 and 7, carry the invalid mark (A; Q-30).
fn emit_measurements(view: &BankView, data: &mut [u8; 8]) {
    const TEMPERATURE: Range<usize> = 4..6;

    blocks::emit_measurements_beside_marks(view, data);
    if view.cell_temperature.is_none() {
        data[TEMPERATURE].copy_from_slice(&INVALID_SIGNED);
    }
    data[UNUSED].copy_from_slice(&INVALID);
}

/// 0x35F: battery data (A; type and order of the version C).
///
/// | bytes | field | type |
/// |---|---|---|
/// | 0-1 | battery_type, 3 = LiFePO4 | u16 |
/// | 2-3 | bms_version, most significant byte first | u8, u8 |
/// | 4-5 | capacity: rated, of the packs online, 1 Ah (Q-39) | u16 |
/// | 6-7 | manufacturer_id: reserved, the invalid mark | u16 |
fn emit_identity(view: &BankView, config: &Config, data: &mut [u8; 8]) {
    const BATTERY_TYPE: Range<usize> = 0..2;
    const VERSION: Range<usize> = 2..4;
    const CAPACITY: Range<usize> = 4..6;
    const MANUFACTURER: Range<usize> = 6..8;
    const LITHIUM_IRON_PHOSPHATE: u16 = 3;

    let capacity = saturate_u16(div_nearest(view.design_capacity_mah.into(), 1000));
    data[BATTERY_TYPE].copy_from_slice(&LITHIUM_IRON_PHOSPHATE.to_le_bytes());
    data[VERSION].copy_from_slice(&config.identity.software_version);
    data[CAPACITY].copy_from_slice(&capacity.to_le_bytes());
    data[MANUFACTURER].copy_from_slice(&INVALID);
}
