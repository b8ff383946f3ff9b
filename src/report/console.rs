//! The screen: a line per suite, failures in full, remarks, summary.
//!
//! A run in which all is well says little: one line for each suite and the summary. A failed case is named as soon as
//! it is known, and shown on a screen of its own at the end; a failure that many cases share is shown once, and the
//! other cases are listed below it.

use std::collections::BTreeMap;

use crate::judge::{CaseResult, Check, CheckResult, Verdict};
use crate::report::answers;
use crate::report::failure::{heading, rerun, screen, verdict_tone};
use crate::report::model::{End, Header, NEVER_CERTIFIED, Report, Standings, Summary, suite_of};
use crate::report::text::{Style, Tone, columns, counted, flow, labelled, spoken, thousands, wrap};

/// What is said of a line that gives back what is sent.
const ECHO: &str = "the line gives back what is sent (half-duplex echo): the copies were left out";
/// The most different remarks (warnings, information) that are listed.
const MAX_REMARKS: usize = 12;

/// A screen in the making. Each call answers with the text to print.
#[derive(Debug)]
pub struct Console {
    style: Style,
    header: Header,
    planned: Vec<(String, usize)>,
    suites: BTreeMap<String, Summary>,
    printed: Vec<String>,
    summary: Summary,
    standings: Standings,
    /// Cases that are shown at the end: failed, broken, not to be judged.
    shown: Vec<CaseResult>,
    remarks: Vec<Remark>,
    skips: Vec<(String, usize)>,
    /// Cases that fail and are excused.
    waived: Vec<String>,
}

/// A deviation that does not fail, and how many cases show it.
#[derive(Debug)]
struct Remark {
    result: CheckResult,
    what: String,
    text: String,
    requirement: String,
    cases: usize,
}

impl Console {
    /// A screen for a run; `planned` says how many cases each suite has, so that its line comes when it is complete.
    pub fn new(header: Header, planned: Vec<(String, usize)>, style: Style) -> Console {
        Console {
            style,
            standings: Standings::new(&header),
            header,
            planned,
            suites: BTreeMap::new(),
            printed: Vec::new(),
            summary: Summary::default(),
            shown: Vec::new(),
            remarks: Vec::new(),
            skips: Vec::new(),
            waived: Vec::new(),
        }
    }

    /// What is tested, and how.
    pub fn begin(&self) -> String {
        let style = &self.style;
        let title = format!("bmscheck {}: {}", self.header.version, self.header.title());
        let mut out = String::new();
        for part in wrap(&title, style.width) {
            out.push_str(&style.paint(Tone::Strong, &part));
            out.push('\n');
        }
        let strict = if self.header.strict { ", strict" } else { "" };
        let about = format!(
            "profile {}{strict}, seed {}, {}",
            self.header.profile.word(),
            self.header.seed,
            self.header.clock_in_words()
        );
        for part in wrap(&about, style.width) {
            out.push_str(&style.paint(Tone::Faint, &part));
            out.push('\n');
        }
        out.push('\n');
        out
    }

    /// A case is judged: its line when it did not pass, and the line of its suite when that is complete.
    pub fn case(&mut self, case: &CaseResult) -> String {
        self.summary.add(case);
        self.standings.add(case);
        let suite = suite_of(&case.id).to_string();
        let counts = self.suites.entry(suite.clone()).or_default();
        counts.add(case);
        let complete = self
            .planned
            .iter()
            .any(|(name, cases)| *name == suite && *cases == counts.cases());
        self.note_remarks(case);
        let mut out = String::new();
        match case.verdict {
            Verdict::Pass => {
                if let Some(waiver) = &case.waiver {
                    self.waived.push(format!("{}: {waiver}", case.id));
                }
            }
            Verdict::Skip => {
                let reason = case.reason.clone().unwrap_or_else(|| "no reason given".to_string());
                match self.skips.iter_mut().find(|(known, _)| *known == reason) {
                    Some((_, cases)) => *cases += 1,
                    None => self.skips.push((reason, 1)),
                }
            }
            Verdict::Fail | Verdict::Error | Verdict::Inconclusive => {
                let why = first_failure(&self.header, case)
                    .map(|check| check.what.clone())
                    .or_else(|| case.reason.clone())
                    .unwrap_or_default();
                let word = case.verdict.word();
                let text = format!("{}: {why}", case.id);
                out.push_str(&labelled(&self.style, 2, word.len() + 3, word, &text, Tone::Plain));
                self.shown.push(case.clone());
            }
        }
        if complete {
            out.push_str(&self.suite_line(&suite));
            self.printed.push(suite);
        }
        out
    }

    /// The failures in full, the remarks and the summary.
    pub fn finish(&mut self, end: Option<&End>) -> String {
        let mut out = String::new();
        let open: Vec<String> = self
            .suites
            .keys()
            .filter(|suite| !self.printed.contains(suite))
            .cloned()
            .collect();
        for suite in open {
            out.push_str(&self.suite_line(&suite));
        }
        out.push_str(&self.failures());
        out.push_str(&self.list_remarks());
        out.push_str(&self.list_skips());
        out.push_str(&self.list_waivers(end));
        out.push_str(&self.summary_lines(end));
        out
    }

    fn suite_line(&self, suite: &str) -> String {
        let counts = self.suites.get(suite).copied().unwrap_or_default();
        let mut parts = verdict_parts(&counts, false);
        for (count, word) in [(counts.warnings, "warning"), (counts.vacuous, "vacuous pass")] {
            if count > 0 {
                parts.push((counted(count, word), Tone::Doubtful));
            }
        }
        let longest = self.planned.iter().map(|(name, _)| columns(name)).max().unwrap_or(0);
        let column = longest.max(columns(suite)).min(40) + 4;
        let needed: usize = parts.iter().map(|(text, _)| columns(text) + 2).sum();
        if column + needed > self.style.width {
            return format!("  {suite}\n    {}\n", flow(&self.style, 4, 4, &parts));
        }
        let padding = " ".repeat(column.saturating_sub(2 + columns(suite)).max(2));
        format!("  {suite}{padding}{}\n", flow(&self.style, column, column, &parts))
    }

    /// Failures with the same cause share one screen: the first case that shows it in full, the others listed.
    fn failures(&self) -> String {
        let mut out = String::new();
        let mut known: Vec<(String, String)> = Vec::new();
        let mut followers: BTreeMap<usize, Vec<&CaseResult>> = BTreeMap::new();
        let mut leaders: Vec<(&CaseResult, Option<usize>)> = Vec::new();
        for case in &self.shown {
            let failed: Vec<(usize, String)> = case
                .checks
                .iter()
                .enumerate()
                .filter(|(_, check)| self.header.fails(check))
                .map(|(index, check)| (index, signature(check)))
                .collect();
            let protocol = case.protocol.as_str();
            let fresh = failed
                .iter()
                .find(|(_, signature)| !known.iter().any(|(p, s)| p == protocol && s == signature));
            match (fresh, failed.first()) {
                (None, Some((_, first))) if case.verdict == Verdict::Fail => {
                    let leader = leaders.iter().position(|(leader, _)| {
                        leader.protocol == case.protocol
                            && leader
                                .checks
                                .iter()
                                .any(|check| self.header.fails(check) && signature(check) == *first)
                    });
                    followers.entry(leader.unwrap_or(0)).or_default().push(case);
                }
                (fresh, _) => leaders.push((case, fresh.map(|(index, _)| *index))),
            }
            known.extend(
                failed
                    .into_iter()
                    .map(|(_, signature)| (protocol.to_string(), signature)),
            );
        }
        for (number, (case, chosen)) in leaders.iter().enumerate() {
            out.push('\n');
            if case.verdict == Verdict::Fail {
                out.push_str(&screen(&self.header, case, *chosen, &self.style));
            } else {
                out.push_str(&heading(case, &self.style, usize::MAX));
                out.push_str(&rerun(&self.header, &case.id, &self.style));
            }
            if let Some(same) = followers.get(&number) {
                let text = format!("{} for the same reason:", counted(same.len(), "more case"));
                out.push_str(&format!("  {}\n", self.style.paint(Tone::Bad, &text)));
                for case in same {
                    for (index, part) in wrap(&case.id, self.style.width.saturating_sub(6)).iter().enumerate() {
                        let indent = if index == 0 { 4 } else { 6 };
                        out.push_str(&format!("{}{part}\n", " ".repeat(indent)));
                    }
                }
            }
        }
        out
    }

    fn note_remarks(&mut self, case: &CaseResult) {
        for check in &case.checks {
            let remark = matches!(check.result, CheckResult::Warning | CheckResult::Information);
            if !remark || self.header.fails(check) {
                continue;
            }
            let known = self.remarks.iter_mut().find(|remark| {
                remark.result == check.result && remark.what == check.what && remark.requirement == check.requirement
            });
            match known {
                Some(remark) => remark.cases += 1,
                None => self.remarks.push(Remark {
                    result: check.result,
                    what: check.what.clone(),
                    text: format!("{} expected, got {}", check.expected, check.actual),
                    requirement: check.requirement.clone(),
                    cases: 1,
                }),
            }
        }
    }

    fn list_remarks(&mut self) -> String {
        if self.remarks.is_empty() {
            return String::new();
        }
        let mut out = String::from("\n");
        self.remarks.sort_by_key(|remark| std::cmp::Reverse(remark.result));
        for remark in self.remarks.iter().take(MAX_REMARKS) {
            let times = match remark.cases {
                1 => String::new(),
                more => format!(" (in {more} checks)"),
            };
            let text = format!("{}: {}; {}{times}", remark.what, remark.text, remark.requirement);
            let tone = match remark.result {
                CheckResult::Warning => Tone::Doubtful,
                _ => Tone::Faint,
            };
            out.push_str(&labelled(&self.style, 2, 15, remark.result.word(), &text, tone));
        }
        if self.remarks.len() > MAX_REMARKS {
            let text = format!(
                "  ... and {} (see --report json)",
                counted(self.remarks.len() - MAX_REMARKS, "more remark")
            );
            out.push_str(&format!("{}\n", self.style.paint(Tone::Faint, &text)));
        }
        out
    }

    fn list_skips(&self) -> String {
        let mut out = String::new();
        if !self.skips.is_empty() {
            out.push('\n');
        }
        for (reason, cases) in &self.skips {
            let text = format!("{}: {reason}", counted(*cases, "case"));
            out.push_str(&labelled(&self.style, 2, 15, "skipped", &text, Tone::Faint));
        }
        out
    }

    fn list_waivers(&self, end: Option<&End>) -> String {
        let notes = end.map_or(&[][..], |end| end.waivers.as_slice());
        let line = |label: &str, text: &String| labelled(&self.style, 2, 15, label, text, Tone::Doubtful);
        let waived = self.waived.iter().map(|text| line("waived", text));
        waived.chain(notes.iter().map(|text| line("waiver", text))).collect()
    }

    fn summary_lines(&self, end: Option<&End>) -> String {
        let style = &self.style;
        let counts = &self.summary;
        let head = format!("{}: ", counted(counts.cases(), "case"));
        let verdicts = flow(style, columns(&head), 2, &verdict_parts(counts, true));
        let mut out = format!("\n{head}{verdicts}\n");
        let remarks: Vec<(String, Tone)> = [
            (counts.warnings, "warning"),
            (counts.information, "remark"),
            (counts.vacuous, "vacuous pass"),
            (counts.waived, "waived case"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| (counted(count, word), Tone::Plain))
        .collect();
        if !remarks.is_empty() {
            out.push_str(&format!("{}\n", flow(style, 0, 0, &remarks)));
        }
        for (protocol, seen) in self.standings.each() {
            for part in wrap(&format!("{protocol} {seen}: {NEVER_CERTIFIED}"), style.width) {
                out.push_str(&format!("{}\n", style.paint(Tone::Doubtful, &part)));
            }
        }
        // Where nothing is certain, what is there at all comes first.
        let discovery = self
            .header
            .protocols
            .iter()
            .all(|protocol| !protocol.grade.is_certifiable());
        if let Some(end) = end.filter(|_| discovery) {
            for (protocol, answers) in &end.answers {
                out.push_str(&format!("\n{}", answers::map(protocol, answers, style)));
            }
        }
        match end {
            Some(end) => {
                for part in wrap(&pace(end), style.width) {
                    out.push_str(&format!("{part}\n"));
                }
                if end.echo {
                    for part in wrap(ECHO, style.width) {
                        out.push_str(&format!("{part}\n"));
                    }
                }
                if let Some(reason) = &end.broken_off {
                    for part in wrap(&format!("broken off: {reason}"), style.width) {
                        out.push_str(&format!("{}\n", style.paint(Tone::Bad, &part)));
                    }
                }
            }
            None => out.push_str(&format!(
                "{}\n",
                style.paint(Tone::Bad, "incomplete: the run was broken off")
            )),
        }
        out
    }
}

/// The counts of the verdicts; pass and fail also when there are none, if `always`.
fn verdict_parts(counts: &Summary, always: bool) -> Vec<(String, Tone)> {
    [
        Verdict::Pass,
        Verdict::Fail,
        Verdict::Inconclusive,
        Verdict::Error,
        Verdict::Skip,
    ]
    .into_iter()
    .filter(|verdict| counts.of(*verdict) > 0 || (always && matches!(verdict, Verdict::Pass | Verdict::Fail)))
    .map(|verdict| {
        let count = counts.of(verdict);
        let tone = if count > 0 { verdict_tone(verdict) } else { Tone::Plain };
        (format!("{} {}", thousands(count as u128), verdict.word()), tone)
    })
    .collect()
}

/// `1 h 12 min of bus time in 0.21 s: 20,571 x`; without the ratio when the bus set the pace.
fn pace(end: &End) -> String {
    let (bus, wall) = (end.bus_time.as_micros(), end.wall_time.as_micros().max(1));
    let mut text = format!("{} of bus time in {}", spoken(end.bus_time), spoken(end.wall_time));
    if bus / wall >= 2 {
        text.push_str(&format!(": {} x", thousands(bus / wall)));
    }
    text
}

fn first_failure<'c>(header: &Header, case: &'c CaseResult) -> Option<&'c Check> {
    case.checks.iter().find(|check| header.fails(check))
}

/// What makes two failures the same: the thing checked, where the demand comes from, and the fault that explains it;
/// without an explanation, what was demanded.
fn signature(check: &Check) -> String {
    let cause = match &check.diagnosis {
        // The numbers of a diagnosis belong to the moment.
        Some(diagnosis) => diagnosis.chars().filter(|c| !c.is_ascii_digit()).collect(),
        None => check.expected.clone(),
    };
    format!("{}|{}|{cause}", check.what, check.requirement)
}

/// The whole screen of a report.
pub fn render(report: &Report, style: Style) -> String {
    let mut planned: Vec<(String, usize)> = Vec::new();
    for case in &report.cases {
        let suite = suite_of(&case.id);
        match planned.iter_mut().find(|(name, _)| name == suite) {
            Some((_, cases)) => *cases += 1,
            None => planned.push((suite.to_string(), 1)),
        }
    }
    let mut console = Console::new(report.header.clone(), planned, style);
    let mut out = console.begin();
    for case in &report.cases {
        out.push_str(&console.case(case));
    }
    out.push_str(&console.finish(report.end.as_ref()));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn a_clean_run_says_little() {
        let mut report = fixture::report();
        report.cases.retain(|case| case.verdict == Verdict::Pass);
        insta::assert_snapshot!("console_clean_80", render(&report, Style::PLAIN));
    }

    #[test]
    fn a_run_with_failures() {
        let report = fixture::report();
        insta::assert_snapshot!("console_80", render(&report, Style::PLAIN));
        let narrow = Style {
            colour: false,
            width: 40,
        };
        insta::assert_snapshot!("console_40", render(&report, narrow));
    }

    #[test]
    fn colour_adds_escape_sequences_and_nothing_else() {
        let report = fixture::report();
        let coloured = Style {
            colour: true,
            width: 80,
        };
        let text = render(&report, coloured);
        insta::assert_snapshot!("console_coloured_80", text.replace('\u{1b}', "ESC"));
        let mut bare = String::new();
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once("\u{1b}[") {
            bare.push_str(before);
            rest = after.split_once('m').map_or("", |(_, after)| after);
        }
        bare.push_str(rest);
        assert_eq!(bare, render(&report, Style::PLAIN));
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let report = fixture::report();
        for width in [40, 60, 80, 120, 200] {
            for line in render(&report, Style { colour: false, width }).lines() {
                // Commands are for copying.
                assert!(
                    columns(line) <= width || line.starts_with("    rerun"),
                    "{width}: {line}"
                );
            }
        }
    }

    #[test]
    fn the_same_failure_is_shown_in_full_once() {
        let mut report = fixture::report();
        let failed = report
            .cases
            .iter()
            .find(|case| case.verdict == Verdict::Fail)
            .cloned()
            .expect("the fixture has a failure");
        for number in 0..5 {
            let mut again = failed.clone();
            again.id = format!("pylon-can/limits/again-{number}");
            report.cases.push(again);
        }
        let text = render(&report, Style::PLAIN);
        let check = first_failure(&report.header, &failed).expect("it failed");
        assert_eq!(
            text.matches(&format!("actual     {}", check.actual)).count(),
            1,
            "{text}"
        );
        assert!(text.contains("5 more cases for the same reason"), "{text}");
        for number in 0..5 {
            assert!(text.contains(&format!("    pylon-can/limits/again-{number}\n")));
        }
    }

    #[test]
    fn an_echo_of_the_line_is_told() {
        let mut report = fixture::report();
        assert!(!render(&report, Style::PLAIN).contains("half-duplex echo"));
        report.end.as_mut().expect("an end").echo = true;
        assert!(render(&report, Style::PLAIN).contains("half-duplex echo"));
    }

    #[test]
    fn a_run_that_was_broken_off_says_so() {
        let mut report = fixture::report();
        report.end = None;
        assert!(render(&report, Style::PLAIN).contains("incomplete"));
    }
}
