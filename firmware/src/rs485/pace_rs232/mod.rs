//! PACE's PC-BMS protocol (sheet pace-rs232, A): the battery's own RS232 service port, not an inverter's.
//!
//! 9600 8N1, ASCII frames of version 25, the PC asks and the battery answers. It shows the true values of the packs,
//! and it selects the inverter protocol. Only the questions 42, 44 and 90 reach the other packs of a stack; all else is
//! about the pack that the cable is in.
//!
//! - [`options`]: what a maker chooses.
//! - [`stack`]: which packs are asked, 42, 44, 67.
//! - [`records`]: what 42, 44 and the log say of a pack, and the words of bits.
//! - [`thresholds`]: the commands that read and set thresholds and delays.
//! - [`inverter_protocol`]: EB, EC, 60 to 63.
//! - [`switches`], [`identity`]: 99 to 9C; texts.
//! - [`clock`], [`log`], [`memory`]: what the battery remembers for this port.
//! - here: frames, the choice of what to answer, and the remaining commands.

mod clock;
mod identity;
mod inverter_protocol;
mod log;
mod memory;
mod options;
mod records;
mod stack;
mod switches;
mod thresholds;

use core::time::Duration;

use super::ascii_frame::{AsciiFrame, info_bytes};
use super::{AfterReply, Answer, AsciiReply, Context, Outcome, SerialProtocol};
use crate::bank::address::acting;
use crate::config::{MAX_PACKS, Protocol};
use crate::pack::cells::CELL_COUNT;
use crate::pack::{Pack, PackView};
use crate::protection::parameters::Parameters;
use crate::setting::Setting;
use clock::DateTime;
pub(crate) use memory::Memory;
use memory::Place;
pub use options::{PaceRs232Options, RecordTail};
use records::capacity;
use thresholds::Group;

/// The service port.
pub(crate) const PROTOCOL: SerialProtocol = SerialProtocol {
    protocol: Protocol::PaceRs232,
    answer: Answer::Ascii {
        answer,
        // Sheet, "Errors": no EOI within 100 ms.
        patience: Duration::from_millis(100),
    },
};

/// The longest reply: 42 for a whole stack, with 18 characters of frame around INFO.
pub(crate) const LONGEST_REPLY: usize = 18 + 2 * (2 + records::LONGEST_RECORD * MAX_PACKS as usize);

const VER: u8 = 0x25;
const CID1: u8 = 0x46;
/// Number in the bank of the pack that the cable is in.
const OWN: u8 = 1;

/// RTN of a reply (sheet, "Errors").
mod rtn {
    pub(super) const NORMAL: u8 = 0x00;
    pub(super) const CHKSUM: u8 = 0x02;
    pub(super) const LCHKSUM: u8 = 0x03;
    pub(super) const CID2: u8 = 0x04;
    pub(super) const OPERATION: u8 = 0x09;
}

/// Why a question gets no normal reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    rtn: u8,
    /// A MOSFET that may not be switched off now comes with the state of both.
    status: Option<u8>,
}

impl Refusal {
    /// Wrong length of INFO, a value out of range, or a function that is not there.
    const OPERATION: Refusal = Refusal::with(rtn::OPERATION);

    const fn with(rtn: u8) -> Refusal {
        Refusal { rtn, status: None }
    }
}

/// What a command does to a battery, so that a maker can leave it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Read,
    /// Can be undone.
    Write,
    /// Is dangerous or cannot be undone.
    Danger,
}

impl Class {
    /// The class of a command (sheet, "Command catalogue"); `None` for one that nobody has.
    fn of(command: u8, options: &PaceRs232Options) -> Option<Class> {
        match command {
            0x60..=0x62 if options.protocol_list => Some(Class::Read),
            0x63 if options.protocol_list => Some(Class::Write),
            0x42 | 0x44 | 0x64 | 0x66 | 0x68 | 0x6B | 0x7F | 0x80 | 0x90 | 0xA1 | 0xA6 | 0xB1 | 0xB8 | 0xBA | 0xBC
            | 0xC1 | 0xC2 | 0xC6 | 0xEB => Some(Class::Read),
            0x6A | 0x99 | 0x9A | 0x9B | 0xA5 | 0xB2 | 0xB7 | 0xB9 | 0xBB | 0xEC => Some(Class::Write),
            0x65 | 0x67 | 0x7E | 0x9C | 0xA4 | 0xA7 | 0xA9..=0xAD | 0xB3 | 0xB4 | 0xBD | 0xC3 | 0xC4 | 0xFF => {
                Some(Class::Danger)
            }
            _ => Group::find(command).map(|(_, sets)| if sets { Class::Write } else { Class::Read }),
        }
    }

    fn is_carried_out(self, options: &PaceRs232Options) -> bool {
        match self {
            Class::Read => true,
            Class::Write => options.writes,
            Class::Danger => options.dangerous_writes,
        }
    }
}

/// Answers the frame with this text, which came between `~` and carriage return.
///
/// The port is point to point: whatever address is asked, the reply bears that of the pack.
fn answer(text: &[u8], context: &mut Context<'_>, reply: &mut AsciiReply) -> Outcome {
    let Some(question) = checked(text) else {
        return Outcome::Silence;
    };
    let adr = acting(context.config.dip);
    reply.begin(VER, adr, CID1, rtn::NORMAL);
    let answered = check(&question).and_then(|info| carry_out(question.cid2(), &info, context, reply));
    let after = answered.unwrap_or_else(|refusal| {
        refuse(refusal, adr, reply);
        None
    });
    reply.finish();
    Outcome::Answered(after)
}

/// The frame, if it is one of this family.
fn checked(text: &[u8]) -> Option<AsciiFrame<'_>> {
    let all_hex = text.iter().all(u8::is_ascii_hexdigit);
    AsciiFrame::new_checked(text).filter(|frame| all_hex && frame.ver() == VER && frame.cid1() == CID1)
}

/// The checks that every question goes through, in the order of the frame's layers.
fn check(question: &AsciiFrame<'_>) -> Result<Info, Refusal> {
    if !question.chksum_is_right() {
        return Err(Refusal::with(rtn::CHKSUM));
    }
    if !question.lchksum_is_right() {
        return Err(Refusal::with(rtn::LCHKSUM));
    }
    if question.lenid() != question.info_text().len() {
        return Err(Refusal::OPERATION);
    }
    Info::parse(question.info_text()).ok_or(Refusal::OPERATION)
}

fn refuse(refusal: Refusal, adr: u8, reply: &mut AsciiReply) {
    reply.begin(VER, adr, CID1, refusal.rtn);
    if let Some(status) = refusal.status {
        reply.push_bytes(&[status]);
    }
}

type Done = Result<Option<AfterReply>, Refusal>;

/// Does what a command says, and writes INFO of the reply.
fn carry_out(command: u8, info: &Info, context: &mut Context<'_>, reply: &mut AsciiReply) -> Done {
    let options = &context.config.pace_rs232;
    let class = Class::of(command, options).ok_or(Refusal::with(rtn::CID2))?;
    if !class.is_carried_out(options) {
        return Err(Refusal::OPERATION);
    }
    if let Some((group, sets)) = Group::find(command) {
        threshold(group, sets, info, context, reply)?;
        return Ok(None);
    }
    match command {
        0x42 => stack::measurements(info.byte()?, context, reply)?,
        0x44 => stack::alarms(info.byte()?, context, reply)?,
        0x90 => {
            info.nothing()?;
            reply.push_bytes(&[stack::stack_size(context)]);
        }
        0x60 => {
            info.nothing()?;
            inverter_protocol::push_codes(reply);
        }
        0x61 => inverter_protocol::push_names(reply, info.bytes())?,
        0x62 => {
            info.nothing()?;
            reply.push_bytes(&context.memory.selection.codes());
        }
        0x63 => {
            let setting = context.memory.selection.set_both(info.exactly()?)?;
            reply.push_bytes(&context.memory.selection.codes());
            return Ok(setting.map(AfterReply::SelectProtocol));
        }
        0xEB => {
            info.nothing()?;
            reply.push_bytes(&context.memory.selection.with_type());
        }
        0xEC => {
            let setting = context.memory.selection.select(info.exactly()?)?;
            return Ok(setting.map(AfterReply::SelectProtocol));
        }
        0x99 => return switches::control(info.byte()?, context, reply),
        0x9A => switches::switch_mosfet(info.byte()?, true, context, reply)?,
        0x9B => switches::switch_mosfet(info.byte()?, false, context, reply)?,
        0x9C => return switches::shut_down(info, context),
        0x67 => stack::pass_through(info.bytes(), context, reply)?,
        0x64..=0x66 => identity::wireless(command, info, context, reply)?,
        0xA9..=0xAD => calibrate(command, info.exactly()?)?,
        0xB1..=0xBC => times(command, info, context, reply)?,
        0xC1..=0xC6 => identity::identity(command, info, context, reply)?,
        _ => other(command, info, context, reply)?,
    }
    Ok(None)
}

/// The bytes of INFO.
struct Info {
    bytes: [u8; Info::MOST],
    count: usize,
}

impl Info {
    /// No frame that is taken in has more.
    const MOST: usize = 152;

    /// `None` when the last byte is cut in half.
    fn parse(text: &[u8]) -> Option<Info> {
        let mut info = Info {
            bytes: [0; Info::MOST],
            count: 0,
        };
        for byte in info_bytes(text)? {
            *info.bytes.get_mut(info.count)? = byte;
            info.count += 1;
        }
        Some(info)
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.count]
    }

    fn nothing(&self) -> Result<(), Refusal> {
        let [] = self.exactly()?;
        Ok(())
    }

    fn byte(&self) -> Result<u8, Refusal> {
        let [byte] = self.exactly()?;
        Ok(byte)
    }

    fn word(&self) -> Result<u16, Refusal> {
        self.exactly().map(u16::from_be_bytes)
    }

    /// One byte that says no or yes.
    fn truth(&self) -> Result<bool, Refusal> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Refusal::OPERATION),
        }
    }

    fn date_time(&self) -> Result<DateTime, Refusal> {
        DateTime::new(self.exactly()?).ok_or(Refusal::OPERATION)
    }

    /// INFO, if it has so many bytes.
    fn exactly<const N: usize>(&self) -> Result<[u8; N], Refusal> {
        self.bytes().try_into().map_err(|_| Refusal::OPERATION)
    }
}

/// The pack that the cable is in.
fn own_view(context: &Context<'_>) -> PackView {
    context.bank.master_view(context.now)
}

fn own_pack<'a>(context: &'a mut Context<'_>) -> Result<&'a mut Pack, Refusal> {
    context.bank.pack_mut(OWN).ok_or(Refusal::OPERATION)
}

/// Applies settings to the pack that the cable is in, all of them or none.
fn apply<const N: usize>(settings: [Setting; N], context: &mut Context<'_>) -> Result<(), Refusal> {
    if settings.iter().any(|setting| setting.check().is_err()) {
        return Err(Refusal::OPERATION);
    }
    let now = context.now;
    let pack = own_pack(context)?;
    settings.iter().for_each(|setting| setting.apply(pack, now));
    Ok(())
}

fn threshold(
    group: &Group,
    sets: bool,
    info: &Info,
    context: &mut Context<'_>,
    reply: &mut AsciiReply,
) -> Result<(), Refusal> {
    let now = context.now;
    let PaceRs232Options {
        long_over_current,
        negative_discharge_thresholds,
        ..
    } = context.config.pace_rs232;
    let pack = own_pack(context)?;
    if sets {
        return group.set(pack, now, info);
    }
    info.nothing()?;
    group.push(reply, pack, long_over_current, negative_discharge_thresholds);
    Ok(())
}

/// A9 to AD: the sensors of this battery are exact, so that they read what they are calibrated to.
fn calibrate(command: u8, value: [u8; 2]) -> Result<(), Refusal> {
    /// The word that AA must bring.
    const ZERO_KEY: u16 = 4321;
    let value = u16::from_be_bytes(value);
    let right = match command {
        0xAA => value == ZERO_KEY,
        // 0 resets.
        0xAB => matches!(value, 0 | 50..=600),
        0xAC => matches!(value, 0 | 50..=15_000),
        // A9, AD.
        _ => true,
    };
    right.then_some(()).ok_or(Refusal::OPERATION)
}

/// B1 to BC: clock, log and timed log; B4 the number of cells.
fn times(command: u8, info: &Info, context: &mut Context<'_>, reply: &mut AsciiReply) -> Result<(), Refusal> {
    let now = context.now;
    let memory = &mut *context.memory;
    match command {
        0xB1 => reply.push_bytes(&memory.clock.read(now).bytes()),
        0xB8 => reply.push_bytes(&[memory.timed_log.minutes]),
        0xBA => reply.push_bytes(&memory.timed_log.first.bytes()),
        0xBC => reply.push_bytes(&memory.timed_log.last.bytes()),
        0xB2 => {
            memory.clock.set(now, info.date_time()?);
            return Ok(());
        }
        0xB7 => {
            let minutes = Some(info.byte()?).filter(|minutes| *minutes <= 120);
            memory.timed_log.minutes = minutes.ok_or(Refusal::OPERATION)?;
            return Ok(());
        }
        0xB9 => {
            memory.timed_log.first = info.date_time()?;
            return Ok(());
        }
        0xBB => {
            memory.timed_log.last = info.date_time()?;
            return Ok(());
        }
        0xB3 => memory.log.clear(),
        // This battery has as many cells as it has.
        0xB4 if info.byte()? == CELL_COUNT => return Ok(()),
        _ => return Err(Refusal::OPERATION),
    }
    info.nothing()
}

/// All other commands.
fn other(command: u8, info: &Info, context: &mut Context<'_>, reply: &mut AsciiReply) -> Result<(), Refusal> {
    match command {
        0x68 | 0x6B => {
            info.nothing()?;
            reply.push_bytes(&[u8::from(context.memory.active_balancing)]);
        }
        0x6A => context.memory.active_balancing = info.truth()?,
        0x7E => {
            let &[device, a, b, c, d, high, low, ref bytes @ ..] = info.bytes() else {
                return Err(Refusal::OPERATION);
            };
            let count = u16::from_be_bytes([high, low]);
            let place = Place::new(device, u32::from_be_bytes([a, b, c, d]), count)
                .filter(|_| bytes.len() == usize::from(count))
                .ok_or(Refusal::OPERATION)?;
            context.memory.store(place, bytes);
        }
        0x7F => {
            let question @ [device, a, b, c, d, high, low] = info.exactly()?;
            let count = u16::from_be_bytes([high, low]);
            let place = Place::new(device, u32::from_be_bytes([a, b, c, d]), count).ok_or(Refusal::OPERATION)?;
            reply.push_bytes(&question);
            reply.push_bytes(context.memory.stored(place));
        }
        // An external crystal that works.
        0x80 => {
            info.nothing()?;
            reply.push_bytes(&[0; 4]);
        }
        0xA1 => {
            // Behind the last record there is nothing, which is no error.
            if let Some(record) = context.memory.log.record(info.word()?) {
                reply.push_bytes(record);
            }
        }
        0xA4 => {
            info.nothing()?;
            restore(context)?;
        }
        0xA5 => {
            let percent = Some(info.byte()?).filter(|percent| (74..=97).contains(percent));
            own_pack(context)?.charge_stop_percent = Some(percent.ok_or(Refusal::OPERATION)?);
        }
        0xA6 => {
            info.nothing()?;
            let pack = own_view(context);
            reply.push_bytes(&capacity(pack.remaining_capacity_mah));
            reply.push_bytes(&capacity(pack.full_capacity_mah));
            reply.push_bytes(&capacity(pack.design_capacity_mah));
        }
        0xA7 => set_capacities(info.exactly()?, context)?,
        0xBD => apply([Setting::CycleCount { cycles: info.word()? }], context)?,
        // FF; the firmware upgrade and the lock against theft are not there.
        _ => match info.bytes() {
            [0x01] => context.memory.test_mode = true,
            [0x02] => restore(context)?,
            [0x03] => apply(
                [
                    Setting::ChargedEnergy { watt_hours: 0 },
                    Setting::DischargedEnergy { watt_hours: 0 },
                ],
                context,
            )?,
            _ => return Err(Refusal::OPERATION),
        },
    }
    Ok(())
}

/// Remaining, full and design capacity in 10 mAh.
fn set_capacities(info: [u8; 6], context: &mut Context<'_>) -> Result<(), Refusal> {
    let [remaining, full, design] = [[info[0], info[1]], [info[2], info[3]], [info[4], info[5]]]
        .map(|word| u32::from(u16::from_be_bytes(word)) * 10);
    if remaining > full {
        return Err(Refusal::OPERATION);
    }
    // The remaining capacity comes last: it is held below the full one.
    apply(
        [
            Setting::DesignCapacity {
                milliampere_hours: design,
            },
            Setting::FullCapacity {
                milliampere_hours: full,
            },
            Setting::RemainingCapacity {
                milliampere_hours: remaining,
            },
        ],
        context,
    )
}

/// The parameters and functions of the battery are those of delivery again.
fn restore(context: &mut Context<'_>) -> Result<(), Refusal> {
    context.memory.restore();
    let pack = own_pack(context)?;
    pack.parameters = Parameters::default();
    pack.protection.switch_all_on();
    pack.balancing.only_while_charging = false;
    pack.charge_stop_percent = None;
    Ok(())
}
