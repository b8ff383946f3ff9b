//! What hands do to a battery: its keys and its display, in words.
//!
//! | key | |
//! |---|---|
//! | `power` | POWER is pressed (R-040) |
//! | `reset_press`, `reset_release` | RESET goes down, comes up (R-046) |
//! | `side_switch` | the metal switch at the side (R-101) |
//!
//! | panel | |
//! |---|---|
//! | `touch` | touches the screen (R-085) |
//! | `open PAGE` | opens `main_status`, `menu`, `cells_info`, `alarm_details`, `protocol` or `system` |
//! | `leave` | goes back |
//! | `password NUMBER` | enters a password (R-086 to R-090) |
//! | `select_protocol 1..22`, `select_pack 1..4`, `select_language LANGUAGE` | chooses |
//!
//! What the battery refuses was done all the same: the display then says why ([`answer`]).

use refbms::{Key, Language, Page, PanelAction, PanelError};

use super::StimulusError;
use crate::document::diagnostic::nearest;

const KEYS: [(&str, Key); 4] = [
    ("power", Key::Power),
    ("reset_press", Key::ResetPress),
    ("reset_release", Key::ResetRelease),
    ("side_switch", Key::SideSwitch),
];

/// The pages by name, the dark display not among them.
pub(crate) const PAGES: [(&str, Page); 7] = [
    ("welcome", Page::Welcome),
    ("main_status", Page::MainStatus),
    ("menu", Page::Menu),
    ("cells_info", Page::CellsInfo),
    ("alarm_details", Page::AlarmDetails),
    ("protocol", Page::Protocol),
    ("system", Page::System),
];

/// The languages by name.
pub(crate) const LANGUAGES: [(&str, Language); 4] = [
    ("english", Language::English),
    ("chinese", Language::Chinese),
    ("traditional_chinese", Language::TraditionalChinese),
    ("russian", Language::Russian),
];

const ACTIONS: [&str; 7] = [
    "touch",
    "open",
    "leave",
    "password",
    "select_protocol",
    "select_pack",
    "select_language",
];

/// The name of a thing in such a table.
pub(crate) fn name_of<T: PartialEq>(table: &[(&'static str, T)], thing: &T) -> &'static str {
    table
        .iter()
        .find(|(_, known)| known == thing)
        .map_or("?", |(name, _)| *name)
}

fn by_name<T: Copy>(table: &[(&'static str, T)], name: &str) -> Option<T> {
    table.iter().find(|(known, _)| *known == name).map(|(_, thing)| *thing)
}

/// What a hand does to a key.
///
/// # Errors
/// There is no such key, or it cannot do this.
pub fn key(text: &str) -> Result<Key, StimulusError> {
    by_name(&KEYS, text).ok_or_else(|| StimulusError::Hand {
        what: "key",
        text: text.to_string(),
        nearest: nearest(text, KEYS.iter().map(|(name, _)| *name)).map(str::to_string),
        known: KEYS.map(|(name, _)| name).join(", "),
    })
}

/// What a person does at the display.
///
/// # Errors
/// There is no such action, or it has another object.
pub fn panel(text: &str) -> Result<PanelAction, StimulusError> {
    let (verb, object) = text
        .split_once(' ')
        .map_or((text, ""), |(verb, rest)| (verb, rest.trim()));
    let unknown = |nearest: Option<&str>, known: String| StimulusError::Hand {
        what: "panel",
        text: text.to_string(),
        nearest: nearest.map(str::to_string),
        known,
    };
    let number = |of: &str| {
        let plain = !object.is_empty() && object.bytes().all(|byte| byte.is_ascii_digit());
        plain
            .then(|| object.parse::<u32>().ok())
            .flatten()
            .ok_or_else(|| unknown(None, format!("{verb} {of}")))
    };
    let small = |of: &str| {
        number(of).and_then(|number| u8::try_from(number).map_err(|_| unknown(None, format!("{verb} {of}"))))
    };
    let alone = |action| match object {
        "" => Ok(action),
        _ => Err(unknown(Some(verb), verb.to_string())),
    };
    match verb {
        "touch" => alone(PanelAction::Touch),
        "leave" => alone(PanelAction::Leave),
        "open" => by_name(&PAGES, object).map(PanelAction::Open).ok_or_else(|| {
            let names = PAGES.map(|(name, _)| name);
            unknown(nearest(object, names), format!("open {}", names.join(", ")))
        }),
        "password" => number("NUMBER").map(PanelAction::Password),
        "select_protocol" => small("1..22").map(PanelAction::SelectProtocol),
        "select_pack" => small("1..4").map(PanelAction::SelectPack),
        "select_language" => by_name(&LANGUAGES, object)
            .map(PanelAction::SelectLanguage)
            .ok_or_else(|| {
                let names = LANGUAGES.map(|(name, _)| name);
                unknown(nearest(object, names), format!("select_language {}", names.join(", ")))
            }),
        _ => Err(unknown(nearest(verb, ACTIONS), ACTIONS.join(", "))),
    }
}

/// What the display answers to an action, in one word.
pub(crate) const ANSWERS: [&str; 9] = [
    "accepted",
    "battery_off",
    "display_dark",
    "not_permitted",
    "wrong_password",
    "locked",
    "not_on_this_page",
    "no_such_protocol",
    "no_such_pack",
];

/// The word for what the display answered: one of nine, `accepted` first.
pub fn answer(result: Result<(), PanelError>) -> &'static str {
    match result {
        Ok(()) => "accepted",
        Err(PanelError::BatteryOff) => "battery_off",
        Err(PanelError::DisplayDark) => "display_dark",
        Err(PanelError::NotPermitted { .. }) => "not_permitted",
        Err(PanelError::WrongPassword) => "wrong_password",
        Err(PanelError::Locked) => "locked",
        Err(PanelError::NotOnThisPage) => "not_on_this_page",
        Err(PanelError::NoSuchProtocol { .. }) => "no_such_protocol",
        Err(PanelError::NoSuchPack { .. }) => "no_such_pack",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hands_have_words() {
        assert_eq!(key("reset_press").unwrap(), Key::ResetPress);
        assert_eq!(panel("touch").unwrap(), PanelAction::Touch);
        assert_eq!(panel("open cells_info").unwrap(), PanelAction::Open(Page::CellsInfo));
        assert_eq!(panel("password 87654321").unwrap(), PanelAction::Password(87_654_321));
        assert_eq!(panel("select_protocol 5").unwrap(), PanelAction::SelectProtocol(5));
        assert_eq!(
            panel("select_language russian").unwrap(),
            PanelAction::SelectLanguage(Language::Russian)
        );
    }

    #[test]
    fn a_wrong_word_is_told_what_there_is() {
        let text = |error: StimulusError| format!("{error}; {}", error.help().unwrap_or_default());
        assert_eq!(
            text(key("powr").unwrap_err()),
            "`powr` is no `key`; did you mean `power`? There are: power, reset_press, reset_release, side_switch"
        );
        for wrong in [
            "",
            "touch twice",
            "open",
            "open cells",
            "password",
            "password 1x",
            "select_protocol 300",
            "poke",
        ] {
            assert!(panel(wrong).is_err(), "{wrong}");
        }
        assert_eq!(
            text(panel("open menus").unwrap_err()),
            "`open menus` is no `panel`; did you mean `menu`? There are: open welcome, main_status, menu, cells_info, \
             alarm_details, protocol, system"
        );
    }
}
