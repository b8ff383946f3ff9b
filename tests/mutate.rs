//! The suites catch what the catalogue of faults can plant: a sample here, all of it by `bmscheck mutate`.

#![expect(
    clippy::print_stdout,
    reason = "the seed is wanted; `cargo test -- --nocapture` shows it"
)]

use bmscheck::cli::mutate::campaign::Campaign;
use bmscheck::cli::mutate::{Fate, measure, wrong_equivalents};
use bmscheck::definition::library::{Folder, data_files};
use bmscheck::definition::{Library, Protocol};
use bmscheck::document::Source;
use bmscheck::fault::{Fault, equivalent, faults_of};
use bmscheck::suite::measured::{Record, percent};
use bmscheck::suite::{self, Case, Suite};

/// Faults tried for each protocol.
const SAMPLE: usize = 24;

fn load() -> (Library, Vec<Suite>) {
    let (library, _) = Library::load(None);
    let sources = data_files(None, Folder::Suites).expect("the built-in suites");
    let (suites, mistakes) = suite::load_all(&sources, &library);
    assert!(!mistakes.has_errors(), "{}", mistakes.render_plain());
    (library, suites)
}

fn cases<'s>(suites: &'s [Suite], protocol: &Protocol) -> Vec<(&'s Suite, &'s Case)> {
    let own = suites
        .iter()
        .filter(|suite| suite.protocol.as_deref() == Some(protocol.name.as_str()));
    own.flat_map(|suite| suite.cases.iter().map(move |case| (suite, case)))
        .collect()
}

#[test]
fn a_sample_of_the_faults_is_caught() {
    let (library, suites) = load();
    let (equivalents, mistakes) = equivalent::load(&library);
    assert!(mistakes.is_empty(), "{}", mistakes.render_plain());
    let seed: u64 = std::env::var("BMSCHECK_SEED")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(1);
    println!("seed {seed}: repeat with BMSCHECK_SEED={seed}");
    for protocol in library
        .protocols()
        .filter(|protocol| refbms::Protocol::from_name(&protocol.name).is_some())
    {
        let all = faults_of(protocol);
        let mut dice = seed;
        let sample: Vec<Fault> = (0..SAMPLE)
            .filter_map(|_| {
                dice = dice
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                all.get((dice >> 33) as usize % all.len()).cloned()
            })
            .collect();
        let cases = cases(&suites, protocol);
        let campaign = Campaign::new(protocol, &cases).expect("a battery without a fault passes");
        let figures = measure(&campaign, cases.len(), sample, &equivalents).expect("a battery");
        let missed: Vec<String> = figures
            .missed()
            .map(|(fault, needs)| format!("{fault}: needs {needs}"))
            .collect();
        println!(
            "{}: {} caught, {} equivalent",
            protocol.name,
            figures.caught(),
            figures.equivalent()
        );
        assert!(
            missed.is_empty(),
            "{}, seed {seed}:\n{}",
            protocol.name,
            missed.join("\n")
        );
    }
}

/// What reports and the README say of the suites is of these suites, on every protocol that the reference BMS speaks.
#[test]
fn the_record_is_of_these_suites() {
    let (library, suites) = load();
    let record = Record::built_in();
    let mut table = String::from(
        "| protocol | faults | caught | noticed | missed | equivalent | rate |\n|---|---|---|---|---|---|---|\n",
    );
    let mut total = [0; 5];
    for protocol in library
        .protocols()
        .filter(|protocol| refbms::Protocol::from_name(&protocol.name).is_some())
    {
        let name = &protocol.name;
        let figures = record.of(protocol, &library, &suites).unwrap_or_else(|| {
            panic!("not measured as they are: cargo run --release -- mutate {name} --record suites/measured.json")
        });
        assert_eq!(figures.missed, 0, "{name}");
        let counts = [
            figures.tried,
            figures.caught,
            figures.noticed,
            figures.missed,
            figures.equivalent,
        ];
        assert_eq!(counts[0], faults_of(protocol).len(), "{name}");
        assert_eq!(counts[0], counts[1..].iter().sum::<usize>(), "{name}");
        let cells = counts.map(|count| count.to_string()).join(" | ");
        table += &format!("| {name} | {cells} | {} % |\n", figures.rate_percent());
        total.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
    }
    let cells = total.map(|count| count.to_string()).join(" | ");
    let rate = percent(total[1] + total[2], total[0] - total[4]);
    table += &format!("| **{} protocols** | {cells} | {rate} % |\n", record.0.len());
    let readme = include_str!("../README.md");
    assert!(readme.contains(&table), "the README's table is to be\n{table}");
}

#[test]
fn a_weak_suite_misses_faults_and_no_list_excuses_one_that_is_caught() {
    let (mut library, suites) = load();
    let protocol = library.protocol("pylon-can").expect("a protocol").clone();
    let cases: Vec<_> = cases(&suites, &protocol)
        .into_iter()
        .filter(|(suite, _)| suite.name == "pylon-can/soc")
        .collect();
    let named = |text: &str| {
        faults_of(&protocol)
            .into_iter()
            .find(|fault| fault.to_string() == text)
            .expect(text)
    };
    let faults = vec![
        named("frozen in 0x355.soc"),
        named("bit-stuck-0 in 0x359.over_voltage_protection"),
        named("order-changed in 0x355"),
    ];
    let campaign = Campaign::new(&protocol, &cases).expect("a battery without a fault passes");
    let figures = measure(&campaign, cases.len(), faults, &[]).expect("a battery");
    let fates: Vec<&Fate> = figures.faults.iter().map(|(_, fate)| fate).collect();
    assert!(
        matches!(fates[0], Fate::Caught { case, .. } if case.starts_with("pylon-can/soc/")),
        "{fates:?}"
    );
    assert!(
        matches!(fates[1], Fate::Missed(needs) if needs.contains("a case in which")),
        "{fates:?}"
    );
    assert!(
        matches!(fates[2], Fate::Equivalent(reason) if reason.contains("sheet pylon-can")),
        "{fates:?}"
    );
    // One of two that can be told.
    assert!(figures.reaches(50) && !figures.reaches(51));

    let list = "equivalents: pylon-can\nfaults:\n  - { fault: frozen, in: 0x355.soc, sheet: none, reason: none }\n";
    let mut sources = data_files(None, Folder::Protocols).expect("the definitions");
    sources.retain(|source| !source.name.contains("equivalents/"));
    sources.push(Source::new("wrong.yaml", list));
    (library, _) = Library::from_sources(&sources);
    let (equivalents, mistakes) = equivalent::load(&library);
    assert!(mistakes.is_empty(), "{}", mistakes.render_plain());
    let refused = wrong_equivalents(&equivalents, &[figures]).render_plain();
    assert!(
        refused.contains("equivalent-is-caught") && refused.contains("wrong.yaml:3"),
        "{refused}"
    );
}

#[test]
fn an_entry_that_names_nothing_is_a_mistake() {
    let mut sources = data_files(None, Folder::Protocols).expect("the definitions");
    for (list, id, help) in [
        ("{ fault: frosen, sheet: x, reason: x }", "unknown-fault", "frozen"),
        (
            "{ fault: frozen, in: 0x355.sok, sheet: x, reason: x }",
            "unknown-place",
            "0x355.soc",
        ),
        ("{ fault: frozen, in: 0x355.soc, sheet: x }", "missing-key", "reason"),
        (
            "{ fault: checksum-wrong, sheet: x, reason: x }",
            "unknown-fault",
            "cannot have",
        ),
    ] {
        let text = format!("equivalents: pylon-can\nfaults:\n  - {list}\n");
        sources.push(Source::new("wrong.yaml", text));
        let (library, _) = Library::from_sources(&sources);
        let (entries, mistakes) = equivalent::load(&library);
        let text = mistakes.render_plain();
        assert!(
            entries.is_empty() && text.contains(id) && text.contains(help),
            "{list}: {text}"
        );
        sources.pop();
    }
}
