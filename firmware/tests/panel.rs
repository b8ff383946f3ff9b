//! The panel: pages and permissions, the choice of the protocol, LEDs over the battery's life (R-040 to R-051, R-073,
//! R-080 to R-090, R-101, R-110 to R-124).

mod bench;

use bench::{Bench, frame};
use refbms::{
    Bus, Condition, Config, Key, Language, LedState, LitLeds, Page, PageContent, PanelAction, PanelError, PanelView,
    Pattern, Permission, Protocol, ProtocolSetting, Setting,
};

const ADMINISTRATOR: PanelAction = PanelAction::Password(82_993_060);
const OPERATOR: PanelAction = PanelAction::Password(87_654_321);

/// A battery whose display shows the main status page.
fn running() -> Bench {
    let mut bench = Bench::can(Config::default());
    bench.run_to(3500);
    bench
}

fn act(bench: &mut Bench, action: PanelAction) -> Result<(), PanelError> {
    bench.bms.panel(bench.now, action)
}

#[track_caller]
fn all(bench: &mut Bench, actions: &[PanelAction]) {
    for action in actions {
        assert_eq!(act(bench, *action), Ok(()), "{action:?}");
    }
}

fn open(page: Page) -> PanelAction {
    PanelAction::Open(page)
}

fn view(bench: &Bench) -> PanelView {
    bench.bms.panel_view()
}

fn page(bench: &Bench) -> Option<Page> {
    view(bench).page
}

const NEEDS_OPERATOR: Result<(), PanelError> = Err(PanelError::NotPermitted {
    needs: Permission::Operator,
});

/// R-080: the welcome page for 3 s after power-on, then the main status page.
#[test]
fn the_welcome_page_stands_for_three_seconds() {
    let mut bench = Bench::new(Config::default());
    assert_eq!(page(&bench), Some(Page::Welcome));
    assert_eq!(bench.bms.page_content(), PageContent::Welcome);
    assert_eq!(act(&mut bench, OPERATOR), Err(PanelError::NotOnThisPage));
    bench.run_to(2999);
    all(&mut bench, &[PanelAction::Touch]);
    assert_eq!(page(&bench), Some(Page::Welcome));
    bench.run_to(3000);
    assert_eq!(page(&bench), Some(Page::MainStatus));
    // It does not come back before the next power-on.
    assert_eq!(act(&mut bench, open(Page::Welcome)), Err(PanelError::NotOnThisPage));
    bench.bms.power_cycle(bench.now);
    assert_eq!(page(&bench), Some(Page::Welcome));
}

/// R-085, R-080, C-15: dark after 3 minutes without a touch; a touch wakes it to the main status page, and the
/// authorization is gone. The battery itself goes on.
#[test]
fn the_display_sleeps_after_three_minutes() {
    let mut bench = running();
    all(&mut bench, &[ADMINISTRATOR, open(Page::CellsInfo)]);
    bench.run_for(179_999);
    assert_eq!(page(&bench), Some(Page::CellsInfo));
    all(&mut bench, &[PanelAction::Touch]);
    bench.run_for(179_999);
    assert_eq!(page(&bench), Some(Page::CellsInfo));
    bench.run_for(1);
    assert_eq!((page(&bench), view(&bench).permission), (None, Permission::None));
    assert_eq!(bench.bms.page_content(), PageContent::Dark);
    assert!(!bench.run_for(1000).is_empty());

    // Nothing works in the dark.
    for action in [open(Page::MainStatus), ADMINISTRATOR, PanelAction::Leave] {
        assert_eq!(act(&mut bench, action), Err(PanelError::DisplayDark));
    }
    all(&mut bench, &[PanelAction::Touch]);
    assert_eq!(page(&bench), Some(Page::MainStatus));
    assert_eq!(act(&mut bench, open(Page::CellsInfo)), NEEDS_OPERATOR);
    // Without any touch after power-on it goes dark too.
    let mut bench = Bench::new(Config::default());
    bench.run_to(179_999);
    assert_eq!(page(&bench), Some(Page::MainStatus));
    bench.run_to(180_000);
    assert_eq!(page(&bench), None);
}

const PAGES: [Page; 5] = [
    Page::Menu,
    Page::CellsInfo,
    Page::AlarmDetails,
    Page::Protocol,
    Page::System,
];

/// R-086: without a password only the welcome and the main status page; cell and alarm details are blocked.
#[test]
fn without_permission_only_the_main_status_page() {
    let mut bench = running();
    for blocked in PAGES {
        assert_eq!(act(&mut bench, open(blocked)), NEEDS_OPERATOR, "{blocked:?}");
        assert_eq!(page(&bench), Some(Page::MainStatus));
    }
    all(&mut bench, &[open(Page::MainStatus), PanelAction::Leave]);
    assert_eq!(page(&bench), Some(Page::MainStatus));
}

/// R-090: the two passwords, and nothing else.
#[test]
fn passwords_open_what_they_open() {
    let mut bench = running();
    for wrong in [0, 12_345_678, 82_993_061, 87_654_320, u32::MAX] {
        assert_eq!(
            act(&mut bench, PanelAction::Password(wrong)),
            Err(PanelError::WrongPassword)
        );
        assert_eq!(view(&bench).permission, Permission::None);
    }
    all(&mut bench, &[OPERATOR]);
    assert_eq!(view(&bench).permission, Permission::Operator);
    all(&mut bench, &[ADMINISTRATOR]);
    assert_eq!(view(&bench).permission, Permission::Administrator);
}

/// R-087, R-082, C-10: an operator sees all pages and chooses the language, but not the protocol.
#[test]
fn an_operator_sees_everything_and_changes_the_language_only() {
    let mut bench = running();
    all(&mut bench, &[OPERATOR]);
    for shown in PAGES {
        all(&mut bench, &[open(shown)]);
        assert_eq!(page(&bench), Some(shown));
    }
    all(
        &mut bench,
        &[open(Page::System), PanelAction::SelectLanguage(Language::Russian)],
    );
    assert_eq!(view(&bench).language, Language::Russian);
    all(&mut bench, &[open(Page::Protocol)]);
    assert_eq!(act(&mut bench, PanelAction::SelectProtocol(4)), Err(PanelError::Locked));
    assert_eq!(
        act(&mut bench, OPERATOR),
        Err(PanelError::WrongPassword),
        "the page wants the administrator's"
    );
    assert_eq!(act(&mut bench, PanelAction::SelectProtocol(4)), Err(PanelError::Locked));
    assert_eq!(view(&bench).setting.number, 5);
}

/// R-081, C-10: the language icon is on the main page; without a password it leads nowhere.
#[test]
fn the_language_needs_a_permission() {
    let mut bench = running();
    let choose = PanelAction::SelectLanguage(Language::Chinese);
    assert_eq!(act(&mut bench, choose), Err(PanelError::NotOnThisPage));
    let PageContent::MainStatus(main) = bench.bms.page_content() else {
        panic!("the main status page");
    };
    assert_eq!(main.language, Language::English);
    assert_eq!(act(&mut bench, open(Page::System)), NEEDS_OPERATOR);
    all(&mut bench, &[ADMINISTRATOR, open(Page::System), choose]);
    assert_eq!(view(&bench).language, Language::Chinese);
}

/// R-088, R-089: the administrator changes the protocol; each visit asks for the password again, and leaving clears it.
#[test]
fn the_protocol_page_asks_for_its_password_on_every_visit() {
    type Leave = [PanelAction; 2];
    let leaves: [Leave; 3] = [
        [PanelAction::Leave, open(Page::Protocol)],
        [open(Page::Menu), open(Page::Protocol)],
        [open(Page::Protocol), PanelAction::Touch],
    ];
    for leave in leaves {
        for before in [OPERATOR, ADMINISTRATOR] {
            let mut bench = running();
            all(&mut bench, &[before, open(Page::Protocol)]);
            let permission = view(&bench).permission;
            assert!(!view(&bench).protocol_unlocked, "even the administrator is asked");
            assert_eq!(act(&mut bench, PanelAction::SelectProtocol(4)), Err(PanelError::Locked));
            all(&mut bench, &[ADMINISTRATOR]);
            assert!(view(&bench).protocol_unlocked);
            assert_eq!(view(&bench).permission, Permission::Administrator);
            all(
                &mut bench,
                &[PanelAction::SelectProtocol(4), PanelAction::SelectProtocol(5)],
            );
            all(&mut bench, &leave);
            assert_eq!(
                (page(&bench), view(&bench).permission),
                (Some(Page::Protocol), permission)
            );
            assert!(!view(&bench).protocol_unlocked);
            assert_eq!(act(&mut bench, PanelAction::SelectProtocol(4)), Err(PanelError::Locked));
        }
    }
    // The display's sleep clears it too.
    let mut bench = running();
    all(&mut bench, &[ADMINISTRATOR, open(Page::Protocol), ADMINISTRATOR]);
    bench.run_for(180_000);
    all(&mut bench, &[PanelAction::Touch]);
    assert_eq!(view(&bench).permission, Permission::None);
}

/// R-081, R-082, R-083, R-084: what stands on the pages.
#[test]
fn pages_show_what_the_manual_lists() {
    let mut bench = Bench::can(Config {
        packs: 2,
        ..Config::default()
    });
    bench.run_to(3500);
    bench.set_pack(1, Setting::Current { milliamperes: -20_000 });
    bench.set_pack(2, Setting::soc_percent(40));
    bench.set_pack(
        2,
        Setting::CellVoltage {
            cell: Some(16),
            millivolts: 3333,
        },
    );
    bench.set_pack(
        2,
        Setting::CellTemperature {
            sensor: Some(4),
            decidegrees: 515,
        },
    );
    bench.run_for(2000);

    let PageContent::MainStatus(main) = bench.bms.page_content() else {
        panic!("the main status page");
    };
    assert_eq!(
        (main.soc_percent, main.current_ma, main.voltage_mv),
        (45, -20_000, 52_817)
    );
    assert_eq!((main.warning, main.protection), (true, false));
    assert_eq!((main.pack, main.packs), (1, 2));

    all(&mut bench, &[PanelAction::SelectPack(2), OPERATOR, open(Page::Menu)]);
    let menu = PageContent::Menu([Page::CellsInfo, Page::Protocol, Page::System]);
    assert_eq!(bench.bms.page_content(), menu);

    all(&mut bench, &[open(Page::CellsInfo)]);
    let PageContent::CellsInfo(cells) = bench.bms.page_content() else {
        panic!("the cells");
    };
    assert_eq!(cells.pack, 2);
    assert_eq!((cells.cell_voltage_mv[14], cells.cell_voltage_mv[15]), (3300, 3333));
    assert_eq!(
        cells.cell_temperature_deci_c,
        [Some(250), Some(250), Some(250), Some(515)]
    );
    assert_eq!(
        (cells.mosfet_temperature_deci_c, cells.ambient_temperature_deci_c),
        (Some(280), Some(270))
    );
    assert_eq!((cells.warning, cells.protect, cells.fault), (true, false, false));
    all(&mut bench, &[PanelAction::SelectPack(1)]);
    let PageContent::CellsInfo(cells) = bench.bms.page_content() else {
        panic!("the cells");
    };
    assert_eq!((cells.pack, cells.warning), (1, false));
    assert_eq!(
        act(&mut bench, PanelAction::SelectPack(3)),
        Err(PanelError::NoSuchPack { pack: 3, packs: 2 })
    );

    all(&mut bench, &[open(Page::AlarmDetails)]);
    let PageContent::AlarmDetails(active) = bench.bms.page_content() else {
        panic!("the alarms");
    };
    assert!(active.iter().eq([Condition::ChargeOverTemperatureAlarm]));

    all(&mut bench, &[open(Page::System)]);
    let PageContent::System(system) = bench.bms.page_content() else {
        panic!("the system page");
    };
    assert_eq!((system.model, system.system_number), ("CST-LR-51.2-280", 1));
    assert_eq!(&system.serial_number, b"CST280A000000001");
    assert_eq!(&system.bluetooth_serial_number, b"BT280A000001");
    assert_eq!(
        act(&mut bench, PanelAction::SelectPack(1)),
        Err(PanelError::NotOnThisPage)
    );

    all(&mut bench, &[open(Page::Protocol)]);
    let PageContent::Protocol(protocol) = bench.bms.page_content() else {
        panic!("the protocols");
    };
    assert_eq!((protocol.unlocked, protocol.selected.number), (false, 5));
    assert_eq!(
        (
            protocol.offered(Bus::Can).count(),
            protocol.offered(Bus::Serial).count()
        ),
        (13, 9)
    );
    // Back through the menu.
    all(&mut bench, &[PanelAction::Leave]);
    assert_eq!(page(&bench), Some(Page::Menu));
    all(&mut bench, &[PanelAction::Leave]);
    assert_eq!(page(&bench), Some(Page::MainStatus));
    // A bank that has become smaller shows a pack that it has.
    all(&mut bench, &[PanelAction::SelectPack(2)]);
    bench.bms.set_packs(bench.now, 1).unwrap();
    assert_eq!(view(&bench).pack, 1);
}

/// R-071, R-073: every setting can be selected; what the firmware does not speak is silence on both buses.
#[test]
fn every_protocol_can_be_selected() {
    for setting in ProtocolSetting::ALL {
        let mut bench = running();
        all(
            &mut bench,
            &[
                ADMINISTRATOR,
                open(Page::Protocol),
                ADMINISTRATOR,
                PanelAction::SelectProtocol(setting.number),
            ],
        );
        let (status, panel) = (bench.bms.status(), view(&bench));
        assert_eq!(panel.setting, setting);
        assert_eq!(status.protocol, setting.protocol());
        assert_eq!(panel.silent, setting.protocol().is_none());

        let sent = bench.run_for(2000);
        match setting.protocol().map(Protocol::bus) {
            Some(Bus::Can) => assert!(!sent.is_empty(), "{}", setting.name),
            Some(Bus::Serial) => assert!(sent.is_empty(), "{}", setting.name),
            None => assert!(sent.is_empty() && bench.ask("~200246620000FDAA").is_none()),
        }
        if panel.silent {
            bench.bms.handle_can(bench.now, &frame("305#"));
            bench.run_to(63_000);
            assert!(bench.bms.status().inverter_lost, "nobody is understood");
            // The choice outlives a power cycle.
            bench.bms.power_cycle(bench.now);
            assert_eq!(bench.run_for(5000), []);
        }
    }
    let mut bench = running();
    all(&mut bench, &[ADMINISTRATOR, open(Page::Protocol), ADMINISTRATOR]);
    for number in [0, 23] {
        assert_eq!(
            act(&mut bench, PanelAction::SelectProtocol(number)),
            Err(PanelError::NoSuchProtocol { number })
        );
    }
    all(&mut bench, &[open(Page::Menu)]);
    assert_eq!(
        act(&mut bench, PanelAction::SelectProtocol(4)),
        Err(PanelError::NotOnThisPage)
    );
}

/// A change of protocol counts at once, with nothing left over of the old one.
#[test]
fn a_new_protocol_speaks_at_once() {
    let mut bench = Bench::rs485(Config::default());
    bench.run_to(3500);
    assert_eq!(view(&bench).setting.number, 4);
    bench.bms.handle_serial(bench.now, b"~200246620000FDAA\r");
    all(
        &mut bench,
        &[
            ADMINISTRATOR,
            open(Page::Protocol),
            ADMINISTRATOR,
            PanelAction::SelectProtocol(5),
        ],
    );
    let sent = bench.run_for(999);
    assert_eq!(sent.len(), 6);
    assert_eq!(sent[0].0, 3500);
    // Chosen while the battery still starts, it speaks when that is over.
    let mut bench = Bench::new(Config::default());
    bench.run_to(1000);
    assert!(act(&mut bench, PanelAction::Touch).is_ok());
    assert_eq!(bench.run_to(1999), []);
}

/// C-08: all OFF is warned of on the panel.
#[test]
fn address_zero_is_warned_of() {
    for dip in 0..=15 {
        let bench = Bench::new(Config {
            dip,
            ..Config::default()
        });
        assert_eq!(view(&bench).address_warning, dip == 0);
    }
}

/// Every refusal says why, in words.
#[test]
fn refusals_say_why() {
    let texts = [
        (PanelError::BatteryOff, "the battery is off"),
        (PanelError::DisplayDark, "the display is dark; touch it first"),
        (
            PanelError::NotPermitted {
                needs: Permission::Operator,
            },
            "only an operator or administrator may do this",
        ),
        (
            PanelError::NotPermitted {
                needs: Permission::Administrator,
            },
            "only an administrator may do this",
        ),
        (PanelError::WrongPassword, "wrong password"),
        (
            PanelError::Locked,
            "the protocol page asks for the administrator password",
        ),
        (PanelError::NotOnThisPage, "this page has no such control"),
        (
            PanelError::NoSuchProtocol { number: 23 },
            "there is no protocol 23; protocols are 1..=22",
        ),
        (
            PanelError::NoSuchPack { pack: 3, packs: 2 },
            "there is no pack 3; packs are 1..=2",
        ),
    ];
    for (error, text) in texts {
        assert_eq!(error.to_string(), text);
    }
}

fn lit(bench: &Bench) -> LitLeds {
    view(bench).leds.lit(bench.now)
}

const DARK: LitLeds = LitLeds {
    on_off: false,
    run: false,
    alarm: false,
    soc: [false; 6],
};

fn count(leds: LitLeds) -> usize {
    [leds.on_off, leds.run, leds.alarm]
        .into_iter()
        .chain(leds.soc)
        .filter(|lit| *lit)
        .count()
}

/// B-154: after switch-on the LEDs light one after another.
#[test]
fn leds_light_up_one_after_another() {
    let mut bench = Bench::new(Config::default());
    for step in 0..9 {
        bench.run_to(step * 200);
        assert_eq!(count(lit(&bench)), usize::try_from(step).unwrap() + 1);
    }
    bench.run_to(2000);
    assert_eq!(view(&bench).led_state, LedState::Standby);
    assert_eq!(view(&bench).leds.run, Pattern::Flash1);
}

/// R-046, B-154, R-111: after a shut-down by RESET the same, then dark.
#[test]
fn leds_of_a_shut_down_by_reset() {
    let mut bench = running();
    bench.bms.key(bench.now, Key::ResetPress);
    bench.run_for(5000);
    for step in 0..9 {
        assert_eq!(count(lit(&bench)), step + 1);
        bench.run_for(200);
    }
    assert_eq!(lit(&bench), DARK);
    assert_eq!(view(&bench).led_state, LedState::PowerOff);
}

/// R-101, C-02, R-111, R-048: the side switch puts everything out at once, and the display with it.
#[test]
fn the_side_switch_puts_everything_out() {
    let mut bench = running();
    assert!(lit(&bench).on_off);
    bench.bms.key(bench.now, Key::SideSwitch);
    assert_eq!(lit(&bench), DARK);
    assert_eq!(page(&bench), None);
    assert_eq!(act(&mut bench, PanelAction::Touch), Err(PanelError::BatteryOff));
    bench.run_for(10_000);
    assert_eq!(lit(&bench), DARK);
}

/// R-040, R-047, B-160: POWER or a charger wakes it, with its LEDs and its welcome page.
#[test]
fn waking_brings_leds_and_display_back() {
    type Wake = fn(&mut Bench);
    let wakes: [Wake; 2] = [
        |bench| bench.bms.key(bench.now, Key::Power),
        |bench| bench.bms.charger(bench.now, Some(54_000)),
    ];
    for wake in wakes {
        let mut bench = running();
        bench.bms.sleep(bench.now);
        bench.run_for(1000);
        wake(&mut bench);
        assert_eq!((page(&bench), count(lit(&bench))), (Some(Page::Welcome), 1));
        bench.run_for(3000);
        assert_eq!(
            (page(&bench), view(&bench).led_state),
            (Some(Page::MainStatus), LedState::Standby)
        );
    }
}

/// R-048 to R-051, R-112 to R-122, B-153: the rows of the table as the battery goes through them.
#[test]
fn leds_follow_the_battery() {
    let amperes = |amperes: i32| Setting::Current {
        milliamperes: amperes * 1000,
    };
    let cells = |millivolts| Setting::CellVoltage { cell: None, millivolts };
    let degrees = |degrees: i16| Setting::CellTemperature {
        sensor: None,
        decidegrees: degrees * 10,
    };
    let cases: [(&[Setting], LedState); 17] = [
        (&[], LedState::Standby),
        (&[Setting::soc_percent(15)], LedState::StandbyAlarm),
        (&[amperes(20)], LedState::Charging),
        // C-04: an over-voltage alarm alone.
        (&[amperes(20), cells(3600)], LedState::Charging),
        (&[amperes(20), degrees(51)], LedState::ChargingAlarm),
        (&[amperes(20), cells(3660)], LedState::ChargingOverVoltage),
        (&[cells(3660)], LedState::StandbyAlarm),
        (&[amperes(20), degrees(-1)], LedState::ChargingProtection),
        (&[amperes(230)], LedState::ChargingProtection),
        (&[amperes(-20)], LedState::Discharging),
        (&[amperes(-20), degrees(52)], LedState::DischargingAlarm),
        (&[amperes(-20), cells(2690)], LedState::DischargingUnderVoltage),
        (&[amperes(-230)], LedState::DischargingProtection),
        (&[amperes(-650)], LedState::DischargingProtection),
        (&[amperes(-20), degrees(56)], LedState::DischargingProtection),
        (&[amperes(20), degrees(56)], LedState::ChargingProtection),
        (&[amperes(20), cells(4300)], LedState::Failure),
    ];
    for (settings, expected) in cases {
        let mut bench = running();
        settings.iter().for_each(|setting| bench.set(*setting));
        bench.run_for(2000);
        assert_eq!(view(&bench).led_state, expected, "{settings:?}");
        let leds = view(&bench).leds;
        let failed = expected == LedState::Failure;
        assert_eq!(leds.on_off == Pattern::Off, failed, "R-048, R-122");
    }
}

/// R-116: over-voltage at a charger shows all six; without it the display changes to standby.
#[test]
fn over_voltage_shows_at_a_charger_only() {
    let mut bench = running();
    bench.set(Setting::soc_percent(99));
    bench.set(Setting::Simulate { milliamperes: 100_000 });
    bench.run_for(600_000);
    assert_eq!(view(&bench).led_state, LedState::ChargingOverVoltage);
    assert_eq!(lit(&bench).soc, [true; 6]);
    bench.set(Setting::Simulate { milliamperes: 0 });
    assert_eq!(view(&bench).led_state, LedState::StandbyAlarm);
    bench.bms.charger(bench.now, Some(60_000));
    assert_eq!(view(&bench).led_state, LedState::ChargingOverVoltage);
}

/// R-050: the master's ALM also shows a slave that does not answer.
#[test]
fn a_lost_slave_shows_on_the_master() {
    let mut bench = Bench::can(Config {
        packs: 2,
        ..Config::default()
    });
    bench.run_to(3500);
    assert_eq!(view(&bench).led_state, LedState::Standby);
    bench.bms.unplug(bench.now, 2).unwrap();
    bench.run_for(6000);
    assert_eq!(view(&bench).led_state, LedState::StandbyAlarm);
}

/// R-123, R-124, B-151: the capacity display while charging: the highest LED flashes half a second on, half off.
#[test]
fn the_highest_capacity_led_flashes_while_charging() {
    let mut bench = running();
    bench.set(Setting::soc_percent(50));
    bench.set(Setting::Current { milliamperes: 20_000 });
    bench.run_to(10_000);
    let mut lit_for = 0;
    for _ in 0..1000 {
        let soc = lit(&bench).soc;
        assert_eq!(
            [soc[0], soc[1], soc[2], soc[4], soc[5]],
            [true, true, true, false, false]
        );
        lit_for += u32::from(soc[3]);
        bench.run_for(10);
    }
    assert_eq!(lit_for, 500);
}

/// B-155: the buzzer is off by default.
#[test]
fn the_buzzer_is_silent_as_delivered() {
    let mut bench = running();
    bench.set(Setting::CellVoltage {
        cell: None,
        millivolts: 4300,
    });
    bench.run_for(10_000);
    assert!(!bench.pack().buzzer_on, "whatever happens");
}
