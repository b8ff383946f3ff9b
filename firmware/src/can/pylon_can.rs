//! Pylontech low-voltage CAN (sheet pylon-can): "PYLON CAN Inverter EMS".
//!
//! 500 kbit/s, 11-bit identifiers, the whole set once a second without being asked (A). The inverter acknowledges
//! with 0x305; the battery depends on nothing in it and never sends it itself.

use core::ops::Range;
use core::time::Duration;

use super::blocks::{self, CellExtremesVariant};
use super::{CanProtocol, Emit, IdFormat, Message};
use crate::bank::BankView;
use crate::config::{Config, Protocol};
use crate::convert::{div_nearest, saturate_u16};

/// Options of Pylon CAN; by default exactly the six frames of V1.2, all with eight bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PylonCanOptions {
    /// The text of 0x35E; inverters look for one that begins with `PYLON`.
    pub manufacturer_name: [u8; 8],
    /// Send the lengths of V1.2 (8, 4, 6, 7, 2, 8) instead of eight bytes in every frame.
    pub short_frames: bool,
    /// Also send 0x35A, alarms in pairs of bits.
    pub alarm_pairs: bool,
    /// Also send 0x35F, the identity of V1.3.
    pub identity: bool,
    /// Also send 0x370 and 0x371, the extremes of the cells and their numbers.
    pub cell_extremes: Option<CellExtremesVariant>,
    /// Also send 0x372 to 0x377, modules and extremes in Victron's layout.
    pub modules: bool,
    /// Also send 0x379, the installed capacity.
    pub installed_capacity: bool,
    /// Also send 0x354, rated and remaining capacity, as Discover batteries do.
    pub capacities: bool,
}

impl Default for PylonCanOptions {
    fn default() -> PylonCanOptions {
        PylonCanOptions {
            manufacturer_name: *b"PYLON   ",
            short_frames: false,
            alarm_pairs: false,
            identity: false,
            cell_extremes: None,
            modules: false,
            installed_capacity: false,
            capacities: false,
        }
    }
}

/// Pylon CAN; the six messages of V1.2 come first, then the options.
pub(crate) const PROTOCOL: CanProtocol = CanProtocol {
    protocol: Protocol::PylonCan,
    id_format: IdFormat::Standard,
    cycle: Duration::from_secs(1),
    messages: &[
        Message::new(0x351, |now, _, data| blocks::emit_limits(&now.bank, data)),
        Message::new(0x355, |now, _, data| blocks::emit_state_of_charge(&now.bank, data))
            .with_length(|config| short(config, 4)),
        Message::new(0x356, |now, _, data| blocks::emit_measurements(&now.bank, data))
            .with_length(|config| short(config, 6)),
        Message::new(0x359, |now, _, data| blocks::emit_alarm_bits(&now.bank, data))
            .with_length(|config| short(config, 7)),
        Message::new(0x35C, |now, _, data| blocks::emit_requests(&now.bank, data))
            .with_length(|config| short(config, 2)),
        Message::new(0x35E, |_, config, data| *data = config.pylon_can.manufacturer_name),
        Message::new(0x35A, |now, _, data| blocks::emit_alarm_pairs(&now.bank, data))
            .only_if(|_, config| config.pylon_can.alarm_pairs),
        Message::new(0x35F, |now, _, data| emit_identity(&now.bank, data))
            .only_if(|_, config| config.pylon_can.identity),
        extremes(0x370, |now, config, data| {
            let variant = config.pylon_can.cell_extremes.unwrap_or_default();
            blocks::emit_cell_extremes(&now.bank, variant, data);
        }),
        extremes(0x371, |now, _, data| blocks::emit_cell_extreme_numbers(&now.bank, data)),
        modules(0x372, |now, _, data| blocks::emit_modules(&now.bank, data)),
        modules(0x373, |now, _, data| blocks::emit_cell_extremes_kelvin(&now.bank, data)),
        modules(0x374, |now, _, data| {
            blocks::emit_place(Some(now.bank.min_cell_voltage_mv), b'C', data);
        }),
        modules(0x375, |now, _, data| {
            blocks::emit_place(Some(now.bank.max_cell_voltage_mv), b'C', data);
        }),
        modules(0x376, |now, _, data| {
            blocks::emit_place(now.bank.cell_temperature.map(|cells| cells.min), b'T', data);
        }),
        modules(0x377, |now, _, data| {
            blocks::emit_place(now.bank.cell_temperature.map(|cells| cells.max), b'T', data);
        }),
        Message::new(0x379, |now, _, data| blocks::emit_installed_capacity(&now.bank, data))
            .only_if(|_, config| config.pylon_can.installed_capacity),
        Message::new(0x354, |now, _, data| emit_capacities(&now.bank, data))
            .only_if(|_, config| config.pylon_can.capacities),
    ],
    is_keepalive: blocks::is_any_keepalive,
};

const fn extremes(id: u32, emit: Emit) -> Message {
    Message::new(id, emit).only_if(|_, config| config.pylon_can.cell_extremes.is_some())
}

const fn modules(id: u32, emit: Emit) -> Message {
    Message::new(id, emit).only_if(|_, config| config.pylon_can.modules)
}

/// the length of V1.2 where it is asked for, otherwise eight bytes.
fn short(config: &Config, length: u8) -> u8 {
    if config.pylon_can.short_frames { length } else { 8 }
}

/// 0x354: capacities of the packs online, as Discover batteries send them (sheet pylon-can, C).
///
/// | bytes | field | type | unit |
/// |---|---|---|---|
/// | 0-1 | design_capacity | u16 | 1 Ah |
/// | 2-3 | remaining_capacity | u16 | 1 Ah |
/// | 4-7 | reserved, 0 | | |
fn emit_capacities(view: &BankView, data: &mut [u8; 8]) {
    const DESIGN: Range<usize> = 0..2;
    const REMAINING: Range<usize> = 2..4;
    const RESERVED: Range<usize> = 4..8;

    let ampere_hours = |milli: u32| saturate_u16(div_nearest(milli.into(), 1000)).to_le_bytes();
    data[DESIGN].copy_from_slice(&ampere_hours(view.design_capacity_mah));
    data[REMAINING].copy_from_slice(&ampere_hours(view.remaining_capacity_mah));
    data[RESERVED].fill(0);
}

/// 0x35F: identity of V1.3 (sheet pylon-can, C).
///
/// | bytes | field | type |
/// |---|---|---|
/// | 0-1 | battery_type, "LI" | ASCII |
/// | 2-3 | protocol_version, 1 and 3 | u8, u8 |
/// | 4-5 | capacity: rated, of the packs online, 1 Ah (Q-39) | u16 |
/// | 6-7 | manufacturer_id, as captured | u16 |
fn emit_identity(view: &BankView, data: &mut [u8; 8]) {
    const BATTERY_TYPE: Range<usize> = 0..2;
    const VERSION: Range<usize> = 2..4;
    const CAPACITY: Range<usize> = 4..6;
    const MANUFACTURER: Range<usize> = 6..8;

    let capacity = saturate_u16(div_nearest(view.design_capacity_mah.into(), 1000));
    data[BATTERY_TYPE].copy_from_slice(b"LI");
    data[VERSION].copy_from_slice(&[1, 3]);
    data[CAPACITY].copy_from_slice(&capacity.to_le_bytes());
    data[MANUFACTURER].copy_from_slice(&0x00AA_u16.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::can::blocks::tests::written;

    #[test]
    fn identity() {
        // P-B5: 572 Ah.
        let view = BankView {
            design_capacity_mah: 572_000,
            ..BankView::example()
        };
        let data = written(|data| emit_identity(&view, data));
        assert_eq!(data, [0x4C, 0x49, 1, 3, 0x3C, 2, 0xAA, 0]);
    }
}
