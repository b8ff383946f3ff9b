//! Driving a target through cases and recording what happened.
//!
//! | file | subject |
//! |---|---|
//! | [`store`] | traces as files |
//! | [`trace`] | what happened: every frame both ways with its time, every stimulus, every link event |
//! | [`plan`] | the order of cases: those that only watch share an observation, states change seldom |
//! | [`drive`] | a sans-IO machine: told what happened and what time it is, answers what to do and when to wake it |
//! | [`random`] | frames and bytes that mean nothing, from the seed of the run |
//! | [`run`] | the loop that joins machine, link and fixture, in virtual or real time |
//!
//! Before each stateful case comes a reset, then the state that the case begins in, then time to settle. Steps follow one
//! after the other; a case that only watches begins all of them at once, and shares its observation with others that begin
//! in the same state. On a bus where the battery only answers, the harness asks for what the open demands want to see, one
//! question at a time.
//!
//! ```
//! use bmscheck::definition::{Library, Protocol};
//! use bmscheck::document::Source;
//! use bmscheck::engine::{DriveOptions, Target, plan, run};
//! use bmscheck::judge::{JudgeOptions, Verdict, judge};
//! use bmscheck::link::{Fixture, fixture::ReferenceFixture, line::Line};
//! use bmscheck::link::reference::{Reference, ReferenceOptions};
//!
//! let (library, _) = Library::load(None);
//! let protocols: Vec<&Protocol> = library.protocols().collect();
//! let text = "
//! suite: pylon-can/example
//! title: An example
//! protocol: pylon-can
//! cases:
//!   - id: protection-stops-charging
//!     title: A protection stops charging on the wire
//!     covers: [R-003, pylon-can/0x35C.charge_enable]
//!     given: { soc: 50 % }
//!     steps:
//!       - set: { cell_over_voltage_protection: true }
//!       - expect: { message: 0x35C, within: 3 s, fields: { charge_enable: false } }
//! ";
//! let (suite, mistakes) = bmscheck::suite::load(&Source::new("example.yaml", text), &protocols);
//! let suites = [suite.unwrap_or_else(|| panic!("{}", mistakes.render_plain()))];
//!
//! let protocol = library.protocol("pylon-can").unwrap();
//! let mut link = Reference::start(&ReferenceOptions::new("pylon-can", Line::Can { bitrate: 500_000 })).unwrap();
//! let mut fixture = ReferenceFixture::new(link.battery());
//! let mut capabilities = fixture.capabilities();
//! capabilities.push("send".into());
//! let target = Target { capabilities, ..Target::default() };
//!
//! let cases: Vec<_> = suites[0].cases.iter().map(|case| (&suites[0], case)).collect();
//! let plan = plan(&cases, protocol, &target);
//! let options = DriveOptions { settle: fixture.settle(), ..DriveOptions::default() };
//! let run = run(protocol, plan, &target, options, &mut link, &mut fixture, &mut |_| true);
//! assert_eq!(run.results[0].verdict, Verdict::Pass);
//!
//! // The trace is the evidence: it gives the same verdict whenever it is judged.
//! let again = judge(&suites, protocol, &run.trace, JudgeOptions::default());
//! assert_eq!(again[0].verdict, Verdict::Pass);
//! ```

pub mod drive;
pub mod plan;
pub mod random;
pub mod run;
pub mod store;
pub mod trace;

pub use drive::{Drive, DriveOptions, Progress};
pub use plan::{Plan, Target, plan};
pub use run::{Run, run};
pub use trace::*;

#[cfg(test)]
mod tests;
