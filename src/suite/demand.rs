//! What a field must be: from the text in a suite or vector file to a checked [`Demand`].
//!
//! The check knows the field: a unit of the wrong dimension, a value that the wire cannot carry, a state that the field
//! does not have are mistakes of the file, found before anything is sent.

use std::cmp::Ordering;

use crate::definition::{Field, Kind, NumberKind, State};
use crate::document::diagnostic::did_you_mean;
use crate::document::node::Value;
use crate::document::scalar;
use crate::document::{Diagnostic, Node};
use crate::value::{Number, Quantity, Unit};

use super::Demand;

/// The four codes of a pair of bits.
pub(crate) const PAIR_WORDS: [&str; 4] = ["not_supported", "active", "inactive", "invalid"];

/// Lowers the demand `node` on `field`. A computed field takes no place on the wire, so it can have any value.
///
/// # Errors
/// What is wrong with it, at the smallest place.
pub(crate) fn lower(field: &Field, name: &str, node: &Node, computed: bool) -> Result<Demand, Diagnostic> {
    let on_wire = |result: Result<Demand, Diagnostic>| match result {
        Err(diagnostic) if computed && diagnostic.id == "not-representable" => exact(node).ok_or(diagnostic),
        other => other,
    };
    if let Some(text) = node.text() {
        return on_wire(of_text(field, name, text, node, None));
    }
    let (Some(is), tolerance) = (node.get("is"), node.get("tolerance")) else {
        return Err(Diagnostic::error(
            "wrong-value",
            format!("`{name}` needs a value"),
            node.span.clone(),
        ));
    };
    let tolerance = match tolerance {
        None => None,
        Some(tolerance) => Some(allowed_difference(field, name, tolerance)?),
    };
    of_text(field, name, is.text().unwrap_or_default(), is, tolerance)
}

/// A quantity without a tolerance, whatever the wire.
fn exact(node: &Node) -> Option<Demand> {
    let value = node.text()?.parse().ok()?;
    Some(Demand::Is { value, tolerance: None })
}

fn of_text(
    field: &Field,
    name: &str,
    text: &str,
    node: &Node,
    tolerance: Option<Quantity>,
) -> Result<Demand, Diagnostic> {
    // In quotes they are texts.
    let plain = matches!(node.value, Value::Scalar { plain: true, .. });
    match text {
        "absent" if plain && field.absent.is_empty() => {
            return Err(error(
                "never-absent",
                node,
                format!("`{name}` has no value that means `absent`"),
            )
            .elsewhere(&field.origin.source, field.origin.span.clone(), "declared here"));
        }
        "absent" if plain => return Ok(Demand::Absent),
        "missing" if plain => return Ok(Demand::Missing),
        _ => {}
    }
    let demand = match &field.kind {
        Kind::Number(kind) => return number(field, kind, name, text, node, tolerance),
        Kind::Flag { .. } | Kind::Truth { .. } => truth(name, text, node).map(Demand::Truth),
        Kind::Pair { states, .. } => pair(name, states, text, node),
        Kind::State { states, .. } => state(name, states, text, node),
        Kind::Text(_) => text_fits(field, name, text, node),
        Kind::Constant { .. } | Kind::Bytes => bytes(field, name, text, node),
        Kind::Version { .. } | Kind::DateTime(_) => Ok(Demand::Word(text.to_string())),
    }?;
    if tolerance.is_some() {
        return Err(error(
            "tolerance-without-number",
            node,
            format!("`{name}` is no number: a tolerance means nothing"),
        ));
    }
    Ok(demand)
}

fn error(id: &'static str, node: &Node, message: String) -> Diagnostic {
    Diagnostic::error(id, message, node.span.clone())
}

fn allowed_difference(field: &Field, name: &str, node: &Node) -> Result<Quantity, Diagnostic> {
    let text = node.text().unwrap_or_default();
    let unit = field.unit().unwrap_or(Unit::None);
    let quantity = text
        .parse::<Quantity>()
        .map_err(|cause| error("wrong-value", node, cause.to_string()))?;
    if quantity.unit.dimension() != unit.dimension() {
        return Err(unit_mismatch(field, name, quantity, node));
    }
    if quantity.number.is_negative() {
        return Err(error("wrong-value", node, "a tolerance is not negative".into()));
    }
    Ok(quantity)
}

fn unit_mismatch(field: &Field, name: &str, found: Quantity, node: &Node) -> Diagnostic {
    let unit = field.unit().unwrap_or(Unit::None);
    let mut help = format!("write `{}`", Quantity::new(found.number, unit));
    help.push_str(&format!("; the field is declared in {}", field.origin.file_line()));
    error(
        "unit-mismatch",
        node,
        format!("`{name}` is {}", unit.dimension().with_article()),
    )
    .label(format!("this is {}", found.unit.dimension().with_article()))
    .help(help)
}

fn number(
    field: &Field,
    kind: &NumberKind,
    name: &str,
    text: &str,
    node: &Node,
    tolerance: Option<Quantity>,
) -> Result<Demand, Diagnostic> {
    if matches!(text, "true" | "false") {
        let message = format!("`{name}` is {}, no flag", kind.unit.dimension().with_article());
        return Err(error("not-a-flag", node, message).help("write a quantity with its unit"));
    }
    if text.contains("..") {
        return range(field, kind, name, text, node);
    }
    let value = text
        .parse::<Quantity>()
        .map_err(|cause| error("wrong-value", node, cause.to_string()).help(example(kind)))?;
    if value.unit.dimension() != kind.unit.dimension() {
        return Err(unit_mismatch(field, name, value, node));
    }
    representable(field, kind, value, tolerance)
        .map_err(|why| error("not-representable", node, format!("`{name}` cannot be {text}")).help(why))?;
    Ok(Demand::Is { value, tolerance })
}

fn example(kind: &NumberKind) -> String {
    match kind.unit {
        Unit::None => "a bare number is wanted, such as `16`".into(),
        unit => format!("a quantity in {unit} is wanted, such as `1 {unit}`"),
    }
}

fn range(field: &Field, kind: &NumberKind, name: &str, text: &str, node: &Node) -> Result<Demand, Diagnostic> {
    let Some((low, high)) = scalar::quantity_range(text, Unit::None) else {
        return Err(error("wrong-value", node, format!("`{text}` is no range")).help("write `40.0..60.0 V` or `0 A..`"));
    };
    for bound in [low, high].into_iter().flatten() {
        if bound.unit.dimension() != kind.unit.dimension() {
            return Err(unit_mismatch(field, name, bound, node));
        }
    }
    Ok(Demand::Range(low, high))
}

/// The least and greatest value that the wire can carry, one pair for each scale.
pub(crate) fn bounds(field: &Field, kind: &NumberKind) -> Vec<(Quantity, Quantity)> {
    let (low, high) = raw_bounds(field, kind);
    let mut scales = vec![(kind.scale, low, high)];
    scales.extend(kind.choices.iter().map(|choice| {
        let (from, to) = (i128::from(*choice.raw.start()), i128::from(*choice.raw.end()));
        (choice.scale, from.max(low), to.min(high))
    }));
    scales
        .into_iter()
        .filter_map(|(scale, low, high)| {
            let value = |raw: i128| {
                let number = Number::ratio(raw.checked_add(i128::from(kind.offset))?, 1)?.checked_mul(scale)?;
                let number = if kind.either_sign { number.abs() } else { number };
                Some(Quantity::new(number, kind.unit))
            };
            let (one, other) = (value(low)?, value(high)?);
            let (mut low, high) = if one.number <= other.number {
                (one, other)
            } else {
                (other, one)
            };
            if kind.either_sign {
                low = Quantity::new(Number::ZERO, kind.unit);
            }
            Some((low, high))
        })
        .collect()
}

/// The value itself, or the end of the wire's range where it lies beyond.
pub(crate) fn saturated(field: &Field, kind: &NumberKind, value: Quantity) -> Quantity {
    let ends = bounds(field, kind);
    let below = ends
        .iter()
        .all(|(low, _)| value.compare(*low).is_some_and(Ordering::is_lt));
    let above = ends
        .iter()
        .all(|(_, high)| value.compare(*high).is_some_and(Ordering::is_gt));
    let by_number = |one: &Quantity, other: &Quantity| one.number.cmp(&other.number);
    let end = match (below, above) {
        (true, false) => ends.iter().map(|(low, _)| *low).min_by(by_number),
        (false, true) => ends.iter().map(|(_, high)| *high).max_by(by_number),
        _ => None,
    };
    end.unwrap_or(value)
}

fn raw_bounds(field: &Field, kind: &NumberKind) -> (i128, i128) {
    if kind.bcd {
        let digits = u32::try_from(field.place.bytes * 2).unwrap_or(0).min(30);
        return (0, 10_i128.pow(digits) - 1);
    }
    let bits = match field.place.bits {
        Some((low, high)) => u32::from(high.saturating_sub(low)) + 1,
        None => u32::try_from(field.place.bytes).unwrap_or(16).min(8) * 8,
    };
    if kind.signed {
        (-(1_i128 << (bits.max(1) - 1)), (1_i128 << (bits.max(1) - 1)) - 1)
    } else {
        (0, (1_i128 << bits) - 1)
    }
}

/// True for a demand that every value of the wire meets.
pub(crate) fn always_holds(field: &Field, demand: &Demand) -> bool {
    let Kind::Number(kind) = &field.kind else {
        return false;
    };
    if !field.absent.is_empty() {
        return false;
    }
    let (low, high) = match demand {
        Demand::Range(low, high) => (*low, *high),
        Demand::Is {
            value,
            tolerance: Some(tolerance),
        } => {
            let Some(spread) = tolerance.to_unit(value.unit) else {
                return false;
            };
            let bound = |number: Option<Number>| number.map(|number| Quantity::new(number, value.unit));
            (
                bound(value.number.checked_sub(spread.number)),
                bound(value.number.checked_add(spread.number)),
            )
        }
        _ => return false,
    };
    bounds(field, kind).iter().all(|(least, greatest)| {
        low.is_none_or(|low| low.compare(*least).is_some_and(Ordering::is_le))
            && high.is_none_or(|high| high.compare(*greatest).is_some_and(Ordering::is_ge))
    })
}

/// Whether the wire can carry `value`, give or take `tolerance`; else the reason.
fn representable(field: &Field, kind: &NumberKind, value: Quantity, tolerance: Option<Quantity>) -> Result<(), String> {
    let bounds = bounds(field, kind);
    let allowed = tolerance.map_or(Number::ZERO, |tolerance| tolerance.number);
    let unit = tolerance.map_or(kind.unit, |tolerance| tolerance.unit);
    let shifted = |by: Number| {
        let value = value.to_unit(unit)?;
        Some(Quantity::new(value.number.checked_add(by)?, unit))
    };
    let (lowest, highest) = (shifted(allowed.checked_neg().unwrap_or(allowed)), shifted(allowed));
    let inside = bounds.iter().any(|(low, high)| {
        lowest.is_some_and(|lowest| lowest.compare(*high).is_some_and(Ordering::is_le))
            && highest.is_some_and(|highest| highest.compare(*low).is_some_and(Ordering::is_ge))
    });
    if !inside {
        let ranges: Vec<String> = bounds.iter().map(|(low, high)| format!("{low} to {high}")).collect();
        return Err(format!("the wire carries {}", ranges.join(", or ")));
    }
    if tolerance.is_some() {
        return Ok(());
    }
    if is_exact(kind, value) {
        return Ok(());
    }
    let scales = std::iter::once(kind.scale).chain(kind.choices.iter().map(|choice| choice.scale));
    let steps: Vec<String> = scales
        .map(|scale| Quantity::new(scale.abs(), kind.unit).to_string())
        .collect();
    Err(format!(
        "the wire has steps of {}; give a tolerance if the value is meant",
        steps.join(" or ")
    ))
}

/// Whether the value lies on a step of the wire, in one of its scales.
pub(crate) fn is_exact(kind: &NumberKind, value: Quantity) -> bool {
    let Some(in_unit) = value.to_unit(kind.unit) else {
        return false;
    };
    std::iter::once(kind.scale)
        .chain(kind.choices.iter().map(|choice| choice.scale))
        .any(|scale| in_unit.number.checked_div(scale).and_then(Number::as_integer).is_some())
}

fn truth(name: &str, text: &str, node: &Node) -> Result<bool, Diagnostic> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(error("not-a-quantity", node, format!("`{name}` is a flag")).help("write `true` or `false`")),
    }
}

fn pair(name: &str, states: &[State], text: &str, node: &Node) -> Result<Demand, Diagnostic> {
    if !states.is_empty() {
        return state(name, states, text, node);
    }
    match text {
        "true" => Ok(Demand::Truth(true)),
        "false" => Ok(Demand::Truth(false)),
        _ if PAIR_WORDS.contains(&text) => Ok(Demand::Word(text.to_string())),
        _ => Err(error(
            "unknown-state",
            node,
            format!("`{name}` is a pair of bits, `{text}` is none of its states"),
        )
        .maybe_help(did_you_mean(text, PAIR_WORDS))
        .help(format!("states: true, false, {}", PAIR_WORDS.join(", ")))),
    }
}

fn state(name: &str, states: &[State], text: &str, node: &Node) -> Result<Demand, Diagnostic> {
    if states.iter().any(|state| state.name == text) {
        return Ok(Demand::Word(text.to_string()));
    }
    let names = || states.iter().map(|state| state.name.as_str());
    Err(error("unknown-state", node, format!("`{name}` has no state `{text}`"))
        .maybe_help(did_you_mean(text, names()))
        .help(format!("states: {}", names().collect::<Vec<_>>().join(", "))))
}

fn text_fits(field: &Field, name: &str, text: &str, node: &Node) -> Result<Demand, Diagnostic> {
    let room = field.place.bytes;
    // A byte that is no character is read as one replacement character.
    let length = text.chars().count();
    if room > 0 && length > room {
        let message = format!("`{text}` has {length} characters, `{name}` has room for {room}");
        return Err(error("not-representable", node, message));
    }
    Ok(Demand::Word(text.to_string()))
}

fn bytes(field: &Field, name: &str, text: &str, node: &Node) -> Result<Demand, Diagnostic> {
    // Bytes that are characters may be written as such: `PN`.
    let as_text = text.is_ascii() && text.len() == field.place.bytes && matches!(field.kind, Kind::Constant { .. });
    let Some(bytes) = scalar::bytes(text).or_else(|| as_text.then(|| text.as_bytes().to_vec())) else {
        return Err(error("wrong-value", node, format!("`{name}` is bytes, `{text}` is no hex")).help("write `50 4E`"));
    };
    let room = field.place.bytes;
    if room > 0 && bytes.len() != room {
        let message = format!("`{text}` has {} bytes, `{name}` has {room}", bytes.len());
        return Err(error("not-representable", node, message));
    }
    Ok(Demand::Word(crate::wire::hex_spaced(&bytes)))
}
