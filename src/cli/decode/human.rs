//! A message for reading: time, identifier and name on a line, the fields below it in columns.

use super::conversation::Message;
use crate::decode::{DecodedField, FieldValue, Finding, Role};
use crate::definition::Outcome;
use crate::report::text::{Style, Tone, columns, labelled};
use crate::wire::BusFrame;

/// How far the fields are set in.
const INDENT: usize = 4;

/// Appends the message.
pub fn write(out: &mut Vec<u8>, message: &Message<'_>, style: &Style) {
    let mut text = heading(message, style);
    let decoded = &message.decoded;
    grid(&mut text, &decoded.fields, style);
    for (number, pack) in decoded.packs.iter().enumerate() {
        text.push_str(&format!(
            "  {}\n",
            style.paint(Tone::Strong, &format!("pack {}", number + 1))
        ));
        grid(&mut text, pack, style);
    }
    for (list, kind) in [(&decoded.errors, "error"), (&decoded.warnings, "warning")] {
        for finding in list {
            text.push_str(&finding_line(finding, kind, style));
        }
    }
    out.extend_from_slice(text.as_bytes());
}

fn heading(message: &Message<'_>, style: &Style) -> String {
    let decoded = &message.decoded;
    let time = message.time.map_or(String::new(), |time| format!("{time}  "));
    let name = match decoded.message {
        Some(known) => style.paint(Tone::Strong, &known.name),
        None => style.paint(Tone::Doubtful, "unknown"),
    };
    let faint = |text: &str| style.paint(Tone::Faint, text);
    match message.frame.as_ref() {
        // The longest frame has 20 characters with an 11-bit identifier.
        BusFrame::Can(frame) => format!("{}{frame:<20}  {name}\n", faint(&time)),
        BusFrame::Serial(_) => {
            let key = decoded.message.map_or(String::new(), |known| format!("{} ", known.key));
            let address = decoded
                .address
                .map_or(String::new(), |address| format!(" at 0x{address:02X}"));
            let role = match decoded.role {
                Role::Broadcast => String::new(),
                Role::Request => " asked".to_string(),
                Role::Reply if decoded.return_code != 0 => {
                    format!(" refused with return code {:02X}", decoded.return_code)
                }
                Role::Reply => " answered".to_string(),
                Role::Unknown if decoded.address.is_some() => " without its request".to_string(),
                Role::Unknown => String::new(),
            };
            let about = format!("{role}{address}");
            let used = columns(&time) + columns(&key) + columns(&about) + 2;
            let used = used + decoded.message.map_or(7, |known| columns(&known.name));
            let frame = crate::report::bytes::frame_line(&message.frame, style.width.saturating_sub(used).max(24));
            format!("{}{key}{name}{about}  {}\n", faint(&time), faint(&frame))
        }
    }
}

/// The fields in as many columns as fit: names to the left, values to the right.
fn grid(text: &mut String, fields: &[DecodedField<'_>], style: &Style) {
    if fields.is_empty() {
        return;
    }
    let cells: Vec<(&str, String, Tone)> = fields
        .iter()
        .map(|field| (&*field.name, value(field), tone(&field.value)))
        .collect();
    let name_width = cells.iter().map(|(name, ..)| columns(name)).max().unwrap_or(0);
    let value_width = cells.iter().map(|(_, value, _)| columns(value)).max().unwrap_or(0);
    let cell = name_width + 2 + value_width;
    let per_row = ((style.width.saturating_sub(INDENT) + 4) / (cell + 4)).clamp(1, 4);
    let rows = cells.len().div_ceil(per_row);
    for row in 0..rows {
        text.push_str(&" ".repeat(INDENT));
        let mut gap = 0;
        // Down the columns, so that what belongs together stays together.
        for (name, value, tone) in (0..per_row).filter_map(|column| cells.get(column * rows + row)) {
            let padding = cell - columns(name) - columns(value);
            text.push_str(&" ".repeat(gap));
            text.push_str(name);
            text.push_str(&" ".repeat(padding));
            text.push_str(&style.paint(*tone, value));
            gap = 4;
        }
        text.push('\n');
    }
}

fn value(field: &DecodedField<'_>) -> String {
    match &field.value {
        FieldValue::Flag(true) => "yes".to_string(),
        FieldValue::Flag(false) => "no".to_string(),
        FieldValue::Absent => format!("not available (raw 0x{:X})", field.raw),
        other => other.to_string(),
    }
}

fn tone(value: &FieldValue) -> Tone {
    match value {
        FieldValue::Flag(true) => Tone::Strong,
        FieldValue::Flag(false) | FieldValue::Absent => Tone::Faint,
        FieldValue::State(None, _) => Tone::Doubtful,
        _ => Tone::Plain,
    }
}

fn finding_line(finding: &Finding, kind: &str, style: &Style) -> String {
    let label = match (kind, finding.outcome) {
        ("error", _) => "error",
        (_, Outcome::Information) => "information",
        _ => "warning",
    };
    let tone = if kind == "error" { Tone::Bad } else { Tone::Doubtful };
    let text = format!("{} (grade {})", finding.text, finding.grade.letter());
    labelled(style, INDENT, INDENT + 13, label, &text, tone)
}
