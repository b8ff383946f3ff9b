//! Classic CAN frames at the edge of the firmware.

use core::fmt;

use embedded_can::{ExtendedId, Frame, Id, StandardId};

/// A classic CAN frame: data or remote, 11-bit or 29-bit identifier.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CanFrame {
    id: Id,
    remote: bool,
    length: u8,
    bytes: [u8; 8],
}

impl CanFrame {
    /// A data frame with an 11-bit identifier; bits of `id` above the eleventh are dropped.
    pub(crate) fn standard(id: u32, data: &[u8; 8]) -> CanFrame {
        let id = u16::try_from(id & 0x7FF).ok().and_then(StandardId::new);
        CanFrame::data(Id::Standard(id.unwrap_or(StandardId::MAX)), data)
    }

    /// A data frame with a 29-bit identifier; bits of `id` above the twenty-ninth are dropped.
    pub(crate) fn extended(id: u32, data: &[u8; 8]) -> CanFrame {
        let id = ExtendedId::new(id & 0x1FFF_FFFF);
        CanFrame::data(Id::Extended(id.unwrap_or(ExtendedId::MAX)), data)
    }

    fn data(id: Id, data: &[u8; 8]) -> CanFrame {
        CanFrame {
            id,
            remote: false,
            length: 8,
            bytes: *data,
        }
    }

    /// The same frame cut to `length` bytes, when it is longer.
    pub(crate) fn cut(mut self, length: u8) -> CanFrame {
        self.length = self.length.min(length);
        self.bytes[usize::from(self.length)..].fill(0);
        self
    }

    /// The identifier's number, without its format.
    pub fn raw_id(&self) -> u32 {
        match self.id {
            Id::Standard(id) => u32::from(id.as_raw()),
            Id::Extended(id) => id.as_raw(),
        }
    }
}

impl Frame for CanFrame {
    fn new(id: impl Into<Id>, data: &[u8]) -> Option<CanFrame> {
        let mut bytes = [0; 8];
        bytes.get_mut(..data.len())?.copy_from_slice(data);
        Some(CanFrame {
            id: id.into(),
            remote: false,
            length: u8::try_from(data.len()).ok()?,
            bytes,
        })
    }

    fn new_remote(id: impl Into<Id>, dlc: usize) -> Option<CanFrame> {
        let length = u8::try_from(dlc).ok().filter(|length| *length <= 8)?;
        Some(CanFrame {
            id: id.into(),
            remote: true,
            length,
            bytes: [0; 8],
        })
    }

    fn is_extended(&self) -> bool {
        matches!(self.id, Id::Extended(_))
    }

    fn is_remote_frame(&self) -> bool {
        self.remote
    }

    fn id(&self) -> Id {
        self.id
    }

    fn dlc(&self) -> usize {
        usize::from(self.length)
    }

    /// The data bytes; empty for a remote frame.
    fn data(&self) -> &[u8] {
        if self.remote {
            &[]
        } else {
            &self.bytes[..usize::from(self.length)]
        }
    }
}

impl fmt::Debug for CanFrame {
    /// As candump writes it: `351#4002D007F00AC001`, `00000305#R8`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.id {
            Id::Standard(id) => write!(f, "{:03X}#", id.as_raw())?,
            Id::Extended(id) => write!(f, "{:08X}#", id.as_raw())?,
        }
        if self.remote {
            return write!(f, "R{}", self.length);
        }
        self.data().iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

#[cfg(test)]
mod tests {
    use std::format;

    use super::*;

    fn id(raw: u16) -> StandardId {
        StandardId::new(raw).unwrap()
    }

    #[test]
    fn a_frame_holds_at_most_eight_bytes() {
        assert_eq!(CanFrame::new(id(0x351), &[1; 8]).unwrap().dlc(), 8);
        assert!(CanFrame::new(id(0x351), &[1; 9]).is_none());
        assert!(CanFrame::new_remote(id(0x305), 9).is_none());
    }

    #[test]
    fn a_remote_frame_has_a_length_but_no_data() {
        let frame = CanFrame::new_remote(ExtendedId::new(0x305).unwrap(), 8).unwrap();
        assert!(frame.is_remote_frame() && frame.is_extended());
        assert_eq!((frame.dlc(), frame.data().len(), frame.raw_id()), (8, 0, 0x305));
    }

    #[test]
    fn an_identifier_has_its_width() {
        assert_eq!(
            format!("{:?}", CanFrame::standard(0x351, &[0; 8])),
            "351#0000000000000000"
        );
        assert_eq!(
            format!("{:?}", CanFrame::extended(0x321, &[1; 8])),
            "00000321#0101010101010101"
        );
    }

    #[test]
    fn cutting_forgets_the_bytes_behind() {
        let frame = CanFrame::standard(0x35C, &[0xC0, 1, 2, 3, 4, 5, 6, 7]).cut(2);
        assert_eq!(frame, CanFrame::new(id(0x35C), &[0xC0, 1]).unwrap());
        assert_eq!(frame.cut(8).dlc(), 2);
    }
}
