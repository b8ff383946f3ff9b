//! From a message's layout to the signals of a DBC.
//!
//! A signal is a run of bits with a factor and an offset. What is more than that (text, dates, versions, bytes) becomes a
//! signal for each byte, `NAME_byte_0` and on; a number in a code that a DBC does not know keeps its bits, as `NAME_raw`;
//! what has no fixed place is left out and named.

use super::names::{Name, Names};
use crate::decode::bits;
use crate::definition::*;
use crate::value::{Number, Quantity};
use crate::wire::hex_spaced;

/// The most bytes of a frame.
pub(super) const FRAME: usize = 8;

/// What an absent value is called in a value table.
const NOT_AVAILABLE: &str = "not_available";

/// The part that a signal plays in a multiplexed message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Multiplex {
    /// It is there in every frame.
    No,
    /// It tells which page it is.
    Key,
    /// It is there in this page only.
    Page(i64),
}

/// A signal.
#[derive(Clone, Debug)]
pub(super) struct Signal {
    pub(super) name: Name,
    pub(super) multiplex: Multiplex,
    /// As the file has it: the least significant bit of a little-endian signal, the most significant of a big-endian one.
    pub(super) start: usize,
    pub(super) width: u8,
    pub(super) order: ByteOrder,
    pub(super) signed: bool,
    /// value = raw x factor + offset
    pub(super) factor: Number,
    pub(super) offset: Number,
    /// Lowest and highest value, where one is known.
    pub(super) limits: Option<(Number, Number)>,
    pub(super) unit: &'static str,
    /// Codes with their names.
    pub(super) values: Vec<(i128, String)>,
    pub(super) comment: String,
}

/// The signals of a message.
#[derive(Debug, Default)]
pub(super) struct Signals {
    pub(super) signals: Vec<Signal>,
    /// What is left out: its name, and why.
    pub(super) left_out: Vec<(String, &'static str)>,
    names: Names,
    /// The bits that signals have, by the page that they belong to.
    taken: Vec<(Multiplex, u64)>,
    length: usize,
    variant: Option<String>,
    /// Where the next part begins; unknown after a part of unknown length.
    cursor: Option<usize>,
}

impl Signals {
    /// The signals of a layout in a frame of `length` bytes.
    pub(super) fn of(layout: &Layout, length: usize, variant: Option<&str>) -> Signals {
        let mut signals = Signals {
            length: length.min(FRAME),
            variant: variant.map(str::to_string),
            cursor: Some(0),
            ..Signals::default()
        };
        signals.items(&layout.items, Multiplex::No);
        signals
    }

    fn items(&mut self, items: &[Item], page: Multiplex) {
        for item in items {
            match item {
                Item::Field(field) => self.field(field, page),
                Item::Repeat(repeat) => {
                    self.cursor = None;
                    self.leave_out_all(&repeat.items, "comes as often as another field says");
                }
                Item::When(when) => {
                    self.cursor = None;
                    self.leave_out_all(&when.items, "is there only under a condition");
                }
                Item::Pages(pages) if page == Multiplex::No => {
                    self.field(&pages.key, Multiplex::Key);
                    let after_key = self.cursor;
                    for (number, items) in &pages.pages {
                        self.cursor = after_key;
                        self.items(items, Multiplex::Page(*number));
                    }
                    self.cursor = None;
                }
                Item::Pages(pages) => {
                    self.field(&pages.key, page);
                    for (_, items) in &pages.pages {
                        self.leave_out_all(items, "depends on a page within a page");
                    }
                    self.cursor = None;
                }
            }
        }
    }

    fn leave_out_all(&mut self, items: &[Item], why: &'static str) {
        let layout = Layout {
            items: items.to_vec(),
            ..Layout::default()
        };
        for field in layout.fields() {
            self.left_out.push((field.name.clone(), why));
        }
    }

    fn field(&mut self, field: &Field, page: Multiplex) {
        let place = &field.place;
        let of_variant =
            field.variants.is_empty() || field.variants.iter().any(|name| Some(name) == self.variant.as_ref());
        if !of_variant {
            self.left_out.push((field.name.clone(), "belongs to another variant"));
            return;
        }
        let start = match place.anchor {
            Anchor::Start(at) => Some(at),
            Anchor::Next => self.cursor,
            Anchor::Same => self.cursor.and_then(|cursor| cursor.checked_sub(place.bytes)),
            Anchor::End(back) => self.length.checked_sub(back),
        };
        let bytes = match (place.bytes, start) {
            (0, Some(start)) => self.length.saturating_sub(start),
            (bytes, _) => bytes,
        };
        let Some(start) = start.filter(|start| bytes > 0 && start + bytes <= self.length) else {
            self.cursor = None;
            self.left_out
                .push((field.name.clone(), "has no fixed place in the frame"));
            return;
        };
        self.cursor = Some(start + bytes);
        let place = Place { bytes, ..*place };
        match &field.kind {
            Kind::Number(_) if start_bit(&place, start).is_none() => {
                self.bytes(
                    field,
                    "The bytes as they are: a number with its low word first",
                    &place,
                    start,
                    page,
                );
            }
            Kind::Number(number) => self.number(field, number, &place, start, page),
            Kind::Flag { active } => {
                let values = match active {
                    true => Vec::new(),
                    false => vec![(0, "true".to_string()), (1, "false".to_string())],
                };
                self.coded(field, values, false, &place, start, page);
            }
            Kind::Truth { yes, no } => {
                let values = vec![(i128::from(*yes), "true".into()), (i128::from(*no), "false".into())];
                self.coded(field, values, false, &place, start, page);
            }
            Kind::Pair { states, .. } => {
                let mut values: Vec<(i128, String)> = ["not_supported", "active", "inactive", "invalid"]
                    .iter()
                    .zip(0..)
                    .map(|(name, code)| (code, name.to_string()))
                    .collect();
                for state in states {
                    values.retain(|(code, _)| *code != i128::from(state.code));
                    values.push((i128::from(state.code), state.name.clone()));
                }
                self.coded(field, values, false, &place, start, page);
            }
            Kind::State { states, signed, .. } => {
                let named = |state: &State| (i128::from(state.code), state.name.clone());
                self.coded(field, states.iter().map(named).collect(), *signed, &place, start, page);
            }
            Kind::Text(_) => self.bytes(field, "Text, byte by byte", &place, start, page),
            Kind::Constant { bytes, .. } => {
                let what = format!("Always {}", hex_spaced(bytes));
                self.bytes(field, &what, &place, start, page);
            }
            Kind::Version { .. } => self.bytes(field, "Version, byte by byte", &place, start, page),
            Kind::DateTime(_) => self.bytes(field, "Date and time, byte by byte", &place, start, page),
            Kind::Bytes => self.bytes(field, "Bytes", &place, start, page),
        }
    }

    fn number(&mut self, field: &Field, number: &NumberKind, place: &Place, start: usize, page: Multiplex) {
        let scale = number.choices.first().map_or(number.scale, |choice| choice.scale);
        let offset = Number::integer(number.offset).checked_mul(scale);
        let decimal = |number: &Number| !number.to_string().contains('/');
        let offset = offset.filter(|offset| !number.bcd && decimal(&scale) && decimal(offset));
        let Some(offset) = offset else {
            let why = match number.bcd {
                true => "The bits as they are: a number in binary-coded decimal",
                false => "The bits as they are: the scale is no decimal number",
            };
            return self.raw(field, why, place, start, page);
        };
        let width = bits::width(place);
        let mut remarks = Vec::new();
        if number.either_sign {
            remarks.push("only the magnitude counts".to_string());
        }
        if let Some((first, others)) = number.choices.split_first().filter(|(_, others)| !others.is_empty()) {
            let others: Vec<String> = others
                .iter()
                .map(|choice| format!("{} sends it with scale {}", choice.name, choice.scale))
                .collect();
            remarks.push(format!("scale of flavour {}; {}", first.name, others.join(", ")));
        }
        if field.range.as_ref().is_some_and(|range| range.per_pack) {
            remarks.push("its range depends on the number of packs".to_string());
        }
        for absent in &field.absent {
            match absent {
                Absent::Raw(_) => {}
                Absent::Below(bound) => remarks.push(format!("below {bound}: not available")),
                Absent::Above(bound) => remarks.push(format!("above {bound}: not available")),
            }
        }
        self.push(field, &field.name, remarks, place, start, page, |signal| {
            signal.signed = number.signed;
            signal.factor = scale;
            signal.offset = offset;
            signal.limits = limits(field, number, width, scale, offset);
            signal.unit = number.unit.symbol();
            signal.values = sentinels(field, number.signed, width);
        });
    }

    /// A flag, a pair or a code.
    fn coded(
        &mut self,
        field: &Field,
        mut values: Vec<(i128, String)>,
        signed: bool,
        place: &Place,
        start: usize,
        page: Multiplex,
    ) {
        for (code, name) in sentinels(field, signed, bits::width(place)) {
            values.retain(|(known, _)| *known != code);
            values.push((code, name));
        }
        values.sort();
        self.push(field, &field.name, Vec::new(), place, start, page, |signal| {
            signal.signed = signed;
            signal.values = values;
        });
    }

    /// The bits of a field as a whole number.
    fn raw(&mut self, field: &Field, why: &str, place: &Place, start: usize, page: Multiplex) {
        let name = format!("{}_raw", field.name);
        self.push(field, &name, vec![why.to_string()], place, start, page, |_| {});
    }

    /// A signal for each byte.
    fn bytes(&mut self, field: &Field, what: &str, place: &Place, start: usize, page: Multiplex) {
        if place.bits.is_some() {
            return self.raw(field, what, place, start, page);
        }
        for index in 0..place.bytes {
            let name = format!("{}_byte_{index}", field.name);
            let byte = Place {
                bytes: 1,
                low_word_first: false,
                ..*place
            };
            let remark = vec![what.to_string()];
            self.push(field, &name, remark, &byte, start + index, page, |_| {});
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "a field, its place in the frame, and what makes it a signal"
    )]
    fn push(
        &mut self,
        field: &Field,
        name: &str,
        remarks: Vec<String>,
        place: &Place,
        start: usize,
        page: Multiplex,
        shape: impl FnOnce(&mut Signal),
    ) {
        let Some(first) = start_bit(place, start) else {
            self.left_out
                .push((field.name.clone(), "lies in two words, the low one first"));
            return;
        };
        let bits = bits_of(place, start);
        let meets =
            |other: &Multiplex| *other == page || !matches!((other, page), (Multiplex::Page(_), Multiplex::Page(_)));
        if self
            .taken
            .iter()
            .any(|(other, taken)| meets(other) && taken & bits != 0)
        {
            self.left_out
                .push((field.name.clone(), "lies where another field lies"));
            return;
        }
        self.taken.push((page, bits));
        let mut signal = Signal {
            name: self.names.give(name),
            multiplex: page,
            start: first,
            width: bits::width(place),
            order: place.order,
            signed: false,
            factor: Number::ONE,
            offset: Number::ZERO,
            limits: None,
            unit: "",
            values: Vec::new(),
            comment: comment(field, remarks),
        };
        shape(&mut signal);
        self.signals.push(signal);
    }
}

/// The start bit as a DBC counts it: eight for each byte from 0, and the bit of the byte from its least significant.
fn start_bit(place: &Place, start: usize) -> Option<usize> {
    let (low, high) = place.bits.unwrap_or((0, bits::width(place).saturating_sub(1)));
    let (low, high) = (usize::from(low), usize::from(high));
    if place.low_word_first && place.bytes > 2 {
        return None;
    }
    Some(match place.order {
        ByteOrder::Little => start * 8 + low,
        ByteOrder::Big => (start + place.bytes - 1 - high / 8) * 8 + high % 8,
    })
}

/// The bits of the frame that a place has, bit 0 being the least significant of byte 0.
fn bits_of(place: &Place, start: usize) -> u64 {
    let mut bytes = vec![0_u8; place.bytes];
    let mut bits = 0;
    if bits::insert(place, &mut bytes, u64::MAX).is_some() {
        for (index, byte) in bytes.iter().enumerate().take(FRAME.saturating_sub(start)) {
            bits |= u64::from(*byte) << (8 * (start + index));
        }
    }
    bits
}

/// The raw values for "not available", as the signal reads them.
fn sentinels(field: &Field, signed: bool, width: u8) -> Vec<(i128, String)> {
    let raw = field.absent.iter().filter_map(|absent| match absent {
        Absent::Raw(raw) if signed => Some(i128::from(bits::sign_extend(*raw, width))),
        Absent::Raw(raw) => Some(i128::from(*raw)),
        Absent::Below(_) | Absent::Above(_) => None,
    });
    raw.map(|raw| (raw, NOT_AVAILABLE.to_string())).collect()
}

/// The plausible values; where one end is open, that of the wire.
fn limits(field: &Field, number: &NumberKind, width: u8, factor: Number, offset: Number) -> Option<(Number, Number)> {
    let range = field.range.as_ref().filter(|range| !range.per_pack)?;
    let bound = |bound: Option<Quantity>| {
        bound
            .and_then(|bound| bound.to_unit(number.unit))
            .map(|bound| bound.number)
    };
    let (low, high) = (bound(range.low), bound(range.high));
    if low.is_none() && high.is_none() {
        return None;
    }
    let largest = i128::from(bits::mask(width));
    let (least, most) = match number.signed {
        true => (-(largest / 2) - 1, largest / 2),
        false => (0, largest),
    };
    let value = |raw: i128| Number::ratio(raw, 1)?.checked_mul(factor)?.checked_add(offset);
    let (one, other) = (value(least)?, value(most)?);
    let limits = (low.unwrap_or(one.min(other)), high.unwrap_or(one.max(other)));
    let decimal = |number: Number| !number.to_string().contains('/');
    (decimal(limits.0) && decimal(limits.1)).then_some(limits)
}

/// What is known of a field beyond its place.
fn comment(field: &Field, remarks: Vec<String>) -> String {
    let mut parts = Vec::new();
    if !field.title.is_empty() {
        parts.push(field.title.clone());
    }
    if let Some(name) = &field.wire_name {
        parts.push(format!("the vendor's name: {name}"));
    }
    parts.extend(remarks);
    if field.optional {
        parts.push("may be missing".to_string());
    }
    let mut grade = format!("grade {}", field.grade.letter());
    let range = field.range.as_ref().map(|range| ("range", range.grade));
    let aspects = field.aspects.iter().map(|(aspect, grade)| (aspect.as_str(), *grade));
    let worse = aspects.filter(|(aspect, _)| *aspect != "range").chain(range);
    for (aspect, aspect_grade) in worse.filter(|(_, grade)| *grade > field.grade) {
        grade.push_str(&format!(", its {aspect} {}", aspect_grade.letter()));
    }
    parts.push(grade);
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(bytes: usize, bits: Option<(u8, u8)>, order: ByteOrder) -> Place {
        Place {
            anchor: Anchor::Start(0),
            bytes,
            bits,
            order,
            low_word_first: false,
        }
    }

    #[test]
    fn start_bits_are_those_of_the_least_or_most_significant_bit() {
        assert_eq!(start_bit(&place(2, None, ByteOrder::Little), 2), Some(16));
        assert_eq!(start_bit(&place(2, None, ByteOrder::Big), 0), Some(7));
        assert_eq!(start_bit(&place(2, None, ByteOrder::Big), 6), Some(55));
        // Bit 9 of a word at 6, high byte first, is bit 1 of byte 6; bit 5 is that of byte 7.
        assert_eq!(start_bit(&place(2, Some((9, 9)), ByteOrder::Big), 6), Some(49));
        assert_eq!(start_bit(&place(2, Some((5, 5)), ByteOrder::Big), 6), Some(61));
        assert_eq!(start_bit(&place(1, Some((2, 3)), ByteOrder::Little), 1), Some(10));
        let swapped = Place {
            low_word_first: true,
            ..place(4, None, ByteOrder::Big)
        };
        assert_eq!(start_bit(&swapped, 0), None);
    }
}
