//! Golden frames: bytes and what they say, each with its source and grade.
//!
//! A vector file names its protocol under `vectors` and lists frames; see [`super::shape::VECTORS`] for the keys.
//! Valid frames have `fields`, broken ones `errors`; deviating ones have `warnings`, with or without fields.

use crate::decode::Decoder;
use crate::definition::scope::all_fields;
use crate::definition::{Bus, Grade, Message, Origin, Protocol, Sender};
use crate::document::diagnostic::did_you_mean;
use crate::document::scalar;
use crate::document::{Diagnostic, Diagnostics, Node, Source, node, shape};
use crate::wire::{BusFrame, pylon_ascii};

use super::shape::VECTORS;
use super::{Demand, demand, frame_text};

/// The golden frames of one file.
#[derive(Clone, Debug)]
pub struct Vectors {
    /// The protocol.
    pub protocol: String,
    /// What they are, in words.
    pub title: Option<String>,
    /// The frames in the order of the file.
    pub vectors: Vec<Vector>,
    /// Where they stand.
    pub origin: Origin,
}

/// A golden frame.
#[derive(Clone, Debug)]
pub struct Vector {
    /// Its name, as in the sheet: `P-C1`.
    pub id: String,
    /// The frame, or the bytes of one serial frame.
    pub frame: BusFrame,
    /// Who sends it.
    pub direction: Sender,
    /// The question that a reply answers.
    pub request: Option<Vec<u8>>,
    /// The command that a reply answers, where no question was recorded.
    pub command: Option<u8>,
    /// Fields and their values.
    pub fields: Vec<(String, Demand)>,
    /// The fields of each pack, where a reply holds several.
    pub packs: Vec<Vec<(String, Demand)>>,
    /// Errors that it must give, by id; none for a frame that is right.
    pub errors: Vec<String>,
    /// Warnings that it must give, by id.
    pub warnings: Vec<String>,
    /// The return code of a reply, where it is stated.
    pub return_code: Option<u8>,
    /// Where it comes from.
    pub source: String,
    /// How far the source is to be trusted.
    pub grade: Grade,
    /// A remark.
    pub note: Option<String>,
    /// The fields are all there are, and encode back to the bytes.
    pub complete: bool,
    /// The variant of the protocol that sends it.
    pub variant: Option<String>,
    /// Which faults of the catalogue it hunts.
    pub flags: Vec<String>,
    /// Where it stands.
    pub origin: Origin,
}

/// Reads a vector file against the definitions that are known.
///
/// The vectors are given only when the file has no error.
pub fn load(source: &Source, protocols: &[&Protocol]) -> (Option<Vectors>, Diagnostics) {
    let node = match node::parse(source) {
        Ok(node) => node,
        Err(diagnostics) => return (None, diagnostics),
    };
    let mut loader = Loader {
        source,
        protocol: None,
        diagnostics: shape::check(&node, &VECTORS, source),
    };
    let vectors = loader.file(&node, protocols);
    let mut diagnostics = loader.diagnostics;
    diagnostics.sort();
    let vectors = (!diagnostics.has_errors()).then_some(vectors);
    (vectors, diagnostics)
}

struct Loader<'a> {
    source: &'a Source,
    protocol: Option<&'a Protocol>,
    diagnostics: Diagnostics,
}

impl<'a> Loader<'a> {
    fn push(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic.within(self.source));
    }

    fn file(&mut self, node: &Node, protocols: &[&'a Protocol]) -> Vectors {
        let name = node.get_text("vectors").unwrap_or_default().to_string();
        self.protocol = protocols.iter().copied().find(|protocol| protocol.name == name);
        if let (None, Some(named)) = (self.protocol, node.get("vectors")) {
            let help = did_you_mean(&name, protocols.iter().map(|protocol| protocol.name.as_str()));
            self.push(
                Diagnostic::error(
                    "unknown-protocol",
                    format!("there is no protocol `{name}`"),
                    named.span.clone(),
                )
                .maybe_help(help),
            );
        }
        let mut vectors: Vec<Vector> = Vec::new();
        for each in node.get("frames").map_or(&[][..], Node::elements) {
            let id = each.get("id").unwrap_or(each);
            if let Some(first) = vectors
                .iter()
                .find(|earlier| Some(earlier.id.as_str()) == each.get_text("id"))
            {
                let message = format!("there are two vectors `{}`", first.id);
                let first = first.origin.span.clone();
                self.push(
                    Diagnostic::error("duplicate-vector", message, id.span.clone()).also(first, "first given here"),
                );
            }
            vectors.extend(self.vector(each));
        }
        Vectors {
            protocol: name,
            title: node.get_text("title").map(str::to_string),
            vectors,
            origin: self.origin(node),
        }
    }

    fn origin(&self, node: &Node) -> Origin {
        Origin {
            source: self.source.clone(),
            span: node.span.clone(),
        }
    }

    fn vector(&mut self, node: &Node) -> Option<Vector> {
        let protocol = self.protocol?;
        let direction = match node.get_text("direction") {
            Some("inverter") => Sender::Inverter,
            _ => Sender::Bms,
        };
        let frame = self.bytes(node.get("frame")?, &protocol.bus)?;
        let request = match node.get("request") {
            None => None,
            Some(request) => match self.bytes(request, &protocol.bus)? {
                BusFrame::Serial(bytes) => Some(bytes),
                BusFrame::Can(_) => {
                    let message = "a CAN frame answers no question";
                    self.push(Diagnostic::error("wrong-bus", message, request.span.clone()));
                    None
                }
            },
        };
        let byte = |key: &str| {
            node.get_text(key)
                .and_then(scalar::code)
                .and_then(|code| u8::try_from(code).ok())
        };
        let command = byte("command");
        let messages = self.messages(node, &frame, direction, request.as_deref(), command);
        let fields = node
            .get("fields")
            .map(|fields| self.demands(fields, &messages))
            .unwrap_or_default();
        let packs = node
            .get("packs")
            .map_or(&[][..], Node::elements)
            .iter()
            .map(|pack| self.demands(pack, &messages))
            .collect::<Vec<_>>();
        let words = |key: &str| -> Vec<String> {
            node.get(key)
                .map_or(&[][..], Node::elements)
                .iter()
                .filter_map(|each| each.text().map(str::to_string))
                .collect()
        };
        let says = ["fields", "packs", "errors", "warnings", "return_code"];
        if says.iter().all(|key| node.get(key).is_none()) {
            let place = node.get("id").unwrap_or(node).span.clone();
            self.push(
                Diagnostic::error("vector-says-nothing", "nothing says what the frame means", place).help(
                    "give `fields` (`fields: {}` for a frame without any), `errors`, `warnings` or `return_code`",
                ),
            );
        }
        let complete = node.get_text("complete") == Some("true");
        if complete && node.get("errors").is_some() {
            let place = node.get("complete").unwrap_or(node).span.clone();
            self.push(Diagnostic::error(
                "complete-with-errors",
                "a broken frame cannot be encoded",
                place,
            ));
        }
        let variant = node.get("variant").and_then(|variant| self.variant(variant, protocol));
        Some(Vector {
            id: node.get_text("id").unwrap_or_default().to_string(),
            frame,
            direction,
            request,
            command,
            fields,
            packs,
            errors: words("errors"),
            warnings: words("warnings"),
            return_code: byte("return_code"),
            source: node.get_text("source").unwrap_or_default().to_string(),
            grade: node
                .get_text("grade")
                .and_then(Grade::from_letter)
                .unwrap_or(protocol.grade),
            note: node.get_text("note").map(str::to_string),
            complete,
            variant,
            flags: words("flags"),
            origin: self.origin(node.get("id").unwrap_or(node)),
        })
    }

    fn bytes(&mut self, node: &Node, bus: &Bus) -> Option<BusFrame> {
        match frame_text::frame(node.text().unwrap_or_default(), bus) {
            Ok(frame) => Some(frame),
            Err(why) => {
                self.push(Diagnostic::error("wrong-frame", "the frame cannot be read", node.span.clone()).help(why));
                None
            }
        }
    }

    /// The message of the definition that the frame is, where that can be told from the outside; a range of registers may
    /// have several.
    fn messages(
        &mut self,
        node: &Node,
        frame: &BusFrame,
        direction: Sender,
        request: Option<&[u8]>,
        command: Option<u8>,
    ) -> Vec<&'a Message> {
        let Some(protocol) = self.protocol else {
            return Vec::new();
        };
        let wants_meaning = node.get("fields").is_some_and(|fields| !fields.entries().is_empty());
        let found: Vec<&'a Message> = match frame {
            BusFrame::Can(frame) => protocol.can_message(frame.id).into_iter().collect(),
            BusFrame::Serial(bytes) if protocol.is_modbus() => {
                let asked = match direction {
                    Sender::Inverter => Some(bytes.as_slice()),
                    Sender::Bms => request,
                };
                let registers = asked.and_then(|asked| Decoder::new(protocol).request(asked).1.registers);
                registers.map_or_else(Vec::new, |(start, count)| protocol.blocks(start, count, None))
            }
            BusFrame::Serial(bytes) => {
                let asked = |bytes: &[u8]| pylon_ascii::parse(bytes).ok().map(|frame| frame.cid2);
                let code = match direction {
                    Sender::Inverter => asked(bytes),
                    Sender::Bms => command.or_else(|| request.and_then(asked)),
                };
                code.and_then(|code| protocol.command(code)).into_iter().collect()
            }
        };
        let of_inverter = direction == Sender::Inverter && matches!(frame, BusFrame::Can(_));
        if found.is_empty() && wants_meaning && !of_inverter {
            let place = node.get("frame").unwrap_or(node).span.clone();
            let message = "the definition does not know this frame";
            let serial = matches!(frame, BusFrame::Serial(_)) && request.is_none() && command.is_none();
            self.push(Diagnostic::error("unknown-message", message, place).maybe_help(
                serial.then(|| "say `request` or `command`: a reply does not tell what it answers".into()),
            ));
        }
        found
    }

    fn demands(&mut self, node: &Node, messages: &[&'a Message]) -> Vec<(String, Demand)> {
        let (Some(first), Some(protocol)) = (messages.first(), self.protocol) else {
            return Vec::new();
        };
        let mut demands = Vec::new();
        for (key, value) in node.entries() {
            let name = key.text().unwrap_or_default();
            let on_wire = || {
                let of = |message: &&'a Message| message.fields().into_iter().chain(message.request.fields());
                messages.iter().flat_map(of)
            };
            let computed = messages.iter().flat_map(|message| all_fields(protocol, message));
            let mut candidates = on_wire().chain(computed);
            match candidates.find(|field| field.matches(name)) {
                Some(field) => match demand::lower(field, name, value, !on_wire().any(|known| known.matches(name))) {
                    Ok(demand) => demands.push((name.to_string(), demand)),
                    Err(diagnostic) => self.push(diagnostic),
                },
                None => {
                    let names: Vec<String> = on_wire().map(|field| field.name.clone()).collect();
                    let help = did_you_mean(name, names.iter().map(String::as_str))
                        .unwrap_or_else(|| format!("fields: {}", names.join(", ")));
                    let text = format!("{} `{}` has no field `{name}`", first.key, first.name);
                    self.push(Diagnostic::error("unknown-field", text, key.span.clone()).help(help));
                }
            }
        }
        demands
    }

    fn variant(&mut self, node: &Node, protocol: &Protocol) -> Option<String> {
        let name = node.text()?;
        let known = || protocol.variants.iter().map(|variant| variant.name.as_str());
        if !known().any(|known| known == name) {
            let help = did_you_mean(name, known());
            self.push(
                Diagnostic::error(
                    "unknown-variant",
                    format!("the definition has no variant `{name}`"),
                    node.span.clone(),
                )
                .maybe_help(help),
            );
        }
        Some(name.to_string())
    }
}
