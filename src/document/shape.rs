//! What a document may contain, as a table.
//!
//! One table per kind of document is checked against a tree (unknown keys, missing keys, malformed values, all at
//! once), and printed as the JSON Schema of `bmscheck schema`: neither can drift from what is read.

use serde_json::{Map, Value as Json, json};

use super::diagnostic::{Diagnostic, Diagnostics, did_you_mean};
use super::node::{Node, Source, Value};
use super::scalar;
use crate::value::{Dimension, Quantity, Unit};

/// A mapping with known keys.
#[derive(Debug)]
pub struct Object {
    /// Its name, as it stands in messages and in the schema: `field`.
    pub name: &'static str,
    /// What it is, in one line.
    pub doc: &'static str,
    /// Its keys, in the order in which people write them.
    pub keys: &'static [Key],
}

/// A key of an [`Object`].
#[derive(Debug)]
pub struct Key {
    /// The key.
    pub name: &'static str,
    /// What may stand under it.
    pub shape: Shape,
    /// Whether it must be given.
    pub required: bool,
    /// What it means, in one line.
    pub doc: &'static str,
}

/// A key that may be given.
pub const fn optional(name: &'static str, shape: Shape, doc: &'static str) -> Key {
    Key {
        name,
        shape,
        required: false,
        doc,
    }
}

/// A key that must be given.
pub const fn required(name: &'static str, shape: Shape, doc: &'static str) -> Key {
    Key {
        name,
        shape,
        required: true,
        doc,
    }
}

/// What may stand in a place of a document.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// Any text.
    Text,
    /// A name: letters, digits, `_`, `-`; `{n}` in it stands for a running number.
    Name,
    /// One of some words.
    Word(&'static [&'static str]),
    /// `true` or `false`.
    Truth,
    /// A whole number within bounds, decimal or `0x` hexadecimal.
    Whole(i64, i64),
    /// A code, written in hexadecimal with `0x`.
    Code,
    /// A decimal number or a fraction.
    Number,
    /// A quantity with a unit of a dimension; any dimension where none is given.
    Quantity(Option<Dimension>),
    /// A range `low..high`, one side may be left out; units as the field says.
    Range,
    /// Bytes in hexadecimal.
    Bytes,
    /// A list; a single value counts as a list of one.
    List(&'static Shape),
    /// A mapping with free keys: what the keys are, and what stands under them.
    Map(&'static str, &'static Shape),
    /// A mapping with known keys.
    Object(&'static Object),
    /// One of several shapes, told apart by being a single value, a list or a mapping; single values must fit one.
    OneOf(&'static [Shape]),
}

/// Checks a document against its shape and reports every mistake of form.
pub fn check(node: &Node, object: &'static Object, source: &Source) -> Diagnostics {
    let mut diagnostics = Diagnostics::default();
    check_shape(node, &Shape::Object(object), source, &mut diagnostics);
    diagnostics
}

fn check_shape(node: &Node, shape: &Shape, source: &Source, diagnostics: &mut Diagnostics) {
    match shape {
        Shape::List(element) => {
            if matches!(node.value, Value::Null) {
                diagnostics.push(wrong(node, shape, source));
            }
            for each in node.elements() {
                check_shape(each, element, source, diagnostics);
            }
        }
        Shape::Map(_, value) => match &node.value {
            Value::Mapping(entries) => {
                for (_, each) in entries {
                    check_shape(each, value, source, diagnostics);
                }
            }
            _ => diagnostics.push(wrong(node, shape, source)),
        },
        Shape::Object(object) => match &node.value {
            Value::Mapping(entries) => check_object(node, entries, object, source, diagnostics),
            _ => diagnostics.push(wrong(node, shape, source)),
        },
        Shape::OneOf(shapes) => {
            let fits = |candidate: &&Shape| match (&node.value, candidate) {
                (Value::Mapping(_), Shape::Object(_) | Shape::Map(..)) => true,
                (Value::Sequence(_), Shape::List(_)) => true,
                (Value::Scalar { text, .. }, scalar) => scalar_fits(text, scalar),
                _ => false,
            };
            match shapes.iter().find(fits) {
                Some(chosen) => check_shape(node, chosen, source, diagnostics),
                None => diagnostics.push(wrong(node, shape, source)),
            }
        }
        scalar => match &node.value {
            Value::Scalar { text, .. } if scalar_fits(text, scalar) => {}
            _ => diagnostics.push(wrong(node, shape, source)),
        },
    }
}

fn check_object(
    node: &Node,
    entries: &[(Node, Node)],
    object: &'static Object,
    source: &Source,
    diagnostics: &mut Diagnostics,
) {
    for (key, value) in entries {
        let name = key.text().unwrap_or_default();
        match object.keys.iter().find(|known| known.name == name) {
            Some(known) => check_shape(value, &known.shape, source, diagnostics),
            None => {
                let known = object.keys.iter().map(|key| key.name);
                let help = did_you_mean(name, known.clone())
                    .unwrap_or_else(|| format!("known keys: {}", known.collect::<Vec<_>>().join(", ")));
                let message = format!("unknown key `{name}` in {}", object.name);
                diagnostics.push(
                    Diagnostic::error("unknown-key", message, key.span.clone())
                        .help(help)
                        .within(source),
                );
            }
        }
    }
    for key in object
        .keys
        .iter()
        .filter(|key| key.required && node.get(key.name).is_none())
    {
        let message = format!("`{}` is missing in {}", key.name, object.name);
        let place = entries
            .first()
            .map_or(node.span.clone(), |(first, _)| first.span.clone());
        diagnostics.push(
            Diagnostic::error("missing-key", message, place)
                .help(key.doc)
                .within(source),
        );
    }
}

fn wrong(node: &Node, shape: &Shape, source: &Source) -> Diagnostic {
    let found = node
        .text()
        .map_or_else(|| node.kind().to_string(), |text| format!("`{text}`"));
    let expected = describe(shape);
    let mut diagnostic =
        Diagnostic::error("wrong-value", format!("{found} is not {expected}"), node.span.clone()).within(source);
    if let (Some(text), Shape::Word(words)) = (node.text(), shape) {
        diagnostic = diagnostic.maybe_help(did_you_mean(text, words.iter().copied()));
    }
    if let (Some(text), Shape::Quantity(_)) = (node.text(), shape)
        && let Err(error) = text.parse::<Quantity>()
    {
        diagnostic = diagnostic.help(error.to_string());
    }
    diagnostic
}

/// Whether a text has the form of a scalar shape.
fn scalar_fits(text: &str, shape: &Shape) -> bool {
    match shape {
        Shape::Text => true,
        Shape::Name => {
            let bare = text.replace("{n}", "n");
            !bare.is_empty()
                && bare
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
        }
        Shape::Word(words) => words.contains(&text),
        Shape::Truth => matches!(text, "true" | "false"),
        Shape::Whole(low, high) => scalar::whole(text).is_some_and(|value| (*low..=*high).contains(&value)),
        Shape::Code => scalar::code(text).is_some(),
        Shape::Number => scalar::number(text).is_some(),
        Shape::Quantity(dimension) => text
            .parse::<Quantity>()
            .is_ok_and(|quantity| dimension.is_none_or(|dimension| quantity.unit.dimension() == dimension)),
        Shape::Range => scalar::quantity_range(text, Unit::None).is_some(),
        Shape::Bytes => scalar::bytes(text).is_some(),
        Shape::List(element) => scalar_fits(text, element),
        Shape::OneOf(shapes) => shapes.iter().any(|shape| scalar_fits(text, shape)),
        Shape::Map(..) | Shape::Object(_) => false,
    }
}

fn describe(shape: &Shape) -> String {
    match shape {
        Shape::Text => "a text".into(),
        Shape::Name => "a name (letters, digits, `_`, `-`)".into(),
        Shape::Word(words) => format!(
            "one of {}",
            words.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", ")
        ),
        Shape::Truth => "`true` or `false`".into(),
        Shape::Whole(low, high) => format!("a whole number from {low} to {high}"),
        Shape::Code => "a code in hexadecimal, such as `0x42`".into(),
        Shape::Number => "a decimal number or a fraction".into(),
        Shape::Quantity(None) => "a quantity with its unit, such as `58.4 V`".into(),
        Shape::Quantity(Some(dimension)) => {
            let example = Unit::ALL
                .iter()
                .find(|unit| unit.dimension() == *dimension)
                .map_or("", |unit| unit.symbol());
            format!("{} such as `1 {example}`", dimension.with_article()).replace(" `1 `", " `1`")
        }
        Shape::Range => "a range such as `40..60` or `0..`".into(),
        Shape::Bytes => "bytes in hexadecimal, such as `40 02 D0 07`".into(),
        Shape::List(element) => format!(
            "a list of {}",
            describe(element).trim_start_matches("a ").trim_start_matches("an ")
        ),
        Shape::Map(keys, value) => format!("a mapping from {keys} to {}", describe(value)),
        Shape::Object(object) => format!("a mapping ({})", object.name),
        Shape::OneOf(shapes) => shapes.iter().map(describe).collect::<Vec<_>>().join(", or "),
    }
}

/// The JSON Schema (draft 2020-12) of a kind of document.
pub fn json_schema(object: &'static Object, title: &str) -> Json {
    let mut definitions = Map::new();
    collect(object, &mut definitions);
    let mut schema = Map::new();
    schema.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
    schema.insert("title".into(), json!(title));
    schema.insert(
        "$ref".into(),
        json!(format!("#/$defs/{}", object.name.replace(' ', "-"))),
    );
    schema.insert("$defs".into(), Json::Object(definitions));
    Json::Object(schema)
}

fn collect(object: &'static Object, definitions: &mut Map<String, Json>) {
    let name = object.name.replace(' ', "-");
    if definitions.contains_key(&name) {
        return;
    }
    definitions.insert(name.clone(), Json::Null);
    let mut properties = Map::new();
    for key in object.keys {
        let mut schema = shape_schema(&key.shape, definitions);
        if let Json::Object(map) = &mut schema {
            map.insert("description".into(), json!(key.doc));
        }
        properties.insert(key.name.into(), schema);
    }
    let needed: Vec<&str> = object
        .keys
        .iter()
        .filter(|key| key.required)
        .map(|key| key.name)
        .collect();
    definitions.insert(
        name,
        json!({
            "type": "object", "description": object.doc, "properties": properties,
            "required": needed, "additionalProperties": false,
        }),
    );
}

fn shape_schema(shape: &Shape, definitions: &mut Map<String, Json>) -> Json {
    let scalar = json!(["string", "number", "boolean"]);
    match shape {
        Shape::Text => json!({ "type": scalar }),
        Shape::Name => json!({ "type": ["string", "number"], "pattern": "^[A-Za-z0-9_.{}-]+$" }),
        Shape::Word(words) => json!({ "enum": words }),
        Shape::Truth => json!({ "type": "boolean" }),
        Shape::Whole(low, high) => json!({ "anyOf": [
            { "type": "integer", "minimum": low, "maximum": high }, { "type": "string", "pattern": "^0x[0-9A-Fa-f]+$" } ] }),
        // YAML readers turn an unquoted 0x351 into a number.
        Shape::Code => json!({ "anyOf": [{ "type": "integer" }, { "type": "string", "pattern": "^0x[0-9A-Fa-f]+$" }] }),
        Shape::Number => {
            json!({ "anyOf": [{ "type": "number" }, { "type": "string", "pattern": "^[-+]?[0-9.]+(/[0-9.]+)?$" }] })
        }
        Shape::Quantity(_) => json!({ "type": ["string", "number"], "pattern": "^[-+]?[0-9./]+ ?[A-Za-z%°/]*$" }),
        Shape::Range => json!({ "type": "string", "pattern": "\\.\\." }),
        Shape::Bytes => json!({ "type": ["string", "number"], "pattern": "^[0-9A-Fa-f ]*$" }),
        Shape::List(element) => {
            let element = shape_schema(element, definitions);
            json!({ "anyOf": [{ "type": "array", "items": element.clone() }, element] })
        }
        Shape::Map(_, value) => {
            let value = shape_schema(value, definitions);
            json!({ "type": "object", "additionalProperties": value })
        }
        Shape::Object(object) => {
            collect(object, definitions);
            json!({ "$ref": format!("#/$defs/{}", object.name.replace(' ', "-")) })
        }
        Shape::OneOf(shapes) => {
            let any: Vec<Json> = shapes.iter().map(|shape| shape_schema(shape, definitions)).collect();
            json!({ "anyOf": any })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::node::parse;

    static INNER: Object = Object {
        name: "inner",
        doc: "An inner thing.",
        keys: &[
            required("name", Shape::Name, "its name"),
            optional("limit", Shape::Quantity(Some(Dimension::Voltage)), "a voltage"),
            optional("inner", Shape::Object(&INNER), "again"),
        ],
    };
    static OUTER: Object = Object {
        name: "outer",
        doc: "An outer thing.",
        keys: &[
            required("list", Shape::List(&Shape::Object(&INNER)), "things"),
            optional(
                "length",
                Shape::OneOf(&[Shape::Whole(0, 8), Shape::Object(&INNER)]),
                "length",
            ),
            optional("word", Shape::Word(&["little", "big"]), "order"),
        ],
    };

    fn mistakes(text: &str) -> String {
        let source = Source::new("t.yaml", text);
        let node = parse(&source).unwrap_or_else(|d| panic!("{}", d.render_plain()));
        check(&node, &OUTER, &source).render_plain()
    }

    #[test]
    fn a_document_of_the_right_form_has_no_mistakes() {
        assert_eq!(
            mistakes("list: [{name: a, limit: 3 V, inner: {name: b}}]\nlength: 8\nword: big\n"),
            ""
        );
        assert_eq!(mistakes("list: {name: a}\nlength: {name: x}\n"), "");
    }

    #[test]
    fn every_mistake_is_reported_in_one_go() {
        let text = mistakes("lst: 1\nlength: 9\nword: litle\nlist: [{name: a, limit: 3 A}, {limt: 3 V}]\n");
        for id in ["unknown-key", "wrong-value", "missing-key"] {
            assert!(text.contains(id), "{id}\n{text}");
        }
        assert!(
            text.contains("did you mean `list`?") && text.contains("did you mean `little`?"),
            "{text}"
        );
        assert_eq!(text.matches("error[").count(), 6, "{text}");
    }

    #[test]
    fn the_schema_names_every_key() {
        let schema = json_schema(&OUTER, "outer").to_string();
        assert!(
            schema.contains("\"#/$defs/inner\"")
                && schema.contains("\"limit\"")
                && schema.contains("\"required\":[\"list\"]")
        );
    }
}
