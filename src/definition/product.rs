//! The battery that the definitions are used for: its requirements by number, and limits that hold on any protocol.

use super::{Grade, Origin, RuleDefinition};
use crate::document::{Diagnostic, Diagnostics, Node, Source};

/// A battery product.
#[derive(Clone, Debug)]
pub struct Product {
    /// Its name: `cst-lr-51.2-280`.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// The sheet that the requirements come from.
    pub sheet: String,
    /// What the manual demands, how it is read, and what the class of battery does.
    pub requirements: Vec<Requirement>,
    /// Limits of the product, in terms of the vocabulary.
    pub rules: Vec<RuleDefinition>,
    /// The file.
    pub source: Source,
}

impl Product {
    /// The requirement with this number.
    pub fn requirement(&self, id: &str) -> Option<&Requirement> {
        self.requirements.iter().find(|requirement| requirement.id == id)
    }
}

/// A numbered requirement.
#[derive(Clone, Debug)]
pub struct Requirement {
    /// `R-..`: the manual; `C-..`: a contradiction of the manual; `B-..`: behaviour of the class.
    pub id: String,
    /// What it says.
    pub text: String,
    /// How a contradiction is read.
    pub reading: Option<String>,
    /// Where it can be seen.
    pub test: TestSite,
    /// How well it is known.
    pub grade: Grade,
    /// Where it stands.
    pub origin: Origin,
}

/// Where a requirement can be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestSite {
    /// By the inverter, on the bus.
    Wire,
    /// On the panel, the LEDs, the keys or inside: only in the reference firmware.
    Firmware,
    /// By no program.
    None,
}

impl TestSite {
    /// The word of the sheet.
    pub const fn word(self) -> &'static str {
        match self {
            TestSite::Wire => "wire",
            TestSite::Firmware => "firmware",
            TestSite::None => "none",
        }
    }
}

/// Lowers the requirements of a product file, whose shape is checked.
pub(super) fn requirements(node: &Node, source: &Source, diagnostics: &mut Diagnostics) -> Vec<Requirement> {
    let mut requirements: Vec<Requirement> = Vec::new();
    for entry in node.get("requirements").map_or(&[][..], Node::elements) {
        let id = entry.get_text("id").unwrap_or_default().to_string();
        if requirements.iter().any(|known| known.id == id) {
            let message = format!("the requirement `{id}` is given twice");
            diagnostics.push(Diagnostic::error("duplicate-requirement", message, entry.span.clone()).within(source));
            continue;
        }
        requirements.push(Requirement {
            id,
            text: entry.get_text("text").unwrap_or_default().to_string(),
            reading: entry.get_text("reading").map(str::to_string),
            test: match entry.get_text("test") {
                Some("wire") => TestSite::Wire,
                Some("firmware") => TestSite::Firmware,
                _ => TestSite::None,
            },
            grade: entry.get_text("grade").and_then(Grade::from_letter).unwrap_or(Grade::D),
            origin: Origin {
                source: source.clone(),
                span: entry.span.clone(),
            },
        });
    }
    requirements
}
