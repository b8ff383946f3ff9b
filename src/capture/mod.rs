//! Captures: recorded bus traffic, read and written as a stream.
//!
//! | file | subject |
//! |---|---|
//! | [`candump`] | lines of can-utils: log form, human form, bare frames |
//! | [`serial`] | lines of serial traffic: hex bytes, Pylon ASCII frames |
//! | [`pcap`] | pcap and pcapng with SocketCAN packets |
//! | [`text`] | a stream of lines: finds each line's notation, bounds hostile ones |
//! | [`time`] | time stamps |
//! | [`error`] | what can be wrong, and where |
//!
//! [`open`] finds the format by content and gives an iterator; memory stays the same however long the capture is. A bad
//! line is an item like any other, with its place, and reading goes on after it.
//!
//! ```
//! use bmscheck::capture;
//! let text = "(1700000000.123456) can0 351#4002D007F00AC001\n(1700000000.2) can0 351#40G2\n";
//! let mut records = capture::open(text.as_bytes()).unwrap();
//! let record = records.next().unwrap().unwrap();
//! assert_eq!(record.time.unwrap().to_string(), "1700000000.123456");
//! assert_eq!(record.frame.to_string(), "351#4002D007F00AC001");
//! let error = records.next().unwrap().unwrap_err();
//! assert_eq!(error.to_string(), "line 2, column 27: expected two hex digits for each byte, found `G2`");
//! assert!(records.next().is_none());
//! ```

pub mod candump;
pub mod error;
mod grammar;
pub mod pcap;
pub mod serial;
pub mod text;
pub mod time;

#[cfg(test)]
mod real_captures;

use std::fmt;
use std::io::{self, BufRead, Cursor, Read, Write};
use std::sync::Arc;

pub use error::{CaptureError, RecordError, RecordErrorKind};
pub use time::Timestamp;

use crate::wire::BusFrame;

/// One message of a capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The line of a text, or the number of the packet, from 1.
    pub line: u64,
    /// When it was on the bus, if the capture says so.
    pub time: Option<Timestamp>,
    /// The interface that it was recorded on; records of one interface share the text.
    pub interface: Option<Arc<str>>,
    /// Which way it went, if the capture says so.
    pub direction: Option<Direction>,
    /// The CAN frame, or the bytes of one serial burst.
    pub frame: BusFrame,
}

/// Which way a message went, as the capture tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The recording station sent it (`TX`, `T`, `>`, `->`).
    Sent,
    /// The recording station heard it, from whomever (`RX`, `R`, `<`, `<-`).
    Received,
    /// From the inverter to the BMS (`I>B`, `req`).
    ToBms,
    /// From the BMS to the inverter (`B>I`, `rep`).
    FromBms,
}

/// What a capture consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Lines of text; each may have a notation of its own.
    Text,
    /// The classic format of libpcap.
    Pcap,
    /// pcapng.
    PcapNg,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Format::Text => "text",
            Format::Pcap => "pcap",
            Format::PcapNg => "pcapng",
        })
    }
}

/// A capture that is being read: an iterator over its records and its bad lines.
///
/// After an error that [`is_fatal`](CaptureError::is_fatal) it gives nothing more.
pub struct Reader<R> {
    source: Source<R>,
}

/// A reader with the few bytes put back that were needed to find the format.
type Input<R> = io::Chain<Cursor<Vec<u8>>, R>;

enum Source<R> {
    Text(Box<text::TextReader<Input<R>>>),
    Pcap(Box<pcap::PacketReader<Input<R>>>),
}

/// Starts reading a capture; its format is found by content.
///
/// Blocks until the first bytes are there, so it can be used on a live pipe.
///
/// # Errors
/// [`CaptureError`] when reading fails, or when the content is of a known kind that is not read here (compressed files,
/// link types other than SocketCAN, logs of other tools). An empty input is an empty capture.
pub fn open<R: BufRead>(mut reader: R) -> Result<Reader<R>, CaptureError> {
    let mut taken = Vec::new();
    if text::fill(&mut reader)?.len() < HEAD {
        reader.by_ref().take(HEAD as u64).read_to_end(&mut taken)?;
    }
    let head = if taken.is_empty() {
        text::fill(&mut reader)?
    } else {
        &taken
    };
    error::refuse_unsupported(head)?;
    let format = pcap::format_of(head);
    let input = Cursor::new(taken).chain(reader);
    let source = match format {
        Some(format) => Source::Pcap(Box::new(pcap::PacketReader::new(input, format)?)),
        None => Source::Text(Box::new(text::TextReader::new(input)?)),
    };
    Ok(Reader { source })
}

/// How many bytes tell the format; short enough that the first line of a live log holds them.
const HEAD: usize = 8;

impl<R: BufRead> Reader<R> {
    /// What the capture consists of.
    pub fn format(&self) -> Format {
        match &self.source {
            Source::Text(_) => Format::Text,
            Source::Pcap(reader) => reader.format(),
        }
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Record, CaptureError>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.source {
            Source::Text(reader) => reader.next(),
            Source::Pcap(reader) => reader.next(),
        }
    }
}

/// Writes a record as a line: CAN frames in candump's log form, serial bursts in the form of the serial logs.
///
/// What [`open`] reads from such lines equals the record, but for the line number and, on CAN, for a direction told by
/// roles: candump knows `T` and `R` only, so [`Direction::ToBms`] is written as sent, [`Direction::FromBms`] as received.
/// A burst without bytes is no message: nothing is written.
///
/// # Errors
/// Those of `out`.
pub fn write_record(out: &mut impl Write, record: &Record) -> io::Result<()> {
    match &record.frame {
        BusFrame::Can(frame) => candump::emit(out, record.time, record.interface.as_deref(), frame, record.direction),
        BusFrame::Serial(bytes) if bytes.is_empty() => Ok(()),
        BusFrame::Serial(bytes) => serial::emit(out, record.time, record.direction, bytes),
    }
}
