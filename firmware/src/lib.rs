//! Reference BMS: the battery-management system of a 16S LiFePO4 pack (CST-LR-51.2-280, 51.2 V, 280 Ah, up to four
//! packs in parallel) as an inverter sees it.
//!
//! The firmware is written by hand from the protocol sheets and shares nothing with the harness that tests it. It
//! needs no standard library, no allocator and no floating point, and it does no input or output: a driver tells it
//! the time and what has arrived, and asks what to send and when to come back. So it runs in a test in virtual time
//! as well as on a wire.
//!
//! # A driver
//!
//! ```
//! use refbms::{Bms, Config, Condition, Instant, Setting, Transmit};
//!
//! let mut bms = Bms::new(Config::default(), Instant::ZERO);
//! let mut frames = Vec::new();
//! while let Some(now) = bms.poll_timeout().filter(|at| *at < Instant::from_secs(3)) {
//!     bms.handle_timeout(now);
//!     while let Some(transmit) = bms.poll_transmit(now) {
//!         let Transmit::Can(frame) = transmit else { unreachable!("Pylon CAN") };
//!         frames.push(format!("{frame:?}"));
//!     }
//! }
//! assert_eq!(frames.len(), 6);
//! assert_eq!(frames[0], "351#4002D007D007C001"); // 57.6 V, 200.0 A, 200.0 A, 44.8 V
//!
//! // A stimulus: cell 4 of every pack, and a protection by name.
//! let now = Instant::from_secs(3);
//! bms.set(now, None, Setting::CellVoltage { cell: Some(4), millivolts: 3660 }).unwrap();
//! let condition = Condition::from_name("cell_over_voltage_protection").unwrap();
//! bms.set(now, None, Setting::Condition { condition, active: true }).unwrap();
//! assert!(!bms.status().bank.charge_enable);
//!
//! // What makes no sense is refused, with the range.
//! let refused = bms.set(now, None, Setting::CellVoltage { cell: Some(4), millivolts: 6000 });
//! assert_eq!(refused.unwrap_err().to_string(), "cell voltage of 6000 mV is outside 0..=5000 mV");
//! ```
//!
//! # A pack that lives
//!
//! What is set stands still. A simulated charger or load moves cells, temperatures and charge together, until the
//! battery protects itself:
//!
//! ```
//! use refbms::{Bms, Condition, Config, Instant, PackState, Protocol, Setting};
//!
//! let config = Config { protocol: Protocol::PylonRs485, ..Config::default() };
//! let mut bms = Bms::new(config, Instant::ZERO);
//! bms.handle_timeout(Instant::from_secs(2));
//! bms.set(Instant::from_secs(2), None, Setting::soc_percent(95)).unwrap();
//! let charger = Setting::Simulate { milliamperes: 100_000 };
//! bms.set(Instant::from_secs(2), None, charger).unwrap();
//! while let Some(now) = bms.poll_timeout().filter(|at| *at < Instant::from_secs(900)) {
//!     bms.handle_timeout(now);
//! }
//! let pack = bms.pack_status(1).unwrap();
//! assert_eq!((pack.state, pack.soc_percent()), (PackState::ChargeProtection, 100));
//! assert!(pack.conditions.contains(Condition::CellOverVoltageProtection));
//! assert_eq!(pack.pack_current_ma, 0); // its charge switch is open
//! ```
//!
//! # How it is built
//!
//! ```text
//! stimuli -> pack/ (cells, sensors, gauge, simulation) -> protection/ (what is active) -> pack state, switches, sleep
//!                                                             |                               |
//!                                         limits/ (what is allowed, asked for) <--------------+
//!                                                             |
//!         bank/ (who is online; all packs as one BankView) <--+--> panel/ (display, LEDs)
//!                                 |
//!         can/, rs485/ (one file or folder per inverter protocol: place and scale, nothing else;
//!                       rs485/pace_rs232/ is the service port, which also sets what the others only tell)
//! ```
//!
//! [`Bms`] holds these together with the timers. Requirements R-.., values B-.., contradictions C-.. and settled
//! questions Q-.. are those of the sheet bms-behaviour and of the protocol library's README; letters A to D are grades.
//! The test `requirements` sees to it that each of them is named by a test.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

mod bank;
mod bms;
mod can;
mod config;
mod convert;
mod flags;
mod frame;
mod key;
mod limits;
mod pack;
mod panel;
mod protection;
mod rs485;
mod setting;
mod time;
mod timer;

pub use bank::{BankView, DipSwitches, Extreme, Temperatures};
pub use bms::{Bms, Status, Transmit};
pub use can::blocks::CellExtremesVariant;
pub use can::ginlong_can::GinlongCanOptions;
pub use can::goodwe_can::GoodweCanOptions;
pub use can::growatt_can::GrowattCanOptions;
pub use can::luxpower_can::LuxpowerCanOptions;
pub use can::must_can::MustCanOptions;
pub use can::pylon_can::PylonCanOptions;
pub use can::schneider_can::SchneiderCanOptions;
pub use can::senergy_can::SenergyCanOptions;
pub use can::sma_can::SmaCanOptions;
pub use can::sorotec_can::SorotecCanOptions;
pub use can::studer_can::StuderCanOptions;
pub use can::tbb_can::TbbCanOptions;
pub use can::victron_can::VictronCanOptions;
pub use config::{Bus, Config, Identity, MAX_PACKS, Protocol};
pub use frame::CanFrame;
pub use key::Key;
pub use limits::Requests;
pub use pack::cells::CELLS;
pub use pack::sensors::{CELL_SENSORS, Sensor};
pub use pack::state::{Flow, PackState, Power};
pub use pack::{PackView, Unread};
pub use panel::led::{LedState, Leds, LitLeds, Pattern};
pub use panel::page::{CellsInfo, Language, MainStatus, Page, PageContent, ProtocolPage, SystemPage};
pub use panel::protocol_setting::ProtocolSetting;
pub use panel::{PanelAction, PanelError, PanelView, Permission};
pub use protection::condition::{Blocks, Condition, ConditionKind, ConditionSet};
pub use protection::parameters::{Parameter, ParameterUnit, Parameters};
pub use rs485::modbus::LengthField;
pub use rs485::pace_modbus::PaceModbusOptions;
pub use rs485::pace_rs232::{PaceRs232Options, RecordTail};
pub use rs485::pylon_rs485::PylonRs485Options;
pub use rs485::schneider_rs485::SchneiderRs485Options;
pub use rs485::voltronic_rs485::VoltronicRs485Options;
pub use setting::{SetError, Setting, Switch};
pub use time::Instant;
