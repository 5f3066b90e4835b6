//! The entries in order, and their sessions counted: what each reporter says of each domain on each day.
//!
//! `sts` and `tlsa` entries of one report and domain are the same sessions seen under two policies: of the two the
//! larger counts, entries of other types are added.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::rc::Rc;

use jiff::civil::Date;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};

use crate::assess::days::Numbers;
use crate::assess::dayset::DaySet;
use crate::assess::history::{Entry, Failure, History, Kind, Saying};
use crate::assess::policy::Policy;
use crate::assess::tlsa::{self, TlsaSet};

mod order;
mod row;
mod shelf;
mod span;

use order::{Key, in_order};
pub(in crate::assess) use row::Row;
use row::row;
use shelf::Shelf;
pub(in crate::assess) use span::{count_within, days_between, plus, rows_within, within};

/// Whose a domain is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Standing {
    /// One of ours; without a list in the configuration every domain is.
    Ours,
    /// Retired by a person, since this day.
    Retired(Date),
    /// Not in the configuration's list.
    Foreign,
}

/// An entry with what its text says.
#[derive(Debug)]
pub(in crate::assess) struct Read<'a> {
    pub(in crate::assess) entry: &'a Entry,
    /// Number of the MTA-STS policy that it shows.
    pub(in crate::assess) policy: Option<usize>,
    /// Number of the TLSA set that it shows.
    pub(in crate::assess) tlsa_set: Option<usize>,
    failures: Range<usize>,
}

/// The rows of one domain, by day, then by reporter.
#[derive(Debug)]
pub(in crate::assess) struct DomainRows<'a> {
    pub(in crate::assess) domain: &'a str,
    pub(in crate::assess) standing: Standing,
    pub(in crate::assess) rows: Vec<Row<'a>>,
}

/// All entries in order.
#[derive(Debug)]
pub(in crate::assess) struct Index<'a> {
    pub(in crate::assess) history: &'a History,
    /// By name.
    pub(in crate::assess) domains: Vec<DomainRows<'a>>,
    /// By domain, day, reporter and report.
    reads: Vec<Read<'a>>,
    /// By entry.
    failures: Vec<&'a Failure>,
    /// Since when what is retired is so.
    pub(in crate::assess) retired: BTreeMap<&'a str, Date>,
    /// MX hosts that any report has named.
    pub(in crate::assess) named_mx: BTreeSet<&'a str>,
    policies: Shelf<Policy>,
    tlsa_sets: Shelf<TlsaSet>,
}

impl<'a> Index<'a> {
    pub(in crate::assess) fn of(history: &'a History) -> Self {
        let retired = retired(history);
        let texts = shelf::texts(history);
        let policies = Shelf::of(&texts, "sts", Policy::read);
        let tlsa_sets = Shelf::of(&texts, "tlsa", tlsa::read);
        let mut failures: Vec<&Failure> = history.failures.iter().collect();
        failures.sort_by_key(|failure| failure.entry);
        let mut fails = vec![false; history.entries.len()];
        for failure in &failures {
            if let Some(fails) = fails.get_mut(failure.entry) {
                *fails = true;
            }
        }
        let keys = in_order(history);
        let reads: Vec<Read<'a>> = keys
            .iter()
            .filter_map(|key| {
                let entry = key.of(history)?;
                let at = key.entry();
                Some(Read {
                    entry,
                    policy: policies.find(&entry.policy),
                    tlsa_set: tlsa_sets.find(&entry.policy),
                    failures: if fails.get(at).is_some_and(|fails| *fails) {
                        of_entry(&failures, at)
                    } else {
                        0..0
                    },
                })
            })
            .collect();
        let mut domains: Vec<DomainRows<'a>> = Vec::new();
        let mut start = 0_usize;
        for chunk in keys.chunk_by(Key::is_same_row) {
            let end = start.saturating_add(chunk.len());
            let number = chunk.first().map_or(0, Key::reporter);
            if let Some((domain, row)) = row(&reads, start..end, number) {
                match domains.last_mut().filter(|last| last.domain == domain) {
                    Some(last) => last.rows.push(row),
                    None => domains.push(DomainRows {
                        domain,
                        standing: standing(history, &retired, domain),
                        rows: vec![row],
                    }),
                }
            }
            start = end;
        }
        let mut index = Self {
            history,
            domains,
            named_mx: named_mx(history, &reads),
            reads,
            failures,
            retired,
            policies,
            tlsa_sets,
        };
        index.take_mx_home();
        index
    }

    /// The entries behind a row.
    pub(in crate::assess) fn entries(&self, row: &Row<'_>) -> &[Read<'a>] {
        self.reads.get(row.reads.clone()).unwrap_or_default()
    }

    /// The entries behind a row that have failures, with these.
    pub(in crate::assess) fn failing(
        &self,
        row: &Row<'_>,
    ) -> impl Iterator<Item = (&Read<'a>, &[&'a Failure])> {
        let reads = self.entries(row).iter();
        reads
            .map(|read| {
                let failures = self.failures.get(read.failures.clone());
                (read, failures.unwrap_or_default())
            })
            .filter(|(_, failures)| !failures.is_empty())
    }

    /// The policy of this number.
    pub(in crate::assess) fn policy(&self, number: usize) -> Option<&Policy> {
        self.policies.values.get(number)
    }

    /// The TLSA set of this number.
    pub(in crate::assess) fn tlsa_set(&self, number: usize) -> Option<&TlsaSet> {
        self.tlsa_sets.values.get(number)
    }

    /// Whether all the MX hosts named were retired on that day.
    pub(in crate::assess) fn is_retired(&self, mx: &[String], day: Date) -> bool {
        let is_retired = |mx: &String| self.retired.get(mx.as_str()).is_some_and(|since| *since <= day);
        !mx.is_empty() && mx.iter().all(is_retired)
    }

    /// The domains that are ours.
    pub(in crate::assess) fn ours(&self) -> impl Iterator<Item = &DomainRows<'a>> {
        let is_ours = |rows: &&DomainRows<'_>| rows.standing == Standing::Ours && !rows.domain.is_empty();
        self.domains.iter().filter(is_ours)
    }

    /// The numbers of the policies that reports about a domain show.
    pub(in crate::assess) fn policies_of(&self, rows: &DomainRows<'_>) -> BTreeSet<usize> {
        let mut numbers = BTreeSet::new();
        let mut last = None;
        for read in rows.rows.iter().flat_map(|row| self.entries(row)) {
            if read.policy.is_some() && read.policy != last {
                numbers.extend(read.policy);
                last = read.policy;
            }
        }
        numbers
    }

    /// Postfix names the MX host as the domain of `tlsa` entries.
    fn take_mx_home(&mut self) {
        let history = self.history;
        for rows in &mut self.domains {
            if rows.standing == Standing::Foreign && rows.is_mx() && history.is_our_mx(rows.domain) {
                rows.standing = Standing::Ours;
            }
        }
    }
}

impl DomainRows<'_> {
    /// Whether all its entries are of type `tlsa`: then it is an MX host, or a domain without MTA-STS.
    pub(in crate::assess) fn is_mx(&self) -> bool {
        self.rows.iter().all(|row| !row.has.others)
    }
}

/// The patterns of a policy that an MX host matches (RFC 8461, Section 4.1).
pub(in crate::assess) fn pattern_for(mx: &str) -> Vec<String> {
    let wildcard = mx.split_once('.').map(|(_, rest)| format!("*.{rest}"));
    [Some(mx.to_owned()), wildcard].into_iter().flatten().collect()
}

/// The days of a reporter over all our domains, oldest first.
pub(in crate::assess) type Days = Vec<Date>;

/// The known days of each reporter over all our domains.
pub(in crate::assess) fn known_days<'a>(index: &Index<'a>) -> BTreeMap<&'a str, Days> {
    let mut known: FxHashMap<usize, (&'a str, DaySet)> = FxHashMap::default();
    let mut numbers = Numbers::default();
    for row in index.ours().flat_map(|rows| &rows.rows) {
        let (_, days) = known
            .entry(row.reporter_number)
            .or_insert_with(|| (row.reporter, DaySet::default()));
        days.insert(numbers.of(row.day));
    }
    known
        .into_values()
        .map(|(reporter, days)| (reporter, days.since(i32::MIN).collect()))
        .collect()
}

/// The places of an entry's failures among those in order.
fn of_entry(failures: &[&Failure], entry: usize) -> Range<usize> {
    let start = failures.partition_point(|failure| failure.entry < entry);
    let others = failures.iter().skip(start);
    let n = others.take_while(|failure| failure.entry == entry).count();
    start..start.saturating_add(n)
}

/// What people have retired, and since when.
fn retired(history: &History) -> BTreeMap<&str, Date> {
    let mut retired: BTreeMap<&str, Date> = BTreeMap::new();
    for remark in &history.remarks {
        if remark.saying == Saying::Retired {
            let since = retired.entry(&remark.about).or_insert(remark.day);
            *since = remark.day.min(*since);
        }
    }
    retired
}

/// By failures, or by `tlsa` entries of their own. `reads` are in the order of domains.
fn named_mx<'a>(history: &'a History, reads: &[Read<'a>]) -> BTreeSet<&'a str> {
    // Failures of a kind share it, and there are few kinds.
    let mut kinds: FxHashSet<*const Kind> = FxHashSet::default();
    let failures = history.failures.iter();
    let mut named: BTreeSet<&str> = failures
        .filter(|failure| kinds.insert(Rc::as_ptr(&failure.kind)))
        .flat_map(|failure| failure.mx.iter().map(String::as_str))
        .collect();
    let mut last = "";
    for Read { entry, .. } in reads
        .iter()
        .filter(|read| read.entry.policy.policy_type == "tlsa")
    {
        if last != &*entry.domain {
            named.insert(&entry.domain);
            last = &entry.domain;
        }
        if let [mx] = entry.policy.mx_host.as_slice() {
            named.insert(mx);
        }
    }
    named
}

fn standing(history: &History, retired: &BTreeMap<&str, Date>, domain: &str) -> Standing {
    let is_listed = |list: &[String]| list.iter().any(|listed| listed == domain);
    match retired.get(domain) {
        Some(since) => Standing::Retired(*since),
        None if history.our_domains.is_empty() => Standing::Ours,
        None if is_listed(&history.our_domains) || is_listed(&history.our_mx) => Standing::Ours,
        None => Standing::Foreign,
    }
}
