//! Protocols on RS485: the inverter asks, the battery answers.
//!
//! - [`ascii_frame`]: the frame of the Pylon family, and how it is found in a stream.
//! - One file or folder per protocol: what it answers to which question.
//! - [`SerialPort`]: takes bytes in, holds the one reply until it is due.

pub(crate) mod ascii_frame;
pub(crate) mod pylon_rs485;

use core::time::Duration;

use ascii_frame::{Deframer, FrameBuffer};

/// The inverter's serial port.
#[derive(Clone, Debug)]
pub(crate) struct SerialPort {
    pub(crate) deframer: Deframer,
    pub(crate) reply: FrameBuffer<{ pylon_rs485::LONGEST_REPLY }>,
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

impl SerialPort {
    pub(crate) const fn new() -> SerialPort {
        SerialPort {
            deframer: Deframer::new(),
            reply: FrameBuffer::new(),
            after_reply: None,
        }
    }
}

/// When the last byte of a question was there, the reply begins so much later (Q-24: 2..50 ms).
pub(crate) const REPLY_DELAY: Duration = Duration::from_millis(5);
