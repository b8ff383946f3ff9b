//! A field: where it lies, what it means, what covers it.

use crate::definition::{Field, Kind, Message, Protocol, State};
use crate::report::layout::{message, words};
use crate::report::text::{Style, Tone, labelled};
use crate::value::{Number, Quantity};

/// Where the text after a label begins.
const COLUMN: usize = 17;

/// Everything that the definition says of a field. `covered` names the cases that cover it.
pub fn render(protocol: &Protocol, message: &Message, field: &Field, covered: &[String], style: &Style) -> String {
    let heading = format!("{} {}.{}", protocol.name, message.key, field.name);
    let mut out = format!("{}\n", style.paint(Tone::Strong, &heading));
    let mut label = |name: &str, text: &str| {
        if !text.is_empty() {
            out.push_str(&labelled(style, 2, COLUMN, name, text, Tone::Plain));
        }
    };
    label("what it is", &field.title);
    label("vendor's name", field.wire_name.as_deref().unwrap_or_default());
    label("message", &format!("{} {}", message.name, message.title));
    label("place", &in_words(field));
    label("type", &words::kind(field));
    for (name, text) in meaning(&field.kind, field) {
        label(name, &text);
    }
    label("absent", &absent(field));
    if let Some(range) = &field.range {
        let text = format!(
            "{}; a value outside {} (grade {})",
            words::range(field),
            words::outcome(range.outcome),
            field.grade.worse(range.grade).letter()
        );
        label("plausible", &text);
    }
    if field.saturates {
        label("extremes", "values beyond the wire's range are sent as its extreme");
    }
    if field.optional {
        label("presence", "may be missing in a message that is too short for it");
    }
    label("claim", field.claim.as_deref().unwrap_or_default());
    label("variants", &field.variants.join(", "));
    if field.of_pack {
        label("whose", "a single pack's");
    }
    if let Some(parameter) = &field.equals_request {
        label("echo", &format!("must equal `{parameter}` of the request"));
    }
    label(
        "fact",
        &format!("sheet {}, grade {}", protocol.sheet, words::grade(field)),
    );
    label("stands in", &field.origin.file_line());
    out.push_str(&message::covered_by(covered, style));
    out
}

fn in_words(field: &Field) -> String {
    let place = words::place(&field.place);
    if place.contains('.') {
        format!("byte and bit {place}")
    } else if place.contains('-') && !place.starts_with("end") {
        format!("bytes {place}")
    } else {
        format!("byte {place}")
    }
}

fn meaning(kind: &Kind, field: &Field) -> Vec<(&'static str, String)> {
    match kind {
        Kind::Number(number) => {
            let mut lines = Vec::new();
            for (name, scale) in number
                .choices
                .iter()
                .map(|choice| (choice.name.as_str(), choice.scale))
                .chain(number.choices.is_empty().then_some(("", number.scale)))
            {
                let flavour = if name.is_empty() {
                    String::new()
                } else {
                    format!("flavour {name}: ")
                };
                let raw = match number.offset {
                    0 => "raw".to_string(),
                    offset if offset > 0 => format!("(raw + {offset})"),
                    offset => format!("(raw - {})", offset.unsigned_abs()),
                };
                let step = Quantity::new(scale, number.unit);
                lines.push((
                    "value",
                    format!("{flavour}{raw} x {step}{}", reach(field, number.offset, scale)),
                ));
            }
            if number.either_sign {
                lines.push(("sign", "the magnitude counts; the wire's sign is reported".to_string()));
            }
            lines
        }
        Kind::Flag { active } => vec![("value", format!("true when the bit is {}", u8::from(*active)))],
        Kind::Pair { states, idle } if states.is_empty() => vec![(
            "values",
            format!("0 not_supported, 1 active, 2 inactive, 3 invalid; a healthy pair is {idle}"),
        )],
        Kind::Pair { states, .. } => vec![("values", list(states))],
        Kind::State {
            states, report_unknown, ..
        } => {
            let other = if *report_unknown {
                "; another code is a deviation"
            } else {
                ""
            };
            vec![("values", format!("{}{other}", list(states)))]
        }
        Kind::Text(text) => {
            let mut lines = vec![("filled with", format!("{:02X}", text.fill))];
            if !text.accept_fill.is_empty() {
                lines.push((
                    "also",
                    format!("{} as filling", crate::wire::hex_spaced(&text.accept_fill)),
                ));
            }
            if let Some((begin, outcome, grade)) = &text.begins {
                let text = format!(
                    "`{begin}`; another beginning {} (grade {})",
                    words::outcome(*outcome),
                    grade.letter()
                );
                lines.push(("begins with", text));
            }
            lines
        }
        Kind::Constant { otherwise, .. } => {
            vec![("otherwise", format!("another value {}", words::outcome(*otherwise)))]
        }
        Kind::Truth { .. } | Kind::Version { .. } | Kind::DateTime(_) | Kind::Bytes => Vec::new(),
    }
}

/// The smallest and the greatest value that the wire can carry.
fn reach(field: &Field, offset: i64, scale: Number) -> String {
    let Kind::Number(number) = &field.kind else {
        return String::new();
    };
    let width = match field.place.bits {
        Some((low, high)) => u32::from(high - low) + 1,
        None => u32::try_from(field.place.bytes * 8).unwrap_or(u32::MAX),
    };
    if width == 0 || width > 32 || number.bcd {
        return String::new();
    }
    let span = 1_i64 << width;
    let (low, high) = if number.signed {
        (-span / 2, span / 2 - 1)
    } else {
        (0, span - 1)
    };
    let value = |raw: i64| {
        let number_value = Number::integer(raw + offset).checked_mul(scale)?;
        Some(Quantity::new(number_value, number.unit).to_string())
    };
    match (value(low), value(high)) {
        (Some(least), Some(most)) => format!("; the wire carries {least} to {most}"),
        _ => String::new(),
    }
}

fn list(states: &[State]) -> String {
    let parts: Vec<String> = states
        .iter()
        .map(|state| format!("{} {}", state.code, state.name))
        .collect();
    parts.join(", ")
}

fn absent(field: &Field) -> String {
    let text = words::absent(field);
    if text.is_empty() || field.may_be_absent {
        return text;
    }
    format!("{text}; this battery knows the value, so absent is wrong")
}
