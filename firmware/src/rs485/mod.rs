//! Protocols on RS485: the inverter asks, the battery answers.
//!
//! - [`ascii_frame`]: the frame of the Pylon family, and how it is found in a stream.
//! - [`modbus`]: the frame of Modbus RTU, and how silence ends it.
//! - One file or folder per protocol or register map: what it answers to which question.
//! - [`SerialPort`]: takes bytes in, holds the one reply until it is due.

pub(crate) mod ascii_frame;
pub(crate) mod growatt_rs485;
pub(crate) mod modbus;
pub(crate) mod pace_modbus;
pub(crate) mod pylon_rs485;
pub(crate) mod voltronic_rs485;

use core::time::Duration;

use crate::bank::Bank;
use crate::config::{Config, Protocol};
use crate::time::Instant;
use ascii_frame::{Deframer, FrameBuffer};
use modbus::Collector;

/// The inverter's serial port.
#[derive(Clone, Debug)]
pub(crate) struct SerialPort {
    pub(crate) deframer: Deframer,
    pub(crate) reply: FrameBuffer<{ pylon_rs485::LONGEST_REPLY }>,
    pub(crate) collector: Collector,
    pub(crate) modbus_reply: modbus::Reply,
    /// What a Growatt inverter has written.
    pub(crate) growatt: growatt_rs485::Handshake,
    /// What happens once the reply is on the line.
    pub(crate) after_reply: Option<AfterReply>,
}

/// A command that is carried out only after it has been acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AfterReply {
    /// The pack of this number switches off.
    TurnPackOff(u8),
    /// The whole group switches off.
    ShutDown,
}

/// What becomes of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is not for this battery, or no frame at all: no answer.
    Silence,
    /// The reply buffer holds the answer; something may have to be done after it.
    Answered(Option<AfterReply>),
}

/// What the battery knows when it is asked.
pub(crate) struct Context<'a> {
    pub(crate) now: Instant,
    pub(crate) config: &'a Config,
    pub(crate) bank: &'a mut Bank,
}

/// Whether silence ends the frames of a protocol.
pub(crate) const fn is_modbus(protocol: Protocol) -> bool {
    matches!(
        protocol,
        Protocol::PaceModbus | Protocol::SrneModbus | Protocol::GrowattRs485 | Protocol::VoltronicRs485
    )
}

impl SerialPort {
    pub(crate) const fn new() -> SerialPort {
        SerialPort {
            deframer: Deframer::new(),
            reply: FrameBuffer::new(),
            collector: Collector::new(),
            modbus_reply: modbus::Reply::new(),
            growatt: growatt_rs485::Handshake::new(),
            after_reply: None,
        }
    }
}

/// When the last byte of a question was there, the reply begins so much later (Q-24: 2..50 ms, on Modbus 5..50 ms).
pub(crate) const REPLY_DELAY: Duration = Duration::from_millis(5);
