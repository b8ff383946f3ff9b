//! Every suite case is a test: `protocol/suite/case`, against the reference BMS in process.
//!
//! Each case runs alone, on a battery of its own, so that none can depend on another; `bmscheck run` runs them one after
//! the other on one battery. Works under `cargo test` and `cargo nextest`.

#![expect(
    clippy::print_stderr,
    reason = "a test program tells on the standard error why it cannot begin"
)]

use std::process::ExitCode;
use std::sync::Arc;

use bmscheck::definition::library::{Folder, data_files};
use bmscheck::definition::{Library, Protocol};
use bmscheck::document::Diagnostics;
use bmscheck::engine::{self, DriveOptions, Target, plan};
use bmscheck::judge::{CaseResult, CheckResult, Verdict};
use bmscheck::link::Fixture;
use bmscheck::link::fixture::ReferenceFixture;
use bmscheck::link::line::Line;
use bmscheck::link::reference::{Reference, ReferenceOptions};
use bmscheck::suite::{self, Case, Suite};
use libtest_mimic::{Arguments, Failed, Trial};

/// Everything that the tests share.
struct Data {
    library: Library,
    suites: Vec<Suite>,
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let data = match load() {
        Ok(data) => Arc::new(data),
        Err(diagnostics) => {
            eprintln!("{}", diagnostics.render_plain());
            return ExitCode::FAILURE;
        }
    };
    let mut trials = Vec::new();
    for (suite_index, suite) in data.suites.iter().enumerate() {
        for (case_index, case) in suite.cases.iter().enumerate() {
            for protocol in data
                .library
                .protocols()
                .filter(|protocol| runs_on(suite, case, protocol))
            {
                let name = suite::case_id(protocol, suite, case);
                let (data, protocol) = (Arc::clone(&data), protocol.name.clone());
                let test = move || run(&data, &protocol, suite_index, case_index);
                trials.push(Trial::test(name, test).with_kind(""));
            }
        }
    }
    // A harness that finds nothing to run must not be green.
    if trials.len() < 300 {
        eprintln!("only {} cases were found", trials.len());
        return ExitCode::FAILURE;
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn load() -> Result<Data, Diagnostics> {
    let (library, mut diagnostics) = Library::load(None);
    let (suites, found) = suite::load_all(&data_files(None, Folder::Suites)?, &library);
    diagnostics.extend(found);
    if diagnostics.has_errors() {
        Err(diagnostics)
    } else {
        Ok(Data { library, suites })
    }
}

fn runs_on(suite: &Suite, case: &Case, protocol: &Protocol) -> bool {
    let spoken = refbms::Protocol::from_name(&protocol.name).is_some();
    spoken && suite::is_meant_for(suite, case, protocol)
}

fn run(data: &Data, protocol: &str, suite: usize, case: usize) -> Result<(), Failed> {
    let protocol = data.library.protocol(protocol).ok_or("the protocol is gone")?;
    let suite = &data.suites[suite];
    let case = &suite.cases[case];
    let results = run_alone(protocol, suite, case)?;
    let [result] = results.as_slice() else {
        return Err(format!("{} results for one case", results.len()).into());
    };
    // A remark never decides about a foreign battery, however little is known of the protocol; the reference BMS is made
    // from the same sheets and gives no cause for one. Suites for all protocols bring about what rules of single wires
    // remark on, a pack voltage that is not the sum of its cells for instance.
    let remarks = || result.checks.iter().any(|check| check.result != CheckResult::Pass);
    if result.verdict == Verdict::Pass && (suite.protocol.is_none() || !remarks()) {
        return Ok(());
    }
    let mut text = format!(
        "{}: {}\n",
        result.verdict.word(),
        result.reason.as_deref().unwrap_or(&result.title)
    );
    for check in result.checks.iter().filter(|check| check.result.word() != "pass") {
        let frame = check
            .evidence
            .as_ref()
            .map_or(String::new(), |evidence| format!(" in {}", evidence.frame));
        text.push_str(&format!(
            "  {} {}: expected {}, got {}{frame}; {}\n",
            check.result.word(),
            check.what,
            check.expected,
            check.actual,
            check.requirement
        ));
    }
    Err(text.into())
}

fn run_alone(protocol: &Protocol, suite: &Suite, case: &Case) -> Result<Vec<CaseResult>, Failed> {
    let claims: Vec<String> = case.claim.iter().cloned().collect();
    let mut options = ReferenceOptions::new(&protocol.name, Line::of(&protocol.bus));
    options.claims.clone_from(&claims);
    let mut link = Reference::start(&options)?;
    let mut fixture = ReferenceFixture::new(link.battery());
    let mut capabilities = fixture.capabilities();
    capabilities.extend([engine::plan::SEND, engine::plan::ELAPSE].map(String::from));
    let target = Target {
        capabilities,
        claims,
        packs: Some(refbms::MAX_PACKS),
        dangerous: true,
        ..Target::default()
    };
    let options = DriveOptions {
        settle: fixture.settle(),
        ..DriveOptions::default()
    };
    let plan = plan(&[(suite, case)], protocol, &target);
    let run = engine::run(protocol, plan, &target, options, &mut link, &mut fixture, &mut |_| true);
    Ok(run.results)
}
