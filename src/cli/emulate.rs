//! `bmscheck emulate`: the reference BMS on a wire.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use crate::cli::output::{Output, complain};
use crate::cli::{CliError, Context, Status, data};
use crate::definition::library::read_source;
use crate::document::diagnostic::did_you_mean;
use crate::link::control::Address;
use crate::link::emulate::{EmulateError, EmulateOptions, Emulation, state};
use crate::link::line::Line;
use crate::link::reference::ReferenceOptions;
use crate::link::target::{Target, TargetError};

/// Play the reference BMS on a bus
///
/// A battery that does what the protocol's sheet says, in real time, for trying an inverter, a data logger or bmscheck
/// itself without hardware. It ends with Ctrl-C.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  bmscheck emulate pylon-can --target can:vcan0
  bmscheck emulate pylon-rs485 --target pty           prints the path of the port
  bmscheck emulate pylon-can --target can:vcan0 --control unix:/tmp/bms.sock
  then: echo '{\"set\": {\"soc\": \"5 %\"}}' | nc -U /tmp/bms.sock
  and:  bmscheck run pylon-can --target can:vcan0 --fixture refbms:unix:/tmp/bms.sock")]
pub struct EmulateArguments {
    /// The protocol, as `bmscheck list protocols` shows it
    #[arg(value_name = "PROTOCOL")]
    pub protocol: String,

    /// The bus: can:IFACE, serial:PATH, serial:PATH@BAUD or pty
    #[arg(long, value_name = "TARGET")]
    pub target: String,

    /// Packs in parallel
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=4))]
    pub packs: u8,

    /// DIP address of the pack that is wired to the bus
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=15))]
    pub dip: u8,

    /// The state in which it starts, as `given` in a suite
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub state: Option<PathBuf>,

    /// Where its state can be changed: unix:PATH or HOST:PORT
    ///
    /// JSON lines, each answered by one: {"set": {"soc": "95 %", "cell_over_voltage_protection": true}}, {"packs": 2},
    /// {"unplug": 2}, {"plug": 2}, {"sleep": true}, {"power_cycle": true}, {"reset": true}, {"status": true}.
    #[arg(long, value_name = "ADDRESS")]
    pub control: Option<String>,

    /// The variant of the protocol that it shall speak, as the protocol names it
    #[arg(long, value_name = "NAME")]
    pub variant: Option<String>,

    /// An optional capability that it shall have, as the protocol names it; repeatable
    #[arg(long, value_name = "CLAIM")]
    pub claim: Vec<String>,
}

/// Emulates until it is interrupted.
///
/// # Errors
/// The protocol, the target or the state is wrong, or the bus cannot be had or broke.
pub fn emulate(context: &Context, arguments: EmulateArguments) -> Result<Status, CliError> {
    let library = data::library(context)?;
    let protocol = data::protocol(&library, &arguments.protocol)?;
    for claim in &arguments.claim {
        let known: Vec<&str> = protocol.claims.iter().map(|claim| claim.name.as_str()).collect();
        if !known.contains(&claim.as_str()) {
            return Err(CliError::usage(format!("{} has no claim `{claim}`", protocol.name))
                .maybe_help(did_you_mean(claim, known)));
        }
    }
    if let Some(name) = &arguments.variant {
        data::variant(protocol, name)?;
    }
    let control = match &arguments.control {
        None => None,
        Some(text) => Some(Address::parse(text).ok_or_else(|| {
            CliError::usage(format!("`{text}` is no address")).help("addresses are unix:PATH and HOST:PORT")
        })?),
    };
    let state = match &arguments.state {
        None => Vec::new(),
        Some(path) => {
            let source = read_source(path).map_err(CliError::Data)?;
            state::parse(&source).map_err(CliError::Data)?
        }
    };
    let mut battery = ReferenceOptions::new(&protocol.name, Line::of(&protocol.bus));
    battery.packs = arguments.packs;
    battery.dip = arguments.dip;
    battery.variant = arguments.variant;
    battery.claims = arguments.claim;
    let options = EmulateOptions {
        battery,
        target: target(&arguments.target)?,
        state,
        control,
    };
    let emulation = Emulation::start(&options).map_err(refused)?;
    emulation.stop_on_signals().map_err(refused)?;
    let mut out = Output::stdout();
    out.text_for_any_reader(&format!("{}\n", emulation.describe()))?;
    emulation.run().map_err(refused)?;
    complain("stopped\n");
    Ok(Status::Done)
}

/// A target of the command line.
///
/// # Errors
/// It is none.
pub fn target(text: &str) -> Result<Target, CliError> {
    Target::parse(text).map_err(|error| match error {
        TargetError::Unknown { .. } | TargetError::Empty { .. } | TargetError::Baud { .. } => {
            CliError::usage(error.to_string())
        }
    })
}

/// What kept the emulation from starting, or ended it.
fn refused(error: EmulateError) -> CliError {
    match error {
        EmulateError::Link(source) => CliError::from(source),
        EmulateError::Target { .. } | EmulateError::State(_) | EmulateError::Control { .. } => {
            CliError::usage(error.to_string())
        }
    }
}
