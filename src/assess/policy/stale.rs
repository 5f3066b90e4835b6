//! An old policy that is still applied, as a problem like others: the entries that show it, beyond its time.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::walk::history as policy_history;
use super::{Policy, Text, Texts};
use crate::assess::cause::Cause;
use crate::assess::history::{Entry, Failure, History, Kind, Seen, Sum};
use crate::assess::place::Place;
use crate::assess::problem::Problem;
use crate::assess::sessions::{Index, Row};
use crate::assess::silence::Calendar;

/// Adds a failure of [`Cause::StalePolicy`] for each entry about a domain of ours that shows an old policy beyond its
/// time. All its connections are meant: nothing failed by it. Entries that have one already are left alone.
pub fn mark_stale(history: &mut History) {
    let suspects = suspects(history);
    if suspects.is_empty() {
        return;
    }
    let reports = stale_reports(history, &suspects);
    let marked: BTreeSet<usize> = history
        .failures
        .iter()
        .filter(|failure| failure.cause == Cause::StalePolicy)
        .map(|failure| failure.entry)
        .collect();
    let entries = history.entries.iter().enumerate();
    let stale: Vec<Failure> = entries
        .filter(|(at, entry)| {
            reports.contains(&(entry.report, Rc::clone(&entry.domain)))
                && !marked.contains(at)
                && Policy::read(&entry.policy).is_some()
        })
        .map(|(at, entry)| {
            let mut all = Sum::default();
            all.take(entry.ok);
            all.take(entry.failed);
            Failure {
                entry: at,
                failed: all,
                kind: kind(&entry.domain),
                details: Box::default(),
            }
        })
        .collect();
    history.failures.extend(stale);
}

fn kind(domain: &str) -> Rc<Kind> {
    Rc::new(Kind {
        cause: Cause::StalePolicy,
        place: Place::Policy(domain.to_owned()),
        mx: Vec::new(),
        result_types: Vec::new(),
        failure_types: Vec::new(),
    })
}

/// Numbers of the sender of a domain and of the domain, and the text that is shown.
type Of = ((usize, usize), Text);

/// The domains of which an entry may show an old policy for too long. Most never do, and then there is nothing to look at.
fn suspects(history: &History) -> BTreeSet<Rc<str>> {
    let mut texts = Texts::default();
    // What is seen is shared, so there is little of it.
    let mut shown: FxHashMap<*const Seen, Option<Of>> = FxHashMap::default();
    let (mut senders, mut domains) = (HashMap::new(), HashMap::new());
    let mut entries: Vec<&Entry> = history.older.iter().chain(&history.entries).collect();
    // Both are sorted mostly, and then this is cheap.
    entries.sort_by_key(|entry| entry.day);
    let mut suspects = BTreeSet::new();
    for entry in entries {
        let shown = shown.entry(Rc::as_ptr(&entry.seen)).or_insert_with(|| {
            let text = texts.text(&entry.policy)?;
            let n = domains.len();
            let domain = *domains.entry(Rc::clone(&entry.domain)).or_insert(n);
            let n = senders.len();
            let sender = *senders.entry((Rc::clone(&entry.reporter), domain)).or_insert(n);
            Some(((sender, domain), text))
        });
        if let Some((of, text)) = *shown
            && texts.take(of, text, entry.day).is_late
        {
            suspects.insert(Rc::clone(&entry.domain));
        }
    }
    suspects
}

/// What is known of these domains alone, with the entries that tell since when which policy is shown.
fn with_older(history: &History, domains: &BTreeSet<Rc<str>>) -> History {
    let domains: Vec<String> = domains.iter().map(ToString::to_string).collect();
    let mut history = history.clone().of_domains(&domains);
    // Behind the others, so that failures stay at their entries.
    history.entries.append(&mut history.older);
    history
}

/// The reports that show an old policy of a domain beyond its time.
fn stale_reports(history: &History, suspects: &BTreeSet<Rc<str>>) -> BTreeSet<(i64, Rc<str>)> {
    let whole = Index::of(history);
    let calendar = Calendar::of(&whole);
    let history = with_older(history, suspects);
    let index = Index::of(&history);
    let mut reports = BTreeSet::new();
    for rows in index.ours() {
        let stale: BTreeSet<_> = policy_history(&index, rows, &calendar)
            .stale
            .into_iter()
            .map(|stale| (stale.day, stale.reporter))
            .collect();
        let is_stale = |row: &&Row<'_>| stale.contains(&(row.day, row.reporter.to_owned()));
        for read in rows
            .rows
            .iter()
            .filter(is_stale)
            .flat_map(|row| index.entries(row))
        {
            reports.insert((read.entry.report, Rc::clone(&read.entry.domain)));
        }
    }
    reports
}

/// Tells of each problem with an old policy since when there is a newer one.
pub(in crate::assess) fn tell_since(history: &History, problems: &mut [Problem]) {
    let is_stale = |problem: &Problem| problem.cause == Cause::StalePolicy;
    if !problems.iter().any(is_stale) {
        return;
    }
    let domains: BTreeSet<Rc<str>> = problems
        .iter()
        .filter(|problem| is_stale(problem))
        .map(|problem| Rc::from(problem.place.name()))
        .collect();
    let whole = Index::of(history);
    let calendar = Calendar::of(&whole);
    let history = with_older(history, &domains);
    let index = Index::of(&history);
    for problem in problems.iter_mut().filter(|problem| is_stale(problem)) {
        let rows = index.ours().find(|rows| rows.domain == problem.place.name());
        let last = problem.episode().map(|episode| episode.last_day);
        problem.newer_since = rows.and_then(|rows| {
            let stale = policy_history(&index, rows, &calendar).stale;
            let last = stale.into_iter().rev().find(|stale| Some(stale.day) == last);
            last.map(|stale| stale.changed)
        });
    }
}
