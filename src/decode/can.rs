//! CAN frames: which message it is, and what is wrong with the frame as such.

use super::read::Reader;
use super::{Decoded, Decoder, Finding, Role};
use crate::definition::{Bus, Grade, LengthRule, Message, Outcome, Sender};
use crate::wire::can::{CanFrame, CanId, CanKind};

impl<'p> Decoder<'p> {
    /// Decodes a CAN frame.
    ///
    /// Frames that a receiver ignores (unknown identifiers, remote frames, the other identifier format) are named and
    /// reported, without fields.
    pub fn can(&self, frame: &CanFrame) -> Decoded<'p> {
        let mut decoded = Decoded {
            message: None,
            role: Role::Broadcast,
            fields: Vec::new(),
            packs: Vec::new(),
            errors: Vec::new(),
            warnings: Vec::new(),
            data: frame.payload().to_vec(),
            return_code: 0,
            address: None,
        };
        if frame.kind == CanKind::Error {
            let text = "an error report of the controller, no frame of the bus".to_string();
            decoded
                .errors
                .push(finding("error-frame", Outcome::Fail, Grade::A, text));
            return decoded;
        }
        let Some(message) = self.message(frame.id, &mut decoded) else {
            return decoded;
        };
        decoded.message = Some(message);
        if frame.kind == CanKind::Remote {
            let text = "a remote frame, which carries no data and is ignored".to_string();
            decoded
                .warnings
                .push(finding("remote-frame", Outcome::Fail, Grade::A, text));
            return decoded;
        }
        let mut reader = Reader::new(frame.payload());
        reader.variant = self.variant.as_deref();
        reader.packs_online = self.packs_online;
        reader.layout(&message.layout, true);
        if !reader.errors.iter().any(|error| error.id == "too-short") {
            length(message, frame.length(), "bytes", &mut reader);
        }
        decoded.fields = reader.fields;
        decoded.errors = reader.errors;
        decoded.warnings.append(&mut reader.warnings);
        if message.from == Sender::Inverter {
            self.inverter_payload(frame, &mut decoded);
        }
        self.derive(&mut decoded);
        self.deviations(&mut decoded, None);
        decoded
    }

    fn message(&self, id: CanId, decoded: &mut Decoded<'p>) -> Option<&'p Message> {
        if let Some(message) = self.by_id.get(&id) {
            return Some(message);
        }
        let twin = match id {
            CanId::Standard(number) => CanId::extended(u32::from(number)),
            CanId::Extended(number) => CanId::standard(number),
        };
        let own = matches!(self.protocol.bus, Bus::Can { extended, .. } if extended == id.is_extended());
        match twin.and_then(|twin| self.by_id.get(&twin)) {
            Some(message)
                if self
                    .protocol
                    .inverter
                    .iter()
                    .any(|frame| Some(frame.id) == twin && frame.either_width) =>
            {
                return Some(message);
            }
            Some(message) if !own => {
                let (sent, demanded) = if id.is_extended() { ("29", "11") } else { ("11", "29") };
                let text = format!(
                    "`{}` ({}) with a {sent}-bit identifier: the protocol has {demanded} bits, receivers ignore it",
                    message.name, message.key
                );
                decoded
                    .warnings
                    .push(finding("wrong-id-format", Outcome::Fail, Grade::A, text));
            }
            _ => {
                let (outcome, grade) = self.protocol.other_ids;
                let text = format!("0x{id} is no identifier of {}", self.protocol.name);
                decoded.warnings.push(finding("unknown-id", outcome, grade, text));
            }
        }
        None
    }

    fn inverter_payload(&self, frame: &CanFrame, decoded: &mut Decoded<'p>) {
        let number = frame.id.number();
        let Some(known) = self.protocol.inverter.iter().find(|known| known.id.number() == number) else {
            return;
        };
        if !known.accept_any && frame.payload() != known.payload {
            let text = format!(
                "`{}` carries {}, only {} counts",
                known.name,
                crate::wire::hex_spaced(frame.payload()),
                crate::wire::hex_spaced(&known.payload)
            );
            decoded
                .warnings
                .push(finding("keepalive-payload", Outcome::Fail, known.grade, text));
        }
    }
}

/// Judges the length of data that hold their fields; `what` is counted.
pub(super) fn length(message: &Message, actual: usize, what: &str, reader: &mut Reader<'_, '_>) {
    let LengthRule { pass, warn, grade, .. } = &message.length;
    if pass.is_empty() || pass.contains(&actual) {
        return;
    }
    let grade = grade.unwrap_or(message.grade);
    let lengths = pass.iter().map(usize::to_string).collect::<Vec<_>>().join(" or ");
    let text = format!("{actual} {what}, the sheet has {lengths}");
    if warn.as_ref().is_some_and(|warn| warn.contains(&actual)) {
        reader.warnings.push(finding("length", Outcome::Warning, grade, text));
    } else {
        reader.errors.push(finding("length", Outcome::Fail, grade, text));
    }
}

pub(super) fn finding(id: &'static str, outcome: Outcome, grade: Grade, text: String) -> Finding {
    Finding {
        id: id.into(),
        outcome,
        grade,
        text,
        field: None,
        bytes: 0..0,
    }
}
