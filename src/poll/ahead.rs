//! Prepares fetched mails in another thread, while what was prepared before is recorded.

use std::collections::VecDeque;
use std::hint::black_box;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender};

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::authenticate::Keys;
use crate::clock;
use crate::config::Config;
use crate::import::judge;
use crate::mailbox::{Body, Fetched};
use crate::prepare::{Input, prepare};
use crate::store::{Folder, IncomingMail, Origin};

/// Stack of the thread, in bytes: as much as the one that does all else has.
const STACK: usize = 16 * 1024 * 1024;

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

/// What the thread does.
#[derive(Debug)]
enum Work {
    Prepare(Box<Preparer>, VecDeque<Fetched>),
    /// These have been recorded.
    Free(Vec<IncomingMail>),
}

/// The thread that prepares mails, a batch at a time. Dropped with the poll, it ends after the mail at hand; nothing of
/// that batch was recorded.
#[derive(Debug)]
pub(super) struct Ahead {
    work: Sender<Work>,
    parts: UnboundedReceiver<Part>,
    /// Whether a batch was begun whose part nobody has taken.
    is_begun: bool,
    is_dropped: Arc<AtomicBool>,
}

impl Ahead {
    /// Starts the thread.
    pub(super) fn start() -> std::io::Result<Self> {
        let (work, queue) = mpsc::channel();
        let (sender, parts) = unbounded_channel();
        let is_dropped = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&is_dropped);
        let builder = std::thread::Builder::new().name("prepare".to_owned());
        builder.stack_size(STACK).spawn(move || {
            for work in queue {
                match work {
                    // Nobody takes it once the poll has ended.
                    Work::Prepare(preparer, batch) => drop(sender.send(preparer.part(batch, &flag))),
                    Work::Free(mails) => drop(mails),
                }
            }
            give_back();
        })?;
        Ok(Self {
            work,
            parts,
            is_begun: false,
            is_dropped,
        })
    }

    /// Begins to prepare a batch; the part of the one before has been taken.
    pub(super) fn begin(&mut self, preparer: Preparer, batch: VecDeque<Fetched>) {
        self.is_begun = true;
        // If the thread has panicked, taking the part says so.
        drop(self.work.send(Work::Prepare(Box::new(preparer), batch)));
    }

    /// What was prepared of the batch begun last, once it is; `None` if it was taken before.
    pub(super) async fn part(&mut self) -> Option<Part> {
        if !std::mem::take(&mut self.is_begun) {
            return None;
        }
        match self.parts.recv().await {
            Some(part) => Some(part),
            // The thread lives as long as this unless it panics, and then it has told of that.
            None => resume_unwind(Box::new("preparing mails panicked")),
        }
    }

    /// Has recorded mails freed by the thread that made them: here they would leave pieces in the allocator's cache of
    /// this thread, for which the memory of all would be kept when the poll is over.
    pub(super) fn free(&self, mails: Vec<IncomingMail>) {
        drop(self.work.send(Work::Free(mails)));
    }
}

/// Has glibc return what a thread has freed, some MiB: that looks for it only where more than 64 KiB are freed at once, and
/// what is freed mail by mail never is.
fn give_back() {
    drop(black_box(Vec::<u8>::with_capacity(100 * 1024)));
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.is_dropped.store(true, Ordering::Relaxed);
    }
}

impl Preparer {
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
