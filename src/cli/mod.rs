//! The command line: one file per subcommand, each thin: parse, call, print.
//!
//! | file | subject |
//! |---|---|
//! | [`run`] | drives a target through cases and judges it |
//! | [`mutate`] | which wire faults the suites miss |
//! | [`decode`] | frames to fields, streaming |
//! | [`list`] | what is built in: protocols, brands, suites, cases, coverage |
//! | [`explain`] | the layout of a protocol, a requirement and what covers it, as a person reads it |
//! | [`emulate`] | the reference BMS on a wire |
//! | [`export`] | a definition in the format of another tool |
//! | [`schema`], [`completions`], [`man`] | what tools need |
//! | [`bench`] | the files that describe a bench and a target |
//! | [`data`] | loads definitions and suites, with every mistake reported |
//! | [`select`] | which cases a selector means |
//! | [`status`] | the exit status; nowhere else is one chosen |
//! | [`error`], [`output`] | what is said on the standard error, and where the rest goes |

pub mod bench;
pub mod completions;
pub mod data;
pub mod decode;
pub mod emulate;
pub mod error;
pub mod explain;
pub mod export;
pub mod list;
pub mod man;
pub mod mutate;
pub mod output;
pub mod run;

pub mod schema;
pub mod select;
pub mod status;

use std::path::PathBuf;

use clap::{ColorChoice, Parser, Subcommand, ValueHint};

pub use error::CliError;
pub use status::Status;

/// Test what a battery says to a solar inverter, over CAN and RS485.
///
/// bmscheck plays the inverter to a battery-management system (BMS), reads what the BMS says field by field, and judges
/// it against golden frames and rules. Without hardware it tests the reference BMS that is built in, in simulated time.
#[derive(Debug, Parser)]
#[command(
    name = "bmscheck",
    version,
    max_term_width = 100,
    after_help = "Examples:
  bmscheck run                                   all cases against the reference BMS
  bmscheck run pylon-can --target can:can0       a battery on a CAN bus
  candump -L can0 | bmscheck decode -p pylon-can -
  bmscheck explain pylon-can 0x351               the bytes of a frame
  bmscheck explain R-013                         a requirement, its tests

Exit status: 0 all passed, 1 a case failed, 2 the command line or a data file is
wrong, 3 nothing failed but something could not be judged."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// Directory with own protocols/, vectors/ and suites/
    ///
    /// Its files add to the built-in ones; a file of the same name replaces the built-in one.
    #[arg(long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = "Everywhere")]
    pub data: Option<PathBuf>,

    /// Colour: auto, always or never
    ///
    /// `auto` colours terminals, unless NO_COLOR is set.
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_possible_values = true,
        hide_default_value = true,
        help_heading = "Everywhere"
    )]
    pub color: ColorChoice,
}

/// The subcommands; the help of each is that of its arguments.
#[derive(Debug, Subcommand)]
#[expect(
    missing_docs,
    reason = "a comment on a variant would take the place of the help of its arguments, long as it is"
)]
pub enum Command {
    Run(run::RunArguments),
    Mutate(mutate::MutateArguments),
    Decode(decode::DecodeArguments),
    List(list::ListArguments),
    Explain(explain::ExplainArguments),
    Emulate(emulate::EmulateArguments),
    Export(export::ExportArguments),
    Schema(schema::SchemaArguments),
    Completions(completions::CompletionsArguments),
    Man(man::ManArguments),
}

/// Reads the command line; ends the program where it is wrong (exit status 2) or asks for help.
pub fn parse() -> Cli {
    Cli::parse()
}

/// Carries out a command.
///
/// # Errors
/// What kept it from being carried out; [`Status::of_error`] says what that means for the exit status.
pub fn run(arguments: Cli) -> Result<Status, CliError> {
    let context = Context {
        data: arguments.data,
        color: arguments.color,
    };
    match arguments.command {
        Command::Run(arguments) => run::run(&context, arguments),
        Command::Mutate(arguments) => mutate::mutate(&context, &arguments),
        Command::Decode(arguments) => decode::decode(&context, arguments),
        Command::List(arguments) => list::list(&context, &arguments),
        Command::Explain(arguments) => explain::explain(&context, &arguments),
        Command::Emulate(arguments) => emulate::emulate(&context, arguments),
        Command::Export(arguments) => export::export(&context, &arguments),
        Command::Schema(arguments) => schema::schema(&arguments),
        Command::Completions(arguments) => completions::completions(&arguments),
        Command::Man(arguments) => man::man(&arguments),
    }
}

/// What holds for every subcommand.
#[derive(Clone, Debug)]
pub struct Context {
    /// The directory with own data files.
    pub data: Option<PathBuf>,
    /// When to use colour.
    pub color: ColorChoice,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn short_help_fits_79_columns() {
        let mut command = Cli::command();
        command.build();
        for subcommand in command.get_subcommands_mut() {
            let help = subcommand.clone().term_width(79).render_help().to_string();
            for line in help.lines() {
                assert!(line.chars().count() <= 79, "{line}");
            }
        }
    }
}
