//! The figures of `bmscheck mutate`, for people and for programs.

use serde_json::{Value, json};

use super::{Fate, Figures};
use crate::fault::{Class, Fault};
use crate::report::layout::Table;
use crate::report::text::{Style, Tone, counted, labelled, wrap};
use crate::suite::measured::percent;

/// The name of the format, as it stands in the document.
pub const FORMAT: &str = "bmscheck-mutate";
/// The version of the format; changes within a version are additive.
pub const VERSION: u32 = 1;

/// A table of all protocols, then what was missed and what is equivalent.
pub fn human(all: &[Figures<'_>], style: &Style) -> String {
    let mut table = Table::new(&[
        "protocol",
        "tried",
        "caught",
        "noticed",
        "missed",
        "equivalent",
        "rate",
        "cases",
        "time",
    ]);
    for figures in all {
        table.row(vec![
            figures.protocol.name.clone(),
            figures.faults.len().to_string(),
            figures.caught().to_string(),
            figures.noticed().to_string(),
            figures.missed().count().to_string(),
            figures.equivalent().to_string(),
            format!("{} %", rate(figures)),
            figures.cases.to_string(),
            format!("{}.{} s", figures.took.as_secs(), figures.took.subsec_millis() / 100),
        ]);
    }
    let mut out = table.render(style, 0);
    for figures in all {
        let missed: Vec<(&Fault, &str)> = figures.missed().collect();
        if !missed.is_empty() {
            let title = format!("{} misses {}", figures.protocol.name, counted(missed.len(), "fault"));
            out.push_str(&format!("\n{}\n", style.paint(Tone::Bad, &title)));
            for (fault, needed) in missed {
                out.push_str(&format!("  {fault}\n"));
                out.push_str(&labelled(style, 4, 11, "needs", needed, Tone::Faint));
            }
        }
    }
    let noticed = |fate: &'_ Fate| matches!(fate, Fate::Noticed { .. });
    let equivalent = |fate: &'_ Fate| matches!(fate, Fate::Equivalent(_));
    for figures in all {
        reasons(figures, "noticed only, none may fail", noticed, style, &mut out);
        reasons(figures, "equivalent, by the sheet", equivalent, style, &mut out);
    }
    out
}

/// The faults of one fate with their reasons, where there are any.
fn reasons(figures: &Figures<'_>, title: &str, wanted: fn(&Fate) -> bool, style: &Style, out: &mut String) {
    let by_reason = by_reason(figures, wanted);
    if by_reason.is_empty() {
        return;
    }
    let title = format!("{}: {title}", figures.protocol.name);
    out.push_str(&format!("\n{}\n", style.paint(Tone::Strong, &title)));
    for (reason, faults) in by_reason {
        out.push_str(&indented(style, 2, &format!("{reason}:"), Tone::Plain));
        out.push_str(&indented(style, 4, &faults.join("; "), Tone::Faint));
    }
}

/// Text set in by some columns.
fn indented(style: &Style, by: usize, text: &str, tone: Tone) -> String {
    let lines = wrap(text, style.width.saturating_sub(by));
    let line = |line: &String| format!("{}{}\n", " ".repeat(by), style.paint(tone, line));
    lines.iter().map(line).collect()
}

/// The name of a fault, and where it is.
type Places<'f> = (&'f str, Vec<String>);

/// The faults of one fate by reason: each fault with its places.
fn by_reason<'f>(figures: &'f Figures<'_>, wanted: fn(&Fate) -> bool) -> Vec<(&'f str, Vec<String>)> {
    let mut reasons: Vec<(&str, Vec<Places<'_>>)> = Vec::new();
    for (fault, fate) in figures.faults.iter().filter(|(_, fate)| wanted(fate)) {
        let Some(reason) = fate.reason() else { continue };
        let at = match reasons.iter().position(|(known, _)| *known == reason) {
            Some(at) => at,
            None => {
                reasons.push((reason, Vec::new()));
                reasons.len() - 1
            }
        };
        let Some((_, faults)) = reasons.get_mut(at) else {
            continue;
        };
        let place = fault.place.to_string();
        match faults.iter_mut().find(|(name, _)| *name == fault.operator.name) {
            Some((_, places)) => places.push(place),
            None => faults.push((fault.operator.name, vec![place])),
        }
    }
    let joined = |(name, places): Places<'_>| format!("{name} in {}", places.join(", "));
    reasons
        .into_iter()
        .map(|(reason, faults)| (reason, faults.into_iter().map(joined).collect()))
        .collect()
}

/// Faults caught or noticed among those that can be told, in percent.
fn rate(figures: &Figures<'_>) -> String {
    let found = figures.caught() + figures.noticed();
    percent(found, figures.faults.len() - figures.equivalent())
}

/// The document for programs.
///
/// ```json
/// {
///   "format": {"name": "bmscheck-mutate", "version": 1},
///   "require_percent": 100,
///   "protocols": [{
///     "protocol": "pylon-can", "tried": 900, "caught": 860, "noticed_count": 0, "missed_count": 0, "equivalent_count": 40,
///     "rate_percent": "100", "cases": 174, "time_ms": 1234,
///     "by_class": {"value": {"tried": 500, "caught": 480, "noticed": 0, "missed": 0, "equivalent": 20}},
///     "missed": [{"fault": "frozen", "class": "value", "in": "0x355.soh", "needs": "..."}],
///     "equivalent": [{"fault": "...", "class": "...", "in": "...", "reason": "..."}],
///     "noticed": [{"fault": "...", "class": "...", "in": "...", "reason": "...", "case": "...", "check": "...",
///                  "result": "warning", "grade": "C", "diagnosis": "..."}],
///     "caught_by": [{"fault": "...", "class": "...", "in": "...", "case": "...", "check": "...", "diagnosis": "..."}]
///   }]
/// }
/// ```
pub fn json(all: &[Figures<'_>], require: u8) -> Value {
    let protocols: Vec<Value> = all.iter().map(protocol).collect();
    json!({
        "format": { "name": FORMAT, "version": VERSION },
        "require_percent": require,
        "protocols": protocols,
    })
}

fn protocol(figures: &Figures<'_>) -> Value {
    let named = |fault: &Fault, more: Value| {
        let mut value = json!({
            "fault": fault.operator.name, "class": fault.operator.class.word(), "in": fault.place.to_string(),
        });
        if let (Value::Object(map), Value::Object(more)) = (&mut value, more) {
            map.extend(more);
        }
        value
    };
    let missed: Vec<Value> = figures
        .missed()
        .map(|(fault, needs)| named(fault, json!({ "needs": needs })))
        .collect();
    let (mut equivalent, mut noticed, mut caught_by) = (Vec::new(), Vec::new(), Vec::new());
    for (fault, fate) in &figures.faults {
        match fate {
            Fate::Equivalent(reason) => equivalent.push(named(fault, json!({ "reason": reason }))),
            Fate::Noticed { by, reason } => noticed.push(named(
                fault,
                json!({
                    "reason": reason, "case": by.case, "check": by.check, "result": by.result.word(),
                    "grade": by.grade.letter().to_string(), "diagnosis": by.diagnosis,
                }),
            )),
            Fate::Caught { case, check, diagnosis } => caught_by.push(named(
                fault,
                json!({ "case": case, "check": check, "diagnosis": diagnosis }),
            )),
            Fate::Missed(_) => {}
        }
    }
    let classes = [Class::Value, Class::Flag, Class::Frame, Class::Stream, Class::Exchange];
    let by_class: serde_json::Map<String, Value> = classes
        .iter()
        .map(|class| {
            let of_class = figures
                .faults
                .iter()
                .filter(|(fault, _)| fault.operator.class == *class);
            let count = |wanted: fn(&Fate) -> bool| of_class.clone().filter(|(_, fate)| wanted(fate)).count();
            let value = json!({
                "tried": of_class.clone().count(),
                "caught": count(|fate| matches!(fate, Fate::Caught { .. })),
                "noticed": count(|fate| matches!(fate, Fate::Noticed { .. })),
                "missed": count(|fate| matches!(fate, Fate::Missed(_))),
                "equivalent": count(|fate| matches!(fate, Fate::Equivalent(_))),
            });
            (class.word().to_string(), value)
        })
        .collect();
    json!({
        "protocol": figures.protocol.name,
        "tried": figures.faults.len(),
        "caught": figures.caught(),
        "noticed_count": figures.noticed(),
        "missed_count": figures.missed().count(),
        "equivalent_count": figures.equivalent(),
        "rate_percent": rate(figures),
        "cases": figures.cases,
        "time_ms": u64::try_from(figures.took.as_millis()).unwrap_or(u64::MAX),
        "by_class": by_class,
        "missed": missed,
        "noticed": noticed,
        "equivalent": equivalent,
        "caught_by": caught_by,
    })
}
