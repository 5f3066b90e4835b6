//! Ready to enforce: a checklist over the 14 newest complete days, and what enforce would have held.

use std::collections::BTreeSet;

use jiff::civil::Date;

use super::cause::Cause;
use super::complete::Completeness;
use super::history::{Failure, Sum};
use super::policy::{self, Policy, PolicyHistory};
use super::problem::Problem;
use super::sessions::{DomainRows, Index, Row, plus};

/// Days of the checklist.
pub const WINDOW_DAYS: i64 = 14;
/// So many of them need a report that shows testing...
pub const NEEDED_DAYS: usize = 10;
/// ...or they need so many connections under it.
pub const NEEDED_SESSIONS: u64 = 50;
/// With fewer connections in the window nothing is said.
pub const TINY_SESSIONS: u64 = 20;
/// How far back the day is looked for since which a domain is ready, in days.
const SINCE_LIMIT: i64 = 400;

/// Whether a domain is ready for mode enforce.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readiness {
    /// The answer.
    pub verdict: Verdict,
    /// The days looked at; `None`: there are no complete days.
    pub window: Option<(Date, Date)>,
    /// Every condition, in the order of the rules; empty unless the domain is in testing.
    pub conditions: Vec<Condition>,
    /// What enforce would have held; for a domain in testing.
    pub ledger: Option<Ledger>,
    /// MX hosts that no report has ever named.
    pub unproven_mx: Vec<String>,
}

/// Whether a domain is ready for enforce.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Every condition holds.
    Ready {
        /// Since the window that ended on this day.
        since: Date,
    },
    /// Every condition holds, but one reporter alone says so.
    ReadyAsFarAs {
        /// That reporter.
        reporter: String,
        /// Since the window that ended on this day.
        since: Date,
    },
    /// Time or traffic is missing.
    NotYet(Unmet),
    /// These problems would hold mail.
    NotReady {
        /// Their ids.
        problems: Vec<String>,
    },
    /// It enforces already.
    Enforces {
        /// Since this day, as senders see it.
        since: Date,
    },
    /// The policy says that there is none: mode none.
    ModeNone {
        /// Since this day, as senders see it.
        since: Date,
    },
    /// No reporter sees a policy.
    NoPolicy,
    /// The entries are about DANE only, which has no test mode.
    DaneOnly,
}

/// Why a domain isn't ready yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unmet {
    /// Fewer than 20 connections in the window.
    Tiny {
        /// How many.
        sessions: u64,
    },
    /// Too few days with a report.
    Traffic {
        /// How many; 10 are needed.
        days: usize,
    },
    /// The text changed in the window, or was first seen in it.
    Changed {
        /// On this day.
        day: Date,
        /// Whether that was the first policy seen at all.
        is_first: bool,
        /// The report day with which the window is full again.
        until: Date,
    },
    /// MX hosts of the configuration that no pattern of the policy lists.
    MxNotListed {
        /// These.
        mx: Vec<String>,
    },
    /// Some sender can't use the policy.
    PolicyProblems {
        /// The ids of these problems.
        problems: Vec<String>,
    },
}

/// A condition and whether it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// 1. Testing was seen on at least 10 of the 14 days, or on at least 50 connections; on 20 at any rate.
    Traffic {
        /// Days.
        days: usize,
        /// Connections.
        sessions: u64,
        /// Whether it holds.
        is_met: bool,
    },
    /// 2. No failure that enforce would have turned into held mail.
    NoFailures {
        /// The ids of the problems that say otherwise.
        problems: Vec<String>,
    },
    /// 3. The text is the same over all the days.
    SameText {
        /// The first day of the present text.
        since: Date,
        /// Whether it is the first policy seen at all.
        is_first: bool,
        /// The report day with which the window is full, if it isn't.
        until: Option<Date>,
    },
    /// 4. Every MX of the configuration is listed.
    MxListed(MxListed),
    /// 5. Every sender can use the policy.
    PolicyUsable {
        /// The ids of the problems that say otherwise.
        problems: Vec<String>,
    },
    /// 6. At least two reporters; doesn't stand in the way.
    Reporters {
        /// Those with connections in the window, most first.
        reporters: Vec<String>,
    },
}

/// Whether the MX hosts of the configuration are in the policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MxListed {
    /// The configuration names no MX that belongs to this domain.
    NotChecked,
    /// These are, and no other belongs to it.
    All(Vec<String>),
    /// These aren't.
    Missing(Vec<String>),
}

/// What enforce would have held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    /// Connections in the 14 days up to the newest known day.
    pub recent: Sum,
    /// Of so many.
    pub recent_total: Sum,
    /// The day on which all of them fell, if it was one.
    pub only_day: Option<Date>,
    /// Connections in testing over all days.
    pub all: Sum,
    /// Of so many.
    pub all_total: Sum,
}

impl Condition {
    /// Whether it holds; `None`: it can't be checked, or isn't decisive.
    pub fn is_met(&self) -> Option<bool> {
        match self {
            Self::Traffic { is_met, .. } => Some(*is_met),
            Self::NoFailures { problems } | Self::PolicyUsable { problems } => Some(problems.is_empty()),
            Self::SameText { until, .. } => Some(until.is_none()),
            Self::MxListed(MxListed::NotChecked) => None,
            Self::MxListed(MxListed::All(_)) => Some(true),
            Self::MxListed(MxListed::Missing(_)) => Some(false),
            Self::Reporters { reporters } => (reporters.len() >= 2).then_some(true),
        }
    }
}

/// What the checklist is made from.
pub(super) struct Case<'i, 'a> {
    pub(super) index: &'i Index<'a>,
    pub(super) rows: &'i DomainRows<'a>,
    pub(super) policy: &'i PolicyHistory,
    pub(super) problems: &'i [&'i Problem],
    pub(super) completeness: &'i Completeness,
    pub(super) is_gone: bool,
    pub(super) is_dane_only: bool,
}

/// The checklist of one domain.
pub(super) fn readiness(case: &Case<'_, '_>) -> Readiness {
    let window = case.completeness.newest(WINDOW_DAYS);
    let mut readiness = Readiness {
        verdict: Verdict::NoPolicy,
        window,
        conditions: Vec::new(),
        ledger: None,
        unproven_mx: Vec::new(),
    };
    let Some(reign) = case.policy.current().filter(|_| !case.is_gone) else {
        if case.is_dane_only {
            readiness.verdict = Verdict::DaneOnly;
        }
        return readiness;
    };
    let mode_since = case.policy.mode_since().unwrap_or(reign.since);
    readiness.unproven_mx = unproven_mx(case, &reign.policy);
    match (reign.policy.mode.as_str(), window) {
        ("enforce", _) => readiness.verdict = Verdict::Enforces { since: mode_since },
        ("testing", Some((_, last))) => {
            let testing = testing_days(case);
            readiness.conditions = conditions(case, &reign.policy, &testing, last);
            readiness.verdict = verdict(case, &reign.policy, &testing, &readiness.conditions, last);
            readiness.ledger = Some(ledger(case, &testing));
        }
        ("testing", None) => readiness.verdict = Verdict::NotYet(Unmet::Traffic { days: 0 }),
        _ => readiness.verdict = Verdict::ModeNone { since: mode_since },
    }
    readiness
}

/// What one reporter says of one day in testing.
struct TestingDay<'a> {
    day: Date,
    reporter: &'a str,
    total: Sum,
    /// Connections that enforce would have held.
    held: Sum,
}

fn testing_days<'a>(case: &Case<'_, 'a>) -> Vec<TestingDay<'a>> {
    let days = case.rows.rows.iter();
    days.filter_map(|row| testing_day(case.index, row)).collect()
}

fn testing_day<'a>(index: &Index<'_>, row: &Row<'a>) -> Option<TestingDay<'a>> {
    let is_testing = |entry| {
        let policy = index.policy_of(entry).and_then(|number| index.policy(number));
        policy.is_some_and(|policy| policy.mode == "testing")
    };
    let (mut total, mut held, mut any) = (Sum::default(), Sum::default(), false);
    for entry in index.entries(row).filter(|entry| is_testing(entry)) {
        total.take(entry.ok);
        total.take(entry.failed);
        any = true;
    }
    for (entry, failures) in index.failing(row).filter(|(entry, _)| is_testing(entry)) {
        held.add(held_of(failures, entry.failed));
    }
    any.then_some(TestingDay {
        day: row.day,
        reporter: row.reporter,
        total,
        held,
    })
}

/// Connections of one entry that enforce would have held: its details, but not more than its summary says failed. A
/// summary without failures is that of a sender that delivered in spite of them.
fn held_of(failures: &[&Failure], summary: Option<u64>) -> Sum {
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
fn blocks(cause: Cause) -> bool {
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

fn conditions(
    case: &Case<'_, '_>,
    policy: &Policy,
    testing: &[TestingDay<'_>],
    last: Date,
) -> Vec<Condition> {
    let first = plus(last, 1 - WINDOW_DAYS);
    let (days, sessions, is_met) = traffic(testing, last);
    let mut conditions = vec![
        Condition::Traffic {
            days,
            sessions,
            is_met,
        },
        Condition::NoFailures {
            problems: ids(blockers(case, first, Date::MAX)),
        },
    ];
    conditions.extend(case.policy.current().map(|reign| Condition::SameText {
        since: reign.since,
        is_first: case.policy.reigns.len() == 1,
        until: (reign.since > first).then(|| policy::end_of_window(reign.since, WINDOW_DAYS)),
    }));
    conditions.push(Condition::MxListed(mx_listed(case, policy)));
    let unusable = case.problems.iter().copied().filter(|problem| {
        let is_visible = problem.is_open() && !problem.is_retired;
        is_visible && problem.cause.is_about_the_policy()
    });
    conditions.push(Condition::PolicyUsable {
        problems: ids(unusable),
    });
    conditions.push(Condition::Reporters {
        reporters: reporters(testing, first, last),
    });
    conditions
}

fn verdict(
    case: &Case<'_, '_>,
    policy: &Policy,
    testing: &[TestingDay<'_>],
    conditions: &[Condition],
    last: Date,
) -> Verdict {
    let mut not_yet = Vec::new();
    let mut only_reporter = None;
    for condition in conditions {
        match condition {
            Condition::NoFailures { problems } if !problems.is_empty() => {
                return Verdict::NotReady {
                    problems: problems.clone(),
                };
            }
            // A hard no: it comes before what only time will mend.
            Condition::MxListed(MxListed::Missing(mx)) => {
                not_yet.insert(0, Unmet::MxNotListed { mx: mx.clone() });
            }
            Condition::Traffic { sessions, .. } if *sessions < TINY_SESSIONS => {
                not_yet.push(Unmet::Tiny { sessions: *sessions });
            }
            Condition::Traffic {
                days, is_met: false, ..
            } => not_yet.push(Unmet::Traffic { days: *days }),
            Condition::SameText {
                since,
                is_first,
                until: Some(until),
            } => not_yet.push(Unmet::Changed {
                day: *since,
                is_first: *is_first,
                until: *until,
            }),
            Condition::PolicyUsable { problems } if !problems.is_empty() => {
                not_yet.push(Unmet::PolicyProblems {
                    problems: problems.clone(),
                });
            }
            Condition::Reporters { reporters } if reporters.len() == 1 => {
                only_reporter = reporters.first().cloned();
            }
            _ => {}
        }
    }
    if let Some(unmet) = not_yet.into_iter().next() {
        return Verdict::NotYet(unmet);
    }
    let since = ready_since(case, policy, testing, last);
    match only_reporter {
        Some(reporter) => Verdict::ReadyAsFarAs { reporter, since },
        None => Verdict::Ready { since },
    }
}

/// The end of the first of the windows up to the present one in all of which the conditions hold.
fn ready_since(case: &Case<'_, '_>, policy: &Policy, testing: &[TestingDay<'_>], last: Date) -> Date {
    let holds = |day: Date| {
        let first = plus(day, 1 - WINDOW_DAYS);
        let same_text = case
            .policy
            .on(day)
            .is_some_and(|reign| reign.since <= first && reign.policy.mode == policy.mode);
        same_text && traffic(testing, day).2 && blockers(case, first, day).next().is_none()
    };
    let days = (1..=SINCE_LIMIT).map(|n| plus(last, n.saturating_neg()));
    days.take_while(|day| holds(*day)).last().unwrap_or(last)
}

/// Days and connections in testing in the window that ends on `last`, and whether they are enough.
fn traffic(testing: &[TestingDay<'_>], last: Date) -> (usize, u64, bool) {
    let window = in_window(testing, plus(last, 1 - WINDOW_DAYS), last);
    let days: BTreeSet<Date> = window.iter().map(|day| day.day).collect();
    let mut sessions = Sum::default();
    for day in window {
        sessions.add(day.total);
    }
    let enough = days.len() >= NEEDED_DAYS || sessions.known >= NEEDED_SESSIONS;
    (
        days.len(),
        sessions.known,
        enough && sessions.known >= TINY_SESSIONS,
    )
}

fn in_window<'t, 'a>(testing: &'t [TestingDay<'a>], first: Date, last: Date) -> &'t [TestingDay<'a>] {
    let start = testing.partition_point(|day| day.day < first);
    let end = testing.partition_point(|day| day.day <= last);
    testing.get(start..end).unwrap_or_default()
}

/// The problems that enforce would have turned into held mail on these days.
fn blockers<'c>(case: &'c Case<'_, '_>, first: Date, last: Date) -> impl Iterator<Item = &'c Problem> {
    let problems = case.problems.iter().copied();
    problems.filter(move |problem| {
        let mut episodes = problem.episodes.iter();
        let is_in_window = episodes.any(|episode| {
            episode.visible_from.is_some() && episode.last_day >= first && episode.first_day <= last
        });
        blocks(problem.cause) && !problem.is_retired && is_in_window
    })
}

fn ids<'p>(problems: impl Iterator<Item = &'p Problem>) -> Vec<String> {
    problems.map(|problem| problem.id.clone()).collect()
}

fn mx_listed(case: &Case<'_, '_>, policy: &Policy) -> MxListed {
    let ours = our_mx(case, policy);
    let missing: Vec<String> = ours.iter().filter(|mx| !policy.covers(mx)).cloned().collect();
    match (ours.is_empty(), missing.is_empty()) {
        (true, _) => MxListed::NotChecked,
        (false, true) => MxListed::All(ours),
        (false, false) => MxListed::Missing(missing),
    }
}

/// The MX hosts of the configuration that belong to the domain: those that its policy lists, those that reports about
/// it name, and all of them if it is the only domain.
fn our_mx(case: &Case<'_, '_>, policy: &Policy) -> Vec<String> {
    let history = case.index.history;
    let named: BTreeSet<&str> = case
        .rows
        .rows
        .iter()
        .flat_map(|row| case.index.failing(row))
        .flat_map(|(_, failures)| failures.iter())
        .flat_map(|failure| failure.mx.iter().map(String::as_str))
        .collect();
    let is_only_domain = history.our_domains == [case.rows.domain];
    let belongs = |mx: &&String| is_only_domain || policy.covers(mx) || named.contains(mx.as_str());
    let in_use = |mx: &&String| !case.index.retired.contains_key(mx.as_str());
    let mut mx: Vec<String> = history
        .our_mx
        .iter()
        .filter(belongs)
        .filter(in_use)
        .cloned()
        .collect();
    mx.sort();
    mx.dedup();
    mx
}

/// MX hosts that belong to the domain and that no report ever named. Where there is only one, every connection went
/// to it.
fn unproven_mx(case: &Case<'_, '_>, policy: &Policy) -> Vec<String> {
    let exact = policy.mx.iter().filter(|pattern| !pattern.starts_with("*."));
    let mut mx: BTreeSet<String> = our_mx(case, policy).into_iter().collect();
    mx.extend(exact.cloned());
    if mx.len() < 2 {
        return Vec::new();
    }
    let named = &case.index.named_mx;
    mx.into_iter().filter(|mx| !named.contains(mx.as_str())).collect()
}

fn reporters(testing: &[TestingDay<'_>], first: Date, last: Date) -> Vec<String> {
    let mut totals: Vec<(&str, u64)> = Vec::new();
    for day in in_window(testing, first, last)
        .iter()
        .filter(|day| day.total.known > 0)
    {
        match totals.iter_mut().find(|(reporter, _)| *reporter == day.reporter) {
            Some((_, total)) => *total = total.saturating_add(day.total.known),
            None => totals.push((day.reporter, day.total.known)),
        }
    }
    totals.sort_by(|a, b| (b.1, a.0).cmp(&(a.1, b.0)));
    totals
        .into_iter()
        .map(|(reporter, _)| reporter.to_owned())
        .collect()
}

fn ledger(case: &Case<'_, '_>, testing: &[TestingDay<'_>]) -> Ledger {
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
