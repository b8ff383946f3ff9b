//! A burst that was read from a line is written and read back, and buffers of any size read alike.
#![no_main]

use std::io::BufReader;

use bmscheck::capture::{self, CaptureError, Record};
use bmscheck::wire::BusFrame;
use libfuzzer_sys::fuzz_target;

/// The items but for the times of CAN frames: whether candump's short stamps are differences shows in what is at hand of
/// a capture, since a pipe is not waited for.
fn without_short_stamps(items: &[Result<Record, CaptureError>]) -> String {
    let timeless = |item: &Result<Record, CaptureError>| match item {
        Ok(record) if matches!(record.frame, BusFrame::Can(_)) => format!("{:?}", Record { time: None, ..record.clone() }),
        other => format!("{other:?}"),
    };
    items.iter().map(timeless).collect()
}

fuzz_target!(|text: &[u8]| {
    let Ok(reader) = capture::open(text) else { return };
    let items: Vec<_> = reader.collect();
    let sliced = capture::open(BufReader::with_capacity(7, text)).expect("the same text");
    assert_eq!(without_short_stamps(&items), without_short_stamps(&sliced.collect::<Vec<_>>()));
    for record in items.into_iter().flatten().filter(|record| matches!(record.frame, BusFrame::Serial(_))) {
        let mut line = Vec::new();
        capture::write_record(&mut line, &record).expect("writing to memory");
        let again: Vec<Record> = capture::open(&line[..]).expect("a line").map(|item| item.expect("a record")).collect();
        assert_eq!(again, [Record { line: 1, ..record }]);
    }
});
