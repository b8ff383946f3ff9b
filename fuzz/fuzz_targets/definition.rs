//! A definition is read or refused, and every mistake has a place in the text.
#![no_main]

use bmscheck::decode::Decoder;
use bmscheck::definition::Library;
use bmscheck::document::Source;
use bmscheck::fault::faults_of;
use bmscheck::wire::can::{CanFrame, CanId};
use libfuzzer_sys::fuzz_target;

mod diagnostics;

fuzz_target!(|text: &[u8]| {
    let Ok(text) = std::str::from_utf8(text) else { return };
    let (library, diagnostics) = Library::from_sources(&[Source::new("fuzz.yaml", text)]);
    diagnostics::have_places(&diagnostics);
    // What was accepted can be used.
    for protocol in library.protocols() {
        let decoder = Decoder::new(protocol);
        for fault in faults_of(protocol) {
            let _ = fault.to_string();
        }
        let frame = CanId::standard(0x355).and_then(|id| CanFrame::data(id, &[0xFF; 8]));
        if let Some(frame) = frame {
            let _ = decoder.can(&frame);
        }
    }
});
