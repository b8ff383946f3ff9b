//! A CAN protocol as a DBC, the format in which CAN tools (cantools, SavvyCAN, CANoe and others) exchange layouts.
//!
//! | file | subject |
//! |---|---|
//! | `signals` | layouts to signals |
//! | `names` | identifiers of at most 32 characters |
//!
//! Identifiers of 29 bits have bit 31 set. Names that had to be shortened stand in full in the attributes
//! `SystemMessageLongSymbol` and `SystemSignalLongSymbol`, which cantools and others read. What a DBC cannot say
//! is in the comments: grades, conditions, and the names of fields that are left out, in back quotes.

mod names;
mod signals;

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::time::Duration;

use crate::definition::{Bus, ByteOrder, Message, MessageKey, Presence, Protocol, Sender};
use crate::value::Number;
use crate::wire::can::CanId;
use names::{Name, Names};
use signals::{FRAME, Multiplex, Signals};

/// The bit that marks an identifier of 29 bits.
const EXTENDED: u32 = 1 << 31;
/// The longest cycle time that the attribute can hold, in milliseconds.
const LONGEST_CYCLE: u128 = 3_600_000;

/// Why there is no DBC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DbcError {
    /// The protocol is spoken on a serial line.
    #[error("a DBC describes CAN frames; this protocol is spoken on a serial line")]
    NotCan,
}

/// A message with what the file says of it.
struct Entry<'p> {
    id: u32,
    name: Name,
    length: usize,
    message: &'p Message,
    signals: Signals,
    cycle: Option<Duration>,
}

impl Entry<'_> {
    const fn sender(&self) -> &'static str {
        sender(self.message.from)
    }

    const fn receiver(&self) -> &'static str {
        match self.message.from {
            Sender::Bms => sender(Sender::Inverter),
            Sender::Inverter => sender(Sender::Bms),
        }
    }
}

const fn sender(sender: Sender) -> &'static str {
    match sender {
        Sender::Bms => "BMS",
        Sender::Inverter => "INVERTER",
    }
}

/// The DBC of a protocol, in ASCII; fields of a variant are those of `variant`, or of the default without one.
///
/// # Errors
/// The protocol is none of CAN.
pub fn render(protocol: &Protocol, variant: Option<&str>) -> Result<String, DbcError> {
    let Bus::Can { bitrate, .. } = protocol.bus else {
        return Err(DbcError::NotCan);
    };
    let default = protocol.variants.first().map(|variant| variant.name.as_str());
    let variant = variant.or(default);
    let entries = entries(protocol, variant);
    let mut file = File::default();
    file.head();
    for entry in &entries {
        file.message(entry);
    }
    file.comments(protocol, variant, &entries);
    file.attributes(bitrate, &entries);
    file.values(&entries);
    Ok(file.text)
}

fn entries<'p>(protocol: &'p Protocol, variant: Option<&str>) -> Vec<Entry<'p>> {
    let mut names = Names::default();
    let mut seen = BTreeSet::new();
    let mut entries = Vec::new();
    for message in &protocol.messages {
        let MessageKey::Can(id) = message.key else { continue };
        let number = match id {
            CanId::Standard(id) => u32::from(id),
            CanId::Extended(id) => id | EXTENDED,
        };
        // The first of an identifier counts, as it does when frames are told apart.
        if !seen.insert(number) {
            continue;
        }
        let played = protocol.inverter.iter().find(|frame| frame.id == id);
        let played = played.filter(|_| message.from == Sender::Inverter);
        let sent = message
            .length
            .send
            .into_iter()
            .chain(message.length.pass.iter().copied());
        let length = sent.chain(played.map(|frame| frame.payload.len())).max();
        let length = length.unwrap_or(FRAME).min(FRAME);
        let cycle = message.period.as_ref().map(|period| period.is);
        entries.push(Entry {
            id: number,
            name: names.give(&message.name),
            length,
            message,
            signals: Signals::of(&message.layout, length, variant),
            cycle: cycle.or(played.map(|frame| frame.every)),
        });
    }
    entries
}

/// The text as it grows. Writing to it cannot fail.
#[derive(Default)]
struct File {
    text: String,
}

impl File {
    fn line(&mut self, line: fmt::Arguments<'_>) {
        let _ = self.text.write_fmt(line);
        self.text.push('\n');
    }

    fn head(&mut self) {
        self.line(format_args!("VERSION \"\"\n\nNS_ :\n\nBS_:\n\nBU_: BMS INVERTER\n"));
    }

    fn message(&mut self, entry: &Entry<'_>) {
        let Entry { id, name, length, .. } = entry;
        self.line(format_args!("BO_ {id} {}: {length} {}", name.short, entry.sender()));
        for signal in &entry.signals.signals {
            let multiplex = match signal.multiplex {
                Multiplex::No => String::new(),
                Multiplex::Key => " M".to_string(),
                Multiplex::Page(page) => format!(" m{page}"),
            };
            let order = match signal.order {
                ByteOrder::Little => 1,
                ByteOrder::Big => 0,
            };
            let sign = if signal.signed { '-' } else { '+' };
            let (low, high) = signal.limits.unwrap_or((Number::ZERO, Number::ZERO));
            self.line(format_args!(
                " SG_ {}{multiplex} : {}|{}@{order}{sign} ({},{}) [{}|{}] \"{}\" {}",
                signal.name.short,
                signal.start,
                signal.width,
                signal.factor.to_short_string(),
                signal.offset.to_short_string(),
                low.to_short_string(),
                high.to_short_string(),
                quotable(signal.unit),
                entry.receiver(),
            ));
        }
        self.line(format_args!(""));
    }

    fn comments(&mut self, protocol: &Protocol, variant: Option<&str>, entries: &[Entry<'_>]) {
        let mut about = format!(
            "{} ({}), grade {}",
            protocol.title,
            protocol.name,
            protocol.grade.letter()
        );
        if let Some(variant) = variant {
            about.push_str(&format!("; variant {variant}"));
        }
        let joins = protocol.joins.iter().map(|join| {
            let parts: Vec<String> = join
                .parts
                .iter()
                .map(|(message, field)| format!("{message}.{field}"))
                .collect();
            format!("; the text `{}` is put together from {}", join.name, parts.join(", "))
        });
        about.extend(joins);
        self.line(format_args!("CM_ \"{}\";", quotable(&about)));
        for entry in entries {
            let about = about_message(protocol, entry);
            self.line(format_args!("CM_ BO_ {} \"{}\";", entry.id, quotable(&about)));
            for signal in &entry.signals.signals {
                let about = quotable(&signal.comment);
                self.line(format_args!("CM_ SG_ {} {} \"{about}\";", entry.id, signal.name.short));
            }
        }
    }

    fn attributes(&mut self, bitrate: u32, entries: &[Entry<'_>]) {
        self.line(format_args!("BA_DEF_ \"BusType\" STRING ;"));
        self.line(format_args!("BA_DEF_ \"Baudrate\" INT 0 1000000;"));
        self.line(format_args!("BA_DEF_ BO_ \"GenMsgCycleTime\" INT 0 {LONGEST_CYCLE};"));
        self.line(format_args!("BA_DEF_ BO_ \"SystemMessageLongSymbol\" STRING ;"));
        self.line(format_args!("BA_DEF_ SG_ \"SystemSignalLongSymbol\" STRING ;"));
        self.line(format_args!("BA_DEF_DEF_ \"BusType\" \"CAN\";"));
        self.line(format_args!("BA_DEF_DEF_ \"Baudrate\" {bitrate};"));
        self.line(format_args!("BA_DEF_DEF_ \"GenMsgCycleTime\" 0;"));
        self.line(format_args!("BA_DEF_DEF_ \"SystemMessageLongSymbol\" \"\";"));
        self.line(format_args!("BA_DEF_DEF_ \"SystemSignalLongSymbol\" \"\";"));
        self.line(format_args!("BA_ \"BusType\" \"CAN\";"));
        self.line(format_args!("BA_ \"Baudrate\" {bitrate};"));
        for entry in entries {
            let Entry { id, name, .. } = entry;
            if let Some(cycle) = entry.cycle {
                let cycle = cycle.as_millis().min(LONGEST_CYCLE);
                self.line(format_args!("BA_ \"GenMsgCycleTime\" BO_ {id} {cycle};"));
            }
            if name.long != name.short {
                self.line(format_args!(
                    "BA_ \"SystemMessageLongSymbol\" BO_ {id} \"{}\";",
                    name.long
                ));
            }
            for signal in entry
                .signals
                .signals
                .iter()
                .filter(|signal| signal.name.long != signal.name.short)
            {
                let Name { short, long } = &signal.name;
                self.line(format_args!(
                    "BA_ \"SystemSignalLongSymbol\" SG_ {id} {short} \"{long}\";"
                ));
            }
        }
    }

    fn values(&mut self, entries: &[Entry<'_>]) {
        for entry in entries {
            for signal in entry.signals.signals.iter().filter(|signal| !signal.values.is_empty()) {
                let codes = signal
                    .values
                    .iter()
                    .map(|(code, name)| format!("{code} \"{}\" ", quotable(name)));
                let codes: String = codes.collect();
                self.line(format_args!("VAL_ {} {} {codes};", entry.id, signal.name.short));
            }
        }
    }
}

fn about_message(protocol: &Protocol, entry: &Entry<'_>) -> String {
    let message = entry.message;
    let mut parts = Vec::new();
    if !message.title.is_empty() {
        parts.push(message.title.clone());
    }
    if message.presence == Presence::Optional && message.from == Sender::Bms {
        parts.push("optional".to_string());
    }
    if !message.variants.is_empty() {
        parts.push(format!("only in variant {}", message.variants.join(", ")));
    }
    parts.push(format!("grade {}", message.grade.letter()));
    for (name, why) in &entry.signals.left_out {
        parts.push(format!("left out: `{name}`, which {why}"));
    }
    for derived in protocol
        .derived
        .iter()
        .filter(|derived| derived.message == message.name)
    {
        parts.push(format!(
            "left out: `{}`, which is computed: {}",
            derived.field.name, derived.expression.text
        ));
    }
    parts.join("; ")
}

/// A text as it can stand between quotation marks in a DBC, whose tools expect no more than ASCII.
fn quotable(text: &str) -> String {
    let plain = |c: char| match c {
        '"' => '\'',
        '\\' => '/',
        ' '..='~' => c,
        c if c.is_whitespace() => ' ',
        _ => '?',
    };
    text.chars().map(plain).collect()
}
