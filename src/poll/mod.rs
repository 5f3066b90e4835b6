//! Polls mailboxes: fetch, prepare, record, and what happens to the mails afterwards.

use std::time::Duration;

use crate::authenticate::{self, Keys, Resolver};
use crate::clock;
use crate::config::{Config, MailboxConfig, MailboxKind};
use crate::import::judge;
use crate::mailbox::{Asked, Body, Fetched, FolderState, ImapSession, Listed, MailboxError, Reaction};
use crate::prepare::{Input, prepare};
use crate::store::{CursorMove, Folder, FolderKey, IncomingMail, Origin, Store, StoreError, Tally};

mod after;
mod maildir;
mod temporary;

/// UIDs that are listed at a time, so that memory doesn't grow with the folder.
const WINDOW: u32 = 10_000;

/// Why a poll of a mailbox ended early.
#[derive(Debug, thiserror::Error)]
pub enum PollError {
    /// The mailbox.
    #[error(transparent)]
    Mailbox(#[from] MailboxError),
    /// The Maildir; the message says all.
    #[error("{0}")]
    Maildir(std::io::Error),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// `limits.poll_deadline` passed and not one mail was read.
    #[error(
        "{server}: {step}: nothing was read within limits.poll_deadline ({} s); see whether the server is slow",
        limit.as_secs()
    )]
    Deadline {
        /// `host:port`, or the Maildir.
        server: String,
        /// What was being done.
        step: String,
        /// The limit.
        limit: Duration,
    },
}

impl PollError {
    /// What the daemon does about it.
    pub fn reaction(&self) -> Reaction {
        match self {
            Self::Mailbox(error) => error.reaction(),
            Self::Maildir(_) => Reaction::NeedsPerson,
            Self::Store(_) | Self::Deadline { .. } => Reaction::Retry,
        }
    }
}

/// How a poll of one mailbox ended.
#[derive(Debug)]
pub struct Polled {
    /// What was recorded, even if an error ended it.
    pub tally: Tally,
    /// Whether the deadline cut it short; the next poll goes on from there.
    pub is_unfinished: bool,
    /// What a person should know though the poll went well.
    pub remarks: Vec<String>,
    /// Why it ended early.
    pub result: Result<(), PollError>,
}

/// Told how far a poll is: mails done and mails there are.
pub type Progress<'a> = &'a mut dyn FnMut(u64, u64);

/// A poll under way: what outlives its cancellation by the deadline.
struct Poll<'a, 'p> {
    mailbox: &'a MailboxConfig,
    config: &'a Config,
    resolver: &'a mut Resolver,
    /// The mailbox isn't changed.
    dry_run: bool,
    /// What is being done, for the error when time is up.
    step: String,
    tally: Tally,
    remarks: Vec<String>,
    progress: Progress<'p>,
}

/// Polls one mailbox within `limits.poll_deadline`, and remembers how it went.
pub async fn poll(
    mailbox: &MailboxConfig,
    config: &Config,
    store: &mut Store,
    resolver: &mut Resolver,
    dry_run: bool,
    progress: Progress<'_>,
) -> Polled {
    let (tally, remarks) = (Tally::default(), Vec::new());
    let mut poll = Poll {
        mailbox,
        config,
        resolver,
        dry_run,
        step: "connect".to_owned(),
        tally,
        remarks,
        progress,
    };
    let deadline = config.limits.poll_deadline;
    // Cutting it anywhere is safe: each batch is one transaction, and the session dies with it.
    let work = async {
        poll.temporary(store).await?;
        match mailbox.kind {
            MailboxKind::Imap => poll.imap(store).await,
            MailboxKind::Maildir => poll.maildir(store).await,
        }
    };
    let result = tokio::time::timeout(deadline, work).await;
    let is_unfinished = result.is_err();
    let result = match result {
        Ok(result) => result,
        Err(_) if poll.tally.mails > 0 => Ok(()),
        Err(_) => Err(PollError::Deadline {
            server: server_of(mailbox),
            step: std::mem::take(&mut poll.step),
            limit: deadline,
        }),
    };
    let Poll {
        mut tally, remarks, ..
    } = poll;
    let result = result.and_then(|()| Ok(store.set_free_of(&mut tally, config, clock::now())?));
    if !matches!(result, Err(PollError::Store(_))) {
        store.assess_new(&tally, clock::now(), &config.domains);
    }
    let remembered = match &result {
        // The mailbox is not to blame, and there is nowhere to write it down.
        Err(PollError::Store(_)) => Ok(()),
        // A busy server neither fails nor works.
        Err(error) if error.reaction() == Reaction::Wait => Ok(()),
        Err(error) => store.mailbox_polled(&mailbox.name, Err(&error.to_string()), clock::now()),
        Ok(()) => store.mailbox_polled(&mailbox.name, Ok(()), clock::now()),
    };
    let result = result.and(remembered.map_err(PollError::from));
    Polled {
        tally,
        is_unfinished,
        remarks,
        result,
    }
}

/// What a mailbox is called in errors and cursors.
fn server_of(mailbox: &MailboxConfig) -> String {
    match (&mailbox.kind, &mailbox.path) {
        (MailboxKind::Maildir, Some(path)) => path.display().to_string(),
        _ => format!("{}:{}", mailbox.host, mailbox.port()),
    }
}

impl Poll<'_, '_> {
    /// Begins a step.
    fn begin(&mut self, step: String) {
        tracing::debug!(mailbox = %self.mailbox.name, step, "poll step");
        self.step = step;
    }

    async fn imap(&mut self, store: &mut Store) -> Result<(), PollError> {
        let mut session = ImapSession::connect(self.mailbox, &self.config.limits).await?;
        let mut first_error = None;
        for name in self.mailbox.folders() {
            match self.one_folder(&mut session, store, &name).await {
                Ok(()) => {}
                // A folder that is missing must not keep the others from being read.
                Err(error @ PollError::Mailbox(_)) if session.is_usable() => {
                    first_error = first_error.or(Some(error));
                }
                Err(error) => return Err(error),
            }
        }
        session.logout().await;
        first_error.map_or(Ok(()), Err)
    }

    async fn one_folder(
        &mut self,
        session: &mut ImapSession,
        store: &mut Store,
        name: &str,
    ) -> Result<(), PollError> {
        self.begin(format!("open {name:?}"));
        let state = session.examine(name).await?;
        let server = server_of(self.mailbox);
        let key = FolderKey {
            server: &server,
            user: &self.mailbox.user,
            name,
        };
        let folder = store.folder(
            key,
            state.uid_validity,
            state.uid_next,
            self.mailbox.since,
            clock::now(),
        )?;
        if folder.rescan {
            tracing::info!(mailbox = %self.mailbox.name, folder = ?name, "uids changed, reading again");
        }
        self.begin(format!("read {name:?}"));
        self.folder(session, store, name, state, &folder).await?;
        self.begin(format!("move or delete in {name:?}"));
        self.after(session, store, name, state.uid_validity, &folder)
            .await
    }

    /// Reads what is new in a folder.
    async fn folder(
        &mut self,
        session: &mut ImapSession,
        store: &mut Store,
        name: &str,
        state: FolderState,
        folder: &Folder,
    ) -> Result<(), PollError> {
        let last = state.uid_next.saturating_sub(1);
        let mut done = folder.last_uid;
        let n_mails = u64::from(state.exists.min(last.saturating_sub(done)));
        let (mut n_done, mut window) = (0_u64, WINDOW);
        while done < last {
            let (mut mails, up_to) = if state.exists == 0 {
                (Vec::new(), last)
            } else {
                let to = if state.exists <= WINDOW {
                    last
                } else {
                    done.saturating_add(window).min(last)
                };
                let listing = session.list(done.saturating_add(1), to).await?;
                (listing.mails, listing.up_to)
            };
            window = next_window(window, mails.len());
            let last_listed = mails.last().map_or(0, |mail| mail.uid);
            let n_listed = n_done.saturating_add(u64::try_from(mails.len()).unwrap_or(u64::MAX));
            mails.retain(|mail| !is_too_old_to_read(folder, mail));
            let mut batches = batches(&mails, self.config).into_iter();
            let mut asked = self.ask(session, batches.next()).await?;
            while let Some(now) = asked {
                n_done = n_done.saturating_add(u64::try_from(now.mails().len()).unwrap_or(u64::MAX));
                let fetched = self.fetch(session, now).await?;
                // The next one is on its way while this one is recorded.
                let next = self.ask(session, batches.next()).await;
                self.batch(store, name, state.uid_validity, folder, fetched)
                    .await?;
                (self.progress)(n_done, n_mails);
                asked = next?;
            }
            // Not up to UIDNEXT, for where that is a little untrue the next mails would be passed over.
            if last_listed > 0 {
                self.record(
                    store,
                    &[],
                    Some(CursorMove {
                        folder: folder.id,
                        last_uid: last_listed,
                    }),
                )?;
            }
            n_done = n_listed;
            done = up_to.max(done.saturating_add(1));
        }
        Ok(())
    }

    /// Reads the mails of a batch and records them, at once unless there is more in them than their size promised.
    async fn batch(
        &mut self,
        store: &mut Store,
        name: &str,
        uid_validity: u32,
        folder: &Folder,
        batch: Vec<Fetched>,
    ) -> Result<(), PollError> {
        let (mut prepared, mut n_bytes) = (Vec::new(), 0_u64);
        // Meanwhile the next batch comes in.
        let keys = self.keys(batch.iter().filter_map(|fetched| match &fetched.body {
            Body::Bytes(bytes) => Some(bytes.as_slice()),
            Body::TooLarge | Body::Expunged | Body::Undelivered => None,
        }));
        let keys = keys.await;
        let mut left = batch.len();
        for fetched in batch {
            left = left.saturating_sub(1);
            let uid = fetched.mail.uid;
            if let Some(mail) = self.prepare(name, uid_validity, folder, fetched, &keys) {
                n_bytes = n_bytes.saturating_add(mail.n_bytes());
                prepared.push(mail);
            }
            if left == 0 || n_bytes >= self.config.limits.batch_bytes {
                let cursor = CursorMove {
                    folder: folder.id,
                    last_uid: uid,
                };
                self.record(store, &prepared, Some(cursor))?;
                prepared.clear();
                n_bytes = 0;
            }
            // A mail can take its time; a signal is heard before the next one.
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// The keys that judging these mails needs.
    async fn keys<'m>(&mut self, mails: impl Iterator<Item = &'m [u8]>) -> Keys {
        let names = mails.flat_map(|mail| authenticate::questions(mail, &self.config.authentication));
        self.resolver.keys(names.collect()).await
    }

    /// Asks for a batch, if there is one.
    async fn ask<'b>(
        &self,
        session: &mut ImapSession,
        batch: Option<&'b [Listed]>,
    ) -> Result<Option<Asked<'b>>, PollError> {
        match batch {
            Some(batch) => Ok(Some(session.ask(batch, self.config.limits.mail_bytes).await?)),
            None => Ok(None),
        }
    }

    /// Reads a batch that was asked for. Where the server refuses it as a whole, one mail may be the reason: then each
    /// is asked for alone, so that it doesn't hold up the others for ever.
    async fn fetch(&self, session: &mut ImapSession, asked: Asked<'_>) -> Result<Vec<Fetched>, PollError> {
        let limit = self.config.limits.mail_bytes;
        let batch = asked.mails();
        let refused = match session.answer(asked).await {
            Ok(fetched) => return Ok(fetched),
            Err(error) if error.reaction() == Reaction::Retry && session.is_usable() => error,
            Err(error) => return Err(error.into()),
        };
        let (mut fetched, mut works) = (Vec::new(), false);
        for mail in batch {
            match session.fetch(std::slice::from_ref(mail), limit).await {
                Ok(one) => {
                    works |= one.iter().any(|one| matches!(one.body, Body::Bytes(_)));
                    fetched.extend(one);
                }
                Err(error) if error.reaction() == Reaction::Retry && session.is_usable() => {
                    fetched.push(Fetched {
                        mail: *mail,
                        body: Body::Undelivered,
                    });
                }
                Err(error) => return Err(error.into()),
            }
        }
        // A server that gives none has a trouble of its own, which may pass.
        if works { Ok(fetched) } else { Err(refused.into()) }
    }

    fn prepare(
        &self,
        name: &str,
        uid_validity: u32,
        folder: &Folder,
        Fetched { mail, body }: Fetched,
        keys: &Keys,
    ) -> Option<IncomingMail> {
        let limits = &self.config.limits;
        let origin = Origin {
            source: self.mailbox.name.clone(),
            folder: Some(folder.id),
            uid_validity: Some(uid_validity),
            uid: Some(mail.uid),
            base_name: None,
            locator: format!("{name};UIDVALIDITY={uid_validity};UID={}", mail.uid),
            received_at: mail.received_at,
            size_bytes: match &body {
                Body::Bytes(bytes) => u64::try_from(bytes.len()).unwrap_or(u64::MAX),
                Body::TooLarge | Body::Expunged | Body::Undelivered => mail.size,
            },
            backfill: mail.uid < folder.backfill_below,
        };
        let reason;
        let input = match &body {
            Body::Bytes(bytes) => return Some(judge(self.config, origin, bytes, keys, clock::now())),
            Body::Expunged => return None,
            Body::TooLarge => {
                reason = crate::import::too_large(mail.size, limits.mail_bytes);
                Input::Refused(&reason)
            }
            Body::Undelivered => Input::Refused(
                "the server lists this mail but does not deliver it; look at it with another mail program",
            ),
        };
        Some(prepare(origin, input, limits, clock::now()))
    }

    fn record(
        &mut self,
        store: &mut Store,
        mails: &[IncomingMail],
        cursor: Option<CursorMove>,
    ) -> Result<(), PollError> {
        let tally = store.record(mails, cursor, self.config.store.retention, clock::now())?;
        mails.iter().for_each(IncomingMail::log);
        self.tally.add(tally);
        Ok(())
    }
}

/// How many UIDs to list after a window in which so many mails were.
fn next_window(window: u32, n_mails: usize) -> u32 {
    let is_sparse = u32::try_from(n_mails).is_ok_and(|n_mails| n_mails < WINDOW.div_ceil(4));
    if is_sparse {
        window.saturating_mul(4)
    } else {
        WINDOW
    }
}

/// Whether a mail was there before the first run and is older than that reads.
fn is_too_old_to_read(folder: &Folder, mail: &Listed) -> bool {
    mail.uid < folder.old_below
        && folder
            .not_before
            .zip(mail.received_at)
            .is_some_and(|(not_before, received_at)| received_at < not_before)
}

/// Cuts a list of mails into batches, bounded by number and bytes; a mail over the size limit is not downloaded and
/// weighs nothing.
fn batches<'a>(mails: &'a [Listed], config: &Config) -> Vec<&'a [Listed]> {
    let limits = &config.limits;
    let mut batches = Vec::new();
    let (mut rest, mut n, mut n_bytes) = (mails, 0_usize, 0_u64);
    while let Some(mail) = rest.get(n) {
        let size = if mail.size > limits.mail_bytes {
            0
        } else {
            mail.size
        };
        let is_full = u32::try_from(n).is_ok_and(|n| n >= limits.batch_mails)
            || n_bytes.saturating_add(size) > limits.batch_bytes;
        if is_full && n > 0 {
            let (batch, others) = rest.split_at(n);
            batches.push(batch);
            (rest, n, n_bytes) = (others, 0, 0);
        } else {
            n = n.saturating_add(1);
            n_bytes = n_bytes.saturating_add(size);
        }
    }
    if !rest.is_empty() {
        batches.push(rest);
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::{Listed, batches};
    use crate::config::Config;

    #[test]
    fn batches_are_bounded_by_bytes_and_number_and_hold_every_mail_once() {
        let mut config = Config::default();
        config.limits.batch_mails = 3;
        config.limits.batch_bytes = 100;
        let mails: Vec<Listed> = [10, 200, 10, 10, 10, 10, 95, 10]
            .into_iter()
            .zip(1..)
            .map(|(size, uid)| Listed {
                uid,
                size,
                received_at: None,
            })
            .collect();
        let batches = batches(&mails, &config);
        let uids: Vec<Vec<u32>> = batches
            .iter()
            .map(|b| b.iter().map(|m| m.uid).collect())
            .collect();
        assert_eq!(uids, [vec![1], vec![2], vec![3, 4, 5], vec![6], vec![7], vec![8]]);
    }
}
