//! A YAML document as a tree in which every value knows where it stands.
//!
//! Scalars keep their text as written: `at: 9.10` stays `9.10` (not the number 9.1) and `0x351` stays `0x351`; what a
//! scalar means is decided by whoever reads the key. Hostile input (alias bombs, deep nesting, huge files) is refused
//! with a diagnostic before it can cost much memory or time.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::{Location, Spanned};

use super::diagnostic::{Diagnostic, Diagnostics};

/// A place in a source: byte offsets.
pub type Span = Range<usize>;

/// The largest document that is read, in bytes. The largest shipped definition has about 60 kB.
pub const MAX_BYTES: usize = 4 << 20;
/// The deepest nesting that is read; the deepest shipped document has 10 levels.
pub const MAX_DEPTH: usize = 24;
/// The most YAML nodes that are read, aliases counted as often as they are used.
pub const MAX_NODES: usize = 200_000;

/// A named text that diagnostics point into.
#[derive(Clone, Debug)]
pub struct Source {
    /// The name shown to the user: a path, or `built in: protocols/x.yaml`.
    pub name: Arc<str>,
    /// The whole text.
    pub text: Arc<str>,
    /// Where each line starts, found when first asked for: every ruling and every cited requirement asks.
    lines: Arc<OnceLock<Vec<usize>>>,
}

impl Source {
    /// A source from its name and text.
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Source {
        Source {
            name: name.into(),
            text: text.into(),
            lines: Arc::default(),
        }
    }

    /// Line and column (both from 1, columns in characters) of a byte offset.
    pub fn line_column(&self, offset: usize) -> (usize, usize) {
        let offset = offset.min(self.text.len());
        let lines = self.lines.get_or_init(|| {
            let ends = self.text.match_indices('\n').map(|(index, _)| index + 1);
            std::iter::once(0).chain(ends).collect()
        });
        let line = lines.partition_point(|start| *start <= offset);
        let start = line
            .checked_sub(1)
            .and_then(|index| lines.get(index))
            .copied()
            .unwrap_or(0);
        let column = self.text[start..]
            .char_indices()
            .take_while(|(index, _)| start + index < offset)
            .count();
        (line.max(1), column + 1)
    }
}

/// A value with its place.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where the value stands (for an alias: where it is used).
    pub span: Span,
    /// What it is.
    pub value: Value,
}

/// The kinds of YAML values.
#[derive(Clone, Debug)]
pub enum Value {
    /// A scalar: its text, and whether it was written plain (without quotes).
    Scalar {
        /// The text as written, or the unescaped content of a quoted scalar.
        text: String,
        /// True for a scalar without quotes.
        plain: bool,
    },
    /// A sequence.
    Sequence(Vec<Node>),
    /// A mapping in document order; keys are scalars.
    Mapping(Vec<(Node, Node)>),
    /// Nothing (`key:` without a value, `~`, `null`).
    Null,
}

impl Node {
    /// The text of a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The elements of a sequence; a single value counts as a sequence of one.
    pub fn elements(&self) -> &[Node] {
        match &self.value {
            Value::Sequence(elements) => elements,
            Value::Null => &[],
            _ => std::slice::from_ref(self),
        }
    }

    /// The entries of a mapping; empty for anything else.
    pub fn entries(&self) -> &[(Node, Node)] {
        match &self.value {
            Value::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// The value under `key` of a mapping.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries()
            .iter()
            .find(|(name, _)| name.text() == Some(key))
            .map(|(_, value)| value)
    }

    /// The text under `key` of a mapping.
    pub fn get_text(&self, key: &str) -> Option<&str> {
        self.get(key)?.text()
    }

    /// What kind of value this is, for messages: "a list".
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Scalar { .. } => "a single value",
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a mapping",
            Value::Null => "nothing",
        }
    }
}

/// Reads one YAML document.
///
/// # Errors
/// Syntax errors, duplicate keys, keys that are no scalars, and exceeded bounds, all as diagnostics with their place.
pub fn parse(source: &Source) -> Result<Node, Diagnostics> {
    let fail = |diagnostic: Diagnostic| Err(Diagnostics::from(diagnostic.within(source)));
    if source.text.len() > MAX_BYTES {
        let message = format!(
            "the file has {} MB, more than the {} MB that are read",
            source.text.len() >> 20,
            MAX_BYTES >> 20
        );
        return fail(Diagnostic::error("file-too-large", message, 0..0));
    }
    let budget = serde_yaml::budget! {
        max_depth: MAX_DEPTH,
        max_nodes: MAX_NODES,
        max_events: MAX_NODES * 3,
        flow_nesting_limit: MAX_DEPTH,
    };
    let options = serde_yaml::options! {
        budget: budget,
        alias_limits: serde_yaml::alias_limits! { max_total_replayed_events: MAX_NODES },
        duplicate_keys: serde_yaml::DuplicateKeyPolicy::PassThrough,
        merge_keys: serde_yaml::MergeKeyPolicy::Error,
        with_snippet: false,
    };
    let raw: Spanned<Raw> = match serde_yaml::from_str_with_options(&source.text, options) {
        Ok(raw) => raw,
        Err(error) => return fail(syntax_error(source, &error)),
    };
    let mut diagnostics = Diagnostics::default();
    let node = build(&raw, source, &mut diagnostics);
    if diagnostics.has_errors() {
        Err(diagnostics)
    } else {
        Ok(node)
    }
}

fn syntax_error(source: &Source, error: &serde_yaml::Error) -> Diagnostic {
    let start = error
        .location()
        .map_or(0, |location| bytes_of(&location, &source.text).start);
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    let headline = first.split(" at line ").next().unwrap_or(first).trim_end_matches(':');
    let too_complex = ["budget", "depth", "alias", "nesting", "recursion"]
        .iter()
        .any(|word| text.contains(word));
    let id = if too_complex {
        "document-too-complex"
    } else {
        "yaml-syntax"
    };
    Diagnostic::error(id, headline.to_string(), start..next_boundary(&source.text, start))
}

fn next_boundary(text: &str, offset: usize) -> usize {
    text.get(offset..)
        .and_then(|rest| rest.chars().next())
        .map_or(offset, |character| offset + character.len_utf8())
}

/// The bytes that a location covers, cut to the text.
fn bytes_of(location: &Location, text: &str) -> Span {
    let as_offset = |value: Option<u64>| {
        usize::try_from(value.unwrap_or(0))
            .unwrap_or(usize::MAX)
            .min(text.len())
    };
    let start = as_offset(location.span().byte_offset());
    let end = start
        .saturating_add(as_offset(location.span().byte_len()))
        .min(text.len());
    match text.get(start..end) {
        Some(taken) => start..start + taken.trim_end().len(),
        None => start..start,
    }
}

fn build(raw: &Spanned<Raw>, source: &Source, diagnostics: &mut Diagnostics) -> Node {
    let span = bytes_of(&raw.referenced, &source.text);
    match &raw.value {
        Raw::Null => Node {
            span,
            value: Value::Null,
        },
        Raw::Text(text) => {
            let defined = bytes_of(&raw.defined, &source.text);
            let written = source.text.get(defined).unwrap_or_default();
            let plain = !written.starts_with(['"', '\'', '|', '>']);
            // A number or a truth value to the parser: what counts is the text as it was written.
            let text = text.clone().unwrap_or_else(|| written.to_string());
            Node {
                span,
                value: Value::Scalar { text, plain },
            }
        }
        Raw::Sequence(elements) => {
            let elements: Vec<Node> = elements
                .iter()
                .map(|element| build(element, source, diagnostics))
                .collect();
            let end = elements.last().map_or(span.end, |last| last.span.end.max(span.end));
            Node {
                span: span.start..end,
                value: Value::Sequence(elements),
            }
        }
        Raw::Mapping(entries) => {
            let mut built: Vec<(Node, Node)> = Vec::with_capacity(entries.len());
            for (key, value) in entries {
                let (key, value) = (build(key, source, diagnostics), build(value, source, diagnostics));
                let Some(name) = key.text() else {
                    let message = "a key must be a single value";
                    diagnostics.push(Diagnostic::error("key-not-scalar", message, key.span.clone()).within(source));
                    continue;
                };
                if let Some((first, _)) = built.iter().find(|(earlier, _)| earlier.text() == Some(name)) {
                    let message = format!("`{name}` is given twice");
                    diagnostics.push(
                        Diagnostic::error("duplicate-key", message, key.span.clone())
                            .label("given again here")
                            .also(first.span.clone(), "first given here")
                            .within(source),
                    );
                    continue;
                }
                built.push((key, value));
            }
            let end = built.last().map_or(span.end, |(_, value)| value.span.end.max(span.end));
            Node {
                span: span.start..end,
                value: Value::Mapping(built),
            }
        }
    }
}

/// What the parser hands over: kinds without meaning.
enum Raw {
    Null,
    /// `None` for a scalar that the parser took for a number or a truth value: its text is read from the source.
    Text(Option<String>),
    Sequence(Vec<Spanned<Raw>>),
    Mapping(Vec<(Spanned<Raw>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Raw, D::Error> {
        struct RawVisitor;

        impl<'de> Visitor<'de> for RawVisitor {
            type Value = Raw;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a YAML value")
            }

            fn visit_bool<E>(self, _: bool) -> Result<Raw, E> {
                Ok(Raw::Text(None))
            }

            fn visit_i64<E>(self, _: i64) -> Result<Raw, E> {
                Ok(Raw::Text(None))
            }

            fn visit_u64<E>(self, _: u64) -> Result<Raw, E> {
                Ok(Raw::Text(None))
            }

            fn visit_i128<E>(self, _: i128) -> Result<Raw, E> {
                Ok(Raw::Text(None))
            }

            fn visit_u128<E>(self, _: u128) -> Result<Raw, E> {
                Ok(Raw::Text(None))
            }

            fn visit_f64<E>(self, _: f64) -> Result<Raw, E> {
                Ok(Raw::Text(None))
            }

            fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
                Ok(Raw::Text(Some(text.to_string())))
            }

            fn visit_string<E>(self, text: String) -> Result<Raw, E> {
                Ok(Raw::Text(Some(text)))
            }

            fn visit_unit<E>(self) -> Result<Raw, E> {
                Ok(Raw::Null)
            }

            fn visit_none<E>(self) -> Result<Raw, E> {
                Ok(Raw::Null)
            }

            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
                Raw::deserialize(deserializer)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
                let mut elements = Vec::new();
                while let Some(element) = access.next_element()? {
                    elements.push(element);
                }
                Ok(Raw::Sequence(elements))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = access.next_entry()? {
                    entries.push(entry);
                }
                Ok(Raw::Mapping(entries))
            }
        }

        deserializer.deserialize_any(RawVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(text: &str) -> Node {
        parse(&Source::new("test.yaml", text)).unwrap_or_else(|diagnostics| panic!("{}", diagnostics.render_plain()))
    }

    fn mistakes(text: &str) -> String {
        parse(&Source::new("test.yaml", text))
            .expect_err("should be refused")
            .render_plain()
    }

    #[test]
    fn scalars_keep_their_text() {
        let text = "a: 9.10\nb: 0x351\nc: 00\nd: \"5 V\"\ne: 1E3\nf: off\ng: 00 01 02 # comment\nh: 'it''s'\ni: ~\nj: true\nk: 1_000\n";
        let tree = tree(text);
        for (key, expected) in [
            ("a", "9.10"),
            ("b", "0x351"),
            ("c", "00"),
            ("d", "5 V"),
            ("e", "1E3"),
            ("f", "off"),
            ("g", "00 01 02"),
            ("h", "it's"),
            ("j", "true"),
            ("k", "1_000"),
        ] {
            assert_eq!(tree.get_text(key), Some(expected), "{key}");
        }
        assert!(matches!(tree.get("i").unwrap().value, Value::Null));
        assert!(matches!(
            tree.get("d").unwrap().value,
            Value::Scalar { plain: false, .. }
        ));
        assert!(matches!(
            tree.get("a").unwrap().value,
            Value::Scalar { plain: true, .. }
        ));
    }

    #[test]
    fn spans_cover_the_scalar_and_nothing_else() {
        let text = "é: {at: 12, name: \"x y\", list: [0x10, 20]}   # end\n";
        let tree = tree(text);
        let map = tree.get("é").unwrap();
        let slice = |node: &Node| text[node.span.clone()].to_string();
        assert_eq!(slice(map.get("at").unwrap()), "12");
        assert_eq!(slice(map.get("name").unwrap()), "\"x y\"");
        assert_eq!(slice(&map.get("list").unwrap().elements()[0]), "0x10");
        assert_eq!(slice(&map.entries()[1].0), "name");
    }

    #[test]
    fn aliases_keep_value_and_place_of_use() {
        let text = "a: &x 0x10\nb: *x\n";
        let tree = tree(text);
        assert_eq!(tree.get_text("b"), Some("0x10"));
        assert_eq!(&text[tree.get("b").unwrap().span.clone()][..1], "*");
    }

    #[test]
    fn duplicate_keys_are_all_reported() {
        let text = mistakes("a: 1\na: 2\nb: {c: 1, c: 2}\n");
        assert_eq!(text.matches("duplicate-key").count(), 2, "{text}");
        assert!(text.contains("test.yaml:2:1"), "{text}");
    }

    #[test]
    fn hostile_documents_are_refused_quickly() {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            let before = level - 1;
            let refs = vec![format!("*a{before}"); 10].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{refs}]\n"));
        }
        assert!(mistakes(&bomb).contains("document-too-complex"));
        assert!(mistakes(&"[".repeat(100_000)).contains("error["));
        assert!(mistakes(&format!("{}x", "- ".repeat(5_000))).contains("error["));
        assert!(mistakes(&"a".repeat(MAX_BYTES + 1)).contains("file-too-large"));
        assert!(mistakes("a: [1, 2\nb: }").contains("yaml-syntax"));
        assert!(mistakes("a: \"unclosed").contains("yaml-syntax"));
        assert!(mistakes("? [1]\n: x\n").contains("key-not-scalar"));
    }
}
