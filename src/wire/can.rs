//! Classic CAN frames.

use std::fmt;

/// A CAN identifier; its format (11 or 29 bit) is part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CanId {
    /// An 11-bit identifier, 0..=0x7FF.
    Standard(u16),
    /// A 29-bit identifier, 0..=0x1FFF_FFFF.
    Extended(u32),
}

impl CanId {
    /// The 11-bit identifier, or `None` if it does not fit.
    pub const fn standard(id: u32) -> Option<CanId> {
        if id <= 0x7FF {
            Some(CanId::Standard(id as u16))
        } else {
            None
        }
    }

    /// The 29-bit identifier, or `None` if it does not fit.
    pub const fn extended(id: u32) -> Option<CanId> {
        if id <= 0x1FFF_FFFF {
            Some(CanId::Extended(id))
        } else {
            None
        }
    }

    /// The identifier's number, without its format.
    pub const fn number(self) -> u32 {
        match self {
            CanId::Standard(id) => id as u32,
            CanId::Extended(id) => id,
        }
    }

    /// True for a 29-bit identifier.
    pub const fn is_extended(self) -> bool {
        matches!(self, CanId::Extended(_))
    }
}

impl fmt::Display for CanId {
    /// As candump writes it: three hex digits for 11 bits, eight for 29.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CanId::Standard(id) => f.pad(&format!("{id:03X}")),
            CanId::Extended(id) => f.pad(&format!("{id:08X}")),
        }
    }
}

/// What kind of frame it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CanKind {
    /// A data frame.
    Data,
    /// A remote transmission request; it has a length but no data.
    Remote,
    /// An error report made by the local controller, never on the wire as a frame.
    Error,
}

/// A frame as it was on the bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CanFrame {
    /// The identifier with its format.
    pub id: CanId,
    /// Data, remote or error.
    pub kind: CanKind,
    length: u8,
    bytes: [u8; 8],
}

impl CanFrame {
    /// A data frame; `None` when there are more than eight bytes.
    pub fn data(id: CanId, data: &[u8]) -> Option<CanFrame> {
        let mut bytes = [0; 8];
        bytes.get_mut(..data.len())?.copy_from_slice(data);
        Some(CanFrame {
            id,
            kind: CanKind::Data,
            length: data.len() as u8,
            bytes,
        })
    }

    /// A remote frame that asks for `length` bytes; `None` when that is more than eight.
    pub fn remote(id: CanId, length: u8) -> Option<CanFrame> {
        (length <= 8).then_some(CanFrame {
            id,
            kind: CanKind::Remote,
            length,
            bytes: [0; 8],
        })
    }

    /// An error report of the controller with its eight bytes of detail.
    pub fn error(class: u32, bytes: [u8; 8]) -> CanFrame {
        CanFrame {
            id: CanId::Extended(class & 0x1FFF_FFFF),
            kind: CanKind::Error,
            length: 8,
            bytes,
        }
    }

    /// The data bytes: empty for a remote frame.
    pub fn payload(&self) -> &[u8] {
        match self.kind {
            CanKind::Remote => &[],
            CanKind::Data | CanKind::Error => &self.bytes[..usize::from(self.length)],
        }
    }

    /// The data length code, 0..=8; for a remote frame the length asked for.
    pub fn length(&self) -> usize {
        usize::from(self.length)
    }
}

impl fmt::Display for CanFrame {
    /// `351#4002D007F00AC001`, `351#R8` for a remote frame.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.kind {
            CanKind::Remote if self.length == 0 => format!("{}#R", self.id),
            CanKind::Remote => format!("{}#R{}", self.id, self.length),
            CanKind::Data => format!("{}#{}", self.id, super::hex_compact(self.payload())),
            // candump prints error frames with the error flag of the identifier word set.
            CanKind::Error => {
                format!(
                    "{:08X}#{}",
                    self.id.number() | 0x2000_0000,
                    super::hex_compact(self.payload())
                )
            }
        };
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_keep_their_format() {
        assert_ne!(CanId::standard(0x351), CanId::extended(0x351));
        assert_eq!(CanId::standard(0x800), None);
        assert_eq!(CanId::extended(0x2000_0000), None);
        assert_eq!(CanId::Extended(0x351).to_string(), "00000351");
    }

    #[test]
    fn frames_print_as_candump_writes_them() {
        let id = CanId::Standard(0x351);
        assert_eq!(CanFrame::data(id, &[0x40, 2]).unwrap().to_string(), "351#4002");
        assert_eq!(CanFrame::data(id, &[]).unwrap().to_string(), "351#");
        assert_eq!(CanFrame::remote(id, 8).unwrap().to_string(), "351#R8");
        assert!(CanFrame::data(id, &[0; 9]).is_none() && CanFrame::remote(id, 9).is_none());
        assert!(CanFrame::remote(id, 8).unwrap().payload().is_empty());
    }
}
