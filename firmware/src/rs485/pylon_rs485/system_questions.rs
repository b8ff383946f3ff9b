//! INFO of the replies about the whole bank: 60, 61, 62, 63.
//!
//! Everything is high byte first.

use core::ops::Range;

use super::kelvin;
use crate::bank::{BankView, Extreme, Temperatures};
use crate::config::Config;
use crate::convert::{div_nearest, saturate_i16, saturate_u16};
use crate::flags::{self, Flag};
use crate::protection::condition::Condition::*;

/// 60: who made the bank; the serial number of each pack follows.
///
/// | offset | field | type |
/// |---|---|---|
/// | 0-9 | battery_name | ASCII, filled with 00 |
/// | 10-29 | manufacturer_name | ASCII, filled with 00 |
/// | 30-31 | software_version | u16 |
/// | 32 | module_count | u8 |
pub(crate) fn information(view: &BankView, config: &Config) -> [u8; 33] {
    const NAME: Range<usize> = 0..10;
    const MANUFACTURER: Range<usize> = 10..30;
    const VERSION: Range<usize> = 30..32;
    const MODULE_COUNT: usize = 32;

    let mut info = [0; 33];
    info[NAME].copy_from_slice(&config.pylon_rs485.device_name);
    info[MANUFACTURER].copy_from_slice(&config.pylon_rs485.manufacturer_name);
    info[VERSION].copy_from_slice(&config.identity.software_version);
    info[MODULE_COUNT] = view.module_count;
    info
}

/// 61: the measurements of the bank.
///
/// | offset | field | type | unit |
/// |---|---|---|---|
/// | 0 | pack_voltage, mean | u16 | 1 mV |
/// | 2 | pack_current, sum, positive = charging | i16 | 0.01 A |
/// | 4 | soc | u8 | % |
/// | 5 | average_cycles | u16 | |
/// | 7 | cycle_count, the highest | u16 | |
/// | 9 | soh, mean | u8 | % |
/// | 10 | minimum_soh | u8 | % |
/// | 11, 13 | max_cell_voltage and its module | u16, u16 | 1 mV, ADR |
/// | 15, 17 | min_cell_voltage and its module | u16, u16 | 1 mV, ADR |
/// | 19 | temperature, mean of the cells | u16 | 0.1 K |
/// | 21, 23 | max_cell_temperature and its module | u16, u16 | 0.1 K, ADR |
/// | 25, 27 | min_cell_temperature and its module | u16, u16 | 0.1 K, ADR |
/// | 29..38 | the same five of the MOSFETs | | |
/// | 39..48 | the same five of the surroundings ("BMS") | | |
///
/// The module fields hold the ADR of the pack in the group that was asked (sheet, Disagreements 4). A temperature
/// that no pack measures is FFFF with all its companions.
pub(crate) fn analog(view: &BankView, adr: u8) -> [u8; 49] {
    let mut info = [0; 49];
    emit_analog(view, adr, &mut info);
    info
}

fn emit_analog(view: &BankView, adr: u8, info: &mut [u8; 49]) {
    const VOLTAGE: Range<usize> = 0..2;
    const CURRENT: Range<usize> = 2..4;
    const SOC: usize = 4;
    const AVERAGE_CYCLES: Range<usize> = 5..7;
    const CYCLES: Range<usize> = 7..9;
    const SOH: usize = 9;
    const MIN_SOH: usize = 10;
    const MAX_CELL: Range<usize> = 11..15;
    const MIN_CELL: Range<usize> = 15..19;
    const CELL_TEMPERATURES: Range<usize> = 19..29;
    const MOSFET_TEMPERATURES: Range<usize> = 29..39;
    const BMS_TEMPERATURES: Range<usize> = 39..49;

    info[VOLTAGE].copy_from_slice(&saturate_u16(view.pack_voltage_mv.into()).to_be_bytes());
    info[CURRENT].copy_from_slice(&saturate_i16(div_nearest(view.pack_current_ma.into(), 10)).to_be_bytes());
    info[SOC] = view.soc_percent;
    info[AVERAGE_CYCLES].copy_from_slice(&view.average_cycle_count.to_be_bytes());
    info[CYCLES].copy_from_slice(&view.cycle_count.to_be_bytes());
    info[SOH] = view.soh_percent;
    info[MIN_SOH] = view.min_soh_percent;
    info[MAX_CELL].copy_from_slice(&with_module(
        view.max_cell_voltage_mv.value.to_be_bytes(),
        view.max_cell_voltage_mv,
        view,
        adr,
    ));
    info[MIN_CELL].copy_from_slice(&with_module(
        view.min_cell_voltage_mv.value.to_be_bytes(),
        view.min_cell_voltage_mv,
        view,
        adr,
    ));
    info[CELL_TEMPERATURES].copy_from_slice(&temperatures(view.cell_temperature, view, adr));
    info[MOSFET_TEMPERATURES].copy_from_slice(&temperatures(view.mosfet_temperature, view, adr));
    info[BMS_TEMPERATURES].copy_from_slice(&temperatures(view.ambient_temperature, view, adr));
}

/// A value, then the ADR of its pack in the group that was asked.
fn with_module<T>([high, low]: [u8; 2], place: Extreme<T>, view: &BankView, adr: u8) -> [u8; 4] {
    [high, low, 0, (adr & 0xF0) | (view.address_of(place.pack) + 1)]
}

/// Mean, maximum with module, minimum with module; all FFFF where nothing is measured.
fn temperatures(temperatures: Option<Temperatures>, view: &BankView, adr: u8) -> [u8; 10] {
    let Some(Temperatures { mean_deci_c, max, min }) = temperatures else {
        return [0xFF; 10];
    };
    let [mean_high, mean_low] = kelvin(Some(mean_deci_c));
    let [a, b, c, d] = with_module(kelvin(Some(max.value)), max, view, adr);
    let [e, f, g, h] = with_module(kelvin(Some(min.value)), min, view, adr);
    [mean_high, mean_low, a, b, c, d, e, f, g, h]
}

/// The places of 62 (README 3.6, column PYR 62, with its substitutes in brackets).
const ALARM_BITS: &[Flag] = &[
    Flag::new(0, 7, &[PackOverVoltageAlarm]),
    Flag::new(0, 6, &[PackUnderVoltageAlarm]),
    Flag::new(0, 5, &[CellOverVoltageAlarm]),
    Flag::new(0, 4, &[CellUnderVoltageAlarm]),
    Flag::new(
        0,
        3,
        &[
            ChargeOverTemperatureAlarm,
            DischargeOverTemperatureAlarm,
            AmbientOverTemperatureAlarm,
        ],
    ),
    Flag::new(
        0,
        2,
        &[
            ChargeUnderTemperatureAlarm,
            DischargeUnderTemperatureAlarm,
            AmbientUnderTemperatureAlarm,
        ],
    ),
    Flag::new(0, 1, &[MosfetOverTemperatureAlarm]),
    Flag::new(0, 0, &[CellImbalanceAlarm]),
    Flag::new(1, 7, &[TemperatureImbalanceAlarm]),
    Flag::new(1, 6, &[ChargeOverCurrentAlarm]),
    Flag::new(1, 5, &[DischargeOverCurrentAlarm]),
    Flag::new(1, 4, &[InternalCommunicationAlarm]),
    Flag::new(2, 7, &[PackOverVoltageProtection, ChargerOverVoltageProtection]),
    Flag::new(2, 6, &[PackUnderVoltageProtection]),
    Flag::new(2, 5, &[CellOverVoltageProtection]),
    Flag::new(2, 4, &[CellUnderVoltageProtection]),
    Flag::new(
        2,
        3,
        &[
            ChargeOverTemperatureProtection,
            DischargeOverTemperatureProtection,
            AmbientOverTemperatureProtection,
        ],
    ),
    Flag::new(
        2,
        2,
        &[
            ChargeUnderTemperatureProtection,
            DischargeUnderTemperatureProtection,
            AmbientUnderTemperatureProtection,
        ],
    ),
    Flag::new(2, 1, &[MosfetOverTemperatureProtection]),
    Flag::new(3, 6, &[ChargeOverCurrentProtection, ChargeOverCurrent2Protection]),
    Flag::new(
        3,
        5,
        &[
            DischargeOverCurrentProtection,
            DischargeOverCurrent2Protection,
            ShortCircuitProtection,
        ],
    ),
    Flag::new(
        3,
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
];

/// 62: alarms and protections of the bank.
///
/// | offset | field |
/// |---|---|
/// | 0 | alarms: 7 pack over-, 6 pack under-, 5 cell over-, 4 cell under-voltage, 3 over-, 2 under-temperature, 1 MOSFET, 0 cell imbalance |
/// | 1 | alarms: 7 temperature imbalance, 6 charge, 5 discharge over-current, 4 internal communication |
/// | 2 | protections: 7 to 1 as byte 0 |
/// | 3 | protections: 6 charge, 5 discharge over-current, 3 system error |
pub(crate) fn alarms(view: &BankView) -> [u8; 4] {
    let mut info = [0; 4];
    flags::emit(ALARM_BITS, view.conditions, &mut info);
    info
}

/// 63: what the bank allows and asks for. There is no command byte, and bit 4 is not that of 92.
///
/// | offset | field | type | unit |
/// |---|---|---|---|
/// | 0-1 | charge_voltage_limit | u16 | 1 mV |
/// | 2-3 | discharge_voltage_limit | u16 | 1 mV |
/// | 4-5 | charge_current_limit | i16 | 0.1 A |
/// | 6-7 | discharge_current_limit, positive unless `negative_discharge` | i16 | 0.1 A |
/// | 8 | status: 7 charge_enable, 6 discharge_enable, 5 force_charge_request, 4 full_charge_request | | |
pub(crate) fn management(view: &BankView, negative_discharge: bool) -> [u8; 9] {
    let mut info = [0; 9];
    emit_management(view, negative_discharge, &mut info);
    info
}

fn emit_management(view: &BankView, negative_discharge: bool, info: &mut [u8; 9]) {
    const CHARGE_VOLTAGE: Range<usize> = 0..2;
    const DISCHARGE_VOLTAGE: Range<usize> = 2..4;
    const CHARGE_CURRENT: Range<usize> = 4..6;
    const DISCHARGE_CURRENT: Range<usize> = 6..8;
    const STATUS: usize = 8;

    let discharge = i64::from(view.discharge_current_limit_deci_a);
    let discharge = saturate_i16(if negative_discharge { -discharge } else { discharge });
    let charge = saturate_i16(view.charge_current_limit_deci_a.into());
    let force_charge = view.requests.force_charge_1 || view.requests.force_charge_2;
    info[CHARGE_VOLTAGE].copy_from_slice(&view.charge_voltage_limit_mv.to_be_bytes());
    info[DISCHARGE_VOLTAGE].copy_from_slice(&view.discharge_voltage_limit_mv.to_be_bytes());
    info[CHARGE_CURRENT].copy_from_slice(&charge.to_be_bytes());
    info[DISCHARGE_CURRENT].copy_from_slice(&discharge.to_be_bytes());
    info[STATUS] = u8::from(view.charge_enable) << 7
        | u8::from(view.discharge_enable) << 6
        | u8::from(force_charge) << 5
        | u8::from(view.requests.full_charge) << 4;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protection::condition::{Condition, ConditionSet};
    use crate::rs485::pylon_rs485::tests::{hex, written};

    fn place<T>(value: T, pack: u8) -> Extreme<T> {
        Extreme { value, pack, index: 1 }
    }

    fn temperatures(mean: i16, max: (i16, u8), min: (i16, u8)) -> Option<Temperatures> {
        Some(Temperatures {
            mean_deci_c: mean,
            max: place(max.0, max.1),
            min: place(min.0, min.1),
        })
    }

    /// The bank of vector K30; its mean health and lowest health cannot both be from one bank under the rounding
    /// rule, so it proves coding only.
    fn four_packs() -> BankView {
        BankView {
            module_count: 4,
            pack_voltage_mv: 53_300,
            pack_current_ma: -182_400,
            soc_percent: 70,
            average_cycle_count: 123,
            cycle_count: 131,
            soh_percent: 100,
            min_soh_percent: 99,
            max_cell_voltage_mv: place(3335, 1),
            min_cell_voltage_mv: place(3325, 2),
            cell_temperature: temperatures(252, (260, 1), (245, 1)),
            mosfet_temperature: temperatures(280, (291, 3), (273, 4)),
            ambient_temperature: temperatures(310, (315, 1), (300, 2)),
            ..BankView::example()
        }
    }

    #[test]
    fn measurements_of_a_bank() {
        let emit = |view: &BankView, adr| written(|info| emit_analog(view, adr, info));
        let expected = hex(
            "D034 B8C0 46 007B 0083 64 63 0D07 0012 0CFD 0013 0BA7 0BAF 0012 0BA0 0012 \
             0BC3 0BCE 0014 0BBC 0015 0BE1 0BE6 0012 0BD7 0013",
        );
        assert_eq!(emit(&four_packs(), 0x12)[..], expected[..]); // K30

        // K32, asked at the master's other address.
        let one = BankView {
            pack_voltage_mv: 55_200,
            pack_current_ma: 350,
            soc_percent: 100,
            cycle_count: 123,
            min_soh_percent: 100,
            max_cell_voltage_mv: place(3460, 1),
            min_cell_voltage_mv: place(3440, 1),
            mosfet_temperature: temperatures(280, (291, 1), (273, 1)),
            ambient_temperature: temperatures(310, (315, 1), (300, 1)),
            ..four_packs()
        };
        let expected = hex(
            "D7A0 0023 64 007B 007B 64 64 0D84 0002 0D70 0002 0BA7 0BAF 0002 0BA0 0002 \
             0BC3 0BCE 0002 0BBC 0002 0BE1 0BE6 0002 0BD7 0002",
        );
        assert_eq!(emit(&one, 0x02)[..], expected[..]);
    }

    #[test]
    fn current_is_clamped_at_both_ends() {
        let current = |milliamperes| {
            let info = analog(
                &BankView {
                    pack_current_ma: milliamperes,
                    ..four_packs()
                },
                0x12,
            );
            i16::from_be_bytes([info[2], info[3]])
        };
        assert_eq!(current(-560_000), -32_768); // K34
        assert_eq!(current(327_675), 32_767);
        assert_eq!((current(327_664), current(327_665)), (32_766, 32_767));
        assert_eq!((current(-5), current(-4), current(5)), (-1, 0, 1));
    }

    #[test]
    fn voltage_beyond_the_field_saturates() {
        for millivolts in [65_535, 65_536, 67_040] {
            let info = analog(
                &BankView {
                    pack_voltage_mv: millivolts,
                    ..four_packs()
                },
                0x12,
            );
            assert_eq!(info[..2], [0xFF, 0xFF], "{millivolts} mV");
        }
    }

    #[test]
    fn temperatures_that_nobody_measures_are_ffff() {
        // K33: all five words of the MOSFETs.
        let info = analog(
            &BankView {
                mosfet_temperature: None,
                ..four_packs()
            },
            0x02,
        );
        assert_eq!(info[29..39], [0xFF; 10]);
        assert_ne!(info[27..29], [0xFF; 2]);
        assert_ne!(info[39..41], [0xFF; 2]);
    }

    fn alarms_of(conditions: &[Condition]) -> [u8; 4] {
        alarms(&BankView {
            conditions: ConditionSet::of(conditions),
            ..four_packs()
        })
    }

    #[test]
    fn alarms_of_the_sheet() {
        assert_eq!(alarms_of(&[]), [0; 4]); // K35
        let low = [
            CellUnderVoltageProtection,
            CellUnderVoltageAlarm,
            ChargeUnderTemperatureAlarm,
        ];
        assert_eq!(alarms_of(&low), [0x14, 0, 0x10, 0]); // K36
        assert_eq!(alarms_of(Condition::ALL), [0xFF, 0xF0, 0xFE, 0x68]); // K37
    }

    /// Every condition alone, at its place of README 3.6.
    #[test]
    fn every_condition_has_its_place() {
        let places: [(&[Condition], [u8; 4]); 24] = [
            (&[PackOverVoltageAlarm], [0x80, 0, 0, 0]),
            (&[PackUnderVoltageAlarm], [0x40, 0, 0, 0]),
            (&[CellOverVoltageAlarm], [0x20, 0, 0, 0]),
            (&[CellUnderVoltageAlarm], [0x10, 0, 0, 0]),
            (
                &[
                    ChargeOverTemperatureAlarm,
                    DischargeOverTemperatureAlarm,
                    AmbientOverTemperatureAlarm,
                ],
                [0x08, 0, 0, 0],
            ),
            (
                &[
                    ChargeUnderTemperatureAlarm,
                    DischargeUnderTemperatureAlarm,
                    AmbientUnderTemperatureAlarm,
                ],
                [0x04, 0, 0, 0],
            ),
            (&[MosfetOverTemperatureAlarm], [0x02, 0, 0, 0]),
            (&[CellImbalanceAlarm], [0x01, 0, 0, 0]),
            (&[TemperatureImbalanceAlarm], [0, 0x80, 0, 0]),
            (&[ChargeOverCurrentAlarm], [0, 0x40, 0, 0]),
            (&[DischargeOverCurrentAlarm], [0, 0x20, 0, 0]),
            (&[InternalCommunicationAlarm], [0, 0x10, 0, 0]),
            (&[LowSocAlarm], [0, 0, 0, 0]),
            (
                &[PackOverVoltageProtection, ChargerOverVoltageProtection],
                [0, 0, 0x80, 0],
            ),
            (&[PackUnderVoltageProtection], [0, 0, 0x40, 0]),
            (&[CellOverVoltageProtection], [0, 0, 0x20, 0]),
            (&[CellUnderVoltageProtection], [0, 0, 0x10, 0]),
            (
                &[
                    ChargeOverTemperatureProtection,
                    DischargeOverTemperatureProtection,
                    AmbientOverTemperatureProtection,
                ],
                [0, 0, 0x08, 0],
            ),
            (
                &[
                    ChargeUnderTemperatureProtection,
                    DischargeUnderTemperatureProtection,
                    AmbientUnderTemperatureProtection,
                ],
                [0, 0, 0x04, 0],
            ),
            (&[MosfetOverTemperatureProtection], [0, 0, 0x02, 0]),
            (
                &[ChargeOverCurrentProtection, ChargeOverCurrent2Protection],
                [0, 0, 0, 0x40],
            ),
            (
                &[DischargeOverCurrentProtection, DischargeOverCurrent2Protection],
                [0, 0, 0, 0x20],
            ),
            (&[ShortCircuitProtection], [0, 0, 0, 0x28]),
            (
                &[
                    CellFault,
                    ChargeMosfetFault,
                    DischargeMosfetFault,
                    TemperatureSensorFault,
                    SamplingFault,
                    SoftStartFault,
                    SystemErrorFault,
                ],
                [0, 0, 0, 0x08],
            ),
        ];
        let listed = places.iter().flat_map(|(conditions, _)| conditions.iter()).count();
        assert_eq!(listed, Condition::ALL.len(), "every condition is listed once");
        for (conditions, flags) in places {
            for condition in conditions {
                assert_eq!(alarms_of(&[*condition]), flags, "{}", condition.name());
            }
        }
    }

    #[test]
    fn management_of_a_bank() {
        let mut view = four_packs();
        (view.charge_current_limit_deci_a, view.discharge_current_limit_deci_a) = (5600, 5600);
        let emit = |view: &BankView, negative| written(|info| emit_management(view, negative, info));
        assert_eq!(emit(&view, false)[..], hex("E100 AF00 15E0 15E0 C0")[..]); // K38
        assert_eq!(emit(&view, true)[..], hex("E100 AF00 15E0 EA20 C0")[..]); // K43
        view.requests.full_charge = true;
        assert_eq!(emit(&view, false)[8], 0xD0); // K42
        for (force_charge_1, force_charge_2) in [(true, false), (false, true), (true, true)] {
            view.requests = crate::limits::Requests {
                force_charge_1,
                force_charge_2,
                full_charge: false,
            };
            assert_eq!(emit(&view, false)[8], 0xE0); // K41
        }
    }
}
