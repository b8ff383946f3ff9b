//! What `bmscheck export dbc` writes, read by an independent program: cantools.
//!
//! Each CAN protocol is exported, loaded in cantools' strict mode without a warning, and frames are decoded by both: the
//! golden frames of the protocol, and frames in which every single bit is set in turn. Each signal of cantools must be a
//! field of `bmscheck decode --format json` with the same raw number and, exactly, the same value, and the other way
//! round. What a DBC cannot say is compared as far as it goes:
//!
//! - a sentinel must be named `not_available` (its raw number in JSON has no sign); an absent value beyond a bound is let pass where the signal's comment says
//!   "not available";
//! - a text, date, version or constant must stand in the signals of its bytes: as the characters or hex digits that JSON
//!   has, else as bytes of the frame;
//! - the magnitude is compared where only it counts, the raw number where the sender's flavour has another scale, and
//!   where a number is in a code that a DBC does not know;
//! - a field without signals must be named in the comment of its message.
//!
//! cantools comes from Python's package registry into an environment below `target/`. Where that cannot be had, every
//! trial is ignored, with the reason.

mod environment;
#[path = "../support/python.rs"]
mod python;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::{Arc, OnceLock};

use bmscheck::definition::library::{Folder, data_files};
use bmscheck::definition::{Bus, Kind, Library, MessageKey, Protocol};
use bmscheck::suite::vectors;
use bmscheck::value::Number;
use bmscheck::wire::BusFrame;
use bmscheck::wire::can::{CanFrame, CanKind};
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use serde_json::{Map, Value};

/// Frames of one variant of a protocol.
struct Work {
    protocol: Protocol,
    variant: Option<String>,
    frames: Vec<CanFrame>,
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let python: Arc<OnceLock<Result<PathBuf, String>>> = Arc::default();
    let trials = work().into_iter().map(|work| {
        let variant = work.variant.as_deref().map(|variant| format!(" {variant}"));
        let name = format!("{}{}", work.protocol.name, variant.unwrap_or_default());
        let python = Arc::clone(&python);
        let trial = Trial::ignorable_test(name, move || match python.get_or_init(environment::python) {
            Err(reason) => Ok(Completion::ignored_with(reason)),
            Ok(python) => check(&work, python)
                .map(|()| Completion::Completed)
                .map_err(Failed::from),
        });
        trial.with_kind("cantools")
    });
    let trials = trials.collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// What is to be decoded: every CAN protocol in its default variant, and the variants that have golden frames.
fn work() -> Vec<Work> {
    let (library, diagnostics) = Library::load(None);
    assert!(!diagnostics.has_errors(), "{}", diagnostics.render_plain());
    let protocols: Vec<&Protocol> = library.protocols().collect();
    let mut golden: BTreeMap<(String, Option<String>), Vec<CanFrame>> = BTreeMap::new();
    for source in data_files(None, Folder::Vectors).expect("built-in files are readable") {
        let (file, diagnostics) = vectors::load(&source, &protocols);
        assert!(!diagnostics.has_errors(), "{}", diagnostics.render_plain());
        let Some(file) = file else { continue };
        for vector in file.vectors {
            let known = |frame: &CanFrame| {
                let protocol = library.protocol(&file.protocol);
                protocol.is_some_and(|protocol| protocol.can_message(frame.id).is_some())
            };
            if let BusFrame::Can(frame) = &vector.frame
                && frame.kind == CanKind::Data
                && vector.errors.is_empty()
                && known(frame)
            {
                let key = (file.protocol.clone(), vector.variant.clone());
                golden.entry(key).or_default().push(*frame);
            }
        }
    }
    let mut all = Vec::new();
    for protocol in protocols {
        if !matches!(protocol.bus, Bus::Can { .. }) {
            continue;
        }
        // The first is the default.
        let of_variants = protocol
            .variants
            .iter()
            .skip(1)
            .map(|variant| Some(variant.name.clone()));
        for variant in [None].into_iter().chain(of_variants) {
            let mut frames = golden
                .remove(&(protocol.name.clone(), variant.clone()))
                .unwrap_or_default();
            frames.extend(single_bits(protocol));
            all.push(Work {
                protocol: protocol.clone(),
                variant,
                frames,
            });
        }
    }
    assert!(golden.is_empty(), "frames of no protocol: {:?}", golden.keys());
    all
}

/// For every message the frames with one bit set, and those with all bits but one.
fn single_bits(protocol: &Protocol) -> Vec<CanFrame> {
    let ids = protocol.messages.iter().filter_map(|message| match message.key {
        MessageKey::Can(id) => Some(id),
        _ => None,
    });
    let patterns = (0..64).flat_map(|bit| [1_u64 << bit, !(1_u64 << bit)]);
    let patterns: Vec<[u8; 8]> = patterns.map(u64::to_le_bytes).collect();
    ids.flat_map(|id| patterns.iter().filter_map(move |data| CanFrame::data(id, data)))
        .collect()
}

fn check(work: &Work, python: &Path) -> Result<(), String> {
    let name = &work.protocol.name;
    let variant = work
        .variant
        .iter()
        .flat_map(|variant| ["--variant".to_string(), variant.clone()]);
    let variant: Vec<String> = variant.collect();
    let dbc = run(bmscheck().args(["export", "dbc", name]).args(&variant), "")?;
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}{}.dbc", variant.concat()));
    std::fs::write(&file, dbc).map_err(|error| error.to_string())?;

    let lines: String = work.frames.iter().map(|frame| format!("{frame}\n")).collect();
    let log: String = work
        .frames
        .iter()
        .map(|frame| format!("(0.0) can0 {frame}\n"))
        .collect();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dbc/cantools_decode.py");
    let theirs = run(Command::new(python).arg(script).arg(&file), &lines)?;
    let decode = ["decode", "-p", name, "--format", "json", "-"];
    let ours = run(bmscheck().args(decode).args(&variant), &log)?;
    let (theirs, ours) = (objects(&theirs)?, objects(&ours)?);
    if theirs.len() != work.frames.len() || ours.len() != work.frames.len() {
        let counts = (work.frames.len(), theirs.len(), ours.len());
        return Err(format!("frames, answers of cantools, lines of bmscheck: {counts:?}"));
    }
    let mut wrong = Vec::new();
    for ((frame, theirs), ours) in work.frames.iter().zip(&theirs).zip(&ours) {
        for difference in compare(&work.protocol, frame, theirs, ours) {
            wrong.push(format!("{frame}: {difference}"));
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    let shown: Vec<&str> = wrong.iter().take(20).map(String::as_str).collect();
    Err(format!("{} differences:\n{}", wrong.len(), shown.join("\n")))
}

/// What differs between the signals of cantools and the fields of `bmscheck decode`.
fn compare(protocol: &Protocol, frame: &CanFrame, theirs: &Value, ours: &Value) -> Vec<String> {
    if theirs["page"] == "unknown" {
        let unknown = findings(ours, "warnings").any(|finding| finding["id"] == "unknown-page");
        return match unknown {
            true => Vec::new(),
            false => vec!["cantools does not know this page".to_string()],
        };
    }
    let empty = Map::new();
    let mut signals = theirs["signals"].as_object().unwrap_or(&empty).clone();
    let comment = theirs["comment"].as_str().unwrap_or_default();
    let mut wrong = Vec::new();
    for (name, field) in ours["fields"].as_object().unwrap_or(&empty) {
        let bytes: Vec<u8> = (0..8)
            .map_while(|index| signals.remove(&format!("{name}_byte_{index}")))
            .filter_map(|signal| u8::try_from(signal["raw"].as_u64()?).ok())
            .collect();
        let outcome = if let Some(signal) = signals.remove(name) {
            same(&signal, field, has_flavour(ours, name))
        } else if let Some(raw) = signals.remove(&format!("{name}_raw")) {
            (raw["raw"] == field["raw"])
                .then_some(())
                .ok_or(format!("raw {} for {field}", raw["raw"]))
        } else if !bytes.is_empty() {
            same_bytes(protocol, frame, name, &bytes, field)
        } else if comment.contains(&format!("`{name}`")) {
            Ok(())
        } else {
            Err(format!("no signal, and no word about it: {comment}"))
        };
        wrong.extend(outcome.err().map(|what| format!("{name}: {what}")));
    }
    // A text that is cut off by the end of a short frame is no field; its first bytes are signals.
    let cut = |name: &str| name.contains("_byte_") && frame.length() < 8;
    let left = signals.keys().filter(|name| !cut(name));
    wrong.extend(left.map(|name| format!("{name}: cantools has it, bmscheck does not")));
    wrong
}

fn findings<'v>(ours: &'v Value, kind: &str) -> impl Iterator<Item = &'v Value> {
    ours[kind].as_array().into_iter().flatten()
}

/// Whether the value was read with the scale of another flavour of the sender.
fn has_flavour(ours: &Value, name: &str) -> bool {
    findings(ours, "warnings").any(|finding| finding["id"] == "flavour" && finding["field"] == name)
}

/// Compares a signal with the field that it is.
fn same(signal: &Value, field: &Value, flavour: bool) -> Result<(), String> {
    let differ = || Err(format!("{signal} is not {field}"));
    let comment = signal["comment"].as_str().unwrap_or_default();
    let name = signal["name"].as_str();
    if let (Some(ours), Some(theirs)) = (field.get("raw").and_then(Value::as_i64), signal["raw"].as_i64())
        && ours != theirs
        && !(field["value"].is_null() && is_complement(ours, theirs))
    {
        return differ();
    }
    let equal = match &field["value"] {
        Value::Null => name == Some("not_available") || comment.contains("not available"),
        Value::Bool(truth) => match name {
            Some(name) => name == truth.to_string(),
            // A truth value in several bits may hold a number that is neither.
            None => signal["raw"] == u64::from(*truth) || !truth,
        },
        Value::String(state) => name == Some(state),
        Value::Number(number) => {
            let unit = field["unit"].as_str().unwrap_or_default();
            let alike = unit == signal["unit"].as_str().unwrap_or_default();
            let parse = |text: &str| Number::parse(text).map_err(|error| error.to_string());
            let ours = parse(&number.to_string())?;
            let mut theirs = parse(signal["value"].as_str().unwrap_or_default())?;
            if comment.contains("only the magnitude counts") {
                theirs = theirs.abs();
            }
            alike && name.is_none() && (flavour || ours == theirs)
        }
        _ => false,
    };
    if equal { Ok(()) } else { differ() }
}

/// Whether two numbers are the same bits without and with a sign: JSON has sentinels without one.
fn is_complement(unsigned: i64, signed: i64) -> bool {
    let distance = unsigned.abs_diff(signed);
    signed < 0 && distance.is_power_of_two() && distance.trailing_zeros() >= 8
}

/// Compares the bytes of a field, each a signal, with what it says.
fn same_bytes(protocol: &Protocol, frame: &CanFrame, name: &str, bytes: &[u8], field: &Value) -> Result<(), String> {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    let definition = protocol.can_message(frame.id).and_then(|message| message.field(name));
    let text = field["value"].as_str().unwrap_or_default();
    let literal = matches!(
        definition.map(|field| &field.kind),
        Some(Kind::Text(_) | Kind::Constant { .. } | Kind::Bytes)
    );
    let stands = if literal && !text.contains('\u{FFFD}') {
        let is_text = String::from_utf8_lossy(bytes).contains(text);
        text == hex || is_text
    } else {
        frame.payload().windows(bytes.len()).any(|window| window == bytes)
    };
    if stands {
        Ok(())
    } else {
        Err(format!("bytes {hex} do not hold {field}"))
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
