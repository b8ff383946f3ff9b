//! MUST in its Pylontech setting (sheet must-can): "MUST CAN PV1800F".
//!
//! MUST's own protocol is not public, not even an identifier of it (D). Until it is, this setting sends profile M-PYL,
//! Pylontech's low-voltage frames (B): 500 kbit/s, 11-bit identifiers, once a second, eight bytes each. Whether a
//! MUST inverter sends 0x305 is not documented, and nothing depends on it.

use core::time::Duration;

use super::{CanProtocol, IdFormat, Message, blocks};
use crate::config::Protocol;

/// Options of MUST CAN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MustCanOptions {
    /// The text of 0x35E; some inverters require `PYLON`.
    pub manufacturer_name: [u8; 8],
}

impl Default for MustCanOptions {
    fn default() -> MustCanOptions {
        MustCanOptions {
            manufacturer_name: *b"PYLON   ",
        }
    }
}

/// MUST CAN: the Pylon set.
pub(crate) const PROTOCOL: CanProtocol = CanProtocol {
    protocol: Protocol::MustCan,
    id_format: IdFormat::Standard,
    cycle: Duration::from_secs(1),
    messages: &[
        Message::new(0x351, |now, _, data| blocks::emit_limits(&now.bank, data)),
        Message::new(0x355, |now, _, data| blocks::emit_state_of_charge(&now.bank, data)),
        Message::new(0x356, |now, _, data| blocks::emit_measurements(&now.bank, data)),
        Message::new(0x359, |now, _, data| blocks::emit_alarm_bits(&now.bank, data)),
        Message::new(0x35C, |now, _, data| blocks::emit_requests(&now.bank, data)),
        Message::new(0x35E, |_, config, data| *data = config.must_can.manufacturer_name),
    ],
    is_keepalive: blocks::is_any_keepalive,
};
