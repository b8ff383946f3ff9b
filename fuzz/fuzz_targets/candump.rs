//! A CAN frame that was read from a line is written and read back.
#![no_main]

use bmscheck::capture::{self, Direction, Record};
use bmscheck::wire::BusFrame;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    let Ok(reader) = capture::open(text) else { return };
    for record in reader.flatten().filter(|record| matches!(record.frame, BusFrame::Can(_))) {
        let mut line = Vec::new();
        capture::write_record(&mut line, &record).expect("writing to memory");
        let again: Vec<Record> = capture::open(&line[..]).expect("a line").map(|item| item.expect("a record")).collect();
        let direction = record.direction.map(|direction| match direction {
            Direction::Sent | Direction::ToBms => Direction::Sent,
            Direction::Received | Direction::FromBms => Direction::Received,
        });
        assert_eq!(again, [Record { line: 1, direction, ..record }]);
    }
});
