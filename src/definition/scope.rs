//! What the names in expressions of a definition mean, and compiling them once.

use std::sync::Arc;

use super::*;
use crate::document::{Diagnostic, Diagnostics};
use crate::rule::{self, Expects, FieldName, MessageName, Options, Program, Type};
use crate::value::Dimension;

/// The fields that an expression may read.
///
/// A name alone stands for the field of the expression's own message, else for the field of the only core message that
/// has it, else for the field of the only message that has it; a message may be named before it.
pub struct Scope<'p> {
    protocol: &'p Protocol,
    own: Option<&'p Message>,
    only_own: bool,
    parameters: bool,
}

impl<'p> Scope<'p> {
    /// The fields of one message and the parameters of its request.
    pub fn of_message(protocol: &'p Protocol, message: &'p Message) -> Scope<'p> {
        Scope {
            protocol,
            own: Some(message),
            only_own: true,
            parameters: true,
        }
    }

    /// The fields of all messages of the battery; names alone mean those of `own` first.
    pub fn of_protocol(protocol: &'p Protocol, own: Option<&'p Message>) -> Scope<'p> {
        Scope {
            protocol,
            own,
            only_own: false,
            parameters: false,
        }
    }

    /// The message and field that a name stands for.
    pub fn find(&self, name: &FieldName) -> Option<(&'p Message, &'p Field)> {
        let FieldName::Field { message, name } = name else {
            return None;
        };
        let candidates: Vec<(&'p Message, &'p Field)> = self
            .messages()
            .filter(|candidate| match message {
                None => true,
                Some(MessageName::Code(code)) => candidate.key.number() == *code,
                Some(MessageName::Name(name)) => candidate.name == *name,
            })
            .filter_map(|candidate| {
                let field = all_fields(self.protocol, candidate)
                    .into_iter()
                    .find(|field| field.matches(name))?;
                Some((candidate, field))
            })
            .collect();
        if let [only] = candidates.as_slice() {
            return Some(*only);
        }
        if let Some(own) = self.own
            && let Some(found) = candidates.iter().find(|(candidate, _)| candidate.key == own.key)
        {
            return Some(*found);
        }
        let core: Vec<_> = candidates
            .iter()
            .filter(|(candidate, _)| candidate.presence == Presence::Default)
            .collect();
        match core.as_slice() {
            [only] => Some(**only),
            _ => None,
        }
    }

    fn messages(&self) -> impl Iterator<Item = &'p Message> {
        let own = self.own.filter(|_| self.only_own);
        self.protocol
            .messages
            .iter()
            .filter(move |message| message.from == Sender::Bms && own.is_none_or(|own| own.key == message.key))
    }
}

/// The fields of a message, the computed ones included.
pub fn all_fields<'p>(protocol: &'p Protocol, message: &'p Message) -> Vec<&'p Field> {
    let mut fields = message.fields();
    fields.extend(
        protocol
            .derived
            .iter()
            .filter(|derived| derived.message == message.name)
            .map(|derived| &derived.field),
    );
    fields
}

/// How often the repetition that holds a field may come at most; `most` is that of the parts around `items`.
fn repetitions(items: &[Item], name: &str, most: Option<usize>) -> Option<usize> {
    items.iter().find_map(|item| match item {
        Item::Field(field) => most.filter(|_| field.name == name),
        // The packs of a reply are not what its cells are counted by.
        Item::Repeat(repeat) if repeat.packs => repetitions(&repeat.items, name, most),
        Item::Repeat(repeat) => repetitions(&repeat.items, name, Some(repeat.max)),
        Item::When(when) => repetitions(&when.items, name, most),
        Item::Pages(pages) => pages.pages.iter().find_map(|(_, items)| repetitions(items, name, most)),
    })
}

/// What a field is in an expression.
pub fn type_of(field: &Field) -> Type {
    match &field.kind {
        Kind::Number(number) => Type::Quantity(number.unit.dimension()),
        Kind::Flag { .. } | Kind::Truth { .. } => Type::Flag,
        Kind::Pair { states, .. } if states.is_empty() => Type::Pair,
        Kind::Pair { states, .. } | Kind::State { states, .. } => {
            Type::State(states.iter().map(|state| state.name.clone()).collect())
        }
        Kind::Text(_) | Kind::Version { .. } | Kind::DateTime(_) | Kind::Constant { .. } => Type::Text,
        Kind::Bytes => Type::Unknown,
    }
}

impl rule::Scope for Scope<'_> {
    fn resolve(&self, name: &FieldName) -> Option<Type> {
        if let FieldName::Address(_) = name {
            return self.protocol.registers.as_ref().map(|_| Type::Unknown);
        }
        if let Some((_, field)) = self.find(name) {
            return Some(type_of(field));
        }
        let FieldName::Field { message: None, name } = name else {
            return None;
        };
        let parameter = self.parameters
            && (name == "adr"
                || self
                    .own
                    .is_some_and(|own| own.request.fields().iter().any(|field| field.name == *name)));
        parameter.then_some(Type::Quantity(Dimension::Count))
    }

    fn names(&self) -> Vec<FieldName> {
        let mut plain: std::collections::BTreeMap<String, usize> = std::collections::BTreeMap::new();
        let mut names = Vec::new();
        for message in self.messages() {
            let by_code = MessageName::Code(message.key.number());
            let by_name = MessageName::Name(message.name.clone());
            for field in all_fields(self.protocol, message) {
                // A run `cell_voltage_*` stands for all that can come.
                let most = match field.name.contains("{n}") {
                    true => repetitions(&message.layout.items, &field.name, None).unwrap_or(2),
                    false => 1,
                };
                for number in 1..=most {
                    let name = field.name.replace("{n}", &number.to_string());
                    *plain.entry(name.clone()).or_default() += 1;
                    names.push(FieldName::Field {
                        message: Some(by_code.clone()),
                        name: name.clone(),
                    });
                    names.push(FieldName::Field {
                        message: Some(by_name.clone()),
                        name,
                    });
                }
            }
        }
        names.extend(
            plain
                .into_iter()
                .filter(|(_, messages)| *messages == 1)
                .map(|(name, _)| FieldName::plain(name)),
        );
        names
    }
}

/// Compiles every expression of a definition; mistakes become diagnostics at their place.
pub(super) fn compile(protocol: &mut Protocol) -> Diagnostics {
    let mut diagnostics = Diagnostics::default();
    let snapshot = protocol.clone();
    for (message, original) in protocol.messages.iter_mut().zip(&snapshot.messages) {
        let scope = Scope::of_message(&snapshot, original);
        compile_items(&mut message.layout.items, &scope, &mut diagnostics);
        let request = Scope::of_message(&snapshot, original);
        compile_items(&mut message.request.items, &request, &mut diagnostics);
    }
    for derived in &mut protocol.derived {
        if derived.expression.text == super::HEADER_VERSION {
            continue;
        }
        let Some(message) = snapshot.message_by_name(&derived.message) else {
            continue;
        };
        let scope = Scope::of_message(&snapshot, message);
        compile_one(
            &mut derived.expression,
            &scope,
            Options {
                expects: Expects::Anything,
                tolerance: None,
            },
            &mut diagnostics,
        );
    }
    for deviation in &mut protocol.deviations {
        let Some(message) = snapshot.message_by_name(&deviation.message) else {
            continue;
        };
        let scope = Scope::of_message(&snapshot, message);
        compile_one(&mut deviation.when, &scope, Options::default(), &mut diagnostics);
    }
    for rule in &mut protocol.rules {
        compile_rule(rule, &Scope::of_protocol(&snapshot, None), &mut diagnostics);
    }
    diagnostics
}

/// Compiles both sides of a rule.
pub(super) fn compile_rule(rule: &mut RuleDefinition, scope: &Scope<'_>, diagnostics: &mut Diagnostics) {
    if let Some(when) = &mut rule.when {
        compile_one(when, scope, Options::default(), diagnostics);
    }
    let options = Options {
        expects: Expects::Condition,
        tolerance: rule.tolerance,
    };
    compile_one(&mut rule.then, scope, options, diagnostics);
}

/// Adds the limits of a product to a protocol that carries their fields: once for each message that has them.
pub(super) fn add_product_rules(protocol: &mut Protocol, product: &Product) -> Diagnostics {
    let mut diagnostics = Diagnostics::default();
    let snapshot = protocol.clone();
    // What a protocol says itself about a limit of the product counts there.
    let is_own = |rule: &RuleDefinition| snapshot.rules.iter().any(|own| own.id == rule.id);
    for rule in product.rules.iter().filter(|rule| !is_own(rule)) {
        let parsed = match rule::parse(&rule.then.text) {
            Ok(parsed) => parsed,
            Err(error) => {
                diagnostics.push(located(&rule.then, &error));
                continue;
            }
        };
        let mut names = Vec::new();
        fields_in(parsed.root(), &mut names);
        let Some(first) = names.first() else { continue };
        let messages: Vec<&Message> = snapshot
            .messages
            .iter()
            .filter(|message| {
                let scope = Scope::of_protocol(&snapshot, Some(message));
                let first_is_here = scope.find(first).is_some_and(|(found, _)| found.key == message.key);
                first_is_here && names.iter().all(|name| scope.find(name).is_some())
            })
            .collect();
        for message in &messages {
            let mut own = rule.clone();
            own.own_message = Some(message.name.clone());
            if messages.len() > 1 {
                own.id = format!("{}-{}", rule.id, message.name.replace('_', "-"));
            }
            compile_rule(
                &mut own,
                &Scope::of_protocol(&snapshot, Some(message)),
                &mut diagnostics,
            );
            protocol.rules.push(own);
        }
    }
    diagnostics
}

/// The fields that an expression names, in the order of the text.
fn fields_in<'e>(expression: &'e rule::syntax::Expr, names: &mut Vec<&'e FieldName>) {
    if let rule::syntax::Node::Field(name) = &expression.node {
        names.push(name);
    }
    for child in expression.node.children() {
        fields_in(child, names);
    }
}

fn compile_items(items: &mut [Item], scope: &Scope<'_>, diagnostics: &mut Diagnostics) {
    for item in items {
        match item {
            Item::Field(_) => {}
            Item::Repeat(repeat) => {
                if let Some(count) = &mut repeat.count {
                    compile_one(
                        count,
                        scope,
                        Options {
                            expects: Expects::Count,
                            tolerance: None,
                        },
                        diagnostics,
                    );
                }
                compile_items(&mut repeat.items, scope, diagnostics);
            }
            Item::When(when) => {
                compile_one(&mut when.condition, scope, Options::default(), diagnostics);
                compile_items(&mut when.items, scope, diagnostics);
            }
            Item::Pages(pages) => {
                for (_, items) in &mut pages.pages {
                    compile_items(items, scope, diagnostics);
                }
            }
        }
    }
}

fn compile_one(expression: &mut Expression, scope: &Scope<'_>, options: Options, diagnostics: &mut Diagnostics) {
    match rule::parse(&expression.text) {
        Err(error) => diagnostics.push(located(expression, &error)),
        Ok(parsed) => match parsed.compile_with(scope, options) {
            Ok(program) => expression.program = Some(Arc::new(program)),
            Err(errors) => diagnostics
                .items
                .extend(errors.iter().map(|error| located(expression, error))),
        },
    }
}

/// A mistake in an expression, at its place in the file.
fn located(expression: &Expression, error: &rule::RuleError) -> Diagnostic {
    let span = &expression.origin.span;
    let written = expression.origin.source.text.get(span.clone()).unwrap_or_default();
    // A quoted text begins one character later, if nothing in it is escaped.
    let shift = usize::from(written.starts_with(['"', '\'']));
    let exact = written
        .get(shift..)
        .is_some_and(|inner| inner.starts_with(expression.text.as_str()));
    let place = if exact {
        span.start + shift + error.span.start..span.start + shift + error.span.end
    } else {
        span.clone()
    };
    Diagnostic::error(error.id(), error.to_string(), place)
        .maybe_help(error.help())
        .within(&expression.origin.source)
}

/// A compiled expression with its text.
impl Expression {
    /// An expression that is not compiled yet.
    pub fn new(text: impl Into<String>, origin: Origin) -> Expression {
        Expression {
            text: text.into(),
            origin,
            program: None,
        }
    }

    /// The compiled form; `None` only before a definition is compiled.
    pub fn program(&self) -> Option<&Program> {
        self.program.as_deref()
    }
}
