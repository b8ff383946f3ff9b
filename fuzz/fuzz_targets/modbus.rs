//! The pieces of a Modbus burst cover it, and a frame without faults is emitted again.
#![no_main]

use bmscheck::wire::modbus::{Piece, ReplyFraming, parse_reply, parse_request, split};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|burst: &[u8]| {
    let mut place = 0;
    for piece in split(burst) {
        let (Piece::Frame(range) | Piece::Rest(range)) = piece.clone();
        assert_eq!(range.start, place);
        place = range.end;
        let frame = &burst[range];
        if let Ok(request) = parse_request(frame)
            && request.faults.is_empty()
        {
            assert_eq!(request.content.emit(request.address), frame);
        }
        for framing in ReplyFraming::ALL {
            if let Ok(reply) = parse_reply(frame, framing)
                && reply.faults.is_empty()
            {
                assert_eq!(reply.content.emit(reply.address, reply.function), frame);
            }
        }
    }
    assert_eq!(place, burst.len());
});
