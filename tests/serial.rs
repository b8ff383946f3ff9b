//! The serial link over real pseudo-terminals.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bmscheck::engine::ClockSource;
use bmscheck::link::control::Address;
use bmscheck::link::emulate::{EmulateError, EmulateOptions, Emulation, StopHandle};
use bmscheck::link::fixture::FixtureSpec;
use bmscheck::link::line::Line;
use bmscheck::link::pty::Pty;
use bmscheck::link::reference::{Reference, ReferenceOptions};
use bmscheck::link::serial::Serial;
use bmscheck::link::stimulus;
use bmscheck::link::target::Target;
use bmscheck::link::{Link, LinkError, Received};
use bmscheck::suite::Stimulus;
use bmscheck::time::Instant;
use bmscheck::wire::BusFrame;
use bmscheck::wire::can::{CanFrame, CanId};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A bound on waiting that no test reaches unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(20);

/// Held while a pseudo-terminal is made or a program started: for a moment a new terminal would be open in the program
/// too, which then keeps it from hanging up.
static FORK: Mutex<()> = Mutex::new(());

fn new_pty() -> Pty {
    let _held = FORK.lock();
    Pty::open().unwrap()
}

fn spawn(command: &mut Command) -> Child {
    let _held = FORK.lock();
    command.spawn().unwrap()
}

fn open() -> (Pty, Serial) {
    let pty = new_pty();
    let link = Serial::open(&pty.path(), 9600).unwrap();
    (pty, link)
}

/// Receives until so many bytes are there.
#[track_caller]
fn receive(link: &mut Serial, count: usize) -> Vec<u8> {
    let deadline = link.now().after(PATIENCE);
    let mut received = Vec::new();
    let mut last = link.now().before(PATIENCE);
    while received.len() < count {
        match link.receive(deadline).unwrap() {
            Received::Frame {
                at,
                until,
                frame: BusFrame::Serial(bytes),
            } => {
                assert!(
                    at <= until && until <= link.now() && at >= last,
                    "{at} {until} after {last}"
                );
                last = until;
                received.extend(bytes);
            }
            other => panic!("{other:?} after {} bytes", received.len()),
        }
    }
    received
}

#[test]
fn every_byte_value_passes_unchanged_in_both_directions() {
    let (mut pty, mut link) = open();
    // Flow control, line ends, interrupt and end-of-file characters among them.
    let all: Vec<u8> = (0..=255).collect();
    pty.master.write_all(&all).unwrap();
    assert_eq!(receive(&mut link, all.len()), all);
    let before = link.now();
    let sent = link.send(&BusFrame::Serial(all.clone())).unwrap();
    assert!(sent >= before);
    let mut heard = vec![0; all.len()];
    pty.master.read_exact(&mut heard).unwrap();
    assert_eq!(heard, all);
}

#[test]
fn slices_come_as_they_are_and_lose_nothing() {
    let (mut pty, mut link) = open();
    let reply = b"~20024600E0020202FD2F\r";
    for byte in reply {
        pty.master.write_all(&[*byte]).unwrap();
        assert_eq!(receive(&mut link, 1), [*byte]);
    }
    for slice in reply.chunks(5) {
        pty.master.write_all(slice).unwrap();
    }
    assert_eq!(receive(&mut link, reply.len()), reply);
}

#[test]
fn noise_is_handed_on() {
    let (mut pty, mut link) = open();
    // A fixed sequence without pattern (xorshift), longer than one portion.
    let mut state = 0x2545_F491_u32;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    })
    .take(20_000)
    .collect();
    for chunk in noise.chunks(1000) {
        pty.master.write_all(chunk).unwrap();
        assert_eq!(receive(&mut link, chunk.len()), chunk);
    }
}

#[test]
fn silence_ends_at_the_time_that_was_asked_for() {
    let (_pty, mut link) = open();
    for _ in 0..3 {
        let until = link.now().after(Duration::from_millis(20));
        assert_eq!(link.receive(until).unwrap(), Received::Nothing);
        assert!(link.now() >= until);
    }
    let past = link.now();
    assert_eq!(link.receive(past).unwrap(), Received::Nothing);
}

#[test]
fn what_came_before_opening_is_nobodys_answer() {
    let mut pty = new_pty();
    pty.master.write_all(b"stale").unwrap();
    let mut link = Serial::open(&pty.path(), 9600).unwrap();
    pty.master.write_all(b"fresh").unwrap();
    assert_eq!(receive(&mut link, 5), b"fresh");
}

#[test]
fn a_peer_that_closes_in_mid_run_is_gone_and_stays_gone() {
    let (mut pty, mut link) = open();
    pty.master.write_all(b"~2002").unwrap();
    assert_eq!(receive(&mut link, 5), b"~2002");
    drop(pty);
    for _ in 0..2 {
        let until = link.now().after(PATIENCE);
        let error = link.receive(until).unwrap_err();
        assert!(matches!(error, LinkError::Gone { .. }), "{error:?}");
        assert!(
            error.to_string().contains("is gone: the other side was closed"),
            "{error}"
        );
    }
    assert!(matches!(
        link.send(&BusFrame::Serial(vec![1])),
        Err(LinkError::Gone { .. })
    ));
}

#[test]
fn a_peer_that_closes_before_a_write_is_gone() {
    let (pty, mut link) = open();
    drop(pty);
    let error = link.send(&BusFrame::Serial(b"~".to_vec())).unwrap_err();
    assert!(matches!(error, LinkError::Gone { .. }), "{error:?}");
}

#[test]
fn a_port_is_held_alone() {
    let (pty, link) = open();
    let error = Serial::open(&pty.path(), 9600).unwrap_err();
    assert!(matches!(error, LinkError::Busy { .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        format!("`{}` is in use by another program", pty.path())
    );
    drop(link);
    Serial::open(&pty.path(), 115_200).unwrap();
}

#[test]
fn what_cannot_be_opened_says_why() {
    let missing = Serial::open("/dev/ttyUSB_none", 9600).unwrap_err();
    assert!(matches!(missing, LinkError::Missing { .. }), "{missing:?}");
    let file = temporary_file();
    let error = Serial::open(&file, 9600).unwrap_err();
    assert_eq!(error.to_string(), format!("`{file}`: it is no serial port"));
    assert!(Serial::open("/dev", 9600).is_err());
    assert!(matches!(Serial::open("/dev/null", 9600), Err(LinkError::Other { .. })));
    std::fs::remove_file(file).unwrap();
}

fn temporary_file() -> String {
    let path = std::env::temp_dir().join(format!("bmscheck-serial-{}", std::process::id()));
    std::fs::write(&path, "no port").unwrap();
    path.to_str().unwrap().to_string()
}

#[test]
fn a_frame_of_the_other_bus_is_refused() {
    let (_pty, mut link) = open();
    let frame = CanFrame::data(CanId::Standard(0x305), &[0; 8]).unwrap();
    assert!(matches!(link.send(&BusFrame::Can(frame)), Err(LinkError::Other { .. })));
}

#[test]
fn a_link_says_what_it_is() {
    let (pty, link) = open();
    let description = link.describe();
    assert_eq!(description.name, format!("serial:{}@9600", pty.path()));
    assert_eq!((description.clock, description.reference), (ClockSource::User, false));
    assert_eq!(description.resolution, Duration::from_millis(1));
}

/// A reference BMS on a pseudo-terminal, with a control socket.
struct Emulated {
    place: String,
    control: Address,
    stop: StopHandle,
    thread: Option<JoinHandle<Result<(), EmulateError>>>,
}

impl Emulated {
    fn start(name: &str, state: Vec<Stimulus>) -> Emulated {
        let socket = std::env::temp_dir().join(format!("bmscheck-serial-{}-{name}", std::process::id()));
        let control = Address::Unix(socket);
        let options = EmulateOptions {
            battery: ReferenceOptions::new("pylon-rs485", LINE),
            target: Target::Pty,
            state,
            control: Some(control.clone()),
        };
        let (sender, receiver) = mpsc::channel();
        let thread = thread::spawn(move || {
            let held = FORK.lock();
            let emulation = Emulation::start(&options)?;
            drop(held);
            let handles = (
                emulation.place().to_string(),
                emulation.describe().to_string(),
                emulation.stop_handle(),
            );
            sender.send(handles).unwrap();
            emulation.run()
        });
        let (place, description, stop) = receiver.recv().unwrap();
        assert_eq!(
            description,
            format!("emulating pylon-rs485 on {place} (control {control})")
        );
        let thread = Some(thread);
        Emulated {
            place,
            control,
            stop,
            thread,
        }
    }

    /// Waits until the self-test is over.
    fn link(&self) -> Serial {
        let mut link = Serial::open(&self.place, 9600).unwrap();
        let deadline = link.now().after(PATIENCE);
        while exchange(&mut link, QUESTION, Duration::from_millis(500)).is_empty() {
            assert!(link.now() < deadline, "the battery does not answer");
        }
        link
    }
}

impl Drop for Emulated {
    fn drop(&mut self) {
        self.stop.stop();
        let ended = self.thread.take().unwrap().join().unwrap();
        if !thread::panicking() {
            ended.unwrap();
            let Address::Unix(socket) = &self.control else { panic!() };
            assert!(!socket.exists(), "the control socket is left behind");
        }
    }
}

const LINE: Line = Line::Serial { baud: 9600 };
/// Measurements of the system (sheet pylon-rs485, command 61).
const QUESTION: &[u8] = b"~200246610000FDAB\r";

/// Asks and listens until a carriage return or for so long.
fn exchange(link: &mut dyn Link, question: &[u8], patience: Duration) -> Vec<u8> {
    let sent = link.send(&BusFrame::Serial(question.to_vec())).unwrap();
    let mut reply = Vec::new();
    loop {
        match link.receive(sent.after(patience)).unwrap() {
            Received::Frame {
                frame: BusFrame::Serial(bytes),
                ..
            } => reply.extend(bytes),
            Received::Nothing => return reply,
            other => panic!("{other:?}"),
        }
        if reply.ends_with(b"\r") {
            return reply;
        }
    }
}

/// What the same battery answers in virtual time.
fn virtual_reply(stimuli: &[Stimulus]) -> Vec<u8> {
    let mut link = Reference::start(&ReferenceOptions::new("pylon-rs485", LINE)).unwrap();
    let started = Instant::from_micros(5_000_000);
    assert_eq!(link.receive(started).unwrap(), Received::Nothing);
    for stimulus in stimuli {
        link.battery().lock().apply(started, stimulus).unwrap();
    }
    let reply = exchange(&mut link, QUESTION, Duration::from_secs(2));
    // VER 20, ADR 02, CID1 46, RTN 00: an error would be the same whatever the state is.
    assert!(reply.starts_with(b"~20024600"), "{}", String::from_utf8_lossy(&reply));
    reply
}

fn set(name: &str, value: &str) -> Stimulus {
    Stimulus::Set(name.into(), stimulus::setting(value))
}

#[test]
fn an_emulated_battery_answers_as_in_virtual_time() {
    let state = vec![set("soc", "37 %"), set("current", "-12.5 A")];
    let emulated = Emulated::start("answers", state.clone());
    let mut link = emulated.link();
    let reply = exchange(&mut link, QUESTION, PATIENCE);
    assert_eq!(
        String::from_utf8_lossy(&reply),
        String::from_utf8_lossy(&virtual_reply(&state))
    );
    assert_ne!(reply, virtual_reply(&[]), "the state shows");
    // The question in slices is the same question.
    for byte in &QUESTION[..QUESTION.len() - 1] {
        link.send(&BusFrame::Serial(vec![*byte])).unwrap();
    }
    assert_eq!(exchange(&mut link, b"\r", PATIENCE), reply);
}

#[test]
fn a_control_socket_changes_what_the_battery_says() {
    let emulated = Emulated::start("control", Vec::new());
    let mut fixture = FixtureSpec::Refbms(emulated.control.clone()).open().unwrap();
    assert!(
        fixture.describe().contains("reference BMS, pylon-rs485"),
        "{}",
        fixture.describe()
    );
    assert_eq!(fixture.capabilities(), stimulus::CAPABILITIES);
    assert_eq!(fixture.settle(), Duration::ZERO);
    let mut link = emulated.link();
    let stimuli = [set("soc", "12 %"), set("cell_voltage_4", "3.1 V")];
    for stimulus in &stimuli {
        fixture.apply(Instant::ZERO, stimulus).unwrap();
    }
    assert_eq!(exchange(&mut link, QUESTION, PATIENCE), virtual_reply(&stimuli));
    let refused = fixture.apply(Instant::ZERO, &set("pack_3.soc", "5 %")).unwrap_err();
    assert!(
        refused.ends_with("says: there is no pack 3 in a bank of one pack"),
        "{refused}"
    );
    fixture.apply(Instant::ZERO, &Stimulus::Sleep(true)).unwrap();
    assert_eq!(exchange(&mut link, QUESTION, Duration::from_millis(300)), b"");
    fixture.apply(Instant::ZERO, &Stimulus::Reset).unwrap();
    assert_eq!(exchange(&mut link, QUESTION, PATIENCE), virtual_reply(&[]));
}

#[test]
fn settings_of_one_message_take_effect_together_or_not_at_all() {
    let emulated = Emulated::start("together", Vec::new());
    let Address::Unix(socket) = &emulated.control else {
        panic!()
    };
    let mut control = UnixStream::connect(socket).unwrap();
    let mut answers = BufReader::new(control.try_clone().unwrap()).lines();
    let mut ask = |message: &str| {
        control.write_all(format!("{message}\n").as_bytes()).unwrap();
        answers.next().unwrap().unwrap()
    };
    let refused = r#"{"ok":false,"error":"there is no pack 3 in a bank of one pack"}"#;
    assert_eq!(ask(r#"{"set": {"soc": "12 %", "pack_3.soc": "5 %"}}"#), refused);
    let before = ask(r#"{"status": true}"#);
    assert!(!before.contains(r#""soc":"12 %""#), "{before}");
    assert_eq!(ask(r#"{"set": {"soc": "12 %", "heater_on": true}}"#), r#"{"ok":true}"#);
    let after = ask(r#"{"status": true}"#);
    assert!(after.contains(r#""soc":"12 %""#), "{after}");
    assert!(ask("{\"set\": ").contains("a message is one JSON object"));
}

#[test]
fn clients_of_a_pseudo_terminal_come_and_go() {
    let emulated = Emulated::start("clients", Vec::new());
    let first = exchange(&mut emulated.link(), QUESTION, PATIENCE);
    let second = exchange(&mut emulated.link(), QUESTION, PATIENCE);
    assert_eq!(first, second);
}

#[test]
fn noise_does_not_silence_the_battery() {
    let emulated = Emulated::start("noise", Vec::new());
    let mut link = emulated.link();
    for noise in [&b"\x00\xFF~~~~20\r\r"[..], &[0x7E; 300], b"~2002466100", &[0xA5; 2000]] {
        link.send(&BusFrame::Serial(noise.to_vec())).unwrap();
    }
    // What the noise may have provoked is not the answer.
    let quiet = Duration::from_millis(100);
    while !exchange(&mut link, b"\r", quiet).is_empty() {}
    assert_eq!(exchange(&mut link, QUESTION, PATIENCE), virtual_reply(&[]));
}

#[test]
fn a_control_socket_that_is_in_use_is_not_taken_over() {
    let emulated = Emulated::start("in-use", Vec::new());
    let options = EmulateOptions {
        battery: ReferenceOptions::new("pylon-rs485", LINE),
        target: Target::Pty,
        state: Vec::new(),
        control: Some(emulated.control.clone()),
    };
    let error = Emulation::start(&options).err().unwrap();
    assert!(error.to_string().starts_with("cannot listen on `unix:"), "{error}");
}

#[test]
fn a_control_socket_that_was_left_behind_is_taken_over() {
    let socket = std::env::temp_dir().join(format!("bmscheck-serial-{}-left", std::process::id()));
    drop(UnixListener::bind(&socket).unwrap());
    drop(Emulated::start("left", Vec::new()));
}

#[test]
fn a_battery_is_emulated_on_its_own_bus_only() {
    let start = |target: &str, protocol: &str, line| {
        let options = EmulateOptions {
            battery: ReferenceOptions::new(protocol, line),
            target: Target::parse(target).unwrap(),
            state: Vec::new(),
            control: None,
        };
        Emulation::start(&options).err().unwrap().to_string()
    };
    assert_eq!(
        start("ref", "pylon-rs485", LINE),
        "a battery cannot be emulated on `ref`; use can:IFACE, serial:PATH or pty"
    );
    assert_eq!(
        start("can:can0", "pylon-rs485", LINE),
        "`can:can0`: `pylon-rs485` is spoken on RS485"
    );
    let can = Line::Can { bitrate: 500_000 };
    assert_eq!(start("pty", "pylon-can", can), "`pty`: `pylon-can` is spoken on CAN");
    assert!(start("pty", "pylon", LINE).contains("does not speak `pylon`"));
}

/// A program that does not outlive its test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_command_emulates_until_it_is_terminated() {
    let file = |what: &str| std::env::temp_dir().join(format!("bmscheck-serial-{}-{what}", std::process::id()));
    let (state, socket) = (file("state.yaml"), file("command"));
    std::fs::write(&state, "soc: 37 %\npack_2.current: -5 A\n").unwrap();
    let mut command = Program(spawn(
        Command::new(env!("CARGO_BIN_EXE_bmscheck"))
            .args(["emulate", "pylon-rs485", "--target", "pty", "--packs", "2", "--state"])
            .arg(&state)
            .args(["--control", &format!("unix:{}", socket.display())])
            .stdout(Stdio::piped()),
    ));
    let mut line = String::new();
    BufReader::new(command.0.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let (place, control) = line
        .trim_end()
        .rsplit_once(" (control ")
        .unwrap_or_else(|| panic!("{line:?}"));
    assert_eq!(control, format!("unix:{})", socket.display()));
    let place = place
        .strip_prefix("emulating pylon-rs485 on ")
        .unwrap_or_else(|| panic!("{line:?}"));

    let mut link = Serial::open(place, 9600).unwrap();
    let mut reply = Vec::new();
    let deadline = link.now().after(PATIENCE);
    while reply.is_empty() {
        assert!(link.now() < deadline, "the battery does not answer");
        reply = exchange(&mut link, QUESTION, Duration::from_millis(500));
    }
    let state_of_it = [Stimulus::Packs(2), set("soc", "37 %"), set("pack_2.current", "-5 A")];
    assert_eq!(reply, virtual_reply(&state_of_it));

    let process = Pid::from_raw(i32::try_from(command.0.id()).unwrap());
    kill(process, Signal::SIGTERM).unwrap();
    assert!(command.0.wait().unwrap().success());
    assert!(!socket.exists(), "the control socket is left behind");
    std::fs::remove_file(state).unwrap();
}

#[test]
fn a_wrong_state_file_is_told_at_its_place() {
    let state = std::env::temp_dir().join(format!("bmscheck-serial-{}-wrong.yaml", std::process::id()));
    std::fs::write(&state, "packs: 2\nsock: 37 %\n").unwrap();
    let program = spawn(
        Command::new(env!("CARGO_BIN_EXE_bmscheck"))
            .args(["emulate", "pylon-rs485", "--target", "pty", "--state"])
            .arg(&state)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped()),
    );
    let (code, said) = end_of(program);
    assert_eq!(code, Some(2), "{said}");
    for part in ["unknown-stimulus", "wrong.yaml:2:1", "did you mean `soc`?"] {
        assert!(said.contains(part), "{part} in\n{said}");
    }
    assert!(!said.contains("emulating"), "{said}");
    std::fs::remove_file(state).unwrap();
}

/// A suite of one case over a real line.
fn suite(name: &str, steps: &str) -> PathBuf {
    let file = std::env::temp_dir().join(format!("bmscheck-serial-{}-suite-{name}.yaml", std::process::id()));
    let text = format!(
        "suite: wire/{name}
title: The state of charge over a real line
protocol: pylon-rs485
cases:
  - id: soc
    title: The state of charge is that of the battery
    covers: [B-106]
    given: {{ soc: 37 % }}
    steps:
{steps}"
    );
    std::fs::write(&file, text).unwrap();
    file
}

/// `bmscheck run` of a suite on an emulated battery.
fn run(suite: &Path, emulated: &Emulated) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bmscheck"));
    command
        .arg("run")
        .arg(suite)
        .args(["--target", &format!("serial:{}", emulated.place)])
        .args(["--fixture", &format!("refbms:{}", emulated.control)])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Waits for the end of a program; its exit status and all that it said.
fn end_of(program: Child) -> (Option<i32>, String) {
    let output = program.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    (output.status.code(), said.into_owned())
}

#[test]
fn a_run_judges_an_emulated_battery_over_a_line() {
    let emulated = Emulated::start("run", Vec::new());
    drop(emulated.link());
    let right = "      - request: { command: 0x61, at: 0x02 }
        reply: { fields: { soc: 37 % } }
      - set: { soc: 12 % }
      - request: { command: 0x61, at: 0x02, sliced: 2 ms }
        reply: { fields: { soc: 12 % } }
";
    for (name, steps, status) in [
        ("right", right, 0),
        ("wrong", &right.replace("12 % }\n  ", "13 % }\n  "), 1),
    ] {
        let suite = suite(name, steps);
        let (code, said) = end_of(spawn(&mut run(&suite, &emulated)));
        assert_eq!(code, Some(status), "{name}: {said}");
        std::fs::remove_file(suite).unwrap();
    }
}

#[test]
fn a_run_whose_line_breaks_is_an_error_and_no_fail() {
    let emulated = Emulated::start("breaks", Vec::new());
    drop(emulated.link());
    let Address::Unix(socket) = &emulated.control else {
        panic!()
    };
    let mut control = UnixStream::connect(socket).unwrap();
    let mut answers = BufReader::new(control.try_clone().unwrap()).lines();
    let mut received = || {
        control.write_all(b"{\"status\": true}\n").unwrap();
        let answer: serde_json::Value = serde_json::from_str(&answers.next().unwrap().unwrap()).unwrap();
        answer["received"].as_u64().unwrap()
    };
    let before = received();
    let steps = "      - request: { command: 0x61, at: 0x02 }
        reply: { fields: { soc: 37 % } }
      - wait: 1 h
      - request: { command: 0x61, at: 0x02 }
        reply: { fields: { soc: 37 % } }
";
    let suite = suite("breaks", steps);
    let mut program = spawn(&mut run(&suite, &emulated));
    while received() == before {
        assert_eq!(program.try_wait().unwrap(), None, "it ended before it asked");
        thread::sleep(Duration::from_millis(5));
    }
    // The first question was asked; now the other end goes.
    drop(emulated);
    let (code, said) = end_of(program);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("is gone"), "{said}");
    std::fs::remove_file(suite).unwrap();
}

#[test]
fn a_run_against_a_dumb_line_judges_nothing_and_says_what_to_check() {
    let pty = new_pty();
    let mut command = Command::new(env!("CARGO_BIN_EXE_bmscheck"));
    command
        .arg("run")
        .args(["pylon-rs485/identity/form-of-the-texts", "--profile", "eol"])
        .args(["--target", &format!("serial:{}", pty.path())])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let (code, said) = end_of(spawn(&mut command));
    assert_eq!(code, Some(3), "{said}");
    for words in [
        "1 inconclusive",
        "0 pass",
        "nothing at all has come",
        "address 1",
        "pins 2 and 7",
        "9600 baud",
    ] {
        assert!(said.contains(words), "{words} in {said}");
    }
}
