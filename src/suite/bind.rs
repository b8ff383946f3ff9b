//! A case on one protocol: cases of suites for all protocols name fields, not messages; here the messages are found.

use std::rc::Rc;

use crate::definition::{Field, Kind, Message, Protocol};
use crate::value::Quantity;

use super::load::OUT_OF_RANGE;
use super::{Action, Case, Content, Demand, Expect, Step, Suite, demand};

/// The full name of a case: `pylon-can/limits/limits-are-coded-exactly`, with the protocol before it where the suite runs
/// on several.
pub fn case_id(protocol: &Protocol, suite: &Suite, case: &Case) -> String {
    match suite.protocol {
        Some(_) => format!("{}/{}", suite.name, case.id),
        None => format!("{}/{}/{}", protocol.name, suite.name, case.id),
    }
}

/// The case as it runs on `protocol`: each demand names its message.
///
/// A demanded value that this wire cannot carry exactly may differ by one step of the wire (Q-29: one unit of the last
/// place); one beyond the end of a field that saturates is that end.
///
/// # Errors
/// Why the case cannot run there, in words: the protocol has no such field, message or rule.
pub fn bind(case: &Case, protocol: &Protocol) -> Result<Case, String> {
    let mut bound = case.clone();
    bound.steps = Vec::with_capacity(case.steps.len());
    for step in &case.steps {
        bound.steps.extend(bind_step(step, protocol)?);
    }
    let demands = |steps: &[Step]| steps.iter().any(|step| step.action.is_demand());
    if demands(&case.steps) && !demands(&bound.steps) {
        return Err(format!("{} carries none of the fields", protocol.name));
    }
    bound.allow.retain(|id| {
        let rule = || protocol.rules.iter().any(|rule| rule.id == *id);
        let deviation = || protocol.deviations.iter().any(|deviation| deviation.id == *id);
        *id == OUT_OF_RANGE || rule() || deviation()
    });
    Ok(bound)
}

/// A case as it runs on a protocol, under its full name, or why it cannot run there.
#[derive(Clone, Debug)]
pub struct BoundCase {
    /// Its full name.
    pub id: String,
    /// The case, whose demands name their messages.
    pub case: Result<Rc<Case>, String>,
}

impl BoundCase {
    /// Binds a case.
    pub fn new(suite: &Suite, case: &Case, protocol: &Protocol) -> BoundCase {
        BoundCase {
            id: case_id(protocol, suite, case),
            case: bind(case, protocol).map(Rc::new),
        }
    }
}

/// Whether a case is meant to run on `protocol`.
///
/// A suite for all protocols means those that the battery offers, where they carry what the case demands; a dialect that
/// is there to be read is not among them.
pub fn is_meant_for(suite: &Suite, case: &Case, protocol: &Protocol) -> bool {
    match &suite.protocol {
        Some(name) => *name == protocol.name,
        None => !protocol.settings.is_empty() && bind(case, protocol).is_ok(),
    }
}

/// The step on `protocol`; `None` for a demand that falls away there.
fn bind_step(step: &Step, protocol: &Protocol) -> Result<Option<Step>, String> {
    let has_message = |reference: &str| {
        protocol
            .message_by_reference(reference)
            .map(drop)
            .ok_or_else(|| format!("{} has no message `{reference}`", protocol.name))
    };
    let action = match &step.action {
        Action::Expect(expect) => match &expect.message {
            Some(reference) => {
                has_message(reference)?;
                step.action.clone()
            }
            None => match by_fields(expect, step, protocol)? {
                Some(action) => action,
                None => return Ok(None),
            },
        },
        Action::Period(period) => {
            if protocol.asks() {
                return Err(format!("on {} the battery sends nothing by itself", protocol.name));
            }
            has_message(&period.message)?;
            step.action.clone()
        }
        Action::Rules(rules) => {
            for id in &rules.rules {
                if !protocol.rules.iter().any(|rule| rule.id == *id) {
                    return Err(format!("{} has no rule `{id}`", protocol.name));
                }
            }
            step.action.clone()
        }
        Action::Together(steps) => {
            let mut bound = Vec::with_capacity(steps.len());
            for step in steps {
                bound.extend(bind_step(step, protocol)?);
            }
            if bound.is_empty() {
                return Ok(None);
            }
            Action::Together(bound)
        }
        Action::Stimulate(_)
        | Action::Wait(_)
        | Action::Elapse(_)
        | Action::Shows(_)
        | Action::Keepalive(_)
        | Action::Send(_)
        | Action::Never(_)
        | Action::AllMessages(_)
        | Action::Exchange(_) => step.action.clone(),
    };
    Ok(Some(Step {
        action,
        origin: step.origin.clone(),
    }))
}

/// Sorts the demanded fields by the messages that carry them; `None` where the demand falls away.
fn by_fields(expect: &Expect, step: &Step, protocol: &Protocol) -> Result<Option<Action>, String> {
    let mut parts: Vec<(&Message, Vec<(String, Demand)>)> = Vec::new();
    for (name, demanded) in &expect.content.fields {
        let Some((message, field)) = protocol.carrier(name, super::is_askable) else {
            if expect.if_carried {
                continue;
            }
            return Err(format!("{} has no field `{name}`", protocol.name));
        };
        let demanded = fitted(field, demanded);
        match parts.iter_mut().find(|(known, _)| known.key == message.key) {
            Some((_, fields)) => fields.push((name.clone(), demanded)),
            None => parts.push((message, vec![(name.clone(), demanded)])),
        }
    }
    let mut expects = parts.into_iter().map(|(message, fields)| Expect {
        message: Some(message.key.to_string()),
        content: Content {
            fields,
            ..expect.content.clone()
        },
        ..expect.clone()
    });
    match (expects.next(), expects.len()) {
        (Some(only), 0) => Ok(Some(Action::Expect(only))),
        (Some(first), _) => Ok(Some(Action::Together(
            std::iter::once(first)
                .chain(expects)
                .map(|expect| Step {
                    action: Action::Expect(expect),
                    origin: step.origin.clone(),
                })
                .collect(),
        ))),
        (None, _) if expect.if_carried => Ok(None),
        (None, _) => Err("nothing says which message is meant".into()),
    }
}

/// The demand as this wire can carry it.
fn fitted(field: &Field, demanded: &Demand) -> Demand {
    let Kind::Number(kind) = &field.kind else {
        return demanded.clone();
    };
    let end = |value| {
        if field.saturates {
            demand::saturated(field, kind, value)
        } else {
            value
        }
    };
    match demanded {
        Demand::Is { value, tolerance } => {
            let value = end(*value);
            let step = || Quantity::new(kind.scale.abs(), kind.unit);
            let tolerance = tolerance.or_else(|| (!demand::is_exact(kind, value)).then(step));
            Demand::Is { value, tolerance }
        }
        Demand::Range(low, high) => Demand::Range(low.map(end), high.map(end)),
        _ => demanded.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Source;
    use crate::suite::{library, load};

    fn bound(steps: &str, protocol: &str) -> Result<Case, String> {
        let library = library();
        let protocols: Vec<&Protocol> = library.protocols().collect();
        let text = format!(
            "suite: behaviour/t\ntitle: T\nprotocols: all\ncases:\n  - {{ id: a, title: A, covers: [R-003], steps: [{steps}] }}\n"
        );
        let (suite, mistakes) = load(&Source::new("t.yaml", text), &protocols);
        let suite = suite.unwrap_or_else(|| panic!("{}", mistakes.render_plain()));
        let protocol = library.protocol(protocol).unwrap();
        assert_eq!(
            case_id(protocol, &suite, &suite.cases[0]),
            format!("{}/behaviour/t/a", protocol.name)
        );
        bind(&suite.cases[0], protocol)
    }

    fn messages(case: &Case) -> Vec<(String, Vec<String>)> {
        fn of(steps: &[Step], into: &mut Vec<(String, Vec<String>)>) {
            for step in steps {
                match &step.action {
                    Action::Expect(expect) => {
                        let fields = expect.content.fields.iter().map(|(name, _)| name.clone()).collect();
                        into.push((expect.message.clone().unwrap(), fields));
                    }
                    Action::Together(steps) => of(steps, into),
                    _ => {}
                }
            }
        }
        let mut found = Vec::new();
        of(&case.steps, &mut found);
        found
    }

    #[test]
    fn fields_find_their_messages_on_each_protocol() {
        let step =
            "{ expect: { within: 3 s, fields: { charge_enable: false, charge_current_limit: 0 A, soc: 50 % } } }";
        let on = |protocol| messages(&bound(step, protocol).unwrap());
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_string()).collect::<Vec<_>>();
        assert_eq!(
            on("pylon-can"),
            [
                ("0x35C".to_string(), names(&["charge_enable"])),
                ("0x351".to_string(), names(&["charge_current_limit"])),
                ("0x355".to_string(), names(&["soc"])),
            ]
        );
        assert_eq!(
            on("pylon-rs485"),
            [
                ("0x63".to_string(), names(&["charge_enable", "charge_current_limit"])),
                ("0x61".to_string(), names(&["soc"])),
            ]
        );
    }

    #[test]
    fn a_field_that_a_protocol_lacks_keeps_the_case_from_running_there() {
        let step = "{ expect: { within: 3 s, fields: { minimum_soh: 100 % } } }";
        assert!(bound(step, "pylon-rs485").is_ok());
        assert_eq!(
            bound(step, "pylon-can").unwrap_err(),
            "pylon-can has no field `minimum_soh`"
        );
    }

    #[test]
    fn a_demand_may_fall_away_where_its_fields_are_not_carried() {
        let soh = "{ expect: { within: 3 s, if_carried: true, fields: { minimum_soh: 100 % } } }";
        let step = format!("{soh}, {{ expect: {{ within: 3 s, fields: {{ soc: 50 % }} }} }}");
        assert_eq!(messages(&bound(&step, "pylon-can").unwrap()).len(), 1);
        assert_eq!(messages(&bound(&step, "pylon-rs485").unwrap()).len(), 1 + 1);
        // Of two fields the one that is carried is demanded.
        let both = "{ expect: { within: 3 s, if_carried: true, fields: { minimum_soh: 100 %, soc: 50 % } } }";
        let carried = messages(&bound(both, "pylon-can").unwrap());
        assert_eq!(carried, [("0x355".to_string(), vec!["soc".to_string()])]);
        // A case without a demand left proves nothing.
        assert_eq!(
            bound(soh, "pylon-can").unwrap_err(),
            "pylon-can carries none of the fields"
        );
        let together = format!("{{ together: [{soh}] }}");
        assert!(bound(&together, "pylon-can").is_err());
    }

    #[test]
    fn a_value_between_the_steps_of_a_wire_may_differ_by_one() {
        let step = "{ expect: { within: 3 s, fields: { pack_voltage: 52.805 V } } }";
        let tolerance = |protocol| {
            let case = bound(step, protocol).unwrap();
            let Action::Expect(expect) = &case.steps[0].action else {
                panic!("{case:#?}")
            };
            match &expect.content.fields[0].1 {
                Demand::Is { tolerance, .. } => tolerance.map(|tolerance| tolerance.to_string()),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(tolerance("pylon-rs485"), None, "the wire carries millivolts");
        assert_eq!(tolerance("pylon-can").as_deref(), Some("0.01 V"));
    }

    #[test]
    fn a_value_beyond_the_end_of_a_wire_is_that_end() {
        let demanded = |text: &str| {
            let step = format!("{{ expect: {{ within: 3 s, fields: {{ discharge_current_limit: {text} }} }} }}");
            let case = bound(&step, "growatt-rs485").unwrap();
            let Action::Expect(expect) = &case.steps[0].action else {
                panic!("{case:#?}")
            };
            match &expect.content.fields[0].1 {
                Demand::Is { value, tolerance: None } => value.to_string(),
                Demand::Range(Some(low), Some(high)) => format!("{low} to {high}"),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(demanded("600.0 A"), "600.0 A");
        assert_eq!(demanded("800.0 A"), "655.35 A", "16 bits of 0.01 A");
        assert_eq!(demanded("380.1..800.0 A"), "380.1 A to 655.35 A");
        assert_eq!(demanded("700.0..800.0 A"), "655.35 A to 655.35 A");
    }

    #[test]
    fn a_cadence_means_nothing_where_the_battery_only_answers() {
        let step = "{ period: { message: limits, is: 1 s, tolerance: 50 % } }";
        assert!(bound(step, "pylon-can").is_ok());
        assert!(bound(step, "pylon-rs485").is_err());
    }
}
