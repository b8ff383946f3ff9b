//! Expressions in layouts: counts, conditions, computed fields, named deviations.

use super::{Decoded, DecodedField, Decoder, FieldValue, Finding};
use crate::definition::{Expression, HEADER_VERSION};
use crate::rule::{Computed, FieldName, Outcome, Program, Slot, Value, Values};

/// Looks up the value of a name and its number on the wire.
pub(super) type Lookup<'l> = &'l dyn Fn(&str) -> Option<(FieldValue, i128)>;

/// Whether a condition holds; `None` when it cannot be told.
pub(super) fn truth(expression: &Expression, lookup: Lookup<'_>) -> Option<bool> {
    truth_of_registers(expression, lookup, &|_| None)
}

/// Whether a condition that may read registers by their number holds; `None` when it cannot be told.
fn truth_of_registers(
    expression: &Expression,
    lookup: Lookup<'_>,
    register: &dyn Fn(u32) -> Option<u16>,
) -> Option<bool> {
    let program = expression.program()?;
    match program.evaluate(&Found::new(program, lookup, register)) {
        Outcome::True => Some(true),
        Outcome::False => Some(false),
        Outcome::Undefined(_) | Outcome::Overflow => None,
    }
}

/// What an expression amounts to; `None` when it cannot be told.
pub(super) fn value(expression: &Expression, lookup: Lookup<'_>) -> Option<FieldValue> {
    let program = expression.program()?;
    match program.compute(&Found::new(program, lookup, &|_| None)).ok()? {
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
    fn new(program: &Program, lookup: Lookup<'_>, register: &dyn Fn(u32) -> Option<u16>) -> Found {
        let name_of = |name: &FieldName| match name {
            FieldName::Field { name, .. } => lookup(name),
            // A register has a number on the wire, and no meaning.
            FieldName::Address(address) => {
                register(*address).map(|raw| (FieldValue::Bytes(raw.to_be_bytes().to_vec()), raw.into()))
            }
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

    /// Reports the wrong forms that are known by name; `first` is the register that the data begin with.
    pub(super) fn deviations(&self, decoded: &mut Decoded<'p>, first: Option<u16>) {
        let Some(message) = decoded.message else { return };
        let data = decoded.data.clone();
        let register = |address: u32| {
            let index = usize::try_from(address.checked_sub(u32::from(first?))?).ok()?;
            let word = data.chunks_exact(2).nth(index)?;
            Some(u16::from_be_bytes([*word.first()?, *word.get(1)?]))
        };
        for deviation in self
            .protocol
            .deviations
            .iter()
            .filter(|deviation| deviation.message == message.name)
        {
            let find = |name: &str| decoded.field(name).map(|field| (field.value.clone(), field.raw));
            if truth_of_registers(&deviation.when, &find, &register) == Some(true) {
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
