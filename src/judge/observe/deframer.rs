//! Cuts the stream of a serial line into frames, whatever the framing.

use crate::decode::RequestContext;
use crate::definition::Protocol;
use crate::wire::modbus::{self, Awaited};
use crate::wire::pylon_ascii::{self, DeframerEvent};

/// What cuts the stream into frames.
#[derive(Debug)]
pub(super) enum Deframer {
    Ascii(pylon_ascii::Deframer),
    Modbus(modbus::Receiver),
}

/// A piece of the stream.
#[derive(Debug)]
pub(super) struct Cut {
    /// The place of its first byte in the stream.
    pub(super) offset: u64,
    /// Its bytes.
    pub(super) bytes: Vec<u8>,
    /// Why it is no frame.
    pub(super) noise: Option<String>,
}

impl Deframer {
    pub(super) fn new(protocol: &Protocol) -> Deframer {
        match protocol.is_modbus() {
            true => Deframer::Modbus(modbus::Receiver::new()),
            false => Deframer::Ascii(pylon_ascii::Deframer::new()),
        }
    }

    pub(super) fn feed(&mut self, bytes: &[u8]) {
        match self {
            Deframer::Ascii(deframer) => deframer.feed(bytes),
            Deframer::Modbus(receiver) => receiver.feed(bytes),
        }
    }

    pub(super) fn idle(&mut self) {
        match self {
            Deframer::Ascii(deframer) => deframer.idle(),
            Deframer::Modbus(receiver) => receiver.idle(),
        }
    }

    pub(super) fn poll(&mut self) -> Option<Cut> {
        Some(match self {
            Deframer::Ascii(deframer) => match deframer.poll()? {
                DeframerEvent::Frame { offset, bytes } => Cut {
                    offset,
                    bytes,
                    noise: None,
                },
                DeframerEvent::Discarded { offset, bytes, reason } => Cut {
                    offset,
                    bytes,
                    noise: Some(reason.to_string()),
                },
            },
            Deframer::Modbus(receiver) => match receiver.poll()? {
                modbus::Received::Frame { offset, bytes } => Cut {
                    offset,
                    bytes,
                    noise: None,
                },
                modbus::Received::Rest { offset, bytes } => Cut {
                    offset,
                    bytes,
                    noise: Some("no frame with a right CRC".into()),
                },
            },
        })
    }

    /// Says which answers may come.
    pub(super) fn expect(&mut self, question: Option<&RequestContext>) {
        if let Deframer::Modbus(receiver) = self {
            receiver.expect(question.and_then(|question| {
                let function = question.command?;
                Some(Awaited {
                    address: question.address,
                    function,
                    count: question.registers.map(|(_, count)| count),
                })
            }));
        }
    }
}
