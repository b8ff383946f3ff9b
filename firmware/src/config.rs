//! What is chosen before the battery is switched on: protocol, packs, addresses, texts, options.

use crate::rs485::modbus::LengthField;

/// The most packs that may stand in parallel. Addresses up to 15 decode all the same (C-06).
pub const MAX_PACKS: u8 = 4;

/// A bus towards the inverter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bus {
    /// CAN, 500 kbit/s.
    Can,
    /// RS485, 9600 8N1.
    Serial,
}

/// An inverter protocol, by its setting in the manual.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// "PYLON CAN Inverter EMS", sheet pylon-can.
    PylonCan,
    /// "PYLON RS485 LV V3.5", sheet pylon-rs485; also the setting for Deye and SAKO.
    PylonRs485,
    /// "PACE_RS485_Modbus_UN", sheet pace-modbus.
    PaceModbus,
    /// SRNE's "RS485 Modbus V1.3", sheet srne-modbus: the register map of PACE.
    SrneModbus,
    /// "Growatt RS485 V2.02", sheet growatt-rs485.
    GrowattRs485,
    /// "Voltronic RS485 Inverter V1.5", sheet voltronic-rs485.
    VoltronicRs485,
}

impl Protocol {
    /// Every protocol that this firmware speaks.
    pub const ALL: [Protocol; 6] = [
        Protocol::PylonCan,
        Protocol::PylonRs485,
        Protocol::PaceModbus,
        Protocol::SrneModbus,
        Protocol::GrowattRs485,
        Protocol::VoltronicRs485,
    ];

    /// The protocol's short name, `pylon-can`.
    pub const fn name(self) -> &'static str {
        match self {
            Protocol::PylonCan => "pylon-can",
            Protocol::PylonRs485 => "pylon-rs485",
            Protocol::PaceModbus => "pace-modbus",
            Protocol::SrneModbus => "srne-modbus",
            Protocol::GrowattRs485 => "growatt-rs485",
            Protocol::VoltronicRs485 => "voltronic-rs485",
        }
    }

    /// The protocol with this short name, if there is one.
    pub fn from_name(name: &str) -> Option<Protocol> {
        Protocol::ALL.into_iter().find(|protocol| protocol.name() == name)
    }

    /// The bus that the protocol runs on.
    pub const fn bus(self) -> Bus {
        match self {
            Protocol::PylonCan => Bus::Can,
            Protocol::PylonRs485
            | Protocol::PaceModbus
            | Protocol::SrneModbus
            | Protocol::GrowattRs485
            | Protocol::VoltronicRs485 => Bus::Serial,
        }
    }
}

/// The configuration of a battery; the default is one pack at DIP address 1 that speaks Pylon CAN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// What is spoken to the inverter.
    pub protocol: Protocol,
    /// Packs in parallel, 1..=4; values outside are taken as the nearest end.
    pub packs: u8,
    /// DIP address of the pack that is wired to the inverter, 0..=15; only the low four bits count.
    ///
    /// With 0 or 1 that pack is the master and the others follow it as 2, 3, 4. With 2..=15 it is a
    /// slave that is wired alone: silent on CAN, and on RS485 it answers at its own address with its own
    /// values.
    pub dip: u8,
    /// Who made it and which version it is.
    pub identity: Identity,
    /// Options of Pylon CAN.
    pub pylon_can: PylonCanOptions,
    /// Options of Pylon RS485.
    pub pylon_rs485: PylonRs485Options,
    /// How Voltronic RS485 tells the length of its replies (Q-35: registers; the others are met in the field).
    pub voltronic_length: LengthField,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            protocol: Protocol::PylonCan,
            packs: 1,
            dip: 1,
            identity: Identity::default(),
            pylon_can: PylonCanOptions::default(),
            pylon_rs485: PylonRs485Options::default(),
            voltronic_length: LengthField::default(),
        }
    }
}

/// Names and versions that protocols report (Q-20: all configurable).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Software version, major and minor.
    pub software_version: [u8; 2],
    /// Version of the main line, three numbers.
    pub main_line_version: [u8; 3],
    /// Serial number of pack 1; the last digit is replaced by the number of the pack.
    pub serial_number: [u8; 16],
    /// Serial number of the Bluetooth module, which only the display shows.
    pub bluetooth_serial_number: [u8; 12],
}

impl Identity {
    /// The serial number of one pack; `pack` counts from 1.
    pub fn serial_number_of(&self, pack: u8) -> [u8; 16] {
        let mut serial = self.serial_number;
        serial[15] = b'0' + pack % 10;
        serial
    }
}

impl Default for Identity {
    fn default() -> Identity {
        Identity {
            software_version: [1, 2],
            main_line_version: [1, 2, 3],
            serial_number: *b"CST280A000000001",
            bluetooth_serial_number: *b"BT280A000001",
        }
    }
}

/// The unit of temperature in frame 0x370, on which the sources differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CellExtremesVariant {
    /// Variant M: whole degrees Celsius, as in every capture.
    #[default]
    WholeDegrees,
    /// Variant S: 0.1 degC, as in the Seplos text.
    Tenths,
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_their_protocol() {
        for protocol in Protocol::ALL {
            assert_eq!(Protocol::from_name(protocol.name()), Some(protocol));
        }
        assert_eq!(Protocol::from_name("pylon"), None);
        assert_eq!(Protocol::PylonRs485.bus(), Bus::Serial);
    }

    #[test]
    fn packs_are_told_apart_by_serial_number() {
        assert_eq!(&Identity::default().serial_number_of(4), b"CST280A000000004");
    }
}
