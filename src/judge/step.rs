//! One machine per kind of demand: fed with what is observed, it knows when it is over, and then says how it came out.
//!
//! The engine runs these machines to know when to go on, the judge to decide: they are the same, so a stored trace gives
//! the verdicts of the live run.
//!
//! | file | demand |
//! |---|---|
//! | `expect` | a message with some content |
//! | `never` | that something does not come |
//! | `period` | a cadence |
//! | `all_messages` | every core message |
//! | `hold_rules` | rules that are exercised and hold |
//! | `exchange` | what follows a question |
//! | `shows` | what display and LEDs show |

mod all_messages;
mod exchange;
mod expect;
mod hold_rules;
mod never;
mod period;
mod shows;

pub(crate) use exchange::reply_time;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::definition::{Message, MessageKey, Protocol, Sender};
use crate::suite::{Action, Step};
use crate::time::Instant;

use super::observe::{Disturbance, Heard, Observation, Seen};
use super::ruling::{Context, Ruling};

/// The longest time in which a message without a stated period is awaited, in a case that says no time.
const UNKNOWN_PERIOD: Duration = Duration::from_secs(10);
/// How long an answer is awaited where the definition says nothing (sheets: 200 ms to 2 s are in use, B).
const WAIT: Duration = Duration::from_millis(500);
/// The longest time in which the harness asks for a message once, a battery that answers nothing else included: 30 other
/// questions of 1 s each.
const ASKING: Duration = Duration::from_secs(30);

/// The machine of a step.
#[derive(Debug)]
pub(crate) struct Machine<'p> {
    kind: Kind<'p>,
}

#[derive(Debug)]
enum Kind<'p> {
    Expect(expect::ExpectMachine<'p>),
    Never(never::NeverMachine<'p>),
    Period(period::PeriodMachine<'p>),
    AllMessages(all_messages::AllMessagesMachine<'p>),
    Rules(hold_rules::HoldRulesMachine<'p>),
    Exchange(Box<exchange::ExchangeMachine<'p>>),
    Shows(shows::ShowsMachine<'p>),
    Together(Vec<Machine<'p>>),
}

impl<'p> Machine<'p> {
    /// The machine of `step`, which begins at `start`; `None` for a step that demands nothing.
    pub(crate) fn new(step: &Step, context: Context<'p>, start: Instant) -> Option<Machine<'p>> {
        let kind = match &step.action {
            Action::Expect(demand) => Kind::Expect(expect::ExpectMachine::new(demand.clone(), context, start)),
            Action::Never(demand) => Kind::Never(never::NeverMachine::new(demand.clone(), context, start)),
            Action::Period(demand) => Kind::Period(period::PeriodMachine::new(demand, context, start)),
            Action::AllMessages(within) => {
                Kind::AllMessages(all_messages::AllMessagesMachine::new(*within, context, start))
            }
            Action::Rules(demand) => Kind::Rules(hold_rules::HoldRulesMachine::new(demand, context, start)),
            Action::Exchange(demand) => {
                Kind::Exchange(Box::new(exchange::ExchangeMachine::new(demand.clone(), context, start)))
            }
            Action::Together(steps) => {
                let place = |step: &Step| step.origin.file_line();
                Kind::Together(
                    steps
                        .iter()
                        .filter_map(|inner| {
                            let mut context = context.clone();
                            context.demanded_at = Some(place(inner));
                            Machine::new(inner, context, start)
                        })
                        .collect(),
                )
            }
            Action::Shows(things) => Kind::Shows(shows::ShowsMachine::new(things.clone(), context, start)),
            Action::Stimulate(_) | Action::Wait(_) | Action::Elapse(_) | Action::Keepalive(_) | Action::Send(_) => {
                return None;
            }
        };
        Some(Machine { kind })
    }

    /// Takes the next observation. After the machine is done it changes nothing.
    pub(crate) fn observe(&mut self, observation: &Observation<'p>) {
        match &mut self.kind {
            Kind::Expect(machine) => machine.observe(observation),
            Kind::Never(machine) => machine.observe(observation),
            Kind::Period(machine) => machine.observe(observation),
            Kind::AllMessages(machine) => machine.observe(observation),
            Kind::Rules(machine) => machine.observe(observation),
            Kind::Exchange(machine) => machine.observe(observation),
            Kind::Shows(machine) => machine.observe(observation),
            Kind::Together(machines) => machines.iter_mut().for_each(|machine| machine.observe(observation)),
        }
    }

    /// When the demand is decided at the latest; `None` while that depends on something still to be observed.
    ///
    /// May change with each [`observe`](Machine::observe).
    #[must_use]
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match &self.kind {
            Kind::Expect(machine) => Some(machine.deadline()),
            Kind::Never(machine) => Some(machine.deadline()),
            Kind::Period(machine) => Some(machine.deadline()),
            Kind::AllMessages(machine) => Some(machine.deadline()),
            Kind::Rules(machine) => Some(machine.deadline()),
            Kind::Exchange(machine) => machine.deadline(),
            Kind::Shows(machine) => Some(machine.deadline()),
            Kind::Together(machines) => machines
                .iter()
                .filter(|machine| !machine.is_done())
                .filter_map(Machine::deadline)
                .max(),
        }
    }

    /// True when nothing that could still be observed would change the outcome.
    #[must_use]
    pub(crate) fn is_done(&self) -> bool {
        match &self.kind {
            Kind::Expect(machine) => machine.is_done(),
            Kind::Never(machine) => machine.is_done(),
            Kind::Period(machine) => machine.is_done(),
            Kind::AllMessages(machine) => machine.is_done(),
            Kind::Rules(machine) => machine.is_done(),
            Kind::Exchange(machine) => machine.is_done(),
            Kind::Shows(machine) => machine.is_done(),
            Kind::Together(machines) => machines.iter().all(Machine::is_done),
        }
    }

    /// What came out, as of `now`. A demand whose time is not over and that is not decided cannot be judged.
    pub(crate) fn finish(self, now: Instant) -> Vec<Ruling> {
        match self.kind {
            Kind::Expect(machine) => machine.finish(now),
            Kind::Never(machine) => machine.finish(now),
            Kind::Period(machine) => machine.finish(now),
            Kind::AllMessages(machine) => machine.finish(now),
            Kind::Rules(machine) => machine.finish(now),
            Kind::Exchange(machine) => machine.finish(now),
            Kind::Shows(machine) => machine.finish(),
            Kind::Together(machines) => machines.into_iter().flat_map(|machine| machine.finish(now)).collect(),
        }
    }

    /// True for a machine that judges what follows its own question.
    pub(crate) fn is_exchange(&self) -> bool {
        matches!(self.kind, Kind::Exchange(_))
    }

    /// The commands that must be asked for while the demand is open, on a bus where the battery only answers.
    pub(crate) fn wanted(&self) -> Vec<&'p Message> {
        match &self.kind {
            _ if self.is_done() => Vec::new(),
            Kind::Expect(machine) => machine.wanted(),
            Kind::AllMessages(machine) => machine.wanted(),
            Kind::Rules(machine) => machine.wanted(),
            Kind::Together(machines) => {
                let mut wanted: Vec<&'p Message> = Vec::new();
                for message in machines.iter().flat_map(Machine::wanted) {
                    if !wanted.iter().any(|known| known.key == message.key) {
                        wanted.push(message);
                    }
                }
                wanted
            }
            Kind::Never(machine) => machine.wanted(),
            Kind::Period(_) | Kind::Exchange(_) | Kind::Shows(_) => Vec::new(),
        }
    }
}

/// What a machine saw beside what it waits for, and whether the link can vouch for it.
#[derive(Debug, Default)]
pub(crate) struct Around {
    counts: BTreeMap<String, u32>,
    /// What disturbed the observation, each kind once.
    pub(crate) disturbances: Vec<Disturbance>,
}

impl Around {
    /// Notes an observation within the window.
    pub(crate) fn note(&mut self, observation: &Observation<'_>) {
        match &observation.seen {
            Seen::Heard(heard) => *self.counts.entry(heard.label()).or_default() += 1,
            Seen::Noise(_) => *self.counts.entry("bytes of no frame".into()).or_default() += 1,
            Seen::Disturbed(disturbance) if !self.disturbances.contains(disturbance) => {
                self.disturbances.push(*disturbance);
            }
            _ => {}
        }
    }

    /// What was seen, for a demand that saw nothing of its own: `0x355 (3), 0x356 (3)`.
    pub(crate) fn seen_instead(&self) -> String {
        if self.counts.is_empty() {
            return "nothing at all came".to_string();
        }
        let most = 8;
        let mut parts: Vec<String> = self
            .counts
            .iter()
            .take(most)
            .map(|(label, count)| format!("{label} ({count})"))
            .collect();
        if self.counts.len() > most {
            parts.push(format!("and {} more", self.counts.len() - most));
        }
        format!("none; seen instead: {}", parts.join(", "))
    }

    /// Why something that was not seen may have been there all the same.
    pub(crate) fn excuse(&self) -> Option<&'static str> {
        self.disturbances.first().map(|disturbance| disturbance.in_words())
    }

    /// Why times cannot be trusted.
    pub(crate) fn clock_excuse(&self) -> Option<&'static str> {
        let jumped = self.disturbances.contains(&Disturbance::Clock);
        jumped.then(|| Disturbance::Clock.in_words())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }
}

/// Within what time the next message of a kind must come.
pub(crate) fn longest_wait(protocol: &Protocol, message: &Message) -> Duration {
    if protocol.asks() {
        return ASKING;
    }
    message.period.as_ref().map_or(UNKNOWN_PERIOD, |period| period.warn)
}

/// The questions for one message, on a bus where the battery only answers.
///
/// How soon the harness asks depends on what else it asks for: what was not asked cannot be missed.
#[derive(Debug, Default)]
pub(crate) struct Questions {
    /// How many have left.
    pub(crate) asked: u32,
    last: Option<Instant>,
}

impl Questions {
    /// Notes a question, if it is one for `message`.
    pub(crate) fn note(&mut self, observation: &Observation<'_>, message: &Message) {
        if let Seen::Sent {
            until,
            command: Some(command),
        } = &observation.seen
            && message.key == MessageKey::Command(*command)
        {
            self.asked += 1;
            self.last = Some(*until);
        }
    }

    /// When the answer to the last question is overdue.
    pub(crate) fn overdue(&self, protocol: &Protocol) -> Option<Instant> {
        let patience = protocol.timing.as_ref().map_or(WAIT, |timing| timing.fail);
        self.last.map(|last| last.after(patience).after(patience))
    }
}

/// The message of the definition that a demand names.
pub(crate) fn message_of<'p>(context: &Context<'p>, reference: Option<&str>) -> Option<&'p Message> {
    context.protocol.message_by_reference(reference?)
}

/// Whether a message was sent by the battery and is the wanted one.
pub(crate) fn is_message(heard: &Heard<'_>, message: &Message) -> bool {
    message.from == Sender::Bms && heard.key() == Some(message.key)
}

/// Why a demand cannot be judged whose observation was cut short.
pub(crate) fn cut_short(start: Instant, now: Instant, end: Instant) -> String {
    use super::timing::words;
    format!(
        "the observation ended after {}, {} were wanted",
        words(now.since(start)),
        words(end.since(start))
    )
}
