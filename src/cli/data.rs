//! Loads definitions and suites for a command; mistakes in them end it before anything is done.

use crate::cli::output::{complain, stderr_style};
use crate::cli::{CliError, Context};
use crate::definition::library::{Folder, data_files};
use crate::definition::{Library, Protocol};
use crate::document::diagnostic::did_you_mean;
use crate::document::{Diagnostics, Source};
use crate::suite::{self, Suite};

/// All protocol definitions.
///
/// # Errors
/// A definition has mistakes: all of them, of all files.
pub fn library(context: &Context) -> Result<Library, CliError> {
    let (library, diagnostics) = Library::load(context.data.as_deref());
    accept(context, diagnostics)?;
    Ok(library)
}

/// All suites, in the order of their names.
///
/// # Errors
/// A suite has mistakes: all of them, of all files.
pub fn suites(context: &Context, library: &Library) -> Result<Vec<Suite>, CliError> {
    let sources = data_files(context.data.as_deref(), Folder::Suites).map_err(CliError::Data)?;
    load_suites(context, library, &sources)
}

/// The suites that can run on one protocol; what is wrong with others is of no concern.
///
/// # Errors
/// A suite has mistakes: all of them, of all files.
pub fn suites_of(context: &Context, library: &Library, protocol: &Protocol) -> Result<Vec<Suite>, CliError> {
    let mut sources = data_files(context.data.as_deref(), Folder::Suites).map_err(CliError::Data)?;
    // Looking for the key is much quicker than reading the file.
    let own = format!("protocol: {}", protocol.name);
    let concerns = |source: &Source| {
        let mut lines = source.text.lines();
        lines.any(|line| line.starts_with(&own) || line.starts_with("protocols:"))
    };
    sources.retain(concerns);
    let mut suites = load_suites(context, library, &sources)?;
    suites.retain(|suite| suite.protocol.as_ref().is_none_or(|name| *name == protocol.name));
    Ok(suites)
}

/// The suites of some texts.
///
/// # Errors
/// A suite has mistakes: all of them, of all texts.
pub fn load_suites(context: &Context, library: &Library, sources: &[Source]) -> Result<Vec<Suite>, CliError> {
    let (suites, diagnostics) = suite::load_all(sources, library);
    accept(context, diagnostics)?;
    Ok(suites)
}

/// Shows warnings and goes on; errors end the command.
///
/// # Errors
/// There are errors among them.
pub fn accept(context: &Context, mut diagnostics: Diagnostics) -> Result<(), CliError> {
    diagnostics.sort();
    if diagnostics.has_errors() {
        return Err(CliError::Data(diagnostics));
    }
    if !diagnostics.is_empty() {
        let style = stderr_style(context.color);
        complain(&diagnostics.render(style.colour, style.width));
    }
    Ok(())
}

/// The protocol with this name.
///
/// # Errors
/// There is none; the nearest name is offered.
pub fn protocol<'l>(library: &'l Library, name: &str) -> Result<&'l Protocol, CliError> {
    library.protocol(name).ok_or_else(|| {
        let names: Vec<&str> = library.protocols().map(|protocol| protocol.name.as_str()).collect();
        let nearest = did_you_mean(name, names.iter().copied());
        let known = format!("known protocols: {}", names.join(", "));
        CliError::usage(format!("there is no protocol `{name}`")).help(nearest.unwrap_or(known))
    })
}

/// Sees that a protocol has a variant.
///
/// # Errors
/// It has none of this name; the nearest name is offered.
pub fn variant(protocol: &Protocol, name: &str) -> Result<(), CliError> {
    let names = || protocol.variants.iter().map(|variant| variant.name.as_str());
    if names().any(|known| known == name) {
        return Ok(());
    }
    let known: Vec<&str> = names().collect();
    Err(CliError::usage(format!("{} has no variant `{name}`", protocol.name))
        .maybe_help(did_you_mean(name, names()))
        .maybe_help((!known.is_empty()).then(|| format!("its variants: {}", known.join(", ")))))
}
