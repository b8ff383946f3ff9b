//! Which inverter protocols are selected: EB, EC, 60 to 63 (sheet, "EBH / ECH and 60H..63H inverter protocol").

use super::Refusal;
use crate::config::Bus;
use crate::panel::protocol_setting::ProtocolSetting;
use crate::rs485::AsciiReply;

/// EC: leave as it is. 63: switched off.
const UNCHANGED_OR_OFF: u8 = 0xFF;
const MANUAL: u8 = 0x01;
const AUTOMATIC: u8 = 0x00;
/// 61: port types.
const CAN_PORT: u8 = 0x00;
const RS485_PORT: u8 = 0x01;

/// A protocol that this battery has on one of its ports.
#[derive(Clone, Copy, Debug)]
struct Entry {
    code: u8,
    /// What the BMS calls it.
    name: &'static [u8],
    /// Its number in the manual's list; the first one of each port is not in it.
    setting: Option<u8>,
}

const fn entry(code: u8, name: &'static [u8], setting: u8) -> Entry {
    Entry {
        code,
        name,
        setting: Some(setting),
    }
}

const CAN: &[Entry] = &[
    Entry {
        code: 0x00,
        name: b"PACE_CAN",
        setting: None,
    },
    entry(0x01, b"PYLON_CAN", 5),
    entry(0x02, b"GROWATT_CAN", 7),
    entry(0x03, b"VICTRON_CAN", 12),
    entry(0x04, b"SE_CAN", 9),
    entry(0x05, b"LUXPOWERTEK_CAN", 11),
    entry(0x06, b"SRD_CAN", 13),
    entry(0x07, b"SMA_CAN", 14),
    entry(0x08, b"GOODWE_CAN", 15),
    entry(0x09, b"STUDER_CAN", 16),
    entry(0x0B, b"PV_CAN", 17),
    entry(0x0C, b"JINLANG_CAN", 18),
    entry(0x0E, b"SENERGYINV_CAN", 19),
    entry(0x0F, b"TBB_LITHIUM", 20),
];

/// The manual has one Luxpower setting, and V0.3 in its name.
const RS485: &[Entry] = &[
    entry(0x00, b"PACE_MODBUS_485", 1),
    entry(0x01, b"PYLON_485", 4),
    entry(0x02, b"GROWATT_485", 6),
    entry(0x03, b"VOLTRON_485", 3),
    entry(0x04, b"SE_485", 8),
    Entry {
        code: 0x0B,
        name: b"LUXPOWERTEK_V01_485",
        setting: None,
    },
    entry(0x0C, b"LUXPOWERTEK_V03_485", 10),
    entry(0x0D, b"WOW_MODBUS", 2),
];

fn find(entries: &[Entry], code: u8) -> Result<&Entry, Refusal> {
    entries
        .iter()
        .find(|entry| entry.code == code)
        .ok_or(Refusal::OPERATION)
}

/// What is selected for both ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Selection {
    can: u8,
    rs485: u8,
    automatic: bool,
}

impl Selection {
    /// PYLON on both ports, selected by hand.
    pub(crate) const AS_DELIVERED: Selection = Selection {
        can: 0x01,
        rs485: 0x01,
        automatic: false,
    };

    /// A setting has been selected on the display.
    pub(crate) fn note(&mut self, setting: &ProtocolSetting) {
        let (port, entries) = match setting.bus {
            Bus::Can => (&mut self.can, CAN),
            Bus::Serial => (&mut self.rs485, RS485),
        };
        // Three settings of the manual share one protocol and differ in their brand only.
        let same = |number: u8| {
            let other = ProtocolSetting::from_number(number);
            other.is_some_and(|other| other.bus == setting.bus && other.protocol_name == setting.protocol_name)
        };
        if let Some(entry) = entries.iter().find(|entry| entry.setting.is_some_and(same)) {
            *port = entry.code;
            self.automatic = false;
        }
    }

    /// EB.
    pub(crate) fn with_type(self) -> [u8; 3] {
        [self.can, self.rs485, if self.automatic { AUTOMATIC } else { MANUAL }]
    }

    /// 62.
    pub(crate) fn codes(self) -> [u8; 2] {
        [self.can, self.rs485]
    }

    /// EC: selects what is asked for, all of it or nothing; gives the setting of the manual that counts from now on.
    ///
    /// In automatic mode the ports keep what was found last.
    pub(crate) fn select(&mut self, [can, rs485, by]: [u8; 3]) -> Result<Option<&'static ProtocolSetting>, Refusal> {
        let keeps = can == UNCHANGED_OR_OFF && rs485 == UNCHANGED_OR_OFF;
        let mut new = *self;
        match by {
            // Automatic is set by FF FF 00 and by nothing else.
            AUTOMATIC if keeps => new.automatic = true,
            MANUAL => new.automatic = false,
            UNCHANGED_OR_OFF => {}
            _ => return Err(Refusal::OPERATION),
        }
        let mut setting = None;
        for (code, port, entries) in [(rs485, &mut new.rs485, RS485), (can, &mut new.can, CAN)] {
            if code != UNCHANGED_OR_OFF {
                *port = code;
                setting = find(entries, code)?.setting.or(setting);
            }
        }
        *self = new;
        Ok(setting.and_then(ProtocolSetting::from_number))
    }

    /// 63: selects for both ports; FF switches a port off.
    pub(crate) fn set_both(&mut self, [can, rs485]: [u8; 2]) -> Result<Option<&'static ProtocolSetting>, Refusal> {
        let mut new = *self;
        let setting = new.select([can, rs485, MANUAL])?;
        (new.can, new.rs485) = (can, rs485);
        *self = new;
        Ok(setting)
    }

    /// 99: selects a CAN protocol by a control code of V3.1.
    pub(crate) fn control(&mut self, code: u8) -> Result<Option<&'static ProtocolSetting>, Refusal> {
        let can = match code {
            0x0E => 0x00,
            0x0F => 0x01,
            0x10 => 0x02,
            // HOZONIE and SOFAR are not in the manual's list.
            _ => return Err(Refusal::OPERATION),
        };
        self.select([can, UNCHANGED_OR_OFF, MANUAL])
    }
}

/// 60: the codes of both ports, each with their number.
pub(crate) fn push_codes(reply: &mut AsciiReply) {
    for entries in [CAN, RS485] {
        reply.push_bytes(&[count(entries.len())]);
        for entry in entries {
            reply.push_bytes(&[entry.code]);
        }
    }
}

/// 61: the names for some codes. The battery has English names only, and says them in Chinese too.
pub(crate) fn push_names(reply: &mut AsciiReply, question: &[u8]) -> Result<(), Refusal> {
    let &[language, port, announced, ref codes @ ..] = question else {
        return Err(Refusal::OPERATION);
    };
    let entries = match port {
        CAN_PORT => CAN,
        RS485_PORT => RS485,
        _ => return Err(Refusal::OPERATION),
    };
    // A list of what the battery has is never longer than that.
    if language > 1 || usize::from(announced) != codes.len() || codes.len() > entries.len() {
        return Err(Refusal::OPERATION);
    }
    reply.push_bytes(&[announced]);
    for code in codes {
        let entry = find(entries, *code)?;
        reply.push_bytes(&[entry.code]);
        reply.push_bytes(entry.name);
        reply.push_bytes(&[0]);
    }
    Ok(())
}

fn count(entries: usize) -> u8 {
    u8::try_from(entries).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_lead_to_the_settings_of_their_bus() {
        let mut numbers = std::vec::Vec::new();
        for (bus, entries) in [(Bus::Can, CAN), (Bus::Serial, RS485)] {
            for number in entries.iter().filter_map(|entry| entry.setting) {
                assert_eq!(ProtocolSetting::from_number(number).unwrap().bus, bus);
                numbers.push(number);
            }
        }
        numbers.sort_unstable();
        // 21 and 22 are PYLON RS485 once more.
        assert_eq!(numbers, (1..=20).collect::<std::vec::Vec<u8>>());
    }

    #[test]
    fn what_the_display_selects_shows_and_leads_back() {
        for setting in ProtocolSetting::ALL {
            let mut selection = Selection {
                can: 0xFF,
                rs485: 0xFF,
                automatic: true,
            };
            selection.note(setting);
            let [can, rs485, by] = selection.with_type();
            assert_eq!(by, MANUAL, "{}", setting.name);
            let found = selection.select([can, rs485, by]).ok().flatten().unwrap();
            assert_eq!(found.protocol_name, setting.protocol_name);
        }
    }

    #[test]
    fn nothing_is_changed_by_half() {
        let refused = [
            [0x01, 0x05, 0x01],
            [0x0A, 0x01, 0x01],
            [0x13, 0x14, 0x00],
            [0x01, 0xFF, 0x00],
            [0xFF, 0x01, 0x00],
            [0xFF, 0xFF, 0x02],
            [0x02, 0x02, 0xFE],
        ];
        for wanted in refused {
            let mut selection = Selection::AS_DELIVERED;
            assert!(selection.select(wanted).is_err(), "{wanted:02X?}");
            assert_eq!(selection, Selection::AS_DELIVERED);
        }
        let mut selection = Selection::AS_DELIVERED;
        assert!(selection.set_both([0x02, 0x05]).is_err());
        assert_eq!(selection, Selection::AS_DELIVERED);
    }
}
