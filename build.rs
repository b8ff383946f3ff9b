//! Writes `firmware_tests.rs`: which tests of the reference firmware name which requirement.
//!
//! Only names cross over: the harness learns that a requirement is tested there, nothing of how.

use std::env;
use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::Path;

#[path = "firmware/tests/naming/mod.rs"]
mod naming;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=firmware/src");
    println!("cargo::rerun-if-changed=firmware/tests");
    let root = env::var_os("CARGO_MANIFEST_DIR").ok_or("CARGO_MANIFEST_DIR is not set")?;
    let out = env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?;
    let mut text = String::from("&[\n");
    for naming in naming::in_crate(&Path::new(&root).join("firmware"))? {
        let (requirement, file, name) = (naming.requirement, naming.file, naming.test);
        writeln!(
            text,
            "FirmwareTest {{ requirement: {requirement:?}, file: {:?}, name: {name:?} }},",
            format!("firmware/{file}")
        )?;
    }
    text.push_str("]\n");
    fs::write(Path::new(&out).join("firmware_tests.rs"), text)?;
    Ok(())
}
