//! What a maker chooses about Pylon RS485.

/// Options of Pylon RS485.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PylonRs485Options {
    /// Device name of 51 and 60, filled with zero bytes.
    pub device_name: [u8; 10],
    /// Manufacturer of 51 and 60, filled with zero bytes.
    pub manufacturer_name: [u8; 20],
    /// The VER byte of every reply; devices of every edition use 0x20.
    pub version: u8,
    /// Answer RTN 01 to a VER that is neither 0x00 nor 0x20..=0x35; otherwise any VER will do.
    pub strict_version: bool,
    /// Send the discharge limit of 63 as a negative number, as Seplos does.
    pub negative_discharge_limit: bool,
    /// Obey 94, foreign limits for ten seconds; otherwise RTN 04.
    pub set_limits: bool,
    /// Obey 95, turn a pack off; otherwise RTN 04.
    pub turn_off: bool,
    /// Obey 64, shut the whole group down; otherwise RTN 04.
    pub shutdown: bool,
}

impl Default for PylonRs485Options {
    fn default() -> PylonRs485Options {
        PylonRs485Options {
            device_name: *b"CST280LR\0\0",
            manufacturer_name: *b"Pylon\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
            version: 0x20,
            strict_version: false,
            negative_discharge_limit: false,
            set_limits: false,
            turn_off: false,
            shutdown: false,
        }
    }
}
