//! A Python with cantools, below `target/`.

use std::path::PathBuf;

use crate::python::Package;

/// The version that is installed and demanded.
const VERSION: &str = "45.1.0";

/// The Python of an environment that has cantools; made when it is not there yet.
///
/// # Errors
/// As [`Package::python`].
pub(crate) fn python() -> Result<PathBuf, String> {
    let cantools = Package {
        name: "cantools",
        version: VERSION,
        modules: "",
        install: vec![format!("cantools=={VERSION}")],
    };
    cantools.python()
}
