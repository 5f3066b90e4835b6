//! Whose turn it is to be polled.

use std::time::Duration;

use tokio::time::Instant;

use super::{Daemon, FIRST_PAUSE, MAX_PAUSE, pause};
use crate::clock;
use crate::config::{Config, MailboxConfig};
use crate::mailbox::Reaction;
use crate::ping::Ping;
use crate::poll::{self, Polled};

/// A mailbox's place in the schedule.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn {
    pub(super) at: Instant,
    failures: u32,
    /// Whether its last poll failed; a busy server is no failure.
    pub(super) is_failing: bool,
    /// Whether a poll of this process has read it to the end.
    pub(super) is_read: bool,
}

/// All mailboxes, due at once.
pub(super) fn first_turns(config: &Config) -> Vec<Turn> {
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

impl Daemon<'_> {
    /// Polls the mailbox whose turn came first, if any has come.
    pub(super) async fn poll_one(&mut self) {
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
}

/// When a mailbox is polled next.
fn next_turn(turn: Turn, mailbox: &MailboxConfig, polled: &Polled) -> Turn {
    let (failures, pause) = match &polled.result {
        Ok(()) if polled.cut_by.is_some() => (0, Duration::ZERO),
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
        is_read: turn.is_read || (polled.result.is_ok() && polled.cut_by.is_none()),
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
            unfinished = polled.cut_by.is_some(),
            "polled"
        ),
        Err(error) => tracing::warn!(mailbox = %mailbox.name, mails = tally.mails, "poll failed: {error}"),
    }
}
