//! What has failed, or not been tried, for too long; for `--health`.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Status;
use crate::config::{Config, DEFAULT_AUDIENCE};
use crate::store::WaitingDigest;

/// What has failed, or not been tried, for longer than `limits.health_after`.
pub(super) fn troubles(config: &Config, status: &Status, now: Timestamp) -> Vec<String> {
    let limit = config.limits.health_after;
    let mut problems = Vec::new();
    for (mailbox, state) in config.mailboxes.iter().zip(&status.mailboxes) {
        let name = &mailbox.name;
        let failing = state.failing_since.filter(|since| is_over(*since, limit, now));
        // Between two polls nothing is amiss.
        let pause = limit.saturating_add(mailbox.poll_interval);
        if let Some(since) = failing {
            let error = state.error.as_deref().unwrap_or("no reason is known");
            problems.push(format!(
                "mailbox {name:?} has been failing for {}: {error}",
                span(since, now)
            ));
        } else if let Some(at) = state.polled_at.filter(|at| is_over(*at, pause, now)) {
            problems.push(format!(
                "mailbox {name:?} was polled {} ago; start `tlsrptd run`",
                span(at, now)
            ));
        } else if state.polled_at.is_none() && status.process.is_none() {
            problems.push(format!("mailbox {name:?} was never polled; start `tlsrptd run`"));
        }
    }
    for digest in &status.waiting_digests {
        if is_over(digest.due_at, limit, now) {
            let error = digest.error.as_deref().unwrap_or("it was not tried");
            problems.push(format!(
                "the digest{} has been waiting for {}: {error}",
                for_audience(digest),
                span(digest.due_at, now)
            ));
        }
    }
    for refused in &status.refused_recipients {
        if is_over(refused.since, limit, now) {
            problems.push(format!(
                "{} has been refused for {}: {}",
                refused.recipient,
                span(refused.since, now),
                refused.error
            ));
        }
    }
    problems
}

/// Whose digest it is, where it isn't that of `digest.to`.
fn for_audience(digest: &WaitingDigest) -> String {
    if digest.audience == DEFAULT_AUDIENCE {
        String::new()
    } else {
        format!(" for audience {:?}", digest.audience)
    }
}

fn is_over(since: Timestamp, limit: Duration, now: Timestamp) -> bool {
    now.duration_since(since) > SignedDuration::try_from(limit).unwrap_or(SignedDuration::MAX)
}

/// The time from `since` to `now`, in the largest unit that fits.
pub(super) fn span(since: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(since).as_secs().max(0);
    let units = [("days", 86_400), ("hours", 3_600), ("minutes", 60)];
    let fitting = units
        .into_iter()
        .filter_map(|(unit, length)| seconds.checked_div(length).map(|n| (n, unit)))
        .find(|(n, _)| *n > 1);
    fitting.map_or(format!("{seconds} seconds"), |(n, unit)| format!("{n} {unit}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn span_is_told_in_the_largest_unit_that_fits() {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        for (since, expected) in [
            ("2026-11-22T12:00:00Z", "0 seconds"),
            ("2026-11-22T11:58:20Z", "100 seconds"),
            ("2026-11-22T11:57:00Z", "3 minutes"),
            ("2026-11-21T11:00:00Z", "25 hours"),
            ("2026-11-19T12:00:00Z", "3 days"),
            ("2026-11-23T12:00:00Z", "0 seconds"),
        ] {
            assert_eq!(span(since.parse().unwrap(), now), expected, "{since}");
        }
    }
}
