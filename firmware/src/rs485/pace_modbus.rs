//! PACE Modbus V1.3 (sheets pace-modbus, A, and srne-modbus, B): "PACE_RS485_Modbus_UN" and SRNE's "RS485 Modbus V1.3".
//!
//! One register map for both settings; no difference on the wire is known. Register numbers are decimal. Each pack has
//! its own values at its own address; the master also answers for the slaves that are online.
//!
//! | registers | content |
//! |---|---|
//! | 0..36 | runtime, read-only |
//! | 37..59, 115..149 | reserved: read 0, cannot be written |
//! | 60..114 | parameters, read and write |
//! | 150..179 | version and serial numbers, 20 characters each |

use super::modbus::{Access, Exception, Question, Reply};
use super::{Answer, Context, Outcome, SerialProtocol};
use crate::config::{Config, Protocol};
use crate::convert::{div_nearest, saturate_i16, saturate_u16};
use crate::pack::PackView;
use crate::pack::state::Flow;
use crate::protection::condition::{Condition, Condition::*, ConditionSet};
use crate::protection::parameters::Parameter;
use crate::setting::Setting;

/// Options of PACE Modbus, and of SRNE Modbus, which is the same map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PaceModbusOptions {
    /// Bit 15 of the protections tells a full battery, as newer firmware has it; V1.3 keeps it 0.
    pub fully_charged_flag: bool,
}

/// PACE Modbus.
pub(crate) const PACE: SerialProtocol = SerialProtocol {
    protocol: Protocol::PaceModbus,
    answer: Answer::Modbus(answer),
};

/// SRNE Modbus.
pub(crate) const SRNE: SerialProtocol = SerialProtocol {
    protocol: Protocol::SrneModbus,
    ..PACE
};

/// Registers from here on do not exist.
const END: u16 = 180;
/// A probe that is not fitted: -200.0 degC.
const NOT_FITTED: u16 = 0xF830;

const VERSION: &[u8; 20] = b"CST-LR-51.2-280 V1.3";
const MODEL_SERIAL_NUMBER: &[u8; 20] = b"BMS0000000001\0\0\0\0\0\0\0";

/// Register 9: the conditions that set each bit; bits 6 and 7 are reserved.
const WARNINGS: [&[Condition]; 16] = [
    &[CellOverVoltageAlarm],
    &[CellUnderVoltageAlarm],
    &[PackOverVoltageAlarm],
    &[PackUnderVoltageAlarm],
    &[ChargeOverCurrentAlarm],
    &[DischargeOverCurrentAlarm],
    &[],
    &[],
    &[ChargeOverTemperatureAlarm],
    &[DischargeOverTemperatureAlarm],
    &[ChargeUnderTemperatureAlarm],
    &[DischargeUnderTemperatureAlarm],
    &[AmbientOverTemperatureAlarm],
    &[AmbientUnderTemperatureAlarm],
    &[MosfetOverTemperatureAlarm],
    &[LowSocAlarm],
];

/// Register 10; bits 12 to 14 stand in another order than in register 9. For bit 15 see [`FULLY_CHARGED`].
const PROTECTIONS: [&[Condition]; 16] = [
    &[CellOverVoltageProtection],
    &[CellUnderVoltageProtection],
    &[PackOverVoltageProtection],
    &[PackUnderVoltageProtection],
    &[ChargeOverCurrentProtection, ChargeOverCurrent2Protection],
    &[DischargeOverCurrentProtection, DischargeOverCurrent2Protection],
    &[ShortCircuitProtection],
    &[ChargerOverVoltageProtection],
    &[ChargeOverTemperatureProtection],
    &[DischargeOverTemperatureProtection],
    &[ChargeUnderTemperatureProtection],
    &[DischargeUnderTemperatureProtection],
    &[MosfetOverTemperatureProtection],
    &[AmbientOverTemperatureProtection],
    &[AmbientUnderTemperatureProtection],
    &[],
];

/// Bit 15 of register 10, no protection: 0, or by option a full battery.
const FULLY_CHARGED: u16 = 1 << 15;

/// The low byte of register 11; a failed pre-charge is shown as a defect of the discharge switch (README 3.6, D).
const FAULTS: [&[Condition]; 16] = [
    &[ChargeMosfetFault],
    &[DischargeMosfetFault, SoftStartFault],
    &[TemperatureSensorFault],
    &[],
    &[CellFault],
    &[SamplingFault],
    &[],
    &[],
    &[],
    &[],
    &[],
    &[],
    &[],
    &[],
    &[],
    &[],
];

/// How a parameter is counted on the wire.
#[derive(Clone, Copy)]
enum Coding {
    /// As inside the battery.
    Same,
    /// Multiples of so many of the battery's own units.
    Steps(i32),
    /// The same in a single byte, 1..=255: a delay.
    ByteSteps(i32),
    /// So many on the wire for each of the battery's own units.
    Finer(i32),
}

use Coding::{ByteSteps, Finer, Same, Steps};

/// A delay in 0.1 s.
const DELAY: Coding = ByteSteps(100);
/// A delay in 25 ms.
const SHORT_DELAY: Coding = ByteSteps(25);
/// 1 A.
const AMPERE: Coding = Steps(10);

/// Registers 60 to 114.
const PARAMETERS: [(Parameter, Coding); 55] = [
    (Parameter::PackOverVoltageAlarm, Same),
    (Parameter::PackOverVoltageProtection, Same),
    (Parameter::PackOverVoltageRelease, Same),
    (Parameter::PackOverVoltageDelay, DELAY),
    (Parameter::CellOverVoltageAlarm, Same),
    (Parameter::CellOverVoltageProtection, Same),
    (Parameter::CellOverVoltageRelease, Same),
    (Parameter::CellOverVoltageDelay, DELAY),
    (Parameter::PackUnderVoltageAlarm, Same),
    (Parameter::PackUnderVoltageProtection, Same),
    (Parameter::PackUnderVoltageRelease, Same),
    (Parameter::PackUnderVoltageDelay, DELAY),
    (Parameter::CellUnderVoltageAlarm, Same),
    (Parameter::CellUnderVoltageProtection, Same),
    (Parameter::CellUnderVoltageRelease, Same),
    (Parameter::CellUnderVoltageDelay, DELAY),
    (Parameter::ChargeOverCurrentAlarm, AMPERE),
    (Parameter::ChargeOverCurrentProtection, AMPERE),
    (Parameter::ChargeOverCurrentDelay, DELAY),
    (Parameter::DischargeOverCurrentAlarm, AMPERE),
    (Parameter::DischargeOverCurrentProtection, AMPERE),
    (Parameter::DischargeOverCurrentDelay, DELAY),
    (Parameter::DischargeOverCurrent2Protection, AMPERE),
    (Parameter::DischargeOverCurrent2Delay, SHORT_DELAY),
    (Parameter::ChargeOverTemperatureAlarm, Same),
    (Parameter::ChargeOverTemperatureProtection, Same),
    (Parameter::ChargeOverTemperatureRelease, Same),
    (Parameter::DischargeOverTemperatureAlarm, Same),
    (Parameter::DischargeOverTemperatureProtection, Same),
    (Parameter::DischargeOverTemperatureRelease, Same),
    (Parameter::ChargeUnderTemperatureAlarm, Same),
    (Parameter::ChargeUnderTemperatureProtection, Same),
    (Parameter::ChargeUnderTemperatureRelease, Same),
    (Parameter::DischargeUnderTemperatureAlarm, Same),
    (Parameter::DischargeUnderTemperatureProtection, Same),
    (Parameter::DischargeUnderTemperatureRelease, Same),
    (Parameter::MosfetOverTemperatureAlarm, Same),
    (Parameter::MosfetOverTemperatureProtection, Same),
    (Parameter::MosfetOverTemperatureRelease, Same),
    (Parameter::AmbientOverTemperatureAlarm, Same),
    (Parameter::AmbientOverTemperatureProtection, Same),
    (Parameter::AmbientOverTemperatureRelease, Same),
    (Parameter::AmbientUnderTemperatureAlarm, Same),
    (Parameter::AmbientUnderTemperatureProtection, Same),
    (Parameter::AmbientUnderTemperatureRelease, Same),
    (Parameter::BalanceStartVoltage, Same),
    (Parameter::BalanceStartDifference, Same),
    (Parameter::FullChargeVoltage, Same),
    (Parameter::FullChargeCurrent, Finer(100)),
    (Parameter::CellSleepVoltage, Same),
    (Parameter::CellSleepDelay, Steps(60)),
    (Parameter::ShortCircuitDelay, ByteSteps(25)),
    (Parameter::LowSocAlarm, Same),
    (Parameter::ChargeOverCurrent2Protection, AMPERE),
    (Parameter::ChargeOverCurrent2Delay, SHORT_DELAY),
];

/// Answers a frame that has come between two silences.
fn answer(frame: &[u8], context: &mut Context<'_>, reply: &mut Reply) -> Outcome {
    let Some(question) = Question::new_checked(frame) else {
        return Outcome::Silence;
    };
    let Some(pack) = asked_pack(question.address, context) else {
        return Outcome::Silence;
    };
    match question.access() {
        None => return Outcome::Silence,
        Some(Err(exception)) => reply.exception(&question, exception),
        Some(Ok(Access::Read { first, count })) if exist(first, count) => {
            let config = context.config;
            let values = (first..first + count).map(|register| value(&pack, config, register));
            reply.values(&question, values);
        }
        Some(Ok(Access::Write { first, values })) if exist(first, pairs(values)) => {
            match write(first, values, pack.number, context) {
                Ok(()) => reply.written(&question, first, pairs(values)),
                Err(exception) => reply.exception(&question, exception),
            }
        }
        Some(Ok(_)) => reply.exception(&question, Exception::Register),
    }
    Outcome::Answered(None)
}

/// The pack at an address: the DIP address of the battery, or as master that of a slave that can be reached (Q-11,
///
pub(super) fn asked_pack(address: u8, context: &Context<'_>) -> Option<PackView> {
    let number = match context.config.dip {
        0 | 1 if address == 1 => 1,
        0 | 1 if address > 1 => context
            .bank
            .online_at(address)
            .filter(|pack| context.bank.is_plugged(*pack))?,
        own @ 2.. if address == own => 1,
        _ => return None,
    };
    context.bank.pack_view(context.now, number)
}

fn exist(first: u16, count: u16) -> bool {
    first.checked_add(count).is_some_and(|end| end <= END)
}

/// How many registers these bytes fill; a frame holds fewer than 128.
fn pairs(values: &[u8]) -> u16 {
    u16::try_from(values.len() / 2).unwrap_or(u16::MAX)
}

/// The value of a register; 0 where nothing is.
fn value(pack: &PackView, config: &Config, register: u16) -> u16 {
    let at = |first: u16| usize::from(register - first);
    match register {
        0 => signed(div_nearest(pack.pack_current_ma.into(), 10)),
        1 => hundredth(pack.pack_voltage_mv),
        2 => pack.soc_percent().into(),
        3 => pack.soh_percent.into(),
        4 => hundredth(pack.remaining_capacity_mah),
        5 => hundredth(pack.full_capacity_mah),
        6 => hundredth(pack.design_capacity_mah),
        7 => pack.cycle_count,
        9 => bits(&WARNINGS, pack.conditions),
        10 => {
            let full = config.pace_modbus.fully_charged_flag && pack.fully_charged;
            bits(&PROTECTIONS, pack.conditions) | if full { FULLY_CHARGED } else { 0 }
        }
        11 => bits(&FAULTS, pack.conditions) | states(pack),
        12 => pack.balancing,
        15..=30 => pack.cell_voltage_mv.get(at(15)).copied().unwrap_or(0),
        31..=34 => temperature(pack.cell_temperature_deci_c.get(at(31)).copied().flatten()),
        35 => temperature(pack.mosfet_temperature_deci_c),
        36 => temperature(pack.ambient_temperature_deci_c),
        60..=114 => PARAMETERS
            .get(at(60))
            .map_or(0, |(parameter, coding)| coding.encode(pack.parameters.get(*parameter))),
        150..=159 => characters(VERSION, at(150)),
        160..=169 => characters(MODEL_SERIAL_NUMBER, at(160)),
        170..=179 => characters(&config.identity.serial_number_of(pack.number), at(170)),
        _ => 0,
    }
}

/// 0.01 V of mV, 0.01 Ah of mAh.
fn hundredth(thousandths: u32) -> u16 {
    saturate_u16(div_nearest(thousandths.into(), 10))
}

fn signed(value: i64) -> u16 {
    saturate_i16(value).cast_unsigned()
}

fn temperature(deci_c: Option<i16>) -> u16 {
    deci_c.map_or(NOT_FITTED, i16::cast_unsigned)
}

fn bits(table: &[&[Condition]; 16], active: ConditionSet) -> u16 {
    (0..)
        .zip(table)
        .filter(|(_, set_by)| active.intersects(ConditionSet::of(set_by)))
        .fold(0, |word, (bit, _): (u16, _)| word | 1 << bit)
}

/// The high byte of register 11; a charger that is connected the wrong way round is not detected.
fn states(pack: &PackView) -> u16 {
    let states = [
        (8, pack.flow == Flow::Charging),
        (9, pack.flow == Flow::Discharging),
        (10, pack.charge_mosfet_on),
        (11, pack.discharge_mosfet_on),
        (12, pack.charge_current_limiter_on),
        (15, pack.heater_on),
    ];
    states.iter().fold(0, |word, (bit, on)| word | u16::from(*on) << bit)
}

/// Two characters of a text of 20, filled with zero bytes.
fn characters(text: &[u8], register: usize) -> u16 {
    let character = |at: usize| text.get(at).copied().unwrap_or(0);
    u16::from_be_bytes([character(2 * register), character(2 * register + 1)])
}

impl Coding {
    fn encode(self, value: i32) -> u16 {
        let value = i64::from(value);
        match self {
            Same => signed_or_not(value),
            Steps(size) | ByteSteps(size) => saturate_u16(div_nearest(value, size.into())),
            Finer(factor) => saturate_u16(value * i64::from(factor)),
        }
    }

    /// The value inside the battery; `None` for a delay that does not fit its byte.
    fn decode(self, parameter: Parameter, raw: u16) -> Option<i32> {
        // Only temperatures go below zero.
        let number = if parameter.range().0 < 0 {
            i32::from(raw.cast_signed())
        } else {
            i32::from(raw)
        };
        match self {
            Same => Some(number),
            Steps(size) => number.checked_mul(size),
            ByteSteps(size) => (1..=255).contains(&number).then_some(number * size),
            Finer(factor) => i32::try_from(div_nearest(number.into(), factor.into())).ok(),
        }
    }
}

/// A threshold as it is: a voltage up to 65 V, or a temperature of either sign.
fn signed_or_not(value: i64) -> u16 {
    if value < 0 { signed(value) } else { saturate_u16(value) }
}

/// Writes parameters, all of them or none. The serial numbers are given in the factory, and not over this line (D).
fn write(first: u16, values: &[u8], pack: u8, context: &mut Context<'_>) -> Result<(), Exception> {
    let settings = || {
        (first..).zip(values.chunks_exact(2)).map(|(register, raw)| {
            let index = register.checked_sub(60)?;
            let (parameter, coding) = *PARAMETERS.get(usize::from(index))?;
            let value = coding.decode(parameter, u16::from_be_bytes([*raw.first()?, *raw.get(1)?]))?;
            let setting = Setting::Parameter { parameter, value };
            setting.check().ok().map(|()| setting)
        })
    };
    if settings().any(|setting| setting.is_none()) {
        return Err(Exception::Operation);
    }
    let pack = context.bank.pack_mut(pack).ok_or(Exception::Operation)?;
    for setting in settings().flatten() {
        setting.apply(pack, context.now);
    }
    Ok(())
}
