mod registers;

use super::*;
use crate::definition::{Library, Message};
use crate::fault::faults_of;
use crate::link::line::Line;
use crate::link::reference::{Reference, ReferenceOptions};
use crate::link::stimulus::setting;
use crate::suite::{Stimulus, library, question};
use crate::wire::can::CanKind;
use crate::wire::pylon_ascii::parse;

fn millis(millis: u64) -> Instant {
    Instant::from_micros(millis * 1000)
}

fn faulty(protocol: &str, fault: &str) -> Faulty<'static, Reference> {
    let protocol = library().protocol(protocol).expect("a protocol");
    let found = faults_of(protocol).into_iter().find(|known| known.to_string() == fault);
    let options = ReferenceOptions::new(&protocol.name, Line::of(&protocol.bus));
    let battery = Reference::start(&options).expect("a battery");
    Faulty::new(
        battery,
        protocol,
        found.unwrap_or_else(|| panic!("there is no {fault}")),
    )
}

/// Everything that comes until a point in time.
fn collect(link: &mut impl Link, until: Instant) -> Vec<(Instant, BusFrame)> {
    let mut frames = Vec::new();
    loop {
        match link.receive(until).expect("a link") {
            Received::Frame { at, frame, .. } => {
                assert!(at <= link.now(), "nothing comes before its time");
                frames.push((at, frame));
            }
            Received::Nothing => {
                assert_eq!(link.now(), until);
                return frames;
            }
            other => panic!("{other:?}"),
        }
    }
}

/// The frames of one identifier, as text, with their times in milliseconds.
fn of_id(frames: &[(Instant, BusFrame)], id: &str) -> Vec<(u64, String)> {
    let text = |(at, frame): &(Instant, BusFrame)| (at.as_micros() / 1000, frame.to_string());
    frames
        .iter()
        .map(text)
        .filter(|(_, text)| text.starts_with(id))
        .collect()
}

fn can(fault: &str, seconds: u64) -> Vec<(Instant, BusFrame)> {
    collect(&mut faulty("pylon-can", fault), millis(seconds * 1000))
}

fn ask(link: &mut Faulty<'_, Reference>, question: &[u8]) -> Vec<Vec<u8>> {
    let now = link.now().max(millis(5000));
    collect(link, now);
    link.send(&BusFrame::Serial(question.to_vec())).expect("a line");
    let frames = collect(link, now.after(Duration::from_secs(2)));
    frames
        .into_iter()
        .map(|(_, frame)| match frame {
            BusFrame::Serial(bytes) => bytes,
            BusFrame::Can(frame) => panic!("{frame}"),
        })
        .collect()
}

fn rs485(fault: &str, question: &[u8]) -> Vec<String> {
    let replies = ask(&mut faulty("pylon-rs485", fault), question);
    replies
        .iter()
        .map(|reply| String::from_utf8_lossy(reply).trim_end().to_string())
        .collect()
}

const ANALOG: &[u8] = b"~200246610000FDAB\r";

#[test]
fn a_fault_of_one_field_changes_that_field_alone() {
    let healthy = can("dropped in 0x354", 6);
    let wrong = can("scale-x10 in 0x355.soh", 6);
    assert_eq!(healthy.len(), wrong.len());
    for ((_, healthy), (_, wrong)) in healthy.iter().zip(&wrong) {
        match healthy.to_string().strip_prefix("355#32006400") {
            Some(rest) => assert_eq!(wrong.to_string(), format!("355#3200E803{rest}")),
            None => assert_eq!(healthy, wrong),
        }
    }
}

#[test]
fn flags_and_reserved_bits() {
    assert_eq!(
        of_id(&can("bit-inverted in 0x35C.charge_enable", 4), "35C")[0].1,
        "35C#4000000000000000"
    );
    assert_eq!(
        of_id(&can("bits-reversed in 0x35C.charge_enable", 4), "35C")[0].1,
        "35C#0300000000000000"
    );
    assert_eq!(
        of_id(&can("reserved-set in 0x35C.reserved[0]", 4), "35C")[0].1,
        "35C#C700000000000000"
    );
    assert_eq!(
        of_id(&can("reserved-set in 0x35C.reserved[1]", 4), "35C")[0].1,
        "35C#C0FFFFFFFFFFFFFF"
    );
}

#[test]
fn what_is_frozen_does_not_follow_the_state() {
    let mut link = faulty("pylon-can", "frozen in 0x355.soc");
    collect(&mut link, millis(5000));
    let now = link.now();
    link.link
        .battery()
        .lock()
        .apply(now, &Stimulus::Set("soc".into(), setting("37 %")))
        .expect("a state");
    link.link
        .battery()
        .lock()
        .apply(now, &Stimulus::Set("soh".into(), setting("90 %")))
        .expect("a state");
    let frames = of_id(&collect(&mut link, millis(9000)), "355");
    assert!(frames.len() >= 3 && frames.iter().all(|(_, frame)| frame.starts_with("355#3200")));
    assert!(
        frames
            .last()
            .is_some_and(|(_, frame)| frame.starts_with("355#32005A00"))
    );
    assert!(link.changed() >= 3);
}

#[test]
fn frames_come_at_other_times() {
    let gaps = |fault: &str| {
        let frames = of_id(&can(fault, 40), "351");
        frames
            .windows(2)
            .map(|pair| (pair[1].0 - pair[0].0).div_ceil(10) * 10)
            .collect::<Vec<u64>>()
    };
    assert!(gaps("period-x1.5 in 0x351").iter().all(|gap| *gap == 1500));
    assert!(gaps("period-x0.5 in 0x351").iter().all(|gap| *gap == 500));
    assert!(gaps("dropped in 0x351").is_empty());
    let late = gaps("late in 0x351");
    assert!(late.contains(&1000) && late.contains(&4000), "{late:?}");
    assert!(gaps("early in 0x351").iter().all(|gap| *gap == 50));
    let jitter = gaps("jitter in 0x351");
    assert!(
        jitter.iter().any(|gap| *gap < 700) && jitter.iter().any(|gap| *gap > 1300),
        "{jitter:?}"
    );
    assert_eq!(
        of_id(&can("doubled in 0x351", 10), "351").len(),
        2 * of_id(&can("dropped in 0x354", 10), "351").len()
    );
}

#[test]
fn frames_have_another_form() {
    for (fault, frame) in [
        ("wrong-id in 0x355", "357#3200640000000000"),
        ("wrong-id-format in 0x355", "00000355#3200640000000000"),
        ("length-short in 0x355", "355#32006400000000"),
        ("remote-frame in 0x355", "355#R8"),
    ] {
        let frames = can(fault, 4);
        assert!(
            frames.iter().any(|(_, found)| found.to_string() == frame),
            "{fault}: {frames:?}"
        );
        assert!(of_id(&frames, "355#3200640000000000").is_empty());
        assert!(!of_id(&frames, "351#").is_empty());
    }
    let kinds = can("remote-frame in 0x355", 4);
    assert!(
        kinds
            .iter()
            .any(|(_, frame)| matches!(frame, BusFrame::Can(frame) if frame.kind == CanKind::Remote))
    );
}

#[test]
fn the_stream_stops() {
    let frames = can("stops-after-a-while in the protocol", 60);
    assert!(
        frames
            .last()
            .is_some_and(|(at, _)| *at > millis(21_000) && *at < millis(23_000))
    );
    let mut link = faulty("pylon-can", "stops-without-keepalive in the protocol");
    let keepalive = CanFrame::data(crate::wire::can::CanId::Standard(0x305), &[0; 8]).expect("a frame");
    let mut last = Instant::ZERO;
    for second in 1..120 {
        if second < 60 {
            link.send(&BusFrame::Can(keepalive)).expect("a bus");
        }
        last = collect(&mut link, millis(second * 1000))
            .last()
            .map_or(last, |(at, _)| *at);
    }
    assert!(last > millis(80_000) && last < millis(91_000), "{last}");
}

#[test]
fn a_changed_reply_has_a_fitting_length_and_checksum() {
    let [reply] = &rs485("scale-x10 in 0x61.soc", ANALOG)[..] else {
        panic!("one reply")
    };
    let frame = parse(format!("{reply}\r").as_bytes()).expect("a frame");
    assert!(frame.is_sound());
    // 50 % ten times, in one byte.
    assert_eq!(frame.info[4], 0xF4);
    for (fault, length) in [("reply-short in 0x61", 48), ("trailing-bytes in 0x61", 50)] {
        let [reply] = &rs485(fault, ANALOG)[..] else {
            panic!("one reply")
        };
        let frame = parse(format!("{reply}\r").as_bytes()).expect("a frame");
        assert!(frame.is_sound(), "{fault}");
        assert_eq!(frame.info.len(), length, "{fault}");
    }
}

#[test]
fn envelopes_are_wrong_in_one_thing() {
    for (fault, faults) in [
        ("checksum-wrong in 0x61", "CHKSUM is"),
        ("length-checksum-wrong in 0x61", "LCHKSUM is"),
        ("length-wrong in 0x61", "LENID is"),
    ] {
        let [reply] = &rs485(fault, ANALOG)[..] else {
            panic!("one reply")
        };
        let frame = parse(format!("{reply}\r").as_bytes()).expect("a frame");
        assert_eq!(frame.faults.len(), 1, "{fault}: {:?}", frame.faults);
        assert!(frame.faults[0].to_string().starts_with(faults), "{fault}");
    }
    assert!(rs485("address-wrong in 0x61", ANALOG)[0].starts_with("~20034600"));
    assert!(rs485("command-echoed in 0x61", ANALOG)[0].starts_with("~20024661"));
    assert!(rs485("version-wrong in 0x61", ANALOG)[0].starts_with("~21024600"));
    assert!(rs485("no-reply in 0x61", ANALOG).is_empty());
    assert!(rs485("no-reply in 0x62", ANALOG).len() == 1);
}

#[test]
fn a_late_reply_comes_late() {
    let mut link = faulty("pylon-rs485", "reply-late in 0x61");
    collect(&mut link, millis(5000));
    let asked = link.send(&BusFrame::Serial(ANALOG.to_vec())).expect("a line");
    let [(at, _)] = &collect(&mut link, millis(8000))[..] else {
        panic!("one reply")
    };
    assert!(at.since(asked) > Duration::from_millis(600) && at.since(asked) < Duration::from_millis(700));
}

#[test]
fn a_question_is_mistaken() {
    let fault = "answers-bad-checksum in the protocol";
    let answered = rs485(fault, b"~200246610000FDAC\r");
    assert!(answered[0].starts_with("~200246008062"), "{answered:?}");
    // A battery without the fault refuses it.
    assert!(rs485("no-reply in 0x62", b"~200246610000FDAC\r")[0].starts_with("~20024602"));
    let fault = "answers-unknown-command in the protocol";
    assert!(rs485(fault, b"~200246770000FDA4\r")[0].starts_with("~20024600"));
    let fault = "answers-foreign-address in the protocol";
    let foreign = rs485(fault, b"~200846610000FDA5\r");
    assert!(
        foreign.len() == 1 && foreign[0].starts_with("~200846008062"),
        "{foreign:?}"
    );
    // Its own address it answers once, as before.
    assert_eq!(rs485(fault, ANALOG).len(), 1);
    assert!(rs485("no-reply in 0x62", b"~200846610000FDA5\r").is_empty());
}

#[test]
fn the_reply_before() {
    let mut link = faulty("pylon-rs485", "previous-reply in the protocol");
    let first = ask(&mut link, ANALOG);
    let second = ask(&mut link, b"~200246620000FDAA\r");
    assert_eq!(first, second);
}

/// A fault that can be planted on every protocol does so without a panic, and says so in the name of the link.
#[test]
fn every_fault_of_every_protocol_can_be_planted() {
    let (library, _) = Library::load(None);
    let mut planted = 0;
    for protocol in library
        .protocols()
        .filter(|protocol| refbms::Protocol::from_name(&protocol.name).is_some())
    {
        for fault in faults_of(protocol) {
            let options = ReferenceOptions::new(&protocol.name, Line::of(&protocol.bus));
            let battery = Reference::start(&options).expect("a battery");
            let name = fault.to_string();
            let place = fault.place.message();
            let mut link = Faulty::new(battery, protocol, fault);
            assert!(link.describe().name.ends_with(&name));
            collect(&mut link, millis(2500));
            let concerned = |message: &&Message| place.is_none_or(|key| key == message.key);
            let messages = protocol.messages.iter().filter(concerned);
            for question in messages.filter_map(|message| question(protocol, message)) {
                link.send(&BusFrame::Serial(question)).expect("a line");
                let now = link.now();
                collect(&mut link, now.after(Duration::from_millis(150)));
            }
            let end = link.now().max(millis(3500));
            collect(&mut link, end);
            planted += 1;
        }
    }
    assert!(planted > 1000, "{planted}");
}
