//! Every requirement that only this firmware can be tested for (column Test of the sheet bms-behaviour: firmware), and
//! every value of its part 3, is named in the doc comment of at least one test.

use std::collections::BTreeSet;
use std::fs;
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

/// Identifiers in a text: `R-101`, `R-048 to R-051`.
fn named(text: &str, found: &mut BTreeSet<String>) {
    let words: Vec<&str> = text
        .split(|character: char| !character.is_ascii_alphanumeric() && character != '-')
        .filter(|word| !word.is_empty())
        .collect();
    let parse = |word: &str| {
        let (letter, digits) = word.split_once('-')?;
        let known = matches!(letter, "R" | "B" | "C" | "Q");
        let number: u16 = digits.parse().ok().filter(|_| known)?;
        Some((letter.to_owned(), number))
    };
    for (index, word) in words.iter().enumerate() {
        let Some((letter, first)) = parse(word) else { continue };
        let last = words
            .get(index + 1)
            .filter(|word| **word == "to")
            .and_then(|_| parse(words.get(index + 2)?))
            .filter(|(other, _)| *other == letter)
            .map_or(first, |(_, last)| last);
        found.extend((first..=last).map(|number| format!("{letter}-{number:03}")));
    }
}

/// What the doc comments of the tests in a file name.
fn named_by_tests(source: &str, found: &mut BTreeSet<String>) {
    let mut comment = String::new();
    for line in source.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("///") {
            comment.push_str(text);
        } else if line == "#[test]" {
            named(&comment, found);
            comment.clear();
        } else if !line.starts_with("#[") {
            comment.clear();
        }
    }
}

fn sources(folder: &Path, visit: &mut impl FnMut(&str)) {
    for entry in fs::read_dir(folder).expect("a folder of the crate") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, visit);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            visit(&fs::read_to_string(&path).expect("a source file"));
        }
    }
}

#[test]
fn every_requirement_has_a_test_that_names_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeSet::new();
    for folder in ["src", "tests"] {
        sources(&root.join(folder), &mut |source| named_by_tests(source, &mut found));
    }
    let wanted = [("R", MANUAL), ("B", BEHAVIOUR), ("C", CONTRADICTIONS)];
    let missing: Vec<String> = wanted
        .iter()
        .flat_map(|(letter, ranges)| {
            ranges
                .iter()
                .flat_map(|(first, last)| *first..=*last)
                .map(move |number| {
                    // Contradictions have two digits.
                    format!("{letter}-{number:03}")
                })
        })
        .filter(|name| !found.contains(name))
        .collect();
    assert!(missing.is_empty(), "no test names {missing:?}");
}

#[test]
fn names_are_found_alone_and_in_ranges() {
    let mut found = BTreeSet::new();
    named_by_tests(
        "/// R-101, C-02: x\n#[test]\nfn a() {}\n/// B-150 to B-152.\n#[test]\nfn b() {}\n/// R-999\nfn c() {}",
        &mut found,
    );
    let expected = ["B-150", "B-151", "B-152", "C-002", "R-101"];
    assert!(found.iter().eq(expected.iter()), "{found:?}");
}
