//! `bmscheck completions`: made from the definition of the command line.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::cli::output::Output;
use crate::cli::{Cli, CliError, Status};

/// Print the completions for a shell
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  bmscheck completions bash > ~/.local/share/bash-completion/completions/bmscheck
  bmscheck completions zsh > ~/.zfunc/_bmscheck
  bmscheck completions fish > ~/.config/fish/completions/bmscheck.fish")]
pub struct CompletionsArguments {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}

/// Prints the completions.
///
/// # Errors
/// The output is closed or cannot be written.
pub fn completions(arguments: &CompletionsArguments) -> Result<Status, CliError> {
    let mut out = Output::stdout();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "bmscheck", out.buffer());
    out.flush()?;
    Ok(Status::Done)
}
