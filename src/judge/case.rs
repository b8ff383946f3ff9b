//! One case: its machines, what holds always, and the verdict.

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use crate::definition::{Field, Grade, Kind, MessageKey, Protocol};
use crate::engine::TraceHeader;
use crate::suite::coverage::{CoverageItem, Covered, looked_at};
use crate::suite::{Action, Case, Stimulus};
use crate::time::Instant;

use super::always::Always;
use super::diagnosis::{KEPT, diagnose};
use super::observe::{Announced, Heard, Observation, Seen};
use super::rules::{CompiledRules, RuleMonitor};
use super::ruling::{Context, Ruling, Stimulated};
use super::step::Machine;
use super::{CaseResult, Check, CheckResult, JudgeOptions, Verdict};

/// So many messages are kept for reaction times; later ones do without.
const HISTORY: usize = 4096;

/// Judges one case while its events come.
#[derive(Debug)]
pub(crate) struct CaseJudge<'p> {
    pub(crate) id: String,
    pub(crate) case: Rc<Case>,
    protocol: &'p Protocol,
    context: Context<'p>,
    started: Instant,
    /// The machines of the steps that are open: one, or all of a case that only watches.
    open: Vec<Machine<'p>>,
    rulings: Vec<Ruling>,
    always: Always<'p>,
    /// The target has said something since the case began.
    alive: bool,
    failed_stimulus: Option<String>,
    /// The flags that the case claims to cover, and in which states they were seen.
    flags: Vec<CoveredFlag>,
    /// The messages that the case looks at.
    pub(crate) looks_at: Vec<MessageKey>,
    history_is_full: bool,
    /// What came since the case began, for its diagnosis.
    heard: VecDeque<Rc<Heard<'p>>>,
}

#[derive(Debug)]
struct CoveredFlag {
    message: MessageKey,
    name: String,
    seen: [bool; 2],
}

impl<'p> CaseJudge<'p> {
    pub(crate) fn new(
        id: String,
        case: Rc<Case>,
        protocol: &'p Protocol,
        header: &TraceHeader,
        rules: &Rc<CompiledRules<'p>>,
        started: Instant,
    ) -> CaseJudge<'p> {
        let context = Context::new(protocol, header, Rc::clone(rules), case.grade);
        let monitor = RuleMonitor::new(rules, |_| true);
        CaseJudge {
            always: Always::new(protocol, monitor, &case.allow),
            flags: covered_flags(&case, protocol),
            looks_at: looked_at(&case, protocol),
            id,
            case,
            protocol,
            context,
            started,
            open: Vec::new(),
            rulings: Vec::new(),
            alive: false,
            failed_stimulus: None,
            history_is_full: false,
            heard: VecDeque::new(),
        }
    }

    /// A step begins: the one before it is over, unless all watch together.
    pub(crate) fn start_step(&mut self, step: usize, at: Instant) {
        self.always.activate(at);
        if !self.case.only_watches() {
            self.close_steps(at);
        }
        let Some(found) = self.case.steps.get(step) else {
            return;
        };
        let mut context = self.context.clone();
        self.context.acting_since = matches!(found.action, Action::Stimulate(_)).then_some(at);
        context.step = Some(step);
        context.demanded_at = Some(found.origin.file_line());
        if self.history_is_full {
            context.stimulus = context.stimulus.filter(|stimulus| stimulus.restart);
            context.history.clear();
        }
        if let Some(machine) = Machine::new(found, context, at) {
            self.open.push(machine);
        }
    }

    /// What a step asks: how answers are to be read.
    pub(crate) fn question(&self, step: usize) -> Announced {
        match self.case.steps.get(step).map(|step| &step.action) {
            Some(Action::Exchange(exchange)) => Announced::One {
                command: exchange.request.command,
                registers: exchange.request.registers,
                address: exchange.request.address,
            },
            Some(Action::Send(_)) => Announced::Any,
            _ => Announced::Nothing,
        }
    }

    fn close_steps(&mut self, at: Instant) {
        for machine in std::mem::take(&mut self.open) {
            self.rulings.extend(machine.finish(at));
        }
    }

    pub(crate) fn observe(&mut self, observation: &Observation<'p>) {
        match &observation.seen {
            Seen::Heard(heard) => {
                self.alive = true;
                self.note_flags(heard);
                if self.heard.len() >= KEPT {
                    self.heard.pop_front();
                }
                self.heard.push_back(Rc::clone(heard));
                if self.context.history.len() < HISTORY {
                    self.context.history.push(Rc::clone(heard));
                } else {
                    self.history_is_full = true;
                }
            }
            Seen::Stimulated(stimulus) => {
                self.context.stimulus = Some(Stimulated {
                    at: observation.at,
                    restart: matches!(stimulus, Stimulus::PowerCycle | Stimulus::Sleep(false)),
                });
                self.context.history.clear();
                self.history_is_full = false;
            }
            Seen::StimulusFailed(stimulus, why) if self.failed_stimulus.is_none() => {
                let what = crate::link::stimulus::in_words(stimulus);
                self.failed_stimulus = Some(format!("{what}: {why}"));
            }
            Seen::LookFailed(why) if self.failed_stimulus.is_none() => {
                self.failed_stimulus = Some(format!("looking at the battery: {why}"));
            }
            // What came before is no reaction to anything any more.
            Seen::Elapsed => {
                self.context.history.clear();
                self.history_is_full = true;
            }
            _ => {}
        }
        for machine in self.open.iter_mut().filter(|machine| !machine.is_done()) {
            machine.observe(observation);
        }
        let exchange = self.open.iter().any(Machine::is_exchange);
        self.always.observe(observation, &self.context, exchange);
    }

    fn note_flags(&mut self, heard: &super::observe::Heard<'p>) {
        for flag in self.flags.iter_mut().filter(|flag| heard.key() == Some(flag.message)) {
            let everywhere = heard.decoded.fields.iter().chain(heard.decoded.packs.iter().flatten());
            for field in everywhere.filter(|field| field.name == flag.name) {
                if let Some(truth) = field.value.as_truth() {
                    flag.seen[usize::from(truth)] = true;
                }
            }
        }
    }

    /// When the open steps are decided at the latest; `None` while that depends on what is still to come.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let open = self.open.iter().filter(|machine| !machine.is_done());
        open.filter_map(Machine::deadline).max()
    }

    /// True when every open step is decided as of `now`.
    pub(crate) fn is_decided(&self, now: Instant) -> bool {
        self.open
            .iter()
            .all(|machine| machine.is_done() || machine.deadline().is_some_and(|deadline| now >= deadline))
    }

    /// The messages that must be asked for.
    pub(crate) fn wanted(&self) -> Vec<&'p crate::definition::Message> {
        self.open.iter().flat_map(Machine::wanted).collect()
    }

    /// The case is over. `answers_for` tells for which messages it answers in a shared observation.
    pub(crate) fn finish(
        mut self,
        at: Instant,
        options: &JudgeOptions,
        answers_for: impl Fn(&[MessageKey]) -> bool,
    ) -> CaseResult {
        self.close_steps(at);
        let mut context = self.context.clone();
        context.grade = None;
        diagnose(&mut self.rulings, &self.heard);
        let mut rulings = merged(std::mem::take(&mut self.rulings));
        rulings.extend(self.always.finish(&context, answers_for));
        rulings.extend(self.uncovered());
        let alive = self.alive;
        let checks: Vec<Check> = rulings
            .into_iter()
            .map(|ruling| {
                let mut check = ruling.check;
                // A target that is dead is silent too.
                check.vacuous |= ruling.by_silence && check.result == CheckResult::Pass && !alive;
                check
            })
            .collect();
        let (verdict, reason) = match self.failed_stimulus {
            Some(why) => (
                Verdict::Inconclusive,
                Some(format!("the state could not be given: {why}")),
            ),
            None => verdict(&checks, options),
        };
        CaseResult {
            id: self.id,
            title: self.case.title.clone(),
            protocol: self.protocol.name.clone(),
            covers: self.case.covers.clone(),
            verdict,
            reason,
            checks,
            time: at.since(self.started),
            waiver: None,
            origin: self.case.origin.file_line(),
        }
    }

    /// What the case claims to cover and what the wire never showed: flags in one state only, rules whose condition
    /// never held.
    fn uncovered(&self) -> Vec<Ruling> {
        let mut rulings = Vec::new();
        let mut vacuous = |what: String, grade: Grade, expected: &str, actual: String| {
            let mut ruling = self.context.ruling(what, grade, expected.to_string(), actual, true);
            ruling.check.vacuous = true;
            rulings.push(ruling);
        };
        for flag in &self.flags {
            let actual = match flag.seen {
                [true, true] => continue,
                [true, false] => "false only",
                [false, true] => "true only",
                [false, false] => "never seen",
            };
            let field = self
                .protocol
                .messages
                .iter()
                .find(|message| message.key == flag.message)
                .and_then(|message| message.field(&flag.name));
            let grade = field.map_or(self.protocol.grade, |field| field.grade);
            vacuous(
                format!("{}.{} in both states", flag.message, flag.name),
                grade,
                "seen true and seen false",
                actual.to_string(),
            );
        }
        for (rule, watch) in self.always.rules.results() {
            let item = CoverageItem {
                protocol: self.protocol.name.clone(),
                what: Covered::Rule(rule.id.clone()),
            };
            if !watch.exercised && self.case.covers.contains(&item.to_string()) {
                vacuous(
                    format!("rule {} exercised", rule.id),
                    rule.grade,
                    "its condition holds at some time",
                    "it never did".to_string(),
                );
            }
        }
        rulings
    }
}

/// The verdict of a case from its checks, and why where that is no pass or fail.
pub(crate) fn verdict(checks: &[Check], options: &JudgeOptions) -> (Verdict, Option<String>) {
    let fails =
        |check: &&Check| check.result == CheckResult::Fail || (options.strict && check.result == CheckResult::Warning);
    if checks.iter().any(|check| fails(&check)) {
        return (Verdict::Fail, None);
    }
    if let Some(open) = checks.iter().find(|check| check.result == CheckResult::Inconclusive) {
        return (Verdict::Inconclusive, Some(format!("{}: {}", open.what, open.actual)));
    }
    if let Some(vacuous) = checks.iter().find(|check| check.vacuous)
        && options.certification
    {
        let reason = format!("{}: {}; nothing could have broken it", vacuous.what, vacuous.actual);
        return (Verdict::Inconclusive, Some(reason));
    }
    if checks.is_empty() {
        return (Verdict::Inconclusive, Some("nothing was checked".to_string()));
    }
    (Verdict::Pass, None)
}

/// The rulings of all rounds of a step, each demand once: the worst of them, with how often it came out so.
fn merged(rulings: Vec<Ruling>) -> Vec<Ruling> {
    let mut merged: Vec<(Ruling, u32, u32)> = Vec::new();
    for ruling in rulings {
        let same = |known: &Ruling| {
            known.check.step == ruling.check.step
                && known.check.what == ruling.check.what
                && known.check.demanded_at == ruling.check.demanded_at
        };
        let Some((worst, bad, rounds)) = merged.iter_mut().find(|(known, _, _)| same(known)) else {
            let bad = u32::from(ruling.check.result != CheckResult::Pass);
            merged.push((ruling, bad, 1));
            continue;
        };
        *rounds += 1;
        *bad += u32::from(ruling.check.result != CheckResult::Pass);
        let measured = worst.check.measured.max(ruling.check.measured);
        // A pass that means something in one round means something.
        let vacuous = worst.check.vacuous && ruling.check.vacuous;
        if ruling.check.result > worst.check.result {
            *worst = ruling;
        } else if ruling.check.result == CheckResult::Pass && worst.check.result == CheckResult::Pass {
            if ruling.check.measured > worst.check.measured {
                *worst = ruling.clone();
            }
            worst.by_silence &= ruling.by_silence;
        }
        worst.check.measured = measured;
        worst.check.vacuous = vacuous;
    }
    merged
        .into_iter()
        .map(|(mut ruling, bad, rounds)| {
            if rounds > 1 {
                let count = if bad > 0 { bad } else { rounds };
                ruling.check.actual.push_str(&format!(" ({count} of {rounds} rounds)"));
            }
            ruling
        })
        .collect()
}

/// The flags among what a case covers.
fn covered_flags(case: &Case, protocol: &Protocol) -> Vec<CoveredFlag> {
    let is_flag = |field: &Field| match &field.kind {
        Kind::Flag { .. } | Kind::Truth { .. } => true,
        Kind::Pair { states, .. } => states.is_empty(),
        _ => false,
    };
    case.covers
        .iter()
        .filter_map(|text| CoverageItem::resolve(text, &[protocol]).ok())
        .filter_map(|(_, item)| match item.what {
            Covered::Field(message, name) => {
                let message = protocol.message_by_reference(&message)?;
                let field = message.field(&name)?;
                is_flag(field).then_some(CoveredFlag {
                    message: message.key,
                    name,
                    seen: [false; 2],
                })
            }
            _ => None,
        })
        .collect()
}

/// The result of a case that was not run, or not to its end.
pub(crate) fn unjudged(
    id: &str,
    case: Option<&Case>,
    protocol: &Protocol,
    verdict: Verdict,
    reason: String,
) -> CaseResult {
    CaseResult {
        id: id.to_string(),
        title: case.map(|case| case.title.clone()).unwrap_or_default(),
        protocol: protocol.name.clone(),
        covers: case.map(|case| case.covers.clone()).unwrap_or_default(),
        verdict,
        reason: Some(reason),
        checks: Vec::new(),
        time: Duration::ZERO,
        waiver: None,
        origin: case.map(|case| case.origin.file_line()).unwrap_or_default(),
    }
}
