//! Cutting the byte stream of a line into frames, as it comes.

use std::collections::VecDeque;

use super::{MAX_FRAME, MIN_FRAME, Piece, ReplyFraming, function, split};
use crate::wire::checksum::crc16_modbus;

/// More bytes than the longest reply of any relative, with noise and an echo before it.
const MOST: usize = 4 * MAX_FRAME;

/// What is awaited: the answer to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Awaited {
    /// The address asked.
    pub address: u8,
    /// The function asked.
    pub function: u8,
    /// How many registers are read; `None` for a question that reads none.
    pub count: Option<u16>,
}

/// What a [`Receiver`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// A frame with a right CRC.
    Frame {
        /// The place of its first byte in the stream.
        offset: u64,
        /// Its bytes.
        bytes: Vec<u8>,
    },
    /// Bytes that are in no frame with a right CRC: noise, a broken frame, one that was cut off.
    Rest {
        /// The place of the first of them in the stream.
        offset: u64,
        /// The bytes.
        bytes: Vec<u8>,
    },
}

/// Cuts a byte stream into frames; the result does not depend on how the stream is sliced.
///
/// A Modbus frame ends with a silence, which no operating system reports exactly. So the answer that is awaited is known
/// by its length, its function and its CRC as soon as it is whole, whatever stands before it; everything else is cut when
/// the line is silent ([`idle`](Receiver::idle)), by content, with [`split`].
///
/// ```
/// use bmscheck::wire::modbus::{Awaited, Received, Receiver};
/// let mut receiver = Receiver::new();
/// receiver.expect(Some(Awaited { address: 1, function: 3, count: Some(1) }));
/// receiver.feed(&[0xFF, 0x01, 0x03, 0x02, 0x0A, 0x45, 0x7F]);
/// assert_eq!(receiver.poll(), None);
/// receiver.feed(&[0x17]);
/// assert_eq!(receiver.poll(), Some(Received::Rest { offset: 0, bytes: vec![0xFF] }));
/// let reply = vec![0x01, 0x03, 0x02, 0x0A, 0x45, 0x7F, 0x17];
/// assert_eq!(receiver.poll(), Some(Received::Frame { offset: 1, bytes: reply }));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Receiver {
    pending: Vec<u8>,
    /// No answer begins before this place of what is pending.
    searched: usize,
    taken: u64,
    awaited: Option<Awaited>,
    found: VecDeque<Received>,
}

impl Receiver {
    /// A receiver at the start of a stream.
    pub fn new() -> Receiver {
        Receiver::default()
    }

    /// Says what is awaited from now on.
    pub fn expect(&mut self, awaited: Option<Awaited>) {
        self.awaited = awaited;
        self.searched = 0;
    }

    /// Takes the next bytes of the stream.
    pub fn feed(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.pending.push(byte);
            self.taken += 1;
            if let Some(answer) = self.answer() {
                let offset = self.offset();
                let frame = self.pending.split_off(answer);
                self.cut(offset);
                self.found.push_back(Received::Frame {
                    offset: offset + answer as u64,
                    bytes: frame,
                });
            } else if self.pending.len() >= MOST {
                self.idle();
            }
        }
    }

    /// Tells that the line has been silent for as long as ends a frame, or that the stream has ended.
    pub fn idle(&mut self) {
        let offset = self.offset();
        self.cut(offset);
    }

    /// The next frame or rest, in the order of the stream.
    #[must_use]
    pub fn poll(&mut self) -> Option<Received> {
        self.found.pop_front()
    }

    /// Bytes of which it is not known yet what they are.
    pub fn pending(&self) -> &[u8] {
        &self.pending
    }

    fn offset(&self) -> u64 {
        self.taken - self.pending.len() as u64
    }

    /// Cuts what is pending by content.
    fn cut(&mut self, offset: u64) {
        let burst = std::mem::take(&mut self.pending);
        self.searched = 0;
        for piece in split(&burst) {
            self.found.push_back(match piece {
                Piece::Frame(range) => Received::Frame {
                    offset: offset + range.start as u64,
                    bytes: burst[range].to_vec(),
                },
                Piece::Rest(range) => Received::Rest {
                    offset: offset + range.start as u64,
                    bytes: burst[range].to_vec(),
                },
            });
        }
    }

    /// Where the awaited answer begins, if it ends with the last byte.
    fn answer(&mut self) -> Option<usize> {
        let awaited = self.awaited?;
        let longest = awaited.count.map_or(8, |count| 6 + 2 * usize::from(count)).max(8);
        let from = self.searched.max(self.pending.len().saturating_sub(longest));
        let found = (from..self.pending.len().saturating_sub(MIN_FRAME)).find(|start| {
            self.pending
                .get(*start..)
                .is_some_and(|frame| is_answer(frame, awaited))
        });
        self.searched = from;
        found
    }
}

/// Whether a frame is a whole answer with a right CRC.
fn is_answer(frame: &[u8], awaited: Awaited) -> bool {
    if !frame.starts_with(&[awaited.address, awaited.function]) {
        let refused = [awaited.address, awaited.function | function::EXCEPTION];
        return frame.len() == 5 && frame.starts_with(&refused) && crc16_modbus(frame) == 0;
    }
    let fits = match (awaited.function, awaited.count) {
        (function::READ_HOLDING | function::READ_INPUT, Some(count)) => ReplyFraming::recognise(frame, count).is_some(),
        (function::WRITE_ONE | function::WRITE_SEVERAL, _) => frame.len() == 8,
        _ => false,
    };
    fits && crc16_modbus(frame) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::modbus::{Reply, Request, with_crc};
    use proptest::prelude::*;

    fn received(awaited: Option<Awaited>, slices: &[&[u8]]) -> Vec<Received> {
        let mut receiver = Receiver::new();
        receiver.expect(awaited);
        for slice in slices {
            receiver.feed(slice);
        }
        receiver.idle();
        std::iter::from_fn(|| receiver.poll()).collect()
    }

    fn read(count: u16) -> Awaited {
        Awaited {
            address: 1,
            function: 3,
            count: Some(count),
        }
    }

    fn data(words: usize) -> Vec<u8> {
        let data = (0..words * 2).map(|byte| byte as u8).collect();
        let framing = ReplyFraming::Standard;
        Reply::Read { framing, data }.emit(1, 3)
    }

    fn frame(offset: u64, bytes: &[u8]) -> Received {
        let bytes = bytes.to_vec();
        Received::Frame { offset, bytes }
    }

    fn rest(offset: u64, bytes: &[u8]) -> Received {
        let bytes = bytes.to_vec();
        Received::Rest { offset, bytes }
    }

    #[test]
    fn an_answer_is_whole_with_its_last_byte() {
        let reply = data(13);
        let mut receiver = Receiver::new();
        receiver.expect(Some(read(13)));
        receiver.feed(&reply[..reply.len() - 1]);
        assert_eq!(receiver.poll(), None);
        receiver.feed(&reply[reply.len() - 1..]);
        assert_eq!(receiver.poll(), Some(frame(0, &reply)));
        assert!(receiver.pending().is_empty());
    }

    #[test]
    fn the_echo_of_the_question_is_a_frame_of_its_own() {
        let question = Request::ReadHolding { start: 0, count: 13 }.emit(1);
        let reply = data(13);
        let stream = [&question[..], &[0xFF], &reply].concat();
        assert_eq!(
            received(Some(read(13)), &[&stream]),
            [frame(0, &question), rest(8, &[0xFF]), frame(9, &reply)]
        );
    }

    #[test]
    fn refusals_and_confirmations_are_answers() {
        let refused = with_crc(vec![1, 0x83, 2]);
        let mut receiver = Receiver::new();
        receiver.expect(Some(read(200)));
        receiver.feed(&refused);
        assert_eq!(receiver.poll(), Some(frame(0, &refused)));
        let written = Reply::WriteSeveral { start: 0x40, count: 1 }.emit(1, 0x10);
        receiver.expect(Some(Awaited {
            address: 1,
            function: 0x10,
            count: None,
        }));
        receiver.feed(&written);
        assert_eq!(receiver.poll(), Some(frame(5, &written)));
    }

    #[test]
    fn what_is_not_awaited_is_cut_when_the_line_is_silent() {
        let foreign = Reply::Read {
            framing: ReplyFraming::Standard,
            data: vec![0, 1],
        }
        .emit(2, 3);
        let mut broken = data(1);
        broken[3] ^= 0x10;
        let stream = [&foreign[..], &broken].concat();
        assert_eq!(
            received(Some(read(1)), &[&stream]),
            [frame(0, &foreign), rest(7, &broken)]
        );
        assert_eq!(received(None, &[&data(2)]), [frame(0, &data(2))]);
    }

    #[test]
    fn endless_noise_is_handed_out() {
        let noise = vec![0x55; 3 * MOST];
        assert_eq!(received(Some(read(5)), &[&noise]).len(), 3);
    }

    proptest! {
        #[test]
        fn slicing_changes_nothing_and_nothing_is_lost(
            bytes in proptest::collection::vec(prop_oneof![Just(1_u8), Just(3), Just(0x83), any::<u8>()], 0..300),
            answers in proptest::collection::vec((0_usize..8, 0_usize..300), 0..4),
            cuts in proptest::collection::vec(1_usize..40, 0..8),
            count in 0_u16..6,
        ) {
            let mut stream = bytes;
            for (words, at) in answers {
                let at = at.min(stream.len());
                stream.splice(at..at, data(words));
            }
            let whole = received(Some(read(count)), &[&stream]);
            let mut slices: Vec<&[u8]> = Vec::new();
            let mut left = stream.as_slice();
            for cut in cuts {
                let (slice, rest) = left.split_at(cut.min(left.len()));
                slices.push(slice);
                left = rest;
            }
            slices.push(left);
            prop_assert_eq!(&whole, &received(Some(read(count)), &slices));
            let mut place = 0;
            for found in whole {
                let (Received::Frame { offset, bytes } | Received::Rest { offset, bytes }) = found;
                prop_assert_eq!(offset, place);
                place += bytes.len() as u64;
            }
            prop_assert_eq!(place, stream.len() as u64);
        }
    }
}
