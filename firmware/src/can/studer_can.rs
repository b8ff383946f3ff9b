//! Studer Xtender behind the gateway Xcom-CAN (sheet studer-can): "STUDER CAN V1.02".
//!
//! No document and no recording of this setting is public (D). The gateway shows exactly the quantities of the SMA
//! frames (its data points, A), so those are sent: 500 kbit/s, 11-bit identifiers, once a second without being asked.
//! Nothing depends on the gateway's 0x305, and the 29-bit error frames of its public protocol are passed over.

use core::ops::Range;
use core::time::Duration;

use super::{CanProtocol, IdFormat, Message, blocks};
use crate::bank::BankView;
use crate::config::{Config, Protocol};
use crate::convert::{div_nearest, saturate_u16};

/// Options of Studer CAN; by default the six frames of Q-32 under the battery's own name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StuderCanOptions {
    /// The text of 0x35E; the gateway knows `PYLON`, `BYD` and `WECO`, anything else is "others".
    pub manufacturer_name: [u8; 8],
    /// Also send 0x35B, events; this battery has none to tell.
    pub events: bool,
}

impl Default for StuderCanOptions {
    fn default() -> StuderCanOptions {
        StuderCanOptions {
            manufacturer_name: *b"CST     ",
            events: false,
        }
    }
}

/// Studer CAN: the SMA set, with SOC in 0.01 % and pairs that say when they are inactive.
pub(crate) const PROTOCOL: CanProtocol = CanProtocol {
    protocol: Protocol::StuderCan,
    id_format: IdFormat::Standard,
    cycle: Duration::from_secs(1),
    messages: &[
        Message::new(0x351, |now, _, data| blocks::emit_limits(&now.bank, data)),
        Message::new(0x355, |now, _, data| {
            blocks::emit_state_of_charge_high_res(&now.bank, data);
        }),
        Message::new(0x356, |now, _, data| emit_measurements(&now.bank, data)),
        Message::new(0x35A, |now, _, data| blocks::emit_explicit_alarm_pairs(&now.bank, data)),
        Message::new(0x35B, |_, _, data| *data = NO_EVENT).only_if(|_, config| config.studer_can.events),
        Message::new(0x35E, |_, config, data| *data = config.studer_can.manufacturer_name),
        Message::new(0x35F, |now, config, data| emit_identity(&now.bank, config, data)),
    ],
    is_keepalive: blocks::is_any_keepalive,
};

/// T-S8.
const NO_EVENT: [u8; 8] = [0; 8];

/// 0x356 as in the family, but a temperature that no sensor gives is marked as not available (D).
///
/// | bytes | field | type | unit |
/// |---|---|---|---|
/// | 0-3 | pack_voltage and pack_current | i16, i16 | 0.01 V, 0.1 A |
/// | 4-5 | temperature, 0x8000 = not available | i16 | 0.1 degC |
/// | 6-7 | unused, 0 | | |
fn emit_measurements(view: &BankView, data: &mut [u8; 8]) {
    const TEMPERATURE: Range<usize> = 4..6;
    const NOT_AVAILABLE: u16 = 0x8000;

    blocks::emit_measurements_beside_marks(view, data);
    if view.cell_temperature.is_none() {
        data[TEMPERATURE].copy_from_slice(&NOT_AVAILABLE.to_le_bytes());
    }
}

/// 0x35F: identity (T-S11, D).
///
/// | bytes | field | type |
/// |---|---|---|
/// | 0-1 | battery_type, 3 = LiFePO4 | u16 |
/// | 2-3 | firmware_version, major and minor | u8, u8 |
/// | 4-5 | capacity: rated, of the packs online, 1 Ah (Q-39) | u16 |
/// | 6-7 | manufacturer_id, 0 | u16 |
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
    data[MANUFACTURER].fill(0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::can::blocks::tests::written;

    #[test]
    fn identity() {
        // T-S11: 280 Ah, version 1.2.
        let view = BankView {
            design_capacity_mah: 280_000,
            ..BankView::example()
        };
        let data = written(|data| emit_identity(&view, &Config::default(), data));
        assert_eq!(data, [3, 0, 1, 2, 0x18, 1, 0, 0]);
    }

    #[test]
    fn a_temperature_that_is_not_measured_is_marked() {
        let view = BankView {
            cell_temperature: None,
            ..BankView::example()
        };
        assert_eq!(written(|data| emit_measurements(&view, data))[4..], [0, 0x80, 0, 0]);
    }
}
