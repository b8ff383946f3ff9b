//! The records of one pack in 42, 44 and the log, and the words of bits that other replies share.
//!
//! Everything is high byte first. Offsets are those of one record.

use super::options::RecordTail;
use crate::convert::{div_nearest, saturate_i16, saturate_u16};
use crate::pack::PackView;
use crate::pack::cells::{CELL_COUNT, CELLS};
use crate::pack::sensors::CELL_SENSORS;
use crate::pack::state::Flow;
use crate::protection::condition::Condition::{self, *};
use crate::protection::condition::ConditionSet;
use crate::protection::parameters::Parameter;
use crate::rs485::AsciiReply;
use crate::rs485::pylon_rs485::pack_questions::{ABOVE, BELOW, OTHER, mark};

/// Temperatures: 1 to 4 the cells, 5 the MOSFETs, 6 the surroundings.
const TEMPERATURES: usize = CELL_SENSORS + 2;
const TEMPERATURE_COUNT: u8 = 6;
/// A sensor that is not fitted.
const NOT_FITTED: u16 = 0x8000;
/// 0.0 degC.
const ZERO_CELSIUS: i16 = 2730;
/// Cells and temperatures, each with its count.
const SENSED: usize = 1 + 2 * CELLS + 1 + 2 * TEMPERATURES;
/// The longest record of 42.
pub(crate) const LONGEST_RECORD: usize = SENSED + 13 + 22;

/// What one record shows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown {
    pub(crate) pack: PackView,
    /// The sums over the packs online, in mAh.
    pub(crate) bank_remaining_mah: u64,
    pub(crate) bank_full_mah: u64,
    pub(crate) status: Status,
}

/// What a pack's own switches and functions say beside its measurements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Status {
    /// The pack misses another one.
    pub(crate) pack_offline: bool,
    pub(crate) test_mode: bool,
    pub(crate) system_locked: bool,
    pub(crate) led_alarm_off: bool,
    pub(crate) limiter_low_gear: bool,
    pub(crate) active_balancing: bool,
    pub(crate) wireless_connected: bool,
}

/// A temperature on the wire: 0.1 degC above -273.0.
pub(crate) fn kelvin(deci_c: i16) -> u16 {
    saturate_u16(i64::from(deci_c) + i64::from(ZERO_CELSIUS))
}

/// The temperature in 0.1 degC.
pub(crate) fn celsius(raw: u16) -> i32 {
    i32::from(raw) - i32::from(ZERO_CELSIUS)
}

fn temperatures(pack: &PackView) -> [Option<i16>; TEMPERATURES] {
    let [nt1, nt2, nt3, nt4] = pack.cell_temperature_deci_c;
    [
        nt1,
        nt2,
        nt3,
        nt4,
        pack.mosfet_temperature_deci_c,
        pack.ambient_temperature_deci_c,
    ]
}

/// cell_count, cell_voltage_1 .. 16 in mV, temperature_count, temperature_1 .. 6.
fn sensed(cells: [u16; CELLS], temperatures: [Option<i16>; TEMPERATURES]) -> [u8; SENSED] {
    let mut bytes = [0; SENSED];
    bytes[0] = CELL_COUNT;
    for (place, cell) in bytes[1..=2 * CELLS].chunks_exact_mut(2).zip(cells) {
        place.copy_from_slice(&cell.to_be_bytes());
    }
    bytes[2 * CELLS + 1] = TEMPERATURE_COUNT;
    for (place, temperature) in bytes[2 * CELLS + 2..].chunks_exact_mut(2).zip(temperatures) {
        place.copy_from_slice(&temperature.map_or(NOT_FITTED, kelvin).to_be_bytes());
    }
    bytes
}

/// A current in 10 mA, positive while charging.
fn current(milliamperes: i32) -> [u8; 2] {
    saturate_i16(div_nearest(milliamperes.into(), 10)).to_be_bytes()
}

/// A capacity in 10 mAh.
pub(crate) fn capacity(mah: u32) -> [u8; 2] {
    saturate_u16(div_nearest(mah.into(), 10)).to_be_bytes()
}

/// A capacity of the bank in 10 mAh.
fn bank_capacity(mah: u64) -> [u8; 4] {
    u32::try_from((mah + 5) / 10).unwrap_or(u32::MAX).to_be_bytes()
}

/// A voltage in mV.
fn voltage(millivolts: u32) -> [u8; 2] {
    saturate_u16(millivolts.into()).to_be_bytes()
}

/// Charge in Ah that an energy in Wh is at the nominal 51.2 V: the battery counts energy.
fn ampere_hours(watt_hours: u32) -> [u8; 4] {
    let charge = div_nearest(i64::from(watt_hours) * 10, 512);
    u32::try_from(charge).unwrap_or(u32::MAX).to_be_bytes()
}

/// 42: the measurements of one pack.
///
/// | offset | field | type | unit |
/// |---|---|---|---|
/// | 0-32 | cell_count, cell_voltage_1 .. 16 | u8, u16 | 1 mV |
/// | 33-45 | temperature_count, temperature_1 .. 6, 8000 = not fitted | u8, u16 | 0.1 degC from -273.0 |
/// | 46-47 | pack_current, positive = charging | i16 | 10 mA |
/// | 48-49 | pack_voltage | u16 | 1 mV |
/// | 50-51 | remaining_capacity | u16 | 10 mAh |
/// | 52 | user_item_count | u8 | |
/// | 53-54 | full_capacity | u16 | 10 mAh |
/// | 55-56 | cycle_count | u16 | |
/// | 57-58 | design_capacity | u16 | 10 mAh |
/// | 59 | soc | u8 | 1 % |
/// | 60-67 | total_charge, total_discharge | u32 | 1 Ah |
/// | 68 | soh | u8 | 1 % |
/// | 69-70 | independent_voltage_1, the sum of the cells | u16 | 1 mV |
/// | 71-72 | independent_current_1 | i16 | 10 mA |
/// | 73-80 | bank_remaining_capacity, bank_full_capacity | u32 | 10 mAh |
pub(crate) fn push_measurements(reply: &mut AsciiReply, shown: &Shown, tail: RecordTail) {
    let pack = &shown.pack;
    reply.push_bytes(&sensed(pack.cell_voltage_mv, temperatures(pack)));
    reply.push_bytes(&current(pack.pack_current_ma));
    reply.push_bytes(&voltage(pack.pack_voltage_mv));
    reply.push_bytes(&capacity(pack.remaining_capacity_mah));
    reply.push_bytes(&[user_items(tail)]);
    reply.push_bytes(&capacity(pack.full_capacity_mah));
    reply.push_bytes(&pack.cycle_count.to_be_bytes());
    reply.push_bytes(&capacity(pack.design_capacity_mah));
    let totals = (pack.lifetime_charge_energy_wh, pack.lifetime_discharge_energy_wh);
    push_charge_tail(reply, pack, totals, tail);
    if matches!(tail, RecordTail::Fourteen | RecordTail::All) {
        let cells = pack.cell_voltage_mv.iter().map(|cell| u32::from(*cell)).sum();
        reply.push_bytes(&voltage(cells));
        reply.push_bytes(&current(pack.pack_current_ma));
    }
    if tail == RecordTail::All {
        reply.push_bytes(&bank_capacity(shown.bank_remaining_mah));
        reply.push_bytes(&bank_capacity(shown.bank_full_mah));
    }
}

/// 42: the record of a pack that is missed: nothing but what is kept of it.
pub(crate) fn push_absent_measurements(reply: &mut AsciiReply, pack: &PackView, tail: RecordTail) {
    reply.push_bytes(&sensed([0; CELLS], [Some(0); TEMPERATURES]));
    reply.push_bytes(&[0; 6]);
    reply.push_bytes(&[user_items(tail)]);
    reply.push_bytes(&[0; 6]);
    push_charge_tail(reply, pack, (0, 0), tail);
    match tail {
        RecordTail::None | RecordTail::One | RecordTail::Ten => {}
        RecordTail::Fourteen => reply.push_bytes(&[0; 4]),
        RecordTail::All => reply.push_bytes(&[0; 12]),
    }
}

/// The tail up to soh.
fn push_charge_tail(reply: &mut AsciiReply, pack: &PackView, totals: (u32, u32), tail: RecordTail) {
    if tail == RecordTail::None {
        return;
    }
    reply.push_bytes(&[pack.soc_percent()]);
    if tail != RecordTail::One {
        reply.push_bytes(&ampere_hours(totals.0));
        reply.push_bytes(&ampere_hours(totals.1));
        reply.push_bytes(&[pack.soh_percent]);
    }
}

/// P, as real boards send it with each tail.
fn user_items(tail: RecordTail) -> u8 {
    match tail {
        RecordTail::None => 3,
        RecordTail::One | RecordTail::Ten => 2,
        RecordTail::Fourteen | RecordTail::All => 9,
    }
}

/// 44: warnings, protections and states of one pack.
///
/// | offset | field |
/// |---|---|
/// | 0-16 | cell_count, cell_warning_1 .. 16: 00 normal, 01 below, 02 above its limit |
/// | 17-23 | temperature_count, temperature_warning_1 .. 6, the same |
/// | 24-26 | charge_current_warning, pack_voltage_warning, discharge_current_warning |
/// | 27, 28 | protection_status_1, _2 |
/// | 29 | indication_status_3 |
/// | 30 | control_status_4 |
/// | 31 | fault_status_5 |
/// | 32, 33 | balancing_1, _2: bit k = cell k + 1, k + 9 |
/// | 34, 35 | warning_status_1, _2 |
/// | 36 | fault_status_8 |
/// | 37 | indication_status_9 |
/// | 38, 39 | active_balancing_1, _2 |
/// | 40 | fault_status_10, the 12 V supply: never |
pub(crate) fn push_alarms(reply: &mut AsciiReply, shown: &Shown, tail: RecordTail) {
    let (pack, status) = (&shown.pack, shown.status);
    reply.push_bytes(&[CELL_COUNT]);
    reply.push_bytes(&cell_warnings(pack));
    reply.push_bytes(&[TEMPERATURE_COUNT]);
    reply.push_bytes(&temperature_warnings(pack));
    let code = |conditions: &[Condition], code: u8| if any(pack, conditions) { code } else { 0 };
    let over_voltage = code(&[PackOverVoltageAlarm, ChargerOverVoltageProtection], ABOVE);
    reply.push_bytes(&[
        code(&[ChargeOverCurrentAlarm], ABOVE),
        if over_voltage == 0 {
            code(&[PackUnderVoltageAlarm], BELOW)
        } else {
            over_voltage
        },
        code(&[DischargeOverCurrentAlarm, ShortCircuitProtection], ABOVE),
    ]);
    let balanced = if status.test_mode { u16::MAX } else { pack.balancing };
    let (by_resistor, active) = if status.active_balancing {
        (0, balanced)
    } else {
        (balanced, 0)
    };
    reply.push_bytes(&[
        protection_1(pack),
        protection_2(pack),
        indication_3(pack),
        control_4(pack, status),
        fault_5(pack, status),
    ]);
    reply.push_bytes(&by_resistor.to_le_bytes());
    reply.push_bytes(&[warning_1(pack), warning_2(pack)]);
    if tail != RecordTail::None {
        reply.push_bytes(&[fault_8(pack, status)]);
    }
    if tail == RecordTail::All {
        reply.push_bytes(&[u8::from(status.wireless_connected) << 1]);
        reply.push_bytes(&active.to_le_bytes());
        reply.push_bytes(&[0]);
    }
}

/// 44: the record of a pack that is missed.
pub(crate) fn push_absent_alarms(reply: &mut AsciiReply, tail: RecordTail) {
    reply.push_bytes(&[CELL_COUNT]);
    reply.push_bytes(&[0; CELLS]);
    reply.push_bytes(&[TEMPERATURE_COUNT]);
    reply.push_bytes(&[0; TEMPERATURES + 3 + 9]);
    match tail {
        RecordTail::None => {}
        RecordTail::One | RecordTail::Ten | RecordTail::Fourteen => reply.push_bytes(&[0]),
        RecordTail::All => reply.push_bytes(&[0; 5]),
    }
}

/// A record of the log behind its date and time.
///
/// | offset | field |
/// |---|---|
/// | 6-51 | as 0-45 of 42 |
/// | 52-59 | pack_current, pack_voltage, remaining_capacity, full_capacity |
/// | 60-65 | protection_status_1, _2, fault_status_5, warning_status_1, _2, indication_status_3 |
/// | 66-67 | cycle_count |
/// | 68, 69 | fault_status_8, _10 |
/// | 70-71 | status, bit 0: the battery was switched on |
pub(crate) fn log_record(
    date_time: [u8; 6],
    pack: &PackView,
    status: Status,
    power_on: bool,
) -> [u8; super::log::RECORD] {
    let mut record = [0; super::log::RECORD];
    record[..6].copy_from_slice(&date_time);
    record[6..52].copy_from_slice(&sensed(pack.cell_voltage_mv, temperatures(pack)));
    record[52..54].copy_from_slice(&current(pack.pack_current_ma));
    record[54..56].copy_from_slice(&voltage(pack.pack_voltage_mv));
    record[56..58].copy_from_slice(&capacity(pack.remaining_capacity_mah));
    record[58..60].copy_from_slice(&capacity(pack.full_capacity_mah));
    record[60..66].copy_from_slice(&[
        protection_1(pack),
        protection_2(pack),
        fault_5(pack, status),
        warning_1(pack),
        warning_2(pack),
        indication_3(pack),
    ]);
    record[66..68].copy_from_slice(&pack.cycle_count.to_be_bytes());
    record[68] = fault_8(pack, status);
    record[71] = u8::from(power_on);
    record
}

fn any(pack: &PackView, conditions: &[Condition]) -> bool {
    pack.conditions.intersects(ConditionSet::of(conditions))
}

/// A byte of bits, each set while one of its conditions is active; bit 0 first.
fn bits(pack: &PackView, table: &[&[Condition]]) -> u8 {
    (0..)
        .zip(table)
        .filter(|(_, set_by)| any(pack, set_by))
        .fold(0, |byte, (bit, _): (u8, _)| byte | 1 << bit)
}

fn protection_1(pack: &PackView) -> u8 {
    bits(
        pack,
        &[
            &[CellOverVoltageProtection],
            &[CellUnderVoltageProtection],
            &[PackOverVoltageProtection],
            &[PackUnderVoltageProtection],
            &[ChargeOverCurrentProtection, ChargeOverCurrent2Protection],
            &[DischargeOverCurrentProtection, DischargeOverCurrent2Protection],
            &[ShortCircuitProtection],
            &[ChargerOverVoltageProtection],
        ],
    )
}

/// The ambient and MOSFET bits stand in another order than in [`warning_2`].
fn protection_2(pack: &PackView) -> u8 {
    let protections = bits(
        pack,
        &[
            &[ChargeOverTemperatureProtection],
            &[DischargeOverTemperatureProtection],
            &[ChargeUnderTemperatureProtection],
            &[DischargeUnderTemperatureProtection],
            &[MosfetOverTemperatureProtection],
            &[AmbientOverTemperatureProtection],
            &[AmbientUnderTemperatureProtection],
        ],
    );
    protections | u8::from(pack.fully_charged) << 7
}

/// A charger that is connected the wrong way round is not detected; a battery that shuts down says nothing any more.
pub(crate) fn indication_3(pack: &PackView) -> u8 {
    u8::from(pack.heater_on) << 7
        | u8::from(pack.charging_source) << 5
        | u8::from(pack.flow == Flow::Discharging) << 3
        | u8::from(pack.discharge_mosfet_on) << 2
        | u8::from(pack.charge_mosfet_on) << 1
        | u8::from(pack.charge_current_limiter_on)
}

/// The LED and limiter bits are 1 while the function is off; bits 2 and 1 say that a MOSFET is forced off (C).
pub(crate) fn control_4(pack: &PackView, status: Status) -> u8 {
    u8::from(status.test_mode) << 7
        | u8::from(status.system_locked) << 6
        | u8::from(status.led_alarm_off) << 5
        | u8::from(!pack.charge_current_limiter_enabled) << 4
        | u8::from(status.limiter_low_gear) << 3
        | u8::from(pack.discharge_mosfet_forced_off) << 2
        | u8::from(pack.charge_mosfet_forced_off) << 1
        | u8::from(pack.buzzer_on)
}

/// A failed pre-charge is shown as a defect of the discharge switch (README 3.6, D).
fn fault_5(pack: &PackView, status: Status) -> u8 {
    let faults = bits(
        pack,
        &[
            &[ChargeMosfetFault],
            &[DischargeMosfetFault, SoftStartFault],
            &[TemperatureSensorFault],
            &[InternalCommunicationAlarm],
            &[CellFault],
            &[SamplingFault],
        ],
    );
    faults | u8::from(status.pack_offline) << 3
}

fn warning_1(pack: &PackView) -> u8 {
    bits(
        pack,
        &[
            &[CellOverVoltageAlarm],
            &[CellUnderVoltageAlarm],
            &[PackOverVoltageAlarm],
            &[PackUnderVoltageAlarm],
            &[ChargeOverCurrentAlarm],
            &[DischargeOverCurrentAlarm],
        ],
    )
}

fn warning_2(pack: &PackView) -> u8 {
    bits(
        pack,
        &[
            &[ChargeOverTemperatureAlarm],
            &[DischargeOverTemperatureAlarm],
            &[ChargeUnderTemperatureAlarm],
            &[DischargeUnderTemperatureAlarm],
            &[AmbientOverTemperatureAlarm],
            &[AmbientUnderTemperatureAlarm],
            &[MosfetOverTemperatureAlarm],
            &[LowSocAlarm],
        ],
    )
}

/// Pack lock: an over-current protection is not tried again (D); a pack is missed; cells differ in temperature.
fn fault_8(pack: &PackView, status: Status) -> u8 {
    u8::from(pack.over_current_locked) << 6
        | u8::from(status.pack_offline) << 5
        | bits(pack, &[&[], &[TemperatureImbalanceAlarm]])
}

/// The cells that an alarm is about.
fn cell_warnings(pack: &PackView) -> [u8; CELLS] {
    let mut codes = [0; CELLS];
    let cells = pack.cell_voltage_mv.map(|cell| Some(i32::from(cell)));
    let threshold = |parameter| pack.parameters.get(parameter);
    if any(pack, &[CellUnderVoltageAlarm]) {
        mark(&mut codes, cells, BELOW, |cell| {
            threshold(Parameter::CellUnderVoltageAlarm) - cell
        });
    }
    if any(pack, &[CellOverVoltageAlarm]) {
        mark(&mut codes, cells, ABOVE, |cell| {
            cell - threshold(Parameter::CellOverVoltageAlarm)
        });
    }
    codes
}

/// The sensors that an alarm is about; one that is missing while the sensor fault is active.
fn temperature_warnings(pack: &PackView) -> [u8; TEMPERATURES] {
    const CELL_ALARMS: [(Condition, u8, Parameter); 4] = [
        (
            ChargeUnderTemperatureAlarm,
            BELOW,
            Parameter::ChargeUnderTemperatureAlarm,
        ),
        (
            DischargeUnderTemperatureAlarm,
            BELOW,
            Parameter::DischargeUnderTemperatureAlarm,
        ),
        (ChargeOverTemperatureAlarm, ABOVE, Parameter::ChargeOverTemperatureAlarm),
        (
            DischargeOverTemperatureAlarm,
            ABOVE,
            Parameter::DischargeOverTemperatureAlarm,
        ),
    ];
    let mut cells = [0; CELL_SENSORS];
    let readings = pack.cell_temperature_deci_c.map(|reading| reading.map(i32::from));
    for (condition, code, threshold) in CELL_ALARMS {
        if any(pack, &[condition]) {
            let threshold = pack.parameters.get(threshold);
            mark(&mut cells, readings, code, |reading| {
                // Low temperatures trip strictly below the threshold (bms-behaviour 3.1).
                if code == BELOW {
                    threshold - 1 - reading
                } else {
                    reading - threshold
                }
            });
        }
    }
    let [nt1, nt2, nt3, nt4] = cells;
    let mosfet = if any(pack, &[MosfetOverTemperatureAlarm]) {
        ABOVE
    } else {
        0
    };
    let ambient = if any(pack, &[AmbientOverTemperatureAlarm]) {
        ABOVE
    } else if any(pack, &[AmbientUnderTemperatureAlarm]) {
        BELOW
    } else {
        0
    };
    let mut codes = [nt1, nt2, nt3, nt4, mosfet, ambient];
    if any(pack, &[TemperatureSensorFault]) {
        for (code, reading) in codes.iter_mut().zip(temperatures(pack)) {
            if reading.is_none() {
                *code = OTHER;
            }
        }
    }
    codes
}
