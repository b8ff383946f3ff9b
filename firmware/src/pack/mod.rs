//! One battery pack: what it measures, what it knows, what it allows.
//!
//! - [`cells`], [`sensors`], [`gauge`]: the physical pack.
//! - [`simulation`]: a charger or load that moves them; [`balancing`]: which cells are brought down.
//! - [`state`], [`sleep`]: whether it is on, what it is doing, when it switches itself off.
//! - [`Pack`]: these with protection and limits; it takes stimuli in.
//! - [`view`]: all of it at one moment, in canonical units; encoders see nothing else of a pack.

mod balancing;
pub(crate) mod cells;
pub(crate) mod gauge;
pub(crate) mod sensors;
pub(crate) mod simulation;
mod sleep;
pub(crate) mod state;
mod view;

pub use view::{PackView, Unread};

use crate::limits::full_charge::FullCharge;
use crate::limits::limiter::Limiter;
use crate::limits::{self, Direction, ForceCharge, ForeignLimits, FullChargeWatch, Requests, derating};
use crate::protection::condition::{Condition, ConditionSet};
use crate::protection::detector::Detector;
use crate::protection::parameters::{Parameter, Parameters};
use crate::protection::{Measured, Protection};
use crate::setting::Switch;
use crate::time::Instant;
use balancing::Balancing;
use cells::Cells;
use gauge::Gauge;
use sensors::Sensors;
use simulation::{Simulation, Source};
use sleep::{SleepInputs, SleepWatch};
use state::{Flow, PackState, Power};

const OVER_VOLTAGE: ConditionSet = ConditionSet::of(&[
    Condition::CellOverVoltageProtection,
    Condition::PackOverVoltageProtection,
]);
const UNDER_VOLTAGE: ConditionSet = ConditionSet::of(&[
    Condition::CellUnderVoltageProtection,
    Condition::PackUnderVoltageProtection,
]);

/// One battery pack.
#[derive(Clone, Debug)]
pub(crate) struct Pack {
    pub(crate) cells: Cells,
    pub(crate) sensors: Sensors,
    pub(crate) gauge: Gauge,
    pub(crate) protection: Protection,
    pub(crate) parameters: Parameters,
    current_ma: i32,
    simulation: Option<Simulation>,
    /// What the cells really hold, in mAh; the gauge does not know it.
    capacity_mah: u32,
    pub(crate) balancing: Balancing,
    /// State of charge in per cent from which on charging is refused, if one is set.
    pub(crate) charge_stop_percent: Option<u8>,
    /// Shown instead of the sum of the cells.
    pub(crate) forced_voltage_mv: Option<u32>,
    /// The pack voltage that a simulated charger does not exceed.
    simulated_limit_mv: Option<u32>,
    pub(crate) nominal_charge_deci_a: u16,
    pub(crate) nominal_discharge_deci_a: u16,
    pub(crate) charge_voltage_limit_mv: u16,
    pub(crate) discharge_voltage_limit_mv: u16,
    pub(crate) foreign_limits: Option<ForeignLimits>,
    /// Full detection and full hold (B-029, B-080).
    pub(crate) full_charge: FullCharge,
    pub(crate) limiter: Limiter,
    pub(crate) full_charge_request: Switch,
    pub(crate) charge_mosfet: Switch,
    pub(crate) discharge_mosfet: Switch,
    pub(crate) heater_on: bool,
    pub(crate) buzzer_on: bool,
    /// The voltage that stands at the terminals from outside, in mV.
    pub(crate) charger_mv: Option<u32>,
    /// The pack waits for its voltage to fit the others (B-115).
    pub(crate) waits: bool,
    /// When the inverter or a person last did something.
    pub(crate) last_heard: Instant,
    charge: Direction,
    discharge: Direction,
    force_charge: ForceCharge,
    full_charge_watch: FullChargeWatch,
    unread: Unread,
    seen: Seen,
    power: Power,
    flow: Flow,
    /// A discharge current has been flowing through the body diode of the open charge switch (B-059).
    body_diode: Detector,
    sleep: SleepWatch,
    /// A measured under-voltage protection acted.
    was_empty: bool,
    deadline: Option<Instant>,
}

/// What the pack looked like when changes were last noted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Seen {
    conditions: ConditionSet,
    charge_mosfet_on: bool,
    discharge_mosfet_on: bool,
}

impl Pack {
    /// How often conclusions are drawn anew because a switch has changed a simulated current.
    const PASSES: u32 = 3;

    /// A healthy pack at rest, half full, where nothing is derated; its controller works.
    pub(crate) fn new(now: Instant) -> Pack {
        let mut pack = Pack {
            cells: Cells::default(),
            sensors: Sensors::default(),
            gauge: Gauge::default(),
            protection: Protection::default(),
            parameters: Parameters::default(),
            current_ma: 0,
            simulation: None,
            capacity_mah: 280_000,
            balancing: Balancing::default(),
            charge_stop_percent: None,
            forced_voltage_mv: None,
            simulated_limit_mv: None,
            nominal_charge_deci_a: limits::CURRENT_CEILING,
            nominal_discharge_deci_a: limits::CURRENT_CEILING,
            charge_voltage_limit_mv: limits::CHARGE_VOLTAGE_LIMIT,
            discharge_voltage_limit_mv: limits::DISCHARGE_VOLTAGE_LIMIT,
            foreign_limits: None,
            full_charge: FullCharge::default(),
            limiter: Limiter::default(),
            full_charge_request: Switch::Automatic,
            charge_mosfet: Switch::Automatic,
            discharge_mosfet: Switch::Automatic,
            heater_on: false,
            buzzer_on: false,
            charger_mv: None,
            waits: false,
            last_heard: now,
            charge: Direction::default(),
            discharge: Direction::default(),
            force_charge: ForceCharge::default(),
            full_charge_watch: FullChargeWatch::new(now),
            unread: Unread::default(),
            seen: Seen::default(),
            power: Power::Running,
            flow: Flow::Idle,
            body_diode: Detector::default(),
            sleep: SleepWatch::default(),
            was_empty: false,
            deadline: None,
        };
        pack.refresh(now);
        pack
    }

    /// Starts the pack's controller: what is remembered of the past is forgotten, the physical pack is not.
    pub(crate) fn start(&mut self, now: Instant) {
        self.power = Power::Running;
        self.forget();
        self.last_heard = now;
        self.foreign_limits = None;
        self.charge = Direction::default();
        self.discharge = Direction::default();
        self.force_charge = ForceCharge::default();
        self.full_charge_watch = FullChargeWatch::new(now);
        self.refresh(now);
        self.unread = Unread::default();
    }

    /// The pack's controller does nothing any more, or not yet.
    pub(crate) fn stop(&mut self, now: Instant, power: Power) {
        self.power = power;
        self.forget();
        self.refresh(now);
    }

    fn forget(&mut self) {
        self.waits = false;
        self.flow = Flow::Idle;
        self.protection.restart();
        self.full_charge.restart();
        self.limiter.restart();
        self.body_diode = Detector::default();
        self.sleep = SleepWatch::default();
        self.was_empty = false;
    }

    /// Whether the pack's controller works.
    pub(crate) fn is_running(&self) -> bool {
        self.power == Power::Running
    }

    /// Draws the conclusions from the present state; to be called after every change and at every deadline.
    pub(crate) fn refresh(&mut self, now: Instant) {
        self.integrate(now);
        self.show_simulation();
        // A switch that opens or closes changes a simulated current, and that may have its own consequences: the
        // protection that opened it no longer sees what it saw.
        for _ in 0..Pack::PASSES {
            self.conclude(now);
            if !self.show_simulation() {
                break;
            }
        }
        self.deadline = [
            self.protection.deadline(&self.parameters),
            self.body_diode.deadline(),
            self.limiter.deadline(),
            self.full_charge.detection(&self.parameters),
            self.sleep_deadline(),
            self.simulation.map(|simulation| simulation.deadline()),
        ]
        .into_iter()
        .flatten()
        .filter(|at| *at > now)
        .min();
    }

    /// Brings a simulated pack up to `now`; to be called before something is set, which must not change what was.
    pub(crate) fn integrate(&mut self, now: Instant) {
        if let Some(simulation) = &mut self.simulation {
            let passed = simulation.advance(
                now,
                self.capacity_mah,
                self.current_ma,
                self.balancing.cells,
                &self.sensors,
            );
            self.gauge.count(self.current_ma, passed);
            self.gauge.count_energy(self.voltage_mv(), self.current_ma, passed);
        }
    }

    /// Shows the sensors what a simulated pack would read through its switches; whether its current has changed.
    fn show_simulation(&mut self) -> bool {
        let Some(simulation) = &self.simulation else {
            return false;
        };
        let before = self.current_ma;
        self.current_ma = simulation.current(
            self.capacity_mah,
            self.seen.charge_mosfet_on,
            self.seen.discharge_mosfet_on,
        );
        simulation.show(self.capacity_mah, self.current_ma, &mut self.cells, &mut self.sensors);
        self.current_ma != before
    }

    fn conclude(&mut self, now: Instant) {
        if self.is_running() {
            let measured = self.measured();
            self.flow = self.flow.next(measured.current_ma, &self.parameters);
            self.protection.update(now, &measured, &self.parameters);
            let detected = self.protection.detected();
            let over_voltage = detected.intersects(OVER_VOLTAGE);
            self.full_charge
                .update(now, &measured, over_voltage, &self.parameters, &mut self.gauge);
            // What a bench has set stands still; only a pack that is really discharged is found empty.
            let empty = detected.intersects(UNDER_VOLTAGE);
            if empty && !self.was_empty && self.simulation.is_some() {
                self.gauge.find_empty();
            }
            self.was_empty = empty;
        }
        let conditions = self.protection.active();
        self.limiter.update(
            now,
            conditions.contains(Condition::ChargeOverCurrentAlarm),
            &self.parameters,
        );
        let soc_percent = self.gauge.soc_percent();
        let stops = self.charge_stop_percent.is_some_and(|stop| soc_percent >= stop);
        self.charge
            .update(now, conditions.blocks_charge() || self.full_charge.holds() || stops);
        self.discharge.update(now, conditions.blocks_discharge());
        self.force_charge
            .update(soc_percent, conditions.contains(Condition::CellUnderVoltageAlarm));
        self.full_charge_watch.update(now, soc_percent);
        self.switch(now, conditions);
        self.watch_sleep(now, conditions);
        self.balancing.update(self.state(), &self.cells, &self.parameters);
    }

    /// Opens and closes the switches, and notes what is new since the last time.
    fn switch(&mut self, now: Instant, conditions: ConditionSet) {
        let joined = self.is_running() && !self.waits;
        let may_discharge = joined && !conditions.blocks_discharge();
        let through_diode = may_discharge && conditions.blocks_charge();
        self.body_diode.update(
            now,
            through_diode && self.current_ma <= -self.parameters.canonical(Parameter::EffectiveCurrent),
            !through_diode || self.current_ma > -self.parameters.canonical(Parameter::IdleCurrent),
            self.parameters.duration(Parameter::BodyDiodeDelay),
        );
        let may_charge = joined && (!conditions.blocks_charge() || self.body_diode.is_active());
        let seen = Seen {
            conditions,
            charge_mosfet_on: self.charge_mosfet.resolve(may_charge),
            discharge_mosfet_on: self.discharge_mosfet.resolve(may_discharge),
        };
        self.unread.alarms |= seen.conditions != self.seen.conditions;
        self.unread.switches |= (seen.charge_mosfet_on, seen.discharge_mosfet_on)
            != (self.seen.charge_mosfet_on, self.seen.discharge_mosfet_on);
        self.seen = seen;
    }

    fn watch_sleep(&mut self, now: Instant, conditions: ConditionSet) {
        let running = self.is_running();
        let lowest = self.cells.lowest();
        let inputs = SleepInputs {
            under_voltage: running && conditions.intersects(UNDER_VOLTAGE),
            low_cell: running && i32::from(lowest) <= self.parameters.get(Parameter::CellSleepVoltage),
            idle: running && self.flow == Flow::Idle,
        };
        self.sleep.update(now, inputs);
    }

    /// When the pack switches itself off if nothing changes (B-031); never at a charger, which could not wake it again.
    fn sleep_deadline(&self) -> Option<Instant> {
        let at = self.sleep.deadline(self.last_heard, &self.parameters)?;
        (!self.charger_present()).then_some(at)
    }

    /// Whether it is time to sleep.
    pub(crate) fn is_sleepy(&self, now: Instant) -> bool {
        self.sleep_deadline().is_some_and(|at| at <= now)
    }

    /// Whether an outside voltage stands at the terminals that is high enough to charge the pack (B-160).
    pub(crate) fn charger_present(&self) -> bool {
        let difference = u32::try_from(self.parameters.get(Parameter::ChargerWakeDifference)).unwrap_or(0);
        self.charger_mv
            .is_some_and(|charger| charger >= self.voltage_mv().saturating_add(difference))
    }

    /// What the pack is doing.
    pub(crate) fn state(&self) -> PackState {
        PackState::of(self.power, self.seen.conditions, self.flow)
    }

    /// Sets the current; a simulation ends, and what it has brought about stays.
    pub(crate) fn set_current(&mut self, milliamperes: i32) {
        self.current_ma = milliamperes;
        self.simulation = None;
    }

    /// Connects a simulated charger or load.
    pub(crate) fn simulate(&mut self, now: Instant, milliamperes: i32) {
        let source = Source {
            milliamperes,
            up_to_mv: self.simulated_limit_mv,
        };
        match &mut self.simulation {
            Some(simulation) => simulation.connect(source),
            None => {
                self.current_ma = 0;
                let soc = self.gauge.soc_centipercent();
                self.simulation = Some(Simulation::begin(
                    now,
                    source,
                    &self.cells,
                    &self.sensors,
                    soc,
                    self.capacity_mah,
                ));
            }
        }
    }

    /// The voltage that a simulated charger does not exceed, also one that is connected already.
    pub(crate) fn limit_simulated_voltage(&mut self, millivolts: Option<u32>) {
        self.simulated_limit_mv = millivolts;
        if let Some(simulation) = &mut self.simulation {
            simulation.limit_voltage(millivolts);
        }
    }

    /// The simulation, if one runs.
    pub(crate) fn simulation_mut(&mut self) -> Option<&mut Simulation> {
        self.simulation.as_mut()
    }

    /// The gauge has been set: the cells of a simulation hold as much.
    pub(crate) fn match_charge(&mut self) {
        let soc = self.gauge.soc_centipercent();
        if let Some(simulation) = &mut self.simulation {
            simulation.set_charge(soc, self.capacity_mah);
        }
    }

    /// Sets what the cells really hold.
    pub(crate) fn set_capacity(&mut self, mah: u32) {
        if let Some(simulation) = &mut self.simulation {
            simulation.change_capacity(self.capacity_mah, mah);
        }
        self.capacity_mah = mah;
    }

    /// Notes that a reader has seen the alarms and switches.
    pub(crate) fn mark_read(&mut self) {
        self.unread = Unread::default();
    }

    /// When the pack next changes by itself; it is to be refreshed then.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    fn measured(&self) -> Measured {
        Measured {
            highest_cell_mv: self.cells.highest().into(),
            lowest_cell_mv: self.cells.lowest().into(),
            pack_mv: i32::try_from(self.voltage_mv()).unwrap_or(i32::MAX),
            current_ma: self.current_ma,
            soc_centipercent: self.gauge.soc_centipercent(),
            cells: self.sensors.cells.map(|probe| probe.reading()),
            mosfet: self.sensors.mosfet.reading(),
            ambient: self.sensors.ambient.reading(),
            charger_present: self.charger_present(),
        }
    }

    /// The voltage of the pack, in mV.
    pub(crate) fn voltage_mv(&self) -> u32 {
        self.forced_voltage_mv.unwrap_or_else(|| self.cells.sum())
    }

    /// The pack at `now`.
    pub(crate) fn view(&self, now: Instant, number: u8, address: u8) -> PackView {
        let foreign = self.foreign_limits.filter(|limits| now < limits.until);
        let measured = self.measured();
        let (charged_wh, discharged_wh) = self.gauge.lifetime_energy_wh();
        let charge_target = derating::charge_limit(&measured, self.nominal_charge_deci_a)
            .min(self.limiter.limit(&self.parameters))
            .min(foreign.map_or(u16::MAX, |f| f.charge_current_deci_a));
        let discharge_target = derating::discharge_limit(&measured, self.nominal_discharge_deci_a)
            .min(foreign.map_or(u16::MAX, |f| f.discharge_current_deci_a));
        PackView {
            number,
            address,
            cell_voltage_mv: self.cells.millivolts,
            cell_temperature_deci_c: self.sensors.cells.map(|probe| probe.reading()),
            mosfet_temperature_deci_c: self.sensors.mosfet.reading(),
            ambient_temperature_deci_c: self.sensors.ambient.reading(),
            pack_voltage_mv: self.voltage_mv(),
            pack_current_ma: self.current_ma,
            soc_centipercent: self.gauge.soc_centipercent(),
            soh_percent: self.gauge.soh_percent,
            remaining_capacity_mah: self.gauge.remaining_mah(),
            full_capacity_mah: self.gauge.full_mah(),
            design_capacity_mah: self.gauge.design_mah,
            cycle_count: self.gauge.cycle_count,
            lifetime_charge_energy_wh: charged_wh,
            lifetime_discharge_energy_wh: discharged_wh,
            conditions: self.seen.conditions,
            charge_enable: self.charge.enabled(),
            discharge_enable: self.discharge.enabled(),
            charge_current_limit_deci_a: self.charge.limit(now, charge_target),
            discharge_current_limit_deci_a: self.discharge.limit(now, discharge_target),
            charge_voltage_limit_mv: foreign.map_or(self.charge_voltage_limit_mv, |f| f.charge_voltage_mv),
            discharge_voltage_limit_mv: foreign.map_or(self.discharge_voltage_limit_mv, |f| f.discharge_voltage_mv),
            nominal_charge_current_deci_a: self.nominal_charge_deci_a,
            nominal_discharge_current_deci_a: self.nominal_discharge_deci_a,
            requests: Requests {
                force_charge_1: self.force_charge.request_1,
                force_charge_2: self.force_charge.request_2,
                full_charge: self.full_charge_request.resolve(self.full_charge_watch.due(now)),
            },
            charge_mosfet_on: self.seen.charge_mosfet_on,
            discharge_mosfet_on: self.seen.discharge_mosfet_on,
            charge_mosfet_forced_off: self.charge_mosfet == Switch::Off,
            discharge_mosfet_forced_off: self.discharge_mosfet == Switch::Off,
            heater_on: self.heater_on,
            buzzer_on: self.buzzer_on,
            fully_charged: self.gauge.is_full(),
            unread: self.unread,
            state: self.state(),
            flow: self.flow,
            charging_source: self.flow == Flow::Charging
                || self.charger_present()
                || self.simulation.is_some_and(|simulation| simulation.is_charger()),
            balancing: self.balancing.cells,
            full_hold: self.full_charge.holds(),
            charge_current_limiter_on: self.limiter.is_on(),
            charge_current_limiter_enabled: self.limiter.mode != Switch::Off,
            over_current_locked: self.protection.is_locked(),
            parameters: self.parameters,
        }
    }
}
