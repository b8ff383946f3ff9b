//! A line between two pseudo-terminals that does to bytes what lines and adapters do.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serialport::{SerialPort, TTYPort};

use super::programs::new_pty;

/// What becomes of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quality {
    /// What is sent comes back at once, as from a half-duplex adapter that hears itself.
    Echo,
    /// It comes back together with what the battery answers, in one piece, as from an adapter that holds bytes back.
    EchoWithTheAnswer,
    /// It comes back in pieces, and the answer does.
    EchoInPieces,
    /// Every byte comes by itself.
    Split,
    /// Bytes that belong to no frame come before each answer and some time after it.
    Noise,
    /// They come in one piece with it, before and behind.
    NoiseGlued,
}

/// Bytes that a floating line makes.
const NOISE: [u8; 3] = [0x00, 0xFF, 0xFE];
/// Pause between the pieces of what is cut up.
const PAUSE: Duration = Duration::from_millis(1);
/// How long an echo is held back for the answer: longer than the battery takes, shorter than one is awaited.
const HOLD: Duration = Duration::from_millis(100);
/// How soon a thread sees that the relay is over.
const STOP_LATENCY: Duration = Duration::from_millis(50);

/// A running relay.
pub(crate) struct Relay {
    /// Where a run finds the battery.
    pub(crate) port: String,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Relay {
    /// A relay to the battery on `port`.
    pub(crate) fn start(port: &str, quality: Quality) -> Relay {
        let pty = new_pty();
        let near = pty.master.try_clone_native().unwrap();
        let far = serialport::new(port, 9600).open_native().unwrap();
        let stop: Arc<AtomicBool> = Arc::default();
        let (path, stopped) = (pty.path(), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            let _pty = pty;
            relay(near, far, quality, &stopped);
        });
        Relay {
            port: path,
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || thread::panicking(), "the relay broke");
        }
    }
}

fn relay(mut near: TTYPort, mut far: TTYPort, quality: Quality, stop: &AtomicBool) {
    // One thread looks at both ends in turn: half a millisecond each.
    let look = Duration::from_micros(500);
    near.set_timeout(look).unwrap();
    far.set_timeout(look).unwrap();
    let mut held: Option<(Vec<u8>, std::time::Instant)> = None;
    let mut last_stop = std::time::Instant::now();
    loop {
        if last_stop.elapsed() > STOP_LATENCY {
            last_stop = std::time::Instant::now();
            if stop.load(Ordering::Relaxed) {
                return;
            }
        }
        if let Some(question) = read(&mut near) {
            match quality {
                Quality::Echo => write(&mut near, &question),
                Quality::EchoInPieces => in_pieces(&mut near, &question, 3),
                Quality::EchoWithTheAnswer => {
                    let before = held.take().map_or(Vec::new(), |(bytes, _)| bytes);
                    held = Some(([before, question.clone()].concat(), std::time::Instant::now()));
                }
                Quality::Split | Quality::Noise | Quality::NoiseGlued => {}
            }
            write(&mut far, &question);
        }
        if let Some(mut answer) = read(&mut far) {
            // An emulated battery writes an answer at once, but it may be read in portions.
            while let Some(more) = read(&mut far) {
                answer.extend(more);
            }
            match quality {
                Quality::Echo => write(&mut near, &answer),
                Quality::EchoInPieces => in_pieces(&mut near, &answer, 7),
                Quality::Split => in_pieces(&mut near, &answer, 1),
                Quality::EchoWithTheAnswer => {
                    let echo = held.take().map_or(Vec::new(), |(bytes, _)| bytes);
                    write(&mut near, &[echo, answer].concat());
                }
                Quality::Noise => {
                    write(&mut near, &NOISE);
                    thread::sleep(PAUSE);
                    write(&mut near, &answer);
                    thread::sleep(8 * PAUSE);
                    write(&mut near, &NOISE);
                }
                Quality::NoiseGlued => write(&mut near, &[&NOISE, answer.as_slice(), &NOISE].concat()),
            }
        }
        if let Some((echo, since)) = held.take() {
            if since.elapsed() > HOLD {
                write(&mut near, &echo);
            } else {
                held = Some((echo, since));
            }
        }
    }
}

/// What is there, if anything.
fn read(port: &mut TTYPort) -> Option<Vec<u8>> {
    let mut bytes = [0; 4096];
    let count = port.read(&mut bytes).ok()?;
    Some(bytes[..count].to_vec())
}

/// Writes; nobody may be there any more.
fn write(port: &mut TTYPort, bytes: &[u8]) {
    let _ = port.write_all(bytes);
}

fn in_pieces(port: &mut TTYPort, bytes: &[u8], size: usize) {
    for piece in bytes.chunks(size) {
        write(port, piece);
        thread::sleep(PAUSE);
    }
}
