//! The data of a frame with the bytes at fault marked: by carets, so that it reads without colour.

use crate::judge::Evidence;
use crate::report::text::{Style, Tone, columns};
use crate::wire::BusFrame;

/// The most rows of data shown; longer data is cut to the rows around the fault.
const MAX_ROWS: usize = 2;

/// The columns of an offset before a row: ` 32: `.
const OFFSET_COLUMNS: usize = 5;

/// Which bytes of the data are at fault, also those that should be there and are not.
///
/// Where exact bytes were demanded, these are the ones that differ, else the bytes of the field.
pub fn faulty(evidence: &Evidence) -> Vec<bool> {
    let length = evidence.golden.as_ref().map_or(0, Vec::len).max(evidence.data.len());
    (0..length)
        .map(|index| match &evidence.golden {
            Some(golden) => match golden.get(index) {
                Some(Some(byte)) => evidence.data.get(index) != Some(byte),
                Some(None) => index >= evidence.data.len(),
                None => true,
            },
            None => evidence.bytes.contains(&index),
        })
        .collect()
}

/// The frame on one line: candump's form for CAN, text for a serial frame of printable characters, else hex.
///
/// A frame that is longer than the line is cut, with its length.
pub fn frame_line(frame: &BusFrame, width: usize) -> String {
    let (text, length) = match frame {
        BusFrame::Can(frame) => return frame.to_string(),
        BusFrame::Serial(bytes) => {
            let end = bytes.strip_suffix(b"\r").unwrap_or(bytes);
            let printable = !end.is_empty() && end.iter().all(|byte| (0x20..0x7F).contains(byte));
            let text = if printable {
                end.iter().map(|byte| char::from(*byte)).collect()
            } else {
                frame.to_string()
            };
            (text, bytes.len())
        }
    };
    if columns(&text) <= width {
        return text;
    }
    let note = format!("... ({length} bytes)");
    let kept: String = text.chars().take(width.saturating_sub(note.len()).max(8)).collect();
    format!("{}{note}", kept.trim_end())
}

/// The rows of the data, each with a line of carets under the bytes at fault, and the demanded bytes where there are
/// any. Each line comes with its label.
pub fn rows(evidence: &Evidence, style: &Style, column: usize) -> Vec<(&'static str, String)> {
    let marks = faulty(evidence);
    if marks.is_empty() {
        return vec![("data", "(none)".to_string())];
    }
    let room = style.width.saturating_sub(column);
    let fits = |per_row: usize| {
        let offset = if marks.len() > per_row { OFFSET_COLUMNS } else { 0 };
        offset + per_row.min(marks.len()) * 3 - 1 <= room
    };
    let per_row = [16, 8, 4].into_iter().find(|per_row| fits(*per_row)).unwrap_or(4);
    let with_offsets = marks.len() > per_row;
    let count = marks.len().div_ceil(per_row);
    let first_faulty = marks.iter().position(|mark| *mark).unwrap_or(0) / per_row;
    let last_faulty = marks.iter().rposition(|mark| *mark).unwrap_or(0) / per_row;
    // One row of a long message is enough when the fault lies in it; a fault over several rows shows its beginning.
    let start = first_faulty.min(count - 1);
    let end = (last_faulty + 1).clamp(start + 1, start + MAX_ROWS).min(count);
    let mut out = Vec::new();
    for row in start..end {
        let range = row * per_row..((row + 1) * per_row).min(marks.len());
        let offset = if with_offsets {
            format!("{:>3}: ", range.start)
        } else {
            String::new()
        };
        let paint = |index: usize, text: &str| {
            let tone = if marks[index] { Tone::Bad } else { Tone::Plain };
            style.paint(tone, text)
        };
        let data: Vec<String> = range
            .clone()
            .map(|index| {
                let text = evidence
                    .data
                    .get(index)
                    .map_or("--".to_string(), |byte| format!("{byte:02X}"));
                paint(index, &text)
            })
            .collect();
        out.push(("data", format!("{offset}{}", data.join(" "))));
        if let Some(golden) = &evidence.golden {
            let demanded: Vec<String> = range
                .clone()
                .map(|index| match golden.get(index) {
                    Some(Some(byte)) => format!("{byte:02X}"),
                    Some(None) => "??".to_string(),
                    None => "--".to_string(),
                })
                .collect();
            out.push(("golden", format!("{offset}{}", demanded.join(" "))));
        }
        if marks[range.clone()].iter().any(|mark| *mark) {
            out.push((
                "",
                format!(
                    "{}{}",
                    " ".repeat(offset.len()),
                    style.paint(Tone::Bad, &carets(&marks[range]))
                ),
            ));
        }
    }
    if end < last_faulty + 1 {
        let rest = marks.len() - end * per_row;
        out.push(("", format!("... and {rest} bytes more")));
    }
    out
}

/// `^^^^^    ^^`: carets under marked bytes, joined where neighbours are marked.
fn carets(marks: &[bool]) -> String {
    let mut text = String::with_capacity(marks.len() * 3);
    for (index, mark) in marks.iter().enumerate() {
        text.push_str(if *mark { "^^" } else { "  " });
        let joined = *mark && marks.get(index + 1).copied().unwrap_or(false);
        text.push(if joined { '^' } else { ' ' });
    }
    text.trim_end().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Instant;
    use crate::wire::can::{CanFrame, CanId};

    fn evidence(data: &[u8], bytes: std::ops::Range<usize>) -> Evidence {
        Evidence {
            event: 0,
            at: Instant::ZERO,
            frame: BusFrame::Can(CanFrame::data(CanId::Standard(0x351), &[]).unwrap()),
            data: data.to_vec(),
            golden: None,
            bytes,
        }
    }

    fn shown(evidence: &Evidence, width: usize) -> Vec<String> {
        let style = Style { colour: false, width };
        rows(evidence, &style, 0).into_iter().map(|(_, line)| line).collect()
    }

    #[test]
    fn carets_stand_under_the_bytes_of_the_field() {
        assert_eq!(
            shown(&evidence(&[2, 0x40, 0xD0, 7], 1..3), 80),
            ["02 40 D0 07", "   ^^^^^"]
        );
        assert_eq!(shown(&evidence(&[2, 0x40], 0..0), 80), ["02 40"]);
        assert_eq!(shown(&evidence(&[], 0..0), 80), ["(none)"]);
    }

    #[test]
    fn golden_bytes_mark_what_differs_and_what_is_missing_or_too_much() {
        let mut seen = evidence(&[0x40, 3, 9], 0..3);
        seen.golden = Some(vec![Some(0x40), Some(2), None, Some(1)]);
        assert_eq!(shown(&seen, 80), ["40 03 09 --", "40 02 ?? 01", "   ^^    ^^"]);
        seen.golden = Some(vec![Some(0x40)]);
        assert_eq!(shown(&seen, 80), ["40 03 09", "40 -- --", "   ^^^^^"]);
    }

    #[test]
    fn long_data_shows_the_rows_around_the_fault_with_offsets() {
        let data: Vec<u8> = (0..100).collect();
        let lines = shown(&evidence(&data, 33..35), 80);
        assert_eq!(lines[0], " 32: 20 21 22 23 24 25 26 27 28 29 2A 2B 2C 2D 2E 2F");
        assert_eq!(lines[1], "        ^^^^^");
        assert_eq!(lines.len(), 2);
        let lines = shown(&evidence(&data, 0..100), 80);
        assert_eq!(lines.last().unwrap(), "... and 68 bytes more");
        assert!(shown(&evidence(&data, 30..50), 40).iter().all(|line| line.len() <= 40));
    }

    #[test]
    fn serial_frames_show_as_text_where_they_are_text() {
        let frame = BusFrame::Serial(b"~20024642E00202FD33\r".to_vec());
        assert_eq!(frame_line(&frame, 60), "~20024642E00202FD33");
        assert_eq!(frame_line(&BusFrame::Serial(vec![1, 3, 0x7E]), 60), "01 03 7E");
        assert_eq!(
            frame_line(&BusFrame::Serial(vec![b'A'; 300]), 30),
            "AAAAAAAAAAAAAAA... (300 bytes)"
        );
        assert_eq!(frame_line(&BusFrame::Serial(Vec::new()), 30), "");
    }
}
