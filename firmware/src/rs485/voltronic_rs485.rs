//! Voltronic Power RS485, battery type LIb (sheet voltronic-rs485, A): "Voltronic RS485 Inverter V1.5".
//!
//! 9600 8N1. Questions and CRC as in Modbus; a reply tells its length in registers, in two bytes. Every battery answers to
//! 0x01, and to its own id (the DIP address, D). What has no register reads 0.
//!
//! | registers | content | of |
//! |---|---|---|
//! | 0x0001..0x0006 | version | pack |
//! | 0x0010..0x002F | cells and temperatures | pack |
//! | 0x0030..0x0035 | measurements | bank |
//! | 0x0036..0x003F | alarms and protections | bank |
//! | 0x0040..0x0069 | codes for each cell, sensor and limit | pack |
//! | 0x0070..0x0077 | limits and requests | voltages of the pack, the rest of the bank |

use super::modbus::{Access, LengthField, Question, Reply};
use super::pylon_rs485::pack_questions::{ABOVE, BELOW, cell_status, temperature_status};
use super::{Answer, Context, Outcome, SerialProtocol};
use crate::bank::BankView;
use crate::config::{Identity, Protocol};
use crate::convert::{div_nearest, saturate_u16};
use crate::flags::{self, Flag};
use crate::pack::PackView;
use crate::pack::cells::CELL_COUNT;
use crate::protection::condition::Condition::{self, *};

/// Options of Voltronic RS485.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VoltronicRs485Options {
    /// How a reply tells its length (Q-35: in registers; the others are met in the field).
    pub length: LengthField,
}

/// Voltronic RS485.
pub(crate) const PROTOCOL: SerialProtocol = SerialProtocol {
    protocol: Protocol::VoltronicRs485,
    answer: Answer::Modbus(answer),
};

/// Every battery answers to this id.
const COMMON_ID: u8 = 0x01;
/// The ids that batteries can have.
const IDS: core::ops::RangeInclusive<u8> = 1..=16;
/// Registers that one read may ask for (D: the document has no limit).
const READ_AT_MOST: u16 = 120;
/// Length of a read question.
const QUESTION_LENGTH: usize = 8;
/// Four cells, surroundings, power stage.
const TEMPERATURE_SENSORS: u16 = 6;

/// Codes of an error reply (sheet, "Errors").
mod error {
    pub(super) const ID: u8 = 0x01;
    pub(super) const COMMAND: u8 = 0x02;
    pub(super) const CRC: u8 = 0x03;
}

/// The places in registers 0x0037 to 0x003C, two bytes each, high byte first (README 3.6, column VOL, with its substitutes).
/// The "in system" signal is not driven (D).
const ALARMS: &[Flag] = &[
    // 0x0037 charge_alarm
    Flag::new(1, 0, &[ChargeOverTemperatureAlarm]),
    Flag::new(1, 1, &[CellOverVoltageAlarm]),
    Flag::new(1, 2, &[ChargeUnderTemperatureAlarm]),
    Flag::new(1, 3, &[ChargeOverCurrentAlarm]),
    // 0x0038 discharge_alarm
    Flag::new(3, 0, &[DischargeOverTemperatureAlarm]),
    Flag::new(3, 1, &[DischargeUnderTemperatureAlarm]),
    Flag::new(3, 2, &[MosfetOverTemperatureAlarm]),
    Flag::new(3, 3, &[CellUnderVoltageAlarm]),
    // 0x0039 charge_protect
    Flag::new(5, 1, &[ChargeMosfetFault]),
    Flag::new(5, 2, &[SamplingFault]),
    Flag::new(5, 6, &[MosfetOverTemperatureProtection]),
    Flag::new(4, 0, &[ChargeOverTemperatureProtection]),
    Flag::new(4, 1, &[ChargeUnderTemperatureProtection]),
    Flag::new(4, 2, &[CellOverVoltageProtection, ChargerOverVoltageProtection]),
    Flag::new(4, 3, &[ChargeOverCurrentProtection]),
    Flag::new(4, 7, &[ChargeOverCurrent2Protection]),
    // 0x003A charge_protect_2: nothing of it is detected.
    // 0x003B discharge_protect
    Flag::new(9, 1, &[DischargeMosfetFault]),
    Flag::new(8, 2, &[MosfetOverTemperatureProtection]),
    Flag::new(8, 3, &[CellUnderVoltageProtection]),
    Flag::new(8, 4, &[DischargeOverCurrentProtection]),
    Flag::new(8, 5, &[DischargeUnderTemperatureProtection]),
    Flag::new(8, 6, &[DischargeOverTemperatureProtection]),
    // 0x003C discharge_protect_2
    Flag::new(11, 0, &[SamplingFault]),
    Flag::new(11, 1, &[ShortCircuitProtection]),
    Flag::new(11, 2, &[DischargeOverCurrent2Protection]),
];

/// What sets a state of registers 0x0060 to 0x0069 to "above", and what to "below" its limit.
const STATES: [(&[Condition], &[Condition]); 10] = [
    (&[PackOverVoltageProtection], &[]),
    (&[], &[PackUnderVoltageProtection]),
    (&[CellOverVoltageProtection], &[]),
    (&[], &[CellUnderVoltageProtection]),
    (&[ChargeOverCurrentProtection, ChargeOverCurrent2Protection], &[]),
    (&[DischargeOverCurrentProtection, DischargeOverCurrent2Protection], &[]),
    (
        &[MosfetOverTemperatureProtection, AmbientOverTemperatureProtection],
        &[AmbientUnderTemperatureProtection],
    ),
    (
        &[MosfetOverTemperatureProtection, AmbientOverTemperatureProtection],
        &[AmbientUnderTemperatureProtection],
    ),
    (&[ChargeOverTemperatureProtection], &[ChargeUnderTemperatureProtection]),
    (
        &[DischargeOverTemperatureProtection],
        &[DischargeUnderTemperatureProtection],
    ),
];

/// Answers a frame that has come between two silences.
fn answer(frame: &[u8], context: &mut Context<'_>, reply: &mut Reply) -> Outcome {
    let Some((question, is_sound)) = Question::new_unchecked(frame) else {
        return Outcome::Silence;
    };
    let is_mine = question.address == COMMON_ID || question.address == context.config.dip;
    if !IDS.contains(&question.address) {
        if !is_sound {
            return Outcome::Silence;
        }
        reply.refusal(&question, error::ID);
        return Outcome::Answered(None);
    }
    if !is_mine {
        return Outcome::Silence;
    }
    if !is_sound {
        // A question that was cut short has no right CRC either, and is not answered.
        if frame.len() != QUESTION_LENGTH {
            return Outcome::Silence;
        }
        reply.refusal(&question, error::CRC);
        return Outcome::Answered(None);
    }
    let Some(access) = question.access() else {
        return Outcome::Silence;
    };
    match (access, Status::of(context)) {
        (_, None) => return Outcome::Silence,
        (Ok(Access::Read { first, count }), Some(status)) if count <= READ_AT_MOST => {
            let values = (0..count).map(|step| first.checked_add(step).map_or(0, |register| status.register(register)));
            reply.values_with(&question, context.config.voltronic_rs485.length, values);
        }
        _ => reply.refusal(&question, error::COMMAND),
    }
    Outcome::Answered(None)
}

/// Everything that the registers show at one moment.
struct Status<'a> {
    bank: BankView,
    /// The pack that is wired to the inverter.
    pack: PackView,
    identity: &'a Identity,
}

impl<'a> Status<'a> {
    /// The wired pack shows the whole bank; a slave that is wired alone shows itself.
    fn of(context: &Context<'a>) -> Option<Status<'a>> {
        let pack = context.bank.pack_view(context.now, 1)?;
        let bank = match context.config.dip {
            0 | 1 => context.bank.view(context.now),
            _ => BankView::of(core::iter::once(pack)),
        };
        Some(Status {
            bank,
            pack,
            identity: &context.config.identity,
        })
    }

    /// The value of a register; 0 where nothing is.
    fn register(&self, register: u16) -> u16 {
        let (bank, pack) = (&self.bank, &self.pack);
        match register {
            0x0003 => u16::from_be_bytes(self.identity.software_version),
            0x0005 => 0x0100,
            0x0010 | 0x0040 => CELL_COUNT.into(),
            0x0011..=0x0020 => {
                let cell = usize::from(register - 0x0011);
                pack.cell_voltage_mv
                    .get(cell)
                    .map_or(0, |cell| tenth_of_volt((*cell).into()))
            }
            0x0025 | 0x0050 => TEMPERATURE_SENSORS,
            0x0026..=0x0029 => {
                let sensor = usize::from(register - 0x0026);
                kelvin(pack.cell_temperature_deci_c.get(sensor).copied().flatten())
            }
            0x002A => kelvin(pack.ambient_temperature_deci_c),
            0x002B => kelvin(pack.mosfet_temperature_deci_c),
            0x0030 => tenth_of_ampere(bank.pack_current_ma.into()),
            0x0031 => tenth_of_ampere(-i64::from(bank.pack_current_ma)),
            0x0032 => tenth_of_volt(bank.pack_voltage_mv),
            0x0033 => bank.soc_percent.into(),
            0x0034 | 0x0035 => half(bank.full_capacity_mah, register == 0x0034),
            0x0036 => bank.module_count.into(),
            0x0037..=0x003C => self.alarms(usize::from(register - 0x0037)),
            0x003E | 0x003F => half(pack.design_capacity_mah, register == 0x003E),
            0x0041..=0x0048 => pair(&cell_status(pack), usize::from(register - 0x0041)),
            0x0051..=0x0053 => pair(&temperature_states(pack), usize::from(register - 0x0051)),
            0x0060..=0x0069 => STATES
                .get(usize::from(register - 0x0060))
                .map_or(0, |state| self.state(*state)),
            0x0070 => tenth_of_volt(pack.charge_voltage_limit_mv.into()),
            0x0071 => tenth_of_volt(pack.discharge_voltage_limit_mv.into()),
            0x0072 => saturate_u16(bank.charge_current_limit_deci_a.into()),
            0x0073 => saturate_u16(bank.discharge_current_limit_deci_a.into()),
            0x0074 => requests(bank),
            0x0075 => minutes_to_empty(bank),
            0x0076 | 0x0077 => half(bank.remaining_capacity_mah, register == 0x0076),
            _ => 0,
        }
    }

    fn alarms(&self, word: usize) -> u16 {
        let mut bytes = [0; 12];
        flags::emit(ALARMS, self.bank.conditions, &mut bytes);
        pair(&bytes, word)
    }

    fn state(&self, (above, below): (&[Condition], &[Condition])) -> u16 {
        let any = |conditions: &[Condition]| conditions.iter().any(|one| self.pack.conditions.contains(*one));
        match (any(above), any(below)) {
            (true, _) => ABOVE.into(),
            (false, true) => BELOW.into(),
            (false, false) => 0,
        }
    }
}

/// Bit 7 charging allowed: not when any pack forbids it; bit 6 discharging allowed: when any pack allows it. Bit 5 charge
/// now, at 9 % and below; bit 4 charging advised, above 9 and up to 14 %; never both.
fn requests(bank: &BankView) -> u16 {
    let (now, advised) = match bank.soc_percent {
        0..=9 => (true, false),
        10..=14 => (false, true),
        _ => (false, false),
    };
    u16::from(bank.modules_blocking_charge == 0) << 7
        | u16::from(bank.discharge_enable) << 6
        | u16::from(now) << 5
        | u16::from(advised) << 4
}

/// Charge left over discharge current; 0 while nothing flows out (D).
fn minutes_to_empty(bank: &BankView) -> u16 {
    let discharge_ma = -i64::from(bank.pack_current_ma);
    if discharge_ma <= 0 {
        return 0;
    }
    saturate_u16(i64::from(bank.remaining_capacity_mah) * 60 / discharge_ma)
}

/// Codes of the six sensors: four cells, surroundings, power stage.
fn temperature_states(pack: &PackView) -> [u8; 6] {
    let [ambient, nt1, nt2, nt3, nt4] = temperature_status(pack);
    let mosfet = if pack.conditions.contains(MosfetOverTemperatureProtection) {
        ABOVE
    } else {
        0
    };
    [nt1, nt2, nt3, nt4, ambient, mosfet]
}

/// Two bytes as a register, the first in the high byte (D for the codes).
fn pair(bytes: &[u8], register: usize) -> u16 {
    let byte = |at: usize| bytes.get(at).copied().unwrap_or(0);
    u16::from_be_bytes([byte(2 * register), byte(2 * register + 1)])
}

/// Half of a 32-bit value.
fn half(value: u32, high: bool) -> u16 {
    let [a, b, c, d] = value.to_be_bytes();
    u16::from_be_bytes(if high { [a, b] } else { [c, d] })
}

/// 0.1 K of 0.1 degC; 0 for a sensor that is not fitted.
fn kelvin(deci_c: Option<i16>) -> u16 {
    deci_c.map_or(0, |deci_c| saturate_u16(i64::from(deci_c) + 2731))
}

fn tenth_of_volt(millivolts: u32) -> u16 {
    saturate_u16(div_nearest(millivolts.into(), 100))
}

/// 0.1 A of mA; 0 for the other direction.
fn tenth_of_ampere(milliamperes: i64) -> u16 {
    saturate_u16(div_nearest(milliamperes, 100))
}
