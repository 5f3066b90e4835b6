//! Counting: failed and all connections by day and reporter, so that no session counts twice.
//!
//! `sts` and `tlsa` entries of one report are the same sessions seen under two policies: of the two the larger counts;
//! entries of other types are added, and so are the reports of a day.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use jiff::civil::Date;
use rustc_hash::{FxHashMap, FxHashSet};

use super::cause::{Cause, host_form};
use super::days::Numbers;
use super::dayset::DaySet;
use super::history::{Entry, Failure, History, Kind, PolicyText, Seen, Sum};
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
    /// The day's number.
    pub(super) number: i32,
    /// The reporter's place among all by name.
    pub(super) by: usize,
    /// Number of reporter and domain in the index.
    pub(super) pair: usize,
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

/// Indices of entries, with their days.
type OfDays = Vec<(Date, usize)>;

/// What a reporter says of a domain.
#[derive(Debug)]
pub(super) struct Pair<'h> {
    pub(super) reporter: &'h str,
    pub(super) domain: &'h str,
    /// The reporter's place among all by name.
    pub(super) by: usize,
    /// Whether the domain is an MX host.
    is_mx: bool,
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

impl<'h> Pair<'h> {
    fn new(seen: &'h Seen) -> Self {
        Self {
            reporter: &seen.reporter,
            domain: &seen.domain,
            by: 0,
            is_mx: false,
            entries: Vec::new(),
            known: DaySet::default(),
            connected: DaySet::default(),
            unreadable: DaySet::default(),
            proven: DaySet::default(),
        }
    }

    fn take(&mut self, history: &History, at: usize, entry: &Entry, number: i32) {
        self.entries.push((entry.day, at));
        let mut sum = Sum::default();
        sum.take(entry.ok);
        sum.take(entry.failed);
        self.known.insert(number);
        if sum.known > 0 {
            self.connected.insert(number);
        }
        if sum.at_least {
            self.unreadable.insert(number);
        }
        if !history.unproven.is_empty() && !history.unproven.contains(&entry.report) {
            self.proven.insert(number);
        }
    }
}

/// Entries by reporter and domain, in order of their days; and the MX hosts that anything names.
#[derive(Debug)]
pub(super) struct Index<'h> {
    pub(super) history: &'h History,
    pairs: Vec<Pair<'h>>,
    by_seen: FxHashMap<*const Seen, usize>,
    by_names: HashMap<(&'h str, &'h str), usize>,
    /// The pairs of a domain, by the reporter's name.
    of_domains: HashMap<&'h str, Vec<usize>>,
    mx: HashSet<String>,
    /// Policy domains that are MX hosts, by reporter and the zone above them.
    mx_domains: HashMap<(&'h str, &'h str), BTreeSet<&'h str>>,
}

impl<'h> Index<'h> {
    pub(super) fn new(history: &'h History) -> Self {
        let mut index = Self {
            history,
            pairs: Vec::new(),
            by_seen: FxHashMap::default(),
            by_names: HashMap::new(),
            of_domains: HashMap::new(),
            mx: history.our_mx.iter().map(|name| host_form(name)).collect(),
            mx_domains: HashMap::new(),
        };
        index.take_entries();
        let mut kinds: FxHashSet<*const Kind> = FxHashSet::default();
        for failure in &history.failures {
            if kinds.insert(Rc::as_ptr(&failure.kind)) {
                index.mx.extend(failure.mx.iter().cloned());
            }
        }
        let mut names: Vec<&str> = index.pairs.iter().map(|pair| pair.reporter).collect();
        names.sort_unstable();
        names.dedup();
        for (at, pair) in index.pairs.iter_mut().enumerate() {
            pair.by = names.binary_search(&pair.reporter).unwrap_or_default();
            pair.is_mx = index.mx.contains(pair.domain);
            pair.entries.sort_unstable();
            pair.entries.shrink_to_fit();
            index.of_domains.entry(pair.domain).or_default().push(at);
            if pair.is_mx {
                let key = (pair.reporter, zone(pair.domain));
                index.mx_domains.entry(key).or_default().insert(pair.domain);
            }
        }
        for pairs in index.of_domains.values_mut() {
            pairs.sort_unstable_by_key(|at| index.pairs.get(*at).map(|pair| pair.by));
        }
        index
    }

    fn take_entries(&mut self) {
        let mut policies: FxHashSet<*const PolicyText> = FxHashSet::default();
        let mut numbers = Numbers::default();
        for (at, entry) in self.history.entries.iter().enumerate() {
            let place = *self.by_seen.entry(Rc::as_ptr(&entry.seen)).or_insert_with(|| {
                let key = (&*entry.reporter, &*entry.domain);
                let place = *self.by_names.entry(key).or_insert_with(|| {
                    self.pairs.push(Pair::new(&entry.seen));
                    self.pairs.len().saturating_sub(1)
                });
                if policies.insert(Rc::as_ptr(&entry.policy)) {
                    let listed = super::spot::patterns(&entry.policy).into_iter();
                    self.mx.extend(listed.filter(|name| is_host(name)));
                }
                place
            });
            if let Some(pair) = self.pairs.get_mut(place) {
                pair.take(self.history, at, entry, numbers.of(entry.day));
            }
        }
    }

    /// Whether anything names this MX host.
    pub(super) fn is_mx(&self, name: &str) -> bool {
        self.mx.contains(name)
    }

    /// What each reports on a domain, by the reporter's name.
    pub(super) fn of_domain(&self, domain: &str) -> impl Iterator<Item = &Pair<'h>> + use<'_, 'h> {
        let places = self.of_domains.get(domain).into_iter().flatten();
        places.filter_map(|place| self.pairs.get(*place))
    }

    /// Who reports on a domain.
    pub(super) fn reporters(&self, domain: &str) -> impl Iterator<Item = &'h str> + use<'_, 'h> {
        self.of_domain(domain).map(|pair| pair.reporter)
    }

    /// The entries of a reporter on a domain, by day.
    pub(super) fn entries(&self, reporter: &'h str, domain: &'h str) -> &[(Date, usize)] {
        let pair = self.by_names.get(&(reporter, domain));
        let pair = pair.and_then(|place| self.pairs.get(*place));
        pair.map_or(&[], |pair| &pair.entries)
    }

    /// What a reporter says of a domain, by its number.
    pub(super) fn pair(&self, number: usize) -> Option<&Pair<'h>> {
        self.pairs.get(number)
    }

    /// The entries of a reporter on a domain and day.
    pub(super) fn on(&self, pair: &Pair<'h>, day: Date) -> impl Iterator<Item = &'h Entry> {
        on(&pair.entries, day).filter_map(|(_, at)| self.history.entries.get(*at))
    }

    /// All connections of the reporter of these rows to their domains on their day.
    pub(super) fn total(&self, rows: &[&Row<'h>]) -> Sum {
        let mut sessions = Sessions::default();
        let mut add = |pair: &Pair<'h>, day: Date| {
            for entry in self.on(pair, day) {
                let mut total = Sum::default();
                total.take(entry.ok);
                total.take(entry.failed);
                sessions.add(entry, total);
            }
        };
        let mut pairs: Vec<usize> = rows.iter().map(|row| row.pair).collect();
        pairs.sort_unstable();
        pairs.dedup();
        let pairs = || pairs.iter().filter_map(|place| self.pairs.get(*place));
        let Some(first) = rows.first() else {
            return Sum::default();
        };
        if pairs().any(|pair| pair.is_mx) {
            let domains = pairs().map(|pair| pair.domain).collect();
            for domain in self.with_other_mx(first.reporter(), &domains) {
                let pair = self.by_names.get(&(first.reporter(), domain));
                if let Some(pair) = pair.and_then(|place| self.pairs.get(*place)) {
                    add(pair, first.day());
                }
            }
        } else {
            pairs().for_each(|pair| add(pair, first.day()));
        }
        sessions.sum()
    }

    /// Where a policy domain is an MX host (DANE), the other MX hosts belong to the whole.
    fn with_other_mx(&self, reporter: &'h str, domains: &BTreeSet<&'h str>) -> BTreeSet<&'h str> {
        let mut all = domains.clone();
        for domain in domains.iter().filter(|domain| self.is_mx(domain)) {
            let others = self.mx_domains.get(&(reporter, zone(domain)));
            all.extend(others.into_iter().flatten());
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

/// What stands behind the first dot.
fn zone(domain: &str) -> &str {
    domain.split_once('.').map_or("", |(_, zone)| zone)
}

/// Sessions of one reporter's day by report and policy type.
#[derive(Debug, Default)]
pub(super) struct Sessions<'h> {
    /// Mostly there is one only.
    first: Option<(i64, &'h str, Sum)>,
    others: Vec<(i64, &'h str, Sum)>,
}

impl<'h> Sessions<'h> {
    fn add(&mut self, entry: &'h Entry, sum: Sum) {
        let one = (entry.report, &*entry.policy.policy_type, sum);
        if self.first.is_none() {
            self.first = Some(one);
        } else {
            self.others.push(one);
        }
    }

    /// Adds the good connections of an entry.
    pub(super) fn add_good(&mut self, entry: &'h Entry) {
        let mut good = Sum::default();
        good.take(entry.ok);
        self.add(entry, good);
    }

    pub(super) fn sum(self) -> Sum {
        let (first, mut sessions) = (self.first, self.others);
        if sessions.is_empty() {
            return first.map_or_else(Sum::default, |(.., sum)| sum);
        }
        sessions.extend(first);
        sessions.sort_unstable_by_key(|(report, ..)| *report);
        let mut all = Sum::default();
        for of_report in sessions.chunk_by(|one, other| one.0 == other.0) {
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

/// Failed connections by these rows of one reporter's day: of each entry the sum of its details, but no more than its
/// summary counts unless that counts none.
pub(super) fn failed<'r, 'h: 'r>(rows: impl Iterator<Item = &'r Row<'h>>) -> Sum {
    let mut rows: Vec<&Row<'h>> = rows.collect();
    rows.sort_unstable_by_key(|row| row.entry_at);
    failed_of(&rows)
}

/// As [`failed`] of rows in order of their entries.
pub(super) fn failed_of(rows: &[&Row<'_>]) -> Sum {
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
    let mut groups: Vec<((Cause, Place), Vec<Row<'h>>)> = Vec::new();
    // Failures of a kind share it, and there are few kinds.
    let mut places: FxHashMap<(*const Kind, bool), usize> = FxHashMap::default();
    let mut by_key: BTreeMap<(Cause, Place), usize> = BTreeMap::new();
    let mut numbers = Numbers::default();
    for (failure_at, failure) in index.history.failures.iter().enumerate() {
        let Some(entry) = index.history.entries.get(failure.entry) else {
            continue;
        };
        let Some(pair) = index.by_seen.get(&Rc::as_ptr(&entry.seen)).copied() else {
            continue;
        };
        let is_named = matches!(&failure.place, Place::Unnamed(domain)
            if entry.policy.policy_type == "tlsa" && index.is_mx(domain));
        let key = (Rc::as_ptr(&failure.kind), is_named);
        let at = *places.entry(key).or_insert_with(|| {
            let place = match &failure.place {
                Place::Unnamed(domain) if is_named => Place::Mx(domain.clone()),
                place => place.clone(),
            };
            let next = groups.len();
            *by_key.entry((failure.cause, place)).or_insert_with_key(|key| {
                groups.push((key.clone(), Vec::new()));
                next
            })
        });
        if let Some((_, rows)) = groups.get_mut(at) {
            rows.push(Row {
                entry,
                entry_at: failure.entry,
                failure,
                failure_at,
                number: numbers.of(entry.day),
                by: index.pairs.get(pair).map_or(0, |pair| pair.by),
                pair,
                is_joined: false,
            });
        }
    }
    groups.into_iter().collect()
}
