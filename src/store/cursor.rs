//! How far each folder was read, and what may leave it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, named_params};

use super::{Store, StoreError, moment, text};
use crate::config::Span;

/// What a cursor is kept for.
#[derive(Debug, Clone, Copy)]
pub struct FolderKey<'a> {
    /// `host:port`; empty for a Maildir. The port belongs to it: two servers may share a host.
    pub server: &'a str,
    /// The login name; empty for a Maildir.
    pub user: &'a str,
    /// The folder (UTF-8), or the Maildir's path.
    pub name: &'a str,
}

/// A folder and its cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Its id in the store.
    pub id: i64,
    /// Everything up to this UID was received.
    pub last_uid: u32,
    /// Mails below this UID were there when the folder was first seen. A Maildir's first poll: not 0.
    pub backfill_below: u32,
    /// Mails below this UID that were received before `not_before` are passed over.
    pub old_below: u32,
    /// How far back the first run reads.
    pub not_before: Option<Timestamp>,
    /// Whether the cursor was set back now, because the server's UIDs no longer mean what they did.
    pub rescan: bool,
}

/// A mail that `after` may move or delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending {
    /// Its id in `mails`.
    pub mail: i64,
    /// Its UID.
    pub uid: u32,
}

impl Store {
    /// The cursor of an IMAP folder, made when first seen and set back when UIDVALIDITY changed or UIDNEXT lies at or
    /// below it (RFC 9051, Section 2.3.1.1): deduplication makes reading again harmless.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn folder(
        &mut self,
        key: FolderKey<'_>,
        uid_validity: u32,
        uid_next: u32,
        since: Span,
        now: Timestamp,
    ) -> Result<Folder, StoreError> {
        let tx = self.begin()?;
        tx.execute(
            "INSERT OR IGNORE INTO folder (server, user, name, uid_validity, last_uid, backfill_below, old_below,
                                           not_before)
             VALUES (:server, :user, :name, :uid_validity, 0, :uid_next, :uid_next, :not_before)",
            named_params! {
                ":server": key.server, ":user": key.user, ":name": key.name, ":uid_validity": uid_validity,
                ":uid_next": uid_next, ":not_before": since.before(now).map(text).unwrap_or_default(),
            },
        )?;
        let n_reset = tx.execute(
            "UPDATE folder SET uid_validity = :uid_validity, last_uid = 0, backfill_below = 0, old_below = :uid_next
             WHERE server = :server AND user = :user AND name = :name
               AND (uid_validity <> :uid_validity OR last_uid >= :uid_next)",
            named_params! {
                ":server": key.server, ":user": key.user, ":name": key.name,
                ":uid_validity": uid_validity, ":uid_next": uid_next,
            },
        )?;
        // What the server said before was untrue: it would make backfill of all that is to come.
        tx.execute(
            "UPDATE folder SET backfill_below = min(backfill_below, :uid_next), old_below = min(old_below, :uid_next)
             WHERE server = :server AND user = :user AND name = :name AND max(backfill_below, old_below) > :uid_next",
            named_params! { ":server": key.server, ":user": key.user, ":name": key.name, ":uid_next": uid_next },
        )?;
        let mut folder = tx.query_row(
            "SELECT id, last_uid, backfill_below, old_below, not_before FROM folder
             WHERE server = :server AND user = :user AND name = :name",
            named_params! { ":server": key.server, ":user": key.user, ":name": key.name },
            row_to_folder,
        )?;
        folder.rescan = n_reset > 0;
        if folder.rescan {
            // Old UIDs may now be other mails: nothing may be moved or deleted by them.
            tx.execute(
                "UPDATE mail SET left_at = :now WHERE folder = :folder AND settled = 1 AND left_at IS NULL",
                named_params! { ":now": text(now), ":folder": folder.id },
            )?;
        }
        tx.commit()?;
        Ok(folder)
    }

    /// A Maildir's row, made when first seen, and the base names of the files that were read.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn maildir(
        &mut self,
        path: &str,
        since: Span,
        now: Timestamp,
    ) -> Result<(Folder, BTreeSet<String>), StoreError> {
        let tx = self.begin()?;
        tx.execute(
            "INSERT OR IGNORE INTO folder (server, user, name, uid_validity, last_uid, backfill_below, old_below,
                                           not_before)
             VALUES ('', '', :name, 0, 0, 1, 1, :not_before)",
            named_params! { ":name": path, ":not_before": since.before(now).map(text).unwrap_or_default() },
        )?;
        let folder = tx.query_row(
            "SELECT id, last_uid, backfill_below, old_below, not_before FROM folder
             WHERE server = '' AND user = '' AND name = :name",
            named_params! { ":name": path },
            row_to_folder,
        )?;
        let names = tx
            .prepare("SELECT base_name FROM maildir_known WHERE folder = :folder")?
            .query_map(named_params! { ":folder": folder.id }, |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        tx.commit()?;
        Ok((folder, names))
    }

    /// Ends a Maildir's poll: remembers the files that were passed over and forgets those that are gone. Until one has
    /// read all that is there, what is read was there before.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn maildir_polled<'a>(
        &mut self,
        folder: i64,
        passed_over: &[String],
        gone: impl Iterator<Item = &'a String>,
        has_read_all: bool,
    ) -> Result<(), StoreError> {
        let tx = self.begin()?;
        tx.execute(
            "UPDATE folder SET backfill_below = 0, old_below = 0 WHERE id = :folder AND :has_read_all",
            named_params! { ":folder": folder, ":has_read_all": has_read_all },
        )?;
        for base_name in passed_over {
            tx.prepare_cached(
                "INSERT OR IGNORE INTO maildir_known (folder, base_name) VALUES (:folder, :base_name)",
            )?
            .execute(named_params! { ":folder": folder, ":base_name": base_name })?;
        }
        for base_name in gone {
            tx.prepare_cached("DELETE FROM maildir_known WHERE folder = :folder AND base_name = :base_name")?
                .execute(named_params! { ":folder": folder, ":base_name": base_name })?;
        }
        tx.commit()?;
        Ok(())
    }

    /// Mails of a folder of which every report is settled, received before `before`, that have not left it yet.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn pending(&self, folder: i64, before: Timestamp, at_most: u32) -> Result<Vec<Pending>, StoreError> {
        let rows = self
            .db
            .prepare(
                "SELECT id, uid FROM mail
                 WHERE folder = :folder AND settled = 1 AND left_at IS NULL AND uid IS NOT NULL
                   AND coalesce(received_at, processed_at) <= :before
                 ORDER BY uid LIMIT :at_most",
            )?
            .query_map(
                named_params! { ":folder": folder, ":before": text(before), ":at_most": at_most },
                |row| {
                    Ok(Pending {
                        mail: row.get(0)?,
                        uid: row.get(1)?,
                    })
                },
            )?
            .collect::<rusqlite::Result<_>>()?;
        Ok(rows)
    }

    /// Remembers that these mails are gone from their folder.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn mark_left(&mut self, mails: &[i64], now: Timestamp) -> Result<(), StoreError> {
        let tx = self.begin()?;
        for mail in mails {
            tx.prepare_cached("UPDATE mail SET left_at = :now WHERE id = :mail")?
                .execute(named_params! { ":now": text(now), ":mail": mail })?;
        }
        tx.commit()?;
        Ok(())
    }

    /// A value that outlives the process, such as the digest time that was last acted upon.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn moment_of(&self, key: &str) -> Result<Option<Timestamp>, StoreError> {
        let value: Option<String> = self
            .db
            .query_row(
                "SELECT value FROM state WHERE key = :key",
                named_params! { ":key": key },
                |row| row.get(0),
            )
            .optional()?;
        Ok(value.as_deref().and_then(moment))
    }

    /// Sets such a value.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn set_moment(&mut self, key: &str, value: Timestamp) -> Result<(), StoreError> {
        self.identity.check()?;
        self.db.execute(
            "INSERT INTO state (key, value) VALUES (:key, :value)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            named_params! { ":key": key, ":value": text(value) },
        )?;
        Ok(())
    }
}

fn row_to_folder(row: &Row<'_>) -> rusqlite::Result<Folder> {
    Ok(Folder {
        id: row.get(0)?,
        last_uid: row.get(1)?,
        backfill_below: row.get(2)?,
        old_below: row.get(3)?,
        not_before: moment(row.get_ref(4)?.as_str()?),
        rescan: false,
    })
}
