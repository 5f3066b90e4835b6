//! Imports files: the same pipeline as polling, without a cursor.

use std::io::Read;
use std::path::PathBuf;

use jiff::Timestamp;

use crate::config::Config;
use crate::mailbox::files::{self, Content, Item, Kind};
use crate::prepare::{Input, prepare};
use crate::store::{IncomingMail, Origin, Store, StoreError, Tally};

/// The source of imported mails in `mails.source`.
pub const IMPORT: &str = "import";

/// Reads everything below `paths` into the store; `-` is `stdin`. `progress` is told after each batch.
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
    progress: &mut dyn FnMut(&Tally),
) -> Result<Tally, StoreError> {
    let mut batch = Batch::new(config, now);
    files::for_each(paths, &config.limits, stdin, &mut |item| {
        batch.add(&item);
        if batch.is_full() {
            batch.record(store)?;
            progress(&batch.tally);
        }
        Ok::<(), StoreError>(())
    })?;
    batch.record(store)?;
    store.assess_new(&batch.tally, now, &config.domains);
    Ok(batch.tally)
}

/// Mails that go into one transaction.
struct Batch<'a> {
    config: &'a Config,
    now: Timestamp,
    mails: Vec<IncomingMail>,
    n_bytes: u64,
    tally: Tally,
}

impl<'a> Batch<'a> {
    fn new(config: &'a Config, now: Timestamp) -> Self {
        Self {
            config,
            now,
            mails: Vec::new(),
            n_bytes: 0,
            tally: Tally::default(),
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
        let mail = prepare(origin, input, limits, self.now);
        self.n_bytes = self.n_bytes.saturating_add(size_bytes.max(mail.n_bytes()));
        self.mails.push(mail);
    }

    fn is_full(&self) -> bool {
        let limits = &self.config.limits;
        u32::try_from(self.mails.len()).is_ok_and(|n| n >= limits.batch_mails)
            || self.n_bytes >= limits.batch_bytes
    }

    fn record(&mut self, store: &mut Store) -> Result<(), StoreError> {
        if !self.mails.is_empty() {
            let tally = store.record(&self.mails, None, self.config.store.retention, self.now)?;
            self.mails.iter().for_each(IncomingMail::log);
            self.tally.add(tally);
            self.mails.clear();
            self.n_bytes = 0;
        }
        Ok(())
    }
}

/// Why a mail over the size limit is rejected.
pub fn too_large(size: u64, limit: u64) -> String {
    format!(
        "the mail has {size} bytes, more than limits.mail_bytes ({limit}) allows; raise it to read such mails"
    )
}
