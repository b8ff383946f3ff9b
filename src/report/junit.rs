//! JUnit XML for CI systems: fail is a failure, inconclusive and error are errors, skip is skipped with its reason.
//!
//! Times are bus times. What a case covers, the grades behind its checks and its waiver are properties.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, Report as JUnit, TestCase, TestCaseStatus, TestSuite};

use crate::judge::{CaseResult, CheckResult, Verdict};
use crate::report::failure::screen;
use crate::report::model::{Header, NEVER_CERTIFIED, ProtocolUsed, Report, suite_of};
use crate::report::text::{Style, counted};

/// The whole file of a report.
///
/// # Errors
/// The XML cannot be put together; the text says why.
pub fn render(report: &Report) -> Result<String, String> {
    let mut junit = JUnit::new(format!("bmscheck: {}", report.header.title()));
    if let Some(end) = &report.end {
        junit.set_time(end.wall_time);
    }
    let mut suites: Vec<TestSuite> = Vec::new();
    for case in &report.cases {
        let name = suite_of(&case.id);
        let position = suites.iter().position(|suite| suite.name.as_str() == name);
        let index = position.unwrap_or_else(|| {
            suites.push(new_suite(name, &report.header));
            suites.len() - 1
        });
        if let Some(suite) = suites.get_mut(index) {
            suite.add_test_case(test_case(&report.header, case));
            suite.time = Some(suite.time.unwrap_or(Duration::ZERO) + case.time);
        }
    }
    junit.add_test_suites(suites);
    junit.to_string().map_err(|error| error.to_string())
}

fn new_suite(name: &str, header: &Header) -> TestSuite {
    let mut suite = TestSuite::new(name);
    let started = header.started.to_string();
    let decision_rule = header.decision_rule();
    let clock = header.clock_in_words();
    for (key, value) in [
        ("target", header.target.as_str()),
        ("title", &header.title()),
        ("profile", header.profile.word()),
        ("strict", if header.strict { "true" } else { "false" }),
        ("started", &started),
        ("clock", &clock),
        ("decision_rule", &decision_rule),
    ] {
        suite.add_property(Property::new(key, value));
    }
    let of_suite = |protocol: &&ProtocolUsed| name.split('/').next() == Some(protocol.name.as_str());
    if let Some(protocol) = header.protocols.iter().find(of_suite) {
        suite.add_property(Property::new("grade", protocol.grade.letter().to_string()));
        if !protocol.grade.is_certifiable() {
            suite.add_property(Property::new("never_certified", NEVER_CERTIFIED));
        }
    }
    suite
}

fn test_case(header: &Header, case: &CaseResult) -> TestCase {
    let mut status = match case.verdict {
        Verdict::Pass => TestCaseStatus::success(),
        Verdict::Skip => TestCaseStatus::skipped(),
        Verdict::Fail => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Verdict::Inconclusive | Verdict::Error => TestCaseStatus::non_success(NonSuccessKind::Error),
    };
    status.set_message(message(header, case));
    if !matches!(case.verdict, Verdict::Pass | Verdict::Skip) {
        status.set_type(case.verdict.word());
        status.set_description(format!("\n{}", screen(header, case, None, &Style::PLAIN)));
    }
    let name = case.id.rsplit('/').next().unwrap_or(&case.id);
    let mut test = TestCase::new(name, status);
    test.set_classname(suite_of(&case.id));
    test.set_assertions(case.checks.len());
    test.set_time(case.time);
    test.add_property(Property::new("title", case.title.as_str()));
    for item in &case.covers {
        test.add_property(Property::new("covers", item.as_str()));
    }
    let mut grades: Vec<&str> = case.checks.iter().map(|check| check.grade.letter()).collect();
    grades.sort_unstable();
    grades.dedup();
    if !grades.is_empty() {
        test.add_property(Property::new("grade", grades.join(" ")));
    }
    test.add_property(Property::new("origin", case.origin.as_str()));
    if let Some(waiver) = &case.waiver {
        test.add_property(Property::new("waiver", waiver.as_str()));
    }
    let warnings: Vec<String> = case
        .checks
        .iter()
        .filter(|check| matches!(check.result, CheckResult::Warning | CheckResult::Information))
        .map(|check| {
            format!(
                "{}: {}: {} expected, got {} ({})",
                check.result.word(),
                check.what,
                check.expected,
                check.actual,
                check.requirement
            )
        })
        .collect();
    if !warnings.is_empty() {
        test.set_system_out(warnings.join("\n"));
    }
    test
}

/// One line that says why: the first failed check, or the reason.
fn message(header: &Header, case: &CaseResult) -> String {
    let failed: Vec<_> = case.checks.iter().filter(|check| header.fails(check)).collect();
    match failed.split_first() {
        Some((first, rest)) => {
            let more = match rest.len() {
                0 => String::new(),
                others => format!(" (and {} more)", counted(others, "failed check")),
            };
            format!(
                "{}: {} expected, got {}{more}",
                first.what, first.expected, first.actual
            )
        }
        None => case.reason.clone().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn verdicts_become_what_ci_systems_know() {
        let text = render(&fixture::report()).expect("XML");
        insta::assert_snapshot!("report_junit", text);
        assert_eq!(text.matches("<failure").count(), 6);
        assert_eq!(text.matches("<error").count(), 2);
        assert_eq!(text.matches("<skipped").count(), 1);
    }

    #[test]
    fn control_characters_of_a_wire_do_not_spoil_the_xml() {
        let mut report = fixture::report();
        report.cases[1].checks[1].actual = "\u{0}\u{7}<&>".into();
        let text = render(&report).expect("XML");
        assert!(!text.contains(['\u{0}', '\u{7}']) && text.contains("&lt;&amp;&gt;"));
    }
}
