//! The packs of a stack: 42 and 44, and what is passed on to another pack (sheet, "Addressing").

use super::records::{self, Shown};
use super::{CID1, OWN, Refusal, VER, check, checked, own_view, refuse, rtn};
use crate::bank::address::acting;
use crate::pack::PackView;
use crate::rs485::ascii_frame::AsciiFrame;
use crate::rs485::{AsciiReply, Context};

/// INFO of 42 and 44: every pack of the stack.
const WHOLE_STACK: u8 = 0xFF;

/// Packs that the master has counted in, those included that it misses; another pack knows only itself.
pub(super) fn stack_size(context: &Context<'_>) -> u8 {
    match context.config.dip {
        0 | 1 => context.bank.listed(context.now).fold(0, |count, _| count + 1),
        _ => 1,
    }
}

/// The packs that a reply to 42 or 44 shows; a pack that is missed has a record without values.
#[derive(Clone, Copy)]
enum Asked {
    /// That of the cable.
    Own,
    /// That of the cable when it is asked by its own address, which is not 1: without values, as a real board (C).
    Nobody,
    /// The one at this address of the stack.
    At(u8),
    WholeStack,
}

impl Asked {
    /// The packs that COMMAND means (sheet, "Addressing"); 00 is answered as 01 is.
    fn find(command: u8, context: &Context<'_>) -> Result<Asked, Refusal> {
        let own = acting(context.config.dip);
        // Another pack than the master counts itself alone.
        let stack = stack_size(context) > 1;
        match command {
            0x00 => Ok(Asked::Own),
            WHOLE_STACK if stack => Ok(Asked::WholeStack),
            0x01 | WHOLE_STACK => Ok(Asked::Own),
            _ if stack
                && context
                    .bank
                    .listed(context.now)
                    .any(|(pack, _)| pack.address == command) =>
            {
                Ok(Asked::At(command))
            }
            _ if command == own => Ok(Asked::Nobody),
            _ => Err(Refusal::OPERATION),
        }
    }

    /// Each pack, and whether it has values.
    fn packs(self, context: &Context<'_>) -> impl Iterator<Item = (PackView, bool)> {
        let own = own_view(context);
        let alone = match self {
            Asked::Own => Some((own, true)),
            Asked::Nobody => Some((own, false)),
            Asked::At(_) | Asked::WholeStack => None,
        };
        let listed = context.bank.listed(context.now).filter(move |(pack, _)| match self {
            Asked::Own | Asked::Nobody => false,
            Asked::At(address) => pack.address == address,
            Asked::WholeStack => true,
        });
        alone.into_iter().chain(listed)
    }
}

/// INFOFLAG, then the number of packs after FF, and otherwise what was asked.
fn push_head(command: u8, asked: Asked, context: &Context<'_>, reply: &mut AsciiReply) {
    let count = match (command, asked) {
        (_, Asked::WholeStack) => stack_size(context),
        (WHOLE_STACK, _) => 1,
        _ => command,
    };
    reply.push_bytes(&[0, count]);
}

pub(super) fn measurements(command: u8, context: &Context<'_>, reply: &mut AsciiReply) -> Result<(), Refusal> {
    let asked = Asked::find(command, context)?;
    let tail = context.config.pace_rs232.record_tail;
    push_head(command, asked, context, reply);
    for (pack, has_values) in asked.packs(context) {
        if has_values {
            records::push_measurements(reply, &shown(pack, context), tail);
        } else {
            records::push_absent_measurements(reply, &pack, tail);
        }
    }
    Ok(())
}

pub(super) fn alarms(command: u8, context: &Context<'_>, reply: &mut AsciiReply) -> Result<(), Refusal> {
    let asked = Asked::find(command, context)?;
    let tail = context.config.pace_rs232.record_tail;
    push_head(command, asked, context, reply);
    for (pack, has_values) in asked.packs(context) {
        if has_values {
            records::push_alarms(reply, &shown(pack, context), tail);
        } else {
            records::push_absent_alarms(reply, tail);
        }
    }
    Ok(())
}

pub(super) fn shown(pack: PackView, context: &Context<'_>) -> Shown {
    // Only the master knows of others.
    let stack = context.bank.online(context.now).filter(|_| context.config.dip <= 1);
    let sums = |sum: Option<(u64, u64)>, pack: PackView| {
        let (remaining, full) = sum.unwrap_or_default();
        Some((
            remaining + u64::from(pack.remaining_capacity_mah),
            full + u64::from(pack.full_capacity_mah),
        ))
    };
    let (bank_remaining_mah, bank_full_mah) = stack
        .fold(None, sums)
        .unwrap_or((pack.remaining_capacity_mah.into(), pack.full_capacity_mah.into()));
    Shown {
        pack,
        bank_remaining_mah,
        bank_full_mah,
        status: context
            .memory
            .status(&pack, context.bank, context.now, &context.config.pace_rs232),
    }
}

/// 67: hands a whole frame to another pack on the packs' own line, and its answer back.
///
/// There, the address must be the pack's own, and COMMAND too. Nobody answers anything but 42, 44 and 90.
pub(super) fn pass_through(bytes: &[u8], context: &Context<'_>, reply: &mut AsciiReply) -> Result<(), Refusal> {
    let [b'~', text @ .., b'\r'] = bytes else {
        return Err(Refusal::OPERATION);
    };
    let question = checked(text).ok_or(Refusal::OPERATION)?;
    let mut others = context
        .bank
        .online(context.now)
        .filter(|pack| pack.number != OWN && context.config.dip <= 1 && context.bank.is_plugged(pack.number));
    let pack = others
        .find(|pack| pack.address == question.adr())
        .ok_or(Refusal::OPERATION)?;
    let mut foreign = AsciiReply::new();
    foreign.begin(VER, pack.address, CID1, rtn::NORMAL);
    if let Err(refusal) = answer_of_slave(&question, pack, context, &mut foreign) {
        refuse(refusal, pack.address, &mut foreign);
    }
    foreign.finish();
    reply.push_bytes(foreign.as_slice());
    Ok(())
}

fn answer_of_slave(
    question: &AsciiFrame<'_>,
    pack: PackView,
    context: &Context<'_>,
    foreign: &mut AsciiReply,
) -> Result<(), Refusal> {
    let info = check(question)?;
    let tail = context.config.pace_rs232.record_tail;
    let shown = Shown {
        bank_remaining_mah: pack.remaining_capacity_mah.into(),
        bank_full_mah: pack.full_capacity_mah.into(),
        pack,
        status: records::Status::default(),
    };
    match question.cid2() {
        0x42 | 0x44 if info.byte()? != pack.address => return Err(Refusal::OPERATION),
        0x42 => {
            foreign.push_bytes(&[0, pack.address]);
            records::push_measurements(foreign, &shown, tail);
        }
        0x44 => {
            foreign.push_bytes(&[0, pack.address]);
            records::push_alarms(foreign, &shown, tail);
        }
        0x90 => {
            info.nothing()?;
            foreign.push_bytes(&[1]);
        }
        _ => return Err(Refusal::with(rtn::CID2)),
    }
    Ok(())
}
