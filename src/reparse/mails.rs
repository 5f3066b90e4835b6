//! Mails of which something was rejected, from wherever their bytes still are.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;

use super::{Told, Work};
use crate::authenticate;
use crate::clock;
use crate::config::{Config, MailboxConfig, MailboxKind};
use crate::extract::{looks_like_gzip, looks_like_json, looks_like_zip};
use crate::import::{IMPORT, judge, too_large};
use crate::mailbox::files::{self, Content, Kind};
use crate::mailbox::maildir::{self, Bounded};
use crate::mailbox::{Body, ImapSession, MailboxError};
use crate::prepare::{Input, prepare};
use crate::store::{RejectedOrigin, Reread, StoreError};

impl Work<'_> {
    pub(super) async fn mails(&mut self) -> Result<(), StoreError> {
        let limit = self.config.limits.mail_bytes;
        let mut by_folder: BTreeMap<i64, Vec<RejectedOrigin>> = BTreeMap::new();
        let mut by_file: BTreeMap<PathBuf, Vec<RejectedOrigin>> = BTreeMap::new();
        for mail in self.store.rejected_mails()? {
            self.done.mails = self.done.mails.saturating_add(1);
            (self.tell)(Told::Progress(self.done.mails, self.all.max(self.done.mails)));
            match (self.store.raw_mail(mail.id)?, mail.origin.folder) {
                (Some(raw), _) => match gunzip(&raw, limit) {
                    Some(bytes) => self.again(&mail, input(&mail, &bytes))?,
                    None => self.gone(&mail, "what was kept of it is damaged"),
                },
                (None, Some(folder)) => by_folder.entry(folder).or_default().push(mail),
                (None, None) => by_file
                    .entry(file_of(&mail.origin.locator))
                    .or_default()
                    .push(mail),
            }
        }
        for (path, mails) in by_file {
            self.import(&path, mails)?;
        }
        for mails in by_folder.into_values() {
            match mails
                .first()
                .map(|mail| (mail.server.as_deref(), mail.folder.clone()))
            {
                Some((None | Some(""), folder)) => self.maildir(Path::new(&folder), &mails)?,
                _ => self.imap(&mails).await?,
            }
        }
        Ok(())
    }

    /// Reads one mail again and puts the result in the place of the old one.
    fn again(&mut self, mail: &RejectedOrigin, input: Input<'_>) -> Result<(), StoreError> {
        let now = clock::now();
        let origin = mail.origin.clone();
        let incoming = match input {
            Input::Mail(bytes) => {
                let names = authenticate::questions(bytes, &self.config.authentication);
                let keys = self.asker.keys(names.into_iter().collect());
                judge(self.config, origin, bytes, &keys, now)
            }
            Input::File { .. } | Input::Refused(_) => prepare(origin, input, &self.config.limits, now),
        };
        let retention = self.config.store.retention;
        match self.store.reread_mail(mail.id, &incoming, retention, now)? {
            Reread::Same => {}
            Reread::OtherReason(reason) => {
                self.say(mail, &format!("is still rejected, now because {reason}"));
            }
            Reread::Outcome(outcome) => {
                self.done.accepted = self.done.accepted.saturating_add(1);
                self.say(mail, &format!("was rejected and is now {outcome}"));
            }
        }
        Ok(())
    }

    fn gone(&mut self, mail: &RejectedOrigin, why: &str) {
        self.done.unavailable = self.done.unavailable.saturating_add(1);
        self.say(mail, &format!("can't be read again: {why}"));
    }

    fn say(&mut self, mail: &RejectedOrigin, what: &str) {
        let (source, locator) = (&mail.origin.source, &mail.origin.locator);
        let line = format!("mail {} ({source}: {locator}) {what}", mail.id);
        (self.tell)(Told::Change(&line));
    }

    /// Mails that came from an imported file, which may be an mbox with many.
    fn import(&mut self, path: &Path, mut mails: Vec<RejectedOrigin>) -> Result<(), StoreError> {
        let limits = &self.config.limits;
        if path.is_file() {
            files::for_each(&[path.to_owned()], limits, &mut std::io::empty(), &mut |item| {
                let Some(at) = mails.iter().position(|mail| mail.origin.locator == item.locator) else {
                    return Ok(());
                };
                let mail = mails.swap_remove(at);
                match (&item.content, item.kind) {
                    (Content::Bytes(bytes), Kind::Mail) => self.again(&mail, Input::Mail(bytes)),
                    (Content::Bytes(bytes), Kind::File) => {
                        let name = item.name.as_deref();
                        self.again(&mail, Input::File { bytes, name })
                    }
                    (Content::TooLarge { size }, _) => {
                        self.again(&mail, Input::Refused(&too_large(*size, limits.mail_bytes)))
                    }
                    (Content::Unreadable(why), _) => {
                        self.gone(&mail, why);
                        Ok::<(), StoreError>(())
                    }
                }
            })?;
        }
        for mail in mails {
            self.gone(&mail, "the file is gone; import it again");
        }
        Ok(())
    }

    fn maildir(&mut self, path: &Path, mails: &[RejectedOrigin]) -> Result<(), StoreError> {
        let limit = self.config.limits.mail_bytes;
        let entries = match maildir::new_names(path) {
            Ok(entries) => entries,
            Err(error) => {
                for mail in mails {
                    self.gone(mail, &error.to_string());
                }
                return Ok(());
            }
        };
        for mail in mails {
            let name = file_name(&mail.origin.locator);
            let base_name = name.split(':').next().unwrap_or(name);
            let entry = entries.iter().find(|entry| entry.base_name == base_name);
            match entry.map(|entry| maildir::read(path, entry, limit)) {
                Some(Ok(Some(found))) => match &found.content {
                    Bounded::Bytes(bytes) => self.again(mail, Input::Mail(bytes))?,
                    Bounded::TooLarge { size } => {
                        self.again(mail, Input::Refused(&too_large(*size, limit)))?;
                    }
                },
                Some(Err(error)) => self.gone(mail, &error.to_string()),
                Some(Ok(None)) | None => self.gone(mail, "it is gone from the Maildir"),
            }
        }
        Ok(())
    }

    /// Mails of one IMAP folder, whose bytes are not kept.
    async fn imap(&mut self, mails: &[RejectedOrigin]) -> Result<(), StoreError> {
        let Some(mailbox) = mails.first().and_then(|mail| configured(self.config, mail)) else {
            for mail in mails {
                self.gone(mail, "no [[mailbox]] names its server, user and folder any more");
            }
            return Ok(());
        };
        let mut waiting = mails.iter();
        let ended = match self.session(mailbox, mails).await {
            Ok((mut session, uid_validity)) => {
                let ended = self.fetch(&mut session, uid_validity, &mut waiting).await;
                session.logout().await;
                ended?
            }
            Err(error) => Err(error),
        };
        if let Err(error) = ended {
            for mail in waiting {
                self.gone(mail, &error.to_string());
            }
        }
        Ok(())
    }

    async fn session(
        &mut self,
        mailbox: &MailboxConfig,
        mails: &[RejectedOrigin],
    ) -> Result<(ImapSession, u32), MailboxError> {
        let mut session = ImapSession::connect(mailbox, &self.config.limits).await?;
        let folder = mails.first().map_or("INBOX", |mail| &mail.folder);
        let state = session.examine(folder).await?;
        Ok((session, state.uid_validity))
    }

    /// Fetches mails until one fails because of the server; that one and those behind it stay in `waiting`.
    async fn fetch(
        &mut self,
        session: &mut ImapSession,
        uid_validity: u32,
        waiting: &mut std::slice::Iter<'_, RejectedOrigin>,
    ) -> Result<Result<(), MailboxError>, StoreError> {
        let limit = self.config.limits.mail_bytes;
        while let Some(mail) = waiting.as_slice().first() {
            // After renumbering, the UID may be another mail's; the poll has read that folder anew.
            if mail.origin.uid_validity != Some(uid_validity) {
                self.gone(
                    mail,
                    "the server has renumbered the folder since; a poll reads it anew",
                );
                waiting.next();
                continue;
            }
            let body = match fetch_one(session, mail, limit).await {
                Ok(body) => body,
                Err(error) => return Ok(Err(error)),
            };
            match body {
                Some((Body::Bytes(bytes), _)) => self.again(mail, Input::Mail(&bytes))?,
                Some((Body::TooLarge, size)) => self.again(mail, Input::Refused(&too_large(size, limit)))?,
                Some((Body::Undelivered, _)) => {
                    self.gone(mail, "the server lists it but does not deliver it");
                }
                Some((Body::Expunged, _)) | None => self.gone(mail, "it is gone from the folder"),
            }
            waiting.next();
        }
        Ok(Ok(()))
    }
}

async fn fetch_one(
    session: &mut ImapSession,
    mail: &RejectedOrigin,
    limit: u64,
) -> Result<Option<(Body, u64)>, MailboxError> {
    let uid = mail.origin.uid.unwrap_or(0);
    let listed = session.list(uid, uid).await?.mails;
    let size = listed.first().map_or(0, |mail| mail.size);
    let fetched = session.fetch(&listed, limit).await?;
    Ok(fetched.into_iter().next().map(|fetched| (fetched.body, size)))
}

/// The mailbox whose folder a mail came from, as it is configured now.
fn configured<'a>(config: &'a Config, mail: &RejectedOrigin) -> Option<&'a MailboxConfig> {
    config.mailboxes.iter().find(|mailbox| {
        mailbox.kind == MailboxKind::Imap
            && mail.server.as_deref() == Some(&format!("{}:{}", mailbox.host, mailbox.port()))
            && mailbox.user == mail.user
            && mailbox.folders().contains(&mail.folder)
    })
}

/// Kept bytes, as they were told apart when they were first read.
fn input<'a>(mail: &'a RejectedOrigin, bytes: &'a [u8]) -> Input<'a> {
    let is_file = mail.origin.source == IMPORT
        && mail.origin.folder.is_none()
        && (looks_like_gzip(bytes) || looks_like_zip(bytes) || looks_like_json(bytes));
    if is_file {
        let name = Some(file_name(&mail.origin.locator));
        Input::File { bytes, name }
    } else {
        Input::Mail(bytes)
    }
}

/// The file of a locator; a message of an mbox is `FILE#N`.
fn file_of(locator: &str) -> PathBuf {
    match locator.rsplit_once('#') {
        Some((file, number)) if number.parse::<u64>().is_ok() && !Path::new(locator).exists() => file.into(),
        _ => locator.into(),
    }
}

fn file_name(locator: &str) -> &str {
    locator.rsplit('/').next().unwrap_or(locator)
}

fn gunzip(raw: &[u8], limit: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    #[expect(clippy::disallowed_methods, reason = "bounded by take")]
    let read = GzDecoder::new(raw).take(limit).read_to_end(&mut bytes);
    read.ok().map(|_| bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_of_an_mbox_is_in_its_file() {
        assert_eq!(file_of("/a/old.mbox#12"), Path::new("/a/old.mbox"));
        assert_eq!(file_of("/a/report#x.eml"), Path::new("/a/report#x.eml"));
    }
}
