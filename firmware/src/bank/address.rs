//! Addresses of packs in parallel.

/// The four DIP switches of a pack, switch 1 first; `true` = ON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DipSwitches(pub [bool; 4]);

impl DipSwitches {
    /// The switches for an address; only its low four bits count.
    pub const fn for_address(address: u8) -> DipSwitches {
        DipSwitches([address & 1 != 0, address & 2 != 0, address & 4 != 0, address & 8 != 0])
    }

    /// The address, 0..=15: switch 1 counts 1, switch 2 counts 2, switch 3 counts 4, switch 4 counts 8.
    ///
    /// The switches decide, not the names that the manual prints beside them (C-07).
    pub fn address(self) -> u8 {
        (0..).zip(self.0).map(|(switch, on)| u8::from(on) << switch).sum()
    }
}

/// The address that a pack acts at: 0 is a single pack, which acts as 1 (C-08, Q-11).
pub(crate) const fn acting(address: u8) -> u8 {
    if address == 0 { 1 } else { address }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R-061, C-06, C-07: the table of the manual by its switch columns, and all OFF (C-08).
    #[test]
    fn the_switches_of_the_manual_give_its_addresses() {
        const ON: bool = true;
        const OFF: bool = false;
        let table = [
            (0, [OFF, OFF, OFF, OFF]),
            (1, [ON, OFF, OFF, OFF]),
            (2, [OFF, ON, OFF, OFF]),
            (3, [ON, ON, OFF, OFF]),
            (4, [OFF, OFF, ON, OFF]),
            (5, [ON, OFF, ON, OFF]),
            (6, [OFF, ON, ON, OFF]),
            (7, [ON, ON, ON, OFF]),
            (8, [OFF, OFF, OFF, ON]),
            (9, [ON, OFF, OFF, ON]),
            (10, [OFF, ON, OFF, ON]),
            (11, [ON, ON, OFF, ON]),
            (12, [OFF, OFF, ON, ON]),
            (13, [ON, OFF, ON, ON]),
            (14, [OFF, ON, ON, ON]),
            (15, [ON, ON, ON, ON]),
        ];
        for (address, switches) in table {
            assert_eq!(DipSwitches(switches).address(), address, "{switches:?}");
            assert_eq!(DipSwitches::for_address(address), DipSwitches(switches));
            assert_eq!(acting(address), address.max(1));
        }
        assert_eq!(DipSwitches::for_address(0xF3).address(), 3);
    }
}
