//! Walking a layout with values: fields to bytes.
//!
//! The exact inverse of reading: used for golden vectors, for property tests, and to compute what a demanded value
//! would look like on the wire.

use super::expression;
use super::{FieldValue, bits};
use crate::definition::*;
use crate::value::{Number, Quantity};

/// What a message is made from.
#[derive(Clone, Debug, Default)]
pub struct EncodeInput {
    /// Values of fields by name; a field without a value gets its neutral one (constant, idle, blank, zero).
    pub fields: Vec<(String, FieldValue)>,
    /// Values of each pack's fields, for layouts with packs; with one pack they may stand in `fields`.
    pub packs: Vec<Vec<(String, FieldValue)>>,
    /// Request parameters that counts and conditions read.
    pub parameters: Vec<(String, i64)>,
    /// The variant to encode; `None` for the default.
    pub variant: Option<String>,
}

/// Why fields cannot be encoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The message has no such field.
    #[error("`{message}` has no field `{field}`")]
    UnknownField {
        /// The message.
        message: String,
        /// The field.
        field: String,
    },
    /// The value is of the wrong kind for the field.
    #[error("`{field}` cannot be {value}")]
    WrongKind {
        /// The field.
        field: String,
        /// The value in words.
        value: String,
    },
    /// The wire cannot hold the value.
    #[error("`{field}` cannot hold {value}: the wire has {low} to {high} in steps of {step}")]
    NotRepresentable {
        /// The field.
        field: String,
        /// The value in words.
        value: String,
        /// The lowest value of the wire.
        low: String,
        /// The highest value of the wire.
        high: String,
        /// The resolution of the wire.
        step: String,
    },
    /// A count or condition cannot be computed from what is given.
    #[error("`{expression}` cannot be computed from the given fields")]
    Undetermined {
        /// The expression.
        expression: String,
    },
}

/// Encodes a message's data (payload of a frame, INFO of a reply).
///
/// # Errors
/// [`EncodeError`]: a field that the message does not have, a value that the wire cannot hold.
pub fn encode(message: &Message, input: &EncodeInput) -> Result<Vec<u8>, EncodeError> {
    encode_layout(&message.layout, &message.name, message.length.send, input)
}

/// Encodes data by a layout; `length` is the length of the data where it is fixed.
///
/// # Errors
/// As [`encode`].
pub fn encode_layout(
    layout: &Layout,
    message: &str,
    length: Option<usize>,
    input: &EncodeInput,
) -> Result<Vec<u8>, EncodeError> {
    let mut writer = Writer {
        data: vec![0; length.unwrap_or(0)],
        cursor: 0,
        input,
        used: Vec::new(),
        written: Vec::new(),
        fixed: length,
    };
    for reserved in &layout.reserved {
        writer.reserved(reserved);
    }
    writer.items(&layout.items, 0, None, &input.fields)?;
    for (name, _) in &input.fields {
        if !writer.used.iter().any(|used| used == name) {
            return Err(EncodeError::UnknownField {
                message: message.to_string(),
                field: name.clone(),
            });
        }
    }
    Ok(writer.data)
}

struct Writer<'a> {
    data: Vec<u8>,
    cursor: usize,
    input: &'a EncodeInput,
    used: Vec<String>,
    /// The numbers on the wire of what is written, in the order of writing.
    written: Vec<(String, i128)>,
    /// A message of fixed size does not grow.
    fixed: Option<usize>,
}

type Values = [(String, FieldValue)];

impl Writer<'_> {
    fn items(
        &mut self,
        items: &[Item],
        base: usize,
        number: Option<usize>,
        values: &Values,
    ) -> Result<(), EncodeError> {
        for item in items {
            match item {
                Item::Field(field) => self.field(field, base, number, values)?,
                Item::When(when) => {
                    let condition = expression::truth(&when.condition, &|name| self.lookup_raw(name, values));
                    match condition {
                        Some(true) => self.items(&when.items, base, number, values)?,
                        Some(false) => {}
                        None => {
                            return Err(EncodeError::Undetermined {
                                expression: when.condition.text.clone(),
                            });
                        }
                    }
                }
                Item::Pages(pages) => {
                    self.field(&pages.key, base, number, values)?;
                    let key = self
                        .lookup(&pages.key.name, values)
                        .and_then(|value| value.as_integer());
                    if let Some((_, items)) = pages.pages.iter().find(|(page, _)| Some(i128::from(*page)) == key) {
                        self.items(items, base, number, values)?;
                    }
                }
                Item::Repeat(repeat) => self.repeat(repeat, values)?,
            }
        }
        Ok(())
    }

    fn repeat(&mut self, repeat: &Repeat, values: &Values) -> Result<(), EncodeError> {
        let given = match (repeat.packs, self.input.packs.len()) {
            (true, 0) => Some(1),
            (true, packs) => Some(packs),
            (false, _) => None,
        };
        let counted = match (&repeat.count_field, &repeat.count) {
            (Some(field), _) => {
                let count = match self.lookup(&field.name, values).and_then(|value| value.as_integer()) {
                    Some(count) => usize::try_from(count).unwrap_or(0),
                    None => given.unwrap_or_else(|| repetitions(&repeat.items, values)),
                };
                let with_count = [(field.name.clone(), FieldValue::integer(count as i64))];
                self.field(field, self.cursor, None, &with_count)?;
                count
            }
            (None, Some(expression)) => {
                let count = expression::value(expression, &|name| self.lookup_raw(name, values));
                match count
                    .and_then(|count| count.as_integer())
                    .and_then(|count| usize::try_from(count).ok())
                {
                    Some(count) => count,
                    None => {
                        return Err(EncodeError::Undetermined {
                            expression: expression.text.clone(),
                        });
                    }
                }
            }
            (None, None) => given.unwrap_or(0),
        };
        for index in 0..counted.min(repeat.max) {
            let own = if repeat.packs {
                self.input.packs.get(index).map(Vec::as_slice)
            } else {
                None
            };
            self.items(&repeat.items, self.cursor, Some(index + 1), own.unwrap_or(values))?;
        }
        Ok(())
    }

    /// The value for an expression, with its number on the wire where it is written already.
    fn lookup_raw(&self, name: &str, values: &Values) -> Option<(FieldValue, i128)> {
        let value = self.lookup(name, values)?;
        let written = self
            .written
            .iter()
            .rev()
            .find(|(known, _)| known == name)
            .map(|(_, raw)| *raw);
        let raw = written.or_else(|| value.as_integer()).unwrap_or(0);
        Some((value, raw))
    }

    fn lookup(&self, name: &str, values: &Values) -> Option<FieldValue> {
        let find = |values: &Values| {
            values
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value.clone())
        };
        find(values).or_else(|| find(&self.input.fields)).or_else(|| {
            let (_, value) = self.input.parameters.iter().find(|(known, _)| known == name)?;
            Some(FieldValue::integer(*value))
        })
    }

    fn field(&mut self, field: &Field, base: usize, number: Option<usize>, values: &Values) -> Result<(), EncodeError> {
        let variant = self.input.variant.as_deref();
        if !super::read::applies(&field.variants, variant) {
            return Ok(());
        }
        let name = match number {
            Some(number) => field.name.replace("{n}", &number.to_string()),
            None => field.name.clone(),
        };
        let value = values.iter().find(|(known, _)| *known == name).map(|(_, value)| value);
        self.used.push(name.clone());
        let start = match field.place.anchor {
            Anchor::Start(at) => base + at,
            Anchor::Next => self.cursor,
            Anchor::Same => self.cursor.saturating_sub(field.place.bytes),
            Anchor::End(back) => self.data.len().saturating_sub(back),
        };
        if value.is_none() && field.optional && self.fixed.is_none_or(|length| start + field.place.bytes > length) {
            return Ok(());
        }
        let width = match (field.place.bytes, value) {
            (0, Some(FieldValue::Text(text))) => text.len() + usize::from(ends(field)),
            (0, Some(FieldValue::Bytes(bytes))) => bytes.len(),
            (width, _) => width,
        };
        let end = start + width;
        if self.data.len() < end {
            self.data.resize(end, 0);
        }
        self.cursor = end;
        let Some(target) = self.data.get_mut(start..end) else {
            return Ok(());
        };
        put(field, &name, value, target)?;
        if let Some(raw) = bits::extract(&field.place, target) {
            self.written.push((name, i128::from(raw)));
        }
        Ok(())
    }

    fn reserved(&mut self, reserved: &Reserved) {
        let Anchor::Start(start) = reserved.place.anchor else {
            return;
        };
        let must = reserved.must.first().copied().unwrap_or(0);
        if let Some(target) = self.data.get_mut(start..start + reserved.place.bytes) {
            bits::insert(&reserved.place, target, must);
        }
    }
}

fn ends(field: &Field) -> bool {
    matches!(&field.kind, Kind::Text(TextKind { until: Some(_), .. }))
}

/// How many repetitions the given names amount to: `cell_voltage_1` .. `cell_voltage_16`.
fn repetitions(items: &[Item], values: &Values) -> usize {
    let mut most = 0;
    for item in items {
        if let Item::Field(field) = item {
            while values
                .iter()
                .any(|(name, _)| *name == field.name.replace("{n}", &(most + 1).to_string()))
            {
                most += 1;
            }
        }
    }
    most
}

/// Writes one value into the bytes of its place; without a value the neutral one.
///
/// # Errors
/// The value is of the wrong kind, or the wire cannot hold it.
pub(crate) fn put(field: &Field, name: &str, value: Option<&FieldValue>, target: &mut [u8]) -> Result<(), EncodeError> {
    let wrong = |value: &FieldValue| EncodeError::WrongKind {
        field: name.to_string(),
        value: value.to_string(),
    };
    match (&field.kind, value) {
        (Kind::Constant { bytes, .. }, None) => copy(target, bytes),
        (Kind::Text(kind), None) => target.fill(kind.fill),
        (Kind::Pair { idle, .. }, None) => {
            bits::insert(&field.place, target, u64::from(*idle));
        }
        (Kind::Truth { no, .. }, None) => {
            bits::insert(&field.place, target, *no as u64);
        }
        (Kind::Flag { active }, None) => {
            bits::insert(&field.place, target, u64::from(!*active));
        }
        (_, None) => {}
        (_, Some(FieldValue::Absent)) => match field.absent.iter().find_map(|absent| match absent {
            Absent::Raw(raw) => Some(*raw),
            _ => None,
        }) {
            Some(raw) => {
                bits::insert(&field.place, target, raw);
            }
            None => return Err(wrong(&FieldValue::Absent)),
        },
        (Kind::Constant { .. } | Kind::Bytes, Some(FieldValue::Bytes(bytes))) => copy(target, bytes),
        (Kind::Constant { .. }, Some(FieldValue::Text(text))) => copy(target, text.as_bytes()),
        (Kind::Text(kind), Some(FieldValue::Text(text))) => {
            if text.len() > target.len() {
                return Err(wrong(&FieldValue::Text(text.clone())));
            }
            let room = target.len() - usize::from(kind.until.is_some());
            target.fill(kind.fill);
            if let Some(until) = kind.until {
                target[room..].fill(until);
            }
            let start = if kind.right { room.saturating_sub(text.len()) } else { 0 };
            copy(&mut target[start..], text.as_bytes());
        }
        (Kind::Version { parts, hex }, Some(FieldValue::Text(text))) => {
            let mut at = 0;
            for (part, text) in parts.iter().zip(text.split('.')) {
                let number = u64::from_str_radix(text, if *hex { 16 } else { 10 }).unwrap_or(0);
                let width = usize::from(*part);
                for (index, byte) in target.iter_mut().skip(at).take(width).enumerate() {
                    *byte = (number >> (8 * (width - 1 - index))) as u8;
                }
                at += width;
            }
        }
        (Kind::Flag { active }, Some(value)) => {
            let truth = value.as_truth().ok_or_else(|| wrong(value))?;
            bits::insert(&field.place, target, u64::from(truth == *active));
        }
        (Kind::Truth { yes, no }, Some(value)) => {
            let truth = value.as_truth().ok_or_else(|| wrong(value))?;
            bits::insert(&field.place, target, if truth { *yes } else { *no } as u64);
        }
        (Kind::Pair { idle, states }, Some(value)) => {
            let code = match value {
                FieldValue::State(_, code) => *code,
                FieldValue::Flag(true) => 1,
                FieldValue::Flag(false) => i64::from(*idle),
                FieldValue::Text(word) => pair_code(states, word).ok_or_else(|| wrong(value))?,
                _ => return Err(wrong(value)),
            };
            bits::insert(&field.place, target, code as u64);
        }
        (Kind::State { states, .. }, Some(value)) => {
            let code = match value {
                FieldValue::State(_, code) => *code,
                FieldValue::Text(word) => {
                    states
                        .iter()
                        .find(|state| state.name == *word)
                        .ok_or_else(|| wrong(value))?
                        .code
                }
                other => i64::try_from(other.as_integer().ok_or_else(|| wrong(other))?).map_err(|_| wrong(other))?,
            };
            bits::insert(&field.place, target, code as u64);
        }
        (Kind::Number(number), Some(FieldValue::Quantity(quantity))) => {
            let raw = raw_number(field, name, number, *quantity)?;
            bits::insert(&field.place, target, raw);
        }
        (Kind::DateTime(kind), Some(FieldValue::Text(text))) => {
            date_time(field, kind, text, target).ok_or_else(|| wrong(&FieldValue::Text(text.clone())))?;
        }
        (_, Some(value)) => return Err(wrong(value)),
    }
    Ok(())
}

/// The code of a pair of bits by its word: of the definition, or the usual ones where the definition has none.
fn pair_code(states: &[State], word: &str) -> Option<i64> {
    let usual = || {
        Some(match word {
            "not_supported" => 0,
            "active" => 1,
            "inactive" => 2,
            "invalid" => 3,
            _ => return None,
        })
    };
    match states.iter().find(|state| state.name == word) {
        Some(state) => Some(state.code),
        None if states.is_empty() => usual(),
        None => None,
    }
}

fn copy(target: &mut [u8], bytes: &[u8]) {
    for (to, from) in target.iter_mut().zip(bytes) {
        *to = *from;
    }
}

/// The raw number that stands for a quantity.
///
/// # Errors
/// The unit does not fit, or the wire cannot hold the value.
pub fn raw_number(field: &Field, name: &str, number: &NumberKind, quantity: Quantity) -> Result<u64, EncodeError> {
    let wrong = || EncodeError::WrongKind {
        field: name.to_string(),
        value: quantity.to_string(),
    };
    let scale = number.choices.first().map_or(number.scale, |choice| choice.scale);
    let value = quantity.to_unit(number.unit).ok_or_else(wrong)?.number;
    let exact = value
        .checked_div(scale)
        .ok_or_else(wrong)?
        .checked_sub(Number::integer(number.offset))
        .ok_or_else(wrong)?;
    let width = bits::width(&field.place);
    let (low, high) = if number.signed && width > 0 {
        (-(1_i128 << (width - 1)), (1_i128 << (width - 1)) - 1)
    } else {
        (0, i128::from(bits::mask(width)))
    };
    let raw = if number.round_down {
        exact.numerator().div_euclid(exact.denominator())
    } else {
        exact.rounded()
    };
    let raw = if field.saturates { raw.clamp(low, high) } else { raw };
    if raw < low || raw > high {
        let physical = |raw: i128| {
            Number::ratio(raw + i128::from(number.offset), 1)
                .and_then(|shifted| shifted.checked_mul(scale))
                .map_or_else(String::new, |value| Quantity::new(value, number.unit).to_string())
        };
        return Err(EncodeError::NotRepresentable {
            field: name.to_string(),
            value: quantity.to_string(),
            low: physical(low),
            high: physical(high),
            step: Quantity::new(scale.abs(), number.unit).to_string(),
        });
    }
    if number.bcd {
        let mut packed = 0_u64;
        for (index, digit) in raw.to_string().bytes().rev().enumerate() {
            packed |= u64::from(digit.saturating_sub(b'0')) << (4 * index.min(15));
        }
        return Ok(packed);
    }
    Ok(raw as u64 & bits::mask(width))
}

fn date_time(field: &Field, kind: &DateTimeKind, text: &str, target: &mut [u8]) -> Option<()> {
    let mut numbers = text.split(['-', ' ', ':']).map(str::parse::<u64>);
    let mut next = || numbers.next()?.ok();
    let (year, month, day, hour, minute, second) = (next()?, next()?, next()?, next()?, next()?, next()?);
    match kind {
        DateTimeKind::Packed { bits: widths, epoch } => {
            let parts = [second, minute, hour, day, month, year.checked_sub(u64::from(*epoch))?];
            let (mut raw, mut shift) = (0_u64, 0_u32);
            for (part, width) in parts.iter().zip(widths) {
                raw |= (part & bits::mask(*width)).checked_shl(shift)?;
                shift += u32::from(*width);
            }
            bits::insert(
                &Place {
                    bits: None,
                    ..field.place
                },
                target,
                raw,
            )
        }
        DateTimeKind::Bytes { order, epoch, bcd } => {
            let parts = [second, minute, hour, day, month, year.checked_sub(u64::from(*epoch))?];
            for (letter, byte) in order.chars().zip(target) {
                let value = parts[("smhDMY".find(letter))?];
                *byte = u8::try_from(if *bcd { value / 10 * 16 + value % 10 } else { value }).ok()?;
            }
            Some(())
        }
    }
}
