use super::*;
use crate::decode::{EncodeInput, FieldValue};
use crate::definition::load;
use crate::document::{Source, scalar};
use crate::wire::modbus::with_crc;
use proptest::prelude::*;

const TOY: &str = r#"
protocol: toy-modbus
title: Toy
sheet: toy
grade: A
bus: { serial: { baud: 9600 } }
envelope: { modbus: rtu }
byte_order: big
variants:
  plain: { title: as Modbus says }
  wide: { title: two bytes of length, framing: wide_bytes }
timing: { warn: 100 ms, fail: 200 ms, gap: 20 ms }
return_codes: { 1: unknown_function, 2: unknown_register, 3: not_allowed }
functions:
  0x03: { count: 1..125 }
  0x04: { exception: 1, grade: C }
  0x06: { count: 1..1 }
  0x10: { count: 1..123 }
registers:
  - { address: 0, name: pack_current, type: i16, scale: 0.01, unit: A }
  - { address: 1, name: pack_voltage, scale: 0.01, unit: V, range: 40..60 V }
  - { address: 2, byte: low, name: soc, type: u8, unit: "%" }
  - { address: 3, flags: { 0: cell_over_voltage_alarm, 12: charge_enable }, reserved: [1..11, 13..15] }
  - { address: 4..5, name: full_capacity, type: u32, scale: 0.001, unit: Ah }
  - { address: 6..7, name: gauge_serial, type: u32, word_order: low }
  - { name: power, type: i32, unit: W, derive: pack_current * pack_voltage }
  - { address: 0x10..0x11, name: "temperature_{n}", type: i8, unit: degC }
  - { address: 0x12, name: serial_text, type: text, length: 2, fill: 0x00 }
  - { address: 0x20, name: threshold, type: u16, unit: mV, write: 0x06 }
  - { address: 0x21, name: other_threshold, type: u16, unit: mV }
blocks:
  - { name: runtime, registers: 0..8, read: [zero] }
  - { name: bytes, registers: 0x10..0x13 }
  - { name: settings, registers: 0x20..0x21, write: 0x10, danger: writes }
  - { name: nothing, registers: 0x30..0x3F, read: [zero] }
"#;

fn toy() -> Protocol {
    let (protocol, mistakes) = load::protocol(&Source::new("toy.yaml", TOY));
    protocol.unwrap_or_else(|| panic!("{}", mistakes.render_plain()))
}

/// The mistakes of the definition with one piece of text replaced.
fn mistakes(from: &str, to: &str) -> Vec<&'static str> {
    assert!(TOY.contains(from), "{from}");
    let (_, mistakes) = load::protocol(&Source::new("toy.yaml", TOY.replace(from, to)));
    mistakes.items.iter().map(|mistake| mistake.id).collect()
}

fn frame(hex: &str) -> Vec<u8> {
    with_crc(scalar::bytes(hex).expect("hex"))
}

/// Asks, answers, and shows the answer: fields as `name=value`, findings by id.
fn answer(question: &str, reply: &str) -> (Vec<String>, Vec<String>) {
    let protocol = toy();
    let decoder = Decoder::new(&protocol);
    let (_, context) = decoder.request(&frame(question));
    shown(&decoder.reply(&frame(reply), Some(&context)))
}

fn shown(decoded: &Decoded<'_>) -> (Vec<String>, Vec<String>) {
    let fields = decoded
        .fields
        .iter()
        .map(|field| format!("{}={}", field.name, field.value));
    let findings = decoded
        .errors
        .iter()
        .chain(&decoded.warnings)
        .map(|finding| finding.id.to_string());
    (fields.collect(), findings.collect())
}

const ALL: &str = "FF B4 15 DE 00 59 10 01 00 04 45 C0 DB 5E 61 62 00 00";

#[test]
fn a_whole_block_has_all_its_fields() {
    let (fields, findings) = answer("01 03 00 00 00 09", &format!("01 03 12 {ALL}"));
    assert_eq!(
        fields,
        [
            "pack_current=-0.76 A",
            "pack_voltage=55.98 V",
            "soc=89 %",
            "cell_over_voltage_alarm=true",
            "charge_enable=true",
            "full_capacity=280.000 Ah",
            &format!("gauge_serial={}", 0x6162_DB5E_u32),
            "power=-42.5448 W",
        ]
    );
    assert_eq!(findings, Vec::<String>::new());
}

#[test]
fn a_part_of_a_block_has_the_fields_of_its_registers() {
    let (fields, findings) = answer("01 03 00 01 00 02", "01 03 04 15 DE 00 59");
    assert_eq!(fields, ["pack_voltage=55.98 V", "soc=89 %"]);
    assert!(findings.is_empty());
    // Half of a value is none.
    let (fields, findings) = answer("01 03 00 04 00 01", "01 03 02 00 04");
    assert!(fields.is_empty());
    assert_eq!(findings, ["cut-field"]);
    // What lies between and behind blocks is told, if it is something.
    let (fields, findings) = answer(
        "01 03 00 08 00 09",
        "01 03 12 00 00 00 00 00 00 00 00 00 00 00 00 00 07 00 00 FF 05",
    );
    assert_eq!(
        fields,
        ["temperature_1=-1 °C", "temperature_2=5 °C"].map(|text| text.replace("°C", "degC"))
    );
    assert_eq!(findings, ["undescribed"]);
}

#[test]
fn bytes_stand_two_in_a_register_high_byte_first() {
    let (fields, findings) = answer("01 03 00 10 00 04", "01 03 08 01 02 03 FC 41 42 00 00");
    assert_eq!(
        fields,
        [
            "temperature_1=1 degC",
            "temperature_2=2 degC",
            "temperature_3=3 degC",
            "temperature_4=-4 degC",
            "serial_text=\"AB\""
        ]
    );
    assert!(findings.is_empty());
}

#[test]
fn what_a_block_does_not_use_reads_zero() {
    // The high byte of register 2, reserved bits of register 3, register 8.
    let (_, findings) = answer("01 03 00 02 00 02", "01 03 04 01 59 10 03");
    assert_eq!(findings, ["reserved-bits", "reserved-bits"]);
    let (_, findings) = answer("01 03 00 08 00 01", "01 03 02 00 01");
    assert_eq!(findings, ["reserved-bits"]);
}

#[test]
fn wrong_replies_are_found() {
    let found = |question: &str, reply: &str| answer(question, reply).1;
    let ask = "01 03 00 01 00 01";
    assert!(found(ask, "01 03 02 15 DE").is_empty());
    assert_eq!(found(ask, "02 03 02 15 DE"), ["reply-address"]);
    assert_eq!(found(ask, "01 03 04 15 DE 00 59"), ["length"]);
    assert_eq!(found(ask, "01 03 03 15 DE"), ["length"]);
    assert_eq!(found(ask, "01 03 00 01 15 DE"), ["framing"]);
    assert_eq!(found(ask, "01 03 00 02 15 DE"), ["framing"]);
    assert_eq!(found(ask, "01 04 02 15 DE"), ["function"]);
    assert_eq!(found("01 04 00 01 00 01", "01 04 02 15 DE"), ["function"]);
    assert_eq!(found(ask, "01 83 02"), Vec::<String>::new());
    assert_eq!(found(ask, "01 83 09"), ["return-code"]);
    assert_eq!(found(ask, "01 83 00"), ["return-code"]);
    assert_eq!(found(ask, "01 83 02 00"), ["length"]);
    assert_eq!(found("01 06 00 20 0E 10", "01 06 00 20 0E 10"), Vec::<String>::new());
    assert_eq!(found("01 06 00 20 0E 10", "01 06 00 20 0E 11"), ["echo"]);
    assert_eq!(found("01 10 00 20 00 01 02 0E 10", "01 10 00 20 00 02"), ["echo"]);
    let protocol = toy();
    let decoder = Decoder::new(&protocol);
    let (_, context) = decoder.request(&frame(ask));
    let mut broken = frame("01 03 02 15 DE");
    broken[6] ^= 1;
    assert_eq!(shown(&decoder.reply(&broken, Some(&context))).1, ["checksum"]);
    assert_eq!(shown(&decoder.reply(&[1, 3], Some(&context))).1, ["frame"]);
}

#[test]
fn questions_are_read_and_odd_ones_told() {
    let protocol = toy();
    let decoder = Decoder::new(&protocol);
    let asked = |hex: &str| {
        let (decoded, context) = decoder.request(&frame(hex));
        (
            decoded.message.map(|message| message.name.as_str()),
            context.registers,
            shown(&decoded).1,
        )
    };
    assert_eq!(asked("01 03 00 00 00 09"), (Some("runtime"), Some((0, 9)), vec![]));
    assert_eq!(asked("01 04 00 00 00 01").2, ["unknown-function"]);
    assert_eq!(asked("01 2B 0E 01 00").2, ["unknown-function"]);
    assert_eq!(asked("01 03 00 00 00 7E").2, ["quantity"]);
    assert_eq!(
        asked("01 03 FF FF 00 01"),
        (None, Some((0xFFFF, 1)), vec!["unknown-registers".into()])
    );
    // A block without fields is no message, but it is there.
    assert_eq!(asked("01 03 00 30 00 02"), (None, Some((0x30, 2)), vec![]));
    assert_eq!(asked("01 06 00 20 0E 10"), (Some("settings"), Some((0x20, 1)), vec![]));
    assert_eq!(asked("01 06 00 21 0E 10").2, ["read-only"]);
    assert_eq!(asked("01 10 00 00 00 01 02 00 00").2, ["read-only"]);
    let (decoded, _) = decoder.request(&frame("01 10 00 20 00 02 04 0E 10 0D AC"));
    assert_eq!(shown(&decoded).0, ["threshold=3600 mV", "other_threshold=3500 mV"]);
    assert_eq!(decoded.role, Role::Request);
}

#[test]
fn a_reply_without_its_question_says_so() {
    let protocol = toy();
    let decoder = Decoder::new(&protocol);
    let decoded = decoder.reply(&frame(&format!("01 03 12 {ALL}")), None);
    assert_eq!((decoded.role, decoded.fields.len()), (Role::Unknown, 0));
    assert_eq!(decoded.warnings[0].id, "no-request");
    assert!(
        decoded.warnings[0].text.ends_with("it may be 0x0000 (runtime)"),
        "{}",
        decoded.warnings[0].text
    );
    // An exception says what it refuses.
    let refused = decoder.reply(&frame("01 83 02"), None);
    assert_eq!((refused.role, refused.return_code), (Role::Reply, 2));
}

#[test]
fn a_variant_has_its_own_framing() {
    let protocol = toy();
    let decoder = Decoder::new(&protocol).with_variant("wide");
    let (_, context) = decoder.request(&frame("01 03 00 01 00 01"));
    let found = |reply: &str| shown(&decoder.reply(&frame(reply), Some(&context)));
    assert_eq!(
        found("01 03 00 02 15 DE"),
        (vec!["pack_voltage=55.98 V".into()], vec![])
    );
    assert_eq!(
        found("01 03 02 15 DE"),
        (vec!["pack_voltage=55.98 V".into()], vec!["framing".into()])
    );
}

#[test]
fn registers_are_encoded_as_they_are_read() {
    let protocol = toy();
    let field = |name: &str, value: &str| (name.to_string(), FieldValue::Quantity(value.parse().expect("quantity")));
    let input = EncodeInput {
        fields: vec![field("pack_voltage", "55.98 V"), field("soc", "89 %")],
        ..EncodeInput::default()
    };
    assert_eq!(
        encode_registers(&protocol, 1, 2, &input).unwrap(),
        [0x15, 0xDE, 0x00, 0x59]
    );
    assert_eq!(
        encode_registers(&protocol, 0, 4, &input).unwrap(),
        [0, 0, 0x15, 0xDE, 0x00, 0x59, 0, 0]
    );
    let error = encode_registers(&protocol, 0x10, 1, &input).unwrap_err();
    assert!(matches!(error, EncodeError::UnknownField { field, .. } if field == "pack_voltage"));
}

#[test]
fn writing_is_dangerous_where_the_definition_says_so() {
    let protocol = toy();
    let found = |hex: &str| danger(&protocol, &frame(hex)).map(|(_, block)| block);
    assert_eq!(found("01 10 00 1F 00 02 04 0E 10 0E 10"), Some("settings".into()));
    assert_eq!(found("01 06 00 20 0E 10"), Some("settings".into()));
    assert_eq!(found("01 10 00 00"), Some("settings".into()));
    assert_eq!(found("01 10 00 00 00 01 02 00 00"), None);
    assert_eq!(found("01 03 00 20 00 01"), None);
    let mut broken = frame("01 06 00 20 0E 10");
    broken[7] ^= 0xFF;
    assert!(danger(&protocol, &broken).is_some());
}

#[test]
fn mistakes_in_register_maps_are_found() {
    let one = |from, to, id| assert_eq!(mistakes(from, to), [id], "{to}");
    one("{ address: 2, byte: low,", "{ address: 2,", "registers");
    one(
        "address: 1, name",
        "address: 1, byte: low, type: u16, name",
        "registers",
    );
    one(
        "address: 4..5, name: full_capacity",
        "address: 4..6, name: full_capacity",
        "registers",
    );
    one("registers: 0x10..0x13 }", "registers: 8..0x13 }", "blocks-overlap");
    one(
        "registers: 0x20..0x21,",
        "registers: 0x20..0x20,",
        "register-without-block",
    );
    one("derive: pack_current * pack_voltage", "derive: 1 W", "unknown-field");
    one(
        "{ address: 1, name: pack_voltage,",
        "{ name: pack_voltage,",
        "registers",
    );
    one("registers: 0x30..0x3F,", "registers: 0x30..70000,", "registers");
    one("framing: wide_bytes", "framing: wide", "wrong-value");
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_fault_of_ours(
        question in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..20),
            (prop_oneof![Just(3_u8), Just(4), Just(6), Just(16)], any::<u16>(), any::<u16>()).prop_map(|(function, start, count)| {
                let (start, count) = (start.to_be_bytes(), count.to_be_bytes());
                with_crc(vec![1, function, start[0], start[1], count[0], count[1]])
            }),
        ],
        reply in proptest::collection::vec(any::<u8>(), 0..300),
        sound in any::<bool>(),
    ) {
        let protocol = toy();
        for variant in ["plain", "wide", "none"] {
            let decoder = Decoder::new(&protocol).with_variant(variant);
            let (_, context) = decoder.request(&question);
            let reply = if sound { with_crc(reply.clone()) } else { reply.clone() };
            for context in [None, Some(&context)] {
                let decoded = decoder.reply(&reply, context);
                for field in &decoded.fields {
                    prop_assert!(field.bytes.end <= decoded.data.len());
                }
            }
            let _ = danger(&protocol, &question);
        }
    }

    #[test]
    fn encoded_registers_read_back(start in 0_u16..12, count in 1_u16..12, values in proptest::collection::vec(any::<u8>(), 24)) {
        let protocol = toy();
        let decoder = Decoder::new(&protocol);
        let ask = Request::ReadHolding { start, count }.emit(1);
        let (_, context) = decoder.request(&ask);
        let data = values[..usize::from(count) * 2].to_vec();
        let framing = ReplyFraming::Standard;
        let reply = Reply::Read { framing, data }.emit(1, 3);
        let decoded = decoder.reply(&reply, Some(&context));
        let fields: Vec<(String, FieldValue)> = decoded
            .fields
            .iter()
            .filter(|field| field.name != "power")
            .map(|field| (field.name.to_string(), field.value.clone()))
            .collect();
        let input = EncodeInput { fields: fields.clone(), ..EncodeInput::default() };
        if let Ok(encoded) = encode_registers(&protocol, start, count, &input) {
            let again = decoder.reply(&Reply::Read { framing, data: encoded }.emit(1, 3), Some(&context));
            let values: Vec<(String, FieldValue)> = again
                .fields
                .iter()
                .filter(|field| field.name != "power")
                .map(|field| (field.name.to_string(), field.value.clone()))
                .collect();
            prop_assert_eq!(values, fields);
        }
    }
}

/// A wrong map is told by single registers, wherever the answer begins.
#[test]
fn named_deviations_may_read_registers_by_number() {
    let known = "\ndeviations:\n  - { id: other-map, title: T, message: runtime, when: \"raw(0x0001) == 0x14A0 && raw(0x0002) in 1..100\", outcome: warning }\n";
    let (protocol, mistakes) = load::protocol(&Source::new("toy.yaml", format!("{TOY}{known}")));
    let protocol = protocol.unwrap_or_else(|| panic!("{}", mistakes.render_plain()));
    let found = |start: u16, data: &str| {
        let words = u16::try_from(scalar::bytes(data).expect("hex").len() / 2).expect("few");
        let asked = RequestContext {
            command: Some(3),
            address: 1,
            registers: Some((start, words)),
            ..RequestContext::default()
        };
        let reply = frame(&format!("01 03 {:02X} {data}", 2 * words));
        let decoded = Decoder::new(&protocol).reply(&reply, Some(&asked));
        decoded.warnings.iter().any(|finding| finding.id == "other-map")
    };
    assert!(found(0, "00 00 14 A0 00 32"));
    assert!(found(1, "14 A0 00 32"));
    assert!(!found(0, "00 00 14 A0 00 65"));
    // The register is not there.
    assert!(!found(0, "00 00 14 A0"));
    assert!(!found(2, "00 32"));
}
