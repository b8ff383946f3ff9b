//! A rule is read or refused with a place in its text; a checked one gives the same outcome twice.
#![no_main]

use bmscheck::rule::{self, Expects, FieldName, Options, Scope, Slot, Type, Value, Values};
use bmscheck::value::{Dimension, Number, Quantity, Unit};
use libfuzzer_sys::fuzz_target;

/// Every field exists; its first letter tells what it holds.
struct Fields;

impl Scope for Fields {
    fn resolve(&self, name: &FieldName) -> Option<Type> {
        Some(match name.to_string().bytes().next()? {
            b'a'..=b'f' => Type::Quantity(Dimension::Voltage),
            b'g'..=b'k' => Type::Flag,
            b'l'..=b'p' => Type::State(vec!["standby".to_owned()]),
            b'q'..=b't' => Type::Quantity(Dimension::Count),
            _ => Type::Unknown,
        })
    }

    fn names(&self) -> Vec<FieldName> {
        ["cell_voltage_1", "cell_voltage_2", "current_1"].map(FieldName::plain).to_vec()
    }
}

impl Values for Fields {
    fn value(&self, slot: Slot) -> Option<Value<'_>> {
        let number = Number::ratio(i128::MAX - 5, 3 + slot.0 as i128)?;
        match slot.0 % 6 {
            0 => Some(Value::Quantity(Quantity::new(number, Unit::Millivolt))),
            1 => Some(Value::Quantity(Quantity::new(Number::integer(3300), Unit::Millivolt))),
            2 => Some(Value::Flag(true)),
            3 => Some(Value::State { name: Some("standby"), raw: 0 }),
            4 => Some(Value::Absent),
            _ => None,
        }
    }

    fn raw(&self, slot: Slot) -> Option<i128> {
        (slot.0 % 2 == 0).then_some(i128::MAX)
    }
}

fuzz_target!(|text: &str| {
    let rule = match rule::parse(text) {
        Ok(rule) => rule,
        Err(error) => {
            assert!(text.get(error.span.clone()).is_some(), "{error}");
            return;
        }
    };
    for expects in [Expects::Condition, Expects::Count, Expects::Anything] {
        match rule.compile_with(&Fields, Options { expects, ..Options::default() }) {
            Ok(program) => {
                assert_eq!(program.evaluate(&Fields), program.evaluate(&Fields));
                assert_eq!(program.compute(&Fields), program.compute(&Fields));
            }
            Err(errors) => {
                assert!(!errors.is_empty());
                assert!(errors.iter().all(|error| text.get(error.span.clone()).is_some()));
            }
        }
    }
});
