//! What stands in one message against what is demanded of it: fields, exact bytes, length, expressions.

use std::rc::Rc;

use crate::decode::{DecodedField, FieldValue};
use crate::definition::{Anchor, Field, Grade, Kind, Message, Place};
use crate::suite::{Content, Demand, demand};
use crate::value::{Number, Quantity};
use crate::wire::{BusFrame, hex_spaced};

use super::Evidence;
use super::observe::Heard;
use super::ruling::{Context, Ruling};

/// Compares a message with a demand on its content; one ruling for each single demand.
pub(crate) fn compare<'p>(content: &Content, heard: &Rc<Heard<'p>>, context: &Context<'p>) -> Vec<Ruling> {
    let comparison = Comparison { heard, context };
    let mut rulings = Vec::new();
    for (name, demand) in &content.fields {
        rulings.push(comparison.field(&heard.decoded.fields, name, demand, None));
    }
    comparison.packs(&content.packs, &mut rulings);
    if let Some(golden) = &content.golden {
        rulings.push(comparison.golden(golden));
    }
    if let Some(frame) = &content.frame {
        rulings.push(comparison.frame(frame));
    }
    if let Some(length) = content.length {
        rulings.push(comparison.length(length));
    }
    for expression in &content.that {
        rulings.push(comparison.expression(expression));
    }
    rulings
}

struct Comparison<'c, 'p> {
    heard: &'c Rc<Heard<'p>>,
    context: &'c Context<'p>,
}

impl Comparison<'_, '_> {
    fn message_grade(&self) -> Grade {
        self.heard
            .decoded
            .message
            .map_or(self.context.protocol.grade, |message| message.grade)
    }

    /// Evidence that points at some bytes of the message.
    fn evidence(&self, bytes: std::ops::Range<usize>) -> Evidence {
        evidence(self.heard, bytes)
    }

    fn packs(&self, demanded: &[Vec<(String, Demand)>], rulings: &mut Vec<Ruling>) {
        if demanded.is_empty() {
            return;
        }
        let decoded = &self.heard.decoded;
        // The fields of a single pack stand directly in the message.
        let seen: Vec<&[DecodedField<'_>]> = match decoded.packs.as_slice() {
            [] => vec![decoded.fields.as_slice()],
            packs => packs.iter().map(Vec::as_slice).collect(),
        };
        let (expected, actual) = (demanded.len(), seen.len());
        let count = self.context.ruling(
            format!("{} packs", self.heard.label()),
            self.message_grade(),
            format!("{expected}"),
            format!("{actual}"),
            expected == actual,
        );
        rulings.push(count.with_evidence(self.evidence(0..0)));
        for (number, (demands, fields)) in demanded.iter().zip(seen).enumerate() {
            for (name, demand) in demands {
                rulings.push(self.field(fields, name, demand, Some(number + 1)));
            }
        }
    }

    fn field(&self, fields: &[DecodedField<'_>], name: &str, demanded: &Demand, pack: Option<usize>) -> Ruling {
        let label = self.heard.label();
        let what = match pack {
            None => format!("{label}.{name}"),
            Some(pack) => format!("{label}.packs[{pack}].{name}"),
        };
        let expected = in_words(demanded);
        let Some(found) = fields.iter().find(|field| field.name == name) else {
            return self.missing(what, name, demanded, expected);
        };
        let held = holds(found, demanded);
        let (grade, actual) = (grade_of(found, demanded), actual(found));
        let mut ruling = self
            .context
            .ruling(what, grade, expected, actual, held)
            .with_requirement(self.context.requirement(grade, &found.field.origin))
            .with_evidence(self.evidence(found.bytes.clone()));
        ruling.check.vacuous = held && demand::always_holds(found.field, demanded);
        ruling.compared = super::diagnosis::field(found, pack, demanded, self.heard);
        ruling
    }

    /// A field that is not in the message: the frame is too short for it, or its condition does not hold.
    fn missing(&self, what: String, name: &str, demanded: &Demand, expected: String) -> Ruling {
        let field: Option<&Field> = self.heard.decoded.message.and_then(|message| message.field(name));
        let grade = field.map_or(self.message_grade(), |field| field.grade);
        let actual = format!("not in the message ({} bytes)", self.heard.decoded.data.len());
        let held = *demanded == Demand::Missing;
        let ruling = self.context.ruling(what, grade, expected, actual, held);
        let ruling = match field {
            Some(field) => ruling.with_requirement(self.context.requirement(grade, &field.origin)),
            None => ruling,
        };
        ruling.with_evidence(self.evidence(0..self.heard.decoded.data.len()))
    }

    fn golden(&self, golden: &[Option<u8>]) -> Ruling {
        let data = &self.heard.decoded.data;
        let differs = |index: usize| match (golden.get(index), data.get(index)) {
            (Some(Some(expected)), Some(actual)) => expected != actual,
            (Some(None), Some(_)) => false,
            _ => true,
        };
        let longest = golden.len().max(data.len());
        let wrong: Vec<usize> = (0..longest).filter(|index| differs(*index)).collect();
        let bytes = match (wrong.first(), wrong.last()) {
            (Some(first), Some(last)) => *first..(*last + 1).min(data.len()).max(*first),
            _ => 0..0,
        };
        let grade = self.grade_of_bytes(golden, &wrong);
        let mut evidence = self.evidence(bytes);
        evidence.golden = Some(golden.to_vec());
        let held = wrong.is_empty();
        let mut ruling = self
            .context
            .ruling(
                format!("{} bytes", self.heard.label()),
                grade,
                golden_in_words(golden),
                hex_spaced(data),
                held,
            )
            .with_evidence(evidence);
        ruling.check.vacuous = held && golden.iter().all(Option::is_none);
        ruling.compared = super::diagnosis::golden(golden, self.heard);
        ruling
    }

    /// How well the best known of the facts is known that wrong bytes break: a guess beside it excuses nothing.
    fn grade_of_bytes(&self, golden: &[Option<u8>], wrong: &[usize]) -> Grade {
        let decoded = &self.heard.decoded;
        let fact_of = |byte: usize| {
            let expected = golden.get(byte).copied().flatten();
            let differing = match (expected, decoded.data.get(byte)) {
                (Some(expected), Some(actual)) => expected ^ actual,
                _ => 0xFF,
            };
            let fields = decoded.fields.iter().filter(|field| {
                let bits = match field.bits {
                    Some((low, high)) if field.bytes.len() == 1 => {
                        (low..=high).fold(0_u8, |mask, bit| mask | 1 << (bit % 8))
                    }
                    _ => 0xFF,
                };
                field.bytes.contains(&byte) && bits & differing != 0
            });
            let of_fields = fields.map(|field| field.field.value_grade(true)).min();
            of_fields.or_else(|| self.grade_of_reserved(byte))
        };
        let best = wrong.iter().filter_map(|byte| fact_of(*byte)).min();
        best.map_or(self.message_grade(), |grade| grade.worse(self.message_grade()))
    }

    /// How well it is known what stands in a byte without a field.
    fn grade_of_reserved(&self, byte: usize) -> Option<Grade> {
        let layout = &self.heard.decoded.message?.layout;
        let covers = |place: &Place| match place.anchor {
            Anchor::Start(first) => (first..first + place.bytes).contains(&byte),
            Anchor::End(_) | Anchor::Next | Anchor::Same => false,
        };
        let reserved = layout.reserved.iter().filter(|reserved| covers(&reserved.place));
        reserved.map(|reserved| reserved.grade).min()
    }

    fn frame(&self, frame: &[u8]) -> Ruling {
        let seen: &[u8] = match &self.heard.frame {
            BusFrame::Serial(bytes) => bytes,
            BusFrame::Can(can) => can.payload(),
        };
        self.context
            .ruling(
                format!("{} frame", self.heard.label()),
                self.message_grade(),
                text_or_hex(frame),
                text_or_hex(seen),
                frame == seen,
            )
            .with_evidence(self.evidence(0..0))
    }

    fn length(&self, length: usize) -> Ruling {
        let actual = self.heard.decoded.data.len();
        let message: Option<&Message> = self.heard.decoded.message;
        let grade = message
            .and_then(|message| message.length.grade)
            .unwrap_or(self.message_grade());
        self.context
            .ruling(
                format!("{} length", self.heard.label()),
                grade,
                plural(length, "byte"),
                plural(actual, "byte"),
                actual == length,
            )
            .with_evidence(self.evidence(0..actual))
    }

    fn expression(&self, expression: &crate::definition::Expression) -> Ruling {
        let label = format!("{} that {}", self.heard.label(), expression.text);
        super::expression::over_message(&expression.text, self.heard, self.context.protocol).into_ruling(
            label,
            self.context,
            self.message_grade(),
            self.evidence(0..0),
        )
    }
}

/// A message as evidence, pointing at some bytes of its data.
pub(crate) fn evidence(heard: &Heard<'_>, bytes: std::ops::Range<usize>) -> Evidence {
    Evidence {
        event: heard.event,
        at: heard.at,
        frame: heard.frame.clone(),
        data: heard.decoded.data.clone(),
        golden: None,
        bytes,
    }
}

/// What a demand is, for people.
pub(crate) fn in_words(demanded: &Demand) -> String {
    match demanded {
        Demand::Is { value, tolerance: None } => value.to_string(),
        Demand::Is {
            value,
            tolerance: Some(tolerance),
        } => format!("{value} +-{tolerance}"),
        Demand::Range(Some(low), Some(high)) => format!("{low} to {high}"),
        Demand::Range(Some(low), None) => format!("at least {low}"),
        Demand::Range(None, Some(high)) => format!("at most {high}"),
        Demand::Range(None, None) => "any value".to_string(),
        Demand::Truth(truth) => truth.to_string(),
        Demand::Word(word) => word.clone(),
        Demand::Absent => "not available".to_string(),
        Demand::Missing => "not in the message".to_string(),
    }
}

/// What a field says, with its raw number where that is another one.
pub(crate) fn actual(found: &DecodedField<'_>) -> String {
    match &found.value {
        FieldValue::Text(_) | FieldValue::Bytes(_) => found.value.to_string(),
        value => format!("{value} (raw {})", found.raw),
    }
}

/// Whether a field is what is demanded.
pub(crate) fn holds(found: &DecodedField<'_>, demanded: &Demand) -> bool {
    match (demanded, &found.value) {
        (Demand::Is { value, tolerance }, FieldValue::Quantity(actual)) => is_near(*actual, *value, *tolerance),
        (Demand::Range(low, high), FieldValue::Quantity(actual)) => {
            low.is_none_or(|low| actual.compare(low).is_some_and(std::cmp::Ordering::is_ge))
                && high.is_none_or(|high| actual.compare(high).is_some_and(std::cmp::Ordering::is_le))
        }
        (Demand::Truth(wanted), value) => value.as_truth() == Some(*wanted),
        (Demand::Word(word), FieldValue::State(name, _)) => name.as_deref() == Some(word.as_str()),
        // Bytes that never change are read as text where they are characters.
        (Demand::Word(word), FieldValue::Text(text)) if matches!(found.field.kind, Kind::Constant { .. }) => {
            text == word || hex_spaced(text.as_bytes()) == *word
        }
        (Demand::Word(word), FieldValue::Text(text)) => text == word,
        (Demand::Word(word), FieldValue::Bytes(bytes)) => hex_spaced(bytes) == *word,
        (Demand::Absent, value) => *value == FieldValue::Absent,
        _ => false,
    }
}

fn is_near(actual: Quantity, wanted: Quantity, tolerance: Option<Quantity>) -> bool {
    let Some(tolerance) = tolerance else {
        return actual == wanted;
    };
    let difference = actual
        .to_unit(wanted.unit)
        .and_then(|actual| actual.number.checked_sub(wanted.number))
        .map(Number::abs);
    let allowed = tolerance.to_unit(wanted.unit).map(|tolerance| tolerance.number);
    matches!((difference, allowed), (Some(difference), Some(allowed)) if difference <= allowed)
}

/// How well the fact behind a demand on a field is known.
///
/// A value rests on scale, unit, order and bits together; on the sign only where the signs differ, since a known
/// magnitude with an agreed sign says nothing about the other one; on the sentinel only where one is demanded or seen.
pub(crate) fn grade_of(found: &DecodedField<'_>, demanded: &Demand) -> Grade {
    let signs_differ = match (&found.value, demanded) {
        (FieldValue::Quantity(actual), Demand::Is { value, .. }) => {
            actual.number.is_negative() != value.number.is_negative()
        }
        (FieldValue::Quantity(actual), Demand::Range(low, high)) => {
            let zero_or_more = low.is_some_and(|low| !low.number.is_negative());
            let zero_or_less = high.is_some_and(|high| high.number <= Number::ZERO);
            (actual.number.is_negative() && zero_or_more) || (actual.number > Number::ZERO && zero_or_less)
        }
        _ => false,
    };
    let mut grade = found.field.value_grade(signs_differ);
    if *demanded == Demand::Absent || found.value == FieldValue::Absent {
        grade = grade.worse(found.field.aspect("absent"));
    }
    grade
}

fn golden_in_words(golden: &[Option<u8>]) -> String {
    golden
        .iter()
        .map(|byte| byte.map_or("??".to_string(), |byte| format!("{byte:02X}")))
        .collect::<Vec<_>>()
        .join(" ")
}

/// Serial bytes as people know them: an ASCII frame as text, anything else in hex.
pub(crate) fn text_or_hex(bytes: &[u8]) -> String {
    match bytes.strip_suffix(b"\r") {
        Some(text) if bytes.first() == Some(&b'~') && text.iter().all(u8::is_ascii_graphic) => {
            String::from_utf8_lossy(text).into_owned()
        }
        _ => hex_spaced(bytes),
    }
}

/// `1 byte`, `2 bytes`.
pub(crate) fn plural(count: usize, thing: &str) -> String {
    if count == 1 {
        format!("1 {thing}")
    } else {
        format!("{count} {thing}s")
    }
}
