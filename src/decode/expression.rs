//! Expressions in layouts: counts, conditions, computed fields, named deviations.

use super::{Decoded, DecodedField, Decoder, FieldValue, Finding};
use crate::definition::{Expression, HEADER_VERSION};
use crate::rule::{Computed, FieldName, Outcome, Program, Slot, Value, Values};

/// Looks up the value of a name and its number on the wire.
pub(super) type Lookup<'l> = &'l dyn Fn(&str) -> Option<(FieldValue, i128)>;

/// Whether a condition holds; `None` when it cannot be told.
pub(super) fn truth(expression: &Expression, lookup: Lookup<'_>) -> Option<bool> {
    let program = expression.program()?;
    match program.evaluate(&Found::new(program, lookup)) {
        Outcome::True => Some(true),
        Outcome::False => Some(false),
        Outcome::Undefined(_) | Outcome::Overflow => None,
    }
}

/// What an expression amounts to; `None` when it cannot be told.
pub(super) fn value(expression: &Expression, lookup: Lookup<'_>) -> Option<FieldValue> {
    let program = expression.program()?;
    match program.compute(&Found::new(program, lookup)).ok()? {
        Computed::Quantity(quantity) => Some(FieldValue::Quantity(quantity)),
        Computed::Flag(flag) => Some(FieldValue::Flag(flag)),
        Computed::State(name, code) => Some(FieldValue::State(name, code)),
        Computed::Text(text) => Some(FieldValue::Text(text)),
    }
}

/// The values that a program reads, looked up once.
struct Found {
    values: Vec<Option<(FieldValue, i128)>>,
}

impl Found {
    fn new(program: &Program, lookup: Lookup<'_>) -> Found {
        let name_of = |name: &FieldName| match name {
            FieldName::Field { name, .. } => lookup(name),
            FieldName::Address(_) => None,
        };
        Found {
            values: program.reads().iter().map(name_of).collect(),
        }
    }
}

impl Values for Found {
    fn value(&self, slot: Slot) -> Option<Value<'_>> {
        self.values
            .get(slot.0)?
            .as_ref()
            .map(|(value, _)| value.as_rule_value())
    }

    fn raw(&self, slot: Slot) -> Option<i128> {
        self.values.get(slot.0)?.as_ref().map(|(_, raw)| *raw)
    }
}

impl<'p> Decoder<'p> {
    /// Adds the fields that are computed from others of the message.
    pub(super) fn derive(&self, decoded: &mut Decoded<'p>) {
        let Some(message) = decoded.message else { return };
        for derived in self
            .protocol
            .derived
            .iter()
            .filter(|derived| derived.message == message.name)
        {
            if derived.expression.text == HEADER_VERSION {
                continue;
            }
            for fields in std::iter::once(&mut decoded.fields).chain(&mut decoded.packs) {
                let find = |name: &str| {
                    fields
                        .iter()
                        .find(|field| field.name == name)
                        .map(|field| (field.value.clone(), field.raw))
                };
                if let Some(value) = value(&derived.expression, &find) {
                    let raw = value.as_integer().unwrap_or(0);
                    fields.push(DecodedField {
                        field: &derived.field,
                        name: derived.field.name.as_str().into(),
                        value,
                        raw,
                        bytes: 0..0,
                        bits: None,
                    });
                }
            }
        }
    }

    /// Reports the wrong forms that are known by name.
    pub(super) fn deviations(&self, decoded: &mut Decoded<'p>) {
        let Some(message) = decoded.message else { return };
        for deviation in self
            .protocol
            .deviations
            .iter()
            .filter(|deviation| deviation.message == message.name)
        {
            let find = |name: &str| decoded.field(name).map(|field| (field.value.clone(), field.raw));
            if truth(&deviation.when, &find) == Some(true) {
                decoded.warnings.push(Finding {
                    id: deviation.id.clone().into(),
                    outcome: deviation.outcome,
                    grade: deviation.grade,
                    text: deviation.title.clone(),
                    field: None,
                    bytes: 0..0,
                });
            }
        }
    }
}
