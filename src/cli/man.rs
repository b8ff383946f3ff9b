//! `bmscheck man`: manual pages made from the definition of the command line.

use clap::{Args, CommandFactory};
use clap_mangen::Man;

use crate::cli::output::Output;
use crate::cli::{Cli, CliError, Status};
use crate::document::diagnostic::did_you_mean;

/// Print the manual page of bmscheck, or of one of its commands
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  bmscheck man | man -l -
  bmscheck man run > bmscheck-run.1")]
pub struct ManArguments {
    /// The command; bmscheck itself without it
    #[arg(value_name = "COMMAND")]
    pub command: Option<String>,
}

/// Prints a manual page.
///
/// # Errors
/// There is no such command; the output is closed or cannot be written.
pub fn man(arguments: &ManArguments) -> Result<Status, CliError> {
    let mut command = Cli::command();
    command.build();
    if let Some(name) = &arguments.command {
        let names: Vec<String> = command
            .get_subcommands()
            .map(|sub| sub.get_name().to_string())
            .collect();
        let found = command.find_subcommand(name).cloned();
        command = found.ok_or_else(|| {
            CliError::usage(format!("there is no command `{name}`"))
                .maybe_help(did_you_mean(name, names.iter().map(String::as_str)))
        })?;
        command = command.display_name(format!("bmscheck-{name}"));
    }
    let mut out = Output::stdout();
    Man::new(command).render(out.buffer()).map_err(CliError::Output)?;
    out.flush()?;
    Ok(Status::Done)
}
