//! A protocol: bus, session, messages, rules.

use crate::definition::{Envelope, MessageKey, Presence, Protocol, Sender};
use crate::report::layout::message::{render_registers, rule_text};
use crate::report::layout::{Table, section, words};
use crate::report::text::{Style, Tone, labelled};
use crate::wire::hex_spaced;

/// Where the text after a label begins.
const COLUMN: usize = 14;

/// The protocol on a page or two.
pub fn render(protocol: &Protocol, style: &Style) -> String {
    let mut out = format!(
        "{}\n",
        style.paint(Tone::Strong, &format!("{}: {}", protocol.name, protocol.title))
    );
    out.push_str(&facts(protocol, style));
    out.push_str(&messages(protocol, style));
    if let Some(map) = &protocol.registers {
        out.push_str(&render_registers(protocol, map, style));
    }
    out.push_str(&inverter(protocol, style));
    out.push_str(&errors(protocol, style));
    out.push_str(&rules(protocol, style));
    out.push_str(&names(protocol, style));
    let example = protocol
        .messages
        .first()
        .map_or(String::new(), |message| format!(" {}", message.key));
    out.push_str(&format!(
        "\n{}\n",
        style.paint(
            Tone::Hint,
            &format!(
                "bmscheck explain {}{example}   shows the bytes of a message",
                protocol.name
            )
        )
    ));
    out
}

fn facts(protocol: &Protocol, style: &Style) -> String {
    let mut out = String::new();
    let mut label = |name: &str, text: &str| {
        if !text.is_empty() {
            out.push_str(&labelled(style, 2, COLUMN, name, text, Tone::Plain));
        }
    };
    for setting in &protocol.settings {
        let plan = setting
            .plan
            .as_ref()
            .map_or(String::new(), |plan| format!(", poll plan {plan}"));
        let text = format!(
            "{} ({}{plan}, grade {})",
            setting.manual,
            setting.brand,
            setting.grade.letter()
        );
        label("setting", &text);
    }
    label("bus", &words::bus(&protocol.bus));
    label("framing", &envelope(protocol.envelope));
    let certifies = if protocol.grade.is_certifiable() {
        ""
    } else {
        ": inferred, so no run certifies it"
    };
    let grade = protocol.grade.letter();
    label("sheet", &format!("{}, grade {grade}{certifies}", protocol.sheet));
    label("definition", &protocol.source.name);
    if let Some(keepalive) = &protocol.keepalive {
        let reaction = match keepalive.timeout {
            Some(timeout) => format!("reacts after {} of silence; ", words::time(timeout)),
            None => "never reacts on the wire; ".to_string(),
        };
        let text = format!(
            "{reaction}frames go on for at least {} without an inverter (grade {})",
            words::time(keepalive.goes_on),
            keepalive.grade.letter()
        );
        label("no inverter", &text);
    }
    if let Some((within, grade)) = protocol.first_set {
        let text = format!(
            "all core messages within {} of the first (grade {})",
            words::time(within),
            grade.letter()
        );
        label("start", &text);
    }
    if let Some(timing) = &protocol.timing {
        let early = timing
            .not_before
            .map_or(String::new(), |time| format!("not before {}, ", words::time(time)));
        let text = format!(
            "first byte {early}above {} a warning, above {} a failure (grade {})",
            words::time(timing.warn),
            words::time(timing.fail),
            timing.grade.letter()
        );
        label("reply time", &text);
    }
    if let Some(addresses) = &protocol.addresses {
        let packs: Vec<String> = addresses
            .pack_offsets
            .iter()
            .map(|offset| format!("DIP + 0x{offset:02X}"))
            .collect();
        let text = format!(
            "pack {}; master {}; tried by inverters {}",
            packs.join(" or "),
            hex_spaced(&addresses.system),
            hex_spaced(&addresses.scan)
        );
        label("addresses", &text);
    }
    out
}

fn envelope(envelope: Envelope) -> String {
    match envelope {
        Envelope::None => String::new(),
        Envelope::PylonAscii { ver, cid1 } => format!("ASCII hex between `~` and CR, VER {ver:02X}, CID1 {cid1:02X}"),
        Envelope::ModbusRtu => "Modbus RTU".to_string(),
        Envelope::Voltronic => "Modbus RTU with a length of two bytes in replies".to_string(),
    }
}

fn messages(protocol: &Protocol, style: &Style) -> String {
    let mut out = String::new();
    for (sender, title) in [
        (Sender::Bms, "From the battery"),
        (Sender::Inverter, "From the inverter"),
    ] {
        let mut table = Table::new(&["", "", "", "", ""]);
        // What the inverter sends by itself has a table of its own.
        let own = |key: MessageKey| protocol.inverter.iter().any(|frame| MessageKey::Can(frame.id) == key);
        let listed = protocol
            .messages
            .iter()
            .filter(|message| message.from == sender && !own(message.key))
            // Blocks of registers have a table of their own.
            .filter(|message| message.registers().is_none());
        for message in listed {
            let comes = match (&message.period, message.presence) {
                (_, Presence::Optional) => "optional".to_string(),
                (_, Presence::Refused) => "refused".to_string(),
                (Some(period), _) => format!("every {}", words::time(period.is)),
                (None, _) if matches!(message.key, MessageKey::Command(_)) => "when asked".to_string(),
                (None, _) => String::new(),
            };
            table.row(vec![
                message.key.to_string(),
                message.name.clone(),
                comes,
                message.grade.letter().to_string(),
                message.title.clone(),
            ]);
        }
        if !table.is_empty() {
            let title = if protocol.asks() && sender == Sender::Bms {
                "Commands"
            } else {
                title
            };
            out.push_str(&section(style, title));
            out.push_str(&table.render(style, 2));
        }
    }
    out
}

fn inverter(protocol: &Protocol, style: &Style) -> String {
    let mut out = String::new();
    if !protocol.inverter.is_empty() {
        let mut table = Table::new(&["", "", "", "", ""]);
        for frame in &protocol.inverter {
            let accepted = if frame.accept_any { "any content is right" } else { "" };
            table.row(vec![
                format!("0x{}", frame.id),
                frame.name.clone(),
                format!("every {}", words::time(frame.every)),
                hex_spaced(&frame.payload),
                accepted.to_string(),
            ]);
        }
        out.push_str(&section(style, "The inverter sends"));
        out.push_str(&table.render(style, 2));
    }
    if !protocol.plans.is_empty() {
        let mut table = Table::new(&["", "", "", ""]);
        for plan in &protocol.plans {
            let asked: Vec<String> = plan.ask.iter().map(ToString::to_string).collect();
            table.row(vec![
                plan.name.clone(),
                format!("every {}", words::time(plan.every)),
                plan.grade.letter().to_string(),
                format!("{}; {}", plan.title, asked.join(", ")),
            ]);
        }
        out.push_str(&section(style, "Poll plans"));
        out.push_str(&table.render(style, 2));
    }
    out
}

fn errors(protocol: &Protocol, style: &Style) -> String {
    if protocol.errors.is_empty() {
        return String::new();
    }
    let join = |reactions: &[crate::definition::Reaction]| {
        let texts: Vec<String> = reactions.iter().map(ToString::to_string).collect();
        texts.join(" or ")
    };
    let mut table = Table::new(&["situation", "grade", "what must follow"]);
    for rule in &protocol.errors {
        let mut text = rule.expect.to_string();
        if !rule.accept.is_empty() {
            text.push_str(&format!("; {} is right too", join(&rule.accept)));
        }
        if !rule.warn.is_empty() {
            text.push_str(&format!("; {} is a warning", join(&rule.warn)));
        }
        table.row(vec![rule.situation.clone(), rule.grade.letter().to_string(), text]);
    }
    format!("{}{}", section(style, "Bad requests"), table.render(style, 2))
}

fn rules(protocol: &Protocol, style: &Style) -> String {
    if protocol.rules.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&["rule", "grade", "what must hold"]);
    for rule in &protocol.rules {
        table.row(vec![rule.id.clone(), rule.grade.letter().to_string(), rule_text(rule)]);
    }
    format!("{}{}", section(style, "Rules"), table.render(style, 2))
}

fn names(protocol: &Protocol, style: &Style) -> String {
    let mut out = String::new();
    for (title, list) in [
        (
            "Variants",
            protocol
                .variants
                .iter()
                .map(|v| (v.name.clone(), v.title.clone()))
                .collect::<Vec<_>>(),
        ),
        (
            "Claims",
            protocol
                .claims
                .iter()
                .map(|claim| (claim.name.clone(), claim.title.clone()))
                .collect(),
        ),
        (
            "Known deviations",
            protocol
                .deviations
                .iter()
                .map(|deviation| (deviation.id.clone(), deviation.title.clone()))
                .collect(),
        ),
    ] {
        if list.is_empty() {
            continue;
        }
        let mut table = Table::new(&["", ""]);
        for (name, text) in list {
            table.row(vec![name, text]);
        }
        out.push_str(&section(style, title));
        out.push_str(&table.render(style, 2));
    }
    out
}
