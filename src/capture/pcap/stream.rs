//! The bytes of pcap and pcapng, cut into packets and blocks of bounded size.

use std::io::{self, BufRead, Read};

use pcap_file::{Endianness, PcapError};

use crate::capture::CaptureError;

/// The largest packet or block that is read; a SocketCAN packet has at most some 2 KiB (CAN XL).
pub(super) const MAX_BLOCK: usize = 64 * 1024;

/// The bytes of a capture, one packet or block at a time.
pub(super) struct Stream<R> {
    reader: R,
    /// Bytes taken so far.
    pub(super) offset: u64,
    /// The packet or block with its header, as the parsers of the crate want it; empty when it was too large.
    pub(super) block: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum BlockKind {
    Section,
    Interface,
    Packet,
    Other,
}

impl<R: BufRead> Stream<R> {
    pub(super) fn new(reader: R) -> Stream<R> {
        Stream {
            reader,
            offset: 0,
            block: Vec::new(),
        }
    }

    pub(super) fn read_header(&mut self) -> Result<(), CaptureError> {
        if self.append(24)? < 24 {
            Err(self.cut_off())
        } else {
            Ok(())
        }
    }

    /// Reads the next packet of a pcap; false at the end.
    pub(super) fn read_packet(&mut self, endianness: Endianness) -> Result<bool, CaptureError> {
        self.block.clear();
        match self.append(16)? {
            0 => return Ok(false),
            16 => {}
            _ => return Err(self.cut_off()),
        }
        let length = self.number(8, endianness);
        if length > MAX_BLOCK {
            return Err(self.broken_by("a packet is too large"));
        }
        if self.append(length)? < length {
            Err(self.cut_off())
        } else {
            Ok(true)
        }
    }

    /// Reads the next block of a pcapng; `None` at the end. `endianness` is that of the section, if there is one yet.
    pub(super) fn read_block(&mut self, endianness: Option<Endianness>) -> Result<Option<BlockKind>, CaptureError> {
        self.block.clear();
        match self.append(12)? {
            0 => return Ok(None),
            12 => {}
            _ => return Err(self.cut_off()),
        }
        const SECTION: [u8; 4] = [0x0A, 0x0D, 0x0D, 0x0A];
        let is_section = self.block.starts_with(&SECTION);
        let endianness = match (is_section, &self.block[8..12]) {
            (true, [0x1A, 0x2B, 0x3C, 0x4D]) => Endianness::Big,
            (true, [0x4D, 0x3C, 0x2B, 0x1A]) => Endianness::Little,
            (true, _) => return Err(self.broken_by("a section header without its magic number")),
            (false, _) => endianness.ok_or_else(|| self.broken_by("no section header"))?,
        };
        let kind = match self.number(0, endianness) {
            _ if is_section => BlockKind::Section,
            1 => BlockKind::Interface,
            2 | 3 | 6 => BlockKind::Packet,
            _ => BlockKind::Other,
        };
        let length = self.number(4, endianness);
        if length < 12 || !length.is_multiple_of(4) {
            return Err(self.broken_by("the length of a block makes no sense"));
        }
        if length <= MAX_BLOCK {
            return if self.append(length - 12)? < length - 12 {
                Err(self.cut_off())
            } else {
                Ok(Some(kind))
            };
        }
        if kind == BlockKind::Section {
            return Err(self.broken_by("a section header is too large"));
        }
        self.block.clear();
        let skipped = io::copy(&mut self.reader.by_ref().take(length as u64 - 12), &mut io::sink())?;
        self.offset += skipped;
        if skipped < length as u64 - 12 {
            Err(self.cut_off())
        } else {
            Ok(Some(kind))
        }
    }

    /// Adds up to `length` bytes to the block and tells how many there were.
    fn append(&mut self, length: usize) -> io::Result<usize> {
        let added = self.reader.by_ref().take(length as u64).read_to_end(&mut self.block)?;
        self.offset += added as u64;
        Ok(added)
    }

    /// The 32-bit number at `place` of the block.
    fn number(&self, place: usize, endianness: Endianness) -> usize {
        let bytes = self.block[place..].first_chunk().copied().unwrap_or_default();
        let number = match endianness {
            Endianness::Big => u32::from_be_bytes(bytes),
            Endianness::Little => u32::from_le_bytes(bytes),
        };
        usize::try_from(number).unwrap_or(usize::MAX)
    }

    fn cut_off(&self) -> CaptureError {
        self.broken_by("the capture ends in the middle of a packet")
    }

    fn broken_by(&self, what: &str) -> CaptureError {
        CaptureError::Broken {
            offset: self.offset,
            what: what.to_owned(),
        }
    }

    pub(super) fn broken(&self, error: &PcapError) -> CaptureError {
        self.broken_by(&error.to_string())
    }
}
