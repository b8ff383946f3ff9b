//! Cases of this process on a battery at a serial port.

use std::sync::LazyLock;

use bmscheck::cli::run::choice::Choice;
use bmscheck::definition::Library;
use bmscheck::document::Source;
use bmscheck::engine::plan::{SEND, plan};
use bmscheck::engine::{self, DriveOptions, Run};
use bmscheck::judge::{CaseResult, CheckResult};
use bmscheck::link::fixture::FixtureSpec;
use bmscheck::link::serial::Serial;
use bmscheck::suite::{self, Profile, Suite};

/// The definitions, loaded once: unoptimised, that takes seconds.
pub(crate) static LIBRARY: LazyLock<Library> = LazyLock::new(|| {
    let (library, mistakes) = Library::load(None);
    assert!(!mistakes.has_errors(), "{}", mistakes.render_plain());
    library
});

/// The suites of some sources.
pub(crate) fn suites(sources: &[Source]) -> Vec<Suite> {
    let (suites, mistakes) = suite::load_all(sources, &LIBRARY);
    assert!(!mistakes.has_errors(), "{}", mistakes.render_plain());
    suites
}

/// Runs the cases of a profile; `selectors` and `fixture` as on the command line.
pub(crate) fn run(suites: &[Suite], selectors: &[String], profile: Profile, port: &str, fixture: &str) -> Run {
    let choice = Choice::new(&LIBRARY, suites, selectors, None, profile).unwrap();
    let (protocol, cases) = choice.chosen.first().unwrap();
    let mut link = Serial::open(port, 9600).unwrap();
    let mut fixture = FixtureSpec::parse(fixture).unwrap().open().unwrap();
    let mut capabilities = fixture.capabilities();
    capabilities.push(SEND.to_string());
    let target = engine::Target {
        capabilities,
        packs: Some(refbms::MAX_PACKS),
        dangerous: true,
        ..engine::Target::default()
    };
    let options = DriveOptions {
        settle: fixture.settle(),
        ..DriveOptions::default()
    };
    engine::run(
        protocol,
        plan(cases, protocol, &target),
        &target,
        options,
        &mut link,
        fixture.as_mut(),
        &mut |_| true,
    )
}

/// Does something again, a few times, until it goes well: on a machine that is busy with other things a battery that is a
/// program may get no processor for a second, and be late. What is really wrong is wrong each time.
#[track_caller]
pub(crate) fn in_time(mut attempt: impl FnMut() -> Result<(), String>) {
    let mut failures = Vec::new();
    for _ in 0..4 {
        match attempt() {
            Ok(()) => return,
            Err(failure) => failures.push(failure),
        }
    }
    panic!("{}", failures.join("\nand again:\n"));
}

/// The checks of a case that did not pass, in words.
pub(crate) fn complaints(result: &CaseResult) -> Vec<String> {
    let checks = result.checks.iter().filter(|check| check.result != CheckResult::Pass);
    checks
        .map(|check| format!("{}: {} instead of {}", check.what, check.actual, check.expected))
        .collect()
}
