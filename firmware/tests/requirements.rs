//! Every requirement that only this firmware can be tested for (column Test of the sheet bms-behaviour: firmware), and
//! every value of its part 3, is named in the doc comment of at least one test.

mod naming;

use std::collections::BTreeSet;
use std::path::Path;

/// Requirements of the manual that are marked "firmware".
const MANUAL: &[(u16, u16)] = &[(40, 41), (46, 51), (73, 73), (80, 90), (101, 101), (110, 124)];
/// Part 3 of the sheet, all of it.
const BEHAVIOUR: &[(u16, u16)] = &[
    (1, 33),
    (50, 61),
    (70, 82),
    (100, 115),
    (120, 120),
    (150, 155),
    (160, 160),
];
/// Contradictions of the manual whose reading shows in the firmware.
const CONTRADICTIONS: &[(u16, u16)] = &[(2, 10), (14, 15)];

#[test]
fn every_requirement_has_a_test_that_names_it() {
    let namings = naming::in_crate(Path::new(env!("CARGO_MANIFEST_DIR"))).expect("the sources of the crate");
    let found: BTreeSet<String> = namings.into_iter().map(|naming| naming.requirement).collect();
    // Contradictions have two digits.
    let wanted = [("R", 3, MANUAL), ("B", 3, BEHAVIOUR), ("C", 2, CONTRADICTIONS)];
    let missing: Vec<String> = wanted
        .iter()
        .flat_map(|(letter, digits, ranges)| {
            ranges
                .iter()
                .flat_map(|(first, last)| *first..=*last)
                .map(move |number| format!("{letter}-{number:0digits$}"))
        })
        .filter(|name| !found.contains(name))
        .collect();
    assert!(missing.is_empty(), "no test names {missing:?}");
}

#[test]
fn names_are_found_alone_and_in_ranges_above_tests_only() {
    let source = "/// R-101, C-02: x\n#[test]\nfn a() {}\n/// B-150 to\n/// B-152.\n#[test]\n#[should_panic]\nfn b() {}\n\
                  /// R-999\nfn c() {}\n/// R-998\n\n#[test]\nfn d() {}";
    let mut namings = Vec::new();
    naming::in_source("tests/x.rs", source, &mut namings);
    let found: Vec<String> = namings
        .iter()
        .map(|naming| format!("{} {} {}", naming.requirement, naming.file, naming.test))
        .collect();
    let expected = ["C-02 a", "R-101 a", "B-150 b", "B-151 b", "B-152 b"];
    let expected = expected.map(|text| text.replacen(' ', " tests/x.rs ", 1));
    assert_eq!(found, expected);
}
