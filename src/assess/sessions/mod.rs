//! The entries in order, and their sessions counted: what each reporter says of each domain on each day.
//!
//! `sts` and `tlsa` entries of one report and domain are the same sessions seen under two policies: of the two the
//! larger counts, entries of other types are added.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::rc::Rc;

use jiff::civil::Date;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::assess::history::{Entry, Failure, History, Saying, Seen, Sum};
use crate::assess::policy::Policy;
use crate::assess::tlsa::{self, TlsaSet};

mod shelf;
mod span;

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

/// What one reporter says of one domain on one day: a known day.
#[derive(Debug, Clone)]
pub(in crate::assess) struct Row<'a> {
    pub(in crate::assess) day: Date,
    pub(in crate::assess) reporter: &'a str,
    pub(in crate::assess) n_reports: u64,
    pub(in crate::assess) total: Sum,
    pub(in crate::assess) failed: Sum,
    /// Whether it has entries of type `sts`, `tlsa`, `no-policy-found`, and of others than `tlsa`.
    pub(in crate::assess) has: Has,
    /// Stands for the reporter, in the order of names.
    pub(in crate::assess) reporter_number: usize,
    reads: Range<usize>,
}

/// Which policy types there are.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "a set of types")]
pub(in crate::assess) struct Has {
    pub(in crate::assess) sts: bool,
    /// A policy's text.
    pub(in crate::assess) text: bool,
    pub(in crate::assess) tlsa: bool,
    pub(in crate::assess) not_found: bool,
    /// Any but `tlsa`.
    pub(in crate::assess) others: bool,
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
        let policies = Shelf::of(history, "sts", Policy::read);
        let tlsa_sets = Shelf::of(history, "tlsa", tlsa::read);
        let mut failures: Vec<&Failure> = history.failures.iter().collect();
        failures.sort_by_key(|failure| failure.entry);
        let keys = in_order(history);
        let reads: Vec<Read<'a>> = keys
            .iter()
            .filter_map(|key| {
                let entry = key.of(history)?;
                let at = usize::try_from(key.entry).ok()?;
                let start = failures.partition_point(|failure| failure.entry < at);
                let n = failures
                    .iter()
                    .skip(start)
                    .take_while(|failure| failure.entry == at);
                Some(Read {
                    entry,
                    policy: policies.find(&entry.policy),
                    tlsa_set: tlsa_sets.find(&entry.policy),
                    failures: start..start.saturating_add(n.count()),
                })
            })
            .collect();
        let mut domains: Vec<DomainRows<'a>> = Vec::new();
        let mut start = 0_usize;
        for chunk in keys.chunk_by(Key::is_same_row) {
            let end = start.saturating_add(chunk.len());
            let number = chunk.first().and_then(|key| usize::try_from(key.reporter).ok());
            let number = number.unwrap_or_default();
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

    /// Postfix names the MX host as the domain of `tlsa` entries: it is ours where a policy of ours lists it.
    fn take_mx_home(&mut self) {
        if self.domains.iter().all(|rows| rows.standing != Standing::Foreign) {
            return;
        }
        let numbers: BTreeSet<usize> = self.ours().flat_map(|rows| self.policies_of(rows)).collect();
        let patterns: BTreeSet<String> = numbers
            .into_iter()
            .filter_map(|number| self.policy(number))
            .flat_map(|policy| policy.mx.iter().cloned())
            .collect();
        let listed = |mx: &str| pattern_for(mx).iter().any(|pattern| patterns.contains(pattern));
        for rows in &mut self.domains {
            if rows.standing == Standing::Foreign && rows.is_mx() && listed(rows.domain) {
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
    let mut known: BTreeMap<usize, (&'a str, Days)> = BTreeMap::new();
    for row in index.ours().flat_map(|rows| &rows.rows) {
        let (_, days) = known
            .entry(row.reporter_number)
            .or_insert((row.reporter, Days::new()));
        if days.last() != Some(&row.day) {
            days.push(row.day);
        }
    }
    known
        .into_values()
        .map(|(reporter, mut days)| {
            days.sort_unstable();
            days.dedup();
            (reporter, days)
        })
        .collect()
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
    let failures = history.failures.iter();
    let mut named: BTreeSet<&str> = failures
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

/// Where an entry stands in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    domain: u32,
    day: Date,
    reporter: u32,
    entry: u32,
}

impl Key {
    fn is_same_row(&self, other: &Self) -> bool {
        (self.domain, self.day, self.reporter) == (other.domain, other.day, other.reporter)
    }

    fn of<'h>(&self, history: &'h History) -> Option<&'h Entry> {
        history.entries.get(usize::try_from(self.entry).ok()?)
    }
}

fn in_order(history: &History) -> Vec<Key> {
    let mut ranks: FxHashMap<*const Seen, (u32, u32)> = FxHashMap::default();
    let mut seen: Vec<&Seen> = Vec::new();
    for entry in &history.entries {
        ranks.entry(Rc::as_ptr(&entry.seen)).or_insert_with(|| {
            seen.push(&entry.seen);
            (0, 0)
        });
    }
    let domains = self::ranks(seen.iter().map(|seen| &*seen.domain));
    let reporters = self::ranks(seen.iter().map(|seen| &*seen.reporter));
    for seen in seen {
        let rank = |ranks: &HashMap<&str, u32>, name: &str| ranks.get(name).copied().unwrap_or_default();
        ranks.insert(
            seen,
            (rank(&domains, &seen.domain), rank(&reporters, &seen.reporter)),
        );
    }
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
    for row in keys.chunk_by_mut(Key::is_same_row).filter(|row| row.len() > 1) {
        row.sort_unstable_by_key(|key| (key.of(history).map(|entry| entry.report), key.entry));
    }
    keys
}

/// Each name's place in the alphabet, so that sorting compares numbers.
fn ranks<'a>(names: impl Iterator<Item = &'a str>) -> HashMap<&'a str, u32> {
    let sorted: BTreeSet<&str> = names.collect();
    sorted.into_iter().zip(0..).collect()
}

/// The row of these entries, with its domain.
fn row<'a>(reads: &[Read<'a>], span: Range<usize>, reporter_number: usize) -> Option<(&'a str, Row<'a>)> {
    let of_row = reads.get(span.clone())?;
    let first = of_row.first()?.entry;
    let mut row = Row {
        day: first.day,
        reporter: &first.reporter,
        n_reports: 0,
        total: Sum::default(),
        failed: Sum::default(),
        has: Has::default(),
        reporter_number,
        reads: span,
    };
    for report in of_row.chunk_by(|a, b| a.entry.report == b.entry.report) {
        row.n_reports = row.n_reports.saturating_add(1);
        // All and failed connections by type.
        let (mut sts, mut tlsa, mut others) = <((Sum, Sum), (Sum, Sum), (Sum, Sum))>::default();
        for Read { entry, policy, .. } in report {
            let sums = match entry.policy.policy_type.as_str() {
                "sts" => &mut sts,
                "tlsa" => &mut tlsa,
                _ => &mut others,
            };
            sums.0.take(entry.ok);
            sums.0.take(entry.failed);
            sums.1.take(entry.failed);
            row.has.take(&entry.policy.policy_type, policy.is_some());
        }
        row.total.add(sts.0.larger(tlsa.0));
        row.total.add(others.0);
        row.failed.add(sts.1.larger(tlsa.1));
        row.failed.add(others.1);
    }
    Some((&first.domain, row))
}

impl Has {
    fn take(&mut self, policy_type: &str, has_text: bool) {
        self.text |= has_text;
        self.others |= policy_type != "tlsa";
        match policy_type {
            "sts" => self.sts = true,
            "tlsa" => self.tlsa = true,
            "no-policy-found" => self.not_found = true,
            _ => {}
        }
    }
}
