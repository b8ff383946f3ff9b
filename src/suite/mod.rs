//! Conformance suites and golden vectors: what is demanded of a target, as checked data.
//!
//! | file | subject |
//! |---|---|
//! | [`model`] | a checked suite: cases, stimuli, steps, expectations |
//! | `bind` | a case on one protocol: fields find their messages |
//! | [`shape`] | which keys a suite or vector file may have |
//! | [`load`] | text -> model, every mistake of a file in one go |
//! | [`vectors`] | golden frames with their source and grade |
//! | [`coverage`] | what a definition demands, and which cases cover it |
//! | [`measured`] | how many wire faults the built-in suites catch |

pub mod coverage;
pub mod load;
pub mod measured;
pub mod model;
pub mod shape;
pub mod vectors;

mod bind;
pub(crate) mod demand;
mod frame_text;

pub use bind::{BoundCase, bind, case_id, is_meant_for};
pub(crate) use load::{is_askable, question};
pub use load::{load, load_all};
pub use model::*;

/// The built-in definitions for tests, loaded once.
#[cfg(test)]
pub(crate) fn library() -> &'static crate::definition::Library {
    static LIBRARY: std::sync::LazyLock<crate::definition::Library> =
        std::sync::LazyLock::new(|| crate::definition::Library::load(None).0);
    &LIBRARY
}
