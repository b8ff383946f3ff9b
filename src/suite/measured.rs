//! How many wire faults the built-in suites catch, as last measured (`bmscheck mutate --record`).
//!
//! The figures belong to a definition, its suites and its list of equivalent faults as they were; a fingerprint of them
//! tells whether they still are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::definition::{Library, Protocol};
use crate::hash::fnv1a;
use crate::suite::Suite;

static RECORD: &str = include_str!("../../suites/measured.json");

/// The figures of all protocols, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Record(pub BTreeMap<String, Measured>);

/// What was measured of one protocol's own suites.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measured {
    /// Of what: [`fingerprint`].
    pub fingerprint: String,
    /// Faults tried.
    pub tried: usize,
    /// Faults that a case failed on.
    pub caught: usize,
    /// Faults that may not fail and were warned of or remarked.
    pub noticed: usize,
    /// Faults that nothing noticed.
    pub missed: usize,
    /// Faults that by the sheet cannot be told from correct behaviour.
    pub equivalent: usize,
}

impl Measured {
    /// Faults caught or noticed among those that can be told, in percent, cut to one decimal: `99.8`.
    pub fn rate_percent(&self) -> String {
        percent(self.caught + self.noticed, self.tried.saturating_sub(self.equivalent))
    }
}

/// A share in percent, cut to one decimal: `99.8`; 100 of nothing.
pub fn percent(found: usize, of: usize) -> String {
    let permille = (found * 1000).checked_div(of).unwrap_or(1000);
    match permille % 10 {
        0 => (permille / 10).to_string(),
        tenth => format!("{}.{tenth}", permille / 10),
    }
}

impl Record {
    /// The record that is built in.
    pub fn built_in() -> Record {
        Record::parse(RECORD).unwrap_or_default()
    }

    /// Reads a record.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(text: &str) -> Result<Record, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The record as a file.
    pub fn text(&self) -> String {
        // Names and numbers cannot fail.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// The figures of a protocol, if they are about these files.
    pub fn of(&self, protocol: &Protocol, library: &Library, suites: &[Suite]) -> Option<&Measured> {
        let known = self.0.get(&protocol.name)?;
        (known.fingerprint == fingerprint(protocol, library, suites)).then_some(known)
    }
}

/// The suites of a protocol alone.
pub fn own<'s>(protocol: &Protocol, suites: &'s [Suite]) -> impl Iterator<Item = &'s Suite> {
    let name = protocol.name.clone();
    suites
        .iter()
        .filter(move |suite| suite.protocol.as_deref() == Some(&name))
}

/// 64 bits over the texts that a measurement depends on: the definition, its suites, its equivalent faults (FNV-1a).
pub fn fingerprint(protocol: &Protocol, library: &Library, suites: &[Suite]) -> String {
    let mut own: Vec<&Suite> = own(protocol, suites).collect();
    own.sort_by(|one, other| one.name.cmp(&other.name));
    let head = format!("equivalents: {}\n", protocol.name);
    let lists = library
        .equivalents()
        .iter()
        .filter(|source| source.text.contains(&head));
    let texts = std::iter::once(&protocol.source)
        .chain(own.iter().map(|suite| &suite.origin.source))
        .chain(lists)
        .flat_map(|source| source.text.bytes().chain([0]));
    let hash = fnv1a(texts);
    format!("{hash:016x}")
}
