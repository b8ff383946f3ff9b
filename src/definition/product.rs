//! The battery that the definitions are used for: its requirements by number, and limits that hold on any protocol.

use super::scope::all_fields;
use super::{Bus, Grade, Origin, Protocol, RuleDefinition};
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
    /// The inverter settings that the display offers.
    pub settings: Vec<OfferedSetting>,
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

/// An inverter setting of the battery's display, whether its protocol is defined yet or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferedSetting {
    /// As the display shows it: `PYLON CAN Inverter EMS`.
    pub name: String,
    /// The inverter's brand, in lower case.
    pub brand: String,
    /// Its bus.
    pub bus: BusKind,
    /// The definition of its protocol.
    pub protocol: String,
}

/// A numbered requirement.
#[derive(Clone, Debug)]
pub struct Requirement {
    /// `R-..`: the manual; `C-..`: a contradiction of the manual; `B-..`: behaviour of the class.
    pub id: String,
    /// What it says, in a sentence.
    pub text: String,
    /// The table that belongs to it, a line each.
    pub details: Vec<String>,
    /// How a contradiction is read.
    pub reading: Option<String>,
    /// Why it is so: what it follows from, and what others of the class do.
    pub basis: Option<String>,
    /// Where it can be seen.
    pub test: TestSite,
    /// Why no program can test it.
    pub untested: Option<String>,
    /// The only bus on which it can be seen.
    pub bus: Option<BusKind>,
    /// The only protocols on whose wire it can be seen; empty: any.
    pub seen_on: Vec<String>,
    /// The fields that show it: only a protocol with one of them can; empty: any.
    pub fields: Vec<String>,
    /// How well it is known.
    pub grade: Grade,
    /// Where it stands.
    pub origin: Origin,
}

impl Requirement {
    /// True when the wire of `protocol` can show it.
    pub fn concerns(&self, protocol: &Protocol) -> bool {
        let bus = BusKind::of(&protocol.bus);
        let carried = self.seen_on.is_empty() || self.seen_on.contains(&protocol.name);
        let has_field = || {
            let messages = protocol.messages.iter();
            let mut fields = messages.flat_map(|message| all_fields(protocol, message));
            fields.any(|field| self.fields.contains(&field.name))
        };
        carried && self.bus.is_none_or(|only| only == bus) && (self.fields.is_empty() || has_field())
    }
}

/// A kind of bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BusKind {
    /// Classic CAN.
    Can,
    /// RS485 or RS232.
    Serial,
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

impl BusKind {
    /// The kind of a bus.
    pub const fn of(bus: &Bus) -> BusKind {
        match bus {
            Bus::Can { .. } => BusKind::Can,
            Bus::Serial { .. } => BusKind::Serial,
        }
    }
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

/// Lowers the inverter settings of a product file, whose shape is checked.
pub(super) fn settings(node: &Node) -> Vec<OfferedSetting> {
    let entries = node.get("settings").map_or(&[][..], Node::elements);
    let setting = |entry: &Node| {
        let text = |key: &str| entry.get_text(key).unwrap_or_default().to_string();
        OfferedSetting {
            name: text("name"),
            brand: text("brand"),
            bus: match entry.get_text("bus") {
                Some("can") => BusKind::Can,
                _ => BusKind::Serial,
            },
            protocol: text("protocol"),
        }
    };
    entries.iter().map(setting).collect()
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
        let text = |key: &str| entry.get_text(key).map(str::to_string);
        let names = |key: &str| -> Vec<String> {
            let listed = entry.get(key).map_or(&[][..], Node::elements);
            listed
                .iter()
                .filter_map(|name| name.text().map(str::to_string))
                .collect()
        };
        let details = entry.get("details").map_or(&[][..], Node::elements);
        requirements.push(Requirement {
            id,
            text: text("text").unwrap_or_default(),
            details: details
                .iter()
                .filter_map(|line| line.text().map(str::to_string))
                .collect(),
            reading: text("reading"),
            basis: text("basis"),
            test: match entry.get_text("test") {
                Some("wire") => TestSite::Wire,
                Some("firmware") => TestSite::Firmware,
                _ => TestSite::None,
            },
            untested: text("untested"),
            bus: match entry.get_text("bus") {
                Some("can") => Some(BusKind::Can),
                Some("serial") => Some(BusKind::Serial),
                _ => None,
            },
            seen_on: names("seen_on"),
            fields: names("fields"),
            grade: entry.get_text("grade").and_then(Grade::from_letter).unwrap_or(Grade::D),
            origin: Origin {
                source: source.clone(),
                span: entry.span.clone(),
            },
        });
    }
    requirements
}
