//! How domains and reporters stand, in words: policies, readiness, what changed, who is silent. Pure.

use jiff::civil::Date;

use crate::assess::domains::{DomainState, Protection, Survey};
use crate::assess::drift::{Drift, DriftEvent};
use crate::assess::history::Sum;
use crate::assess::policy::{Policy, PolicyDrift};
use crate::assess::ready::{Ledger, Unmet, Verdict};
use crate::assess::sessions::Standing;
use crate::assess::tlsa::{TlsaDrift, TlsaSet};
use crate::digest::week::{DomainLine, Week};
use crate::digest::{names, words};

/// Hosts and ids named in a sentence.
const MAX_NAMED: usize = 2;

/// How a domain of ours stands over some days.
pub(crate) fn domain_line(state: &DomainState, is_whole_time: bool, today: Date) -> DomainLine {
    let volume = if is_whole_time { &state.all } else { &state.week };
    let (verdict, is_ready) = verdict(&state.readiness.verdict, today);
    DomainLine {
        domain: state.domain.clone(),
        policy: policy(state, is_whole_time, today),
        total: volume.total,
        failed: volume.failed,
        verdict,
        is_ready,
    }
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
        Protection::None => return "no policy".to_owned(),
    };
    let dane = if state.has_dane { " and DANE" } else { "" };
    match state.policy.mode_since() {
        Some(since) if is_whole_time && since > state.known.0 => {
            format!("{mode}{dane} since {}", words::day(since, today))
        }
        _ => format!("{mode}{dane}"),
    }
}

/// The verdict for the table, and whether every condition holds.
fn verdict(verdict: &Verdict, today: Date) -> (String, bool) {
    let ids = |problems: &[String]| {
        let ids: Vec<String> = problems.iter().map(|id| format!("#{id}")).collect();
        words::list_and_more(&ids, MAX_NAMED)
    };
    match verdict {
        Verdict::Ready { .. } => ("ready".to_owned(), true),
        Verdict::ReadyAsFarAs { reporter, .. } => (
            format!(
                "ready, as far as {} can tell",
                names::reporter(reporter, reporter)
            ),
            true,
        ),
        Verdict::NotYet(unmet) => (
            match unmet {
                Unmet::Tiny { sessions } => {
                    format!("not yet: only {}", words::count(*sessions, "connection"))
                }
                Unmet::Traffic { days } => format!("not yet: {days} of 10 days"),
                Unmet::Changed { day, is_first, .. } => format!(
                    "not yet: {} {}",
                    if *is_first { "new on" } else { "changed on" },
                    words::day(*day, today)
                ),
                Unmet::MxNotListed { mx } => {
                    let mx: Vec<String> = mx.iter().map(|mx| names::host(mx)).collect();
                    format!("no: {} not listed", words::list_and_more(&mx, 1))
                }
                Unmet::PolicyProblems { problems } => format!("mend first: {}", ids(problems)),
            },
            false,
        ),
        Verdict::NotReady { problems } => (format!("not ready: {}", ids(problems)), false),
        Verdict::Enforces { .. } | Verdict::DaneOnly | Verdict::NoPolicy | Verdict::ModeNone { .. } => {
            (String::new(), false)
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

/// Whether an event is told in the weekly mail only.
pub(crate) fn is_for_the_week(event: &DriftEvent) -> bool {
    match &event.what {
        Drift::Policy(_) => false,
        Drift::Tlsa(TlsaDrift::Lost { .. }) => false,
        Drift::Tlsa(_) => true,
    }
}

/// An event of a policy or of TLSA records, in a sentence or two.
pub(crate) fn event(event: &DriftEvent, today: Date) -> String {
    let place = names::host(&event.place);
    let who = names::reporter(&event.reporter, &event.reporter);
    let day = |day: Date| words::day(day, today);
    match &event.what {
        Drift::Policy(PolicyDrift::Changed { before, after, .. }) => {
            changed(&place, &who, before.as_ref(), after, event.day, today)
        }
        Drift::Policy(PolicyDrift::Laggard { .. }) => format!(
            "{place}: {who} still had the old policy on {}. Was the id in the TXT record _mta-sts changed?",
            day(event.day)
        ),
        Drift::Policy(PolicyDrift::Stale { held_mx, changed, .. }) => {
            let held = held_mx
                .as_ref()
                .map(|mx| format!(" It doesn't list {}, so its mail is held there.", names::host(mx)))
                .unwrap_or_default();
            format!(
                "{place}: {who} still uses the policy from before {}.{held} Change the id in the TXT record _mta-sts.",
                day(*changed)
            )
        }
        Drift::Policy(PolicyDrift::TwoAnswers { .. }) => {
            format!("{place}: {who} gets two policies in turn. Two web servers, or a copy in a CDN?")
        }
        Drift::Policy(PolicyDrift::Gone { last_seen, .. }) => format!(
            "{place}: {who} no longer finds your policy (last seen {}). No failure is reported for that; look at the \
             TXT record _mta-sts and the file.",
            day(*last_seen)
        ),
        Drift::Tlsa(TlsaDrift::RolledOver { changed, failed, .. }) if *failed == Sum::default() => {
            format!("TLSA of {place} changed on {}, no failures.", day(*changed))
        }
        Drift::Tlsa(TlsaDrift::RolledOver { changed, failed, .. }) => format!(
            "TLSA of {place} changed on {}; {} meanwhile. Next time publish both records for two TTLs.",
            day(*changed),
            words::count(failed.known, "failure")
        ),
        Drift::Tlsa(TlsaDrift::Single { .. }) => format!(
            "TLSA of {place}: one record only. Publish the next key's record before you change the key."
        ),
        Drift::Tlsa(TlsaDrift::UselessUsage { records }) => format!(
            "TLSA of {place}: {} of usage 0 or 1, which mail doesn't use.",
            words::count(n_records(records), "record")
        ),
        Drift::Tlsa(TlsaDrift::Lost { last_seen, .. }) => format!(
            "{who} no longer sees TLSA records for {place} (last seen {}). No failure is reported for that; check: dig \
             TLSA _25._tcp.{place}",
            day(*last_seen)
        ),
    }
}

fn n_records(records: &TlsaSet) -> u64 {
    u64::try_from(records.len()).unwrap_or(u64::MAX)
}

/// What is new in a policy: its mode, its hosts, its age.
fn changed(place: &str, who: &str, before: Option<&Policy>, after: &Policy, on: Date, today: Date) -> String {
    let on = words::day(on, today);
    let mode = names::clean(&after.mode, 20);
    let Some(before) = before else {
        return format!("{place}: {who} first saw a policy on {on}, mode {mode}.");
    };
    let mut changes = Vec::new();
    if before.mode != after.mode {
        changes.push(format!("{mode} (before: {})", names::clean(&before.mode, 20)));
    }
    let hosts = |of: &Policy, other: &Policy| -> Vec<String> {
        of.mx.difference(&other.mx).map(|mx| names::host(mx)).collect()
    };
    let added = hosts(after, before);
    if !added.is_empty() {
        changes.push(format!("mx {} added", words::list_and_more(&added, MAX_NAMED)));
    }
    let removed = hosts(before, after);
    if !removed.is_empty() {
        changes.push(format!(
            "mx {} removed",
            words::list_and_more(&removed, MAX_NAMED)
        ));
    }
    if before.max_age != after.max_age {
        changes.push(match after.max_age {
            Some(seconds) => format!("max_age {seconds}"),
            None => "no max_age".to_owned(),
        });
    }
    format!("{place}: {who} first saw {} on {on}.", words::list(&changes, 4))
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
        .map(|retired| (retired.name.clone(), retired.failed))
        .collect();
    week
}

/// Weekly words on retired domains that senders still enforce.
pub(crate) fn still_enforced(survey: &Survey, today: Date) -> Vec<(String, String)> {
    survey
        .retired
        .iter()
        .filter_map(|retired| {
            let day = retired.enforced_on?;
            let sentence = format!(
                "{} is retired, but senders still applied its policy in enforce on {}: publish mode none until max_age is \
                 over.",
                names::host(&retired.name),
                words::day(day, today)
            );
            Some((format!("retired-enforced {}", retired.name), sentence))
        })
        .collect()
}
