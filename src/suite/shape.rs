//! Which keys a suite file and a vector file may have: checked on loading, printed by `bmscheck schema suite` and
//! `bmscheck schema vectors`.

use crate::document::shape::{Object, Shape, optional, required};
use crate::value::Dimension;

const TIME: Shape = Shape::Quantity(Some(Dimension::Time));
const WORDS: Shape = Shape::List(&Shape::Text);
/// YAML 1.2 reads `off` as a text, people write it all the same.
const SWITCH: Shape = Shape::Word(&["on", "off", "true", "false"]);
const DEMANDS: Shape = Shape::Map("field names", &Shape::OneOf(&[Shape::Text, Shape::Object(&DEMAND)]));
const STIMULI: Shape = Shape::Map("stimuli", &Shape::Text);

/// A suite file.
pub static SUITE: Object = Object {
    name: "suite file",
    doc: "A file of conformance cases.",
    keys: &[
        required(
            "suite",
            Shape::Text,
            "name: the protocol or subject, then the topic: `pylon-can/limits`",
        ),
        required("title", Shape::Text, "what it is about, in words"),
        optional("protocol", Shape::Name, "the protocol that its cases run on"),
        optional(
            "protocols",
            Shape::Word(&["all"]),
            "`all`: the cases run on every protocol that carries their fields",
        ),
        required("cases", Shape::List(&Shape::Object(&CASE)), "the cases"),
    ],
};

static CASE: Object = Object {
    name: "case",
    doc: "A test case: a state, what happens, and what must be seen.",
    keys: &[
        required("id", Shape::Name, "name in kebab case, unique in the suite"),
        required("title", Shape::Text, "what the case demands, in words"),
        optional(
            "covers",
            WORDS,
            "requirements (`R-003`, `Q-08`) and items of the definition (`pylon-can/0x351.soc`); mandatory",
        ),
        optional(
            "profiles",
            Shape::List(&Shape::Word(&["ci", "eol", "certification"])),
            "where the case is used: `ci` and `certification` unless said otherwise",
        ),
        optional(
            "grade",
            Shape::Word(&["A", "B", "C", "D"]),
            "the facts of the case are known no better than this",
        ),
        optional(
            "claim",
            Shape::Name,
            "the claim of the target without which the case is skipped",
        ),
        optional(
            "needs",
            WORDS,
            "what a target must be able to do, beyond what the steps show",
        ),
        optional(
            "keepalive",
            SWITCH,
            "`off`: the inverter's frames are withheld from the start of the case",
        ),
        optional(
            "allow",
            WORDS,
            "rules and deviations of the definition that the case brings about on purpose; `out-of-range`: fields beyond their ranges",
        ),
        optional("given", STIMULI, "the state in which the case starts"),
        optional("steps", Shape::List(&Shape::Object(&STEP)), "what happens, in order"),
        optional(
            "expect",
            Shape::List(&Shape::Object(&EXPECT)),
            "short form: steps that are all `expect`",
        ),
    ],
};

static STEP: Object = Object {
    name: "step",
    doc: "One thing that happens or is demanded; `request` has what must follow beside it.",
    keys: &[
        optional("set", STIMULI, "changes the state of the battery"),
        optional(
            "packs",
            Shape::Whole(1, 16),
            "the number of packs in parallel from here on",
        ),
        optional("unplug", Shape::Whole(1, 16), "this pack no longer answers"),
        optional("plug", Shape::Whole(1, 16), "this pack answers again"),
        optional("sleep", Shape::Truth, "the battery sleeps, or wakes"),
        optional(
            "power_cycle",
            Shape::Word(&["true"]),
            "the battery is switched off and on again",
        ),
        optional("reset", Shape::Word(&["true"]), "back to the neutral state"),
        optional(
            "dip",
            Shape::Text,
            "the address 0 to 15 on the DIP switches, which counts from the next start",
        ),
        optional(
            "key",
            Shape::Text,
            "what a hand does to a key: power, reset_press, reset_release, side_switch",
        ),
        optional(
            "panel",
            Shape::Text,
            "what a person does at the display: touch, open PAGE, leave, password N, select_protocol N",
        ),
        optional("wait", TIME, "lets time pass"),
        optional(
            "elapse",
            TIME,
            "lets much time pass, days for instance: what comes is not looked at; in simulated time only",
        ),
        optional(
            "shows",
            Shape::Map("displays and LEDs", &Shape::Text),
            "demands what display and LEDs show at this moment",
        ),
        optional(
            "keepalive",
            SWITCH,
            "sends or withholds the inverter's frames from here on",
        ),
        optional("send", Shape::Object(&SEND), "sends frames or bytes as they are"),
        optional("expect", Shape::Object(&EXPECT), "demands a message"),
        optional("never", Shape::Object(&NEVER), "demands that something does not come"),
        optional("period", Shape::Object(&PERIOD), "demands a cadence"),
        optional(
            "all_messages",
            Shape::Object(&ALL_MESSAGES),
            "demands every core message of the definition",
        ),
        optional(
            "rules",
            Shape::Object(&RULES),
            "demands that rules were exercised and held",
        ),
        optional(
            "together",
            Shape::List(&Shape::Object(&TOGETHER)),
            "demands that are watched at the same time",
        ),
        optional("request", Shape::Object(&REQUEST), "asks a question"),
        optional(
            "reply",
            Shape::Object(&REPLY),
            "what the answer to the question must be",
        ),
        optional("silence", TIME, "no answer to the question comes during this time"),
        optional(
            "error",
            Shape::Name,
            "the situation whose reaction the definition states under `errors`",
        ),
        optional(
            "return_code",
            Shape::Code,
            "the answer has this return code and no data",
        ),
        optional(
            "serves",
            Shape::Word(&["true"]),
            "any sound answer to the question, or silence",
        ),
        optional("times", Shape::Whole(1, 10_000), "how often the question is asked"),
    ],
};

static TOGETHER: Object = Object {
    name: "demand watched together with others",
    doc: "One of several demands that are watched at the same time.",
    keys: &[
        optional("expect", Shape::Object(&EXPECT), "demands a message"),
        optional("never", Shape::Object(&NEVER), "demands that something does not come"),
        optional("period", Shape::Object(&PERIOD), "demands a cadence"),
        optional(
            "all_messages",
            Shape::Object(&ALL_MESSAGES),
            "demands every core message of the definition",
        ),
        optional(
            "rules",
            Shape::Object(&RULES),
            "demands that rules were exercised and held",
        ),
    ],
};

static SEND: Object = Object {
    name: "send",
    doc: "Frames or bytes that are sent as they are.",
    keys: &[
        optional(
            "frames",
            WORDS,
            "CAN frames as candump writes them (`305#0102`), serial text (`~2002...`) or hex bytes",
        ),
        optional(
            "random",
            Shape::Whole(1, 100_000),
            "so many random frames on identifiers that the protocol does not know and nobody commands batteries with, or \
             random bytes on a serial line; they follow from the run's `--seed`",
        ),
        optional(
            "times",
            Shape::Whole(1, 100_000),
            "how often all of it is sent: once unless said otherwise",
        ),
        optional("every", TIME, "the pause after each frame: none unless said otherwise"),
    ],
};

static EXPECT: Object = Object {
    name: "expect",
    doc: "A demand on a message that the battery sends, or that is asked for in turn.",
    keys: &[
        optional(
            "message",
            Shape::Name,
            "the message by name or identifier; may be left out in a suite for all protocols",
        ),
        optional(
            "within",
            TIME,
            "some message within this time must match; without: each of the next `over`",
        ),
        optional(
            "over",
            Shape::Whole(1, 100_000),
            "how many messages must match, without `within`: 2",
        ),
        optional(
            "holds",
            TIME,
            "after the match every further message during this time must match too",
        ),
        optional("not_before", TIME, "a match before this time is a failure"),
        optional("fields", DEMANDS, "fields and what they must be"),
        optional(
            "if_carried",
            Shape::Truth,
            "in a suite for all protocols: the demand falls away where a protocol carries none of the fields",
        ),
        optional(
            "golden",
            Shape::Text,
            "the exact bytes in hex, `??` for a byte that does not matter",
        ),
        optional("length", Shape::Whole(0, 4095), "the length of the data in bytes"),
        optional("that", WORDS, "expressions over the fields that must be true"),
    ],
};

static DEMAND: Object = Object {
    name: "demand",
    doc: "What a field must be, with an allowed difference.",
    keys: &[
        required("is", Shape::Text, "the value: `57.6 V`"),
        optional("tolerance", Shape::Quantity(None), "the allowed difference: `0.1 V`"),
    ],
};

static NEVER: Object = Object {
    name: "never",
    doc: "Something that must not come from the battery; give one of the keys beside `during`.",
    keys: &[
        required("during", TIME, "for how long"),
        optional("message", Shape::Name, "a message by name, or an identifier"),
        optional("anything", Shape::Word(&["true"]), "anything at all"),
        optional(
            "answer",
            Shape::Word(&["true"]),
            "anything at all, while the inverter goes on asking where the battery only answers",
        ),
        optional(
            "id_format",
            Shape::Word(&["wrong"]),
            "an identifier of the width that the protocol does not use",
        ),
        optional("remote", Shape::Word(&["true"]), "a remote frame"),
        optional(
            "unknown_id",
            Shape::Word(&["true"]),
            "an identifier that the definition does not list",
        ),
    ],
};

static PERIOD: Object = Object {
    name: "period",
    doc: "A demand on how often a message comes; what is left out comes from the definition.",
    keys: &[
        required("message", Shape::Name, "the message by name or identifier"),
        optional("is", TIME, "the nominal period"),
        optional(
            "tolerance",
            Shape::Quantity(Some(Dimension::Percentage)),
            "the allowed difference of the mean period",
        ),
        optional(
            "over",
            Shape::Whole(1, 100_000),
            "how many periods are observed: 5 unless said otherwise",
        ),
    ],
};

static ALL_MESSAGES: Object = Object {
    name: "all_messages",
    doc: "Every core message of the definition comes within a time.",
    keys: &[required("within", TIME, "the time")],
};

static RULES: Object = Object {
    name: "rules",
    doc: "Rules of the definition that must be exercised, and must hold.",
    keys: &[
        required("hold", WORDS, "the rules by id"),
        required("during", TIME, "for how long they are watched"),
    ],
};

static REQUEST: Object = Object {
    name: "request",
    doc: "A question: by command and address, by registers, or as raw bytes.",
    keys: &[
        optional(
            "command",
            Shape::Code,
            "the command; beside `raw` it says how an answer is read",
        ),
        optional(
            "at",
            Shape::Code,
            "the address asked: the master's unless said otherwise",
        ),
        optional(
            "ver",
            Shape::Code,
            "the version byte of an ASCII frame: the definition's unless said otherwise",
        ),
        optional(
            "info",
            Shape::Bytes,
            "the INFO of an ASCII frame instead of what the command needs",
        ),
        optional(
            "extra",
            Shape::Bytes,
            "further INFO bytes behind what the command needs",
        ),
        optional(
            "function",
            Shape::Code,
            "the Modbus function: 0x03 unless said otherwise",
        ),
        optional("registers", Shape::Text, "the registers read: `0..36`"),
        optional(
            "raw",
            Shape::Text,
            "what goes onto the line: `~...` (CR is appended) or hex bytes",
        ),
        optional("sliced", TIME, "the bytes go out one by one with this pause"),
    ],
};

static REPLY: Object = Object {
    name: "reply",
    doc: "A demand on the answer to a question.",
    keys: &[
        optional(
            "within",
            TIME,
            "the time to the first byte: the definition's unless said otherwise",
        ),
        optional("fields", DEMANDS, "fields and what they must be"),
        optional(
            "packs",
            Shape::List(&DEMANDS),
            "demands on each pack, where a reply holds several",
        ),
        optional(
            "golden",
            Shape::Text,
            "the exact data (INFO) in hex, `??` for a byte that does not matter",
        ),
        optional(
            "frame",
            Shape::Text,
            "the exact frame on the line: `~...` (CR is appended) or hex bytes",
        ),
        optional("length", Shape::Whole(0, 4095), "the length of the data in bytes"),
        optional("that", WORDS, "expressions over the fields that must be true"),
        optional(
            "return_code",
            Shape::Code,
            "the return code: 0x00 unless said otherwise",
        ),
    ],
};

/// A vector file.
pub static VECTORS: Object = Object {
    name: "vector file",
    doc: "Golden frames of a protocol: bytes and the fields that they say.",
    keys: &[
        required("vectors", Shape::Name, "the protocol"),
        optional("title", Shape::Text, "what they are, in words"),
        required("frames", Shape::List(&Shape::Object(&VECTOR)), "the frames"),
    ],
};

static VECTOR: Object = Object {
    name: "vector",
    doc: "A frame with its meaning, or with the errors that it must give.",
    keys: &[
        required("id", Shape::Name, "its name, as in the sheet: `P-C1`"),
        required(
            "frame",
            Shape::Text,
            "`351#...` as candump writes it, `~...` (CR is appended) or hex bytes",
        ),
        optional(
            "direction",
            Shape::Word(&["bms", "inverter"]),
            "who sends it: `bms` unless said otherwise",
        ),
        optional(
            "request",
            Shape::Text,
            "the question that a reply answers, written like `frame`",
        ),
        optional(
            "command",
            Shape::Code,
            "the command that a reply answers, where no question was recorded",
        ),
        optional("fields", DEMANDS, "fields and their values"),
        optional(
            "packs",
            Shape::List(&DEMANDS),
            "the fields of each pack, where a reply holds several",
        ),
        optional("errors", WORDS, "errors that it must give, by id"),
        optional("warnings", WORDS, "warnings that it must give, by id"),
        optional("return_code", Shape::Code, "the return code of a reply"),
        required("source", Shape::Text, "where it comes from"),
        optional(
            "grade",
            Shape::Word(&["A", "B", "C", "D"]),
            "how far the source is to be trusted",
        ),
        optional("note", Shape::Text, "a remark"),
        optional(
            "complete",
            Shape::Truth,
            "the fields are all there are, and encode back to the bytes",
        ),
        optional("variant", Shape::Name, "the variant of the protocol"),
        optional("flags", WORDS, "which faults of the catalogue it hunts"),
    ],
};
