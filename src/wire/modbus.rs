//! Modbus RTU frames, and the replies of its relatives (sheets pace-modbus, growatt-rs485, voltronic-rs485).
//!
//! | frame | bytes |
//! |---|---|
//! | read request (0x03, 0x04) | address, function, start u16, count u16, CRC |
//! | write one (0x06), request and reply | address, function, register u16, value u16, CRC |
//! | write several (0x10), request | address, function, start u16, count u16, byte count u8, values, CRC |
//! | write several, reply | address, function, start u16, count u16, CRC |
//! | read reply | address, function, byte count u8, data, CRC |
//! | exception | address, function + 0x80, code u8, CRC |
//!
//! Numbers go high byte first, the CRC low byte first. A frame does not say whether it asks or answers: [`parse_request`]
//! and [`parse_reply`] read it as one or the other. Wrong CRCs and counts are faults beside the content, as in
//! [`super::pylon_ascii`]. [`split`] cuts a burst in which several frames follow each other without a silence,
//! [`Receiver`] the stream of a line.
//!
//! ```
//! use bmscheck::wire::modbus::{Request, parse_request};
//! let request = Request::ReadHolding { start: 0x10, count: 27 };
//! let bytes = request.emit(1);
//! assert_eq!(bytes, [0x01, 0x03, 0x00, 0x10, 0x00, 0x1B, 0x04, 0x04]);
//! let parsed = parse_request(&bytes).unwrap();
//! assert_eq!((parsed.address, parsed.content), (1, request));
//! assert!(parsed.faults.is_empty());
//! ```

mod receiver;
mod split;

use std::num::NonZeroU32;
use std::time::Duration;

use nom::combinator::rest;
use nom::multi::many0;
use nom::number::complete::{be_u16, le_u16, u8};
use nom::{IResult, Parser};

pub use receiver::{Awaited, Received, Receiver};
pub use split::{Piece, split};

use super::checksum::crc16_modbus;

/// Function codes (pace-modbus "Functions", A).
pub mod function {
    /// Read holding registers.
    pub const READ_HOLDING: u8 = 0x03;
    /// Read input registers.
    pub const READ_INPUT: u8 = 0x04;
    /// Write one register.
    pub const WRITE_ONE: u8 = 0x06;
    /// Write several registers.
    pub const WRITE_SEVERAL: u8 = 0x10;
    /// Added to the function in an exception.
    pub const EXCEPTION: u8 = 0x80;
}

/// The most bytes of a frame of the Modbus specification; Voltronic's wide length can announce more.
pub const MAX_FRAME: usize = 256;
/// The fewest: address, function, CRC.
pub const MIN_FRAME: usize = 4;

/// A frame with its content, right or wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed<T> {
    /// The address of the slave; 0 is a broadcast.
    pub address: u8,
    /// The function as sent, the exception bit included.
    pub function: u8,
    /// What is asked or answered.
    pub content: T,
    /// CRC as sent.
    pub crc: u16,
    /// What is wrong; empty for a sound frame.
    pub faults: Vec<ModbusFault>,
}

/// Something wrong in a frame that can be cut all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ModbusFault {
    /// The CRC does not fit the bytes.
    #[error("CRC is {sent:04X}, the bytes give {computed:04X}")]
    Crc {
        /// As sent (low byte first on the wire).
        sent: u16,
        /// As the bytes give it.
        computed: u16,
    },
    /// The length field does not tell the number of bytes that follow.
    #[error("{declared} bytes declared, {actual} follow")]
    ByteCount {
        /// In bytes, whatever the field counts.
        declared: usize,
        /// Up to the CRC.
        actual: usize,
    },
    /// The byte count of a write is not twice its register count.
    #[error("{count} registers in {bytes} bytes")]
    RegisterCount {
        /// Registers, as sent.
        count: u16,
        /// Bytes, as sent.
        bytes: u8,
    },
}

/// What a master asks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Request {
    /// Function 0x03.
    ReadHolding {
        /// The first register.
        start: u16,
        /// How many.
        count: u16,
    },
    /// Function 0x04.
    ReadInput {
        /// The first register.
        start: u16,
        /// How many.
        count: u16,
    },
    /// Function 0x06.
    WriteOne {
        /// The register.
        register: u16,
        /// Its new value.
        value: u16,
    },
    /// Function 0x10.
    WriteSeveral {
        /// The first register.
        start: u16,
        /// How many, as sent.
        count: u16,
        /// The new values, as many as there are.
        values: Vec<u16>,
    },
    /// Any other function, or a layout that does not fit its function.
    Other {
        /// The function.
        function: u8,
        /// The bytes between function and CRC.
        data: Vec<u8>,
    },
}

/// What a slave answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reply {
    /// To function 0x03 or 0x04.
    Read {
        /// How the length is told.
        framing: ReplyFraming,
        /// The registers' bytes, high byte first.
        data: Vec<u8>,
    },
    /// To function 0x06.
    WriteOne {
        /// The register.
        register: u16,
        /// Its new value.
        value: u16,
    },
    /// To function 0x10.
    WriteSeveral {
        /// The first register.
        start: u16,
        /// How many were written.
        count: u16,
    },
    /// The request was refused.
    Exception {
        /// The function that was asked for.
        function: u8,
        /// Why.
        code: u8,
    },
    /// Any other function, or a layout that does not fit its function.
    Other {
        /// The function.
        function: u8,
        /// The bytes between function and CRC.
        data: Vec<u8>,
    },
}

/// How a read reply tells its length (voltronic-rs485 "Reply framings met in the field").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReplyFraming {
    /// Modbus: the number of bytes in one byte.
    Standard,
    /// Voltronic's document: the number of registers in two bytes.
    Words,
    /// Seplos under Voltronic's protocol: the number of bytes in two bytes.
    WideBytes,
}

impl ReplyFraming {
    /// All framings.
    pub const ALL: [ReplyFraming; 3] = [ReplyFraming::Standard, ReplyFraming::Words, ReplyFraming::WideBytes];

    /// The framing of the reply to a read of `count` registers; `None` when it is none of them.
    ///
    /// The three differ in their total length or in the field, so with the count known they are never ambiguous.
    pub fn recognise(frame: &[u8], count: u16) -> Option<ReplyFraming> {
        let bytes = usize::from(count) * 2;
        let field = frame.get(2..)?;
        let wide = field.first_chunk().map(|wide| usize::from(u16::from_be_bytes(*wide)));
        match frame.len() {
            length if length == 5 + bytes && usize::from(*field.first()?) == bytes => Some(ReplyFraming::Standard),
            length if length == 6 + bytes && wide == Some(usize::from(count)) => Some(ReplyFraming::Words),
            length if length == 6 + bytes && wide == Some(bytes) => Some(ReplyFraming::WideBytes),
            _ => None,
        }
    }

    /// The bytes of the length field.
    pub(crate) fn width(self) -> usize {
        if self == ReplyFraming::Standard { 1 } else { 2 }
    }

    /// The number of data bytes that the length field announces.
    fn parse(self, input: &[u8]) -> IResult<&[u8], usize> {
        match self {
            ReplyFraming::Standard => u8.map(usize::from).parse(input),
            ReplyFraming::Words => be_u16.map(|words| usize::from(words) * 2).parse(input),
            ReplyFraming::WideBytes => be_u16.map(usize::from).parse(input),
        }
    }
}

impl Request {
    /// The function code.
    pub fn function(&self) -> u8 {
        match self {
            Request::ReadHolding { .. } => function::READ_HOLDING,
            Request::ReadInput { .. } => function::READ_INPUT,
            Request::WriteOne { .. } => function::WRITE_ONE,
            Request::WriteSeveral { .. } => function::WRITE_SEVERAL,
            Request::Other { function, .. } => *function,
        }
    }

    /// The bytes of the frame, with the right CRC.
    ///
    /// `count` is sent as it stands, the byte count is that of `values` (modulo 256).
    pub fn emit(&self, address: u8) -> Vec<u8> {
        let mut frame = vec![address, self.function()];
        match self {
            Request::ReadHolding { start, count } | Request::ReadInput { start, count } => {
                words(&mut frame, &[*start, *count])
            }
            Request::WriteOne { register, value } => words(&mut frame, &[*register, *value]),
            Request::WriteSeveral { start, count, values } => {
                words(&mut frame, &[*start, *count]);
                frame.push((values.len() * 2) as u8);
                words(&mut frame, values);
            }
            Request::Other { data, .. } => frame.extend(data),
        }
        with_crc(frame)
    }
}

impl Reply {
    /// The bytes of the frame, with the right CRC.
    ///
    /// `function` is that of the request; exceptions and other replies know their own. The length field is that of the
    /// data (modulo its width).
    pub fn emit(&self, address: u8, function: u8) -> Vec<u8> {
        let mut frame = vec![address, function];
        match self {
            Reply::Read {
                framing: ReplyFraming::Standard,
                data,
            } => {
                frame.push(data.len() as u8);
                frame.extend(data);
            }
            Reply::Read { framing, data } => {
                let words_only = *framing == ReplyFraming::Words;
                let length = if words_only { data.len() / 2 } else { data.len() };
                words(&mut frame, &[length as u16]);
                frame.extend(data);
            }
            Reply::WriteOne { register, value } => words(&mut frame, &[*register, *value]),
            Reply::WriteSeveral { start, count } => words(&mut frame, &[*start, *count]),
            Reply::Exception { function, code } => {
                frame[1] = function | function::EXCEPTION;
                frame.push(*code);
            }
            Reply::Other { function, data } => {
                frame[1] = *function;
                frame.extend(data);
            }
        }
        with_crc(frame)
    }
}

fn words(frame: &mut Vec<u8>, words: &[u16]) {
    frame.extend(words.iter().flat_map(|word| word.to_be_bytes()));
}

/// The frame with its CRC at the end.
pub fn with_crc(mut frame: Vec<u8>) -> Vec<u8> {
    let crc = crc16_modbus(&frame);
    frame.extend(crc.to_le_bytes());
    frame
}

/// A frame is too short to have an address, a function and a CRC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{length} bytes are too few for a frame (at least {MIN_FRAME})")]
pub struct TooShort {
    /// How many there are.
    pub length: usize,
}

/// A frame cut into its fixed parts, whatever it asks or answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawFrame<'a> {
    /// The address of the slave.
    pub address: u8,
    /// The function as sent.
    pub function: u8,
    /// The bytes between function and CRC.
    pub data: &'a [u8],
    /// CRC as sent.
    pub crc: u16,
    /// CRC as the bytes give it.
    pub computed: u16,
}

impl RawFrame<'_> {
    fn faults(&self) -> Vec<ModbusFault> {
        if self.crc == self.computed {
            return Vec::new();
        }
        vec![ModbusFault::Crc {
            sent: self.crc,
            computed: self.computed,
        }]
    }

    fn with<T>(&self, content: T, faults: Vec<ModbusFault>) -> Parsed<T> {
        Parsed {
            address: self.address,
            function: self.function,
            content,
            crc: self.crc,
            faults,
        }
    }
}

/// Cuts one whole frame into address, function, data and CRC.
///
/// # Errors
/// [`TooShort`] below four bytes.
pub fn parse_raw(frame: &[u8]) -> Result<RawFrame<'_>, TooShort> {
    let too_short = || TooShort { length: frame.len() };
    if frame.len() < MIN_FRAME {
        return Err(too_short());
    }
    let (body, crc) = frame.split_at(frame.len() - 2);
    let header: IResult<&[u8], (u8, u8, &[u8])> = (u8, u8, rest).parse(body);
    let tail: IResult<&[u8], u16> = le_u16(crc);
    let ((_, (address, function, data)), (_, crc)) = header.ok().zip(tail.ok()).ok_or_else(too_short)?;
    Ok(RawFrame {
        address,
        function,
        data,
        crc,
        computed: crc16_modbus(body),
    })
}

/// Reads one whole frame as a request.
///
/// # Errors
/// [`TooShort`] below four bytes; a wrong CRC, count or layout is told beside the content.
pub fn parse_request(frame: &[u8]) -> Result<Parsed<Request>, TooShort> {
    let raw = parse_raw(frame)?;
    let mut faults = raw.faults();
    let other = || Request::Other {
        function: raw.function,
        data: raw.data.to_vec(),
    };
    let content = match raw.function {
        function::READ_HOLDING => {
            two_words(raw.data).map_or_else(other, |(start, count)| Request::ReadHolding { start, count })
        }
        function::READ_INPUT => {
            two_words(raw.data).map_or_else(other, |(start, count)| Request::ReadInput { start, count })
        }
        function::WRITE_ONE => {
            two_words(raw.data).map_or_else(other, |(register, value)| Request::WriteOne { register, value })
        }
        function::WRITE_SEVERAL => {
            type Head<'a> = (u16, u16, u8, &'a [u8]);
            let head: IResult<&[u8], Head<'_>> = (be_u16, be_u16, u8, rest).parse(raw.data);
            head.map_or_else(
                |_| other(),
                |(_, (start, count, bytes, values))| {
                    if usize::from(bytes) != values.len() {
                        faults.push(ModbusFault::ByteCount {
                            declared: bytes.into(),
                            actual: values.len(),
                        });
                    }
                    if usize::from(count) * 2 != usize::from(bytes) {
                        faults.push(ModbusFault::RegisterCount { count, bytes });
                    }
                    Request::WriteSeveral {
                        start,
                        count,
                        values: registers(values),
                    }
                },
            )
        }
        _ => other(),
    };
    Ok(raw.with(content, faults))
}

/// Reads one whole frame as a reply; `framing` is how its kind of slave tells the length of a read.
///
/// # Errors
/// [`TooShort`] below four bytes; a wrong CRC, count or layout is told beside the content.
pub fn parse_reply(frame: &[u8], framing: ReplyFraming) -> Result<Parsed<Reply>, TooShort> {
    let raw = parse_raw(frame)?;
    let mut faults = raw.faults();
    let other = || Reply::Other {
        function: raw.function,
        data: raw.data.to_vec(),
    };
    let content = match (raw.function, raw.data) {
        (function, [code]) if function & function::EXCEPTION != 0 => Reply::Exception {
            function: function & !function::EXCEPTION,
            code: *code,
        },
        (function::READ_HOLDING | function::READ_INPUT, data) => match framing.parse(data) {
            Ok((data, declared)) => {
                if declared != data.len() {
                    faults.push(ModbusFault::ByteCount {
                        declared,
                        actual: data.len(),
                    });
                }
                Reply::Read {
                    framing,
                    data: data.to_vec(),
                }
            }
            Err(_) => other(),
        },
        (function::WRITE_ONE, data) => {
            two_words(data).map_or_else(other, |(register, value)| Reply::WriteOne { register, value })
        }
        (function::WRITE_SEVERAL, data) => {
            two_words(data).map_or_else(other, |(start, count)| Reply::WriteSeveral { start, count })
        }
        _ => other(),
    };
    Ok(raw.with(content, faults))
}

/// Exactly two words.
fn two_words(data: &[u8]) -> Option<(u16, u16)> {
    let parsed: IResult<&[u8], (u16, u16)> = (be_u16, be_u16).parse(data);
    parsed.ok().filter(|(rest, _)| rest.is_empty()).map(|(_, words)| words)
}

/// As many words as there are; an odd byte at the end is in none.
pub fn registers(data: &[u8]) -> Vec<u16> {
    let parsed: IResult<&[u8], Vec<u16>> = many0(be_u16).parse(data);
    parsed.map_or_else(|_| Vec::new(), |(_, words)| words)
}

/// The silence that ends a frame: 3.5 characters of 10 bits (8N1), and 1.75 ms above 19,200 baud (Modbus over serial
/// line V1.02, 2.5.1.1; growatt-rs485 "frame gap": 3.65 ms at 9600).
pub fn silent_interval(baud: NonZeroU32) -> Duration {
    if baud.get() > 19_200 {
        return Duration::from_micros(1750);
    }
    Duration::from_micros(35_000_000_u64.div_ceil(u64::from(baud.get())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes(hex: &str) -> Vec<u8> {
        hex.split(' ')
            .map(|byte| u8::from_str_radix(byte, 16).unwrap())
            .collect()
    }

    #[test]
    fn requests_are_those_of_the_sheets() {
        for (hex, content) in [
            ("01 03 00 01 00 01 D5 CA", Request::ReadHolding { start: 1, count: 1 }),
            (
                "01 03 00 10 00 1B 04 04",
                Request::ReadHolding { start: 0x10, count: 27 },
            ),
            (
                "0F 03 00 33 00 01 75 2B",
                Request::ReadHolding { start: 0x33, count: 1 },
            ),
            (
                "01 10 00 70 00 01 02 02 40 AD F0",
                Request::WriteSeveral {
                    start: 0x70,
                    count: 1,
                    values: vec![0x0240],
                },
            ),
        ] {
            let frame = bytes(hex);
            let parsed = parse_request(&frame).unwrap();
            assert_eq!((&parsed.content, &parsed.faults[..]), (&content, &[][..]), "{hex}");
            assert_eq!(content.emit(frame[0]), frame, "{hex}");
        }
        let (input, one) = (
            Request::ReadInput { start: 1, count: 2 },
            Request::WriteOne { register: 3, value: 4 },
        );
        for request in [input, one] {
            assert_eq!(parse_request(&request.emit(7)).unwrap().content, request);
        }
    }

    #[test]
    fn replies_are_those_of_the_sheets() {
        let read = |framing, data: &[u8]| Reply::Read {
            framing,
            data: data.to_vec(),
        };
        for (hex, content) in [
            ("01 03 02 00 42 38 75", read(ReplyFraming::Standard, &[0x00, 0x42])),
            (
                "11 03 06 AE 41 56 52 43 40 49 AD",
                read(ReplyFraming::Standard, &[0xAE, 0x41, 0x56, 0x52, 0x43, 0x40]),
            ),
            ("01 83 01 80 F0", Reply::Exception { function: 3, code: 1 }),
            ("01 83 02 C0 F1", Reply::Exception { function: 3, code: 2 }),
            (
                "01 90 02 CD C1",
                Reply::Exception {
                    function: 0x10,
                    code: 2,
                },
            ),
            ("11 83 01 81 35", Reply::Exception { function: 3, code: 1 }),
        ] {
            let frame = bytes(hex);
            let parsed = parse_reply(&frame, ReplyFraming::Standard).unwrap();
            assert_eq!((&parsed.content, &parsed.faults[..]), (&content, &[][..]), "{hex}");
            assert_eq!(content.emit(frame[0], 3), frame, "{hex}");
        }
        let (one, several) = (
            Reply::WriteOne { register: 3, value: 4 },
            Reply::WriteSeveral { start: 3, count: 4 },
        );
        for (function, reply) in [(6, one), (0x10, several)] {
            assert_eq!(
                parse_reply(&reply.emit(7, function), ReplyFraming::Standard)
                    .unwrap()
                    .content,
                reply
            );
        }
    }

    #[test]
    fn faults_stand_beside_the_content() {
        let parsed = parse_request(&bytes("01 03 00 00 00 0D 84 F0")).unwrap();
        assert_eq!(
            parsed.faults,
            [ModbusFault::Crc {
                sent: 0xF084,
                computed: 0x0F84
            }]
        );
        assert_eq!(parsed.content, Request::ReadHolding { start: 0, count: 13 });
        let short = with_crc(bytes("01 03 04 00 42"));
        let parsed = parse_reply(&short, ReplyFraming::Standard).unwrap();
        assert_eq!(parsed.faults, [ModbusFault::ByteCount { declared: 4, actual: 2 }]);
        let write = with_crc(bytes("01 10 00 13 00 02 02 0C 00"));
        let parsed = parse_request(&write).unwrap();
        assert_eq!(parsed.faults, [ModbusFault::RegisterCount { count: 2, bytes: 2 }]);
        let write = with_crc(bytes("01 10 00 13 00 01 02 0C"));
        let parsed = parse_request(&write).unwrap();
        assert_eq!(parsed.faults, [ModbusFault::ByteCount { declared: 2, actual: 1 }]);
    }

    #[test]
    fn layouts_that_do_not_fit_keep_their_bytes() {
        let parsed = parse_request(&with_crc(bytes("01 03 00 00 00"))).unwrap();
        assert_eq!(
            parsed.content,
            Request::Other {
                function: 3,
                data: vec![0, 0, 0]
            }
        );
        let parsed = parse_request(&with_crc(bytes("01 2B 0E 01 00"))).unwrap();
        assert_eq!(
            parsed.content,
            Request::Other {
                function: 0x2B,
                data: vec![0x0E, 1, 0]
            }
        );
        assert_eq!(parsed.content.emit(1), with_crc(bytes("01 2B 0E 01 00")));
        let parsed = parse_reply(&with_crc(bytes("01 83 02 00")), ReplyFraming::Standard).unwrap();
        assert_eq!(
            parsed.content,
            Reply::Other {
                function: 0x83,
                data: vec![2, 0]
            }
        );
        assert_eq!(parse_raw(&[1, 3, 0]), Err(TooShort { length: 3 }));
    }

    #[test]
    fn framings_of_replies_are_told_apart_by_the_count() {
        let data = [0x01, 0x0E];
        for (framing, head) in [
            (ReplyFraming::Standard, &[0x0F, 3, 2][..]),
            (ReplyFraming::Words, &[0x0F, 3, 0, 1]),
            (ReplyFraming::WideBytes, &[0x0F, 3, 0, 2]),
        ] {
            let reply = Reply::Read {
                framing,
                data: data.to_vec(),
            };
            let frame = reply.emit(0x0F, 3);
            assert!(frame.starts_with(head));
            assert_eq!(ReplyFraming::recognise(&frame, 1), Some(framing));
            assert_eq!(parse_reply(&frame, framing).unwrap().content, reply);
            assert!(parse_reply(&frame, framing).unwrap().faults.is_empty());
        }
        assert_eq!(ReplyFraming::recognise(&[1, 3, 2, 0, 0, 0, 0], 2), None);
        assert_eq!(ReplyFraming::recognise(&[1, 3, 4, 0, 0, 0, 0], 1), None);
        assert_eq!(ReplyFraming::recognise(&[], 1), None);
    }

    #[test]
    fn silence_is_three_and_a_half_characters() {
        let silent = |baud| silent_interval(NonZeroU32::new(baud).unwrap()).as_micros();
        assert_eq!(
            (silent(9600), silent(19_200), silent(115_200), silent(1)),
            (3646, 1823, 1750, 35_000_000)
        );
    }

    pub(super) fn any_request() -> impl Strategy<Value = Request> {
        let values = proptest::collection::vec(any::<u16>(), 1..=123);
        prop_oneof![
            any::<(u16, u16)>().prop_map(|(start, count)| Request::ReadHolding { start, count }),
            any::<(u16, u16)>().prop_map(|(start, count)| Request::ReadInput { start, count }),
            any::<(u16, u16)>().prop_map(|(register, value)| Request::WriteOne { register, value }),
            (any::<u16>(), values).prop_map(|(start, values)| {
                Request::WriteSeveral {
                    start,
                    count: values.len() as u16,
                    values,
                }
            }),
        ]
    }

    pub(super) fn any_reply() -> impl Strategy<Value = (u8, Reply)> {
        let data = proptest::collection::vec(any::<u16>(), 1..=125);
        let data = data.prop_map(|words| words.iter().flat_map(|word| word.to_be_bytes()).collect());
        prop_oneof![
            data.prop_map(|data| (
                3,
                Reply::Read {
                    framing: ReplyFraming::Standard,
                    data
                }
            )),
            any::<(u16, u16)>().prop_map(|(register, value)| (6, Reply::WriteOne { register, value })),
            any::<(u16, u16)>().prop_map(|(start, count)| (0x10, Reply::WriteSeveral { start, count })),
            (1_u8..0x80, any::<u8>()).prop_map(|(function, code)| (3, Reply::Exception { function, code })),
        ]
    }

    proptest! {
        #[test]
        fn an_emitted_request_is_parsed_back(address in any::<u8>(), request in any_request()) {
            let parsed = parse_request(&request.emit(address)).unwrap();
            prop_assert_eq!((parsed.address, parsed.content, parsed.faults), (address, request, vec![]));
        }

        #[test]
        fn an_emitted_reply_is_parsed_back(address in any::<u8>(), (function, reply) in any_reply()) {
            let parsed = parse_reply(&reply.emit(address, function), ReplyFraming::Standard).unwrap();
            prop_assert_eq!((parsed.address, parsed.content, parsed.faults), (address, reply, vec![]));
        }

        #[test]
        fn any_bytes_give_a_frame_or_an_error(frame in proptest::collection::vec(any::<u8>(), 0..300)) {
            let request = parse_request(&frame);
            prop_assert_eq!(request.is_ok(), frame.len() >= MIN_FRAME);
            for framing in ReplyFraming::ALL {
                prop_assert_eq!(parse_reply(&frame, framing).is_ok(), frame.len() >= MIN_FRAME);
            }
        }

        #[test]
        fn one_wrong_byte_never_goes_unseen(request in any_request(), place in any::<proptest::sample::Index>(), wrong in 1_u8..) {
            let mut frame = request.emit(1);
            let place = place.index(frame.len());
            frame[place] ^= wrong;
            prop_assert!(!parse_request(&frame).unwrap().faults.is_empty());
        }
    }
}
