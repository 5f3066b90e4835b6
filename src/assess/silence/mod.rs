//! Reporters: when they report, and what it means when they don't.
//!
//! A reporter is silent when its pause is longer than twice the longest of the four weeks before, and longer than
//! four days.

use std::collections::BTreeMap;

use jiff::civil::Date;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::assess::history::Sum;
use crate::assess::sessions::{
    Days, Index, Row, Standing, count_within, days_between, known_days, plus, within,
};

/// Days looked back on, with the last.
const LOOK_BACK: i64 = 28;
/// Known days in these that make a reporter watched.
const WATCHED_DAYS: usize = 8;
/// A pause of so many days is never silence.
const ALWAYS_FINE: i64 = 4;
/// A reporter that is silent for longer is gone and no longer told.
const GONE_DAYS: i64 = 60;
/// So many known days with one connection each make a reporter one that only answers our own reports.
const LOOP_DAYS: usize = 7;
/// No report for so many days at all is a fault of ours...
const NONE_DAYS: i64 = 3;
/// ...if of the days before...
const BUSY_LOOK_BACK: i64 = 14;
/// ...so many had a report.
const BUSY_DAYS: usize = 7;

/// How a reporter stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReporterState {
    /// As in [`crate::assess::history::Seen::reporter`].
    pub reporter: String,
    /// First known day.
    pub first_day: Date,
    /// Newest known day.
    pub newest_day: Date,
    /// Known days in the 28 days up to the newest.
    pub known_days: usize,
    /// The longest time from one known day to the next in those 28 days, in days; `None` with one known day.
    pub longest_pause: Option<i64>,
    /// Whether its silence means something: at least 8 of those 28 days are known.
    pub is_watched: bool,
    /// Since when it is silent, if it is.
    pub silence: Option<Silence>,
    /// It has reported exactly one good connection a day for at least 7 known days: reports about reports.
    pub is_loop_only: bool,
    /// Whether it sends `tlsa` entries.
    pub sends_tlsa: bool,
    /// Reports that count, over all days, about our domains.
    pub reports: u64,
    /// Connections over all days.
    pub total: Sum,
    /// Failed ones of these.
    pub failed: Sum,
    /// Our domains it has reported about.
    pub domains: Vec<String>,
}

/// The silence of a watched reporter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// The newest known day.
    pub last_day: Date,
    /// Days from then until today.
    pub pause: i64,
    /// The longest such time in the 28 days before.
    pub longest_before: i64,
    /// Stable name of this silence: it begins once.
    pub key: String,
}

/// Silence as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quiet {
    /// The silent reporters by name.
    pub silent: Vec<String>,
    /// No report at all for so many whole days, although there usually are some.
    pub none_for_days: Option<i64>,
    /// The silent ones are those that send `tlsa` entries, and Google isn't among them.
    pub suspects_dnssec: bool,
}

impl Quiet {
    /// Whether to look at our own side first: several are silent, or all.
    pub fn is_ours(&self) -> bool {
        self.silent.len() >= 2 || self.none_for_days.is_some()
    }
}

/// The known days of all reporters.
#[derive(Debug)]
pub(in crate::assess) struct Calendar<'a> {
    pub(in crate::assess) days: BTreeMap<&'a str, Days>,
}

impl<'a> Calendar<'a> {
    pub(in crate::assess) fn of(index: &Index<'a>) -> Self {
        Self {
            days: known_days(index),
        }
    }

    /// Whether a reporter was watched on the evening of a day.
    pub(in crate::assess) fn is_watched(&self, reporter: &str, day: Date) -> bool {
        self.days
            .get(reporter)
            .is_some_and(|days| count_within(days, plus(day, 1 - LOOK_BACK), day) >= WATCHED_DAYS)
    }
}

/// How every reporter about our domains stands, the one with most connections first.
pub(in crate::assess) fn reporters(index: &Index<'_>, calendar: &Calendar<'_>) -> Vec<ReporterState> {
    let mut by_number: FxHashMap<usize, Vec<(&str, &Row<'_>)>> = FxHashMap::default();
    for domain in index.ours() {
        for row in &domain.rows {
            let of_reporter = by_number.entry(row.reporter_number).or_default();
            of_reporter.push((domain.domain, row));
        }
    }
    let rows: BTreeMap<&str, Vec<(&str, &Row<'_>)>> = by_number
        .into_values()
        .filter_map(|rows| Some((rows.first()?.1.reporter, rows)))
        .collect();
    let mut states: Vec<ReporterState> = calendar
        .days
        .iter()
        .filter_map(|(reporter, days)| state(index, reporter, days, rows.get(reporter)?))
        .collect();
    states.sort_by(|a, b| (b.total.known, &a.reporter).cmp(&(a.total.known, &b.reporter)));
    states
}

fn state(
    index: &Index<'_>,
    reporter: &str,
    days: &[Date],
    rows: &[(&str, &Row<'_>)],
) -> Option<ReporterState> {
    let (first_day, newest_day) = (*days.first()?, *days.last()?);
    let recent = within(days, plus(newest_day, 1 - LOOK_BACK), newest_day);
    let longest_pause = longest_pause(recent);
    let is_watched = recent.len() >= WATCHED_DAYS;
    let (mut reports, mut total, mut failed) = (0_u64, Sum::default(), Sum::default());
    let mut domains: Vec<String> = Vec::new();
    for (domain, row) in rows {
        reports = reports.saturating_add(row.n_reports);
        total.add(row.total);
        failed.add(row.failed);
        if domains.last().is_none_or(|last| last != domain) {
            domains.push((*domain).to_owned());
        }
    }
    let oldest_recent = recent.first().copied()?;
    Some(ReporterState {
        reporter: reporter.to_owned(),
        first_day,
        newest_day,
        known_days: recent.len(),
        longest_pause,
        is_watched,
        silence: silence(index.history.today, reporter, newest_day, longest_pause)
            .filter(|silence| is_watched && silence.pause <= GONE_DAYS),
        is_loop_only: recent.len() >= LOOP_DAYS
            && rows
                .iter()
                .filter(|(_, row)| row.day >= oldest_recent)
                .all(|(_, row)| row.total == ONE && row.failed == Sum::default()),
        sends_tlsa: sends_tlsa(rows),
        reports,
        total,
        failed,
        domains,
    })
}

const ONE: Sum = Sum {
    known: 1,
    at_least: false,
};

/// Looks at the newest days alone: who sent `tlsa` entries once and lost sight of DANE is told elsewhere.
fn sends_tlsa(rows: &[(&str, &Row<'_>)]) -> bool {
    let newest = rows.iter().map(|(_, row)| row.day).max();
    let recent = newest.map(|newest| plus(newest, 1 - LOOK_BACK));
    rows.iter()
        .any(|(_, row)| Some(row.day) >= recent && row.has.tlsa)
}

/// The longest time from one of the sorted days to the next.
fn longest_pause(days: &[Date]) -> Option<i64> {
    days.iter()
        .zip(days.iter().skip(1))
        .map(|(earlier, later)| days_between(*earlier, *later))
        .max()
}

fn silence(today: Date, reporter: &str, last_day: Date, longest: Option<i64>) -> Option<Silence> {
    let (pause, longest_before) = (days_between(last_day, today), longest?);
    let limit = longest_before.saturating_mul(2).max(ALWAYS_FINE);
    (pause > limit).then(|| Silence {
        last_day,
        pause,
        longest_before,
        key: format!("silent {reporter} {last_day}"),
    })
}

/// Silence as a whole.
pub(in crate::assess) fn quiet(index: &Index<'_>, states: &[ReporterState]) -> Quiet {
    let silent: Vec<&ReporterState> = states.iter().filter(|state| state.silence.is_some()).collect();
    let google_goes_on = !silent.iter().any(|state| state.reporter == "google.com");
    Quiet {
        suspects_dnssec: !silent.is_empty()
            && google_goes_on
            && silent.iter().all(|state| state.sends_tlsa)
            && states
                .iter()
                .any(|state| state.is_watched && state.silence.is_none()),
        silent: silent.iter().map(|state| state.reporter.clone()).collect(),
        none_for_days: none_for_days(index),
    }
}

/// For how many whole days there has been no report at all, where that is a long time.
///
/// Longer than the longest pause of all reporters together, too, with a day more because reports come a day late:
/// else every weekend would be one where only one office writes.
fn none_for_days(index: &Index<'_>) -> Option<i64> {
    let mut days: Vec<Date> = index
        .domains
        .iter()
        .filter(|rows| rows.standing != Standing::Foreign)
        .flat_map(|rows| rows.rows.iter().map(|row| row.day))
        .collect();
    days.sort_unstable();
    days.dedup();
    let newest = *days.last()?;
    let pause = days_between(newest, index.history.today);
    let whole_days = pause.saturating_sub(1);
    let before = count_within(&days, plus(newest, 1 - BUSY_LOOK_BACK), newest);
    let recent = within(&days, plus(newest, 1 - LOOK_BACK), newest);
    let usual = longest_pause(recent).unwrap_or_default().saturating_add(1);
    let is_long = whole_days >= NONE_DAYS && pause > usual && pause <= GONE_DAYS;
    (is_long && before >= BUSY_DAYS).then_some(whole_days)
}

#[cfg(test)]
mod tests;
