//! LuxPower battery CAN (sheet luxpower-can, document V04.2): "Luxpower tek CAN V1.0".
//!
//! 500 kbit/s, 11-bit identifiers, the whole set once a second without being asked (A). The frames of Pylon, with
//! values of LuxPower's own in the bytes that Pylon leaves free. The inverter answers with 0x305; the battery depends on
//! nothing in it and never sends it itself.

use core::ops::Range;
use core::time::Duration;

use embedded_can::{Frame, Id};

use super::blocks::{self, put_i16, put_u16};
use super::{CanProtocol, IdFormat, Message};
use crate::bank::BankView;
use crate::config::{Config, Protocol};
use crate::convert::div_nearest;
use crate::frame::CanFrame;

/// Options of LuxPower CAN; by default the frames of V02.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LuxpowerCanOptions {
    /// The text of 0x35E.
    pub brand: [u8; 8],
    /// Send 0x35E, the brand, which V01 did not have.
    pub brand_frame: bool,
    /// Obey 0x300, the inverter's command of V03 to shut down; otherwise it is ignored.
    pub remote_command: bool,
}

impl Default for LuxpowerCanOptions {
    fn default() -> LuxpowerCanOptions {
        LuxpowerCanOptions {
            brand: *b"CSTLR280",
            brand_frame: true,
            remote_command: false,
        }
    }
}

/// LuxPower CAN; eight bytes in every frame.
pub(crate) const PROTOCOL: CanProtocol = CanProtocol {
    protocol: Protocol::LuxpowerCan,
    id_format: IdFormat::Standard,
    cycle: Duration::from_secs(1),
    messages: &[
        Message::new(0x351, |now, _, data| emit_limits(&now.bank, data)),
        Message::new(0x355, |now, _, data| emit_state_of_charge(&now.bank, data)),
        Message::new(0x356, |now, _, data| emit_measurements(&now.bank, data)),
        Message::new(0x359, |now, _, data| emit_alarms(&now.bank, data)),
        Message::new(0x35C, |now, _, data| emit_requests(&now.bank, data)),
        Message::new(0x35E, |_, config, data| *data = config.luxpower_can.brand)
            .only_if(|_, config| config.luxpower_can.brand_frame),
    ],
    is_keepalive: blocks::is_any_keepalive,
};

/// Whether a frame is the inverter's order to shut down, and the battery obeys it: 0x300 of 11 bits with bit 0 of its
/// first byte set (A; Q-34).
pub(crate) fn orders_shutdown(frame: &CanFrame, config: &Config) -> bool {
    const REMOTE_COMMAND: u32 = 0x300;
    const RAPID_SHUTDOWN: u8 = 1 << 0;

    config.luxpower_can.remote_command
        && matches!(frame.id(), Id::Standard(_))
        && frame.raw_id() == REMOTE_COMMAND
        && frame
            .data()
            .first()
            .is_some_and(|command| command & RAPID_SHUTDOWN != 0)
}

/// 0x351: limits (A).
///
/// | bytes | field | type | unit |
/// |---|---|---|---|
/// | 0-1 | charge_voltage_limit | u16 | 0.1 V |
/// | 2-3 | charge_current_limit | u16 | 0.1 A |
/// | 4-5 | discharge_current_limit, positive | u16 | 0.1 A |
/// | 6-7 | discharge_voltage_limit | u16 | 0.1 V |
fn emit_limits(view: &BankView, data: &mut [u8; 8]) {
    const CHARGE_CURRENT: Range<usize> = 2..4;
    const DISCHARGE_CURRENT: Range<usize> = 4..6;

    blocks::emit_limits(view, data);
    put_u16(data, CHARGE_CURRENT, view.charge_current_limit_deci_a.into());
    put_u16(data, DISCHARGE_CURRENT, view.discharge_current_limit_deci_a.into());
}

/// 0x355: state of charge and health, cells (A).
///
/// | bytes | field | type | unit |
/// |---|---|---|---|
/// | 0-1 | soc | u16 | % |
/// | 2-3 | soh | u16 | % |
/// | 4-5 | max_cell_voltage | u16 | 1 mV |
/// | 6-7 | min_cell_voltage | u16 | 1 mV |
fn emit_state_of_charge(view: &BankView, data: &mut [u8; 8]) {
    const MAX_CELL: Range<usize> = 4..6;
    const MIN_CELL: Range<usize> = 6..8;

    blocks::emit_state_of_charge(view, data);
    put_u16(data, MAX_CELL, view.max_cell_voltage_mv.value.into());
    put_u16(data, MIN_CELL, view.min_cell_voltage_mv.value.into());
}

/// 0x356: measured values (A; signs B).
///
/// | bytes | field | type | unit |
/// |---|---|---|---|
/// | 0-1 | pack_voltage, mean of the packs | u16 | 0.01 V |
/// | 2-3 | pack_current, sum, positive = charging | i16 | 0.1 A |
/// | 4-5 | max_cell_temperature; 0 where no sensor is fitted | i16 | 0.1 degC |
/// | 6-7 | min_cell_temperature | i16 | the same |
fn emit_measurements(view: &BankView, data: &mut [u8; 8]) {
    const VOLTAGE: Range<usize> = 0..2;
    const CURRENT: Range<usize> = 2..4;
    const MAX_TEMPERATURE: Range<usize> = 4..6;
    const MIN_TEMPERATURE: Range<usize> = 6..8;

    put_u16(data, VOLTAGE, div_nearest(view.pack_voltage_mv.into(), 10));
    put_i16(data, CURRENT, div_nearest(view.pack_current_ma.into(), 100));
    let (max, min) = view
        .cell_temperature
        .map_or((0, 0), |cells| (cells.max.value.into(), cells.min.value.into()));
    put_i16(data, MAX_TEMPERATURE, max);
    put_i16(data, MIN_TEMPERATURE, min);
}

/// 0x359: protections, alarms, bank (A; order of the capacity's bytes B).
///
/// | bytes | field | type | unit |
/// |---|---|---|---|
/// | 0-3 | the bits of Pylon | | |
/// | 4 | module_count | u8 | |
/// | 5-6 | capacity: rated, of the packs online (Q-39) | u16 | 1 Ah |
/// | 7 | unused, 0 | | |
fn emit_alarms(view: &BankView, data: &mut [u8; 8]) {
    const CAPACITY: Range<usize> = 5..7;

    blocks::emit_alarm_bits(view, data);
    put_u16(data, CAPACITY, div_nearest(view.design_capacity_mah.into(), 1000));
}

/// 0x35C: requests (A).
///
/// | bytes | field | type |
/// |---|---|---|
/// | 0 | the bits of Pylon; the document calls bit 5 request 2 and bit 4 request 1 (Q-18) | |
/// | 1 | unused, 0 | |
/// | 2-3 | cycle_count, the highest of the packs | u16 |
/// | 4-7 | unused, 0 | |
fn emit_requests(view: &BankView, data: &mut [u8; 8]) {
    const CYCLE_COUNT: Range<usize> = 2..4;

    blocks::emit_requests(view, data);
    put_u16(data, CYCLE_COUNT, view.cycle_count.into());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::can::blocks::tests::written;

    #[test]
    fn limits_have_no_sign() {
        let view = BankView {
            charge_current_limit_deci_a: 40_000,
            discharge_current_limit_deci_a: 70_000,
            ..BankView::example()
        };
        let data = written(|data| emit_limits(&view, data));
        assert_eq!(data[2..6], [0x40, 0x9C, 0xFF, 0xFF]);
    }

    #[test]
    fn what_does_not_fit_saturates() {
        let view = BankView {
            pack_voltage_mv: 700_000,
            design_capacity_mah: 70_000_000,
            ..BankView::example()
        };
        assert_eq!(written(|data| emit_measurements(&view, data))[..2], [0xFF, 0xFF]);
        assert_eq!(written(|data| emit_alarms(&view, data))[5..], [0xFF, 0xFF, 0]);
    }
}
