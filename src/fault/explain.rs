//! The catalogue run backwards: which fault turns what should have come into what came?
//!
//! A hint is given only where one fault, or two after each other, explains *every* sighting of a field, those that held
//! included, and where chance would hardly do so: the more faults could have been tried and the fewer bits were seen, the
//! more sightings are needed. A wrong hint costs an engineer a day; none costs nothing.

use super::catalogue::{Act, CATALOGUE, Change, Class, Memory, Operator};
use super::flag;
use super::slot::Slot;
use super::value;

/// By chance one hint in so many may come out.
const ONE_IN: u128 = 40;
/// What they make of a field is another field's value. Two fields often have the same one: 200 A both ways, 100 % twice.
const BESIDE: [&str; 2] = ["neighbour-value", "fields-exchanged"];
/// More sightings say nothing more.
const MAX_SIGHTINGS: usize = 64;

/// One comparison of a field with what was demanded.
#[derive(Clone, Debug)]
pub struct Sighting<'d, 'p> {
    /// Where the field lies.
    pub slot: Slot<'d, 'p>,
    /// The data of the message with the demanded values of all compared fields in their places.
    pub should: Vec<u8>,
    /// The data of the message as it came.
    pub is: &'d [u8],
    /// The fields around, by their index, of which it is known what should have come.
    pub compared: Vec<usize>,
}

impl Sighting<'_, '_> {
    /// Whether what came is not what should have come.
    pub fn is_wrong(&self) -> bool {
        self.slot.read_bytes(&self.should) != self.slot.read_bytes(self.is)
    }

    fn others(&self) -> impl Iterator<Item = (usize, Slot<'_, '_>)> {
        let indices = (0..self.slot.around.len()).filter(|index| *index != self.slot.index);
        indices.filter_map(|index| Some((index, Slot::new(self.slot.around, index)?)))
    }

    /// Whether the message without the fault has in every other field what should have come there, if that is known.
    fn agrees_beside(&self, without_fault: &[u8]) -> bool {
        self.others().all(|(index, other)| {
            let without = other.read_bytes(without_fault);
            without == other.read_bytes(self.is)
                || without == other.read_bytes(&self.should)
                || !self.compared.contains(&index)
        })
    }

    /// Whether it is known what should have come in the fields whose values a change takes, and whether it leaves in
    /// them what came.
    fn knows_what_is_taken(&self, change: Change) -> bool {
        let changed = |mut data: Vec<u8>| {
            change(&self.slot, &mut data)?;
            Some(data)
        };
        let own = |data: Option<Vec<u8>>| data.and_then(|data| self.slot.read_bytes(&data));
        let Some(sent) = changed(self.should.clone()) else {
            return true;
        };
        self.others().all(|(index, other)| {
            let mut different = self.should.clone();
            for byte in different.get_mut(other.bytes()).into_iter().flatten() {
                *byte = !*byte;
            }
            let is_taken = own(changed(different)) != self.slot.read_bytes(&sent);
            let came = other.read_bytes(&sent) == other.read_bytes(self.is);
            !is_taken || (came && self.compared.contains(&index))
        })
    }
}

/// The fault that explains some sightings of one field, or the two faults, in the order in which they are done.
///
/// `None` where nothing differs, where nothing explains every sighting, and where chance would do it too often.
pub fn explain(sightings: &[Sighting<'_, '_>]) -> Option<Vec<&'static Operator>> {
    let seen = distinct(sightings);
    let first = seen.iter().copied().find(|sighting| sighting.is_wrong())?;
    let (singles, pairs) = outcomes(first);
    let evidence = Evidence::of(&seen);
    let single = |operator: &&'static Operator| explains(operator, &seen) && evidence.is_enough(operator, singles);
    // What depends on the message before is the less likely, and with few sightings the easier to find.
    let (memories, plain): (Vec<_>, Vec<_>) = CATALOGUE
        .iter()
        .partition(|operator| matches!(operator.act, Act::Memory(_)));
    if let Some(operator) = plain.into_iter().chain(memories).find(single) {
        return Some(vec![operator]);
    }
    let is_zero = |sighting: &&Sighting<'_, '_>| {
        sighting.slot.read(sighting.is) == Some(0) || sighting.slot.read(&sighting.should) == Some(0)
    };
    if seen
        .iter()
        .copied()
        .filter(|sighting| sighting.is_wrong())
        .all(|sighting| is_zero(&sighting))
    {
        return None;
    }
    let numbers = || numeric(first);
    for (one, change) in numbers() {
        for (other, further) in numbers() {
            let both = |sighting: &&Sighting<'_, '_>| {
                agrees(sighting, |slot, data| {
                    change(slot, data)?;
                    further(slot, data)
                })
            };
            let different = one.name != other.name && !undo_each_other(one, other);
            if different && evidence.allows(pairs) && seen.iter().all(both) {
                return Some(vec![one, other]);
            }
        }
    }
    None
}

/// The explanation in one sentence.
pub fn in_words(fields: &[String], operators: &[&Operator], frames: usize) -> String {
    let fields: Vec<String> = fields.iter().map(|name| format!("`{name}`")).collect();
    let says: Vec<&str> = operators.iter().map(|operator| operator.says).collect();
    let names: Vec<&str> = operators.iter().map(|operator| operator.name).collect();
    let all = match frames {
        0 | 1 => String::new(),
        frames => format!(", in all {frames} messages that differ"),
    };
    format!(
        "{}: {}{all} (fault {})",
        fields.join(", "),
        says.join(", and "),
        names.join(" + ")
    )
}

/// The sightings that say something new: one that repeats the one before does not.
fn distinct<'s, 'd, 'p>(sightings: &'s [Sighting<'d, 'p>]) -> Vec<&'s Sighting<'d, 'p>> {
    let mut seen: Vec<&Sighting<'_, '_>> = Vec::new();
    for sighting in sightings {
        let again = seen.last().is_some_and(|last| {
            last.slot.around.get(last.slot.index).map(|found| &found.name)
                == sighting.slot.around.get(sighting.slot.index).map(|found| &found.name)
                && last.slot.read_bytes(&last.should) == sighting.slot.read_bytes(&sighting.should)
                && last.slot.read_bytes(last.is) == sighting.slot.read_bytes(sighting.is)
                // A flag has few bits: another state of what stands beside it is another sighting.
                && (!flag::is_flag(last.slot.field) || last.is == sighting.is)
        });
        if !again && seen.len() < MAX_SIGHTINGS {
            seen.push(sighting);
        }
    }
    seen
}

/// How much the sightings could have told otherwise, in bits.
#[derive(Debug)]
struct Evidence {
    /// By what came where something else was demanded, and of flags by what held too.
    bits: u32,
    /// The same for a fault that takes the first sighting as it is.
    later: u32,
    /// Wherever a flag is wrong, its byte has a single bit set, and should have another single one.
    lone_bit: bool,
    /// The same of the bytes of a protection and its alarm together.
    lone_in_pair: bool,
}

impl Evidence {
    fn of(seen: &[&Sighting<'_, '_>]) -> Evidence {
        let counts = |sighting: &Sighting<'_, '_>| match flag::is_flag(sighting.slot.field) {
            true => 1,
            false if sighting.is_wrong() => u32::from(sighting.slot.width()).min(32),
            false => 0,
        };
        let wrong = || seen.iter().filter(|sighting| sighting.is_wrong());
        Evidence {
            bits: seen.iter().map(|sighting| counts(sighting)).sum(),
            later: seen.iter().skip(1).map(|sighting| counts(sighting)).sum(),
            lone_bit: wrong().all(|sighting| is_lone(sighting, None)),
            lone_in_pair: wrong().all(|sighting| {
                let other = counterpart(&sighting.slot);
                other.is_some_and(|other| is_lone(sighting, Some(&other)))
            }),
        }
    }

    fn is_enough(&self, operator: &Operator, hypotheses: usize) -> bool {
        match operator.act {
            Act::Memory(_) => allows(self.later, hypotheses),
            Act::Field {
                undoes_itself: true, ..
            } if self.lone_bit && operator.name != "bit-inverted" => true,
            Act::Message { .. } if self.lone_in_pair => true,
            _ => self.allows(hypotheses),
        }
    }

    fn allows(&self, hypotheses: usize) -> bool {
        allows(self.bits, hypotheses)
    }
}

fn allows(bits: u32, hypotheses: usize) -> bool {
    let chances = 1_u128 << bits.min(100);
    chances >= (hypotheses.max(1) as u128).saturating_mul(ONE_IN)
}

/// Whether a fault turns what should have come into what came, each time.
fn explains(operator: &Operator, seen: &[&Sighting<'_, '_>]) -> bool {
    match operator.act {
        Act::Field {
            fits,
            changes,
            undoes_itself,
        } => changes.iter().any(|change| {
            !prove_nothing(operator, seen)
                && seen.iter().all(|sighting| {
                    let beside = BESIDE.contains(&operator.name);
                    fits(sighting.slot.field)
                        && (!beside || sighting.knows_what_is_taken(*change))
                        && (agrees(sighting, change) || (undoes_itself && !beside && undone(sighting, change)))
                })
        }),
        Act::Message { change, .. } => seen.iter().all(|sighting| undone_in_pair(sighting, change)),
        Act::Memory(Memory::Frozen) => is_frozen(seen),
        Act::Memory(Memory::Stale) => {
            seen.len() > 1
                && seen.windows(2).all(|pair| {
                    let [before, now] = pair else { return false };
                    now.slot.read_bytes(now.is) == before.slot.read_bytes(&before.should)
                })
        }
        Act::Memory(Memory::LimitHeld) => is_held(seen, |sighting| !flag::is_flag(sighting.slot.field)),
        Act::Memory(Memory::EnableHeld) => is_held(seen, |sighting| flag::is_enable(sighting.slot.field)),
        _ => false,
    }
}

/// Zero is zero under most faults of numbers: it would prove any of them.
fn prove_nothing(operator: &Operator, seen: &[&Sighting<'_, '_>]) -> bool {
    let exchange = operator.name == "fields-exchanged";
    let is_zero = |sighting: &&&Sighting<'_, '_>| {
        // A demanded 0 is found in many a place.
        let there = sighting.slot.read(sighting.is) == Some(0);
        there || exchange && sighting.slot.read(&sighting.should) == Some(0)
    };
    operator.class == Class::Value
        && seen.iter().all(|sighting| value::is_number(sighting.slot.field))
        && seen
            .iter()
            .filter(|sighting| sighting.is_wrong())
            .all(|sighting| is_zero(&sighting))
}

/// Whether a change of what should have come gives what came: in the field, and in every byte that it changes.
fn agrees(sighting: &Sighting<'_, '_>, change: impl Fn(&Slot<'_, '_>, &mut [u8]) -> Option<()>) -> bool {
    let mut changed = sighting.should.clone();
    if change(&sighting.slot, &mut changed).is_none() {
        // A fault that does nothing here explains what is as it should be.
        return !sighting.is_wrong();
    }
    if !sighting.is_wrong() && value::is_absent(&sighting.slot, &sighting.should) {
        // A sender looks for "not available" before it calculates.
        return true;
    }
    let elsewhere = || {
        let bytes = changed.iter().zip(&sighting.should).zip(sighting.is).enumerate();
        let mut changed_ones = bytes.filter(|(_, ((changed, should), _))| changed != should);
        let own = own_bits(&sighting.slot, sighting.is.len());
        changed_ones.all(|(at, ((changed, _), is))| (changed ^ is) & !own.get(at).copied().unwrap_or(0) == 0)
    };
    sighting.slot.read_bytes(&changed) == sighting.slot.read_bytes(sighting.is) && elsewhere()
}

/// The bits of a message that are the field's own.
fn own_bits(slot: &Slot<'_, '_>, length: usize) -> Vec<u8> {
    let mut own = vec![0; length];
    if slot.write(&mut own, u64::MAX).is_none()
        && let Some(bytes) = own.get_mut(slot.bytes())
    {
        bytes.fill(0xFF);
    }
    own
}

/// Whether the change done once more puts the demanded value back.
fn undone(sighting: &Sighting<'_, '_>, change: &Change) -> bool {
    let mut back = sighting.is.to_vec();
    change(&sighting.slot, &mut back).is_some()
        && sighting.slot.read_bytes(&back) == sighting.slot.read_bytes(&sighting.should)
        && sighting.agrees_beside(&back)
}

/// The alarm of a protection, or the protection of an alarm.
fn counterpart<'d, 'p>(slot: &Slot<'d, 'p>) -> Option<Slot<'d, 'p>> {
    let name = &slot.around.get(slot.index)?.name;
    Slot::named(slot.around, &flag::counterpart(name)?)
}

/// Whether a flag's byte, or that and another flag's, has a single bit set, and should have a single one.
fn is_lone(sighting: &Sighting<'_, '_>, other: Option<&Slot<'_, '_>>) -> bool {
    let first = |slot: &Slot<'_, '_>| slot.around.get(slot.index).map(|found| found.bytes.start);
    let (own, beside) = (first(&sighting.slot), other.and_then(first));
    let ones = |data: &[u8]| {
        let bytes = [own, beside.filter(|_| beside != own)].into_iter().flatten();
        bytes
            .filter_map(|at| data.get(at))
            .map(|byte| byte.count_ones())
            .sum::<u32>()
    };
    // A demanded flag is that bit; of one that should not be there, the other flag must have been demanded.
    let demanded = flag::truth(&sighting.slot, &sighting.should) == Some(true) || ones(&sighting.should) == 1;
    demanded && ones(sighting.is) == 1
}

/// As [`undone`], for a change of alarm and protection that is done where the protection stands.
fn undone_in_pair(sighting: &Sighting<'_, '_>, change: Change) -> bool {
    let mut back = sighting.is.to_vec();
    let Some(other) = counterpart(&sighting.slot) else {
        return false;
    };
    let done = change(&sighting.slot, &mut back).or_else(|| change(&other, &mut back));
    done.is_some()
        && sighting.slot.read_bytes(&back) == sighting.slot.read_bytes(&sighting.should)
        && sighting.agrees_beside(&back)
}

/// Whether the same came each time although different things were demanded.
fn is_frozen(seen: &[&Sighting<'_, '_>]) -> bool {
    let Some(first) = seen.first() else { return false };
    // Each of several fields with a running number keeps a value of its own.
    let name = |sighting: &Sighting<'_, '_>| {
        sighting
            .slot
            .around
            .get(sighting.slot.index)
            .map(|found| found.name.to_string())
    };
    let same = seen.iter().all(|sighting| {
        name(sighting) == name(first) && sighting.slot.read_bytes(sighting.is) == first.slot.read_bytes(first.is)
    });
    let demanded = seen
        .iter()
        .any(|sighting| sighting.slot.read_bytes(&sighting.should) != first.slot.read_bytes(&first.should));
    same && demanded
}

/// Whether 0 was demanded each time that something else came, and what came had held before.
fn is_held(seen: &[&Sighting<'_, '_>], fits: impl Fn(&Sighting<'_, '_>) -> bool) -> bool {
    let mut last: Option<u64> = None;
    for sighting in seen {
        let (Some(should), Some(is)) = (sighting.slot.read(&sighting.should), sighting.slot.read(sighting.is)) else {
            return false;
        };
        let limit = |name: &str| name.ends_with("_current_limit") || name.contains("_enable");
        if !fits(sighting) || !limit(&sighting.slot.field.name) {
            return false;
        }
        match (should == is, should, last) {
            (true, ..) => last = Some(is).filter(|is| *is != 0).or(last),
            (false, 0, Some(last)) if last == is => {}
            _ => return false,
        }
    }
    true
}

/// The faults of numbers that can follow each other.
fn numeric(sighting: &Sighting<'_, '_>) -> impl Iterator<Item = (&'static Operator, Change)> {
    let field = sighting.slot.field;
    CATALOGUE
        .iter()
        .filter(move |operator| {
            // What loses digits or moves bytes explains too much when something else may follow.
            let plain = operator.name == "byte-order"
                || operator.name == "kelvin"
                || ["scale-", "sign-flipped", "offset-"]
                    .iter()
                    .any(|begin| operator.name.starts_with(begin));
            operator.class == Class::Value && value::is_wide_number(field) && plain
        })
        .filter_map(move |operator| match operator.act {
            Act::Field { fits, changes, .. } if fits(field) => Some((operator, *changes.first()?)),
            _ => None,
        })
}

/// Ten times and a tenth are nothing, or a loss of digits that nobody has.
fn undo_each_other(one: &Operator, other: &Operator) -> bool {
    one.name.starts_with("scale") && other.name.starts_with("scale")
}

/// How many different things a fault, and two faults, could have made of what should have come.
fn outcomes(sighting: &Sighting<'_, '_>) -> (usize, usize) {
    let mut single: Vec<Vec<u8>> = Vec::new();
    for operator in CATALOGUE {
        let Act::Field { fits, changes, .. } = operator.act else {
            continue;
        };
        if !fits(sighting.slot.field) {
            continue;
        }
        for change in changes {
            let mut data = sighting.should.clone();
            if change(&sighting.slot, &mut data).is_some()
                && let Some(bytes) = sighting.slot.read_bytes(&data)
                && !single.contains(&bytes)
            {
                single.push(bytes);
            }
        }
    }
    if flag::is_flag(sighting.slot.field) {
        // A bit has two states only, and yet each fault is another way to come to one of them.
        let fit = |operator: &&Operator| operator.class == Class::Flag || matches!(operator.act, Act::Memory(_));
        let ways = CATALOGUE.iter().filter(fit).count();
        return (ways, ways);
    }
    let faults = numeric(sighting).count();
    (single.len(), single.len() + faults * faults)
}

#[cfg(test)]
mod tests;
