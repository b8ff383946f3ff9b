//! The built-in data and the directory that adds to it and overrides it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};

use super::{Product, Protocol, Question, Requirement, load, questions};
use crate::document::{Diagnostic, Diagnostics, Source};

static PROTOCOLS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/protocols");
static VECTORS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/vectors");
static SUITES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/suites");

/// A kind of data files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Folder {
    /// Protocol definitions.
    Protocols,
    /// Golden frames.
    Vectors,
    /// Conformance suites.
    Suites,
}

impl Folder {
    /// The folder's name, built in and on disk.
    pub const fn name(self) -> &'static str {
        match self {
            Folder::Protocols => "protocols",
            Folder::Vectors => "vectors",
            Folder::Suites => "suites",
        }
    }

    fn built_in(self) -> &'static Dir<'static> {
        match self {
            Folder::Protocols => &PROTOCOLS,
            Folder::Vectors => &VECTORS,
            Folder::Suites => &SUITES,
        }
    }
}

/// All files of a folder, the built-in ones and those of the data directory; a file on disk replaces the built-in file
/// of the same relative path. Built-in files are named by their path in this repository.
///
/// # Errors
/// A directory or file that cannot be read, as a diagnostic.
pub fn data_files(data: Option<&Path>, folder: Folder) -> Result<Vec<Source>, Diagnostics> {
    let mut files: BTreeMap<PathBuf, Source> = BTreeMap::new();
    collect_built_in(folder.built_in(), folder, &mut files);
    if let Some(data) = data {
        if !data.is_dir() {
            return Err(unreadable(data, "is not a directory"));
        }
        let root = data.join(folder.name());
        if root.is_dir() {
            collect_from_disk(&root, &root, 0, &mut files)?;
        }
    }
    Ok(files.into_values().collect())
}

fn collect_built_in(directory: &Dir<'_>, folder: Folder, files: &mut BTreeMap<PathBuf, Source>) {
    for file in directory.files() {
        if is_yaml(file.path())
            && let Some(text) = file.contents_utf8()
        {
            let name = format!("{}/{}", folder.name(), file.path().display());
            files.insert(file.path().to_path_buf(), Source::new(name, text));
        }
    }
    for inner in directory.dirs() {
        collect_built_in(inner, folder, files);
    }
}

fn collect_from_disk(
    root: &Path,
    directory: &Path,
    depth: usize,
    files: &mut BTreeMap<PathBuf, Source>,
) -> Result<(), Diagnostics> {
    if depth > 8 {
        return Err(unreadable(directory, "is nested too deep"));
    }
    let entries = std::fs::read_dir(directory).map_err(|error| unreadable(directory, &error.to_string()))?;
    for entry in entries {
        let path = entry.map_err(|error| unreadable(directory, &error.to_string()))?.path();
        if path.is_dir() {
            collect_from_disk(root, &path, depth + 1, files)?;
        } else if is_yaml(&path) {
            let relative = path.strip_prefix(root).unwrap_or(&path).to_path_buf();
            files.insert(relative, read_source(&path)?);
        }
    }
    Ok(())
}

fn is_yaml(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "yaml" || extension == "yml")
}

/// Reads a file named by the user.
///
/// # Errors
/// The file does not exist, cannot be read, is too large or is not UTF-8, as a diagnostic.
pub fn read_source(path: &Path) -> Result<Source, Diagnostics> {
    let size = std::fs::metadata(path)
        .map_err(|error| unreadable(path, &error.to_string()))?
        .len();
    if size > crate::document::node::MAX_BYTES as u64 {
        return Err(unreadable(path, &format!("has {} MB, more than is read", size >> 20)));
    }
    let bytes = std::fs::read(path).map_err(|error| unreadable(path, &error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        unreadable(
            path,
            &format!("is not UTF-8 text (byte {})", error.utf8_error().valid_up_to()),
        )
    })?;
    Ok(Source::new(path.display().to_string(), text))
}

fn unreadable(path: &Path, reason: &str) -> Diagnostics {
    let source = Source::new(path.display().to_string(), "");
    let message = format!("cannot read `{}`: {reason}", path.display());
    Diagnostics::from(Diagnostic::error("unreadable", message, 0..0).within(&source))
}

/// All protocol definitions at hand.
#[derive(Clone, Debug, Default)]
pub struct Library {
    protocols: Vec<Protocol>,
    products: Vec<Product>,
    /// Files of settled questions.
    question_files: Vec<Source>,
    /// Lists of faults that cannot be told from correct behaviour.
    equivalents: Vec<Source>,
}

impl Library {
    /// Loads the built-in definitions and those of a data directory.
    ///
    /// Definitions with errors are left out; all mistakes are in the diagnostics.
    pub fn load(data: Option<&Path>) -> (Library, Diagnostics) {
        match data_files(data, Folder::Protocols) {
            Ok(sources) => Library::from_sources(&sources),
            Err(diagnostics) => (Library::default(), diagnostics),
        }
    }

    /// Loads definitions from texts.
    pub fn from_sources(sources: &[Source]) -> (Library, Diagnostics) {
        let mut diagnostics = Diagnostics::default();
        let mut protocols: Vec<Protocol> = Vec::new();
        let mut products = Vec::new();
        let (mut question_files, mut equivalents) = (Vec::new(), Vec::new());
        for source in sources {
            if load::is_list_of_equivalents(source) {
                equivalents.push(source.clone());
                continue;
            }
            if questions::is_questions(source) {
                question_files.push(source.clone());
                continue;
            }
            if load::is_product(source) {
                let (product, found) = load::product(source);
                diagnostics.extend(found);
                products.extend(product);
                continue;
            }
            let (protocol, found) = load::protocol(source);
            diagnostics.extend(found);
            let Some(protocol) = protocol else { continue };
            match protocols.iter().find(|other| other.name == protocol.name) {
                Some(other) => {
                    let message = format!(
                        "protocol `{}` is defined twice, also in {}",
                        protocol.name, other.source.name
                    );
                    diagnostics.push(Diagnostic::error("duplicate-protocol", message, 0..0).within(source));
                }
                None => protocols.push(protocol),
            }
        }
        // A battery's limits hold on the protocols of its settings, not on other dialects that can be read.
        for protocol in protocols.iter_mut().filter(|protocol| !protocol.settings.is_empty()) {
            for product in &products {
                diagnostics.extend(super::scope::add_product_rules(protocol, product));
            }
        }
        protocols.sort_by(|a, b| a.name.cmp(&b.name));
        let library = Library {
            protocols,
            products,
            question_files,
            equivalents,
        };
        (library, diagnostics)
    }

    /// The protocol with this name.
    pub fn protocol(&self, name: &str) -> Option<&Protocol> {
        self.protocols.iter().find(|protocol| protocol.name == name)
    }

    /// The batteries that are known: requirements by number, limits that hold on any protocol.
    pub fn products(&self) -> &[Product] {
        &self.products
    }

    /// The requirement with this number, of any product.
    pub fn requirement(&self, id: &str) -> Option<&Requirement> {
        self.products.iter().find_map(|product| product.requirement(id))
    }

    /// The settled questions, read from their files when asked for: only a person who reads needs them.
    pub fn questions(&self) -> (Vec<Question>, Diagnostics) {
        let mut all = Vec::new();
        let mut diagnostics = Diagnostics::default();
        for source in &self.question_files {
            let (found, mistakes) = questions::questions(source);
            all.extend(found);
            diagnostics.extend(mistakes);
        }
        (all, diagnostics)
    }

    /// The lists of faults that by the sheets cannot be told from correct behaviour; read by
    /// [`equivalent::load`](crate::fault::equivalent::load), for which the definitions must be known.
    pub fn equivalents(&self) -> &[Source] {
        &self.equivalents
    }

    /// All protocols by name.
    pub fn protocols(&self) -> impl Iterator<Item = &Protocol> {
        self.protocols.iter()
    }
}
