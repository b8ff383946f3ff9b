//! What the pages of the display show.

use crate::bank::BankView;
use crate::config::{Bus, Config};
use crate::pack::PackView;
use crate::pack::cells::CELLS;
use crate::pack::sensors::CELL_SENSORS;
use crate::pack::state::PackState;
use crate::protection::condition::{ConditionKind, ConditionSet};

use super::protocol_setting::ProtocolSetting;

/// A page of the display.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Page {
    /// For 3 s after power-on.
    Welcome,
    /// The page that the screen wakes to.
    MainStatus,
    /// Cells Info, Protocol, System.
    Menu,
    /// Voltages and temperatures of one pack.
    CellsInfo,
    /// The alarms, protections and faults by name.
    AlarmDetails,
    /// The choice of the inverter's protocol.
    Protocol,
    /// Language and numbers.
    System,
}

impl Page {
    /// Whether it may be seen without a password.
    pub(crate) fn is_public(self) -> bool {
        matches!(self, Page::Welcome | Page::MainStatus)
    }

    /// The page behind it.
    pub(crate) fn parent(self) -> Page {
        match self {
            Page::CellsInfo | Page::Protocol | Page::System => Page::Menu,
            Page::Welcome | Page::MainStatus | Page::Menu | Page::AlarmDetails => Page::MainStatus,
        }
    }
}

/// A language of the display.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Simplified Chinese.
    Chinese,
    /// Traditional Chinese.
    TraditionalChinese,
    /// Russian.
    Russian,
}

/// What stands on the page that is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PageContent {
    /// The display is dark.
    Dark,
    /// A greeting.
    Welcome,
    /// The whole bank.
    MainStatus(MainStatus),
    /// The three ways on.
    Menu([Page; 3]),
    /// One pack.
    CellsInfo(CellsInfo),
    /// What is active in the bank.
    AlarmDetails(ConditionSet),
    /// The protocols to choose from.
    Protocol(ProtocolPage),
    /// Language and numbers.
    System(SystemPage),
}

/// The main status page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MainStatus {
    /// State of charge of the bank in whole per cent.
    pub soc_percent: u8,
    /// Current of the bank in mA, positive = charging.
    pub current_ma: i32,
    /// Voltage of the bank in mV.
    pub voltage_mv: u32,
    /// Something warns.
    pub warning: bool,
    /// Something protects.
    pub protection: bool,
    /// The pack that the selector stands on, and how many there are.
    pub pack: u8,
    /// Packs in the bank.
    pub packs: u8,
    /// What the language icon shows; it leads to [`Page::System`] and is seen by everybody (C-10).
    pub language: Language,
}

/// The cells of one pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CellsInfo {
    /// The pack, from 1.
    pub pack: u8,
    /// Cell 01 to cell 16.
    pub cell_voltage_mv: [u16; CELLS],
    /// NT1 to NT4 in 0.1 degC; `None` where no probe is fitted.
    pub cell_temperature_deci_c: [Option<i16>; CELL_SENSORS],
    /// Mos T.
    pub mosfet_temperature_deci_c: Option<i16>,
    /// ENV_T.
    pub ambient_temperature_deci_c: Option<i16>,
    /// BMS status.
    pub state: PackState,
    /// Something warns.
    pub warning: bool,
    /// Something protects.
    pub protect: bool,
    /// Something is defective.
    pub fault: bool,
}

/// The protocol page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProtocolPage {
    /// The administrator password has been entered on this visit; without it nothing can be changed.
    pub unlocked: bool,
    /// What is selected.
    pub selected: &'static ProtocolSetting,
}

impl ProtocolPage {
    /// What the page offers on one bus: every setting of Attachment 1 (C-09).
    pub fn offered(&self, bus: Bus) -> impl Iterator<Item = &'static ProtocolSetting> {
        ProtocolSetting::ALL.iter().filter(move |setting| setting.bus == bus)
    }
}

/// The system page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SystemPage {
    /// The language in use.
    pub language: Language,
    /// System number: the DIP address of this pack.
    pub system_number: u8,
    /// Serial number of the pack.
    pub serial_number: [u8; 16],
    /// Product model.
    pub model: &'static str,
    /// Serial number of the Bluetooth module.
    pub bluetooth_serial_number: [u8; 12],
}

/// The product's name in the manual.
const MODEL: &str = "CST-LR-51.2-280";

fn any(conditions: ConditionSet, kind: ConditionKind) -> bool {
    conditions.iter().any(|condition| condition.kind() == kind)
}

impl MainStatus {
    pub(crate) fn of(bank: &BankView, pack: u8, packs: u8, language: Language) -> MainStatus {
        MainStatus {
            soc_percent: bank.soc_percent,
            current_ma: bank.pack_current_ma,
            voltage_mv: bank.pack_voltage_mv,
            warning: any(bank.conditions, ConditionKind::Alarm),
            protection: any(bank.conditions, ConditionKind::Protection),
            pack,
            packs,
            language,
        }
    }
}

impl CellsInfo {
    pub(crate) fn of(pack: &PackView) -> CellsInfo {
        CellsInfo {
            pack: pack.number,
            cell_voltage_mv: pack.cell_voltage_mv,
            cell_temperature_deci_c: pack.cell_temperature_deci_c,
            mosfet_temperature_deci_c: pack.mosfet_temperature_deci_c,
            ambient_temperature_deci_c: pack.ambient_temperature_deci_c,
            state: pack.state,
            warning: any(pack.conditions, ConditionKind::Alarm),
            protect: any(pack.conditions, ConditionKind::Protection),
            fault: any(pack.conditions, ConditionKind::Fault),
        }
    }
}

impl SystemPage {
    pub(crate) fn of(config: &Config, language: Language) -> SystemPage {
        SystemPage {
            language,
            system_number: config.dip,
            serial_number: config.identity.serial_number_of(1),
            model: MODEL,
            bluetooth_serial_number: config.identity.bluetooth_serial_number,
        }
    }
}
