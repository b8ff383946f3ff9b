//! PYLON low-voltage RS485 (sheet pylon-rs485): "PYLON RS485 LV V3.5", also the setting for Deye and SAKO.
//!
//! 9600 8N1, ASCII frames, the inverter asks and the battery answers.
//!
//! - [`options`]: what a maker chooses.
//! - [`pack_questions`]: 42, 44, 47, 51, 92, 93, 96, asked of one pack (V3.3).
//! - [`system_questions`]: 60 to 63, asked of the master for the whole bank (V3.5).
//! - here: addresses, the choice of what to answer, errors, and the three commands that change something.

pub(crate) mod options;
pub(crate) mod pack_questions;
pub(crate) mod system_questions;

use core::time::Duration;

use super::ascii_frame::{AsciiFrame, info_bytes};
use super::{AfterReply, Answer, AsciiReply as Reply, Context, Outcome, SerialProtocol};
use crate::bank::Bank;
use crate::config::Protocol;
use crate::convert::saturate_i16;
use crate::limits::{CHARGE_VOLTAGE_RANGE, CURRENT_CEILING, DISCHARGE_VOLTAGE_RANGE, ForeignLimits};
use crate::pack::{PackView, Unread};
pub use options::PylonRs485Options;

/// Pylon RS485.
pub(crate) const PROTOCOL: SerialProtocol = SerialProtocol {
    protocol: Protocol::PylonRs485,
    answer: Answer::Ascii {
        answer,
        // Sheet, "receiver resynchronisation" (D).
        patience: Duration::from_millis(200),
    },
};

/// CID1: battery data.
const CID1: u8 = 0x46;
/// INFO of 42 and 44: every pack of the group.
const WHOLE_GROUP: u8 = 0xFF;
/// 94: how long foreign limits last.
const FOREIGN_LIMITS_LAST: Duration = Duration::from_secs(10);

/// CID2 of a question.
mod command {
    pub(super) const ANALOG: u8 = 0x42;
    pub(super) const ALARMS: u8 = 0x44;
    pub(super) const PARAMETERS: u8 = 0x47;
    pub(super) const PROTOCOL_VERSION: u8 = 0x4F;
    pub(super) const MANUFACTURER: u8 = 0x51;
    pub(super) const SYSTEM_INFORMATION: u8 = 0x60;
    pub(super) const SYSTEM_ANALOG: u8 = 0x61;
    pub(super) const SYSTEM_ALARMS: u8 = 0x62;
    pub(super) const SYSTEM_MANAGEMENT: u8 = 0x63;
    pub(super) const SHUTDOWN: u8 = 0x64;
    pub(super) const MANAGEMENT: u8 = 0x92;
    pub(super) const SERIAL_NUMBER: u8 = 0x93;
    pub(super) const SET_LIMITS: u8 = 0x94;
    pub(super) const TURN_OFF: u8 = 0x95;
    pub(super) const FIRMWARE_VERSION: u8 = 0x96;
}

/// RTN of a reply (sheet, "Errors").
mod rtn {
    pub(super) const NORMAL: u8 = 0x00;
    pub(super) const VER: u8 = 0x01;
    pub(super) const CHKSUM: u8 = 0x02;
    pub(super) const LCHKSUM: u8 = 0x03;
    pub(super) const CID2: u8 = 0x04;
    pub(super) const FORMAT: u8 = 0x05;
    pub(super) const DATA: u8 = 0x06;
    pub(super) const ADR: u8 = 0x90;
    pub(super) const COMMUNICATION: u8 = 0x91;
}

/// Why a question gets no normal reply.
enum Refusal {
    Silent,
    Rtn(u8),
}

/// Answers the frame with this text, which came between `~` and carriage return.
fn answer(text: &[u8], context: &mut Context<'_>, reply: &mut Reply) -> Outcome {
    let Some(question) = AsciiFrame::new_checked(text) else {
        return Outcome::Silence;
    };
    let Some(addressee) = Addressee::find(question.adr(), context) else {
        return Outcome::Silence;
    };
    if question.cid1() != CID1 {
        return Outcome::Silence;
    }
    let ver = context.config.pylon_rs485.version;
    reply.begin(ver, addressee.adr, CID1, rtn::NORMAL);
    let after = match addressee.answer(&question, context, reply) {
        Ok(after) => after,
        Err(Refusal::Silent) => return Outcome::Silence,
        Err(Refusal::Rtn(rtn)) => {
            reply.begin(ver, addressee.adr, CID1, rtn);
            None
        }
    };
    reply.finish();
    Outcome::Answered(after)
}

/// The pack that is asked, and at which address.
struct Addressee {
    adr: u8,
    /// Number in the bank, from 1.
    pack: u8,
    role: Role,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// The master itself.
    Master,
    /// A slave in whose name the master answers.
    Relayed,
    /// A slave that is wired alone.
    Alone,
}

impl Addressee {
    /// ADR = DIP address + 1, in group 0 or 1 (sheet, "Addressing"); absent packs are silent.
    fn find(adr: u8, context: &Context<'_>) -> Option<Addressee> {
        let dip = (adr & 0x0F).checked_sub(1).filter(|_| adr & 0xF0 <= 0x10)?;
        let (pack, role) = match context.config.dip {
            0 | 1 if dip == 1 => (1, Role::Master),
            0 | 1 if dip > 1 => (context.bank.online_at(dip)?, Role::Relayed),
            own @ 2.. if dip == own => (1, Role::Alone),
            _ => return None,
        };
        Some(Addressee { adr, pack, role })
    }

    /// Writes INFO of a normal reply, or says why there is none.
    fn answer(
        &self,
        question: &AsciiFrame<'_>,
        context: &mut Context<'_>,
        reply: &mut Reply,
    ) -> Result<Option<AfterReply>, Refusal> {
        let options = &context.config.pylon_rs485;
        let info = self.check(question, options.strict_version)?;
        match question.cid2() {
            command::PROTOCOL_VERSION => Ok(None),
            command::ANALOG => self.analog(&info, context, reply),
            command::ALARMS => self.alarms(&info, context, reply),
            command::PARAMETERS => self.parameters(&info, context, reply),
            command::MANUFACTURER => {
                self.require_reachable(context.bank)?;
                reply.push_bytes(&pack_questions::manufacturer(context.config));
                Ok(None)
            }
            command::MANAGEMENT => {
                let pack = self.only_pack(&info, context)?;
                reply.push_bytes(&pack_questions::management(&pack, self.adr));
                Ok(None)
            }
            command::SERIAL_NUMBER => {
                let pack = self.only_pack(&info, context)?;
                reply.push_bytes(&pack_questions::serial_number(
                    &context.config.identity,
                    pack.number,
                    self.adr,
                ));
                Ok(None)
            }
            command::FIRMWARE_VERSION => {
                self.only_pack(&info, context)?;
                reply.push_bytes(&pack_questions::firmware_version(&context.config.identity, self.adr));
                Ok(None)
            }
            command::SET_LIMITS if options.set_limits => self.set_limits(&info, context),
            command::TURN_OFF if options.turn_off => {
                let pack = self.only_pack(&info, context)?;
                Ok(Some(AfterReply::TurnPackOff(pack.number)))
            }
            command::SYSTEM_INFORMATION => {
                self.require_master()?;
                let view = context.bank.view(context.now);
                reply.push_bytes(&system_questions::information(&view, context.config));
                for pack in context.bank.online(context.now) {
                    reply.push_bytes(&context.config.identity.serial_number_of(pack.number));
                }
                Ok(None)
            }
            command::SYSTEM_ANALOG => {
                self.require_master()?;
                reply.push_bytes(&system_questions::analog(&context.bank.view(context.now), self.adr));
                Ok(None)
            }
            command::SYSTEM_ALARMS => {
                self.require_master()?;
                reply.push_bytes(&system_questions::alarms(&context.bank.view(context.now)));
                Ok(None)
            }
            command::SYSTEM_MANAGEMENT => {
                self.require_master()?;
                let negative = options.negative_discharge_limit;
                reply.push_bytes(&system_questions::management(&context.bank.view(context.now), negative));
                Ok(None)
            }
            command::SHUTDOWN if options.shutdown => {
                self.require_master()?;
                Ok(Some(AfterReply::ShutDown))
            }
            _ => Err(Refusal::Rtn(rtn::CID2)),
        }
    }

    /// The checks that every question goes through, in the order of the frame's layers.
    fn check(&self, question: &AsciiFrame<'_>, strict_version: bool) -> Result<Info, Refusal> {
        if !question.chksum_is_right() {
            return Err(Refusal::Rtn(rtn::CHKSUM));
        }
        if !question.lchksum_is_right() {
            return Err(Refusal::Rtn(rtn::LCHKSUM));
        }
        if question.lenid() != question.info_text().len() {
            return Err(Refusal::Rtn(rtn::FORMAT));
        }
        let info = Info::parse(question.info_text()).ok_or(Refusal::Rtn(rtn::FORMAT))?;
        let known_version = matches!(question.ver(), 0x00 | 0x20..=0x35);
        if strict_version && !known_version && question.cid2() != command::PROTOCOL_VERSION {
            return Err(Refusal::Rtn(rtn::VER));
        }
        Ok(info)
    }

    fn analog(&self, info: &Info, context: &mut Context<'_>, reply: &mut Reply) -> Result<Option<AfterReply>, Refusal> {
        let packs = self.packs(info, context)?;
        reply.push_bytes(&[packs.info_flag(context), packs.command_value(self.adr, context)]);
        for pack in packs.views(context) {
            reply.push_bytes(&pack_questions::analog_block(&pack));
        }
        Ok(None)
    }

    fn alarms(&self, info: &Info, context: &mut Context<'_>, reply: &mut Reply) -> Result<Option<AfterReply>, Refusal> {
        let packs = self.packs(info, context)?;
        reply.push_bytes(&[packs.info_flag(context), packs.command_value(self.adr, context)]);
        for pack in packs.views(context) {
            reply.push_bytes(&pack_questions::alarm_block(&pack));
        }
        // Reading 44 clears INFOFLAG (D).
        for number in 1..=context.bank.count() {
            if packs.contains(number)
                && let Some(pack) = context.bank.pack_mut(number)
            {
                pack.mark_read();
            }
        }
        Ok(None)
    }

    fn parameters(
        &self,
        info: &Info,
        context: &mut Context<'_>,
        reply: &mut Reply,
    ) -> Result<Option<AfterReply>, Refusal> {
        // By the document there is no INFO here, but real packs and masters exchange ADR.
        let pack = if info.bytes().is_empty() {
            self.reach(context)?
        } else {
            self.only_pack(info, context)?
        };
        reply.push_bytes(&[info_flag(pack.unread)]);
        reply.push_bytes(&pack_questions::Parameters::of(&pack).emit());
        Ok(None)
    }

    /// 94: limits of the inverter's choice, for ten seconds.
    fn set_limits(&self, info: &Info, context: &mut Context<'_>) -> Result<Option<AfterReply>, Refusal> {
        self.only_pack(info, context)?;
        let &[_, a, b, c, d, e, f, g, h, ..] = info.bytes() else {
            return Err(Refusal::Rtn(rtn::FORMAT));
        };
        let charge_voltage_mv = u16::from_be_bytes([a, b]);
        let discharge_voltage_mv = u16::from_be_bytes([c, d]);
        let charge_current = i16::from_be_bytes([e, f]);
        let discharge_current = i16::from_be_bytes([g, h]);

        let within = |value: u16, (low, high): (u16, u16)| (low..=high).contains(&value);
        let magnitude = |current: i16| u16::try_from(current).ok().filter(|deci_a| *deci_a <= CURRENT_CEILING);
        let refusal = Refusal::Rtn(rtn::DATA);
        let (Some(charge_current_deci_a), Some(discharge_current_deci_a)) = (
            magnitude(charge_current),
            magnitude(saturate_i16(-i64::from(discharge_current))),
        ) else {
            return Err(refusal);
        };
        if !within(charge_voltage_mv, CHARGE_VOLTAGE_RANGE) || !within(discharge_voltage_mv, DISCHARGE_VOLTAGE_RANGE) {
            return Err(refusal);
        }
        if let Some(pack) = context.bank.pack_mut(self.pack) {
            pack.foreign_limits = Some(ForeignLimits {
                until: context.now + FOREIGN_LIMITS_LAST,
                charge_voltage_mv,
                discharge_voltage_mv,
                charge_current_deci_a,
                discharge_current_deci_a,
            });
        }
        Ok(None)
    }

    /// The packs that a question with one selecting byte means.
    fn packs(&self, info: &Info, context: &Context<'_>) -> Result<Packs, Refusal> {
        if info.bytes().first() == Some(&WHOLE_GROUP) && self.role == Role::Master {
            return Ok(Packs::Group);
        }
        self.only_pack(info, context).map(|pack| Packs::One(pack.number))
    }

    /// The pack that was asked, if the selecting byte is its ADR; more bytes behind it are tolerated.
    fn only_pack(&self, info: &Info, context: &Context<'_>) -> Result<PackView, Refusal> {
        match info.bytes().first() {
            None => Err(Refusal::Rtn(rtn::FORMAT)),
            Some(selector) if *selector == self.adr => self.reach(context),
            Some(_) => Err(Refusal::Rtn(rtn::DATA)),
        }
    }

    fn reach(&self, context: &Context<'_>) -> Result<PackView, Refusal> {
        self.require_reachable(context.bank)?;
        let pack = context.bank.online(context.now).find(|pack| pack.number == self.pack);
        pack.ok_or(Refusal::Rtn(rtn::COMMUNICATION))
    }

    /// A slave that has stopped answering but is not yet offline cannot be asked.
    fn require_reachable(&self, bank: &Bank) -> Result<(), Refusal> {
        if bank.is_plugged(self.pack) {
            Ok(())
        } else {
            Err(Refusal::Rtn(rtn::COMMUNICATION))
        }
    }

    /// 60 to 64 are questions to the master. Asked for at the address of one of its slaves they are an ADR error;
    /// a slave that is wired alone stays silent (sheet, "Errors" and field problem 10).
    fn require_master(&self) -> Result<(), Refusal> {
        match self.role {
            Role::Master => Ok(()),
            Role::Relayed => Err(Refusal::Rtn(rtn::ADR)),
            Role::Alone => Err(Refusal::Silent),
        }
    }
}

/// The first bytes of INFO; no question needs more of them.
struct Info {
    bytes: [u8; 9],
    count: usize,
}

impl Info {
    fn parse(text: &[u8]) -> Option<Info> {
        let mut info = Info {
            bytes: [0; 9],
            count: 0,
        };
        for (slot, byte) in info.bytes.iter_mut().zip(info_bytes(text)?) {
            *slot = byte;
            info.count += 1;
        }
        Some(info)
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.count]
    }
}

/// Which packs a reply to 42 or 44 shows.
#[derive(Clone, Copy)]
enum Packs {
    One(u8),
    Group,
}

impl Packs {
    fn contains(self, number: u8) -> bool {
        match self {
            Packs::One(one) => one == number,
            Packs::Group => true,
        }
    }

    fn views(self, context: &Context<'_>) -> impl Iterator<Item = PackView> {
        context
            .bank
            .online(context.now)
            .filter(move |pack| self.contains(pack.number))
    }

    /// Repeats the question's byte, or says how many packs follow.
    fn command_value(self, adr: u8, context: &Context<'_>) -> u8 {
        match self {
            Packs::One(_) => adr,
            Packs::Group => self.views(context).fold(0, |count, _| count + 1),
        }
    }

    fn info_flag(self, context: &Context<'_>) -> u8 {
        self.views(context).fold(0, |flag, pack| flag | info_flag(pack.unread))
    }
}

/// INFOFLAG: bit 4 an unread change of a switch, bit 0 an unread change of an alarm.
fn info_flag(unread: Unread) -> u8 {
    u8::from(unread.switches) << 4 | u8::from(unread.alarms)
}

/// A temperature on the wire: 0.1 K above 0 degC = 2731; all ones where no sensor is fitted.
fn kelvin(deci_c: Option<i16>) -> [u8; 2] {
    let raw = deci_c.map_or(u16::MAX, |deci_c| {
        crate::convert::saturate_u16(i64::from(deci_c) + 2731)
    });
    raw.to_be_bytes()
}

#[cfg(test)]
pub(crate) mod tests {
    use std::vec::Vec;

    /// Hexadecimal digits, in groups as the protocol groups them.
    pub(crate) fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text
            .bytes()
            .filter(|character| !character.is_ascii_whitespace())
            .collect();
        super::info_bytes(&digits).expect("hexadecimal").collect()
    }

    /// What `emit` writes; fails when a byte keeps what was in the buffer before.
    #[track_caller]
    pub(crate) fn written<const N: usize>(emit: impl Fn(&mut [u8; N])) -> [u8; N] {
        let (mut one, mut other) = ([0xA5; N], [0x5A; N]);
        emit(&mut one);
        emit(&mut other);
        assert_eq!(one, other, "a byte is left unwritten");
        one
    }
}
