//! How domains and reporters stand, in words: policies, readiness, what changed, who is silent. Pure.

use jiff::ToSpan;
use jiff::civil::Date;

use crate::assess::domains::{DomainState, Protection, Survey};
use crate::assess::drift::{Drift, DriftEvent};
use crate::assess::history::Sum;
use crate::assess::policy::{Outdated, Policy, PolicyDrift};
use crate::assess::ready::{Ledger, RetiredMx, Unmet, Verdict};
use crate::assess::sessions::Standing;
use crate::assess::tlsa::{TlsaDrift, TlsaSet};
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

/// Whether an event is told in the weekly mail only.
pub(crate) fn is_for_the_week(event: &DriftEvent) -> bool {
    matches!(&event.what, Drift::Tlsa(what) if !matches!(what, TlsaDrift::Lost { .. }))
}

/// Whether the policy changed on one of the week's days.
pub(crate) fn is_of_the_week(event: &DriftEvent, week: &Week) -> bool {
    let is_change = matches!(event.what, Drift::Policy(PolicyDrift::Changed { .. }));
    is_change && (week.first..=week.last).contains(&event.day)
}

/// Who has shown an old policy since it changed, and not the new one.
pub(crate) fn not_yet(state: &DomainState, event: &DriftEvent) -> Option<String> {
    let Drift::Policy(PolicyDrift::Changed { after, .. }) = &event.what else {
        return None;
    };
    let seen = || state.policy.seen.iter().filter(|seen| seen.last_day >= event.day);
    let is_up_to_date =
        |reporter: &str| seen().any(|seen| seen.reporter == reporter && seen.policy == *after);
    let mut waiting: Vec<String> = seen()
        .filter(|seen| !is_up_to_date(&seen.reporter))
        .map(|seen| names::reporter(&seen.reporter, &seen.reporter))
        .collect();
    waiting.dedup();
    (!waiting.is_empty()).then(|| format!(" Not yet: {}.", words::list(&waiting, 3)))
}

/// Whether an event says that an old policy is still used.
pub(crate) fn is_about_an_old_policy(event: &DriftEvent) -> bool {
    matches!(event.what, Drift::Policy(PolicyDrift::Laggard { .. }))
}

/// Who still uses an old policy, in a sentence or two.
pub(crate) fn outdated(domain: &str, outdated: &[&Outdated], today: Date) -> Option<String> {
    let first = outdated.first()?;
    let place = names::host(domain);
    let reporters: Vec<String> = outdated
        .iter()
        .map(|outdated| names::reporter(&outdated.reporter, &outdated.reporter))
        .collect();
    let last = outdated.iter().map(|outdated| outdated.last_day).max()?;
    Some(format!(
        "{place}: {} still had the policy from before {} on {}. Change the id in the TXT record _mta-sts.{place}.",
        words::list(&reporters, 3),
        words::day(first.changed, today),
        words::day(last, today)
    ))
}

/// Events that say the same of a place, by several reporters, are told in one sentence.
pub(crate) fn grouped<'a>(events: &[&'a DriftEvent]) -> Vec<Vec<&'a DriftEvent>> {
    let kind = |event: &DriftEvent| match &event.what {
        Drift::Policy(PolicyDrift::Changed { .. }) => 0,
        Drift::Policy(PolicyDrift::Laggard { .. }) => 1,
        Drift::Policy(PolicyDrift::TwoAnswers { .. }) => 3,
        Drift::Policy(PolicyDrift::Gone { .. }) => 4,
        Drift::Tlsa(TlsaDrift::RolledOver { .. }) => 5,
        Drift::Tlsa(TlsaDrift::Single { .. }) => 6,
        Drift::Tlsa(TlsaDrift::UselessUsage { .. }) => 7,
        Drift::Tlsa(TlsaDrift::Lost { .. }) => 8,
    };
    let mut groups: Vec<Vec<&'a DriftEvent>> = Vec::new();
    for event in events.iter().copied() {
        let is_alike = |group: &&mut Vec<&'a DriftEvent>| {
            let same = |first: &&DriftEvent| {
                kind(first) == kind(event)
                    && first.place == event.place
                    && matches!(kind(event), 1 | 2 | 3 | 4 | 8)
            };
            group.first().is_some_and(same)
        };
        match groups.iter_mut().find(is_alike) {
            Some(group) => group.push(event),
            None => groups.push(vec![event]),
        }
    }
    groups
}

/// Events of one kind about a policy or TLSA records: what the Subject says, and the whole in a sentence or two.
pub(crate) fn event(group: &[&DriftEvent], today: Date) -> (String, String) {
    let Some(event) = group.first() else {
        return (String::new(), String::new());
    };
    let place = names::host(&event.place);
    let reporters: Vec<String> = group
        .iter()
        .map(|event| names::reporter(&event.reporter, &event.reporter))
        .collect();
    let who = words::list(&reporters, 3);
    // `sees`, `see`.
    let s = if reporters.len() == 1 { "s" } else { "" };
    let day = |day: Date| words::day(day, today);
    match &event.what {
        Drift::Policy(PolicyDrift::Changed { before, after, .. }) => {
            changed(&place, &who, before.as_ref(), after, event.day, today)
        }
        Drift::Policy(PolicyDrift::Laggard { .. }) => (
            format!("{place}: {who} still had the old policy"),
            format!(
                "{place}: {who} still had the old policy on {}. Was the id in the TXT record _mta-sts.{place} changed?",
                day(event.day)
            ),
        ),
        Drift::Policy(PolicyDrift::TwoAnswers { .. }) => (
            format!("{place}: two policies in turn"),
            format!("{place}: {who} get{s} two policies in turn. Two web servers, or a copy in a CDN?"),
        ),
        Drift::Policy(PolicyDrift::Gone { last_seen, .. }) => (
            format!("{place}: {who} no longer find{s} your policy"),
            format!(
                "{place}: {who} no longer find{s} your policy (last seen {}). Nobody reports a failure for that. Look at \
                 the TXT record _mta-sts.{place}, then at the file.",
                day(*last_seen)
            ),
        ),
        Drift::Tlsa(what) => tlsa(&place, &who, s, what, today),
    }
}

fn tlsa(place: &str, who: &str, s: &str, what: &TlsaDrift, today: Date) -> (String, String) {
    let day = |day: Date| words::day(day, today);
    let subject = format!("TLSA of {place} changed");
    match what {
        TlsaDrift::RolledOver { changed, failed, .. } if *failed == Sum::default() => (
            subject,
            format!("TLSA of {place} changed on {}, no failures.", day(*changed)),
        ),
        TlsaDrift::RolledOver { changed, failed, .. } => (
            subject,
            format!(
                "TLSA of {place} changed on {}; {} meanwhile. Next time publish both records for two TTLs.",
                day(*changed),
                words::count(failed.known, "failure")
            ),
        ),
        TlsaDrift::Single { .. } => (
            subject,
            format!(
                "TLSA of {place}: one record only. Publish the next key's record before you change the key."
            ),
        ),
        TlsaDrift::UselessUsage { records } => (
            subject,
            format!(
                "TLSA of {place}: {} of usage 0 or 1, which mail doesn't use.",
                words::count(n_records(records), "record")
            ),
        ),
        TlsaDrift::Lost { last_seen, .. } => (
            format!("{place}: {who} no longer see{s} TLSA records"),
            format!(
                "{place}: {who} no longer see{s} TLSA records of its MX (last seen {}). Nobody reports a failure for that. \
                 Look at the TLSA records and DNSSEC of each MX.",
                day(*last_seen)
            ),
        ),
    }
}

fn n_records(records: &TlsaSet) -> u64 {
    u64::try_from(records.len()).unwrap_or(u64::MAX)
}

/// What is new in a policy: its mode, its hosts, its age.
fn changed(
    place: &str,
    who: &str,
    before: Option<&Policy>,
    after: &Policy,
    on: Date,
    today: Date,
) -> (String, String) {
    let on = words::day(on, today);
    let mode = names::clean(&after.mode, 20);
    let Some(before) = before else {
        let subject = format!("{place}: {who} first saw a policy, mode {mode}");
        return (
            subject,
            format!("{place}: {who} first saw a policy on {on}, mode {mode}."),
        );
    };
    let hosts = |of: &Policy, other: &Policy| -> Vec<String> {
        of.mx.difference(&other.mx).map(|mx| names::host(mx)).collect()
    };
    let mut changes = Vec::new();
    let mut subject = None;
    if before.mode != after.mode {
        subject.get_or_insert(format!("{place}: senders see {mode} now"));
        changes.push(format!("{mode} (before: {})", names::clean(&before.mode, 20)));
    }
    for (hosts, what) in [(hosts(after, before), "added"), (hosts(before, after), "removed")] {
        if !hosts.is_empty() {
            subject.get_or_insert(format!("{place}: senders see other MX in the policy now"));
            changes.push(format!("{} {what}", words::list_and_more(&hosts, MAX_NAMED)));
        }
    }
    if before.max_age != after.max_age {
        changes.push(match after.max_age {
            Some(seconds) => format!("max_age {seconds}"),
            None => "no max_age".to_owned(),
        });
    }
    (
        subject.unwrap_or_else(|| format!("{place}: senders see a new policy now")),
        format!("{place}: {who} first saw on {on}: {}.", changes.join("; ")),
    )
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
