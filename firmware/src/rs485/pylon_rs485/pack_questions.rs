//! INFO of the replies about one pack: 42, 44, 47, 51, 92, 93, 96.
//!
//! Everything is high byte first. Offsets are those of the sheet for 16 cells and 5 temperatures.

use core::ops::Range;

use super::kelvin;
use crate::config::{Config, Identity};
use crate::convert::{div_nearest, saturate_i16, saturate_u16};
use crate::pack::PackView;
use crate::pack::cells::{self, CELLS};
use crate::pack::sensors::{CELL_SENSOR_COUNT, CELL_SENSORS};
use crate::protection::condition::Condition::{self, *};
use crate::protection::condition::ConditionSet;
use crate::protection::parameters::Parameter;

/// Temperatures of 42 and 44: 1 is the surroundings, 2 to 5 the cell sensors.
const TEMPERATURES: usize = 1 + CELL_SENSORS;
const TEMPERATURES_ON_WIRE: u8 = 1 + CELL_SENSOR_COUNT;

/// Bytes of one pack in a 42 reply.
pub(crate) const ANALOG_BLOCK: usize = 61;
/// Bytes of one pack in a 44 reply.
pub(crate) const ALARM_BLOCK: usize = 31;

/// 42: the measurements of one pack.
///
/// | offset | field | type | unit |
/// |---|---|---|---|
/// | 0 | cell_count, 16 | u8 | |
/// | 1-32 | cell_voltage_1 .. 16 | i16 | 1 mV |
/// | 33 | temperature_count, 5 | u8 | |
/// | 34-43 | ambient_temperature, cell_temperature_1 .. 4 | i16 | 0.1 K |
/// | 44-45 | pack_current, positive = charging | i16 | 0.1 A |
/// | 46-47 | pack_voltage | u16 | 1 mV |
/// | 48-49 | remaining_capacity_1, FFFF: see below | u16 | 1 mAh |
/// | 50 | user_defined_items, 4 above 65 Ah | u8 | |
/// | 51-52 | total_capacity_1, FFFF | u16 | 1 mAh |
/// | 53-54 | cycle_number | u16 | |
/// | 55-57 | remaining_capacity_2 | u24 | 1 mAh |
/// | 58-60 | total_capacity_2 | u24 | 1 mAh |
pub(crate) fn analog_block(pack: &PackView) -> [u8; ANALOG_BLOCK] {
    let mut block = [0; ANALOG_BLOCK];
    emit_analog_block(pack, &mut block);
    block
}

fn emit_analog_block(pack: &PackView, block: &mut [u8; ANALOG_BLOCK]) {
    const CELL_COUNT: usize = 0;
    const CELL_VOLTAGES: Range<usize> = 1..33;
    const TEMPERATURE_COUNT: usize = 33;
    const AMBIENT: Range<usize> = 34..36;
    const CELL_TEMPERATURES: Range<usize> = 36..44;
    const CURRENT: Range<usize> = 44..46;
    const VOLTAGE: Range<usize> = 46..48;
    const REMAINING_1: Range<usize> = 48..50;
    const USER_DEFINED_ITEMS: usize = 50;
    const TOTAL_1: Range<usize> = 51..53;
    const CYCLES: Range<usize> = 53..55;
    const REMAINING_2: Range<usize> = 55..58;
    const TOTAL_2: Range<usize> = 58..61;

    block[CELL_COUNT] = cells::CELL_COUNT;
    for (place, cell) in block[CELL_VOLTAGES].chunks_exact_mut(2).zip(pack.cell_voltage_mv) {
        place.copy_from_slice(&saturate_i16(cell.into()).to_be_bytes());
    }
    block[TEMPERATURE_COUNT] = TEMPERATURES_ON_WIRE;
    block[AMBIENT].copy_from_slice(&kelvin(pack.ambient_temperature_deci_c));
    for (place, sensor) in block[CELL_TEMPERATURES]
        .chunks_exact_mut(2)
        .zip(pack.cell_temperature_deci_c)
    {
        place.copy_from_slice(&kelvin(sensor));
    }
    block[CURRENT].copy_from_slice(&saturate_i16(div_nearest(pack.pack_current_ma.into(), 100)).to_be_bytes());
    block[VOLTAGE].copy_from_slice(&saturate_u16(pack.pack_voltage_mv.into()).to_be_bytes());
    block[REMAINING_1].fill(0xFF);
    block[USER_DEFINED_ITEMS] = 4;
    block[TOTAL_1].fill(0xFF);
    block[CYCLES].copy_from_slice(&pack.cycle_count.to_be_bytes());
    block[REMAINING_2].copy_from_slice(&u24(pack.remaining_capacity_mah));
    block[TOTAL_2].copy_from_slice(&u24(pack.full_capacity_mah));
}

/// A 24-bit number, saturated.
fn u24(value: u32) -> [u8; 3] {
    let [_, high, middle, low] = value.min(0xFF_FFFF).to_be_bytes();
    [high, middle, low]
}

/// A value is below its lower limit, and the protection for it acts.
pub(crate) const BELOW: u8 = 0x01;
/// A value is above its upper limit, and the protection for it acts.
pub(crate) const ABOVE: u8 = 0x02;
/// Another error: a sensor that is missing while the sensor fault is active.
pub(crate) const OTHER: u8 = 0xF0;

/// 44: the protections of one pack.
///
/// | offset | field | meaning |
/// |---|---|---|
/// | 0 | cell_count, 16 | |
/// | 1-16 | cell_status_1 .. 16 | 00 normal, 01 below, 02 above its limit |
/// | 17 | temperature_count, 5 | |
/// | 18-22 | temperature_status_1 .. 5 | the same |
/// | 23 | charge_current_status | the same |
/// | 24 | module_voltage_status | the same |
/// | 25 | discharge_current_status | the same |
/// | 26 | status_1 | 7 pack under-voltage, 6 charge and 5 discharge over-temperature, 4 discharge and 2 charge over-current, 1 cell under-voltage, 0 pack over-voltage |
/// | 27 | status_2 | 3 using battery power, 2 discharge and 1 charge MOSFET on |
/// | 28 | status_3 | 7 charging, 6 discharging, 5 heater, 3 fully charged, 0 buzzer |
/// | 29-30 | status_4, status_5 | bit n: cell 1 + n, cell 9 + n is defective |
pub(crate) fn alarm_block(pack: &PackView) -> [u8; ALARM_BLOCK] {
    let mut block = [0; ALARM_BLOCK];
    emit_alarm_block(pack, &mut block);
    block
}

fn emit_alarm_block(pack: &PackView, block: &mut [u8; ALARM_BLOCK]) {
    const CELL_COUNT: usize = 0;
    const CELL_STATUS: Range<usize> = 1..17;
    const TEMPERATURE_COUNT: usize = 17;
    const TEMPERATURE_STATUS: Range<usize> = 18..23;
    const CHARGE_CURRENT: usize = 23;
    const MODULE_VOLTAGE: usize = 24;
    const DISCHARGE_CURRENT: usize = 25;
    const STATUS_1: usize = 26;
    const STATUS_2: usize = 27;
    const STATUS_3: usize = 28;
    const CELL_FAULTS: Range<usize> = 29..31;

    // The substitutes of README 3.6 for the 62 reply hold here too, so that 44 and 62 never contradict each other.
    let any = |conditions: &[Condition]| pack.conditions.intersects(ConditionSet::of(conditions));
    let over_voltage = any(&[PackOverVoltageProtection, ChargerOverVoltageProtection]);
    let under_voltage = any(&[PackUnderVoltageProtection]);
    let charge_over_current = any(&[ChargeOverCurrentProtection, ChargeOverCurrent2Protection]);
    let discharge_over_current = any(&[
        DischargeOverCurrentProtection,
        DischargeOverCurrent2Protection,
        ShortCircuitProtection,
    ]);

    block[CELL_COUNT] = cells::CELL_COUNT;
    block[CELL_STATUS].copy_from_slice(&cell_status(pack));
    block[TEMPERATURE_COUNT] = TEMPERATURES_ON_WIRE;
    block[TEMPERATURE_STATUS].copy_from_slice(&temperature_status(pack));
    block[CHARGE_CURRENT] = if charge_over_current { ABOVE } else { 0 };
    block[MODULE_VOLTAGE] = match (over_voltage, under_voltage) {
        (true, _) => ABOVE,
        (false, true) => BELOW,
        (false, false) => 0,
    };
    block[DISCHARGE_CURRENT] = if discharge_over_current { ABOVE } else { 0 };
    block[STATUS_1] = u8::from(under_voltage) << 7
        | u8::from(any(&[ChargeOverTemperatureProtection])) << 6
        | u8::from(any(&[DischargeOverTemperatureProtection])) << 5
        | u8::from(discharge_over_current) << 4
        | u8::from(charge_over_current) << 2
        | u8::from(any(&[CellUnderVoltageProtection])) << 1
        | u8::from(over_voltage);
    // "Using battery power" is on in every real reply found, idle or under load.
    block[STATUS_2] = 1 << 3 | u8::from(pack.discharge_mosfet_on) << 2 | u8::from(pack.charge_mosfet_on) << 1;
    block[STATUS_3] = u8::from(pack.pack_current_ma > 100) << 7
        | u8::from(pack.pack_current_ma < -100) << 6
        | u8::from(pack.heater_on) << 5
        | u8::from(pack.fully_charged) << 3
        | u8::from(pack.buzzer_on);
    block[CELL_FAULTS].copy_from_slice(&cell_faults(pack).to_le_bytes());
}

/// Bit n: cell n + 1 is so high or low that it is defective, and the fault is active.
fn cell_faults(pack: &PackView) -> u16 {
    if !pack.conditions.contains(CellFault) {
        return 0;
    }
    let sound = pack.parameters.get(Parameter::CellFaultLow)..=pack.parameters.get(Parameter::CellFaultHigh);
    (0..).zip(pack.cell_voltage_mv).fold(0, |bits, (index, cell)| {
        let defective = !sound.contains(&cell.into());
        bits | u16::from(defective) << index
    })
}

pub(crate) fn cell_status(pack: &PackView) -> [u8; CELLS] {
    let mut status = [0; CELLS];
    let cells = pack.cell_voltage_mv.map(|cell| Some(i32::from(cell)));
    if pack.conditions.contains(CellUnderVoltageProtection) {
        mark(&mut status, cells, BELOW, |cell| {
            pack.parameters.get(Parameter::CellUnderVoltageProtection) - cell
        });
    }
    if pack.conditions.contains(CellOverVoltageProtection) {
        mark(&mut status, cells, ABOVE, |cell| {
            cell - pack.parameters.get(Parameter::CellOverVoltageProtection)
        });
    }
    status
}

pub(crate) fn temperature_status(pack: &PackView) -> [u8; TEMPERATURES] {
    const LOW_OR_HIGH: [(Condition, u8, Parameter); 4] = [
        (
            ChargeUnderTemperatureProtection,
            BELOW,
            Parameter::ChargeUnderTemperatureProtection,
        ),
        (
            DischargeUnderTemperatureProtection,
            BELOW,
            Parameter::DischargeUnderTemperatureProtection,
        ),
        (
            ChargeOverTemperatureProtection,
            ABOVE,
            Parameter::ChargeOverTemperatureProtection,
        ),
        (
            DischargeOverTemperatureProtection,
            ABOVE,
            Parameter::DischargeOverTemperatureProtection,
        ),
    ];
    let mut cells = [0; CELL_SENSORS];
    for (condition, code, threshold) in LOW_OR_HIGH {
        if pack.conditions.contains(condition) {
            let threshold = pack.parameters.get(threshold);
            mark(
                &mut cells,
                pack.cell_temperature_deci_c.map(|reading| reading.map(i32::from)),
                code,
                |reading| {
                    // Low temperatures trip strictly below the threshold (bms-behaviour 3.1).
                    if code == BELOW {
                        threshold - 1 - reading
                    } else {
                        reading - threshold
                    }
                },
            );
        }
    }
    let mut ambient = 0;
    if pack.conditions.contains(AmbientUnderTemperatureProtection) {
        ambient = BELOW;
    }
    if pack.conditions.contains(AmbientOverTemperatureProtection) {
        ambient = ABOVE;
    }
    let [nt1, nt2, nt3, nt4] = cells;
    let mut status = [ambient, nt1, nt2, nt3, nt4];
    if pack.conditions.contains(TemperatureSensorFault) {
        let [nt1, nt2, nt3, nt4] = pack.cell_temperature_deci_c;
        for (code, reading) in status
            .iter_mut()
            .zip([pack.ambient_temperature_deci_c, nt1, nt2, nt3, nt4])
        {
            if reading.is_none() {
                *code = OTHER;
            }
        }
    }
    status
}

/// Marks what is at or beyond a threshold, or else what is nearest to it: a protection that acts has a cause.
///
/// `beyond` is how far a value is past the threshold; below zero it is not there yet.
pub(crate) fn mark<const N: usize>(
    codes: &mut [u8; N],
    values: [Option<i32>; N],
    code: u8,
    beyond: impl Fn(i32) -> i32,
) {
    let farthest = values.iter().flatten().map(|value| beyond(*value)).max();
    let Some(farthest) = farthest else { return };
    let mut found = false;
    for (slot, value) in codes.iter_mut().zip(values) {
        let Some(distance) = value.map(&beyond) else { continue };
        if distance >= 0 || (distance == farthest && !found) {
            *slot = code;
            found = true;
        }
    }
}

/// What 47 tells of a pack: the limits that its protections work with.
///
/// Voltages in mV, temperatures in 0.1 degC, currents in 0.1 A as magnitudes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parameters {
    cell_over_voltage: u16,
    cell_low_voltage: u16,
    cell_under_voltage: u16,
    charge_over_temperature: i16,
    charge_under_temperature: i16,
    charge_current: u16,
    pack_over_voltage: u16,
    pack_low_voltage: u16,
    pack_under_voltage: u16,
    discharge_over_temperature: i16,
    discharge_under_temperature: i16,
    discharge_current: u16,
}

impl Parameters {
    pub(crate) fn of(pack: &PackView) -> Parameters {
        // Thresholds lie within 16 bits by their ranges.
        let unsigned = |parameter| saturate_u16(pack.parameters.get(parameter).into());
        let signed = |parameter| saturate_i16(pack.parameters.get(parameter).into());
        Parameters {
            cell_over_voltage: unsigned(Parameter::CellOverVoltageProtection),
            cell_low_voltage: unsigned(Parameter::CellUnderVoltageAlarm),
            cell_under_voltage: unsigned(Parameter::CellUnderVoltageProtection),
            charge_over_temperature: signed(Parameter::ChargeOverTemperatureProtection),
            charge_under_temperature: signed(Parameter::ChargeUnderTemperatureProtection),
            charge_current: pack.nominal_charge_current_deci_a,
            pack_over_voltage: unsigned(Parameter::PackOverVoltageProtection),
            pack_low_voltage: unsigned(Parameter::PackUnderVoltageAlarm),
            pack_under_voltage: unsigned(Parameter::PackUnderVoltageProtection),
            discharge_over_temperature: signed(Parameter::DischargeOverTemperatureProtection),
            discharge_under_temperature: signed(Parameter::DischargeUnderTemperatureProtection),
            discharge_current: pack.nominal_discharge_current_deci_a,
        }
    }

    /// INFO behind INFOFLAG, twelve words.
    ///
    /// | offset behind INFOFLAG | field | type | unit |
    /// |---|---|---|---|
    /// | 0 | cell_over_voltage_protection_threshold | i16 | 1 mV |
    /// | 2 | cell_under_voltage_alarm_threshold | i16 | 1 mV |
    /// | 4 | cell_under_voltage_protection_threshold | i16 | 1 mV |
    /// | 6 | charge_over_temperature_protection_threshold | i16 | 0.1 K |
    /// | 8 | charge_under_temperature_protection_threshold | i16 | 0.1 K |
    /// | 10 | charge_current_limit | i16 | 0.1 A |
    /// | 12 | pack_over_voltage_protection_threshold | u16 | 1 mV |
    /// | 14 | pack_under_voltage_alarm_threshold | u16 | 1 mV |
    /// | 16 | pack_under_voltage_protection_threshold | u16 | 1 mV |
    /// | 18 | discharge_over_temperature_protection_threshold | i16 | 0.1 K |
    /// | 20 | discharge_under_temperature_protection_threshold | i16 | 0.1 K |
    /// | 22 | discharge_current_limit, negative | i16 | 0.1 A |
    pub(crate) fn emit(&self) -> [u8; 24] {
        let words = [
            self.cell_over_voltage.to_be_bytes(),
            self.cell_low_voltage.to_be_bytes(),
            self.cell_under_voltage.to_be_bytes(),
            kelvin(Some(self.charge_over_temperature)),
            kelvin(Some(self.charge_under_temperature)),
            saturate_i16(self.charge_current.into()).to_be_bytes(),
            self.pack_over_voltage.to_be_bytes(),
            self.pack_low_voltage.to_be_bytes(),
            self.pack_under_voltage.to_be_bytes(),
            kelvin(Some(self.discharge_over_temperature)),
            kelvin(Some(self.discharge_under_temperature)),
            saturate_i16(-i64::from(self.discharge_current)).to_be_bytes(),
        ];
        let mut info = [0; 24];
        for (place, word) in info.chunks_exact_mut(2).zip(words) {
            place.copy_from_slice(&word);
        }
        info
    }
}

/// 51: who made it.
///
/// | offset | field | type |
/// |---|---|---|
/// | 0-9 | battery_name | ASCII, filled with 00 |
/// | 10-11 | software version, major and minor | u8, u8 |
/// | 12-31 | manufacturer_name | ASCII, filled with 00 |
pub(crate) fn manufacturer(config: &Config) -> [u8; 32] {
    const NAME: Range<usize> = 0..10;
    const VERSION: Range<usize> = 10..12;
    const MANUFACTURER: Range<usize> = 12..32;

    let mut info = [0; 32];
    info[NAME].copy_from_slice(&config.pylon_rs485.device_name);
    info[VERSION].copy_from_slice(&config.identity.software_version);
    info[MANUFACTURER].copy_from_slice(&config.pylon_rs485.manufacturer_name);
    info
}

/// 92: what one pack allows and asks for.
///
/// | offset | field | type | unit |
/// |---|---|---|---|
/// | 0 | command_value = ADR | u8 | |
/// | 1-2 | charge_voltage_limit | u16 | 1 mV |
/// | 3-4 | discharge_voltage_limit | u16 | 1 mV |
/// | 5-6 | charge_current_limit | i16 | 0.1 A |
/// | 7-8 | discharge_current_limit, negative | i16 | 0.1 A |
/// | 9 | status: 7 charge_enable, 6 discharge_enable, 5 force_charge_request_1, 4 force_charge_request_2, 3 full_charge_request | | |
pub(crate) fn management(pack: &PackView, adr: u8) -> [u8; 10] {
    let mut info = [0; 10];
    emit_management(pack, adr, &mut info);
    info
}

fn emit_management(pack: &PackView, adr: u8, info: &mut [u8; 10]) {
    const COMMAND_VALUE: usize = 0;
    const CHARGE_VOLTAGE: Range<usize> = 1..3;
    const DISCHARGE_VOLTAGE: Range<usize> = 3..5;
    const CHARGE_CURRENT: Range<usize> = 5..7;
    const DISCHARGE_CURRENT: Range<usize> = 7..9;
    const STATUS: usize = 9;

    let charge = saturate_i16(pack.charge_current_limit_deci_a.into());
    let discharge = saturate_i16(-i64::from(pack.discharge_current_limit_deci_a));
    info[COMMAND_VALUE] = adr;
    info[CHARGE_VOLTAGE].copy_from_slice(&pack.charge_voltage_limit_mv.to_be_bytes());
    info[DISCHARGE_VOLTAGE].copy_from_slice(&pack.discharge_voltage_limit_mv.to_be_bytes());
    info[CHARGE_CURRENT].copy_from_slice(&charge.to_be_bytes());
    info[DISCHARGE_CURRENT].copy_from_slice(&discharge.to_be_bytes());
    info[STATUS] = u8::from(pack.charge_enable) << 7
        | u8::from(pack.discharge_enable) << 6
        | u8::from(pack.requests.force_charge_1) << 5
        | u8::from(pack.requests.force_charge_2) << 4
        | u8::from(pack.requests.full_charge) << 3;
}

/// 93: ADR, then the serial number in 16 characters.
pub(crate) fn serial_number(identity: &Identity, pack: u8, adr: u8) -> [u8; 17] {
    const COMMAND_VALUE: usize = 0;
    const SERIAL_NUMBER: Range<usize> = 1..17;

    let mut info = [0; 17];
    info[COMMAND_VALUE] = adr;
    info[SERIAL_NUMBER].copy_from_slice(&identity.serial_number_of(pack));
    info
}

/// 96: ADR, then two bytes of the manufacturer's version and three of the main line.
pub(crate) fn firmware_version(identity: &Identity, adr: u8) -> [u8; 6] {
    const COMMAND_VALUE: usize = 0;
    const MANUFACTURER_VERSION: Range<usize> = 1..3;
    const MAIN_LINE_VERSION: Range<usize> = 3..6;

    let mut info = [0; 6];
    info[COMMAND_VALUE] = adr;
    info[MANUFACTURER_VERSION].copy_from_slice(&identity.software_version);
    info[MAIN_LINE_VERSION].copy_from_slice(&identity.main_line_version);
    info
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::Pack;
    use crate::rs485::pylon_rs485::tests::{hex, written};
    use crate::time::Instant;

    /// Pack 1 of the constructed vectors G3.
    fn pack_1() -> PackView {
        PackView {
            cell_voltage_mv: [
                3331, 3332, 3330, 3333, 3331, 3329, 3334, 3332, 3330, 3331, 3335, 3332, 3331, 3330, 3328, 3331,
            ],
            ambient_temperature_deci_c: Some(315),
            cell_temperature_deci_c: [Some(255), Some(260), Some(250), Some(245)],
            pack_current_ma: -45_600,
            pack_voltage_mv: 53_300,
            remaining_capacity_mah: 196_000,
            cycle_count: 123,
            charge_current_limit_deci_a: 1400,
            discharge_current_limit_deci_a: 1400,
            ..Pack::new(Instant::ZERO).view(Instant::ZERO, 1, 1)
        }
    }

    fn with(conditions: &[Condition]) -> PackView {
        PackView {
            conditions: ConditionSet::of(conditions),
            ..pack_1()
        }
    }

    #[test]
    fn measurements_of_a_pack() {
        // K8 behind its two leading bytes.
        let expected = hex(
            "10 0D03 0D04 0D02 0D05 0D03 0D01 0D06 0D04 0D02 0D03 0D07 0D04 0D03 0D02 0D00 0D03 \
             05 0BE6 0BAA 0BAF 0BA5 0BA0 FE38 D034 FFFF 04 FFFF 007B 02FDA0 0445C0",
        );
        assert_eq!(written(|block| emit_analog_block(&pack_1(), block))[..], expected[..]);
    }

    #[test]
    fn measurements_saturate_and_missing_sensors_are_ffff() {
        let mut pack = pack_1();
        pack.pack_current_ma = -3_276_850;
        pack.pack_voltage_mv = 67_040;
        pack.remaining_capacity_mah = 0x0100_0000;
        pack.cell_temperature_deci_c[0] = None;
        pack.cell_temperature_deci_c[1] = Some(-124);
        let block = analog_block(&pack);
        assert_eq!(block[36..40], [0xFF, 0xFF, 0x0A, 0x2F]);
        assert_eq!(block[44..48], [0x80, 0x00, 0xFF, 0xFF]);
        assert_eq!(block[55..58], [0xFF; 3]);
    }

    #[test]
    fn a_pack_without_alarms() {
        // K12 behind its two leading bytes.
        let expected = hex("10 00000000000000000000000000000000 05 0000000000 00 00 00 00 0E 40 00 00");
        assert_eq!(written(|block| emit_alarm_block(&pack_1(), block))[..], expected[..]);
    }

    #[test]
    fn protections_mark_their_cause() {
        // K13: cell 9 low, temperature 3 high, discharge current high.
        let mut pack = with(&[
            CellUnderVoltageProtection,
            DischargeOverTemperatureProtection,
            DischargeOverCurrentProtection,
        ]);
        pack.cell_voltage_mv[8] = 2700;
        pack.cell_temperature_deci_c[1] = Some(560);
        pack.discharge_mosfet_on = false;
        let expected = hex("10 00000000000000000100000000000000 05 0000020000 00 00 02 32 0A 40 00 00");
        assert_eq!(alarm_block(&pack)[..], expected[..]);
    }

    #[test]
    fn every_protection_shows_somewhere() {
        let cases: [(Condition, &[(usize, u8)]); 18] = [
            (CellOverVoltageProtection, &[(11, ABOVE)]),
            (CellUnderVoltageProtection, &[(15, BELOW), (26, 0x02)]),
            (PackOverVoltageProtection, &[(24, ABOVE), (26, 0x01)]),
            (PackUnderVoltageProtection, &[(24, BELOW), (26, 0x80)]),
            (ChargerOverVoltageProtection, &[(24, ABOVE), (26, 0x01)]),
            (ChargeOverCurrentProtection, &[(23, ABOVE), (26, 0x04)]),
            (ChargeOverCurrent2Protection, &[(23, ABOVE), (26, 0x04)]),
            (DischargeOverCurrentProtection, &[(25, ABOVE), (26, 0x10)]),
            (DischargeOverCurrent2Protection, &[(25, ABOVE), (26, 0x10)]),
            (ShortCircuitProtection, &[(25, ABOVE), (26, 0x10)]),
            (ChargeOverTemperatureProtection, &[(20, ABOVE), (26, 0x40)]),
            (ChargeUnderTemperatureProtection, &[(22, BELOW)]),
            (DischargeOverTemperatureProtection, &[(20, ABOVE), (26, 0x20)]),
            (DischargeUnderTemperatureProtection, &[(22, BELOW)]),
            (AmbientOverTemperatureProtection, &[(18, ABOVE)]),
            (AmbientUnderTemperatureProtection, &[(18, BELOW)]),
            // 44 has no place for the power stage, and none for a defect without a cell.
            (MosfetOverTemperatureProtection, &[]),
            (CellFault, &[]),
        ];
        for (condition, changed) in cases {
            let mut expected = alarm_block(&pack_1());
            for (offset, value) in changed {
                expected[*offset] = *value;
            }
            assert_eq!(alarm_block(&with(&[condition])), expected, "{}", condition.name());
        }
    }

    #[test]
    fn all_that_is_beyond_the_threshold_is_marked() {
        let mut pack = with(&[CellOverVoltageProtection, ChargeUnderTemperatureProtection]);
        pack.cell_voltage_mv[2] = 3650;
        pack.cell_voltage_mv[3] = 3649;
        pack.cell_voltage_mv[15] = 3700;
        // 0.0 degC is not too cold yet.
        pack.cell_temperature_deci_c = [Some(0), Some(-1), None, Some(-100)];
        let block = alarm_block(&pack);
        assert_eq!(block[1..17], [0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
        assert_eq!(block[18..23], [0, 0, 1, 0, 1]);
    }

    #[test]
    fn a_cause_that_is_nowhere_is_put_at_the_first_of_the_nearest() {
        let mut pack = with(&[CellOverVoltageProtection, CellUnderVoltageProtection]);
        pack.cell_voltage_mv = [3300; CELLS];
        (pack.cell_voltage_mv[2], pack.cell_voltage_mv[5]) = (3310, 3310);
        (pack.cell_voltage_mv[7], pack.cell_voltage_mv[9]) = (3290, 3290);
        assert_eq!(
            alarm_block(&pack)[1..17],
            [0, 0, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]
        );
        pack.cell_voltage_mv[9] = 2700;
        assert_eq!(
            alarm_block(&pack)[1..17],
            [0, 0, 2, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
        );
    }

    #[test]
    fn defective_cells_and_missing_sensors_show_with_their_fault() {
        let mut pack = pack_1();
        (
            pack.cell_voltage_mv[1],
            pack.cell_voltage_mv[8],
            pack.cell_voltage_mv[15],
        ) = (4201, 999, 4200);
        pack.cell_temperature_deci_c[3] = None;
        assert_eq!(alarm_block(&pack)[29..31], [0, 0]);
        pack.conditions = ConditionSet::of(&[CellFault, TemperatureSensorFault]);
        let block = alarm_block(&pack);
        assert_eq!(block[29..31], [0x02, 0x01]);
        assert_eq!(block[18..23], [0, 0, 0, 0, OTHER]);
    }

    #[test]
    fn states_of_a_pack() {
        let status = |change: fn(&mut PackView)| {
            let mut pack = pack_1();
            pack.pack_current_ma = 0;
            change(&mut pack);
            let block = alarm_block(&pack);
            (block[27], block[28])
        };
        assert_eq!(status(|_| {}), (0x0E, 0x00));
        assert_eq!(status(|pack| pack.pack_current_ma = 100), (0x0E, 0x00));
        assert_eq!(status(|pack| pack.pack_current_ma = 101), (0x0E, 0x80));
        assert_eq!(status(|pack| pack.pack_current_ma = -101), (0x0E, 0x40));
        assert_eq!(status(|pack| pack.heater_on = true), (0x0E, 0x20));
        assert_eq!(status(|pack| pack.fully_charged = true), (0x0E, 0x08));
        assert_eq!(status(|pack| pack.buzzer_on = true), (0x0E, 0x01));
        assert_eq!(status(|pack| pack.charge_mosfet_on = false), (0x0C, 0x00));
    }

    #[test]
    fn parameters_of_another_pack() {
        // K15, a vector of coding only.
        let parameters = Parameters {
            cell_low_voltage: 2900,
            pack_low_voltage: 46_400,
            charge_current: 1400,
            discharge_current: 1400,
            discharge_over_temperature: 600,
            ..Parameters::of(&pack_1())
        };
        let expected = hex("0E42 0B54 0A8C 0CD1 0AAB 0578 E420 B540 A8C0 0D03 09E3 FA88");
        assert_eq!(parameters.emit()[..], expected[..]);
    }

    #[test]
    fn management_of_a_pack() {
        let mut pack = pack_1();
        let emit = |pack: &PackView| written(|info| emit_management(pack, 0x02, info));
        assert_eq!(emit(&pack)[..], hex("02 E100 AF00 0578 FA88 C0")[..]); // K17
        pack.requests.force_charge_1 = true;
        assert_eq!(emit(&pack)[9], 0xE0); // K20
        pack.requests = crate::limits::Requests {
            force_charge_2: true,
            ..Default::default()
        };
        assert_eq!(emit(&pack)[9], 0xD0); // K21
        pack.requests = crate::limits::Requests {
            full_charge: true,
            ..Default::default()
        };
        assert_eq!(emit(&pack)[9], 0xC8); // K22
        pack.requests = crate::limits::Requests::default();
        (pack.charge_enable, pack.charge_current_limit_deci_a) = (false, 0);
        assert_eq!(emit(&pack)[..], hex("02 E100 AF00 0000 FA88 40")[..]); // K18
        (pack.discharge_enable, pack.discharge_current_limit_deci_a) = (false, 0);
        assert_eq!(emit(&pack)[..], hex("02 E100 AF00 0000 0000 00")[..]); // K23
    }
}
