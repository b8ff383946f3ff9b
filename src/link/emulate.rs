//! The reference BMS in real time, on CAN, a serial port or a pseudo-terminal.
//!
//! The same machine that [`reference`](super::reference) runs in virtual time. One thread owns it and is told by the
//! others what has happened: one listens to the bus, one to the control socket. A serial port paces bytes by itself; a
//! pseudo-terminal has no line, so there a reply is at once as a whole.
//!
//! ```no_run
//! use bmscheck::link::{emulate::{Emulation, EmulateOptions}, line::Line, reference::ReferenceOptions, target::Target};
//! let options = EmulateOptions {
//!     battery: ReferenceOptions::new("pylon-rs485", Line::Serial { baud: 9600 }),
//!     target: Target::Pty,
//!     state: Vec::new(),
//!     control: None,
//! };
//! let emulation = Emulation::start(&options).unwrap();
//! println!("{}", emulation.describe()); // emulating pylon-rs485 on /dev/pts/5
//! emulation.run().unwrap();
//! ```

mod port;
mod server;
pub mod state;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use refbms::Transmit;
use serde_json::{Map, Value, json};

use super::LinkError;
use super::battery::{Battery, to_bms};
use super::clock::BusClock;
use super::control::{Address, Answer, Command, with_help};
use super::line::Line;
use super::look;
use super::reference::{NAME, ReferenceOptions, from_bms_frame, to_bms_frame};
use super::stimulus::{CAPABILITIES, StimulusError, setting_text};
use super::target::Target;
use crate::suite::Stimulus;
use crate::time::Instant;
use crate::wire::BusFrame;
use port::Port;
use server::Server;

/// How soon a thread sees that the emulation is over.
const STOP_LATENCY: Duration = Duration::from_millis(200);

/// What is emulated, and where.
#[derive(Clone, Debug)]
pub struct EmulateOptions {
    /// The battery and its protocol; its `start` is not used.
    pub battery: ReferenceOptions,
    /// The bus: `can:IFACE`, `serial:PATH[@BAUD]` or `pty`.
    pub target: Target,
    /// The state in which it starts.
    pub state: Vec<Stimulus>,
    /// Where the control protocol is served.
    pub control: Option<Address>,
}

/// Why an emulation could not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum EmulateError {
    /// The bus cannot be had, or broke.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// A battery cannot be emulated there.
    #[error("a battery cannot be emulated on `{target}`; use can:IFACE, serial:PATH or pty")]
    Target {
        /// What was asked for.
        target: String,
    },
    /// The starting state is impossible.
    #[error("the starting state is impossible: {}", with_help(.0))]
    State(#[from] StimulusError),
    /// The control socket cannot be had.
    #[error("cannot listen on `{address}`: {source}")]
    Control {
        /// Where.
        address: Address,
        /// What the system said.
        source: std::io::Error,
    },
}

/// A running emulation.
pub struct Emulation {
    battery: Battery,
    clock: BusClock,
    port: Port,
    events: Receiver<Event>,
    stop: StopHandle,
    description: String,
    protocol: String,
    counts: Counts,
    /// Removes the socket's file at the end.
    _server: Option<Server>,
}

#[derive(Debug, Default)]
struct Counts {
    sent: u64,
    received: u64,
    dropped: u64,
}

/// What the threads tell.
enum Event {
    /// Something came from the bus at this time.
    Arrived(std::time::Instant, BusFrame),
    /// The bus broke.
    Broke(LinkError),
    /// A message of the control protocol, and where the answer goes.
    Asked(Command, Sender<Answer>),
    /// The emulation is to end.
    Stop,
}

/// Ends an emulation from another thread.
#[derive(Clone)]
pub struct StopHandle {
    events: Sender<Event>,
    stopped: Arc<AtomicBool>,
}

impl StopHandle {
    /// Lets [`Emulation::run`] return without an error.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        // Nobody listens any more: it has ended already.
        let _ = self.events.send(Event::Stop);
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

impl Emulation {
    /// Takes the bus and the control socket, and switches the battery on.
    ///
    /// # Errors
    /// [`EmulateError`].
    pub fn start(options: &EmulateOptions) -> Result<Emulation, EmulateError> {
        let config = options.battery.config()?;
        let clock = BusClock::start();
        let mut battery = Battery::new(config, clock.now());
        battery.check(clock.now(), &options.state)?;
        for stimulus in &options.state {
            battery.apply(clock.now(), stimulus)?;
        }
        let (sender, events) = mpsc::channel();
        let stop = StopHandle {
            events: sender.clone(),
            stopped: Arc::new(AtomicBool::new(false)),
        };
        let port = Port::open(&options.target, &options.battery, sender.clone(), stop.clone())?;
        let mut description = format!("emulating {} on {}", options.battery.protocol, port.name());
        let server = match &options.control {
            None => None,
            Some(address) => {
                let server = Server::start(address, sender, stop.clone()).map_err(|source| EmulateError::Control {
                    address: address.clone(),
                    source,
                })?;
                description.push_str(&format!(" (control {})", server.address()));
                Some(server)
            }
        };
        Ok(Emulation {
            battery,
            clock,
            port,
            events,
            stop,
            description,
            protocol: options.battery.protocol.clone(),
            counts: Counts::default(),
            _server: server,
        })
    }

    /// What is emulated where: `emulating pylon-rs485 on /dev/pts/5 (control unix:/run/bms)`.
    pub fn describe(&self) -> &str {
        &self.description
    }

    /// Where a client finds the battery: `vcan0`, `/dev/pts/5`.
    pub fn place(&self) -> &str {
        self.port.name()
    }

    /// A handle that ends it.
    pub fn stop_handle(&self) -> StopHandle {
        self.stop.clone()
    }

    /// Lets SIGINT, SIGTERM and SIGHUP end it; once in a process.
    ///
    /// # Errors
    /// A handler for these signals is there already.
    pub fn stop_on_signals(&self) -> Result<(), EmulateError> {
        let stop = self.stop_handle();
        ctrlc::set_handler(move || stop.stop()).map_err(|error| {
            EmulateError::Link(LinkError::Other {
                name: NAME.to_string(),
                reason: error.to_string(),
                help: "signals are handled elsewhere in this process".to_string(),
            })
        })
    }

    /// Runs until it is stopped or the bus breaks.
    ///
    /// # Errors
    /// The bus broke.
    pub fn run(mut self) -> Result<(), EmulateError> {
        let ended = self.serve();
        self.stop.stop();
        ended
    }

    fn serve(&mut self) -> Result<(), EmulateError> {
        loop {
            self.transmit()?;
            let now = self.clock.now();
            let event = match self.battery.next_timeout() {
                Some(at) => self.events.recv_timeout(at.since(now)),
                None => self.events.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match event {
                Ok(Event::Arrived(at, frame)) => {
                    let at = self.clock.at(at);
                    self.arrived(at, &frame);
                }
                Ok(Event::Broke(error)) => return Err(error.into()),
                Ok(Event::Asked(command, reply)) => {
                    let answer = self.answer(command);
                    // Who asked may have left meanwhile.
                    let _ = reply.send(answer);
                }
                Ok(Event::Stop) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// Sends what is due.
    fn transmit(&mut self) -> Result<(), EmulateError> {
        let now = to_bms(self.clock.now());
        self.battery.bms().handle_timeout(now);
        while let Some(transmit) = self.battery.bms().poll_transmit(now) {
            let taken = match transmit {
                Transmit::Can(frame) => self.port.send_can(from_bms_frame(&frame))?,
                Transmit::Serial(bytes) => self.port.send_serial(bytes)?,
            };
            if taken {
                self.counts.sent += 1;
            } else {
                self.counts.dropped += 1;
            }
        }
        Ok(())
    }

    fn arrived(&mut self, at: Instant, frame: &BusFrame) {
        self.counts.received += 1;
        match frame {
            BusFrame::Can(frame) => {
                if let Some(frame) = to_bms_frame(frame) {
                    self.battery.bms().handle_can(to_bms(at), &frame);
                }
            }
            BusFrame::Serial(bytes) => self.battery.bms().handle_serial(to_bms(at), bytes),
        }
    }

    fn answer(&mut self, command: Command) -> Answer {
        let now = self.clock.now();
        match command {
            Command::Status => Answer::Done(self.status()),
            Command::Look(names) => {
                let look = |name: &String| {
                    let shown = self.battery.look(now, name)?;
                    Ok((name.clone(), json!(setting_text(&shown))))
                };
                match names.iter().map(look).collect::<Result<Map<_, _>, StimulusError>>() {
                    Ok(shows) => Answer::Done(Map::from_iter([("shows".to_string(), Value::Object(shows))])),
                    Err(error) => Answer::Refused(with_help(&error)),
                }
            }
            Command::Apply(stimuli) => {
                let applied = self.battery.check(now, &stimuli).and_then(|()| {
                    stimuli
                        .iter()
                        .try_for_each(|stimulus| self.battery.apply(now, stimulus))
                });
                match applied {
                    Ok(()) => Answer::Done(Map::new()),
                    Err(error) => Answer::Refused(with_help(&error)),
                }
            }
        }
    }

    fn status(&self) -> Map<String, Value> {
        let status = self.battery.status();
        let values = [
            ("name", json!(format!("{NAME}, {}", self.protocol))),
            ("capabilities", json!(CAPABILITIES)),
            ("settle", json!("0 s")),
            ("protocol", json!(self.protocol)),
            ("place", json!(self.port.name())),
            ("power", json!(look::power_word(status.power))),
            ("packs", json!(status.packs)),
            ("packs_online", json!(status.bank.module_count)),
            ("soc", json!(format!("{} %", status.bank.soc_percent))),
            ("inverter_lost", json!(status.inverter_lost)),
            ("sent", json!(self.counts.sent)),
            ("received", json!(self.counts.received)),
            ("dropped", json!(self.counts.dropped)),
        ];
        values
            .into_iter()
            .map(|(name, value)| (name.to_string(), value))
            .collect()
    }
}

/// Whether the protocol's line is CAN.
fn is_can(line: Line) -> bool {
    matches!(line, Line::Can { .. })
}
