//! Recordings of Modbus lines: the values are those that the recordings' README states, quirks are reported as such.

use super::{Message, decode, library, span};
use bmscheck::decode::Role;

/// Questions, answers with data, and refusals of a recording.
fn conversation(messages: &[Message]) -> (usize, usize, usize) {
    let count = |wanted: &dyn Fn(&Message) -> bool| messages.iter().filter(|message| wanted(message)).count();
    (
        count(&|message| message.role == Role::Request),
        count(&|message| message.role == Role::Reply && !message.fields.is_empty()),
        count(&|message| message.role == Role::Reply && message.fields.is_empty()),
    )
}

/// How many messages carry a finding.
fn found(messages: &[Message], id: &str) -> usize {
    let has = |message: &&Message| message.errors.iter().chain(&message.warnings).any(|known| known == id);
    messages.iter().filter(has).count()
}

#[track_caller]
fn has_values(messages: &[Message], expected: &[(&str, &str, &str, &str)]) {
    for (name, field, low, high) in expected {
        let seen = span(messages, name, field);
        assert_eq!((seen.0.as_str(), seen.1.as_str()), (*low, *high), "{name}.{field}");
    }
}

/// Every value that a flag or a state of a message has had.
fn words(messages: &[Message], field: &str) -> Vec<String> {
    let mut all: Vec<String> = messages
        .iter()
        .filter_map(|message| message.fields.get(field))
        .map(ToString::to_string)
        .collect();
    all.sort();
    all.dedup();
    all
}

#[test]
fn growatt_rs485_of_a_jk_bms_whose_cells_stand_one_register_too_low() {
    let library = library();
    let messages = decode(
        library.protocol("growatt-rs485").unwrap(),
        "growatt-rs485-jk-bridge.log",
    );
    assert_eq!(messages.len(), 50);
    assert_eq!(conversation(&messages), (25, 25, 0));
    has_values(
        &messages,
        &[
            ("runtime", "soc", "86 %", "86 %"),
            ("runtime", "pack_voltage", "57.07 V", "57.07 V"),
            ("runtime", "pack_current", "0.00 A", "0.00 A"),
            ("runtime", "temperature", "31 degC", "31 degC"),
            ("runtime", "charge_current_limit", "38.00 A", "38.00 A"),
            ("runtime", "remaining_capacity", "4.32 Ah", "4.32 Ah"),
            ("runtime", "full_capacity", "5.00 Ah", "5.00 Ah"),
            ("runtime", "soh", "100 %", "100 %"),
            ("runtime", "charge_voltage_limit", "57.60 V", "57.60 V"),
            ("runtime", "discharge_current_limit", "190.00 A", "190.00 A"),
            ("runtime", "max_cell_voltage", "3569 mV", "3571 mV"),
            ("runtime", "min_cell_voltage", "3565 mV", "3567 mV"),
            ("runtime", "max_cell_voltage_number", "1", "14"),
            ("runtime", "min_cell_voltage_number", "2", "7"),
        ],
    );
    // Status 0x0469.
    for (field, word) in [
        ("run_state", "standby"),
        ("balancing", "true"),
        ("charge_enable", "true"),
        ("discharge_enable", "true"),
        ("inverter_run_state", "standby"),
        ("sleep", "false"),
        ("error_valid", "false"),
    ] {
        assert_eq!(words(&messages, field), [word], "{field}");
    }
    // Every answer with the cells shows it.
    assert_eq!(found(&messages, "cells-one-low"), 8);
}

#[test]
fn growatt_rs485_of_a_jk_bms_with_a_wrong_sign() {
    let library = library();
    let messages = decode(
        library.protocol("growatt-rs485").unwrap(),
        "growatt-rs485-jk-bridge-2.log",
    );
    assert_eq!(messages.len(), 79);
    // The first answer has lost its question.
    assert_eq!(found(&messages, "no-request"), 1);
    has_values(
        &messages,
        &[
            ("runtime", "soc", "98 %", "98 %"),
            ("runtime", "pack_voltage", "54.94 V", "54.96 V"),
            ("runtime", "pack_current", "0.76 A", "0.76 A"),
            ("runtime", "temperature", "25 degC", "25 degC"),
            ("runtime", "remaining_capacity", "39.18 Ah", "39.19 Ah"),
            ("runtime", "full_capacity", "40.00 Ah", "40.00 Ah"),
            ("runtime", "charge_voltage_limit", "67.04 V", "67.04 V"),
            ("runtime", "charge_current_limit", "38.00 A", "38.00 A"),
            ("runtime", "discharge_current_limit", "190.00 A", "190.00 A"),
            ("runtime", "max_cell_voltage", "3438 mV", "3439 mV"),
            ("runtime", "min_cell_voltage", "3432 mV", "3435 mV"),
        ],
    );
    // Status 0x4479: asleep while it answers, and a reserved bit.
    assert_eq!(words(&messages, "sleep"), ["true"]);
    assert!(found(&messages, "reserved-bits") >= 8);
    // 67.04 V for a pack of 16 cells.
    assert_eq!(found(&messages, "out-of-range"), 8);
}

#[test]
fn growatt_rs485_of_a_seplos_bms_that_refuses_a_block() {
    let library = library();
    let messages = decode(
        library.protocol("growatt-rs485").unwrap(),
        "growatt-rs485-seplos-forward.log",
    );
    assert_eq!(messages.len(), 50);
    let (asked, answered, refused) = conversation(&messages);
    assert_eq!((asked, answered, refused), (25, 16, 8));
    has_values(
        &messages,
        &[
            ("runtime", "soc", "70 %", "70 %"),
            ("runtime", "pack_voltage", "55.51 V", "55.51 V"),
            ("runtime", "pack_current", "0.00 A", "0.00 A"),
            ("runtime", "temperature", "26 degC", "26 degC"),
            ("runtime", "charge_current_limit", "180.00 A", "180.00 A"),
            ("runtime", "remaining_capacity", "140.40 Ah", "140.40 Ah"),
            ("runtime", "full_capacity", "200.00 Ah", "200.00 Ah"),
        ],
    );
    // The last answer is cut off after two bytes.
    let last = messages.last().unwrap();
    assert!(!last.errors.is_empty() && last.fields.is_empty(), "{last:?}");
}

#[test]
fn growatt_rs485_of_a_translator_that_invents_what_it_does_not_know() {
    let library = library();
    let messages = decode(
        library.protocol("growatt-rs485").unwrap(),
        "growatt-rs485-translator-bridge.log",
    );
    assert_eq!(messages.len(), 17);
    assert_eq!(conversation(&messages), (10, 7, 0));
    has_values(
        &messages,
        &[
            ("runtime", "soc", "99 %", "99 %"),
            ("runtime", "pack_voltage", "57.14 V", "57.14 V"),
            ("runtime", "charge_voltage_limit", "57.14 V", "57.14 V"),
            ("runtime", "charge_current_limit", "0.00 A", "0.00 A"),
            ("runtime", "discharge_current_limit", "0.00 A", "0.00 A"),
            ("runtime", "remaining_capacity", "39.60 Ah", "39.60 Ah"),
            ("runtime", "full_capacity", "40.00 Ah", "40.00 Ah"),
            ("runtime", "max_cell_voltage", "3572 mV", "3572 mV"),
            ("runtime", "min_cell_voltage", "3571 mV", "3571 mV"),
        ],
    );
    assert_eq!(words(&messages, "run_state"), ["soft_starting"]);
    assert_eq!(words(&messages, "charge_enable"), ["false"]);
    assert_eq!(words(&messages, "discharge_enable"), ["false"]);
}

#[test]
fn srne_modbus_of_a_jk_bms() {
    let library = library();
    let messages = decode(library.protocol("srne-modbus").unwrap(), "srne-modbus-jk-bridge.log");
    assert_eq!(messages.len(), 78);
    assert_eq!(conversation(&messages), (39, 39, 0));
    has_values(
        &messages,
        &[
            ("runtime", "pack_current", "0.00 A", "0.00 A"),
            ("runtime", "pack_voltage", "57.08 V", "57.10 V"),
            ("runtime", "soc", "87 %", "87 %"),
            ("runtime", "soh", "100 %", "100 %"),
            ("runtime", "remaining_capacity", "4.32 Ah", "4.32 Ah"),
            ("runtime", "full_capacity", "5.00 Ah", "5.00 Ah"),
            ("runtime", "design_capacity", "5.00 Ah", "5.00 Ah"),
            ("runtime", "cycle_count", "0", "0"),
            ("runtime", "cell_temperature_1", "31.7 degC", "31.8 degC"),
            ("runtime", "cell_temperature_2", "31.4 degC", "31.5 degC"),
            ("runtime", "cell_temperature_3", "31.3 degC", "31.3 degC"),
            ("runtime", "cell_temperature_4", "32.0 degC", "32.0 degC"),
            ("runtime", "mosfet_temperature", "29.6 degC", "29.7 degC"),
            ("runtime", "ambient_temperature", "31.6 degC", "31.6 degC"),
            ("runtime", "cell_voltage_1", "3569 mV", "3572 mV"),
            ("runtime", "cell_voltage_2", "3565 mV", "3569 mV"),
        ],
    );
    // Status 0x0C00, no alarm, no balancing.
    assert_eq!(words(&messages, "charge_mosfet_on"), ["true"]);
    assert_eq!(words(&messages, "discharge_mosfet_on"), ["true"]);
    for field in ["charging", "discharging", "heater_on", "cell_over_voltage_alarm"] {
        assert_eq!(words(&messages, field), ["false"], "{field}");
    }
}
