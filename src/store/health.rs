//! What works and what doesn't: mailboxes and recipients.

use jiff::Timestamp;
use rusqlite::named_params;

use super::{Store, StoreError, text};

impl Store {
    /// Gives back memory that only makes the next statements quicker: pages of the database.
    pub fn rest(&self) {
        // There is nothing to do about an error, which SQLite never gives here.
        drop(self.db.release_memory());
    }

    /// Remembers how a poll of a mailbox ended: `Err` with the error's text, or `Ok`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn mailbox_polled(
        &mut self,
        name: &str,
        result: Result<(), &str>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let error = result.err();
        self.identity.check()?;
        self.db.execute(
            "INSERT INTO mailbox_state (name, polled_at, succeeded_at, failing_since, error)
             VALUES (:name, :now, iif(:error IS NULL, :now, NULL), iif(:error IS NULL, NULL, :now), :error)
             ON CONFLICT (name) DO UPDATE SET
                 polled_at = excluded.polled_at,
                 succeeded_at = coalesce(excluded.succeeded_at, succeeded_at),
                 failing_since = iif(:error IS NULL, NULL, coalesce(failing_since, excluded.failing_since)),
                 error = excluded.error,
                 told_at = iif(:error IS NULL, NULL, told_at)",
            named_params! { ":name": name, ":now": text(now), ":error": error },
        )?;
        Ok(())
    }

    /// Whether something waits to be mended, as far as it was written down: a mailbox that failed when it was last
    /// polled, or a digest that failed and has not been accepted since.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn has_trouble(&self, mailboxes: &[String]) -> Result<bool, StoreError> {
        let is_unsent: bool = self.db.query_row(
            "SELECT EXISTS (SELECT 1 FROM digest JOIN delivery ON delivery.digest = digest.id
                            WHERE digest.sent_at IS NULL AND delivery.failing_since IS NOT NULL)",
            (),
            |row| row.get(0),
        )?;
        let mut failing = self.db.prepare(
            "SELECT EXISTS (SELECT 1 FROM mailbox_state WHERE name = :name AND failing_since IS NOT NULL)",
        )?;
        for name in mailboxes {
            if failing.query_row(named_params! { ":name": name }, |row| row.get(0))? {
                return Ok(true);
            }
        }
        Ok(is_unsent)
    }
}
