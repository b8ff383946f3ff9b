//! YAML documents with places: the ground on which definitions, vectors, suites, bench and target files are read.
//!
//! | file | subject |
//! |---|---|
//! | [`node`] | a document as a tree in which every value knows where it stands; bounds on hostile input |
//! | [`shape`] | what a document may contain, as a table: checked against a tree, printed as JSON Schema |
//! | [`scalar`] | the texts of scalars: whole numbers, bytes, ranges |
//! | [`diagnostic`] | a mistake in a document with its place, help and rendering |
//!
//! Reading goes in two steps: text -> [`node::Node`] (syntax, bounds), then a [`shape::Object`] reports every unknown
//! key, missing key and malformed value at once. The lowering of each kind of document (in [`crate::definition`],
//! [`crate::suite`]) then reads a tree whose shape is known, and adds the mistakes that only meaning can show.

pub mod diagnostic;
pub mod node;
pub mod scalar;
pub mod shape;

pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use node::{Node, Source, Span};
