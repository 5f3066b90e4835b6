//! SQLite; the only module with SQL.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

use crate::config::StoreConfig;

mod admission;
mod backup;
mod batch;
mod belongings;
mod busy;
mod chart;
mod cursor;
mod day;
mod delivery;
mod derive;
mod digests;
mod elect;
mod entries;
mod error;
mod expired;
mod facts;
mod flood;
mod forget;
mod health;
mod history;
mod identity;
mod incoming;
mod kept_out;
mod keys;
mod learnt;
mod mails;
mod make;
mod migrate;
mod outcome;
mod packed;
mod problems;
mod query;
mod record;
mod record_report;
mod remarks;
mod retention;
mod reread;
mod rewrite;
mod room;
pub mod rows;
mod set_aside;
mod show;
mod slices;
mod standing;
mod status;
mod sums;
mod take_over;
mod trace;
mod tellings;
mod texts;
mod unproven;
mod waiting;

pub use busy::give_up_waiting;
pub use chart::{ChartPolicy, ChartRow};
pub use cursor::{Folder, FolderKey, Pending};
pub use delivery::Delivery;
pub use digests::{Composed, FixedDigest};
pub use error::StoreError;
pub use facts::Question;
pub use forget::Forgotten;
pub use incoming::{Content, CursorMove, IncomingMail, IncomingReport, Origin, Standing};
pub use mails::{ListedMail, ListedReport, MailQuestion};
pub use migrate::SCHEMA_VERSION;
pub use query::{QueryError, QueryOutput, Value};
pub use record::Tally;
pub use reread::{RejectedOrigin, Reread};
pub use rewrite::{Rewritten, StoredReport};
pub use set_aside::Accept;
pub use show::{ShownFailure, ShownPolicy, ShownReport};
pub use status::{Counts, DebugFacts, FolderStatus, MailboxState, Refused, WaitingDigest, lock_holder};
pub use trace::{TraceQuestion, Traced};
pub use waiting::TemporaryMail;

use admission::Admission;
use identity::Identity;

/// What is kept of the WAL file between transactions, in bytes.
const WAL_BYTES: i64 = 8 * 1024 * 1024;

/// Pages of 4 kB in the WAL file after which they are copied into the database.
const WAL_PAGES: i64 = 2000;

/// The database.
#[derive(Debug)]
pub struct Store {
    db: Connection,
    /// The file that was opened.
    identity: Identity,
    /// The file of a dry run, removed when this is dropped.
    copy: Option<tempfile::TempPath>,
    /// What the last look at reports that aren't proven saw.
    seen: Option<unproven::Seen>,
    /// What counts, by the configuration.
    admission: Arc<Admission>,
}

impl Store {
    /// Opens the database for polling and importing: makes it when missing and brings it up to date.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the file can't be opened or is not ours.
    pub fn open(config: &StoreConfig) -> Result<Self, StoreError> {
        let path = &config.path;
        let failed = |reason| StoreError::opening(path, reason);
        if path.exists() {
            // Before anything of it is changed, were it only its mode.
            let db = open_reader(path).map_err(failed)?;
            migrate::recognise(&db, path)?;
        }
        make(path, config.group_readable)?;
        let mut db = Connection::open_with_flags(
            path,
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )
        .map_err(failed)?;
        configure(&mut db).map_err(failed)?;
        migrate::migrate(&mut db, path)?;
        Ok(Self::over(db, path))
    }

    /// Opens an existing, current database for writing, without migrating it (`digest --send`).
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it is missing, not ours, or of another version.
    pub fn open_existing(config: &StoreConfig) -> Result<Self, StoreError> {
        let store = Self::open_read_only(config)?;
        drop(store);
        Self::open(config)
    }

    /// Opens an existing database for reading only.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it is missing, not ours, or of another version.
    pub fn open_read_only(config: &StoreConfig) -> Result<Self, StoreError> {
        let path = &config.path;
        if !path.exists() {
            return Err(StoreError::Missing { path: path.clone() });
        }
        let db = open_reader(path).map_err(|reason| StoreError::opening(path, reason))?;
        migrate::check(&db, path)?;
        Ok(Self::over(db, path))
    }

    fn over(db: Connection, path: &Path) -> Self {
        Self {
            db,
            identity: Identity::of(path),
            copy: None,
            seen: None,
            admission: Arc::default(),
        }
    }

    /// Begins a transaction that may write.
    ///
    /// # Errors
    ///
    /// [`StoreError::Gone`] or [`StoreError::Replaced`] if `store.path` is no longer the file that was opened: what
    /// is written into that would be lost.
    fn begin(&mut self) -> Result<Transaction<'_>, StoreError> {
        self.identity.check()?;
        Ok(self
            .db
            .transaction_with_behavior(TransactionBehavior::Immediate)?)
    }

    /// Opens `store.path` again where it is no longer the file that was opened; `true` if that was so.
    ///
    /// # Errors
    ///
    /// [`StoreError::Gone`] if there is no file, so that none is made in place of one that somebody is about to put
    /// back; otherwise as [`Store::open`]. Then nothing is changed, and this may be called again.
    pub fn reopen_if_replaced(&mut self, config: &StoreConfig) -> Result<bool, StoreError> {
        match self.identity.check() {
            Ok(()) => return Ok(false),
            Err(StoreError::Replaced { .. }) => {}
            Err(error) => return Err(error),
        }
        if self.identity.owns_wal() {
            // SQLite would take these for the new file's. All that is in them belongs to the file that went away.
            self.identity.remove_wal()?;
        }
        // The old connection must not take away the new file's WAL when it closes.
        self.db
            .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        let admission = Arc::clone(&self.admission);
        *self = Self::open(config)?;
        self.admission = admission;
        Ok(true)
    }

    /// As [`Store::open_dry_run`], for verbs that don't make or migrate a database.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for reading.
    pub fn open_dry_run_existing(config: &StoreConfig) -> Result<Self, StoreError> {
        drop(Self::open_read_only(config)?);
        Self::open_dry_run(config)
    }

    /// Opens a throw-away copy for a dry run: everything is done, and nothing of it stays.
    ///
    /// # Errors
    ///
    /// [`StoreError`] as for reading; a missing file is an empty database.
    pub fn open_dry_run(config: &StoreConfig) -> Result<Self, StoreError> {
        let temporary = |reason| StoreError::File {
            path: std::env::temp_dir(),
            reason,
        };
        let copy = tempfile::NamedTempFile::new()
            .map_err(temporary)?
            .into_temp_path();
        if config.path.exists() {
            let original = Self::open_read_only(config)?;
            backup::copy(&original.db, &copy)?;
        }
        let mut store = Self::open(&StoreConfig {
            path: copy.to_path_buf(),
            ..config.clone()
        })?;
        store.copy = Some(copy);
        Ok(store)
    }
}

/// Makes an empty file with the right mode before SQLite does with the wrong one.
fn make(path: &Path, group_readable: bool) -> Result<(), StoreError> {
    let mode = if group_readable { 0o640 } else { 0o600 };
    let failed = |reason| StoreError::File {
        path: path.to_owned(),
        reason,
    };
    let file =
        make::open_or_make(path, OpenOptions::new().read(true).append(true).mode(mode)).map_err(failed)?;
    let mut permissions = file.metadata().map_err(failed)?.permissions();
    if permissions.mode() & 0o777 != mode {
        permissions.set_mode(mode);
        file.set_permissions(permissions).map_err(failed)?;
    }
    Ok(())
}

fn configure(db: &mut Connection) -> rusqlite::Result<()> {
    busy::wait_for_others(db)?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    // A checkpoint costs two more waits for the disk; WAL_BYTES hold so many pages.
    db.pragma_update(None, "wal_autocheckpoint", WAL_PAGES)?;
    // What a long reader lets the WAL grow to is given back when it has gone.
    db.pragma_update(None, "journal_size_limit", WAL_BYTES)?;
    db.pragma_update(None, "foreign_keys", true)?;
    // Reports are strangers' text: never let a schema trick call functions with side effects.
    db.pragma_update(None, "trusted_schema", false)?;
    db.set_prepared_statement_cache_capacity(64);
    // Plans go by no single value: else a statement would be prepared again for each day that it is asked for.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// Opens read-only. Where this user can't write the folder and nobody has the file open, SQLite can't make the files
/// that WAL mode wants beside it; nothing is in them then, and the file is read as it stands.
fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut db = Connection::open_with_flags(path, flags)?;
    let looked: rusqlite::Result<i64> = db.pragma_query_value(None, "schema_version", |row| row.get(0));
    let is_barred = looked.is_err_and(|error| {
        matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen)
        )
    });
    let mut wal = path.as_os_str().to_owned();
    wal.push("-wal");
    if is_barred && !Path::new(&wal).exists() {
        db = Connection::open_with_flags(immutable(path), flags | OpenFlags::SQLITE_OPEN_URI)?;
    }
    busy::wait_for_others(&mut db)?;
    db.pragma_update(None, "query_only", true)?;
    db.pragma_update(None, "trusted_schema", false)?;
    Ok(db)
}

/// The URI by which SQLite reads a file that nobody changes.
fn immutable(path: &Path) -> String {
    let encoded: String = path
        .as_os_str()
        .as_bytes()
        .iter()
        .map(|byte| match char::from(*byte) {
            c if c.is_ascii_alphanumeric() || "/._-".contains(c) => c.to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect();
    format!("file:{encoded}?immutable=1")
}

/// A moment as it stands in the database: RFC 3339, UTC, to the second.
fn text(moment: Timestamp) -> String {
    // Some ten of these are written for each mail; strftime takes several times as long.
    const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(0));
    PRINTER.timestamp_to_string(&moment)
}

/// The inverse of [`text`]; a text that we didn't write is `None`.
fn moment(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

/// Held by `run`, `poll` and `digest --send`, so that only one process polls or sends.
#[derive(Debug)]
pub struct Lock {
    // Closing the file lets go of the lock.
    _file: File,
}

impl Lock {
    /// Where it is: one for a database, by whatever symbolic link that is named.
    fn path(config: &StoreConfig) -> PathBuf {
        let file = std::fs::canonicalize(&config.path).unwrap_or_else(|_| config.path.clone());
        identity::beside(&file, ".lock")
    }

    /// Takes the lock beside the database, writing our process id into it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Locked`] with the holder's process id, or [`StoreError::File`].
    pub fn take(config: &StoreConfig) -> Result<Self, StoreError> {
        let path = Self::path(config);
        let failed = |reason| StoreError::File {
            path: path.clone(),
            reason,
        };
        // It is written anew: no link that somebody put there must lead root to another file.
        let mut options = OpenOptions::new();
        options
            .read(true)
            .write(true)
            .mode(0o600)
            .custom_flags(nix::libc::O_NOFOLLOW);
        let mut file = make::open_or_make(&path, &options).map_err(failed)?;
        match lock(&file) {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => {
                let mut pid = String::new();
                let mut head = Read::take(&mut file, 20);
                head.read_to_string(&mut pid).map_err(failed)?;
                return Err(StoreError::Locked {
                    path,
                    pid: pid.trim().to_owned(),
                });
            }
            Err(std::fs::TryLockError::Error(source)) => return Err(failed(source)),
        }
        file.set_len(0).map_err(failed)?;
        file.rewind().map_err(failed)?;
        writeln!(file, "{}", std::process::id()).map_err(failed)?;
        Ok(Self { _file: file })
    }
}

/// Tries for a moment: `status` holds the lock for an instant when it looks whether somebody does.
fn lock(file: &File) -> Result<(), std::fs::TryLockError> {
    for _ in 0..10 {
        match file.try_lock() {
            Err(std::fs::TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(20)),
            other => return other,
        }
    }
    file.try_lock()
}

#[cfg(test)]
mod tests;
