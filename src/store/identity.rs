//! Whether a path still is the file that was opened. SQLite writes on into a file that was deleted or replaced.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::StoreError;

/// A file by device and inode.
type Inode = (u64, u64);

/// The database file that was opened, and its WAL as last seen.
#[derive(Debug)]
pub(super) struct Identity {
    path: PathBuf,
    /// SQLite puts it beside the file, not beside a symbolic link to it.
    wal_path: PathBuf,
    file: Option<Inode>,
    shm_path: PathBuf,
    wal: Option<Inode>,
}

impl Identity {
    /// What is at `path` now.
    pub(super) fn of(path: &Path) -> Self {
        let real = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let wal_path = beside(&real, "-wal");
        Self {
            path: path.to_owned(),
            file: inode(path),
            wal: inode(&wal_path),
            wal_path,
            shm_path: beside(&real, "-shm"),
        }
    }

    /// Demands that the path still is the file that was opened.
    pub(super) fn check(&mut self) -> Result<(), StoreError> {
        let path = self.path.clone();
        match inode(&path) {
            None => Err(StoreError::Gone { path }),
            found if found == self.file => {
                // SQLite makes it anew now and then.
                self.wal = inode(&self.wal_path);
                Ok(())
            }
            Some(_) => Err(StoreError::Replaced { path }),
        }
    }

    /// Whether the WAL beside the path is the one of the file that was opened, and not of the file that is there now.
    pub(super) fn owns_wal(&self) -> bool {
        self.wal.is_some() && inode(&self.wal_path) == self.wal
    }

    /// Takes away the WAL and its index.
    pub(super) fn remove_wal(&self) -> Result<(), StoreError> {
        for path in [&self.wal_path, &self.shm_path] {
            match std::fs::remove_file(path) {
                Err(reason) if reason.kind() != std::io::ErrorKind::NotFound => {
                    let path = path.clone();
                    return Err(StoreError::File { path, reason });
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn inode(path: &Path) -> Option<Inode> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// The name of a file that lies beside another.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
