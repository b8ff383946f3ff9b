//! The battery as a machine that is told the time.
//!
//! - here: time, buses, stimuli, power.
//! - [`controls`]: what people do to it and see of it: DIP switches, keys, display, LEDs; and the charger.

mod controls;

use core::time::Duration;

use crate::bank::{Bank, BankView};
use crate::can::CanProtocol;
use crate::can::broadcast::Broadcast;
use crate::config::{Config, MAX_PACKS, Protocol};
use crate::frame::CanFrame;
use crate::key::ResetKey;
use crate::pack::PackView;
use crate::pack::state::{PackState, Power};
use crate::panel::Panel;
use crate::panel::protocol_setting::ProtocolSetting;
use crate::rs485::pace_rs232::Memory;
use crate::rs485::{AfterReply, SerialPort};
use crate::setting::{SetError, Setting};
use crate::time::Instant;
use crate::timer::{Timer, TimerTable};

/// an inverter that has been silent for this long is lost.
const INVERTER_PATIENCE: Duration = Duration::from_secs(60);
/// So many of its own events a battery catches up with when its driver comes late; then it goes on from there.
const CATCH_UP: u32 = 100;

/// One thing to send to the inverter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transmit<'a> {
    /// A frame for the CAN bus.
    Can(CanFrame),
    /// Bytes for the serial line, to be sent without a gap.
    Serial(&'a [u8]),
}

/// What a control interface can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Whether the battery is on.
    pub power: Power,
    /// What the pack that is wired to the inverter is doing.
    pub state: PackState,
    /// The protocol in use, at the service port that of the port; `None` while a setting is selected that the firmware
    /// does not speak.
    pub protocol: Option<Protocol>,
    /// DIP address of the pack that is wired to the inverter, 0..=15.
    pub dip: u8,
    /// The same as its switches stand now; it counts from the next restart on (B-120).
    pub dip_switches: u8,
    /// Packs that belong to the bank, online or not.
    pub packs: u8,
    /// No keep-alive and no request for 60 s. Nothing else follows from it in these protocols (B-082).
    pub inverter_lost: bool,
    /// The bank as an encoder sees it.
    pub bank: BankView,
}

/// A battery of one to four packs, with its inverter protocol.
///
/// The driver tells it what arrives and what time it is; the battery does no input or output, reads no clock and
/// never waits. Time that goes back is taken as standing still.
///
/// A driver's loop: call [`handle_timeout`](Bms::handle_timeout) at the time that
/// [`poll_timeout`](Bms::poll_timeout) named, and hand in what has arrived; after each of these, call
/// [`poll_transmit`](Bms::poll_transmit) until it has nothing more.
#[derive(Clone, Debug)]
pub struct Bms {
    config: Config,
    now: Instant,
    power: Power,
    inverter_lost: bool,
    reset_key: ResetKey,
    panel: Panel,
    /// The protocol that is selected on the panel.
    setting: &'static ProtocolSetting,
    /// When `power` last changed, and whether RESET did it (B-154).
    power_since: Instant,
    shut_down_by_reset: bool,
    timers: TimerTable,
    bank: Bank,
    /// What is broadcast; `None` where nothing is.
    broadcast: Option<Broadcast>,
    serial: SerialPort,
    /// The serial line is the service port, not that of the inverter.
    at_service_port: bool,
    /// What the service port sets and reads beside the packs; it outlasts a restart.
    memory: Memory,
}

impl Bms {
    /// A battery that is switched on at `now`; it speaks once init is over.
    ///
    /// `config.packs` outside 1..=4 is taken as the nearest end, of `config.dip` only the low four bits count.
    pub fn new(config: Config, now: Instant) -> Bms {
        let config = Config {
            packs: config.packs.clamp(1, MAX_PACKS),
            dip: config.dip & 0x0F,
            ..config
        };
        let mut bms = Bms {
            config,
            now,
            power: Power::Asleep,
            inverter_lost: false,
            reset_key: ResetKey::default(),
            panel: Panel::new(now),
            setting: ProtocolSetting::of(config.protocol),
            power_since: now,
            shut_down_by_reset: false,
            timers: TimerTable::default(),
            bank: Bank::new(config.packs, now),
            broadcast: None,
            serial: SerialPort::new(None),
            at_service_port: config.protocol == Protocol::PaceRs232,
            memory: Memory::new(now),
        };
        bms.bank.set_switches(1, bms.config.dip);
        bms.start();
        bms
    }

    /// Takes in a frame from the CAN bus; ignored where the protocol runs on the other bus.
    ///
    /// May change the answers of every `poll_` call.
    pub fn handle_can(&mut self, now: Instant, frame: &CanFrame) {
        self.advance(now);
        let can = self.protocol().and_then(CanProtocol::of);
        let Some(can) = can.filter(|_| self.power == Power::Running) else {
            return;
        };
        if (can.is_keepalive)(frame) {
            if let Some(broadcast) = &mut self.broadcast {
                broadcast.note_inverter(self.now);
            }
            self.note_inverter();
        }
        if can.orders_shutdown(frame, &self.config) {
            self.fall_asleep();
        }
    }

    /// Takes in bytes from the serial line, cut in any way; `now` is when the last of them had arrived. Ignored
    /// where the protocol runs on the other bus.
    ///
    /// A question that comes while the answer to another one is still due is dropped: two masters collide, and the
    /// battery answers the first.
    ///
    /// May change the answers of every `poll_` call.
    pub fn handle_serial(&mut self, now: Instant, bytes: &[u8]) {
        // Whether a frame was over before these bytes is for the port to say, which knows how long they took.
        if self.serial.is_continued(now, bytes.len()) {
            self.timers.stop(Timer::Silence);
        }
        self.advance(now);
        if self.power != Power::Running {
            return;
        }
        let answered = self
            .serial
            .receive(self.now, bytes, &self.config, &mut self.bank, &mut self.memory);
        self.follow_serial(answered);
    }

    /// Lets happen what is due at `now`; a call too early does nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.advance(now);
    }

    /// The next thing to send at `now`; to be called until it gives `None`.
    ///
    /// May change after every call that takes `now`.
    #[must_use]
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Transmit<'_>> {
        self.advance(now);
        if self.timers.is_due(Timer::Broadcast, self.now) {
            match &mut self.broadcast {
                None => self.timers.stop(Timer::Broadcast),
                Some(broadcast) => {
                    let (frame, next) = broadcast.next_frame(self.now, &self.config, &self.bank);
                    self.timers.set(Timer::Broadcast, next);
                    if let Some(frame) = frame {
                        return Some(Transmit::Can(frame));
                    }
                }
            }
        }
        if self.timers.is_due(Timer::Reply, self.now) {
            self.timers.stop(Timer::Reply);
            match self.serial.begin_reply() {
                None => {}
                Some(AfterReply::TurnPackOff(pack)) if pack > 1 => {
                    self.bank.sleep_pack(self.now, pack);
                    self.refresh_bank();
                }
                // The master is the one that talks: without it the whole bank is silent.
                Some(AfterReply::TurnPackOff(_) | AfterReply::ShutDown) => self.fall_asleep(),
                Some(AfterReply::Restart) => self.start(),
                Some(AfterReply::SelectProtocol(setting)) => self.select(setting),
            }
            return Some(Transmit::Serial(self.serial.reply()));
        }
        None
    }

    /// When to call [`handle_timeout`](Bms::handle_timeout) and [`poll_transmit`](Bms::poll_transmit) again, if
    /// nothing arrives before.
    ///
    /// May change after every call that takes `now`.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next_timeout()
    }

    /// Applies a stimulus to one pack (from 1), or to every pack of the bank.
    ///
    /// A sleeping battery takes stimuli too: they are its physical state.
    ///
    /// # Errors
    /// Out of range, or no such pack, cell or sensor; nothing has been changed then.
    pub fn set(&mut self, now: Instant, pack: Option<u8>, setting: Setting) -> Result<(), SetError> {
        self.advance(now);
        setting.check()?;
        match pack {
            None => self.bank.packs_mut().for_each(|pack| setting.apply(pack, self.now)),
            Some(number) => {
                let packs = self.bank.count();
                let pack = self
                    .bank
                    .pack_mut(number)
                    .ok_or(SetError::NoSuchPack { pack: number, packs })?;
                setting.apply(pack, self.now);
            }
        }
        self.refresh_bank();
        Ok(())
    }

    /// Makes the bank one of `packs` packs, all of them online at once.
    ///
    /// # Errors
    /// [`SetError::PackCount`] outside 1..=4.
    pub fn set_packs(&mut self, now: Instant, packs: u8) -> Result<(), SetError> {
        self.advance(now);
        if !(1..=MAX_PACKS).contains(&packs) {
            return Err(SetError::PackCount { packs });
        }
        self.config.packs = packs;
        self.bank.set_count(self.now, packs);
        self.refresh_bank();
        self.schedule_pack_poll();
        Ok(())
    }

    /// Cuts the line between the master and a pack: it is offline once it has not answered for 5 s (B-101).
    ///
    /// # Errors
    /// [`SetError::NoSuchPack`], or [`SetError::WiredPack`] for pack 1.
    pub fn unplug(&mut self, now: Instant, pack: u8) -> Result<(), SetError> {
        self.set_plugged(now, pack, false)
    }

    /// Restores the line between the master and a pack: it joins with the next poll, within 1 s, if its voltage
    /// differs by less than 1.0 V from the packs online (B-115).
    ///
    /// # Errors
    /// [`SetError::NoSuchPack`], or [`SetError::WiredPack`] for pack 1.
    pub fn plug(&mut self, now: Instant, pack: u8) -> Result<(), SetError> {
        self.set_plugged(now, pack, true)
    }

    fn set_plugged(&mut self, now: Instant, pack: u8, plugged: bool) -> Result<(), SetError> {
        self.advance(now);
        let packs = self.bank.count();
        match pack {
            1 => Err(SetError::WiredPack),
            2.. if pack <= packs => {
                self.bank.set_plugged(self.now, pack, plugged);
                Ok(())
            }
            _ => Err(SetError::NoSuchPack { pack, packs }),
        }
    }

    /// Switches the battery off, as RESET held for 5 s does: nothing is sent any more (B-060).
    pub fn sleep(&mut self, now: Instant) {
        self.advance(now);
        self.fall_asleep();
    }

    /// Wakes a sleeping battery: it goes through init again. While it is awake, only slaves that have switched
    /// themselves off are woken.
    pub fn wake(&mut self, now: Instant) {
        self.advance(now);
        match self.power {
            Power::Asleep => self.start(),
            Power::Starting => {}
            Power::Running => {
                self.bank.wake_packs(self.now);
                self.refresh_bank();
            }
        }
    }

    /// Takes the supply away and gives it back at once: the battery goes through init again.
    ///
    /// What was set stays; what the battery remembered of the past is gone.
    pub fn power_cycle(&mut self, now: Instant) {
        self.advance(now);
        self.start();
    }

    /// What a control interface can show, as of the last call that told the time.
    pub fn status(&self) -> Status {
        Status {
            power: self.power,
            state: self.bank.master_state(),
            protocol: self.protocol(),
            dip: self.config.dip,
            dip_switches: self.bank.master_switches().0,
            packs: self.bank.count(),
            inverter_lost: self.inverter_lost,
            bank: self.bank.view(self.now),
        }
    }

    /// One pack (from 1) as of the last call that told the time, online or not; `None` if the bank has no such pack.
    pub fn pack_status(&self, pack: u8) -> Option<PackView> {
        self.bank.pack_view(self.now, pack)
    }

    fn fall_asleep(&mut self) {
        self.set_power(Power::Asleep);
        self.panel.darken();
        self.timers.stop_all();
        self.reset_key.forget();
        self.bank.stop(self.now, Power::Asleep);
    }

    fn set_power(&mut self, power: Power) {
        self.power = power;
        self.power_since = self.now;
        self.shut_down_by_reset = false;
    }

    fn start(&mut self) {
        self.set_power(Power::Starting);
        self.panel.switch_on(self.now);
        self.reset_key.forget();
        self.inverter_lost = false;
        self.timers.stop_all();
        self.memory.restart();
        self.bank.latch_switches();
        self.config.dip = self.bank.master_switches().1;
        self.bank.stop(self.now, Power::Starting);
        self.timers.set(Timer::InitDone, self.now + self.bank.precharge_delay());
    }

    /// Brings the state up to `now`, each event at its own time.
    fn advance(&mut self, now: Instant) {
        let now = self.now.max(now);
        for _ in 0..CATCH_UP {
            let Some(at) = self.timers.next_own().filter(|at| *at < now) else {
                break;
            };
            self.now = self.now.max(at);
            self.expire();
        }
        self.now = now;
        self.expire();
    }

    /// Lets happen what is due.
    fn expire(&mut self) {
        if self.timers.is_due(Timer::InitDone, self.now) {
            self.finish_init();
        }
        if self.timers.is_due(Timer::Silence, self.now) {
            let answered = self
                .serial
                .fall_silent(self.now, &self.config, &mut self.bank, &mut self.memory);
            self.follow_serial(answered);
        }
        if self.timers.is_due(Timer::PackPoll, self.now) {
            self.schedule_pack_poll();
            if self.bank.poll_packs(self.now) {
                self.refresh_bank();
            }
        }
        if self.timers.is_due(Timer::PackDeadline, self.now) {
            self.refresh_bank();
        }
        if self.timers.is_due(Timer::Log, self.now) {
            self.memory.note_mark(self.now, &self.bank, &self.config);
            self.schedule_log();
        }
        if self.timers.is_due(Timer::ResetHeld, self.now) {
            self.fall_asleep();
            self.shut_down_by_reset = true;
        }
        self.panel.advance(self.now);
        if self.timers.is_due(Timer::InverterLost, self.now) {
            self.inverter_lost = true;
            self.timers.stop(Timer::InverterLost);
        }
    }

    fn finish_init(&mut self) {
        // The end of init is when it was due, so a late call does not shift the grid of the broadcast.
        let end = self.timers.get(Timer::InitDone).unwrap_or(self.now);
        self.timers.stop(Timer::InitDone);
        self.set_power(Power::Running);
        self.bank.start(end);
        self.refresh_bank();
        self.timers.set(Timer::InverterLost, end + INVERTER_PATIENCE);
        self.schedule_pack_poll();
        self.start_speaking(end);
        if self.at_service_port {
            self.memory.note_power_on(self.now, &self.bank, &self.config);
            self.schedule_log();
        }
    }

    /// The protocol in use.
    fn protocol(&self) -> Option<Protocol> {
        if self.at_service_port {
            Some(Protocol::PaceRs232)
        } else if self.setting == ProtocolSetting::of(self.config.protocol) {
            // Where a setting has two readings, the configuration says which.
            Some(self.config.protocol)
        } else {
            self.setting.protocol()
        }
    }

    /// Makes another setting that of the inverter; it counts at once.
    fn select(&mut self, setting: &'static ProtocolSetting) {
        self.setting = setting;
        if self.power == Power::Running && !self.at_service_port {
            self.start_speaking(self.now);
        }
    }

    /// Sets the timers as the serial port wants them, and draws the conclusions from a question that is answered.
    fn follow_serial(&mut self, answered: bool) {
        let port = &self.serial;
        for (timer, at) in [(Timer::Silence, port.silence_at()), (Timer::Reply, port.reply_at())] {
            match at {
                Some(at) => self.timers.set(timer, at),
                None => self.timers.stop(timer),
            }
        }
        if answered {
            self.note_inverter();
            // A write may have changed what the battery protects itself by.
            self.refresh_bank();
            self.schedule_log();
        }
    }

    /// Begins to speak the protocol that is selected, with nothing left over of another one.
    fn start_speaking(&mut self, now: Instant) {
        for timer in [Timer::Broadcast, Timer::Reply, Timer::Silence] {
            self.timers.stop(timer);
        }
        self.serial = SerialPort::new(self.protocol());
        self.broadcast = None;
        if let Some(protocol) = self.protocol() {
            self.config.protocol = protocol;
            if let Some(can) = CanProtocol::of(protocol).filter(|_| self.is_master()) {
                self.broadcast = Some(Broadcast::new(can, now));
                self.timers.set(Timer::Broadcast, now);
            }
        }
    }

    /// The service port may have set when something is to be logged.
    fn schedule_log(&mut self) {
        match self.memory.next_mark(self.now).filter(|_| self.at_service_port) {
            Some(at) => self.timers.set(Timer::Log, at),
            None => self.timers.stop(Timer::Log),
        }
    }

    /// Draws the conclusions from a change, or from time that has passed.
    fn refresh_bank(&mut self) {
        self.bank.refresh(self.now);
        if self.at_service_port && self.power == Power::Running {
            self.memory.note(self.now, &self.bank, &self.config);
        }
        if self.power == Power::Running && self.bank.is_sleepy(self.now) {
            self.fall_asleep();
        }
        match self.bank.deadline().filter(|_| self.power == Power::Running) {
            Some(at) => self.timers.set(Timer::PackDeadline, at),
            None => self.timers.stop(Timer::PackDeadline),
        }
    }

    /// Only the master speaks for the bank; DIP address 0 acts as 1.
    fn is_master(&self) -> bool {
        self.config.dip <= 1
    }

    fn note_inverter(&mut self) {
        self.inverter_lost = false;
        self.bank.note_activity(self.now);
        self.timers.set(Timer::InverterLost, self.now + INVERTER_PATIENCE);
    }

    /// The master asks its slaves while there are any.
    fn schedule_pack_poll(&mut self) {
        if self.power == Power::Running && self.bank.count() > 1 {
            self.timers.set(Timer::PackPoll, self.now + Bank::POLL_PERIOD);
        } else {
            self.timers.stop(Timer::PackPoll);
        }
    }
}
