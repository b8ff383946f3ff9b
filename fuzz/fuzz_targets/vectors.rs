//! A file of golden frames is read or refused, and every mistake has a place in the text.
#![no_main]

use std::sync::OnceLock;

use bmscheck::definition::{Library, Protocol};
use bmscheck::document::Source;
use bmscheck::suite::vectors;
use libfuzzer_sys::fuzz_target;

mod diagnostics;

fuzz_target!(|text: &[u8]| {
    static LIBRARY: OnceLock<Library> = OnceLock::new();
    let Ok(text) = std::str::from_utf8(text) else { return };
    let protocols: Vec<&Protocol> = LIBRARY.get_or_init(|| Library::load(None).0).protocols().collect();
    let (_, diagnostics) = vectors::load(&Source::new("fuzz.yaml", text), &protocols);
    diagnostics::have_places(&diagnostics);
});
