//! One protocol's suites against every fault: who sees it first?

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use thiserror::Error;

use crate::definition::{Grade, MessageKey, Protocol};
use crate::engine::plan::{ELAPSE, SEND};
use crate::engine::{self, DriveOptions, Plan, Progress, Target, plan};
use crate::fault::{Act, Fault, ReplyFault, equivalent};
use crate::judge::{CaseResult, Check, CheckResult, Verdict};
use crate::link::faulty::Faulty;
use crate::link::fixture::ReferenceFixture;
use crate::link::line::Line;
use crate::link::reference::{Reference, ReferenceOptions};
use crate::link::{Fixture, Link, LinkError};
use crate::suite::coverage::looked_at;
use crate::suite::{Case, Suite, bind, case_id};

/// The suites of a protocol, made ready once for all faults.
#[derive(Debug)]
pub struct Campaign<'d> {
    protocol: &'d Protocol,
    sessions: Vec<Session<'d>>,
    /// What the suites warn of and remark on a battery without a fault: full name of the case and check.
    usual: HashSet<(String, String)>,
}

/// Why nothing can be measured.
#[derive(Debug, Error)]
pub enum CampaignError {
    /// The reference BMS cannot be had.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The suites fail on a battery that has no fault.
    #[error("{case} fails without any fault: run `bmscheck run {case}`")]
    Unsound {
        /// The full name of the case.
        case: String,
    },
}

/// A check that noticed a fault without failing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The full name of the case.
    pub case: String,
    /// The check.
    pub check: String,
    /// A warning, or information.
    pub result: CheckResult,
    /// How well the fact is known that the check rests on.
    pub grade: Grade,
    /// What the deviation says of its cause.
    pub diagnosis: Option<String>,
}

impl std::fmt::Display for Notice {
    /// ``warning of `0x355.soc` in pylon-can/soc/range (grade C)``.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Notice { case, check, .. } = self;
        write!(
            f,
            "{} of `{check}` in {case} (grade {})",
            self.result.word(),
            self.grade.letter()
        )
    }
}

/// Cases that need the same capabilities of the battery.
#[derive(Debug)]
struct Session<'d> {
    claims: Vec<String>,
    cases: Vec<(&'d Suite, &'d Case)>,
    /// What each case looks at, by full name.
    looks: Vec<Looks>,
}

#[derive(Debug)]
struct Looks {
    id: String,
    messages: Vec<MessageKey>,
    covers: Vec<String>,
}

/// What became of one fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tried {
    /// A case failed.
    Caught {
        /// Its full name.
        case: String,
        /// The check that failed.
        check: String,
        /// What the failure says of its cause.
        diagnosis: Option<String>,
    },
    /// No case failed.
    Missed {
        /// How often the fault changed what was on the wire: 0 when the state for it never arose.
        changed: u64,
        /// A check that noticed it without failing, and how: a warning, information.
        noticed: Option<Notice>,
        /// How well the best known of what it changed is known; `None` where it is about something else than values.
        grade: Option<Grade>,
    },
}

impl<'d> Campaign<'d> {
    /// Makes the chosen cases of a protocol ready, and runs them once on a battery without a fault.
    ///
    /// # Errors
    /// The reference BMS cannot be had, or a case fails on it.
    pub fn new(protocol: &'d Protocol, cases: &[(&'d Suite, &'d Case)]) -> Result<Campaign<'d>, CampaignError> {
        let mut sessions: Vec<Session<'d>> = Vec::new();
        for (suite, case) in cases {
            let claims: Vec<String> = case.claim.iter().cloned().collect();
            let looks = Looks {
                id: case_id(protocol, suite, case),
                messages: bind(case, protocol).map_or(Vec::new(), |bound| looked_at(&bound, protocol)),
                covers: case.covers.clone(),
            };
            match sessions.iter_mut().find(|session| session.claims == claims) {
                Some(session) => {
                    session.cases.push((suite, case));
                    session.looks.push(looks);
                }
                None => sessions.push(Session {
                    claims,
                    cases: vec![(suite, case)],
                    looks: vec![looks],
                }),
            }
        }
        let mut campaign = Campaign {
            protocol,
            sessions,
            usual: HashSet::new(),
        };
        campaign.usual = campaign.healthy()?;
        Ok(campaign)
    }

    /// The protocol.
    pub fn protocol(&self) -> &'d Protocol {
        self.protocol
    }

    /// What is warned of and remarked although nothing is wrong.
    fn healthy(&self) -> Result<HashSet<(String, String)>, CampaignError> {
        let mut usual = HashSet::new();
        for session in &self.sessions {
            let mut link = session.start(self.protocol)?;
            let plan = plan(&session.cases, self.protocol, &session.target(&link));
            let mut failed = None;
            self.drive(session, plan, &mut link.0, &mut link.1, &mut |result| {
                usual.extend(notices(&result).map(|notice| (notice.case, notice.check)));
                if result.verdict == Verdict::Fail {
                    failed = Some(result.id);
                }
                failed.is_none()
            });
            if let Some(case) = failed {
                return Err(CampaignError::Unsound { case });
            }
        }
        Ok(usual)
    }

    /// Tries every fault, on all processors. `progress` is told after each how many are done.
    ///
    /// # Errors
    /// The reference BMS cannot be had.
    pub fn run(&self, faults: &[Fault], progress: &(dyn Fn(usize) + Sync)) -> Result<Vec<Tried>, LinkError> {
        let next = AtomicUsize::new(0);
        let done = AtomicUsize::new(0);
        let found: Mutex<Vec<(usize, Result<Tried, LinkError>)>> = Mutex::new(Vec::new());
        let processors = thread::available_parallelism().map_or(1, usize::from);
        thread::scope(|scope| {
            for _ in 0..processors.min(faults.len()) {
                scope.spawn(|| {
                    let mut worker = Worker::new(self);
                    while let Some((index, fault)) = {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        faults.get(index).map(|fault| (index, fault))
                    } {
                        let tried = worker.try_fault(fault);
                        found
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .push((index, tried));
                        progress(done.fetch_add(1, Ordering::Relaxed) + 1);
                    }
                });
            }
        });
        let mut found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        found.sort_by_key(|(index, _)| *index);
        found.into_iter().map(|(_, tried)| tried).collect()
    }

    /// Runs a plan until `each` has seen enough of the cases.
    fn drive(
        &self,
        session: &Session<'_>,
        plan: Plan,
        link: &mut dyn Link,
        fixture: &mut ReferenceFixture,
        each: &mut dyn FnMut(CaseResult) -> bool,
    ) {
        let options = DriveOptions {
            settle: fixture.settle(),
            ..DriveOptions::default()
        };
        let mut news = |progress: Progress| match progress {
            Progress::CaseDone(result) => each(*result),
            _ => true,
        };
        engine::run(
            self.protocol,
            plan,
            &session.target_with(fixture),
            options,
            link,
            fixture,
            &mut news,
        );
    }

    /// The first warning or remark that a battery without a fault does not get.
    fn unusual(&self, result: &CaseResult) -> Option<Notice> {
        notices(result).find(|notice| !self.usual.contains(&(notice.case.clone(), notice.check.clone())))
    }
}

/// The checks that saw something and did not fail.
fn notices(result: &CaseResult) -> impl Iterator<Item = Notice> {
    let tolerated = |check: &&Check| matches!(check.result, CheckResult::Warning | CheckResult::Information);
    result.checks.iter().filter(tolerated).map(|check| Notice {
        case: result.id.clone(),
        check: check.what.clone(),
        result: check.result,
        grade: check.grade,
        diagnosis: check.diagnosis.clone(),
    })
}

impl Session<'_> {
    fn start(&self, protocol: &Protocol) -> Result<(Reference, ReferenceFixture), LinkError> {
        let mut options = ReferenceOptions::new(&protocol.name, Line::of(&protocol.bus));
        options.claims.clone_from(&self.claims);
        let link = Reference::start(&options)?;
        let fixture = ReferenceFixture::new(link.battery());
        Ok((link, fixture))
    }

    fn target(&self, (_, fixture): &(Reference, ReferenceFixture)) -> Target {
        self.target_with(fixture)
    }

    fn target_with(&self, fixture: &ReferenceFixture) -> Target {
        let mut capabilities = fixture.capabilities();
        capabilities.extend([SEND, ELAPSE].map(String::from));
        Target {
            capabilities,
            claims: self.claims.clone(),
            packs: Some(refbms::MAX_PACKS),
            dangerous: true,
            variant: None,
        }
    }

    /// How promising a case is for a fault: the less, the earlier it runs.
    fn rank(&self, id: &str, fault: &Fault, protocol: &Protocol) -> u8 {
        let Some(looks) = self.looks.iter().find(|looks| looks.id == id) else {
            return 3;
        };
        let about_errors = matches!(
            fault.operator.act,
            Act::Request(_) | Act::Reply(ReplyFault::ErrorCode | ReplyFault::Previous)
        );
        if about_errors && looks.covers.iter().any(|covered| covered.contains("/error:")) {
            return 0;
        }
        let Some(key) = fault.place.message() else { return 2 };
        let message = format!("{}/{key}.", protocol.name);
        let covers = looks.covers.iter().any(|covered| {
            let rest = covered.strip_prefix(&message);
            rest.is_some_and(|name| {
                fault
                    .field(protocol)
                    .is_none_or(|field| field.name == name || field.matches(name))
            })
        });
        match (covers, looks.messages.contains(&key)) {
            (true, _) => 0,
            (false, true) => 1,
            (false, false) => 2,
        }
    }
}

/// Tries faults one after the other.
struct Worker<'c, 'd> {
    campaign: &'c Campaign<'d>,
    /// The plan of each session, in its usual order.
    plans: Vec<Option<Plan>>,
}

impl<'c, 'd> Worker<'c, 'd> {
    fn new(campaign: &'c Campaign<'d>) -> Worker<'c, 'd> {
        Worker {
            campaign,
            plans: campaign.sessions.iter().map(|_| None).collect(),
        }
    }

    /// Runs session after session until a case fails.
    fn try_fault(&mut self, fault: &Fault) -> Result<Tried, LinkError> {
        let (mut changed, mut noticed, mut grade) = (0, None, None);
        let protocol = self.campaign.protocol;
        // More than to be noticed cannot be had of it.
        let weak = equivalent::weak(protocol, fault).is_some();
        let claim = fault.message(protocol).and_then(|message| message.claim.clone());
        let mut order: Vec<usize> = (0..self.campaign.sessions.len()).collect();
        // The battery sends an optional message only where it has the capability.
        order.sort_by_key(|index| {
            let claims = self
                .campaign
                .sessions
                .get(*index)
                .map_or(&[][..], |session| &session.claims);
            claims.first() != claim.as_ref()
        });
        for index in order {
            let Some(session) = self.campaign.sessions.get(index) else {
                continue;
            };
            let (link, mut fixture) = session.start(protocol)?;
            let mut plan = match self.plans.get(index) {
                Some(Some(known)) => known.clone(),
                _ => {
                    let made = plan(&session.cases, protocol, &session.target_with(&fixture));
                    if let Some(place) = self.plans.get_mut(index) {
                        *place = Some(made.clone());
                    }
                    made
                }
            };
            plan.groups.sort_by_cached_key(|group| {
                let ranks = group
                    .cases
                    .iter()
                    .map(|planned| session.rank(&planned.id, fault, protocol));
                ranks.min().unwrap_or(u8::MAX)
            });
            let mut link = Faulty::new(link, protocol, fault.clone());
            let (mut failed, mut seen) = (None, None);
            self.campaign
                .drive(session, plan, &mut link, &mut fixture, &mut |result| {
                    if seen.is_none() {
                        seen = self.campaign.unusual(&result);
                    }
                    if result.verdict == Verdict::Fail {
                        failed = Some(result);
                    }
                    failed.is_none() && !(weak && seen.is_some())
                });
            if let Some(failed) = failed {
                let check = failed.checks.iter().find(|check| check.result == CheckResult::Fail);
                return Ok(Tried::Caught {
                    check: check.map_or(String::new(), |check| check.what.clone()),
                    diagnosis: check.and_then(|check| check.diagnosis.clone()),
                    case: failed.id,
                });
            }
            changed += link.changed();
            grade = grade.into_iter().chain(link.grade()).min();
            noticed = noticed.or(seen.filter(|_| link.changed() > 0));
            if weak && noticed.is_some() {
                break;
            }
        }
        Ok(Tried::Missed {
            changed,
            noticed,
            grade,
        })
    }
}
