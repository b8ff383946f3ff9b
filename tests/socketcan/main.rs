//! The CAN link over a real kernel's virtual CAN interface.
//!
//! Started by `cargo test`, this program runs itself once more through `tests/support/vcan.sh`, which gives it a kernel
//! with CAN: that of the host, or user-mode Linux. There it runs the trials that were selected, one after the other, and
//! writes their outcomes to a file, from which the outer run takes them. Where no such kernel can be had, every trial is
//! ignored, with the reason and the command that provides one.

mod bench;
mod end_of_line;
mod trials;

use std::collections::HashMap;
use std::io::Write;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::{Arc, Mutex, OnceLock};

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use serde_json::{Value, json};

/// What a trial came to.
#[derive(Clone, Debug)]
enum Outcome {
    Passed,
    Failed(String),
    Ignored(String),
}

/// A trial's reason for not being done in this environment.
struct Skip(String);

type Body = fn() -> Result<(), Skip>;

/// Set for the inner run: where its outcomes go.
const OUTCOMES: &str = "BMSCHECK_SOCKETCAN_OUTCOMES";
/// Set for the inner run: the trials to run, separated by commas.
const SELECTED: &str = "BMSCHECK_SOCKETCAN_TRIALS";
/// The exit status of `vcan.sh` when there is no kernel with CAN.
const UNAVAILABLE: i32 = 77;

fn main() -> ExitCode {
    if let Some(outcomes) = std::env::var_os(OUTCOMES) {
        return run_inside(Path::new(&outcomes));
    }
    let arguments = Arguments::from_args();
    let selected: Vec<&str> = trials::TRIALS
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| is_selected(&arguments, name))
        .collect();
    let selected = selected.join(",");
    let outcomes: Arc<OnceLock<Result<HashMap<String, Outcome>, Outcome>>> = Arc::default();
    let trials = trials::TRIALS
        .iter()
        .map(|(name, _)| {
            let (outcomes, selected) = (Arc::clone(&outcomes), selected.clone());
            Trial::ignorable_test(*name, move || {
                let outcomes = outcomes.get_or_init(|| boot(&selected));
                let outcome = match outcomes {
                    Ok(outcomes) => outcomes.get(*name).cloned(),
                    Err(for_all) => Some(for_all.clone()),
                };
                match outcome {
                    Some(Outcome::Passed) => Ok(Completion::Completed),
                    Some(Outcome::Ignored(reason)) => Ok(Completion::ignored_with(reason)),
                    Some(Outcome::Failed(message)) => Err(Failed::from(message)),
                    None => Err(Failed::from("the run ended before this trial came to its end")),
                }
            })
            .with_kind("vcan")
        })
        .collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Whether the command line selects a trial; only saves time, the outer run filters again.
fn is_selected(arguments: &Arguments, name: &str) -> bool {
    let matches = |pattern: &str| {
        if arguments.exact {
            name == pattern
        } else {
            name.contains(pattern)
        }
    };
    arguments.filter.as_deref().is_none_or(matches) && !arguments.skip.iter().any(|pattern| matches(pattern))
}

/// Runs the selected trials where a kernel has CAN. An error stands for all of them.
fn boot(selected: &str) -> Result<HashMap<String, Outcome>, Outcome> {
    let failed = |what: String| Outcome::Failed(what);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/vcan.sh");
    let program = std::env::current_exe().map_err(|error| failed(error.to_string()))?;
    let file = std::env::temp_dir().join(format!("bmscheck-socketcan-{}", std::process::id()));
    let run = Command::new(script)
        .arg(program)
        .env(OUTCOMES, &file)
        .env(SELECTED, selected)
        .output()
        .map_err(|error| failed(format!("vcan.sh cannot be started: {error}")))?;
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    let _ = std::fs::remove_file(&file);
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&run.stdout),
        String::from_utf8_lossy(&run.stderr)
    );
    if run.status.code() == Some(UNAVAILABLE) {
        let reason = said.lines().last().unwrap_or("no kernel with CAN").to_string();
        return Err(Outcome::Ignored(reason));
    }
    let outcomes: HashMap<String, Outcome> = written.lines().filter_map(read_outcome).collect();
    if outcomes.is_empty() {
        return Err(failed(format!(
            "the run gave no outcome ({}); it said:\n{said}",
            run.status
        )));
    }
    Ok(outcomes)
}

fn read_outcome(line: &str) -> Option<(String, Outcome)> {
    let value: Value = serde_json::from_str(line).ok()?;
    let text = |key: &str| value.get(key)?.as_str().map(str::to_string);
    let outcome = match text("outcome")?.as_str() {
        "passed" => Outcome::Passed,
        "ignored" => Outcome::Ignored(text("message")?),
        _ => Outcome::Failed(text("message")?),
    };
    Some((text("name")?, outcome))
}

/// Runs the selected trials here and writes each outcome as soon as it is known.
fn run_inside(outcomes: &Path) -> ExitCode {
    let selected = std::env::var(SELECTED).unwrap_or_default();
    let selected: Vec<&str> = selected.split(',').collect();
    let place = Arc::new(Mutex::new(String::new()));
    let seen = Arc::clone(&place);
    panic::set_hook(Box::new(move |info| {
        if let (Ok(mut place), Some(location)) = (seen.lock(), info.location()) {
            *place = location.to_string();
        }
    }));
    let mut file = match std::fs::File::create(PathBuf::from(outcomes)) {
        Ok(file) => file,
        Err(_) => return ExitCode::FAILURE,
    };
    for (name, body) in trials::TRIALS.iter().filter(|(name, _)| selected.contains(name)) {
        let outcome = match panic::catch_unwind(AssertUnwindSafe(body)) {
            Ok(Ok(())) => json!({"name": name, "outcome": "passed"}),
            Ok(Err(Skip(reason))) => json!({"name": name, "outcome": "ignored", "message": reason}),
            Err(panic) => {
                let message = panic
                    .downcast_ref::<String>()
                    .cloned()
                    .or_else(|| panic.downcast_ref::<&str>().map(|text| text.to_string()))
                    .unwrap_or_default();
                let place = place.lock().map(|place| place.clone()).unwrap_or_default();
                json!({"name": name, "outcome": "failed", "message": format!("{place}: {message}")})
            }
        };
        if writeln!(file, "{outcome}").and_then(|()| file.sync_all()).is_err() {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
