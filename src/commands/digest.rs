//! `digest`: prints the next digest, or sends it.

use std::io::Write;

use anyhow::Context;

use super::End;
use crate::cli::{DigestArgs, DigestFormat};
use crate::clock;
use crate::config::{Audience, Config, DEFAULT_AUDIENCE};
use crate::deliver::{self, Round};
use crate::digest::schedule;
use crate::ping::{Ping, Pinger};
use crate::store::{FixedDigest, Lock, Store};

/// Prints what the next digest would tell, and changes nothing.
pub(super) fn print(config: &Config, args: &DigestArgs) -> anyhow::Result<End> {
    let store = Store::open_read_only(&config.store)?;
    let now = clock::now().to_zoned(deliver::zone(config));
    let audience = audience(config, args.audience.as_deref())?;
    let (made, known) = deliver::next(config, &store, &audience, &now)?;
    let rendered = &made.rendered;
    let mut out = std::io::stdout().lock();
    match args.format {
        DigestFormat::Text => write!(out, "Subject: {}\n\n{}", rendered.subject, rendered.text)?,
        DigestFormat::Html => write!(out, "{}", rendered.html)?,
        DigestFormat::Json => writeln!(out, "{}", made.digest.to_json()?)?,
        DigestFormat::Eml => {
            let first_mails = store.first_mails(&audience.name, !audience.domains.is_empty())?;
            let composed = deliver::compose(config, &audience, &made, &known, &first_mails, &now)?;
            out.write_all(&composed.mail)?;
        }
    }
    Ok(End::Done)
}

/// The audience of this name; otherwise that of `digest.to`.
fn audience(config: &Config, name: Option<&str>) -> anyhow::Result<Audience> {
    let name = name.unwrap_or(DEFAULT_AUDIENCE);
    let audiences = config.digest.audiences();
    let names: Vec<&str> = audiences.iter().map(|audience| audience.name.as_str()).collect();
    let names = names.join(", ");
    let found = audiences.iter().find(|audience| audience.name == name).cloned();
    found.with_context(|| format!("there is no audience {name:?}; choose one of: {names}"))
}

/// Sends each audience the digest that waits, or fixes a new one if there is something to tell.
pub(super) async fn send(config: &Config, dry_run: bool) -> anyhow::Result<End> {
    config.require_sending()?;
    let _lock = if dry_run {
        None
    } else {
        Some(Lock::take(&config.store)?)
    };
    let mut store = if dry_run {
        Store::open_dry_run(&config.store)?
    } else {
        Store::open_existing(&config.store)?
    };
    deliver::follow_audiences(config, &mut store)?;
    let mut digests = Vec::new();
    for audience in config.digest.audiences() {
        let waiting = match deliver::waiting(&mut store, &audience)? {
            Some(waiting) => Some(waiting),
            None => fix(config, &mut store, &audience)?,
        };
        digests.extend(waiting);
    }
    if digests.is_empty() {
        writeln!(
            std::io::stdout().lock(),
            "nothing new to tell, so nothing was sent; `tlsrptd digest` prints how things stand, and \
             digest.send = \"always\" sends every time"
        )?;
        return Ok(End::Done);
    }
    if dry_run {
        for digest in &digests {
            let recipients = digest.waiting.join(", ");
            writeln!(
                std::io::stdout().lock(),
                "dry run: would send {:?} to {recipients}",
                digest.subject
            )?;
        }
        return Ok(End::Done);
    }
    let pinger = Pinger::new(&config.monitor);
    pinger.send(Ping::Start);
    let mut rounds = Vec::new();
    for digest in &digests {
        rounds.push(deliver::deliver(config, &mut store, digest).await);
    }
    let is_sent = rounds.iter().flatten().filter(|round| round.is_sent).count() == digests.len();
    let is_well = is_sent && !deliver::has_trouble(config, &store);
    pinger.send(if is_well { Ping::Success } else { Ping::Fail });
    pinger.finish().await;
    let mut ends = Vec::new();
    for (digest, round) in digests.iter().zip(rounds) {
        ends.push(tell(digest, &round?)?);
    }
    Ok(together(&ends))
}

/// How several mails ended together.
fn together(ends: &[End]) -> End {
    if ends.iter().all(|end| *end == End::Done) {
        End::Done
    } else if ends.iter().all(|end| *end == End::Failed) {
        End::Failed
    } else {
        End::Partly
    }
}

/// Sends the urgent mail that waits, or one that a poll gives reason for.
pub(super) async fn send_urgent(config: &Config, store: &mut Store) -> anyhow::Result<End> {
    let now = clock::now().to_zoned(deliver::zone(config));
    deliver::follow_audiences(config, store)?;
    let mut ends = Vec::new();
    for audience in config.digest.audiences() {
        let waiting = match deliver::waiting_urgent(store, &audience)? {
            Some(waiting) => Some(waiting),
            None => deliver::fix_urgent(config, store, &audience, &now)?,
        };
        if let Some(urgent) = waiting {
            let round = deliver::deliver(config, store, &urgent).await?;
            ends.push(tell(&urgent, &round)?);
        }
    }
    Ok(together(&ends))
}

/// Prints who got the digest and who did not.
fn tell(digest: &FixedDigest, round: &Round) -> anyhow::Result<End> {
    let mut out = std::io::stdout().lock();
    for recipient in &round.accepted {
        writeln!(out, "sent {:?} to {recipient}", digest.subject)?;
    }
    let mut err = std::io::stderr().lock();
    for (recipient, answer) in &round.refused {
        writeln!(
            err,
            "tlsrptd: {recipient} was refused: {answer}; check the address in digest.to"
        )?;
    }
    for (recipient, error) in &round.waiting {
        writeln!(
            err,
            "tlsrptd: {recipient} has not got the digest: {error}; the next `digest --send` or `run` sends it again"
        )?;
    }
    if round.is_sent && round.accepted.is_empty() {
        // Killed after the last acceptance, before that the digest is sent was on record.
        writeln!(
            out,
            "{:?} had been accepted before; that is on record now",
            digest.subject
        )?;
    }
    Ok(if round.is_sent && round.refused.is_empty() {
        End::Done
    } else if round.is_sent || !round.accepted.is_empty() {
        End::Partly
    } else {
        End::Failed
    })
}

/// Fixes a digest now if there is something to tell, whatever `digest.at` says.
fn fix(config: &Config, store: &mut Store, audience: &Audience) -> anyhow::Result<Option<FixedDigest>> {
    let now = clock::now().to_zoned(deliver::zone(config));
    let previous = store.last_digest_at(&audience.name)?;
    let (send, weekly) = (config.digest.send, config.digest.weekly);
    deliver::fix(config, store, audience, &now, &now, |_, has_news| {
        Ok(schedule::reason(&now, previous, send, weekly, has_news)?.kind())
    })
}
