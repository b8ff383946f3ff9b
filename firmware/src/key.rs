//! The keys of the battery.

use core::time::Duration;

use crate::time::Instant;

/// Something that a hand does to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// POWER is pressed: it wakes a sleeping battery and does nothing else.
    Power,
    /// RESET goes down. Held for 5 s it shuts the whole machine down at that moment.
    ResetPress,
    /// RESET comes up. A press of 1 s and more wakes a sleeping battery (B-050) and restarts one that is awake: that
    /// ends faults (B-058) and locks (B-017), and new DIP switches count from then on (B-120).
    ResetRelease,
    /// The metal switch at the side: the battery sleeps, all LEDs off (R-101, C-02).
    SideSwitch,
}

/// The RESET key between press and release.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ResetKey {
    pressed: Option<Instant>,
}

impl ResetKey {
    /// held for so long, it shuts the machine down.
    pub(crate) const SHUT_DOWN: Duration = Duration::from_secs(5);
    /// B-050: pressed for so long, it counts as pressed.
    const SHORT_PRESS: Duration = Duration::from_secs(1);

    /// The key goes down; `false` if it is down already.
    pub(crate) fn press(&mut self, now: Instant) -> bool {
        let fresh = self.pressed.is_none();
        self.pressed.get_or_insert(now);
        fresh
    }

    /// The key comes up; whether that was a press.
    pub(crate) fn release(&mut self, now: Instant) -> bool {
        let pressed = self.pressed.take();
        pressed.is_some_and(|at| now.duration_since(at) >= ResetKey::SHORT_PRESS)
    }

    /// What is held now has had its effect.
    pub(crate) fn forget(&mut self) {
        self.pressed = None;
    }
}
