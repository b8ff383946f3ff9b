//! What can be seen of a battery beside its wires: display and LEDs, by name.
//!
//! One list serves the cases of suites (`shows`), the control socket and the person who is asked. What a page shows is
//! `not_shown` while the display shows another.
//!
//! ```
//! use bmscheck::link::look::check;
//! use bmscheck::link::stimulus::setting;
//! assert!(check("led_run", &setting("flash_1")).is_ok());
//! assert!(check("display_soc", &setting("50 %")).is_ok());
//! let mistake = check("led_run", &setting("blinking")).unwrap_err();
//! assert_eq!(mistake.to_string(), "`led_run` is one of off, on, flash_1, flash_2, flash_3, not `blinking`");
//! ```

use refbms::{
    Bms, CellsInfo, Language, LedState, MainStatus, PackState, PageContent, PanelView, Pattern, Permission, Power,
};

use super::stimulus::StimulusError;
use super::stimulus::hands::{ANSWERS, LANGUAGES, PAGES, name_of};
use crate::document::diagnostic::nearest;
use crate::suite::Setting;
use crate::value::{Number, Quantity, Unit};

/// Something that can be looked at.
#[derive(Clone, Copy, Debug)]
pub struct Thing {
    /// The name as it is written, without number.
    pub name: &'static str,
    /// What it is.
    pub title: &'static str,
    /// `led_1` to `led_6`: the highest number that may follow; 0 where none may.
    pub numbered: u8,
    /// What it can show.
    pub shows: Shows,
    read: Read,
}

/// What a thing can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shows {
    /// One of these words.
    Words(&'static [&'static str]),
    /// `true` or `false`.
    Truth,
    /// A quantity in this unit.
    Quantity(Unit),
}

/// How a thing is read off the reference BMS.
#[derive(Clone, Copy, Debug)]
enum Read {
    Bms(fn(&Bms) -> Setting),
    Panel(fn(&PanelView) -> Setting),
    /// The capacity LED with this number.
    Led,
    Answer,
    MainStatus(fn(&MainStatus) -> Setting),
    CellsInfo(fn(&CellsInfo, u8) -> Setting),
}

const NOT_SHOWN: &str = "not_shown";
const PATTERNS: [(&str, Pattern); 5] = [
    ("off", Pattern::Off),
    ("on", Pattern::On),
    ("flash_1", Pattern::Flash1),
    ("flash_2", Pattern::Flash2),
    ("flash_3", Pattern::Flash3),
];
const POWERS: [(&str, Power); 3] = [
    ("asleep", Power::Asleep),
    ("starting", Power::Starting),
    ("running", Power::Running),
];
const PERMISSIONS: [(&str, Permission); 3] = [
    ("none", Permission::None),
    ("operator", Permission::Operator),
    ("administrator", Permission::Administrator),
];
const STATES: [(&str, PackState); 9] = [
    ("sleep", PackState::Sleep),
    ("init", PackState::Init),
    ("standby", PackState::Standby),
    ("charge", PackState::Charge),
    ("discharge", PackState::Discharge),
    ("charge_protection", PackState::ChargeProtection),
    ("discharge_protection", PackState::DischargeProtection),
    ("full_protection", PackState::FullProtection),
    ("fault", PackState::Fault),
];
const LED_STATES: [(&str, LedState); 12] = [
    ("power_off", LedState::PowerOff),
    ("standby", LedState::Standby),
    ("standby_alarm", LedState::StandbyAlarm),
    ("charging", LedState::Charging),
    ("charging_alarm", LedState::ChargingAlarm),
    ("charging_over_voltage", LedState::ChargingOverVoltage),
    ("charging_protection", LedState::ChargingProtection),
    ("discharging", LedState::Discharging),
    ("discharging_alarm", LedState::DischargingAlarm),
    ("discharging_under_voltage", LedState::DischargingUnderVoltage),
    ("discharging_protection", LedState::DischargingProtection),
    ("failure", LedState::Failure),
];

/// The words of a table.
const fn words<T, const N: usize>(table: &[(&'static str, T); N]) -> [&'static str; N] {
    let mut words = [""; N];
    let mut index = 0;
    while index < N {
        words[index] = table[index].0;
        index += 1;
    }
    words
}

const POWER_WORDS: &[&str] = &words(&POWERS);
const PERMISSION_WORDS: &[&str] = &words(&PERMISSIONS);
const STATE_WORDS: &[&str] = &words(&STATES);
const LED_STATE_WORDS: &[&str] = &words(&LED_STATES);
const LANGUAGE_WORDS: &[&str] = &words(&LANGUAGES);
const PATTERN_WORDS: &[&str] = &words(&PATTERNS);

const fn thing(name: &'static str, title: &'static str, numbered: u8, shows: Shows, read: Read) -> Thing {
    Thing {
        name,
        title,
        numbered,
        shows,
        read,
    }
}

/// Everything that can be looked at, in the order in which people look for it.
pub const THINGS: &[Thing] = &[
    thing(
        "power",
        "whether the battery is on",
        0,
        Shows::Words(POWER_WORDS),
        Read::Bms(|bms| word(power_word(bms.status().power))),
    ),
    thing(
        "state",
        "what the pack that is wired to the inverter is doing (B-050 to B-058)",
        0,
        Shows::Words(STATE_WORDS),
        Read::Bms(|bms| word(name_of(&STATES, &bms.status().state))),
    ),
    thing(
        "page",
        "the page of the display, or dark (R-080 to R-085)",
        0,
        Shows::Words(&[
            "dark",
            "welcome",
            "main_status",
            "menu",
            "cells_info",
            "alarm_details",
            "protocol",
            "system",
        ]),
        Read::Panel(|view| word(view.page.map_or("dark", |page| name_of(&PAGES, &page)))),
    ),
    thing(
        "permission",
        "who is known to stand at the display (R-086 to R-088)",
        0,
        Shows::Words(PERMISSION_WORDS),
        Read::Panel(|view| word(name_of(&PERMISSIONS, &view.permission))),
    ),
    thing(
        "protocol_unlocked",
        "whether the protocol can be changed on this visit (R-089)",
        0,
        Shows::Truth,
        Read::Panel(|view| Setting::Truth(view.protocol_unlocked)),
    ),
    thing(
        "panel_answer",
        "what the display answered to the last action",
        0,
        Shows::Words(&ANSWERS),
        Read::Answer,
    ),
    thing(
        "selected_protocol",
        "number of the selected protocol in the manual's list (R-071)",
        0,
        Shows::Quantity(Unit::None),
        Read::Panel(|view| count(view.setting.number.into())),
    ),
    thing(
        "protocol_is_spoken",
        "whether the battery speaks the selected protocol",
        0,
        Shows::Truth,
        Read::Panel(|view| Setting::Truth(!view.silent)),
    ),
    thing(
        "language",
        "language of the display (R-084)",
        0,
        Shows::Words(LANGUAGE_WORDS),
        Read::Panel(|view| word(language(view.language))),
    ),
    thing(
        "address_warning",
        "the display warns that all DIP switches are off (C-08)",
        0,
        Shows::Truth,
        Read::Panel(|view| Setting::Truth(view.address_warning)),
    ),
    thing(
        "address",
        "the address that the pack acts at (R-061)",
        0,
        Shows::Quantity(Unit::None),
        Read::Bms(|bms| count(bms.status().dip.into())),
    ),
    thing(
        "led_state",
        "the row of the manual's LED table (R-111 to R-122)",
        0,
        Shows::Words(LED_STATE_WORDS),
        Read::Panel(|view| word(name_of(&LED_STATES, &view.led_state))),
    ),
    thing(
        "led_on_off",
        "LED ON/OFF (R-048)",
        0,
        Shows::Words(PATTERN_WORDS),
        Read::Panel(|view| word(pattern(view.leds.on_off))),
    ),
    thing(
        "led_run",
        "LED RUN (R-049)",
        0,
        Shows::Words(PATTERN_WORDS),
        Read::Panel(|view| word(pattern(view.leds.run))),
    ),
    thing(
        "led_alarm",
        "LED ALM (R-050)",
        0,
        Shows::Words(PATTERN_WORDS),
        Read::Panel(|view| word(pattern(view.leds.alarm))),
    ),
    thing(
        "led",
        "capacity LED L1 to L6 (R-051)",
        6,
        Shows::Words(PATTERN_WORDS),
        Read::Led,
    ),
    thing(
        "display_soc",
        "state of charge on the main status page (R-081)",
        0,
        Shows::Quantity(Unit::Percent),
        Read::MainStatus(|page| quantity(page.soc_percent.into(), 1, Unit::Percent)),
    ),
    thing(
        "display_current",
        "current on the main status page, positive = charging",
        0,
        Shows::Quantity(Unit::Ampere),
        Read::MainStatus(|page| quantity(page.current_ma.into(), 1000, Unit::Ampere)),
    ),
    thing(
        "display_voltage",
        "voltage on the main status page",
        0,
        Shows::Quantity(Unit::Volt),
        Read::MainStatus(|page| quantity(page.voltage_mv.into(), 1000, Unit::Volt)),
    ),
    thing(
        "display_warning",
        "the warning sign of the main status page",
        0,
        Shows::Truth,
        Read::MainStatus(|page| Setting::Truth(page.warning)),
    ),
    thing(
        "display_protection",
        "the protection sign of the main status page",
        0,
        Shows::Truth,
        Read::MainStatus(|page| Setting::Truth(page.protection)),
    ),
    thing(
        "display_packs",
        "packs in the bank on the main status page",
        0,
        Shows::Quantity(Unit::None),
        Read::MainStatus(|page| count(page.packs.into())),
    ),
    thing(
        "display_pack",
        "the pack whose cells are shown (R-083)",
        0,
        Shows::Quantity(Unit::None),
        Read::CellsInfo(|page, _| count(page.pack.into())),
    ),
    thing(
        "display_cell_voltage",
        "voltage of a cell on the cells page",
        refbms::CELLS as u8,
        Shows::Quantity(Unit::Volt),
        Read::CellsInfo(|page, cell| {
            let millivolts = page.cell_voltage_mv.get(usize::from(cell).saturating_sub(1));
            millivolts.map_or(word(NOT_SHOWN), |value| quantity((*value).into(), 1000, Unit::Volt))
        }),
    ),
    thing(
        "display_cell_temperature",
        "temperature NT1 to NT4 on the cells page",
        refbms::CELL_SENSORS as u8,
        Shows::Quantity(Unit::DegreeCelsius),
        Read::CellsInfo(|page, sensor| {
            let value = page.cell_temperature_deci_c.get(usize::from(sensor).saturating_sub(1));
            temperature(value.copied().flatten())
        }),
    ),
    thing(
        "display_mosfet_temperature",
        "Mos T on the cells page",
        0,
        Shows::Quantity(Unit::DegreeCelsius),
        Read::CellsInfo(|page, _| temperature(page.mosfet_temperature_deci_c)),
    ),
    thing(
        "display_ambient_temperature",
        "ENV_T on the cells page",
        0,
        Shows::Quantity(Unit::DegreeCelsius),
        Read::CellsInfo(|page, _| temperature(page.ambient_temperature_deci_c)),
    ),
    thing(
        "display_state",
        "BMS status on the cells page",
        0,
        Shows::Words(STATE_WORDS),
        Read::CellsInfo(|page, _| word(name_of(&STATES, &page.state))),
    ),
    thing(
        "display_fault",
        "the fault sign of the cells page",
        0,
        Shows::Truth,
        Read::CellsInfo(|page, _| Setting::Truth(page.fault)),
    ),
];

impl Thing {
    /// What it shows at present. `answer` is what the display answered last.
    pub(crate) fn read(&self, bms: &Bms, answer: &str, number: Option<u8>) -> Setting {
        match self.read {
            Read::Bms(read) => read(bms),
            Read::Panel(read) => read(&bms.panel_view()),
            Read::Led => {
                let leds = bms.panel_view().leds;
                let led = leds.soc.get(usize::from(number.unwrap_or(1)).saturating_sub(1));
                word(led.map_or(NOT_SHOWN, |led| pattern(*led)))
            }
            Read::Answer => word(answer),
            Read::MainStatus(read) => match bms.page_content() {
                PageContent::MainStatus(page) => read(&page),
                _ => word(NOT_SHOWN),
            },
            Read::CellsInfo(read) => match bms.page_content() {
                PageContent::CellsInfo(page) => read(&page, number.unwrap_or(1)),
                _ => word(NOT_SHOWN),
            },
        }
    }

    /// What it can show, in words: `one of off, on`, `a voltage`.
    pub fn in_words(&self) -> String {
        match self.shows {
            Shows::Words(words) => format!("one of {}", words.join(", ")),
            Shows::Truth => "true or false".to_string(),
            Shows::Quantity(unit) => unit.dimension().with_article().to_string(),
        }
    }
}

/// The thing of a name, and the number behind it.
///
/// # Errors
/// There is none.
pub fn find(name: &str) -> Result<(Thing, Option<u8>), StimulusError> {
    if let Some(thing) = THINGS.iter().find(|thing| thing.name == name && thing.numbered == 0) {
        return Ok((*thing, None));
    }
    let numbered = name.rsplit_once('_').and_then(|(stem, digits)| {
        let thing = THINGS.iter().find(|thing| thing.name == stem && thing.numbered > 0)?;
        let number: u8 = digits.parse().ok().filter(|_| !digits.starts_with(['0', '+']))?;
        (1..=thing.numbered).contains(&number).then_some((*thing, Some(number)))
    });
    numbered.ok_or_else(|| StimulusError::Unseen {
        name: name.to_string(),
        nearest: nearest(name, THINGS.iter().map(|thing| thing.name)).map(str::to_string),
    })
}

/// Checks what something is to show: name, kind of value, word, unit.
///
/// # Errors
/// There is no such thing, or it never shows this.
pub fn check(name: &str, value: &Setting) -> Result<(), StimulusError> {
    let (thing, _) = find(name)?;
    let fits = match (thing.shows, value) {
        (_, Setting::Word(text)) if text == NOT_SHOWN => {
            matches!(thing.read, Read::MainStatus(_) | Read::CellsInfo(_))
        }
        (Shows::Words(words), Setting::Word(text)) => words.contains(&text.as_str()),
        (Shows::Truth, Setting::Truth(_)) => true,
        (Shows::Quantity(unit), Setting::Quantity(quantity)) => quantity.to_unit(unit).is_some(),
        (Shows::Quantity(Unit::DegreeCelsius), Setting::Word(text)) => text == "absent",
        _ => false,
    };
    if fits {
        return Ok(());
    }
    Err(StimulusError::Kind {
        name: name.to_string(),
        expected: thing.in_words(),
        got: super::stimulus::kind_of(value),
    })
}

/// Whether two values say the same, whatever their units.
pub(crate) fn same(one: &Setting, other: &Setting) -> bool {
    match (one, other) {
        (Setting::Quantity(one), Setting::Quantity(other)) => {
            other.to_unit(one.unit).is_some_and(|other| other.number == one.number)
        }
        _ => one == other,
    }
}

/// The word for whether the battery is on.
pub(crate) fn power_word(power: Power) -> &'static str {
    name_of(&POWERS, &power)
}

fn word(text: &str) -> Setting {
    Setting::Word(text.to_string())
}

fn count(number: i64) -> Setting {
    quantity(number, 1, Unit::None)
}

fn quantity(value: i64, steps: u32, unit: Unit) -> Setting {
    let number = Number::ratio(value.into(), steps.into()).unwrap_or(Number::ZERO);
    Setting::Quantity(Quantity::new(number.reduced(), unit))
}

fn temperature(decidegrees: Option<i16>) -> Setting {
    decidegrees.map_or(word("absent"), |value| quantity(value.into(), 10, Unit::DegreeCelsius))
}

fn pattern(pattern: Pattern) -> &'static str {
    name_of(&PATTERNS, &pattern)
}

fn language(language: Language) -> &'static str {
    name_of(&LANGUAGES, &language)
}

#[cfg(test)]
mod tests {
    use super::super::battery::Battery;
    use super::super::stimulus::setting;
    use super::*;
    use crate::suite::Stimulus;
    use crate::time::Instant;

    fn seconds(seconds: u64) -> Instant {
        Instant::from_micros(seconds * 1_000_000)
    }

    fn numbered(thing: &Thing) -> String {
        match thing.numbered {
            0 => thing.name.to_string(),
            highest => format!("{}_{highest}", thing.name),
        }
    }

    #[test]
    fn everything_shows_what_it_says_it_can_show() {
        let mut battery = Battery::new(refbms::Config::default(), Instant::ZERO);
        for (at, action) in [
            (6, "touch"),
            (7, "password 82993060"),
            (8, "open menu"),
            (9, "open cells_info"),
        ] {
            battery
                .apply(seconds(at), &Stimulus::Panel(action.to_string()))
                .unwrap();
            for thing in THINGS {
                let name = numbered(thing);
                let shown = battery.look(seconds(at), &name).unwrap();
                assert_eq!(check(&name, &shown), Ok(()), "{name}: {shown:?}");
            }
        }
    }

    #[test]
    fn a_page_is_read_only_while_it_is_shown() {
        let mut battery = Battery::new(refbms::Config::default(), Instant::ZERO);
        let look = |battery: &mut Battery, at, name: &str| battery.look(seconds(at), name).unwrap();
        assert_eq!(look(&mut battery, 1, "page"), setting("welcome"));
        assert_eq!(look(&mut battery, 1, "display_soc"), setting("not_shown"));
        assert_eq!(look(&mut battery, 4, "page"), setting("main_status"));
        assert!(same(&look(&mut battery, 4, "display_voltage"), &setting("52800 mV")));
        assert_eq!(look(&mut battery, 190, "page"), setting("dark"));
    }

    #[test]
    fn names_and_values_are_checked() {
        for (name, value) in [
            ("led_7", "on"),
            ("led", "on"),
            ("led_01", "on"),
            ("display_sok", "1 %"),
            ("page", "pink"),
        ] {
            assert!(check(name, &setting(value)).is_err(), "{name}: {value}");
        }
        assert_eq!(
            check("display_soc", &setting("5 V")).unwrap_err().to_string(),
            "`display_soc` is a percentage, not a voltage"
        );
        assert!(check("power", &setting("not_shown")).is_err(), "it is always there");
    }
}
