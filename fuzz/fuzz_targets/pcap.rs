//! Reading a capture of packets ends, whatever is in it.
#![no_main]

use bmscheck::capture;
use libfuzzer_sys::fuzz_target;

// The first byte chooses the magic number, so that every input is a capture of packets.
fuzz_target!(|data: &[u8]| {
    let Some((&format, rest)) = data.split_first() else { return };
    let magic: &[u8] = match format % 3 {
        0 => b"\x0A\x0D\x0D\x0A",
        1 => b"\xD4\xC3\xB2\xA1",
        _ => b"\xA1\xB2\x3C\x4D",
    };
    let capture = [magic, rest].concat();
    if let Ok(reader) = capture::open(&capture[..]) {
        assert!(reader.count() <= capture.len());
    }
});
