//! The judge of a run: takes the events of a trace one after the other and gives a result for each case.
//!
//! The engine keeps one beside the trace that it writes, [`judge`] feeds one with a stored trace: there is no second road
//! to a verdict.

use std::collections::VecDeque;
use std::rc::Rc;

use crate::definition::{Message, MessageKey, Protocol};
use crate::engine::{Event, EventKind, Stop, Trace, TraceHeader};
use crate::suite::{BoundCase, Case, Suite};
use crate::time::Instant;

use super::case::{CaseJudge, unjudged};
use super::observe::{Observer, Seen};
use super::rules::CompiledRules;
use super::{CaseResult, Verdict};

/// What decides how strictly a run is judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JudgeOptions {
    /// What is known from one source only (grade C), and what is tolerated, fails too.
    pub strict: bool,
    /// A pass that nothing could have broken is inconclusive (profile `certification`).
    pub certification: bool,
}

/// Judges a recorded run: one result for each case that was planned, in the order of the plan.
///
/// The verdicts depend on the arguments only: they are those of the live run when the suites, the definition and the
/// options are the same.
pub fn judge(suites: &[Suite], protocol: &Protocol, trace: &Trace, options: JudgeOptions) -> Vec<CaseResult> {
    let of_protocol = |suite: &&Suite| suite.protocol.as_ref().is_none_or(|name| *name == protocol.name);
    let cases = suites.iter().filter(of_protocol).flat_map(|suite| {
        let bound = |case| BoundCase::new(suite, case, protocol);
        suite.cases.iter().map(bound)
    });
    let mut referee = Referee::new(cases.collect(), protocol, &trace.header, options);
    for event in &trace.events {
        referee.handle_event(event);
    }
    referee.finish()
}

/// Judges a run while its events come.
#[derive(Debug)]
pub struct Referee<'p> {
    protocol: &'p Protocol,
    header: TraceHeader,
    options: JudgeOptions,
    rules: Rc<CompiledRules<'p>>,
    /// Every case that may run.
    known: Vec<BoundCase>,
    observer: Observer<'p>,
    /// How many events there were.
    events: usize,
    now: Instant,
    answered: Option<Instant>,
    planned: Vec<String>,
    active: Vec<CaseJudge<'p>>,
    /// The messages looked at by the cases that share the present observation.
    group: Vec<MessageKey>,
    stopped: Option<Stop>,
    results: Vec<CaseResult>,
    fresh: VecDeque<CaseResult>,
}

impl<'p> Referee<'p> {
    /// A judge of a run of these cases on `protocol`.
    pub fn new(
        cases: Vec<BoundCase>,
        protocol: &'p Protocol,
        header: &TraceHeader,
        options: JudgeOptions,
    ) -> Referee<'p> {
        Referee {
            protocol,
            header: header.clone(),
            options,
            rules: Rc::new(CompiledRules::new(protocol)),
            known: cases,
            observer: Observer::new(protocol, header),
            events: 0,
            now: Instant::ZERO,
            answered: None,
            planned: Vec::new(),
            active: Vec::new(),
            group: Vec::new(),
            stopped: None,
            results: Vec::new(),
            fresh: VecDeque::new(),
        }
    }

    /// Takes the next event of the trace.
    pub fn handle_event(&mut self, event: &Event) {
        self.now = self.now.max(event.at);
        self.observer.handle_event(self.events, event);
        self.events += 1;
        self.observe();
        match &event.kind {
            EventKind::CasePlanned(id) => self.planned.push(id.clone()),
            EventKind::CaseStarted(id) => self.start_case(id, event.at),
            EventKind::StepStarted { case, step, .. } => {
                if let Some(judge) = self.active.iter_mut().find(|judge| judge.id == *case) {
                    judge.start_step(*step, event.at);
                    self.observer.expect_question(judge.question(*step));
                }
            }
            EventKind::CaseEnded(id) => self.end_case(id, event.at),
            EventKind::CaseSkipped(id, why) => {
                let case = self.case(id);
                let result = unjudged(id, case.as_deref(), self.protocol, Verdict::Skip, why.clone());
                self.push(result);
            }
            EventKind::Stopped(stop) => self.stopped = Some(stop.clone()),
            EventKind::Received { .. }
            | EventKind::Sent { .. }
            | EventKind::Stimulated(_)
            | EventKind::StimulusFailed(..)
            | EventKind::Looked(_)
            | EventKind::LookFailed(_)
            | EventKind::Elapsed(_)
            | EventKind::Link(_) => {}
        }
    }

    /// Whether the line has given back what was sent, as half-duplex adapters do.
    pub(crate) fn hears_itself(&self) -> bool {
        self.observer.hears_itself()
    }

    /// The line is silent: what has begun and not ended is given up.
    pub(crate) fn handle_silence(&mut self) {
        self.observer.flush();
        self.observe();
    }

    fn observe(&mut self) {
        while let Some(observation) = self.observer.poll_observation() {
            for judge in &mut self.active {
                judge.observe(&observation);
            }
            if let Seen::Heard(heard) = &observation.seen {
                self.now = self.now.max(heard.until);
                if !heard.is_late() {
                    self.answered = Some(heard.until);
                }
            }
        }
    }

    fn case(&self, id: &str) -> Option<Rc<Case>> {
        let known = self.known.iter().find(|known| known.id == id)?;
        known.case.as_ref().ok().map(Rc::clone)
    }

    fn start_case(&mut self, id: &str, at: Instant) {
        let case = match self.known.iter().find(|known| known.id == id).map(|known| &known.case) {
            Some(Ok(case)) => Rc::clone(case),
            Some(Err(why)) => {
                let result = unjudged(id, None, self.protocol, Verdict::Skip, why.clone());
                self.push(result);
                return;
            }
            None => {
                let why = "the suites have no such case".to_string();
                let result = unjudged(id, None, self.protocol, Verdict::Inconclusive, why);
                self.push(result);
                return;
            }
        };
        if self.active.is_empty() {
            self.group.clear();
        }
        let judge = CaseJudge::new(id.to_string(), case, self.protocol, &self.header, &self.rules, at);
        self.group.extend(judge.looks_at.iter().copied());
        self.active.push(judge);
    }

    fn end_case(&mut self, id: &str, at: Instant) {
        let Some(index) = self.active.iter().position(|judge| judge.id == id) else {
            return;
        };
        let judge = self.active.remove(index);
        let result = self.result_of(judge, at);
        self.push(result);
    }

    fn result_of(&self, judge: CaseJudge<'p>, at: Instant) -> CaseResult {
        let own = judge.looks_at.clone();
        let answers_for = |keys: &[MessageKey]| {
            let looked_at = |by: &[MessageKey]| keys.iter().any(|key| by.contains(key));
            looked_at(&own) || !looked_at(&self.group)
        };
        judge.finish(at, &self.options, answers_for)
    }

    fn push(&mut self, result: CaseResult) {
        self.fresh.push_back(result.clone());
        self.results.push(result);
    }

    /// The next result that is certain, in the order in which cases end.
    #[must_use]
    pub fn poll_result(&mut self) -> Option<CaseResult> {
        self.fresh.pop_front()
    }

    /// When the open steps of a case are decided at the latest.
    pub(crate) fn deadline(&self, id: &str) -> Option<Instant> {
        self.active.iter().find(|judge| judge.id == id)?.deadline()
    }

    /// Whether the open steps of a case are decided as of `now`.
    pub(crate) fn is_decided(&self, id: &str, now: Instant) -> bool {
        self.active
            .iter()
            .find(|judge| judge.id == id)
            .is_none_or(|judge| judge.is_decided(now))
    }

    /// The messages that the open steps of all cases must ask for, each once.
    pub(crate) fn wanted(&self) -> Vec<&'p Message> {
        let mut wanted: Vec<&'p Message> = Vec::new();
        if !self.protocol.asks() {
            return wanted;
        }
        for message in self.active.iter().flat_map(CaseJudge::wanted) {
            if !wanted.iter().any(|known| known.key == message.key) {
                wanted.push(message);
            }
        }
        wanted
    }

    /// Whether a running case looks at a message.
    pub(crate) fn looks_at(&self, key: MessageKey) -> bool {
        self.group.contains(&key)
    }

    /// When the last message of the target ended, if one ended since the last call.
    pub(crate) fn answered(&mut self) -> Option<Instant> {
        self.answered.take()
    }

    /// The trace is over: a result for every planned case, in the order of the plan.
    pub fn finish(mut self) -> Vec<CaseResult> {
        self.handle_silence();
        for judge in std::mem::take(&mut self.active) {
            let result = match &self.stopped {
                Some(stop @ Stop::LinkBroke(_)) => {
                    let (id, case) = (judge.id.clone(), Rc::clone(&judge.case));
                    let mut result = self.result_of(judge, self.now);
                    let error = unjudged(&id, Some(&case), self.protocol, Verdict::Error, stop.to_string());
                    (result.verdict, result.reason) = (error.verdict, error.reason);
                    result
                }
                _ => {
                    let mut result = self.result_of(judge, self.now);
                    // What is missing cannot have passed.
                    if result.verdict == Verdict::Pass || result.checks.is_empty() {
                        result.verdict = Verdict::Inconclusive;
                        result.reason = Some(match &self.stopped {
                            Some(stop) => stop.to_string(),
                            None => "the trace ends within the case".to_string(),
                        });
                    }
                    result
                }
            };
            self.push(result);
        }
        let mut results: Vec<CaseResult> = Vec::new();
        for id in std::mem::take(&mut self.planned) {
            let found = self.results.iter().position(|result| result.id == id);
            let result = match found {
                Some(index) => self.results.remove(index),
                None => self.not_run(&id),
            };
            results.push(result);
        }
        // A trace without a plan, or cases beside it.
        results.append(&mut self.results);
        results
    }

    /// A case that was planned and never began.
    fn not_run(&self, id: &str) -> CaseResult {
        let (verdict, reason) = match &self.stopped {
            Some(stop @ Stop::LinkBroke(_)) => (Verdict::Error, stop.to_string()),
            Some(stop @ Stop::FirstFailure(_)) => (Verdict::Skip, stop.to_string()),
            Some(stop) => (Verdict::Inconclusive, stop.to_string()),
            None => (Verdict::Inconclusive, "the trace has no run of this case".to_string()),
        };
        unjudged(id, self.case(id).as_deref(), self.protocol, verdict, reason)
    }
}
