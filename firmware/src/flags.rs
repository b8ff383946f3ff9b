//! Words of flags: which condition sets which bit of a message (README 3.6).

use crate::protection::condition::{Condition, ConditionSet};

/// One bit of a message, and the conditions that set it.
pub(crate) struct Flag {
    byte: usize,
    bit: u8,
    set_by: ConditionSet,
}

impl Flag {
    /// Bit `bit` of byte `byte`, set while any of these conditions is active.
    pub(crate) const fn new(byte: usize, bit: u8, set_by: &[Condition]) -> Flag {
        Flag {
            byte,
            bit,
            set_by: ConditionSet::of(set_by),
        }
    }
}

/// Writes every byte of `data`: the flags of a table, and 0 where there is none.
pub(crate) fn emit(flags: &[Flag], conditions: ConditionSet, data: &mut [u8]) {
    data.fill(0);
    for flag in flags.iter().filter(|flag| conditions.intersects(flag.set_by)) {
        data[flag.byte] |= 1 << flag.bit;
    }
}
