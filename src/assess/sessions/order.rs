//! The order of entries: by domain, day, reporter and report.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use jiff::civil::Date;
use rustc_hash::FxHashMap;

use crate::assess::history::{Entry, History, Seen};

/// Where an entry stands in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    domain: u32,
    day: Date,
    reporter: u32,
    entry: u32,
}

impl Key {
    pub(super) fn is_same_row(&self, other: &Self) -> bool {
        (self.domain, self.day, self.reporter) == (other.domain, other.day, other.reporter)
    }

    /// Its index in the history.
    pub(super) fn entry(&self) -> usize {
        usize::try_from(self.entry).unwrap_or(usize::MAX)
    }

    /// Stands for the reporter, in the order of names.
    pub(super) fn reporter(&self) -> usize {
        usize::try_from(self.reporter).unwrap_or(usize::MAX)
    }

    pub(super) fn of<'h>(&self, history: &'h History) -> Option<&'h Entry> {
        history.entries.get(self.entry())
    }
}

pub(super) fn in_order(history: &History) -> Vec<Key> {
    let ranks = ranks_of_seen(history);
    let mut keys: Vec<Key> = history
        .entries
        .iter()
        .zip(0_u32..)
        .map(|(entry, at)| {
            let ranks = ranks.get(&Rc::as_ptr(&entry.seen));
            let (domain, reporter) = ranks.copied().unwrap_or_default();
            Key {
                domain,
                day: entry.day,
                reporter,
                entry: at,
            }
        })
        .collect();
    keys.sort_unstable();
    // Few rows have several, so that the report needn't be in all keys.
    for row in keys.chunk_by_mut(Key::is_same_row).filter(|row| row.len() > 1) {
        row.sort_unstable_by_key(|key| (key.of(history).map(|entry| entry.report), key.entry));
    }
    keys
}

/// The ranks of domain and reporter. What is seen is shared, so there is little of it.
fn ranks_of_seen(history: &History) -> FxHashMap<*const Seen, (u32, u32)> {
    let mut all: FxHashMap<*const Seen, &Seen> = FxHashMap::default();
    for entry in &history.entries {
        all.insert(Rc::as_ptr(&entry.seen), &entry.seen);
    }
    let domains = ranks(all.values().map(|seen| &*seen.domain));
    let reporters = ranks(all.values().map(|seen| &*seen.reporter));
    let rank = |ranks: &HashMap<&str, u32>, name: &str| ranks.get(name).copied().unwrap_or_default();
    all.into_iter()
        .map(|(at, seen)| {
            (
                at,
                (rank(&domains, &seen.domain), rank(&reporters, &seen.reporter)),
            )
        })
        .collect()
}

/// Each name's place in the alphabet, so that sorting compares numbers.
fn ranks<'a>(names: impl Iterator<Item = &'a str>) -> HashMap<&'a str, u32> {
    let sorted: BTreeSet<&str> = names.collect();
    sorted.into_iter().zip(0..).collect()
}
