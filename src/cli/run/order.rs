//! In which order the sessions of a run are driven, and on how many processors.
//!
//! A bench has one battery: its sessions follow each other. Each session on the reference BMS has a battery and a clock
//! of its own, so they run side by side; what is shown and written is the same, in the same order, on any number of
//! processors.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::session::{Ended, Interrupt, Outcome, Session};
use super::setup::Setup;
use crate::cli::CliError;
use crate::judge::{CaseResult, JudgeOptions};

/// How the sessions are run.
pub struct Drive<'r> {
    /// What is tested, and with what.
    pub setup: &'r Setup,
    /// How it is judged.
    pub judge: JudgeOptions,
    /// It ends at the first failure.
    pub fail_fast: bool,
    /// Somebody may end it.
    pub interrupt: &'r Interrupt,
    /// Where traces and captures go.
    pub evidence: Option<&'r Path>,
}

/// What is done with a result; it answers whether the case failed.
pub type Judged<'j> = dyn FnMut(CaseResult) -> Result<bool, CliError> + 'j;

impl Drive<'_> {
    /// Runs the sessions. Each result is handed to `judged`, in the order of the choice.
    ///
    /// # Errors
    /// Those of `judged`; evidence cannot be written.
    pub fn run(&self, sessions: Vec<Session<'_>>, judged: &mut Judged<'_>) -> Result<Outcome, CliError> {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        // Who stops at the first failure wants nothing done behind it.
        if self.setup.is_live() || self.fail_fast || processors == 1 || sessions.len() < 2 {
            self.one_after_another(sessions, judged)
        } else {
            self.side_by_side(sessions, processors, judged)
        }
    }

    fn one_after_another(&self, sessions: Vec<Session<'_>>, judged: &mut Judged<'_>) -> Result<Outcome, CliError> {
        let mut outcome = Outcome::default();
        for mut session in sessions {
            outcome.add(&self.session(&mut session, judged)?);
            if outcome.stop {
                break;
            }
        }
        Ok(outcome)
    }

    fn side_by_side(
        &self,
        sessions: Vec<Session<'_>>,
        processors: usize,
        judged: &mut Judged<'_>,
    ) -> Result<Outcome, CliError> {
        let mut news = Vec::new();
        let mut jobs = VecDeque::new();
        for session in sessions {
            let (sender, receiver) = mpsc::channel();
            jobs.push_back((session, sender));
            news.push(receiver);
        }
        let jobs = Mutex::new(jobs);
        thread::scope(|scope| {
            for _ in 0..processors.min(news.len()) {
                scope.spawn(|| self.work(&jobs));
            }
            let outcome = tell(news, judged);
            if outcome.is_err() {
                // What has not begun need not begin.
                jobs.lock().unwrap_or_else(PoisonError::into_inner).clear();
            }
            outcome
        })
    }

    /// Takes one session after the other until none is left.
    fn work(&self, jobs: &Mutex<VecDeque<(Session<'_>, Sender<News>)>>) {
        loop {
            let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some((mut session, sender)) = job else { return };
            let mut judged = |case: CaseResult| {
                let sent = sender.send(News::Case(Box::new(case)));
                // Nobody listens any more: the output is gone.
                sent.map(|()| false)
                    .map_err(|_| CliError::Output(io::ErrorKind::BrokenPipe.into()))
            };
            let ended = self.session(&mut session, &mut judged);
            // As above: then there is nobody to tell.
            let _ = sender.send(News::Ended(Box::new(ended)));
        }
    }

    /// One session, and its evidence. The trace is not kept: of all sessions together it may be large.
    fn session(&self, session: &mut Session<'_>, judged: &mut Judged<'_>) -> Result<Ended, CliError> {
        let mut ended = session.run(self.setup, self.judge, self.fail_fast, self.interrupt, judged)?;
        if let Some(folder) = self.evidence {
            session.write_evidence(folder, &ended)?;
        }
        if let Some(trace) = ended.trace.take() {
            ended.answers = session.answers(self.setup, &trace);
        }
        Ok(ended)
    }
}

/// What a session tells.
enum News {
    Case(Box<CaseResult>),
    Ended(Box<Result<Ended, CliError>>),
}

/// Hands on what the sessions tell, one session after the other.
fn tell(sessions: Vec<Receiver<News>>, judged: &mut Judged<'_>) -> Result<Outcome, CliError> {
    let mut outcome = Outcome::default();
    for session in sessions {
        for news in session {
            match news {
                News::Case(case) => drop(judged(*case)?),
                News::Ended(ended) => outcome.add(&(*ended)?),
            }
        }
    }
    Ok(outcome)
}
