//! Imports files: the same pipeline as polling, without a cursor.

use std::collections::BTreeSet;
use std::io::Read;
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::sync::mpsc::{self, SendError};

use jiff::Timestamp;

use crate::authenticate::{self, Asker, Keys, Receipt};
use crate::config::{AuthenticationConfig, Config};
use crate::mailbox::files::{self, Content, Item, Kind};
use crate::prepare::{Input, Judged, prepare, prepare_judged};
use crate::store::{IncomingMail, Origin, Store, StoreError, Tally};

/// The source of imported mails in `mails.source`.
pub const IMPORT: &str = "import";

/// Reads everything below `paths` into the store; `-` is `stdin`. `progress` is told after each batch, and
/// how many bytes were read.
///
/// One thread reads and prepares a batch while another records the one before. Mails are judged by `[authentication]`;
/// files, which a person chose, are taken as they are.
///
/// # Errors
///
/// [`StoreError`] from the database; what was recorded before stays. A file that can't be read is recorded as
/// rejected.
pub fn import(
    config: &Config,
    store: &mut Store,
    paths: &[PathBuf],
    stdin: &mut dyn Read,
    now: Timestamp,
    progress: &mut (dyn FnMut(&Tally, u64) + Send),
) -> Result<Tally, StoreError> {
    let n_ours = store.admit_by(config, now)?;
    // Three batches are in memory at most: with none in the channel both threads would wait for each other's slow ones.
    let (sender, batches) = mpsc::sync_channel::<Vec<IncomingMail>>(1);
    let recorder = &mut *store;
    let mut tally = std::thread::scope(|scope| {
        let recording = scope.spawn(move || {
            let mut tally = Tally::default();
            let mut n_bytes = 0_u64;
            for batch in batches {
                record(config, recorder, &batch, now, &mut tally)?;
                let sizes = batch.iter().map(|mail| mail.origin.size_bytes);
                n_bytes = sizes.fold(n_bytes, u64::saturating_add);
                progress(&tally, n_bytes);
            }
            Ok::<Tally, StoreError>(tally)
        });
        let mut batch = Batch::new(config, now);
        let read = files::for_each(paths, &config.limits, stdin, &mut |item| {
            batch.add(&item);
            if batch.is_full() {
                sender.send(batch.take())?;
            }
            Ok::<(), SendError<Vec<IncomingMail>>>(())
        });
        // Nobody takes batches any more once recording has failed, and then says why.
        drop(read.and_then(|()| sender.send(batch.take())));
        drop(sender);
        recording.join().unwrap_or_else(|panic| resume_unwind(panic))
    })?;
    tally.stored = tally.stored.saturating_add(n_ours);
    store.look_again(&mut tally, config, now)?;
    store.assess_new(&tally, now, &config.domains);
    Ok(tally)
}

fn record(
    config: &Config,
    store: &mut Store,
    batch: &[IncomingMail],
    now: Timestamp,
    sum: &mut Tally,
) -> Result<(), StoreError> {
    if !batch.is_empty() {
        let tally = store.record(batch, None, config.store.retention, now)?;
        batch.iter().for_each(IncomingMail::log);
        sum.add(tally);
    }
    Ok(())
}

/// Mails that go into one transaction.
struct Batch<'a> {
    config: &'a Config,
    now: Timestamp,
    asker: Asker,
    mails: Vec<Slot>,
    /// The names of the keys that judging them needs.
    names: BTreeSet<String>,
    n_bytes: u64,
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

impl<'a> Batch<'a> {
    fn new(config: &'a Config, now: Timestamp) -> Self {
        Self {
            config,
            now,
            asker: Asker::new(&config.authentication),
            mails: Vec::new(),
            names: BTreeSet::new(),
            n_bytes: 0,
        }
    }

    fn add(&mut self, item: &Item) {
        let limits = &self.config.limits;
        let reason;
        let (input, size_bytes) = match &item.content {
            Content::Bytes(bytes) => {
                let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                let input = match item.kind {
                    Kind::Mail => Input::Mail(bytes),
                    Kind::File => Input::File {
                        bytes,
                        name: item.name.as_deref(),
                    },
                };
                (input, size)
            }
            Content::TooLarge { size } => {
                reason = too_large(*size, limits.mail_bytes);
                (Input::Refused(&reason), *size)
            }
            Content::Unreadable(why) => (Input::Refused(why), 0),
        };
        let origin = Origin {
            source: IMPORT.to_owned(),
            locator: item.locator.clone(),
            received_at: item.received_at,
            size_bytes,
            backfill: true,
            ..Origin::default()
        };
        let Input::Mail(bytes) = input else {
            self.push(prepare(origin, input, limits, self.now));
            return;
        };
        let names = authenticate::questions(bytes, &self.config.authentication);
        if names.is_empty() {
            self.push(judge(self.config, origin, bytes, &Keys::default(), self.now));
        } else {
            self.names.extend(names);
            self.n_bytes = self.n_bytes.saturating_add(size_bytes);
            let bytes = bytes.to_vec();
            self.mails.push(Slot::Waiting { origin, bytes });
        }
    }

    fn push(&mut self, mail: IncomingMail) {
        self.n_bytes = self
            .n_bytes
            .saturating_add(mail.origin.size_bytes.max(mail.n_bytes()));
        self.mails.push(Slot::Ready(Box::new(mail)));
    }

    fn is_full(&self) -> bool {
        let limits = &self.config.limits;
        u32::try_from(self.mails.len()).is_ok_and(|n| n >= limits.batch_mails)
            || self.n_bytes >= limits.batch_bytes
    }

    /// The mails so far; begins anew.
    fn take(&mut self) -> Vec<IncomingMail> {
        self.n_bytes = 0;
        let keys = self.asker.keys(std::mem::take(&mut self.names));
        std::mem::take(&mut self.mails)
            .into_iter()
            .map(|slot| match slot {
                Slot::Ready(mail) => *mail,
                Slot::Waiting { origin, bytes } => judge(self.config, origin, &bytes, &keys, self.now),
            })
            .collect()
    }
}

/// Judges a mail by the keys at hand, and prepares it.
pub(crate) fn judge(
    config: &Config,
    origin: Origin,
    mail: &[u8],
    keys: &Keys,
    now: Timestamp,
) -> IncomingMail {
    let authentication: &AuthenticationConfig = &config.authentication;
    let receipt = Receipt {
        received_at: origin.received_at,
        now,
    };
    let verdict = authenticate::verify(mail, receipt, authentication, keys);
    let judged = Judged {
        verdict: &verdict,
        unauthenticated: authentication.unauthenticated,
    };
    prepare_judged(origin, Input::Mail(mail), judged, &config.limits, now)
}

/// Why a mail over the size limit is rejected.
pub fn too_large(size: u64, limit: u64) -> String {
    format!(
        "the mail has {size} bytes, more than limits.mail_bytes ({limit}) allows; raise it to read such mails"
    )
}
