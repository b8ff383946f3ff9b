//! Frames that the protocols of the Pylon and SMA families share (README 5.1).
//!
//! Everything is little-endian. Each function writes all eight bytes, whatever was in the buffer.

use core::ops::Range;

use crate::bank::{BankView, Extreme};
use crate::convert::{div_nearest, saturate_i16, saturate_u16};
use crate::flags::{self, Flag};
use crate::frame::CanFrame;
use crate::pack::cells::CELL_COUNT;
use crate::pack::sensors::CELL_SENSOR_COUNT;
use crate::protection::condition::Condition::{self, *};
use crate::protection::condition::ConditionSet;

/// Whether a frame is a 0x305, the acknowledge of the family: whatever its content, length or identifier format,
/// even a remote frame.
pub(crate) fn is_any_keepalive(frame: &CanFrame) -> bool {
    const KEEPALIVE: u32 = 0x305;

    frame.raw_id() == KEEPALIVE
}

/// Writes a number of 16 bits, low byte first; what does not fit becomes the nearest number that does.
pub(super) fn put_u16(data: &mut [u8; 8], field: Range<usize>, value: i64) {
    data[field].copy_from_slice(&saturate_u16(value).to_le_bytes());
}

/// The same for a number with a sign.
pub(super) fn put_i16(data: &mut [u8; 8], field: Range<usize>, value: i64) {
    data[field].copy_from_slice(&saturate_i16(value).to_le_bytes());
}

/// 0x351: limits (sheet pylon-can, A).
///
/// | bytes | field | type | unit |
/// |---|---|---|---|
/// | 0-1 | charge_voltage_limit | u16 | 0.1 V |
/// | 2-3 | charge_current_limit | i16 | 0.1 A |
/// | 4-5 | discharge_current_limit, positive | i16 | 0.1 A |
/// | 6-7 | discharge_voltage_limit | u16 | 0.1 V |
pub(crate) fn emit_limits(view: &BankView, data: &mut [u8; 8]) {
    const CHARGE_VOLTAGE: Range<usize> = 0..2;
    const CHARGE_CURRENT: Range<usize> = 2..4;
    const DISCHARGE_CURRENT: Range<usize> = 4..6;
    const DISCHARGE_VOLTAGE: Range<usize> = 6..8;

    put_u16(
        data,
        CHARGE_VOLTAGE,
        div_nearest(view.charge_voltage_limit_mv.into(), 100),
    );
    put_i16(data, CHARGE_CURRENT, view.charge_current_limit_deci_a.into());
    put_i16(data, DISCHARGE_CURRENT, view.discharge_current_limit_deci_a.into());
    put_u16(
        data,
        DISCHARGE_VOLTAGE,
        div_nearest(view.discharge_voltage_limit_mv.into(), 100),
    );
}

/// 0x355: state of charge and health (sheet pylon-can, A).
///
/// | bytes | field | type | unit |
/// |---|---|---|---|
/// | 0-1 | soc | u16 | % |
/// | 2-3 | soh | u16 | % |
/// | 4-7 | reserved, 0 | | |
pub(crate) fn emit_state_of_charge(view: &BankView, data: &mut [u8; 8]) {
    const SOC: Range<usize> = 0..2;
    const SOH: Range<usize> = 2..4;
    const RESERVED: Range<usize> = 4..8;

    put_u16(data, SOC, view.soc_percent.into());
    put_u16(data, SOH, view.soh_percent.into());
    data[RESERVED].fill(0);
}

/// 0x355 with the state of charge in 0.01 % beside it (sheet sma-can, A; README 5.1).
///
/// | bytes | field | type | unit |
/// |---|---|---|---|
/// | 0-1 | soc | u16 | % |
/// | 2-3 | soh | u16 | % |
/// | 4-5 | soc_high_res; never 0 while soc is not, since a listener may prefer it | u16 | 0.01 % |
/// | 6-7 | reserved, 0 | | |
pub(crate) fn emit_state_of_charge_high_res(view: &BankView, data: &mut [u8; 8]) {
    const SOC_HIGH_RES: Range<usize> = 4..6;

    emit_state_of_charge(view, data);
    let least = u16::from(view.soc_percent > 0);
    put_u16(data, SOC_HIGH_RES, view.soc_centipercent.max(least).into());
}

/// 0x356: measured values (sheet pylon-can, A; sign of the current B).
///
/// | bytes | field | type | unit |
/// |---|---|---|---|
/// | 0-1 | pack_voltage, mean of the packs | i16 | 0.01 V |
/// | 2-3 | pack_current, sum, positive = charging | i16 | 0.1 A |
/// | 4-5 | temperature, mean of the cells; 0 where no sensor is fitted | i16 | 0.1 degC |
/// | 6-7 | reserved, 0 | | |
pub(crate) fn emit_measurements(view: &BankView, data: &mut [u8; 8]) {
    const VOLTAGE: Range<usize> = 0..2;
    const CURRENT: Range<usize> = 2..4;
    const TEMPERATURE: Range<usize> = 4..6;
    const RESERVED: Range<usize> = 6..8;

    put_i16(data, VOLTAGE, div_nearest(view.pack_voltage_mv.into(), 10));
    put_i16(data, CURRENT, div_nearest(view.pack_current_ma.into(), 100));
    put_i16(
        data,
        TEMPERATURE,
        view.cell_temperature.map_or(0, |cells| cells.mean_deci_c.into()),
    );
    data[RESERVED].fill(0);
}

/// 0x356 in protocols where 0x8000 marks a value that is not available (sheet sma-can, A): as above, but a current
/// beyond the field stops one step before the mark.
pub(crate) fn emit_measurements_beside_marks(view: &BankView, data: &mut [u8; 8]) {
    const CURRENT: Range<usize> = 2..4;

    emit_measurements(view, data);
    let current = div_nearest(view.pack_current_ma.into(), 100).max(i64::from(i16::MIN) + 1);
    put_i16(data, CURRENT, current);
}

/// The places of 0x359 (README 3.6, column 0x359, with its substitutes in brackets).
const ALARM_BITS: &[Flag] = &[
    Flag::new(
        0,
        1,
        &[
            CellOverVoltageProtection,
            PackOverVoltageProtection,
            ChargerOverVoltageProtection,
        ],
    ),
    Flag::new(0, 2, &[CellUnderVoltageProtection, PackUnderVoltageProtection]),
    Flag::new(
        0,
        3,
        &[
            ChargeOverTemperatureProtection,
            DischargeOverTemperatureProtection,
            MosfetOverTemperatureProtection,
            AmbientOverTemperatureProtection,
        ],
    ),
    Flag::new(
        0,
        4,
        &[
            ChargeUnderTemperatureProtection,
            DischargeUnderTemperatureProtection,
            AmbientUnderTemperatureProtection,
        ],
    ),
    Flag::new(
        0,
        7,
        &[
            DischargeOverCurrentProtection,
            DischargeOverCurrent2Protection,
            ShortCircuitProtection,
        ],
    ),
    Flag::new(1, 0, &[ChargeOverCurrentProtection, ChargeOverCurrent2Protection]),
    Flag::new(
        1,
        3,
        &[
            ShortCircuitProtection,
            CellFault,
            ChargeMosfetFault,
            DischargeMosfetFault,
            TemperatureSensorFault,
            SamplingFault,
            SoftStartFault,
            SystemErrorFault,
        ],
    ),
    Flag::new(2, 1, &[CellOverVoltageAlarm, PackOverVoltageAlarm]),
    Flag::new(2, 2, &[CellUnderVoltageAlarm, PackUnderVoltageAlarm, LowSocAlarm]),
    Flag::new(
        2,
        3,
        &[
            ChargeOverTemperatureAlarm,
            DischargeOverTemperatureAlarm,
            MosfetOverTemperatureAlarm,
            AmbientOverTemperatureAlarm,
        ],
    ),
    Flag::new(
        2,
        4,
        &[
            ChargeUnderTemperatureAlarm,
            DischargeUnderTemperatureAlarm,
            AmbientUnderTemperatureAlarm,
        ],
    ),
    Flag::new(2, 7, &[DischargeOverCurrentAlarm]),
    Flag::new(3, 0, &[ChargeOverCurrentAlarm]),
    Flag::new(3, 3, &[InternalCommunicationAlarm]),
];

/// 0x359: protections and alarms as single bits (sheet pylon-can, A; which condition sets which bit: README 3.6, D).
///
/// | bytes | field |
/// |---|---|
/// | 0-1 | protections: 0.1 over-voltage, 0.2 under-voltage, 0.3 over-temperature, 0.4 under-temperature, 0.7 discharge over-current, 1.0 charge over-current, 1.3 system error |
/// | 2-3 | alarms in the same order; 3.3 internal communication |
/// | 4 | module_count |
/// | 5-6 | "PN" |
/// | 7 | reserved, 0 |
pub(crate) fn emit_alarm_bits(view: &BankView, data: &mut [u8; 8]) {
    const FLAGS: Range<usize> = 0..4;
    const MODULE_COUNT: usize = 4;
    const TAG: Range<usize> = 5..7;
    const RESERVED: usize = 7;

    flags::emit(ALARM_BITS, view.conditions, &mut data[FLAGS]);
    data[MODULE_COUNT] = view.module_count;
    data[TAG].copy_from_slice(b"PN");
    data[RESERVED] = 0;
}

/// The same with the imbalance of the cells as bit 4 of byte 3 (goodwe-can, ginlong-can; C). The library also has
/// bit 4 of byte 1, its protection, which an imbalance of this battery never is.
pub(crate) fn emit_alarm_bits_with_imbalance(view: &BankView, data: &mut [u8; 8]) {
    const ALARMS_2: usize = 3;
    const IMBALANCE: u8 = 1 << 4;

    emit_alarm_bits(view, data);
    if view.conditions.contains(CellImbalanceAlarm) {
        data[ALARMS_2] |= IMBALANCE;
    }
}

/// One pair of 0x35A: its number from 1, what sets it in the alarm half and what in the warning half.
struct AlarmPair {
    number: usize,
    protections: ConditionSet,
    alarms: ConditionSet,
}

const fn pair(number: usize, protections: &[Condition], alarms: &[Condition]) -> AlarmPair {
    AlarmPair {
        number,
        protections: ConditionSet::of(protections),
        alarms: ConditionSet::of(alarms),
    }
}

/// The places of 0x35A (README 3.6, column 0x35A); pairs 1 and 10 are never active.
const ALARM_PAIRS: &[AlarmPair] = &[
    pair(
        2,
        &[
            CellOverVoltageProtection,
            PackOverVoltageProtection,
            ChargerOverVoltageProtection,
        ],
        &[CellOverVoltageAlarm, PackOverVoltageAlarm],
    ),
    pair(
        3,
        &[CellUnderVoltageProtection, PackUnderVoltageProtection],
        &[CellUnderVoltageAlarm, PackUnderVoltageAlarm, LowSocAlarm],
    ),
    pair(
        4,
        &[
            DischargeOverTemperatureProtection,
            MosfetOverTemperatureProtection,
            AmbientOverTemperatureProtection,
        ],
        &[
            DischargeOverTemperatureAlarm,
            MosfetOverTemperatureAlarm,
            AmbientOverTemperatureAlarm,
        ],
    ),
    pair(
        5,
        &[DischargeUnderTemperatureProtection, AmbientUnderTemperatureProtection],
        &[DischargeUnderTemperatureAlarm, AmbientUnderTemperatureAlarm],
    ),
    pair(6, &[ChargeOverTemperatureProtection], &[ChargeOverTemperatureAlarm]),
    pair(7, &[ChargeUnderTemperatureProtection], &[ChargeUnderTemperatureAlarm]),
    pair(
        8,
        &[DischargeOverCurrentProtection, DischargeOverCurrent2Protection],
        &[DischargeOverCurrentAlarm],
    ),
    pair(
        9,
        &[ChargeOverCurrentProtection, ChargeOverCurrent2Protection],
        &[ChargeOverCurrentAlarm],
    ),
    pair(11, &[ShortCircuitProtection], &[]),
    pair(
        12,
        &[
            CellFault,
            ChargeMosfetFault,
            DischargeMosfetFault,
            TemperatureSensorFault,
            SamplingFault,
            SoftStartFault,
            SystemErrorFault,
        ],
        &[InternalCommunicationAlarm],
    ),
    pair(13, &[], &[CellImbalanceAlarm]),
];

/// 0x35A: the same events in pairs of bits (sheet pylon-can, B; inactive pairs are 00, Q-17).
///
/// | bytes | field |
/// |---|---|
/// | 0-3 | protections, pair n at byte (n - 1) / 4 from the low bits up; 01 = active |
/// | 4-7 | alarms, in the same order |
pub(crate) fn emit_alarm_pairs(view: &BankView, data: &mut [u8; 8]) {
    data.fill(0);
    mark_active_pairs(view, data);
}

/// 0x35A as SMA has it (sheet sma-can, A): an inactive pair says so, 10; the reserved pairs 14 to 16 are 00.
pub(crate) fn emit_explicit_alarm_pairs(view: &BankView, data: &mut [u8; 8]) {
    const ALL_INACTIVE: [u8; 4] = [0xAA, 0xAA, 0xAA, 0x02];

    data[..4].copy_from_slice(&ALL_INACTIVE);
    data[4..].copy_from_slice(&ALL_INACTIVE);
    mark_active_pairs(view, data);
}

fn mark_active_pairs(view: &BankView, data: &mut [u8; 8]) {
    const PROTECTIONS: usize = 0;
    const ALARMS: usize = 4;
    const MASK: u8 = 0b11;
    const ACTIVE: u8 = 0b01;

    for place in ALARM_PAIRS {
        let (byte, shift) = ((place.number - 1) / 4, (place.number - 1) % 4 * 2);
        for (half, set_by) in [(PROTECTIONS, place.protections), (ALARMS, place.alarms)] {
            if view.conditions.intersects(set_by) {
                data[half + byte] = data[half + byte] & !(MASK << shift) | ACTIVE << shift;
            }
        }
    }
}

/// 0x35C: requests (sheet pylon-can, A).
///
/// | bytes | field |
/// |---|---|
/// | 0 | bit 7 charge_enable, 6 discharge_enable, 5 force_charge_request_1, 4 force_charge_request_2, 3 full_charge_request |
/// | 1-7 | reserved, 0 |
pub(crate) fn emit_requests(view: &BankView, data: &mut [u8; 8]) {
    const FLAGS: usize = 0;
    const RESERVED: Range<usize> = 1..8;

    data[FLAGS] = u8::from(view.charge_enable) << 7
        | u8::from(view.discharge_enable) << 6
        | u8::from(view.requests.force_charge_1) << 5
        | u8::from(view.requests.force_charge_2) << 4
        | u8::from(view.requests.full_charge) << 3;
    data[RESERVED].fill(0);
}

/// The unit of temperature in frame 0x370, on which the sources differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CellExtremesVariant {
    /// Variant M: whole degrees Celsius, as in every capture.
    #[default]
    WholeDegrees,
    /// Variant S: 0.1 degC, as in the Seplos text.
    Tenths,
}

/// 0x370: extremes of the cells (sheet pylon-can, C; scale Q-23).
///
/// | bytes | field | type | unit |
/// |---|---|---|---|
/// | 0-1 | max_cell_temperature | i16 | 1 degC, or 0.1 degC in variant S |
/// | 2-3 | min_cell_temperature | i16 | the same |
/// | 4-5 | max_cell_voltage | u16 | 1 mV |
/// | 6-7 | min_cell_voltage | u16 | 1 mV |
pub(crate) fn emit_cell_extremes(view: &BankView, variant: CellExtremesVariant, data: &mut [u8; 8]) {
    const MAX_TEMPERATURE: Range<usize> = 0..2;
    const MIN_TEMPERATURE: Range<usize> = 2..4;
    const MAX_VOLTAGE: Range<usize> = 4..6;
    const MIN_VOLTAGE: Range<usize> = 6..8;

    let scale = |deci_c: i16| match variant {
        CellExtremesVariant::WholeDegrees => div_nearest(deci_c.into(), 10),
        CellExtremesVariant::Tenths => deci_c.into(),
    };
    put_i16(
        data,
        MAX_TEMPERATURE,
        view.cell_temperature.map_or(0, |cells| scale(cells.max.value)),
    );
    put_i16(
        data,
        MIN_TEMPERATURE,
        view.cell_temperature.map_or(0, |cells| scale(cells.min.value)),
    );
    put_u16(data, MAX_VOLTAGE, view.max_cell_voltage_mv.value.into());
    put_u16(data, MIN_VOLTAGE, view.min_cell_voltage_mv.value.into());
}

/// 0x371: where the extremes are, in numbers from 1 that run through the packs (sheet pylon-can, C; Q-21).
///
/// | bytes | field | type |
/// |---|---|---|
/// | 0-1 | max_cell_temperature_number | u16 |
/// | 2-3 | min_cell_temperature_number | u16 |
/// | 4-5 | max_cell_voltage_number | u16 |
/// | 6-7 | min_cell_voltage_number | u16 |
pub(crate) fn emit_cell_extreme_numbers(view: &BankView, data: &mut [u8; 8]) {
    const MAX_TEMPERATURE: Range<usize> = 0..2;
    const MIN_TEMPERATURE: Range<usize> = 2..4;
    const MAX_VOLTAGE: Range<usize> = 4..6;
    const MIN_VOLTAGE: Range<usize> = 6..8;

    let sensor = |extreme: Extreme<i16>| i64::from(extreme.running_number(CELL_SENSOR_COUNT));
    put_u16(
        data,
        MAX_TEMPERATURE,
        view.cell_temperature.map_or(0, |cells| sensor(cells.max)),
    );
    put_u16(
        data,
        MIN_TEMPERATURE,
        view.cell_temperature.map_or(0, |cells| sensor(cells.min)),
    );
    put_u16(
        data,
        MAX_VOLTAGE,
        view.max_cell_voltage_mv.running_number(CELL_COUNT).into(),
    );
    put_u16(
        data,
        MIN_VOLTAGE,
        view.min_cell_voltage_mv.running_number(CELL_COUNT).into(),
    );
}

/// 0x372: modules (Victron's layout; sheet pylon-can, C).
///
/// | bytes | field | type |
/// |---|---|---|
/// | 0-1 | module_count | u16 |
/// | 2-3 | modules_blocking_charge | u16 |
/// | 4-5 | modules_blocking_discharge | u16 |
/// | 6-7 | modules_offline | u16 |
pub(crate) fn emit_modules(view: &BankView, data: &mut [u8; 8]) {
    const ONLINE: Range<usize> = 0..2;
    const BLOCKING_CHARGE: Range<usize> = 2..4;
    const BLOCKING_DISCHARGE: Range<usize> = 4..6;
    const OFFLINE: Range<usize> = 6..8;

    put_u16(data, ONLINE, view.module_count.into());
    put_u16(data, BLOCKING_CHARGE, view.modules_blocking_charge.into());
    put_u16(data, BLOCKING_DISCHARGE, view.modules_blocking_discharge.into());
    put_u16(data, OFFLINE, view.modules_offline.into());
}

/// 0x373: extremes of the cells (Victron's layout; sheet pylon-can, C).
///
/// | bytes | field | type | unit |
/// |---|---|---|---|
/// | 0-1 | min_cell_voltage | u16 | 1 mV |
/// | 2-3 | max_cell_voltage | u16 | 1 mV |
/// | 4-5 | min_cell_temperature; 0 where no sensor is fitted | u16 | 1 K, 0 degC = 273 |
/// | 6-7 | max_cell_temperature | u16 | the same |
pub(crate) fn emit_cell_extremes_kelvin(view: &BankView, data: &mut [u8; 8]) {
    const MIN_VOLTAGE: Range<usize> = 0..2;
    const MAX_VOLTAGE: Range<usize> = 2..4;
    const MIN_TEMPERATURE: Range<usize> = 4..6;
    const MAX_TEMPERATURE: Range<usize> = 6..8;

    let kelvin = |deci_c: i16| div_nearest(deci_c.into(), 10) + 273;
    put_u16(data, MIN_VOLTAGE, view.min_cell_voltage_mv.value.into());
    put_u16(data, MAX_VOLTAGE, view.max_cell_voltage_mv.value.into());
    put_u16(
        data,
        MIN_TEMPERATURE,
        view.cell_temperature.map_or(0, |cells| kelvin(cells.min.value)),
    );
    put_u16(
        data,
        MAX_TEMPERATURE,
        view.cell_temperature.map_or(0, |cells| kelvin(cells.max.value)),
    );
}

/// 0x374 to 0x377: where an extreme is, as text filled with zero bytes (sheet victron-can, C): `P02C12`.
///
/// `kind` is `C` for a cell and `T` for a temperature sensor.
pub(crate) fn emit_place<T>(place: Option<Extreme<T>>, kind: u8, data: &mut [u8; 8]) {
    data.fill(0);
    let Some(place) = place else { return };
    let digits = |number: u8| [b'0' + number / 10 % 10, b'0' + number % 10];
    let ([p1, p0], [i1, i0]) = (digits(place.pack), digits(place.index));
    data[..6].copy_from_slice(&[b'P', p1, p0, kind, i1, i0]);
}

/// 0x379: rated capacity of the packs online (sheet pylon-can, A by Sol-Ark; Q-39).
///
/// | bytes | field | type | unit |
/// |---|---|---|---|
/// | 0-1 | design_capacity | u16 | 1 Ah |
/// | 2-7 | reserved, 0 | | |
pub(crate) fn emit_installed_capacity(view: &BankView, data: &mut [u8; 8]) {
    const CAPACITY: Range<usize> = 0..2;
    const RESERVED: Range<usize> = 2..8;

    put_u16(data, CAPACITY, div_nearest(view.design_capacity_mah.into(), 1000));
    data[RESERVED].fill(0);
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// What `emit` writes; fails when a byte keeps what was in the buffer before.
    #[track_caller]
    pub(crate) fn written(emit: impl Fn(&mut [u8; 8])) -> [u8; 8] {
        let (mut one, mut other) = ([0xA5; 8], [0x5A; 8]);
        emit(&mut one);
        emit(&mut other);
        assert_eq!(one, other, "a byte is left unwritten");
        one
    }

    fn with(change: impl FnOnce(&mut BankView)) -> BankView {
        let mut view = BankView::example();
        change(&mut view);
        view
    }

    fn two_modules(conditions: &[Condition]) -> BankView {
        with(|view| (view.module_count, view.conditions) = (2, ConditionSet::of(conditions).with_implied_alarms()))
    }

    #[test]
    fn limits() {
        // P-S1, P-S18.
        let mut view = with(|view| {
            (view.charge_current_limit_deci_a, view.discharge_current_limit_deci_a) = (2000, 2800);
        });
        assert_eq!(
            written(|data| emit_limits(&view, data)),
            [0x40, 2, 0xD0, 7, 0xF0, 0x0A, 0xC0, 1]
        );
        view.charge_current_limit_deci_a = 0;
        assert_eq!(
            written(|data| emit_limits(&view, data)),
            [0x40, 2, 0, 0, 0xF0, 0x0A, 0xC0, 1]
        );
        view.charge_current_limit_deci_a = 40_000;
        assert_eq!(written(|data| emit_limits(&view, data))[2..4], [0xFF, 0x7F]);
    }

    #[test]
    fn state_of_charge() {
        // P-S2.
        let view = with(|view| (view.soc_percent, view.soh_percent) = (76, 99));
        assert_eq!(
            written(|data| emit_state_of_charge(&view, data)),
            [0x4C, 0, 0x63, 0, 0, 0, 0, 0]
        );
    }

    #[test]
    fn state_of_charge_in_hundredths() {
        let with_soc = |percent, centipercent| {
            let view = with(|view| {
                (view.soc_percent, view.soc_centipercent, view.soh_percent) = (percent, centipercent, 99);
            });
            written(|data| emit_state_of_charge_high_res(&view, data))
        };
        // T-S2 of sheet studer-can.
        assert_eq!(with_soc(76, 7642), [0x4C, 0, 0x63, 0, 0xDA, 0x1D, 0, 0]);
        assert_eq!(with_soc(100, 10_000), [0x64, 0, 0x63, 0, 0x10, 0x27, 0, 0]);
        assert_eq!(with_soc(1, 0), [1, 0, 0x63, 0, 1, 0, 0, 0]);
        assert_eq!(with_soc(0, 0), [0, 0, 0x63, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn measurements() {
        let measured = |millivolts, milliamperes, deci_c| {
            let view = with(|view| {
                (view.pack_voltage_mv, view.pack_current_ma) = (millivolts, milliamperes);
                view.cell_temperature = view.cell_temperature.map(|cells| crate::bank::Temperatures {
                    mean_deci_c: deci_c,
                    ..cells
                });
            });
            written(|data| emit_measurements(&view, data))
        };
        // P-S3, P-S17, P-A4, P-C3, P-E3.
        assert_eq!(measured(53_240, -37_500, 246), [0xCC, 0x14, 0x89, 0xFE, 0xF6, 0, 0, 0]);
        assert_eq!(
            measured(44_100, -280_000, -125),
            [0x3A, 0x11, 0x10, 0xF5, 0x83, 0xFF, 0, 0]
        );
        assert_eq!(measured(48_660, 0, 330)[..6], [0x02, 0x13, 0, 0, 0x4A, 0x01]);
        assert_eq!(measured(57_080, 0, 308), [0x4C, 0x16, 0, 0, 0x34, 1, 0, 0]);
        assert_eq!(measured(52_190, -24_100, 235)[..6], [0x63, 0x14, 0x0F, 0xFF, 0xEB, 0]);
        // Nearest, halves away from zero; then saturation instead of a wrap.
        assert_eq!(measured(53_245, -37_550, 0)[..4], [0xCD, 0x14, 0x88, 0xFE]);
        assert_eq!(measured(400_000, 3_300_000, 0)[..4], [0xFF, 0x7F, 0xFF, 0x7F]);
        assert_eq!(measured(0, -3_300_000, 0)[..4], [0, 0, 0, 0x80]);
    }

    #[test]
    fn a_mark_is_no_current() {
        let current = |milliamperes| {
            let view = with(|view| view.pack_current_ma = milliamperes);
            let data = written(|data| emit_measurements_beside_marks(&view, data));
            [data[2], data[3]]
        };
        assert_eq!(current(-37_500), [0x89, 0xFE]); // T-S3 of sheet studer-can
        assert_eq!(current(-3_276_700), [0x01, 0x80]);
        assert_eq!(current(-3_276_800), [0x01, 0x80]);
        assert_eq!(current(-20_000_000), [0x01, 0x80]);
        assert_eq!(current(20_000_000), [0xFF, 0x7F]);
    }

    #[test]
    fn no_temperature_is_zero() {
        let view = with(|view| view.cell_temperature = None);
        assert_eq!(written(|data| emit_measurements(&view, data))[4..6], [0, 0]);
        assert_eq!(
            written(|data| emit_cell_extremes(&view, CellExtremesVariant::WholeDegrees, data))[..4],
            [0; 4]
        );
        assert_eq!(written(|data| emit_cell_extreme_numbers(&view, data))[..4], [0; 4]);
        assert_eq!(written(|data| emit_cell_extremes_kelvin(&view, data))[4..], [0; 4]);
        assert_eq!(written(|data| emit_place::<u16>(None, b'C', data)), [0; 8]);
    }

    #[test]
    fn alarm_bits_of_the_sheet() {
        let cases: [(&[Condition], [u8; 4]); 8] = [
            (&[], [0, 0, 0, 0]),                                             // P-S4
            (&[CellOverVoltageProtection], [0x02, 0, 0x02, 0]),              // P-S7
            (&[CellUnderVoltageProtection], [0x04, 0, 0x04, 0]),             // P-S8
            (&[DischargeOverCurrentProtection], [0x80, 0, 0x80, 0]),         // P-S9
            (&[ChargeOverCurrentProtection], [0, 0x01, 0, 0x01]),            // P-S10
            (&[ChargeOverTemperatureProtection], [0x08, 0, 0x08, 0]),        // P-S11
            (&[ChargeUnderTemperatureProtection], [0x10, 0, 0x10, 0]),       // P-S12
            (&[SystemErrorFault, InternalCommunicationAlarm], [0, 8, 0, 8]), // P-S13
        ];
        for (conditions, flags) in cases {
            let view = two_modules(conditions);
            let data = written(|data| emit_alarm_bits(&view, data));
            assert_eq!(data[..4], flags, "{conditions:?}");
            assert_eq!(data[4..], [2, 0x50, 0x4E, 0]);
        }
    }

    /// Every condition alone: where README 3.6 puts it in 0x359 (flags) and in 0x35A (alarm half, warning half).
    #[test]
    fn every_condition_has_its_place() {
        // Pair n active: 01 in bits 2n-2 and 2n-1 of the 32-bit half, low byte first.
        let pair = |number: u32| 1u32 << (2 * (number - 1));
        let places: [(&[Condition], u32, u32, u32); 24] = [
            (&[CellOverVoltageAlarm, PackOverVoltageAlarm], 0x0002_0000, 0, pair(2)),
            (
                &[CellUnderVoltageAlarm, PackUnderVoltageAlarm, LowSocAlarm],
                0x0004_0000,
                0,
                pair(3),
            ),
            (&[ChargeOverCurrentAlarm], 0x0100_0000, 0, pair(9)),
            (&[DischargeOverCurrentAlarm], 0x0080_0000, 0, pair(8)),
            (&[ChargeOverTemperatureAlarm], 0x0008_0000, 0, pair(6)),
            (
                &[
                    DischargeOverTemperatureAlarm,
                    MosfetOverTemperatureAlarm,
                    AmbientOverTemperatureAlarm,
                ],
                0x0008_0000,
                0,
                pair(4),
            ),
            (&[ChargeUnderTemperatureAlarm], 0x0010_0000, 0, pair(7)),
            (
                &[DischargeUnderTemperatureAlarm, AmbientUnderTemperatureAlarm],
                0x0010_0000,
                0,
                pair(5),
            ),
            (&[CellImbalanceAlarm], 0, 0, pair(13)),
            (&[TemperatureImbalanceAlarm], 0, 0, 0),
            (&[InternalCommunicationAlarm], 0x0800_0000, 0, pair(12)),
            (
                &[CellOverVoltageProtection, PackOverVoltageProtection],
                0x0002_0002,
                pair(2),
                pair(2),
            ),
            (&[ChargerOverVoltageProtection], 0x0000_0002, pair(2), 0),
            (
                &[CellUnderVoltageProtection, PackUnderVoltageProtection],
                0x0004_0004,
                pair(3),
                pair(3),
            ),
            (
                &[ChargeOverCurrentProtection, ChargeOverCurrent2Protection],
                0x0100_0100,
                pair(9),
                pair(9),
            ),
            (
                &[DischargeOverCurrentProtection, DischargeOverCurrent2Protection],
                0x0080_0080,
                pair(8),
                pair(8),
            ),
            (&[ShortCircuitProtection], 0x0000_0880, pair(11), 0),
            (&[ChargeOverTemperatureProtection], 0x0008_0008, pair(6), pair(6)),
            (
                &[
                    DischargeOverTemperatureProtection,
                    MosfetOverTemperatureProtection,
                    AmbientOverTemperatureProtection,
                ],
                0x0008_0008,
                pair(4),
                pair(4),
            ),
            (&[ChargeUnderTemperatureProtection], 0x0010_0010, pair(7), pair(7)),
            (
                &[DischargeUnderTemperatureProtection, AmbientUnderTemperatureProtection],
                0x0010_0010,
                pair(5),
                pair(5),
            ),
            (
                &[
                    CellFault,
                    ChargeMosfetFault,
                    DischargeMosfetFault,
                    TemperatureSensorFault,
                ],
                0x0000_0800,
                pair(12),
                0,
            ),
            (&[SamplingFault, SoftStartFault], 0x0000_0800, pair(12), 0),
            (&[SystemErrorFault], 0x0000_0800, pair(12), 0),
        ];
        let listed = places.iter().flat_map(|(conditions, ..)| conditions.iter()).count();
        assert_eq!(listed, Condition::ALL.len(), "every condition is listed once");
        for (conditions, flags, protections, warnings) in places {
            for condition in conditions {
                let view = two_modules(&[*condition]);
                let bits = written(|data| emit_alarm_bits(&view, data));
                assert_eq!(bits[..4], flags.to_le_bytes(), "{} in 0x359", condition.name());
                let pairs = written(|data| emit_alarm_pairs(&view, data));
                assert_eq!(pairs[..4], protections.to_le_bytes(), "{} in 0x35A", condition.name());
                assert_eq!(pairs[4..], warnings.to_le_bytes(), "{} in 0x35A", condition.name());
                // 01 where a pair is active, otherwise 10; T-S4 to T-S7 of sheet studer-can.
                let explicit = |active: u32| (0x02AA_AAAA & !(active << 1) | active).to_le_bytes();
                let pairs = written(|data| emit_explicit_alarm_pairs(&view, data));
                assert_eq!(pairs[..4], explicit(protections), "{} in 0x35A", condition.name());
                assert_eq!(pairs[4..], explicit(warnings), "{} in 0x35A", condition.name());
            }
        }
    }

    #[test]
    fn requests() {
        let flags = |charge_enable, discharge_enable, force_charge_1, force_charge_2, full_charge| {
            let requests = crate::limits::Requests {
                force_charge_1,
                force_charge_2,
                full_charge,
            };
            let view = with(|view| {
                (view.charge_enable, view.discharge_enable, view.requests) =
                    (charge_enable, discharge_enable, requests);
            });
            let data = written(|data| emit_requests(&view, data));
            assert_eq!(data[1..], [0; 7]);
            data[0]
        };
        assert_eq!(flags(true, true, false, false, false), 0xC0); // P-S5
        assert_eq!(flags(false, true, false, false, false), 0x40); // P-S14
        assert_eq!(flags(true, false, true, true, false), 0xB0); // P-S15
        assert_eq!(flags(true, true, false, false, true), 0xC8); // P-S16
        assert_eq!(flags(true, true, false, true, false), 0xD0);
        assert_eq!(flags(true, true, true, false, false), 0xE0);
    }

    fn extremes(max: (u16, u8), min: (u16, u8), max_t: (i16, u8), min_t: (i16, u8)) -> BankView {
        let cell = |(value, index)| Extreme { value, pack: 1, index };
        let sensor = |(value, index)| Extreme { value, pack: 1, index };
        with(|view| {
            (view.max_cell_voltage_mv, view.min_cell_voltage_mv) = (cell(max), cell(min));
            view.cell_temperature = Some(crate::bank::Temperatures {
                mean_deci_c: 0,
                max: sensor(max_t),
                min: sensor(min_t),
            });
        })
    }

    #[test]
    fn cell_extremes_and_their_numbers() {
        use CellExtremesVariant::{Tenths, WholeDegrees};

        // P-C6, P-C7: a capture in whole degrees.
        let view = extremes((3570, 1), (3567, 5), (308, 4), (302, 3));
        let whole = written(|data| emit_cell_extremes(&view, WholeDegrees, data));
        assert_eq!(whole, [0x1F, 0, 0x1E, 0, 0xF2, 0x0D, 0xEF, 0x0D]);
        let tenths = written(|data| emit_cell_extremes(&view, Tenths, data));
        assert_eq!(tenths, [0x34, 1, 0x2E, 1, 0xF2, 0x0D, 0xEF, 0x0D]);
        let numbers = written(|data| emit_cell_extreme_numbers(&view, data));
        assert_eq!(numbers, [4, 0, 3, 0, 1, 0, 5, 0]);

        let cold = extremes((3300, 1), (3300, 1), (-5, 1), (-125, 1));
        let whole = written(|data| emit_cell_extremes(&cold, WholeDegrees, data));
        assert_eq!(whole[..4], [0xFF, 0xFF, 0xF3, 0xFF]);
    }

    #[test]
    fn victron_layout() {
        // V-A10, V-A11 and V-S24 of sheet victron-can.
        let view = with(|view| {
            view.module_count = 2;
            (view.modules_blocking_charge, view.modules_blocking_discharge) = (2, 1);
        });
        assert_eq!(written(|data| emit_modules(&view, data)), [2, 0, 2, 0, 1, 0, 0, 0]);
        let view = extremes((3329, 1), (3306, 1), (170, 1), (140, 1));
        let data = written(|data| emit_cell_extremes_kelvin(&view, data));
        assert_eq!(data, [0xEA, 0x0C, 0x01, 0x0D, 0x1F, 1, 0x22, 1]);
        let place = Extreme {
            value: 3324,
            pack: 2,
            index: 12,
        };
        assert_eq!(&written(|data| emit_place(Some(place), b'C', data)), b"P02C12\0\0");
        let place = Extreme {
            value: 3324,
            pack: 10,
            index: 10,
        };
        assert_eq!(&written(|data| emit_place(Some(place), b'C', data)), b"P10C10\0\0");
    }

    #[test]
    fn installed_capacity() {
        // V-S27: 560 Ah.
        let view = with(|view| view.design_capacity_mah = 560_000);
        assert_eq!(
            written(|data| emit_installed_capacity(&view, data)),
            [0x30, 2, 0, 0, 0, 0, 0, 0]
        );
    }
}
