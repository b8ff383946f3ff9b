//! Fields, groups of fields, reserved bits: their places and kinds.

use std::ops::RangeInclusive;

use super::*;
use crate::definition::vocabulary;
use crate::document::diagnostic::did_you_mean;
use crate::document::node::Value;
use crate::value::Number;

/// The running numbers of a message that is one of a range.
#[derive(Clone, Copy)]
pub(super) struct Running {
    /// What `{n}` of its first field stands for.
    pub(super) first: i64,
}

/// The keys of a field: its own, then those of the named type that it uses.
struct Keys<'n> {
    own: &'n Node,
    named: Option<&'n Node>,
}

impl<'n> Keys<'n> {
    fn get(&self, key: &str) -> Option<&'n Node> {
        self.own
            .get(key)
            .or_else(|| self.named.and_then(|named| named.get(key)))
    }

    fn text(&self, key: &str) -> Option<&'n str> {
        self.get(key)?.text()
    }

    /// The type; a named type says its own under the same key. Without one it is a byte, or a whole register.
    fn type_name(&self) -> &'n str {
        let given = match self.named {
            Some(named) => named.get_text("type"),
            None => self.text("type"),
        };
        let whole_register = self.get("address").is_some() && self.get("byte").is_none();
        given.unwrap_or(if whole_register { "u16" } else { "u8" })
    }
}

/// Kinds of types by name: bytes and sign.
const INTEGERS: &[(&str, usize, bool)] = &[
    ("u8", 1, false),
    ("i8", 1, true),
    ("u16", 2, false),
    ("i16", 2, true),
    ("u24", 3, false),
    ("i24", 3, true),
    ("u32", 4, false),
    ("i32", 4, true),
    ("u64", 8, false),
    ("i64", 8, true),
];
const OTHER_TYPES: &[&str] = &[
    "flag",
    "pair",
    "truth",
    "text",
    "const",
    "version",
    "date_time",
    "bytes",
];

impl Loader<'_> {
    pub(super) fn layout(
        &mut self,
        node: &Node,
        key: &str,
        defaults: Defaults,
        message: &str,
        protocol: &mut Protocol,
        running: Running,
    ) -> Layout {
        let mut layout = Layout::default();
        for item in list(node.get(key)) {
            layout
                .items
                .extend(self.item(item, defaults, message, protocol, running, &mut layout.reserved));
        }
        for reserved in list(node.get("reserved")) {
            self.reserved(reserved, defaults, protocol, &mut layout.reserved);
        }
        layout.extra = node.get("extra").and_then(|extra| {
            Some(ExtraBytes {
                bytes: self.number(extra.get("bytes")?)?,
                must: extra.get("must").and_then(|must| self.number(must)),
                grade: self.grade(extra, defaults.grade),
            })
        });
        layout
    }

    /// A field or a group; several fields when a running number is spread out.
    fn item(
        &mut self,
        node: &Node,
        defaults: Defaults,
        message: &str,
        protocol: &mut Protocol,
        running: Running,
        reserved: &mut Vec<Reserved>,
    ) -> Vec<Item> {
        if !matches!(node.value, Value::Mapping(_)) {
            return Vec::new();
        }
        let defaults = Defaults {
            grade: self.grade(node, defaults.grade),
            order: self.byte_order(node, defaults.order),
        };
        if let Some(repeat) = node.get("repeat").or_else(|| node.get("packs")) {
            let packs = node.get("packs").is_some();
            let (count_field, count) = self.count(repeat, defaults);
            let mut items = Vec::new();
            for each in list(node.get("each")) {
                items.extend(self.item(each, defaults, message, protocol, running, reserved));
            }
            if items.is_empty() {
                self.error(
                    "empty-group",
                    "a repetition needs `each` with its fields",
                    node.span.clone(),
                );
            }
            let max = repeat.get("max").and_then(|max| self.number(max)).unwrap_or(1);
            let short = repeat.get_text("short").and_then(Grade::from_letter);
            let origin = self.origin(node);
            return vec![Item::Repeat(Repeat {
                count_field,
                count,
                max,
                items,
                packs,
                short,
                origin,
            })];
        }
        if let Some(condition) = node.get("when") {
            let Some(condition) = self.expression(condition) else {
                return Vec::new();
            };
            let mut items = Vec::new();
            for each in list(node.get("fields")) {
                items.extend(self.item(each, defaults, message, protocol, running, reserved));
            }
            return vec![Item::When(When { condition, items })];
        }
        if let Some(flags) = node.get("flags") {
            return self.word(node, flags, defaults, protocol, reserved);
        }
        let Some(field) = self.field(node, defaults, protocol) else {
            return Vec::new();
        };
        if let Some(pages) = node.get("pages") {
            let mut built = Vec::new();
            for (number, content) in pages.entries() {
                let Some(page) = number.text().and_then(scalar::whole) else {
                    self.error("page", "a page number is a whole number", number.span.clone());
                    continue;
                };
                let mut items = Vec::new();
                for each in content.elements() {
                    items.extend(self.item(each, defaults, message, protocol, running, reserved));
                }
                built.push((page, items));
            }
            return vec![Item::Pages(Pages {
                key: field,
                pages: built,
            })];
        }
        if let Some(derive) = node.get("derive") {
            if let Some(expression) = self.expression(derive) {
                protocol.derived.push(Derived {
                    message: message.to_string(),
                    field,
                    expression,
                });
            }
            return Vec::new();
        }
        self.spread(node, field, running)
    }

    /// A field with a running number becomes one field per number.
    fn spread(&mut self, node: &Node, field: Field, running: Running) -> Vec<Item> {
        let registers = node.get_text("address").and_then(scalar::whole_range);
        let spans = registers.as_ref().map_or(1, |range| range.end() - range.start() + 1);
        let words = field.place.bytes.div_ceil(2).max(1) as i64;
        // Bytes stand two in a register, unless one of the two is named.
        let named = node
            .get_text("type")
            .and_then(|name| self.types.iter().find(|(known, _)| known == name));
        let one_named = node.get("byte").is_some() || named.is_some_and(|(_, keys)| keys.get("byte").is_some());
        let packed = field.place.bytes == 1 && !one_named;
        let by_registers = match registers.is_some() && field.name.contains("{n}") {
            true if packed => spans * 2,
            true => spans / words,
            false => 1,
        };
        let count: i64 = node
            .get("count")
            .and_then(|count| self.number(count))
            .unwrap_or(by_registers);
        if count == 1 && node.get("count").is_none() && !(registers.is_some() && field.name.contains("{n}")) {
            return vec![Item::Field(field)];
        }
        if !field.name.contains("{n}") {
            self.error(
                "running-number",
                "several alike fields need `{n}` in their name",
                node.span.clone(),
            );
            return Vec::new();
        }
        let first: i64 = node
            .get("first")
            .and_then(|first| self.number(first))
            .unwrap_or(running.first);
        (0..count)
            .map(|index| {
                let mut each = field.clone();
                each.name = field.name.replace("{n}", &(first + index).to_string());
                let step = index as usize;
                let bits = field.place.bits;
                match (&field.kind, bits) {
                    // Flags and pairs run on bit by bit inside their container.
                    (Kind::Flag { .. } | Kind::Pair { .. }, Some((low, high))) => {
                        let width = high - low + 1;
                        let position = usize::from(low) + step * usize::from(width);
                        let container = field.place.bytes * 8;
                        let low = (position % container) as u8;
                        each.place.bits = Some((low, low + width - 1));
                        if let Anchor::Start(at) = field.place.anchor {
                            each.place.anchor = Anchor::Start(at + position / container * field.place.bytes);
                        }
                    }
                    _ => {
                        if let Anchor::Start(at) = field.place.anchor {
                            let stride = if registers.is_some() && !packed {
                                field.place.bytes.max(2)
                            } else {
                                field.place.bytes
                            };
                            each.place.anchor = Anchor::Start(at + step * stride);
                        }
                    }
                }
                Item::Field(each)
            })
            .collect()
    }

    fn count(&mut self, repeat: &Node, defaults: Defaults) -> (Option<Field>, Option<Expression>) {
        let Some(count) = repeat.get("count") else {
            return (None, None);
        };
        let text = count.text().unwrap_or_default();
        let Some((_, bytes, signed)) = INTEGERS.iter().find(|(name, ..)| *name == text) else {
            return (None, self.expression(count));
        };
        let Some(name) = repeat.get_text("as") else {
            self.error(
                "count-name",
                "a counted repetition needs `as` with the name of its count",
                repeat.span.clone(),
            );
            return (None, None);
        };
        let grade = self.grade(repeat, defaults.grade);
        let mut field = plain_field(name, *bytes, *signed, defaults.order, grade, self.origin(repeat));
        field.range = repeat
            .get("range")
            .and_then(|range| self.range(range, Unit::None, Outcome::Fail, grade, false));
        (Some(field), None)
    }

    /// A word of flags: each named bit becomes a field, the rest is reserved.
    fn word(
        &mut self,
        node: &Node,
        flags: &Node,
        defaults: Defaults,
        protocol: &Protocol,
        reserved: &mut Vec<Reserved>,
    ) -> Vec<Item> {
        let mut base = node.clone();
        if let Value::Mapping(entries) = &mut base.value {
            entries.retain(|(key, _)| !matches!(key.text(), Some("flags" | "reserved")));
        }
        let keys = self.keys(&base);
        let Some(place) = self.place(&keys, defaults) else {
            return Vec::new();
        };
        let width = (place.bytes * 8) as i64;
        let mut items = Vec::new();
        let mut named = 0_u64;
        for (bit_node, flag) in flags.entries() {
            let Some(bit) = bit_node
                .text()
                .and_then(scalar::whole)
                .filter(|bit| (0..width).contains(bit))
            else {
                let message = format!("a bit of this word is a number from 0 to {}", width - 1);
                self.error("bit", message, bit_node.span.clone());
                continue;
            };
            let (name, keys) = match flag.text() {
                Some(name) => (name, None),
                None => (flag.get_text("name").unwrap_or_default(), Some(flag)),
            };
            let grade = keys.map_or(defaults.grade, |keys| self.grade(keys, defaults.grade));
            let mut field = plain_field(name, place.bytes, false, place.order, grade, self.origin(flag));
            field.place = Place {
                bits: Some((bit as u8, bit as u8)),
                ..place
            };
            // Without `at` the word comes next, and every further bit lies in that same word.
            if place.anchor == Anchor::Next && !items.is_empty() {
                field.place.anchor = Anchor::Same;
            }
            field.kind = Kind::Flag { active: true };
            if let Some(keys) = keys {
                field.wire_name = keys.get_text("wire_name").map(str::to_string);
                field.title = keys.get_text("title").unwrap_or_default().to_string();
                field.claim = self.claim(keys, protocol);
                field.variants = self.variants(keys, protocol);
                field.kind = Kind::Flag {
                    active: keys.get_text("active") != Some("0"),
                };
            }
            field.aspects = self.aspects(node);
            named |= 1 << bit;
            items.push(Item::Field(field));
        }
        for bits in list(node.get("reserved")) {
            let Some(range) = bits
                .text()
                .and_then(scalar::whole_range)
                .filter(|range| *range.start() >= 0 && *range.end() < width)
            else {
                self.error("bit", "reserved bits are written `4..15` or `4`", bits.span.clone());
                continue;
            };
            if place.anchor == Anchor::Next {
                let message = "reserved bits are checked only where the word has a place of its own: say `at`";
                self.error("reserved-without-place", message, bits.span.clone());
            }
            if range.clone().any(|bit| named & (1 << bit) != 0) {
                self.error("fields-overlap", "a reserved bit also has a name", bits.span.clone());
            }
            reserved.push(Reserved {
                place: Place {
                    bits: Some((*range.start() as u8, *range.end() as u8)),
                    ..place
                },
                must: vec![0],
                tolerated: Vec::new(),
                variants: self.variants(node, protocol),
                outcome: Outcome::Fail,
                grade: defaults.grade,
                origin: self.origin(bits),
            });
        }
        items
    }

    fn keys<'n>(&self, node: &'n Node) -> Keys<'n>
    where
        Self: 'n,
    {
        Keys { own: node, named: None }
    }

    fn field(&mut self, node: &Node, defaults: Defaults, protocol: &Protocol) -> Option<Field> {
        let type_name = node.get_text("type").unwrap_or("u8").to_string();
        let named = self
            .types
            .iter()
            .find(|(name, _)| *name == type_name)
            .map(|(_, keys)| keys.clone());
        let keys = Keys {
            own: node,
            named: named.as_ref(),
        };
        let Some(name) = node.get_text("name") else {
            let message = "a field needs a `name` (or is a group with `repeat`, `packs`, `when` or `flags`)";
            self.error("missing-key", message, node.span.clone());
            return None;
        };
        let grade = self.grade(node, defaults.grade);
        let place = self.place(&keys, defaults)?;
        let unit = self.unit(&keys);
        let kind = self.kind(&keys, unit)?;
        let outcome = self.outcome(node, Outcome::Fail);
        let aspects = self.aspects(node);
        let range_grade = aspects
            .iter()
            .find(|(aspect, _)| aspect == "range")
            .map_or(grade, |(_, worse)| grade.worse(*worse));
        let per_pack = truth(keys.get("per_pack"), false);
        let range = keys
            .get("range")
            .and_then(|range| self.range(range, unit, outcome, range_grade, per_pack));
        let absent = self.absent(&keys, &place);
        self.check_unit(node, name, unit, &kind);
        Some(Field {
            name: name.to_string(),
            wire_name: keys.text("wire_name").map(str::to_string),
            title: keys.text("title").unwrap_or_default().to_string(),
            place,
            kind,
            absent,
            may_be_absent: truth(keys.get("may_be_absent"), true),
            range,
            saturates: truth(keys.get("saturates"), false),
            optional: truth(keys.get("optional"), false),
            variants: self.variants(node, protocol),
            claim: self.claim(node, protocol),
            of_pack: truth(keys.get("of_pack"), false),
            equals_request: keys.text("equals").map(str::to_string),
            grade,
            aspects,
            origin: self.origin(node),
        })
    }

    fn unit(&mut self, keys: &Keys<'_>) -> Unit {
        let Some(node) = keys.get("unit") else {
            return Unit::None;
        };
        let symbol = node.text().unwrap_or_default();
        Unit::from_symbol(symbol).unwrap_or_else(|| {
            let help = did_you_mean(
                symbol,
                Unit::ALL
                    .iter()
                    .map(|unit| unit.symbol())
                    .filter(|symbol| !symbol.is_empty()),
            );
            let message = format!("`{symbol}` is not a known unit");
            self.report(Diagnostic::error("unknown-unit", message, node.span.clone()).maybe_help(help));
            Unit::None
        })
    }

    fn check_unit(&mut self, node: &Node, name: &str, unit: Unit, kind: &Kind) {
        let Some(expected) = vocabulary::unit_of(name) else {
            return;
        };
        if !matches!(kind, Kind::Number(_)) || unit == expected {
            return;
        }
        let place = node
            .get("unit")
            .or_else(|| node.get("name"))
            .unwrap_or(node)
            .span
            .clone();
        let shown = if unit == Unit::None {
            "no unit".to_string()
        } else {
            format!("`{unit}`")
        };
        let message = format!("`{name}` has {shown}, in the vocabulary it has `{expected}`");
        let help = format!("write `unit: {expected}` and let `scale` convert");
        self.report(Diagnostic::error("unit-mismatch", message, place).help(help));
    }

    fn aspects(&mut self, node: &Node) -> Vec<(String, Grade)> {
        node.get("grades")
            .map_or(&[][..], Node::entries)
            .iter()
            .filter_map(|(aspect, grade)| Some((aspect.text()?.to_string(), Grade::from_letter(grade.text()?)?)))
            .collect()
    }

    fn range(&mut self, node: &Node, unit: Unit, outcome: Outcome, grade: Grade, per_pack: bool) -> Option<FieldRange> {
        let (low, high) = scalar::quantity_range(node.text()?, unit)?;
        if let Some(bound) = low
            .iter()
            .chain(high.iter())
            .find(|bound| bound.unit.dimension() != unit.dimension())
        {
            let message = format!("the range is in `{}`, the field in `{unit}`", bound.unit);
            self.error("unit-mismatch", message, node.span.clone());
            return None;
        }
        Some(FieldRange {
            low,
            high,
            per_pack,
            outcome,
            grade,
        })
    }

    fn absent(&mut self, keys: &Keys<'_>, place: &Place) -> Vec<Absent> {
        let Some(node) = keys.get("absent") else {
            return Vec::new();
        };
        let mut values = Vec::new();
        for each in node.elements() {
            match each.text() {
                Some("none") => {}
                Some(_) => {
                    let Some(raw) = self.number::<u64>(each) else { continue };
                    if place.bytes < 8 && raw >> (place.bytes * 8) != 0 {
                        let message = format!("the value does not fit {} bytes", place.bytes);
                        self.error("absent", message, each.span.clone());
                    }
                    values.push(Absent::Raw(raw));
                }
                None => {
                    let bound = |key| each.get_text(key).and_then(|text| text.parse().ok());
                    values.extend(bound("below").map(Absent::Below));
                    values.extend(bound("above").map(Absent::Above));
                }
            }
        }
        values
    }

    /// Where a field lies.
    fn place(&mut self, keys: &Keys<'_>, defaults: Defaults) -> Option<Place> {
        let type_node = keys.get("type");
        // A named type says its own type under the same key.
        let type_name = keys.type_name();
        let integer = INTEGERS
            .iter()
            .find(|(name, ..)| *name == type_name)
            .map(|(_, bytes, _)| *bytes);
        if integer.is_none() && !OTHER_TYPES.contains(&type_name) {
            let place = type_node.unwrap_or(keys.own).span.clone();
            let mut known: Vec<&str> = INTEGERS
                .iter()
                .map(|(name, ..)| *name)
                .chain(OTHER_TYPES.iter().copied())
                .collect();
            known.extend(self.types.iter().map(|(name, _)| name.as_str()));
            let help = did_you_mean(type_name, known.iter().copied())
                .unwrap_or_else(|| format!("known types: {}", known.join(", ")));
            let message = format!("`{type_name}` is not a known type");
            self.report(Diagnostic::error("unknown-type", message, place).help(help));
            return None;
        }
        // A text or the like fills its registers.
        let filled = keys
            .text("address")
            .and_then(scalar::whole_range)
            .map(|range| (range.end() - range.start() + 1) as usize * 2);
        let length: Option<usize> = keys.get("length").and_then(|length| self.number(length)).or(filled);
        let bytes = match (integer, type_name) {
            (Some(bytes), _) => bytes,
            (None, "flag" | "pair" | "truth") => 1,
            (None, "const") => keys
                .text("value")
                .and_then(scalar::bytes)
                .map_or(0, |bytes| bytes.len()),
            (None, "version") => {
                let parts = list(keys.get("parts"));
                if parts.is_empty() {
                    2
                } else {
                    parts.iter().filter_map(|part| self.number::<usize>(part)).sum()
                }
            }
            (None, "date_time") if keys.get("packed").is_some() => length.unwrap_or(4),
            (None, "date_time") => keys.text("order").map_or(6, str::len),
            _ => length.unwrap_or(0),
        };
        let registers = keys.get("address");
        // Single bits of a register address the whole word, so that bit 0 is the low byte's.
        let bytes = if registers.is_some() && matches!(type_name, "flag" | "pair") {
            2
        } else {
            bytes
        };
        let (anchor, at_bit) = match (keys.get("at"), registers) {
            (Some(at), _) => self.at(at)?,
            (None, Some(address)) => {
                let text = address.text().unwrap_or_default();
                let (number, bit) = match text.split_once('.') {
                    Some((number, bit)) if !text.contains("..") => (number, Some(bit)),
                    _ => (text, None),
                };
                let register =
                    scalar::whole_range(number).filter(|range| *range.start() >= 0 && *range.end() <= 0xFFFF);
                let Some(register) = register else {
                    self.error(
                        "registers",
                        "a register is written `2`, `0x0010` or as a range `15..30`",
                        address.span.clone(),
                    );
                    return None;
                };
                self.fits_registers(keys, type_name, bytes, (register.end() - register.start() + 1) as usize);
                let low_byte = usize::from(keys.text("byte") == Some("low"));
                let bit = match bit.map(|bit| bit.parse::<u8>().ok().filter(|bit| *bit < 16)) {
                    None => None,
                    Some(Some(bit)) => Some(bit),
                    Some(None) => {
                        self.error(
                            "bit",
                            "a bit of a register is a number from 0 to 15",
                            address.span.clone(),
                        );
                        return None;
                    }
                };
                (Anchor::Start(*register.start() as usize * 2 + low_byte), bit)
            }
            (None, None) => (Anchor::Next, None),
        };
        let bits = self.bits(keys, type_name, bytes, at_bit)?;
        if at_bit.is_some() && bits.is_none() {
            let place = keys.get("at").unwrap_or(keys.own).span.clone();
            self.error(
                "bit",
                format!("`{type_name}` is no single bit: give `at` as a byte"),
                place,
            );
        }
        let order = match keys.text("byte_order") {
            Some("little") => ByteOrder::Little,
            Some("big") => ByteOrder::Big,
            _ => defaults.order,
        };
        Some(Place {
            anchor,
            bytes,
            bits,
            order,
            low_word_first: keys.text("word_order") == Some("low"),
        })
    }

    /// A value fills the registers that are given for it; a single byte says which of the two it is.
    fn fits_registers(&mut self, keys: &Keys<'_>, type_name: &str, bytes: usize, registers: usize) {
        let many = keys.text("name").is_some_and(|name| name.contains("{n}"));
        let place = keys.get("address").unwrap_or(keys.own).span.clone();
        if bytes == 1 && keys.get("byte").is_none() && !many {
            let text = format!("`{type_name}` is half a register");
            self.report(Diagnostic::error("registers", text, place).help("say `byte: low` or `byte: high`"));
        } else if registers > 1 && !many && bytes != registers * 2 {
            let text = format!("{bytes} bytes are given {registers} registers");
            self.report(Diagnostic::error("registers", text, place).help("a register has two bytes"));
        } else if bytes > 1 && keys.get("byte").is_some() {
            let text = format!("`{type_name}` is no single byte");
            self.report(Diagnostic::error("registers", text, place).help("leave `byte` out"));
        }
    }

    fn at(&mut self, node: &Node) -> Option<(Anchor, Option<u8>)> {
        let text = node.text().unwrap_or_default();
        let parsed = (|| {
            if let Some(back) = text.strip_prefix('-') {
                return Some((Anchor::End(back.parse().ok()?), None));
            }
            match text.split_once('.') {
                None => Some((Anchor::Start(text.parse().ok()?), None)),
                Some((byte, bit)) => {
                    let bit: u8 = bit.parse().ok()?;
                    (bit < 8).then_some((Anchor::Start(byte.parse().ok()?), Some(bit)))
                }
            }
        })();
        if parsed.is_none() {
            let message = format!("`{text}` is no place");
            let help = "write the byte (`4`), byte and bit 0 to 7 (`7.5`), or bytes from the end (`-10`)";
            self.report(Diagnostic::error("place", message, node.span.clone()).help(help));
        }
        parsed
    }

    #[expect(clippy::option_option, reason = "the outer one says that the mistake was reported")]
    fn bits(&mut self, keys: &Keys<'_>, type_name: &str, bytes: usize, at_bit: Option<u8>) -> Option<Option<(u8, u8)>> {
        let width = (bytes * 8) as i64;
        let given: Option<(RangeInclusive<i64>, Span)> = match keys.get("bits") {
            None => None,
            Some(node) => match node.text().and_then(scalar::whole_range) {
                Some(range) if *range.start() >= 0 && *range.end() < width => Some((range, node.span.clone())),
                _ => {
                    let message = format!("bits of this type are written `0..6` or `5`, from 0 to {}", width - 1);
                    self.error("bit", message, node.span.clone());
                    return None;
                }
            },
        };
        let single = type_name == "flag";
        let pair = type_name == "pair";
        let bits = match (given, at_bit) {
            (Some((range, _)), _) => Some((*range.start() as u8, *range.end() as u8)),
            (None, Some(bit)) if single => Some((bit, bit)),
            (None, Some(bit)) if pair => Some((bit, bit + 1)),
            (None, _) if single || pair => {
                let place = keys.get("at").unwrap_or(keys.own).span.clone();
                self.error("bit", format!("a {type_name} needs its bit: `at: 7.5`"), place);
                return None;
            }
            (None, _) => None,
        };
        if pair && bits.is_some_and(|(low, high)| low % 2 != 0 || high != low + 1) {
            let place = keys.get("at").unwrap_or(keys.own).span.clone();
            self.error("bit", "a pair of bits begins on an even bit", place);
            return None;
        }
        Some(bits)
    }

    fn kind(&mut self, keys: &Keys<'_>, unit: Unit) -> Option<Kind> {
        let type_name = keys.type_name();
        let states = self.states(keys.get("states"));
        Some(match type_name {
            "flag" => Kind::Flag {
                active: keys.text("active") != Some("0"),
            },
            "pair" => Kind::Pair {
                idle: keys.get("idle").and_then(|idle| self.number(idle)).unwrap_or(2),
                states,
            },
            "truth" => {
                let Some(values) = keys.get("truth") else {
                    let message = "a truth value needs `truth: { yes: 0xFF, no: 0x00 }`";
                    self.error("missing-key", message, keys.own.span.clone());
                    return None;
                };
                let value = |loader: &mut Self, key| values.get(key).and_then(|node| loader.number(node));
                Kind::Truth {
                    yes: value(self, "yes")?,
                    no: value(self, "no")?,
                }
            }
            "text" => Kind::Text(TextKind {
                fill: keys.get("fill").and_then(|fill| self.number(fill)).unwrap_or(0x20),
                accept_fill: list(keys.get("accept_fill"))
                    .iter()
                    .filter_map(|fill| self.number(fill))
                    .collect(),
                right: keys.text("align") == Some("right"),
                until: keys.get("until").and_then(|until| self.number(until)),
                digits: truth(keys.get("digits"), false),
                begins: keys.get("begins").and_then(|begins| {
                    let grade = self.grade(begins, Grade::A);
                    Some((
                        begins.get_text("text")?.to_string(),
                        self.outcome(begins, Outcome::Warning),
                        grade,
                    ))
                }),
            }),
            "const" => {
                let bytes = keys
                    .text("value")
                    .and_then(scalar::bytes)
                    .filter(|bytes| !bytes.is_empty());
                let Some(bytes) = bytes else {
                    self.error(
                        "missing-key",
                        "a constant needs `value` with its bytes",
                        keys.own.span.clone(),
                    );
                    return None;
                };
                let otherwise = match keys.text("otherwise") {
                    Some("warning") => Outcome::Warning,
                    Some("information") => Outcome::Information,
                    _ => Outcome::Fail,
                };
                Kind::Constant { bytes, otherwise }
            }
            "version" => {
                let parts: Vec<u8> = list(keys.get("parts"))
                    .iter()
                    .filter_map(|part| self.number(part))
                    .collect();
                Kind::Version {
                    parts: if parts.is_empty() { vec![1, 1] } else { parts },
                    hex: truth(keys.get("digits"), false),
                }
            }
            "date_time" => Kind::DateTime(self.date_time(keys)?),
            "bytes" => Kind::Bytes,
            _ if keys.get("states").is_some() => Kind::State {
                states,
                report_unknown: keys.text("unknown") != Some("accept"),
                signed: type_name.starts_with('i'),
            },
            _ => Kind::Number(self.numeric(keys, type_name, unit)?),
        })
    }

    fn date_time(&mut self, keys: &Keys<'_>) -> Option<DateTimeKind> {
        let epoch = keys.get("epoch").and_then(|epoch| self.number(epoch)).unwrap_or(2000);
        if let Some(packed) = keys.get("packed") {
            let widths: Vec<u8> = packed
                .elements()
                .iter()
                .filter_map(|width| self.number(width))
                .collect();
            let Ok(bits) = <[u8; 6]>::try_from(widths) else {
                self.error(
                    "date-time",
                    "`packed` lists six widths: second, minute, hour, day, month, year",
                    packed.span.clone(),
                );
                return None;
            };
            return Some(DateTimeKind::Packed { bits, epoch });
        }
        let order = keys.text("order").unwrap_or("YMDhms").to_string();
        if order.is_empty() || !order.chars().all(|letter| "smhDMY".contains(letter)) {
            let place = keys.get("order").unwrap_or(keys.own).span.clone();
            self.error("date-time", "`order` is made of the letters s m h D M Y", place);
            return None;
        }
        Some(DateTimeKind::Bytes {
            order,
            epoch,
            bcd: truth(keys.get("bcd"), false),
        })
    }

    fn numeric(&mut self, keys: &Keys<'_>, type_name: &str, unit: Unit) -> Option<NumberKind> {
        let mut scale = keys.text("scale").map_or(Some(Number::ONE), scalar::number)?;
        if scale.is_zero() {
            let place = keys.get("scale").unwrap_or(keys.own).span.clone();
            self.error("scale", "a scale of zero", place);
            return None;
        }
        if truth(keys.get("negate"), false) {
            scale = scale.checked_neg()?;
        }
        let mut choices = Vec::new();
        for choice in list(keys.get("scales")) {
            let raw = choice.get_text("raw").and_then(scalar::whole_range);
            let factor = choice.get_text("scale").and_then(scalar::number);
            let (Some(raw), Some(factor)) = (raw, factor) else {
                self.error(
                    "scale",
                    "a flavour needs a scale and a range of raw values",
                    choice.span.clone(),
                );
                continue;
            };
            choices.push(ScaleChoice {
                name: choice.get_text("name").unwrap_or_default().to_string(),
                scale: factor,
                raw,
            });
        }
        Some(NumberKind {
            signed: type_name.starts_with('i'),
            offset: keys.get("offset").and_then(|offset| self.number(offset)).unwrap_or(0),
            scale,
            choices,
            unit,
            either_sign: keys.text("sign") == Some("either"),
            round_down: keys.text("round") == Some("down"),
            bcd: truth(keys.get("bcd"), false),
        })
    }

    pub(super) fn states(&mut self, node: Option<&Node>) -> Vec<State> {
        let mut states: Vec<State> = Vec::new();
        for (code, name) in node.map_or(&[][..], Node::entries) {
            let Some(number) = code.text().and_then(scalar::whole) else {
                self.error("state", "a code is a whole number", code.span.clone());
                continue;
            };
            let name = name.text().unwrap_or_default();
            if states.iter().any(|known| known.code == number || known.name == name) {
                let message = format!("the code {number} or the name `{name}` is given twice");
                self.error("state", message, code.span.clone());
                continue;
            }
            states.push(State {
                code: number,
                name: name.to_string(),
            });
        }
        states
    }

    fn reserved(&mut self, node: &Node, defaults: Defaults, protocol: &Protocol, into: &mut Vec<Reserved>) {
        let Some(at) = node.get("at") else { return };
        let text = at.text().unwrap_or_default();
        let (bytes, bit) = match text.split_once('.') {
            Some((byte, bit)) if !text.contains("..") => (scalar::whole_range(byte), bit.parse::<u8>().ok()),
            _ => (scalar::whole_range(text), None),
        };
        let Some(bytes) = bytes.filter(|range| *range.start() >= 0 && *range.end() < 4096) else {
            return self.error(
                "place",
                "reserved bits are placed by `4`, `1..7` or `0.5`",
                at.span.clone(),
            );
        };
        let mut bits: Vec<Option<(u8, u8)>> = Vec::new();
        for each in list(node.get("bits")) {
            match each.text().and_then(scalar::whole_range) {
                Some(range) if *range.start() >= 0 && *range.end() < 8 => {
                    bits.push(Some((*range.start() as u8, *range.end() as u8)));
                }
                _ => self.error("bit", "bits of a byte are written `5` or `5..7`", each.span.clone()),
            }
        }
        if let Some(bit) = bit {
            bits.push(Some((bit, bit)));
        }
        if bits.is_empty() {
            bits.push(None);
        }
        let must = match node.get("must") {
            None => vec![0],
            Some(must) if must.text() == Some("anything") => Vec::new(),
            Some(must) => must.elements().iter().filter_map(|value| self.number(value)).collect(),
        };
        let tolerated: Vec<u64> = list(node.get("tolerated"))
            .iter()
            .filter_map(|value| self.number(value))
            .collect();
        let grade = self.grade(node, defaults.grade);
        let outcome = self.outcome(node, Outcome::Fail);
        let variants = self.variants(node, protocol);
        let origin = self.origin(node);
        // Several bytes with a common value are one place of up to eight bytes, else one place per byte.
        let count = (bytes.end() - bytes.start() + 1) as usize;
        let wide = must.iter().any(|value| *value > 0xFF);
        let places: Vec<(usize, usize)> = if wide && count <= 8 {
            vec![(*bytes.start() as usize, count)]
        } else {
            bytes.map(|byte| (byte as usize, 1)).collect()
        };
        for (byte, width) in places {
            for bits in &bits {
                let place = Place {
                    anchor: Anchor::Start(byte),
                    bytes: width,
                    bits: *bits,
                    order: defaults.order,
                    low_word_first: false,
                };
                into.push(Reserved {
                    place,
                    must: must.clone(),
                    tolerated: tolerated.clone(),
                    variants: variants.clone(),
                    outcome,
                    grade,
                    origin: origin.clone(),
                });
            }
        }
    }
}

/// A bare number as a field.
fn plain_field(name: &str, bytes: usize, signed: bool, order: ByteOrder, grade: Grade, origin: Origin) -> Field {
    Field {
        name: name.to_string(),
        wire_name: None,
        title: String::new(),
        place: Place {
            anchor: Anchor::Next,
            bytes,
            bits: None,
            order,
            low_word_first: false,
        },
        kind: Kind::Number(NumberKind {
            signed,
            offset: 0,
            scale: Number::ONE,
            choices: Vec::new(),
            unit: Unit::None,
            either_sign: false,
            round_down: false,
            bcd: false,
        }),
        absent: Vec::new(),
        may_be_absent: true,
        range: None,
        saturates: false,
        optional: false,
        variants: Vec::new(),
        claim: None,
        of_pack: false,
        equals_request: None,
        grade,
        aspects: Vec::new(),
        origin,
    }
}
