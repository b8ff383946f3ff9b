//! Things by the names of fields, `{n}` in a name standing for any number.

use std::collections::HashMap;

/// Things that are looked up by the name of a field.
#[derive(Clone, Debug)]
pub(crate) struct ByName<T> {
    named: HashMap<String, Vec<T>>,
    /// Those with `{n}` in their names.
    numbered: Vec<(String, T)>,
}

impl<T> Default for ByName<T> {
    fn default() -> ByName<T> {
        ByName {
            named: HashMap::new(),
            numbered: Vec::new(),
        }
    }
}

impl<T> ByName<T> {
    /// Adds a thing under the name of its field.
    pub(crate) fn insert(&mut self, name: &str, thing: T) {
        match name.contains('{') {
            true => self.numbered.push((name.to_string(), thing)),
            false => self.named.entry(name.to_string()).or_default().push(thing),
        }
    }

    /// The things of this name, in the order in which they were added, those with a number last.
    pub(crate) fn get(&self, name: &str) -> impl Iterator<Item = &T> {
        let numbered = self.numbered.iter().filter(move |(pattern, _)| matches(pattern, name));
        let named = self.named.get(name).into_iter().flatten();
        named.chain(numbered.map(|(_, thing)| thing))
    }
}

/// Whether `name` is the name `pattern`, `{n}` in it standing for any number.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    // Names are compared often; most differ in length or have no running number.
    let Some(at) = pattern.find('{') else {
        return pattern == name;
    };
    let (before, rest) = pattern.split_at(at);
    let after = rest.strip_prefix("{n}").unwrap_or(rest);
    name.strip_prefix(before)
        .and_then(|rest| rest.strip_suffix(after))
        .is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}
