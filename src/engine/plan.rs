//! Which cases run, in which order, and which are skipped and why.
//!
//! Cases that only watch and start in the same state share one observation; the others follow one by one, those with the
//! same state next to each other, so that the target changes state as seldom as possible.

use std::rc::Rc;

use crate::decode::registers;
use crate::definition::Protocol;
use crate::link::stimulus::{LOOK, capability};
use crate::suite::{Action, BoundCase, Case, Reply, Step, Stimulus, Suite};

/// What a target and its bench can do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// What can be done: those of the fixture ([`Fixture::capabilities`](crate::link::Fixture::capabilities)), and
    /// [`SEND`] where the link can send.
    pub capabilities: Vec<String>,
    /// The capabilities that the target claims (PICS).
    pub claims: Vec<String>,
    /// The variant of the protocol that it claims.
    pub variant: Option<String>,
    /// How many packs it can have; `None`: any number.
    pub packs: Option<u8>,
    /// Requests that change or stop a battery may be sent: to the reference BMS, or with permission.
    pub dangerous: bool,
}

/// The link can send.
pub const SEND: &str = "send";
/// The harness alone decides whether the inverter's frames are on the bus; it can where it can send.
pub const KEEPALIVE_CONTROL: &str = "keepalive-control";
/// Time can be made to pass: it is simulated.
pub const ELAPSE: &str = "elapse";

/// What runs.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// What runs, in order.
    pub groups: Vec<Group>,
    /// What does not, by full name, with the reason.
    pub skipped: Vec<(String, String)>,
    /// All cases, in the order in which they were chosen.
    pub chosen: Vec<BoundCase>,
}

/// Cases that share a state, and one observation if there are several.
#[derive(Clone, Debug)]
pub struct Group {
    /// The state in which they begin.
    pub given: Vec<Stimulus>,
    /// Whether the inverter's frames are sent from the start.
    pub keepalive: bool,
    /// The cases; several only if all of them only watch.
    pub cases: Vec<PlannedCase>,
}

/// A case of a plan.
#[derive(Clone, Debug)]
pub struct PlannedCase {
    /// Its full name.
    pub id: String,
    /// The case, bound to the protocol.
    pub case: Rc<Case>,
}

impl Plan {
    /// How many cases run.
    pub fn len(&self) -> usize {
        self.groups.iter().map(|group| group.cases.len()).sum()
    }

    /// True when nothing runs.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }
}

/// Plans a run of `cases` on one protocol.
pub fn plan(cases: &[(&Suite, &Case)], protocol: &Protocol, target: &Target) -> Plan {
    let mut plan = Plan::default();
    let mut alone: Vec<Group> = Vec::new();
    let mut shared: Vec<Group> = Vec::new();
    for (suite, case) in cases {
        let chosen = BoundCase::new(suite, case, protocol);
        plan.chosen.push(chosen.clone());
        let id = chosen.id;
        let bound = match chosen.case {
            Ok(bound) => bound,
            Err(why) => {
                plan.skipped.push((id, why));
                continue;
            }
        };
        if let Some(why) = obstacle(&bound, protocol, target) {
            plan.skipped.push((id, why));
            continue;
        }
        let group = Group {
            given: bound.given.clone(),
            keepalive: bound.keepalive,
            cases: Vec::new(),
        };
        let watches = bound.only_watches();
        let planned = PlannedCase { id, case: bound };
        let same = |known: &&mut Group| known.given == group.given && known.keepalive == group.keepalive;
        match shared.iter_mut().find(same) {
            Some(known) if watches => known.cases.push(planned),
            _ => {
                let into = if watches { &mut shared } else { &mut alone };
                into.push(Group {
                    cases: vec![planned],
                    ..group
                });
            }
        }
    }
    plan.groups = in_order(shared, alone);
    plan
}

/// First what watches the target as it is found, then what leaves its state alone, then state by state.
fn in_order(shared: Vec<Group>, alone: Vec<Group>) -> Vec<Group> {
    let mut groups: Vec<Group> = shared.into_iter().chain(alone).collect();
    let mut states: Vec<Vec<Stimulus>> = vec![Vec::new()];
    for group in &groups {
        if !states.contains(&group.given) {
            states.push(group.given.clone());
        }
    }
    let rank = |group: &Group| {
        let state = states
            .iter()
            .position(|state| *state == group.given)
            .unwrap_or(states.len());
        let disturbs = group.cases.iter().any(|planned| !leaves_state_alone(&planned.case));
        // In one state, what leaves it alone comes first: the next case finds it.
        (state, disturbs, !group.keepalive)
    };
    groups.sort_by_key(rank);
    groups
}

/// Whether the target is, after the case, in the state in which it began.
pub(crate) fn leaves_state_alone(case: &Case) -> bool {
    case.keepalive
        && case.steps.iter().all(|step| {
            !matches!(
                step.action,
                Action::Stimulate(_) | Action::Elapse(_) | Action::Keepalive(_) | Action::Send(_)
            )
        })
}

/// Why a case cannot run on the target.
fn obstacle(case: &Case, protocol: &Protocol, target: &Target) -> Option<String> {
    if let Some(claim) = case.claim.as_ref().filter(|claim| !target.claims.contains(claim)) {
        return Some(format!("the target does not claim `{claim}`"));
    }
    for need in needs(case, protocol) {
        // Whoever can send can also leave it.
        let has = target.capabilities.contains(&need)
            || (need == KEEPALIVE_CONTROL && target.capabilities.iter().any(|can| can == SEND));
        if !has {
            return Some(format!("the bench cannot do `{need}`"));
        }
    }
    let packs = stimuli(case)
        .filter_map(|stimulus| match stimulus {
            Stimulus::Packs(packs) => Some(*packs),
            _ => None,
        })
        .max();
    if let (Some(wanted), Some(has)) = (packs, target.packs)
        && wanted > has
    {
        return Some(format!("the case needs {wanted} packs, the target has {has}"));
    }
    let dangerous = case.steps.iter().find_map(|step| dangerous_command(step, protocol));
    if let (Some(name), false) = (dangerous, target.dangerous) {
        return Some(format!(
            "`{name}` changes or stops a battery: it is sent only with permission"
        ));
    }
    let obeyed = case
        .steps
        .iter()
        .find_map(|step| obeyed_command(step, protocol, target));
    if let Some((name, claim)) = obeyed.filter(|(_, claim)| case.claim.as_deref() != Some(claim)) {
        return Some(format!(
            "the target claims `{claim}`: it carries `{name}` out instead of refusing it"
        ));
    }
    None
}

/// A command that a step wants to see refused, and the claim of the target to carry it out.
fn obeyed_command<'p>(step: &Step, protocol: &'p Protocol, target: &Target) -> Option<(&'p str, &'p str)> {
    let Action::Exchange(exchange) = &step.action else {
        return None;
    };
    let message = protocol.command(exchange.request.command?)?;
    let claim = message.claim.as_deref().filter(|_| message.danger.is_some())?;
    let refused = !matches!(exchange.reaction, Reply::Data { .. });
    (refused && target.claims.iter().any(|known| known == claim)).then_some((message.name.as_str(), claim))
}

/// The command of a request that changes or stops a battery. A frame that is broken on purpose counts too: a battery that
/// does not check it would obey.
fn dangerous_command(step: &Step, protocol: &Protocol) -> Option<String> {
    let Action::Exchange(exchange) = &step.action else {
        return None;
    };
    if protocol.is_modbus() {
        return registers::danger(protocol, &exchange.request.bytes).map(|(_, block)| block);
    }
    let message = protocol.command(exchange.request.command?)?;
    message.danger.map(|_| message.name.clone())
}

fn stimuli(case: &Case) -> impl Iterator<Item = &Stimulus> {
    let in_steps = case.steps.iter().flat_map(|step| match &step.action {
        Action::Stimulate(stimuli) => stimuli.as_slice(),
        _ => &[],
    });
    case.given.iter().chain(in_steps)
}

/// What the bench must be able to do for a case.
pub fn needs(case: &Case, protocol: &Protocol) -> Vec<String> {
    let mut needs: Vec<String> = case.needs.clone();
    let mut add = |need: &str| {
        if !needs.iter().any(|known| known == need) {
            needs.push(need.to_string());
        }
    };
    if stimuli(case).next().is_some() {
        // Every stateful case begins in the neutral state.
        add("reset");
    }
    for stimulus in stimuli(case) {
        add(capability(stimulus));
    }
    for step in &case.steps {
        match &step.action {
            Action::Keepalive(_) => add(KEEPALIVE_CONTROL),
            Action::Send(_) => add(SEND),
            Action::Exchange(_) => add(SEND),
            Action::Shows(_) => add(LOOK),
            Action::Elapse(_) => add(ELAPSE),
            action if action.is_watch() && protocol.asks() => add(SEND),
            _ => {}
        }
    }
    if !case.keepalive {
        add(KEEPALIVE_CONTROL);
    }
    needs
}
