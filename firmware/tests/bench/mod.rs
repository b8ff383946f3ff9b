//! A battery on a bench in virtual time.
#![allow(dead_code, reason = "each test file uses its own part of the bench")]

pub(crate) mod modbus;

use std::collections::BTreeMap;

use embedded_can::Frame;
use refbms::{Bms, Condition, Config, Instant, Protocol, Setting, Transmit};

/// A battery, and how late it is.
pub(crate) struct Bench {
    pub(crate) bms: Bms,
    pub(crate) now: Instant,
}

/// A frame on the bench: when it was sent in milliseconds, and `351#4002D007D007C001`.
pub(crate) type Sent = (u64, String);

impl Bench {
    /// A battery that was switched on at 0 s; nothing has happened yet.
    pub(crate) fn new(config: Config) -> Bench {
        Bench {
            bms: Bms::new(config, Instant::ZERO),
            now: Instant::ZERO,
        }
    }

    /// The measurements of scenario A of the sheet schneider-can, with which both of its buses show their golden frames.
    pub(crate) fn set_schneider_values(&mut self) {
        self.set(Setting::PackVoltage {
            millivolts: Some(53_120),
        });
        self.set(Setting::Current { milliamperes: 25_000 });
        self.set(Setting::Soc { centipercent: 7659 });
        self.set(Setting::Soh { percent: 99 });
        self.set(Setting::CellVoltage {
            cell: None,
            millivolts: 3320,
        });
        for (cell, millivolts) in [(4, 3325), (9, 3318)] {
            self.set(Setting::CellVoltage {
                cell: Some(cell),
                millivolts,
            });
        }
        for (sensor, decidegrees) in [(1, 245), (2, 253), (3, 253), (4, 261)] {
            self.set(Setting::CellTemperature {
                sensor: Some(sensor),
                decidegrees,
            });
        }
        self.set(Setting::ChargedEnergy { watt_hours: 3_440_000 });
        self.set(Setting::DischargedEnergy { watt_hours: 3_268_000 });
    }

    /// A battery on CAN that has just ended init, before its first frame.
    pub(crate) fn can(config: Config) -> Bench {
        let mut bench = Bench::new(config);
        bench.run_to(1999);
        bench
    }

    /// A battery on RS485, one second after the end of init.
    pub(crate) fn rs485(config: Config) -> Bench {
        let mut bench = Bench::new(Config {
            protocol: Protocol::PylonRs485,
            ..config
        });
        bench.run_to(3000);
        bench
    }

    /// Lets time pass up to and including `millis` since switch-on; gives the CAN frames sent meanwhile.
    pub(crate) fn run_to(&mut self, millis: u64) -> Vec<Sent> {
        let until = Instant::from_millis(millis);
        let mut sent = Vec::new();
        while let Some(at) = self.bms.poll_timeout().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.bms.handle_timeout(self.now);
            while let Some(transmit) = self.bms.poll_transmit(self.now) {
                if let Transmit::Can(frame) = transmit {
                    sent.push((self.now.as_micros() / 1000, format!("{frame:?}")));
                }
            }
        }
        self.now = until;
        self.bms.handle_timeout(until);
        sent
    }

    /// Lets so much more time pass.
    pub(crate) fn run_for(&mut self, millis: u64) -> Vec<Sent> {
        self.run_to(self.now.as_micros() / 1000 + millis)
    }

    /// Lets so many microseconds pass; what is sent meanwhile is dropped.
    pub(crate) fn run_micros(&mut self, micros: u64) {
        let until = self.now + std::time::Duration::from_micros(micros);
        while let Some(at) = self.bms.poll_timeout().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.bms.handle_timeout(self.now);
            while self.bms.poll_transmit(self.now).is_some() {}
        }
        self.now = until;
        self.bms.handle_timeout(until);
    }

    /// Pack 1 at this moment.
    pub(crate) fn pack(&self) -> refbms::PackView {
        self.bms.pack_status(1).expect("a bank has a first pack")
    }

    /// Whether a condition of pack 1 is active.
    pub(crate) fn is_active(&self, condition: Condition) -> bool {
        self.pack().conditions.contains(condition)
    }

    /// The data of the next whole broadcast cycle, by identifier, as `4002 D007 ...` without blanks.
    #[track_caller]
    pub(crate) fn next_cycle(&mut self) -> BTreeMap<String, String> {
        let cycle = self.now.as_micros() / 1_000_000 + 1;
        self.run_to(cycle * 1000 - 1);
        let sent = self.run_to(cycle * 1000 + 999);
        let frames: BTreeMap<_, _> = sent
            .iter()
            .filter_map(|(_, text)| text.split_once('#'))
            .map(|(id, data)| (id.into(), data.into()))
            .collect();
        assert_eq!(frames.len(), sent.len(), "an identifier twice in one cycle: {sent:?}");
        frames
    }

    /// Compares frames of the next cycle; blanks in the expected data do not count.
    #[track_caller]
    pub(crate) fn expect_frames(&mut self, expected: &[(&str, &str)]) {
        let frames = self.next_cycle();
        for (id, data) in expected {
            assert_eq!(frames.get(*id), Some(&data.replace(' ', "")), "{id} in {frames:?}");
        }
    }

    /// Nothing is sent before the end of init, and then these frames, the same each second; times in milliseconds since
    /// switch-on.
    #[track_caller]
    pub(crate) fn expect_set_each_second(config: Config, expected: &[(u64, &str)]) {
        let mut bench = Bench::new(config);
        assert_eq!(bench.run_to(1999), []);
        let at = |later: u64| {
            expected
                .iter()
                .map(move |(time, text)| (time + later, (*text).to_owned()))
        };
        assert_eq!(bench.run_to(2999), at(0).collect::<Vec<Sent>>());
        assert_eq!(bench.run_to(4999), at(1000).chain(at(2000)).collect::<Vec<Sent>>());
    }

    /// Sets the limits of every pack before derating, in 0.1 A.
    #[track_caller]
    pub(crate) fn limits(&mut self, charge: u16, discharge: u16) {
        self.set(Setting::ChargeCurrentLimit { deciamperes: charge });
        self.set(Setting::DischargeCurrentLimit { deciamperes: discharge });
    }

    /// Holds one condition after the other active, and compares 0x359 (its first four bytes, and `rest`) and 0x35C (its
    /// first byte, and `more`) then and after letting go.
    #[track_caller]
    pub(crate) fn expect_conditions(&mut self, cases: &[(&str, &str, &str)], rest: &str, more: &str) {
        for (name, flags, requests) in cases {
            self.force(name, true);
            self.expect_frames(&[
                ("359", &format!("{flags} {rest}")),
                ("35C", &format!("{requests} {more}")),
            ]);
            self.force(name, false);
            self.run_for(4000);
            self.expect_frames(&[("359", &format!("0000 0000 {rest}")), ("35C", &format!("C0 {more}"))]);
        }
    }

    /// Sets something on every pack.
    #[track_caller]
    pub(crate) fn set(&mut self, setting: Setting) {
        self.bms
            .set(self.now, None, setting)
            .expect("a setting within its range");
    }

    /// Sets something on one pack.
    #[track_caller]
    pub(crate) fn set_pack(&mut self, pack: u8, setting: Setting) {
        self.bms
            .set(self.now, Some(pack), setting)
            .expect("a setting within its range");
    }

    /// Holds a condition of every pack active or lets go of it.
    #[track_caller]
    pub(crate) fn force(&mut self, name: &str, active: bool) {
        let condition = Condition::from_name(name).expect("a condition of this name");
        self.set(Setting::Condition { condition, active });
    }

    /// Puts bytes on the RS485 line and waits half a second for an answer; `None` for silence.
    #[track_caller]
    pub(crate) fn exchange(&mut self, bytes: &[u8]) -> Option<String> {
        let asked = self.now;
        self.bms.handle_serial(asked, bytes);
        let until = asked + std::time::Duration::from_millis(500);
        let mut reply = None;
        while let Some(at) = self.bms.poll_timeout().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.bms.handle_timeout(self.now);
            while let Some(transmit) = self.bms.poll_transmit(self.now) {
                let Transmit::Serial(bytes) = transmit else {
                    panic!("{transmit:?} on RS485")
                };
                let text = String::from_utf8(bytes.to_vec()).expect("ASCII");
                assert_eq!(reply.replace(text), None, "a second answer");
                let delay = self.now.duration_since(asked).as_millis();
                assert!((2..=50).contains(&delay), "answered after {delay} ms");
            }
        }
        self.now = until;
        reply.map(|text| {
            text.strip_suffix('\r')
                .expect("a reply ends with a carriage return")
                .to_owned()
        })
    }

    /// The answer to one question, both without the carriage return.
    #[track_caller]
    pub(crate) fn ask(&mut self, question: &str) -> Option<String> {
        self.exchange(format!("{question}\r").as_bytes())
    }

    /// Asks and compares; `expected` without blanks, an empty text for silence.
    #[track_caller]
    pub(crate) fn expect_reply(&mut self, question: &str, expected: &str) {
        let reply = self.ask(question).unwrap_or_default();
        assert_eq!(reply, expected.replace(' ', ""), "answer to {question}");
    }
}

/// A frame of the Pylon family around its body, VER to INFO: `~`, the body, CHKSUM; without the carriage return.
pub(crate) fn sealed(body: &str) -> String {
    let sum = body
        .bytes()
        .fold(0u16, |sum, byte| sum.wrapping_add(byte.into()))
        .wrapping_neg();
    format!("~{body}{sum:04X}")
}

/// A CAN frame as candump writes it: `305#0000000000000000`, `00000305#`, `305#R8`.
pub(crate) fn frame(text: &str) -> refbms::CanFrame {
    let (id, data) = text.split_once('#').expect("ID#DATA");
    let number = u32::from_str_radix(id, 16).expect("hexadecimal");
    let id: embedded_can::Id = if id.len() == 3 {
        embedded_can::StandardId::new(u16::try_from(number).unwrap())
            .unwrap()
            .into()
    } else {
        embedded_can::ExtendedId::new(number).unwrap().into()
    };
    match data.strip_prefix('R') {
        Some(length) => refbms::CanFrame::new_remote(id, length.parse().unwrap()).unwrap(),
        None => {
            let digits: Vec<_> = data
                .as_bytes()
                .chunks(2)
                .map(|pair| std::str::from_utf8(pair).unwrap())
                .collect();
            let bytes: Vec<_> = digits
                .iter()
                .map(|pair| u8::from_str_radix(pair, 16).unwrap())
                .collect();
            refbms::CanFrame::new(id, &bytes).unwrap()
        }
    }
}

/// A state of a sheet: what is set, and the frames that it gives.
pub(crate) struct State {
    pub(crate) packs: u8,
    /// Charge and discharge limit of a pack, 0.1 A.
    pub(crate) limits: (u16, u16),
    pub(crate) soc: u8,
    pub(crate) soh: u8,
    pub(crate) millivolts: u32,
    /// Of a pack.
    pub(crate) milliamperes: i32,
    pub(crate) decidegrees: i16,
    pub(crate) conditions: &'static [&'static str],
    pub(crate) frames: &'static [(&'static str, &'static str)],
}

impl State {
    /// Puts a battery that ends init into the state and compares its frames.
    #[track_caller]
    pub(crate) fn check(&self, config: Config) {
        let mut bench = Bench::can(config);
        bench.limits(self.limits.0, self.limits.1);
        bench.set(Setting::soc_percent(self.soc));
        bench.set(Setting::Soh { percent: self.soh });
        bench.set(Setting::PackVoltage {
            millivolts: Some(self.millivolts),
        });
        bench.set(Setting::Current {
            milliamperes: self.milliamperes,
        });
        bench.set(Setting::CellTemperature {
            sensor: None,
            decidegrees: self.decidegrees,
        });
        self.conditions.iter().for_each(|name| bench.force(name, true));
        bench.expect_frames(self.frames);
    }
}
