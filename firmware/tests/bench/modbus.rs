//! Questions on a Modbus line and their answers, as bytes in hexadecimal text.

use std::time::Duration;

use refbms::{Instant, Transmit};

use super::Bench;

/// The bytes of `01 03 00 0A`.
pub(crate) fn bytes(text: &str) -> Vec<u8> {
    text.split_whitespace()
        .map(|pair| u8::from_str_radix(pair, 16).expect("hexadecimal"))
        .collect()
}

/// Bytes as `01 03 00 0A`.
pub(crate) fn text(bytes: &[u8]) -> String {
    let pairs: Vec<_> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    pairs.join(" ")
}

/// The frame with its CRC, computed here a second time: a mistake of the battery's must not hide in the questions.
pub(crate) fn sealed(frame: &str) -> String {
    let crc = bytes(frame).iter().fold(0xFFFFu16, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| {
            (crc >> 1) ^ if crc & 1 == 1 { 0xA001 } else { 0 }
        })
    });
    format!("{frame} {}", text(&crc.to_le_bytes()))
}

/// What the battery sends within so many milliseconds, each with the time since `asked` in microseconds.
pub(crate) fn heard(bench: &mut Bench, asked: Instant, millis: u64) -> Vec<(u128, String)> {
    let until = bench.now + Duration::from_millis(millis);
    let mut replies = Vec::new();
    while let Some(at) = bench.bms.poll_timeout().filter(|at| *at <= until) {
        bench.now = bench.now.max(at);
        bench.bms.handle_timeout(bench.now);
        while let Some(transmit) = bench.bms.poll_transmit(bench.now) {
            let Transmit::Serial(sent) = transmit else {
                panic!("{transmit:?} on RS485")
            };
            replies.push((bench.now.duration_since(asked).as_micros(), text(sent)));
        }
    }
    bench.now = until;
    bench.bms.handle_timeout(until);
    replies
}

/// The answer to one question, 5 to 50 ms after it; `None` for silence.
#[track_caller]
pub(crate) fn ask(bench: &mut Bench, question: &str) -> Option<String> {
    let asked = bench.now;
    bench.bms.handle_serial(asked, &bytes(question));
    let mut replies = heard(bench, asked, 200);
    assert!(replies.len() <= 1, "{replies:?} to {question}");
    let (delay, reply) = replies.pop()?;
    assert!((5_000..=50_000).contains(&delay), "answered after {delay} us");
    Some(reply)
}

/// A question has exactly this answer.
#[track_caller]
pub(crate) fn expect(bench: &mut Bench, question: &str, reply: &str) {
    assert_eq!(ask(bench, question).as_deref(), Some(reply), "answer to {question}");
}

/// The bytes of so many registers, in a sound answer.
#[track_caller]
pub(crate) fn data(bench: &mut Bench, address: u8, first: u16, count: u8) -> Vec<u8> {
    let [a, b] = first.to_be_bytes();
    let question = sealed(&text(&[address, 3, a, b, 0, count]));
    let mut reply = bytes(&ask(bench, &question).expect("an answer"));
    assert_eq!(text(&reply), sealed(&text(&reply[..reply.len() - 2])), "the CRC");
    assert_eq!(reply[..3], [address, 3, 2 * count]);
    reply.truncate(reply.len() - 2);
    reply.split_off(3)
}

/// The values of so many registers.
#[track_caller]
pub(crate) fn read(bench: &mut Bench, address: u8, first: u16, count: u16) -> Vec<u16> {
    let data = data(bench, address, first, u8::try_from(count).expect("one read"));
    data.chunks(2)
        .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
        .collect()
}
