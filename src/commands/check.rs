//! `check`: is everything as it must be? One line each.

use std::io::Write;
use std::path::Path;

use serde::Serialize;

use super::End;
use super::output::{document, printable, verdict};
use crate::authenticate::Resolver;
use crate::cli::TextOrJson;
use crate::clock;
use crate::config::{Audience, AuthenticationMode, Config, MailboxConfig, MailboxKind};
use crate::deliver;
use crate::digest::send;
use crate::mailbox::{ImapSession, maildir, once};
use crate::ping;
use crate::store::Store;

/// How far a check goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope {
    /// The configuration alone.
    pub(super) offline: bool,
    /// Mail a line to the recipients.
    pub(super) send_test: bool,
}

/// A line of the result; `--format json` has these fields.
#[derive(Debug, Serialize)]
struct Line {
    what: String,
    ok: bool,
    detail: String,
}

impl Line {
    fn new(what: impl Into<String>, result: Result<String, String>) -> Self {
        let ok = result.is_ok();
        Self {
            what: what.into(),
            ok,
            detail: result.unwrap_or_else(|problem| problem),
        }
    }
}

/// Checks what `scope` says, goes on after the first problem, and prints a line each.
pub(super) async fn check(
    config: &Config,
    path: &Path,
    scope: Scope,
    format: TextOrJson,
) -> anyhow::Result<End> {
    let mut lines = vec![Line::new("configuration", Ok(path.display().to_string()))];
    if scope.offline {
        lines.push(Line::new("mailboxes", offline(config.require_mailboxes())));
        lines.push(Line::new("digest", offline(config.require_sending())));
    } else {
        lines.push(Line::new("database", database(config)));
        if config.mailboxes.is_empty() {
            lines.push(Line::new("mailboxes", offline(config.require_mailboxes())));
        }
        for mailbox in &config.mailboxes {
            lines.push(Line::new(
                format!("mailbox {}", mailbox.name),
                mailbox_of(mailbox, config).await,
            ));
        }
        lines.push(Line::new("smtp", smtp(config).await));
        lines.extend(
            name_servers(config)
                .await
                .map(|result| Line::new("name servers", result)),
        );
        if let Some(reached) = ping::check(&config.monitor).await.transpose() {
            let reached = reached
                .map(|host| format!("{host} can be reached; it was told nothing"))
                .map_err(|problem| format!("{problem}; check monitor.ping_url"));
            lines.push(Line::new("monitor", reached));
        }
        if scope.send_test {
            for audience in config.digest.audiences() {
                lines.push(Line::new("test mail", send_test(config, &audience).await));
            }
        }
    }
    let mut out = std::io::stdout().lock();
    match format {
        TextOrJson::Json => writeln!(out, "{}", document(&lines)?)?,
        TextOrJson::Text => {
            for line in &lines {
                let verdict = verdict(line.ok);
                writeln!(out, "{}: {verdict}: {}", line.what, printable(&line.detail))?;
            }
        }
    }
    Ok(if lines.iter().all(|line| line.ok) {
        End::Done
    } else {
        End::Failed
    })
}

fn offline(result: Result<(), crate::config::ConfigError>) -> Result<String, String> {
    result
        .map(|()| "complete".to_owned())
        .map_err(|error| error.to_string())
}

fn database(config: &Config) -> Result<String, String> {
    let path = &config.store.path;
    if !path.exists() {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        return tempfile::NamedTempFile::new_in(folder)
            .map(|_| {
                format!(
                    "{} isn't there yet; the first poll or import makes it",
                    path.display()
                )
            })
            .map_err(|error| {
                format!(
                    "cannot write in {}: {error}; make the folder and let this user write there",
                    folder.display()
                )
            });
    }
    let store = Store::open_read_only(&config.store).map_err(|error| error.to_string())?;
    let problems = store.integrity().map_err(|error| error.to_string())?;
    match problems.first() {
        None => Ok(format!("{}, intact", path.display())),
        Some(problem) => Err(format!(
            "{} is damaged: {problem}; stop tlsrptd and restore a backup (docs/operations.md)",
            path.display()
        )),
    }
}

/// Logs in and opens each folder.
pub(super) async fn mailbox_of(mailbox: &MailboxConfig, config: &Config) -> Result<String, String> {
    config.require_mailboxes().map_err(|error| error.to_string())?;
    if mailbox.kind == MailboxKind::Maildir {
        let path = mailbox.path.as_deref().unwrap_or(Path::new("."));
        let entries = maildir::new_names(path).map_err(|error| error.to_string())?;
        return Ok(format!("{}: {} mails", path.display(), entries.len()));
    }
    let limit = config.limits.poll_deadline;
    let checking = async {
        let mut session = ImapSession::connect(mailbox, &config.limits).await?;
        let mut found = Vec::new();
        for folder in mailbox.folders() {
            let state = session.examine(&folder).await?;
            found.push(format!("{folder}: {} mails", state.exists));
        }
        session.logout().await;
        Ok::<_, crate::mailbox::MailboxError>(found.join(", "))
    };
    match tokio::time::timeout(limit, checking).await {
        Ok(Ok(found)) => Ok(format!(
            "{}:{}: login works; {found}",
            mailbox.host,
            mailbox.port()
        )),
        Ok(Err(error)) => Err(error.once()),
        Err(_) => Err(format!(
            "no answer within limits.poll_deadline ({} s)",
            limit.as_secs()
        )),
    }
}

/// Whether keys of signatures can be asked for; `None` where nobody asks.
async fn name_servers(config: &Config) -> Option<Result<String, String>> {
    match config.authentication.mode {
        AuthenticationMode::Off | AuthenticationMode::TrustMx => return None,
        AuthenticationMode::Auto | AuthenticationMode::Verify => {}
    }
    let checked = Resolver::new(&config.authentication).check().await;
    Some(match checked {
        Ok(()) => Ok("they answer".to_owned()),
        Err(problem) => Err(format!(
            "{problem}; set authentication.nameservers, or reports are set aside until one answers"
        )),
    })
}

async fn smtp(config: &Config) -> Result<String, String> {
    config.require_sending().map_err(|error| error.to_string())?;
    send::check(&config.smtp)
        .await
        .map_err(|error| once(error.to_string()))
}

/// Mails one line, so that a person sees that digests will arrive.
async fn send_test(config: &Config, audience: &Audience) -> Result<String, String> {
    config.require_sending().map_err(|error| error.to_string())?;
    let now = clock::now().to_zoned(deliver::zone(config));
    let composed = deliver::compose_test(config, audience, &now).map_err(|error| format!("{error:#}"))?;
    let handed = send::send(
        &config.smtp,
        &config.digest.from,
        &audience.to,
        &composed.message_id,
        &composed.mail,
    )
    .await
    .map_err(|error| once(error.to_string()))?;
    let failed: Vec<String> = handed
        .results
        .iter()
        .filter_map(|(recipient, delivered)| match delivered {
            send::Delivered::Accepted => None,
            send::Delivered::Refused(answer) | send::Delivered::Failed(answer) => {
                Some(format!("{recipient}: {answer}"))
            }
        })
        .collect();
    handed.end().await;
    if failed.is_empty() {
        Ok(format!("accepted for {}", audience.to.join(", ")))
    } else {
        Err(format!("{}; check digest.to", failed.join("; ")))
    }
}
