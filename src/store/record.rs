//! Records a batch of mails: one transaction, and the cursor with them.

use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, OptionalExtension, Transaction, named_params, params};

use super::admission::Admission;
use super::batch::Batch;
use super::incoming::{Content, CursorMove, IncomingMail, IncomingReport, Origin};
use super::record_report::short;
use super::{Store, StoreError, record_report, text, waiting};
use crate::config::Span;

/// What became of a batch of mails and of the reports in them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Mails and files read.
    pub mails: u64,
    /// Reports stored.
    pub stored: u64,
    /// Reports known already.
    pub duplicates: u64,
    /// Reports in conflict with one that counts.
    pub conflicts: u64,
    /// Reports whose origin isn't proven, so that they don't count.
    pub set_aside: u64,
    /// Reports beyond the retention.
    pub too_old: u64,
    /// Mails without a report.
    pub not_reports: u64,
    /// Mails and reports that can't be read.
    pub rejected: u64,
}

impl Tally {
    /// Adds another tally to this one.
    pub fn add(&mut self, other: Self) {
        let Self {
            mails,
            stored,
            duplicates,
            conflicts,
            set_aside,
            too_old,
            not_reports,
            rejected,
        } = other;
        for (sum, n) in [
            (&mut self.mails, mails),
            (&mut self.stored, stored),
            (&mut self.duplicates, duplicates),
            (&mut self.conflicts, conflicts),
            (&mut self.set_aside, set_aside),
            (&mut self.too_old, too_old),
            (&mut self.not_reports, not_reports),
            (&mut self.rejected, rejected),
        ] {
            *sum = sum.saturating_add(n);
        }
    }

    fn count(&mut self, outcome: Outcome) {
        let sum = match outcome {
            Outcome::Stored => &mut self.stored,
            Outcome::Duplicate => &mut self.duplicates,
            Outcome::Conflict => &mut self.conflicts,
            Outcome::SetAside => &mut self.set_aside,
            Outcome::TooOld => &mut self.too_old,
            Outcome::NotAReport => &mut self.not_reports,
            Outcome::Rejected => &mut self.rejected,
        };
        *sum = sum.saturating_add(1);
    }
}

/// What became of a report or mail, in the order that decides for a mail with several reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    Stored,
    Conflict,
    SetAside,
    Rejected,
    TooOld,
    Duplicate,
    NotAReport,
}

impl Outcome {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Conflict => "conflict",
            Self::SetAside => "set-aside",
            Self::Rejected => "rejected",
            Self::TooOld => "too-old",
            Self::Duplicate => "duplicate",
            Self::NotAReport => "not-a-report",
        }
    }

    /// The inverse of [`Outcome::as_str`].
    pub(super) fn from_text(text: &str) -> Self {
        match text {
            "stored" => Self::Stored,
            "conflict" => Self::Conflict,
            "set-aside" => Self::SetAside,
            "rejected" => Self::Rejected,
            "too-old" => Self::TooOld,
            "not-a-report" => Self::NotAReport,
            _ => Self::Duplicate,
        }
    }

    /// Whether `after` may take the mail away.
    fn is_settled(self) -> bool {
        matches!(self, Self::Stored | Self::Duplicate | Self::TooOld)
    }
}

/// What recording goes by.
pub(super) struct Terms {
    /// Reports that ended before are too old.
    oldest_day: Option<String>,
    pub(super) admission: Arc<Admission>,
    pub(super) now: Timestamp,
}

impl Store {
    /// What recording goes by now.
    pub(super) fn terms(&self, retention: Span, now: Timestamp) -> Terms {
        Terms {
            oldest_day: retention.before(now).map(day_of),
            admission: Arc::clone(&self.admission),
            now,
        }
    }

    /// Records a batch and moves the cursor, durably and at once or not at all.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the batch could not be committed; then nothing of it was.
    pub fn record(
        &mut self,
        mails: &[IncomingMail],
        cursor: Option<CursorMove>,
        retention: Span,
        now: Timestamp,
    ) -> Result<Tally, StoreError> {
        let terms = self.terms(retention, now);
        let tx = self.begin()?;
        // A savepoint copies each page that is written under it, so there are none while all goes well.
        let recorded = Batch::run(&tx, now, |batch| record_mails(batch, mails, &terms));
        match recorded {
            Ok(tally) => {
                finish(tx, cursor)?;
                Ok(tally)
            }
            Err(error) if concerns_this_mail(&error) => {
                tx.rollback()?;
                let mut tx = self.begin()?;
                let tally = record_one_by_one(&mut tx, mails, &terms)?;
                finish(tx, cursor)?;
                Ok(tally)
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Moves the cursor and commits.
fn finish(tx: Transaction<'_>, cursor: Option<CursorMove>) -> rusqlite::Result<()> {
    if let Some(CursorMove { folder, last_uid }) = cursor {
        tx.prepare_cached("UPDATE folder SET last_uid = max(last_uid, :last_uid) WHERE id = :folder")?
            .execute(named_params! { ":last_uid": last_uid, ":folder": folder })?;
    }
    tx.commit()
}

fn record_mails<'a>(
    batch: &mut Batch<'a>,
    mails: &'a [IncomingMail],
    terms: &Terms,
) -> rusqlite::Result<Tally> {
    let mut tally = Tally::default();
    for mail in mails {
        tally.add(record_mail(batch, mail, terms)?);
    }
    Ok(tally)
}

/// Records what it can and rejects the mails that the database refuses.
fn record_one_by_one(
    tx: &mut Transaction<'_>,
    mails: &[IncomingMail],
    terms: &Terms,
) -> rusqlite::Result<Tally> {
    let mut tally = Tally::default();
    for mail in mails {
        let savepoint = tx.savepoint()?;
        let recorded = Batch::run(&savepoint, terms.now, |batch| record_mail(batch, mail, terms));
        match recorded {
            Ok(of_mail) => {
                savepoint.commit()?;
                tally.add(of_mail);
            }
            Err(error) if concerns_this_mail(&error) => {
                drop(savepoint); // rolls back
                let reason = format!("the database refused it: {error}; please report this as a bug");
                Batch::run(tx, terms.now, |batch| {
                    let id = insert_mail(batch, mail, Outcome::Rejected, Some(&reason))?;
                    keep_raw(tx, id, mail)
                })?;
                tally.mails = tally.mails.saturating_add(1);
                tally.count(Outcome::Rejected);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(tally)
}

/// A violated constraint is about the mail at hand; anything else (disk full, corrupt file) is about the database.
fn concerns_this_mail(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::ConstraintViolation | ErrorCode::TooBig | ErrorCode::TypeMismatch)
    )
}

pub(super) fn day_of(moment: Timestamp) -> String {
    let mut day = text(moment);
    day.truncate(day.find('T').unwrap_or(day.len()));
    day
}

fn record_mail<'a>(batch: &mut Batch<'a>, mail: &'a IncomingMail, terms: &Terms) -> rusqlite::Result<Tally> {
    let mut tally = Tally {
        mails: 1,
        ..Tally::default()
    };
    let db = batch.db;
    let reports: &[IncomingReport] = match &mail.content {
        Content::NotAReport => {
            insert_mail(batch, mail, Outcome::NotAReport, None)?;
            tally.count(Outcome::NotAReport);
            return Ok(tally);
        }
        Content::Rejected(reason) => {
            let id = insert_mail(batch, mail, Outcome::Rejected, Some(reason))?;
            keep_raw(db, id, mail)?;
            tally.count(Outcome::Rejected);
            return Ok(tally);
        }
        Content::Reports(reports) => reports,
    };
    // The outcome is known only after the reports, which point at the mail; nearly always it is this.
    let id = insert_mail(batch, mail, Outcome::Stored, None)?;
    let mut is_as_guessed = reports.len() == 1;
    for (ordinal, found) in (1_i64..).zip(reports) {
        let (outcome, report, reason) = record_report_of(batch, (id, &mail.origin), found, terms)?;
        link(batch, (id, ordinal), report, outcome, reason)?;
        let waits = waiting::note(db, (id, mail), found, report)?;
        // Judging it again needs it.
        if reason.is_some() || outcome == Outcome::SetAside || waits {
            keep_raw(db, id, mail)?;
        }
        is_as_guessed &= outcome == Outcome::Stored && !waits;
        tally.count(outcome);
    }
    if !is_as_guessed {
        settle(db, id)?;
    }
    Ok(tally)
}

/// Records one of a mail's reports: what became of it, its row if it has one, and why it is rejected.
pub(super) fn record_report_of<'a>(
    batch: &mut Batch<'a>,
    mail: (i64, &Origin),
    report: &'a IncomingReport,
    terms: &Terms,
) -> rusqlite::Result<(Outcome, Option<i64>, Option<&'a str>)> {
    match report {
        IncomingReport::Rejected(reason) => Ok((Outcome::Rejected, None, Some(reason))),
        IncomingReport::Read {
            parsed,
            json,
            submitter,
            standing,
        } => {
            let is_too_old = terms
                .oldest_day
                .as_deref()
                .is_some_and(|oldest| day_of(parsed.report.end).as_str() < oldest);
            if is_too_old {
                return Ok((Outcome::TooOld, None, None));
            }
            let (outcome, report) =
                record_report::record(batch, mail, (parsed, json), (submitter, standing), terms)?;
            Ok((outcome, report, None))
        }
    }
}

pub(super) const INSERT_MAIL: &str =
    "INSERT INTO mail (source, folder, uid_validity, uid, locator, message_id, received_at, processed_at,
                       size_bytes, outcome, reason, backfill, raw_hash, settled)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

fn insert_mail(
    batch: &mut Batch<'_>,
    mail: &IncomingMail,
    outcome: Outcome,
    reason: Option<&str>,
) -> rusqlite::Result<i64> {
    let db = batch.db;
    let origin = &mail.origin;
    // Of other people's mail only where it lies and its size are kept.
    let ours = outcome != Outcome::NotAReport || matches!(mail.content, Content::Reports(_));
    batch.statements.insert_mail.get(db)?.execute(params![
        origin.source,
        origin.folder,
        origin.uid_validity,
        origin.uid,
        origin.locator,
        mail.message_id.as_deref().filter(|_| ours),
        origin.received_at.filter(|_| ours).map(text),
        batch.now,
        i64::try_from(origin.size_bytes).unwrap_or(i64::MAX),
        outcome.as_str(),
        reason,
        origin.backfill,
        mail.raw_hash.as_ref().map(short),
        outcome == Outcome::Stored,
    ])?;
    let id = db.last_insert_rowid();
    if let (Some(folder), Some(base_name)) = (origin.folder, &origin.base_name) {
        db.prepare_cached(
            "INSERT OR IGNORE INTO maildir_known (folder, base_name) VALUES (:folder, :base_name)",
        )?
        .execute(named_params! { ":folder": folder, ":base_name": base_name })?;
    }
    Ok(id)
}

pub(super) fn keep_raw(db: &Connection, id: i64, mail: &IncomingMail) -> rusqlite::Result<()> {
    if let Some(raw) = &mail.raw {
        db.prepare_cached("INSERT OR IGNORE INTO raw_mail (mail, bytes) VALUES (:mail, :bytes)")?
            .execute(named_params! { ":mail": id, ":bytes": raw })?;
    }
    Ok(())
}

pub(super) const INSERT_LINK: &str =
    "INSERT INTO mail_report (mail, ordinal, report, outcome, reason) VALUES (?, ?, ?, ?, ?)";

/// Notes what became of the report at this place in a mail.
pub(super) fn link(
    batch: &mut Batch<'_>,
    (mail, ordinal): (i64, i64),
    report: Option<i64>,
    outcome: Outcome,
    reason: Option<&str>,
) -> rusqlite::Result<()> {
    // Set aside is what the report's row says, until somebody accepts it.
    let outcome = if outcome == Outcome::SetAside {
        Outcome::Stored
    } else {
        outcome
    };
    batch
        .statements
        .insert_link
        .get(batch.db)?
        .execute((mail, ordinal, report, outcome.as_str(), reason))?;
    Ok(())
}

/// Derives a mail's outcome from its reports: the first that applies.
pub(super) fn settle(db: &Connection, mail: i64) -> rusqlite::Result<()> {
    let mut statement = db.prepare_cached("SELECT outcome, reason FROM mail_reports WHERE mail = :mail")?;
    let mut rows = statement.query(named_params! { ":mail": mail })?;
    let mut first: Option<Outcome> = None;
    let mut reason: Option<String> = None;
    let mut settled = true;
    while let Some(row) = rows.next()? {
        let outcome = Outcome::from_text(row.get_ref(0)?.as_str()?);
        reason = reason.or(row.get(1)?);
        settled &= outcome.is_settled();
        first = Some(first.map_or(outcome, |first| first.min(outcome)));
    }
    let Some(outcome) = first else { return Ok(()) };
    db.prepare_cached(
        "UPDATE mail SET outcome = :outcome, reason = :reason,
             settled = :settled AND NOT EXISTS (SELECT 1 FROM waiting WHERE waiting.mail = mail.id)
         WHERE id = :mail",
    )?
    .execute(named_params! {
        ":outcome": outcome.as_str(), ":reason": reason, ":settled": settled, ":mail": mail,
    })?;
    Ok(())
}

/// Derives anew the outcome of the mails whose stored report is no longer the one that counts.
pub(super) fn settle_mails_of(db: &Connection, report: i64) -> rusqlite::Result<()> {
    let mail: Option<i64> = db
        .prepare_cached("SELECT mail FROM report WHERE id = :report")?
        .query_row(named_params! { ":report": report }, |row| row.get(0))
        .optional()?
        .flatten();
    mail.map_or(Ok(()), |mail| settle(db, mail))
}
