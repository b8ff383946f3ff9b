//! Protocols on a serial line: the inverter asks over RS485, or a PC over RS232, and the battery answers.
//!
//! - [`ascii_frame`]: the frame of the Pylon family, and how it is found in a stream.
//! - [`modbus`]: the frame of Modbus RTU, and how silence ends it.
//! - One file or folder per protocol: its options, and what it answers to which question.
//! - [`SerialPort`]: takes bytes in, holds the one reply until it is due.
//!
//! A protocol is added with its file, a line in [`PROTOCOLS`] and a line in the table of `config.rs`; when it has
//! options, they are a field of [`Config`].

pub(crate) mod ascii_frame;
pub(crate) mod growatt_rs485;
pub(crate) mod luxpower_rs485;
pub(crate) mod modbus;
pub(crate) mod pace_modbus;
pub(crate) mod pace_rs232;
pub(crate) mod pylon_rs485;
pub(crate) mod schneider_rs485;
pub(crate) mod voltronic_rs485;

use core::time::Duration;

use crate::bank::Bank;
use crate::config::{Config, Protocol};
use crate::panel::protocol_setting::ProtocolSetting;
use crate::time::Instant;
use ascii_frame::{Deframer, FrameBuffer};
use luxpower_rs485::clock::Clock;
use modbus::Collector;

/// When the last byte of a question was there, the reply begins so much later (Q-24: 2..50 ms, on Modbus 5..50 ms).
const REPLY_DELAY: Duration = Duration::from_millis(5);

/// Every protocol on a serial line.
const PROTOCOLS: &[SerialProtocol] = &[
    pace_modbus::PACE,
    pace_modbus::SRNE,
    voltronic_rs485::PROTOCOL,
    pylon_rs485::PROTOCOL,
    growatt_rs485::PROTOCOL,
    schneider_rs485::PROTOCOL,
    luxpower_rs485::PROFILE_L,
    luxpower_rs485::profile_g::PROFILE_G,
    pace_rs232::PROTOCOL,
];

/// Holds any reply of the ASCII protocols: the longest is 42 of PACE for the whole stack.
pub(crate) type AsciiReply = FrameBuffer<{ pace_rs232::LONGEST_REPLY }>;

/// A protocol on a serial line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SerialProtocol {
    /// Which one it is.
    pub(crate) protocol: Protocol,
    /// What ends a question, and how it is answered.
    pub(crate) answer: Answer,
}

/// What ends a question, and how it is answered.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    /// It ends with a character: answers the text between `~` and carriage return.
    Ascii {
        answer: fn(&[u8], &mut Context<'_>, &mut AsciiReply) -> Outcome,
        /// A question that stops for so long is dropped.
        patience: Duration,
    },
    /// It ends with silence: answers the bytes between two of them.
    Modbus(fn(&[u8], &mut Context<'_>, &mut modbus::Reply) -> Outcome),
}

/// What the battery knows when it is asked.
pub(crate) struct Context<'a> {
    pub(crate) now: Instant,
    pub(crate) config: &'a Config,
    pub(crate) bank: &'a mut Bank,
    /// What a Growatt inverter has told about itself.
    pub(crate) handshake: &'a mut growatt_rs485::Handshake,
    /// The clock that LuxPower's masters set.
    pub(crate) clock: &'a mut Clock,
    /// What the service port sets and reads beside the packs.
    pub(crate) memory: &'a mut pace_rs232::Memory,
}

/// What becomes of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is not for this battery, or no frame at all: no answer.
    Silence,
    /// The reply buffer holds the answer; something may have to be done after it.
    Answered(Option<AfterReply>),
}

/// A command that is carried out only after it has been acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AfterReply {
    /// The pack of this number switches off.
    TurnPackOff(u8),
    /// The whole group switches off.
    ShutDown,
    /// The whole group goes through init again.
    Restart,
    /// Another inverter protocol is selected.
    SelectProtocol(&'static ProtocolSetting),
}

impl SerialProtocol {
    /// How this protocol is spoken on a serial line; `None` if it runs on CAN.
    fn of(protocol: Protocol) -> Option<&'static SerialProtocol> {
        PROTOCOLS.iter().find(|serial| serial.protocol == protocol)
    }
}

/// The serial port: the inverter's, or the service port.
///
/// A question that comes while the answer to another one is still due is dropped: two masters collide, and the battery
/// answers the first.
#[derive(Clone, Debug)]
pub(crate) struct SerialPort {
    /// Nothing for a protocol on the other bus.
    answer: Option<Answer>,
    deframer: Deframer,
    ascii_reply: AsciiReply,
    collector: Collector,
    modbus_reply: modbus::Reply,
    handshake: growatt_rs485::Handshake,
    clock: Clock,
    reply_at: Option<Instant>,
    after_reply: Option<AfterReply>,
}

impl SerialPort {
    /// A port that speaks a protocol, with nothing received yet.
    pub(crate) fn new(protocol: Option<Protocol>) -> SerialPort {
        let answer = protocol.and_then(SerialProtocol::of).map(|serial| serial.answer);
        let patience = match answer {
            Some(Answer::Ascii { patience, .. }) => patience,
            Some(Answer::Modbus(_)) | None => Duration::ZERO,
        };
        SerialPort {
            answer,
            deframer: Deframer::new(patience),
            ascii_reply: FrameBuffer::new(),
            collector: Collector::new(),
            modbus_reply: modbus::Reply::new(),
            handshake: growatt_rs485::Handshake::new(),
            clock: Clock::new(),
            reply_at: None,
            after_reply: None,
        }
    }

    /// When the frame that has begun is over or given up, if nothing more comes.
    pub(crate) fn silence_at(&self) -> Option<Instant> {
        match self.answer? {
            Answer::Ascii { .. } => self.deframer.timeout(),
            Answer::Modbus(_) => self.collector.timeout(),
        }
    }

    /// When the reply that is held is to be sent.
    pub(crate) const fn reply_at(&self) -> Option<Instant> {
        self.reply_at
    }

    /// Whether `count` bytes, the last of them there at `now`, go on with what has come before them.
    pub(crate) fn is_continued(&self, now: Instant, count: usize) -> bool {
        match self.answer {
            // The deframer sees to it by itself.
            None | Some(Answer::Ascii { .. }) => true,
            Some(Answer::Modbus(_)) => self.collector.is_continued(now, count),
        }
    }

    /// Takes in bytes, the last of them there at `now`; whether a question in them is answered.
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        bytes: &[u8],
        config: &Config,
        bank: &mut Bank,
        memory: &mut pace_rs232::Memory,
    ) -> bool {
        let answer = match self.answer {
            None => return false,
            Some(Answer::Ascii { answer, .. }) => answer,
            Some(Answer::Modbus(_)) => {
                self.collector.push(now, bytes);
                return false;
            }
        };
        let mut answered = false;
        self.deframer.note_arrival(now, bytes.len());
        for byte in bytes {
            let Some(text) = self.deframer.push(*byte).filter(|_| self.reply_at.is_none()) else {
                continue;
            };
            let mut context = Context {
                now,
                config,
                bank,
                handshake: &mut self.handshake,
                clock: &mut self.clock,
                memory,
            };
            if let Outcome::Answered(after_reply) = answer(text, &mut context, &mut self.ascii_reply) {
                self.after_reply = after_reply;
                self.reply_at = Some(now + REPLY_DELAY);
                answered = true;
            }
        }
        answered
    }

    /// The line has been silent since the last byte for as long as [`silence_at`](SerialPort::silence_at) says; whether
    /// the question that ends with it is answered.
    pub(crate) fn fall_silent(
        &mut self,
        now: Instant,
        config: &Config,
        bank: &mut Bank,
        memory: &mut pace_rs232::Memory,
    ) -> bool {
        let answer = match self.answer {
            None => return false,
            Some(Answer::Ascii { .. }) => {
                self.deframer.reset();
                return false;
            }
            Some(Answer::Modbus(answer)) => answer,
        };
        let (frame, last_byte) = self.collector.take();
        if self.reply_at.is_some() {
            return false;
        }
        let mut context = Context {
            now,
            config,
            bank,
            handshake: &mut self.handshake,
            clock: &mut self.clock,
            memory,
        };
        let Outcome::Answered(after_reply) = answer(frame, &mut context, &mut self.modbus_reply) else {
            return false;
        };
        self.after_reply = after_reply;
        self.reply_at = Some(last_byte + REPLY_DELAY);
        true
    }

    /// Notes that the reply begins now; gives what is to be done after it.
    pub(crate) fn begin_reply(&mut self) -> Option<AfterReply> {
        self.reply_at = None;
        self.after_reply.take()
    }

    /// The bytes of the last reply.
    pub(crate) fn reply(&self) -> &[u8] {
        match self.answer {
            None => &[],
            Some(Answer::Ascii { .. }) => self.ascii_reply.as_slice(),
            Some(Answer::Modbus(_)) => self.modbus_reply.as_slice(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Bus;

    #[test]
    fn every_protocol_on_rs485_is_answered() {
        for protocol in Protocol::ALL {
            assert_eq!(
                SerialProtocol::of(protocol).is_some(),
                protocol.bus() == Bus::Serial,
                "{}",
                protocol.name()
            );
        }
    }
}
