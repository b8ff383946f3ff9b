//! Thresholds, releases and delays: A0, A8, AE, AF, B5, B6, D0 to E7, ED, EE (sheet, "Parameters").
//!
//! What is read has the layout of what is set.

use super::records::{celsius, kelvin};
use super::{Info, Refusal};
use crate::convert::{div_nearest, saturate_i16, saturate_u8, saturate_u16};
use crate::pack::Pack;
use crate::protection::condition::Condition::{self, *};
use crate::protection::condition::ConditionSet;
use crate::protection::parameters::Parameter;
use crate::rs485::AsciiReply;
use crate::setting::Setting;
use crate::time::Instant;

/// The values of one pair of commands.
pub(crate) struct Group {
    set: u8,
    read: u8,
    fields: &'static [Field],
    /// So many fields are enough to set; all are told.
    enough: usize,
    /// Fields in another order or number that set the same, and are told where the maker wants it.
    long: Option<&'static [Field]>,
}

/// One value on the wire.
#[derive(Clone, Copy)]
enum Field {
    /// One byte: whether these conditions are looked for.
    Function(&'static [Condition]),
    /// Two bytes.
    Word(Parameter, Coding),
    /// One byte.
    Byte(Parameter, Coding),
}

/// How a parameter is counted on the wire.
#[derive(Clone, Copy)]
enum Coding {
    /// As inside the battery.
    Same,
    /// Multiples of so many of the battery's own units.
    Steps(i32),
    /// So many on the wire for each of the battery's own units.
    Finer(i32),
    /// 0.1 degC from -273.0.
    Celsius,
    /// 1 A of a discharge current; it may be told as a negative number.
    Discharge,
}

use Coding::{Celsius, Discharge, Finer, Same, Steps};
use Field::{Byte, Function, Word};

/// 1 A.
const AMPERE: Coding = Steps(10);
/// 0.1 s of ms.
const DELAY: Coding = Steps(100);

impl Group {
    const fn new(set: u8, read: u8, fields: &'static [Field]) -> Group {
        Group {
            set,
            read,
            fields,
            enough: fields.len(),
            long: None,
        }
    }

    /// The group that a command sets or reads, and whether it sets.
    pub(crate) fn find(command: u8) -> Option<(&'static Group, bool)> {
        GROUPS
            .iter()
            .find(|group| group.set == command || group.read == command)
            .map(|group| (group, group.set == command))
    }

    /// Tells the values of a pack.
    pub(crate) fn push(&self, reply: &mut AsciiReply, pack: &Pack, long: bool, negative: bool) {
        let fields = self.long.filter(|_| long).unwrap_or(self.fields);
        for field in fields {
            match *field {
                Function(conditions) => {
                    let on = pack.protection.is_switched_on(ConditionSet::of(conditions));
                    reply.push_bytes(&[u8::from(on)]);
                }
                Word(parameter, coding) => {
                    reply.push_bytes(&coding.word(pack.parameters.get(parameter), negative).to_be_bytes());
                }
                Byte(parameter, coding) => {
                    let value = coding.word(pack.parameters.get(parameter), negative);
                    reply.push_bytes(&[saturate_u8(value.into())]);
                }
            }
        }
    }

    /// Sets the values of a pack, all of them or none.
    pub(crate) fn set(&self, pack: &mut Pack, now: Instant, info: &Info) -> Result<(), Refusal> {
        let fields = self.fields_of(info.bytes().len()).ok_or(Refusal::OPERATION)?;
        let values = || Values {
            fields,
            bytes: info.bytes(),
        };
        if values().any(|value| value.is_none()) {
            return Err(Refusal::OPERATION);
        }
        for value in values().flatten() {
            match value {
                Value::Function(conditions, on) => pack.protection.switch_on(conditions, on),
                Value::Parameter(setting) => setting.apply(pack, now),
            }
        }
        Ok(())
    }

    /// The fields that fill so many bytes.
    fn fields_of(&self, length: usize) -> Option<&'static [Field]> {
        let short = self.fields.get(..self.enough)?;
        [Some(self.fields), Some(short), self.long]
            .into_iter()
            .flatten()
            .find(|fields| fields.iter().map(|field| field.size()).sum::<usize>() == length)
    }
}

impl Field {
    const fn size(self) -> usize {
        match self {
            Word(..) => 2,
            Function(_) | Byte(..) => 1,
        }
    }
}

/// A value that is to be set.
enum Value {
    Function(ConditionSet, bool),
    Parameter(Setting),
}

/// The values in INFO; `None` for one that is out of range.
struct Values<'a> {
    fields: &'static [Field],
    bytes: &'a [u8],
}

impl Iterator for Values<'_> {
    type Item = Option<Value>;

    fn next(&mut self) -> Option<Option<Value>> {
        let (field, fields) = self.fields.split_first()?;
        let (bytes, rest) = self.bytes.split_at_checked(field.size())?;
        (self.fields, self.bytes) = (fields, rest);
        let raw = bytes.iter().fold(0, |raw, byte| raw << 8 | u16::from(*byte));
        Some(field.value(raw))
    }
}

impl Field {
    fn value(self, raw: u16) -> Option<Value> {
        let (parameter, coding) = match self {
            Function(conditions) => {
                let on = match raw {
                    0 => false,
                    1 => true,
                    _ => return None,
                };
                return Some(Value::Function(ConditionSet::of(conditions), on));
            }
            // A delay of nothing is none.
            Byte(_, Steps(_)) if raw == 0 => return None,
            Word(parameter, coding) | Byte(parameter, coding) => (parameter, coding),
        };
        let setting = Setting::Parameter {
            parameter,
            value: coding.value(raw)?,
        };
        setting.check().ok().map(|()| Value::Parameter(setting))
    }
}

impl Coding {
    fn word(self, value: i32, negative: bool) -> u16 {
        let value = i64::from(value);
        match self {
            Same => saturate_u16(value),
            Steps(size) => saturate_u16(div_nearest(value, size.into())),
            Finer(factor) => saturate_u16(value * i64::from(factor)),
            // Temperatures lie within 16 bits by their ranges.
            Celsius => kelvin(saturate_i16(value)),
            Discharge if negative => saturate_i16(-div_nearest(value, 10)).cast_unsigned(),
            Discharge => saturate_u16(div_nearest(value, 10)),
        }
    }

    fn value(self, raw: u16) -> Option<i32> {
        let number = i32::from(raw);
        match self {
            Same => Some(number),
            Steps(size) => number.checked_mul(size),
            Finer(factor) => i32::try_from(div_nearest(number.into(), factor.into())).ok(),
            Celsius => Some(celsius(raw)),
            Discharge => number.checked_mul(10),
        }
    }
}

static GROUPS: &[Group] = &[
    Group::new(
        0xD0,
        0xD1,
        &[
            Function(&[CellOverVoltageAlarm, CellOverVoltageProtection]),
            Word(Parameter::CellOverVoltageAlarm, Same),
            Word(Parameter::CellOverVoltageProtection, Same),
            Word(Parameter::CellOverVoltageRelease, Same),
            Byte(Parameter::CellOverVoltageDelay, DELAY),
        ],
    ),
    Group::new(
        0xD2,
        0xD3,
        &[
            Function(&[CellUnderVoltageAlarm, CellUnderVoltageProtection]),
            Word(Parameter::CellUnderVoltageAlarm, Same),
            Word(Parameter::CellUnderVoltageProtection, Same),
            Word(Parameter::CellUnderVoltageRelease, Same),
            Byte(Parameter::CellUnderVoltageDelay, DELAY),
        ],
    ),
    Group::new(
        0xD4,
        0xD5,
        &[
            Function(&[PackOverVoltageAlarm, PackOverVoltageProtection]),
            Word(Parameter::PackOverVoltageAlarm, Same),
            Word(Parameter::PackOverVoltageProtection, Same),
            Word(Parameter::PackOverVoltageRelease, Same),
            Byte(Parameter::PackOverVoltageDelay, DELAY),
        ],
    ),
    Group::new(
        0xD6,
        0xD7,
        &[
            Function(&[PackUnderVoltageAlarm, PackUnderVoltageProtection]),
            Word(Parameter::PackUnderVoltageAlarm, Same),
            Word(Parameter::PackUnderVoltageProtection, Same),
            Word(Parameter::PackUnderVoltageRelease, Same),
            Byte(Parameter::PackUnderVoltageDelay, DELAY),
        ],
    ),
    Group {
        // The protection itself is released by time (B-016).
        long: Some(&[
            Function(&[ChargeOverCurrentAlarm, ChargeOverCurrentProtection]),
            Word(Parameter::ChargeOverCurrentAlarm, AMPERE),
            Word(Parameter::ChargeOverCurrentProtection, AMPERE),
            Word(Parameter::ChargeOverCurrentAlarmRelease, AMPERE),
            Byte(Parameter::ChargeOverCurrentDelay, DELAY),
        ]),
        ..Group::new(
            0xD8,
            0xD9,
            &[
                Function(&[ChargeOverCurrentAlarm, ChargeOverCurrentProtection]),
                Word(Parameter::ChargeOverCurrentAlarm, AMPERE),
                Word(Parameter::ChargeOverCurrentProtection, AMPERE),
                Byte(Parameter::ChargeOverCurrentDelay, DELAY),
            ],
        )
    },
    Group {
        long: Some(&[
            Function(&[DischargeOverCurrentAlarm, DischargeOverCurrentProtection]),
            Word(Parameter::DischargeOverCurrentAlarm, Discharge),
            Word(Parameter::DischargeOverCurrentProtection, Discharge),
            Word(Parameter::DischargeOverCurrentAlarmRelease, Discharge),
            Byte(Parameter::DischargeOverCurrentDelay, DELAY),
        ]),
        ..Group::new(
            0xDA,
            0xDB,
            &[
                Function(&[DischargeOverCurrentAlarm, DischargeOverCurrentProtection]),
                Word(Parameter::DischargeOverCurrentAlarm, Discharge),
                Word(Parameter::DischargeOverCurrentProtection, Discharge),
                Byte(Parameter::DischargeOverCurrentDelay, DELAY),
            ],
        )
    },
    Group::new(
        0xDC,
        0xDD,
        &[
            Function(&[
                ChargeOverTemperatureAlarm,
                ChargeOverTemperatureProtection,
                DischargeOverTemperatureAlarm,
                DischargeOverTemperatureProtection,
            ]),
            Word(Parameter::ChargeOverTemperatureAlarm, Celsius),
            Word(Parameter::ChargeOverTemperatureProtection, Celsius),
            Word(Parameter::ChargeOverTemperatureRelease, Celsius),
            Word(Parameter::DischargeOverTemperatureAlarm, Celsius),
            Word(Parameter::DischargeOverTemperatureProtection, Celsius),
            Word(Parameter::DischargeOverTemperatureRelease, Celsius),
        ],
    ),
    Group::new(
        0xDE,
        0xDF,
        &[
            Function(&[
                ChargeUnderTemperatureAlarm,
                ChargeUnderTemperatureProtection,
                DischargeUnderTemperatureAlarm,
                DischargeUnderTemperatureProtection,
            ]),
            Word(Parameter::ChargeUnderTemperatureAlarm, Celsius),
            Word(Parameter::ChargeUnderTemperatureProtection, Celsius),
            Word(Parameter::ChargeUnderTemperatureRelease, Celsius),
            Word(Parameter::DischargeUnderTemperatureAlarm, Celsius),
            Word(Parameter::DischargeUnderTemperatureProtection, Celsius),
            Word(Parameter::DischargeUnderTemperatureRelease, Celsius),
        ],
    ),
    Group::new(
        0xE0,
        0xE1,
        &[
            Function(&[MosfetOverTemperatureAlarm, MosfetOverTemperatureProtection]),
            Word(Parameter::MosfetOverTemperatureAlarm, Celsius),
            Word(Parameter::MosfetOverTemperatureProtection, Celsius),
            Word(Parameter::MosfetOverTemperatureRelease, Celsius),
        ],
    ),
    Group {
        enough: 2,
        ..Group::new(
            0xE2,
            0xE3,
            &[
                Word(Parameter::DischargeOverCurrent2Protection, AMPERE),
                Byte(Parameter::DischargeOverCurrent2Delay, Steps(25)),
                Word(Parameter::ChargeOverCurrent2Protection, AMPERE),
                Byte(Parameter::ChargeOverCurrent2Delay, Steps(25)),
            ],
        )
    },
    Group::new(0xE4, 0xE5, &[Byte(Parameter::ShortCircuitDelay, Steps(25))]),
    Group::new(
        0xE6,
        0xE7,
        // Here the low limits come first.
        &[
            Function(&[
                AmbientUnderTemperatureAlarm,
                AmbientUnderTemperatureProtection,
                AmbientOverTemperatureAlarm,
                AmbientOverTemperatureProtection,
            ]),
            Word(Parameter::AmbientUnderTemperatureAlarm, Celsius),
            Word(Parameter::AmbientUnderTemperatureProtection, Celsius),
            Word(Parameter::AmbientUnderTemperatureRelease, Celsius),
            Word(Parameter::AmbientOverTemperatureAlarm, Celsius),
            Word(Parameter::AmbientOverTemperatureProtection, Celsius),
            Word(Parameter::AmbientOverTemperatureRelease, Celsius),
        ],
    ),
    Group::new(
        0xB5,
        0xB6,
        &[
            Word(Parameter::BalanceStartVoltage, Same),
            Word(Parameter::BalanceStartDifference, Same),
        ],
    ),
    Group::new(
        0xA8,
        0xA0,
        &[
            Word(Parameter::CellSleepVoltage, Same),
            // Minutes.
            Word(Parameter::CellSleepDelay, Steps(60)),
        ],
    ),
    Group {
        enough: 2,
        ..Group::new(
            0xAE,
            0xAF,
            &[
                Word(Parameter::FullChargeVoltage, Same),
                // mA.
                Word(Parameter::FullChargeCurrent, Finer(100)),
                Byte(Parameter::LowSocAlarm, Same),
            ],
        )
    },
    Group::new(0xEE, 0xED, &[Word(Parameter::ChargeCurrentLimiterCurrent, AMPERE)]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_one_group() {
        for (index, group) in GROUPS.iter().enumerate() {
            for (command, sets) in [(group.set, true), (group.read, false)] {
                let (found, found_sets) = Group::find(command).unwrap();
                assert!(core::ptr::eq(found, &raw const GROUPS[index]), "{command:02X}");
                assert_eq!(found_sets, sets, "{command:02X}");
            }
        }
        assert!(Group::find(0x42).is_none());
    }

    #[test]
    fn lengths_of_the_sheet() {
        let lengths = [
            (0xD0, 8, None),
            (0xD8, 6, Some(8)),
            (0xDA, 6, Some(8)),
            (0xDC, 13, None),
            (0xE0, 7, None),
            (0xE2, 6, Some(3)),
            (0xE4, 1, None),
            (0xE6, 13, None),
            (0xB5, 4, None),
            (0xA8, 4, None),
            (0xAE, 5, Some(4)),
            (0xEE, 2, None),
        ];
        for (command, length, other) in lengths {
            let (group, _) = Group::find(command).unwrap();
            let takes: std::vec::Vec<usize> = (0..20).filter(|length| group.fields_of(*length).is_some()).collect();
            let mut expected: std::vec::Vec<usize> = other.into_iter().chain([length]).collect();
            expected.sort_unstable();
            assert_eq!(takes, expected, "{command:02X}");
        }
    }
}
