//! Which cells are balanced (B-028, R-015).

use super::cells::Cells;
use super::state::PackState;
use crate::protection::parameters::{Parameter, Parameters};

/// The cells whose balancing resistor is switched on; bit n: cell n + 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Balancing {
    pub(crate) cells: u16,
    /// No cell is balanced while no current flows.
    pub(crate) only_while_charging: bool,
}

impl Balancing {
    /// Chooses anew: only while charging or in standby, high cells that lie above the lowest.
    pub(crate) fn update(&mut self, state: PackState, cells: &Cells, parameters: &Parameters) {
        let may = match state {
            PackState::Charge => true,
            PackState::Standby => !self.only_while_charging,
            _ => false,
        };
        if !may {
            self.cells = 0;
            return;
        }
        let lowest = i32::from(cells.lowest());
        for (cell, millivolts) in cells.millivolts.iter().enumerate() {
            let (bit, millivolts) = (1 << cell, i32::from(*millivolts));
            let high = millivolts >= parameters.get(Parameter::BalanceStartVoltage);
            let above = millivolts - lowest;
            if !high || above <= parameters.get(Parameter::BalanceStopDifference) {
                self.cells &= !bit;
            } else if above >= parameters.get(Parameter::BalanceStartDifference) {
                self.cells |= bit;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// B-028.
    #[test]
    fn high_cells_are_balanced_until_they_come_near_the_lowest() {
        let parameters = &Parameters::default();
        let mut balancing = Balancing::default();
        let mut cells = Cells::default();
        let steps = [
            (3399, 3369, false),
            (3400, 3371, false),
            (3400, 3370, true),
            (3400, 3379, true),
            (3400, 3380, false),
            (3400, 3379, false),
            (3430, 3400, true),
            (3399, 3300, false),
        ];
        for (high, others, on) in steps {
            cells.millivolts = [others; 16];
            cells.millivolts[5] = high;
            balancing.update(PackState::Charge, &cells, parameters);
            assert_eq!(balancing.cells, u16::from(on) << 5, "{high} mV above {others} mV");
        }
        for (state, cells_on) in [
            (PackState::Standby, 1 << 5),
            (PackState::Discharge, 0),
            (PackState::ChargeProtection, 0),
            (PackState::Sleep, 0),
        ] {
            cells.millivolts = [3400; 16];
            cells.millivolts[5] = 3450;
            balancing.update(state, &cells, parameters);
            assert_eq!(balancing.cells, cells_on, "{state:?}");
        }
    }
}
