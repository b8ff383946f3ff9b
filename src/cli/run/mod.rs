//! `bmscheck run`: drives a target through cases and judges it.
//!
//! | file | subject |
//! |---|---|
//! | here | the command line, and the order of things |
//! | [`choice`] | which cases on which protocols: selectors, brand, profile |
//! | [`setup`] | target, fixture and claims, from the command line and its files |
//! | [`session`] | one protocol: plan, drive, judge, evidence |
//! | [`order`] | the sessions one after another, or side by side |
//! | [`reports`] | where the reports go |
//! | [`silence`] | what to look at when a live target says nothing at all |

pub mod choice;
pub mod order;
pub mod reports;
pub mod session;
pub mod setup;
pub mod silence;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum, ValueHint};

use crate::cli::output::{Output, complain, stderr_style, stdout_style};
use crate::cli::{CliError, Context, Status, data};
use crate::definition::library::read_source;
use crate::definition::{Library, Protocol};
use crate::judge::{CaseResult, JudgeOptions, Verdict, waivers};
use crate::report::{End, Header, Mutation, ProtocolUsed};
use crate::suite::Profile;
use crate::suite::measured::{self, Record};

use choice::Choice;
use order::Drive;
use reports::{ReportFile, Reports};
use session::Interrupt;
use setup::Setup;

/// Test a target and judge it
///
/// Without options all cases run against the reference BMS that is built in, in simulated time. A live target is a
/// battery on a CAN interface or a serial port; cases that need its state changed run when a fixture can do that, and
/// are skipped otherwise.
///
/// A selector is a protocol, a suite, a case, a pattern with * and ?, or the path of a suite file.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  bmscheck run                                        everything, no hardware
  bmscheck run pylon-can/limits                       one suite
  bmscheck run 'pylon-can/*/limits-*' --strict        a pattern
  bmscheck run my-suites/new.yaml                     a suite of your own
  bmscheck run pylon-can --target can:can0            a battery, only watched and asked
  bmscheck run pylon-can --target can:can0 --fixture operator
  bmscheck run pylon-rs485 --target serial:/dev/ttyUSB0@9600 --out reports/today

Exit status: 0 all passed, 1 a case failed, 2 the command line or a data file is
wrong, 3 nothing failed but something could not be judged, or all was skipped.")]
pub struct RunArguments {
    /// Protocol, suite, suite/case, pattern or suite file; all without one
    #[arg(value_name = "SELECTOR")]
    pub selectors: Vec<String>,

    /// Only protocols that inverters of this brand use
    #[arg(long, value_name = "NAME", help_heading = "Which cases")]
    pub brand: Option<String>,

    /// Which cases: ci, eol (seconds per device) or certification
    ///
    /// In `certification` a pass that nothing on the wire could have broken is inconclusive.
    #[arg(
        long,
        value_name = "PROFILE",
        default_value = "ci",
        hide_default_value = true,
        hide_possible_values = true,
        help_heading = "Which cases"
    )]
    pub profile: ProfileName,

    /// What is tested: ref, can:IFACE, serial:PATH[@BAUD] or replay:FILE
    #[arg(long, value_name = "TARGET", help_heading = "What is tested")]
    pub target: Option<String>,

    /// How the bench is wired, as `bmscheck schema bench` describes it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "What is tested")]
    pub bench: Option<PathBuf>,

    /// What changes the battery's state: none, operator, refbms:ADDRESS, exec:COMMAND
    #[arg(long, value_name = "SPEC", help_heading = "What is tested")]
    pub fixture: Option<String>,

    /// What the target claims to support: a claim's name, or a target file; repeatable
    ///
    /// Names are listed by `bmscheck explain PROTOCOL`; `bmscheck schema target` describes the file. What is not claimed
    /// is skipped, what is claimed and missing fails.
    #[arg(long, value_name = "CLAIM", help_heading = "What is tested")]
    pub claim: Vec<String>,

    /// Deviations from facts of grade C fail too
    #[arg(long, help_heading = "How it is judged")]
    pub strict: bool,

    /// Known failures, each with reason, owner and expiry
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "How it is judged")]
    pub waivers: Option<PathBuf>,

    /// Stop at the first failure
    #[arg(long, help_heading = "How it is judged")]
    pub fail_fast: bool,

    /// Show what would run, and send nothing
    #[arg(long, help_heading = "How it is judged")]
    pub dry_run: bool,

    /// The seed of what is chosen at random
    #[arg(long, value_name = "N", default_value_t = 1, help_heading = "How it is judged")]
    pub seed: u64,

    /// Write a report: json=PATH or junit=PATH; repeatable
    #[arg(long, value_name = "FORMAT=PATH", help_heading = "Reports")]
    pub report: Vec<ReportFile>,

    /// Write all reports and the evidence into a directory
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = "Reports")]
    pub out: Option<PathBuf>,
}

/// The profiles as they are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProfileName {
    /// Continuous integration
    Ci,
    /// End of line
    Eol,
    /// Certification
    Certification,
}

impl From<ProfileName> for Profile {
    fn from(name: ProfileName) -> Profile {
        match name {
            ProfileName::Ci => Profile::Ci,
            ProfileName::Eol => Profile::Eol,
            ProfileName::Certification => Profile::Certification,
        }
    }
}

/// Runs and judges.
///
/// # Errors
/// The command line or a file that it names is wrong, the target cannot be had, or a report cannot be written.
pub fn run(context: &Context, arguments: RunArguments) -> Result<Status, CliError> {
    let library = data::library(context)?;
    let mut suites = data::suites(context, &library)?;
    choice::add_named_files(context, &library, &arguments.selectors, &mut suites)?;
    let profile = Profile::from(arguments.profile);
    let choice = Choice::new(
        &library,
        &suites,
        &arguments.selectors,
        arguments.brand.as_deref(),
        profile,
    )?;
    let setup = Setup::new(&arguments, &library, &choice)?;
    let waivers = match &arguments.waivers {
        None => Vec::new(),
        Some(path) => {
            let source = read_source(path).map_err(CliError::Data)?;
            let (waivers, diagnostics) = waivers::load(&source);
            data::accept(context, diagnostics)?;
            waivers
        }
    };
    if arguments.dry_run {
        let mut out = Output::stdout();
        out.text(&session::dry_run(&choice, &setup, &stdout_style(context.color)))?;
        out.flush()?;
        return Ok(Status::Done);
    }
    let started = Instant::now();
    let judge = JudgeOptions {
        strict: arguments.strict,
        certification: profile == Profile::Certification,
    };
    let today = jiff::ZonedDateTime::now().date();
    let sessions = session::open_all(&choice, &setup)?;
    let header = header(context, &library, &arguments, &choice, &setup, &sessions);
    let mut reports = Reports::begin(
        header,
        choice.planned(),
        stdout_style(context.color),
        &arguments.report,
        arguments.out.as_deref(),
    )?;
    let interrupt = Interrupt::watch(setup.is_live());
    let mut judged = |mut case: CaseResult| {
        waivers::apply(&waivers, std::slice::from_mut(&mut case), today, &judge);
        let failed = case.verdict == Verdict::Fail;
        reports.case(case).map(|()| failed)
    };
    let drive = Drive {
        setup: &setup,
        judge,
        fail_fast: arguments.fail_fast,
        interrupt: &interrupt,
        evidence: arguments.out.as_deref(),
    };
    let outcome = drive.run(sessions, &mut judged)?;
    let end = End {
        bus_time: outcome.bus_time,
        wall_time: started.elapsed().max(Duration::from_micros(1)),
        waivers: choice.unused_waivers(&waivers),
        broken_off: outcome.broken_off.clone(),
        answers: outcome.answers.into_iter().collect(),
        echo: outcome.echo,
    };
    let ran_to_its_end = end.broken_off.is_none();
    let report = reports.finish(end)?;
    let summary = report.summary();
    let something_ran = summary.pass + summary.fail + summary.inconclusive > 0;
    if setup.is_live() && outcome.received == 0 && something_ran {
        complain(&silence::advice(&choice.protocols(), &stderr_style(context.color)));
    }
    Ok(Status::of_run(&summary, ran_to_its_end))
}

/// How many faults the suites of a protocol catch, and whether this run has all of their cases.
fn mutation(protocol: &Protocol, library: &Library, choice: &Choice<'_>) -> Mutation {
    let Some(figures) = Record::built_in().of(protocol, library, choice.suites).cloned() else {
        return Mutation::Unknown;
    };
    let all: usize = measured::own(protocol, choice.suites)
        .map(|suite| suite.cases.len())
        .sum();
    let of_protocol = choice.chosen.iter().filter(|(chosen, _)| chosen.name == protocol.name);
    let own = of_protocol
        .flat_map(|(_, cases)| cases)
        .filter(|(suite, _)| suite.protocol.is_some());
    let complete = own.count() == all;
    Mutation::Measured { figures, complete }
}

fn header(
    context: &Context,
    library: &Library,
    arguments: &RunArguments,
    choice: &Choice<'_>,
    setup: &Setup,
    sessions: &[session::Session<'_>],
) -> Header {
    let link = sessions.iter().find_map(session::Session::link);
    Header {
        version: env!("CARGO_PKG_VERSION").to_string(),
        started: jiff::Timestamp::now(),
        target: link
            .as_ref()
            .map_or_else(|| setup.target.to_string(), |link| link.name.clone()),
        reference: link.as_ref().map_or(!setup.is_live(), |link| link.reference),
        fixture: sessions
            .iter()
            .find_map(session::Session::fixture)
            .unwrap_or_else(|| "none".to_string()),
        protocols: choice
            .protocols()
            .iter()
            .map(|protocol| ProtocolUsed {
                name: protocol.name.clone(),
                title: protocol.title.clone(),
                grade: protocol.grade,
                variant: setup.variant(&protocol.name),
                definition: protocol.source.name.to_string(),
                mutation: mutation(protocol, library, choice),
            })
            .collect(),
        profile: arguments.profile.into(),
        strict: arguments.strict,
        seed: arguments.seed,
        selectors: arguments.selectors.clone(),
        files: choice.named_files(&arguments.selectors),
        options: setup.options(context, arguments),
        clock: link
            .as_ref()
            .map_or(crate::engine::ClockSource::Virtual, |link| link.clock),
        resolution: link.map_or(Duration::from_micros(1), |link| link.resolution),
    }
}
