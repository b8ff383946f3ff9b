//! Cutting a burst by content, where several frames came without a silence between them.

use std::ops::Range;

use super::{MAX_FRAME, MIN_FRAME, ReplyFraming, function};
use crate::wire::checksum::crc16_modbus;

/// The most registers that a request or a reply can count (the limit of reading; writing allows fewer).
const MAX_REGISTERS: u16 = 125;

/// A part of a burst.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A frame whose CRC is right.
    Frame(Range<usize>),
    /// Bytes that are in no frame: noise, a broken frame, one that was cut off.
    Rest(Range<usize>),
}

/// Cuts a burst into frames with a right CRC and the bytes between them; the pieces are in order and leave nothing out.
///
/// At each place the lengths are tried that a frame of that function can have, as request, reply (in each
/// [`ReplyFraming`]) or exception; a wrong one passes the CRC once in 65,536. A function that is not known is a frame
/// only if it fills the rest of the burst.
pub fn split(burst: &[u8]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let (mut place, mut rest) = (0, 0);
    while place < burst.len() {
        let Some(length) = frame_length(&burst[place..]) else {
            place += 1;
            continue;
        };
        if rest < place {
            pieces.push(Piece::Rest(rest..place));
        }
        pieces.push(Piece::Frame(place..place + length));
        place += length;
        rest = place;
    }
    if rest < burst.len() {
        pieces.push(Piece::Rest(rest..burst.len()));
    }
    pieces
}

/// The length of the frame at the start of these bytes, if one with a right CRC starts there.
fn frame_length(bytes: &[u8]) -> Option<usize> {
    // The CRC of a frame with its own CRC behind it is zero.
    let is_frame =
        |length: &usize| *length >= MIN_FRAME && bytes.get(..*length).is_some_and(|frame| crc16_modbus(frame) == 0);
    let function = *bytes.get(1)?;
    let reply = |framing: ReplyFraming| {
        let (_, data) = framing.parse(bytes.get(2..)?).ok()?;
        Some(2 + framing.width() + data + 2)
    };
    let known: [Option<usize>; 4] = match function {
        function::READ_HOLDING | function::READ_INPUT => [
            Some(8),
            reply(ReplyFraming::Standard),
            reply(ReplyFraming::Words),
            reply(ReplyFraming::WideBytes),
        ],
        function::WRITE_ONE => [Some(8), None, None, None],
        function::WRITE_SEVERAL => [Some(8), bytes.get(6).map(|count| 9 + usize::from(*count)), None, None],
        _ if function & function::EXCEPTION != 0 => [Some(5), None, None, None],
        _ => [None; 4],
    };
    // A zero behind a frame leaves the CRC right (its register is zero there): of several lengths the one counts that
    // leaves nothing or another frame, else the shortest.
    let mut lengths: Vec<usize> = known.into_iter().flatten().filter(is_frame).collect();
    lengths.sort_unstable();
    lengths.dedup();
    // Where a reply fits too, a count that no request can serve tells that it is one.
    let count = bytes.get(4..6).map(|count| u16::from_be_bytes([count[0], count[1]]));
    if lengths.len() > 1 && !count.is_some_and(|count| (1..=MAX_REGISTERS).contains(&count)) {
        lengths.retain(|length| *length != 8);
    }
    let leaves_frames = |length: &&usize| {
        let rest = bytes.get(**length..).unwrap_or_default();
        rest.is_empty() || frame_length(rest).is_some()
    };
    let chosen = match lengths.as_slice() {
        [] => None,
        [only] => Some(*only),
        several => several.iter().find(leaves_frames).or(several.first()).copied(),
    };
    chosen.or_else(|| {
        let mut rest = Some(bytes.len()).filter(|length| *length <= MAX_FRAME && is_frame(length))?;
        while bytes.get(rest - 1) == Some(&0) && is_frame(&(rest - 1)) {
            rest -= 1;
        }
        Some(rest)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::modbus::tests::{any_reply, any_request};
    use crate::wire::modbus::{Reply, Request, with_crc};
    use proptest::prelude::*;

    fn lengths(pieces: &[Piece]) -> Vec<(bool, usize)> {
        let length = |piece: &Piece| match piece {
            Piece::Frame(range) => (true, range.len()),
            Piece::Rest(range) => (false, range.len()),
        };
        pieces.iter().map(length).collect()
    }

    #[test]
    fn request_and_reply_in_one_burst_are_two_frames() {
        let request = Request::ReadHolding { start: 0x10, count: 15 }.emit(1);
        let reply = Reply::Read {
            framing: ReplyFraming::Standard,
            data: vec![0; 30],
        }
        .emit(1, 3);
        let exception = Reply::Exception { function: 3, code: 1 }.emit(1, 3);
        let burst = [&request[..], &reply, &request, &exception].concat();
        assert_eq!(lengths(&split(&burst)), [(true, 8), (true, 35), (true, 8), (true, 5)]);
    }

    #[test]
    fn replies_of_the_relatives_are_found() {
        for framing in ReplyFraming::ALL {
            let reply = Reply::Read {
                framing,
                data: vec![7; 20],
            }
            .emit(1, 3);
            assert_eq!(
                lengths(&split(&[&reply[..], &reply].concat())),
                [(true, reply.len()), (true, reply.len())]
            );
        }
    }

    #[test]
    fn noise_and_broken_frames_stand_between() {
        let request = Request::ReadHolding { start: 0x10, count: 15 }.emit(1);
        let mut broken = request.clone();
        broken[7] ^= 0xFF; // CRC
        let burst = [&[0, 0xFF][..], &request, &broken, &request, &request[..5]].concat();
        assert_eq!(
            lengths(&split(&burst)),
            [(false, 2), (true, 8), (false, 8), (true, 8), (false, 5)]
        );
    }

    #[test]
    fn a_function_that_is_not_known_must_fill_the_rest() {
        let frame = with_crc(vec![1, 0x2B, 0x0E, 1, 0]);
        assert_eq!(lengths(&split(&frame)), [(true, 7)]);
        assert_eq!(lengths(&split(&[&frame[..], &[1]].concat())), [(false, 8)]);
    }

    #[test]
    fn zeros_behind_a_frame_are_not_part_of_it() {
        let frame = with_crc(vec![1, 0x2B, 0x0E, 1, 0]);
        assert_eq!(
            lengths(&split(&[&frame[..], &[0, 0]].concat())),
            [(true, 7), (false, 2)]
        );
        let reply = Reply::Read {
            framing: ReplyFraming::Standard,
            data: vec![0, 0x42],
        }
        .emit(1, 3);
        assert_eq!(lengths(&split(&[&reply[..], &[0]].concat())), [(true, 7), (false, 1)]);
    }

    #[test]
    fn short_bursts_are_no_frames() {
        assert_eq!(split(&[]), []);
        assert_eq!(split(&[1, 3, 0]), [Piece::Rest(0..3)]);
        // The CRC of nothing is 0xFFFF: these two bytes would be a frame without address and function.
        assert_eq!(split(&[0xFF, 0xFF]), [Piece::Rest(0..2)]);
    }

    proptest! {
        #[test]
        fn pieces_are_in_order_and_leave_nothing_out(burst in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut place = 0;
            for piece in split(&burst) {
                let (Piece::Frame(range) | Piece::Rest(range)) = piece;
                prop_assert_eq!(range.start, place);
                prop_assert!(!range.is_empty());
                place = range.end;
            }
            prop_assert_eq!(place, burst.len());
        }

        #[test]
        fn glued_frames_are_cut_where_they_were_glued(
            messages in proptest::collection::vec(prop_oneof![
                any_request().prop_map(|request| request.emit(1)),
                any_reply().prop_map(|(function, reply)| reply.emit(1, function)),
            ], 1..5),
        ) {
            let burst = messages.concat();
            let expected: Vec<(bool, usize)> = messages.iter().map(|message| (true, message.len())).collect();
            prop_assert_eq!(lengths(&split(&burst)), expected);
        }
    }
}
