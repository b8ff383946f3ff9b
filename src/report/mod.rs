//! Reports of a run, all formats from one [`Report`] value.
//!
//! | file | subject |
//! |---|---|
//! | [`layout`] | a protocol definition as a person reads it |
//! | [`dbc`] | a CAN protocol for other tools |
//! | [`model`] | what a report says: where the run took place, its cases, its end, counts |
//! | [`console`] | the screen: suites, failures, remarks, summary |
//! | [`answers`] | which questions were answered how |
//! | [`bytes`] | the data of a frame with the bytes at fault marked |
//! | [`failure`] | a failed case on one screen of 80 x 24 |
//! | [`json`] | the machine's report, written as the run goes on |
//! | [`junit`] | for CI systems |
//! | [`text`] | colour, widths, wrapping, counts and times in words |
//!
//! Formats that are written while a run goes on take the same three calls: `begin` with the [`Header`], `case` for each
//! [`CaseResult`](crate::judge::CaseResult), `finish` with the [`End`].

pub mod answers;
pub mod bytes;
pub mod console;
pub mod dbc;
pub mod failure;
#[cfg(test)]
mod fixture;
pub mod json;
pub mod junit;
pub mod layout;
pub mod model;
pub mod text;

pub use model::*;
