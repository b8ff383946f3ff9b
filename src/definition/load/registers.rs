//! Register maps: fields by register, blocks of registers, functions. Each block with fields becomes a message.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use super::fields::Running;
use super::*;

impl Loader<'_> {
    /// The register map, and a message for each of its blocks.
    pub(super) fn registers(&mut self, node: &Node, defaults: Defaults, protocol: &mut Protocol) {
        if ["registers", "blocks", "functions"]
            .iter()
            .all(|key| node.get(key).is_none())
        {
            return;
        }
        let mut layout = self.layout(node, "registers", defaults, MAP, protocol, Running { first: 1 });
        self.plain_registers(&layout);
        let mut map = RegisterMap {
            layout: Layout::default(),
            writable: Vec::new(),
            blocks: Vec::new(),
            functions: Vec::new(),
        };
        for field in list(node.get("registers")) {
            if let (Some(write), Some(range)) = (field.get("write"), field.get("address").and_then(register_range))
                && let Some(function) = self.number(write)
            {
                map.writable.push((range, function));
            }
        }
        for (code, function) in node.get("functions").map_or(&[][..], Node::entries) {
            map.functions.extend(self.function(code, function, defaults));
        }
        let mut placed: HashSet<usize> = HashSet::new();
        for block_node in list(node.get("blocks")) {
            let Some(block) = self.block(block_node, defaults, protocol, &mut map) else {
                continue;
            };
            let message = self.block_message(block_node, &block, &mut layout, &mut placed, protocol);
            map.blocks.push(block);
            protocol.messages.extend(message);
        }
        for (index, item) in layout.items.iter().enumerate() {
            if let Item::Field(field) = item
                && matches!(field.place.anchor, Anchor::Start(_))
                && !placed.contains(&index)
            {
                let text = format!("`{}` lies in no block", field.name);
                let help = "list under `blocks` what inverters read in one request";
                self.report(Diagnostic::error("register-without-block", text, field.origin.span.clone()).help(help));
            }
        }
        self.place_derived(protocol);
        map.layout = layout;
        protocol.registers = Some(map);
    }

    /// Registers are fields at fixed places.
    fn plain_registers(&mut self, layout: &Layout) {
        for item in &layout.items {
            let origin = match item {
                Item::Field(field) if matches!(field.place.anchor, Anchor::Start(_)) => continue,
                Item::Field(field) => &field.origin,
                Item::Repeat(repeat) => &repeat.origin,
                Item::When(when) => &when.condition.origin,
                Item::Pages(pages) => &pages.key.origin,
            };
            let message = "a register stands at a fixed place: say its `address`";
            self.report(Diagnostic::error("registers", message, origin.span.clone()));
        }
    }

    fn function(&mut self, code: &Node, node: &Node, defaults: Defaults) -> Option<FunctionRule> {
        let number = self.number(code)?;
        let count = match node.get("count") {
            None => 1..=125,
            Some(count) => {
                let Some(range) = register_range(count) else {
                    self.error("functions", "counts are written `1..125`", count.span.clone());
                    return None;
                };
                range
            }
        };
        Some(FunctionRule {
            code: number,
            count,
            exception: node.get("exception").and_then(|exception| self.number(exception)),
            grade: self.grade(node, defaults.grade),
        })
    }

    fn block(
        &mut self,
        node: &Node,
        defaults: Defaults,
        protocol: &Protocol,
        map: &mut RegisterMap,
    ) -> Option<RegisterBlock> {
        let registers = node.get("registers")?;
        let Some(range) = register_range(registers) else {
            self.error("registers", "registers are written `0..36`", registers.span.clone());
            return None;
        };
        if let Some(function) = node.get("write").and_then(|function| self.number(function)) {
            map.writable.push((range.clone(), function));
        }
        let block = RegisterBlock {
            name: node.get_text("name").unwrap_or_default().to_string(),
            registers: range,
            read: texts(node.get("read")),
            danger: danger(node),
            variants: self.variants(node, protocol),
            grade: self.grade(node, defaults.grade),
            origin: self.origin(node),
        };
        let meets = |other: &&RegisterBlock| {
            other.registers.start() <= block.registers.end()
                && block.registers.start() <= other.registers.end()
                && (other.variants.is_empty()
                    || block.variants.is_empty()
                    || other.variants.iter().any(|variant| block.variants.contains(variant)))
        };
        if let Some(other) = map.blocks.iter().find(meets) {
            let text = format!("the block `{}` overlaps `{}`", block.name, other.name);
            let help = "a register belongs to one block; how an inverter reads parts of it is a matter of `plans`";
            let diagnostic = Diagnostic::error("blocks-overlap", text, registers.span.clone()).help(help);
            self.report(diagnostic.also(other.origin.span.clone(), "declared here"));
        }
        Some(block)
    }

    /// The message that a read of the block gives; none for a block without fields.
    fn block_message(
        &mut self,
        node: &Node,
        block: &RegisterBlock,
        map: &mut Layout,
        placed: &mut HashSet<usize>,
        protocol: &Protocol,
    ) -> Option<Message> {
        let (first, last) = (
            usize::from(*block.registers.start()),
            usize::from(*block.registers.end()),
        );
        let bytes = 2 * first..2 * last + 2;
        let shares = |variants: &[String]| {
            variants.is_empty()
                || block.variants.is_empty()
                || variants.iter().any(|variant| block.variants.contains(variant))
        };
        let here = |place: &Place| match place.anchor {
            Anchor::Start(at) if bytes.contains(&at) => Some(Place {
                anchor: Anchor::Start(at - bytes.start),
                ..*place
            }),
            _ => None,
        };
        let mut layout = Layout::default();
        for (index, item) in map.items.iter().enumerate() {
            if let Item::Field(field) = item
                && shares(&field.variants)
                && let Some(place) = here(&field.place)
            {
                placed.insert(index);
                layout.items.push(Item::Field(Field { place, ..field.clone() }));
            }
        }
        if layout.items.is_empty() {
            return None;
        }
        for reserved in &map.reserved {
            if let Some(place) = here(&reserved.place).filter(|_| shares(&reserved.variants)) {
                layout.reserved.push(Reserved {
                    place,
                    ..reserved.clone()
                });
            }
        }
        if block.read.iter().any(|read| read == "zero") {
            let zero = unused(&layout, bytes.len(), block);
            layout.reserved.extend(zero);
        }
        Some(Message {
            key: MessageKey::Registers(*block.registers.start()),
            name: block.name.clone(),
            title: node.get_text("title").unwrap_or_default().to_string(),
            from: Sender::Bms,
            layout,
            request: Layout::default(),
            address: address_class(node),
            length: LengthRule {
                send: Some(bytes.len()),
                pass: vec![bytes.len()],
                warn: None,
                grade: None,
            },
            period: None,
            presence: presence(node),
            claim: self.claim(node, protocol),
            variants: block.variants.clone(),
            // Reading does no harm.
            danger: None,
            extra_request_bytes: false,
            refusals_with_data: Vec::new(),
            grade: block.grade,
            origin: block.origin.clone(),
        })
    }

    /// What is computed from registers belongs to the block of the first register that it names.
    fn place_derived(&mut self, protocol: &mut Protocol) {
        for derived in protocol.derived.iter_mut().filter(|derived| derived.message == MAP) {
            let mut words = derived
                .expression
                .text
                .split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
            let block = words.find_map(|word| {
                let mut blocks = protocol.messages.iter().filter(|message| message.registers().is_some());
                blocks.find(|message| message.field(word).is_some())
            });
            match block {
                Some(block) => derived.message.clone_from(&block.name),
                None => {
                    let text = format!("`{}` is computed from no register", derived.field.name);
                    let span = derived.field.origin.span.clone();
                    self.diagnostics
                        .push(Diagnostic::error("unknown-field", text, span).within(self.source));
                }
            }
        }
    }
}

/// The name under which fields of the map are lowered before they find their block.
const MAP: &str = "registers";

/// Registers as definitions write them: `2`, `15..30`; the bit of `0x0013.5` is left out.
fn register_range(node: &Node) -> Option<RangeInclusive<u16>> {
    let text = node.text()?;
    let registers = match text.split_once('.') {
        Some((register, bit)) if !bit.starts_with('.') => register,
        _ => text,
    };
    let range = scalar::whole_range(registers)?;
    Some(u16::try_from(*range.start()).ok()?..=u16::try_from(*range.end()).ok()?)
}

/// The bytes of a block that no field and no reserved bit lies in, register by register: they read 0.
fn unused(layout: &Layout, length: usize, block: &RegisterBlock) -> Vec<Reserved> {
    let mut used = vec![false; length];
    let fields = layout.items.iter().filter_map(|item| match item {
        Item::Field(field) => Some(&field.place),
        _ => None,
    });
    for place in fields.chain(layout.reserved.iter().map(|reserved| &reserved.place)) {
        if let Anchor::Start(at) = place.anchor {
            let end = (at + place.bytes).min(length);
            used.get_mut(at..end).unwrap_or_default().fill(true);
        }
    }
    let reserved = |at: usize, bytes: usize| Reserved {
        place: Place {
            anchor: Anchor::Start(at),
            bytes,
            bits: None,
            order: ByteOrder::Big,
            low_word_first: false,
        },
        must: vec![0],
        tolerated: Vec::new(),
        variants: Vec::new(),
        outcome: Outcome::Fail,
        grade: block.grade,
        origin: block.origin.clone(),
    };
    used.chunks(2)
        .enumerate()
        .filter_map(|(register, used)| match used {
            [false, false] => Some(reserved(2 * register, 2)),
            [false, true] => Some(reserved(2 * register, 1)),
            [true, false] => Some(reserved(2 * register + 1, 1)),
            _ => None,
        })
        .collect()
}
