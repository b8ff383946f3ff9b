//! Text for terminals: colour, wrapping, counts and times in words.

use std::time::Duration;

use colored::Color;

use crate::value::Unit;

/// How text is to look: decided once, by whoever knows the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether escape sequences may be used.
    pub colour: bool,
    /// The number of columns.
    pub width: usize,
}

impl Style {
    /// Without colour, 80 columns wide: for files.
    pub const PLAIN: Style = Style {
        colour: false,
        width: 80,
    };

    /// The text in a tone, or as it is.
    pub fn paint(&self, tone: Tone, text: &str) -> String {
        if !self.colour || text.is_empty() {
            return text.to_string();
        }
        let code = match tone {
            Tone::Plain => return text.to_string(),
            Tone::Strong => "1".to_string(),
            Tone::Good => Color::Green.to_fg_str().into_owned(),
            Tone::Bad => format!("1;{}", Color::Red.to_fg_str()),
            Tone::Doubtful => Color::Yellow.to_fg_str().into_owned(),
            Tone::Faint => "2".to_string(),
            Tone::Hint => Color::Cyan.to_fg_str().into_owned(),
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

/// What a colour says. Nothing is said by colour alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Ordinary text.
    Plain,
    /// Headings.
    Strong,
    /// As it should be.
    Good,
    /// At fault.
    Bad,
    /// To be looked at.
    Doubtful,
    /// Of less interest.
    Faint,
    /// What to do now.
    Hint,
}

/// Breaks a text into lines of at most `width` columns, at blanks where there are any.
///
/// A number stays with its unit. A word that is longer than a line is broken after a `/`, `,` or `.` where it has one,
/// else anywhere.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(10);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in words(text) {
        let mut word = word.as_str();
        let room = width.saturating_sub(columns(&line) + usize::from(!line.is_empty()));
        if columns(word) > room && !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        while columns(word) > width {
            let cut = break_point(word, width);
            lines.push(word[..cut].trim_end().to_string());
            word = &word[cut..];
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

/// The words of a text; a number and its unit are one.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let symbol = word.trim_end_matches([',', ';', '.', ')', ':']);
        let number = |last: &String| {
            let bare = last.trim_start_matches(['(', '-', '+', '<', '>', '=']);
            !bare.is_empty() && bare.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ','))
        };
        match words.last_mut() {
            Some(last) if !symbol.is_empty() && Unit::from_symbol(symbol).is_some() && number(last) => {
                last.push(' ');
                last.push_str(word);
            }
            _ => words.push(word.to_string()),
        }
    }
    words
}

/// Where a word that is too long may be broken: a byte offset above zero.
fn break_point(word: &str, width: usize) -> usize {
    let end = word.char_indices().nth(width).map_or(word.len(), |(index, _)| index);
    word[..end].rfind(['/', ',', '.']).map_or(end, |index| index + 1).max(1)
}

/// The columns that a text without escape sequences takes.
pub fn columns(text: &str) -> usize {
    text.chars().count()
}

/// A text with a label before its first line, the others set in: `label  first line` and so on.
///
/// `indent` is where the label begins, `column` where the text begins. The tone is that of the text.
pub fn labelled(style: &Style, indent: usize, column: usize, label: &str, text: &str, tone: Tone) -> String {
    let lines = wrap(text, style.width.saturating_sub(column));
    labelled_lines(style, indent, column, label, &lines, tone)
}

/// [`labelled`] for lines that are broken already.
pub fn labelled_lines(
    style: &Style,
    indent: usize,
    column: usize,
    label: &str,
    lines: &[String],
    tone: Tone,
) -> String {
    let mut out = String::new();
    for (number, line) in lines.iter().enumerate() {
        if number == 0 {
            let padding = column.saturating_sub(indent + columns(label)).max(1);
            out.push_str(&" ".repeat(indent));
            out.push_str(&style.paint(Tone::Faint, label));
            out.push_str(&" ".repeat(padding));
        } else {
            out.push_str(&" ".repeat(column));
        }
        out.push_str(&style.paint(tone, line));
        out.push('\n');
    }
    out
}

/// Parts with commas between them, on as many lines as they need; the first line begins after `used` columns, the
/// others are set in by `indent`.
pub fn flow(style: &Style, used: usize, indent: usize, parts: &[(String, Tone)]) -> String {
    let mut out = String::new();
    let mut column = used;
    for (number, (text, tone)) in parts.iter().enumerate() {
        let last = number + 1 == parts.len();
        let needed = columns(text) + usize::from(!last);
        if number > 0 && column + 1 + needed > style.width {
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            column = indent;
        } else if number > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(&style.paint(*tone, text));
        if !last {
            out.push(',');
        }
        column += needed;
    }
    out
}

/// The first lines, the last of them marked where more were dropped.
pub fn cut(mut lines: Vec<String>, most: usize) -> Vec<String> {
    if lines.len() > most {
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            let kept = columns(last).saturating_sub(3);
            *last = last.chars().take(kept).collect();
            last.push_str("...");
        }
    }
    lines
}

/// `1 case`, `3 cases`.
pub fn counted(number: impl TryInto<u64>, noun: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    let plural = match noun.strip_suffix("ss") {
        Some(stem) => format!("{stem}sses"),
        None => format!("{noun}s"),
    };
    format!(
        "{} {}",
        thousands(number as u128),
        if number == 1 { noun } else { &plural }
    )
}

/// A whole number with commas between groups of three digits: `20,571`.
pub fn thousands(number: u128) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A length of time as people say it: `850 us`, `12.5 ms`, `0.21 s`, `4 min 10 s`, `1 h 12 min`.
pub fn spoken(duration: Duration) -> String {
    let micros = duration.as_micros();
    let seconds = duration.as_secs();
    match micros {
        0..1000 => format!("{micros} us"),
        1000..100_000 => format!("{}.{} ms", micros / 1000, micros % 1000 / 100),
        100_000..60_000_000 => format!("{}.{:02} s", seconds, micros % 1_000_000 / 10_000),
        60_000_000..3_600_000_000 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// A length of time in seconds, exact: `1.5`, `0.000001`.
pub fn seconds(duration: Duration) -> String {
    let text = format!("{}.{:06}", duration.as_secs(), duration.subsec_micros());
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

/// A length of time in milliseconds, exact: `850.25`.
pub fn milliseconds(duration: Duration) -> String {
    let micros = duration.as_micros();
    let text = format!("{}.{:03}", micros / 1000, micros % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_never_wider_than_asked_and_lose_nothing() {
        let text = "pylon-can/0x351.charge_current_limit is what the inverter reads, \
                    suites/pylon-can/a-very-long-name-without-blanks.yaml:23";
        for width in 10..90 {
            let lines = wrap(text, width);
            assert!(lines.iter().all(|line| columns(line) <= width), "{width}: {lines:?}");
            let squeeze = |text: &str| text.replace(char::is_whitespace, "");
            assert_eq!(squeeze(&lines.concat()), squeeze(text), "{width}");
        }
        assert_eq!(wrap("", 20), [""]);
        assert_eq!(wrap("coded in 0.1 V, low byte", 14), ["coded in", "0.1 V, low", "byte"]);
        assert_eq!(wrap("é".repeat(25).as_str(), 10).len(), 3);
    }

    #[test]
    fn times_are_said_as_people_say_them() {
        for (micros, text) in [
            (850, "850 us"),
            (12_500, "12.5 ms"),
            (210_000, "0.21 s"),
            (59_999_999, "59.99 s"),
            (250_000_000, "4 min 10 s"),
            (4_320_000_000, "1 h 12 min"),
        ] {
            assert_eq!(spoken(Duration::from_micros(micros)), text);
        }
        assert_eq!(seconds(Duration::from_micros(1_500_000)), "1.5");
        assert_eq!(seconds(Duration::ZERO), "0");
        assert_eq!(seconds(Duration::from_secs(600)), "600");
        assert_eq!(milliseconds(Duration::from_micros(850_250)), "850.25");
    }

    #[test]
    fn numbers_and_nouns_agree() {
        assert_eq!(counted(1, "case"), "1 case");
        assert_eq!(counted(12_345, "case"), "12,345 cases");
        assert_eq!(counted(2, "vacuous pass"), "2 vacuous passes");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1_000_000), "1,000,000");
    }

    #[test]
    fn colour_is_only_decoration() {
        let coloured = Style {
            colour: true,
            width: 80,
        };
        assert_eq!(Style::PLAIN.paint(Tone::Bad, "x"), "x");
        assert_eq!(coloured.paint(Tone::Bad, "x"), "\u{1b}[1;31mx\u{1b}[0m");
        assert_eq!(coloured.paint(Tone::Bad, ""), "");
    }
}
