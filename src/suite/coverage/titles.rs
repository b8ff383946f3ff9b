//! An item in words.

use super::{CoverageItem, Covered};
use crate::definition::scope::all_fields;
use crate::definition::{Message, Protocol};

impl CoverageItem {
    /// What the item is, in words of the definition `protocol` that states it; a field without a title by its name.
    pub fn title(&self, protocol: &Protocol) -> String {
        let message = |key: &str| protocol.message_by_reference(key);
        let of = |key: &str, what: &str| match message(key) {
            Some(message) => format!("{what} {}", message.name),
            None => String::new(),
        };
        match &self.what {
            Covered::Message(key) => message(key).map_or_else(String::new, message_title),
            Covered::Field(key, name) => message(key)
                .and_then(|message| {
                    let fields = all_fields(protocol, message);
                    let field = fields
                        .into_iter()
                        .find(|field| field.name == *name || field.matches(name));
                    field.map(|field| field.title.clone())
                })
                .filter(|title| !title.is_empty())
                .unwrap_or_else(|| name.replace('_', " ")),
            Covered::Period(key) => of(key, "how often the battery sends"),
            Covered::Length(key) => of(key, "the length of"),
            Covered::Reserved(key) => of(key, "the bits without a meaning in"),
            Covered::Rule(id) => title(&protocol.rules, |rule| (rule.id == *id).then_some(&rule.title)),
            Covered::Deviation(id) => title(&protocol.deviations, |known| (known.id == *id).then_some(&known.title)),
            Covered::Error(situation) => title(&protocol.errors, |rule| {
                (rule.situation == *situation).then_some(&rule.title)
            }),
            Covered::ReturnCode(code) => title(&protocol.return_codes, |state| {
                (state.code == i64::from(*code)).then_some(&state.name)
            }),
            Covered::Timing => "when a reply comes".into(),
            Covered::Plan(name) => title(&protocol.plans, |plan| (plan.name == *name).then_some(&plan.title)),
            Covered::Inverter(id) => {
                let name = title(&protocol.inverter, |frame| (frame.id == *id).then_some(&frame.name));
                format!("the inverter's frame {name}")
            }
            Covered::Keepalive => "what the silence of the inverter does".into(),
            Covered::FirstSet => "the complete set of frames after a start".into(),
            Covered::Forbidden(_) => "must not be sent".into(),
            Covered::OtherIds => "identifiers that the definition does not list".into(),
        }
    }
}

fn message_title(message: &Message) -> String {
    if message.title.is_empty() {
        return message.name.clone();
    }
    format!("{}: {}", message.name, message.title)
}

/// The text of the first entry that has one to give.
fn title<'p, T>(entries: &'p [T], text: impl Fn(&'p T) -> Option<&'p String>) -> String {
    entries.iter().find_map(text).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use crate::suite::coverage::{CoverageItem, demanded};
    use crate::suite::library;

    #[test]
    fn every_item_of_every_definition_has_words() {
        for protocol in library().protocols() {
            for item in demanded(protocol) {
                assert!(!item.title(protocol).trim().is_empty(), "{item}");
            }
        }
    }

    #[test]
    fn an_item_is_told_in_the_words_of_the_definition() {
        let protocol = library().protocol("pylon-can").unwrap();
        let title = |text: &str| {
            let (_, item) = CoverageItem::resolve(text, &[protocol]).unwrap();
            item.title(protocol)
        };
        assert_eq!(title("pylon-can/0x351.period"), "how often the battery sends limits");
        assert_eq!(
            title("pylon-can/0x351.discharge_voltage_limit"),
            "lowest discharge voltage"
        );
        assert_eq!(
            title("pylon-can/rule:no-charge-no-current"),
            "charging forbidden means a charge limit of 0 A"
        );
    }
}
