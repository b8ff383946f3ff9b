//! What one pack tells the inverter it may do: limits, enables and requests (bms-behaviour 3.4).
//!
//! - [`derating`]: how far the current limits are taken back.
//! - [`full_charge`]: when a pack is full, and that it is then not charged further.
//! - [`limiter`]: the charge current limiter.
//! - here: a direction that is blocked and comes back, and the requests.
//!
//! Currents in 0.1 A, voltages in mV.

pub(crate) mod derating;
pub(crate) mod full_charge;
pub(crate) mod limiter;

use core::time::Duration;

use crate::time::Instant;

/// the highest current of a pack in either direction, in 0.1 A.
pub(crate) const CURRENT_CEILING: u16 = 2000;
/// B-072: the charge voltage limit as delivered, and the range of its setting.
pub(crate) const CHARGE_VOLTAGE_LIMIT: u16 = 57_600;
pub(crate) const CHARGE_VOLTAGE_RANGE: (u16, u16) = (54_000, 58_400);
/// B-073: the discharge voltage limit as delivered, and the range of its setting.
pub(crate) const DISCHARGE_VOLTAGE_LIMIT: u16 = 44_800;
pub(crate) const DISCHARGE_VOLTAGE_RANGE: (u16, u16) = (40_000, 48_000);

/// B-077: how fast a limit comes back after a release, in 0.1 A per second and pack.
const RAMP: u64 = 500;

/// Limits that an inverter has set for a while (Pylon RS485, command 94).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ForeignLimits {
    pub(crate) until: Instant,
    pub(crate) charge_voltage_mv: u16,
    pub(crate) discharge_voltage_mv: u16,
    pub(crate) charge_current_deci_a: u16,
    pub(crate) discharge_current_deci_a: u16,
}

/// One direction of current: whether it is blocked, and how the limit comes back.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Direction {
    blocked: bool,
    released_at: Option<Instant>,
}

impl Direction {
    /// Notes whether the direction is blocked from `now` on.
    pub(crate) fn update(&mut self, now: Instant, blocked: bool) {
        if blocked {
            self.released_at = None;
        } else if self.blocked {
            self.released_at = Some(now);
        }
        self.blocked = blocked;
    }

    /// Whether current may flow.
    pub(crate) fn enabled(&self) -> bool {
        !self.blocked
    }

    /// The limit at `now` where `target` would be allowed: 0 while blocked, then rising (B-077).
    pub(crate) fn limit(&self, now: Instant, target: u16) -> u16 {
        if self.blocked {
            return 0;
        }
        let Some(released_at) = self.released_at else {
            return target;
        };
        let risen = now.duration_since(released_at).as_micros() * u128::from(RAMP) / 1_000_000;
        u16::try_from(risen).unwrap_or(u16::MAX).min(target)
    }
}

/// Requests to the inverter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    /// Charge at once: the battery is near shut-down (0x35C bit 5).
    pub force_charge_1: bool,
    /// Charging wanted, less urgent (0x35C bit 4).
    pub force_charge_2: bool,
    /// One full charge wanted for calibration (0x35C bit 3).
    pub full_charge: bool,
}

/// The two force-charge requests with their hysteresis (B-078).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ForceCharge {
    pub(crate) request_1: bool,
    pub(crate) request_2: bool,
}

impl ForceCharge {
    /// Takes in the state of charge in whole per cent, as the inverter sees it.
    pub(crate) fn update(&mut self, soc_percent: u8, cell_under_voltage_alarm: bool) {
        match soc_percent {
            0..=13 => self.request_2 = true,
            14..=17 => {}
            _ => self.request_2 = false,
        }
        match soc_percent {
            _ if cell_under_voltage_alarm => self.request_1 = true,
            0..=10 => self.request_1 = true,
            11..=14 => {}
            _ => self.request_1 = false,
        }
    }
}

/// Whether a full charge is due because the last one is long ago (B-079).
#[derive(Clone, Copy, Debug)]
pub(crate) struct FullChargeWatch {
    /// When the state of charge was last seen at 97 % or above; at first the time of power-on.
    last_high: Instant,
    high: bool,
}

impl FullChargeWatch {
    const PATIENCE: Duration = Duration::from_secs(30 * 86_400);

    pub(crate) fn new(now: Instant) -> FullChargeWatch {
        FullChargeWatch {
            last_high: now,
            high: false,
        }
    }

    /// Takes in the state of charge in whole per cent.
    pub(crate) fn update(&mut self, now: Instant, soc_percent: u8) {
        let high = soc_percent >= 97;
        if high || self.high {
            self.last_high = now;
        }
        self.high = high;
    }

    /// Whether the request stands at `now`.
    pub(crate) fn due(&self, now: Instant) -> bool {
        !self.high && now.duration_since(self.last_high) >= FullChargeWatch::PATIENCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_released_limit_returns_with_fifty_amperes_per_second() {
        let at = Instant::from_millis;
        let mut charge = Direction::default();
        assert_eq!(charge.limit(at(0), 2000), 2000);
        charge.update(at(1000), true);
        assert_eq!((charge.enabled(), charge.limit(at(1000), 2000)), (false, 0));
        charge.update(at(5000), false);
        // Being told again that nothing blocks starts no new ramp.
        charge.update(at(5500), false);
        for (time, limit) in [
            (5000, 0),
            (5002, 1),
            (6000, 500),
            (8999, 1999),
            (9000, 2000),
            (90_000, 2000),
        ] {
            assert_eq!(charge.limit(at(time), 2000), limit, "at {time} ms");
        }
        assert_eq!(charge.limit(at(8000), 1000), 1000);
    }

    #[test]
    fn force_charge_requests_have_hysteresis() {
        let mut force = ForceCharge::default();
        let steps = [
            (14, false, false),
            (13, false, true),
            (11, false, true),
            (10, true, true),
            (14, true, true),
            (15, false, true),
            (17, false, true),
            (18, false, false),
            (3, true, true),
            (20, false, false),
        ];
        for (soc, request_1, request_2) in steps {
            force.update(soc, false);
            assert_eq!((force.request_1, force.request_2), (request_1, request_2), "at {soc} %");
        }
    }

    #[test]
    fn a_low_cell_alone_asks_for_charge_1() {
        let mut force = ForceCharge::default();
        force.update(70, true);
        assert_eq!((force.request_1, force.request_2), (true, false));
        force.update(12, true);
        force.update(12, false);
        assert_eq!(
            (force.request_1, force.request_2),
            (true, true),
            "12 % lies inside the hysteresis"
        );
        force.update(70, false);
        assert_eq!((force.request_1, force.request_2), (false, false));
    }

    #[test]
    fn a_full_charge_is_asked_for_after_thirty_days() {
        let day = |days: u64| Instant::from_secs(days * 86_400);
        let mut watch = FullChargeWatch::new(day(0));
        watch.update(day(1), 96);
        assert!(!watch.due(day(30) - Duration::from_micros(1)) && watch.due(day(30)));
        watch.update(day(31), 97);
        assert!(!watch.due(day(31)) && !watch.due(day(99)));
        watch.update(day(40), 96);
        assert!(!watch.due(day(69)) && watch.due(day(70)));
    }
}
