//! What the exit status says; nowhere else is one chosen.

use std::process::ExitCode;

use crate::cli::error::CliError;
use crate::report::Summary;

/// The exit status of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// 0: everything passed, or the command did what it was asked to do.
    Done,
    /// 1: a case failed.
    Failed,
    /// 2: the command line, or a file that it names, is wrong.
    Usage,
    /// 3: nothing failed, but something could not be judged or broke, or nothing was judged at all.
    Inconclusive,
}

impl Status {
    /// The number that the shell sees.
    pub const fn code(self) -> u8 {
        match self {
            Status::Done => 0,
            Status::Failed => 1,
            Status::Usage => 2,
            Status::Inconclusive => 3,
        }
    }

    /// The status of a run: a fail decides, then what could not be judged; a run in which nothing was judged has shown
    /// nothing.
    pub const fn of_run(summary: &Summary, complete: bool) -> Status {
        if summary.fail > 0 {
            return Status::Failed;
        }
        if !complete || summary.error > 0 || summary.inconclusive > 0 || summary.pass + summary.fail == 0 {
            return Status::Inconclusive;
        }
        Status::Done
    }

    /// The status of a command that could not be carried out.
    pub const fn of_error(error: &CliError) -> Status {
        match error {
            CliError::Usage { .. } | CliError::Data(_) | CliError::Read { .. } => Status::Usage,
            CliError::Link { .. } | CliError::Fixture { .. } | CliError::Write { .. } | CliError::Output(_) => {
                Status::Inconclusive
            }
            // Whoever read our output has seen enough.
            CliError::OutputClosed => Status::Done,
        }
    }
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> ExitCode {
        ExitCode::from(status.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(pass: usize, fail: usize, inconclusive: usize, error: usize, skip: usize) -> Summary {
        Summary {
            pass,
            fail,
            inconclusive,
            error,
            skip,
            ..Summary::default()
        }
    }

    #[test]
    fn a_fail_decides_and_nothing_judged_is_no_success() {
        for (counts, complete, code) in [
            (summary(9, 0, 0, 0, 1), true, 0),
            (summary(9, 1, 1, 1, 0), true, 1),
            (summary(9, 1, 0, 0, 0), false, 1),
            (summary(9, 0, 1, 0, 0), true, 3),
            (summary(9, 0, 0, 1, 0), true, 3),
            (summary(0, 0, 0, 0, 9), true, 3),
            (summary(0, 0, 0, 0, 0), true, 3),
            (summary(9, 0, 0, 0, 0), false, 3),
        ] {
            assert_eq!(Status::of_run(&counts, complete).code(), code, "{counts:?}");
        }
    }
}
