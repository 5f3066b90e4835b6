//! From facts to a mail, and from a mail to its recipients.

mod make;
mod send;

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::config::{Audience, AuthenticationMode, Config, Unauthenticated};
use crate::digest::schedule;
use crate::store::{Question, Store, StoreError};

pub use make::{Access, Made, compose, compose_test, fix, fix_urgent, known, make, next};
pub use send::{Round, deliver, follow_audiences, waiting, waiting_urgent};

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

/// `state` key: the newest due moment at which there was nothing to send to an audience.
fn passed_over(audience: &str) -> String {
    format!("digest_passed_over {audience}")
}

/// Everybody who is sent a digest.
pub fn recipients(config: &Config) -> Vec<String> {
    let audiences = config.digest.audiences();
    audiences.into_iter().flat_map(|audience| audience.to).collect()
}

/// The configured time zone, which was checked when the configuration was read.
pub fn zone(config: &Config) -> TimeZone {
    TimeZone::get(&config.digest.timezone).unwrap_or(TimeZone::UTC)
}

/// A round of sending has ended after this time, well or not: some twenty answers of the server and one for each
/// recipient of the audience, and ten times as long for the answer to the mail itself.
pub fn limit(config: &Config, audience: &Audience) -> Duration {
    let n_answers = u32::try_from(audience.to.len())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_is_given_time_for_each_recipient_of_its_audience() {
        let config = Config::default();
        let audience = |n: usize| Audience {
            to: (0..n).map(|n| format!("team{n}@example.org")).collect(),
            ..Audience::default()
        };
        let each = limit(&config, &audience(101)).saturating_sub(limit(&config, &audience(100)));
        assert_eq!(each, config.smtp.timeout);
    }
}
