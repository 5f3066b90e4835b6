//! What changed in policies and TLSA records, and who still has the old ones, in words. Pure.

use jiff::civil::Date;

use crate::assess::domains::DomainState;
use crate::assess::drift::{Drift, DriftEvent};
use crate::assess::history::Sum;
use crate::assess::policy::{Outdated, Policy, PolicyDrift};
use crate::assess::tlsa::{TlsaDrift, TlsaSet};
use crate::digest::week::Week;
use crate::digest::{names, words};

/// Hosts named in a sentence.
const MAX_NAMED: usize = 2;

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
