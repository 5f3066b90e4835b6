//! The entries in order, and their sessions counted: what each reporter says of each domain on each day.
//!
//! `sts` and `tlsa` entries of one report and domain are the same sessions seen under two policies: of the two the
//! larger counts, entries of other types are added.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::rc::Rc;

use jiff::ToSpan;
use jiff::civil::Date;

use super::history::{Entry, Failure, History, PolicyText, Saying, Sum};
use super::policy::{self, Policy};
use super::tlsa::{self, TlsaSet};

/// Whose a domain is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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
pub(super) struct Row<'a> {
    pub(super) day: Date,
    pub(super) reporter: &'a str,
    pub(super) n_reports: u64,
    pub(super) total: Sum,
    pub(super) failed: Sum,
    entries: Range<usize>,
}

/// The rows of one domain, by day, then by reporter.
#[derive(Debug)]
pub(super) struct DomainRows<'a> {
    pub(super) domain: &'a str,
    pub(super) standing: Standing,
    pub(super) rows: Vec<Row<'a>>,
}

/// All entries in order.
#[derive(Debug)]
pub(super) struct Index<'a> {
    pub(super) history: &'a History,
    /// By name.
    pub(super) domains: Vec<DomainRows<'a>>,
    order: Vec<usize>,
    /// The failures of an entry that has some.
    failures: HashMap<usize, Vec<&'a Failure>>,
    /// Since when what is retired is so.
    pub(super) retired: BTreeMap<&'a str, Date>,
    /// MX hosts that any report has named.
    pub(super) named_mx: BTreeSet<&'a str>,
    policies: Shelf<Policy>,
    tlsa_sets: Shelf<TlsaSet>,
}

/// What the distinct texts of the entries say, read once each; numbered in the order of their values.
#[derive(Debug)]
struct Shelf<T> {
    values: Vec<T>,
    // Entries mostly share their text; then its address alone says what it holds.
    of_address: HashMap<*const PolicyText, Option<usize>>,
}

impl<T: Ord + Clone> Shelf<T> {
    fn of(history: &History, policy_type: &str, read: fn(&PolicyText) -> Option<T>) -> Self {
        let texts: HashMap<*const PolicyText, &PolicyText> = history
            .entries
            .iter()
            .filter(|entry| entry.policy.policy_type == policy_type)
            .map(|entry| (Rc::as_ptr(&entry.policy), &*entry.policy))
            .collect();
        let mut read_texts: HashMap<&PolicyText, Option<T>> = HashMap::new();
        for text in texts.values() {
            read_texts.entry(text).or_insert_with(|| read(text));
        }
        let values: BTreeSet<T> = read_texts.values().flatten().cloned().collect();
        let values: Vec<T> = values.into_iter().collect();
        let of_text: HashMap<&PolicyText, usize> = read_texts
            .into_iter()
            .filter_map(|(text, value)| Some((text, values.binary_search(&value?).ok()?)))
            .collect();
        let of_address = texts
            .into_iter()
            .map(|(address, text)| (address, of_text.get(text).copied()))
            .collect();
        Self { values, of_address }
    }

    fn find(&self, text: &Rc<PolicyText>) -> Option<usize> {
        self.of_address.get(&Rc::as_ptr(text)).copied().flatten()
    }
}

impl<'a> Index<'a> {
    pub(super) fn of(history: &'a History) -> Self {
        let retired = retired(history);
        let (order, spans) = in_order(history);
        let mut domains: Vec<DomainRows<'a>> = Vec::new();
        for (domain, rows) in spans {
            domains.push(DomainRows {
                domain,
                standing: standing(history, &retired, domain),
                rows: rows
                    .into_iter()
                    .filter_map(|span| row(history, &order, span))
                    .collect(),
            });
        }
        let mut failures: HashMap<usize, Vec<&'a Failure>> = HashMap::new();
        for failure in &history.failures {
            failures.entry(failure.entry).or_default().push(failure);
        }
        let mut index = Self {
            history,
            domains,
            order,
            failures,
            retired,
            named_mx: named_mx(history),
            policies: Shelf::of(history, "sts", Policy::read),
            tlsa_sets: Shelf::of(history, "tlsa", tlsa::read),
        };
        index.take_mx_home();
        index
    }

    /// The entries behind a row.
    pub(super) fn entries(&self, row: &Row<'_>) -> impl Iterator<Item = &'a Entry> {
        let indices = self.order.get(row.entries.clone()).unwrap_or_default();
        indices.iter().filter_map(|i| self.history.entries.get(*i))
    }

    /// The entries behind a row that have failures, with these.
    pub(super) fn failing(&self, row: &Row<'_>) -> impl Iterator<Item = (&'a Entry, &[&'a Failure])> {
        let indices = self.order.get(row.entries.clone()).unwrap_or_default();
        indices.iter().filter_map(|i| {
            let failures = self.failures.get(i)?;
            Some((self.history.entries.get(*i)?, failures.as_slice()))
        })
    }

    /// Number of the MTA-STS policy that an entry shows.
    pub(super) fn policy_of(&self, entry: &Entry) -> Option<usize> {
        self.policies.find(&entry.policy)
    }

    /// The policy of this number.
    pub(super) fn policy(&self, number: usize) -> Option<&Policy> {
        self.policies.values.get(number)
    }

    /// Number of the TLSA set that an entry shows.
    pub(super) fn tlsa_set_of(&self, entry: &Entry) -> Option<usize> {
        self.tlsa_sets.find(&entry.policy)
    }

    /// The TLSA set of this number.
    pub(super) fn tlsa_set(&self, number: usize) -> Option<&TlsaSet> {
        self.tlsa_sets.values.get(number)
    }

    /// Whether all the MX hosts named were retired on that day.
    pub(super) fn is_retired(&self, mx: &[String], day: Date) -> bool {
        let is_retired = |mx: &String| self.retired.get(mx.as_str()).is_some_and(|since| *since <= day);
        !mx.is_empty() && mx.iter().all(is_retired)
    }

    /// The domains that are ours.
    pub(super) fn ours(&self) -> impl Iterator<Item = &DomainRows<'a>> {
        let is_ours = |rows: &&DomainRows<'_>| rows.standing == Standing::Ours && !rows.domain.is_empty();
        self.domains.iter().filter(is_ours)
    }

    /// Postfix names the MX host as the domain of `tlsa` entries: it is ours where a policy of ours lists it.
    fn take_mx_home(&mut self) {
        let numbers: BTreeSet<usize> = self
            .ours()
            .flat_map(|rows| &rows.rows)
            .flat_map(|row| self.entries(row))
            .filter_map(|entry| self.policy_of(entry))
            .collect();
        let patterns: BTreeSet<&str> = numbers
            .into_iter()
            .filter_map(|number| self.policy(number))
            .flat_map(|policy| policy.mx.iter().map(String::as_str))
            .collect();
        let home: Vec<usize> = self
            .domains
            .iter()
            .enumerate()
            .filter(|(_, rows)| rows.standing == Standing::Foreign)
            .filter(|(_, rows)| {
                patterns
                    .iter()
                    .any(|pattern| policy::matches(pattern, rows.domain))
            })
            .filter(|(_, rows)| {
                let mut entries = rows.rows.iter().flat_map(|row| self.entries(row));
                entries.all(|entry| entry.policy.policy_type == "tlsa")
            })
            .map(|(i, _)| i)
            .collect();
        for i in home {
            if let Some(rows) = self.domains.get_mut(i) {
                rows.standing = Standing::Ours;
            }
        }
    }
}

/// The days of a reporter over all our domains, oldest first.
pub(super) type Days = Vec<Date>;

/// The known days of each reporter over all our domains.
pub(super) fn known_days<'a>(index: &Index<'a>) -> BTreeMap<&'a str, Days> {
    let mut known: BTreeMap<&'a str, BTreeSet<Date>> = BTreeMap::new();
    for row in index.ours().flat_map(|rows| &rows.rows) {
        known.entry(row.reporter).or_default().insert(row.day);
    }
    known
        .into_iter()
        .map(|(reporter, days)| (reporter, days.into_iter().collect()))
        .collect()
}

/// `day` and so many days more.
pub(super) fn plus(day: Date, n: i64) -> Date {
    day.saturating_add(n.clamp(-7_000_000, 7_000_000).days())
}

/// How many days `later` is after `earlier`; negative if it is before.
pub(super) fn days_between(earlier: Date, later: Date) -> i64 {
    later.duration_since(earlier).as_hours() / 24
}

/// How many of the sorted `days` lie within.
pub(super) fn count_within(days: &[Date], first: Date, last: Date) -> usize {
    within(days, first, last).len()
}

/// Those of the sorted `days` that lie within.
pub(super) fn within(days: &[Date], first: Date, last: Date) -> &[Date] {
    let start = days.partition_point(|day| *day < first);
    let end = days.partition_point(|day| *day <= last);
    days.get(start..end).unwrap_or_default()
}

/// The rows of `rows` on these days; they are sorted by day.
pub(super) fn rows_within<'r, 'a>(rows: &'r [Row<'a>], first: Date, last: Date) -> &'r [Row<'a>] {
    let start = rows.partition_point(|row| row.day < first);
    let end = rows.partition_point(|row| row.day <= last);
    rows.get(start..end).unwrap_or_default()
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

/// By failures, or by `tlsa` entries of their own.
fn named_mx(history: &History) -> BTreeSet<&str> {
    let failures = history.failures.iter();
    let mut named: BTreeSet<&str> = failures
        .flat_map(|failure| failure.mx.iter().map(String::as_str))
        .collect();
    let tlsa = history
        .entries
        .iter()
        .filter(|entry| entry.policy.policy_type == "tlsa");
    for entry in tlsa {
        named.insert(&entry.domain);
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

type Spans<'a> = Vec<(&'a str, Vec<Range<usize>>)>;

/// The entries' indices by domain, day, reporter and report, and where each row of each domain begins and ends.
fn in_order(history: &History) -> (Vec<usize>, Spans<'_>) {
    let domain_of = ranks(history.entries.iter().map(|entry| &*entry.domain));
    let reporter_of = ranks(history.entries.iter().map(|entry| &*entry.reporter));
    let mut keyed: Vec<_> = history
        .entries
        .iter()
        .enumerate()
        .map(|(i, entry)| {
            let domain = domain_of.get(&*entry.domain).copied().unwrap_or_default();
            let reporter = reporter_of.get(&*entry.reporter).copied().unwrap_or_default();
            (domain, entry.day, reporter, entry.report, i)
        })
        .collect();
    keyed.sort_unstable();
    let mut spans: Spans<'_> = Vec::new();
    let mut start = 0_usize;
    for chunk in keyed.chunk_by(|a, b| (a.0, a.1, a.2) == (b.0, b.1, b.2)) {
        let end = start.saturating_add(chunk.len());
        let entry = chunk.first().and_then(|key| history.entries.get(key.4));
        if let Some(entry) = entry {
            if spans.last().is_none_or(|(domain, _)| *domain != &*entry.domain) {
                spans.push((&*entry.domain, Vec::new()));
            }
            if let Some((_, rows)) = spans.last_mut() {
                rows.push(start..end);
            }
        }
        start = end;
    }
    (keyed.into_iter().map(|key| key.4).collect(), spans)
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

fn row<'a>(history: &'a History, order: &[usize], span: Range<usize>) -> Option<Row<'a>> {
    let entries: Vec<&Entry> = order
        .get(span.clone())?
        .iter()
        .filter_map(|i| history.entries.get(*i))
        .collect();
    let first = entries.first()?;
    let (mut n_reports, mut total, mut failed) = (0_u64, Sum::default(), Sum::default());
    for report in entries.chunk_by(|a, b| a.report == b.report) {
        n_reports = n_reports.saturating_add(1);
        let of_type = |wanted: fn(&str) -> bool| {
            let (mut total, mut failed) = (Sum::default(), Sum::default());
            for entry in report.iter().filter(|entry| wanted(&entry.policy.policy_type)) {
                total.take(entry.ok);
                total.take(entry.failed);
                failed.take(entry.failed);
            }
            (total, failed)
        };
        let sts = of_type(|policy_type| policy_type == "sts");
        let tlsa = of_type(|policy_type| policy_type == "tlsa");
        let others = of_type(|policy_type| !matches!(policy_type, "sts" | "tlsa"));
        total.add(sts.0.larger(tlsa.0));
        total.add(others.0);
        failed.add(sts.1.larger(tlsa.1));
        failed.add(others.1);
    }
    Some(Row {
        day: first.day,
        reporter: &first.reporter,
        n_reports,
        total,
        failed,
        entries: span,
    })
}
