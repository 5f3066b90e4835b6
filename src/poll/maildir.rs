//! Polls a local Maildir, which is only read.

use std::collections::BTreeSet;

use super::{Poll, PollError};
use crate::clock;
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
        let (mut batch, mut n_bytes, mut n_done) = (Vec::new(), 0_u64, 0_u64);
        let mut passed_over = Vec::new();
        for entry in new {
            let found = maildir::read(&path, entry, limits.mail_bytes).map_err(PollError::Maildir)?;
            n_done = n_done.saturating_add(1);
            // A mail can take its time; a signal is heard before the next one.
            tokio::task::yield_now().await;
            let Some(found) = found else { continue };
            if is_too_old_to_read(&folder, &found) {
                passed_over.push(entry.base_name.clone());
                continue;
            }
            let mail = self.prepare_file(&folder, entry, &found);
            n_bytes = n_bytes.saturating_add(mail.origin.size_bytes.max(mail.n_bytes()));
            batch.push(mail);
            let is_full = u32::try_from(batch.len()).is_ok_and(|n| n >= limits.batch_mails)
                || n_bytes >= limits.batch_bytes;
            if is_full {
                self.record(store, &batch, None)?;
                (self.progress)(n_done, n_new);
                batch.clear();
                n_bytes = 0;
            }
        }
        if !batch.is_empty() {
            self.record(store, &batch, None)?;
            (self.progress)(n_done, n_new);
        }
        let there: BTreeSet<&String> = entries.iter().map(|entry| &entry.base_name).collect();
        let gone = known.iter().filter(|name| !there.contains(name));
        store.maildir_polled(folder.id, &passed_over, gone)?;
        Ok(())
    }

    fn prepare_file(&self, folder: &Folder, entry: &Entry, found: &Found) -> IncomingMail {
        let limits = &self.config.limits;
        let reason;
        let (input, size_bytes) = match &found.content {
            Bounded::Bytes(bytes) => (Input::Mail(bytes), u64::try_from(bytes.len()).unwrap_or(u64::MAX)),
            Bounded::TooLarge { size } => {
                reason = crate::import::too_large(*size, limits.mail_bytes);
                (Input::Refused(&reason), *size)
            }
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
        prepare(origin, input, limits, clock::now())
    }
}

fn is_too_old_to_read(folder: &Folder, found: &Found) -> bool {
    folder.old_below > 0
        && folder
            .not_before
            .zip(found.received_at)
            .is_some_and(|(not_before, received_at)| received_at < not_before)
}
