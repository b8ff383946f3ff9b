//! Where the reports of a run go: the screen, and the files that were asked for.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::cli::CliError;
use crate::cli::output::Output;
use crate::judge::CaseResult;
use crate::report::console::Console;
use crate::report::json::JsonWriter;
use crate::report::text::Style;
use crate::report::{End, Header, Report, console, junit};

/// A report file that was asked for: `json=PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportFile {
    /// The format.
    pub format: ReportFormat,
    /// Where to.
    pub path: PathBuf,
}

/// The formats of report files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportFormat {
    /// For programs, written as the run goes on.
    Json,
    /// For CI systems, written at the end.
    Junit,
}

impl FromStr for ReportFile {
    type Err = String;

    fn from_str(text: &str) -> Result<ReportFile, String> {
        let Some((format, path)) = text.split_once('=') else {
            return Err("write the format and the path: `json=report.json`".to_string());
        };
        let format = match format {
            "json" => ReportFormat::Json,
            "junit" => ReportFormat::Junit,
            "html" => return Err("this version writes no HTML; its formats are json and junit".to_string()),
            other => return Err(format!("`{other}` is no format of reports; they are json and junit")),
        };
        if path.is_empty() {
            return Err("the path is missing after `=`".to_string());
        }
        Ok(ReportFile {
            format,
            path: PathBuf::from(path),
        })
    }
}

/// All reports of a run in the making.
pub struct Reports {
    out: Output,
    console: Console,
    report: Report,
    json: Vec<(PathBuf, JsonWriter<BufWriter<File>>)>,
    junit: Vec<PathBuf>,
    text: Option<PathBuf>,
}

impl Reports {
    /// Creates the files and begins the screen. A file that cannot be written is known before anything is sent, and an
    /// older report under the same name cannot be taken for this run's.
    ///
    /// # Errors
    /// A file cannot be written, or the output fails.
    pub fn begin(
        header: Header,
        planned: Vec<(String, usize)>,
        style: Style,
        files: &[ReportFile],
        folder: Option<&Path>,
    ) -> Result<Reports, CliError> {
        let mut files = files.to_vec();
        if let Some(folder) = folder {
            fs::create_dir_all(folder).map_err(|source| refused(folder, &source))?;
            for (format, name) in [(ReportFormat::Json, "report.json"), (ReportFormat::Junit, "junit.xml")] {
                files.push(ReportFile {
                    format,
                    path: folder.join(name),
                });
            }
        }
        let mut reports = Reports {
            out: Output::stdout(),
            console: Console::new(header.clone(), planned, style),
            report: Report {
                header,
                cases: Vec::new(),
                end: None,
            },
            json: Vec::new(),
            junit: Vec::new(),
            text: folder.map(|folder| folder.join("report.txt")),
        };
        for file in files {
            let created = File::create(&file.path).map_err(|source| refused(&file.path, &source))?;
            match file.format {
                ReportFormat::Json => {
                    let writer = JsonWriter::begin(BufWriter::new(created), &reports.report.header)
                        .map_err(|source| unwritable(&file.path, source))?;
                    reports.json.push((file.path, writer));
                }
                ReportFormat::Junit => reports.junit.push(file.path),
            }
        }
        if let Some(path) = &reports.text {
            File::create(path).map_err(|source| refused(path, &source))?;
        }
        let text = reports.console.begin();
        reports.out.text_for_any_reader(&text)?;
        Ok(reports)
    }

    /// A case is judged.
    ///
    /// # Errors
    /// A file cannot be written, or the output fails.
    pub fn case(&mut self, case: CaseResult) -> Result<(), CliError> {
        let text = self.console.case(&case);
        self.out.text_for_any_reader(&text)?;
        for (path, writer) in &mut self.json {
            writer.case(&case).map_err(|source| unwritable(path, source))?;
        }
        self.report.cases.push(case);
        Ok(())
    }

    /// The run is over: the rest of the screen, the ends of the files. Gives back the whole report.
    ///
    /// # Errors
    /// A file cannot be written, or the output fails.
    pub fn finish(mut self, end: End) -> Result<Report, CliError> {
        let text = self.console.finish(Some(&end));
        self.report.end = Some(end.clone());
        if let Some(path) = &self.text {
            let text = console::render(&self.report, Style::PLAIN);
            fs::write(path, text).map_err(|source| unwritable(path, source))?;
        }
        for path in &self.junit {
            let xml = junit::render(&self.report).map_err(|reason| unwritable(path, std::io::Error::other(reason)))?;
            fs::write(path, xml).map_err(|source| unwritable(path, source))?;
        }
        self.out.text_for_any_reader(&text)?;
        // Last of all: only a run whose other reports are written is complete.
        for (path, writer) in self.json {
            let mut file = writer.finish(&end).map_err(|source| unwritable(&path, source))?;
            file.flush().map_err(|source| unwritable(&path, source))?;
        }
        Ok(self.report)
    }
}

/// The error for a file that cannot be created: the command line names a place that does not do.
fn refused(path: &Path, source: &std::io::Error) -> CliError {
    CliError::usage(format!("cannot write `{}`: {source}", path.display()))
}

/// The error for a file that cannot be written.
pub fn unwritable(path: &Path, source: std::io::Error) -> CliError {
    CliError::Write {
        path: path.to_path_buf(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn report_files_are_format_and_path() {
        let file: ReportFile = "junit=out/a=b.xml".parse().expect("a report file");
        assert_eq!(file.format, ReportFormat::Junit);
        assert_eq!(file.path, PathBuf::from("out/a=b.xml"));
        for wrong in ["json", "json=", "html=x.html", "xml=x"] {
            assert!(wrong.parse::<ReportFile>().is_err(), "{wrong}");
        }
    }
}
