//! Noise changes no verdict: strangers' frames up to a full bus, random bytes between RS485 frames, error reports of the
//! controller. No healthy battery fails for it, and no fault hides behind it.
//!
//! In virtual time. `BMSCHECK_SOAK=20 cargo test --test soak -- --nocapture` repeats everything with 20 seeds.

#![expect(
    clippy::print_stdout,
    reason = "the figures are wanted; `cargo test -- --nocapture` shows them"
)]

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bmscheck::definition::library::{Folder, data_files};
use bmscheck::definition::{Library, Message, Outcome, Protocol};
use bmscheck::engine::plan::{ELAPSE, SEND};
use bmscheck::engine::{self, DriveOptions, Target, plan};
use bmscheck::fault::faults_of;
use bmscheck::judge::Verdict;
use bmscheck::link::faulty::Faulty;
use bmscheck::link::fixture::ReferenceFixture;
use bmscheck::link::line::Line;
use bmscheck::link::reference::{Reference, ReferenceOptions};
use bmscheck::link::{Fixture, Link, LinkDescription, LinkError, LinkEvent, Received};
use bmscheck::suite::{self, Action, Case, Step, Suite, Unwanted};
use bmscheck::time::Instant;
use bmscheck::wire::BusFrame;
use bmscheck::wire::can::{CanFrame, CanId};

/// Between two strangers' frames or bursts of bytes, at most.
const PAUSE: u64 = 400_000;
/// How long the bus is full, and how often.
const FULL: Duration = Duration::from_millis(40);
const FULL_EVERY: Duration = Duration::from_secs(15);
/// A frame on a full bus, with its intermission, at 500 kbit/s.
const FRAME: Duration = Duration::from_micros(240);

struct Dice(u64);

impl Dice {
    fn throw(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % below.max(1)
    }
}

/// A link on a line with strangers and disturbances.
struct Noisy<'p, L> {
    link: L,
    protocol: &'p Protocol,
    dice: Dice,
    held: VecDeque<(Instant, Received)>,
    next: Instant,
    full: Instant,
    /// The controller reports errors too.
    errors: bool,
    /// Strangers' frames, bursts of bytes, error reports.
    counts: [u64; 3],
}

impl<'p, L: Link> Noisy<'p, L> {
    fn new(link: L, protocol: &'p Protocol, seed: u64, errors: bool) -> Noisy<'p, L> {
        let now = link.now();
        Noisy {
            link,
            protocol,
            dice: Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1),
            held: VecDeque::new(),
            next: now,
            full: now.after(FULL_EVERY),
            errors,
            counts: [0; 3],
        }
    }

    fn hold(&mut self, due: Instant, received: Received) {
        let place = self
            .held
            .iter()
            .rposition(|(other, _)| *other <= due)
            .map_or(0, |index| index + 1);
        self.held.insert(place, (due, received));
    }

    /// A frame of somebody else: no number of the protocol, in either width.
    fn stranger(&mut self) -> BusFrame {
        let used = |number: u32| {
            self.protocol
                .messages
                .iter()
                .any(|message| message.key.number() == number)
                || self.protocol.inverter.iter().any(|frame| frame.id.number() == number)
                || self.protocol.forbidden_ids.iter().any(|(id, _)| id.number() == number)
        };
        let mut id = CanId::Standard(0x7FF);
        for _ in 0..100 {
            let number = self.dice.throw(0x800) as u32;
            if !used(number) {
                id = match self.dice.throw(4) {
                    0 => CanId::Extended(number | 0x1000_0000),
                    _ => CanId::Standard(number as u16),
                };
                break;
            }
        }
        let length = self.dice.throw(9) as usize;
        let data: Vec<u8> = (0..length).map(|_| self.dice.throw(256) as u8).collect();
        let frame = match self.dice.throw(20) {
            0 => CanFrame::remote(id, length as u8),
            _ => CanFrame::data(id, &data),
        };
        BusFrame::Can(frame.expect("at most eight bytes"))
    }

    fn disturb(&mut self, now: Instant) {
        if self.protocol.asks() {
            let length = 1 + self.dice.throw(12) as usize;
            let bytes: Vec<u8> = (0..length).map(|_| self.dice.throw(256) as u8).collect();
            let frame = BusFrame::Serial(bytes);
            self.hold(
                now,
                Received::Frame {
                    at: now,
                    until: now,
                    frame,
                },
            );
            self.counts[1] += 1;
        } else if self.errors && self.dice.throw(50) == 0 {
            self.hold(now, Received::Event(now, LinkEvent::Bus("error warning".to_string())));
            self.counts[2] += 1;
        } else {
            self.strange(now);
        }
    }

    fn strange(&mut self, at: Instant) {
        let frame = self.stranger();
        self.hold(at, Received::Frame { at, until: at, frame });
        self.counts[0] += 1;
    }

    fn is_full(&self, at: Instant) -> bool {
        at >= self.full && at < self.full.after(FULL)
    }
}

impl<L: Link> Link for Noisy<'_, L> {
    fn describe(&self) -> LinkDescription {
        self.link.describe()
    }

    fn now(&self) -> Instant {
        self.link.now()
    }

    fn send(&mut self, frame: &BusFrame) -> Result<Instant, LinkError> {
        let until = self.link.send(frame)?;
        // While a question is out the line belongs to it and to its answer.
        if self.protocol.asks() {
            self.next = self.next.max(until.after(Duration::from_millis(900)));
        }
        Ok(until)
    }

    fn elapse(&mut self, until: Instant, alive: &[BusFrame], every: Duration) -> Result<(), LinkError> {
        self.link.elapse(until, alive, every)
    }

    fn receive(&mut self, until: Instant) -> Result<Received, LinkError> {
        loop {
            let now = self.link.now();
            if self.next <= now {
                self.disturb(now);
                self.next = now.after(Duration::from_micros(1000 + self.dice.throw(PAUSE)));
            }
            if !self.protocol.asks() && self.full.after(FULL) <= now {
                let start = self.full;
                for frame in 0..FULL.as_micros() / FRAME.as_micros() {
                    // What is late by now has waited, as everything has on a full bus.
                    self.strange(start.after(FRAME * frame as u32).max(now));
                }
                self.full = now.after(FULL_EVERY);
            }
            if self.held.front().is_some_and(|(due, _)| *due <= now)
                && let Some((_, received)) = self.held.pop_front()
            {
                return Ok(received);
            }
            let mine = [Some(self.next), self.held.front().map(|(due, _)| *due)];
            let full = (!self.protocol.asks()).then(|| self.full.after(FULL));
            let wake = mine
                .into_iter()
                .flatten()
                .chain(full)
                .min()
                .map_or(until, |at| at.min(until));
            match self.link.receive(wake)? {
                Received::Nothing if wake >= until => return Ok(Received::Nothing),
                Received::Nothing => {}
                Received::Frame { until, frame, .. } if self.is_full(until) => {
                    // On a full bus a frame waits for its turn.
                    let due = until.after(Duration::from_micros(self.dice.throw(2000)));
                    self.hold(
                        due,
                        Received::Frame {
                            at: due,
                            until: due,
                            frame,
                        },
                    );
                }
                other => return Ok(other),
            }
        }
    }
}

fn load() -> (Library, Vec<Suite>) {
    let (library, _) = Library::load(None);
    let sources = data_files(None, Folder::Suites).expect("the built-in suites");
    let (suites, mistakes) = suite::load_all(&sources, &library);
    assert!(!mistakes.has_errors(), "{}", mistakes.render_plain());
    (library, suites)
}

/// A demand that nothing comes at all, or nothing that is not listed, or no frame of somebody else, is one on a private
/// line: strangers break it rightly.
fn is_private(case: &Case, protocol: &Protocol) -> bool {
    let own = |name: &str| {
        let known = |message: &Message| message.key.to_string() == name || message.name == name;
        protocol.messages.iter().any(known)
    };
    let private = |step: &Step| match &step.action {
        Action::Never(never) => match &never.what {
            Unwanted::Anything | Unwanted::UnknownId => true,
            Unwanted::Message(name) => !own(name),
            Unwanted::Answer | Unwanted::WrongIdFormat | Unwanted::Remote => false,
        },
        _ => false,
    };
    case.steps.iter().any(|step| match &step.action {
        Action::Together(steps) => steps.iter().any(private),
        _ => private(step),
    })
}

/// The cases of a protocol that need no claim.
fn cases<'s>(suites: &'s [Suite], protocol: &Protocol) -> Vec<(&'s Suite, &'s Case)> {
    let own = suites
        .iter()
        .filter(|suite| suite.protocol.as_deref() == Some(protocol.name.as_str()));
    own.flat_map(|suite| suite.cases.iter().map(move |case| (suite, case)))
        .filter(|(_, case)| case.claim.is_none() && !is_private(case, protocol))
        .collect()
}

/// The verdict of every case, and what the noise was.
fn verdicts<L: Link>(
    protocol: &Protocol,
    chosen: &[(&Suite, &Case)],
    link: &mut L,
    fixture: &mut ReferenceFixture,
) -> BTreeMap<String, (Verdict, String)> {
    let mut capabilities = fixture.capabilities();
    capabilities.extend([SEND, ELAPSE].map(String::from));
    let target = Target {
        capabilities,
        packs: Some(refbms::MAX_PACKS),
        dangerous: true,
        ..Target::default()
    };
    let options = DriveOptions {
        settle: fixture.settle(),
        ..DriveOptions::default()
    };
    let plan = plan(chosen, protocol, &target);
    let run = engine::run(protocol, plan, &target, options, link, fixture, &mut |_| true);
    let told = |result: &bmscheck::judge::CaseResult| {
        let bad = result.checks.iter().filter(|check| check.result.word() != "pass");
        let mut bad: Vec<String> = bad.map(|check| format!("{}: {}", check.what, check.actual)).collect();
        bad.extend(result.reason.clone());
        (result.verdict, bad.join("; "))
    };
    run.results
        .iter()
        .map(|result| (result.id.clone(), told(result)))
        .collect()
}

fn battery(protocol: &Protocol) -> (Reference, ReferenceFixture) {
    let link = Reference::start(&ReferenceOptions::new(&protocol.name, Line::of(&protocol.bus))).expect("a battery");
    let fixture = ReferenceFixture::new(link.battery());
    (link, fixture)
}

fn seeds() -> u64 {
    std::env::var("BMSCHECK_SOAK")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(1)
}

fn spoken(library: &Library) -> impl Iterator<Item = &Protocol> {
    library
        .protocols()
        .filter(|protocol| refbms::Protocol::from_name(&protocol.name).is_some())
        // Where no other identifier may be on the bus (SMA, Q-32), a stranger rightly fails the battery.
        .filter(|protocol| protocol.other_ids.0 != Outcome::Fail)
}

#[test]
fn noise_changes_no_verdict_of_a_healthy_battery() {
    let (library, suites) = load();
    let mut changed = Vec::new();
    for protocol in spoken(&library) {
        let chosen = cases(&suites, protocol);
        let (mut quiet, mut fixture) = battery(protocol);
        let expected = verdicts(protocol, &chosen, &mut quiet, &mut fixture);
        for seed in 1..=seeds() {
            let (link, mut fixture) = battery(protocol);
            let mut link = Noisy::new(link, protocol, seed, false);
            let found = verdicts(protocol, &chosen, &mut link, &mut fixture);
            println!(
                "{}, seed {seed}: {} cases in {} s of bus time, {} strangers' frames, {} bursts of bytes",
                protocol.name,
                found.len(),
                link.now().as_micros() / 1_000_000,
                link.counts[0],
                link.counts[1]
            );
            assert!(link.counts[0] + link.counts[1] > 300, "there must be noise");
            for (id, (verdict, why)) in &found {
                let before = expected.get(id).map(|(verdict, _)| *verdict);
                if before != Some(*verdict) {
                    changed.push(format!("seed {seed}: {id}: {before:?} became {verdict:?}: {why}"));
                }
            }
        }
    }
    assert!(
        changed.is_empty(),
        "{} verdicts changed\n{}",
        changed.len(),
        changed.join("\n")
    );
}

#[test]
fn error_reports_of_the_controller_fail_no_healthy_battery() {
    let (library, suites) = load();
    for protocol in spoken(&library).filter(|protocol| !protocol.asks()) {
        let chosen = cases(&suites, protocol);
        for seed in 1..=seeds() {
            let (link, mut fixture) = battery(protocol);
            let mut link = Noisy::new(link, protocol, seed, true);
            let found = verdicts(protocol, &chosen, &mut link, &mut fixture);
            let count = |wanted| found.values().filter(|(verdict, _)| *verdict == wanted).count();
            println!(
                "{}, seed {seed}: {} error reports, {} frames: {} pass, {} inconclusive, {} fail",
                protocol.name,
                link.counts[2],
                link.counts[0],
                count(Verdict::Pass),
                count(Verdict::Inconclusive),
                count(Verdict::Fail)
            );
            assert!(link.counts[2] > 10, "there must be error reports");
            let failed: Vec<_> = found
                .iter()
                .filter(|(_, (verdict, _))| *verdict == Verdict::Fail)
                .collect();
            assert!(failed.is_empty(), "seed {seed}: {failed:?}");
        }
    }
}

#[test]
fn no_fault_hides_behind_noise() {
    let (library, suites) = load();
    let faults = [
        ("pylon-can", "byte-order in 0x351.charge_voltage_limit", "/limits/"),
        ("pylon-can", "frozen in 0x355.soc", "/soc/"),
        ("pylon-can", "late in 0x356", "/cadence/"),
        ("pylon-can", "wrong-id-format in 0x35C", "/frames/"),
        ("pylon-can", "bit-stuck-0 in 0x35C.charge_enable", "/requests/"),
        ("pylon-rs485", "checksum-wrong in 0x61", "/measurements/"),
        ("pylon-rs485", "scale-x10 in 0x63.charge_current_limit", "/limits/"),
        ("pylon-rs485", "answers-foreign-address in the protocol", "/addresses/"),
        ("pylon-rs485", "answers-bad-checksum in the protocol", "/errors/"),
    ];
    for (protocol, fault, suite) in faults {
        let protocol = library.protocol(protocol).expect("a protocol");
        let chosen: Vec<_> = cases(&suites, protocol)
            .into_iter()
            .filter(|(each, _)| format!("/{}/", each.name.rsplit('/').next().unwrap_or_default()) == suite)
            .collect();
        assert!(!chosen.is_empty(), "{suite}");
        for seed in 1..=seeds() {
            let found = faults_of(protocol).into_iter().find(|known| known.to_string() == fault);
            let (link, mut fixture) = battery(protocol);
            let link = Faulty::new(link, protocol, found.unwrap_or_else(|| panic!("there is no {fault}")));
            let mut link = Noisy::new(link, protocol, seed, false);
            let verdicts = verdicts(protocol, &chosen, &mut link, &mut fixture);
            let failed = verdicts
                .values()
                .filter(|(verdict, _)| *verdict == Verdict::Fail)
                .count();
            println!(
                "{fault} with noise, seed {seed}: {failed} of {} cases fail",
                verdicts.len()
            );
            assert!(failed > 0, "{fault} hides behind noise, seed {seed}");
        }
    }
}
