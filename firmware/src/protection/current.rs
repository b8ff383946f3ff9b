//! Currents: B-009 to B-017.
//!
//! A switch that has opened leaves no current to be measured, so while one protection of a direction acts, the others of
//! that direction wait. It is tried again after 60 s, or at once on a current in the other direction (B-016); after five
//! trips of level 2 or short circuit within ten minutes only the latter helps, or a restart (B-017).

use super::Measured;
use super::condition::{Condition, ConditionSet};
use super::detector::{Group, Level, Reading, Side};
use super::parameters::{Parameter, Parameters};
use crate::time::Instant;

const ALARMS: [Level; 2] = [
    Level::new(
        Condition::ChargeOverCurrentAlarm, // B-009
        Side::AtOrAbove,
        Parameter::ChargeOverCurrentAlarm,
        Parameter::ChargeOverCurrentAlarmRelease,
        Parameter::AlarmDelay,
    ),
    Level::new(
        Condition::DischargeOverCurrentAlarm, // B-012
        Side::AtOrAbove,
        Parameter::DischargeOverCurrentAlarm,
        Parameter::DischargeOverCurrentAlarmRelease,
        Parameter::AlarmDelay,
    ),
];

/// One over-current protection; the fastest comes first in its table.
struct Trigger {
    condition: Condition,
    threshold: Parameter,
    delay: Parameter,
    /// Whether it counts towards the lock (B-017).
    counts: bool,
}

const CHARGE: [Trigger; 2] = [
    Trigger {
        condition: Condition::ChargeOverCurrent2Protection, // B-011
        threshold: Parameter::ChargeOverCurrent2Protection,
        delay: Parameter::ChargeOverCurrent2Delay,
        counts: true,
    },
    Trigger {
        condition: Condition::ChargeOverCurrentProtection, // B-010
        threshold: Parameter::ChargeOverCurrentProtection,
        delay: Parameter::ChargeOverCurrentDelay,
        counts: false,
    },
];

const DISCHARGE: [Trigger; 3] = [
    Trigger {
        condition: Condition::ShortCircuitProtection, // B-015
        threshold: Parameter::ShortCircuitProtection,
        delay: Parameter::ShortCircuitDelay,
        counts: true,
    },
    Trigger {
        condition: Condition::DischargeOverCurrent2Protection, // B-014
        threshold: Parameter::DischargeOverCurrent2Protection,
        delay: Parameter::DischargeOverCurrent2Delay,
        counts: true,
    },
    Trigger {
        condition: Condition::DischargeOverCurrentProtection, // B-013
        threshold: Parameter::DischargeOverCurrentProtection,
        delay: Parameter::DischargeOverCurrentDelay,
        counts: false,
    },
];

/// The protections and alarms of this group.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CurrentProtection {
    alarms: Group<{ ALARMS.len() }>,
    charge: OverCurrent<{ CHARGE.len() }>,
    discharge: OverCurrent<{ DISCHARGE.len() }>,
}

impl CurrentProtection {
    pub(crate) fn update(&mut self, now: Instant, measured: &Measured, parameters: &Parameters) {
        let current = measured.current_ma;
        self.alarms.update(now, &ALARMS, parameters, |condition| {
            Some(Reading::of(match condition {
                Condition::ChargeOverCurrentAlarm => current,
                _ => current.saturating_neg(),
            }))
        });
        let effective = parameters.canonical(Parameter::EffectiveCurrent);
        let charge = Input {
            milliamperes: current,
            opposite: current <= -effective,
            unlock: false,
        };
        let discharge = Input {
            milliamperes: current.saturating_neg(),
            opposite: current >= effective,
            // With both switches open after a short circuit no charge current can show itself: a charger at the
            // terminals stands for it (Seplos: "released by a charger").
            unlock: measured.charger_present,
        };
        self.charge.update(now, &CHARGE, parameters, charge);
        self.discharge.update(now, &DISCHARGE, parameters, discharge);
    }

    pub(crate) fn active(&self) -> ConditionSet {
        let mut set = self.alarms.active(&ALARMS);
        for tripped in [self.charge.tripped, self.discharge.tripped].into_iter().flatten() {
            set.set(tripped.condition, true);
        }
        set
    }

    /// Whether a protection will not be tried again by itself (B-017).
    pub(crate) fn is_locked(&self) -> bool {
        self.charge.locked || self.discharge.locked
    }

    pub(crate) fn deadline(&self, parameters: &Parameters) -> Option<Instant> {
        [
            self.alarms.deadline(),
            self.charge.deadline(parameters),
            self.discharge.deadline(parameters),
        ]
        .into_iter()
        .flatten()
        .min()
    }
}

/// What one direction looks at.
#[derive(Clone, Copy, Debug)]
struct Input {
    /// The current in this direction.
    milliamperes: i32,
    /// There is an effective current in the other direction.
    opposite: bool,
    /// Something else ends a lock.
    unlock: bool,
}

/// A protection that acts.
#[derive(Clone, Copy, Debug)]
struct Tripped {
    condition: Condition,
    at: Instant,
}

/// The most trips that a lock may need.
const HISTORY: usize = 5;

/// One direction of current.
#[derive(Clone, Copy, Debug)]
struct OverCurrent<const N: usize> {
    /// When each trigger is through with its delay.
    due: [Option<Instant>; N],
    tripped: Option<Tripped>,
    /// The latest counting trips, the latest first.
    history: [Option<Instant>; HISTORY],
    locked: bool,
}

impl<const N: usize> Default for OverCurrent<N> {
    fn default() -> OverCurrent<N> {
        OverCurrent {
            due: [None; N],
            tripped: None,
            history: [None; HISTORY],
            locked: false,
        }
    }
}

impl<const N: usize> OverCurrent<N> {
    fn update(&mut self, now: Instant, triggers: &[Trigger; N], parameters: &Parameters, input: Input) {
        if let Some(tripped) = self.tripped {
            let retry = tripped.at + parameters.duration(Parameter::OverCurrentReleaseDelay);
            if input.opposite || (self.locked && input.unlock) {
                self.tripped = None;
                if self.locked {
                    self.locked = false;
                    self.history = [None; HISTORY];
                }
            } else if !self.locked && retry <= now {
                self.tripped = None;
            }
        }
        if self.tripped.is_some() {
            self.due = [None; N];
            return;
        }
        for (due, trigger) in self.due.iter_mut().zip(triggers) {
            if input.milliamperes < parameters.canonical(trigger.threshold) {
                *due = None;
                continue;
            }
            let at = *due.get_or_insert(now + parameters.duration(trigger.delay));
            if at <= now && self.tripped.is_none() {
                self.tripped = Some(Tripped {
                    condition: trigger.condition,
                    at: now,
                });
                if trigger.counts {
                    self.history.rotate_right(1);
                    self.history[0] = Some(now);
                }
            }
        }
        if self.tripped.is_some() {
            self.due = [None; N];
            self.locked = self.is_worn(now, parameters);
        }
    }

    /// Whether as many trips as a lock needs lie within its window.
    fn is_worn(&self, now: Instant, parameters: &Parameters) -> bool {
        let trips = usize::try_from(parameters.get(Parameter::OverCurrentLockTrips)).unwrap_or(HISTORY);
        let window = parameters.duration(Parameter::OverCurrentLockWindow);
        let oldest = self.history.get(trips.saturating_sub(1)).copied().flatten();
        oldest.is_some_and(|at| now.duration_since(at) <= window)
    }

    fn deadline(&self, parameters: &Parameters) -> Option<Instant> {
        match self.tripped {
            Some(_) if self.locked => None,
            Some(tripped) => Some(tripped.at + parameters.duration(Parameter::OverCurrentReleaseDelay)),
            None => self.due.iter().flatten().min().copied(),
        }
    }
}
