//! `bmscheck explain`: the layout of a protocol, as a person reads it.

use clap::Args;

use crate::cli::output::{Output, stdout_style};
use crate::cli::{CliError, Context, Status, data};
use crate::definition::{Message, Protocol};
use crate::document::diagnostic::did_you_mean;
use crate::report::layout;
use crate::suite::Suite;

/// Show the layout of a protocol, of one of its messages, or of a field
///
/// Places are bytes from 0 and bits from 0, the least significant: `0-1` are two bytes, `0.7` is the highest bit of the
/// first byte. Each fact comes with its grade (A vendor's document, B several implementations agree, C one source, D
/// inferred), the sheet that it comes from, and the cases that cover it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  bmscheck explain pylon-can                      bus, session, messages, rules
  bmscheck explain pylon-can 0x351                the bytes of a frame
  bmscheck explain pylon-can alarms               the same, by the message's name
  bmscheck explain pylon-can 0x351 charge_voltage_limit")]
pub struct ExplainArguments {
    /// The protocol, as `bmscheck list protocols` shows it
    #[arg(value_name = "PROTOCOL")]
    pub protocol: String,

    /// The message: its name, CAN identifier (0x351) or command (0x61)
    #[arg(value_name = "MESSAGE")]
    pub message: Option<String>,

    /// The field
    #[arg(value_name = "FIELD", requires = "message")]
    pub field: Option<String>,
}

/// Shows a layout.
///
/// # Errors
/// There is no such protocol, message or field; a data file has mistakes; the output is closed.
pub fn explain(context: &Context, arguments: &ExplainArguments) -> Result<Status, CliError> {
    let library = data::library(context)?;
    let protocol = data::protocol(&library, &arguments.protocol)?;
    let style = stdout_style(context.color);
    let text = match &arguments.message {
        None => layout::protocol::render(protocol, &style),
        Some(reference) => {
            let message = find_message(protocol, reference)?;
            let suites = data::suites_of(context, &library, protocol)?;
            let item = format!("{}/{}", protocol.name, message.key);
            match &arguments.field {
                None => {
                    let of_message = |covered: &str| {
                        let rest = covered.strip_prefix(&item);
                        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
                    };
                    layout::message::render(protocol, message, &cases(&suites, of_message), &style)
                }
                Some(name) => {
                    let field = message.field(name).ok_or_else(|| no_field(message, name))?;
                    let of_field = |covered: &str| {
                        let rest = covered.strip_prefix(&item).and_then(|rest| rest.strip_prefix('.'));
                        rest.is_some_and(|name| name == field.name || field.matches(name))
                    };
                    layout::field::render(protocol, message, field, &cases(&suites, of_field), &style)
                }
            }
        }
    };
    let mut out = Output::stdout();
    out.text(&text)?;
    out.flush()?;
    Ok(Status::Done)
}

/// The cases that cover something.
fn cases(suites: &[Suite], wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let all = suites
        .iter()
        .flat_map(|suite| suite.cases.iter().map(move |case| (suite, case)));
    all.filter(|(_, case)| case.covers.iter().any(|covered| wanted(covered)))
        .map(|(suite, case)| format!("{}/{}", suite.name, case.id))
        .collect()
}

/// The message that a user means.
fn find_message<'p>(protocol: &'p Protocol, reference: &str) -> Result<&'p Message, CliError> {
    protocol.message_by_reference(reference).ok_or_else(|| {
        let names = protocol.messages.iter().map(|message| message.name.as_str());
        let known: Vec<String> = protocol
            .messages
            .iter()
            .map(|message| format!("{} {}", message.key, message.name))
            .collect();
        CliError::usage(format!("{} has no message `{reference}`", protocol.name))
            .maybe_help(did_you_mean(reference, names))
            .help(format!("its messages: {}", known.join(", ")))
    })
}

fn no_field(message: &Message, name: &str) -> CliError {
    let fields = message.fields();
    let names = fields.iter().map(|field| field.name.as_str());
    let known: Vec<&str> = names.clone().collect();
    CliError::usage(format!("{} {} has no field `{name}`", message.key, message.name))
        .maybe_help(did_you_mean(name, names))
        .help(format!("its fields: {}", known.join(", ")))
}
