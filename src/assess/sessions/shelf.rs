//! What the distinct texts of the entries say, read once each.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::assess::history::{History, PolicyText, Seen};

/// The distinct texts, by where they stand.
pub(super) type Texts<'h> = FxHashMap<*const PolicyText, &'h PolicyText>;

/// The distinct texts of all entries.
pub(super) fn texts(history: &History) -> Texts<'_> {
    // What is seen is shared, so there is little of it.
    let mut seen: FxHashSet<*const Seen> = FxHashSet::default();
    let entries = history.entries.iter();
    entries
        .filter(|entry| seen.insert(Rc::as_ptr(&entry.seen)))
        .map(|entry| (Rc::as_ptr(&entry.policy), &*entry.policy))
        .collect()
}

/// The values of texts, numbered in their order.
#[derive(Debug)]
pub(super) struct Shelf<T> {
    pub(super) values: Vec<T>,
    // Entries mostly share their text; then its address alone says what it holds.
    of_address: FxHashMap<*const PolicyText, usize>,
}

impl<T: Ord + Clone> Shelf<T> {
    /// Reads the texts of a policy type.
    pub(super) fn of(texts: &Texts<'_>, policy_type: &str, read: fn(&PolicyText) -> Option<T>) -> Self {
        let is_meant = |(_, text): &(_, &&PolicyText)| text.policy_type == policy_type;
        let texts = || texts.iter().filter(is_meant).map(|(at, text)| (*at, *text));
        let mut of_text: HashMap<&PolicyText, Option<T>> = HashMap::new();
        for (_, text) in texts() {
            of_text.entry(text).or_insert_with(|| read(text));
        }
        let values: BTreeSet<&T> = of_text.values().flatten().collect();
        let values: Vec<T> = values.into_iter().cloned().collect();
        let number = |text: &PolicyText| {
            let value = of_text.get(text)?.as_ref()?;
            values.binary_search(value).ok()
        };
        let of_address = texts()
            .filter_map(|(address, text)| Some((address, number(text)?)))
            .collect();
        Self { values, of_address }
    }

    /// The number of what a text says.
    pub(super) fn find(&self, text: &Rc<PolicyText>) -> Option<usize> {
        self.of_address.get(&Rc::as_ptr(text)).copied()
    }
}
