//! Questions on a serial line, and what must follow them.

use crate::decode::Decoder;
use crate::definition::{Envelope, Message, MessageKey, Protocol, RegisterMap, is_read};
use crate::document::scalar;
use crate::document::{Diagnostic, Node};
use crate::wire::{modbus, pylon_ascii};

use super::Loader;
use super::names::Places;
use super::steps::{count, duration, is_askable};
use crate::suite::{Content, Exchange, Reply, Request, frame_text};

impl<'a> Loader<'a> {
    pub(super) fn exchange(&mut self, node: &Node, step: &Node) -> Option<Exchange> {
        if self.only_can() {
            self.push(
                Diagnostic::error("wrong-bus", "`request` is for protocols that ask", node.span.clone())
                    .help("on CAN the battery speaks by itself: use `send` and `expect`"),
            );
            return None;
        }
        if self.scope.len() > 1 {
            let message = "a `request` belongs to one protocol";
            self.push(
                Diagnostic::error("wrong-bus", message, node.span.clone())
                    .help("in a suite for all protocols use `expect`: the harness asks where it must"),
            );
            return None;
        }
        let protocol = *self.scope.first()?;
        let request = self.request(node, protocol);
        let reaction = self.reaction(step, protocol, request.as_ref());
        Some(Exchange {
            request: request?,
            reaction: reaction?,
            times: count(step, "times", 1),
        })
    }

    fn request(&mut self, node: &Node, protocol: &'a Protocol) -> Option<Request> {
        let byte = |key: &str| {
            node.get_text(key)
                .and_then(scalar::code)
                .and_then(|code| u8::try_from(code).ok())
        };
        for key in ["command", "at", "ver", "function"] {
            if let (Some(given), None) = (node.get(key), byte(key)) {
                self.error("wrong-value", format!("`{key}` is one byte: 0x00 to 0xFF"), &given.span);
                return None;
            }
        }
        let address = byte("at").unwrap_or_else(|| master(protocol));
        let sliced = duration(node, "sliced");
        if let Some(raw) = node.get("raw") {
            return self.raw_request(node, raw, protocol, byte("command"), byte("at"));
        }
        match protocol.envelope {
            Envelope::PylonAscii { ver, cid1 } => {
                self.refuse(node, &["function", "registers"], "is for Modbus");
                let Some(command) = byte("command") else {
                    self.error("missing-key", "`request` needs `command` or `raw`", &node.span);
                    return None;
                };
                let known = protocol.command(command);
                let hex = |key: &str| node.get_text(key).and_then(scalar::bytes);
                let mut info = match (hex("info"), known) {
                    (Some(info), _) => info,
                    (None, Some(message)) if !message.request.is_empty() && is_askable(message) => vec![address],
                    (None, Some(message)) if !is_askable(message) => {
                        let text = format!("the request of `{}` has parameters: say `info`", message.name);
                        self.error("missing-key", text, &node.span);
                        return None;
                    }
                    (None, _) => Vec::new(),
                };
                info.extend(hex("extra").unwrap_or_default());
                let Some(bytes) = pylon_ascii::emit(byte("ver").unwrap_or(ver), address, cid1, command, &info) else {
                    self.error("wrong-value", "INFO is longer than a frame can hold", &node.span);
                    return None;
                };
                Some(Request {
                    command: Some(command),
                    registers: None,
                    address,
                    bytes,
                    parameters: Vec::new(),
                    sliced,
                })
            }
            Envelope::ModbusRtu | Envelope::Voltronic => {
                self.refuse(node, &["command", "ver", "info", "extra"], "is for ASCII frames");
                self.register_request(node, protocol, byte("function"), address)
            }
            Envelope::None => {
                let message = "on this bus a `request` is given as `raw`";
                self.push(
                    Diagnostic::error("missing-key", message, node.span.clone())
                        .help("the bytes in hex, checksum included"),
                );
                None
            }
        }
    }

    /// A read of registers; what writes is given as `raw`.
    fn register_request(
        &mut self,
        node: &Node,
        protocol: &Protocol,
        function: Option<u8>,
        address: u8,
    ) -> Option<Request> {
        let Some(registers) = node.get("registers") else {
            let message = "`request` needs `registers` or `raw`";
            self.push(
                Diagnostic::error("missing-key", message, node.span.clone())
                    .help("write `registers: 0..36`; other requests are given as `raw`, CRC included"),
            );
            return None;
        };
        let range = registers.text().and_then(scalar::whole_range).and_then(|range| {
            let start = u16::try_from(*range.start()).ok()?;
            let last = u16::try_from(*range.end()).ok()?;
            Some((start, (last - start).checked_add(1)?))
        });
        let Some((start, count)) = range else {
            self.error(
                "wrong-value",
                "registers are written `0..36` or `0x0010`",
                &registers.span,
            );
            return None;
        };
        let function = function.unwrap_or_else(|| read_function(protocol));
        if !is_read(function) {
            let message = format!("function 0x{function:02X} reads no registers");
            let place = node.get("function").unwrap_or(node).span.clone();
            self.push(
                Diagnostic::error("wrong-value", message, place).help("0x03 and 0x04 do; give other requests as `raw`"),
            );
            return None;
        }
        Some(Request {
            command: Some(function),
            registers: Some((start, count)),
            address,
            bytes: read_registers(function, start, count, address),
            parameters: Vec::new(),
            sliced: duration(node, "sliced"),
        })
    }

    fn refuse(&mut self, node: &Node, keys: &[&str], why: &str) {
        for (key, _) in node.entries() {
            let name = key.text().unwrap_or_default();
            if keys.contains(&name) {
                self.error("wrong-bus", format!("`{name}` {why}"), &key.span);
            }
        }
    }

    fn raw_request(
        &mut self,
        node: &Node,
        raw: &Node,
        protocol: &Protocol,
        command: Option<u8>,
        address: Option<u8>,
    ) -> Option<Request> {
        self.refuse(
            node,
            &["ver", "info", "extra", "function", "registers"],
            "has no meaning beside `raw`",
        );
        let bytes = match frame_text::serial(raw.text().unwrap_or_default()) {
            Ok(bytes) => bytes,
            Err(why) => {
                let message = "the bytes of the request cannot be read";
                self.push(Diagnostic::error("wrong-frame", message, raw.span.clone()).help(why));
                return None;
            }
        };
        if protocol.is_modbus() {
            // Also a broken question is about its registers: what it must not give is known by them.
            let read = Decoder::new(protocol).request(&bytes).1;
            return Some(Request {
                command: command.or(read.command),
                registers: read.registers,
                address: address.unwrap_or(match read.command {
                    Some(_) => read.address,
                    None => master(protocol),
                }),
                bytes,
                parameters: Vec::new(),
                sliced: duration(node, "sliced"),
            });
        }
        let read = match protocol.envelope {
            Envelope::PylonAscii { .. } => last_frame(&bytes),
            _ => None,
        };
        Some(Request {
            command: command.or(read.map(|(command, _)| command)),
            registers: None,
            address: address
                .or(read.map(|(_, address)| address))
                .unwrap_or_else(|| master(protocol)),
            bytes,
            parameters: Vec::new(),
            sliced: duration(node, "sliced"),
        })
    }

    fn reaction(&mut self, step: &Node, protocol: &'a Protocol, request: Option<&Request>) -> Option<Reply> {
        const REACTIONS: [&str; 5] = ["reply", "silence", "error", "return_code", "serves"];
        let given: Vec<&(Node, Node)> = step
            .entries()
            .iter()
            .filter(|(key, _)| key.text().is_some_and(|key| REACTIONS.contains(&key)))
            .collect();
        let (key, value) = match given.as_slice() {
            [one] => (one.0.text().unwrap_or_default(), &one.1),
            [] => {
                self.push(
                    Diagnostic::error(
                        "reaction-missing",
                        "nothing says what must follow the request",
                        step.span.clone(),
                    )
                    .help("one of reply, silence, error, return_code, serves"),
                );
                return None;
            }
            [first, second, ..] => {
                let message = format!(
                    "`{}` and `{}` cannot both follow",
                    first.0.text().unwrap_or_default(),
                    second.0.text().unwrap_or_default()
                );
                self.error("reaction-twice", message, &second.0.span);
                return None;
            }
        };
        match key {
            "reply" => self.reply(value, protocol, request),
            "silence" => {
                let during = duration(step, "silence")?;
                if during.is_zero() {
                    self.error("never-possible", "nothing can be seen in no time", &value.span);
                }
                Some(Reply::Silence(during))
            }
            "error" => Some(Reply::Error(self.situation(value))),
            "return_code" => self.return_code(value, protocol).map(Reply::ReturnCode),
            _ => Some(Reply::Whatever),
        }
    }

    fn return_code(&mut self, node: &Node, protocol: &Protocol) -> Option<u8> {
        let code = node
            .text()
            .and_then(scalar::code)
            .and_then(|code| u8::try_from(code).ok());
        let Some(code) = code else {
            self.error("wrong-value", "a return code is one byte: 0x00 to 0xFF", &node.span);
            return None;
        };
        let listed = &protocol.return_codes;
        if !listed.is_empty() && !listed.iter().any(|state| state.code == i64::from(code)) {
            let known: Vec<String> = listed.iter().map(|state| format!("0x{:02X}", state.code)).collect();
            self.push(
                Diagnostic::error(
                    "unknown-return-code",
                    format!("the definition has no return code 0x{code:02X}"),
                    node.span.clone(),
                )
                .help(format!("return codes: {}", known.join(", "))),
            );
        }
        Some(code)
    }

    fn reply(&mut self, node: &Node, protocol: &'a Protocol, request: Option<&Request>) -> Option<Reply> {
        let within = duration(node, "within");
        let messages: Vec<&'a Message> = request?.messages(protocol);
        let wants_meaning = ["fields", "packs", "that"].iter().any(|key| node.get(key).is_some());
        if messages.is_empty() && wants_meaning {
            let text = match request?.command {
                Some(_) if request?.registers.is_some() => {
                    format!(
                        "no block of `{}` has these registers: their answer cannot be read",
                        protocol.name
                    )
                }
                Some(command) => format!(
                    "`{}` has no command 0x{command:02X}: its answer cannot be read",
                    protocol.name
                ),
                None => "nothing says which command the bytes ask".to_string(),
            };
            self.push(
                Diagnostic::error("unknown-message", text, node.span.clone())
                    .help("say `command` beside `raw`, or demand `frame`, `golden`, `length`"),
            );
            return None;
        }
        let places = Places {
            unknown: messages.is_empty(),
            messages: messages.into_iter().map(|message| (protocol, message)).collect(),
            if_carried: false,
            asked: request?
                .registers
                .filter(|_| request.and_then(|request| request.command).is_some_and(is_read))
                .map(|(_, count)| usize::from(count) * 2),
            table: None,
        };
        let mut content = self.content(node, &places);
        if let Some(frame) = node.get("frame") {
            match frame_text::serial(frame.text().unwrap_or_default()) {
                Ok(bytes) => content.frame = Some(bytes),
                Err(why) => self
                    .push(Diagnostic::error("wrong-frame", "the frame cannot be read", frame.span.clone()).help(why)),
            }
        }
        if let Some(code) = node.get("return_code") {
            let number = self.return_code(code, protocol)?;
            if number != 0 {
                if content_demands(&content) {
                    let message = "a return code other than 0x00 comes without data";
                    self.error("never-possible", message, &code.span);
                }
                return Some(Reply::ReturnCode(number));
            }
        }
        Some(Reply::Data {
            content: Box::new(content),
            within,
        })
    }
}

fn content_demands(content: &Content) -> bool {
    !content.is_empty()
}

/// Command and address of the last frame in some bytes; what stands before it is noise, or another question.
fn last_frame(bytes: &[u8]) -> Option<(u8, u8)> {
    let mut deframer = pylon_ascii::Deframer::new();
    deframer.feed(bytes);
    let mut last = None;
    while let Some(found) = deframer.poll() {
        if let pylon_ascii::DeframerEvent::Frame { bytes, .. } = found {
            last = pylon_ascii::parse(&bytes).ok().map(|frame| (frame.cid2, frame.adr));
        }
    }
    last
}

/// The address of the battery that is asked where a suite says none: the master's.
pub(crate) fn master(protocol: &Protocol) -> u8 {
    protocol
        .addresses
        .as_ref()
        .and_then(|addresses| addresses.system.first().copied())
        .unwrap_or(1)
}

/// The function by which registers are read where nothing else is said.
fn read_function(protocol: &Protocol) -> u8 {
    protocol
        .registers
        .as_ref()
        .map_or(modbus::function::READ_HOLDING, RegisterMap::read_function)
}

fn read_registers(function: u8, start: u16, count: u16, address: u8) -> Vec<u8> {
    match function {
        modbus::function::READ_INPUT => modbus::Request::ReadInput { start, count },
        _ => modbus::Request::ReadHolding { start, count },
    }
    .emit(address)
}

/// The bytes by which the harness asks the master for a message; `None` where it does not know how.
///
/// A block of registers is asked for as a whole, as its inverters do.
pub(crate) fn question(protocol: &Protocol, message: &Message) -> Option<Vec<u8>> {
    if !is_askable(message) || message.danger.is_some() {
        return None;
    }
    let address = master(protocol);
    match (protocol.envelope, message.key) {
        (Envelope::PylonAscii { ver, cid1 }, MessageKey::Command(code)) => {
            let info: &[u8] = if message.request.is_empty() { &[] } else { &[address] };
            pylon_ascii::emit(ver, address, cid1, code, info)
        }
        (Envelope::ModbusRtu | Envelope::Voltronic, MessageKey::Registers(_)) => {
            let (start, count) = message.registers()?;
            Some(read_registers(read_function(protocol), start, count, address))
        }
        _ => None,
    }
}
