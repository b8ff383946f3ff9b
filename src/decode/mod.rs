//! From frames to fields and back, by a definition.
//!
//! A [`Decoded`] message shows everything that the definition can say of some bytes: each field with its value, its
//! raw number and its place; what is wrong in every reading (`errors`); what deviates from the sheet (`warnings`).
//! Nothing is tidied up: unknown codes stay codes, reserved bits that are set are reported, and bytes that no field
//! covers are reported too.
//!
//! | file | subject |
//! |---|---|
//! | [`can`], [`ascii`], [`registers`] | a frame of each kind of bus: which message it is, what is wrong with its envelope |
//! | `read` | data to fields by a layout |
//! | [`write`] | fields to data by the same layout |
//! | `bits` | how a number lies in its container |
//! | `expression` | counts, conditions and derived values in layouts |

mod ascii;
pub(crate) mod bits;
mod can;
mod expression;
mod read;
pub mod registers;
pub mod write;

pub use registers::encode_registers;
pub use write::{EncodeError, EncodeInput, encode};

use std::borrow::Cow;
use std::ops::Range;

use crate::definition::{Field, Grade, Message, Outcome, Protocol};
use crate::value::{Number, Quantity, Unit};

/// Decodes the frames of one protocol.
///
/// ```
/// use bmscheck::decode::{Decoder, FieldValue};
/// use bmscheck::definition::Library;
/// use bmscheck::wire::can::{CanFrame, CanId};
///
/// let (library, _) = Library::load(None);
/// let decoder = Decoder::new(library.protocol("pylon-can").unwrap());
/// let frame = CanFrame::data(CanId::Standard(0x355), &[0x63, 0, 0x64, 0, 0, 0, 0, 0]).unwrap();
/// let decoded = decoder.can(&frame);
/// assert_eq!(decoded.field("soc").unwrap().value, FieldValue::Quantity("99 %".parse().unwrap()));
/// let short = decoder.can(&CanFrame::data(CanId::Standard(0x355), &[0x63, 0, 0x64]).unwrap());
/// assert_eq!(short.errors[0].id, "too-short");
/// ```
#[derive(Clone, Debug)]
pub struct Decoder<'p> {
    protocol: &'p Protocol,
    variant: Option<String>,
    packs_online: Option<u8>,
    by_id: std::collections::HashMap<crate::wire::can::CanId, &'p Message>,
}

impl<'p> Decoder<'p> {
    /// A decoder for the default variant.
    pub fn new(protocol: &'p Protocol) -> Decoder<'p> {
        let by_id = protocol
            .messages
            .iter()
            .filter_map(|message| match message.key {
                crate::definition::MessageKey::Can(id) => Some((id, message)),
                _ => None,
            })
            .collect();
        let variant = protocol.variants.first().map(|variant| variant.name.clone());
        Decoder {
            protocol,
            variant,
            packs_online: None,
            by_id,
        }
    }

    /// The decoder for a variant of the definition; an unknown name has what no variant restricts.
    #[must_use]
    pub fn with_variant(mut self, variant: &str) -> Decoder<'p> {
        self.variant = Some(variant.to_string());
        self
    }

    /// The decoder for a bank of some packs: ranges that hold per pack are multiplied.
    #[must_use]
    pub fn with_packs(mut self, packs: u8) -> Decoder<'p> {
        self.packs_online = Some(packs);
        self
    }

    /// Decodes a question of the inverter on a serial line, and says what is needed to read its answer.
    pub fn request(&self, bytes: &[u8]) -> (Decoded<'p>, RequestContext) {
        match self.protocol.is_modbus() {
            true => self.register_request(bytes),
            false => self.ascii_request(bytes),
        }
    }

    /// Decodes an answer of the battery on a serial line. Without the question the answer does not say what it answers:
    /// its envelope is judged, its content stays unread.
    pub fn reply(&self, bytes: &[u8], request: Option<&RequestContext>) -> Decoded<'p> {
        match self.protocol.is_modbus() {
            true => self.register_reply(bytes, request),
            false => self.ascii_reply(bytes, request),
        }
    }

    /// The message of the definition that a question is about.
    pub fn asked(&self, request: &RequestContext) -> Option<&'p Message> {
        self.protocol
            .asked(request.command, request.registers, self.variant.as_deref())
    }

    /// The protocol that is decoded.
    pub fn protocol(&self) -> &'p Protocol {
        self.protocol
    }
}

/// What a decoder must know of the question to read its answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestContext {
    /// The command asked, or the function on a Modbus line.
    pub command: Option<u8>,
    /// The address asked.
    pub address: u8,
    /// Named parameters of the question (`pack`).
    pub parameters: Vec<(String, i64)>,
    /// First register and count of what is read or written.
    pub registers: Option<(u16, u16)>,
}

/// A message as the definition reads it.
#[derive(Clone, Debug)]
pub struct Decoded<'p> {
    /// The message of the definition; `None` for an identifier or command that it does not know.
    pub message: Option<&'p Message>,
    /// The role of the bytes in a conversation.
    pub role: Role,
    /// The fields in reading order. Fields of packs are in `packs` when there are several.
    pub fields: Vec<DecodedField<'p>>,
    /// The fields of each pack, when a reply holds several.
    pub packs: Vec<Vec<DecodedField<'p>>>,
    /// Wrong in every reading: checksum, length, a frame that cannot be cut.
    pub errors: Vec<Finding>,
    /// Deviations from the sheet.
    pub warnings: Vec<Finding>,
    /// The data that the fields were read from (payload of a CAN frame, INFO of an ASCII frame, registers).
    pub data: Vec<u8>,
    /// Return code of a reply, or exception code; 0 for none.
    pub return_code: u8,
    /// Address of a serial message.
    pub address: Option<u8>,
}

/// The part that a message plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Sent by its own accord.
    Broadcast,
    /// A question of the inverter.
    Request,
    /// An answer of the battery.
    Reply,
    /// Not to be told without its request.
    Unknown,
}

/// A field with its value.
#[derive(Clone, Debug)]
pub struct DecodedField<'p> {
    /// The definition's field.
    pub field: &'p Field,
    /// The name, running number filled in.
    pub name: Cow<'p, str>,
    /// The value.
    pub value: FieldValue,
    /// The number on the wire (two's complement applied where the field is signed); 0 for texts.
    pub raw: i128,
    /// The bytes of the data that hold it.
    pub bytes: Range<usize>,
    /// The bits within these bytes, from the least significant, when not all of them.
    pub bits: Option<(u8, u8)>,
}

/// What a field says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldValue {
    /// A number with its unit.
    Quantity(Quantity),
    /// True or false.
    Flag(bool),
    /// A named code; unknown codes have no name.
    State(Option<String>, i64),
    /// Text without padding.
    Text(String),
    /// Not available.
    Absent,
    /// Bytes without further meaning.
    Bytes(Vec<u8>),
}

impl FieldValue {
    /// A whole number without a unit.
    pub fn integer(value: i64) -> FieldValue {
        FieldValue::Quantity(Quantity::new(Number::integer(value), Unit::None))
    }

    /// The whole number that this value is: of a quantity, a code, a truth value.
    pub fn as_integer(&self) -> Option<i128> {
        match self {
            FieldValue::Quantity(quantity) => quantity.number.as_integer(),
            FieldValue::State(_, code) => Some(i128::from(*code)),
            FieldValue::Flag(truth) => Some(i128::from(*truth)),
            _ => None,
        }
    }

    /// The value as the rule language sees it.
    pub fn as_rule_value(&self) -> crate::rule::Value<'_> {
        use crate::rule::Value;
        match self {
            FieldValue::Quantity(quantity) => Value::Quantity(*quantity),
            FieldValue::Flag(flag) => Value::Flag(*flag),
            FieldValue::State(name, raw) => Value::State {
                name: name.as_deref(),
                raw: *raw,
            },
            FieldValue::Text(text) => Value::Text(text),
            FieldValue::Absent | FieldValue::Bytes(_) => Value::Absent,
        }
    }

    /// The truth value that this value is; a pair of bits is true when active.
    pub fn as_truth(&self) -> Option<bool> {
        match self {
            FieldValue::Flag(truth) => Some(*truth),
            FieldValue::State(Some(name), _) if name == "active" => Some(true),
            FieldValue::State(Some(name), _) if name == "inactive" || name == "not_supported" => Some(false),
            _ => None,
        }
    }
}

impl std::fmt::Display for FieldValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            FieldValue::Quantity(quantity) => quantity.fmt(f),
            FieldValue::Flag(truth) => truth.fmt(f),
            FieldValue::State(Some(name), _) => f.pad(name),
            FieldValue::State(None, code) => f.pad(&format!("unknown code {code}")),
            FieldValue::Text(text) => f.pad(&format!("\"{text}\"")),
            FieldValue::Absent => f.pad("not available"),
            FieldValue::Bytes(bytes) => f.pad(&crate::wire::hex_spaced(bytes)),
        }
    }
}

impl<'p> Decoded<'p> {
    fn empty(role: Role) -> Decoded<'p> {
        Decoded {
            message: None,
            role,
            fields: Vec::new(),
            packs: Vec::new(),
            errors: Vec::new(),
            warnings: Vec::new(),
            data: Vec::new(),
            return_code: 0,
            address: None,
        }
    }
}

impl Decoded<'_> {
    /// The field with this name, of the message itself.
    pub fn field(&self, name: &str) -> Option<&DecodedField<'_>> {
        self.fields.iter().find(|field| field.name == name)
    }
}

/// Something to say about a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// A stable name: `checksum`, `length`, `reserved-bits`, `out-of-range`, `unknown-state`, `constant` ...
    pub id: Cow<'static, str>,
    /// What it amounts to.
    pub outcome: Outcome,
    /// How well the broken fact is known.
    pub grade: Grade,
    /// What was found, in one phrase.
    pub text: String,
    /// The field concerned.
    pub field: Option<String>,
    /// The bytes of the data concerned.
    pub bytes: Range<usize>,
}
