//! A checked protocol definition.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use super::registers::RegisterMap;
use super::{Carriers, by_name};
use crate::document::{Source, Span};
use crate::rule::Program;
use crate::value::{Number, Quantity, Unit};
use crate::wire::can::CanId;
use crate::wire::modbus::ReplyFraming;

/// How well a fact is known. `A` is best; the order is that of trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grade {
    /// The vendor's document was seen; for behaviour: the manual says so.
    A,
    /// Two or more independent implementations or devices agree.
    B,
    /// One implementation, one capture, one report.
    C,
    /// Reconstructed, inferred or chosen here.
    D,
}

impl Grade {
    /// Whether a protocol that is known so well as a whole can be certified: not where its layout is inferred (D).
    pub const fn is_certifiable(self) -> bool {
        !matches!(self, Grade::D)
    }

    /// The letter of the grade.
    pub const fn letter(self) -> &'static str {
        match self {
            Grade::A => "A",
            Grade::B => "B",
            Grade::C => "C",
            Grade::D => "D",
        }
    }

    /// The grade with this letter.
    pub fn from_letter(letter: &str) -> Option<Grade> {
        match letter {
            "A" => Some(Grade::A),
            "B" => Some(Grade::B),
            "C" => Some(Grade::C),
            "D" => Some(Grade::D),
            _ => None,
        }
    }

    /// The worse of two grades: a check that joins two facts has it.
    #[must_use]
    pub fn worse(self, other: Grade) -> Grade {
        self.max(other)
    }
}

/// What a deviation amounts to, before strictness is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// As it should be.
    Pass,
    /// Worth telling; never decides anything.
    Information,
    /// Tolerated; a failure with `--strict`.
    Warning,
    /// A failure.
    Fail,
}

/// Where a part of a definition stands in its file, for diagnostics, `explain` and failure screens.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The definition file.
    pub source: Source,
    /// The place in it.
    pub span: Span,
}

impl Origin {
    /// `file:line` of the place.
    pub fn file_line(&self) -> String {
        format!("{}:{}", self.source.name, self.source.line_column(self.span.start).0)
    }
}

/// A protocol as one inverter setting uses it.
#[derive(Clone, Debug)]
pub struct Protocol {
    /// Its name: `pylon-can`.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// The names of the battery manual's settings that it serves.
    pub manual_names: Vec<String>,
    /// The inverter settings of the manual that it serves, with brand, poll plan and grade.
    pub settings: Vec<ManualSetting>,
    /// The brands that use it, lower case.
    pub brands: Vec<String>,
    /// The sheet that the facts come from.
    pub sheet: String,
    /// The grade of the protocol as a whole: `D` can never be certified.
    pub grade: Grade,
    /// The bus.
    pub bus: Bus,
    /// How messages are framed on a serial bus.
    pub envelope: Envelope,
    /// Frames (CAN) or commands (request and reply), in the order of the definition.
    pub messages: Vec<Message>,
    /// Register map of a Modbus-like protocol. Each block with fields is one of `messages` too: what a read of it gives.
    pub registers: Option<RegisterMap>,
    /// What the inverter sends.
    pub inverter: Vec<InverterFrame>,
    /// What follows when the inverter is silent.
    pub keepalive: Option<Keepalive>,
    /// Rules over decoded fields.
    pub rules: Vec<RuleDefinition>,
    /// Texts put together from parts in several messages.
    pub joins: Vec<Join>,
    /// Fields computed from other fields of one message.
    pub derived: Vec<Derived>,
    /// Wrong forms that are known by name.
    pub deviations: Vec<Deviation>,
    /// What must follow a bad request, by name of the situation (`bad_checksum`, `foreign_address` ...).
    pub errors: Vec<ErrorRule>,
    /// Return codes of replies by number.
    pub return_codes: Vec<State>,
    /// When a reply must come.
    pub timing: Option<ReplyTiming>,
    /// Addresses on a serial bus.
    pub addresses: Option<Addresses>,
    /// Orders in which inverters ask.
    pub plans: Vec<Plan>,
    /// Versions, profiles or dialects that change bytes or meaning; the first is the default.
    pub variants: Vec<Variant>,
    /// Optional capabilities that a target may claim (PICS), with what each means.
    pub claims: Vec<Claim>,
    /// What a frame with an unlisted identifier amounts to, and how well that is known.
    pub other_ids: (Outcome, Grade),
    /// Identifiers that the BMS must not send, with the grade of the prohibition.
    pub forbidden_ids: Vec<(CanId, Grade)>,
    /// The time within which a complete set of frames follows the first frame.
    pub first_set: Option<(Duration, Grade)>,
    /// Which message carries a field.
    pub(crate) carriers: Carriers,
    /// The definition's file.
    pub source: Source,
}

impl Protocol {
    /// The message with this number among `messages`.
    pub fn message_by_name(&self, name: &str) -> Option<&Message> {
        self.messages.iter().find(|message| message.name == name)
    }

    /// The message with this name, identifier (`0x351`) or command code (`0x61`), as users write it.
    pub fn message_by_reference(&self, text: &str) -> Option<&Message> {
        self.message_by_name(text).or_else(|| {
            let number = u32::try_from(crate::document::scalar::code(text)?).ok()?;
            self.messages.iter().find(|message| message.key.number() == number)
        })
    }

    /// The BMS's CAN message with this identifier.
    pub fn can_message(&self, id: CanId) -> Option<&Message> {
        self.messages.iter().find(|message| message.key == MessageKey::Can(id))
    }

    /// The command with this code.
    pub fn command(&self, code: u8) -> Option<&Message> {
        self.messages
            .iter()
            .find(|message| message.key == MessageKey::Command(code))
    }

    /// True for a bus on which the inverter asks and the BMS answers.
    pub fn asks(&self) -> bool {
        matches!(self.bus, Bus::Serial { .. })
    }
}

/// A setting of the battery's display.
#[derive(Clone, Debug)]
pub struct ManualSetting {
    /// The setting as the manual prints it.
    pub manual: String,
    /// The brand, lower case.
    pub brand: String,
    /// The poll plan that this brand's inverters use.
    pub plan: Option<String>,
    /// How well it is known that this definition is what the setting means.
    pub grade: Grade,
}

/// The bus that a protocol lives on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bus {
    /// Classic CAN.
    Can {
        /// Bits per second.
        bitrate: u32,
        /// True when the protocol uses 29-bit identifiers.
        extended: bool,
    },
    /// A serial line, 8N1 where nothing else is said.
    Serial {
        /// Bits per second.
        baud: u32,
        /// Further rates that are met in the field.
        also: Vec<u32>,
        /// Its levels are those of RS232, between two ends, instead of RS485's.
        rs232: bool,
    },
}

/// The framing of messages on a serial line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Envelope {
    /// No framing of its own (CAN).
    None,
    /// ASCII-hex frames of the Pylon family.
    PylonAscii {
        /// The version byte of requests.
        ver: u8,
        /// The device type byte.
        cid1: u8,
    },
    /// Modbus RTU.
    ModbusRtu,
    /// Modbus RTU with Voltronic's two-byte length in replies.
    Voltronic,
}

/// How a message is told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageKey {
    /// A CAN identifier.
    Can(CanId),
    /// A command code (CID2 of the ASCII frame).
    Command(u8),
    /// A block of registers, by its first address.
    Registers(u16),
}

impl MessageKey {
    /// The number of the key, whatever its kind.
    pub const fn number(self) -> u32 {
        match self {
            MessageKey::Can(id) => id.number(),
            MessageKey::Command(code) => code as u32,
            MessageKey::Registers(first) => first as u32,
        }
    }
}

impl std::fmt::Display for MessageKey {
    /// As users write it: `0x351`, `0x61`, `0x0010`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            MessageKey::Can(id) => f.pad(&format!("0x{id}")),
            MessageKey::Command(code) => f.pad(&format!("0x{code:02X}")),
            MessageKey::Registers(first) => f.pad(&format!("0x{first:04X}")),
        }
    }
}

/// Who sends a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// The battery.
    Bms,
    /// The inverter.
    Inverter,
}

/// Whether a message belongs to what the BMS sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Part of the core set: a missing one fails.
    Default,
    /// May be sent; judged when present.
    Optional,
    /// Other batteries have it, that of the product refuses it by the sheet: it is read where it is seen, and no case can
    /// count on its fields.
    Refused,
}

/// A request that changes or stops the battery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Danger {
    /// Changes settings.
    Writes,
    /// Switches the battery off.
    Shutdown,
}

/// A frame, or a command with its reply.
#[derive(Clone, Debug)]
pub struct Message {
    /// How it is told apart.
    pub key: MessageKey,
    /// Its name in the vocabulary.
    pub name: String,
    /// What it is, in a few words.
    pub title: String,
    /// Who sends it; for a command, who sends the reply.
    pub from: Sender,
    /// The layout of the data: of the frame, or of the reply's INFO.
    pub layout: Layout,
    /// The layout of a request's INFO; empty for frames and for commands without INFO.
    pub request: Layout,
    /// Where a command is asked: `system` (master), `pack` or both.
    pub address: AddressClass,
    /// The lengths that are right, tolerated or wrong.
    pub length: LengthRule,
    /// How often it comes (broadcast only).
    pub period: Option<PeriodRule>,
    /// Core or optional.
    pub presence: Presence,
    /// The claim (PICS) that makes an optional message expected.
    pub claim: Option<String>,
    /// The variants that have this message; empty for all.
    pub variants: Vec<String>,
    /// What it does to a battery.
    pub danger: Option<Danger>,
    /// Further request INFO bytes beyond the layout are tolerated by the sheet.
    pub extra_request_bytes: bool,
    /// Return codes other than 0 that come with data all the same.
    pub refusals_with_data: Vec<u8>,
    /// How well the message as such is known.
    pub grade: Grade,
    /// Where it stands in the definition.
    pub origin: Origin,
}

impl Message {
    /// All fields of the reply or frame, those in repeats and conditions included, in reading order.
    pub fn fields(&self) -> Vec<&Field> {
        self.layout.fields()
    }

    /// The field with this name, `{n}` standing for any number.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields().into_iter().find(|field| field.matches(name))
    }
}

/// Which addresses a command is asked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressClass {
    /// Any address of the battery.
    Any,
    /// Only the master's address.
    System,
    /// Any pack's own address.
    Pack,
}

/// Which lengths of data are right.
#[derive(Clone, Debug, Default)]
pub struct LengthRule {
    /// The length that the reference sends; `None` where it depends on the content.
    pub send: Option<usize>,
    /// Lengths that pass.
    pub pass: Vec<usize>,
    /// Lengths that are tolerated with a warning.
    pub warn: Option<RangeInclusive<usize>>,
    /// How well the lengths are known.
    pub grade: Option<Grade>,
}

/// How often a message comes.
#[derive(Clone, Debug)]
pub struct PeriodRule {
    /// The nominal period.
    pub is: Duration,
    /// The mean period that passes.
    pub pass: RangeInclusive<Duration>,
    /// The mean period up to which it is a warning; above it fails.
    pub warn: Duration,
    /// A single gap above this fails.
    pub gap: Option<Duration>,
    /// Mean periods below this fail, where the protocol forbids more.
    pub at_least: Option<Duration>,
    /// How well the rule is known.
    pub grade: Grade,
}

/// The order of bytes in a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteOrder {
    /// Low byte first.
    Little,
    /// High byte first.
    Big,
}

/// The parts of a message, in reading order.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    /// The parts.
    pub items: Vec<Item>,
    /// Bits that carry no field, with what must stand in them.
    pub reserved: Vec<Reserved>,
    /// Bytes that may follow the last part: how many, what they must be, and the grade.
    pub extra: Option<ExtraBytes>,
}

impl Layout {
    /// All fields, those in repeats and conditions included, in reading order.
    pub fn fields(&self) -> Vec<&Field> {
        fn collect<'a>(items: &'a [Item], into: &mut Vec<&'a Field>) {
            for item in items {
                match item {
                    Item::Field(field) => into.push(field),
                    Item::Repeat(repeat) => {
                        if let Some(count) = &repeat.count_field {
                            into.push(count);
                        }
                        collect(&repeat.items, into);
                    }
                    Item::When(when) => collect(&when.items, into),
                    Item::Pages(pages) => {
                        into.push(&pages.key);
                        for page in &pages.pages {
                            collect(&page.1, into);
                        }
                    }
                }
            }
        }
        let mut fields = Vec::new();
        collect(&self.items, &mut fields);
        fields
    }

    /// True when nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

/// Bytes that may follow the last part of a message.
#[derive(Clone, Debug)]
pub struct ExtraBytes {
    /// At most so many.
    pub bytes: usize,
    /// Their value, if it is known.
    pub must: Option<u8>,
    /// How well that is known; extra bytes are a warning of that grade.
    pub grade: Grade,
}

/// A part of a layout.
#[derive(Clone, Debug)]
pub enum Item {
    /// A field.
    Field(Field),
    /// A counted repetition.
    Repeat(Repeat),
    /// Parts that are there only under a condition.
    When(When),
    /// Parts that depend on a page number (multiplexed frames).
    Pages(Pages),
}

/// A counted repetition of parts.
#[derive(Clone, Debug)]
pub struct Repeat {
    /// The field that says how often, when it stands directly before the repeated parts.
    pub count_field: Option<Field>,
    /// How often, as an expression over fields and request parameters; used without `count_field`.
    pub count: Option<Expression>,
    /// The most repetitions that can be right.
    pub max: usize,
    /// The repeated parts; `{n}` in their names is the running number from 1.
    pub items: Vec<Item>,
    /// True when each repetition is a pack: with more than one, the fields go under `packs`.
    pub packs: bool,
    /// Fewer repetitions than counted are tolerated (a warning of this grade).
    pub short: Option<Grade>,
    /// Where it stands.
    pub origin: Origin,
}

/// Parts that are there only under a condition.
#[derive(Clone, Debug)]
pub struct When {
    /// The condition, over fields decoded before it.
    pub condition: Expression,
    /// The parts.
    pub items: Vec<Item>,
}

/// Parts chosen by a page number in the message.
#[derive(Clone, Debug)]
pub struct Pages {
    /// The field that holds the page number.
    pub key: Field,
    /// Page numbers with their parts.
    pub pages: Vec<(i64, Vec<Item>)>,
}

/// An expression of the rule language over field names.
#[derive(Clone, Debug)]
pub struct Expression {
    /// The text as written.
    pub text: String,
    /// Where it stands.
    pub origin: Origin,
    /// The compiled form, once the definition as a whole is known.
    pub(super) program: Option<Arc<Program>>,
}

/// The text of the computed field that stands for the version byte of an ASCII frame's header.
pub const HEADER_VERSION: &str = "header.ver";

/// Where a field lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The first byte.
    pub anchor: Anchor,
    /// How many bytes the container has (a text: its length; 0: to the end or a terminator).
    pub bytes: usize,
    /// The bits of the container, counted from the least significant, when not all of them.
    pub bits: Option<(u8, u8)>,
    /// The order of the container's bytes.
    pub order: ByteOrder,
    /// For a container of two registers: low word first.
    pub low_word_first: bool,
}

/// What a place is counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// Bytes from the start of the data (inside a repeat: of the repetition).
    Start(usize),
    /// Bytes from the end.
    End(usize),
    /// Directly after the part before.
    Next,
    /// The bytes of the part before, again: a further bit of the same word.
    Same,
}

/// A field.
#[derive(Clone, Debug)]
pub struct Field {
    /// The name in the vocabulary; `{n}` stands for a running number.
    pub name: String,
    /// The vendor's name, where it differs.
    pub wire_name: Option<String>,
    /// What it is, in a few words.
    pub title: String,
    /// Where it lies.
    pub place: Place,
    /// What it is.
    pub kind: Kind,
    /// Values that mean "not available"; empty for none.
    pub absent: Vec<Absent>,
    /// The absent value is wrong for this battery, which knows the value.
    pub may_be_absent: bool,
    /// The values that are plausible, with the outcome and grade of a value outside.
    pub range: Option<FieldRange>,
    /// Values beyond the wire's range are sent as the wire's extreme.
    pub saturates: bool,
    /// The field may be missing in a message that is too short for it.
    pub optional: bool,
    /// The variants that have this field; empty for all.
    pub variants: Vec<String>,
    /// The claim (PICS) that makes it expected.
    pub claim: Option<String>,
    /// Whose value it is in a bank: of the whole bank unless said otherwise.
    pub of_pack: bool,
    /// The value must equal this request parameter (an echoed address).
    pub equals_request: Option<String>,
    /// How well the field is known as a whole.
    pub grade: Grade,
    /// Grades of aspects that are known worse: `scale`, `sign`, `range`, `unit`, `bits`, `order` ...
    pub aspects: Vec<(String, Grade)>,
    /// Where it stands.
    pub origin: Origin,
}

impl Field {
    /// Whether `name` is this field's name, `{n}` standing for any number.
    pub fn matches(&self, name: &str) -> bool {
        by_name::matches(&self.name, name)
    }

    /// The grade of an aspect, never better than the field's.
    pub fn aspect(&self, aspect: &str) -> Grade {
        self.aspects
            .iter()
            .find(|(name, _)| name == aspect)
            .map_or(self.grade, |(_, grade)| self.grade.worse(*grade))
    }

    /// The worst grade of what a value rests on; range and sentinel are facts of their own. The sign counts only
    /// `with_sign`: a known magnitude with an agreed sign says nothing about the other one.
    pub fn value_grade(&self, with_sign: bool) -> Grade {
        // A flag or a text has no scale; whatever aspect is stated for it concerns its value.
        let counts = |aspect: &str| match aspect {
            "range" | "absent" => false,
            "sign" => with_sign || !matches!(self.kind, Kind::Number(_)),
            _ => true,
        };
        self.aspects
            .iter()
            .filter(|(aspect, _)| counts(aspect))
            .fold(self.grade, |grade, (_, aspect)| grade.worse(*aspect))
    }

    /// The unit of the value; none for flags, states and texts.
    pub fn unit(&self) -> Option<Unit> {
        match &self.kind {
            Kind::Number(number) => Some(number.unit),
            _ => None,
        }
    }
}

/// What a field is.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A number with scale, offset and unit.
    Number(NumberKind),
    /// One bit; true when the bit has the value `active`.
    Flag {
        /// The bit value that means true.
        active: bool,
    },
    /// A whole number of bits as a truth value.
    Truth {
        /// The raw value for true.
        yes: i64,
        /// The raw value for false.
        no: i64,
    },
    /// Two bits: `not_supported` 0, `active` 1, `inactive` 2, `invalid` 3.
    Pair {
        /// The raw value of a healthy pair.
        idle: u8,
        /// Other names for the four codes, where the pair is no flag.
        states: Vec<State>,
    },
    /// A code with names.
    State {
        /// The codes.
        states: Vec<State>,
        /// Codes without a name are a deviation.
        report_unknown: bool,
        /// True for a two's complement code.
        signed: bool,
    },
    /// Text of fixed length, or up to a terminator.
    Text(TextKind),
    /// Bytes that never change.
    Constant {
        /// The bytes.
        bytes: Vec<u8>,
        /// What another value amounts to.
        otherwise: Outcome,
    },
    /// A version made of numbers.
    Version {
        /// How many bytes each part has.
        parts: Vec<u8>,
        /// Parts are read as hex digits, not as numbers.
        hex: bool,
    },
    /// Date and time.
    DateTime(DateTimeKind),
    /// Bytes without further meaning.
    Bytes,
}

/// A number on the wire.
#[derive(Clone, Debug)]
pub struct NumberKind {
    /// True for two's complement.
    pub signed: bool,
    /// value = (raw + offset) x scale.
    pub offset: i64,
    /// value = (raw + offset) x scale; negative where the wire's sign is reversed.
    pub scale: Number,
    /// Scales by variant of the sender, chosen by the plausibility of the raw value; empty for one scale.
    pub choices: Vec<ScaleChoice>,
    /// The unit of the value.
    pub unit: Unit,
    /// The magnitude counts; the wire's sign is reported.
    pub either_sign: bool,
    /// Rounding on encoding: down instead of to the nearest.
    pub round_down: bool,
    /// Numbers in binary-coded decimal.
    pub bcd: bool,
}

/// A scale that holds for one flavour of the sender.
#[derive(Clone, Debug)]
pub struct ScaleChoice {
    /// The name of the flavour.
    pub name: String,
    /// The scale.
    pub scale: Number,
    /// Raw values for which this flavour is plausible.
    pub raw: RangeInclusive<i64>,
}

/// A code and its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// The raw value.
    pub code: i64,
    /// The name.
    pub name: String,
}

/// Text on the wire.
#[derive(Clone, Debug)]
pub struct TextKind {
    /// The byte that fills the rest when sending.
    pub fill: u8,
    /// Bytes that are accepted as filling.
    pub accept_fill: Vec<u8>,
    /// Text stands at the right.
    pub right: bool,
    /// Ends at this byte, where the length is not fixed.
    pub until: Option<u8>,
    /// The text is a number in digits.
    pub digits: bool,
    /// What the text should begin with, the outcome otherwise, and the grade.
    pub begins: Option<(String, Outcome, Grade)>,
}

/// Date and time on the wire.
#[derive(Clone, Debug)]
pub enum DateTimeKind {
    /// Seconds, minutes, hours, day, month, year from the least significant bit, with their widths.
    Packed {
        /// The widths of second, minute, hour, day, month, year.
        bits: [u8; 6],
        /// The year of 0.
        epoch: u16,
    },
    /// One byte each, in this order: letters of `smhDMY`.
    Bytes {
        /// The order of the parts.
        order: String,
        /// The year of 0.
        epoch: u16,
        /// Parts are binary-coded decimal.
        bcd: bool,
    },
}

/// A value that means "not available".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Absent {
    /// This raw value (as an unsigned number of the container's width).
    Raw(u64),
    /// Any value below.
    Below(Quantity),
    /// Any value above.
    Above(Quantity),
}

/// Plausible values.
#[derive(Clone, Debug)]
pub struct FieldRange {
    /// The lowest.
    pub low: Option<Quantity>,
    /// The highest.
    pub high: Option<Quantity>,
    /// The bounds hold per pack: multiply by the packs online.
    pub per_pack: bool,
    /// What a value outside amounts to.
    pub outcome: Outcome,
    /// How well the range is known.
    pub grade: Grade,
}

/// Bits without a field.
#[derive(Clone, Debug)]
pub struct Reserved {
    /// Where they are.
    pub place: Place,
    /// What must stand in them; empty for anything.
    pub must: Vec<u64>,
    /// Values that are only a warning.
    pub tolerated: Vec<u64>,
    /// The variants for which this holds; empty for all.
    pub variants: Vec<String>,
    /// What another value amounts to.
    pub outcome: Outcome,
    /// How well that is known.
    pub grade: Grade,
    /// Where it stands.
    pub origin: Origin,
}

/// A frame of the inverter.
#[derive(Clone, Debug)]
pub struct InverterFrame {
    /// The identifier.
    pub id: CanId,
    /// Its name.
    pub name: String,
    /// What is sent by the harness.
    pub payload: Vec<u8>,
    /// How often it is sent by the harness.
    pub every: Duration,
    /// Any content is right in a capture.
    pub accept_any: bool,
    /// Both id formats are right in a capture.
    pub either_width: bool,
    /// How well it is known.
    pub grade: Grade,
    /// Where it stands.
    pub origin: Origin,
}

/// What counts as a living inverter, and what its silence does.
#[derive(Clone, Debug)]
pub struct Keepalive {
    /// Silence after which the BMS reacts; `None`: it never does on the wire.
    pub timeout: Option<Duration>,
    /// The time for which frames must go on without any keep-alive.
    pub goes_on: Duration,
    /// How well that is known.
    pub grade: Grade,
}

/// A rule over decoded fields.
#[derive(Clone, Debug)]
pub struct RuleDefinition {
    /// Its name.
    pub id: String,
    /// What it says, in words.
    pub title: String,
    /// The condition under which it applies.
    pub when: Option<Expression>,
    /// What must hold.
    pub then: Expression,
    /// How long it may be broken before that counts.
    pub during: Option<Duration>,
    /// The greatest age of a value from another message.
    pub max_age: Option<Duration>,
    /// The difference that `==` allows.
    pub tolerance: Option<Quantity>,
    /// What breaking it amounts to.
    pub outcome: Outcome,
    /// How well it is known.
    pub grade: Grade,
    /// The message whose fields a name alone means, where several messages have such a field.
    pub own_message: Option<String>,
    /// Where it stands.
    pub origin: Origin,
}

/// A text put together from parts.
#[derive(Clone, Debug)]
pub struct Join {
    /// The name of the whole.
    pub name: String,
    /// Message and field of each part, in reading order.
    pub parts: Vec<(String, String)>,
    /// Text stands at the right of the joined bytes.
    pub right: bool,
}

/// A field computed from others of the same message.
#[derive(Clone, Debug)]
pub struct Derived {
    /// The message that it belongs to.
    pub message: String,
    /// Its name, unit and grade; it takes no place on the wire.
    pub field: Field,
    /// How it is computed.
    pub expression: Expression,
}

/// A wrong form that is known by name.
#[derive(Clone, Debug)]
pub struct Deviation {
    /// Its name.
    pub id: String,
    /// What it is, in words.
    pub title: String,
    /// The message that shows it.
    pub message: String,
    /// When it is there, over fields and `raw(field)`.
    pub when: Expression,
    /// What it amounts to.
    pub outcome: Outcome,
    /// How well it is known.
    pub grade: Grade,
}

/// What must follow a bad request.
#[derive(Clone, Debug)]
pub struct ErrorRule {
    /// The situation: `bad_checksum`.
    pub situation: String,
    /// What it is, in words.
    pub title: String,
    /// What must follow.
    pub expect: Reaction,
    /// What is accepted as well.
    pub accept: Vec<Reaction>,
    /// What is tolerated with a warning.
    pub warn: Vec<Reaction>,
    /// How well that is known.
    pub grade: Grade,
    /// Where it stands.
    pub origin: Origin,
}

/// How a device reacts to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// No answer.
    Silence,
    /// An answer with this return code (ASCII frames) and no data.
    ReturnCode(u8),
    /// A Modbus exception.
    Exception(u8),
    /// A normal answer with data.
    Data,
}

impl std::fmt::Display for Reaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Reaction::Silence => f.write_str("silence"),
            Reaction::ReturnCode(code) => write!(f, "return code {code:02X}"),
            Reaction::Exception(code) => write!(f, "exception {code:02X}"),
            Reaction::Data => f.write_str("a normal reply"),
        }
    }
}

/// When a reply must come, from the end of the request to the first byte.
#[derive(Clone, Debug)]
pub struct ReplyTiming {
    /// An earlier first byte fails.
    pub not_before: Option<Duration>,
    /// A later first byte is a warning.
    pub warn: Duration,
    /// A later first byte fails.
    pub fail: Duration,
    /// The silence that the harness keeps between a reply and the next request.
    pub gap: Duration,
    /// How well that is known.
    pub grade: Grade,
}

/// Addresses on a serial bus.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// A pack's address is its DIP address plus each of these.
    pub pack_offsets: Vec<u8>,
    /// The master's addresses.
    pub system: Vec<u8>,
    /// Addresses that are never answered.
    pub silent: Vec<u8>,
    /// Addresses that an inverter tries, in this order.
    pub scan: Vec<u8>,
}

/// An order in which inverters ask.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Its name.
    pub name: String,
    /// Who uses it, in words.
    pub title: String,
    /// The questions.
    pub ask: Vec<PlannedQuestion>,
    /// The time from one question to the next.
    pub every: Duration,
    /// How well it is known.
    pub grade: Grade,
}

/// A question of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedQuestion {
    /// The command, or the function of a Modbus-like protocol.
    pub command: u8,
    /// First register and count of a register read.
    pub registers: Option<(u16, u16)>,
    /// The address asked.
    pub address: u8,
}

impl std::fmt::Display for PlannedQuestion {
    /// For people: `0x61 at 0x02`, `0x03 of 0x0000..0x000C at 0x01`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "0x{:02X}", self.command)?;
        if let Some((start, count)) = self.registers {
            write!(
                f,
                " of 0x{start:04X}..0x{:04X}",
                u32::from(start) + u32::from(count.max(1)) - 1
            )?;
        }
        write!(f, " at 0x{:02X}", self.address)
    }
}

/// A version, profile or dialect.
#[derive(Clone, Debug)]
pub struct Variant {
    /// Its name.
    pub name: String,
    /// What it is, in words.
    pub title: String,
    /// How a reply of this variant tells its length, where that is not what the envelope says.
    pub framing: Option<ReplyFraming>,
    /// How well it is known.
    pub grade: Grade,
}

/// A capability that a target may claim.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Its name.
    pub name: String,
    /// What it means, in words.
    pub title: String,
}
