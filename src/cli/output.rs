//! The standard output and what is known of the terminal behind it.

use std::io::{self, IsTerminal, Write};

use clap::ColorChoice;

use crate::cli::error::CliError;
use crate::report::text::Style;

/// The width that is used where no terminal says otherwise.
const WIDTH: usize = 80;
/// The bytes that are collected before they are written.
const BUFFER: usize = 64 << 10;

/// The standard output, buffered.
#[derive(Debug)]
pub struct Output {
    out: io::StdoutLock<'static>,
    buffer: Vec<u8>,
    /// The reader went away; what is written from then on is dropped.
    closed: bool,
}

impl Output {
    /// The standard output of this process.
    pub fn stdout() -> Output {
        Output {
            out: io::stdout().lock(),
            buffer: Vec::with_capacity(BUFFER),
            closed: false,
        }
    }

    /// Writes a text.
    ///
    /// # Errors
    /// The output is closed or cannot be written.
    pub fn text(&mut self, text: &str) -> Result<(), CliError> {
        self.buffer.extend_from_slice(text.as_bytes());
        if self.buffer.len() >= BUFFER {
            self.flush()
        } else {
            Ok(())
        }
    }

    /// The buffer, for writers that put their output together byte by byte; [`Output::spill`] sends it on.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Sends the buffer on when it is large.
    ///
    /// # Errors
    /// The output is closed or cannot be written.
    pub fn spill(&mut self) -> Result<(), CliError> {
        if self.buffer.len() >= BUFFER {
            self.flush()
        } else {
            Ok(())
        }
    }

    /// Sends on what is buffered.
    ///
    /// # Errors
    /// The output is closed or cannot be written.
    pub fn flush(&mut self) -> Result<(), CliError> {
        if self.closed {
            self.buffer.clear();
            return Err(CliError::OutputClosed);
        }
        let result = self.out.write_all(&self.buffer).and_then(|()| self.out.flush());
        self.buffer.clear();
        result.map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => {
                self.closed = true;
                CliError::OutputClosed
            }
            _ => CliError::Output(error),
        })
    }

    /// Writes a text of a command whose work goes on without a reader: a closed output is no reason to stop.
    ///
    /// # Errors
    /// The output cannot be written for another reason.
    pub fn text_for_any_reader(&mut self, text: &str) -> Result<(), CliError> {
        self.buffer.extend_from_slice(text.as_bytes());
        match self.flush() {
            Err(CliError::OutputClosed) => Ok(()),
            other => other,
        }
    }
}

/// Writes to the standard error; nothing can be done where that fails.
pub fn complain(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// How text on the standard output is to look.
pub fn stdout_style(choice: ColorChoice) -> Style {
    style(choice, io::stdout().is_terminal())
}

/// How text on the standard error is to look.
pub fn stderr_style(choice: ColorChoice) -> Style {
    style(choice, io::stderr().is_terminal())
}

fn style(choice: ColorChoice, terminal: bool) -> Style {
    let variable = |name: &str| std::env::var(name).ok();
    let columns = variable("COLUMNS").and_then(|text| text.parse().ok());
    let measured = terminal
        .then(terminal_size::terminal_size)
        .flatten()
        .map(|(width, _)| usize::from(width.0));
    Style {
        colour: colour(choice, terminal, &variable),
        width: columns.or(measured).unwrap_or(WIDTH).clamp(40, 200),
    }
}

/// `--color` decides; left to itself, `NO_COLOR` (to any value) forbids, and only terminals that can are coloured.
fn colour(choice: ColorChoice, terminal: bool, variable: &impl Fn(&str) -> Option<String>) -> bool {
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => {
            let forbidden = variable("NO_COLOR").is_some_and(|value| !value.is_empty());
            let dumb = variable("TERM").is_some_and(|term| term == "dumb");
            let forced = variable("CLICOLOR_FORCE").is_some_and(|value| !value.is_empty() && value != "0");
            !forbidden && (forced || (terminal && !dumb))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_decided_by_option_then_environment_then_terminal() {
        let none = |_: &str| None;
        let no_color = |name: &str| (name == "NO_COLOR").then(|| "1".to_string());
        let empty = |name: &str| (name == "NO_COLOR").then(String::new);
        let dumb = |name: &str| (name == "TERM").then(|| "dumb".to_string());
        let forced = |name: &str| (name == "CLICOLOR_FORCE").then(|| "1".to_string());
        assert!(colour(ColorChoice::Auto, true, &none));
        assert!(!colour(ColorChoice::Auto, false, &none));
        assert!(!colour(ColorChoice::Auto, true, &no_color));
        assert!(colour(ColorChoice::Auto, true, &empty));
        assert!(!colour(ColorChoice::Auto, true, &dumb));
        assert!(colour(ColorChoice::Auto, false, &forced));
        assert!(colour(ColorChoice::Always, false, &no_color));
        assert!(!colour(ColorChoice::Never, true, &forced));
    }
}
