//! Removing much in short transactions, so that nobody waits long for the write lock.

use std::thread::sleep;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ToSql};

use super::{Store, StoreError, WAL_PAGES};

/// How long the write lock may be held before the next transaction takes on less: nobody shall wait for 100 ms.
const LONG: Duration = Duration::from_millis(25);
/// Where it took less than this, the next one takes on more.
const QUICK: Duration = Duration::from_millis(10);
/// What is worth a line in the log.
const TOO_LONG: Duration = Duration::from_millis(80);
/// The first slice: what it needs may still be on the disk alone.
const SLICE: Slice = Slice(50);
/// However slow the machine is.
const LEAST: u32 = 10;
/// However quick it is: what a slice changes is written to the disk at its end.
const MOST: u32 = 1000;
/// Between two transactions. SQLite has no queue: who waits for the lock looks again now and then, and must find it free.
const PAUSE: Duration = Duration::from_millis(10);

/// How many reports, mails or other rows one transaction removes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slice(pub(super) u32);

impl Slice {
    /// The next one, after this one held the write lock for so long.
    pub(super) fn after(self, took: Duration) -> Self {
        if took > LONG {
            Self(self.0.div_ceil(4).max(LEAST))
        } else if took < QUICK {
            Self(self.0.saturating_mul(2).min(MOST))
        } else {
            self
        }
    }
}

impl Store {
    /// Does something in slices. Meanwhile the log is copied into the database after each of them and without the write
    /// lock, not when it has grown long: so much at once would keep the disk from whoever writes next.
    pub(super) fn sliced<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.db.pragma_update(None, "wal_autocheckpoint", 0)?;
        let done = work(self);
        self.db.pragma_update(None, "wal_autocheckpoint", WAL_PAGES)?;
        done
    }

    /// Removes in one transaction after another until one finds nothing; gives how much was removed.
    pub(super) fn in_slices(
        &mut self,
        what: &str,
        remove: impl Fn(&Connection, u32) -> rusqlite::Result<usize>,
    ) -> Result<u64, StoreError> {
        let (mut slice, mut sum) = (SLICE, 0_u64);
        loop {
            let (removed, took) = self.slice(what, |db| remove(db, slice.0))?;
            if removed == 0 {
                return Ok(sum);
            }
            self.pause()?;
            sum = sum.saturating_add(u64::try_from(removed).unwrap_or(u64::MAX));
            slice = slice.after(took);
        }
    }

    /// Does something with each of these, in slices; `sql` has one parameter.
    pub(super) fn for_each(&mut self, sql: &str, mut all: &[impl ToSql]) -> Result<(), StoreError> {
        let mut slice = SLICE;
        while !all.is_empty() {
            let n = usize::try_from(slice.0).unwrap_or(all.len()).min(all.len());
            let (now, later) = all.split_at_checked(n).unwrap_or((all, &[]));
            let ((), took) = self.slice(sql, |db| {
                let mut statement = db.prepare_cached(sql)?;
                now.iter().try_for_each(|one| statement.execute([one]).map(drop))
            })?;
            self.pause()?;
            slice = slice.after(took);
            all = later;
        }
        Ok(())
    }

    /// One transaction; gives for how long it held the write lock, too.
    fn slice<T>(
        &mut self,
        what: &str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<(T, Duration), StoreError> {
        let tx = self.begin()?;
        let started = Instant::now();
        let done = work(&tx)?;
        let worked = started.elapsed();
        tx.commit()?;
        let took = started.elapsed();
        if took > TOO_LONG {
            tracing::debug!(
                ?worked,
                ?took,
                "others waited for the database while this was written: {what}"
            );
        }
        Ok((done, took))
    }

    /// Copies the log into the database, as far as nobody reads it, and lets others write.
    fn pause(&self) -> rusqlite::Result<()> {
        self.db
            .query_row("PRAGMA wal_checkpoint(PASSIVE)", (), |_| Ok(()))?;
        sleep(PAUSE);
        Ok(())
    }
}
