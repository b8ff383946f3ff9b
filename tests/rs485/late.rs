//! An answer that comes late is never taken for that to the next question: a battery of the test that answers when it
//! is told to.

use std::io::{Read, Write};
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bmscheck::document::Source;
use bmscheck::judge::{CaseResult, Verdict};
use bmscheck::suite::Profile;
use bmscheck::wire::checksum::crc16_modbus;
use bmscheck::wire::pylon_ascii;
use serialport::SerialPort;

use super::bench::{complaints, in_time, run, suites};
use super::programs::new_pty;

/// A question as it came, and its number from 0; the answers to send, each so long after it.
type Script = fn(number: usize, question: &[u8]) -> Vec<(Duration, Vec<u8>)>;

/// A battery that follows a script.
struct Peer {
    port: String,
    stop: Sender<()>,
    thread: Option<JoinHandle<()>>,
}

impl Peer {
    /// `is_whole` tells when a question has ended.
    fn start(is_whole: fn(&[u8]) -> bool, script: Script) -> Peer {
        let pty = new_pty();
        let (stop, stopped) = mpsc::channel::<()>();
        let port = pty.path();
        let thread = thread::spawn(move || {
            let mut pty = pty;
            pty.master.set_timeout(Duration::from_millis(1)).unwrap();
            let (mut question, mut number) = (Vec::new(), 0);
            let mut due: Vec<(Instant, Vec<u8>)> = Vec::new();
            while stopped.try_recv() == Err(mpsc::TryRecvError::Empty) {
                let mut bytes = [0; 256];
                if let Ok(count) = pty.master.read(&mut bytes) {
                    question.extend(&bytes[..count]);
                    if is_whole(&question) {
                        let now = Instant::now();
                        let answers = script(number, &question);
                        due.extend(answers.into_iter().map(|(after, answer)| (now + after, answer)));
                        number += 1;
                        question.clear();
                    }
                }
                due.sort_by_key(|(at, _)| *at);
                while due.first().is_some_and(|(at, _)| *at <= Instant::now()) {
                    let (_, answer) = due.remove(0);
                    let _ = pty.master.write_all(&answer);
                }
            }
        });
        Peer {
            port,
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.stop.send(());
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || thread::panicking(), "the peer broke");
        }
    }
}

const PROMPT: Duration = Duration::from_millis(20);

/// A reply to a read of holding registers.
fn registers(values: &[u16]) -> Vec<u8> {
    let mut frame = vec![0x01, 0x03, u8::try_from(2 * values.len()).unwrap()];
    frame.extend(values.iter().flat_map(|value| value.to_be_bytes()));
    let crc = crc16_modbus(&frame);
    frame.extend(crc.to_le_bytes());
    frame
}

fn is_modbus_question(bytes: &[u8]) -> bool {
    bytes.len() >= 8
}

fn is_ascii_question(bytes: &[u8]) -> bool {
    bytes.ends_with(b"\r")
}

/// Runs cases, one question each, against the peer.
fn ask(protocol: &str, questions: &[&str], peer: &Peer) -> Vec<CaseResult> {
    let mut text = format!("suite: wire/late\ntitle: Late answers\nprotocol: {protocol}\ncases:\n");
    for (number, question) in questions.iter().enumerate() {
        text.push_str(&format!(
            "  - id: question-{number}\n    title: One question\n    covers: [B-106]\n    steps:\n      - {question}\n"
        ));
    }
    let suites = suites(&[Source::new("wire.yaml", text)]);
    run(&suites, &[protocol.to_string()], Profile::Ci, &peer.port, "none").results
}

/// Whether the verdicts are these.
fn verdicts(results: &[CaseResult], expected: &[Verdict]) -> Result<(), String> {
    let given: Vec<Verdict> = results.iter().map(|result| result.verdict).collect();
    let why: Vec<Vec<String>> = results.iter().map(complaints).collect();
    if given == expected {
        return Ok(());
    }
    Err(format!("{given:?} {why:#?}"))
}

/// Whether nothing is wrong with a case but an answer to the question before: the answer behind it was judged.
fn only_late(result: &CaseResult) -> Result<(), String> {
    let complaints = complaints(result);
    let is_late = |complaint: &String| complaint.contains("the question before");
    if !complaints.is_empty() && complaints.iter().all(is_late) {
        return Ok(());
    }
    Err(format!("{complaints:#?}"))
}

/// The state of charge, asked for by one register: a second answer has the very form of the first.
const SOC_37: &str = "{ request: { registers: 0x0015 }, reply: { fields: { soc: 37 % } } }";
const SOC_12: &str = "{ request: { registers: 0x0015 }, reply: { fields: { soc: 12 % } } }";
const CELLS: &str = "{ request: { registers: 0x0070..0x0080 }, reply: { fields: { cell_voltage_1: 3300 mV } } }";

#[test]
fn an_answer_after_its_time_belongs_to_its_own_question() {
    in_time(|| {
        // Growatt answers within 200 ms (sheet growatt-rs485).
        let peer = Peer::start(is_modbus_question, |number, _| match number {
            1 => vec![(Duration::from_millis(300), registers(&[37]))],
            _ => vec![(PROMPT, registers(&[12]))],
        });
        let results = ask("growatt-rs485", &[SOC_12, SOC_37, SOC_12], &peer);
        verdicts(&results, &[Verdict::Pass, Verdict::Fail, Verdict::Pass])
    });
}

#[test]
fn an_answer_behind_the_next_question_is_known_by_what_it_fits() {
    in_time(|| {
        let peer = Peer::start(is_modbus_question, |number, _| match number {
            1 => Vec::new(),
            2 => vec![
                (PROMPT, registers(&[37])),
                (3 * PROMPT, registers(&[[0].as_slice(), &[3300; 16]].concat())),
            ],
            _ => vec![(PROMPT, registers(&[12]))],
        });
        let results = ask("growatt-rs485", &[SOC_12, SOC_37, CELLS, SOC_12], &peer);
        verdicts(&results, &[Verdict::Pass, Verdict::Fail, Verdict::Fail, Verdict::Pass])?;
        only_late(&results[2])
    });
}

/// An answer to 61 as a JK battery gave it: 49 bytes of data, the state of charge in the fifth (63 has nine bytes).
const MEASUREMENTS: &[u8] = b"~200246008062DEF6000056000000006464\
    0DF300010DEE00020BE60BE800040BE400020BD30BD300000BD300000BD30BD300000BD30000E8ED\r";

#[test]
fn a_late_ascii_answer_is_not_that_to_the_next_question() {
    in_time(|| {
        let peer = Peer::start(is_ascii_question, |number, _| {
            let measurements = |soc: u8| {
                let mut info = pylon_ascii::parse(MEASUREMENTS).unwrap().info;
                info[4] = soc;
                pylon_ascii::emit(0x20, 2, 0x46, 0, &info).unwrap()
            };
            let limits = || {
                let info = [0xE1, 0x00, 0xA2, 0x80, 0x01, 0x7C, 0x07, 0x6C, 0xC0];
                pylon_ascii::emit(0x20, 2, 0x46, 0, &info).unwrap()
            };
            match number {
                1 => Vec::new(),
                2 => vec![(PROMPT, measurements(37)), (6 * PROMPT, limits())],
                _ => vec![(PROMPT, measurements(12))],
            }
        });
        let ask_61 = |soc: u8| format!("{{ request: {{ command: 0x61 }}, reply: {{ fields: {{ soc: {soc} % }} }} }}");
        let limits = "{ request: { command: 0x63 }, reply: { fields: { charge_voltage_limit: 57.6 V } } }";
        let results = ask("pylon-rs485", &[&ask_61(12), &ask_61(37), limits, &ask_61(12)], &peer);
        verdicts(&results, &[Verdict::Pass, Verdict::Fail, Verdict::Fail, Verdict::Pass])?;
        only_late(&results[2])
    });
}
