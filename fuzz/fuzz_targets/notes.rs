//! Waivers and states of a battery are read or refused, and every mistake has a place in the text.
#![no_main]

use bmscheck::document::Source;
use bmscheck::judge::waivers;
use bmscheck::link::emulate::state;
use libfuzzer_sys::fuzz_target;

mod diagnostics;

fuzz_target!(|text: &[u8]| {
    let Ok(text) = std::str::from_utf8(text) else { return };
    let source = Source::new("fuzz.yaml", text);
    diagnostics::have_places(&waivers::load(&source).1);
    if let Err(mistakes) = state::parse(&source) {
        diagnostics::have_places(&mistakes);
    }
});
