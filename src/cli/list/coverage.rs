//! `bmscheck list cases --coverage`: what is demanded, and what covers it.

use serde_json::{Value, json};

use crate::definition::{Library, Protocol, TestSite};
use crate::report::layout::Table;
use crate::report::text::{Style, Tone, counted};
use crate::suite::Suite;
use crate::suite::coverage::{CoverageRow, RequirementRow, coverage, firmware_tests, requirements};

/// Everything that is demanded, with what covers it.
pub(super) struct Report<'l> {
    /// The items of each protocol.
    items: Vec<(&'l Protocol, Vec<CoverageRow>)>,
    /// The requirements of the battery.
    requirements: Vec<RequirementRow<'l>>,
    /// The only protocol that is judged.
    only: Option<&'l str>,
}

impl<'l> Report<'l> {
    /// What `protocols` demand, and the requirements that they can show; with `everything` also those inside the
    /// battery.
    pub(super) fn new(
        library: &'l Library,
        protocols: &[&'l Protocol],
        everything: bool,
        suites: &[Suite],
    ) -> Report<'l> {
        // Suites must cover the protocols of the battery's settings. Other dialects are there to be read.
        let demanded: Vec<&Protocol> = protocols
            .iter()
            .copied()
            .filter(|protocol| !protocol.settings.is_empty())
            .collect();
        Report {
            requirements: requirements(library.products(), &demanded, suites, firmware_tests(), everything),
            only: protocols
                .first()
                .filter(|_| !everything)
                .map(|protocol| protocol.name.as_str()),
            items: demanded
                .into_iter()
                .map(|protocol| (protocol, coverage(protocol, suites)))
                .collect(),
        }
    }

    /// What nothing covers, grouped; nothing at all where everything is covered.
    pub(super) fn table(&self, style: &Style) -> String {
        let mut groups = Vec::new();
        for (protocol, rows) in &self.items {
            let open: Vec<Vec<String>> = rows
                .iter()
                .filter(|row| row.cases.is_empty())
                .map(|row| vec![row.item.to_string(), row.item.title(protocol)])
                .collect();
            let heading = format!("{}: no case covers {} of", protocol.name, open.len());
            groups.push((format!("{heading} {}", counted(rows.len(), "item")), "item", open));
        }
        for site in [TestSite::Wire, TestSite::Firmware] {
            let rows: Vec<_> = self
                .requirements
                .iter()
                .filter(|row| row.requirement.test == site)
                .collect();
            let open: Vec<Vec<String>> = rows
                .iter()
                .filter(|row| row.is_open())
                .map(|row| vec![row.requirement.id.clone(), row.requirement.text.clone()])
                .collect();
            let (place, covers) = match (site, self.only) {
                (TestSite::Wire, None) => ("requirements on the wire".to_string(), "no case covers"),
                (TestSite::Wire, Some(name)) => (format!("requirements on the wire of {name}"), "no case covers"),
                _ => ("requirements inside the battery".to_string(), "no firmware test names"),
            };
            let heading = format!("{place}: {covers} {} of {}", open.len(), rows.len());
            groups.push((heading, "number", open));
        }
        groups.retain(|(_, _, open)| !open.is_empty());
        let mut parts: Vec<String> = Vec::new();
        for (heading, head, open) in groups {
            let mut table = Table::new(&[head, "what it is"]);
            open.into_iter().for_each(|row| table.row(row));
            parts.push(format!(
                "{}\n{}",
                style.paint(Tone::Strong, &heading),
                table.render(style, 2)
            ));
        }
        parts.join("\n")
    }

    /// Every item and requirement, with what covers it.
    pub(super) fn json(&self) -> Value {
        let items = self.items.iter().flat_map(|(protocol, rows)| {
            rows.iter().map(
                |row| json!({ "item": row.item.to_string(), "title": row.item.title(protocol), "cases": row.cases }),
            )
        });
        let requirements = self.requirements.iter().map(|row| {
            let tests: Vec<Value> = row
                .firmware_tests
                .iter()
                .map(|test| json!({ "file": test.file, "name": test.name }))
                .collect();
            json!({
                "item": row.requirement.id, "title": row.requirement.text, "test": row.requirement.test.word(),
                "grade": row.requirement.grade.letter(), "cases": row.cases, "firmware_tests": tests,
            })
        });
        items.chain(requirements).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::library;

    #[test]
    fn nothing_is_said_where_everything_is_covered() {
        let library = library();
        let row = |id: &str| RequirementRow {
            requirement: library.requirement(id).unwrap(),
            cases: Vec::new(),
            firmware_tests: Vec::new(),
        };
        let protocol = library.protocol("pylon-can").unwrap();
        let mut report = Report {
            items: vec![(protocol, coverage(protocol, &[]))],
            requirements: vec![row("R-003"), row("R-046"), row("R-011")],
            only: None,
        };
        let text = report.table(&Style::PLAIN);
        for part in [
            "pylon-can: no case covers",
            "requirements on the wire: no case covers 1 of 1\n",
            "  R-003 ",
            "requirements inside the battery: no firmware test names 1 of 1\n",
            "  R-046 ",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        assert!(!text.contains("R-011"), "no program can test it\n{text}");
        for (_, rows) in &mut report.items {
            rows.iter_mut().for_each(|row| row.cases.push("a/b/c".into()));
        }
        for row in &mut report.requirements {
            row.cases.push("a/b/c".into());
            row.firmware_tests.extend(firmware_tests().first());
        }
        assert_eq!(report.table(&Style::PLAIN), "");
    }
}
