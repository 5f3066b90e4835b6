//! The noise gate: from which day on a problem is worth showing.

use jiff::civil::Date;

use super::cause::Cause;
use super::days::within_a_week;
use super::failing::{Days, Fail};

/// Failed connections on one day that are no noise.
const MANY: u64 = 5;

/// The first day by which the failing days from `first` to `last` say enough: one record of a cause that is never
/// noise; else 5 failed connections on a day, or 2 days or 2 reporters within 7 days, or a reporter's day without any
/// good connection and at least 2 failed ones.
pub(super) fn visible_from(cause: Cause, days: &Days<'_>, first: Date, last: Date) -> Option<Date> {
    if !cause.is_noise_prone() {
        return Some(first);
    }
    let mut previous: Option<Date> = None;
    for on in days.range(first..=last) {
        let fails = || on.fails.iter().map(|(_, fail)| fail);
        let many = fails().fold(0_u64, |sum, fail| sum.saturating_add(fail.failed.known)) >= MANY;
        let again = previous.is_some_and(|previous| within_a_week(previous, on.day));
        if many || again || on.fails.len() >= 2 || fails().any(is_all) {
            return Some(on.day);
        }
        previous = Some(on.day);
    }
    None
}

fn is_all(fail: &Fail) -> bool {
    !fail.is_in_spite
        && !fail.total.at_least
        && fail.failed.known >= 2
        && fail.failed.known >= fail.total.known
}
