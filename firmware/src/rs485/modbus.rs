//! Modbus RTU as a slave speaks it: frames cut by silence, CRC, requests, exceptions (sheet pace-modbus, "Frames", A).
//!
//! | frame | bytes |
//! |---|---|
//! | read request | address, 03, first register (2), quantity (2), CRC (2) |
//! | read reply | address, 03, byte count, values, CRC (2) |
//! | write request | address, 10, first register (2), quantity (2), byte count, values, CRC (2) |
//! | write reply | address, 10, first register (2), quantity (2), CRC (2) |
//! | write of a single register, and its reply | address, 06, register (2), value (2), CRC (2) |
//! | exception | address, function + 80, code, CRC (2) |
//!
//! Numbers are sent high byte first, the CRC low byte first. What a register holds is the matter of each map.

use core::time::Duration;

use crate::time::Instant;

/// The longest frame on a Modbus line.
pub(crate) const LONGEST_FRAME: usize = 256;
/// A frame ends with 3.5 characters of silence: 3.65 ms at 9600 baud.
const SILENCE: Duration = Duration::from_micros(3650);
/// One character at 9600 baud: ten bits.
const CHARACTER: Duration = Duration::from_micros(1042);

/// Registers that one read may ask for.
const READ_AT_MOST: u16 = 125;
/// Registers that one write may hold.
const WRITE_AT_MOST: u16 = 123;

mod function {
    pub(super) const READ: u8 = 0x03;
    pub(super) const READ_INPUT: u8 = 0x04;
    pub(super) const WRITE_SINGLE: u8 = 0x06;
    pub(super) const WRITE: u8 = 0x10;
    /// Added to the function of a request that is refused.
    pub(super) const REFUSED: u8 = 0x80;
}

/// Why a request is refused (sheet pace-modbus, "Errors").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exception {
    /// The function does not exist.
    Function = 1,
    /// A register does not exist.
    Register = 2,
    /// The operation is not allowed: a register or value that cannot be written, or a wrong quantity.
    Operation = 3,
}

/// CRC-16 of Modbus: reflected polynomial A001, initial value FFFF.
fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| {
            if crc & 1 == 1 { crc >> 1 ^ 0xA001 } else { crc >> 1 }
        })
    })
}

/// A question, with a right CRC where nothing else is said.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'a> {
    /// Who is asked; 0 is everybody, and nobody answers.
    pub(crate) address: u8,
    function: u8,
    /// What follows the function, without the CRC.
    body: &'a [u8],
}

/// What is asked of the registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access<'a> {
    /// The values of `count` registers from `first` on.
    Read {
        /// First register.
        first: u16,
        /// Number of registers, at least one.
        count: u16,
    },
    /// New values for as many registers as there are pairs of bytes, high byte first.
    Write {
        /// First register.
        first: u16,
        /// The values.
        values: &'a [u8],
    },
}

impl<'a> Question<'a> {
    /// Looks at bytes as a frame; `None` when they are too short for one or their CRC is wrong.
    pub(crate) fn new_checked(bytes: &'a [u8]) -> Option<Question<'a>> {
        let (question, is_sound) = Question::new_unchecked(bytes)?;
        is_sound.then_some(question)
    }

    /// The same with whether the CRC is right, for a protocol that answers a wrong one; `None` when too short.
    pub(crate) fn new_unchecked(bytes: &'a [u8]) -> Option<(Question<'a>, bool)> {
        let (covered, sent) = bytes.split_at_checked(bytes.len().checked_sub(2)?)?;
        let (&[address, function], body) = covered.split_at_checked(2)? else {
            return None;
        };
        let question = Question {
            address,
            function,
            body,
        };
        Some((question, crc(covered).to_le_bytes() == sent))
    }

    /// Whether it reads holding registers (0x03) or input registers (0x04), which [`access`](Question::access) does not
    /// know.
    pub(crate) const fn is_read(&self) -> bool {
        matches!(self.function, function::READ | function::READ_INPUT)
    }

    /// The first register of a read and how many, 1..=125; `None` for a frame that is cut short or too long.
    pub(crate) fn span(&self) -> Option<Result<(u16, u16), Exception>> {
        let &[a, b, c, d] = self.body else {
            return None;
        };
        let (first, count) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        let allowed = (1..=READ_AT_MOST).contains(&count);
        Some(allowed.then_some((first, count)).ok_or(Exception::Operation))
    }

    /// Whether it writes a single register (0x06), which only some protocols know; then the register and its value, or
    /// `None` for a frame that is cut short or too long.
    pub(crate) fn single_write(&self) -> Option<Option<(u16, &'a [u8])>> {
        (self.function == function::WRITE_SINGLE).then(|| {
            let (register, value) = self.body.split_first_chunk()?;
            (value.len() == 2).then_some((u16::from_be_bytes(*register), value))
        })
    }

    /// What it asks; `None` for a frame that is cut short or too long, which is not answered.
    pub(crate) fn access(&self) -> Option<Result<Access<'a>, Exception>> {
        match (self.function, self.body) {
            (function::READ, _) => {
                let span = self.span()?;
                Some(span.map(|(first, count)| Access::Read { first, count }))
            }
            (function::WRITE, &[a, b, c, d, bytes, ref values @ ..]) if values.len() == usize::from(bytes) => {
                let (first, count) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
                let fits = (1..=WRITE_AT_MOST).contains(&count) && values.len() == 2 * usize::from(count);
                Some(if fits {
                    Ok(Access::Write { first, values })
                } else {
                    Err(Exception::Operation)
                })
            }
            (function::WRITE, _) => None,
            _ => Some(Err(Exception::Function)),
        }
    }
}

/// How a reply to a read tells its length (sheet voltronic-rs485, "Reply framings met in the field").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LengthField {
    /// The number of registers in two bytes: Voltronic's document.
    #[default]
    Words,
    /// The number of bytes in two bytes: Seplos.
    WideBytes,
    /// The number of bytes in one byte: Modbus.
    Bytes,
}

/// A reply to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    bytes: [u8; LONGEST_FRAME],
    length: usize,
}

impl Reply {
    pub(crate) const fn new() -> Reply {
        Reply {
            bytes: [0; LONGEST_FRAME],
            length: 0,
        }
    }

    /// The values of registers.
    pub(crate) fn values(&mut self, question: &Question<'_>, values: impl Iterator<Item = u16>) {
        self.values_with(question, LengthField::Bytes, values);
    }

    /// The values of registers, at most 125, with the length told in this way.
    pub(crate) fn values_with(
        &mut self,
        question: &Question<'_>,
        length_field: LengthField,
        values: impl Iterator<Item = u16>,
    ) {
        self.begin(question.address, question.function);
        let at = self.length;
        let width = if length_field == LengthField::Bytes { 1 } else { 2 };
        self.push(&[0, 0][..width]);
        for value in values {
            self.push(&value.to_be_bytes());
        }
        // 125 registers have 250 bytes.
        let bytes = u8::try_from(self.length - at - width).unwrap_or(u8::MAX);
        let told = if length_field == LengthField::Words {
            bytes / 2
        } else {
            bytes
        };
        // In two bytes the high one stays 0.
        self.bytes[at + width - 1] = told;
        self.finish();
    }

    /// The registers have been written.
    pub(crate) fn written(&mut self, question: &Question<'_>, first: u16, count: u16) {
        self.begin(question.address, function::WRITE);
        self.push(&first.to_be_bytes());
        self.push(&count.to_be_bytes());
        self.finish();
    }

    /// The question itself: a single register has been written.
    pub(crate) fn echo(&mut self, question: &Question<'_>) {
        self.begin(question.address, question.function);
        self.push(question.body);
        self.finish();
    }

    /// The request is refused.
    pub(crate) fn exception(&mut self, question: &Question<'_>, exception: Exception) {
        self.refusal(question, exception as u8);
    }

    /// The request is refused with a code of the protocol's own.
    pub(crate) fn refusal(&mut self, question: &Question<'_>, code: u8) {
        self.begin(question.address, question.function | function::REFUSED);
        self.push(&[code]);
        self.finish();
    }

    /// The frame as it goes on the line.
    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    fn begin(&mut self, address: u8, function: u8) {
        self.length = 0;
        self.push(&[address, function]);
    }

    fn push(&mut self, bytes: &[u8]) {
        for byte in bytes {
            debug_assert!(
                self.length < LONGEST_FRAME,
                "a reply of more than {LONGEST_FRAME} bytes"
            );
            if let Some(slot) = self.bytes.get_mut(self.length) {
                *slot = *byte;
                self.length += 1;
            }
        }
    }

    fn finish(&mut self) {
        let crc = crc(self.as_slice());
        self.push(&crc.to_le_bytes());
    }
}

/// Collects bytes until the line falls silent.
#[derive(Clone, Debug)]
pub(crate) struct Collector {
    bytes: [u8; LONGEST_FRAME],
    /// How many bytes have come; more than fit when the frame is too long for any.
    length: usize,
    last_byte: Instant,
}

impl Collector {
    pub(crate) const fn new() -> Collector {
        Collector {
            bytes: [0; LONGEST_FRAME],
            length: 0,
            last_byte: Instant::ZERO,
        }
    }

    /// When the frame that has begun is over, if nothing more comes.
    pub(crate) fn timeout(&self) -> Option<Instant> {
        (self.length > 0).then(|| self.last_byte + SILENCE)
    }

    /// Whether `count` bytes, the last of them there at `now`, belong to the frame that has begun.
    pub(crate) fn is_continued(&self, now: Instant, count: usize) -> bool {
        // The silence ended when the first of these bytes began, not when the last of them was there.
        let first = now - CHARACTER * u32::try_from(count).unwrap_or(u32::MAX);
        self.timeout().is_some_and(|timeout| first < timeout)
    }

    /// Takes in bytes, the last of them there at `now`.
    pub(crate) fn push(&mut self, now: Instant, bytes: &[u8]) {
        for byte in bytes {
            if let Some(slot) = self.bytes.get_mut(self.length) {
                *slot = *byte;
            }
            self.length = self.length.saturating_add(1);
        }
        self.last_byte = now;
    }

    /// The bytes of the frame that is over, and when the last of them was there; nothing when it was too long.
    pub(crate) fn take(&mut self) -> (&[u8], Instant) {
        let length = core::mem::take(&mut self.length);
        (self.bytes.get(..length).unwrap_or_default(), self.last_byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked example of the sheet: CAD5, sent D5 CA.
    #[test]
    fn crc_is_that_of_the_worked_example() {
        assert_eq!(crc(&[0x01, 0x03, 0x00, 0x01, 0x00, 0x01]), 0xCAD5);
    }

    #[test]
    fn a_wrong_crc_or_half_a_frame_is_no_question() {
        let frame = [0x01, 0x03, 0x00, 0x00, 0x00, 0x0D, 0x84, 0x0F];
        assert!(Question::new_checked(&frame).is_some());
        assert!(Question::new_checked(&[0x01, 0x03, 0x00, 0x00, 0x00, 0x0D, 0x0F, 0x84]).is_none());
        for length in 0..frame.len() {
            assert!(Question::new_checked(&frame[..length]).is_none(), "{length} bytes");
        }
    }

    #[test]
    fn silence_ends_a_frame() {
        let mut collector = Collector::new();
        assert_eq!(collector.timeout(), None);
        collector.push(Instant::from_millis(10), &[1, 2]);
        assert_eq!(collector.timeout(), Some(Instant::from_micros(13_650)));
        assert!(collector.is_continued(Instant::from_millis(14), 1));
        assert!(!collector.is_continued(Instant::from_millis(15), 1));
        assert_eq!(collector.take(), (&[1, 2][..], Instant::from_millis(10)));
        assert_eq!(collector.timeout(), None);
        collector.push(Instant::from_millis(20), &[0; LONGEST_FRAME + 1]);
        assert!(collector.take().0.is_empty());
    }
}
