//! A Pylon ASCII stream gives the same frames however it is sliced.
#![no_main]

use bmscheck::wire::pylon_ascii::{Deframer, DeframerEvent, parse};
use libfuzzer_sys::fuzz_target;

fn events<'a>(slices: impl Iterator<Item = &'a [u8]>) -> Vec<DeframerEvent> {
    let mut deframer = Deframer::new();
    slices.for_each(|slice| deframer.feed(slice));
    deframer.idle();
    std::iter::from_fn(|| deframer.poll()).collect()
}

// The first byte is the length of the slices.
fuzz_target!(|data: &[u8]| {
    let Some((&size, stream)) = data.split_first() else { return };
    let whole = events(std::iter::once(stream));
    assert_eq!(whole, events(stream.chunks(usize::from(size).max(1))));
    let mut bytes = 0;
    for event in whole {
        match event {
            DeframerEvent::Frame { bytes: frame, .. } => {
                bytes += frame.len();
                if let Ok(parsed) = parse(&frame)
                    && parsed.is_sound()
                {
                    assert_eq!(parsed.emit(), frame);
                }
            }
            DeframerEvent::Discarded { bytes: piece, .. } => bytes += piece.len(),
        }
    }
    // What is missing are line feeds behind a carriage return.
    let line_feeds = stream.windows(2).filter(|pair| pair == b"\r\n").count();
    assert!(bytes <= stream.len() && stream.len() - bytes <= line_feeds);
});
