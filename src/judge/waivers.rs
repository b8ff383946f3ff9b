//! Known failures: they still run, and are excused until their time is over.
//!
//! ```yaml
//! waivers:
//!   - { case: pylon-can/alarms/*, check: 0x359 reserved-bits, reason: bit 1.4 is our imbalance flag, owner: jo, expires: 2026-12-31 }
//! ```
//!
//! A waiver excuses a failure of the cases that its pattern matches; with `check`, of those checks only. A waiver that
//! excuses nothing although its cases ran fails them (an unexpected pass), and so does one whose time is over. An error
//! of the bench is never waived.

use crate::definition::Origin;
use crate::document::shape::{self, Object, Shape, optional, required};
use crate::document::{Diagnostic, Diagnostics, Node, Source, node};

use super::case::verdict;
use super::{CaseResult, Check, CheckResult, JudgeOptions, Verdict};

/// A waiver file.
pub static WAIVERS: Object = Object {
    name: "waiver file",
    doc: "Known failures with reason, owner and expiry.",
    keys: &[required("waivers", Shape::List(&Shape::Object(&WAIVER)), "the waivers")],
};

static WAIVER: Object = Object {
    name: "waiver",
    doc: "A known failure.",
    keys: &[
        required("case", Shape::Text, "the cases, by full name; `*` stands for any text"),
        optional(
            "check",
            Shape::Text,
            "the check, as reports name it; `*` stands for any text",
        ),
        required("reason", Shape::Text, "why it fails and is tolerated"),
        required("owner", Shape::Text, "who cares for it"),
        required("expires", Shape::Text, "the last day on which it holds: `2026-12-31`"),
    ],
};

/// A known failure.
#[derive(Clone, Debug)]
pub struct Waiver {
    /// The cases, by full name; `*` stands for any text.
    pub case: String,
    /// The check; `None`: every check of the case.
    pub check: Option<String>,
    /// Why it fails and is tolerated.
    pub reason: String,
    /// Who cares for it.
    pub owner: String,
    /// The last day on which it holds.
    pub expires: jiff::civil::Date,
    /// Where it stands.
    pub origin: Origin,
}

/// Reads a waiver file; the waivers are given only when the file has no error.
pub fn load(source: &Source) -> (Vec<Waiver>, Diagnostics) {
    let node = match node::parse(source) {
        Ok(node) => node,
        Err(diagnostics) => return (Vec::new(), diagnostics),
    };
    let mut diagnostics = shape::check(&node, &WAIVERS, source);
    let mut waivers = Vec::new();
    for each in node.get("waivers").map_or(&[][..], Node::elements) {
        let text = |key: &str| each.get_text(key).unwrap_or_default().trim().to_string();
        for key in ["reason", "owner"] {
            if let Some(given) = each.get(key).filter(|_| text(key).is_empty()) {
                let message = format!("`{key}` is empty");
                diagnostics.push(Diagnostic::error("wrong-value", message, given.span.clone()).within(source));
            }
        }
        let expires = match each.get("expires").map(|expires| (text("expires").parse(), expires)) {
            Some((Ok(date), _)) => date,
            Some((Err(_), expires)) => {
                let message = format!("`{}` is no date", text("expires"));
                diagnostics.push(
                    Diagnostic::error("wrong-value", message, expires.span.clone())
                        .help("write year, month and day: `2026-12-31`")
                        .within(source),
                );
                continue;
            }
            None => continue,
        };
        waivers.push(Waiver {
            case: text("case"),
            check: each.get_text("check").map(str::to_string),
            reason: text("reason"),
            owner: text("owner"),
            expires,
            origin: Origin {
                source: source.clone(),
                span: each.span.clone(),
            },
        });
    }
    if diagnostics.has_errors() {
        waivers.clear();
    }
    (waivers, diagnostics)
}

impl Waiver {
    fn excuses(&self, check: &Check) -> bool {
        self.check.as_ref().is_none_or(|pattern| matches(pattern, &check.what))
    }

    fn in_words(&self) -> String {
        format!(
            "{} ({}, until {}; {})",
            self.reason,
            self.owner,
            self.expires,
            self.origin.file_line()
        )
    }
}

/// Applies waivers to the results of a run, as of `today`.
///
/// A failure that is wholly excused passes, with the waiver named. Waivers whose cases are not among the results are
/// left alone: this run says nothing about them.
pub fn apply(waivers: &[Waiver], results: &mut [CaseResult], today: jiff::civil::Date, options: &JudgeOptions) {
    for result in results {
        let mine: Vec<&Waiver> = waivers
            .iter()
            .filter(|waiver| matches(&waiver.case, &result.id))
            .collect();
        if mine.is_empty() || matches!(result.verdict, Verdict::Error | Verdict::Skip) {
            continue;
        }
        if let Some(expired) = mine.iter().find(|waiver| waiver.expires < today) {
            result.verdict = Verdict::Fail;
            result.reason = Some(format!("its waiver expired on {}", expired.expires));
            result.waiver = Some(expired.in_words());
            continue;
        }
        let fails = |check: &Check| {
            check.result == CheckResult::Fail || (options.strict && check.result == CheckResult::Warning)
        };
        let needed = |waiver: &Waiver| result.checks.iter().any(|check| fails(check) && waiver.excuses(check));
        if let Some(unneeded) = mine.iter().find(|waiver| !needed(waiver)) {
            // Where nothing could be judged the failure may still be there.
            if result.verdict != Verdict::Inconclusive {
                result.verdict = Verdict::Fail;
                result.reason = Some("it was expected to fail, and did not: the waiver is not needed any more".into());
            }
            result.waiver = Some(unneeded.in_words());
            continue;
        }
        let left: Vec<Check> = result
            .checks
            .iter()
            .filter(|check| !(fails(check) && mine.iter().any(|waiver| waiver.excuses(check))))
            .cloned()
            .collect();
        result.waiver = Some(
            mine.iter()
                .map(|waiver| waiver.in_words())
                .collect::<Vec<_>>()
                .join("; "),
        );
        if left.is_empty() {
            result.verdict = Verdict::Pass;
        } else {
            (result.verdict, result.reason) = verdict(&left, options);
        }
    }
}

/// Whether a text fits a pattern in which `*` stands for any text.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}
