//! Requirements and settled questions by number: `R-013`, `Q-08`.

use crate::cli::CliError;
use crate::definition::citations::{citations, cites};
use crate::definition::{Library, Question};
use crate::report::layout::requirement::{Numbered, Page, render};
use crate::report::text::Style;
use crate::suite::Suite;
use crate::suite::coverage::{covering, firmware_tests};

/// What a user means by a number: `R-013`, `r-13`, `R13`. `None` for what does not look like one.
///
/// # Errors
/// It looks like a number, but there is none such; the nearest are offered.
pub(super) fn find<'a>(
    library: &'a Library,
    questions: &'a [Question],
    text: &str,
) -> Result<Option<Numbered<'a>>, CliError> {
    let all = numbered(library, questions);
    if let Some(exact) = all.iter().find(|each| each.id().eq_ignore_ascii_case(text)) {
        return Ok(Some(*exact));
    }
    let Some(wanted) = parse(text) else { return Ok(None) };
    match all.iter().find(|each| parse(each.id()) == Some(wanted)) {
        Some(found) => Ok(Some(*found)),
        None => Err(unknown(text, wanted, &all)),
    }
}

/// The page of a number.
pub(super) fn page(
    library: &Library,
    questions: &[Question],
    suites: &[Suite],
    subject: Numbered,
    all: bool,
    style: &Style,
) -> String {
    let id = subject.id();
    let names = |one: &Numbered, other: &str| one.texts().iter().any(|text| cites(text, other));
    let related = numbered(library, questions)
        .into_iter()
        .filter(|other| other.id() != id && (names(&subject, other.id()) || names(other, id)))
        .collect();
    let protocols = library.protocols().map(|protocol| &protocol.source);
    let products = library.products().iter().map(|product| &product.source);
    let page = Page {
        subject,
        related,
        citations: protocols
            .chain(products)
            .flat_map(|source| {
                let name: &str = &source.name;
                citations(source, id).into_iter().map(move |citation| (name, citation))
            })
            .collect(),
        cases: covering(id, suites),
        firmware_tests: firmware_tests().iter().filter(|test| test.requirement == id).collect(),
        all,
    };
    render(&page, style)
}

/// Everything that has a number, in the order of the data.
fn numbered<'a>(library: &'a Library, questions: &'a [Question]) -> Vec<Numbered<'a>> {
    let requirements = library.products().iter().flat_map(|product| {
        let of_product = product.requirements.iter();
        of_product.map(move |requirement| Numbered::Requirement(product, requirement))
    });
    requirements.chain(questions.iter().map(Numbered::Question)).collect()
}

/// Letter and number of what looks like a requirement, whatever its case, zeros and hyphen.
fn parse(text: &str) -> Option<(char, u32)> {
    let mut characters = text.chars();
    let letter = characters.next().filter(char::is_ascii_alphabetic)?;
    let rest = characters.as_str();
    let digits = rest.strip_prefix('-').unwrap_or(rest);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.parse().ok().filter(|_| plain)?;
    Some((letter.to_ascii_uppercase(), number))
}

fn unknown(text: &str, (letter, number): (char, u32), all: &[Numbered]) -> CliError {
    let mut known: Vec<(u32, &str)> = all
        .iter()
        .filter_map(|each| parse(each.id()).map(|parsed| (parsed, each.id())))
        .filter(|((other, _), _)| *other == letter)
        .map(|((_, number), id)| (number, id))
        .collect();
    known.sort_unstable();
    let error = CliError::usage(format!("there is no requirement or question `{text}`"));
    let below = known.iter().rev().find(|(other, _)| *other < number);
    let above = known.iter().find(|(other, _)| *other > number);
    let nearest: Vec<String> = [below, above]
        .into_iter()
        .flatten()
        .map(|(_, id)| format!("`{id}`"))
        .collect();
    if nearest.is_empty() {
        return error.help("numbers are R- (manual), C- (contradictions), B- (behaviour) and Q- (settled questions)");
    }
    error
        .help(format!("did you mean {}?", nearest.join(" or ")))
        .help(format!("known: {}", runs(&known)))
}

/// Numbers in short: `R-001 to R-021, R-030`.
fn runs(known: &[(u32, &str)]) -> String {
    let mut runs: Vec<(&str, &str, u32)> = Vec::new();
    for (number, id) in known {
        match runs.last_mut() {
            Some((_, last, end)) if *end + 1 == *number => (*last, *end) = (id, *number),
            _ => runs.push((id, id, *number)),
        }
    }
    let texts: Vec<String> = runs
        .iter()
        .map(|(first, last, _)| {
            if first == last {
                (*first).to_string()
            } else {
                format!("{first} to {last}")
            }
        })
        .collect();
    texts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_known_however_they_are_written() {
        for text in ["R-013", "r-13", "R13", "R-0013"] {
            assert_eq!(parse(text), Some(('R', 13)), "{text}");
        }
        for text in [
            "",
            "R",
            "R-",
            "pylon-can",
            "R-1a",
            "-13",
            "R--13",
            "R-99999999999",
            "é-1",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn every_question_that_a_case_may_cite_has_a_text() {
        let (library, _) = Library::load(None);
        let (questions, mistakes) = library.questions();
        assert!(mistakes.is_empty(), "{}", mistakes.render_plain());
        for number in 0..100 {
            let id = format!("Q-{number:02}");
            let cited = crate::suite::coverage::is_requirement(&id);
            assert_eq!(questions.iter().any(|question| question.id == id), cited, "{id}");
        }
    }

    #[test]
    fn what_is_untestable_says_why_and_what_is_testable_does_not() {
        let (library, _) = Library::load(None);
        for requirement in library.products().iter().flat_map(|product| &product.requirements) {
            let none = requirement.test == crate::definition::TestSite::None;
            assert_eq!(requirement.untested.is_some(), none, "{}", requirement.id);
        }
    }

    #[test]
    fn what_a_requirement_names_exists() {
        let (library, _) = Library::load(None);
        let (questions, _) = library.questions();
        let all = numbered(&library, &questions);
        let is_letter = |letter: char| matches!(letter, 'R' | 'C' | 'B' | 'Q');
        for each in &all {
            for text in each.texts() {
                let words = text.split(|character: char| !character.is_ascii_alphanumeric() && character != '-');
                for word in words.filter(|word| word.contains('-')) {
                    if parse(word).is_some_and(|(letter, _)| is_letter(letter)) {
                        assert!(all.iter().any(|other| other.id() == word), "{} names {word}", each.id());
                    }
                }
            }
        }
    }

    #[test]
    fn runs_of_numbers_are_short() {
        assert_eq!(
            runs(&[(1, "R-001"), (2, "R-002"), (5, "R-005")]),
            "R-001 to R-002, R-005"
        );
        assert_eq!(runs(&[]), "");
    }
}
