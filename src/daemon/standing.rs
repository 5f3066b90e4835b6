//! What the daemon waits for, and what it says of that.

use tokio::time::Instant;

use super::service::Standing;
use super::{CLOCK_LOOK, Daemon};
use crate::clock;
use crate::deliver;
use crate::digest::schedule;

impl Daemon<'_> {
    /// Says how things stand before the loop rests, and until when it does.
    pub(super) fn rest(&mut self) -> Instant {
        self.store.rest();
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
