//! The timers of the battery, by name.

use crate::time::Instant;

/// Something that happens by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Timer {
    /// Self-test and pre-charge are over (B-051).
    InitDone,
    /// The next frame of the CAN broadcast is due.
    Broadcast,
    /// The reply to a serial request is due.
    Reply,
    /// The serial line has been silent for so long that a frame that has begun is over, or given up.
    Silence,
    /// The inverter has been silent for too long.
    InverterLost,
    /// The master asks its slaves.
    PackPoll,
    /// A delay or a release of a pack is over.
    PackDeadline,
    /// RESET has been held long enough to shut the machine down.
    ResetHeld,
    /// The timed log has a mark.
    Log,
}

impl Timer {
    const ALL: [Timer; 9] = [
        Timer::InitDone,
        Timer::Broadcast,
        Timer::Reply,
        Timer::Silence,
        Timer::InverterLost,
        Timer::PackPoll,
        Timer::PackDeadline,
        Timer::ResetHeld,
        Timer::Log,
    ];
}

/// When each timer expires.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TimerTable {
    expiries: [Option<Instant>; Timer::ALL.len()],
}

impl TimerTable {
    pub(crate) fn set(&mut self, timer: Timer, at: Instant) {
        self.expiries[timer as usize] = Some(at);
    }

    pub(crate) fn stop(&mut self, timer: Timer) {
        self.expiries[timer as usize] = None;
    }

    pub(crate) fn stop_all(&mut self) {
        *self = TimerTable::default();
    }

    pub(crate) fn is_due(&self, timer: Timer, now: Instant) -> bool {
        self.expiries[timer as usize].is_some_and(|at| at <= now)
    }

    pub(crate) fn get(&self, timer: Timer) -> Option<Instant> {
        self.expiries[timer as usize]
    }

    /// The earliest expiry of those that change the battery itself: when they happen matters, however late they are
    /// looked at.
    pub(crate) fn next_own(&self) -> Option<Instant> {
        [Timer::InitDone, Timer::PackDeadline, Timer::ResetHeld, Timer::Log]
            .into_iter()
            .filter_map(|timer| self.get(timer))
            .min()
    }

    /// The earliest expiry.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.expiries.iter().flatten().min().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_timer_has_its_own_place() {
        let mut table = TimerTable::default();
        for (index, timer) in Timer::ALL.into_iter().enumerate() {
            table.set(timer, Instant::from_secs(index as u64 + 1));
        }
        for (index, timer) in Timer::ALL.into_iter().enumerate() {
            assert_eq!(
                table.get(timer),
                Some(Instant::from_secs(index as u64 + 1)),
                "{timer:?}"
            );
        }
        assert_eq!(table.next_timeout(), Some(Instant::from_secs(1)));
        table.stop(Timer::InitDone);
        assert_eq!(table.next_timeout(), Some(Instant::from_secs(2)));
        assert_eq!(table.next_own(), table.get(Timer::PackDeadline));
    }
}
