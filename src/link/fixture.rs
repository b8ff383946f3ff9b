//! How stimuli reach a target.
//!
//! | specification | fixture |
//! |---|---|
//! | | [`ReferenceFixture`]: the reference BMS of the same process |
//! | `none` | [`NoFixture`]: a live battery without bench gear |
//! | `operator` | [`Operator`]: a person who is asked |
//! | `refbms:ADDRESS` | [`Remote`]: the control socket of `bmscheck emulate` |
//! | `exec:COMMAND` | [`Remote`]: a program that speaks the [control protocol](super::control) on its standard streams |

mod operator;
mod remote;

pub use operator::Operator;
pub use remote::Remote;

use std::time::Duration;

use super::Fixture;
use super::control::Address;
use super::reference::{NAME, SharedBattery};
use super::stimulus::{CAPABILITIES, StimulusError};
use crate::suite::{Setting, Stimulus};
use crate::time::Instant;

/// Why a fixture could not be had, or did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum FixtureError {
    /// The specification is none of the forms.
    #[error("`{spec}` is no fixture; fixtures are {FORMS}")]
    Specification {
        /// What was written.
        spec: String,
    },
    /// It could not be reached or started.
    #[error("cannot reach the fixture `{name}`: {source}")]
    Unreachable {
        /// The fixture.
        name: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is gone.
    #[error("the fixture `{name}` is gone: {reason}")]
    Gone {
        /// The fixture.
        name: String,
        /// What was seen.
        reason: String,
    },
    /// It did not answer in time; nothing that it says later can be trusted.
    #[error("the fixture `{name}` did not answer within {} s", timeout.as_secs())]
    Silent {
        /// The fixture.
        name: String,
        /// How long it was waited for.
        timeout: Duration,
    },
    /// It said something that is no answer.
    #[error("the fixture `{name}` answered `{answer}`, which is not {expected}")]
    Answer {
        /// The fixture.
        name: String,
        /// What it said, shortened.
        answer: String,
        /// What was expected.
        expected: String,
    },
    /// It refused.
    #[error("the fixture `{name}` says: {reason}")]
    Refused {
        /// The fixture.
        name: String,
        /// Its words.
        reason: String,
    },
    /// The stimulus itself is wrong, or the reference BMS refuses it.
    #[error("{}", super::control::with_help(.0))]
    Stimulus(#[from] StimulusError),
    /// There is nothing that could do it.
    #[error("there is no fixture that could change the state of the battery")]
    None,
}

/// The forms of a specification, for messages.
pub const FORMS: &str = "none, operator, refbms:ADDRESS (unix:PATH or HOST:PORT) and exec:COMMAND";

/// Which fixture is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FixtureSpec {
    /// Nothing can be changed.
    None,
    /// A person is asked.
    Operator,
    /// The control socket of `bmscheck emulate`.
    Refbms(Address),
    /// A program that speaks the control protocol on its standard streams.
    Exec(String),
}

impl FixtureSpec {
    /// Reads a specification.
    ///
    /// # Errors
    /// [`FixtureError::Specification`].
    pub fn parse(spec: &str) -> Result<FixtureSpec, FixtureError> {
        let wrong = || FixtureError::Specification { spec: spec.to_string() };
        match spec.split_once(':') {
            None if spec == "none" => Ok(FixtureSpec::None),
            None if spec == "operator" => Ok(FixtureSpec::Operator),
            Some(("refbms", address)) => Address::parse(address).map(FixtureSpec::Refbms).ok_or_else(wrong),
            Some(("exec", command)) if !command.trim().is_empty() => Ok(FixtureSpec::Exec(command.to_string())),
            _ => Err(wrong()),
        }
    }

    /// Makes the fixture ready: connects, or starts the program and asks what it can do.
    ///
    /// # Errors
    /// It cannot be reached, or its first answer is none.
    pub fn open(&self) -> Result<Box<dyn Fixture>, FixtureError> {
        Ok(match self {
            FixtureSpec::None => Box::new(NoFixture),
            FixtureSpec::Operator => Box::new(Operator::on_terminal()),
            FixtureSpec::Refbms(address) => Box::new(Remote::connect(address)?),
            FixtureSpec::Exec(command) => Box::new(Remote::execute(command)?),
        })
    }
}

/// The reference BMS of the same process.
#[derive(Debug)]
pub struct ReferenceFixture {
    battery: SharedBattery,
}

impl ReferenceFixture {
    /// The fixture of the battery that [`Reference::battery`](super::reference::Reference::battery) gives.
    pub fn new(battery: SharedBattery) -> ReferenceFixture {
        ReferenceFixture { battery }
    }
}

impl Fixture for ReferenceFixture {
    fn describe(&self) -> String {
        NAME.to_string()
    }

    fn capabilities(&self) -> Vec<String> {
        CAPABILITIES.map(String::from).to_vec()
    }

    fn apply(&mut self, now: Instant, stimulus: &Stimulus) -> Result<(), String> {
        let applied = self.battery.lock().apply(now, stimulus);
        applied.map_err(|error| FixtureError::Stimulus(error).to_string())
    }

    fn look(&mut self, now: Instant, expected: &[(String, Setting)]) -> Result<Vec<(String, Setting)>, String> {
        let mut battery = self.battery.lock();
        let look = |(name, _): &(String, Setting)| battery.look(now, name).map(|shown| (name.clone(), shown));
        let shown: Result<Vec<_>, _> = expected.iter().map(look).collect();
        shown.map_err(|error| FixtureError::Stimulus(error).to_string())
    }

    fn settle(&self) -> Duration {
        Duration::ZERO
    }
}

/// A live battery without bench gear: nothing can be changed.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFixture;

impl Fixture for NoFixture {
    fn describe(&self) -> String {
        "none".to_string()
    }

    fn capabilities(&self) -> Vec<String> {
        Vec::new()
    }

    fn apply(&mut self, _now: Instant, _stimulus: &Stimulus) -> Result<(), String> {
        Err(FixtureError::None.to_string())
    }

    fn look(&mut self, _now: Instant, _expected: &[(String, Setting)]) -> Result<Vec<(String, Setting)>, String> {
        Err("there is no fixture that could look at the battery".to_string())
    }

    fn settle(&self) -> Duration {
        Duration::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::Line;
    use super::super::reference::{Reference, ReferenceOptions};
    use super::super::stimulus::setting;
    use super::*;

    #[test]
    fn specifications_have_four_forms() {
        let parse = |spec| FixtureSpec::parse(spec).ok();
        assert_eq!(parse("none"), Some(FixtureSpec::None));
        assert_eq!(parse("operator"), Some(FixtureSpec::Operator));
        assert_eq!(
            parse("refbms:unix:/run/bms"),
            Some(FixtureSpec::Refbms(Address::Unix("/run/bms".into())))
        );
        assert_eq!(
            parse("exec:./bench --port 3"),
            Some(FixtureSpec::Exec("./bench --port 3".into()))
        );
        for wrong in [
            "",
            "non",
            "operator:",
            "refbms",
            "refbms:/run/bms",
            "exec:",
            "exec: ",
            "pace-rs232:ttyS0",
        ] {
            let error = FixtureSpec::parse(wrong).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("`{wrong}` is no fixture; fixtures are {FORMS}")
            );
        }
    }

    #[test]
    fn the_reference_fixture_changes_the_battery_on_the_bus() {
        let options = ReferenceOptions::new("pylon-can", Line::Can { bitrate: 500_000 });
        let link = Reference::start(&options).unwrap();
        let mut fixture = ReferenceFixture::new(link.battery());
        let now = Instant::from_micros(3_000_000);
        let set = |name: &str, value: &str| Stimulus::Set(name.into(), setting(value));
        fixture.apply(now, &set("soc", "12 %")).unwrap();
        assert_eq!(link.battery().lock().status().bank.soc_percent, 12);
        let error = fixture.apply(now, &set("sock", "12 %")).unwrap_err();
        assert_eq!(error, "there is no stimulus `sock`; did you mean `soc`?");
    }

    #[test]
    fn without_a_fixture_nothing_is_possible() {
        assert!(NoFixture.capabilities().is_empty());
        assert!(NoFixture.apply(Instant::ZERO, &Stimulus::Reset).is_err());
    }
}
