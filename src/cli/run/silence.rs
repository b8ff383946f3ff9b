//! What to look at when a live target says nothing at all.

use crate::definition::{Bus, Protocol};
use crate::report::text::{Style, Tone, labelled};

/// Advice in the order in which it is quickest to check. Pins are those of the battery's manual (sheet bms-behaviour,
/// grade A).
pub fn advice(protocols: &[&Protocol], style: &Style) -> String {
    let mut out = format!(
        "\n{}\n",
        style.paint(Tone::Bad, "The battery said nothing at all. Look at, in this order:")
    );
    let Some(protocol) = protocols.first() else { return out };
    let setting = protocol
        .manual_names
        .first()
        .map_or_else(|| protocol.title.clone(), Clone::clone);
    let mut lines = vec![(
        "display",
        format!("the protocol on the battery's display must be `{setting}`"),
    )];
    lines.push((
        "address",
        "the DIP switches of the pack must be at address 1 (the master)".to_string(),
    ));
    match &protocol.bus {
        Bus::Can { bitrate, .. } => {
            lines.push((
                "pins",
                "CAN is on its own RJ45 socket: CAN-H pins 3 and 4, CAN-L pins 5 and 6".to_string(),
            ));
            lines.push((
                "bit rate",
                format!("{} kbit/s: `ip -details link show IFACE`", bitrate / 1000),
            ));
            lines.push((
                "termination",
                "120 ohm at both ends: 60 ohm between CAN-H and CAN-L, all switched off".into(),
            ));
        }
        Bus::Serial { baud, also, rs232 } => {
            let pins = if *rs232 {
                "RS232 is on the service port: an RS232 adapter, not one for RS485 or TTL levels"
            } else {
                "RS485 is on its own RJ45 socket: A pins 2 and 7, B pins 1 and 8"
            };
            lines.push(("pins", pins.to_string()));
            let others: Vec<String> = also.iter().map(|rate| format!("@{rate}")).collect();
            let try_others = if others.is_empty() {
                String::new()
            } else {
                format!("; try {} behind the port", others.join(", "))
            };
            lines.push(("bit rate", format!("{baud} baud, 8N1{try_others}")));
            if *rs232 {
                lines.push(("wires", "TX and RX exchanged give silence: swap them".to_string()));
            } else {
                lines.push((
                    "polarity",
                    "A and B exchanged do no harm and give silence: swap them".to_string(),
                ));
                lines.push(("termination", "120 ohm at both ends of a long line".to_string()));
            }
        }
    }
    for (label, text) in lines {
        out.push_str(&labelled(style, 2, 15, label, &text, Tone::Plain));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::Library;

    #[test]
    fn silence_names_pins_rate_and_setting() {
        let (library, _) = Library::load(None);
        let wide = Style {
            colour: false,
            width: 200,
        };
        let can = advice(&[library.protocol("pylon-can").expect("built in")], &wide);
        for part in [
            "3 and 4",
            "5 and 6",
            "500 kbit/s",
            "120 ohm",
            "address 1",
            "PYLON CAN Inverter EMS",
        ] {
            assert!(can.contains(part), "{part}\n{can}");
        }
        let serial = advice(&[library.protocol("pylon-rs485").expect("built in")], &wide);
        for part in ["2 and 7", "1 and 8", "9600 baud", "@115200"] {
            assert!(serial.contains(part), "{part}\n{serial}");
        }
    }
}
