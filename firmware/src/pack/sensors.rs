//! The temperature sensors of a pack: four on the cells, one on the power stage, one for the surroundings.

/// Cell temperature sensors in one pack (NT1 to NT4), as a number on a wire.
pub(crate) const CELL_SENSOR_COUNT: u8 = 4;
/// Cell temperature sensors in one pack (NT1 to NT4).
pub const CELL_SENSORS: usize = CELL_SENSOR_COUNT as usize;

/// A temperature sensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sensor {
    /// A cell sensor, 1..=4.
    Cell(u8),
    /// The power stage ("Mos T").
    Mosfet,
    /// The surroundings ("ENV_T").
    Ambient,
}

/// One probe: what it would read, and whether it is there at all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Probe {
    pub(crate) decidegrees: i16,
    pub(crate) fitted: bool,
}

impl Probe {
    const fn at(decidegrees: i16) -> Probe {
        Probe {
            decidegrees,
            fitted: true,
        }
    }

    /// The reading in 0.1 degC; nothing where no probe is fitted.
    pub(crate) fn reading(&self) -> Option<i16> {
        self.fitted.then_some(self.decidegrees)
    }
}

/// All probes of a pack.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sensors {
    pub(crate) cells: [Probe; CELL_SENSORS],
    pub(crate) mosfet: Probe,
    pub(crate) ambient: Probe,
}

impl Sensors {
    /// The probe of this name, if the pack has a place for it.
    pub(crate) fn probe_mut(&mut self, sensor: Sensor) -> Option<&mut Probe> {
        match sensor {
            Sensor::Cell(number) => self.cells.get_mut(usize::from(number).checked_sub(1)?),
            Sensor::Mosfet => Some(&mut self.mosfet),
            Sensor::Ambient => Some(&mut self.ambient),
        }
    }
}

impl Default for Sensors {
    /// A pack in a room at rest.
    fn default() -> Sensors {
        Sensors {
            cells: [Probe::at(250); CELL_SENSORS],
            mosfet: Probe::at(280),
            ambient: Probe::at(270),
        }
    }
}
