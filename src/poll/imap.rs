//! Polls the folders of an IMAP mailbox.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use super::ahead::{Ahead, Part, Preparer};
use super::batches::{WINDOW, batches, is_too_old_to_read, next_window};
use super::{Poll, PollError, server_of};
use crate::clock;
use crate::mailbox::{Asked, Body, Fetched, FolderState, ImapSession, Listed, Reaction};
use crate::store::{CursorMove, Folder, FolderKey, Store};

/// How long a batch may take to come in before what was prepared is recorded: however slow the server is, a poll that
/// is cut short has kept all but the last batches.
const PATIENCE: Duration = Duration::from_millis(500);

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
            let place = (name, state.uid_validity, folder);
            self.batches(session, store, place, &mails, (n_done, n_mails))
                .await?;
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

    /// Reads mails and records them. A batch that is fetched is prepared by another thread, and recorded while that
    /// prepares the next.
    async fn batches(
        &mut self,
        session: &mut ImapSession,
        store: &mut Store,
        place: (&str, u32, &Folder),
        mails: &[Listed],
        (mut n_done, n_mails): (u64, u64),
    ) -> Result<(), PollError> {
        let limit = self.config.limits.mail_bytes;
        let folder = place.2;
        let mut batches = batches(mails, self.config).into_iter();
        let mut asked = ask(session, batches.next(), limit).await;
        if matches!(asked, Ok(None)) {
            return Ok(());
        }
        let mut ahead = Ahead::start().map_err(PollError::Thread)?;
        while let Ok(Some(now)) = asked {
            let n_asked = u64::try_from(now.mails().len()).unwrap_or(u64::MAX);
            let fetched = {
                let mut fetching = pin!(fetch(session, now, mails, limit));
                let quick = tokio::time::timeout(PATIENCE, &mut fetching).await;
                if let Ok(fetched) = quick {
                    fetched
                } else {
                    self.record_ahead(store, folder, &mut ahead).await?;
                    fetching.await
                }
            };
            asked = match fetched {
                Ok(fetched) => {
                    // The next one is on its way while this one is prepared and recorded.
                    let next = ask(session, batches.next(), limit).await;
                    let preparer = self.preparer(place, &fetched).await;
                    let before = self.last_ahead(store, folder, &mut ahead).await?;
                    ahead.begin(preparer, fetched.into());
                    self.record_part(store, folder, &ahead, before)?;
                    n_done = n_done.saturating_add(n_asked);
                    (self.progress)(n_done, n_mails);
                    next
                }
                Err(error) => Err(error),
            };
        }
        // Whatever ended it: what was read is recorded.
        self.record_ahead(store, folder, &mut ahead).await?;
        asked.map(drop)
    }

    /// What preparing a batch goes by.
    async fn preparer(&mut self, place: (&str, u32, &Folder), batch: &[Fetched]) -> Preparer {
        let keys = self.keys(batch.iter().filter_map(|fetched| match &fetched.body {
            Body::Bytes(bytes) => Some(bytes.as_slice()),
            Body::TooLarge | Body::Expunged | Body::Undelivered => None,
        }));
        let keys = keys.await;
        let (name, uid_validity, folder) = place;
        Preparer {
            config: Arc::clone(&self.shared),
            source: self.mailbox.name.clone(),
            folder_name: name.to_owned(),
            uid_validity,
            folder: folder.clone(),
            keys,
        }
    }

    /// Records what is being prepared.
    async fn record_ahead(
        &mut self,
        store: &mut Store,
        folder: &Folder,
        ahead: &mut Ahead,
    ) -> Result<(), PollError> {
        let last = self.last_ahead(store, folder, ahead).await?;
        self.record_part(store, folder, ahead, last)
    }

    /// The last part of what is being prepared; those before, if there is more in the mails than their size promised, are
    /// recorded.
    async fn last_ahead(
        &mut self,
        store: &mut Store,
        folder: &Folder,
        ahead: &mut Ahead,
    ) -> Result<Option<Part>, PollError> {
        let mut part = ahead.part().await;
        while let Some((preparer, rest)) = part.as_mut().and_then(|part| part.rest.take()) {
            self.record_part(store, folder, ahead, part)?;
            ahead.begin(preparer, rest);
            part = ahead.part().await;
        }
        Ok(part)
    }

    fn record_part(
        &mut self,
        store: &mut Store,
        folder: &Folder,
        ahead: &Ahead,
        part: Option<Part>,
    ) -> Result<(), PollError> {
        if let Some(part) = part.filter(|part| part.last_uid > 0) {
            let cursor = CursorMove {
                folder: folder.id,
                last_uid: part.last_uid,
            };
            self.record(store, &part.prepared, Some(cursor))?;
            ahead.free(part.prepared);
        }
        Ok(())
    }
}

/// Asks for a batch, if there is one.
async fn ask<'b>(
    session: &mut ImapSession,
    batch: Option<&'b [Listed]>,
    limit: u64,
) -> Result<Option<Asked<'b>>, PollError> {
    match batch {
        Some(batch) => Ok(Some(session.ask(batch, limit).await?)),
        None => Ok(None),
    }
}

/// Reads a batch of `mails` that was asked for. Where the server refuses it as a whole, one mail may be the reason: then
/// each is asked for alone, so that it doesn't hold up the others for ever.
async fn fetch(
    session: &mut ImapSession,
    asked: Asked<'_>,
    mails: &[Listed],
    limit: u64,
) -> Result<Vec<Fetched>, PollError> {
    let batch = asked.mails();
    let refused = match session.answer(asked).await {
        Ok(fetched) => return Ok(fetched),
        Err(error) if error.reaction() == Reaction::Retry && session.is_usable() => error,
        Err(error) => return Err(error.into()),
    };
    let (mut fetched, mut works) = (Vec::new(), false);
    for mail in batch {
        let one = alone(session, mail, limit).await?;
        works |= one.iter().any(|one| matches!(one.body, Body::Bytes(_)));
        fetched.extend(one);
    }
    // A large mail is a batch by itself. Whether the server gives any is seen from another, the smallest.
    let others = mails.iter().filter(|mail| !batch.contains(mail));
    if !works && let Some(other) = others.min_by_key(|mail| mail.size) {
        let one = alone(session, other, limit).await?;
        works = one.iter().any(|one| matches!(one.body, Body::Bytes(_)));
    }
    // A server that gives none has a trouble of its own, which may pass.
    if works { Ok(fetched) } else { Err(refused.into()) }
}

/// Reads one mail; one that the server refuses is undelivered.
async fn alone(session: &mut ImapSession, mail: &Listed, limit: u64) -> Result<Vec<Fetched>, PollError> {
    match session.fetch(std::slice::from_ref(mail), limit).await {
        Ok(one) => Ok(one),
        Err(error) if error.reaction() == Reaction::Retry && session.is_usable() => Ok(vec![Fetched {
            mail: *mail,
            body: Body::Undelivered,
        }]),
        Err(error) => Err(error.into()),
    }
}
