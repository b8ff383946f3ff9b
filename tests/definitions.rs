//! The shipped definitions: they load without a mistake, what they encode they decode, and no bytes make them panic.

use bmscheck::decode::{Decoder, EncodeInput, FieldValue, RequestContext, encode};
use bmscheck::definition::{Absent, Field, Item, Kind, Library, Message, MessageKey, Protocol, Sender};
use bmscheck::value::{Number, Quantity};
use bmscheck::wire::can::{CanFrame, CanId};
use bmscheck::wire::pylon_ascii;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

fn library() -> Library {
    let (library, diagnostics) = Library::load(None);
    assert!(diagnostics.is_empty(), "{}", diagnostics.render_plain());
    library
}

#[test]
fn shipped_definitions_have_no_mistakes() {
    let names: Vec<String> = library().protocols().map(|protocol| protocol.name.clone()).collect();
    for spoken in refbms::Protocol::ALL {
        assert!(
            names.iter().any(|name| name == spoken.name()),
            "{} in {names:?}",
            spoken.name()
        );
    }
}

/// only Victron lowers the charge voltage limit, so the product's rule reads otherwise there.
#[test]
fn a_protocol_may_have_a_rule_of_the_product_its_own_way() {
    let library = library();
    let conditions = |protocol: &str| -> Vec<bool> {
        let rules = library.protocol(protocol).unwrap().rules.iter();
        let low = rules.filter(|rule| rule.id == "product-charge-voltage-low");
        low.map(|rule| rule.when.is_some()).collect()
    };
    assert_eq!(conditions("victron-can"), [true]);
    assert_eq!(conditions("sma-can"), [false]);
}

/// A legal value of a field: every raw number of the wire that does not mean "not available".
fn any_value(field: &Field, rng: &mut TestRng) -> FieldValue {
    let width = field
        .place
        .bits
        .map_or(field.place.bytes * 8, |(low, high)| usize::from(high - low) + 1);
    let raw = rng.next_u64() & if width >= 64 { u64::MAX } else { (1 << width) - 1 };
    let absent = |raw: u64| field.absent.contains(&Absent::Raw(raw));
    let raw = if absent(raw) { raw ^ 1 } else { raw };
    match &field.kind {
        Kind::Number(number) => {
            let shift = 64 - width as u32;
            let signed = if number.signed {
                ((raw << shift) as i64) >> shift
            } else {
                raw as i64
            };
            let signed = if number.either_sign {
                (signed >> 1).abs()
            } else {
                signed
            };
            let signed = match number.choices.first() {
                Some(choice) => choice.raw.start() + signed.rem_euclid(choice.raw.end() - choice.raw.start() + 1),
                None => signed,
            };
            let scale = number.choices.first().map_or(number.scale, |choice| choice.scale);
            let value = Number::integer(signed)
                .checked_add(Number::integer(number.offset))
                .unwrap();
            FieldValue::Quantity(Quantity::new(value.checked_mul(scale).unwrap(), number.unit))
        }
        Kind::Flag { .. } | Kind::Truth { .. } => FieldValue::Flag(raw & 1 == 1),
        Kind::Pair { states, .. } => {
            let names = ["not_supported", "active", "inactive", "invalid"];
            let code = raw & 3;
            let own = states
                .iter()
                .find(|state| state.code == code as i64)
                .map(|state| state.name.clone());
            FieldValue::State(
                Some(own.unwrap_or_else(|| names[code as usize].to_string())),
                code as i64,
            )
        }
        Kind::State { states, .. } => {
            let state = &states[raw as usize % states.len()];
            FieldValue::State(Some(state.name.clone()), state.code)
        }
        Kind::Text(kind) => {
            let letters = if field.place.bytes == 0 {
                5
            } else {
                raw as usize % (field.place.bytes + 1)
            };
            let begins = kind.begins.as_ref().map_or("", |(text, ..)| text.as_str());
            let mut text: String = begins.chars().take(field.place.bytes).collect();
            while text.len() < letters.max(1) {
                text.push(char::from(b'A' + (rng.next_u64() % 26) as u8));
            }
            FieldValue::Text(text)
        }
        // Constant bytes are shown as text where they are printable.
        Kind::Constant { bytes, .. } if bytes.iter().all(|byte| (0x20..0x7F).contains(byte)) => {
            FieldValue::Text(bytes.iter().map(|byte| char::from(*byte)).collect())
        }
        Kind::Constant { bytes, .. } => FieldValue::Bytes(bytes.clone()),
        Kind::Version { parts, hex } => {
            let parts: Vec<String> = parts
                .iter()
                .map(|bytes| {
                    let value = rng.next_u64() & ((1 << (8 * u32::from(*bytes))) - 1);
                    if *hex { format!("{value:X}") } else { value.to_string() }
                })
                .collect();
            FieldValue::Text(parts.join("."))
        }
        Kind::DateTime(_) => FieldValue::Text("2024-05-17 13:45:30".to_string()),
        Kind::Bytes => FieldValue::Bytes(
            (0..if field.place.bytes == 0 { 3 } else { field.place.bytes })
                .map(|_| rng.next_u64() as u8)
                .collect(),
        ),
    }
}

fn any_fields(items: &[Item], variant: Option<&str>, rng: &mut TestRng, into: &mut Vec<(String, FieldValue)>) {
    for item in items {
        match item {
            Item::Field(field)
                if field.variants.is_empty() || variant.is_some_and(|v| field.variants.iter().any(|k| k == v)) =>
            {
                into.push((field.name.clone(), any_value(field, rng)));
            }
            Item::Field(_) => {}
            Item::Repeat(repeat) if repeat.packs => any_fields(&repeat.items, variant, rng, into),
            Item::Repeat(repeat) => {
                let count = 1 + rng.next_u64() as usize % repeat.max.min(16);
                if let Some(field) = &repeat.count_field {
                    into.push((field.name.clone(), FieldValue::integer(count as i64)));
                }
                for number in 1..=count {
                    let mut each = Vec::new();
                    any_fields(&repeat.items, variant, rng, &mut each);
                    into.extend(
                        each.into_iter()
                            .map(|(name, value)| (name.replace("{n}", &number.to_string()), value)),
                    );
                }
            }
            Item::When(when) => {
                // The capacities of Pylon 42 are the only conditional fields so far: their selector decides.
                let chosen = into.iter().any(|(name, value)| {
                    when.condition.text.contains(name.as_str())
                        && value
                            .as_integer()
                            .is_some_and(|code| when.condition.text.ends_with(&format!("== {code}")))
                });
                if chosen {
                    any_fields(&when.items, variant, rng, into);
                }
            }
            Item::Pages(pages) => {
                let (number, items) = &pages.pages[rng.next_u64() as usize % pages.pages.len()];
                into.push((pages.key.name.clone(), FieldValue::integer(*number)));
                any_fields(items, variant, rng, into);
            }
        }
    }
}

fn check_identity(protocol: &Protocol, message: &Message, rng: &mut TestRng) {
    let variant = protocol.variants.first().map(|variant| variant.name.clone());
    let mut fields = Vec::new();
    any_fields(&message.layout.items, variant.as_deref(), rng, &mut fields);
    let address = 0x02;
    for (name, value) in &mut fields {
        if name == "command_value" {
            *value = FieldValue::integer(address);
        }
    }
    let parameters = vec![("adr".to_string(), address), ("pack".to_string(), address)];
    let input = EncodeInput {
        fields: fields.clone(),
        packs: Vec::new(),
        parameters: parameters.clone(),
        variant,
    };
    let data = encode(message, &input).unwrap_or_else(|error| panic!("{} {}: {error}", protocol.name, message.name));
    let decoder = Decoder::new(protocol);
    let decoded = match message.key {
        MessageKey::Can(id) => decoder.can(&CanFrame::data(id, &data).unwrap()),
        MessageKey::Command(code) => {
            let context = RequestContext {
                command: Some(code),
                address: address as u8,
                parameters,
                registers: None,
            };
            decoder.reply(
                &pylon_ascii::emit(0x20, address as u8, 0x46, 0, &data).unwrap(),
                Some(&context),
            )
        }
        MessageKey::Registers(_) => return,
    };
    assert!(
        decoded.errors.is_empty(),
        "{} {}: {:?}",
        protocol.name,
        message.name,
        decoded.errors
    );
    assert_eq!(decoded.data, data);
    for (name, value) in &fields {
        let found = decoded.fields.iter().find(|field| field.name == *name);
        assert_eq!(
            found.map(|field| &field.value),
            Some(value),
            "{} {} {name}",
            protocol.name,
            message.name
        );
    }
}

#[test]
fn what_a_definition_encodes_it_decodes() {
    let library = library();
    let mut rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut messages = 0;
    for protocol in library.protocols() {
        for message in protocol.messages.iter().filter(|message| message.from == Sender::Bms) {
            messages += 1;
            for _ in 0..64 {
                check_identity(protocol, message, &mut rng);
            }
        }
    }
    assert!(messages > 20, "only {messages} messages were tried");
}

#[test]
fn any_bytes_give_fields_or_a_typed_finding() {
    let library = library();
    let mut runner = TestRunner::new(Config {
        cases: 400,
        ..Config::default()
    });
    let strategy = (
        any::<u32>(),
        proptest::collection::vec(any::<u8>(), 0..=8),
        proptest::collection::vec(any::<u8>(), 0..200),
        any::<u8>(),
    );
    runner
        .run(&strategy, |(id, frame, info, code)| {
            for protocol in library.protocols() {
                let decoder = Decoder::new(protocol);
                let known = protocol.messages.get(id as usize % protocol.messages.len());
                let own = known.and_then(|message| match message.key {
                    MessageKey::Can(id) => Some(id),
                    _ => None,
                });
                for id in [own, CanId::standard(id & 0x7FF), CanId::extended(id & 0x1FFF_FFFF)]
                    .into_iter()
                    .flatten()
                {
                    let decoded = decoder.can(&CanFrame::data(id, &frame).unwrap());
                    prop_assert!(decoded.message.is_some() || !decoded.warnings.is_empty());
                }
                let command = match known.map(|message| message.key) {
                    Some(MessageKey::Command(command)) => command,
                    _ => code,
                };
                let context = RequestContext {
                    command: Some(command),
                    address: 2,
                    parameters: vec![("pack".to_string(), i64::from(code))],
                    registers: None,
                };
                let bytes = pylon_ascii::emit(0x20, 2, 0x46, code & 0x93, &info).unwrap();
                let _ = decoder.reply(&bytes, Some(&context));
                let _ = decoder.reply(&bytes, None);
                let _ = decoder.reply(&info, Some(&context));
                let _ = decoder.request(&bytes);
            }
            Ok(())
        })
        .unwrap();
}
