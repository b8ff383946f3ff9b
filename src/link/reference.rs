//! The reference BMS in process, in virtual time.
//!
//! Nothing waits: [`Link::receive`] steps the clock from one event to the next, so an hour of bus time takes a fraction
//! of a second and the same calls always give the same frames at the same times. The line is modelled as far as a
//! verdict can see it: a frame takes the time of its bits and is stamped at its end, bytes come at the rate of the line,
//! and nobody starts while the other one sends (collisions are not modelled).
//!
//! ```
//! use bmscheck::link::{Link, Received, line::Line, reference::{Reference, ReferenceOptions}};
//! use bmscheck::time::Instant;
//!
//! let options = ReferenceOptions::new("pylon-can", Line::Can { bitrate: 500_000 });
//! let mut link = Reference::start(&options).unwrap();
//! let until = Instant::from_micros(5_000_000);
//! let Received::Frame { at, frame, .. } = link.receive(until).unwrap() else { panic!() };
//! assert!(at.as_micros() > 2_000_000, "it is silent while it tests itself");
//! assert!(frame.to_string().starts_with("35"));
//! ```

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use embedded_can::{ExtendedId, Frame as _, Id, StandardId};
use refbms::{CellExtremesVariant, Config, LengthField, Transmit};

use super::battery::{Battery, to_bms};
use super::line::Line;
use super::{Link, LinkDescription, LinkError, Received};
use crate::engine::ClockSource;
use crate::time::Instant;
use crate::wire::BusFrame;
use crate::wire::can::{CanFrame, CanId, CanKind};

/// What the reference BMS is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferenceOptions {
    /// The protocol's name.
    pub protocol: String,
    /// The line that it speaks on.
    pub line: Line,
    /// Packs in parallel, 1 to 4.
    pub packs: u8,
    /// The DIP address of the pack that is wired to the inverter, 0 to 15.
    pub dip: u8,
    /// Optional capabilities that the battery is to have, by their names in the protocol's definition.
    pub claims: Vec<String>,
    /// The variant of the protocol, by its name in the definition; the firmware's default without one.
    pub variant: Option<String>,
    /// When the battery is switched on.
    pub start: Instant,
}

impl ReferenceOptions {
    /// One pack at address 1, switched on at the start of the clock.
    pub fn new(protocol: &str, line: Line) -> ReferenceOptions {
        ReferenceOptions {
            protocol: protocol.to_string(),
            line,
            packs: 1,
            dip: 1,
            claims: Vec::new(),
            variant: None,
            start: Instant::ZERO,
        }
    }

    /// The configuration of the firmware.
    ///
    /// # Errors
    /// The firmware does not speak the protocol, or has no such capability or variant.
    pub fn config(&self) -> Result<Config, LinkError> {
        let protocol = refbms::Protocol::from_name(&self.protocol).ok_or_else(|| {
            let known: Vec<&str> = refbms::Protocol::ALL.iter().map(|protocol| protocol.name()).collect();
            LinkError::Other {
                name: NAME.to_string(),
                reason: format!("it does not speak `{}`", self.protocol),
                help: format!("it speaks {}", known.join(", ")),
            }
        })?;
        let mut config = Config {
            protocol,
            packs: self.packs,
            dip: self.dip,
            ..Config::default()
        };
        for claim in &self.claims {
            let options = || OPTIONS.iter().filter(|option| option.protocol == self.protocol);
            let option = options().find(|option| option.claim == claim).ok_or_else(|| {
                let known: Vec<&str> = options().map(|option| option.claim).collect();
                LinkError::Other {
                    name: NAME.to_string(),
                    reason: format!("under `{}` it cannot be made to have `{claim}`", self.protocol),
                    help: match known.is_empty() {
                        true => "it has no optional capabilities there".to_string(),
                        false => format!("it can have {}", known.join(", ")),
                    },
                }
            })?;
            (option.switch_on)(&mut config);
        }
        if let Some(name) = &self.variant {
            let variants = || VARIANTS.iter().filter(|option| option.protocol == self.protocol);
            let variant = variants().find(|option| option.claim == name).ok_or_else(|| {
                let known: Vec<&str> = variants().map(|option| option.claim).collect();
                LinkError::Other {
                    name: NAME.to_string(),
                    reason: format!("under `{}` it does not speak the variant `{name}`", self.protocol),
                    help: match known.is_empty() {
                        true => "it has no variants there".to_string(),
                        false => format!("it speaks {}", known.join(", ")),
                    },
                }
            })?;
            (variant.switch_on)(&mut config);
        }
        Ok(config)
    }

    /// Whether the firmware speaks a variant of a protocol.
    pub fn speaks_variant(protocol: &str, name: &str) -> bool {
        VARIANTS
            .iter()
            .any(|option| option.protocol == protocol && option.claim == name)
    }
}

/// Whether the battery can be made to have an optional capability of a protocol, both by their names in the definition.
pub fn can_claim(protocol: &str, claim: &str) -> bool {
    OPTIONS
        .iter()
        .any(|option| option.protocol == protocol && option.claim == claim)
}

/// The variants of protocols that the firmware speaks, by their names in the definitions (Q-35).
const VARIANTS: &[FirmwareOption] = &[
    FirmwareOption {
        protocol: "voltronic-rs485",
        claim: "words",
        switch_on: |config| config.voltronic_rs485.length = LengthField::Words,
    },
    FirmwareOption {
        protocol: "voltronic-rs485",
        claim: "wide_bytes",
        switch_on: |config| config.voltronic_rs485.length = LengthField::WideBytes,
    },
    FirmwareOption {
        protocol: "voltronic-rs485",
        claim: "standard",
        switch_on: |config| config.voltronic_rs485.length = LengthField::Bytes,
    },
];

/// An optional capability of the firmware, or a variant.
struct FirmwareOption {
    protocol: &'static str,
    /// Its name in the protocol's definition.
    claim: &'static str,
    switch_on: fn(&mut Config),
}

const OPTIONS: &[FirmwareOption] = &[
    FirmwareOption {
        protocol: "pylon-can",
        claim: "v13_frames",
        switch_on: |config| {
            config.pylon_can.alarm_pairs = true;
            config.pylon_can.identity = true;
        },
    },
    FirmwareOption {
        protocol: "pylon-can",
        claim: "cell_extremes",
        switch_on: |config| config.pylon_can.cell_extremes = Some(CellExtremesVariant::default()),
    },
    FirmwareOption {
        protocol: "pylon-can",
        claim: "v2_frames",
        switch_on: |config| {
            config.pylon_can.modules = true;
            config.pylon_can.installed_capacity = true;
        },
    },
    FirmwareOption {
        protocol: "pylon-can",
        claim: "capacity_frame",
        switch_on: |config| config.pylon_can.capacities = true,
    },
    FirmwareOption {
        protocol: "growatt-can",
        claim: "later_frames",
        switch_on: |config| config.growatt_can.later_frames = true,
    },
    FirmwareOption {
        protocol: "sma-can",
        claim: "events",
        switch_on: |config| config.sma_can.events = true,
    },
    FirmwareOption {
        protocol: "victron-can",
        claim: "charge_request",
        // It sends this by default.
        switch_on: |_| {},
    },
    FirmwareOption {
        protocol: "victron-can",
        claim: "battery_name",
        // It sends this by default.
        switch_on: |_| {},
    },
    FirmwareOption {
        protocol: "victron-can",
        claim: "modules",
        // It sends this by default.
        switch_on: |_| {},
    },
    FirmwareOption {
        protocol: "victron-can",
        claim: "cell_extremes",
        // It sends this by default.
        switch_on: |_| {},
    },
    FirmwareOption {
        protocol: "victron-can",
        claim: "energy",
        // It sends this by default.
        switch_on: |_| {},
    },
    FirmwareOption {
        protocol: "victron-can",
        claim: "installed_capacity",
        // It sends this by default.
        switch_on: |_| {},
    },
    FirmwareOption {
        protocol: "victron-can",
        claim: "serial_number",
        // It sends this by default.
        switch_on: |_| {},
    },
    FirmwareOption {
        protocol: "victron-can",
        claim: "family_name",
        // It sends this by default.
        switch_on: |_| {},
    },
    FirmwareOption {
        protocol: "victron-can",
        claim: "events",
        switch_on: |config| config.victron_can.events = true,
    },
    FirmwareOption {
        protocol: "schneider-can",
        claim: "cell_extremes",
        // It sends this by default.
        switch_on: |_| {},
    },
    FirmwareOption {
        protocol: "schneider-can",
        claim: "energy",
        // It sends this by default.
        switch_on: |_| {},
    },
    FirmwareOption {
        protocol: "senergy-can",
        claim: "soc_high_res",
        switch_on: |config| config.senergy_can.soc_high_res = true,
    },
    FirmwareOption {
        protocol: "sorotec-can",
        claim: "pylon_profile",
        switch_on: |config| config.sorotec_can.pylon_profile = true,
    },
    FirmwareOption {
        protocol: "studer-can",
        claim: "events",
        switch_on: |config| config.studer_can.events = true,
    },
    FirmwareOption {
        protocol: "studer-can",
        claim: "pylon_name",
        switch_on: |config| config.studer_can.manufacturer_name = *b"PYLON   ",
    },
    FirmwareOption {
        protocol: "goodwe-can",
        claim: "cell_extremes",
        // It sends them by default.
        switch_on: |_| {},
    },
    FirmwareOption {
        protocol: "goodwe-can",
        claim: "capacity_frame",
        switch_on: |config| config.goodwe_can.installed_capacity = true,
    },
    FirmwareOption {
        protocol: "luxpower-can",
        claim: "brand_frame",
        // It sends it by default.
        switch_on: |_| {},
    },
    FirmwareOption {
        protocol: "luxpower-can",
        claim: "remote_command",
        switch_on: |config| config.luxpower_can.remote_command = true,
    },
    FirmwareOption {
        protocol: "ginlong-can",
        claim: "aobo_frames",
        switch_on: |config| config.ginlong_can.aobo_frames = true,
    },
    FirmwareOption {
        protocol: "tbb-can",
        claim: "t2_frames",
        switch_on: |config| config.tbb_can.t2_frames = true,
    },
    FirmwareOption {
        protocol: "pace-modbus",
        claim: "fully_charged_flag",
        switch_on: |config| config.pace_modbus.fully_charged_flag = true,
    },
    FirmwareOption {
        protocol: "srne-modbus",
        claim: "fully_charged_flag",
        switch_on: |config| config.pace_modbus.fully_charged_flag = true,
    },
    FirmwareOption {
        protocol: "luxpower-rs485",
        claim: "configuration",
        // It always serves its own thresholds.
        switch_on: |_| {},
    },
    FirmwareOption {
        protocol: "growatt-rs485",
        claim: "extension",
        // It always serves what can be read of it.
        switch_on: |_| {},
    },
    FirmwareOption {
        protocol: "pylon-rs485",
        claim: "group_question",
        // It always answers them.
        switch_on: |_| {},
    },
    FirmwareOption {
        protocol: "pylon-rs485",
        claim: "strict_version",
        switch_on: |config| config.pylon_rs485.strict_version = true,
    },
    FirmwareOption {
        protocol: "pylon-rs485",
        claim: "writes",
        switch_on: |config| {
            config.pylon_rs485.set_limits = true;
            config.pylon_rs485.turn_off = true;
            config.pylon_rs485.shutdown = true;
        },
    },
    FirmwareOption {
        protocol: "pace-rs232",
        claim: "writes",
        // It obeys them by default.
        switch_on: |_| {},
    },
    FirmwareOption {
        protocol: "pace-rs232",
        claim: "dangerous_writes",
        switch_on: |config| {
            config.pace_rs232.dangerous_writes = true;
            // One of them is about the module.
            config.pace_rs232.wireless = true;
        },
    },
    FirmwareOption {
        protocol: "pace-rs232",
        claim: "bluetooth",
        switch_on: |config| config.pace_rs232.wireless = true,
    },
    FirmwareOption {
        protocol: "pace-rs232",
        claim: "protocol_list",
        // It has them by default.
        switch_on: |_| {},
    },
];

/// So often may the battery be called at one point in time; more is a livelock.
const STEPS_AT_ONCE: u32 = 10_000;

/// The name of the reference BMS as a target.
pub const NAME: &str = "reference BMS";

/// The battery, shared between the link and the fixture that puts it into a state.
#[derive(Clone, Debug)]
pub struct SharedBattery(Arc<Mutex<Battery>>);

impl SharedBattery {
    /// The battery, for as long as nobody else needs it.
    pub fn lock(&self) -> MutexGuard<'_, Battery> {
        // Who panicked while it held the battery left it between two calls: it is still a battery.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A virtual bus with the reference BMS on it.
#[derive(Debug)]
pub struct Reference {
    battery: SharedBattery,
    line: Line,
    now: Instant,
    /// What the battery sends at present.
    sending: Option<Sending>,
    /// When the line is free for the next frame.
    free: Instant,
    /// What the harness has sent and the battery has not yet seen.
    arriving: VecDeque<Arriving>,
}

/// A transmission of the battery.
#[derive(Debug)]
struct Sending {
    /// The end of the first byte; of a CAN frame the end of the whole.
    first: Instant,
    end: Instant,
    frame: BusFrame,
}

/// A frame or bytes on their way to the battery.
#[derive(Debug)]
struct Arriving {
    begin: Instant,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Can(refbms::CanFrame, Duration),
    /// The bytes, and how many of them the battery has seen.
    Serial(Vec<u8>, usize),
}

impl Reference {
    /// Switches a reference BMS on.
    ///
    /// # Errors
    /// The firmware does not speak the protocol.
    pub fn start(options: &ReferenceOptions) -> Result<Reference, LinkError> {
        Ok(Reference {
            battery: SharedBattery(Arc::new(Mutex::new(Battery::new(options.config()?, options.start)))),
            line: options.line,
            now: options.start,
            sending: None,
            free: options.start,
            arriving: VecDeque::new(),
        })
    }

    /// The battery on this bus, for a [`ReferenceFixture`](super::fixture::ReferenceFixture).
    pub fn battery(&self) -> SharedBattery {
        self.battery.clone()
    }

    /// When the next part of what was sent has wholly arrived: a frame, or a byte.
    fn next_arrival(&self) -> Option<Instant> {
        self.arriving.front().map(|arriving| match &arriving.content {
            Content::Can(_, duration) => arriving.begin.after(*duration),
            Content::Serial(_, seen) => arriving.begin.after(self.line.bytes(seen + 1)),
        })
    }

    /// Hands the battery what has arrived at `now`.
    fn deliver(&mut self) {
        let Some(arriving) = self.arriving.front_mut() else {
            return;
        };
        let mut battery = self.battery.lock();
        let at = to_bms(self.now);
        let done = match &mut arriving.content {
            Content::Can(frame, _) => {
                battery.bms().handle_can(at, frame);
                true
            }
            Content::Serial(bytes, seen) => {
                if let Some(byte) = bytes.get(*seen) {
                    battery.bms().handle_serial(at, std::slice::from_ref(byte));
                }
                *seen += 1;
                *seen >= bytes.len()
            }
        };
        if done {
            self.arriving.pop_front();
        }
    }

    /// Lets the battery begin to send, if it wants to and the line is free.
    fn start_sending(&mut self) {
        if self.sending.is_some() || self.free > self.now || self.is_arriving() {
            return;
        }
        let mut battery = self.battery.lock();
        let Some(transmit) = battery.bms().poll_transmit(to_bms(self.now)) else {
            return;
        };
        let (first, end, pause, frame) = match transmit {
            // Another protocol has been selected on the display, on the other of the two lines.
            Transmit::Can(_) if !matches!(self.line, Line::Can { .. }) => return,
            Transmit::Serial(_) if matches!(self.line, Line::Can { .. }) => return,
            Transmit::Can(frame) => {
                let frame = from_bms_frame(&frame);
                let end = self.now.after(self.line.can_frame(&frame));
                (end, end, self.line.intermission(), BusFrame::Can(frame))
            }
            Transmit::Serial(bytes) => (
                self.now.after(self.line.bytes(1)),
                self.now.after(self.line.bytes(bytes.len())),
                Duration::ZERO,
                BusFrame::Serial(bytes.to_vec()),
            ),
        };
        self.free = end.after(pause);
        self.sending = Some(Sending { first, end, frame });
    }

    /// Whether a transmission of the harness is on the line at this moment.
    fn is_arriving(&self) -> bool {
        self.arriving.front().is_some_and(|arriving| arriving.begin <= self.now)
    }

    /// When something next happens on this bus, until a point in time.
    ///
    /// What the battery would do at that very point is left to the next call: who drives the bus acts first there, so a
    /// stimulus never finds a frame on the line that began at the same microsecond.
    fn next_event(&self, until: Instant) -> Option<Instant> {
        let line = self.sending.as_ref().map(|sending| sending.end).or_else(|| {
            // A battery that had to wait for the line gets it then.
            (self.free > self.now).then_some(self.free)
        });
        let battery = self.battery.lock().next_timeout();
        // A timer that is due already waits for the line, not for the clock.
        let battery = battery
            .map(|at| at.max(self.now))
            .filter(|at| (*at > self.now || line.is_none()) && *at < until);
        let next = [line, self.next_arrival(), battery].into_iter().flatten().min();
        next.filter(|at| *at <= until)
    }
}

impl Link for Reference {
    fn describe(&self) -> LinkDescription {
        LinkDescription {
            name: NAME.to_string(),
            reference: true,
            clock: ClockSource::Virtual,
            resolution: Duration::from_micros(1),
        }
    }

    fn now(&self) -> Instant {
        self.now
    }

    fn send(&mut self, frame: &BusFrame) -> Result<Instant, LinkError> {
        let begin = self.now.max(self.free);
        let (content, duration, pause) = match (frame, self.line) {
            (BusFrame::Can(frame), Line::Can { .. }) => {
                let Some(converted) = to_bms_frame(frame) else {
                    return Err(wrong_bus("an error report cannot be sent"));
                };
                let duration = self.line.can_frame(frame);
                (Content::Can(converted, duration), duration, self.line.intermission())
            }
            (BusFrame::Serial(bytes), Line::Serial { .. }) => {
                let duration = self.line.bytes(bytes.len());
                (Content::Serial(bytes.clone(), 0), duration, Duration::ZERO)
            }
            (BusFrame::Can(_), Line::Serial { .. }) => return Err(wrong_bus("it is on a serial line, not on CAN")),
            (BusFrame::Serial(_), Line::Can { .. }) => return Err(wrong_bus("it is on CAN, not on a serial line")),
        };
        let end = begin.after(duration);
        self.free = end.after(pause);
        if duration > Duration::ZERO {
            self.arriving.push_back(Arriving { begin, content });
        }
        Ok(end)
    }

    fn elapse(&mut self, until: Instant, alive: &[BusFrame], every: Duration) -> Result<(), LinkError> {
        // The battery takes late calls as they come and makes up for no frames: days pass in large steps.
        let every = every.max(Duration::from_secs(1));
        let mut battery = self.battery.lock();
        let bms = battery.bms();
        while self.now < until {
            let at = to_bms(self.now);
            for frame in alive {
                match frame {
                    BusFrame::Can(frame) => {
                        if let Some(frame) = to_bms_frame(frame) {
                            bms.handle_can(at, &frame);
                        }
                    }
                    BusFrame::Serial(bytes) => bms.handle_serial(at, bytes),
                }
            }
            self.now = self.now.after(every).min(until);
            // What it has to say by then goes nowhere: the last of it before the time is up.
            let before = to_bms(self.now.before(Duration::from_millis(1)));
            bms.handle_timeout(before);
            while bms.poll_transmit(before).is_some() {}
        }
        bms.handle_timeout(to_bms(self.now));
        drop(battery);
        self.sending = None;
        self.arriving.clear();
        self.free = self.now;
        Ok(())
    }

    fn receive(&mut self, until: Instant) -> Result<Received, LinkError> {
        let mut steps_at_once = 0;
        loop {
            if let Some(sending) = self.sending.take_if(|sending| sending.end <= self.now) {
                return Ok(Received::Frame {
                    at: sending.first,
                    until: sending.end,
                    frame: sending.frame,
                });
            }
            while self.next_arrival().is_some_and(|at| at <= self.now) {
                self.deliver();
            }
            if self.now < until {
                self.battery.lock().bms().handle_timeout(to_bms(self.now));
                self.start_sending();
            }
            match self.next_event(until) {
                Some(at) => {
                    steps_at_once = if at > self.now { 0 } else { steps_at_once + 1 };
                    if steps_at_once > STEPS_AT_ONCE {
                        return Err(LinkError::Other {
                            name: NAME.to_string(),
                            reason: format!("it wants to be woken at {} again and again", self.now),
                            help: "this is a mistake in the firmware crate".to_string(),
                        });
                    }
                    self.now = self.now.max(at);
                }
                None => {
                    self.now = self.now.max(until);
                    return Ok(Received::Nothing);
                }
            }
        }
    }
}

fn wrong_bus(reason: &str) -> LinkError {
    LinkError::Other {
        name: NAME.to_string(),
        reason: reason.to_string(),
        help: "use frames of the protocol's own bus".to_string(),
    }
}

/// The frame as the firmware sees it; `None` for an error report.
pub(crate) fn to_bms_frame(frame: &CanFrame) -> Option<refbms::CanFrame> {
    let id = match frame.id {
        CanId::Standard(id) => Id::Standard(StandardId::new(id)?),
        CanId::Extended(id) => Id::Extended(ExtendedId::new(id)?),
    };
    match frame.kind {
        CanKind::Data => refbms::CanFrame::new(id, frame.payload()),
        CanKind::Remote => refbms::CanFrame::new_remote(id, frame.length()),
        CanKind::Error => None,
    }
}

/// The frame as the harness sees it.
pub(crate) fn from_bms_frame(frame: &refbms::CanFrame) -> CanFrame {
    let id = match frame.id() {
        Id::Standard(id) => CanId::Standard(id.as_raw()),
        Id::Extended(id) => CanId::Extended(id.as_raw()),
    };
    let converted = if frame.is_remote_frame() {
        CanFrame::remote(id, u8::try_from(frame.dlc()).unwrap_or(u8::MAX))
    } else {
        CanFrame::data(id, frame.data())
    };
    converted.expect("a frame of the firmware has at most eight bytes")
}

#[cfg(test)]
mod tests {
    use super::super::stimulus::setting;
    use super::*;
    use crate::suite::Stimulus;

    const CAN: Line = Line::Can { bitrate: 500_000 };
    const SERIAL: Line = Line::Serial { baud: 9600 };

    fn millis(millis: u64) -> Instant {
        Instant::from_micros(millis * 1000)
    }

    fn start(protocol: &str, line: Line) -> Reference {
        Reference::start(&ReferenceOptions::new(protocol, line)).unwrap()
    }

    /// Everything that comes until a point in time.
    fn collect(link: &mut Reference, until: Instant) -> Vec<(Instant, Instant, String)> {
        let mut frames = Vec::new();
        loop {
            match link.receive(until).unwrap() {
                Received::Frame { at, until, frame } => frames.push((at, until, frame.to_string())),
                Received::Nothing => return frames,
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn frames_are_stamped_at_their_end_and_follow_each_other() {
        let mut link = start("pylon-can", CAN);
        let frames = collect(&mut link, millis(10_000));
        assert_eq!(link.now(), millis(10_000));
        assert!(frames.len() >= 6 * 7, "{} frames", frames.len());
        let first = frames[0].0.as_micros();
        // Init ends at 2 s; the shortest frame with eight bytes has 108 bits of 2 us.
        assert!((2_000_216..2_000_300).contains(&first), "{first}");
        for pair in frames.windows(2) {
            assert!(pair[1].0.since(pair[0].0) >= Duration::from_micros(216 + 6), "{pair:?}");
        }
        assert!(frames.iter().all(|(at, until, _)| at == until));
    }

    #[test]
    fn the_same_calls_give_the_same_frames() {
        let run = |step: u64| {
            let mut link = start("pylon-can", CAN);
            let mut frames = Vec::new();
            for until in (0..20_000).step_by(step as usize) {
                frames.extend(collect(&mut link, millis(until)));
            }
            frames.extend(collect(&mut link, millis(20_000)));
            frames
        };
        assert_eq!(run(20_000), run(1), "how often one looks changes nothing");
    }

    #[test]
    fn stimuli_reach_the_battery_on_the_bus() {
        let mut link = start("pylon-can", CAN);
        collect(&mut link, millis(3000));
        let now = link.now();
        let stimulus = Stimulus::Set("soc".into(), setting("37 %"));
        link.battery().lock().apply(now, &stimulus).unwrap();
        let frames = collect(&mut link, millis(5000));
        assert!(
            frames.iter().any(|(_, _, frame)| frame.starts_with("355#2500")),
            "{frames:?}"
        );
    }

    #[test]
    fn who_drives_the_bus_acts_before_the_battery() {
        let mut link = start("pylon-can", CAN);
        // Init ends at 2 s, where the first frame would begin.
        assert!(collect(&mut link, millis(2000)).is_empty());
        let now = link.now();
        link.battery().lock().apply(now, &Stimulus::Sleep(true)).unwrap();
        assert!(collect(&mut link, millis(9000)).is_empty());
    }

    #[test]
    fn a_question_is_heard_when_its_last_byte_is_there() {
        let mut link = start("pylon-rs485", SERIAL);
        collect(&mut link, millis(5000));
        let question = b"~200246610000FDAB\r".to_vec();
        let length = question.len();
        let heard = link.send(&BusFrame::Serial(question)).unwrap();
        assert_eq!(heard.since(millis(5000)), SERIAL.bytes(length));
        let frames = collect(&mut link, millis(6000));
        let [(first, last, reply)] = &frames[..] else {
            panic!("{frames:?}")
        };
        // Q-24: the first byte begins 2..50 ms after the question; it has arrived one byte time later.
        let delay = first.since(heard) - SERIAL.bytes(1);
        assert!(
            delay >= Duration::from_millis(2) && delay <= Duration::from_millis(50),
            "{delay:?}"
        );
        assert!(
            reply.starts_with("7E 32 30 30 32 34 36 30 30") && reply.ends_with("0D"),
            "{reply}"
        );
        let bytes = reply.split(' ').count();
        assert_eq!(
            last.since(*first).as_micros() / 1000,
            SERIAL.bytes(bytes - 1).as_micros() / 1000
        );
    }

    #[test]
    fn a_frame_waits_until_the_line_is_free() {
        let mut link = start("pylon-can", CAN);
        collect(&mut link, millis(3000));
        let keepalive = CanFrame::data(CanId::Standard(0x305), &[0; 8]).unwrap();
        let first = link.send(&BusFrame::Can(keepalive)).unwrap();
        let second = link.send(&BusFrame::Can(keepalive)).unwrap();
        assert_eq!(second.since(first), CAN.can_frame(&keepalive) + CAN.intermission());
    }

    #[test]
    fn the_battery_waits_until_the_line_is_free() {
        let mut link = start("pylon-can", CAN);
        // Init ends at 2 s; a frame that began before then is still on the line.
        let before = Instant::from_micros(1_999_900);
        assert!(collect(&mut link, before).is_empty());
        let keepalive = CanFrame::data(CanId::Standard(0x305), &[0; 8]).unwrap();
        let end = link.send(&BusFrame::Can(keepalive)).unwrap();
        assert!(end > millis(2000), "{end}");
        let Received::Frame {
            at,
            frame: BusFrame::Can(first),
            ..
        } = link.receive(millis(3000)).unwrap()
        else {
            panic!()
        };
        assert_eq!(at.since(end), CAN.intermission() + CAN.can_frame(&first));
    }

    #[test]
    fn the_wrong_bus_is_refused() {
        let mut can = start("pylon-can", CAN);
        assert!(can.send(&BusFrame::Serial(vec![1])).is_err());
        assert!(can.send(&BusFrame::Can(CanFrame::error(4, [0; 8]))).is_err());
        let error = Reference::start(&ReferenceOptions::new("pylon", CAN)).unwrap_err();
        assert!(error.to_string().contains("does not speak `pylon`"), "{error}");
    }

    #[test]
    fn claims_switch_options_on() {
        let mut options = ReferenceOptions::new("pylon-can", CAN);
        options.claims = vec!["v13_frames".into(), "cell_extremes".into()];
        let mut link = Reference::start(&options).unwrap();
        let frames = collect(&mut link, millis(4000));
        for id in ["35A#", "35F#", "370#", "371#"] {
            assert!(frames.iter().any(|(_, _, frame)| frame.starts_with(id)), "{id}");
        }
        options.claims = vec!["cell_extreme".into()];
        assert!(Reference::start(&options).is_err());
    }

    /// Every optional capability of the built-in definitions can be had, under the same name.
    #[test]
    fn claims_are_those_of_the_definitions() {
        let (library, _) = crate::definition::Library::load(None);
        for option in OPTIONS {
            let protocol = library.protocol(option.protocol).expect(option.protocol);
            assert!(
                protocol.claims.iter().any(|claim| claim.name == option.claim),
                "{} {}",
                option.protocol,
                option.claim
            );
        }
    }

    /// Every variant that the definitions have for a serial protocol can be had, under the same name, and no other.
    #[test]
    fn variants_are_those_of_the_definitions() {
        let (library, _) = crate::definition::Library::load(None);
        for option in VARIANTS {
            let protocol = library.protocol(option.protocol).expect(option.protocol);
            let mut options = ReferenceOptions::new(&protocol.name, Line::of(&protocol.bus));
            for variant in &protocol.variants {
                options.variant = Some(variant.name.clone());
                assert!(options.config().is_ok(), "{} {}", protocol.name, variant.name);
                assert!(ReferenceOptions::speaks_variant(&protocol.name, &variant.name));
            }
            options.variant = Some("bytes".into());
            let error = options.config().unwrap_err();
            assert!(
                error
                    .to_string()
                    .contains("under `voltronic-rs485` it does not speak the variant `bytes`"),
                "{error}"
            );
        }
    }

    #[test]
    fn frames_keep_their_form_on_both_sides() {
        let id = CanId::Extended(0x305);
        for frame in [
            CanFrame::data(id, &[1, 2, 3]).unwrap(),
            CanFrame::remote(CanId::Standard(0x7FF), 8).unwrap(),
            CanFrame::data(CanId::Standard(0), &[]).unwrap(),
        ] {
            assert_eq!(from_bms_frame(&to_bms_frame(&frame).unwrap()), frame);
        }
    }
}
