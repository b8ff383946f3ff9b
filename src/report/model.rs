//! What a report says.

use std::time::Duration;

use jiff::Timestamp;

use crate::definition::Grade;
use crate::engine::ClockSource;
use crate::judge::answers::Answers;
use crate::judge::{CaseResult, Check, CheckResult, Verdict};
use crate::suite::Profile;
use crate::suite::measured::Measured;

/// A run and its verdicts.
#[derive(Clone, Debug)]
pub struct Report {
    /// What was known before the first case.
    pub header: Header,
    /// The cases in the order in which they were judged.
    pub cases: Vec<CaseResult>,
    /// How the run ended; `None` for a run that was broken off.
    pub end: Option<End>,
}

impl Report {
    /// The counts over all cases so far.
    pub fn summary(&self) -> Summary {
        let mut summary = Summary::default();
        for case in &self.cases {
            summary.add(case);
        }
        summary
    }
}

/// Where and how a run took place.
#[derive(Clone, Debug)]
pub struct Header {
    /// The version of this program.
    pub version: String,
    /// When the run began.
    pub started: Timestamp,
    /// The target in words: `reference BMS`, `can:can0`.
    pub target: String,
    /// True for the in-tree reference BMS, false for hardware or a recording of it.
    pub reference: bool,
    /// How stimuli reached the target: `reference BMS`, `none`, `exec:simulate`.
    pub fixture: String,
    /// The protocols that were driven.
    pub protocols: Vec<ProtocolUsed>,
    /// The profile of cases.
    pub profile: Profile,
    /// Whether deviations of grade C fail.
    pub strict: bool,
    /// The seed of everything that was chosen at random.
    pub seed: u64,
    /// The selectors as given; empty for everything.
    pub selectors: Vec<String>,
    /// Suites that were given as files: their names and paths.
    pub files: Vec<(String, String)>,
    /// The options of the command line that belong to a repetition: `--target can:can0`, `--strict`.
    pub options: Vec<String>,
    /// Where time stamps come from.
    pub clock: ClockSource,
    /// How finely times are known.
    pub resolution: Duration,
}

impl Header {
    /// The line that says what was tested: `reference BMS` or `hardware`, never to be confused.
    pub fn title(&self) -> String {
        if self.reference {
            return "reference BMS (simulated, no hardware)".to_string();
        }
        match self.clock {
            ClockSource::Recording => format!("recorded hardware, {}", self.target),
            ClockSource::Virtual | ClockSource::Kernel | ClockSource::User => format!("hardware on {}", self.target),
        }
    }

    /// Whether a check fails its case: with `strict` a tolerated deviation does too.
    pub fn fails(&self, check: &Check) -> bool {
        check.result == CheckResult::Fail || (self.strict && check.result == CheckResult::Warning)
    }

    /// The command that runs one case again in the same way.
    pub fn rerun(&self, case: &str) -> String {
        let (suite, name) = case.rsplit_once('/').unwrap_or(("", case));
        let of_file = |(known, _): &&(String, String)| suite == known || suite.ends_with(&format!("/{known}"));
        let mut command = match self.files.iter().find(of_file) {
            Some((_, file)) => format!("bmscheck run {file}/{name}"),
            None => format!("bmscheck run {case}"),
        };
        for option in &self.options {
            command.push(' ');
            command.push_str(option);
        }
        command
    }

    /// How checks become verdicts.
    pub fn decision_rule(&self) -> String {
        let grade_c = if self.strict { "fails" } else { "warns" };
        let vacuous = match self.profile {
            Profile::Certification => "; a pass that nothing could have broken is inconclusive",
            Profile::Ci | Profile::Eol => "",
        };
        format!(
            "a deviation from a fact of grade A or B fails, grade C {grade_c}, grade D informs; simple acceptance: a \
             measured value counts as it is, and a tolerance finer than the clock is inconclusive{vacuous}"
        )
    }

    /// Where times come from, in words: `simulated time, exact`.
    pub fn clock_in_words(&self) -> String {
        let source = clock_word(self.clock);
        if self.clock == ClockSource::Virtual {
            return format!("{source}, exact");
        }
        format!("{source}, known to {} us", self.resolution.as_micros())
    }
}

/// The name of a source of time stamps in reports.
pub const fn clock_word(clock: ClockSource) -> &'static str {
    match clock {
        ClockSource::Virtual => "simulated time",
        ClockSource::Kernel => "kernel time stamps",
        ClockSource::User => "time stamps of this program",
        ClockSource::Recording => "time stamps of a recording",
    }
}

/// A protocol that a run drove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtocolUsed {
    /// Its name: `pylon-can`.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// The grade of the protocol as a whole; `D` can never be certified.
    pub grade: Grade,
    /// The variant that the target claims.
    pub variant: Option<String>,
    /// The definition: built in, or which path.
    pub definition: String,
    /// How many wire faults its own suites catch.
    pub mutation: Mutation,
}

/// How many wire faults the suites of a protocol catch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// As measured.
    Measured {
        /// The figures.
        figures: Measured,
        /// Whether all the cases that were measured belong to this run.
        complete: bool,
    },
    /// These files were not measured.
    Unknown,
}

/// What is said of the protocols that no run can certify, since their layout is inferred (grade D as a whole).
#[derive(Clone, Debug, Default)]
pub struct Standings {
    /// The protocols with whether something deviates; `None` until a case was judged.
    protocols: Vec<(String, Option<bool>)>,
}

impl Standings {
    /// Those of a run.
    pub fn new(header: &Header) -> Standings {
        let inferred = header
            .protocols
            .iter()
            .filter(|protocol| !protocol.grade.is_certifiable());
        Standings {
            protocols: inferred.map(|protocol| (protocol.name.clone(), None)).collect(),
        }
    }

    /// Takes one more case into account.
    pub fn add(&mut self, case: &CaseResult) {
        if !matches!(case.verdict, Verdict::Pass | Verdict::Fail) {
            return;
        }
        if let Some((_, standing)) = self.protocols.iter_mut().find(|(name, _)| *name == case.protocol) {
            let deviates = |check: &Check| {
                matches!(
                    check.result,
                    CheckResult::Fail | CheckResult::Warning | CheckResult::Information
                )
            };
            *standing = Some(standing.unwrap_or(false) || case.checks.iter().any(deviates));
        }
    }

    /// Each protocol with what was seen, in words.
    pub fn each(&self) -> impl Iterator<Item = (&str, &'static str)> {
        self.protocols.iter().map(|(name, deviates)| {
            let seen = match deviates {
                None => "not compared with the assumed layout",
                Some(true) => "differs from the assumed layout",
                Some(false) => "matches the assumed layout",
            };
            (name.as_str(), seen)
        })
    }
}

/// Why a protocol can never be certified.
pub const NEVER_CERTIFIED: &str = "its layout is inferred (grade D), so no run certifies it";

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// The bus time that the run covered, over all protocols.
    pub bus_time: Duration,
    /// The time that passed on the wall.
    pub wall_time: Duration,
    /// What is to be said about the waivers in use: expired, not needed, matching nothing.
    pub waivers: Vec<String>,
    /// What broke the run off, when something did.
    pub broken_off: Option<String>,
    /// What the target has answered to which question, by protocol: of hardware, and of protocols whose layout is
    /// inferred.
    pub answers: Vec<(String, Answers)>,
    /// The serial line gave back what was sent, as half-duplex adapters do; the copies were taken for no answers.
    pub echo: bool,
}

/// Counts over the cases of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Cases that passed.
    pub pass: usize,
    /// Cases that failed.
    pub fail: usize,
    /// Cases that could not be judged.
    pub inconclusive: usize,
    /// Cases in which harness or link broke.
    pub error: usize,
    /// Cases that the target or the bench cannot do.
    pub skip: usize,
    /// Checks that deviate and are tolerated.
    pub warnings: usize,
    /// Checks that deviate and never decide.
    pub information: usize,
    /// Checks that passed although nothing on the wire could have broken them.
    pub vacuous: usize,
    /// Cases that passed because a waiver excuses their failure.
    pub waived: usize,
}

impl Summary {
    /// Counts one more case.
    pub fn add(&mut self, case: &CaseResult) {
        *match case.verdict {
            Verdict::Pass => &mut self.pass,
            Verdict::Fail => &mut self.fail,
            Verdict::Inconclusive => &mut self.inconclusive,
            Verdict::Error => &mut self.error,
            Verdict::Skip => &mut self.skip,
        } += 1;
        self.waived += usize::from(case.verdict == Verdict::Pass && case.waiver.is_some());
        for check in &case.checks {
            match check.result {
                CheckResult::Warning => self.warnings += 1,
                CheckResult::Information => self.information += 1,
                CheckResult::Pass => self.vacuous += usize::from(check.vacuous),
                CheckResult::Inconclusive | CheckResult::Fail => {}
            }
        }
    }

    /// All cases.
    pub const fn cases(&self) -> usize {
        self.pass + self.fail + self.inconclusive + self.error + self.skip
    }

    /// The count of one verdict.
    pub const fn of(&self, verdict: Verdict) -> usize {
        match verdict {
            Verdict::Pass => self.pass,
            Verdict::Fail => self.fail,
            Verdict::Inconclusive => self.inconclusive,
            Verdict::Error => self.error,
            Verdict::Skip => self.skip,
        }
    }
}

/// The suite of a case: its identifier up to the last slash.
pub fn suite_of(case: &str) -> &str {
    case.rsplit_once('/').map_or("", |(suite, _)| suite)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inferred_protocol_matches_or_differs_and_is_never_certified() {
        let mut report = crate::report::fixture::report();
        assert_eq!(
            Standings::new(&report.header).each().count(),
            0,
            "grade A can be certified"
        );
        report.header.protocols[0].grade = Grade::D;
        let seen = |cases: &[&CaseResult]| {
            let mut standings = Standings::new(&report.header);
            cases.iter().for_each(|case| standings.add(case));
            let all: Vec<_> = standings.each().map(|(name, seen)| (name.to_string(), seen)).collect();
            assert_eq!(all.len(), 1);
            all[0].1
        };
        let of = |verdict: Verdict| {
            let mut cases = report.cases.iter();
            cases.find(|case| case.protocol == "pylon-can" && case.verdict == verdict)
        };
        let passed = CaseResult {
            checks: Vec::new(),
            ..of(Verdict::Pass).expect("a case that passes").clone()
        };
        let failed = of(Verdict::Fail).expect("a case that fails");
        assert_eq!(seen(&[]), "not compared with the assumed layout");
        assert_eq!(seen(&[&passed]), "matches the assumed layout");
        assert_eq!(seen(&[failed, &passed]), "differs from the assumed layout");
        let remarked = CaseResult {
            verdict: Verdict::Pass,
            checks: vec![Check {
                result: CheckResult::Information,
                ..failed.checks[0].clone()
            }],
            ..failed.clone()
        };
        assert_eq!(seen(&[&passed, &remarked]), "differs from the assumed layout");
    }
}
