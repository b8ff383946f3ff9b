//! Packs in parallel (bms-behaviour 3.6).
//!
//! - [`address`]: DIP switches and what they mean.
//! - [`view`]: the one record of canonical quantities that every encoder reads, and how it is made of the packs.
//! - [`Bank`]: the packs, and which of them the master counts in.

pub(crate) mod address;
mod view;

use core::time::Duration;

pub use address::DipSwitches;
pub use view::{BankView, Extreme, Temperatures};

use crate::config::MAX_PACKS;
use crate::limits::ForceCharge;
use crate::pack::state::{PackState, Power};
use crate::pack::{Pack, PackView};
use crate::protection::condition::Condition;
use crate::protection::parameters::Parameter;
use crate::time::Instant;
use address::acting;

/// The line between the master and one pack.
#[derive(Clone, Copy, Debug)]
struct Line {
    plugged: bool,
    state: LineState,
    last_answer: Instant,
    /// The address as the switches stand; it counts from the next restart on (B-120).
    switches: u8,
    /// The address that counts.
    address: u8,
    /// What the pack said last before it fell silent; the master goes by that until it gives it up (B-101).
    last_words: Option<PackView>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LineState {
    /// Counted in.
    Online,
    /// Answered once, then no longer (B-101).
    Lost,
    /// Never counted in: not part of the bank, or its voltage does not fit yet (B-115).
    Apart,
}

/// All packs, and what the master knows of them.
#[derive(Clone, Debug)]
pub(crate) struct Bank {
    packs: [Pack; MAX_PACKS as usize],
    lines: [Line; MAX_PACKS as usize],
    /// Packs that belong to the bank, 1..=4.
    count: u8,
    /// The answers of two packs with one address damage each other (B-102).
    damaged: bool,
    force_charge: ForceCharge,
}

impl Bank {
    /// How often the master asks its slaves.
    pub(crate) const POLL_PERIOD: Duration = Duration::from_secs(1);
    /// A pack that has not answered for this long is offline (B-101).
    const SILENCE: Duration = Duration::from_secs(5);
    /// A pack joins when its voltage differs from the others by less, in mV (B-115).
    const JOIN_WINDOW: u32 = 1000;

    pub(crate) fn new(count: u8, now: Instant) -> Bank {
        let line = |address| Line {
            plugged: false,
            state: LineState::Apart,
            last_answer: now,
            switches: address,
            address,
            last_words: None,
        };
        let mut bank = Bank {
            packs: core::array::from_fn(|_| Pack::new(now)),
            lines: [line(1), line(2), line(3), line(4)],
            count: 0,
            damaged: false,
            force_charge: ForceCharge::default(),
        };
        bank.set_count(now, count.clamp(1, MAX_PACKS));
        bank
    }

    /// Packs that belong to the bank.
    pub(crate) fn count(&self) -> u8 {
        self.count
    }

    /// Makes the bank one of `count` packs, all of them plugged in and counted at once.
    pub(crate) fn set_count(&mut self, now: Instant, count: u8) {
        let before = usize::from(self.count);
        self.count = count.clamp(1, MAX_PACKS);
        if self.packs[0].is_running() {
            self.packs_mut().skip(before).for_each(|pack| pack.start(now));
        }
        for (index, line) in self.lines.iter_mut().enumerate() {
            let member = index < usize::from(self.count);
            let state = if member { LineState::Online } else { LineState::Apart };
            *line = Line {
                plugged: member,
                state,
                last_answer: now,
                last_words: None,
                ..*line
            };
        }
        self.refresh(now);
    }

    /// Starts every controller anew; packs join in the order of their numbers (B-115).
    pub(crate) fn start(&mut self, now: Instant) {
        self.packs.iter_mut().for_each(|pack| pack.start(now));
        for line in &mut self.lines {
            line.state = LineState::Apart;
            line.last_answer = now;
        }
        self.ask_all(now);
        self.force_charge = ForceCharge::default();
        self.refresh(now);
    }

    /// The pack of this number (from 1), if the bank has it.
    pub(crate) fn pack_mut(&mut self, number: u8) -> Option<&mut Pack> {
        let index = self.index(number)?;
        self.packs.get_mut(index)
    }

    /// The pack of this number (from 1) at `now`, online or not.
    pub(crate) fn pack_view(&self, now: Instant, number: u8) -> Option<PackView> {
        let pack = self.packs.get(self.index(number)?)?;
        Some(pack.view(now, number, self.address_of(number)))
    }

    /// Every pack of the bank.
    pub(crate) fn packs_mut(&mut self) -> impl Iterator<Item = &mut Pack> {
        self.packs.iter_mut().take(usize::from(self.count))
    }

    fn index(&self, number: u8) -> Option<usize> {
        (1..=self.count).contains(&number).then(|| usize::from(number) - 1)
    }

    /// Connects or disconnects the line between the master and a pack.
    pub(crate) fn set_plugged(&mut self, now: Instant, number: u8, plugged: bool) {
        if let Some(index) = self.index(number) {
            if !plugged {
                self.keep_last_words(now, index);
            }
            self.lines[index].plugged = plugged;
        }
    }

    /// The pack of this index is about to fall silent.
    fn keep_last_words(&mut self, now: Instant, index: usize) {
        if self.answers(index) {
            let number = u8::try_from(index + 1).unwrap_or(u8::MAX);
            let view = self.packs[index].view(now, number, acting(self.lines[index].address));
            self.lines[index].last_words = Some(view);
        }
    }

    /// Whether the master can reach the pack at this moment.
    pub(crate) fn is_plugged(&self, number: u8) -> bool {
        self.index(number).is_some_and(|index| self.answers(index))
    }

    fn answers(&self, index: usize) -> bool {
        self.lines[index].plugged && self.packs[index].is_running()
    }

    /// Whether the pack is counted in.
    pub(crate) fn is_online(&self, number: u8) -> bool {
        self.index(number)
            .is_some_and(|index| self.lines[index].state == LineState::Online)
    }

    /// One round of the master's questions to its slaves; whether it has changed anything.
    pub(crate) fn poll_packs(&mut self, now: Instant) -> bool {
        let before = self.heard();
        self.ask_all(now);
        for line in &mut self.lines {
            if line.state == LineState::Online && now.duration_since(line.last_answer) >= Bank::SILENCE {
                line.state = LineState::Lost;
            }
        }
        self.heard() != before
    }

    /// What the master knows of its slaves, and which of them wait.
    fn heard(&self) -> ([LineState; MAX_PACKS as usize], [bool; MAX_PACKS as usize], bool) {
        let waits = core::array::from_fn(|index| self.packs[index].waits);
        (self.lines.map(|line| line.state), waits, self.damaged)
    }

    /// The master asks every address, in the order of the packs.
    fn ask_all(&mut self, now: Instant) {
        self.damaged = false;
        for index in 0..usize::from(self.count) {
            if !self.answers(index) {
                continue;
            }
            if self.collides(index) {
                self.damaged = true;
                // The master itself need not be asked over the line.
                if index > 0 {
                    continue;
                }
            }
            self.answer(now, index);
        }
    }

    /// Whether another pack on the line has the same address (B-102).
    fn collides(&self, index: usize) -> bool {
        let address = |index: usize| acting(self.lines[index].address);
        let mut others = (0..usize::from(self.count)).filter(|other| *other != index && self.answers(*other));
        // A slave that is wired to the inverter alone asks nobody.
        address(0) == 1 && others.any(|other| address(other) == address(index))
    }

    /// Sets the switches of a pack (from 1); they count from the next restart on (B-120).
    pub(crate) fn set_switches(&mut self, number: u8, address: u8) {
        if let Some(index) = self.index(number) {
            self.lines[index].switches = address;
        }
    }

    /// Reads the switches, as a restart does.
    pub(crate) fn latch_switches(&mut self) {
        for line in &mut self.lines {
            line.address = line.switches;
        }
    }

    /// The switches of the master as they stand, and its address that counts.
    pub(crate) fn master_switches(&self) -> (u8, u8) {
        (self.lines[0].switches, self.lines[0].address)
    }

    /// The number (from 1) of the pack online at this address.
    pub(crate) fn online_at(&self, address: u8) -> Option<u8> {
        (1..=self.count).find(|number| self.is_online(*number) && self.address_of(*number) == address)
    }

    fn address_of(&self, number: u8) -> u8 {
        self.index(number).map_or(0, |index| acting(self.lines[index].address))
    }

    /// A pack answers the master: it is counted in once its voltage fits, and waits with open switches until then.
    fn answer(&mut self, now: Instant, index: usize) {
        self.lines[index].last_answer = now;
        let joins = self.lines[index].state == LineState::Online || self.fits(index);
        if joins {
            self.lines[index].state = LineState::Online;
        }
        self.packs[index].waits = !joins;
    }

    /// Whether a pack's voltage is near enough to the mean of the packs online (B-115).
    fn fits(&self, index: usize) -> bool {
        let online = || {
            self.packs
                .iter()
                .zip(&self.lines)
                .filter(|(_, line)| line.state == LineState::Online)
        };
        let count = online().fold(0, |count, _| count + 1);
        let sum: u32 = online().map(|(pack, _)| pack.voltage_mv()).sum();
        count == 0 || self.packs[index].voltage_mv().abs_diff(sum / count) < Bank::JOIN_WINDOW
    }

    /// Every controller stops: the battery sleeps, or starts.
    pub(crate) fn stop(&mut self, now: Instant, power: Power) {
        self.packs.iter_mut().for_each(|pack| pack.stop(now, power));
        self.lines.iter_mut().for_each(|line| line.last_words = None);
        self.refresh(now);
    }

    /// Draws the conclusions of every pack and of the bank; to be called after every change and at every deadline.
    pub(crate) fn refresh(&mut self, now: Instant) {
        self.packs_mut().for_each(|pack| pack.refresh(now));
        // The master takes the whole battery with it, which is for the battery to do.
        for index in 1..usize::from(self.count) {
            if self.packs[index].is_sleepy(now) {
                self.keep_last_words(now, index);
                self.packs[index].stop(now, Power::Asleep);
            }
        }
        let view = self.view(now);
        let low_cell = view.conditions.contains(Condition::CellUnderVoltageAlarm);
        self.force_charge.update(view.soc_percent, low_cell);
    }

    /// Whether the master is about to switch itself off, and the whole battery with it (B-031).
    pub(crate) fn is_sleepy(&self, now: Instant) -> bool {
        self.packs[0].is_sleepy(now)
    }

    /// The pack that is wired to the inverter at `now`.
    pub(crate) fn master_view(&self, now: Instant) -> PackView {
        self.packs[0].view(now, 1, acting(self.lines[0].address))
    }

    /// What the master is doing.
    pub(crate) fn master_state(&self) -> PackState {
        self.packs[0].state()
    }

    /// Switches one pack off.
    pub(crate) fn sleep_pack(&mut self, now: Instant, number: u8) {
        if let Some(index) = self.index(number) {
            self.keep_last_words(now, index);
            self.packs[index].stop(now, Power::Asleep);
        }
    }

    /// Switches those packs on again that have switched themselves off.
    pub(crate) fn wake_packs(&mut self, now: Instant) {
        for pack in self.packs_mut().filter(|pack| !pack.is_running()) {
            pack.start(now);
        }
    }

    /// Notes that the inverter or a person did something: nobody sleeps for now (B-031).
    pub(crate) fn note_activity(&mut self, now: Instant) {
        self.packs.iter_mut().for_each(|pack| pack.last_heard = now);
    }

    /// Puts an outside voltage in mV to the terminals, which all packs share, or takes it away.
    pub(crate) fn set_charger(&mut self, millivolts: Option<u32>) {
        self.packs.iter_mut().for_each(|pack| pack.charger_mv = millivolts);
    }

    /// Whether a charger stands at the terminals of the master (B-160).
    pub(crate) fn charger_present(&self) -> bool {
        self.packs[0].charger_present()
    }

    /// When a pack next changes by itself.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let packs = self.packs.iter().take(usize::from(self.count));
        packs.filter_map(Pack::deadline).min()
    }

    /// How long init takes (B-033).
    pub(crate) fn precharge_delay(&self) -> Duration {
        self.packs[0].parameters.duration(Parameter::PrechargeDelay)
    }

    /// The packs online, in the order of their numbers; one that does not answer, as it answered last.
    pub(crate) fn online(&self, now: Instant) -> impl Iterator<Item = PackView> {
        self.listed(now).filter_map(|(view, online)| online.then_some(view))
    }

    /// The packs that have been counted in, in the order of their numbers, and whether each of them still is; one that
    /// does not answer, as it answered last.
    pub(crate) fn listed(&self, now: Instant) -> impl Iterator<Item = (PackView, bool)> {
        (1..)
            .zip(self.packs.iter().zip(&self.lines))
            .filter(|(_, (_, line))| line.state != LineState::Apart)
            .map(move |(number, (pack, line))| {
                let view = match line.last_words {
                    // The master asks itself nothing: it is silent only when all are.
                    Some(view) if number > 1 && !(line.plugged && pack.is_running()) => view,
                    _ => pack.view(now, number, acting(line.address)),
                };
                (view, line.state == LineState::Online)
            })
    }

    /// The bank at `now`.
    pub(crate) fn view(&self, now: Instant) -> BankView {
        let mut view = BankView::of(self.online(now));
        view.modules_offline = self.count.saturating_sub(view.module_count);
        if self.damaged || self.lines.iter().any(|line| line.state == LineState::Lost) {
            view.conditions.set(Condition::InternalCommunicationAlarm, true);
        }
        view.requests.force_charge_1 = self.force_charge.request_1;
        view.requests.force_charge_2 = self.force_charge.request_2;
        view
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setting::Switch;

    fn at(secs: u64) -> Instant {
        Instant::from_secs(secs)
    }

    #[track_caller]
    fn expect(bank: &Bank, now: u64, online: u8, alarm: bool) {
        let view = bank.view(at(now));
        assert_eq!(
            (view.module_count, view.modules_offline),
            (online, bank.count() - online)
        );
        assert_eq!(view.conditions.contains(Condition::InternalCommunicationAlarm), alarm);
    }

    #[test]
    fn a_pack_that_does_not_answer_for_five_seconds_is_left_out() {
        let mut bank = Bank::new(3, at(0));
        bank.poll_packs(at(1));
        bank.set_plugged(at(1), 2, false);
        for now in 2..=5 {
            bank.poll_packs(at(now));
            expect(&bank, now, 3, false);
        }
        bank.poll_packs(at(6));
        expect(&bank, 6, 2, true);
        assert_eq!(bank.view(at(6)).online_map, 0b1010);

        bank.set_plugged(at(6), 2, true);
        expect(&bank, 6, 2, true);
        bank.poll_packs(at(7));
        expect(&bank, 7, 3, false);
    }

    /// B-101: until it is left out, a silent pack counts as it answered last, whatever becomes of it.
    #[test]
    fn a_silent_pack_counts_as_it_answered_last() {
        let mut bank = Bank::new(2, at(0));
        bank.poll_packs(at(1));
        for silence in [
            |bank: &mut Bank| bank.set_plugged(at(2), 2, false),
            |bank: &mut Bank| {
                bank.sleep_pack(at(2), 2);
            },
        ] {
            let mut bank = bank.clone();
            let empty = Condition::CellUnderVoltageProtection;
            bank.pack_mut(2).unwrap().protection.hold(empty, Switch::On);
            bank.refresh(at(2));
            let before = bank.view(at(2));
            assert!(before.conditions.contains(empty) && before.modules_blocking_discharge == 1);
            silence(&mut bank);
            bank.pack_mut(2).unwrap().forced_voltage_mv = Some(1);
            bank.refresh(at(3));
            assert_eq!(bank.view(at(3)), before);
            bank.poll_packs(at(7));
            assert!(!bank.view(at(7)).conditions.contains(empty), "left out");
        }
    }

    #[test]
    fn a_pack_joins_only_when_its_voltage_fits() {
        let mut bank = Bank::new(2, at(0));
        bank.set_plugged(at(0), 2, false);
        bank.poll_packs(at(5));
        expect(&bank, 5, 1, true);

        bank.set_plugged(at(6), 2, true);
        for (now, millivolts, online) in [(6, 53_800, 1), (7, 51_800, 1), (8, 53_799, 2), (9, 40_000, 2)] {
            bank.pack_mut(2).unwrap().forced_voltage_mv = Some(millivolts);
            bank.poll_packs(at(now));
            expect(&bank, now, online, online == 1);
        }
    }

    #[test]
    fn a_smaller_bank_misses_nobody() {
        let mut bank = Bank::new(4, at(0));
        bank.set_count(at(1), 2);
        bank.poll_packs(at(60));
        expect(&bank, 60, 2, false);
        assert!(bank.pack_mut(3).is_none() && bank.pack_mut(0).is_none());
    }
}
