//! Each file in `tests/mistakes` has the mistake that it is named after; the snapshot shows what its author is told.

use std::path::{Path, PathBuf};

use bmscheck::definition::{Library, Protocol};
use bmscheck::document::{Diagnostics, Source};
use bmscheck::judge::waivers;
use bmscheck::suite;

/// The files of a folder, by name; an empty folder would prove nothing.
fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/mistakes")
        .join(folder);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .expect("the folder is in the repository")
        .map(|entry| entry.expect("the folder can be read").path())
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files
}

/// Takes a snapshot of what is said about each file of a folder.
#[track_caller]
fn check(folder: &str, load: impl Fn(&Source) -> Diagnostics) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("mistakes/snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| {
        for path in files(folder) {
            let name = path
                .file_stem()
                .expect("a file has a name")
                .to_string_lossy()
                .into_owned();
            let text = std::fs::read_to_string(&path).expect("the file can be read");
            let diagnostics = load(&Source::new(format!("{name}.yaml"), text));
            assert!(!diagnostics.is_empty(), "{name}: nothing was found");
            insta::assert_snapshot!(format!("{folder}_{name}"), diagnostics.render_plain());
        }
    });
}

fn library() -> Library {
    let (library, diagnostics) = Library::load(None);
    assert!(!diagnostics.has_errors(), "{}", diagnostics.render_plain());
    library
}

#[test]
fn suites() {
    let library = library();
    let protocols: Vec<&Protocol> = library.protocols().collect();
    check("suites", |source| suite::load(source, &protocols).1);
}

#[test]
fn vectors() {
    let library = library();
    let protocols: Vec<&Protocol> = library.protocols().collect();
    check("vectors", |source| suite::vectors::load(source, &protocols).1);
}

#[test]
fn waiver_files() {
    check("waivers", |source| waivers::load(source).1);
}
