//! Captures as lines of text: candump and serial notations, mixed as they may be.
//!
//! Each line is read by itself, so a capture may change its notation. Empty lines and lines that begin with `#`, `;` or
//! `//` are passed over, and so are candump's explanations of an error frame (`-e`). Lines may end with CR LF.

use std::io::{self, BufRead};
use std::sync::Arc;

use nom::FindSubstring;

use super::candump::{self, CanLine};
use super::error::line_error;
use super::grammar::Wanted;
use super::serial::{self, SerialLine};
use super::time::{ShortStamps, Stamp};
use super::{CaptureError, Record, RecordErrorKind, Timestamp};
use crate::wire::BusFrame;
use crate::wire::can::CanKind;

/// The longest line that is read: several of the longest serial messages in hex. A longer one is skipped and reported.
pub const MAX_LINE: usize = 64 * 1024;

/// Reads records from lines.
pub struct TextReader<R> {
    reader: R,
    /// The beginning of a line that goes on behind the reader's buffer; at most [`MAX_LINE`] bytes of it.
    partial: Vec<u8>,
    /// The line in `partial` is longer than [`MAX_LINE`].
    is_too_long: bool,
    failed: bool,
    lines: Lines,
}

/// What has to be known to read one line after the other.
#[derive(Default)]
struct Lines {
    number: u64,
    interfaces: Vec<Arc<str>>,
    short_stamps: ShortStamps,
    after_error_frame: bool,
}

type Item = Result<Record, CaptureError>;

impl<R: BufRead> TextReader<R> {
    /// A reader at the start of a text.
    ///
    /// # Errors
    /// Those of reading the first bytes.
    pub fn new(mut reader: R) -> io::Result<TextReader<R>> {
        const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";
        if fill(&mut reader)?.starts_with(BYTE_ORDER_MARK) {
            reader.consume(BYTE_ORDER_MARK.len());
        }
        let mut lines = Lines::default();
        let sample = fill(&mut reader)?;
        if let Some(end) = sample.iter().rposition(|&byte| byte == b'\n') {
            lines.short_stamps = ShortStamps::decided_by(&Lines::sample(&sample[..end]));
        }
        Ok(TextReader {
            reader,
            partial: Vec::new(),
            is_too_long: false,
            failed: false,
            lines,
        })
    }

    /// Takes the next line from the source; `None` at the end of it, `Some(None)` for a line that holds no record.
    fn next_line(&mut self) -> io::Result<Option<Option<Item>>> {
        loop {
            let chunk = fill(&mut self.reader)?;
            if chunk.is_empty() {
                if self.partial.is_empty() {
                    return Ok(None);
                }
                return Ok(Some(self.finish_partial()));
            }
            let Some(end) = chunk.find_substring(b"\n".as_slice()) else {
                let length = chunk.len();
                self.is_too_long |= append(&mut self.partial, chunk);
                self.reader.consume(length);
                continue;
            };
            let item = if self.partial.is_empty() && end <= MAX_LINE {
                let item = self.lines.item(&chunk[..end]);
                self.reader.consume(end + 1);
                item
            } else {
                self.is_too_long |= append(&mut self.partial, &chunk[..end]);
                self.reader.consume(end + 1);
                self.finish_partial()
            };
            return Ok(Some(item));
        }
    }

    /// The item of the line that was collected in `partial`.
    fn finish_partial(&mut self) -> Option<Item> {
        let item = if std::mem::take(&mut self.is_too_long) {
            self.lines.number += 1;
            let kind = RecordErrorKind::LineTooLong { limit: MAX_LINE };
            Some(Err(line_error(self.lines.number, &self.partial, 0, kind)))
        } else {
            self.lines.item(&self.partial)
        };
        self.partial.clear();
        item
    }
}

impl<R: BufRead> Iterator for TextReader<R> {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        while !self.failed {
            match self.next_line() {
                Ok(Some(Some(item))) => return Some(item),
                Ok(Some(None)) => {}
                Ok(None) => return None,
                Err(error) => {
                    self.failed = true;
                    return Some(Err(error.into()));
                }
            }
        }
        None
    }
}

/// The bytes that the reader has at hand; empty at the end only.
pub(super) fn fill<R: BufRead>(reader: &mut R) -> io::Result<&[u8]> {
    // The loop asks twice on success: the borrow checker does not let the first answer out of the loop.
    loop {
        match reader.fill_buf() {
            Ok(_) => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    reader.fill_buf()
}

/// Adds to a line as much as it may hold; true when that was not all.
fn append(line: &mut Vec<u8>, bytes: &[u8]) -> bool {
    let room = (MAX_LINE - line.len()).min(bytes.len());
    line.extend_from_slice(&bytes[..room]);
    room < bytes.len()
}

impl Lines {
    /// The short stamps of a sample of lines.
    fn sample(sample: &[u8]) -> ShortStamps {
        let mut short = ShortStamps::default();
        for line in sample.split(|&byte| byte == b'\n') {
            if let Ok((
                _,
                CanLine {
                    stamp: Some(Stamp { micros, is_short: true }),
                    ..
                },
            )) = candump::line(line)
            {
                short.take(micros);
            }
        }
        short
    }

    /// The record of a line, or what is wrong with it; `None` when it holds neither.
    fn item(&mut self, line: &[u8]) -> Option<Item> {
        self.number += 1;
        if let Some(parsed) = candump::log_line(line) {
            return Some(Ok(self.can_record(&parsed)));
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let after_error_frame = std::mem::take(&mut self.after_error_frame);
        let text = line.trim_ascii_start();
        if text.is_empty() || text.starts_with(b"#") || text.starts_with(b";") || text.starts_with(b"//") {
            return None;
        }
        if after_error_frame && line.starts_with(b"\t") {
            self.after_error_frame = true;
            return None;
        }
        if let Some(count) = candump::dropped(text) {
            return Some(Err(line_error(
                self.number,
                line,
                0,
                RecordErrorKind::FramesDropped { count },
            )));
        }
        let parsed = if is_can(line) {
            candump::line(line).map(|(_, parsed)| self.can_record(&parsed))
        } else {
            serial::line(line).map(|(_, parsed)| self.serial_record(parsed))
        };
        Some(parsed.map_err(|error| match error {
            nom::Err::Error(Wanted { rest, kind }) | nom::Err::Failure(Wanted { rest, kind }) => {
                line_error(self.number, line, line.len() - rest.len(), kind)
            }
            nom::Err::Incomplete(_) => line_error(self.number, line, line.len(), RecordErrorKind::Expected("more")),
        }))
    }

    fn can_record(&mut self, line: &CanLine<'_>) -> Record {
        let time = line.stamp.map(|stamp| {
            Timestamp::from_micros(if stamp.is_short {
                self.short_stamps.take(stamp.micros)
            } else {
                stamp.micros
            })
        });
        self.after_error_frame = line.frame.kind == CanKind::Error;
        Record {
            line: self.number,
            time,
            interface: line.interface.map(|name| self.interface(name)),
            direction: line.direction,
            frame: BusFrame::Can(line.frame),
        }
    }

    fn serial_record(&self, line: SerialLine) -> Record {
        Record {
            line: self.number,
            time: line.stamp.map(|stamp| Timestamp::from_micros(stamp.micros)),
            interface: None,
            direction: line.direction,
            frame: BusFrame::Serial(line.bytes),
        }
    }

    /// The shared text of an interface's name.
    fn interface(&mut self, name: &[u8]) -> Arc<str> {
        /// More interfaces than any station has; beyond it names are no longer shared.
        const MOST: usize = 64;
        if let Some(known) = self.interfaces.iter().find(|known| known.as_bytes() == name) {
            return Arc::clone(known);
        }
        let name: Arc<str> = String::from_utf8_lossy(name).into();
        if self.interfaces.len() < MOST {
            self.interfaces.push(Arc::clone(&name));
        }
        name
    }
}

/// True for lines that can only be meant as a CAN frame: with `#` or a length in brackets, and no `~` before.
fn is_can(line: &[u8]) -> bool {
    line.iter()
        .find(|byte| matches!(byte, b'~' | b'#' | b'[' | b'{'))
        .is_some_and(|byte| *byte != b'~')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{self, Direction};
    use crate::wire::can::{CanFrame, CanId};
    use proptest::prelude::*;
    use std::io::{BufReader, Read};

    fn read(text: &[u8]) -> Vec<Item> {
        capture::open(text).unwrap().collect()
    }

    fn shown(text: &str) -> Vec<String> {
        read(text.as_bytes())
            .into_iter()
            .map(|item| match item {
                Ok(record) => format!("{} {}", record.line, record.frame),
                Err(error) => error.to_string(),
            })
            .collect()
    }

    #[test]
    fn lines_without_a_record_are_passed_over_but_counted() {
        let text = "# a comment\r\n\r\n  \n; another\n// one more\r\n351#00\r\n\n(1.5) 01 03\n";
        assert_eq!(shown(text), ["6 351#00", "8 01 03"]);
    }

    #[test]
    fn notations_may_be_mixed() {
        let text = "(1700000000.123456) can0 351#00\n  can0  351   [1]  01\n~2002\n> 7E 0D\n351#02";
        assert_eq!(
            shown(text),
            ["1 351#00", "2 351#01", "3 7E 32 30 30 32 0D", "4 7E 0D", "5 351#02"]
        );
    }

    #[test]
    fn bad_lines_are_reported_and_reading_goes_on() {
        let text = "351#0\nnothing\n351##1001122\n351#01\n(1.5) can0 351#01\n";
        assert_eq!(
            shown(text),
            [
                "line 1, column 5: expected two hex digits for each byte, found `0`",
                "line 2, column 1: expected bytes in hex, a frame from `~` on, or a CAN frame, found `nothing`",
                "line 3, column 1: not classic CAN but CAN FD",
                "4 351#01",
                "5 351#01",
            ]
        );
    }

    #[test]
    fn interfaces_are_shared_between_records() {
        let records: Vec<_> = read(b"can0 351#00\ncan1 351#00\ncan0 351#00\n")
            .into_iter()
            .map(Result::unwrap)
            .collect();
        let names: Vec<_> = records.iter().map(|record| record.interface.clone().unwrap()).collect();
        assert_eq!(
            names.iter().map(|name| &**name).collect::<Vec<_>>(),
            ["can0", "can1", "can0"]
        );
        assert!(Arc::ptr_eq(&names[0], &names[2]));
    }

    #[test]
    fn explanations_of_error_frames_are_passed_over() {
        let text = "  can0  20000004   [8]  00 04 00 00 00 00 00 00   ERRORFRAME\n\
                    \tcontroller-problem{rx-error-warning}\n\tprotocol-violation{{}{}}\n351#00\n\tcontroller-problem{}\n";
        let shown = shown(text);
        assert_eq!(shown[..2], ["1 20000004#0004000000000000", "4 351#00"]);
        assert!(shown[2].starts_with("line 5, column "), "{shown:?}");
    }

    #[test]
    fn dropped_frames_are_told() {
        let shown = shown("DROPCOUNT: dropped 3 CAN frames on 'can0' socket (total drops 3)\n351#00\n");
        assert_eq!(
            shown,
            ["line 1, column 1: the kernel dropped 3 frames here", "2 351#00"]
        );
    }

    #[test]
    fn differences_of_time_are_added_up() {
        let text = "(000.000000) can0 351#\n(000.100300) can0 351#\n(000.099800) can0 351#\n(000.100100) can0 351#\n(000.099900) can0 351#\n";
        let times: Vec<String> = read(text.as_bytes())
            .into_iter()
            .map(|item| item.unwrap().time.unwrap().to_string())
            .collect();
        assert_eq!(times, ["0.000000", "0.100300", "0.200100", "0.300200", "0.400100"]);
    }

    #[test]
    fn a_byte_order_mark_is_passed_over() {
        assert_eq!(read("\u{FEFF}351#00\n".as_bytes()).len(), 1);
        assert!(read("\u{FEFF}351#00\n".as_bytes())[0].is_ok());
    }

    #[test]
    fn an_empty_capture_is_no_error() {
        assert!(read(b"").is_empty());
        assert!(read(b"\n\n").is_empty());
    }

    /// Gives `length` bytes of `byte` without holding them.
    fn long_line(byte: u8, length: u64) -> impl BufRead {
        BufReader::new(io::repeat(byte).take(length).chain(&b"\n351#00\n"[..]))
    }

    #[test]
    fn a_line_of_a_hundred_megabytes_is_skipped_in_bounded_memory() {
        let mut reader = TextReader::new(long_line(b'0', 100_000_000)).unwrap();
        let error = reader.next().unwrap().unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 1, column 1: the line is longer than 65536 bytes"
        );
        assert!(reader.partial.capacity() <= 2 * MAX_LINE);
        assert_eq!(reader.next().unwrap().unwrap().line, 2);
        assert!(reader.next().is_none());
    }

    #[test]
    fn the_longest_line_is_read_and_one_byte_more_is_not() {
        let mut text = b"00".repeat(MAX_LINE / 2);
        assert!(read(&text)[0].is_ok());
        assert!(
            TextReader::new(BufReader::with_capacity(100, &text[..]))
                .unwrap()
                .next()
                .unwrap()
                .is_ok()
        );
        text.push(b' ');
        assert!(read(&text)[0].is_err());
        text.push(b'\n');
        assert!(read(&text)[0].is_err());
    }

    #[test]
    fn unreadable_bytes_are_reported_without_reaching_the_terminal() {
        let items = read(b"\0\0\xFF\xFE\x1B[2J\n351#00\n");
        let error = items[0].as_ref().unwrap_err().to_string();
        assert!(
            error.starts_with("line 1, column 1: expected") && !error.contains(['\0', '\x1B']),
            "{error}"
        );
        assert!(items[1].is_ok());
    }

    #[test]
    fn a_failing_source_ends_the_capture() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("gone"))
            }
        }
        let source = BufReader::new(b"351#0000\n351#".chain(Broken));
        let items: Vec<_> = capture::open(source).unwrap().take(3).collect();
        assert!(items[0].is_ok());
        assert!(items[1].as_ref().is_err_and(CaptureError::is_fatal));
        assert_eq!(items.len(), 2);
    }

    fn any_record() -> impl Strategy<Value = Record> {
        let id = prop_oneof![
            (0_u16..=0x7FF).prop_map(CanId::Standard),
            (0_u32..=0x1FFF_FFFF).prop_map(CanId::Extended)
        ];
        let data = proptest::collection::vec(any::<u8>(), 0..=8);
        let can = (id, data, 0..4_u8).prop_map(|(id, data, kind)| {
            BusFrame::Can(match kind {
                0 => CanFrame::remote(id, data.len() as u8).unwrap(),
                1 => CanFrame::error(id.number(), [7; 8]),
                _ => CanFrame::data(id, &data).unwrap(),
            })
        });
        let serial = proptest::collection::vec(any::<u8>(), 1..40).prop_map(BusFrame::Serial);
        let direction = proptest::option::of(prop_oneof![
            Just(Direction::Sent),
            Just(Direction::Received),
            Just(Direction::ToBms),
            Just(Direction::FromBms),
        ]);
        let time =
            proptest::option::of(0..20_000_000_000_000_000_u64).prop_map(|time| time.map(Timestamp::from_micros));
        let name = proptest::option::of("[a-z]{1,6}[0-9]").prop_map(|name| name.map(Arc::from));
        (prop_oneof![can, serial], direction, time, name).prop_map(|(frame, direction, time, name)| {
            let interface = name.filter(|_| matches!(frame, BusFrame::Can(_)));
            Record {
                line: 1,
                time,
                interface,
                direction,
                frame,
            }
        })
    }

    proptest! {
        #[test]
        fn a_written_record_is_read_back(record in any_record()) {
            let mut text = Vec::new();
            capture::write_record(&mut text, &record).unwrap();
            let mut expected = record;
            if matches!(expected.frame, BusFrame::Can(_)) {
                expected.direction = expected.direction.map(|direction| match direction {
                    Direction::Sent | Direction::ToBms => Direction::Sent,
                    Direction::Received | Direction::FromBms => Direction::Received,
                });
            }
            let mut items = read(&text);
            prop_assert_eq!(items.len(), 1);
            prop_assert_eq!(items.remove(0).unwrap(), expected, "{}", text.escape_ascii());
        }

        #[test]
        fn buffers_of_any_size_read_alike(text in "(\\PC{0,12}|351#00|\\(1.5\\) can0 351#01|01 03|\r|\n){0,12}", size in 1_usize..20) {
            // These four ends of lines are the magic number of a pcapng file.
            prop_assume!(!text.starts_with("\n\r\r\n"));
            let whole: Vec<String> = read(text.as_bytes()).iter().map(|item| format!("{item:?}")).collect();
            let source = BufReader::with_capacity(size, text.as_bytes());
            let sliced: Vec<String> = capture::open(source).unwrap().map(|item| format!("{item:?}")).collect();
            prop_assert_eq!(whole, sliced);
        }

        #[test]
        fn any_bytes_are_read_to_the_end(text in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(reader) = capture::open(&text[..]) {
                prop_assert!(reader.count() <= text.len() + 1);
            }
        }
    }
}
