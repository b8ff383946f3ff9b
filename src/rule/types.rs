//! What an expression can be, and how units multiply.

use std::fmt;

use crate::value::{Dimension, Unit};

/// What a field holds, as the checker of rules needs to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// A number with a unit of this dimension ([`Dimension::Count`] for bare numbers).
    Quantity(Dimension),
    /// True or false.
    Flag,
    /// Two bits with the states `not_supported`, `active`, `inactive`, `invalid`; as a condition it is true when active.
    Pair,
    /// A named code with these states; with none, any name is taken.
    State(Vec<String>),
    /// Text.
    Text,
    /// Not known before evaluation: any use is allowed.
    Unknown,
}

/// What a part of a rule is found to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Number(Shape),
    Flag,
    Pair,
    State(Vec<String>),
    /// A text in quotes, which may name a state.
    Name(String),
    Text,
    /// Not known, or wrong in itself and reported already.
    Unknown,
}

impl From<Type> for Found {
    fn from(known: Type) -> Found {
        match known {
            Type::Quantity(dimension) => Found::Number(Shape::of(dimension)),
            Type::Flag => Found::Flag,
            Type::Pair => Found::Pair,
            Type::State(states) => Found::State(states),
            Type::Text => Found::Text,
            Type::Unknown => Found::Unknown,
        }
    }
}

impl fmt::Display for Found {
    /// With its article: `a voltage`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Found::Number(shape) => fmt::Display::fmt(shape, f),
            Found::Flag => f.pad("a condition"),
            Found::Pair => f.pad("a pair of bits"),
            Found::State(_) => f.pad("a state"),
            Found::Name(_) => f.pad("a name in quotes"),
            Found::Text => f.pad("a text"),
            Found::Unknown => f.pad("not known"),
        }
    }
}

/// A product of dimensions with their powers; empty for a bare number. A power is a voltage times a current.
///
/// Numbers are computed in the first unit of each dimension, so that products need no factors.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(super) struct Shape(Vec<(Dimension, i32)>);

impl Shape {
    /// A single dimension.
    pub(super) fn of(dimension: Dimension) -> Shape {
        match dimension {
            Dimension::Count => Shape::default(),
            Dimension::Power => Shape(vec![(Dimension::Voltage, 1), (Dimension::Current, 1)]),
            _ => Shape(vec![(dimension, 1)]),
        }
    }

    /// The product with `other` to the power of 1 or -1.
    pub(super) fn times(&self, other: &Shape, power: i32) -> Shape {
        let mut shape = self.clone();
        for &(dimension, exponent) in &other.0 {
            shape.add(dimension, exponent.saturating_mul(power));
        }
        shape.0.sort_by_key(|(dimension, _)| *dimension as u8);
        shape
    }

    fn add(&mut self, dimension: Dimension, power: i32) {
        match self.0.iter_mut().find(|(known, _)| *known == dimension) {
            Some((_, known)) => *known = known.saturating_add(power),
            None => self.0.push((dimension, power)),
        }
        self.0.retain(|(_, power)| *power != 0);
    }

    /// The dimension, if it is a single one.
    pub(super) fn dimension(&self) -> Option<Dimension> {
        match self.0[..] {
            [] => Some(Dimension::Count),
            [(dimension, 1)] => Some(dimension),
            [(Dimension::Voltage, 1), (Dimension::Current, 1)] => Some(Dimension::Power),
            _ => None,
        }
    }

    /// True for bare numbers.
    pub(super) fn is_count(&self) -> bool {
        self.0.is_empty()
    }

    /// The unit that numbers of this shape are computed in, if it is that of a single dimension.
    pub(super) fn unit(&self) -> Option<Unit> {
        self.dimension().map(first_unit)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(dimension) = self.dimension() {
            return f.pad(dimension.with_article());
        }
        let mut text = "a product in".to_owned();
        for &(dimension, power) in &self.0 {
            let power = if power == 1 { String::new() } else { format!("^{power}") };
            text.push_str(&format!(" {}{power}", first_unit(dimension)));
        }
        f.pad(&text)
    }
}

/// The unit of a dimension whose factor is 1.
pub(super) fn first_unit(dimension: Dimension) -> Unit {
    Unit::ALL
        .iter()
        .copied()
        .find(|unit| unit.dimension() == dimension)
        .unwrap_or(Unit::None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Number;

    #[test]
    fn the_first_unit_of_each_dimension_has_the_factor_one() {
        for unit in Unit::ALL {
            assert_eq!(first_unit(unit.dimension()).factor(), Number::ONE, "{unit:?}");
        }
    }

    #[test]
    fn dimensions_multiply_and_cancel() {
        let (voltage, current) = (Shape::of(Dimension::Voltage), Shape::of(Dimension::Current));
        let count = Shape::of(Dimension::Count);
        assert_eq!(voltage.times(&current, 1), Shape::of(Dimension::Power));
        assert_eq!(voltage.times(&voltage, -1), count);
        assert_eq!(voltage.times(&count, 1), voltage);
        let charge = Shape::of(Dimension::Charge);
        let percent = Shape::of(Dimension::Percentage);
        assert_eq!(charge.times(&percent, 1), percent.times(&charge, 1));
        assert_eq!(charge.times(&percent, 1).to_string(), "a product in Ah %");
        assert_eq!(charge.times(&percent, -1).to_string(), "a product in Ah %^-1");
        assert_eq!(voltage.to_string(), "a voltage");
        assert_eq!(voltage.times(&current, 1).to_string(), "a power");
        assert_eq!(Shape::of(Dimension::Power).times(&current, -1), voltage);
        assert_eq!(
            count.times(&voltage, -1).times(&current, -1).to_string(),
            "a product in V^-1 A^-1"
        );
    }
}
