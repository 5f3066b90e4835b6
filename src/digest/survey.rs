//! How domains and reporters stand, in words: policies, readiness, the week's numbers. Pure.

use jiff::ToSpan;
use jiff::civil::Date;

use crate::assess::domains::{DomainState, Protection, Survey};
use crate::assess::history::Sum;
use crate::assess::ready::{Ledger, RetiredMx, Unmet, Verdict};
use crate::assess::sessions::Standing;
use crate::digest::reading::connections;
use crate::digest::week::{DomainLine, Week};
use crate::digest::{names, words};

/// Hosts and ids named in a sentence.
const MAX_NAMED: usize = 2;
/// That a policy is gone is said for so many days.
const GONE_DAYS: i64 = 60;

/// How a domain of ours stands over some days.
pub(crate) fn domain_line(state: &DomainState, is_whole_time: bool, today: Date) -> DomainLine {
    let volume = if is_whole_time { &state.all } else { &state.week };
    let (verdict, obstacle, ready_since) = verdict(&state.domain, &state.readiness.verdict, today);
    DomainLine {
        domain: state.domain.clone(),
        policy: policy(state, is_whole_time, today),
        is_policy_gone: state.protection == Protection::None && was_seen_lately(state, today),
        total: volume.total,
        failed: volume.failed,
        verdict,
        obstacle,
        ready_since,
        only_if: ready_since.map_or(String::new(), |_| only_if(&state.readiness.retired_mx, today)),
    }
}

/// What must be true of retired MX hosts for a domain to be ready: connections fail there.
fn only_if(retired: &[RetiredMx], today: Date) -> String {
    let Some(last_day) = retired.iter().map(|retired| retired.last_day).max() else {
        return String::new();
    };
    let failed = retired.iter().map(|retired| retired.failed).reduce(words::add);
    let mx: Vec<String> = retired.iter().map(|retired| names::host(&retired.mx)).collect();
    format!(
        "only if {} {} no longer in the MX record: {} failed there, last on {}",
        words::list_and_more(&mx, MAX_NAMED),
        if mx.len() == 1 { "is" } else { "are" },
        connections(failed.unwrap_or_default()),
        words::day(last_day, today)
    )
}

/// Whether a policy was seen in the last 60 days: who did without it for longer means it.
fn was_seen_lately(state: &DomainState, today: Date) -> bool {
    let last = state.policy.seen.iter().map(|seen| seen.last_day).max();
    last.is_some_and(|last| last >= today.saturating_sub(GONE_DAYS.days()))
}

/// Whether it is ours.
pub(crate) fn is_ours(state: &DomainState) -> bool {
    state.standing == Standing::Ours
}

fn policy(state: &DomainState, is_whole_time: bool, today: Date) -> String {
    let mode = match state.protection {
        Protection::Enforce => "enforce",
        Protection::Testing => "testing",
        Protection::ModeNone => "mode none",
        Protection::UnknownMode => "MTA-STS",
        Protection::Dane => return "DANE".to_owned(),
        Protection::None if state.policy.reigns.is_empty() => return "no policy".to_owned(),
        Protection::None => return "policy gone".to_owned(),
    };
    let dane = if state.has_dane { " + DANE" } else { "" };
    match state.policy.mode_since() {
        Some(since) if is_whole_time && since > state.known.0 => {
            format!("{mode}{dane} since {}", words::day(since, today))
        }
        _ => format!("{mode}{dane}"),
    }
}

/// The verdict for the table, what stands in the way, and since when every condition holds.
fn verdict(domain: &str, verdict: &Verdict, today: Date) -> (String, String, Option<Date>) {
    let ids = |problems: &[String]| {
        let ids: Vec<String> = problems.iter().map(|id| format!("#{id}")).collect();
        words::list_and_more(&ids, MAX_NAMED)
    };
    let nothing = String::new();
    let not_yet = |why: String| {
        (
            "not yet".to_owned(),
            format!("{} isn't ready for enforce yet: {why}.", names::host(domain)),
            None,
        )
    };
    match verdict {
        Verdict::Ready { since } => ("ready".to_owned(), nothing, Some(*since)),
        Verdict::ReadyAsFarAs { reporter, since } => (
            "ready".to_owned(),
            format!(
                "{}: as far as {} alone can tell.",
                names::host(domain),
                names::reporter(reporter, reporter)
            ),
            Some(*since),
        ),
        Verdict::NotYet(unmet) => not_yet(match unmet {
            Unmet::Tiny { sessions } => {
                format!(
                    "only {} in 14{}days",
                    words::count(*sessions, "connection"),
                    words::NBSP
                )
            }
            Unmet::Traffic { days } => format!("not enough traffic, {days} of 10 days"),
            Unmet::Changed { day, is_first, until } => format!(
                "the policy {} {}; the 14 days are full with {}",
                if *is_first { "is known since" } else { "changed on" },
                words::day(*day, today),
                words::day(*until, today)
            ),
            Unmet::MxNotListed { mx } => {
                let mx: Vec<String> = mx.iter().map(|mx| names::host(mx)).collect();
                format!("the policy doesn't list {}", words::list_and_more(&mx, MAX_NAMED))
            }
            Unmet::PolicyProblems { problems } => format!("mend {} first", ids(problems)),
        }),
        Verdict::NotReady { problems } => (format!("no: {}", ids(problems)), nothing, None),
        Verdict::Enforces { .. } | Verdict::DaneOnly | Verdict::NoPolicy | Verdict::ModeNone { .. } => {
            (nothing.clone(), nothing, None)
        }
    }
}

/// What enforce would have held for a domain in testing.
pub(crate) fn ledger(state: &DomainState, ledger: &Ledger, today: Date) -> Option<String> {
    let Verdict::NotReady { problems } = &state.readiness.verdict else {
        return None;
    };
    let ids: Vec<String> = problems.iter().map(|id| format!("#{id}")).collect();
    let on = ledger
        .only_day
        .map(|day| format!(", all on {}", words::day(day, today)))
        .unwrap_or_default();
    let held = if ledger.recent == Sum::default() {
        String::new()
    } else {
        format!(
            " In 14{n}days enforce would have held {}{on}.",
            words::share(ledger.recent, ledger.recent_total),
            n = words::NBSP
        )
    };
    Some(format!(
        "{} isn't ready for enforce: {}.{held}",
        names::host(&state.domain),
        words::list_and_more(&ids, 4)
    ))
}

/// The week's numbers.
pub(crate) fn week(survey: &Survey) -> Week {
    let mut week = Week::default();
    if let Some((first, last)) = survey.completeness.newest(crate::assess::domains::WEEK_DAYS) {
        (week.first, week.last) = (first, last);
    }
    let mut reporters: Vec<(String, Sum)> = Vec::new();
    for state in survey.domains.iter().filter(|state| is_ours(state)) {
        week.reports = week.reports.saturating_add(state.week.reports);
        for (reporter, sum, _) in &state.week.reporters {
            match reporters.iter_mut().find(|(known, _)| known == reporter) {
                Some((_, known)) => known.add(*sum),
                None => reporters.push((reporter.clone(), *sum)),
            }
        }
    }
    reporters.sort_by(|a, b| b.1.known.cmp(&a.1.known).then_with(|| a.0.cmp(&b.0)));
    week.reporters = reporters;
    week.loops = survey
        .reporters
        .iter()
        .filter(|state| state.is_loop_only)
        .map(|state| state.reporter.clone())
        .collect();
    week.foreign = survey
        .domains
        .iter()
        .filter(|state| state.standing == Standing::Foreign && state.week.reports > 0)
        .map(|state| state.domain.clone())
        .collect();
    week.retired = survey
        .retired
        .iter()
        .filter(|retired| retired.failed != Sum::default())
        .map(|retired| (retired.name.clone(), retired.failed, retired.since))
        .collect();
    week
}
