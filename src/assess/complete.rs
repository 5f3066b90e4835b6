//! Which days are complete: everyone who reports regularly has reported about them.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::sessions::{Index, days_between, plus};
use super::silence::ReporterState;

/// A day is complete after so many days, whoever is missing.
const AT_LATEST: i64 = 3;
/// Where nobody reports regularly, those count who have reported within so many days.
const RECENT_DAYS: i64 = 7;

/// How far the reports are in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completeness {
    /// The reporters with the newest day of each, the one with most connections first.
    pub reporters: Vec<ReportedTo>,
    /// The newest complete day.
    pub newest_day: Option<Date>,
}

/// How far the reports of one reporter are in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedTo {
    /// As in [`super::history::Seen::reporter`].
    pub reporter: String,
    /// Its newest known day.
    pub newest_day: Date,
    /// Whether days wait for it: it reports regularly and isn't silent.
    pub is_awaited: bool,
}

impl Completeness {
    /// The `n` newest complete days: the first and the last.
    pub fn newest(&self, n: i64) -> Option<(Date, Date)> {
        let last = self.newest_day?;
        Some((plus(last, 1_i64.saturating_sub(n)), last))
    }
}

/// How far the reports are in. A day is complete when every awaited reporter has reported about it or a later one, or
/// three days after it; today never is.
pub(super) fn complete(index: &Index<'_>, states: &[ReporterState]) -> Completeness {
    let today = index.history.today;
    let is_regular =
        |state: &ReporterState| state.is_watched && state.silence.is_none() && !is_over(state, today);
    let any_regular = states.iter().any(is_regular);
    let reporters: Vec<ReportedTo> = states
        .iter()
        .map(|state| ReportedTo {
            reporter: state.reporter.clone(),
            newest_day: state.newest_day,
            is_awaited: if any_regular {
                is_regular(state)
            } else {
                days_between(state.newest_day, today) <= RECENT_DAYS
            },
        })
        .collect();
    let awaited = reporters.iter().filter(|reporter| reporter.is_awaited);
    let oldest = awaited.map(|reporter| reporter.newest_day).min();
    let newest_day = (!reporters.is_empty()).then(|| {
        let all_in = oldest.map_or(Date::MIN, |oldest| oldest.min(plus(today, -1)));
        all_in.max(plus(today, -AT_LATEST))
    });
    Completeness {
        reporters,
        newest_day,
    }
}

/// Whether a reporter has stopped so long ago that its silence isn't even told any more.
fn is_over(state: &ReporterState, today: Date) -> bool {
    days_between(state.newest_day, today) > 28
}
