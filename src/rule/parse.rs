//! The text of a rule as a tree.

use std::cell::Cell;
use std::ops::Range;

use nom::branch::alt;
use nom::bytes::complete::{tag, take_while, take_while1};
use nom::character::complete::{char, digit1, hex_digit1, one_of, satisfy};
use nom::combinator::{eof, not, opt, recognize, value};
use nom::error::{ErrorKind, ParseError};
use nom::multi::separated_list1;
use nom::sequence::{preceded, terminated};
use nom::{Err, IResult, Offset, Parser};

use super::error::{RuleError, RuleErrorKind, nearest};
use super::syntax::{Expr, FieldName, Function, MessageName, Node, Operator, Rule};
use crate::value::{Number, Quantity, Unit};

/// The longest text of a rule, in bytes.
pub const MAX_LENGTH: usize = 4096;
/// How many parentheses, functions and signs may stand inside one another: bounds the stack.
const MAX_NESTING: u16 = 32;
/// How many operators may follow one another: bounds the stack of whoever walks the tree.
const MAX_DEPTH: u16 = 200;

/// Reads a rule.
///
/// # Errors
/// The first mistake of the syntax. Names and units are checked by [`Rule::compile`].
pub fn parse(text: &str) -> Result<Rule, RuleError> {
    if text.len() > MAX_LENGTH {
        return Err(RuleError {
            span: 0..text.len(),
            kind: RuleErrorKind::TooLong { limit: MAX_LENGTH },
        });
    }
    let parser = RuleParser {
        text,
        nesting: Cell::new(0),
    };
    match parser.whole() {
        Ok((_, root)) => Ok(Rule {
            text: text.to_owned(),
            root,
        }),
        Err(Err::Error(mistake) | Err::Failure(mistake)) => Err(parser.error(mistake)),
        Err(Err::Incomplete(_)) => Err(parser.error(Mistake {
            rest: "",
            expected: OPERAND,
            kind: None,
        })),
    }
}

/// What went wrong before `rest`.
#[derive(Debug)]
struct Mistake<'t> {
    rest: &'t str,
    /// What could have stood there.
    expected: &'static str,
    /// Anything but a missing part, with the length of the text at fault.
    kind: Option<Box<(RuleErrorKind, usize)>>,
}

type Parsed<'t, O> = IResult<&'t str, O, Mistake<'t>>;

impl<'t> Mistake<'t> {
    /// The failure that stops all attempts.
    fn failure<O>(rest: &'t str, length: usize, kind: RuleErrorKind) -> Parsed<'t, O> {
        Err(Err::Failure(Mistake {
            rest,
            expected: "",
            kind: Some(Box::new((kind, length))),
        }))
    }
}

impl<'t> ParseError<&'t str> for Mistake<'t> {
    fn from_error_kind(rest: &'t str, _: ErrorKind) -> Self {
        Mistake {
            rest,
            expected: "",
            kind: None,
        }
    }

    fn append(_: &'t str, _: ErrorKind, other: Self) -> Self {
        other
    }
}

/// A parser that must succeed, or the rule is wrong here.
fn expect<'t, O>(
    expected: &'static str,
    mut parser: impl Parser<&'t str, Output = O, Error = Mistake<'t>>,
) -> impl FnMut(&'t str) -> Parsed<'t, O> {
    move |input| {
        parser.parse(input).map_err(|error| match error {
            Err::Error(_) => Err::Failure(Mistake {
                rest: input,
                expected,
                kind: None,
            }),
            other => other,
        })
    }
}

/// A parser that passes over blanks first.
fn token<'t, O>(
    parser: impl Parser<&'t str, Output = O, Error = Mistake<'t>>,
) -> impl Parser<&'t str, Output = O, Error = Mistake<'t>> {
    preceded(blanks, parser)
}

fn blanks(input: &str) -> Parsed<'_, &str> {
    take_while(|character: char| character.is_ascii_whitespace()).parse(input)
}

fn symbol<'t>(text: &'static str) -> impl Parser<&'t str, Output = &'t str, Error = Mistake<'t>> {
    token(tag(text))
}

fn is_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

fn name(input: &str) -> Parsed<'_, &str> {
    recognize((
        satisfy(|character| character.is_ascii_alphabetic() || character == '_'),
        take_while(is_name),
    ))
    .parse(input)
}

/// What can stand between two operands.
#[derive(Clone, Copy)]
enum Infix {
    Operator(Operator),
    In,
}

impl Infix {
    fn binding(self) -> u8 {
        match self {
            Infix::Operator(operator) => operator.binding(),
            Infix::In => Operator::COMPARISON,
        }
    }
}

fn infix(input: &str) -> Parsed<'_, Infix> {
    let word = value(Infix::In, terminated(tag("in"), not(satisfy(is_name))));
    let operator = |input| {
        let found = Operator::ALL.iter().find_map(|(symbol, operator)| {
            let parsed: Parsed<'_, _> = value(Infix::Operator(*operator), tag(*symbol)).parse(input);
            parsed.ok()
        });
        found.ok_or(Err::Error(Mistake::from_error_kind(input, ErrorKind::Alt)))
    };
    token(alt((word, operator))).parse(input)
}

/// The parser of one rule: knows where it is in the text, and how deep.
struct RuleParser<'t> {
    text: &'t str,
    nesting: Cell<u16>,
}

const OPERAND: &str = "a field, a quantity, `true`, `false`, a name in quotes, a function or `(`";

impl<'t> RuleParser<'t> {
    fn whole(&self) -> Parsed<'t, Expr> {
        let (rest, root) = self.conditional(self.text)?;
        let (rest, _) = expect("an operator or the end of the rule", token(eof)).parse(rest)?;
        Ok((rest, root))
    }

    /// `condition ? then : otherwise`, or what binds more strongly.
    fn conditional(&self, input: &'t str) -> Parsed<'t, Expr> {
        self.nested(input, |input| {
            let (rest, condition) = self.binary(input, 1)?;
            let (rest, question) = opt(symbol("?")).parse(rest)?;
            if question.is_none() {
                return Ok((rest, condition));
            }
            let (rest, then) = self.conditional(rest)?;
            let (rest, _) = expect("`:`", symbol(":")).parse(rest)?;
            let (rest, otherwise) = self.conditional(rest)?;
            let span = condition.span.start..otherwise.span.end;
            let (condition, then, otherwise) = (Box::new(condition), Box::new(then), Box::new(otherwise));
            self.expr(
                rest,
                span,
                Node::Conditional {
                    condition,
                    then,
                    otherwise,
                },
            )
        })
    }

    /// Operands with operators between them that bind at least as strongly as `least`.
    fn binary(&self, input: &'t str, least: u8) -> Parsed<'t, Expr> {
        let (mut rest, mut left) = self.unary(input)?;
        let mut is_compared = false;
        while let Ok((after, infix)) = infix(rest) {
            let binding = infix.binding();
            if binding < least {
                break;
            }
            if binding == Operator::COMPARISON && std::mem::replace(&mut is_compared, true) {
                let start = rest.trim_ascii_start();
                return Mistake::failure(start, start.offset(after), RuleErrorKind::ChainedComparison);
            }
            let (after, right) = self.binary(after, binding + 1)?;
            (rest, left) = match infix {
                Infix::Operator(operator) => {
                    let span = left.span.start..right.span.end;
                    let (left, right) = (Box::new(left), Box::new(right));
                    self.expr(after, span, Node::Binary { operator, left, right })?
                }
                Infix::In => self.range(after, left, right)?,
            };
        }
        Ok((rest, left))
    }

    /// `..high`, after `value in low`.
    fn range(&self, input: &'t str, compared: Expr, mut low: Expr) -> Parsed<'t, Expr> {
        let (rest, _) = expect("`..` and the upper end of the range", symbol("..")).parse(input)?;
        let (rest, high) = self.binary(rest, Operator::COMPARISON + 1)?;
        // `40..60 V` means 40 V to 60 V.
        if let (Node::Number(low), Node::Number(high)) = (&mut low.node, &high.node)
            && low.unit == Unit::None
        {
            low.unit = high.unit;
        }
        let span = compared.span.start..high.span.end;
        let (value, low, high) = (Box::new(compared), Box::new(low), Box::new(high));
        self.expr(rest, span, Node::In { value, low, high })
    }

    /// An operand with its signs.
    fn unary(&self, input: &'t str) -> Parsed<'t, Expr> {
        let (input, _) = blanks(input)?;
        let negation: Parsed<'t, _> = alt((terminated(char('!'), not(char('='))), char('-'))).parse(input);
        let Ok((after, sign)) = negation else {
            return self.primary(input);
        };
        self.nested(after, |after| {
            let (rest, operand) = self.unary(after)?;
            let span = self.place(input)..operand.span.end;
            let negative = match &operand.node {
                Node::Number(Quantity { number, unit }) => number
                    .checked_neg()
                    .map(|number| Node::Number(Quantity::new(number, *unit))),
                _ => None,
            };
            let node = match (sign, negative) {
                ('-', Some(number)) => number,
                ('-', None) => Node::Negate(Box::new(operand)),
                _ => Node::Not(Box::new(operand)),
            };
            self.expr(rest, span, node)
        })
    }

    fn primary(&self, input: &'t str) -> Parsed<'t, Expr> {
        let parenthesis = |input| {
            let (rest, inner) = preceded(char('('), |input| self.conditional(input)).parse(input)?;
            let (rest, _) = expect("`)`", symbol(")")).parse(rest)?;
            Ok((
                rest,
                Expr {
                    span: self.place(input)..self.place(rest),
                    ..inner
                },
            ))
        };
        let operand = alt((
            parenthesis,
            |input| self.quoted(input),
            |input| self.hex(input),
            |input| self.number(input),
            |input| self.call(input),
            |input| self.field(input, input, None),
        ));
        expect(OPERAND, operand).parse(input)
    }

    /// `"standby"` or `'standby'`, without escapes.
    fn quoted(&self, input: &'t str) -> Parsed<'t, Expr> {
        let (rest, quote) = one_of("\"'").parse(input)?;
        let (rest, text) = take_while(|character| character != quote).parse(rest)?;
        let (rest, _) = expect("the closing quote", char(quote)).parse(rest)?;
        self.expr(rest, self.place(input)..self.place(rest), Node::Text(text.to_owned()))
    }

    /// `0x0E`, or a field of the message with that code.
    fn hex(&self, input: &'t str) -> Parsed<'t, Expr> {
        let (rest, digits) = preceded(tag("0x"), hex_digit1).parse(input)?;
        let Ok(code) = u32::from_str_radix(digits, 16) else {
            return Mistake::failure(input, input.offset(rest), RuleErrorKind::NumberTooLong);
        };
        if let Some(field) = rest.strip_prefix('.').filter(|field| !field.starts_with('.')) {
            return expect("the name of a field", |field| {
                self.field(input, field, Some(MessageName::Code(code)))
            })
            .parse(field);
        }
        let number = Quantity::new(Number::integer(i64::from(code)), Unit::None);
        self.expr(rest, self.place(input)..self.place(rest), Node::Number(number))
    }

    /// `58.4 V`, `5`.
    fn number(&self, input: &'t str) -> Parsed<'t, Expr> {
        let (rest, text) = recognize((digit1, opt((char('.'), digit1)))).parse(input)?;
        let Ok(number) = Number::parse(text) else {
            return Mistake::failure(input, text.len(), RuleErrorKind::NumberTooLong);
        };
        let (rest, unit) = unit(rest)?;
        self.expr(
            rest,
            self.place(input)..self.place(rest),
            Node::Number(Quantity::new(number, unit)),
        )
    }

    /// `max(a, b)`.
    fn call(&self, input: &'t str) -> Parsed<'t, Expr> {
        let (rest, word) = terminated(name, char('(')).parse(input)?;
        let Some(function) = Function::from_name(word) else {
            let nearest = nearest(word, Function::ALL.iter().map(|(name, _)| *name));
            return Mistake::failure(
                input,
                word.len(),
                RuleErrorKind::UnknownFunction {
                    name: word.to_owned(),
                    nearest,
                },
            );
        };
        let (rest, arguments) = match symbol(")").parse(rest) {
            Ok((rest, _)) => (rest, Vec::new()),
            Err(_) => {
                let arguments = separated_list1(symbol(","), |input| self.conditional(input));
                terminated(arguments, expect("`,` or `)`", symbol(")"))).parse(rest)?
            }
        };
        self.expr(
            rest,
            self.place(input)..self.place(rest),
            Node::Call { function, arguments },
        )
    }

    /// A field or a run of fields from `input` on, `true` and `false`; `start` is where its message is named.
    fn field(&self, start: &'t str, input: &'t str, message: Option<MessageName>) -> Parsed<'t, Expr> {
        let (rest, word) = name(input)?;
        let run: Parsed<'t, _> = preceded(char('*'), take_while(is_name)).parse(rest);
        if let Ok((rest, after)) = run
            && (word.ends_with('_') || after.starts_with('_'))
        {
            let node = Node::Run {
                message,
                before: word.to_owned(),
                after: after.to_owned(),
            };
            return self.expr(rest, self.place(start)..self.place(rest), node);
        }
        if message.is_none()
            && let Some(field) = rest.strip_prefix('.').filter(|field| !field.starts_with('.'))
        {
            let message = MessageName::Name(word.to_owned());
            return expect("the name of a field", |field| {
                self.field(start, field, Some(message.clone()))
            })
            .parse(field);
        }
        let node = match (&message, word) {
            (None, "true") => Node::Flag(true),
            (None, "false") => Node::Flag(false),
            _ => Node::Field(FieldName::Field {
                message,
                name: word.to_owned(),
            }),
        };
        self.expr(rest, self.place(start)..self.place(rest), node)
    }

    /// A part of the tree, unless it is too deep.
    fn expr(&self, rest: &'t str, span: Range<usize>, node: Node) -> Parsed<'t, Expr> {
        let depth = 1 + node.children().map(|child| child.depth).max().unwrap_or(0);
        if depth > MAX_DEPTH {
            return Mistake::failure(&self.text[span.start..], span.len(), RuleErrorKind::TooDeep);
        }
        Ok((rest, Expr { span, node, depth }))
    }

    fn nested(&self, input: &'t str, parse: impl FnOnce(&'t str) -> Parsed<'t, Expr>) -> Parsed<'t, Expr> {
        if self.nesting.get() >= MAX_NESTING {
            return Mistake::failure(input, 0, RuleErrorKind::TooDeep);
        }
        self.nesting.set(self.nesting.get() + 1);
        let result = parse(input);
        self.nesting.set(self.nesting.get() - 1);
        result
    }

    /// Where the rest begins in the text.
    fn place(&self, rest: &str) -> usize {
        self.text.len() - rest.len()
    }

    fn error(&self, mistake: Mistake<'t>) -> RuleError {
        if let Some((kind, length)) = mistake.kind.map(|kind| *kind) {
            let start = self.place(mistake.rest);
            return RuleError {
                span: start..start + length,
                kind,
            };
        }
        let rest = mistake.rest.trim_ascii_start();
        let word = name(rest).map_or_else(
            |_| rest.chars().next().map_or(0, char::len_utf8),
            |(_, word)| word.len(),
        );
        let found = if rest.is_empty() {
            "the end of the rule".to_owned()
        } else {
            format!("`{}`", &rest[..word])
        };
        let start = self.place(rest);
        RuleError {
            span: start..start + word,
            kind: RuleErrorKind::Syntax {
                expected: mistake.expected,
                found,
            },
        }
    }
}

/// The unit after a number, if there is one.
fn unit(input: &str) -> Parsed<'_, Unit> {
    let percent = value(Unit::Percent, symbol("%"));
    let rate = alt((
        value(Unit::KilobitPerSecond, symbol("kbit/s")),
        value(Unit::BitPerSecond, symbol("bit/s")),
    ));
    if let Ok((rest, unit)) = alt((percent, rate)).parse(input) {
        return Ok((rest, unit));
    }
    let is_word = |character: char| is_name(character) || character.is_alphabetic() || character == '°';
    let word: Parsed<'_, &str> = token(take_while1(is_word)).parse(input);
    match word {
        Err(_) | Ok((_, "in")) => Ok((input, Unit::None)),
        Ok((rest, word)) => match Unit::from_symbol(word) {
            Some(unit) => Ok((rest, unit)),
            None => {
                let units = Unit::ALL
                    .iter()
                    .map(|unit| unit.symbol())
                    .filter(|symbol| !symbol.is_empty());
                let nearest = nearest(word, units);
                let start = input.trim_ascii_start();
                Mistake::failure(
                    start,
                    word.len(),
                    RuleErrorKind::UnknownUnit {
                        symbol: word.to_owned(),
                        nearest,
                    },
                )
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The tree with a parenthesis around every part.
    fn shown(text: &str) -> String {
        show(
            &parse(text)
                .unwrap_or_else(|error| panic!("{text}: {error} at {:?}", error.span))
                .root,
        )
    }

    fn show(expr: &Expr) -> String {
        let list = |items: &[Expr]| items.iter().map(show).collect::<Vec<_>>().join(", ");
        match &expr.node {
            Node::Number(quantity) => format!("{quantity}"),
            Node::Flag(flag) => format!("{flag}"),
            Node::Text(text) => format!("{text:?}"),
            Node::Field(name) => format!("{name}"),
            Node::Run { message, before, after } => {
                let message = message.as_ref().map_or(String::new(), |message| format!("{message}."));
                format!("{message}{before}*{after}")
            }
            Node::Not(operand) => format!("(!{})", show(operand)),
            Node::Negate(operand) => format!("(-{})", show(operand)),
            Node::Binary { operator, left, right } => {
                format!("({} {} {})", show(left), operator.symbol(), show(right))
            }
            Node::In { value, low, high } => format!("({} in {}..{})", show(value), show(low), show(high)),
            Node::Conditional {
                condition,
                then,
                otherwise,
            } => {
                format!("({} ? {} : {})", show(condition), show(then), show(otherwise))
            }
            Node::Call { function, arguments } => format!("{}({})", function.name(), list(arguments)),
        }
    }

    fn wrong(text: &str) -> (&str, String) {
        let error = parse(text).unwrap_err();
        (&text[error.span.clone()], error.to_string())
    }

    #[test]
    fn operators_bind_as_in_cel() {
        for (text, tree) in [
            ("a || b && c", "(a || (b && c))"),
            ("a && b || c", "((a && b) || c)"),
            ("!a && b", "((!a) && b)"),
            ("!a == b", "((!a) == b)"),
            ("!!a", "(!(!a))"),
            ("a + b * c - d", "((a + (b * c)) - d)"),
            ("a / b / c", "((a / b) / c)"),
            ("a - b - c", "((a - b) - c)"),
            ("-a * b", "((-a) * b)"),
            ("a<b&&c>=d", "((a < b) && (c >= d))"),
            ("a != b || c == d", "((a != b) || (c == d))"),
            ("(a || b) && c", "((a || b) && c)"),
            ("a ? b : c ? d : e", "(a ? b : (c ? d : e))"),
            ("a == b ? c + d : e", "((a == b) ? (c + d) : e)"),
            ("a in b..c + d && e", "((a in b..(c + d)) && e)"),
            ("a - -b", "(a - (-b))"),
        ] {
            assert_eq!(shown(text), tree, "{text}");
        }
    }

    #[test]
    fn literals_carry_their_units() {
        for (text, tree) in [
            ("58.4 V", "58.4 V"),
            ("58.4V", "58.4 V"),
            ("10 %", "10 %"),
            ("-5 A", "-5 A"),
            ("25 °C", "25 degC"),
            ("500 kbit/s", "500 kbit/s"),
            ("9600 bit/s", "9600 bit/s"),
            ("280 Ah", "280 Ah"),
            ("0x0E", "14"),
            ("true", "true"),
            ("'standby'", "\"standby\""),
            ("\"it's\"", "\"it's\""),
            ("x in 40..60 V", "(x in 40 V..60 V)"),
            ("x in -10..60 degC", "(x in -10 degC..60 degC)"),
            ("x in 0 V..60 V", "(x in 0 V..60 V)"),
            ("x in 1000..5000", "(x in 1000..5000)"),
            ("x in 0.5..1.5", "(x in 0.5..1.5)"),
            ("5 A in x..y", "(5 A in x..y)"),
            ("5 in x..y", "(5 in x..y)"),
            ("280 Ah / 2", "(280 Ah / 2)"),
        ] {
            assert_eq!(shown(text), tree, "{text}");
        }
    }

    #[test]
    fn names_may_be_qualified_and_stand_for_runs() {
        for (text, tree) in [
            ("0x351.charge_voltage_limit", "0x351.charge_voltage_limit"),
            ("measurements.soc", "measurements.soc"),
            ("sum(cell_voltage_*)", "sum(cell_voltage_*)"),
            ("sum(0x315.cell_voltage_*)", "sum(0x315.cell_voltage_*)"),
            ("max(a, b + 1, pack_*_voltage)", "max(a, (b + 1), pack_*_voltage)"),
            ("count()", "count()"),
            ("has(x)", "has(x)"),
            ("raw(0x70)", "raw(112)"),
            ("truely", "truely"),
            ("x in a..b", "(x in a..b)"),
            ("a*b", "(a * b)"),
            ("a * b_c", "(a * b_c)"),
        ] {
            assert_eq!(shown(text), tree, "{text}");
        }
    }

    #[test]
    fn every_part_knows_its_place() {
        fn check(expr: &Expr, text: &str) {
            let part = &text[expr.span.clone()];
            let again = parse(part).unwrap_or_else(|error| panic!("`{part}`: {error}"));
            assert_eq!(show(&again.root), show(expr), "`{part}`");
            for child in expr.node.children() {
                assert!(expr.span.start <= child.span.start && child.span.end <= expr.span.end);
                check(child, text);
            }
        }
        for text in [
            " !charge_enable  &&  ( charge_current_limit == 0 A ) ",
            "sum(cell_voltage_*) - pack_voltage in -0.5 V..0.5 V",
            "-x + -5 A < 0x351.y ? max(a, 'b') : has( z )",
        ] {
            check(&parse(text).unwrap().root, text);
        }
    }

    #[test]
    fn mistakes_are_told_at_their_place() {
        for (text, part, message) in [
            (
                "",
                "",
                "expected a field, a quantity, `true`, `false`, a name in quotes, a function or `(`, found the end of the rule",
            ),
            (
                "a &&",
                "",
                "expected a field, a quantity, `true`, `false`, a name in quotes, a function or `(`, found the end of the rule",
            ),
            (
                "a && && b",
                "&",
                "expected a field, a quantity, `true`, `false`, a name in quotes, a function or `(`, found `&`",
            ),
            ("a b", "b", "expected an operator or the end of the rule, found `b`"),
            ("a = b", "=", "expected an operator or the end of the rule, found `=`"),
            ("a & b", "&", "expected an operator or the end of the rule, found `&`"),
            ("(a || b", "", "expected `)`, found the end of the rule"),
            ("a ? b", "", "expected `:`, found the end of the rule"),
            ("max(a b)", "b", "expected `,` or `)`, found `b`"),
            (
                "x in 5",
                "",
                "expected `..` and the upper end of the range, found the end of the rule",
            ),
            ("'standby", "", "expected the closing quote, found the end of the rule"),
            ("0x351.", "", "expected the name of a field, found the end of the rule"),
            ("a < b < c", "<", "comparisons cannot be chained"),
            ("a == b in c..d", "in", "comparisons cannot be chained"),
            ("58.4 X", "X", "`X` is not a unit"),
            ("58.4 volts", "volts", "`volts` is not a unit"),
            ("summe(a)", "summe", "there is no function `summe`"),
            ("0x1FFFFFFFF", "0x1FFFFFFFF", "the number is too long"),
            (
                "1234567890123456789012345678901",
                "1234567890123456789012345678901",
                "the number is too long",
            ),
            ("a ∧ b", "∧", "expected an operator or the end of the rule, found `∧`"),
            ("1e3", "e3", "`e3` is not a unit"),
        ] {
            assert_eq!(wrong(text), (part, message.to_owned()), "{text}");
        }
        let error = parse("5 mAH").unwrap_err();
        assert_eq!(error.help().unwrap(), "did you mean `mA` or `mAh`?");
    }

    #[test]
    fn endless_rules_are_refused() {
        assert_eq!(
            parse(&"a".repeat(MAX_LENGTH + 1)).unwrap_err().kind,
            RuleErrorKind::TooLong { limit: MAX_LENGTH }
        );
        for text in [
            "(".repeat(1000),
            "!".repeat(1000),
            "-".repeat(1000),
            "a?".repeat(1000),
            "a?b:".repeat(1000),
            "max(".repeat(1000),
            "a||".repeat(1000),
            "a+".repeat(1000),
        ] {
            assert_eq!(
                parse(&text).unwrap_err().kind,
                RuleErrorKind::TooDeep,
                "{}",
                &text[..10]
            );
        }
        assert!(parse(&vec!["a"; 200].join("||")).is_ok());
        assert!(parse(&vec!["a"; 201].join("||")).is_err());
        assert!(parse(&format!("{}a{}", "(".repeat(31), ")".repeat(31))).is_ok());
    }

    proptest! {
        #[test]
        fn any_text_is_a_rule_or_an_error(text in "\\PC{0,60}") {
            if let Err(error) = parse(&text) {
                prop_assert!(text.get(error.span).is_some());
            }
        }

        #[test]
        fn any_row_of_words_is_a_rule_or_an_error(
            words in proptest::collection::vec(
                proptest::sample::select(&["a", "b_*", "0x351", ".", "..", "(", ")", ",", "5", "V", "%", "!", "-", "<", "==", "&&", "||",
                    "in", "?", ":", "max(", "has(", "'x'", " ", "1.5", "true", "*", "/"][..]),
                0..40,
            ),
        ) {
            let text = words.concat();
            if let Err(error) = parse(&text) {
                prop_assert!(text.get(error.span).is_some());
            }
        }
    }
}
