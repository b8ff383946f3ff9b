//! From the text of a suite file to a checked [`Suite`], with every mistake of the file in one go.
//!
//! | file | subject |
//! |---|---|
//! | here | the file, its cases, their state |
//! | `steps` | what happens and what is demanded |
//! | `exchange` | questions and what must follow |
//! | `names` | messages and fields of the definitions that a suite runs on |
//!
//! The form is checked first ([`super::shape`]); then meaning: names exist in the definition, units agree, values fit the
//! wire, and every item that a case claims to cover is looked at by one of its steps.

mod exchange;
mod names;
mod steps;

pub(crate) use exchange::question;
pub(crate) use steps::is_askable;

use std::rc::Rc;

use names::FieldTable;

use crate::definition::{Grade, Library, Origin, Protocol};
use crate::document::diagnostic::did_you_mean;
use crate::document::{Diagnostic, Diagnostics, Node, Source, Span, node, shape};
use crate::link::stimulus;

use super::coverage::{self, CoverageItem};
use super::shape::SUITE;
use super::{Action, Case, Profile, Step, Stimulus, Suite};

/// The finding on a value beyond its field's range; a case may bring it about on purpose.
pub(crate) const OUT_OF_RANGE: &str = "out-of-range";
/// What a target may have to be able to do, beside the abilities of fixtures.
const FURTHER_NEEDS: [&str; 3] = ["elapse", "keepalive-control", "send"];

/// Reads a suite file against the definitions that are known.
///
/// The suite is given only when the file has no error; warnings do not keep it back.
pub fn load(source: &Source, protocols: &[&Protocol]) -> (Option<Suite>, Diagnostics) {
    let node = match node::parse(source) {
        Ok(node) => node,
        Err(diagnostics) => return (None, diagnostics),
    };
    let mut loader = Loader {
        source,
        known: protocols,
        scope: Vec::new(),
        table: None,
        diagnostics: shape::check(&node, &SUITE, source),
    };
    let suite = loader.suite(&node);
    let mut diagnostics = loader.diagnostics;
    diagnostics.sort();
    let suite = (!diagnostics.has_errors()).then_some(suite);
    (suite, diagnostics)
}

/// The state of reading one file.
/// Reads suite files, on all processors: they are independent of each other. The suites come in the order of their names.
pub fn load_all(sources: &[Source], library: &Library) -> (Vec<Suite>, Diagnostics) {
    let protocols: Vec<&Protocol> = library.protocols().collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = sources.len().div_ceil(threads).max(1);
    let load = |share: &[Source]| -> Vec<(Option<Suite>, Diagnostics)> {
        share.iter().map(|source| load(source, &protocols)).collect()
    };
    let loaded: Vec<_> = std::thread::scope(|scope| {
        let workers: Vec<_> = sources.chunks(share).map(|share| scope.spawn(|| load(share))).collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    let mut all = Diagnostics::default();
    let mut suites = Vec::new();
    for (suite, diagnostics) in loaded {
        all.extend(diagnostics);
        suites.extend(suite);
    }
    suites.sort_by(|a: &Suite, b: &Suite| a.name.cmp(&b.name));
    (suites, all)
}

struct Loader<'a> {
    source: &'a Source,
    /// All definitions.
    known: &'a [&'a Protocol],
    /// The definitions that the suite runs on: one, or all.
    scope: Vec<&'a Protocol>,
    /// The fields of the scope by name, once asked for.
    table: Option<Rc<FieldTable<'a>>>,
    diagnostics: Diagnostics,
}

impl<'a> Loader<'a> {
    fn push(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic.within(self.source));
    }

    fn error(&mut self, id: &'static str, message: impl Into<String>, span: &Span) {
        self.push(Diagnostic::error(id, message, span.clone()));
    }

    fn origin(&self, node: &Node) -> Origin {
        Origin {
            source: self.source.clone(),
            span: node.span.clone(),
        }
    }

    fn suite(&mut self, node: &Node) -> Suite {
        let protocol = self.protocol(node);
        let name = node.get_text("suite").unwrap_or_default().to_string();
        if let Some(named) = node.get("suite")
            && !is_suite_name(&name)
        {
            self.push(
                Diagnostic::error("suite-name", format!("`{name}` is no suite name"), named.span.clone())
                    .help("a subject and a topic in kebab case: `pylon-can/limits`"),
            );
        }
        let mut cases: Vec<Case> = Vec::new();
        for each in node.get("cases").map_or(&[][..], Node::elements) {
            let case = self.case(each);
            let id = each.get("id").unwrap_or(each);
            if let Some(first) = cases
                .iter()
                .find(|earlier| earlier.id == case.id && !case.id.is_empty())
            {
                let message = format!("there are two cases `{}`", case.id);
                let first = first.origin.span.clone();
                self.push(
                    Diagnostic::error("duplicate-case", message, id.span.clone())
                        .label("given again here")
                        .also(first, "first given here"),
                );
            }
            cases.push(case);
        }
        if node.get("cases").is_some() && cases.is_empty() {
            self.error("suite-without-cases", "the suite has no cases", &node.span);
        }
        Suite {
            name,
            title: node.get_text("title").unwrap_or_default().to_string(),
            protocol,
            cases,
            origin: self.origin(node),
        }
    }

    /// Finds what the suite runs on; an unknown protocol leaves the scope empty, and names are not checked then.
    fn protocol(&mut self, node: &Node) -> Option<String> {
        match (node.get("protocol"), node.get("protocols")) {
            (Some(named), None) => {
                let name = named.text().unwrap_or_default();
                match self.known.iter().find(|protocol| protocol.name == name) {
                    Some(protocol) => self.scope = vec![protocol],
                    None => {
                        let help = did_you_mean(name, self.known.iter().map(|protocol| protocol.name.as_str()));
                        self.push(
                            Diagnostic::error(
                                "unknown-protocol",
                                format!("there is no protocol `{name}`"),
                                named.span.clone(),
                            )
                            .maybe_help(help),
                        );
                    }
                }
                Some(name.to_string())
            }
            (None, Some(_)) => {
                self.scope = self.known.to_vec();
                None
            }
            (Some(_), Some(both)) => {
                self.error("protocol-twice", "give `protocol` or `protocols`, not both", &both.span);
                None
            }
            (None, None) => {
                let place = node.get("suite").map_or(node.span.clone(), |suite| suite.span.clone());
                self.push(
                    Diagnostic::error("missing-key", "the suite says no protocol", place)
                        .help("write `protocol: NAME`, or `protocols: all`"),
                );
                None
            }
        }
    }

    fn case(&mut self, node: &Node) -> Case {
        let id = node.get_text("id").unwrap_or_default().to_string();
        if let Some(named) = node.get("id")
            && !is_kebab(&id)
        {
            self.push(
                Diagnostic::error("case-name", format!("`{id}` is no case name"), named.span.clone())
                    .help("small letters, digits and `-`: it is read in reports"),
            );
        }
        let given = node.get("given").map(|given| self.stimuli(given)).unwrap_or_default();
        let mut steps: Vec<Step> = Vec::new();
        for each in node.get("expect").map_or(&[][..], Node::elements) {
            let origin = self.origin(each);
            let action = Action::Expect(self.expect(each));
            steps.push(Step { action, origin });
        }
        if let (Some(list), Some(short)) = (node.get("steps"), node.get("expect")) {
            let message = "`expect` beside `steps` leaves the order open";
            self.push(
                Diagnostic::error("expect-beside-steps", message, short.span.clone())
                    .also(list.span.start..list.span.start, "the steps are here")
                    .help("make it a step"),
            );
        }
        for each in node.get("steps").map_or(&[][..], Node::elements) {
            steps.extend(self.step(each));
        }
        let mut case = Case {
            title: node.get_text("title").unwrap_or_default().to_string(),
            covers: Vec::new(),
            profiles: self.profiles(node),
            grade: node.get_text("grade").and_then(Grade::from_letter),
            given,
            keepalive: node.get_text("keepalive").is_none_or(is_on),
            needs: self.needs(node),
            claim: node.get("claim").and_then(|claim| self.claim(claim)),
            steps,
            allow: node.get("allow").map(|allow| self.allowed(allow)).unwrap_or_default(),
            origin: self.origin(node.get("id").unwrap_or(node)),
            id,
        };
        self.check_demands(node, &case);
        self.check_packs(node, &case);
        case.covers = self.covers(node, &case);
        case
    }

    fn check_demands(&mut self, node: &Node, case: &Case) {
        let place = case.origin.span.clone();
        if node.get("steps").is_none() && node.get("expect").is_none() {
            self.push(
                Diagnostic::error("case-without-steps", format!("case `{}` has no steps", case.id), place)
                    .help("give `steps`, or `expect` for a case that only watches"),
            );
        } else if !demands_something(node) {
            self.push(
                Diagnostic::error(
                    "case-demands-nothing",
                    format!("case `{}` demands nothing", case.id),
                    place,
                )
                .help("it could never fail: add `expect`, `never`, `period`, or a `request` with what must follow"),
            );
        }
    }

    /// A pack that is named must be there at that time.
    fn check_packs(&mut self, node: &Node, case: &Case) {
        let mut packs = 1;
        let stimuli = case
            .steps
            .iter()
            .filter_map(|step| match &step.action {
                Action::Stimulate(stimuli) => Some((stimuli, &step.origin.span)),
                _ => None,
            })
            .map(|(stimuli, span)| (stimuli.clone(), span.clone()));
        let given = node.get("given").map(|given| (case.given.clone(), given.span.clone()));
        for (stimuli, span) in given.into_iter().chain(stimuli) {
            for stimulus in &stimuli {
                if let Stimulus::Packs(count) = stimulus {
                    packs = *count;
                }
            }
            for stimulus in &stimuli {
                let pack = match stimulus {
                    Stimulus::Online { pack, .. } => Some(*pack),
                    Stimulus::Set(name, _) => name
                        .strip_prefix("pack_")
                        .and_then(|rest| rest.split_once('.'))
                        .and_then(|(pack, _)| pack.parse().ok()),
                    _ => None,
                };
                if let Some(pack) = pack
                    && pack > packs
                {
                    let message = format!("there is no pack {pack}: the case has {packs}");
                    self.push(
                        Diagnostic::error("no-such-pack", message, span.clone())
                            .help("say `packs: N` in `given` first"),
                    );
                }
            }
        }
    }

    fn profiles(&mut self, node: &Node) -> Vec<Profile> {
        let Some(listed) = node.get("profiles") else {
            return vec![Profile::Ci, Profile::Certification];
        };
        if listed.elements().is_empty() {
            self.error(
                "case-without-profile",
                "the case is in no profile: it would never run",
                &listed.span,
            );
        }
        let known = [Profile::Ci, Profile::Eol, Profile::Certification];
        listed
            .elements()
            .iter()
            .filter_map(|each| known.into_iter().find(|profile| each.text() == Some(profile.word())))
            .collect()
    }

    fn needs(&mut self, node: &Node) -> Vec<String> {
        let mut needs = Vec::new();
        for each in node.get("needs").map_or(&[][..], Node::elements) {
            let need = each.text().unwrap_or_default();
            let known = || stimulus::CAPABILITIES.into_iter().chain(FURTHER_NEEDS);
            if known().any(|known| known == need) {
                needs.push(need.to_string());
            } else {
                self.push(
                    Diagnostic::error(
                        "unknown-need",
                        format!("there is no ability `{need}`"),
                        each.span.clone(),
                    )
                    .maybe_help(did_you_mean(need, known()))
                    .help(format!("abilities: {}", known().collect::<Vec<_>>().join(", "))),
                );
            }
        }
        needs
    }

    fn claim(&mut self, node: &Node) -> Option<String> {
        let name = node.text()?;
        let known = || {
            self.scope
                .iter()
                .flat_map(|protocol| &protocol.claims)
                .map(|claim| claim.name.as_str())
        };
        if !self.scope.is_empty() && !known().any(|known| known == name) {
            let help = did_you_mean(name, known());
            self.push(
                Diagnostic::error(
                    "unknown-claim",
                    format!("the definition has no claim `{name}`"),
                    node.span.clone(),
                )
                .maybe_help(help),
            );
        }
        Some(name.to_string())
    }

    /// What a case brings about on purpose: broken rules, deviations, values beyond the ranges of fields.
    fn allowed(&mut self, node: &Node) -> Vec<String> {
        let (findings, rules): (Vec<&Node>, Vec<&Node>) = node
            .elements()
            .iter()
            .partition(|each| self.is_finding(each.text().unwrap_or_default()));
        let mut names = self.rule_names(&rules);
        names.extend(findings.iter().filter_map(|each| each.text().map(str::to_string)));
        names
    }

    /// Whether a name is that of a finding about messages: a value beyond its range, a deviation of a definition.
    fn is_finding(&self, name: &str) -> bool {
        let mut deviations = self.scope.iter().flat_map(|protocol| &protocol.deviations);
        name == OUT_OF_RANGE || deviations.any(|deviation| deviation.id == name)
    }

    /// Rules by id, each known to a definition of the scope.
    fn rule_names(&mut self, nodes: &[&Node]) -> Vec<String> {
        let mut names = Vec::new();
        for each in nodes {
            let name = each.text().unwrap_or_default();
            let known = || {
                self.scope
                    .iter()
                    .flat_map(|protocol| &protocol.rules)
                    .map(|rule| rule.id.as_str())
            };
            if self.scope.is_empty() || known().any(|known| known == name) {
                names.push(name.to_string());
            } else {
                let help = did_you_mean(name, known());
                self.push(
                    Diagnostic::error(
                        "unknown-rule",
                        format!("the definition has no rule `{name}`"),
                        each.span.clone(),
                    )
                    .maybe_help(help),
                );
            }
        }
        names
    }

    /// The stimuli of a `given` or `set`; the number of packs comes first, since it makes the packs that others name.
    fn stimuli(&mut self, node: &Node) -> Vec<Stimulus> {
        let mut stimuli = Vec::new();
        for (key, value) in node.entries() {
            let (name, text) = (key.text().unwrap_or_default(), value.text().unwrap_or_default());
            if name == "packs" {
                match text.parse::<u8>() {
                    Ok(count) if (1..=16).contains(&count) => stimuli.insert(0, Stimulus::Packs(count)),
                    _ => self.error("wrong-value", format!("`{text}` is no number of packs"), &value.span),
                }
                continue;
            }
            let setting = stimulus::setting(text);
            match stimulus::check(name, &setting) {
                Ok(()) => stimuli.push(Stimulus::Set(name.to_string(), setting)),
                Err(mistake) => {
                    let (id, place) = match mistake {
                        stimulus::StimulusError::Unknown { .. }
                        | stimulus::StimulusError::Number { .. }
                        | stimulus::StimulusError::Pack { .. } => ("unknown-stimulus", &key.span),
                        _ => ("stimulus-value", &value.span),
                    };
                    let help = mistake.help();
                    self.push(Diagnostic::error(id, mistake.to_string(), place.clone()).maybe_help(help));
                }
            }
        }
        stimuli
    }

    /// What the case covers, in canonical form; each item must exist, and a step must look at it.
    fn covers(&mut self, node: &Node, case: &Case) -> Vec<String> {
        let place = case.origin.span.clone();
        let Some(listed) = node.get("covers").filter(|listed| !listed.elements().is_empty()) else {
            self.push(
                Diagnostic::error(
                    "case-covers-nothing",
                    format!("case `{}` does not say what it covers", case.id),
                    place,
                )
                .help("write `covers: [R-003, PROTOCOL/0x351.charge_voltage_limit]`: a pass must mean something"),
            );
            return Vec::new();
        };
        let mut covers: Vec<String> = Vec::new();
        for each in listed.elements() {
            let text = each.text().unwrap_or_default();
            let canonical = if coverage::is_requirement(text) {
                text.to_string()
            } else {
                match CoverageItem::resolve(text, self.known) {
                    Ok((protocol, item)) => {
                        self.check_looked_at(protocol, &item, case, each);
                        item.to_string()
                    }
                    Err(mistake) => {
                        self.push(
                            Diagnostic::error("unknown-coverage", mistake.message, each.span.clone())
                                .maybe_help(mistake.help),
                        );
                        continue;
                    }
                }
            };
            if covers.contains(&canonical) {
                self.error("covers-twice", format!("`{text}` is listed twice"), &each.span);
            } else {
                covers.push(canonical);
            }
        }
        covers
    }

    fn check_looked_at(&mut self, protocol: &Protocol, item: &CoverageItem, case: &Case, node: &Node) {
        if self.scope.is_empty() {
            return;
        }
        if !self.scope.iter().any(|known| known.name == protocol.name) {
            let message = format!("the suite does not run on `{}`", protocol.name);
            self.error("unknown-coverage", message, &node.span);
        } else if let Err(wanted) = coverage::looks_at(case, protocol, item) {
            let message = format!("no step of `{}` looks at `{item}`", case.id);
            self.push(Diagnostic::error("covers-unchecked", message, node.span.clone()).help(wanted));
        }
    }
}

/// Whether a step of the case demands something, as written: a demand that is wrong is another mistake.
fn demands_something(node: &Node) -> bool {
    const DEMANDS: [&str; 8] = [
        "shows",
        "expect",
        "never",
        "period",
        "all_messages",
        "rules",
        "together",
        "request",
    ];
    let steps = node.get("steps").map_or(&[][..], Node::elements);
    let demands = |step: &Node| DEMANDS.iter().any(|key| step.get(key).is_some());
    steps.iter().any(demands) || node.get("expect").is_some_and(|short| !short.elements().is_empty())
}

/// True for the words that mean on.
fn is_on(text: &str) -> bool {
    matches!(text, "on" | "true")
}

fn is_kebab(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

fn is_suite_name(text: &str) -> bool {
    text.split('/').count() == 2 && text.split('/').all(is_kebab)
}
