//! Errors of the store, by what the caller does.

use std::path::PathBuf;

/// What is wrong with the database.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no file, and this verb doesn't make one.
    #[error(
        "there is no database {path}; run `tlsrptd poll` or `tlsrptd import PATH` first, or mend store.path"
    )]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The file can't be opened or made.
    #[error(
        "cannot open the database {path}: {source}; check that its folder exists and that this user may write there"
    )]
    Open {
        /// The file.
        path: PathBuf,
        /// SQLite's reason, part of the message.
        source: rusqlite::Error,
    },
    /// A SQLite file of another program.
    #[error("{path} is not a database of tlsrptd; name another file in store.path")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a newer version of this program.
    #[error(
        "the database {path} has schema {found}, newer than this program knows ({known}); upgrade tlsrptd"
    )]
    FromTheFuture {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// The file was written by an older version, and this verb only reads.
    #[error(
        "the database {path} has schema {found}, older than this program's {known}; run `tlsrptd poll` or `tlsrptd import` to bring it up to date"
    )]
    Outdated {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// Another process holds the lock.
    #[error("{path} is in use by tlsrptd, process {pid}; stop it first, or let it do the work")]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// Who holds it, as that process wrote it.
        pid: String,
    },
    /// A file that must not be overwritten is there.
    #[error("{path} exists and is not overwritten; name another file, or take it away")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A file beside the database can't be written.
    #[error("cannot write {path}: {source}; check the folder's permissions and free space")]
    File {
        /// The file.
        path: PathBuf,
        /// Why not, part of the message.
        source: std::io::Error,
    },
    /// SQLite refused; the message says why.
    #[error("database error: {0}")]
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for StoreError {
    fn from(source: rusqlite::Error) -> Self {
        Self::Sqlite(source)
    }
}
