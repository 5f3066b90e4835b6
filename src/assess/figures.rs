//! The figures of one problem, from its failures and its life.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use jiff::civil::Date;
use rustc_hash::FxHashMap;

use super::cause::Cause;
use super::count::{Index, Row};
use super::days::{after, number};
use super::dayset::DaySet;
use super::history::{PolicyText, Sum};
use super::impact::basis;
use super::life::Life;
use super::problem::{DayCount, Episode, Witness};
use super::spot::{most_first, patterns};

/// So many distinct reasons are shown.
const REASONS: usize = 5;

/// Failed and all connections by day and reporter, oldest first.
pub(super) fn day_counts(life: &Life<'_>) -> Vec<DayCount> {
    life.days
        .iter()
        .flat_map(|on| on.iter().map(move |(reporter, fail)| (on.day, reporter, fail)))
        .map(|(day, reporter, fail)| DayCount {
            day,
            reporter: reporter.to_owned(),
            failed: fail.failed,
            total: fail.total,
        })
        .collect()
}

/// Who saw an episode, most failed connections first.
pub(super) fn witnesses(
    index: &Index<'_>,
    life: &Life<'_>,
    episode: &Episode,
    rows: &[Row<'_>],
) -> Vec<Witness> {
    let mut of_reporters: Vec<Told> = vec![Told::default(); life.days.reporters.len()];
    for on in life.days.range(episode.first_day..=episode.last_day) {
        for (place, fail) in on.fails {
            if let Some(told) = of_reporters.get_mut(*place) {
                told.failed.add(fail.failed);
                told.total.add(fail.total);
                told.unspecified.add(fail.unspecified);
                told.days = Some((told.days.map_or(on.day, |(first, _)| first), on.day));
            }
        }
    }
    let mut rows: Vec<&Row<'_>> = rows.iter().collect();
    rows.sort_by_key(|row| row.by);
    let mut witnesses: Vec<Witness> = rows
        .chunk_by(|one, other| one.by == other.by)
        .filter_map(|rows| witness(index, life, episode, rows, &of_reporters))
        .collect();
    witnesses.sort_by_key(|witness| std::cmp::Reverse(witness.failed.known));
    witnesses
}

/// What a reporter says in an episode.
#[derive(Debug, Clone, Default)]
struct Told {
    failed: Sum,
    total: Sum,
    unspecified: Sum,
    /// The first and the last day.
    days: Option<(Date, Date)>,
}

/// The reporter of these rows.
fn witness(
    index: &Index<'_>,
    life: &Life<'_>,
    episode: &Episode,
    rows: &[&Row<'_>],
    of_reporters: &[Told],
) -> Option<Witness> {
    let first = rows.first()?;
    let place = life.days.place(first.by)?;
    let told = of_reporters.get(place)?;
    // Where none of its days lies in the episode: the ends the other way round.
    let (first_day, last_day) = told.days.unwrap_or((episode.last_day, episode.first_day));
    let known = life.known.at(place);
    let newest = known.map(|known| known.newest(index.history.today).unwrap_or(last_day));
    Some(Witness {
        reporter: first.reporter().to_owned(),
        failed: told.failed,
        total: told.total,
        first_day,
        last_day,
        unspecified: told.unspecified,
        is_vague: rows.iter().all(|row| row.failure.cause.is_vague()),
        names_no_mx: rows.iter().all(|row| row.failure.mx.is_empty()),
        clean_days: known.map_or_else(Vec::new, |known| known.clean_after(episode.last_day).collect()),
        newest_day: newest.unwrap_or(episode.last_day),
        is_unproven: rows
            .iter()
            .all(|row| index.history.unproven.contains(&row.entry.report)),
    })
}

/// The domains of these failures, most failed connections first.
pub(super) fn domains(rows: &[Row<'_>]) -> Vec<String> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for row in rows {
        let sum = counts.entry(&row.entry.domain).or_default();
        *sum = sum.saturating_add(row.failure.failed.known);
    }
    most_first(counts).into_iter().map(|(domain, _)| domain).collect()
}

/// The reasons given, most frequent first.
pub(super) fn reasons(rows: &[Row<'_>]) -> Vec<String> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for (reason, count) in rows.iter().flat_map(|row| row.failure.reasons()) {
        let sum = counts.entry(reason).or_default();
        *sum = sum.saturating_add(count);
    }
    let reasons = most_first(counts).into_iter().map(|(reason, _)| reason);
    reasons.take(REASONS).collect()
}

/// Their result types, sorted.
pub(super) fn result_types(rows: &[Row<'_>]) -> Vec<String> {
    let types: BTreeSet<&String> = rows.iter().flat_map(|row| &row.failure.result_types).collect();
    types.into_iter().cloned().collect()
}

/// Their ids in `failure_types`, sorted.
pub(super) fn failure_types(rows: &[Row<'_>]) -> Vec<i64> {
    let ids: BTreeSet<i64> = rows
        .iter()
        .flat_map(|row| &row.failure.failure_types)
        .copied()
        .collect();
    ids.into_iter().collect()
}

/// Whether a report of proven origin shows one of them, or nobody looked.
pub(super) fn is_proven(index: &Index<'_>, rows: &[Row<'_>]) -> bool {
    let unproven = &index.history.unproven;
    rows.iter().any(|row| !unproven.contains(&row.entry.report))
}

/// Their indices in the history, sorted.
pub(super) fn failures(rows: &[Row<'_>]) -> Vec<usize> {
    let at: BTreeSet<usize> = rows.iter().map(|row| row.failure_at).collect();
    at.into_iter().collect()
}

/// All connections of the witnesses on their failing days.
pub(super) fn total(witnesses: &[Witness]) -> Sum {
    let mut total = Sum::default();
    for witness in witnesses {
        total.add(witness.total);
    }
    total
}

/// The newest failing policy text that lists MX hosts or TLSA records.
pub(super) fn policy(rows: &[Row<'_>]) -> Option<PolicyText> {
    // Many rows share a policy.
    let mut says_something: FxHashMap<*const PolicyText, bool> = FxHashMap::default();
    rows.iter()
        .filter(|row| {
            let policy = &row.entry.policy;
            *says_something.entry(Rc::as_ptr(policy)).or_insert_with(|| {
                !patterns(policy).is_empty() || (policy.policy_type == "tlsa" && !policy.lines.is_empty())
            })
        })
        .max_by(|one, other| {
            if Rc::ptr_eq(&one.entry.policy, &other.entry.policy) {
                return one.number.cmp(&other.number);
            }
            let key = |row: &Row<'_>| (row.number, std::cmp::Reverse(basis(&row.entry.policy)));
            key(one)
                .cmp(&key(other))
                .then_with(|| one.entry.policy.cmp(&other.entry.policy))
        })
        .map(|row| PolicyText::clone(&row.entry.policy))
}

/// The days known to the witnesses of an episode, from its first failing day on.
pub(super) fn known_days(life: &Life<'_>, episode: &Episode, witnesses: &[Witness]) -> Vec<Date> {
    let mut days = DaySet::default();
    for witness in witnesses {
        if let Some(known) = life.known.get(witness.reporter.as_str()) {
            days.add(known.all());
        }
    }
    days.since(number(episode.first_day)).collect()
}

/// The last day on which a witness may use the copy of the policy that it last fetched.
pub(super) fn cached_until(
    index: &Index<'_>,
    cause: Cause,
    life: &Life<'_>,
    rows: &[Row<'_>],
) -> Option<Date> {
    if !cause.is_about_the_policy() {
        return None;
    }
    let pairs: BTreeSet<(&str, &str)> = rows
        .iter()
        .map(|row| (row.reporter(), &*row.entry.domain))
        .collect();
    let last = rows.iter().map(Row::day).max()?;
    pairs
        .into_iter()
        .filter_map(|(reporter, domain)| {
            let entries = index.entries(reporter, domain);
            let end = entries.partition_point(|(day, _)| *day <= last);
            entries.iter().take(end).rev().find_map(|(day, at)| {
                let is_failing = life.days.get(day).is_some_and(|by| by.contains_key(reporter));
                let entry = index.history.entries.get(*at).filter(|_| !is_failing)?;
                Some(after(*day, max_age(&entry.policy)?))
            })
        })
        .max()
}

/// `max_age` of a policy, in whole days.
fn max_age(policy: &PolicyText) -> Option<i64> {
    const DAY: i64 = 86_400;
    let lines = policy.lines.iter().flat_map(|line| line.lines());
    let (_, age) = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim().eq_ignore_ascii_case("max_age"))?;
    // RFC 8461, Section 3.2: at most a year.
    let age = age.trim().parse::<i64>().ok()?.clamp(0, 31_557_600);
    age.checked_div(DAY)
}
