//! What can be wrong with a rule, and where.

use std::fmt;
use std::ops::Range;

use super::syntax::{FieldName, Function};

/// A mistake in a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleError {
    /// The smallest part of the text at fault, in bytes.
    pub span: Range<usize>,
    /// What is wrong.
    pub kind: RuleErrorKind,
}

/// What is wrong with a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleErrorKind {
    /// Something else was expected here.
    #[error("expected {expected}, found {found}")]
    Syntax {
        /// What could stand here.
        expected: &'static str,
        /// What does.
        found: String,
    },
    /// Two comparisons in a row.
    #[error("comparisons cannot be chained")]
    ChainedComparison,
    /// A number has more digits than any quantity needs.
    #[error("the number is too long")]
    NumberTooLong,
    /// The text is longer than any rule.
    #[error("the rule is longer than {limit} bytes")]
    TooLong {
        /// The longest rule.
        limit: usize,
    },
    /// Too many parts stand inside one another.
    #[error("the rule is nested too deeply")]
    TooDeep,
    /// A word after a number is no unit.
    #[error("`{symbol}` is not a unit")]
    UnknownUnit {
        /// The word.
        symbol: String,
        /// Units that are spelled alike.
        nearest: Vec<String>,
    },
    /// There is no such function.
    #[error("there is no function `{name}`")]
    UnknownFunction {
        /// Its name.
        name: String,
        /// Functions that are spelled alike.
        nearest: Vec<String>,
    },
    /// There is no such field.
    #[error("there is no field `{name}`")]
    UnknownField {
        /// Its name.
        name: FieldName,
        /// Fields that are spelled alike.
        nearest: Vec<String>,
    },
    /// No field belongs to a run.
    #[error("no field is named `{name}`")]
    EmptyRun {
        /// The run as written.
        name: String,
        /// Fields that are spelled alike.
        nearest: Vec<String>,
    },
    /// A run stands where one value is needed.
    #[error("`{name}` stands for several fields")]
    RunOutsideFunction {
        /// The run as written.
        name: String,
    },
    /// A state has no such name.
    #[error("the field has no state `{name}`")]
    UnknownState {
        /// The name.
        name: String,
        /// Its states that are spelled alike; all of them if none is.
        nearest: Vec<String>,
    },
    /// A function is given too many or too few arguments, or ones it cannot take.
    #[error("`{}` takes {takes}", function.name())]
    WrongArguments {
        /// The function.
        function: Function,
        /// What it takes.
        takes: &'static str,
    },
    /// Something else is needed here.
    #[error("this is {is}, not {needed}")]
    WrongType {
        /// What it is.
        is: String,
        /// What is needed.
        needed: String,
        /// What to write instead.
        help: Option<String>,
    },
    /// Two operands do not go together.
    #[error("this is {right}, the other operand is {left}")]
    Mismatch {
        /// What the operand before the operator is.
        left: String,
        /// What the operand after it is.
        right: String,
        /// What to write instead.
        help: Option<String>,
    },
    /// The tolerance of the rule applies to no comparison in it.
    #[error("the tolerance {tolerance} applies to no `==` or `!=` of this rule")]
    UnusedTolerance {
        /// The tolerance.
        tolerance: String,
    },
}

impl RuleError {
    /// A stable name for the kind of mistake, as used in diagnostics.
    pub fn id(&self) -> &'static str {
        match self.kind {
            RuleErrorKind::Syntax { .. } | RuleErrorKind::ChainedComparison | RuleErrorKind::NumberTooLong => {
                "rule-syntax"
            }
            RuleErrorKind::TooLong { .. } | RuleErrorKind::TooDeep => "rule-too-large",
            RuleErrorKind::UnknownUnit { .. } => "unknown-unit",
            RuleErrorKind::UnknownFunction { .. } => "unknown-function",
            RuleErrorKind::UnknownField { .. } | RuleErrorKind::EmptyRun { .. } => "unknown-field",
            RuleErrorKind::RunOutsideFunction { .. } | RuleErrorKind::WrongArguments { .. } => "wrong-arguments",
            RuleErrorKind::UnknownState { .. } => "unknown-state",
            RuleErrorKind::WrongType { .. } => "type-mismatch",
            RuleErrorKind::Mismatch { .. } => "unit-mismatch",
            RuleErrorKind::UnusedTolerance { .. } => "unused-tolerance",
        }
    }

    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        match &self.kind {
            RuleErrorKind::ChainedComparison => Some("join them with `&&`, or write `x in low..high`".to_owned()),
            RuleErrorKind::RunOutsideFunction { .. } => Some("give it to `sum`, `max`, `min` or `count`".to_owned()),
            RuleErrorKind::UnknownUnit { nearest, .. }
            | RuleErrorKind::UnknownFunction { nearest, .. }
            | RuleErrorKind::UnknownField { nearest, .. }
            | RuleErrorKind::EmptyRun { nearest, .. }
            | RuleErrorKind::UnknownState { nearest, .. } => {
                let names: Vec<String> = nearest.iter().map(|name| format!("`{name}`")).collect();
                (!names.is_empty()).then(|| format!("did you mean {}?", list(&names)))
            }
            RuleErrorKind::WrongType { help, .. } | RuleErrorKind::Mismatch { help, .. } => help.clone(),
            _ => None,
        }
    }
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.kind, f)
    }
}

impl std::error::Error for RuleError {}

/// `a, b or c`.
fn list<T: AsRef<str>>(items: &[T]) -> String {
    let mut text = String::new();
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            text.push_str(if index + 1 == items.len() { " or " } else { ", " });
        }
        text.push_str(item.as_ref());
    }
    text
}

/// The names most like `name`, best first, three at most.
pub(super) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let length = name.chars().count();
    let allowed = (length / 3).max(1);
    let mut near: Vec<(usize, &str)> = known
        .into_iter()
        // The distance is never less than the difference of the lengths, which is known much sooner.
        .filter(|known| known.chars().count().abs_diff(length) <= allowed)
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .filter(|(distance, _)| *distance <= allowed)
        .collect();
    near.sort_unstable();
    near.dedup();
    near.into_iter().take(3).map(|(_, known)| known.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_names_are_offered_and_no_others() {
        let known = [
            "charge_current_limit",
            "discharge_current_limit",
            "charge_enable",
            "soc",
            "soh",
        ];
        assert_eq!(
            nearest("charge_curent_limit", known),
            ["charge_current_limit", "discharge_current_limit"]
        );
        assert_eq!(nearest("sok", known), ["soc", "soh"]);
        assert!(nearest("temperature", known).is_empty());
    }

    #[test]
    fn lists_read_like_sentences() {
        assert_eq!(list::<&str>(&[]), "");
        assert_eq!(list(&["a"]), "a");
        assert_eq!(list(&["a", "b", "c"]), "a, b or c");
    }
}
