//! The golden frames of Pylon RS485, computed again by hand-written arithmetic that shares nothing with the codec:
//! a typing error in a frame, or a mistake in the codec's checksums, shows here.

use bmscheck::definition::library::{Folder, data_files};
use bmscheck::definition::{Library, Protocol};
use bmscheck::suite::vectors::{self, Vector};
use bmscheck::wire::BusFrame;

fn golden_frames() -> Vec<Vector> {
    let (library, _) = Library::load(None);
    let protocols: Vec<&Protocol> = library.protocols().collect();
    let sources = data_files(None, Folder::Vectors).expect("built-in files are readable");
    let source = sources
        .iter()
        .find(|source| source.name.ends_with("pylon-rs485.yaml"))
        .expect("the file is built in");
    let (file, diagnostics) = vectors::load(source, &protocols);
    assert!(diagnostics.is_empty(), "{}", diagnostics.render_plain());
    file.expect("a file without mistakes is given").vectors
}

/// What is wrong with the frame by the rules of the sheet ("Checksum and length rules").
fn faults(frame: &[u8]) -> Vec<&'static str> {
    let text = std::str::from_utf8(frame).expect("a golden frame is ASCII");
    let text = text.strip_prefix('~').and_then(|text| text.strip_suffix('\r'));
    let text = text.expect("a golden frame is whole");
    let (body, checksum) = text.split_at(text.len() - 4);
    let number = |hex: &str| u32::from_str_radix(hex, 16).expect("hex digits");

    let sum: u32 = body.bytes().map(u32::from).sum();
    let mut found = Vec::new();
    if !(sum + number(checksum)).is_multiple_of(0x1_0000) {
        found.push("checksum");
    }
    let digits: Vec<u32> = body[8..12].chars().map(|digit| number(&digit.to_string())).collect();
    if digits.iter().sum::<u32>() % 16 != 0 {
        found.push("length-checksum");
    }
    if number(&body[9..12]) as usize != body.len() - 12 {
        found.push("length");
    }
    found
}

#[test]
fn checksums_and_lengths_are_those_of_the_characters() {
    const OF_THE_ENVELOPE: [&str; 3] = ["checksum", "length-checksum", "length"];
    for vector in golden_frames() {
        let frames = std::iter::once((&vector.frame, true));
        let request = vector.request.clone().map(BusFrame::Serial);
        for (frame, is_vector) in frames.chain(request.as_ref().map(|request| (request, false))) {
            let BusFrame::Serial(bytes) = frame else {
                panic!("{}: not a serial frame", vector.id)
            };
            // The requests of some error replies are broken on purpose; their own vectors say how.
            if !is_vector && vector.return_code.is_some() {
                continue;
            }
            let stated = vector.errors.iter().map(String::as_str);
            let stated: Vec<&str> = stated.filter(|error| OF_THE_ENVELOPE.contains(error)).collect();
            let expected = if is_vector { stated } else { Vec::new() };
            assert_eq!(faults(bytes), expected, "{}", vector.id);
        }
    }
}

#[test]
fn no_frame_of_the_sheet_is_left_out() {
    let frames = golden_frames();
    let numbered = |letter: char, last: u32| (1..=last).map(move |number| format!("{letter}{number}"));
    for id in numbered('D', 14).chain(numbered('C', 38)).chain(numbered('K', 47)) {
        assert!(frames.iter().any(|vector| vector.id == id), "{id}");
    }
    let named = |prefix: &str| frames.iter().filter(|vector| vector.id.starts_with(prefix)).count();
    // 17 questions at two addresses, 9 error replies, 14 negative stimuli and one from the field.
    assert_eq!((named("request-"), named("error-"), named("negative-")), (34, 9, 15));
}
