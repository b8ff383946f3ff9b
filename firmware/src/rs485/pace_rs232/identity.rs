//! Texts: 64 to 66, the WiFi and Bluetooth module, and C1 to C6, board, versions and serial numbers.

use super::{Info, OWN, Refusal};
use crate::rs485::{AsciiReply, Context};

/// Length of the module's serial number, which stands before it.
const MODULE_SERIAL_NUMBER: u8 = 13;

/// 64 to 66: the WiFi and Bluetooth module.
pub(super) fn wireless(
    command: u8,
    info: &Info,
    context: &mut Context<'_>,
    reply: &mut AsciiReply,
) -> Result<(), Refusal> {
    let fitted = context.config.pace_rs232.wireless;
    match command {
        // 00 says that nothing else is valid.
        0x64 if !fitted => {
            info.nothing()?;
            reply.push_bytes(&[0; 13]);
        }
        0x64 => {
            const ONLINE: u8 = 0x03;
            const MAC: [u8; 6] = [0x02, 0x28, 0x00, 0x51, 0x20, 0x01];
            /// -61 dBm.
            const SIGNAL: u8 = 61;
            info.nothing()?;
            reply.push_bytes(&[1, ONLINE]);
            reply.push_bytes(&MAC);
            push_text(reply, b"B35-1.04");
            push_text(reply, b"LICENSED");
            reply.push_bytes(&[SIGNAL]);
            push_text(reply, b"workshop");
            push_text(reply, b"bmscheck");
        }
        0x65 if fitted => {
            let [MODULE_SERIAL_NUMBER, serial_number @ ..] = info.exactly::<14>()? else {
                return Err(Refusal::OPERATION);
            };
            context.memory.module_serial_number = text(serial_number)?;
        }
        0x66 => {
            info.nothing()?;
            reply.push_bytes(&[u8::from(fitted), MODULE_SERIAL_NUMBER]);
            let nobody = [b' '; 13];
            let serial_number = if fitted {
                context.memory.module_serial_number
            } else {
                nobody
            };
            reply.push_bytes(&serial_number);
        }
        _ => return Err(Refusal::OPERATION),
    }
    Ok(())
}

/// C1 to C6: texts.
pub(super) fn identity(
    command: u8,
    info: &Info,
    context: &mut Context<'_>,
    reply: &mut AsciiReply,
) -> Result<(), Refusal> {
    let options = &context.config.pace_rs232;
    let identity = &context.config.identity;
    match command {
        0xC1 => {
            reply.push_bytes(&options.board);
            if options.wireless {
                reply.push_bytes(&padded(&identity.bluetooth_serial_number));
            }
        }
        0xC2 => {
            let model = context.memory.model_serial_number;
            let pack = context.memory.serial_number;
            reply.push_bytes(&model.unwrap_or(options.model_serial_number));
            reply.push_bytes(&pack.unwrap_or_else(|| padded(&identity.serial_number_of(OWN))));
        }
        0xC3 => {
            context.memory.model_serial_number = Some(text(info.exactly()?)?);
            return Ok(());
        }
        0xC4 => {
            context.memory.serial_number = Some(text(info.exactly()?)?);
            return Ok(());
        }
        // The software's version, then that of the hardware in the last ten bytes.
        _ => {
            let [major, minor, patch] = identity.main_line_version.map(|number| b'0' + number % 10);
            reply.push_bytes(b"CST-LR-51.2-280 ");
            reply.push_bytes(&[major, b'.', minor, b'.', patch]);
            reply.push_bytes(b"V1.0      ");
        }
    }
    info.nothing()
}

/// A text behind its length.
fn push_text(reply: &mut AsciiReply, text: &[u8]) {
    reply.push_bytes(&[u8::try_from(text.len()).unwrap_or(u8::MAX)]);
    reply.push_bytes(text);
}

/// Characters that a text may have.
fn text<const N: usize>(bytes: [u8; N]) -> Result<[u8; N], Refusal> {
    let is_text = bytes.iter().all(|byte| matches!(byte, b' '..=b'~' | 0));
    is_text.then_some(bytes).ok_or(Refusal::OPERATION)
}

/// A text of 20 characters, filled with blanks.
fn padded(text: &[u8]) -> [u8; 20] {
    let mut padded = [b' '; 20];
    for (slot, character) in padded.iter_mut().zip(text) {
        *slot = *character;
    }
    padded
}
