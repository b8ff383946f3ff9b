//! The bus of an emulation: a writing half for its thread, and a thread that listens.

use std::io::{self, Read, Write};
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Duration;

use serialport::{SerialPort, TTYPort};

use super::super::line::Line;
use super::super::pty::Pty;
use super::super::reference::ReferenceOptions;
use super::super::serial::open_port;
use super::super::socketcan::{CanSender, Sent, SocketCan};
use super::super::target::Target;
use super::super::{Link, LinkError, Received};
use super::{EmulateError, Event, STOP_LATENCY, StopHandle, is_can};
use crate::wire::BusFrame;
use crate::wire::can::CanFrame;

/// How long a reply may stand still when nobody reads the other end.
const WRITE_TIMEOUT: Duration = Duration::from_secs(2);

/// The writing half of a bus.
pub(super) struct Port {
    name: String,
    half: Half,
    /// Keeps the pseudo-terminal alive while clients come and go.
    _pty: Option<Pty>,
}

enum Half {
    Can(CanSender),
    Serial(TTYPort),
}

impl Port {
    /// Opens the bus and starts to listen to it.
    pub(super) fn open(
        target: &Target,
        battery: &ReferenceOptions,
        events: Sender<Event>,
        stop: StopHandle,
    ) -> Result<Port, EmulateError> {
        let port = |name: String, half, pty| Port { name, half, _pty: pty };
        match (target, battery.line) {
            (Target::Can(interface), Line::Can { bitrate }) => {
                let link = SocketCan::open(interface, bitrate)?;
                let half = Half::Can(link.sender()?);
                thread::spawn(move || listen_to_can(link, &events, &stop));
                Ok(port(interface.clone(), half, None))
            }
            (Target::Serial { path, baud }, Line::Serial { baud: nominal }) => {
                let mut writing = open_port(path, baud.unwrap_or(nominal))?;
                writing
                    .set_timeout(WRITE_TIMEOUT)
                    .map_err(|error| broken(path, &error.into()))?;
                listen_to_serial(&writing, path, events, stop)?;
                Ok(port(path.clone(), Half::Serial(writing), None))
            }
            (Target::Pty, Line::Serial { .. }) => {
                let pty = Pty::open()?;
                let path = pty.path();
                let failed = |error: serialport::Error| broken(&path, &error.into());
                let mut writing = pty.master.try_clone_native().map_err(failed)?;
                writing.set_timeout(WRITE_TIMEOUT).map_err(failed)?;
                listen_to_serial(&writing, &path, events, stop)?;
                Ok(port(path, Half::Serial(writing), Some(pty)))
            }
            (Target::Reference | Target::Replay(_), _) => Err(EmulateError::Target {
                target: target.to_string(),
            }),
            (_, line) => Err(LinkError::Other {
                name: target.to_string(),
                reason: format!(
                    "`{}` is spoken on {}",
                    battery.protocol,
                    if is_can(line) { "CAN" } else { "RS485" }
                ),
                help: match is_can(line) {
                    true => "name the target as `can:IFACE`".to_string(),
                    false => "name the target as `serial:PATH` or `pty`".to_string(),
                },
            }
            .into()),
        }
    }

    /// Where a client finds the bus.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Sends a frame; false when nobody on the bus takes it, as when no inverter is connected yet.
    pub(super) fn send_can(&mut self, frame: CanFrame) -> Result<bool, LinkError> {
        match &self.half {
            Half::Can(sender) => Ok(sender.send(&BusFrame::Can(frame), Duration::ZERO)? == Sent::Queued),
            Half::Serial(_) => Ok(false),
        }
    }

    /// Sends bytes; false when nobody reads the other end any more.
    pub(super) fn send_serial(&mut self, bytes: &[u8]) -> Result<bool, LinkError> {
        let Half::Serial(port) = &mut self.half else {
            return Ok(false);
        };
        match port.write_all(bytes) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Ok(false),
            Err(error) => Err(broken(&self.name, &error)),
        }
    }
}

fn listen_to_can(mut link: SocketCan, events: &Sender<Event>, stop: &StopHandle) {
    while !stop.is_stopped() {
        let until = link.now().after(STOP_LATENCY);
        let event = match link.receive(until) {
            // A battery goes on whatever its controller reports.
            Ok(Received::Nothing | Received::End | Received::Event(..)) => continue,
            Ok(Received::Frame { frame, .. }) => Event::Arrived(std::time::Instant::now(), frame),
            Err(error) => {
                let _ = events.send(Event::Broke(error));
                return;
            }
        };
        if events.send(event).is_err() {
            return;
        }
    }
}

fn listen_to_serial(port: &TTYPort, name: &str, events: Sender<Event>, stop: StopHandle) -> Result<(), LinkError> {
    let failed = |error: serialport::Error| broken(name, &error.into());
    let mut reading = port.try_clone_native().map_err(failed)?;
    reading.set_timeout(STOP_LATENCY).map_err(failed)?;
    let name = name.to_string();
    thread::spawn(move || {
        let mut bytes = [0; 1024];
        while !stop.is_stopped() {
            let event = match reading.read(&mut bytes) {
                Ok(0) => Event::Broke(broken(&name, &io::ErrorKind::BrokenPipe.into())),
                Ok(count) => Event::Arrived(std::time::Instant::now(), BusFrame::Serial(bytes[..count].to_vec())),
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                    ) =>
                {
                    continue;
                }
                Err(error) => Event::Broke(broken(&name, &error)),
            };
            let ends = matches!(event, Event::Broke(_));
            if events.send(event).is_err() || ends {
                return;
            }
        }
    });
    Ok(())
}

fn broken(name: &str, error: &io::Error) -> LinkError {
    LinkError::Gone {
        name: name.to_string(),
        reason: error.to_string(),
        help: "check the cable and the adapter, then start again".to_string(),
    }
}
