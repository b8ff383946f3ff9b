//! LuxPower RS485, profile G: the layout of Growatt's "1xSxxP ESS" as EG4-LL masters speak it (sheet luxpower-rs485, B).
//!
//! Registers and flags are those of [`growatt_rs485`](super::super::growatt_rs485) but for these:
//!
//! | registers | content |
//! |---|---|
//! | 0x00..0x12, 0x2A..0x70 | 0 |
//! | 0x13 | bits 10 and 11, "SP status", follow the run state: nobody writes them |
//! | 0x1D | highest minus lowest cell in mV (D) |
//! | 0x71..0x80 | the cells; 0x81 and above do not exist |
//!
//! The master answers for the bank at address 1, a slave that is wired alone for itself at its own. Nothing can be
//! written.

use super::super::growatt_rs485::{INVERTER_STATE, STATUS, Status};
use super::super::modbus::{Access, Exception, Question, Reply};
use super::super::{Answer, Context, Outcome, SerialProtocol};
use crate::config::Protocol;

/// LuxPower RS485, profile G.
pub(crate) const PROFILE_G: SerialProtocol = SerialProtocol {
    protocol: Protocol::LuxpowerRs485G,
    answer: Answer::Modbus(answer),
};

/// Registers from here on do not exist.
const END: u16 = 0x81;
/// The highest and the lowest cell.
const EXTREMES: (u16, u16) = (0x25, 0x26);

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
        Some(Ok(Access::Read { first, count })) => match first.checked_add(count).filter(|end| *end <= END) {
            Some(end) => reply.values(&question, (first..end).map(|register| value(&status, register))),
            None => reply.exception(&question, Exception::Register),
        },
        Some(Ok(Access::Write { .. })) => reply.exception(&question, Exception::Register),
    }
    Outcome::Answered(None)
}

/// The value of a register; 0 where nothing is.
fn value(status: &Status<'_>, register: u16) -> u16 {
    match register {
        STATUS => {
            let word = status.register(STATUS) & !INVERTER_STATE;
            // The run state stands in bits 0 and 1, with the same codes.
            word | (word & 0b11) << INVERTER_STATE.trailing_zeros()
        }
        0x1D => {
            let (highest, lowest) = EXTREMES;
            status.register(highest).saturating_sub(status.register(lowest))
        }
        0x14..=0x29 | 0x71..=0x80 => status.register(register),
        _ => 0,
    }
}
