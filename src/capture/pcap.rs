//! pcap and pcapng with SocketCAN packets (LINKTYPE_CAN_SOCKETCAN, 227).
//!
//! A packet is the identifier word (high byte first, flags in its three highest bits), a length, flags of CAN FD, two
//! bytes that do not matter here, and the data. Structure and options are read by the crate `pcap-file`; this file cuts
//! the stream into packets, so that memory is bounded and one malformed block does not end the capture.

mod socketcan;
mod stream;

use std::io::BufRead;
use std::sync::Arc;

use pcap_file::pcap::PcapParser;
use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketOption;
use pcap_file::pcapng::blocks::interface_description::{InterfaceDescriptionBlock, InterfaceDescriptionOption};
use pcap_file::pcapng::{Block, PcapNgParser};
use pcap_file::{DataLink, TsResolution};

use self::stream::{BlockKind, Stream};
use super::error::packet_error;
use super::{CaptureError, Direction, Format, Record, RecordErrorKind, Timestamp};
use crate::wire::BusFrame;

/// More interfaces than any station has.
const MAX_INTERFACES: usize = 4096;

/// The format of a capture that begins with these bytes, if it is one of packets.
pub(super) fn format_of(head: &[u8]) -> Option<Format> {
    match head.first_chunk()? {
        [0x0A, 0x0D, 0x0D, 0x0A] => Some(Format::PcapNg),
        [0xA1, 0xB2, 0xC3, 0xD4] | [0xD4, 0xC3, 0xB2, 0xA1] | [0xA1, 0xB2, 0x3C, 0x4D] | [0x4D, 0x3C, 0xB2, 0xA1] => {
            Some(Format::Pcap)
        }
        _ => None,
    }
}

/// Reads records from packets.
pub struct PacketReader<R> {
    stream: Stream<R>,
    parser: Parsers,
    /// Packets so far.
    number: u64,
    failed: bool,
}

enum Parsers {
    Pcap(PcapParser),
    PcapNg {
        parser: PcapNgParser,
        interfaces: Vec<Option<Interface>>,
    },
}

/// What an interface description says.
struct Interface {
    name: Option<Arc<str>>,
    link: DataLink,
    /// Ticks per second of its time stamps; `None` when that is too large a number.
    ticks: Option<u128>,
    /// Seconds to add.
    offset: i64,
}

type Item = Result<Record, CaptureError>;

impl<R: BufRead> PacketReader<R> {
    /// A reader at the start of a capture of this format.
    ///
    /// # Errors
    /// [`CaptureError`] when the header is malformed, or the link type of a pcap is not SocketCAN.
    pub(super) fn new(reader: R, format: Format) -> Result<PacketReader<R>, CaptureError> {
        let mut stream = Stream::new(reader);
        let parser = if format == Format::PcapNg {
            stream.read_block(None)?;
            let (_, parser) = PcapNgParser::new(&stream.block).map_err(|error| stream.broken(&error))?;
            Parsers::PcapNg {
                parser,
                interfaces: Vec::new(),
            }
        } else {
            stream.read_header()?;
            let (_, parser) = PcapParser::new(&stream.block).map_err(|error| stream.broken(&error))?;
            let link = parser.header().datalink;
            if link != DataLink::CAN_SOCKETCAN {
                return Err(CaptureError::Unsupported {
                    what: format!("a pcap of link type {}", u32::from(link)),
                    hint: "only SocketCAN (227) is read",
                });
            }
            Parsers::Pcap(parser)
        };
        Ok(PacketReader {
            stream,
            parser,
            number: 0,
            failed: false,
        })
    }

    pub(super) fn format(&self) -> Format {
        match self.parser {
            Parsers::Pcap(_) => Format::Pcap,
            Parsers::PcapNg { .. } => Format::PcapNg,
        }
    }

    /// The next packet or block; `None` at the end, `Some(None)` for a block that is no packet.
    fn next_block(&mut self) -> Result<Option<Option<Item>>, CaptureError> {
        let (parser, interfaces) = match &mut self.parser {
            Parsers::Pcap(parser) => {
                if !self.stream.read_packet(parser.header().endianness)? {
                    return Ok(None);
                }
                self.number += 1;
                let (_, raw) = parser
                    .next_raw_packet(&self.stream.block)
                    .map_err(|error| self.stream.broken(&error))?;
                let per_second = match parser.header().ts_resolution {
                    TsResolution::MicroSecond => 1_000_000,
                    TsResolution::NanoSecond => 1_000_000_000,
                };
                let ticks = u128::from(raw.ts_sec) * per_second + u128::from(raw.ts_frac);
                let time = timestamp(ticks, Some(per_second), 0).map(Some);
                return Ok(Some(Some(record(self.number, time, None, None, &raw.data))));
            }
            Parsers::PcapNg { parser, interfaces } => (parser, interfaces),
        };
        let Some(kind) = self.stream.read_block(Some(parser.section().endianness))? else {
            return Ok(None);
        };
        self.number += u64::from(kind == BlockKind::Packet);
        let refused =
            |text: String, data: &[u8]| Some(Err(packet_error(self.number, data, RecordErrorKind::Packet(text))));
        if self.stream.block.is_empty() {
            let is_packet = kind == BlockKind::Packet;
            return Ok(Some(if is_packet {
                refused("the packet is too large".to_owned(), &[])
            } else {
                None
            }));
        }
        let block = match parser.next_block(&self.stream.block) {
            Ok((_, block)) => block,
            Err(error) if kind == BlockKind::Section => return Err(self.stream.broken(&error)),
            Err(error) => {
                if kind == BlockKind::Interface {
                    // Its number must not be given to the next one.
                    interfaces.push(None);
                }
                if kind != BlockKind::Packet {
                    let kind = RecordErrorKind::Packet(format!("the block before it: {error}"));
                    return Ok(Some(Some(Err(packet_error(self.number + 1, &self.stream.block, kind)))));
                }
                return Ok(Some(refused(error.to_string(), &self.stream.block)));
            }
        };
        let item = match block {
            Block::SectionHeader(_) => {
                interfaces.clear();
                None
            }
            Block::InterfaceDescription(description) => {
                interfaces.push(Some(Interface::new(&description)));
                None
            }
            Block::EnhancedPacket(packet) => {
                let interface = usize::try_from(packet.interface_id)
                    .ok()
                    .and_then(|id| interfaces.get(id));
                // The crate gives the raw count of ticks as nanoseconds.
                Some(record_on(
                    self.number,
                    interface,
                    Some(packet.timestamp.as_nanos()),
                    &packet.options,
                    &packet.data,
                ))
            }
            Block::SimplePacket(packet) => {
                let length = packet
                    .data
                    .len()
                    .min(usize::try_from(packet.original_len).unwrap_or(usize::MAX));
                Some(record_on(
                    self.number,
                    interfaces.first(),
                    None,
                    &[],
                    &packet.data[..length],
                ))
            }
            Block::Packet(packet) => refused("the obsolete packet block is not read".to_owned(), &packet.data),
            _ => None,
        };
        if interfaces.len() > MAX_INTERFACES {
            return Err(CaptureError::Broken {
                offset: self.stream.offset,
                what: "too many interfaces".to_owned(),
            });
        }
        Ok(Some(item))
    }
}

impl<R: BufRead> Iterator for PacketReader<R> {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        while !self.failed {
            match self.next_block() {
                Ok(Some(Some(item))) => return Some(item),
                Ok(Some(None)) => {}
                Ok(None) => return None,
                Err(error) => {
                    self.failed = true;
                    return Some(Err(error));
                }
            }
        }
        None
    }
}

impl Interface {
    fn new(description: &InterfaceDescriptionBlock<'_>) -> Interface {
        let mut interface = Interface {
            name: None,
            link: description.linktype,
            ticks: Some(1_000_000),
            offset: 0,
        };
        for option in &description.options {
            match option {
                InterfaceDescriptionOption::IfName(name) => interface.name = Some(Arc::from(&**name)),
                InterfaceDescriptionOption::IfTsResol(resolution) => {
                    let base: u128 = if resolution & 0x80 == 0 { 10 } else { 2 };
                    interface.ticks = base.checked_pow(u32::from(resolution & 0x7F));
                }
                // The option is a signed number; the crate gives its bits.
                InterfaceDescriptionOption::IfTsOffset(seconds) => interface.offset = seconds.cast_signed(),
                _ => {}
            }
        }
        interface
    }
}

/// The record of a pcapng packet; `interface` is `None` when there is no such number.
fn record_on(
    number: u64,
    interface: Option<&Option<Interface>>,
    ticks: Option<u128>,
    options: &[EnhancedPacketOption<'_>],
    data: &[u8],
) -> Item {
    let Some(Some(interface)) = interface else {
        let text = "the packet's interface is not described".to_owned();
        return Err(packet_error(number, data, RecordErrorKind::Packet(text)));
    };
    if interface.link != DataLink::CAN_SOCKETCAN {
        return Err(packet_error(
            number,
            data,
            RecordErrorKind::LinkType(interface.link.into()),
        ));
    }
    let direction = options.iter().find_map(|option| match option {
        EnhancedPacketOption::Flags(flags) => match flags & 3 {
            1 => Some(Direction::Received),
            2 => Some(Direction::Sent),
            _ => None,
        },
        _ => None,
    });
    let time = ticks
        .map(|ticks| timestamp(ticks, interface.ticks, interface.offset))
        .transpose();
    record(number, time, interface.name.clone(), direction, data)
}

fn record(
    line: u64,
    time: Result<Option<Timestamp>, RecordErrorKind>,
    interface: Option<Arc<str>>,
    direction: Option<Direction>,
    data: &[u8],
) -> Item {
    let parts = time.and_then(|time| Ok((time, socketcan::parse(data)?)));
    let (time, frame) = parts.map_err(|kind| packet_error(line, data, kind))?;
    Ok(Record {
        line,
        time,
        interface,
        direction,
        frame: BusFrame::Can(frame),
    })
}

/// The time `ticks` after the capture's zero, cut to microseconds.
fn timestamp(ticks: u128, per_second: Option<u128>, offset: i64) -> Result<Timestamp, RecordErrorKind> {
    let micros = || {
        let whole = ticks.checked_mul(1_000_000)? / per_second?;
        let micros = i128::try_from(whole)
            .ok()?
            .checked_add(i128::from(offset) * 1_000_000)?;
        u64::try_from(micros).ok()
    };
    match micros() {
        Some(micros) => Ok(Timestamp::from_micros(micros)),
        None => Err(RecordErrorKind::Packet("the time stamp is out of range".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture;
    use crate::capture::pcap::stream::MAX_BLOCK;
    use pcap_file::Endianness;
    use pcap_file::pcap::{PcapHeader, PcapPacket, PcapWriter};
    use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketBlock;
    use pcap_file::pcapng::blocks::section_header::SectionHeaderBlock;
    use pcap_file::pcapng::blocks::simple_packet::SimplePacketBlock;
    use pcap_file::pcapng::{PcapNgBlock, PcapNgWriter};
    use proptest::prelude::*;
    use std::borrow::Cow;
    use std::time::Duration;

    const LIMITS: [u8; 16] = [
        0, 0, 0x03, 0x51, 8, 0, 0, 0, 0x40, 0x02, 0xD0, 0x07, 0xF0, 0x0A, 0xC0, 0x01,
    ];

    fn shown(capture: &[u8]) -> Vec<String> {
        capture::open(capture)
            .unwrap()
            .map(|item| match item {
                Ok(record) => {
                    let time = record.time.map_or("-".to_owned(), |time| time.to_string());
                    let interface = record.interface.as_deref().unwrap_or("-");
                    format!(
                        "{} {time} {interface} {:?} {}",
                        record.line, record.direction, record.frame
                    )
                }
                Err(error) => error.to_string(),
            })
            .collect()
    }

    fn pcap(endianness: Endianness, ts_resolution: TsResolution, packets: &[&[u8]]) -> Vec<u8> {
        let header = PcapHeader {
            datalink: DataLink::CAN_SOCKETCAN,
            endianness,
            ts_resolution,
            ..PcapHeader::default()
        };
        let mut writer = PcapWriter::with_header(Vec::new(), header).unwrap();
        for data in packets {
            let time = Duration::new(1_700_000_000, 123_456_789);
            writer
                .write_packet(&PcapPacket::new(time, data.len() as u32, data))
                .unwrap();
        }
        writer.into_writer()
    }

    fn interface(options: Vec<InterfaceDescriptionOption<'static>>) -> Block<'static> {
        InterfaceDescriptionBlock {
            linktype: DataLink::CAN_SOCKETCAN,
            snaplen: 0,
            options,
        }
        .into_block()
    }

    fn packet(interface_id: u32, ticks: u64, flags: Option<u32>, data: &[u8]) -> Block<'_> {
        EnhancedPacketBlock {
            interface_id,
            timestamp: Duration::from_nanos(ticks),
            original_len: data.len() as u32,
            data: Cow::Borrowed(data),
            options: flags.map(EnhancedPacketOption::Flags).into_iter().collect(),
        }
        .into_block()
    }

    fn pcapng(endianness: Endianness, blocks: &[Block<'_>]) -> Vec<u8> {
        let section = SectionHeaderBlock {
            endianness,
            ..SectionHeaderBlock::default()
        };
        let mut writer = PcapNgWriter::with_section_header(Vec::new(), section).unwrap();
        for block in blocks {
            writer.write_block(block).unwrap();
        }
        writer.into_inner()
    }

    #[test]
    fn pcap_is_read_in_both_byte_orders_and_resolutions() {
        for endianness in [Endianness::Big, Endianness::Little] {
            for resolution in [TsResolution::MicroSecond, TsResolution::NanoSecond] {
                let capture = pcap(endianness, resolution, &[&LIMITS, &LIMITS]);
                assert_eq!(
                    shown(&capture),
                    [
                        "1 1700000000.123456 - None 351#4002D007F00AC001",
                        "2 1700000000.123456 - None 351#4002D007F00AC001"
                    ]
                );
                assert_eq!(capture::open(&capture[..]).unwrap().format(), Format::Pcap);
            }
        }
    }

    #[test]
    fn pcapng_tells_interface_time_and_direction() {
        let name = |name: &'static str| InterfaceDescriptionOption::IfName(Cow::Borrowed(name));
        let blocks = [
            interface(vec![name("can0")]),
            interface(vec![name("can1"), InterfaceDescriptionOption::IfTsResol(9)]),
            interface(vec![
                InterfaceDescriptionOption::IfTsResol(0x80 | 10),
                InterfaceDescriptionOption::IfTsOffset(100),
            ]),
            packet(0, 1_700_000_000_123_456, Some(1), &LIMITS),
            packet(1, 1_700_000_000_123_456_789, Some(2), &LIMITS),
            packet(2, 1536, None, &LIMITS),
            SimplePacketBlock {
                original_len: 16,
                data: Cow::Borrowed(&LIMITS),
            }
            .into_block(),
        ];
        for endianness in [Endianness::Big, Endianness::Little] {
            let capture = pcapng(endianness, &blocks);
            assert_eq!(
                shown(&capture),
                [
                    "1 1700000000.123456 can0 Some(Received) 351#4002D007F00AC001",
                    "2 1700000000.123456 can1 Some(Sent) 351#4002D007F00AC001",
                    "3 101.500000 - None 351#4002D007F00AC001",
                    "4 - can0 None 351#4002D007F00AC001",
                ]
            );
            assert_eq!(capture::open(&capture[..]).unwrap().format(), Format::PcapNg);
        }
    }

    #[test]
    fn sections_begin_anew() {
        let mut capture = pcapng(Endianness::Big, &[interface(vec![]), packet(0, 1, None, &LIMITS)]);
        let mut second = pcapng(Endianness::Little, &[interface(vec![]), packet(0, 1, None, &LIMITS)]);
        second.drain(28..48); // the description of the interface
        capture.extend(second);
        assert_eq!(
            shown(&capture),
            [
                "1 0.000001 - None 351#4002D007F00AC001",
                "packet 2: the packet's interface is not described"
            ]
        );
    }

    #[test]
    fn other_link_types_are_refused() {
        let mut capture = pcap(Endianness::Little, TsResolution::MicroSecond, &[]);
        capture[20] = 1;
        let error = capture::open(&capture[..]).err().unwrap();
        assert_eq!(
            error.to_string(),
            "this is a pcap of link type 1; only SocketCAN (227) is read"
        );
        let ethernet = InterfaceDescriptionBlock::new(DataLink::ETHERNET, 0).into_block();
        let capture = pcapng(Endianness::Little, &[ethernet, packet(0, 1, None, &LIMITS)]);
        assert_eq!(shown(&capture), ["packet 1: link type 1 is not SocketCAN (227)"]);
    }

    #[test]
    fn a_malformed_block_does_not_end_the_capture() {
        // The crate refuses this option for its length of 4, which is the one the specification gives.
        let zone = InterfaceDescriptionOption::IfTzone(0);
        let mut wrong = packet(1, 2, None, &LIMITS);
        if let Block::EnhancedPacket(wrong) = &mut wrong {
            wrong.options = vec![EnhancedPacketOption::Comment(Cow::Borrowed("1234"))];
        }
        let mut capture = pcapng(
            Endianness::Little,
            &[
                interface(vec![zone]),
                interface(vec![]),
                packet(0, 1, None, &LIMITS),
                wrong,
                packet(1, 3, None, &LIMITS),
            ],
        );
        let comment = capture.windows(4).position(|window| window == b"1234").unwrap();
        capture[comment] = 0xFF;
        assert_eq!(
            shown(&capture),
            [
                "packet 1: the block before it: Invalid field value: InterfaceDescriptionOption: IfTzone length != 1",
                "packet 1: the packet's interface is not described",
                "packet 2: UTF8 error",
                "3 0.000003 - None 351#4002D007F00AC001",
            ]
        );
    }

    #[test]
    fn a_large_block_is_skipped_in_bounded_memory() {
        let mut capture = pcapng(Endianness::Little, &[interface(vec![])]);
        for kind in [6_u32, 0x0BAD] {
            let length = MAX_BLOCK as u32 + 4;
            capture.extend(kind.to_le_bytes());
            capture.extend(length.to_le_bytes());
            capture.resize(capture.len() + length as usize - 12, 0);
            capture.extend(length.to_le_bytes());
        }
        capture.extend(&pcapng(
            Endianness::Little,
            &[interface(vec![]), packet(0, 1, None, &LIMITS)],
        ));
        assert_eq!(
            shown(&capture),
            [
                "packet 1: the packet is too large",
                "2 0.000001 - None 351#4002D007F00AC001"
            ]
        );
    }

    #[test]
    fn a_capture_that_is_cut_off_says_where() {
        let whole = pcap(Endianness::Little, TsResolution::MicroSecond, &[&LIMITS, &LIMITS]);
        let shown = shown(&whole[..whole.len() - 1]);
        assert_eq!(shown[1], "byte 87: the capture ends in the middle of a packet");
        let ng = pcapng(Endianness::Little, &[interface(vec![]), packet(0, 1, None, &LIMITS)]);
        for length in 12..ng.len() {
            let fatal = capture::open(&ng[..length]).map(|reader| reader.filter_map(Result::err).count());
            let at_a_border = matches!(fatal, Ok(0)) && length < ng.len();
            assert!(!at_a_border || length == 28 || length == 48, "{length}: {fatal:?}");
        }
    }

    #[test]
    fn times_out_of_range_are_refused() {
        assert!(timestamp(u128::MAX, Some(1_000_000), 0).is_err());
        assert!(timestamp(1, None, 0).is_err());
        assert!(timestamp(1, Some(1), -2).is_err());
        assert_eq!(timestamp(1, Some(1), -1), Ok(Timestamp::from_micros(0)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_to_the_end(
            blocks in 0_usize..4,
            endianness in any::<bool>(),
            changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..6),
            cut in any::<proptest::sample::Index>(),
        ) {
            let endianness = if endianness { Endianness::Big } else { Endianness::Little };
            let packets = vec![&LIMITS[..]; blocks];
            let name = InterfaceDescriptionOption::IfName(Cow::Borrowed("can0"));
            let ng = std::iter::once(interface(vec![name])).chain((0..blocks as u64).map(|time| packet(0, time, Some(1), &LIMITS)));
            for mut capture in [
                pcap(endianness, TsResolution::MicroSecond, &packets),
                pcapng(endianness, &ng.clone().collect::<Vec<_>>()),
            ] {
                for (place, byte) in &changes {
                    let place = place.index(capture.len());
                    capture[place] = *byte;
                }
                capture.truncate(cut.index(capture.len()) + 1);
                if let Ok(reader) = capture::open(&capture[..]) {
                    prop_assert!(reader.count() <= capture.len());
                }
            }
        }
    }
}
