//! Polls mailboxes: fetch, prepare, record, and what happens to the mails afterwards.

use std::sync::Arc;
use std::time::Duration;

use crate::authenticate::{self, Keys, Resolver};
use crate::clock;
use crate::config::{Config, MailboxConfig, MailboxKind};
use crate::mailbox::{MailboxError, Reaction};
use crate::store::{CursorMove, IncomingMail, Store, StoreError, Tally};

mod after;
mod ahead;
mod batches;
mod imap;
mod maildir;
mod temporary;

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
    /// No thread to prepare mails in.
    #[error(
        "cannot start a thread to read mails in: {0}; see how many tasks the service may have (TasksMax)"
    )]
    Thread(std::io::Error),
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
            Self::Store(_) | Self::Thread(_) | Self::Deadline { .. } => Reaction::Retry,
        }
    }
}

/// How a poll of one mailbox ended.
#[derive(Debug)]
pub struct Polled {
    /// What was recorded, even if an error ended it.
    pub tally: Tally,
    /// The key of `[limits]` that cut it short, if one did; the next poll goes on from there.
    pub cut_by: Option<&'static str>,
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
    /// The same for the thread that prepares.
    shared: Arc<Config>,
    resolver: &'a mut Resolver,
    /// The mailbox isn't changed.
    dry_run: bool,
    /// What is being done, for the error when time is up.
    step: String,
    tally: Tally,
    remarks: Vec<String>,
    /// So many mails may still be read.
    left: usize,
    /// Others wait for the next poll.
    is_cut: bool,
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
        shared: Arc::new(config.clone()),
        resolver,
        dry_run,
        step: "connect".to_owned(),
        tally,
        remarks,
        left: usize::try_from(config.limits.poll_mails).unwrap_or(usize::MAX),
        is_cut: false,
        progress,
    };
    let deadline = config.limits.poll_deadline;
    // Cutting it anywhere is safe: each batch is one transaction, and the session dies with it.
    let work = async {
        let n_ours = store.admit_by(config, clock::now())?;
        poll.tally.stored = poll.tally.stored.saturating_add(n_ours);
        poll.temporary(store).await?;
        match mailbox.kind {
            MailboxKind::Imap => poll.imap(store).await,
            MailboxKind::Maildir => poll.maildir(store).await,
        }
    };
    let result = tokio::time::timeout(deadline, work).await;
    let cut_by = match result {
        Err(_) => Some("limits.poll_deadline"),
        Ok(_) => poll.is_cut.then_some("limits.poll_mails"),
    };
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
    let result = result.and_then(|()| Ok(store.look_again(&mut tally, config, clock::now())?));
    if !matches!(result, Err(PollError::Store(_))) {
        store.assess_polled(&tally, clock::now(), &config.domains);
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
        cut_by,
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

    /// Leaves to the next poll what is beyond `limits.poll_mails`; whether anything is.
    fn cut<T>(&mut self, mails: &mut Vec<T>) -> bool {
        let is_cut = mails.len() > self.left;
        mails.truncate(self.left);
        self.left = self.left.saturating_sub(mails.len());
        self.is_cut |= is_cut;
        is_cut
    }

    /// The keys that judging these mails needs.
    async fn keys<'m>(&mut self, mails: impl Iterator<Item = &'m [u8]>) -> Keys {
        let names = mails.flat_map(|mail| authenticate::questions(mail, &self.config.authentication));
        self.resolver.keys(names.collect()).await
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
