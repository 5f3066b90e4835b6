//! DANE that is lost in silence: reporters that used to see TLSA records and don't any more.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::{TlsaDrift, place};
use crate::assess::drift::DriftEvent;
use crate::assess::sessions::{DomainRows, Index, pattern_for};

/// DANE is lost after so many known days without `tlsa` entries, and longer than ever before.
const LOST_DAYS: u64 = 3;

/// By reporter and day, about which place there were `tlsa` entries, if any.
type LookedUp<'a> = BTreeMap<usize, (&'a str, BTreeMap<Date, Option<&'a str>>)>;

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
        let mut days = LookedUp::new();
        look_up(index, rows, &mut days);
        for host in hosts_of.get(rows.domain).into_iter().flatten() {
            look_up(index, host, &mut days);
        }
        for event in days.values().flat_map(|(reporter, days)| lost_by(reporter, days)) {
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

fn look_up<'a>(index: &Index<'a>, rows: &DomainRows<'a>, days: &mut LookedUp<'a>) {
    for row in &rows.rows {
        let (_, days) = days
            .entry(row.reporter_number)
            .or_insert_with(|| (row.reporter, BTreeMap::new()));
        let seen = days.entry(row.day).or_default();
        if row.has.tlsa {
            let entries = index.entries(row).iter().map(|read| read.entry);
            let tlsa = entries.filter(|entry| entry.policy.policy_type == "tlsa");
            *seen = (*seen).max(tlsa.map(place).max());
        }
    }
}

/// A reporter's losses: known days without `tlsa` entries, three and more than ever before.
fn lost_by(reporter: &str, days: &BTreeMap<Date, Option<&str>>) -> Vec<DriftEvent> {
    let mut events = Vec::new();
    let (mut with, mut without, mut longest) = (0_u64, 0_u64, 0_u64);
    let mut last: Option<(Date, &str)> = None;
    for (day, seen) in days {
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
            events.push(DriftEvent::tlsa(place, (*day, reporter.to_owned(), what)));
        }
    }
    events
}
