//! What the trials share: interfaces, tools of can-utils, receiving.

use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bmscheck::link::socketcan::SocketCan;
use bmscheck::link::{Link, LinkEvent, Received};
use bmscheck::time::Instant;
use bmscheck::wire::BusFrame;
use bmscheck::wire::can::{CanFrame, CanId};

use super::Skip;

/// A bound on waiting that no trial reaches unless something is wrong.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// The bit rate of most protocols; a virtual interface has none.
pub(crate) const BITRATE: u32 = 500_000;

/// A virtual interface of one trial, up, removed at its end.
pub(crate) struct Interface {
    pub(crate) name: String,
}

impl Interface {
    pub(crate) fn new() -> Interface {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let name = format!("vcan{}", COUNT.fetch_add(1, Ordering::Relaxed));
        ip(&["link", "add", "dev", &name, "type", "vcan"]);
        ip(&["link", "set", &name, "up"]);
        Interface { name }
    }

    pub(crate) fn open(&self) -> SocketCan {
        SocketCan::open(&self.name, BITRATE).unwrap_or_else(|error| panic!("{error}"))
    }

    pub(crate) fn set_down(&self) {
        ip(&["link", "set", &self.name, "down"]);
    }

    pub(crate) fn delete(&self) {
        ip(&["link", "del", &self.name]);
    }
}

impl Drop for Interface {
    fn drop(&mut self) {
        // A trial may have deleted it.
        let _ = Command::new("ip")
            .args(["link", "del", &self.name])
            .stderr(Stdio::null())
            .status();
    }
}

fn ip(arguments: &[&str]) {
    run("ip", arguments);
}

/// Runs a tool to its end and gives what it wrote.
pub(crate) fn run(tool: &str, arguments: &[&str]) -> String {
    let output = Command::new(tool).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{tool}: {error}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{tool} {arguments:?}: {} {text} {errors}",
        output.status
    );
    text
}

/// Tells a trial that a tool of can-utils is not installed here.
pub(crate) fn needs(tools: &[&str]) -> Result<(), Skip> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = |tool: &str| std::env::split_paths(&path).any(|folder| folder.join(tool).is_file());
    match tools.iter().find(|tool| !is_there(tool)) {
        Some(tool) => Err(Skip(format!("there is no {tool} here: apt-get install can-utils"))),
        None => Ok(()),
    }
}

/// candump, listening; [`Candump::frames`] gives what it has heard.
pub(crate) struct Candump {
    child: Child,
}

impl Candump {
    /// Listens until `count` frames were heard. Returns when it listens.
    pub(crate) fn start(interface: &str, count: usize) -> Candump {
        let before = listeners(interface);
        let child = Command::new("candump")
            .args([
                "-L",
                // A queue that holds everything, should it be scheduled late.
                "-r",
                "8000000",
                "-n",
                &count.to_string(),
                "-T",
                &PATIENCE.as_millis().to_string(),
                interface,
            ])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("candump: {error}"));
        wait_until("candump listens", || listeners(interface) > before);
        Candump { child }
    }

    /// The frames in log form without time and interface: `351#4002`.
    pub(crate) fn frames(self) -> Vec<String> {
        let output = self.child.wait_with_output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let frame = |line: &str| line.split_whitespace().nth(2).unwrap_or_default().to_string();
        text.lines().map(frame).collect()
    }
}

/// How many sockets listen to all frames of an interface, as the kernel lists them: bound ones.
fn listeners(interface: &str) -> usize {
    let list = std::fs::read_to_string("/proc/net/can/rcvlist_all").unwrap_or_default();
    list.lines()
        .filter(|line| line.split_whitespace().next() == Some(interface))
        .count()
}

/// Waits for a condition of the outside world.
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + PATIENCE;
    while !condition() {
        assert!(std::time::Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

pub(crate) fn frame(id: u16, data: &[u8]) -> CanFrame {
    CanFrame::data(CanId::Standard(id), data).unwrap()
}

/// The next thing that happens.
#[track_caller]
pub(crate) fn next(link: &mut SocketCan) -> Received {
    let deadline = link.now().after(PATIENCE);
    link.receive(deadline).unwrap_or_else(|error| panic!("{error}"))
}

/// The next frame and its time.
#[track_caller]
pub(crate) fn next_frame(link: &mut SocketCan) -> (Instant, CanFrame) {
    match next(link) {
        Received::Frame {
            at,
            until,
            frame: BusFrame::Can(frame),
        } => {
            assert_eq!(at, until);
            (at, frame)
        }
        other => panic!("{other:?}"),
    }
}

/// What is in the queue now: the frames, and how many the kernel says it lost.
pub(crate) fn drain(link: &mut SocketCan) -> (Vec<CanFrame>, u32) {
    let (mut frames, mut lost) = (Vec::new(), 0);
    loop {
        let now = link.now();
        match link.receive(now).unwrap() {
            Received::Frame {
                frame: BusFrame::Can(frame),
                ..
            } => frames.push(frame),
            Received::Event(_, LinkEvent::FramesLost(Some(count))) => lost += count,
            Received::Nothing => return (frames, lost),
            other => panic!("{other:?}"),
        }
    }
}
