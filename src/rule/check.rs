//! Names, types and units of a rule; its tree as a [`Program`].

use std::ops::Range;

use super::error::{RuleError, RuleErrorKind, nearest};
use super::evaluate::{Index, Item, Op, Program, Slot, Tolerance};
use super::syntax::{Expr, FieldName, Function, MessageName, Node, Operator, Rule};
use super::types::{Found, Shape, Type, first_unit};
use crate::value::{Dimension, Quantity, Unit};

/// The fields that a rule may read.
pub trait Scope {
    /// What the field of this name holds; `None` when there is none, or the name does not tell which.
    fn resolve(&self, name: &FieldName) -> Option<Type>;

    /// The names of all fields, for runs (`cell_voltage_*`) and for suggestions.
    fn names(&self) -> Vec<FieldName>;
}

/// How a rule is to be read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// What its result must be.
    pub expects: Expects,
    /// How far apart two quantities may be that `==` calls equal and `!=` does not call different. A percentage is of
    /// the magnitude of the second operand, unless percentages are compared.
    pub tolerance: Option<Quantity>,
}

/// What the result of a rule must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expects {
    /// A condition: [`Program::evaluate`].
    #[default]
    Condition,
    /// A bare number: how often something is repeated, how long it is.
    Count,
    /// Anything, for derived fields: [`Program::compute`].
    Anything,
}

impl Rule {
    /// Checks a condition against the fields that there are, and makes it ready to be evaluated.
    ///
    /// # Errors
    /// All mistakes, in the order of the text.
    pub fn compile(&self, scope: &dyn Scope) -> Result<Program, Vec<RuleError>> {
        self.compile_with(scope, Options::default())
    }

    /// As [`Rule::compile`], with a tolerance, or for a result that is no condition.
    ///
    /// # Errors
    /// All mistakes, in the order of the text.
    pub fn compile_with(&self, scope: &dyn Scope, options: Options) -> Result<Program, Vec<RuleError>> {
        let mut compiler = Compiler {
            scope,
            tolerance: options.tolerance,
            tolerance_used: false,
            errors: Vec::new(),
            program: Program {
                nodes: Vec::new(),
                items: Vec::new(),
                texts: Vec::new(),
                reads: Vec::new(),
                dimensions: Vec::new(),
                root: 0,
                unit: Unit::None,
            },
        };
        match options.expects {
            Expects::Condition => compiler.program.root = compiler.condition(&self.root),
            Expects::Count => compiler.program.root = compiler.count(&self.root),
            Expects::Anything => {
                let (root, found) = compiler.lower(&self.root);
                compiler.program.root = root;
                if let Found::Number(shape) = found {
                    compiler.program.unit = shape.unit().unwrap_or(Unit::None);
                }
            }
        }
        if let Some(tolerance) = options.tolerance
            && !compiler.tolerance_used
            && compiler.errors.is_empty()
        {
            let tolerance = tolerance.to_string();
            compiler.error(&self.root.span, RuleErrorKind::UnusedTolerance { tolerance });
        }
        if compiler.errors.is_empty() {
            return Ok(compiler.program);
        }
        compiler.errors.sort_by_key(|error| (error.span.start, error.span.end));
        Err(compiler.errors)
    }
}

struct Compiler<'s> {
    scope: &'s dyn Scope,
    tolerance: Option<Quantity>,
    tolerance_used: bool,
    errors: Vec<RuleError>,
    program: Program,
}

/// A part of the program and what it is.
type Lowered = (Index, Found);

impl Compiler<'_> {
    fn error(&mut self, span: &Range<usize>, kind: RuleErrorKind) {
        self.errors.push(RuleError {
            span: span.clone(),
            kind,
        });
    }

    fn op(&mut self, op: Op) -> Index {
        self.program.nodes.push(op);
        (self.program.nodes.len() - 1) as Index
    }

    /// What stands in the program for a part that is wrong; it is never evaluated.
    fn wrong(&mut self) -> Lowered {
        (self.op(Op::Flag(false)), Found::Unknown)
    }

    fn lower(&mut self, expr: &Expr) -> Lowered {
        match &expr.node {
            Node::Number(quantity) => self.literal(&expr.span, *quantity),
            Node::Flag(flag) => (self.op(Op::Flag(*flag)), Found::Flag),
            Node::Text(text) => {
                let index = self.program.texts.len() as Index;
                self.program.texts.push(text.clone());
                (self.op(Op::Text(index)), Found::Name(text.clone()))
            }
            Node::Field(name) => match self.read(&expr.span, name) {
                Some((slot, known)) => (self.op(Op::Read(slot)), Found::from(known)),
                None => self.wrong(),
            },
            Node::Run { message, before, after } => {
                let name = run_text(message.as_ref(), before, after);
                self.error(&expr.span, RuleErrorKind::RunOutsideFunction { name });
                self.wrong()
            }
            Node::Not(operand) => {
                let operand = self.condition(operand);
                (self.op(Op::Not(operand)), Found::Flag)
            }
            Node::Negate(operand) => {
                let (operand, shape) = self.number(operand);
                (self.op(Op::Negate(operand)), shape)
            }
            Node::Binary { operator, left, right } => self.binary(*operator, left, right),
            Node::In { value, low, high } => {
                let (index, shape) = self.number(value);
                let (low_index, low_shape) = self.number(low);
                let (high_index, high_shape) = self.number(high);
                self.same_shape(&shape, (low, &low_shape));
                self.same_shape(&shape, (high, &high_shape));
                (self.op(Op::In(index, low_index, high_index)), Found::Flag)
            }
            Node::Conditional {
                condition,
                then,
                otherwise,
            } => {
                let condition = self.condition(condition);
                let (then_index, then_found) = self.lower(then);
                let (otherwise_index, otherwise_found) = self.lower(otherwise);
                let found = self.either(then_found, (otherwise, otherwise_found));
                (self.op(Op::Conditional(condition, then_index, otherwise_index)), found)
            }
            Node::Call { function, arguments } => self.call(expr, *function, arguments),
        }
    }

    fn literal(&mut self, span: &Range<usize>, quantity: Quantity) -> Lowered {
        let dimension = quantity.unit.dimension();
        match quantity.to_unit(first_unit(dimension)) {
            Some(quantity) => (
                self.op(Op::Number(quantity.number)),
                Found::Number(Shape::of(dimension)),
            ),
            None => {
                self.error(span, RuleErrorKind::NumberTooLong);
                self.wrong()
            }
        }
    }

    /// The slot of a name.
    fn read(&mut self, span: &Range<usize>, name: &FieldName) -> Option<(Slot, Type)> {
        let Some(known) = self.scope.resolve(name) else {
            let names: Vec<String> = self.scope.names().iter().map(FieldName::to_string).collect();
            let nearest = nearest(&name.to_string(), names.iter().map(String::as_str));
            self.error(
                span,
                RuleErrorKind::UnknownField {
                    name: name.clone(),
                    nearest,
                },
            );
            return None;
        };
        let place = self
            .program
            .reads
            .iter()
            .position(|read| read == name)
            .unwrap_or_else(|| {
                self.program.reads.push(name.clone());
                self.program.dimensions.push(match known {
                    Type::Quantity(dimension) => Some(dimension),
                    _ => None,
                });
                self.program.reads.len() - 1
            });
        Some((Slot(place), known))
    }

    /// A part that must be a condition.
    fn condition(&mut self, expr: &Expr) -> Index {
        let (index, found) = self.lower(expr);
        match found {
            Found::Flag => index,
            Found::Pair | Found::Unknown => self.op(Op::IsTrue(index)),
            is => {
                let help = match &is {
                    Found::Number(_) => Some("compare it with a quantity".to_owned()),
                    Found::State(_) | Found::Text => Some("compare it with a name in quotes".to_owned()),
                    _ => None,
                };
                let (is, needed) = (is.to_string(), "a condition".to_owned());
                self.error(&expr.span, RuleErrorKind::WrongType { is, needed, help });
                index
            }
        }
    }

    /// A part that must be a number.
    fn number(&mut self, expr: &Expr) -> Lowered {
        let (index, found) = self.lower(expr);
        if matches!(found, Found::Number(_) | Found::Unknown) {
            return (index, found);
        }
        let help = matches!(found, Found::State(_) | Found::Pair).then(|| "`raw(...)` gives its code".to_owned());
        let (is, needed) = (found.to_string(), "a number".to_owned());
        self.error(&expr.span, RuleErrorKind::WrongType { is, needed, help });
        (index, Found::Unknown)
    }

    /// A part that must be a bare number.
    fn count(&mut self, expr: &Expr) -> Index {
        let (index, found) = self.number(expr);
        if let Found::Number(shape) = &found
            && !shape.is_count()
        {
            let (is, needed) = (found.to_string(), "a bare number".to_owned());
            self.error(&expr.span, RuleErrorKind::WrongType { is, needed, help: None });
        }
        index
    }

    fn binary(&mut self, operator: Operator, left: &Expr, right: &Expr) -> Lowered {
        match operator {
            Operator::And | Operator::Or => {
                let (left, right) = (self.condition(left), self.condition(right));
                let op = if operator == Operator::And {
                    Op::And(left, right)
                } else {
                    Op::Or(left, right)
                };
                (self.op(op), Found::Flag)
            }
            Operator::Equal | Operator::NotEqual => self.equality(operator, left, right),
            Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual => {
                let (left, left_found) = self.number(left);
                let (right_index, right_found) = self.number(right);
                self.same_shape(&left_found, (right, &right_found));
                (
                    self.op(Op::Compare(operator, left, right_index, Tolerance::None)),
                    Found::Flag,
                )
            }
            Operator::Add | Operator::Subtract => {
                let (left, left_found) = self.number(left);
                let (right_index, right_found) = self.number(right);
                self.same_shape(&left_found, (right, &right_found));
                let found = if left_found == Found::Unknown {
                    right_found
                } else {
                    left_found
                };
                (self.op(Op::Arithmetic(operator, left, right_index)), found)
            }
            Operator::Multiply | Operator::Divide => {
                let (left, left_found) = self.number(left);
                let (right, right_found) = self.number(right);
                let power = if operator == Operator::Multiply { 1 } else { -1 };
                let found = match (left_found, right_found) {
                    (Found::Number(left), Found::Number(right)) => Found::Number(left.times(&right, power)),
                    _ => Found::Unknown,
                };
                (self.op(Op::Arithmetic(operator, left, right)), found)
            }
        }
    }

    /// `==` and `!=`: of two numbers, flags, texts or states, or of a state and its name or code.
    fn equality(&mut self, operator: Operator, left: &Expr, right: &Expr) -> Lowered {
        let (left_index, left_found) = self.lower(left);
        let (right_index, right_found) = self.lower(right);
        let mut tolerance = Tolerance::None;
        match (&left_found, &right_found) {
            (Found::Number(left), Found::Number(shape)) if left == shape => tolerance = self.tolerance_of(shape),
            (Found::State(states), Found::Name(name)) => self.state(states, &right.span, name),
            (Found::Name(name), Found::State(states)) => self.state(states, &left.span, name),
            (Found::Pair, Found::Name(name)) => self.state(&pair_states(), &right.span, name),
            (Found::Name(name), Found::Pair) => self.state(&pair_states(), &left.span, name),
            (Found::State(_) | Found::Pair, Found::Number(shape))
            | (Found::Number(shape), Found::State(_) | Found::Pair)
                if shape.is_count() => {}
            (Found::Flag | Found::Pair, Found::Flag | Found::Pair)
            | (Found::Text | Found::Name(_), Found::Text | Found::Name(_))
            | (Found::State(_), Found::State(_))
            | (Found::Unknown, _)
            | (_, Found::Unknown) => {}
            _ => self.mismatch(&left_found, (right, &right_found)),
        }
        (
            self.op(Op::Compare(operator, left_index, right_index, tolerance)),
            Found::Flag,
        )
    }

    fn tolerance_of(&mut self, shape: &Shape) -> Tolerance {
        let Some(tolerance) = self.tolerance else {
            return Tolerance::None;
        };
        let dimension = tolerance.unit.dimension();
        let base = tolerance
            .to_unit(first_unit(dimension))
            .map(|tolerance| tolerance.number);
        let found = match base {
            Some(number) if *shape == Shape::of(dimension) => Tolerance::Absolute(number),
            Some(number) if dimension == Dimension::Percentage => Tolerance::Relative(number),
            _ => return Tolerance::None,
        };
        self.tolerance_used = true;
        found
    }

    fn state(&mut self, states: &[String], span: &Range<usize>, name: &str) {
        if states.is_empty() || states.iter().any(|state| state == name) {
            return;
        }
        let mut nearest = nearest(name, states.iter().map(String::as_str));
        if nearest.is_empty() {
            nearest = states.to_vec();
        }
        self.error(
            span,
            RuleErrorKind::UnknownState {
                name: name.to_owned(),
                nearest,
            },
        );
    }

    fn same_shape(&mut self, left: &Found, right: (&Expr, &Found)) {
        if let (Found::Number(left_shape), Found::Number(right_shape)) = (left, right.1)
            && left_shape != right_shape
        {
            self.mismatch(left, right);
        }
    }

    fn mismatch(&mut self, left: &Found, (expr, right): (&Expr, &Found)) {
        let help = match (&expr.node, left) {
            (
                Node::Number(Quantity {
                    number,
                    unit: Unit::None,
                }),
                Found::Number(shape),
            ) => shape
                .unit()
                .filter(|unit| *unit != Unit::None)
                .map(|unit| format!("write `{}`", Quantity::new(*number, unit))),
            _ => None,
        };
        let kind = RuleErrorKind::Mismatch {
            left: left.to_string(),
            right: right.to_string(),
            help,
        };
        self.error(&expr.span, kind);
    }

    /// What both branches of a conditional are.
    fn either(&mut self, then: Found, (expr, otherwise): (&Expr, Found)) -> Found {
        let flag = |found: &Found| matches!(found, Found::Flag | Found::Pair);
        let text = |found: &Found| matches!(found, Found::Text | Found::Name(_));
        match (then, otherwise) {
            (Found::Unknown, other) | (other, Found::Unknown) => other,
            (then, otherwise) if then == otherwise => then,
            (then, otherwise) if flag(&then) && flag(&otherwise) => Found::Unknown,
            (then, otherwise) if text(&then) && text(&otherwise) => Found::Text,
            (Found::State(_), Found::State(_)) => Found::State(Vec::new()),
            (then, otherwise) => {
                self.mismatch(&then, (expr, &otherwise));
                Found::Unknown
            }
        }
    }

    fn call(&mut self, expr: &Expr, function: Function, arguments: &[Expr]) -> Lowered {
        let takes = match function {
            Function::Has => "one field",
            Function::Raw => "one field, or the address of a register",
            Function::Abs => "one number",
            Function::Sum | Function::Max | Function::Min => "numbers, or runs of fields",
            Function::Count => "fields, or runs of fields",
        };
        match (function, arguments) {
            (
                Function::Has | Function::Raw,
                [
                    Expr {
                        span,
                        node: Node::Field(name),
                        ..
                    },
                ],
            ) => {
                let Some((slot, _)) = self.read(span, name) else {
                    return self.wrong();
                };
                self.slot_call(function, slot)
            }
            (
                Function::Raw,
                [
                    Expr {
                        span,
                        node:
                            Node::Number(Quantity {
                                number,
                                unit: Unit::None,
                            }),
                        ..
                    },
                ],
            ) => {
                let address = number.as_integer().and_then(|address| u32::try_from(address).ok());
                let Some(address) = address else {
                    self.error(span, RuleErrorKind::WrongArguments { function, takes });
                    return self.wrong();
                };
                let Some((slot, _)) = self.read(span, &FieldName::Address(address)) else {
                    return self.wrong();
                };
                self.slot_call(function, slot)
            }
            (Function::Abs, [argument]) => {
                let (argument, found) = self.number(argument);
                (self.op(Op::Abs(argument)), found)
            }
            (Function::Sum | Function::Max | Function::Min | Function::Count, [_, ..]) => {
                self.aggregate(function, arguments)
            }
            _ => {
                self.error(&expr.span, RuleErrorKind::WrongArguments { function, takes });
                self.wrong()
            }
        }
    }

    fn slot_call(&mut self, function: Function, slot: Slot) -> Lowered {
        if function == Function::Has {
            (self.op(Op::Has(slot)), Found::Flag)
        } else {
            (self.op(Op::Raw(slot)), Found::Number(Shape::default()))
        }
    }

    fn aggregate(&mut self, function: Function, arguments: &[Expr]) -> Lowered {
        let mut items = Vec::new();
        let mut whole = Found::Unknown;
        for argument in arguments {
            let lowered = if let Node::Run { message, before, after } = &argument.node {
                self.run(&argument.span, message.as_ref(), before, after)
            } else {
                vec![self.lower(argument)]
            };
            let may_be_absent = matches!(argument.node, Node::Run { .. });
            for (node, found) in lowered {
                items.push(Item { node, may_be_absent });
                if function == Function::Count {
                    continue;
                }
                match (&whole, &found) {
                    (_, Found::Unknown) => {}
                    (Found::Unknown, Found::Number(_)) => whole = found,
                    (Found::Number(whole), Found::Number(shape)) if whole == shape => {}
                    (Found::Number(_), Found::Number(_)) => self.mismatch(&whole, (argument, &found)),
                    _ => {
                        let (is, needed) = (found.to_string(), "a number".to_owned());
                        self.error(&argument.span, RuleErrorKind::WrongType { is, needed, help: None });
                    }
                }
            }
        }
        let start = self.program.items.len() as Index;
        self.program.items.extend(items);
        let end = self.program.items.len() as Index;
        let found = if function == Function::Count {
            Found::Number(Shape::default())
        } else {
            whole
        };
        (self.op(Op::Aggregate(function, start, end)), found)
    }

    /// The fields of a run, in the order of their numbers.
    fn run(&mut self, span: &Range<usize>, message: Option<&MessageName>, before: &str, after: &str) -> Vec<Lowered> {
        let names = self.scope.names();
        let mut found: Vec<(u64, FieldName)> = names
            .iter()
            .filter_map(|known| {
                let FieldName::Field {
                    message: known_message,
                    name,
                } = known
                else {
                    return None;
                };
                if message.is_some() && known_message.as_ref() != message {
                    return None;
                }
                let number = name.strip_prefix(before)?.strip_suffix(after)?;
                let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
                let number = is_number.then(|| number.parse().ok()).flatten()?;
                Some((
                    number,
                    FieldName::Field {
                        message: message.cloned(),
                        name: name.clone(),
                    },
                ))
            })
            .collect();
        found.sort();
        found.dedup();
        if found.is_empty() {
            let name = run_text(message, before, after);
            let names: Vec<String> = names.iter().map(|name| name.to_string()).collect();
            let nearest = nearest(&name, names.iter().map(String::as_str));
            self.error(span, RuleErrorKind::EmptyRun { name, nearest });
        }
        let mut lowered = Vec::new();
        for (_, name) in found {
            lowered.push(match self.read(span, &name) {
                Some((slot, known)) => (self.op(Op::Read(slot)), Found::from(known)),
                None => self.wrong(),
            });
        }
        lowered
    }
}

fn run_text(message: Option<&MessageName>, before: &str, after: &str) -> String {
    let message = message.map_or_else(String::new, |message| format!("{message}."));
    format!("{message}{before}*{after}")
}

/// The states of a pair of bits (vocabulary of the protocol library, section 3.1).
fn pair_states() -> Vec<String> {
    ["not_supported", "active", "inactive", "invalid"]
        .map(str::to_owned)
        .to_vec()
}
