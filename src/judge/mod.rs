//! From a trace to verdicts.
//!
//! | file | subject |
//! |---|---|
//! | [`model`] | verdicts, checks, and the place of each in the trace |
//! | [`referee`] | the events of a run, one after the other, to a result for each case |
//! | `observe` | events to whole, decoded messages; what disturbs an observation |
//! | `case` | one case: its machines, what holds always, its verdict |
//! | `step` | one machine per kind of demand; the engine uses it to know when a step is over, the judge to decide it |
//! | `content` | fields, golden bytes and expressions of one message against what is demanded |
//! | `always` | what holds for every message: layout, ranges, reserved bits, identifiers |
//! | `rules` | the rules of a definition over a stretch of a trace |
//! | `expression` | what names in expressions mean, and where their values come from |
//! | `timing` | measured times against bounds, with what the clock is worth |
//! | `diagnosis` | which wire fault explains a difference |
//! | [`answers`] | which questions a target has answered, and how |
//! | [`waivers`] | known failures with reason, owner and expiry |
//!
//! A verdict depends on suite, definition and trace only: a recorded trace gives the verdicts of the live run.
//!
//! What a deviation amounts to follows from how well the broken fact is known (protocols/README.md section 2): grade A
//! and B fail, C warns (fails with `strict`), D informs. What cannot be told is inconclusive, never a failure: frames
//! that the link lost, a clock that is too coarse or jumped, a stimulus that could not be given, an observation that was
//! cut short. A link that broke is an error of the bench.

pub mod answers;
pub mod model;
pub mod referee;
pub mod waivers;

mod always;
mod case;
mod content;
mod diagnosis;
mod expression;
mod observe;
mod rules;
mod ruling;
mod step;
mod timing;

pub use model::*;
pub use referee::{JudgeOptions, Referee, judge};

#[cfg(test)]
mod tests;
