//! The programs of a test: `bmscheck emulate` and `bmscheck run`, each a process of its own.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use bmscheck::link::pty::Pty;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Held while a pseudo-terminal is made or a program started: for a moment a new terminal would be open in the program
/// too, which then keeps it from hanging up.
static FORK: Mutex<()> = Mutex::new(());

/// Does what makes a pseudo-terminal or starts a program.
pub(crate) fn forking<T>(what: impl FnOnce() -> T) -> T {
    let _held = FORK.lock();
    what()
}

/// A new pseudo-terminal.
pub(crate) fn new_pty() -> Pty {
    forking(|| Pty::open().unwrap())
}

fn spawn(command: &mut Command) -> Child {
    forking(|| command.spawn().unwrap())
}

/// A path for a socket or a file that no other test has.
pub(crate) fn own_path(ending: &str) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("bmscheck-rs485-{}-{number}{ending}", std::process::id()))
}

/// `bmscheck emulate` on a pseudo-terminal.
pub(crate) struct Emulated {
    process: Child,
    /// Where it is found.
    pub(crate) port: String,
    /// Where its state is changed: the fixture of a run.
    pub(crate) fixture: String,
}

impl Emulated {
    pub(crate) fn start(protocol: &str) -> Emulated {
        let socket = own_path(".sock");
        let mut process = spawn(
            Command::new(env!("CARGO_BIN_EXE_bmscheck"))
                .args(["emulate", protocol, "--target", "pty", "--control"])
                .arg(format!("unix:{}", socket.display()))
                .stdout(Stdio::piped()),
        );
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        // "emulating pace-modbus on /dev/pts/5 (control unix:...)"
        let port = line
            .split(" on ")
            .nth(1)
            .and_then(|rest| rest.split_whitespace().next());
        let port = port.unwrap_or_else(|| panic!("{protocol}: {line:?}")).to_string();
        Emulated {
            process,
            port,
            fixture: format!("refbms:unix:{}", socket.display()),
        }
    }
}

impl Drop for Emulated {
    fn drop(&mut self) {
        let process = Pid::from_raw(i32::try_from(self.process.id()).unwrap());
        let _ = kill(process, Signal::SIGTERM);
        let _ = self.process.wait();
    }
}

/// What `bmscheck run` of some cases on a serial port said.
pub(crate) struct Ran {
    /// Standard output and error.
    pub(crate) said: String,
    /// Its report in JSON.
    pub(crate) report: serde_json::Value,
}

/// Runs cases on a serial port; `arguments` are selectors and options.
pub(crate) fn run_program(arguments: &[&str], port: &str, fixture: &str) -> Ran {
    let file = own_path(".json");
    let program = spawn(
        Command::new(env!("CARGO_BIN_EXE_bmscheck"))
            .arg("run")
            .args(arguments)
            .args(["--target", &format!("serial:{port}"), "--fixture", fixture])
            .args(["--report", &format!("json={}", file.display())])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped()),
    );
    let output = program.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let report = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{error}: {said}"));
    let _ = std::fs::remove_file(file);
    let report = serde_json::from_str(&report).unwrap_or_else(|error| panic!("{error}: {said}"));
    Ran { said, report }
}
