//! A Python with pymodbus, below `target/`.

use std::path::{Path, PathBuf};

use crate::python::Package;

/// The versions with their hashes.
const REQUIREMENTS: &str = include_str!("requirements.txt");
/// The version that reader.py is written for.
const VERSION: &str = "3.16.1";

/// The Python of an environment that has pymodbus; made when it is not there yet.
///
/// # Errors
/// As [`Package::python`].
pub(crate) fn python() -> Result<PathBuf, String> {
    assert!(REQUIREMENTS.contains(&format!("pymodbus=={VERSION} ")));
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pymodbus/requirements.txt");
    let pymodbus = Package {
        name: "pymodbus",
        version: VERSION,
        modules: "serial, ",
        install: vec![
            "--require-hashes".to_string(),
            "-r".to_string(),
            requirements.to_string_lossy().into_owned(),
        ],
    };
    pymodbus.python()
}
