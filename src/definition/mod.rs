//! Protocol definitions: what a vendor's table says, as checked data.
//!
//! | file | subject |
//! |---|---|
//! | [`model`] | a checked definition: messages, layouts, fields, rules, session; later code holds nothing unchecked |
//! | [`registers`] | register maps: blocks, access, functions; a block is a message too |
//! | [`shape`] | which keys a definition file may have: checked on loading, printed by `bmscheck schema protocol` |
//! | [`load`] | text -> model, with every mistake of the file in one go |
//! | [`check`] | mistakes that only the whole shows: overlaps, gaps, names given twice, units against the vocabulary |
//! | [`product`] | the battery: numbered requirements, limits that hold on any protocol |
//! | [`questions`] | questions on which documents and devices differ, and how they are settled |
//! | [`citations`] | where definitions cite a requirement or question |
//! | [`scope`] | what the names in expressions mean; expressions are compiled once, on loading |
//! | [`vocabulary`] | the names that mean the same quantity in every protocol |
//! | [`library`] | the built-in definitions and the directory that overrides them |
//!
//! A definition reads like the vendor's own table. It is written from the protocol sheet, by hand, a second time: the
//! reference BMS in `firmware/` shares nothing with it.

pub(crate) mod by_name;
mod carriers;
pub mod check;
pub mod citations;
pub mod library;
pub mod load;
pub mod model;
pub mod product;
pub mod questions;
pub mod registers;
pub mod scope;
pub mod shape;
pub mod vocabulary;

pub use carriers::Carriers;
pub use library::Library;
pub use model::*;
pub use product::{BusKind, Product, Requirement, TestSite};
pub use questions::Question;
pub use registers::{FunctionRule, RegisterBlock, RegisterMap, is_read, is_write, may_write};
