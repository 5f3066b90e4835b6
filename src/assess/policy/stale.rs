//! An old policy that is still applied, as a problem like others: the entries that show it, beyond its time.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use rustc_hash::FxHashSet;

use super::Policy;
use super::walk::history as policy_history;
use crate::assess::cause::Cause;
use crate::assess::history::{Failure, History, Kind, PolicyText, Sum};
use crate::assess::place::Place;
use crate::assess::problem::Problem;
use crate::assess::sessions::{Index, Row};
use crate::assess::silence::Calendar;

/// Adds a failure of [`Cause::StalePolicy`] for each entry about a domain of ours that shows an old policy beyond its
/// time. All its connections are meant: nothing failed by it. Entries that have one already are left alone.
pub fn mark_stale(history: &mut History) {
    if !may_be_stale(history) {
        return;
    }
    let reports = stale_reports(history);
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

/// Whether any domain has shown two policies: most never do, and then there is nothing to look at.
fn may_be_stale(history: &History) -> bool {
    // Texts are shared, so there are few.
    let mut texts: FxHashSet<*const PolicyText> = FxHashSet::default();
    let mut policies: HashMap<&str, Policy> = HashMap::new();
    let entries = history.entries.iter();
    entries
        .filter(|entry| texts.insert(Rc::as_ptr(&entry.policy)))
        .any(|entry| {
            let Some(policy) = Policy::read(&entry.policy) else {
                return false;
            };
            let known = policies.entry(&entry.domain).or_insert_with(|| policy.clone());
            *known != policy
        })
}

/// The reports that show an old policy of a domain beyond its time.
fn stale_reports(history: &History) -> BTreeSet<(i64, Rc<str>)> {
    let index = Index::of(history);
    let calendar = Calendar::of(&index);
    let mut reports = BTreeSet::new();
    for rows in index.ours().filter(|rows| index.policies_of(rows).len() > 1) {
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
    let index = Index::of(history);
    let calendar = Calendar::of(&index);
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
