//! `status`: how things stand, for people, programs and health checks.

mod lines;
mod trouble;

use std::io::Write;

use jiff::{Timestamp, Zoned};
use serde::Serialize;
use serde_json::{Value as Json, json};

use lines::{health_line, text};
use trouble::troubles;

use super::End;
use super::output::document;
use super::{problems, saying};
use crate::assess::problem::Problem;
use crate::cli::{StatusArgs, TextOrJson};
use crate::clock;
use crate::config::{After, Config, DEFAULT_AUDIENCE, MailboxConfig, MailboxKind};
use crate::deliver;
use crate::digest::schedule;
use crate::oauth::NEEDS_AUTHORISATION;
use crate::store::{Counts, FolderStatus, Refused, Store, WaitingDigest, lock_holder};

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
    /// What is to be repaired, for people the first of it alone; none with `--health`, which must be quick.
    open_problems: Option<Vec<Json>>,
    /// How many are open, and how many of these acknowledged.
    #[serde(skip)]
    n_open: (usize, usize),
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
        let n_problems = match args.format {
            TextOrJson::Text => lines::MAX_PROBLEMS,
            TextOrJson::Json => usize::MAX,
        };
        assess(config, &mut status, n_problems)?;
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
        n_open: (0, 0),
        silent_reporters: None,
        unproven: None,
    };
    status.problems = troubles(config, &status, now);
    status.healthy = status.problems.is_empty();
    Ok(status)
}

/// The moment that `run` acts upon next: one in the past if it was missed, which it makes good at once.
fn next_digest(now: &Zoned, config: &Config, past: schedule::Past) -> Option<Zoned> {
    let latest = schedule::latest_due(now, config.digest.at).ok()?;
    if schedule::is_open(&latest, past) {
        return Some(latest);
    }
    schedule::next_due(now, config.digest.at).ok()
}

/// Adds what the reports say; of the open problems the first ones are written out.
fn assess(config: &Config, status: &mut Status, n_problems: usize) -> anyhow::Result<()> {
    let today = saying::today();
    let store = Store::open_read_only(&config.store)?;
    let (problems, survey) = store.problems_with_survey(today, &config.domains)?;
    let mut open = problems;
    open.retain(problems::is_listed);
    let is_acknowledged = |problem: &&Problem| problem.acknowledged_until.is_some();
    status.n_open = (open.len(), open.iter().filter(is_acknowledged).count());
    let open = open.iter().take(n_problems).map(problems::problem_json).collect();
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
