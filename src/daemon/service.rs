//! What the service manager is told (`sd_notify`): that we are ready, how things stand, and that the loop goes on.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use sd_notify::NotifyState;

/// Longest line on how things stand, in characters; the names in it are bounded by nothing else.
const MAX_STATUS: usize = 200;

/// The service manager, if there is one that wants to be told.
///
/// Its watchdog is fed while the step under way is within the time it may take, whether the step will end well or
/// with an error: a server that is down is no reason to start us again, a step that never ends is one.
pub(super) struct Service {
    /// Until when the step under way may take.
    due: Arc<Mutex<Instant>>,
    said: String,
}

impl Service {
    /// Begins to feed the watchdog from a thread of its own, so that a long transaction doesn't starve it.
    pub(super) fn start() -> std::io::Result<Self> {
        let due = Arc::new(Mutex::new(Instant::now()));
        if let Some(limit) = sd_notify::watchdog_enabled() {
            let due = Arc::clone(&due);
            std::thread::Builder::new()
                .name("watchdog".to_owned())
                .spawn(move || feed(&due, limit.div_f64(4.0)))?;
        }
        Ok(Self {
            due,
            said: String::new(),
        })
    }

    /// A step begins that ends within `limit`, well or with an error. What follows it without a limit of its own has
    /// the time of the watchdog itself.
    pub(super) fn begin(&self, limit: Duration) {
        let now = Instant::now();
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        *due = now.checked_add(limit).unwrap_or(now);
        drop(due);
        if sd_notify::watchdog_enabled().is_some() {
            notify(&[NotifyState::Watchdog]);
        }
    }

    /// The daemon does its work from now on.
    pub(super) fn ready() {
        notify(&[NotifyState::Ready]);
    }

    /// The configuration is read again; [`Service::ready`] ends that.
    pub(super) fn reloading() {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => notify(&[NotifyState::Reloading, now]),
            Err(_) => notify(&[NotifyState::Reloading]),
        }
    }

    /// The daemon ends.
    pub(super) fn stopping() {
        notify(&[NotifyState::Stopping, NotifyState::Status("stopping")]);
    }

    /// How things stand, in one line; said when it has changed.
    pub(super) fn says(&mut self, status: String) {
        if self.said != status {
            notify(&[NotifyState::Status(&status)]);
            self.said = status;
        }
    }
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "the service manager can't be told");
    }
}

/// Never ends; the thread ends with the process.
fn feed(due: &Mutex<Instant>, pause: Duration) {
    loop {
        if Instant::now() <= *due.lock().unwrap_or_else(PoisonError::into_inner) {
            notify(&[NotifyState::Watchdog]);
        }
        std::thread::sleep(pause);
    }
}

/// How things stand.
#[derive(Debug, Default)]
pub(super) struct Standing<'a> {
    /// When the last poll ended, and how many reports it stored.
    pub(super) last: Option<(Timestamp, u64)>,
    /// When the next begins.
    pub(super) next: Option<Timestamp>,
    /// Mailboxes whose last poll failed.
    pub(super) failing: Vec<&'a str>,
    /// Whether a digest waits for its server.
    pub(super) is_digest_waiting: bool,
    /// Whether a changed configuration was refused.
    pub(super) is_config_refused: bool,
}

impl Standing<'_> {
    /// In one line, with times in `zone`.
    pub(super) fn line(&self, now: Timestamp, zone: &TimeZone) -> String {
        let now = now.to_zoned(zone.clone());
        let mut parts = Vec::new();
        match self.last {
            Some((at, stored)) => {
                let reports = if stored == 1 { "report" } else { "reports" };
                parts.push(format!("last poll {} ({stored} new {reports})", hour(at, &now)));
            }
            None => parts.push("no poll yet".to_owned()),
        }
        if let Some(next) = self.next {
            parts.push(format!("next {}", hour(next, &now)));
        }
        if !self.failing.is_empty() {
            parts.push(format!(
                "failing: {} (see tlsrptd status)",
                self.failing.join(", ")
            ));
        }
        if self.is_digest_waiting {
            parts.push("a digest waits for the mail server".to_owned());
        }
        if self.is_config_refused {
            parts.push("the changed configuration was refused (see the log)".to_owned());
        }
        let line = parts.join(", ");
        let line = line
            .chars()
            .map(|char| if char.is_control() { ' ' } else { char });
        line.take(MAX_STATUS).collect()
    }
}

/// The hour of a moment, with the day where it isn't today's.
fn hour(at: Timestamp, now: &Zoned) -> String {
    let at = at.to_zoned(now.time_zone().clone());
    let format = if at.date() == now.date() {
        "%H:%M"
    } else {
        "%-d %b %H:%M"
    };
    at.strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(standing: &Standing<'_>) -> String {
        let now = "2026-11-22T06:00:30Z".parse().unwrap();
        standing.line(now, &TimeZone::get("Europe/Berlin").unwrap())
    }

    #[test]
    fn last_and_next_poll_are_told_in_the_zone_of_the_digest() {
        let told = line(&Standing {
            last: Some(("2026-11-22T06:00:00Z".parse().unwrap(), 3)),
            next: Some("2026-11-22T06:15:00Z".parse().unwrap()),
            ..Standing::default()
        });
        assert_eq!(told, "last poll 07:00 (3 new reports), next 07:15");
    }

    #[test]
    fn times_of_another_day_have_it() {
        let told = line(&Standing {
            last: Some(("2026-11-21T22:59:00Z".parse().unwrap(), 1)),
            next: Some("2026-12-01T23:00:00Z".parse().unwrap()),
            ..Standing::default()
        });
        assert_eq!(told, "last poll 21 Nov 23:59 (1 new report), next 2 Dec 00:00");
    }

    #[test]
    fn all_trouble_is_told() {
        let told = line(&Standing {
            failing: vec!["rua", "other"],
            is_digest_waiting: true,
            is_config_refused: true,
            ..Standing::default()
        });
        assert_eq!(
            told,
            "no poll yet, failing: rua, other (see tlsrptd status), a digest waits for the mail server, \
             the changed configuration was refused (see the log)"
        );
    }

    #[test]
    fn a_line_stays_one_line_and_short() {
        let name = "rua\nREADY=1\n".repeat(100);
        let told = line(&Standing {
            failing: vec![&name],
            ..Standing::default()
        });
        assert_eq!(told.lines().count(), 1);
        assert_eq!(told.chars().count(), MAX_STATUS);
    }
}
