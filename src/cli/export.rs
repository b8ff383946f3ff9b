//! `bmscheck export`: a definition in the format of another tool.

use clap::{Args, ValueEnum};

use crate::cli::output::Output;
use crate::cli::{CliError, Context, Status, data};
use crate::document::diagnostic::did_you_mean;
use crate::report::dbc;

/// Write a protocol in the format of another tool
///
/// A DBC holds the frames of a CAN protocol with their signals: place, byte order, scale, offset, unit, plausible range,
/// names of codes, cycle time. What it cannot hold is in its comments: grades, and what is left out. Texts, dates and
/// versions are a signal for each byte; a value that means "not available" is a code with that name.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  bmscheck export dbc pylon-can > pylon-can.dbc
  candump can0 | cantools decode pylon-can.dbc")]
pub struct ExportArguments {
    /// The format
    #[arg(value_name = "FORMAT")]
    pub format: ExportFormat,

    /// The protocol, as `bmscheck list protocols` shows it
    #[arg(value_name = "PROTOCOL")]
    pub protocol: String,

    /// The variant of the protocol; its first without this
    #[arg(long, value_name = "NAME")]
    pub variant: Option<String>,
}

/// Formats of other tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// CAN database, as cantools, SavvyCAN and CANoe read it
    Dbc,
}

/// Writes a definition in another format.
///
/// # Errors
/// There is no such protocol or variant, or the format cannot hold it; a data file has mistakes; the output is closed.
pub fn export(context: &Context, arguments: &ExportArguments) -> Result<Status, CliError> {
    let library = data::library(context)?;
    let protocol = data::protocol(&library, &arguments.protocol)?;
    if let Some(name) = &arguments.variant {
        let names: Vec<&str> = protocol.variants.iter().map(|variant| variant.name.as_str()).collect();
        if !names.contains(&name.as_str()) {
            let known = match names.is_empty() {
                true => "it has none".to_string(),
                false => format!("its variants: {}", names.join(", ")),
            };
            return Err(CliError::usage(format!("{} has no variant `{name}`", protocol.name))
                .help(did_you_mean(name, names.iter().copied()).unwrap_or(known)));
        }
    }
    let text = match arguments.format {
        ExportFormat::Dbc => dbc::render(protocol, arguments.variant.as_deref())
            .map_err(|error| CliError::usage(format!("{}: {error}", protocol.name)))?,
    };
    let mut out = Output::stdout();
    out.text(&text)?;
    out.flush()?;
    Ok(Status::Done)
}
