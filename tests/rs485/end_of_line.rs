//! Every protocol on RS485: an emulated battery, a program of its own, and its end-of-line cases in real time.

use std::thread;
use std::time::Duration;

use bmscheck::definition::library::{Folder, data_files};
use bmscheck::definition::{Bus, Protocol};
use bmscheck::judge::{CaseResult, Verdict};
use bmscheck::suite::Profile;

use super::bench::{LIBRARY, complaints, run, suites};
use super::programs::Emulated;

/// All protocols at the same time, each on a line of its own: the cases wait for the battery most of the time.
#[test]
fn every_protocol_on_rs485_passes_its_end_of_line_cases() {
    let suites = suites(&data_files(None, Folder::Suites).unwrap());
    let spoken = |protocol: &&Protocol| {
        matches!(protocol.bus, Bus::Serial { .. }) && refbms::Protocol::from_name(&protocol.name).is_some()
    };
    let protocols: Vec<&Protocol> = LIBRARY.protocols().filter(spoken).collect();
    assert!(protocols.len() >= 5, "the reference speaks more");
    let ends: Vec<_> = thread::scope(|scope| {
        let runs: Vec<_> = protocols
            .iter()
            .map(|protocol| {
                let suites = suites.as_slice();
                let run = scope.spawn(move || {
                    let emulated = Emulated::start(&protocol.name);
                    // It tests itself first (B-051).
                    thread::sleep(Duration::from_secs(3));
                    let (port, fixture) = (&emulated.port, &emulated.fixture);
                    let of = |selectors: &[String]| run(suites, selectors, Profile::Eol, port, fixture).results;
                    let mut results = of(std::slice::from_ref(&protocol.name));
                    // On a machine that is busy with other things the battery, a program, may be late: once more.
                    for _ in 0..3 {
                        let again: Vec<String> = results.iter().filter(|r| !is_good(r)).map(|r| r.id.clone()).collect();
                        if again.is_empty() {
                            break;
                        }
                        results.retain(is_good);
                        results.extend(of(&again));
                    }
                    results
                });
                (protocol.name.as_str(), run)
            })
            .collect();
        runs.into_iter()
            .map(|(protocol, run)| (protocol, run.join().unwrap()))
            .collect()
    });
    let mut wrong = Vec::new();
    for (protocol, results) in ends {
        let passed = results.iter().filter(|result| result.verdict == Verdict::Pass).count();
        if passed < 10 {
            wrong.push(format!("{protocol}: only {passed} cases passed"));
        }
        for result in &results {
            if !is_good(result) {
                wrong.push(format!("{} {:?}: {:?}", result.id, result.verdict, complaints(result)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn is_good(result: &CaseResult) -> bool {
    matches!(result.verdict, Verdict::Pass | Verdict::Skip)
}
