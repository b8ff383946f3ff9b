//! Register maps: blocks of registers, who may write them, what each Modbus function does.
//!
//! A block with fields is a [`Message`] like any other: what a read of the whole block gives. Its key is the first
//! register, byte 2 n of its layout is the high byte of register n of the block (of the low byte first where a field
//! says so). A read of any other range gives the fields of the registers that it covers.

use std::ops::RangeInclusive;

use super::model::{Danger, Envelope, Grade, Layout, Message, MessageKey, Origin, Protocol};
use crate::wire::modbus::{ReplyFraming, function};

/// The registers of a Modbus-like protocol.
#[derive(Clone, Debug)]
pub struct RegisterMap {
    /// Fields over the whole map: byte offset = 2 x register.
    pub layout: Layout,
    /// Registers that can be written, each with the function that writes it.
    pub writable: Vec<(RangeInclusive<u16>, u8)>,
    /// Blocks as inverters ask for them; no two of one variant overlap.
    pub blocks: Vec<RegisterBlock>,
    /// Rules per function code.
    pub functions: Vec<FunctionRule>,
}

/// A named block of registers.
#[derive(Clone, Debug)]
pub struct RegisterBlock {
    /// The name in the vocabulary (`runtime`, `identity` ...).
    pub name: String,
    /// The registers.
    pub registers: RangeInclusive<u16>,
    /// What reading a register gives that has no field: `zero`, `exception 2` ...
    pub read: Vec<String>,
    /// What writing it does to a battery.
    pub danger: Option<Danger>,
    /// The variants that have it; empty for all.
    pub variants: Vec<String>,
    /// How well that is known.
    pub grade: Grade,
    /// Where it stands.
    pub origin: Origin,
}

/// What holds for a function code.
#[derive(Clone, Debug)]
pub struct FunctionRule {
    /// The function code.
    pub code: u8,
    /// The counts that are served.
    pub count: RangeInclusive<u16>,
    /// The exception given instead of an answer.
    pub exception: Option<u8>,
    /// How well that is known.
    pub grade: Grade,
}

impl RegisterMap {
    /// What the definition says of a function.
    pub fn function(&self, code: u8) -> Option<&FunctionRule> {
        self.functions.iter().find(|rule| rule.code == code)
    }

    /// The function by which inverters read: the first reading function that is answered with data.
    pub fn read_function(&self) -> u8 {
        self.functions
            .iter()
            .find(|rule| is_read(rule.code) && rule.exception.is_none())
            .map_or(function::READ_HOLDING, |rule| rule.code)
    }

    /// Whether `function` may write every register of a range.
    pub fn is_writable(&self, start: u16, count: u16, function: u8) -> bool {
        count > 0
            && (0..count).all(|index| {
                let register = start.checked_add(index);
                let mut writable = self.writable.iter();
                writable
                    .any(|(range, by)| *by == function && register.is_some_and(|register| range.contains(&register)))
            })
    }
}

impl Message {
    /// First register and count of a block of registers; `None` for any other message.
    pub fn registers(&self) -> Option<(u16, u16)> {
        let MessageKey::Registers(first) = self.key else {
            return None;
        };
        let count = u16::try_from(self.length.send? / 2).ok()?;
        Some((first, count))
    }

    /// How many registers of a range belong to this block; 0 for any other message.
    fn overlap(&self, start: u16, count: u16) -> u32 {
        let Some((first, own)) = self.registers() else { return 0 };
        let end = (u32::from(first) + u32::from(own)).min(u32::from(start) + u32::from(count));
        end.saturating_sub(u32::from(first.max(start)))
    }
}

impl Protocol {
    /// The blocks that have registers of a range, in the order of the definition; those of one variant only, where it
    /// is known.
    pub fn blocks(&self, start: u16, count: u16, variant: Option<&str>) -> Vec<&Message> {
        let has = |message: &Message| {
            message.variants.is_empty() || variant.is_none_or(|variant| message.variants.iter().any(|v| v == variant))
        };
        self.messages
            .iter()
            .filter(|message| message.overlap(start, count) > 0 && has(message))
            .collect()
    }

    /// The block that most registers of a range belong to; of equals the first.
    pub fn block(&self, start: u16, count: u16, variant: Option<&str>) -> Option<&Message> {
        let blocks = self.blocks(start, count, variant);
        let most = blocks.iter().map(|message| message.overlap(start, count)).max()?;
        blocks.into_iter().find(|message| message.overlap(start, count) == most)
    }

    /// The message that a question is about: the block of a read or written range, else the command.
    pub fn asked(&self, command: Option<u8>, registers: Option<(u16, u16)>, variant: Option<&str>) -> Option<&Message> {
        match registers {
            Some((start, count)) => self.block(start, count, variant),
            None => self.command(command?),
        }
    }

    /// How replies tell their length on a Modbus-like line.
    pub fn framing(&self, variant: Option<&str>) -> ReplyFraming {
        let of_variant = variant
            .and_then(|name| self.variants.iter().find(|known| known.name == name))
            .and_then(|variant| variant.framing);
        of_variant.unwrap_or(match self.envelope {
            Envelope::Voltronic => ReplyFraming::Words,
            _ => ReplyFraming::Standard,
        })
    }

    /// True on a line with Modbus frames, or those of its relatives.
    pub fn is_modbus(&self) -> bool {
        matches!(self.envelope, Envelope::ModbusRtu | Envelope::Voltronic)
    }
}

/// Whether a function reads registers.
pub fn is_read(code: u8) -> bool {
    matches!(code, function::READ_HOLDING | function::READ_INPUT)
}

/// Whether a function writes registers.
pub fn is_write(code: u8) -> bool {
    matches!(code, function::WRITE_ONE | function::WRITE_SEVERAL)
}

/// Whether a function can change something in a device that has it: registers, coils, files.
pub fn may_write(code: u8) -> bool {
    const WRITE_COIL: u8 = 0x05;
    const WRITE_COILS: u8 = 0x0F;
    const WRITE_FILE: u8 = 0x15;
    const MASK_WRITE: u8 = 0x16;
    const READ_AND_WRITE: u8 = 0x17;
    is_write(code)
        || matches!(
            code,
            WRITE_COIL | WRITE_COILS | WRITE_FILE | MASK_WRITE | READ_AND_WRITE
        )
}
