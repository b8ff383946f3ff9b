//! Growatt RS485 for energy storage batteries, revision 2.02 (sheet growatt-rs485, A): "Growatt RS485 V2.02".
//!
//! 9600 8N1, Modbus RTU. The inverter polls address 1; the master answers for the bank under battery id 0 (D). Registers
//! are sent high byte first, those from 0x0100 low byte first (D).
//!
//! | registers | content |
//! |---|---|
//! | 0x0001..0x000F | versions, date, bar code, makers |
//! | 0x0010..0x0030 | status of the bank; bits 10 and 11 of 0x0013 are written by the inverter |
//! | 0x0031..0x0052, 0x0081..0x0090 | second battery group of a box: 0 |
//! | 0x0070..0x0080 | battery id and the cells of the pack that is asked |
//! | 0x0100..0x010B, 0x010D, 0x010E | extension, read-only |

use super::modbus::{Access, Exception, Question, Reply};
use super::{Answer, Context, Outcome, SerialProtocol};
use crate::bank::BankView;
use crate::config::{Identity, Protocol};
use crate::convert::{div_nearest, saturate_i16, saturate_u16};
use crate::flags::{self, Flag};
use crate::pack::PackView;
use crate::pack::cells::CELL_COUNT;
use crate::pack::state::Flow;
use crate::protection::condition::Condition::*;
use crate::protection::condition::ConditionSet;

/// Growatt RS485.
pub(crate) const PROTOCOL: SerialProtocol = SerialProtocol {
    protocol: Protocol::GrowattRs485,
    answer: Answer::Modbus(answer),
};

/// The inverter polls this address only.
const MASTER: u8 = 1;
/// The word with the run state, which holds the inverter's own state too.
pub(super) const STATUS: u16 = 0x0013;
/// Bits of [`STATUS`] that the inverter writes: its own state, 0 none, 1 standby, 2 charging, 3 discharging.
pub(super) const INVERTER_STATE: u16 = 0x0C00;
/// Nominal voltage of a pack in 0.1 V, for the energy that can be used.
const NOMINAL_DECI_V: u64 = 512;

/// The places in register 0x0014, high byte first (README 3.6, column GRR, with its substitutes in brackets).
const PROTECTIONS: &[Flag] = &[
    Flag::new(1, 0, &[DischargeOverCurrentProtection, DischargeOverCurrent2Protection]),
    Flag::new(1, 1, &[ShortCircuitProtection]),
    Flag::new(
        1,
        2,
        &[
            PackOverVoltageProtection,
            CellOverVoltageProtection,
            ChargerOverVoltageProtection,
        ],
    ),
    Flag::new(1, 3, &[PackUnderVoltageProtection, CellUnderVoltageProtection]),
    Flag::new(1, 4, &[DischargeOverTemperatureProtection]),
    Flag::new(1, 5, &[ChargeOverTemperatureProtection]),
    Flag::new(1, 6, &[DischargeUnderTemperatureProtection]),
    Flag::new(1, 7, &[ChargeUnderTemperatureProtection]),
    Flag::new(0, 0, &[SoftStartFault]),
    Flag::new(
        0,
        1,
        &[
            CellFault,
            ChargeMosfetFault,
            DischargeMosfetFault,
            TemperatureSensorFault,
            SamplingFault,
            SystemErrorFault,
        ],
    ),
    Flag::new(0, 3, &[ChargeOverCurrentProtection, ChargeOverCurrent2Protection]),
    Flag::new(0, 4, &[MosfetOverTemperatureProtection]),
    Flag::new(0, 5, &[AmbientOverTemperatureProtection]),
    Flag::new(0, 6, &[AmbientUnderTemperatureProtection]),
];

/// The places in register 0x0022; its bits 14 and 15 are the chemistry, 0 for LiFePO4.
const WARNINGS: &[Flag] = &[
    Flag::new(1, 0, &[CellOverVoltageAlarm]),
    Flag::new(1, 1, &[CellUnderVoltageAlarm]),
    Flag::new(1, 2, &[PackOverVoltageAlarm]),
    Flag::new(1, 3, &[PackUnderVoltageAlarm]),
    Flag::new(1, 4, &[DischargeOverCurrentAlarm]),
    Flag::new(1, 5, &[ChargeOverCurrentAlarm]),
    Flag::new(1, 6, &[DischargeOverTemperatureAlarm]),
    Flag::new(1, 7, &[DischargeUnderTemperatureAlarm]),
    Flag::new(0, 0, &[ChargeOverTemperatureAlarm]),
    Flag::new(0, 1, &[ChargeUnderTemperatureAlarm]),
    Flag::new(0, 2, &[MosfetOverTemperatureAlarm]),
    Flag::new(0, 3, &[AmbientOverTemperatureAlarm]),
    Flag::new(0, 4, &[AmbientUnderTemperatureAlarm]),
];

/// The places in register 0x0024: bit 4 is a slave that is missing.
const EXTENDED_ERRORS: &[Flag] = &[Flag::new(1, 4, &[InternalCommunicationAlarm])];

/// What the inverter has told about itself (hand-shake of revision 1.24, D).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Handshake {
    /// Bits 10 and 11 of the status word.
    inverter_state: u16,
}

impl Handshake {
    pub(crate) const fn new() -> Handshake {
        Handshake { inverter_state: 0 }
    }
}

/// Everything that the registers show at one moment.
pub(super) struct Status<'a> {
    bank: BankView,
    /// The pack that is asked.
    pack: PackView,
    identity: &'a Identity,
    /// Any pack online balances its cells.
    balancing: bool,
    charging: bool,
    discharging: bool,
    handshake: Handshake,
}

/// Answers a frame that has come between two silences.
fn answer(frame: &[u8], context: &mut Context<'_>, reply: &mut Reply) -> Outcome {
    let Some(question) = Question::new_checked(frame) else {
        return Outcome::Silence;
    };
    let Some(status) = Status::at(question.address, context) else {
        return Outcome::Silence;
    };
    match question.access() {
        None => return Outcome::Silence,
        Some(Err(exception)) => reply.exception(&question, exception),
        Some(Ok(Access::Read { first, count })) => match last_of(first, count) {
            Some(last) if (first..=last).all(exists) => {
                reply.values(&question, (first..=last).map(|register| status.register(register)));
            }
            _ => reply.exception(&question, Exception::Register),
        },
        Some(Ok(Access::Write { first: STATUS, values })) if values.len() == 2 => {
            let word = values.iter().fold(0, |word, byte| word << 8 | u16::from(*byte));
            context.handshake.inverter_state = word & INVERTER_STATE;
            reply.written(&question, STATUS, 1);
        }
        Some(Ok(Access::Write { .. })) => reply.exception(&question, Exception::Register),
    }
    Outcome::Answered(None)
}

fn last_of(first: u16, count: u16) -> Option<u16> {
    first.checked_add(count.checked_sub(1)?)
}

/// The map of the sheet, "Errors"; 0x010C can only be written, and is not.
fn exists(register: u16) -> bool {
    matches!(register, 0x0001..=0x0052 | 0x0070..=0x0090 | 0x0100..=0x010B | 0x010D..=0x010E)
}

impl<'a> Status<'a> {
    /// The master answers for the bank at address 1, a slave that is wired alone for itself at its own.
    pub(super) fn at(address: u8, context: &Context<'a>) -> Option<Status<'a>> {
        let alone = match context.config.dip {
            0 | 1 if address == MASTER => false,
            own @ 2.. if address == own => true,
            _ => return None,
        };
        let pack = context.bank.pack_view(context.now, 1)?;
        let bank = if alone {
            BankView {
                requests: pack.requests,
                ..BankView::of(core::iter::once(pack))
            }
        } else {
            context.bank.view(context.now)
        };
        let any = |holds: fn(&PackView) -> bool| {
            if alone {
                holds(&pack)
            } else {
                context.bank.online(context.now).any(|pack| holds(&pack))
            }
        };
        Some(Status {
            bank,
            pack,
            identity: &context.config.identity,
            balancing: any(|pack| pack.balancing != 0),
            charging: any(|pack| pack.flow == Flow::Charging),
            discharging: any(|pack| pack.flow == Flow::Discharging),
            handshake: *context.handshake,
        })
    }

    /// The value of a register; 0 where nothing is.
    pub(super) fn register(&self, register: u16) -> u16 {
        let bank = &self.bank;
        match register {
            0x0001 => u16::from_be_bytes(self.identity.software_version),
            // Eight characters of sixteen: the last ones tell packs apart (D).
            0x0009..=0x000C => {
                let serial = self.identity.serial_number_of(1);
                let at = 8 + 2 * usize::from(register - 0x0009);
                u16::from_be_bytes([serial[at], serial[at + 1]])
            }
            // No company code is known; the first generation.
            0x000D | 0x000E => 0x0100,
            0x000F => energy_wh(bank.design_capacity_mah),
            0x0010 | 0x0017 => signed(div_nearest(bank.pack_current_ma.into(), 10)),
            STATUS => self.status(),
            0x0014 => word(PROTECTIONS, bank.conditions),
            0x0015 => bank.soc_percent.into(),
            0x0016 => hundredth(bank.pack_voltage_mv),
            0x0018 => bank
                .cell_temperature
                .map_or(0, |cells| signed(div_nearest(cells.mean_deci_c.into(), 10))),
            0x0019 => saturate_u16(i64::from(bank.charge_current_limit_deci_a) * 10),
            0x001A => hundredth(bank.remaining_capacity_mah),
            0x001B => hundredth(bank.full_capacity_mah),
            0x001C => 0x0100 | u16::from(self.identity.software_version[0]),
            0x001E => bank.cycle_count,
            0x0020 => bank.soh_percent.min(100).into(),
            0x0021 => hundredth(bank.charge_voltage_limit_mv.into()),
            0x0022 => word(WARNINGS, bank.conditions),
            0x0023 => saturate_u16(i64::from(bank.discharge_current_limit_deci_a) * 10),
            0x0024 => word(EXTENDED_ERRORS, bank.conditions),
            0x0025 => bank.max_cell_voltage_mv.value,
            0x0026 => bank.min_cell_voltage_mv.value,
            0x0027 => bank.max_cell_voltage_mv.running_number(CELL_COUNT),
            0x0028 => bank.min_cell_voltage_mv.running_number(CELL_COUNT),
            0x0029 => CELL_COUNT.into(),
            0x0071..=0x0080 => {
                let cell = usize::from(register - 0x0071);
                self.pack.cell_voltage_mv.get(cell).copied().unwrap_or(0)
            }
            0x0100.. => self.extension(register).swap_bytes(),
            _ => 0,
        }
    }

    /// Bits 0..1 run state, 2 error_valid, 3 balancing, 5 discharge output, 6 charge output, 8..9 parallel mode, 10..11 the
    /// inverter's state, 12 force charge (table T2, A). Neither the sleep bit nor the open terminal is ever set.
    fn status(&self) -> u16 {
        const STANDBY: u16 = 0b01;
        const CHARGING: u16 = 0b10;
        const DISCHARGING: u16 = 0b11;

        let bank = &self.bank;
        let run_state = match bank.pack_current_ma {
            1.. if self.charging => CHARGING,
            ..=-1 if self.discharging => DISCHARGING,
            _ => STANDBY,
        };
        let parallel = bank.module_count + bank.modules_offline > 1;
        run_state
            | u16::from(word(PROTECTIONS, bank.conditions) != 0) << 2
            | u16::from(self.balancing) << 3
            | u16::from(bank.discharge_enable) << 5
            | u16::from(bank.charge_enable) << 6
            | u16::from(parallel) << 8
            | self.handshake.inverter_state
            | u16::from(bank.requests.force_charge_1) << 12
    }

    /// The extension of revision 2.02: mean cell voltage, voltage at the load, balancing, state and switches.
    fn extension(&self, register: u16) -> u16 {
        let pack = &self.pack;
        match register {
            0x0102 => {
                let sum = pack.cell_voltage_mv.iter().map(|cell| i64::from(*cell)).sum();
                saturate_u16(div_nearest(sum, CELL_COUNT.into()))
            }
            0x0104 => saturate_u16(div_nearest(pack.pack_voltage_mv.into(), 100)),
            0x0109 => pack.balancing,
            0x010B => {
                // The reverse of the status word: 2 discharging, 3 charging (table T9).
                let state = match pack.flow {
                    Flow::Discharging => 2,
                    Flow::Charging => 3,
                    _ => 1,
                };
                state | u16::from(pack.discharge_mosfet_on) << 5 | u16::from(pack.charge_mosfet_on) << 6
            }
            _ => 0,
        }
    }
}

/// 0.01 V of mV, 0.01 Ah of mAh; what does not fit stops at 65535.
pub(super) fn hundredth(thousandths: u32) -> u16 {
    saturate_u16(div_nearest(thousandths.into(), 10))
}

pub(super) fn signed(value: i64) -> u16 {
    saturate_i16(value).cast_unsigned()
}

/// Energy at the nominal voltage in Wh (D).
fn energy_wh(milliampere_hours: u32) -> u16 {
    u16::try_from(u64::from(milliampere_hours) * NOMINAL_DECI_V / 10_000).unwrap_or(u16::MAX)
}

/// Two bytes of flags, high byte first.
pub(super) fn word(flags: &[Flag], conditions: ConditionSet) -> u16 {
    let mut bytes = [0; 2];
    flags::emit(flags, conditions, &mut bytes);
    u16::from_be_bytes(bytes)
}
