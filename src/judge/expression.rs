//! Expressions over what was heard: where their values come from.

use std::rc::Rc;

use crate::decode::DecodedField;
use crate::definition::scope::Scope;
use crate::definition::{Grade, Outcome, Protocol};
use crate::rule::{self, FieldName, Outcome as Truth, Program, Slot, Value, Values};

use super::Evidence;
use super::observe::Heard;
use super::ruling::{Context, Ruling};

/// The messages that a program reads, the values of one pack first.
pub(crate) struct Snapshot<'v, 'p> {
    /// For each name that the program reads: the latest message that has the field.
    pub(crate) heard: &'v [Option<Rc<Heard<'p>>>],
    pub(crate) names: &'v [FieldName],
    /// Which of several packs is looked at.
    pub(crate) pack: usize,
}

impl<'p> Snapshot<'_, 'p> {
    fn field(&self, slot: Slot) -> Option<Option<&DecodedField<'p>>> {
        let heard = self.heard.get(slot.0)?.as_ref()?;
        let FieldName::Field { name, .. } = self.names.get(slot.0)? else {
            return None;
        };
        let of_pack = heard.decoded.packs.get(self.pack).map_or(&[][..], Vec::as_slice);
        Some(
            of_pack
                .iter()
                .chain(&heard.decoded.fields)
                .find(|field| field.name == *name),
        )
    }

    /// How many packs there are to look at.
    pub(crate) fn packs(heard: &[Option<Rc<Heard<'p>>>]) -> usize {
        heard
            .iter()
            .flatten()
            .map(|heard| heard.decoded.packs.len())
            .max()
            .unwrap_or(0)
            .max(1)
    }
}

impl Values for Snapshot<'_, '_> {
    fn value(&self, slot: Slot) -> Option<Value<'_>> {
        Some(
            self.field(slot)?
                .map_or(Value::Absent, |field| field.value.as_rule_value()),
        )
    }

    fn raw(&self, slot: Slot) -> Option<i128> {
        Some(self.field(slot)??.raw)
    }
}

/// Evaluates a program for each pack: what does not hold for one does not hold.
pub(crate) fn for_each_pack(program: &Program, heard: &[Option<Rc<Heard<'_>>>]) -> Truth {
    let mut all = Truth::True;
    for pack in 0..Snapshot::packs(heard) {
        let snapshot = Snapshot {
            heard,
            names: program.reads(),
            pack,
        };
        match program.evaluate(&snapshot) {
            Truth::True => {}
            Truth::False => return Truth::False,
            other => all = other,
        }
    }
    all
}

/// The fields that a program reads with their values, for people: `charge_enable = false, soc = 5 %`.
pub(crate) fn values_in_words(names: &[FieldName], heard: &[Option<Rc<Heard<'_>>>]) -> String {
    let most = 6;
    let mut parts: Vec<String> = Vec::new();
    let snapshot = Snapshot { heard, names, pack: 0 };
    for (slot, name) in names.iter().enumerate() {
        if parts.len() == most {
            parts.push("...".into());
            break;
        }
        if let Some(Some(field)) = snapshot.field(Slot(slot)) {
            parts.push(format!("{name} = {}", field.value));
        }
    }
    parts.join(", ")
}

/// How an expression over one message came out.
pub(crate) struct Evaluated {
    truth: Result<bool, String>,
    values: String,
    grade: Option<Grade>,
}

impl Evaluated {
    pub(crate) fn into_ruling(self, what: String, context: &Context<'_>, grade: Grade, evidence: Evidence) -> Ruling {
        let grade = self.grade.map_or(grade, |fields| fields.worse(grade));
        let outcome = match self.truth {
            Ok(true) => Outcome::Pass,
            _ => Outcome::Fail,
        };
        let actual = match &self.truth {
            Ok(_) => self.values,
            Err(why) => why.clone(),
        };
        context
            .ruling_of(what, grade, "true".into(), actual, outcome)
            .with_evidence(evidence)
    }
}

/// Evaluates an expression over the fields of one message.
pub(crate) fn over_message(text: &str, heard: &Rc<Heard<'_>>, protocol: &Protocol) -> Evaluated {
    let failed = |why: String| Evaluated {
        truth: Err(why),
        values: String::new(),
        grade: None,
    };
    let Some(message) = heard.decoded.message else {
        return failed("the definition does not know the message".into());
    };
    let scope = Scope::of_message(protocol, message);
    let program = match rule::parse(text).map_err(|error| error.to_string()).and_then(|parsed| {
        parsed
            .compile(&scope)
            .map_err(|errors| errors.first().map_or_else(String::new, ToString::to_string))
    }) {
        Ok(program) => program,
        Err(why) => return failed(why),
    };
    let sources: Vec<Option<Rc<Heard<'_>>>> = program.reads().iter().map(|_| Some(Rc::clone(heard))).collect();
    let grade = program
        .reads()
        .iter()
        .filter_map(|name| scope.find(name))
        .map(|(_, field)| field.grade)
        .reduce(Grade::worse);
    let values = values_in_words(program.reads(), &sources);
    let truth = match for_each_pack(&program, &sources) {
        Truth::True => Ok(true),
        Truth::False => Ok(false),
        Truth::Undefined(why) => Err(program.describe(why)),
        Truth::Overflow => Err("a number is too large to compute with".into()),
    };
    Evaluated { truth, values, grade }
}
