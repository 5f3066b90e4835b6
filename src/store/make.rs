//! Files beside the database, and whose they become.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::Path;

/// Opens a file with `options`, or makes it.
///
/// One that root makes belongs to the owner of its folder: else the service, which runs as another user, could not open
/// what a `tlsrptd poll` by root had made first. Only what is made here is given away: a link that somebody else put
/// there leads to a file that isn't his.
///
/// # Errors
///
/// The system's.
pub(super) fn open_or_make(path: &Path, options: &OpenOptions) -> io::Result<File> {
    let owner = other_owner_of_folder(path)?;
    match options.clone().create_new(true).open(path) {
        Ok(file) => {
            if let Some((uid, gid)) = owner {
                fchown(&file, Some(uid), Some(gid))?;
            }
            Ok(file)
        }
        // Root makes nothing where a link of somebody else leads to nothing.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            options.clone().create(owner.is_none()).open(path)
        }
        Err(error) => Err(error),
    }
}

/// Whose the folder of a file is, user and group, where root is about to make one in the folder of another.
fn other_owner_of_folder(path: &Path) -> io::Result<Option<(u32, u32)>> {
    if !nix::unistd::Uid::effective().is_root() {
        return Ok(None);
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.metadata()?,
        _ => Path::new(".").metadata()?,
    };
    Ok((folder.uid() != 0).then(|| (folder.uid(), folder.gid())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_made_once_and_then_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let options = OpenOptions::new().append(true).clone();
        io::Write::write_all(&mut open_or_make(&path, &options).unwrap(), b"one").unwrap();
        drop(open_or_make(&path, &options).unwrap());
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
        let folder = folder.path().metadata().unwrap();
        assert_eq!(path.metadata().unwrap().uid(), folder.uid());
    }

    #[test]
    fn what_root_makes_belongs_to_the_owner_of_the_folder_and_what_a_link_leads_to_does_not() {
        if !nix::unistd::Uid::effective().is_root() {
            return; // Nobody else can give files away.
        }
        let folder = tempfile::tempdir().unwrap();
        let roots = folder.path().join("roots");
        std::fs::write(&roots, "").unwrap();
        let inner = folder.path().join("inner");
        std::fs::create_dir(&inner).unwrap();
        std::os::unix::fs::chown(&inner, Some(4711), Some(4712)).unwrap();
        std::os::unix::fs::symlink(&roots, inner.join("link")).unwrap();
        let options = OpenOptions::new().append(true).clone();

        let made = open_or_make(&inner.join("file"), &options)
            .unwrap()
            .metadata()
            .unwrap();
        assert_eq!((made.uid(), made.gid()), (4711, 4712));
        drop(open_or_make(&inner.join("link"), &options).unwrap());
        assert_eq!(roots.metadata().unwrap().uid(), 0);
        let absent = folder.path().join("absent");
        std::os::unix::fs::symlink(&absent, inner.join("dangling")).unwrap();
        open_or_make(&inner.join("dangling"), &options).unwrap_err();
        assert!(!absent.exists());
    }
}
