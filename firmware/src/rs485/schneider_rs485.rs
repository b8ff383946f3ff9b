//! Schneider RS485, profile P0 (sheet schneider-rs485): "Schneider V2.0".
//!
//! 9600 8N1, Modbus RTU; the gateway polls the master, which answers for the bank at its address. The register map is not
//! public: P0 is a placeholder (D) that carries the payloads of the CAN form unchanged, so what each holds, and how it is
//! coded, stands in [`schneider_can`]. Framing and errors are those of Modbus (A).
//!
//! | registers | payload of | content |
//! |---|---|---|
//! | 0x0000 | 0x320 | version of the protocol |
//! | 0x0004..0x0007, 0x0008..0x000B | 0x321, 0x322 | limits |
//! | 0x000C..0x000F, 0x0010..0x0011 | 0x323, 0x324 | measurements |
//! | 0x0014..0x0016 | 0x325 | commands, warnings, faults |
//! | 0x0018..0x001F | 0x326, 0x327 | state, health, cells |
//! | 0x0020..0x0023 | 0x328 | energy |
//! | 0x0040..0x004E | 0x330 to 0x333 | numbers and serial number, "SEBMS" |
//!
//! The other registers up to 0x004F are reserved and read as 0.

use super::modbus::{Exception, Question, Reply};
use super::{Answer, Context, Outcome, SerialProtocol};
use crate::bank::BankView;
use crate::can::schneider_can;
use crate::config::{Identity, Protocol};

/// Options of Schneider RS485.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SchneiderRs485Options {
    /// Where the map begins; registers that would lie beyond 0xFFFF do not exist.
    pub first_register: u16,
    /// The number that Schneider has issued to the maker; 0 = not registered.
    pub manufacturer_id: u16,
    /// The number that Schneider has issued for the model.
    pub model_id: u16,
}

/// Schneider RS485.
pub(crate) const PROTOCOL: SerialProtocol = SerialProtocol {
    protocol: Protocol::SchneiderRs485,
    answer: Answer::Modbus(answer),
};

/// The master's address, which speaks for the whole bank.
const MASTER: u8 = 1;
/// Registers of the map.
const REGISTERS: u16 = 0x0050;
/// Registers that hold the payload of one CAN frame.
const REGISTERS_OF_A_FRAME: u16 = 4;

/// Answers a frame that has come between two silences.
fn answer(frame: &[u8], context: &mut Context<'_>, reply: &mut Reply) -> Outcome {
    let Some(question) = Question::new_checked(frame) else {
        return Outcome::Silence;
    };
    let Some(status) = Status::at(question.address, context) else {
        return Outcome::Silence;
    };
    if !question.is_read() {
        reply.exception(&question, Exception::Function);
        return Outcome::Answered(None);
    }
    // The CRC shows that nothing got lost: a wrong length is the gateway's mistake, and it is told so.
    match question.span().unwrap_or(Err(Exception::Operation)) {
        Ok((first, count)) => match status.offset(first, count) {
            Some(offset) => reply.values(&question, (offset..offset + count).map(|offset| status.word(offset))),
            None => reply.exception(&question, Exception::Register),
        },
        Err(exception) => reply.exception(&question, exception),
    }
    Outcome::Answered(None)
}

/// Everything that the registers show at one moment.
struct Status<'a> {
    bank: BankView,
    identity: &'a Identity,
    options: &'a SchneiderRs485Options,
}

impl<'a> Status<'a> {
    /// The master answers for the bank at its address, a slave that is wired alone for itself at its own.
    fn at(address: u8, context: &Context<'a>) -> Option<Status<'a>> {
        let bank = match context.config.dip {
            0 | 1 if address == MASTER => context.bank.view(context.now),
            own @ 2.. if address == own => {
                let pack = context.bank.pack_view(context.now, 1)?;
                BankView {
                    requests: pack.requests,
                    ..BankView::of(core::iter::once(pack))
                }
            }
            _ => return None,
        };
        Some(Status {
            bank,
            identity: &context.config.identity,
            options: &context.config.schneider_rs485,
        })
    }

    /// Where registers begin inside the map; `None` unless all of them belong to it.
    fn offset(&self, first: u16, count: u16) -> Option<u16> {
        let offset = first.checked_sub(self.options.first_register)?;
        let end = offset.checked_add(count)?;
        // The last of them has to have a number.
        first.checked_add(count - 1)?;
        (end <= REGISTERS).then_some(offset)
    }

    /// The word at an offset inside the map; 0 where nothing is.
    fn word(&self, offset: u16) -> u16 {
        let payload = self.payload(offset / REGISTERS_OF_A_FRAME);
        let at = 2 * usize::from(offset % REGISTERS_OF_A_FRAME);
        u16::from_be_bytes([payload[at], payload[at + 1]])
    }

    /// What the CAN form sends in the frame 0x320 + `frame`; zeros where it has none.
    fn payload(&self, frame: u16) -> [u8; 8] {
        let bank = &self.bank;
        let mut data = [0; 8];
        match frame {
            0x00 => data = schneider_can::VERSION,
            0x01 => schneider_can::emit_voltage_limits(bank, &mut data),
            0x02 => schneider_can::emit_current_limits(bank, &mut data),
            0x03 => schneider_can::emit_measurements(bank, &mut data),
            0x04 => schneider_can::emit_state_of_charge(bank, &mut data),
            0x05 => schneider_can::emit_status(bank, &mut data),
            0x06 => schneider_can::emit_battery_state(bank, &mut data),
            0x07 => schneider_can::emit_cell_extremes(bank, &mut data),
            0x08 => schneider_can::emit_energy(bank, &mut data),
            0x10 => {
                data[..2].copy_from_slice(&self.options.manufacturer_id.to_be_bytes());
                data[2..4].copy_from_slice(&self.options.model_id.to_be_bytes());
                data[4..].copy_from_slice(&self.serial_number()[..4]);
            }
            0x11 => data.copy_from_slice(&self.serial_number()[4..12]),
            0x12 => data.copy_from_slice(&self.serial_number()[12..]),
            0x13 => data = schneider_can::UNIQUE_ID,
            _ => {}
        }
        data
    }

    /// That of the pack which is wired to the gateway.
    fn serial_number(&self) -> [u8; 20] {
        schneider_can::right_aligned(self.identity.serial_number_of(1))
    }
}
