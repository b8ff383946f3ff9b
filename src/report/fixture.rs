//! The report that every format is shown with in tests: one failure of each kind.

use std::time::Duration;

use crate::definition::Grade;
use crate::engine::ClockSource;
use crate::judge::{CaseResult, Check, CheckResult, Evidence, Verdict};
use crate::report::model::{End, Header, Mutation, ProtocolUsed, Report};
use crate::suite::Profile;
use crate::suite::measured::Measured;
use crate::time::Instant;
use crate::wire::BusFrame;
use crate::wire::can::{CanFrame, CanId};

/// A run on the reference BMS over two protocols.
pub(super) fn report() -> Report {
    Report {
        header: header(),
        cases: cases(),
        end: Some(End {
            bus_time: Duration::from_secs(4320),
            wall_time: Duration::from_millis(210),
            waivers: vec!["`pylon-can/identity/name-is-padded` expires on 2026-01-31 (B. Miller)".into()],
            broken_off: None,
            answers: Vec::new(),
            echo: false,
        }),
    }
}

fn header() -> Header {
    let protocol = |name: &str, title: &str| ProtocolUsed {
        name: name.into(),
        title: title.into(),
        grade: Grade::A,
        variant: None,
        definition: format!("built in: protocols/{name}.yaml"),
        mutation: match name {
            "pylon-can" => Mutation::Measured {
                figures: Measured {
                    fingerprint: "0123456789abcdef".into(),
                    tried: 900,
                    caught: 500,
                    noticed: 340,
                    missed: 1,
                    equivalent: 59,
                },
                complete: true,
            },
            _ => Mutation::Unknown,
        },
    };
    Header {
        version: "0.1.0".into(),
        started: "2025-11-25T10:00:00Z".parse().expect("a time stamp"),
        target: "reference BMS".into(),
        reference: true,
        fixture: "reference BMS".into(),
        protocols: vec![
            protocol("pylon-can", "Pylontech low-voltage CAN"),
            protocol("pylon-rs485", "Pylontech low-voltage RS485"),
        ],
        profile: Profile::Ci,
        strict: false,
        seed: 1,
        selectors: Vec::new(),
        files: Vec::new(),
        options: Vec::new(),
        clock: ClockSource::Virtual,
        resolution: Duration::from_micros(1),
    }
}

fn cases() -> Vec<CaseResult> {
    let mut cases = vec![
        case(
            "pylon-can/limits/limits-follow-the-temperature",
            Verdict::Pass,
            vec![pass("0x351.charge_current_limit")],
        ),
        case(
            "pylon-can/limits/limits-are-coded-exactly",
            Verdict::Fail,
            vec![pass("0x351.soc"), field(), other_field()],
        ),
        case("pylon-can/limits/full-frame-at-rest", Verdict::Fail, vec![golden()]),
        case(
            "pylon-can/session/every-core-frame-comes",
            Verdict::Fail,
            vec![missing()],
        ),
        case(
            "pylon-can/session/frames-come-every-second",
            Verdict::Fail,
            vec![period()],
        ),
        case(
            "pylon-rs485/frames/replies-come-in-time",
            Verdict::Fail,
            vec![reply_time()],
        ),
        case(
            "pylon-rs485/errors/unknown-command-is-refused",
            Verdict::Fail,
            vec![return_code()],
        ),
        case("pylon-can/identity/name-is-padded", Verdict::Pass, vec![name()]),
        case(
            "pylon-can/identity/tag-is-sent",
            Verdict::Pass,
            vec![warning(), information(), vacuous()],
        ),
        case("pylon-can/bank/module-count-follows", Verdict::Skip, vec![]),
        case("pylon-can/session/nothing-is-lost", Verdict::Inconclusive, vec![]),
        case("pylon-rs485/frames/serves-for-an-hour", Verdict::Error, vec![]),
    ];
    for case in &mut cases {
        case.reason = match case.verdict {
            Verdict::Skip => Some("needs 2 packs; the target has 1".into()),
            Verdict::Inconclusive => Some("the kernel lost 3 frames during the case".into()),
            Verdict::Error => Some("`serial:/dev/ttyUSB0` is gone: Input/output error".into()),
            _ => None,
        };
        if case.id.ends_with("name-is-padded") {
            case.waiver = Some("padding is fixed in the next firmware (B. Miller, until 2026-01-31)".into());
        }
    }
    cases
}

fn case(id: &str, verdict: Verdict, checks: Vec<Check>) -> CaseResult {
    let (title, covers): (&str, &[&str]) = match id.rsplit('/').next().unwrap_or_default() {
        "limits-are-coded-exactly" => (
            "The limits of 0x351 are coded in 0.1 V and 0.1 A, low byte first",
            &["R-003", "B-072", "Q-08", "pylon-can/0x351.charge_voltage_limit"],
        ),
        "replies-come-in-time" => (
            "The first byte of a reply comes within 500 ms",
            &["Q-24", "pylon-rs485/0x42"],
        ),
        "unknown-command-is-refused" => ("An unknown CID2 gets RTN 04", &["Q-25"]),
        _ => ("The battery does what the sheet says", &["R-003"]),
    };
    CaseResult {
        id: id.into(),
        title: title.into(),
        protocol: id.split('/').next().unwrap_or_default().into(),
        covers: covers.iter().map(|item| (*item).into()).collect(),
        verdict,
        reason: None,
        checks,
        time: Duration::from_micros(12_500_000),
        waiver: None,
        origin: "built in: suites/pylon-can/limits.yaml:12".into(),
    }
}

fn check(what: &str, result: CheckResult, expected: &str, actual: &str) -> Check {
    Check {
        what: what.into(),
        result,
        grade: Grade::A,
        expected: expected.into(),
        actual: actual.into(),
        requirement: "sheet pylon-can, grade A (built in: protocols/pylon-can.yaml:31)".into(),
        step: Some(1),
        demanded_at: Some("built in: suites/pylon-can/limits.yaml:23".into()),
        evidence: None,
        vacuous: false,
        measured: None,
        diagnosis: None,
    }
}

fn pass(what: &str) -> Check {
    let mut check = check(what, CheckResult::Pass, "57.6 V", "57.6 V (raw 576)");
    check.measured = Some(Duration::from_micros(850_250));
    check
}

fn can(id: u16, data: &[u8], bytes: std::ops::Range<usize>) -> Evidence {
    Evidence {
        event: 41,
        at: Instant::from_micros(12_345_678),
        frame: BusFrame::Can(CanFrame::data(CanId::Standard(id), data).expect("eight bytes at most")),
        data: data.to_vec(),
        golden: None,
        bytes,
    }
}

fn field() -> Check {
    let mut check = check(
        "0x351.charge_voltage_limit",
        CheckResult::Fail,
        "57.6 V (raw 576)",
        "1638.6 V (raw 16386)",
    );
    check.evidence = Some(can(0x351, &[0x02, 0x40, 0xD0, 7, 0xF0, 0x0A, 0xC0, 1], 0..2));
    check.diagnosis = Some("bytes 0-1 read 57.6 V if taken as big-endian: byte order?".into());
    check
}

fn other_field() -> Check {
    check(
        "0x351.discharge_voltage_limit",
        CheckResult::Fail,
        "44.8 V (raw 448)",
        "0.1 V (raw 1)",
    )
}

fn golden() -> Check {
    let mut check = check(
        "0x351 golden frame",
        CheckResult::Fail,
        "40 02 D0 07 ?? ?? C0 01",
        "40 02 D1 07 F0 0A C0 00",
    );
    let mut evidence = can(0x351, &[0x40, 2, 0xD1, 7, 0xF0, 0x0A, 0xC0, 0], 2..8);
    evidence.golden = Some(vec![
        Some(0x40),
        Some(2),
        Some(0xD0),
        Some(7),
        None,
        None,
        Some(0xC0),
        Some(1),
    ]);
    check.evidence = Some(evidence);
    check
}

fn missing() -> Check {
    check(
        "0x35E",
        CheckResult::Fail,
        "0x35E within 5 s",
        "nothing in 5 s; 0x351, 0x355, 0x356 came",
    )
}

fn period() -> Check {
    let mut check = check(
        "0x351 period",
        CheckResult::Fail,
        "a mean of 0.1 s to 1.5 s over 10 periods",
        "a mean of 4.002 s (least 3.998 s, most 4.01 s)",
    );
    check.grade = Grade::B;
    check.measured = Some(Duration::from_micros(4_002_000));
    check
}

fn serial(text: &str, data: &[u8], bytes: std::ops::Range<usize>) -> Evidence {
    let mut frame = text.as_bytes().to_vec();
    frame.push(b'\r');
    Evidence {
        event: 7,
        at: Instant::from_micros(1_020_833),
        frame: BusFrame::Serial(frame),
        data: data.to_vec(),
        golden: None,
        bytes,
    }
}

fn reply_time() -> Check {
    let mut check = check(
        "0x42 reply time",
        CheckResult::Fail,
        "first byte within 500 ms",
        "612.4 ms after the request",
    );
    let info: Vec<u8> = (0..49).collect();
    let mut text = "~20024600C06E".to_string();
    text.push_str(&crate::wire::hex_compact(&info));
    text.push_str("F123");
    check.evidence = Some(serial(&text, &info, 0..0));
    check.measured = Some(Duration::from_micros(612_400));
    check
}

fn return_code() -> Check {
    let mut check = check(
        "reply to an unknown command",
        CheckResult::Fail,
        "return code 04",
        "return code 00 with 2 bytes of data",
    );
    check.evidence = Some(serial("~200246000000FDB4", &[0x12, 0x34], 0..2));
    check
}

fn name() -> Check {
    let mut check = check(
        "0x35E.manufacturer_name",
        CheckResult::Fail,
        "`PYLON` padded with 20",
        "`PYLON` padded with FF",
    );
    check.evidence = Some(can(0x35E, b"PYLON\xFF\xFF\xFF", 5..8));
    check
}

fn warning() -> Check {
    let mut check = check("0x359 length", CheckResult::Warning, "7 or 8 bytes", "6 bytes");
    check.grade = Grade::C;
    check.requirement = "sheet pylon-can, grade C (built in: protocols/pylon-can.yaml:88)".into();
    check
}

fn information() -> Check {
    let mut check = check("rule limits-fit", CheckResult::Information, "holds", "broken for 2 s");
    check.grade = Grade::D;
    check
}

fn vacuous() -> Check {
    let mut check = pass("rule no-charge-no-current");
    check.vacuous = true;
    check
}

/// A case in which everything is too long.
pub(super) fn worst_case() -> CaseResult {
    let long = "a long text with many words that goes on and on ".repeat(20);
    let mut case = case(
        "pylon-can/limits/a-case-with-a-long-name",
        Verdict::Inconclusive,
        vec![],
    );
    case.title = long.clone();
    case.covers = vec!["pylon-can/0x351.charge_voltage_limit".into(); 40];
    case.reason = Some(long.clone());
    case.waiver = Some(long.clone());
    for _ in 0..20 {
        let mut check = field();
        for text in [&mut check.expected, &mut check.actual, &mut check.requirement] {
            *text = long.clone();
        }
        check.diagnosis = Some(long.clone());
        let info = [0xA5; 200];
        let mut evidence = serial(&"~2002".repeat(100), &info, 0..200);
        evidence.golden = Some(vec![Some(0); 220]);
        check.evidence = Some(evidence);
        case.checks.push(check);
    }
    case
}
