//! A local Maildir, which is only read.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

/// A mail in a Maildir.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The file's name before `:`, which stays the same when flags change or the mail goes from `new` to `cur`.
    pub base_name: String,
    /// Where the file was when the folder was read.
    pub path: PathBuf,
}

/// A file's bytes, unless there are too many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bounded {
    /// The whole file.
    Bytes(Vec<u8>),
    /// The file is larger than the limit, and was not read.
    TooLarge {
        /// Its size in bytes; at least this where it can't be known.
        size: u64,
    },
}

/// A mail that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where it was found, which may not be where it was listed.
    pub path: PathBuf,
    /// The file's modification time to the second: when the mail was delivered.
    pub received_at: Option<Timestamp>,
    /// The mail.
    pub content: Bounded,
}

/// Whether a folder looks like a Maildir: it has `new` and `cur`.
pub fn is_maildir(path: &Path) -> bool {
    path.join("new").is_dir() && path.join("cur").is_dir()
}

/// The mails in `new` and `cur`, sorted by base name. Changes nothing.
///
/// Dot files and folders are left out; a link to a file is taken for the file.
///
/// # Errors
///
/// If the folder isn't a Maildir or can't be read; the message names it and says what to do.
pub fn new_names(path: &Path) -> io::Result<Vec<Entry>> {
    let mut entries = BTreeMap::new();
    // `new` first: a mail that is moved in between is then seen in `cur`, never missed.
    for folder in ["new", "cur"] {
        let folder = path.join(folder);
        for found in std::fs::read_dir(&folder).map_err(|error| explain(path, &folder, &error))? {
            let found = found.map_err(|error| explain(path, &folder, &error))?;
            let name = found.file_name();
            if name.as_bytes().starts_with(b".") {
                continue;
            }
            let path = found.path();
            let is_file = match found.file_type() {
                Ok(kind) if kind.is_symlink() => path.is_file(),
                Ok(kind) => kind.is_file(),
                Err(_) => false, // gone meanwhile
            };
            if is_file {
                entries.insert(base_name(&name), path);
            }
        }
    }
    Ok(entries
        .into_iter()
        .map(|(base_name, path)| Entry { base_name, path })
        .collect())
}

/// Reads a mail, wherever in the Maildir it is by now; `None` if it was deleted.
///
/// # Errors
///
/// If the file is there and can't be read.
pub fn read(maildir: &Path, entry: &Entry, limit: u64) -> io::Result<Option<Found>> {
    let mut path = entry.path.clone();
    // Two more looks: a mail that goes on moving is left for the next poll.
    for _ in 0..3 {
        match read_bounded(&path, limit) {
            Ok(content) => {
                let received_at = modified(&path);
                return Ok(Some(Found {
                    path,
                    received_at,
                    content,
                }));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let now = new_names(maildir)?
            .into_iter()
            .find(|now| now.base_name == entry.base_name);
        match now {
            Some(now) => path = now.path,
            None => return Ok(None),
        }
    }
    Ok(None)
}

/// Reads a regular file of at most `limit` bytes.
///
/// # Errors
///
/// If the file can't be read, or is a folder, pipe, socket or device.
pub fn read_bounded(path: &Path, limit: u64) -> io::Result<Bounded> {
    // Looked at before it is opened: opening a pipe would wait for a writer.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    if size > limit {
        return Ok(Bounded::TooLarge { size });
    }
    take_bounded(file, size, limit)
}

/// Reads a stream up to `limit` bytes; it probably has `expected`, 0 where that isn't known.
pub(super) fn take_bounded(reader: impl Read, expected: u64, limit: u64) -> io::Result<Bounded> {
    let bytes = take(reader, expected, limit.saturating_add(1))?;
    let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    Ok(if size > limit {
        Bounded::TooLarge { size }
    } else {
        Bounded::Bytes(bytes)
    })
}

/// The first `n_bytes` bytes, or fewer where the stream ends, in memory for as many as are expected.
pub(super) fn take(reader: impl Read, expected: u64, n_bytes: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(usize::try_from(expected.min(n_bytes)).unwrap_or_default());
    #[expect(clippy::disallowed_methods, reason = "bounded by take")]
    reader.take(n_bytes).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A file's modification time, to the second.
pub(super) fn modified(path: &Path) -> Option<Timestamp> {
    modified_by(&std::fs::metadata(path).ok()?)
}

/// As [`modified`], of a file that was looked at already.
pub(super) fn modified_by(metadata: &std::fs::Metadata) -> Option<Timestamp> {
    let modified = Timestamp::try_from(metadata.modified().ok()?).ok()?;
    Timestamp::from_second(modified.as_second()).ok()
}

/// The name before `:`; bytes that aren't UTF-8 are escaped, so that different names stay different.
fn base_name(name: &OsStr) -> String {
    let bytes = name.as_bytes();
    let base = bytes.split(|byte| *byte == b':').next().unwrap_or(bytes);
    match std::str::from_utf8(base) {
        Ok(base) => base.to_owned(),
        Err(_) => base.escape_ascii().to_string(),
    }
}

fn explain(maildir: &Path, folder: &Path, error: &io::Error) -> io::Error {
    let missing = matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    );
    let text = if missing {
        format!(
            "{} is not a Maildir: it has no folder {}; check the path",
            maildir.display(),
            folder.file_name().unwrap_or_default().display()
        )
    } else {
        format!(
            "cannot read {}: {error}; check that this user may read it",
            folder.display()
        )
    };
    io::Error::new(error.kind(), text)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    fn maildir() -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for sub in ["new", "cur", "tmp"] {
            std::fs::create_dir(folder.path().join(sub)).unwrap();
        }
        folder
    }

    fn names(maildir: &TempDir) -> Vec<String> {
        let entries = new_names(maildir.path()).unwrap();
        entries.into_iter().map(|entry| entry.base_name).collect()
    }

    #[test]
    fn mails_of_new_and_cur_are_listed_by_base_name_in_order() {
        let maildir = maildir();
        std::fs::write(maildir.path().join("cur/2.b.host:2,S"), "").unwrap();
        std::fs::write(maildir.path().join("new/1.a.host"), "").unwrap();
        std::fs::write(maildir.path().join("tmp/3.c.host"), "").unwrap();
        assert_eq!(names(&maildir), ["1.a.host", "2.b.host"]);
    }

    #[test]
    fn dot_files_and_folders_are_no_mails_but_links_to_files_are() {
        let maildir = maildir();
        std::fs::write(maildir.path().join("cur/.nfs0001"), "").unwrap();
        std::fs::create_dir(maildir.path().join("cur/folder")).unwrap();
        std::fs::write(maildir.path().join("outside"), "").unwrap();
        symlink(maildir.path().join("outside"), maildir.path().join("new/1.link")).unwrap();
        symlink(
            maildir.path().join("nowhere"),
            maildir.path().join("new/2.broken"),
        )
        .unwrap();
        assert_eq!(names(&maildir), ["1.link"]);
    }

    #[test]
    fn mail_seen_in_both_folders_is_listed_once() {
        let maildir = maildir();
        std::fs::write(maildir.path().join("new/1.a"), "").unwrap();
        std::fs::write(maildir.path().join("cur/1.a:2,"), "").unwrap();
        assert_eq!(names(&maildir), ["1.a"]);
    }

    #[test]
    fn names_that_are_not_utf8_stay_different() {
        let one = base_name(OsStr::from_bytes(b"1.\xff:2,S"));
        let other = base_name(OsStr::from_bytes(b"1.\xfe:2,S"));
        assert_eq!((one.as_str(), other.as_str()), ("1.\\xff", "1.\\xfe"));
    }

    #[test]
    fn folder_that_is_no_maildir_is_named_with_what_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let error = new_names(folder.path()).unwrap_err().to_string();
        let expected = format!(
            "{} is not a Maildir: it has no folder new; check the path",
            folder.path().display()
        );
        assert_eq!(error, expected);
    }

    #[test]
    fn mail_moved_after_listing_is_found_again() {
        let maildir = maildir();
        std::fs::write(maildir.path().join("new/1.a"), "mail").unwrap();
        let entries = new_names(maildir.path()).unwrap();
        std::fs::rename(maildir.path().join("new/1.a"), maildir.path().join("cur/1.a:2,S")).unwrap();
        let found = read(maildir.path(), &entries[0], 10).unwrap().unwrap();
        assert_eq!(found.path, maildir.path().join("cur/1.a:2,S"));
        assert_eq!(found.content, Bounded::Bytes(b"mail".to_vec()));
        assert!(found.received_at.is_some());
    }

    #[test]
    fn mail_deleted_after_listing_is_skipped() {
        let maildir = maildir();
        std::fs::write(maildir.path().join("new/1.a"), "mail").unwrap();
        let entries = new_names(maildir.path()).unwrap();
        std::fs::remove_file(maildir.path().join("new/1.a")).unwrap();
        assert_eq!(read(maildir.path(), &entries[0], 10).unwrap(), None);
    }

    #[test]
    fn file_over_the_limit_is_not_read_but_measured() {
        let maildir = maildir();
        let path = maildir.path().join("new/1.a");
        std::fs::write(&path, "0123456789").unwrap();
        assert_eq!(read_bounded(&path, 9).unwrap(), Bounded::TooLarge { size: 10 });
        assert_eq!(
            read_bounded(&path, 10).unwrap(),
            Bounded::Bytes(b"0123456789".to_vec())
        );
    }

    #[test]
    fn pipes_and_devices_are_refused() {
        let error = read_bounded(Path::new("/dev/null"), 10).unwrap_err();
        assert_eq!(error.to_string(), "not a regular file");
    }
}
