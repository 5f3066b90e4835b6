//! How each domain stands, and everything about domains and reporters in one go.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::civil::Date;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::assess::complete::{self, Completeness};
use crate::assess::drift::DriftEvent;
use crate::assess::history::{History, Sum};
use crate::assess::place::Place;
use crate::assess::policy::{self, PolicyHistory};
use crate::assess::problem::Problem;
use crate::assess::ready::{self, Case, Readiness};
use crate::assess::sessions::{DomainRows, Index, Standing, days_between, plus, rows_within};
use crate::assess::silence::{self, Calendar, Quiet, ReporterState};
use crate::assess::tlsa::{self, SeenTlsa};

/// Days of the weekly mail.
pub const WEEK_DAYS: i64 = 7;
/// A reporter that has sent no `tlsa` entry on so many of its known days sees no TLSA records any more.
const LOST_DAYS: usize = 3;
/// Failures of what is retired are counted for so many days.
const RETIRED_TOLD_DAYS: i64 = 60;

/// How a domain stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainState {
    /// The policy domain, lower case; for reporters that name it so, an MX host.
    pub domain: String,
    /// Whose it is.
    pub standing: Standing,
    /// What senders apply, by the newest reports.
    pub protection: Protection,
    /// Whether `tlsa` entries were seen in the 14 newest complete days.
    pub has_dane: bool,
    /// First and last day with a report.
    pub known: (Date, Date),
    /// The seven newest complete days.
    pub week: Volume,
    /// The 14 newest complete days.
    pub fortnight: Volume,
    /// All days.
    pub all: Volume,
    /// Fewer than 20 connections in the 14 newest complete days: no shares, no comparisons.
    pub is_tiny: bool,
    /// Its MTA-STS policy as senders see it.
    pub policy: PolicyHistory,
    /// Its TLSA records as senders see them, by first day.
    pub tlsa: Vec<SeenTlsa>,
    /// Whether it is ready for enforce.
    pub readiness: Readiness,
    /// Ids of its open problems.
    pub open_problems: Vec<String>,
}

/// What senders apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Protection {
    /// MTA-STS, mode enforce.
    Enforce,
    /// MTA-STS, mode testing.
    Testing,
    /// MTA-STS, mode none.
    ModeNone,
    /// MTA-STS of a mode that no report shows.
    UnknownMode,
    /// DANE alone.
    Dane,
    /// Neither.
    None,
}

/// Connections of some days.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// First and last of these days; `None`: there are none.
    pub days: Option<(Date, Date)>,
    /// Reports about the domain.
    pub reports: u64,
    /// Connections.
    pub total: Sum,
    /// Failed ones.
    pub failed: Sum,
    /// Connections and reports by reporter, most connections first.
    pub reporters: Vec<(String, Sum, u64)>,
}

/// Failures of what is retired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retired {
    /// The domain or MX.
    pub name: String,
    /// Since when.
    pub since: Date,
    /// Failed connections since.
    pub failed: Sum,
    /// The newest day on which a sender still applied a policy in mode enforce, after it was retired.
    pub enforced_on: Option<Date>,
}

/// Everything about domains and reporters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survey {
    /// Whether the configuration lists no domains, so that every one reported on is ours.
    pub learns_domains: bool,
    /// All domains by name, with foreign and retired ones.
    pub domains: Vec<DomainState>,
    /// All reporters about our domains, most connections first.
    pub reporters: Vec<ReporterState>,
    /// Policy and TLSA events of our domains ever, oldest first.
    pub drift: Vec<DriftEvent>,
    /// How far the reports are in.
    pub completeness: Completeness,
    /// Silence as a whole.
    pub quiet: Quiet,
    /// Failures of what was retired in the last 60 days.
    pub retired: Vec<Retired>,
}

/// How each domain stands, by name.
pub fn domains(history: &History, problems: &[Problem]) -> Vec<DomainState> {
    Survey::of(history, problems).domains
}

/// How each reporter about our domains stands, the one with most connections first.
pub fn reporters(history: &History) -> Vec<ReporterState> {
    Survey::of(history, &[]).reporters
}

/// How far the reports are in.
pub fn complete(history: &History) -> Completeness {
    Survey::of(history, &[]).completeness
}

impl Survey {
    /// Everything about domains and reporters, from rows in any order.
    pub fn of(history: &History, problems: &[Problem]) -> Self {
        let index = Index::of(history);
        let calendar = Calendar::of(&index);
        let reporters = silence::reporters(&index, &calendar);
        let completeness = complete::complete(&index, &reporters);
        let by_domain = by_domain(problems);
        let mut drift = Vec::new();
        let mut domains = Vec::new();
        let (mut tlsa, tlsa_drift) = tlsa::history(&index);
        for rows in index.domains.iter().filter(|rows| !rows.domain.is_empty()) {
            let policy = policy::history(&index, rows, &calendar);
            if rows.standing == Standing::Ours {
                let events = policy.drift.iter().cloned();
                drift.extend(events.map(|event| DriftEvent::policy(rows.domain, event)));
            }
            let problems = by_domain.get(rows.domain).map_or(&[][..], Vec::as_slice);
            let seen = tlsa.remove(rows.domain).unwrap_or_default();
            domains.extend(domain(&index, rows, policy, seen, problems, &completeness));
        }
        drift.extend(tlsa_drift);
        drift.sort_by(|a, b| (a.day, &a.key).cmp(&(b.day, &b.key)));
        Self {
            learns_domains: history.our_domains.is_empty(),
            quiet: silence::quiet(&index, &reporters),
            domains,
            reporters,
            drift,
            completeness,
            retired: retired(&index),
        }
    }
}

/// The problems that are about each domain.
fn by_domain(problems: &[Problem]) -> BTreeMap<&str, Vec<&Problem>> {
    let mut by_domain: BTreeMap<&str, Vec<&Problem>> = BTreeMap::new();
    for problem in problems {
        let mut names: Vec<&str> = problem.domains.iter().map(String::as_str).collect();
        if let Place::Policy(domain) | Place::Unnamed(domain) = &problem.place {
            names.push(domain);
        }
        names.sort_unstable();
        names.dedup();
        for name in names {
            by_domain.entry(name).or_default().push(problem);
        }
    }
    by_domain
}

fn domain(
    index: &Index<'_>,
    rows: &DomainRows<'_>,
    policy: PolicyHistory,
    tlsa: Vec<SeenTlsa>,
    problems: &[&Problem],
    completeness: &Completeness,
) -> Option<DomainState> {
    let known = (rows.rows.first()?.day, rows.rows.last()?.day);
    let volume = |days: Option<(Date, Date)>| days.map(|days| volume(rows, days)).unwrap_or_default();
    let fortnight_days = completeness.newest(ready::WINDOW_DAYS);
    let fortnight = volume(fortnight_days);
    let is_gone = policy::is_gone(rows);
    let protection = protection(rows, &policy, is_gone);
    let readiness = ready::readiness(&Case {
        index,
        rows,
        policy: &policy,
        problems,
        completeness,
        is_gone,
        is_dane_only: protection == Protection::Dane,
    });
    let open = problems
        .iter()
        .filter(|problem| problem.is_open() && !problem.is_retired);
    Some(DomainState {
        domain: rows.domain.to_owned(),
        standing: rows.standing,
        protection,
        has_dane: fortnight_days.is_some_and(|(first, _)| has_dane(rows, first)),
        known,
        week: volume(completeness.newest(WEEK_DAYS)),
        is_tiny: fortnight.total.known < ready::TINY_SESSIONS,
        fortnight,
        all: volume(Some(known)),
        tlsa,
        readiness,
        open_problems: open.map(|problem| problem.id.clone()).collect(),
        policy,
    })
}

fn volume(rows: &DomainRows<'_>, days: (Date, Date)) -> Volume {
    let mut volume = Volume {
        days: Some(days),
        ..Volume::default()
    };
    let mut reporters: FxHashMap<usize, (&str, Sum, u64)> = FxHashMap::default();
    for row in rows_within(&rows.rows, days.0, days.1) {
        volume.reports = volume.reports.saturating_add(row.n_reports);
        volume.total.add(row.total);
        volume.failed.add(row.failed);
        let (_, total, reports) =
            reporters
                .entry(row.reporter_number)
                .or_insert((row.reporter, Sum::default(), 0));
        total.add(row.total);
        *reports = reports.saturating_add(row.n_reports);
    }
    let reporters: BTreeMap<_, _> = reporters.into_iter().collect();
    volume.reporters = reporters
        .into_values()
        .map(|(reporter, total, reports)| (reporter.to_owned(), total, reports))
        .collect();
    // By name where equal.
    volume.reporters.sort_by_key(|(_, total, _)| Reverse(total.known));
    volume
}

fn protection(rows: &DomainRows<'_>, policy: &PolicyHistory, is_gone: bool) -> Protection {
    match policy
        .current()
        .filter(|_| !is_gone)
        .map(|reign| reign.policy.mode.as_str())
    {
        Some("enforce") => return Protection::Enforce,
        Some("testing") => return Protection::Testing,
        Some("none") => return Protection::ModeNone,
        // Whatever it is, senders can't apply it.
        Some(_) => return Protection::UnknownMode,
        None => {}
    }
    let Some(newest) = rows.rows.last() else {
        return Protection::None;
    };
    let first = plus(newest.day, 1 - ready::WINDOW_DAYS);
    let mut protection = Protection::None;
    for row in rows_within(&rows.rows, first, newest.day) {
        if row.has.sts && !is_gone {
            protection = Protection::UnknownMode.min(protection);
        } else if row.has.tlsa {
            protection = Protection::Dane.min(protection);
        }
    }
    protection
}

fn has_dane(rows: &DomainRows<'_>, first: Date) -> bool {
    let mut by_reporter: BTreeMap<usize, BTreeMap<Date, bool>> = BTreeMap::new();
    for row in rows_within(&rows.rows, first, Date::MAX) {
        *by_reporter
            .entry(row.reporter_number)
            .or_default()
            .entry(row.day)
            .or_default() |= row.has.tlsa;
    }
    // Who has seen none on its newest days is said to see none any more.
    by_reporter
        .values()
        .any(|days| days.values().rev().take(LOST_DAYS).any(|has| *has))
}

/// Failures of what was retired not long ago.
fn retired(index: &Index<'_>) -> Vec<Retired> {
    let today = index.history.today;
    let recently = index
        .retired
        .iter()
        .filter(|(_, since)| days_between(**since, today) <= RETIRED_TOLD_DAYS);
    recently
        .map(|(name, since)| retired_one(index, name, *since))
        .collect()
}

fn retired_one(index: &Index<'_>, name: &str, since: Date) -> Retired {
    let mut retired = Retired {
        name: name.to_owned(),
        since,
        failed: Sum::default(),
        enforced_on: None,
    };
    for rows in &index.domains {
        for row in rows_within(&rows.rows, since, Date::MAX) {
            if rows.domain == name {
                retired.failed.add(row.failed);
            }
            for (read, failures) in index.failing(row) {
                let names_it = failures
                    .iter()
                    .filter(|failure| failure.mx.iter().any(|mx| mx == name));
                if rows.domain != name {
                    names_it.for_each(|failure| retired.failed.add(failure.failed));
                } else if read.entry.policy.mode.as_deref() == Some("enforce") {
                    retired.enforced_on = retired.enforced_on.max(Some(row.day));
                }
            }
        }
    }
    retired
}

#[cfg(test)]
pub(in crate::assess) mod tests;
