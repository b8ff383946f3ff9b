//! The files that describe a bench (PIXIT) and a target (PICS).
//!
//! `bench.yaml` says how the bench is wired, `target.yaml` what the battery claims to support. Both are optional: the
//! command line can say the same.

use std::path::Path;
use std::time::Duration;

use crate::cli::CliError;
use crate::definition::Library;
use crate::definition::library::read_source;
use crate::document::diagnostic::did_you_mean;
use crate::document::shape::{Object, Shape, check, optional, required};
use crate::document::{Diagnostic, Diagnostics, Node, Source, node};
use crate::value::{Dimension, Quantity};

const TIME: Shape = Shape::Quantity(Some(Dimension::Time));

/// A bench file.
pub static BENCH: Object = Object {
    name: "bench",
    doc: "How a bench is wired (PIXIT).",
    keys: &[
        required("bench", Shape::Text, "its name, as it shall stand in reports"),
        optional(
            "target",
            Shape::Text,
            "where the battery is: ref, can:IFACE, serial:PATH or serial:PATH@BAUD",
        ),
        optional(
            "fixture",
            Shape::Text,
            "how its state is changed: none, operator, refbms:ADDRESS or exec:COMMAND",
        ),
        optional(
            "settle",
            TIME,
            "how long the bench takes until the battery feels a stimulus; added to every time limit after one",
        ),
    ],
};

/// A target file.
pub static TARGET: Object = Object {
    name: "target",
    doc: "What a battery claims to support (PICS).",
    keys: &[
        required("target", Shape::Text, "the battery, as it shall stand in reports"),
        optional(
            "packs",
            Shape::Whole(1, 16),
            "packs in parallel; asked of the battery where it is not said",
        ),
        optional(
            "protocols",
            Shape::Map("protocol names", &Shape::Object(&CLAIMED)),
            "what it claims for a protocol",
        ),
    ],
};

static CLAIMED: Object = Object {
    name: "claims for a protocol",
    doc: "What a battery claims for one protocol.",
    keys: &[
        optional("variant", Shape::Text, "the variant of the protocol that it speaks"),
        optional(
            "claims",
            Shape::List(&Shape::Name),
            "optional capabilities, as the definition names them",
        ),
    ],
};

/// A bench.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bench {
    /// Its name.
    pub name: String,
    /// Where the battery is.
    pub target: Option<String>,
    /// How its state is changed.
    pub fixture: Option<String>,
    /// How long a stimulus takes until the battery feels it.
    pub settle: Option<Duration>,
}

/// A target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// Its name.
    pub name: Option<String>,
    /// Packs in parallel.
    pub packs: Option<u8>,
    /// Variants by protocol.
    pub variants: Vec<(String, String)>,
    /// Claims with the protocol that they are made for.
    pub claims: Vec<(String, String)>,
}

/// Reads a bench file.
///
/// # Errors
/// It cannot be read, or has mistakes.
pub fn load_bench(path: &Path) -> Result<Bench, CliError> {
    let source = read_source(path).map_err(CliError::Data)?;
    bench(&source).map_err(CliError::Data)
}

fn bench(source: &Source) -> Result<Bench, Diagnostics> {
    let node = checked(source, &BENCH)?;
    let text = |key: &str| node.get_text(key).map(str::to_string);
    Ok(Bench {
        name: text("bench").unwrap_or_default(),
        target: text("target"),
        fixture: text("fixture"),
        settle: node
            .get_text("settle")
            .and_then(|text| text.parse::<Quantity>().ok())
            .and_then(Quantity::as_duration),
    })
}

/// Reads a target file; its names are checked against the definitions.
///
/// # Errors
/// It cannot be read, or has mistakes.
pub fn load_target(path: &Path, library: &Library) -> Result<Target, CliError> {
    let source = read_source(path).map_err(CliError::Data)?;
    target(&source, library).map_err(CliError::Data)
}

fn target(source: &Source, library: &Library) -> Result<Target, Diagnostics> {
    let node = checked(source, &TARGET)?;
    let mut target = Target {
        name: node.get_text("target").map(str::to_string),
        packs: node.get_text("packs").and_then(|text| text.parse().ok()),
        ..Target::default()
    };
    let mut mistakes = Diagnostics::default();
    for (key, claimed) in node.get("protocols").map_or(&[][..], Node::entries) {
        let name = key.text().unwrap_or_default();
        let Some(protocol) = library.protocol(name) else {
            let names: Vec<&str> = library.protocols().map(|protocol| protocol.name.as_str()).collect();
            mistakes.push(
                Diagnostic::error(
                    "unknown-protocol",
                    format!("there is no protocol `{name}`"),
                    key.span.clone(),
                )
                .maybe_help(did_you_mean(name, names))
                .within(source),
            );
            continue;
        };
        if let Some(variant) = claimed.get("variant") {
            let wanted = variant.text().unwrap_or_default();
            let known: Vec<&str> = protocol.variants.iter().map(|variant| variant.name.as_str()).collect();
            if known.contains(&wanted) {
                target.variants.push((name.to_string(), wanted.to_string()));
            } else {
                let message = format!("{name} has no variant `{wanted}`");
                mistakes.push(unknown("unknown-variant", message, variant, wanted, &known, source));
            }
        }
        for claim in claimed.get("claims").map_or(&[][..], Node::elements) {
            let wanted = claim.text().unwrap_or_default();
            let known: Vec<&str> = protocol.claims.iter().map(|claim| claim.name.as_str()).collect();
            if known.contains(&wanted) {
                target.claims.push((name.to_string(), wanted.to_string()));
            } else {
                let message = format!("{name} has no claim `{wanted}`");
                mistakes.push(unknown("unknown-claim", message, claim, wanted, &known, source));
            }
        }
    }
    if mistakes.has_errors() {
        Err(mistakes)
    } else {
        Ok(target)
    }
}

fn unknown(id: &'static str, message: String, at: &Node, wanted: &str, known: &[&str], source: &Source) -> Diagnostic {
    let help = did_you_mean(wanted, known.iter().copied()).unwrap_or_else(|| match known {
        [] => "it has none".to_string(),
        known => format!("known: {}", known.join(", ")),
    });
    Diagnostic::error(id, message, at.span.clone())
        .help(help)
        .within(source)
}

fn checked(source: &Source, object: &'static Object) -> Result<Node, Diagnostics> {
    let node = node::parse(source)?;
    let mistakes = check(&node, object, source);
    if mistakes.has_errors() { Err(mistakes) } else { Ok(node) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bench_is_read() {
        let source = Source::new(
            "bench.yaml",
            "bench: rack 2\ntarget: can:can0\nfixture: operator\nsettle: 500 ms\n",
        );
        let bench = bench(&source).map_err(|d| d.render_plain()).unwrap();
        assert_eq!(bench.target.as_deref(), Some("can:can0"));
        assert_eq!(bench.settle, Some(Duration::from_millis(500)));
    }

    #[test]
    fn claims_are_those_of_the_definition() {
        let (library, _) = Library::load(None);
        let text = "target: CST-LR 4711\npacks: 2\nprotocols:\n  pylon-can: { claims: [v13_frames] }\n";
        let read = target(&Source::new("target.yaml", text), &library).map_err(|d| d.render_plain());
        let read = read.unwrap();
        assert_eq!(read.packs, Some(2));
        assert_eq!(read.claims, [("pylon-can".to_string(), "v13_frames".to_string())]);
        let wrong = text.replace("v13_frames", "v13_frame").replace("packs: 2", "pakcs: 2");
        let mistakes = target(&Source::new("target.yaml", &*wrong), &library)
            .unwrap_err()
            .render_plain();
        assert!(mistakes.contains("did you mean `packs`?"), "{mistakes}");
        let wrong = text.replace("v13_frames", "v13_frame");
        let mistakes = target(&Source::new("target.yaml", &*wrong), &library)
            .unwrap_err()
            .render_plain();
        assert!(mistakes.contains("did you mean `v13_frames`?"), "{mistakes}");
    }
}
