//! What follows a question.

use std::rc::Rc;
use std::time::Duration;

use crate::definition::{Envelope, ErrorRule, Grade, Message, Outcome, Reaction, ReplyTiming};
use crate::suite::{Content, Exchange, Reply};
use crate::time::Instant;

use super::{Around, WAIT};
use crate::judge::content::{compare, evidence, text_or_hex};
use crate::judge::observe::{Heard, Noise, Observation, Seen};
use crate::judge::ruling::{Context, Ruling};
use crate::judge::timing::words;

/// The silence after an answer where the definition says nothing.
const GAP: Duration = Duration::from_millis(20);
/// A message that has begun is given up when no byte comes for so long (sheet pylon-rs485, D).
const BROKEN_AFTER: Duration = Duration::from_millis(200);
/// Stray bytes at the turn of the line are no answer up to this number.
const STRAY: usize = 2;

/// Judges what follows one question.
///
/// The machine stays open until the line is quiet: an answer that comes too late is found here, and never taken for the
/// answer to the next question.
#[derive(Debug)]
pub(crate) struct ExchangeMachine<'p> {
    demand: Exchange,
    context: Context<'p>,
    message: Option<&'p Message>,
    start: Instant,
    /// When the question had left; `None` while it has not.
    asked: Option<Instant>,
    /// The last byte that came after it.
    last_byte: Option<Instant>,
    answers: Vec<Rc<Heard<'p>>>,
    noise: Vec<Rc<Noise>>,
    around: Around,
}

impl<'p> ExchangeMachine<'p> {
    pub(crate) fn new(demand: Exchange, context: Context<'p>, start: Instant) -> ExchangeMachine<'p> {
        let message = demand.request.message(context.protocol);
        ExchangeMachine {
            demand,
            context,
            message,
            start,
            asked: None,
            last_byte: None,
            answers: Vec::new(),
            noise: Vec::new(),
            around: Around::default(),
        }
    }

    fn timing(&self) -> Option<&'p ReplyTiming> {
        self.context.protocol.timing.as_ref()
    }

    /// How long an answer may take at most.
    fn patience(&self) -> Duration {
        let stated = self.timing().map_or(WAIT, |timing| timing.fail);
        match &self.demand.reaction {
            Reply::Data {
                within: Some(within), ..
            } => *within,
            Reply::Silence(during) => *during,
            _ => stated,
        }
    }

    fn gap(&self) -> Duration {
        self.timing().map_or(GAP, |timing| timing.gap)
    }

    /// When the line may be taken for quiet; `None` before the question has left.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let asked = self.asked?;
        let stated = self.timing().map_or(WAIT, |timing| timing.fail);
        let unanswered = match &self.demand.reaction {
            // What was to be silent was silent for long enough, or else as long as an answer may take.
            Reply::Silence(during) => asked.after((*during).max(stated)).after(self.gap()),
            // Whoever did not answer in time may answer late: as long again.
            _ => asked.after(self.patience().max(stated)).after(stated),
        };
        let answered = self.answers.iter().map(|heard| heard.until).max();
        let end = match answered {
            Some(until) => until.after(self.gap()),
            None => unanswered,
        };
        Some(match self.last_byte {
            // A message that has begun and not ended.
            Some(byte) if answered.is_none_or(|until| byte > until) => {
                let broken = byte.after(BROKEN_AFTER);
                if answered.is_some() { broken } else { broken.max(end) }
            }
            _ => end,
        })
    }

    pub(crate) fn is_done(&self) -> bool {
        false
    }

    pub(crate) fn observe(&mut self, observation: &Observation<'p>) {
        match &observation.seen {
            Seen::Sent { until, .. } => self.asked = Some(self.asked.map_or(*until, |asked| asked.max(*until))),
            Seen::Bytes { until } => self.last_byte = Some(*until),
            Seen::Heard(heard) if heard.until > self.start => {
                self.around.note(observation);
                // That it was late is judged by itself; it says nothing about this question.
                if !heard.is_late() {
                    self.answers.push(Rc::clone(heard));
                }
            }
            Seen::Noise(noise) if noise.at > self.start => {
                self.around.note(observation);
                self.noise.push(Rc::clone(noise));
            }
            Seen::Disturbed(_) => self.around.note(observation),
            _ => {}
        }
    }

    fn label(&self) -> String {
        match (self.message, self.demand.request.command) {
            (Some(message), _) => message.key.to_string(),
            (None, Some(command)) => format!("0x{command:02X}"),
            (None, None) => "request".to_string(),
        }
    }

    fn grade(&self) -> Grade {
        self.message
            .map_or(self.context.protocol.grade, |message| message.grade)
    }

    pub(crate) fn finish(self, now: Instant) -> Vec<Ruling> {
        let Some(asked) = self.asked else {
            let ruling = self.context.ruling(
                format!("{} asked", self.label()),
                self.grade(),
                "the question goes out".into(),
                String::new(),
                false,
            );
            return vec![ruling.unjudged("it was never sent")];
        };
        let cut = self.deadline().is_some_and(|deadline| now < deadline);
        let mut rulings = match &self.demand.reaction {
            Reply::Data { content, within } => self.data(content, *within, asked),
            Reply::Silence(during) => self.silence(*during),
            Reply::Error(situation) => self.situation(situation, asked),
            Reply::ReturnCode(code) => self.return_code(*code, asked),
            Reply::Whatever => self.whatever(),
        };
        if let (Some(first), Some(second)) = (self.answers.first(), self.answers.get(1)) {
            rulings.push(self.second(first, second));
        }
        // An answer that is there is there; one that is missing may have been lost or still to come.
        let excuse = match (self.around.excuse(), cut && self.answers.is_empty()) {
            (Some(why), _) => Some(why),
            (None, true) => Some("the observation ended before the answer was due"),
            (None, false) => None,
        };
        rulings
            .into_iter()
            .map(|ruling| match excuse {
                Some(why) if self.answers.is_empty() && (!ruling.held || ruling.by_silence) => ruling.unjudged(why),
                _ => ruling,
            })
            .collect()
    }

    /// How the target reacted.
    fn reaction(&self) -> Reaction {
        match self.answers.first() {
            None => Reaction::Silence,
            Some(heard) => match (heard.decoded.return_code, self.context.protocol.envelope) {
                (0, _) => Reaction::Data,
                (code, Envelope::PylonAscii { .. }) => Reaction::ReturnCode(code),
                (code, _) => Reaction::Exception(code),
            },
        }
    }

    /// What came, for people.
    fn seen(&self) -> String {
        match (self.answers.first(), self.noise.first()) {
            (Some(heard), _) => {
                let frame = match &heard.frame {
                    crate::wire::BusFrame::Serial(bytes) => text_or_hex(bytes),
                    crate::wire::BusFrame::Can(frame) => frame.to_string(),
                };
                format!("{}: {frame}", self.reaction())
            }
            (None, Some(noise)) => format!("no reply, but {} ({})", text_or_hex(&noise.bytes), noise.reason),
            (None, None) => Reaction::Silence.to_string(),
        }
    }

    /// A reply that cannot be read is no reply.
    fn is_broken(&self) -> bool {
        self.answers
            .first()
            .is_some_and(|heard| !heard.decoded.errors.is_empty())
    }

    fn reply_ruling(&self, expected: String, outcome: Outcome, grade: Grade) -> Ruling {
        let ruling = self
            .context
            .ruling_of(format!("{} reply", self.label()), grade, expected, self.seen(), outcome);
        match self.answers.first() {
            Some(heard) => ruling.with_evidence(evidence(heard, 0..0)),
            None => ruling,
        }
    }

    fn data(&self, content: &Content, within: Option<Duration>, asked: Instant) -> Vec<Ruling> {
        let good = self.reaction() == Reaction::Data && !self.is_broken();
        let outcome = if good { Outcome::Pass } else { Outcome::Fail };
        let expected = match self.answers.first() {
            None => format!("a reply within {}", words(self.patience())),
            Some(_) => "a normal reply".to_string(),
        };
        let mut rulings = vec![self.reply_ruling(expected, outcome, self.grade())];
        if let Some(heard) = self.answers.first() {
            rulings.extend(self.in_time(heard, asked, within));
            if good {
                rulings.extend(compare(content, heard, &self.context));
            }
        }
        rulings
    }

    /// The time from the end of the question to the first byte of the answer.
    fn in_time(&self, heard: &Rc<Heard<'p>>, asked: Instant, within: Option<Duration>) -> Option<Ruling> {
        reply_time(
            &self.context,
            &self.label(),
            heard,
            asked,
            within,
            self.around.clock_excuse(),
        )
    }

    fn silence(&self, during: Duration) -> Vec<Ruling> {
        let what = format!("{} silence", self.label());
        let expected = format!("silence for {}", words(during));
        let stray: usize = self.noise.iter().map(|noise| noise.bytes.len()).sum();
        let outcome = match (self.answers.is_empty(), stray) {
            (true, 0) => Outcome::Pass,
            // A glitch at the turn of the line is no answer.
            (true, count) if count <= STRAY => Outcome::Information,
            _ => Outcome::Fail,
        };
        let ruling = self
            .context
            .ruling_of(what, self.grade(), expected, self.seen(), outcome)
            .by_silence();
        vec![match self.answers.first() {
            Some(heard) => ruling.with_evidence(evidence(heard, 0..0)),
            None => ruling,
        }]
    }

    fn situation(&self, situation: &str, asked: Instant) -> Vec<Ruling> {
        let found = self
            .context
            .protocol
            .errors
            .iter()
            .find(|rule| rule.situation == situation);
        let Some(rule) = found else {
            let ruling = self.reply_ruling("what the definition says".into(), Outcome::Fail, self.grade());
            return vec![ruling.unjudged(&format!("the definition says nothing about `{situation}`"))];
        };
        let reaction = self.reaction();
        let outcome = if self.is_broken() {
            Outcome::Fail
        } else {
            outcome_of(rule, reaction)
        };
        let mut ruling = self
            .context
            .ruling_of(
                format!("{} {situation}", self.label()),
                rule.grade,
                allowed(rule),
                self.seen(),
                outcome,
            )
            .with_requirement(self.context.requirement(rule.grade, &rule.origin));
        if reaction == Reaction::Silence {
            ruling = ruling.by_silence();
        }
        let mut rulings = vec![match self.answers.first() {
            Some(heard) => ruling.with_evidence(evidence(heard, 0..0)),
            None => ruling,
        }];
        if let Some(heard) = self.answers.first() {
            rulings.extend(self.in_time(heard, asked, None));
        }
        rulings
    }

    fn return_code(&self, code: u8, asked: Instant) -> Vec<Ruling> {
        let wanted = match self.context.protocol.envelope {
            _ if code == 0 => Reaction::Data,
            Envelope::PylonAscii { .. } => Reaction::ReturnCode(code),
            _ => Reaction::Exception(code),
        };
        let good = self.reaction() == wanted && !self.is_broken();
        let outcome = if good { Outcome::Pass } else { Outcome::Fail };
        let mut rulings = vec![self.reply_ruling(wanted.to_string(), outcome, self.grade())];
        if let Some(heard) = self.answers.first() {
            rulings.extend(self.in_time(heard, asked, None));
        }
        rulings
    }

    fn whatever(&self) -> Vec<Ruling> {
        let outcome = if self.is_broken() { Outcome::Fail } else { Outcome::Pass };
        let mut ruling = self.reply_ruling("a sound reply, or silence".into(), outcome, self.grade());
        if self.answers.is_empty() {
            ruling = ruling.by_silence();
        }
        vec![ruling]
    }

    /// One question has one answer.
    fn second(&self, first: &Rc<Heard<'p>>, second: &Rc<Heard<'p>>) -> Ruling {
        let after = words(second.at.since(first.until));
        self.context
            .ruling(
                format!("{} answered once", self.label()),
                self.grade(),
                "one reply".into(),
                format!("another {after} later: {}", second.frame),
                false,
            )
            .with_evidence(evidence(second, 0..0))
    }
}

/// The time of a reply against the definition's bounds, or against `within`.
pub(crate) fn reply_time(
    context: &Context<'_>,
    label: &str,
    heard: &Rc<Heard<'_>>,
    asked: Instant,
    within: Option<Duration>,
    clock_excuse: Option<&str>,
) -> Option<Ruling> {
    let took = heard.at.since(asked);
    let timing = context.protocol.timing.as_ref();
    let (expected, grade) = match (within, timing) {
        (Some(within), _) => (
            format!("first byte within {}", words(within)),
            heard
                .decoded
                .message
                .map_or(context.protocol.grade, |message| message.grade),
        ),
        (None, Some(timing)) => (in_words(timing), timing.grade),
        (None, None) => return None,
    };
    let outcome = |took: Duration| match (within, timing) {
        (Some(within), _) if took > within => Outcome::Fail,
        (Some(_), _) => Outcome::Pass,
        (None, Some(timing)) if timing.not_before.is_some_and(|earliest| took < earliest) => Outcome::Fail,
        (None, Some(timing)) if took > timing.fail => Outcome::Fail,
        (None, Some(timing)) if took > timing.warn => Outcome::Warning,
        _ => Outcome::Pass,
    };
    let judged = context.clock.judge(took, outcome);
    let ruling = context
        .ruling_of(
            format!("{label} reply time"),
            grade,
            expected,
            words(took),
            judged.unwrap_or(Outcome::Fail),
        )
        .with_evidence(evidence(heard, 0..0))
        .with_measured(Some(took));
    Some(match (judged, clock_excuse) {
        (_, Some(why)) => ruling.unjudged(why),
        (None, None) => ruling.unjudged(&context.clock.excuse(took)),
        (Some(_), None) => ruling,
    })
}

fn in_words(timing: &ReplyTiming) -> String {
    let earliest = timing
        .not_before
        .map_or(String::new(), |earliest| format!("not before {}, ", words(earliest)));
    format!(
        "first byte {earliest}within {} (to {} with a warning)",
        words(timing.warn),
        words(timing.fail)
    )
}

/// What a reaction to a situation amounts to.
fn outcome_of(rule: &ErrorRule, reaction: Reaction) -> Outcome {
    if reaction == rule.expect || rule.accept.contains(&reaction) {
        Outcome::Pass
    } else if rule.warn.contains(&reaction) {
        Outcome::Warning
    } else {
        Outcome::Fail
    }
}

/// What may follow, for people.
fn allowed(rule: &ErrorRule) -> String {
    let mut text = rule.expect.to_string();
    for accepted in &rule.accept {
        text.push_str(&format!(", or {accepted}"));
    }
    for tolerated in &rule.warn {
        text.push_str(&format!(", or (warning) {tolerated}"));
    }
    text
}
