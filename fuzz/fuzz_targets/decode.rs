//! Every shipped definition gives fields or a finding for any frame, and judges nothing outside of it.
#![no_main]

use std::sync::OnceLock;

use bmscheck::decode::Decoder;
use bmscheck::definition::{Library, MessageKey};
use bmscheck::wire::can::CanFrame;
use libfuzzer_sys::fuzz_target;

// The first byte chooses the definition, the second one its message.
fuzz_target!(|data: &[u8]| {
    static LIBRARY: OnceLock<Library> = OnceLock::new();
    let [choice, which, data @ ..] = data else { return };
    let library = LIBRARY.get_or_init(|| Library::load(None).0);
    let count = library.protocols().count();
    let Some(protocol) = library.protocols().nth(usize::from(*choice) % count.max(1)) else { return };
    let decoder = Decoder::new(protocol);
    let ids: Vec<_> = protocol.messages.iter().filter_map(|message| match message.key {
        MessageKey::Can(id) => Some(id),
        _ => None,
    }).collect();
    let decoded = match ids.get(usize::from(*which) % ids.len().max(1)) {
        Some(id) => match CanFrame::data(*id, data) {
            Some(frame) => decoder.can(&frame),
            None => return,
        },
        None => decoder.reply(data, None),
    };
    for field in &decoded.fields {
        assert!(field.bytes.end <= decoded.data.len(), "{}", field.field.name);
    }
});
