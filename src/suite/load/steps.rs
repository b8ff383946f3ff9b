//! What happens in a case, and what is demanded of messages that come by themselves.

use std::time::Duration;

use crate::definition::scope::Scope;
use crate::definition::{Bus, Expression, Kind, Message};
use crate::document::diagnostic::did_you_mean;
use crate::document::scalar;
use crate::document::{Diagnostic, Node};
use crate::link::look;
use crate::link::stimulus::{self, StimulusError, hands};
use crate::rule::{self, RuleError};
use crate::value::Quantity;
use crate::wire::BusFrame;

use super::names::Places;
use super::{Loader, is_on};
use crate::suite::{
    Action, Content, Demand, Expect, Never, Period, RulesHold, Send, Setting, Step, Stimulus, Unwanted, demand,
    frame_text,
};

/// The keys of a step that say what it does; the others belong to `request`.
const ACTIONS: [&str; 22] = [
    "set",
    "packs",
    "unplug",
    "plug",
    "sleep",
    "power_cycle",
    "reset",
    "dip",
    "key",
    "panel",
    "wait",
    "elapse",
    "shows",
    "keepalive",
    "send",
    "expect",
    "never",
    "period",
    "all_messages",
    "rules",
    "together",
    "request",
];
const REACTIONS: [&str; 5] = ["reply", "silence", "error", "return_code", "serves"];
/// How many messages are looked at where a case does not say.
const OVER: u32 = 2;
/// How many periods are observed where a case does not say.
const PERIODS: u32 = 5;

impl<'a> Loader<'a> {
    /// One step; `None` when it has no meaning at all.
    pub(super) fn step(&mut self, node: &Node) -> Option<Step> {
        let keys: Vec<&Node> = node.entries().iter().map(|(key, _)| key).collect();
        let is = |key: &Node, of: &[&str]| key.text().is_some_and(|text| of.contains(&text));
        let actions: Vec<&Node> = keys.iter().copied().filter(|key| is(key, &ACTIONS)).collect();
        let reactions: Vec<&Node> = keys.iter().copied().filter(|key| is(key, &REACTIONS)).collect();
        let Some(first) = actions.first() else {
            let message = match reactions.first() {
                Some(key) => format!(
                    "`{}` needs the `request` that it follows",
                    key.text().unwrap_or_default()
                ),
                None => "the step does nothing".to_string(),
            };
            self.push(Diagnostic::error("empty-step", message, node.span.clone()).help(
                "one of set, packs, unplug, plug, sleep, power_cycle, dip, key, panel, wait, elapse, keepalive, send, \
                 shows, expect, never, period, all_messages, rules, together, request",
            ));
            return None;
        };
        if let Some(second) = actions.get(1) {
            let message = format!(
                "`{}` and `{}` in one step leave the order open",
                first.text().unwrap_or_default(),
                second.text().unwrap_or_default()
            );
            self.push(
                Diagnostic::error("two-actions", message, second.span.clone())
                    .also(first.span.clone(), "the step does this")
                    .help("make them two steps, or use `together` for demands that are watched at the same time"),
            );
            return None;
        }
        let what = first.text().unwrap_or_default();
        if what != "request" {
            for extra in keys.iter().filter(|key| is(key, &REACTIONS) || is(key, &["times"])) {
                let message = format!("`{}` belongs to a `request`", extra.text().unwrap_or_default());
                self.error("reaction-without-request", message, &extra.span);
            }
        }
        let value = node.get(what)?;
        let action = self.action(what, value, node)?;
        Some(Step {
            action,
            origin: self.origin(value),
        })
    }

    fn action(&mut self, what: &str, value: &Node, step: &Node) -> Option<Action> {
        let one = |stimulus| Some(Action::Stimulate(vec![stimulus]));
        let number = || value.text().and_then(|text| text.parse::<u8>().ok());
        match what {
            "set" => {
                if value.entries().is_empty() {
                    self.error("empty-step", "`set` sets nothing", &value.span);
                }
                Some(Action::Stimulate(self.stimuli(value)))
            }
            "packs" => one(Stimulus::Packs(number()?)),
            "unplug" => one(Stimulus::Online {
                pack: number()?,
                online: false,
            }),
            "plug" => one(Stimulus::Online {
                pack: number()?,
                online: true,
            }),
            "sleep" => one(Stimulus::Sleep(value.text().is_some_and(is_on))),
            "power_cycle" => one(Stimulus::PowerCycle),
            "reset" => one(Stimulus::Reset),
            "dip" => {
                let address = stimulus::setting(value.text()?);
                self.stimulus_is_known(stimulus::check("dip", &address), value);
                one(Stimulus::Set("dip".to_string(), address))
            }
            "key" => {
                let text = value.text()?;
                self.stimulus_is_known(hands::key(text).map(drop), value);
                one(Stimulus::Key(text.to_string()))
            }
            "panel" => {
                let text = value.text()?;
                self.stimulus_is_known(hands::panel(text).map(drop), value);
                one(Stimulus::Panel(text.to_string()))
            }
            "wait" => duration_of(value).map(Action::Wait),
            "elapse" => duration_of(value).map(Action::Elapse),
            "shows" => Some(Action::Shows(self.shows(value))),
            "keepalive" => {
                self.wants_can("keepalive", value);
                Some(Action::Keepalive(value.text().is_some_and(is_on)))
            }
            "send" => Some(Action::Send(self.send(value))),
            "expect" => Some(Action::Expect(self.expect(value))),
            "never" => self.never(value).map(Action::Never),
            "period" => Some(Action::Period(self.period(value))),
            "all_messages" => duration(value, "within").map(Action::AllMessages),
            "rules" => Some(Action::Rules(RulesHold {
                rules: value
                    .get("hold")
                    .map(|hold| self.rule_names(&hold.elements().iter().collect::<Vec<_>>()))
                    .unwrap_or_default(),
                during: duration(value, "during")?,
            })),
            "together" => Some(Action::Together(
                value.elements().iter().filter_map(|each| self.step(each)).collect(),
            )),
            _ => self.exchange(value, step).map(Action::Exchange),
        }
    }

    fn stimulus_is_known(&mut self, checked: Result<(), StimulusError>, node: &Node) {
        if let Err(mistake) = checked {
            let help = mistake.help();
            self.push(Diagnostic::error("stimulus-value", mistake.to_string(), node.span.clone()).maybe_help(help));
        }
    }

    /// What display and LEDs are to show.
    fn shows(&mut self, node: &Node) -> Vec<(String, Setting)> {
        if node.entries().is_empty() {
            self.error("empty-step", "`shows` looks at nothing", &node.span);
        }
        let mut things = Vec::new();
        for (key, value) in node.entries() {
            let name = key.text().unwrap_or_default();
            let wanted = stimulus::setting(value.text().unwrap_or_default());
            match look::check(name, &wanted) {
                Ok(()) => things.push((name.to_string(), wanted)),
                Err(mistake) => {
                    let place = match mistake {
                        StimulusError::Unseen { .. } => &key.span,
                        _ => &value.span,
                    };
                    let help = mistake.help();
                    self.push(Diagnostic::error("wrong-look", mistake.to_string(), place.clone()).maybe_help(help));
                }
            }
        }
        things
    }

    fn wants_can(&mut self, what: &str, node: &Node) {
        if self.only_serial() {
            let message = format!("`{what}` is for CAN: on a serial line the battery speaks only when asked");
            self.error("wrong-bus", message, &node.span);
        }
    }

    fn send(&mut self, node: &Node) -> Send {
        let mut frames: Vec<BusFrame> = Vec::new();
        let serial = self.only_serial();
        let bus = match self.scope.first() {
            Some(protocol) => protocol.bus.clone(),
            None => Bus::Can {
                bitrate: 0,
                extended: false,
            },
        };
        for each in node.get("frames").map_or(&[][..], Node::elements) {
            match frame_text::frame(each.text().unwrap_or_default(), &bus) {
                Ok(frame) => frames.push(frame),
                // Without a known protocol the form cannot be judged.
                Err(_) if self.scope.is_empty() => {}
                Err(why) => self.push(
                    Diagnostic::error("wrong-frame", "the frame cannot be read", each.span.clone())
                        .help(why)
                        .maybe_help(serial.then(|| "an answer is judged by `request`, not by `send`".to_string())),
                ),
            }
        }
        let random = count(node, "random", 0);
        if node.get("frames").is_none() && random == 0 {
            self.error("missing-key", "`send` says neither `frames` nor `random`", &node.span);
        }
        Send {
            frames,
            random,
            times: count(node, "times", 1),
            every: duration(node, "every").unwrap_or_default(),
        }
    }

    /// A demand on a message.
    pub(super) fn expect(&mut self, node: &Node) -> Expect {
        let if_carried = self.if_carried(node);
        let mut places = match node.get("message") {
            Some(message) => self.message(message),
            None => {
                if self.scope.len() == 1 {
                    let place = node
                        .entries()
                        .first()
                        .map_or(node.span.clone(), |(key, _)| key.span.clone());
                    self.push(
                        Diagnostic::error("missing-key", "`message` is missing in expect", place)
                            .help("it may be left out only in a suite with `protocols: all`"),
                    );
                } else if node.get("fields").is_none() {
                    let message = "without `message` there must be `fields` by which to find it";
                    self.error("missing-key", message, &node.span);
                }
                self.any_message()
            }
        };
        places.if_carried = if_carried;
        if let Some(named) = node.get("message") {
            self.check_askable(&places, named);
        }
        let (within, not_before) = (duration(node, "within"), duration(node, "not_before"));
        if let (Some(within), Some(key)) = (within, node.get("within"))
            && within.is_zero()
        {
            self.error("never-possible", "nothing comes within no time", &key.span);
        }
        if let (Some(_), Some(over)) = (within, node.get("over")) {
            self.push(
                Diagnostic::error(
                    "within-and-over",
                    "`over` has no meaning beside `within`",
                    over.span.clone(),
                )
                .help("`holds` demands that further messages match too"),
            );
        }
        if let (Some(earliest), Some(key)) = (not_before, node.get("not_before"))
            && within.is_none_or(|within| earliest >= within)
        {
            self.push(
                Diagnostic::error(
                    "never-possible",
                    "`not_before` needs a later `within`",
                    key.span.clone(),
                )
                .help("a match must come between the two"),
            );
        }
        Expect {
            message: node.get_text("message").map(str::to_string),
            within,
            over: count(node, "over", OVER),
            holds: duration(node, "holds"),
            not_before,
            if_carried: places.if_carried,
            content: self.content(node, &places),
        }
    }

    /// A demand may fall away only where nobody says on which protocol it is made.
    fn if_carried(&mut self, node: &Node) -> bool {
        let Some(key) = node.get("if_carried").filter(|key| key.text() == Some("true")) else {
            return false;
        };
        if self.scope.len() == 1 || node.get("message").is_some() {
            let message = "`if_carried` is for demands without `message` in a suite for all protocols";
            self.error("if-carried", message, &key.span);
        }
        true
    }

    /// On a serial line a message comes when it is asked for: the harness must know how.
    fn check_askable(&mut self, places: &Places<'a>, node: &Node) {
        for (protocol, message) in &places.messages {
            if !protocol.asks() {
                continue;
            }
            if message.danger.is_some() {
                let message = format!(
                    "`{}` changes or stops the battery: it is never asked by itself",
                    message.name
                );
                self.push(
                    Diagnostic::error("dangerous-request", message, node.span.clone())
                        .help("use a `request`, which runs only with permission"),
                );
            } else if !is_askable(message) {
                let message = format!("the harness does not know how to ask for `{}`", message.name);
                self.push(
                    Diagnostic::error("cannot-ask", message, node.span.clone())
                        .help("its request has parameters: use `request` and `reply`"),
                );
            }
        }
    }

    /// What must stand in a message, from the keys that `expect` and `reply` share.
    pub(super) fn content(&mut self, node: &Node, places: &Places<'a>) -> Content {
        let fields = node
            .get("fields")
            .map(|fields| self.demands(fields, places))
            .unwrap_or_default();
        if let Some(given) = node.get("fields") {
            self.warn_of_empty_demands(given, &fields, places);
        }
        let packs = node
            .get("packs")
            .map_or(&[][..], Node::elements)
            .iter()
            .map(|pack| self.demands(pack, places))
            .collect();
        let golden = node.get("golden").and_then(|golden| self.golden(golden, places));
        let length = node.get("length").and_then(|length| {
            let wanted = usize::try_from(scalar::whole(length.text()?)?).ok()?;
            self.check_length(wanted, length, places);
            if let Some(golden) = &golden
                && golden.len() != wanted
            {
                let message = format!("the golden bytes are {}, the length is {wanted}", golden.len());
                self.error("never-possible", message, &length.span);
            }
            Some(wanted)
        });
        Content {
            fields,
            packs,
            golden,
            frame: None,
            length,
            that: self.expressions(node.get("that"), places),
        }
    }

    /// A demand that every value of the wire meets says nothing.
    fn warn_of_empty_demands(&mut self, node: &Node, demands: &[(String, Demand)], places: &Places<'a>) {
        for (name, demand) in demands {
            let fields = places.fields(name);
            let empty = !fields.is_empty() && fields.iter().all(|field| demand::always_holds(field, demand));
            if let (true, Some(value)) = (empty, node.get(name)) {
                let message = format!("every value that the wire can carry for `{name}` meets this");
                self.push(Diagnostic::warning("demand-always-holds", message, value.span.clone()));
            }
        }
    }

    fn golden(&mut self, node: &Node, places: &Places<'a>) -> Option<Vec<Option<u8>>> {
        match frame_text::golden(node.text().unwrap_or_default()) {
            Ok(golden) => {
                self.check_length(golden.len(), node, places);
                Some(golden)
            }
            Err(why) => {
                self.push(
                    Diagnostic::error("wrong-golden", "the golden bytes cannot be read", node.span.clone()).help(why),
                );
                None
            }
        }
    }

    fn check_length(&mut self, wanted: usize, node: &Node, places: &Places<'a>) {
        let Some(lengths) = places.lengths().filter(|lengths| !lengths.contains(&wanted)) else {
            return;
        };
        let (known, longest) = (in_words(&lengths), lengths.last().copied().unwrap_or_default());
        let name = places.messages.first().map_or("", |(_, message)| message.name.as_str());
        let (id, message) = if wanted > longest {
            (
                "golden-too-long",
                format!("{wanted} bytes are more than `{name}` can have"),
            )
        } else {
            ("golden-length", format!("`{name}` never has {wanted} bytes"))
        };
        self.push(
            Diagnostic::error(id, message, node.span.clone()).help(format!("lengths of the definition: {known}")),
        );
    }

    /// Expressions over the fields of a message.
    fn expressions(&mut self, node: Option<&Node>, places: &Places<'a>) -> Vec<Expression> {
        let mut expressions = Vec::new();
        for each in node.map_or(&[][..], Node::elements) {
            let text = each.text().unwrap_or_default();
            self.check_expression(text, each, places);
            expressions.push(Expression::new(text, self.origin(each)));
        }
        expressions
    }

    /// An expression must fit the fields of the message; where several are possible, those of one.
    fn check_expression(&mut self, text: &str, node: &Node, places: &Places<'a>) {
        let parsed = match rule::parse(text) {
            Ok(parsed) => parsed,
            Err(error) => {
                self.rule_error(text, node, &error);
                return;
            }
        };
        let mut mistakes: Option<Vec<RuleError>> = None;
        for (protocol, message) in &places.messages {
            match parsed.compile(&Scope::of_message(protocol, message)) {
                Ok(_) => return,
                Err(errors) => mistakes = mistakes.or(Some(errors)),
            }
        }
        for error in mistakes.into_iter().flatten() {
            self.rule_error(text, node, &error);
        }
    }

    /// A mistake in an expression, at its place in the file.
    fn rule_error(&mut self, text: &str, node: &Node, error: &RuleError) {
        let written = self.source.text.get(node.span.clone()).unwrap_or_default();
        let quoted = usize::from(written.starts_with(['"', '\'']));
        // Where the quoted text has escapes, its places in the file are not those of the expression.
        let exact = written.get(quoted..).is_some_and(|inner| inner.starts_with(text));
        let start = node.span.start + quoted;
        let place = match exact {
            true => start + error.span.start..start + error.span.end,
            false => node.span.clone(),
        };
        self.push(Diagnostic::error(error.id(), error.to_string(), place).maybe_help(error.help()));
    }

    fn never(&mut self, node: &Node) -> Option<Never> {
        const WHAT: [&str; 6] = ["message", "anything", "answer", "id_format", "remote", "unknown_id"];
        let given: Vec<&(Node, Node)> = node
            .entries()
            .iter()
            .filter(|(key, _)| key.text().is_some_and(|key| WHAT.contains(&key)))
            .collect();
        let [(key, value)] = given.as_slice() else {
            let message = "`never` needs exactly one of message, anything, answer, id_format, remote, unknown_id";
            self.error("unclear-never", message, &node.span);
            return None;
        };
        let what = match key.text().unwrap_or_default() {
            "anything" => Unwanted::Anything,
            "answer" => Unwanted::Answer,
            "message" => Unwanted::Message(self.unwanted_message(value)),
            other => {
                self.wants_can(other, value);
                match other {
                    "id_format" => Unwanted::WrongIdFormat,
                    "remote" => Unwanted::Remote,
                    _ => Unwanted::UnknownId,
                }
            }
        };
        let during = duration(node, "during")?;
        if during.is_zero() {
            self.error("never-possible", "nothing can be seen in no time", &node.span);
        }
        Some(Never { what, during })
    }

    /// A message of the definition, or any identifier that the bus can carry.
    fn unwanted_message(&mut self, node: &Node) -> String {
        let name = node.text().unwrap_or_default().to_string();
        let is_identifier = scalar::code(&name).is_some_and(|code| (0..=0x1FFF_FFFF).contains(&code));
        if !is_identifier || self.only_serial() {
            self.message(node);
        }
        name
    }

    fn period(&mut self, node: &Node) -> Period {
        self.wants_can("period", node);
        let serial = self.only_serial();
        let places = node.get("message").map(|message| self.message(message));
        let is = duration(node, "is");
        if let Some(places) = places
            && is.is_none()
            && !serial
            && let Some((_, message)) = places
                .messages
                .iter()
                .find(|(protocol, message)| !protocol.asks() && message.period.is_none())
        {
            let text = format!("the definition says no period for `{}`", message.name);
            self.push(Diagnostic::error("no-period", text, node.span.clone()).help("say `is:` and `tolerance:`"));
        }
        let tolerance = node
            .get_text("tolerance")
            .and_then(|text| text.parse::<Quantity>().ok());
        if let (Some(_), None, Some(key)) = (is, tolerance, node.get("is")) {
            self.push(
                Diagnostic::error("missing-key", "`is` without `tolerance`", key.span.clone())
                    .help("no clock is exact: say `tolerance: 10 %`"),
            );
        }
        Period {
            message: node.get_text("message").unwrap_or_default().to_string(),
            is,
            tolerance,
            over: count(node, "over", PERIODS),
        }
    }

    /// A situation that the definitions state a reaction for.
    pub(super) fn situation(&mut self, node: &Node) -> String {
        let name = node.text().unwrap_or_default();
        let known = || {
            self.scope
                .iter()
                .flat_map(|protocol| &protocol.errors)
                .map(|rule| rule.situation.as_str())
        };
        if !self.scope.is_empty() && !known().any(|known| known == name) {
            let help = did_you_mean(name, known())
                .unwrap_or_else(|| format!("situations: {}", known().collect::<Vec<_>>().join(", ")));
            let message = format!("the definition says nothing about `{name}`");
            self.push(Diagnostic::error("unknown-situation", message, node.span.clone()).help(help));
        }
        name.to_string()
    }
}

/// Whether the harness can ask for a message by itself: its request has no parameters but the pack, which is the
/// address asked.
pub(crate) fn is_askable(message: &Message) -> bool {
    message
        .request
        .fields()
        .iter()
        .all(|field| field.name == "pack" && matches!(field.kind, Kind::Number(_)))
}

fn in_words(lengths: &[usize]) -> String {
    let (first, last) = (
        lengths.first().copied().unwrap_or(0),
        lengths.last().copied().unwrap_or(0),
    );
    if lengths.len() > 2 && last - first + 1 == lengths.len() {
        return format!("{first} to {last}");
    }
    lengths.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")
}

/// The time under `key`; `None` also for a text that the shape has refused already.
pub(super) fn duration(node: &Node, key: &str) -> Option<Duration> {
    duration_of(node.get(key)?)
}

fn duration_of(node: &Node) -> Option<Duration> {
    node.text()?.parse::<Quantity>().ok()?.as_duration()
}

pub(super) fn count(node: &Node, key: &str, otherwise: u32) -> u32 {
    node.get_text(key)
        .and_then(scalar::whole)
        .and_then(|value| u32::try_from(value).ok())
        .unwrap_or(otherwise)
}
