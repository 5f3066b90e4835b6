//! Whose a problem is: yours, only one sender's, or it can't be told.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use rustc_hash::FxHashSet;

use super::cause::Cause;
use super::count::{Index, Row, Sessions};
use super::days::date;
use super::dayset::DaySet;
use super::history::{PolicyText, Seen};
use super::place::Place;
use super::problem::{Unaffected, Whose};

/// A reporter with fewer good connections proves nothing by not seeing a problem.
const LEAST_GOOD: u64 = 20;

/// The reporters that could have seen the failures and did not: with good connections on the failing days to the same
/// domain (for DANE also to the same MX) under the same policy type.
pub(super) fn unaffected(
    index: &Index<'_>,
    cause: Cause,
    place: &Place,
    rows: &[Row<'_>],
) -> Vec<Unaffected> {
    let mut days = DaySet::default();
    let mut witnesses: Vec<usize> = Vec::new();
    for row in rows {
        days.insert(row.number);
        witnesses.push(row.by);
    }
    witnesses.sort_unstable();
    witnesses.dedup();
    let mut types: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut seen: FxHashSet<*const Seen> = FxHashSet::default();
    for row in rows.iter().filter(|row| seen.insert(Rc::as_ptr(&row.entry.seen))) {
        let policy_type: &str = &row.entry.policy.policy_type;
        types.entry(&row.entry.domain).or_default().insert(policy_type);
        if policy_type == "tlsa" {
            types.entry(place.name()).or_default().insert(policy_type);
        }
    }
    let is_able = |domain: &str, policy_type: &str| {
        let is_same = types.get(domain).is_some_and(|types| types.contains(policy_type));
        // Without a policy many senders say nothing of missing encryption, so their silence proves nothing.
        is_same || (cause == Cause::NoStarttls && matches!(policy_type, "sts" | "tlsa"))
    };
    let mut good: BTreeMap<(usize, &str), u64> = BTreeMap::new();
    for domain in types.keys() {
        let others = index.of_domain(domain);
        for pair in others.filter(|pair| witnesses.binary_search(&pair.by).is_err()) {
            // Without a connection none was good.
            for day in days.common(&pair.connected).map(date) {
                let mut sessions = Sessions::default();
                for entry in index.on(pair, day) {
                    // What anybody may have written refutes nothing.
                    let is_proven = !index.history.unproven.contains(&entry.report);
                    if is_proven && is_able(domain, &entry.policy.policy_type) {
                        sessions.add_good(entry);
                    }
                }
                let sum = good.entry((pair.by, pair.reporter)).or_default();
                *sum = sum.saturating_add(sessions.sum().known);
            }
        }
    }
    let mut unaffected: Vec<Unaffected> = good
        .into_iter()
        .filter(|(_, ok)| *ok > 0)
        .map(|((_, reporter), ok)| Unaffected {
            reporter: reporter.to_owned(),
            ok,
        })
        .collect();
    unaffected.sort_by_key(|unaffected| std::cmp::Reverse(unaffected.ok));
    unaffected
}

/// Whose the failures of one episode are; what only the look at all problems shows (C20) comes later. Reports of
/// unproven origin confirm nothing.
pub(super) fn whose(index: &Index<'_>, cause: Cause, rows: &[Row<'_>], unaffected: &[Unaffected]) -> Whose {
    let is_of_proven_origin = |row: &&Row<'_>| !index.history.unproven.contains(&row.entry.report);
    let proven: Vec<Row<'_>> = rows.iter().filter(is_of_proven_origin).copied().collect();
    let reporters: BTreeSet<&str> = proven.iter().map(Row::reporter).collect();
    if is_proven(cause, &proven) {
        Whose::YoursProven
    } else if is_proven(cause, rows) {
        // The report would prove it, if it were one.
        Whose::CantTell
    } else if reporters.len() >= 2 {
        Whose::YoursSeen
    } else if unaffected.iter().any(|unaffected| unaffected.ok >= LEAST_GOOD) {
        Whose::OnlyOne
    } else {
        Whose::CantTell
    }
}

/// Whether a report alone proves that the fault is on our side.
fn is_proven(cause: Cause, rows: &[Row<'_>]) -> bool {
    match cause {
        Cause::MxNotInPolicy | Cause::TlsaUnusable => !rows.is_empty(),
        Cause::PolicyInvalid => rows.iter().any(|row| is_text_invalid(&row.entry.policy)),
        _ => false,
    }
}

/// Whether the text of an MTA-STS policy, if a report shows one, breaks RFC 8461, Section 3.2.
fn is_text_invalid(policy: &PolicyText) -> bool {
    let lines = || policy.lines.iter().flat_map(|line| line.lines()).map(str::trim);
    let value = |key: &str| {
        lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.trim() == key)
            .map(|(_, value)| value.trim())
    };
    if lines().all(str::is_empty) {
        return false;
    }
    let is_max_age =
        value("max_age").is_some_and(|age| age.parse::<u32>().is_ok_and(|age| age <= 31_557_600));
    let is_mode = matches!(value("mode"), Some("enforce" | "testing" | "none"));
    let has_mx = value("mx").is_some() || value("mode") == Some("none");
    !(value("version") == Some("STSv1") && is_mode && is_max_age && has_mx)
}
