//! Questions on which documents and devices differ, and how the library settles them: `Q-01`.

use super::{Origin, shape};
use crate::document::node::parse;
use crate::document::shape::check;
use crate::document::{Diagnostic, Diagnostics, Node, Source};

/// A settled question.
#[derive(Clone, Debug)]
pub struct Question {
    /// `Q-..`.
    pub id: String,
    /// What is asked, in a few words.
    pub text: String,
    /// What documents and devices say.
    pub readings: String,
    /// What the reference firmware does.
    pub reference: String,
    /// What a case or rule accepts.
    pub checker: String,
    /// The table that belongs to it, a line each.
    pub details: Vec<String>,
    /// How well it is known; a letter, or one for each part.
    pub grade: String,
    /// Where it stands.
    pub origin: Origin,
}

/// Whether a file holds questions, not a protocol definition.
pub(super) fn is_questions(source: &Source) -> bool {
    source.text.lines().any(|line| line.starts_with("questions:"))
}

/// The questions of a file, with every mistake in it.
pub(super) fn questions(source: &Source) -> (Vec<Question>, Diagnostics) {
    let node = match parse(source) {
        Ok(node) => node,
        Err(diagnostics) => return (Vec::new(), diagnostics),
    };
    let mut diagnostics = check(&node, &shape::QUESTIONS, source);
    let mut questions: Vec<Question> = Vec::new();
    for entry in node.get("questions").map_or(&[][..], Node::elements) {
        let text = |key: &str| entry.get_text(key).unwrap_or_default().to_string();
        let id = text("id");
        if questions.iter().any(|known| known.id == id) {
            let message = format!("the question `{id}` is given twice");
            diagnostics.push(Diagnostic::error("duplicate-question", message, entry.span.clone()).within(source));
            continue;
        }
        let details = entry.get("details").map_or(&[][..], Node::elements);
        questions.push(Question {
            id,
            text: text("text"),
            readings: text("readings"),
            reference: text("reference"),
            checker: text("checker"),
            details: details
                .iter()
                .filter_map(|line| line.text().map(str::to_string))
                .collect(),
            grade: text("grade"),
            origin: Origin {
                source: source.clone(),
                span: entry.span.clone(),
            },
        });
    }
    (questions, diagnostics)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_found() {
        let entry = "text: T, readings: r, reference: f, checker: c, grade: A";
        let text = format!(
            "sheet: s\nquestions:\n- {{ id: Q-01, {entry} }}\n- {{ id: Q-01, {entry} }}\n- {{ id: Q-02, {entry}, chekcer: x }}\n\
             - {{ id: Q-03, text: T }}\n"
        );
        let source = Source::new("q.yaml", text);
        assert!(is_questions(&source));
        let (found, mistakes) = questions(&source);
        assert_eq!(found.len(), 3);
        let text = mistakes.render_plain();
        for part in [
            "the question `Q-01` is given twice",
            "`chekcer`",
            "`checker`",
            "q.yaml:4",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        assert!(questions(&Source::new("q.yaml", "questions: [")).1.has_errors());
    }
}
