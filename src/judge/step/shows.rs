//! What display and LEDs show.

use crate::definition::Grade;
use crate::link::look;
use crate::link::stimulus::setting_text;
use crate::suite::Setting;
use crate::time::Instant;

use crate::judge::observe::{Observation, Seen};
use crate::judge::ruling::{Context, Ruling};

/// Demands what can be seen at one moment: it is looked at when the step begins.
#[derive(Debug)]
pub(crate) struct ShowsMachine<'p> {
    context: Context<'p>,
    wanted: Vec<(String, Setting)>,
    start: Instant,
    shown: Option<Vec<(String, Setting)>>,
}

impl<'p> ShowsMachine<'p> {
    pub(crate) fn new(wanted: Vec<(String, Setting)>, context: Context<'p>, start: Instant) -> ShowsMachine<'p> {
        ShowsMachine {
            context,
            wanted,
            start,
            shown: None,
        }
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.start
    }

    pub(crate) fn is_done(&self) -> bool {
        self.shown.is_some()
    }

    pub(crate) fn observe(&mut self, observation: &Observation<'p>) {
        if let (Seen::Looked(shown), None) = (&observation.seen, &self.shown) {
            self.shown = Some(shown.to_vec());
        }
    }

    pub(crate) fn finish(self) -> Vec<Ruling> {
        let requirement = "what the manual says of display and LEDs";
        let mut rulings = Vec::with_capacity(self.wanted.len());
        for (name, wanted) in &self.wanted {
            let shown = self.shown.iter().flatten().find(|(known, _)| known == name);
            let (actual, held) = match shown {
                Some((_, value)) => (setting_text(value), look::same(wanted, value)),
                None => ("nobody looked".to_string(), false),
            };
            let ruling = self
                .context
                .ruling(name.clone(), Grade::A, setting_text(wanted), actual, held)
                .with_requirement(requirement.to_string());
            rulings.push(match shown {
                Some(_) => ruling,
                None => ruling.unjudged("the observation ended before"),
            });
        }
        rulings
    }
}
