//! One protocol of a run: plan, drive, judge, evidence.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{BufWriter, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::capture::{self, Direction, Record, Timestamp};
use crate::cli::output::complain;
use crate::cli::run::choice::Choice;
use crate::cli::run::reports::unwritable;
use crate::cli::run::setup::Setup;
use crate::cli::{CliError, Status};
use crate::definition::Protocol;
use crate::engine::plan::{ELAPSE, SEND};
use crate::engine::{self, DriveOptions, EventKind, Plan, Progress, Stop, Trace, plan};
use crate::judge::answers::Answers;
use crate::judge::{CaseResult, JudgeOptions, Verdict};
use crate::link::fixture::{FixtureSpec, ReferenceFixture};
use crate::link::line::Line;
use crate::link::reference::{Reference, ReferenceOptions, can_claim};
use crate::link::stimulus::{CAPABILITIES, in_words};
use crate::link::target::Target;
use crate::link::{Fixture, Link, LinkDescription, LinkError, LinkEvent, Received};
use crate::report::text::{Style, Tone, counted, labelled};
use crate::suite::{Case, Suite, case_id};
use crate::time::Instant;
use crate::wire::BusFrame;

/// A protocol with its cases and the bus to the target.
pub struct Session<'d> {
    protocol: &'d Protocol,
    cases: Vec<Chosen<'d>>,
    /// The capabilities that the target claims.
    claims: Vec<String>,
    bus: Bus,
}

/// A case with its suite.
type Chosen<'d> = (&'d Suite, &'d Case);

enum Bus {
    Open(Box<dyn Link>, Box<dyn Fixture>),
    /// The target cannot speak the protocol, and why.
    Absent(String),
}

/// How a session ended.
#[derive(Debug, Default)]
pub struct Ended {
    /// The evidence, where the target was driven at all.
    pub trace: Option<Trace>,
    /// The bus time that it covered.
    pub bus_time: Duration,
    /// How many frames or bursts came from the target.
    pub received: usize,
    /// What broke it off before its plan.
    pub broken_off: Option<String>,
    /// The line gives back what is sent.
    pub echo: bool,
    /// The run is to end here.
    pub stop: bool,
    /// What the target has answered, by protocol; empty where nobody looks for it.
    pub answers: BTreeMap<String, Answers>,
}

/// What the sessions of a run came to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The bus time of all.
    pub bus_time: Duration,
    /// Frames or bursts from the target.
    pub received: usize,
    /// What broke the run off.
    pub broken_off: Option<String>,
    /// The line gives back what is sent.
    pub echo: bool,
    /// No further session is to be run.
    pub stop: bool,
    /// What the target has answered, by protocol.
    pub answers: BTreeMap<String, Answers>,
}

impl Outcome {
    /// Adds a session.
    pub fn add(&mut self, ended: &Ended) {
        self.bus_time += ended.bus_time;
        self.received += ended.received;
        self.echo |= ended.echo;
        self.stop |= ended.stop;
        for (protocol, answers) in &ended.answers {
            self.answers.entry(protocol.clone()).or_default().merge(answers);
        }
        if self.broken_off.is_none() {
            self.broken_off.clone_from(&ended.broken_off);
        }
    }
}

/// Opens the bus for every protocol, before anything is sent.
///
/// # Errors
/// The target or the fixture cannot be had.
pub fn open_all<'d>(choice: &Choice<'d>, setup: &Setup) -> Result<Vec<Session<'d>>, CliError> {
    let mut sessions = Vec::new();
    for (protocol, cases) in &choice.chosen {
        for (claims, cases) in by_claims(protocol, cases, setup) {
            let bus = open(protocol, setup, &claims)?;
            sessions.push(Session {
                protocol,
                cases,
                claims,
                bus,
            });
        }
    }
    Ok(sessions)
}

/// The cases of a protocol by what the target must claim for them.
///
/// A battery claims what it claims. The reference BMS can be built with any option: where nothing is said, each option
/// is tried in a session of its own, so that it changes nothing for the others.
fn by_claims<'d>(protocol: &Protocol, cases: &[Chosen<'d>], setup: &Setup) -> Vec<(Vec<String>, Vec<Chosen<'d>>)> {
    let stated = setup.claims(protocol);
    if setup.is_live() || !stated.is_empty() {
        return vec![(stated, cases.to_vec())];
    }
    let mut sessions: Vec<(Vec<String>, Vec<Chosen<'d>>)> = Vec::new();
    for (suite, case) in cases {
        let claims: Vec<String> = case.claim.iter().cloned().collect();
        match sessions.iter_mut().find(|(known, _)| *known == claims) {
            Some((_, cases)) => cases.push((suite, case)),
            None => sessions.push((claims, vec![(suite, case)])),
        }
    }
    sessions
}

fn open(protocol: &Protocol, setup: &Setup, claims: &[String]) -> Result<Bus, CliError> {
    if setup.is_live() {
        let options = ReferenceOptions::new(&protocol.name, Line::of(&protocol.bus));
        let opened = setup.target.open(&options)?;
        let spec = setup.fixture.clone().unwrap_or(FixtureSpec::None);
        let fixture = spec.open().map_err(|error| CliError::Fixture {
            reason: error.to_string(),
        })?;
        return Ok(Bus::Open(opened.link, fixture));
    }
    if let Some(why) = not_spoken(protocol) {
        return Ok(Bus::Absent(why));
    }
    // What the user claims of it himself is refused below, with the words for it.
    let only_of_cases = setup.claims(protocol).is_empty();
    if let Some(claim) = claims.iter().find(|claim| !can_claim(&protocol.name, claim))
        && only_of_cases
    {
        return Ok(Bus::Absent(format!(
            "the reference BMS cannot be made to have `{claim}`"
        )));
    }
    // The fixture adds and unplugs packs during the run; it starts with the neutral state, one pack.
    let mut options = ReferenceOptions::new(&protocol.name, Line::of(&protocol.bus));
    options.claims = claims.to_vec();
    let variant = setup.variant(&protocol.name);
    options.variant = variant.filter(|name| ReferenceOptions::speaks_variant(&protocol.name, name));
    let link = Reference::start(&options)?;
    let fixture = ReferenceFixture::new(link.battery());
    Ok(Bus::Open(Box::new(link), Box::new(fixture)))
}

fn not_spoken(protocol: &Protocol) -> Option<String> {
    let spoken = refbms::Protocol::from_name(&protocol.name).is_some();
    (!spoken).then(|| format!("the reference BMS does not speak {}", protocol.name))
}

/// What target and bench can do for the plan.
fn abilities(
    protocol: &Protocol,
    setup: &Setup,
    claims: &[String],
    fixture: Option<&dyn Fixture>,
    listens_only: bool,
) -> engine::Target {
    let reference = !setup.is_live();
    let mut capabilities = match (fixture, &setup.fixture) {
        (Some(fixture), _) => fixture.capabilities(),
        // A dry run asks no bench: what has a fixture is taken to be able to do all.
        (None, None | Some(FixtureSpec::None)) if !reference => Vec::new(),
        (None, _) => CAPABILITIES.map(String::from).to_vec(),
    };
    if !listens_only {
        capabilities.push(SEND.to_string());
    }
    // Only simulated time can be made to pass.
    if reference {
        capabilities.push(ELAPSE.to_string());
    }
    engine::Target {
        capabilities,
        claims: claims.to_vec(),
        variant: setup.variant(&protocol.name),
        packs: if reference {
            Some(refbms::MAX_PACKS)
        } else {
            setup.packs
        },
        // A reference BMS can be written to and switched off, also behind a control socket.
        dangerous: reference || matches!(setup.fixture, Some(FixtureSpec::Refbms(_))),
    }
}

impl Session<'_> {
    /// What the bus is, where there is one.
    pub fn link(&self) -> Option<LinkDescription> {
        match &self.bus {
            Bus::Open(link, _) => Some(link.describe()),
            Bus::Absent(_) => None,
        }
    }

    /// What the fixture is.
    pub fn fixture(&self) -> Option<String> {
        match &self.bus {
            Bus::Open(_, fixture) => Some(fixture.describe()),
            Bus::Absent(_) => None,
        }
    }

    /// Runs the cases. Each result is handed to `judged`, which answers whether the case failed.
    ///
    /// # Errors
    /// Those of `judged`.
    pub fn run(
        &mut self,
        setup: &Setup,
        judge: JudgeOptions,
        fail_fast: bool,
        interrupt: &Interrupt,
        judged: &mut dyn FnMut(CaseResult) -> Result<bool, CliError>,
    ) -> Result<Ended, CliError> {
        let protocol = self.protocol;
        let (link, fixture) = match &mut self.bus {
            Bus::Open(link, fixture) => (link, fixture),
            Bus::Absent(why) => {
                for (suite, case) in &self.cases {
                    judged(skipped(protocol, suite, case, why))?;
                }
                return Ok(Ended::default());
            }
        };
        let target = abilities(
            protocol,
            setup,
            &self.claims,
            Some(fixture.as_ref()),
            link.listens_only(),
        );
        let plan = plan(&self.cases, protocol, &target);
        let options = DriveOptions {
            judge,
            settle: fixture.settle() + setup.settle,
            seed: setup.seed,
            ..DriveOptions::default()
        };
        let bar = bar(setup.is_live(), plan.len());
        let began = link.now();
        let mut told: HashSet<String> = HashSet::new();
        let silent = AtomicBool::new(true);
        let live = setup.is_live();
        let mut failure: Option<String> = None;
        let mut error: Option<CliError> = None;
        let mut news = |progress: Progress| -> bool {
            match progress {
                Progress::CaseStarted { id, number, .. } => {
                    bar.set_position(number as u64);
                    bar.set_message(id);
                }
                Progress::CaseDone(mut result) => {
                    if live && silent.load(Ordering::Relaxed) {
                        without_a_word(&mut result);
                    }
                    let id = result.id.clone();
                    told.insert(id.clone());
                    match bar.suspend(|| judged(*result)) {
                        Ok(failed) => failure = failure.take().or_else(|| (failed && fail_fast).then_some(id)),
                        Err(broke) => error = Some(broke),
                    }
                }
            }
            failure.is_none() && error.is_none() && !interrupt.is_wanted()
        };
        let run = engine::run(
            protocol,
            plan,
            &target,
            options,
            &mut Listener {
                link: link.as_mut(),
                silent: &silent,
            },
            fixture.as_mut(),
            &mut news,
        );
        bar.finish_and_clear();
        if let Some(error) = error {
            return Err(error);
        }
        for mut result in run.results {
            if !told.contains(&result.id) {
                if let Some(first) = &failure {
                    result.verdict = Verdict::Skip;
                    result.reason = Some(Stop::FirstFailure(first.clone()).to_string());
                }
                judged(result)?;
            }
        }
        let stopped = run.trace.events.iter().find_map(|event| match &event.kind {
            EventKind::Stopped(stop) => Some(stop.to_string()),
            _ => None,
        });
        let received = run
            .trace
            .events
            .iter()
            .filter(|event| matches!(event.kind, EventKind::Received { .. }))
            .count();
        Ok(Ended {
            bus_time: link.now().since(began),
            received,
            // To end at the first failure is what the user asked for.
            broken_off: stopped.filter(|_| failure.is_none()),
            echo: (run.trace.events.iter()).any(|event| event.kind == EventKind::Link(LinkEvent::Echo)),
            stop: failure.is_some() || interrupt.is_wanted(),
            trace: Some(run.trace),
            answers: BTreeMap::new(),
        })
    }

    /// What a target has answered to which question: of hardware, and where the layout itself is a guess.
    pub fn answers(&self, setup: &Setup, trace: &Trace) -> BTreeMap<String, Answers> {
        let mut answers = Answers::default();
        if setup.is_live() || !self.protocol.grade.is_certifiable() {
            answers.add(self.protocol, trace);
        }
        let some = (!answers.is_empty()).then(|| (self.protocol.name.clone(), answers));
        some.into_iter().collect()
    }

    /// Writes the trace of a session into a folder, and its bus traffic as a capture that other tools read.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write_evidence(&self, folder: &Path, ended: &Ended) -> Result<(), CliError> {
        let Some(trace) = &ended.trace else { return Ok(()) };
        let mut name = self.protocol.name.clone();
        for claim in &self.claims {
            name.push('+');
            name.push_str(claim);
        }
        let path = folder.join(format!("{name}.log"));
        let write = || -> std::io::Result<()> {
            let mut out = BufWriter::new(File::create(&path)?);
            let interface: Arc<str> = self.protocol.name.as_str().into();
            for event in &trace.events {
                let (frame, direction) = match &event.kind {
                    EventKind::Received { frame, .. } => (frame, Direction::FromBms),
                    EventKind::Sent { frame, .. } => (frame, Direction::ToBms),
                    _ => continue,
                };
                let record = Record {
                    line: 0,
                    time: Some(Timestamp::from_micros(event.at.as_micros())),
                    interface: Some(Arc::clone(&interface)),
                    direction: Some(direction),
                    frame: frame.clone(),
                };
                capture::write_record(&mut out, &record)?;
            }
            out.flush()
        };
        write().map_err(|source| unwritable(&path, source))?;
        let path = folder.join(format!("{name}.trace.jsonl"));
        let write = || -> std::io::Result<()> {
            let mut out = BufWriter::new(File::create(&path)?);
            engine::store::write(trace, &mut out)?;
            out.flush()
        };
        write().map_err(|source| unwritable(&path, source))
    }
}

/// A link that notes whether anything has come over it at all.
struct Listener<'l> {
    link: &'l mut dyn Link,
    silent: &'l AtomicBool,
}

impl Link for Listener<'_> {
    fn describe(&self) -> LinkDescription {
        self.link.describe()
    }

    fn now(&self) -> Instant {
        self.link.now()
    }

    fn send(&mut self, frame: &BusFrame) -> Result<Instant, LinkError> {
        self.link.send(frame)
    }

    fn receive(&mut self, until: Instant) -> Result<Received, LinkError> {
        let received = self.link.receive(until)?;
        if matches!(received, Received::Frame { .. }) {
            self.silent.store(false, Ordering::Relaxed);
        }
        Ok(received)
    }

    fn elapse(&mut self, until: Instant, alive: &[BusFrame], every: Duration) -> Result<(), LinkError> {
        self.link.elapse(until, alive, every)
    }

    fn listens_only(&self) -> bool {
        self.link.listens_only()
    }
}

/// While not a single byte has come from a live target, a wire that is not connected is as likely as a dumb battery:
/// nothing can be judged.
fn without_a_word(result: &mut CaseResult) {
    if result.verdict == Verdict::Fail || result.verdict == Verdict::Pass {
        result.verdict = Verdict::Inconclusive;
        result.reason = Some("nothing at all has come from the target".to_string());
    }
}

/// The result of a case whose protocol the target does not speak.
fn skipped(protocol: &Protocol, suite: &Suite, case: &Case, why: &str) -> CaseResult {
    CaseResult {
        id: case_id(protocol, suite, case),
        title: case.title.clone(),
        protocol: protocol.name.clone(),
        covers: case.covers.clone(),
        verdict: Verdict::Skip,
        reason: Some(why.to_string()),
        checks: Vec::new(),
        time: Duration::ZERO,
        waiver: None,
        origin: case.origin.file_line(),
    }
}

/// What would run, in order, and what would not.
pub fn dry_run(choice: &Choice<'_>, setup: &Setup, style: &Style) -> String {
    let mut out = String::new();
    let chosen = choice.chosen.iter().flat_map(|(protocol, cases)| {
        by_claims(protocol, cases, setup)
            .into_iter()
            .map(move |(claims, cases)| (*protocol, claims, cases))
    });
    for (protocol, claims, cases) in chosen {
        let listens_only = matches!(setup.target, Target::Replay(_));
        let target = abilities(protocol, setup, &claims, None, listens_only);
        let plan = match not_spoken(protocol) {
            Some(why) if !setup.is_live() => Plan {
                skipped: cases
                    .iter()
                    .map(|(suite, case)| (case_id(protocol, suite, case), why.clone()))
                    .collect(),
                ..Plan::default()
            },
            _ => plan(&cases, protocol, &target),
        };
        let with = match claims.as_slice() {
            [] => String::new(),
            claims => format!(" with {}", claims.join(", ")),
        };
        out.push_str(&format!(
            "{}{with} on {}: {}, {} skipped\n",
            style.paint(Tone::Strong, &protocol.name),
            setup.target,
            counted(plan.len(), "case"),
            plan.skipped.len()
        ));
        for group in &plan.groups {
            let state: Vec<String> = group.given.iter().map(in_words).collect();
            let mut about = if state.is_empty() {
                "as found".to_string()
            } else {
                format!("given {}", state.join(", "))
            };
            if !group.keepalive {
                about.push_str(", without the inverter's frames");
            }
            if group.cases.len() > 1 {
                about.push_str(&format!(
                    "; {} share an observation",
                    counted(group.cases.len(), "case")
                ));
            }
            out.push_str(&labelled(style, 2, 4, "", &about, Tone::Faint));
            for planned in &group.cases {
                out.push_str(&format!("      {}\n", planned.id));
            }
        }
        for (id, why) in &plan.skipped {
            out.push_str(&labelled(style, 2, 10, "skip", &format!("{id}: {why}"), Tone::Faint));
        }
    }
    out
}

/// A bar on the standard error, for live targets on a terminal.
fn bar(live: bool, cases: usize) -> ProgressBar {
    if !live || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(cases as u64);
    if let Ok(style) = ProgressStyle::with_template("  {pos}/{len} {elapsed} {wide_msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(500));
    bar
}

/// Whether somebody pressed Ctrl-C.
#[derive(Clone, Debug)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens for Ctrl-C on live runs: the first lets the run end with its reports, the second ends the program.
    pub fn watch(live: bool) -> Interrupt {
        let wanted = Arc::new(AtomicBool::new(false));
        if live {
            let flag = Arc::clone(&wanted);
            // Where signals cannot be had, Ctrl-C ends the program at once, as always.
            let _ = ctrlc::set_handler(move || {
                if flag.swap(true, Ordering::Relaxed) {
                    std::process::exit(i32::from(Status::Inconclusive.code()));
                }
                complain("interrupted: the run ends with this case; again: at once\n");
            });
        }
        Interrupt(wanted)
    }

    fn is_wanted(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
