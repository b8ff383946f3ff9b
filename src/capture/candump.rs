//! Lines as candump of can-utils prints them.
//!
//! | form | example |
//! |---|---|
//! | log (`-l`, `-L`) | `(1700000000.123456) can0 351#4002D007F00AC001`, newer ones with ` R` or ` T` at the end |
//! | human | `  (1700000000.123456)  can0  351   [8]  40 02 D0 07 F0 0A C0 01   '@.......'` |
//! | bare | `351#4002D007F00AC001`, with or without an interface |
//!
//! Remote frames are `351#R8` and `351   [8]  remote request`, error frames have an id of eight digits with 0x20000000
//! set. A human line may carry `RX - -` (`-x`) behind the interface, and its bytes reversed with backticks (`-S`).
//! CAN FD (`##`, `[08]`) and CAN XL are recognised and refused as what they are.
//!
//! Times are those since 1970 (`-t a`, and dates of `-t A`, which candump prints in local time and which are taken as
//! UTC) or since the first frame (`-t z`). Differences (`-t d`) look like the latter; they are told by their falling, and
//! added up.

use std::io::{self, Write};

use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::{tag, take, take_while, take_while1};
use nom::character::complete::{char, one_of};
use nom::combinator::{opt, peek, value};
use nom::sequence::{delimited, preceded, terminated};

use super::grammar::{Parsed, Wanted, blanks, decimal, end, expect, gap, hex_pair, nibble, stamp};
use super::time::Stamp;
use super::{Direction, RecordErrorKind, Timestamp};
use crate::wire::can::{CanFrame, CanId};

/// What one line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CanLine<'a> {
    pub(super) stamp: Option<Stamp>,
    pub(super) interface: Option<&'a [u8]>,
    pub(super) direction: Option<Direction>,
    pub(super) frame: CanFrame,
}

/// Reads the log form as candump writes it by default, quickly; `None` for everything that is not exactly that, for
/// [`line`] to read or to find fault with.
pub(super) fn log_line(line: &[u8]) -> Option<CanLine<'_>> {
    // `(1700000000.123456) `: ten digits until the year 2286, six decimals.
    let (head, rest) = line.split_first_chunk::<20>()?;
    if head[0] != b'(' || head[11] != b'.' || head[18..] != *b") " {
        return None;
    }
    let seconds = digits(&head[1..11])?;
    let micros = seconds * 1_000_000 + digits(&head[12..18])?;
    let stamp = Some(Stamp {
        micros,
        is_short: false,
    });

    let name = rest.iter().position(|&byte| byte == b' ' || byte == b'#')?;
    if name == 0 || rest[name] == b'#' || !is_interface(&rest[..name]) {
        return None;
    }
    let interface = Some(&rest[..name]);
    let rest = &rest[name + 1..];

    let (id, rest) = if rest.get(3) == Some(&b'#') {
        (CanId::standard(hex_number(&rest[..3])?)?, &rest[4..])
    } else if rest.get(8) == Some(&b'#') {
        (CanId::extended(hex_number(&rest[..8])?)?, &rest[9..])
    } else {
        return None;
    };
    let mut bytes = [0; 8];
    let mut length = 0;
    let mut pairs = rest;
    while let Some((&[high, low], after)) = pairs.split_first_chunk::<2>() {
        if high == b' ' {
            break;
        }
        let (high, low) = (NIBBLES[usize::from(high)], NIBBLES[usize::from(low)]);
        if (high | low) > 15 {
            return None;
        }
        *bytes.get_mut(length)? = high << 4 | low;
        length += 1;
        pairs = after;
    }
    let direction = match pairs {
        b"" => None,
        b" R" => Some(Direction::Received),
        b" T" => Some(Direction::Sent),
        _ => return None,
    };
    let frame = CanFrame::data(id, &bytes[..length])?;
    Some(CanLine {
        stamp,
        interface,
        direction,
        frame,
    })
}

fn digits(text: &[u8]) -> Option<u64> {
    text.iter().try_fold(0, |number, &byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit < 10).then_some(number * 10 + u64::from(digit))
    })
}

fn hex_number(text: &[u8]) -> Option<u32> {
    text.iter().try_fold(0, |number, &byte| {
        let digit = NIBBLES[usize::from(byte)];
        (digit < 16).then_some(number << 4 | u32::from(digit))
    })
}

const NIBBLES: [u8; 256] = {
    let mut table = [0xFF; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = nibble(byte as u8);
        byte += 1;
    }
    table
};

/// True for what the kernel and people name interfaces: printable, no blank, no `#`.
fn is_interface(name: &[u8]) -> bool {
    name.len() <= 32 && name.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'#')
}

/// Reads a line in any of the forms.
pub(super) fn line(input: &[u8]) -> Parsed<'_, CanLine<'_>> {
    let (input, _) = blanks(input)?;
    let (input, stamp) = opt(stamp).parse(input)?;
    let (word_end, word) = take_while1(|byte: u8| byte != b' ' && byte != b'\t').parse(input)?;
    let (after_word, _) = blanks(word_end)?;
    let has_interface = !word.contains(&b'#') && !after_word.starts_with(b"[") && !after_word.starts_with(b"{");
    if !has_interface {
        let (rest, (frame, direction)) = frame(input)?;
        return Ok((
            rest,
            CanLine {
                stamp,
                interface: None,
                direction,
                frame,
            },
        ));
    }
    if !is_interface(word) {
        return Wanted::failure(input, RecordErrorKind::Expected("the name of an interface"));
    }
    let (rest, extra) = opt(extra).parse(after_word)?;
    let (rest, (frame, direction)) = frame(rest)?;
    Ok((
        rest,
        CanLine {
            stamp,
            interface: Some(word),
            direction: extra.or(direction),
            frame,
        },
    ))
}

/// `RX - -`: direction, bit rate switch and error state, as `-x` prints them.
fn extra(input: &[u8]) -> Parsed<'_, Direction> {
    let direction = alt((value(Direction::Received, tag("RX")), value(Direction::Sent, tag("TX"))));
    let flags = (gap, one_of("-B"), gap, one_of("-E"), gap);
    terminated(direction, flags).parse(input)
}

fn frame(input: &[u8]) -> Parsed<'_, (CanFrame, Option<Direction>)> {
    let (rest, digits) = take_while(|byte: u8| byte.is_ascii_hexdigit()).parse(input)?;
    if rest.first() == Some(&b'#') {
        compact(input, digits, &rest[1..])
    } else {
        human(input, digits, rest)
    }
}

/// `ID#DATA`, from behind the `#`.
fn compact<'a>(input: &'a [u8], digits: &'a [u8], rest: &'a [u8]) -> Parsed<'a, (CanFrame, Option<Direction>)> {
    if rest.first() == Some(&b'#') {
        return Wanted::failure(input, RecordErrorKind::NotClassicCan("CAN FD"));
    }
    if peek((hex_pair, char(':'))).parse(rest).is_ok() {
        return Wanted::failure(input, RecordErrorKind::NotClassicCan("CAN XL"));
    }
    let id = identifier(input, digits)?;
    let (rest, frame) = match opt(one_of("Rr")).parse(rest)? {
        (after, Some(_)) => {
            let (after, length) = opt(one_of("012345678")).parse(after)?;
            let length = length.and_then(|digit| digit.to_digit(10)).unwrap_or(0);
            (after, remote(input, id, length as usize)?)
        }
        _ => {
            let (after, (bytes, length)) = compact_bytes(rest)?;
            (after, data(rest, id, &bytes[..length])?)
        }
    };
    if rest.first() == Some(&b'_') {
        return Wanted::failure(rest, RecordErrorKind::DataLengthCode);
    }
    let direction = alt((value(Direction::Received, char('R')), value(Direction::Sent, char('T'))));
    let (rest, direction) = opt(preceded(gap, direction)).parse(rest)?;
    let (rest, ()) = end(rest)?;
    Ok((rest, (frame, direction)))
}

/// Up to eight bytes, with or without dots between them.
fn compact_bytes(input: &[u8]) -> Parsed<'_, ([u8; 8], usize)> {
    let mut bytes = [0; 8];
    let mut length = 0;
    let mut rest = input;
    while !matches!(rest.first(), None | Some(b' ' | b'\t' | b'_')) {
        let (start, _) = opt(char('.')).parse(rest)?;
        let (after, byte) = hex_pair(start)?;
        let Some(place) = bytes.get_mut(length) else {
            return Wanted::failure(start, RecordErrorKind::Expected("at most eight bytes"));
        };
        *place = byte;
        length += 1;
        rest = after;
    }
    Ok((rest, (bytes, length)))
}

/// `ID   [8]  40 02 ...`, from behind the id.
fn human<'a>(input: &'a [u8], digits: &'a [u8], rest: &'a [u8]) -> Parsed<'a, (CanFrame, Option<Direction>)> {
    const LENGTH: &str = "`#` and data, or a length as `[8]`";
    let (rest, _) = blanks(rest)?;
    if rest.first() == Some(&b'{') {
        return Wanted::failure(rest, RecordErrorKind::DataLengthCode);
    }
    let length = take_while1(|byte: u8| byte.is_ascii_digit());
    let (rest, length) = expect(LENGTH, delimited(char('['), length, char(']'))).parse(rest)?;
    match length.len() {
        1 => {}
        2 => return Wanted::failure(input, RecordErrorKind::NotClassicCan("CAN FD")),
        _ => return Wanted::failure(input, RecordErrorKind::NotClassicCan("CAN XL")),
    }
    let declared = decimal(length).map_or(0, |length| length as usize);
    let id = identifier(input, digits)?;
    let (rest, _) = gap(rest)?;
    if let Ok((rest, _)) = tag::<_, _, Wanted<'_>>("remote request").parse(rest) {
        let (rest, ()) = end(rest)?;
        return Ok((rest, (remote(input, id, declared)?, None)));
    }
    let (after, (mut bytes, actual)) = human_bytes(rest)?;
    let reversed = rest.get(2) == Some(&b'`');
    if actual != declared {
        return Wanted::failure(rest, RecordErrorKind::Length { declared, actual });
    }
    if reversed {
        bytes[..actual].reverse();
    }
    let frame = data(rest, id, &bytes[..actual])?;
    let (rest, _) = blanks(after)?;
    let column = (one_of("'`"), take(actual), one_of("'`")).map(|_| ());
    let (rest, _) = opt(alt((tag("ERRORFRAME").map(|_| ()), column))).parse(rest)?;
    let (rest, ()) = end(rest)?;
    Ok((rest, (frame, None)))
}

/// Up to eight bytes with blanks (or backticks) between them; stops at anything that is no byte.
fn human_bytes(input: &[u8]) -> Parsed<'_, ([u8; 8], usize)> {
    let mut bytes = [0; 8];
    let mut length = 0;
    let mut rest = input;
    while rest.first().is_some_and(|byte| byte.is_ascii_hexdigit()) && !rest.starts_with(b"ERRORFRAME") {
        let (after, byte) = hex_pair(rest)?;
        let Some(place) = bytes.get_mut(length) else {
            return Wanted::failure(rest, RecordErrorKind::Expected("at most eight bytes"));
        };
        *place = byte;
        length += 1;
        rest = match after.first() {
            Some(b'`') if after.get(1).is_some_and(u8::is_ascii_hexdigit) => &after[1..],
            _ => gap(after)?.0,
        };
    }
    Ok((rest, (bytes, length)))
}

/// An identifier, or the class of an error frame.
#[derive(Clone, Copy)]
enum Identifier {
    Frame(CanId),
    Error(u32),
}

fn identifier<'a>(input: &'a [u8], digits: &'a [u8]) -> Result<Identifier, nom::Err<Wanted<'a>>> {
    /// The error flag of SocketCAN's identifier word (`linux/can.h`).
    const ERROR: u32 = 0x2000_0000;
    let wrong = |what| {
        Err(nom::Err::Failure(Wanted {
            rest: input,
            kind: RecordErrorKind::Expected(what),
        }))
    };
    let number = match digits.len() {
        3 | 8 => hex_number(digits).unwrap_or(u32::MAX),
        _ => return wrong("an identifier of three or eight hex digits"),
    };
    if digits.len() == 3 {
        return CanId::standard(number)
            .map_or_else(|| wrong("an identifier of at most 7FF"), |id| Ok(Identifier::Frame(id)));
    }
    match (CanId::extended(number), CanId::extended(number ^ ERROR)) {
        (Some(id), _) => Ok(Identifier::Frame(id)),
        (None, Some(class)) => Ok(Identifier::Error(class.number())),
        _ => wrong("an identifier of at most 1FFFFFFF"),
    }
}

fn data<'a>(input: &'a [u8], id: Identifier, bytes: &[u8]) -> Result<CanFrame, nom::Err<Wanted<'a>>> {
    let frame = match id {
        Identifier::Frame(id) => CanFrame::data(id, bytes),
        Identifier::Error(class) => bytes.try_into().ok().map(|bytes| CanFrame::error(class, bytes)),
    };
    frame.ok_or(nom::Err::Failure(Wanted {
        rest: input,
        kind: RecordErrorKind::Expected("the eight bytes of an error frame"),
    }))
}

fn remote<'a>(input: &'a [u8], id: Identifier, length: usize) -> Result<CanFrame, nom::Err<Wanted<'a>>> {
    let wrong = |what| {
        nom::Err::Failure(Wanted {
            rest: input,
            kind: RecordErrorKind::Expected(what),
        })
    };
    match id {
        Identifier::Frame(id) => CanFrame::remote(id, length.min(255) as u8).ok_or(wrong("a length of at most 8")),
        Identifier::Error(_) => Err(wrong("an error frame that is no remote request")),
    }
}

/// How many frames the kernel dropped, if the line is candump's remark about that (`-d`).
pub(super) fn dropped(line: &[u8]) -> Option<u64> {
    let number = take_while1(|byte: u8| byte.is_ascii_digit());
    let parsed: Parsed<'_, _> = delimited(tag("DROPCOUNT: dropped "), number, tag(" CAN frame")).parse(line);
    parsed.ok().and_then(|(_, count)| decimal(count))
}

/// Writes the log form.
pub(super) fn emit(
    out: &mut impl Write,
    time: Option<Timestamp>,
    interface: Option<&str>,
    frame: &CanFrame,
    direction: Option<Direction>,
) -> io::Result<()> {
    if let Some(time) = time {
        write!(out, "({time:0>17}) ")?;
    }
    if let Some(interface) = interface {
        write!(out, "{interface} ")?;
    }
    let direction = match direction {
        None => "",
        Some(Direction::Sent | Direction::ToBms) => " T",
        Some(Direction::Received | Direction::FromBms) => " R",
    };
    writeln!(out, "{frame}{direction}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parsed(text: &str) -> CanLine<'_> {
        line(text.as_bytes()).expect(text).1
    }

    fn wrong(text: &str) -> (usize, RecordErrorKind) {
        match line(text.as_bytes()) {
            Err(nom::Err::Error(wanted) | nom::Err::Failure(wanted)) => (text.len() - wanted.rest.len(), wanted.kind),
            other => panic!("{text}: {other:?}"),
        }
    }

    fn standard(id: u16, data: &[u8]) -> CanFrame {
        CanFrame::data(CanId::Standard(id), data).unwrap()
    }

    const LIMITS: [u8; 8] = [0x40, 0x02, 0xD0, 0x07, 0xF0, 0x0A, 0xC0, 0x01];

    #[test]
    fn all_forms_of_one_frame_read_alike() {
        for text in [
            "351#4002D007F00AC001",
            "can0 351#4002D007F00AC001",
            "351#40.02.D0.07.F0.0A.C0.01",
            "(1700000000.123456) can0 351#4002d007f00ac001",
            "(1700000000.123456)   can0 351#4002D007F00AC001 T",
            "  can0  351   [8]  40 02 D0 07 F0 0A C0 01",
            "  can0  351   [8]  40 02 D0 07 F0 0A C0 01   '@.......'",
            "  can0       351   [8]  40 02 D0 07 F0 0A C0 01",
            "351   [8]  40 02 D0 07 F0 0A C0 01",
            " (1700000000.123456)  can0  351   [8]  40 02 D0 07 F0 0A C0 01",
            " (2023-11-14 22:13:20.123456)  can0  351   [8]  40 02 D0 07 F0 0A C0 01",
            " (003.602343)  can0  RX - -  351   [8]  40 02 D0 07 F0 0A C0 01",
            "  can0  351   [8]  01`C0`0A`F0`07`D0`02`40   `.......@`",
        ] {
            let parsed = parsed(text);
            assert_eq!(parsed.frame, standard(0x351, &LIMITS), "{text}");
            assert_eq!(
                parsed.interface,
                text.contains("can0").then_some(&b"can0"[..]),
                "{text}"
            );
            let stamp = parsed.stamp.map(|stamp| stamp.micros);
            assert_eq!(stamp, text.contains('(').then(|| stamp.unwrap_or(0)), "{text}");
        }
    }

    #[test]
    fn direction_stands_at_the_end_or_behind_the_interface() {
        assert_eq!(parsed("can0 351#00 R").direction, Some(Direction::Received));
        assert_eq!(parsed("can0 351#00 T").direction, Some(Direction::Sent));
        assert_eq!(parsed("can0 351#00").direction, None);
        assert_eq!(parsed("  can0  TX B -  351   [1]  00").direction, Some(Direction::Sent));
    }

    #[test]
    fn short_long_remote_and_error_frames() {
        let extended = CanId::Extended(0x18F1_28F4);
        assert_eq!(parsed("351#").frame, standard(0x351, &[]));
        assert_eq!(parsed("can0  351   [0]").frame, standard(0x351, &[]));
        assert_eq!(parsed("18F128F4#01").frame, CanFrame::data(extended, &[1]).unwrap());
        assert_eq!(
            parsed("00000351#01").frame,
            CanFrame::data(CanId::Extended(0x351), &[1]).unwrap()
        );
        assert_eq!(
            parsed("305#R").frame,
            CanFrame::remote(CanId::Standard(0x305), 0).unwrap()
        );
        assert_eq!(
            parsed("305#r8").frame,
            CanFrame::remote(CanId::Standard(0x305), 8).unwrap()
        );
        assert_eq!(
            parsed("  can0  305   [8]  remote request").frame,
            CanFrame::remote(CanId::Standard(0x305), 8).unwrap()
        );
        let error = CanFrame::error(4, [0, 4, 0, 0, 0, 0, 0, 0]);
        assert_eq!(parsed("can0 20000004#0004000000000000").frame, error);
        assert_eq!(
            parsed("  can0  20000004   [8]  00 04 00 00 00 00 00 00   ERRORFRAME").frame,
            error
        );
    }

    #[test]
    fn newer_kinds_of_can_are_named() {
        for text in [
            "351##1001122",
            "  can0  351  [08]  00 11 22 33 44 55 66 77",
            "  can0  351  [64]  00",
        ] {
            assert_eq!(wrong(text).1, RecordErrorKind::NotClassicCan("CAN FD"), "{text}");
        }
        for text in [
            "can0 45123#81:00:12345678#11223344",
            "  can0  123  [0008]  (81|00:12345678) 11 22",
        ] {
            assert_eq!(wrong(text).1, RecordErrorKind::NotClassicCan("CAN XL"), "{text}");
        }
        for text in [
            "351#4002D007F00AC001_B",
            "305#R8_F",
            "  can0  351   {B}  40 02 D0 07 F0 0A C0 01",
        ] {
            assert_eq!(wrong(text).1, RecordErrorKind::DataLengthCode, "{text}");
        }
    }

    #[test]
    fn mistakes_are_told_at_their_place() {
        use RecordErrorKind::Expected;
        const HEX: RecordErrorKind = Expected("two hex digits for each byte");
        for (text, place, kind) in [
            ("351#4", 4, HEX),
            ("351#40G2", 6, HEX),
            ("can0 351#40 02", 12, Expected("the end of the line")),
            ("351#400240024002400240", 20, Expected("at most eight bytes")),
            ("35#40", 0, Expected("an identifier of three or eight hex digits")),
            ("801#40", 0, Expected("an identifier of at most 7FF")),
            ("40000351#40", 0, Expected("an identifier of at most 1FFFFFFF")),
            ("20000004#00", 9, Expected("the eight bytes of an error frame")),
            ("20000004#R", 0, Expected("an error frame that is no remote request")),
            (
                "  can0  351   [9]  remote request",
                8,
                Expected("a length of at most 8"),
            ),
            (
                "  can0  351   [2]  40 02 00",
                19,
                RecordErrorKind::Length { declared: 2, actual: 3 },
            ),
            (
                "  can0  351   [2]  40",
                19,
                RecordErrorKind::Length { declared: 2, actual: 1 },
            ),
            (
                "  can0  351   [x]  40",
                15,
                Expected("`#` and data, or a length as `[8]`"),
            ),
            ("  can0  351   [2]  40 02 'a'", 25, Expected("the end of the line")),
            ("(1.5 can0 351#40", 4, Expected("`)` after the time")),
            ("(1.5)can0 351#40", 5, Expected("a blank")),
        ] {
            assert_eq!(wrong(text), (place, kind), "{text}");
        }
    }

    #[test]
    fn a_remark_about_drops_is_read() {
        assert_eq!(
            dropped(b"DROPCOUNT: dropped 12 CAN frames on 'can0' socket (total drops 12)"),
            Some(12)
        );
        assert_eq!(
            dropped(b"DROPCOUNT: dropped 1 CAN frame on 'can0' socket (total drops 13)"),
            Some(1)
        );
        assert_eq!(dropped(b"DROPCOUNT: dropped 99999999999999999999 CAN frames"), None);
    }

    #[test]
    fn the_quick_reader_takes_the_common_form() {
        for text in [
            "(1700000000.123456) can0 351#4002D007F00AC001",
            "(0000000000.005601) vcan0 18F128F4#0102",
            "(1700000000.123456) can0 351# R",
        ] {
            assert_eq!(log_line(text.as_bytes()), Some(parsed(text)), "{text}");
        }
    }

    /// Lines that are log lines, or nearly.
    fn near_log_line() -> impl Strategy<Value = Vec<u8>> {
        let id = prop_oneof!["[0-7][0-9A-F]{2}", "[01][0-9A-Fa-f]{7}", "[0-9A-F]{1,9}"];
        let data = prop_oneof![4 => "([0-9A-Fa-f]{2}){0,9}", 1 => "R[0-9]?", 1 => "[0-9A-F.#_:]{0,18}"];
        let tail = prop_oneof![4 => Just(""), 1 => Just(" R"), 1 => Just(" T"), 1 => Just(" "), 1 => Just("R")];
        let whole = ("[0-9]{10}", "[0-9]{6}", "[a-z]{0,4}[0-9]", id, data, tail);
        let mistake = (any::<proptest::sample::Index>(), any::<u8>());
        (whole, proptest::option::weighted(0.3, mistake)).prop_map(|((s, u, name, id, data, tail), mistake)| {
            let mut line = format!("({s}.{u}) {name} {id}#{data}{tail}").into_bytes();
            if let Some((place, byte)) = mistake {
                let place = place.index(line.len());
                line[place] = byte;
            }
            line
        })
    }

    proptest! {
        #[test]
        fn the_quick_reader_agrees_with_the_thorough_one(text in near_log_line()) {
            if let Some(quick) = log_line(&text) {
                prop_assert_eq!(Ok(quick), line(&text).map(|(_, thorough)| thorough));
            }
        }

        #[test]
        fn any_bytes_give_a_line_or_an_error(text in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = (line(&text).is_ok(), log_line(&text));
        }
    }
}
