//! `bmscheck decode`: recorded frames to fields, as a stream.
//!
//! | file | subject |
//! |---|---|
//! | [`conversation`] | which frame asks and which answers; serial bursts cut into messages |
//! | [`json`] | a message as a line of JSON |
//! | [`repeats`] | frames that were decoded before |
//! | [`human`] | a message for reading |
//!
//! Memory stays the same however long the capture is. Whatever was read is sent on before waiting for more, so that a
//! live log can be piped through.

pub mod conversation;
pub mod human;
pub mod json;
pub mod repeats;

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use clap::{Args, ValueHint};

use crate::capture::{self, CaptureError};
use crate::cli::list::Format;
use crate::cli::output::{Output, complain, stderr_style, stdout_style};
use crate::cli::{CliError, Context, Status, data};
use crate::report::text::{Style, counted, thousands};
use crate::wire::BusFrame;
use conversation::{Conversation, Message};
use repeats::Repeats;

/// How much of the capture is read at a time.
const CHUNK: usize = 256 << 10;
/// The most bad lines that are shown one by one.
const MAX_SHOWN: u64 = 10;

/// Show the fields of recorded frames
///
/// Reads candump lines (all forms of can-utils), pcap and pcapng with SocketCAN packets, and serial logs as hex bytes or
/// ASCII frames; the format is found by content. On a serial bus a reply is read by the request before it. Unknown
/// identifiers are shown, never dropped. A summary goes to the standard error.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  bmscheck decode -p pylon-can capture.log
  candump -L can0 | bmscheck decode -p pylon-can -
  bmscheck decode -p pylon-can --format json capture.log | jq .fields.soc.value

Each line of JSON is one message:
  {\"time\": 1700000000.123456, \"frame\": \"351#4002...\", \"message\": \"limits\",
   \"fields\": {\"charge_voltage_limit\": {\"value\": 57.6, \"unit\": \"V\", \"raw\": 576}},
   \"errors\": [], \"warnings\": []}")]
pub struct DecodeArguments {
    /// The protocol, as `bmscheck list protocols` shows it
    #[arg(short, long, value_name = "PROTOCOL")]
    pub protocol: String,

    /// The variant of the protocol
    #[arg(long, value_name = "NAME")]
    pub variant: Option<String>,

    /// How to write it
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub format: Format,

    /// The capture; the standard input without it or with `-`
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: Option<PathBuf>,
}

/// Decodes a capture.
///
/// # Errors
/// The capture or a data file cannot be read, there is no such protocol or variant, the output is closed.
pub fn decode(context: &Context, arguments: DecodeArguments) -> Result<Status, CliError> {
    let library = data::library(context)?;
    let protocol = data::protocol(&library, &arguments.protocol)?;
    if let Some(name) = &arguments.variant {
        data::variant(protocol, name)?;
    }
    let path = arguments.file.unwrap_or_else(|| PathBuf::from("-"));
    let out = Rc::new(RefCell::new(Output::stdout()));
    let source = Source {
        inner: open(&path)?,
        out: Rc::clone(&out),
    };
    let unreadable = |error: CaptureError| CliError::Read {
        path: path.clone(),
        reason: in_words(&error),
    };
    let reader = capture::open(BufReader::with_capacity(CHUNK, source)).map_err(unreadable)?;
    let mut conversation = Conversation::new(protocol, arguments.variant.as_deref());
    let style = stdout_style(context.color);
    let mut counts = Counts::default();
    let mut repeats = Repeats::default();
    let can = !protocol.asks() && arguments.format == Format::Json;
    let mut bad_lines = 0;
    let mut records = 0_u64;
    for item in reader {
        match item {
            Ok(record) => {
                records += 1;
                if let (BusFrame::Can(frame), true) = (&record.frame, can) {
                    let (place, known) = repeats.place(frame);
                    if !known {
                        conversation.take(&record, &mut |message| {
                            place.counts.add(message);
                            json::write_rest(&mut place.rest, message);
                            Ok(())
                        })?;
                    }
                    counts.add_all(&place.counts);
                    let mut out = out.borrow_mut();
                    json::write_time(out.buffer(), record.time);
                    out.buffer().extend_from_slice(&place.rest);
                    out.spill()?;
                    continue;
                }
                conversation.take(&record, &mut |message| {
                    counts.add(message);
                    print(&out, message, arguments.format, &style)
                })?;
            }
            Err(error) if error.is_fatal() => {
                let _ = out.borrow_mut().flush();
                return Err(unreadable(error));
            }
            Err(error) => {
                bad_lines += 1;
                if bad_lines <= MAX_SHOWN {
                    complain(&format!("warning: {}: {error}\n", path.display()));
                }
            }
        }
    }
    conversation.end(&mut |message| {
        counts.add(message);
        print(&out, message, arguments.format, &style)
    })?;
    out.borrow_mut().flush()?;
    if records == 0 && bad_lines > 0 {
        return Err(CliError::Read {
            path,
            reason: format!("none of its {} is a frame", counted(bad_lines, "line")),
        });
    }
    let style = stderr_style(context.color);
    complain(&counts.in_words(&protocol.name, bad_lines, style.width));
    Ok(Status::Done)
}

fn print(out: &RefCell<Output>, message: &Message<'_>, format: Format, style: &Style) -> Result<(), CliError> {
    let mut out = out.borrow_mut();
    match format {
        Format::Json => json::write(out.buffer(), message),
        Format::Human => human::write(out.buffer(), message, style),
    }
    out.spill()
}

/// An error with what the system said.
fn in_words(error: &CaptureError) -> String {
    match error {
        CaptureError::Io(source) => source.to_string(),
        other => other.to_string(),
    }
}

fn open(path: &Path) -> Result<Box<dyn Read>, CliError> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    let unreadable = |reason: String| CliError::Read {
        path: path.to_path_buf(),
        reason,
    };
    let file = File::open(path).map_err(|error| unreadable(error.to_string()))?;
    if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return Err(unreadable("it is a directory".to_string()));
    }
    Ok(Box::new(file))
}

/// The capture's bytes; what was decoded so far goes out before more is waited for.
struct Source {
    inner: Box<dyn Read>,
    out: Rc<RefCell<Output>>,
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Ok(mut out) = self.out.try_borrow_mut() {
            // A closed output shows at the next message.
            let _ = out.flush();
        }
        self.inner.read(buffer)
    }
}

/// What was seen, for the summary.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    messages: u64,
    unknown: u64,
    errors: u64,
    warnings: u64,
}

impl Counts {
    fn add(&mut self, message: &Message<'_>) {
        self.messages += 1;
        self.unknown += u64::from(message.decoded.message.is_none());
        self.errors += message.decoded.errors.len() as u64;
        self.warnings += message.decoded.warnings.len() as u64;
    }

    fn add_all(&mut self, more: &Counts) {
        self.messages += more.messages;
        self.unknown += more.unknown;
        self.errors += more.errors;
        self.warnings += more.warnings;
    }

    fn in_words(&self, protocol: &str, bad_lines: u64, width: usize) -> String {
        let mut text = format!(
            "{protocol}: {}, {} unknown; {} and {}",
            counted(self.messages, "message"),
            thousands(self.unknown.into()),
            counted(self.errors, "error"),
            counted(self.warnings, "warning"),
        );
        if bad_lines > 0 {
            text.push_str(&format!("; {} could not be read", counted(bad_lines, "line")));
        }
        let lines = crate::report::text::wrap(&text, width);
        format!("{}\n", lines.join("\n"))
    }
}
