//! The only loop: poll, digest, stop.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep_until};

use crate::authenticate::Resolver;
use crate::clock;
use crate::config::Config;
use crate::deliver;
use crate::ping::{Ping, Pinger};
use crate::store::Store;

mod polling;
mod sending;
mod service;
mod signals;
mod standing;

use polling::{Turn, first_turns};
use sending::Sending;
use service::Service;
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
