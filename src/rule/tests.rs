//! Rules from text to outcome, over a small set of fields.

use proptest::prelude::*;

use super::{
    Computed, Expects, FieldName, MessageName, Options, Outcome, Program, RuleError, Scope, Slot, Type, Undefined,
    Value, Values, parse,
};
use crate::value::{Dimension, Number, Quantity, Unit};

/// A field, what it holds, its value and its number on the wire.
type Field = (&'static str, Type, Option<Value<'static>>, i128);

struct Fields(Vec<Field>);

fn quantity(text: &str) -> Option<Value<'static>> {
    Some(Value::Quantity(text.parse().expect(text)))
}

fn state(name: Option<&'static str>, raw: i64) -> Option<Value<'static>> {
    Some(Value::State { name, raw })
}

fn fields() -> Fields {
    let run_states = || {
        Type::State(vec![
            "standby".to_owned(),
            "charging".to_owned(),
            "discharging".to_owned(),
        ])
    };
    Fields(vec![
        ("charge_enable", Type::Flag, Some(Value::Flag(true)), 1),
        ("discharge_enable", Type::Flag, Some(Value::Flag(false)), 0),
        ("missing_flag", Type::Flag, None, 0),
        (
            "charge_current_limit",
            Type::Quantity(Dimension::Current),
            quantity("20.0 A"),
            200,
        ),
        (
            "charge_voltage_limit",
            Type::Quantity(Dimension::Voltage),
            quantity("57.6 V"),
            576,
        ),
        (
            "pack_voltage",
            Type::Quantity(Dimension::Voltage),
            quantity("10.005 V"),
            10005,
        ),
        (
            "cell_voltage_1",
            Type::Quantity(Dimension::Voltage),
            quantity("3330 mV"),
            3330,
        ),
        (
            "cell_voltage_10",
            Type::Quantity(Dimension::Voltage),
            quantity("3335 mV"),
            3335,
        ),
        (
            "cell_voltage_2",
            Type::Quantity(Dimension::Voltage),
            quantity("3340 mV"),
            3340,
        ),
        (
            "cell_voltage_11",
            Type::Quantity(Dimension::Voltage),
            Some(Value::Absent),
            0xFFFF,
        ),
        (
            "cell_voltage_delta",
            Type::Quantity(Dimension::Voltage),
            quantity("9 mV"),
            9,
        ),
        (
            "temperature_1",
            Type::Quantity(Dimension::Temperature),
            Some(Value::Absent),
            0xF830,
        ),
        ("far_1", Type::Quantity(Dimension::Voltage), quantity("1 V"), 1),
        ("far_2", Type::Quantity(Dimension::Voltage), None, 0),
        ("soc", Type::Quantity(Dimension::Percentage), quantity("50 %"), 50),
        (
            "remaining_capacity",
            Type::Quantity(Dimension::Charge),
            quantity("140.00 Ah"),
            14000,
        ),
        (
            "full_capacity",
            Type::Quantity(Dimension::Charge),
            quantity("280000 mAh"),
            280_000,
        ),
        ("user_defined_items", Type::Quantity(Dimension::Count), quantity("4"), 4),
        ("run_state", run_states(), state(Some("standby"), 0), 0),
        ("odd_state", run_states(), state(None, 7), 7),
        ("high_voltage", Type::Pair, state(Some("active"), 1), 1),
        ("low_voltage", Type::Pair, state(Some("inactive"), 2), 2),
        ("manufacturer", Type::Text, Some(Value::Text("PYLON")), 0),
        ("anything", Type::Unknown, quantity("5 V"), 5),
        (
            "mistyped",
            Type::Quantity(Dimension::Voltage),
            Some(Value::Flag(true)),
            1,
        ),
        ("amperes", Type::Quantity(Dimension::Voltage), quantity("5 A"), 5),
        (
            "huge",
            Type::Quantity(Dimension::Count),
            Some(Value::Quantity(Quantity::new(HUGE, Unit::None))),
            i128::MAX,
        ),
        ("0x351.soc", Type::Quantity(Dimension::Percentage), quantity("51 %"), 51),
        (
            "measurements.soc",
            Type::Quantity(Dimension::Percentage),
            quantity("52 %"),
            52,
        ),
        ("0x70", Type::Unknown, None, 3300),
    ])
}

const HUGE: Number = match Number::ratio(i128::MAX, 1) {
    Some(number) => number,
    None => Number::ZERO,
};

impl Fields {
    fn find(&self, name: &FieldName) -> Option<&Field> {
        self.0.iter().find(|field| field.0 == name.to_string())
    }
}

impl Scope for Fields {
    fn resolve(&self, name: &FieldName) -> Option<Type> {
        self.find(name).map(|field| field.1.clone())
    }

    fn names(&self) -> Vec<FieldName> {
        let name = |text: &str| match text.split_once('.') {
            None => FieldName::plain(text),
            Some((message, name)) => {
                let message = match message.strip_prefix("0x") {
                    Some(code) => MessageName::Code(u32::from_str_radix(code, 16).unwrap()),
                    None => MessageName::Name(message.to_owned()),
                };
                FieldName::Field {
                    message: Some(message),
                    name: name.to_owned(),
                }
            }
        };
        self.0
            .iter()
            .filter(|field| field.0 != "0x70")
            .map(|field| name(field.0))
            .collect()
    }
}

/// The values that a program reads of the fields.
struct Read<'f>(&'f Fields, &'f Program);

impl Values for Read<'_> {
    fn value(&self, slot: Slot) -> Option<Value<'_>> {
        self.0.find(&self.1.reads()[slot.0])?.2
    }

    fn raw(&self, slot: Slot) -> Option<i128> {
        let field = self.0.find(&self.1.reads()[slot.0])?;
        (field.2.is_some() || field.0 == "0x70").then_some(field.3)
    }
}

fn compiled(text: &str, options: Options) -> Program {
    let rule = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    rule.compile_with(&fields(), options)
        .unwrap_or_else(|errors| panic!("{text}: {errors:?}"))
}

fn outcome_with(text: &str, tolerance: Option<&str>) -> Outcome {
    let tolerance = tolerance.map(|tolerance| tolerance.parse().unwrap());
    let program = compiled(
        text,
        Options {
            tolerance,
            ..Options::default()
        },
    );
    program.evaluate(&Read(&fields(), &program))
}

fn outcome(text: &str) -> Outcome {
    outcome_with(text, None)
}

/// The outcome in words, with the field that is to blame.
fn told(text: &str) -> String {
    let program = compiled(text, Options::default());
    match program.evaluate(&Read(&fields(), &program)) {
        Outcome::Undefined(why) => program.describe(why),
        other => format!("{other:?}"),
    }
}

fn computed(text: &str) -> Computed {
    let program = compiled(
        text,
        Options {
            expects: Expects::Anything,
            ..Options::default()
        },
    );
    program.compute(&Read(&fields(), &program)).unwrap()
}

fn mistakes_with(text: &str, options: Options) -> Vec<(&str, String)> {
    let errors = parse(text).unwrap().compile_with(&fields(), options).expect_err(text);
    errors
        .into_iter()
        .map(|error| (&text[error.span.clone()], said(&error)))
        .collect()
}

fn mistakes(text: &str) -> Vec<(&str, String)> {
    mistakes_with(text, Options::default())
}

fn said(error: &RuleError) -> String {
    error
        .help()
        .map_or_else(|| error.to_string(), |help| format!("{error}; {help}"))
}

#[test]
fn comparisons_are_exact_and_know_units() {
    for text in [
        "charge_voltage_limit == 57.6 V",
        "charge_voltage_limit == 57600 mV",
        "cell_voltage_1 == 3.33 V",
        "cell_voltage_1 < cell_voltage_2",
        "cell_voltage_1 != 3.3300001 V",
        "charge_current_limit > 0 A && charge_current_limit <= 20 A",
        "soc in 0..100 %",
        "soc in 50..50 %",
        "!(soc in 51..100 %)",
        "charge_voltage_limit in 40..60 V",
        "0.1 V + 0.2 V == 0.3 V",
        "1 / 3 + 1 / 3 + 1 / 3 == 1",
        "5 min == 300 s",
        "-cell_voltage_1 < 0 V",
        "abs(cell_voltage_1 - cell_voltage_2) == 10 mV",
        "abs(cell_voltage_2 - cell_voltage_1) == 10 mV",
    ] {
        assert_eq!(outcome(text), Outcome::True, "{text}");
        assert_eq!(outcome(&format!("!({text})")), Outcome::False, "{text}");
    }
}

#[test]
fn products_carry_their_units() {
    for text in [
        "soc * full_capacity == 100 % * remaining_capacity",
        "remaining_capacity / full_capacity == 0.5",
        "57.6 V * 20 A == 1152 W",
        "2 * charge_current_limit == 40 A",
        "charge_voltage_limit / 16 == 3.6 V",
        "1152 W / 20 A == 57.6 V",
        "1152 W / 20 A / 1 V == 57.6",
    ] {
        assert_eq!(outcome(text), Outcome::True, "{text}");
    }
}

#[test]
fn logic_decides_as_soon_as_it_can() {
    for (text, outcome) in [
        ("charge_enable", "True"),
        ("!charge_enable", "False"),
        ("missing_flag", "`missing_flag` has not come"),
        ("!missing_flag", "`missing_flag` has not come"),
        ("discharge_enable && missing_flag", "False"),
        ("missing_flag && discharge_enable", "False"),
        ("charge_enable && missing_flag", "`missing_flag` has not come"),
        ("charge_enable || missing_flag", "True"),
        ("missing_flag || charge_enable", "True"),
        ("missing_flag || discharge_enable", "`missing_flag` has not come"),
        ("missing_flag && temperature_1 > 0 degC", "`missing_flag` has not come"),
        ("temperature_1 > 0 degC", "`temperature_1` is not available"),
        ("0 degC < temperature_1", "`temperature_1` is not available"),
        ("charge_enable ? true : missing_flag", "True"),
        ("discharge_enable ? missing_flag : true", "True"),
        ("missing_flag ? true : true", "`missing_flag` has not come"),
        ("has(missing_flag)", "False"),
        ("has(temperature_1)", "False"),
        ("has(soc)", "True"),
        ("has(missing_flag) && missing_flag", "False"),
        ("!has(temperature_1) || temperature_1 > 0 degC", "True"),
        ("mistyped > 1 V", "`mistyped` is of another type than the rule expects"),
        ("amperes > 1 V", "`amperes` is of another type than the rule expects"),
        ("anything", "`anything` is of another type than the rule expects"),
        ("anything == 5 V", "True"),
        ("5 V == anything", "True"),
        ("anything + 1 V == 6 V", "True"),
        ("soc / (soc - 50 %) > 1", "division by zero"),
        ("huge + huge > 0", "Overflow"),
        ("huge * huge > 0", "Overflow"),
        ("0 - huge - huge - huge < 0", "Overflow"),
        ("huge > 0", "True"),
        ("charge_enable || huge + huge > 0", "True"),
        ("huge + huge > 0 || charge_enable", "True"),
    ] {
        assert_eq!(told(text), outcome, "{text}");
    }
}

#[test]
fn states_are_compared_by_name_or_code() {
    for (text, expected) in [
        ("run_state == \"standby\"", Outcome::True),
        ("\"standby\" == run_state", Outcome::True),
        ("run_state != 'charging'", Outcome::True),
        ("run_state == 0x00", Outcome::True),
        ("odd_state == 'standby'", Outcome::False),
        ("odd_state != 'standby'", Outcome::True),
        ("odd_state == 7", Outcome::True),
        ("run_state == odd_state", Outcome::False),
        ("run_state == run_state", Outcome::True),
        ("high_voltage", Outcome::True),
        ("!high_voltage", Outcome::False),
        ("low_voltage", Outcome::False),
        ("high_voltage == true", Outcome::True),
        ("high_voltage == charge_enable", Outcome::True),
        ("low_voltage == 'inactive'", Outcome::True),
        ("low_voltage == 2", Outcome::True),
        ("charge_enable != discharge_enable", Outcome::True),
        ("manufacturer == 'PYLON'", Outcome::True),
        ("manufacturer != 'PYLON   '", Outcome::True),
    ] {
        assert_eq!(outcome(text), expected, "{text}");
    }
}

#[test]
fn runs_take_the_fields_with_a_number_in_their_place() {
    assert_eq!(outcome("sum(cell_voltage_*) == pack_voltage"), Outcome::True);
    assert_eq!(
        outcome("max(cell_voltage_*) - min(cell_voltage_*) == 10 mV"),
        Outcome::True
    );
    assert_eq!(outcome("count(cell_voltage_*) == 3"), Outcome::True);
    assert_eq!(outcome("max(cell_voltage_*, 5 V) == 5 V"), Outcome::True);
    assert_eq!(outcome("count(temperature_*) == 0"), Outcome::True);
    assert_eq!(told("sum(temperature_*) > 0 degC"), "`temperature_1` is not available");
    assert_eq!(told("sum(far_*) > 0 V"), "`far_2` has not come");
    assert_eq!(told("count(far_*) == 1"), "`far_2` has not come");
    assert_eq!(
        told("max(cell_voltage_11, 1 V) > 0 V"),
        "`cell_voltage_11` is not available"
    );
    let program = compiled("sum(cell_voltage_*) > cell_voltage_2", Options::default());
    let names: Vec<String> = program.reads().iter().map(FieldName::to_string).collect();
    assert_eq!(
        names,
        ["cell_voltage_1", "cell_voltage_2", "cell_voltage_10", "cell_voltage_11"]
    );
}

#[test]
fn raw_numbers_are_those_on_the_wire() {
    assert_eq!(outcome("raw(charge_voltage_limit) == 576"), Outcome::True);
    assert_eq!(outcome("raw(temperature_1) == 0xF830"), Outcome::True);
    assert_eq!(outcome("raw(0x70) in 1000..5000 && raw(soc) == 50"), Outcome::True);
    assert_eq!(told("raw(missing_flag) == 0"), "`missing_flag` has not come");
}

#[test]
fn names_of_messages_tell_fields_apart() {
    assert_eq!(
        outcome("soc == 50 % && 0x351.soc == 51 % && measurements.soc == 52 %"),
        Outcome::True
    );
}

#[test]
fn a_tolerance_widens_equality_and_nothing_else() {
    assert_eq!(
        outcome_with("cell_voltage_1 == cell_voltage_2", Some("9 mV")),
        Outcome::False
    );
    assert_eq!(
        outcome_with("cell_voltage_1 == cell_voltage_2", Some("10 mV")),
        Outcome::True
    );
    assert_eq!(
        outcome_with("cell_voltage_2 == cell_voltage_1", Some("0.01 V")),
        Outcome::True
    );
    assert_eq!(
        outcome_with("cell_voltage_1 != cell_voltage_2", Some("10 mV")),
        Outcome::False
    );
    assert_eq!(
        outcome_with("cell_voltage_1 < cell_voltage_2 && soc == 50 %", Some("1 %")),
        Outcome::True
    );
    assert_eq!(outcome_with("soc == 51 %", Some("1 %")), Outcome::True);
    // Of the second operand: 0.3 % of 3.340 V are 10.02 mV.
    assert_eq!(
        outcome_with("cell_voltage_1 == cell_voltage_2", Some("0.3 %")),
        Outcome::True
    );
    assert_eq!(
        outcome_with("cell_voltage_1 == cell_voltage_2", Some("0.29 %")),
        Outcome::False
    );
    assert_eq!(
        outcome_with("-cell_voltage_1 == -cell_voltage_2", Some("0.3 %")),
        Outcome::True
    );
    let options = Options {
        tolerance: Some("1 A".parse().unwrap()),
        ..Options::default()
    };
    assert_eq!(
        mistakes_with("soc == 50 %", options),
        [(
            "soc == 50 %",
            "the tolerance 1 A applies to no `==` or `!=` of this rule".to_owned()
        )]
    );
}

#[test]
fn values_of_any_type_can_be_computed() {
    let text = "user_defined_items == 4 ? remaining_capacity : full_capacity";
    assert_eq!(computed(text), Computed::Quantity("140 Ah".parse().unwrap()));
    assert_eq!(
        computed("cell_voltage_1 * 2"),
        Computed::Quantity("6.66 V".parse().unwrap())
    );
    assert_eq!(computed("run_state"), Computed::State(Some("standby".to_owned()), 0));
    assert_eq!(computed("charge_enable ? 'a' : 'b'"), Computed::Text("a".to_owned()));
    assert_eq!(computed("soc > 0 %"), Computed::Flag(true));
    let options = Options {
        expects: Expects::Count,
        ..Options::default()
    };
    let program = compiled("user_defined_items * 2 - 1", options);
    assert_eq!(
        program.compute(&Read(&fields(), &program)),
        Ok(Computed::Quantity("7".parse().unwrap()))
    );
    assert_eq!(
        mistakes_with("soc", options),
        [("soc", "this is a percentage, not a bare number".to_owned())]
    );
    let program = compiled(
        "missing_flag",
        Options {
            expects: Expects::Anything,
            ..Options::default()
        },
    );
    let undefined = Err(Outcome::Undefined(Undefined::Missing(Slot(0))));
    assert_eq!(program.compute(&Read(&fields(), &program)), undefined);
}

#[test]
fn all_mistakes_are_told_with_a_remedy() {
    for (text, expected) in [
        (
            "charge_curent_limit == 0 V && sok > 5",
            &[
                (
                    "charge_curent_limit",
                    "there is no field `charge_curent_limit`; did you mean `charge_current_limit`?",
                ),
                ("sok", "there is no field `sok`; did you mean `soc`?"),
            ][..],
        ),
        (
            "soc",
            &[(
                "soc",
                "this is a percentage, not a condition; compare it with a quantity",
            )],
        ),
        (
            "run_state",
            &[(
                "run_state",
                "this is a state, not a condition; compare it with a name in quotes",
            )],
        ),
        (
            "charge_current_limit == 0",
            &[(
                "0",
                "this is a bare number, the other operand is a current; write `0 A`",
            )],
        ),
        (
            "charge_current_limit == 0 V",
            &[("0 V", "this is a voltage, the other operand is a current")],
        ),
        (
            "charge_current_limit < pack_voltage",
            &[("pack_voltage", "this is a voltage, the other operand is a current")],
        ),
        (
            "soc in 0..100",
            &[
                (
                    "0",
                    "this is a bare number, the other operand is a percentage; write `0 %`",
                ),
                (
                    "100",
                    "this is a bare number, the other operand is a percentage; write `100 %`",
                ),
            ],
        ),
        (
            "pack_voltage + soc > 5 V",
            &[("soc", "this is a percentage, the other operand is a voltage")],
        ),
        (
            "pack_voltage * soc > 5 V",
            &[("5 V", "this is a voltage, the other operand is a product in V %")],
        ),
        (
            "run_state == 'standbye'",
            &[(
                "'standbye'",
                "the field has no state `standbye`; did you mean `standby`?",
            )],
        ),
        (
            "run_state == 'x'",
            &[(
                "'x'",
                "the field has no state `x`; did you mean `standby`, `charging` or `discharging`?",
            )],
        ),
        (
            "high_voltage == 'on'",
            &[(
                "'on'",
                "the field has no state `on`; did you mean `not_supported`, `active`, `inactive` or `invalid`?",
            )],
        ),
        (
            "run_state == 5 V",
            &[("5 V", "this is a voltage, the other operand is a state")],
        ),
        (
            "charge_enable == 1",
            &[("1", "this is a bare number, the other operand is a condition")],
        ),
        (
            "charge_enable > 1",
            &[("charge_enable", "this is a condition, not a number")],
        ),
        (
            "run_state > 1",
            &[("run_state", "this is a state, not a number; `raw(...)` gives its code")],
        ),
        (
            "!soc",
            &[(
                "soc",
                "this is a percentage, not a condition; compare it with a quantity",
            )],
        ),
        (
            "charge_enable ? soc : pack_voltage",
            &[("pack_voltage", "this is a voltage, the other operand is a percentage")],
        ),
        (
            "cell_voltage_* > 3 V",
            &[(
                "cell_voltage_*",
                "`cell_voltage_*` stands for several fields; give it to `sum`, `max`, `min` or `count`",
            )],
        ),
        (
            "sum(cel_voltage_*) > 3 V",
            &[(
                "cel_voltage_*",
                "no field is named `cel_voltage_*`; did you mean `cell_voltage_1`, `cell_voltage_2` or `cell_voltage_10`?",
            )],
        ),
        (
            "sum(soc, pack_voltage) > 3 V",
            &[
                ("pack_voltage", "this is a voltage, the other operand is a percentage"),
                ("3 V", "this is a voltage, the other operand is a percentage"),
            ],
        ),
        ("sum() > 1", &[("sum()", "`sum` takes numbers, or runs of fields")]),
        (
            "max(charge_enable) > 1",
            &[("charge_enable", "this is a condition, not a number")],
        ),
        ("has(1)", &[("has(1)", "`has` takes one field")]),
        ("has(soc, soc)", &[("has(soc, soc)", "`has` takes one field")]),
        (
            "raw(1.5) > 1",
            &[("1.5", "`raw` takes one field, or the address of a register")],
        ),
        ("raw(0x71) > 1", &[("0x71", "there is no field `0x71`")]),
        (
            "abs(charge_enable) > 1",
            &[("charge_enable", "this is a condition, not a number")],
        ),
    ] {
        let expected: Vec<(&str, String)> = expected
            .iter()
            .map(|(part, said)| (*part, (*said).to_owned()))
            .collect();
        assert_eq!(mistakes(text), expected, "{text}");
    }
}

/// Rules that are well-formed, of any type.
fn any_rule() -> impl Strategy<Value = String> {
    let names: Vec<&'static str> = fields()
        .0
        .iter()
        .map(|field| field.0)
        .filter(|name| *name != "0x70")
        .collect();
    let leaf = prop_oneof![
        4 => proptest::sample::select(names),
        2 => proptest::sample::select(&["5 V", "0 A", "50 %", "3", "0x0E", "true", "false", "'standby'", "1/3"][..]),
        1 => proptest::sample::select(&["sum(cell_voltage_*)", "raw(0x70)", "has(soc)", "count(far_*)"][..]),
    ];
    leaf.prop_map(str::to_owned).prop_recursive(5, 40, 3, |inner| {
        let operator = proptest::sample::select(&["||", "&&", "==", "!=", "<", ">=", "+", "-", "*", "/"][..]);
        prop_oneof![
            4 => (inner.clone(), operator, inner.clone()).prop_map(|(a, op, b)| format!("({a} {op} {b})")),
            1 => inner.clone().prop_map(|a| format!("(!{a})")),
            1 => inner.clone().prop_map(|a| format!("(-{a})")),
            1 => inner.clone().prop_map(|a| format!("abs({a})")),
            1 => (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
            1 => (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("({a} in {b}..{c})")),
            1 => (inner.clone(), inner).prop_map(|(a, b)| format!("max({a}, {b})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn evaluation_never_panics(text in any_rule()) {
        let rule = parse(&text).unwrap();
        for expects in [Expects::Condition, Expects::Anything] {
            match rule.compile_with(&fields(), Options { expects, ..Options::default() }) {
                Ok(program) => {
                    let (fields, again) = (fields(), program.clone());
                    let values = Read(&fields, &again);
                    if expects == Expects::Condition {
                        // A condition that was checked has no other type, whatever the values.
                        let outcome = program.evaluate(&values);
                        prop_assert_eq!(outcome, program.evaluate(&values));
                    }
                    let _ = program.compute(&values);
                }
                Err(errors) => {
                    prop_assert!(!errors.is_empty());
                    prop_assert!(errors.iter().all(|error| text.get(error.span.clone()).is_some()));
                }
            }
        }
    }

    #[test]
    fn the_values_of_unread_fields_do_not_matter(text in any_rule(), place in any::<proptest::sample::Index>()) {
        let Ok(program) = parse(&text).unwrap().compile(&fields()) else { return Ok(()) };
        let mut changed = fields();
        let place = place.index(changed.0.len());
        prop_assume!(!program.reads().iter().any(|name| name.to_string() == changed.0[place].0));
        changed.0[place].2 = None;
        prop_assert_eq!(program.evaluate(&Read(&fields(), &program)), program.evaluate(&Read(&changed, &program)));
    }

    #[test]
    fn comparison_agrees_with_integers(a in -1_000_000_i64..1_000_000, b in 0_i64..1_000_000) {
        let text = format!("{a} mV < {}.{:03} V", b / 1000, b % 1000);
        let expected = if a < b { Outcome::True } else { Outcome::False };
        prop_assert_eq!(outcome(&text), expected);
    }
}
