//! The conditions of the checklist, and the verdict that follows from them.

use std::collections::BTreeSet;

use jiff::civil::Date;

use super::ledger::{TestingDay, blocks};
use super::{
    Case, Condition, MxListed, NEEDED_DAYS, NEEDED_SESSIONS, TINY_SESSIONS, Unmet, Verdict, WINDOW_DAYS,
};
use crate::assess::history::Sum;
use crate::assess::policy::{self, Policy};
use crate::assess::problem::Problem;
use crate::assess::sessions::plus;

/// How far back the day is looked for since which a domain is ready, in days.
const SINCE_LIMIT: i64 = 400;

pub(super) fn conditions(
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

pub(super) fn verdict(
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
    let proven = || window.iter().filter(|day| day.is_proven);
    let days = proven().map(|day| day.day).collect::<BTreeSet<Date>>().len();
    let mut sessions = Sum::default();
    for day in proven() {
        sessions.add(day.total);
    }
    let enough = days >= NEEDED_DAYS || sessions.known >= NEEDED_SESSIONS;
    (days, sessions.known, enough && sessions.known >= TINY_SESSIONS)
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
pub(super) fn unproven_mx(case: &Case<'_, '_>, policy: &Policy) -> Vec<String> {
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
        .filter(|day| day.is_proven && day.total.known > 0)
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
