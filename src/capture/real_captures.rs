//! The recordings of real devices in `vectors/captures`, held against the tables of their README.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use super::{Record, open};
use crate::wire::BusFrame;
use crate::wire::modbus::{self, Piece, Reply, ReplyFraming, Request};
use crate::wire::pylon_ascii::{self, PylonFault, PylonFrame};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors/captures")
}

fn readme() -> String {
    std::fs::read_to_string(folder().join("README.md")).unwrap()
}

fn records(name: &str) -> Vec<Record> {
    let file = File::open(folder().join(format!("{name}.log"))).unwrap();
    let records: Result<Vec<Record>, _> = open(BufReader::new(file)).unwrap().collect();
    records.unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The cells of a Markdown table's row.
fn cells(line: &str) -> Vec<&str> {
    line.trim()
        .trim_matches('|')
        .split('|')
        .map(|cell| cell.trim().trim_matches('`'))
        .collect()
}

/// The rows below the heading `### name`.
fn section(readme: &str, name: &str) -> Vec<Vec<String>> {
    let heading = format!("### {name}");
    readme
        .lines()
        .skip_while(|line| *line != heading)
        .skip(1)
        .take_while(|line| !line.starts_with('#'))
        .filter(|line| line.starts_with('|'))
        .map(|line| cells(line).into_iter().map(str::to_owned).collect())
        .collect()
}

/// The names of all files, with the number and kind of their messages, from the README's table of files.
fn files(readme: &str) -> Vec<(String, usize, bool)> {
    let files: Vec<_> = readme
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            let cells = cells(line);
            let (count, kind) = cells[4].split_once(' ').unwrap();
            (
                cells[0].strip_suffix(".log").unwrap().to_owned(),
                count.parse().unwrap(),
                kind == "frames",
            )
        })
        .collect();
    assert_eq!(files.len(), 18, "the table of files was not found");
    files
}

#[test]
fn every_line_is_read_and_their_number_is_that_of_the_readme() {
    let readme = readme();
    let files = files(&readme);
    for (name, count, is_can) in &files {
        let records = records(name);
        assert_eq!(records.len(), *count, "{name}");
        assert!(
            records
                .iter()
                .all(|record| matches!(record.frame, BusFrame::Can(_)) == *is_can),
            "{name}"
        );
        assert!(records.windows(2).all(|pair| pair[0].time < pair[1].time), "{name}");
    }
    let logs = std::fs::read_dir(folder()).unwrap().filter(|entry| {
        entry
            .as_ref()
            .is_ok_and(|entry| entry.path().extension().is_some_and(|extension| extension == "log"))
    });
    assert_eq!(logs.count(), files.len(), "a capture is missing from the README");
}

#[test]
fn frames_of_each_id_and_their_payloads_are_as_many_as_the_readme_says() {
    let readme = readme();
    let mut ids = 0;
    for (name, count, _) in files(&readme).into_iter().filter(|(_, _, is_can)| *is_can) {
        let mut found: BTreeMap<String, (usize, Vec<Vec<u8>>)> = BTreeMap::new();
        for record in records(&name) {
            assert_eq!(record.interface.as_deref(), Some("can0"));
            let BusFrame::Can(frame) = record.frame else {
                panic!("{name}")
            };
            let (count, payloads) = found.entry(format!("0x{:X}", frame.id.number())).or_default();
            *count += 1;
            payloads.push(frame.payload().to_vec());
        }
        let rows = section(&readme, &name);
        let rows: Vec<_> = rows
            .iter()
            .filter(|row| row.len() == 4 && row[0].starts_with("0x"))
            .collect();
        let mut total = 0;
        for row in &rows {
            let (count, mut payloads) = found.remove(&row[0]).unwrap_or_else(|| panic!("{name} {}", row[0]));
            payloads.sort();
            payloads.dedup();
            assert_eq!(
                (count.to_string(), payloads.len().to_string()),
                (row[1].clone(), row[3].clone()),
                "{name} {}",
                row[0]
            );
            total += count;
        }
        assert!(found.is_empty(), "{name}: {found:?}");
        assert_eq!(total, count, "{name}");
        ids += rows.len();
    }
    assert_eq!(ids, 80, "tables of ids were not found");
}

#[test]
fn periods_are_those_of_the_readme() {
    let readme = readme();
    let mut periods = 0;
    for (name, ..) in files(&readme).into_iter().filter(|(_, _, is_can)| *is_can) {
        let records = records(&name);
        for row in section(&readme, &name)
            .iter()
            .filter(|row| row.len() == 4 && row[0].starts_with("0x"))
        {
            let times: Vec<_> = records
                .iter()
                .filter(|record| {
                    matches!(&record.frame, BusFrame::Can(frame) if format!("0x{:X}", frame.id.number()) == row[0])
                })
                .map(|record| record.time.unwrap())
                .collect();
            let gaps: Vec<u128> = times
                .windows(2)
                .map(|pair| pair[1].since(pair[0]).unwrap().as_micros())
                .collect();
            // In tenths of a millisecond, rounded, as the README prints them.
            let tenths = |micros: u128| {
                let tenths = (micros + 50) / 100;
                format!("{}.{}", tenths / 10, tenths % 10)
            };
            let mean = gaps.iter().sum::<u128>() / gaps.len() as u128;
            let (least, most) = (gaps.iter().min().unwrap(), gaps.iter().max().unwrap());
            let text = format!("{} ({}..{})", tenths(mean), tenths(*least), tenths(*most));
            assert_eq!(text, row[2], "{name} {}", row[0]);
            periods += 1;
        }
    }
    assert_eq!(periods, 80);
}

/// The frames of a Pylon capture; a burst is one frame here.
fn pylon_frames(name: &str) -> Vec<PylonFrame> {
    let frames = records(name).into_iter().map(|record| {
        let BusFrame::Serial(bytes) = record.frame else {
            panic!("{name}")
        };
        pylon_ascii::parse(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"))
    });
    frames.collect()
}

#[test]
fn pylon_frames_are_sound_and_as_many_as_the_readme_says() {
    let readme = readme();
    let mut rows = 0;
    for name in [
        "pylon-rs485-jk-bridge",
        "pylon-rs485-jk-forward",
        "pylon-rs485-seplos-forward",
    ] {
        let frames = pylon_frames(name);
        let (last, whole) = frames.split_last().unwrap();
        for frame in whole {
            assert_eq!(frame.faults, [], "{name} {}", frame.characters.escape_ascii());
            assert_eq!((frame.ver, frame.cid1), (0x20, 0x46));
            assert_eq!(frame.emit(), frame.characters);
        }
        if name == "pylon-rs485-jk-bridge" {
            // "The last reply is cut off after 50 of 116 characters."
            assert_eq!(last.characters.len(), 50);
            assert!(last.faults.contains(&PylonFault::MissingEnd));
            assert!(last.faults.contains(&PylonFault::Length {
                declared: 98,
                actual: 33
            }));
        } else {
            assert!(last.is_sound());
        }
        for row in section(&readme, name).iter().filter(|row| row[0].starts_with("CID2")) {
            let command = u8::from_str_radix(row[0].trim_start_matches("CID2 0x"), 16).unwrap();
            let address = u8::from_str_radix(row[1].trim_start_matches("0x"), 16).unwrap();
            let sent = frames
                .iter()
                .filter(|frame| (frame.cid2, frame.adr) == (command, address))
                .count();
            let answers = frames.windows(2).filter(|pair| {
                (pair[0].cid2, pair[0].adr) == (command, address) && pair[1].cid2 == 0 && pair[1].is_sound()
            });
            assert_eq!(
                [sent.to_string(), answers.count().to_string()],
                row[2..4],
                "{name} {row:?}"
            );
            rows += 1;
        }
    }
    assert_eq!(rows, 18, "tables of requests were not found");
}

#[test]
fn modbus_messages_check_and_are_as_many_as_the_readme_says() {
    let readme = readme();
    let mut rows = 0;
    for (name, ..) in files(&readme) {
        if !name.contains("modbus") && !name.starts_with("growatt-rs485") {
            continue;
        }
        let bursts: Vec<Vec<u8>> = records(&name)
            .into_iter()
            .map(|record| match record.frame {
                BusFrame::Serial(bytes) => bytes,
                BusFrame::Can(frame) => panic!("{name}: {frame}"),
            })
            .collect();
        // "The last reply is cut off after ... bytes."
        let cut_off = ["china-tower-modbus-jk-bridge", "growatt-rs485-seplos-forward"].contains(&name.as_str());
        let whole = bursts.len() - usize::from(cut_off);
        for (number, burst) in bursts.iter().enumerate() {
            let raw = modbus::parse_raw(burst);
            let is_right = raw.is_ok_and(|raw| raw.crc == raw.computed);
            assert_eq!(is_right, number < whole, "{name} {number}");
            if number < whole {
                assert_eq!(modbus::split(burst), [Piece::Frame(0..burst.len())], "{name} {number}");
            }
        }
        // All bursts as one: the frames are found again.
        let glued = modbus::split(&bursts[..whole].concat());
        assert!(
            glued.iter().all(|piece| matches!(piece, Piece::Frame(_))) && glued.len() == whole,
            "{name}"
        );

        let request = |burst: &Vec<u8>| match modbus::parse_request(burst) {
            Ok(parsed) if parsed.faults.is_empty() => match parsed.content {
                Request::ReadHolding { start, count } => Some((start, count)),
                _ => None,
            },
            _ => None,
        };
        for row in section(&readme, &name)
            .iter()
            .filter(|row| row[0].starts_with("read 0x"))
        {
            let (start, count) = row[0].trim_start_matches("read 0x").split_once(" x ").unwrap();
            let asked = (u16::from_str_radix(start, 16).unwrap(), count.parse::<u16>().unwrap());
            let sent = bursts.iter().filter(|burst| request(burst) == Some(asked)).count();
            let answers = bursts.windows(2).filter(|pair| {
                if request(&pair[0]) != Some(asked) {
                    return false;
                }
                let Ok(reply) = modbus::parse_reply(&pair[1], ReplyFraming::Standard) else {
                    return false;
                };
                let told = match reply.content {
                    Reply::Read { data, .. } if reply.faults.is_empty() => format!("{} registers", data.len() / 2),
                    Reply::Exception { code, .. } => format!("exception {code}"),
                    _ => return false,
                };
                told == row[4]
            });
            assert_eq!(
                [sent.to_string(), answers.count().to_string()],
                row[1..3],
                "{name} {}",
                row[0]
            );
            rows += 1;
        }
    }
    assert_eq!(rows, 27, "tables of requests were not found");
}
