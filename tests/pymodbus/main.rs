//! The reference BMS, read over a pseudo-terminal by an independent Modbus master: pymodbus.
//!
//! For each protocol with Modbus frames that the reference speaks, `bmscheck emulate` plays the battery in a state that is
//! not its default, and pymodbus reads every block of the definition, at every address that the sheet gives a battery, and
//! asks for what must be refused or stay unanswered. Three readings must agree, exactly:
//!
//! - the registers as pymodbus got them, in the numbers of [`sheets.py`](sheets.py), written by hand from the sheets;
//! - the fields of `bmscheck decode --format json` for the very bytes that passed;
//! - the state that was set.
//!
//! A reply of Voltronic counts registers where Modbus counts bytes, so that no Modbus stack can read it: pymodbus reads the
//! variant `standard` (Q-35), and must find nothing in a reply of the document's variant.
//!
//! pymodbus comes from Python's package registry into an environment below `target/`. Where that cannot be had, every
//! trial is ignored, with the reason.

mod environment;
#[path = "../support/python.rs"]
mod python;
mod states;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::{Arc, OnceLock};

use bmscheck::definition::{Bus, Library, Protocol};
use bmscheck::value::Number;
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use states::State;

/// Protocols in which every pack answers at its own address with its own values, by way of the master (Q-12).
const EACH_PACK_ANSWERS: [&str; 3] = ["pace-modbus", "srne-modbus", "luxpower-rs485"];
/// In this protocol every battery answers at address 1 too (sheet, "Session"), and refuses by its own codes.
const VOLTRONIC: &str = "voltronic-rs485";
/// The DIP address of a pack that is wired alone.
const ALONE: u8 = 5;
/// So many registers are read at once at most; longer blocks, without an end, are looked at where they begin.
const MOST_REGISTERS: u16 = 120;

/// What is read of which battery.
struct Work {
    protocol: Protocol,
    situation: Situation,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Situation {
    /// One pack, by the state file.
    Charging,
    /// One pack, by the control socket.
    Discharging,
    /// Three packs in parallel.
    SeveralPacks,
    /// A pack with another address that is wired alone.
    OtherAddress,
    /// Voltronic as in its document.
    LengthInRegisters,
}

impl Situation {
    fn name(self) -> &'static str {
        match self {
            Situation::Charging => "charging",
            Situation::Discharging => "discharging",
            Situation::SeveralPacks => "several packs",
            Situation::OtherAddress => "other address",
            Situation::LengthInRegisters => "length in registers",
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let python: Arc<OnceLock<Result<PathBuf, String>>> = Arc::default();
    let trials = work().into_iter().map(|work| {
        let name = format!("{} {}", work.protocol.name, work.situation.name());
        let python = Arc::clone(&python);
        let trial = Trial::ignorable_test(name, move || match python.get_or_init(environment::python) {
            Err(reason) => Ok(Completion::ignored_with(reason)),
            Ok(python) => work.read(python).map(|()| Completion::Completed).map_err(Failed::from),
        });
        trial.with_kind("pymodbus")
    });
    let trials = trials.collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Every protocol with Modbus frames that the reference speaks, in every situation.
fn work() -> Vec<Work> {
    let (library, mistakes) = Library::load(None);
    assert!(!mistakes.has_errors(), "{}", mistakes.render_plain());
    let spoken = |protocol: &&Protocol| protocol.is_modbus() && refbms::Protocol::from_name(&protocol.name).is_some();
    let protocols = library.protocols().filter(spoken);
    let work: Vec<Work> = protocols
        .flat_map(|protocol| {
            let own = (protocol.name == VOLTRONIC).then_some(Situation::LengthInRegisters);
            [
                Situation::Charging,
                Situation::Discharging,
                Situation::SeveralPacks,
                Situation::OtherAddress,
            ]
            .into_iter()
            .chain(own)
            .map(|situation| Work {
                protocol: protocol.clone(),
                situation,
            })
        })
        .collect();
    assert!(!work.is_empty(), "the reference speaks no protocol on Modbus");
    work
}

impl Work {
    fn read(&self, python: &Path) -> Result<(), String> {
        let state = match self.situation {
            Situation::Discharging | Situation::OtherAddress => State::discharging(),
            Situation::SeveralPacks => State::several_packs(),
            Situation::Charging | Situation::LengthInRegisters => State::charging(),
        };
        let emulated = Emulated::start(self, &state)?;
        let reads = self.reads();
        let Bus::Serial { baud, .. } = self.protocol.bus else {
            return Err("it is not spoken on a serial line".to_string());
        };
        let job = json!({
            "protocol": self.protocol.name,
            "port": emulated.port,
            "baud": baud,
            "packs": state.packs,
            "set": state.set,
            "conditions": state.conditions,
            "follows": state.follows,
            "reads": reads,
        });
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pymodbus/reader.py");
        let mut command = Command::new(python);
        // No byte code beside the sources.
        let said = run(command.arg("-B").arg(script), &job.to_string())?;
        let mut answers = objects(&said)?.into_iter();
        let names = answers.next().ok_or("pymodbus says nothing")?;
        let answers: Vec<Value> = answers.collect();
        if answers.len() != reads.len() {
            return Err(format!("{} answers to {} questions", answers.len(), reads.len()));
        }
        self.compare(&names, &answers)
    }

    /// What pymodbus is to ask.
    fn reads(&self) -> Vec<Value> {
        let answering: &[u8] = match self.situation {
            Situation::SeveralPacks if self.each_pack_answers() => &[1, 2, 3],
            Situation::OtherAddress if self.protocol.name == VOLTRONIC => &[1, ALONE],
            Situation::OtherAddress => &[ALONE],
            _ => &[1],
        };
        let mut reads = Vec::new();
        for device in answering {
            let pack = match self.situation {
                Situation::SeveralPacks if self.each_pack_answers() => *device,
                Situation::SeveralPacks => 0,
                _ => 1,
            };
            reads.extend(self.blocks(*device, pack));
            reads.push(self.refusal(*device));
        }
        // Addresses of nobody, or of a pack that is not there.
        for device in [2, 4, 9].into_iter().filter(|device| !answering.contains(device)) {
            reads.push(silence(device));
        }
        if !answering.contains(&1) {
            reads.push(silence(1));
        }
        if self.situation == Situation::LengthInRegisters {
            // Bytes come, and are no Modbus frame.
            for read in reads.iter_mut().filter(|read| read["data"] == true) {
                read["data"] = json!(false);
                read["noise"] = json!(true);
            }
        }
        reads
    }

    fn each_pack_answers(&self) -> bool {
        EACH_PACK_ANSWERS.contains(&self.protocol.name.as_str())
    }

    /// Every block of the definition, and what it may give.
    fn blocks(&self, device: u8, pack: u8) -> Vec<Value> {
        let map = self.protocol.registers.as_ref();
        let blocks = map.into_iter().flat_map(|map| &map.blocks);
        blocks
            .map(|block| {
                let (start, end) = (*block.registers.start(), *block.registers.end());
                let count = match u32::from(end) - u32::from(start) + 1 {
                    count if count <= u32::from(MOST_REGISTERS) => count,
                    _ => 1,
                };
                let has_fields = self.protocol.block(start, 1, None).is_some();
                let exceptions: Vec<u8> = block
                    .read
                    .iter()
                    .filter_map(|what| what.strip_prefix("exception ")?.parse().ok())
                    .collect();
                let zero = block.read.is_empty() || block.read.iter().any(|what| what == "zero");
                json!({
                    "function": 3,
                    "device": device,
                    "start": start,
                    "count": count,
                    "pack": pack,
                    "data": has_fields || zero,
                    "exceptions": exceptions,
                    "silence": block.read.iter().any(|what| what == "silence"),
                    "noise": false,
                })
            })
            .collect()
    }

    /// A function that no protocol knows: read coils. Exception 1, in Voltronic's document error 2.
    fn refusal(&self, device: u8) -> Value {
        let code = if self.protocol.name == VOLTRONIC { 2 } else { 1 };
        json!({
            "function": 1, "device": device, "start": 0, "count": 1, "pack": 1,
            "data": false, "exceptions": [code], "silence": false, "noise": false,
        })
    }

    /// Compares what pymodbus read with what `bmscheck decode` reads in the same bytes.
    fn compare(&self, names: &Value, answers: &[Value]) -> Result<(), String> {
        let mut wrong = Vec::new();
        let mut log = String::new();
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        for answer in answers {
            for what in answer["wrong"].as_array().into_iter().flatten() {
                wrong.push(format!("{}: {what}", answer["sent"]));
            }
            for side in ["sent", "received"] {
                let bytes = answer[side].as_str().unwrap_or_default();
                if !bytes.is_empty() {
                    log.push_str(&format!("{bytes}\n"));
                }
            }
        }
        let mut decode = bmscheck();
        decode.args(["decode", "-p", &self.protocol.name, "--format", "json", "-"]);
        if let Some(variant) = self.variant() {
            decode.args(["--variant", variant]);
        }
        let messages = objects(&run(&mut decode, &log)?)?;
        let mut messages = messages.iter();
        for answer in answers {
            let question = messages.next();
            if question.is_none_or(|message| !is_frame(message, &answer["sent"])) {
                wrong.push(format!("{}: bmscheck decodes {question:?}", answer["sent"]));
                break;
            }
            if answer["received"] == "" {
                continue;
            }
            let Some(reply) = messages.next().filter(|message| is_frame(message, &answer["received"])) else {
                wrong.push(format!("{}: bmscheck does not decode it", answer["received"]));
                break;
            };
            if answer["exception"].is_number() && reply["return_code"] != answer["exception"] {
                wrong.push(format!("exception {}: {reply}", answer["exception"]));
            }
            if reply["errors"] != json!([]) {
                wrong.push(format!("{}: {}", answer["received"], reply["errors"]));
            }
            for (name, value) in answer["values"].as_object().into_iter().flatten() {
                seen.insert(name);
                if let Some(what) = differs(value, &reply["fields"][name]) {
                    wrong.push(format!("{name}: {what}"));
                }
            }
        }
        if self.situation != Situation::LengthInRegisters {
            let all = names["fields"].as_array().into_iter().flatten();
            let missing: Vec<&str> = all
                .filter_map(Value::as_str)
                .filter(|name| !seen.contains(name))
                .collect();
            if !missing.is_empty() || seen.len() < 20 {
                wrong.push(format!("not read: {missing:?}; read: {}", seen.len()));
            }
        }
        if wrong.is_empty() {
            return Ok(());
        }
        let shown: Vec<&str> = wrong.iter().take(20).map(String::as_str).collect();
        Err(format!("{} differences:\n{}", wrong.len(), shown.join("\n")))
    }

    /// How the battery and the decoder are to frame replies.
    fn variant(&self) -> Option<&'static str> {
        let standard = self.protocol.name == VOLTRONIC && self.situation != Situation::LengthInRegisters;
        standard.then_some("standard")
    }
}

/// A question to which nobody answers.
fn silence(device: u8) -> Value {
    json!({
        "function": 3, "device": device, "start": 16, "count": 1, "pack": 1,
        "data": false, "exceptions": [], "silence": true, "noise": false,
    })
}

fn is_frame(message: &Value, hex: &Value) -> bool {
    let hex = hex.as_str().unwrap_or_default();
    message["frame"]
        .as_str()
        .is_some_and(|frame| frame.eq_ignore_ascii_case(hex))
}

/// What differs between a value of pymodbus and a field of `bmscheck decode`.
fn differs(theirs: &Value, ours: &Value) -> Option<String> {
    let equal = match (&theirs["value"], &ours["value"]) {
        (Value::String(number), Value::Number(ours_number)) => {
            let unit = ours["unit"].as_str().unwrap_or_default();
            let parse = |text: &str| Number::parse(text).ok();
            unit == theirs["unit"] && parse(number).is_some() && parse(number) == parse(&ours_number.to_string())
        }
        (theirs, ours) => theirs == ours,
    };
    (!equal).then(|| format!("pymodbus reads {theirs}, bmscheck {ours}"))
}

/// `bmscheck emulate` in a state.
struct Emulated {
    process: Child,
    port: String,
    socket: PathBuf,
    file: PathBuf,
}

impl Emulated {
    fn start(work: &Work, state: &State) -> Result<Emulated, String> {
        let name = format!("{}-{}", work.protocol.name, work.situation.name().replace(' ', "-"));
        let place = |ending: &str| Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("pymodbus-{name}.{ending}"));
        let file = place("yaml");
        // A socket's path is short.
        let socket = std::env::temp_dir().join(format!("pymodbus-{}-{name}", std::process::id()));
        let by_control = work.situation == Situation::Discharging;
        let text = if by_control { String::new() } else { state.file() };
        std::fs::write(&file, text).map_err(|error| error.to_string())?;
        let mut command = bmscheck();
        command
            .args(["emulate", &work.protocol.name, "--target", "pty", "--state"])
            .arg(&file)
            .args(["--control", &format!("unix:{}", socket.display())])
            .args(["--packs", &state.packs.to_string()])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if work.situation == Situation::OtherAddress {
            command.args(["--dip", &ALONE.to_string()]);
        }
        if let Some(variant) = work.variant() {
            command.args(["--variant", variant]);
        }
        let mut process = command.spawn().map_err(|error| error.to_string())?;
        let mut line = String::new();
        if let Some(stdout) = process.stdout.take() {
            BufReader::new(stdout)
                .read_line(&mut line)
                .map_err(|error| error.to_string())?;
        }
        let mut emulated = Emulated {
            process,
            port: String::new(),
            socket,
            file,
        };
        // "emulating pace-modbus on /dev/pts/5 (control unix:...)"
        let port = line
            .split(" on ")
            .nth(1)
            .and_then(|rest| rest.split_whitespace().next());
        match port {
            Some(port) => emulated.port = port.to_string(),
            None => {
                let mut said = String::new();
                if let Some(stderr) = emulated.process.stderr.take() {
                    said = BufReader::new(stderr).lines().map_while(Result::ok).collect();
                }
                return Err(format!("bmscheck emulate: {line} {said}"));
            }
        }
        if by_control {
            emulated.control(state)?;
        }
        Ok(emulated)
    }

    /// Puts the battery into a state while it runs.
    fn control(&self, state: &State) -> Result<(), String> {
        let mut set = state.set.clone();
        set.extend(state.conditions.iter().map(|name| (name.to_string(), json!(true))));
        let mut control = UnixStream::connect(&self.socket).map_err(|error| error.to_string())?;
        control
            .write_all(format!("{}\n", json!({ "set": set })).as_bytes())
            .map_err(|error| error.to_string())?;
        let mut answer = String::new();
        BufReader::new(control)
            .read_line(&mut answer)
            .map_err(|error| error.to_string())?;
        match answer.trim_end() == r#"{"ok":true}"# {
            true => Ok(()),
            false => Err(format!("the control socket answers {answer}")),
        }
    }
}

impl Drop for Emulated {
    fn drop(&mut self) {
        if let Ok(id) = i32::try_from(self.process.id()) {
            let _ = kill(Pid::from_raw(id), Signal::SIGTERM);
        }
        let _ = self.process.wait();
        let _ = std::fs::remove_file(&self.file);
    }
}

fn bmscheck() -> Command {
    Command::new(env!("CARGO_BIN_EXE_bmscheck"))
}

fn objects(text: &str) -> Result<Vec<Value>, String> {
    let lines = text.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().map_err(|error| error.to_string())
}

/// Runs a program on some input; its output.
fn run(command: &mut Command, input: &str) -> Result<String, String> {
    let piped = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = piped.spawn().map_err(|error| format!("{command:?}: {error}"))?;
    let stdin = child.stdin.take();
    let output = std::thread::scope(|scope| {
        // The program may answer before it has read everything; one that ended early says why.
        scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(input.as_bytes())));
        child.wait_with_output()
    });
    let output = output.map_err(|error| format!("{command:?}: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{command:?} ended with {}: {said}", output.status));
    }
    String::from_utf8(output.stdout).map_err(|error| error.to_string())
}
