//! What can be wrong with a capture, and where.

use std::io;

/// Why a capture, or one item of it, cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The bytes could not be had.
    #[error("reading the capture failed")]
    Io(#[from] io::Error),
    /// The content is of a known kind that is not read here.
    #[error("this is {what}; {hint}")]
    Unsupported {
        /// What it is.
        what: String,
        /// What to do instead.
        hint: &'static str,
    },
    /// The packet structure is broken, so that nothing after this place can be found.
    #[error("byte {offset}: {what}")]
    Broken {
        /// Where, in bytes from the start.
        offset: u64,
        /// What is wrong.
        what: String,
    },
    /// One line or packet cannot be read; reading goes on after it.
    #[error(transparent)]
    Record(Box<RecordError>),
}

impl CaptureError {
    /// True when nothing can be read after this error.
    pub fn is_fatal(&self) -> bool {
        !matches!(self, CaptureError::Record(_))
    }
}

/// A line or packet that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {kind}{}", place(*line, *column), tail(kind, found))]
pub struct RecordError {
    /// The line of a text, or the number of the packet, from 1.
    pub line: u64,
    /// The byte of the line at which it goes wrong, from 1; 0 in a capture of packets.
    pub column: usize,
    /// The line; of a long one, a part around the column. Unprintable characters are replaced. Packets are in hex.
    pub text: String,
    /// The word at the column.
    pub found: String,
    /// What is wrong.
    pub kind: RecordErrorKind,
}

/// What is wrong with a line or packet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordErrorKind {
    /// Something else was expected at the column.
    #[error("expected {0}")]
    Expected(&'static str),
    /// The frame is well-formed, but not classic CAN.
    #[error("not classic CAN but {0}")]
    NotClassicCan(&'static str),
    /// A data length code of 9 to 15 with eight bytes, which the frame type cannot keep.
    #[error("a data length code above 8")]
    DataLengthCode,
    /// The length told and the number of bytes differ.
    #[error("{declared} bytes declared, {actual} given")]
    Length {
        /// As told.
        declared: usize,
        /// As counted.
        actual: usize,
    },
    /// The line is longer than any message; it was skipped.
    #[error("the line is longer than {limit} bytes")]
    LineTooLong {
        /// The longest line that is read.
        limit: usize,
    },
    /// candump tells that the kernel dropped frames here: what is missing was on the bus.
    #[error("the kernel dropped {count} frames here")]
    FramesDropped {
        /// How many.
        count: u64,
    },
    /// The packet is of a link type other than SocketCAN.
    #[error("link type {0} is not SocketCAN (227)")]
    LinkType(u32),
    /// A packet or block is malformed.
    #[error("{0}")]
    Packet(String),
}

fn place(line: u64, column: usize) -> String {
    if column == 0 {
        format!("packet {line}")
    } else {
        format!("line {line}, column {column}")
    }
}

/// What stands at the column, where that helps.
fn tail(kind: &RecordErrorKind, found: &str) -> String {
    match kind {
        RecordErrorKind::Expected(_) if found.is_empty() => ", found the end of the line".to_owned(),
        RecordErrorKind::Expected(_) => format!(", found `{found}`"),
        _ => String::new(),
    }
}

/// The error at `offset` of a line.
pub(super) fn line_error(number: u64, line: &[u8], offset: usize, kind: RecordErrorKind) -> CaptureError {
    const TEXT: usize = 160;
    const WORD: usize = 24;
    let start = if line.len() <= TEXT {
        0
    } else {
        offset.saturating_sub(TEXT / 2).min(line.len() - TEXT)
    };
    let end = line.len().min(start + TEXT);
    let rest = line.get(offset..).unwrap_or(&[]);
    let word = rest
        .iter()
        .position(u8::is_ascii_whitespace)
        .unwrap_or(rest.len())
        .min(WORD);
    RecordError {
        line: number,
        column: offset + 1,
        text: printable(&line[start..end]),
        found: printable(&rest[..word]),
        kind,
    }
    .into()
}

impl From<RecordError> for CaptureError {
    fn from(error: RecordError) -> CaptureError {
        CaptureError::Record(Box::new(error))
    }
}

/// The error of a packet.
pub(super) fn packet_error(number: u64, data: &[u8], kind: RecordErrorKind) -> CaptureError {
    const BYTES: usize = 50;
    let text = crate::wire::hex_spaced(&data[..data.len().min(BYTES)]);
    RecordError {
        line: number,
        column: 0,
        text,
        found: String::new(),
        kind,
    }
    .into()
}

/// The bytes as text, one character for each byte that is not printable ASCII or UTF-8.
fn printable(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .chars()
        .map(|character| {
            if character.is_control() {
                char::REPLACEMENT_CHARACTER
            } else {
                character
            }
        })
        .collect()
}

/// Refuses content that can be told by its first bytes and is not read here.
pub(super) fn refuse_unsupported(head: &[u8]) -> Result<(), CaptureError> {
    const UNPACK: &str = "unpack it first";
    const CONVERT: &str = "convert it to candump's log form first (can-utils: asc2log)";
    const EXPORT: &str = "export it as candump log or pcapng";
    const KNOWN: [(&[u8], &str, &str); 7] = [
        (b"\x1F\x8B", "a gzip file", UNPACK),
        (b"\xFD7zXZ", "an xz file", UNPACK),
        (b"\x28\xB5\x2F\xFD", "a zstd file", UNPACK),
        (b"PK\x03\x04", "a zip archive", UNPACK),
        (b";$FILE", "a PCAN trace", EXPORT),
        (b"\xFF\xFE", "UTF-16 text", "save it as UTF-8"),
        (b"\xFE\xFF", "UTF-16 text", "save it as UTF-8"),
    ];
    let known = KNOWN.iter().find(|(magic, ..)| head.starts_with(magic));
    // These begin with letters that an interface can be called by.
    let lettered = match head {
        _ if is_asc(head) => Some(("a Vector ASC log", CONVERT)),
        // The length of the header follows, below 256.
        [b'L', b'O', b'G', b'G', _, 0, 0, 0, ..] => Some(("a Vector BLF log", EXPORT)),
        // The size of the blocks follows, then the sign of a block, or of the end.
        [b'B', b'Z', b'h', b'1'..=b'9', b'1', b'A', b'Y', ..]
        | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, 0x45, ..] => Some(("a bzip2 file", UNPACK)),
        _ => None,
    };
    match known.map(|(_, what, hint)| (*what, *hint)).or(lettered) {
        Some((what, hint)) => Err(CaptureError::Unsupported {
            what: what.to_owned(),
            hint,
        }),
        None => Ok(()),
    }
}

/// Whether it begins as an ASC log does: `date Wed Nov ...`. An interface may be called `date` too; then an identifier
/// follows, or a direction.
fn is_asc(head: &[u8]) -> bool {
    let Some([first, second, third, ..]) = head.strip_prefix(b"date ") else {
        return false;
    };
    let is_day = first.is_ascii_uppercase() && second.is_ascii_lowercase();
    let is_hex = first.is_ascii_hexdigit() && second.is_ascii_hexdigit();
    is_day && !is_hex && (third.is_ascii_lowercase() || b" .".contains(third))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_may_be_called_like_the_first_letters_of_a_file() {
        let refused = |head: &[u8]| refuse_unsupported(head).unwrap_err().to_string();
        assert!(refused(b"LOGG\x90\0\0\0").contains("BLF"));
        assert!(refused(b"BZh91AY&").contains("bzip2"));
        assert!(refused(b"BZh9\x17\x72\x45\x38").contains("bzip2"));
        for line in ["LOGG 123#", "LOGGCOUN", "BZh 123#", "BZh9 351", "BZh91 35"] {
            assert!(refuse_unsupported(line.as_bytes()).is_ok(), "{line}");
        }
    }

    #[test]
    fn an_interface_may_be_called_date() {
        for line in ["date Wed Nov 25", "date Mo 12", "date Sat"] {
            assert!(refuse_unsupported(line.as_bytes()).is_err(), "{line}");
        }
        for line in [
            "date tXI>",
            "date Fe 1",
            "date 305#00",
            "date  305   [1]  00",
            "date DEC#00",
            "date RX - - 305",
            "dates Wed",
        ] {
            assert!(refuse_unsupported(line.as_bytes()).is_ok(), "{line}");
        }
    }

    #[test]
    fn long_lines_are_shown_around_the_place() {
        let mut line = vec![b'0'; 1000];
        line[500] = b'G';
        let CaptureError::Record(error) = line_error(7, &line, 500, RecordErrorKind::Expected("x")) else {
            panic!()
        };
        assert_eq!((error.line, error.column, error.text.len()), (7, 501, 160));
        assert_eq!(error.text.find('G'), Some(80));
        let CaptureError::Record(error) = line_error(7, &line, 1000, RecordErrorKind::Expected("x")) else {
            panic!()
        };
        assert_eq!(
            error.to_string(),
            "line 7, column 1001: expected x, found the end of the line"
        );
    }

    #[test]
    fn unprintable_bytes_do_not_reach_a_terminal() {
        let CaptureError::Record(error) = line_error(1, b"\x1B[31m\0\xFF", 0, RecordErrorKind::DataLengthCode) else {
            panic!()
        };
        assert_eq!(error.text, "\u{FFFD}[31m\u{FFFD}\u{FFFD}");
    }

    #[test]
    fn files_of_other_kinds_are_named() {
        let error = refuse_unsupported(b"\x1F\x8B\x08\0").unwrap_err();
        assert_eq!(error.to_string(), "this is a gzip file; unpack it first");
        assert!(error.is_fatal());
        assert!(refuse_unsupported(b"(170000000").is_ok());
    }
}
