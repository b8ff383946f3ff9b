//! Which wire fault explains what a case saw.
//!
//! Every comparison of a case is noted, those that held included. When the case is over, the catalogue of faults is
//! searched, field by field, for one that turns what was demanded into what came, each time. A check says so only when
//! all of it is explained; where nothing explains the bytes nothing is said.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use crate::decode::write::put;
use crate::decode::{DecodedField, FieldValue};
use crate::definition::{Kind, MessageKey};
use crate::fault::explain::in_words;
use crate::fault::{Operator, Sighting, Slot, explain};
use crate::suite::Demand;
use crate::time::Instant;

use super::observe::Heard;
use super::ruling::Ruling;

/// So many messages of a case are kept for its diagnosis; of a longer case, the last ones.
pub(crate) const KEPT: usize = 4096;
/// More causes in one sentence explain nothing.
const MAX_CAUSES: usize = 2;

/// A field of a message that was compared with what is demanded of it.
#[derive(Clone, Debug)]
pub(crate) struct Compared {
    /// The message: its event, and its time, since an event may hold several.
    event: usize,
    at: Instant,
    /// The pack whose field it is, from 1; 0 for the message itself.
    pack: usize,
    /// The field, running number filled in.
    field: String,
    wanted: Wanted,
}

impl Compared {
    /// The message that it was about, or the pack in it.
    fn message(&self) -> (usize, Instant, usize) {
        (self.event, self.at, self.pack)
    }
}

#[derive(Clone, Debug)]
enum Wanted {
    /// A value.
    Value(Demand),
    /// What stands in this data, of which the field's bytes are known.
    Data(Rc<[u8]>),
}

/// Notes the comparison of a field with an exact demand; others tell nothing of a cause.
pub(crate) fn field(
    found: &DecodedField<'_>,
    pack: Option<usize>,
    demanded: &Demand,
    heard: &Heard<'_>,
) -> Vec<Compared> {
    let exact = match demanded {
        Demand::Is { tolerance, .. } => {
            let one_scale = !matches!(&found.field.kind, Kind::Number(number) if !number.choices.is_empty());
            tolerance.is_none() && one_scale
        }
        Demand::Truth(_) | Demand::Word(_) | Demand::Absent => true,
        Demand::Range(..) | Demand::Missing => false,
    };
    if !exact || found.bytes.is_empty() {
        return Vec::new();
    }
    vec![Compared {
        event: heard.event,
        at: heard.at,
        pack: pack.filter(|_| !heard.decoded.packs.is_empty()).unwrap_or(0),
        field: found.name.to_string(),
        wanted: Wanted::Value(demanded.clone()),
    }]
}

/// Notes the comparison of every field that lies wholly under known bytes.
pub(crate) fn golden(golden: &[Option<u8>], heard: &Heard<'_>) -> Vec<Compared> {
    let data = &heard.decoded.data;
    let known = data
        .iter()
        .enumerate()
        .map(|(at, byte)| golden.get(at).copied().flatten().unwrap_or(*byte));
    let known: Rc<[u8]> = known.collect();
    let groups = std::iter::once(&heard.decoded.fields)
        .chain(&heard.decoded.packs)
        .enumerate();
    groups
        .flat_map(|(pack, fields)| fields.iter().map(move |found| (pack, found)))
        .filter(|(_, found)| {
            let under = golden.get(found.bytes.clone());
            !found.bytes.is_empty() && under.is_some_and(|under| under.iter().all(Option::is_some))
        })
        .map(|(pack, found)| Compared {
            event: heard.event,
            at: heard.at,
            pack,
            field: found.name.to_string(),
            wanted: Wanted::Data(Rc::clone(&known)),
        })
        .collect()
}

/// What is known of one field of one message over the whole case.
struct Field<'h, 'p> {
    key: MessageKey,
    /// Its name in the definition: a row of fields has one cause.
    name: &'p str,
    seen: Vec<Sighting<'h, 'p>>,
    cause: Option<Vec<&'static Operator>>,
}

/// Gives each failed check of a case its explanation.
pub(crate) fn diagnose(rulings: &mut [Ruling], heard: &VecDeque<Rc<Heard<'_>>>) {
    if rulings.iter().all(|ruling| ruling.held || ruling.compared.is_empty()) {
        return;
    }
    let mut fields: Vec<Field<'_, '_>> = Vec::new();
    // For each ruling the fields that differ.
    let mut differing: Vec<Vec<(usize, &str)>> = Vec::new();
    let noted: Vec<Vec<Compared>> = rulings.iter().map(|ruling| ruling.compared.clone()).collect();
    let known = known(&noted, heard);
    for compared in &noted {
        let mut wrong = Vec::new();
        for compared in compared {
            let Some((key, mut sighting)) = sighting(compared, heard) else {
                continue;
            };
            if let Some(known) = known.get(&compared.message()) {
                complete(&mut sighting, known);
            }
            let name = sighting.slot.field.name.as_str();
            let differs = sighting.is_wrong();
            let known = fields.iter().position(|field| field.key == key && field.name == name);
            let index = known.unwrap_or(fields.len());
            match fields.get_mut(index) {
                Some(field) => field.seen.push(sighting),
                None => fields.push(Field {
                    key,
                    name,
                    seen: vec![sighting],
                    cause: None,
                }),
            }
            if differs {
                wrong.push((index, compared.field.as_str()));
            }
        }
        differing.push(wrong);
    }
    for field in &mut fields {
        field.cause = explain(&field.seen);
    }
    for (ruling, wrong) in rulings.iter_mut().zip(differing) {
        if !ruling.held && !wrong.is_empty() {
            ruling.check.diagnosis = sentence(&wrong, &fields);
        }
    }
}

/// What is known of one message, or of a pack in it: for each compared field its index and data with what is demanded.
type Known = Vec<(usize, Option<Vec<u8>>)>;

/// What is known of each message; nothing of a field of which different things are demanded.
fn known(noted: &[Vec<Compared>], heard: &VecDeque<Rc<Heard<'_>>>) -> HashMap<(usize, Instant, usize), Known> {
    let mut messages: HashMap<_, Known> = HashMap::new();
    for compared in noted.iter().flatten() {
        let Some((_, sighting)) = sighting(compared, heard) else {
            continue;
        };
        let (slot, should) = (sighting.slot, sighting.should);
        let known = messages.entry(compared.message()).or_default();
        match known.iter_mut().find(|(index, _)| *index == slot.index) {
            Some((_, before)) => {
                let same = |before: &Vec<u8>| slot.read_bytes(before) == slot.read_bytes(&should);
                *before = before.take().filter(same);
            }
            None => known.push((slot.index, Some(should))),
        }
    }
    messages
}

/// Puts what is demanded of the other fields of its message beside what is demanded of this one.
fn complete(sighting: &mut Sighting<'_, '_>, known: &Known) -> Option<()> {
    for (index, should) in known {
        let Some(should) = should else { continue };
        let slot = Slot::new(sighting.slot.around, *index)?;
        if *index != sighting.slot.index {
            match slot.read(should) {
                Some(raw) => slot.write(&mut sighting.should, raw)?,
                None => {
                    let place = sighting.should.get_mut(slot.bytes())?;
                    place.copy_from_slice(should.get(slot.bytes())?);
                }
            }
        }
        sighting.compared.push(*index);
    }
    Some(())
}

/// The causes of all fields that differ, in one sentence; `None` where one of them has none.
fn sentence(wrong: &[(usize, &str)], fields: &[Field<'_, '_>]) -> Option<String> {
    let mut causes: Vec<(&Vec<&'static Operator>, Vec<String>, usize)> = Vec::new();
    for (index, name) in wrong {
        let field = fields.get(*index)?;
        let cause = field.cause.as_ref()?;
        let frames = field.seen.iter().filter(|sighting| sighting.is_wrong()).count();
        let same = |known: &Vec<&'static Operator>| {
            known
                .iter()
                .map(|known| known.name)
                .eq(cause.iter().map(|one| one.name))
        };
        match causes.iter_mut().find(|(known, ..)| same(known)) {
            Some((_, names, most)) => {
                names.push((*name).to_string());
                *most = (*most).max(frames);
            }
            None => causes.push((cause, vec![(*name).to_string()], frames)),
        }
    }
    if causes.len() > MAX_CAUSES {
        return None;
    }
    let words: Vec<String> = causes
        .iter()
        .map(|(cause, names, frames)| in_words(names, cause, *frames))
        .collect();
    Some(words.join("; "))
}

/// The comparison with the message that it was about, if that is still there.
fn sighting<'h, 'p>(compared: &Compared, heard: &'h VecDeque<Rc<Heard<'p>>>) -> Option<(MessageKey, Sighting<'h, 'p>)> {
    // Messages are kept in the order of their events.
    let from = heard.partition_point(|heard| heard.event < compared.event);
    let about = heard
        .iter()
        .skip(from)
        .find(|heard| heard.event == compared.event && heard.at == compared.at)?;
    let decoded = &about.decoded;
    let around = match compared.pack.checked_sub(1) {
        None => decoded.fields.as_slice(),
        Some(pack) => decoded.packs.get(pack)?.as_slice(),
    };
    let slot = Slot::named(around, &compared.field)?;
    let mut should = decoded.data.clone();
    match &compared.wanted {
        Wanted::Value(demanded) => {
            put(
                slot.field,
                &slot.field.name,
                Some(&value(demanded)?),
                should.get_mut(slot.bytes())?,
            )
            .ok()?;
        }
        Wanted::Data(known) => match slot.read(known) {
            Some(raw) => slot.write(&mut should, raw)?,
            None => should.get_mut(slot.bytes())?.copy_from_slice(known.get(slot.bytes())?),
        },
    }
    let is = decoded.data.as_slice();
    let sighting = Sighting {
        slot,
        should,
        is,
        compared: Vec::new(),
    };
    Some((about.key()?, sighting))
}

fn value(demanded: &Demand) -> Option<FieldValue> {
    Some(match demanded {
        Demand::Is { value, .. } => FieldValue::Quantity(*value),
        Demand::Truth(truth) => FieldValue::Flag(*truth),
        Demand::Word(word) => FieldValue::Text(word.clone()),
        Demand::Absent => FieldValue::Absent,
        Demand::Range(..) | Demand::Missing => return None,
    })
}
