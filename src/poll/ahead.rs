//! Prepares fetched mails in another thread, while what was prepared before is recorded.

use std::collections::VecDeque;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::{JoinHandle, spawn_blocking};

use crate::authenticate::Keys;
use crate::clock;
use crate::config::Config;
use crate::import::judge;
use crate::mailbox::{Body, Fetched};
use crate::prepare::{Input, prepare};
use crate::store::{Folder, IncomingMail, Origin};

/// What preparing a batch goes by.
#[derive(Debug)]
pub(super) struct Preparer {
    pub(super) config: Arc<Config>,
    /// The mailbox's name.
    pub(super) source: String,
    pub(super) folder_name: String,
    pub(super) uid_validity: u32,
    pub(super) folder: Folder,
    pub(super) keys: Keys,
}

/// Mails to be recorded together.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) prepared: Vec<IncomingMail>,
    /// The cursor is here once they are recorded.
    pub(super) last_uid: u32,
    /// What comes after them, where there is more in these than their size promised.
    pub(super) rest: Option<(Preparer, VecDeque<Fetched>)>,
}

/// Mails being prepared. Dropped with the poll, it stops after the mail at hand; nothing of it was recorded.
#[derive(Debug)]
pub(super) struct Ahead {
    task: JoinHandle<Part>,
    is_dropped: Arc<AtomicBool>,
}

impl Ahead {
    /// What was prepared, once it is.
    pub(super) async fn part(mut self) -> Part {
        match (&mut self.task).await {
            Ok(part) => part,
            // Nobody aborts it, so it has panicked.
            Err(error) => resume_unwind(error.into_panic()),
        }
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.is_dropped.store(true, Ordering::Relaxed);
    }
}

impl Preparer {
    /// Begins to prepare mails.
    pub(super) fn begin(self, batch: VecDeque<Fetched>) -> Ahead {
        let is_dropped = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&is_dropped);
        let task = spawn_blocking(move || self.part(batch, &flag));
        Ahead { task, is_dropped }
    }

    fn part(self, mut batch: VecDeque<Fetched>, is_dropped: &AtomicBool) -> Part {
        let (mut prepared, mut n_bytes, mut last_uid) = (Vec::new(), 0_u64, 0);
        while n_bytes < self.config.limits.batch_bytes
            && !is_dropped.load(Ordering::Relaxed)
            && let Some(fetched) = batch.pop_front()
        {
            last_uid = fetched.mail.uid;
            if let Some(mail) = self.prepare(fetched) {
                n_bytes = n_bytes.saturating_add(mail.n_bytes());
                prepared.push(mail);
            }
        }
        Part {
            prepared,
            last_uid,
            rest: (!batch.is_empty()).then_some((self, batch)),
        }
    }

    fn prepare(&self, Fetched { mail, body }: Fetched) -> Option<IncomingMail> {
        let limits = &self.config.limits;
        let (name, uid_validity) = (&self.folder_name, self.uid_validity);
        let origin = Origin {
            source: self.source.clone(),
            folder: Some(self.folder.id),
            uid_validity: Some(uid_validity),
            uid: Some(mail.uid),
            base_name: None,
            locator: format!("{name};UIDVALIDITY={uid_validity};UID={}", mail.uid),
            received_at: mail.received_at,
            size_bytes: match &body {
                Body::Bytes(bytes) => u64::try_from(bytes.len()).unwrap_or(u64::MAX),
                Body::TooLarge | Body::Expunged | Body::Undelivered => mail.size,
            },
            backfill: mail.uid < self.folder.backfill_below,
        };
        let reason;
        let input = match &body {
            Body::Bytes(bytes) => return Some(judge(&self.config, origin, bytes, &self.keys, clock::now())),
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
