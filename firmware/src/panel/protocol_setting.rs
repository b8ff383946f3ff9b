//! The 22 inverter protocols of the manual, and what the display calls some of them.

use crate::config::{Bus, Protocol};

/// One setting of Attachment 1 of the manual.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProtocolSetting {
    /// Its number in the manual's list, 1..=22.
    pub number: u8,
    /// The inverter's brand.
    pub brand: &'static str,
    /// The bus that it runs on.
    pub bus: Bus,
    /// The manual's name.
    pub name: &'static str,
    /// What the protocol page of the display calls it, where the manual tells; the names say which source
    /// document was used (C-09).
    pub display_name: Option<&'static str>,
    /// The short name of the protocol, as in [`Protocol::name`]; three settings share one.
    pub protocol_name: &'static str,
}

impl ProtocolSetting {
    /// Every setting in the manual's order.
    pub const ALL: &'static [ProtocolSetting; 22] = &SETTINGS;

    /// The setting with this number.
    pub fn from_number(number: u8) -> Option<&'static ProtocolSetting> {
        SETTINGS.iter().find(|setting| setting.number == number)
    }

    /// The first setting of a protocol; both profiles of LuxPower's RS485 stand under one. Of the service port,
    /// which is no inverter protocol, that of the battery as delivered.
    pub(crate) fn of(protocol: Protocol) -> &'static ProtocolSetting {
        let protocol = match protocol {
            Protocol::LuxpowerRs485G => Protocol::LuxpowerRs485,
            protocol => protocol,
        };
        SETTINGS
            .iter()
            .find(|setting| setting.protocol_name == protocol.name())
            .unwrap_or(&SETTINGS[AS_DELIVERED])
    }

    /// The protocol that the firmware speaks under this setting; `None` where it has none, so that the battery is
    /// silent on both buses while the setting is selected.
    pub fn protocol(&self) -> Option<Protocol> {
        Protocol::from_name(self.protocol_name)
    }
}

const fn setting(
    number: u8,
    brand: &'static str,
    bus: Bus,
    name: &'static str,
    protocol_name: &'static str,
    display_name: Option<&'static str>,
) -> ProtocolSetting {
    ProtocolSetting {
        number,
        brand,
        bus,
        name,
        display_name,
        protocol_name,
    }
}

use Bus::{Can, Serial};

/// PYLON CAN.
const AS_DELIVERED: usize = 4;

const SETTINGS: [ProtocolSetting; 22] = [
    setting(1, "PACE", Serial, "PACE_RS485_Modbus_UN", "pace-modbus", None),
    setting(2, "SRNE", Serial, "RS485 Modbus V1.3", "srne-modbus", None),
    setting(
        3,
        "Voltronic",
        Serial,
        "Voltronic RS485 Inverter V1.5",
        "voltronic-rs485",
        Some("USER_485_VOLTRON"),
    ),
    setting(
        4,
        "PYLON",
        Serial,
        "PYLON RS485 LV V3.5",
        "pylon-rs485",
        Some("RS485-protocol-pylon-low-voltage"),
    ),
    setting(
        5,
        "PYLON",
        Can,
        "PYLON CAN Inverter EMS",
        "pylon-can",
        Some("CAN bus protocol V2.0.4 20211122"),
    ),
    setting(6, "Growatt", Serial, "Growatt RS485 V2.02", "growatt-rs485", None),
    setting(
        7,
        "Growatt",
        Can,
        "Growatt CAN LV V1.05",
        "growatt-can",
        Some("Growatt BMS CAN-Bus-protocol-low-voltage"),
    ),
    setting(8, "Schneider", Serial, "Schneider V2.0", "schneider-rs485", None),
    setting(9, "Schneider", Can, "Schneider CAN V2.0", "schneider-can", None),
    setting(
        10,
        "Luxpower",
        Serial,
        "Luxpower tek RS485 Inverter V0.3",
        "luxpower-rs485",
        Some("Luxpowertek Battery Protocol RS485 V01"),
    ),
    setting(11, "Luxpower", Can, "Luxpower tek CAN V1.0", "luxpower-can", None),
    setting(12, "Victron", Can, "Victron CAN", "victron-can", None),
    setting(13, "Sorotec", Can, "Sorotec CAN Inverter V1.0", "sorotec-can", None),
    setting(
        14,
        "SMA",
        Can,
        "SMA CAN V2.0",
        "sma-can",
        Some("SMAFSS-ConnectingBat-TI-en-20W"),
    ),
    setting(
        15,
        "GoodWe",
        Can,
        "GoodWe CAN Inverter LV V1.7",
        "goodwe-can",
        Some("LV BMS Protocol(CAN) for Solar Inverter Family EN_V1.5"),
    ),
    setting(16, "STUDER", Can, "STUDER CAN V1.02", "studer-can", None),
    setting(17, "MUST", Can, "MUST CAN PV1800F", "must-can", None),
    setting(18, "GINLONG (Solis)", Can, "GINLONG CAN LV V1.0", "ginlong-can", None),
    setting(19, "Senergy", Can, "Senergy CAN V1.1", "senergy-can", None),
    setting(20, "TBB", Can, "TBB CAN V1.05", "tbb-can", None),
    setting(21, "Deye", Serial, "PYLON RS485 LV V3.5", "pylon-rs485", None),
    setting(22, "SAKO", Serial, "PYLON RS485 LV V3.5", "pylon-rs485", None),
];

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    /// 22 settings, 18 brands, four of them on both buses, nine on CAN only, five on RS485 only.
    #[test]
    fn the_list_is_that_of_the_manual() {
        for (index, setting) in ProtocolSetting::ALL.iter().enumerate() {
            assert_eq!(usize::from(setting.number), index + 1);
            assert_eq!(ProtocolSetting::from_number(setting.number), Some(setting));
        }
        assert_eq!(ProtocolSetting::from_number(0), None);
        assert_eq!(ProtocolSetting::from_number(23), None);
        let mut brands: Vec<_> = ProtocolSetting::ALL.iter().map(|setting| setting.brand).collect();
        brands.sort_unstable();
        brands.dedup();
        assert_eq!(brands.len(), 18);
        let buses = |brand: &str| {
            let on = |bus| {
                ProtocolSetting::ALL
                    .iter()
                    .any(|setting| setting.brand == brand && setting.bus == bus)
            };
            (on(Can), on(Serial))
        };
        let count = |expected| brands.iter().filter(|brand| buses(brand) == expected).count();
        assert_eq!(
            (count((true, true)), count((true, false)), count((false, true))),
            (4, 9, 5)
        );
    }

    /// R-073, C-09: what the protocol page offers.
    #[test]
    fn seven_have_a_name_on_the_display() {
        let shown = |bus| {
            ProtocolSetting::ALL
                .iter()
                .filter(|setting| setting.bus == bus)
                .filter_map(|setting| setting.display_name)
                .collect::<Vec<_>>()
        };
        let can = [
            "CAN bus protocol V2.0.4 20211122",
            "Growatt BMS CAN-Bus-protocol-low-voltage",
            "SMAFSS-ConnectingBat-TI-en-20W",
            "LV BMS Protocol(CAN) for Solar Inverter Family EN_V1.5",
        ];
        let serial = [
            "USER_485_VOLTRON",
            "RS485-protocol-pylon-low-voltage",
            "Luxpowertek Battery Protocol RS485 V01",
        ];
        assert_eq!(shown(Can), can);
        assert_eq!(shown(Serial), serial);
    }

    #[test]
    fn a_setting_runs_on_the_bus_of_its_protocol() {
        for setting in ProtocolSetting::ALL {
            if let Some(protocol) = setting.protocol() {
                assert_eq!(setting.bus, protocol.bus(), "{}", setting.name);
            }
        }
        let inverter_protocols = Protocol::ALL.into_iter().filter(|it| *it != Protocol::PaceRs232);
        for protocol in inverter_protocols {
            let setting = ProtocolSetting::of(protocol);
            match protocol {
                Protocol::LuxpowerRs485G => assert_eq!(setting.protocol(), Some(Protocol::LuxpowerRs485)),
                _ => assert_eq!(setting.protocol(), Some(protocol)),
            }
        }
        let delivered = crate::config::Config::default().protocol;
        assert_eq!(ProtocolSetting::of(Protocol::PaceRs232).protocol(), Some(delivered));
        assert_eq!(ProtocolSetting::of(Protocol::PylonRs485).number, 4);
    }
}
