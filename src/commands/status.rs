//! `status`: how things stand, for people, programs and health checks.

use std::io::Write;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp, Zoned};
use serde::Serialize;
use serde_json::{Value as Json, json};

use super::End;
use super::output::{document, printable};
use super::{problems, saying};
use crate::cli::{StatusArgs, TextOrJson};
use crate::clock;
use crate::config::{After, Config, DEFAULT_AUDIENCE, MailboxConfig, MailboxKind};
use crate::deliver;
use crate::digest::schedule;
use crate::oauth::NEEDS_AUTHORISATION;
use crate::store::{Counts, FolderStatus, Refused, Store, WaitingDigest, lock_holder};

/// Open problems in a line each.
const MAX_PROBLEMS: usize = 10;

/// What `--format json` prints.
#[derive(Debug, Serialize)]
struct Status {
    /// The process that polls or sends.
    process: Option<String>,
    healthy: bool,
    /// What has failed for longer than `limits.health_after`.
    problems: Vec<String>,
    mailboxes: Vec<Mailbox>,
    counts: Counts,
    next_digest: Option<Timestamp>,
    last_digest: Option<Timestamp>,
    waiting_digests: Vec<WaitingDigest>,
    refused_recipients: Vec<Refused>,
    /// What is to be repaired; none with `--health`, which must be quick.
    open_problems: Option<Vec<Json>>,
    /// Reporters that usually report and don't; none with `--health`.
    silent_reporters: Option<Vec<Json>>,
    /// Where most reports of the last days aren't proven: how many of how many, and whether they count.
    unproven: Option<Json>,
}

#[derive(Debug, Serialize)]
struct Mailbox {
    name: String,
    polled_at: Option<Timestamp>,
    succeeded_at: Option<Timestamp>,
    failing_since: Option<Timestamp>,
    error: Option<String>,
    /// Whether a person must authorise us anew (OAuth 2).
    needs_authorisation: bool,
    folders: Vec<FolderStatus>,
    /// Stored mails that `after` will move or delete.
    to_leave: i64,
}

/// Prints how things stand, or with `--health` in one line whether they are well.
pub(super) fn status(config: &Config, args: &StatusArgs) -> anyhow::Result<End> {
    let now = clock::now();
    let mut status = gather(config, now)?;
    if !args.health {
        assess(config, &mut status)?;
    }
    let mut out = std::io::stdout().lock();
    match (args.health, args.format) {
        (_, TextOrJson::Json) => writeln!(out, "{}", document(&status)?)?,
        (true, TextOrJson::Text) => writeln!(out, "{}", health_line(&status))?,
        (false, TextOrJson::Text) => write!(out, "{}", text(&status, now))?,
    }
    Ok(if args.health && !status.healthy {
        End::Failed
    } else {
        End::Done
    })
}

fn gather(config: &Config, now: Timestamp) -> anyhow::Result<Status> {
    let process = lock_holder(&config.store)?;
    let store = Store::open_read_only(&config.store)?;
    let folders = store.folders()?;
    let mut mailboxes = Vec::new();
    for mailbox in &config.mailboxes {
        let state = store.mailbox_state(&mailbox.name)?;
        let folders: Vec<FolderStatus> = folders
            .iter()
            .filter(|folder| is_of(folder, mailbox))
            .cloned()
            .collect();
        let settled = folders.iter().map(|folder| folder.settled).sum();
        mailboxes.push(Mailbox {
            name: mailbox.name.clone(),
            polled_at: state.as_ref().map(|state| state.polled_at),
            succeeded_at: state.as_ref().and_then(|state| state.succeeded_at),
            failing_since: state.as_ref().and_then(|state| state.failing_since),
            needs_authorisation: state
                .as_ref()
                .and_then(|state| state.error.as_deref())
                .is_some_and(|error| error.contains(NEEDS_AUTHORISATION)),
            error: state.and_then(|state| state.error),
            folders,
            to_leave: if mailbox.after == After::Leave { 0 } else { settled },
        });
    }
    let wall = now.to_zoned(deliver::zone(config));
    let past = deliver::past(&store, DEFAULT_AUDIENCE)?;
    let next_digest = config
        .require_sending()
        .ok()
        .and_then(|()| next_digest(&wall, config, past))
        .map(|due| due.timestamp());
    let mut refused_recipients = store.refused_recipients()?;
    refused_recipients.retain(|refused| deliver::recipients(config).contains(&refused.recipient));
    let mut status = Status {
        process,
        healthy: true,
        problems: Vec::new(),
        mailboxes,
        counts: store.counts()?,
        next_digest,
        last_digest: store.last_digest_at(DEFAULT_AUDIENCE)?,
        waiting_digests: store.waiting_digests()?,
        refused_recipients,
        open_problems: None,
        silent_reporters: None,
        unproven: None,
    };
    status.problems = troubles(config, &status, now);
    status.healthy = status.problems.is_empty();
    Ok(status)
}

/// Adds what the reports say.
fn assess(config: &Config, status: &mut Status) -> anyhow::Result<()> {
    let today = saying::today();
    let store = Store::open_read_only(&config.store)?;
    let (problems, survey) = store.problems_with_survey(today, &config.domains)?;
    let open: Vec<Json> = problems
        .iter()
        .filter(|problem| problems::is_listed(problem))
        .map(problems::problem_json)
        .collect();
    let silent: Vec<Json> = survey
        .reporters
        .into_iter()
        .filter_map(|reporter| Some((reporter.reporter, reporter.silence?)))
        .map(|(reporter, silence)| {
            json!({
                "reporter": reporter,
                "last_day": silence.last_day,
                "days": silence.pause,
                "longest_before": silence.longest_before,
            })
        })
        .collect();
    if !deliver::counts_all(config) {
        status.unproven = store.unproven(clock::now())?.map(|unproven| {
            json!({ "failing": unproven.failing, "all": unproven.all, "counted": unproven.counted })
        });
    }
    status.open_problems = Some(open);
    status.silent_reporters = Some(silent);
    Ok(())
}

/// Whether a folder's cursor belongs to a mailbox as it is configured now.
fn is_of(folder: &FolderStatus, mailbox: &MailboxConfig) -> bool {
    match mailbox.kind {
        MailboxKind::Maildir => {
            let path = mailbox.path.as_ref().map(|path| path.display().to_string());
            folder.server.is_empty() && path.as_ref() == Some(&folder.folder)
        }
        MailboxKind::Imap => {
            folder.server == format!("{}:{}", mailbox.host, mailbox.port())
                && folder.user == mailbox.user
                && mailbox.folders().contains(&folder.folder)
        }
    }
}

/// What has failed, or not been tried, for longer than `limits.health_after`.
fn troubles(config: &Config, status: &Status, now: Timestamp) -> Vec<String> {
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

fn health_line(status: &Status) -> String {
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

/// The time from `since` to `now`, in the largest unit that fits.
fn span(since: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(since).as_secs().max(0);
    let units = [("days", 86_400), ("hours", 3_600), ("minutes", 60)];
    let fitting = units
        .into_iter()
        .filter_map(|(unit, length)| seconds.checked_div(length).map(|n| (n, unit)))
        .find(|(n, _)| *n > 1);
    fitting.map_or(format!("{seconds} seconds"), |(n, unit)| format!("{n} {unit}"))
}

/// A label and what it says.
type Line = (&'static str, String);

fn text(status: &Status, now: Timestamp) -> String {
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
        lines.push(("Set aside", format!("{}, not proven; {more}", counts.set_aside)));
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
    let open = status.open_problems.as_deref().unwrap_or_default();
    let is_acknowledged = |problem: &&Json| problem.get("acknowledged_until").is_some_and(Json::is_string);
    let summary = match (open.len(), open.iter().filter(is_acknowledged).count()) {
        (0, _) => "none is open".to_owned(),
        (n, 0) => format!("{n} open; `tlsrptd problems` lists them"),
        (n, acknowledged) => {
            format!("{n} open, of these {acknowledged} acknowledged; `tlsrptd problems` lists them")
        }
    };
    lines.push(("Repairs", summary));
    for problem in open.iter().take(MAX_PROBLEMS) {
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

fn ago(at: Timestamp, now: Timestamp) -> String {
    format!("{at}, {} ago", span(at, now))
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

/// The moment that `run` acts upon next: one in the past if it was missed, which it makes good at once.
fn next_digest(now: &Zoned, config: &Config, past: schedule::Past) -> Option<Zoned> {
    let latest = schedule::latest_due(now, config.digest.at).ok()?;
    if schedule::is_open(&latest, past) {
        return Some(latest);
    }
    schedule::next_due(now, config.digest.at).ok()
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
