//! The ASCII frame of the Pylon family (sheet pylon-rs485, "Common frame", A).
//!
//! | characters | field |
//! |---|---|
//! | 0 | `~`, raw |
//! | 1-2 | VER |
//! | 3-4 | ADR |
//! | 5-6 | CID1 |
//! | 7-8 | CID2 of a request, RTN of a reply |
//! | 9-12 | LENGTH: high nibble LCHKSUM, low twelve bits LENID |
//! | 13.. | INFO, LENID characters |
//! | then 4 | CHKSUM |
//! | last | carriage return, raw |
//!
//! Every byte between the two raw ones is sent as two hexadecimal characters, high nibble first.

use core::ops::Range;
use core::time::Duration;

use crate::time::Instant;

const START: u8 = b'~';
const END: u8 = b'\r';

mod field {
    use super::Range;

    pub(super) const VER: Range<usize> = 0..2;
    pub(super) const ADR: Range<usize> = 2..4;
    pub(super) const CID1: Range<usize> = 4..6;
    pub(super) const CID2: Range<usize> = 6..8;
    pub(super) const LENGTH: Range<usize> = 8..12;
    /// Where INFO begins.
    pub(super) const INFO: usize = 12;
    /// CHKSUM, counted from the end.
    pub(super) const CHKSUM: usize = 4;
}

/// The text of a received frame between `~` and carriage return, with at least a header and a checksum.
///
/// Offsets of [`field`] count from the character after `~`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AsciiFrame<'a> {
    text: &'a [u8],
}

impl<'a> AsciiFrame<'a> {
    /// Looks at a text as a frame; `None` when it is too short or its header is not hexadecimal.
    pub(crate) fn new_checked(text: &'a [u8]) -> Option<AsciiFrame<'a>> {
        let header_is_hex = text.get(..field::INFO)?.iter().all(u8::is_ascii_hexdigit);
        (header_is_hex && text.len() >= field::INFO + field::CHKSUM).then_some(AsciiFrame { text })
    }

    pub(crate) fn ver(&self) -> u8 {
        self.header_byte(field::VER)
    }

    pub(crate) fn adr(&self) -> u8 {
        self.header_byte(field::ADR)
    }

    pub(crate) fn cid1(&self) -> u8 {
        self.header_byte(field::CID1)
    }

    pub(crate) fn cid2(&self) -> u8 {
        self.header_byte(field::CID2)
    }

    /// LENID: the number of INFO characters that the frame announces.
    pub(crate) fn lenid(&self) -> usize {
        usize::from(self.length() & 0x0FFF)
    }

    /// Whether LCHKSUM fits LENID.
    pub(crate) fn lchksum_is_right(&self) -> bool {
        self.length() == length_field(self.length() & 0x0FFF)
    }

    /// Whether CHKSUM fits the characters before it, as they were sent.
    pub(crate) fn chksum_is_right(&self) -> bool {
        let (body, sent) = self.text.split_at(self.text.len() - field::CHKSUM);
        hex_word(sent) == Some(chksum(body))
    }

    /// The INFO characters that are really there.
    pub(crate) fn info_text(&self) -> &'a [u8] {
        &self.text[field::INFO..self.text.len() - field::CHKSUM]
    }

    fn length(&self) -> u16 {
        hex_word(&self.text[field::LENGTH]).unwrap_or(0)
    }

    fn header_byte(&self, at: Range<usize>) -> u8 {
        hex_byte(&self.text[at]).unwrap_or(0)
    }
}

/// INFO as bytes; `None` when a character is no hexadecimal digit or the last byte is cut in half.
pub(crate) fn info_bytes(text: &[u8]) -> Option<impl Iterator<Item = u8>> {
    let whole = text.len().is_multiple_of(2) && text.iter().all(u8::is_ascii_hexdigit);
    whole.then(|| text.chunks_exact(2).filter_map(hex_byte))
}

/// LENGTH for a LENID: the nibble LCHKSUM makes the sum of all four nibbles a multiple of 16.
fn length_field(lenid: u16) -> u16 {
    let sum = (lenid >> 8 & 0xF) + (lenid >> 4 & 0xF) + (lenid & 0xF);
    // The outer mask: a sum that is a multiple of 16 gives 0, not 16.
    ((16 - sum % 16) % 16) << 12 | lenid & 0x0FFF
}

/// CHKSUM over characters: the sum of all of them and CHKSUM is a multiple of 65536.
fn chksum(characters: &[u8]) -> u16 {
    characters
        .iter()
        .fold(0u16, |sum, character| sum.wrapping_add(u16::from(*character)))
        .wrapping_neg()
}

fn hex_digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'A'..=b'F' => Some(character - b'A' + 10),
        b'a'..=b'f' => Some(character - b'a' + 10),
        _ => None,
    }
}

fn hex_byte(characters: &[u8]) -> Option<u8> {
    let &[high, low] = characters else { return None };
    Some(hex_digit(high)? << 4 | hex_digit(low)?)
}

fn hex_word(characters: &[u8]) -> Option<u16> {
    let (high, low) = characters.split_at_checked(2)?;
    Some(u16::from_be_bytes([hex_byte(high)?, hex_byte(low)?]))
}

/// A frame to be sent, of at most `N` characters.
#[derive(Clone, Debug)]
pub(crate) struct FrameBuffer<const N: usize> {
    text: [u8; N],
    length: usize,
}

impl<const N: usize> FrameBuffer<N> {
    pub(crate) const fn new() -> FrameBuffer<N> {
        FrameBuffer {
            text: [0; N],
            length: 0,
        }
    }

    /// Begins a frame; INFO bytes may follow.
    pub(crate) fn begin(&mut self, ver: u8, adr: u8, cid1: u8, rtn: u8) {
        self.length = 0;
        self.push_raw(START);
        self.push_bytes(&[ver, adr, cid1, rtn]);
        // LENGTH is known only when INFO is complete.
        self.push_bytes(&[0, 0]);
    }

    /// Appends INFO bytes.
    pub(crate) fn push_bytes(&mut self, bytes: &[u8]) {
        const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
        for byte in bytes {
            self.push_raw(DIGITS[usize::from(byte >> 4)]);
            self.push_raw(DIGITS[usize::from(byte & 0xF)]);
        }
    }

    /// Fills in LENGTH, appends CHKSUM and the carriage return.
    pub(crate) fn finish(&mut self) {
        let end = self.length;
        let info = end.saturating_sub(1 + field::INFO);
        self.length = 1 + field::LENGTH.start;
        // LENID has twelve bits; no buffer here holds so much.
        self.push_bytes(&length_field(u16::try_from(info).unwrap_or(0x0FFF)).to_be_bytes());
        self.length = end;
        let chksum = chksum(&self.text[1..end]);
        self.push_bytes(&chksum.to_be_bytes());
        self.push_raw(END);
    }

    /// The frame as it goes on the line.
    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.text[..self.length]
    }

    fn push_raw(&mut self, character: u8) {
        debug_assert!(self.length < N, "a reply of more than {N} characters");
        if let Some(slot) = self.text.get_mut(self.length) {
            *slot = character;
            self.length += 1;
        }
    }
}

/// Cuts a stream into frames, however it arrives in pieces.
///
/// `~` always begins a frame, even in the middle of one; carriage return ends it; whatever is outside is dropped,
/// and so is a frame that is too long for any question or that stops for longer than the protocol allows.
#[derive(Clone, Debug)]
pub(crate) struct Deframer {
    text: [u8; Deframer::LONGEST],
    length: usize,
    state: State,
    last_byte: Instant,
    /// A partial frame is dropped after this silence.
    patience: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Waiting for `~`.
    Outside,
    /// Between `~` and carriage return.
    Inside,
}

impl Deframer {
    /// The longest question is 7E of PACE, which writes 128 bytes of memory, with 286 characters; a little more is
    /// taken in for tolerated extra INFO bytes.
    const LONGEST: usize = 320;
    /// One character at 9600 baud: ten bits.
    const CHARACTER: Duration = Duration::from_micros(1042);

    pub(crate) const fn new(patience: Duration) -> Deframer {
        Deframer {
            text: [0; Deframer::LONGEST],
            length: 0,
            state: State::Outside,
            last_byte: Instant::ZERO,
            patience,
        }
    }

    /// Drops what has been received of a frame.
    pub(crate) fn reset(&mut self) {
        self.state = State::Outside;
    }

    /// When the frame that has begun will be given up, if there is one.
    pub(crate) fn timeout(&self) -> Option<Instant> {
        (self.state == State::Inside).then(|| self.last_byte + self.patience)
    }

    /// Notes that `count` bytes have come, the last of them at `now`; drops a frame that had stopped before them.
    pub(crate) fn note_arrival(&mut self, now: Instant, count: usize) {
        // The silence ended when the first of these bytes began, not when the last of them was there.
        let first = now - Deframer::CHARACTER * u32::try_from(count).unwrap_or(u32::MAX);
        if self.timeout().is_some_and(|timeout| timeout <= first) {
            self.reset();
        }
        self.last_byte = now;
    }

    /// Takes in one byte; gives the text of a frame with its last one.
    pub(crate) fn push(&mut self, byte: u8) -> Option<&[u8]> {
        match (byte, self.state) {
            (START, _) => {
                self.length = 0;
                self.state = State::Inside;
                None
            }
            (END, State::Inside) => {
                self.state = State::Outside;
                Some(&self.text[..self.length])
            }
            (_, State::Outside) => None,
            (byte, State::Inside) => {
                match self.text.get_mut(self.length) {
                    Some(slot) => {
                        *slot = byte;
                        self.length += 1;
                    }
                    None => self.state = State::Outside,
                }
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::string::String;
    use std::vec::Vec;

    use super::*;

    fn frame(text: &str) -> AsciiFrame<'_> {
        AsciiFrame::new_checked(text.as_bytes()).expect("a frame")
    }

    /// Every frame that comes out of `bytes`, each given to the deframer alone, one millisecond apart.
    fn deframe(deframer: &mut Deframer, bytes: &[u8]) -> Vec<String> {
        bytes
            .iter()
            .filter_map(|byte| deframer.push(*byte).map(|text| String::from_utf8_lossy(text).into()))
            .collect()
    }

    #[test]
    fn a_question_is_taken_apart() {
        let question = frame("20024642E00202FD33");
        assert_eq!(
            (question.ver(), question.adr(), question.cid1(), question.cid2()),
            (0x20, 0x02, 0x46, 0x42)
        );
        assert_eq!((question.lenid(), question.info_text()), (2, &b"02"[..]));
        assert!(question.lchksum_is_right() && question.chksum_is_right());
    }

    #[test]
    fn checksums_are_told_apart() {
        assert!(!frame("20024642E00202FD34").chksum_is_right());
        let question = frame("20024642D00202FD34");
        assert!(question.chksum_is_right() && !question.lchksum_is_right());
        assert!(!frame("200246420000FDAx").chksum_is_right());
        // The sum runs over the characters as they were sent.
        let question = frame("20024642e00202FD13");
        assert!(question.chksum_is_right() && question.lchksum_is_right());
    }

    #[test]
    fn what_has_no_header_is_no_frame() {
        for text in [
            "",
            "2002",
            "200246420000",
            "200246420000FDA",
            "2002464x0000FDAC",
            "20024642-000FDAC",
        ] {
            assert!(AsciiFrame::new_checked(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn info_is_whole_bytes_of_hexadecimal() {
        let bytes = |text: &str| info_bytes(text.as_bytes()).map(Iterator::collect::<Vec<u8>>);
        assert_eq!(bytes(""), Some(Vec::new()));
        assert_eq!(bytes("02fF"), Some([0x02, 0xFF].to_vec()));
        assert_eq!(bytes("02F"), None);
        assert_eq!(bytes("0G"), None);
    }

    #[test]
    fn length_fields_of_the_sheet() {
        let fields = [
            (0x000, 0x0000),
            (0x002, 0xE002),
            (0x008, 0x8008),
            (0x012, 0xD012),
            (0x032, 0xB032),
            (0x062, 0x8062),
            (0x07E, 0xB07E),
            (0x0F0, 0x10F0),
            (0x1EC, 0x51EC),
            (0x222, 0xA222),
            // A sum of nibbles that is a multiple of 16 gives 0, not 10.
            (0x0E2, 0x00E2),
            (0x178, 0x0178),
            (0x2E0, 0x02E0),
        ];
        for (lenid, length) in fields {
            assert_eq!(length_field(lenid), length, "{lenid:03X}");
        }
    }

    #[test]
    fn checksum_of_the_worked_example() {
        assert_eq!(chksum(b"20024642E00202"), 0xFD33);
        assert_eq!(chksum(b""), 0);
        // Modulo 65536: 2340 times the character 0x1C is 65520, and 16 more make it whole.
        let mut long = std::vec![0x1C; 2340];
        long.push(0x10);
        assert_eq!(chksum(&long), 0);
    }

    #[test]
    fn a_frame_is_put_together() {
        let mut buffer = FrameBuffer::<32>::new();
        buffer.begin(0x20, 0x02, 0x46, 0x00);
        buffer.push_bytes(&[0, 0, 0, 0]);
        buffer.finish();
        assert_eq!(buffer.as_slice(), b"~20024600800800000000FC22\r");
        // A second frame leaves nothing of the first.
        buffer.begin(0x20, 0x02, 0x46, 0x04);
        buffer.finish();
        assert_eq!(buffer.as_slice(), b"~200246040000FDAE\r");
    }

    #[test]
    fn the_deframer_drops_what_is_outside() {
        let mut deframer = Deframer::new(Duration::from_millis(200));
        assert_eq!(deframe(&mut deframer, b"\0\xFF\r\n20~~2002~AB\r\n\r~C\r"), ["AB", "C"]);
        assert_eq!(deframer.timeout(), None);
    }

    #[test]
    fn an_overlong_frame_is_dropped_whole() {
        let mut deframer = Deframer::new(Duration::from_millis(200));
        let mut bytes = std::vec![b'0'; 10_000];
        bytes[0] = b'~';
        bytes.extend(b"\r~OK\r");
        assert_eq!(deframe(&mut deframer, &bytes), ["OK"]);
        let longest = [&b"~"[..], &[b'1'; Deframer::LONGEST], b"\r"].concat();
        assert_eq!(deframe(&mut deframer, &longest)[0].len(), Deframer::LONGEST);
    }

    #[test]
    fn a_frame_that_stops_is_given_up() {
        let at = Instant::from_millis;
        let mut deframer = Deframer::new(Duration::from_millis(200));
        deframer.note_arrival(at(1000), 3);
        assert!(deframe(&mut deframer, b"~20").is_empty());
        assert_eq!(deframer.timeout(), Some(at(1200)));
        // One byte that was complete 199 ms later, and one that began 200 ms later.
        deframer.note_arrival(at(1199), 1);
        assert!(deframe(&mut deframer, b"A").is_empty());
        deframer.note_arrival(at(1401), 1);
        assert!(deframe(&mut deframer, b"B\r").is_empty());
    }

    #[test]
    fn a_long_piece_does_not_time_out_by_its_own_length() {
        let at = Instant::from_millis;
        let mut deframer = Deframer::new(Duration::from_millis(200));
        deframer.note_arrival(at(0), 1);
        assert!(deframe(&mut deframer, b"~").is_empty());
        // 220 characters take 229 ms at 9600 baud; the silence before them was 31 ms.
        let piece = [&[b'0'; 219][..], b"\r"].concat();
        deframer.note_arrival(at(260), piece.len());
        assert_eq!(deframe(&mut deframer, &piece).len(), 1);
    }
}
