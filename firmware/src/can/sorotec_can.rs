//! Sorotec REVO CAN (sheet sorotec-can): "Sorotec CAN Inverter V1.0".
//!
//! The document is not public (D). An owner's quotation gives 250 kbit/s, 11-bit identifiers and low byte first (C), a
//! developer calls it much like Victron's, and the inverter shows exactly the content of 0x351, 0x355, 0x356 and 0x35A
//! (A): these are sent, once a second. The inverter only listens; 0x305 and 0x307 of others are passed over.

use core::time::Duration;

use super::{CanProtocol, IdFormat, Message, blocks};
use crate::config::Protocol;

/// Options of Sorotec CAN; by default profile P-A under the battery's own name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SorotecCanOptions {
    /// The text of 0x35E, which the inverter is not known to check.
    pub manufacturer_name: [u8; 8],
    /// Send 0x359 and 0x35C as Pylon does instead of 0x35A: profile P-C.
    pub pylon_profile: bool,
}

impl Default for SorotecCanOptions {
    fn default() -> SorotecCanOptions {
        SorotecCanOptions {
            manufacturer_name: *b"CST     ",
            pylon_profile: false,
        }
    }
}

/// Sorotec CAN: the SMA set, with SOC in 0.01 % and inactive pairs that are 00.
pub(crate) const PROTOCOL: CanProtocol = CanProtocol {
    protocol: Protocol::SorotecCan,
    id_format: IdFormat::Standard,
    cycle: Duration::from_secs(1),
    messages: &[
        Message::new(0x351, |now, _, data| blocks::emit_limits(&now.bank, data)),
        Message::new(0x355, |now, _, data| {
            blocks::emit_state_of_charge_high_res(&now.bank, data);
        }),
        Message::new(0x356, |now, _, data| {
            blocks::emit_measurements_beside_marks(&now.bank, data);
        }),
        Message::new(0x35A, |now, _, data| blocks::emit_alarm_pairs(&now.bank, data))
            .only_if(|_, config| !config.sorotec_can.pylon_profile),
        Message::new(0x359, |now, _, data| blocks::emit_alarm_bits(&now.bank, data))
            .only_if(|_, config| config.sorotec_can.pylon_profile),
        Message::new(0x35C, |now, _, data| blocks::emit_requests(&now.bank, data))
            .only_if(|_, config| config.sorotec_can.pylon_profile),
        Message::new(0x35E, |_, config, data| *data = config.sorotec_can.manufacturer_name),
    ],
    is_keepalive: blocks::is_any_keepalive,
};
