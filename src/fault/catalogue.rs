//! The table of wire faults.

use super::slot::Slot;
use super::{flag, value};
use crate::definition::{Envelope, Field, Message};

/// A fault that a sender can have, wherever it fits.
#[derive(Debug)]
pub struct Operator {
    /// Its name, stable: `byte-order`.
    pub name: &'static str,
    /// What it is a fault of.
    pub class: Class,
    /// What a sender with this fault does.
    pub does: &'static str,
    /// What it applies to.
    pub to: &'static str,
    /// How a diagnosis names what is on the wire.
    pub says: &'static str,
    /// How it is done.
    pub act: Act,
}

/// What a fault is a fault of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// A value on the wire.
    Value,
    /// A truth value on the wire.
    Flag,
    /// A frame of a broadcast: its identifier, its length, its time.
    Frame,
    /// The stream as a whole.
    Stream,
    /// A reply, or that there is one.
    Exchange,
}

impl Class {
    /// The class in words.
    pub const fn word(self) -> &'static str {
        match self {
            Class::Value => "value",
            Class::Flag => "flag",
            Class::Frame => "frame",
            Class::Stream => "stream",
            Class::Exchange => "exchange",
        }
    }
}

/// Changes the data of a message where one field lies; `None` where the field is not of the kind concerned.
pub type Change = fn(&Slot<'_, '_>, &mut [u8]) -> Option<()>;

/// How a fault is done.
#[derive(Clone, Copy, Debug)]
pub enum Act {
    /// A field's bytes become others; what they become depends on this message alone.
    Field {
        /// Whether it concerns a field.
        fits: fn(&Field) -> bool,
        /// What it does. The first is planted; the others (another rounding) are recognised too.
        changes: &'static [Change],
        /// Done twice, it changes nothing.
        undoes_itself: bool,
    },
    /// Bits without a field are set.
    Reserved,
    /// Every field of a message for which this does something.
    Message {
        /// Whether it concerns a message.
        fits: fn(&Message) -> bool,
        /// What it does to each field.
        change: Change,
    },
    /// What is sent depends on what was sent before.
    Memory(Memory),
    /// A broadcast frame comes otherwise.
    Frame(FrameFault),
    /// The stream as a whole goes otherwise.
    Session(SessionFault),
    /// A reply comes otherwise.
    Reply(ReplyFault),
    /// A question is taken for another one.
    Request(RequestFault),
}

/// What a faulty sender remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// A field keeps the first value that it had.
    Frozen,
    /// A message carries what it carried the time before.
    Stale,
    /// A flag that was true once stays true.
    EnableHeld,
    /// A limit that would be 0 stays what it was.
    LimitHeld,
}

/// What happens to a broadcast frame. Times derive from the message's period and its tolerances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameFault {
    /// It never comes.
    Dropped,
    /// It comes twice.
    Doubled,
    /// Again and again it comes later than the longest gap allows.
    Late,
    /// It comes twice as often as the shortest period allows.
    Early,
    /// Its period is half as long again.
    PeriodLonger,
    /// Its period is half as long.
    PeriodShorter,
    /// It comes up to nine tenths of a period late, each time another while.
    Jitter,
    /// Its identifier is another one, which the protocol does not use.
    WrongId,
    /// Its identifier has the other width.
    WrongIdFormat,
    /// Its last byte is missing.
    LengthShort,
    /// It has a byte more.
    LengthLong,
    /// It is a remote frame, without data.
    Remote,
    /// It comes after the frames that follow it otherwise.
    OrderChanged,
}

/// What happens to the stream as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionFault {
    /// After a while nothing comes any more.
    StopsAfterAWhile,
    /// Nothing comes while the inverter is silent, although it must.
    StopsWithoutKeepalive,
    /// Frames go on while the inverter is silent, although they must stop.
    GoesOnWithoutKeepalive,
}

/// What happens to a reply. Where the fault is not about them, checksums and length fields are right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyFault {
    /// CHKSUM is wrong.
    Checksum,
    /// LENID is not the number of characters.
    Length,
    /// LCHKSUM is wrong.
    LengthChecksum,
    /// The address is another one.
    Address,
    /// A normal reply carries the command where its return code belongs.
    CommandEchoed,
    /// A refusal carries another return code.
    ErrorCode,
    /// What must be refused is answered, with zeros for data.
    RefusalMissing,
    /// The version byte is another one.
    Version,
    /// None comes.
    Missing,
    /// It comes too late.
    Late,
    /// It breaks off in the middle.
    Truncated,
    /// Its data is one byte short.
    Short,
    /// Its data has a byte more.
    Trailing,
    /// It is the reply to the question before.
    Previous,
    /// CRC is wrong.
    Crc,
    /// The bytes of the CRC are exchanged.
    CrcExchanged,
    /// The count of bytes is wrong, the CRC fits.
    RegisterCount,
    /// The length is told as a relative of the protocol tells it.
    Framing,
    /// The registers are those from one address further on.
    RegistersShifted,
}

/// What question is taken for another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestFault {
    /// One to somebody else.
    ForeignAddress,
    /// One with a wrong checksum.
    BadChecksum,
    /// One for a command that does not exist.
    UnknownCommand,
}

impl ReplyFault {
    /// Whether there is such a thing in a framing.
    pub fn fits(self, envelope: Envelope) -> bool {
        let ascii = matches!(envelope, Envelope::PylonAscii { .. });
        let modbus = matches!(envelope, Envelope::ModbusRtu | Envelope::Voltronic);
        match self {
            ReplyFault::Checksum
            | ReplyFault::Length
            | ReplyFault::LengthChecksum
            | ReplyFault::CommandEchoed
            | ReplyFault::Version => ascii,
            ReplyFault::RefusalMissing
            | ReplyFault::Crc
            | ReplyFault::CrcExchanged
            | ReplyFault::RegisterCount
            | ReplyFault::Framing
            | ReplyFault::RegistersShifted => modbus,
            ReplyFault::Address
            | ReplyFault::ErrorCode
            | ReplyFault::Missing
            | ReplyFault::Late
            | ReplyFault::Truncated
            | ReplyFault::Short
            | ReplyFault::Trailing
            | ReplyFault::Previous => ascii || modbus,
        }
    }
}

const fn field(fits: fn(&Field) -> bool, changes: &'static [Change]) -> Act {
    Act::Field {
        fits,
        changes,
        undoes_itself: false,
    }
}

const fn both_ways(fits: fn(&Field) -> bool, changes: &'static [Change]) -> Act {
    Act::Field {
        fits,
        changes,
        undoes_itself: true,
    }
}

macro_rules! operators {
    ($($name:literal $class:ident: $does:literal, to $to:literal, says $says:literal => $act:expr;)*) => {
        &[$(Operator { name: $name, class: Class::$class, does: $does, to: $to, says: $says, act: $act }),*]
    };
}

/// All faults; of those that explain a difference equally well, the first one is the likeliest.
pub static CATALOGUE: &[Operator] = operators! {
    "byte-order" Value: "sends the bytes of a number in the other order",
        to "numbers of two bytes and more", says "bytes in the other order"
        => both_ways(value::is_word, &[value::byte_order]);
    "scale-x10" Value: "sends ten times the number",
        to "numbers", says "ten times the demanded number"
        => field(value::is_number, &[value::times_10]);
    "scale-div10" Value: "sends a tenth of the number",
        to "numbers", says "a tenth of the demanded number"
        => field(value::is_number, &[value::tenth, value::tenth_rounded]);
    "scale-x100" Value: "sends a hundred times the number",
        to "numbers", says "a hundred times the demanded number"
        => field(value::is_number, &[value::times_100]);
    "scale-div100" Value: "sends a hundredth of the number",
        to "numbers", says "a hundredth of the demanded number"
        => field(value::is_number, &[value::hundredth, value::hundredth_rounded]);
    "sign-flipped" Value: "counts discharging as positive, or the other way round",
        to "signed numbers", says "sign reversed"
        => both_ways(value::is_signed, &[value::sign_flipped]);
    "sign-lost" Value: "sends a negative number without its sign",
        to "signed numbers", says "sign lost"
        => field(value::is_signed, &[value::sign_lost]);
    "read-as-unsigned" Value: "takes a negative number for a large positive one and cuts it to what the field holds",
        to "signed numbers", says "a negative number cut to the highest"
        => field(value::is_signed, &[value::read_as_unsigned]);
    "offset-missing" Value: "sends a number without the offset that the wire has",
        to "numbers with an offset (2731, 30000)", says "the offset of the wire left out"
        => field(value::has_offset, &[value::offset_missing]);
    "kelvin" Value: "sends kelvin instead of degrees Celsius",
        to "temperatures without an offset", says "kelvin instead of degrees Celsius"
        => field(value::is_celsius, &[value::kelvin_cut, value::kelvin_rounded]);
    "offset-30000" Value: "adds the offset of 30000 that other protocols have",
        to "currents without an offset", says "30000 too high, an offset that this wire does not have"
        => field(value::is_plain_current, &[value::offset_30000]);
    "off-by-one" Value: "sends one unit of the wire too many; of text, another last character",
        to "values in whole bytes", says "one unit of the wire beside the demanded number"
        => field(value::is_bytes, &[value::one_more, value::one_less]);
    "byte-late" Value: "writes a value one byte too late",
        to "values in whole bytes before the last one", says "one byte too late in the message"
        => field(value::is_bytes, &[value::byte_late]);
    "byte-early" Value: "writes a value one byte too early",
        to "values in whole bytes after the first one", says "one byte too early in the message"
        => field(value::is_bytes, &[value::byte_early]);
    "neighbour-value" Value: "sends the value of the next field of the same size",
        to "numbers beside another one of their size", says "the value of the next field"
        => field(value::is_number, &[value::neighbour_value]);
    "fields-exchanged" Value: "sends a value and that of the next field of the same size in each other's place",
        to "numbers beside another one of their size", says "values of two fields exchanged"
        => both_ways(value::is_number, &[value::exchanged, value::exchanged_before]);
    "saturated" Value: "sends 255 (signed: 127) for everything above, as from a variable of one byte",
        to "numbers of two bytes and more", says "cut to what one byte holds"
        => field(value::is_wide_number, &[value::saturated]);
    "wrapped" Value: "loses all but the lowest byte of a number",
        to "numbers of two bytes and more", says "only the lowest byte of the demanded number"
        => field(value::is_wide_number, &[value::wrapped]);
    "sentinel" Value: "sends \"not available\" (all bits set where the field has no such value) for a real value",
        to "values in whole bytes", says "\"not available\" instead of the demanded value"
        => field(value::is_bytes, &[value::sentinel]);
    "text-cut" Value: "sends the first half of a text",
        to "texts", says "the second half of the text missing"
        => field(value::is_text, &[value::text_cut]);
    "text-case" Value: "sends letters in the other case",
        to "texts", says "letters in the other case"
        => both_ways(value::is_text, &[value::text_case]);
    "text-wide" Value: "sends two bytes for each character",
        to "texts", says "two bytes for each character"
        => field(value::is_text, &[value::text_wide]);
    "frozen" Value: "keeps the first value for ever: does not follow the state",
        to "values and flags", says "the value does not follow the state"
        => Act::Memory(Memory::Frozen);
    "stale" Value: "sends in each message what belonged into the one before",
        to "messages", says "the value of the message before"
        => Act::Memory(Memory::Stale);

    "bit-inverted" Flag: "sends a flag inverted",
        to "flags", says "inverted"
        => both_ways(flag::is_flag, &[flag::inverted]);
    "bits-exchanged" Flag: "sends a flag and the next one in each other's place",
        to "flags beside another one", says "exchanged with the flag beside it"
        => both_ways(flag::is_flag, &[flag::exchanged, flag::exchanged_before]);
    "words-exchanged" Flag: "sends alarms where protections belong, and the other way round",
        to "messages with protections and their alarms", says "alarms and protections exchanged"
        => Act::Message { fits: flag::has_both_words, change: flag::words_exchanged };
    "bits-reversed" Flag: "counts the bits of a byte from the other end",
        to "bytes with flags", says "bits counted from the other end of the byte"
        => both_ways(flag::is_bit, &[flag::reversed]);
    "enable-not-withdrawn" Flag: "does not withdraw a permission once given",
        to "flags that allow charging or discharging", says "a permission that is not withdrawn"
        => Act::Memory(Memory::EnableHeld);
    "limit-not-withdrawn" Flag: "keeps the last limit when it must be 0",
        to "current limits", says "a limit that is not withdrawn"
        => Act::Memory(Memory::LimitHeld);
    "request-missing" Flag: "never sends a request",
        to "flags that ask for something", says "a request that is never sent"
        => field(flag::is_request, &[flag::never_set]);
    "bit-stuck-0" Flag: "never sets a flag",
        to "flags", says "never set"
        => field(flag::is_flag, &[flag::never_set]);
    "bit-stuck-1" Flag: "always sets a flag",
        to "flags", says "always set"
        => field(flag::is_flag, &[flag::always_set]);
    "reserved-set" Flag: "sets bits that have no meaning",
        to "reserved bits", says "bits without a meaning set"
        => Act::Reserved;

    "dropped" Frame: "never sends a message", to "broadcast messages", says "never sent"
        => Act::Frame(FrameFault::Dropped);
    "doubled" Frame: "sends every frame twice", to "broadcast messages with a period", says "sent twice"
        => Act::Frame(FrameFault::Doubled);
    "late" Frame: "again and again sends a frame later than the longest gap allows",
        to "broadcast messages with a period", says "late"
        => Act::Frame(FrameFault::Late);
    "early" Frame: "sends a message twice as often as the shortest period allows",
        to "broadcast messages with a period", says "too often"
        => Act::Frame(FrameFault::Early);
    "period-x1.5" Frame: "sends a message at one and a half times its period",
        to "broadcast messages with a period", says "one and a half times the period"
        => Act::Frame(FrameFault::PeriodLonger);
    "period-x0.5" Frame: "sends a message at half its period",
        to "broadcast messages with a period", says "half the period"
        => Act::Frame(FrameFault::PeriodShorter);
    "jitter" Frame: "sends a message up to nine tenths of a period late, each time another while",
        to "broadcast messages with a period", says "jitter"
        => Act::Frame(FrameFault::Jitter);
    "wrong-id" Frame: "sends a message with an identifier that the protocol does not use",
        to "broadcast messages", says "another identifier"
        => Act::Frame(FrameFault::WrongId);
    "wrong-id-format" Frame: "sends a message with an identifier of the other width",
        to "broadcast messages", says "an identifier of the other width"
        => Act::Frame(FrameFault::WrongIdFormat);
    "length-short" Frame: "leaves the last byte of a frame out",
        to "broadcast messages", says "one byte short"
        => Act::Frame(FrameFault::LengthShort);
    "length-long" Frame: "adds a byte to a frame",
        to "broadcast messages of less than eight bytes", says "one byte more"
        => Act::Frame(FrameFault::LengthLong);
    "remote-frame" Frame: "sends a remote frame, which has no data",
        to "broadcast messages", says "a remote frame"
        => Act::Frame(FrameFault::Remote);
    "order-changed" Frame: "sends a frame after those that follow it",
        to "broadcast messages with a period", says "another order"
        => Act::Frame(FrameFault::OrderChanged);

    "stops-after-a-while" Stream: "falls silent after a while",
        to "protocols", says "silent after a while"
        => Act::Session(SessionFault::StopsAfterAWhile);
    "stops-without-keepalive" Stream: "falls silent without the inverter's frames, although it must go on",
        to "protocols on which the battery goes on by itself", says "silent without the inverter's frames"
        => Act::Session(SessionFault::StopsWithoutKeepalive);
    "goes-on-without-keepalive" Stream: "goes on without the inverter's frames, although it must fall silent",
        to "protocols on which the battery needs the inverter", says "not silent without the inverter's frames"
        => Act::Session(SessionFault::GoesOnWithoutKeepalive);

    "checksum-wrong" Exchange: "sends a wrong CHKSUM", to "replies in ASCII frames", says "a wrong CHKSUM"
        => Act::Reply(ReplyFault::Checksum);
    "length-wrong" Exchange: "sends a LENID that does not match", to "replies in ASCII frames", says "a wrong LENID"
        => Act::Reply(ReplyFault::Length);
    "length-checksum-wrong" Exchange: "sends a wrong LCHKSUM", to "replies in ASCII frames", says "a wrong LCHKSUM"
        => Act::Reply(ReplyFault::LengthChecksum);
    "address-wrong" Exchange: "answers with another address", to "replies", says "another address"
        => Act::Reply(ReplyFault::Address);
    "command-echoed" Exchange: "repeats the command where the return code belongs",
        to "replies in ASCII frames", says "the command in the place of the return code"
        => Act::Reply(ReplyFault::CommandEchoed);
    "error-code-wrong" Exchange: "refuses with another code", to "protocols with refusals", says "another return code"
        => Act::Reply(ReplyFault::ErrorCode);
    "refusal-missing" Exchange: "answers what it must refuse: with zeros, or as if it were written",
        to "Modbus protocols with refusals", says "an answer in the place of a refusal"
        => Act::Reply(ReplyFault::RefusalMissing);
    "version-wrong" Exchange: "sends another version byte", to "replies in ASCII frames", says "another version byte"
        => Act::Reply(ReplyFault::Version);
    "no-reply" Exchange: "does not answer", to "replies", says "no reply"
        => Act::Reply(ReplyFault::Missing);
    "reply-late" Exchange: "answers later than it may", to "replies", says "a late reply"
        => Act::Reply(ReplyFault::Late);
    "truncated" Exchange: "breaks a reply off in the middle", to "replies", says "half a reply"
        => Act::Reply(ReplyFault::Truncated);
    "reply-short" Exchange: "leaves the last byte of the data out, length and checksum fitting",
        to "replies with data", says "one byte of data short"
        => Act::Reply(ReplyFault::Short);
    "trailing-bytes" Exchange: "adds a byte to the data, length and checksum fitting",
        to "replies with data", says "one byte of data more"
        => Act::Reply(ReplyFault::Trailing);
    "previous-reply" Exchange: "answers with the reply to the question before",
        to "protocols with replies", says "the reply to the question before"
        => Act::Reply(ReplyFault::Previous);
    "crc-wrong" Exchange: "sends a wrong CRC", to "Modbus replies", says "a wrong CRC"
        => Act::Reply(ReplyFault::Crc);
    "crc-exchanged" Exchange: "sends the CRC high byte first", to "Modbus replies", says "the CRC high byte first"
        => Act::Reply(ReplyFault::CrcExchanged);
    "register-count-wrong" Exchange: "sends a wrong count of bytes, the CRC fitting",
        to "Modbus replies", says "a wrong count of bytes"
        => Act::Reply(ReplyFault::RegisterCount);
    "framing-wrong" Exchange: "tells the length of a reply as a relative does: in registers, or in another width",
        to "Modbus replies", says "the length told as a relative of the protocol tells it"
        => Act::Reply(ReplyFault::Framing);
    "registers-shifted" Exchange: "sends the registers from one address further on",
        to "Modbus replies", says "registers shifted by one"
        => Act::Reply(ReplyFault::RegistersShifted);
    "answers-foreign-address" Exchange: "answers a question to somebody else",
        to "protocols with addresses", says "an answer for somebody else"
        => Act::Request(RequestFault::ForeignAddress);
    "answers-bad-checksum" Exchange: "answers a question whose checksum is wrong as if it were right",
        to "protocols with replies", says "an answer to a broken question"
        => Act::Request(RequestFault::BadChecksum);
    "answers-unknown-command" Exchange: "answers a command that does not exist with data",
        to "protocols with commands", says "an answer to an unknown command"
        => Act::Request(RequestFault::UnknownCommand);
};

/// The operator with this name.
pub fn operator(name: &str) -> Option<&'static Operator> {
    CATALOGUE.iter().find(|operator| operator.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_once_and_are_kebab_case() {
        let mut names: Vec<&str> = CATALOGUE.iter().map(|operator| operator.name).collect();
        let count = names.len();
        assert!(names.iter().all(|name| {
            let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
            name.chars().all(known)
        }));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn classes_stand_together() {
        let classes: Vec<Class> = CATALOGUE.iter().map(|operator| operator.class).collect();
        assert!(classes.is_sorted());
    }
}
