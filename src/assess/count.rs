//! Counting: failed and all connections by day and reporter, so that no session counts twice.
//!
//! `sts` and `tlsa` entries of one report are the same sessions seen under two policies: of the two the larger counts;
//! entries of other types are added, and so are the reports of a day.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use jiff::civil::Date;

use super::cause::{Cause, host_form};
use super::history::{Entry, Failure, History, Sum};
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

/// Entries by reporter and domain, in order of their days; and the MX hosts that anything names.
#[derive(Debug)]
pub(super) struct Index<'h> {
    pub(super) history: &'h History,
    known: HashMap<(&'h str, &'h str), Vec<(Date, usize)>>,
    sessions: HashMap<(&'h str, &'h str), Vec<(Date, Sum)>>,
    reporters: HashMap<&'h str, BTreeSet<&'h str>>,
    mx: HashSet<String>,
    /// Policy domains that are MX hosts, by reporter and the zone above them.
    mx_domains: HashMap<(&'h str, &'h str), BTreeSet<&'h str>>,
}

impl<'h> Index<'h> {
    pub(super) fn new(history: &'h History) -> Self {
        let mut known: HashMap<(&str, &str), Vec<(Date, usize)>> = HashMap::new();
        let mut reporters: HashMap<&str, BTreeSet<&str>> = HashMap::new();
        let mut policies = HashSet::new();
        let mut mx: HashSet<String> = history.our_mx.iter().map(|name| host_form(name)).collect();
        for (at, entry) in history.entries.iter().enumerate() {
            let key = (&*entry.reporter, &*entry.domain);
            known.entry(key).or_default().push((entry.day, at));
            reporters.entry(key.1).or_default().insert(key.0);
            if policies.insert(std::rc::Rc::as_ptr(&entry.policy)) {
                let exact = super::spot::patterns(&entry.policy)
                    .into_iter()
                    .filter(|name| is_host(name));
                mx.extend(exact);
            }
        }
        let mut sessions = HashMap::new();
        for (key, days) in &mut known {
            days.sort_unstable();
            sessions.insert(*key, sessions_by_day(history, days));
        }
        mx.extend(
            history
                .failures
                .iter()
                .flat_map(|failure| failure.mx.iter().cloned()),
        );
        let mut mx_domains: HashMap<(&str, &str), BTreeSet<&str>> = HashMap::new();
        for (reporter, domain) in known.keys().filter(|(_, domain)| mx.contains(*domain)) {
            let zone = domain.split_once('.').map_or("", |(_, zone)| zone);
            mx_domains.entry((*reporter, zone)).or_default().insert(*domain);
        }
        Self {
            history,
            known,
            sessions,
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
        self.known.get(&(reporter, domain)).map_or(&[], Vec::as_slice)
    }

    /// The known days of a reporter for a domain; a sum above zero says that there were connections, no more: those of
    /// several entries may be the same.
    pub(super) fn sessions(&self, reporter: &'h str, domain: &'h str) -> &[(Date, Sum)] {
        self.sessions.get(&(reporter, domain)).map_or(&[], Vec::as_slice)
    }

    /// The entries of a reporter on a domain and day.
    pub(super) fn on(
        &self,
        reporter: &'h str,
        domain: &'h str,
        day: Date,
    ) -> impl Iterator<Item = (usize, &'h Entry)> + use<'_, 'h> {
        let entries = self.entries(reporter, domain);
        let start = entries.partition_point(|(other, _)| *other < day);
        entries
            .iter()
            .skip(start)
            .take_while(move |(other, _)| *other == day)
            .filter_map(|(_, at)| self.history.entries.get(*at).map(|entry| (*at, entry)))
    }

    /// Whether a report of proven origin tells of a reporter's day with a domain, or nobody looked.
    pub(super) fn is_proven(&self, reporter: &'h str, domain: &'h str, day: Date) -> bool {
        self.on(reporter, domain, day)
            .any(|(_, entry)| !self.history.unproven.contains(&entry.report))
    }

    /// The entries of a reporter on a domain, grouped by day, for those of these days that have some.
    pub(super) fn on_days<'i>(
        &'i self,
        reporter: &'h str,
        domain: &str,
        days: &'i BTreeSet<Date>,
    ) -> impl Iterator<Item = (Date, Vec<&'h Entry>)> + use<'i, 'h> {
        let domain = self.domain(domain);
        days.iter().filter_map(move |day| {
            let entries: Vec<&Entry> = self.on(reporter, domain?, *day).map(|(_, entry)| entry).collect();
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
        for domain in self.with_other_mx(reporter, domains) {
            for (_, entry) in self.on(reporter, domain, day) {
                let mut total = Sum::default();
                total.take(entry.ok);
                total.take(entry.failed);
                sessions.add(entry, total);
            }
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

fn sessions_by_day(history: &History, entries: &[(Date, usize)]) -> Vec<(Date, Sum)> {
    let mut days: Vec<(Date, Sum)> = Vec::new();
    for (day, at) in entries {
        let Some(entry) = history.entries.get(*at) else {
            continue;
        };
        let mut sum = Sum::default();
        sum.take(entry.ok);
        sum.take(entry.failed);
        match days.last_mut().filter(|(last, _)| last == day) {
            Some((_, all)) => all.add(sum),
            None => days.push((*day, sum)),
        }
    }
    days
}

/// Sessions of one reporter's day by report and policy type.
#[derive(Debug, Default)]
pub(super) struct Sessions<'h>(BTreeMap<i64, BTreeMap<&'h str, Sum>>);

impl<'h> Sessions<'h> {
    fn add(&mut self, entry: &'h Entry, sum: Sum) {
        let types = self.0.entry(entry.report).or_default();
        types.entry(&entry.policy.policy_type).or_default().add(sum);
    }

    /// Adds the good connections of an entry.
    pub(super) fn add_good(&mut self, entry: &'h Entry) {
        let mut good = Sum::default();
        good.take(entry.ok);
        self.add(entry, good);
    }

    pub(super) fn sum(&self) -> Sum {
        let mut sum = Sum::default();
        for types in self.0.values() {
            let of = |name: &str| types.get(name).copied().unwrap_or_default();
            sum.add(of("sts").larger(of("tlsa")));
            let others = types.iter().filter(|(name, _)| !matches!(**name, "sts" | "tlsa"));
            others.for_each(|(_, other)| sum.add(*other));
        }
        sum
    }
}

/// The failing days of these rows.
pub(super) fn days<'h>(index: &Index<'h>, rows: &[Row<'h>]) -> Days<'h> {
    let mut by_day: BTreeMap<(Date, &str), Vec<&Row<'h>>> = BTreeMap::new();
    for row in rows {
        by_day.entry((row.day(), row.reporter())).or_default().push(row);
    }
    let mut days = Days::new();
    for ((day, reporter), rows) in by_day {
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
    let mut by_entry: BTreeMap<usize, (&'h Entry, Sum, bool)> = BTreeMap::new();
    for row in rows {
        let (_, sum, is_bounded) = by_entry
            .entry(row.entry_at)
            .or_insert((row.entry, Sum::default(), false));
        sum.add(row.failure.failed);
        *is_bounded |= row.failure.cause != Cause::StalePolicy;
    }
    let mut sessions = Sessions::default();
    for (entry, mut sum, is_bounded) in by_entry.into_values() {
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
