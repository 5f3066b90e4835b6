//! Folder names: modified UTF-7 (RFC 3501, Section 5.1.3), lists, and finding a folder where the server
//! keeps it.

use async_imap::imap_proto::{MailboxDatum, NameAttribute, Response};
use base64::Engine;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::MailboxError;
use super::error::shown;
use super::open::step_of;
use super::session::{Command, ImapSession};

/// Most folders that are looked at.
const MAX_FOLDERS: usize = 10_000;
/// Most folders in an error.
const MAX_SHOWN: usize = 30;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &IMAP_MUTF7,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

/// A folder in the server's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Folder {
    /// As the server spells it.
    pub(super) wire_name: String,
    /// UTF-8.
    pub(super) name: String,
    /// Between a folder and one below it.
    pub(super) separator: Option<String>,
    pub(super) is_selectable: bool,
}

impl ImapSession {
    /// The names (UTF-8) of the folders there are, sorted.
    ///
    /// # Errors
    ///
    /// [`MailboxError`] as for any command.
    pub async fn folders(&mut self) -> Result<Vec<String>, MailboxError> {
        let folders = self.listed_folders().await?;
        Ok(names(&folders))
    }

    pub(super) async fn listed_folders(&mut self) -> Result<Vec<Folder>, MailboxError> {
        let mut folders = Vec::new();
        self.demand(Command::small("list of folders", "LIST \"\" \"*\""), |response| {
            if let Response::MailboxData(MailboxDatum::List(data)) = response
                && folders.len() < MAX_FOLDERS
            {
                folders.push(Folder {
                    wire_name: data.name.to_string(),
                    name: decode(&data.name),
                    separator: data.delimiter.as_deref().map(str::to_owned),
                    is_selectable: !data.name_attributes.iter().any(is_no_folder),
                });
            }
            Ok(())
        })
        .await?;
        Ok(folders)
    }

    /// The wire name of a folder that could not be opened under `tried`.
    pub(super) async fn find(
        &mut self,
        folder: &str,
        tried: &str,
        refusal: &str,
    ) -> Result<String, MailboxError> {
        let folders = self.listed_folders().await?;
        let step = step_of(folder);
        let place = self.place(&step);
        let is_there = folders
            .iter()
            .any(|listed| listed.is_selectable && same_name(&listed.wire_name, tried));
        if is_there {
            // The folder is there, so the refusal has another reason.
            return Err(place.refused(refusal));
        }
        let found = candidates(folder, &folders).into_iter().find_map(|name| {
            folders
                .iter()
                .find(|listed| listed.is_selectable && same_name(&listed.name, &name))
        });
        match found {
            Some(listed) if listed.wire_name != tried => Ok(listed.wire_name.clone()),
            _ => Err(place.person(format!(
                "refused: {}; correct folder in the configuration, there are: {}",
                shown(refusal),
                summary(&folders)
            ))),
        }
    }
}

/// Names under which a server may keep a folder: as it is, with the server's separator, and below INBOX,
/// where some servers keep all folders.
pub(super) fn candidates(folder: &str, folders: &[Folder]) -> Vec<String> {
    let mut names = vec![folder.to_owned()];
    let inbox = folders.iter().find(|listed| same_name(&listed.name, "INBOX"));
    let separator = inbox
        .and_then(|listed| listed.separator.as_deref())
        .or_else(|| folders.iter().find_map(|listed| listed.separator.as_deref()));
    if let Some(separator) = separator {
        let translated = folder.replace('/', separator);
        names.push(translated.clone());
        names.push(format!("INBOX{separator}{folder}"));
        names.push(format!("INBOX{separator}{translated}"));
    }
    names
}

/// INBOX, also as the first level, is the same in any case (RFC 9051, Section 5.1).
pub(super) fn same_name(a: &str, b: &str) -> bool {
    const N_INBOX: usize = "INBOX".len();
    let is_inbox = |name: &str| {
        name.get(..N_INBOX)
            .is_some_and(|first| first.eq_ignore_ascii_case("INBOX"))
    };
    a == b || (is_inbox(a) && is_inbox(b) && a.get(N_INBOX..) == b.get(N_INBOX..))
}

fn is_no_folder(attribute: &NameAttribute<'_>) -> bool {
    match attribute {
        NameAttribute::NoSelect => true,
        NameAttribute::Extension(name) => name.eq_ignore_ascii_case("\\NonExistent"),
        _ => false,
    }
}

fn names(folders: &[Folder]) -> Vec<String> {
    let mut names: Vec<String> = folders
        .iter()
        .filter(|folder| folder.is_selectable)
        .map(|folder| folder.name.clone())
        .collect();
    names.sort();
    names.dedup();
    names
}

fn summary(folders: &[Folder]) -> String {
    let names = names(folders);
    let n_more = names.len().saturating_sub(MAX_SHOWN);
    let mut text = names
        .iter()
        .take(MAX_SHOWN)
        .map(|name| format!("\"{}\"", shown(name)))
        .collect::<Vec<_>>()
        .join(", ");
    if names.is_empty() {
        "none".clone_into(&mut text);
    }
    if n_more > 0 {
        text = format!("{text} and {n_more} more");
    }
    text
}

/// A quoted string; `wire_name` has no line end, as [`encode`] and the parser see to.
pub(super) fn quoted(wire_name: &str) -> String {
    let clean: String = wire_name
        .chars()
        .filter(|c| !matches!(c, '\r' | '\n' | '\0'))
        .collect();
    format!("\"{}\"", clean.replace('\\', "\\\\").replace('"', "\\\""))
}

/// UTF-8 to modified UTF-7: printable ASCII stays, `&` is `&-`, all else is UTF-16 in base64.
pub(super) fn encode(name: &str) -> String {
    let mut encoded = String::new();
    let mut pending: Vec<u8> = Vec::new();
    let flush = |pending: &mut Vec<u8>, encoded: &mut String| {
        if !pending.is_empty() {
            encoded.push('&');
            BASE64.encode_string(&*pending, encoded);
            encoded.push('-');
            pending.clear();
        }
    };
    for c in name.chars() {
        if matches!(c, ' '..='~') {
            flush(&mut pending, &mut encoded);
            encoded.push(c);
            if c == '&' {
                encoded.push('-');
            }
        } else {
            let mut units = [0_u16; 2];
            for unit in c.encode_utf16(&mut units) {
                pending.extend(unit.to_be_bytes());
            }
        }
    }
    flush(&mut pending, &mut encoded);
    encoded
}

/// Modified UTF-7 to UTF-8; what isn't modified UTF-7 stays as it is.
pub(super) fn decode(wire_name: &str) -> String {
    let mut decoded = String::new();
    let mut rest = wire_name;
    while let Some((plain, shifted)) = rest.split_once('&') {
        decoded.push_str(plain);
        let Some((base64, after)) = shifted.split_once('-') else {
            decoded.push('&');
            decoded.push_str(shifted);
            return decoded;
        };
        if let Some(text) = decode_part(base64) {
            decoded.push_str(&text);
        } else {
            decoded.push('&');
            decoded.push_str(base64);
            decoded.push('-');
        }
        rest = after;
    }
    decoded.push_str(rest);
    decoded
}

fn decode_part(base64: &str) -> Option<String> {
    if base64.is_empty() {
        return Some("&".to_owned());
    }
    let bytes = BASE64.decode(base64).ok()?;
    let (units, rest) = bytes.as_chunks::<2>();
    let units: Vec<u16> = units.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
    rest.is_empty().then(|| String::from_utf16(&units).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn folder(wire_name: &str, separator: &str) -> Folder {
        Folder {
            wire_name: wire_name.to_owned(),
            name: decode(wire_name),
            separator: Some(separator.to_owned()),
            is_selectable: true,
        }
    }

    #[test]
    fn non_ascii_name_is_modified_utf_7_on_the_wire() {
        assert_eq!(
            encode("Entwürfe & 日本語/😀"),
            "Entw&APw-rfe &- &ZeVnLIqe-/&2D3eAA-"
        );
    }

    #[test]
    fn name_that_is_not_modified_utf_7_stays_as_it_is() {
        for name in ["R&D", "&%%%-", "a&A-b", "&2D0-", "&"] {
            assert_eq!(decode(name), name);
        }
    }

    #[test]
    fn quotes_and_backslashes_are_escaped() {
        assert_eq!(quoted("a\"b\\c\r\n"), "\"a\\\"b\\\\c\"");
    }

    #[test]
    fn inbox_is_the_same_in_any_case_and_other_folders_are_not() {
        assert!(same_name("Inbox.Reports", "INBOX.Reports"));
        assert!(!same_name("Reports", "reports"));
    }

    #[test]
    fn folder_is_looked_for_below_inbox_with_the_servers_separator() {
        let names = candidates("tls/reports", &[folder("INBOX", ".")]);
        assert!(names.contains(&"INBOX.tls.reports".to_owned()), "{names:?}");
    }

    #[test]
    fn summary_is_sorted_bounded_and_without_control_characters() {
        let folders: Vec<Folder> = (0..100).map(|n| folder(&format!("f{n:03}\x1b"), "/")).collect();
        let text = summary(&folders);
        assert!(text.starts_with("\"f000\\u{1b}\", \"f001"), "{text}");
        assert!(text.ends_with("\"f029\\u{1b}\" and 70 more"), "{text}");
    }

    proptest! {
        #[test]
        fn name_survives_the_wire(name: String) {
            let wire_name = encode(&name);
            prop_assert!(wire_name.bytes().all(|byte| matches!(byte, b' '..=b'~')));
            prop_assert_eq!(decode(&wire_name), name);
        }

        #[test]
        fn any_wire_name_can_be_decoded(wire_name: String) {
            decode(&wire_name);
        }
    }
}
