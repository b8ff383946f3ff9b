//! Which cases a selector means.
//!
//! A selector is a protocol (`pylon-can`), a suite (`pylon-can/limits`), a case (`pylon-can/limits/at-rest`), a pattern
//! with `*` and `?`, the path of a suite file (`my/limits.yaml`), or a case of one (`my/limits.yaml/at-rest`). One that
//! means nothing is an error, never an empty selection.

use std::path::Path;

use crate::cli::CliError;
use crate::definition::{Library, Protocol};
use crate::document::diagnostic::nearest;
use crate::suite::{Case, Suite, case_id, is_meant_for};

/// A case on a protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The index of the protocol among those of the library.
    pub protocol: usize,
    /// The index of the suite.
    pub suite: usize,
    /// The index of the case in its suite.
    pub case: usize,
}

/// Every case on every protocol that it can run on.
pub fn candidates(library: &Library, suites: &[Suite]) -> Vec<Candidate> {
    let mut all = Vec::new();
    for (protocol, definition) in library.protocols().enumerate() {
        for (suite, each) in suites.iter().enumerate() {
            let meant = |case: &usize| {
                each.cases
                    .get(*case)
                    .is_some_and(|case| is_meant_for(each, case, definition))
            };
            let cases = (0..each.cases.len()).filter(meant);
            all.extend(cases.map(|case| Candidate { protocol, suite, case }));
        }
    }
    all
}

/// The candidates that some selector means, in their order; all of them without selectors.
///
/// # Errors
/// A selector means nothing; the nearest names are offered.
pub fn select(
    selectors: &[String],
    candidates: &[Candidate],
    suites: &[Suite],
    protocols: &[&Protocol],
) -> Result<Vec<Candidate>, CliError> {
    let names: Vec<Names> = candidates
        .iter()
        .filter_map(|candidate| {
            let suite = suites.get(candidate.suite)?;
            let case = suite.cases.get(candidate.case)?;
            let protocol = protocols.get(candidate.protocol)?;
            Some(Names::new(protocol, suite, case))
        })
        .collect();
    for selector in selectors {
        if !names.iter().any(|name| name.are_meant_by(selector)) {
            return Err(nothing_matches(selector, &names, protocols));
        }
    }
    Ok(candidates
        .iter()
        .zip(&names)
        .filter(|(_, name)| selectors.is_empty() || selectors.iter().any(|selector| name.are_meant_by(selector)))
        .map(|(candidate, _)| *candidate)
        .collect())
}

/// The names by which a case can be selected.
struct Names {
    protocol: String,
    /// `suite/case`, with the protocol before it where the suite runs on several.
    id: String,
    /// `suite/case` where that is not the identifier already: a case of a suite for all protocols, on all of them.
    everywhere: Option<String>,
    /// The suite's file.
    file: String,
}

impl Names {
    fn new(protocol: &Protocol, suite: &Suite, case: &Case) -> Names {
        Names {
            protocol: protocol.name.clone(),
            id: case_id(protocol, suite, case),
            everywhere: suite.protocol.is_none().then(|| format!("{}/{}", suite.name, case.id)),
            file: suite.origin.source.name.to_string(),
        }
    }

    fn are_meant_by(&self, selector: &str) -> bool {
        let selector = selector.trim_end_matches('/');
        if let Some((file, case)) = file_of(selector) {
            let last = self.id.rsplit('/').next().unwrap_or_default();
            let meant = case.is_empty() || matches(case.as_bytes(), last.as_bytes());
            return meant && Path::new(&self.file) == Path::new(file);
        }
        selector == self.protocol
            || leads_to(selector, &self.id)
            || self.everywhere.as_ref().is_some_and(|id| leads_to(selector, id))
    }
}

/// The suite file that a selector names, and the case of it after a slash; empty for the whole file.
pub fn file_of(selector: &str) -> Option<(&str, &str)> {
    for ending in [".yaml", ".yml"] {
        if selector.ends_with(ending) {
            return Some((selector, ""));
        }
        if let Some(index) = selector.find(&format!("{ending}/")) {
            let (file, case) = selector.split_at(index + ending.len());
            return Some((file, case.trim_start_matches('/')));
        }
    }
    None
}

/// Whether a pattern matches an identifier, or the beginning of it up to a slash.
fn leads_to(pattern: &str, id: &str) -> bool {
    let ends = id.match_indices('/').map(|(index, _)| index).chain([id.len()]);
    ends.into_iter().any(|end| {
        id.get(..end)
            .is_some_and(|part| matches(pattern.as_bytes(), part.as_bytes()))
    })
}

/// Whether a pattern with `*` (any characters) and `?` (one character) matches the whole text.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    // The place to go back to: after the last star, with one more character given to it.
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p, t));
            p += 1;
        } else if pattern.get(p).is_some_and(|c| *c == b'?' || *c == text[t]) {
            p += 1;
            t += 1;
        } else if let Some((at, taken)) = star {
            star = Some((at, taken + 1));
            p = at + 1;
            t = taken + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

/// The error for a selector that means nothing, with the nearest names of each kind.
fn nothing_matches(selector: &str, names: &[Names], protocols: &[&Protocol]) -> CliError {
    if protocols.iter().any(|protocol| protocol.name == selector) {
        return CliError::usage(format!("there is no case for {selector}"))
            .help("name the file of a suite, or a folder with suites/ by --data");
    }
    let mut error = CliError::usage(format!("no case matches `{selector}`"));
    if let Some((file, case)) = file_of(selector) {
        let cases = names.iter().filter(|name| Path::new(&name.file) == Path::new(file));
        let known: Vec<&str> = cases
            .map(|name| name.id.rsplit('/').next().unwrap_or_default())
            .collect();
        return match (known.is_empty(), nearest(case, known.iter().copied())) {
            (_, Some(near)) => error.help(format!("did you mean `{file}/{near}`?")),
            (false, None) => error.help(format!("cases of {file}: {}", known.join(", "))),
            (true, None) => error.help("a suite file is selected by its path, or by the name in its first line"),
        };
    }
    let mut known: Vec<&str> = protocols.iter().map(|protocol| protocol.name.as_str()).collect();
    for name in names {
        for id in [Some(&name.id), name.everywhere.as_ref()].into_iter().flatten() {
            known.extend(id.rsplit_once('/').map(|(suite, _)| suite));
            known.push(id);
        }
    }
    known.sort_unstable();
    known.dedup();
    // First of the same depth: who writes two slashes means a case.
    let depth = selector.matches('/').count();
    let same = known.iter().copied().filter(|name| name.matches('/').count() == depth);
    let mut offered: Vec<&str> = Vec::new();
    offered.extend(nearest(selector, same));
    offered.extend(nearest(selector, known.iter().copied()));
    let last = selector.rsplit('/').next().unwrap_or(selector);
    let by_last = known
        .iter()
        .copied()
        .filter(|name| name.rsplit('/').next() == Some(last));
    offered.extend(by_last.take(3));
    if offered.is_empty() {
        return error.help(what_there_is(selector, &known));
    }
    let mut seen: Vec<&str> = Vec::new();
    for name in offered {
        if !seen.contains(&name) {
            seen.push(name);
            error = error.help(format!("did you mean `{name}`?"));
        }
    }
    error
}

/// What stands below the longest beginning of a selector that exists.
fn what_there_is(selector: &str, known: &[&str]) -> String {
    let mut begin = selector;
    while let Some((shorter, _)) = begin.rsplit_once('/') {
        begin = shorter;
        let depth = begin.matches('/').count() + 1;
        let below: Vec<&str> = known
            .iter()
            .copied()
            .filter(|name| name.strip_prefix(begin).is_some_and(|rest| rest.starts_with('/')))
            .filter(|name| name.matches('/').count() == depth)
            .collect();
        if !below.is_empty() {
            let shown: Vec<&str> = below.iter().copied().take(MAX_OFFERED).collect();
            let more = if below.len() > shown.len() { ", ..." } else { "" };
            return format!("`{begin}` has {}{more}", shown.join(", "));
        }
    }
    "`bmscheck list suites` and `bmscheck list cases` show what there is".to_string()
}

/// The most names that are offered at once.
const MAX_OFFERED: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_texts() {
        for (pattern, text, expected) in [
            ("a*c", "abbbc", true),
            ("a*c", "abbbcd", false),
            ("*", "", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*limits*", "pylon-can/limits/x", true),
            ("**b*", "aab", true),
            ("*ab*ab", "abab", true),
            ("", "a", false),
        ] {
            assert_eq!(
                matches(pattern.as_bytes(), text.as_bytes()),
                expected,
                "{pattern} {text}"
            );
        }
    }

    #[test]
    fn selectors_mean_protocols_suites_cases_and_patterns() {
        let names = Names {
            protocol: "pylon-can".into(),
            id: "pylon-can/behaviour/limits/withdrawn".into(),
            everywhere: Some("behaviour/limits/withdrawn".into()),
            file: "suites/behaviour/limits.yaml".into(),
        };
        for selector in [
            "pylon-can",
            "pylon-can/behaviour",
            "pylon-can/behaviour/limits",
            "pylon-can/behaviour/limits/withdrawn",
            "behaviour",
            "behaviour/limits",
            "behaviour/limits/",
            "behaviour/limits/withdrawn",
            "*/limits/*",
            "*withdrawn",
            "suites/behaviour/limits.yaml",
            "suites/behaviour/limits.yaml/withdrawn",
            "suites/behaviour/limits.yaml/with*",
            "./suites/behaviour/limits.yaml",
        ] {
            let meant = names.are_meant_by(selector);
            assert_eq!(meant, !selector.starts_with("./"), "{selector}");
        }
        for selector in [
            "pylon",
            "limits",
            "pylon-can/behaviour/limit",
            "behaviour/limits/with",
            "",
        ] {
            assert!(!names.are_meant_by(selector), "{selector}");
        }
    }
}
