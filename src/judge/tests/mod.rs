//! Traces as scripts: what was seen when, and what must come of it.
//!
//! For every kind of demand there is a trace that passes, one that fails for exactly one reason, and one that cannot be
//! judged.

mod always;
mod answers;
mod case;
mod content;
mod exchange;
mod expect;
mod modbus;
mod never;
mod observe;
mod period;
mod rules;

use std::sync::LazyLock;
use std::time::Duration;

use super::{CaseResult, Check, CheckResult, JudgeOptions, Verdict, judge};
use crate::definition::{Library, Protocol};
use crate::document::Source;
use crate::engine::{ClockSource, Event, EventKind, Stop, Trace, TraceHeader};
use crate::link::LinkEvent;
use crate::suite::{self, Setting, Stimulus, Suite};
use crate::time::Instant;
use crate::wire::BusFrame;
use crate::wire::can::{CanFrame, CanId};

/// Three messages and the facts about them, of all grades.
const TOY_CAN: &str = r#"
protocol: toy-can
title: Toy
sheet: toy
grade: A
bus: { can: { bitrate: 500 kbit/s, ids: standard } }
byte_order: little
messages:
  - id: 0x351
    name: limits
    title: Limits
    period: { is: 1 s, pass: 0.5 s..1.5 s, warn: 3 s, gap: 3 s }
    length: { send: 8, pass: [8], warn: 6..8 }
    fields:
      - { at: 0, name: charge_voltage_limit, type: u16, scale: 0.1, unit: V, range: 40.0..60.0 }
      - { at: 2, name: charge_current_limit, type: i16, scale: 0.1, unit: A }
      - { at: 4, name: temperature, type: i16, scale: 0.1, unit: degC, grade: C }
      - { at: 6, name: cycle_count, type: u8, grade: D }
    reserved:
      - { at: 7, must: 0 }
  - id: 0x35C
    name: requests
    title: Requests
    period: { is: 1 s, pass: 0.5 s..1.5 s, warn: 3 s, gap: 3 s, grade: C }
    length: { send: 2, pass: [2] }
    fields:
      - { at: 0.7, name: charge_enable, type: flag }
      - { at: 0.6, name: discharge_enable, type: flag }
    reserved:
      - { at: 0, bits: 0..5, grade: D }
      - { at: 1, must: anything }
inverter:
  - { id: 0x305, name: keepalive, payload: 00 00 00 00 00 00 00 00, every: 1 s, accept: any }
first_set: { within: 500 ms, grade: A }
other_ids: { outcome: fail, grade: C }
forbidden_ids:
  - { id: 0x305 }
rules:
  - { id: no-charge-no-current, title: both together, when: "!charge_enable", then: charge_current_limit == 0 A, grade: A }
  - { id: slowly, title: both together after a while, when: "!discharge_enable", then: charge_current_limit == 0 A, during: 3 s, grade: A }
  - { id: warm, title: within one message, then: "temperature > -20 degC", grade: A }
"#;

/// A protocol that asks.
const TOY_SERIAL: &str = r#"
protocol: toy-serial
title: Toy
sheet: toy
grade: A
bus: { serial: { baud: 9600 } }
envelope: { pylon_ascii: { ver: 0x20, cid1: 0x46 } }
byte_order: big
address: { pack_offsets: [1], system: [0x02], silent: [0x00], scan: [0x02] }
timing: { warn: 250 ms, fail: 500 ms, gap: 20 ms, grade: A }
return_codes: { 0x00: normal, 0x02: chksum_error, 0x04: cid2_invalid, 0x90: adr_error }
commands:
  - code: 0x61
    name: measurements
    title: Measurements
    length: 2
    reply:
      - { at: 0, name: soc, type: u8, unit: "%", range: 0..100 }
      - { at: 1, name: soh, type: u8, unit: "%", range: 0..100 }
  - code: 0x42
    name: packs
    title: Packs
    request: [{ name: pack, type: u8 }]
    reply:
      - { name: command_value, type: u8 }
      - packs: { count: "command_value", max: 4 }
        each:
          - { name: pack_voltage, type: u16, scale: 0.001, unit: V, of_pack: true }
errors:
  bad_checksum: { title: CHKSUM is wrong, expect: rtn 0x02, accept: [silence], warn: [rtn 0x04], grade: A }
  unsure: { title: nobody knows, expect: silence, grade: D }
"#;

/// A protocol with registers.
const TOY_MODBUS: &str = r#"
protocol: toy-modbus
title: Toy
sheet: toy
grade: A
bus: { serial: { baud: 9600 } }
envelope: { modbus: rtu }
byte_order: big
address: { pack_offsets: [0], system: [0x01], silent: [0x00], scan: [0x01] }
timing: { warn: 100 ms, fail: 200 ms, gap: 20 ms, grade: A }
return_codes: { 1: unknown_function, 2: unknown_register, 3: not_allowed }
functions: { 0x03: { count: 1..125 }, 0x06: { count: 1..1 }, 0x04: { exception: 1 } }
registers:
  - { address: 0, name: pack_voltage, scale: 0.01, unit: V }
  - { address: 1, byte: low, name: soc, type: u8, unit: "%", range: 0..100 }
  - { address: 2, byte: low, name: soh, type: u8, unit: "%", range: 0..100 }
  - { address: 16, name: threshold, unit: mV, write: 0x06 }
blocks:
  - { name: runtime, registers: 0..2, read: [zero] }
  - { name: settings, registers: 16..18 }
errors:
  bad_checksum: { title: the CRC is wrong, expect: silence, grade: A }
  unknown_register: { title: no such register, expect: exception 2, grade: A }
rules:
  - { id: healthy, title: the battery is healthy, then: "soh > 50 %", grade: A }
"#;

/// A trace in the making.
pub(super) struct Script {
    library: &'static Library,
    name: &'static str,
    suite: Suite,
    header: TraceHeader,
    events: Vec<Event>,
    options: JudgeOptions,
}

/// A CAN script of a case with these steps, written as YAML list entries; `given` and the like go into `head`.
pub(super) fn can(head: &str, steps: &[&str]) -> Script {
    Script::new("toy-can", head, steps)
}

/// The same on a serial line.
pub(super) fn serial(steps: &[&str]) -> Script {
    Script::new("toy-serial", "", steps)
}

/// The definitions above, loaded once.
fn library() -> &'static Library {
    static LIBRARY: LazyLock<Library> = LazyLock::new(|| {
        let sources = [
            Source::new("toy.yaml", TOY_CAN),
            Source::new("toy-serial.yaml", TOY_SERIAL),
            Source::new("toy-modbus.yaml", TOY_MODBUS),
        ];
        let (library, mistakes) = Library::from_sources(&sources);
        assert!(!mistakes.has_errors(), "{}", mistakes.render_plain());
        library
    });
    &LIBRARY
}

/// The case of every script.
pub(super) const CASE: &str = "toy/tests/it";

impl Script {
    #[track_caller]
    fn new(name: &'static str, head: &str, steps: &[&str]) -> Script {
        let library = library();
        let covers = if head.contains("covers:") {
            ""
        } else {
            "covers: [R-003], "
        };
        let mut text =
            format!("suite: toy/tests\ntitle: Tests\nprotocol: {name}\ncases:\n  - {{ id: it, title: It, {covers}");
        text.push_str(head);
        if !head.is_empty() {
            text.push_str(", ");
        }
        text.push_str(&format!(
            "steps: [{}] }}\n",
            steps
                .iter()
                .map(|step| format!("{{ {step} }}"))
                .collect::<Vec<_>>()
                .join(", ")
        ));
        let protocols: Vec<&Protocol> = library.protocols().collect();
        let (suite, mistakes) = suite::load(&Source::new("tests.yaml", text), &protocols);
        let suite = suite.unwrap_or_else(|| panic!("{}", mistakes.render_plain()));
        Script {
            library,
            name,
            suite,
            header: TraceHeader {
                protocol: name.to_string(),
                target: "script".into(),
                reference: false,
                clock: ClockSource::Kernel,
                resolution: Duration::from_micros(1),
                variant: None,
                claims: Vec::new(),
                packs: None,
            },
            events: Vec::new(),
            options: JudgeOptions::default(),
        }
        .event(0, EventKind::CasePlanned(CASE.into()))
    }

    pub(super) fn event(mut self, millis: u64, kind: EventKind) -> Script {
        self.events.push(Event { at: at(millis), kind });
        self
    }

    pub(super) fn resolution(mut self, resolution: Duration) -> Script {
        self.header.resolution = resolution;
        self
    }

    pub(super) fn strict(mut self) -> Script {
        self.options.strict = true;
        self
    }

    pub(super) fn certification(mut self) -> Script {
        self.options.certification = true;
        self
    }

    /// The case begins, and its first step with it (all steps, of a case that only watches).
    pub(super) fn begin(self, millis: u64) -> Script {
        let case = &self.suite.cases[0];
        let steps = if case.only_watches() { case.steps.len() } else { 1 };
        let mut script = self.event(millis, EventKind::CaseStarted(CASE.into()));
        for step in 0..steps {
            script = script.step(millis, step);
        }
        script
    }

    pub(super) fn step(self, millis: u64, step: usize) -> Script {
        self.round(millis, step, 0)
    }

    pub(super) fn round(self, millis: u64, step: usize, round: u32) -> Script {
        self.event(
            millis,
            EventKind::StepStarted {
                case: CASE.into(),
                step,
                round,
            },
        )
    }

    pub(super) fn end(self, millis: u64) -> Script {
        self.event(millis, EventKind::CaseEnded(CASE.into()))
    }

    /// A CAN frame of the target.
    #[track_caller]
    pub(super) fn frame(self, millis: u64, text: &str) -> Script {
        let frame = BusFrame::Can(can_frame(text));
        self.event(
            millis,
            EventKind::Received {
                frame,
                until: at(millis),
            },
        )
    }

    /// The same frame every second, `count` times.
    pub(super) fn frames(self, from: u64, count: u64, text: &str) -> Script {
        (0..count).fold(self, |script, number| script.frame(from + 1000 * number, text))
    }

    /// Bytes of the target on a serial line at 9600 baud.
    pub(super) fn bytes(self, millis: u64, bytes: &[u8]) -> Script {
        let until = at(millis).after(Duration::from_micros(1042) * (bytes.len() as u32 - 1));
        self.event(
            millis,
            EventKind::Received {
                frame: BusFrame::Serial(bytes.to_vec()),
                until,
            },
        )
    }

    /// An ASCII frame of the target.
    pub(super) fn reply(self, millis: u64, return_code: u8, info: &[u8]) -> Script {
        let bytes = crate::wire::pylon_ascii::emit(0x20, 0x02, 0x46, return_code, info).expect("it is short");
        self.bytes(millis, &bytes)
    }

    /// The harness asks: the question of a step goes out at once and has left 20 ms later.
    pub(super) fn asks(self, millis: u64, step: usize) -> Script {
        let suite::Action::Exchange(exchange) = &self.suite.cases[0].steps[step].action else {
            panic!("step {step} is no exchange");
        };
        let frame = BusFrame::Serial(exchange.request.bytes.clone());
        self.event(
            millis,
            EventKind::Sent {
                frame,
                until: at(millis + 20),
            },
        )
    }

    /// The harness asks for measurements by itself; the question has left 20 ms later.
    pub(super) fn polls(self, millis: u64) -> Script {
        let bytes = crate::wire::pylon_ascii::emit(0x20, 0x02, 0x46, 0x61, &[]).expect("it is short");
        self.event(
            millis,
            EventKind::Sent {
                frame: BusFrame::Serial(bytes),
                until: at(millis + 20),
            },
        )
    }

    pub(super) fn sets(self, millis: u64) -> Script {
        let stimulus = Stimulus::Set("cell_over_voltage_protection".into(), Setting::Truth(true));
        self.event(millis, EventKind::Stimulated(stimulus))
    }

    pub(super) fn lost(self, millis: u64) -> Script {
        self.event(millis, EventKind::Link(LinkEvent::FramesLost(Some(2))))
    }

    pub(super) fn jumped(self, millis: u64) -> Script {
        self.event(
            millis,
            EventKind::Link(LinkEvent::ClockJumpedBack(Duration::from_millis(10))),
        )
    }

    pub(super) fn stopped(self, millis: u64, stop: Stop) -> Script {
        self.event(millis, EventKind::Stopped(stop))
    }

    /// The trace in order of time: a script may tell one message after the other.
    pub(super) fn trace(&self) -> Trace {
        let mut events = self.events.clone();
        events.sort_by_key(|event| event.at);
        Trace {
            header: self.header.clone(),
            events,
        }
    }

    pub(super) fn protocol(&self) -> &Protocol {
        self.library.protocol(self.name).expect("it is loaded")
    }

    /// What the judge makes of it.
    #[track_caller]
    pub(super) fn judge(&self) -> CaseResult {
        let suites = std::slice::from_ref(&self.suite);
        let mut results = judge(suites, self.protocol(), &self.trace(), self.options);
        assert_eq!(results.len(), 1);
        results.remove(0)
    }

    #[track_caller]
    pub(super) fn passes(&self) -> CaseResult {
        let result = self.judge();
        assert_eq!(result.verdict, Verdict::Pass, "{result:#?}");
        result
    }

    /// It fails, and exactly for this reason: one check that does not pass, of this name, with this in what was seen.
    #[track_caller]
    pub(super) fn fails(&self, what: &str, actual: &str) -> Check {
        let result = self.judge();
        assert_eq!(result.verdict, Verdict::Fail, "{result:#?}");
        only_deviation(&result, CheckResult::Fail, what, actual)
    }

    /// It cannot be judged, and exactly for this reason.
    #[track_caller]
    pub(super) fn is_open(&self, what: &str, actual: &str) -> Check {
        let result = self.judge();
        assert_eq!(result.verdict, Verdict::Inconclusive, "{result:#?}");
        only_deviation(&result, CheckResult::Inconclusive, what, actual)
    }

    /// It passes with one deviation that does not decide.
    #[track_caller]
    pub(super) fn remarks(&self, remark: CheckResult, what: &str, actual: &str) -> Check {
        let result = self.passes();
        only_deviation(&result, remark, what, actual)
    }
}

#[track_caller]
fn only_deviation(result: &CaseResult, wanted: CheckResult, what: &str, actual: &str) -> Check {
    let deviations: Vec<&Check> = result
        .checks
        .iter()
        .filter(|check| check.result != CheckResult::Pass)
        .collect();
    let [only] = deviations.as_slice() else {
        panic!("{} deviations in {result:#?}", deviations.len());
    };
    assert_eq!(only.result, wanted, "{only:#?}");
    assert_eq!(only.what, what, "{only:#?}");
    assert!(only.actual.contains(actual), "`{actual}` is not in {only:#?}");
    (*only).clone()
}

/// The check with this name.
#[track_caller]
pub(super) fn check<'r>(result: &'r CaseResult, what: &str) -> &'r Check {
    result
        .checks
        .iter()
        .find(|check| check.what == what)
        .unwrap_or_else(|| panic!("no `{what}` in {result:#?}"))
}

pub(super) fn at(millis: u64) -> Instant {
    Instant::from_micros(millis * 1000)
}

#[track_caller]
pub(super) fn can_frame(text: &str) -> CanFrame {
    let (id, data) = text.split_once('#').expect("a frame has a `#`");
    let number = u32::from_str_radix(id, 16).expect("hex");
    let id = if id.len() == 3 {
        CanId::standard(number)
    } else {
        CanId::extended(number)
    }
    .expect("it fits");
    if data == "R" {
        return CanFrame::remote(id, 0).expect("it fits");
    }
    CanFrame::data(id, &crate::document::scalar::bytes(data).expect("hex")).expect("it fits")
}

/// 57.6 V, 200.0 A, 25.0 degC.
pub(super) const LIMITS: &str = "351#4002D007FA000000";
/// 57.6 V, 0.0 A, 25.0 degC.
pub(super) const NO_CHARGE: &str = "351#40020000FA000000";
/// Both enables.
pub(super) const ENABLED: &str = "35C#C000";
/// Charging is forbidden.
pub(super) const DISABLED: &str = "35C#4000";
