//! What enforce would have held.

use std::collections::BTreeSet;

use jiff::civil::Date;

use super::{Case, Ledger, WINDOW_DAYS};
use crate::assess::cause::Cause;
use crate::assess::history::{Failure, Sum};
use crate::assess::sessions::{Index, Read, Row, plus};

/// What one reporter says of one day in testing.
pub(super) struct TestingDay<'a> {
    pub(super) day: Date,
    pub(super) reporter: &'a str,
    pub(super) total: Sum,
    /// Connections that enforce would have held.
    pub(super) held: Sum,
    /// Whether the origin of one of its reports is proven, or nobody looked: others make nothing ready.
    pub(super) is_proven: bool,
}

pub(super) fn testing_days<'a>(case: &Case<'_, 'a>) -> Vec<TestingDay<'a>> {
    let days = case.rows.rows.iter();
    days.filter_map(|row| testing_day(case.index, row)).collect()
}

fn testing_day<'a>(index: &Index<'_>, row: &Row<'a>) -> Option<TestingDay<'a>> {
    let is_testing = |read: &Read<'_>| {
        let policy = read.policy.and_then(|number| index.policy(number));
        policy.is_some_and(|policy| policy.mode == "testing")
    };
    let (mut total, mut held, mut any) = (Sum::default(), Sum::default(), false);
    let mut is_proven = false;
    for read in index.entries(row).iter().filter(|read| is_testing(read)) {
        total.take(read.entry.ok);
        total.take(read.entry.failed);
        any = true;
        is_proven |= !index.history.unproven.contains(&read.entry.report);
    }
    for (read, failures) in index.failing(row).filter(|(read, _)| is_testing(read)) {
        let in_use = |failure: &&&Failure| !index.is_retired(&failure.mx, row.day);
        let failures: Vec<&Failure> = failures.iter().filter(in_use).copied().collect();
        held.add(held_of(&failures, read.entry.failed));
    }
    any.then_some(TestingDay {
        day: row.day,
        reporter: row.reporter,
        total,
        held,
        is_proven,
    })
}

/// Connections of one entry that enforce would have held: its details, but not more than its summary says failed. A
/// summary without failures is that of a sender that delivered in spite of them.
pub(super) fn held_of(failures: &[&Failure], summary: Option<u64>) -> Sum {
    let mut held = Sum::default();
    for failure in failures.iter().filter(|failure| blocks(failure.cause)) {
        held.add(failure.failed);
    }
    if let Some(summary) = summary.filter(|summary| *summary > 0) {
        held.known = held.known.min(summary);
    }
    held
}

/// Whether enforce holds mail for this cause.
pub(super) fn blocks(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::NoStarttls
            | Cause::WrongName
            | Cause::Expired
            | Cause::NotTrusted
            | Cause::NotYetValid
            | Cause::MxNotInPolicy
            | Cause::Handshake
            | Cause::NotSpecified
            | Cause::Unspecified
            | Cause::Unknown
    )
}

pub(super) fn ledger(case: &Case<'_, '_>, testing: &[TestingDay<'_>]) -> Ledger {
    let newest = case.rows.rows.last().map(|row| row.day);
    let last = newest.max(case.completeness.newest_day).unwrap_or(Date::MIN);
    let first = plus(last, 1 - WINDOW_DAYS);
    let mut ledger = Ledger {
        recent: Sum::default(),
        recent_total: Sum::default(),
        only_day: None,
        all: Sum::default(),
        all_total: Sum::default(),
    };
    let mut held_days = BTreeSet::new();
    for day in testing {
        ledger.all.add(day.held);
        ledger.all_total.add(day.total);
        if day.day >= first {
            ledger.recent.add(day.held);
            ledger.recent_total.add(day.total);
            held_days.extend((day.held != Sum::default()).then_some(day.day));
        }
    }
    ledger.only_day = held_days.first().copied().filter(|_| held_days.len() == 1);
    ledger
}
