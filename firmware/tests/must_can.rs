//! MUST CAN, profile M-PYL, as an inverter sees it: scripts against the whole battery in virtual time.

mod bench;

use bench::Bench;
use refbms::{Config, MustCanOptions, Protocol, Setting};

fn must(packs: u8) -> Config {
    Config {
        protocol: Protocol::MustCan,
        packs,
        ..Config::default()
    }
}

#[test]
fn nothing_is_sent_before_the_end_of_init_and_then_the_whole_set() {
    let expected = [
        (2000, "351#4002D007D007C001"),
        (2020, "355#3200640000000000"),
        (2040, "356#A0140000FA000000"),
        (2060, "359#0000000001504E00"),
        (2080, "35C#C000000000000000"),
        (2100, "35E#50594C4F4E202020"),
    ];
    Bench::expect_set_each_second(must(1), &expected);
}

/// The sheet's synthetic frames, padded to eight bytes.
#[test]
fn scenario_a() {
    let mut bench = Bench::can(must(1));
    bench.limits(1400, 1400);
    bench.set(Setting::soc_percent(76));
    bench.set(Setting::Soh { percent: 99 });
    bench.set(Setting::PackVoltage {
        millivolts: Some(53_120),
    });
    bench.set(Setting::Current { milliamperes: 25_000 });
    bench.set(Setting::CellTemperature {
        sensor: None,
        decidegrees: 253,
    });
    bench.expect_frames(&[
        ("351", "4002 7805 7805 C001"),
        ("355", "4C00 6300 0000 0000"),
        ("356", "C014 FA00 FD00 0000"),
        ("359", "0000 0000 01 504E 00"),
        ("35C", "C0 00000000000000"),
    ]);

    bench.set(Setting::PackVoltage {
        millivolts: Some(49_870),
    });
    bench.set(Setting::Current { milliamperes: -35_500 });
    bench.set(Setting::CellTemperature {
        sensor: None,
        decidegrees: -50,
    });
    bench.expect_frames(&[("356", "7B13 9DFE CEFF 0000")]);
}

#[test]
fn four_packs() {
    let mut bench = Bench::can(must(4));
    bench.limits(1400, 1400);
    bench.expect_frames(&[("351", "4002 E015 E015 C001"), ("359", "0000 0000 04 504E 00")]);
}

#[test]
fn charging_stopped() {
    let mut bench = Bench::can(must(1));
    bench.limits(1400, 1400);
    bench.force("cell_over_voltage_protection", true);
    bench.expect_frames(&[
        ("351", "4002 0000 7805 C001"),
        ("359", "0200 0200 01 504E 00"),
        ("35C", "40 00000000000000"),
    ]);
}

/// Whether a MUST inverter sends 0x305 is unknown: ten minutes without any.
#[test]
fn no_keepalive_is_needed() {
    let mut bench = Bench::can(must(1));
    let before = bench.next_cycle();
    assert_eq!(bench.run_for(600_000).len(), 3600);
    assert_eq!(bench.next_cycle(), before);
}

#[test]
fn another_name() {
    let mut bench = Bench::can(Config {
        must_can: MustCanOptions {
            manufacturer_name: *b"CST     ",
        },
        ..must(1)
    });
    bench.expect_frames(&[("35E", "4353542020202020")]);
}
