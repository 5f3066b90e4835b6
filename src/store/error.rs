//! Errors of the store, by what the caller does. Each message holds its cause, so no variant has a `source` as well.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

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
    #[error("cannot open the database {path}: {reason}; {way_out}", way_out = way_out_of_opening(.reason))]
    Open {
        /// The file.
        path: PathBuf,
        /// SQLite's reason, part of the message.
        reason: rusqlite::Error,
    },
    /// A SQLite file of another program, or no SQLite file.
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
    /// The file was deleted while it was open.
    #[error(
        "the database {path} was deleted while in use; put it back, or restart tlsrptd to begin with an empty one"
    )]
    Gone {
        /// Where it was.
        path: PathBuf,
    },
    /// Another file is in its place.
    #[error("the database {path} was replaced by another file while in use; restart tlsrptd to use that one")]
    Replaced {
        /// Where it was.
        path: PathBuf,
    },
    /// A file beside the database can't be written.
    #[error("cannot write {path}: {reason}; check the folder's permissions and free space")]
    File {
        /// The file.
        path: PathBuf,
        /// Why not, part of the message.
        reason: std::io::Error,
    },
    /// SQLite refused; its reason is part of the message.
    #[error("database error: {0}; {way_out}", way_out = way_out(.0))]
    Sqlite(rusqlite::Error),
}

impl StoreError {
    /// Why a file couldn't be opened: a file of another kind, or SQLite's reason.
    pub(super) fn opening(path: &Path, reason: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match reason.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::Foreign { path },
            _ => Self::Open { path, reason },
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(source: rusqlite::Error) -> Self {
        Self::Sqlite(source)
    }
}

/// What a person can do about a file that can't be opened.
fn way_out_of_opening(error: &rusqlite::Error) -> &'static str {
    match error.sqlite_error_code() {
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::DiskFull
            | ErrorCode::DatabaseCorrupt
            | ErrorCode::SystemIoFailure,
        ) => way_out(error),
        _ => "check that its folder exists and that this user may write there",
    }
}

/// What a person can do about an error of SQLite.
fn way_out(error: &rusqlite::Error) -> &'static str {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "another program holds the database; it is tried again, or end that program"
        }
        Some(ErrorCode::DiskFull) => "free space on its disk; nothing is lost, it is tried again",
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            "the file is damaged; restore a backup, or move it away and poll again"
        }
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
            "let this user write the file and its folder"
        }
        Some(ErrorCode::SystemIoFailure) => "check the disk and the system's log",
        _ => "if `tlsrptd check` finds nothing, please report this as a bug",
    }
}
