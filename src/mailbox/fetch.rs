//! Which mails there are, and their bytes.

use std::collections::{BTreeMap, BTreeSet};

use async_imap::imap_proto::{AttributeValue, Response};
use jiff::Timestamp;

use super::MailboxError;
use super::guard::Allowance;
use super::session::{Command, ImapSession, Sent};

/// What fetching is called in errors.
const STEP: &str = "fetch";
/// Most mails in one listing; what is above is listed by the next call.
const MAX_LISTED: usize = 100_000;
/// Most mails that time and bytes are allowed for, whatever the server says of the folder.
const MAX_EXPECTED: u64 = 1_000_000;
/// Most UIDs in one command, so that its line stays below 8 kB.
const MAX_UIDS: usize = 500;
/// Bytes allowed for the answer about one mail besides its body.
const MAIL_OVERHEAD: u64 = 1024;
/// What a command may bring beyond twice the sizes that the server gave, which are often a little wrong.
const SLACK: u64 = 4 * 1024 * 1024;

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

/// What came of asking for a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// The mail.
    Bytes(Vec<u8>),
    /// It is larger than the limit, by its announced size or by what came.
    TooLarge,
    /// It is no longer in the folder.
    Expunged,
    /// It is in the folder, but the server did not give it when asked twice.
    Undelivered,
}

/// A listed mail and what came of asking for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The mail as listed.
    pub mail: Listed,
    /// Its bytes, or why there are none.
    pub body: Body,
}

/// Mails that were asked for, and what the answer is read with.
#[derive(Debug)]
pub struct Asked<'a> {
    mails: &'a [Listed],
    max_bytes: u64,
    /// Sizes by UID.
    wanted: BTreeMap<u32, u64>,
    /// The command under way; none where no mail is small enough.
    first: Option<(Sent, Part)>,
}

impl<'a> Asked<'a> {
    /// The mails, as given.
    pub fn mails(&self) -> &'a [Listed] {
        self.mails
    }
}

/// What one command asks for.
#[derive(Debug)]
struct Part {
    /// Sorted.
    uids: Vec<u32>,
    announced: u64,
    /// Largest literal.
    literal: u64,
}

impl Part {
    /// `None` where there is nothing to ask for.
    fn of(wanted: &BTreeMap<u32, u64>, uids: Vec<u32>, max_bytes: u64) -> Option<Self> {
        let announced = uids
            .iter()
            .filter_map(|uid| wanted.get(uid))
            .fold(0_u64, |sum, size| sum.saturating_add(*size));
        let part = Self {
            announced,
            literal: u64::from(at_most(max_bytes)).saturating_add(MAIL_OVERHEAD),
            uids,
        };
        (!part.uids.is_empty()).then_some(part)
    }

    fn text(&self, max_bytes: u64) -> String {
        format!(
            "UID FETCH {} (UID BODY.PEEK[]<0.{}>)",
            uid_set(&self.uids),
            at_most(max_bytes)
        )
    }

    fn command<'t>(&self, text: &'t str) -> Command<'t> {
        Command {
            announced: self.announced,
            allowance: Allowance {
                literal: self.literal,
                ..Allowance::default()
            },
            ..Command::small(STEP, text)
        }
    }
}

/// One byte more shows that there is more. A partial fetch cuts what the announced size hides.
fn at_most(max_bytes: u64) -> u32 {
    u32::try_from(max_bytes.saturating_add(1)).unwrap_or(u32::MAX)
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

    /// Fetches mails as [`ImapSession::ask`] and [`ImapSession::answer`] do.
    ///
    /// # Errors
    ///
    /// [`MailboxError`] as theirs.
    pub async fn fetch(&mut self, mails: &[Listed], max_bytes: u64) -> Result<Vec<Fetched>, MailboxError> {
        let asked = self.ask(mails, max_bytes).await?;
        self.answer(asked).await
    }

    /// Asks for mails, none larger than `max_bytes`, without marking them as seen. The server can send them while the
    /// caller does something else; the session is of no other use until [`ImapSession::answer`].
    ///
    /// # Errors
    ///
    /// [`MailboxError`] if the command can't be sent.
    pub async fn ask<'a>(&mut self, mails: &'a [Listed], max_bytes: u64) -> Result<Asked<'a>, MailboxError> {
        let wanted: BTreeMap<u32, u64> = mails
            .iter()
            .filter(|mail| mail.size <= max_bytes)
            .map(|mail| (mail.uid, mail.size))
            .collect();
        let uids: Vec<u32> = wanted.keys().take(MAX_UIDS).copied().collect();
        let first = match Part::of(&wanted, uids, max_bytes) {
            Some(part) => Some((self.send(part.command(&part.text(max_bytes))).await?, part)),
            None => None,
        };
        Ok(Asked {
            mails,
            max_bytes,
            wanted,
            first,
        })
    }

    /// The mails that were asked for: each once, in the same order. The caller bounds their number and the sum of
    /// their sizes, for all are in memory at once.
    ///
    /// # Errors
    ///
    /// [`MailboxError`] unless the server says that it gave all it has, or if it sends far more than announced.
    pub async fn answer(&mut self, asked: Asked<'_>) -> Result<Vec<Fetched>, MailboxError> {
        let Asked {
            mails,
            max_bytes,
            wanted,
            first,
        } = asked;
        let mut bodies = BTreeMap::new();
        if let Some((sent, part)) = first {
            self.read(sent, &part, &mut bodies).await?;
        }
        let rest: Vec<u32> = wanted.keys().skip(MAX_UIDS).copied().collect();
        self.bodies(&wanted, &rest, max_bytes, &mut bodies).await?;
        let mut still_there = BTreeSet::new();
        let missing: Vec<u32> = wanted
            .keys()
            .filter(|uid| !bodies.contains_key(uid))
            .copied()
            .collect();
        if !missing.is_empty() {
            still_there = self.existing(&missing).await?;
            let again: Vec<u32> = still_there.iter().copied().collect();
            self.bodies(&wanted, &again, max_bytes, &mut bodies).await?;
        }
        let body_of = |mail: &Listed, bodies: &mut BTreeMap<u32, Vec<u8>>| {
            let is_larger = |bytes: &[u8]| u64::try_from(bytes.len()).map_or(true, |n| n > max_bytes);
            match bodies.remove(&mail.uid) {
                _ if mail.size > max_bytes => Body::TooLarge,
                Some(bytes) if is_larger(&bytes) => Body::TooLarge,
                Some(bytes) => Body::Bytes(bytes),
                None if still_there.contains(&mail.uid) => Body::Undelivered,
                None => Body::Expunged,
            }
        };
        Ok(mails
            .iter()
            .map(|mail| Fetched {
                mail: *mail,
                body: body_of(mail, &mut bodies),
            })
            .collect())
    }

    /// Adds the bodies that the server gives for `uids`.
    async fn bodies(
        &mut self,
        wanted: &BTreeMap<u32, u64>,
        uids: &[u32],
        max_bytes: u64,
        bodies: &mut BTreeMap<u32, Vec<u8>>,
    ) -> Result<(), MailboxError> {
        for uids in uids.chunks(MAX_UIDS) {
            let Some(part) = Part::of(wanted, uids.to_vec(), max_bytes) else {
                continue;
            };
            let sent = self.send(part.command(&part.text(max_bytes))).await?;
            self.read(sent, &part, bodies).await?;
        }
        Ok(())
    }

    /// Reads the answer to one command, up to one byte more than the limit of each mail.
    async fn read(
        &mut self,
        sent: Sent,
        part: &Part,
        bodies: &mut BTreeMap<u32, Vec<u8>>,
    ) -> Result<(), MailboxError> {
        let most = part.announced.saturating_mul(2).saturating_add(SLACK);
        let mut n_bytes = 0_u64;
        let completion = self
            .receive(sent, STEP, |response| {
                let Some((uid, bytes)) = body(response) else {
                    return Ok(());
                };
                n_bytes = n_bytes.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
                if n_bytes > most {
                    return Err(format!(
                        "the server sent more than {most} bytes of mail, and announced {}",
                        part.announced
                    ));
                }
                if part.uids.binary_search(&uid).is_ok() {
                    bodies.entry(uid).or_insert_with(|| bytes.to_vec());
                }
                Ok(())
            })
            .await?;
        self.must_be_ok(&completion, STEP)
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

fn uid_of(attributes: &[AttributeValue<'_>]) -> Option<u32> {
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

/// UID and bytes of an answer that holds a whole mail from its beginning.
fn body<'a>(response: &'a Response<'_>) -> Option<(u32, &'a [u8])> {
    let Response::Fetch(_, attributes) = response else {
        return None;
    };
    let bytes = attributes.iter().find_map(|attribute| match attribute {
        AttributeValue::BodySection {
            section: None,
            index: None | Some(0),
            data: Some(data),
        } => Some(data.as_ref()),
        _ => None,
    })?;
    Some((uid_of(attributes)?, bytes))
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
