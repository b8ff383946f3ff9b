//! The rules of a definition, watched over a stretch of a trace.
//!
//! A rule may join several messages, which never come at the same instant: right after a change the newer message is
//! ahead of the older one. So a rule over several messages counts as broken only when it is still broken after each of
//! them has come again. A rule with `during` must stay broken for longer than that time.

use std::rc::Rc;
use std::time::Duration;

use crate::definition::scope::Scope;
use crate::definition::{MessageKey, Protocol, RuleDefinition};
use crate::rule::{FieldName, Outcome as Truth, Program};
use crate::time::Instant;

use super::expression::{for_each_pack, values_in_words};
use super::observe::Heard;

/// The rules of a definition, ready to be evaluated.
#[derive(Debug)]
pub(crate) struct CompiledRules<'p> {
    rules: Vec<CompiledRule<'p>>,
}

#[derive(Debug)]
struct CompiledRule<'p> {
    definition: &'p RuleDefinition,
    when: Option<&'p Program>,
    then: &'p Program,
    /// The message of each name that `when` and then `then` read.
    messages: Vec<MessageKey>,
    when_reads: usize,
    /// The messages, each once.
    joined: Vec<MessageKey>,
}

impl<'p> CompiledRules<'p> {
    /// The rules of `protocol`, which were compiled when the definition was loaded.
    pub(crate) fn new(protocol: &'p Protocol) -> CompiledRules<'p> {
        let rules = protocol
            .rules
            .iter()
            .filter_map(|rule| prepared(rule, protocol))
            .collect();
        CompiledRules { rules }
    }

    /// The messages that a rule reads.
    pub(crate) fn reads(&self, id: &str) -> Vec<MessageKey> {
        self.rules
            .iter()
            .find(|rule| rule.definition.id == id)
            .map(|rule| rule.joined.clone())
            .unwrap_or_default()
    }

    /// Whether the rule is there.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.rules.iter().any(|rule| rule.definition.id == id)
    }
}

/// Finds the message of each name that a rule reads.
fn prepared<'p>(definition: &'p RuleDefinition, protocol: &'p Protocol) -> Option<CompiledRule<'p>> {
    let then = definition.then.program()?;
    let when = match &definition.when {
        None => None,
        Some(when) => Some(when.program()?),
    };
    let own = definition
        .own_message
        .as_deref()
        .and_then(|own| protocol.message_by_name(own));
    let scope = Scope::of_protocol(protocol, own);
    let when_names: &[FieldName] = when.map_or(&[], Program::reads);
    let mut messages = Vec::new();
    for name in when_names.iter().chain(then.reads()) {
        messages.push(scope.find(name)?.0.key);
    }
    let mut joined = messages.clone();
    joined.sort_by_key(|key| key.number());
    joined.dedup();
    Some(CompiledRule {
        definition,
        when_reads: when_names.len(),
        when,
        then,
        messages,
        joined,
    })
}

/// Watches rules.
#[derive(Debug)]
pub(crate) struct RuleMonitor<'p> {
    compiled: Rc<CompiledRules<'p>>,
    watches: Vec<Watch<'p>>,
    /// The latest message of each kind.
    latest: Vec<Rc<Heard<'p>>>,
    /// Verdicts count from here on; before, values are only collected.
    active: bool,
}

/// What a watched rule has shown so far.
#[derive(Debug)]
pub(crate) struct Watch<'p> {
    rule: usize,
    /// Its condition held, and what must follow could be told.
    pub(crate) exercised: bool,
    /// The last look at it could not decide: it is looked at again although nothing has changed.
    undecided: bool,
    broken: Option<Broken<'p>>,
    /// How often it was broken for long enough, and the first time.
    pub(crate) violations: u32,
    pub(crate) first: Option<Violation<'p>>,
}

/// A rule that is broken at present.
#[derive(Debug)]
struct Broken<'p> {
    since: Instant,
    heard: Rc<Heard<'p>>,
    values: String,
    /// The messages that have not come again since.
    stale: Vec<MessageKey>,
    counted: bool,
}

/// A rule that was broken.
#[derive(Clone, Debug)]
pub(crate) struct Violation<'p> {
    /// The message with which it began.
    pub(crate) heard: Rc<Heard<'p>>,
    /// The values then.
    pub(crate) values: String,
}

impl<'p> RuleMonitor<'p> {
    /// A monitor of the rules that `wanted` picks by name.
    pub(crate) fn new(compiled: &Rc<CompiledRules<'p>>, wanted: impl Fn(&str) -> bool) -> RuleMonitor<'p> {
        let watches = compiled
            .rules
            .iter()
            .enumerate()
            .filter(|(_, rule)| wanted(&rule.definition.id))
            .map(|(rule, _)| Watch {
                rule,
                exercised: false,
                undecided: true,
                broken: None,
                violations: 0,
                first: None,
            })
            .collect();
        RuleMonitor {
            compiled: Rc::clone(compiled),
            watches,
            latest: Vec::new(),
            active: false,
        }
    }

    /// Rules count from here on.
    pub(crate) fn activate(&mut self) {
        self.active = true;
    }

    /// Takes a message.
    pub(crate) fn observe(&mut self, heard: &Rc<Heard<'p>>) {
        let Some(key) = heard.key() else { return };
        if !heard.decoded.errors.is_empty() || heard.decoded.return_code != 0 {
            return;
        }
        self.tick(heard.at);
        let known = self.latest.iter_mut().find(|known| known.key() == Some(key));
        let changed = match known {
            Some(known) => {
                let changed = known.frame != heard.frame;
                *known = Rc::clone(heard);
                changed
            }
            None => {
                self.latest.push(Rc::clone(heard));
                true
            }
        };
        if !self.active {
            return;
        }
        let compiled = Rc::clone(&self.compiled);
        for index in 0..self.watches.len() {
            let Some(rule) = compiled.rules.get(self.watches[index].rule) else {
                continue;
            };
            if !rule.joined.contains(&key) {
                continue;
            }
            if let Some(broken) = &mut self.watches[index].broken {
                broken.stale.retain(|stale| *stale != key);
            }
            if changed || self.watches[index].undecided {
                self.evaluate(index, rule, heard);
            }
        }
        self.tick(heard.at);
    }

    fn evaluate(&mut self, index: usize, rule: &CompiledRule<'p>, heard: &Rc<Heard<'p>>) {
        let sources: Vec<Option<Rc<Heard<'p>>>> = rule
            .messages
            .iter()
            .map(|key| self.latest.iter().find(|known| known.key() == Some(*key)).cloned())
            .collect();
        let watch = &mut self.watches[index];
        let too_old = rule
            .definition
            .max_age
            .is_some_and(|most| sources.iter().flatten().any(|source| heard.at.since(source.at) > most));
        let (for_when, for_then) = sources.split_at(rule.when_reads.min(sources.len()));
        let applies = match rule.when {
            None => Truth::True,
            Some(when) => for_each_pack(when, for_when),
        };
        let holds = match applies {
            Truth::True if !too_old => for_each_pack(rule.then, for_then),
            Truth::False => {
                watch.broken = None;
                watch.undecided = false;
                return;
            }
            _ => {
                watch.broken = None;
                watch.undecided = true;
                return;
            }
        };
        watch.undecided = !matches!(holds, Truth::True | Truth::False);
        match holds {
            Truth::True => {
                watch.exercised = true;
                watch.broken = None;
            }
            Truth::False => {
                watch.exercised = true;
                if watch.broken.is_none() {
                    let names: Vec<FieldName> = rule
                        .when
                        .iter()
                        .flat_map(|when| when.reads().iter().cloned())
                        .chain(rule.then.reads().iter().cloned())
                        .collect();
                    watch.broken = Some(Broken {
                        since: heard.at,
                        heard: Rc::clone(heard),
                        values: values_in_words(&names, &sources),
                        stale: if rule.joined.len() > 1 {
                            rule.joined.clone()
                        } else {
                            Vec::new()
                        },
                        counted: false,
                    });
                }
            }
            Truth::Undefined(_) | Truth::Overflow => watch.broken = None,
        }
    }

    /// Lets time pass: a rule may have been broken for long enough by now.
    pub(crate) fn tick(&mut self, now: Instant) {
        for watch in &mut self.watches {
            let Some(broken) = &mut watch.broken else { continue };
            let during = self
                .compiled
                .rules
                .get(watch.rule)
                .and_then(|rule| rule.definition.during)
                .unwrap_or(Duration::ZERO);
            let long_enough = during.is_zero() || now.since(broken.since) > during;
            if long_enough && broken.stale.is_empty() && !broken.counted {
                broken.counted = true;
                watch.violations += 1;
                if watch.first.is_none() {
                    watch.first = Some(Violation {
                        heard: Rc::clone(&broken.heard),
                        values: broken.values.clone(),
                    });
                }
            }
        }
    }

    /// The clock cannot be trusted, or messages are missing: what is broken at present begins anew.
    pub(crate) fn forget(&mut self) {
        for watch in &mut self.watches {
            watch.broken = None;
        }
    }

    /// The messages that a rule reads.
    pub(crate) fn reads(&self, id: &str) -> Vec<MessageKey> {
        self.compiled.reads(id)
    }

    /// What each watched rule has shown.
    pub(crate) fn results(&self) -> impl Iterator<Item = (&'p RuleDefinition, &Watch<'p>)> {
        self.watches.iter().filter_map(|watch| {
            let rule = self.compiled.rules.get(watch.rule)?;
            Some((rule.definition, watch))
        })
    }
}
