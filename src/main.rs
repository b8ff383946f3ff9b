//! The `bmscheck` command.

use std::process::ExitCode;

use bmscheck::cli;

fn main() -> ExitCode {
    let arguments = cli::parse();
    let style = cli::output::stderr_style(arguments.color);
    match cli::run(arguments) {
        Ok(status) => status.into(),
        Err(error) => {
            cli::output::complain(&error.render(&style));
            cli::Status::of_error(&error).into()
        }
    }
}
