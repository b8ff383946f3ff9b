//! Drives a target through a plan: a machine without input or output of its own.
//!
//! It is told what happened and what time it is ([`handle_event`](Drive::handle_event),
//! [`handle_timeout`](Drive::handle_timeout)), and answers what to do ([`poll_action`](Drive::poll_action)) and when to
//! wake it ([`poll_timeout`](Drive::poll_timeout)). Everything that happens goes into the trace and, at the same time, to
//! the [`Referee`], which knows when a demand is decided: so the drive goes on as soon as it can, and the verdicts are
//! those of the stored trace.

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use super::plan::{Group, Plan, PlannedCase, SEND, Target, leaves_state_alone};
use super::random::{self, Dice};
use super::{ClockSource, Event, EventKind, Stop, Trace, TraceHeader};
use crate::definition::{Protocol, Sender};
use crate::judge::{CaseResult, JudgeOptions, Referee, Verdict};
use crate::link::LinkEvent;
use crate::suite::{self, Case, Exchange, Setting, Stimulus, is_askable};
use crate::time::Instant;
use crate::wire::BusFrame;
use crate::wire::can::CanFrame;

mod asker;

use asker::Asker;

/// The longest run on one protocol where the user says nothing.
pub const LONGEST_RUN: Duration = Duration::from_secs(24 * 3600);

/// How often a battery is asked something while time elapses: often enough not to be taken for one without an inverter
/// 60 s; B-031: 48 h).
const ELAPSING_PERIOD: Duration = Duration::from_secs(15);

/// How a run is driven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DriveOptions {
    /// How strictly it is judged.
    pub judge: JudgeOptions,
    /// It ends at the first failure.
    pub fail_fast: bool,
    /// It ends after this bus time.
    pub longest: Duration,
    /// How long a stimulus takes until it shows on the wire, beyond the protocol's own period.
    pub settle: Duration,
    /// The seed of what is sent at random.
    pub seed: u64,
}

impl Default for DriveOptions {
    fn default() -> DriveOptions {
        DriveOptions {
            judge: JudgeOptions::default(),
            fail_fast: false,
            longest: LONGEST_RUN,
            settle: Duration::ZERO,
            seed: 1,
        }
    }
}

/// What the drive wants done. The answer to each is an [`Input`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send this; answer [`Input::Sent`].
    Send(BusFrame),
    /// Put the target into this state; answer [`Input::Stimulated`].
    Stimulate(Stimulus),
    /// Let time pass until then, with these signs of life of an inverter so often; answer [`Input::Elapsed`].
    Elapse {
        /// Until when.
        until: Instant,
        /// What an inverter that is there sends.
        alive: Vec<BusFrame>,
        /// How often.
        every: Duration,
    },
    /// Look what display and LEDs show, beside what they should; answer [`Input::Looked`].
    Look(Vec<(String, Setting)>),
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A frame or bytes came.
    Received {
        /// When; of bytes the first one.
        at: Instant,
        /// When the last byte had arrived.
        until: Instant,
        /// What came.
        frame: BusFrame,
    },
    /// Something about the link.
    Link(Instant, LinkEvent),
    /// What was to be sent was sent; the last bit had left at this time.
    Sent(BusFrame, Instant),
    /// A stimulus took effect, or why not.
    Stimulated(Stimulus, Result<(), String>),
    /// So much time has elapsed.
    Elapsed(Duration),
    /// What display and LEDs show, or why nobody can tell.
    Looked(Result<Vec<(String, Setting)>, String>),
    /// The link broke, and how.
    LinkBroke(String),
    /// Nothing will ever come: a recording is over.
    End,
    /// Somebody wants the run to end.
    Interrupt,
}

/// What the user may want to see while a run goes on.
#[derive(Clone, Debug)]
pub enum Progress {
    /// A case began.
    CaseStarted {
        /// Its full name.
        id: String,
        /// How many cases began before it.
        number: usize,
        /// How many cases run.
        of: usize,
    },
    /// A case is over or was skipped.
    CaseDone(Box<CaseResult>),
}

/// Drives a target through a plan.
#[derive(Debug)]
pub struct Drive<'p> {
    protocol: &'p Protocol,
    options: DriveOptions,
    trace: Trace,
    referee: Referee<'p>,
    groups: VecDeque<Group>,
    group: Option<Group>,
    phase: Phase,
    /// The state that the target is known to be in.
    state: State,
    keepalive: bool,
    can_send: bool,
    can_reset: bool,
    /// When each frame of the inverter is due.
    inverter: Vec<(CanFrame, Duration, Instant)>,
    asker: Asker,
    /// An action was given out and is not answered yet.
    awaiting: bool,
    started: Instant,
    /// How much time has elapsed on purpose.
    excused: Duration,
    now: Instant,
    /// The line gives back what is sent; that stands in the trace.
    echo: bool,
    /// A case that failed, where that is to end the run.
    failed: Option<String>,
    cases_started: usize,
    cases: usize,
    progress: VecDeque<Progress>,
}

/// What is known of the state of the target.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// Nothing has been changed in this run.
    AsFound,
    /// Reset, and then these stimuli.
    Given(Vec<Stimulus>),
    Unknown,
}

/// What the drive is doing.
#[derive(Clone, Debug)]
enum Phase {
    /// The reference BMS tests itself.
    WarmingUp(Instant),
    /// The next group is to begin.
    Between,
    /// Stimuli are given, then the target settles.
    Preparing(VecDeque<Stimulus>),
    Settling(Instant),
    /// All cases of the group watch.
    Watching,
    /// A case goes through its steps.
    Stepping {
        step: usize,
        doing: Doing,
    },
    Done,
}

/// What a step is doing.
#[derive(Clone, Debug)]
enum Doing {
    /// The step is to begin.
    Begin,
    Stimulating(VecDeque<Stimulus>),
    Waiting(Instant),
    /// Time elapses until then; `true` once that has been asked for.
    Elapsing(Instant, bool),
    /// Display and LEDs are to be looked at.
    Looking(Option<Vec<(String, Setting)>>),
    Sending {
        frames: VecDeque<BusFrame>,
        every: Duration,
        next: Instant,
    },
    /// A demand is watched until it is decided.
    Watching,
    /// A question goes out, in one piece or in slices, and what follows is watched.
    Asking {
        round: u32,
        slices: VecDeque<Vec<u8>>,
        pause: Duration,
        next: Instant,
    },
}

impl<'p> Drive<'p> {
    /// A drive that begins at `now`.
    pub fn new(
        protocol: &'p Protocol,
        plan: Plan,
        target: &Target,
        header: TraceHeader,
        options: DriveOptions,
        now: Instant,
    ) -> Drive<'p> {
        let chosen: Vec<String> = plan.chosen.iter().map(|chosen| chosen.id.clone()).collect();
        let cases = plan.len();
        let referee = Referee::new(plan.chosen, protocol, &header, options.judge);
        let phase = Phase::WarmingUp(now.after(warm_up(&header)));
        let can = |what: &str| target.capabilities.iter().any(|can| can == what);
        let (can_send, can_reset) = (can(SEND), can("reset"));
        let inverter = protocol
            .inverter
            .iter()
            .filter_map(|frame| Some((CanFrame::data(frame.id, &frame.payload)?, frame.every, now)))
            .collect();
        let mut drive = Drive {
            protocol,
            trace: Trace {
                header,
                events: Vec::new(),
            },
            referee,
            groups: plan.groups.into(),
            group: None,
            phase,
            state: State::AsFound,
            keepalive: true,
            can_send,
            can_reset,
            inverter,
            asker: Asker::new(protocol, now),
            awaiting: false,
            started: now,
            excused: Duration::ZERO,
            now,
            echo: false,
            failed: None,
            cases_started: 0,
            cases,
            progress: VecDeque::new(),
            options,
        };
        for id in chosen {
            drive.record(now, EventKind::CasePlanned(id));
        }
        for (id, why) in plan.skipped {
            drive.record(now, EventKind::CaseSkipped(id, why));
        }
        drive.advance(now);
        drive
    }

    /// Takes what happened, as of `now`.
    pub fn handle_event(&mut self, now: Instant, input: Input) {
        match input {
            Input::Received { at, until, frame } => self.record(at, EventKind::Received { frame, until }),
            Input::Link(at, event) => self.record(at, EventKind::Link(event)),
            Input::Sent(frame, until) => {
                self.awaiting = false;
                if let BusFrame::Serial(_) = frame {
                    self.asker.handle_sent(until);
                    // A serial line carries one thing after the other, and the step lasts as long.
                    if let Phase::Stepping {
                        doing: Doing::Sending { next, .. },
                        ..
                    } = &mut self.phase
                    {
                        *next = (*next).max(until);
                    }
                }
                self.record(now, EventKind::Sent { frame, until });
            }
            Input::Stimulated(stimulus, Ok(())) => {
                self.awaiting = false;
                self.record(now, EventKind::Stimulated(stimulus));
            }
            Input::Stimulated(stimulus, Err(why)) => {
                self.awaiting = false;
                self.state = State::Unknown;
                self.record(now, EventKind::StimulusFailed(stimulus, why));
                self.end_group(now);
            }
            Input::Elapsed(time) => {
                self.awaiting = false;
                self.excused += time;
                for (_, _, next) in &mut self.inverter {
                    *next = now;
                }
                self.record(now, EventKind::Elapsed(time));
            }
            Input::Looked(Ok(shown)) => {
                self.awaiting = false;
                self.record(now, EventKind::Looked(shown));
            }
            Input::Looked(Err(why)) => {
                self.awaiting = false;
                self.record(now, EventKind::LookFailed(why));
                self.end_group(now);
            }
            Input::LinkBroke(why) => self.stop(now, Stop::LinkBroke(why)),
            Input::End => self.stop(now, Stop::RecordingOver),
            Input::Interrupt => self.stop(now, Stop::Interrupted),
        }
        self.advance(now);
    }

    /// Takes the time.
    pub fn handle_timeout(&mut self, now: Instant) {
        if now >= self.bound() {
            self.stop(now, Stop::OutOfTime(self.options.longest));
        }
        self.advance(now);
    }

    /// What to do now, if anything. The answer changes after each `handle_...`, and with the time.
    #[must_use]
    pub fn poll_action(&mut self, now: Instant) -> Option<Action> {
        self.now = now;
        if self.awaiting {
            return None;
        }
        let action = self.next_action(now);
        self.awaiting = action.is_some();
        action
    }

    fn next_action(&mut self, now: Instant) -> Option<Action> {
        if matches!(self.phase, Phase::Done) {
            return None;
        }
        if let Some(frame) = self.due_keepalive(now) {
            return Some(Action::Send(BusFrame::Can(frame)));
        }
        let wanted = match &mut self.phase {
            Phase::Preparing(stimuli)
            | Phase::Stepping {
                doing: Doing::Stimulating(stimuli),
                ..
            } => {
                return stimuli.pop_front().map(Action::Stimulate);
            }
            Phase::Stepping {
                doing: Doing::Elapsing(until, asked),
                ..
            } if !*asked => {
                *asked = true;
                let until = *until;
                return Some(Action::Elapse {
                    until,
                    alive: self.signs_of_life(),
                    every: ELAPSING_PERIOD,
                });
            }
            Phase::Stepping {
                doing: Doing::Looking(things),
                ..
            } => return things.take().map(Action::Look),
            Phase::Stepping {
                doing: Doing::Sending { frames, every, next },
                ..
            } if *next <= now => {
                *next = now.after(*every);
                return frames.pop_front().map(Action::Send);
            }
            Phase::Stepping {
                doing: Doing::Asking {
                    slices, pause, next, ..
                },
                ..
            } if *next <= now => {
                *next = now.after(*pause);
                return slices.pop_front().map(BusFrame::Serial).map(Action::Send);
            }
            Phase::Watching
            | Phase::Stepping {
                doing: Doing::Watching, ..
            } => self.referee.wanted(),
            _ => return None,
        };
        let bytes = self.asker.poll_question(now, &wanted, self.protocol)?;
        Some(Action::Send(BusFrame::Serial(bytes)))
    }

    fn due_keepalive(&mut self, now: Instant) -> Option<CanFrame> {
        if !self.keepalive || !self.can_send {
            return None;
        }
        let (frame, every, next) = self.inverter.iter_mut().find(|(_, _, next)| *next <= now)?;
        // After a pause they are not made up for.
        *next = next.after(*every).max(now);
        if *next == now {
            *next = now.after(*every);
        }
        Some(*frame)
    }

    /// When to wake the drive; `None` when it is done.
    ///
    /// May change after each call that hands something in or out.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let phase = match &self.phase {
            Phase::Done => return None,
            Phase::Between | Phase::Preparing(_) => None,
            Phase::Settling(until) | Phase::WarmingUp(until) => Some(*until),
            Phase::Watching => self.watch_timeout(),
            Phase::Stepping { doing, .. } => match doing {
                Doing::Begin | Doing::Stimulating(_) | Doing::Looking(_) => None,
                Doing::Waiting(until) | Doing::Elapsing(until, _) => Some(*until),
                Doing::Sending { next, .. } => Some(*next),
                Doing::Watching => self.watch_timeout(),
                Doing::Asking { slices, next, .. } if !slices.is_empty() => Some(*next),
                Doing::Asking { .. } => self.decided_at(),
            },
        };
        let keepalive = (self.keepalive && self.can_send)
            .then(|| self.inverter.iter().map(|(_, _, next)| *next).min())
            .flatten();
        [phase, keepalive, Some(self.bound())].into_iter().flatten().min()
    }

    /// When the run is bounded to end: time that elapses on purpose does not count.
    fn bound(&self) -> Instant {
        self.started.after(self.options.longest).after(self.excused)
    }

    /// What an inverter sends that is simply there: its frames, or one question.
    fn signs_of_life(&self) -> Vec<BusFrame> {
        if !self.keepalive || !self.can_send {
            return Vec::new();
        }
        let messages = self.protocol.messages.iter();
        let mut askable = messages.filter(|message| message.danger.is_none() && is_askable(message));
        let question = askable.find_map(|message| suite::question(self.protocol, message));
        match question.filter(|_| self.protocol.asks()) {
            Some(bytes) => vec![BusFrame::Serial(bytes)],
            None => self
                .inverter
                .iter()
                .map(|(frame, _, _)| BusFrame::Can(*frame))
                .collect(),
        }
    }

    fn watch_timeout(&self) -> Option<Instant> {
        match self.decided_at().filter(|decided| *decided > self.now) {
            // All is decided: only the answer to our last question is still awaited.
            None => self.asker.poll_timeout(),
            Some(decided) if self.referee.wanted().is_empty() => Some(decided),
            Some(decided) => self
                .asker
                .poll_timeout()
                .map(|free| free.min(decided))
                .or(Some(decided)),
        }
    }

    /// When every open demand of the group is decided at the latest.
    fn decided_at(&self) -> Option<Instant> {
        let group = self.group.as_ref()?;
        group
            .cases
            .iter()
            .filter_map(|planned| self.referee.deadline(&planned.id))
            .max()
    }

    /// True when the run is over.
    pub fn is_done(&self) -> bool {
        matches!(self.phase, Phase::Done)
    }

    /// The next thing to show, if any.
    #[must_use]
    pub fn poll_progress(&mut self) -> Option<Progress> {
        self.progress.pop_front()
    }

    /// The trace, and a result for every planned case in the order of the choice.
    pub fn finish(self) -> (Trace, Vec<CaseResult>) {
        (self.trace, self.referee.finish())
    }

    fn record(&mut self, at: Instant, kind: EventKind) {
        if self.is_done() {
            return;
        }
        let event = Event { at, kind };
        self.referee.handle_event(&event);
        self.trace.events.push(event);
        if let Some(until) = self.referee.answered() {
            self.asker.handle_answer(until);
        }
        if !self.echo && self.referee.hears_itself() {
            self.echo = true;
            self.record(at, EventKind::Link(LinkEvent::Echo));
        }
        while let Some(result) = self.referee.poll_result() {
            self.progress.push_back(Progress::CaseDone(Box::new(result.clone())));
            if self.options.fail_fast && result.verdict == Verdict::Fail {
                self.failed.get_or_insert(result.id);
            }
        }
    }

    fn stop(&mut self, now: Instant, stop: Stop) {
        self.record(now, EventKind::Stopped(stop));
        self.phase = Phase::Done;
        self.awaiting = false;
    }

    /// Goes on as far as the time allows.
    fn advance(&mut self, now: Instant) {
        self.now = now;
        // Each turn of the loop leaves a phase or stays: a plan is finite, and so is this.
        while !self.awaiting && self.turn(now) {}
    }

    /// One turn; false when something must happen first.
    fn turn(&mut self, now: Instant) -> bool {
        match &self.phase {
            Phase::Done => false,
            Phase::WarmingUp(until) if *until <= now => {
                self.phase = Phase::Between;
                true
            }
            Phase::Between => {
                self.begin_group(now);
                true
            }
            Phase::Preparing(stimuli) if stimuli.is_empty() => {
                self.phase = Phase::Settling(now.after(self.time_to_settle()));
                true
            }
            Phase::Settling(until) if *until <= now => {
                self.begin_steps(now);
                true
            }
            Phase::Watching if self.is_decided(now) => {
                self.end_group(now);
                true
            }
            Phase::Stepping { step, doing } => {
                let (step, doing) = (*step, doing.clone());
                self.turn_step(now, step, &doing)
            }
            Phase::WarmingUp(_) | Phase::Preparing(_) | Phase::Settling(_) | Phase::Watching => false,
        }
    }

    fn is_decided(&self, now: Instant) -> bool {
        // A question that is out must be answered or given up before the line is used for something else.
        self.asker.is_quiet(now)
            && self.group.as_ref().is_none_or(|group| {
                group
                    .cases
                    .iter()
                    .all(|planned| self.referee.is_decided(&planned.id, now))
            })
    }

    fn begin_group(&mut self, now: Instant) {
        let Some(group) = self.groups.pop_front() else {
            self.phase = Phase::Done;
            return;
        };
        for planned in &group.cases {
            self.progress.push_back(Progress::CaseStarted {
                id: planned.id.clone(),
                number: self.cases_started,
                of: self.cases,
            });
            self.cases_started += 1;
        }
        let ids: Vec<String> = group.cases.iter().map(|planned| planned.id.clone()).collect();
        self.set_keepalive(group.keepalive, now);
        let (stimuli, settle) = self.preparation(&group);
        self.group = Some(group);
        for id in ids {
            self.record(now, EventKind::CaseStarted(id));
        }
        self.phase = if stimuli.is_empty() && !settle {
            Phase::Settling(now)
        } else {
            Phase::Preparing(stimuli)
        };
    }

    /// The stimuli that bring the target into the group's state, and whether it must settle.
    fn preparation(&mut self, group: &Group) -> (VecDeque<Stimulus>, bool) {
        let stateful = !group.given.is_empty()
            || group.cases.iter().any(|planned| {
                let steps = planned.case.steps.iter();
                steps
                    .into_iter()
                    .any(|step| matches!(step.action, suite::Action::Stimulate(_) | suite::Action::Elapse(_)))
            });
        let ready = match &self.state {
            State::Given(given) => *given == group.given,
            // As it was found is good enough for whoever changes nothing.
            State::AsFound => !stateful,
            State::Unknown => false,
        };
        let mut stimuli = VecDeque::new();
        if !ready {
            if stateful || self.can_reset {
                stimuli.push_back(Stimulus::Reset);
                stimuli.extend(group.given.iter().cloned());
                self.state = State::Given(group.given.clone());
            } else {
                self.state = State::AsFound;
            }
        }
        if group.cases.iter().any(|planned| !leaves_state_alone(&planned.case)) {
            self.state = State::Unknown;
        }
        let settle = !stimuli.is_empty();
        (stimuli, settle)
    }

    /// The settling time of the bench, and one period of what the cases look at.
    fn time_to_settle(&self) -> Duration {
        if self.protocol.asks() {
            return self.options.settle;
        }
        let looks_at = |key| self.referee.looks_at(key);
        let period = self
            .protocol
            .messages
            .iter()
            .filter(|message| message.from == Sender::Bms && looks_at(message.key))
            .filter_map(|message| message.period.as_ref())
            .map(|period| period.is)
            .max()
            .unwrap_or_default();
        self.options.settle + period
    }

    fn begin_steps(&mut self, now: Instant) {
        let Some(group) = self.group.take() else {
            self.phase = Phase::Between;
            return;
        };
        let watches = group.cases.iter().all(|planned| planned.case.only_watches());
        if watches {
            for planned in &group.cases {
                for step in 0..planned.case.steps.len() {
                    let case = planned.id.clone();
                    self.record(now, EventKind::StepStarted { case, step, round: 0 });
                }
            }
        }
        self.group = Some(group);
        self.phase = match watches {
            true => Phase::Watching,
            false => Phase::Stepping {
                step: 0,
                doing: Doing::Begin,
            },
        };
    }

    /// The case that goes through its steps.
    fn current(&self) -> Option<PlannedCase> {
        self.group.as_ref().and_then(|group| group.cases.first()).cloned()
    }

    fn turn_step(&mut self, now: Instant, step: usize, doing: &Doing) -> bool {
        let next = match doing {
            Doing::Begin => return self.begin_step(now, step),
            Doing::Stimulating(stimuli) => stimuli.is_empty(),
            Doing::Waiting(until) => *until <= now,
            Doing::Elapsing(until, asked) => *asked && *until <= now,
            Doing::Looking(things) => things.is_none(),
            Doing::Sending { frames, next, .. } => frames.is_empty() && *next <= now,
            Doing::Watching => self.is_decided(now),
            Doing::Asking { slices, round, .. } => {
                if !slices.is_empty() || !self.is_decided(now) {
                    return false;
                }
                return self.next_round(now, step, *round + 1);
            }
        };
        if next {
            self.phase = Phase::Stepping {
                step: step + 1,
                doing: Doing::Begin,
            };
        }
        next
    }

    fn begin_step(&mut self, now: Instant, step: usize) -> bool {
        let Some(planned) = self.current() else {
            self.phase = Phase::Between;
            return true;
        };
        let Some(found) = planned.case.steps.get(step) else {
            self.end_group(now);
            return true;
        };
        if let suite::Action::Exchange(_) = &found.action {
            return self.next_round(now, step, 0);
        }
        self.record(
            now,
            EventKind::StepStarted {
                case: planned.id.clone(),
                step,
                round: 0,
            },
        );
        let doing = match &found.action {
            suite::Action::Stimulate(stimuli) => Doing::Stimulating(stimuli.iter().cloned().collect()),
            suite::Action::Wait(time) => Doing::Waiting(now.after(*time)),
            suite::Action::Elapse(time) => Doing::Elapsing(now.after(*time), false),
            suite::Action::Shows(things) => Doing::Looking(Some(things.clone())),
            suite::Action::Keepalive(on) => {
                self.set_keepalive(*on, now);
                Doing::Waiting(now)
            }
            suite::Action::Send(send) => {
                let listed = (0..send.times).flat_map(|_| send.frames.iter().cloned());
                let mut dice = Dice::new(self.options.seed, &planned.id, step);
                let random = random::noise(self.protocol, send.random.saturating_mul(send.times), &mut dice);
                Doing::Sending {
                    frames: listed.chain(random).collect(),
                    every: send.every,
                    next: now,
                }
            }
            _ => Doing::Watching,
        };
        self.phase = Phase::Stepping { step, doing };
        true
    }

    /// Asks the question of an exchange once more, or goes on.
    fn next_round(&mut self, now: Instant, step: usize, round: u32) -> bool {
        let Some(planned) = self.current() else { return false };
        let exchange = match exchange_of(&planned.case, step) {
            Some(exchange) if round < exchange.times => exchange.clone(),
            _ => {
                self.phase = Phase::Stepping {
                    step: step + 1,
                    doing: Doing::Begin,
                };
                return true;
            }
        };
        self.record(
            now,
            EventKind::StepStarted {
                case: planned.id.clone(),
                step,
                round,
            },
        );
        let bytes = exchange.request.bytes;
        let slices = match exchange.request.sliced {
            Some(_) => bytes.into_iter().map(|byte| vec![byte]).collect(),
            None => VecDeque::from([bytes]),
        };
        let pause = exchange.request.sliced.unwrap_or_default();
        self.phase = Phase::Stepping {
            step,
            doing: Doing::Asking {
                round,
                slices,
                pause,
                next: now,
            },
        };
        true
    }

    fn end_group(&mut self, now: Instant) {
        let Some(group) = self.group.take() else {
            return;
        };
        for planned in &group.cases {
            self.record(now, EventKind::CaseEnded(planned.id.clone()));
        }
        self.phase = Phase::Between;
        if let Some(case) = self.failed.take() {
            self.stop(now, Stop::FirstFailure(case));
        }
    }

    fn set_keepalive(&mut self, on: bool, now: Instant) {
        if on && !self.keepalive {
            for (_, _, next) in &mut self.inverter {
                *next = now;
            }
        }
        self.keepalive = on;
    }
}

/// The reference BMS in process is switched on when the run begins, and is silent for 2 s (B-051); a live battery is on.
fn warm_up(header: &TraceHeader) -> Duration {
    if header.reference && header.clock == ClockSource::Virtual {
        Duration::from_secs(3)
    } else {
        Duration::ZERO
    }
}

fn exchange_of(case: &Rc<Case>, step: usize) -> Option<&Exchange> {
    match &case.steps.get(step)?.action {
        suite::Action::Exchange(exchange) => Some(exchange),
        _ => None,
    }
}
