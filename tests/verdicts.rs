//! Verdicts depend on suite, definition and trace: not on who asks, nor on the order of the cases.

use std::collections::BTreeMap;

use bmscheck::definition::library::{Folder, data_files};
use bmscheck::definition::{Library, Protocol};
use bmscheck::engine::{DriveOptions, Run, Target, plan, run, store};
use bmscheck::judge::{CaseResult, JudgeOptions, Verdict, judge};
use bmscheck::link::Fixture as _;
use bmscheck::link::fixture::ReferenceFixture;
use bmscheck::link::line::Line;
use bmscheck::link::reference::{Reference, ReferenceOptions};
use bmscheck::suite::{self, Case, Suite};

/// What the built-in suites and the reference BMS share.
struct Bench {
    library: Library,
    suites: Vec<Suite>,
}

impl Bench {
    fn new() -> Bench {
        let (library, mistakes) = Library::load(None);
        assert!(!mistakes.has_errors(), "{}", mistakes.render_plain());
        let sources = data_files(None, Folder::Suites).expect("built-in files can be read");
        let (suites, mistakes) = suite::load_all(&sources, &library);
        assert!(!mistakes.has_errors(), "{}", mistakes.render_plain());
        assert!(!suites.is_empty(), "there are no suites");
        Bench { library, suites }
    }

    /// The protocols that the reference BMS speaks and suites are about.
    fn protocols(&self) -> Vec<&Protocol> {
        let spoken = |protocol: &&Protocol| refbms::Protocol::from_name(&protocol.name).is_some();
        let protocols: Vec<&Protocol> = self.library.protocols().filter(spoken).collect();
        assert!(!protocols.is_empty(), "the reference BMS speaks none of the protocols");
        protocols
    }

    fn cases(&self, protocol: &Protocol) -> Vec<(&Suite, &Case)> {
        self.suites
            .iter()
            .flat_map(|suite| suite.cases.iter().map(move |case| (suite, case)))
            .filter(|(suite, case)| suite::is_meant_for(suite, case, protocol))
            .collect()
    }

    fn run(&self, protocol: &Protocol, cases: &[(&Suite, &Case)], judge: JudgeOptions) -> Run {
        let line = match protocol.asks() {
            true => Line::Serial { baud: 9600 },
            false => Line::Can { bitrate: 500_000 },
        };
        let mut link = Reference::start(&ReferenceOptions::new(&protocol.name, line)).expect("it speaks it");
        let mut fixture = ReferenceFixture::new(link.battery());
        let mut capabilities = fixture.capabilities();
        capabilities.push("send".into());
        let target = Target {
            capabilities,
            packs: Some(4),
            dangerous: true,
            ..Target::default()
        };
        let options = DriveOptions {
            judge,
            settle: fixture.settle(),
            ..DriveOptions::default()
        };
        let plan = plan(cases, protocol, &target);
        run(protocol, plan, &target, options, &mut link, &mut fixture, &mut |_| true)
    }
}

/// Everything that a verdict rests on, without the times of this run.
fn outcome(result: &CaseResult) -> (Verdict, Vec<String>) {
    let checks = result
        .checks
        .iter()
        // How many messages came in a shared observation depends on who shares it.
        .filter(|check| check.what != "every message")
        .map(|check| format!("{} {} {}", check.what, check.result.word(), check.vacuous))
        .collect();
    (result.verdict, checks)
}

#[test]
fn a_stored_trace_gives_the_verdicts_of_the_live_run() {
    let bench = Bench::new();
    let certification = JudgeOptions {
        strict: true,
        certification: true,
    };
    // Every other protocol as a certification judges it.
    let all_options = [JudgeOptions::default(), certification].into_iter().cycle();
    for (protocol, options) in bench.protocols().into_iter().zip(all_options) {
        let run = bench.run(protocol, &bench.cases(protocol), options);
        let mut stored = Vec::new();
        store::write(&run.trace, &mut stored).expect("memory can be written");
        let trace = store::read(stored.as_slice()).expect("what was written can be read");
        let again = judge(&bench.suites, protocol, &trace, options);
        assert_eq!(again.len(), run.results.len());
        for (live, again) in run.results.iter().zip(&again) {
            assert_eq!(format!("{live:?}"), format!("{again:?}"));
        }
        assert!(run.results.iter().any(|result| result.verdict == Verdict::Pass));
    }
}

#[test]
fn the_order_of_cases_changes_no_verdict() {
    let bench = Bench::new();
    for (seed, protocol) in (1..).zip(bench.protocols()) {
        let cases = bench.cases(protocol);
        let in_order = bench.run(protocol, &cases, JudgeOptions::default());
        let expected: BTreeMap<&str, _> = in_order
            .results
            .iter()
            .map(|result| (result.id.as_str(), outcome(result)))
            .collect();
        let run = bench.run(protocol, &shuffled(&cases, seed), JudgeOptions::default());
        assert_eq!(run.results.len(), expected.len());
        for result in &run.results {
            let id = result.id.as_str();
            assert_eq!(expected.get(id), Some(&outcome(result)), "{id} with seed {seed}");
        }
    }
}

/// The same things in another order (Fisher and Yates, with a linear congruential generator).
fn shuffled<T: Copy>(things: &[T], seed: u64) -> Vec<T> {
    let mut state = seed;
    let mut next = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let mut things = things.to_vec();
    for last in (1..things.len()).rev() {
        things.swap(last, next(last + 1));
    }
    things
}
