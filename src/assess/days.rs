//! Arithmetic of days.

use jiff::ToSpan;
use jiff::civil::Date;

/// Days from one day to another; negative where the other comes first.
pub(super) fn between(from: Date, to: Date) -> i32 {
    from.until(to).map_or(0, |span| span.get_days())
}

/// So many days later.
pub(super) fn after(day: Date, days: i64) -> Date {
    day.saturating_add(days.days())
}

/// Whether both days lie within seven days in a row.
pub(super) fn within_a_week(one: Date, other: Date) -> bool {
    between(one, other).abs() < 7
}
