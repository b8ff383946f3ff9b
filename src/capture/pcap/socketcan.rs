//! The packet of link type 227: identifier word, length, flags, data.

use nom::bytes::complete::take;
use nom::number::complete::{be_u32, u8};
use nom::{IResult, Parser};

use crate::capture::RecordErrorKind;
use crate::wire::can::{CanFrame, CanId};

/// The frame of a SocketCAN packet.
pub(super) fn parse(packet: &[u8]) -> Result<CanFrame, RecordErrorKind> {
    const EXTENDED: u32 = 0x8000_0000;
    const REMOTE: u32 = 0x4000_0000;
    const ERROR: u32 = 0x2000_0000;
    /// In the place of the length of other frames, above any length.
    const XL: u8 = 0x80;
    /// Bit rate switch, error state, FD format.
    const FD: u8 = 0x07;

    type Header = (u32, u8, u8, u8, u8);
    let header: IResult<&[u8], Header> = (be_u32, u8, u8, u8, u8).parse(packet);
    let Ok((rest, (word, length, flags, _, code))) = header else {
        return Err(RecordErrorKind::Packet(
            "the packet is shorter than its header".to_owned(),
        ));
    };
    if length & XL != 0 {
        return Err(RecordErrorKind::NotClassicCan("CAN XL"));
    }
    if flags & FD != 0 || length > 8 {
        return Err(RecordErrorKind::NotClassicCan("CAN FD"));
    }
    if code > 8 {
        return Err(RecordErrorKind::DataLengthCode);
    }
    let number = word & 0x1FFF_FFFF;
    let id = if word & EXTENDED == 0 {
        CanId::standard(number)
    } else {
        CanId::extended(number)
    };
    let declared = usize::from(length);
    let wrong_length = || RecordErrorKind::Length {
        declared,
        actual: rest.len(),
    };
    if word & (REMOTE | ERROR) == REMOTE {
        return id.and_then(|id| CanFrame::remote(id, length)).ok_or_else(too_large);
    }
    let data: IResult<&[u8], &[u8]> = take(declared).parse(rest);
    let (_, data) = data.map_err(|_| wrong_length())?;
    if word & ERROR != 0 {
        let data = data.try_into().map_err(|_| wrong_length())?;
        return Ok(CanFrame::error(number, data));
    }
    id.and_then(|id| CanFrame::data(id, data)).ok_or_else(too_large)
}

fn too_large() -> RecordErrorKind {
    RecordErrorKind::Packet("the identifier has more than 11 bits and is not marked as extended".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_frame_is_read() {
        let read = |packet: &[u8]| parse(packet).map(|frame| frame.to_string());
        assert_eq!(
            read(&[0x98, 0xF1, 0x28, 0xF4, 1, 0, 0, 0, 0xA5]),
            Ok("18F128F4#A5".to_owned())
        );
        assert_eq!(read(&[0x40, 0, 0x03, 0x05, 8, 0, 0, 0]), Ok("305#R8".to_owned()));
        assert_eq!(
            read(&[0x20, 0, 0, 4, 8, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0]),
            Ok("20000004#0004000000000000".to_owned())
        );
        assert_eq!(
            read(&[0, 0, 0x03, 0x51, 1, 0, 0, 0, 0xA5, 0, 0, 0]),
            Ok("351#A5".to_owned()),
            "padding"
        );
        assert_eq!(
            read(&[0, 0, 0x03, 0x51, 8, 0x04, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            Err(RecordErrorKind::NotClassicCan("CAN FD"))
        );
        assert_eq!(
            read(&[0, 0, 0x03, 0x51, 12, 0, 0, 0]),
            Err(RecordErrorKind::NotClassicCan("CAN FD"))
        );
        assert_eq!(
            read(&[0, 0, 0x03, 0x51, 0x81, 0, 0, 8]),
            Err(RecordErrorKind::NotClassicCan("CAN XL"))
        );
        assert_eq!(
            read(&[0, 0, 0x03, 0x51, 8, 0, 0, 11, 0, 0, 0, 0, 0, 0, 0, 0]),
            Err(RecordErrorKind::DataLengthCode)
        );
        assert_eq!(
            read(&[0, 0, 0x03, 0x51, 8, 0, 0, 0, 1, 2, 3, 4]),
            Err(RecordErrorKind::Length { declared: 8, actual: 4 })
        );
        assert!(matches!(
            read(&[0, 0, 0x08, 0x51, 0, 0, 0, 0]),
            Err(RecordErrorKind::Packet(_))
        ));
        assert!(matches!(
            read(&[0, 0, 0x03, 0x51, 8, 0, 0]),
            Err(RecordErrorKind::Packet(_))
        ));
    }
}
