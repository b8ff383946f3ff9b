//! What a machine of the judge finds, before the case as a whole is weighed.

use std::rc::Rc;
use std::time::Duration;

use crate::definition::{Grade, Origin, Outcome, Protocol};
use crate::engine::TraceHeader;
use crate::time::Instant;

use super::diagnosis::Compared;
use super::observe::Heard;
use super::rules::CompiledRules;
use super::timing::Clock;
use super::{Check, CheckResult, Evidence};

/// A check with what only the case can decide.
#[derive(Clone, Debug)]
pub(crate) struct Ruling {
    pub(crate) check: Check,
    /// Whether what was demanded was seen, whatever the grade makes of it.
    pub(crate) held: bool,
    /// It held because nothing came: that means something only if the target is alive.
    pub(crate) by_silence: bool,
    /// The fields that were compared with exact values.
    pub(crate) compared: Vec<Compared>,
}

impl Ruling {
    #[must_use]
    pub(crate) fn with_evidence(mut self, evidence: Evidence) -> Ruling {
        self.check.evidence = Some(evidence);
        self
    }

    #[must_use]
    pub(crate) fn with_requirement(mut self, requirement: String) -> Ruling {
        self.check.requirement = requirement;
        self
    }

    #[must_use]
    pub(crate) fn with_measured(mut self, measured: Option<Duration>) -> Ruling {
        self.check.measured = measured;
        self
    }

    /// A ruling that holds because nothing came.
    #[must_use]
    pub(crate) fn by_silence(mut self) -> Ruling {
        self.by_silence = true;
        self
    }

    /// The same demand, which cannot be judged.
    #[must_use]
    pub(crate) fn unjudged(mut self, why: &str) -> Ruling {
        self.check.result = CheckResult::Inconclusive;
        self.check.actual = if self.check.actual.is_empty() {
            why.to_string()
        } else {
            format!("{} ({why})", self.check.actual)
        };
        self.check.vacuous = false;
        self.held = false;
        self
    }
}

/// What the machines of a step know beside the step itself.
#[derive(Clone, Debug)]
pub(crate) struct Context<'p> {
    pub(crate) protocol: &'p Protocol,
    pub(crate) clock: Clock,
    /// The facts of the case are known no better than this.
    pub(crate) grade: Option<Grade>,
    /// The step, and where it stands in its suite.
    pub(crate) step: Option<usize>,
    pub(crate) demanded_at: Option<String>,
    /// The variant and the capabilities that the target claims.
    pub(crate) variant: Option<String>,
    pub(crate) claims: Vec<String>,
    /// The rules of the definition.
    pub(crate) rules: Rc<CompiledRules<'p>>,
    /// The last stimulus of the case before the step.
    pub(crate) stimulus: Option<Stimulated>,
    /// When the stimuli of the step just before were begun to be given: they act from then on, at the earliest, while
    /// a bench takes its time to report them done.
    pub(crate) acting_since: Option<Instant>,
    /// What came since then and before the step, for reaction times.
    pub(crate) history: History<'p>,
}

/// Messages in the order in which they came.
pub(crate) type History<'p> = Vec<Rc<Heard<'p>>>;

/// The last stimulus before a step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stimulated {
    pub(crate) at: Instant,
    /// The target started anew, or woke.
    pub(crate) restart: bool,
}

impl<'p> Context<'p> {
    /// What holds for all steps of a case.
    pub(crate) fn new(
        protocol: &'p Protocol,
        header: &TraceHeader,
        rules: Rc<CompiledRules<'p>>,
        grade: Option<Grade>,
    ) -> Context<'p> {
        Context {
            protocol,
            clock: Clock::new(header.resolution),
            grade,
            step: None,
            demanded_at: None,
            acting_since: None,
            variant: header
                .variant
                .clone()
                .or_else(|| protocol.variants.first().map(|variant| variant.name.clone())),
            claims: header.claims.clone(),
            rules,
            stimulus: None,
            history: Vec::new(),
        }
    }

    /// A ruling on one demand: what it amounts to follows from the worse grade of fact and case.
    pub(crate) fn ruling(&self, what: String, grade: Grade, expected: String, actual: String, held: bool) -> Ruling {
        self.ruling_of(
            what,
            grade,
            expected,
            actual,
            if held { Outcome::Pass } else { Outcome::Fail },
        )
    }

    /// As [`Context::ruling`], for a deviation that may be tolerated.
    pub(crate) fn ruling_of(
        &self,
        what: String,
        grade: Grade,
        expected: String,
        actual: String,
        outcome: Outcome,
    ) -> Ruling {
        let grade = self.grade.map_or(grade, |case| case.worse(grade));
        let check = Check {
            what,
            result: CheckResult::of_deviation(outcome, grade),
            grade,
            expected,
            actual,
            requirement: format!("sheet {}, grade {}", self.protocol.sheet, grade.letter()),
            step: self.step,
            demanded_at: self.demanded_at.clone(),
            evidence: None,
            vacuous: false,
            measured: None,
            diagnosis: None,
        };
        Ruling {
            check,
            held: outcome == Outcome::Pass,
            by_silence: false,
            compared: Vec::new(),
        }
    }

    /// Where a requirement comes from.
    pub(crate) fn requirement(&self, grade: Grade, origin: &Origin) -> String {
        let grade = self.grade.map_or(grade, |case| case.worse(grade));
        format!(
            "sheet {}, grade {} ({})",
            self.protocol.sheet,
            grade.letter(),
            origin.file_line()
        )
    }

    /// Whether the target is expected to send a part that may depend on variant and claim.
    pub(crate) fn applies(&self, variants: &[String], claim: Option<&String>) -> bool {
        let variant = variants.is_empty()
            || self
                .variant
                .as_ref()
                .is_some_and(|variant| variants.iter().any(|known| known == variant));
        variant && claim.is_none_or(|claim| self.claims.contains(claim))
    }
}
