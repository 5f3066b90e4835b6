//! Entries of a zip archive.

use std::io::Cursor;

use zip::ZipArchive;

/// Signature before each entry of an archive's directory.
const DIRECTORY_ENTRY: &[u8] = b"PK\x01\x02";
/// Signature of the record at an archive's end.
const DIRECTORY_END: &[u8] = b"PK\x05\x06";
/// Most records that may look like an archive's end; each one is tried.
const MAX_ENDS: usize = 16;
/// Most bytes of names, comments and extra fields.
const MAX_NAMES: usize = 4 * 1024 * 1024;

/// Opens an archive, or says why not in words.
///
/// The directory is weighed beforehand, because reading it takes memory for each entry that it claims.
pub(super) fn open(bytes: &[u8]) -> Result<ZipArchive<Cursor<&[u8]>>, String> {
    if find_all(bytes, DIRECTORY_END).count() > MAX_ENDS {
        return Err("the zip archive has more than one end".to_owned());
    }
    let names =
        find_all(bytes, DIRECTORY_ENTRY).fold(0_usize, |sum, entry| sum.saturating_add(names_of(entry)));
    if names > MAX_NAMES {
        return Err("the zip archive's names are too long".to_owned());
    }
    ZipArchive::new(Cursor::new(bytes)).map_err(|error| format!("the zip archive can't be read: {error}"))
}

/// An entry's name, bounded; never used as a path.
pub(super) fn entry_name(entry: &zip::read::ZipFile<'_, Cursor<&[u8]>>) -> Option<String> {
    /// Most bytes that are kept.
    const MAX_NAME: usize = 998;
    let name = String::from_utf8_lossy(entry.name_raw());
    name.get(..name.floor_char_boundary(MAX_NAME))
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
}

/// How many entries the directory may have.
pub(super) fn count_entries(bytes: &[u8]) -> usize {
    find_all(bytes, DIRECTORY_ENTRY).count()
}

/// The length of an entry's name, extra field and comment (three numbers, 28 bytes behind the signature's start).
fn names_of(entry: &[u8]) -> usize {
    let lengths = entry.get(28..34).unwrap_or_default();
    lengths
        .chunks_exact(2)
        .filter_map(|bytes| bytes.try_into().ok())
        .map(|bytes| usize::from(u16::from_le_bytes(bytes)))
        .sum()
}

/// What follows each place where the signature stands, itself included.
fn find_all<'a>(bytes: &'a [u8], signature: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let starts = bytes
        .windows(signature.len())
        .enumerate()
        .filter(move |(_, window)| *window == signature);
    starts.filter_map(|(at, _)| bytes.get(at..))
}
