//! A Python with pymodbus, below `target/`.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The versions with their hashes.
const REQUIREMENTS: &str = include_str!("requirements.txt");
/// The version that reader.py is written for.
const VERSION: &str = "3.16.1";

/// The Python of an environment that has pymodbus; made when it is not there yet.
///
/// # Errors
/// Why it cannot be had: no Python, no `venv`, no `pip`, or a package registry that does not answer.
pub(crate) fn python() -> Result<PathBuf, String> {
    assert!(REQUIREMENTS.contains(&format!("pymodbus=={VERSION} ")));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("pymodbus-{VERSION}"));
    let python = folder.join("bin/python");
    if has_pymodbus(&python) {
        return Ok(python);
    }
    step(
        Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder),
        "no virtual environment (on Debian: apt install python3 python3-venv)",
    )?;
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pymodbus/requirements.txt");
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    step(
        Command::new(&python)
            .args(install)
            .args(["--require-hashes", "-r"])
            .arg(requirements),
        "pymodbus cannot be installed",
    )?;
    match has_pymodbus(&python) {
        true => Ok(python),
        false => Err(format!("pymodbus {VERSION} was installed and is not there")),
    }
}

fn has_pymodbus(python: &Path) -> bool {
    let ask = "import serial, pymodbus; print(pymodbus.__version__)";
    let answer = Command::new(python).args(["-c", ask]).output();
    answer.is_ok_and(|answer| String::from_utf8_lossy(&answer.stdout).trim() == VERSION)
}

fn step(command: &mut Command, failure: &str) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{failure}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let last = said.lines().rev().find(|line| !line.trim().is_empty());
    Err(format!("{failure}: {}", last.unwrap_or("no reason given").trim()))
}
