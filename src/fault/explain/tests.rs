//! Every fault of values and flags is planted into every message of every protocol, and must be found again.

use super::*;
use crate::decode::{Decoded, EncodeInput};
use crate::definition::{Field, Kind, Library, Message, Protocol, Sender};
use crate::fault::place::Sample;
use crate::fault::{Fault, Place, faults_of};
use crate::link::faulty::Content;

/// So many messages with a fault are looked at: as many as a case with some states shows.
const MESSAGES: usize = 16;

/// The same numbers each time, which look like chance.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % below.max(1)
    }
}

/// A plausible number for a field.
fn plausible(field: &Field, width: u8, dice: &mut Dice) -> Option<u64> {
    if flag::is_flag(field) {
        return Some(flag::codes(field)?[usize::from(dice.throw(2) == 1)]);
    }
    let Kind::Number(number) = &field.kind else { return None };
    let highest = if width >= 16 { 4000 } else { 100 };
    let magnitude = 1 + dice.throw(highest);
    let negative = number.signed && number.offset == 0 && dice.throw(3) == 0;
    // An offset of the wire is in the number: 2731 and more for temperatures.
    let raw = if negative {
        -(magnitude as i64)
    } else {
        magnitude as i64 / if number.offset == 0 { 1 } else { 10 }
    };
    Some((raw - number.offset) as u64)
}

/// Messages as a sound battery sends them, each another state.
fn messages<'p>(protocol: &'p Protocol, message: &'p Message, dice: &mut Dice) -> Vec<Decoded<'p>> {
    let Some(sample) = Sample::all(protocol, message).into_iter().next() else {
        return Vec::new();
    };
    let mut states = Vec::new();
    for _ in 0..MESSAGES {
        let mut data = sample.decoded.data.clone();
        let around = &sample.decoded.fields;
        for slot in (0..around.len()).filter_map(|index| Slot::new(around, index)) {
            let counts = slot.field.name.ends_with("_count") || slot.field.equals_request.is_some();
            if let Some(raw) = plausible(slot.field, slot.width(), dice).filter(|_| !counts) {
                slot.write(&mut data, raw);
            }
        }
        let parameters = EncodeInput::default().parameters;
        states.extend(Sample::decoded(protocol, message, &data, parameters).map(|sample| sample.decoded));
    }
    // Only those of one shape can be compared field by field.
    let fields = sample.decoded.fields.len();
    states.retain(|state| state.fields.len() == fields);
    states
}

/// The registers that a sample of a block shows.
fn registers(decoded: &Decoded<'_>) -> Option<(u16, u16)> {
    decoded.message.and_then(|message| message.registers())
}

/// What a fault makes of a message, and again of each that follows.
fn planted(fault: &Fault, protocol: &Protocol, sound: &[Decoded<'_>]) -> Vec<Vec<u8>> {
    let mut content = Content::default();
    let data = |decoded: &Decoded<'_>| {
        content
            .changed(fault, protocol, decoded, registers(decoded))
            .unwrap_or_else(|| decoded.data.clone())
    };
    sound.iter().map(data).collect()
}

fn sightings<'d, 'p>(sound: &'d [Decoded<'p>], sent: &'d [Vec<u8>], index: usize) -> Vec<Sighting<'d, 'p>> {
    let pairs = sound.iter().zip(sent);
    pairs
        .filter_map(|(sound, sent)| {
            let slot = Slot::new(&sound.fields, index)?;
            // Of a message that has kept its shape everything was compared.
            let (mut should, compared) = match sent.len() == sound.data.len() {
                true => (sound.data.clone(), (0..sound.fields.len()).collect()),
                false => (sent.clone(), Vec::new()),
            };
            match slot.read(&sound.data) {
                Some(raw) => slot.write(&mut should, raw)?,
                None => should
                    .get_mut(slot.bytes())?
                    .copy_from_slice(sound.data.get(slot.bytes())?),
            }
            Some(Sighting {
                slot,
                should,
                is: sent,
                compared,
            })
        })
        .collect()
}

/// The fields by which a fault shows.
fn shows_in(fault: &Fault, sound: &Decoded<'_>) -> Option<usize> {
    let is = |field: &Field| match &fault.place {
        Place::Field(_, name) => field.name == *name,
        _ if fault.operator.name == "words-exchanged" => {
            let other = flag::counterpart(&field.name);
            other.is_some_and(|other| sound.fields.iter().any(|field| field.name == other))
        }
        _ => value::is_number(field) && field.place.bytes > 1,
    };
    sound.fields.iter().position(|found| is(found.field))
}

#[test]
fn planted_faults_are_found_again() {
    let (library, _) = Library::load(None);
    let mut dice = Dice(0x5EED);
    let (mut asked, mut right, mut wrong) = (0, 0, Vec::new());
    for protocol in library.protocols() {
        let of_bytes = |fault: &Fault| matches!(fault.operator.class, Class::Value | Class::Flag);
        let mut states: Vec<(&Message, Vec<Decoded<'_>>)> = Vec::new();
        for fault in faults_of(protocol).into_iter().filter(of_bytes) {
            let Some(message) = fault.message(protocol) else {
                continue;
            };
            if !states.iter().any(|(known, _)| known.key == message.key) {
                states.push((message, messages(protocol, message, &mut dice)));
            }
            let Some((_, sound)) = states.iter().find(|(known, _)| known.key == message.key) else {
                continue;
            };
            let sent = planted(&fault, protocol, sound);
            let Some(index) = sound.first().and_then(|first| shows_in(&fault, first)) else {
                continue;
            };
            let seen = sightings(sound, &sent, index);
            if !seen.iter().any(Sighting::is_wrong) {
                continue;
            }
            asked += 1;
            let found = explain(&seen);
            let named = |operators: &Vec<&'static Operator>| {
                // Another fault that would have sent the same bytes is as right.
                let same = |operator: &'static Operator| {
                    let other = Fault {
                        operator,
                        place: fault.place.clone(),
                    };
                    planted(&other, protocol, sound) == sent
                };
                matches!(&operators[..], [only] if only.name == fault.operator.name || same(only))
            };
            if found.as_ref().is_some_and(named) {
                right += 1;
            } else {
                let names = found.map(|found| found.iter().map(|operator| operator.name).collect::<Vec<_>>());
                wrong.push(format!("{} {fault}: {names:?}", protocol.name));
            }
        }
    }
    let text = format!(
        "{right} of {asked} planted faults are named first ({} %)",
        right * 100 / asked
    );
    assert!(
        asked > 1000 && right * 100 >= asked * 90,
        "{text}\n{}",
        wrong.join("\n")
    );
    println_to_test(&text);
    for line in wrong {
        println_to_test(&line);
    }
}

/// What is said of a flag of Pylon's alarms where both of some flags were compared.
fn explained(name: &str, compared: [&str; 2], should: [u8; 4], is: [u8; 4]) -> Option<Vec<&'static str>> {
    let (library, _) = Library::load(None);
    let protocol = library.protocol("pylon-can")?;
    let message = protocol.messages.iter().find(|message| message.name == "alarms")?;
    let whole = |flags: [u8; 4]| [&flags[..], &[1, 0x50, 0x4E, 0]].concat();
    let sample = Sample::decoded(protocol, message, &whole(is), EncodeInput::default().parameters)?;
    let around = &sample.decoded.fields;
    let sighting = Sighting {
        slot: Slot::named(around, name)?,
        should: whole(should),
        is: &sample.decoded.data,
        compared: compared
            .iter()
            .filter_map(|name| Some(Slot::named(around, name)?.index))
            .collect(),
    };
    Some(explain(&[sighting])?.iter().map(|operator| operator.name).collect())
}

#[test]
fn a_single_flag_in_a_wrong_place_is_enough() {
    let both = ["over_voltage_protection", "over_voltage_alarm"];
    for name in both {
        let found = explained(name, both, [0, 0, 2, 0], [2, 0, 0, 0]);
        assert_eq!(found, Some(vec!["words-exchanged"]), "{name}");
        // With another flag beside it, it may be a real one.
        assert_eq!(explained(name, both, [0, 0, 2, 0], [6, 0, 0, 0]), None, "{name}");
    }
    let beside = ["under_voltage_protection", "over_temperature_protection"];
    for name in beside {
        let found = explained(name, beside, [4, 0, 4, 0], [8, 0, 4, 0]);
        assert_eq!(found, Some(vec!["bits-exchanged"]), "{name}");
        assert_eq!(explained(name, beside, [4, 0, 4, 0], [12, 0, 4, 0]), None, "{name}");
    }
}

#[test]
fn an_absent_value_is_no_evidence() {
    let (library, _) = Library::load(None);
    let message_of = |data: &[u8]| {
        let protocol = library.protocol("sma-can")?;
        let message = protocol
            .messages
            .iter()
            .find(|message| message.name == "measurements")?;
        let sample = Sample::decoded(protocol, message, data, EncodeInput::default().parameters)?;
        Some(sample.decoded)
    };
    let measured = message_of(&[0, 0x14, 0, 0, 10, 0, 0xFF, 0xFF]).expect("a message");
    let absent = message_of(&[0, 0x14, 0, 0, 0, 0x80, 0xFF, 0xFF]).expect("a message");
    let with = |decoded: &Decoded<'_>, should: [u8; 2]| {
        let mut data = decoded.data.clone();
        data[4..6].copy_from_slice(&should);
        data
    };
    let (one, other) = (with(&measured, [1, 0]), with(&absent, [0, 0x80]));
    let seen: Vec<Sighting<'_, '_>> = [(&measured, one), (&absent, other)]
        .into_iter()
        .filter_map(|(decoded, should)| {
            Some(Sighting {
                slot: Slot::named(&decoded.fields, "temperature")?,
                should,
                is: &decoded.data,
                compared: Vec::new(),
            })
        })
        .collect();
    let names: Option<Vec<&str>> = explain(&seen).map(|found| found.iter().map(|operator| operator.name).collect());
    assert_eq!((seen.len(), names), (2, Some(vec!["scale-x10"])));
}

#[test]
fn chance_is_not_explained() {
    let (library, _) = Library::load(None);
    let seed = 0xC0FFEE;
    let mut dice = Dice(seed);
    let (mut tried, mut hints) = (0_u32, Vec::new());
    for protocol in library.protocols() {
        for message in protocol.messages.iter().filter(|message| message.from == Sender::Bms) {
            let all = messages(protocol, message, &mut dice);
            for count in [1, 2, 3, 6, MESSAGES] {
                let sound = all.get(..count.min(all.len())).unwrap_or_default();
                let fields = sound.first().map_or(0, |first| first.fields.len());
                for index in 0..fields {
                    let noise = |sound: &Decoded<'_>, dice: &mut Dice| {
                        let mut sent = sound.data.clone();
                        let bytes = sound.fields.get(index).map_or(0..0, |found| found.bytes.clone());
                        for byte in sent.get_mut(bytes).into_iter().flatten() {
                            *byte = dice.throw(256) as u8;
                        }
                        sent
                    };
                    let sent: Vec<Vec<u8>> = sound.iter().map(|sound| noise(sound, &mut dice)).collect();
                    let seen = sightings(sound, &sent, index);
                    if seen.iter().any(Sighting::is_wrong) {
                        tried += 1;
                        let name = sound
                            .first()
                            .and_then(|first| first.fields.get(index))
                            .map(|found| &found.name);
                        hints.extend(explain(&seen).map(|found| format!("{name:?} {count}: {}", found[0].name)));
                    }
                }
            }
        }
    }
    let text = format!("{} hints for {tried} random corruptions (seed {seed:#x})", hints.len());
    assert!(
        tried > 500 && hints.len() * 20 <= tried as usize,
        "{text}\n{}",
        hints.join("\n")
    );
    println_to_test(&text);
}

/// Figures are part of what these tests are for.
#[expect(
    clippy::print_stdout,
    reason = "the figures are wanted; `cargo test -- --nocapture` shows them"
)]
fn println_to_test(text: &str) {
    println!("{text}");
}
