//! Which mails there are.

use std::collections::{BTreeMap, BTreeSet};

use async_imap::imap_proto::{AttributeValue, Response};
use jiff::Timestamp;

use super::MailboxError;
use super::guard::Allowance;
use super::session::{Command, ImapSession};

/// What fetching is called in errors.
pub(super) const STEP: &str = "fetch";
/// Most mails in one listing; what is above is listed by the next call.
const MAX_LISTED: usize = 100_000;
/// Most mails that time and bytes are allowed for, whatever the server says of the folder.
const MAX_EXPECTED: u64 = 1_000_000;
/// Most UIDs in one command, so that its line stays below 8 kB.
pub(super) const MAX_UIDS: usize = 500;
/// Bytes allowed for the answer about one mail besides its body.
pub(super) const MAIL_OVERHEAD: u64 = 1024;
/// What a command may bring beyond twice the sizes that the server gave, which are often a little wrong.
pub(super) const SLACK: u64 = 4 * 1024 * 1024;

/// A mail in the opened folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed {
    /// Its UID.
    pub uid: u32,
    /// Its size in bytes, as the server says; the limit for mails where it does not say.
    pub size: u64,
    /// INTERNALDATE; `None` if it can't be read.
    pub received_at: Option<Timestamp>,
}

/// The mails in a range of UIDs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// In the order of their UIDs, each once.
    pub mails: Vec<Listed>,
    /// The listing is complete up to here; below the end asked for if there are very many mails.
    pub up_to: u32,
}

impl ImapSession {
    /// Lists the mails of the opened folder with UIDs from `from_uid` to `to_uid`, both included.
    ///
    /// # Errors
    ///
    /// [`MailboxError`] unless the server says that the list is complete.
    pub async fn list(&mut self, from_uid: u32, to_uid: u32) -> Result<Listing, MailboxError> {
        let mut found: BTreeMap<u32, Listed> = BTreeMap::new();
        let mut up_to = to_uid;
        if from_uid == 0 || from_uid > to_uid {
            return Ok(Listing {
                mails: Vec::new(),
                up_to,
            });
        }
        let unknown_size = self.max_mail_bytes;
        let n_expected = u64::from(self.selected.map_or(0, |state| state.exists))
            .min(u64::from(to_uid.abs_diff(from_uid)).saturating_add(1))
            .min(MAX_EXPECTED);
        let text = format!("UID FETCH {from_uid}:{to_uid} (UID RFC822.SIZE INTERNALDATE)");
        let command = Command {
            announced: n_expected.saturating_mul(150),
            allowance: Allowance {
                literal: 0,
                plain: n_expected.saturating_mul(MAIL_OVERHEAD).saturating_add(SLACK),
            },
            ..Command::small("list of mails", &text)
        };
        self.demand(command, |response| {
            let Response::Fetch(_, attributes) = response else {
                return Ok(());
            };
            let has_size = attributes
                .iter()
                .any(|attribute| matches!(attribute, AttributeValue::Rfc822Size(_)));
            let mail = listed(attributes, unknown_size);
            if mail.is_none() && has_size {
                // To pass over it would be to lose it.
                return Err("the server lists a mail without its UID".to_owned());
            }
            // A server may tell of flags, or of the highest UID even if it is below the range.
            let Some(mail) = mail.filter(|mail| (from_uid..=up_to).contains(&mail.uid)) else {
                return Ok(());
            };
            if has_size || !found.contains_key(&mail.uid) {
                found.insert(mail.uid, mail);
            }
            if found.len() > MAX_LISTED
                && let Some((uid, _)) = found.pop_last()
            {
                up_to = uid.saturating_sub(1);
            }
            Ok(())
        })
        .await?;
        Ok(Listing {
            mails: found.into_values().collect(),
            up_to,
        })
    }

    /// Which of these UIDs are in the opened folder.
    pub(super) async fn existing(&mut self, uids: &[u32]) -> Result<BTreeSet<u32>, MailboxError> {
        let mut existing = BTreeSet::new();
        let asked: BTreeSet<u32> = uids.iter().copied().collect();
        for uids in uids.chunks(MAX_UIDS) {
            let text = format!("UID FETCH {} (UID)", uid_set(uids));
            self.demand(Command::small(STEP, &text), |response| {
                if let Response::Fetch(_, attributes) = response {
                    existing.extend(uid_of(attributes).filter(|uid| asked.contains(uid)));
                }
                Ok(())
            })
            .await?;
        }
        Ok(existing)
    }
}

pub(super) fn uid_of(attributes: &[AttributeValue<'_>]) -> Option<u32> {
    attributes.iter().find_map(|attribute| match attribute {
        AttributeValue::Uid(uid) => Some(*uid),
        _ => None,
    })
}

fn listed(attributes: &[AttributeValue<'_>], unknown_size: u64) -> Option<Listed> {
    let mut mail = Listed {
        uid: uid_of(attributes)?,
        size: unknown_size,
        received_at: None,
    };
    for attribute in attributes {
        match attribute {
            AttributeValue::Rfc822Size(size) => mail.size = u64::from(*size),
            AttributeValue::InternalDate(date) => mail.received_at = parse_date(date),
            _ => {}
        }
    }
    Some(mail)
}

/// INTERNALDATE, such as ` 7-Nov-2026 07:00:00 +0100` (RFC 9051, `date-time`).
fn parse_date(text: &str) -> Option<Timestamp> {
    Timestamp::strptime("%d-%b-%Y %H:%M:%S %z", text.trim()).ok()
}

/// A set such as `1:3,7`; holds these UIDs and no others. `uids` is sorted.
pub(super) fn uid_set(uids: &[u32]) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for &uid in uids {
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(uid) => *last = uid,
            _ => ranges.push((uid, uid)),
        }
    }
    let parts: Vec<String> = ranges
        .iter()
        .map(|(first, last)| {
            if first == last {
                first.to_string()
            } else {
                format!("{first}:{last}")
            }
        })
        .collect();
    parts.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_of_uids_holds_no_other_uid() {
        assert_eq!(uid_set(&[1, 2, 3, 7, 9, 10, u32::MAX]), "1:3,7,9:10,4294967295");
    }

    #[test]
    fn internal_date_with_one_digit_day_is_read() {
        let expected: Timestamp = "2026-11-07T06:00:00Z".parse().unwrap();
        assert_eq!(parse_date(" 7-Nov-2026 07:00:00 +0100"), Some(expected));
    }

    #[test]
    fn unreadable_internal_date_is_none() {
        assert_eq!(parse_date("yesterday"), None);
    }
}
