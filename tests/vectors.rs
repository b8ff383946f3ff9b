//! The golden frames of `vectors/`: each says what its fields and findings are, and the decoder must find exactly that.

use std::collections::BTreeSet;

use bmscheck::decode::write::encode_layout;
use bmscheck::decode::{Decoded, DecodedField, Decoder, EncodeInput, FieldValue, encode, encode_registers};
use bmscheck::definition::library::{Folder, data_files};
use bmscheck::definition::{Field, Kind, Library, Protocol, Sender};
use bmscheck::document::{Diagnostics, scalar};
use bmscheck::suite::Demand;
use bmscheck::suite::vectors::{self, Vector, Vectors};
use bmscheck::wire::{BusFrame, hex_spaced};

/// Runs `check` on every vector, and reports all that failed at once.
fn each_vector(check: impl Fn(&Protocol, &Vector) -> Vec<String>) {
    let (library, _) = Library::load(None);
    let (files, diagnostics) = all_vectors(&library);
    assert!(!diagnostics.has_errors(), "{}", diagnostics.render_plain());
    let mut failures = Vec::new();
    for file in files {
        let protocol = library.protocol(&file.protocol).expect("the loader knows the protocol");
        for vector in &file.vectors {
            for failure in check(protocol, vector) {
                failures.push(format!("{} {}: {failure}", file.protocol, vector.id));
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{} failures:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

fn all_vectors(library: &Library) -> (Vec<Vectors>, Diagnostics) {
    let protocols: Vec<&Protocol> = library.protocols().collect();
    let mut diagnostics = Diagnostics::default();
    let mut files = Vec::new();
    for source in data_files(None, Folder::Vectors).expect("built-in files are readable") {
        let (vectors, found) = vectors::load(&source, &protocols);
        diagnostics.extend(found);
        files.extend(vectors);
    }
    (files, diagnostics)
}

fn decode<'p>(protocol: &'p Protocol, vector: &Vector) -> Decoded<'p> {
    let mut decoder = Decoder::new(protocol);
    if let Some(variant) = &vector.variant {
        decoder = decoder.with_variant(variant);
    }
    match &vector.frame {
        BusFrame::Can(frame) => decoder.can(frame),
        BusFrame::Serial(bytes) if vector.direction == Sender::Inverter => decoder.request(bytes).0,
        BusFrame::Serial(bytes) => {
            let mut context = vector.request.as_deref().map(|request| decoder.request(request).1);
            if let (None, Some(command)) = (&context, vector.command) {
                context = Some(bmscheck::decode::RequestContext {
                    command: Some(command),
                    address: decoder.reply(bytes, None).address.unwrap_or_default(),
                    ..Default::default()
                });
            }
            decoder.reply(bytes, context.as_ref())
        }
    }
}

/// Whether a value is what is demanded; the golden values are exact unless the file gives a tolerance.
fn meets(field: &DecodedField<'_>, demand: &Demand) -> bool {
    let constant = matches!(field.field.kind, Kind::Constant { .. });
    match (&field.value, demand) {
        (FieldValue::Quantity(found), Demand::Is { value, tolerance }) => match tolerance {
            None => found.compare(*value).is_some_and(std::cmp::Ordering::is_eq),
            Some(tolerance) => found.to_unit(tolerance.unit).is_some_and(|found| {
                let distance = value
                    .to_unit(tolerance.unit)
                    .and_then(|value| found.number.checked_sub(value.number));
                distance.is_some_and(|distance| distance.abs() <= tolerance.number)
            }),
        },
        (FieldValue::Quantity(found), Demand::Range(low, high)) => {
            low.is_none_or(|low| found.compare(low).is_some_and(std::cmp::Ordering::is_ge))
                && high.is_none_or(|high| found.compare(high).is_some_and(std::cmp::Ordering::is_le))
        }
        (value, Demand::Truth(truth)) => value.as_truth() == Some(*truth),
        (FieldValue::State(Some(name), _), Demand::Word(word)) => name == word,
        // Bytes that never change are read as text where they are characters, and demanded as hex.
        (FieldValue::Text(text), Demand::Word(word)) if constant => hex_spaced(text.as_bytes()) == *word,
        (FieldValue::Text(text), Demand::Word(word)) => text == word,
        (FieldValue::Bytes(bytes), Demand::Word(word)) => hex_spaced(bytes) == *word,
        (FieldValue::Absent, Demand::Absent) => true,
        _ => false,
    }
}

fn compare(fields: &[DecodedField<'_>], demands: &[(String, Demand)]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, demand) in demands {
        match (fields.iter().find(|field| field.name == name.as_str()), demand) {
            (None, Demand::Missing) => {}
            (None, _) => wrong.push(format!("`{name}` is not there")),
            (Some(field), demand) if meets(field, demand) => {}
            (Some(field), demand) => wrong.push(format!("`{name}` is {}, not {demand:?}", field.value)),
        }
    }
    wrong
}

#[test]
fn vector_files_have_no_mistakes() {
    let (library, _) = Library::load(None);
    let (files, diagnostics) = all_vectors(&library);
    assert!(diagnostics.is_empty(), "{}", diagnostics.render_plain());
    assert!(!files.is_empty());
}

#[test]
fn golden_frames_decode_to_their_fields() {
    each_vector(|protocol, vector| {
        let decoded = decode(protocol, vector);
        let mut wrong = compare(&decoded.fields, &vector.fields);
        if !vector.packs.is_empty() && vector.packs.len() != decoded.packs.len() {
            wrong.push(format!("{} packs, not {}", decoded.packs.len(), vector.packs.len()));
        }
        for (number, (pack, demands)) in decoded.packs.iter().zip(&vector.packs).enumerate() {
            let differences = compare(pack, demands).into_iter();
            wrong.extend(differences.map(|difference| format!("pack {}: {difference}", number + 1)));
        }
        if vector.return_code.is_some_and(|code| code != decoded.return_code) {
            wrong.push(format!("return code {:02X}", decoded.return_code));
        }
        wrong
    });
}

#[test]
fn golden_frames_give_exactly_their_findings() {
    each_vector(|protocol, vector| {
        let decoded = decode(protocol, vector);
        let mut wrong = Vec::new();
        for (what, found, stated) in [
            ("errors", &decoded.errors, &vector.errors),
            ("warnings", &decoded.warnings, &vector.warnings),
        ] {
            let ids: BTreeSet<&str> = found.iter().map(|finding| finding.id.as_ref()).collect();
            let wanted: BTreeSet<&str> = stated.iter().map(String::as_str).collect();
            if ids != wanted {
                let texts: Vec<&str> = found.iter().map(|finding| finding.text.as_str()).collect();
                wrong.push(format!("{what} {ids:?} ({}), not {wanted:?}", texts.join("; ")));
            }
        }
        wrong
    });
}

#[test]
fn complete_vectors_name_every_field() {
    each_vector(|protocol, vector| {
        if !vector.complete {
            return Vec::new();
        }
        let decoded = decode(protocol, vector);
        let all = decoded.fields.iter().chain(decoded.packs.iter().flatten());
        all.filter(|field| {
            let named = |demands: &[(String, Demand)]| demands.iter().any(|(name, _)| *name == field.name);
            !named(&vector.fields) && !vector.packs.iter().any(|pack| named(pack))
        })
        .map(|field| format!("`{}` is not named", field.name))
        .collect()
    });
}

/// The value that an exact demand stands for.
fn value_of(field: Option<&Field>, demand: &Demand) -> Option<FieldValue> {
    let raw = field.is_some_and(|field| matches!(field.kind, Kind::Constant { .. } | Kind::Bytes));
    match demand {
        Demand::Is { value, tolerance: None } => Some(FieldValue::Quantity(*value)),
        Demand::Truth(truth) => Some(FieldValue::Flag(*truth)),
        Demand::Word(word) if raw => scalar::bytes(word).map(FieldValue::Bytes),
        Demand::Word(word) => Some(FieldValue::Text(word.clone())),
        Demand::Absent => Some(FieldValue::Absent),
        _ => None,
    }
}

#[test]
fn complete_vectors_encode_back_to_their_bytes() {
    each_vector(|protocol, vector| {
        if !vector.complete {
            return Vec::new();
        }
        let decoded = decode(protocol, vector);
        // What is computed from other fields is not on the wire.
        let on_wire = |demands: &[(String, Demand)]| -> Vec<(String, FieldValue)> {
            let all = || decoded.fields.iter().chain(decoded.packs.iter().flatten());
            let field = |name: &str| all().find(|field| field.name == name).map(|field| field.field);
            let derived = |name: &str| {
                let mut derived = protocol.derived.iter();
                field(name).is_some_and(|field| derived.any(|derived| std::ptr::eq(&raw const derived.field, field)))
            };
            let kept = demands.iter().filter(|(name, _)| !derived(name));
            kept.filter_map(|(name, demand)| Some((name.clone(), value_of(field(name), demand)?)))
                .collect()
        };
        let context = vector.request.as_ref();
        let context = context.map(|request| Decoder::new(protocol).request(request).1);
        let (parameters, registers) =
            context.map_or((Vec::new(), None), |context| (context.parameters, context.registers));
        let default = protocol.variants.first();
        let input = EncodeInput {
            fields: on_wire(&vector.fields),
            packs: vector.packs.iter().map(|pack| on_wire(pack)).collect(),
            parameters,
            variant: vector
                .variant
                .clone()
                .or_else(|| default.map(|variant| variant.name.clone())),
        };
        let serial_request = vector.direction == Sender::Inverter && matches!(vector.frame, BusFrame::Serial(_));
        let encoded = match (serial_request, registers, decoded.message) {
            (false, Some((start, count)), _) => encode_registers(protocol, start, count, &input),
            (true, _, Some(message)) => encode_layout(&message.request, &message.name, None, &input),
            (false, None, Some(message)) => encode(message, &input),
            (_, _, None) => return vec!["it is no message of the definition".into()],
        };
        match encoded {
            Ok(bytes) if bytes == decoded.data => Vec::new(),
            Ok(bytes) => vec![format!("encodes to {bytes:02X?}, not {:02X?}", decoded.data)],
            Err(error) => vec![error.to_string()],
        }
    });
}

/// What the decoder makes of every vector, for people to read: a change of a definition shows all that it changes.
#[test]
fn decoded_vectors_as_text() {
    let (library, _) = Library::load(None);
    for file in all_vectors(&library).0 {
        let protocol = library.protocol(&file.protocol).expect("the loader knows the protocol");
        let mut text = String::new();
        for vector in &file.vectors {
            let decoded = decode(protocol, vector);
            let name = decoded.message.map_or("(unknown)", |message| message.name.as_str());
            text.push_str(&format!("{} {} {name}\n", vector.id, shown(&vector.frame)));
            for field in &decoded.fields {
                text.push_str(&format!("    {} = {}\n", field.name, with_raw(field)));
            }
            for (number, pack) in decoded.packs.iter().enumerate() {
                text.push_str(&format!("    pack {}\n", number + 1));
                for field in pack {
                    text.push_str(&format!("        {} = {}\n", field.name, with_raw(field)));
                }
            }
            for (word, findings) in [("error", &decoded.errors), ("warning", &decoded.warnings)] {
                for finding in findings {
                    let grade = finding.grade.letter();
                    text.push_str(&format!("    {word} {} ({grade}): {}\n", finding.id, finding.text));
                }
            }
        }
        insta::assert_snapshot!(format!("vectors_{}", file.protocol), text);
    }
}

fn with_raw(field: &DecodedField<'_>) -> String {
    match &field.value {
        FieldValue::Quantity(_) | FieldValue::State(..) | FieldValue::Absent => {
            format!("{} (raw {})", field.value, field.raw)
        }
        other => other.to_string(),
    }
}

fn shown(frame: &BusFrame) -> String {
    match frame {
        BusFrame::Can(frame) => frame.to_string(),
        BusFrame::Serial(bytes) if bytes.starts_with(b"~") => String::from_utf8_lossy(bytes).trim_end().to_string(),
        BusFrame::Serial(bytes) => hex_spaced(bytes),
    }
}

/// CRC-16 of Modbus, bit by bit.
fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc: u16, _| {
            (crc >> 1) ^ if crc & 1 == 1 { 0xA001 } else { 0 }
        })
    })
}

/// CHKSUM of the Pylon family: the two's complement of the sum of the characters.
fn checksum(characters: &[u8]) -> u16 {
    let sum: u32 = characters.iter().map(|character| u32::from(*character)).sum();
    (sum as u16).wrapping_neg()
}

/// Whether the check at the end of a frame is right, as computed here a second time.
fn is_sealed(bytes: &[u8]) -> bool {
    let Some(text) = bytes.strip_prefix(b"~") else {
        let (covered, sent) = bytes.split_at(bytes.len().saturating_sub(2));
        return crc(covered).to_le_bytes() == sent;
    };
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    let (covered, sent) = text.split_at(text.len().saturating_sub(4));
    std::str::from_utf8(sent)
        .ok()
        .and_then(|sent| u16::from_str_radix(sent, 16).ok())
        == Some(checksum(covered))
}

#[test]
fn every_checksum_is_recomputed() {
    let count = std::cell::Cell::new(0);
    each_vector(|_, vector| {
        let BusFrame::Serial(bytes) = &vector.frame else {
            return Vec::new();
        };
        let said_wrong = vector.errors.iter().any(|id| id == "checksum" || id == "crc");
        let mut wrong = Vec::new();
        match is_sealed(bytes) {
            true if said_wrong => wrong.push("its checksum is right".to_string()),
            true => count.set(count.get() + 1),
            // What cannot be cut, or is cut short, has no checksum.
            false if said_wrong || !vector.errors.is_empty() => {}
            false => wrong.push("its checksum is wrong".to_string()),
        }
        // Who is refused may have asked with a wrong one.
        let served = vector.return_code.is_none_or(|code| code == 0);
        if served && vector.request.as_deref().is_some_and(|request| !is_sealed(request)) {
            wrong.push("the checksum of its question is wrong".to_string());
        }
        wrong
    });
    assert!(count.get() > 400, "{} frames", count.get());
}
