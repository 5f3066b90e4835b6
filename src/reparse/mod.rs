//! Reads rejected mails and stored reports again, after an upgrade.

mod mails;
mod reports;

use crate::authenticate::Asker;
use crate::clock;
use crate::config::Config;
use crate::store::{Store, StoreError};

/// What became of reading everything again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reparsed {
    /// Mails of which something was rejected.
    pub mails: u64,
    /// Of these: no longer rejected.
    pub accepted: u64,
    /// Of these: could not be had again.
    pub unavailable: u64,
    /// Stored reports.
    pub reports: u64,
    /// Of these: read otherwise now, or the same as another now.
    pub changed: u64,
    /// Of these: can't be read any more, and stay as they were.
    pub unreadable: u64,
}

/// What is told meanwhile.
#[derive(Debug, Clone, Copy)]
pub enum Told<'a> {
    /// A change, in words that quote strangers.
    Change(&'a str),
    /// So many mails and reports of roughly so many are done.
    Progress(u64, u64),
}

/// Reads everything again; each change is told in a line of words that quote strangers. Nothing in a mailbox is changed.
///
/// # Errors
///
/// [`StoreError`] from the database; what was done before stays.
pub async fn reparse(
    config: &Config,
    store: &mut Store,
    tell: &mut dyn FnMut(Told<'_>),
) -> Result<Reparsed, StoreError> {
    store.admit_by(config, clock::now())?;
    let counts = store.counts()?;
    let all = counts.rejected.saturating_add(counts.reports);
    let mut work = Work {
        config,
        asker: Asker::new(&config.authentication),
        store,
        tell,
        all: u64::try_from(all).unwrap_or(0),
        done: Reparsed::default(),
    };
    work.mails().await?;
    work.reports()?;
    let today = clock::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    work.store.reassess(today, &config.domains)?;
    Ok(work.done)
}

struct Work<'a> {
    config: &'a Config,
    asker: Asker,
    store: &'a mut Store,
    tell: &'a mut dyn FnMut(Told<'_>),
    /// Roughly: reports that don't count aren't in it.
    all: u64,
    done: Reparsed,
}
