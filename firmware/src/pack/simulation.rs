//! A simulated charger or load, and what it does to the physical pack: voltages, temperatures and charge move together.
//!
//! The model is simple on purpose, and exact in integers: a cell is an open-circuit voltage over its charge (LiFePO4)
//! behind a resistance, the pack a body that warms by the loss in it and cools towards its surroundings. Constants are
//! chosen for this class of pack (D). A sensor that the bench sets while the simulation runs stands still.

use core::time::Duration;

use super::cells::{CELLS, Cells};
use super::sensors::{CELL_SENSORS, Sensors};
use crate::convert::div_nearest;
use crate::time::Instant;

/// How often the model is computed.
pub(crate) const STEP: Duration = Duration::from_secs(1);
/// One mAh in mA x us.
pub(crate) const MILLIAMPERE_HOUR: i128 = 3_600_000_000;
/// One cell with its share of bars and wires.
const CELL_MICROOHM: i64 = 500;
const PACK_MICROOHM: i128 = 500 * CELLS as i128;
/// Heat capacity and time constant of the cells.
const PACK_JOULE_PER_KELVIN: i128 = 110_000;
const PACK_COOLING: Duration = Duration::from_secs(7200);
/// The same of the power stage, and its resistance.
const MOSFET_MICROOHM: i128 = 500;
const MOSFET_JOULE_PER_KELVIN: i128 = 500;
const MOSFET_COOLING: Duration = Duration::from_secs(300);
/// How fast passive balancing brings a cell down: 3 mV an hour, in nV per second.
const BALANCING: i64 = 833;

/// Open-circuit voltage of a LiFePO4 cell: charge in 0.01 % of its capacity, and mV. Ends are steep, the middle is flat.
const OPEN_CIRCUIT: [(i64, i64); 20] = [
    (-200, 2000),
    (0, 2500),
    (100, 2780),
    (200, 2880),
    (300, 2950),
    (500, 3050),
    (800, 3150),
    (1100, 3200),
    (2000, 3245),
    (3000, 3275),
    (4000, 3290),
    (5000, 3300),
    (6000, 3310),
    (7000, 3325),
    (9000, 3335),
    (9500, 3350),
    (9900, 3400),
    (10_000, 3500),
    (10_100, 3650),
    (10_400, 4300),
];

/// What the bench connects to the pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    /// Positive = it charges.
    pub(crate) milliamperes: i32,
    /// A charger goes no higher than this pack voltage: its current falls instead.
    pub(crate) up_to_mv: Option<u32>,
}

/// The physical pack behind its sensors.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Simulation {
    source: Source,
    /// Computed up to this moment.
    at: Instant,
    /// True charge of the cells in mA x us; the gauge does not know it.
    charge: i128,
    /// How far each cell lies from the others, in nV.
    deviations: [i64; CELLS],
    /// In 0.000001 degC.
    cell_temperatures: [i64; CELL_SENSORS],
    mosfet_temperature: i64,
    /// Cells and probes that the bench has set since; bit n: cell n + 1, probe n + 1.
    held_cells: u16,
    held_probes: u8,
    held_mosfet: bool,
}

impl Simulation {
    /// Begins with what the sensors show, at a charge in 0.01 % of `capacity_mah`.
    pub(crate) fn begin(
        now: Instant,
        source: Source,
        cells: &Cells,
        sensors: &Sensors,
        soc_centipercent: u16,
        capacity_mah: u32,
    ) -> Simulation {
        let sum = i64::from(cells.sum());
        let deviation = |millivolts: u16| (i64::from(millivolts) * 16 - sum) * 1_000_000 / 16;
        let micro = |decidegrees: i16| i64::from(decidegrees) * 100_000;
        let mut simulation = Simulation {
            source,
            at: now,
            charge: 0,
            deviations: cells.millivolts.map(deviation),
            cell_temperatures: sensors.cells.map(|probe| micro(probe.decidegrees)),
            mosfet_temperature: micro(sensors.mosfet.decidegrees),
            held_cells: 0,
            held_probes: 0,
            held_mosfet: false,
        };
        simulation.set_charge(soc_centipercent, capacity_mah);
        simulation
    }

    /// Connects something else; sensors that were held are let go.
    pub(crate) fn connect(&mut self, source: Source) {
        self.source = source;
        (self.held_cells, self.held_probes, self.held_mosfet) = (0, 0, false);
    }

    /// Bounds the voltage of what is connected.
    pub(crate) fn limit_voltage(&mut self, up_to_mv: Option<u32>) {
        self.source.up_to_mv = up_to_mv;
    }

    /// Sets the true charge.
    pub(crate) fn set_charge(&mut self, soc_centipercent: u16, capacity_mah: u32) {
        self.charge = i128::from(capacity_mah) * MILLIAMPERE_HOUR * i128::from(soc_centipercent) / 10_000;
    }

    /// Changes the true capacity; the cells stay as full as they are.
    pub(crate) fn change_capacity(&mut self, from_mah: u32, to_mah: u32) {
        self.charge = self.charge / i128::from(from_mah.max(1)) * i128::from(to_mah);
    }

    /// One cell (from 0), or every one, stands still from now on.
    pub(crate) fn hold_cells(&mut self, cell: Option<usize>) {
        self.held_cells |= cell.map_or(u16::MAX, |cell| 1 << cell.min(CELLS - 1));
    }

    /// One cell probe (from 0), or every one, stands still from now on.
    pub(crate) fn hold_probes(&mut self, probe: Option<usize>) {
        self.held_probes |= probe.map_or(u8::MAX, |probe| 1 << probe.min(CELL_SENSORS - 1));
    }

    /// The probe of the power stage stands still from now on.
    pub(crate) fn hold_mosfet(&mut self) {
        self.held_mosfet = true;
    }

    /// Whether what is connected would charge the pack.
    pub(crate) fn is_charger(&self) -> bool {
        self.source.milliamperes > 0
    }

    /// When the next step is due.
    pub(crate) fn deadline(&self) -> Instant {
        self.at + STEP
    }

    /// Lets time pass at a current in mA; bit n of `balancing` is set while cell n + 1 is balanced.
    ///
    /// Gives the time that has passed.
    pub(crate) fn advance(
        &mut self,
        now: Instant,
        capacity_mah: u32,
        current_ma: i32,
        balancing: u16,
        sensors: &Sensors,
    ) -> Duration {
        let passed = now.duration_since(self.at);
        self.at = now;
        let micros = i128::try_from(passed.as_micros()).unwrap_or(i128::MAX >> 64);
        // Beyond the ends of its table a cell changes no more.
        let whole = i128::from(capacity_mah) * MILLIAMPERE_HOUR;
        let charge = self.charge + i128::from(current_ma) * micros;
        self.charge = charge.clamp(-whole / 50, whole * 104 / 100);

        let bled = i64::try_from(micros * i128::from(BALANCING) / 1_000_000).unwrap_or(i64::MAX);
        for (cell, deviation) in self.deviations.iter_mut().enumerate() {
            if balancing & 1 << cell != 0 {
                *deviation = deviation.saturating_sub(bled);
            }
        }

        let surroundings = i64::from(sensors.ambient.decidegrees) * 100_000;
        let square = i128::from(current_ma) * i128::from(current_ma);
        let warmed = |temperature: i64, microohm: i128, joule_per_kelvin: i128, cooling: Duration| {
            // mA x mA x uOhm is pW; with us and J/K it gives 1e-18 K, and 1e12 of these are one 0.000001 K.
            let heat = square * microohm * micros / (joule_per_kelvin * 1_000_000_000_000);
            let constant = i128::try_from(cooling.as_micros()).unwrap_or(1);
            let excess = i128::from(temperature - surroundings);
            let cooled = excess * micros.min(constant) / constant;
            let next = i128::from(temperature) + heat - cooled;
            // No hotter than a sensor can show.
            i64::try_from(next).unwrap_or(i64::MAX).clamp(-100_000_000, 300_000_000)
        };
        for temperature in &mut self.cell_temperatures {
            *temperature = warmed(*temperature, PACK_MICROOHM, PACK_JOULE_PER_KELVIN, PACK_COOLING);
        }
        self.mosfet_temperature = warmed(
            self.mosfet_temperature,
            MOSFET_MICROOHM,
            MOSFET_JOULE_PER_KELVIN,
            MOSFET_COOLING,
        );
        passed
    }

    /// The current that flows through the switches, in mA.
    pub(crate) fn current(&self, capacity_mah: u32, may_charge: bool, may_discharge: bool) -> i32 {
        match self.source.milliamperes {
            wanted @ 1.. if may_charge => match self.source.up_to_mv {
                None => wanted,
                Some(millivolts) => {
                    let open = self.open_circuit(capacity_mah);
                    let sum: i64 = (0..CELLS).map(|cell| open + self.deviations[cell] / 1000).sum();
                    let room = i64::from(millivolts) * 1000 - sum;
                    // uV over uOhm, in mA.
                    let possible = room.max(0) * 1000 / (CELL_MICROOHM * 16);
                    i32::try_from(possible).unwrap_or(wanted).min(wanted)
                }
            },
            wanted @ ..=-1 if may_discharge => wanted,
            _ => 0,
        }
    }

    /// Shows cells and probes what they would read at a current in mA.
    pub(crate) fn show(&self, capacity_mah: u32, current_ma: i32, cells: &mut Cells, sensors: &mut Sensors) {
        let open = self.open_circuit(capacity_mah);
        let drop = i64::from(current_ma) * CELL_MICROOHM / 1000;
        for (cell, millivolts) in cells.millivolts.iter_mut().enumerate() {
            if self.held_cells & 1 << cell == 0 {
                let microvolts = open + drop + self.deviations[cell] / 1000;
                let shown = div_nearest(microvolts, 1000).clamp(0, 5000);
                *millivolts = u16::try_from(shown).unwrap_or(0);
            }
        }
        let decidegrees = |micro: i64| i16::try_from(div_nearest(micro, 100_000)).unwrap_or(i16::MAX);
        for (index, probe) in sensors.cells.iter_mut().enumerate() {
            if self.held_probes & 1 << index == 0 {
                probe.decidegrees = decidegrees(self.cell_temperatures[index]);
            }
        }
        if !self.held_mosfet {
            sensors.mosfet.decidegrees = decidegrees(self.mosfet_temperature);
        }
    }

    /// Open-circuit voltage of a cell without deviation, in uV.
    fn open_circuit(&self, capacity_mah: u32) -> i64 {
        let whole = i128::from(capacity_mah.max(1)) * MILLIAMPERE_HOUR;
        // Charge in 0.000001 of the capacity.
        let charge = i64::try_from(self.charge * 1_000_000 / whole).unwrap_or(0);
        let point = |index: usize| {
            let (at, millivolts) = OPEN_CIRCUIT[index];
            (at * 100, millivolts * 1000)
        };
        match OPEN_CIRCUIT.iter().position(|(at, _)| charge < at * 100) {
            Some(0) => point(0).1,
            None => point(OPEN_CIRCUIT.len() - 1).1,
            Some(index) => {
                let ((left, from), (right, to)) = (point(index - 1), point(index));
                from + (to - from) * (charge - left) / (right - left)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAPACITY: u32 = 280_000;

    fn at_soc(centipercent: u16, source: Source) -> (Simulation, Cells, Sensors) {
        let (cells, sensors) = (Cells::default(), Sensors::default());
        let simulation = Simulation::begin(Instant::ZERO, source, &cells, &sensors, centipercent, CAPACITY);
        (simulation, cells, sensors)
    }

    const NOTHING: Source = Source {
        milliamperes: 0,
        up_to_mv: None,
    };

    #[test]
    fn the_open_circuit_voltage_goes_through_its_points_and_rises() {
        let mut last = 0;
        for centipercent in 0..=10_000 {
            let (simulation, mut cells, mut sensors) = at_soc(centipercent, NOTHING);
            simulation.show(CAPACITY, 0, &mut cells, &mut sensors);
            let millivolts = cells.millivolts[0];
            assert!(millivolts >= last, "at {centipercent}");
            last = millivolts;
            if let Some((_, expected)) = OPEN_CIRCUIT.iter().find(|(at, _)| *at == i64::from(centipercent)) {
                assert_eq!(i64::from(millivolts), *expected);
            }
        }
        let mut beyond = at_soc(0, NOTHING).0;
        for (current, microvolts) in [(5_000_000, 4_300_000), (-5_000_000, 2_000_000)] {
            beyond.advance(
                beyond.at + Duration::from_secs(86_400),
                CAPACITY,
                current,
                0,
                &Sensors::default(),
            );
            assert_eq!(beyond.open_circuit(CAPACITY), microvolts);
        }
    }

    #[test]
    fn a_current_moves_charge_voltage_and_temperature() {
        let load = Source {
            milliamperes: -100_000,
            up_to_mv: None,
        };
        let (mut simulation, mut cells, mut sensors) = at_soc(5000, load);
        let current = simulation.current(CAPACITY, true, true);
        assert_eq!(current, -100_000);
        simulation.show(CAPACITY, current, &mut cells, &mut sensors);
        assert_eq!(cells.millivolts, [3250; CELLS], "50 mV below its open-circuit voltage");
        for second in 1..=3600 {
            simulation.advance(Instant::from_secs(second), CAPACITY, current, 0, &sensors);
        }
        assert_eq!(simulation.charge, i128::from(40_000) * MILLIAMPERE_HOUR);
        simulation.show(CAPACITY, 0, &mut cells, &mut sensors);
        assert_eq!(cells.millivolts[0], 3216, "14.29 %");
        // 80 W in 110 kJ/K over half a time constant give 2.06 K, surroundings 2 K warmer another 0.79 K.
        assert_eq!(sensors.cells[0].decidegrees, 278);
        // 5 W in 500 J/K and 300 s: 3 K above the surroundings.
        assert_eq!(sensors.mosfet.decidegrees, 300);
    }

    #[test]
    fn a_charger_holds_its_voltage_and_its_current_falls() {
        let charger = Source {
            milliamperes: 100_000,
            up_to_mv: Some(57_600),
        };
        let current = |centipercent| at_soc(centipercent, charger).0.current(CAPACITY, true, true);
        assert_eq!(current(5000), 100_000);
        let (mut simulation, mut cells, mut sensors) = at_soc(10_000, charger);
        simulation.charge += simulation.charge / 200;
        let current = simulation.current(CAPACITY, true, true);
        // 100.5 %: 3.575 V; 25 mV over 0.5 mOhm.
        assert_eq!(current, 50_000);
        simulation.show(CAPACITY, current, &mut cells, &mut sensors);
        assert_eq!(cells.sum(), 57_600);
        simulation.charge += simulation.charge / 100;
        assert_eq!(simulation.current(CAPACITY, true, true), 0);
    }

    #[test]
    fn open_switches_let_nothing_through() {
        for (milliamperes, may_charge, may_discharge, expected) in [
            (5, true, false, 5),
            (5, false, true, 0),
            (-5, false, true, -5),
            (-5, true, false, 0),
            (0, true, true, 0),
        ] {
            let source = Source {
                milliamperes,
                up_to_mv: None,
            };
            let simulation = at_soc(5000, source).0;
            assert_eq!(simulation.current(CAPACITY, may_charge, may_discharge), expected);
        }
    }

    #[test]
    fn cells_keep_their_distance_until_they_are_balanced() {
        let (mut cells, mut sensors) = (Cells::default(), Sensors::default());
        cells.millivolts[3] = 3332;
        let mut simulation = Simulation::begin(Instant::ZERO, NOTHING, &cells, &sensors, 5000, CAPACITY);
        simulation.show(CAPACITY, 0, &mut cells, &mut sensors);
        assert_eq!(
            (cells.millivolts[3], cells.millivolts[4]),
            (3330, 3298),
            "about their mean"
        );
        for second in 1..=7200 {
            simulation.advance(Instant::from_secs(second), CAPACITY, 0, 1 << 3, &sensors);
        }
        simulation.show(CAPACITY, 0, &mut cells, &mut sensors);
        assert_eq!((cells.millivolts[3], cells.millivolts[4]), (3324, 3298));
    }

    #[test]
    fn what_is_held_stands_still() {
        let (mut simulation, mut cells, mut sensors) = at_soc(9000, NOTHING);
        simulation.hold_cells(Some(2));
        simulation.hold_probes(Some(1));
        simulation.hold_mosfet();
        simulation.cell_temperatures = [30_000_000; CELL_SENSORS];
        simulation.mosfet_temperature = 90_000_000;
        simulation.show(CAPACITY, 0, &mut cells, &mut sensors);
        assert_eq!((cells.millivolts[1], cells.millivolts[2]), (3335, 3300));
        assert_eq!(sensors.cells.map(|probe| probe.decidegrees), [300, 250, 300, 300]);
        assert_eq!(sensors.mosfet.decidegrees, 280);
        simulation.hold_cells(None);
        simulation.hold_probes(None);
        simulation.set_charge(1100, CAPACITY);
        simulation.show(CAPACITY, 0, &mut cells, &mut sensors);
        assert_eq!(cells.millivolts[1], 3335);
        simulation.connect(NOTHING);
        simulation.show(CAPACITY, 0, &mut cells, &mut sensors);
        assert_eq!(cells.millivolts, [3200; CELLS]);
        assert_eq!(sensors.mosfet.decidegrees, 900);
    }

    #[test]
    fn the_longest_time_breaks_nothing() {
        let load = Source {
            milliamperes: -5_000_000,
            up_to_mv: None,
        };
        let (mut simulation, mut cells, mut sensors) = at_soc(5000, load);
        simulation.advance(Instant::from_micros(u64::MAX), u32::MAX, -5_000_000, 0, &sensors);
        simulation.show(CAPACITY, 5_000_000, &mut cells, &mut sensors);
        assert_eq!(sensors.mosfet.decidegrees, 3000);
        simulation.change_capacity(u32::MAX, 1);
        simulation.show(1, 0, &mut cells, &mut sensors);
        simulation.change_capacity(1, u32::MAX);
        simulation.show(u32::MAX, 0, &mut cells, &mut sensors);
        assert_eq!(cells.millivolts, [2000; CELLS]);
    }
}
