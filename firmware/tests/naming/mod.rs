//! Which requirements the tests of this crate name: the numbers in the doc comment right above a `#[test]`.
//!
//! The test `requirements` looks here for what is missing; the build script of the harness includes this file too, so
//! that `bmscheck list cases --coverage` and `bmscheck explain` say the same. Standard library only.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A requirement named by a test.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Naming {
    /// The number as the sheet writes it: `R-046`, `B-150`, `C-02`, `Q-08`.
    pub(crate) requirement: String,
    /// The file, below the folder of the crate: `tests/panel.rs`.
    pub(crate) file: String,
    /// The name of the function.
    pub(crate) test: String,
}

/// What the tests of the crate in the folder `root` name, sorted, each once.
///
/// # Errors
/// A folder or file cannot be read.
pub(crate) fn in_crate(root: &Path) -> io::Result<Vec<Naming>> {
    let mut namings = Vec::new();
    for folder in ["src", "tests"] {
        for path in sources(&root.join(folder))? {
            let below = path.strip_prefix(root).unwrap_or(&path);
            let parts: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
            in_source(&parts.join("/"), &fs::read_to_string(&path)?, &mut namings);
        }
    }
    namings.sort();
    namings.dedup();
    Ok(namings)
}

/// The Rust files of a folder and of those in it.
fn sources(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(sources(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(files)
}

/// What the tests of one file name, in its order.
pub(crate) fn in_source(file: &str, source: &str, namings: &mut Vec<Naming>) {
    let mut comment = String::new();
    let mut is_test = false;
    for line in source.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("///") {
            comment.push_str(text);
        } else if line.starts_with("#[") {
            is_test |= line == "#[test]";
        } else {
            if is_test && let Some(test) = function(line) {
                namings.extend(numbers(&comment).into_iter().map(|requirement| Naming {
                    requirement,
                    file: file.to_owned(),
                    test: test.to_owned(),
                }));
            }
            comment.clear();
            is_test = false;
        }
    }
}

/// The name of the function that begins on this line.
fn function(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("fn ")?;
    let plain = before.split_whitespace().all(|word| matches!(word, "pub" | "async"));
    let end = after.find(|character: char| !character.is_alphanumeric() && character != '_')?;
    plain.then(|| &after[..end])
}

/// The numbers in a text, alone or as a range: `R-101`, `R-048 to R-051`.
fn numbers(text: &str) -> BTreeSet<String> {
    let words: Vec<&str> = text
        .split(|character: char| !character.is_ascii_alphanumeric() && character != '-')
        .filter(|word| !word.is_empty())
        .collect();
    let mut found = BTreeSet::new();
    for (index, word) in words.iter().enumerate() {
        let Some((letter, first)) = number(word) else { continue };
        let last = words
            .get(index + 1)
            .filter(|word| **word == "to")
            .and_then(|_| number(words.get(index + 2)?))
            .filter(|(other, _)| *other == letter)
            .map_or(first, |(_, last)| last);
        // Contradictions and questions have two digits, the others three.
        let digits = if matches!(letter, "C" | "Q") { 2 } else { 3 };
        found.extend((first..=last).map(|number| format!("{letter}-{number:0digits$}")));
    }
    found
}

fn number(word: &str) -> Option<(&str, u16)> {
    let (letter, digits) = word.split_once('-')?;
    let known = matches!(letter, "R" | "B" | "C" | "Q");
    let number = digits.parse().ok().filter(|_| known)?;
    Some((letter, number))
}
