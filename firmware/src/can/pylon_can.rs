//! Pylontech low-voltage CAN (sheet pylon-can): "PYLON CAN Inverter EMS".
//!
//! 500 kbit/s, 11-bit identifiers, the whole set once a second without being asked (A). The inverter acknowledges
//! with 0x305; the battery depends on nothing in it and never sends it itself.

use core::ops::Range;

use super::{Message, blocks};
use crate::bank::BankView;
use crate::config::{CellExtremesVariant, Config};
use crate::convert::{div_nearest, saturate_u16};
use crate::frame::CanFrame;

/// The inverter's acknowledge.
const KEEPALIVE: u32 = 0x305;

/// The messages in sending order: the six of V1.2 first, then the options.
pub(crate) const MESSAGES: &[Message] = &[
    core(0x351, |_| 8, |view, _, data| blocks::emit_limits(view, data)),
    core(
        0x355,
        |config| short(config, 4),
        |view, _, data| blocks::emit_state_of_charge(view, data),
    ),
    core(
        0x356,
        |config| short(config, 6),
        |view, _, data| blocks::emit_measurements(view, data),
    ),
    core(
        0x359,
        |config| short(config, 7),
        |view, _, data| blocks::emit_alarm_bits(view, data),
    ),
    core(
        0x35C,
        |config| short(config, 2),
        |view, _, data| blocks::emit_requests(view, data),
    ),
    core(
        0x35E,
        |_| 8,
        |_, config, data| *data = config.pylon_can.manufacturer_name,
    ),
    optional(
        0x35A,
        |config| config.pylon_can.alarm_pairs,
        |view, _, data| blocks::emit_alarm_pairs(view, data),
    ),
    optional(
        0x35F,
        |config| config.pylon_can.identity,
        |view, _, data| emit_identity(view, data),
    ),
    optional(0x370, extremes_included, |view, config, data| {
        let tenths = config.pylon_can.cell_extremes == Some(CellExtremesVariant::Tenths);
        blocks::emit_cell_extremes(view, tenths, data);
    }),
    optional(0x371, extremes_included, |view, _, data| {
        blocks::emit_cell_extreme_numbers(view, data)
    }),
    optional(0x372, modules_included, |view, _, data| {
        blocks::emit_modules(view, data)
    }),
    optional(0x373, modules_included, |view, _, data| {
        blocks::emit_cell_extremes_kelvin(view, data)
    }),
    optional(0x374, modules_included, |view, _, data| {
        blocks::emit_place(Some(view.min_cell_voltage_mv), b'C', data);
    }),
    optional(0x375, modules_included, |view, _, data| {
        blocks::emit_place(Some(view.max_cell_voltage_mv), b'C', data);
    }),
    optional(0x376, modules_included, |view, _, data| {
        blocks::emit_place(view.cell_temperature.map(|cells| cells.min), b'T', data);
    }),
    optional(0x377, modules_included, |view, _, data| {
        blocks::emit_place(view.cell_temperature.map(|cells| cells.max), b'T', data);
    }),
    optional(
        0x379,
        |config| config.pylon_can.installed_capacity,
        |view, _, data| blocks::emit_installed_capacity(view, data),
    ),
    optional(
        0x354,
        |config| config.pylon_can.capacities,
        |view, _, data| emit_capacities(view, data),
    ),
];

const fn core(id: u16, length: fn(&Config) -> u8, emit: fn(&BankView, &Config, &mut [u8; 8])) -> Message {
    Message {
        id,
        included: |_| true,
        length,
        emit,
    }
}

const fn optional(id: u16, included: fn(&Config) -> bool, emit: fn(&BankView, &Config, &mut [u8; 8])) -> Message {
    Message {
        id,
        included,
        length: |_| 8,
        emit,
    }
}

/// the length of V1.2 where it is asked for, otherwise eight bytes.
fn short(config: &Config, length: u8) -> u8 {
    if config.pylon_can.short_frames { length } else { 8 }
}

fn extremes_included(config: &Config) -> bool {
    config.pylon_can.cell_extremes.is_some()
}

fn modules_included(config: &Config) -> bool {
    config.pylon_can.modules
}

/// Any 0x305 is a sign of life: whatever its content, length or identifier format, even a remote frame.
pub(crate) fn is_keepalive(frame: &CanFrame) -> bool {
    frame.raw_id() == KEEPALIVE
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

    #[test]
    fn every_message_writes_all_its_bytes_and_has_its_own_id() {
        let view = BankView::example();
        for (index, message) in MESSAGES.iter().enumerate() {
            written(|data| (message.emit)(&view, &Config::default(), data));
            assert_ne!(
                u32::from(message.id),
                KEEPALIVE,
                "the battery never acknowledges itself"
            );
            assert!(
                MESSAGES[..index].iter().all(|other| other.id != message.id),
                "{:#X} twice",
                message.id
            );
        }
    }
}
