//! Walking a layout over data: bytes to fields.

use std::borrow::Cow;
use std::ops::Range;

use super::bits;
use super::expression;
use super::{DecodedField, FieldValue, Finding};
use crate::definition::*;
use crate::value::{Number, Quantity};
use crate::wire::hex_spaced;

/// Registers of a block that were read: which register the block begins with, and which the data.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) first: u16,
    pub(super) start: u16,
}

impl Window {
    /// Where a byte of the block stands in the data; `None` for one before them.
    pub(super) fn byte(self, byte: usize) -> Option<usize> {
        (2 * usize::from(self.first) + byte).checked_sub(2 * usize::from(self.start))
    }
}

/// Reads data by a layout.
pub(super) struct Reader<'p, 'd> {
    pub(super) data: &'d [u8],
    pub(super) variant: Option<&'d str>,
    pub(super) parameters: &'d [(String, i64)],
    /// Packs online, where known, for ranges that hold per pack.
    pub(super) packs_online: Option<u8>,
    pub(super) fields: Vec<DecodedField<'p>>,
    pub(super) packs: Vec<Vec<DecodedField<'p>>>,
    pub(super) errors: Vec<Finding>,
    pub(super) warnings: Vec<Finding>,
    /// The data are some registers of a block: what does not lie in them whole is left out.
    pub(super) window: Option<Window>,
    /// Fields of the pack being read, when packs are read.
    pack: Option<Vec<DecodedField<'p>>>,
    /// Where the next part begins.
    cursor: usize,
    /// The furthest byte that a part has taken.
    reach: usize,
    /// A part was cut off: what follows cannot be placed.
    cut: bool,
}

impl<'p, 'd> Reader<'p, 'd> {
    pub(super) fn new(data: &'d [u8]) -> Reader<'p, 'd> {
        Reader {
            data,
            variant: None,
            parameters: &[],
            packs_online: None,
            fields: Vec::new(),
            packs: Vec::new(),
            errors: Vec::new(),
            warnings: Vec::new(),
            window: None,
            pack: None,
            cursor: 0,
            reach: 0,
            cut: false,
        }
    }

    /// Reads all parts of a layout, reserved bits and bytes beyond the last part included.
    pub(super) fn layout(&mut self, layout: &'p Layout, fixed_size: bool) {
        self.fields.reserve(layout.items.len());
        self.items(&layout.items, 0, None);
        for reserved in &layout.reserved {
            self.reserved(reserved);
        }
        if !fixed_size && !self.cut && self.data.len() > self.reach {
            self.extra(layout);
        }
    }

    fn items(&mut self, items: &'p [Item], base: usize, number: Option<usize>) {
        for item in items {
            match item {
                Item::Field(field) => self.field(field, base, number),
                Item::Repeat(repeat) => self.repeat(repeat),
                Item::When(when) => {
                    if expression::truth(&when.condition, &|name| self.lookup_raw(name)) == Some(true) {
                        self.items(&when.items, base, number);
                    }
                }
                Item::Pages(pages) => self.pages(pages, base, number),
            }
            if self.cut {
                return;
            }
        }
    }

    fn pages(&mut self, pages: &'p Pages, base: usize, number: Option<usize>) {
        self.field(&pages.key, base, number);
        let Some(key) = self.lookup(&pages.key.name).and_then(|value| value.as_integer()) else {
            return;
        };
        match pages.pages.iter().find(|(page, _)| i128::from(*page) == key) {
            Some((_, items)) => self.items(items, base, number),
            None => {
                let text = format!("page {key} of `{}` is not described", pages.key.name);
                self.warn(
                    "unknown-page",
                    Outcome::Warning,
                    pages.key.grade,
                    text,
                    Some(&pages.key.name),
                    0..self.data.len(),
                );
            }
        }
    }

    fn repeat(&mut self, repeat: &'p Repeat) {
        let counted = match (&repeat.count_field, &repeat.count) {
            (Some(field), _) => {
                self.field(field, self.cursor, None);
                if self.cut {
                    return;
                }
                self.lookup(&field.name).and_then(|value| value.as_integer())
            }
            (None, Some(expression)) => {
                expression::value(expression, &|name| self.lookup_raw(name)).and_then(|value| value.as_integer())
            }
            (None, None) => None,
        };
        let Some(counted) = counted.and_then(|count| usize::try_from(count).ok()) else {
            self.error(
                "count",
                "the number of repetitions is not known".into(),
                self.cursor..self.data.len(),
            );
            self.cut = true;
            return;
        };
        if counted > repeat.max {
            let text = format!(
                "{counted} repetitions are announced, at most {} can be right",
                repeat.max
            );
            self.error("count", text, self.cursor..self.data.len());
            self.cut = true;
            return;
        }
        for index in 0..counted {
            if self.cursor >= self.data.len() {
                let text = format!("{counted} repetitions are announced, {index} are there");
                match repeat.short {
                    Some(grade) => self.warn("count", Outcome::Warning, grade, text, None, 0..self.data.len()),
                    None => self.error("count", text, 0..self.data.len()),
                }
                self.cut = repeat.short.is_none();
                return;
            }
            let outer = repeat.packs.then(|| self.pack.replace(Vec::new()));
            self.items(&repeat.items, self.cursor, Some(index + 1));
            if let Some(outer) = outer {
                let pack = std::mem::replace(&mut self.pack, outer).unwrap_or_default();
                if counted == 1 {
                    self.fields.extend(pack);
                } else {
                    self.packs.push(pack);
                }
            }
            if self.cut {
                return;
            }
        }
    }

    fn field(&mut self, field: &'p Field, base: usize, number: Option<usize>) {
        if !applies(&field.variants, self.variant) {
            return;
        }
        let start = match field.place.anchor {
            Anchor::Start(at) => base + at,
            Anchor::Next => self.cursor,
            Anchor::Same => self.cursor.saturating_sub(field.place.bytes),
            Anchor::End(back) => match self.data.len().checked_sub(back) {
                Some(start) => start,
                None => return self.too_short(field, 0),
            },
        };
        let Some(start) = self.placed(start, field.place.bytes) else {
            return;
        };
        let end = match field.place.bytes {
            0 => self.open_end(field, start),
            bytes => start + bytes,
        };
        let Some(bytes) = self.data.get(start..end) else {
            return self.too_short(field, start);
        };
        self.cursor = end;
        self.reach = self.reach.max(end);
        let name: Cow<'p, str> = match number {
            Some(number) if field.name.contains("{n}") => Cow::Owned(field.name.replace("{n}", &number.to_string())),
            _ => Cow::Borrowed(&field.name),
        };
        let touched = bits::touched(&field.place, start);
        let touched = touched.start.min(end)..touched.end.min(end).max(start);
        let (value, raw) = self.value(field, &name, bytes, touched.clone());
        let decoded = DecodedField {
            field,
            name,
            value,
            raw,
            bytes: touched,
            bits: field.place.bits,
        };
        match &mut self.pack {
            Some(pack) => pack.push(decoded),
            None => self.fields.push(decoded),
        }
    }

    /// Where a place stands in the data; `None` where only a window is read, and not all of the place lies in it.
    fn placed(&self, start: usize, bytes: usize) -> Option<usize> {
        let Some(window) = self.window else {
            return Some(start);
        };
        window.byte(start).filter(|start| start + bytes <= self.data.len())
    }

    /// The end of a field without a fixed length: after its terminator, or the end of the data.
    fn open_end(&self, field: &Field, start: usize) -> usize {
        let rest = self.data.get(start..).unwrap_or_default();
        match &field.kind {
            Kind::Text(TextKind { until: Some(until), .. }) => rest
                .iter()
                .position(|byte| byte == until)
                .map_or(self.data.len(), |index| start + index + 1),
            _ => self.data.len(),
        }
    }

    fn too_short(&mut self, field: &'p Field, start: usize) {
        if field.place.anchor == Anchor::Next {
            self.cut = true;
        }
        if field.optional || self.errors.iter().any(|error| error.id == "too-short") {
            return;
        }
        let text = format!(
            "`{}` ends at byte {}, the data has {} {}",
            field.name,
            start + field.place.bytes.max(1) - 1,
            self.data.len(),
            if self.data.len() == 1 { "byte" } else { "bytes" }
        );
        self.errors.push(Finding {
            id: "too-short".into(),
            outcome: Outcome::Fail,
            grade: Grade::A,
            text,
            field: Some(field.name.clone()),
            bytes: 0..self.data.len(),
        });
    }

    /// The value of a field decoded before, or a parameter of the request.
    fn lookup(&self, name: &str) -> Option<FieldValue> {
        self.lookup_raw(name).map(|(value, _)| value)
    }

    fn lookup_raw(&self, name: &str) -> Option<(FieldValue, i128)> {
        let find = |fields: &[DecodedField<'p>]| {
            let field = fields.iter().rev().find(|field| field.name == name)?;
            Some((field.value.clone(), field.raw))
        };
        self.pack
            .as_deref()
            .and_then(find)
            .or_else(|| find(&self.fields))
            .or_else(|| {
                let (_, value) = self.parameters.iter().find(|(parameter, _)| parameter == name)?;
                Some((FieldValue::integer(*value), i128::from(*value)))
            })
    }

    fn value(&mut self, field: &'p Field, name: &str, bytes: &[u8], place: Range<usize>) -> (FieldValue, i128) {
        match &field.kind {
            Kind::Text(text) => (self.text(field, text, bytes, place), 0),
            Kind::Constant {
                bytes: expected,
                otherwise,
            } => {
                if bytes != expected {
                    let text = format!("`{}` where `{}` belongs", hex_spaced(bytes), hex_spaced(expected));
                    self.warn("constant", *otherwise, field.grade, text, Some(name), place);
                }
                (printable(bytes), 0)
            }
            Kind::Bytes => (FieldValue::Bytes(bytes.to_vec()), 0),
            Kind::Version { parts, hex } => (FieldValue::Text(version(bytes, parts, *hex)), 0),
            Kind::DateTime(kind) => (self.date_time(field, kind, bytes, place), 0),
            Kind::Number(_) | Kind::Flag { .. } | Kind::Truth { .. } | Kind::Pair { .. } | Kind::State { .. } => {
                let Some(raw) = bits::extract(&field.place, bytes) else {
                    return (FieldValue::Absent, 0);
                };
                self.coded(field, name, raw, place)
            }
        }
    }

    fn coded(&mut self, field: &'p Field, name: &str, raw: u64, place: Range<usize>) -> (FieldValue, i128) {
        let width = bits::width(&field.place);
        if let Some(Absent::Raw(_)) = field
            .absent
            .iter()
            .find(|absent| matches!(absent, Absent::Raw(value) if *value == raw))
        {
            if !field.may_be_absent {
                let text = format!("`{name}` is sent as not available (raw {raw}), the battery knows it");
                self.warn(
                    "absent-value",
                    Outcome::Fail,
                    field.aspect("absent"),
                    text,
                    Some(name),
                    place,
                );
            }
            return (FieldValue::Absent, i128::from(raw));
        }
        match &field.kind {
            Kind::Number(number) => self.number(field, name, number, raw, width, place),
            Kind::Flag { active } => (FieldValue::Flag((raw != 0) == *active), i128::from(raw)),
            Kind::Truth { yes, no } => {
                let signed = raw as i64;
                if signed != *yes && signed != *no {
                    let text = format!("`{name}` is neither {yes} (true) nor {no} (false) but {raw}");
                    self.warn("unknown-state", Outcome::Fail, field.grade, text, Some(name), place);
                }
                (FieldValue::Flag(signed == *yes), i128::from(raw))
            }
            Kind::Pair { states, .. } => {
                let code = raw as i64;
                let known = states
                    .iter()
                    .find(|state| state.code == code)
                    .map(|state| state.name.as_str());
                let word = known.unwrap_or(match code {
                    0 => "not_supported",
                    1 => "active",
                    2 => "inactive",
                    _ => "invalid",
                });
                if code == 3 && known.is_none() {
                    let text = format!("the pair `{name}` is 3, which is no state");
                    self.warn("invalid-pair", Outcome::Fail, field.grade, text, Some(name), place);
                }
                (FieldValue::State(Some(word.to_string()), code), i128::from(raw))
            }
            Kind::State {
                states,
                report_unknown,
                signed,
            } => {
                let code = if *signed {
                    bits::sign_extend(raw, width)
                } else {
                    raw as i64
                };
                let known = states
                    .iter()
                    .find(|state| state.code == code)
                    .map(|state| state.name.clone());
                if known.is_none() && *report_unknown {
                    let text = format!("`{name}` has the code {code}, which has no name");
                    self.warn(
                        "unknown-state",
                        Outcome::Warning,
                        field.aspect("states"),
                        text,
                        Some(name),
                        place,
                    );
                }
                (FieldValue::State(known, code), i128::from(code))
            }
            _ => (FieldValue::Absent, i128::from(raw)),
        }
    }

    fn number(
        &mut self,
        field: &'p Field,
        name: &str,
        number: &'p NumberKind,
        raw: u64,
        width: u8,
        place: Range<usize>,
    ) -> (FieldValue, i128) {
        let signed = if number.signed {
            i128::from(bits::sign_extend(raw, width))
        } else {
            i128::from(raw)
        };
        let mut plain = signed;
        if number.bcd {
            match from_bcd(raw) {
                Some(value) => plain = i128::from(value),
                None => {
                    let text = format!("`{name}` is 0x{raw:X}, which is no binary-coded decimal");
                    self.warn(
                        "not-decimal",
                        Outcome::Fail,
                        field.grade,
                        text,
                        Some(name),
                        place.clone(),
                    );
                }
            }
        }
        if number.either_sign {
            plain = plain.abs();
        }
        let mut scale = number.scale;
        if !number.choices.is_empty() {
            let plausible = |choice: &&ScaleChoice| {
                (i128::from(*choice.raw.start())..=i128::from(*choice.raw.end())).contains(&plain)
            };
            match number.choices.iter().enumerate().find(|(_, choice)| plausible(choice)) {
                Some((0, choice)) => scale = choice.scale,
                Some((_, choice)) => {
                    scale = choice.scale;
                    let text = format!("`{name}` is read with the scale of flavour {}", choice.name);
                    self.warn(
                        "flavour",
                        Outcome::Information,
                        field.grade,
                        text,
                        Some(name),
                        place.clone(),
                    );
                }
                None => scale = number.choices[0].scale,
            }
        }
        let shifted = plain + i128::from(number.offset);
        let value = shifted
            .checked_mul(scale.numerator())
            .and_then(|numerator| Number::ratio(numerator, scale.denominator()))
            .unwrap_or(Number::ZERO);
        let quantity = Quantity::new(value, number.unit);
        for absent in &field.absent {
            let outside = match absent {
                Absent::Raw(_) => false,
                Absent::Below(bound) => quantity.compare(*bound) == Some(std::cmp::Ordering::Less),
                Absent::Above(bound) => quantity.compare(*bound) == Some(std::cmp::Ordering::Greater),
            };
            if outside {
                return (FieldValue::Absent, signed);
            }
        }
        if let Some(range) = &field.range {
            self.range(name, range, quantity, signed, place);
        }
        (FieldValue::Quantity(quantity), signed)
    }

    fn range(&mut self, name: &str, range: &FieldRange, value: Quantity, raw: i128, place: Range<usize>) {
        let scaled = |bound: Option<Quantity>| {
            let bound = bound?;
            if !range.per_pack {
                return Some(bound);
            }
            // Without a known number of packs the manual's four are allowed for.
            let packs = i64::from(self.packs_online.unwrap_or(4));
            Some(Quantity::new(
                bound.number.checked_mul(Number::integer(packs))?,
                bound.unit,
            ))
        };
        let below = scaled(range.low).filter(|low| value.compare(*low) == Some(std::cmp::Ordering::Less));
        let above = scaled(range.high).filter(|high| value.compare(*high) == Some(std::cmp::Ordering::Greater));
        let text = match (below, above) {
            (Some(low), _) => format!("`{name}` is {value} (raw {raw}), below {low}"),
            (None, Some(high)) => format!("`{name}` is {value} (raw {raw}), above {high}"),
            (None, None) => return,
        };
        self.warn("out-of-range", range.outcome, range.grade, text, Some(name), place);
    }

    fn text(&mut self, field: &Field, kind: &TextKind, bytes: &[u8], place: Range<usize>) -> FieldValue {
        let mut bytes = bytes;
        if let Some(until) = kind.until {
            bytes = bytes.strip_suffix(&[until]).unwrap_or(bytes);
        }
        let is_fill = |byte: &u8| *byte == kind.fill || kind.accept_fill.contains(byte);
        let all = bytes;
        let (text, filling) = if kind.right {
            let first = bytes.iter().position(|byte| !is_fill(byte)).unwrap_or(bytes.len());
            (&bytes[first..], &all[..first])
        } else {
            let last = bytes
                .iter()
                .rposition(|byte| !is_fill(byte))
                .map_or(0, |index| index + 1);
            (&bytes[..last], &all[last..])
        };
        if filling.windows(2).any(|pair| pair[0] != pair[1]) {
            let words = format!(
                "`{}` is filled with different bytes: {}",
                field.name,
                hex_spaced(filling)
            );
            self.warn(
                "text-fill",
                Outcome::Warning,
                field.aspect("text"),
                words,
                Some(&field.name),
                place.clone(),
            );
        }
        if let Some(odd) = text.iter().find(|byte| !(0x20..0x7F).contains(*byte)) {
            let words = format!(
                "`{}` holds the byte {odd:02X}, which is no printable character",
                field.name
            );
            self.warn(
                "text",
                Outcome::Fail,
                field.aspect("text"),
                words,
                Some(&field.name),
                place.clone(),
            );
        }
        let decoded: String = text
            .iter()
            .map(|byte| {
                if (0x20..0x7F).contains(byte) {
                    char::from(*byte)
                } else {
                    '\u{FFFD}'
                }
            })
            .collect();
        if let Some((begins, outcome, grade)) = &kind.begins
            && !decoded.starts_with(begins.as_str())
        {
            let words = format!("`{}` is \"{decoded}\", it should begin with \"{begins}\"", field.name);
            self.warn("text-begins", *outcome, *grade, words, Some(&field.name), place);
        }
        FieldValue::Text(decoded)
    }

    fn date_time(&mut self, field: &Field, kind: &DateTimeKind, bytes: &[u8], place: Range<usize>) -> FieldValue {
        // Second, minute, hour, day, month, year.
        let mut parts = [0_u64, 0, 0, 1, 1, 0];
        let epoch = match kind {
            DateTimeKind::Packed { bits: widths, epoch } => {
                let Some(mut raw) = bits::extract(
                    &Place {
                        bits: None,
                        ..field.place
                    },
                    bytes,
                ) else {
                    return FieldValue::Absent;
                };
                for (part, width) in parts.iter_mut().zip(widths) {
                    *part = raw & bits::mask(*width);
                    raw = raw.checked_shr(u32::from(*width)).unwrap_or(0);
                }
                *epoch
            }
            DateTimeKind::Bytes { order, epoch, bcd } => {
                for (letter, byte) in order.chars().zip(bytes) {
                    let value = if *bcd {
                        from_bcd(u64::from(*byte)).unwrap_or(255)
                    } else {
                        u64::from(*byte)
                    };
                    let index = "smhDMY".find(letter).unwrap_or(0);
                    parts[index] = value;
                }
                *epoch
            }
        };
        let [second, minute, hour, day, month, year] = parts;
        let sane = second < 60 && minute < 60 && hour < 24 && (1..=31).contains(&day) && (1..=12).contains(&month);
        if !sane && bytes.iter().any(|byte| *byte != 0) {
            let text = format!("`{}` is no date and time: {}", field.name, hex_spaced(bytes));
            self.warn(
                "date-time",
                Outcome::Warning,
                field.grade,
                text,
                Some(&field.name),
                place,
            );
        }
        let year = u64::from(epoch) + year;
        FieldValue::Text(format!(
            "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"
        ))
    }

    fn reserved(&mut self, reserved: &Reserved) {
        if reserved.must.is_empty() || !applies(&reserved.variants, self.variant) {
            return;
        }
        let Anchor::Start(start) = reserved.place.anchor else {
            return;
        };
        let Some(start) = self.placed(start, reserved.place.bytes) else {
            return;
        };
        let Some(bytes) = self.data.get(start..start + reserved.place.bytes) else {
            return;
        };
        self.reach = self.reach.max(start + reserved.place.bytes);
        let Some(raw) = bits::extract(&reserved.place, bytes) else {
            return;
        };
        if reserved.must.contains(&raw) {
            return;
        }
        let outcome = if reserved.tolerated.contains(&raw) {
            reserved.outcome.min(Outcome::Warning)
        } else {
            reserved.outcome
        };
        let place = match self.window {
            Some(window) => format!("register 0x{:04X}", usize::from(window.start) + start / 2),
            None => format!("byte {start}"),
        };
        let where_ = match reserved.place.bits {
            None => place,
            Some((low, high)) if low == high => format!("{place}, bit {low}"),
            Some((low, high)) => format!("{place}, bits {low} to {high}"),
        };
        let must = reserved
            .must
            .iter()
            .map(|value| format!("0x{value:X}"))
            .collect::<Vec<_>>()
            .join(" or ");
        let text = format!("{where_} is reserved and must be {must}, not 0x{raw:X}");
        let place = bits::touched(&reserved.place, start);
        self.warn("reserved-bits", outcome, reserved.grade, text, None, place);
    }

    fn extra(&mut self, layout: &Layout) {
        let extra = self.data.len() - self.reach;
        let place = self.reach..self.data.len();
        let bytes = hex_spaced(&self.data[self.reach..]);
        let noun = if extra == 1 { "byte" } else { "bytes" };
        match &layout.extra {
            Some(allowed) if extra <= allowed.bytes => {
                let odd = allowed
                    .must
                    .is_some_and(|must| self.data[self.reach..].iter().any(|byte| *byte != must));
                let outcome = if odd { Outcome::Warning } else { Outcome::Information };
                let text = format!("{extra} {noun} more than the document describes: {bytes}");
                self.warn("extra-bytes", outcome, allowed.grade, text, None, place);
            }
            _ => self.error(
                "extra-bytes",
                format!("{extra} {noun} after the last field: {bytes}"),
                place,
            ),
        }
    }

    fn error(&mut self, id: &'static str, text: String, bytes: Range<usize>) {
        self.errors.push(Finding {
            id: id.into(),
            outcome: Outcome::Fail,
            grade: Grade::A,
            text,
            field: None,
            bytes,
        });
    }

    fn warn(
        &mut self,
        id: &'static str,
        outcome: Outcome,
        grade: Grade,
        text: String,
        field: Option<&str>,
        bytes: Range<usize>,
    ) {
        let field = field.map(str::to_string);
        self.warnings.push(Finding {
            id: id.into(),
            outcome,
            grade,
            text,
            field,
            bytes,
        });
    }
}

/// Whether something that is bound to variants holds for a variant; an unknown variant has what the default has.
pub(super) fn applies(variants: &[String], variant: Option<&str>) -> bool {
    variants.is_empty() || variant.is_some_and(|variant| variants.iter().any(|known| known == variant))
}

fn printable(bytes: &[u8]) -> FieldValue {
    if bytes.iter().all(|byte| (0x20..0x7F).contains(byte)) {
        FieldValue::Text(bytes.iter().map(|byte| char::from(*byte)).collect())
    } else {
        FieldValue::Bytes(bytes.to_vec())
    }
}

fn version(bytes: &[u8], parts: &[u8], hex: bool) -> String {
    let mut texts = Vec::new();
    let mut rest = bytes;
    for part in parts {
        let (taken, after) = rest.split_at_checked(usize::from(*part)).unwrap_or((rest, &[]));
        rest = after;
        let value = taken.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        texts.push(if hex { format!("{value:X}") } else { value.to_string() });
    }
    texts.join(".")
}

pub(super) fn from_bcd(raw: u64) -> Option<u64> {
    let mut value = 0;
    for nibble in (0..16).rev() {
        let digit = (raw >> (4 * nibble)) & 15;
        if digit > 9 {
            return None;
        }
        value = value * 10 + digit;
    }
    Some(value)
}
