//! What holds for every message of the target, whatever a case demands: layout, ranges, reserved bits, identifiers,
//! rules.
//!
//! Findings become checks of the case in which they happened, the same finding on the same message once, with a count.
//! Cases that share an observation share its findings: each goes to the cases that look at the message concerned, and to
//! all of them where none does, so that nothing is lost and no case answers for what it is not about.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use crate::decode::Finding;
use crate::decode::registers::CUT_FIELD;
use crate::definition::{Grade, MessageKey, Outcome, Protocol};
use crate::time::Instant;
use crate::wire::{BusFrame, hex_spaced};

use super::content::evidence;
use super::observe::{Heard, Observation, Seen};
use super::rules::RuleMonitor;
use super::ruling::{Context, Ruling};
use super::step::reply_time;

/// Watches everything that the target sends.
#[derive(Debug)]
pub(crate) struct Always<'p> {
    protocol: &'p Protocol,
    /// Before the case has settled only values are collected.
    active: bool,
    messages: u32,
    found: BTreeMap<(String, String, Option<String>), Found<'p>>,
    pub(crate) rules: RuleMonitor<'p>,
    /// When the last question had left, and how many were not answered yet, where the battery only answers.
    asked: Option<Instant>,
    unanswered: u32,
    /// Bytes that belonged to no frame: the first, and how often there were some.
    stray: Option<(String, u32)>,
    /// The worst reply time of each message, where it is not as it should be.
    slow: BTreeMap<String, Ruling>,
    /// Rules that the case breaks on purpose.
    allowed: Vec<String>,
}

#[derive(Debug)]
struct Found<'p> {
    finding: Finding,
    heard: Rc<Heard<'p>>,
    count: u32,
}

impl<'p> Always<'p> {
    pub(crate) fn new(protocol: &'p Protocol, rules: RuleMonitor<'p>, allowed: &[String]) -> Always<'p> {
        Always {
            protocol,
            active: false,
            messages: 0,
            found: BTreeMap::new(),
            asked: None,
            unanswered: 0,
            stray: None,
            slow: BTreeMap::new(),
            rules,
            allowed: allowed.to_vec(),
        }
    }

    /// A step begins, so the target has settled: what comes from here on counts.
    pub(crate) fn activate(&mut self, at: Instant) {
        self.active = true;
        self.rules.activate();
        // A question of the step before, sent as it is, may still be answered; an older one no more.
        let patience = self
            .protocol
            .timing
            .as_ref()
            .map_or(Duration::ZERO, |timing| timing.fail);
        if self.asked.is_none_or(|asked| at.since(asked) > patience) {
            self.unanswered = 0;
        }
    }

    /// Takes the next observation. `exchange`: a step judges what follows its own question.
    pub(crate) fn observe(&mut self, observation: &Observation<'p>, context: &Context<'p>, exchange: bool) {
        match &observation.seen {
            Seen::Heard(heard) => {
                self.rules.observe(heard);
                if self.active {
                    self.messages += 1;
                    self.note(heard);
                    if self.protocol.asks() && !exchange {
                        self.note_answer(heard, context);
                    }
                }
                self.unanswered = self.unanswered.saturating_sub(1);
            }
            Seen::Sent { until, .. } => {
                self.asked = Some(*until);
                self.unanswered += 1;
            }
            Seen::Noise(noise) if self.active && !exchange => {
                let text = format!("{} belong to no frame ({})", hex_spaced(&noise.bytes), noise.reason);
                self.stray.get_or_insert((text, 0)).1 += 1;
            }
            Seen::Disturbed(_) | Seen::Elapsed => self.rules.forget(),
            _ => {}
        }
    }

    /// An answer to a question that the harness asked by itself.
    fn note_answer(&mut self, heard: &Rc<Heard<'p>>, context: &Context<'p>) {
        if self.unanswered == 0 {
            let finding = Finding {
                id: "unasked".into(),
                outcome: Outcome::Fail,
                // The battery speaks only when asked: wrong on any bus with one master.
                grade: Grade::A,
                text: "it comes without a question".into(),
                field: None,
                bytes: 0..0,
            };
            self.count(&finding, heard);
            return;
        }
        let label = heard.label();
        let ruling = self
            .asked
            .and_then(|asked| reply_time(context, &label, heard, asked, None, None));
        if let Some(ruling) = ruling.filter(|ruling| !ruling.held) {
            let known = self.slow.get(&label);
            if known.is_none_or(|known| known.check.measured < ruling.check.measured) {
                self.slow.insert(label, ruling);
            }
        }
    }

    fn note(&mut self, heard: &Rc<Heard<'p>>) {
        let decoded = &heard.decoded;
        let forbidden = self.forbidden(heard);
        for finding in decoded.errors.iter().chain(&decoded.warnings).chain(&forbidden) {
            // A field that was asked for in part is answered in part: of the target this says nothing.
            let of_question = finding.id == CUT_FIELD;
            if finding.outcome == Outcome::Pass || of_question || self.allowed.iter().any(|id| *id == finding.id) {
                continue;
            }
            self.count(finding, heard);
        }
    }

    fn count(&mut self, finding: &Finding, heard: &Rc<Heard<'p>>) {
        let key = (heard.label(), finding.id.to_string(), finding.field.clone());
        self.found
            .entry(key)
            .and_modify(|found| found.count += 1)
            .or_insert_with(|| Found {
                finding: finding.clone(),
                heard: Rc::clone(heard),
                count: 1,
            });
    }

    fn forbidden(&self, heard: &Heard<'p>) -> Option<Finding> {
        let BusFrame::Can(frame) = &heard.frame else {
            return None;
        };
        let (id, grade) = self
            .protocol
            .forbidden_ids
            .iter()
            .find(|(id, _)| id.number() == frame.id.number())?;
        Some(Finding {
            id: "forbidden-id".into(),
            outcome: Outcome::Fail,
            grade: *grade,
            text: format!("0x{id} must not come from the battery"),
            field: None,
            bytes: 0..0,
        })
    }

    /// What came out, of the messages for which the case answers.
    pub(crate) fn finish(&self, context: &Context<'p>, answers_for: impl Fn(&[MessageKey]) -> bool) -> Vec<Ruling> {
        let mut rulings: Vec<Ruling> = Vec::new();
        for ((label, id, field), found) in &self.found {
            let keys: Vec<MessageKey> = found.heard.key().into_iter().collect();
            if answers_for(&keys) {
                rulings.push(finding_ruling(label, id, field.as_deref(), found, context));
            }
        }
        rulings.extend(self.slow.values().cloned());
        if let Some((text, count)) = &self.stray {
            // A glitch at the turn of the line and a battery that talks nonsense look alike.
            rulings.push(context.ruling(
                "stray bytes".into(),
                Grade::D,
                "none".into(),
                format!("{text}{}", times(*count)),
                false,
            ));
        }
        let mut exercised = 0;
        for (rule, watch) in self.rules.results() {
            exercised += u32::from(watch.exercised);
            let Some(violation) = &watch.first else { continue };
            if self.allowed.contains(&rule.id) || !answers_for(&self.rules.reads(&rule.id)) {
                continue;
            }
            let expected = match &rule.when {
                Some(when) => format!("{} whenever {}", rule.then.text, when.text),
                None => rule.then.text.clone(),
            };
            rulings.push(
                context
                    .ruling_of(
                        format!("rule {}", rule.id),
                        rule.grade,
                        expected,
                        format!("{}{}", violation.values, times(watch.violations)),
                        rule.outcome,
                    )
                    .with_requirement(context.requirement(rule.grade, &rule.origin))
                    .with_evidence(evidence(&violation.heard, 0..0)),
            );
        }
        if rulings.is_empty() && self.messages > 0 {
            let actual = format!("{} messages, {exercised} rules exercised", self.messages);
            rulings.push(context.ruling(
                "every message".into(),
                Grade::A,
                "sound, within its ranges, and the rules held".into(),
                actual,
                true,
            ));
        }
        rulings
    }
}

fn finding_ruling(label: &str, id: &str, field: Option<&str>, found: &Found<'_>, context: &Context<'_>) -> Ruling {
    let what = match field {
        Some(field) => format!("{label}.{field} {id}"),
        None => format!("{label} {id}"),
    };
    let finding = &found.finding;
    let message = found.heard.decoded.message;
    let origin = field
        .and_then(|name| message?.field(name))
        .map(|field| &field.origin)
        .or(message.map(|message| &message.origin));
    let ruling = context.ruling_of(
        what,
        finding.grade,
        "as the sheet says".into(),
        format!("{}{}", finding.text, times(found.count)),
        finding.outcome,
    );
    let ruling = match origin {
        Some(origin) => ruling.with_requirement(context.requirement(finding.grade, origin)),
        None => ruling,
    };
    ruling.with_evidence(evidence(&found.heard, finding.bytes.clone()))
}

/// ` (3 times)`; nothing for once.
fn times(count: u32) -> String {
    if count > 1 {
        format!(" ({count} times)")
    } else {
        String::new()
    }
}
