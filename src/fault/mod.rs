//! The catalogue of wire faults: what a sender can do wrong, as a table.
//!
//! Everything derives from [`CATALOGUE`]: which faults a protocol can have ([`faults_of`], from its definition alone, so
//! that a new protocol gets its faults for free), planting one ([`Faulty`](crate::link::faulty::Faulty) wraps any link),
//! measuring suites with them (`bmscheck mutate`), listing them (`bmscheck list faults`), and explaining a failed
//! comparison by searching for the fault that turns the expected bytes into those that came ([`explain`]).
//!
//! | file | subject |
//! |---|---|
//! | [`catalogue`] | the table: name, class, what each fault does, what it applies to |
//! | [`slot`] | where a field lies in the bytes of one message |
//! | `value`, `flag` | what the faults of values and flags do to bytes |
//! | [`place`] | what a fault is planted in; all faults of a protocol |
//! | [`equivalent`] | faults that by the sheet cannot be told from correct behaviour, with the reason |
//! | [`mod@explain`] | the catalogue run backwards |
//!
//! ```
//! use bmscheck::definition::Library;
//! use bmscheck::fault::faults_of;
//!
//! let (library, _) = Library::load(None);
//! let faults = faults_of(library.protocol("pylon-can").unwrap());
//! assert!(faults.iter().any(|fault| fault.to_string() == "byte-order in 0x351.charge_voltage_limit"));
//! // A number of one byte has no order of bytes.
//! assert!(!faults.iter().any(|fault| fault.to_string() == "byte-order in 0x359.module_count"));
//! ```

pub mod catalogue;
pub mod equivalent;
pub mod explain;
mod flag;
pub mod place;
pub mod slot;
mod value;

pub use catalogue::{Act, CATALOGUE, Class, FrameFault, Memory, Operator, ReplyFault, RequestFault, SessionFault};
pub use explain::{Sighting, explain};
pub use place::{Fault, Place, faults_of};
pub use slot::Slot;
