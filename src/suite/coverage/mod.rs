//! What a definition demands, item by item, and which cases cover it.
//!
//! An item is written `PROTOCOL/WHAT`:
//!
//! | what | for instance |
//! |---|---|
//! | a message, by identifier, command or name | `pylon-can/0x351` |
//! | a field or flag of it | `pylon-can/0x351.charge_voltage_limit` |
//! | its period, its length, its reserved bits | `pylon-can/0x351.period`, `.length`, `.reserved` |
//! | a rule | `pylon-can/rule:no-charge-no-current` |
//! | a known wrong form | `pylon-can/deviation:old-scale` |
//! | what follows a bad request | `pylon-rs485/error:bad_checksum` |
//! | a return code | `pylon-rs485/return-code:0x04` |
//! | when a reply comes | `pylon-rs485/timing` |
//! | an order in which inverters ask | `pylon-rs485/plan:P1` |
//! | a frame of the inverter; its silence | `pylon-can/inverter:0x305`, `pylon-can/keepalive` |
//! | the first frames after a start | `pylon-can/first-set` |
//! | an identifier that must not be sent; all that are not listed | `sma-can/forbidden:0x359`, `sma-can/other-ids` |
//!
//! Requirements of the battery's manual and settled questions stand beside them: `R-003`, `B-072`, `C-04`, `Q-08`.
//!
//! | file | subject |
//! |---|---|
//! | `mod.rs` | the items of a definition, and the cases that cover them |
//! | `titles` | an item in words |
//! | `looks` | whether a case looks at what it says it covers |
//! | `requirements` | the requirements of a battery, and the cases and firmware tests that cover them |
//! | `firmware` | which requirements the tests of the reference firmware name |

mod firmware;
mod looks;
mod requirements;
mod titles;

use std::fmt;

use crate::definition::scope::all_fields;
use crate::definition::{Message, Presence, Protocol, Reaction, Sender};
use crate::document::diagnostic::did_you_mean;
use crate::document::scalar;
use crate::wire::can::CanId;

use super::{Case, Suite};

pub use firmware::{FirmwareTest, firmware_tests};
pub(crate) use looks::looked_at;
pub use looks::looks_at;
pub use requirements::{RequirementRow, covering, requirements};

/// Something that a definition states and a case can cover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoverageItem {
    /// The protocol.
    pub protocol: String,
    /// What of it.
    pub what: Covered,
}

/// What of a definition is covered. Messages are named by their key as users write it (`0x351`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Covered {
    /// A message as such: it comes.
    Message(String),
    /// A field of a message, `{n}` standing for all its numbers.
    Field(String, String),
    /// How often a message comes.
    Period(String),
    /// The length of a message.
    Length(String),
    /// The bits of a message that carry no field.
    Reserved(String),
    /// A rule.
    Rule(String),
    /// A wrong form that is known by name.
    Deviation(String),
    /// What follows a bad request.
    Error(String),
    /// A return code of replies.
    ReturnCode(u8),
    /// When replies come.
    Timing,
    /// An order in which inverters ask.
    Plan(String),
    /// A frame of the inverter.
    Inverter(CanId),
    /// What the silence of the inverter does.
    Keepalive,
    /// The complete set of frames after a start.
    FirstSet,
    /// An identifier that must not be sent.
    Forbidden(CanId),
    /// Identifiers that the definition does not list.
    OtherIds,
}

impl fmt::Display for CoverageItem {
    /// `pylon-can/0x351.charge_voltage_limit`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/", self.protocol)?;
        match &self.what {
            Covered::Message(message) => f.write_str(message),
            Covered::Field(message, field) => write!(f, "{message}.{field}"),
            Covered::Period(message) => write!(f, "{message}.period"),
            Covered::Length(message) => write!(f, "{message}.length"),
            Covered::Reserved(message) => write!(f, "{message}.reserved"),
            Covered::Rule(rule) => write!(f, "rule:{rule}"),
            Covered::Deviation(deviation) => write!(f, "deviation:{deviation}"),
            Covered::Error(situation) => write!(f, "error:{situation}"),
            Covered::ReturnCode(code) => write!(f, "return-code:0x{code:02X}"),
            Covered::Timing => f.write_str("timing"),
            Covered::Plan(plan) => write!(f, "plan:{plan}"),
            Covered::Inverter(id) => write!(f, "inverter:0x{id}"),
            Covered::Keepalive => f.write_str("keepalive"),
            Covered::FirstSet => f.write_str("first-set"),
            Covered::Forbidden(id) => write!(f, "forbidden:0x{id}"),
            Covered::OtherIds => f.write_str("other-ids"),
        }
    }
}

/// Why a text names no item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownItem {
    /// What is wrong, in one phrase.
    pub message: String,
    /// The remedy, if one is near.
    pub help: Option<String>,
}

/// The numbers of one kind of requirement.
struct Numbering {
    letter: &'static str,
    digits: usize,
    /// The numbers in use, both ends included.
    ranges: &'static [(u16, u16)],
}

/// Requirements of the manual (R), values of the reference firmware (B) and contradictions of the manual (C) from sheet
/// bms-behaviour; settled questions (Q) of the library.
const REQUIREMENTS: [Numbering; 4] = [
    Numbering {
        letter: "R-",
        digits: 3,
        ranges: &[
            (1, 21),
            (30, 37),
            (40, 56),
            (60, 63),
            (70, 73),
            (80, 90),
            (100, 103),
            (110, 124),
        ],
    },
    Numbering {
        letter: "B-",
        digits: 3,
        ranges: &[
            (1, 33),
            (50, 61),
            (70, 82),
            (100, 115),
            (120, 120),
            (150, 155),
            (160, 160),
        ],
    },
    Numbering {
        letter: "C-",
        digits: 2,
        ranges: &[(1, 16)],
    },
    Numbering {
        letter: "Q-",
        digits: 2,
        ranges: &[(1, 45)],
    },
];

/// True for the number of a requirement or settled question that exists: `R-003`, `B-072`, `C-04`, `Q-08`.
pub fn is_requirement(text: &str) -> bool {
    REQUIREMENTS.iter().any(|numbering| {
        text.strip_prefix(numbering.letter)
            .filter(|rest| rest.len() == numbering.digits && rest.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|rest| rest.parse::<u16>().ok())
            .is_some_and(|number| {
                numbering
                    .ranges
                    .iter()
                    .any(|(low, high)| (*low..=*high).contains(&number))
            })
    })
}

impl CoverageItem {
    /// Finds the item that `text` names, in canonical form.
    ///
    /// # Errors
    /// [`UnknownItem`] when the protocol or the item does not exist.
    pub fn resolve<'a>(text: &str, protocols: &[&'a Protocol]) -> Result<(&'a Protocol, CoverageItem), UnknownItem> {
        let Some((name, rest)) = text.split_once('/') else {
            let looks_like_number = ["R-", "B-", "C-", "Q-"].iter().any(|letter| text.starts_with(letter));
            return Err(UnknownItem {
                message: if looks_like_number {
                    format!("there is no requirement or question `{text}`")
                } else {
                    format!("`{text}` names nothing that could be covered")
                },
                help: Some("a number such as `R-003` or `Q-08`, or an item such as `pylon-can/0x351.soc`".into()),
            });
        };
        let Some(protocol) = protocols.iter().copied().find(|protocol| protocol.name == name) else {
            return Err(UnknownItem {
                message: format!("there is no protocol `{name}`"),
                help: did_you_mean(name, protocols.iter().map(|protocol| protocol.name.as_str())),
            });
        };
        let what = covered(rest, protocol)?;
        let item = CoverageItem {
            protocol: protocol.name.clone(),
            what,
        };
        Ok((protocol, item))
    }
}

fn covered(text: &str, protocol: &Protocol) -> Result<Covered, UnknownItem> {
    let listed = |kind: &str, name: &str, known: Vec<&str>| {
        if known.contains(&name) {
            return Ok(name.to_string());
        }
        Err(UnknownItem {
            message: format!("`{}` has no {kind} `{name}`", protocol.name),
            help: did_you_mean(name, known),
        })
    };
    let absent = |what: &str| UnknownItem {
        message: format!("`{}` says nothing about {what}", protocol.name),
        help: None,
    };
    if let Some((kind, name)) = text.split_once(':') {
        return match kind {
            "rule" => listed("rule", name, names(&protocol.rules, |rule| &rule.id)).map(Covered::Rule),
            "deviation" => listed(
                "deviation",
                name,
                names(&protocol.deviations, |deviation| &deviation.id),
            )
            .map(Covered::Deviation),
            "error" => listed("situation", name, names(&protocol.errors, |rule| &rule.situation)).map(Covered::Error),
            "plan" => listed("plan", name, names(&protocol.plans, |plan| &plan.name)).map(Covered::Plan),
            "return-code" => {
                let code =
                    scalar::code(name).filter(|code| protocol.return_codes.iter().any(|known| known.code == *code));
                code.and_then(|code| u8::try_from(code).ok())
                    .map(Covered::ReturnCode)
                    .ok_or_else(|| absent(&format!("return code `{name}`")))
            }
            "inverter" => identifier(name, protocol.inverter.iter().map(|frame| frame.id))
                .map(Covered::Inverter)
                .ok_or_else(|| absent(&format!("a frame `{name}` of the inverter"))),
            "forbidden" => identifier(name, protocol.forbidden_ids.iter().map(|(id, _)| *id))
                .map(Covered::Forbidden)
                .ok_or_else(|| absent(&format!("`{name}` being forbidden"))),
            _ => Err(UnknownItem {
                message: format!("`{kind}:` is no kind of item"),
                help: did_you_mean(
                    kind,
                    [
                        "rule",
                        "deviation",
                        "error",
                        "plan",
                        "return-code",
                        "inverter",
                        "forbidden",
                    ],
                ),
            }),
        };
    }
    match text {
        "timing" => {
            return protocol
                .timing
                .as_ref()
                .map(|_| Covered::Timing)
                .ok_or_else(|| absent("reply times"));
        }
        "keepalive" => {
            return protocol
                .keepalive
                .as_ref()
                .map(|_| Covered::Keepalive)
                .ok_or_else(|| absent(text));
        }
        "first-set" => {
            return protocol
                .first_set
                .as_ref()
                .map(|_| Covered::FirstSet)
                .ok_or_else(|| absent("the first frames"));
        }
        "other-ids" if !protocol.asks() => return Ok(Covered::OtherIds),
        _ => {}
    }
    let (reference, part) = text
        .split_once('.')
        .map_or((text, None), |(message, part)| (message, Some(part)));
    let Some(message) = protocol.message_by_reference(reference) else {
        let keys: Vec<String> = protocol
            .messages
            .iter()
            .map(|message| message.key.to_string())
            .collect();
        let candidates = keys
            .iter()
            .map(String::as_str)
            .chain(names(&protocol.messages, |message| &message.name));
        return Err(UnknownItem {
            message: format!("`{}` has no message or item `{reference}`", protocol.name),
            help: did_you_mean(reference, candidates),
        });
    };
    let key = message.key.to_string();
    let without = |what: &str| UnknownItem {
        message: format!("the definition says no {what} for {key}"),
        help: None,
    };
    match part {
        None => Ok(Covered::Message(key)),
        Some("period") => message
            .period
            .as_ref()
            .map(|_| Covered::Period(key.clone()))
            .ok_or_else(|| without("period")),
        Some("length") => has_length(message)
            .then(|| Covered::Length(key.clone()))
            .ok_or_else(|| without("length")),
        Some("reserved") => has_reserved(message)
            .then(|| Covered::Reserved(key.clone()))
            .ok_or_else(|| without("reserved bits")),
        Some(name) => {
            let fields = all_fields(protocol, message);
            // The pattern of a run of fields stands for all of them.
            if fields.iter().any(|field| field.matches(name) || field.name == name) {
                return Ok(Covered::Field(key, name.to_string()));
            }
            Err(UnknownItem {
                message: format!("{key} `{}` has no field `{name}`", message.name),
                help: did_you_mean(name, fields.iter().map(|field| field.name.as_str())),
            })
        }
    }
}

fn names<'a, T>(list: &'a [T], name: impl Fn(&'a T) -> &'a String) -> Vec<&'a str> {
    list.iter().map(|each| name(each).as_str()).collect()
}

fn identifier(text: &str, mut known: impl Iterator<Item = CanId>) -> Option<CanId> {
    let code = scalar::code(text)?;
    known.find(|id| i64::from(id.number()) == code)
}

fn has_length(message: &Message) -> bool {
    !message.length.pass.is_empty() || message.length.send.is_some()
}

fn has_reserved(message: &Message) -> bool {
    !message.layout.reserved.is_empty()
}

/// Everything that a definition states and a case could cover.
///
/// Optional messages are listed too: a target that claims them is judged on them. Of what the battery refuses only the
/// refusal can be covered, and of the exceptions on a Modbus line those that something is answered with.
pub fn demanded(protocol: &Protocol) -> Vec<CoverageItem> {
    let mut items: Vec<Covered> = Vec::new();
    for message in protocol.messages.iter().filter(|message| message.from == Sender::Bms) {
        let key = message.key.to_string();
        items.push(Covered::Message(key.clone()));
        if message.presence == Presence::Refused {
            continue;
        }
        for field in all_fields(protocol, message) {
            let item = Covered::Field(key.clone(), field.name.clone());
            if !items.contains(&item) {
                items.push(item);
            }
        }
        if message.period.is_some() {
            items.push(Covered::Period(key.clone()));
        }
        if has_length(message) {
            items.push(Covered::Length(key.clone()));
        }
        if has_reserved(message) {
            items.push(Covered::Reserved(key));
        }
    }
    items.extend(protocol.rules.iter().map(|rule| Covered::Rule(rule.id.clone())));
    items.extend(
        protocol
            .deviations
            .iter()
            .map(|deviation| Covered::Deviation(deviation.id.clone())),
    );
    items.extend(
        protocol
            .errors
            .iter()
            .map(|rule| Covered::Error(rule.situation.clone())),
    );
    let codes = protocol
        .return_codes
        .iter()
        .filter_map(|state| u8::try_from(state.code).ok());
    let provoked = |code: &u8| !protocol.is_modbus() || is_provoked(protocol, *code);
    items.extend(codes.filter(provoked).map(Covered::ReturnCode));
    items.extend(protocol.timing.iter().map(|_| Covered::Timing));
    items.extend(protocol.plans.iter().map(|plan| Covered::Plan(plan.name.clone())));
    items.extend(protocol.inverter.iter().map(|frame| Covered::Inverter(frame.id)));
    items.extend(protocol.keepalive.iter().map(|_| Covered::Keepalive));
    items.extend(protocol.first_set.iter().map(|_| Covered::FirstSet));
    items.extend(protocol.forbidden_ids.iter().map(|(id, _)| Covered::Forbidden(*id)));
    if !protocol.asks() {
        items.push(Covered::OtherIds);
    }
    items
        .into_iter()
        .map(|what| CoverageItem {
            protocol: protocol.name.clone(),
            what,
        })
        .collect()
}

/// Whether a question exists that the definition wants to see answered with this exception.
fn is_provoked(protocol: &Protocol, code: u8) -> bool {
    let by_rule = protocol
        .errors
        .iter()
        .any(|rule| rule.expect == Reaction::Exception(code));
    let by_function = protocol.registers.iter().flat_map(|map| &map.functions);
    by_rule || by_function.into_iter().any(|rule| rule.exception == Some(code))
}

/// An item with the cases that cover it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoverageRow {
    /// The item.
    pub item: CoverageItem,
    /// The cases that cover it, as `suite/case`.
    pub cases: Vec<String>,
}

/// Every item that a definition states, with the cases of `suites` that cover it.
pub fn coverage(protocol: &Protocol, suites: &[Suite]) -> Vec<CoverageRow> {
    // What cases cover of this protocol; most speak of others.
    let of_protocol = |text: &&String| {
        let rest = text.strip_prefix(protocol.name.as_str());
        rest.is_some_and(|rest| rest.starts_with('/'))
    };
    let said: Vec<(&Suite, &Case, Vec<&String>)> = suites
        .iter()
        .flat_map(|suite| suite.cases.iter().map(move |case| (suite, case)))
        .map(|(suite, case)| (suite, case, case.covers.iter().filter(of_protocol).collect()))
        .filter(|(.., texts): &(_, _, Vec<&String>)| !texts.is_empty())
        .collect();
    demanded(protocol)
        .into_iter()
        .map(|item| {
            let name = item.to_string();
            let cases = said
                .iter()
                .filter(|(.., texts)| texts.iter().any(|text| **text == name || covers(text, &item, protocol)))
                .map(|(suite, case, _)| format!("{}/{}", suite.name, case.id))
                .collect();
            CoverageRow { item, cases }
        })
        .collect()
}

/// Whether the covered `text` is one number of the item, a run of fields.
fn covers(text: &str, item: &CoverageItem, protocol: &Protocol) -> bool {
    let Covered::Field(key, pattern) = &item.what else {
        return false;
    };
    let rest = text
        .strip_prefix(protocol.name.as_str())
        .and_then(|rest| rest.strip_prefix('/'));
    rest.and_then(|rest| rest.split_once('.'))
        .is_some_and(|(message, name)| {
            message == key
                && protocol.message_by_reference(message).is_some_and(|message| {
                    message
                        .fields()
                        .iter()
                        .any(|field| field.name == *pattern && field.matches(name))
                })
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Source;
    use crate::suite::{library, load};

    #[test]
    fn requirements_are_those_that_exist() {
        for text in ["R-001", "R-124", "B-160", "C-16", "Q-45"] {
            assert!(is_requirement(text), "{text}");
        }
        for text in [
            "R-000", "R-022", "R-1", "R-0001", "B-161", "C-17", "Q-46", "X-001", "r-001", "",
        ] {
            assert!(!is_requirement(text), "{text}");
        }
    }

    #[test]
    fn every_item_of_every_definition_has_a_name_that_finds_it() {
        let library = library();
        let protocols: Vec<&Protocol> = library.protocols().collect();
        for protocol in &protocols {
            let items = demanded(protocol);
            assert!(items.len() > 20, "{} of {}", items.len(), protocol.name);
            for item in items {
                let (_, found) = CoverageItem::resolve(&item.to_string(), &protocols).unwrap_or_else(|unknown| {
                    panic!("{item}: {}", unknown.message);
                });
                assert_eq!(found, item);
            }
        }
    }

    #[test]
    fn messages_may_be_named_and_are_shown_by_their_number() {
        let library = library();
        let protocols: Vec<&Protocol> = library.protocols().collect();
        let shown = |text: &str| CoverageItem::resolve(text, &protocols).map(|(_, item)| item.to_string());
        assert_eq!(shown("pylon-can/limits.period").unwrap(), "pylon-can/0x351.period");
        assert_eq!(
            shown("pylon-rs485/0x42.cell_voltage_3").unwrap(),
            "pylon-rs485/0x42.cell_voltage_3"
        );
        for text in [
            "pylon-can/0x351.nothing",
            "pylon-can/0x352",
            "pylon-can/timing",
            "pylon-can/rule:nothing",
            "pylon-can/what:ever",
            "pylon-can/inverter:0x306",
            "pylon-rs485/return-code:0x07",
            "pylon-rs485/0x61.period",
            "nothing",
        ] {
            assert!(shown(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_case_covers_what_it_names_and_one_number_covers_its_run() {
        let library = library();
        let protocols: Vec<&Protocol> = library.protocols().collect();
        let text = "suite: pylon-rs485/t\ntitle: T\nprotocol: pylon-rs485\ncases:\n\
                    - { id: a, title: A, covers: [pylon-rs485/0x42.cell_voltage_3], steps: [{ request: { command: 0x42 }, \
                    reply: { fields: { cell_voltage_3: 3300 mV } } }] }\n";
        let (suite, mistakes) = load(&Source::new("t.yaml", text), &protocols);
        let suites = [suite.unwrap_or_else(|| panic!("{}", mistakes.render_plain()))];
        let rows = coverage(library.protocol("pylon-rs485").unwrap(), &suites);
        let covered: Vec<String> = rows
            .iter()
            .filter(|row| !row.cases.is_empty())
            .map(|row| format!("{} by {}", row.item, row.cases.join(", ")))
            .collect();
        assert_eq!(covered, ["pylon-rs485/0x42.cell_voltage_{n} by pylon-rs485/t/a"]);
    }
}
