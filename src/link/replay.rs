//! A recorded capture as a bus: what was recorded comes again, at its times.
//!
//! Nothing can be sent to a recording. What it tells of the inverter's side (`TX`, `I>B`) is passed over, since a link
//! gives what comes from the battery; where it does not tell the sides apart, as candump does not, everything comes.
//! Records of one interface only are replayed: that of the first.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::socketcan::condition;
use super::{Link, LinkDescription, LinkError, LinkEvent, Received};
use crate::capture::{self, CaptureError, Direction, Reader, Record, Timestamp};
use crate::engine::ClockSource;
use crate::time::Instant;
use crate::wire::BusFrame;
use crate::wire::can::CanKind;

/// The resolution of a recording without times: nothing about time can be said.
const NO_TIMES: Duration = Duration::from_secs(86_400);

/// A recording as a bus. Its clock starts with the first record.
pub struct Replay<R> {
    records: Reader<R>,
    name: String,
    interface: Option<Arc<str>>,
    /// The stamp of the first record.
    start: Option<Timestamp>,
    now: Instant,
    /// The latest stamp so far, which later records cannot precede.
    latest: Option<Timestamp>,
    /// What comes next, with its time.
    next: VecDeque<(Instant, Item)>,
}

#[derive(Debug)]
enum Item {
    Frame(BusFrame),
    Event(LinkEvent),
}

impl Replay<BufReader<File>> {
    /// Opens a capture file; its format is found by content.
    ///
    /// # Errors
    /// [`LinkError::Missing`], [`LinkError::Permission`], or [`LinkError::Other`] for a file that is no capture or holds
    /// no record.
    pub fn open(path: &Path) -> Result<Replay<BufReader<File>>, LinkError> {
        let name = path.display().to_string();
        let file = File::open(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => LinkError::Missing {
                name: name.clone(),
                help: "give the path of a recording (candump, pcapng, serial lines)".to_string(),
            },
            std::io::ErrorKind::PermissionDenied => LinkError::Permission {
                name: name.clone(),
                help: "its owner can allow reading: `chmod a+r FILE`".to_string(),
            },
            _ => unreadable(&name, &error.to_string()),
        })?;
        Replay::new(&name, BufReader::new(file))
    }
}

impl<R: BufRead> Replay<R> {
    /// Starts a recording that is read from `reader`; `name` is for messages.
    ///
    /// # Errors
    /// [`LinkError::Other`] when it is no capture or holds no record.
    pub fn new(name: &str, reader: R) -> Result<Replay<R>, LinkError> {
        let records = capture::open(reader).map_err(|error| unreadable(name, &error.to_string()))?;
        let mut replay = Replay {
            records,
            name: name.to_string(),
            interface: None,
            start: None,
            now: Instant::ZERO,
            latest: None,
            next: VecDeque::new(),
        };
        let (mut first_error, mut lost) = (None, 0);
        let first = loop {
            match replay.records.next() {
                Some(Ok(record)) => break record,
                Some(Err(error)) if error.is_fatal() => return Err(unreadable(name, &error.to_string())),
                Some(Err(error)) => {
                    first_error = first_error.or(Some(error));
                    lost += 1;
                }
                None => {
                    let reason = match first_error {
                        Some(error) => format!("it holds no record; {error}"),
                        None => "it is empty".to_string(),
                    };
                    return Err(unreadable(name, &reason));
                }
            }
        };
        replay.interface.clone_from(&first.interface);
        replay.start = first.time;
        if lost > 0 {
            let event = Item::Event(LinkEvent::FramesLost(Some(lost)));
            replay.next.push_back((Instant::ZERO, event));
        }
        replay.take(first);
        Ok(replay)
    }

    /// Lines a record up, with its time and meaning; not one that is not replayed.
    fn take(&mut self, record: Record) {
        let of_the_inverter = matches!(record.direction, Some(Direction::Sent | Direction::ToBms));
        if of_the_inverter || record.interface != self.interface {
            return;
        }
        let behind = self
            .latest
            .zip(record.time)
            .and_then(|(latest, time)| latest.since(time));
        self.latest = self.latest.max(record.time);
        let at = self.latest_at();
        if let Some(jump) = behind.filter(|jump| !jump.is_zero()) {
            self.next.push_back((at, Item::Event(LinkEvent::ClockJumpedBack(jump))));
        }
        let item = match record.frame {
            BusFrame::Can(frame) if frame.kind == CanKind::Error => Item::Event(LinkEvent::Bus(condition(&frame))),
            frame => Item::Frame(frame),
        };
        self.next.push_back((at, item));
    }

    /// Where the latest stamp lies on this clock; a record without a time of its own lies there too.
    fn latest_at(&self) -> Instant {
        let since = self
            .latest
            .zip(self.start)
            .and_then(|(latest, start)| latest.since(start));
        Instant::ZERO.after(since.unwrap_or_default())
    }

    /// Reads on to the next thing that is replayed; nothing is lined up then at the end.
    fn advance(&mut self) -> Result<(), LinkError> {
        while self.next.is_empty() {
            match self.records.next() {
                None => return Ok(()),
                Some(Ok(record)) => self.take(record),
                Some(Err(CaptureError::Record(_))) => {
                    let event = Item::Event(LinkEvent::FramesLost(Some(1)));
                    self.next.push_back((self.latest_at(), event));
                }
                Some(Err(error)) => return Err(unreadable(&self.name, &error.to_string())),
            }
        }
        Ok(())
    }
}

impl<R: BufRead + Send> Link for Replay<R> {
    fn describe(&self) -> LinkDescription {
        LinkDescription {
            name: match &self.interface {
                Some(interface) => format!("replay:{} ({interface})", self.name),
                None => format!("replay:{}", self.name),
            },
            reference: false,
            clock: ClockSource::Recording,
            resolution: match self.start {
                Some(_) => Duration::from_micros(1),
                None => NO_TIMES,
            },
        }
    }

    fn listens_only(&self) -> bool {
        true
    }

    fn now(&self) -> Instant {
        self.now
    }

    fn send(&mut self, _frame: &BusFrame) -> Result<Instant, LinkError> {
        Err(LinkError::Other {
            name: self.name.clone(),
            reason: "nothing can be sent to a recording".to_string(),
            help: "run cases that only watch, or a live target".to_string(),
        })
    }

    fn receive(&mut self, until: Instant) -> Result<Received, LinkError> {
        self.advance()?;
        let Some((at, item)) = self.next.pop_front() else {
            return Ok(Received::End);
        };
        if at > until {
            self.next.push_front((at, item));
            self.now = self.now.max(until);
            return Ok(Received::Nothing);
        }
        self.now = self.now.max(at);
        Ok(match item {
            Item::Frame(frame) => Received::Frame { at, until: at, frame },
            Item::Event(event) => Received::Event(at, event),
        })
    }
}

fn unreadable(name: &str, reason: &str) -> LinkError {
    LinkError::Other {
        name: name.to_string(),
        reason: reason.to_string(),
        help: "`bmscheck decode FILE` shows what can be read of it".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replay(text: &str) -> Replay<&[u8]> {
        Replay::new("test.log", text.as_bytes()).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Everything until the end, in words.
    fn everything(link: &mut Replay<&[u8]>) -> Vec<String> {
        let mut seen = Vec::new();
        loop {
            match link.receive(Instant::from_micros(u64::MAX)).unwrap() {
                Received::Frame { at, frame, .. } => seen.push(format!("{at} {frame}")),
                Received::Event(at, event) => seen.push(format!("{at} {event:?}")),
                Received::Nothing => seen.push("nothing".to_string()),
                Received::End => return seen,
            }
        }
    }

    #[test]
    fn records_come_at_their_times_and_then_the_end() {
        let mut link = replay("(1700000000.250000) can0 351#0102\n(1700000001.350000) can0 355#03\n");
        let at = |seconds: u64| Instant::from_micros(seconds * 1_000_000);
        assert!(matches!(
            link.receive(at(1)).unwrap(),
            Received::Frame { at: Instant::ZERO, .. }
        ));
        assert_eq!(link.receive(at(1)).unwrap(), Received::Nothing);
        assert_eq!(link.now(), at(1));
        assert_eq!(everything(&mut link), ["1.100000 355#03"]);
        assert_eq!(link.receive(at(9)).unwrap(), Received::End);
        assert_eq!(link.describe().name, "replay:test.log (can0)");
    }

    #[test]
    fn a_clock_that_jumps_back_is_told_and_held() {
        let stamps = [
            "1700000010.0",
            "1700000009.5",
            "1700000012.0",
            "1700000011.5",
            "1700000012.5",
        ];
        let text: String = stamps.iter().map(|stamp| format!("({stamp}) can0 351#\n")).collect();
        let jump = |at: &str| format!("{at} ClockJumpedBack(500ms)");
        assert_eq!(
            everything(&mut replay(&text)),
            [
                "0.000000 351#",
                &jump("0.000000"),
                "0.000000 351#",
                "2.000000 351#",
                &jump("2.000000"),
                "2.000000 351#",
                "2.500000 351#",
            ]
        );
    }

    #[test]
    fn a_line_that_cannot_be_read_is_a_lost_frame() {
        let mut link = replay("(10.0) can0 351#\n(10.1) can0 351#4\n(10.2) can0 355#\n");
        let lost = "0.000000 FramesLost(Some(1))";
        assert_eq!(everything(&mut link), ["0.000000 351#", lost, "0.200000 355#"]);
        let mut link = replay("(10.0) can0 351#4\n(10.2) can0 355#\n");
        assert_eq!(everything(&mut link), [lost, "0.000000 355#"]);
    }

    #[test]
    fn one_interface_is_replayed_and_error_frames_are_events() {
        let mut link = replay("(10.0) can0 351#\n(10.1) can1 351#\n(10.2) can0 20000040#0000000000000000\n");
        let seen = everything(&mut link);
        assert_eq!(seen.len(), 2, "{seen:?}");
        assert!(seen[1].to_lowercase().contains("bus off"), "{seen:?}");
    }

    #[test]
    fn without_times_nothing_can_be_said_about_time() {
        let mut link = replay("351#01\n355#02\n");
        assert_eq!(link.describe().resolution, NO_TIMES);
        assert_eq!(everything(&mut link), ["0.000000 351#01", "0.000000 355#02"]);
    }

    #[test]
    fn nothing_can_be_sent_to_a_recording() {
        let mut link = replay("(10.0) can0 351#\n");
        assert!(link.listens_only());
        let error = link.send(&BusFrame::Serial(vec![1])).unwrap_err();
        assert_eq!(error.to_string(), "`test.log`: nothing can be sent to a recording");
    }

    #[test]
    fn what_is_no_recording_says_so() {
        let error = |text: &str| Replay::new("x", text.as_bytes()).err().unwrap().to_string();
        assert_eq!(error(""), "`x`: it is empty");
        assert!(
            error("hello world\n").contains("holds no record; line 1"),
            "{}",
            error("hello world\n")
        );
        assert!(matches!(
            Replay::open(Path::new("/nonexistent/x.log")).err(),
            Some(LinkError::Missing { .. })
        ));
    }
}
