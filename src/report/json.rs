//! The machine's report: JSON, written as the run goes on.
//!
//! The file begins with the header, takes each case as it is judged, and gets `"complete": true` only as the very last
//! step. A file of a run that was broken off therefore is no valid JSON document, and has no `"complete": true`: a
//! reader must take it as `error`.
//!
//! ```json
//! {
//! "format": {"name": "bmscheck-report", "version": 1},
//! "run": {"tool": "bmscheck 0.1.0", "started": "...", "target": "reference BMS", "reference": true, ...},
//! "cases": [
//! {"id": "pylon-can/limits/...", "verdict": "pass", "covers": [...], "time_s": 12.5, "checks": [...]}
//! ],
//! "summary": {"pass": 1, "fail": 0, "inconclusive": 0, "error": 0, "skip": 0, ...},
//! "complete": true
//! }
//! ```
//!
//! Changes of the format are additive within a version. Numbers are exact decimals.

use std::io::{self, Write};
use std::time::Duration;

use serde_json::{Map, Number, Value, json};

use crate::judge::answers::{Answer, AnswerLine, Answers};
use crate::judge::{CaseResult, Check, Evidence};
use crate::report::model::{End, Header, Mutation, NEVER_CERTIFIED, Report, Standings, Summary, clock_word};
use crate::report::text::{milliseconds, seconds};
use crate::wire::hex_compact;

/// The name of the format, as it stands in the file.
pub const FORMAT: &str = "bmscheck-report";
/// The version of the format.
pub const VERSION: u32 = 1;

/// A report file in the making.
#[derive(Debug)]
pub struct JsonWriter<W: Write> {
    out: W,
    summary: Summary,
    standings: Standings,
}

impl<W: Write> JsonWriter<W> {
    /// Begins the file with all that is known before the first case.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn begin(mut out: W, header: &Header) -> io::Result<JsonWriter<W>> {
        let format = json!({ "name": FORMAT, "version": VERSION });
        write!(
            out,
            "{{\n\"format\": {format},\n\"run\": {},\n\"cases\": [",
            header_json(header)
        )?;
        out.flush()?;
        Ok(JsonWriter {
            out,
            summary: Summary::default(),
            standings: Standings::new(header),
        })
    }

    /// Adds a case.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn case(&mut self, case: &CaseResult) -> io::Result<()> {
        let comma = if self.summary.cases() == 0 { "" } else { "," };
        write!(self.out, "{comma}\n{}", case_json(case))?;
        self.out.flush()?;
        self.summary.add(case);
        self.standings.add(case);
        Ok(())
    }

    /// Ends the file: summary, and the word that it is complete, unless something broke the run off.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn finish(mut self, end: &End) -> io::Result<W> {
        write!(
            self.out,
            "\n],\n\"bus_time_s\": {},\n\"wall_time_s\": {},\n\"waivers\": {},\n",
            seconds(end.bus_time),
            seconds(end.wall_time),
            Value::from(end.waivers.clone()),
        )?;
        if end.echo {
            writeln!(self.out, "\"echo\": true,")?;
        }
        if let Some(reason) = &end.broken_off {
            writeln!(self.out, "\"broken_off\": {},", Value::from(reason.as_str()))?;
        }
        let answers: serde_json::Map<String, Value> = end
            .answers
            .iter()
            .map(|(protocol, answers)| (protocol.clone(), answers_json(answers)))
            .collect();
        writeln!(self.out, "\"answers\": {},", Value::from(answers))?;
        let standings: Vec<Value> = self
            .standings
            .each()
            .map(|(protocol, seen)| json!({ "protocol": protocol, "seen": seen, "reason": NEVER_CERTIFIED }))
            .collect();
        writeln!(self.out, "\"never_certified\": {},", Value::from(standings))?;
        writeln!(self.out, "\"summary\": {},", summary_json(&self.summary))?;
        self.out.flush()?;
        writeln!(self.out, "\"complete\": {}\n}}", end.broken_off.is_none())?;
        self.out.flush()?;
        Ok(self.out)
    }
}

/// Which questions were answered how: `{"address": 1, "function": 3, "answer": "served", "registers": [[0, 79]]}`.
fn answers_json(answers: &Answers) -> Value {
    let line = |line: AnswerLine| {
        let registers: Vec<Value> = line
            .registers
            .iter()
            .map(|range| json!([range.start(), range.end()]))
            .collect();
        let (answer, code) = match line.answer {
            Answer::Served => ("served", None),
            Answer::Refused(code) => ("refused", Some(code)),
            Answer::Silence => ("silence", None),
        };
        json!({
            "address": line.address, "function": line.function, "answer": answer, "code": code, "registers": registers,
        })
    };
    answers.lines().into_iter().map(line).collect()
}

/// The whole file of a report; without its end when it has none.
pub fn render(report: &Report) -> String {
    let write = || -> io::Result<Vec<u8>> {
        let mut writer = JsonWriter::begin(Vec::new(), &report.header)?;
        for case in &report.cases {
            writer.case(case)?;
        }
        match &report.end {
            Some(end) => writer.finish(end),
            None => Ok(writer.out),
        }
    };
    // Writing to memory cannot fail, and all that is written is text.
    String::from_utf8(write().unwrap_or_default()).unwrap_or_default()
}

fn header_json(header: &Header) -> Value {
    let protocols: Vec<Value> = header
        .protocols
        .iter()
        .map(|protocol| {
            json!({
                "name": protocol.name, "title": protocol.title, "grade": protocol.grade.letter(),
                "certifiable": protocol.grade.is_certifiable(),
                "variant": protocol.variant, "definition": protocol.definition,
                "mutation": mutation_json(&protocol.name, &protocol.mutation),
            })
        })
        .collect();
    json!({
        "tool": format!("bmscheck {}", header.version),
        "title": header.title(),
        "started": header.started.to_string(),
        "target": header.target,
        "reference": header.reference,
        "fixture": header.fixture,
        "protocols": protocols,
        "profile": header.profile.word(),
        "strict": header.strict,
        "seed": header.seed,
        "selectors": header.selectors,
        "options": header.options,
        "decision_rule": header.decision_rule(),
        "clock": { "source": clock_word(header.clock), "resolution_us": header.resolution.as_micros() },
    })
}

/// How many wire faults the suites catch.
fn mutation_json(protocol: &str, mutation: &Mutation) -> Value {
    match mutation {
        Mutation::Measured { figures, complete } => json!({
            "measured": true, "all_cases_in_run": complete, "rate_percent": figures.rate_percent(),
            "tried": figures.tried, "caught": figures.caught, "noticed": figures.noticed,
            "missed": figures.missed, "equivalent": figures.equivalent,
        }),
        Mutation::Unknown => json!({
            "measured": false,
            "reason": format!("definition or suites are not those that were measured; `bmscheck mutate {protocol}` measures them"),
        }),
    }
}

fn summary_json(summary: &Summary) -> Value {
    json!({
        "pass": summary.pass, "fail": summary.fail, "inconclusive": summary.inconclusive,
        "error": summary.error, "skip": summary.skip,
        "warnings": summary.warnings, "information": summary.information,
        "vacuous": summary.vacuous, "waived": summary.waived,
    })
}

/// A case as it stands in the file.
pub fn case_json(case: &CaseResult) -> Value {
    let checks: Vec<Value> = case.checks.iter().map(check_json).collect();
    let mut map = Map::new();
    map.insert("id".into(), json!(case.id));
    map.insert("title".into(), json!(case.title));
    map.insert("protocol".into(), json!(case.protocol));
    map.insert("verdict".into(), json!(case.verdict.word()));
    for (key, text) in [("reason", &case.reason), ("waiver", &case.waiver)] {
        if let Some(text) = text {
            map.insert(key.into(), json!(text));
        }
    }
    map.insert("covers".into(), json!(case.covers));
    map.insert("origin".into(), json!(case.origin));
    map.insert("time_s".into(), exact(&seconds(case.time)));
    map.insert("checks".into(), checks.into());
    Value::Object(map)
}

fn check_json(check: &Check) -> Value {
    let mut map = Map::new();
    map.insert("what".into(), json!(check.what));
    map.insert("result".into(), json!(check.result.word()));
    map.insert("grade".into(), json!(check.grade.letter()));
    map.insert("expected".into(), json!(check.expected));
    map.insert("actual".into(), json!(check.actual));
    if let Some(raw) = raw_in(&check.actual) {
        map.insert("raw".into(), exact(raw));
    }
    map.insert("requirement".into(), json!(check.requirement));
    if let Some(step) = check.step {
        map.insert("step".into(), json!(step));
    }
    if let Some(place) = &check.demanded_at {
        map.insert("demanded_at".into(), json!(place));
    }
    if check.vacuous {
        map.insert("vacuous".into(), json!(true));
    }
    if let Some(measured) = check.measured {
        map.insert("measured_ms".into(), exact(&milliseconds(measured)));
    }
    if let Some(diagnosis) = &check.diagnosis {
        map.insert("diagnosis".into(), json!(diagnosis));
    }
    if let Some(evidence) = &check.evidence {
        map.insert("evidence".into(), evidence_json(evidence));
    }
    Value::Object(map)
}

fn evidence_json(evidence: &Evidence) -> Value {
    let mut map = Map::new();
    map.insert("event".into(), json!(evidence.event));
    map.insert(
        "time".into(),
        exact(&seconds(Duration::from_micros(evidence.at.as_micros()))),
    );
    let frame = match &evidence.frame {
        crate::wire::BusFrame::Can(frame) => frame.to_string(),
        crate::wire::BusFrame::Serial(bytes) => hex_compact(bytes),
    };
    map.insert("frame".into(), json!(frame));
    map.insert("data".into(), json!(hex_compact(&evidence.data)));
    if let Some(golden) = &evidence.golden {
        let text: String = golden
            .iter()
            .map(|byte| byte.map_or("??".to_string(), |byte| format!("{byte:02X}")))
            .collect();
        map.insert("golden".into(), json!(text));
    }
    map.insert("bytes".into(), json!([evidence.bytes.start, evidence.bytes.end]));
    Value::Object(map)
}

/// The number on the wire that a value was read from, as [`Check::actual`] states it: `200.0 A (raw 2000)`.
fn raw_in(actual: &str) -> Option<&str> {
    let (_, rest) = actual.rsplit_once("(raw ")?;
    let (raw, _) = rest.split_once(')')?;
    raw.parse::<i128>().ok().map(|_| raw)
}

/// A decimal text as a JSON number, digit for digit.
fn exact(decimal: &str) -> Value {
    decimal.parse::<Number>().map_or(Value::Null, Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn the_file_is_valid_json_and_complete() {
        let text = render(&fixture::report());
        insta::assert_snapshot!("report_json", text);
        let value: Value = serde_json::from_str(&text).expect("valid JSON");
        assert_eq!(value["complete"], json!(true));
        assert_eq!(value["summary"]["fail"], json!(6));
        assert_eq!(
            value["cases"][0]["checks"][0]["measured_ms"].to_string(),
            "850.25",
            "exact decimals"
        );
        assert!(text.trim_end().ends_with("\"complete\": true\n}"));
    }

    #[test]
    fn no_beginning_of_the_file_reads_as_complete() {
        let text = render(&fixture::report());
        let last = text.trim_end().len() - 1;
        for end in (0..=last).filter(|end| text.is_char_boundary(*end)) {
            assert!(serde_json::from_str::<Value>(&text[..end]).is_err(), "{end}");
        }
        let mut broken = fixture::report();
        broken.end = None;
        assert!(!render(&broken).contains("complete"));
        broken.end = fixture::report().end;
        broken.end.as_mut().expect("an end").broken_off = Some("gone".into());
        let value: Value = serde_json::from_str(&render(&broken)).expect("valid JSON");
        assert_eq!(value["complete"], json!(false));
    }

    #[test]
    fn raw_numbers_stand_apart() {
        assert_eq!(raw_in("200.0 A (raw 2000)"), Some("2000"));
        assert_eq!(raw_in("-1 A (raw -10) in 3 of 5 messages"), Some("-10"));
        assert_eq!(raw_in("\"(raw x)\""), None);
        assert_eq!(raw_in("silence"), None);
    }

    #[test]
    fn an_empty_run_is_valid_too() {
        let mut report = fixture::report();
        report.cases.clear();
        assert!(serde_json::from_str::<Value>(&render(&report)).is_ok());
    }
}
