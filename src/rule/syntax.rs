//! The tree of a rule.

use std::fmt;
use std::ops::Range;

use crate::value::Quantity;

/// A rule as written: its text and what it consists of.
#[derive(Clone, Debug)]
pub struct Rule {
    pub(super) text: String,
    pub(super) root: Expr,
}

impl Rule {
    /// The text as written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The whole as an expression.
    pub fn root(&self) -> &Expr {
        &self.root
    }
}

/// A part of a rule and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expr {
    /// The place in the text, in bytes.
    pub span: Range<usize>,
    /// What it is.
    pub node: Node,
    /// How many parts stand inside one another at most, this one included.
    pub(super) depth: u16,
}

/// What a part of a rule is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A number, with its unit.
    Number(Quantity),
    /// `true` or `false`.
    Flag(bool),
    /// A text in quotes: the name of a state, or a text.
    Text(String),
    /// A field.
    Field(FieldName),
    /// All fields of a run, `cell_voltage_*`: the text before and after the running number.
    Run {
        /// The message that they stand in, if it is named.
        message: Option<MessageName>,
        /// What stands before the number.
        before: String,
        /// What stands after it.
        after: String,
    },
    /// `!x`.
    Not(Box<Expr>),
    /// `-x`.
    Negate(Box<Expr>),
    /// Two operands with an operator between them.
    Binary {
        /// The operator.
        operator: Operator,
        /// The operand before it.
        left: Box<Expr>,
        /// The operand after it.
        right: Box<Expr>,
    },
    /// `value in low..high`; both ends belong to the range.
    In {
        /// What is compared.
        value: Box<Expr>,
        /// The lower end.
        low: Box<Expr>,
        /// The upper end.
        high: Box<Expr>,
    },
    /// `condition ? then : otherwise`.
    Conditional {
        /// What decides.
        condition: Box<Expr>,
        /// The result when it holds.
        then: Box<Expr>,
        /// The result when it does not.
        otherwise: Box<Expr>,
    },
    /// `function(arguments)`.
    Call {
        /// The function.
        function: Function,
        /// What it is given.
        arguments: Vec<Expr>,
    },
}

impl Node {
    /// The parts that it consists of, in the order of the text.
    pub fn children(&self) -> impl Iterator<Item = &Expr> {
        let (fixed, list): ([Option<&Expr>; 3], &[Expr]) = match self {
            Node::Number(_) | Node::Flag(_) | Node::Text(_) | Node::Field(_) | Node::Run { .. } => ([None; 3], &[]),
            Node::Not(operand) | Node::Negate(operand) => ([Some(operand), None, None], &[]),
            Node::Binary { left, right, .. } => ([Some(left), Some(right), None], &[]),
            Node::In { value, low, high } => ([Some(value), Some(low), Some(high)], &[]),
            Node::Conditional {
                condition,
                then,
                otherwise,
            } => ([Some(condition), Some(then), Some(otherwise)], &[]),
            Node::Call { arguments, .. } => ([None; 3], arguments),
        };
        fixed.into_iter().flatten().chain(list)
    }
}

/// An operator between two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Operator {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
}

impl Operator {
    /// All operators with their spellings; of two that begin alike, the longer one comes first.
    pub const ALL: [(&'static str, Operator); 12] = [
        ("||", Operator::Or),
        ("&&", Operator::And),
        ("==", Operator::Equal),
        ("!=", Operator::NotEqual),
        ("<=", Operator::LessOrEqual),
        ("<", Operator::Less),
        (">=", Operator::GreaterOrEqual),
        (">", Operator::Greater),
        ("+", Operator::Add),
        ("-", Operator::Subtract),
        ("*", Operator::Multiply),
        ("/", Operator::Divide),
    ];

    /// How strongly it binds; 1 is weakest.
    pub const fn binding(self) -> u8 {
        match self {
            Operator::Or => 1,
            Operator::And => 2,
            Operator::Equal
            | Operator::NotEqual
            | Operator::Less
            | Operator::LessOrEqual
            | Operator::Greater
            | Operator::GreaterOrEqual => Operator::COMPARISON,
            Operator::Add | Operator::Subtract => 4,
            Operator::Multiply | Operator::Divide => 5,
        }
    }

    /// The binding of comparisons, `in` among them.
    pub const COMPARISON: u8 = 3;

    /// The spelling.
    pub fn symbol(self) -> &'static str {
        Operator::ALL
            .iter()
            .find(|(_, operator)| *operator == self)
            .map_or("", |(symbol, _)| symbol)
    }
}

/// A function of the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Function {
    /// The field is there and has a value.
    Has,
    /// The number on the wire.
    Raw,
    /// The magnitude.
    Abs,
    /// The sum of the arguments.
    Sum,
    /// The largest argument.
    Max,
    /// The smallest argument.
    Min,
    /// How many of the arguments have a value.
    Count,
}

impl Function {
    /// All functions with their names.
    pub const ALL: [(&'static str, Function); 7] = [
        ("has", Function::Has),
        ("raw", Function::Raw),
        ("abs", Function::Abs),
        ("sum", Function::Sum),
        ("max", Function::Max),
        ("min", Function::Min),
        ("count", Function::Count),
    ];

    /// The name.
    pub fn name(self) -> &'static str {
        Function::ALL
            .iter()
            .find(|(_, function)| *function == self)
            .map_or("", |(name, _)| name)
    }

    /// The function of this name.
    pub fn from_name(name: &str) -> Option<Function> {
        Function::ALL
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, function)| *function)
    }
}

/// The name by which a rule refers to a field.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FieldName {
    /// A field by name, perhaps of a named message.
    Field {
        /// The message, if it is named.
        message: Option<MessageName>,
        /// The field.
        name: String,
    },
    /// A register by its address; only `raw` reads it.
    Address(u32),
}

impl FieldName {
    /// A field by its name alone.
    pub fn plain(name: impl Into<String>) -> FieldName {
        FieldName::Field {
            message: None,
            name: name.into(),
        }
    }
}

impl fmt::Display for FieldName {
    /// As written in a rule.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FieldName::Field { message: None, name } => f.pad(name),
            FieldName::Field {
                message: Some(message),
                name,
            } => f.pad(&format!("{message}.{name}")),
            FieldName::Address(address) => f.pad(&format!("0x{address:X}")),
        }
    }
}

/// The name by which a rule refers to a message.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MessageName {
    /// Its identifier or command: `0x351`.
    Code(u32),
    /// Its name: `measurements`.
    Name(String),
}

impl fmt::Display for MessageName {
    /// As written in a rule.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MessageName::Code(code) => f.pad(&format!("0x{code:X}")),
            MessageName::Name(name) => f.pad(name),
        }
    }
}
