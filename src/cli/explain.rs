//! `bmscheck explain`: the layout of a protocol, or a requirement and what tests it, as a person reads it.

mod number;

use clap::Args;

use crate::cli::output::{Output, stdout_style};
use crate::cli::{CliError, Context, Status, data};
use crate::definition::{Message, Protocol};
use crate::document::diagnostic::did_you_mean;
use crate::report::layout;
use crate::suite::Suite;

/// Show the layout of a protocol, or what a requirement says
///
/// Places are bytes from 0 and bits from 0, the least significant: `0-1` are two bytes, `0.7` is the highest bit of the
/// first byte. Each fact comes with its grade (A vendor's document, B several implementations agree, C one source, D
/// inferred), the sheet that it comes from, and the cases that cover it.
///
/// A number is a requirement of the battery's manual, a contradiction of it (C-04), behaviour of the class of
/// battery (B-072), or a settled question. It is shown with how it is read and how well it is known, how it is
/// tested (on the wire, in the reference firmware only, or by no program and why), the cases that cover it and the
/// firmware tests that name it. Those that nothing covers: `bmscheck list cases --coverage`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  bmscheck explain pylon-can                      bus, session, messages, rules
  bmscheck explain pylon-can 0x351                the bytes of a frame
  bmscheck explain pylon-can alarms               the same, by the message's name
  bmscheck explain pylon-can 0x351 charge_voltage_limit
  bmscheck explain R-013                          a requirement of the manual
  bmscheck explain Q-26 --all                     a question, with all its cases")]
pub struct ExplainArguments {
    /// The protocol, as `bmscheck list protocols` shows it, or a number such as R-013
    #[arg(value_name = "PROTOCOL|NUMBER")]
    pub subject: String,

    /// The message: its name, CAN identifier (0x351) or command (0x61)
    #[arg(value_name = "MESSAGE")]
    pub message: Option<String>,

    /// The field
    #[arg(value_name = "FIELD", requires = "message")]
    pub field: Option<String>,

    /// With a number: all cases that cover it, however many
    #[arg(long, conflicts_with = "message")]
    pub all: bool,
}

/// Shows a layout or a requirement.
///
/// # Errors
/// There is no such protocol, message, field or number; a data file has mistakes; the output is closed.
pub fn explain(context: &Context, arguments: &ExplainArguments) -> Result<Status, CliError> {
    let library = data::library(context)?;
    let style = stdout_style(context.color);
    if library.protocol(&arguments.subject).is_none() {
        let (questions, mistakes) = library.questions();
        data::accept(context, mistakes)?;
        if let Some(number) = number::find(&library, &questions, &arguments.subject)? {
            if arguments.message.is_some() {
                return Err(CliError::usage(format!(
                    "{} is no protocol: it has no messages",
                    number.id()
                )));
            }
            let suites = data::suites(context, &library)?;
            return print(&number::page(
                &library,
                &questions,
                &suites,
                number,
                arguments.all,
                &style,
            ));
        }
    }
    let protocol = data::protocol(&library, &arguments.subject)?;
    if arguments.all {
        return Err(CliError::usage("`--all` goes with the number of a requirement"));
    }
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
    print(&text)
}

fn print(text: &str) -> Result<Status, CliError> {
    let mut out = Output::stdout();
    out.text(text)?;
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
