//! `bmscheck mutate`: which wire faults do the suites miss?
//!
//! | file | subject |
//! |---|---|
//! | here | the command line, and what the figures are |
//! | [`campaign`] | one protocol's suites against every fault |
//! | [`show`] | the figures for people and for programs |

pub mod campaign;
pub mod show;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::list::Format;
use crate::cli::output::{Output, stdout_style};
use crate::cli::run::choice::{self, Choice};
use crate::cli::{CliError, Context, Status, data};
use crate::definition::{Library, Protocol};
use crate::document::diagnostic::did_you_mean;
use crate::document::{Diagnostic, Diagnostics};
use crate::fault::equivalent::{self, Equivalent};
use crate::fault::{CATALOGUE, Fault, faults_of};
use crate::suite::measured::{self, Measured, Record};
use crate::suite::{Profile, Suite};

use campaign::{Campaign, CampaignError, Notice, Tried};

/// Measure which wire faults the suites miss
///
/// Every fault of the catalogue (`bmscheck list faults`) is planted into what the reference BMS says, wherever the
/// definition of a protocol allows it, and the protocol's own suites run until a case fails (those for all protocols
/// where a selector names them). A fault that no case fails on is missed: the suites would pass a battery that has it.
/// Where what a fault breaks is known to grade C or D only, nothing may fail: then it must be noticed, by a warning or a
/// remark that a healthy battery does not get. A fault that by the sheet cannot be told from correct behaviour is
/// equivalent, with its reason.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  bmscheck mutate                                all protocols, all faults
  bmscheck mutate pylon-can                      one protocol
  bmscheck mutate pylon-can --fault byte-order   one fault, wherever it fits
  bmscheck mutate --fault 'frozen in 0x355.soc'
  bmscheck mutate --format json | jq '.protocols[].missed'

Exit status: 0 the rate is as required, 1 it is not, 2 the command line or a
data file is wrong, 3 the suites fail without any fault.")]
pub struct MutateArguments {
    /// Protocol, suite, suite/case, pattern or suite file; all without one
    #[arg(value_name = "SELECTOR")]
    pub selectors: Vec<String>,

    /// Only this fault, by its name or with its place; repeatable
    #[arg(long, value_name = "FAULT")]
    pub fault: Vec<String>,

    /// The share of faults that must be caught, on each protocol
    ///
    /// Equivalent faults do not count.
    #[arg(long, value_name = "PERCENT", default_value_t = 100, value_parser = clap::value_parser!(u8).range(0..=100))]
    pub require: u8,

    /// Write the figures into this record, beside those of other protocols
    ///
    /// For suites/measured.json, from which reports tell how many faults the suites of a run catch. Only whole protocols
    /// are recorded: without --fault, selected by their names or not at all.
    #[arg(long, value_name = "PATH")]
    pub record: Option<PathBuf>,

    /// How to write it
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub format: Format,
}

/// The figures of one protocol.
#[derive(Debug)]
pub struct Figures<'d> {
    /// The protocol.
    pub protocol: &'d Protocol,
    /// Cases that were run.
    pub cases: usize,
    /// Every fault with what became of it, in the order of the catalogue.
    pub faults: Vec<(Fault, Fate)>,
    /// How long it took.
    pub took: Duration,
}

/// What became of a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// A case failed.
    Caught {
        /// Its full name.
        case: String,
        /// The check that failed.
        check: String,
        /// What the failure says of its cause.
        diagnosis: Option<String>,
    },
    /// No case may fail, and one warned or remarked.
    Noticed {
        /// What noticed it.
        by: Notice,
        /// Why it need not fail.
        reason: String,
    },
    /// No case failed, and what would be needed.
    Missed(String),
    /// Nobody can tell, and why.
    Equivalent(String),
}

impl Fate {
    /// Why no case fails, where none has to.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Fate::Noticed { reason, .. } | Fate::Equivalent(reason) => Some(reason),
            Fate::Caught { .. } | Fate::Missed(_) => None,
        }
    }
}

impl Figures<'_> {
    /// How many faults were caught.
    pub fn caught(&self) -> usize {
        self.faults
            .iter()
            .filter(|(_, fate)| matches!(fate, Fate::Caught { .. }))
            .count()
    }

    /// How many faults were noticed where none may fail.
    pub fn noticed(&self) -> usize {
        self.faults
            .iter()
            .filter(|(_, fate)| matches!(fate, Fate::Noticed { .. }))
            .count()
    }

    /// How many faults are equivalent.
    pub fn equivalent(&self) -> usize {
        self.faults
            .iter()
            .filter(|(_, fate)| matches!(fate, Fate::Equivalent(_)))
            .count()
    }

    /// The figures as they are recorded.
    pub fn measured(&self, library: &Library, suites: &[Suite]) -> Measured {
        Measured {
            fingerprint: measured::fingerprint(self.protocol, library, suites),
            tried: self.faults.len(),
            caught: self.caught(),
            noticed: self.noticed(),
            missed: self.missed().count(),
            equivalent: self.equivalent(),
        }
    }

    /// The faults that no case failed on, with what would be needed.
    pub fn missed(&self) -> impl Iterator<Item = (&Fault, &str)> {
        self.faults.iter().filter_map(|(fault, fate)| match fate {
            Fate::Missed(needed) => Some((fault, needed.as_str())),
            _ => None,
        })
    }

    /// Whether at least so many percent of the faults that can be told were caught, or noticed where none may fail.
    pub fn reaches(&self, percent: u8) -> bool {
        let countable = self.faults.len() - self.equivalent();
        (self.caught() + self.noticed()) * 100 >= countable * usize::from(percent)
    }
}

/// Measures.
///
/// # Errors
/// The command line or a data file is wrong; an equivalent fault is caught; the reference BMS cannot be had.
pub fn mutate(context: &Context, arguments: &MutateArguments) -> Result<Status, CliError> {
    let library = data::library(context)?;
    let mut suites = data::suites(context, &library)?;
    choice::add_named_files(context, &library, &arguments.selectors, &mut suites)?;
    let (equivalents, diagnostics) = equivalent::load(&library);
    data::accept(context, diagnostics)?;
    let choice = Choice::new(&library, &suites, &arguments.selectors, None, Profile::Ci)?;
    let spoken: Vec<_> = choice
        .chosen
        .iter()
        .filter(|(protocol, _)| refbms::Protocol::from_name(&protocol.name).is_some())
        .collect();
    if spoken.is_empty() {
        let names: Vec<&str> = choice
            .protocols()
            .iter()
            .map(|protocol| protocol.name.as_str())
            .collect();
        return Err(CliError::usage(format!(
            "the reference BMS does not speak {}",
            names.join(", ")
        )));
    }
    let protocols: Vec<&Protocol> = spoken.iter().map(|(protocol, _)| *protocol).collect();
    check_names(&arguments.fault, &protocols)?;
    let mut all = Vec::new();
    for (protocol, cases) in spoken {
        let mut faults = faults_of(protocol);
        faults.retain(|fault| is_wanted(&arguments.fault, fault));
        if faults.is_empty() {
            continue;
        }
        // What a wire does wrong its own suites must find: those for all protocols are about the battery behind it, and
        // live through months for each fault that nobody sees.
        let named = |suite: &Suite| {
            arguments
                .selectors
                .iter()
                .any(|selector| selector.contains(&suite.name))
        };
        let cases: Vec<_> = cases
            .iter()
            .filter(|(suite, _)| suite.protocol.is_some() || named(suite))
            .copied()
            .collect();
        let campaign = match Campaign::new(protocol, &cases) {
            Ok(campaign) => campaign,
            Err(CampaignError::Link(source)) => return Err(source.into()),
            Err(unsound @ CampaignError::Unsound { .. }) => {
                crate::cli::output::complain(&format!("{unsound}\n"));
                return Ok(Status::Inconclusive);
            }
        };
        all.push(measure(&campaign, cases.len(), faults, &equivalents)?);
    }
    let whole = arguments
        .selectors
        .iter()
        .all(|selector| protocols.iter().any(|known| known.name == *selector));
    if whole {
        data::accept(context, wrong_equivalents(&equivalents, &all))?;
    }
    if let Some(path) = &arguments.record {
        if !whole || !arguments.fault.is_empty() {
            return Err(CliError::usage("only whole protocols are recorded")
                .help("name protocols, no suites, and leave out --fault"));
        }
        record(path, &all, &library, &suites)?;
    }
    let style = stdout_style(context.color);
    let text = match arguments.format {
        Format::Human => show::human(&all, &style),
        Format::Json => format!("{:#}\n", show::json(&all, arguments.require)),
    };
    let mut out = Output::stdout();
    out.text(&text)?;
    out.flush()?;
    let enough = all.iter().all(|figures| figures.reaches(arguments.require));
    Ok(if enough { Status::Done } else { Status::Failed })
}

/// Puts the figures into a record, and keeps what it says of other protocols.
fn record(path: &Path, all: &[Figures<'_>], library: &Library, suites: &[Suite]) -> Result<(), CliError> {
    let unread = |reason| CliError::Read {
        path: path.to_path_buf(),
        reason,
    };
    let mut record = match std::fs::read_to_string(path) {
        Ok(text) => Record::parse(&text).map_err(|error| unread(error.to_string()))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Record::default(),
        Err(error) => return Err(unread(error.to_string())),
    };
    for figures in all {
        let measured = figures.measured(library, suites);
        record.0.insert(figures.protocol.name.clone(), measured);
    }
    std::fs::write(path, record.text()).map_err(|source| CliError::Write {
        path: path.to_path_buf(),
        source,
    })
}

/// Tries the faults of one protocol.
///
/// # Errors
/// The reference BMS cannot be had.
pub fn measure<'d>(
    campaign: &Campaign<'d>,
    cases: usize,
    faults: Vec<Fault>,
    equivalents: &[Equivalent],
) -> Result<Figures<'d>, CliError> {
    let started = Instant::now();
    let protocol = campaign.protocol();
    let bar = bar(&protocol.name, faults.len());
    let tried = campaign.run(&faults, &|done| bar.set_position(done as u64));
    bar.finish_and_clear();
    let fates = faults.into_iter().zip(tried?).map(|(fault, tried)| {
        let fate = match tried {
            Tried::Caught { case, check, diagnosis } => Fate::Caught { case, check, diagnosis },
            Tried::Missed {
                changed,
                noticed,
                grade,
            } => {
                let listed = equivalents.iter().find(|entry| entry.is_about(protocol, &fault));
                let weak =
                    equivalent::weak(protocol, &fault).or_else(|| equivalent::too_weak(grade?, "all that it changes"));
                let excused = listed
                    .map(Equivalent::reason)
                    .or_else(|| equivalent::derived(protocol, &fault));
                match (noticed, weak, excused) {
                    (Some(by), Some(reason), _) | (Some(by), None, Some(reason)) => Fate::Noticed { by, reason },
                    (None, _, Some(reason)) => Fate::Equivalent(reason),
                    (noticed, ..) => Fate::Missed(needed(protocol, &fault, changed, noticed)),
                }
            }
        };
        (fault, fate)
    });
    Ok(Figures {
        protocol,
        cases,
        faults: fates.collect(),
        took: started.elapsed(),
    })
}

/// What a suite would need to catch a fault that it misses.
fn needed(protocol: &Protocol, fault: &Fault, changed: u64, noticed: Option<Notice>) -> String {
    let what = fault.place.to_string();
    if let Some(noticed) = noticed {
        return format!("only noticed: {noticed}");
    }
    if changed == 0 {
        return match fault.field(protocol) {
            Some(field) => format!("a case in which `{}` has a value that this fault changes", field.name),
            None => format!("a case in which {what} does what this fault changes"),
        };
    }
    match fault.operator.class {
        crate::fault::Class::Value | crate::fault::Class::Flag => {
            format!("a case that demands {what} where this fault changes it ({changed} messages were changed)")
        }
        crate::fault::Class::Frame => format!("a case that demands how {what} comes"),
        crate::fault::Class::Stream | crate::fault::Class::Exchange => {
            format!("a case that demands what this fault breaks ({changed} times)")
        }
    }
}

/// Entries of the lists that speak of faults which are caught.
pub fn wrong_equivalents(equivalents: &[Equivalent], all: &[Figures<'_>]) -> Diagnostics {
    let mut diagnostics = Diagnostics::default();
    for figures in all {
        for (fault, fate) in &figures.faults {
            let (case, sees) = match fate {
                Fate::Caught { case, .. } => (case, "fails on"),
                Fate::Noticed { by, .. } => (&by.case, "notices"),
                Fate::Missed(_) | Fate::Equivalent(_) => continue,
            };
            for entry in equivalents
                .iter()
                .filter(|entry| entry.is_about(figures.protocol, fault))
            {
                let message = format!("{fault} is not equivalent: {case} {sees} it");
                let at = entry.origin.span.clone();
                diagnostics.push(
                    Diagnostic::error("equivalent-is-caught", message, at)
                        .help("take it out of the list")
                        .within(&entry.origin.source),
                );
            }
        }
    }
    diagnostics
}

/// Whether `--fault` names this fault; without it, every one.
fn is_wanted(wanted: &[String], fault: &Fault) -> bool {
    let whole = fault.to_string();
    wanted.is_empty() || wanted.iter().any(|name| name == fault.operator.name || *name == whole)
}

fn check_names(wanted: &[String], protocols: &[&Protocol]) -> Result<(), CliError> {
    let faults: Vec<Fault> = protocols.iter().flat_map(|protocol| faults_of(protocol)).collect();
    for name in wanted {
        if faults.iter().any(|fault| is_wanted(std::slice::from_ref(name), fault)) {
            continue;
        }
        let known = CATALOGUE.iter().map(|operator| operator.name);
        let whole: Vec<String> = faults.iter().map(Fault::to_string).collect();
        let near = || did_you_mean(name, known).or_else(|| did_you_mean(name, whole.iter().map(String::as_str)));
        let (message, near) = match crate::fault::catalogue::operator(name) {
            Some(_) => (
                format!("none of the chosen protocols can have the fault `{name}`"),
                None,
            ),
            None => (format!("there is no fault `{name}`"), near()),
        };
        return Err(CliError::usage(message)
            .maybe_help(near)
            .help("`bmscheck list faults` shows all of them"));
    }
    Ok(())
}

/// A bar on the standard error, on a terminal.
fn bar(protocol: &str, faults: usize) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(faults as u64);
    if let Ok(style) = ProgressStyle::with_template("  {msg} {pos}/{len} faults {elapsed} {wide_bar}") {
        bar.set_style(style);
    }
    bar.set_message(protocol.to_string());
    bar
}
