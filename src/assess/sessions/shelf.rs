//! What the distinct texts of the entries say, read once each.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use rustc_hash::FxHashMap;

use crate::assess::history::{History, PolicyText};

/// The values of texts, numbered in their order.
#[derive(Debug)]
pub(super) struct Shelf<T> {
    pub(super) values: Vec<T>,
    // Entries mostly share their text; then its address alone says what it holds.
    of_address: FxHashMap<*const PolicyText, usize>,
}

impl<T: Ord + Clone> Shelf<T> {
    /// Reads the texts of a policy type.
    pub(super) fn of(history: &History, policy_type: &str, read: fn(&PolicyText) -> Option<T>) -> Self {
        let texts: FxHashMap<*const PolicyText, &PolicyText> = history
            .entries
            .iter()
            .filter(|entry| entry.policy.policy_type == policy_type)
            .map(|entry| (Rc::as_ptr(&entry.policy), &*entry.policy))
            .collect();
        let mut of_text: HashMap<&PolicyText, Option<T>> = HashMap::new();
        for text in texts.values() {
            of_text.entry(text).or_insert_with(|| read(text));
        }
        let values: BTreeSet<&T> = of_text.values().flatten().collect();
        let values: Vec<T> = values.into_iter().cloned().collect();
        let number = |text: &PolicyText| {
            let value = of_text.get(text)?.as_ref()?;
            values.binary_search(value).ok()
        };
        let of_address = texts
            .into_iter()
            .filter_map(|(address, text)| Some((address, number(text)?)))
            .collect();
        Self { values, of_address }
    }

    /// The number of what a text says.
    pub(super) fn find(&self, text: &Rc<PolicyText>) -> Option<usize> {
        self.of_address.get(&Rc::as_ptr(text)).copied()
    }
}
