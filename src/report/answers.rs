//! The map of what answered, for people: addresses, functions, registers.

use std::ops::RangeInclusive;

use crate::judge::answers::{Answer, AnswerLine, Answers, ranges};
use crate::report::text::{Style, Tone, labelled};

/// Where the words of an answer begin, and where the registers do.
const COLUMNS: [usize; 2] = [14, 27];

/// A line for each answer of each address and function; the addresses that never answered in one line at the end.
pub fn map(protocol: &str, answers: &Answers, style: &Style) -> String {
    let lines = answers.lines();
    let mut out = format!("what answered ({protocol})\n");
    let mut silent: Vec<u16> = Vec::new();
    let mut before: Option<(u8, u8)> = None;
    for line in &lines {
        let others = lines.iter().filter(|other| other.address == line.address);
        if others.clone().all(|other| other.answer == Answer::Silence) {
            silent.push(u16::from(line.address));
            continue;
        }
        let mut head = match before {
            Some((address, _)) if address == line.address => " ".repeat(4),
            _ => format!("0x{:02X}", line.address),
        };
        if before != Some((line.address, line.function)) {
            head.push_str(&format!("  0x{:02X}", line.function));
        }
        before = Some((line.address, line.function));
        out.push_str(&row(&head, line, style));
    }
    silent.dedup();
    if !silent.is_empty() {
        let addresses = runs(&silent);
        out.push_str(&labelled(style, 2, COLUMNS[0], "no answer", &addresses, Tone::Plain));
        out.push('\n');
    }
    out
}

fn row(head: &str, line: &AnswerLine, style: &Style) -> String {
    let (words, tone) = match line.answer {
        Answer::Served => ("served".to_string(), Tone::Good),
        Answer::Refused(code) => (format!("refused, {code:02X}"), Tone::Plain),
        Answer::Silence => ("no answer".to_string(), Tone::Doubtful),
    };
    let [words_at, registers_at] = COLUMNS;
    if line.registers.is_empty() {
        return format!("{}\n", labelled(style, 2, words_at, head, &words, tone).trim_end());
    }
    let ranges: Vec<String> = line.registers.iter().map(range).collect();
    let padding = words_at.saturating_sub(2);
    let label = format!("{head:padding$}{words}");
    let text = labelled(style, 2, registers_at, &label, &ranges.join(", "), Tone::Plain);
    format!("{}\n", text.trim_end())
}

fn range(registers: &RangeInclusive<u16>) -> String {
    match (registers.start(), registers.end()) {
        (start, end) if start == end => format!("0x{start:04X}"),
        (start, end) => format!("0x{start:04X}..0x{end:04X}"),
    }
}

/// Addresses as runs: `0x00, 0x02..0x0F`.
fn runs(addresses: &[u16]) -> String {
    let texts: Vec<String> = ranges(addresses.iter().copied())
        .iter()
        .map(|run| match (run.start(), run.end()) {
            (start, end) if start == end => format!("0x{start:02X}"),
            (start, end) => format!("0x{start:02X}..0x{end:02X}"),
        })
        .collect();
    texts.join(", ")
}
