//! Which message of a protocol carries a field of the bank.

use std::sync::OnceLock;

use super::by_name::ByName;
use super::{AddressClass, Field, Message, Presence, Protocol, Sender};

/// The fields that every battery sends, by name; made when first asked for, since suites for all protocols ask for every
/// demand on every protocol.
#[derive(Clone, Debug, Default)]
pub struct Carriers(OnceLock<ByName<Carrier>>);

#[derive(Clone, Copy, Debug)]
struct Carrier {
    /// The place among the protocol's messages, and that of the field in it.
    message: usize,
    field: usize,
    rank: (bool, u8),
}

impl Protocol {
    /// The message that carries a field of the bank, with the field.
    ///
    /// Of several, one of the whole system comes before one of a pack. Messages that are sent or answered only by some
    /// batteries, or that do something, do not count; `can_ask` tells which the harness can ask for where it must.
    pub fn carrier(&self, name: &str, can_ask: fn(&Message) -> bool) -> Option<(&Message, &Field)> {
        let carriers = self.carriers.0.get_or_init(|| carriers(self, can_ask));
        let carrier = carriers.get(name).min_by_key(|carrier| carrier.rank)?;
        let message = self.messages.get(carrier.message)?;
        let field = message.fields().get(carrier.field).copied()?;
        Some((message, field))
    }
}

fn carriers(protocol: &Protocol, can_ask: fn(&Message) -> bool) -> ByName<Carrier> {
    let mut carriers = ByName::default();
    for (message, found) in protocol.messages.iter().enumerate() {
        let by_everyone = found.presence == Presence::Default && found.claim.is_none();
        let told = found.from == Sender::Bms && found.danger.is_none();
        if !by_everyone || !told || (protocol.asks() && !can_ask(found)) {
            continue;
        }
        let address = match found.address {
            AddressClass::System => 0,
            AddressClass::Any => 1,
            AddressClass::Pack => 2,
        };
        for (place, field) in found.fields().into_iter().enumerate() {
            let rank = (field.of_pack, address);
            let carrier = Carrier {
                message,
                field: place,
                rank,
            };
            carriers.insert(&field.name, carrier);
        }
    }
    carriers
}
