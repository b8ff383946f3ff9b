//! GoodWe low-voltage CAN (sheet goodwe-can): "GoodWe CAN Inverter LV V1.7".
//!
//! 500 kbit/s, 11-bit identifiers, the whole set once a second without being asked (B). The frames of Pylon, the
//! imbalance of the cells among the alarms, and two frames with the extremes of the cells (C). The inverter acknowledges
//! with 0x305; the battery depends on nothing in it and never sends it itself.

use core::time::Duration;

use super::blocks::{self, CellExtremesVariant};
use super::{CanProtocol, Emit, IdFormat, Message};
use crate::config::Protocol;

/// Options of GoodWe CAN; by default the six frames and the extremes of the cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GoodweCanOptions {
    /// The text of 0x35E; inverters take any.
    pub manufacturer_name: [u8; 8],
    /// Send 0x370 and 0x371, the extremes of the cells and their numbers, and in which unit.
    pub cell_extremes: Option<CellExtremesVariant>,
    /// Also send 0x379, the installed capacity.
    pub installed_capacity: bool,
}

impl Default for GoodweCanOptions {
    fn default() -> GoodweCanOptions {
        GoodweCanOptions {
            manufacturer_name: *b"GOODWE  ",
            cell_extremes: Some(CellExtremesVariant::WholeDegrees),
            installed_capacity: false,
        }
    }
}

/// GoodWe CAN; eight bytes in every frame.
pub(crate) const PROTOCOL: CanProtocol = CanProtocol {
    protocol: Protocol::GoodweCan,
    id_format: IdFormat::Standard,
    cycle: Duration::from_secs(1),
    messages: &[
        Message::new(0x351, |now, _, data| blocks::emit_limits(&now.bank, data)),
        Message::new(0x355, |now, _, data| blocks::emit_state_of_charge(&now.bank, data)),
        Message::new(0x356, |now, _, data| blocks::emit_measurements(&now.bank, data)),
        Message::new(0x359, |now, _, data| {
            blocks::emit_alarm_bits_with_imbalance(&now.bank, data);
        }),
        Message::new(0x35C, |now, _, data| blocks::emit_requests(&now.bank, data)),
        Message::new(0x35E, |_, config, data| *data = config.goodwe_can.manufacturer_name),
        extremes(0x370, |now, config, data| {
            let variant = config.goodwe_can.cell_extremes.unwrap_or_default();
            blocks::emit_cell_extremes(&now.bank, variant, data);
        }),
        extremes(0x371, |now, _, data| blocks::emit_cell_extreme_numbers(&now.bank, data)),
        Message::new(0x379, |now, _, data| blocks::emit_installed_capacity(&now.bank, data))
            .only_if(|_, config| config.goodwe_can.installed_capacity),
    ],
    is_keepalive: blocks::is_any_keepalive,
};

const fn extremes(id: u32, emit: Emit) -> Message {
    Message::new(id, emit).only_if(|_, config| config.goodwe_can.cell_extremes.is_some())
}
