//! Which cases run on which protocols.

use std::path::Path;

use crate::cli::select::{Candidate, candidates, file_of, select};
use crate::cli::{CliError, Context, data};
use crate::definition::library::read_source;
use crate::definition::{Library, Protocol};
use crate::document::diagnostic::did_you_mean;
use crate::judge::waivers::{self, Waiver};
use crate::report::suite_of;
use crate::suite::{Case, Profile, Suite, case_id};

/// The chosen cases, by protocol.
#[derive(Debug)]
pub struct Choice<'d> {
    /// All suites: what a judge may need to look at.
    pub suites: &'d [Suite],
    /// The protocols in the order of their names, each with its cases in the order of the suites.
    pub chosen: Vec<(&'d Protocol, Vec<(&'d Suite, &'d Case)>)>,
    /// The full names of all cases that there are.
    known: Vec<String>,
}

impl<'d> Choice<'d> {
    /// Chooses by selectors, brand and profile.
    ///
    /// # Errors
    /// A selector, the brand or the profile leaves nothing.
    pub fn new(
        library: &'d Library,
        suites: &'d [Suite],
        selectors: &[String],
        brand: Option<&str>,
        profile: Profile,
    ) -> Result<Choice<'d>, CliError> {
        let protocols: Vec<&Protocol> = library.protocols().collect();
        let all = candidates(library, suites);
        let case_of = |candidate: &Candidate| -> Option<(&'d Protocol, &'d Suite, &'d Case)> {
            let suite = suites.get(candidate.suite)?;
            Some((
                protocols.get(candidate.protocol)?,
                suite,
                suite.cases.get(candidate.case)?,
            ))
        };
        let known = all
            .iter()
            .filter_map(case_of)
            .map(|(protocol, suite, case)| case_id(protocol, suite, case))
            .collect();
        let selected = select(selectors, &all, suites, &protocols)?;
        let of_brand: Vec<_> = match brand {
            None => selected.iter().filter_map(case_of).collect(),
            Some(brand) => {
                let brand = known_brand(brand, &protocols, library)?;
                let selected = selected.iter().filter_map(case_of);
                selected.filter(|(protocol, ..)| serves(protocol, &brand)).collect()
            }
        };
        if of_brand.is_empty() {
            return Err(nothing_left(selectors, brand));
        }
        let mut chosen: Vec<(&Protocol, Vec<(&Suite, &Case)>)> = Vec::new();
        for (protocol, suite, case) in of_brand.iter().filter(|(.., case)| case.profiles.contains(&profile)) {
            match chosen.iter_mut().find(|(known, _)| known.name == protocol.name) {
                Some((_, cases)) => cases.push((suite, case)),
                None => chosen.push((protocol, vec![(suite, case)])),
            }
        }
        if chosen.is_empty() {
            let mut profiles: Vec<&str> = of_brand
                .iter()
                .flat_map(|(.., case)| case.profiles.iter().map(|profile| profile.word()))
                .collect();
            profiles.sort_unstable();
            profiles.dedup();
            return Err(
                CliError::usage(format!("none of the chosen cases is for profile `{}`", profile.word())).help(format!(
                    "they are for {}; choose one with --profile",
                    profiles.join(", ")
                )),
            );
        }
        Ok(Choice { suites, chosen, known })
    }

    /// The protocols.
    pub fn protocols(&self) -> Vec<&'d Protocol> {
        self.chosen.iter().map(|(protocol, _)| *protocol).collect()
    }

    /// How many cases each suite has, in order, as reports name them.
    pub fn planned(&self) -> Vec<(String, usize)> {
        let mut planned: Vec<(String, usize)> = Vec::new();
        for (protocol, cases) in &self.chosen {
            for (suite, case) in cases {
                let id = case_id(protocol, suite, case);
                let name = suite_of(&id);
                match planned.iter_mut().find(|(known, _)| known == name) {
                    Some((_, count)) => *count += 1,
                    None => planned.push((name.to_string(), 1)),
                }
            }
        }
        planned
    }

    /// The suites of files that selectors name, by name, with the path.
    pub fn named_files(&self, selectors: &[String]) -> Vec<(String, String)> {
        let files = selectors.iter().filter_map(|selector| file_of(selector));
        files
            .filter_map(|(file, _)| {
                let of_file = |suite: &&Suite| Path::new(&*suite.origin.source.name) == Path::new(file);
                let suite = self.suites.iter().find(of_file)?;
                Some((suite.name.clone(), file.to_string()))
            })
            .collect()
    }

    /// Waivers whose pattern fits no case that there is, in words.
    pub fn unused_waivers(&self, all: &[Waiver]) -> Vec<String> {
        all.iter()
            .filter(|waiver| !self.known.iter().any(|id| waivers::matches(&waiver.case, id)))
            .map(|waiver| {
                format!(
                    "`{}` ({}) matches no case that there is",
                    waiver.case,
                    waiver.origin.file_line()
                )
            })
            .collect()
    }
}

/// Loads the suite files that selectors name and that are not among the suites yet; a suite of the same name gives way.
///
/// # Errors
/// A file cannot be read or has mistakes.
pub fn add_named_files(
    context: &Context,
    library: &Library,
    selectors: &[String],
    suites: &mut Vec<Suite>,
) -> Result<(), CliError> {
    for (file, _) in selectors.iter().filter_map(|selector| file_of(selector)) {
        let path = Path::new(file);
        if suites.iter().any(|suite| Path::new(&*suite.origin.source.name) == path) {
            continue;
        }
        let source = read_source(path).map_err(CliError::Data)?;
        for suite in data::load_suites(context, library, &[source])? {
            suites.retain(|known| known.name != suite.name);
            suites.push(suite);
        }
    }
    Ok(())
}

/// The brand as definitions write it.
fn known_brand(brand: &str, protocols: &[&Protocol], library: &Library) -> Result<String, CliError> {
    let wanted = brand.to_lowercase();
    let mut brands: Vec<&str> = protocols
        .iter()
        .flat_map(|protocol| {
            let settings = protocol.settings.iter().map(|setting| setting.brand.as_str());
            protocol.brands.iter().map(String::as_str).chain(settings)
        })
        .collect();
    brands.sort_unstable();
    brands.dedup();
    if brands.contains(&wanted.as_str()) {
        return Ok(wanted);
    }
    let offers: Vec<_> = library
        .products()
        .iter()
        .flat_map(|product| &product.settings)
        .collect();
    if let Some(offer) = offers.iter().find(|offer| offer.brand == wanted) {
        let message = format!(
            "the protocol `{}` of brand `{wanted}` is not defined yet",
            offer.protocol
        );
        return Err(CliError::usage(message).help("`bmscheck list brands` shows which are"));
    }
    let nearest = did_you_mean(
        &wanted,
        brands
            .iter()
            .copied()
            .chain(offers.iter().map(|offer| offer.brand.as_str())),
    );
    let known = format!("known brands: {}", brands.join(", "));
    Err(CliError::usage(format!("no protocol is for a brand `{brand}`")).help(nearest.unwrap_or(known)))
}

fn serves(protocol: &Protocol, brand: &str) -> bool {
    protocol.brands.iter().any(|known| known == brand) || protocol.settings.iter().any(|s| s.brand == brand)
}

fn nothing_left(selectors: &[String], brand: Option<&str>) -> CliError {
    match (brand, selectors.is_empty()) {
        (Some(brand), false) => CliError::usage(format!("none of the selected cases is for brand `{brand}`"))
            .help("`bmscheck list brands` shows which protocols a brand uses"),
        (Some(brand), true) => CliError::usage(format!("there is no case for brand `{brand}`")),
        (None, _) => CliError::usage("there are no cases"),
    }
}
