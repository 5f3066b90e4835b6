//! DANE that is lost in silence: reporters that used to see TLSA records and don't any more.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use rustc_hash::FxHashSet;

use super::{TlsaDrift, place};
use crate::assess::drift::DriftEvent;
use crate::assess::sessions::{DomainRows, Index, pattern_for};

/// DANE is lost after so many known days without `tlsa` entries, and longer than ever before.
const LOST_DAYS: u64 = 3;

/// A known day of a reporter, and about which place there were `tlsa` entries, if any.
struct LookedUp<'a> {
    reporter_number: usize,
    reporter: &'a str,
    day: Date,
    seen: Option<&'a str>,
}

/// Reporters that used to see TLSA records of a domain's MX hosts and don't any more.
pub(super) fn lost(index: &Index<'_>) -> Vec<DriftEvent> {
    let (hosts, domains): (Vec<_>, Vec<_>) = index.ours().partition(|rows| rows.is_mx());
    if !hosts
        .iter()
        .chain(&domains)
        .any(|rows| rows.rows.iter().any(|row| row.has.tlsa))
    {
        return Vec::new();
    }
    let hosts_of = hosts_of(index, &hosts, &domains);
    let mut events: BTreeMap<String, DriftEvent> = BTreeMap::new();
    for rows in domains {
        let hosts = hosts_of.get(rows.domain).into_iter().flatten();
        let all: Vec<&DomainRows<'_>> = [rows].into_iter().chain(hosts.copied()).collect();
        let days = look_up(index, &all);
        let of_reporters = days.chunk_by(|one, other| one.reporter_number == other.reporter_number);
        for event in of_reporters.flat_map(lost_by) {
            events.entry(event.key.clone()).or_insert(event);
        }
    }
    events.into_values().collect()
}

/// The MX hosts that reports name as domains, by the domains whose policies list them or that stand above them.
fn hosts_of<'i, 'a>(
    index: &Index<'a>,
    hosts: &[&'i DomainRows<'a>],
    domains: &[&'i DomainRows<'a>],
) -> BTreeMap<&'a str, Vec<&'i DomainRows<'a>>> {
    let mut listed_by: BTreeMap<&str, BTreeSet<&'a str>> = BTreeMap::new();
    for rows in domains {
        for policy in index
            .policies_of(rows)
            .into_iter()
            .filter_map(|number| index.policy(number))
        {
            for pattern in &policy.mx {
                listed_by.entry(pattern).or_default().insert(rows.domain);
            }
        }
    }
    let names: BTreeSet<&'a str> = domains.iter().map(|rows| rows.domain).collect();
    let mut hosts_of: BTreeMap<&'a str, Vec<&'i DomainRows<'a>>> = BTreeMap::new();
    for host in hosts {
        let patterns = pattern_for(host.domain);
        let listed = patterns
            .iter()
            .filter_map(|pattern| listed_by.get(pattern.as_str()));
        let mut of_host: BTreeSet<&'a str> = listed.flatten().copied().collect();
        of_host.extend(above(host.domain).filter_map(|name| names.get(name)));
        for domain in of_host {
            hosts_of.entry(domain).or_default().push(host);
        }
    }
    hosts_of
}

/// The names above a name.
fn above(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(parent(name), |name| parent(name))
}

fn parent(name: &str) -> Option<&str> {
    name.split_once('.').map(|(_, rest)| rest)
}

/// The known days of the reporters that have ever sent `tlsa` entries: by reporter and day, of each day what is seen last.
fn look_up<'a>(index: &Index<'a>, all: &[&DomainRows<'a>]) -> Vec<LookedUp<'a>> {
    let rows = || all.iter().flat_map(|rows| &rows.rows);
    let with_tlsa: FxHashSet<usize> = rows()
        .filter(|row| row.has.tlsa)
        .map(|row| row.reporter_number)
        .collect();
    if with_tlsa.is_empty() {
        return Vec::new();
    }
    let mut days: Vec<LookedUp<'a>> = rows()
        .filter(|row| with_tlsa.contains(&row.reporter_number))
        .map(|row| {
            let entries = index.entries(row).iter().map(|read| read.entry);
            let tlsa = entries.filter(|entry| row.has.tlsa && entry.policy.policy_type == "tlsa");
            LookedUp {
                reporter_number: row.reporter_number,
                reporter: row.reporter,
                day: row.day,
                seen: tlsa.map(place).max(),
            }
        })
        .collect();
    days.sort_unstable_by_key(|at| (at.reporter_number, at.day, at.seen));
    days
}

/// A reporter's losses: known days without `tlsa` entries, three and more than ever before.
fn lost_by(days: &[LookedUp<'_>]) -> Vec<DriftEvent> {
    let mut events = Vec::new();
    let (mut with, mut without, mut longest) = (0_u64, 0_u64, 0_u64);
    let mut last: Option<(Date, &str)> = None;
    for of_day in days.chunk_by(|one, other| one.day == other.day) {
        let Some(LookedUp {
            day, seen, reporter, ..
        }) = of_day.last()
        else {
            continue;
        };
        if let Some(place) = *seen {
            longest = longest.max(without);
            (with, without, last) = (with.saturating_add(1), 0, Some((*day, place)));
            continue;
        }
        let Some((last_seen, place)) = last.filter(|_| with >= 2) else {
            continue;
        };
        without = without.saturating_add(1);
        if without == LOST_DAYS.max(longest.saturating_add(1)) {
            let what = TlsaDrift::Lost {
                last_seen,
                days: without,
            };
            events.push(DriftEvent::tlsa(place, (*day, (*reporter).to_owned(), what)));
        }
    }
    events
}
