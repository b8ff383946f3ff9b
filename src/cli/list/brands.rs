//! The brands of inverters: what the battery's display offers, and which definition serves it.

use serde_json::{Value, json};

use super::{faint, inferred_note};
use crate::definition::{BusKind, Grade, Library, ManualSetting, Protocol};
use crate::report::layout::Table;
use crate::report::text::Style;

/// A setting of a brand.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Row {
    brand: String,
    setting: String,
    bus: BusKind,
    protocol: String,
    plan: Option<String>,
    /// How well it is known; `None` where there is no definition yet.
    grade: Option<Grade>,
}

/// The settings of some protocols by brand; with `all`, those too that the battery offers and no definition serves.
pub(super) fn rows(library: &Library, protocols: &[&Protocol], all: bool) -> Vec<Row> {
    let of_protocol = |protocol: &Protocol| {
        let bus = BusKind::of(&protocol.bus);
        let name = protocol.name.clone();
        let row = move |setting: &ManualSetting| Row {
            brand: setting.brand.clone(),
            setting: setting.manual.clone(),
            bus,
            protocol: name.clone(),
            plan: setting.plan.clone(),
            grade: Some(setting.grade),
        };
        protocol.settings.iter().map(row).collect::<Vec<_>>()
    };
    let mut rows: Vec<Row> = protocols.iter().flat_map(|protocol| of_protocol(protocol)).collect();
    let offered = library.products().iter().flat_map(|product| &product.settings);
    for offer in offered.filter(|_| all) {
        let served = |row: &Row| row.brand == offer.brand && row.setting == offer.name;
        if !rows.iter().any(served) {
            rows.push(Row {
                brand: offer.brand.clone(),
                setting: offer.name.clone(),
                bus: offer.bus,
                protocol: offer.protocol.clone(),
                plan: None,
                grade: None,
            });
        }
    }
    rows.sort();
    rows
}

/// The settings for people.
pub(super) fn table(rows: &[Row], style: &Style) -> String {
    let mut table = Table::new(&["brand", "setting on the battery's display", "bus", "protocol", "grade"]);
    for row in rows {
        table.row(vec![
            row.brand.clone(),
            row.setting.clone(),
            word(row.bus).to_string(),
            row.protocol.clone(),
            row.grade.map_or("-".to_string(), |grade| grade.letter().to_string()),
        ]);
    }
    let inferred = rows
        .iter()
        .any(|row| row.grade.is_some_and(|grade| !grade.is_certifiable()));
    let mut out = table.render(style, 0) + &inferred_note(inferred, style);
    if rows.iter().any(|row| row.grade.is_none()) {
        let text = "grade -: the battery offers it, and its protocol is not defined yet";
        out.push_str(&faint(text, style));
    }
    out
}

/// The settings for programs.
pub(super) fn json(rows: &[Row]) -> Value {
    let row = |row: &Row| {
        json!({
            "brand": row.brand, "setting": row.setting, "bus": word(row.bus), "protocol": row.protocol,
            "plan": row.plan, "grade": row.grade.map(|grade| grade.letter().to_string()),
            "certifiable": row.grade.is_some_and(Grade::is_certifiable), "defined": row.grade.is_some(),
        })
    };
    rows.iter().map(row).collect()
}

const fn word(bus: BusKind) -> &'static str {
    match bus {
        BusKind::Can => "CAN",
        BusKind::Serial => "RS485",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_battery_offers_22_settings_of_18_brands() {
        let (library, _) = Library::load(None);
        let offered = || library.products().iter().flat_map(|product| &product.settings);
        let mut brands: Vec<&str> = offered().map(|offer| offer.brand.as_str()).collect();
        assert_eq!(brands.len(), 22);
        brands.sort_unstable();
        brands.dedup();
        assert_eq!(brands.len(), 18);
        assert_eq!(offered().filter(|offer| offer.bus == BusKind::Can).count(), 13);
    }

    /// What a definition says of the manual is what the manual offers, with its bus.
    #[test]
    fn definitions_serve_what_is_offered() {
        let (library, _) = Library::load(None);
        let offered: Vec<_> = library
            .products()
            .iter()
            .flat_map(|product| &product.settings)
            .collect();
        let all: Vec<&Protocol> = library.protocols().collect();
        let defined = rows(&library, &all, false);
        assert!(defined.len() >= 16);
        for row in defined {
            let fits = offered.iter().any(|offer| {
                (&offer.brand, &offer.name, offer.bus) == (&row.brand, &row.setting, row.bus)
                    && (row.protocol == offer.protocol || row.protocol.starts_with(&format!("{}-", offer.protocol)))
            });
            assert!(fits, "{row:?}");
        }
        let mut listed: Vec<_> = rows(&library, &all, true)
            .into_iter()
            .map(|row| (row.brand, row.setting))
            .collect();
        // A setting whose document is not public may have several definitions to try.
        listed.sort();
        listed.dedup();
        assert_eq!(listed.len(), 22);
    }
}
