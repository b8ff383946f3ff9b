//! Victron's CAN-bus BMS protocol (sheet victron-can): "Victron CAN".
//!
//! 500 kbit/s, 11-bit identifiers, little-endian (B): SMA's frames, and Victron's own for modules, cells, energy and
//! names. What changes fast comes once a second, the rest every ten. A GX device sends 0x305 to 0x307; nothing
//! depends on them.

use core::ops::Range;
use core::time::Duration;

use super::{CanProtocol, Emit, IdFormat, Message, Snapshot, blocks};
use crate::bank::BankView;
use crate::config::{Config, Protocol};
use crate::convert::{div_nearest, saturate_u16};
use crate::frame::CanFrame;

/// Options of Victron CAN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VictronCanOptions {
    /// The text of 0x35E; another maker's name makes the GX treat the battery as that maker's.
    pub manufacturer_name: [u8; 8],
    /// The name of the battery in 0x370 and 0x371.
    pub battery_name: [u8; 16],
    /// The name of the family in 0x382.
    pub family_name: [u8; 8],
    /// Also send 0x35B, events, which no GX uses; this battery has none to tell.
    pub events: bool,
}

impl Default for VictronCanOptions {
    fn default() -> VictronCanOptions {
        VictronCanOptions {
            manufacturer_name: *b"CST\0\0\0\0\0",
            battery_name: *b"CST-LR-51.2-280\0",
            family_name: *b"CST-LR\0\0",
            events: false,
        }
    }
}

/// Victron CAN: the fast frames first, then the slow ones.
pub(crate) const PROTOCOL: CanProtocol = CanProtocol {
    protocol: Protocol::VictronCan,
    id_format: IdFormat::Standard,
    cycle: Duration::from_secs(1),
    messages: &[
        Message::new(0x351, |now, _, data| emit_limits(&now.bank, data)),
        Message::new(0x355, |now, _, data| {
            blocks::emit_state_of_charge_high_res(&now.bank, data);
        }),
        Message::new(0x356, |now, _, data| emit_measurements(&now.bank, data)),
        Message::new(0x35A, |now, _, data| emit_alarms(&now.bank, data)),
        Message::new(0x360, |now, _, data| emit_charge_request(&now.bank, data)),
        Message::new(0x372, |now, _, data| blocks::emit_modules(&now.bank, data)),
        Message::new(0x373, |now, _, data| emit_cell_extremes(&now.bank, data)),
        Message::new(0x35B, |_, _, data| data.fill(0)).only_if(|_, config| config.victron_can.events),
        slow(0x35E, |_, config, data| *data = config.victron_can.manufacturer_name),
        slow(0x35F, |now, config, data| emit_identity(&now.bank, config, data)),
        slow(0x370, |_, config, data| {
            *data = half(&config.victron_can.battery_name, FIRST);
        }),
        slow(0x371, |_, config, data| {
            *data = half(&config.victron_can.battery_name, LAST);
        }),
        slow(0x374, |now, _, data| {
            blocks::emit_place(Some(now.bank.min_cell_voltage_mv), b'C', data);
        }),
        slow(0x375, |now, _, data| {
            blocks::emit_place(Some(now.bank.max_cell_voltage_mv), b'C', data);
        }),
        slow(0x376, |now, _, data| {
            blocks::emit_place(now.bank.cell_temperature.map(|cells| cells.min), b'T', data);
        }),
        slow(0x377, |now, _, data| {
            blocks::emit_place(now.bank.cell_temperature.map(|cells| cells.max), b'T', data);
        }),
        slow(0x378, |now, _, data| emit_energy(&now.bank, data)),
        slow(0x379, |now, _, data| blocks::emit_installed_capacity(&now.bank, data)),
        slow(0x380, |now, config, data| {
            *data = half(&serial_number(now, config), FIRST)
        }),
        slow(0x381, |now, config, data| {
            *data = half(&serial_number(now, config), LAST)
        }),
        slow(0x382, |_, config, data| *data = config.victron_can.family_name),
    ],
    is_keepalive,
};

/// A message that is sent every ten seconds.
const fn slow(id: u32, emit: Emit) -> Message {
    Message {
        every: 10,
        ..Message::new(id, emit)
    }
}

/// The frames of a GX device, whatever is in them.
fn is_keepalive(frame: &CanFrame) -> bool {
    (0x305..=0x307).contains(&frame.raw_id())
}

/// Where the halves of a text of sixteen characters begin.
const FIRST: usize = 0;
const LAST: usize = 8;

fn half(text: &[u8; 16], start: usize) -> [u8; 8] {
    let mut half = [0; 8];
    half.copy_from_slice(&text[start..start + 8]);
    half
}

/// The serial number of the first pack that is online, which is the master.
fn serial_number(now: &Snapshot, config: &Config) -> [u8; 16] {
    let number = now.packs().next().map_or(1, |pack| pack.number);
    config.identity.serial_number_of(number)
}

/// What an unsigned word says that carries no value (C).
const NOT_AVAILABLE: [u8; 2] = 0xFFFF_u16.to_le_bytes();
/// What a signed word says that carries no value (C).
const NOT_AVAILABLE_SIGNED: [u8; 2] = 0x8000_u16.to_le_bytes();

/// 0x351: limits. While charging is forbidden the charge voltage limit is lowered to the pack voltage, since a GX obeys
/// that rather than a current limit of 0 (B; Q-08): rounded up to 0.1 V, never below the battery's range, never 0.
fn emit_limits(view: &BankView, data: &mut [u8; 8]) {
    const CHARGE_VOLTAGE: Range<usize> = 0..2;
    ///
    const LEAST_MV: u32 = 43_200;

    blocks::emit_limits(view, data);
    if !view.charge_enable {
        let rounded_up = view.pack_voltage_mv.div_ceil(100) * 100;
        let limit = rounded_up.min(view.charge_voltage_limit_mv.into()).max(LEAST_MV);
        let deci_volts = saturate_u16(div_nearest(limit.into(), 100));
        data[CHARGE_VOLTAGE].copy_from_slice(&deci_volts.to_le_bytes());
    }
}

/// 0x356: measured values; a temperature that no sensor gives is marked as not available (C).
fn emit_measurements(view: &BankView, data: &mut [u8; 8]) {
    const TEMPERATURE: Range<usize> = 4..6;

    blocks::emit_measurements_beside_marks(view, data);
    if view.cell_temperature.is_none() {
        data[TEMPERATURE].copy_from_slice(&NOT_AVAILABLE_SIGNED);
    }
}

/// 0x35A: alarms and warnings in pairs of bits (B); pair 14 of the warnings says that the system is online (D; Q-17).
fn emit_alarms(view: &BankView, data: &mut [u8; 8]) {
    const SYSTEM_STATUS: usize = 7;
    const ONLINE: u8 = 0b10 << 2;

    blocks::emit_explicit_alarm_pairs(view, data);
    data[SYSTEM_STATUS] |= ONLINE;
}

/// 0x360: 0xFF in byte 0 while the battery wants to be charged at once (C; Q-18: either request).
fn emit_charge_request(view: &BankView, data: &mut [u8; 8]) {
    const REQUEST: usize = 0;
    const WANTED: u8 = 0xFF;

    data.fill(0);
    if view.requests.force_charge_1 || view.requests.force_charge_2 {
        data[REQUEST] = WANTED;
    }
}

/// 0x373: extremes of the cells (B); temperatures in whole kelvin, not available where no sensor is fitted.
fn emit_cell_extremes(view: &BankView, data: &mut [u8; 8]) {
    const MIN_TEMPERATURE: Range<usize> = 4..6;
    const MAX_TEMPERATURE: Range<usize> = 6..8;

    blocks::emit_cell_extremes_kelvin(view, data);
    if view.cell_temperature.is_none() {
        data[MIN_TEMPERATURE].copy_from_slice(&NOT_AVAILABLE);
        data[MAX_TEMPERATURE].copy_from_slice(&NOT_AVAILABLE);
    }
}

/// 0x35F: product (B; capacity D).
///
/// | bytes | field | type |
/// |---|---|---|
/// | 0-1 | product_id, 0 | u16 |
/// | 2-3 | firmware_version, major and minor | u8, u8 |
/// | 4-5 | available_capacity: full (learned), of the packs online, 1 Ah (Q-39) | u16 |
/// | 6-7 | hardware_version, 0 | u16 |
fn emit_identity(view: &BankView, config: &Config, data: &mut [u8; 8]) {
    const PRODUCT: Range<usize> = 0..2;
    const VERSION: Range<usize> = 2..4;
    const CAPACITY: Range<usize> = 4..6;
    const HARDWARE: Range<usize> = 6..8;

    let capacity = saturate_u16(div_nearest(view.full_capacity_mah.into(), 1000));
    data[PRODUCT].fill(0);
    data[VERSION].copy_from_slice(&config.identity.software_version);
    data[CAPACITY].copy_from_slice(&capacity.to_le_bytes());
    data[HARDWARE].fill(0);
}

/// 0x378: energy over the life of the packs online (B).
///
/// | bytes | field | type | unit |
/// |---|---|---|---|
/// | 0-3 | energy_charged | u32 | 0.1 kWh |
/// | 4-7 | energy_discharged | u32 | 0.1 kWh |
fn emit_energy(view: &BankView, data: &mut [u8; 8]) {
    const CHARGED: Range<usize> = 0..4;
    const DISCHARGED: Range<usize> = 4..8;
    const WATT_HOURS: u32 = 100;

    data[CHARGED].copy_from_slice(&(view.lifetime_charge_energy_wh / WATT_HOURS).to_le_bytes());
    data[DISCHARGED].copy_from_slice(&(view.lifetime_discharge_energy_wh / WATT_HOURS).to_le_bytes());
}
