//! The order of entries: by domain, day, reporter and report.

use std::collections::{BTreeSet, HashMap};

use jiff::civil::Date;

use crate::assess::history::History;

/// Where an entry stands in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    domain: usize,
    day: Date,
    pub(super) reporter: usize,
    report: i64,
    pub(super) entry: usize,
}

impl Key {
    pub(super) fn is_same_row(&self, other: &Self) -> bool {
        (self.domain, self.day, self.reporter) == (other.domain, other.day, other.reporter)
    }
}

pub(super) fn in_order(history: &History) -> Vec<Key> {
    let domain_of = ranks(history.entries.iter().map(|entry| &*entry.domain));
    let reporter_of = ranks(history.entries.iter().map(|entry| &*entry.reporter));
    let mut keys: Vec<Key> = history
        .entries
        .iter()
        .enumerate()
        .map(|(i, entry)| Key {
            domain: domain_of.get(&*entry.domain).copied().unwrap_or_default(),
            day: entry.day,
            reporter: reporter_of.get(&*entry.reporter).copied().unwrap_or_default(),
            report: entry.report,
            entry: i,
        })
        .collect();
    keys.sort_unstable();
    keys
}

/// Each name's place in the alphabet, so that sorting compares numbers.
fn ranks<'a>(names: impl Iterator<Item = &'a str>) -> HashMap<&'a str, usize> {
    let mut ranks: HashMap<&str, usize> = names.map(|name| (name, 0)).collect();
    let sorted: BTreeSet<&str> = ranks.keys().copied().collect();
    for (rank, name) in sorted.into_iter().enumerate() {
        ranks.insert(name, rank);
    }
    ranks
}
