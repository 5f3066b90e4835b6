//! Where the files go, and whose they are.

use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, fchown, lchown};
use std::path::{Path, PathBuf};

use anyhow::Context;
use nix::unistd::{Uid, User};

use super::ask::wrong;

/// The user of the service, if there is one.
const SERVICE_USER: &str = "tlsrptd";

/// Who shall own what is written, where it isn't the user who runs this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) name: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
}

impl Owner {
    /// For root: `given`, else the service's user if it exists. Others can't give files away.
    pub(super) fn find(given: Option<&str>) -> anyhow::Result<Option<Self>> {
        let is_root = Uid::effective().is_root();
        if !is_root && given.is_some() {
            return Err(wrong("--owner is for root; leave it out"));
        }
        if !is_root {
            return Ok(None);
        }
        let user = User::from_name(given.unwrap_or(SERVICE_USER)).context("cannot look up a user")?;
        match (user, given) {
            (Some(user), _) if user.uid.is_root() => Ok(None),
            (Some(user), _) => Ok(Some(Self {
                name: user.name,
                uid: user.uid.as_raw(),
                gid: user.gid.as_raw(),
            })),
            (None, Some(name)) => Err(wrong(&format!(
                "--owner: there is no user {name:?}; make it first"
            ))),
            (None, None) => Ok(None),
        }
    }
}

/// Where the configuration goes if nothing is said: where every verb looks for it.
pub(super) fn default_config() -> PathBuf {
    PathBuf::from(if Uid::effective().is_root() {
        crate::commands::SYSTEM_CONFIG
    } else {
        crate::commands::LOCAL_CONFIG
    })
}

/// Where the database goes if nothing is said.
pub(super) fn default_database(config: &Path) -> PathBuf {
    if Uid::effective().is_root() && config == Path::new(crate::commands::SYSTEM_CONFIG) {
        PathBuf::from("/var/lib/tlsrptd/tlsrptd.db")
    } else {
        config.with_file_name("tlsrptd.db")
    }
}

/// Makes the folder of `file` if it isn't there, for its owner alone.
pub(super) fn make_folder_of(file: &Path, owner: Option<&Owner>) -> anyhow::Result<()> {
    let Some(folder) = file.parent().filter(|folder| !folder.is_dir()) else {
        return Ok(());
    };
    let made = || {
        std::fs::DirBuilder::new().mode(0o750).create(folder)?;
        owner.map_or(Ok(()), |owner| lchown(folder, Some(owner.uid), Some(owner.gid)))
    };
    made().with_context(|| {
        format!(
            "cannot make the folder {}; make it, then try again",
            folder.display()
        )
    })
}

/// Writes a file of mode 0600 in one step; what is there already is replaced only if `replace`.
pub(super) fn write_private(
    path: &Path,
    bytes: &[u8],
    owner: Option<&Owner>,
    replace: bool,
) -> anyhow::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let written = || {
        let mut file = tempfile::NamedTempFile::new_in(folder)?; // mode 0600
        file.write_all(bytes)?;
        if let Some(owner) = owner {
            // Not by its name: whoever owns the folder could have put something else there.
            fchown(file.as_file(), Some(owner.uid), Some(owner.gid))?;
        }
        file.as_file().sync_all()?;
        if replace {
            file.persist(path)?;
        } else {
            file.persist_noclobber(path)?;
        }
        Ok::<_, std::io::Error>(())
    };
    written().with_context(|| format!("cannot write {}; check its folder", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_file_that_is_there_is_replaced_only_on_demand() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        write_private(&path, b"one", None, false).unwrap();
        assert!(write_private(&path, b"two", None, false).is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
        write_private(&path, b"two", None, true).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_folder_is_made_and_one_that_is_there_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("etc/config.toml");
        make_folder_of(&file, None).unwrap();
        make_folder_of(&file, None).unwrap();
        assert!(file.parent().unwrap().is_dir());
    }
}
