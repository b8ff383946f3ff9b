//! Cutting a byte stream into Pylon ASCII frames.

use std::collections::VecDeque;

use super::{EOI, MAX_FRAME, SOI};

/// Cuts a byte stream into frames; the result does not depend on how the stream is sliced.
///
/// `~` always starts a frame, a carriage return ends it, a line feed right after that is ignored; whatever belongs to no
/// frame is handed out with the reason (sheet pylon-rs485, "receiver resynchronisation", D). Memory is bounded by the
/// longest frame.
///
/// Give bytes with [`feed`](Deframer::feed), tell of a silence with [`idle`](Deframer::idle), then call
/// [`poll`](Deframer::poll) until it gives `None`.
#[derive(Clone, Debug, Default)]
pub struct Deframer {
    /// The frame, or the noise, that is being collected.
    pending: Vec<u8>,
    in_frame: bool,
    /// A frame has just ended: a line feed belongs to its carriage return.
    after_end: bool,
    /// Bytes taken so far.
    taken: u64,
    events: VecDeque<DeframerEvent>,
}

/// What a [`Deframer`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeframerEvent {
    /// A frame from `~` to the carriage return, for [`parse`](super::parse).
    Frame {
        /// The place of its first byte in the stream.
        offset: u64,
        /// Its characters.
        bytes: Vec<u8>,
    },
    /// Bytes that belong to no frame.
    Discarded {
        /// The place of the first of them in the stream.
        offset: u64,
        /// The bytes.
        bytes: Vec<u8>,
        /// Why.
        reason: DiscardReason,
    },
}

/// Why bytes belong to no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum DiscardReason {
    /// They come before any `~`.
    #[error("no `~` before it")]
    Noise,
    /// A second `~` came before the carriage return.
    #[error("a second `~` came before the carriage return")]
    Restarted,
    /// There are more than [`MAX_FRAME`] characters without a carriage return.
    #[error("longer than any frame")]
    TooLong,
    /// The line fell silent before the carriage return.
    #[error("the line fell silent before the carriage return")]
    TimedOut,
}

impl Deframer {
    /// A deframer at the start of a stream.
    pub fn new() -> Deframer {
        Deframer::default()
    }

    /// Takes the next bytes of the stream.
    pub fn feed(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.feed_byte(byte);
        }
    }

    /// Tells that the line has been silent for longer than a frame may pause, or that the stream has ended: what is
    /// pending is discarded.
    pub fn idle(&mut self) {
        self.discard_pending(DiscardReason::TimedOut);
    }

    /// The next frame or discarded piece, in the order of the stream.
    #[must_use]
    pub fn poll(&mut self) -> Option<DeframerEvent> {
        self.events.pop_front()
    }

    fn feed_byte(&mut self, byte: u8) {
        let belongs_to_end = std::mem::take(&mut self.after_end) && byte == b'\n';
        if byte == SOI {
            self.discard_pending(DiscardReason::Restarted);
            self.in_frame = true;
        }
        self.taken += 1;
        if belongs_to_end {
            return;
        }
        self.pending.push(byte);
        if self.in_frame && byte == EOI {
            let offset = self.pending_offset();
            let bytes = std::mem::take(&mut self.pending);
            self.events.push_back(DeframerEvent::Frame { offset, bytes });
            self.in_frame = false;
            self.after_end = true;
        } else if self.pending.len() >= MAX_FRAME {
            self.discard_pending(DiscardReason::TooLong);
        }
    }

    /// Hands out what is pending; `reason` is that of a broken frame.
    fn discard_pending(&mut self, reason: DiscardReason) {
        let reason = if std::mem::take(&mut self.in_frame) {
            reason
        } else {
            DiscardReason::Noise
        };
        if !self.pending.is_empty() {
            let offset = self.pending_offset();
            let bytes = std::mem::take(&mut self.pending);
            self.events
                .push_back(DeframerEvent::Discarded { offset, bytes, reason });
        }
    }

    fn pending_offset(&self) -> u64 {
        self.taken - self.pending.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::pylon_ascii::tests::stream;
    use proptest::prelude::*;

    fn events(slices: &[&[u8]]) -> Vec<DeframerEvent> {
        let mut deframer = Deframer::new();
        for slice in slices {
            deframer.feed(slice);
        }
        deframer.idle();
        std::iter::from_fn(|| deframer.poll()).collect()
    }

    fn frame(offset: u64, bytes: &[u8]) -> DeframerEvent {
        DeframerEvent::Frame {
            offset,
            bytes: bytes.to_vec(),
        }
    }

    fn discarded(offset: u64, bytes: &[u8], reason: DiscardReason) -> DeframerEvent {
        DeframerEvent::Discarded {
            offset,
            bytes: bytes.to_vec(),
            reason,
        }
    }

    #[test]
    fn frames_are_found_among_noise_and_broken_frames() {
        assert_eq!(
            events(&[
                b"\x00\xFF\r~2002",
                b"~20024661",
                b"0000FDAB\r\n~2",
                b"00246620000FDAA\r\n\n~20"
            ]),
            [
                discarded(0, b"\x00\xFF\r", DiscardReason::Noise),
                discarded(3, b"~2002", DiscardReason::Restarted),
                frame(8, b"~200246610000FDAB\r"),
                frame(27, b"~200246620000FDAA\r"),
                discarded(46, b"\n", DiscardReason::Noise),
                discarded(47, b"~20", DiscardReason::TimedOut),
            ]
        );
    }

    #[test]
    fn the_longest_frame_passes_and_one_character_more_does_not() {
        let longest = [b"~".as_slice(), &[b'0'; MAX_FRAME - 2], b"\r"].concat();
        assert_eq!(events(&[&longest]), [frame(0, &longest)]);
        let longer = [b"~".as_slice(), &[b'0'; MAX_FRAME - 1], b"\r"].concat();
        assert_eq!(
            events(&[&longer]),
            [
                discarded(0, &longer[..MAX_FRAME], DiscardReason::TooLong),
                discarded(MAX_FRAME as u64, b"\r", DiscardReason::Noise),
            ]
        );
    }

    #[test]
    fn a_silence_ends_a_broken_frame_and_the_next_one_is_read() {
        let mut deframer = Deframer::new();
        deframer.feed(b"~2002");
        deframer.idle();
        deframer.idle();
        deframer.feed(b"4661");
        deframer.feed(b"~200246610000FDAB\r");
        let events: Vec<_> = std::iter::from_fn(|| deframer.poll()).collect();
        assert_eq!(
            events,
            [
                discarded(0, b"~2002", DiscardReason::TimedOut),
                discarded(5, b"4661", DiscardReason::Noise),
                frame(9, b"~200246610000FDAB\r"),
            ]
        );
    }

    proptest! {
        #[test]
        fn slicing_a_stream_changes_nothing(bytes in stream(), cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..12)) {
            let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            places.sort_unstable();
            let mut slices = Vec::new();
            let mut start = 0;
            for place in places {
                slices.push(&bytes[start..place]);
                start = place;
            }
            slices.push(&bytes[start..]);
            prop_assert_eq!(events(&slices), events(&[&bytes]));
        }

        #[test]
        fn the_pieces_add_up_to_the_stream(bytes in stream()) {
            let mut rest = &bytes[..];
            let mut place = 0;
            for event in events(&[&bytes]) {
                let (DeframerEvent::Frame { offset, bytes: piece } | DeframerEvent::Discarded { offset, bytes: piece, .. }) = event;
                if offset > place {
                    prop_assert_eq!((offset, rest[0]), (place + 1, b'\n'));
                    rest = &rest[1..];
                    place += 1;
                }
                prop_assert_eq!(&rest[..piece.len()], &piece[..]);
                rest = &rest[piece.len()..];
                place += piece.len() as u64;
            }
            prop_assert!(rest.is_empty() || rest == b"\n");
        }
    }
}
