//! How things stand as labelled lines, and in one line.

use jiff::Timestamp;
use serde_json::Value as Json;

use super::trouble::span;
use super::{Mailbox, Status};
use crate::commands::output::printable;
use crate::oauth::NEEDS_AUTHORISATION;
use crate::store::FolderStatus;

/// Open problems in a line each.
pub(super) const MAX_PROBLEMS: usize = 10;

/// A label and what it says.
type Line = (&'static str, String);

pub(super) fn health_line(status: &Status) -> String {
    if !status.healthy {
        return format!("FAILED: {}", printable(&status.problems.join("; ")));
    }
    let newest = status
        .counts
        .newest_report_day
        .as_ref()
        .map_or("no report yet".to_owned(), |day| format!("newest report {day}"));
    format!("ok: mailboxes {}, {newest}", status.mailboxes.len())
}

pub(super) fn text(status: &Status, now: Timestamp) -> String {
    let process = status.process.as_ref().map_or(
        "none; nothing is polled and no digest sent until `tlsrptd run` is started".to_owned(),
        |pid| format!("{pid} polls and sends"),
    );
    let mut lines = vec![("Process", process)];
    lines.extend(status.problems.iter().map(|problem| ("PROBLEM", problem.clone())));
    for mailbox in &status.mailboxes {
        mailbox_lines(&mut lines, mailbox, now);
    }
    let counts = &status.counts;
    let newest = counts
        .newest_report_day
        .as_deref()
        .map_or(String::new(), |day| format!(", the newest of {day}"));
    lines.push(("Reports", format!("{}{newest}", counts.reports)));
    if counts.set_aside > 0 {
        let more = "`tlsrptd mails --outcome set-aside` lists them";
        lines.push(("Set aside", format!("{}, not counted; {more}", counts.set_aside)));
    }
    if counts.waiting > 0 {
        let reports = if counts.waiting == 1 { "report" } else { "reports" };
        lines.push((
            "Waiting",
            format!("{} {reports} for a name server; tlsrptd check", counts.waiting),
        ));
    }
    lines.extend(status.unproven.as_ref().map(unproven_line));
    lines.push(("Failure types", counts.failure_types.to_string()));
    let more = if counts.rejected > 0 {
        "; `tlsrptd mails` lists them"
    } else {
        ""
    };
    lines.push((
        "Mails",
        format!("{}, of these rejected: {}{more}", counts.mails, counts.rejected),
    ));
    assessed_lines(&mut lines, status);
    digest_lines(&mut lines, status, now);
    let lines = lines
        .into_iter()
        .map(|(label, value)| format!("{label:<13} {}\n", printable(&value)));
    lines.collect()
}

fn mailbox_lines(lines: &mut Vec<Line>, mailbox: &Mailbox, now: Timestamp) {
    let when = |at: Option<Timestamp>| at.map_or("never".to_owned(), |at| ago(at, now));
    lines.push(("Mailbox", mailbox.name.clone()));
    lines.push(("  polled", when(mailbox.polled_at)));
    if let Some(since) = mailbox.failing_since {
        lines.push(("  succeeded", when(mailbox.succeeded_at)));
        lines.push(("  failing", format!("since {}", ago(since, now))));
        if mailbox.needs_authorisation {
            let way_out = "follow docs/oauth.md, then `tlsrptd check`";
            lines.push(("  state", format!("{NEEDS_AUTHORISATION}: {way_out}")));
        }
        lines.push(("  error", mailbox.error.clone().unwrap_or_default()));
    }
    for folder in mailbox.folders.iter().filter(|folder| !folder.server.is_empty()) {
        let FolderStatus {
            folder,
            last_uid,
            uid_validity,
            ..
        } = folder;
        lines.push((
            "  folder",
            format!("{folder}: read up to UID {last_uid} (UIDVALIDITY {uid_validity})"),
        ));
    }
    if mailbox.to_leave > 0 {
        lines.push((
            "  to leave",
            format!("{} stored mails, at a coming poll", mailbox.to_leave),
        ));
    }
}

/// That most reports aren't proven, with the setting to change.
fn unproven_line(unproven: &Json) -> Line {
    let number = |key: &str| unproven.get(key).and_then(Json::as_u64).unwrap_or_default();
    let counted = match unproven.get("counted").and_then(Json::as_bool) {
        Some(true) => "counted as before",
        _ => "set aside",
    };
    let what = format!(
        "{} of the last days' {} daily reports, {counted}; set authserv_id or unauthenticated in [authentication]",
        number("failing"),
        number("all")
    );
    ("Not proven", what)
}

/// The open problems, each in a line, and who is silent.
fn assessed_lines(lines: &mut Vec<Line>, status: &Status) {
    let text = |json: &Json, key: &str| {
        json.get(key)
            .and_then(Json::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let summary = match status.n_open {
        (0, _) => "none is open".to_owned(),
        (n, 0) => format!("{n} open; `tlsrptd problems` lists them"),
        (n, acknowledged) => {
            format!("{n} open, of these {acknowledged} acknowledged; `tlsrptd problems` lists them")
        }
    };
    lines.push(("Repairs", summary));
    for problem in status.open_problems.iter().flatten().take(MAX_PROBLEMS) {
        lines.push((
            "",
            format!(
                "#{} {}, {}",
                text(problem, "id"),
                text(problem, "headline"),
                text(problem, "state")
            ),
        ));
    }
    for silent in status.silent_reporters.iter().flatten() {
        let days = |key: &str| silent.get(key).and_then(Json::as_i64).unwrap_or_default();
        lines.push((
            "Silent",
            format!(
                "{}: nothing since {}, {} days; the longest pause in the four weeks before: {}",
                text(silent, "reporter"),
                text(silent, "last_day"),
                days("days"),
                days("longest_before")
            ),
        ));
    }
}

fn digest_lines(lines: &mut Vec<Line>, status: &Status, now: Timestamp) {
    let last = status.last_digest.map_or("none".to_owned(), |at| at.to_string());
    lines.push(("Last digest", last));
    let next = status
        .next_digest
        .map_or("not configured: [digest] and [smtp]".to_owned(), |at| {
            let overdue = if at < now {
                ", overdue: `run` decides at once"
            } else {
                ""
            };
            format!("{at}{overdue}")
        });
    lines.push(("Next digest", next));
    for digest in &status.waiting_digests {
        lines.push((
            "Not accepted",
            format!("{:?}, due {}", digest.subject, ago(digest.due_at, now)),
        ));
        lines.push(("  audience", digest.audience.clone()));
        lines.push(("  waiting", digest.recipients.join(", ")));
        lines.push(("  tried", format!("{} times", digest.attempts)));
        lines.extend(digest.error.iter().map(|error| ("  error", error.clone())));
    }
    for refused in &status.refused_recipients {
        let since = ago(refused.since, now);
        lines.push((
            "Refused",
            format!("{} since {since}: {}", refused.recipient, refused.error),
        ));
    }
}

fn ago(at: Timestamp, now: Timestamp) -> String {
    format!("{at}, {} ago", span(at, now))
}
