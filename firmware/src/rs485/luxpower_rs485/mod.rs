//! LuxPower RS485 (sheet luxpower-rs485, D as "Luxpower tek RS485 Inverter V0.3", whose document is not public).
//!
//! - here: profile L, the map of "EG4-LL Battery MODBUS Protocol between UPS(SMPS) and BMS" V01.06 (A).
//! - [`profile_g`]: profile G, the layout of Growatt's RS485.
//! - [`clock`]: the battery's clock, which only profile L shows.
//!
//! 9600 8N1, Modbus RTU. Register numbers are decimal, registers are sent high byte first. Each pack has its own values at
//! its own address; the master also answers for the slaves that are online.
//!
//! | registers | content |
//! |---|---|
//! | 0..38 | measurements, flags and cells; 29..32 and 36 can be written |
//! | 45..48 | clock, read and write (C) |
//! | 56..104 | thresholds and delays, of which 57 can be written (C) |
//! | 105..127 | model, firmware, serial number |
//!
//! What has no content up to 127 reads 0.

pub(super) mod clock;
pub(super) mod profile_g;

use super::growatt_rs485::{hundredth, signed, word};
use super::modbus::{Access, Exception, Question, Reply};
use super::pace_modbus::asked_pack;
use super::{Answer, Context, Outcome, SerialProtocol};
use crate::config::{Identity, Protocol};
use crate::convert::{div_nearest, saturate_i16, saturate_u16};
use crate::flags::Flag;
use crate::pack::PackView;
use crate::pack::cells::CELL_COUNT;
use crate::pack::state::Flow;
use crate::protection::condition::Condition::*;
use crate::protection::parameters::Parameter;
use crate::setting::Setting;
use clock::Clock;

/// LuxPower RS485, profile L.
pub(crate) const PROFILE_L: SerialProtocol = SerialProtocol {
    protocol: Protocol::LuxpowerRs485,
    answer: Answer::Modbus(answer),
};

/// The factory's address, that of module 0 (A).
const MODULE_0: u8 = 0x10;
/// Registers from here on do not exist.
const END: u16 = 128;

const MODEL: &[u8; 15] = b"CST-LR-51.2-280";

/// The places in register 26, high byte first (README 3.6, column LXL). "Float stopped", bit 13, is never set (D).
const WARNINGS: &[Flag] = &[
    Flag::new(1, 0, &[PackOverVoltageAlarm]),
    Flag::new(1, 1, &[CellOverVoltageAlarm]),
    Flag::new(1, 2, &[PackUnderVoltageAlarm]),
    Flag::new(1, 3, &[CellUnderVoltageAlarm]),
    Flag::new(1, 4, &[ChargeOverCurrentAlarm]),
    Flag::new(1, 5, &[DischargeOverCurrentAlarm]),
    Flag::new(1, 6, &[AmbientOverTemperatureAlarm, AmbientUnderTemperatureAlarm]),
    Flag::new(1, 7, &[MosfetOverTemperatureAlarm]),
    Flag::new(0, 0, &[ChargeOverTemperatureAlarm]),
    Flag::new(0, 1, &[DischargeOverTemperatureAlarm]),
    Flag::new(0, 2, &[ChargeUnderTemperatureAlarm]),
    Flag::new(0, 3, &[DischargeUnderTemperatureAlarm]),
    Flag::new(0, 4, &[LowSocAlarm]),
];

/// The places in register 27, with the substitutes of README 3.6. Low capacity, bit 12, stops nothing (B-026).
const PROTECTIONS: &[Flag] = &[
    Flag::new(1, 0, &[PackOverVoltageProtection, ChargerOverVoltageProtection]),
    Flag::new(1, 1, &[CellOverVoltageProtection]),
    Flag::new(1, 2, &[PackUnderVoltageProtection]),
    Flag::new(1, 3, &[CellUnderVoltageProtection]),
    Flag::new(1, 4, &[ChargeOverCurrentProtection, ChargeOverCurrent2Protection]),
    Flag::new(1, 5, &[DischargeOverCurrentProtection, DischargeOverCurrent2Protection]),
    Flag::new(
        1,
        6,
        &[AmbientOverTemperatureProtection, AmbientUnderTemperatureProtection],
    ),
    Flag::new(1, 7, &[MosfetOverTemperatureProtection]),
    Flag::new(0, 0, &[ChargeOverTemperatureProtection]),
    Flag::new(0, 1, &[DischargeOverTemperatureProtection]),
    Flag::new(0, 2, &[ChargeUnderTemperatureProtection]),
    Flag::new(0, 3, &[DischargeUnderTemperatureProtection]),
    Flag::new(0, 5, &[ShortCircuitProtection]),
];

/// The places in register 28: errors of voltage, temperature and current, and the imbalance. A failed pre-charge
/// and a system error have none; the pack then shows the state protect.
const ERRORS: &[Flag] = &[
    Flag::new(1, 0, &[CellFault, SamplingFault]),
    Flag::new(1, 1, &[TemperatureSensorFault]),
    Flag::new(1, 2, &[ChargeMosfetFault, DischargeMosfetFault]),
    Flag::new(1, 4, &[CellImbalanceAlarm]),
];

/// How a threshold or a delay is counted on the wire: in so many parts of so many of the battery's own units, from an
/// offset on.
#[derive(Clone, Copy)]
struct Coding {
    factor: i64,
    divisor: i64,
    offset: i64,
}

impl Coding {
    const fn new(factor: i64, divisor: i64, offset: i64) -> Coding {
        Coding {
            factor,
            divisor,
            offset,
        }
    }

    fn encode(self, value: i32) -> u16 {
        saturate_u16(div_nearest(i64::from(value) * self.factor, self.divisor) + self.offset)
    }
}

/// As inside the battery.
const SAME: Coding = Coding::new(1, 1, 0);
/// 10 mV of mV.
const CENTIVOLT: Coding = Coding::new(1, 10, 0);
/// 10 mA of 0.1 A.
const CENTIAMPERE: Coding = Coding::new(10, 1, 0);
/// 1 s of ms.
const SECOND: Coding = Coding::new(1, 1000, 0);
/// 1 degC of 0.1 degC, with 50 added.
const DEGREE: Coding = Coding::new(1, 10, 50);

/// The register of the cell difference from which on cells are balanced, the only threshold that masters write.
const BALANCE_DIFFERENCE: u16 = 57;

/// The registers of the configuration, as one implementation has them (C). Register 58 is the alarm in per cent; the
/// counts of 76 and 77 are those of B-017, and the "PCB" is the power stage.
const CONFIGURATION: &[(u16, Parameter, Coding)] = &[
    (56, Parameter::BalanceStartVoltage, SAME),
    (BALANCE_DIFFERENCE, Parameter::BalanceStartDifference, SAME),
    (58, Parameter::LowSocAlarm, SAME),
    (61, Parameter::CellUnderVoltageAlarm, SAME),
    (62, Parameter::CellUnderVoltageProtection, SAME),
    (63, Parameter::CellUnderVoltageRelease, SAME),
    (64, Parameter::PackUnderVoltageAlarm, CENTIVOLT),
    (65, Parameter::PackUnderVoltageProtection, CENTIVOLT),
    (66, Parameter::PackUnderVoltageRelease, CENTIVOLT),
    (67, Parameter::CellOverVoltageAlarm, SAME),
    (68, Parameter::CellOverVoltageProtection, SAME),
    (69, Parameter::CellOverVoltageRelease, SAME),
    (70, Parameter::PackOverVoltageAlarm, CENTIVOLT),
    (71, Parameter::PackOverVoltageProtection, CENTIVOLT),
    (72, Parameter::PackOverVoltageRelease, CENTIVOLT),
    (76, Parameter::OverCurrentLockTrips, SAME),
    (77, Parameter::OverCurrentLockTrips, SAME),
    (78, Parameter::OverCurrentReleaseDelay, SAME),
    (79, Parameter::OverCurrentReleaseDelay, SAME),
    (80, Parameter::ChargeOverCurrentProtection, CENTIAMPERE),
    (81, Parameter::DischargeOverCurrentProtection, CENTIAMPERE),
    (82, Parameter::DischargeOverCurrent2Protection, CENTIAMPERE),
    (83, Parameter::ChargeOverCurrent2Protection, CENTIAMPERE),
    (84, Parameter::ShortCircuitProtection, CENTIAMPERE),
    (85, Parameter::ChargeOverCurrentDelay, SECOND),
    (86, Parameter::ChargeOverCurrent2Delay, SECOND),
    (87, Parameter::DischargeOverCurrentDelay, SECOND),
    (88, Parameter::DischargeOverCurrent2Delay, SECOND),
    (90, Parameter::ChargeUnderTemperatureAlarm, DEGREE),
    (91, Parameter::ChargeUnderTemperatureProtection, DEGREE),
    (92, Parameter::ChargeUnderTemperatureRelease, DEGREE),
    (93, Parameter::ChargeOverTemperatureAlarm, DEGREE),
    (94, Parameter::ChargeOverTemperatureProtection, DEGREE),
    (95, Parameter::ChargeOverTemperatureRelease, DEGREE),
    (96, Parameter::DischargeUnderTemperatureAlarm, DEGREE),
    (97, Parameter::DischargeUnderTemperatureProtection, DEGREE),
    (98, Parameter::DischargeUnderTemperatureRelease, DEGREE),
    (99, Parameter::DischargeOverTemperatureAlarm, DEGREE),
    (100, Parameter::DischargeOverTemperatureProtection, DEGREE),
    (101, Parameter::DischargeOverTemperatureRelease, DEGREE),
    (102, Parameter::MosfetOverTemperatureAlarm, DEGREE),
    (103, Parameter::MosfetOverTemperatureProtection, DEGREE),
    (104, Parameter::MosfetOverTemperatureRelease, DEGREE),
];

/// What a write changes.
#[derive(Clone, Copy, Debug)]
enum Change {
    /// Something of the pack.
    Pack(Setting),
    /// The clock, in seconds since the beginning of 2000.
    Clock(u64),
    /// Nothing: the number of cells is what it is.
    None,
}

/// Answers a frame that has come between two silences.
fn answer(frame: &[u8], context: &mut Context<'_>, reply: &mut Reply) -> Outcome {
    let Some(question) = Question::new_checked(frame) else {
        return Outcome::Silence;
    };
    let Some(pack) = module(question.address, context) else {
        return Outcome::Silence;
    };
    if let Some(access) = question.single_write() {
        let Some((first, values)) = access else {
            return Outcome::Silence;
        };
        match write(first, values, pack.number, context) {
            Ok(()) => reply.echo(&question),
            Err(exception) => reply.exception(&question, exception),
        }
        return Outcome::Answered(None);
    }
    match question.access() {
        None => return Outcome::Silence,
        Some(Err(exception)) => reply.exception(&question, exception),
        Some(Ok(Access::Read { first, count })) => match first.checked_add(count).filter(|end| *end <= END) {
            Some(end) => {
                let clock = context.clock.words(context.now);
                let identity = &context.config.identity;
                reply.values(
                    &question,
                    (first..end).map(|register| value(&pack, identity, clock, register)),
                );
            }
            None => reply.exception(&question, Exception::Register),
        },
        Some(Ok(Access::Write { first, values })) => match write(first, values, pack.number, context) {
            Ok(()) => {
                let count = u16::try_from(values.len() / 2).unwrap_or(u16::MAX);
                reply.written(&question, first, count);
            }
            Err(exception) => reply.exception(&question, exception),
        },
    }
    Outcome::Answered(None)
}

/// The pack at an address; with all switches off the battery answers at 0x01 and at the factory's address.
fn module(address: u8, context: &Context<'_>) -> Option<PackView> {
    match (context.config.dip, address) {
        (0, MODULE_0) => context.bank.pack_view(context.now, 1),
        _ => asked_pack(address, context),
    }
}

/// The value of a register; 0 where nothing is.
fn value(pack: &PackView, identity: &Identity, clock: [u16; 4], register: u16) -> u16 {
    let at = |first: u16| usize::from(register - first);
    match register {
        0 => hundredth(pack.pack_voltage_mv),
        1 => signed(div_nearest(pack.pack_current_ma.into(), 10)),
        2..=17 => pack.cell_voltage_mv.get(at(2)).copied().unwrap_or(0),
        18 => degrees(pack.mosfet_temperature_deci_c).cast_unsigned(),
        19 => mean_temperature(pack).cast_unsigned(),
        20 => degrees(cell_temperatures(pack).max()).cast_unsigned(),
        21 => saturate_u16(div_nearest(pack.remaining_capacity_mah.into(), 1000)),
        22 => whole_amperes(pack.charge_current_limit_deci_a),
        23 => pack.soh_percent.min(100).into(),
        24 => pack.soc_percent().into(),
        25 => state(pack),
        26 => word(WARNINGS, pack.conditions),
        27 => word(PROTECTIONS, pack.conditions),
        28 => word(ERRORS, pack.conditions),
        // The high word of a number that has 16 bits.
        29 => 0,
        30 => pack.cycle_count,
        31 => halves(milliampere_seconds(pack.full_capacity_mah))[0],
        32 => halves(milliampere_seconds(pack.full_capacity_mah))[1],
        33 | 34 => {
            let sensor = 2 * at(33);
            pair(
                pack.cell_temperature_deci_c[sensor],
                pack.cell_temperature_deci_c[sensor + 1],
            )
        }
        35 => pair(pack.ambient_temperature_deci_c, pack.mosfet_temperature_deci_c),
        36 => CELL_COUNT.into(),
        37 => saturate_u16(div_nearest(pack.design_capacity_mah.into(), 100)),
        38 => pack.balancing,
        45..=48 => clock.get(at(45)).copied().unwrap_or(0),
        56..=104 => CONFIGURATION
            .iter()
            .find(|(number, ..)| *number == register)
            .map_or(0, |(_, parameter, coding)| {
                coding.encode(pack.parameters.get(*parameter))
            }),
        105..=116 => characters(MODEL, at(105)),
        117..=119 => characters(&firmware_version(identity.software_version), at(117)),
        120..=127 => characters(&identity.serial_number_of(pack.number), at(120)),
        _ => 0,
    }
}

/// 0 standby, 1 charging, 2 discharging, 4 protect, 8 charging with limit; bit 15 is the heater (D). Current that flows
/// goes before a protection: the other direction may be open.
fn state(pack: &PackView) -> u16 {
    const STANDBY: u16 = 0;
    const CHARGING: u16 = 1;
    const DISCHARGING: u16 = 2;
    const PROTECT: u16 = 4;
    const CHARGING_WITH_LIMIT: u16 = 8;

    let state = match pack.flow {
        Flow::Charging if pack.charge_current_limiter_on => CHARGING_WITH_LIMIT,
        Flow::Charging => CHARGING,
        Flow::Discharging => DISCHARGING,
        Flow::Idle if pack.conditions.blocks_charge() || pack.conditions.blocks_discharge() => PROTECT,
        Flow::Idle => STANDBY,
    };
    state | u16::from(pack.heater_on) << 15
}

/// A limit in A. 0 forbids the direction, so what is left of a limit is not rounded away.
fn whole_amperes(deciamperes: u16) -> u16 {
    saturate_u16(div_nearest(deciamperes.into(), 10)).max(u16::from(deciamperes > 0))
}

/// mA s of mAh.
fn milliampere_seconds(milliampere_hours: u32) -> u32 {
    milliampere_hours.saturating_mul(3600)
}

/// High word first.
fn halves(number: u32) -> [u16; 2] {
    let [a, b, c, d] = number.to_be_bytes();
    [u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])]
}

fn cell_temperatures(pack: &PackView) -> impl Iterator<Item = i16> {
    pack.cell_temperature_deci_c.into_iter().flatten()
}

/// The mean over the cell sensors that are fitted in degC; 0 without any.
fn mean_temperature(pack: &PackView) -> i16 {
    let (sum, count) =
        cell_temperatures(pack).fold((0, 0), |(sum, count), reading| (sum + i64::from(reading), count + 1));
    match count {
        0 => 0,
        _ => saturate_i16(div_nearest(sum, 10 * count)),
    }
}

/// degC; 0 where no probe is fitted.
fn degrees(deci_c: Option<i16>) -> i16 {
    saturate_i16(div_nearest(deci_c.unwrap_or(0).into(), 10))
}

/// Two temperatures of one signed byte each; what does not fit stops at its end.
fn pair(high: Option<i16>, low: Option<i16>) -> u16 {
    let byte = |deci_c| {
        let degrees = degrees(deci_c);
        let end = if degrees < 0 { i8::MIN } else { i8::MAX };
        i8::try_from(degrees).unwrap_or(end).cast_unsigned()
    };
    u16::from_be_bytes([byte(high), byte(low)])
}

/// In the form `V03R04`: two digits for each number.
fn firmware_version([major, minor]: [u8; 2]) -> [u8; 6] {
    let digits = |number: u8| {
        let number = number.min(99);
        [b'0' + number / 10, b'0' + number % 10]
    };
    let ([a, b], [c, d]) = (digits(major), digits(minor));
    [b'V', a, b, b'R', c, d]
}

/// Two characters of a text that is filled with zero bytes.
fn characters(text: &[u8], register: usize) -> u16 {
    let character = |at: usize| text.get(at).copied().unwrap_or(0);
    u16::from_be_bytes([character(2 * register), character(2 * register + 1)])
}

/// Writes registers, all of them or none. The serial number is given in the factory, and not over this line (D).
fn write(first: u16, values: &[u8], pack: u8, context: &mut Context<'_>) -> Result<(), Exception> {
    if changes(first, values).any(|change| change.is_none()) {
        return Err(Exception::Register);
    }
    let pack = context.bank.pack_mut(pack).ok_or(Exception::Register)?;
    for change in changes(first, values).flatten() {
        match change {
            Change::Pack(setting) => setting.apply(pack, context.now),
            Change::Clock(seconds) => *context.clock = Clock::set_to(context.now, seconds),
            Change::None => {}
        }
    }
    Ok(())
}

/// What these values change, one after the other; `None`, and nothing after it, where a register cannot be written or a
/// value cannot be taken. Numbers of two registers and the clock are written as a whole.
fn changes(first: u16, values: &[u8]) -> impl Iterator<Item = Option<Change>> {
    let (mut register, mut rest) = (first, values);
    core::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let change = change(register, rest);
        let taken = change.map_or(rest.len(), |(_, length)| length);
        rest = rest.get(taken..).unwrap_or_default();
        register = register.saturating_add(u16::try_from(taken / 2).unwrap_or(u16::MAX));
        Some(change.map(|(change, _)| change))
    })
}

/// What the values from a register on change first, and how many bytes of them belong to it.
fn change(register: u16, values: &[u8]) -> Option<(Change, usize)> {
    let setting = |setting: Setting| setting.check().ok().map(|()| Change::Pack(setting));
    match (register, values) {
        (29, &[a, b, c, d, ..]) => {
            let cycles = u16::try_from(u32::from_be_bytes([a, b, c, d])).ok()?;
            let cycles = Some(cycles).filter(|cycles| *cycles > 0)?;
            Some((setting(Setting::CycleCount { cycles })?, 4))
        }
        (31, &[a, b, c, d, ..]) => {
            let milliampere_hours = div_nearest(u32::from_be_bytes([a, b, c, d]).into(), 3600);
            let milliampere_hours = u32::try_from(milliampere_hours).ok()?;
            Some((setting(Setting::FullCapacity { milliampere_hours })?, 4))
        }
        (36, &[0, CELL_COUNT, ..]) => Some((Change::None, 2)),
        (45, &[a, b, c, d, e, f, g, h, ..]) => {
            let seconds = clock::seconds([a, b, c, d, e, f, g, h])?;
            Some((Change::Clock(seconds), 8))
        }
        (BALANCE_DIFFERENCE, &[a, b, ..]) => {
            let parameter = Parameter::BalanceStartDifference;
            let value = u16::from_be_bytes([a, b]).into();
            Some((setting(Setting::Parameter { parameter, value })?, 2))
        }
        _ => None,
    }
}
