//! From the text of a definition to the checked model.
//!
//! | file | subject |
//! |---|---|
//! | `mod.rs` | the protocol as a whole, messages, commands, the context of lowering |
//! | `fields.rs` | fields, groups of fields, reserved bits: places and kinds |
//! | `registers.rs` | register maps: blocks, functions, who may write |
//! | `session.rs` | the inverter's part, timing, addresses, errors, plans, rules, deviations |

mod fields;
mod registers;
mod session;

use std::time::Duration;

use super::shape;
use super::*;
use crate::document::node::parse;
use crate::document::shape::check;
use crate::document::{Diagnostic, Diagnostics, Node, Source, Span, scalar};
use crate::value::{Quantity, Unit};
use crate::wire::can::CanId;
use crate::wire::modbus::ReplyFraming;

/// Loads a definition. `None` when it has errors; all mistakes are in the diagnostics, warnings as well.
pub fn protocol(source: &Source) -> (Option<Protocol>, Diagnostics) {
    let node = match parse(source) {
        Ok(node) => node,
        Err(diagnostics) => return (None, diagnostics),
    };
    let mut loader = Loader {
        source,
        diagnostics: check(&node, &shape::PROTOCOL, source),
        types: Vec::new(),
    };
    let mut protocol = loader.protocol(&node);
    if let Some(protocol) = &mut protocol
        && !loader.diagnostics.has_errors()
    {
        loader.diagnostics.extend(super::check::protocol(protocol));
        loader.diagnostics.extend(super::scope::compile(protocol));
    }
    let mut diagnostics = loader.diagnostics;
    diagnostics.sort();
    (protocol.filter(|_| !diagnostics.has_errors()), diagnostics)
}

/// Loads a product file. `None` when it has errors.
pub fn product(source: &Source) -> (Option<Product>, Diagnostics) {
    let node = match parse(source) {
        Ok(node) => node,
        Err(diagnostics) => return (None, diagnostics),
    };
    let mut loader = Loader {
        source,
        diagnostics: check(&node, &shape::PRODUCT, source),
        types: Vec::new(),
    };
    let requirements = super::product::requirements(&node, source, &mut loader.diagnostics);
    let rules = loader.rules(&node, Grade::A);
    let product = Product {
        name: node.get_text("product").unwrap_or_default().to_string(),
        title: node.get_text("title").unwrap_or_default().to_string(),
        sheet: node.get_text("sheet").unwrap_or_default().to_string(),
        settings: super::product::settings(&node),
        requirements,
        rules,
        source: source.clone(),
    };
    let usable = !loader.diagnostics.has_errors();
    (usable.then_some(product), loader.diagnostics)
}

/// Whether a file is a product file, not a protocol definition.
pub(super) fn is_product(source: &Source) -> bool {
    source.text.lines().any(|line| line.starts_with("product:"))
}

/// Whether a file is a list of equivalent faults, not a protocol definition.
pub(super) fn is_list_of_equivalents(source: &Source) -> bool {
    source.text.lines().any(|line| line.starts_with("equivalents:"))
}

/// The context of lowering: where mistakes go, and what names stand for.
struct Loader<'a> {
    source: &'a Source,
    diagnostics: Diagnostics,
    /// Names of the `types:` section with the keys that they stand for.
    types: Vec<(String, Node)>,
}

/// What holds where nothing else is said.
#[derive(Clone, Copy)]
struct Defaults {
    grade: Grade,
    order: ByteOrder,
}

impl Loader<'_> {
    fn error(&mut self, id: &'static str, message: impl Into<String>, span: Span) {
        self.report(Diagnostic::error(id, message, span));
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic.within(self.source));
    }

    fn origin(&self, node: &Node) -> Origin {
        Origin {
            source: self.source.clone(),
            span: node.span.clone(),
        }
    }

    fn protocol(&mut self, node: &Node) -> Option<Protocol> {
        let grade = self.grade(node, Grade::A);
        let order = self.byte_order(node, ByteOrder::Little);
        let defaults = Defaults { grade, order };
        if let Some(types) = node.get("types") {
            self.types = types
                .entries()
                .iter()
                .filter_map(|(name, keys)| Some((name.text()?.to_string(), keys.clone())))
                .collect();
        }
        let bus = self.bus(node.get("bus")?)?;
        let envelope = self.envelope(node.get("envelope"));
        let mut protocol = Protocol {
            name: node.get_text("protocol")?.to_string(),
            title: node.get_text("title")?.to_string(),
            manual_names: texts(node.get("manual_names")),
            settings: Vec::new(),
            brands: texts(node.get("brands")),
            sheet: node.get_text("sheet")?.to_string(),
            grade,
            bus,
            envelope,
            messages: Vec::new(),
            registers: None,
            inverter: Vec::new(),
            keepalive: None,
            rules: Vec::new(),
            joins: Vec::new(),
            derived: Vec::new(),
            deviations: Vec::new(),
            errors: Vec::new(),
            return_codes: Vec::new(),
            timing: None,
            addresses: None,
            plans: Vec::new(),
            variants: Vec::new(),
            claims: Vec::new(),
            other_ids: (Outcome::Information, Grade::D),
            forbidden_ids: Vec::new(),
            first_set: None,
            carriers: Carriers::default(),
            source: self.source.clone(),
        };
        for setting in list(node.get("settings")) {
            protocol.settings.push(ManualSetting {
                manual: setting.get_text("manual").unwrap_or_default().to_string(),
                brand: setting.get_text("brand").unwrap_or_default().to_string(),
                plan: setting.get_text("plan").map(str::to_string),
                grade: self.grade(setting, grade),
            });
        }
        for (name, variant) in node.get("variants").map_or(&[][..], Node::entries) {
            protocol.variants.push(Variant {
                name: name.text().unwrap_or_default().to_string(),
                title: variant.get_text("title").unwrap_or_default().to_string(),
                framing: match variant.get_text("framing") {
                    Some("standard") => Some(ReplyFraming::Standard),
                    Some("words") => Some(ReplyFraming::Words),
                    Some("wide_bytes") => Some(ReplyFraming::WideBytes),
                    _ => None,
                },
                grade: self.grade(variant, grade),
            });
        }
        for (name, title) in node.get("claims").map_or(&[][..], Node::entries) {
            protocol.claims.push(Claim {
                name: name.text().unwrap_or_default().to_string(),
                title: title.text().unwrap_or_default().to_string(),
            });
        }
        for message in list(node.get("messages")) {
            self.frames(message, defaults, &mut protocol);
        }
        for command in list(node.get("commands")) {
            self.command(command, defaults, &mut protocol);
        }
        self.registers(node, defaults, &mut protocol);
        self.session(node, defaults, &mut protocol);
        Some(protocol)
    }

    fn bus(&mut self, node: &Node) -> Option<Bus> {
        match (node.get("can"), node.get("serial")) {
            (Some(can), None) => {
                let bitrate: Quantity = can.get_text("bitrate")?.parse().ok()?;
                let bitrate = bitrate.to_unit(Unit::BitPerSecond)?.number.as_integer()?;
                Some(Bus::Can {
                    bitrate: u32::try_from(bitrate).ok()?,
                    extended: can.get_text("ids")? == "extended",
                })
            }
            (None, Some(serial)) => Some(Bus::Serial {
                baud: self.number(serial.get("baud")?)?,
                also: list(serial.get("also"))
                    .iter()
                    .filter_map(|rate| self.number(rate))
                    .collect(),
                rs232: serial.get_text("line") == Some("rs232"),
            }),
            _ => {
                self.error("bus", "a bus is either `can` or `serial`", node.span.clone());
                None
            }
        }
    }

    fn envelope(&mut self, node: Option<&Node>) -> Envelope {
        let Some(node) = node else { return Envelope::None };
        match (node.get("pylon_ascii"), node.get_text("modbus")) {
            (Some(ascii), None) => {
                let byte = |loader: &mut Self, key| ascii.get(key).and_then(|node| loader.number(node)).unwrap_or(0);
                Envelope::PylonAscii {
                    ver: byte(self, "ver"),
                    cid1: byte(self, "cid1"),
                }
            }
            (None, Some("rtu")) => Envelope::ModbusRtu,
            (None, Some("voltronic")) => Envelope::Voltronic,
            _ => {
                self.error(
                    "envelope",
                    "an envelope is either `pylon_ascii` or `modbus`",
                    node.span.clone(),
                );
                Envelope::None
            }
        }
    }

    /// One message, or one per identifier of a range.
    fn frames(&mut self, node: &Node, defaults: Defaults, protocol: &mut Protocol) {
        let Some(id_node) = node.get("id") else { return };
        let Some(range) = id_node.text().and_then(scalar::whole_range) else {
            let message = "an identifier is written `0x351` or as a range `0x315..0x318`";
            return self.error("identifier", message, id_node.span.clone());
        };
        let extended = matches!(protocol.bus, Bus::Can { extended: true, .. });
        let ranged = range.start() != range.end();
        if range.end() - range.start() > 255 {
            return self.error(
                "identifier",
                "a range of more than 256 identifiers",
                id_node.span.clone(),
            );
        }
        let first: i64 = node.get("first").and_then(|node| self.number(node)).unwrap_or(1);
        let per: i64 = node.get("per").and_then(|node| self.number(node)).unwrap_or(1);
        for (index, number) in range.enumerate() {
            let index = index as i64;
            let id = u32::try_from(number).ok().and_then(|id| {
                if extended {
                    CanId::extended(id)
                } else {
                    CanId::standard(id)
                }
            });
            let Some(id) = id else {
                let width = if extended { "29" } else { "11" };
                let message = format!("the identifier does not fit {width} bits");
                return self.error("identifier", message, id_node.span.clone());
            };
            let running = fields::Running {
                first: first + index * per,
            };
            let Some(mut message) = self.message(node, MessageKey::Can(id), "fields", defaults, protocol, running)
            else {
                return;
            };
            if ranged {
                if !message.name.contains("{n}") {
                    let text = "the name of a range of messages needs `{n}`";
                    return self.error("message-name", text, node.get("name").unwrap_or(node).span.clone());
                }
                message.name = message.name.replace("{n}", &(index + 1).to_string());
            }
            protocol.messages.push(message);
        }
    }

    fn command(&mut self, node: &Node, defaults: Defaults, protocol: &mut Protocol) {
        let Some(code_node) = node.get("code") else { return };
        let Some(code) = self.number::<u8>(code_node) else {
            return;
        };
        let running = fields::Running { first: 1 };
        let Some(mut message) = self.message(node, MessageKey::Command(code), "reply", defaults, protocol, running)
        else {
            return;
        };
        let inner = Defaults {
            grade: message.grade,
            ..defaults
        };
        message.request = self.layout(node, "request", inner, &message.name.clone(), protocol, running);
        message.request.reserved.clear();
        message.extra_request_bytes = truth(node.get("extra_request_bytes"), false);
        message.refusals_with_data = list(node.get("refusals_with_data"))
            .iter()
            .filter_map(|code| self.number(code))
            .collect();
        message.address = address_class(node);
        protocol.messages.push(message);
    }

    fn message(
        &mut self,
        node: &Node,
        key: MessageKey,
        fields: &str,
        defaults: Defaults,
        protocol: &mut Protocol,
        running: fields::Running,
    ) -> Option<Message> {
        let grade = self.grade(node, defaults.grade);
        let inner = Defaults {
            grade,
            order: self.byte_order(node, defaults.order),
        };
        let name = node.get_text("name")?.to_string();
        let layout = self.layout(node, fields, inner, &name, protocol, running);
        Some(Message {
            key,
            title: node.get_text("title").unwrap_or_default().to_string(),
            from: if node.get_text("from") == Some("inverter") {
                Sender::Inverter
            } else {
                Sender::Bms
            },
            layout,
            request: Layout::default(),
            address: AddressClass::Any,
            length: self.length(node.get("length"), key),
            period: node.get("period").and_then(|period| self.period(period, grade)),
            presence: presence(node),
            claim: self.claim(node, protocol),
            variants: self.variants(node, protocol),
            danger: danger(node),
            extra_request_bytes: false,
            refusals_with_data: Vec::new(),
            grade,
            name,
            origin: self.origin(node),
        })
    }

    fn length(&mut self, node: Option<&Node>, key: MessageKey) -> LengthRule {
        let Some(node) = node else { return LengthRule::default() };
        if node.text().is_some() {
            let send: Option<usize> = self.number(node);
            return LengthRule {
                send,
                pass: send.into_iter().collect(),
                warn: None,
                grade: None,
            };
        }
        let send: Option<usize> = node.get("send").and_then(|node| self.number(node));
        let mut pass: Vec<usize> = list(node.get("pass"))
            .iter()
            .filter_map(|node| self.number(node))
            .collect();
        if let Some(send) = send
            && !pass.contains(&send)
        {
            pass.push(send);
        }
        let most: i64 = if matches!(key, MessageKey::Can(_)) { 8 } else { 2048 };
        let warn = node.get("warn").and_then(|node| {
            let (low, high) = scalar::quantity_range(node.text()?, Unit::None)?;
            let bound = |bound: Option<Quantity>, default: i64| {
                bound
                    .map_or(Some(default as i128), |bound| bound.number.as_integer())
                    .and_then(|b| usize::try_from(b).ok())
            };
            let range = bound(low, 0)?..=bound(high, most)?;
            if *range.end() as i64 > most {
                self.error(
                    "length",
                    format!("a message here has at most {most} bytes"),
                    node.span.clone(),
                );
                return None;
            }
            Some(range)
        });
        let grade = node.get("grade").map(|_| self.grade(node, Grade::A));
        LengthRule {
            send,
            pass,
            warn,
            grade,
        }
    }

    fn period(&mut self, node: &Node, default: Grade) -> Option<PeriodRule> {
        let is = self.duration(node.get("is")?)?;
        let pass = match node.get("pass") {
            None => is * 9 / 10..=is * 11 / 10,
            Some(range) => {
                let (low, high) = scalar::quantity_range(range.text()?, Unit::Second)?;
                let low = low.map_or(Some(Duration::ZERO), Quantity::as_duration)?;
                let high = high.map_or(Some(Duration::MAX), Quantity::as_duration)?;
                if !(low..=high).contains(&is) {
                    self.error(
                        "period",
                        "the nominal period is outside the periods that pass",
                        range.span.clone(),
                    );
                }
                low..=high
            }
        };
        let warn = match node.get("warn") {
            None => *pass.end(),
            Some(node) => self.duration(node)?,
        };
        if warn < *pass.end() {
            let place = node.get("warn").unwrap_or(node).span.clone();
            self.error("period", "the warning limit lies below the periods that pass", place);
        }
        Some(PeriodRule {
            is,
            pass,
            warn,
            gap: node.get("gap").and_then(|node| self.duration(node)),
            at_least: node.get("at_least").and_then(|node| self.duration(node)),
            grade: self.grade(node, default),
        })
    }

    fn duration(&mut self, node: &Node) -> Option<Duration> {
        let duration = node.text()?.parse::<Quantity>().ok().and_then(Quantity::as_duration);
        if duration.is_none() {
            self.error("time", "this is no length of time", node.span.clone());
        }
        duration
    }

    fn claim(&mut self, node: &Node, protocol: &Protocol) -> Option<String> {
        let claim = node.get("claim")?;
        let name = claim.text()?;
        if !protocol.claims.iter().any(|known| known.name == name) {
            let known = protocol.claims.iter().map(|claim| claim.name.as_str());
            let help = crate::document::diagnostic::did_you_mean(name, known);
            let message = format!("`{name}` is not among the `claims` of this definition");
            self.report(Diagnostic::error("unknown-claim", message, claim.span.clone()).maybe_help(help));
        }
        Some(name.to_string())
    }

    fn variants(&mut self, node: &Node, protocol: &Protocol) -> Vec<String> {
        let mut names = Vec::new();
        for variant in list(node.get("in")) {
            let name = variant.text().unwrap_or_default();
            if !protocol.variants.iter().any(|known| known.name == name) {
                let known = protocol.variants.iter().map(|variant| variant.name.as_str());
                let help = crate::document::diagnostic::did_you_mean(name, known);
                let message = format!("`{name}` is not among the `variants` of this definition");
                self.report(Diagnostic::error("unknown-variant", message, variant.span.clone()).maybe_help(help));
            }
            names.push(name.to_string());
        }
        names
    }

    /// The grade of a node; never better than what it belongs to is allowed to say, so a better one is reported.
    fn grade(&mut self, node: &Node, default: Grade) -> Grade {
        node.get_text("grade").and_then(Grade::from_letter).unwrap_or(default)
    }

    fn outcome(&self, node: &Node, default: Outcome) -> Outcome {
        match node.get_text("outcome") {
            Some("fail") => Outcome::Fail,
            Some("warning") => Outcome::Warning,
            Some("information") => Outcome::Information,
            _ => default,
        }
    }

    fn byte_order(&self, node: &Node, default: ByteOrder) -> ByteOrder {
        match node.get_text("byte_order") {
            Some("little") => ByteOrder::Little,
            Some("big") => ByteOrder::Big,
            _ => default,
        }
    }

    /// A whole number that fits `T`; a number that does not is reported.
    fn number<T: TryFrom<i64>>(&mut self, node: &Node) -> Option<T> {
        let value = scalar::whole(node.text()?)?;
        let number = T::try_from(value).ok();
        if number.is_none() {
            self.error("number", format!("{value} does not fit here"), node.span.clone());
        }
        number
    }

    fn expression(&self, node: &Node) -> Option<Expression> {
        Some(Expression::new(node.text()?, self.origin(node)))
    }
}

fn presence(node: &Node) -> Presence {
    match node.get_text("send") {
        Some("optional") => Presence::Optional,
        Some("refused") => Presence::Refused,
        _ => Presence::Default,
    }
}

fn danger(node: &Node) -> Option<Danger> {
    match node.get_text("danger") {
        Some("writes") => Some(Danger::Writes),
        Some("shutdown") => Some(Danger::Shutdown),
        _ => None,
    }
}

fn address_class(node: &Node) -> AddressClass {
    match node.get_text("at") {
        Some("system") => AddressClass::System,
        Some("pack") => AddressClass::Pack,
        _ => AddressClass::Any,
    }
}

fn list(node: Option<&Node>) -> &[Node] {
    node.map_or(&[], Node::elements)
}

fn texts(node: Option<&Node>) -> Vec<String> {
    list(node)
        .iter()
        .filter_map(|node| node.text().map(str::to_string))
        .collect()
}

fn truth(node: Option<&Node>, default: bool) -> bool {
    match node.and_then(Node::text) {
        Some("true") => true,
        Some("false") => false,
        _ => default,
    }
}
