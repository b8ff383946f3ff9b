//! Every core message of the definition.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::definition::{Message, Outcome, Presence, Sender};
use crate::suite::is_askable;
use crate::time::Instant;

use super::{Around, Questions, cut_short};
use crate::judge::observe::{Observation, Seen};
use crate::judge::ruling::{Context, Ruling};
use crate::judge::timing::words;

/// Demands every message that the target must send (or answer) in (start, start + within].
///
/// After a start or a wake-up the definition's own bound on the first set is judged too: from the first frame to the
/// last message that was still missing.
#[derive(Debug)]
pub(crate) struct AllMessagesMachine<'p> {
    context: Context<'p>,
    within: Duration,
    start: Instant,
    around: Around,
    wanted: Vec<&'p Message>,
    /// When each wanted message came first, by its place in `wanted`.
    came: BTreeMap<usize, Instant>,
    /// The questions for each, where the battery only answers.
    questions: Vec<Questions>,
}

impl<'p> AllMessagesMachine<'p> {
    pub(crate) fn new(within: Duration, context: Context<'p>, start: Instant) -> AllMessagesMachine<'p> {
        let protocol = context.protocol;
        let wanted: Vec<&'p Message> = protocol
            .messages
            .iter()
            .filter(|message| message.from == Sender::Bms && is_core(message, &context))
            .filter(|message| !protocol.asks() || (is_askable(message) && message.danger.is_none()))
            .collect();
        AllMessagesMachine {
            context,
            within,
            start,
            around: Around::default(),
            questions: wanted.iter().map(|_| Questions::default()).collect(),
            wanted,
            came: BTreeMap::new(),
        }
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.start.after(self.within)
    }

    pub(crate) fn is_done(&self) -> bool {
        self.came.len() == self.wanted.len()
    }

    /// The messages that have not come yet.
    pub(crate) fn wanted(&self) -> Vec<&'p Message> {
        let open = self
            .wanted
            .iter()
            .enumerate()
            .filter(|(index, _)| !self.came.contains_key(index));
        open.map(|(_, message)| *message).collect()
    }

    pub(crate) fn observe(&mut self, observation: &Observation<'p>) {
        for (message, questions) in self.wanted.iter().zip(&mut self.questions) {
            questions.note(observation, message);
        }
        if self.is_done() || observation.begin <= self.start || observation.at > self.deadline() {
            return;
        }
        self.around.note(observation);
        if let Seen::Heard(heard) = &observation.seen
            && heard.decoded.return_code == 0
            && let Some(index) = self.wanted.iter().position(|message| heard.key() == Some(message.key))
        {
            self.came.entry(index).or_insert(observation.at);
        }
    }

    pub(crate) fn finish(self, now: Instant) -> Vec<Ruling> {
        let mut rulings: Vec<Ruling> = Vec::new();
        let cut = now < self.deadline() && !self.is_done();
        for (index, message) in self.wanted.iter().enumerate() {
            let came = self.came.get(&index);
            let after = came.map(|at| at.since(self.start));
            let actual = match after {
                Some(after) => format!("after {}", words(after)),
                None => "it did not come".to_string(),
            };
            let ruling = self
                .context
                .ruling(
                    format!("{} {}", message.key, message.name),
                    message.grade,
                    format!("within {}", words(self.within)),
                    actual,
                    came.is_some(),
                )
                .with_requirement(self.context.requirement(message.grade, &message.origin))
                .with_measured(after);
            let asks = self.context.protocol.asks();
            let not_asked = asks && self.questions.get(index).is_none_or(|questions| questions.asked == 0);
            rulings.push(match (came, self.around.excuse()) {
                (None, Some(why)) => ruling.unjudged(why),
                (None, None) if not_asked => ruling.unjudged("it was not asked for in this time"),
                (None, None) if cut => ruling.unjudged(&cut_short(self.start, now, self.deadline())),
                _ => ruling,
            });
        }
        rulings.extend(self.first_set());
        rulings
    }

    fn first_set(&self) -> Option<Ruling> {
        let (bound, grade) = self.context.protocol.first_set?;
        let restarted = self.context.stimulus.is_some_and(|stimulus| stimulus.restart);
        let (first, last) = (self.came.values().min()?, self.came.values().max()?);
        if !restarted || !self.is_done() {
            return None;
        }
        let took = last.since(*first);
        let judged = self
            .context
            .clock
            .judge(took, |took| if took > bound { Outcome::Fail } else { Outcome::Pass });
        let ruling = self
            .context
            .ruling_of(
                "first set".into(),
                grade,
                format!("complete within {} of the first frame", words(bound)),
                words(took),
                judged.unwrap_or(Outcome::Fail),
            )
            .with_measured(Some(took));
        Some(match (judged, self.around.excuse()) {
            (Some(Outcome::Pass), _) => ruling,
            (_, Some(why)) => ruling.unjudged(why),
            (None, None) => ruling.unjudged(&self.context.clock.excuse(took)),
            (Some(_), None) => ruling,
        })
    }
}

/// Whether the target must send a message: a core one, or one whose claim it makes.
fn is_core(message: &Message, context: &Context<'_>) -> bool {
    let claimed = message
        .claim
        .as_ref()
        .is_some_and(|claim| context.claims.contains(claim));
    let core = message.presence == Presence::Default && message.claim.is_none();
    let promised = claimed && message.presence != Presence::Refused;
    (core || promised) && context.applies(&message.variants, None)
}
