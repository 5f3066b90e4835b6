//! From facts to a mail, which is fixed in the database before it is sent.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::{mailboxes, question, recipients, zone};
use crate::assess::domains::Survey;
use crate::assess::problem::Problem;
use crate::config::{After, Audience, Config};
use crate::digest::{Digest, Known, MailKind, Options, Outlook, Rendered, mail, news, schedule};
use crate::store::rows::DigestFacts;
use crate::store::{Composed, FixedDigest, Store, StoreError};

/// Mails that a mail refers to at most.
const MAX_REFERENCES: usize = 8;

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
    let known = known(config, Access::Write(store), audience, now)?;
    fix_known(config, store, audience, &known, (due.timestamp(), now), |facts| {
        decide(facts, has_news(config, facts, &known))
    })
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
    let known = known(config, Access::Write(store), audience, now)?;
    if !known.has_urgent() {
        return Ok(None);
    }
    fix_known(config, store, audience, &known, (now.timestamp(), now), |_| {
        Ok(Some(MailKind::Urgent))
    })
}

/// Fixes the mail that `decide` wants; `decide` gets the facts and what is known.
fn fix_known(
    config: &Config,
    store: &mut Store,
    audience: &Audience,
    known: &Known,
    (due, now): (Timestamp, &Zoned),
    decide: impl FnOnce(&DigestFacts) -> anyhow::Result<Option<MailKind>>,
) -> anyhow::Result<Option<FixedDigest>> {
    let first_mails = store.first_mails(&audience.name, !audience.domains.is_empty())?;
    let (mailboxes, recipients) = (mailboxes(config), recipients(config));
    let question = question(config, audience, &mailboxes, &recipients, due);
    let mut failed = None;
    let fixed = store.fix_digest(&question, |facts| {
        let composed = decide(facts).and_then(|kind| {
            let Some(kind) = kind else { return Ok(None) };
            let made = make(config, kind, facts, known)?;
            compose(config, audience, &made, known, &first_mails, now).map(Some)
        });
        composed.unwrap_or_else(|error| {
            failed = Some(error);
            None
        })
    })?;
    failed.map_or(Ok(fixed), Err)
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
    let known = known(config, Access::Read(store), audience, now)?;
    let (send, weekly) = (config.digest.send, config.digest.weekly);
    let has_news = has_news(config, &facts, &known);
    let decision = schedule::reason(now, facts.previous_at, send, weekly, has_news)?;
    let kind = decision.kind().unwrap_or(MailKind::Daily);
    Ok((make(config, kind, &facts, &known)?, known))
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

/// A store as it may be used.
#[derive(Debug)]
pub enum Access<'a> {
    /// Problems are brought up to date in it.
    Write(&'a mut Store),
    /// Nothing may be written.
    Read(&'a Store),
}

impl Access<'_> {
    fn store(&self) -> &Store {
        match self {
            Self::Write(store) => store,
            Self::Read(store) => store,
        }
    }
}

/// Everything that is known now and is an audience's affair.
///
/// # Errors
///
/// [`StoreError`] from the database.
pub fn known(
    config: &Config,
    mut access: Access<'_>,
    audience: &Audience,
    now: &Zoned,
) -> Result<Known, StoreError> {
    let today = now.with_time_zone(TimeZone::UTC).date();
    let ours = &config.domains;
    let is_told_of_some = !audience.domains.is_empty();
    let is_first = access.store().last_digest_at(&audience.name)?.is_none();
    let is_apart = is_told_of_some || is_first;
    let (problems, survey) = match &mut access {
        Access::Write(store) if is_apart => {
            let problems = store.assess(today, ours)?;
            apart(config, store, audience, (today, is_first), problems)?
        }
        Access::Read(store) if is_apart => {
            let problems = store.problems(today, ours)?;
            apart(config, store, audience, (today, is_first), problems)?
        }
        Access::Write(store) => store.assess_with_survey(today, ours)?,
        Access::Read(store) => store.problems_with_survey(today, ours)?,
    };
    let store = access.store();
    Ok(Known {
        today,
        tellings: store.tellings(&audience.name, is_told_of_some)?,
        told_events: store.told_events(&audience.name)?,
        survey,
        problems,
    })
}

/// What an audience of some domains alone is told, or one that was told nothing yet.
fn apart(
    config: &Config,
    store: &Store,
    audience: &Audience,
    (today, is_first): (Date, bool),
    problems: Vec<Problem>,
) -> Result<(Vec<Problem>, Survey), StoreError> {
    // The first look tells of all time.
    let (history, problems) = if audience.domains.is_empty() {
        (store.whole_history(today, &config.domains)?, problems)
    } else {
        // Nothing of other domains can be told that isn't there.
        store.assess_domains(today, &config.domains, &audience.domains, is_first)?
    };
    let mut survey = Survey::of(&history, &problems);
    // An audience's domains are listed in any case.
    survey.learns_domains &= audience.domains.is_empty();
    Ok((problems, survey))
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

/// Whether a daily mail has anything to tell.
fn has_news(config: &Config, facts: &DigestFacts, known: &Known) -> bool {
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
