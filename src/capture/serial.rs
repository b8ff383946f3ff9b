//! Lines of serial traffic: one burst, or one message, to a line.
//!
//! | form | example |
//! |---|---|
//! | bytes in hex | `(0000000000.164733) 7E 32 30 30 32`; blanks, `:`, `-` or `,` between the bytes or nothing, `0x` before them or not |
//! | a Pylon ASCII frame | `~20024661...`; the line's end stands for the carriage return that is not printed |
//!
//! The time is optional, in parentheses or bare. Before the bytes there may be a direction: `>` `>>` `->` `TX` sent,
//! `<` `<<` `<-` `RX` received, `I>B` `req` to the BMS, `B>I` `rep` from it, words with or without a colon.

use std::io::{self, Write};

use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::take_while1;
use nom::character::complete::char;
use nom::combinator::{opt, peek, value};
use nom::sequence::{preceded, terminated};

use super::grammar::{HEX_BYTES, Parsed, Wanted, blanks, date, end, gap, hex_pair, mark, seconds, stamp, word};
use super::time::Stamp;
use super::{Direction, RecordErrorKind, Timestamp};
use crate::wire::{hex_spaced, pylon_ascii};

/// What one line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SerialLine {
    pub(super) stamp: Option<Stamp>,
    pub(super) direction: Option<Direction>,
    pub(super) bytes: Vec<u8>,
}

/// Reads one line.
pub(super) fn line(input: &[u8]) -> Parsed<'_, SerialLine> {
    let (input, _) = blanks(input)?;
    let (input, stamp) = opt(stamp).parse(input)?;
    let (input, stamp) = match stamp {
        Some(stamp) => (input, Some(stamp)),
        None => opt(bare_time).parse(input)?,
    };
    let (input, direction) = opt(terminated(direction, (blanks, opt(char(':')), blanks))).parse(input)?;
    let (input, bytes) = if input.first() == Some(&pylon_ascii::SOI) {
        ascii(input)?
    } else {
        hex(input)?
    };
    Ok((
        input,
        SerialLine {
            stamp,
            direction,
            bytes,
        },
    ))
}

/// `12.345678 `, only with a point, so that it is no byte in hex; or `2024-01-02 03:04:05.123 `.
fn bare_time(input: &[u8]) -> Parsed<'_, Stamp> {
    if input.get(4) == Some(&b'-') {
        return terminated(date, gap).parse(input);
    }
    peek((take_while1(|byte: u8| byte.is_ascii_digit()), char('.'))).parse(input)?;
    terminated(seconds, gap).parse(input)
}

fn direction(input: &[u8]) -> Parsed<'_, Direction> {
    alt((
        value(Direction::ToBms, alt((mark("I>B"), word("req")))),
        value(Direction::FromBms, alt((mark("B>I"), word("rep")))),
        value(Direction::Sent, alt((mark("->"), mark(">>"), mark(">"), word("TX")))),
        value(
            Direction::Received,
            alt((mark("<-"), mark("<<"), mark("<"), word("RX"))),
        ),
    ))
    .parse(input)
}

/// The characters to the end of the line, with the carriage return that the line's end stands for.
fn ascii(input: &[u8]) -> Parsed<'_, Vec<u8>> {
    // A carriage return inside separates frames that arrived together.
    let is_text = |byte: &u8| matches!(byte, b' '..=b'~' | b'\r');
    let end = input
        .iter()
        .rposition(|byte| !matches!(byte, b' ' | b'\t'))
        .map_or(0, |last| last + 1);
    if let Some(place) = input[..end].iter().position(|byte| !is_text(byte)) {
        return Wanted::failure(&input[place..], RecordErrorKind::Expected("printable characters"));
    }
    let mut bytes = input[..end].to_vec();
    if bytes.last() != Some(&pylon_ascii::EOI) {
        bytes.push(pylon_ascii::EOI);
    }
    Ok((&input[input.len()..], bytes))
}

fn hex(input: &[u8]) -> Parsed<'_, Vec<u8>> {
    const BURST: RecordErrorKind = RecordErrorKind::Expected("bytes in hex, a frame from `~` on, or a CAN frame");
    if byte(input).is_err() {
        // A line that begins with neither is no serial line at all.
        return Wanted::failure(input, BURST);
    }
    let mut bytes = Vec::with_capacity(input.len() / 3 + 1);
    let mut rest = input;
    while let Some(first) = rest.first() {
        if matches!(first, b' ' | b'\t') {
            (rest, _) = blanks(rest)?;
            continue;
        }
        let value;
        (rest, value) = byte(rest).map_err(|_| {
            nom::Err::Failure(Wanted {
                rest,
                kind: RecordErrorKind::Expected(HEX_BYTES),
            })
        })?;
        bytes.push(value);
        // A separator stands between two bytes.
        if let Some((b':' | b'-' | b',', behind)) = rest.split_first() {
            let (behind, _) = blanks(behind)?;
            if byte(behind).is_ok() {
                rest = behind;
            }
        }
    }
    let (rest, ()) = preceded(blanks, end).parse(rest)?;
    Ok((rest, bytes))
}

/// Two hex digits, perhaps with `0x` before them.
fn byte(input: &[u8]) -> Parsed<'_, u8> {
    hex_pair(input.strip_prefix(b"0x").unwrap_or(input))
}

/// Writes the bytes in hex, with time and direction where they are known.
pub(super) fn emit(
    out: &mut impl Write,
    time: Option<Timestamp>,
    direction: Option<Direction>,
    bytes: &[u8],
) -> io::Result<()> {
    if let Some(time) = time {
        write!(out, "({time:0>17}) ")?;
    }
    let direction = match direction {
        None => "",
        Some(Direction::Sent) => "> ",
        Some(Direction::Received) => "< ",
        Some(Direction::ToBms) => "I>B ",
        Some(Direction::FromBms) => "B>I ",
    };
    writeln!(out, "{direction}{}", hex_spaced(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parsed(text: &str) -> SerialLine {
        line(text.as_bytes()).expect(text).1
    }

    fn wrong(text: &[u8]) -> (usize, RecordErrorKind) {
        match line(text) {
            Err(nom::Err::Error(wanted) | nom::Err::Failure(wanted)) => (text.len() - wanted.rest.len(), wanted.kind),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn all_forms_of_one_burst_read_alike() {
        for text in [
            "(0000000000.117307) 01 03 00 00 00 0D 84 0F",
            "0.117307 01 03 00 00 00 0D 84 0F",
            "01 03 00 00 00 0D 84 0F",
            "010300 00000D 840f",
            "  01  03\t00 00 00 0D 84 0F  ",
            "(0.117307) > 01 03 00 00 00 0D 84 0F",
        ] {
            let parsed = parsed(text);
            assert_eq!(parsed.bytes, [1, 3, 0, 0, 0, 0x0D, 0x84, 0x0F], "{text}");
            assert_eq!(
                parsed.stamp.map(|stamp| stamp.micros),
                text.contains('.').then_some(117_307),
                "{text}"
            );
        }
    }

    #[test]
    fn bytes_are_read_in_the_notations_of_other_programs() {
        for text in [
            "0x01 0x03 0x15",
            "0x01,0x03,0x15",
            "01, 03, 15",
            "01:03:15",
            "01-03-15",
            "TX: 01:03:15",
            "2024-01-02 03:04:05.5 RX 01 03 15",
        ] {
            assert_eq!(parsed(text).bytes, [1, 3, 0x15], "{text}");
        }
        let stamp = parsed("2024-01-02 03:04:05.5 RX 01 03 15").stamp;
        assert_eq!(stamp.map(|stamp| stamp.micros), Some(1_704_164_645_500_000));
        use RecordErrorKind::Expected;
        // Nothing is guessed: what is no separator between two bytes is a mistake.
        for (text, place) in [("01:03:", 5), ("01::03", 2), ("0x01 0x3", 5), ("12:00:01.5 01 03", 8)] {
            assert_eq!(wrong(text.as_bytes()), (place, Expected(HEX_BYTES)), "{text}");
        }
    }

    #[test]
    fn directions_are_read_in_all_spellings() {
        for (marks, direction) in [
            (
                &["> ", ">", "-> ", "->", ">> ", "TX ", "tx: ", "TX:"][..],
                Direction::Sent,
            ),
            (&["< ", "<", "<- ", "<-", "<< ", "RX ", "rx: "], Direction::Received),
            (&["I>B ", "I>B: ", "req ", "REQ: "], Direction::ToBms),
            (&["B>I ", "B>I:", "rep ", "rep: "], Direction::FromBms),
        ] {
            for mark in marks {
                for payload in ["B0 0D", "~20024661\r"] {
                    let text = format!("(1.5) {mark}{payload}");
                    assert_eq!(parsed(&text).direction, Some(direction), "{text}");
                }
            }
        }
        assert_eq!(parsed("B0 0D").direction, None);
    }

    #[test]
    fn the_end_of_an_ascii_line_stands_for_the_carriage_return() {
        for text in ["~200246610000FDAB", "~200246610000FDAB\r", "(1.5) ~200246610000FDAB  "] {
            assert_eq!(parsed(text).bytes, b"~200246610000FDAB\r", "{text}");
        }
        assert_eq!(parsed("~20\r~30").bytes, b"~20\r~30\r");
    }

    #[test]
    fn mistakes_are_told_at_their_place() {
        use RecordErrorKind::Expected;
        const NEITHER: RecordErrorKind = Expected("bytes in hex, a frame from `~` on, or a CAN frame");
        assert_eq!(wrong(b"hello"), (0, NEITHER));
        assert_eq!(wrong(b"(1.5) "), (6, NEITHER));
        assert_eq!(wrong(b"01 03 0"), (6, Expected(HEX_BYTES)));
        assert_eq!(wrong(b"01 03 G0"), (6, Expected(HEX_BYTES)));
        assert_eq!(wrong(b"01 3 01"), (3, Expected(HEX_BYTES)));
        assert_eq!(wrong(b"~20\x0046"), (3, Expected("printable characters")));
        assert_eq!(wrong(b"(1.5) TX"), (8, NEITHER));
    }

    proptest! {
        #[test]
        fn any_bytes_give_a_line_or_an_error(text in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = line(&text).is_ok();
        }
    }
}
