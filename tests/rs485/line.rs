//! What a line does to bytes changes no verdict, on a Modbus line and on one with ASCII frames.

use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bmscheck::document::Source;
use bmscheck::engine::{Event, EventKind};
use bmscheck::judge::Verdict;
use bmscheck::link::LinkEvent;
use bmscheck::link::control::Address;
use bmscheck::link::emulate::{EmulateError, EmulateOptions, Emulation, StopHandle};
use bmscheck::link::line::Line;
use bmscheck::link::reference::ReferenceOptions;
use bmscheck::link::target::Target;
use bmscheck::suite::Profile;

use super::bench::{complaints, in_time, run, suites};
use super::programs::{Emulated, forking, own_path, run_program};
use super::relay::{Quality, Relay};

/// Questions to a state that changes, one that is refused, and one to nobody, which comes last.
const GROWATT: &str = "suite: wire/growatt
title: Values over a line that is not clean
protocol: growatt-rs485
cases:
  - id: values
    title: Values are those of the battery
    covers: [B-106]
    given: { soc: 37 %, cell_voltage: 3.300 V, cell_voltage_7: 3.321 V }
    steps:
      - request: { registers: 0x0010..0x002A }
        reply: { within: 2 s, fields: { soc: 37 %, max_cell_voltage: 3321 mV } }
        times: 3
      - request: { registers: 0x0070..0x0080 }
        reply: { within: 2 s, fields: { cell_voltage_7: 3321 mV, cell_voltage_8: 3300 mV } }
      - request: { registers: 0x0015 }
        reply: { within: 2 s, fields: { soc: 37 % } }
      - set: { soc: 12 % }
      - request: { registers: 0x0010..0x002A }
        reply: { within: 2 s, fields: { soc: 12 % } }
      - { request: { registers: 0x0060 }, return_code: 0x02 }
  - id: nobody
    title: Nobody answers at another address
    covers: [B-106]
    steps:
      - { request: { registers: 0x0015, at: 0x09 }, silence: 300 ms }
";

const PYLON: &str = "suite: wire/pylon
title: Values over a line that is not clean
protocol: pylon-rs485
cases:
  - id: values
    title: Values are those of the battery
    covers: [B-106]
    given: { soc: 37 %, cell_voltage: 3.300 V }
    steps:
      - request: { command: 0x61, at: 0x02 }
        reply: { within: 2 s, fields: { soc: 37 % } }
        times: 3
      - request: { command: 0x63, at: 0x02 }
        reply: { within: 2 s, length: 9 }
      - set: { soc: 12 % }
      - request: { command: 0x61, at: 0x02, sliced: 2 ms }
        reply: { within: 2 s, fields: { soc: 12 % } }
      - { request: { command: 0x7E, at: 0x02 }, return_code: 0x04 }
  - id: nobody
    title: Nobody answers at another address
    covers: [B-106]
    steps:
      - { request: { command: 0x61, at: 0x0E }, silence: 300 ms }
";

/// A reference BMS on a pseudo-terminal, in this process: nothing is loaded, so its answers are prompt.
struct Battery {
    place: String,
    fixture: String,
    stop: StopHandle,
    thread: Option<JoinHandle<Result<(), EmulateError>>>,
}

impl Battery {
    fn start(protocol: &str) -> Battery {
        let control = Address::Unix(own_path(".sock"));
        let options = EmulateOptions {
            battery: ReferenceOptions::new(protocol, Line::Serial { baud: 9600 }),
            target: Target::Pty,
            state: Vec::new(),
            control: Some(control.clone()),
        };
        let (sender, receiver) = mpsc::channel();
        let thread = thread::spawn(move || {
            let emulation = forking(|| Emulation::start(&options))?;
            sender
                .send((emulation.place().to_string(), emulation.stop_handle()))
                .unwrap();
            emulation.run()
        });
        let (place, stop) = receiver.recv().unwrap();
        Battery {
            place,
            fixture: format!("refbms:{control}"),
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Battery {
    fn drop(&mut self) {
        self.stop.stop();
        let ended = self.thread.take().unwrap().join().unwrap();
        assert!(ended.is_ok() || thread::panicking(), "{ended:?}");
    }
}

/// The suite without its last case: for a line that is not quiet by itself.
fn without_silence(suite: &str) -> &str {
    suite.split("  - id: nobody").next().unwrap()
}

/// All cases pass on both lines; `echo` is whether the trace says that the line has one.
fn passes(quality: Quality, texts: [&str; 2], echo: bool) {
    for (protocol, text) in ["growatt-rs485", "pylon-rs485"].into_iter().zip(texts) {
        in_time(|| goes_well(quality, protocol, text, echo));
    }
}

fn goes_well(quality: Quality, protocol: &str, text: &str, echo: bool) -> Result<(), String> {
    let suites = suites(&[Source::new("wire.yaml", text)]);
    let battery = Battery::start(protocol);
    let relay = Relay::start(&battery.place, quality);
    // It tests itself first (B-051).
    thread::sleep(Duration::from_secs(3));
    let run = run(
        &suites,
        &[protocol.to_string()],
        Profile::Ci,
        &relay.port,
        &battery.fixture,
    );
    assert_eq!(run.results.len(), text.matches("  - id: ").count());
    let told = |event: &&Event| event.kind == EventKind::Link(LinkEvent::Echo);
    let count = run.trace.events.iter().filter(told).count();
    assert_eq!(count, usize::from(echo), "{quality:?} {protocol}");
    match run.results.iter().find(|result| result.verdict != Verdict::Pass) {
        None => Ok(()),
        Some(result) => Err(format!("{quality:?} {}: {:?}", result.id, complaints(result))),
    }
}

#[test]
fn an_adapter_that_hears_itself_changes_no_verdict() {
    passes(Quality::Echo, [GROWATT, PYLON], true);
}

#[test]
fn an_echo_in_one_piece_with_the_answer_is_told_from_it() {
    passes(Quality::EchoWithTheAnswer, [GROWATT, PYLON], true);
}

#[test]
fn an_echo_in_pieces_is_one_all_the_same() {
    passes(Quality::EchoInPieces, [GROWATT, PYLON], true);
}

#[test]
fn answers_come_byte_by_byte() {
    passes(Quality::Split, [GROWATT, PYLON], false);
}

#[test]
fn noise_before_and_between_answers_is_no_answer() {
    passes(Quality::Noise, [GROWATT, PYLON].map(without_silence), false);
}

#[test]
fn noise_in_one_piece_with_answers_is_cut_off() {
    passes(Quality::NoiseGlued, [GROWATT, PYLON].map(without_silence), false);
}

#[test]
fn a_run_tells_that_the_line_has_an_echo() {
    let file = own_path(".yaml");
    std::fs::write(&file, without_silence(GROWATT)).unwrap();
    let emulated = Emulated::start("growatt-rs485");
    let relay = Relay::start(&emulated.port, Quality::Echo);
    let ran = run_program(&[file.to_str().unwrap()], &relay.port, &emulated.fixture);
    std::fs::remove_file(file).unwrap();
    assert_eq!(ran.report["echo"], true, "{}", ran.said);
    assert!(ran.said.contains("half-duplex echo"), "{}", ran.said);
}
