//! The charge current limiter (B-032), an option: it acts while the charge current is too high, and is checked again
//! every five minutes.

use crate::protection::parameters::{Parameter, Parameters};
use crate::setting::Switch;
use crate::time::Instant;

/// The limiter of one pack.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limiter {
    /// Off: not fitted. On: acts always.
    pub(crate) mode: Switch,
    /// Acts until then; what it is about is checked again at that moment.
    until: Option<Instant>,
}

impl Default for Limiter {
    fn default() -> Limiter {
        Limiter {
            mode: Switch::Off,
            until: None,
        }
    }
}

impl Limiter {
    /// Takes in whether the charge over-current alarm is active (B-009).
    pub(crate) fn update(&mut self, now: Instant, alarm: bool, parameters: &Parameters) {
        if self.mode != Switch::Automatic {
            self.until = None;
            return;
        }
        self.until = self.until.filter(|at| *at > now);
        if alarm && self.until.is_none() {
            self.until = Some(now + parameters.duration(Parameter::ChargeCurrentLimiterDelay));
        }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.mode.resolve(self.until.is_some())
    }

    /// The highest charge current in 0.1 A that it lets through.
    pub(crate) fn limit(&self, parameters: &Parameters) -> u16 {
        let current = u16::try_from(parameters.get(Parameter::ChargeCurrentLimiterCurrent)).unwrap_or(u16::MAX);
        if self.is_on() { current } else { u16::MAX }
    }

    /// A restart lets go.
    pub(crate) fn restart(&mut self) {
        self.until = None;
    }

    /// When it is checked again.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.until
    }
}
