//! Messages and fields of the definitions that a suite runs on.

use std::rc::Rc;

use crate::definition::by_name::ByName;
use crate::definition::scope::all_fields;
use crate::definition::vocabulary;
use crate::definition::{Bus, Field, Message, Protocol};
use crate::document::diagnostic::did_you_mean;
use crate::document::{Diagnostic, Node};

use super::Loader;
use crate::suite::{Demand, demand};

/// Where the fields of a demand may lie.
#[derive(Clone)]
pub(super) struct Places<'a> {
    /// The messages, each with its protocol.
    pub(super) messages: Vec<(&'a Protocol, &'a Message)>,
    /// The names could not be found out: fields are not checked, one mistake is enough.
    pub(super) unknown: bool,
    /// The demand falls away where the fields are not carried.
    pub(super) if_carried: bool,
    /// The length of the data in bytes, where the question says it: registers can be read in any number.
    pub(super) asked: Option<usize>,
    /// Where every message of every protocol is meant: their fields, so that not each demand looks through them all.
    pub(super) table: Option<Rc<FieldTable<'a>>>,
}

/// Fields by their names.
pub(super) type FieldTable<'a> = ByName<&'a Field>;

fn field_table<'a>(messages: &[(&'a Protocol, &'a Message)]) -> FieldTable<'a> {
    let mut table = FieldTable::default();
    for (protocol, message) in messages {
        for field in all_fields(protocol, message) {
            table.insert(&field.name, field);
        }
    }
    table
}

impl<'a> Loader<'a> {
    /// True when the suite runs on one known protocol with this kind of bus.
    pub(super) fn only_can(&self) -> bool {
        !self.scope.is_empty()
            && self
                .scope
                .iter()
                .all(|protocol| matches!(protocol.bus, Bus::Can { .. }))
    }

    /// True when the suite runs on protocols that ask, and nothing else.
    pub(super) fn only_serial(&self) -> bool {
        !self.scope.is_empty() && self.scope.iter().all(|protocol| protocol.asks())
    }

    /// The message that `node` names, in each protocol of the scope that has it.
    pub(super) fn message(&mut self, node: &Node) -> Places<'a> {
        let name = node.text().unwrap_or_default();
        let messages: Vec<_> = self
            .scope
            .iter()
            .filter_map(|protocol| Some((*protocol, protocol.message_by_reference(name)?)))
            .collect();
        let unknown = messages.is_empty();
        if unknown && !self.scope.is_empty() {
            let mut names: Vec<String> = Vec::new();
            for message in self.scope.iter().flat_map(|protocol| &protocol.messages) {
                names.extend([message.name.clone(), message.key.to_string()]);
            }
            let help = did_you_mean(name, names.iter().map(String::as_str));
            let whose = match self.scope.as_slice() {
                [one] => format!("`{}`", one.name),
                _ => "no protocol".to_string(),
            };
            let message = match self.scope.len() {
                1 => format!("{whose} has no message `{name}`"),
                _ => format!("{whose} has a message `{name}`"),
            };
            self.push(Diagnostic::error("unknown-message", message, node.span.clone()).maybe_help(help));
        }
        Places {
            messages,
            unknown,
            if_carried: false,
            asked: None,
            table: None,
        }
    }

    /// Every message of the scope.
    pub(super) fn any_message(&mut self) -> Places<'a> {
        let messages = self
            .scope
            .iter()
            .flat_map(|protocol| protocol.messages.iter().map(|message| (*protocol, message)))
            .collect::<Vec<_>>();
        Places {
            unknown: messages.is_empty(),
            if_carried: false,
            asked: None,
            table: Some(Rc::clone(
                self.table.get_or_insert_with(|| Rc::new(field_table(&messages))),
            )),
            messages,
        }
    }

    /// The demands of a `fields` mapping.
    pub(super) fn demands(&mut self, node: &Node, places: &Places<'a>) -> Vec<(String, Demand)> {
        let mut demands = Vec::new();
        for (key, value) in node.entries() {
            let name = key.text().unwrap_or_default();
            if places.unknown {
                continue;
            }
            let found = places.fields(name);
            if found.is_empty() {
                // A demand may be on a field that only definitions to come have, if it is one of the vocabulary.
                if !(places.if_carried && vocabulary::is_known(name)) {
                    self.unknown_field(name, key, places);
                }
                continue;
            }
            // In a suite for all protocols the wires differ: a value must fit one of them.
            let mut mistake = None;
            let mut lowered = None;
            for field in found {
                match demand::lower(field, name, value, places.is_computed(field)) {
                    Ok(demand) => lowered = lowered.or(Some(demand)),
                    Err(diagnostic) => mistake = mistake.or(Some(diagnostic)),
                }
            }
            match (lowered, mistake) {
                (Some(demand), _) => demands.push((name.to_string(), demand)),
                (None, Some(diagnostic)) => self.push(diagnostic),
                (None, None) => {}
            }
        }
        demands
    }

    fn unknown_field(&mut self, name: &str, key: &Node, places: &Places<'a>) {
        let names: Vec<String> = places.field_names();
        if name.contains("{n}") && names.iter().any(|known| known == name) {
            let message = format!("`{name}` stands for many fields");
            self.push(
                Diagnostic::error("field-without-number", message, key.span.clone())
                    .help(format!("write a number for `{{n}}`: `{}`", name.replace("{n}", "1"))),
            );
            return;
        }
        let message = match places.messages.as_slice() {
            [(_, message)] => format!("{} `{}` has no field `{name}`", message.key, message.name),
            _ => format!("no message has a field `{name}`"),
        };
        let mut diagnostic = Diagnostic::error("unknown-field", message, key.span.clone());
        match did_you_mean(name, names.iter().map(String::as_str)) {
            Some(help) => diagnostic = diagnostic.help(help),
            None if !names.is_empty() && places.messages.len() == 1 => {
                diagnostic = diagnostic.help(format!("fields: {}", names.join(", ")));
            }
            None => {}
        }
        // The name may be that of another message of the protocol.
        if let [(protocol, _)] = places.messages.as_slice()
            && let Some(other) = protocol.messages.iter().find(|message| message.field(name).is_some())
        {
            diagnostic = diagnostic.help(format!("`{name}` is a field of {} `{}`", other.key, other.name));
        }
        self.push(diagnostic);
    }
}

impl<'a> Places<'a> {
    /// The fields with this name, one for each message that has it.
    pub(super) fn fields(&self, name: &str) -> Vec<&'a Field> {
        match &self.table {
            Some(table) => table.get(name).copied().collect(),
            None => self.all_fields().filter(|field| field.matches(name)).collect(),
        }
    }

    /// The fields on the wire, and those that are computed from them.
    fn all_fields(&self) -> impl Iterator<Item = &'a Field> {
        self.messages
            .iter()
            .flat_map(|(protocol, message)| all_fields(protocol, message))
    }

    /// Whether a field takes no place on the wire.
    fn is_computed(&self, field: &Field) -> bool {
        let derived =
            |(protocol, _): &(&Protocol, _)| protocol.derived.iter().any(|known| std::ptr::eq(&known.field, field));
        self.messages.iter().any(derived)
    }

    /// All field names, each once.
    fn field_names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for field in self.all_fields() {
            if !names.contains(&field.name) {
                names.push(field.name.clone());
            }
        }
        names
    }

    /// The lengths that the message may have; `None` where they are not stated.
    pub(super) fn lengths(&self) -> Option<Vec<usize>> {
        if let Some(asked) = self.asked {
            return Some(vec![asked]);
        }
        let [(_, message)] = self.messages.as_slice() else {
            return None;
        };
        let rule = &message.length;
        let mut lengths: Vec<usize> = rule.pass.clone();
        lengths.extend(rule.send);
        lengths.extend(rule.warn.iter().flat_map(|range| range.clone().take(4096)));
        lengths.sort_unstable();
        lengths.dedup();
        (!lengths.is_empty()).then_some(lengths)
    }
}
