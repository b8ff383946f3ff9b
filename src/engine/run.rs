//! The loop that joins a drive, a link and a fixture, in virtual or real time.

use super::drive::{Action, Drive, DriveOptions, Input, Progress};
use super::plan::{Plan, Target};
use super::{Trace, TraceHeader};
use crate::definition::Protocol;
use crate::judge::CaseResult;
use crate::link::{Fixture, Link, Received};

/// So often may the clock stand still between two things that happen; more is a livelock of the harness.
const STUCK: u32 = 100_000;

/// What a run gave.
#[derive(Clone, Debug)]
pub struct Run {
    /// The evidence.
    pub trace: Trace,
    /// A result for every planned case, in the order of the choice.
    pub results: Vec<CaseResult>,
}

/// The header of a trace of a run on this link.
pub fn header(link: &dyn Link, protocol: &Protocol, target: &Target) -> TraceHeader {
    let description = link.describe();
    TraceHeader {
        protocol: protocol.name.clone(),
        target: description.name,
        reference: description.reference,
        clock: description.clock,
        resolution: description.resolution,
        variant: target.variant.clone(),
        claims: target.claims.clone(),
        packs: target.packs,
    }
}

/// Runs a plan on a target.
///
/// `progress` is told what happens, and answers whether to go on. A link that breaks ends the run: the case that was
/// running and those left get the verdict `error`.
pub fn run(
    protocol: &Protocol,
    plan: Plan,
    target: &Target,
    options: DriveOptions,
    link: &mut dyn Link,
    fixture: &mut dyn Fixture,
    progress: &mut dyn FnMut(Progress) -> bool,
) -> Run {
    let header = header(link, protocol, target);
    let mut drive = Drive::new(protocol, plan, target, header, options, link.now());
    let (mut before, mut stuck) = (link.now(), 0);
    loop {
        while let Some(action) = drive.poll_action(link.now()) {
            let began = link.now();
            let input = match action {
                Action::Send(frame) => match link.send(&frame) {
                    Ok(until) => Input::Sent(frame, until),
                    Err(error) => Input::LinkBroke(error.to_string()),
                },
                Action::Stimulate(stimulus) => {
                    let result = fixture.apply(link.now(), &stimulus);
                    Input::Stimulated(stimulus, result)
                }
                Action::Elapse { until, alive, every } => match link.elapse(until, &alive, every) {
                    Ok(()) => Input::Elapsed(link.now().since(began)),
                    Err(error) => Input::LinkBroke(error.to_string()),
                },
                Action::Look(expected) => Input::Looked(fixture.look(link.now(), &expected)),
            };
            // A write lasts as long as the driver likes: something is sent when it is begun to be.
            let at = if matches!(input, Input::Sent(..)) {
                began
            } else {
                link.now()
            };
            drive.handle_event(at, input);
        }
        while let Some(news) = drive.poll_progress() {
            if !progress(news) {
                drive.handle_event(link.now(), Input::Interrupt);
            }
        }
        let Some(until) = drive.poll_timeout() else {
            break;
        };
        // What came before the deadline is handed over before the deadline is: a link gives what it holds first.
        let input = match link.receive(until) {
            Ok(Received::Nothing) => {
                stuck = if link.now() > before { 0 } else { stuck + 1 };
                before = link.now();
                if stuck < STUCK {
                    drive.handle_timeout(link.now());
                    continue;
                }
                Input::LinkBroke("the harness stands still; this is a mistake of bmscheck".to_string())
            }
            Ok(Received::Frame { at, until, frame }) => Input::Received { at, until, frame },
            Ok(Received::Event(at, event)) => Input::Link(at, event),
            Ok(Received::End) => Input::End,
            Err(error) => Input::LinkBroke(error.to_string()),
        };
        drive.handle_event(link.now(), input);
    }
    let (trace, results) = drive.finish();
    Run { trace, results }
}
