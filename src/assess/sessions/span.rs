//! Days, and rows within a span of them.

use jiff::civil::Date;

use super::Row;
use crate::assess::days::after;

/// `day` and so many days more.
pub(in crate::assess) fn plus(day: Date, n: i64) -> Date {
    after(day, n)
}

/// How many days `later` is after `earlier`; negative if it is before.
pub(in crate::assess) fn days_between(earlier: Date, later: Date) -> i64 {
    later.duration_since(earlier).as_hours() / 24
}

/// How many of the sorted `days` lie within.
pub(in crate::assess) fn count_within(days: &[Date], first: Date, last: Date) -> usize {
    within(days, first, last).len()
}

/// Those of the sorted `days` that lie within.
pub(in crate::assess) fn within(days: &[Date], first: Date, last: Date) -> &[Date] {
    let start = days.partition_point(|day| *day < first);
    let end = days.partition_point(|day| *day <= last);
    days.get(start..end).unwrap_or_default()
}

/// The rows of `rows` on these days; they are sorted by day.
pub(in crate::assess) fn rows_within<'r, 'a>(rows: &'r [Row<'a>], first: Date, last: Date) -> &'r [Row<'a>] {
    let start = rows.partition_point(|row| row.day < first);
    let end = rows.partition_point(|row| row.day <= last);
    rows.get(start..end).unwrap_or_default()
}
