//! A message: its bytes and bits as a table.

use crate::definition::{
    AddressClass, Danger, Field, Item, Layout, Message, MessageKey, Outcome, Place, Presence, Protocol, RegisterMap,
    Reserved, Sender,
};
use crate::report::layout::{Table, section, words};
use crate::report::text::{Style, Tone, labelled, wrap};

/// Where the text after a label begins.
const COLUMN: usize = 14;

/// The message: who sends it and when, its fields in reading order, and where it stands. `covered` names the cases that
/// cover it.
pub fn render(protocol: &Protocol, message: &Message, covered: &[String], style: &Style) -> String {
    let heading = format!("{} {} {}: {}", protocol.name, message.key, message.name, message.title);
    let mut out = String::new();
    for part in wrap(heading.trim_end_matches(": "), style.width) {
        out.push_str(&format!("{}\n", style.paint(Tone::Strong, &part)));
    }
    let mut label = |name: &str, text: &str| {
        if !text.is_empty() {
            out.push_str(&labelled(style, 2, COLUMN, name, text, Tone::Plain));
        }
    };
    label("from", sender(message.from));
    if matches!(message.key, MessageKey::Command(_)) {
        label("asked at", address(message.address));
    }
    label("comes", &message.period.as_ref().map_or(String::new(), words::period));
    label("length", &words::length(&message.length));
    label("sent", &presence(message));
    label("variants", &message.variants.join(", "));
    label("danger", danger(message.danger));
    label(
        "fact",
        &format!("sheet {}, grade {}", protocol.sheet, message.grade.letter()),
    );
    label("stands in", &message.origin.file_line());
    if !message.request.is_empty() {
        out.push_str(&section(style, "Request"));
        out.push_str(&layout(&message.request, style));
    }
    if !message.layout.is_empty() || !message.layout.reserved.is_empty() {
        if !message.request.is_empty() || matches!(message.key, MessageKey::Command(_)) {
            out.push_str(&section(style, "Reply"));
        } else {
            out.push('\n');
        }
        out.push_str(&table_of(
            &message.layout,
            message.registers().map(|(first, _)| first),
            style,
        ));
    }
    out.push_str(&rules_of(protocol, message, style));
    out.push_str(&covered_by(covered, style));
    out
}

/// The register blocks as inverters ask for them. Their fields are shown block by block.
pub fn render_registers(protocol: &Protocol, map: &RegisterMap, style: &Style) -> String {
    let mut out = section(style, "Register blocks");
    let mut table = Table::new(&["registers", "block", "grade", "unused", "written by", "what it is"]);
    for block in &map.blocks {
        let (first, last) = (block.registers.start(), block.registers.end());
        let inside = |range: &std::ops::RangeInclusive<u16>| range.start() <= last && first <= range.end();
        let mut functions: Vec<String> = Vec::new();
        for (_, function) in map.writable.iter().filter(|(range, _)| inside(range)) {
            let text = format!("0x{function:02X}");
            if !functions.contains(&text) {
                functions.push(text);
            }
        }
        table.row(vec![
            format!("0x{first:04X}..0x{last:04X}"),
            block.name.clone(),
            block.grade.letter().to_string(),
            block.read.join(", "),
            functions.join(", "),
            protocol
                .message_by_name(&block.name)
                .map_or(String::new(), |message| message.title.clone()),
        ]);
    }
    out.push_str(&table.render(style, 2));
    out
}

/// The fields of a layout as a table, with what stands in the bits between them.
pub fn layout(layout: &Layout, style: &Style) -> String {
    table_of(layout, None, style)
}

/// The same, by register where the first one is given.
fn table_of(layout: &Layout, register: Option<u16>, style: &Style) -> String {
    let mut rows: Vec<(usize, Line)> = Vec::new();
    items(&layout.items, register, 0, &mut rows);
    // Reserved bits stand among the fields of fixed places; a layout that counts on has none to be sorted among.
    let fixed = layout.items.iter().all(|item| match item {
        Item::Field(field) => first_byte(&field.place).is_some(),
        _ => false,
    });
    for reserved in &layout.reserved {
        rows.push((
            first_byte(&reserved.place).unwrap_or(usize::MAX),
            Line::Cells(reserved_row(reserved, register)),
        ));
    }
    if fixed {
        rows.sort_by_key(|(position, _)| *position);
    }
    let place = if register.is_some() { "register" } else { "bytes" };
    let mut table = Table::new(&[place, "field", "reads as", "grade", "what it is"]);
    for (_, line) in rows {
        match line {
            Line::Cells(cells) => table.row(cells),
            Line::Note(depth, text) => table.note(1, 2 * depth, text),
        }
    }
    let mut out = table.render(style, 2);
    if let Some(extra) = &layout.extra {
        let value = extra.must.map_or(String::new(), |byte| format!(" of {byte:02X}"));
        let text = format!(
            "up to {} further bytes{value} may follow: a warning (grade {})",
            extra.bytes,
            extra.grade.letter()
        );
        out.push_str(&format!("  {text}\n"));
    }
    out
}

/// Bit position from the start of the data, for sorting; none for places that depend on what comes before.
fn first_byte(place: &Place) -> Option<usize> {
    use crate::definition::{Anchor, ByteOrder};
    let Anchor::Start(first) = place.anchor else {
        return None;
    };
    let Some((_, high)) = place.bits else {
        return Some(first * 8);
    };
    let byte = match place.order {
        ByteOrder::Little => first + usize::from(high) / 8,
        ByteOrder::Big => first + place.bytes.saturating_sub(1) - usize::from(high) / 8,
    };
    // The highest bit stands first, as in the vendors' tables.
    Some(byte * 8 + 7 - usize::from(high) % 8)
}

/// A line of a layout's table.
enum Line {
    Cells(Vec<String>),
    /// What holds for the parts below, which are set in once more.
    Note(usize, String),
}

fn items(list: &[Item], register: Option<u16>, depth: usize, rows: &mut Vec<(usize, Line)>) {
    let note = |text: String| (usize::MAX, Line::Note(depth, text));
    let cells = |field: &Field| {
        let position = first_byte(&field.place).unwrap_or(usize::MAX);
        (position, Line::Cells(field_row(field, register, depth)))
    };
    for item in list {
        match item {
            Item::Field(field) => rows.push(cells(field)),
            Item::Repeat(repeat) => {
                rows.extend(repeat.count_field.as_ref().map(cells));
                let times = match (&repeat.count_field, &repeat.count) {
                    (Some(count), _) => format!("{} times", count.name),
                    (None, Some(expression)) => format!("({}) times", expression.text),
                    (None, None) => "repeated".to_string(),
                };
                let each = if repeat.packs { ", one pack each" } else { "" };
                rows.push(note(format!("{times}, at most {}{each}:", repeat.max)));
                items(&repeat.items, register, depth + 1, rows);
            }
            Item::When(when) => {
                rows.push(note(format!("only if {}:", when.condition.text)));
                items(&when.items, register, depth + 1, rows);
            }
            Item::Pages(pages) => {
                rows.push(cells(&pages.key));
                for (page, inner) in &pages.pages {
                    rows.push(note(format!("if {} is {page}:", pages.key.name)));
                    items(inner, register, depth + 1, rows);
                }
            }
        }
    }
}

fn field_row(field: &Field, register: Option<u16>, depth: usize) -> Vec<String> {
    let mut about = field.title.clone();
    if field.optional {
        about.push_str(if about.is_empty() {
            "may be missing"
        } else {
            "; may be missing"
        });
    }
    vec![
        place(&field.place, register),
        format!("{}{}", "  ".repeat(depth), field.name),
        words::reading(field),
        words::grade(field),
        about,
    ]
}

fn reserved_row(reserved: &Reserved, register: Option<u16>) -> Vec<String> {
    let values = |values: &[u64]| {
        let texts: Vec<String> = values.iter().map(ToString::to_string).collect();
        texts.join(" or ")
    };
    let reads_as = if reserved.must.is_empty() {
        "anything".to_string()
    } else {
        let mut text = values(&reserved.must);
        if reserved.outcome != Outcome::Fail {
            text.push_str(&format!(", else {}", words::outcome(reserved.outcome)));
        }
        if !reserved.tolerated.is_empty() {
            text.push_str(&format!("; {} is a warning", values(&reserved.tolerated)));
        }
        text
    };
    vec![
        place(&reserved.place, register),
        "(reserved)".to_string(),
        reads_as,
        reserved.grade.letter().to_string(),
    ]
}

fn place(place: &Place, register: Option<u16>) -> String {
    match register {
        Some(first) => words::register(place, first),
        None => words::place(place),
    }
}

fn rules_of(protocol: &Protocol, message: &Message, style: &Style) -> String {
    let fields = message.fields();
    let mut table = Table::new(&["", "", ""]);
    for rule in &protocol.rules {
        let when = rule.when.as_ref().map(|when| when.text.as_str()).unwrap_or_default();
        let reads = |field: &&Field| {
            mentions(when, protocol, message, field) || mentions(&rule.then.text, protocol, message, field)
        };
        if fields.iter().any(reads) {
            table.row(vec![rule.id.clone(), rule.grade.letter().to_string(), rule_text(rule)]);
        }
    }
    for deviation in protocol.deviations.iter().filter(|deviation| {
        deviation.message == message.name
            || protocol
                .message_by_reference(&deviation.message)
                .is_some_and(|m| m.key == message.key)
    }) {
        table.row(vec![
            deviation.id.clone(),
            deviation.grade.letter().to_string(),
            format!(
                "known deviation: {}; {}",
                deviation.title,
                words::outcome(deviation.outcome)
            ),
        ]);
    }
    if table.is_empty() {
        return String::new();
    }
    format!("{}{}", section(style, "Rules"), table.render(style, 2))
}

/// A rule on one line: `if !charge_enable: charge_current_limit == 0 A (charging forbidden means ...)`.
pub fn rule_text(rule: &crate::definition::RuleDefinition) -> String {
    let mut text = match &rule.when {
        Some(when) => format!("if {}: {}", when.text, rule.then.text),
        None => rule.then.text.clone(),
    };
    if let Some(during) = rule.during {
        text.push_str(&format!(", within {}", words::time(during)));
    }
    if !rule.title.is_empty() {
        text.push_str(&format!(" ({})", rule.title));
    }
    text
}

/// Whether an expression names a field of a message: the name alone, with the message before it (`0x42.soc`), or as one
/// of a run (`cell_voltage_*`).
fn mentions(expression: &str, protocol: &Protocol, message: &Message, field: &Field) -> bool {
    expression
        .split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '*')))
        .any(|word| {
            let (of, name) = word
                .rsplit_once('.')
                .map_or((None, word), |(of, name)| (Some(of), name));
            let here = of.is_none_or(|of| {
                protocol
                    .message_by_reference(of)
                    .is_some_and(|found| found.key == message.key)
            });
            let run = name.strip_suffix('*');
            here && (field.matches(name) || run.is_some_and(|run| !run.is_empty() && field.name.starts_with(run)))
        })
}

/// The cases that cover something, or that none does.
pub fn covered_by(cases: &[String], style: &Style) -> String {
    let mut out = section(style, "Covered by");
    if cases.is_empty() {
        out.push_str(&format!("  {}\n", style.paint(Tone::Doubtful, "no case")));
    }
    for case in cases {
        out.push_str(&format!("  {case}\n"));
    }
    out
}

/// Who sends it, in words.
pub const fn sender(sender: Sender) -> &'static str {
    match sender {
        Sender::Bms => "the battery",
        Sender::Inverter => "the inverter",
    }
}

const fn address(class: AddressClass) -> &'static str {
    match class {
        AddressClass::Any => "any address of the battery",
        AddressClass::System => "the master's address",
        AddressClass::Pack => "a pack's own address",
    }
}

const fn danger(danger: Option<Danger>) -> &'static str {
    match danger {
        None => "",
        Some(Danger::Writes) => "changes settings of the battery: never sent to hardware without permission",
        Some(Danger::Shutdown) => "switches the battery off: never sent to hardware without permission",
    }
}

fn presence(message: &Message) -> String {
    match (message.presence, &message.claim) {
        (Presence::Default, _) => String::new(),
        (Presence::Refused, _) => "this battery refuses it".to_string(),
        (Presence::Optional, None) => "not by every battery".to_string(),
        (Presence::Optional, Some(claim)) => format!("only with claim `{claim}`"),
    }
}
