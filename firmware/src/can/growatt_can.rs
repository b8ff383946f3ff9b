//! Growatt CAN for low-voltage batteries (sheet growatt-can): "Growatt CAN LV V1.05".
//!
//! 500 kbit/s, 11-bit identifiers, big-endian, the whole set once a second without being asked. The inverter sends
//! one constant frame, 0x301: without it the battery goes on sending, but after ten minutes it withdraws what it
//! allows. What V1.04 defines is grade A, what V1.05 adds B to D.

use core::ops::Range;
use core::time::Duration;

use embedded_can::Frame;

use super::{CanProtocol, IdFormat, Message, Snapshot};
use crate::bank::BankView;
use crate::config::{Config, Protocol};
use crate::convert::{div_nearest, saturate_i16, saturate_u8, saturate_u16};
use crate::flags::{self, Flag};
use crate::frame::CanFrame;
use crate::limits::derating::Causes;
use crate::pack::PackView;
use crate::pack::cells::{CELL_COUNT, CELLS};
use crate::pack::sensors::CELL_SENSOR_COUNT;
use crate::pack::state::Flow;
use crate::protection::condition::Condition::*;
use crate::protection::condition::{ConditionKind, ConditionSet};

/// Options of Growatt CAN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrowattCanOptions {
    /// The maker's two capitals in 0x320.
    pub manufacturer_name: [u8; 2],
    /// The hardware's version in 0x320, 1..=9 by V1.04.
    pub hardware_version: u8,
    /// After so long without a valid 0x301 limits and enables are withdrawn.
    pub inverter_patience: Duration,
    /// Also send 0x324, 0x329 and 0x330, as Growatt's own packs of later revisions do.
    pub later_frames: bool,
}

impl Default for GrowattCanOptions {
    fn default() -> GrowattCanOptions {
        GrowattCanOptions {
            manufacturer_name: *b"CS",
            hardware_version: 1,
            inverter_patience: Duration::from_secs(600),
            later_frames: false,
        }
    }
}

/// Growatt CAN; the voltages of single cells come last, and from a single pack only.
pub(crate) const PROTOCOL: CanProtocol = CanProtocol {
    protocol: Protocol::GrowattCan,
    id_format: IdFormat::Standard,
    cycle: Duration::from_secs(1),
    messages: &[
        Message::new(0x311, emit_limits),
        Message::new(0x312, emit_alarms),
        Message::new(0x313, |now, _, data| emit_measurements(now, data)),
        Message::new(0x314, |now, _, data| emit_capacity(now, data)),
        Message::new(0x319, emit_requests),
        Message::new(0x320, |_, config, data| emit_manufacturer(config, data)),
        // Nothing is ever programmed over this bus.
        Message::new(0x321, |_, _, data| data.fill(0)),
        Message::new(0x322, |now, _, data| emit_temperature_extremes(now, data)),
        Message::new(0x323, emit_alarms_2),
        Message::new(0x315, |now, _, data| emit_cells(now, 0, data)).only_if(is_single),
        Message::new(0x316, |now, _, data| emit_cells(now, 4, data)).only_if(is_single),
        Message::new(0x317, |now, _, data| emit_cells(now, 8, data)).only_if(is_single),
        Message::new(0x318, |now, _, data| emit_cells(now, 12, data)).only_if(is_single),
        Message::new(0x324, emit_serial_number).only_if(|_, config| config.growatt_can.later_frames),
        Message::new(0x329, |now, _, data| emit_energy(now, data)).only_if(|_, config| config.growatt_can.later_frames),
        Message::new(0x330, |now, _, data| emit_cell_extremes(now, data))
            .only_if(|_, config| config.growatt_can.later_frames),
    ],
    is_keepalive,
};

/// 0x301 with exactly its payload: the decimal numbers 11, 22 .. 88 (A; Q-37). Anything else is no sign of life.
fn is_keepalive(frame: &CanFrame) -> bool {
    const KEEPALIVE: u32 = 0x301;
    const PAYLOAD: [u8; 8] = [11, 22, 33, 44, 55, 66, 77, 88];

    frame.raw_id() == KEEPALIVE && frame.is_standard() && frame.is_data_frame() && frame.data() == PAYLOAD
}

/// Whether the inverter has been silent for so long that nothing is allowed any more.
fn is_abandoned(now: &Snapshot, config: &Config) -> bool {
    now.inverter_silence > config.growatt_can.inverter_patience
}

/// Whether the bank consists of one pack, online or not.
fn is_single(now: &Snapshot, _: &Config) -> bool {
    now.bank.module_count + now.bank.modules_offline == 1
}

fn be(value: i64) -> [u8; 2] {
    saturate_u16(value).to_be_bytes()
}

fn be_signed(value: i64) -> [u8; 2] {
    saturate_i16(value).to_be_bytes()
}

/// 0x311: limits and status (A).
///
/// | bytes | field | type | unit |
/// |---|---|---|---|
/// | 0-1 | charge_voltage_limit | u16 | 0.1 V |
/// | 2-3 | charge_current_limit | u16 | 0.1 A |
/// | 4-5 | discharge_current_limit | u16 | 0.1 A |
/// | 6-7 | status | u16 | bits 0-1 run_state, 2 error_valid, 3 cell_balance, 5 discharge_output, 6 charge_output, 8-9 master_box_mode |
fn emit_limits(now: &Snapshot, config: &Config, data: &mut [u8; 8]) {
    const CHARGE_VOLTAGE: Range<usize> = 0..2;
    const CHARGE_CURRENT: Range<usize> = 2..4;
    const DISCHARGE_CURRENT: Range<usize> = 4..6;
    const STATUS: Range<usize> = 6..8;
    const STANDBY: u16 = 0b01;
    const CHARGING: u16 = 0b10;
    const DISCHARGING: u16 = 0b11;
    const PARALLEL: u16 = 0b01;

    let bank = &now.bank;
    let allowed = |limit: u32| if is_abandoned(now, config) { 0 } else { i64::from(limit) };
    data[CHARGE_VOLTAGE].copy_from_slice(&be(div_nearest(bank.charge_voltage_limit_mv.into(), 100)));
    data[CHARGE_CURRENT].copy_from_slice(&be(allowed(bank.charge_current_limit_deci_a)));
    data[DISCHARGE_CURRENT].copy_from_slice(&be(allowed(bank.discharge_current_limit_deci_a)));

    let flows = |flow: Flow| now.packs().any(|pack| pack.flow == flow);
    let run_state = match bank.pack_current_ma {
        1.. if flows(Flow::Charging) => CHARGING,
        ..=-1 if flows(Flow::Discharging) => DISCHARGING,
        _ => STANDBY,
    };
    let mut protections = [0; 2];
    flags::emit(PROTECTIONS, bank.conditions, &mut protections);
    let (charge, discharge) = outputs(now, config);
    let parallel = if is_single(now, config) { 0 } else { PARALLEL };
    let status = run_state
        | u16::from(protections != [0; 2]) << 2
        | u16::from(now.packs().any(|pack| pack.balancing != 0)) << 3
        | u16::from(discharge) << 5
        | u16::from(charge) << 6
        | parallel << 8;
    data[STATUS].copy_from_slice(&status.to_be_bytes());
}

/// Whether charging and discharging are allowed.
fn outputs(now: &Snapshot, config: &Config) -> (bool, bool) {
    let abandoned = is_abandoned(now, config);
    (
        now.bank.charge_enable && !abandoned,
        now.bank.discharge_enable && !abandoned,
    )
}

/// The places of bytes 0 and 1 of 0x312 (README 3.6, column GRC, with its substitutes in brackets).
const PROTECTIONS: &[Flag] = &[
    Flag::new(0, 0, &[SoftStartFault]),
    Flag::new(0, 1, &[PackUnderVoltageProtection]),
    Flag::new(0, 2, &[PackOverVoltageProtection, ChargerOverVoltageProtection]),
    Flag::new(0, 3, &[CellUnderVoltageProtection]),
    Flag::new(0, 4, &[CellOverVoltageProtection]),
    Flag::new(0, 5, &[ShortCircuitProtection]),
    Flag::new(0, 6, &[ChargeOverCurrentProtection, ChargeOverCurrent2Protection]),
    Flag::new(0, 7, &[DischargeOverCurrentProtection, DischargeOverCurrent2Protection]),
    Flag::new(
        1,
        3,
        &[
            CellFault,
            ChargeMosfetFault,
            DischargeMosfetFault,
            TemperatureSensorFault,
            SamplingFault,
            SystemErrorFault,
        ],
    ),
    Flag::new(1, 4, &[ChargeUnderTemperatureProtection]),
    Flag::new(
        1,
        5,
        &[DischargeUnderTemperatureProtection, AmbientUnderTemperatureProtection],
    ),
    Flag::new(1, 6, &[ChargeOverTemperatureProtection]),
    Flag::new(
        1,
        7,
        &[
            DischargeOverTemperatureProtection,
            MosfetOverTemperatureProtection,
            AmbientOverTemperatureProtection,
        ],
    ),
];

/// The places of bytes 2 and 3 of 0x312, from the first of the two on.
const WARNINGS: &[Flag] = &[
    Flag::new(0, 1, &[PackUnderVoltageAlarm]),
    Flag::new(0, 2, &[PackOverVoltageAlarm]),
    Flag::new(0, 3, &[CellUnderVoltageAlarm]),
    Flag::new(0, 4, &[CellOverVoltageAlarm]),
    Flag::new(0, 6, &[ChargeOverCurrentAlarm]),
    Flag::new(0, 7, &[DischargeOverCurrentAlarm]),
    Flag::new(1, 0, &[InternalCommunicationAlarm]),
    Flag::new(1, 4, &[ChargeUnderTemperatureAlarm]),
    Flag::new(1, 5, &[DischargeUnderTemperatureAlarm, AmbientUnderTemperatureAlarm]),
    Flag::new(1, 6, &[ChargeOverTemperatureAlarm]),
    Flag::new(
        1,
        7,
        &[
            DischargeOverTemperatureAlarm,
            MosfetOverTemperatureAlarm,
            AmbientOverTemperatureAlarm,
        ],
    ),
];

/// 0x312: protections, warnings, counts (A; derating reasons C).
///
/// | bytes | field |
/// |---|---|
/// | 0-1 | protections |
/// | 2-3 | warnings; 3.1 external communication |
/// | 4 | pack_count |
/// | 5-6 | derate_reason, u16: what takes the limits back |
/// | 7 | cell_count of the system |
fn emit_alarms(now: &Snapshot, config: &Config, data: &mut [u8; 8]) {
    const PROTECTION_BYTES: Range<usize> = 0..2;
    const WARNING_BYTES: Range<usize> = 2..4;
    const WARNING_2: usize = 3;
    const PACK_COUNT: usize = 4;
    const DERATE_REASON: Range<usize> = 5..7;
    const CELLS_OF_SYSTEM: usize = 7;

    flags::emit(PROTECTIONS, now.bank.conditions, &mut data[PROTECTION_BYTES]);
    flags::emit(WARNINGS, now.bank.conditions, &mut data[WARNING_BYTES]);
    data[WARNING_2] |= u8::from(is_abandoned(now, config)) << 1;
    data[PACK_COUNT] = now.bank.module_count;
    data[DERATE_REASON].copy_from_slice(&derate_reason(now, config).to_be_bytes());
    data[CELLS_OF_SYSTEM] = cell_count(now);
}

/// Why the limits are lower than they could be (table 2e, C): bit 0 cell voltage high, 1 low, 2 cell temperature high,
/// 3 low, 9 fully charged, 10 power stage hot, 13 communication.
fn derate_reason(now: &Snapshot, config: &Config) -> u16 {
    let of_packs = now.packs().fold(0, |reasons, pack| {
        let causes = Causes::of(pack);
        reasons
            | u16::from(causes.high_cell)
            | u16::from(causes.low_cell) << 1
            | u16::from(causes.hot_cell) << 2
            | u16::from(causes.cold_cell) << 3
            | u16::from(pack.full_hold) << 9
            | u16::from(causes.hot_mosfet) << 10
    });
    of_packs | u16::from(is_abandoned(now, config)) << 13
}

fn cell_count(now: &Snapshot) -> u8 {
    now.bank.module_count.saturating_mul(CELL_COUNT)
}

/// 0x313: measured values (A; temperature as in V1.05: the mean, B).
///
/// | bytes | field | type | unit |
/// |---|---|---|---|
/// | 0-1 | pack_voltage, mean of the packs | i16 | 0.01 V |
/// | 2-3 | pack_current, sum, positive = charging | i16 | 0.1 A |
/// | 4-5 | temperature, mean of the cells; 0 where no sensor is fitted | i16 | 0.1 degC |
/// | 6 | soc | u8 | % |
/// | 7 | soh; bit 7 is an end-of-life warning, never set | u8 | % |
fn emit_measurements(now: &Snapshot, data: &mut [u8; 8]) {
    const VOLTAGE: Range<usize> = 0..2;
    const CURRENT: Range<usize> = 2..4;
    const TEMPERATURE: Range<usize> = 4..6;
    const SOC: usize = 6;
    const SOH: usize = 7;

    let bank = &now.bank;
    let temperature = bank.cell_temperature.map_or(0, |cells| cells.mean_deci_c.into());
    data[VOLTAGE].copy_from_slice(&be_signed(div_nearest(bank.pack_voltage_mv.into(), 10)));
    data[CURRENT].copy_from_slice(&be_signed(div_nearest(bank.pack_current_ma.into(), 100)));
    data[TEMPERATURE].copy_from_slice(&be_signed(temperature));
    data[SOC] = bank.soc_percent;
    data[SOH] = bank.soh_percent.min(100);
}

/// 0x314: capacity (A). What does not fit stops at 655.35 Ah.
///
/// | bytes | field | type | unit |
/// |---|---|---|---|
/// | 0-1 | remaining_capacity, sum | u16 | 10 mAh |
/// | 2-3 | full_charge_capacity, sum | u16 | 10 mAh |
/// | 4-5 | cell_voltage_delta | u16 | 1 mV |
/// | 6-7 | cycle_count, the highest | u16 | |
fn emit_capacity(now: &Snapshot, data: &mut [u8; 8]) {
    const REMAINING: Range<usize> = 0..2;
    const FULL: Range<usize> = 2..4;
    const DELTA: Range<usize> = 4..6;
    const CYCLES: Range<usize> = 6..8;

    let bank = &now.bank;
    let delta = bank
        .max_cell_voltage_mv
        .value
        .saturating_sub(bank.min_cell_voltage_mv.value);
    data[REMAINING].copy_from_slice(&be(div_nearest(bank.remaining_capacity_mah.into(), 10)));
    data[FULL].copy_from_slice(&be(div_nearest(bank.full_capacity_mah.into(), 10)));
    data[DELTA].copy_from_slice(&delta.to_be_bytes());
    data[CYCLES].copy_from_slice(&bank.cycle_count.to_be_bytes());
}

/// 0x315 to 0x318: voltages of four cells, u16, 1 mV (A); `first` counts from 0.
fn emit_cells(now: &Snapshot, first: usize, data: &mut [u8; 8]) {
    let cells = now.packs().next().map_or([0; CELLS], |pack| pack.cell_voltage_mv);
    for (word, cell) in data.as_chunks_mut::<2>().0.iter_mut().zip(cells.iter().skip(first)) {
        *word = cell.to_be_bytes();
    }
}

/// 0x319: enables, requests, chemistry, extremes of the cells (A).
///
/// | bytes | field | type | unit |
/// |---|---|---|---|
/// | 0 | bit 7 charge_enable, 6 discharge_enable, 5 force_charge_1; bits 1-0 chemistry, 00 LiFePO4 | | |
/// | 1-2 | cell_voltage_max | u16 | 1 mV |
/// | 3-4 | cell_voltage_min | u16 | 1 mV |
/// | 5 | cell_voltage_max_number, running through the packs (Q-21) | u8 | |
/// | 6 | cell_voltage_min_number | u8 | |
/// | 7 | protect_pack_id: address of the first pack that has tripped, 0 none | u8 | |
fn emit_requests(now: &Snapshot, config: &Config, data: &mut [u8; 8]) {
    const FLAGS: usize = 0;
    const MAX: Range<usize> = 1..3;
    const MIN: Range<usize> = 3..5;
    const MAX_NUMBER: usize = 5;
    const MIN_NUMBER: usize = 6;
    const PROTECTED_PACK: usize = 7;

    let bank = &now.bank;
    let (charge, discharge) = outputs(now, config);
    let tripped = |conditions: ConditionSet| {
        conditions
            .iter()
            .any(|condition| condition.kind() != ConditionKind::Alarm)
    };
    let protected = now.packs().find(|pack| tripped(pack.conditions));
    data[FLAGS] = u8::from(charge) << 7 | u8::from(discharge) << 6 | u8::from(bank.requests.force_charge_1) << 5;
    data[MAX].copy_from_slice(&bank.max_cell_voltage_mv.value.to_be_bytes());
    data[MIN].copy_from_slice(&bank.min_cell_voltage_mv.value.to_be_bytes());
    data[MAX_NUMBER] = saturate_u8(bank.max_cell_voltage_mv.running_number(CELL_COUNT).into());
    data[MIN_NUMBER] = saturate_u8(bank.min_cell_voltage_mv.running_number(CELL_COUNT).into());
    data[PROTECTED_PACK] = protected.map_or(0, |pack| pack.address);
}

/// 0x320: maker and versions (A; versions as in V1.05, C).
///
/// | bytes | field |
/// |---|---|
/// | 0-1 | manufacturer_name, ASCII |
/// | 2 | hardware_version |
/// | 3 | software_version, its low part |
/// | 4-7 | 0: no date, no further versions |
fn emit_manufacturer(config: &Config, data: &mut [u8; 8]) {
    const NAME: Range<usize> = 0..2;
    const HARDWARE: usize = 2;
    const SOFTWARE: usize = 3;
    const REST: Range<usize> = 4..8;

    let [_, low] = config.identity.software_version;
    data[NAME].copy_from_slice(&config.growatt_can.manufacturer_name);
    data[HARDWARE] = config.growatt_can.hardware_version;
    data[SOFTWARE] = low;
    data[REST].fill(0);
}

/// 0x322: range of temperatures and of the packs' state of charge (B).
///
/// | bytes | field | type | unit |
/// |---|---|---|---|
/// | 0-1 | temp_cell_max; 0 where no sensor is fitted | i16 | 0.1 degC |
/// | 2-3 | temp_cell_min | i16 | 0.1 degC |
/// | 4 | temp_max_number, running through the packs; 0 where no sensor is fitted | u8 | |
/// | 5 | temp_min_number | u8 | |
/// | 6 | soc_max of the packs | u8 | % |
/// | 7 | soc_min of the packs | u8 | % |
fn emit_temperature_extremes(now: &Snapshot, data: &mut [u8; 8]) {
    const MAX: Range<usize> = 0..2;
    const MIN: Range<usize> = 2..4;
    const MAX_NUMBER: usize = 4;
    const MIN_NUMBER: usize = 5;
    const SOC_MAX: usize = 6;
    const SOC_MIN: usize = 7;

    let (max, min) = (
        now.bank.cell_temperature.map(|cells| cells.max),
        now.bank.cell_temperature.map(|cells| cells.min),
    );
    data[MAX].copy_from_slice(&max.map_or(0, |max| max.value).to_be_bytes());
    data[MIN].copy_from_slice(&min.map_or(0, |min| min.value).to_be_bytes());
    let number = |running: u16| saturate_u8(running.into());
    data[MAX_NUMBER] = max.map_or(0, |max| number(max.running_number(CELL_SENSOR_COUNT)));
    data[MIN_NUMBER] = min.map_or(0, |min| number(min.running_number(CELL_SENSOR_COUNT)));
    // Each pack is shown as a bank of its own would be.
    let soc = |of: fn(u8, u8) -> u8| {
        let packs = now
            .packs()
            .map(|pack| BankView::of(core::iter::once(*pack)).soc_percent);
        packs.reduce(of).unwrap_or(0)
    };
    data[SOC_MAX] = soc(u8::max);
    data[SOC_MIN] = soc(u8::min);
}

/// The places of 0x323 from byte 4 on (README 3.6, table 8a of the sheet, column V1.05).
const FAULTS: &[Flag] = &[Flag::new(0, 5, &[SamplingFault])];

/// 0x323: number of cells and further flags (B, flags C).
///
/// | bytes | field |
/// |---|---|
/// | 0 | cell_count of the system |
/// | 1-3 | 0 |
/// | 4-7 | protection_3 to 5 and warning_3; 4.2 external communication, 4.5 sampling |
fn emit_alarms_2(now: &Snapshot, config: &Config, data: &mut [u8; 8]) {
    const CELLS_OF_SYSTEM: usize = 0;
    const UNKNOWN: Range<usize> = 1..4;
    const FLAGS: Range<usize> = 4..8;
    const PROTECTION_3: usize = 4;

    data[CELLS_OF_SYSTEM] = cell_count(now);
    data[UNKNOWN].fill(0);
    flags::emit(FAULTS, now.bank.conditions, &mut data[FLAGS]);
    data[PROTECTION_3] |= u8::from(is_abandoned(now, config)) << 2;
}

/// The pack whose turn it is, where each has `cycles` of them.
fn pack_in_turn(now: &Snapshot, cycles: u64) -> Option<&PackView> {
    let packs = u64::try_from(now.packs().count()).unwrap_or(1).max(1);
    let turn = usize::try_from(now.cycle / cycles % packs).unwrap_or(0);
    now.packs().nth(turn)
}

/// 0x324: serial number of a pack in three pages, one a second (C).
///
/// | bytes | field |
/// |---|---|
/// | 0 | page |
/// | 1-7 | page 0: number of the pack, six characters; page 1, page 2: seven characters, filled with zero bytes |
fn emit_serial_number(now: &Snapshot, config: &Config, data: &mut [u8; 8]) {
    const PAGE: usize = 0;
    const PAGES: u64 = 3;
    const TEXT: Range<usize> = 1..8;

    data.fill(0);
    let Some(pack) = pack_in_turn(now, PAGES) else { return };
    let page = now.cycle % PAGES;
    // The number of the pack stands before the twenty characters, of which sixteen are in use.
    let mut text = [0; 21];
    text[0] = pack.number;
    text[1..17].copy_from_slice(&config.identity.serial_number_of(pack.number));
    data[PAGE] = saturate_u8(i64::try_from(page).unwrap_or(0));
    let start = usize::try_from(page).unwrap_or(0) * TEXT.len();
    data[TEXT].copy_from_slice(&text[start..start + TEXT.len()]);
}

/// 0x329: energy out of and into a pack, the packs in turn (C).
///
/// | bytes | field | type | unit |
/// |---|---|---|---|
/// | 0 | number of the pack | u8 | |
/// | 1-3 | discharged energy | u24 | 0.1 kWh |
/// | 4 | number of the pack | u8 | |
/// | 5-7 | charged energy | u24 | 0.1 kWh |
fn emit_energy(now: &Snapshot, data: &mut [u8; 8]) {
    const DISCHARGED_PACK: usize = 0;
    const DISCHARGED: Range<usize> = 1..4;
    const CHARGED_PACK: usize = 4;
    const CHARGED: Range<usize> = 5..8;

    data.fill(0);
    let Some(pack) = pack_in_turn(now, 1) else { return };
    let tenths = |watt_hours: u32| {
        let [_, rest @ ..] = (watt_hours / 100).min(0xFF_FFFF).to_be_bytes();
        rest
    };
    (data[DISCHARGED_PACK], data[CHARGED_PACK]) = (pack.number, pack.number);
    data[DISCHARGED].copy_from_slice(&tenths(pack.lifetime_discharge_energy_wh));
    data[CHARGED].copy_from_slice(&tenths(pack.lifetime_charge_energy_wh));
}

/// 0x330: extremes of the cells with pack and cell, each from 1 (C).
///
/// | bytes | field | type | unit |
/// |---|---|---|---|
/// | 0-1 | pack and cell of the highest | u8, u8 | |
/// | 2-3 | pack and cell of the lowest | u8, u8 | |
/// | 4-5 | highest | u16 | 1 mV |
/// | 6-7 | lowest | u16 | 1 mV |
fn emit_cell_extremes(now: &Snapshot, data: &mut [u8; 8]) {
    const MAX_PLACE: Range<usize> = 0..2;
    const MIN_PLACE: Range<usize> = 2..4;
    const MAX: Range<usize> = 4..6;
    const MIN: Range<usize> = 6..8;

    let (max, min) = (now.bank.max_cell_voltage_mv, now.bank.min_cell_voltage_mv);
    data[MAX_PLACE].copy_from_slice(&[max.pack, max.index]);
    data[MIN_PLACE].copy_from_slice(&[min.pack, min.index]);
    data[MAX].copy_from_slice(&max.value.to_be_bytes());
    data[MIN].copy_from_slice(&min.value.to_be_bytes());
}
