//! Polls a local Maildir, which is only read.

use std::collections::BTreeSet;

use super::{Poll, PollError};
use crate::authenticate::{self, Keys};
use crate::clock;
use crate::import::judge;
use crate::mailbox::maildir::{self, Bounded, Entry, Found};
use crate::prepare::{Input, prepare};
use crate::store::{Folder, IncomingMail, Origin, Store};

impl Poll<'_, '_> {
    pub(super) async fn maildir(&mut self, store: &mut Store) -> Result<(), PollError> {
        let path = self.mailbox.path.clone().unwrap_or_default();
        self.begin("read".to_owned());
        let entries = maildir::new_names(&path).map_err(PollError::Maildir)?;
        let shown = path.display().to_string();
        let (folder, known) = store.maildir(&shown, self.mailbox.since, clock::now())?;
        let new: Vec<&Entry> = entries
            .iter()
            .filter(|entry| !known.contains(&entry.base_name))
            .collect();
        let n_new = u64::try_from(new.len()).unwrap_or(u64::MAX);
        let limits = &self.config.limits;
        let (mut batch, mut n_bytes, mut n_done) = (Batch::default(), 0_u64, 0_u64);
        let mut passed_over = Vec::new();
        for entry in new {
            if self.left == 0 {
                self.is_cut = true;
                break;
            }
            let found = maildir::read(&path, entry, limits.mail_bytes).map_err(PollError::Maildir)?;
            n_done = n_done.saturating_add(1);
            // A mail can take its time; a signal is heard before the next one.
            tokio::task::yield_now().await;
            let Some(found) = found else { continue };
            if is_too_old_to_read(&folder, &found) {
                passed_over.push(entry.base_name.clone());
                continue;
            }
            self.left = self.left.saturating_sub(1);
            n_bytes = n_bytes.saturating_add(self.add_file(&mut batch, &folder, entry, found));
            let is_full = u32::try_from(batch.slots.len()).is_ok_and(|n| n >= limits.batch_mails)
                || n_bytes >= limits.batch_bytes;
            if is_full {
                self.finish(store, &mut batch).await?;
                (self.progress)(n_done, n_new);
                n_bytes = 0;
            }
        }
        if !batch.slots.is_empty() {
            self.finish(store, &mut batch).await?;
            (self.progress)(n_done, n_new);
        }
        let there: BTreeSet<&String> = entries.iter().map(|entry| &entry.base_name).collect();
        let gone = known.iter().filter(|name| !there.contains(name));
        store.maildir_polled(folder.id, &passed_over, gone, !self.is_cut)?;
        Ok(())
    }

    /// Adds a file to a batch; gives about how many bytes of memory it takes.
    fn add_file(&self, batch: &mut Batch, folder: &Folder, entry: &Entry, found: Found) -> u64 {
        let limits = &self.config.limits;
        let size_bytes = match &found.content {
            Bounded::Bytes(bytes) => u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            Bounded::TooLarge { size } => *size,
        };
        let origin = Origin {
            source: self.mailbox.name.clone(),
            folder: Some(folder.id),
            base_name: Some(entry.base_name.clone()),
            locator: found.path.display().to_string(),
            received_at: found.received_at,
            size_bytes,
            backfill: folder.backfill_below > 0,
            ..Origin::default()
        };
        let bytes = match found.content {
            Bounded::Bytes(bytes) => bytes,
            Bounded::TooLarge { size } => {
                let reason = crate::import::too_large(size, limits.mail_bytes);
                return batch.push(prepare(origin, Input::Refused(&reason), limits, clock::now()));
            }
        };
        let names = authenticate::questions(&bytes, &self.config.authentication);
        if names.is_empty() {
            // Most of a file is gone once its report is read.
            return batch.push(judge(self.config, origin, &bytes, &Keys::default(), clock::now()));
        }
        batch.names.extend(names);
        batch.slots.push(Slot::Waiting { origin, bytes });
        size_bytes
    }

    /// Judges what waits for keys, and records the batch.
    async fn finish(&mut self, store: &mut Store, batch: &mut Batch) -> Result<(), PollError> {
        let Batch { slots, names } = std::mem::take(batch);
        let keys = self.resolver.keys(names).await;
        let mails: Vec<IncomingMail> = slots
            .into_iter()
            .map(|slot| match slot {
                Slot::Ready(mail) => *mail,
                Slot::Waiting { origin, bytes } => judge(self.config, origin, &bytes, &keys, clock::now()),
            })
            .collect();
        self.record(store, &mails, None)
    }
}

/// Mails that go into one transaction.
#[derive(Default)]
struct Batch {
    slots: Vec<Slot>,
    /// The names of the keys that judging them needs.
    names: BTreeSet<String>,
}

/// A mail of a batch.
enum Slot {
    Ready(Box<IncomingMail>),
    /// Its keys are asked for together with those of the others.
    Waiting {
        origin: Origin,
        bytes: Vec<u8>,
    },
}

impl Batch {
    /// Adds a mail; gives about how many bytes of memory it takes.
    fn push(&mut self, mail: IncomingMail) -> u64 {
        let n_bytes = mail.origin.size_bytes.max(mail.n_bytes());
        self.slots.push(Slot::Ready(Box::new(mail)));
        n_bytes
    }
}

fn is_too_old_to_read(folder: &Folder, found: &Found) -> bool {
    folder.old_below > 0
        && folder
            .not_before
            .zip(found.received_at)
            .is_some_and(|(not_before, received_at)| received_at < not_before)
}
