//! The file with a refresh token. Providers give new ones, and some take the old one back at once.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tempfile::NamedTempFile;

use super::OAuthError;
use crate::config::SecretSource;

/// How often a lock that another process holds is tried.
const LOCK_LOOK: Duration = Duration::from_millis(20);

/// A refresh token that no other process of ours uses meanwhile.
pub(super) struct RefreshFile {
    path: PathBuf,
    /// Locked as long as it is open.
    _locked: File,
    /// Takes the place of the file; made beforehand, lest a new token comes that can't be kept.
    successor: NamedTempFile,
    pub(super) token: SecretString,
}

impl RefreshFile {
    /// Reads the token once no other process is about to replace it.
    pub(super) async fn open(path: &Path) -> Result<Self, OAuthError> {
        let unreadable = |error: std::io::Error| {
            OAuthError::Ours(format!(
                "cannot read refresh_token_file {}: {error}; check the path and that this user may read it",
                path.display()
            ))
        };
        // What a link points to is replaced, not the link.
        let real = path.canonicalize().map_err(unreadable)?;
        let locked = lock(&real).await.map_err(unreadable)?;
        let successor = successor(&real, &locked).map_err(|error| {
            OAuthError::Ours(format!(
                "cannot write beside refresh_token_file {}: {error}; let this user write in its folder, for \
                 providers replace refresh tokens",
                path.display()
            ))
        })?;
        let token = SecretSource::File(real.clone())
            .read()
            .await
            .map_err(|error| OAuthError::Ours(error.to_string()))?;
        Ok(Self {
            path: real,
            _locked: locked,
            successor,
            token,
        })
    }

    /// Replaces the token: the file has the old one or the new one, whole, whatever happens.
    pub(super) fn replace(mut self, token: &SecretString) -> std::io::Result<()> {
        self.successor.write_all(token.expose_secret().as_bytes())?;
        self.successor.write_all(b"\n")?;
        self.successor.as_file().sync_all()?;
        let folder = self.path.parent().map(File::open).transpose()?;
        self.successor.persist(&self.path).map_err(|error| error.error)?;
        folder.map_or(Ok(()), |folder| folder.sync_all())
    }
}

/// Opens and locks the file that has this name in the end.
async fn lock(path: &Path) -> std::io::Result<File> {
    loop {
        let file = File::open(path)?;
        match file.try_lock() {
            Ok(()) => {
                let (ours, named) = (file.metadata()?, std::fs::metadata(path)?);
                if (ours.dev(), ours.ino()) == (named.dev(), named.ino()) {
                    return Ok(file);
                }
                // Replaced by whoever held the lock.
            }
            Err(std::fs::TryLockError::WouldBlock) => tokio::time::sleep(LOCK_LOOK).await,
            Err(std::fs::TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// An empty file beside it, mode 0600, that belongs to whom it belongs: root may run `check`.
fn successor(path: &Path, file: &File) -> std::io::Result<NamedTempFile> {
    let made = NamedTempFile::new_in(path.parent().unwrap_or(Path::new("/")))?;
    let (old, new) = (file.metadata()?, made.as_file().metadata()?);
    if old.uid() != new.uid() {
        fchown(made.as_file(), Some(old.uid()), Some(old.gid()))?;
    }
    Ok(made)
}
