//! Which frame asks and which answers.
//!
//! On CAN every frame stands for itself. On a serial bus both directions share the wire: bursts are cut into messages,
//! and a message is a request or a reply by what the capture says of its direction, else by its command byte; on a Modbus
//! line by whether it fits as an answer to the request before it. A reply is read by the request before it; each request
//! has one reply at most.

use std::borrow::Cow;
use std::collections::VecDeque;

use crate::capture::{Direction, Record, Timestamp};
use crate::cli::CliError;
use crate::decode::{Decoded, Decoder, Finding, RequestContext, Role};
use crate::definition::{Envelope, Grade, Outcome, Protocol, is_read, is_write};
use crate::wire::BusFrame;
use crate::wire::modbus::{self, Piece};
use crate::wire::pylon_ascii::{self, Deframer, DeframerEvent};

/// A silence after which a frame that has not ended never will, in microseconds: twice the longest frame at 9600 baud.
const SILENCE: u64 = 2_000_000;
/// More bytes without a frame in them are none, however they go on: the longest frame and noise before it.
const OPEN: usize = 4 * modbus::MAX_FRAME;
/// What the decoder says of a reply that has the length of an answer to a known question.
const BY_LENGTH: &str = "by its length";
/// The most registers that a question of any Modbus device reads (Modbus application protocol, 6.3).
const MOST_REGISTERS: u16 = 125;

/// A message with what it says.
#[derive(Debug)]
pub struct Message<'p> {
    /// When it began, if the capture says so.
    pub time: Option<Timestamp>,
    /// The frame.
    pub frame: Cow<'p, BusFrame>,
    /// What the definition reads in it.
    pub decoded: Decoded<'p>,
}

/// Takes records and gives messages.
#[derive(Debug)]
pub struct Conversation<'p> {
    decoder: Decoder<'p>,
    deframer: Deframer,
    /// The bytes of a Modbus line that are in no frame so far, and the burst that the last of them came in.
    open: Vec<u8>,
    last: Option<Burst>,
    /// Where in the stream each burst since the last frame began, when, and which way it went.
    bursts: VecDeque<Burst>,
    taken: u64,
    asked: Option<RequestContext>,
    /// A frame that may ask or answer: the next one tells.
    held: Option<Held>,
}

/// A frame that waits for the next one.
#[derive(Debug)]
struct Held {
    bytes: Vec<u8>,
    time: Option<Timestamp>,
    /// What it asks, if it does.
    context: RequestContext,
}

#[derive(Clone, Copy, Debug)]
struct Burst {
    offset: u64,
    time: Option<Timestamp>,
    direction: Option<Direction>,
}

type Print<'f, 'p> = &'f mut dyn FnMut(&Message<'p>) -> Result<(), CliError>;

impl<'p> Conversation<'p> {
    /// A conversation in a protocol, or in a variant of it.
    pub fn new(protocol: &'p Protocol, variant: Option<&str>) -> Conversation<'p> {
        let mut decoder = Decoder::new(protocol);
        if let Some(variant) = variant {
            decoder = decoder.with_variant(variant);
        }
        Conversation {
            decoder,
            deframer: Deframer::new(),
            open: Vec::new(),
            last: None,
            bursts: VecDeque::new(),
            taken: 0,
            asked: None,
            held: None,
        }
    }

    /// Takes a record and hands on the messages that are complete.
    ///
    /// # Errors
    /// Those of `print`.
    pub fn take(&mut self, record: &Record, print: Print<'_, 'p>) -> Result<(), CliError> {
        match &record.frame {
            BusFrame::Can(frame) if !self.decoder.protocol().asks() => {
                let decoded = self.decoder.can(frame);
                print(&Message {
                    time: record.time,
                    frame: Cow::Owned(BusFrame::Can(*frame)),
                    decoded,
                })
            }
            BusFrame::Serial(bytes) if self.decoder.protocol().asks() => self.burst(record, bytes, print),
            other => {
                let bus = if self.decoder.protocol().asks() {
                    "a serial bus"
                } else {
                    "CAN"
                };
                let text = format!("{} lives on {bus}", self.decoder.protocol().name);
                print(&Message {
                    time: record.time,
                    frame: Cow::Owned(other.clone()),
                    decoded: nothing("wrong-bus", text),
                })
            }
        }
    }

    /// The capture is over: what has not ended is handed on as it is.
    ///
    /// # Errors
    /// Those of `print`.
    pub fn end(&mut self, print: Print<'_, 'p>) -> Result<(), CliError> {
        self.close(print)?;
        self.deframer.idle();
        self.deframed(print)?;
        self.give_up_held(print)
    }

    fn burst(&mut self, record: &Record, bytes: &[u8], print: Print<'_, 'p>) -> Result<(), CliError> {
        if self.decoder.protocol().is_modbus() {
            return self.modbus(record, bytes, print);
        }
        let last = self.bursts.back().and_then(|burst| burst.time);
        if let (Some(last), Some(now)) = (last, record.time)
            && now.as_micros().abs_diff(last.as_micros()) > SILENCE
        {
            self.deframer.idle();
            self.deframed(print)?;
        }
        self.bursts.push_back(Burst {
            offset: self.taken,
            time: record.time,
            direction: record.direction,
        });
        self.taken += bytes.len() as u64;
        self.deframer.feed(bytes);
        self.deframed(print)
    }

    /// Cuts what has come on a Modbus line. A frame may come in several bursts, and several in one: what no frame has
    /// taken is kept until it is clear that it never will be one.
    fn modbus(&mut self, record: &Record, bytes: &[u8], print: Print<'_, 'p>) -> Result<(), CliError> {
        let burst = Burst {
            offset: self.taken,
            time: record.time,
            direction: record.direction,
        };
        let over = self.last.is_some_and(|last| {
            let silent = last.time.zip(burst.time);
            last.direction != burst.direction
                || silent.is_some_and(|(last, now)| now.as_micros().abs_diff(last.as_micros()) > SILENCE)
        });
        if over || self.open.len() > OPEN {
            self.close(print)?;
        }
        self.last = Some(burst);
        if self.open.is_empty() {
            self.bursts.clear();
        }
        self.bursts.push_back(burst);
        self.taken += bytes.len() as u64;
        self.open.extend(bytes);
        let pieces = modbus::split(&self.open);
        let ended = pieces.iter().rev().find_map(|piece| match piece {
            Piece::Frame(range) => Some(range.end),
            Piece::Rest(_) => None,
        });
        match ended {
            Some(ended) => self.pieces(ended, print),
            None => Ok(()),
        }
    }

    /// No frame will be made of what is open.
    fn close(&mut self, print: Print<'_, 'p>) -> Result<(), CliError> {
        self.pieces(self.open.len(), print)
    }

    /// Hands on the first `count` of the open bytes, piece by piece.
    fn pieces(&mut self, count: usize, print: Print<'_, 'p>) -> Result<(), CliError> {
        let rest = self.open.split_off(count.min(self.open.len()));
        let taken = std::mem::replace(&mut self.open, rest);
        let begin = self.taken - (taken.len() + self.open.len()) as u64;
        for piece in modbus::split(&taken) {
            let (Piece::Frame(range) | Piece::Rest(range)) = &piece;
            let offset = begin + range.start as u64;
            while self.bursts.get(1).is_some_and(|next| next.offset <= offset) {
                self.bursts.pop_front();
            }
            let burst = self.bursts.front().copied();
            let (time, direction) = burst.map_or((None, None), |burst| (burst.time, burst.direction));
            let bytes = taken[range.clone()].to_vec();
            match piece {
                Piece::Rest(range) if range.len() < modbus::MIN_FRAME => print(&Message {
                    time,
                    frame: Cow::Owned(BusFrame::Serial(bytes)),
                    decoded: nothing("no-frame", "bytes that belong to no frame".into()),
                })?,
                _ => self.message(bytes, time, direction, print)?,
            }
        }
        Ok(())
    }

    fn deframed(&mut self, print: Print<'_, 'p>) -> Result<(), CliError> {
        while let Some(event) = self.deframer.poll() {
            let (offset, bytes, noise) = match event {
                DeframerEvent::Frame { offset, bytes } => (offset, bytes, None),
                // Logs of text often lack the carriage return: the next frame shows that this one has ended.
                DeframerEvent::Discarded { offset, bytes, .. } if bytes.first() == Some(&b'~') => (offset, bytes, None),
                DeframerEvent::Discarded { offset, bytes, reason } => (offset, bytes, Some(reason)),
            };
            while self.bursts.get(1).is_some_and(|next| next.offset <= offset) {
                self.bursts.pop_front();
            }
            let (time, direction) = self
                .bursts
                .front()
                .map_or((None, None), |burst| (burst.time, burst.direction));
            match noise {
                None => self.message(bytes, time, direction, print)?,
                Some(reason) => print(&Message {
                    time,
                    frame: Cow::Owned(BusFrame::Serial(bytes)),
                    decoded: nothing("no-frame", format!("bytes that belong to no frame: {reason}")),
                })?,
            }
        }
        Ok(())
    }

    fn message(
        &mut self,
        bytes: Vec<u8>,
        time: Option<Timestamp>,
        direction: Option<Direction>,
        print: Print<'_, 'p>,
    ) -> Result<(), CliError> {
        if let Some(held) = self.held.take() {
            match answers(&bytes, &held.context) && direction != Some(Direction::ToBms) {
                true => {
                    let (decoded, context) = self.decoder.request(&held.bytes);
                    self.asked = Some(context);
                    print(&Message {
                        time: held.time,
                        frame: Cow::Owned(BusFrame::Serial(held.bytes)),
                        decoded,
                    })?;
                }
                false => {
                    self.held = Some(held);
                    self.give_up_held(print)?;
                }
            }
        }
        let role = self.role(&bytes, direction);
        if role == Role::Request && self.may_answer(&bytes, direction) {
            let (_, context) = self.decoder.request(&bytes);
            self.held = Some(Held { bytes, time, context });
            return Ok(());
        }
        let decoded = match role {
            Role::Request => {
                let (decoded, context) = self.decoder.request(&bytes);
                self.asked = Some(context);
                decoded
            }
            _ => {
                let asked = self.asked.take();
                let decoded = self.decoder.reply(&bytes, asked.as_ref());
                match self.stranger(&bytes, &decoded) {
                    None => decoded,
                    Some(stranger) => {
                        // The answer may still come.
                        self.asked = asked;
                        stranger
                    }
                }
            }
        };
        print(&Message {
            time,
            frame: Cow::Owned(BusFrame::Serial(bytes)),
            decoded,
        })
    }

    /// A sound reply that was read by a question which it does not answer: values would be wrong ones, so it is shown as one
    /// whose question is not there. A battery may send more or less than its sheet says, so in an ASCII frame that takes
    /// another command whose answer it may be.
    fn stranger(&self, bytes: &[u8], decoded: &Decoded<'p>) -> Option<Decoded<'p>> {
        let has = |findings: &[Finding], id: &str| findings.iter().any(|finding| finding.id == id);
        if decoded.role != Role::Reply || has(&decoded.errors, "checksum") {
            return None;
        }
        let mut alone = self.decoder.reply(bytes, None);
        let other = match self.decoder.protocol().is_modbus() {
            true => has(&decoded.errors, "length") || has(&decoded.warnings, "reply-address"),
            false => {
                !decoded.errors.is_empty() && alone.warnings.iter().any(|finding| finding.text.contains(BY_LENGTH))
            }
        };
        if !other || alone.role != Role::Unknown {
            return None;
        }
        alone.errors.extend(decoded.errors.iter().cloned());
        let address = decoded.warnings.iter().filter(|finding| finding.id == "reply-address");
        alone.warnings.extend(address.cloned());
        Some(alone)
    }

    /// Whether a frame that would be a question may as well be an answer to one that is not there. In Voltronic's frame a
    /// reply with one register has the length of a question, and its count may be a first register.
    fn may_answer(&self, bytes: &[u8], direction: Option<Direction>) -> bool {
        let told = matches!(direction, Some(Direction::ToBms | Direction::FromBms));
        self.decoder.protocol().envelope == Envelope::Voltronic
            && !told
            && modbus::ReplyFraming::recognise(bytes, 1).is_some()
    }

    /// Hands on a frame of which nobody can tell any more whether it asks or answers.
    fn give_up_held(&mut self, print: Print<'_, 'p>) -> Result<(), CliError> {
        let Some(held) = self.held.take() else { return Ok(()) };
        let (first, count) = held.context.registers.unwrap_or_default();
        let asks = match count {
            1 => format!("ask for register 0x{first:04X}"),
            count => format!("ask for {count} registers from 0x{first:04X} on"),
        };
        let text = format!("it may {asks}, or answer with one register: neither its question nor its answer is there");
        let mut decoded = Decoded {
            errors: Vec::new(),
            address: Some(held.context.address),
            ..nothing("no-request", String::new())
        };
        decoded.warnings.push(Finding {
            id: "no-request".into(),
            outcome: Outcome::Information,
            grade: Grade::A,
            text,
            field: None,
            bytes: 0..0,
        });
        print(&Message {
            time: held.time,
            frame: Cow::Owned(BusFrame::Serial(held.bytes)),
            decoded,
        })
    }

    /// Whether a message asks or answers. In the ASCII frame one byte is the command of a request and the return code of
    /// a reply (sheet pylon-rs485, A); their values do not overlap.
    fn role(&self, bytes: &[u8], direction: Option<Direction>) -> Role {
        match direction {
            Some(Direction::ToBms) => return Role::Request,
            Some(Direction::FromBms) => return Role::Reply,
            Some(Direction::Sent | Direction::Received) | None => {}
        }
        if self.decoder.protocol().is_modbus() {
            return self.modbus_role(bytes);
        }
        let Ok(frame) = pylon_ascii::parse(bytes) else {
            return if self.asked.is_some() {
                Role::Reply
            } else {
                Role::Request
            };
        };
        let protocol = self.decoder.protocol();
        let code = i64::from(frame.cid2);
        if protocol.return_codes.iter().any(|known| known.code == code) {
            Role::Reply
        } else if protocol.command(frame.cid2).is_some() || self.asked.is_none() {
            Role::Request
        } else {
            Role::Reply
        }
    }
}

impl Conversation<'_> {
    /// Whether a Modbus frame asks or answers: nothing in it says so. What fits as the answer to the question before it is
    /// that answer; else what fits as a question is one.
    fn modbus_role(&self, bytes: &[u8]) -> Role {
        if let Some(asked) = &self.asked
            && answers(bytes, asked)
        {
            return Role::Reply;
        }
        match modbus::parse_request(bytes) {
            Ok(parsed) if parsed.function & modbus::function::EXCEPTION == 0 => match parsed.content {
                // A reply of four bytes of data has the length of a question, but not its counts.
                modbus::Request::ReadHolding { count, .. } | modbus::Request::ReadInput { count, .. }
                    if self.asked.is_none() || count <= MOST_REGISTERS =>
                {
                    Role::Request
                }
                modbus::Request::Other { function, .. } if is_read(function) || is_write(function) => Role::Reply,
                modbus::Request::ReadHolding { .. } | modbus::Request::ReadInput { .. } => Role::Reply,
                _ => Role::Request,
            },
            _ => Role::Reply,
        }
    }
}

/// Whether a frame fits as the answer to a question.
fn answers(bytes: &[u8], asked: &RequestContext) -> bool {
    let (Some(function), Ok(frame)) = (asked.command, modbus::parse_raw(bytes)) else {
        return false;
    };
    if frame.address != asked.address || frame.function & !modbus::function::EXCEPTION != function {
        return false;
    }
    match asked.registers {
        _ if frame.function != function => frame.data.len() == 1,
        Some((_, count)) if is_read(function) => modbus::ReplyFraming::recognise(bytes, count).is_some(),
        Some((start, _)) => frame.data.len() == 4 && frame.data.starts_with(&start.to_be_bytes()),
        None => true,
    }
}

/// A message in which nothing can be read, and why.
fn nothing<'p>(id: &'static str, text: String) -> Decoded<'p> {
    Decoded {
        message: None,
        role: Role::Unknown,
        fields: Vec::new(),
        packs: Vec::new(),
        errors: vec![Finding {
            id: id.into(),
            outcome: Outcome::Fail,
            grade: Grade::A,
            text,
            field: None,
            bytes: 0..0,
        }],
        warnings: Vec::new(),
        data: Vec::new(),
        return_code: 0,
        address: None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;
    use crate::definition::Library;

    /// The messages of some bursts: time in seconds, bytes.
    fn messages(bursts: &[(u64, Vec<u8>)]) -> Vec<(Option<u64>, String, Role, usize)> {
        messages_of("pylon-rs485", bursts)
    }

    fn messages_of(protocol: &str, bursts: &[(u64, Vec<u8>)]) -> Vec<(Option<u64>, String, Role, usize)> {
        static LIBRARY: LazyLock<Library> = LazyLock::new(|| Library::load(None).0);
        let mut conversation = Conversation::new(LIBRARY.protocol(protocol).expect("built in"), None);
        let mut seen = Vec::new();
        let mut print = |message: &Message<'_>| {
            let name = message.decoded.message.map_or("unknown", |known| known.name.as_str());
            let time = message.time.map(Timestamp::as_micros);
            seen.push((
                time,
                name.to_string(),
                message.decoded.role,
                message.decoded.fields.len(),
            ));
            Ok(())
        };
        for (line, (time, bytes)) in bursts.iter().enumerate() {
            let record = Record {
                line: line as u64 + 1,
                time: Some(Timestamp::from_micros(*time)),
                interface: None,
                direction: None,
                frame: BusFrame::Serial(bytes.clone()),
            };
            conversation.take(&record, &mut print).expect("printing does not fail");
        }
        conversation.end(&mut print).expect("printing does not fail");
        seen
    }

    const ASK: &[u8] = b"~200246630000FDA9\r";
    const ANSWER: &[u8] = b"~20024600D012E100A280017C076CC0F9BC\r";

    #[test]
    fn a_reply_is_read_by_the_request_before_it_and_by_no_other() {
        let seen = messages(&[
            (1, ANSWER.into()),
            (2, ASK.into()),
            (3, ANSWER.into()),
            (4, ANSWER.into()),
        ]);
        let shown: Vec<(&str, Role)> = seen.iter().map(|(_, name, role, _)| (name.as_str(), *role)).collect();
        assert_eq!(
            shown,
            [
                ("unknown", Role::Unknown),
                ("limits", Role::Request),
                ("limits", Role::Reply),
                ("unknown", Role::Unknown),
            ]
        );
    }

    #[test]
    fn the_slicing_of_the_stream_changes_no_message_and_no_time() {
        let whole = messages(&[(10, ASK.into()), (20, ANSWER.into())]);
        for cut in 1..ANSWER.len() {
            let (first, second) = ANSWER.split_at(cut);
            let sliced = messages(&[(10, ASK.into()), (20, first.into()), (25, second.into())]);
            assert_eq!(sliced, whole, "{cut}");
        }
        let together: Vec<u8> = [ASK, ANSWER].concat();
        let joined = messages(&[(10, together)]);
        assert_eq!(joined.len(), 2);
        assert_eq!(joined[1].1, "limits");
    }

    #[test]
    fn a_frame_that_never_ends_is_shown_once_the_line_is_silent() {
        let cut = ANSWER[..20].to_vec();
        let seen = messages(&[(0, ASK.into()), (1_000_000, cut), (9_000_000, ASK.into())]);
        assert_eq!(seen.len(), 3);
        assert_eq!((seen[1].0, seen[1].2), (Some(1_000_000), Role::Reply));
        assert_eq!(seen[2].2, Role::Request);
    }

    #[test]
    fn noise_is_a_message_of_its_own() {
        let seen = messages(&[(0, vec![0, 0xFF]), (1, ASK.into())]);
        assert_eq!(seen[0].1, "unknown");
        assert_eq!(seen[1].1, "limits");
    }

    fn modbus(lines: &[(u64, &str)]) -> Vec<(Option<u64>, String, Role, usize)> {
        let bytes = |text: &str| crate::document::scalar::bytes(text).expect("hex");
        let bursts: Vec<(u64, Vec<u8>)> = lines.iter().map(|(time, text)| (*time, bytes(text))).collect();
        messages_of("voltronic-rs485", &bursts)
    }

    #[test]
    fn a_modbus_reply_is_the_frame_that_fits_the_question() {
        // Question and answer have the same length, and nothing in them says which is which.
        let (ask, answer) = ("01 03 00 33 00 01 74 05", "01 03 00 01 00 4C 15 FF");
        let seen = modbus(&[
            (1, ask),
            (2, answer),
            (3, ask),
            (4, ask),
            (5, answer),
            (6, "01 83 02 C0 F1"),
        ]);
        let shown: Vec<(&str, Role)> = seen.iter().map(|(_, name, role, _)| (name.as_str(), *role)).collect();
        let (question, reply) = (("measurements", Role::Request), ("measurements", Role::Reply));
        assert_eq!(
            shown,
            [question, reply, question, question, reply, ("unknown", Role::Reply)]
        );
        assert_eq!(seen[1].3, 1);
    }

    #[test]
    fn a_frame_that_may_ask_or_answer_waits_for_the_next_one() {
        // Read 6 registers from 1 on, or one register that holds 6.
        let either = "01 03 00 01 00 06 94 08";
        let answer = "01 03 00 06 00 00 00 00 01 02 00 00 01 00 00 00 D6 57";
        let question = "01 03 00 33 00 01 74 05";
        let seen = modbus(&[(1, either), (2, answer)]);
        let roles: Vec<Role> = seen.iter().map(|(_, _, role, _)| *role).collect();
        assert_eq!(roles, [Role::Request, Role::Reply]);
        assert_eq!((seen[0].0, seen[1].0), (Some(1), Some(2)));
        // Nothing that answers it follows: nobody can tell, and nothing is read in it.
        for lines in [
            &[(1, either), (2, question)][..],
            &[(1, either)],
            &[(1, either), (2, either)],
        ] {
            let seen = modbus(lines);
            assert_eq!(seen.len(), lines.len());
            let (time, name, role, fields) = &seen[0];
            assert_eq!(
                (*time, name.as_str(), *role, *fields),
                (Some(1), "unknown", Role::Unknown, 0)
            );
        }
    }

    #[test]
    fn what_does_not_fit_the_question_is_not_read_by_it() {
        // One register asked for, two come; then the answer.
        let (ask, other) = ("01 03 00 33 00 01 74 05", "01 03 00 02 00 4C 00 01 CB 10");
        let seen = modbus(&[(1, ask), (2, other), (3, "01 03 00 01 00 4C 15 FF")]);
        let shown: Vec<(&str, usize)> = seen
            .iter()
            .map(|(_, name, _, fields)| (name.as_str(), *fields))
            .collect();
        assert_eq!(shown, [("measurements", 0), ("unknown", 0), ("measurements", 1)]);
        // Another battery answers: its question was not recorded.
        let other = b"\x02\x03\x02\x00\x42\x7C\x75".to_vec();
        let seen = messages_of(
            "growatt-rs485",
            &[(1, b"\x01\x03\x00\x15\x00\x01\x95\xCE".to_vec()), (2, other)],
        );
        let shown: Vec<(&str, usize)> = seen
            .iter()
            .map(|(_, name, _, fields)| (name.as_str(), *fields))
            .collect();
        assert_eq!(shown, [("runtime", 0), ("unknown", 0)]);
        // What answers 61, behind a question 63.
        let measurements = b"~200246008062DEF60000560000000064640DF300010DEE00020BE60BE8\
            00040BE400020BD30BD300000BD30BD300000BD30BD300000BD30000E8ED\r";
        let mut info = pylon_ascii::parse(measurements).expect("a frame").info;
        info.truncate(49);
        let sound = pylon_ascii::emit(0x20, 2, 0x46, 0, &info).expect("it is short");
        let seen = messages(&[(1, ASK.into()), (2, sound), (3, ANSWER.into())]);
        let shown: Vec<&str> = seen.iter().map(|(_, name, ..)| name.as_str()).collect();
        assert_eq!(shown, ["limits", "unknown", "limits"]);
        assert_eq!(seen[1].3, 0);
    }

    #[test]
    fn slices_glue_and_noise_change_no_modbus_message() {
        let (ask, answer) = ("01 03 00 33 00 01 74 05", "01 03 00 01 00 4C 15 FF");
        let whole = modbus(&[(1, ask), (20, answer)]);
        let sliced = modbus(&[
            (1, "01 03 00"),
            (5, "33 00 01 74 05"),
            (20, "01"),
            (30, "03 00 01 00 4C 15 FF"),
        ]);
        assert_eq!(sliced, whole);
        let glued = modbus(&[(1, &format!("{ask} {answer}"))]);
        assert_eq!(glued.len(), 2);
        assert_eq!(glued[1].2, Role::Reply);
        let noisy = modbus(&[(1, ask), (20, &format!("FF {answer}"))]);
        assert_eq!(noisy[1].1, "unknown");
        assert_eq!(noisy[2].2, Role::Reply);
    }

    #[test]
    fn a_broken_modbus_frame_is_shown_as_what_it_was() {
        let seen = modbus(&[(1, "01 03 00 33 00 01 74 05"), (20, "01 03 00 01 00 4C 15 F7")]);
        assert_eq!(seen[1].2, Role::Reply);
        assert_eq!(seen[1].1, "measurements");
    }
}
