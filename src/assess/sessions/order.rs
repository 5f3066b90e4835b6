//! The order of entries: by domain, day, reporter and report.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use jiff::civil::Date;
use rustc_hash::FxHashMap;

use crate::assess::history::{Entry, History, Seen};

/// Where an entry stands in order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
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
        index(self.entry)
    }

    /// Stands for the reporter, in the order of names.
    pub(super) fn reporter(&self) -> usize {
        index(self.reporter)
    }

    pub(super) fn of<'h>(&self, history: &'h History) -> Option<&'h Entry> {
        history.entries.get(self.entry())
    }
}

pub(super) fn in_order(history: &History) -> Vec<Key> {
    let (ranks, n_domains) = ranks_of_seen(history);
    let of = |entry: &Entry| ranks.get(&Rc::as_ptr(&entry.seen)).copied().unwrap_or_default();
    // Where the next entry of each domain belongs.
    let mut next = vec![0_usize; n_domains];
    for entry in &history.entries {
        if let Some(n) = next.get_mut(index(of(entry).0)) {
            *n = n.saturating_add(1);
        }
    }
    let mut start = 0_usize;
    for n in &mut next {
        start = start.saturating_add(std::mem::replace(n, start));
    }
    let mut keys = vec![Key::default(); history.entries.len()];
    for (entry, at) in history.entries.iter().zip(0_u32..) {
        let (domain, reporter) = of(entry);
        let Some(next) = next.get_mut(index(domain)) else {
            continue;
        };
        if let Some(key) = keys.get_mut(*next) {
            *key = Key {
                domain,
                day: entry.day,
                reporter,
                entry: at,
            };
        }
        *next = next.saturating_add(1);
    }
    for domain in keys.chunk_by_mut(|one, other| one.domain == other.domain) {
        if !domain.is_sorted_by_key(|key| key.day) {
            domain.sort_unstable();
            continue;
        }
        // As the store gives them.
        for day in domain.chunk_by_mut(|one, other| one.day == other.day) {
            day.sort_unstable_by_key(|key| (key.reporter, key.entry));
        }
    }
    // Few rows have several, so that the report needn't be in all keys.
    for row in keys.chunk_by_mut(Key::is_same_row).filter(|row| row.len() > 1) {
        row.sort_unstable_by_key(|key| (key.of(history).map(|entry| entry.report), key.entry));
    }
    keys
}

fn index(rank: u32) -> usize {
    usize::try_from(rank).unwrap_or(usize::MAX)
}

/// The ranks of domain and reporter, and the number of domains. What is seen is shared, so there is little of it.
fn ranks_of_seen(history: &History) -> (FxHashMap<*const Seen, (u32, u32)>, usize) {
    let mut all: FxHashMap<*const Seen, &Seen> = FxHashMap::default();
    for entry in &history.entries {
        all.insert(Rc::as_ptr(&entry.seen), &entry.seen);
    }
    let domains = ranks(all.values().map(|seen| &*seen.domain));
    let reporters = ranks(all.values().map(|seen| &*seen.reporter));
    let rank = |ranks: &HashMap<&str, u32>, name: &str| ranks.get(name).copied().unwrap_or_default();
    let ranks = all.into_iter().map(|(at, seen)| {
        (
            at,
            (rank(&domains, &seen.domain), rank(&reporters, &seen.reporter)),
        )
    });
    (ranks.collect(), domains.len())
}

/// Each name's place in the alphabet, so that sorting compares numbers.
fn ranks<'a>(names: impl Iterator<Item = &'a str>) -> HashMap<&'a str, u32> {
    let sorted: BTreeSet<&str> = names.collect();
    sorted.into_iter().zip(0..).collect()
}
