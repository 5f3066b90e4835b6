//! From facts to a mail, and from a mail to its recipients.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use crate::assess::domains::Survey;
use crate::assess::history::History;
use crate::assess::problem::Problem;
use crate::clock;
use crate::config::{After, Audience, AuthenticationMode, Config, Unauthenticated};
use crate::digest::send::{Delivered, Handed, SendError, send};
use crate::digest::{Digest, Known, MailKind, Options, Outlook, Rendered, mail, news, schedule};
use crate::store::rows::DigestFacts;
use crate::store::{Composed, Delivery, FixedDigest, Question, Store, StoreError};

/// `state` key: the newest due moment at which there was nothing to send to an audience.
fn passed_over(audience: &str) -> String {
    format!("digest_passed_over {audience}")
}

/// Mails that a mail refers to at most.
const MAX_REFERENCES: usize = 8;

/// What has been decided about an audience's digests so far.
///
/// # Errors
///
/// [`StoreError`] from the database.
pub fn past(store: &Store, audience: &str) -> Result<schedule::Past, StoreError> {
    Ok(schedule::Past {
        previous: store.last_digest_at(audience)?,
        passed_over: store.moment_of(&passed_over(audience))?,
    })
}

/// Remembers that there was nothing to send at `due`.
///
/// # Errors
///
/// [`StoreError`] from the database.
pub fn pass_over(store: &mut Store, audience: &str, due: Timestamp) -> Result<(), StoreError> {
    store.set_moment(&passed_over(audience), due)
}

/// Everybody who is sent a digest.
pub fn recipients(config: &Config) -> Vec<String> {
    let audiences = config.digest.audiences();
    audiences.into_iter().flat_map(|audience| audience.to).collect()
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

/// A round of sending has ended after this time, well or not: some twenty answers of the server and one for each
/// recipient, and ten times as long for the answer to the mail itself.
pub fn limit(config: &Config) -> Duration {
    let n_answers = u32::try_from(config.digest.to.len())
        .unwrap_or(u32::MAX)
        .saturating_add(30);
    config.smtp.timeout.saturating_mul(n_answers)
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

/// Whether every report counts, proven or not.
pub fn counts_all(config: &Config) -> bool {
    let authentication = &config.authentication;
    authentication.mode == AuthenticationMode::Off || authentication.unauthenticated == Unauthenticated::Count
}

/// What the next digest is asked for.
pub fn question<'a>(
    config: &Config,
    audience: &'a Audience,
    mailboxes: &'a [String],
    all_recipients: &'a [String],
    due_at: Timestamp,
) -> Question<'a> {
    Question {
        due_at,
        mailboxes,
        recipients: &audience.to,
        audience: &audience.name,
        domains: &audience.domains,
        counts_all: counts_all(config),
        all_recipients,
    }
}

/// Everything that is known now and is an audience's affair, with the problems brought up to date.
///
/// # Errors
///
/// [`StoreError`] from the database.
pub fn known(
    config: &Config,
    store: &mut Store,
    audience: &Audience,
    now: &Zoned,
) -> Result<Known, StoreError> {
    let today = now.with_time_zone(TimeZone::UTC).date();
    let assessed = store.assess_with_history(today, &config.domains)?;
    known_with(config, store, audience, today, assessed)
}

/// As [`known`], where nothing may be written.
///
/// # Errors
///
/// [`StoreError`] from the database.
pub fn known_by_readers(
    config: &Config,
    store: &Store,
    audience: &Audience,
    now: &Zoned,
) -> Result<Known, StoreError> {
    let today = now.with_time_zone(TimeZone::UTC).date();
    let assessed = store.problems_with_history(today, &config.domains)?;
    known_with(config, store, audience, today, assessed)
}

fn known_with(
    config: &Config,
    store: &Store,
    audience: &Audience,
    today: Date,
    (mut problems, mut history): (Vec<Problem>, History),
) -> Result<Known, StoreError> {
    // The first look tells of all time.
    let is_first = store.last_digest_at(&audience.name)?.is_none();
    if !audience.domains.is_empty() {
        // Nothing of other domains can be told that isn't there.
        (history, problems) = store.assess_domains(today, &config.domains, &audience.domains, is_first)?;
    } else if is_first {
        drop(history);
        history = store.whole_history(today, &config.domains)?;
    }
    let mut survey = Survey::of(&history, &problems);
    // An audience's domains are listed in any case.
    survey.learns_domains &= audience.domains.is_empty();
    Ok(Known {
        today,
        tellings: store.tellings(&audience.name, !audience.domains.is_empty())?,
        told_events: store.told_events(&audience.name)?,
        survey,
        problems,
    })
}

/// A mail that is ready but for its Message-ID.
#[derive(Debug)]
pub struct Made {
    /// What it says.
    pub digest: Digest,
    /// The same as text and HTML.
    pub rendered: Rendered,
    /// What it was made from.
    outlook: Outlook,
}

/// The mail of some facts.
///
/// # Errors
///
/// If the template engine fails.
pub fn make(config: &Config, kind: MailKind, facts: &DigestFacts, known: &Known) -> anyhow::Result<Made> {
    let options = Options {
        zone: zone(config),
        send: config.digest.send,
        weekly: config.digest.weekly,
        mailbox_unchanged: config
            .mailboxes
            .iter()
            .all(|mailbox| mailbox.after == After::Leave),
    };
    let outlook = known.outlook(kind, facts, config.digest.announce_days);
    let digest = Digest::build(kind, facts, &outlook, &options);
    let rendered = digest.render()?;
    Ok(Made {
        digest,
        rendered,
        outlook,
    })
}

/// The mail that would be sent to an audience at `now`, and that of a day without news where none would be.
///
/// # Errors
///
/// From the database, or if the template engine fails.
pub fn next(
    config: &Config,
    store: &Store,
    audience: &Audience,
    now: &Zoned,
) -> anyhow::Result<(Made, Known)> {
    let (mailboxes, recipients) = (mailboxes(config), recipients(config));
    let facts = store.digest_facts(&question(
        config,
        audience,
        &mailboxes,
        &recipients,
        now.timestamp(),
    ))?;
    let known = known_by_readers(config, store, audience, now)?;
    let (send, weekly) = (config.digest.send, config.digest.weekly);
    let has_news = has_news(config, &facts, &known);
    let decision = schedule::reason(now, facts.previous_at, send, weekly, has_news)?;
    let kind = decision.kind().unwrap_or(MailKind::Daily);
    Ok((make(config, kind, &facts, &known)?, known))
}

/// Whether a daily mail has anything to tell.
pub fn has_news(config: &Config, facts: &DigestFacts, known: &Known) -> bool {
    let outlook = known.outlook(MailKind::Daily, facts, config.digest.announce_days);
    news(facts, &outlook)
}

/// The mail with a Message-ID of its own, and what is to be kept of it. `first_mails`: the first mails about problems.
///
/// # Errors
///
/// If an address of the configuration is none.
pub fn compose(
    config: &Config,
    audience: &Audience,
    made: &Made,
    known: &Known,
    first_mails: &BTreeMap<String, String>,
    now: &Zoned,
) -> anyhow::Result<Composed> {
    let kind = made.digest.kind;
    let mut composed = compose_rendered(
        config,
        &audience.to,
        &made.rendered,
        &references(&made.digest, known, first_mails),
        now,
    )?;
    composed.kind = kind;
    composed.tellings = known.tellings_of(&made.digest.told, kind);
    composed.events.clone_from(&made.outlook.events);
    Ok(composed)
}

/// The mails that this one continues: if what it leads with is known, the first mail about that, then those about what
/// else it tells.
fn references(digest: &Digest, known: &Known, first_mails: &BTreeMap<String, String>) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    for (n, (told, _)) in digest.told.iter().enumerate() {
        let problem = known.problems.iter().find(|problem| problem.id == *told);
        let aliases = problem
            .map(|problem| problem.aliases.as_slice())
            .unwrap_or_default();
        let mut names = std::iter::once(told).chain(aliases);
        match names.find_map(|name| first_mails.get(name)) {
            Some(id) if !ids.contains(id) && ids.len() < MAX_REFERENCES => ids.push(id.clone()),
            None if n == 0 => return Vec::new(),
            _ => {}
        }
    }
    ids
}

fn compose_rendered(
    config: &Config,
    to: &[String],
    rendered: &Rendered,
    references: &[String],
    now: &Zoned,
) -> anyhow::Result<Composed> {
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
    let mail = mail::compose(rendered, from, to, &message_id, references, now)?;
    Ok(Composed {
        kind: MailKind::Daily,
        message_id,
        subject: rendered.subject.clone(),
        mail,
        tellings: Vec::new(),
        events: Vec::new(),
    })
}

/// Fixes the mail to an audience that `decide` wants, from what is known now; `decide` is asked whether there is news.
///
/// # Errors
///
/// From the database, or if the mail can't be composed.
pub fn fix(
    config: &Config,
    store: &mut Store,
    audience: &Audience,
    due: &Zoned,
    now: &Zoned,
    decide: impl FnOnce(&DigestFacts, bool) -> anyhow::Result<Option<MailKind>>,
) -> anyhow::Result<Option<FixedDigest>> {
    let known = known(config, store, audience, now)?;
    let first_mails = store.first_mails(&audience.name, !audience.domains.is_empty())?;
    let (mailboxes, recipients) = (mailboxes(config), recipients(config));
    let question = question(config, audience, &mailboxes, &recipients, due.timestamp());
    let mut failed = None;
    let fixed = store.fix_digest(&question, |facts| {
        let composed = decide(facts, has_news(config, facts, &known)).and_then(|kind| {
            let Some(kind) = kind else { return Ok(None) };
            let made = make(config, kind, facts, &known)?;
            compose(config, audience, &made, &known, &first_mails, now).map(Some)
        });
        composed.unwrap_or_else(|error| {
            failed = Some(error);
            None
        })
    })?;
    failed.map_or(Ok(fixed), Err)
}

/// Fixes an urgent mail to an audience if there is reason for one and this is the time for it. Never before the first look.
///
/// # Errors
///
/// From the database, or if the mail can't be composed.
pub fn fix_urgent(
    config: &Config,
    store: &mut Store,
    audience: &Audience,
    now: &Zoned,
) -> anyhow::Result<Option<FixedDigest>> {
    if store.last_digest_at(&audience.name)?.is_none() || !schedule::urgent_may_go(now, config.digest.at)? {
        return Ok(None);
    }
    let known = known(config, store, audience, now)?;
    if !known.has_urgent() {
        return Ok(None);
    }
    let first_mails = store.first_mails(&audience.name, !audience.domains.is_empty())?;
    let (mailboxes, recipients) = (mailboxes(config), recipients(config));
    let question = question(config, audience, &mailboxes, &recipients, now.timestamp());
    let mut failed = None;
    let fixed = store.fix_digest(&question, |facts| {
        let composed = make(config, MailKind::Urgent, facts, &known)
            .and_then(|made| compose(config, audience, &made, &known, &first_mails, now));
        composed
            .map_err(|error| {
                failed = Some(error);
            })
            .ok()
    })?;
    failed.map_or(Ok(fixed), Err)
}

/// The one-line mail of `check --send-test`.
///
/// # Errors
///
/// If an address of the configuration is none.
pub fn compose_test(config: &Config, audience: &Audience, now: &Zoned) -> anyhow::Result<Composed> {
    let line = "This is a test of tlsrptd. Digests will come the same way.";
    let rendered = Rendered {
        subject: format!("{}test", crate::digest::TAG),
        text: format!("{line}\n"),
        html: format!("<!DOCTYPE html><title>tlsrptd</title><p>{line}</p>\n"),
    };
    compose_rendered(config, &audience.to, &rendered, &[], now)
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

/// The digest that waits to be sent to an audience, to its recipients of today.
///
/// # Errors
///
/// [`StoreError`] from the database.
pub fn waiting(store: &mut Store, audience: &Audience) -> Result<Option<FixedDigest>, StoreError> {
    waiting_of(store, audience, false)
}

/// The urgent mail that waits to be sent to an audience, to its recipients of today.
///
/// # Errors
///
/// [`StoreError`] from the database.
pub fn waiting_urgent(store: &mut Store, audience: &Audience) -> Result<Option<FixedDigest>, StoreError> {
    waiting_of(store, audience, true)
}

fn waiting_of(
    store: &mut Store,
    audience: &Audience,
    only_urgent: bool,
) -> Result<Option<FixedDigest>, StoreError> {
    let name = Some(audience.name.as_str());
    let Some(digest) = store.unsent_digest(name, only_urgent)? else {
        return Ok(None);
    };
    store.follow_recipients(digest.id, &audience.to)?;
    store.unsent_digest(name, only_urgent)
}

/// Drops what waits for audiences that the configuration doesn't name any more.
///
/// # Errors
///
/// [`StoreError`] from the database.
pub fn follow_audiences(config: &Config, store: &mut Store) -> Result<(), StoreError> {
    let audiences = config.digest.audiences();
    let names: Vec<String> = audiences.into_iter().map(|audience| audience.name).collect();
    store.follow_audiences(&names)
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
