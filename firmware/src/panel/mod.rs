//! The panel: display, passwords, choice of the protocol, LEDs.
//!
//! - [`page`]: the pages and what stands on them.
//! - [`protocol_setting`]: the 22 protocols to choose from.
//! - [`led`]: the LEDs as a function of state and time.
//! - here: [`Panel`], who may see and do what.

pub(crate) mod led;
pub(crate) mod page;
pub(crate) mod protocol_setting;

use core::fmt;
use core::time::Duration;

use crate::time::Instant;
use led::{LedState, Leds};
use page::{Language, Page};
use protocol_setting::ProtocolSetting;

///
const ADMINISTRATOR_PASSWORD: u32 = 82_993_060;
///
const OPERATOR_PASSWORD: u32 = 87_654_321;
/// how long the welcome page stands.
const WELCOME: Duration = Duration::from_secs(3);
/// the display sleeps after so long without a touch.
const DISPLAY_PATIENCE: Duration = Duration::from_secs(180);

/// Who stands at the panel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// Nobody known: welcome and main status page only.
    #[default]
    None,
    /// May see all pages and choose the language.
    Operator,
    /// May change the protocol as well.
    Administrator,
}

/// Something that a person does at the display; each counts as a touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PanelAction {
    /// Touches the screen: wakes a dark display to the main status page, and does nothing else.
    Touch,
    /// Opens a page.
    Open(Page),
    /// Goes back: to the menu, from there to the main status page.
    Leave,
    /// Enters a password. On the protocol page only that of the administrator counts, and for this visit only.
    Password(u32),
    /// Chooses an inverter protocol by its number in the manual's list, 1..=22.
    SelectProtocol(u8),
    /// Chooses the pack whose cells are shown, from 1.
    SelectPack(u8),
    /// Chooses the language, on the system page.
    SelectLanguage(Language),
}

/// Why an action had no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PanelError {
    /// The battery is off, and the display with it.
    BatteryOff,
    /// The display is dark: it must be touched first.
    DisplayDark,
    /// A page, or a change, that this person may not make.
    NotPermitted {
        /// Who may.
        needs: Permission,
    },
    /// The password is wrong, or does not count here.
    WrongPassword,
    /// The protocol page has not been unlocked with the administrator password on this visit.
    Locked,
    /// The page has no such control.
    NotOnThisPage,
    /// The list has no such protocol.
    NoSuchProtocol {
        /// The number asked for.
        number: u8,
    },
    /// The bank has fewer packs.
    NoSuchPack {
        /// The number asked for.
        pack: u8,
        /// Packs in the bank.
        packs: u8,
    },
}

impl fmt::Display for PanelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            PanelError::BatteryOff => f.write_str("the battery is off"),
            PanelError::DisplayDark => f.write_str("the display is dark; touch it first"),
            PanelError::NotPermitted {
                needs: Permission::Administrator,
            } => f.write_str("only an administrator may do this"),
            PanelError::NotPermitted { .. } => f.write_str("only an operator or administrator may do this"),
            PanelError::WrongPassword => f.write_str("wrong password"),
            PanelError::Locked => f.write_str("the protocol page asks for the administrator password"),
            PanelError::NotOnThisPage => f.write_str("this page has no such control"),
            PanelError::NoSuchProtocol { number } => {
                write!(f, "there is no protocol {number}; protocols are 1..=22")
            }
            PanelError::NoSuchPack { pack, packs } => write!(f, "there is no pack {pack}; packs are 1..={packs}"),
        }
    }
}

impl core::error::Error for PanelError {}

/// What can be seen of the panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PanelView {
    /// The page that is shown; `None`: the display is dark.
    pub page: Option<Page>,
    /// Who is known to stand there.
    pub permission: Permission,
    /// Whether the protocol page has been unlocked on this visit.
    pub protocol_unlocked: bool,
    /// The language in use.
    pub language: Language,
    /// The pack whose cells are shown, from 1.
    pub pack: u8,
    /// The protocol that is selected.
    pub setting: &'static ProtocolSetting,
    /// The firmware has no such protocol: the battery is silent on both buses while it is selected.
    pub silent: bool,
    /// All DIP switches are OFF: the battery acts as address 1, and the panel warns (C-08).
    pub address_warning: bool,
    /// The row of the manual's LED table.
    pub led_state: LedState,
    /// What each LED does; [`Leds::lit`] tells which are lit at a moment.
    pub leds: Leds,
}

/// The display's side of the panel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Panel {
    page: Option<Page>,
    /// When the welcome page ends.
    welcome_until: Instant,
    last_touch: Instant,
    permission: Permission,
    unlocked: bool,
    language: Language,
    pack: u8,
}

/// What an action asks the battery to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Nothing,
    Select(&'static ProtocolSetting),
}

impl Panel {
    pub(crate) fn new(now: Instant) -> Panel {
        Panel {
            page: None,
            welcome_until: now,
            last_touch: now,
            permission: Permission::None,
            unlocked: false,
            language: Language::default(),
            pack: 1,
        }
    }

    /// The battery is switched on.
    pub(crate) fn switch_on(&mut self, now: Instant) {
        self.darken();
        self.page = Some(Page::Welcome);
        self.welcome_until = now + WELCOME;
        self.last_touch = now;
    }

    /// The display sleeps, and with it all authorization; only the display (C-15).
    pub(crate) fn darken(&mut self) {
        self.page = None;
        self.permission = Permission::None;
        self.unlocked = false;
    }

    /// Lets happen what has become due by `now`.
    pub(crate) fn advance(&mut self, now: Instant) {
        if self.page == Some(Page::Welcome) && self.welcome_until <= now {
            self.page = Some(Page::MainStatus);
        }
        if self.page.is_some() && now.duration_since(self.last_touch) >= DISPLAY_PATIENCE {
            self.darken();
        }
    }

    /// A person does something; `packs` is how many the bank has.
    pub(crate) fn act(&mut self, now: Instant, action: PanelAction, packs: u8) -> Result<Request, PanelError> {
        let Some(page) = self.page else {
            if action == PanelAction::Touch {
                self.page = Some(Page::MainStatus);
                self.last_touch = now;
                return Ok(Request::Nothing);
            }
            return Err(PanelError::DisplayDark);
        };
        self.last_touch = now;
        match action {
            PanelAction::Touch => Ok(Request::Nothing),
            _ if page == Page::Welcome => Err(PanelError::NotOnThisPage),
            PanelAction::Open(Page::Welcome) => Err(PanelError::NotOnThisPage),
            PanelAction::Open(next) => {
                if !next.is_public() {
                    self.require(Permission::Operator)?;
                }
                self.show(next);
                Ok(Request::Nothing)
            }
            PanelAction::Leave => {
                self.show(page.parent());
                Ok(Request::Nothing)
            }
            PanelAction::Password(password) => self.enter(page, password).map(|()| Request::Nothing),
            PanelAction::SelectProtocol(number) => self.select_protocol(page, number).map(Request::Select),
            PanelAction::SelectPack(pack) => self.select_pack(page, pack, packs).map(|()| Request::Nothing),
            PanelAction::SelectLanguage(language) => {
                if page != Page::System {
                    return Err(PanelError::NotOnThisPage);
                }
                self.require(Permission::Operator)?;
                self.language = language;
                Ok(Request::Nothing)
            }
        }
    }

    /// Every visit to the protocol page begins, and ends, without its password.
    fn show(&mut self, page: Page) {
        self.page = Some(page);
        self.unlocked = false;
    }

    fn require(&self, needs: Permission) -> Result<(), PanelError> {
        if self.permission >= needs {
            Ok(())
        } else {
            Err(PanelError::NotPermitted { needs })
        }
    }

    fn enter(&mut self, page: Page, password: u32) -> Result<(), PanelError> {
        let permission = match password {
            ADMINISTRATOR_PASSWORD => Permission::Administrator,
            OPERATOR_PASSWORD => Permission::Operator,
            _ => return Err(PanelError::WrongPassword),
        };
        if page != Page::Protocol {
            self.permission = permission;
        } else if permission == Permission::Administrator {
            self.unlocked = true;
        } else {
            return Err(PanelError::WrongPassword);
        }
        Ok(())
    }

    fn select_protocol(&self, page: Page, number: u8) -> Result<&'static ProtocolSetting, PanelError> {
        if page != Page::Protocol {
            return Err(PanelError::NotOnThisPage);
        }
        if !self.unlocked {
            return Err(PanelError::Locked);
        }
        ProtocolSetting::from_number(number).ok_or(PanelError::NoSuchProtocol { number })
    }

    fn select_pack(&mut self, page: Page, pack: u8, packs: u8) -> Result<(), PanelError> {
        if !matches!(page, Page::MainStatus | Page::CellsInfo) {
            return Err(PanelError::NotOnThisPage);
        }
        if !(1..=packs).contains(&pack) {
            return Err(PanelError::NoSuchPack { pack, packs });
        }
        self.pack = pack;
        Ok(())
    }

    pub(crate) fn page(&self) -> Option<Page> {
        self.page
    }

    /// Who stands there; on an unlocked protocol page it is the administrator.
    pub(crate) fn permission(&self) -> Permission {
        if self.unlocked {
            Permission::Administrator
        } else {
            self.permission
        }
    }

    pub(crate) fn is_unlocked(&self) -> bool {
        self.unlocked
    }

    pub(crate) fn language(&self) -> Language {
        self.language
    }

    /// The pack that is shown, in a bank of so many.
    pub(crate) fn pack(&self, packs: u8) -> u8 {
        self.pack.min(packs)
    }
}
