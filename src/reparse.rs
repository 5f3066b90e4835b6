//! Reads rejected mails and stored reports again, after an upgrade.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;

use crate::authenticate::{self, Asker};
use crate::clock;
use crate::config::{Config, Limits, MailboxConfig, MailboxKind};
use crate::extract::{self, looks_like_gzip, looks_like_json, looks_like_zip};
use crate::import::{IMPORT, judge, too_large};
use crate::mailbox::files::{self, Content, Kind};
use crate::mailbox::maildir::{self, Bounded};
use crate::mailbox::{Body, ImapSession, MailboxError};
use crate::prepare::{Input, contact_domain, prepare, submitter};
use crate::report::{self, Context, ParseError, Parsed};
use crate::store::{RejectedOrigin, Reread, Rewritten, Store, StoreError, StoredReport};

/// A domain that no report can be about (RFC 2606): marks the entries that leave theirs out.
const GAP: &str = "gap.invalid";

/// What became of reading everything again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reparsed {
    /// Mails of which something was rejected.
    pub mails: u64,
    /// Of these: no longer rejected.
    pub accepted: u64,
    /// Of these: could not be had again.
    pub unavailable: u64,
    /// Stored reports.
    pub reports: u64,
    /// Of these: read otherwise now, or the same as another now.
    pub changed: u64,
    /// Of these: can't be read any more, and stay as they were.
    pub unreadable: u64,
}

/// What is told meanwhile.
#[derive(Debug, Clone, Copy)]
pub enum Told<'a> {
    /// A change, in words that quote strangers.
    Change(&'a str),
    /// So many mails and reports of roughly so many are done.
    Progress(u64, u64),
}

/// Reads everything again; each change is told in a line of words that quote strangers. Nothing in a mailbox is changed.
///
/// # Errors
///
/// [`StoreError`] from the database; what was done before stays.
pub async fn reparse(
    config: &Config,
    store: &mut Store,
    tell: &mut dyn FnMut(Told<'_>),
) -> Result<Reparsed, StoreError> {
    store.admit_by(config)?;
    let counts = store.counts()?;
    let all = counts.rejected.saturating_add(counts.reports);
    let mut work = Work {
        config,
        asker: Asker::new(&config.authentication),
        store,
        tell,
        all: u64::try_from(all).unwrap_or(0),
        done: Reparsed::default(),
    };
    work.mails().await?;
    work.reports()?;
    let today = clock::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    work.store.reassess(today, &config.domains)?;
    Ok(work.done)
}

struct Work<'a> {
    config: &'a Config,
    asker: Asker,
    store: &'a mut Store,
    tell: &'a mut dyn FnMut(Told<'_>),
    /// Roughly: reports that don't count aren't in it.
    all: u64,
    done: Reparsed,
}

impl Work<'_> {
    async fn mails(&mut self) -> Result<(), StoreError> {
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

    fn reports(&mut self) -> Result<(), StoreError> {
        let mut after = 0;
        while let Some(stored) = self.store.stored_report_after(after)? {
            after = stored.id;
            self.done.reports = self.done.reports.saturating_add(1);
            let n_done = self.done.mails.saturating_add(self.done.reports);
            (self.tell)(Told::Progress(n_done, self.all.max(n_done)));
            let (parsed, deviations, submitter) = match read_again(&stored, &self.config.limits) {
                Ok(read) => read,
                Err(error) => {
                    self.done.unreadable = self.done.unreadable.saturating_add(1);
                    let id = stored.id;
                    let line = format!("report {id} can't be read any more and stays as it was: {error}");
                    (self.tell)(Told::Change(&line));
                    continue;
                }
            };
            let rewritten =
                self.store
                    .rewrite_report(stored.id, &parsed, &deviations, &submitter, clock::now())?;
            let what = match rewritten {
                Rewritten::Same => continue,
                Rewritten::Changed => "is read otherwise now".to_owned(),
                Rewritten::Merged(twin) => {
                    format!("is now known to be the same as report {twin}, and counts once")
                }
            };
            self.done.changed = self.done.changed.saturating_add(1);
            let line = format!("report {} of {} {what}", stored.id, stored.submitter);
            (self.tell)(Told::Change(&line));
        }
        Ok(())
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

/// Reads a stored report again: what its mail once filled in is taken from what is stored.
fn read_again(
    stored: &StoredReport,
    limits: &Limits,
) -> Result<(Parsed, BTreeSet<String>, String), ParseError> {
    // RFC 8460, Section 5.1: sender, policy domain, begin, end; only the last two are filled in.
    let file_name = format!("-!!{}!{}.json", stored.start.as_second(), stored.end.as_second());
    let parse = |domain| {
        let context = Context {
            file_name: Some(&file_name),
            tls_report_domain: domain,
            date: Some(stored.start),
        };
        report::parse(&stored.json, limits, &context)
    };
    let mut parsed = parse(Some(GAP))?;
    let policies = &parsed.report.policies;
    let gap = policies
        .iter()
        .position(|result| result.policy.policy_domain.as_deref() == Some(GAP));
    if let Some(gap) = gap {
        let same_entries = policies.len() == stored.domains.len();
        let domain = stored
            .domains
            .get(gap)
            .filter(|domain| same_entries && !domain.is_empty());
        parsed = parse(domain.map(String::as_str))?;
    }
    let of_mail = extract::deviation::ALL.iter().map(|(name, _)| *name);
    let deviations = of_mail
        .filter(|name| stored.deviations.iter().any(|deviation| deviation == name))
        .chain(parsed.deviations.iter().copied())
        .map(str::to_owned)
        .collect();
    let contact = parsed.report.contact_info.as_deref().and_then(contact_domain);
    let submitter = submitter(contact, Some(&stored.submitter), stored.signing_domain.as_deref());
    Ok((parsed, deviations, submitter))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(json: &str) -> StoredReport {
        StoredReport {
            id: 1,
            json: json.to_owned(),
            deviations: vec!["zip".to_owned(), "alias-key".to_owned()],
            submitter: "example.com".to_owned(),
            signing_domain: None,
            start: "2026-11-20T00:00:00Z".parse().unwrap(),
            end: "2026-11-20T23:59:59Z".parse().unwrap(),
            domains: vec!["example.org".to_owned()],
        }
    }

    #[test]
    fn what_the_mail_filled_in_is_kept() {
        let json = r#"{"report-id": "a_example.net", "policies": [{"policy": {"policy-type": "sts"},
            "summary": {"total-successful-session-count": 1, "total-failure-session-count": 0}}]}"#;
        let stored = stored(json);
        let (parsed, deviations, submitter) = read_again(&stored, &Limits::default()).unwrap();
        let report = parsed.report;
        assert_eq!((report.start, report.end), (stored.start, stored.end));
        assert_eq!(
            report.policies[0].policy.policy_domain.as_deref(),
            Some("example.org")
        );
        assert_eq!(submitter, "example.com");
        assert!(
            deviations.contains("zip") && !deviations.contains("alias-key"),
            "{deviations:?}"
        );
    }

    #[test]
    fn message_of_an_mbox_is_in_its_file() {
        assert_eq!(file_of("/a/old.mbox#12"), Path::new("/a/old.mbox"));
        assert_eq!(file_of("/a/report#x.eml"), Path::new("/a/report#x.eml"));
    }
}
