//! State of charge and capacities of a pack.

use core::time::Duration;

use super::simulation::MILLIAMPERE_HOUR;

/// A state of charge of 100 %, in 0.01 %.
pub(crate) const FULL: u16 = 10_000;

/// One watt-hour in mV x mA x us.
const WATT_HOUR: u128 = 3_600_000_000_000_000;

/// Charge and age of a pack.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gauge {
    /// Charge left, in mAh. State of charge follows from it.
    remaining_mah: u32,
    /// What has been counted beyond whole mAh, in mA x us.
    rest: i128,
    full_mah: u32,
    pub(crate) design_mah: u32,
    pub(crate) soh_percent: u8,
    pub(crate) cycle_count: u16,
    /// What has been discharged since the last whole cycle, in mA x us.
    discharged: i128,
    /// What has gone in and out over its life, in mV x mA x us.
    charged_energy: u128,
    discharged_energy: u128,
    /// The pack is known to be full; without it no state of charge above 99.99 % is shown (B-081).
    full_detected: bool,
    /// What has been taken out since the pack was found full, in mA x us; nothing when that is not known.
    taken_out: Option<i128>,
}

impl Gauge {
    /// State of charge in 0.01 %, rounded down; 100 % only when the pack is known to be full (B-081).
    pub(crate) fn soc_centipercent(&self) -> u16 {
        if self.full_detected {
            return FULL;
        }
        let share = u64::from(self.remaining_mah) * u64::from(FULL) / u64::from(self.full_mah.max(1));
        u16::try_from(share).unwrap_or(FULL).min(FULL - 1)
    }

    /// State of charge in whole per cent, rounded down.
    pub(crate) fn soc_percent(&self) -> u8 {
        u8::try_from(self.soc_centipercent() / 100).unwrap_or(100)
    }

    /// Charge left, in mAh; never above the full capacity.
    pub(crate) fn remaining_mah(&self) -> u32 {
        self.remaining_mah
    }

    /// Present full capacity, in mAh.
    pub(crate) fn full_mah(&self) -> u32 {
        self.full_mah
    }

    /// Whether the pack is known to be full.
    pub(crate) fn is_full(&self) -> bool {
        self.full_detected
    }

    /// Sets the state of charge; the remaining capacity goes with it, and 100 % means known to be full.
    pub(crate) fn set_soc(&mut self, centipercent: u16) {
        let centipercent = centipercent.min(FULL);
        // Rounded up, so that the state of charge, which is rounded down, comes back as it was set.
        let charge = (u64::from(self.full_mah) * u64::from(centipercent)).div_ceil(u64::from(FULL));
        self.remaining_mah = u32::try_from(charge).unwrap_or(self.full_mah);
        self.full_detected = centipercent == FULL;
        (self.rest, self.taken_out) = (0, None);
    }

    /// Sets the charge left, at most the full capacity; the state of charge goes with it.
    pub(crate) fn set_remaining(&mut self, mah: u32) {
        self.remaining_mah = mah.min(self.full_mah);
        self.full_detected = self.remaining_mah == self.full_mah;
        (self.rest, self.taken_out) = (0, None);
    }

    /// Sets the full capacity; the state of charge stays.
    pub(crate) fn set_full(&mut self, mah: u32) {
        let soc = self.soc_centipercent();
        self.full_mah = mah.max(1);
        self.set_soc(soc);
    }

    /// Makes the pack known to be full, or takes that knowledge away.
    pub(crate) fn set_full_detected(&mut self, full: bool) {
        if full {
            self.set_soc(FULL);
        }
        self.full_detected = full;
    }

    /// Counts the charge of a current in mA that flowed for so long.
    ///
    /// Full capacity is not exceeded, and 1 % not undershot: what is left below is not known before the pack is found
    /// empty (B-081).
    pub(crate) fn count(&mut self, current_ma: i32, passed: Duration) {
        let micros = i128::try_from(passed.as_micros()).unwrap_or(i128::MAX >> 64);
        let charge = i128::from(current_ma) * micros;
        self.rest += charge;
        let whole = self.rest.div_euclid(MILLIAMPERE_HOUR);
        self.rest = self.rest.rem_euclid(MILLIAMPERE_HOUR);
        let remaining = i128::from(self.remaining_mah);
        let floor = remaining.min(i128::from(self.full_mah.div_ceil(100)));
        let counted = (remaining + whole).clamp(floor, i128::from(self.full_mah));
        self.remaining_mah = u32::try_from(counted).unwrap_or(self.full_mah);
        self.full_detected &= whole >= 0;

        if let Some(taken_out) = &mut self.taken_out {
            *taken_out -= charge;
        }
        if charge < 0 {
            self.discharged -= charge;
            let cycle = i128::from(self.full_mah) * MILLIAMPERE_HOUR;
            let cycles = u16::try_from(self.discharged / cycle).unwrap_or(u16::MAX);
            self.discharged %= cycle;
            self.cycle_count = self.cycle_count.saturating_add(cycles);
        }
    }

    /// Counts the energy of a current in mA that flowed for so long at a voltage in mV.
    pub(crate) fn count_energy(&mut self, millivolts: u32, current_ma: i32, passed: Duration) {
        let energy = u128::from(millivolts) * u128::from(current_ma.unsigned_abs()) * passed.as_micros();
        let counter = if current_ma < 0 {
            &mut self.discharged_energy
        } else {
            &mut self.charged_energy
        };
        *counter = counter.saturating_add(energy);
    }

    /// Energy that has gone in and out over the pack's life, in whole watt-hours.
    pub(crate) fn lifetime_energy_wh(&self) -> (u32, u32) {
        let whole = |energy: u128| u32::try_from(energy / WATT_HOUR).unwrap_or(u32::MAX);
        (whole(self.charged_energy), whole(self.discharged_energy))
    }

    /// Sets the energy that has gone in, in watt-hours.
    pub(crate) fn set_charged_energy(&mut self, watt_hours: u32) {
        self.charged_energy = u128::from(watt_hours) * WATT_HOUR;
    }

    /// Sets the energy that has gone out, in watt-hours.
    pub(crate) fn set_discharged_energy(&mut self, watt_hours: u32) {
        self.discharged_energy = u128::from(watt_hours) * WATT_HOUR;
    }

    /// The battery has found the pack full (B-029).
    pub(crate) fn find_full(&mut self) {
        self.set_soc(FULL);
        self.taken_out = Some(0);
    }

    /// The battery has found the pack empty. What was taken out since it was full is its capacity, if that can be
    ///
    pub(crate) fn find_empty(&mut self) {
        if let Some(taken_out) = self.taken_out {
            let learned = u32::try_from(taken_out / MILLIAMPERE_HOUR).unwrap_or(0);
            // Anything else was no whole discharge, or was miscounted.
            if (self.design_mah / 2..=self.design_mah.saturating_mul(6) / 5).contains(&learned) {
                self.full_mah = learned.max(1);
            }
        }
        self.set_soc(0);
    }
}

impl Default for Gauge {
    /// Half full, 280 Ah, nearly new.
    fn default() -> Gauge {
        Gauge {
            remaining_mah: 140_000,
            rest: 0,
            full_mah: 280_000,
            design_mah: 280_000,
            soh_percent: 100,
            cycle_count: 12,
            discharged: 0,
            charged_energy: 0,
            discharged_energy: 0,
            full_detected: false,
            taken_out: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_of_charge_comes_back_as_it_was_set() {
        for full_mah in [280_000, 277_777, 10_000, 271_828] {
            let mut gauge = Gauge::default();
            gauge.set_full(full_mah);
            for centipercent in 0..=FULL {
                gauge.set_soc(centipercent);
                assert_eq!(gauge.soc_centipercent(), centipercent, "of {full_mah} mAh");
            }
            assert_eq!(gauge.remaining_mah(), full_mah);
        }
    }

    #[test]
    fn charge_and_state_of_charge_move_together() {
        let mut gauge = Gauge::default();
        gauge.set_remaining(195_500);
        assert_eq!(gauge.soc_centipercent(), 6982);
        gauge.set_full(140_000);
        assert_eq!((gauge.soc_centipercent(), gauge.remaining_mah()), (6982, 97_748));
        gauge.set_remaining(u32::MAX);
        assert_eq!((gauge.soc_centipercent(), gauge.remaining_mah()), (FULL, 140_000));
    }

    #[test]
    fn a_full_capacity_without_full_detection_is_99_percent() {
        let mut gauge = Gauge::default();
        gauge.set_soc(FULL);
        gauge.set_full_detected(false);
        assert_eq!(gauge.soc_centipercent(), 9999);
        gauge.set_full_detected(true);
        assert_eq!(gauge.soc_centipercent(), FULL);
    }

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn energy_is_counted_each_way() {
        let mut gauge = Gauge::default();
        gauge.count_energy(53_000, 100_000, HOUR);
        gauge.count_energy(51_200, -50_000, HOUR * 3);
        assert_eq!(gauge.lifetime_energy_wh(), (5300, 7680));
        gauge.set_charged_energy(1_603_100);
        gauge.set_discharged_energy(850_400);
        gauge.count_energy(50_000, 72, Duration::from_secs(999));
        assert_eq!(gauge.lifetime_energy_wh(), (1_603_100, 850_400), "0.999 Wh more");
        gauge.count_energy(50_000, 72, Duration::from_secs(1));
        assert_eq!(gauge.lifetime_energy_wh(), (1_603_101, 850_400));
    }

    #[test]
    fn charge_is_counted_to_the_last_microsecond() {
        let mut gauge = Gauge::default();
        gauge.count(100_000, HOUR);
        assert_eq!(gauge.remaining_mah(), 240_000);
        for _ in 0..3600 {
            gauge.count(-33_333, Duration::from_millis(1001));
        }
        // 33.333 A for 3603.6 s are 33366.333 mAh.
        assert_eq!(gauge.remaining_mah(), 240_000 - 33_367);
        gauge.count(1, Duration::from_micros(3_599_999_999));
        assert_eq!(gauge.remaining_mah(), 240_000 - 33_366);
    }

    /// B-081: counting alone makes a pack neither full nor empty.
    #[test]
    fn counting_stops_short_of_full_and_empty() {
        let mut gauge = Gauge::default();
        gauge.count(5_000_000, HOUR);
        assert_eq!((gauge.soc_centipercent(), gauge.remaining_mah()), (9999, 280_000));
        gauge.count(-5_000_000, HOUR);
        assert_eq!((gauge.soc_centipercent(), gauge.remaining_mah()), (100, 2800));
        // What was set lower stays where it is, and rises from there.
        gauge.set_soc(50);
        gauge.count(-5_000_000, HOUR);
        assert_eq!(gauge.soc_centipercent(), 50);
        gauge.count(28_000, HOUR);
        assert_eq!(gauge.soc_centipercent(), 1050);
    }

    #[test]
    fn a_full_pack_is_full_until_something_is_taken_out() {
        let mut gauge = Gauge::default();
        gauge.find_full();
        gauge.count(100_000, HOUR);
        assert_eq!(gauge.soc_centipercent(), FULL);
        gauge.count(-1, Duration::from_micros(1));
        assert_eq!(gauge.soc_centipercent(), 9999);
    }

    #[test]
    fn a_cycle_is_a_full_capacity_taken_out() {
        let mut gauge = Gauge::default();
        for _ in 0..28 {
            gauge.count(-10_000, HOUR);
            gauge.count(10_000, HOUR);
        }
        assert_eq!(gauge.cycle_count, 13);
        gauge.cycle_count = u16::MAX;
        gauge.count(-280_000, HOUR);
        assert_eq!(gauge.cycle_count, u16::MAX);
    }

    ///
    #[test]
    fn the_capacity_is_learned_between_full_and_empty() {
        let mut gauge = Gauge::default();
        gauge.find_full();
        gauge.count(-280_000, HOUR);
        gauge.count(10_000, HOUR);
        gauge.find_empty();
        assert_eq!((gauge.full_mah(), gauge.soc_centipercent()), (270_000, 0));
        // Without having been full nothing is learned, nor after something was set.
        gauge.find_full();
        gauge.set_soc(9000);
        gauge.count(-250_000, HOUR);
        gauge.find_empty();
        assert_eq!(gauge.full_mah(), 270_000);
        // Half the rated capacity is no whole discharge.
        for (amperes, learned) in [
            (139_999, 270_000),
            (140_000, 140_000),
            (336_001, 140_000),
            (336_000, 336_000),
        ] {
            gauge.find_full();
            gauge.count(-amperes, HOUR);
            gauge.find_empty();
            assert_eq!(gauge.full_mah(), learned);
        }
    }
}
