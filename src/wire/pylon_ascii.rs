//! The ASCII-hex frame of Pylon RS485 and its relatives (sheets pylon-rs485 and pace-rs232, "Common frame", A).
//!
//! | characters | name | content |
//! |---|---|---|
//! | 0 | SOI | `~`, raw |
//! | 1-2 | VER | protocol version, two hex digits |
//! | 3-4 | ADR | address |
//! | 5-6 | CID1 | 0x46 battery data |
//! | 7-8 | CID2 / RTN | the request's command, the reply's return code |
//! | 9-12 | LENGTH | high digit LCHKSUM, three digits LENID: the number of characters in INFO, at most 4095 |
//! | 13 .. 12+LENID | INFO | hex pairs |
//! | next 4 | CHKSUM | over the characters from VER to the end of INFO |
//! | last | EOI | carriage return, raw |
//!
//! [`parse`] shows what was sent, right or wrong: a frame with a wrong checksum or length field gives its content *and*
//! its faults. Only what cannot be cut into fields is an error. [`Deframer`] cuts a byte stream into frames.
//!
//! ```
//! use bmscheck::wire::pylon_ascii::{PylonFault, PylonFrame, parse};
//! let request = PylonFrame::new(0x20, 0x02, 0x46, 0x42, &[0x02]).unwrap();
//! assert_eq!(request.emit(), b"~20024642E00202FD33\r");
//! assert_eq!(parse(&request.emit()).unwrap(), request);
//!
//! let wrong = parse(b"~20024642E00202FD34\r").unwrap();
//! assert_eq!(wrong.info, [0x02]);
//! assert_eq!(wrong.faults, [PylonFault::Checksum { sent: 0xFD34, computed: 0xFD33 }]);
//! ```

mod deframer;

use nom::bytes::complete::take_while_m_n;
use nom::combinator::map_opt;
use nom::multi::fold_many0;
use nom::{IResult, Parser};

pub use deframer::{Deframer, DeframerEvent, DiscardReason};

use super::checksum::{ascii_checksum, length_checksum};

/// The character that starts a frame, wherever it comes.
pub const SOI: u8 = b'~';
/// The character that ends a frame.
pub const EOI: u8 = b'\r';
/// The most bytes that INFO can hold: LENID counts at most 4095 characters, and INFO has two to the byte.
pub const MAX_INFO: usize = 2047;
/// The most characters of a frame, SOI and EOI included.
pub const MAX_FRAME: usize = 4095 + 18;

/// The names of the header's fields, each with the place where it ends, in characters from SOI.
const HEADER: [(&str, usize); 5] = [("VER", 3), ("ADR", 5), ("CID1", 7), ("CID2", 9), ("LENGTH", INFO_START)];
const INFO_START: usize = 13;
const CHKSUM_DIGITS: usize = 4;

/// A frame as it was on the line: its fields as sent, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PylonFrame {
    /// Protocol version.
    pub ver: u8,
    /// Address.
    pub adr: u8,
    /// Device class, 0x46 for battery data.
    pub cid1: u8,
    /// Command of a request, return code of a reply.
    pub cid2: u8,
    /// LENGTH as sent: LCHKSUM in the high four bits, LENID in the low twelve.
    pub length: u16,
    /// INFO as bytes, up to the first character that is no hex digit.
    pub info: Vec<u8>,
    /// CHKSUM as sent.
    pub checksum: u16,
    /// What is wrong with the frame; empty for a sound one.
    pub faults: Vec<PylonFault>,
    /// The characters as they were on the line, from SOI on.
    pub characters: Vec<u8>,
}

/// Something wrong in a frame that can be cut into fields all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum PylonFault {
    /// CHKSUM does not fit the characters.
    #[error("CHKSUM is {sent:04X}, the characters give {computed:04X}")]
    Checksum {
        /// As sent.
        sent: u16,
        /// As the characters give it.
        computed: u16,
    },
    /// LCHKSUM does not fit LENID.
    #[error("LCHKSUM is {sent:X}, LENID gives {computed:X}")]
    LengthChecksum {
        /// As sent.
        sent: u8,
        /// As LENID gives it.
        computed: u8,
    },
    /// LENID is not the number of characters in INFO.
    #[error("LENID is {declared}, INFO has {actual} characters")]
    Length {
        /// LENID as sent.
        declared: u16,
        /// The characters between LENGTH and CHKSUM.
        actual: usize,
    },
    /// INFO has an odd number of characters; the last one is in no byte.
    #[error("INFO has an odd number of characters")]
    OddInfo,
    /// A character of INFO is no hex digit; the bytes before it are given.
    #[error("character {position} of the frame is no hex digit")]
    InfoNotHex {
        /// Its place, counted from SOI.
        position: usize,
    },
    /// Hex digits are sent in lower case.
    #[error("hex digits are in lower case")]
    LowerCaseHex,
    /// The carriage return at the end is missing.
    #[error("the carriage return at the end is missing")]
    MissingEnd,
}

/// A fault to put into a frame on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PylonFlaw {
    /// Send this CHKSUM whatever the characters give.
    Checksum(u16),
    /// Send this LCHKSUM (low four bits); CHKSUM fits it.
    LengthChecksum(u8),
    /// Send this LENID (low twelve bits) whatever the length of INFO is; LCHKSUM and CHKSUM fit it.
    Length(u16),
    /// Send the hex digits in lower case, CHKSUM in upper case; CHKSUM is that of the characters sent.
    LowerCase,
    /// Leave out the last character of INFO; LENID, LCHKSUM and CHKSUM fit the rest. Nothing when INFO is empty.
    OddInfo,
    /// Leave out the carriage return.
    MissingEnd,
}

impl PylonFrame {
    /// A sound frame with this content; `None` when `info` is longer than [`MAX_INFO`].
    pub fn new(ver: u8, adr: u8, cid1: u8, cid2: u8, info: &[u8]) -> Option<PylonFrame> {
        if info.len() > MAX_INFO {
            return None;
        }
        let lenid = (info.len() * 2) as u16;
        let length = u16::from(length_checksum(lenid)) << 12 | lenid;
        let mut frame = PylonFrame {
            ver,
            adr,
            cid1,
            cid2,
            length,
            info: info.to_vec(),
            checksum: 0,
            faults: Vec::new(),
            characters: Vec::new(),
        };
        frame.characters = frame.emit();
        let end = frame.characters.len() - 1;
        frame.checksum = ascii_checksum(&frame.characters[1..end - CHKSUM_DIGITS]);
        Some(frame)
    }

    /// The declared number of characters in INFO, 0..=4095.
    pub fn lenid(&self) -> u16 {
        self.length & 0x0FFF
    }

    /// True when nothing is wrong with the frame itself.
    pub fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }

    /// The characters of a correct frame with this header and INFO, in upper case; the stored `length`, `checksum` and
    /// `faults` are not used. What was received is in `characters`. With more than [`MAX_INFO`] bytes LENID wraps.
    pub fn emit(&self) -> Vec<u8> {
        self.emit_with(&[])
    }

    /// As [`PylonFrame::emit`], with deliberate faults; everything that a flaw does not name is right.
    pub fn emit_with(&self, flaws: &[PylonFlaw]) -> Vec<u8> {
        let mut info = super::hex_compact(&self.info);
        if flaws.contains(&PylonFlaw::OddInfo) {
            info.pop();
        }
        let mut lenid = info.len() as u16 & 0x0FFF;
        for flaw in flaws {
            if let PylonFlaw::Length(declared) = flaw {
                lenid = declared & 0x0FFF;
            }
        }
        let mut length_check = length_checksum(lenid);
        for flaw in flaws {
            if let PylonFlaw::LengthChecksum(sent) = flaw {
                length_check = sent & 15;
            }
        }
        let mut text = format!(
            "{:02X}{:02X}{:02X}{:02X}{length_check:X}{lenid:03X}{info}",
            self.ver, self.adr, self.cid1, self.cid2
        );
        if flaws.contains(&PylonFlaw::LowerCase) {
            text.make_ascii_lowercase();
        }
        let mut checksum = ascii_checksum(text.as_bytes());
        for flaw in flaws {
            if let PylonFlaw::Checksum(sent) = flaw {
                checksum = *sent;
            }
        }
        let mut characters = format!("~{text}{checksum:04X}").into_bytes();
        if !flaws.contains(&PylonFlaw::MissingEnd) {
            characters.push(EOI);
        }
        characters
    }
}

/// The characters of a correct frame; `None` when `info` is longer than [`MAX_INFO`].
pub fn emit(ver: u8, adr: u8, cid1: u8, cid2: u8, info: &[u8]) -> Option<Vec<u8>> {
    PylonFrame::new(ver, adr, cid1, cid2, info).map(|frame| frame.characters)
}

/// Cuts one whole frame into its fields.
///
/// `bytes` begin with `~` and end with the carriage return; a line feed after it is ignored, a missing carriage return
/// (captures as text) is a fault. Where LENID and the end of the frame disagree, the end counts.
///
/// # Errors
/// [`PylonError`] when the characters cannot be cut into header, INFO and CHKSUM.
pub fn parse(bytes: &[u8]) -> Result<PylonFrame, PylonError> {
    let error = |position, kind| PylonError {
        position,
        text: excerpt(bytes, position),
        kind,
    };
    let characters = bytes
        .strip_suffix(b"\r\n")
        .map_or(bytes, |before| &bytes[..before.len() + 1]);
    if characters.first() != Some(&SOI) {
        return Err(error(0, PylonErrorKind::NoStart));
    }
    let (text, ended) = match characters.strip_suffix(&[EOI]) {
        Some(text) => (text, true),
        None => (characters, false),
    };
    if let Some(position) = text[1..].iter().position(|&byte| byte == SOI || byte == EOI) {
        let kind = if text[position + 1] == SOI {
            PylonErrorKind::StartInside
        } else {
            PylonErrorKind::EndInside
        };
        return Err(error(position + 1, kind));
    }
    if text.len() < INFO_START + CHKSUM_DIGITS {
        return Err(error(text.len(), PylonErrorKind::TooShort { characters: text.len() }));
    }
    let not_hex = |start: usize| {
        let offset = text[start..]
            .iter()
            .position(|byte| !byte.is_ascii_hexdigit())
            .unwrap_or(0);
        let position = start + offset;
        let name = HEADER
            .iter()
            .find(|(_, end)| position < *end)
            .map_or("CHKSUM", |(name, _)| *name);
        error(position, PylonErrorKind::NotHex { field: name })
    };
    let info_end = text.len() - CHKSUM_DIGITS;
    let (_, (ver, adr, cid1, cid2, length)) = (hex_pair, hex_pair, hex_pair, hex_pair, hex_quad)
        .parse(&text[1..])
        .map_err(|_| not_hex(1))?;
    let (_, checksum) = hex_quad(&text[info_end..]).map_err(|_| not_hex(info_end))?;
    let info_characters = &text[INFO_START..info_end];
    let (info_rest, info) = hex_pairs(info_characters);

    let mut faults = Vec::new();
    let computed = ascii_checksum(&text[1..info_end]);
    if checksum != computed {
        faults.push(PylonFault::Checksum {
            sent: checksum,
            computed,
        });
    }
    let (sent, computed) = ((length >> 12) as u8, length_checksum(length));
    if sent != computed {
        faults.push(PylonFault::LengthChecksum { sent, computed });
    }
    if usize::from(length & 0x0FFF) != info_characters.len() {
        faults.push(PylonFault::Length {
            declared: length & 0x0FFF,
            actual: info_characters.len(),
        });
    }
    if info_characters.len() % 2 == 1 {
        faults.push(PylonFault::OddInfo);
    }
    if let Some(offset) = info_rest.iter().position(|byte| !byte.is_ascii_hexdigit()) {
        faults.push(PylonFault::InfoNotHex {
            position: info_end - info_rest.len() + offset,
        });
    }
    if text.iter().any(|byte| matches!(byte, b'a'..=b'f')) {
        faults.push(PylonFault::LowerCaseHex);
    }
    if !ended {
        faults.push(PylonFault::MissingEnd);
    }
    Ok(PylonFrame {
        ver,
        adr,
        cid1,
        cid2,
        length,
        info,
        checksum,
        faults,
        characters: characters.to_vec(),
    })
}

/// The characters of a byte string could not be cut into the fields of a frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at character {position}, before `{text}`")]
pub struct PylonError {
    /// Where, in characters from the first one given.
    pub position: usize,
    /// What stands there, shortened, unprintable characters escaped.
    pub text: String,
    /// What is wrong.
    pub kind: PylonErrorKind,
}

/// What makes a byte string no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PylonErrorKind {
    /// It does not begin with `~`.
    #[error("expected `~`")]
    NoStart,
    /// It is too short for a header and CHKSUM.
    #[error("{characters} characters are too few for a frame (at least 17 before the carriage return)")]
    TooShort {
        /// How many there are before the carriage return.
        characters: usize,
    },
    /// A field of the header, or CHKSUM, has a character that is no hex digit.
    #[error("expected a hex digit of {field}")]
    NotHex {
        /// The field's name in the sheet.
        field: &'static str,
    },
    /// A `~` stands inside: a second frame begins there.
    #[error("a second `~`")]
    StartInside,
    /// A carriage return stands inside: the frame ends there.
    #[error("a carriage return before the end")]
    EndInside,
}

/// One byte from two hex digits.
fn hex_pair(input: &[u8]) -> IResult<&[u8], u8> {
    hex_digits(2).map(|number| number as u8).parse(input)
}

/// A 16-bit number from four hex digits.
fn hex_quad(input: &[u8]) -> IResult<&[u8], u16> {
    hex_digits(4).parse(input)
}

fn hex_digits<'a>(count: usize) -> impl Parser<&'a [u8], Output = u16, Error = nom::error::Error<&'a [u8]>> {
    let digits = take_while_m_n(count, count, |byte: u8| byte.is_ascii_hexdigit());
    map_opt(digits, |digits: &[u8]| {
        digits.iter().try_fold(0_u16, |number, &byte| {
            Some(number << 4 | (byte as char).to_digit(16)? as u16)
        })
    })
}

/// The bytes of as many hex pairs as there are, and the characters after them.
fn hex_pairs(input: &[u8]) -> (&[u8], Vec<u8>) {
    let collect = |mut bytes: Vec<u8>, byte| {
        bytes.push(byte);
        bytes
    };
    fold_many0(hex_pair, || Vec::with_capacity(input.len() / 2), collect)
        .parse(input)
        .unwrap_or((input, Vec::new()))
}

/// A few characters from `position` on, printable.
fn excerpt(bytes: &[u8], position: usize) -> String {
    const LENGTH: usize = 24;
    let rest = bytes.get(position..).unwrap_or(&[]);
    let mut text = rest[..rest.len().min(LENGTH)].escape_ascii().to_string();
    if rest.len() > LENGTH {
        text.push_str("...");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(frame: &str) -> Vec<u8> {
        format!("{frame}\r").into_bytes()
    }

    fn parsed(frame: &str) -> PylonFrame {
        parse(&text(frame)).expect(frame)
    }

    /// Golden frames of the sheet pylon-rs485, G1 D1, D3 to D11, D13, D14 and G2 C1 to C6, and of its field problem 2.
    const SOUND: [&str; 16] = [
        "~20024642E00202FD33",
        "~20014642E00201FD35",
        "~20014600C06E11010F0D450D440D450D440D450D440D3E0D450D4A0D4A0D4B0D4A0D4A0D4A0D4A050BC30BC30BC30BCD0BCD0000C725BF6802C3500002E553",
        "~201246600000FDAB",
        "~201246006082466F7263655F4C00000050796C6F6E0000000000000000000000000000000009023031323334353637383961626364656631313233343536373839616263646566E353",
        "~201246610000FDAA",
        "~2012460080622E5361A86209D40B7462610DB800340CBB00140BAA0BB700350B9D00150BAA0BB800360B9C00160BAA0BB600370B9E0017E862",
        "~20124600800800000000FC21",
        "~201246630000FDA8",
        "~201246000000FDB1",
        "~2002464FC0048520FCB2",
        "~20024651C0040000FCD5",
        "~20024600C0405553324B42504C000000020350796C6F6E2D2D2D2D2D2D2D2D2D2D2D2D2D2D2DEF98",
        "~20024642C0040202FCD1",
        "~20024600C06E00020F0D1F0D200D200D200D200D200D210D200D200D210D220D200D220D220D21050BCD0BAF0BAF0BAF0BAF0015C4E88AAC02C350004FE594",
        "~20024600D01205E0B180017C076CC0F9B8",
    ];

    #[test]
    fn golden_frames_are_sound_and_are_emitted_again() {
        for golden in SOUND {
            let frame = parsed(golden);
            assert_eq!(frame.faults, [], "{golden}");
            assert!(frame.is_sound());
            assert_eq!(frame.emit(), text(golden));
            assert_eq!(frame.characters, text(golden));
            assert_eq!(
                PylonFrame::new(frame.ver, frame.adr, frame.cid1, frame.cid2, &frame.info),
                Some(frame)
            );
        }
    }

    #[test]
    fn fields_are_those_of_the_worked_example() {
        let frame = parsed("~20024642E00202FD33");
        assert_eq!((frame.ver, frame.adr, frame.cid1, frame.cid2), (0x20, 0x02, 0x46, 0x42));
        assert_eq!((frame.length, frame.lenid(), frame.checksum), (0xE002, 2, 0xFD33));
        assert_eq!(frame.info, [0x02]);
        assert_eq!(emit(0x20, 0x02, 0x46, 0x42, &[0x02]), Some(text("~20024642E00202FD33")));
    }

    #[test]
    fn wrong_frames_of_the_documents_give_content_and_faults() {
        let printed_42 = "~20024600F07A11020F0D450D440D450D440D450D440D3E0D450D4A0D4A0D4B0D4A0D4A0D4A0D4A050BC30BC30BC30BCD0BCD0000C725FFFF04FFFF000200CA58012110E1A2";
        let frame = parsed(printed_42);
        assert_eq!(
            frame.faults,
            [PylonFault::Checksum {
                sent: 0xE1A2,
                computed: 0xE27A
            }]
        );
        assert_eq!((frame.info.len(), frame.info[2]), (61, 15));
        // D12: LENGTH says 8 characters, INFO has 18, CHKSUM fits the wrong text.
        let frame = parsed("~201246008008DCD35DC009C407E4B0F985");
        assert_eq!(
            frame.faults,
            [PylonFault::Length {
                declared: 8,
                actual: 18
            }]
        );
        assert_eq!(frame.info, [0xDC, 0xD3, 0x5D, 0xC0, 0x09, 0xC4, 0x07, 0xE4, 0xB0]);
        assert_eq!(frame.emit(), text("~20124600D012DCD35DC009C407E4B0F97E"));
    }

    #[test]
    fn each_fault_is_named() {
        let cases: [(&[u8], &[PylonFault]); 8] = [
            (
                b"~20024642E00202FD34\r",
                &[PylonFault::Checksum {
                    sent: 0xFD34,
                    computed: 0xFD33,
                }],
            ),
            (
                b"~20024642D00202FD34\r",
                &[PylonFault::LengthChecksum {
                    sent: 0xD,
                    computed: 0xE,
                }],
            ),
            (
                b"~20024642C00402FD33\r",
                &[PylonFault::Length { declared: 4, actual: 2 }],
            ),
            (b"~20024642e00202FD13\r", &[PylonFault::LowerCaseHex]),
            (b"~20024642E00202FD33", &[PylonFault::MissingEnd]),
            (b"~20024642F0010FD65\r", &[PylonFault::OddInfo]),
            (b"~20024642E002G2FD1C\r", &[PylonFault::InfoNotHex { position: 13 }]),
            (
                b"~20024642E0020FD34",
                &[
                    PylonFault::Checksum {
                        sent: 0xFD34,
                        computed: 0xFD65,
                    },
                    PylonFault::Length { declared: 2, actual: 1 },
                    PylonFault::OddInfo,
                    PylonFault::MissingEnd,
                ],
            ),
        ];
        for (bytes, faults) in cases {
            let frame = parse(bytes).unwrap();
            assert_eq!(frame.faults, faults, "{}", bytes.escape_ascii());
            assert_eq!((frame.adr, frame.cid2), (0x02, 0x42));
            assert_eq!(frame.characters, bytes);
        }
    }

    #[test]
    fn deliberate_flaws_are_those_of_the_sheet() {
        // pylon-rs485 "Negative stimuli".
        let request = PylonFrame::new(0x20, 0x02, 0x46, 0x42, &[0x02]).unwrap();
        let cases: [(&[PylonFlaw], &[u8]); 6] = [
            (&[PylonFlaw::Checksum(0xFD34)], b"~20024642E00202FD34\r"),
            (&[PylonFlaw::LengthChecksum(0xD)], b"~20024642D00202FD34\r"),
            (&[PylonFlaw::Length(4)], b"~20024642C00402FD33\r"),
            (&[PylonFlaw::LowerCase], b"~20024642e00202FD13\r"),
            (&[PylonFlaw::MissingEnd], b"~20024642E00202FD33"),
            (&[PylonFlaw::OddInfo, PylonFlaw::Checksum(0)], b"~20024642F00100000\r"),
        ];
        for (flaws, expected) in cases {
            assert_eq!(
                request.emit_with(flaws).escape_ascii().to_string(),
                expected.escape_ascii().to_string(),
                "{flaws:?}"
            );
        }
    }

    #[test]
    fn what_cannot_be_cut_is_an_error_with_its_place() {
        let cases: [(&[u8], usize, PylonErrorKind); 9] = [
            (b"", 0, PylonErrorKind::NoStart),
            (b"\x00~20024642E00202FD33\r", 0, PylonErrorKind::NoStart),
            (b"~\r", 1, PylonErrorKind::TooShort { characters: 1 }),
            (b"~200246610000FDA\r", 16, PylonErrorKind::TooShort { characters: 16 }),
            (b"~20G246610000FDAB\r", 3, PylonErrorKind::NotHex { field: "ADR" }),
            (
                b"~2002466100\x000FDAB\r",
                11,
                PylonErrorKind::NotHex { field: "LENGTH" },
            ),
            (b"~200246610000FDxB\r", 15, PylonErrorKind::NotHex { field: "CHKSUM" }),
            (b"~200246~610000FDAB\r", 7, PylonErrorKind::StartInside),
            (b"~200246\r610000FDAB\r", 7, PylonErrorKind::EndInside),
        ];
        for (bytes, position, kind) in cases {
            let error = parse(bytes).unwrap_err();
            assert_eq!(
                (error.position, error.kind),
                (position, kind),
                "{}",
                bytes.escape_ascii()
            );
        }
        let error = parse(b"~20G246610000FDAB\r").unwrap_err();
        assert_eq!(
            error.to_string(),
            "expected a hex digit of ADR at character 3, before `G246610000FDAB\\r`"
        );
    }

    #[test]
    fn a_line_feed_after_the_end_is_ignored() {
        assert_eq!(
            parse(b"~20024642E00202FD33\r\n").unwrap(),
            parsed("~20024642E00202FD33")
        );
    }

    #[test]
    fn info_beyond_lenid_is_refused() {
        assert!(PylonFrame::new(0x20, 2, 0x46, 0, &[0; MAX_INFO + 1]).is_none());
        let longest = emit(0x20, 2, 0x46, 0, &[0; MAX_INFO]).unwrap();
        assert_eq!(parse(&longest).unwrap().lenid(), 4094);
        assert!(parse(&longest).unwrap().is_sound());
    }

    /// Streams of sound frames, noise and broken ends.
    pub(super) fn stream() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            4 => proptest::sample::select(&SOUND[..]).prop_map(text),
            2 => proptest::collection::vec(any::<u8>(), 0..20),
            2 => proptest::collection::vec(proptest::sample::select(&b"~\r\n0A"[..]), 0..8),
        ];
        proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn any_bytes_give_a_frame_or_an_error(bytes in stream()) {
            if let Ok(frame) = parse(&bytes) {
                prop_assert!(bytes.starts_with(&frame.characters));
                if frame.is_sound() {
                    prop_assert_eq!(frame.emit(), frame.characters);
                }
            }
        }

        #[test]
        fn an_emitted_frame_is_parsed_back(header in any::<[u8; 4]>(), info in proptest::collection::vec(any::<u8>(), 0..200)) {
            let [ver, adr, cid1, cid2] = header;
            let frame = PylonFrame::new(ver, adr, cid1, cid2, &info).unwrap();
            prop_assert_eq!(parse(&frame.emit()).unwrap(), frame);
        }

        #[test]
        fn one_wrong_character_never_goes_unseen(
            info in proptest::collection::vec(any::<u8>(), 0..40),
            place in any::<proptest::sample::Index>(),
            wrong in any::<u8>(),
        ) {
            let sent = emit(0x20, 0x02, 0x46, 0x00, &info).unwrap();
            let place = place.index(sent.len());
            prop_assume!(sent[place] != wrong);
            let mut received = sent.clone();
            received[place] = wrong;
            if let Ok(frame) = parse(&received) {
                prop_assert!(!frame.is_sound(), "{}", received.escape_ascii());
            }
        }
    }
}
