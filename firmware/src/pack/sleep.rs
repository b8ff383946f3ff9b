//! When a pack switches itself off (B-031).

use crate::protection::parameters::{Parameter, Parameters};
use crate::time::Instant;

/// How long each reason for sleep has lasted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SleepWatch {
    /// An under-voltage protection acts.
    empty: Option<Instant>,
    /// The lowest cell is at or below its threshold.
    low_cell: Option<Instant>,
    /// No effective current flows.
    idle: Option<Instant>,
}

/// What the rules look at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SleepInputs {
    pub(crate) under_voltage: bool,
    pub(crate) low_cell: bool,
    pub(crate) idle: bool,
}

impl SleepWatch {
    pub(crate) fn update(&mut self, now: Instant, inputs: SleepInputs) {
        let since = |began: &mut Option<Instant>, holds: bool| {
            *began = holds.then_some(began.unwrap_or(now));
        };
        since(&mut self.empty, inputs.under_voltage);
        since(&mut self.low_cell, inputs.low_cell);
        since(&mut self.idle, inputs.idle);
    }

    /// When the pack will sleep if nothing changes and nobody speaks to it after `last_heard`.
    pub(crate) fn deadline(&self, last_heard: Instant, parameters: &Parameters) -> Option<Instant> {
        let after = |began: Instant, delay| began + parameters.duration(delay);
        let quiet = self.idle.map(|idle| idle.max(last_heard));
        let empty = self.empty.map(|began| after(began, Parameter::UnderVoltageSleepDelay));
        let unused = quiet.map(|began| after(began, Parameter::IdleSleepDelay));
        let low = quiet
            .zip(self.low_cell)
            .map(|(quiet, low)| after(quiet.max(low), Parameter::CellSleepDelay));
        [empty, unused, low].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Instant {
        Instant::from_secs(secs)
    }

    /// B-031: each rule by itself, and what interrupts it.
    #[test]
    fn each_rule_counts_from_its_own_beginning() {
        let parameters = &Parameters::default();
        let mut watch = SleepWatch::default();
        let mut inputs = SleepInputs {
            under_voltage: false,
            low_cell: false,
            idle: false,
        };
        watch.update(at(0), inputs);
        assert_eq!(watch.deadline(at(0), parameters), None, "it works");
        inputs.idle = true;
        watch.update(at(10), inputs);
        assert_eq!(watch.deadline(at(0), parameters), Some(at(10 + 48 * 3600)));
        assert_eq!(
            watch.deadline(at(500), parameters),
            Some(at(500 + 48 * 3600)),
            "spoken to"
        );
        inputs.low_cell = true;
        watch.update(at(100), inputs);
        assert_eq!(watch.deadline(at(0), parameters), Some(at(400)));
        assert_eq!(watch.deadline(at(150), parameters), Some(at(450)), "spoken to");
        inputs.under_voltage = true;
        watch.update(at(110), inputs);
        watch.update(at(120), inputs);
        assert_eq!(
            watch.deadline(at(150), parameters),
            Some(at(170)),
            "whoever speaks to it"
        );
        inputs.idle = false;
        inputs.under_voltage = false;
        watch.update(at(160), inputs);
        assert_eq!(watch.deadline(at(0), parameters), None, "a current flows");
    }
}
