//! Mails' bytes.

use std::collections::{BTreeMap, BTreeSet};

use async_imap::imap_proto::{AttributeValue, Response};

use super::MailboxError;
use super::guard::Allowance;
use super::list::{Listed, MAIL_OVERHEAD, MAX_UIDS, SLACK, STEP, uid_of, uid_set};
use super::session::{Command, ImapSession, Sent};

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
