//! Faults that by the sheet cannot be told from correct behaviour.
//!
//! Most follow from the definition itself ([`derived`]): a period that may be half as long, bits that may be set. The
//! rest stands in lists beside the definitions ([`load`]):
//!
//! ```yaml
//! equivalents: pylon-rs485
//! faults:
//!   - fault: frozen
//!     in: [0x61.average_mosfet_temperature]
//!     sheet: pylon-rs485, command 61 (A)
//!     reason: the sheet lets a battery without such a sensor send FFFF for ever
//! ```
//!
//! A fault that a suite catches is not equivalent, whatever a list says: `bmscheck mutate` refuses such an entry.
//!
//! A fault against a fact that is known too badly to fail ([`weak`]) is something else: it must be noticed, by a warning
//! or a remark.

use std::time::Duration;

use super::catalogue::{Act, FrameFault, ReplyFault, RequestFault, SessionFault, operator};
use super::place::{Fault, faults_of};
use crate::definition::{
    ErrorRule, Field, Grade, Kind, LengthRule, Library, Message, Origin, Outcome, PeriodRule, Protocol, Reaction,
    Sender,
};
use crate::document::diagnostic::did_you_mean;
use crate::document::shape::{self, Object, Shape, optional, required};
use crate::document::{Diagnostic, Diagnostics, Node, Source, node};
use crate::judge::waivers::matches;
use crate::link::faulty::{early_copies, late_by};
use crate::value::{Dimension, Number, Quantity};

/// A list of equivalent faults.
pub static EQUIVALENTS: Object = Object {
    name: "list of equivalents",
    doc: "Faults that by the sheet cannot be told from correct behaviour.",
    keys: &[
        required("equivalents", Shape::Text, "the protocol"),
        required("faults", Shape::List(&Shape::Object(&EQUIVALENT)), "the faults"),
    ],
};

static EQUIVALENT: Object = Object {
    name: "equivalent",
    doc: "A fault that by the sheet cannot be told from correct behaviour.",
    keys: &[
        required(
            "fault",
            Shape::List(&Shape::Text),
            "the faults, by the names of `bmscheck list faults`",
        ),
        optional(
            "in",
            Shape::List(&Shape::Text),
            "the places: `0x351.soc`, `0x351`; `*` stands for any text; without it, everywhere",
        ),
        required("sheet", Shape::Text, "the place in the sheet that decides"),
        required("reason", Shape::Text, "why nobody can tell"),
    ],
};

/// An entry of a list.
#[derive(Clone, Debug)]
pub struct Equivalent {
    protocol: String,
    faults: Vec<String>,
    places: Vec<String>,
    sheet: String,
    reason: String,
    /// Where it stands.
    pub origin: Origin,
}

impl Equivalent {
    /// Whether the entry speaks of a fault.
    pub fn is_about(&self, protocol: &Protocol, fault: &Fault) -> bool {
        let place = fault.place.to_string();
        self.protocol == protocol.name
            && self.faults.iter().any(|name| name == fault.operator.name)
            && (self.places.is_empty() || self.places.iter().any(|pattern| matches(pattern, &place)))
    }

    /// The reason, with the sheet that decides.
    pub fn reason(&self) -> String {
        format!("{} (sheet {})", self.reason, self.sheet)
    }
}

/// Reads the lists of a library. Entries that name no fault that exists are mistakes; then no entry is given.
pub fn load(library: &Library) -> (Vec<Equivalent>, Diagnostics) {
    let (mut all, mut diagnostics) = (Vec::new(), Diagnostics::default());
    for source in library.equivalents() {
        diagnostics.extend(load_list(source, library, &mut all));
    }
    if diagnostics.has_errors() {
        all.clear();
    }
    (all, diagnostics)
}

fn load_list(source: &Source, library: &Library, into: &mut Vec<Equivalent>) -> Diagnostics {
    let root = match node::parse(source) {
        Ok(root) => root,
        Err(diagnostics) => return diagnostics,
    };
    let mut diagnostics = shape::check(&root, &EQUIVALENTS, source);
    let mut mistake = |id, message: String, at: &Node, help: Option<String>| {
        let mistake = Diagnostic::error(id, message, at.span.clone()).maybe_help(help);
        diagnostics.push(mistake.within(source));
    };
    let name = root.get_text("equivalents").unwrap_or_default().to_string();
    let Some(protocol) = library.protocol(&name) else {
        let names: Vec<&str> = library.protocols().map(|protocol| protocol.name.as_str()).collect();
        let at = root.get("equivalents").unwrap_or(&root);
        mistake(
            "unknown-protocol",
            format!("there is no protocol `{name}`"),
            at,
            did_you_mean(&name, names),
        );
        return diagnostics;
    };
    let faults = faults_of(protocol);
    for each in root.get("faults").map_or(&[][..], Node::elements) {
        let texts = |key: &str| -> Vec<(String, &Node)> {
            let elements = each.get(key).map_or(&[][..], Node::elements);
            elements
                .iter()
                .filter_map(|element| Some((element.text()?.to_string(), element)))
                .collect()
        };
        let (names, places) = (texts("fault"), texts("in"));
        for (name, at) in &names {
            if operator(name).is_none() {
                let known = super::CATALOGUE.iter().map(|operator| operator.name);
                mistake(
                    "unknown-fault",
                    format!("there is no fault `{name}`"),
                    at,
                    did_you_mean(name, known),
                );
            } else if places.is_empty() && !faults.iter().any(|fault| fault.operator.name == name) {
                let message = format!("{} cannot have the fault `{name}`", protocol.name);
                mistake("unknown-fault", message, at, None);
            }
        }
        for (pattern, at) in &places {
            let there = faults.iter().any(|fault| {
                names.iter().any(|(name, _)| name == fault.operator.name) && matches(pattern, &fault.place.to_string())
            });
            if !there {
                let known: Vec<String> = faults.iter().map(|fault| fault.place.to_string()).collect();
                let message = format!("`{pattern}` is no place of such a fault");
                let help = did_you_mean(pattern, known.iter().map(String::as_str));
                mistake("unknown-place", message, at, help);
            }
        }
        let text = |key: &str| each.get_text(key).unwrap_or_default().trim().to_string();
        for key in ["sheet", "reason"] {
            if let Some(at) = each.get(key).filter(|_| text(key).is_empty()) {
                mistake("wrong-value", format!("`{key}` is empty"), at, None);
            }
        }
        let own = |texts: Vec<(String, &Node)>| texts.into_iter().map(|(text, _)| text).collect();
        into.push(Equivalent {
            protocol: protocol.name.clone(),
            faults: own(names),
            places: own(places),
            sheet: text("sheet"),
            reason: text("reason"),
            origin: Origin {
                source: source.clone(),
                span: each.span.clone(),
            },
        });
    }
    diagnostics
}

/// Why a fault cannot be told from correct behaviour, as far as that follows from the definition.
pub fn derived(protocol: &Protocol, fault: &Fault) -> Option<String> {
    let message = fault.message(protocol);
    let reason = match fault.operator.act {
        Act::Field { .. } | Act::Memory(_) => of_field(fault, fault.field(protocol)?),
        Act::Reserved => {
            let reserved = fault.reserved(protocol);
            let free = reserved.iter().all(|bits| bits.must.is_empty());
            free.then(|| "the bits may be anything".to_string())
        }
        Act::Frame(fault) => of_frame(fault, message?),
        _ => None,
    }?;
    Some(format!("{reason} (sheet {})", protocol.sheet))
}

/// Why a fault need not fail: what it breaks is known to grade C or D only, or is tolerated with a warning. It must be
/// noticed all the same.
pub fn weak(protocol: &Protocol, fault: &Fault) -> Option<String> {
    let message = fault.message(protocol);
    let of_message = message.and_then(|message| too_weak(message.grade, "the message"));
    let reason = of_message.or_else(|| match fault.operator.act {
        Act::Field { .. } | Act::Memory(_) => weak_field(fault, fault.field(protocol)?),
        Act::Reserved => weak_reserved(protocol, fault),
        Act::Frame(FrameFault::LengthShort | FrameFault::LengthLong) => weak_length(message?),
        Act::Frame(
            FrameFault::Doubled
            | FrameFault::Late
            | FrameFault::Early
            | FrameFault::PeriodLonger
            | FrameFault::PeriodShorter
            | FrameFault::Jitter,
        ) => too_weak(message?.period.as_ref()?.grade, "the period"),
        Act::Reply(ReplyFault::Late) => too_weak(protocol.timing.as_ref()?.grade, "the time for a reply"),
        Act::Session(SessionFault::StopsWithoutKeepalive | SessionFault::GoesOnWithoutKeepalive) => too_weak(
            of_messages(protocol, protocol.keepalive.as_ref()?.grade),
            "what follows when the inverter is silent",
        ),
        Act::Request(fault) => weak_reaction(protocol, |rule| match fault {
            RequestFault::ForeignAddress => rule.situation == "foreign_address",
            RequestFault::BadChecksum => rule.situation == "bad_checksum",
            RequestFault::UnknownCommand => ["unknown_command", "unknown_function"].contains(&rule.situation.as_str()),
        }),
        Act::Reply(ReplyFault::ErrorCode | ReplyFault::RefusalMissing) => weak_reaction(protocol, |rule| {
            matches!(rule.expect, Reaction::Exception(_) | Reaction::ReturnCode(_))
        }),
        Act::Session(_) | Act::Reply(_) if message.is_none() => {
            too_weak(of_messages(protocol, protocol.grade), "the protocol")
        }
        _ => None,
    })?;
    Some(format!("{reason} (sheet {})", protocol.sheet))
}

/// What must follow some bad questions is known too badly to fail, as far as the definition tells what must.
fn weak_reaction(protocol: &Protocol, concerns: impl Fn(&ErrorRule) -> bool) -> Option<String> {
    let rules = protocol.errors.iter().filter(|rule| concerns(rule));
    let best = rules.map(|rule| rule.grade).min().unwrap_or(protocol.grade);
    too_weak(of_messages(protocol, best), "what follows such a question")
}

/// The grade of a fact that shows in whatever messages there are.
fn of_messages(protocol: &Protocol, grade: Grade) -> Grade {
    let messages = protocol.messages.iter().filter(|message| message.from == Sender::Bms);
    messages
        .map(|message| message.grade)
        .min()
        .map_or(grade, |best| grade.worse(best))
}

/// A fact that is known from one source only, or chosen here, never fails.
pub fn too_weak(grade: Grade, what: &str) -> Option<String> {
    let follows = match grade {
        Grade::A | Grade::B => return None,
        Grade::C => "a deviation warns",
        Grade::D => "a deviation informs",
    };
    Some(format!("{what} is known to grade {} only: {follows}", grade.letter()))
}

fn weak_field(fault: &Fault, field: &Field) -> Option<String> {
    let about_sign = ["sign-flipped", "sign-lost", "read-as-unsigned"].contains(&fault.operator.name);
    if let Kind::Constant { otherwise, .. } = &field.kind
        && *otherwise != Outcome::Fail
    {
        return Some("other bytes are tolerated with a warning".to_string());
    }
    too_weak(field.value_grade(about_sign), "the field")
}

fn of_field(fault: &Fault, field: &Field) -> Option<String> {
    if let Kind::Number(number) = &field.kind
        && number.either_sign
        && fault.operator.name == "sign-flipped"
    {
        return Some("the sign is information, both are in use".to_string());
    }
    beyond_range(fault, field)
}

/// A fault that changes only values which the sheet excludes.
fn beyond_range(fault: &Fault, field: &Field) -> Option<String> {
    let Kind::Number(number) = &field.kind else { return None };
    let raw = |bound: Quantity| {
        let wire = bound.to_unit(number.unit)?.number.checked_div(number.scale)?;
        wire.checked_sub(Number::integer(number.offset))
    };
    let (low, high) = field
        .range
        .as_ref()
        .map_or((None, None), |range| (range.low, range.high));
    // Where the wire's sign is reversed, a positive value is negative there.
    let never_negative =
        !number.scale.is_negative() && low.is_some_and(|low| raw(low).is_some_and(|raw| !raw.is_negative()));
    match fault.operator.name {
        "sign-lost" | "read-as-unsigned" if number.either_sign => {
            Some("the sign is information, both are in use".to_string())
        }
        "sign-lost" | "read-as-unsigned" if never_negative => {
            Some("a value below zero is out of range whatever its sign".to_string())
        }
        "sign-lost" | "read-as-unsigned"
            if number.unit.dimension() == Dimension::Temperature && number.offset <= -273 =>
        {
            Some("the wire has kelvin, which are never below zero".to_string())
        }
        "saturated" | "wrapped" => {
            let cut = number.signed && fault.operator.name == "saturated";
            let most = Number::integer(if cut { 127 } else { 255 });
            // Cutting leaves what is below zero alone.
            let low_enough = cut || never_negative;
            let small = low_enough && high.and_then(raw).is_some_and(|high| high <= most);
            small.then(|| "one byte holds every value of the range".to_string())
        }
        _ => None,
    }
}

fn weak_reserved(protocol: &Protocol, fault: &Fault) -> Option<String> {
    let reserved = fault.reserved(protocol);
    if reserved
        .iter()
        .any(|bits| !bits.must.is_empty() && bits.outcome == Outcome::Fail && too_weak(bits.grade, "").is_none())
    {
        return None;
    }
    let first = reserved.first()?;
    if first.outcome != Outcome::Fail {
        return Some("other bits are tolerated with a warning".to_string());
    }
    too_weak(first.grade, "what stands in these bits")
}

fn of_frame(fault: FrameFault, message: &Message) -> Option<String> {
    if fault == FrameFault::LengthShort {
        return of_length(&message.length);
    }
    let period = message.period.as_ref()?;
    let (is, half) = (period.is, period.is / 2);
    let (mean, gap) = match fault {
        FrameFault::Doubled | FrameFault::PeriodShorter => (half, is),
        FrameFault::Early => (is / early_copies(period), is),
        FrameFault::Late => (is, is * u32::try_from(late_by(period) + 1).ok()?),
        FrameFault::PeriodLonger => (is + half, is + half),
        FrameFault::Jitter => (is, is * 19 / 10),
        FrameFault::OrderChanged => return Some("no order of the frames is stated".to_string()),
        _ => return None,
    };
    tolerated(period, mean, gap)
}

/// Whether a mean and its longest gap do not fail.
fn tolerated(period: &PeriodRule, mean: Duration, gap: Duration) -> Option<String> {
    let words = |time: Duration| Quantity::from_duration(time).to_string();
    let too_short = period.at_least.is_some_and(|least| mean < least);
    let too_long = mean > period.warn || period.gap.is_some_and(|longest| gap > longest);
    if too_short || too_long {
        return None;
    }
    let longest = period.gap.unwrap_or(period.warn);
    Some(match period.at_least {
        None if mean < *period.pass.start() => {
            format!("no shortest period is demanded, a mean of {} only warns", words(mean))
        }
        _ => format!(
            "a mean of {} and gaps of {} are tolerated: means to {}, gaps to {}",
            words(mean),
            words(gap),
            words(period.warn),
            words(longest)
        ),
    })
}

fn of_length(rule: &LengthRule) -> Option<String> {
    let short = rule.send?.checked_sub(1)?;
    rule.pass.contains(&short).then(|| format!("{short} bytes are as good"))
}

fn weak_length(message: &Message) -> Option<String> {
    let rule = &message.length;
    let near = rule.send.map(|send| [send.saturating_sub(1), send + 1]);
    let warned = rule.warn.as_ref().zip(near);
    if warned.is_some_and(|(warn, near)| near.iter().any(|length| warn.contains(length))) {
        return Some("other lengths are tolerated with a warning".to_string());
    }
    too_weak(rule.grade?, "the length")
}
