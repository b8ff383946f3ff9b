//! The control protocol: stimuli as JSON lines, one message and one answer at a time.
//!
//! `bmscheck emulate --control` serves it, `--fixture refbms:ADDRESS` and `--fixture exec:COMMAND` speak it.
//!
//! | message | meaning |
//! |---|---|
//! | `{"set": {"soc": "95 %", "heater_on": "true"}}` | values by their names in the [vocabulary](super::stimulus), all or none |
//! | `{"packs": 2}` | packs in parallel |
//! | `{"unplug": 2}`, `{"plug": 2}` | the line to a pack is cut, restored |
//! | `{"sleep": true}`, `{"sleep": false}` | the battery sleeps, wakes |
//! | `{"power_cycle": true}` | off and on again |
//! | `{"key": "power"}`, `{"panel": "open menu"}` | what [hands](super::stimulus::hands) do |
//! | `{"look": ["led_run", "page"]}` | what display and LEDs show, by their names in the [table](super::look) |
//! | `{"reset": true}` | back to the neutral state: awake, one pack, nothing active |
//! | `{"status": true}` | what the peer is and can do |
//!
//! The answer is `{"ok": true}`, perhaps with more, or `{"ok": false, "error": "..."}`. An answer to `status` may name
//! `name` (text), `capabilities` (of [`CAPABILITIES`](super::stimulus::CAPABILITIES); left out: all) and `settle` (how
//! long a stimulus takes until it shows, `"200 ms"`).

use std::fmt;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::look;
use super::stimulus::{self, StimulusError, hands};
use crate::suite::Stimulus;

/// The longest message that is read, in bytes; one with every word of the vocabulary for four packs has about 12,000.
pub const MAX_LINE: usize = 64 << 10;

/// What a message asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Put the battery into a state: all of these, or none.
    Apply(Vec<Stimulus>),
    /// Tell what display and LEDs show: these.
    Look(Vec<String>),
    /// Tell what you are.
    Status,
}

/// Why a line is no message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// Not JSON, or no object.
    #[error("a message is one JSON object on one line, for instance {{\"set\": {{\"soc\": \"95 %\"}}}}")]
    NotAnObject,
    /// More or less than one command.
    #[error("a message has one command, not {count}")]
    CommandCount {
        /// How many it has.
        count: usize,
    },
    /// No such command.
    #[error("there is no command `{name}`; commands are {}", COMMANDS.join(", "))]
    Unknown {
        /// The name.
        name: String,
    },
    /// The command takes something else.
    #[error("`{command}` takes {expected}")]
    Value {
        /// The command.
        command: &'static str,
        /// What it takes.
        expected: &'static str,
    },
    /// A value to be set is wrong.
    #[error("{}", with_help(.0))]
    Stimulus(#[from] StimulusError),
}

const COMMANDS: [&str; 11] = [
    "set",
    "packs",
    "unplug",
    "plug",
    "sleep",
    "power_cycle",
    "key",
    "panel",
    "look",
    "reset",
    "status",
];

/// The text of an error with its remedy, on one line.
pub(crate) fn with_help(error: &StimulusError) -> String {
    match error.help() {
        Some(help) => format!("{error}; {help}"),
        None => error.to_string(),
    }
}

impl Command {
    /// Reads a message; values to be set are checked against the vocabulary.
    ///
    /// # Errors
    /// What is wrong with the message.
    pub fn parse(line: &str) -> Result<Command, ControlError> {
        let Ok(Value::Object(message)) = serde_json::from_str(line) else {
            return Err(ControlError::NotAnObject);
        };
        let count = message.len();
        let Some((name, value)) = message.into_iter().next().filter(|_| count == 1) else {
            return Err(ControlError::CommandCount { count });
        };
        let switched_on = |command| match value {
            Value::Bool(true) => Ok(()),
            _ => Err(ControlError::Value {
                command,
                expected: "true",
            }),
        };
        let pack = |command| {
            value
                .as_u64()
                .and_then(|number| u8::try_from(number).ok())
                .ok_or(ControlError::Value {
                    command,
                    expected: "the number of a pack",
                })
        };
        let stimulus = match name.as_str() {
            "set" => return settings(&value).map(Command::Apply),
            "status" => return switched_on("status").map(|()| Command::Status),
            "packs" => Stimulus::Packs(pack("packs").map_err(|_| ControlError::Value {
                command: "packs",
                expected: "a number of packs",
            })?),
            "unplug" => Stimulus::Online {
                pack: pack("unplug")?,
                online: false,
            },
            "plug" => Stimulus::Online {
                pack: pack("plug")?,
                online: true,
            },
            "sleep" => match value {
                Value::Bool(sleeps) => Stimulus::Sleep(sleeps),
                _ => {
                    return Err(ControlError::Value {
                        command: "sleep",
                        expected: "true or false",
                    });
                }
            },
            "power_cycle" => switched_on("power_cycle").map(|()| Stimulus::PowerCycle)?,
            "reset" => switched_on("reset").map(|()| Stimulus::Reset)?,
            "key" => {
                let text = hand("key", &value)?;
                hands::key(&text)?;
                Stimulus::Key(text)
            }
            "panel" => {
                let text = hand("panel", &value)?;
                hands::panel(&text)?;
                Stimulus::Panel(text)
            }
            "look" => return looked_for(&value).map(Command::Look),
            _ => return Err(ControlError::Unknown { name }),
        };
        Ok(Command::Apply(vec![stimulus]))
    }
}

fn hand(command: &'static str, value: &Value) -> Result<String, ControlError> {
    value.as_str().map(str::to_string).ok_or(ControlError::Value {
        command,
        expected: "a text",
    })
}

fn looked_for(value: &Value) -> Result<Vec<String>, ControlError> {
    let names: Option<Vec<String>> = value
        .as_array()
        .and_then(|names| names.iter().map(|name| name.as_str().map(str::to_string)).collect());
    let names = names.ok_or(ControlError::Value {
        command: "look",
        expected: "a list of names",
    })?;
    match names.iter().find_map(|name| look::find(name).err()) {
        Some(mistake) => Err(mistake.into()),
        None => Ok(names),
    }
}

fn settings(value: &Value) -> Result<Vec<Stimulus>, ControlError> {
    let wrong = ControlError::Value {
        command: "set",
        expected: "an object of names and values",
    };
    let Value::Object(entries) = value else {
        return Err(wrong);
    };
    let mut stimuli = Vec::with_capacity(entries.len());
    for (name, value) in entries {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Bool(truth) => truth.to_string(),
            // Numbers keep their text (serde_json's `arbitrary_precision`).
            Value::Number(number) => number.to_string(),
            _ => return Err(wrong),
        };
        let setting = stimulus::setting(&text);
        stimulus::check(name, &setting)?;
        stimuli.push(Stimulus::Set(name.clone(), setting));
    }
    Ok(stimuli)
}

/// The message for a stimulus, as one line without its end.
pub fn message(stimulus: &Stimulus) -> String {
    let message = match stimulus {
        Stimulus::Reset => json!({"reset": true}),
        Stimulus::Set(name, value) => json!({"set": {name.as_str(): stimulus::setting_text(value)}}),
        Stimulus::Packs(packs) => json!({"packs": packs}),
        Stimulus::Online { pack, online: true } => json!({"plug": pack}),
        Stimulus::Online { pack, online: false } => json!({"unplug": pack}),
        Stimulus::Sleep(sleeps) => json!({"sleep": sleeps}),
        Stimulus::PowerCycle => json!({"power_cycle": true}),
        Stimulus::Key(action) => json!({"key": action}),
        Stimulus::Panel(action) => json!({"panel": action}),
    };
    message.to_string()
}

/// The message that asks what display and LEDs show, as one line without its end.
pub fn look_message(names: &[&str]) -> String {
    json!({"look": names}).to_string()
}

/// The message that asks for the status, as one line without its end.
pub fn status_message() -> String {
    json!({"status": true}).to_string()
}

/// An answer to a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Done, with what else the peer says.
    Done(Map<String, Value>),
    /// Not done, and why.
    Refused(String),
}

impl Answer {
    /// Reads an answer; `None` if the line is none.
    pub fn parse(line: &str) -> Option<Answer> {
        let Ok(Value::Object(mut answer)) = serde_json::from_str(line) else {
            return None;
        };
        match answer.remove("ok") {
            Some(Value::Bool(true)) => Some(Answer::Done(answer)),
            Some(Value::Bool(false)) => {
                let reason = answer.get("error").and_then(Value::as_str).unwrap_or("no reason given");
                Some(Answer::Refused(reason.to_string()))
            }
            _ => None,
        }
    }
}

impl fmt::Display for Answer {
    /// One line without its end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answer = match self {
            Answer::Done(more) => {
                let mut answer = Map::new();
                answer.insert("ok".to_string(), Value::Bool(true));
                answer.extend(more.clone());
                Value::Object(answer)
            }
            Answer::Refused(reason) => json!({"ok": false, "error": reason}),
        };
        write!(f, "{answer}")
    }
}

/// Where a control socket is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A Unix socket: `unix:/run/bms.sock`.
    Unix(PathBuf),
    /// A TCP port: `localhost:7000`; port 0 lets the system choose.
    Tcp(String),
}

impl Address {
    /// Reads `unix:PATH`, `tcp:HOST:PORT` or `HOST:PORT`; `None` if it is none of them.
    pub fn parse(text: &str) -> Option<Address> {
        if let Some(path) = text.strip_prefix("unix:") {
            return (!path.is_empty()).then(|| Address::Unix(PathBuf::from(path)));
        }
        let text = text.strip_prefix("tcp:").unwrap_or(text);
        let (host, port) = text.rsplit_once(':')?;
        (!host.is_empty() && port.parse::<u16>().is_ok()).then(|| Address::Tcp(text.to_string()))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Unix(path) => write!(f, "unix:{}", path.display()),
            Address::Tcp(address) => f.write_str(address),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::Setting;

    #[test]
    fn every_stimulus_reads_back_from_its_message() {
        let stimuli = [
            Stimulus::Reset,
            Stimulus::Set("pack_2.current".into(), Setting::Quantity("-5 A".parse().unwrap())),
            Stimulus::Set("cell_fault".into(), Setting::Truth(true)),
            Stimulus::Set("cell_temperature_1".into(), Setting::Word("absent".into())),
            Stimulus::Packs(3),
            Stimulus::Online { pack: 2, online: true },
            Stimulus::Online { pack: 2, online: false },
            Stimulus::Sleep(true),
            Stimulus::Sleep(false),
            Stimulus::PowerCycle,
            Stimulus::Key("reset_press".into()),
            Stimulus::Panel("open cells_info".into()),
        ];
        for stimulus in stimuli {
            assert_eq!(Command::parse(&message(&stimulus)), Ok(Command::Apply(vec![stimulus])));
        }
        assert_eq!(Command::parse(&status_message()), Ok(Command::Status));
        let names = ["led_run".to_string(), "page".to_string()];
        assert_eq!(
            Command::parse(&look_message(&["led_run", "page"])),
            Ok(Command::Look(names.to_vec()))
        );
    }

    #[test]
    fn values_may_be_written_as_json_has_them() {
        let written = r#"{"set": {"heater_on": true, "cycle_count": 300, "soc": "99.5 %"}}"#;
        let Ok(Command::Apply(stimuli)) = Command::parse(written) else {
            panic!()
        };
        assert_eq!(stimuli.len(), 3);
        assert_eq!(stimuli[0], Stimulus::Set("heater_on".into(), Setting::Truth(true)));
    }

    #[test]
    fn a_wrong_message_is_told_what_is_wrong() {
        let mistakes = [
            (
                "",
                "a message is one JSON object on one line, for instance {\"set\": {\"soc\": \"95 %\"}}",
            ),
            (
                "[1]",
                "a message is one JSON object on one line, for instance {\"set\": {\"soc\": \"95 %\"}}",
            ),
            ("{}", "a message has one command, not 0"),
            (r#"{"packs": 2, "reset": true}"#, "a message has one command, not 2"),
            (
                r#"{"sets": {}}"#,
                "there is no command `sets`; commands are set, packs, unplug, plug, sleep, power_cycle, key, panel, look, reset, status",
            ),
            (r#"{"packs": "two"}"#, "`packs` takes a number of packs"),
            (r#"{"plug": -1}"#, "`plug` takes the number of a pack"),
            (r#"{"reset": false}"#, "`reset` takes true"),
            (r#"{"sleep": 1}"#, "`sleep` takes true or false"),
            (r#"{"set": {"soc": [1]}}"#, "`set` takes an object of names and values"),
            (
                r#"{"set": {"cycle_counts": "5"}}"#,
                "there is no stimulus `cycle_counts`; did you mean `cycle_count`?",
            ),
            (
                r#"{"set": {"soc": 50}}"#,
                "`soc` is a percentage, not a bare number; `soc` takes 0 %..100 % in steps of 0.01 %",
            ),
        ];
        for (line, text) in mistakes {
            assert_eq!(Command::parse(line).unwrap_err().to_string(), text, "{line}");
        }
    }

    #[test]
    fn answers_read_back() {
        let mut more = Map::new();
        more.insert("packs".into(), json!(2));
        for answer in [Answer::Done(more), Answer::Refused("no such pack".into())] {
            assert_eq!(Answer::parse(&answer.to_string()), Some(answer));
        }
        for line in ["", "{}", "ok", r#"{"ok": 1}"#] {
            assert_eq!(Answer::parse(line), None, "{line}");
        }
    }

    #[test]
    fn addresses_are_unix_or_tcp() {
        assert_eq!(Address::parse("unix:/run/x"), Some(Address::Unix("/run/x".into())));
        for tcp in ["localhost:7000", "tcp:localhost:7000"] {
            assert_eq!(Address::parse(tcp), Some(Address::Tcp("localhost:7000".into())));
        }
        for wrong in ["", "unix:", "7000", ":7000", "host:port", "host:99999", "/run/x"] {
            assert_eq!(Address::parse(wrong), None, "{wrong}");
        }
    }
}
