//! From facts to a mail, and from a mail to its recipients.

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use crate::clock;
use crate::config::{After, Config};
use crate::digest::send::{Delivered, Handed, SendError, send};
use crate::digest::{Digest, Options, Rendered, mail, schedule};
use crate::store::rows::DigestFacts;
use crate::store::{Composed, Delivery, FixedDigest, Question, Store, StoreError};

/// `state` key: the newest due moment at which there was nothing to send.
pub const PASSED_OVER: &str = "digest_passed_over";

/// What has been decided about digests so far.
///
/// # Errors
///
/// [`StoreError`] from the database.
pub fn past(store: &Store) -> Result<schedule::Past, StoreError> {
    Ok(schedule::Past {
        previous: store.last_digest_at()?,
        passed_over: store.moment_of(PASSED_OVER)?,
    })
}

/// How a round of deliveries ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Round {
    /// Who accepted the mail now.
    pub accepted: Vec<String>,
    /// Who was refused for good, and the answer.
    pub refused: Vec<(String, String)>,
    /// Who still waits, and why.
    pub waiting: Vec<(String, String)>,
    /// Whether the digest counts as sent.
    pub is_sent: bool,
}

/// The configured time zone, which was checked when the configuration was read.
pub fn zone(config: &Config) -> TimeZone {
    TimeZone::get(&config.digest.timezone).unwrap_or(TimeZone::UTC)
}

/// Names of the configured mailboxes.
pub fn mailboxes(config: &Config) -> Vec<String> {
    config
        .mailboxes
        .iter()
        .map(|mailbox| mailbox.name.clone())
        .collect()
}

/// Whether a configured mailbox fails or a digest waits in vain, for a monitor; a database that can't say so is trouble.
pub fn has_trouble(config: &Config, store: &Store) -> bool {
    store.has_trouble(&mailboxes(config)).unwrap_or(true)
}

/// What the next digest is asked for.
pub fn question<'a>(config: &'a Config, mailboxes: &'a [String], due_at: Timestamp) -> Question<'a> {
    Question {
        due_at,
        announce_days: config.digest.announce_days,
        mailboxes,
        recipients: &config.digest.to,
    }
}

/// The digest of some facts.
///
/// # Errors
///
/// If the template engine fails.
pub fn render(config: &Config, facts: &DigestFacts) -> anyhow::Result<(Digest, Rendered)> {
    let options = Options {
        zone: zone(config),
        send: config.digest.send,
        weekly: config.digest.weekly,
        mailbox_unchanged: config
            .mailboxes
            .iter()
            .all(|mailbox| mailbox.after == After::Leave),
    };
    let digest = Digest::build(facts, &options);
    let rendered = digest.render()?;
    Ok((digest, rendered))
}

/// The mail of a rendered digest, with a Message-ID of its own.
///
/// # Errors
///
/// If an address of the configuration is none.
pub fn compose(config: &Config, rendered: &Rendered, now: &Zoned) -> anyhow::Result<Composed> {
    let from = if config.digest.from.is_empty() {
        "tlsrptd@localhost"
    } else {
        &config.digest.from
    };
    let domain = from
        .rsplit_once('@')
        .map_or("localhost", |(_, domain)| domain.trim_end_matches('>'));
    let message_id = format!(
        "tlsrptd.{}.{:016x}@{domain}",
        now.strftime("%Y%m%d%H%M%S"),
        fastrand::u64(..)
    );
    let mail = mail::compose(rendered, from, &config.digest.to, &message_id, now)?;
    Ok(Composed {
        message_id,
        subject: rendered.subject.clone(),
        mail,
    })
}

/// The one-line mail of `check --send-test`.
///
/// # Errors
///
/// If an address of the configuration is none.
pub fn compose_test(config: &Config, now: &Zoned) -> anyhow::Result<Composed> {
    let line = "This is a test of tlsrptd. Digests will come the same way.";
    let rendered = Rendered {
        subject: format!("{}test", crate::digest::TAG),
        text: format!("{line}\n"),
        html: format!("<!DOCTYPE html><title>tlsrptd</title><p>{line}</p>\n"),
    };
    compose(config, &rendered, now)
}

async fn send_waiting(config: &Config, digest: &FixedDigest) -> Result<Option<Handed>, SendError> {
    if digest.waiting.is_empty() {
        // Killed between the last acceptance and the end of the round: all is sent, only that is not yet on record.
        return Ok(None);
    }
    let from = &config.digest.from;
    send(
        &config.smtp,
        from,
        &digest.waiting,
        &digest.message_id,
        &digest.mail,
    )
    .await
    .map(Some)
}

/// The digest that waits to be sent, to today's recipients.
///
/// # Errors
///
/// [`StoreError`] from the database.
pub fn waiting(config: &Config, store: &mut Store) -> Result<Option<FixedDigest>, StoreError> {
    let Some(digest) = store.unsent_digest()? else {
        return Ok(None);
    };
    store.follow_recipients(digest.id, &config.digest.to)?;
    store.unsent_digest()
}

/// Makes one attempt to send a fixed digest to those who wait for it, and remembers the result for each.
///
/// # Errors
///
/// [`StoreError`] from the database.
pub async fn deliver(config: &Config, store: &mut Store, digest: &FixedDigest) -> Result<Round, StoreError> {
    store.begin_round(digest.id)?;
    let mut handed = None;
    let results = match send_waiting(config, digest).await {
        Ok(sent) => handed
            .insert(sent)
            .as_mut()
            .map(|handed| std::mem::take(&mut handed.results))
            .unwrap_or_default(),
        Err(error) => {
            let failed = Delivered::Failed(error.to_string());
            digest
                .waiting
                .iter()
                .map(|recipient| (recipient.clone(), failed.clone()))
                .collect()
        }
    };
    let mut round = Round {
        accepted: Vec::new(),
        refused: Vec::new(),
        waiting: Vec::new(),
        is_sent: false,
    };
    for (recipient, delivered) in results {
        let delivery = match &delivered {
            Delivered::Accepted => Delivery::Accepted,
            Delivered::Refused(answer) => Delivery::Refused(answer),
            Delivered::Failed(error) => Delivery::Failed(error),
        };
        store.delivered(digest.id, &recipient, delivery, clock::now())?;
        match delivered {
            Delivered::Accepted => round.accepted.push(recipient),
            Delivered::Refused(answer) => round.refused.push((recipient, answer)),
            Delivered::Failed(error) => round.waiting.push((recipient, error)),
        }
    }
    round.is_sent = store.end_round(digest.id, clock::now())?;
    if let Some(handed) = handed.flatten() {
        handed.end().await;
    }
    Ok(round)
}
