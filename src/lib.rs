//! Protocol conformance testing between battery-management systems and solar inverters.

pub mod capture;
pub mod cli;
pub mod decode;
pub mod definition;
pub mod document;
pub mod engine;
pub mod fault;
mod hash;
pub mod judge;
pub mod link;
pub mod report;
pub mod rule;
pub mod suite;
pub mod time;
pub mod value;
pub mod wire;
