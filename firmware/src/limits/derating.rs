//! How far the limits of a pack are taken back (bms-behaviour 3.5, B-074, B-075).
//!
//! Nine curves, linear between their points and constant outside; the lowest factor counts. Everything is exact in
//! integers: the factor is never rounded, the limit once, to the nearest 0.1 A.

use crate::convert::div_nearest;
use crate::pack::PackView;
use crate::protection::Measured;

/// A factor over an input.
struct Curve {
    /// Input in its own unit, ascending, and factor in per cent.
    points: &'static [(i32, i64)],
}

/// Highest cell in mV, charging.
const HIGHEST_CELL_CHARGE: Curve = Curve {
    points: &[(3450, 100), (3500, 50), (3550, 20), (3600, 5), (3650, 0)],
};
/// Lowest cell in mV, discharging.
const LOWEST_CELL_DISCHARGE: Curve = Curve {
    points: &[(2700, 0), (2750, 5), (2800, 20), (2900, 50), (3000, 100)],
};
/// Lowest cell temperature in 0.1 degC, charging; below the first point the protection acts.
const COLDEST_CELL_CHARGE: Curve = Curve {
    points: &[(0, 10), (50, 20), (100, 50), (150, 100)],
};
/// Lowest cell temperature in 0.1 degC, discharging; below the first point the protection acts.
const COLDEST_CELL_DISCHARGE: Curve = Curve {
    points: &[(-200, 20), (-100, 50), (0, 100)],
};
/// Highest cell temperature in 0.1 degC, charging.
const HOTTEST_CELL_CHARGE: Curve = Curve {
    points: &[(450, 100), (500, 50), (550, 0)],
};
/// Highest cell temperature in 0.1 degC, discharging.
const HOTTEST_CELL_DISCHARGE: Curve = Curve {
    points: &[(450, 100), (500, 50), (550, 0)],
};
/// Temperature of the power stage in 0.1 degC, both directions.
const MOSFET: Curve = Curve {
    points: &[(700, 100), (800, 50), (900, 25), (1050, 0)],
};
/// State of charge in 0.01 %, charging.
const SOC_CHARGE: Curve = Curve {
    points: &[(9000, 100), (9500, 50), (9900, 20), (10_000, 10)],
};
/// State of charge in 0.01 %, discharging.
const SOC_DISCHARGE: Curve = Curve {
    points: &[(0, 20), (500, 50), (1000, 100)],
};

impl Curve {
    /// `nominal` times the factor at `input`, rounded to the nearest.
    fn apply(&self, input: i32, nominal: u16) -> u16 {
        let above = self.points.iter().position(|(at, _)| input < *at);
        let (numerator, denominator) = match above {
            Some(0) => (self.points[0].1, 1),
            None => (self.points[self.points.len() - 1].1, 1),
            Some(index) => {
                let ((left, from), (right, to)) = (self.points[index - 1], self.points[index]);
                let width = i64::from(right - left);
                (from * width + (to - from) * i64::from(input - left), width)
            }
        };
        let limit = div_nearest(i64::from(nominal) * numerator, 100 * denominator);
        // A factor is at most 1.
        u16::try_from(limit).unwrap_or(nominal)
    }

    /// Whether the factor at `input` is below 1.
    fn reduces(&self, input: i32) -> bool {
        self.apply(input, u16::MAX) < u16::MAX
    }
}

/// Which measurements take a limit of a pack back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Causes {
    /// A high cell, charging.
    pub(crate) high_cell: bool,
    /// A low cell, discharging.
    pub(crate) low_cell: bool,
    /// A hot cell, either direction.
    pub(crate) hot_cell: bool,
    /// A cold cell, either direction.
    pub(crate) cold_cell: bool,
    /// A hot power stage.
    pub(crate) hot_mosfet: bool,
}

impl Causes {
    /// What is seen of a pack.
    pub(crate) fn of(pack: &PackView) -> Causes {
        let any_cell = |curve: &Curve| pack.cell_voltage_mv.iter().any(|cell| curve.reduces((*cell).into()));
        let any_sensor = |curve: &Curve| {
            let mut read = pack.cell_temperature_deci_c.iter().flatten();
            read.any(|sensor| curve.reduces((*sensor).into()))
        };
        Causes {
            high_cell: any_cell(&HIGHEST_CELL_CHARGE),
            low_cell: any_cell(&LOWEST_CELL_DISCHARGE),
            hot_cell: any_sensor(&HOTTEST_CELL_CHARGE) || any_sensor(&HOTTEST_CELL_DISCHARGE),
            cold_cell: any_sensor(&COLDEST_CELL_CHARGE) || any_sensor(&COLDEST_CELL_DISCHARGE),
            hot_mosfet: pack
                .mosfet_temperature_deci_c
                .is_some_and(|sensor| MOSFET.reduces(sensor.into())),
        }
    }
}

/// The charge current limit where `nominal` is allowed at best; both in 0.1 A.
///
/// What is not measured takes nothing back: a missing sensor is a fault, which blocks.
pub(crate) fn charge_limit(measured: &Measured, nominal: u16) -> u16 {
    let at = |curve: &Curve, input: i32| curve.apply(input, nominal);
    let if_read = |curve: &Curve, input: Option<i16>| input.map_or(nominal, |input| at(curve, input.into()));
    [
        at(&HIGHEST_CELL_CHARGE, measured.highest_cell_mv),
        if_read(&COLDEST_CELL_CHARGE, measured.coldest_cell()),
        if_read(&HOTTEST_CELL_CHARGE, measured.hottest_cell()),
        if_read(&MOSFET, measured.mosfet),
        at(&SOC_CHARGE, measured.soc_centipercent.into()),
    ]
    .into_iter()
    .fold(nominal, u16::min)
}

/// The discharge current limit where `nominal` is allowed at best; both in 0.1 A, magnitudes.
pub(crate) fn discharge_limit(measured: &Measured, nominal: u16) -> u16 {
    let at = |curve: &Curve, input: i32| curve.apply(input, nominal);
    let if_read = |curve: &Curve, input: Option<i16>| input.map_or(nominal, |input| at(curve, input.into()));
    [
        at(&LOWEST_CELL_DISCHARGE, measured.lowest_cell_mv),
        if_read(&COLDEST_CELL_DISCHARGE, measured.coldest_cell()),
        if_read(&HOTTEST_CELL_DISCHARGE, measured.hottest_cell()),
        if_read(&MOSFET, measured.mosfet),
        at(&SOC_DISCHARGE, measured.soc_centipercent.into()),
    ]
    .into_iter()
    .fold(nominal, u16::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn neutral() -> Measured {
        Measured {
            highest_cell_mv: 3300,
            lowest_cell_mv: 3300,
            pack_mv: 52_800,
            current_ma: 0,
            soc_centipercent: 5000,
            cells: [Some(250); 4],
            mosfet: Some(280),
            ambient: Some(270),
            charger_present: false,
        }
    }

    /// Every point of 3.5, the middle of every segment, and what lies outside; in 0.1 A of 200.0 A.
    #[test]
    fn every_curve_goes_through_its_points() {
        #[derive(PartialEq)]
        enum Side {
            Charge,
            Discharge,
            Both,
        }
        type Table = (fn(&mut Measured, i32), Side, &'static [(i32, u16)]);
        let tables: [Table; 8] = [
            (
                |m, value| m.highest_cell_mv = value,
                Side::Charge,
                &[
                    (3000, 2000),
                    (3450, 2000),
                    (3451, 1980),
                    (3475, 1500),
                    (3500, 1000),
                    (3520, 760),
                    (3525, 700),
                    (3550, 400),
                    (3575, 250),
                    (3600, 100),
                    (3625, 50),
                    (3649, 2),
                    (3650, 0),
                    (4000, 0),
                ],
            ),
            (
                |m, value| m.lowest_cell_mv = value,
                Side::Discharge,
                &[
                    (3400, 2000),
                    (3000, 2000),
                    (2999, 1990),
                    (2950, 1500),
                    (2900, 1000),
                    (2850, 700),
                    (2800, 400),
                    (2775, 250),
                    (2750, 100),
                    (2725, 50),
                    (2701, 2),
                    (2700, 0),
                    (2000, 0),
                ],
            ),
            (
                |m, value| m.cells[1] = i16::try_from(value).ok(),
                Side::Charge,
                &[
                    (-100, 200),
                    (0, 200),
                    (25, 300),
                    (50, 400),
                    (75, 700),
                    (100, 1000),
                    (120, 1400),
                    (125, 1500),
                    (150, 2000),
                    (250, 2000),
                    (450, 2000),
                    (475, 1500),
                    (500, 1000),
                    (525, 500),
                    (550, 0),
                    (900, 0),
                ],
            ),
            (
                |m, value| m.cells[3] = i16::try_from(value).ok(),
                Side::Discharge,
                &[
                    (-300, 400),
                    (-200, 400),
                    (-150, 700),
                    (-100, 1000),
                    (-50, 1500),
                    (-1, 1990),
                    (0, 2000),
                    (450, 2000),
                    (475, 1500),
                    (500, 1000),
                    (525, 500),
                    (550, 0),
                    (900, 0),
                ],
            ),
            (
                |m, value| m.mosfet = i16::try_from(value).ok(),
                Side::Both,
                &[
                    (200, 2000),
                    (700, 2000),
                    (750, 1500),
                    (800, 1000),
                    (850, 750),
                    (900, 500),
                    (975, 250),
                    (1050, 0),
                    (1200, 0),
                ],
            ),
            (
                |m, value| m.soc_centipercent = u16::try_from(value).unwrap(),
                Side::Charge,
                &[
                    (0, 2000),
                    (9000, 2000),
                    (9250, 1500),
                    (9300, 1400),
                    (9500, 1000),
                    (9700, 700),
                    (9900, 400),
                    (9950, 300),
                    (10_000, 200),
                ],
            ),
            (
                |m, value| m.soc_centipercent = u16::try_from(value).unwrap(),
                Side::Discharge,
                &[
                    (10_000, 2000),
                    (1000, 2000),
                    (750, 1500),
                    (500, 1000),
                    (250, 700),
                    (0, 400),
                ],
            ),
            (
                |m, value| m.ambient = i16::try_from(value).ok(),
                Side::Both,
                &[(-200, 2000), (700, 2000)],
            ),
        ];
        for (index, (put, side, points)) in tables.into_iter().enumerate() {
            for (value, expected) in points {
                let mut measured = neutral();
                put(&mut measured, *value);
                if side != Side::Discharge {
                    assert_eq!(
                        charge_limit(&measured, 2000),
                        *expected,
                        "charge, table {index}, {value}"
                    );
                }
                if side != Side::Charge {
                    assert_eq!(
                        discharge_limit(&measured, 2000),
                        *expected,
                        "discharge, table {index}, {value}"
                    );
                }
            }
        }
    }

    /// 3.5: factors 0.38, 0.70 and 0.70.
    #[test]
    fn the_worked_example_is_76_amperes() {
        let mut measured = neutral();
        measured.highest_cell_mv = 3520;
        measured.cells[0] = Some(120);
        measured.soc_centipercent = 9300;
        assert_eq!(charge_limit(&measured, 2000), 760);
        assert_eq!(charge_limit(&measured, 1000), 380);
        assert_eq!(discharge_limit(&measured, 2000), 2000);
    }

    #[test]
    fn limits_are_rounded_once_and_to_the_nearest() {
        let mut measured = neutral();
        // 0.98 of 0.1 A, then 0.46 of it; 0.34 of 0.3 A.
        measured.highest_cell_mv = 3452;
        assert_eq!(charge_limit(&measured, 1), 1);
        measured.highest_cell_mv = 3507;
        assert_eq!(charge_limit(&measured, 1), 0);
        measured.highest_cell_mv = 3526;
        assert_eq!(charge_limit(&measured, 3), 1);
        // Half of 0.1 A goes up.
        measured.highest_cell_mv = 3500;
        assert_eq!(charge_limit(&measured, 1), 1);
        assert_eq!(charge_limit(&measured, 0), 0);
    }

    /// Delivered states stay as they are: SOC 11..89 %, cells 3.05..3.40 V, cell temperatures 15..45 degC.
    #[test]
    fn neutral_states_are_not_derated() {
        for (millivolts, decidegrees, centipercent) in [(3050, 150, 1100), (3400, 450, 8999), (3300, 250, 5000)] {
            let measured = Measured {
                highest_cell_mv: millivolts,
                lowest_cell_mv: millivolts,
                cells: [Some(decidegrees); 4],
                soc_centipercent: centipercent,
                ..neutral()
            };
            assert_eq!(
                (charge_limit(&measured, 1400), discharge_limit(&measured, 1400)),
                (1400, 1400)
            );
        }
    }

    #[test]
    fn what_is_not_measured_takes_nothing_back() {
        let measured = Measured {
            cells: [None; 4],
            mosfet: None,
            ambient: None,
            ..neutral()
        };
        assert_eq!(
            (charge_limit(&measured, 2000), discharge_limit(&measured, 2000)),
            (2000, 2000)
        );
    }
}
