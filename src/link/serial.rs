//! A serial port, or the slave side of a pseudo-terminal.
//!
//! What the system does:
//!
//! - The port is taken for this program alone (`TIOCEXCL` and `flock`), 8N1, raw. A second opener is told that it is busy.
//! - Bytes are stamped by this program when it gets them. A driver hands them over in portions, so the last byte of a
//!   portion bears the time of reading and the ones before it the times that the rate of the line gives, but never a time
//!   before the previous portion. USB adapters hold bytes back for up to 16 ms ("latency timer").
//! - A write is over when the driver says that the last bit has left (`tcdrain`), but it says so late, and a busy system
//!   wakes this program later still. So the last bit counts as gone as early as the line can have carried it: no battery
//!   is blamed for an answer that only seems to come too early. A pseudo-terminal has no line: there everything arrives at
//!   once.
//! - When an adapter is unplugged or the other side of a pseudo-terminal is closed, the system throws away what had not
//!   been read and hangs up; that is [`LinkError::Gone`].
//! - A half-duplex adapter that hears itself gives our own bytes back. They are handed on like any others: whether bytes
//!   that equal a question are its copy or an answer (the confirmation of a written register is the same) takes the
//!   protocol to tell, so the judge takes copies out, and a report says that the line has an echo.

use std::io::{self, Read, Write};
use std::path::Path;
use std::time::Duration;

use serialport::{ClearBuffer, ErrorKind, SerialPort, TTYPort};

use super::clock::BusClock;
use super::line::Line;
use super::{Link, LinkDescription, LinkError, Received};
use crate::engine::ClockSource;
use crate::time::Instant;
use crate::wire::BusFrame;

/// How long a write may stand still.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
/// The most bytes that are taken from the driver at once; the longest reply of any protocol has about 4,000.
const PORTION: usize = 4096;

/// A serial port as a bus.
#[derive(Debug)]
pub struct Serial {
    port: TTYPort,
    name: String,
    clock: BusClock,
    /// `None` on a pseudo-terminal.
    line: Option<Line>,
    /// When the last byte so far arrived.
    last: Instant,
}

impl Serial {
    /// Opens a port at so many bits per second.
    ///
    /// # Errors
    /// [`LinkError::Missing`], [`LinkError::Busy`], [`LinkError::Permission`], or [`LinkError::Other`] for something
    /// that is no serial port or does not know the rate.
    pub fn open(path: &str, baud: u32) -> Result<Serial, LinkError> {
        let port = open_port(path, baud)?;
        // A link under /dev/serial/by-id, or a symbolic link of a test, tells what it is only when followed.
        let real = std::fs::canonicalize(path).unwrap_or_else(|_| Path::new(path).to_path_buf());
        let line = (!real.starts_with("/dev/pts")).then_some(Line::Serial { baud });
        // What came before somebody listened belongs to nobody's question.
        let _ = port.clear(ClearBuffer::Input);
        Ok(Serial {
            port,
            name: format!("serial:{path}@{baud}"),
            clock: BusClock::start(),
            line,
            last: Instant::ZERO,
        })
    }

    fn broken(&self, error: &io::Error) -> LinkError {
        if error.kind() == io::ErrorKind::TimedOut {
            return LinkError::Other {
                name: self.name.clone(),
                reason: format!("it takes no bytes for {} s", WRITE_TIMEOUT.as_secs()),
                help: "is the other side of the pseudo-terminal read, or the adapter stuck?".to_string(),
            };
        }
        let reason = match error.kind() {
            io::ErrorKind::BrokenPipe => "the other side was closed, or the adapter unplugged".to_string(),
            _ => error.to_string(),
        };
        LinkError::Gone {
            name: self.name.clone(),
            reason,
            help: "check the cable and the adapter, then run again".to_string(),
        }
    }
}

impl Link for Serial {
    fn describe(&self) -> LinkDescription {
        let byte = self.line.map_or(Duration::ZERO, |line| line.bytes(1));
        LinkDescription {
            name: self.name.clone(),
            reference: false,
            clock: ClockSource::User,
            // A millisecond is what a busy system may take to wake a reader.
            resolution: byte.max(Duration::from_millis(1)),
        }
    }

    fn now(&self) -> Instant {
        self.clock.now()
    }

    fn send(&mut self, frame: &BusFrame) -> Result<Instant, LinkError> {
        let BusFrame::Serial(bytes) = frame else {
            return Err(LinkError::Other {
                name: self.name.clone(),
                reason: "a CAN frame cannot be sent on a serial line".to_string(),
                help: "use a target `can:IFACE`".to_string(),
            });
        };
        let begin = self.clock.now();
        let line_time = self.line.map_or(Duration::ZERO, |line| line.bytes(bytes.len()));
        let sent = self
            .port
            .set_timeout(WRITE_TIMEOUT + line_time)
            .map_err(io::Error::from)
            .and_then(|()| self.port.write_all(bytes))
            .and_then(|()| self.port.flush());
        sent.map_err(|error| self.broken(&error))?;
        Ok(begin.after(line_time))
    }

    fn receive(&mut self, until: Instant) -> Result<Received, LinkError> {
        let mut bytes = [0; PORTION];
        loop {
            let wait = until.since(self.clock.now());
            let read = self
                .port
                .set_timeout(wait)
                .map_err(io::Error::from)
                .and_then(|()| self.port.read(&mut bytes));
            match read {
                // A terminal that has hung up reads as its end.
                Ok(0) => return Err(self.broken(&io::ErrorKind::BrokenPipe.into())),
                Ok(count) => {
                    let until = self.clock.now();
                    let before = self.line.map_or(Duration::ZERO, |line| line.bytes(count - 1));
                    let at = until.before(before).max(self.last).min(until);
                    self.last = until;
                    let frame = BusFrame::Serial(bytes[..count].to_vec());
                    return Ok(Received::Frame { at, until, frame });
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock) => {
                    if self.clock.now() >= until {
                        return Ok(Received::Nothing);
                    }
                }
                Err(error) => return Err(self.broken(&error)),
            }
        }
    }
}

/// Opens a port, exclusively, 8N1.
pub(crate) fn open_port(path: &str, baud: u32) -> Result<TTYPort, LinkError> {
    let opened = serialport::new(path, baud).timeout(WRITE_TIMEOUT).open_native();
    opened.map_err(|error| open_error(path, baud, &error))
}

fn open_error(path: &str, baud: u32, error: &serialport::Error) -> LinkError {
    let name = path.to_string();
    match error.kind() {
        ErrorKind::Io(io::ErrorKind::NotFound) => LinkError::Missing {
            name,
            help: missing_help(),
        },
        ErrorKind::NoDevice => LinkError::Busy {
            name,
            help: format!("`fuser -v {path}` shows who holds it (a modem manager, a terminal program, another run)"),
        },
        ErrorKind::Io(io::ErrorKind::PermissionDenied) => LinkError::Permission {
            name,
            help: "add yourself to the group of the port: `sudo usermod -aG dialout $USER`, then log in again"
                .to_string(),
        },
        _ if std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file() || metadata.is_dir()) => {
            LinkError::Other {
                name,
                reason: "it is no serial port".to_string(),
                help: "a recorded file is read with `replay:FILE`".to_string(),
            }
        }
        _ => LinkError::Other {
            name,
            reason: error.to_string(),
            help: format!("is it a serial port, and does it know {baud} bit/s?"),
        },
    }
}

/// Names the ports that this machine has.
fn missing_help() -> String {
    let mut ports: Vec<String> = std::fs::read_dir("/dev")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.starts_with("ttyUSB") || name.starts_with("ttyACM") || name.starts_with("ttyAMA"))
        .map(|name| format!("/dev/{name}"))
        .collect();
    ports.sort_unstable();
    if ports.is_empty() {
        "no USB serial adapter is plugged in".to_string()
    } else {
        format!("there are {}", ports.join(", "))
    }
}
