//! Protocol definitions and requirements as a person reads them: what `bmscheck explain` shows.
//!
//! | file | subject |
//! |---|---|
//! | [`protocol`] | a protocol: bus, session, messages, rules |
//! | [`message`] | a message: its bytes and bits as a table |
//! | [`field`] | a field: where it lies, what it means, what covers it |
//! | [`requirement`] | a requirement or settled question, and what tests it |
//! | [`words`] | places, types, values and ranges in words |

pub mod field;
pub mod message;
pub mod protocol;
pub mod requirement;
pub mod words;

use crate::report::text::{Style, Tone, columns, wrap};

/// Rows under headings, each column as wide as its widest cell; the last column is wrapped to the terminal.
#[derive(Clone, Debug, Default)]
pub struct Table {
    heads: Vec<&'static str>,
    rows: Vec<Row>,
}

#[derive(Clone, Debug)]
enum Row {
    Cells(Vec<String>),
    /// A line across the columns, from one of them on, set in by so much.
    Note(usize, usize, String),
}

impl Table {
    /// A table with these headings.
    pub fn new(heads: &[&'static str]) -> Table {
        Table {
            heads: heads.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row; missing cells are empty.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(Row::Cells(cells));
    }

    /// Adds a line across the columns: it begins at column `from`, set in by `indent`, and makes no column wider.
    pub fn note(&mut self, from: usize, indent: usize, text: String) {
        self.rows.push(Row::Note(from, indent, text));
    }

    /// True without rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table as text, set in by `indent`. Columns that are empty throughout are left out.
    pub fn render(&self, style: &Style, indent: usize) -> String {
        let rows: Vec<&Vec<String>> = self
            .rows
            .iter()
            .filter_map(|row| match row {
                Row::Cells(cells) => Some(cells),
                Row::Note(..) => None,
            })
            .collect();
        let cell = |row: &[String], index: usize| row.get(index).cloned().unwrap_or_default();
        let used: Vec<usize> = (0..self.heads.len())
            .filter(|index| rows.iter().any(|row| !cell(row, *index).is_empty()))
            .collect();
        let widths: Vec<usize> = used
            .iter()
            .map(|index| {
                let widest = rows.iter().map(|row| columns(&cell(row, *index))).max();
                let head = self.heads.get(*index).map_or(0, |head| columns(head));
                widest.unwrap_or(0).max(head)
            })
            .collect();
        let fixed: usize = widths.iter().rev().skip(1).map(|width| width + 2).sum();
        let room = style.width.saturating_sub(indent + fixed);
        // Too narrow for the last column: it goes onto lines of its own.
        let below = room < widths.last().copied().unwrap_or(0).min(36);
        let lines = Lines {
            style,
            indent,
            widths: &widths,
            below,
        };
        let mut out = String::new();
        let mut heads: Vec<String> = used
            .iter()
            .map(|index| self.heads.get(*index).map_or(String::new(), |head| (*head).to_string()))
            .collect();
        if below && let Some(last) = heads.last_mut() {
            last.clear();
        }
        if heads.iter().any(|head| !head.is_empty()) {
            out.push_str(&lines.cells(&heads, Tone::Faint));
        }
        for row in &self.rows {
            match row {
                Row::Cells(row) => {
                    let cells: Vec<String> = used.iter().map(|index| cell(row, *index)).collect();
                    out.push_str(&lines.cells(&cells, Tone::Plain));
                }
                Row::Note(from, further, text) => {
                    let before = used.iter().take_while(|index| **index < *from).count();
                    let column: usize = widths.iter().take(before).map(|width| width + 2).sum();
                    out.push_str(&lines.note(indent + column + further, text));
                }
            }
        }
        out
    }
}

/// How the lines of a table are laid out.
struct Lines<'t> {
    style: &'t Style,
    indent: usize,
    widths: &'t [usize],
    below: bool,
}

impl Lines<'_> {
    fn note(&self, column: usize, text: &str) -> String {
        let mut out = String::new();
        for part in wrap(text, self.style.width.saturating_sub(column)) {
            out.push_str(&format!(
                "{}{}\n",
                " ".repeat(column),
                self.style.paint(Tone::Faint, &part)
            ));
        }
        out
    }

    fn cells(&self, cells: &[String], tone: Tone) -> String {
        let Some((last, others)) = cells.split_last() else {
            return String::new();
        };
        let mut text = " ".repeat(self.indent);
        for (cell, width) in others.iter().zip(self.widths) {
            text.push_str(cell);
            text.push_str(&" ".repeat(width + 2 - columns(cell)));
        }
        let column = if self.below { self.indent + 4 } else { columns(&text) };
        let mut lines = Vec::new();
        if self.below {
            lines.push(std::mem::take(&mut text));
        }
        for (number, part) in wrap(last, self.style.width.saturating_sub(column))
            .into_iter()
            .enumerate()
        {
            if number == 0 && !self.below {
                lines.push(format!("{text}{part}"));
            } else if !part.is_empty() {
                lines.push(format!("{}{part}", " ".repeat(column)));
            }
        }
        lines
            .iter()
            .map(|line| format!("{}\n", self.style.paint(tone, line.trim_end())))
            .collect()
    }
}

/// A heading with an empty line before it.
pub(super) fn section(style: &Style, text: &str) -> String {
    format!("\n{}\n", style.paint(Tone::Strong, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_fit_the_terminal_and_drop_empty_columns() {
        let mut table = Table::new(&["name", "unit", "title"]);
        table.row(vec![
            "soc".into(),
            String::new(),
            "state of charge of the whole battery".into(),
        ]);
        table.row(vec!["charge_voltage_limit".into(), String::new(), "limit".into()]);
        for width in [40, 60, 80] {
            let text = table.render(&Style { colour: false, width }, 2);
            assert!(text.lines().all(|line| columns(line) <= width), "{width}\n{text}");
            assert!(!text.contains("unit"), "{text}");
        }
        assert_eq!(
            table.render(&Style::PLAIN, 0),
            "name                  title\n\
             soc                   state of charge of the whole battery\n\
             charge_voltage_limit  limit\n"
        );
    }
}
