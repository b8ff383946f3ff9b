//! Mistakes in documents: what is wrong, where, and what to do.
//!
//! A [`Diagnostic`] is data (stable id, severity, message, places, help); rendering is apart, so that the console, the
//! JSON of a tool and a test all show the same mistake.

use std::fmt::Write as _;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::node::{Source, Span};

/// How serious a mistake is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The document is used all the same.
    Warning,
    /// The document cannot be used.
    Error,
}

/// A place with a few words on it.
#[derive(Clone, Debug)]
pub struct Label {
    /// The document.
    pub source: Source,
    /// The place in it.
    pub span: Span,
    /// What is to be seen there; may be empty.
    pub text: String,
}

/// A mistake in a document.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// A stable name of the kind of mistake, for instance `unknown-key`.
    pub id: &'static str,
    /// How serious it is.
    pub severity: Severity,
    /// One phrase that says what is wrong.
    pub message: String,
    /// The smallest place at fault, then places that explain it.
    pub labels: Vec<Label>,
    /// What to do about it.
    pub help: Vec<String>,
}

impl Diagnostic {
    /// An error at a place of a document still to be named by [`Diagnostic::within`].
    pub fn error(id: &'static str, message: impl Into<String>, span: Span) -> Diagnostic {
        Diagnostic::new(id, Severity::Error, message, span)
    }

    /// A warning at a place of a document still to be named by [`Diagnostic::within`].
    pub fn warning(id: &'static str, message: impl Into<String>, span: Span) -> Diagnostic {
        Diagnostic::new(id, Severity::Warning, message, span)
    }

    fn new(id: &'static str, severity: Severity, message: impl Into<String>, span: Span) -> Diagnostic {
        let label = Label {
            source: Source::new("", ""),
            span,
            text: String::new(),
        };
        Diagnostic {
            id,
            severity,
            message: message.into(),
            labels: vec![label],
            help: Vec::new(),
        }
    }

    /// Words on the primary place.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Diagnostic {
        if let Some(primary) = self.labels.first_mut() {
            primary.text = text.into();
        }
        self
    }

    /// A further place in the same document.
    #[must_use]
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Diagnostic {
        self.labels.push(Label {
            source: Source::new("", ""),
            span,
            text: text.into(),
        });
        self
    }

    /// A further place in another document.
    #[must_use]
    pub fn elsewhere(mut self, source: &Source, span: Span, text: impl Into<String>) -> Diagnostic {
        self.labels.push(Label {
            source: source.clone(),
            span,
            text: text.into(),
        });
        self
    }

    /// A line of help.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Diagnostic {
        self.help.push(text.into());
        self
    }

    /// A line of help, if there is one.
    #[must_use]
    pub fn maybe_help(mut self, text: Option<String>) -> Diagnostic {
        self.help.extend(text);
        self
    }

    /// Names the document of all places that have none yet.
    #[must_use]
    pub fn within(mut self, source: &Source) -> Diagnostic {
        for label in &mut self.labels {
            if label.source.name.is_empty() && label.source.text.is_empty() {
                label.source = source.clone();
            }
        }
        self
    }

    /// `file:line:column` of the primary place.
    pub fn place(&self) -> String {
        self.labels.first().map_or_else(String::new, |label| {
            let (line, column) = label.source.line_column(label.span.start);
            format!("{}:{line}:{column}", label.source.name)
        })
    }
}

/// All mistakes found, in the order found.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    /// The mistakes.
    pub items: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.items.push(diagnostic);
    }

    /// Adds all of another collection.
    pub fn extend(&mut self, other: Diagnostics) {
        self.items.extend(other.items);
    }

    /// True when there is no mistake at all.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// True when a document cannot be used.
    pub fn has_errors(&self) -> bool {
        self.items.iter().any(|item| item.severity == Severity::Error)
    }

    /// The mistakes in the order of their places, each only once.
    pub fn sort(&mut self) {
        self.items.sort_by_key(|item| {
            item.labels
                .first()
                .map(|label| (label.source.name.clone(), label.span.start, item.id))
        });
        self.items.dedup_by(|a, b| {
            a.id == b.id
                && a.message == b.message
                && a.labels.first().map(|l| l.span.clone()) == b.labels.first().map(|l| l.span.clone())
        });
    }

    /// The mistakes as text for a terminal; `width` bounds the lines of the source that are shown.
    pub fn render(&self, colour: bool, width: usize) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() }.term_width(width.max(40));
        let mut text = String::new();
        for item in &self.items {
            let level = match item.severity {
                Severity::Error => Level::ERROR,
                Severity::Warning => Level::WARNING,
            };
            let mut sources: Vec<&Source> = Vec::new();
            for label in &item.labels {
                if !sources.iter().any(|source| source.name == label.source.name) {
                    sources.push(&label.source);
                }
            }
            let mut group = Group::with_title(level.primary_title(&item.message).id(item.id));
            for source in sources {
                let mut snippet = Snippet::source(&*source.text).path(&*source.name).fold(true);
                for (number, label) in item.labels.iter().enumerate() {
                    if label.source.name == source.name {
                        let kind = if number == 0 {
                            AnnotationKind::Primary
                        } else {
                            AnnotationKind::Context
                        };
                        snippet = snippet.annotation(kind.span(clamp(&label.span, &source.text)).label(&*label.text));
                    }
                }
                group = group.element(snippet);
            }
            for help in &item.help {
                group = group.element(Level::HELP.message(help));
            }
            let _ = writeln!(text, "{}\n", renderer.render(&[group]));
        }
        text
    }

    /// The mistakes as plain text, 100 columns wide: for tests and logs.
    pub fn render_plain(&self) -> String {
        self.render(false, 100)
    }
}

fn clamp(span: &Span, text: &str) -> Span {
    let boundary = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = boundary(span.start);
    start..boundary(span.end).max(start)
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Diagnostics {
        Diagnostics {
            items: vec![diagnostic],
        }
    }
}

/// The candidate nearest to `word`, if any is near enough to be meant.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| {
            let lower = candidate.to_lowercase();
            let mut distance = strsim::osa_distance(&word, &lower);
            // A part of a longer name is a likely slip: `charge_limit` for `charge_current_limit`.
            if word.len() >= 4 && (lower.contains(&word) || same_words(&word, &lower)) {
                distance = distance.min(2);
            }
            (distance, candidate)
        })
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len().min(word.len()) / 4)
        .min_by_key(|(distance, candidate)| (*distance, candidate.len()))
        .map(|(_, candidate)| candidate)
}

fn same_words(word: &str, candidate: &str) -> bool {
    let split = |text: &str| text.split(['_', '-', ' ']).map(str::to_string).collect::<Vec<_>>();
    let (words, others) = (split(word), split(candidate));
    words.len() > 1 && words.iter().all(|part| others.contains(part))
}

/// `did you mean ...?` for the nearest candidate.
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(word, candidates).map(|candidate| format!("did you mean `{candidate}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_offered_and_no_far_one() {
        let names = [
            "charge_current_limit",
            "charge_voltage_limit",
            "discharge_current_limit",
            "soc",
        ];
        assert_eq!(nearest("charge_curent_limit", names), Some("charge_current_limit"));
        assert_eq!(nearest("current_charge_limit", names), Some("charge_current_limit"));
        assert_eq!(nearest("sco", names), Some("soc"));
        assert_eq!(nearest("banana", names), None);
    }

    #[test]
    fn a_mistake_shows_file_line_column_caret_and_help() {
        let source = Source::new("suites/x.yaml", "a: 1\nb: { c: 58.4 A }\n");
        let at = source.text.find("58.4").unwrap();
        let mut all = Diagnostics::default();
        all.push(
            Diagnostic::error("unit-mismatch", "`c` is a voltage", at..at + 6)
                .label("this is a current")
                .help("write `58.4 V`")
                .within(&source),
        );
        let text = all.render_plain();
        for part in [
            "error[unit-mismatch]: `c` is a voltage",
            "suites/x.yaml:2:9",
            "^^^^^^ this is a current",
            "help: write `58.4 V`",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
    }

    #[test]
    fn places_outside_the_text_do_not_panic() {
        let source = Source::new("x", "é");
        let backwards = std::ops::Range { start: 5, end: 3 };
        for span in [0..99, 1..1, backwards] {
            let diagnostic = Diagnostic::error("x", "y", span).within(&source);
            assert!(Diagnostics::from(diagnostic).render_plain().contains("error[x]"));
        }
    }
}
