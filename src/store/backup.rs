//! Copies of the live database.

use std::fs::File;
use std::io;
use std::path::Path;

use rusqlite::{Connection, ErrorCode};

use super::{Store, StoreError, migrate, open_reader};

impl Store {
    /// Writes a consistent copy with mode 0600 to `path`, which must not exist, and gives its size in bytes. It appears
    /// whole or not at all, and other processes may write meanwhile.
    ///
    /// # Errors
    ///
    /// [`StoreError::Exists`] if the file is there, or [`StoreError`] if it can't be written.
    pub fn backup(&self, path: &Path) -> Result<u64, StoreError> {
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::AlreadyExists => StoreError::Exists {
                path: path.to_owned(),
            },
            _ => StoreError::File {
                path: path.to_owned(),
                reason: source,
            },
        };
        if path.symlink_metadata().is_ok() {
            return Err(failed(io::ErrorKind::AlreadyExists.into()));
        }
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        // In the same folder, so that the last step is a rename; its mode is 0600.
        let copy = tempfile::NamedTempFile::new_in(folder).map_err(|error| failed(without_path(&error)))?;
        self::copy(&self.db, copy.path()).map_err(|error| match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull | ErrorCode::CannotOpen) => failed(io::Error::other(error)),
            _ => error.into(),
        })?;
        let reader = open_reader(copy.path())?;
        migrate::check(&reader, path)?;
        drop(reader);
        copy.as_file().sync_all().map_err(failed)?;
        let size = copy.as_file().metadata().map_err(failed)?.len();
        copy.persist_noclobber(path)
            .map_err(|error| failed(error.error))?;
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(failed)?;
        Ok(size)
    }
}

/// An error of a temporary file without that file's name, which means nothing to whoever named another.
fn without_path(error: &io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::NotFound => io::Error::other("there is no such folder"),
        kind => kind.into(),
    }
}

/// Copies a database that was opened for reading into an empty file: one consistent state, without the free pages.
pub(super) fn copy(db: &Connection, path: &Path) -> rusqlite::Result<()> {
    // It forbids to write any file; ours was opened read-only besides.
    db.pragma_update(None, "query_only", false)?;
    db.execute("VACUUM INTO ?1", [path.to_string_lossy()])?;
    db.pragma_update(None, "query_only", true)
}
