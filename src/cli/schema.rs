//! `bmscheck schema`: what a kind of data file may contain, for editors and other tools.

use clap::{Args, ValueEnum};

use crate::cli::output::Output;
use crate::cli::{CliError, Status};
use crate::document::shape::{Object, json_schema};
use crate::{definition, suite};

/// Print the JSON Schema (draft 2020-12) of a kind of data file
///
/// The schema is made from the same tables that the loader checks files against. Editors with a YAML language server
/// complete keys and mark mistakes with it.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  bmscheck schema suite > suite.schema.json
  then, as the first line of a suite: # yaml-language-server: $schema=suite.schema.json")]
pub struct SchemaArguments {
    /// The kind of file
    #[arg(value_name = "KIND")]
    pub kind: SchemaKind,
}

/// Kinds of data files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchemaKind {
    /// A conformance suite
    Suite,
    /// A protocol definition
    Protocol,
    /// Golden frames
    Vectors,
    /// How the bench is wired (PIXIT)
    Bench,
    /// What a target claims to support (PICS)
    Target,
    /// Faults that cannot be told from correct behaviour
    Equivalents,
}

impl SchemaKind {
    /// The kind's table of keys.
    pub fn object(self) -> &'static Object {
        match self {
            SchemaKind::Suite => &suite::shape::SUITE,
            SchemaKind::Protocol => &definition::shape::PROTOCOL,
            SchemaKind::Vectors => &suite::shape::VECTORS,
            SchemaKind::Bench => &crate::cli::bench::BENCH,
            SchemaKind::Target => &crate::cli::bench::TARGET,
            SchemaKind::Equivalents => &crate::fault::equivalent::EQUIVALENTS,
        }
    }
}

/// Prints a schema.
///
/// # Errors
/// The output is closed or cannot be written.
pub fn schema(arguments: &SchemaArguments) -> Result<Status, CliError> {
    let object = arguments.kind.object();
    let title = format!("bmscheck {}", object.name);
    let mut out = Output::stdout();
    out.text(&format!("{:#}\n", json_schema(object, &title)))?;
    out.flush()?;
    Ok(Status::Done)
}
