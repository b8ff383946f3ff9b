//! What a user names as the target, and the link that it becomes.

use std::fmt;
use std::path::PathBuf;

use super::fixture::ReferenceFixture;
use super::line::Line;
use super::reference::{Reference, ReferenceOptions};
use super::replay::Replay;
use super::serial::Serial;
use super::socketcan::SocketCan;
use super::{Fixture, Link, LinkError};

/// The forms of a target, for messages.
pub const FORMS: &str = "ref, can:IFACE, serial:PATH[@BAUD] and replay:FILE";

/// A target as it is written on the command line or in a bench file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// `ref`: the reference BMS, in process, in virtual time.
    Reference,
    /// `can:can0`: a CAN interface.
    Can(String),
    /// `serial:/dev/ttyUSB0@9600`: a serial port; without a rate that of the protocol.
    Serial {
        /// The path of the port.
        path: String,
        /// Bits per second.
        baud: Option<u32>,
    },
    /// `replay:FILE`: a recording.
    Replay(PathBuf),
    /// `pty`: a new pseudo-terminal, for emulation only.
    Pty,
}

/// A text that names no target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// None of the forms.
    #[error("`{text}` is no target; targets are {FORMS}{}", hint(.meant))]
    Unknown {
        /// What was written.
        text: String,
        /// What was probably meant.
        meant: Option<String>,
    },
    /// A form without what it names.
    #[error("`{text}` names no {what}")]
    Empty {
        /// What was written.
        text: String,
        /// What is missing.
        what: &'static str,
    },
    /// The rate behind `@` is none.
    #[error("`{rate}` is no rate in bits per second")]
    Baud {
        /// What was written.
        rate: String,
    },
}

fn hint(meant: &Option<String>) -> String {
    meant
        .as_ref()
        .map_or(String::new(), |meant| format!("; did you mean `{meant}`?"))
}

impl Target {
    /// Reads a target.
    ///
    /// # Errors
    /// [`TargetError`].
    pub fn parse(text: &str) -> Result<Target, TargetError> {
        let named = |what, name: &str| match name.is_empty() {
            true => Err(TargetError::Empty {
                text: text.to_string(),
                what,
            }),
            false => Ok(name.to_string()),
        };
        match text.split_once(':') {
            None if text == "ref" => Ok(Target::Reference),
            None if text == "pty" => Ok(Target::Pty),
            Some(("can", interface)) => Ok(Target::Can(named("interface", interface)?)),
            Some(("serial", port)) => {
                let (path, baud) = match port.rsplit_once('@') {
                    // A path may hold an `@` of its own, as in /dev/serial/by-id: a rate has digits only.
                    Some((path, rate)) if !rate.contains('/') => (path, Some(read_baud(rate)?)),
                    _ => (port, None),
                };
                let path = named("port", path)?;
                Ok(Target::Serial { path, baud })
            }
            Some(("replay", file)) => Ok(Target::Replay(named("file", file)?.into())),
            _ => Err(TargetError::Unknown {
                text: text.to_string(),
                meant: meant(text),
            }),
        }
    }

    /// Opens the link, and for the reference BMS the fixture that reaches the same battery.
    ///
    /// # Errors
    /// The target cannot be had, or lives on another bus than the protocol.
    pub fn open(&self, options: &ReferenceOptions) -> Result<Opened, LinkError> {
        let alone = |link: Box<dyn Link>| Ok(Opened { link, fixture: None });
        match (self, options.line) {
            (Target::Reference, _) => {
                let link = Reference::start(options)?;
                let fixture = ReferenceFixture::new(link.battery());
                Ok(Opened {
                    link: Box::new(link),
                    fixture: Some(Box::new(fixture)),
                })
            }
            (Target::Can(interface), Line::Can { bitrate }) => alone(Box::new(SocketCan::open(interface, bitrate)?)),
            (Target::Serial { path, baud }, Line::Serial { baud: nominal }) => {
                alone(Box::new(Serial::open(path, baud.unwrap_or(nominal))?))
            }
            (Target::Replay(path), _) => alone(Box::new(Replay::open(path)?)),
            (Target::Can(_), Line::Serial { .. }) => Err(self.other_bus(options, "an RS485 line", "serial:PATH")),
            (Target::Serial { .. }, Line::Can { .. }) => Err(self.other_bus(options, "CAN", "can:IFACE")),
            (Target::Pty, _) => Err(LinkError::Other {
                name: self.to_string(),
                reason: "a new pseudo-terminal has no battery on it".to_string(),
                help: "`bmscheck emulate PROTOCOL --target pty` puts one there and prints its path".to_string(),
            }),
        }
    }

    fn other_bus(&self, options: &ReferenceOptions, bus: &str, form: &str) -> LinkError {
        LinkError::Other {
            name: self.to_string(),
            reason: format!("`{}` is spoken on {bus}", options.protocol),
            help: format!("name the target as `{form}`"),
        }
    }
}

impl fmt::Display for Target {
    /// As [`Target::parse`] reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Reference => f.write_str("ref"),
            Target::Can(interface) => write!(f, "can:{interface}"),
            Target::Serial { path, baud: None } => write!(f, "serial:{path}"),
            Target::Serial { path, baud: Some(baud) } => write!(f, "serial:{path}@{baud}"),
            Target::Replay(file) => write!(f, "replay:{}", file.display()),
            Target::Pty => f.write_str("pty"),
        }
    }
}

/// A link, and the fixture that belongs to it.
pub struct Opened {
    /// The bus.
    pub link: Box<dyn Link>,
    /// For the reference BMS: the fixture that reaches the same battery.
    pub fixture: Option<Box<dyn Fixture>>,
}

fn read_baud(rate: &str) -> Result<u32, TargetError> {
    let plain = rate.bytes().all(|byte| byte.is_ascii_digit());
    let baud = plain.then(|| rate.parse().ok()).flatten().filter(|baud| *baud > 0);
    baud.ok_or_else(|| TargetError::Baud { rate: rate.to_string() })
}

/// What was probably meant by a text without its form.
fn meant(text: &str) -> Option<String> {
    let bare = !text.contains(':');
    if text.starts_with("/dev/") && bare {
        Some(format!("serial:{text}"))
    } else if bare && !text.contains('/') && text.contains("can") && !text.contains('.') {
        Some(format!("can:{text}"))
    } else if bare && (text.contains('.') || text.contains('/')) {
        Some(format!("replay:{text}"))
    } else if bare && (text == "reference" || text == "refbms") {
        Some("ref".to_string())
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_read_back_as_written() {
        for text in [
            "ref",
            "can:can0",
            "serial:/dev/ttyUSB0",
            "serial:/dev/ttyUSB0@115200",
            "serial:/dev/serial/by-id/usb@1a86/port0",
            "replay:a b.log",
            "pty",
        ] {
            assert_eq!(Target::parse(text).unwrap().to_string(), text);
        }
        let port = Target::parse("serial:/dev/ttyUSB0@19200").unwrap();
        assert_eq!(
            port,
            Target::Serial {
                path: "/dev/ttyUSB0".into(),
                baud: Some(19200)
            }
        );
    }

    #[test]
    fn a_wrong_target_is_told_what_would_be_right() {
        let forms = format!("is no target; targets are {FORMS}");
        for (text, message) in [
            ("can0", format!("`can0` {forms}; did you mean `can:can0`?")),
            (
                "/dev/ttyUSB0",
                format!("`/dev/ttyUSB0` {forms}; did you mean `serial:/dev/ttyUSB0`?"),
            ),
            ("run.log", format!("`run.log` {forms}; did you mean `replay:run.log`?")),
            ("reference", format!("`reference` {forms}; did you mean `ref`?")),
            ("usb:1", format!("`usb:1` {forms}")),
            ("can:", "`can:` names no interface".to_string()),
            ("serial:@9600", "`serial:@9600` names no port".to_string()),
            (
                "serial:/dev/ttyS0@fast",
                "`fast` is no rate in bits per second".to_string(),
            ),
            ("serial:/dev/ttyS0@0", "`0` is no rate in bits per second".to_string()),
            ("replay:", "`replay:` names no file".to_string()),
        ] {
            assert_eq!(Target::parse(text).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn the_bus_must_be_that_of_the_protocol() {
        let can = ReferenceOptions::new("pylon-can", Line::Can { bitrate: 500_000 });
        let serial = ReferenceOptions::new("pylon-rs485", Line::Serial { baud: 9600 });
        let error = |text, options| Target::parse(text).unwrap().open(options).err().unwrap().to_string();
        assert_eq!(
            error("can:can0", &serial),
            "`can:can0`: `pylon-rs485` is spoken on an RS485 line"
        );
        assert_eq!(
            error("serial:/dev/ttyS0", &can),
            "`serial:/dev/ttyS0`: `pylon-can` is spoken on CAN"
        );
        assert!(error("pty", &serial).contains("has no battery on it"));
    }

    #[test]
    fn the_reference_comes_with_its_fixture() {
        let options = ReferenceOptions::new("pylon-can", Line::Can { bitrate: 500_000 });
        let opened = Target::Reference.open(&options).unwrap();
        assert!(opened.link.describe().reference);
        assert_eq!(opened.fixture.unwrap().describe(), "reference BMS");
    }
}
