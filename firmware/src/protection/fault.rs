//! Defects that the battery finds by itself: a cell that no LiFePO4 cell can be (bms-behaviour 3.2), a temperature
//! sensor that is missing or reads nonsense.
//!
//! A fault stays until the battery is restarted (B-058). The other faults of the catalogue have no threshold in the
//! sheet; they are there while a bench holds them active.

use super::Measured;
use super::condition::{Condition, ConditionSet};
use super::detector::Detector;
use super::parameters::{Parameter, Parameters};
use crate::time::Instant;

/// The detectors of this group.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FaultDetection {
    cell: Detector,
    sensor: Detector,
}

impl FaultDetection {
    pub(crate) fn update(&mut self, now: Instant, measured: &Measured, parameters: &Parameters) {
        let defective = measured.highest_cell_mv > parameters.get(Parameter::CellFaultHigh)
            || measured.lowest_cell_mv < parameters.get(Parameter::CellFaultLow);
        let delay = parameters.duration(Parameter::CellFaultDelay);
        self.cell.update(now, defective, false, delay);

        let sound = parameters.get(Parameter::SensorLow)..=parameters.get(Parameter::SensorHigh);
        let readable = |reading: Option<i16>| reading.is_some_and(|decidegrees| sound.contains(&decidegrees.into()));
        let all_readable = measured.cells.iter().all(|reading| readable(*reading))
            && readable(measured.mosfet)
            && readable(measured.ambient);
        let delay = parameters.duration(Parameter::TemperatureDelay);
        self.sensor.update(now, !all_readable, false, delay);
    }

    pub(crate) fn active(&self) -> ConditionSet {
        let mut set = ConditionSet::EMPTY;
        set.set(Condition::CellFault, self.cell.is_active());
        set.set(Condition::TemperatureSensorFault, self.sensor.is_active());
        set
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        [self.cell.deadline(), self.sensor.deadline()]
            .into_iter()
            .flatten()
            .min()
    }
}
