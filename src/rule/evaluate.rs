//! Compiled rules and their evaluation.

use std::cmp::Ordering;

use super::syntax::{FieldName, Function, Operator};
use crate::value::{Dimension, Number, Quantity, Unit};

/// The number of a name among those that a program reads; see [`Program::reads`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub usize);

/// Where a program gets its values from.
pub trait Values {
    /// The latest value of a field; `None` when its message has not come yet.
    fn value(&self, slot: Slot) -> Option<Value<'_>>;

    /// The number on the wire, also of a field that is absent; `None` when its message has not come yet.
    fn raw(&self, slot: Slot) -> Option<i128>;
}

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'v> {
    /// A number with its unit.
    Quantity(Quantity),
    /// True or false.
    Flag(bool),
    /// A code with its name, if it has one. A pair of bits is a state that counts as true when it is `active`.
    State {
        /// The name.
        name: Option<&'v str>,
        /// The code.
        raw: i64,
    },
    /// Text without padding.
    Text(&'v str),
    /// The message came, but says "not available", or is too short for the field.
    Absent,
}

/// What a condition amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// It cannot be told.
    Undefined(Undefined),
    /// A number left the range of exact arithmetic.
    Overflow,
}

/// Why a condition cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undefined {
    /// The message of this field has not come yet.
    Missing(Slot),
    /// This field says "not available".
    Absent(Slot),
    /// This field is not of the type that the rule was checked with.
    WrongType(Slot),
    /// A division by zero.
    DivisionByZero,
}

/// What an expression amounts to that is not only a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Computed {
    /// A number, in the first unit of its dimension (see [`Unit::ALL`]); in no unit when it is a product of several.
    Quantity(Quantity),
    /// True or false.
    Flag(bool),
    /// A code with its name, if it has one.
    State(Option<String>, i64),
    /// Text.
    Text(String),
}

/// A rule that is checked and ready to be evaluated.
#[derive(Clone, Debug)]
pub struct Program {
    pub(super) nodes: Vec<Op>,
    pub(super) items: Vec<Item>,
    pub(super) texts: Vec<String>,
    pub(super) reads: Vec<FieldName>,
    /// The dimension that each of `reads` must have when it gives a number.
    pub(super) dimensions: Vec<Option<Dimension>>,
    pub(super) root: Index,
    /// The unit of a number that is the result.
    pub(super) unit: Unit,
}

/// The place of an operation in `nodes`: operands come before what uses them.
pub(super) type Index = u32;

/// One operation.
#[derive(Clone, Copy, Debug)]
pub(super) enum Op {
    Flag(bool),
    /// In the first unit of its dimension.
    Number(Number),
    Text(Index),
    Read(Slot),
    Raw(Slot),
    Has(Slot),
    /// A flag or pair as a condition.
    IsTrue(Index),
    Not(Index),
    Negate(Index),
    Abs(Index),
    And(Index, Index),
    Or(Index, Index),
    Arithmetic(Operator, Index, Index),
    Compare(Operator, Index, Index, Tolerance),
    In(Index, Index, Index),
    Conditional(Index, Index, Index),
    /// Over `items[start..end]`.
    Aggregate(Function, Index, Index),
}

/// An argument of an aggregate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    pub(super) node: Index,
    /// It belongs to a run: left out when it is absent.
    pub(super) may_be_absent: bool,
}

/// How far two numbers that count as equal may be apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tolerance {
    None,
    /// In the first unit of the dimension.
    Absolute(Number),
    /// In per cent of the magnitude of the second number.
    Relative(Number),
}

/// A value on the way through a program.
#[derive(Clone, Copy, Debug)]
enum Cell<'v> {
    Flag(bool),
    Number(Number),
    State(Option<&'v str>, i64),
    Text(&'v str),
    Undefined(Undefined),
    Overflow,
}

impl Program {
    /// The names that the rule reads, runs written out; a [`Slot`] is a place in this list. The result can change only
    /// when one of them does.
    pub fn reads(&self) -> &[FieldName] {
        &self.reads
    }

    /// Evaluates a condition.
    ///
    /// A result that is no condition (see [`Expects::Anything`](super::Expects)) is undefined.
    pub fn evaluate<V: Values + ?Sized>(&self, values: &V) -> Outcome {
        match self.cell(self.root, values) {
            Cell::Flag(true) => Outcome::True,
            Cell::Flag(false) => Outcome::False,
            Cell::Undefined(why) => Outcome::Undefined(why),
            Cell::Overflow => Outcome::Overflow,
            Cell::Number(_) | Cell::State(..) | Cell::Text(_) => Outcome::Undefined(self.wrong_type(self.root)),
        }
    }

    /// Evaluates an expression of any type.
    ///
    /// # Errors
    /// [`Outcome::Undefined`] or [`Outcome::Overflow`] when there is no result.
    pub fn compute<V: Values + ?Sized>(&self, values: &V) -> Result<Computed, Outcome> {
        match self.cell(self.root, values) {
            Cell::Flag(flag) => Ok(Computed::Flag(flag)),
            Cell::Number(number) => Ok(Computed::Quantity(Quantity::new(number, self.unit))),
            Cell::State(name, raw) => Ok(Computed::State(name.map(str::to_owned), raw)),
            Cell::Text(text) => Ok(Computed::Text(text.to_owned())),
            Cell::Undefined(why) => Err(Outcome::Undefined(why)),
            Cell::Overflow => Err(Outcome::Overflow),
        }
    }

    /// Says in words why there is no result.
    pub fn describe(&self, why: Undefined) -> String {
        let name = |slot: Slot| {
            self.reads
                .get(slot.0)
                .map_or_else(String::new, |name| format!("`{name}`"))
        };
        match why {
            Undefined::Missing(slot) => format!("{} has not come", name(slot)),
            Undefined::Absent(slot) => format!("{} is not available", name(slot)),
            Undefined::WrongType(slot) => format!("{} is of another type than the rule expects", name(slot)),
            Undefined::DivisionByZero => "division by zero".to_owned(),
        }
    }

    fn cell<'v, V: Values + ?Sized>(&'v self, index: Index, values: &'v V) -> Cell<'v> {
        let Some(op) = self.nodes.get(index as usize) else {
            return Cell::Overflow;
        };
        match *op {
            Op::Flag(flag) => Cell::Flag(flag),
            Op::Number(number) => Cell::Number(number),
            Op::Text(index) => Cell::Text(self.texts.get(index as usize).map_or("", |text| text)),
            Op::Read(slot) => self.read(slot, values),
            Op::Raw(slot) => match values.raw(slot) {
                Some(raw) => Number::ratio(raw, 1).map_or(Cell::Overflow, Cell::Number),
                None => Cell::Undefined(Undefined::Missing(slot)),
            },
            Op::Has(slot) => Cell::Flag(!matches!(values.value(slot), None | Some(Value::Absent))),
            Op::IsTrue(operand) => match self.cell(operand, values) {
                Cell::State(name, _) => Cell::Flag(name == Some("active")),
                Cell::Number(_) | Cell::Text(_) => Cell::Undefined(self.wrong_type(operand)),
                other => other,
            },
            Op::Not(operand) => match self.cell(operand, values) {
                Cell::Flag(flag) => Cell::Flag(!flag),
                other => other,
            },
            Op::Negate(operand) => match self.number(operand, values) {
                Ok(number) => number.checked_neg().map_or(Cell::Overflow, Cell::Number),
                Err(cell) => cell,
            },
            Op::Abs(operand) => match self.number(operand, values) {
                Ok(number) => magnitude(number).map_or(Cell::Overflow, Cell::Number),
                Err(cell) => cell,
            },
            Op::And(left, right) => self.logic(left, right, false, values),
            Op::Or(left, right) => self.logic(left, right, true, values),
            Op::Arithmetic(operator, left, right) => {
                let operands = self
                    .number(left, values)
                    .and_then(|left| Ok((left, self.number(right, values)?)));
                operands.map_or_else(|cell| cell, |(left, right)| arithmetic(operator, left, right))
            }
            Op::Compare(operator, left, right, tolerance) => self.compare(operator, left, right, tolerance, values),
            Op::In(value, low, high) => {
                let within = self.number(value, values).and_then(|value| {
                    let (low, high) = (self.number(low, values)?, self.number(high, values)?);
                    Ok(Cell::Flag(low <= value && value <= high))
                });
                within.unwrap_or_else(|cell| cell)
            }
            Op::Conditional(condition, then, otherwise) => match self.cell(condition, values) {
                Cell::Flag(true) => self.cell(then, values),
                Cell::Flag(false) => self.cell(otherwise, values),
                other => other,
            },
            Op::Aggregate(function, start, end) => self.aggregate(function, start, end, values),
        }
    }

    fn read<'v, V: Values + ?Sized>(&'v self, slot: Slot, values: &'v V) -> Cell<'v> {
        match values.value(slot) {
            None => Cell::Undefined(Undefined::Missing(slot)),
            Some(Value::Absent) => Cell::Undefined(Undefined::Absent(slot)),
            Some(Value::Flag(flag)) => Cell::Flag(flag),
            Some(Value::State { name, raw }) => Cell::State(name, raw),
            Some(Value::Text(text)) => Cell::Text(text),
            Some(Value::Quantity(Quantity { number, unit })) => match self.dimensions.get(slot.0) {
                Some(Some(dimension)) if *dimension != unit.dimension() => Cell::Undefined(Undefined::WrongType(slot)),
                _ => in_first_unit(number, unit).map_or(Cell::Overflow, Cell::Number),
            },
        }
    }

    /// The number of an operand, or what stands in its place.
    fn number<'v, V: Values + ?Sized>(&'v self, index: Index, values: &'v V) -> Result<Number, Cell<'v>> {
        match self.cell(index, values) {
            Cell::Number(number) => Ok(number),
            Cell::Flag(_) | Cell::State(..) | Cell::Text(_) => Err(Cell::Undefined(self.wrong_type(index))),
            other => Err(other),
        }
    }

    /// `&&` and `||`: the operand that equals `decisive` decides, whatever the other one is.
    fn logic<'v, V: Values + ?Sized>(&'v self, left: Index, right: Index, decisive: bool, values: &'v V) -> Cell<'v> {
        let first = self.cell(left, values);
        if let Cell::Flag(flag) = first {
            return if flag == decisive {
                first
            } else {
                self.cell(right, values)
            };
        }
        match self.cell(right, values) {
            Cell::Flag(flag) if flag == decisive => Cell::Flag(flag),
            _ => first,
        }
    }

    fn compare<'v, V: Values + ?Sized>(
        &'v self,
        operator: Operator,
        left: Index,
        right: Index,
        tolerance: Tolerance,
        values: &'v V,
    ) -> Cell<'v> {
        let first = self.cell(left, values);
        if let Cell::Undefined(_) | Cell::Overflow = first {
            return first;
        }
        let second = self.cell(right, values);
        if let Cell::Undefined(_) | Cell::Overflow = second {
            return second;
        }
        let ordering = match (first, second) {
            (Cell::Number(left), Cell::Number(right)) => match tolerance.order(left, right) {
                Some(ordering) => ordering,
                None => return Cell::Overflow,
            },
            (Cell::Flag(left), Cell::Flag(right)) => left.cmp(&right),
            (Cell::State(Some(left), _), Cell::State(Some(right), _)) => left.cmp(right),
            (Cell::State(_, left), Cell::State(_, right)) => left.cmp(&right),
            // A code without a name is no named state, whatever the name.
            (Cell::State(name, _), Cell::Text(text)) | (Cell::Text(text), Cell::State(name, _)) => {
                name.map_or(Ordering::Less, |name| name.cmp(text))
            }
            (Cell::State(_, raw), Cell::Number(number)) => Number::integer(raw).cmp(&number),
            (Cell::Number(number), Cell::State(_, raw)) => number.cmp(&Number::integer(raw)),
            (Cell::State(name, _), Cell::Flag(flag)) => (name == Some("active")).cmp(&flag),
            (Cell::Flag(flag), Cell::State(name, _)) => flag.cmp(&(name == Some("active"))),
            (Cell::Text(left), Cell::Text(right)) => left.cmp(right),
            _ => return Cell::Undefined(self.wrong_type(left)),
        };
        Cell::Flag(match operator {
            Operator::Equal => ordering.is_eq(),
            Operator::NotEqual => ordering.is_ne(),
            Operator::Less => ordering.is_lt(),
            Operator::LessOrEqual => ordering.is_le(),
            Operator::Greater => ordering.is_gt(),
            _ => ordering.is_ge(),
        })
    }

    fn aggregate<'v, V: Values + ?Sized>(
        &'v self,
        function: Function,
        start: Index,
        end: Index,
        values: &'v V,
    ) -> Cell<'v> {
        let items = self.items.get(start as usize..end as usize).unwrap_or(&[]);
        let mut result: Option<Number> = None;
        let mut count = 0;
        let mut absent = None;
        for item in items {
            let cell = self.cell(item.node, values);
            if let Cell::Undefined(why @ Undefined::Absent(_)) = cell
                && (item.may_be_absent || function == Function::Count)
            {
                absent = Some(why);
                continue;
            }
            if let Cell::Undefined(_) | Cell::Overflow = cell {
                return cell;
            }
            count += 1;
            if function == Function::Count {
                continue;
            }
            let Cell::Number(number) = cell else {
                return Cell::Undefined(self.wrong_type(item.node));
            };
            result = match (function, result) {
                (_, None) => Some(number),
                (Function::Max, Some(known)) => Some(known.max(number)),
                (Function::Min, Some(known)) => Some(known.min(number)),
                (_, Some(known)) => match known.checked_add(number) {
                    Some(sum) => Some(sum),
                    None => return Cell::Overflow,
                },
            };
        }
        match (function, result, absent) {
            (Function::Count, ..) => Cell::Number(Number::integer(count)),
            (_, Some(number), _) => Cell::Number(number),
            (_, None, Some(why)) => Cell::Undefined(why),
            // The checker demands an argument.
            (_, None, None) => Cell::Overflow,
        }
    }

    /// The first field of a part that turned out to be of a wrong type.
    fn wrong_type(&self, index: Index) -> Undefined {
        // Operands stand before their operation, so the nearest read before it is one of its own.
        let before = self.nodes.get(..=index as usize).unwrap_or(&[]);
        let slot = before.iter().rev().find_map(|op| match op {
            Op::Read(slot) | Op::Raw(slot) => Some(*slot),
            _ => None,
        });
        Undefined::WrongType(slot.unwrap_or(Slot(0)))
    }
}

/// The number in the first unit of the dimension.
fn in_first_unit(number: Number, unit: Unit) -> Option<Number> {
    let factor = unit.factor();
    match (factor.numerator(), factor.denominator()) {
        (1, 1) => Some(number),
        // Thousandths, mostly: the general product costs three times as much.
        (1, parts) => Number::ratio(number.numerator(), number.denominator().checked_mul(parts)?),
        _ => number.checked_mul(factor),
    }
}

fn magnitude(number: Number) -> Option<Number> {
    if number.is_negative() {
        number.checked_neg()
    } else {
        Some(number)
    }
}

fn arithmetic<'v>(operator: Operator, left: Number, right: Number) -> Cell<'v> {
    let result = match operator {
        Operator::Add => left.checked_add(right),
        Operator::Subtract => left.checked_sub(right),
        Operator::Multiply => left.checked_mul(right),
        _ if right.is_zero() => return Cell::Undefined(Undefined::DivisionByZero),
        _ => left.checked_div(right),
    };
    result.map_or(Cell::Overflow, Cell::Number)
}

impl Tolerance {
    /// How two numbers compare; `None` on overflow.
    fn order(self, left: Number, right: Number) -> Option<Ordering> {
        let allowed = match self {
            Tolerance::None => return Some(left.cmp(&right)),
            Tolerance::Absolute(allowed) => allowed,
            Tolerance::Relative(percent) => magnitude(right)?
                .checked_mul(percent)?
                .checked_div(Number::integer(100))?,
        };
        let difference = left.checked_sub(right)?;
        Some(if magnitude(difference)? <= allowed {
            Ordering::Equal
        } else {
            left.cmp(&right)
        })
    }
}
