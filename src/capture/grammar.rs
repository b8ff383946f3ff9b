//! The parts of lines that candump and serial logs have in common, as nom parsers.

use nom::bytes::complete::{tag, take_while, take_while_m_n, take_while1};
use nom::character::complete::char;
use nom::combinator::{cut, opt};
use nom::error::{ErrorKind, ParseError};
use nom::sequence::{preceded, terminated};
use nom::{Err, IResult, Parser};

use super::error::RecordErrorKind;
use super::time::Stamp;

/// The result of a parser of this folder.
pub(super) type Parsed<'a, O> = IResult<&'a [u8], O, Wanted<'a>>;

/// What a parser wanted, and the rest of the line where it was not found.
#[derive(Debug, PartialEq)]
pub(super) struct Wanted<'a> {
    pub(super) rest: &'a [u8],
    pub(super) kind: RecordErrorKind,
}

impl<'a> Wanted<'a> {
    const NOTHING: RecordErrorKind = RecordErrorKind::Expected("");

    /// The failure that stops all attempts: this is what is wrong.
    pub(super) fn failure<O>(rest: &'a [u8], kind: RecordErrorKind) -> Parsed<'a, O> {
        Err(Err::Failure(Wanted { rest, kind }))
    }
}

impl<'a> ParseError<&'a [u8]> for Wanted<'a> {
    fn from_error_kind(rest: &'a [u8], _: ErrorKind) -> Self {
        Wanted {
            rest,
            kind: Wanted::NOTHING,
        }
    }

    fn append(_: &'a [u8], _: ErrorKind, other: Self) -> Self {
        other
    }

    /// The attempt that came further tells more.
    fn or(self, other: Self) -> Self {
        if other.rest.len() < self.rest.len() {
            other
        } else {
            self
        }
    }
}

/// Gives the parser's failure a name, unless a part of it has named it already.
pub(super) fn expect<'a, O>(
    what: &'static str,
    mut parser: impl Parser<&'a [u8], Output = O, Error = Wanted<'a>>,
) -> impl FnMut(&'a [u8]) -> Parsed<'a, O> {
    move |input| {
        parser.parse(input).map_err(|error| {
            error.map(|wanted| match wanted.kind {
                RecordErrorKind::Expected("") => Wanted {
                    kind: RecordErrorKind::Expected(what),
                    ..wanted
                },
                _ => wanted,
            })
        })
    }
}

/// Blanks and tabs, perhaps none.
pub(super) fn blanks(input: &[u8]) -> Parsed<'_, &[u8]> {
    take_while(|byte| byte == b' ' || byte == b'\t').parse(input)
}

/// At least one blank or tab, or the end of the line.
pub(super) fn gap(input: &[u8]) -> Parsed<'_, &[u8]> {
    if input.is_empty() {
        return Ok((input, input));
    }
    expect("a blank", take_while1(|byte| byte == b' ' || byte == b'\t')).parse(input)
}

/// The rest of the line must be blank.
pub(super) fn end(input: &[u8]) -> Parsed<'_, ()> {
    let (rest, _) = blanks(input)?;
    if rest.is_empty() {
        return Ok((rest, ()));
    }
    Err(Err::Error(Wanted {
        rest,
        kind: RecordErrorKind::Expected("the end of the line"),
    }))
}

/// The value of a hex digit, above 15 for anything else.
pub(super) const fn nibble(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => byte - b'0',
        b'A'..=b'F' => byte - b'A' + 10,
        b'a'..=b'f' => byte - b'a' + 10,
        _ => 0xFF,
    }
}

/// One byte from two hex digits.
pub(super) fn hex_pair(input: &[u8]) -> Parsed<'_, u8> {
    expect(HEX_BYTES, take_while_m_n(2, 2, |byte: u8| byte.is_ascii_hexdigit()))
        .map(|digits: &[u8]| nibble(digits[0]) << 4 | nibble(digits[1]))
        .parse(input)
}

/// What hex bytes look like.
pub(super) const HEX_BYTES: &str = "two hex digits for each byte";

/// A time in parentheses: `(1700000000.123456)`, `(000.001234)` or `(2024-01-02 03:04:05.123456)`.
///
/// A blank or the end of the line must follow. A date is taken as UTC: candump prints local time and does not say which.
pub(super) fn stamp(input: &[u8]) -> Parsed<'_, Stamp> {
    let behind = terminated(time, expect("`)` after the time", char(')')));
    preceded(char('('), cut(terminated(behind, gap))).parse(input)
}

fn time(input: &[u8]) -> Parsed<'_, Stamp> {
    if input.get(4) == Some(&b'-') {
        date(input)
    } else {
        seconds(input)
    }
}

/// Seconds with a fraction, as they stand without parentheses: `12.345678`.
pub(super) fn seconds(input: &[u8]) -> Parsed<'_, Stamp> {
    const TIME: &str = "a time in seconds";
    let (rest, whole) = expect(TIME, digits).parse(input)?;
    let (rest, micros) = fraction(rest)?;
    let stamp = decimal(whole).and_then(|whole| whole.checked_mul(1_000_000)?.checked_add(micros));
    match stamp {
        Some(micros) => Ok((
            rest,
            Stamp {
                micros,
                is_short: whole.len() < 10,
            },
        )),
        None => Wanted::failure(input, RecordErrorKind::Expected("a time of less than 580,000 years")),
    }
}

/// A date and time as they stand without parentheses: `2024-01-02 03:04:05.123456`.
pub(super) fn date(input: &[u8]) -> Parsed<'_, Stamp> {
    const DATE: &str = "a date `YYYY-MM-DD hh:mm:ss`";
    let mut two = expect(DATE, take_while_m_n(2, 2, |byte: u8| byte.is_ascii_digit()));
    let mark = |character| expect(DATE, char(character));
    let (rest, year) = digits(input)?;
    let (rest, month) = preceded(mark('-'), &mut two).parse(rest)?;
    let (rest, day) = preceded(mark('-'), &mut two).parse(rest)?;
    let (rest, hour) = preceded(mark(' '), &mut two).parse(rest)?;
    let (rest, minute) = preceded(mark(':'), &mut two).parse(rest)?;
    let (rest, second) = preceded(mark(':'), &mut two).parse(rest)?;
    let (rest, micros) = fraction(rest)?;
    let number = |digits: &[u8]| decimal(digits).and_then(|number| i8::try_from(number).ok());
    let seconds = (|| {
        let year = i16::try_from(decimal(year)?).ok()?;
        let (month, day) = (number(month)?, number(day)?);
        let date = jiff::civil::DateTime::new(year, month, day, number(hour)?, number(minute)?, number(second)?, 0);
        u64::try_from(jiff::tz::Offset::UTC.to_timestamp(date.ok()?).ok()?.as_second()).ok()
    })();
    match seconds {
        Some(seconds) => Ok((
            rest,
            Stamp {
                micros: seconds * 1_000_000 + micros,
                is_short: false,
            },
        )),
        None => Wanted::failure(input, RecordErrorKind::Expected("a date since 1970")),
    }
}

/// `.` and one to nine digits as microseconds, cut; nothing gives 0.
fn fraction(input: &[u8]) -> Parsed<'_, u64> {
    const FRACTION: &str = "one to nine decimals";
    let (rest, digits) = opt(preceded(char('.'), cut(expect(FRACTION, digits)))).parse(input)?;
    let Some(digits) = digits else { return Ok((rest, 0)) };
    if digits.len() > 9 {
        return Wanted::failure(input, RecordErrorKind::Expected(FRACTION));
    }
    let micros = digits
        .iter()
        .chain(b"000000")
        .take(6)
        .fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    Ok((rest, micros))
}

fn digits(input: &[u8]) -> Parsed<'_, &[u8]> {
    take_while1(|byte: u8| byte.is_ascii_digit()).parse(input)
}

/// The number that these digits stand for, if it is small enough.
pub(super) fn decimal(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |number, digit| {
        number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    })
}

/// A word that ends with a blank, a colon or the line, whatever its case.
pub(super) fn word<'a>(text: &'static str) -> impl FnMut(&'a [u8]) -> Parsed<'a, ()> {
    move |input| {
        let (rest, _) = nom::bytes::complete::tag_no_case(text).parse(input)?;
        match rest.first() {
            None | Some(b' ' | b'\t' | b':') => Ok((rest, ())),
            Some(_) => Err(Err::Error(Wanted {
                rest: input,
                kind: Wanted::NOTHING,
            })),
        }
    }
}

/// A mark that needs no blank after it.
pub(super) fn mark<'a>(text: &'static str) -> impl FnMut(&'a [u8]) -> Parsed<'a, ()> {
    move |input| terminated(tag(text), blanks).map(|_| ()).parse(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(text: &str) -> u64 {
        stamp(text.as_bytes()).expect(text).1.micros
    }

    fn wanted(text: &str) -> (usize, RecordErrorKind) {
        match stamp(text.as_bytes()) {
            Err(Err::Error(wanted) | Err::Failure(wanted)) => (text.len() - wanted.rest.len(), wanted.kind),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn times_are_exact() {
        assert_eq!(micros("(1700000000.123456)"), 1_700_000_000_123_456);
        assert_eq!(micros("(000.001234)"), 1234);
        assert_eq!(micros("(12)"), 12_000_000);
        assert_eq!(micros("(12.5)"), 12_500_000);
        assert_eq!(micros("(1.999999999)"), 1_999_999);
        assert_eq!(micros("(2024-01-02 03:04:05.123456)"), 1_704_164_645_123_456);
        assert_eq!(micros("(1970-01-01 00:00:00.000001)"), 1);
        assert!(stamp(b"(003.6)").unwrap().1.is_short && !stamp(b"(1700000000.0)").unwrap().1.is_short);
    }

    #[test]
    fn what_is_wrong_with_a_time_is_told_at_its_place() {
        use RecordErrorKind::Expected;
        assert_eq!(wanted("(abc)"), (1, Expected("a time in seconds")));
        assert_eq!(wanted("(1.)"), (3, Expected("one to nine decimals")));
        assert_eq!(wanted("(1.0000000001)"), (2, Expected("one to nine decimals")));
        assert_eq!(wanted("(1.5"), (4, Expected("`)` after the time")));
        assert_eq!(
            wanted("(99999999999999)"),
            (1, Expected("a time of less than 580,000 years"))
        );
        assert_eq!(
            wanted("(2024-01-02T03:04:05)"),
            (11, Expected("a date `YYYY-MM-DD hh:mm:ss`"))
        );
        assert_eq!(wanted("(2024-02-30 03:04:05)"), (1, Expected("a date since 1970")));
        assert_eq!(wanted("(2024-13-01 00:00:00)"), (1, Expected("a date since 1970")));
        assert_eq!(wanted("(1969-12-31 23:59:59)"), (1, Expected("a date since 1970")));
    }
}
