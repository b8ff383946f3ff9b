//! How often a message comes.

use std::time::Duration;

use crate::definition::{Grade, Message, Outcome};
use crate::suite::Period;
use crate::time::Instant;
use crate::value::{Number, Quantity, Unit};

use super::{Around, cut_short, is_message, message_of};
use crate::judge::observe::{Observation, Seen};
use crate::judge::ruling::{Context, Ruling};
use crate::judge::timing::words;

/// Demands a cadence: the mean over some periods, and every gap between two messages.
#[derive(Debug)]
pub(crate) struct PeriodMachine<'p> {
    context: Context<'p>,
    message: Option<&'p Message>,
    reference: String,
    bounds: Bounds,
    over: u32,
    start: Instant,
    around: Around,
    times: Vec<Instant>,
}

/// What a cadence must be.
#[derive(Clone, Debug)]
struct Bounds {
    /// In words: `1 s (0.1 s to 1.5 s, to 3 s with a warning)`.
    words: String,
    /// Means below this fail.
    at_least: Option<Duration>,
    /// Means from here to there pass.
    pass: (Duration, Duration),
    /// Means above this fail.
    warn: Duration,
    /// A single gap above this fails.
    gap: Option<Duration>,
    grade: Grade,
}

impl Bounds {
    fn of_mean(&self, mean: Duration) -> Outcome {
        if self.at_least.is_some_and(|least| mean < least) || mean > self.warn {
            Outcome::Fail
        } else if mean < self.pass.0 || mean > self.pass.1 {
            Outcome::Warning
        } else {
            Outcome::Pass
        }
    }

    /// Half of the width of what passes: a clock that is coarser cannot tell.
    fn tolerance(&self) -> Duration {
        self.pass.1.saturating_sub(self.pass.0) / 2
    }
}

impl<'p> PeriodMachine<'p> {
    pub(crate) fn new(demand: &Period, context: Context<'p>, start: Instant) -> PeriodMachine<'p> {
        let message = message_of(&context, Some(&demand.message));
        let bounds = bounds(demand, message, &context);
        PeriodMachine {
            context,
            message,
            reference: demand.message.clone(),
            bounds,
            over: demand.over.max(1),
            start,
            around: Around::default(),
            times: Vec::new(),
        }
    }

    /// Each message may take as long as a gap may be; then it is certain.
    pub(crate) fn deadline(&self) -> Instant {
        let longest = self.bounds.gap.unwrap_or(self.bounds.warn).max(self.bounds.warn);
        self.times.last().copied().unwrap_or(self.start).after(longest)
    }

    pub(crate) fn is_done(&self) -> bool {
        self.message.is_none() || self.times.len() > self.over as usize
    }

    pub(crate) fn observe(&mut self, observation: &Observation<'p>) {
        if self.is_done() || observation.begin <= self.start {
            return;
        }
        let Some(message) = self.message else { return };
        self.around.note(observation);
        if let Seen::Heard(heard) = &observation.seen
            && is_message(heard, message)
        {
            self.times.push(heard.at);
        }
    }

    pub(crate) fn finish(self, now: Instant) -> Vec<Ruling> {
        let Some(message) = self.message else {
            let ruling = self.context.ruling(
                self.reference.clone(),
                self.context.protocol.grade,
                "a message of the definition".into(),
                String::new(),
                false,
            );
            return vec![ruling.unjudged("the definition has no such message")];
        };
        let gaps: Vec<Duration> = self.times.windows(2).map(|pair| pair[1].since(pair[0])).collect();
        let ended = now >= self.deadline();
        let cut = (!ended && !self.is_done()).then(|| cut_short(self.start, now, self.deadline()));
        let mut rulings = Vec::new();
        if let (Some(first), Some(last), Some(longest)) =
            (self.times.first(), self.times.last(), gaps.iter().copied().max())
        {
            let count = u32::try_from(gaps.len()).unwrap_or(u32::MAX);
            let mean = self.mean(message, last.since(*first), count);
            rulings.push(match &cut {
                Some(why) => mean.unjudged(why),
                None => mean,
            });
            // A gap that was too long stays too long, whatever would have come.
            rulings.extend(self.gap(message, longest).map(|gap| match &cut {
                Some(why) if gap.held => gap.unjudged(why),
                _ => gap,
            }));
        }
        if ended && !self.is_done() {
            rulings.push(self.missing(message));
        } else if let (Some(why), true) = (&cut, gaps.is_empty()) {
            rulings.push(self.missing(message).unjudged(why));
        }
        rulings
            .into_iter()
            .map(|ruling| match self.around.excuse() {
                // A loss makes gaps longer, never shorter; a clock that jumps spoils both.
                Some(why) if !ruling.held || self.around.clock_excuse().is_some() => ruling.unjudged(why),
                _ => ruling,
            })
            .map(|ruling| {
                let requirement = self.context.requirement(self.bounds.grade, &message.origin);
                ruling.with_requirement(requirement)
            })
            .collect()
    }

    fn mean(&self, message: &Message, whole: Duration, count: u32) -> Ruling {
        let mean = whole / count;
        // Both ends of the whole time are known to the resolution; the mean is known better.
        let resolution = self.context.clock.resolution();
        let judged = self
            .context
            .clock
            .judge_within(mean, resolution / count, |mean| self.bounds.of_mean(mean));
        let what = format!("{} period", message.key);
        let actual = format!("{} over {}", words(mean), periods(count));
        let ruling = self
            .context
            .ruling_of(
                what,
                self.bounds.grade,
                self.bounds.words.clone(),
                actual,
                judged.unwrap_or(Outcome::Fail),
            )
            .with_measured(Some(mean));
        let tolerance = self.bounds.tolerance();
        if resolution > tolerance {
            return ruling.unjudged(&format!(
                "a tolerance of {} is finer than the clock, which is known to {}",
                words(tolerance),
                words(resolution)
            ));
        }
        match judged {
            Some(_) => ruling,
            None => ruling.unjudged(&self.context.clock.excuse(mean)),
        }
    }

    fn gap(&self, message: &Message, longest: Duration) -> Option<Ruling> {
        let bound = self.bounds.gap?;
        let outcome = |gap: Duration| if gap > bound { Outcome::Fail } else { Outcome::Pass };
        let judged = self.context.clock.judge(longest, outcome);
        let ruling = self
            .context
            .ruling_of(
                format!("{} gap", message.key),
                self.bounds.grade,
                format!("at most {}", words(bound)),
                words(longest),
                judged.unwrap_or(Outcome::Fail),
            )
            .with_measured(Some(longest));
        Some(match judged {
            Some(_) => ruling,
            None => ruling.unjudged(&self.context.clock.excuse(longest)),
        })
    }

    fn missing(&self, message: &Message) -> Ruling {
        let wanted = self.over + 1;
        let actual = match self.times.len() {
            0 => self.around.seen_instead(),
            seen => format!("{seen}, then none for {}", words(self.bounds.warn)),
        };
        self.context.ruling(
            message.key.to_string(),
            self.bounds.grade,
            format!("{wanted} messages, a gap of at most {}", words(self.bounds.warn)),
            actual,
            false,
        )
    }
}

fn periods(count: u32) -> String {
    if count == 1 {
        "1 period".into()
    } else {
        format!("{count} periods")
    }
}

/// The bounds of a demand: its own, or the definition's.
fn bounds(demand: &Period, message: Option<&Message>, context: &Context<'_>) -> Bounds {
    let rule = message.and_then(|message| message.period.as_ref());
    let grade = rule
        .map(|rule| rule.grade)
        .or(message.map(|message| message.grade))
        .unwrap_or(context.protocol.grade);
    match (demand.is, rule) {
        (Some(is), _) => nominal(is, demand.tolerance, grade),
        (None, Some(rule)) => match demand.tolerance {
            Some(_) => nominal(rule.is, demand.tolerance, grade),
            None => Bounds {
                words: format!(
                    "{} ({} to {}, to {} with a warning)",
                    words(rule.is),
                    words(*rule.pass.start()),
                    words(*rule.pass.end()),
                    words(rule.warn)
                ),
                at_least: rule.at_least,
                pass: (*rule.pass.start(), *rule.pass.end()),
                warn: rule.warn.max(*rule.pass.end()),
                gap: rule.gap,
                grade: rule.grade,
            },
        },
        // The loader demands `is` where the definition says nothing.
        (None, None) => nominal(Duration::from_secs(1), demand.tolerance, grade),
    }
}

/// The nominal period with its relative tolerance; a single gap may be twice as long as the longest mean.
fn nominal(is: Duration, tolerance: Option<Quantity>, grade: Grade) -> Bounds {
    let tolerance = tolerance.unwrap_or(Quantity::new(Number::ZERO, Unit::Percent));
    let share = tolerance
        .number
        .checked_div(Number::integer(100))
        .unwrap_or(Number::ZERO);
    let micros = i64::try_from(is.as_micros()).unwrap_or(i64::MAX);
    let spread = Number::integer(micros)
        .checked_mul(share)
        .map_or(0, |spread| spread.abs().rounded());
    let spread = Duration::from_micros(u64::try_from(spread).unwrap_or(u64::MAX));
    let (low, high) = (is.saturating_sub(spread), is + spread);
    Bounds {
        words: format!("{} +-{tolerance}", words(is)),
        at_least: Some(low),
        pass: (low, high),
        warn: high,
        gap: Some(high * 2),
        grade,
    }
}
