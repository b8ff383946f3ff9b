//! The control socket of an emulation.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Sender};
use std::thread;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::super::control::{Address, Answer, Command, MAX_LINE};
use super::{Event, STOP_LATENCY, StopHandle};

/// Serves the control protocol until the emulation ends; the file of a Unix socket is removed with it.
pub(super) struct Server {
    address: Address,
    file: Option<PathBuf>,
}

enum Listener {
    Unix(UnixListener),
    Tcp(TcpListener),
}

impl Server {
    /// Listens at an address; a Unix socket that a dead program left behind is taken over.
    pub(super) fn start(address: &Address, events: Sender<Event>, stop: StopHandle) -> io::Result<Server> {
        let (listener, server) = match address {
            Address::Unix(path) => {
                let listener = listen_at(path)?;
                let server = Server {
                    address: address.clone(),
                    file: Some(path.clone()),
                };
                (Listener::Unix(listener), server)
            }
            Address::Tcp(place) => {
                let listener = TcpListener::bind(place.as_str())?;
                // With port 0 the system has chosen one.
                let address = Address::Tcp(listener.local_addr()?.to_string());
                (Listener::Tcp(listener), Server { address, file: None })
            }
        };
        thread::spawn(move || listener.serve(&events, &stop));
        Ok(server)
    }

    /// Where it listens.
    pub(super) fn address(&self) -> &Address {
        &self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(file) = &self.file {
            let _ = std::fs::remove_file(file);
        }
    }
}

fn listen_at(path: &Path) -> io::Result<UnixListener> {
    match UnixListener::bind(path) {
        // A socket on which nobody answers was left behind; anything else belongs to somebody.
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => match UnixStream::connect(path) {
            Err(refused) if refused.kind() == io::ErrorKind::ConnectionRefused => {
                std::fs::remove_file(path)?;
                UnixListener::bind(path)
            }
            _ => Err(error),
        },
        other => other,
    }
}

impl Listener {
    fn fd(&self) -> BorrowedFd<'_> {
        match self {
            Listener::Unix(listener) => listener.as_fd(),
            Listener::Tcp(listener) => listener.as_fd(),
        }
    }

    fn serve(&self, events: &Sender<Event>, stop: &StopHandle) {
        let latency = PollTimeout::try_from(STOP_LATENCY).unwrap_or(PollTimeout::ZERO);
        while !stop.is_stopped() {
            let waiting = poll(&mut [PollFd::new(self.fd(), PollFlags::POLLIN)], latency);
            if !matches!(waiting, Ok(1..)) {
                continue;
            }
            let events = events.clone();
            match self {
                Listener::Unix(listener) => {
                    let Ok((stream, _)) = listener.accept() else { continue };
                    thread::spawn(move || converse(stream.try_clone(), stream, &events));
                }
                Listener::Tcp(listener) => {
                    let Ok((stream, _)) = listener.accept() else { continue };
                    let _ = TcpStream::set_nodelay(&stream, true);
                    thread::spawn(move || converse(stream.try_clone(), stream, &events));
                }
            }
        }
    }
}

/// Answers one client until it leaves or the emulation ends.
fn converse<S: Read, T: Write>(questions: io::Result<S>, mut answers: T, events: &Sender<Event>) {
    let Ok(questions) = questions else { return };
    let mut questions = BufReader::new(questions);
    loop {
        let mut line = Vec::new();
        let read = (&mut questions).take(MAX_LINE as u64).read_until(b'\n', &mut line);
        match read {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let too_long = line.len() >= MAX_LINE && !line.ends_with(b"\n");
        let answer = if too_long {
            Answer::Refused(format!("a message has at most {MAX_LINE} bytes"))
        } else {
            match Command::parse(&String::from_utf8_lossy(&line)) {
                Err(error) => Answer::Refused(error.to_string()),
                Ok(command) => {
                    let (sender, answer) = mpsc::channel();
                    if events.send(Event::Asked(command, sender)).is_err() {
                        return;
                    }
                    let Ok(answer) = answer.recv() else { return };
                    answer
                }
            }
        };
        if answers.write_all(format!("{answer}\n").as_bytes()).is_err() || too_long {
            return;
        }
    }
}
