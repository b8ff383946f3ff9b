//! What the service port sets and reads beside the packs; a restart leaves it as it is.

use super::clock::{Clock, DateTime};
use super::inverter_protocol::Selection;
use super::log::Log;
use super::options::PaceRs232Options;
use super::records::{self, Status};
use crate::bank::Bank;
use crate::config::Config;
use crate::pack::PackView;
use crate::panel::protocol_setting::ProtocolSetting;
use crate::protection::condition::{Condition, ConditionSet};
use crate::time::Instant;

/// Bytes of each of the three memories that 7E and 7F reach.
const STORAGE: usize = 256;
/// Where they begin: the last page of the MCU's flash, a page of the external flash, the external EEPROM.
const BEGIN: [u32; 3] = [0x0801_FF00, 0x0010_0000, 0x0000_0000];
/// The most that 7E and 7F move at once.
pub(crate) const MOVED_AT_ONCE: usize = 128;

/// A memory that 7E writes and 7F reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    device: usize,
    first: usize,
    end: usize,
}

impl Place {
    /// `count` bytes from `address` on of the MCU flash (0), the external flash (1) or the external EEPROM (2).
    pub(crate) fn new(device: u8, address: u32, count: u16) -> Option<Place> {
        let begin = *BEGIN.get(usize::from(device))?;
        let first = usize::try_from(address.checked_sub(begin)?).ok()?;
        let end = first.checked_add(count.into())?;
        let fits = end <= STORAGE && usize::from(count) <= MOVED_AT_ONCE;
        fits.then_some(Place {
            device: device.into(),
            first,
            end,
        })
    }
}

/// The timed log: an interval in minutes, 0 for none, and from when to when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimedLog {
    pub(crate) minutes: u8,
    pub(crate) first: DateTime,
    pub(crate) last: DateTime,
}

impl TimedLog {
    const OFF: TimedLog = TimedLog {
        minutes: 0,
        first: DateTime::FIRST,
        last: DateTime::LAST,
    };
}

/// What the service port sets and reads beside the packs.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    pub(crate) clock: Clock,
    pub(crate) log: Log,
    pub(crate) timed_log: TimedLog,
    pub(crate) selection: Selection,
    /// What has been written over the serial numbers of the maker.
    pub(crate) model_serial_number: Option<[u8; 20]>,
    pub(crate) serial_number: Option<[u8; 20]>,
    /// Serial number of the WiFi and Bluetooth module.
    pub(crate) module_serial_number: [u8; 13],
    pub(crate) system_locked: bool,
    pub(crate) led_alarm_off: bool,
    pub(crate) limiter_low_gear: bool,
    pub(crate) active_balancing: bool,
    pub(crate) test_mode: bool,
    storage: [[u8; STORAGE]; 3],
    /// The conditions that the last record of the log has seen.
    logged: ConditionSet,
}

impl Memory {
    /// As delivered.
    pub(crate) fn new(now: Instant) -> Memory {
        Memory {
            clock: Clock::new(now),
            log: Log::new(),
            timed_log: TimedLog::OFF,
            selection: Selection::AS_DELIVERED,
            model_serial_number: None,
            serial_number: None,
            module_serial_number: *b"B350000000001",
            system_locked: false,
            led_alarm_off: false,
            limiter_low_gear: false,
            active_balancing: false,
            test_mode: false,
            // As erased flash.
            storage: [[0xFF; STORAGE]; 3],
            logged: ConditionSet::EMPTY,
        }
    }

    /// A restart ends what a test has begun.
    pub(crate) fn restart(&mut self) {
        self.test_mode = false;
    }

    /// A4: the parameters of the battery are those of delivery again.
    pub(crate) fn restore(&mut self) {
        self.timed_log = TimedLog::OFF;
        self.system_locked = false;
        self.led_alarm_off = false;
        self.limiter_low_gear = false;
        self.active_balancing = false;
        self.test_mode = false;
    }

    /// A setting has been selected on the display, or by EC.
    pub(crate) fn note_selection(&mut self, setting: &ProtocolSetting) {
        self.selection.note(setting);
    }

    /// What a pack says of itself beside its measurements.
    pub(crate) fn status(&self, pack: &PackView, bank: &Bank, now: Instant, options: &PaceRs232Options) -> Status {
        // The switches are those of the pack that the cable is in.
        if pack.number != 1 {
            return Status::default();
        }
        Status {
            pack_offline: bank
                .view(now)
                .conditions
                .contains(Condition::InternalCommunicationAlarm),
            test_mode: self.test_mode,
            system_locked: self.system_locked,
            led_alarm_off: self.led_alarm_off,
            limiter_low_gear: self.limiter_low_gear,
            active_balancing: self.active_balancing,
            wireless_connected: options.wireless,
        }
    }

    /// Logs what has changed since the last time.
    pub(crate) fn note(&mut self, now: Instant, bank: &Bank, config: &Config) {
        let pack = bank.master_view(now);
        if pack.conditions != self.logged {
            self.write_log(now, &pack, bank, config, false);
        }
    }

    /// Logs that the battery has been switched on.
    pub(crate) fn note_power_on(&mut self, now: Instant, bank: &Bank, config: &Config) {
        self.write_log(now, &bank.master_view(now), bank, config, true);
    }

    /// Logs the state at a mark of the timed log.
    pub(crate) fn note_mark(&mut self, now: Instant, bank: &Bank, config: &Config) {
        self.write_log(now, &bank.master_view(now), bank, config, false);
    }

    /// When the timed log next has a mark.
    pub(crate) fn next_mark(&self, now: Instant) -> Option<Instant> {
        let TimedLog { minutes, first, last } = self.timed_log;
        self.clock.next_mark(now, minutes, first, last)
    }

    fn write_log(&mut self, now: Instant, pack: &PackView, bank: &Bank, config: &Config, power_on: bool) {
        self.logged = pack.conditions;
        let status = self.status(pack, bank, now, &config.pace_rs232);
        let date_time = self.clock.read(now).bytes();
        self.log.add(records::log_record(date_time, pack, status, power_on));
    }

    /// 7F.
    pub(crate) fn stored(&self, place: Place) -> &[u8] {
        &self.storage[place.device][place.first..place.end]
    }

    /// 7E; `bytes` are as many as the place has.
    pub(crate) fn store(&mut self, place: Place, bytes: &[u8]) {
        let stored = &mut self.storage[place.device][place.first..place.end];
        for (slot, byte) in stored.iter_mut().zip(bytes) {
            *slot = *byte;
        }
    }
}
