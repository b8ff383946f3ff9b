//! The bank as one record of canonical quantities (README 3.3 to 3.6), aggregated by README 4.1.

use crate::config::MAX_PACKS;
use crate::convert::div_nearest;
use crate::limits::Requests;
use crate::pack::PackView;
use crate::protection::condition::ConditionSet;

/// An extreme value and where it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extreme<T> {
    /// The value.
    pub value: T,
    /// Number of the pack, from 1.
    pub pack: u8,
    /// Number of the cell or sensor in that pack, from 1.
    pub index: u8,
}

impl<T> Extreme<T> {
    /// The number running through all packs from 1, where each pack has `per_pack` cells or sensors.
    pub fn running_number(&self, per_pack: u8) -> u16 {
        u16::from(per_pack) * u16::from(self.pack.saturating_sub(1)) + u16::from(self.index)
    }
}

/// Mean, highest and lowest reading of one kind of temperature sensor, in 0.1 degC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Temperatures {
    /// Mean over all fitted sensors, rounded to the nearest.
    pub mean_deci_c: i16,
    /// The highest.
    pub max: Extreme<i16>,
    /// The lowest.
    pub min: Extreme<i16>,
}

/// The bank at one moment, in canonical quantities; encoders only place and scale them.
///
/// Units are in the names: mV, mA (positive = charging), 0.1 A, 0.1 degC, mAh, %.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BankView {
    /// Packs online, the master included (B-114).
    pub module_count: u8,
    /// Packs that belong to the bank but are not online.
    pub modules_offline: u8,
    /// Packs online that forbid charging.
    pub modules_blocking_charge: u8,
    /// Packs online that forbid discharging.
    pub modules_blocking_discharge: u8,
    /// Bit n is set when the pack at DIP address n is online.
    pub online_map: u16,
    /// The address of each pack by its number, from 1; where none is online, the number itself.
    pub addresses: [u8; MAX_PACKS as usize],
    /// Mean over the packs.
    pub pack_voltage_mv: u32,
    /// Sum over the packs (B-104).
    pub pack_current_ma: i32,
    /// All cell sensors; `None` when not one is fitted.
    pub cell_temperature: Option<Temperatures>,
    /// All power stages.
    pub mosfet_temperature: Option<Temperatures>,
    /// All surroundings.
    pub ambient_temperature: Option<Temperatures>,
    /// Mean weighted by full capacity, in 0.01 %, rounded down.
    pub soc_centipercent: u16,
    /// The same in whole per cent, at least 1 while any pack is above 0.
    pub soc_percent: u8,
    /// Mean, rounded down (B-107).
    pub soh_percent: u8,
    /// The lowest.
    pub min_soh_percent: u8,
    /// Mean number of cycles, rounded to the nearest.
    pub average_cycle_count: u16,
    /// The highest number of cycles (B-113).
    pub cycle_count: u16,
    /// Sum of the energy that has gone in, in Wh.
    pub lifetime_charge_energy_wh: u32,
    /// Sum of the energy that has gone out, in Wh.
    pub lifetime_discharge_energy_wh: u32,
    /// Highest cell.
    pub max_cell_voltage_mv: Extreme<u16>,
    /// Lowest cell.
    pub min_cell_voltage_mv: Extreme<u16>,
    /// Sum of the charge left.
    pub remaining_capacity_mah: u32,
    /// Sum of the full capacities.
    pub full_capacity_mah: u32,
    /// Sum of the rated capacities.
    pub design_capacity_mah: u32,
    /// What is active in any pack, and the bank's own alarms (B-110, B-101).
    pub conditions: ConditionSet,
    /// Any pack allows charging.
    pub charge_enable: bool,
    /// Any pack allows discharging.
    pub discharge_enable: bool,
    /// Smallest request among the packs that allow charging, times their number.
    pub charge_current_limit_deci_a: u32,
    /// The same for discharging, a magnitude.
    pub discharge_current_limit_deci_a: u32,
    /// The lowest of the packs (B-109).
    pub charge_voltage_limit_mv: u16,
    /// The highest of the packs (B-109).
    pub discharge_voltage_limit_mv: u16,
    /// What the bank asks of the inverter.
    pub requests: Requests,
}

impl BankView {
    /// The address of the pack with this number, from 1.
    pub fn address_of(&self, pack: u8) -> u8 {
        let index = usize::from(pack).saturating_sub(1);
        self.addresses.get(index).copied().unwrap_or(pack)
    }

    /// The packs online as one; what only the master knows (packs offline, its own alarms, the force-charge
    /// requests with their hysteresis) is not in it.
    pub(crate) fn of(online: impl Iterator<Item = PackView>) -> BankView {
        let mut sums = Sums::default();
        online.for_each(|pack| sums.add(&pack));
        sums.finish()
    }
}

/// One direction's part of the PACE rule.
#[derive(Default)]
struct Direction {
    smallest: u16,
    enabled: u8,
}

impl Direction {
    fn add(&mut self, enable: bool, limit_deci_a: u16) {
        if enable {
            self.smallest = if self.enabled == 0 {
                limit_deci_a
            } else {
                self.smallest.min(limit_deci_a)
            };
            self.enabled += 1;
        }
    }

    fn limit_deci_a(&self) -> u32 {
        u32::from(self.smallest) * u32::from(self.enabled)
    }
}

/// Sum, number, highest and lowest of one kind of temperature sensor.
#[derive(Default)]
struct TemperatureSums {
    sum: i64,
    count: i64,
    extremes: Option<(Extreme<i16>, Extreme<i16>)>,
}

impl TemperatureSums {
    fn add(&mut self, reading: Option<i16>, pack: u8, index: u8) {
        let Some(value) = reading else { return };
        let here = Extreme { value, pack, index };
        self.sum += i64::from(value);
        self.count += 1;
        self.extremes = Some(match self.extremes {
            None => (here, here),
            Some((max, min)) => (
                if value > max.value { here } else { max },
                if value < min.value { here } else { min },
            ),
        });
    }

    fn finish(&self) -> Option<Temperatures> {
        let (max, min) = self.extremes?;
        // A mean lies between its extremes, so it fits.
        let mean = i16::try_from(div_nearest(self.sum, self.count)).unwrap_or(max.value);
        Some(Temperatures {
            mean_deci_c: mean,
            max,
            min,
        })
    }
}

/// The aggregation of README 4.1 in progress; at least one pack must be added.
#[derive(Default)]
struct Sums {
    count: u8,
    online_map: u16,
    /// Addresses of the packs that are online, by number.
    addresses: [Option<u8>; MAX_PACKS as usize],
    millivolts: i64,
    milliamperes: i64,
    cells: TemperatureSums,
    mosfets: TemperatureSums,
    ambients: TemperatureSums,
    /// Charge in 0.01 % of mAh.
    weighted_soc: u64,
    any_charge: bool,
    any_not_full: bool,
    soh: u32,
    min_soh: u8,
    cycles: i64,
    max_cycles: u16,
    charged_wh: u32,
    discharged_wh: u32,
    highest_cell: Option<Extreme<u16>>,
    lowest_cell: Option<Extreme<u16>>,
    remaining: u32,
    full: u32,
    design: u32,
    conditions: ConditionSet,
    charge: Direction,
    discharge: Direction,
    charge_voltage: Option<u16>,
    discharge_voltage: u16,
    full_charge_request: bool,
}

impl Sums {
    fn add(&mut self, pack: &PackView) {
        self.min_soh = if self.count == 0 {
            pack.soh_percent
        } else {
            self.min_soh.min(pack.soh_percent)
        };
        self.count += 1;
        self.online_map |= 1 << pack.address;
        if let Some(slot) = self.addresses.get_mut(usize::from(pack.number).saturating_sub(1)) {
            *slot = Some(pack.address);
        }
        self.millivolts += i64::from(pack.pack_voltage_mv);
        self.milliamperes += i64::from(pack.pack_current_ma);
        for (index, reading) in (1..).zip(pack.cell_temperature_deci_c) {
            self.cells.add(reading, pack.number, index);
        }
        self.mosfets.add(pack.mosfet_temperature_deci_c, pack.number, 1);
        self.ambients.add(pack.ambient_temperature_deci_c, pack.number, 1);
        self.weighted_soc += u64::from(pack.soc_centipercent) * u64::from(pack.full_capacity_mah);
        self.any_charge |= pack.soc_centipercent > 0;
        self.any_not_full |= !pack.fully_charged;
        self.soh += u32::from(pack.soh_percent);
        self.cycles += i64::from(pack.cycle_count);
        self.max_cycles = self.max_cycles.max(pack.cycle_count);
        self.charged_wh = self.charged_wh.saturating_add(pack.lifetime_charge_energy_wh);
        self.discharged_wh = self.discharged_wh.saturating_add(pack.lifetime_discharge_energy_wh);
        for (index, value) in (1..).zip(pack.cell_voltage_mv) {
            let here = Extreme {
                value,
                pack: pack.number,
                index,
            };
            self.highest_cell = Some(self.highest_cell.filter(|cell| cell.value >= value).unwrap_or(here));
            self.lowest_cell = Some(self.lowest_cell.filter(|cell| cell.value <= value).unwrap_or(here));
        }
        self.remaining = self.remaining.saturating_add(pack.remaining_capacity_mah);
        self.full = self.full.saturating_add(pack.full_capacity_mah);
        self.design = self.design.saturating_add(pack.design_capacity_mah);
        self.conditions = self.conditions.union(pack.conditions);
        self.charge.add(pack.charge_enable, pack.charge_current_limit_deci_a);
        self.discharge
            .add(pack.discharge_enable, pack.discharge_current_limit_deci_a);
        let charge_voltage = self
            .charge_voltage
            .unwrap_or(u16::MAX)
            .min(pack.charge_voltage_limit_mv);
        self.charge_voltage = Some(charge_voltage);
        self.discharge_voltage = self.discharge_voltage.max(pack.discharge_voltage_limit_mv);
        self.full_charge_request |= pack.requests.full_charge;
    }

    fn finish(&self) -> BankView {
        let count = self.count.max(1);
        let mean = |sum: i64| div_nearest(sum, i64::from(count));
        let soc = self.weighted_soc / u64::from(self.full.max(1));
        // Never 100 % before every pack is known to be full, and never 0 before every pack is empty.
        let ceiling = if self.any_not_full { 9999 } else { 10_000 };
        let soc_centipercent = u16::try_from(soc).unwrap_or(ceiling).min(ceiling);
        let soc_percent = u8::try_from(soc_centipercent / 100)
            .unwrap_or(100)
            .max(u8::from(self.any_charge));
        let nowhere = Extreme {
            value: 0,
            pack: 0,
            index: 0,
        };
        BankView {
            module_count: self.count,
            modules_offline: 0,
            modules_blocking_charge: self.count - self.charge.enabled,
            modules_blocking_discharge: self.count - self.discharge.enabled,
            online_map: self.online_map,
            addresses: [1, 2, 3, 4].map(|number: u8| self.addresses[usize::from(number) - 1].unwrap_or(number)),
            pack_voltage_mv: u32::try_from(mean(self.millivolts)).unwrap_or(u32::MAX),
            pack_current_ma: i32::try_from(self.milliamperes).unwrap_or(i32::MAX),
            cell_temperature: self.cells.finish(),
            mosfet_temperature: self.mosfets.finish(),
            ambient_temperature: self.ambients.finish(),
            soc_centipercent,
            soc_percent,
            soh_percent: u8::try_from(self.soh / u32::from(count)).unwrap_or(100),
            min_soh_percent: self.min_soh,
            average_cycle_count: u16::try_from(mean(self.cycles)).unwrap_or(u16::MAX),
            cycle_count: self.max_cycles,
            lifetime_charge_energy_wh: self.charged_wh,
            lifetime_discharge_energy_wh: self.discharged_wh,
            max_cell_voltage_mv: self.highest_cell.unwrap_or(nowhere),
            min_cell_voltage_mv: self.lowest_cell.unwrap_or(nowhere),
            remaining_capacity_mah: self.remaining,
            full_capacity_mah: self.full,
            design_capacity_mah: self.design,
            conditions: self.conditions,
            charge_enable: self.charge.enabled > 0,
            discharge_enable: self.discharge.enabled > 0,
            charge_current_limit_deci_a: self.charge.limit_deci_a(),
            discharge_current_limit_deci_a: self.discharge.limit_deci_a(),
            charge_voltage_limit_mv: self.charge_voltage.unwrap_or(0),
            discharge_voltage_limit_mv: self.discharge_voltage,
            requests: Requests {
                force_charge_1: false,
                force_charge_2: false,
                full_charge: self.full_charge_request,
            },
        }
    }
}

#[cfg(test)]
impl BankView {
    /// A bank of one pack as delivered.
    pub(crate) fn example() -> BankView {
        let now = crate::time::Instant::ZERO;
        BankView::of(core::iter::once(crate::pack::Pack::new(now).view(now, 1, 1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::Pack;
    use crate::protection::condition::Condition;
    use crate::time::Instant;

    /// Views of as many packs as delivered, each changed in its own way.
    fn bank<const N: usize>(change: impl Fn(u8, &mut PackView)) -> BankView {
        let packs: [PackView; N] = core::array::from_fn(|index| {
            let number = u8::try_from(index + 1).unwrap();
            let mut pack = Pack::new(Instant::ZERO).view(Instant::ZERO, number, number);
            change(number, &mut pack);
            pack
        });
        BankView::of(packs.into_iter())
    }

    /// B-103, B-104, B-114.
    #[test]
    fn voltage_is_the_mean_and_current_the_sum() {
        let view = bank::<3>(|number, pack| {
            pack.pack_voltage_mv = [53_300, 53_252, 53_252][usize::from(number) - 1];
            pack.pack_current_ma = [-45_600, 12_300, -100][usize::from(number) - 1];
        });
        assert_eq!(view.pack_voltage_mv, 53_268);
        assert_eq!(view.pack_current_ma, -33_400);
        assert_eq!((view.module_count, view.online_map), (3, 0b1110));
    }

    /// B-108, B-111.
    #[test]
    fn a_limit_is_the_smallest_request_times_the_packs_that_allow() {
        // B-108: requests of 200, 200, 150 and 200 A.
        let limits = [2000, 2000, 1500, 2000];
        let view = bank::<4>(|number, pack| pack.charge_current_limit_deci_a = limits[usize::from(number) - 1]);
        assert_eq!(view.charge_current_limit_deci_a, 6000);
        assert_eq!(view.discharge_current_limit_deci_a, 8000);

        // A pack that forbids charging counts neither with its 0 nor with its share.
        let view = bank::<4>(|number, pack| {
            if number == 3 {
                (pack.charge_enable, pack.charge_current_limit_deci_a) = (false, 0);
            }
        });
        assert_eq!((view.charge_enable, view.charge_current_limit_deci_a), (true, 6000));
        assert_eq!((view.modules_blocking_charge, view.modules_blocking_discharge), (1, 0));

        let view = bank::<4>(|_, pack| (pack.discharge_enable, pack.discharge_current_limit_deci_a) = (false, 0));
        assert_eq!((view.discharge_enable, view.discharge_current_limit_deci_a), (false, 0));
    }

    /// B-106.
    #[test]
    fn state_of_charge_is_weighted_by_full_capacity_and_rounded_down() {
        let view = bank::<2>(|number, pack| {
            (pack.soc_centipercent, pack.full_capacity_mah) =
                if number == 1 { (9000, 280_000) } else { (4000, 140_000) };
        });
        assert_eq!((view.soc_centipercent, view.soc_percent), (7333, 73));
    }

    /// B-106.
    #[test]
    fn a_bank_is_empty_or_full_only_when_every_pack_is() {
        let soc = |values: [u16; 2]| {
            bank::<2>(|number, pack| {
                pack.soc_centipercent = values[usize::from(number) - 1];
                pack.fully_charged = pack.soc_centipercent == 10_000;
            })
            .soc_percent
        };
        assert_eq!(soc([0, 0]), 0);
        assert_eq!(soc([0, 10]), 1);
        assert_eq!(soc([10_000, 9_999]), 99);
        assert_eq!(soc([10_000, 10_000]), 100);
    }

    /// B-107, B-113.
    #[test]
    fn health_is_rounded_down_and_cycles_to_the_nearest() {
        let view = bank::<4>(|number, pack| {
            pack.soh_percent = if number == 4 { 99 } else { 100 };
            pack.cycle_count = [120, 121, 120, 131][usize::from(number) - 1];
        });
        assert_eq!((view.soh_percent, view.min_soh_percent), (99, 99));
        assert_eq!((view.average_cycle_count, view.cycle_count), (123, 131));
    }

    /// B-105, B-112.
    #[test]
    fn extremes_tell_where_they_are() {
        let view = bank::<3>(|number, pack| match number {
            2 => {
                pack.cell_voltage_mv[11] = 3324;
                pack.cell_temperature_deci_c = [Some(-125), None, Some(260), Some(250)];
            }
            3 => pack.cell_voltage_mv[4] = 3276,
            _ => {}
        });
        assert_eq!(
            view.max_cell_voltage_mv,
            Extreme {
                value: 3324,
                pack: 2,
                index: 12
            }
        );
        assert_eq!(view.max_cell_voltage_mv.running_number(16), 28);
        assert_eq!(
            view.min_cell_voltage_mv,
            Extreme {
                value: 3276,
                pack: 3,
                index: 5
            }
        );
        let cells = view.cell_temperature.unwrap();
        assert_eq!(
            cells.max,
            Extreme {
                value: 260,
                pack: 2,
                index: 3
            }
        );
        assert_eq!(
            cells.min,
            Extreme {
                value: -125,
                pack: 2,
                index: 1
            }
        );
        assert_eq!(cells.min.running_number(4), 5);
        // Eleven fitted sensors: 8 x 25.0, -12.5, 26.0, 25.0 degC.
        assert_eq!(cells.mean_deci_c, 217);
    }

    #[test]
    fn of_equal_extremes_the_first_counts() {
        let view = bank::<2>(|_, _| {});
        let first = |value| Extreme {
            value,
            pack: 1,
            index: 1,
        };
        assert_eq!(
            (view.max_cell_voltage_mv, view.min_cell_voltage_mv),
            (first(3300), first(3300))
        );
        let mosfet = view.mosfet_temperature.unwrap();
        let first = |value| Extreme {
            value,
            pack: 1,
            index: 1,
        };
        assert_eq!((mosfet.max, mosfet.min), (first(280), first(280)));
    }

    #[test]
    fn what_no_pack_measures_is_not_made_up() {
        let view = bank::<2>(|_, pack| {
            pack.mosfet_temperature_deci_c = None;
            pack.cell_temperature_deci_c = [None; 4];
        });
        assert_eq!((view.mosfet_temperature, view.cell_temperature), (None, None));
        assert_eq!(view.ambient_temperature.unwrap().mean_deci_c, 270);
    }

    /// B-109.
    #[test]
    fn voltage_limits_are_those_of_the_strictest_pack() {
        let view = bank::<2>(|number, pack| {
            if number == 2 {
                (pack.charge_voltage_limit_mv, pack.discharge_voltage_limit_mv) = (56_000, 46_000);
            }
        });
        assert_eq!(
            (view.charge_voltage_limit_mv, view.discharge_voltage_limit_mv),
            (56_000, 46_000)
        );
    }

    /// B-110, B-113.
    #[test]
    fn capacities_add_up_and_conditions_are_joined() {
        let view = bank::<2>(|number, pack| {
            let condition = [Condition::LowSocAlarm, Condition::CellFault][usize::from(number) - 1];
            pack.conditions.set(condition, true);
        });
        assert_eq!(
            view.conditions,
            ConditionSet::of(&[Condition::LowSocAlarm, Condition::CellFault])
        );
        let capacities = (
            view.remaining_capacity_mah,
            view.full_capacity_mah,
            view.design_capacity_mah,
        );
        assert_eq!(capacities, (280_000, 560_000, 560_000));
    }
}
