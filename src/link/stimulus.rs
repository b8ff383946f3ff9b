//! The vocabulary of stimuli: what a bench can set on a battery, by name, with units and ranges.
//!
//! One list serves the cases of suites (`given`, `set`), the control socket of `bmscheck emulate`, its `--state` file
//! and every fixture. A name may carry the pack that is meant: `pack_2.current`; without, every pack of the bank is set.
//!
//! ```
//! use bmscheck::link::stimulus::{check, setting};
//! assert!(check("cell_voltage_4", &setting("3.66 V")).is_ok());
//! assert!(check("pack_2.cell_over_voltage_protection", &setting("true")).is_ok());
//! assert!(check("cell_temperature_1", &setting("absent")).is_ok());
//! let mistake = check("cell_voltage_17", &setting("3.66 V")).unwrap_err();
//! assert_eq!(mistake.to_string(), "there is no `cell_voltage_17`: cells are numbered 1 to 16");
//! assert_eq!(check("soc", &setting("50 V")).unwrap_err().to_string(), "`soc` is a percentage, not a voltage");
//! ```

pub mod hands;
mod words;

use std::fmt;

use refbms::{Condition, Parameter, ParameterUnit, Switch};
use words::{AUTOMATIC, WORDS};

use crate::document::diagnostic::nearest;
use crate::suite::{Setting, Stimulus};
use crate::value::{Number, Quantity, Unit};

/// The most packs in a bank (R-016).
const PACKS: u8 = refbms::MAX_PACKS;

/// One word of the vocabulary.
#[derive(Clone, Copy, Debug)]
pub struct Word {
    /// The name as it is written, without number and pack.
    pub name: &'static str,
    /// What it is.
    pub title: &'static str,
    /// `cell_voltage_1` to `cell_voltage_16`: the highest number that may follow; 0 where none may.
    pub numbered: u8,
    /// What it takes.
    pub takes: Takes,
    build: Build,
}

/// What a word takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// A quantity that is a whole multiple of a step, within bounds.
    Quantity {
        /// The unit in which step and bounds are counted.
        unit: Unit,
        /// So many steps make one unit.
        steps: u32,
        /// The lowest value, in steps.
        min: i64,
        /// The highest value, in steps.
        max: i64,
        /// A word that may stand instead, with its own meaning (`absent`, `automatic`).
        word: Option<&'static str>,
    },
    /// `true` or `false`.
    Truth,
    /// `true`, `false`, or `automatic` where the battery decides.
    Switch,
}

impl fmt::Display for Takes {
    /// `0 %..100 % in steps of 0.01 %`, `true or false`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Takes::Quantity {
                unit,
                steps,
                min,
                max,
                word,
            } => {
                let quantity = |count: i64| in_steps(count, steps, unit);
                write!(f, "{}..{}", quantity(min), quantity(max))?;
                if steps > 1 {
                    write!(f, " in steps of {}", quantity(1))?;
                }
                word.map_or(Ok(()), |word| write!(f, ", or {word}"))
            }
            Takes::Truth => f.write_str("true or false"),
            Takes::Switch => f.write_str("true, false or automatic"),
        }
    }
}

/// How a checked value becomes a setting of the reference BMS.
#[derive(Clone, Copy, Debug)]
enum Build {
    /// From the number of the cell or sensor, and the value in steps (`None`: the word).
    Quantity(fn(Option<u8>, Option<i64>) -> Vec<refbms::Setting>),
    Truth(fn(bool) -> refbms::Setting),
    Switch(fn(Switch) -> refbms::Setting),
    Condition(Condition),
    Parameter(Parameter),
    /// The DIP switches of a pack.
    Dip,
    /// What stands at the terminals.
    Charger,
}

/// One thing that is done to the reference BMS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Something is set.
    Set(refbms::Setting),
    /// The DIP switches of a pack are set to an address; pack 1 where none is named.
    Dip(u8),
    /// A voltage in mV stands at the terminals, or nothing does.
    Charger(Option<u32>),
}

/// What is done to the reference BMS, with the pack that is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The pack from 1; `None`: every pack.
    pub pack: Option<u8>,
    /// What is done, in this order.
    pub acts: Vec<Act>,
}

/// Why a stimulus is wrong, or was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StimulusError {
    /// No such name.
    #[error("there is no stimulus `{name}`")]
    Unknown {
        /// The name as written.
        name: String,
        /// The nearest name, if one is near.
        nearest: Option<String>,
    },
    /// The name exists, but not with this number.
    #[error("there is no `{name}`: {things} are numbered 1 to {count}")]
    Number {
        /// The name as written.
        name: String,
        /// What is numbered.
        things: &'static str,
        /// The highest number.
        count: u8,
    },
    /// The pack does not exist.
    #[error("there is no pack {pack}: packs are numbered 1 to {count}")]
    Pack {
        /// The number as written.
        pack: String,
        /// The highest number.
        count: u8,
    },
    /// The value is of another kind.
    #[error("`{name}` is {expected}, not {got}")]
    Kind {
        /// The name.
        name: String,
        /// What it takes.
        expected: String,
        /// What was given.
        got: String,
    },
    /// The value lies outside its bounds.
    #[error("`{name}` of {value} is outside {}..{}", bounds[0], bounds[1])]
    Range {
        /// The name.
        name: String,
        /// The value.
        value: Quantity,
        /// The lowest and the highest.
        bounds: Box<[Quantity; 2]>,
    },
    /// The value is finer than the battery knows it.
    #[error("`{name}` of {value} is no multiple of {step}")]
    Step {
        /// The name.
        name: String,
        /// The value.
        value: Quantity,
        /// The step.
        step: Box<Quantity>,
    },
    /// There is nothing of this name to look at.
    #[error("there is no `{name}` to look at")]
    Unseen {
        /// The name as written.
        name: String,
        /// The nearest name, if one is near.
        nearest: Option<String>,
    },
    /// There is no such key, or nothing that a person could do at the display.
    #[error("`{text}` is no `{what}`")]
    Hand {
        /// `key` or `panel`.
        what: &'static str,
        /// What was written.
        text: String,
        /// The nearest word, if one is near.
        nearest: Option<String>,
        /// What there is.
        known: String,
    },
    /// The battery refused it in its present state.
    #[error("{0}")]
    Refused(refbms::SetError),
}

impl StimulusError {
    /// What the user could do.
    pub fn help(&self) -> Option<String> {
        match self {
            StimulusError::Unknown { nearest, .. } | StimulusError::Unseen { nearest, .. } => {
                nearest.as_ref().map(|nearest| format!("did you mean `{nearest}`?"))
            }
            StimulusError::Kind { name, .. } => {
                let word = find(name.rsplit('.').next().unwrap_or(name)).ok()?.0;
                Some(format!("`{name}` takes {}", word.takes))
            }
            StimulusError::Hand { nearest, known, .. } => Some(match nearest {
                Some(nearest) => format!("did you mean `{nearest}`? There are: {known}"),
                None => format!("there are: {known}"),
            }),
            _ => None,
        }
    }
}

/// Every word, in the order in which people look for them; parameters and conditions last.
pub fn vocabulary() -> impl Iterator<Item = Word> {
    let conditions = Condition::ALL.iter().map(|condition| Word {
        name: condition.name(),
        title: "held active, or let go of",
        numbered: 0,
        takes: Takes::Truth,
        build: Build::Condition(*condition),
    });
    let parameters = Parameter::ALL.iter().map(|parameter| Word {
        name: parameter.name(),
        title: "parameter of the battery",
        numbered: 0,
        takes: takes_parameter(*parameter),
        build: Build::Parameter(*parameter),
    });
    WORDS.iter().copied().chain(parameters).chain(conditions)
}

fn takes_parameter(parameter: Parameter) -> Takes {
    let (unit, steps) = match parameter.unit() {
        ParameterUnit::Millivolt => (Unit::Millivolt, 1),
        ParameterUnit::Deciampere => (Unit::Ampere, 10),
        ParameterUnit::Decidegree => (Unit::DegreeCelsius, 10),
        ParameterUnit::Percent => (Unit::Percent, 1),
        ParameterUnit::Count => (Unit::None, 1),
        ParameterUnit::Microsecond => (Unit::Microsecond, 1),
        ParameterUnit::Millisecond => (Unit::Millisecond, 1),
        ParameterUnit::Second => (Unit::Second, 1),
    };
    let (min, max) = parameter.range();
    Takes::Quantity {
        unit,
        steps,
        min: min.into(),
        max: max.into(),
        word: None,
    }
}

/// Checks a stimulus without a battery: name, kind of value, unit, bounds and step.
///
/// # Errors
/// Each way of being wrong, but never [`StimulusError::Refused`].
pub fn check(name: &str, value: &Setting) -> Result<(), StimulusError> {
    resolve(name, value).map(drop)
}

/// Turns name and value into what the reference BMS understands.
///
/// # Errors
/// As for [`check`].
pub fn resolve(name: &str, value: &Setting) -> Result<Resolved, StimulusError> {
    let (pack, base) = split_pack(name)?;
    let (word, number) = find(base).map_err(|error| with_pack(error, name, base))?;
    let wrong = |expected: String| StimulusError::Kind {
        name: name.to_string(),
        expected,
        got: kind_of(value),
    };
    let set = |setting| vec![Act::Set(setting)];
    let acts = match (word.build, value) {
        (Build::Quantity(build), value) => {
            let settings = build(number, word.steps_of(name, value)?);
            settings.into_iter().map(Act::Set).collect()
        }
        (Build::Parameter(parameter), value) => {
            let steps = word.steps_of(name, value)?;
            let value = steps.and_then(|value| i32::try_from(value).ok());
            let value = value.ok_or_else(|| wrong(word.takes.to_string()))?;
            set(refbms::Setting::Parameter { parameter, value })
        }
        (Build::Dip, value) => {
            let address = word.steps_of(name, value)?.and_then(|value| u8::try_from(value).ok());
            vec![Act::Dip(address.ok_or_else(|| wrong(word.takes.to_string()))?)]
        }
        (Build::Charger, value) => {
            let millivolts = word.steps_of(name, value)?;
            vec![Act::Charger(millivolts.and_then(|value| u32::try_from(value).ok()))]
        }
        (Build::Truth(build), Setting::Truth(on)) => set(build(*on)),
        (Build::Condition(condition), Setting::Truth(active)) => set(refbms::Setting::Condition {
            condition,
            active: *active,
        }),
        (Build::Switch(build), Setting::Truth(true)) => set(build(Switch::On)),
        (Build::Switch(build), Setting::Truth(false)) => set(build(Switch::Off)),
        (Build::Switch(build), Setting::Word(text)) if text == AUTOMATIC => set(build(Switch::Automatic)),
        _ => return Err(wrong(word.takes.to_string())),
    };
    Ok(Resolved { pack, acts })
}

/// The value that a text stands for: `true`, `false`, a quantity, or else a word.
pub fn setting(text: &str) -> Setting {
    match text.trim() {
        "true" => Setting::Truth(true),
        "false" => Setting::Truth(false),
        text => match text.parse() {
            Ok(quantity) => Setting::Quantity(quantity),
            Err(_) => Setting::Word(text.to_string()),
        },
    }
}

/// The text of a value, which [`setting`] reads back.
pub fn setting_text(value: &Setting) -> String {
    match value {
        Setting::Quantity(quantity) => quantity.to_string(),
        Setting::Truth(truth) => truth.to_string(),
        Setting::Word(word) => word.clone(),
    }
}

/// A stimulus in words, for traces and prompts: `soc = 95 %`, `2 packs`, `power cycle`.
pub fn in_words(stimulus: &Stimulus) -> String {
    match stimulus {
        Stimulus::Reset => "reset".to_string(),
        Stimulus::Set(name, value) => format!("{name} = {}", setting_text(value)),
        Stimulus::Packs(1) => "1 pack".to_string(),
        Stimulus::Packs(packs) => format!("{packs} packs"),
        Stimulus::Online { pack, online: true } => format!("pack {pack} connected"),
        Stimulus::Online { pack, online: false } => format!("pack {pack} disconnected"),
        Stimulus::Sleep(true) => "sleep".to_string(),
        Stimulus::Sleep(false) => "wake".to_string(),
        Stimulus::PowerCycle => "power cycle".to_string(),
        Stimulus::Key(action) => format!("key {action}"),
        Stimulus::Panel(action) => format!("panel {action}"),
    }
}

/// What a fixture must be able to do for a stimulus: one of [`CAPABILITIES`].
pub fn capability(stimulus: &Stimulus) -> &'static str {
    match stimulus {
        Stimulus::Reset => "reset",
        Stimulus::Set(..) => "set",
        Stimulus::Packs(_) => "packs",
        Stimulus::Online { .. } => "online",
        Stimulus::Sleep(_) => "sleep",
        Stimulus::PowerCycle => "power-cycle",
        Stimulus::Key(_) => "key",
        Stimulus::Panel(_) => "panel",
    }
}

/// Everything that a fixture may be able to do.
pub const CAPABILITIES: [&str; 9] = [
    "reset",
    "set",
    "packs",
    "online",
    "sleep",
    "power-cycle",
    "key",
    "panel",
    LOOK,
];

/// A fixture can tell what display and LEDs show.
pub const LOOK: &str = "look";

impl Word {
    /// The value in steps; `None` for the word that may stand instead.
    fn steps_of(&self, name: &str, value: &Setting) -> Result<Option<i64>, StimulusError> {
        let Takes::Quantity {
            unit,
            steps,
            min,
            max,
            word,
        } = self.takes
        else {
            return Ok(None);
        };
        let quantity = match value {
            Setting::Quantity(quantity) => *quantity,
            Setting::Word(text) if word == Some(text.as_str()) => return Ok(None),
            _ => {
                return Err(StimulusError::Kind {
                    name: name.to_string(),
                    expected: unit.dimension().with_article().to_string(),
                    got: kind_of(value),
                });
            }
        };
        let in_unit = quantity.to_unit(unit).ok_or_else(|| StimulusError::Kind {
            name: name.to_string(),
            expected: unit.dimension().with_article().to_string(),
            got: kind_of(value),
        })?;
        let quantity_of = |count: i64| in_steps(count, steps, unit);
        let out_of_range = StimulusError::Range {
            name: name.to_string(),
            value: quantity,
            bounds: Box::new([quantity_of(min), quantity_of(max)]),
        };
        // Beyond the bounds of the integers is beyond any bound.
        let Some(count) = in_unit.number.checked_mul(Number::integer(steps.into())) else {
            return Err(out_of_range);
        };
        if count < Number::integer(min) || count > Number::integer(max) {
            return Err(out_of_range);
        }
        match count.as_integer().and_then(|count| i64::try_from(count).ok()) {
            Some(count) => Ok(Some(count)),
            None => Err(StimulusError::Step {
                name: name.to_string(),
                value: quantity,
                step: Box::new(quantity_of(1)),
            }),
        }
    }
}

/// `count` steps as a quantity.
fn in_steps(count: i64, steps: u32, unit: Unit) -> Quantity {
    let number = Number::ratio(count.into(), steps.into()).unwrap_or(Number::ZERO);
    Quantity::new(number.reduced(), unit)
}

pub(crate) fn kind_of(value: &Setting) -> String {
    match value {
        Setting::Quantity(quantity) => quantity.unit.dimension().with_article().to_string(),
        Setting::Truth(_) => "a truth value".to_string(),
        Setting::Word(word) => format!("`{word}`"),
    }
}

/// Takes `pack_2.` off a name.
fn split_pack(name: &str) -> Result<(Option<u8>, &str), StimulusError> {
    let Some((pack, base)) = name.strip_prefix("pack_").and_then(|rest| rest.split_once('.')) else {
        return Ok((None, name));
    };
    match plain_number(pack) {
        Some(number) if (1..=PACKS).contains(&number) => Ok((Some(number), base)),
        _ => Err(StimulusError::Pack {
            pack: pack.to_string(),
            count: PACKS,
        }),
    }
}

/// A number as people write it: no sign, no leading zero.
fn plain_number(text: &str) -> Option<u8> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    plain.then(|| text.parse().ok()).flatten()
}

/// The word of a name without its pack, and the number behind it.
fn find(base: &str) -> Result<(Word, Option<u8>), StimulusError> {
    if let Some(word) = vocabulary().find(|word| word.name == base) {
        return Ok((word, None));
    }
    if let Some((stem, digits)) = base.rsplit_once('_')
        && !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && let Some(word) = WORDS.iter().find(|word| word.name == stem && word.numbered > 0)
    {
        return match plain_number(digits).filter(|number| *number <= word.numbered) {
            Some(number) => Ok((*word, Some(number))),
            None => Err(StimulusError::Number {
                name: base.to_string(),
                things: if word.name == "cell_voltage" {
                    "cells"
                } else {
                    "cell sensors"
                },
                count: word.numbered,
            }),
        };
    }
    Err(StimulusError::Unknown {
        name: base.to_string(),
        nearest: nearest(base, vocabulary().map(|word| word.name)).map(str::to_string),
    })
}

/// Puts the pack back into a name that was looked up without it.
fn with_pack(error: StimulusError, name: &str, base: &str) -> StimulusError {
    let prefix = name.strip_suffix(base).unwrap_or_default();
    match error {
        StimulusError::Unknown { nearest, .. } => StimulusError::Unknown {
            name: name.to_string(),
            nearest: nearest.map(|nearest| format!("{prefix}{nearest}")),
        },
        StimulusError::Number { things, count, .. } => StimulusError::Number {
            name: name.to_string(),
            things,
            count,
        },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use refbms::Sensor;

    use super::*;

    fn resolved(name: &str, value: &str) -> Resolved {
        resolve(name, &setting(value)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn settings_of(resolved: &Resolved) -> Vec<refbms::Setting> {
        let settings = resolved.acts.iter().filter_map(|act| match act {
            Act::Set(setting) => Some(*setting),
            Act::Dip(_) | Act::Charger(_) => None,
        });
        settings.collect()
    }

    fn mistake(name: &str, value: &str) -> String {
        let error = check(name, &setting(value)).expect_err(name);
        match error.help() {
            Some(help) => format!("{error}; {help}"),
            None => error.to_string(),
        }
    }

    #[test]
    fn units_are_converted_exactly() {
        let soc = |centipercent| vec![refbms::Setting::Soc { centipercent }];
        assert_eq!(settings_of(&resolved("soc", "99.99 %")), soc(9999));
        for spelling in ["3.312 V", "3312 mV"] {
            let expected = refbms::Setting::CellVoltage {
                cell: Some(16),
                millivolts: 3312,
            };
            assert_eq!(settings_of(&resolved("cell_voltage_16", spelling)), [expected]);
        }
        let current = refbms::Setting::Current { milliamperes: -5_500 };
        assert_eq!(
            resolved("pack_4.current", "-5.5 A"),
            Resolved {
                pack: Some(4),
                acts: vec![Act::Set(current)]
            }
        );
        let capacity = refbms::Setting::RemainingCapacity {
            milliampere_hours: 140_001,
        };
        assert_eq!(settings_of(&resolved("remaining_capacity", "140.001 Ah")), [capacity]);
    }

    #[test]
    fn a_temperature_brings_its_sensor_back() {
        let fitted = |sensor, fitted| refbms::Setting::SensorFitted { sensor, fitted };
        let cold = refbms::Setting::CellTemperature {
            sensor: Some(2),
            decidegrees: -105,
        };
        assert_eq!(
            settings_of(&resolved("cell_temperature_2", "-10.5 degC")),
            [fitted(Sensor::Cell(2), true), cold]
        );
        assert_eq!(settings_of(&resolved("cell_temperature", "absent")).len(), 4);
        assert_eq!(
            settings_of(&resolved("ambient_temperature", "absent")),
            [fitted(Sensor::Ambient, false)]
        );
    }

    #[test]
    fn switches_can_be_left_to_the_battery() {
        for (text, switch) in [
            ("true", Switch::On),
            ("false", Switch::Off),
            ("automatic", Switch::Automatic),
        ] {
            let expected = refbms::Setting::FullChargeRequest(switch);
            assert_eq!(settings_of(&resolved("full_charge_request", text)), [expected]);
        }
        let automatic = refbms::Setting::PackVoltage { millivolts: None };
        assert_eq!(settings_of(&resolved("pack_voltage", "automatic")), [automatic]);
    }

    #[test]
    fn every_mistake_says_what_is_wrong_and_what_would_be_right() {
        let mistakes = [
            (
                "cell_voltag",
                "3 V",
                "there is no stimulus `cell_voltag`; did you mean `cell_voltage`?",
            ),
            (
                "pack_2.cell_over_voltage_protecton",
                "true",
                "there is no stimulus `pack_2.cell_over_voltage_protecton`; did you mean \
                 `pack_2.cell_over_voltage_protection`?",
            ),
            ("xyzzy", "3 V", "there is no stimulus `xyzzy`"),
            (
                "cell_voltage_0",
                "3 V",
                "there is no `cell_voltage_0`: cells are numbered 1 to 16",
            ),
            (
                "cell_voltage_04",
                "3 V",
                "there is no `cell_voltage_04`: cells are numbered 1 to 16",
            ),
            (
                "cell_temperature_5",
                "3 degC",
                "there is no `cell_temperature_5`: cell sensors are numbered 1 to 4",
            ),
            ("soh_3", "3 %", "there is no stimulus `soh_3`"),
            ("pack_5.soc", "3 %", "there is no pack 5: packs are numbered 1 to 4"),
            ("pack_0.soc", "3 %", "there is no pack 0: packs are numbered 1 to 4"),
            ("pack_x.soc", "3 %", "there is no pack x: packs are numbered 1 to 4"),
            ("soc", "100.01 %", "`soc` of 100.01 % is outside 0 %..100 %"),
            ("soc", "50.005 %", "`soc` of 50.005 % is no multiple of 0.01 %"),
            (
                "soc",
                "50",
                "`soc` is a percentage, not a bare number; `soc` takes 0 %..100 % in steps of 0.01 %",
            ),
            (
                "soc",
                "true",
                "`soc` is a percentage, not a truth value; `soc` takes 0 %..100 % in steps of 0.01 %",
            ),
            (
                "heater_on",
                "1",
                "`heater_on` is true or false, not a bare number; `heater_on` takes true or false",
            ),
            (
                "mosfet_temperature",
                "gone",
                "`mosfet_temperature` is a temperature, not `gone`; `mosfet_temperature` takes \
                 -100 degC..300 degC in steps of 0.1 degC, or absent",
            ),
            (
                "current",
                "99999999999999999999999999 A",
                "`current` of 99999999999999999999999999 A is outside -5000 A..5000 A",
            ),
        ];
        for (name, value, text) in mistakes {
            assert_eq!(mistake(name, value), text);
        }
    }

    /// The bounds here and those of the reference BMS were written down apart; they must agree.
    #[test]
    fn bounds_are_those_of_the_reference_bms() {
        let mut checked = 0;
        for word in vocabulary() {
            let (Build::Quantity(build), Takes::Quantity { min, max, .. }) = (word.build, word.takes) else {
                continue;
            };
            let sound = |count: i64| build(None, Some(count)).iter().all(|setting| setting.check().is_ok());
            assert!(sound(min) && sound(max), "{}", word.name);
            // Where the bound is that of the integer itself, one step more cannot even be expressed.
            if !matches!(
                word.name,
                "cycle_count" | "lifetime_charge_energy" | "lifetime_discharge_energy"
            ) {
                assert!(!sound(max + 1), "{} above its bound", word.name);
            }
            if min != 0 {
                assert!(!sound(min - 1), "{} below its bound", word.name);
            }
            checked += 1;
        }
        assert_eq!(checked, 21);
    }

    #[test]
    fn every_condition_has_its_word() {
        for condition in Condition::ALL {
            let expected = refbms::Setting::Condition {
                condition: *condition,
                active: true,
            };
            assert_eq!(settings_of(&resolved(condition.name(), "true")), [expected]);
        }
    }

    #[test]
    fn names_are_told_once() {
        let mut names: Vec<&str> = vocabulary().map(|word| word.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn values_read_back_as_written() {
        for text in ["true", "-5 A", "99.99 %", "absent", "300"] {
            assert_eq!(setting_text(&setting(text)), text);
        }
    }
}
