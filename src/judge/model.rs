//! Verdicts and the checks behind them.

use std::ops::Range;
use std::time::Duration;

use crate::definition::{Grade, Outcome};
use crate::time::Instant;
use crate::wire::BusFrame;

/// The judgement of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Everything demanded was seen.
    Pass,
    /// The target lacks a stated capability, or the bench cannot do what the case needs.
    Skip,
    /// No judgement is possible.
    Inconclusive,
    /// The harness or the link broke.
    Error,
    /// The target did something wrong.
    Fail,
}

impl Verdict {
    /// The verdict's word in reports.
    pub const fn word(self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Skip => "skip",
            Verdict::Inconclusive => "inconclusive",
            Verdict::Error => "error",
            Verdict::Fail => "fail",
        }
    }
}

/// One thing that was checked in a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What was checked: `0x351.charge_current_limit`, `0x351 period`, `rule no-charge-no-current`.
    pub what: String,
    /// How it came out, before strictness: the grade is applied already.
    pub result: CheckResult,
    /// How well the fact behind it is known.
    pub grade: Grade,
    /// What was demanded, in words: `0 A`.
    pub expected: String,
    /// What was seen, in words with raw numbers: `200.0 A (raw 2000)`.
    pub actual: String,
    /// Where the requirement comes from: `sheet pylon-can, grade A (protocols/pylon-can.yaml:31)`.
    pub requirement: String,
    /// The step that demanded it; `None` for what holds always.
    pub step: Option<usize>,
    /// Where the demand stands in the suite: `suites/pylon-can/limits.yaml:23`.
    pub demanded_at: Option<String>,
    /// The frame that decided it.
    pub evidence: Option<Evidence>,
    /// Nothing on the wire could have broken it.
    pub vacuous: bool,
    /// A measured time: reaction, mean period, time to the first byte.
    pub measured: Option<Duration>,
    /// Which wire fault explains the difference.
    pub diagnosis: Option<String>,
}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CheckResult {
    /// It held.
    Pass,
    /// A deviation that never decides (grade D).
    Information,
    /// A deviation that is tolerated (grade C); fails with `--strict`.
    Warning,
    /// It could not be judged.
    Inconclusive,
    /// It did not hold.
    Fail,
}

impl CheckResult {
    /// What a deviation of this outcome and grade amounts to.
    pub fn of_deviation(outcome: Outcome, grade: Grade) -> CheckResult {
        let by_grade = match grade {
            Grade::A | Grade::B => CheckResult::Fail,
            Grade::C => CheckResult::Warning,
            Grade::D => CheckResult::Information,
        };
        let by_outcome = match outcome {
            Outcome::Pass => CheckResult::Pass,
            Outcome::Information => CheckResult::Information,
            Outcome::Warning => CheckResult::Warning,
            Outcome::Fail => CheckResult::Fail,
        };
        by_grade.min(by_outcome)
    }

    /// The result's word in reports.
    pub const fn word(self) -> &'static str {
        match self {
            CheckResult::Pass => "pass",
            CheckResult::Information => "information",
            CheckResult::Warning => "warning",
            CheckResult::Inconclusive => "inconclusive",
            CheckResult::Fail => "fail",
        }
    }
}

/// The frame that decided a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Its index among the trace's events.
    pub event: usize,
    /// When it was on the bus.
    pub at: Instant,
    /// The frame itself.
    pub frame: BusFrame,
    /// The data that fields were read from (payload, INFO).
    pub data: Vec<u8>,
    /// The data that was demanded, where exact bytes were.
    pub golden: Option<Vec<Option<u8>>>,
    /// The bytes of `data` at fault.
    pub bytes: Range<usize>,
}

/// A case with its verdict.
#[derive(Clone, Debug)]
pub struct CaseResult {
    /// `protocol/suite/case`.
    pub id: String,
    /// What the case demands, in words.
    pub title: String,
    /// The protocol that it ran on.
    pub protocol: String,
    /// What it covers.
    pub covers: Vec<String>,
    /// The verdict.
    pub verdict: Verdict,
    /// Why, for skip, inconclusive and error.
    pub reason: Option<String>,
    /// All checks in the order in which they were decided.
    pub checks: Vec<Check>,
    /// Bus time that the case took.
    pub time: Duration,
    /// The waiver that excuses a failure, or that was not needed.
    pub waiver: Option<String>,
    /// Where the case stands: `suites/pylon-can/limits.yaml:12`.
    pub origin: String,
}
