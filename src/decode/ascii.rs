//! Frames of the Pylon ASCII family: requests and replies.

use super::can::{finding, length};
use super::read::Reader;
use super::{Decoded, DecodedField, Decoder, FieldValue, Finding, RequestContext, Role};
use crate::definition::{Envelope, Grade, HEADER_VERSION, Message, Outcome};
use crate::wire::pylon_ascii::{self, PylonFault, PylonFrame};

impl<'p> Decoder<'p> {
    /// Decodes a question in an ASCII frame.
    pub(super) fn ascii_request(&self, bytes: &[u8]) -> (Decoded<'p>, RequestContext) {
        let mut decoded = Decoded::empty(Role::Request);
        let mut context = RequestContext::default();
        let Some(frame) = self.envelope(bytes, &mut decoded) else {
            return (decoded, context);
        };
        context.command = Some(frame.cid2);
        context.address = frame.adr;
        context.parameters = vec![("adr".to_string(), i64::from(frame.adr))];
        let Some(message) = self.protocol.command(frame.cid2) else {
            let text = format!("0x{:02X} is no command of {}", frame.cid2, self.protocol.name);
            decoded
                .warnings
                .push(finding("unknown-command", Outcome::Warning, self.protocol.grade, text));
            return (decoded, context);
        };
        decoded.message = Some(message);
        let mut reader = self.reader(&frame.info);
        reader.parameters = &context.parameters;
        reader.layout(&message.request, message.extra_request_bytes);
        let (fields, errors, warnings) = (reader.fields, reader.errors, reader.warnings);
        for field in &fields {
            if let Some(value) = field.value.as_integer().and_then(|value| i64::try_from(value).ok()) {
                context.parameters.push((field.name.to_string(), value));
            }
        }
        decoded.fields = fields;
        decoded.errors.extend(errors);
        decoded.warnings.extend(warnings);
        (decoded, context)
    }

    /// Decodes an answer in an ASCII frame.
    pub(super) fn ascii_reply(&self, bytes: &[u8], request: Option<&RequestContext>) -> Decoded<'p> {
        let mut decoded = Decoded::empty(Role::Reply);
        let Some(frame) = self.envelope(bytes, &mut decoded) else {
            return decoded;
        };
        decoded.return_code = frame.cid2;
        let Some(request) = request else {
            decoded.role = Role::Unknown;
            let mut text = "a reply does not say what it answers, and its request is not there".to_string();
            let candidates = self.candidates(&frame);
            if !candidates.is_empty() {
                text.push_str(&format!("; by its length it may answer {}", candidates.join(", ")));
            }
            decoded
                .warnings
                .push(finding("no-request", Outcome::Information, Grade::A, text));
            return decoded;
        };
        if frame.adr != request.address {
            let text = format!(
                "answers with address {:02X}, asked was {:02X}",
                frame.adr, request.address
            );
            decoded
                .warnings
                .push(finding("reply-address", Outcome::Fail, Grade::A, text));
        }
        let Some(message) = request.command.and_then(|command| self.protocol.command(command)) else {
            return decoded;
        };
        decoded.message = Some(message);
        if frame.cid2 != 0 {
            self.refused(&frame, request, &mut decoded);
            return decoded;
        }
        let info = frame.info.clone();
        let mut reader = self.reader(&info);
        reader.parameters = &request.parameters;
        reader.layout(&message.layout, false);
        if reader.errors.is_empty() {
            length(message, info.len(), "bytes of data", &mut reader);
        }
        let Reader {
            fields,
            packs,
            errors,
            warnings,
            ..
        } = reader;
        decoded.fields = fields;
        decoded.packs = packs;
        decoded.errors.extend(errors);
        decoded.warnings.extend(warnings);
        self.header_fields(message, &frame, &mut decoded);
        echoes(request, &mut decoded);
        self.derive(&mut decoded);
        self.deviations(&mut decoded, None);
        decoded
    }

    pub(super) fn reader<'d>(&'d self, data: &'d [u8]) -> Reader<'p, 'd> {
        let mut reader = Reader::new(data);
        reader.variant = self.variant.as_deref();
        reader.packs_online = self.packs_online;
        reader
    }

    /// Cuts the frame and reports what is wrong with its envelope.
    fn envelope(&self, bytes: &[u8], decoded: &mut Decoded<'p>) -> Option<PylonFrame> {
        let frame = match pylon_ascii::parse(bytes) {
            Ok(frame) => frame,
            Err(error) => {
                decoded
                    .errors
                    .push(finding("frame", Outcome::Fail, Grade::A, error.to_string()));
                return None;
            }
        };
        for fault in &frame.faults {
            let text = fault.to_string();
            let (id, outcome) = match fault {
                PylonFault::Checksum { .. } => ("checksum", Outcome::Fail),
                PylonFault::LengthChecksum { .. } => ("length-checksum", Outcome::Fail),
                PylonFault::Length { .. } => ("length", Outcome::Fail),
                PylonFault::OddInfo => ("odd-info", Outcome::Fail),
                PylonFault::InfoNotHex { .. } => ("info-not-hex", Outcome::Fail),
                PylonFault::LowerCaseHex => ("lower-case", Outcome::Warning),
                // Text captures lose the carriage return; on a line the frame would not have ended.
                PylonFault::MissingEnd => continue,
            };
            let found = finding(id, outcome, Grade::A, text);
            if outcome == Outcome::Fail {
                decoded.errors.push(found)
            } else {
                decoded.warnings.push(found)
            }
        }
        if let Envelope::PylonAscii { cid1, .. } = self.protocol.envelope
            && frame.cid1 != cid1
        {
            let text = format!("CID1 is {:02X}, {} has {cid1:02X}", frame.cid1, self.protocol.name);
            decoded
                .warnings
                .push(finding("device-type", Outcome::Warning, Grade::A, text));
        }
        decoded.data.clone_from(&frame.info);
        decoded.address = Some(frame.adr);
        Some(frame)
    }

    /// A reply that refuses: its return code is known, and it carries no data.
    fn refused(&self, frame: &PylonFrame, request: &RequestContext, decoded: &mut Decoded<'p>) {
        let code = i64::from(frame.cid2);
        let known = self.protocol.return_codes.iter().find(|known| known.code == code);
        if request.command == Some(frame.cid2) && known.is_none() {
            let text = format!("the command {:02X} is echoed where the return code belongs", frame.cid2);
            decoded
                .errors
                .push(finding("command-echoed", Outcome::Fail, Grade::A, text));
        } else if known.is_none() {
            let text = format!("{:02X} is no return code of {}", frame.cid2, self.protocol.name);
            decoded
                .warnings
                .push(finding("return-code", Outcome::Fail, Grade::A, text));
        }
        let data_belongs = decoded
            .message
            .is_some_and(|message| message.refusals_with_data.contains(&frame.cid2));
        if !frame.info.is_empty() && !data_belongs {
            let text = format!(
                "return code {:02X} comes with {} bytes of data",
                frame.cid2,
                frame.info.len()
            );
            decoded
                .warnings
                .push(finding("error-with-data", Outcome::Fail, Grade::C, text));
        }
    }

    /// Fields that stand in the header: the version byte.
    fn header_fields(&self, message: &'p Message, frame: &PylonFrame, decoded: &mut Decoded<'p>) {
        for derived in self
            .protocol
            .derived
            .iter()
            .filter(|derived| derived.message == message.name)
        {
            if derived.expression.text == HEADER_VERSION {
                decoded.fields.push(DecodedField {
                    field: &derived.field,
                    name: derived.field.name.as_str().into(),
                    value: FieldValue::integer(i64::from(frame.ver)),
                    raw: i128::from(frame.ver),
                    bytes: 0..0,
                    bits: None,
                });
            }
        }
    }

    /// Commands whose answer can have this length.
    fn candidates(&self, frame: &PylonFrame) -> Vec<String> {
        self.protocol
            .messages
            .iter()
            .filter(|message| {
                let mut reader = self.reader(&frame.info);
                let parameters = [
                    ("adr".to_string(), i64::from(frame.adr)),
                    ("pack".to_string(), i64::from(frame.adr)),
                ];
                reader.parameters = &parameters;
                reader.layout(&message.layout, false);
                frame.cid2 == 0 && reader.errors.is_empty() && !message.layout.is_empty()
            })
            .map(|message| format!("{} ({})", message.key, message.name))
            .collect()
    }
}

/// Request parameters that the reply must repeat.
fn echoes(request: &RequestContext, decoded: &mut Decoded<'_>) {
    let mut wrong: Vec<Finding> = Vec::new();
    for field in &decoded.fields {
        let Some(parameter) = &field.field.equals_request else {
            continue;
        };
        let Some((_, asked)) = request.parameters.iter().find(|(name, _)| name == parameter) else {
            continue;
        };
        // A question to the whole group (FF) is answered with the number of packs, which the count itself checks.
        if *asked == 0xFF || field.raw == i128::from(*asked) {
            continue;
        }
        wrong.push(Finding {
            id: "echo".into(),
            outcome: Outcome::Fail,
            grade: field.field.grade,
            text: format!(
                "`{}` is 0x{:02X}, the question had 0x{asked:02X}",
                field.name, field.raw
            ),
            field: Some(field.name.to_string()),
            bytes: field.bytes.clone(),
        });
    }
    decoded.warnings.append(&mut wrong);
}
