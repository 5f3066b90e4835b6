//! Reading rejected mails again after an upgrade, in place.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, named_params};

use super::batch::Batch;
use super::incoming::{Content, IncomingMail, IncomingReport};
use super::mails::origin_of;
use super::record::{Outcome, Terms, keep_raw, link, record_report_of, settle};
use super::{Origin, Store, StoreError, waiting};
use crate::config::Span;

/// A mail or file of which something was rejected.
#[derive(Debug, Clone)]
pub struct RejectedOrigin {
    /// Its id in `mails`.
    pub id: i64,
    /// Where it came from.
    pub origin: Origin,
    /// `host:port` of its folder; empty for a Maildir, `None` for an import.
    pub server: Option<String>,
    /// The login name of its folder.
    pub user: String,
    /// The folder, or the Maildir's path.
    pub folder: String,
}

/// What reading a rejected mail again came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reread {
    /// Nothing new.
    Same,
    /// Rejected for another reason.
    OtherReason(String),
    /// What it is now.
    Outcome(String),
}

impl Store {
    /// Every mail of which something was rejected, oldest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn rejected_mails(&self) -> Result<Vec<RejectedOrigin>, StoreError> {
        let mails = self
            .db
            .prepare(
                "SELECT mail.*, folder.server, folder.user, folder.name AS folder_name
                 FROM mail LEFT JOIN folder ON folder.id = mail.folder
                 WHERE mail.outcome = 'rejected'
                    OR EXISTS (SELECT 1 FROM mail_report
                               WHERE mail_report.mail = mail.id AND mail_report.outcome = 'rejected')
                 ORDER BY mail.id",
            )?
            .query_map((), |row| {
                Ok(RejectedOrigin {
                    id: row.get("id")?,
                    origin: origin_of(row)?,
                    server: row.get("server")?,
                    user: row.get::<_, Option<String>>("user")?.unwrap_or_default(),
                    folder: row.get::<_, Option<String>>("folder_name")?.unwrap_or_default(),
                })
            })?
            .collect::<rusqlite::Result<_>>()?;
        Ok(mails)
    }

    /// The bytes (gzip) that were kept of a rejected mail.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn raw_mail(&self, mail: i64) -> Result<Option<Vec<u8>>, StoreError> {
        let raw = self
            .db
            .prepare_cached("SELECT bytes FROM raw_mail WHERE mail = :mail")?
            .query_row(named_params! { ":mail": mail }, |row| row.get(0))
            .optional()?;
        Ok(raw)
    }

    /// Puts what was read again in the place of a mail of which something was rejected. It keeps its id, so that no
    /// digest tells it again; reports found now are new ones.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database; then the mail is as before.
    pub fn reread_mail(
        &mut self,
        mail: i64,
        incoming: &IncomingMail,
        retention: Span,
        now: Timestamp,
    ) -> Result<Reread, StoreError> {
        let terms = self.terms(retention, now);
        let tx = self.begin()?;
        let before = mail_state(&tx, mail)?;
        reread(&tx, mail, incoming, &terms)?;
        let after = mail_state(&tx, mail)?;
        let reread = match (&before, &after) {
            (before, after) if before == after => Reread::Same,
            _ if before.0 == after.0 && before.1 == after.1 => {
                Reread::OtherReason(after.2.clone().unwrap_or_default())
            }
            _ => Reread::Outcome(after.0.clone()),
        };
        tx.commit()?;
        Ok(reread)
    }
}

/// Outcome, outcomes of the reports in it, reason.
type MailState = (String, Vec<String>, Option<String>);

fn mail_state(db: &Connection, mail: i64) -> rusqlite::Result<MailState> {
    let (outcome, reason) = db.query_row(
        "SELECT outcome, reason FROM mail WHERE id = :mail",
        named_params! { ":mail": mail },
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let reports = db
        .prepare_cached("SELECT outcome FROM mail_report WHERE mail = :mail ORDER BY ordinal")?
        .query_map(named_params! { ":mail": mail }, |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    Ok((outcome, reports, reason))
}

pub(super) fn reread(
    db: &Connection,
    mail: i64,
    incoming: &IncomingMail,
    terms: &Terms,
) -> rusqlite::Result<()> {
    // A report that was stored from this mail is now found as a duplicate of itself.
    let own: BTreeMap<i64, String> = db
        .prepare_cached("SELECT report, outcome FROM mail_report WHERE mail = :mail AND report IS NOT NULL")?
        .query_map(named_params! { ":mail": mail }, |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    db.execute(
        "DELETE FROM mail_report WHERE mail = :mail",
        named_params! { ":mail": mail },
    )?;
    let set = |outcome: Outcome, reason: Option<&str>| {
        db.execute(
            "UPDATE mail SET outcome = :outcome, reason = :reason, settled = 0,
                 message_id = coalesce(:message_id, message_id) WHERE id = :mail",
            named_params! {
                ":outcome": outcome.as_str(), ":reason": reason, ":message_id": incoming.message_id, ":mail": mail,
            },
        )
    };
    db.execute(
        "DELETE FROM waiting WHERE mail = :mail",
        named_params! { ":mail": mail },
    )?;
    // What is rejected may be read one day, and what waits is judged again.
    let mut needs_raw = false;
    match &incoming.content {
        Content::NotAReport => {
            set(Outcome::NotAReport, None)?;
        }
        Content::Rejected(reason) => {
            needs_raw = true;
            set(Outcome::Rejected, Some(reason))?;
        }
        Content::Reports(reports) => {
            set(Outcome::NotAReport, None)?;
            needs_raw = record_again(db, (mail, incoming), reports, &own, terms)?;
            settle(db, mail)?;
        }
    }
    if needs_raw {
        keep_raw(db, mail, incoming)
    } else {
        db.execute(
            "DELETE FROM raw_mail WHERE mail = :mail",
            named_params! { ":mail": mail },
        )?;
        Ok(())
    }
}

/// Records the reports of a mail that is read again, some of which it had before; whether the mail itself is still needed.
fn record_again(
    db: &Connection,
    (mail, incoming): (i64, &IncomingMail),
    reports: &[IncomingReport],
    own: &BTreeMap<i64, String>,
    terms: &Terms,
) -> rusqlite::Result<bool> {
    let mut needs_raw = false;
    Batch::run(db, terms.now, |batch| {
        for (ordinal, found) in (1_i64..).zip(reports) {
            let (mut outcome, report, reason) =
                record_report_of(batch, (mail, &incoming.origin), found, terms)?;
            needs_raw |= matches!(found, IncomingReport::Rejected(_));
            needs_raw |= waiting::note(db, (mail, incoming), found, report)?;
            if outcome == Outcome::Duplicate
                && let Some(before) = report.and_then(|report| own.get(&report))
            {
                outcome = Outcome::from_text(before);
            }
            link(batch, (mail, ordinal), report, outcome, reason)?;
        }
        Ok(needs_raw)
    })
}
