//! Every protocol on CAN over a kernel's bus: an emulated battery, and its end-of-line cases in real time.

use std::thread;

use bmscheck::cli::run::choice::Choice;
use bmscheck::definition::library::{Folder, data_files};
use bmscheck::definition::{Bus, Library, Protocol};
use bmscheck::engine::plan::SEND;
use bmscheck::engine::{self, DriveOptions, plan};
use bmscheck::judge::{CaseResult, Verdict};
use bmscheck::link::fixture::FixtureSpec;
use bmscheck::suite::{self, Profile, Suite};

use super::bench::Interface;
use super::trials::Emulated;

/// All protocols at the same time, each on a bus of its own: the cases wait for the battery most of the time.
pub(crate) fn every_protocol_on_can_passes_its_end_of_line_cases() {
    let (library, mistakes) = Library::load(None);
    assert!(!mistakes.has_errors(), "{}", mistakes.render_plain());
    let sources = data_files(None, Folder::Suites).expect("the built-in suites");
    let (suites, mistakes) = suite::load_all(&sources, &library);
    assert!(!mistakes.has_errors(), "{}", mistakes.render_plain());
    let on_can = |protocol: &&Protocol| matches!(protocol.bus, Bus::Can { .. }) && !protocol.settings.is_empty();
    let protocols: Vec<&Protocol> = library.protocols().filter(on_can).collect();
    assert_eq!(protocols.len(), 13, "the manual has 13 settings on CAN");
    let (library, suites) = (&library, suites.as_slice());
    let ends: Vec<(&str, Vec<CaseResult>)> = thread::scope(|scope| {
        let runs: Vec<_> = protocols
            .into_iter()
            .map(|protocol| (protocol, scope.spawn(|| end_of_line(library, suites, protocol))))
            .collect();
        let end = |run: thread::ScopedJoinHandle<'_, Vec<CaseResult>>| run.join().expect("a run that ends");
        runs.into_iter()
            .map(|(protocol, run)| (protocol.name.as_str(), end(run)))
            .collect()
    });
    let mut wrong = Vec::new();
    for (protocol, results) in ends {
        let passed = results.iter().filter(|result| result.verdict == Verdict::Pass).count();
        assert!(passed >= 20, "{protocol}: only {passed} cases passed");
        for result in results.iter().filter(|result| !is_good(result)) {
            let why: Vec<String> = result
                .checks
                .iter()
                .filter(|check| check.result.word() != "pass")
                .map(|check| format!("{} is {} instead of {}", check.what, check.actual, check.expected))
                .collect();
            wrong.push(format!("{} {:?}: {}", result.id, result.verdict, why.join("; ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn end_of_line(library: &Library, suites: &[Suite], protocol: &Protocol) -> Vec<CaseResult> {
    let interface = Interface::new();
    let emulated = Emulated::start(&interface, &protocol.name, Vec::new());
    let mut link = interface.open();
    let mut fixture = FixtureSpec::parse(&format!("refbms:{}", emulated.control))
        .and_then(|spec| spec.open())
        .unwrap_or_else(|error| panic!("{error}"));
    let mut capabilities = fixture.capabilities();
    capabilities.push(SEND.to_string());
    let target = engine::Target {
        capabilities,
        packs: Some(refbms::MAX_PACKS),
        dangerous: true,
        ..engine::Target::default()
    };
    let mut run = |selectors: &[String]| {
        let choice = Choice::new(library, suites, selectors, None, Profile::Eol).expect("end-of-line cases");
        let (_, cases) = choice.chosen.first().expect("one protocol");
        let options = DriveOptions {
            settle: fixture.settle(),
            ..DriveOptions::default()
        };
        let plan = plan(cases, protocol, &target);
        let (fixture, news) = (fixture.as_mut(), &mut |_| true);
        engine::run(protocol, plan, &target, options, &mut link, fixture, news).results
    };
    let mut results = run(std::slice::from_ref(&protocol.name));
    // On a machine that is busy with other things an emulated battery may be seconds late: once more, as a bench would.
    for _ in 0..2 {
        let (good, bad): (Vec<_>, Vec<_>) = results.into_iter().partition(is_good);
        results = good;
        let again: Vec<String> = bad.into_iter().map(|result| result.id).collect();
        if again.is_empty() {
            break;
        }
        results.extend(run(&again));
    }
    results
}

fn is_good(result: &CaseResult) -> bool {
    matches!(result.verdict, Verdict::Pass | Verdict::Skip)
}
