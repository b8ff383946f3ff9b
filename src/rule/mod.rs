//! The rule language: conditions over decoded fields, a small part of CEL with quantities.
//!
//! | file | subject |
//! |---|---|
//! | [`syntax`] | the tree of a rule, with the place of every part |
//! | [`parse`] | text to tree |
//! | [`check`] | names, types and units; tree to [`Program`] |
//! | [`types`] | what an expression can be, and how units multiply |
//! | [`evaluate`] | a program and values to an [`Outcome`] |
//! | [`error`] | what can be wrong with a rule, and where |
//!
//! # Language
//!
//! | | |
//! |---|---|
//! | literals | `58.4 V`, `10 %`, `5`, `0x0E`, `true`, `false`, `"standby"` or `'standby'` |
//! | fields | `soc`, `measurements.soc`, `0x351.charge_voltage_limit` |
//! | comparison | `==` `!=` `<` `<=` `>` `>=`, `soc in 0..100 %` (both ends belong to it) |
//! | logic | `&&` `\|\|` `!`, `condition ? this : that` |
//! | arithmetic | `+` `-` `*` `/`, exact |
//! | `has(f)` | the field is there and has a value |
//! | `raw(f)`, `raw(0x70)` | the number on the wire, of a field or of a register |
//! | `abs(x)` | the magnitude |
//! | `sum` `max` `min` `count` | over their arguments; `cell_voltage_*` stands for all fields with a number in that place |
//!
//! A field that has not come makes the result [`Outcome::Undefined`], unless the rest decides (`false && x`). A field
//! that says "not available" does the same, but [`sum`](Function::Sum) and its like leave it out of a run.
//!
//! ```
//! use bmscheck::rule::{self, FieldName, Outcome, Scope, Slot, Type, Value, Values};
//! use bmscheck::value::Dimension;
//!
//! struct Limits;
//! impl Scope for Limits {
//!     fn resolve(&self, name: &FieldName) -> Option<Type> {
//!         match name.to_string().as_str() {
//!             "charge_enable" => Some(Type::Flag),
//!             "charge_current_limit" => Some(Type::Quantity(Dimension::Current)),
//!             _ => None,
//!         }
//!     }
//!     fn names(&self) -> Vec<FieldName> {
//!         vec![FieldName::plain("charge_enable"), FieldName::plain("charge_current_limit")]
//!     }
//! }
//! struct Frame;
//! impl Values for Frame {
//!     fn value(&self, slot: Slot) -> Option<Value<'_>> {
//!         Some(if slot.0 == 0 { Value::Flag(false) } else { Value::Quantity("20 A".parse().unwrap()) })
//!     }
//!     fn raw(&self, _: Slot) -> Option<i128> {
//!         None
//!     }
//! }
//!
//! let rule = rule::parse("charge_enable || charge_current_limit == 0 A").unwrap();
//! let program = rule.compile(&Limits).unwrap();
//! assert_eq!(program.reads().len(), 2);
//! assert_eq!(program.evaluate(&Frame), Outcome::False);
//!
//! let wrong = rule::parse("charge_curent_limit == 0 V").unwrap();
//! let errors = wrong.compile(&Limits).unwrap_err();
//! assert_eq!(errors[0].to_string(), "there is no field `charge_curent_limit`");
//! assert_eq!(errors[0].help().unwrap(), "did you mean `charge_current_limit`?");
//! ```

pub mod check;
pub mod error;
pub mod evaluate;
pub mod parse;
pub mod syntax;
pub mod types;

#[cfg(test)]
mod tests;

pub use check::{Expects, Options, Scope};
pub use error::{RuleError, RuleErrorKind};
pub use evaluate::{Computed, Outcome, Program, Slot, Undefined, Value, Values};
pub use parse::parse;
pub use syntax::{FieldName, Function, MessageName, Rule};
pub use types::Type;
