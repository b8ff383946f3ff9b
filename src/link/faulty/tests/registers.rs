//! Faults on a Modbus line: PACE's map, whose master at address 1 says 0 A, 52.80 V, 50 %.

use super::*;
use crate::wire::modbus::{ReplyFraming, Request, with_crc};

/// Current, voltage and state of charge.
const MEASURED: Request = Request::ReadHolding { start: 0, count: 3 };

fn frame(text: &str) -> Vec<u8> {
    let byte = |text: &str| u8::from_str_radix(text, 16).expect("hexadecimal");
    text.split(' ').map(byte).collect()
}

/// The body of the only reply; its CRC is right.
fn reply(protocol: &str, fault: &str, question: &Request) -> Vec<u8> {
    let mut link = faulty(protocol, fault);
    let came = ask(&mut link, &question.emit(1));
    let [reply] = &came[..] else {
        panic!("{fault}: {came:02X?}")
    };
    let (body, _) = reply.split_last_chunk::<2>().expect("a CRC");
    assert_eq!(*reply, with_crc(body.to_vec()), "{fault}");
    body.to_vec()
}

#[test]
fn a_value_is_changed_wherever_its_register_stands_in_the_reply() {
    let whole = reply("pace-modbus", "byte-order in 0x0000.pack_voltage", &MEASURED);
    assert_eq!(whole, frame("01 03 06 00 00 A0 14 00 32"));
    let alone = Request::ReadHolding { start: 1, count: 1 };
    let alone = reply("pace-modbus", "byte-order in 0x0000.pack_voltage", &alone);
    assert_eq!(alone, frame("01 03 02 A0 14"));
    // What is not read is not changed.
    let other = Request::ReadHolding { start: 2, count: 1 };
    let other = reply("pace-modbus", "byte-order in 0x0000.pack_voltage", &other);
    assert_eq!(other, frame("01 03 02 00 32"));
    // Bit 10 of register 11.
    let status = Request::ReadHolding { start: 11, count: 1 };
    let set = reply("pace-modbus", "bit-inverted in 0x0000.charge_mosfet_on", &status);
    assert_eq!(set, frame("01 03 02 08 00"));
    // Registers 13 and 14 hold nothing.
    let range = Request::ReadHolding { start: 12, count: 3 };
    let reserved = faults_of(library().protocol("pace-modbus").expect("a protocol"));
    let changed = reserved.iter().map(ToString::to_string).filter(|name| {
        name.starts_with("reserved-set in 0x0000.")
            && reply("pace-modbus", name, &range) != frame("01 03 06 00 00 00 00 00 00")
    });
    assert_eq!(changed.count(), 1);
}

#[test]
fn words_of_alarms_and_protections_are_exchanged_within_their_block() {
    let mut link = faulty("pace-modbus", "words-exchanged in 0x0000");
    let alarm = Stimulus::Set("cell_over_voltage_alarm".into(), setting("true"));
    let now = link.link.now();
    link.link.battery().lock().apply(now, &alarm).expect("a state");
    let words = Request::ReadHolding { start: 9, count: 2 };
    assert_eq!(
        ask(&mut link, &words.emit(1)),
        [with_crc(frame("01 03 04 00 00 00 01"))]
    );
}

#[test]
fn replies_are_wrong_in_one_thing() {
    let sound = with_crc(frame("01 03 06 00 00 14 A0 00 32"));
    let came = |fault: &str| ask(&mut faulty("pace-modbus", fault), &MEASURED.emit(1));
    let [body @ .., low, high] = &sound[..] else {
        panic!("a CRC")
    };
    assert_eq!(came("no-reply in 0x003C"), std::slice::from_ref(&sound));
    assert_eq!(came("no-reply in 0x0000"), Vec::<Vec<u8>>::new());
    assert_eq!(came("crc-wrong in 0x0000"), [[body, &[low ^ 1, *high]].concat()]);
    assert_eq!(came("crc-exchanged in 0x0000"), [[body, &[*high, *low]].concat()]);
    assert_eq!(came("truncated in 0x0000"), [sound[..5].to_vec()]);
    for (fault, body) in [
        ("address-wrong in 0x0000", "02 03 06 00 00 14 A0 00 32"),
        ("register-count-wrong in 0x0000", "01 03 08 00 00 14 A0 00 32"),
        ("framing-wrong in 0x0000", "01 03 00 03 00 00 14 A0 00 32"),
        ("registers-shifted in 0x0000", "01 03 06 14 A0 00 32 00 00"),
        ("reply-short in 0x0000", "01 03 05 00 00 14 A0 00"),
        ("trailing-bytes in 0x0000", "01 03 07 00 00 14 A0 00 32 A5"),
    ] {
        assert_eq!(came(fault), [with_crc(frame(body))], "{fault}");
    }
}

#[test]
fn a_late_reply_comes_after_the_last_moment() {
    let mut link = faulty("pace-modbus", "reply-late in 0x0000");
    collect(&mut link, millis(5000));
    let asked = link.send(&BusFrame::Serial(MEASURED.emit(1))).expect("a line");
    let [(at, _)] = &collect(&mut link, millis(8000))[..] else {
        panic!("one reply")
    };
    let longest = library()
        .protocol("pace-modbus")
        .and_then(|protocol| protocol.timing.as_ref());
    assert!(at.since(asked) > longest.expect("a longest time").fail, "{at}");
}

#[test]
fn the_reply_to_the_question_before_is_given_again() {
    let mut link = faulty("pace-modbus", "previous-reply in the protocol");
    let first = ask(&mut link, &MEASURED.emit(1));
    let second = ask(&mut link, &Request::ReadHolding { start: 15, count: 1 }.emit(1));
    assert_eq!(first, second);
}

#[test]
fn refusals_are_changed_or_left_out() {
    let unknown = Request::ReadHolding { start: 180, count: 2 };
    assert_eq!(reply("pace-modbus", "no-reply in 0x0000", &unknown), frame("01 83 02"));
    let code = reply("pace-modbus", "error-code-wrong in the protocol", &unknown);
    assert_eq!(code, frame("01 83 03"));
    let answered = reply("pace-modbus", "refusal-missing in the protocol", &unknown);
    assert_eq!(answered, frame("01 03 04 00 00 00 00"));
    let written = Request::WriteSeveral {
        start: 0,
        count: 1,
        values: vec![7],
    };
    let answered = reply("pace-modbus", "refusal-missing in the protocol", &written);
    assert_eq!(answered, frame("01 10 00 00 00 01"));
    assert_eq!(
        reply("pace-modbus", "refusal-missing in the protocol", &MEASURED)[..3],
        [1, 3, 6]
    );
}

#[test]
fn questions_are_mistaken() {
    let mut broken = MEASURED.emit(1);
    broken[7] ^= 1;
    let came = |fault: &str, question: &[u8]| ask(&mut faulty("pace-modbus", fault), question);
    assert_eq!(came("no-reply in 0x003C", &broken).len(), 0);
    assert_eq!(came("answers-bad-checksum in the protocol", &broken).len(), 1);
    let foreign = came("answers-foreign-address in the protocol", &MEASURED.emit(9));
    assert_eq!(foreign, [with_crc(frame("09 03 06 00 00 14 A0 00 32"))]);
    // Its own address it answers once, as before.
    assert_eq!(
        came("answers-foreign-address in the protocol", &MEASURED.emit(1)).len(),
        1
    );
    // Function 04 is refused; a battery with this fault reads for it.
    let function = Request::ReadInput { start: 0, count: 1 };
    assert_eq!(
        came("no-reply in 0x003C", &function.emit(1)),
        [with_crc(frame("01 84 01"))]
    );
    let unknown = came("answers-unknown-command in the protocol", &function.emit(1));
    assert_eq!(unknown, [with_crc(frame("01 04 02 00 00"))]);
}

/// Voltronic tells the length in registers, in two bytes.
#[test]
fn lengths_in_registers_are_kept() {
    let soc = Request::ReadHolding { start: 0x33, count: 1 };
    let scaled = reply("voltronic-rs485", "scale-x10 in 0x0030.soc", &soc);
    assert_eq!(scaled, frame("01 03 00 01 01 F4"));
    let counted = reply("voltronic-rs485", "register-count-wrong in 0x0030", &soc);
    assert_eq!(counted, frame("01 03 00 02 00 32"));
    let wide = reply("voltronic-rs485", "framing-wrong in 0x0030", &soc);
    assert_eq!(wide, frame("01 03 00 02 00 32"));
    let long = reply("voltronic-rs485", "trailing-bytes in 0x0030", &soc);
    assert_eq!(long, frame("01 03 00 02 00 32 A5 A5"));
    assert_eq!(ReplyFraming::recognise(&with_crc(long), 2), Some(ReplyFraming::Words));
}

/// On a live line a reply comes in pieces.
#[test]
fn a_reply_in_pieces_is_put_together() {
    let mut link = faulty("pace-modbus", "scale-x10 in 0x0000.soc");
    link.send(&BusFrame::Serial(MEASURED.emit(1))).expect("a line");
    let whole = with_crc(frame("01 03 06 00 00 14 A0 00 32"));
    let now = link.now();
    for (index, piece) in whole.chunks(4).enumerate() {
        let at = now.after(Duration::from_millis(4 * index as u64));
        link.take(Arrival {
            at,
            until: at.after(Duration::from_millis(4)),
            frame: BusFrame::Serial(piece.to_vec()),
        });
    }
    let came: Vec<&Held> = link.held.iter().collect();
    let [Held { received, .. }] = came[..] else {
        panic!("one reply")
    };
    let Received::Frame { at, frame: reply, .. } = received else {
        panic!("{received:?}")
    };
    assert_eq!(*at, now);
    assert_eq!(*reply, BusFrame::Serial(with_crc(frame("01 03 06 00 00 14 A0 00 F4"))));
}
