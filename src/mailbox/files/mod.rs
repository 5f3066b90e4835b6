//! Mails and bare report files from paths or standard input, told by content.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::config::Limits;
use crate::mailbox::maildir::{self, Bounded};
use crate::mailbox::mbox;

/// Deepest nesting of folders.
const MAX_DEPTH: usize = 32;
/// How many bytes tell an mbox from everything else.
const HEAD_BYTES: u64 = 512;
/// Most bytes of a file that are read in one go.
const MAX_HEAD_BYTES: u64 = 64 * 1024;

/// What is in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A mail, or anything that isn't a [`Kind::File`].
    Mail,
    /// JSON, gzip or zip: a report without a mail around it.
    File,
}

/// The content of an item, unless it can't be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// All bytes.
    Bytes(Vec<u8>),
    /// More than `limits.mail_bytes`.
    TooLarge {
        /// Size in bytes; at least this where it can't be known.
        size: u64,
    },
    /// Not readable; why, in words.
    Unreadable(String),
}

impl From<Bounded> for Content {
    fn from(bounded: Bounded) -> Self {
        match bounded {
            Bounded::Bytes(bytes) => Self::Bytes(bytes),
            Bounded::TooLarge { size } => Self::TooLarge { size },
        }
    }
}

/// A mail or report file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The path; for a message of an mbox `path#N`, counted from 1; `-` for standard input.
    pub locator: String,
    /// What it is.
    pub kind: Kind,
    /// The file's name: a hint only. `None` for messages of an mbox and for standard input.
    pub name: Option<String>,
    /// The date of an mbox's `From ` line, else the file's modification time.
    pub received_at: Option<Timestamp>,
    /// The bytes.
    pub content: Content,
}

/// Hands every mail and report file below `paths` to `visit`, one after the other.
///
/// A path may be a mail, JSON, gzip, zip, mbox, Maildir, a folder of any of these, or `-` for `stdin`. Folders are
/// read in the order of names; dot files are left out there. What can't be read becomes an item that says so.
///
/// # Errors
///
/// Only those of `visit`, which end the walk.
pub fn for_each<E>(
    paths: &[PathBuf],
    limits: &Limits,
    stdin: &mut dyn Read,
    visit: &mut dyn FnMut(Item) -> Result<(), E>,
) -> Result<(), E> {
    let mut walk = Walk {
        limit: limits.mail_bytes,
        seen: HashSet::new(),
        visit,
    };
    for path in paths {
        if path.as_os_str() == "-" {
            walk.stream(stdin, &Origin::stdin())?;
        } else {
            walk.named(path)?;
        }
    }
    Ok(())
}

/// How many bytes lie below `paths`, for somebody who wants to know how long it takes; `None` if standard input is among
/// them.
pub fn size_of(paths: &[PathBuf]) -> Option<u64> {
    let mut open: Vec<(PathBuf, usize)> = paths.iter().map(|path| (path.clone(), 0)).collect();
    let mut n_bytes = 0_u64;
    while let Some((path, depth)) = open.pop() {
        if path.as_os_str() == "-" {
            return None;
        }
        let Ok(metadata) = std::fs::metadata(&path) else {
            continue;
        };
        if !metadata.is_dir() {
            n_bytes = n_bytes.saturating_add(metadata.len());
        } else if depth < MAX_DEPTH
            && let Ok(entries) = std::fs::read_dir(&path)
        {
            let is_hidden = |path: &Path| {
                path.file_name()
                    .is_some_and(|name| name.as_bytes().starts_with(b"."))
            };
            let inner = entries
                .flatten()
                .filter(|entry| entry.file_type().is_ok_and(|kind| !kind.is_symlink()));
            let inner = inner.map(|entry| entry.path()).filter(|path| !is_hidden(path));
            open.extend(inner.map(|path| (path, depth.saturating_add(1))));
        }
    }
    Some(n_bytes)
}

/// Where a stream of bytes comes from.
struct Origin {
    locator: String,
    name: Option<String>,
    received_at: Option<Timestamp>,
    /// Known for regular files only.
    size: Option<u64>,
}

impl Origin {
    fn stdin() -> Self {
        Self {
            locator: "-".to_owned(),
            name: None,
            received_at: None,
            size: None,
        }
    }

    fn file(path: &Path) -> Self {
        Self::known(path, std::fs::metadata(path).ok().as_ref())
    }

    /// A file that was looked at already.
    fn known(path: &Path, metadata: Option<&Metadata>) -> Self {
        Self {
            locator: path.display().to_string(),
            name: path.file_name().map(|name| name.display().to_string()),
            received_at: metadata.and_then(maildir::modified_by),
            size: metadata.filter(|metadata| metadata.is_file()).map(Metadata::len),
        }
    }

    fn item(&self, kind: Kind, content: Content) -> Item {
        Item {
            locator: self.locator.clone(),
            kind,
            name: self.name.clone(),
            received_at: self.received_at,
            content,
        }
    }
}

struct Walk<'a, E> {
    limit: u64,
    /// Folders by device and inode: links may lead in circles.
    seen: HashSet<(u64, u64)>,
    visit: &'a mut dyn FnMut(Item) -> Result<(), E>,
}

impl<E> Walk<'_, E> {
    /// A path that the user gave; here a pipe is welcome, as in `import <(zcat old.mbox.gz)`.
    fn named(&mut self, path: &Path) -> Result<(), E> {
        match std::fs::metadata(path) {
            Err(error) => self.unreadable(path, &error),
            Ok(metadata) if metadata.is_dir() => self.folder(path, &metadata, 0),
            Ok(metadata) => self.file(path, &metadata),
        }
    }

    fn folder(&mut self, path: &Path, metadata: &Metadata, depth: usize) -> Result<(), E> {
        if !self.seen.insert((metadata.dev(), metadata.ino())) {
            return Ok(());
        }
        if depth > MAX_DEPTH {
            let text = format!("nested deeper than {MAX_DEPTH} folders; import this folder by itself");
            return self.unreadable(path, &io::Error::other(text));
        }
        let is_maildir = maildir::is_maildir(path);
        if is_maildir {
            self.maildir(path)?;
        }
        let names = match Names::read(path) {
            Ok(names) => names,
            Err(error) => return self.unreadable(path, &error),
        };
        for name in names.iter() {
            let path = path.join(name);
            let hidden = name.as_bytes().starts_with(b".");
            match std::fs::metadata(&path) {
                // The mails of a Maildir have been read; its folders may be Maildirs too, with a dot in front.
                Ok(metadata) if metadata.is_dir() => {
                    let of_maildir = is_maildir && matches!(name.as_bytes(), b"new" | b"cur" | b"tmp");
                    if !of_maildir && (!(hidden || is_maildir) || maildir::is_maildir(&path)) {
                        self.folder(&path, &metadata, depth.saturating_add(1))?;
                    }
                }
                _ if hidden || is_maildir => {}
                Ok(metadata) if metadata.is_file() => self.file(&path, &metadata)?,
                Ok(_) => self.unreadable(&path, &io::Error::other("not a regular file"))?,
                Err(error) => self.unreadable(&path, &error)?,
            }
        }
        Ok(())
    }

    fn maildir(&mut self, path: &Path) -> Result<(), E> {
        let entries = match maildir::new_names(path) {
            Ok(entries) => entries,
            Err(error) => return self.unreadable(path, &error),
        };
        for entry in entries {
            match maildir::read(path, &entry, self.limit) {
                Ok(None) => {}
                Ok(Some(found)) => self.whole(&Origin::file(&found.path), found.content)?,
                Err(error) => self.unreadable(&entry.path, &error)?,
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, metadata: &Metadata) -> Result<(), E> {
        match File::open(path) {
            Ok(mut file) => self.stream(&mut file, &Origin::known(path, Some(metadata))),
            Err(error) => self.unreadable(path, &error),
        }
    }

    /// Content of unknown kind.
    fn stream(&mut self, reader: &mut dyn Read, origin: &Origin) -> Result<(), E> {
        // Nearly all files are small enough to be read at once; one byte more tells that it was all.
        let n_head = origin.size.map_or(HEAD_BYTES, |size| {
            size.saturating_add(1).clamp(HEAD_BYTES, MAX_HEAD_BYTES)
        });
        let head = match maildir::take(&mut *reader, n_head, n_head) {
            Ok(head) => head,
            Err(error) => return self.broken(origin, &error),
        };
        let n_read = u64::try_from(head.len()).unwrap_or(u64::MAX);
        if mbox::is_mbox(&head) {
            let reader = Cursor::new(head).chain(reader);
            return self.mbox(BufReader::new(reader), origin);
        }
        if let Some(size) = origin.size.filter(|size| *size > self.limit) {
            return self.whole(origin, Bounded::TooLarge { size });
        }
        if n_read < n_head && n_read <= self.limit {
            return self.whole(origin, Bounded::Bytes(head));
        }
        let reader = Cursor::new(head).chain(reader);
        match maildir::take_bounded(reader, origin.size.unwrap_or_default(), self.limit) {
            Ok(content) => self.whole(origin, content),
            Err(error) => self.broken(origin, &error),
        }
    }

    fn mbox(&mut self, reader: impl BufRead, origin: &Origin) -> Result<(), E> {
        for (number, message) in (1_u64..).zip(mbox::Reader::new(reader, self.limit)) {
            let (received_at, content) = match message {
                Ok(message) => (message.received_at, message.content.into()),
                Err(error) => (None, Content::Unreadable(unreadable(&error))),
            };
            (self.visit)(Item {
                locator: format!("{}#{number}", origin.locator),
                kind: Kind::Mail,
                name: None,
                received_at,
                content,
            })?;
        }
        Ok(())
    }

    /// A mail or report file as a whole.
    fn whole(&mut self, origin: &Origin, content: Bounded) -> Result<(), E> {
        let kind = match &content {
            Bounded::Bytes(bytes) => kind(bytes),
            Bounded::TooLarge { .. } => Kind::Mail,
        };
        (self.visit)(origin.item(kind, content.into()))
    }

    fn unreadable(&mut self, path: &Path, error: &io::Error) -> Result<(), E> {
        self.broken(&Origin::file(path), error)
    }

    fn broken(&mut self, origin: &Origin, error: &io::Error) -> Result<(), E> {
        (self.visit)(origin.item(Kind::Mail, Content::Unreadable(unreadable(error))))
    }
}

/// The names in a folder, in order and in one piece: there may be a million.
#[derive(Default)]
struct Names {
    bytes: Vec<u8>,
    /// Where each begins and ends.
    ranges: Vec<Range<usize>>,
}

impl Names {
    fn read(folder: &Path) -> io::Result<Self> {
        let mut names = Self::default();
        for entry in std::fs::read_dir(folder)? {
            let start = names.bytes.len();
            names.bytes.extend_from_slice(entry?.file_name().as_bytes());
            names.ranges.push(start..names.bytes.len());
        }
        let bytes = &names.bytes;
        names
            .ranges
            .sort_unstable_by_key(|range| bytes.get(range.clone()));
        Ok(names)
    }

    fn iter(&self) -> impl Iterator<Item = &OsStr> {
        let bytes = self
            .ranges
            .iter()
            .filter_map(|range| self.bytes.get(range.clone()));
        bytes.map(OsStr::from_bytes)
    }
}

/// Tells a bare report file from a mail by its first bytes.
fn kind(bytes: &[u8]) -> Kind {
    let gzip = bytes.starts_with(&[0x1f, 0x8b]);
    let zip = bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06");
    if gzip || zip || is_json(bytes) {
        Kind::File
    } else {
        Kind::Mail
    }
}

/// Whether the first character that isn't blank is `{`, in UTF-8, or in UTF-16 behind a byte order mark.
fn is_json(bytes: &[u8]) -> bool {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let (utf16, first) = match text {
        [0xff, 0xfe, rest @ ..] => (rest, 0),
        [0xfe, 0xff, rest @ ..] => (rest, 1),
        _ => return text.trim_ascii_start().starts_with(b"{"),
    };
    // In UTF-16 an ASCII character is itself and a zero, in one order or the other.
    utf16
        .chunks_exact(2)
        .map(|unit| {
            (
                unit.get(first).copied(),
                unit.get(1_usize.abs_diff(first)).copied(),
            )
        })
        .find(|(byte, zero)| *zero != Some(0) || !byte.is_some_and(|byte| byte.is_ascii_whitespace()))
        == Some((Some(b'{'), Some(0)))
}

/// Why a file can't be read, and what to do where that isn't plain.
fn unreadable(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => format!("{error}; let this user read it, then import it again"),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests;
