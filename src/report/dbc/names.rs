//! Names in a DBC: C identifiers, unique, and at most 32 characters long.

use std::collections::BTreeSet;

/// The most characters of a name in a DBC.
const LONGEST: usize = 32;

/// What is shortened, in this order, in names that are too long.
const ABBREVIATIONS: [(&str, &str); 10] = [
    ("protection", "prot"),
    ("temperature", "temp"),
    ("communication", "comm"),
    ("discharge", "dischg"),
    ("voltage", "volt"),
    ("current", "curr"),
    ("maximum", "max"),
    ("minimum", "min"),
    ("charge", "chg"),
    ("internal", "int"),
];

/// Words of C and of the DBC grammar, which no signal may be called.
const KEYWORDS: [&str; 32] = [
    "auto", "break", "case", "char", "const", "continue", "default", "do", "double", "else", "enum", "extern", "float",
    "for", "goto", "if", "int", "long", "register", "return", "short", "signed", "sizeof", "static", "struct",
    "switch", "typedef", "union", "unsigned", "void", "volatile", "while",
];

/// A name as it stands in the file, and in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    /// At most 32 characters.
    pub(super) short: String,
    /// The whole identifier; the same where that is short enough.
    pub(super) long: String,
}

/// Gives names out, each once.
#[derive(Debug, Default)]
pub(super) struct Names {
    taken: BTreeSet<String>,
}

impl Names {
    /// An identifier for this text; a number is added where it was given out before.
    pub(super) fn give(&mut self, text: &str) -> Name {
        let identifier = identifier(text);
        let long = self.unused(&identifier, usize::MAX);
        let short = match long.len() > LONGEST {
            true => self.unused(&abbreviated(&long), LONGEST),
            false => long.clone(),
        };
        self.taken.insert(long.clone());
        self.taken.insert(short.clone());
        Name { short, long }
    }

    fn unused(&self, wanted: &str, longest: usize) -> String {
        let head: String = wanted.chars().take(longest).collect();
        if !self.taken.contains(&head) {
            return head;
        }
        let numbered = (2_u32..).map(|number| {
            let tail = format!("_{number}");
            let head: String = wanted.chars().take(longest.saturating_sub(tail.len())).collect();
            format!("{head}{tail}")
        });
        // The numbers never run out before the names of one message do.
        let mut unused = numbered.filter(|name| !self.taken.contains(name));
        unused.next().unwrap_or(head)
    }
}

fn identifier(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let mut name: String = text.chars().map(plain).collect();
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        name.insert(0, '_');
    }
    if KEYWORDS.contains(&name.as_str()) {
        name.push('_');
    }
    name
}

fn abbreviated(name: &str) -> String {
    let mut name = name.to_string();
    for (word, short) in ABBREVIATIONS {
        if name.len() <= LONGEST {
            break;
        }
        name = name.replace(word, short);
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_identifiers_and_unique() {
        let mut names = Names::default();
        let mut short = |text: &str| names.give(text).short;
        assert_eq!(short("soc"), "soc");
        assert_eq!(short("soc"), "soc_2");
        assert_eq!(short("2nd-value"), "_2nd_value");
        assert_eq!(short("register"), "register_");
        assert_eq!(
            short("pack_1_discharge_over_temperature_protection"),
            "pack_1_discharge_over_temp_prot"
        );
    }

    #[test]
    fn long_names_that_begin_alike_stay_apart() {
        let mut names = Names::default();
        let alike = "a_name_without_any_word_that_could_be_shortened";
        let first = names.give(&format!("{alike}_1"));
        let second = names.give(&format!("{alike}_2"));
        assert_eq!(first.short, "a_name_without_any_word_that_cou");
        assert_eq!(second.short, "a_name_without_any_word_that_c_2");
        assert_eq!(second.long, format!("{alike}_2"));
    }
}
