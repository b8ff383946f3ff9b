//! What is chosen before the battery is switched on: protocol, packs, addresses, texts, options.

use crate::can::ginlong_can::GinlongCanOptions;
use crate::can::goodwe_can::GoodweCanOptions;
use crate::can::growatt_can::GrowattCanOptions;
use crate::can::luxpower_can::LuxpowerCanOptions;
use crate::can::must_can::MustCanOptions;
use crate::can::pylon_can::PylonCanOptions;
use crate::can::schneider_can::SchneiderCanOptions;
use crate::can::senergy_can::SenergyCanOptions;
use crate::can::sma_can::SmaCanOptions;
use crate::can::sorotec_can::SorotecCanOptions;
use crate::can::studer_can::StuderCanOptions;
use crate::can::tbb_can::TbbCanOptions;
use crate::can::victron_can::VictronCanOptions;
use crate::rs485::pace_modbus::PaceModbusOptions;
use crate::rs485::pace_rs232::PaceRs232Options;
use crate::rs485::pylon_rs485::PylonRs485Options;
use crate::rs485::schneider_rs485::SchneiderRs485Options;
use crate::rs485::voltronic_rs485::VoltronicRs485Options;

/// The most packs that may stand in parallel. Addresses up to 15 decode all the same (C-06).
pub const MAX_PACKS: u8 = 4;

/// A bus towards the inverter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bus {
    /// CAN; 500 kbit/s unless the sheet says otherwise.
    Can,
    /// RS485, or RS232 at the service port, 9600 8N1.
    Serial,
}

/// Declares [`Protocol`] from one table: variant, short name, bus.
macro_rules! protocols {
    ($($(#[$doc:meta])+ $protocol:ident, $name:literal, $bus:ident;)+) => {
        /// An inverter protocol, by its setting in the manual.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Protocol {
            $($(#[$doc])+ $protocol,)+
        }

        impl Protocol {
            /// Every protocol that this firmware speaks.
            pub const ALL: [Protocol; [$($name),+].len()] = [$(Protocol::$protocol),+];

            /// The protocol's short name, `pylon-can`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Protocol::$protocol => $name,)+
                }
            }

            /// The bus that the protocol runs on.
            pub const fn bus(self) -> Bus {
                match self {
                    $(Protocol::$protocol => Bus::$bus,)+
                }
            }
        }
    };
}

protocols! {
    /// "PYLON CAN Inverter EMS", sheet pylon-can.
    PylonCan, "pylon-can", Can;
    /// "PYLON RS485 LV V3.5", sheet pylon-rs485; also the setting for Deye and SAKO.
    PylonRs485, "pylon-rs485", Serial;
    /// "PACE_RS485_Modbus_UN", sheet pace-modbus.
    PaceModbus, "pace-modbus", Serial;
    /// "Growatt RS485 V2.02", sheet growatt-rs485.
    GrowattRs485, "growatt-rs485", Serial;
    /// "Luxpower tek RS485 Inverter V0.3", sheet luxpower-rs485, profile L: the map of EG4-LL.
    LuxpowerRs485, "luxpower-rs485", Serial;
    /// The same setting, sheet luxpower-rs485, profile G: Growatt's layout.
    LuxpowerRs485G, "luxpower-rs485-g", Serial;
    /// "Voltronic RS485 Inverter V1.5", sheet voltronic-rs485.
    VoltronicRs485, "voltronic-rs485", Serial;
    /// SRNE's "RS485 Modbus V1.3", sheet srne-modbus: the register map of PACE.
    SrneModbus, "srne-modbus", Serial;
    /// Schneider's "Schneider V2.0", sheet schneider-rs485: a placeholder map.
    SchneiderRs485, "schneider-rs485", Serial;
    /// "Growatt CAN LV V1.05", sheet growatt-can.
    GrowattCan, "growatt-can", Can;
    /// "Schneider CAN V2.0", sheet schneider-can.
    SchneiderCan, "schneider-can", Can;
    /// "Victron CAN", sheet victron-can.
    VictronCan, "victron-can", Can;
    /// "SMA CAN V2.0", sheet sma-can.
    SmaCan, "sma-can", Can;
    /// "Sorotec CAN Inverter V1.0", sheet sorotec-can.
    SorotecCan, "sorotec-can", Can;
    /// "STUDER CAN V1.02", sheet studer-can.
    StuderCan, "studer-can", Can;
    /// "MUST CAN PV1800F", sheet must-can.
    MustCan, "must-can", Can;
    /// "Senergy CAN V1.1", sheet senergy-can.
    SenergyCan, "senergy-can", Can;
    /// "GoodWe CAN Inverter LV V1.7", sheet goodwe-can.
    GoodweCan, "goodwe-can", Can;
    /// "Luxpower tek CAN V1.0", sheet luxpower-can.
    LuxpowerCan, "luxpower-can", Can;
    /// "GINLONG CAN LV V1.0", sheet ginlong-can.
    GinlongCan, "ginlong-can", Can;
    /// "TBB CAN V1.05", sheet tbb-can.
    TbbCan, "tbb-can", Can;
    /// The battery's own RS232 service port, sheet pace-rs232. No setting of the manual leads to it: the port speaks
    /// nothing else.
    PaceRs232, "pace-rs232", Serial;
}

impl Protocol {
    /// The protocol with this short name, if there is one.
    pub fn from_name(name: &str) -> Option<Protocol> {
        Protocol::ALL.into_iter().find(|protocol| protocol.name() == name)
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
    /// Options of Growatt CAN.
    pub growatt_can: GrowattCanOptions,
    /// Options of Schneider CAN.
    pub schneider_can: SchneiderCanOptions,
    /// Options of Victron CAN.
    pub victron_can: VictronCanOptions,
    /// Options of SMA CAN.
    pub sma_can: SmaCanOptions,
    /// Options of Pylon RS485.
    pub pylon_rs485: PylonRs485Options,
    /// Options of PACE Modbus and SRNE Modbus.
    pub pace_modbus: PaceModbusOptions,
    /// Options of Voltronic RS485.
    pub voltronic_rs485: VoltronicRs485Options,
    /// Options of Schneider RS485.
    pub schneider_rs485: SchneiderRs485Options,
    /// Options of Sorotec CAN.
    pub sorotec_can: SorotecCanOptions,
    /// Options of Studer CAN.
    pub studer_can: StuderCanOptions,
    /// Options of MUST CAN.
    pub must_can: MustCanOptions,
    /// Options of Senergy CAN.
    pub senergy_can: SenergyCanOptions,
    /// Options of GoodWe CAN.
    pub goodwe_can: GoodweCanOptions,
    /// Options of LuxPower CAN.
    pub luxpower_can: LuxpowerCanOptions,
    /// Options of GINLONG CAN.
    pub ginlong_can: GinlongCanOptions,
    /// Options of TBB CAN.
    pub tbb_can: TbbCanOptions,
    /// Options of the RS232 service port.
    pub pace_rs232: PaceRs232Options,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            protocol: Protocol::PylonCan,
            packs: 1,
            dip: 1,
            identity: Identity::default(),
            pylon_can: PylonCanOptions::default(),
            growatt_can: GrowattCanOptions::default(),
            schneider_can: SchneiderCanOptions::default(),
            victron_can: VictronCanOptions::default(),
            sma_can: SmaCanOptions::default(),
            pylon_rs485: PylonRs485Options::default(),
            pace_modbus: PaceModbusOptions::default(),
            voltronic_rs485: VoltronicRs485Options::default(),
            schneider_rs485: SchneiderRs485Options::default(),
            sorotec_can: SorotecCanOptions::default(),
            studer_can: StuderCanOptions::default(),
            must_can: MustCanOptions::default(),
            senergy_can: SenergyCanOptions::default(),
            goodwe_can: GoodweCanOptions::default(),
            luxpower_can: LuxpowerCanOptions::default(),
            ginlong_can: GinlongCanOptions::default(),
            tbb_can: TbbCanOptions::default(),
            pace_rs232: PaceRs232Options::default(),
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
