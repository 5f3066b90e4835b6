//! Polls the folders of an IMAP mailbox.

use super::batches::{WINDOW, batches, is_too_old_to_read, next_window};
use super::{Poll, PollError, server_of};
use crate::authenticate::Keys;
use crate::clock;
use crate::import::judge;
use crate::mailbox::{Asked, Body, Fetched, FolderState, ImapSession, Listed, Reaction};
use crate::prepare::{Input, prepare};
use crate::store::{CursorMove, Folder, FolderKey, IncomingMail, Origin, Store};

impl Poll<'_, '_> {
    pub(super) async fn imap(&mut self, store: &mut Store) -> Result<(), PollError> {
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
            let (mut mails, mut up_to) = if state.exists == 0 {
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
            let mut last_listed = mails.last().map_or(0, |mail| mail.uid);
            let n_listed = n_done.saturating_add(u64::try_from(mails.len()).unwrap_or(u64::MAX));
            mails.retain(|mail| !is_too_old_to_read(folder, mail));
            if self.cut(&mut mails) {
                // What is behind these waits.
                last_listed = mails.last().map_or(0, |mail| mail.uid);
                up_to = last;
            }
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
}
