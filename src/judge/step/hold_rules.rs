//! Rules of the definition that must be exercised, and must hold.

use std::rc::Rc;

use crate::definition::Message;
use crate::suite::RulesHold;
use crate::time::Instant;

use super::{Around, cut_short};
use crate::judge::content::evidence;
use crate::judge::observe::{Observation, Seen};
use crate::judge::rules::{CompiledRules, RuleMonitor};
use crate::judge::ruling::{Context, Ruling};
use crate::judge::timing::words;

/// Demands that each named rule was exercised (its condition held) and was never broken in (start, start + during].
#[derive(Debug)]
pub(crate) struct HoldRulesMachine<'p> {
    demand: RulesHold,
    context: Context<'p>,
    start: Instant,
    around: Around,
    monitor: RuleMonitor<'p>,
    compiled: Rc<CompiledRules<'p>>,
}

impl<'p> HoldRulesMachine<'p> {
    pub(crate) fn new(demand: &RulesHold, context: Context<'p>, start: Instant) -> HoldRulesMachine<'p> {
        let compiled = Rc::clone(&context.rules);
        let mut monitor = RuleMonitor::new(&compiled, |id| demand.rules.iter().any(|rule| rule == id));
        monitor.activate();
        HoldRulesMachine {
            demand: demand.clone(),
            context,
            start,
            around: Around::default(),
            monitor,
            compiled,
        }
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.start.after(self.demand.during)
    }

    pub(crate) fn is_done(&self) -> bool {
        false
    }

    /// The messages that the rules read.
    pub(crate) fn wanted(&self) -> Vec<&'p Message> {
        let keys: Vec<_> = self
            .demand
            .rules
            .iter()
            .flat_map(|rule| self.compiled.reads(rule))
            .collect();
        let messages = self.context.protocol.messages.iter();
        messages.filter(|message| keys.contains(&message.key)).collect()
    }

    pub(crate) fn observe(&mut self, observation: &Observation<'p>) {
        if observation.begin <= self.start || observation.at > self.deadline() {
            return;
        }
        self.around.note(observation);
        match &observation.seen {
            Seen::Heard(heard) => self.monitor.observe(heard),
            Seen::Disturbed(_) => self.monitor.forget(),
            _ => {}
        }
    }

    pub(crate) fn finish(mut self, now: Instant) -> Vec<Ruling> {
        self.monitor.tick(now.min(self.deadline()));
        let cut = (now < self.deadline()).then(|| cut_short(self.start, now, self.deadline()));
        let mut rulings = Vec::new();
        for (definition, watch) in self.monitor.results() {
            let actual = match (&watch.first, watch.exercised) {
                (Some(violation), _) => format!("broken: {}", violation.values),
                (None, true) => "held".to_string(),
                (None, false) => "its condition never held".to_string(),
            };
            let broken = watch.first.is_some();
            let outcome = if broken {
                definition.outcome
            } else {
                crate::definition::Outcome::Pass
            };
            let mut ruling = self
                .context
                .ruling_of(
                    format!("rule {}", definition.id),
                    definition.grade,
                    format!("exercised, and held for {}", words(self.demand.during)),
                    actual,
                    outcome,
                )
                .with_requirement(self.context.requirement(definition.grade, &definition.origin));
            if let Some(violation) = &watch.first {
                ruling = ruling.with_evidence(evidence(&violation.heard, 0..0));
            }
            rulings.push(match (broken, watch.exercised, self.around.excuse(), &cut) {
                (true, ..) => ruling,
                (false, false, ..) => ruling.unjudged("the rule was not exercised"),
                (false, true, Some(why), _) => ruling.unjudged(why),
                (false, true, None, Some(why)) => ruling.unjudged(why),
                (false, true, None, None) => ruling,
            });
        }
        for id in self.demand.rules.iter().filter(|id| !self.compiled.has(id)) {
            let grade = self.context.protocol.grade;
            let ruling = self
                .context
                .ruling(format!("rule {id}"), grade, "held".into(), String::new(), false);
            rulings.push(ruling.unjudged("the definition has no such rule, or it cannot be evaluated"));
        }
        rulings
    }
}
