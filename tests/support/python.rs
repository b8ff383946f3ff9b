//! A Python with a package from the registry, below `target/`.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A package in a virtual environment of its own.
pub(crate) struct Package {
    /// Its name.
    pub(crate) name: &'static str,
    /// The version that is installed and demanded.
    pub(crate) version: &'static str,
    /// Modules that must be there besides it, each with a comma behind: `serial, `.
    pub(crate) modules: &'static str,
    /// What `pip install` is told.
    pub(crate) install: Vec<String>,
}

impl Package {
    /// The Python of an environment that has the package; made when it is not there yet.
    ///
    /// # Errors
    /// Why it cannot be had: no Python, no `venv`, no `pip`, or a package registry that does not answer.
    pub(crate) fn python(&self) -> Result<PathBuf, String> {
        let Package { name, version, .. } = self;
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{version}"));
        let python = folder.join("bin/python");
        if self.is_in(&python) {
            return Ok(python);
        }
        step(
            Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder),
            "no virtual environment (on Debian: apt install python3 python3-venv)",
        )?;
        let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        step(
            Command::new(&python).args(install).args(&self.install),
            &format!("{name} cannot be installed"),
        )?;
        match self.is_in(&python) {
            true => Ok(python),
            false => Err(format!("{name} {version} was installed and is not there")),
        }
    }

    fn is_in(&self, python: &Path) -> bool {
        let Package { name, modules, .. } = self;
        let ask = format!("import {modules}{name}; print({name}.__version__)");
        let answer = Command::new(python).args(["-c", &ask]).output();
        answer.is_ok_and(|answer| String::from_utf8_lossy(&answer.stdout).trim() == self.version)
    }
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
