//! Digests: which are due, and when those that wait are tried again.

use jiff::Zoned;
use tokio::time::Instant;

use super::{Daemon, FIRST_PAUSE, pause};
use crate::clock;
use crate::config::Audience;
use crate::deliver;
use crate::digest::schedule;
use crate::ping::Ping;
use crate::store::FixedDigest;

/// After a mail to an audience that failed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sending {
    /// When the next attempt may be made.
    pub(super) at: Instant,
    failures: u32,
}

impl Daemon<'_> {
    /// Fixes digests that are due and sends those that wait; what keeps one audience's doesn't keep the others'.
    pub(super) async fn digest(&mut self) {
        if let Err(error) = deliver::follow_audiences(&self.config, &mut self.store) {
            tracing::error!("cannot drop what waits for former recipients: {error}");
        }
        // What comes in meanwhile is of the next round.
        let may_be_urgent = std::mem::take(&mut self.may_be_urgent);
        for audience in self.config.digest.audiences() {
            let is_paused = self
                .sends
                .get(&audience.name)
                .is_some_and(|sending| Instant::now() < sending.at);
            if is_paused {
                self.may_be_urgent |= may_be_urgent;
                continue;
            }
            self.service.begin(deliver::limit(&self.config, &audience));
            if let Err(error) = self.digest_step(&audience, may_be_urgent).await {
                self.may_be_urgent |= may_be_urgent;
                self.send_failed(&audience);
                tracing::error!("cannot make the digest: {error:#}");
                self.ping();
            }
        }
    }

    fn send_failed(&mut self, audience: &Audience) {
        let now = Instant::now();
        let failures = self
            .sends
            .get(&audience.name)
            .map_or(0, |sending| sending.failures);
        let failures = failures.saturating_add(1);
        let at = now.checked_add(pause(failures, FIRST_PAUSE)).unwrap_or(now);
        self.sends.insert(audience.name.clone(), Sending { at, failures });
    }

    async fn digest_step(&mut self, audience: &Audience, may_be_urgent: bool) -> anyhow::Result<()> {
        let waiting = match deliver::waiting(&mut self.store, audience)? {
            Some(waiting) => {
                self.may_be_urgent |= may_be_urgent;
                Some(waiting)
            }
            None => match self.fix_digest(audience)? {
                Some(fixed) => {
                    self.may_be_urgent |= may_be_urgent;
                    Some(fixed)
                }
                None => self.fix_urgent(audience, may_be_urgent)?,
            },
        };
        let Some(digest) = waiting else { return Ok(()) };
        self.pinger.send(Ping::Start);
        let round = deliver::deliver(&self.config, &mut self.store, &digest).await?;
        for (recipient, answer) in &round.refused {
            tracing::error!(%recipient, answer = ?answer, "recipient refused");
        }
        if let Some((recipient, error)) = round.waiting.first() {
            tracing::warn!(%recipient, error = ?error, "digest not accepted, it is tried again");
        }
        if round.is_sent {
            self.sends.remove(&audience.name);
            tracing::info!(subject = %digest.subject, recipients = round.accepted.len(), "digest sent");
        } else {
            self.send_failed(audience);
        }
        self.ping();
        Ok(())
    }

    /// Fixes the digest whose time has come, unless there is nothing to tell.
    fn fix_digest(&mut self, audience: &Audience) -> anyhow::Result<Option<FixedDigest>> {
        let now: Zoned = clock::now().to_zoned(deliver::zone(&self.config));
        let due = schedule::latest_due(&now, self.config.digest.at)?;
        let past = deliver::past(&self.store, &audience.name)?;
        if !schedule::is_open(&due, past) {
            return Ok(None);
        }
        // The first digest is a look at the mailbox, so it waits until one was read.
        let is_blind = past.previous.is_none() && !self.turns.iter().any(|turn| turn.is_read);
        let (send, weekly) = (self.config.digest.send, self.config.digest.weekly);
        let mut decided = None;
        let fixed = deliver::fix(
            &self.config,
            &mut self.store,
            audience,
            &due,
            &now,
            |facts, has_news| {
                if is_blind && facts.failing.is_empty() {
                    return Ok(None);
                }
                let decision = schedule::decide(&due, past, send, weekly, has_news)?;
                decided = Some(decision);
                Ok(decision.kind())
            },
        )?;
        if decided == Some(schedule::Decision::PassOver) {
            deliver::pass_over(&mut self.store, &audience.name, due.timestamp())?;
            tracing::info!("digest due, nothing new to tell");
        }
        Ok(fixed)
    }

    /// Fixes an urgent mail after a poll that stored something, or when the morning has come.
    fn fix_urgent(
        &mut self,
        audience: &Audience,
        may_be_urgent: bool,
    ) -> anyhow::Result<Option<FixedDigest>> {
        if !may_be_urgent {
            return Ok(None);
        }
        let now = clock::now().to_zoned(deliver::zone(&self.config));
        if !schedule::urgent_may_go(&now, self.config.digest.at)? {
            self.may_be_urgent = true;
            return Ok(None);
        }
        deliver::fix_urgent(&self.config, &mut self.store, audience, &now)
    }
}
