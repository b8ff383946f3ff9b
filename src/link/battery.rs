//! The reference BMS with what a bench must remember of it.
//!
//! [`reference`](super::reference) runs it in virtual time, [`emulate`](super::emulate) on a wire; stimuli mean the same
//! in both.

use std::time::Duration;

use refbms::{Bms, Config, Power};

use super::look;
use super::stimulus::{Act, StimulusError, hands, resolve};
use crate::suite::{Setting, Stimulus};
use crate::time::Instant;

/// A reference battery that takes stimuli.
#[derive(Debug)]
pub struct Battery {
    bms: Bms,
    config: Config,
    /// What was set on every pack since the last reset, by name, the latest last: a pack that joins later gets it too,
    /// so that the order of `packs: 2` and `soc: 50 %` in a list does not matter.
    general: Vec<(String, Vec<Act>)>,
    /// What the display answered last.
    panel_answer: &'static str,
}

impl Battery {
    /// A battery that is switched on at `now`.
    pub fn new(config: Config, now: Instant) -> Battery {
        Battery {
            bms: Bms::new(config, to_bms(now)),
            config,
            general: Vec::new(),
            panel_answer: hands::answer(Ok(())),
        }
    }

    /// The machine itself.
    pub fn bms(&mut self) -> &mut Bms {
        &mut self.bms
    }

    /// What the battery shows of itself, as of the last call that told it the time.
    pub fn status(&self) -> refbms::Status {
        self.bms.status()
    }

    /// When the battery next wants to be called; `None`: not before something arrives.
    pub fn next_timeout(&self) -> Option<Instant> {
        self.bms.poll_timeout().map(from_bms)
    }

    /// Checks a stimulus as far as that is possible without changing anything.
    ///
    /// # Errors
    /// As [`apply`](Battery::apply), where the present state decides.
    pub fn check(&self, now: Instant, stimuli: &[Stimulus]) -> Result<(), StimulusError> {
        let mut trial = Battery {
            bms: self.bms.clone(),
            config: self.config,
            general: self.general.clone(),
            panel_answer: self.panel_answer,
        };
        stimuli.iter().try_for_each(|stimulus| trial.apply(now, stimulus))
    }

    /// Puts the battery into a state.
    ///
    /// [`Stimulus::Reset`] gives a fresh battery of one pack whose self-test is just over, so that it speaks at once.
    ///
    /// # Errors
    /// The stimulus is wrong or the battery refuses it; then nothing has changed.
    pub fn apply(&mut self, now: Instant, stimulus: &Stimulus) -> Result<(), StimulusError> {
        let at = to_bms(now);
        let refused = StimulusError::Refused;
        match stimulus {
            Stimulus::Reset => self.reset(now),
            Stimulus::Set(name, value) => {
                let resolved = resolve(name, value)?;
                for act in &resolved.acts {
                    self.act(at, resolved.pack, *act).map_err(refused)?;
                }
                if resolved.pack.is_none() {
                    self.general.retain(|(earlier, _)| earlier != name);
                    self.general.push((name.clone(), resolved.acts));
                }
            }
            Stimulus::Packs(packs) => {
                let before = self.bms.status().packs;
                self.bms.set_packs(at, *packs).map_err(refused)?;
                for pack in before + 1..=*packs {
                    for act in self.general.iter().flat_map(|(_, acts)| acts) {
                        if let Act::Set(setting) = act {
                            self.bms.set(at, Some(pack), *setting).map_err(refused)?;
                        }
                    }
                }
            }
            Stimulus::Online { pack, online: true } => self.bms.plug(at, *pack).map_err(refused)?,
            Stimulus::Online { pack, online: false } => self.bms.unplug(at, *pack).map_err(refused)?,
            Stimulus::Sleep(true) => self.bms.sleep(at),
            Stimulus::Sleep(false) => self.bms.wake(at),
            Stimulus::PowerCycle => self.bms.power_cycle(at),
            Stimulus::Key(action) => self.bms.key(at, hands::key(action)?),
            Stimulus::Panel(action) => {
                // Whatever the display thinks of it, it was done.
                self.panel_answer = hands::answer(self.bms.panel(at, hands::panel(action)?));
            }
        }
        Ok(())
    }

    fn act(&mut self, at: refbms::Instant, pack: Option<u8>, act: Act) -> Result<(), refbms::SetError> {
        match act {
            Act::Set(setting) => self.bms.set(at, pack, setting),
            Act::Dip(address) => self
                .bms
                .dip(at, pack.unwrap_or(1), refbms::DipSwitches::for_address(address)),
            Act::Charger(millivolts) => {
                self.bms.charger(at, millivolts);
                Ok(())
            }
        }
    }

    /// What display or LEDs show at `now`, by its name in the [table](super::look).
    ///
    /// # Errors
    /// There is no such thing to look at.
    pub fn look(&mut self, now: Instant, name: &str) -> Result<Setting, StimulusError> {
        let (thing, number) = look::find(name)?;
        self.bms.handle_timeout(to_bms(now));
        Ok(thing.read(&self.bms, self.panel_answer, number))
    }

    fn reset(&mut self, now: Instant) {
        let config = Config {
            packs: 1,
            ..self.config
        };
        let init = init_time(config);
        self.bms = Bms::new(config, to_bms(now.before(init)));
        self.bms.handle_timeout(to_bms(now));
        self.general.clear();
        self.panel_answer = hands::answer(Ok(()));
    }
}

/// How long a battery's self-test takes after power-on.
fn init_time(config: Config) -> Duration {
    let mut bms = Bms::new(config, refbms::Instant::ZERO);
    let mut now = refbms::Instant::ZERO;
    while bms.status().power == Power::Starting
        && let Some(next) = bms.poll_timeout().filter(|next| *next > now)
    {
        now = next;
        bms.handle_timeout(now);
    }
    now.duration_since(refbms::Instant::ZERO)
}

/// The same point in time on the battery's clock.
pub(crate) const fn to_bms(at: Instant) -> refbms::Instant {
    refbms::Instant::from_micros(at.as_micros())
}

/// The same point in time on the harness's clock.
pub(crate) const fn from_bms(at: refbms::Instant) -> Instant {
    Instant::from_micros(at.as_micros())
}

#[cfg(test)]
mod tests {
    use super::super::stimulus::setting;
    use super::*;

    fn seconds(seconds: u64) -> Instant {
        Instant::from_micros(seconds * 1_000_000)
    }

    fn set(name: &str, value: &str) -> Stimulus {
        Stimulus::Set(name.to_string(), setting(value))
    }

    fn battery(stimuli: &[Stimulus]) -> Battery {
        let mut battery = Battery::new(Config::default(), Instant::ZERO);
        battery.bms().handle_timeout(to_bms(seconds(3)));
        for stimulus in stimuli {
            battery
                .apply(seconds(3), stimulus)
                .unwrap_or_else(|error| panic!("{stimulus:?}: {error}"));
        }
        battery
    }

    #[test]
    fn the_order_of_packs_and_settings_does_not_matter() {
        let one = battery(&[set("soc", "40 %"), set("current", "-5 A"), Stimulus::Packs(3)]);
        let other = battery(&[Stimulus::Packs(3), set("soc", "40 %"), set("current", "-5 A")]);
        assert_eq!(one.status(), other.status());
        assert_eq!(one.status().bank.pack_current_ma, -15_000);
        assert_eq!(one.status().bank.soc_percent, 40);
    }

    #[test]
    fn a_reset_battery_is_awake_and_new() {
        let mut used = battery(&[
            Stimulus::Packs(2),
            set("soc", "3 %"),
            set("cell_fault", "true"),
            Stimulus::Sleep(true),
        ]);
        assert_eq!(used.status().power, Power::Asleep);
        used.apply(seconds(100), &Stimulus::Reset).unwrap();
        let status = used.status();
        assert_eq!((status.power, status.packs), (Power::Running, 1));
        assert_eq!(status.bank, battery(&[]).status().bank);
        assert_eq!(used.next_timeout(), Some(seconds(100)), "it speaks at once");
        // What was set before the reset is not given to packs that join after it.
        used.apply(seconds(100), &Stimulus::Packs(2)).unwrap();
        assert_eq!(used.status().bank.soc_percent, status.bank.soc_percent);
    }

    #[test]
    fn a_refused_stimulus_changes_nothing() {
        let mut one = battery(&[]);
        let before = one.status();
        assert_eq!(
            one.apply(seconds(3), &set("pack_2.soc", "10 %"))
                .unwrap_err()
                .to_string(),
            "there is no pack 2 in a bank of one pack"
        );
        assert!(one.apply(seconds(3), &Stimulus::Packs(5)).is_err());
        assert!(
            one.apply(seconds(3), &Stimulus::Online { pack: 1, online: false })
                .is_err()
        );
        assert!(
            one.check(seconds(3), &[set("soc", "10 %"), set("soc", "101 %")])
                .is_err()
        );
        assert_eq!(one.status(), before);
    }
}
