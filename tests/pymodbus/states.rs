//! The states that the battery is read in: none of a battery's values is at its default, all cells differ.

use serde_json::{Map, Value, json};

/// A state and what follows from it.
#[derive(Clone, Debug)]
pub(crate) struct State {
    /// What is set: names and values of a state file.
    pub(crate) set: Map<String, Value>,
    /// The alarms and protections that are active.
    pub(crate) conditions: Vec<&'static str>,
    /// What is seen because of it; null for what the state leaves open.
    pub(crate) follows: Map<String, Value>,
    /// Packs in parallel.
    pub(crate) packs: u8,
}

impl State {
    /// One pack that is charged, with two alarms.
    pub(crate) fn charging() -> State {
        State::new(
            json!({
                "soc": "83.4 %",
                "soh": "97 %",
                "current": "25.3 A",
                "mosfet_temperature": "31.2 degC",
                "ambient_temperature": "26.8 degC",
                "cell_temperature_1": "21.5 degC",
                "cell_temperature_2": "22.5 degC",
                "cell_temperature_3": "23.0 degC",
                "cell_temperature_4": "25.0 degC",
            }),
            &["cell_over_voltage_alarm", "mosfet_over_temperature_alarm"],
            json!({
                "charge_current_limit": "110 A",
                "discharge_current_limit": "130 A",
                "charge_enable": true,
                "discharge_enable": true,
            }),
        )
    }

    /// One pack that is discharged below the freezing point, too cold to be charged.
    pub(crate) fn discharging() -> State {
        State::new(
            json!({
                "soc": "24.6 %",
                "soh": "88 %",
                "current": "-47.3 A",
                "mosfet_temperature": "-2.5 degC",
                "ambient_temperature": "-7.3 degC",
                "cell_temperature_1": "-3.5 degC",
                "cell_temperature_2": "-2.0 degC",
                "cell_temperature_3": "-1.5 degC",
                "cell_temperature_4": "1.0 degC",
            }),
            // A protection brings its alarm with it.
            &[
                "charge_under_temperature_protection",
                "charge_under_temperature_alarm",
                "discharge_over_current_alarm",
            ],
            json!({
                "charge_current_limit": "0 A",
                // Derated by the cold.
                "discharge_current_limit": null,
                "charge_enable": false,
                "discharge_enable": true,
            }),
        )
    }

    /// Three packs in parallel that differ; `follows` is that of all together.
    pub(crate) fn several_packs() -> State {
        let mut state = State::charging();
        state.packs = 3;
        state.conditions.clear();
        for (name, value) in [
            ("pack_2.soc", "61.7 %"),
            ("pack_2.soh", "97 %"),
            ("pack_2.current", "-3.6 A"),
            ("pack_2.cell_voltage_7", "3.268 V"),
            ("pack_2.cell_temperature_3", "17.0 degC"),
            ("pack_2.full_capacity", "266.6 Ah"),
            ("pack_3.soc", "72.2 %"),
            ("pack_3.current", "12.1 A"),
            ("pack_3.cell_voltage_12", "3.401 V"),
            ("pack_3.cell_temperature_4", "29.5 degC"),
            ("pack_3.mosfet_temperature", "33.3 degC"),
        ] {
            state.set.insert(name.to_string(), json!(value));
        }
        // The smallest request, once for each pack.
        state.follows.insert("charge_current_limit".to_string(), json!("330 A"));
        state
            .follows
            .insert("discharge_current_limit".to_string(), json!("390 A"));
        state
    }

    fn new(own: Value, conditions: &[&'static str], follows: Value) -> State {
        let mut set = object(json!({
            "cycle_count": "137",
            "full_capacity": "271.5 Ah",
            "design_capacity": "279 Ah",
            "charge_voltage_limit": "56.8 V",
            "discharge_voltage_limit": "45.6 V",
            "charge_current_nominal": "110 A",
            "discharge_current_nominal": "130 A",
            "cell_over_voltage_protection_threshold": "3.655 V",
            "charge_under_temperature_alarm_threshold": "1.5 degC",
        }));
        set.extend(object(own));
        for cell in 1..=16_u16 {
            // The fifth is the highest, the ninth the lowest.
            let millivolts = match cell {
                5 => 3341,
                9 => 3284,
                _ => 3300 + 2 * cell,
            };
            let volts = format!("{}.{:03} V", millivolts / 1000, millivolts % 1000);
            set.insert(format!("cell_voltage_{cell}"), json!(volts));
        }
        State {
            set,
            conditions: conditions.to_vec(),
            follows: object(follows),
            packs: 1,
        }
    }

    /// The state as a file for `bmscheck emulate --state`.
    pub(crate) fn file(&self) -> String {
        let settings = self.set.iter().map(|(name, value)| {
            let text = value.as_str().unwrap_or_default();
            format!("{name}: {text}\n")
        });
        let conditions = self.conditions.iter().map(|name| format!("{name}: true\n"));
        settings.chain(conditions).collect()
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("{other} is no object"),
    }
}
