//! Target, fixture and claims: from the command line, the bench file and target files.

use std::path::Path;
use std::time::Duration;

use crate::cli::bench::{self, Bench};
use crate::cli::emulate::target;
use crate::cli::run::RunArguments;
use crate::cli::run::choice::Choice;
use crate::cli::{CliError, Context};
use crate::definition::{Bus, Library, Protocol};
use crate::document::diagnostic::did_you_mean;
use crate::link::fixture::FixtureSpec;
use crate::link::target::Target;

/// What is tested, and how it is reached.
#[derive(Debug)]
pub struct Setup {
    /// The target.
    pub target: Target,
    /// What changes its state; `None`: what belongs to the target by itself.
    pub fixture: Option<FixtureSpec>,
    /// How long the bench takes until the battery feels a stimulus.
    pub settle: Duration,
    /// The seed of what is sent at random.
    pub seed: u64,
    /// Packs in parallel, where that is known.
    pub packs: Option<u8>,
    claims: Vec<(Option<String>, String)>,
    variants: Vec<(String, String)>,
}

impl Setup {
    /// Puts together what the command line and its files say; the command line wins.
    ///
    /// # Errors
    /// A part is wrong, or does not fit the chosen protocols.
    pub fn new(arguments: &RunArguments, library: &Library, choice: &Choice<'_>) -> Result<Setup, CliError> {
        let bench = match &arguments.bench {
            None => Bench::default(),
            Some(path) => bench::load_bench(path)?,
        };
        let named = arguments.target.as_ref().or(bench.target.as_ref());
        let target = target(named.map_or("ref", String::as_str))?;
        let fixture = match arguments.fixture.as_ref().or(bench.fixture.as_ref()) {
            None => None,
            Some(text) => Some(FixtureSpec::parse(text).map_err(|error| CliError::usage(error.to_string()))?),
        };
        if target == Target::Reference && fixture.is_some() {
            return Err(CliError::usage("the reference BMS has its fixture in itself")
                .help("leave --fixture out, or name a live target with --target"));
        }
        let mut setup = Setup {
            target,
            fixture,
            settle: bench.settle.unwrap_or(Duration::ZERO),
            seed: arguments.seed,
            packs: None,
            claims: Vec::new(),
            variants: Vec::new(),
        };
        for claim in &arguments.claim {
            setup.claim(claim, library, &choice.protocols())?;
        }
        setup.check_bus(&choice.protocols())?;
        Ok(setup)
    }

    /// True for anything but the reference BMS of this process.
    pub fn is_live(&self) -> bool {
        self.target != Target::Reference
    }

    /// The claims for a protocol.
    pub fn claims(&self, protocol: &Protocol) -> Vec<String> {
        let has = |claim: &str| protocol.claims.iter().any(|known| known.name == claim);
        self.claims
            .iter()
            .filter(|(of, claim)| of.as_ref().is_none_or(|of| *of == protocol.name) && has(claim))
            .map(|(_, claim)| claim.clone())
            .collect()
    }

    /// The variant that the target claims for a protocol.
    pub fn variant(&self, protocol: &str) -> Option<String> {
        let found = self.variants.iter().find(|(name, _)| name == protocol);
        found.map(|(_, variant)| variant.clone())
    }

    /// The options of the command line that a repetition needs.
    pub fn options(&self, context: &Context, arguments: &RunArguments) -> Vec<String> {
        let mut options = Vec::new();
        let mut add = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                options.push(format!("{name} {}", quoted(&value)));
            }
        };
        let path = |path: &Option<std::path::PathBuf>| path.as_ref().map(|path| path.display().to_string());
        let profile = crate::suite::Profile::from(arguments.profile);
        add("--data", path(&context.data));
        add(
            "--profile",
            (profile != crate::suite::Profile::Ci).then(|| profile.word().to_string()),
        );
        add("--target", arguments.target.clone().filter(|target| target != "ref"));
        add("--bench", path(&arguments.bench));
        add("--fixture", arguments.fixture.clone());
        for claim in &arguments.claim {
            add("--claim", Some(claim.clone()));
        }
        add("--waivers", path(&arguments.waivers));
        add("--seed", (arguments.seed != 1).then(|| arguments.seed.to_string()));
        if arguments.strict {
            options.push("--strict".to_string());
        }
        options
    }

    fn claim(&mut self, text: &str, library: &Library, protocols: &[&Protocol]) -> Result<(), CliError> {
        if text.ends_with(".yaml") || text.ends_with(".yml") {
            let target = bench::load_target(Path::new(text), library)?;
            self.packs = target.packs.or(self.packs);
            self.variants.extend(target.variants);
            let claims = target.claims.into_iter();
            self.claims
                .extend(claims.map(|(protocol, claim)| (Some(protocol), claim)));
            return Ok(());
        }
        let known: Vec<&str> = protocols
            .iter()
            .flat_map(|protocol| protocol.claims.iter().map(|claim| claim.name.as_str()))
            .collect();
        if !known.contains(&text) {
            let nearest = did_you_mean(text, known.iter().copied());
            let all = format!("claims of the chosen protocols: {}", known.join(", "));
            return Err(
                CliError::usage(format!("none of the chosen protocols has a claim `{text}`"))
                    .help(nearest.unwrap_or(all)),
            );
        }
        self.claims.push((None, text.to_string()));
        Ok(())
    }

    /// A live battery speaks one protocol at a time, on one bus.
    fn check_bus(&self, protocols: &[&Protocol]) -> Result<(), CliError> {
        if !self.is_live() {
            return Ok(());
        }
        if let [first, _, ..] = protocols {
            let names: Vec<&str> = protocols.iter().map(|protocol| protocol.name.as_str()).collect();
            return Err(CliError::usage(format!(
                "a battery speaks one protocol at a time, and {} are chosen",
                names.len()
            ))
            .help(format!(
                "name the one that it is set to: bmscheck run {} ...",
                first.name
            ))
            .help(format!("chosen are {}", names.join(", "))));
        }
        for protocol in protocols {
            let fits = match (&self.target, &protocol.bus) {
                (Target::Can(_), Bus::Serial { .. }) => Some("an RS485 line: --target serial:PATH"),
                (Target::Serial { .. }, Bus::Can { .. }) => Some("CAN: --target can:IFACE"),
                (Target::Pty, _) => {
                    return Err(CliError::usage("a new pseudo-terminal has no battery on it")
                        .help("`bmscheck emulate PROTOCOL --target pty` puts one there and prints its path"));
                }
                _ => None,
            };
            if let Some(bus) = fits {
                return Err(CliError::usage(format!("{} is spoken on {bus}", protocol.name)));
            }
        }
        Ok(())
    }
}

/// A word as a shell reads it back.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@=,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_string();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}
