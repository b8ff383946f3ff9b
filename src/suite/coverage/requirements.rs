//! The requirements of a battery, and what covers them: cases on the wire, tests of the reference firmware inside.

use super::FirmwareTest;
use crate::definition::{Product, Protocol, Requirement, TestSite};
use crate::suite::{Case, Suite, is_meant_for};

/// A requirement with what covers it.
#[derive(Clone, Debug)]
pub struct RequirementRow<'a> {
    /// The requirement.
    pub requirement: &'a Requirement,
    /// The cases that cover it, as `suite/case`.
    pub cases: Vec<String>,
    /// The firmware tests that name it.
    pub firmware_tests: Vec<&'a FirmwareTest>,
}

impl RequirementRow<'_> {
    /// True when nothing covers it where it can be seen: no case for a requirement on the wire, no firmware test for
    /// one inside the battery. What no program can test is never open.
    pub fn is_open(&self) -> bool {
        match self.requirement.test {
            TestSite::Wire => self.cases.is_empty(),
            TestSite::Firmware => self.firmware_tests.is_empty(),
            TestSite::None => false,
        }
    }
}

/// Every requirement of the batteries that some of `protocols` can show, with the cases of `suites` that run on them,
/// and the firmware tests.
///
/// With `inside`, requirements inside the battery as well as those that no program can test: they belong to no
/// protocol.
pub fn requirements<'a>(
    products: &'a [Product],
    protocols: &[&Protocol],
    suites: &[Suite],
    firmware_tests: &'a [FirmwareTest],
    inside: bool,
) -> Vec<RequirementRow<'a>> {
    let all = products.iter().flat_map(|product| &product.requirements);
    let judged = all.filter(|requirement| match requirement.test {
        TestSite::Wire => protocols.iter().any(|protocol| requirement.concerns(protocol)),
        TestSite::Firmware | TestSite::None => inside,
    });
    let mut rows: Vec<RequirementRow> = judged
        .map(|requirement| RequirementRow {
            requirement,
            cases: Vec::new(),
            firmware_tests: firmware_tests
                .iter()
                .filter(|test| test.requirement == requirement.id)
                .collect(),
        })
        .collect();
    for suite in suites {
        for case in &suite.cases {
            let mut cited = rows
                .iter_mut()
                .filter(|row| case.covers.contains(&row.requirement.id))
                .peekable();
            if cited.peek().is_none() || !protocols.iter().any(|protocol| is_meant_for(suite, case, protocol)) {
                continue;
            }
            cited.for_each(|row| row.cases.push(format!("{}/{}", suite.name, case.id)));
        }
    }
    rows
}

/// Suites with their cases that cover `id` as it stands, in the order of the suites; suites without one are left out.
pub fn covering<'s>(id: &str, suites: &'s [Suite]) -> Vec<(&'s Suite, Vec<&'s Case>)> {
    let of_suite = |suite: &'s Suite| -> Vec<&'s Case> {
        let covers = |case: &&Case| case.covers.iter().any(|covered| covered == id);
        suite.cases.iter().filter(covers).collect()
    };
    suites
        .iter()
        .map(|suite| (suite, of_suite(suite)))
        .filter(|(_, cases)| !cases.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::Library;
    use crate::document::Source;
    use crate::suite::coverage::{firmware_tests, is_requirement};
    use crate::suite::{library, load};

    const PRODUCT: &str = "product: test-pack\ntitle: T\nsheet: s\nrequirements:\n\
        - { id: R-001, test: wire, grade: A, text: Covered on CAN }\n\
        - { id: R-002, test: wire, grade: A, text: Covered by a case for every protocol }\n\
        - { id: R-003, test: wire, grade: A, text: Covered by nothing }\n\
        - { id: R-004, test: wire, bus: serial, grade: A, text: Seen on a serial bus only }\n\
        - { id: R-005, test: firmware, grade: A, text: Named by a firmware test }\n\
        - { id: R-006, test: firmware, grade: A, text: Covered by a case but named by no firmware test }\n\
        - { id: R-007, test: none, grade: A, text: Seen by nobody }\n\
        - { id: R-008, test: wire, grade: A, text: Named by a firmware test only }\n\
        - { id: R-009, test: wire, grade: A, text: Covered by a case that runs on the serial bus only }\n";

    const FIRMWARE: &[FirmwareTest] = &[
        FirmwareTest {
            requirement: "R-005",
            file: "firmware/tests/x.rs",
            name: "a",
        },
        FirmwareTest {
            requirement: "R-008",
            file: "firmware/tests/x.rs",
            name: "b",
        },
    ];

    fn suites() -> Vec<Suite> {
        let protocols: Vec<&Protocol> = library().protocols().collect();
        let texts = [
            "suite: pylon-can/t\ntitle: T\nprotocol: pylon-can\ncases:\n\
             - { id: a, title: A, covers: [R-001, R-006], steps: [{ expect: { message: 0x355, fields: { soc: 50 % } } }] }\n",
            "suite: all/t\ntitle: T\nprotocols: all\ncases:\n\
             - { id: a, title: A, covers: [R-002], steps: [{ expect: { fields: { soc: 50 % } } }] }\n\
             - { id: b, title: B, covers: [R-009], steps: [{ expect: { fields: { total_capacity_1: 50 Ah } } }] }\n",
        ];
        texts
            .iter()
            .map(|text| {
                let (suite, mistakes) = load(&Source::new("t.yaml", *text), &protocols);
                suite.unwrap_or_else(|| panic!("{}", mistakes.render_plain()))
            })
            .collect()
    }

    fn open(names: &[&str], inside: bool) -> Vec<String> {
        let (product, mistakes) = Library::from_sources(&[Source::new("p.yaml", PRODUCT)]);
        assert!(mistakes.is_empty(), "{}", mistakes.render_plain());
        let protocols: Vec<&Protocol> = names.iter().map(|name| library().protocol(name).unwrap()).collect();
        requirements(product.products(), &protocols, &suites(), FIRMWARE, inside)
            .into_iter()
            .filter(RequirementRow::is_open)
            .map(|row| row.requirement.id.clone())
            .collect()
    }

    #[test]
    fn open_is_what_nothing_covers_where_it_can_be_seen() {
        assert_eq!(
            open(&["pylon-can", "pylon-rs485"], true),
            ["R-003", "R-004", "R-006", "R-008"]
        );
    }

    #[test]
    fn one_protocol_is_judged_by_what_runs_on_it() {
        assert_eq!(open(&["pylon-can"], false), ["R-003", "R-008", "R-009"]);
        assert_eq!(open(&["pylon-rs485"], false), ["R-001", "R-003", "R-004", "R-008"]);
        assert!(open(&[], false).is_empty());
    }

    #[test]
    fn cases_are_found_by_suite() {
        let suites = suites();
        let found: Vec<String> = covering("R-009", &suites)
            .iter()
            .map(|(suite, cases)| format!("{} {}", suite.name, cases.len()))
            .collect();
        assert_eq!(found, ["all/t 1"]);
        assert!(covering("R-00", &suites).is_empty());
    }

    #[test]
    fn every_requirement_of_the_battery_can_be_cited_and_only_those() {
        let known: Vec<&str> = library()
            .products()
            .iter()
            .flat_map(|product| &product.requirements)
            .map(|requirement| requirement.id.as_str())
            .collect();
        for letter in ["R-", "B-", "C-"] {
            for number in 0..1000 {
                for id in [format!("{letter}{number:03}"), format!("{letter}{number:02}")] {
                    assert_eq!(is_requirement(&id), known.contains(&id.as_str()), "{id}");
                }
            }
        }
    }

    #[test]
    fn the_firmware_tests_name_every_requirement_inside_the_battery() {
        let library = library();
        let rows = requirements(library.products(), &[], &[], firmware_tests(), true);
        let inside = |row: &&RequirementRow| row.requirement.test == TestSite::Firmware;
        assert!(rows.iter().filter(inside).count() > 40);
        let open: Vec<&str> = rows
            .iter()
            .filter(|row| row.is_open())
            .map(|row| row.requirement.id.as_str())
            .collect();
        assert!(open.is_empty(), "{open:?}");
        for test in firmware_tests() {
            assert!(is_requirement(test.requirement), "{test:?}");
        }
    }
}
