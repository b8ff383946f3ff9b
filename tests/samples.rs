//! The sample reports in `reports/sample/` are what the program writes today.
//!
//! `BMSCHECK_RENEW=1 cargo test --test samples` writes them anew.

use std::path::PathBuf;
use std::time::Duration;

use bmscheck::definition::{Library, Protocol};
use bmscheck::document::Source;
use bmscheck::engine::{self, ClockSource, DriveOptions, Target};
use bmscheck::link::fixture::ReferenceFixture;
use bmscheck::link::line::Line;
use bmscheck::link::reference::{Reference, ReferenceOptions};
use bmscheck::link::{Fixture, Link};
use bmscheck::report::text::Style;
use bmscheck::report::{End, Header, Mutation, ProtocolUsed, Report, console, json, junit};
use bmscheck::suite::{self, Profile};

/// The report of `tests/cli/sample.yaml` on the reference BMS, with times that never change.
fn report() -> Report {
    let (library, _) = Library::load(None);
    let path = "tests/cli/sample.yaml";
    let text = std::fs::read_to_string(path).expect("the sample suite");
    let protocols: Vec<&Protocol> = library.protocols().collect();
    let (suite, diagnostics) = suite::load(&Source::new(path, text), &protocols);
    let suite = suite.unwrap_or_else(|| panic!("{}", diagnostics.render_plain()));
    let protocol = library.protocol("pylon-can").expect("built in");
    let mut link =
        Reference::start(&ReferenceOptions::new("pylon-can", Line::of(&protocol.bus))).expect("it is built in");
    let mut fixture = ReferenceFixture::new(link.battery());
    let mut capabilities = fixture.capabilities();
    capabilities.push(engine::plan::SEND.to_string());
    let target = Target {
        capabilities,
        packs: Some(4),
        ..Target::default()
    };
    let suites = [suite];
    let cases: Vec<_> = suites
        .iter()
        .flat_map(|suite| suite.cases.iter().map(move |case| (suite, case)))
        .collect();
    let run = engine::run(
        protocol,
        engine::plan(&cases, protocol, &target),
        &target,
        DriveOptions::default(),
        &mut link,
        &mut fixture,
        &mut |_| true,
    );
    Report {
        header: Header {
            version: "0.1.0".to_string(),
            started: "2025-11-25T10:00:00Z".parse().expect("a time"),
            target: link.describe().name,
            reference: true,
            fixture: fixture.describe(),
            protocols: vec![ProtocolUsed {
                name: protocol.name.clone(),
                title: protocol.title.clone(),
                grade: protocol.grade,
                variant: None,
                definition: protocol.source.name.to_string(),
                mutation: Mutation::Unknown,
            }],
            profile: Profile::Ci,
            strict: false,
            seed: 1,
            selectors: vec![path.to_string()],
            files: vec![("pylon-can/sample".to_string(), path.to_string())],
            options: Vec::new(),
            clock: ClockSource::Virtual,
            resolution: Duration::from_micros(1),
        },
        cases: run.results,
        end: Some(End {
            bus_time: link.now().since(bmscheck::time::Instant::ZERO),
            wall_time: Duration::from_millis(2),
            waivers: Vec::new(),
            broken_off: None,
            answers: Vec::new(),
            echo: false,
        }),
    }
}

#[test]
fn the_sample_reports_are_what_the_program_writes() {
    let report = report();
    let folder = PathBuf::from("reports/sample");
    let samples = [
        ("report.txt", console::render(&report, Style::PLAIN)),
        ("report.json", json::render(&report)),
        ("junit.xml", junit::render(&report).expect("XML")),
    ];
    let renew = std::env::var_os("BMSCHECK_RENEW").is_some();
    for (name, text) in samples {
        let path = folder.join(name);
        if renew {
            std::fs::write(&path, &text).expect("the sample can be written");
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(
            kept, text,
            "{name} is out of date: BMSCHECK_RENEW=1 cargo test --test samples"
        );
    }
}
