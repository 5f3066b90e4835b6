//! The only loop: poll, digest, stop.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use jiff::{Timestamp, Zoned};
use tokio::time::{Instant, sleep_until};

use crate::authenticate::Resolver;
use crate::clock;
use crate::config::{Audience, Config, MailboxConfig};
use crate::deliver;
use crate::digest::schedule;
use crate::mailbox::Reaction;
use crate::ping::{Ping, Pinger};
use crate::poll::{self, Polled};
use crate::store::{FixedDigest, Store};

mod service;
mod signals;

use service::{Service, Standing};
use signals::{Signals, Told, stop_waiting_when_told, unless_stopped};

/// First pause after a failure; it doubles up to [`MAX_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_mins(1);
/// Longest pause after failures, and the pause after a refused login.
const MAX_PAUSE: Duration = Duration::from_hours(1);
/// How often the wall clock is looked at, so that a step of it is noticed.
const CLOCK_LOOK: Duration = Duration::from_mins(1);
/// How often a database that is gone is looked for.
const DATABASE_LOOK: Duration = Duration::from_secs(10);
/// `state` key: when retention last ran.
const RETAINED: &str = "retained";

/// A mailbox's place in the schedule.
#[derive(Debug, Clone, Copy)]
struct Turn {
    at: Instant,
    failures: u32,
    /// Whether its last poll failed; a busy server is no failure.
    is_failing: bool,
    /// Whether a poll of this process has read it to the end.
    is_read: bool,
}

/// After a mail to an audience that failed.
#[derive(Debug, Clone, Copy)]
struct Sending {
    /// When the next attempt may be made.
    at: Instant,
    failures: u32,
}

struct Daemon<'a> {
    config: Config,
    path: &'a Path,
    store: Store,
    resolver: Resolver,
    pinger: Pinger,
    turns: Vec<Turn>,
    /// By audience; whoever isn't there may be sent to at once.
    sends: BTreeMap<String, Sending>,
    /// Whether reports have come in, perhaps before this process began, that may ask for an urgent mail.
    may_be_urgent: bool,
    /// No step before this, while there is no database.
    no_sooner: Instant,
    service: Service,
    /// When the last poll ended, and how many reports it stored.
    last_poll: Option<(Timestamp, u64)>,
    /// Whether a changed configuration was refused.
    is_config_refused: bool,
}

/// Runs until SIGTERM or SIGINT. SIGHUP reads the configuration at `path` again.
///
/// # Errors
///
/// Only what happens before the loop begins; after that, whatever fails is tried again.
pub async fn run(config: Config, path: &Path, store: Store) -> anyhow::Result<()> {
    let mut signals = Signals::new()?;
    stop_waiting_when_told()?;
    let turns = first_turns(&config);
    let now = Instant::now();
    let mut daemon = Daemon {
        pinger: Pinger::new(&config.monitor),
        resolver: Resolver::new(&config.authentication),
        config,
        path,
        store,
        turns,
        sends: BTreeMap::new(),
        may_be_urgent: true,
        no_sooner: now,
        service: Service::start()?,
        last_poll: None,
        is_config_refused: false,
    };
    tracing::info!(
        mailboxes = daemon.config.mailboxes.len(),
        version = env!("CARGO_PKG_VERSION"),
        "started"
    );
    Service::ready();
    loop {
        if daemon.has_its_database() {
            let told = tokio::select! {
                biased;
                told = signals.recv() => Some(told),
                () = daemon.poll_one() => None,
            };
            match told {
                Some(Told::Stop) => break,
                Some(Told::Reload) => daemon.reload(),
                None => {}
            }
            daemon.retain();
            match unless_stopped(&mut signals, Box::pin(daemon.digest())).await {
                Some(Told::Stop) => break,
                Some(Told::Reload) => daemon.reload(),
                None => {}
            }
        }
        let next = daemon.rest();
        let told = tokio::select! {
            biased;
            told = signals.recv() => Some(told),
            () = sleep_until(next) => None,
        };
        match told {
            Some(Told::Stop) => break,
            Some(Told::Reload) => daemon.reload(),
            None => {}
        }
    }
    Service::stopping();
    tracing::info!("stopped");
    Ok(())
}

fn first_turns(config: &Config) -> Vec<Turn> {
    let now = Instant::now();
    config
        .mailboxes
        .iter()
        .map(|_| Turn {
            at: now,
            failures: 0,
            is_failing: false,
            is_read: false,
        })
        .collect()
}

/// The pause after `failures` failures in a row: doubling, with jitter so that many daemons don't knock at once.
fn pause(failures: u32, first: Duration) -> Duration {
    let doubled = 2_u32.saturating_pow(failures.saturating_sub(1).min(12));
    let pause = first.saturating_mul(doubled).min(MAX_PAUSE);
    pause.mul_f64(0.75 + 0.5 * fastrand::f64())
}

impl Daemon<'_> {
    /// Whether the database still is where it was; one that took its place is opened instead.
    fn has_its_database(&mut self) -> bool {
        match self.store.reopen_if_replaced(&self.config.store) {
            Ok(false) => true,
            Ok(true) => {
                let path = self.config.store.path.display();
                tracing::warn!(%path, "the database was replaced by another file, which is used from now on");
                self.turns = first_turns(&self.config);
                self.sends.clear();
                true
            }
            Err(error) => {
                tracing::error!("{error}");
                let path = self.config.store.path.display();
                self.service.says(format!("waiting for the database {path}"));
                let now = Instant::now();
                self.no_sooner = now.checked_add(DATABASE_LOOK).unwrap_or(now);
                false
            }
        }
    }

    /// Polls the mailbox whose turn came first, if any has come.
    async fn poll_one(&mut self) {
        let now = Instant::now();
        let due = self.turns.iter().enumerate().filter(|(_, turn)| turn.at <= now);
        let Some(at) = due.min_by_key(|(_, turn)| turn.at).map(|(at, _)| at) else {
            return;
        };
        let Some(mailbox) = self.config.mailboxes.get(at) else {
            return;
        };
        if self.last_poll.is_none() {
            self.service.says(format!("first poll of {}", mailbox.name));
        }
        self.service.begin(self.config.limits.poll_deadline);
        self.pinger.send(Ping::Start);
        let (store, resolver) = (&mut self.store, &mut self.resolver);
        let polled = poll::poll(mailbox, &self.config, store, resolver, false, &mut |_, _| {}).await;
        log_poll(mailbox, &polled);
        self.last_poll = Some((clock::now(), polled.tally.stored));
        self.may_be_urgent |= polled.tally.stored > 0 || polled.tally.conflicts > 0;
        if let Some(turn) = self.turns.get_mut(at) {
            *turn = next_turn(*turn, mailbox, &polled);
        }
        self.ping();
    }

    /// Tells the monitor whether all is well: one mailbox that works doesn't hide another that fails, nor a digest that
    /// waits, be it since before this process began.
    fn ping(&self) {
        let is_failing = !self.sends.is_empty()
            || self.turns.iter().any(|turn| turn.is_failing)
            || deliver::has_trouble(&self.config, &self.store);
        self.pinger
            .send(if is_failing { Ping::Fail } else { Ping::Success });
    }

    /// Removes what is beyond the retention, once a day.
    fn retain(&mut self) {
        let now = clock::now();
        let day = |moment: Timestamp| moment.strftime("%Y-%m-%d").to_string();
        let result = self.store.moment_of(RETAINED).and_then(|last| {
            if last.is_some_and(|last| day(last) == day(now)) {
                return Ok(None);
            }
            let removed = self.store.retain(self.config.store.retention, now)?;
            self.store.set_moment(RETAINED, now)?;
            Ok(Some(removed))
        });
        match result {
            Ok(Some(removed)) if removed > 0 => tracing::info!(reports = removed, "removed old reports"),
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "cannot remove old reports"),
        }
    }

    /// Fixes digests that are due and sends those that wait; what keeps one audience's doesn't keep the others'.
    async fn digest(&mut self) {
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
            self.service.begin(deliver::limit(&self.config));
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

    /// Reads the configuration again; a bad one leaves the old one in force.
    fn reload(&mut self) {
        Service::reloading();
        self.is_config_refused = !self.take_configuration();
        Service::ready();
    }

    /// Whether the configuration is a good one, which is in force then.
    fn take_configuration(&mut self) -> bool {
        let loaded = Config::load(self.path).and_then(|loaded| {
            loaded.config.require_mailboxes()?;
            loaded.config.require_sending()?;
            Ok(loaded)
        });
        match loaded {
            Ok(loaded) if loaded.config.store.path == self.config.store.path => {
                for warning in &loaded.warnings {
                    tracing::warn!("{warning}");
                }
                self.config = loaded.config;
                self.pinger = Pinger::new(&self.config.monitor);
                self.resolver = Resolver::new(&self.config.authentication);
                self.turns = first_turns(&self.config);
                self.sends.clear();
                tracing::info!(path = %self.path.display(), "configuration read again");
                return true;
            }
            Ok(_) => tracing::error!(
                "store.path has changed; restart tlsrptd for that, the old configuration stays in force"
            ),
            Err(error) => tracing::error!("{error}; the old configuration stays in force"),
        }
        false
    }

    /// Says how things stand before the loop rests, and until when it does.
    fn rest(&mut self) -> Instant {
        let now = Instant::now();
        let until = self.next_event().max(self.no_sooner);
        self.service.begin(until.saturating_duration_since(now));
        // Without its database the daemon has said what it waits for.
        if self.no_sooner <= now {
            let line = self.standing().line(clock::now(), &deliver::zone(&self.config));
            self.service.says(line);
        }
        until
    }

    fn standing(&self) -> Standing<'_> {
        let turns = || self.config.mailboxes.iter().zip(&self.turns);
        let wait = turns()
            .map(|(_, turn)| turn.at.saturating_duration_since(Instant::now()))
            .min();
        let failing = turns().filter(|(_, turn)| turn.is_failing);
        Standing {
            last: self.last_poll,
            next: wait.and_then(|wait| clock::now().checked_add(wait).ok()),
            failing: failing.map(|(mailbox, _)| mailbox.name.as_str()).collect(),
            is_digest_waiting: !self.sends.is_empty(),
            is_config_refused: self.is_config_refused,
        }
    }

    /// When to look again: the next poll, or a look at the clock for the next digest.
    fn next_event(&self) -> Instant {
        let now = Instant::now();
        let mut next = now.checked_add(CLOCK_LOOK).unwrap_or(now);
        if let Some(turn) = self.turns.iter().map(|turn| turn.at).min() {
            next = next.min(turn);
        }
        if let Some(at) = self
            .sends
            .values()
            .map(|sending| sending.at)
            .filter(|at| *at > now)
            .min()
        {
            next = next.min(at);
        }
        let wall = clock::now().to_zoned(deliver::zone(&self.config));
        if let Ok(due) = schedule::next_due(&wall, self.config.digest.at) {
            let wait = schedule::wait(wall.timestamp(), due.timestamp());
            next = now.checked_add(wait).map_or(next, |due| next.min(due));
        }
        next
    }
}

/// When a mailbox is polled next.
fn next_turn(turn: Turn, mailbox: &MailboxConfig, polled: &Polled) -> Turn {
    let (failures, pause) = match &polled.result {
        Ok(()) if polled.is_unfinished => (0, Duration::ZERO),
        Ok(()) => (0, mailbox.poll_interval),
        Err(error) => {
            let failures = turn.failures.saturating_add(1);
            let pause = match error.reaction() {
                Reaction::RetryHourly => MAX_PAUSE,
                // A long interval need not pass after a hiccup, and a short one is not made long by it.
                Reaction::Retry | Reaction::Wait | Reaction::NeedsPerson => {
                    pause(failures, FIRST_PAUSE.min(mailbox.poll_interval))
                }
            };
            (failures, pause)
        }
    };
    let now = Instant::now();
    Turn {
        at: now.checked_add(pause).unwrap_or(now),
        failures,
        is_failing: match &polled.result {
            Ok(()) => false,
            Err(error) => turn.is_failing || error.reaction() != Reaction::Wait,
        },
        is_read: turn.is_read || (polled.result.is_ok() && !polled.is_unfinished),
    }
}

fn log_poll(mailbox: &MailboxConfig, polled: &Polled) {
    let tally = &polled.tally;
    for remark in &polled.remarks {
        tracing::warn!(mailbox = %mailbox.name, "{remark}");
    }
    match &polled.result {
        Ok(()) => tracing::info!(
            mailbox = %mailbox.name,
            mails = tally.mails,
            stored = tally.stored,
            duplicates = tally.duplicates,
            conflicts = tally.conflicts,
            set_aside = tally.set_aside,
            rejected = tally.rejected,
            unfinished = polled.is_unfinished,
            "polled"
        ),
        Err(error) => tracing::warn!(mailbox = %mailbox.name, mails = tally.mails, "poll failed: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pause_doubles_up_to_an_hour_whatever_the_number_of_failures() {
        for (failures, minutes) in [
            (0, 1),
            (1, 1),
            (2, 2),
            (3, 4),
            (4, 8),
            (6, 32),
            (7, 60),
            (8, 60),
            (u32::MAX, 60),
        ] {
            let middle = Duration::from_mins(minutes);
            for _ in 0..100 {
                let pause = pause(failures, FIRST_PAUSE);
                let range = middle.mul_f64(0.75)..=middle.mul_f64(1.25);
                assert!(range.contains(&pause), "{failures}: {pause:?}");
            }
        }
        assert!(pause(u32::MAX, Duration::MAX) <= MAX_PAUSE.mul_f64(1.25));
        assert!(pause(u32::MAX, Duration::from_secs(1)) > MAX_PAUSE.mul_f64(0.7));
    }
}
