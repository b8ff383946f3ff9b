//! Traces as files: JSON lines, the first of them the header.
//!
//! The stored form is not the form in memory: it has a name and a version, a reader says which side is too old, and an
//! event that a newer writer added is refused, never dropped, since a verdict could depend on it.

use std::io::{self, BufRead, Write};
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{ClockSource, Event, EventKind, Stop, Trace, TraceHeader};
use crate::document::scalar;
use crate::link::LinkEvent;
use crate::link::control::{self, Command};
use crate::link::stimulus::{setting, setting_text};
use crate::suite::Stimulus;
use crate::time::Instant;
use crate::wire::can::{CanFrame, CanId};
use crate::wire::{BusFrame, hex_compact};

/// The name of the format in its first line.
pub const FORMAT: &str = "bmscheck-trace";
/// The version that is written; a reader reads it and all before it.
pub const VERSION: u64 = 1;

/// Writes a trace.
///
/// # Errors
/// Those of the writer.
pub fn write(trace: &Trace, out: &mut impl Write) -> io::Result<()> {
    let header = &trace.header;
    let first = json!({
        "format": { "name": FORMAT, "version": VERSION },
        "protocol": header.protocol,
        "target": header.target,
        "reference": header.reference,
        "clock": clock_word(header.clock),
        "resolution_us": micros(header.resolution),
        "variant": header.variant,
        "claims": header.claims,
        "packs": header.packs,
    });
    writeln!(out, "{first}")?;
    for event in &trace.events {
        writeln!(out, "{}", event_json(event))?;
    }
    Ok(())
}

fn event_json(event: &Event) -> Value {
    let at = event.at.as_micros();
    match &event.kind {
        EventKind::Received { frame, until } => frame_json(at, "received", frame, *until),
        EventKind::Sent { frame, until } => frame_json(at, "sent", frame, *until),
        EventKind::Stimulated(stimulus) => json!({ "at": at, "stimulus": stimulus_json(stimulus) }),
        EventKind::StimulusFailed(stimulus, why) => {
            json!({ "at": at, "stimulus": stimulus_json(stimulus), "failed": why })
        }
        EventKind::Looked(shown) => {
            let shown: Map<String, Value> = shown
                .iter()
                .map(|(name, value)| (name.clone(), json!(setting_text(value))))
                .collect();
            json!({ "at": at, "looked": shown })
        }
        EventKind::LookFailed(why) => json!({ "at": at, "look_failed": why }),
        EventKind::Elapsed(time) => json!({ "at": at, "elapsed_us": micros(*time) }),
        EventKind::CasePlanned(id) => json!({ "at": at, "case_planned": id }),
        EventKind::CaseStarted(id) => json!({ "at": at, "case_started": id }),
        EventKind::StepStarted { case, step, round } => {
            json!({ "at": at, "step_started": step, "case": case, "round": round })
        }
        EventKind::CaseEnded(id) => json!({ "at": at, "case_ended": id }),
        EventKind::CaseSkipped(id, why) => json!({ "at": at, "case_skipped": id, "reason": why }),
        EventKind::Link(event) => json!({ "at": at, "link": link_json(event) }),
        EventKind::Stopped(stop) => json!({ "at": at, "stopped": stop_json(stop) }),
    }
}

fn frame_json(at: u64, direction: &str, frame: &BusFrame, until: Instant) -> Value {
    let (kind, text) = match frame {
        BusFrame::Can(frame) => ("can", frame.to_string()),
        BusFrame::Serial(bytes) => ("serial", hex_compact(bytes)),
    };
    json!({ "at": at, direction: text, "bus": kind, "until": until.as_micros() })
}

fn stimulus_json(stimulus: &Stimulus) -> Value {
    serde_json::from_str(&control::message(stimulus)).unwrap_or(Value::Null)
}

fn link_json(event: &LinkEvent) -> Value {
    match event {
        LinkEvent::FramesLost(count) => json!({ "frames_lost": count }),
        LinkEvent::ClockJumpedBack(by) => json!({ "clock_jumped_back_us": micros(*by) }),
        LinkEvent::Bus(text) => json!({ "bus": text }),
        LinkEvent::Discarded { bytes, reason } => json!({ "discarded": hex_compact(bytes), "reason": reason }),
        LinkEvent::Echo => json!({ "echo": true }),
    }
}

fn stop_json(stop: &Stop) -> Value {
    match stop {
        Stop::LinkBroke(why) => json!({ "link_broke": why }),
        Stop::RecordingOver => json!({ "recording_over": true }),
        Stop::OutOfTime(bound) => json!({ "out_of_time_us": micros(*bound) }),
        Stop::FirstFailure(case) => json!({ "first_failure": case }),
        Stop::Interrupted => json!({ "interrupted": true }),
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

const CLOCKS: [(ClockSource, &str); 4] = [
    (ClockSource::Virtual, "virtual"),
    (ClockSource::Kernel, "kernel"),
    (ClockSource::User, "user"),
    (ClockSource::Recording, "recording"),
];

fn clock_word(clock: ClockSource) -> &'static str {
    CLOCKS
        .iter()
        .find(|(known, _)| *known == clock)
        .map_or("user", |(_, word)| word)
}

/// Why a file is no trace that can be judged.
#[derive(Debug, thiserror::Error)]
pub enum TraceFileError {
    /// The file cannot be read.
    #[error("line {line}: {source}")]
    Read {
        /// The line, from 1.
        line: usize,
        /// What the system said.
        source: io::Error,
    },
    /// The first line is not that of a trace.
    #[error("line 1: this is no trace of bmscheck")]
    NotATrace,
    /// The trace was written by a newer program.
    #[error("line 1: the trace has format version {found}, this program reads up to {VERSION}: use a newer bmscheck")]
    TooNew {
        /// The version of the file.
        found: u64,
    },
    /// A line is damaged, or says something that this program does not know.
    #[error("line {line}: {reason}")]
    Line {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
}

/// Reads a trace.
///
/// # Errors
/// [`TraceFileError`]: it is no trace, too new, or damaged.
pub fn read(input: impl BufRead) -> Result<Trace, TraceFileError> {
    let mut lines = input.lines().enumerate().map(|(index, line)| (index + 1, line));
    let (_, first) = lines.next().ok_or(TraceFileError::NotATrace)?;
    let first = first.map_err(|source| TraceFileError::Read { line: 1, source })?;
    let header = read_header(&first)?;
    let mut events = Vec::new();
    for (line, text) in lines {
        let text = text.map_err(|source| TraceFileError::Read { line, source })?;
        if text.trim().is_empty() {
            continue;
        }
        let value: Value = serde_json::from_str(&text).map_err(|error| TraceFileError::Line {
            line,
            reason: format!("damaged: {error}"),
        })?;
        let event = read_event(&value).ok_or_else(|| TraceFileError::Line {
            line,
            reason: "this event is not known or not complete".into(),
        })?;
        events.push(event);
    }
    Ok(Trace { header, events })
}

fn read_header(line: &str) -> Result<TraceHeader, TraceFileError> {
    let value: Value = serde_json::from_str(line).map_err(|_| TraceFileError::NotATrace)?;
    let format = &value["format"];
    if format["name"].as_str() != Some(FORMAT) {
        return Err(TraceFileError::NotATrace);
    }
    let found = format["version"].as_u64().ok_or(TraceFileError::NotATrace)?;
    if found > VERSION {
        return Err(TraceFileError::TooNew { found });
    }
    let header = || {
        Some(TraceHeader {
            protocol: text(&value["protocol"])?,
            target: text(&value["target"])?,
            reference: value["reference"].as_bool()?,
            clock: CLOCKS.iter().find(|(_, word)| value["clock"] == *word)?.0,
            resolution: Duration::from_micros(value["resolution_us"].as_u64()?),
            variant: text(&value["variant"]),
            claims: value["claims"].as_array()?.iter().filter_map(text).collect(),
            packs: value["packs"].as_u64().and_then(|packs| u8::try_from(packs).ok()),
        })
    };
    header().ok_or_else(|| TraceFileError::Line {
        line: 1,
        reason: "the header is not complete".into(),
    })
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_string)
}

fn read_event(value: &Value) -> Option<Event> {
    let at = Instant::from_micros(value["at"].as_u64()?);
    let has = |key: &str| value.get(key).is_some();
    let kind = if has("received") || has("sent") {
        let until = Instant::from_micros(value["until"].as_u64()?);
        let written = value.get("received").or_else(|| value.get("sent"))?.as_str()?;
        let frame = match value["bus"].as_str()? {
            "can" => BusFrame::Can(read_can(written)?),
            "serial" => BusFrame::Serial(scalar::bytes(written)?),
            _ => return None,
        };
        if has("received") {
            EventKind::Received { frame, until }
        } else {
            EventKind::Sent { frame, until }
        }
    } else if has("stimulus") {
        let stimulus = read_stimulus(&value["stimulus"])?;
        match value.get("failed") {
            Some(why) => EventKind::StimulusFailed(stimulus, text(why)?),
            None => EventKind::Stimulated(stimulus),
        }
    } else if has("looked") {
        let shown = value["looked"].as_object()?.iter();
        let shown = shown.map(|(name, value)| Some((name.clone(), setting(value.as_str()?))));
        EventKind::Looked(shown.collect::<Option<_>>()?)
    } else if has("look_failed") {
        EventKind::LookFailed(text(&value["look_failed"])?)
    } else if has("elapsed_us") {
        EventKind::Elapsed(Duration::from_micros(value["elapsed_us"].as_u64()?))
    } else if has("step_started") {
        EventKind::StepStarted {
            case: text(&value["case"])?,
            step: usize::try_from(value["step_started"].as_u64()?).ok()?,
            round: u32::try_from(value["round"].as_u64()?).ok()?,
        }
    } else if has("case_skipped") {
        EventKind::CaseSkipped(text(&value["case_skipped"])?, text(&value["reason"])?)
    } else if has("case_planned") {
        EventKind::CasePlanned(text(&value["case_planned"])?)
    } else if has("case_started") {
        EventKind::CaseStarted(text(&value["case_started"])?)
    } else if has("case_ended") {
        EventKind::CaseEnded(text(&value["case_ended"])?)
    } else if has("link") {
        EventKind::Link(read_link(&value["link"])?)
    } else {
        EventKind::Stopped(read_stop(&value["stopped"])?)
    };
    Some(Event { at, kind })
}

fn read_stimulus(value: &Value) -> Option<Stimulus> {
    match Command::parse(&value.to_string()).ok()? {
        Command::Apply(stimuli) => stimuli.into_iter().next(),
        Command::Status | Command::Look(_) => None,
    }
}

fn read_link(value: &Value) -> Option<LinkEvent> {
    if let Some(count) = value.get("frames_lost") {
        return Some(LinkEvent::FramesLost(
            count.as_u64().and_then(|count| u32::try_from(count).ok()),
        ));
    }
    if let Some(by) = value.get("clock_jumped_back_us") {
        return Some(LinkEvent::ClockJumpedBack(Duration::from_micros(by.as_u64()?)));
    }
    if let Some(bytes) = value.get("discarded") {
        return Some(LinkEvent::Discarded {
            bytes: scalar::bytes(bytes.as_str()?)?,
            reason: text(&value["reason"])?,
        });
    }
    if value.get("echo").is_some() {
        return Some(LinkEvent::Echo);
    }
    text(&value["bus"]).map(LinkEvent::Bus)
}

fn read_stop(value: &Value) -> Option<Stop> {
    if let Some(why) = value.get("link_broke") {
        return text(why).map(Stop::LinkBroke);
    }
    if let Some(bound) = value.get("out_of_time_us") {
        return Some(Stop::OutOfTime(Duration::from_micros(bound.as_u64()?)));
    }
    if let Some(case) = value.get("first_failure") {
        return text(case).map(Stop::FirstFailure);
    }
    if value.get("recording_over").is_some() {
        return Some(Stop::RecordingOver);
    }
    value.get("interrupted").map(|_| Stop::Interrupted)
}

/// A CAN frame as [`CanFrame`]'s display writes it.
fn read_can(text: &str) -> Option<CanFrame> {
    let (id, data) = text.split_once('#')?;
    let number = u32::from_str_radix(id, 16).ok()?;
    if id.len() == 8 && number & 0x2000_0000 != 0 {
        let bytes: [u8; 8] = scalar::bytes(data)?.try_into().ok()?;
        return Some(CanFrame::error(number, bytes));
    }
    let id = if id.len() == 8 {
        CanId::extended(number)?
    } else {
        CanId::standard(number)?
    };
    match data.strip_prefix('R') {
        Some("") => CanFrame::remote(id, 0),
        Some(length) => CanFrame::remote(id, length.parse().ok()?),
        None => CanFrame::data(id, &scalar::bytes(data)?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::Setting;
    use proptest::prelude::*;

    fn header() -> TraceHeader {
        TraceHeader {
            protocol: "pylon-can".into(),
            target: "can:can0".into(),
            reference: false,
            clock: ClockSource::Kernel,
            resolution: Duration::from_micros(1),
            variant: Some("1.2".into()),
            claims: vec!["v13_frames".into()],
            packs: Some(2),
        }
    }

    fn any_frame() -> impl Strategy<Value = BusFrame> {
        let data = proptest::collection::vec(any::<u8>(), 0..=8);
        prop_oneof![
            (0_u32..0x800, data.clone())
                .prop_map(|(id, data)| BusFrame::Can(CanFrame::data(CanId::standard(id).unwrap(), &data).unwrap())),
            (0_u32..0x2000_0000, data)
                .prop_map(|(id, data)| BusFrame::Can(CanFrame::data(CanId::extended(id).unwrap(), &data).unwrap())),
            (0_u32..0x800, 0_u8..=8).prop_map(|(id, length)| BusFrame::Can(
                CanFrame::remote(CanId::standard(id).unwrap(), length).unwrap()
            )),
            any::<[u8; 8]>().prop_map(|bytes| BusFrame::Can(CanFrame::error(4, bytes))),
            proptest::collection::vec(any::<u8>(), 0..300).prop_map(BusFrame::Serial),
        ]
    }

    fn any_stimulus() -> impl Strategy<Value = Stimulus> {
        prop_oneof![
            Just(Stimulus::Reset),
            Just(Stimulus::PowerCycle),
            Just(Stimulus::Key("side_switch".into())),
            Just(Stimulus::Panel("password 12345678".into())),
            any::<bool>().prop_map(Stimulus::Sleep),
            (1_u8..=4).prop_map(Stimulus::Packs),
            (1_u8..=4, any::<bool>()).prop_map(|(pack, online)| Stimulus::Online { pack, online }),
            (0_u8..=100)
                .prop_map(|soc| Stimulus::Set("soc".into(), Setting::Quantity(format!("{soc} %").parse().unwrap()))),
            any::<bool>().prop_map(|on| Stimulus::Set("cell_over_voltage_protection".into(), Setting::Truth(on))),
        ]
    }

    fn any_kind() -> impl Strategy<Value = EventKind> {
        let words = "[ -~é]{0,20}";
        let time = any::<u32>().prop_map(|micros| Duration::from_micros(micros.into()));
        prop_oneof![
            (any_frame(), any::<u32>()).prop_map(|(frame, until)| EventKind::Received {
                frame,
                until: Instant::from_micros(until.into())
            }),
            (any_frame(), any::<u32>()).prop_map(|(frame, until)| EventKind::Sent {
                frame,
                until: Instant::from_micros(until.into())
            }),
            any_stimulus().prop_map(EventKind::Stimulated),
            (any_stimulus(), words).prop_map(|(stimulus, why)| EventKind::StimulusFailed(stimulus, why)),
            words.prop_map(EventKind::CasePlanned),
            words.prop_map(EventKind::CaseStarted),
            (words, any::<usize>(), any::<u32>()).prop_map(|(case, step, round)| EventKind::StepStarted {
                case,
                step,
                round
            }),
            words.prop_map(EventKind::CaseEnded),
            (words, words).prop_map(|(case, why)| EventKind::CaseSkipped(case, why)),
            proptest::option::of(any::<u32>()).prop_map(|count| EventKind::Link(LinkEvent::FramesLost(count))),
            time.clone()
                .prop_map(|by| EventKind::Link(LinkEvent::ClockJumpedBack(by))),
            words.prop_map(|text| EventKind::Link(LinkEvent::Bus(text))),
            (proptest::collection::vec(any::<u8>(), 0..20), words)
                .prop_map(|(bytes, reason)| EventKind::Link(LinkEvent::Discarded { bytes, reason })),
            Just(EventKind::Link(LinkEvent::Echo)),
            words.prop_map(|why| EventKind::Stopped(Stop::LinkBroke(why))),
            words.prop_map(|case| EventKind::Stopped(Stop::FirstFailure(case))),
            time.prop_map(|bound| EventKind::Stopped(Stop::OutOfTime(bound))),
            Just(EventKind::Stopped(Stop::RecordingOver)),
            Just(EventKind::Stopped(Stop::Interrupted)),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_equal(events in proptest::collection::vec((any::<u32>(), any_kind()), 0..20)) {
            let events = events
                .into_iter()
                .map(|(at, kind)| Event { at: Instant::from_micros(at.into()), kind })
                .collect();
            let trace = Trace { header: header(), events };
            let mut bytes = Vec::new();
            write(&trace, &mut bytes).unwrap();
            let back = read(bytes.as_slice()).unwrap();
            prop_assert_eq!(back.header, trace.header);
            prop_assert_eq!(back.events, trace.events);
        }

        #[test]
        fn any_text_is_a_trace_or_an_error(text in "\\PC{0,200}") {
            let _ = read(text.as_bytes());
        }
    }

    #[test]
    fn what_cannot_be_understood_is_refused_with_its_line() {
        let mut bytes = Vec::new();
        write(
            &Trace {
                header: header(),
                events: Vec::new(),
            },
            &mut bytes,
        )
        .unwrap();
        let good = String::from_utf8(bytes).unwrap();
        let error = |text: &str| read(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(error(""), "line 1: this is no trace of bmscheck");
        assert_eq!(error("{}"), "line 1: this is no trace of bmscheck");
        assert!(error(&good.replace("\"version\":1", "\"version\":2")).contains("use a newer bmscheck"));
        assert!(
            error(&format!("{good}{{\"at\":1,\"novelty\":true}}\n")).starts_with("line 2: this event is not known")
        );
        assert!(error(&format!("{good}\n{{\"at\":")).starts_with("line 3: damaged"));
    }
}
