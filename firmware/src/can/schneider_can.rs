//! Schneider Electric's BMS protocol, version 2 (sheet schneider-can): "Schneider CAN V2.0".
//!
//! 500 kbit/s, 29-bit identifiers with small numbers, big-endian (C). The battery broadcasts in three groups, every
//! 0.5, 2 and 10 seconds; a gateway sends a heartbeat on 0x310, and nothing depends on it.

use core::ops::Range;
use core::time::Duration;

use embedded_can::Frame;

use super::{CanProtocol, Emit, IdFormat, Message, Snapshot};
use crate::bank::BankView;
use crate::config::{Config, Protocol};
use crate::convert::{div_nearest, saturate_i32, saturate_u16};
use crate::flags::{self, Flag};
use crate::frame::CanFrame;
use crate::protection::condition::Condition::*;

/// Options of Schneider CAN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SchneiderCanOptions {
    /// The number that Schneider has issued to the maker; 0 = not registered.
    pub manufacturer_id: u16,
    /// The number that Schneider has issued for the model.
    pub model_id: u16,
}

/// Schneider CAN: the fast group, the medium, the slow one.
pub(crate) const PROTOCOL: CanProtocol = CanProtocol {
    protocol: Protocol::SchneiderCan,
    id_format: IdFormat::Extended,
    cycle: Duration::from_millis(500),
    messages: &[
        Message::new(0x321, |now, _, data| emit_voltage_limits(&now.bank, data)),
        Message::new(0x322, |now, _, data| emit_current_limits(&now.bank, data)),
        Message::new(0x323, |now, _, data| emit_measurements(&now.bank, data)),
        Message::new(0x324, |now, _, data| emit_state_of_charge(&now.bank, data)).with_length(|_| 4),
        Message::new(0x325, |now, _, data| emit_status(&now.bank, data)).with_length(|_| 6),
        medium(0x320, |_, _, data| *data = VERSION).with_length(|_| 2),
        medium(0x326, |now, _, data| emit_battery_state(&now.bank, data)),
        medium(0x327, |now, _, data| emit_cell_extremes(&now.bank, data)),
        slow(0x328, |now, _, data| emit_energy(&now.bank, data)),
        slow(0x330, emit_identity),
        slow(0x331, |now, config, data| {
            data.copy_from_slice(&serial_number(now, config)[4..12])
        }),
        slow(0x332, |now, config, data| {
            data.copy_from_slice(&serial_number(now, config)[12..20])
        }),
        slow(0x333, |_, _, data| *data = UNIQUE_ID),
    ],
    is_keepalive,
};

/// A message that is sent every 2 s.
const fn medium(id: u32, emit: Emit) -> Message {
    Message {
        every: 4,
        ..Message::new(id, emit)
    }
}

/// A message that is sent every 10 s.
const fn slow(id: u32, emit: Emit) -> Message {
    Message {
        every: 20,
        ..Message::new(id, emit)
    }
}

/// The gateway's heartbeat, whatever is in it; a frame of 11 bits with this number is none of this protocol.
fn is_keepalive(frame: &CanFrame) -> bool {
    frame.raw_id() == 0x310 && frame.is_extended()
}

/// 0x320: version 2 of the protocol, u16.
pub(crate) const VERSION: [u8; 8] = [0, 2, 0, 0, 0, 0, 0, 0];
/// 0x333: by this text a gateway knows the battery.
pub(crate) const UNIQUE_ID: [u8; 8] = *b"SEBMS\0\0\0";

const FIRST: Range<usize> = 0..4;
const SECOND: Range<usize> = 4..8;

fn put_u32(data: &mut [u8; 8], field: Range<usize>, value: u32) {
    data[field].copy_from_slice(&value.to_be_bytes());
}

fn put_i32(data: &mut [u8; 8], field: Range<usize>, value: i64) {
    data[field].copy_from_slice(&saturate_i32(value).to_be_bytes());
}

/// In 0.01 V, to the nearest.
fn centivolts(millivolts: u32) -> u32 {
    millivolts / 10 + u32::from(millivolts % 10 >= 5)
}

/// 0x321: voltage limits: max_charge_voltage and min_discharge_voltage, u32, 0.01 V.
pub(crate) fn emit_voltage_limits(view: &BankView, data: &mut [u8; 8]) {
    put_u32(data, FIRST, centivolts(view.charge_voltage_limit_mv.into()));
    put_u32(data, SECOND, centivolts(view.discharge_voltage_limit_mv.into()));
}

/// 0x322: max_charge_current and max_discharge_current, magnitudes, i32, 0.01 A.
pub(crate) fn emit_current_limits(view: &BankView, data: &mut [u8; 8]) {
    put_i32(data, FIRST, i64::from(view.charge_current_limit_deci_a) * 10);
    put_i32(data, SECOND, i64::from(view.discharge_current_limit_deci_a) * 10);
}

/// 0x323: battery_voltage, mean of the packs, u32, 0.01 V; battery_current, sum, positive = charging, i32, 0.01 A.
pub(crate) fn emit_measurements(view: &BankView, data: &mut [u8; 8]) {
    put_u32(data, FIRST, centivolts(view.pack_voltage_mv));
    put_i32(data, SECOND, div_nearest(view.pack_current_ma.into(), 10));
}

/// 0x324: average_temperature, 0 where no sensor is fitted, i16, 0.1 degC; soc, rounded down, u16, 0.1 %.
pub(crate) fn emit_state_of_charge(view: &BankView, data: &mut [u8; 8]) {
    const TEMPERATURE: Range<usize> = 0..2;
    const SOC: Range<usize> = 2..4;
    const REST: Range<usize> = 4..8;

    let temperature = view.cell_temperature.map_or(0, |cells| cells.mean_deci_c);
    // As in whole per cent: 0 only when every pack is empty.
    let least = u16::from(view.soc_percent > 0);
    data[TEMPERATURE].copy_from_slice(&temperature.to_be_bytes());
    data[SOC].copy_from_slice(&(view.soc_centipercent / 10).max(least).to_be_bytes());
    data[REST].fill(0);
}

/// The places of the warnings (README 3.6, column SCC), bits of a word that is sent high byte first.
const WARNINGS: &[Flag] = &[
    Flag::new(1, 0, &[ChargeOverCurrentAlarm]),
    Flag::new(1, 1, &[DischargeOverCurrentAlarm]),
    Flag::new(
        1,
        2,
        &[
            ChargeOverTemperatureAlarm,
            DischargeOverTemperatureAlarm,
            MosfetOverTemperatureAlarm,
            AmbientOverTemperatureAlarm,
        ],
    ),
    Flag::new(
        1,
        3,
        &[
            ChargeUnderTemperatureAlarm,
            DischargeUnderTemperatureAlarm,
            AmbientUnderTemperatureAlarm,
        ],
    ),
    Flag::new(1, 4, &[CellOverVoltageAlarm, PackOverVoltageAlarm]),
    Flag::new(1, 5, &[CellUnderVoltageAlarm, PackUnderVoltageAlarm]),
    Flag::new(1, 6, &[CellImbalanceAlarm]),
    Flag::new(1, 7, &[InternalCommunicationAlarm]),
];

/// The places of the faults, in the same order.
const FAULTS: &[Flag] = &[
    Flag::new(
        0,
        0,
        &[
            CellFault,
            ChargeMosfetFault,
            DischargeMosfetFault,
            TemperatureSensorFault,
            SamplingFault,
            SoftStartFault,
            SystemErrorFault,
        ],
    ),
    Flag::new(1, 0, &[ChargeOverCurrentProtection, ChargeOverCurrent2Protection]),
    Flag::new(
        1,
        1,
        &[
            DischargeOverCurrentProtection,
            DischargeOverCurrent2Protection,
            ShortCircuitProtection,
        ],
    ),
    Flag::new(
        1,
        2,
        &[
            ChargeOverTemperatureProtection,
            DischargeOverTemperatureProtection,
            MosfetOverTemperatureProtection,
            AmbientOverTemperatureProtection,
        ],
    ),
    Flag::new(
        1,
        3,
        &[
            ChargeUnderTemperatureProtection,
            DischargeUnderTemperatureProtection,
            AmbientUnderTemperatureProtection,
        ],
    ),
    Flag::new(
        1,
        4,
        &[
            CellOverVoltageProtection,
            PackOverVoltageProtection,
            ChargerOverVoltageProtection,
        ],
    ),
    Flag::new(1, 5, &[CellUnderVoltageProtection, PackUnderVoltageProtection]),
];

/// Whether neither direction is allowed (D; Q-26).
fn is_stopped(view: &BankView) -> bool {
    !view.charge_enable && !view.discharge_enable
}

/// 0x325: commands, warnings, faults (which condition sets what: README 3.6, D).
///
/// | bytes | field |
/// |---|---|
/// | 0-1 | commands: bit 0 force_charge_request (either request, Q-18), 1 charge_permitted, 2 discharge_permitted, 3 stop |
/// | 2-3 | warnings |
/// | 4-5 | faults |
pub(crate) fn emit_status(view: &BankView, data: &mut [u8; 8]) {
    const COMMANDS: Range<usize> = 0..2;
    const WARNING_BITS: Range<usize> = 2..4;
    const FAULT_BITS: Range<usize> = 4..6;
    const REST: Range<usize> = 6..8;

    let force = view.requests.force_charge_1 || view.requests.force_charge_2;
    let commands = u16::from(force)
        | u16::from(view.charge_enable) << 1
        | u16::from(view.discharge_enable) << 2
        | u16::from(is_stopped(view)) << 3;
    data[COMMANDS].copy_from_slice(&commands.to_be_bytes());
    flags::emit(WARNINGS, view.conditions, &mut data[WARNING_BITS]);
    flags::emit(FAULTS, view.conditions, &mut data[FAULT_BITS]);
    data[REST].fill(0);
}

/// 0x326: battery_state, 3 online or 4 faulted; cycle_count; soh in %; full_charge_capacity in 0.1 Ah; all u16.
pub(crate) fn emit_battery_state(view: &BankView, data: &mut [u8; 8]) {
    const STATE: Range<usize> = 0..2;
    const CYCLES: Range<usize> = 2..4;
    const SOH: Range<usize> = 4..6;
    const CAPACITY: Range<usize> = 6..8;
    const ONLINE: u16 = 3;
    const FAULTED: u16 = 4;

    let state = if is_stopped(view) { FAULTED } else { ONLINE };
    let capacity = saturate_u16(div_nearest(view.full_capacity_mah.into(), 100));
    data[STATE].copy_from_slice(&state.to_be_bytes());
    data[CYCLES].copy_from_slice(&view.cycle_count.to_be_bytes());
    data[SOH].copy_from_slice(&u16::from(view.soh_percent).to_be_bytes());
    data[CAPACITY].copy_from_slice(&capacity.to_be_bytes());
}

/// 0x327: highest and lowest cell temperature, i16, 0.1 degC, 0 where no sensor is fitted; highest and lowest cell,
/// u16, 1 mV.
pub(crate) fn emit_cell_extremes(view: &BankView, data: &mut [u8; 8]) {
    const MAX_TEMPERATURE: Range<usize> = 0..2;
    const MIN_TEMPERATURE: Range<usize> = 2..4;
    const MAX_VOLTAGE: Range<usize> = 4..6;
    const MIN_VOLTAGE: Range<usize> = 6..8;

    let (max, min) = view
        .cell_temperature
        .map_or((0, 0), |cells| (cells.max.value, cells.min.value));
    data[MAX_TEMPERATURE].copy_from_slice(&max.to_be_bytes());
    data[MIN_TEMPERATURE].copy_from_slice(&min.to_be_bytes());
    data[MAX_VOLTAGE].copy_from_slice(&view.max_cell_voltage_mv.value.to_be_bytes());
    data[MIN_VOLTAGE].copy_from_slice(&view.min_cell_voltage_mv.value.to_be_bytes());
}

/// 0x328: lifetime_charge_energy and lifetime_discharge_energy of the packs online, u32, 1 Wh.
pub(crate) fn emit_energy(view: &BankView, data: &mut [u8; 8]) {
    put_u32(data, FIRST, view.lifetime_charge_energy_wh);
    put_u32(data, SECOND, view.lifetime_discharge_energy_wh);
}

/// The serial number of the master.
fn serial_number(now: &Snapshot, config: &Config) -> [u8; 20] {
    let number = now.packs().next().map_or(1, |pack| pack.number);
    right_aligned(config.identity.serial_number_of(number))
}

/// A serial number as twenty characters: at the right end, zero bytes before it (D).
pub(crate) fn right_aligned(serial_number: [u8; 16]) -> [u8; 20] {
    let mut text = [0; 20];
    text[4..].copy_from_slice(&serial_number);
    text
}

/// 0x330: manufacturer_id and model_id, u16; characters 19 to 16 of the serial number.
fn emit_identity(now: &Snapshot, config: &Config, data: &mut [u8; 8]) {
    const MANUFACTURER: Range<usize> = 0..2;
    const MODEL: Range<usize> = 2..4;
    const SERIAL: Range<usize> = 4..8;

    data[MANUFACTURER].copy_from_slice(&config.schneider_can.manufacturer_id.to_be_bytes());
    data[MODEL].copy_from_slice(&config.schneider_can.model_id.to_be_bytes());
    data[SERIAL].copy_from_slice(&serial_number(now, config)[..4]);
}
