//! Packs in parallel: addresses, who is counted in, and what the master makes of the others (bms-behaviour 3.6, 3.7).

mod bench;

use bench::Bench;
use refbms::{Condition, Config, DipSwitches, Key, PackState, Protocol, SetError, Setting};

fn bank(packs: u8) -> Bench {
    let mut bench = Bench::can(Config {
        packs,
        ..Config::default()
    });
    bench.run_to(3500);
    bench
}

fn cells(millivolts: u16) -> Setting {
    Setting::CellVoltage { cell: None, millivolts }
}

fn dip(bench: &mut Bench, pack: u8, address: u8) {
    bench
        .bms
        .dip(bench.now, pack, DipSwitches::for_address(address))
        .expect("a pack of the bank");
}

/// Packs online, and whether the master complains.
fn counted(bench: &Bench) -> (u8, bool) {
    let bank = bench.bms.status().bank;
    let alarm = bank.conditions.contains(Condition::InternalCommunicationAlarm);
    assert_eq!(bank.modules_offline, bench.bms.status().packs - bank.module_count);
    assert_eq!(u32::from(bank.module_count), bank.online_map.count_ones());
    (bank.module_count, alarm)
}

/// B-120, R-061: new switches count after a restart and not before, for all sixteen settings.
#[test]
fn new_switches_count_after_a_restart() {
    type Restart = fn(&mut Bench);
    let restarts: [Restart; 3] = [
        |bench| bench.bms.power_cycle(bench.now),
        |bench| {
            bench.bms.key(bench.now, Key::ResetPress);
            bench.run_for(1500);
            bench.bms.key(bench.now, Key::ResetRelease);
        },
        |bench| {
            bench.bms.key(bench.now, Key::SideSwitch);
            bench.bms.key(bench.now, Key::Power);
        },
    ];
    let question = |address: u8| {
        let adr = address.max(1) + 1;
        bench::sealed(&format!("20{adr:02X}4693E002{adr:02X}"))
    };
    for address in 0..=15 {
        let mut bench = Bench::rs485(Config::default());
        dip(&mut bench, 1, address);
        let status = bench.bms.status();
        assert_eq!((status.dip, status.dip_switches), (1, address));
        bench.run_for(10_000);
        assert!(bench.ask(&question(1)).is_some(), "still at address 1");
        restarts[usize::from(address) % restarts.len()](&mut bench);
        bench.run_for(3000);
        let status = bench.bms.status();
        assert_eq!((status.dip, status.dip_switches), (address, address));
        // Pylon RS485 knows addresses to 14 only.
        let answers = bench.ask(&question(address)).is_some();
        assert_eq!(answers, address < 15, "address {address}");
        let old = bench.ask(&question(1)).is_some();
        assert_eq!(old, address <= 1, "address {address}");
    }
}

/// C-08, Q-11: all OFF is a single pack that acts as 1 on every bus.
#[test]
fn address_zero_acts_as_one() {
    for protocol in Protocol::ALL {
        let mut zero = Bench::new(Config {
            dip: 0,
            protocol,
            ..Config::default()
        });
        let mut one = Bench::new(Config {
            protocol,
            ..Config::default()
        });
        assert_eq!(zero.run_to(5000), one.run_to(5000));
        let (zero_status, one_status) = (zero.bms.status(), one.bms.status());
        assert_eq!((zero_status.dip, one_status.dip), (0, 1));
        assert_eq!(zero_status.bank, one_status.bank);
    }
}

/// B-100: with an address above 1 the pack that is wired to CAN is silent.
#[test]
fn a_pack_that_becomes_a_slave_falls_silent() {
    let mut bench = bank(1);
    dip(&mut bench, 1, 7);
    bench.bms.power_cycle(bench.now);
    assert_eq!(bench.run_for(10_000), []);
    dip(&mut bench, 1, 1);
    bench.bms.power_cycle(bench.now);
    assert!(!bench.run_for(10_000).is_empty());
}

/// R-041, B-101, B-114: the master asks its slaves over the parallel bus; who does not answer for 5 s is left out.
#[test]
fn a_slave_that_does_not_answer_is_left_out_and_comes_back() {
    let mut bench = bank(4);
    assert_eq!(counted(&bench), (4, false));
    bench.bms.unplug(bench.now, 3).unwrap();
    bench.run_for(4000);
    assert_eq!(counted(&bench), (4, false));
    bench.run_for(2000);
    assert_eq!(counted(&bench), (3, true));
    assert_eq!(bench.bms.status().bank.online_map, 0b1_0110);
    bench.bms.plug(bench.now, 3).unwrap();
    bench.run_for(1000);
    assert_eq!(counted(&bench), (4, false));
}

/// B-102, R-060: two packs with one address damage each other's answers; neither can be counted in.
#[test]
fn one_address_twice_is_noticed() {
    let mut bench = bank(4);
    dip(&mut bench, 4, 3);
    bench.run_for(20_000);
    assert_eq!(counted(&bench), (4, false), "not yet restarted");
    bench.bms.power_cycle(bench.now);
    bench.run_for(3000);
    assert_eq!(counted(&bench), (2, true));
    assert_eq!(bench.bms.status().bank.online_map, 0b110);
    // One of them taken off the line, the other one is heard.
    bench.bms.unplug(bench.now, 3).unwrap();
    bench.run_for(1000);
    assert_eq!(counted(&bench), (3, false));
    bench.bms.plug(bench.now, 3).unwrap();
    bench.run_for(1000);
    assert_eq!(counted(&bench), (3, true), "damaged at once");
    bench.run_for(6000);
    assert_eq!(counted(&bench), (2, true), "and given up after 5 s");
    dip(&mut bench, 4, 4);
    bench.bms.power_cycle(bench.now);
    bench.run_for(3000);
    assert_eq!(counted(&bench), (4, false));
}

/// B-102: a slave at address 1, or at 0, which acts as 1, is in the master's place.
#[test]
fn a_second_master_is_noticed() {
    for address in [0, 1] {
        let mut bench = bank(2);
        dip(&mut bench, 2, address);
        bench.bms.power_cycle(bench.now);
        bench.run_for(3000);
        assert_eq!(counted(&bench), (1, true), "a slave at {address}");
    }
}

/// a slave answers through the master at its own address, whatever that is.
#[test]
fn slaves_are_found_at_their_addresses() {
    let mut bench = Bench::rs485(Config {
        packs: 2,
        ..Config::default()
    });
    dip(&mut bench, 2, 9);
    bench.set_pack(
        2,
        Setting::CellVoltage {
            cell: Some(1),
            millivolts: 3333,
        },
    );
    bench.bms.power_cycle(bench.now);
    bench.run_for(4000);
    assert_eq!(counted(&bench), (2, false));
    let status = bench.bms.status();
    assert_eq!(status.bank.online_map, 1 << 1 | 1 << 9);
    assert_eq!(status.bank.addresses, [1, 9, 3, 4]);
    assert_eq!(status.bank.address_of(2), 9);
    assert!(
        bench.ask(&bench::sealed("20034693E00203")).is_none(),
        "nobody at address 2"
    );
    let reply = bench
        .ask(&bench::sealed("200A4693E0020A"))
        .expect("somebody at address 9");
    assert!(reply.contains("303032"), "the serial number of pack 2: {reply}");
    // 61 names its highest cell's module by its address.
    let analog = bench.ask(&bench::sealed("200246610000")).unwrap();
    assert_eq!(&analog[35..43], "0D05000A");
}

/// B-115: a pack waits with open switches until its voltage differs by less than 1.0 V from the others.
#[test]
fn a_pack_waits_until_its_voltage_fits() {
    let mut bench = bank(2);
    bench.set_pack(2, cells(3363));
    bench.run_for(5000);
    assert_eq!(counted(&bench), (2, false), "who has joined stays");
    bench.bms.power_cycle(bench.now);
    bench.run_for(5000);
    assert_eq!(counted(&bench), (1, false), "it waits, which is no failure");
    let waiting = bench.bms.pack_status(2).unwrap();
    assert!(!waiting.charge_mosfet_on && !waiting.discharge_mosfet_on);
    assert_eq!(waiting.state, PackState::Standby);
    // 16 x 62 mV are 992 mV.
    bench.set_pack(1, cells(3363));
    bench.set_pack(2, cells(3301));
    bench.run_for(1000);
    assert_eq!(counted(&bench), (2, false));
    let joined = bench.bms.pack_status(2).unwrap();
    assert!(joined.charge_mosfet_on && joined.discharge_mosfet_on);
}

/// B-115: at switch-on packs join one after another, each compared with those before it.
#[test]
fn packs_join_in_their_order() {
    let mut bench = bank(4);
    for (pack, millivolts) in [(1, 3300), (2, 3340), (3, 3400), (4, 3310)] {
        bench.set_pack(pack, cells(millivolts));
    }
    bench.bms.power_cycle(bench.now);
    bench.run_for(2500);
    // Pack 3 lies 80 mV x 16 above the mean of the others.
    assert_eq!(bench.bms.status().bank.online_map, 0b1_0110);
}

/// B-105, B-110: a pack that waits or is lost adds nothing to what the inverter sees.
#[test]
fn only_packs_online_count() {
    let mut bench = bank(2);
    bench.set_pack(2, Setting::Current { milliamperes: -30_000 });
    bench.set_pack(2, Setting::MosfetTemperature { decidegrees: 950 });
    bench.run_for(2000);
    let bank = bench.bms.status().bank;
    assert_eq!(bank.pack_current_ma, -30_000);
    assert!(bank.conditions.contains(Condition::MosfetOverTemperatureAlarm));
    bench.bms.unplug(bench.now, 2).unwrap();
    bench.run_for(6000);
    let bank = bench.bms.status().bank;
    assert_eq!(bank.pack_current_ma, 0);
    assert!(!bank.conditions.contains(Condition::MosfetOverTemperatureAlarm));
    assert_eq!(bank.mosfet_temperature.unwrap().max.value, 280);
}

/// R-016, C-06: four packs at most; a switch belongs to a pack that is there.
#[test]
fn there_are_at_most_four_packs() {
    let mut bench = bank(2);
    for pack in [0, 3, 255] {
        let refused = bench.bms.dip(bench.now, pack, DipSwitches::for_address(5));
        assert_eq!(refused, Err(SetError::NoSuchPack { pack, packs: 2 }));
    }
    assert_eq!(bench.bms.set_packs(bench.now, 5), Err(SetError::PackCount { packs: 5 }));
}
