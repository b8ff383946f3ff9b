//! A CAN interface of the Linux kernel.
//!
//! What the kernel does:
//!
//! - Each frame bears the time at which the kernel received it (`SO_TIMESTAMPNS`), taken with the wall clock.
//! - Frames wait in a queue of the socket; when it is full, new ones are dropped. Each frame bears the number of drops
//!   before it (`SO_RXQ_OVFL`), so a gap is told where it is; drops behind the last frame are found when the queue is
//!   empty (`SO_MEMINFO`). Both become [`LinkEvent::FramesLost`].
//! - Controllers report their condition as error frames, which become [`LinkEvent::Bus`].
//! - A socket does not receive its own frames.
//! - An interface that is set down, or vanishes, makes the next call fail (`ENETDOWN`, `ENODEV`), once.
//! - A controller whose frames nobody acknowledges keeps them until its queue is full (`ENOBUFS`).

use std::collections::VecDeque;
use std::io::{self, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd};
use std::thread;
use std::time::{Duration, SystemTime};

use embedded_can::{ExtendedId, Frame as _, Id, StandardId};
use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt};
use nix::sys::time::TimeSpec;
use socketcan::{CanAddr, CanError, CanErrorFrame, CanRemoteFrame, CanSocket, Socket, SocketOptions};

use super::clock::{BusClock, wall_clock_resolution};
use super::{Link, LinkDescription, LinkError, LinkEvent, Received};
use crate::engine::ClockSource;
use crate::time::Instant;
use crate::wire::BusFrame;
use crate::wire::can::{CanFrame, CanId, CanKind};

/// How long a send may wait for room in the queue of the controller: at 125 kbit/s ten frames take 11 ms.
const SEND_TIMEOUT: Duration = Duration::from_secs(1);
/// How often a full queue is tried again.
const SEND_RETRY: Duration = Duration::from_millis(1);
/// An interface that is deleted goes down first; so long is waited to see which of both it is.
const DOWN_OR_GONE: Duration = Duration::from_millis(100);
/// The receive queue that is asked for; the kernel grants at most `net.core.rmem_max`.
const QUEUE_BYTES: usize = 4 << 20;
/// Size of `struct can_frame` (linux/can.h): identifier with flags, length, three bytes, eight bytes of data.
const CAN_MTU: usize = 16;
/// `ARPHRD_CAN` (linux/if_arp.h): the type of CAN interfaces in /sys/class/net/NAME/type.
const ARPHRD_CAN: &str = "280";
/// Index of the drop counter in what `SO_MEMINFO` gives (`SK_MEMINFO_DROPS`, linux/sock_diag.h).
const MEMINFO_DROPS: usize = 8;

/// A CAN interface as a bus.
#[derive(Debug)]
pub struct SocketCan {
    sender: CanSender,
    clock: BusClock,
    resolution: Duration,
    control: Vec<u8>,
    /// Drops so far, as the kernel counts them.
    drops: u32,
    waiting: VecDeque<Received>,
    /// Why the interface is of no use any more; asking again gives the same answer.
    broken: Option<Broken>,
}

/// What became of an interface in mid-run.
#[derive(Clone, Copy, Debug)]
enum Broken {
    Down,
    Gone,
}

impl SocketCan {
    /// Opens an interface. `bitrate` is that of the protocol, for the advice when it is not set up.
    ///
    /// # Errors
    /// [`LinkError::Missing`], [`LinkError::Down`], [`LinkError::Permission`], or [`LinkError::Other`] for an interface
    /// that is not CAN and for a kernel without CAN.
    pub fn open(interface: &str, bitrate: u32) -> Result<SocketCan, LinkError> {
        let address = CanAddr::from_iface(interface).map_err(|_| missing(interface, bitrate))?;
        let socket = CanSocket::open_addr(&address).map_err(|error| open_error(interface, &error))?;
        let other = |error: io::Error| other(interface, &error);
        // An interface that is down can be bound all the same; the kernel says so in the pending error of the socket.
        match socket.as_raw_socket().take_error().map_err(other)? {
            Some(error) if error.raw_os_error() == Some(libc::ENETDOWN) => return Err(down(interface, bitrate)),
            Some(error) => return Err(other(error)),
            None => {}
        }
        socket.set_recv_timestamp(true).map_err(other)?;
        socket.set_error_filter_accept_all().map_err(other)?;
        setsockopt(&socket, sockopt::RxqOvfl, &1).map_err(|error| other(error.into()))?;
        // More than the kernel grants is not an error, and neither is less: drops are counted.
        let _ = socket.as_raw_socket().set_recv_buffer_size(QUEUE_BYTES);
        socket.set_write_timeout(SEND_TIMEOUT).map_err(other)?;
        Ok(SocketCan {
            sender: CanSender {
                socket,
                interface: interface.to_string(),
                bitrate,
            },
            clock: BusClock::start(),
            resolution: wall_clock_resolution(),
            control: nix::cmsg_space!(TimeSpec, u32),
            drops: 0,
            waiting: VecDeque::new(),
            broken: None,
        })
    }

    /// A second handle of the same socket that only sends, for another thread. What it sends is not received here.
    ///
    /// # Errors
    /// The system has no file descriptor left.
    pub fn sender(&self) -> Result<CanSender, LinkError> {
        let socket = self.sender.socket.as_raw_socket().try_clone();
        let socket = socket.map_err(|error| other(&self.sender.interface, &error))?;
        Ok(CanSender {
            socket: CanSocket::from(std::os::fd::OwnedFd::from(socket)),
            interface: self.sender.interface.clone(),
            bitrate: self.sender.bitrate,
        })
    }

    fn check_alive(&self) -> Result<(), LinkError> {
        match self.broken {
            None => Ok(()),
            Some(Broken::Down) => Err(down(&self.sender.interface, self.sender.bitrate)),
            Some(Broken::Gone) => Err(gone(&self.sender.interface)),
        }
    }

    /// Takes one frame from the queue of the socket, if there is one.
    fn take(&mut self) -> Result<Option<Received>, Errno> {
        let mut bytes = [0; CAN_MTU];
        let mut parts = [IoSliceMut::new(&mut bytes)];
        let socket = self.sender.socket.as_raw_fd();
        let flags = MsgFlags::MSG_DONTWAIT;
        let message = match recvmsg::<()>(socket, &mut parts, Some(&mut self.control), flags) {
            Ok(message) => message,
            Err(Errno::EAGAIN) => return Ok(None),
            Err(error) => return Err(error),
        };
        let length = message.bytes;
        let (mut stamp, mut drops) = (None, self.drops);
        for control in message.cmsgs()? {
            match control {
                ControlMessageOwned::ScmTimestampns(time) => stamp = system_time(time),
                ControlMessageOwned::RxqOvfl(count) => drops = count,
                _ => {}
            }
        }
        let stamped = self.clock.stamped(stamp.unwrap_or_else(SystemTime::now));
        let lost = drops.wrapping_sub(self.drops);
        self.drops = drops;
        // What happened before the frame is told before it.
        if lost > 0 {
            let event = LinkEvent::FramesLost(Some(lost));
            self.waiting.push_back(Received::Event(stamped.at, event));
        }
        if let Some(jump) = stamped.jumped_back {
            let event = LinkEvent::ClockJumpedBack(jump);
            self.waiting.push_back(Received::Event(stamped.at, event));
        }
        let received = match parse_frame(&bytes[..length]) {
            Some(frame) if frame.kind == CanKind::Error => {
                Received::Event(stamped.at, LinkEvent::Bus(condition(&frame)))
            }
            Some(frame) => Received::Frame {
                at: stamped.at,
                until: stamped.at,
                frame: BusFrame::Can(frame),
            },
            // The kernel hands a classic socket nothing but classic frames; anything else is not made up into one.
            None => Received::Event(
                stamped.at,
                LinkEvent::Bus(format!("{length} bytes that are no CAN frame")),
            ),
        };
        self.waiting.push_back(received);
        Ok(self.waiting.pop_front())
    }

    /// How many frames were dropped behind the last one that was received.
    fn dropped_behind(&mut self) -> Option<u32> {
        let mut counters = [0; 4 * (MEMINFO_DROPS + 1)];
        let read = self
            .sender
            .socket
            .get_socket_option_bytes(libc::SOL_SOCKET, libc::SO_MEMINFO, &mut counters);
        if read.ok()? != counters.len() {
            return None;
        }
        let drops = u32::from_ne_bytes(counters[4 * MEMINFO_DROPS..].try_into().ok()?);
        let lost = drops.wrapping_sub(self.drops);
        self.drops = drops;
        (lost > 0).then_some(lost)
    }

    /// What an error of the kernel in mid-run means.
    fn failed(&mut self, error: Errno) -> LinkError {
        let interface = self.sender.interface.clone();
        self.broken = match error {
            Errno::ENETDOWN => {
                let deadline = std::time::Instant::now() + DOWN_OR_GONE;
                let exists = || CanAddr::from_iface(&interface).is_ok();
                while exists() && std::time::Instant::now() < deadline {
                    thread::sleep(SEND_RETRY);
                }
                Some(if exists() { Broken::Down } else { Broken::Gone })
            }
            Errno::ENODEV | Errno::ENXIO => Some(Broken::Gone),
            _ => None,
        };
        match self.check_alive() {
            Err(error) => error,
            Ok(()) => other(&interface, &error.into()),
        }
    }
}

impl Link for SocketCan {
    fn describe(&self) -> LinkDescription {
        LinkDescription {
            name: format!("can:{}", self.sender.interface),
            reference: false,
            clock: ClockSource::Kernel,
            resolution: self.resolution,
        }
    }

    fn now(&self) -> Instant {
        self.clock.now()
    }

    fn send(&mut self, frame: &BusFrame) -> Result<Instant, LinkError> {
        self.check_alive()?;
        match self.sender.try_send(frame, SEND_TIMEOUT) {
            Ok(Sent::Queued) => Ok(self.clock.now()),
            Ok(Sent::NobodyAcknowledges) => Err(LinkError::Other {
                name: self.sender.interface.clone(),
                reason: "its transmit queue stays full: nobody acknowledges the frames".to_string(),
                help: format!(
                    "is the battery on, are CAN-H and CAN-L right, both ends terminated with 120 ohm, and is the bit rate {} bit/s?",
                    self.sender.bitrate
                ),
            }),
            Err(SendError::System(error)) => Err(self.failed(error)),
            Err(SendError::Link(error)) => Err(error),
        }
    }

    fn receive(&mut self, until: Instant) -> Result<Received, LinkError> {
        loop {
            if let Some(received) = self.waiting.pop_front() {
                return Ok(received);
            }
            self.check_alive()?;
            match self.take() {
                Ok(Some(received)) => return Ok(received),
                Ok(None) => {}
                Err(Errno::EINTR) => continue,
                Err(error) => return Err(self.failed(error)),
            }
            let now = self.clock.now();
            if let Some(lost) = self.dropped_behind() {
                return Ok(Received::Event(now, LinkEvent::FramesLost(Some(lost))));
            }
            if now >= until {
                return Ok(Received::Nothing);
            }
            let mut wanted = [PollFd::new(self.sender.socket.as_fd(), PollFlags::POLLIN)];
            match ppoll(&mut wanted, Some(TimeSpec::from_duration(until.since(now))), None) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(error) => return Err(self.failed(error)),
            }
        }
    }
}

/// The sending half of a CAN interface.
#[derive(Debug)]
pub struct CanSender {
    socket: CanSocket,
    interface: String,
    bitrate: u32,
}

/// What became of a frame that was to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// The kernel has taken it.
    Queued,
    /// The queue of the controller stayed full, since nobody on the bus acknowledges frames; this one was not taken.
    NobodyAcknowledges,
}

enum SendError {
    System(Errno),
    Link(LinkError),
}

impl CanSender {
    /// Hands a frame to the kernel; waits for room in its queue for `patience` at most.
    ///
    /// # Errors
    /// The interface is down or gone, or the frame is none for CAN.
    pub fn send(&self, frame: &BusFrame, patience: Duration) -> Result<Sent, LinkError> {
        self.try_send(frame, patience).map_err(|error| match error {
            SendError::Link(error) => error,
            SendError::System(Errno::ENETDOWN) => down(&self.interface, self.bitrate),
            SendError::System(Errno::ENODEV | Errno::ENXIO) => gone(&self.interface),
            SendError::System(error) => other(&self.interface, &error.into()),
        })
    }

    fn try_send(&self, frame: &BusFrame, patience: Duration) -> Result<Sent, SendError> {
        let refuse = |reason: &str| LinkError::Other {
            name: self.interface.clone(),
            reason: reason.to_string(),
            help: "send classic CAN data or remote frames".to_string(),
        };
        let BusFrame::Can(frame) = frame else {
            return Err(SendError::Link(refuse("serial bytes cannot be sent on CAN")));
        };
        let frame = kernel_frame(frame).ok_or_else(|| SendError::Link(refuse("an error report cannot be sent")))?;
        let deadline = std::time::Instant::now() + patience;
        loop {
            let error = match self.socket.write_frame(&frame) {
                Ok(()) => return Ok(Sent::Queued),
                Err(error) => error,
            };
            match error.raw_os_error().map(Errno::from_raw) {
                Some(Errno::EINTR) => {}
                Some(Errno::ENOBUFS | Errno::EAGAIN) if std::time::Instant::now() < deadline => {
                    thread::sleep(SEND_RETRY);
                }
                Some(Errno::ENOBUFS | Errno::EAGAIN) => return Ok(Sent::NobodyAcknowledges),
                Some(errno) => return Err(SendError::System(errno)),
                None => return Err(SendError::Link(other(&self.interface, &error))),
            }
        }
    }
}

/// The frame as the kernel takes it; `None` for an error report.
fn kernel_frame(frame: &CanFrame) -> Option<socketcan::CanFrame> {
    let id = match frame.id {
        CanId::Standard(id) => Id::Standard(StandardId::new(id)?),
        CanId::Extended(id) => Id::Extended(ExtendedId::new(id)?),
    };
    match frame.kind {
        CanKind::Data => socketcan::CanFrame::new(id, frame.payload()),
        CanKind::Remote => CanRemoteFrame::new_remote(id, frame.length()).map(socketcan::CanFrame::from),
        CanKind::Error => None,
    }
}

/// Reads a `struct can_frame` (linux/can.h); `None` for any other length.
fn parse_frame(bytes: &[u8]) -> Option<CanFrame> {
    let bytes: &[u8; CAN_MTU] = bytes.try_into().ok()?;
    let (word, rest) = bytes.split_first_chunk::<4>()?;
    let word = u32::from_ne_bytes(*word);
    let (length, data) = (rest[0], rest.get(4..)?);
    if word & libc::CAN_ERR_FLAG != 0 {
        return Some(CanFrame::error(word & libc::CAN_ERR_MASK, data.try_into().ok()?));
    }
    let id = if word & libc::CAN_EFF_FLAG != 0 {
        CanId::extended(word & libc::CAN_EFF_MASK)?
    } else {
        CanId::standard(word & libc::CAN_SFF_MASK)?
    };
    if word & libc::CAN_RTR_FLAG != 0 {
        CanFrame::remote(id, length)
    } else {
        CanFrame::data(id, data.get(..usize::from(length))?)
    }
}

/// What an error report of the controller says, in words.
pub(crate) fn condition(frame: &CanFrame) -> String {
    match CanErrorFrame::new_error(frame.id.number(), frame.payload()) {
        Ok(report) => CanError::from(report).to_string(),
        Err(_) => format!("an error report that cannot be read: {frame}"),
    }
}

fn system_time(time: TimeSpec) -> Option<SystemTime> {
    let seconds = u64::try_from(time.tv_sec()).ok()?;
    let nanos = u32::try_from(time.tv_nsec()).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::new(seconds, nanos))
}

fn missing(interface: &str, bitrate: u32) -> LinkError {
    let present = interfaces();
    LinkError::Missing {
        name: interface.to_string(),
        help: if present.is_empty() {
            format!(
                "no CAN interface is present; plug an adapter in, then {}",
                set_up(interface, bitrate)
            )
        } else {
            format!("CAN interfaces here: {}", present.join(", "))
        },
    }
}

fn down(interface: &str, bitrate: u32) -> LinkError {
    LinkError::Down {
        name: interface.to_string(),
        help: set_up(interface, bitrate),
    }
}

fn gone(interface: &str) -> LinkError {
    LinkError::Gone {
        name: interface.to_string(),
        reason: "the interface was removed".to_string(),
        help: "was the adapter unplugged?".to_string(),
    }
}

fn other(interface: &str, error: &io::Error) -> LinkError {
    LinkError::Other {
        name: interface.to_string(),
        reason: error.to_string(),
        help: format!("`ip -details link show {interface}` tells its state"),
    }
}

/// The command that sets an interface up.
fn set_up(interface: &str, bitrate: u32) -> String {
    if interface.starts_with("vcan") {
        format!("`ip link add dev {interface} type vcan`, `ip link set {interface} up`")
    } else {
        format!("`ip link set {interface} up type can bitrate {bitrate}`")
    }
}

fn open_error(interface: &str, error: &io::Error) -> LinkError {
    let name = interface.to_string();
    match error.raw_os_error().map(Errno::from_raw) {
        // The name exists, but the kernel does not take it for CAN.
        Some(Errno::ENODEV) => LinkError::Other {
            name,
            reason: "it is no CAN interface".to_string(),
            help: match &interfaces()[..] {
                [] => "no CAN interface is present".to_string(),
                present => format!("CAN interfaces here: {}", present.join(", ")),
            },
        },
        Some(Errno::EAFNOSUPPORT | Errno::EPROTONOSUPPORT | Errno::ESOCKTNOSUPPORT) => LinkError::Other {
            name,
            reason: "this kernel has no CAN".to_string(),
            help: "`modprobe can-raw`".to_string(),
        },
        Some(Errno::EPERM | Errno::EACCES) => LinkError::Permission {
            name,
            help: "CAN sockets need no privileges by themselves; a container or a security policy forbids them here"
                .to_string(),
        },
        _ => other(interface, error),
    }
}

/// The CAN interfaces of this machine, sorted.
fn interfaces() -> Vec<String> {
    let is_can = |name: &String| {
        std::fs::read_to_string(format!("/sys/class/net/{name}/type")).is_ok_and(|kind| kind.trim() == ARPHRD_CAN)
    };
    let mut names: Vec<String> = std::fs::read_dir("/sys/class/net")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(is_can)
        .collect();
    names.sort_unstable();
    names
}

#[cfg(test)]
mod tests {
    use socketcan::Frame as _;

    use super::*;

    fn raw(word: u32, length: u8, data: [u8; 8]) -> [u8; CAN_MTU] {
        let mut bytes = [0xA5; CAN_MTU];
        bytes[..4].copy_from_slice(&word.to_ne_bytes());
        bytes[4] = length;
        bytes[8..].copy_from_slice(&data);
        bytes
    }

    #[test]
    fn frames_of_the_kernel_keep_id_format_kind_and_length() {
        let data = [1, 2, 3, 4, 5, 6, 7, 8];
        for (word, length, text) in [
            (0x351, 8, "351#0102030405060708"),
            (0x351, 2, "351#0102"),
            (0x8000_0351, 0, "00000351#"),
            (0x9FFF_FFFF, 1, "1FFFFFFF#01"),
            (0x4000_0305, 8, "305#R8"),
            (0xC000_0305, 0, "00000305#R"),
            (0x2000_0004, 8, "20000004#0102030405060708"),
        ] {
            assert_eq!(parse_frame(&raw(word, length, data)).unwrap().to_string(), text);
        }
        assert!(parse_frame(&raw(0x351, 9, data)).is_none());
        assert!(parse_frame(&[0; 15]).is_none() && parse_frame(&[0; 72]).is_none());
    }

    #[test]
    fn frames_reach_the_kernel_as_they_are() {
        let id = CanId::Extended(0x351);
        for frame in [
            CanFrame::data(id, &[1, 2, 3]).unwrap(),
            CanFrame::data(CanId::Standard(0x7FF), &[0; 8]).unwrap(),
            CanFrame::remote(CanId::Standard(0x305), 5).unwrap(),
            CanFrame::remote(id, 0).unwrap(),
        ] {
            let sent = kernel_frame(&frame).unwrap();
            let word = sent.id_word();
            let mut data = [0; 8];
            data[..sent.data().len()].copy_from_slice(sent.data());
            assert_eq!(parse_frame(&raw(word, sent.dlc() as u8, data)), Some(frame));
        }
        assert!(kernel_frame(&CanFrame::error(4, [0; 8])).is_none());
    }

    #[test]
    fn error_reports_are_put_into_words() {
        // Class 0x40: bus off; class 0x04 with 0x20 in byte 1: transmitter is error passive (linux/can/error.h).
        assert!(
            condition(&CanFrame::error(0x40, [0; 8]))
                .to_lowercase()
                .contains("bus off")
        );
        let passive = condition(&CanFrame::error(0x04, [0, 0x20, 0, 0, 0, 0, 0, 0]));
        assert!(passive.to_lowercase().contains("passive"), "{passive}");
    }

    #[test]
    fn a_missing_interface_is_told_with_what_to_do() {
        let error = SocketCan::open("can77", 250_000).unwrap_err();
        assert_eq!(error.to_string(), "`can77` does not exist");
        let LinkError::Missing { help, .. } = error else {
            panic!("{error:?}")
        };
        assert!(
            help.contains("bitrate 250000") || help.contains("CAN interfaces here"),
            "{help}"
        );
        // Longer than any interface name, and with a zero byte.
        for name in ["an_interface_of_more_than_15", "can\0", ""] {
            assert!(
                matches!(SocketCan::open(name, 500_000), Err(LinkError::Missing { .. })),
                "{name}"
            );
        }
    }
}
