//! The suites leave nothing uncovered: no item of a definition, no requirement that its wire can show.

use bmscheck::definition::library::{Folder, data_files};
use bmscheck::definition::{Library, Protocol};
use bmscheck::suite::coverage::{coverage, firmware_tests, requirements};
use bmscheck::suite::{self, Suite};

fn load() -> (Library, Vec<Suite>) {
    let (library, mistakes) = Library::load(None);
    assert!(!mistakes.has_errors(), "{}", mistakes.render_plain());
    let sources = data_files(None, Folder::Suites).expect("built-in files can be read");
    let (suites, mistakes) = suite::load_all(&sources, &library);
    assert!(!mistakes.has_errors(), "{}", mistakes.render_plain());
    (library, suites)
}

/// Those that serve a setting of the battery's display.
fn offered(library: &Library) -> Vec<&Protocol> {
    let offered: Vec<&Protocol> = library
        .protocols()
        .filter(|protocol| !protocol.settings.is_empty())
        .collect();
    assert!(offered.len() > 20, "{} protocols", offered.len());
    offered
}

#[test]
fn every_item_of_every_offered_protocol_is_covered() {
    let (library, suites) = load();
    let open: Vec<String> = offered(&library)
        .into_iter()
        .flat_map(|protocol| coverage(protocol, &suites))
        .filter(|row| row.cases.is_empty())
        .map(|row| row.item.to_string())
        .collect();
    assert!(open.is_empty(), "nothing covers {}", open.join(", "));
}

#[test]
fn every_requirement_is_covered_on_every_protocol_that_can_show_it() {
    let (library, suites) = load();
    let mut open = Vec::new();
    for protocol in offered(&library) {
        let rows = requirements(library.products(), &[protocol], &suites, firmware_tests(), false);
        let such = rows.iter().filter(|row| row.is_open());
        open.extend(such.map(|row| format!("{} on {}", row.requirement.id, protocol.name)));
    }
    assert!(open.is_empty(), "nothing covers {}", open.join(", "));
}
