//! Which message of a protocol carries a field of the bank.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::{AddressClass, Field, Message, Presence, Protocol, Sender};

/// The fields that every battery sends, by name; made when first asked for, since suites for all protocols ask for every
/// demand on every protocol.
#[derive(Clone, Debug, Default)]
pub struct Carriers(OnceLock<Table>);

#[derive(Clone, Debug, Default)]
struct Table {
    named: HashMap<String, Carrier>,
    /// Fields with `{n}` in their names.
    numbered: Vec<Carrier>,
}

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
        let table = self.carriers.0.get_or_init(|| Table::of(self, can_ask));
        let numbered = table.numbered.iter().filter(|carrier| {
            let field = self.messages.get(carrier.message).map(Message::fields);
            field
                .and_then(|fields| fields.get(carrier.field).copied())
                .is_some_and(|field| field.matches(name))
        });
        let carrier = table
            .named
            .get(name)
            .into_iter()
            .chain(numbered)
            .min_by_key(|carrier| carrier.rank)?;
        let message = self.messages.get(carrier.message)?;
        let field = message.fields().get(carrier.field).copied()?;
        Some((message, field))
    }
}

impl Table {
    fn of(protocol: &Protocol, can_ask: fn(&Message) -> bool) -> Table {
        let mut table = Table::default();
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
                let carrier = Carrier {
                    message,
                    field: place,
                    rank: (field.of_pack, address),
                };
                if field.name.contains('{') {
                    table.numbered.push(carrier);
                    continue;
                }
                let known = table.named.entry(field.name.clone()).or_insert(carrier);
                if carrier.rank < known.rank {
                    *known = carrier;
                }
            }
        }
        table
    }
}
