//! Where definitions cite a requirement or a settled question: in notes, titles and comments.

use crate::document::node::{Value, parse};
use crate::document::{Node, Source};

/// A place that cites a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Citation {
    /// Which part of the definition it is: `0x351 limits, discharge_current_limit`; empty for a comment.
    pub part: String,
    /// What stands there.
    pub text: String,
    /// The line, from 1.
    pub line: usize,
}

/// The places of a definition that cite `id`, in the order of the file; none in a file that cannot be read as YAML.
///
/// The list of requirements itself is left out.
pub fn citations(source: &Source, id: &str) -> Vec<Citation> {
    let mut found = Vec::new();
    if !cites(&source.text, id) {
        return found;
    }
    if let Ok(node) = parse(source) {
        walk(&node, "", &mut Vec::new(), source, id, &mut found);
    }
    for (index, line) in source.text.lines().enumerate() {
        if let Some(text) = line.trim().strip_prefix('#')
            && cites(text, id)
        {
            found.push(Citation {
                part: String::new(),
                text: text.trim().to_string(),
                line: index + 1,
            });
        }
    }
    found.sort_by_key(|citation| citation.line);
    found
}

/// Whether a text names the number, not only one that begins or ends alike.
pub fn cites(text: &str, id: &str) -> bool {
    text.match_indices(id).any(|(start, _)| {
        let before = text[..start].chars().next_back();
        let after = text[start + id.len()..].chars().next();
        let joins = |neighbour: Option<char>| neighbour.is_some_and(char::is_alphanumeric);
        !joins(before) && !joins(after)
    })
}

fn walk(node: &Node, key: &str, path: &mut Vec<String>, source: &Source, id: &str, found: &mut Vec<Citation>) {
    match &node.value {
        Value::Scalar { text, .. } if cites(text, id) => found.push(Citation {
            part: path.join(", "),
            text: text.clone(),
            line: source.line_column(node.span.start).0,
        }),
        Value::Scalar { .. } | Value::Null => {}
        Value::Sequence(elements) => {
            for element in elements {
                walk(element, key, path, source, id, found);
            }
        }
        Value::Mapping(entries) => {
            let name = name(node).or_else(|| (!key.is_empty()).then(|| place(node, key)));
            let depth = path.len();
            path.extend(name.filter(|_| depth > 0 || !key.is_empty()));
            for (key, value) in entries {
                let key = key.text().unwrap_or_default();
                if key != "requirements" {
                    walk(value, key, path, source, id, found);
                }
            }
            path.truncate(depth);
        }
    }
}

/// What a part of a definition is called: its number and name.
fn name(node: &Node) -> Option<String> {
    let keys = ["id", "command", "name", "situation"];
    let names: Vec<&str> = keys.iter().filter_map(|key| node.get_text(key)).collect();
    (!names.is_empty()).then(|| names.join(" "))
}

/// A part without a name: the key that it stands under, and the place on the wire.
fn place(node: &Node, key: &str) -> String {
    match node.get_text("at") {
        Some(at) => format!("{key} at {at}"),
        None => key.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_no_part_of_another() {
        assert!(cites("as Q-02: x", "Q-02"));
        assert!(cites("(Q-02)", "Q-02"));
        assert!(cites("Q-021, Q-02", "Q-02"));
        for text in ["Q-021", "AQ-02", "Q-0", ""] {
            assert!(!cites(text, "Q-02"), "{text}");
        }
    }

    #[test]
    fn each_place_is_named_by_its_parts() {
        let text = "protocol: x\nkeepalive: { note: Q-09 }\n# Of Q-09, in a comment\nmessages:\n  - id: 0x351\n    \
                    name: limits\n    fields:\n      - { at: 4, name: soc, note: \"Q-09: x\" }\n      - { at: 4, name: soh, \
                    note: Q-090 }\n    reserved:\n      - { at: 1.4, note: Q-09 }\nrequirements:\n  - { id: R-001, text: \
                    Q-09 }\n";
        let found: Vec<String> = citations(&Source::new("x.yaml", text), "Q-09")
            .into_iter()
            .map(|citation| format!("{} [{}] {}", citation.line, citation.part, citation.text))
            .collect();
        assert_eq!(
            found,
            [
                "2 [keepalive] Q-09",
                "3 [] Of Q-09, in a comment",
                "8 [0x351 limits, soc] Q-09: x",
                "11 [0x351 limits, reserved at 1.4] Q-09"
            ]
        );
    }
}
