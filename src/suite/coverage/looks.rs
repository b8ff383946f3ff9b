//! What the steps of a case look at: a case that claims to cover something must be able to fail on it.

use super::{CoverageItem, Covered};
use crate::definition::{Anchor, Field, Item, Message, MessageKey, PlannedQuestion, Presence, Protocol, Reaction};
use crate::document::scalar;
use crate::suite::{Action, Case, Content, Exchange, Reply, Step, Stimulus, Unwanted};
use crate::wire::BusFrame;
use crate::wire::can::CanId;

/// Whether some step of `case` looks at `item` on `protocol`.
///
/// # Errors
/// What a step would have to do, in words.
pub fn looks_at(case: &Case, protocol: &Protocol, item: &CoverageItem) -> Result<(), String> {
    let looks = Looks { case, protocol };
    let message_of = |key: &str| protocol.message_by_reference(key);
    let (seen, wanted) = match &item.what {
        Covered::Message(key) | Covered::Length(key) | Covered::Reserved(key) => (
            message_of(key).is_some_and(|message| looks.at_message(message)),
            format!("a step must look at {key}"),
        ),
        Covered::Field(key, name) => (
            message_of(key).is_some_and(|message| looks.at_field(message, name)),
            format!("demand `{name}` under `fields` or `that`, or give golden bytes that hold it"),
        ),
        Covered::Period(key) => (
            message_of(key).is_some_and(|message| looks.at_period(message)),
            format!("add `period: {{ message: {key} }}`"),
        ),
        Covered::Rule(id) => (
            protocol.rules.iter().any(|rule| rule.id == *id)
                && (looks.names_rule(id)
                    || looks.any(|action| action.is_watch() || matches!(action, Action::Exchange(_)))),
            format!("add `rules: {{ hold: [{id}] }}`"),
        ),
        Covered::Deviation(id) => (
            protocol
                .deviations
                .iter()
                .filter(|deviation| deviation.id == *id)
                .filter_map(|deviation| protocol.message_by_reference(&deviation.message))
                .any(|message| looks.at_message(message)),
            "a step must look at the message that shows it".to_string(),
        ),
        Covered::Error(situation) => (
            looks.exchange(|exchange| matches!(&exchange.reaction, Reply::Error(name) if name == situation)),
            format!("add a `request` with `error: {situation}`"),
        ),
        Covered::ReturnCode(code) => (
            looks.return_code(*code),
            format!("add a `request` with `return_code: 0x{code:02X}`, or with an `error` that demands it"),
        ),
        Covered::Timing => (
            looks.exchange(|exchange| !matches!(exchange.reaction, Reply::Silence(_))) || looks.any(asks_by_itself),
            "add a `request` with a `reply`".to_string(),
        ),
        Covered::Plan(name) => (
            protocol
                .plans
                .iter()
                .filter(|plan| plan.name == *name)
                .any(|plan| plan.ask.iter().all(|question| looks.asks(question))),
            "the case must ask every question of the plan".to_string(),
        ),
        Covered::Inverter(id) => (
            looks.sends(*id) || looks.keepalive_matters(),
            format!("send 0x{id}, or withhold it with `keepalive: off`"),
        ),
        Covered::Keepalive => (
            looks.keepalive_matters(),
            "withhold the inverter's frames with `keepalive: off`".to_string(),
        ),
        Covered::FirstSet => (
            looks.any(|action| matches!(action, Action::AllMessages(_)))
                && looks.any(|action| {
                    matches!(action, Action::Stimulate(stimuli) if stimuli.iter().any(|stimulus| {
                        matches!(stimulus, Stimulus::PowerCycle | Stimulus::Sleep(false))
                    }))
                }),
            "`power_cycle: true` and then `all_messages`".to_string(),
        ),
        Covered::Forbidden(id) => (
            looks.any(|action| {
                let is = |text: &str| scalar::code(text) == Some(i64::from(id.number()));
                matches!(action, Action::Never(never) if matches!(&never.what, Unwanted::Message(text) if is(text)))
            }) || looks.any(Action::is_watch),
            format!("add `never: {{ message: 0x{id} }}`"),
        ),
        Covered::OtherIds => (
            looks.any(|action| matches!(action, Action::Never(never) if never.what == Unwanted::UnknownId))
                || looks.any(Action::is_watch),
            "add `never: { unknown_id: true }`".to_string(),
        ),
    };
    if seen { Ok(()) } else { Err(wanted) }
}

/// The messages that the steps of a case look at, or that it claims to cover.
pub(crate) fn looked_at(case: &Case, protocol: &Protocol) -> Vec<MessageKey> {
    let looks = Looks { case, protocol };
    let prefix = format!("{}/", protocol.name);
    let claimed = |message: &Message| {
        case.covers
            .iter()
            .filter_map(|text| text.strip_prefix(&prefix))
            .any(|rest| rest.split('.').next() == Some(message.key.to_string().as_str()))
    };
    let in_rules = |message: &Message| {
        looks.any(|action| match action {
            Action::Rules(hold) => hold.rules.iter().any(|id| looks.rule_reads(id, message)),
            _ => false,
        })
    };
    protocol
        .messages
        .iter()
        .filter(|message| looks.at_message(message) || claimed(message) || in_rules(message))
        .map(|message| message.key)
        .collect()
}

/// A demand that the harness asks for on a serial line.
fn asks_by_itself(action: &Action) -> bool {
    matches!(action, Action::Expect(_) | Action::AllMessages(_) | Action::Rules(_))
}

/// Finds out what the steps of a case look at.
struct Looks<'a> {
    case: &'a Case,
    protocol: &'a Protocol,
}

impl Looks<'_> {
    /// Whether an action, those inside `together` included, is as wanted.
    fn any(&self, wanted: impl Fn(&Action) -> bool) -> bool {
        fn search(steps: &[Step], wanted: &dyn Fn(&Action) -> bool) -> bool {
            steps.iter().any(|step| match &step.action {
                Action::Together(steps) => search(steps, wanted) || wanted(&step.action),
                action => wanted(action),
            })
        }
        search(&self.case.steps, &wanted)
    }

    fn exchange(&self, wanted: impl Fn(&Exchange) -> bool) -> bool {
        self.any(|action| matches!(action, Action::Exchange(exchange) if wanted(exchange)))
    }

    fn is(&self, reference: &str, message: &Message) -> bool {
        self.protocol
            .message_by_reference(reference)
            .is_some_and(|found| found.key == message.key)
    }

    /// The contents demanded of `message`.
    fn contents(&self, message: &Message, wanted: impl Fn(&Content) -> bool) -> bool {
        self.any(|action| match action {
            Action::Expect(expect) => match &expect.message {
                Some(reference) => self.is(reference, message) && wanted(&expect.content),
                None => wanted(&expect.content),
            },
            Action::Exchange(exchange) => match &exchange.reaction {
                Reply::Data { content, .. } if self.answers(exchange, message) => {
                    match shifted(content, exchange, message) {
                        Some(content) => wanted(&content),
                        None => wanted(content),
                    }
                }
                _ => false,
            },
            _ => false,
        })
    }

    /// Whether the exchange is about the command `message`.
    fn answers(&self, exchange: &Exchange, message: &Message) -> bool {
        let request = &exchange.request;
        request
            .messages(self.protocol)
            .iter()
            .any(|found| found.key == message.key)
    }

    fn at_message(&self, message: &Message) -> bool {
        let core = message.presence == Presence::Default;
        self.contents(message, |content| {
            content.fields.is_empty() || self.reads_any(message, content)
        }) || self.any(|action| match action {
            Action::Period(period) => self.is(&period.message, message),
            Action::AllMessages(_) => core,
            Action::Exchange(exchange) => {
                self.answers(exchange, message) && !matches!(exchange.reaction, Reply::Silence(_))
            }
            Action::Never(never) => {
                matches!(&never.what, Unwanted::Message(reference) if self.is(reference, message))
            }
            _ => false,
        })
    }

    fn reads_any(&self, message: &Message, content: &Content) -> bool {
        content.fields.iter().any(|(name, _)| message.field(name).is_some())
    }

    fn at_period(&self, message: &Message) -> bool {
        self.any(|action| matches!(action, Action::Period(period) if self.is(&period.message, message)))
    }

    fn names_rule(&self, id: &str) -> bool {
        self.any(|action| matches!(action, Action::Rules(rules) if rules.rules.iter().any(|rule| rule == id)))
    }

    /// Whether a demand reads the field `name`, or golden bytes lie over it, or a demanded rule reads it.
    fn at_field(&self, message: &Message, name: &str) -> bool {
        let of_run = |other: &str| {
            message
                .fields()
                .iter()
                .any(|field| field.name == name && field.matches(other))
        };
        let same = |other: &str| other == name || of_run(other);
        let field = message
            .field(name)
            .or_else(|| message.fields().into_iter().find(|field| field.name == name));
        let reads = |text: &str| read_names(text).any(same);
        let demands = |content: &Content| {
            content
                .fields
                .iter()
                .chain(content.packs.iter().flatten())
                .any(|(other, _)| same(other))
                || content.that.iter().any(|expression| reads(&expression.text))
                || content.frame.is_some()
                || content
                    .golden
                    .as_ref()
                    .is_some_and(|golden| field.is_none_or(|field| lies_under(field, message, golden)))
        };
        let in_rule = || {
            self.protocol
                .rules
                .iter()
                .filter(|rule| self.names_rule(&rule.id))
                .any(|rule| reads(&rule.then.text) || rule.when.as_ref().is_some_and(|when| reads(&when.text)))
        };
        self.contents(message, demands) || in_rule()
    }

    /// Whether a rule reads a field of the message.
    fn rule_reads(&self, id: &str, message: &Message) -> bool {
        let reads = |text: &str| read_names(text).any(|name| message.field(name).is_some());
        self.protocol
            .rules
            .iter()
            .filter(|rule| rule.id == id)
            .any(|rule| reads(&rule.then.text) || rule.when.as_ref().is_some_and(|when| reads(&when.text)))
    }

    fn return_code(&self, code: u8) -> bool {
        self.exchange(|exchange| match &exchange.reaction {
            Reply::ReturnCode(wanted) => *wanted == code,
            Reply::Data { .. } => code == 0,
            Reply::Error(situation) => self
                .protocol
                .errors
                .iter()
                .any(|rule| rule.situation == *situation && rule.expect == Reaction::ReturnCode(code)),
            Reply::Silence(_) | Reply::Whatever => false,
        }) || (code == 0 && self.any(asks_by_itself))
    }

    fn asks(&self, question: &PlannedQuestion) -> bool {
        self.exchange(|exchange| {
            let request = &exchange.request;
            request.command == Some(question.command)
                && request.registers == question.registers
                && request.address == question.address
        })
    }

    fn sends(&self, id: CanId) -> bool {
        self.any(|action| match action {
            Action::Send(send) => send
                .frames
                .iter()
                .any(|frame| matches!(frame, BusFrame::Can(frame) if frame.id.number() == id.number())),
            _ => false,
        })
    }

    fn keepalive_matters(&self) -> bool {
        !self.case.keepalive || self.any(|action| matches!(action, Action::Keepalive(_)))
    }
}

/// Golden bytes of another range of registers than the whole block, as they lie over the block.
fn shifted(content: &Content, exchange: &Exchange, message: &Message) -> Option<Content> {
    let (start, _) = exchange.request.registers?;
    let (first, _) = message.registers()?;
    let golden = content.golden.as_ref().filter(|_| start != first)?;
    let before = usize::from(start.saturating_sub(first)) * 2;
    let cut = usize::from(first.saturating_sub(start)) * 2;
    let golden = std::iter::repeat_n(None, before).chain(golden.iter().skip(cut).copied());
    Some(Content {
        golden: Some(golden.collect()),
        ..content.clone()
    })
}

/// Whether golden bytes that matter lie over a field. Where its place depends on what comes before, any golden byte
/// counts.
fn lies_under(field: &Field, message: &Message, golden: &[Option<u8>]) -> bool {
    let top_level = message
        .layout
        .items
        .iter()
        .any(|item| matches!(item, Item::Field(known) if known.name == field.name));
    match field.place.anchor {
        Anchor::Start(first) if top_level => {
            let end = if field.place.bytes == 0 {
                golden.len()
            } else {
                first + field.place.bytes
            };
            golden
                .get(first..end.min(golden.len()))
                .is_some_and(|bytes| !bytes.is_empty() && bytes.iter().all(Option::is_some))
        }
        _ => golden.iter().any(Option::is_some),
    }
}

/// The field names that an expression reads, messages before them left out.
fn read_names(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !(character.is_ascii_alphanumeric() || character == '_'))
        .filter(|word| word.starts_with(|character: char| character.is_ascii_alphabetic()))
}
