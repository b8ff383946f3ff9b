//! A failed case on one screen of 80 x 24.

use crate::judge::{CaseResult, Check, Verdict};
use crate::report::bytes;
use crate::report::model::Header;
use crate::report::text::{Style, Tone, columns, counted, cut, labelled_lines, seconds, wrap};

/// Where the text after a label begins.
const COLUMN: usize = 15;
/// The rows of a terminal, one of them left for the prompt.
const ROWS: usize = 23;
/// The most further checks that are named.
const MAX_OTHERS: usize = 3;

/// The failed case, the check that decided it in full, and the others in a line each.
///
/// `chosen` is the index of the check to show in full; the first failed one without it. On terminals of 80 columns and
/// more the whole fits a screen of 24 rows: where it would not, long texts are cut.
pub fn screen(header: &Header, case: &CaseResult, chosen: Option<usize>, style: &Style) -> String {
    if style.width < 80 {
        return screen_cut(header, case, chosen, style, usize::MAX);
    }
    let text = screen_cut(header, case, chosen, style, 2);
    if text.lines().count() <= ROWS {
        return text;
    }
    screen_cut(header, case, chosen, style, 1)
}

/// The screen with no text longer than `most` lines.
fn screen_cut(header: &Header, case: &CaseResult, chosen: Option<usize>, style: &Style, most: usize) -> String {
    let mut out = heading(case, style, most);
    let shown = chosen.or_else(|| case.checks.iter().position(|check| header.fails(check)));
    if let Some(check) = shown.and_then(|index| case.checks.get(index)) {
        out.push('\n');
        out.push_str(&check_in_full(check, style, most));
    }
    let others: Vec<&Check> = case
        .checks
        .iter()
        .enumerate()
        .filter(|(index, check)| Some(*index) != shown && header.fails(check))
        .map(|(_, check)| check)
        .collect();
    let named = MAX_OTHERS.min(most);
    for check in others.iter().take(named) {
        let text = format!("{}: {} expected, got {}", check.what, check.expected, check.actual);
        out.push_str(&line(style, "also", &text, Tone::Plain, most.div_ceil(2)));
    }
    if others.len() > named {
        let text = format!("{} more failed", counted(others.len() - named, "check"));
        out.push_str(&line(style, "also", &text, Tone::Plain, 1));
    }
    out.push_str(&rerun(header, &case.id, style));
    out
}

/// The command that repeats a case: on one line however long, so that it can be copied.
pub fn rerun(header: &Header, case: &str, style: &Style) -> String {
    labelled_lines(style, 4, COLUMN, "rerun", &[header.rerun(case)], Tone::Hint)
}

/// The case, its title, what it covers, and its reason where it has one; no text longer than `most` lines.
pub fn heading(case: &CaseResult, style: &Style, most: usize) -> String {
    let word = match case.verdict {
        Verdict::Pass => "PASS",
        Verdict::Skip => "SKIP",
        Verdict::Inconclusive => "INCONCLUSIVE",
        Verdict::Error => "ERROR",
        Verdict::Fail => "FAIL",
    };
    let mut out = String::new();
    let room = style.width.saturating_sub(columns(word) + 1);
    for (number, part) in wrap(&case.id, room).iter().enumerate() {
        let lead = if number == 0 {
            format!("{} ", style.paint(verdict_tone(case.verdict), word))
        } else {
            " ".repeat(columns(word) + 1)
        };
        out.push_str(&format!("{lead}{}\n", style.paint(Tone::Strong, part)));
    }
    for part in cut(wrap(&case.title, style.width.saturating_sub(4)), most) {
        out.push_str(&format!("    {part}\n"));
    }
    out.push_str(&line(style, "covers", &case.covers.join(", "), Tone::Plain, most));
    if let Some(reason) = &case.reason {
        out.push_str(&line(style, "because", reason, Tone::Plain, most));
    }
    if let Some(waiver) = &case.waiver {
        out.push_str(&line(style, "waiver", waiver, Tone::Doubtful, most));
    }
    out
}

/// The tone of a verdict.
pub const fn verdict_tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Pass => Tone::Good,
        Verdict::Skip => Tone::Faint,
        Verdict::Inconclusive => Tone::Doubtful,
        Verdict::Error | Verdict::Fail => Tone::Bad,
    }
}

fn check_in_full(check: &Check, style: &Style, most: usize) -> String {
    let mut out = String::new();
    let when = check.evidence.as_ref().map_or(String::new(), |evidence| {
        let at = std::time::Duration::from_micros(evidence.at.as_micros());
        format!(" at {} s on the bus", seconds(at))
    });
    let what = format!("{}{when}", check.what);
    for part in cut(wrap(&what, style.width.saturating_sub(2)), most) {
        out.push_str(&format!("  {}\n", style.paint(Tone::Strong, &part)));
    }
    if let Some(evidence) = &check.evidence {
        let frame = bytes::frame_line(&evidence.frame, style.width.saturating_sub(COLUMN));
        out.push_str(&labelled_lines(style, 4, COLUMN, "frame", &[frame], Tone::Plain));
        for (label, row) in bytes::rows(evidence, style, COLUMN) {
            out.push_str(&labelled_lines(style, 4, COLUMN, label, &[row], Tone::Plain));
        }
    }
    // Where whole bytes were demanded, the rows above show both.
    if check.evidence.as_ref().is_none_or(|evidence| evidence.golden.is_none()) {
        out.push_str(&line(style, "expected", &check.expected, Tone::Good, most));
        out.push_str(&line(style, "actual", &check.actual, Tone::Bad, most));
    }
    if let Some(diagnosis) = &check.diagnosis {
        out.push_str(&line(style, "diagnosis", diagnosis, Tone::Doubtful, most));
    }
    out.push_str(&line(style, "fact", &check.requirement, Tone::Plain, most));
    if let Some(place) = &check.demanded_at {
        out.push_str(&line(style, "asked in", place, Tone::Plain, most));
    }
    out
}

/// A labelled text of at most `most` lines.
fn line(style: &Style, label: &str, text: &str, tone: Tone, most: usize) -> String {
    let lines = cut(wrap(text, style.width.saturating_sub(COLUMN)), most);
    labelled_lines(style, 4, COLUMN, label, &lines, tone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn every_failure_fits_a_screen_of_80_by_24() {
        let report = fixture::report();
        let mut worst = fixture::worst_case();
        worst.verdict = Verdict::Fail;
        for case in report.cases.iter().chain([&worst]) {
            let text = screen(&report.header, case, None, &Style::PLAIN);
            assert!(text.lines().count() <= ROWS, "{}\n{text}", text.lines().count());
            for line in text.lines() {
                assert!(columns(line) <= 80, "{line}");
            }
        }
    }

    #[test]
    fn narrow_terminals_break_no_line() {
        let report = fixture::report();
        for width in [40, 50, 60, 100, 200] {
            for case in &report.cases {
                let style = Style { colour: false, width };
                for line in screen(&report.header, case, None, &style).lines() {
                    // Commands are for copying.
                    if line.starts_with("    rerun") {
                        continue;
                    }
                    assert!(columns(line) <= width, "{width}: {line}");
                }
            }
        }
    }

    #[test]
    fn failure_screens_of_every_kind() {
        let report = fixture::report();
        let mut text = String::new();
        for case in report.cases.iter().filter(|case| case.verdict == Verdict::Fail) {
            text.push_str(&screen(&report.header, case, None, &Style::PLAIN));
            text.push('\n');
        }
        insta::assert_snapshot!("failures_80", text);
    }
}
