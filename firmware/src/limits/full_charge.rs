//! When a pack is known to be full (B-029), and the full hold that follows (B-080).

use crate::pack::gauge::Gauge;
use crate::protection::Measured;
use crate::protection::parameters::{Parameter, Parameters};
use crate::time::Instant;

/// Full detection and full hold of one pack.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FullCharge {
    /// Since when the voltage has been high and the current low.
    tapering: Option<Instant>,
    over_voltage: bool,
    holding: bool,
    /// Held by the bench.
    held: bool,
}

impl FullCharge {
    /// Takes in what is measured, and whether a measured over-voltage protection acts.
    pub(crate) fn update(
        &mut self,
        now: Instant,
        measured: &Measured,
        over_voltage: bool,
        parameters: &Parameters,
        gauge: &mut Gauge,
    ) {
        let low_current = 0..=parameters.canonical(Parameter::FullChargeCurrent);
        let tapers = measured.pack_mv >= parameters.get(Parameter::FullChargeVoltage)
            && low_current.contains(&measured.current_ma);
        self.tapering = tapers.then_some(self.tapering.unwrap_or(now));
        let tripped = over_voltage && !self.over_voltage;
        self.over_voltage = over_voltage;

        let releases = |soc_percent: u8| {
            i32::from(soc_percent) < parameters.get(Parameter::FullReleaseSoc)
                || measured.highest_cell_mv < parameters.get(Parameter::FullHoldReleaseVoltage)
        };
        let news = !gauge.is_full() || (!self.holding && !releases(100));
        let due = self.detection(parameters).is_some_and(|at| at <= now);
        if tripped || (due && news) {
            gauge.find_full();
            self.holding = true;
            self.tapering = None;
        }
        self.holding &= !releases(gauge.soc_percent());
    }

    /// Whether charging is refused because the pack is full.
    pub(crate) fn holds(&self) -> bool {
        self.holding || self.held
    }

    /// Holds, or lets go until the pack is full anew.
    pub(crate) fn hold(&mut self, hold: bool) {
        *self = FullCharge {
            held: hold,
            over_voltage: self.over_voltage,
            ..FullCharge::default()
        };
    }

    /// A restart forgets what was detected, but not what the bench holds.
    pub(crate) fn restart(&mut self) {
        *self = FullCharge {
            held: self.held,
            ..FullCharge::default()
        };
    }

    /// When the pack is known to be full if nothing changes.
    pub(crate) fn detection(&self, parameters: &Parameters) -> Option<Instant> {
        Some(self.tapering? + parameters.duration(Parameter::FullChargeDelay))
    }
}
