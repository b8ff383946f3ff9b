//! Protocol conformance testing between battery-management systems and solar inverters.

pub mod capture;
pub mod decode;
pub mod definition;
pub mod document;
pub mod rule;
pub mod time;
pub mod value;
pub mod wire;
