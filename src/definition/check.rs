//! Mistakes that only the whole of a definition shows.

use std::collections::HashMap;

use super::*;
use crate::document::{Diagnostic, Diagnostics};

/// Checks a definition: overlapping fields, fields past the length, bits that nothing covers, names given twice,
/// grades better than their evidence.
pub fn protocol(protocol: &Protocol) -> Diagnostics {
    let mut diagnostics = Diagnostics::default();
    unique_messages(protocol, &mut diagnostics);
    for message in &protocol.messages {
        places(protocol, message, &mut diagnostics);
        names(message, &mut diagnostics);
        presence(message, &mut diagnostics);
    }
    unique_ids(protocol, &mut diagnostics);
    if protocol.asks() && protocol.timing.is_none() {
        let message = "a protocol in which the inverter asks needs `timing`";
        diagnostics.push(Diagnostic::error("missing-key", message, 0..0).within(&protocol.source));
    }
    diagnostics
}

fn at(origin: &Origin, id: &'static str, message: impl Into<String>) -> Diagnostic {
    Diagnostic::error(id, message, origin.span.clone()).within(&origin.source)
}

fn unique_messages(protocol: &Protocol, diagnostics: &mut Diagnostics) {
    for (index, message) in protocol.messages.iter().enumerate() {
        let alike = protocol.messages[..index].iter().find(|other| {
            (other.key == message.key || other.name == message.name)
                && other.from == message.from
                && (other.variants.is_empty() || message.variants.is_empty() || other.variants == message.variants)
        });
        if let Some(other) = alike {
            let text = format!("`{}` ({}) is defined twice", message.name, message.key);
            diagnostics.push(at(&message.origin, "duplicate-message", text).elsewhere(
                &other.origin.source,
                other.origin.span.clone(),
                "first defined here",
            ));
        }
    }
}

/// Bits of a message that are taken, by position; only for parts at fixed places.
fn places(protocol: &Protocol, message: &Message, diagnostics: &mut Diagnostics) {
    let longest = message
        .length
        .pass
        .iter()
        .copied()
        .chain(message.length.send)
        .chain(message.length.warn.as_ref().map(|warn| *warn.end()))
        .max();
    let shortest = message
        .length
        .pass
        .iter()
        .copied()
        .chain(message.length.warn.as_ref().map(|warn| *warn.start()))
        .min();
    let mut taken: HashMap<usize, (&str, &Origin, &[String])> = HashMap::new();
    let mut covered: Vec<usize> = Vec::new();
    for item in &message.layout.items {
        let Item::Field(field) = item else { continue };
        let Anchor::Start(start) = field.place.anchor else {
            continue;
        };
        let end = start + field.place.bytes;
        if let Some(longest) = longest
            && end > longest
        {
            let text = format!(
                "`{}` ends at byte {}, the message has at most {longest} bytes",
                field.name,
                end - 1
            );
            diagnostics.push(at(&field.origin, "field-past-length", text));
            continue;
        }
        if let Some(shortest) = shortest
            && end > shortest
            && !field.optional
            && message.length.pass.contains(&shortest)
        {
            let text = format!("`{}` is past an accepted length of {shortest} bytes", field.name);
            let help = "mark it `optional: true`, or leave the length out of `pass`";
            diagnostics.push(at(&field.origin, "field-past-length", text).help(help));
        }
        for bit in bits_of(&field.place, start) {
            covered.push(bit);
            match taken.get(&bit) {
                Some((name, origin, variants))
                    if variants.is_empty()
                        || field.variants.is_empty()
                        || variants.iter().any(|v| field.variants.contains(v)) =>
                {
                    let text = format!(
                        "`{}` overlaps `{name}` at byte {}, bit {}",
                        field.name,
                        bit / 8,
                        bit % 8
                    );
                    diagnostics.push(at(&field.origin, "fields-overlap", text).elsewhere(
                        &origin.source,
                        origin.span.clone(),
                        "declared here",
                    ));
                    break;
                }
                _ => {
                    taken.insert(bit, (&field.name, &field.origin, &field.variants));
                }
            }
        }
    }
    for reserved in &message.layout.reserved {
        let Anchor::Start(start) = reserved.place.anchor else {
            continue;
        };
        for bit in bits_of(&reserved.place, start) {
            covered.push(bit);
            if let Some((name, ..)) = taken.get(&bit)
                && reserved.variants.is_empty()
                && taken.get(&bit).is_some_and(|(_, _, variants)| variants.is_empty())
            {
                let text = format!("byte {}, bit {} is reserved, but belongs to `{name}`", bit / 8, bit % 8);
                diagnostics.push(at(&reserved.origin, "fields-overlap", text));
                break;
            }
        }
    }
    // A gap is most often a forgotten field. Only frames have a fixed size.
    if let (MessageKey::Can(_), Some(length)) = (message.key, message.length.send)
        && message.layout.items.iter().all(|item| matches!(item, Item::Field(_)))
    {
        covered.sort_unstable();
        covered.dedup();
        let free: Vec<usize> = (0..length * 8)
            .filter(|bit| covered.binary_search(bit).is_err())
            .collect();
        if let Some(first) = free.first() {
            let text = format!(
                "{} bits of `{}` belong to no field and are not `reserved`, the first at byte {}, bit {}",
                free.len(),
                message.name,
                first / 8,
                first % 8
            );
            diagnostics.push(
                Diagnostic::warning("uncovered-bits", text, message.origin.span.clone()).within(&protocol.source),
            );
        }
    }
}

/// The absolute bit positions (byte x 8 + bit) of a place.
fn bits_of(place: &Place, start: usize) -> Vec<usize> {
    let width = place.bytes * 8;
    let (low, high) = place.bits.map_or((0, width.saturating_sub(1)), |(low, high)| {
        (usize::from(low), usize::from(high))
    });
    if width == 0 {
        return Vec::new();
    }
    (low..=high)
        .map(|bit| {
            let byte = match place.order {
                ByteOrder::Little => bit / 8,
                ByteOrder::Big => place.bytes - 1 - bit / 8,
            };
            (start + byte) * 8 + bit % 8
        })
        .collect()
}

fn names(message: &Message, diagnostics: &mut Diagnostics) {
    let fields = message.fields();
    for (index, field) in fields.iter().enumerate() {
        if let Some(other) = fields[..index].iter().find(|other| {
            other.name == field.name
                && (other.variants.is_empty() || field.variants.is_empty() || other.variants == field.variants)
        }) {
            let text = format!("`{}` is in `{}` twice", field.name, message.name);
            diagnostics.push(at(&field.origin, "duplicate-field", text).elsewhere(
                &other.origin.source,
                other.origin.span.clone(),
                "first declared here",
            ));
        }
        let lower = field
            .name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_{}".contains(c));
        if !lower {
            let text = format!("`{}` is not snake_case", field.name);
            diagnostics.push(at(&field.origin, "field-name", text));
        }
        if field.place.bytes > 8 && matches!(field.kind, Kind::Number(_) | Kind::State { .. }) {
            diagnostics.push(at(
                &field.origin,
                "place",
                format!("`{}` has more than eight bytes", field.name),
            ));
        }
    }
}

fn presence(message: &Message, diagnostics: &mut Diagnostics) {
    if message.claim.is_some() && message.presence == Presence::Default && matches!(message.key, MessageKey::Can(_)) {
        let text = format!(
            "`{}` belongs to the core set, a claim cannot make it optional",
            message.name
        );
        diagnostics.push(at(&message.origin, "claim", text).help("write `send: optional`"));
    }
}

fn unique_ids(protocol: &Protocol, diagnostics: &mut Diagnostics) {
    for (index, rule) in protocol.rules.iter().enumerate() {
        if protocol.rules[..index].iter().any(|other| other.id == rule.id) {
            diagnostics.push(at(
                &rule.origin,
                "duplicate-rule",
                format!("the rule `{}` is defined twice", rule.id),
            ));
        }
    }
    for (index, deviation) in protocol.deviations.iter().enumerate() {
        if protocol.deviations[..index]
            .iter()
            .any(|other| other.id == deviation.id)
        {
            let text = format!("the deviation `{}` is defined twice", deviation.id);
            diagnostics.push(at(&deviation.when.origin, "duplicate-deviation", text));
        }
    }
}
