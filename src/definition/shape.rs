//! Which keys a protocol definition may have.

use crate::document::shape::{Key, Object, Shape, optional, required};
use crate::value::Dimension;

const GRADE: Shape = Shape::Word(&["A", "B", "C", "D"]);
const TIME: Shape = Shape::Quantity(Some(Dimension::Time));
const OUTCOME: Shape = Shape::Word(&["fail", "warning", "information"]);
const ORDER: Shape = Shape::Word(&["little", "big"]);
const NAMES: Shape = Shape::List(&Shape::Name);
const TEXTS: Shape = Shape::List(&Shape::Text);
const CODES: Shape = Shape::List(&Shape::Code);
static FIELD_SHAPE: Shape = Shape::Object(&FIELD);
const RESERVED_LIST: Shape = Shape::List(&Shape::Object(&RESERVED));
const TITLE: Key = optional("title", Shape::Text, "what it is, in a few words");
const NOTE: Key = optional("note", Shape::Text, "a remark for readers; has no effect");
const GRADE_KEY: Key = optional(
    "grade",
    GRADE,
    "how well it is known; default: the grade of what it belongs to",
);

/// A protocol definition.
pub static PROTOCOL: Object = Object {
    name: "protocol",
    doc: "A protocol as one inverter setting uses it.",
    keys: &[
        required("protocol", Shape::Name, "its name, for instance pylon-can"),
        required("title", Shape::Text, "what people call it"),
        optional("manual_names", TEXTS, "the battery manual's settings that it serves"),
        optional(
            "settings",
            Shape::List(&Shape::Object(&SETTING)),
            "the manual's settings with brand, poll plan and grade",
        ),
        optional("brands", NAMES, "the brands that use it"),
        required("sheet", Shape::Name, "the sheet that the facts come from"),
        required(
            "grade",
            GRADE,
            "how well the protocol as a whole is known; D is never certified",
        ),
        required("bus", Shape::Object(&BUS), "the bus"),
        optional(
            "envelope",
            Shape::Object(&ENVELOPE),
            "how messages are framed on a serial line",
        ),
        optional(
            "byte_order",
            ORDER,
            "the order of bytes in numbers where nothing else is said",
        ),
        optional(
            "variants",
            Shape::Map("variant names", &Shape::Object(&VARIANT)),
            "versions, profiles, dialects; the first is the default",
        ),
        optional(
            "claims",
            Shape::Map("claim names", &Shape::Text),
            "optional capabilities that a target may claim (PICS)",
        ),
        optional(
            "types",
            Shape::Map("type names", &Shape::Object(&FIELD)),
            "names for field types used several times",
        ),
        optional(
            "messages",
            Shape::List(&Shape::Object(&MESSAGE)),
            "frames of a broadcasting bus",
        ),
        optional(
            "commands",
            Shape::List(&Shape::Object(&COMMAND)),
            "questions and answers",
        ),
        optional(
            "registers",
            Shape::List(&FIELD_SHAPE),
            "the register map: fields with `address`",
        ),
        optional(
            "blocks",
            Shape::List(&Shape::Object(&BLOCK)),
            "blocks of registers as inverters read them",
        ),
        optional(
            "functions",
            Shape::Map("function codes", &Shape::Object(&FUNCTION)),
            "what each Modbus function does",
        ),
        optional(
            "inverter",
            Shape::List(&Shape::Object(&INVERTER)),
            "what the inverter sends",
        ),
        optional(
            "keepalive",
            Shape::Object(&KEEPALIVE),
            "what the silence of the inverter does",
        ),
        optional(
            "other_ids",
            Shape::Object(&JUDGEMENT),
            "what an identifier amounts to that is not listed",
        ),
        optional(
            "forbidden_ids",
            Shape::List(&Shape::Object(&FORBIDDEN)),
            "identifiers that the BMS must not send",
        ),
        optional(
            "first_set",
            Shape::Object(&FIRST_SET),
            "when the first frames must be complete",
        ),
        optional("address", Shape::Object(&ADDRESS), "addresses on a serial line"),
        optional("timing", Shape::Object(&TIMING), "when a reply must come"),
        optional(
            "return_codes",
            Shape::Map("codes", &Shape::Name),
            "return codes of replies",
        ),
        optional(
            "errors",
            Shape::Map("situations", &Shape::Object(&ERROR)),
            "what must follow a bad request",
        ),
        optional(
            "plans",
            Shape::Map("plan names", &Shape::Object(&PLAN)),
            "orders in which inverters ask",
        ),
        optional("rules", Shape::List(&Shape::Object(&RULE)), "rules over decoded fields"),
        optional(
            "join",
            Shape::Map("names", &Shape::Object(&JOIN)),
            "texts put together from parts",
        ),
        optional(
            "deviations",
            Shape::List(&Shape::Object(&DEVIATION)),
            "wrong forms that are known by name",
        ),
        NOTE,
    ],
};

/// A product: requirements and limits that hold on any protocol.
pub static PRODUCT: Object = Object {
    name: "product",
    doc: "A battery: its requirements, and limits that hold on any protocol.",
    keys: &[
        required("product", Shape::Name, "its name"),
        required("title", Shape::Text, "what people call it"),
        required("sheet", Shape::Name, "the sheet that the facts come from"),
        optional(
            "rules",
            Shape::List(&Shape::Object(&RULE)),
            "limits in terms of the vocabulary",
        ),
        optional(
            "requirements",
            Shape::List(&Shape::Object(&REQUIREMENT)),
            "what is demanded, by number",
        ),
        optional(
            "settings",
            Shape::List(&Shape::Object(&OFFERED_SETTING)),
            "the inverter settings that its display offers",
        ),
        NOTE,
    ],
};

static OFFERED_SETTING: Object = Object {
    name: "offered setting",
    doc: "An inverter setting of the display.",
    keys: &[
        required("name", Shape::Text, "as the display shows it"),
        required("brand", Shape::Name, "the inverter's brand, in lower case"),
        required("bus", Shape::Word(&["can", "serial"]), "its bus"),
        required(
            "protocol",
            Shape::Name,
            "the definition of its protocol, also one that is not there yet",
        ),
    ],
};

static REQUIREMENT: Object = Object {
    name: "requirement",
    doc: "A numbered requirement.",
    keys: &[
        required(
            "id",
            Shape::Name,
            "R- the manual, C- a contradiction, B- the class of battery",
        ),
        required(
            "test",
            Shape::Word(&["wire", "firmware", "none"]),
            "where it can be seen",
        ),
        required("grade", GRADE, "how well it is known"),
        required("text", Shape::Text, "what it says, in a sentence"),
        optional(
            "details",
            Shape::List(&Shape::Text),
            "the table that belongs to it, a line each",
        ),
        optional("reading", Shape::Text, "how a contradiction is read"),
        optional(
            "basis",
            Shape::Text,
            "why it is so: what it follows from, what others of the class do",
        ),
        optional("untested", Shape::Text, "why no program can test it"),
        optional(
            "bus",
            Shape::Word(&["can", "serial"]),
            "the only bus on which it can be seen",
        ),
        optional(
            "seen_on",
            Shape::List(&Shape::Text),
            "the only protocols on whose wire it can be seen, also ones that are not defined yet",
        ),
        optional(
            "fields",
            Shape::List(&Shape::Text),
            "the fields that show it: only a protocol that has one of them can",
        ),
    ],
};

/// Settled questions.
pub static QUESTIONS: Object = Object {
    name: "questions",
    doc: "Questions on which documents and devices differ, and how they are settled.",
    keys: &[
        required("sheet", Shape::Name, "the sheet that the facts come from"),
        required(
            "questions",
            Shape::List(&Shape::Object(&QUESTION)),
            "the questions, by number",
        ),
        NOTE,
    ],
};

static QUESTION: Object = Object {
    name: "question",
    doc: "A question on which documents and devices differ.",
    keys: &[
        required("id", Shape::Name, "its number: Q-01"),
        required("text", Shape::Text, "what is asked, in a few words"),
        required("readings", Shape::Text, "what documents and devices say"),
        required("reference", Shape::Text, "what the reference firmware does"),
        required("checker", Shape::Text, "what a case or rule accepts"),
        optional(
            "details",
            Shape::List(&Shape::Text),
            "the table that belongs to it, a line each",
        ),
        required(
            "grade",
            Shape::Text,
            "how well it is known, part by part where they differ",
        ),
    ],
};

static SETTING: Object = Object {
    name: "setting",
    doc: "A setting of the battery's display.",
    keys: &[
        required("manual", Shape::Text, "the setting as the manual prints it"),
        required("brand", Shape::Name, "the brand"),
        optional("plan", Shape::Name, "the poll plan of this brand's inverters"),
        GRADE_KEY,
        NOTE,
    ],
};

static BUS: Object = Object {
    name: "bus",
    doc: "The bus: CAN or serial.",
    keys: &[
        optional("can", Shape::Object(&CAN_BUS), "classic CAN"),
        optional("serial", Shape::Object(&SERIAL_BUS), "RS485 or RS232, 8N1"),
    ],
};

static CAN_BUS: Object = Object {
    name: "CAN bus",
    doc: "Classic CAN.",
    keys: &[
        required("bitrate", Shape::Quantity(Some(Dimension::BitRate)), "bits per second"),
        required(
            "ids",
            Shape::Word(&["standard", "extended"]),
            "11-bit or 29-bit identifiers",
        ),
    ],
};

static SERIAL_BUS: Object = Object {
    name: "serial bus",
    doc: "A serial line with 8 data bits, no parity, 1 stop bit.",
    keys: &[
        required("baud", Shape::Whole(300, 4_000_000), "bits per second"),
        optional(
            "also",
            Shape::List(&Shape::Whole(300, 4_000_000)),
            "further rates met in the field",
        ),
        optional(
            "line",
            Shape::Word(&["rs485", "rs232"]),
            "its levels; RS485 where nothing is said",
        ),
    ],
};

static ENVELOPE: Object = Object {
    name: "envelope",
    doc: "The framing on a serial line.",
    keys: &[
        optional(
            "pylon_ascii",
            Shape::Object(&PYLON_ASCII),
            "ASCII-hex frames of the Pylon family",
        ),
        optional(
            "modbus",
            Shape::Word(&["rtu", "voltronic"]),
            "Modbus RTU, or Voltronic's relative of it",
        ),
    ],
};

static PYLON_ASCII: Object = Object {
    name: "ASCII envelope",
    doc: "ASCII-hex frames of the Pylon family.",
    keys: &[
        required("ver", Shape::Code, "version byte of requests"),
        required("cid1", Shape::Code, "device type byte"),
    ],
};

static VARIANT: Object = Object {
    name: "variant",
    doc: "A version, profile or dialect.",
    keys: &[
        required("title", Shape::Text, "what it is"),
        optional(
            "framing",
            Shape::Word(&["standard", "words", "wide_bytes"]),
            "how a read reply tells its length: bytes in one byte, registers in two, bytes in two; default: as the envelope",
        ),
        GRADE_KEY,
        NOTE,
    ],
};

static MESSAGE: Object = Object {
    name: "message",
    doc: "A frame.",
    keys: &[
        required(
            "id",
            Shape::Text,
            "identifier `0x351`, or a range `0x315..0x318` of alike messages",
        ),
        required("name", Shape::Name, "its name in the vocabulary"),
        TITLE,
        optional(
            "from",
            Shape::Word(&["bms", "inverter"]),
            "who sends it; default: the BMS",
        ),
        optional(
            "send",
            Shape::Word(&["default", "optional"]),
            "part of the core set, or optional",
        ),
        optional(
            "claim",
            Shape::Name,
            "the claim that makes an optional message expected",
        ),
        optional("in", NAMES, "the variants that have it"),
        optional("period", Shape::Object(&PERIOD), "how often it comes"),
        optional(
            "length",
            Shape::OneOf(&[Shape::Whole(0, 8), Shape::Object(&LENGTH)]),
            "length of the data in bytes",
        ),
        optional("byte_order", ORDER, "the order of bytes in its numbers"),
        optional(
            "first",
            Shape::Whole(0, 9999),
            "for a range of identifiers: the first running number",
        ),
        optional(
            "per",
            Shape::Whole(1, 64),
            "for a range of identifiers: running numbers per message",
        ),
        optional("fields", Shape::List(&FIELD_SHAPE), "its fields"),
        optional("reserved", RESERVED_LIST, "bits without a field"),
        GRADE_KEY,
        NOTE,
    ],
};

static COMMAND: Object = Object {
    name: "command",
    doc: "A question with its answer.",
    keys: &[
        required("code", Shape::Code, "command code"),
        required("name", Shape::Name, "its name in the vocabulary"),
        TITLE,
        optional(
            "at",
            Shape::Word(&["any", "system", "pack"]),
            "where it is asked: any address, the master's, a pack's own",
        ),
        optional("request", Shape::List(&FIELD_SHAPE), "what the question carries"),
        optional("reply", Shape::List(&FIELD_SHAPE), "what the answer carries"),
        optional("reserved", RESERVED_LIST, "bits of the answer without a field"),
        optional(
            "length",
            Shape::OneOf(&[Shape::Whole(0, 2048), Shape::Object(&LENGTH)]),
            "length of the answer's data in bytes",
        ),
        optional("extra", Shape::Object(&EXTRA), "bytes that may follow the last field"),
        optional(
            "extra_request_bytes",
            Shape::Truth,
            "further bytes in the question are tolerated",
        ),
        optional(
            "refusals_with_data",
            Shape::List(&Shape::Whole(1, 255)),
            "return codes that come with data all the same",
        ),
        optional(
            "danger",
            Shape::Word(&["writes", "shutdown"]),
            "never sent to live hardware without permission",
        ),
        optional("claim", Shape::Name, "the claim that makes it expected"),
        optional("in", NAMES, "the variants that have it"),
        GRADE_KEY,
        NOTE,
    ],
};

static PERIOD: Object = Object {
    name: "period",
    doc: "How often a message comes.",
    keys: &[
        required("is", TIME, "nominal"),
        optional(
            "pass",
            Shape::Range,
            "mean periods that pass; default: 10 % around the nominal",
        ),
        optional("warn", TIME, "mean periods up to this are a warning, above fail"),
        optional("gap", TIME, "a single gap above this fails"),
        optional("at_least", TIME, "mean periods below this fail"),
        GRADE_KEY,
        NOTE,
    ],
};

static LENGTH: Object = Object {
    name: "length",
    doc: "Which lengths are right.",
    keys: &[
        optional("send", Shape::Whole(0, 2048), "what the battery of the manual sends"),
        optional("pass", Shape::List(&Shape::Whole(0, 2048)), "lengths that pass"),
        optional("warn", Shape::Range, "lengths that are tolerated"),
        GRADE_KEY,
        NOTE,
    ],
};

static EXTRA: Object = Object {
    name: "extra bytes",
    doc: "Bytes that may follow the last field.",
    keys: &[
        required("bytes", Shape::Whole(1, 64), "how many at most"),
        optional("must", Shape::Whole(0, 255), "their value"),
        GRADE_KEY,
        NOTE,
    ],
};

/// A field, or a group of fields.
pub static FIELD: Object = Object {
    name: "field",
    doc: "A field, or a group of fields (`repeat`, `when`, `pages`, `flags`).",
    keys: &[
        optional(
            "at",
            Shape::Text,
            "first byte from 0, `byte.bit` for a bit or pair, negative: counted from the end; default: after the field before",
        ),
        optional(
            "address",
            Shape::Text,
            "register, or a range of registers for a running `{n}`",
        ),
        optional("byte", Shape::Word(&["low", "high"]), "which byte of a register"),
        optional("write", Shape::Code, "the function that writes the register"),
        optional(
            "bits",
            Shape::Text,
            "bits of the type, `0..6` or `5`, counted from the least significant",
        ),
        optional(
            "name",
            Shape::Name,
            "its name in the vocabulary; `{n}` stands for a running number",
        ),
        optional("wire_name", Shape::Text, "the vendor's name, where it differs"),
        TITLE,
        optional(
            "type",
            Shape::Name,
            "u8 i8 u16 i16 u24 i24 u32 i32 u64 flag pair truth text const version date_time bytes, or a name of `types`",
        ),
        optional(
            "count",
            Shape::Whole(1, 256),
            "so many alike fields, `{n}` in the name runs",
        ),
        optional("first", Shape::Whole(0, 9999), "the first running number; default 1"),
        optional("unit", Shape::Text, "unit of the value"),
        optional("scale", Shape::Number, "value = (raw + offset) x scale"),
        optional(
            "scales",
            Shape::List(&Shape::Object(&SCALE)),
            "scales by flavour of the sender, the first plausible one holds",
        ),
        optional("offset", Shape::Whole(i64::MIN + 1, i64::MAX), "in raw units"),
        optional("negate", Shape::Truth, "the wire's sign is reversed"),
        optional(
            "sign",
            Shape::Word(&["either"]),
            "the magnitude counts, the wire's sign is reported",
        ),
        optional("round", Shape::Word(&["nearest", "down"]), "rounding on encoding"),
        optional("bcd", Shape::Truth, "digits are binary-coded decimal"),
        optional("range", Shape::Range, "plausible values"),
        optional("per_pack", Shape::Truth, "the range holds per pack"),
        optional("outcome", OUTCOME, "what a value outside the range amounts to"),
        optional("active", Shape::Whole(0, 1), "the bit value that means true"),
        optional("truth", Shape::Object(&TRUTH), "the raw values of true and false"),
        optional("idle", Shape::Whole(0, 2), "the code of a healthy pair"),
        optional("states", Shape::Map("codes", &Shape::Name), "names of codes"),
        optional(
            "unknown",
            Shape::Word(&["report", "accept"]),
            "what codes without a name amount to",
        ),
        optional(
            "absent",
            Shape::List(&Shape::OneOf(&[
                Shape::Word(&["none"]),
                Shape::Code,
                Shape::Object(&ABSENT),
            ])),
            "values that mean not available",
        ),
        optional("may_be_absent", Shape::Truth, "false: the battery knows the value"),
        optional("saturates", Shape::Truth, "beyond the wire's range the extreme is sent"),
        optional(
            "length",
            Shape::Whole(0, 2048),
            "bytes of a text, of constant or meaningless bytes",
        ),
        optional("fill", Shape::Code, "byte that fills a text"),
        optional("accept_fill", CODES, "bytes accepted as filling"),
        optional("align", Shape::Word(&["left", "right"]), "where a text stands"),
        optional("until", Shape::Code, "byte that ends a text"),
        optional(
            "digits",
            Shape::Truth,
            "a text that is a number; a version read as hex digits",
        ),
        optional("begins", Shape::Object(&BEGINS), "what a text should begin with"),
        optional("value", Shape::Bytes, "bytes of a constant"),
        optional("otherwise", OUTCOME, "what another value of a constant amounts to"),
        optional(
            "parts",
            Shape::List(&Shape::Whole(1, 4)),
            "bytes of each part of a version",
        ),
        optional(
            "packed",
            Shape::List(&Shape::Whole(0, 16)),
            "widths of second, minute, hour, day, month, year from bit 0",
        ),
        optional("order", Shape::Name, "order of the bytes of a date: letters of smhDMY"),
        optional("epoch", Shape::Whole(0, 3000), "year of 0"),
        optional("byte_order", ORDER, "the order of bytes"),
        optional(
            "word_order",
            Shape::Word(&["high", "low"]),
            "which word of two comes first",
        ),
        optional("optional", Shape::Truth, "may be missing in a short message"),
        optional("in", NAMES, "the variants that have it"),
        optional("claim", Shape::Name, "the claim that makes it expected"),
        optional("of_pack", Shape::Truth, "value of the pack asked, not of the bank"),
        optional("equals", Shape::Name, "must repeat this request parameter"),
        optional(
            "grades",
            Shape::Map("aspects", &GRADE),
            "aspects known worse: scale, sign, range, unit, bits, order, text ...",
        ),
        optional(
            "flags",
            Shape::Map("bits", &Shape::OneOf(&[Shape::Name, Shape::Object(&FLAG)])),
            "names of the bits of a word",
        ),
        optional(
            "reserved",
            Shape::List(&Shape::Text),
            "bits of the word without a name, must be 0",
        ),
        optional("repeat", Shape::Object(&REPEAT), "a counted repetition of `each`"),
        optional("packs", Shape::Object(&REPEAT), "a repetition of `each` per pack"),
        optional("each", Shape::List(&FIELD_SHAPE), "the repeated fields"),
        optional("when", Shape::Text, "condition under which `fields` are there"),
        optional("fields", Shape::List(&FIELD_SHAPE), "the fields under the condition"),
        optional(
            "pages",
            Shape::Map("page numbers", &Shape::List(&FIELD_SHAPE)),
            "fields by page number; the item itself is the page number",
        ),
        optional("derive", Shape::Text, "computed from fields before it; takes no bytes"),
        GRADE_KEY,
        NOTE,
    ],
};

static FLAG: Object = Object {
    name: "flag",
    doc: "A bit of a word.",
    keys: &[
        required("name", Shape::Name, "its name in the vocabulary"),
        optional("wire_name", Shape::Text, "the vendor's name, where it differs"),
        TITLE,
        optional("active", Shape::Whole(0, 1), "the bit value that means true"),
        optional("claim", Shape::Name, "the claim that makes it expected"),
        optional("in", NAMES, "the variants that have it"),
        GRADE_KEY,
        NOTE,
    ],
};

static SCALE: Object = Object {
    name: "scale",
    doc: "A scale that holds for one flavour of the sender.",
    keys: &[
        required("name", Shape::Name, "the flavour"),
        required("scale", Shape::Number, "the scale"),
        required("raw", Shape::Range, "raw values for which it is plausible"),
    ],
};

static TRUTH: Object = Object {
    name: "truth values",
    doc: "The raw values of true and false.",
    keys: &[
        required("yes", Shape::Code, "true"),
        required("no", Shape::Code, "false"),
    ],
};

static ABSENT: Object = Object {
    name: "absent values",
    doc: "Values that mean not available.",
    keys: &[
        optional("below", Shape::Quantity(None), "any value below"),
        optional("above", Shape::Quantity(None), "any value above"),
    ],
};

static BEGINS: Object = Object {
    name: "beginning",
    doc: "What a text should begin with.",
    keys: &[
        required("text", Shape::Text, "the beginning"),
        optional("outcome", OUTCOME, "what another text amounts to"),
        GRADE_KEY,
    ],
};

static REPEAT: Object = Object {
    name: "repetition",
    doc: "How often something is repeated.",
    keys: &[
        required(
            "count",
            Shape::Text,
            "a type (`u8`: the count stands before the repetitions), or an expression",
        ),
        optional("as", Shape::Name, "the name of the count"),
        optional("range", Shape::Range, "plausible counts"),
        required("max", Shape::Whole(1, 4096), "the most repetitions that can be right"),
        optional(
            "short",
            GRADE,
            "fewer repetitions than counted are tolerated: the grade of that warning",
        ),
        GRADE_KEY,
    ],
};

static RESERVED: Object = Object {
    name: "reserved bits",
    doc: "Bits without a field.",
    keys: &[
        required("at", Shape::Text, "byte, range of bytes `1..7`, or `byte.bit`"),
        optional("bits", Shape::List(&Shape::Text), "bits of the byte: `0`, `5..7`"),
        optional(
            "must",
            Shape::OneOf(&[Shape::Word(&["anything"]), Shape::List(&Shape::Whole(0, 0xFFFF_FFFF))]),
            "what must stand there; default 0",
        ),
        optional(
            "tolerated",
            Shape::List(&Shape::Whole(0, 0xFFFF_FFFF)),
            "values that are only a warning",
        ),
        optional("outcome", OUTCOME, "what another value amounts to"),
        optional("in", NAMES, "the variants for which it holds"),
        GRADE_KEY,
        NOTE,
    ],
};

static BLOCK: Object = Object {
    name: "register block",
    doc: "A block of registers, as inverters read it in one request; a register belongs to one block.",
    keys: &[
        required("name", Shape::Name, "its name in the vocabulary"),
        TITLE,
        required("registers", Shape::Text, "the registers, `0..36`"),
        optional(
            "read",
            TEXTS,
            "what reading a register gives that has no field: `zero`, `exception 2`",
        ),
        optional(
            "write",
            Shape::Code,
            "the function that writes all of it; single fields have a `write` of their own",
        ),
        optional(
            "danger",
            Shape::Word(&["writes", "shutdown"]),
            "what writing does: never written on live hardware without permission",
        ),
        optional(
            "at",
            Shape::Word(&["any", "system", "pack"]),
            "where it is asked: any address, the master's, a pack's own",
        ),
        optional(
            "send",
            Shape::Word(&["default", "optional", "refused"]),
            "part of what every battery has, optional, or refused by the battery of the product",
        ),
        optional("claim", Shape::Name, "the claim that makes it expected"),
        optional("in", NAMES, "the variants that have it"),
        GRADE_KEY,
        NOTE,
    ],
};

static FUNCTION: Object = Object {
    name: "function",
    doc: "What a Modbus function does.",
    keys: &[
        optional("count", Shape::Text, "register counts that are served, `1..125`"),
        optional(
            "exception",
            Shape::Whole(1, 255),
            "the exception given instead of an answer",
        ),
        GRADE_KEY,
        NOTE,
    ],
};

static INVERTER: Object = Object {
    name: "inverter frame",
    doc: "A frame of the inverter.",
    keys: &[
        required("id", Shape::Code, "identifier"),
        required("name", Shape::Name, "its name in the vocabulary"),
        required("payload", Shape::Bytes, "what the harness sends"),
        required("every", TIME, "how often the harness sends it"),
        optional(
            "accept",
            Shape::Word(&["any", "exact"]),
            "contents that are right in a capture",
        ),
        optional(
            "id_width",
            Shape::Word(&["either", "own"]),
            "id formats that are right in a capture",
        ),
        optional(
            "fields",
            Shape::List(&FIELD_SHAPE),
            "its fields, where the content has a meaning",
        ),
        GRADE_KEY,
        NOTE,
    ],
};

static KEEPALIVE: Object = Object {
    name: "keep-alive",
    doc: "What the silence of the inverter does.",
    keys: &[
        optional("timeout", TIME, "silence after which the BMS reacts on the wire"),
        required(
            "goes_on",
            TIME,
            "the time for which frames must go on without any keep-alive",
        ),
        GRADE_KEY,
        NOTE,
    ],
};

static JUDGEMENT: Object = Object {
    name: "judgement",
    doc: "An outcome with its grade.",
    keys: &[required("outcome", OUTCOME, "what it amounts to"), GRADE_KEY, NOTE],
};

static FORBIDDEN: Object = Object {
    name: "forbidden identifier",
    doc: "An identifier that the BMS must not send.",
    keys: &[required("id", Shape::Code, "identifier"), GRADE_KEY, NOTE],
};

static FIRST_SET: Object = Object {
    name: "first set",
    doc: "When the first frames must be complete.",
    keys: &[
        required("within", TIME, "from the first frame to the complete set"),
        GRADE_KEY,
        NOTE,
    ],
};

static ADDRESS: Object = Object {
    name: "addresses",
    doc: "Addresses on a serial line.",
    keys: &[
        required(
            "pack_offsets",
            Shape::List(&Shape::Whole(0, 255)),
            "a pack's address is its DIP address plus each of these",
        ),
        required("system", CODES, "the master's addresses"),
        optional("silent", CODES, "addresses that are never answered"),
        optional("scan", CODES, "addresses that an inverter tries, in this order"),
        NOTE,
    ],
};

static TIMING: Object = Object {
    name: "timing",
    doc: "When a reply must come, from the end of the request to the first byte.",
    keys: &[
        optional("not_before", TIME, "earlier fails"),
        required("warn", TIME, "later is a warning"),
        required("fail", TIME, "later fails"),
        required("gap", TIME, "silence between a reply and the next request"),
        GRADE_KEY,
        NOTE,
    ],
};

static ERROR: Object = Object {
    name: "error situation",
    doc: "What must follow a bad request.",
    keys: &[
        TITLE,
        required("expect", Shape::Text, "`silence`, `rtn 0x02`, `exception 2`, `data`"),
        optional("accept", TEXTS, "what passes as well"),
        optional("warn", TEXTS, "what is tolerated"),
        GRADE_KEY,
        NOTE,
    ],
};

static PLAN: Object = Object {
    name: "plan",
    doc: "An order in which inverters ask.",
    keys: &[
        TITLE,
        required(
            "ask",
            TEXTS,
            "questions: `0x61 @ 0x02`; registers: `0..12 @ 1`, `0x04 0..12 @ 1`",
        ),
        required("every", TIME, "from one question to the next"),
        GRADE_KEY,
        NOTE,
    ],
};

static RULE: Object = Object {
    name: "rule",
    doc: "A rule over decoded fields.",
    keys: &[
        required("id", Shape::Name, "its name"),
        TITLE,
        optional("when", Shape::Text, "the condition under which it applies"),
        required("then", Shape::Text, "what must hold"),
        optional("during", TIME, "how long it may be broken before that counts"),
        optional("max_age", TIME, "the greatest age of a value from another message"),
        optional("tolerance", Shape::Quantity(None), "the difference that `==` allows"),
        optional("outcome", OUTCOME, "what breaking it amounts to"),
        GRADE_KEY,
        NOTE,
    ],
};

static JOIN: Object = Object {
    name: "join",
    doc: "A text put together from parts.",
    keys: &[
        required("parts", TEXTS, "`0x370.battery_name_1`, in reading order"),
        optional("align", Shape::Word(&["left", "right"]), "where the text stands"),
        NOTE,
    ],
};

static DEVIATION: Object = Object {
    name: "deviation",
    doc: "A wrong form that is known by name.",
    keys: &[
        required("id", Shape::Name, "its name"),
        required("title", Shape::Text, "what it is"),
        required("message", Shape::Text, "the message that shows it"),
        required("when", Shape::Text, "when it is there"),
        optional("outcome", OUTCOME, "what it amounts to"),
        GRADE_KEY,
        NOTE,
    ],
};
