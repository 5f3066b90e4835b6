//! An old policy that is still applied, as a problem like others: the entries that show it, beyond its time.

use std::collections::{BTreeSet, HashSet};
use std::rc::Rc;

use super::Policy;
use super::walk::history as policy_history;
use crate::assess::cause::Cause;
use crate::assess::history::{Failure, History, PolicyText, Sum};
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
                cause: Cause::StalePolicy,
                place: Place::Policy(entry.domain.to_string()),
                failed: all,
                mx: Vec::new(),
                receiving_ips: Vec::new(),
                sending_ips: Vec::new(),
                reasons: Vec::new(),
                result_types: Vec::new(),
                failure_types: Vec::new(),
            }
        })
        .collect();
    history.failures.extend(stale);
}

/// Whether any domain has shown two texts: most never do, and then there is nothing to look at.
fn may_be_stale(history: &History) -> bool {
    // Texts are shared, so there are few.
    let mut texts: HashSet<*const PolicyText> = HashSet::new();
    let mut domains: HashSet<&str> = HashSet::new();
    history
        .entries
        .iter()
        .filter(|entry| texts.insert(Rc::as_ptr(&entry.policy)))
        .filter(|entry| entry.policy.policy_type == "sts" && !entry.policy.lines.is_empty())
        .any(|entry| !domains.insert(&entry.domain))
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
