//! Which frame asks and which answers.
//!
//! On CAN every frame stands for itself. On a serial bus both directions share the wire: bursts are cut into messages,
//! and a message is a request or a reply by what the capture says of its direction, else by its command byte. A reply is
//! read by the request before it; each request has one reply at most.

use std::borrow::Cow;
use std::collections::VecDeque;

use crate::capture::{Direction, Record, Timestamp};
use crate::cli::CliError;
use crate::decode::{Decoded, Decoder, Finding, RequestContext, Role};
use crate::definition::{Envelope, Grade, Outcome, Protocol};
use crate::wire::BusFrame;
use crate::wire::pylon_ascii::{self, Deframer, DeframerEvent};

/// A silence after which a frame that has not ended never will, in microseconds: twice the longest frame at 9600 baud.
const SILENCE: u64 = 2_000_000;

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
    /// Where in the stream each burst since the last frame began, when, and which way it went.
    bursts: VecDeque<Burst>,
    taken: u64,
    asked: Option<RequestContext>,
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
            bursts: VecDeque::new(),
            taken: 0,
            asked: None,
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
        self.deframer.idle();
        self.deframed(print)
    }

    fn burst(&mut self, record: &Record, bytes: &[u8], print: Print<'_, 'p>) -> Result<(), CliError> {
        if !matches!(self.decoder.protocol().envelope, Envelope::PylonAscii { .. }) {
            return self.message(bytes.to_vec(), record.time, record.direction, print);
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
        let decoded = match self.role(&bytes, direction) {
            Role::Request => {
                let (decoded, context) = self.decoder.request(&bytes);
                self.asked = Some(context);
                decoded
            }
            _ => {
                let asked = self.asked.take();
                self.decoder.reply(&bytes, asked.as_ref())
            }
        };
        print(&Message {
            time,
            frame: Cow::Owned(BusFrame::Serial(bytes)),
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
    use super::*;
    use crate::definition::Library;

    /// The messages of some bursts: time in seconds, bytes.
    fn messages(bursts: &[(u64, Vec<u8>)]) -> Vec<(Option<u64>, String, Role, usize)> {
        let (library, _) = Library::load(None);
        let mut conversation = Conversation::new(library.protocol("pylon-rs485").expect("built in"), None);
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
}
