//! The sixteen cells of a pack.

/// Cells in series in one pack, as a number on a wire.
pub(crate) const CELL_COUNT: u8 = 16;
/// Cells in series in one pack.
pub const CELLS: usize = CELL_COUNT as usize;

/// The voltages of the cells, in mV.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cells {
    pub(crate) millivolts: [u16; CELLS],
}

impl Cells {
    /// The sum of all cells, in mV.
    pub(crate) fn sum(&self) -> u32 {
        self.millivolts.iter().map(|cell| u32::from(*cell)).sum()
    }

    /// The highest cell, in mV.
    pub(crate) fn highest(&self) -> u16 {
        self.millivolts.iter().max().copied().unwrap_or(0)
    }

    /// The lowest cell, in mV.
    pub(crate) fn lowest(&self) -> u16 {
        self.millivolts.iter().min().copied().unwrap_or(0)
    }
}

impl Default for Cells {
    /// Every cell at 3.300 V, where nothing is derated.
    fn default() -> Cells {
        Cells {
            millivolts: [3300; CELLS],
        }
    }
}
