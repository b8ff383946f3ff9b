//! Senergy CAN (sheet senergy-can): "Senergy CAN V1.1".
//!
//! What V1.1 is, is not public (D). Inverters of this platform are known to work with Pylontech's V1.2 (B), so that is
//! sent: 500 kbit/s, 11-bit identifiers, the six frames once a second. Nothing depends on the inverter's 0x305.

use core::ops::Range;
use core::time::Duration;

use super::{CanProtocol, IdFormat, Message, blocks};
use crate::config::{Config, Protocol};

/// Options of Senergy CAN. Inverters that take its frames check neither name nor tag (C).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenergyCanOptions {
    /// The text of 0x35E.
    pub manufacturer_name: [u8; 8],
    /// Bytes 5 and 6 of 0x359; UZ Energy sends `UZ`.
    pub tag: [u8; 2],
    /// Fill bytes 4 and 5 of 0x355 with the SOC in 0.01 %, as one working program does; otherwise they are 0.
    pub soc_high_res: bool,
}

impl Default for SenergyCanOptions {
    fn default() -> SenergyCanOptions {
        SenergyCanOptions {
            manufacturer_name: *b"PYLON   ",
            tag: *b"PN",
            soc_high_res: false,
        }
    }
}

/// Senergy CAN: the Pylon set, alarms first.
pub(crate) const PROTOCOL: CanProtocol = CanProtocol {
    protocol: Protocol::SenergyCan,
    id_format: IdFormat::Standard,
    cycle: Duration::from_secs(1),
    messages: &[
        Message::new(0x359, |now, config, data| {
            blocks::emit_alarm_bits(&now.bank, data);
            emit_tag(config, data);
        }),
        Message::new(0x351, |now, _, data| blocks::emit_limits(&now.bank, data)),
        Message::new(0x355, |now, config, data| match config.senergy_can.soc_high_res {
            true => blocks::emit_state_of_charge_high_res(&now.bank, data),
            false => blocks::emit_state_of_charge(&now.bank, data),
        }),
        Message::new(0x356, |now, _, data| blocks::emit_measurements(&now.bank, data)),
        Message::new(0x35C, |now, _, data| blocks::emit_requests(&now.bank, data)),
        Message::new(0x35E, |_, config, data| *data = config.senergy_can.manufacturer_name),
    ],
    is_keepalive: blocks::is_any_keepalive,
};

/// The two characters behind the number of packs in 0x359.
fn emit_tag(config: &Config, data: &mut [u8; 8]) {
    const TAG: Range<usize> = 5..7;

    data[TAG].copy_from_slice(&config.senergy_can.tag);
}
