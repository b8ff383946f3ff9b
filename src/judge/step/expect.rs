//! A message with some content: soon, or from now on.

use std::rc::Rc;
use std::time::Duration;

use crate::definition::Message;
use crate::suite::Expect;
use crate::time::Instant;

use super::{Around, Questions, cut_short, is_message, longest_wait, message_of};
use crate::judge::content::{compare, evidence};
use crate::judge::observe::{Heard, Observation, Seen};
use crate::judge::ruling::{Context, Ruling};
use crate::judge::timing::words;

/// Demands a message.
///
/// With `within`, some message in (start, start + within] must match. Without, each of the next `over` messages must
/// match. After that, every message during `holds` must match too.
#[derive(Debug)]
pub(crate) struct ExpectMachine<'p> {
    demand: Expect,
    context: Context<'p>,
    message: Option<&'p Message>,
    start: Instant,
    state: State,
    around: Around,
    questions: Questions,
    /// What the last message looked at gave, where not all of it held.
    last: Vec<Ruling>,
    /// A message of this step did not match.
    missed: bool,
    matched: u32,
    rulings: Vec<Ruling>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    /// It matched; further messages must match until the time given.
    Holding {
        since: Instant,
        until: Instant,
        seen: u32,
    },
    Done,
}

impl<'p> ExpectMachine<'p> {
    pub(crate) fn new(demand: Expect, context: Context<'p>, start: Instant) -> ExpectMachine<'p> {
        let message = message_of(&context, demand.message.as_deref());
        ExpectMachine {
            message,
            state: State::Waiting,
            around: Around::default(),
            questions: Questions::default(),
            last: Vec::new(),
            missed: false,
            matched: 0,
            rulings: Vec::new(),
            demand,
            context,
            start,
        }
    }

    pub(crate) fn deadline(&self) -> Instant {
        match self.state {
            State::Waiting | State::Done => self.end_of_wait(),
            State::Holding { until, .. } => until,
        }
    }

    fn end_of_wait(&self) -> Instant {
        // From the first answer on each question has one: after so many questions nothing more is to come.
        if self.demand.within.is_none()
            && self.matched > 0
            && self.questions.asked >= self.demand.over
            && let Some(overdue) = self.questions.overdue(self.context.protocol)
        {
            return overdue;
        }
        let wait = self.demand.within.unwrap_or_else(|| {
            let once = self
                .message
                .map_or(Duration::ZERO, |message| longest_wait(self.context.protocol, message));
            once * self.demand.over
        });
        self.start.after(wait)
    }

    pub(crate) fn is_done(&self) -> bool {
        self.state == State::Done || self.message.is_none()
    }

    pub(crate) fn wanted(&self) -> Vec<&'p Message> {
        self.message.into_iter().collect()
    }

    pub(crate) fn observe(&mut self, observation: &Observation<'p>) {
        let Some(message) = self.message.filter(|_| !self.is_done()) else {
            return;
        };
        // A question may go out at the very time at which the step begins; what comes then was on its way before.
        self.questions.note(observation, message);
        if observation.begin <= self.start {
            return;
        }
        if observation.at > self.deadline() {
            self.time_out();
            return;
        }
        self.around.note(observation);
        if let Seen::Heard(heard) = &observation.seen
            && is_message(heard, message)
        {
            match self.state {
                State::Waiting => self.look(heard),
                State::Holding { .. } => self.hold(heard),
                State::Done => {}
            }
        }
    }

    fn look(&mut self, heard: &Rc<Heard<'p>>) {
        let rulings = self.compare(heard);
        let held = rulings.iter().all(|ruling| ruling.held);
        match (self.demand.within, held) {
            (Some(_), false) => {
                self.missed = true;
                self.last = rulings;
            }
            (Some(_), true) => self.match_in_time(heard, rulings),
            (None, false) => {
                self.rulings = rulings;
                self.state = State::Done;
            }
            (None, true) => {
                if self.matched == 0 {
                    self.questions.asked = 1;
                }
                self.matched += 1;
                self.last = rulings;
                if self.matched >= self.demand.over {
                    self.accept(heard.at);
                }
            }
        }
    }

    /// What the message gives; a message alone, when nothing is demanded of its content.
    fn compare(&self, heard: &Rc<Heard<'p>>) -> Vec<Ruling> {
        let mut rulings = compare(&self.demand.content, heard, &self.context);
        if rulings.is_empty()
            && let Some(message) = self.message
        {
            let ruling = self
                .context
                .ruling(
                    message.key.to_string(),
                    message.grade,
                    "a message".into(),
                    "a message".into(),
                    true,
                )
                .with_requirement(self.context.requirement(message.grade, &message.origin))
                .with_evidence(evidence(heard, 0..0));
            rulings.push(ruling);
        }
        rulings
    }

    fn match_in_time(&mut self, heard: &Rc<Heard<'p>>, rulings: Vec<Ruling>) {
        let reaction = self.reaction(heard);
        let mut rulings: Vec<Ruling> = rulings
            .into_iter()
            .map(|ruling| ruling.with_measured(reaction))
            .map(|mut ruling| {
                if let Some(within) = self.demand.within {
                    ruling.check.expected.push_str(&format!(" within {}", words(within)));
                }
                ruling
            })
            .collect();
        if let Some(earliest) = self.demand.not_before {
            // Too early is only what came too early after the first moment at which the stimulus can have acted.
            let acting_since = self
                .context
                .acting_since
                .map_or(self.start, |since| since.min(self.start));
            let early = self.too_early(heard, heard.at.since(acting_since), earliest);
            let failed = !early.held;
            rulings.push(early);
            if failed {
                self.rulings = rulings;
                self.state = State::Done;
                return;
            }
        }
        self.last = rulings;
        self.accept(heard.at);
    }

    fn too_early(&self, heard: &Rc<Heard<'p>>, after: Duration, earliest: Duration) -> Ruling {
        use crate::definition::Outcome;
        let judged = self.context.clock.judge(
            after,
            |time| {
                if time < earliest { Outcome::Fail } else { Outcome::Pass }
            },
        );
        let ruling = self
            .context
            .ruling(
                format!("{} not before", heard.label()),
                self.message
                    .map_or(self.context.protocol.grade, |message| message.grade),
                format!("no match before {}", words(earliest)),
                format!("matched after {}", words(after)),
                judged == Some(Outcome::Pass),
            )
            .with_evidence(evidence(heard, 0..0))
            .with_measured(Some(after));
        match (judged, self.around.clock_excuse()) {
            (Some(Outcome::Pass), None) => ruling,
            (_, Some(why)) => ruling.unjudged(why),
            (None, None) => ruling.unjudged(&self.context.clock.excuse(after)),
            (Some(_), None) => ruling,
        }
    }

    /// The time from the last stimulus to the first message from which on all matched; `None` without a stimulus.
    fn reaction(&self, heard: &Rc<Heard<'p>>) -> Option<Duration> {
        let stimulus = self.context.stimulus?;
        if self.around.clock_excuse().is_some() {
            return None;
        }
        let mut first = heard.at;
        if !self.missed {
            for earlier in self.context.history.iter().rev() {
                if earlier.key() != heard.key() {
                    continue;
                }
                if !self.compare(earlier).iter().all(|ruling| ruling.held) {
                    break;
                }
                first = earlier.at;
            }
        }
        Some(first.since(stimulus.at))
    }

    /// The content was seen; it may have to hold.
    fn accept(&mut self, at: Instant) {
        self.rulings = std::mem::take(&mut self.last);
        self.state = match self.demand.holds {
            None => State::Done,
            Some(holds) => State::Holding {
                since: at,
                until: at.after(holds),
                seen: 0,
            },
        };
    }

    fn hold(&mut self, heard: &Rc<Heard<'p>>) {
        let rulings = self.compare(heard);
        if rulings.iter().all(|ruling| ruling.held) {
            if let State::Holding { seen, .. } = &mut self.state {
                *seen += 1;
            }
            return;
        }
        let State::Holding { since, .. } = self.state else {
            return;
        };
        let after = words(heard.at.since(since));
        let holds = self.demand.holds.map(words).unwrap_or_default();
        for mut ruling in rulings.into_iter().filter(|ruling| !ruling.held) {
            ruling.check.expected.push_str(&format!(" for {holds}"));
            ruling.check.actual.push_str(&format!(" after {after}"));
            self.replace(ruling);
        }
        self.state = State::Done;
    }

    /// A demand that held at first and then did not is one check.
    fn replace(&mut self, ruling: Ruling) {
        self.rulings.retain(|known| known.check.what != ruling.check.what);
        self.rulings.push(ruling);
    }

    /// The time is over.
    fn time_out(&mut self) {
        match self.state {
            State::Done => {}
            State::Waiting => {
                self.rulings = self.unmatched();
                self.state = State::Done;
            }
            State::Holding { seen, .. } => {
                self.conclude_hold(seen);
                self.state = State::Done;
            }
        }
    }

    /// What held must have been there to be seen: no message at all holds nothing.
    fn conclude_hold(&mut self, seen: u32) {
        let (Some(message), Some(holds)) = (self.message, self.demand.holds) else {
            return;
        };
        if seen > 0 || holds < longest_wait(self.context.protocol, message) {
            return;
        }
        let ruling = self
            .context
            .ruling(
                format!("{} holds", message.key),
                message.grade,
                format!("further messages for {}", words(holds)),
                "none came".into(),
                false,
            )
            .with_requirement(self.context.requirement(message.grade, &message.origin));
        let ruling = match self.around.excuse() {
            Some(why) => ruling.unjudged(why),
            None => ruling,
        };
        self.rulings.push(ruling);
    }

    /// Why nothing could come where the battery only answers.
    fn not_asked(&self) -> Option<&'static str> {
        (self.context.protocol.asks() && self.questions.asked == 0).then_some("it was not asked for in this time")
    }

    /// Nothing matched in time. What was lost may have matched.
    fn unmatched(&mut self) -> Vec<Ruling> {
        let Some(message) = self.message else {
            return Vec::new();
        };
        let within = self
            .demand
            .within
            .map_or_else(|| words(self.end_of_wait().since(self.start)), words);
        let mut rulings: Vec<Ruling> = Vec::new();
        if self.demand.within.is_some() {
            for mut ruling in std::mem::take(&mut self.last) {
                ruling.check.expected.push_str(&format!(" within {within}"));
                rulings.push(ruling);
            }
        }
        if rulings.is_empty() {
            let (expected, actual) = match self.demand.within {
                Some(_) => (format!("a message within {within}"), self.around.seen_instead()),
                None => (
                    format!("{} messages within {within}", self.demand.over),
                    match self.matched {
                        0 => self.around.seen_instead(),
                        matched => format!("only {matched}"),
                    },
                ),
            };
            let ruling = self
                .context
                .ruling(message.key.to_string(), message.grade, expected, actual, false)
                .with_requirement(self.context.requirement(message.grade, &message.origin));
            rulings.push(ruling);
        }
        match self.around.excuse().or(self.not_asked()) {
            Some(why) => rulings
                .into_iter()
                .map(|ruling| if ruling.held { ruling } else { ruling.unjudged(why) })
                .collect(),
            None => rulings,
        }
    }

    pub(crate) fn finish(mut self, now: Instant) -> Vec<Ruling> {
        if self.message.is_none() {
            let name = self.demand.message.clone().unwrap_or_else(|| "a message".into());
            let grade = self.context.protocol.grade;
            let ruling = self
                .context
                .ruling(name, grade, "a message of the definition".into(), String::new(), false)
                .unjudged("the definition has no such message");
            return vec![ruling];
        }
        let (start, end) = (self.start, self.deadline());
        match self.state {
            State::Done => {}
            _ if now >= end => self.time_out(),
            State::Waiting => {
                let why = cut_short(start, now, end);
                self.last.clear();
                let missed = self.unmatched();
                self.rulings = missed.into_iter().map(|ruling| ruling.unjudged(&why)).collect();
            }
            State::Holding { .. } => {
                let why = cut_short(start, now, end);
                let rulings = std::mem::take(&mut self.rulings);
                self.rulings = rulings.into_iter().map(|ruling| ruling.unjudged(&why)).collect();
            }
        }
        self.rulings
    }
}
