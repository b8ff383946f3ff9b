//! Exact numbers, units and quantities.
//!
//! Everything that a verdict depends on is computed here without binary floating point: a [`Number`] is a ratio of
//! integers that remembers how finely it was written, a [`Quantity`] is a number with a [`Unit`].
//!
//! ```
//! use bmscheck::value::Quantity;
//! for text in ["58.4 V", "3312 mV", "-5 A", "25 degC", "10 %", "1.1 s", "500 kbit/s", "280 Ah", "16"] {
//!     assert_eq!(text.parse::<Quantity>().unwrap().to_string(), text);
//! }
//! assert_eq!("3.312 V".parse::<Quantity>().unwrap(), "3312 mV".parse::<Quantity>().unwrap());
//! assert!("58.4 X".parse::<Quantity>().is_err());
//! assert!("1e3 V".parse::<Quantity>().is_err());
//! ```

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::time::Duration;

/// An exact number: a ratio of integers.
///
/// The ratio is kept as it arose (`576/10` stays `57.6`, `2000/10` stays `200.0`), so that a decoded value prints with
/// the resolution of the wire; comparison and hashing are by value.
#[derive(Clone, Copy)]
pub struct Number {
    numerator: i128,
    denominator: i128,
}

impl Number {
    /// Zero.
    pub const ZERO: Number = Number {
        numerator: 0,
        denominator: 1,
    };
    /// One.
    pub const ONE: Number = Number {
        numerator: 1,
        denominator: 1,
    };

    /// The whole number `value`.
    pub const fn integer(value: i64) -> Number {
        Number {
            numerator: value as i128,
            denominator: 1,
        }
    }

    /// The ratio `numerator / denominator`; `None` if the denominator is not positive.
    pub const fn ratio(numerator: i128, denominator: i128) -> Option<Number> {
        if denominator > 0 {
            Some(Number { numerator, denominator })
        } else {
            None
        }
    }

    /// The numerator of the ratio as it is kept (not reduced).
    pub const fn numerator(self) -> i128 {
        self.numerator
    }

    /// The denominator of the ratio as it is kept (not reduced, always positive).
    pub const fn denominator(self) -> i128 {
        self.denominator
    }

    /// The sum, or `None` when it leaves the range of the integers behind it.
    pub fn checked_add(self, other: Number) -> Option<Number> {
        if self.denominator == other.denominator {
            return Some(Number {
                numerator: self.numerator.checked_add(other.numerator)?,
                denominator: self.denominator,
            });
        }
        let common = lcm(self.denominator, other.denominator)?;
        let left = self.numerator.checked_mul(common / self.denominator)?;
        let right = other.numerator.checked_mul(common / other.denominator)?;
        Some(Number {
            numerator: left.checked_add(right)?,
            denominator: common,
        })
    }

    /// The difference, or `None` on overflow.
    pub fn checked_sub(self, other: Number) -> Option<Number> {
        self.checked_add(other.checked_neg()?)
    }

    /// The product, or `None` on overflow.
    pub fn checked_mul(self, other: Number) -> Option<Number> {
        let direct = |a: Number, b: Number| {
            Some(Number {
                numerator: a.numerator.checked_mul(b.numerator)?,
                denominator: a.denominator.checked_mul(b.denominator)?,
            })
        };
        direct(self, other).or_else(|| direct(self.reduced(), other.reduced()))
    }

    /// The quotient, or `None` on overflow or when `other` is zero.
    pub fn checked_div(self, other: Number) -> Option<Number> {
        if other.numerator == 0 {
            return None;
        }
        let sign = other.numerator.signum();
        self.checked_mul(Number {
            numerator: other.denominator.checked_mul(sign)?,
            denominator: other.numerator.checked_abs()?,
        })
    }

    /// The number with its sign reversed, or `None` on overflow.
    pub fn checked_neg(self) -> Option<Number> {
        Some(Number {
            numerator: self.numerator.checked_neg()?,
            denominator: self.denominator,
        })
    }

    /// The magnitude.
    pub fn abs(self) -> Number {
        Number {
            numerator: self.numerator.saturating_abs(),
            denominator: self.denominator,
        }
    }

    /// True for numbers below zero.
    pub const fn is_negative(self) -> bool {
        self.numerator < 0
    }

    /// True for zero.
    pub const fn is_zero(self) -> bool {
        self.numerator == 0
    }

    /// The whole number of this value, if it is one.
    pub fn as_integer(self) -> Option<i128> {
        (self.numerator % self.denominator == 0).then(|| self.numerator / self.denominator)
    }

    /// The nearest whole number, halves away from zero.
    pub fn rounded(self) -> i128 {
        let quotient = self.numerator / self.denominator;
        let remainder = self.numerator % self.denominator;
        if remainder.unsigned_abs() >= (self.denominator as u128).div_ceil(2) {
            quotient + self.numerator.signum()
        } else {
            quotient
        }
    }

    /// The same value with the smallest denominator.
    pub fn reduced(self) -> Number {
        let divisor = gcd(self.numerator.unsigned_abs(), self.denominator as u128).max(1) as i128;
        Number {
            numerator: self.numerator / divisor,
            denominator: self.denominator / divisor,
        }
    }

    /// Parses a decimal number (`58.4`, `-0.5`, `+3`) or a fraction (`1/3600000`). Exponents are refused.
    ///
    /// # Errors
    /// [`ParseValueError`] when the text is no such number or has too many digits.
    pub fn parse(text: &str) -> Result<Number, ParseValueError> {
        if let Some((over, under)) = text.split_once('/') {
            let (over, under) = (Number::parse_decimal(over)?, Number::parse_decimal(under)?);
            return over.checked_div(under).ok_or_else(|| ParseValueError::number(text));
        }
        Number::parse_decimal(text)
    }

    fn parse_decimal(text: &str) -> Result<Number, ParseValueError> {
        let wrong = || ParseValueError::number(text);
        let (sign, digits) = match text.as_bytes().first() {
            Some(b'-') => (-1, &text[1..]),
            Some(b'+') => (1, &text[1..]),
            _ => (1, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) || digits.ends_with('.') {
            return Err(wrong());
        }
        if whole.len() + fraction.len() > 30 {
            return Err(ParseValueError::TooLong { text: shortened(text) });
        }
        let mut numerator: i128 = 0;
        let mut denominator: i128 = 1;
        for digit in whole.bytes().chain(fraction.bytes()) {
            numerator = numerator * 10 + i128::from(digit - b'0');
        }
        for _ in fraction.bytes() {
            denominator *= 10;
        }
        Ok(Number {
            numerator: sign * numerator,
            denominator,
        })
    }

    /// The decimal text without trailing zeros after the point, as used where two numbers are set side by side.
    pub fn to_short_string(self) -> String {
        self.reduced().to_string()
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Number {
        Number::integer(value)
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Number) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Number {}

impl Hash for Number {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let reduced = self.reduced();
        (reduced.numerator, reduced.denominator).hash(state);
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Number) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Number) -> Ordering {
        if self.denominator == other.denominator {
            return self.numerator.cmp(&other.numerator);
        }
        let direct = self
            .numerator
            .checked_mul(other.denominator)
            .zip(other.numerator.checked_mul(self.denominator))
            .map(|(left, right)| left.cmp(&right));
        direct.unwrap_or_else(|| compare_slowly(self.reduced(), other.reduced()))
    }
}

/// Compares by whole parts, then by the reciprocals of the remainders (continued fractions), which cannot overflow.
fn compare_slowly(left: Number, right: Number) -> Ordering {
    let (mut a, mut b, mut c, mut d) = (left.numerator, left.denominator, right.numerator, right.denominator);
    let mut flipped = false;
    loop {
        let ordering = a.div_euclid(b).cmp(&c.div_euclid(d));
        let (rest_a, rest_c) = (a.rem_euclid(b), c.rem_euclid(d));
        let decided = if ordering != Ordering::Equal {
            ordering
        } else if rest_a == 0 || rest_c == 0 {
            rest_a.cmp(&rest_c)
        } else {
            (a, b, c, d) = (b, rest_a, d, rest_c);
            flipped = !flipped;
            continue;
        };
        return if flipped { decided.reverse() } else { decided };
    }
}

fn gcd(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

fn lcm(a: i128, b: i128) -> Option<i128> {
    let divisor = gcd(a.unsigned_abs(), b.unsigned_abs()).max(1) as i128;
    (a / divisor).checked_mul(b)
}

impl fmt::Display for Number {
    /// Decimal where that is exact (`57.6`, `200.0`), else a fraction (`1/3`).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut this = *self;
        let mut places = decimal_places(this.denominator);
        if places.is_none() {
            this = this.reduced();
            places = decimal_places(this.denominator);
        }
        if places.is_none() {
            // Denominators made of twos and fives have a finite decimal expansion.
            let (mut rest, mut twos, mut fives) = (this.denominator, 0_u32, 0_u32);
            while rest % 2 == 0 {
                (rest, twos) = (rest / 2, twos + 1);
            }
            while rest % 5 == 0 {
                (rest, fives) = (rest / 5, fives + 1);
            }
            let scaled = (rest == 1 && twos.max(fives) <= 30)
                .then(|| 10_i128.checked_pow(twos.max(fives)))
                .flatten()
                .and_then(|ten| Some((this.numerator.checked_mul(ten / this.denominator)?, ten)));
            match scaled {
                Some((numerator, denominator)) => {
                    this = Number { numerator, denominator };
                    places = Some(twos.max(fives) as usize);
                }
                None => return f.pad(&format!("{}/{}", this.numerator, this.denominator)),
            }
        }
        let places = places.unwrap_or(0);
        let magnitude = this.numerator.unsigned_abs();
        let sign = if this.numerator < 0 { "-" } else { "" };
        if places == 0 {
            return f.pad(&format!("{sign}{magnitude}"));
        }
        let ten = this.denominator as u128;
        f.pad(&format!("{sign}{}.{:0places$}", magnitude / ten, magnitude % ten))
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn decimal_places(denominator: i128) -> Option<usize> {
    let mut power = 1_i128;
    for places in 0..31 {
        if power == denominator {
            return Some(places);
        }
        power *= 10;
    }
    None
}

macro_rules! units {
    ($($variant:ident $symbol:literal $dimension:ident $over:literal / $under:literal $doc:literal;)*) => {
        /// A unit of measurement, as written in definitions, suites and reports.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Unit { $(#[doc = $doc] $variant,)* }

        impl Unit {
            /// All units, in the order of their declaration.
            pub const ALL: &'static [Unit] = &[$(Unit::$variant),*];

            /// The text of the unit, for instance `mV`; empty for a bare number.
            pub const fn symbol(self) -> &'static str {
                match self { $(Unit::$variant => $symbol,)* }
            }

            /// What the unit measures; only quantities of one dimension can be compared.
            pub const fn dimension(self) -> Dimension {
                match self { $(Unit::$variant => Dimension::$dimension,)* }
            }

            /// How many of the dimension's first unit one of this unit is.
            pub const fn factor(self) -> Number {
                match self { $(Unit::$variant => Number { numerator: $over, denominator: $under },)* }
            }
        }
    };
}

units! {
    None "" Count 1 / 1 "A bare number or count.";
    Volt "V" Voltage 1 / 1 "Volt.";
    Millivolt "mV" Voltage 1 / 1000 "Millivolt.";
    Ampere "A" Current 1 / 1 "Ampere.";
    Milliampere "mA" Current 1 / 1000 "Milliampere.";
    AmpereHour "Ah" Charge 1 / 1 "Ampere-hour.";
    MilliampereHour "mAh" Charge 1 / 1000 "Milliampere-hour.";
    Percent "%" Percentage 1 / 1 "Per cent.";
    DegreeCelsius "degC" Temperature 1 / 1 "Degree Celsius; also the unit of differences of temperature.";
    KilowattHour "kWh" Energy 1 / 1 "Kilowatt-hour.";
    WattHour "Wh" Energy 1 / 1000 "Watt-hour.";
    Watt "W" Power 1 / 1 "Watt.";
    Milliohm "mOhm" Resistance 1 / 1 "Milliohm.";
    Second "s" Time 1 / 1 "Second.";
    Millisecond "ms" Time 1 / 1000 "Millisecond.";
    Microsecond "us" Time 1 / 1_000_000 "Microsecond.";
    Minute "min" Time 60 / 1 "Minute.";
    Hour "h" Time 3600 / 1 "Hour.";
    Day "d" Time 86400 / 1 "Day.";
    BitPerSecond "bit/s" BitRate 1 / 1 "Bits per second; for RS485 the same as baud.";
    KilobitPerSecond "kbit/s" BitRate 1000 / 1 "Thousand bits per second.";
    AmpereHourPerAmpere "Ah/A" RatioOfCharge 1 / 1 "Never written by users: the unit of intermediate results.";
}

/// What a unit measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Dimension {
    Count,
    Voltage,
    Current,
    Charge,
    Percentage,
    Temperature,
    Energy,
    Power,
    Resistance,
    Time,
    BitRate,
    RatioOfCharge,
}

impl Dimension {
    /// The dimension with its article, for messages: "a voltage".
    pub const fn with_article(self) -> &'static str {
        match self {
            Dimension::Count => "a bare number",
            Dimension::Voltage => "a voltage",
            Dimension::Current => "a current",
            Dimension::Charge => "a charge (capacity)",
            Dimension::Percentage => "a percentage",
            Dimension::Temperature => "a temperature",
            Dimension::Energy => "an energy",
            Dimension::Power => "a power",
            Dimension::Resistance => "a resistance",
            Dimension::Time => "a time",
            Dimension::BitRate => "a bit rate",
            Dimension::RatioOfCharge => "a ratio of charge and current",
        }
    }
}

impl Unit {
    /// The unit with this symbol.
    pub fn from_symbol(symbol: &str) -> Option<Unit> {
        if symbol == "°C" {
            return Some(Unit::DegreeCelsius);
        }
        Unit::ALL.iter().copied().find(|unit| unit.symbol() == symbol)
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.symbol())
    }
}

/// A number with its unit, compared by value across units of one dimension (`3312 mV` equals `3.312 V`).
#[derive(Clone, Copy)]
pub struct Quantity {
    /// The number, in `unit`.
    pub number: Number,
    /// The unit that the number is given in.
    pub unit: Unit,
}

impl Quantity {
    /// A quantity from its parts.
    pub const fn new(number: Number, unit: Unit) -> Quantity {
        Quantity { number, unit }
    }

    /// The same quantity in another unit; `None` when the dimensions differ or on overflow.
    pub fn to_unit(self, unit: Unit) -> Option<Quantity> {
        if self.unit == unit {
            return Some(self);
        }
        if self.unit.dimension() != unit.dimension() {
            return None;
        }
        let number = self
            .number
            .checked_mul(self.unit.factor())?
            .checked_div(unit.factor())?;
        Some(Quantity { number, unit })
    }

    /// Compares two quantities; `None` when the dimensions differ.
    pub fn compare(self, other: Quantity) -> Option<Ordering> {
        if self.unit == other.unit {
            return Some(self.number.cmp(&other.number));
        }
        Some(self.number.cmp(&other.to_unit(self.unit)?.number))
    }

    /// The length of time that a quantity of dimension time stands for, cut to whole microseconds.
    pub fn as_duration(self) -> Option<Duration> {
        let micros = self.to_unit(Unit::Microsecond)?.number;
        let micros = micros.numerator / micros.denominator;
        u64::try_from(micros).ok().map(Duration::from_micros)
    }

    /// The quantity of time, in milliseconds or seconds, whichever is shorter to read.
    pub fn from_duration(duration: Duration) -> Quantity {
        let micros = i128::try_from(duration.as_micros()).unwrap_or(i128::MAX);
        let (denominator, unit) = if micros >= 1_000_000 {
            (1_000_000, Unit::Second)
        } else {
            (1000, Unit::Millisecond)
        };
        Quantity {
            number: Number {
                numerator: micros,
                denominator,
            }
            .reduced(),
            unit,
        }
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Quantity) -> bool {
        self.compare(*other) == Some(Ordering::Equal)
    }
}

impl Eq for Quantity {}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.unit {
            Unit::None => fmt::Display::fmt(&self.number, f),
            unit => f.pad(&format!("{} {unit}", self.number)),
        }
    }
}

impl fmt::Debug for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Quantity {
    type Err = ParseValueError;

    fn from_str(text: &str) -> Result<Quantity, ParseValueError> {
        let text = text.trim();
        let end = text
            .find(|character: char| !(character.is_ascii_digit() || matches!(character, '.' | '-' | '+' | '/')))
            .unwrap_or(text.len());
        let symbol = text[end..].trim_start();
        let number = text[..end].trim_end();
        if number.is_empty() {
            return Err(ParseValueError::number(text));
        }
        let number = Number::parse(number)?;
        let unit = Unit::from_symbol(symbol).ok_or_else(|| ParseValueError::UnknownUnit {
            symbol: shortened(symbol),
        })?;
        Ok(Quantity { number, unit })
    }
}

/// Why a text is no number or no quantity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseValueError {
    /// The text is not a decimal number.
    #[error("`{text}` is not a decimal number")]
    NotANumber {
        /// The offending text, shortened.
        text: String,
    },
    /// The number has more digits than any quantity here needs.
    #[error("`{text}` has too many digits (at most 30)")]
    TooLong {
        /// The offending text, shortened.
        text: String,
    },
    /// The unit is not one of [`Unit::ALL`].
    #[error("`{symbol}` is not a known unit")]
    UnknownUnit {
        /// The offending symbol, shortened.
        symbol: String,
    },
}

impl ParseValueError {
    fn number(text: &str) -> ParseValueError {
        ParseValueError::NotANumber { text: shortened(text) }
    }
}

fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(40).collect();
    if short.len() < text.len() {
        short.push_str("...");
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn number(text: &str) -> Number {
        Number::parse(text).expect(text)
    }

    #[test]
    fn numbers_print_with_the_resolution_they_were_made_with() {
        for text in ["57.6", "200.0", "-0.01", "0", "-3", "1/3600000", "0.125"] {
            assert_eq!(number(text).to_string(), text);
        }
        assert_eq!(Number::ratio(1, 8).unwrap().to_string(), "0.125");
        assert_eq!(Number::ratio(6, 3).unwrap().to_string(), "2");
        assert_eq!(number("200.0").to_short_string(), "200");
    }

    #[test]
    fn nothing_but_plain_decimals_is_a_number() {
        for text in [
            "", "-", ".5", "5.", "1e3", "0x10", "1_000", "1/0", "--1", "1.2.3", "nan", "∞",
        ] {
            assert!(Number::parse(text).is_err(), "{text}");
        }
        assert!(matches!(
            Number::parse(&"9".repeat(31)),
            Err(ParseValueError::TooLong { .. })
        ));
    }

    #[test]
    fn equal_values_are_equal_whatever_their_spelling() {
        assert_eq!(number("0.50"), number("1/2"));
        assert!(number("0.1") < number("0.11"));
        let huge = Number::ratio(i128::MAX, 3).unwrap();
        let larger = Number::ratio(i128::MAX, 2).unwrap();
        assert!(huge < larger && huge > Number::ONE);
        assert!(Number::ratio(-i128::MAX, 3).unwrap() < Number::ratio(i128::MAX, 7).unwrap());
    }

    #[test]
    fn rounding_takes_halves_away_from_zero() {
        for (text, rounded) in [
            ("2.5", 3),
            ("-2.5", -3),
            ("2.49", 2),
            ("-0.4", 0),
            ("1/3", 0),
            ("2/3", 1),
        ] {
            assert_eq!(number(text).rounded(), rounded, "{text}");
        }
    }

    #[test]
    fn quantities_of_different_dimensions_never_compare() {
        let volts: Quantity = "5 V".parse().unwrap();
        assert_eq!(volts.compare("5 A".parse().unwrap()), None);
        assert_ne!(volts, "5 A".parse().unwrap());
        assert_eq!(volts, "5000 mV".parse().unwrap());
        assert_eq!(
            "1.5 min".parse::<Quantity>().unwrap().as_duration(),
            Some(Duration::from_secs(90))
        );
        assert_eq!("-1 s".parse::<Quantity>().unwrap().as_duration(), None);
    }

    proptest! {
        #[test]
        fn arithmetic_agrees_with_integers(a in -1_000_000_i64..1_000_000, b in -1_000_000_i64..1_000_000, scale in 0_u32..6) {
            let ten = 10_i128.pow(scale);
            let (x, y) = (Number::ratio(a.into(), ten).unwrap(), Number::ratio(b.into(), 1).unwrap());
            let sum = x.checked_add(y).unwrap();
            prop_assert_eq!(sum, Number::ratio(i128::from(a) + i128::from(b) * ten, ten).unwrap());
            prop_assert_eq!(x.checked_sub(y).unwrap().checked_add(y).unwrap(), x);
            if b != 0 {
                prop_assert_eq!(x.checked_mul(y).unwrap().checked_div(y).unwrap(), x);
            }
            prop_assert_eq!(Number::parse(&x.to_string()).unwrap(), x);
        }

        #[test]
        fn slow_comparison_agrees_with_fast(a in any::<i32>(), b in 1_i64..i64::from(i32::MAX), c in any::<i32>(), d in 1_i64..i64::from(i32::MAX)) {
            let (x, y) = (Number::ratio(a.into(), b.into()).unwrap(), Number::ratio(c.into(), d.into()).unwrap());
            prop_assert_eq!(x.cmp(&y), compare_slowly(x, y));
        }

        #[test]
        fn any_text_is_a_quantity_or_an_error(text in "\\PC{0,40}") {
            let _ = text.parse::<Quantity>();
        }
    }
}
