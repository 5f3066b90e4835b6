//! Counting: failed and all connections by day and reporter, so that no session counts twice.
//!
//! `sts` and `tlsa` entries of one report are the same sessions seen under two policies: of the two the larger counts;
//! entries of other types are added, and so are the reports of a day.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use jiff::civil::Date;
use rustc_hash::FxHashMap;

use super::cause::{Cause, host_form};
use super::dayset::DaySet;
use super::history::{Entry, Failure, History, Seen, Sum};
use super::place::{Place, is_host};

/// A failure as part of a problem.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'h> {
    pub(super) entry: &'h Entry,
    /// Index of the entry.
    pub(super) entry_at: usize,
    pub(super) failure: &'h Failure,
    /// Index of the failure.
    pub(super) failure_at: usize,
    /// Whether the problem's cause comes from another report.
    pub(super) is_joined: bool,
}

impl<'h> Row<'h> {
    pub(super) fn day(&self) -> Date {
        self.entry.day
    }

    pub(super) fn reporter(&self) -> &'h str {
        &self.entry.reporter
    }

    /// Whether the report counts these connections as successful.
    pub(super) fn is_in_spite(&self) -> bool {
        let is_failure = self.failure.cause != Cause::StalePolicy;
        is_failure && self.entry.failed == Some(0) && self.entry.ok.is_some_and(|ok| ok > 0)
    }
}

/// What one reporter says of a problem on one day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Fail {
    pub(super) failed: Sum,
    pub(super) total: Sum,
    /// Of the failed, those of joined rows.
    pub(super) unspecified: Sum,
    /// Whether the report counts all of them as successful.
    pub(super) is_in_spite: bool,
}

/// The failing days of a problem, each by reporter.
pub(super) type Days<'h> = BTreeMap<Date, BTreeMap<&'h str, Fail>>;

/// Indices of entries, with their days.
type OfDays = Vec<(Date, usize)>;

/// What a reporter says of a domain.
#[derive(Debug, Default)]
pub(super) struct Pair {
    /// By day.
    entries: OfDays,
    /// Days with an entry.
    pub(super) known: DaySet,
    /// Days with connections that can be counted.
    pub(super) connected: DaySet,
    /// Days with connections that can't.
    pub(super) unreadable: DaySet,
    /// Days with a report of proven origin; empty where nobody looked at any.
    pub(super) proven: DaySet,
}

impl Pair {
    fn new(history: &History, mut entries: OfDays) -> Self {
        entries.sort_unstable();
        entries.shrink_to_fit();
        let mut pair = Self::default();
        for (day, at) in &entries {
            let Some(entry) = history.entries.get(*at) else {
                continue;
            };
            let mut sum = Sum::default();
            sum.take(entry.ok);
            sum.take(entry.failed);
            pair.known.insert(*day);
            if sum.known > 0 {
                pair.connected.insert(*day);
            }
            if sum.at_least {
                pair.unreadable.insert(*day);
            }
            if !history.unproven.is_empty() && !history.unproven.contains(&entry.report) {
                pair.proven.insert(*day);
            }
        }
        pair.entries = entries;
        pair
    }
}

/// Entries by reporter and domain, in order of their days; and the MX hosts that anything names.
#[derive(Debug)]
pub(super) struct Index<'h> {
    pub(super) history: &'h History,
    pairs: HashMap<(&'h str, &'h str), Pair>,
    reporters: HashMap<&'h str, BTreeSet<&'h str>>,
    mx: HashSet<String>,
    /// Policy domains that are MX hosts, by reporter and the zone above them.
    mx_domains: HashMap<(&'h str, &'h str), BTreeSet<&'h str>>,
}

impl<'h> Index<'h> {
    pub(super) fn new(history: &'h History) -> Self {
        let mut by_seen: FxHashMap<*const Seen, (&Seen, OfDays)> = FxHashMap::default();
        for (at, entry) in history.entries.iter().enumerate() {
            let (_, days) = by_seen
                .entry(Rc::as_ptr(&entry.seen))
                .or_insert_with(|| (&entry.seen, Vec::new()));
            days.push((entry.day, at));
        }
        let mut known: HashMap<(&str, &str), Vec<(Date, usize)>> = HashMap::new();
        let mut reporters: HashMap<&str, BTreeSet<&str>> = HashMap::new();
        let mut policies = HashSet::new();
        let mut mx: HashSet<String> = history.our_mx.iter().map(|name| host_form(name)).collect();
        for (seen, mut days) in by_seen.into_values() {
            let key = (&*seen.reporter, &*seen.domain);
            known.entry(key).or_default().append(&mut days);
            reporters.entry(key.1).or_default().insert(key.0);
            if policies.insert(Rc::as_ptr(&seen.policy)) {
                let exact = super::spot::patterns(&seen.policy)
                    .into_iter()
                    .filter(|name| is_host(name));
                mx.extend(exact);
            }
        }
        let pairs: HashMap<(&str, &str), Pair> = known
            .into_iter()
            .map(|(key, entries)| (key, Pair::new(history, entries)))
            .collect();
        mx.extend(
            history
                .failures
                .iter()
                .flat_map(|failure| failure.mx.iter().cloned()),
        );
        let mut mx_domains: HashMap<(&str, &str), BTreeSet<&str>> = HashMap::new();
        for (reporter, domain) in pairs.keys().filter(|(_, domain)| mx.contains(*domain)) {
            let zone = domain.split_once('.').map_or("", |(_, zone)| zone);
            mx_domains.entry((*reporter, zone)).or_default().insert(*domain);
        }
        Self {
            history,
            pairs,
            reporters,
            mx,
            mx_domains,
        }
    }

    /// Whether anything names this MX host.
    pub(super) fn is_mx(&self, name: &str) -> bool {
        self.mx.contains(name)
    }

    /// Who reports on a domain.
    pub(super) fn reporters(&self, domain: &str) -> impl Iterator<Item = &'h str> + use<'_, 'h> {
        self.reporters.get(domain).into_iter().flatten().copied()
    }

    /// The entries of a reporter on a domain, by day.
    pub(super) fn entries(&self, reporter: &'h str, domain: &'h str) -> &[(Date, usize)] {
        self.pair(reporter, domain).map_or(&[], |pair| &pair.entries)
    }

    /// What a reporter says of a domain.
    pub(super) fn pair(&self, reporter: &'h str, domain: &'h str) -> Option<&Pair> {
        self.pairs.get(&(reporter, domain))
    }

    /// The entries of a reporter on a domain and day.
    pub(super) fn on(
        &self,
        reporter: &'h str,
        domain: &'h str,
        day: Date,
    ) -> impl Iterator<Item = (usize, &'h Entry)> + use<'_, 'h> {
        on(self.entries(reporter, domain), day)
            .filter_map(|(_, at)| self.history.entries.get(*at).map(|entry| (*at, entry)))
    }

    /// The entries of a reporter on a domain, grouped by day, for those of these days that have some.
    pub(super) fn on_days<'i>(
        &'i self,
        reporter: &'h str,
        domain: &str,
        days: &'i BTreeSet<Date>,
    ) -> impl Iterator<Item = (Date, Vec<&'h Entry>)> + use<'i, 'h> {
        let all = self
            .domain(domain)
            .map(|domain| self.entries(reporter, domain))
            .unwrap_or_default();
        days.iter().filter_map(move |day| {
            let entries = on(all, *day).filter_map(|(_, at)| self.history.entries.get(*at));
            let entries: Vec<&Entry> = entries.collect();
            (!entries.is_empty()).then_some((*day, entries))
        })
    }

    /// The domain of that name, if any entry is about it.
    pub(super) fn domain(&self, name: &str) -> Option<&'h str> {
        self.reporters.get_key_value(name).map(|(domain, _)| *domain)
    }

    /// All connections of a reporter to these domains on a day.
    fn total(&self, reporter: &'h str, domains: &BTreeSet<&'h str>, day: Date) -> Sum {
        let mut sessions = Sessions::default();
        let mut add = |domain: &'h str| {
            for (_, entry) in self.on(reporter, domain, day) {
                let mut total = Sum::default();
                total.take(entry.ok);
                total.take(entry.failed);
                sessions.add(entry, total);
            }
        };
        if domains.iter().any(|domain| self.is_mx(domain)) {
            self.with_other_mx(reporter, domains)
                .into_iter()
                .for_each(&mut add);
        } else {
            domains.iter().copied().for_each(&mut add);
        }
        sessions.sum()
    }

    /// Where a policy domain is an MX host (DANE), the other MX hosts belong to the whole.
    fn with_other_mx(&self, reporter: &'h str, domains: &BTreeSet<&'h str>) -> BTreeSet<&'h str> {
        let mut all = domains.clone();
        for domain in domains.iter().filter(|domain| self.is_mx(domain)) {
            let zone = domain.split_once('.').map_or("", |(_, zone)| zone);
            all.extend(self.mx_domains.get(&(reporter, zone)).into_iter().flatten());
        }
        all
    }
}

/// Those of the entries of a day.
fn on(entries: &[(Date, usize)], day: Date) -> impl Iterator<Item = &(Date, usize)> {
    let start = entries.partition_point(|(other, _)| *other < day);
    let entries = entries.get(start..).unwrap_or_default();
    entries.iter().take_while(move |(other, _)| *other == day)
}

/// Sessions of one reporter's day by report and policy type.
#[derive(Debug, Default)]
pub(super) struct Sessions<'h>(Vec<(i64, &'h str, Sum)>);

impl<'h> Sessions<'h> {
    fn add(&mut self, entry: &'h Entry, sum: Sum) {
        self.0.push((entry.report, &entry.policy.policy_type, sum));
    }

    /// Adds the good connections of an entry.
    pub(super) fn add_good(&mut self, entry: &'h Entry) {
        let mut good = Sum::default();
        good.take(entry.ok);
        self.add(entry, good);
    }

    pub(super) fn sum(mut self) -> Sum {
        self.0.sort_unstable_by_key(|(report, ..)| *report);
        let mut all = Sum::default();
        for of_report in self.0.chunk_by(|one, other| one.0 == other.0) {
            let (mut sts, mut tlsa) = (Sum::default(), Sum::default());
            for (_, policy_type, sum) in of_report {
                match *policy_type {
                    "sts" => sts.add(*sum),
                    "tlsa" => tlsa.add(*sum),
                    _ => all.add(*sum),
                }
            }
            all.add(sts.larger(tlsa));
        }
        all
    }
}

/// The failing days of these rows.
pub(super) fn days<'h>(index: &Index<'h>, rows: &[Row<'h>]) -> Days<'h> {
    let mut rows: Vec<&Row<'h>> = rows.iter().collect();
    rows.sort_by_key(|row| (row.day(), row.reporter()));
    let mut days = Days::new();
    for rows in rows.chunk_by(|one, other| (one.day(), one.reporter()) == (other.day(), other.reporter())) {
        let Some(first) = rows.first() else {
            continue;
        };
        let (day, reporter) = (first.day(), first.reporter());
        let domains: BTreeSet<&str> = rows.iter().map(|row| &*row.entry.domain).collect();
        let failed = failed(rows.iter().copied());
        let mut total = index.total(reporter, &domains, day);
        // Detected without being counted: mox does so for mail that was sent without encryption.
        total.known = total.known.max(failed.known);
        let fail = Fail {
            failed,
            total,
            unspecified: self::failed(rows.iter().copied().filter(|row| row.is_joined)),
            is_in_spite: rows.iter().all(|row| row.is_in_spite()),
        };
        days.entry(day).or_default().insert(reporter, fail);
    }
    days
}

/// Failed connections by these rows of one reporter's day: of each entry the sum of its details, but no more than its
/// summary counts unless that counts none.
pub(super) fn failed<'r, 'h: 'r>(rows: impl Iterator<Item = &'r Row<'h>>) -> Sum {
    let mut rows: Vec<&Row<'h>> = rows.collect();
    rows.sort_unstable_by_key(|row| row.entry_at);
    let mut sessions = Sessions::default();
    for of_entry in rows.chunk_by(|one, other| one.entry_at == other.entry_at) {
        let Some(entry) = of_entry.first().map(|row| row.entry) else {
            continue;
        };
        let mut sum = Sum::default();
        for row in of_entry {
            sum.add(row.failure.failed);
        }
        let is_bounded = of_entry.iter().any(|row| row.failure.cause != Cause::StalePolicy);
        if let Some(summary) = entry.failed.filter(|summary| *summary > 0 && is_bounded)
            && summary <= sum.known
        {
            sum = Sum {
                known: summary,
                at_least: false,
            };
        }
        sessions.add(entry, sum);
    }
    sessions.sum()
}

/// The rows of each cause and place.
pub(super) type Groups<'h> = BTreeMap<(Cause, Place), Vec<Row<'h>>>;

/// Rows by their own cause and place; an unnamed MX is named where the policy domain is one.
pub(super) fn groups<'h>(index: &Index<'h>) -> Groups<'h> {
    let mut groups = Groups::new();
    for (failure_at, failure) in index.history.failures.iter().enumerate() {
        let Some(entry) = index.history.entries.get(failure.entry) else {
            continue;
        };
        let place = match &failure.place {
            Place::Unnamed(domain) if entry.policy.policy_type == "tlsa" && index.is_mx(domain) => {
                Place::Mx(domain.clone())
            }
            place => place.clone(),
        };
        groups.entry((failure.cause, place)).or_default().push(Row {
            entry,
            entry_at: failure.entry,
            failure,
            failure_at,
            is_joined: false,
        });
    }
    groups
}
