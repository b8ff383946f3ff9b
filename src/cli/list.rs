//! `bmscheck list`: what is there to be tested, and with what.

mod brands;
mod coverage;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::cli::output::{Output, stdout_style};
use crate::cli::{CliError, Context, Status, data};
use crate::definition::Protocol;
use crate::fault::{CATALOGUE, Fault, faults_of};
use crate::report::layout::{Table, words};
use crate::report::text::{Style, Tone, counted, wrap};
use crate::suite::Suite;

/// List protocols, brands, suites, cases or wire faults
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  bmscheck list brands                             which setting of the battery is for which inverter
  bmscheck list cases pylon-can                    the cases of one protocol
  bmscheck list cases --coverage                   what no case covers
  bmscheck list cases pylon-can --coverage         the same for one protocol
  bmscheck list cases --format json | jq -r .[].id
  bmscheck list faults pylon-can                   what `bmscheck mutate` plants")]
pub struct ListArguments {
    /// What to list
    #[arg(value_name = "WHAT")]
    pub what: Listed,

    /// Only what concerns this protocol
    #[arg(value_name = "PROTOCOL")]
    pub protocol: Option<String>,

    /// What is demanded and no case covers
    ///
    /// Goes with `cases`. Instead of the cases are listed: every item (message, field, period, rule ...) of a protocol
    /// of the battery that no case covers; every requirement of the battery seen on the wire that no case covers; and
    /// every one seen only inside the battery (panel, LEDs, keys) that no test of the reference firmware names.
    /// Nothing is printed where all is covered.
    ///
    /// With PROTOCOL, only cases that run on that protocol count, and only requirements that its bus can show are
    /// judged: those inside the battery belong to no protocol. As JSON all items and requirements are listed, each with
    /// what covers it.
    #[arg(long)]
    pub coverage: bool,

    /// How to write it
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub format: Format,
}

/// What can be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Listed {
    /// Protocol definitions
    Protocols,
    /// Inverter brands and their settings
    Brands,
    /// Suites
    Suites,
    /// Cases, with the protocols they run on
    Cases,
    /// The catalogue of wire faults, with how many places each has
    Faults,
}

/// How output is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Human,
    /// For programs
    Json,
}

/// Prints a list.
///
/// # Errors
/// A data file has mistakes; the output is closed.
pub fn list(context: &Context, arguments: &ListArguments) -> Result<Status, CliError> {
    if arguments.coverage && arguments.what != Listed::Cases {
        return Err(CliError::usage("`--coverage` goes with `list cases`"));
    }
    let library = data::library(context)?;
    let protocols: Vec<&Protocol> = match &arguments.protocol {
        None => library.protocols().collect(),
        Some(name) => vec![data::protocol(&library, name)?],
    };
    let suites = || -> Result<Vec<Suite>, CliError> {
        let mut suites = data::suites(context, &library)?;
        suites.retain(|suite| {
            let runs_on = |protocol: &&Protocol| suite.protocol.as_ref().is_none_or(|name| *name == protocol.name);
            protocols.iter().any(runs_on)
        });
        Ok(suites)
    };
    let brands = || brands::rows(&library, &protocols, arguments.protocol.is_none());
    let style = stdout_style(context.color);
    let json = arguments.format == Format::Json;
    let text = match (arguments.what, arguments.coverage) {
        (Listed::Protocols, _) if json => pretty(protocols_json(&protocols)),
        (Listed::Protocols, _) => protocols_table(&protocols, &style),
        (Listed::Brands, _) if json => pretty(brands::json(&brands())),
        (Listed::Brands, _) => brands::table(&brands(), &style),
        (Listed::Suites, _) if json => pretty(suites_json(&suites()?)),
        (Listed::Suites, _) => suites_table(&suites()?, &style),
        (Listed::Faults, _) if json => pretty(faults_json(&protocols)),
        (Listed::Faults, _) => faults_table(&protocols, &style),
        (Listed::Cases, true) => {
            let everything = arguments.protocol.is_none();
            let report = coverage::Report::new(&library, &protocols, everything, &suites()?);
            if json {
                pretty(report.json())
            } else {
                report.table(&style)
            }
        }
        (Listed::Cases, false) if json => pretty(cases_json(&suites()?)),
        (Listed::Cases, false) => cases_table(&suites()?, &style),
    };
    let mut out = Output::stdout();
    out.text(&text)?;
    out.flush()?;
    Ok(Status::Done)
}

fn pretty(value: Value) -> String {
    format!("{value:#}\n")
}

fn protocols_table(protocols: &[&Protocol], style: &Style) -> String {
    let mut table = Table::new(&["protocol", "bus", "grade", "brands", "title"]);
    for protocol in protocols {
        table.row(vec![
            protocol.name.clone(),
            short_bus(protocol),
            protocol.grade.letter().to_string(),
            protocol.brands.join(", "),
            protocol.title.clone(),
        ]);
    }
    let inferred = protocols.iter().any(|protocol| !protocol.grade.is_certifiable());
    table.render(style, 0) + &inferred_note(inferred, style)
}

/// What grade D means, below a table that has it.
fn inferred_note(inferred: bool, style: &Style) -> String {
    if !inferred {
        return String::new();
    }
    let text = "grade D: the layout is inferred; a run tells whether a battery matches it, and never certifies one";
    format!("\n{}", faint(text, style))
}

/// Lines in a faint tone.
fn faint(text: &str, style: &Style) -> String {
    let lines = wrap(text, style.width);
    let paint = |line: &String| format!("{}\n", style.paint(Tone::Faint, line));
    lines.iter().map(paint).collect()
}

fn short_bus(protocol: &Protocol) -> String {
    let text = words::bus(&protocol.bus);
    let mut parts = text.split(", ");
    let (bus, rate) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let rate = rate.split(" (").next().unwrap_or_default();
    format!("{bus} {rate}")
}

fn protocols_json(protocols: &[&Protocol]) -> Value {
    protocols
        .iter()
        .map(|protocol| {
            json!({
                "name": protocol.name, "title": protocol.title, "grade": protocol.grade.letter(),
                "certifiable": protocol.grade.is_certifiable(), "bus": words::bus(&protocol.bus), "brands": protocol.brands, "manual_names": protocol.manual_names,
                "sheet": protocol.sheet, "definition": &*protocol.source.name,
                "messages": protocol.messages.len(),
            })
        })
        .collect()
}

/// The protocol of a suite, in words.
fn runs_on(suite: &Suite) -> &str {
    suite.protocol.as_deref().unwrap_or("every protocol")
}

fn suites_table(suites: &[Suite], style: &Style) -> String {
    let mut table = Table::new(&["suite", "cases", "protocol", "title"]);
    for suite in suites {
        table.row(vec![
            suite.name.clone(),
            suite.cases.len().to_string(),
            runs_on(suite).to_string(),
            suite.title.clone(),
        ]);
    }
    table.render(style, 0)
}

fn suites_json(suites: &[Suite]) -> Value {
    suites
        .iter()
        .map(|suite| {
            json!({
                "name": suite.name, "title": suite.title, "protocol": suite.protocol,
                "cases": suite.cases.len(), "file": &*suite.origin.source.name,
            })
        })
        .collect()
}

fn cases_table(suites: &[Suite], style: &Style) -> String {
    let mut table = Table::new(&["case", "profiles", "title"]);
    let mut count = 0;
    for suite in suites {
        for case in &suite.cases {
            count += 1;
            let profiles: Vec<&str> = case.profiles.iter().map(|profile| profile.word()).collect();
            table.row(vec![
                format!("{}/{}", suite.name, case.id),
                profiles.join(" "),
                case.title.clone(),
            ]);
        }
    }
    format!("{}{}\n", table.render(style, 0), counted(count, "case"))
}

fn cases_json(suites: &[Suite]) -> Value {
    suites
        .iter()
        .flat_map(|suite| {
            suite.cases.iter().map(move |case| {
                let profiles: Vec<&str> = case.profiles.iter().map(|profile| profile.word()).collect();
                json!({
                    "id": format!("{}/{}", suite.name, case.id), "title": case.title, "protocol": suite.protocol,
                    "profiles": profiles, "covers": case.covers, "needs": case.needs, "claim": case.claim,
                    "passive": case.is_passive(), "origin": case.origin.file_line(),
                })
            })
        })
        .collect()
}

/// The faults that some of the protocols can have, with the number of places.
fn faults_table(protocols: &[&Protocol], style: &Style) -> String {
    let faults: Vec<Fault> = protocols.iter().flat_map(|protocol| faults_of(protocol)).collect();
    let mut table = Table::new(&["fault", "class", "places", "a battery that has it"]);
    for operator in CATALOGUE {
        let places = faults
            .iter()
            .filter(|fault| fault.operator.name == operator.name)
            .count();
        if places > 0 || protocols.len() > 1 {
            table.row(vec![
                operator.name.to_string(),
                operator.class.word().to_string(),
                places.to_string(),
                format!("{} ({})", operator.does, operator.to),
            ]);
        }
    }
    table.render(style, 0)
}

fn faults_json(protocols: &[&Protocol]) -> Value {
    let all: Vec<(&Protocol, Vec<Fault>)> = protocols
        .iter()
        .map(|protocol| (*protocol, faults_of(protocol)))
        .collect();
    CATALOGUE
        .iter()
        .map(|operator| {
            let places: serde_json::Map<String, Value> = all
                .iter()
                .map(|(protocol, faults)| {
                    let here = faults.iter().filter(|fault| fault.operator.name == operator.name);
                    let places: Vec<String> = here.map(|fault| fault.place.to_string()).collect();
                    (protocol.name.clone(), json!(places))
                })
                .collect();
            json!({
                "name": operator.name, "class": operator.class.word(), "does": operator.does,
                "applies_to": operator.to, "places": places,
            })
        })
        .collect()
}
