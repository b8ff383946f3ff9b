use super::*;

/// The next message must have this content.
fn now(content: &str) -> String {
    format!("expect: {{ message: limits, over: 1, {content} }}")
}

#[track_caller]
fn one(content: &str, frame: &str) -> Script {
    can("", &[&now(content)]).begin(0).frame(500, frame).end(500)
}

#[test]
fn a_value_is_compared_exactly_and_shown_with_its_raw_number() {
    one("fields: { charge_voltage_limit: 57.6 V }", LIMITS).passes();
    let check = one("fields: { charge_voltage_limit: 57.6 V }", "351#3F02D007FA000000")
        .fails("0x351.charge_voltage_limit", "57.5 V (raw 575)");
    assert_eq!(check.expected, "57.6 V");
    assert_eq!(check.evidence.as_ref().unwrap().bytes, 0..2);
    assert_eq!(check.requirement, "sheet toy, grade A (toy.yaml:15)");
}

#[test]
fn a_tolerance_includes_its_bounds() {
    let within = "fields: { charge_voltage_limit: { is: 57.6 V, tolerance: 0.1 V } }";
    for (frame, held) in [("3F02", true), ("4102", true), ("3E02", false), ("4202", false)] {
        let script = one(within, &format!("351#{frame}D007FA000000"));
        assert_eq!(script.judge().verdict == Verdict::Pass, held, "{frame}");
    }
}

#[test]
fn a_range_includes_its_bounds() {
    let range = "fields: { charge_current_limit: 0.0..200.0 A }";
    for (frame, held) in [("0000", true), ("D007", true), ("D107", false), ("FFFF", false)] {
        let script = one(range, &format!("351#4002{frame}FA000000"));
        assert_eq!(script.judge().verdict == Verdict::Pass, held, "{frame}");
    }
}

#[test]
fn golden_bytes_leave_open_what_does_not_matter() {
    let golden = "golden: '40 02 ?? ?? FA 00 00 00'";
    one(golden, LIMITS).passes();
    one(golden, NO_CHARGE).passes();
    let check = one(golden, "351#4102D007FB000000").fails("0x351 bytes", "41 02 D0 07 FB 00 00 00");
    let evidence = check.evidence.unwrap();
    assert_eq!((evidence.bytes, evidence.golden.unwrap()[2]), (0..5, None));
}

#[test]
fn golden_bytes_have_the_grade_of_what_lies_under_the_wrong_ones() {
    let golden = "golden: '40 02 D0 07 FA 00 00 00'";
    // Byte 4 is the temperature, known from one source; byte 6 is a guess.
    one(golden, "351#4002D007FB000000").remarks(CheckResult::Warning, "0x351 bytes", "FB");
    one(golden, "351#4002D007FA000100").remarks(CheckResult::Information, "0x351 bytes", "01 00");
}

#[test]
fn the_length_counts() {
    let script = one("length: 8", "351#4002D007FA0000");
    let result = script.judge();
    assert_eq!(result.verdict, Verdict::Fail);
    assert_eq!(check(&result, "0x351 length").actual, "7 bytes");
    let golden = one("golden: '40 02 D0 07 FA 00 00 00'", "351#4002D007FA0000");
    assert_eq!(check(&golden.judge(), "0x351 bytes").result, CheckResult::Fail);
}

#[test]
fn an_expression_must_be_true() {
    let that = "that: ['charge_current_limit <= 200 A && charge_voltage_limit > 50 V']";
    one(that, LIMITS).passes();
    let result = one(that, "351#4002D107FA000000").judge();
    assert_eq!(result.verdict, Verdict::Fail);
    let check = check(
        &result,
        "0x351 that charge_current_limit <= 200 A && charge_voltage_limit > 50 V",
    );
    assert_eq!(
        check.actual,
        "charge_current_limit = 200.1 A, charge_voltage_limit = 57.6 V"
    );
}

#[test]
fn a_field_beyond_the_end_of_the_frame_is_not_what_is_demanded() {
    let script = one("fields: { cycle_count: 0 }", "351#4002D007FA00");
    let result = script.judge();
    let check = check(&result, "0x351.cycle_count");
    assert_eq!(
        (check.result, check.actual.as_str()),
        (CheckResult::Information, "not in the message (6 bytes)")
    );
    let script = one("fields: { cycle_count: missing }", "351#4002D007FA00");
    assert_eq!(
        super::check(&script.judge(), "0x351.cycle_count").result,
        CheckResult::Pass
    );
    let script = one("fields: { cycle_count: missing }", LIMITS);
    assert_eq!(
        super::check(&script.judge(), "0x351.cycle_count").result,
        CheckResult::Information
    );
}

#[test]
fn the_grade_of_a_field_decides_what_a_difference_amounts_to() {
    one("fields: { temperature: 25.0 degC }", "351#4002D007FB000000").remarks(
        CheckResult::Warning,
        "0x351.temperature",
        "25.1 degC",
    );
    one("fields: { cycle_count: 0 }", "351#4002D007FA000100").remarks(
        CheckResult::Information,
        "0x351.cycle_count",
        "1 (raw 1)",
    );
    let strict = one("fields: { temperature: 25.0 degC }", "351#4002D007FB000000").strict();
    assert_eq!(strict.judge().verdict, Verdict::Fail);
    let strict = one("fields: { cycle_count: 0 }", "351#4002D007FA000100").strict();
    assert_eq!(strict.judge().verdict, Verdict::Pass, "grade D never decides");
}

#[test]
fn the_grade_of_a_case_makes_its_demands_worse_and_nothing_else() {
    let step = now("fields: { charge_voltage_limit: 57.6 V }");
    let wrong = "351#3F02D007FA000000";
    let script = can("grade: D", &[&step]).begin(0).frame(500, wrong).end(500);
    script.remarks(CheckResult::Information, "0x351.charge_voltage_limit", "57.5 V");
    // What holds always is known as well as before: the reserved byte.
    let script = can("grade: D", &[&step])
        .begin(0)
        .frame(500, "351#4002D007FA000001")
        .end(500);
    assert_eq!(script.judge().verdict, Verdict::Fail);
}

#[test]
fn a_difference_is_explained_by_a_wire_fault() {
    let demand = "fields: { charge_voltage_limit: 57.6 V, charge_current_limit: 200 A, temperature: 25.5 degC }";
    // What stands on the wire instead of 4002 D007 FF00, and what is said about it.
    let faults = [
        (
            "0240D007FF000000",
            "0x351.charge_voltage_limit",
            "`charge_voltage_limit`: bytes in the other order (fault byte-order)",
        ),
        (
            "80160000FF000000",
            "0x351.charge_voltage_limit",
            "`charge_voltage_limit`: ten times the demanded number (fault scale-x10)",
        ),
        (
            "3A00D007FF000000",
            "0x351.charge_voltage_limit",
            "`charge_voltage_limit`: a tenth of the demanded number (fault scale-div10)",
        ),
        (
            "40021400FF000000",
            "0x351.charge_current_limit",
            "`charge_current_limit`: a hundredth of the demanded number (fault scale-div100)",
        ),
        (
            "400230F8FF000000",
            "0x351.charge_current_limit",
            "`charge_current_limit`: sign reversed (fault sign-flipped)",
        ),
        (
            "4002D007AA0B0000",
            "0x351.temperature",
            "`temperature`: kelvin instead of degrees Celsius (fault kelvin)",
        ),
        (
            "0040024002FF0000",
            "0x351.charge_voltage_limit",
            "`charge_voltage_limit`: one byte too late in the message (fault byte-late)",
        ),
    ];
    for (data, what, diagnosis) in faults {
        let result = one(demand, &format!("351#{data}")).judge();
        assert_eq!(check(&result, what).diagnosis.as_deref(), Some(diagnosis), "{data}");
    }
    // A wrong value that no fault explains stays unexplained.
    let result = one(demand, "351#2402D007FF000000").judge();
    assert_eq!(check(&result, "0x351.charge_voltage_limit").diagnosis, None);
}

#[test]
fn zero_explains_nothing() {
    let result = one("fields: { charge_current_limit: 200 A }", NO_CHARGE).judge();
    assert_eq!(check(&result, "0x351.charge_current_limit").diagnosis, None);
    let result = one("fields: { charge_current_limit: 0 A }", LIMITS).judge();
    assert_eq!(check(&result, "0x351.charge_current_limit").diagnosis, None);
}

/// Two fields often have the same value: 200 A both ways.
#[test]
fn another_fields_value_explains_only_where_it_was_compared() {
    let diagnosis = |demand: &str, data: &str| {
        let result = one(&format!("fields: {{ {demand} }}"), &format!("351#{data}")).judge();
        check(&result, "0x351.charge_current_limit").diagnosis.clone()
    };
    let exchanged = "4002FF00D0070000";
    assert_eq!(diagnosis("charge_current_limit: 200 A", exchanged), None);
    assert_eq!(
        diagnosis("charge_current_limit: 200 A, temperature: 25.5 degC", exchanged).as_deref(),
        Some("`charge_current_limit`: values of two fields exchanged (fault fields-exchanged)")
    );
    let twice = "4002FF00FF000000";
    assert_eq!(diagnosis("charge_current_limit: 200 A", twice), None);
    assert_eq!(
        diagnosis("charge_current_limit: 200 A, temperature: 25.5 degC", twice).as_deref(),
        Some("`charge_current_limit`: the value of the next field (fault neighbour-value)")
    );
    // The other one is wrong as well, and was not meant to be this.
    assert_eq!(
        diagnosis("charge_current_limit: 200 A, temperature: 20 degC", twice),
        None
    );
}

#[test]
fn golden_bytes_are_explained_too() {
    let result = one("golden: '40 02 D0 07 FA 00 00 00'", "351#400207D0FA000000").judge();
    let check = check(&result, "0x351 bytes");
    assert_eq!(
        check.diagnosis.as_deref(),
        Some("`charge_current_limit`: bytes in the other order (fault byte-order)")
    );
}

#[test]
fn a_flag_beside_the_demanded_one_is_named() {
    let step = "expect: { message: requests, over: 1, fields: { charge_enable: true } }";
    let result = can("", &[step]).begin(0).frame(500, DISABLED).end(500).judge();
    assert_eq!(
        check(&result, "0x35C.charge_enable").diagnosis.as_deref(),
        Some("`charge_enable`: exchanged with the flag beside it (fault bits-exchanged)")
    );
    let result = can("", &[step]).begin(0).frame(500, "35C#0100").end(500).judge();
    assert_eq!(
        check(&result, "0x35C.charge_enable").diagnosis.as_deref(),
        Some("`charge_enable`: bits counted from the other end of the byte (fault bits-reversed)")
    );
}
