//! `digest`: prints the next digest, or sends it.

use std::io::Write;

use super::End;
use crate::cli::{DigestArgs, DigestFormat};
use crate::clock;
use crate::config::Config;
use crate::deliver::{self, Round};
use crate::digest::schedule;
use crate::ping::{Ping, Pinger};
use crate::store::{FixedDigest, Lock, Store};

/// Prints what the next digest would tell, and changes nothing.
pub(super) fn print(config: &Config, args: &DigestArgs) -> anyhow::Result<End> {
    let store = Store::open_read_only(&config.store)?;
    let now = clock::now().to_zoned(deliver::zone(config));
    let (made, known) = deliver::next(config, &store, &now)?;
    let rendered = &made.rendered;
    let mut out = std::io::stdout().lock();
    match args.format {
        DigestFormat::Text => write!(out, "Subject: {}\n\n{}", rendered.subject, rendered.text)?,
        DigestFormat::Html => write!(out, "{}", rendered.html)?,
        DigestFormat::Json => writeln!(out, "{}", made.digest.to_json()?)?,
        DigestFormat::Eml => {
            let first_mails = store.first_mails()?;
            out.write_all(&deliver::compose(config, &made, &known, &first_mails, &now)?.mail)?;
        }
    }
    Ok(End::Done)
}

/// Sends the digest that waits, or fixes a new one if there is something to tell.
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
    let waiting = match deliver::waiting(config, &mut store)? {
        Some(waiting) => Some(waiting),
        None => fix(config, &mut store)?,
    };
    let Some(digest) = waiting else {
        writeln!(
            std::io::stdout().lock(),
            "nothing new to tell, so nothing was sent; `tlsrptd digest` prints how things stand, and \
             digest.send = \"always\" sends every time"
        )?;
        return Ok(End::Done);
    };
    if dry_run {
        let recipients = digest.waiting.join(", ");
        writeln!(
            std::io::stdout().lock(),
            "dry run: would send {:?} to {recipients}",
            digest.subject
        )?;
        return Ok(End::Done);
    }
    let pinger = Pinger::new(&config.monitor);
    pinger.send(Ping::Start);
    let round = deliver::deliver(config, &mut store, &digest).await;
    let is_sent = round.as_ref().is_ok_and(|round| round.is_sent);
    let is_well = is_sent && !deliver::has_trouble(config, &store);
    pinger.send(if is_well { Ping::Success } else { Ping::Fail });
    pinger.finish().await;
    tell(&digest, &round?)
}

/// Sends the urgent mail that waits, or one that a poll gives reason for.
pub(super) async fn send_urgent(config: &Config) -> anyhow::Result<End> {
    let mut store = Store::open_existing(&config.store)?;
    let now = clock::now().to_zoned(deliver::zone(config));
    let waiting = match deliver::waiting_urgent(config, &mut store)? {
        Some(waiting) => Some(waiting),
        None => deliver::fix_urgent(config, &mut store, &now)?,
    };
    match waiting {
        Some(urgent) => {
            let round = deliver::deliver(config, &mut store, &urgent).await?;
            tell(&urgent, &round)
        }
        None => Ok(End::Done),
    }
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
fn fix(config: &Config, store: &mut Store) -> anyhow::Result<Option<FixedDigest>> {
    let now = clock::now().to_zoned(deliver::zone(config));
    let previous = store.last_digest_at()?;
    let (send, weekly) = (config.digest.send, config.digest.weekly);
    deliver::fix(config, store, &now, &now, |_, has_news| {
        Ok(schedule::reason(&now, previous, send, weekly, has_news)?.kind())
    })
}
