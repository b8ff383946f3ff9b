//! Why a command could not be carried out, as data; texts are made when it is printed.

use std::io;
use std::path::PathBuf;

use crate::document::Diagnostics;
use crate::link::LinkError;
use crate::report::text::{Style, Tone, wrap};

/// Why a command could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The command line asks for something that does not exist or does not fit.
    #[error("{message}")]
    Usage {
        /// What is wrong, in one phrase.
        message: String,
        /// What to do about it, a line each.
        help: Vec<String>,
    },
    /// Data files with mistakes.
    #[error("data files have mistakes")]
    Data(Diagnostics),
    /// A file or capture cannot be read.
    #[error("cannot read `{}`: {reason}", path.display())]
    Read {
        /// The file; `-` is the standard input.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A file cannot be written.
    #[error("cannot write `{}`: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The link to the target broke, or could not be opened.
    #[error("{source}")]
    Link {
        /// What happened.
        source: LinkError,
        /// What to look at beyond the link's own advice.
        help: Vec<String>,
    },
    /// What changes the state of the battery cannot be had.
    #[error("{reason}")]
    Fixture {
        /// Why.
        reason: String,
    },
    /// The standard output cannot be written.
    #[error("cannot write the output: {0}")]
    Output(io::Error),
    /// The reader of our output went away.
    #[error("the output was closed")]
    OutputClosed,
}

impl CliError {
    /// A mistake on the command line.
    pub fn usage(message: impl Into<String>) -> CliError {
        CliError::Usage {
            message: message.into(),
            help: Vec::new(),
        }
    }

    /// With a line of help; has no effect on errors that carry none.
    #[must_use]
    pub fn help(mut self, line: impl Into<String>) -> CliError {
        if let CliError::Usage { help, .. } | CliError::Link { help, .. } = &mut self {
            help.push(line.into());
        }
        self
    }

    /// With a line of help, if there is one.
    #[must_use]
    pub fn maybe_help(self, line: Option<String>) -> CliError {
        match line {
            Some(line) => self.help(line),
            None => self,
        }
    }

    /// The text for the standard error; empty where nothing is to be said.
    pub fn render(&self, style: &Style) -> String {
        let mut lines = Vec::new();
        match self {
            CliError::OutputClosed => return String::new(),
            CliError::Data(diagnostics) => return diagnostics.render(style.colour, style.width),
            CliError::Usage { help, .. } => lines.extend(help.iter().cloned()),
            CliError::Link { source, help } => {
                lines.extend(advice(source).map(str::to_string));
                lines.extend(help.iter().cloned());
            }
            CliError::Read { .. } | CliError::Write { .. } | CliError::Fixture { .. } | CliError::Output(_) => {}
        }
        let mut out = String::new();
        for (number, part) in wrap(&self.to_string(), style.width.saturating_sub(7))
            .iter()
            .enumerate()
        {
            let lead = if number == 0 {
                style.paint(Tone::Bad, "error:")
            } else {
                " ".repeat(6)
            };
            out.push_str(&format!("{lead} {part}\n"));
        }
        for line in &lines {
            for (number, part) in wrap(line, style.width.saturating_sub(8)).iter().enumerate() {
                let lead = if number == 0 {
                    style.paint(Tone::Hint, "  help:")
                } else {
                    " ".repeat(7)
                };
                out.push_str(&format!("{lead} {part}\n"));
            }
        }
        out
    }
}

/// What the link itself says to do.
fn advice(error: &LinkError) -> Option<&str> {
    let help = match error {
        LinkError::Missing { help, .. }
        | LinkError::Down { help, .. }
        | LinkError::Busy { help, .. }
        | LinkError::Permission { help, .. }
        | LinkError::Gone { help, .. }
        | LinkError::Other { help, .. } => help,
    };
    (!help.is_empty()).then_some(help.as_str())
}

impl From<LinkError> for CliError {
    fn from(source: LinkError) -> CliError {
        CliError::Link {
            source,
            help: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_what_and_what_now() {
        let error = CliError::usage("nothing matches `pylon-can/limit`").help("did you mean `pylon-can/limits`?");
        assert_eq!(
            error.render(&Style::PLAIN),
            "error: nothing matches `pylon-can/limit`\n  help: did you mean `pylon-can/limits`?\n"
        );
        assert_eq!(CliError::OutputClosed.render(&Style::PLAIN), "");
        let link = LinkError::Down {
            name: "can0".into(),
            help: "ip link set can0 up type can bitrate 500000".into(),
        };
        assert_eq!(
            CliError::from(link).render(&Style::PLAIN),
            "error: `can0` is down\n  help: ip link set can0 up type can bitrate 500000\n"
        );
    }
}
