//! The suites of Pylon RS485: whole frames are for the reference battery, and every known field problem has its case.

use bmscheck::definition::library::{Folder, data_files};
use bmscheck::definition::{Library, Protocol};
use bmscheck::suite::{Suite, load};

const PROTOCOL: &str = "pylon-rs485";

fn suites(library: &Library) -> Vec<Suite> {
    let protocols: Vec<&Protocol> = library.protocols().collect();
    let mut suites = Vec::new();
    for source in data_files(None, Folder::Suites).expect("built-in files are readable") {
        if source.name.contains(&format!("/{PROTOCOL}/")) {
            let (suite, diagnostics) = load::load(&source, &protocols);
            assert!(diagnostics.is_empty(), "{}", diagnostics.render_plain());
            suites.extend(suite);
        }
    }
    suites
}

/// Cases that demand an exact answer of the reference battery are not for other batteries.
#[test]
fn whole_frames_are_demanded_of_the_reference_only() {
    let (library, _) = Library::load(None);
    for suite in suites(&library) {
        let text = &suite.origin.source.text;
        for case in &suite.cases {
            let start = text
                .find(&format!("  - id: {}\n", case.id))
                .expect("the case stands in the file");
            let rest = &text[start + 1..];
            let body = &rest[..rest.find("\n  - id: ").unwrap_or(rest.len())];
            let only_ci = case.profiles == [bmscheck::suite::Profile::Ci];
            assert!(only_ci || !body.contains("frame: \""), "{}/{}", suite.name, case.id);
        }
    }
}

/// The numbers in `problem 4`, `problems 26 to 28`, `problems 9, 13`.
fn problems(text: &str) -> Vec<u32> {
    let mut numbers: Vec<u32> = Vec::new();
    for after in text.split("problem").skip(1) {
        let mut range = false;
        let words = after
            .trim_start_matches('s')
            .split([' ', '\n', '#'])
            .filter(|word| !word.is_empty());
        for word in words {
            let number = word.trim_end_matches([',', ';', ')', ':', '.', '"']);
            match number.parse::<u32>() {
                Ok(last) if range => numbers.extend(numbers.last().copied().unwrap_or(last)..=last),
                Ok(number) => numbers.push(number),
                Err(_) if word == "to" || word == "and" => {}
                Err(_) => break,
            }
            range = word == "to";
            if word.ends_with([';', ')', ':', '.', '"']) {
                break;
            }
        }
    }
    numbers
}

#[test]
fn every_known_field_problem_has_a_case_or_a_reason() {
    let (library, _) = Library::load(None);
    let named: Vec<u32> = suites(&library)
        .iter()
        .flat_map(|suite| problems(&suite.origin.source.text))
        .collect();
    let missing: Vec<u32> = (1..=40).filter(|number| !named.contains(number)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert!(named.iter().all(|number| (1..=40).contains(number)), "{named:?}");
}

#[test]
fn numbers_of_problems_are_read() {
    assert_eq!(problems("(problem 4)"), [4]);
    assert_eq!(
        problems("problems 3, 20, 23 to 25, 29; 61"),
        [3, 20, 23, 23, 24, 25, 29]
    );
    assert_eq!(problems("Known field\n# problems 17, 18, 38)."), [17, 18, 38]);
}
