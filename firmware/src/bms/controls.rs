//! What people do to the battery and see of it, and what stands at its terminals.

use super::{Bms, Power};
use crate::bank::DipSwitches;
use crate::key::{Key, ResetKey};
use crate::panel::led::{LIGHT_UP, LedInput, LedState, Leds};
use crate::panel::page::{CellsInfo, MainStatus, Page, PageContent, ProtocolPage, SystemPage};
use crate::panel::{PanelAction, PanelError, PanelView, Request};
use crate::protection::condition::Condition;
use crate::setting::SetError;
use crate::time::Instant;
use crate::timer::Timer;

impl Bms {
    /// Sets the DIP switches of a pack; they count once the battery has been restarted (R-061, B-120).
    ///
    /// # Errors
    /// [`SetError::NoSuchPack`].
    pub fn dip(&mut self, now: Instant, pack: u8, switches: DipSwitches) -> Result<(), SetError> {
        self.advance(now);
        let packs = self.bank.count();
        if !(1..=packs).contains(&pack) {
            return Err(SetError::NoSuchPack { pack, packs });
        }
        self.bank.set_switches(pack, switches.address());
        Ok(())
    }

    /// A hand does something to a key of the pack that is wired to the inverter.
    pub fn key(&mut self, now: Instant, key: Key) {
        self.advance(now);
        self.bank.note_activity(self.now);
        match key {
            Key::Power => self.wake(now),
            Key::SideSwitch => self.fall_asleep(),
            Key::ResetPress => {
                if self.reset_key.press(self.now) && self.power != Power::Asleep {
                    self.timers.set(Timer::ResetHeld, self.now + ResetKey::SHUT_DOWN);
                }
            }
            Key::ResetRelease => {
                self.timers.stop(Timer::ResetHeld);
                if self.reset_key.release(self.now) {
                    self.start();
                }
            }
        }
        self.refresh_bank();
    }

    /// Puts an outside voltage in mV to the terminals, or takes it away (`None`).
    ///
    /// A voltage of 0.5 V above that of the pack and more is a charger: applied to a sleeping battery it wakes it
    /// (R-047, B-160), and a battery at a charger does not switch itself off.
    pub fn charger(&mut self, now: Instant, millivolts: Option<u32>) {
        self.advance(now);
        self.bank.set_charger(millivolts);
        if self.bank.charger_present() {
            self.wake(now);
        }
        self.refresh_bank();
    }

    /// A person does something at the display.
    ///
    /// A protocol that is selected counts at once. One that the firmware does not speak can be selected too: the battery
    /// is silent then ([`PanelView::silent`]).
    ///
    /// # Errors
    /// Why nothing came of it; it counted as a touch all the same, unless the display was dark or the battery off.
    pub fn panel(&mut self, now: Instant, action: PanelAction) -> Result<(), PanelError> {
        self.advance(now);
        if self.power == Power::Asleep {
            return Err(PanelError::BatteryOff);
        }
        self.bank.note_activity(self.now);
        match self.panel.act(self.now, action, self.bank.count())? {
            Request::Nothing => {}
            Request::Select(setting) => {
                self.memory.note_selection(setting);
                self.select(setting);
            }
        }
        Ok(())
    }

    /// What can be seen of the panel, as of the last call that told the time.
    pub fn panel_view(&self) -> PanelView {
        let bank = self.bank.view(self.now);
        let pack = self.bank.master_view(self.now);
        // The master shows what it knows of the others beside its own state.
        let mut conditions = pack.conditions;
        let alarm = Condition::InternalCommunicationAlarm;
        conditions.set(alarm, bank.conditions.contains(alarm));
        let led_state = LedState::of(&LedInput {
            power: self.power,
            conditions,
            flow: pack.flow,
            charging_source: pack.charging_source,
        });
        let passed = self.now.duration_since(self.power_since);
        let leds = match self.power {
            Power::Starting => Leds::one_after_another(passed),
            Power::Asleep if self.shut_down_by_reset && passed < LIGHT_UP => Leds::one_after_another(passed),
            Power::Asleep | Power::Running => Leds::of(led_state, pack.soc_centipercent),
        };
        PanelView {
            page: self.panel.page(),
            permission: self.panel.permission(),
            protocol_unlocked: self.panel.is_unlocked(),
            language: self.panel.language(),
            pack: self.panel.pack(self.bank.count()),
            setting: self.setting,
            silent: self.setting.protocol().is_none(),
            address_warning: self.config.dip == 0,
            led_state,
            leds,
        }
    }

    /// What stands on the page that is shown, as of the last call that told the time.
    pub fn page_content(&self) -> PageContent {
        let language = self.panel.language();
        let packs = self.bank.count();
        let pack = self.panel.pack(packs);
        let bank = self.bank.view(self.now);
        match self.panel.page() {
            None => PageContent::Dark,
            Some(Page::Welcome) => PageContent::Welcome,
            Some(Page::MainStatus) => PageContent::MainStatus(MainStatus::of(&bank, pack, packs, language)),
            Some(Page::Menu) => PageContent::Menu([Page::CellsInfo, Page::Protocol, Page::System]),
            Some(Page::CellsInfo) => {
                let view = self.bank.pack_view(self.now, pack);
                let view = view.unwrap_or_else(|| self.bank.master_view(self.now));
                PageContent::CellsInfo(CellsInfo::of(&view))
            }
            Some(Page::AlarmDetails) => PageContent::AlarmDetails(bank.conditions),
            Some(Page::Protocol) => PageContent::Protocol(ProtocolPage {
                unlocked: self.panel.is_unlocked(),
                selected: self.setting,
            }),
            Some(Page::System) => PageContent::System(SystemPage::of(&self.config, language)),
        }
    }
}
