//! A requirement or settled question: what it says, how it is read, what tests it.

use crate::definition::citations::Citation;
use crate::definition::{BusKind, Grade, Product, Question, Requirement, TestSite};
use crate::report::layout::section;
use crate::report::text::{Style, Tone, columns, counted, labelled, wrap};
use crate::suite::coverage::FirmwareTest;
use crate::suite::{Case, Suite};

/// Where the text after a label begins.
const COLUMN: usize = 17;
/// Cases are listed one by one up to this many.
const MANY: usize = 20;
/// Where there are more, so many of each suite are.
const OF_SUITE: usize = 3;

/// What a number stands for.
#[derive(Clone, Copy, Debug)]
pub enum Numbered<'a> {
    /// A requirement of a battery.
    Requirement(&'a Product, &'a Requirement),
    /// A settled question.
    Question(&'a Question),
}

impl Numbered<'_> {
    /// Its number.
    pub fn id(&self) -> &str {
        match self {
            Numbered::Requirement(_, requirement) => &requirement.id,
            Numbered::Question(question) => &question.id,
        }
    }

    /// What it says.
    pub fn text(&self) -> &str {
        match self {
            Numbered::Requirement(_, requirement) => &requirement.text,
            Numbered::Question(question) => &question.text,
        }
    }

    /// All of its texts.
    pub fn texts(&self) -> Vec<&str> {
        match self {
            Numbered::Requirement(_, requirement) => {
                let others = [&requirement.reading, &requirement.basis, &requirement.untested];
                let others = others.into_iter().flatten();
                std::iter::once(&requirement.text)
                    .chain(others)
                    .chain(&requirement.details)
                    .map(String::as_str)
                    .collect()
            }
            Numbered::Question(question) => [
                &question.text,
                &question.readings,
                &question.reference,
                &question.checker,
            ]
            .into_iter()
            .chain(&question.details)
            .map(String::as_str)
            .collect(),
        }
    }
}

/// What belongs to a number.
#[derive(Clone, Debug)]
pub struct Page<'a> {
    /// The requirement or question.
    pub subject: Numbered<'a>,
    /// Others that it names, or that name it.
    pub related: Vec<Numbered<'a>>,
    /// Where definitions cite it, each with the name of the file.
    pub citations: Vec<(&'a str, Citation)>,
    /// Suites with their cases that cover it.
    pub cases: Vec<(&'a Suite, Vec<&'a Case>)>,
    /// The firmware tests that name it.
    pub firmware_tests: Vec<&'a FirmwareTest>,
    /// Whether everything is listed, however much it is.
    pub all: bool,
}

/// The page as text.
pub fn render(page: &Page, style: &Style) -> String {
    let subject = &page.subject;
    let heading = format!("{}: {}", subject.id(), subject.text());
    let mut out = String::new();
    for line in wrap(&heading, style.width) {
        out.push_str(&format!("{}\n", style.paint(Tone::Strong, &line)));
    }
    let details = match subject {
        Numbered::Requirement(product, requirement) => {
            out.push_str(&requirement_facts(product, requirement, style));
            &requirement.details
        }
        Numbered::Question(question) => {
            out.push_str(&question_facts(question, style));
            &question.details
        }
    };
    if !details.is_empty() {
        out.push_str(&section(style, "In detail"));
        for detail in details {
            out.push_str(&labelled(style, 2, 4, "-", detail, Tone::Plain));
        }
    }
    out.push_str(&related(page, style));
    out.push_str(&citations(page, style));
    out.push_str(&cases(page, style));
    out.push_str(&firmware_tests(page, style));
    out
}

fn facts(style: &Style, facts: &[(&str, &str)]) -> String {
    facts
        .iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(name, text)| labelled(style, 2, COLUMN, name, text, Tone::Plain))
        .collect()
}

fn requirement_facts(product: &Product, requirement: &Requirement, style: &Style) -> String {
    let kind = match requirement.id.split_once('-').map(|(letter, _)| letter) {
        Some("R") => "a requirement of the battery's manual",
        Some("C") => "a contradiction or gap of the battery's manual",
        Some("B") => "behaviour of this class of battery, as the reference firmware has it",
        _ => "a requirement",
    };
    let tested = match requirement.test {
        TestSite::Wire if !requirement.seen_on.is_empty() => {
            format!("on the wire of {}", requirement.seen_on.join(", "))
        }
        TestSite::Wire if !requirement.fields.is_empty() => {
            format!("on the wire of every protocol with {}", requirement.fields.join(" or "))
        }
        TestSite::Wire => match requirement.bus {
            None => "on the wire, by cases".to_string(),
            Some(BusKind::Can) => "on the wire, by cases; only on CAN".to_string(),
            Some(BusKind::Serial) => "on the wire, by cases; only on a serial bus".to_string(),
        },
        TestSite::Firmware => {
            "inside the battery (panel, LEDs, keys), by tests of the reference firmware; no inverter sees it"
                .to_string()
        }
        TestSite::None => match &requirement.untested {
            None => "by no program".to_string(),
            Some(why) => format!("by no program of its own: {why}"),
        },
    };
    let known = match requirement.grade {
        Grade::A => "the manual or another document of a vendor says so",
        Grade::B => "several implementations agree",
        Grade::C => "one source says so",
        Grade::D => "inferred, or chosen for the reference BMS",
    };
    let fact = format!("sheet {}, grade {}: {known}", product.sheet, requirement.grade.letter());
    facts(
        style,
        &[
            ("what it is", kind),
            ("battery", &product.title),
            ("reading", requirement.reading.as_deref().unwrap_or_default()),
            ("basis", requirement.basis.as_deref().unwrap_or_default()),
            ("tested", &tested),
            ("fact", &fact),
            ("stands in", &requirement.origin.file_line()),
        ],
    )
}

fn question_facts(question: &Question, style: &Style) -> String {
    facts(
        style,
        &[
            (
                "what it is",
                "a question on which documents and devices differ, as it is settled",
            ),
            ("readings", &question.readings),
            ("reference BMS", &question.reference),
            ("judged", &question.checker),
            ("grade", &question.grade),
            ("stands in", &question.origin.file_line()),
        ],
    )
}

fn related(page: &Page, style: &Style) -> String {
    if page.related.is_empty() {
        return String::new();
    }
    let mut out = section(style, "See also");
    let widest = page.related.iter().map(|other| columns(other.id())).max();
    let column = 2 + widest.unwrap_or(0) + 2;
    for other in &page.related {
        let line = beginning(other.text(), style.width.saturating_sub(column));
        out.push_str(&labelled(style, 2, column, other.id(), &line, Tone::Plain));
    }
    out
}

/// As much of a text as stands on one line.
fn beginning(text: &str, width: usize) -> String {
    let whole = wrap(text, width);
    if let [line] = whole.as_slice() {
        return line.clone();
    }
    let first = wrap(text, width.saturating_sub(4))
        .into_iter()
        .next()
        .unwrap_or_default();
    format!("{} ...", first.trim_end_matches([',', ';', ':']))
}

fn citations(page: &Page, style: &Style) -> String {
    if page.citations.is_empty() {
        return String::new();
    }
    let mut out = section(style, "Cited in definitions");
    let mut file = "";
    for (name, citation) in &page.citations {
        if *name != file {
            file = name;
            out.push_str(&format!("  {file}\n"));
        }
        let part = if citation.part.is_empty() {
            "comment"
        } else {
            &citation.part
        };
        // The number alone, as a note, says no more than the place.
        let text = if citation.text == page.subject.id() {
            part.to_string()
        } else {
            format!("{part}: {}", citation.text)
        };
        out.push_str(&labelled(
            style,
            4,
            12,
            &format!("line {}", citation.line),
            &text,
            Tone::Plain,
        ));
    }
    out
}

fn cases(page: &Page, style: &Style) -> String {
    let total: usize = page.cases.iter().map(|(_, cases)| cases.len()).sum();
    if total == 0 {
        let elsewhere = match page.subject {
            Numbered::Requirement(_, requirement) => requirement.test != TestSite::Wire,
            Numbered::Question(_) => false,
        };
        if elsewhere {
            return String::new();
        }
        return format!(
            "{}  {}\n",
            section(style, "Covered by"),
            style.paint(Tone::Doubtful, "no case")
        );
    }
    let most = if page.all || total <= MANY { total } else { OF_SUITE };
    let mut out = section(style, &format!("Covered by {}", counted(total, "case")));
    let mut left = 0;
    for (suite, cases) in &page.cases {
        let on = match suite.protocol {
            Some(_) => "",
            None => " (every protocol)",
        };
        let heading = format!("{}{on}: {}", suite.name, suite.title);
        for line in wrap(&heading, style.width.saturating_sub(2)) {
            out.push_str(&format!("  {}\n", style.paint(Tone::Faint, &line)));
        }
        for case in cases.iter().take(most) {
            out.push_str(&format!("    {}/{}\n", suite.name, case.id));
            for line in wrap(&case.title, style.width.saturating_sub(8)) {
                out.push_str(&format!("        {line}\n"));
            }
        }
        if cases.len() > most {
            left += cases.len() - most;
            out.push_str(&format!("    ... and {} more\n", cases.len() - most));
        }
    }
    if left > 0 {
        let hint = format!("bmscheck explain {} --all   lists all of them", page.subject.id());
        out.push_str(&format!("\n{}\n", style.paint(Tone::Hint, &hint)));
    }
    out
}

fn firmware_tests(page: &Page, style: &Style) -> String {
    let tests = &page.firmware_tests;
    if tests.is_empty() {
        let inside =
            matches!(page.subject, Numbered::Requirement(_, requirement) if requirement.test == TestSite::Firmware);
        if !inside {
            return String::new();
        }
        return format!(
            "{}  {}\n",
            section(style, "Named by firmware tests"),
            style.paint(Tone::Doubtful, "no test")
        );
    }
    let mut out = section(style, &format!("Named by {}", counted(tests.len(), "firmware test")));
    let mut file = "";
    for test in tests {
        if test.file != file {
            file = test.file;
            out.push_str(&format!("  {}\n", style.paint(Tone::Faint, file)));
        }
        out.push_str(&format!("    {}\n", test.name));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Source;
    use crate::suite::coverage::covering;
    use crate::suite::{library, load};

    fn suites() -> Vec<Suite> {
        let protocols = library().protocols().collect::<Vec<_>>();
        let suite = |name: &str, on: &str, message: &str, count: usize| {
            let mut text = format!("suite: {name}\ntitle: Of {name}\n{on}\ncases:\n");
            for number in 0..count {
                text.push_str(&format!(
                    "- {{ id: c-{number}, title: The number {number} of cases with a title that takes two lines of a narrow \
                     terminal, covers: [R-013], steps: [{{ expect: {{ {message}fields: {{ soc: 50 % }} }} }}] }}\n"
                ));
            }
            let (suite, mistakes) = load(&Source::new("t.yaml", text), &protocols);
            suite.unwrap_or_else(|| panic!("{}", mistakes.render_plain()))
        };
        vec![
            suite("pylon-can/many", "protocol: pylon-can", "message: 0x355, ", 19),
            suite("behaviour/few", "protocols: all", "", 2),
        ]
    }

    fn page(suites: &[Suite], all: bool, width: usize) -> String {
        let product = library().products().first().unwrap();
        let page = Page {
            subject: Numbered::Requirement(product, product.requirement("R-013").unwrap()),
            related: vec![Numbered::Requirement(product, product.requirement("B-074").unwrap())],
            citations: Vec::new(),
            cases: covering("R-013", suites),
            firmware_tests: Vec::new(),
            all,
        };
        render(&page, &Style { colour: false, width })
    }

    #[test]
    fn many_cases_are_shortened_by_suite_unless_all_are_asked_for() {
        let suites = suites();
        let short = page(&suites, false, 80);
        assert!(short.contains("Covered by 21 cases"), "{short}");
        assert!(
            short.contains("  behaviour/few (every protocol): Of behaviour/few\n"),
            "{short}"
        );
        for shown in [
            "    pylon-can/many/c-2\n",
            "    behaviour/few/c-1\n",
            "... and 16 more\n",
            "R-013 --all",
        ] {
            assert!(short.contains(shown), "{shown}\n{short}");
        }
        assert!(!short.contains("c-3\n"), "{short}");
        let long = page(&suites, true, 80);
        assert!(long.contains("    pylon-can/many/c-18\n"), "{long}");
        assert!(!long.contains("more") && !long.contains("--all"), "{long}");
        let few = page(&suites[1..], false, 80);
        assert!(few.contains("Covered by 2 cases") && !few.contains("--all"), "{few}");
    }

    #[test]
    fn pages_fit_the_terminal() {
        for width in [60, 80, 120] {
            let text = page(&suites(), true, width);
            assert!(text.lines().all(|line| columns(line) <= width), "{width}\n{text}");
        }
    }
}
