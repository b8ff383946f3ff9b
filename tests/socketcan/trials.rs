//! The trials.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use bmscheck::engine::ClockSource;
use bmscheck::link::control::Address;
use bmscheck::link::emulate::{EmulateOptions, Emulation};
use bmscheck::link::fixture::FixtureSpec;
use bmscheck::link::line::Line;
use bmscheck::link::reference::{Reference, ReferenceOptions};
use bmscheck::link::socketcan::SocketCan;
use bmscheck::link::target::Target;
use bmscheck::link::{Link, LinkError, LinkEvent, Received, stimulus};
use bmscheck::suite::Stimulus;
use bmscheck::time::Instant;
use bmscheck::wire::BusFrame;
use bmscheck::wire::can::{CanFrame, CanId};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::bench::{BITRATE, Candump, Interface, PATIENCE, drain, frame, needs, next, next_frame, run, wait_until};
use super::end_of_line::every_protocol_on_can_passes_its_end_of_line_cases;
use super::{Body, Skip};

macro_rules! trials {
    ($($name:ident,)*) => {
        /// Every trial by its name.
        pub(crate) const TRIALS: &[(&str, Body)] = &[$((stringify!($name), || Ends::ends($name()))),*];
    };
}

trials! {
    frames_keep_their_form_and_bear_the_kernels_time,
    own_frames_do_not_come_back,
    silence_ends_at_the_time_that_was_asked_for,
    candump_sees_the_frames_of_an_emulated_battery,
    a_frame_of_cansend_is_taken,
    drops_are_told_behind_the_last_frame,
    drops_are_told_before_the_frame_that_follows,
    an_interface_that_goes_down_in_mid_run_is_down,
    an_interface_that_is_deleted_in_mid_run_is_gone,
    an_emulation_ends_with_its_interface,
    a_run_judges_an_emulated_battery_over_the_bus,
    every_protocol_on_can_passes_its_end_of_line_cases,
    a_run_whose_interface_is_deleted_is_an_error_and_no_fail,
    what_cannot_be_opened_says_why,
    noise_arrives_as_candump_hears_it,
    error_reports_are_events,
    a_wall_clock_that_is_set_is_told_and_moves_no_frame,
}

/// How a trial ends: done, or for a reason not done here.
trait Ends {
    fn ends(self) -> Result<(), Skip>;
}

impl Ends for () {
    fn ends(self) -> Result<(), Skip> {
        Ok(())
    }
}

impl Ends for Result<(), Skip> {
    fn ends(self) -> Result<(), Skip> {
        self
    }
}

fn frames_keep_their_form_and_bear_the_kernels_time() {
    let interface = Interface::new();
    let (mut one, mut other) = (interface.open(), interface.open());
    let frames = [
        frame(0x351, &[0x40, 0x02, 0xD0, 0x07, 0xF0, 0x0A, 0xC0, 0x01]),
        frame(0x7FF, &[]),
        CanFrame::data(CanId::Extended(0x351), &[1, 2, 3]).unwrap(),
        CanFrame::data(CanId::Extended(0x1FFF_FFFF), &[0xFF; 8]).unwrap(),
        CanFrame::remote(CanId::Standard(0x305), 8).unwrap(),
        CanFrame::remote(CanId::Extended(0), 0).unwrap(),
    ];
    let mut last = Instant::ZERO;
    for sent in frames {
        let before = other.now();
        one.send(&BusFrame::Can(sent)).unwrap();
        let (at, received) = next_frame(&mut other);
        assert_eq!(received, sent);
        // Two clocks meet here: the wall clock of the stamp and the monotonic one.
        let slack = Duration::from_millis(2);
        assert!(
            at.after(slack) >= before && at <= other.now().after(slack),
            "{before} {at}"
        );
        assert!(at >= last);
        last = at;
    }
    let description = other.describe();
    assert_eq!(description.name, format!("can:{}", interface.name));
    assert_eq!((description.clock, description.reference), (ClockSource::Kernel, false));
    assert!(description.resolution >= Duration::from_micros(1) && description.resolution < Duration::from_millis(1));
    let serial = one.send(&BusFrame::Serial(vec![1])).unwrap_err();
    assert!(serial.to_string().contains("cannot be sent on CAN"), "{serial}");
}

fn own_frames_do_not_come_back() {
    let interface = Interface::new();
    let (mut one, mut other) = (interface.open(), interface.open());
    one.send(&BusFrame::Can(frame(0x305, &[0; 8]))).unwrap();
    one.sender()
        .unwrap()
        .send(&BusFrame::Can(frame(0x306, &[])), PATIENCE)
        .unwrap();
    other.send(&BusFrame::Can(frame(0x351, &[]))).unwrap();
    assert_eq!(next_frame(&mut one).1, frame(0x351, &[]));
    assert_eq!(drain(&mut one), (vec![], 0));
    assert_eq!(drain(&mut other).0.len(), 2);
}

fn silence_ends_at_the_time_that_was_asked_for() {
    let interface = Interface::new();
    let mut link = interface.open();
    for _ in 0..3 {
        let until = link.now().after(Duration::from_millis(20));
        assert_eq!(link.receive(until).unwrap(), Received::Nothing);
        assert!(link.now() >= until);
    }
}

/// An emulated battery on an interface, ended with the value.
pub(crate) struct Emulated {
    stop: Option<bmscheck::link::emulate::StopHandle>,
    pub(crate) control: Address,
    thread: Option<thread::JoinHandle<Result<(), String>>>,
}

impl Emulated {
    pub(crate) fn start(interface: &Interface, protocol: &str, state: Vec<Stimulus>) -> Emulated {
        let socket = std::env::temp_dir().join(format!("bmscheck-{}-{}", std::process::id(), interface.name));
        let control = Address::Unix(socket);
        let options = EmulateOptions {
            battery: ReferenceOptions::new(protocol, Line::Can { bitrate: BITRATE }),
            target: Target::Can(interface.name.clone()),
            state,
            control: Some(control.clone()),
        };
        let (sender, receiver) = std::sync::mpsc::channel();
        let thread = thread::spawn(move || {
            let emulation = Emulation::start(&options).map_err(|error| error.to_string())?;
            sender
                .send(emulation.stop_handle())
                .map_err(|error| error.to_string())?;
            emulation.run().map_err(|error| error.to_string())
        });
        let stop = receiver.recv_timeout(PATIENCE).ok();
        Emulated {
            stop,
            control,
            thread: Some(thread),
        }
    }

    /// Waits for the end and gives its error.
    fn end(mut self) -> Option<String> {
        self.thread.take().and_then(|thread| thread.join().unwrap().err())
    }
}

impl Drop for Emulated {
    fn drop(&mut self) {
        if let Some(stop) = &self.stop {
            stop.stop();
        }
        if let Some(thread) = self.thread.take() {
            let ended = thread.join().unwrap();
            assert!(thread::panicking() || ended.is_ok(), "{ended:?}");
        }
    }
}

fn candump_sees_the_frames_of_an_emulated_battery() -> Result<(), Skip> {
    needs(&["candump"])?;
    let interface = Interface::new();
    let state = vec![
        Stimulus::Set("soc".into(), stimulus::setting("37 %")),
        Stimulus::Set("current".into(), stimulus::setting("-12.5 A")),
        Stimulus::Set("cell_voltage_4".into(), stimulus::setting("3.1 V")),
    ];
    let candump = Candump::start(&interface.name, 12);
    let _emulated = Emulated::start(&interface, "pylon-can", state.clone());
    let heard: BTreeMap<String, String> = candump.frames().iter().map(|frame| by_id(frame)).collect();

    // The same battery in virtual time.
    let line = Line::Can { bitrate: BITRATE };
    let mut link = Reference::start(&ReferenceOptions::new("pylon-can", line)).unwrap();
    for stimulus in &state {
        link.battery().lock().apply(Instant::ZERO, stimulus).unwrap();
    }
    let mut expected = BTreeMap::new();
    while let Received::Frame { frame, .. } = link.receive(Instant::from_micros(4_000_000)).unwrap() {
        expected.extend([by_id(&frame.to_string())]);
    }
    assert_eq!(heard, expected);
    let ids: Vec<&str> = heard.keys().map(String::as_str).collect();
    assert_eq!(ids, ["351", "355", "356", "359", "35C", "35E"]);
    // Sheet pylon-can: SOC in whole per cent, low byte first.
    assert_eq!(&heard["355"][..4], "2500");
    Ok(())
}

fn by_id(frame: &str) -> (String, String) {
    let (id, data) = frame.split_once('#').unwrap_or_default();
    (id.to_string(), data.to_string())
}

fn a_frame_of_cansend_is_taken() -> Result<(), Skip> {
    needs(&["cansend"])?;
    let interface = Interface::new();
    let mut link = interface.open();
    let emulated = Emulated::start(&interface, "pylon-can", Vec::new());
    run("cansend", &[&interface.name, "305#0000000000000000"]);
    let from_cansend = std::iter::from_fn(|| Some(next_frame(&mut link).1)).find(|frame| frame.id.number() == 0x305);
    assert_eq!(from_cansend, Some(frame(0x305, &[0; 8])));
    let Address::Unix(socket) = &emulated.control else {
        panic!()
    };
    wait_until("the battery has received it", || {
        status(socket).contains(r#""received":1"#)
    });
    // The fixture of a run finds the same battery.
    let mut fixture = FixtureSpec::Refbms(emulated.control.clone()).open().unwrap();
    let soc = Stimulus::Set("soc".into(), stimulus::setting("12 %"));
    fixture.apply(Instant::ZERO, &soc).unwrap();
    let shown = frame(0x355, &[12, 0, 100, 0, 0, 0, 0, 0]);
    while next_frame(&mut link).1 != shown {}
    Ok(())
}

fn status(socket: &std::path::Path) -> String {
    use std::io::Write;
    let mut stream = std::os::unix::net::UnixStream::connect(socket).unwrap();
    stream.write_all(b"{\"status\": true}\n").unwrap();
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).unwrap();
    answer
}

/// More frames than the queue of the link can hold: the kernel grants 8 MB at most, a frame takes 700 bytes or more.
const FLOOD: u32 = 15_000;

fn flood(sender: &mut SocketCan) {
    for number in 0..FLOOD {
        sender
            .send(&BusFrame::Can(frame(0x123, &number.to_be_bytes())))
            .unwrap();
    }
}

fn number_of(frame: &CanFrame) -> u32 {
    u32::from_be_bytes(frame.payload().try_into().unwrap())
}

fn drops_are_told_behind_the_last_frame() {
    let interface = Interface::new();
    let (mut sender, mut receiver) = (interface.open(), interface.open());
    flood(&mut sender);
    let (frames, lost) = drain(&mut receiver);
    assert!(lost > 0 && !frames.is_empty(), "{} frames, {lost} lost", frames.len());
    assert_eq!(frames.len() as u32 + lost, FLOOD);
    // What did arrive came first, in order.
    assert!(frames.iter().zip(0..).all(|(frame, number)| number_of(frame) == number));
    assert_eq!(drain(&mut receiver), (vec![], 0), "told once");
}

fn drops_are_told_before_the_frame_that_follows() {
    let interface = Interface::new();
    let (mut sender, mut receiver) = (interface.open(), interface.open());
    flood(&mut sender);
    // Room for one more, which then bears the count of what was dropped before it.
    assert_eq!(number_of(&next_frame(&mut receiver).1), 0);
    let marker = frame(0x7FF, &[0xA5]);
    sender.send(&BusFrame::Can(marker)).unwrap();
    let mut before = 1;
    let (at, lost) = loop {
        match next(&mut receiver) {
            Received::Frame {
                frame: BusFrame::Can(frame),
                ..
            } => {
                assert_eq!(number_of(&frame), before);
                before += 1;
            }
            Received::Event(at, LinkEvent::FramesLost(Some(lost))) => break (at, lost),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(next_frame(&mut receiver), (at, marker));
    assert_eq!(before + lost, FLOOD);
}

fn an_interface_that_goes_down_in_mid_run_is_down() {
    let interface = Interface::new();
    let (mut listening, mut sending) = (interface.open(), interface.open());
    sending.send(&BusFrame::Can(frame(0x351, &[]))).unwrap();
    next_frame(&mut listening);
    interface.set_down();
    for _ in 0..2 {
        let until = listening.now().after(PATIENCE);
        let error = listening.receive(until).unwrap_err();
        assert!(matches!(error, LinkError::Down { .. }), "{error:?}");
        let error = sending.send(&BusFrame::Can(frame(0x351, &[]))).unwrap_err();
        assert!(matches!(error, LinkError::Down { .. }), "{error:?}");
    }
}

fn an_interface_that_is_deleted_in_mid_run_is_gone() {
    let interface = Interface::new();
    let (mut listening, mut sending) = (interface.open(), interface.open());
    let waiting = thread::spawn(move || {
        // Deleted while somebody waits.
        let until = listening.now().after(PATIENCE);
        (listening.receive(until), listening)
    });
    interface.delete();
    let (received, mut listening) = waiting.join().unwrap();
    let error = received.unwrap_err();
    assert!(matches!(error, LinkError::Gone { .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        format!("`{}` is gone: the interface was removed", interface.name)
    );
    let until = listening.now().after(PATIENCE);
    assert!(matches!(listening.receive(until), Err(LinkError::Gone { .. })));
    let error = sending.send(&BusFrame::Can(frame(0x351, &[]))).unwrap_err();
    assert!(matches!(error, LinkError::Gone { .. }), "{error:?}");
}

fn an_emulation_ends_with_its_interface() {
    let interface = Interface::new();
    let emulated = Emulated::start(&interface, "pylon-can", Vec::new());
    interface.delete();
    let error = emulated.end();
    assert_eq!(
        error,
        Some(format!("`{}` is gone: the interface was removed", interface.name))
    );
}

/// `bmscheck emulate` in a program of its own, ended with the value.
struct Emulator {
    program: Child,
    control: String,
}

impl Emulator {
    fn start(interface: &Interface) -> Emulator {
        let socket = std::env::temp_dir().join(format!("bmscheck-{}-{}", std::process::id(), interface.name));
        let control = format!("unix:{}", socket.display());
        let target = format!("can:{}", interface.name);
        let mut program = Command::new(env!("CARGO_BIN_EXE_bmscheck"))
            .args(["emulate", "pylon-can", "--target", &target, "--control", &control])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(program.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert_eq!(
            line,
            format!("emulating pylon-can on {} (control {control})\n", interface.name)
        );
        Emulator { program, control }
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let process = i32::try_from(self.program.id()).map(Pid::from_raw);
        let _ = process.map(|process| kill(process, Signal::SIGTERM));
        let _ = self.program.wait();
    }
}

/// A run of a suite of one case, in a program of its own.
struct Run {
    program: Child,
    suite: PathBuf,
}

impl Run {
    /// Waits for the end; its exit status and all that it said.
    fn end(self) -> (Option<i32>, String) {
        let output = self.program.wait_with_output().unwrap();
        let _ = std::fs::remove_file(self.suite);
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        (output.status.code(), said.into_owned())
    }
}

/// Starts `bmscheck run` of a suite of one case.
fn start_run(interface: &Interface, emulator: &Emulator, steps: &str) -> Run {
    let suite = std::env::temp_dir().join(format!("bmscheck-{}-{}.yaml", std::process::id(), interface.name));
    let text = format!(
        "suite: wire/soc
title: The state of charge over a real bus
protocol: pylon-can
cases:
  - id: soc
    title: The state of charge is that of the battery
    covers: [B-106]
    given: {{ soc: 37 % }}
    steps:
{steps}"
    );
    std::fs::write(&suite, text).unwrap();
    let program = Command::new(env!("CARGO_BIN_EXE_bmscheck"))
        .arg("run")
        .arg(&suite)
        .args(["--target", &format!("can:{}", interface.name)])
        .args(["--fixture", &format!("refbms:{}", emulator.control)])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    Run { program, suite }
}

fn a_run_judges_an_emulated_battery_over_the_bus() {
    let interface = Interface::new();
    let emulator = Emulator::start(&interface);
    let right = "      - expect: { message: 0x355, within: 5 s, holds: 2 s, fields: { soc: 37 % } }
      - set: { soc: 12 % }
      - expect: { message: 0x355, within: 3 s, fields: { soc: 12 % } }
";
    let (code, said) = start_run(&interface, &emulator, right).end();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains(&format!("can:{}", interface.name)), "{said}");
    let wrong = right.replace("fields: { soc: 12", "fields: { soc: 13");
    let (code, said) = start_run(&interface, &emulator, &wrong).end();
    assert_eq!(code, Some(1), "{said}");
}

fn a_run_whose_interface_is_deleted_is_an_error_and_no_fail() {
    let interface = Interface::new();
    let emulator = Emulator::start(&interface);
    let steps = "      - expect: { message: 0x355, within: 5 s, fields: { soc: 37 % } }
      - wait: 1 h
      - expect: { message: 0x355, within: 5 s, fields: { soc: 37 % } }
";
    let mut link = interface.open();
    let run = start_run(&interface, &emulator, steps);
    // Its first keep-alive tells that it runs.
    while next_frame(&mut link).1.id != CanId::Standard(0x305) {}
    interface.delete();
    let (code, said) = run.end();
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("is gone: the interface was removed"), "{said}");
}

fn what_cannot_be_opened_says_why() {
    let open = |name: &str| SocketCan::open(name, BITRATE).unwrap_err();
    let missing = open("can77");
    let LinkError::Missing { help, .. } = &missing else {
        panic!("{missing:?}")
    };
    assert!(help.contains("vcan0"), "{help}");
    assert_eq!(open("lo").to_string(), "`lo`: it is no CAN interface");
    let interface = Interface::new();
    interface.set_down();
    let down = open(&interface.name);
    let LinkError::Down { name, help } = &down else {
        panic!("{down:?}")
    };
    assert!(*name == interface.name && help.contains("ip link set"), "{help}");
}

fn noise_arrives_as_candump_hears_it() -> Result<(), Skip> {
    needs(&["candump", "cangen"])?;
    // Fewer than the queue of the link surely holds: it is read only when a generator is done.
    const COUNT: usize = 200;
    const KINDS: [&[&str]; 4] = [&[], &["-e"], &["-R"], &["-e", "-R"]];
    let interface = Interface::new();
    let mut link = interface.open();
    let candump = Candump::start(&interface.name, COUNT * KINDS.len());
    let mut seen = Vec::new();
    let mut last = Instant::ZERO;
    // Random identifiers of both formats, data and remote frames, random lengths and data.
    for kind in KINDS {
        let count = COUNT.to_string();
        let arguments = [kind, &["-g", "0.1", "-n", &count, &interface.name]].concat();
        run("cangen", &arguments);
        for _ in 0..COUNT {
            let (at, frame) = next_frame(&mut link);
            assert!(at >= last);
            last = at;
            seen.push(frame.to_string());
        }
    }
    let heard = candump.frames();
    assert_eq!(seen.len(), heard.len());
    let difference = seen
        .iter()
        .zip(&heard)
        .enumerate()
        .find(|(_, (seen, heard))| seen != heard);
    assert_eq!(difference, None);
    let extended = seen.iter().filter(|frame| frame.find('#') == Some(8)).count();
    let remote = seen.iter().filter(|frame| frame.contains("#R")).count();
    assert_eq!((extended, remote), (2 * COUNT, 2 * COUNT));
    Ok(())
}

fn error_reports_are_events() -> Result<(), Skip> {
    needs(&["cansend"])?;
    let interface = Interface::new();
    let mut link = interface.open();
    // An error report as a controller makes it: bus off; the flag 0x2000_0000 marks it (linux/can/error.h).
    run("cansend", &[&interface.name, "20000040#0000000000000000"]);
    match next(&mut link) {
        Received::Event(_, LinkEvent::Bus(text)) => assert!(text.to_lowercase().contains("bus off"), "{text}"),
        other => panic!("{other:?}"),
    }
    Ok(())
}

fn a_wall_clock_that_is_set_is_told_and_moves_no_frame() -> Result<(), Skip> {
    if std::env::var("VCAN_KERNEL_USED").as_deref() != Ok("uml") {
        return Err(Skip(
            "it would set the clock of this machine; VCAN_KERNEL=uml runs it in user-mode Linux".to_string(),
        ));
    }
    let interface = Interface::new();
    let (mut one, mut other) = (interface.open(), interface.open());
    let mut receive_one = |other: &mut SocketCan| {
        let before = other.now();
        one.send(&BusFrame::Can(frame(0x351, &[]))).unwrap();
        let mut told = Vec::new();
        loop {
            match next(other) {
                Received::Event(_, event) => told.push(event),
                Received::Frame { at, .. } => {
                    let slack = Duration::from_millis(5);
                    assert!(
                        at.after(slack) >= before && at <= other.now().after(slack),
                        "{before} {at}"
                    );
                    return told;
                }
                received => panic!("{received:?}"),
            }
        }
    };
    assert_eq!(receive_one(&mut other), []);
    run("date", &["--set", "10 minutes ago"]);
    let told = receive_one(&mut other);
    let [LinkEvent::ClockJumpedBack(jump)] = told[..] else {
        panic!("{told:?}")
    };
    // `date` sets whole seconds.
    assert!(
        jump.abs_diff(Duration::from_secs(600)) < Duration::from_secs(3),
        "{jump:?}"
    );
    assert_eq!(receive_one(&mut other), []);
    run("date", &["--set", "10 minutes"]);
    assert_eq!(receive_one(&mut other), []);
    Ok(())
}
