//! Protocol conformance testing between battery-management systems and solar inverters.

