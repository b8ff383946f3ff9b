//! The state file of an emulation: stimuli as YAML or JSON, written as in the `given` of a suite.
//!
//! ```yaml
//! packs: 2
//! soc: 95 %
//! cell_voltage: 3.45 V
//! pack_2.current: -5 A
//! cell_over_voltage_protection: true
//! unplug: 2            # or [2, 3]
//! sleep: true
//! ```

use super::super::stimulus::{self, StimulusError};
use crate::document::diagnostic::nearest;
use crate::document::node::Value;
use crate::document::{Diagnostic, Diagnostics, Node, Source, node};
use crate::suite::Stimulus;

/// Reads a state; the number of packs comes first, and sleep last, wherever they stand.
///
/// # Errors
/// All mistakes of the file, each with its place.
pub fn parse(source: &Source) -> Result<Vec<Stimulus>, Diagnostics> {
    let root = node::parse(source)?;
    let mut diagnostics = Diagnostics::default();
    if !matches!(root.value, Value::Mapping(_) | Value::Null) {
        let message = format!("a state is a mapping of names and values, not {}", root.kind());
        return Err(Diagnostic::error("state-shape", message, root.span.clone())
            .within(source)
            .into());
    }
    let mut packs = Vec::new();
    let (mut settings, mut lines, mut sleep) = (Vec::new(), Vec::new(), Vec::new());
    for (key, value) in root.entries() {
        let result = match key.text().unwrap_or_default() {
            "packs" => pack(value).map(|count| packs.push(Stimulus::Packs(count))),
            "sleep" => truth(value).map(|sleeps| sleep.push(Stimulus::Sleep(sleeps))),
            "unplug" => value.elements().iter().try_for_each(|element| {
                let pack = pack(element)?;
                lines.push(Stimulus::Online { pack, online: false });
                Ok(())
            }),
            name => setting(key, name, value).map(|stimulus| settings.push(stimulus)),
        };
        if let Err(mistake) = result {
            diagnostics.push(mistake.within(source));
        }
    }
    if diagnostics.has_errors() {
        return Err(diagnostics);
    }
    Ok([packs, settings, lines, sleep].concat())
}

fn setting(key: &Node, name: &str, value: &Node) -> Result<Stimulus, Diagnostic> {
    let Some(text) = value.text() else {
        let message = format!("`{name}` takes a single value, not {}", value.kind());
        return Err(Diagnostic::error("stimulus-value", message, value.span.clone()));
    };
    let setting = stimulus::setting(text);
    match stimulus::check(name, &setting) {
        Ok(()) => Ok(Stimulus::Set(name.to_string(), setting)),
        Err(error) => {
            let (id, span) = match error {
                StimulusError::Unknown { .. } | StimulusError::Number { .. } | StimulusError::Pack { .. } => {
                    ("unknown-stimulus", key.span.clone())
                }
                _ => ("stimulus-value", value.span.clone()),
            };
            let other = || nearest(name, ["packs", "sleep", "unplug"]).map(|near| format!("did you mean `{near}`?"));
            let help = error.help().or_else(other);
            Err(Diagnostic::error(id, error.to_string(), span).maybe_help(help))
        }
    }
}

fn pack(value: &Node) -> Result<u8, Diagnostic> {
    let number = value.text().and_then(|text| text.parse().ok());
    number
        .filter(|number| (1..=refbms::MAX_PACKS).contains(number))
        .ok_or_else(|| {
            let message = format!("a bank has packs 1 to {}", refbms::MAX_PACKS);
            Diagnostic::error("stimulus-value", message, value.span.clone())
        })
}

fn truth(value: &Node) -> Result<bool, Diagnostic> {
    value.text().and_then(|text| text.parse().ok()).ok_or_else(|| {
        let message = "`sleep` takes true or false";
        Diagnostic::error("stimulus-value", message, value.span.clone())
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::stimulus::in_words;
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let stimuli = parse(&Source::new("state.yaml", text));
        let stimuli = stimuli.unwrap_or_else(|diagnostics| panic!("{}", diagnostics.render_plain()));
        stimuli.iter().map(in_words).collect()
    }

    fn mistakes(text: &str) -> String {
        parse(&Source::new("state.yaml", text)).unwrap_err().render_plain()
    }

    #[test]
    fn packs_come_first_and_sleep_last() {
        let text = "sleep: true\nsoc: 95 %\nunplug: [2, 3]\npack_2.current: -5 A\npacks: 3\n";
        assert_eq!(
            words(text),
            [
                "3 packs",
                "soc = 95 %",
                "pack_2.current = -5 A",
                "pack 2 disconnected",
                "pack 3 disconnected",
                "sleep"
            ]
        );
        assert_eq!(words(r#"{"soc": "95 %", "packs": 2}"#), ["2 packs", "soc = 95 %"]);
        assert!(words("").is_empty());
    }

    #[test]
    fn all_mistakes_are_told_with_their_place() {
        let text = mistakes("soc: 95\ncell_voltag: 3 V\npacks: 9\nsleep: maybe\nheater_on: [true]\nunplugg: 2\n");
        for expected in [
            "state.yaml:1:6",
            "`soc` is a percentage, not a bare number",
            "state.yaml:2:1",
            "did you mean `cell_voltage`?",
            "a bank has packs 1 to 4",
            "`sleep` takes true or false",
            "`heater_on` takes a single value, not a list",
            "did you mean `unplug`?",
        ] {
            assert!(text.contains(expected), "{expected} in\n{text}");
        }
        assert!(mistakes("- soc\n").contains("a state is a mapping of names and values, not a list"));
    }
}
