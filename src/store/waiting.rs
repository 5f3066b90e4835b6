//! Mails whose origin no name server has told yet: kept, judged again, given up.

use jiff::Timestamp;
use rusqlite::{Connection, named_params};

use super::incoming::{Content, IncomingMail, IncomingReport};
use super::mails::origin_of;
use super::record::settle;
use super::reread::reread;
use super::{Origin, Store, StoreError, text};
use crate::config::Span;

/// Most compressed bytes of mails that are judged again at a time, but for the last of them.
const MAX_RAW_AT_A_TIME: usize = 8 * 1024 * 1024;

/// A mail whose origin could not be judged.
#[derive(Debug, Clone)]
pub struct TemporaryMail {
    /// Its id in `mails`.
    pub id: i64,
    /// Where it came from.
    pub origin: Origin,
    /// The mail (gzip).
    pub raw: Vec<u8>,
}

/// Notes that a mail waits if one of its reports does; whether that one does. A copy of a report that isn't proven waits
/// too, since it may prove it.
pub(super) fn note(
    db: &Connection,
    (id, mail): (i64, &IncomingMail),
    found: &IncomingReport,
    report: Option<i64>,
) -> rusqlite::Result<bool> {
    let IncomingReport::Read { standing, .. } = found else {
        return Ok(false);
    };
    let (Some(reporter), Some(report), Some(_)) = (&standing.waits_for, report, &mail.raw) else {
        return Ok(false);
    };
    let n_waiting = db
        .prepare_cached(
            "INSERT INTO waiting (mail, reporter, tries)
             SELECT :mail, :reporter, 0 FROM report
             WHERE id = :report AND authentication NOT IN ('dkim', 'trusted-mx')
             ON CONFLICT DO UPDATE SET reporter = reporter",
        )?
        .execute(named_params! { ":mail": id, ":reporter": reporter, ":report": report })?;
    Ok(n_waiting > 0)
}

impl Store {
    /// Some mails of a mailbox, or of an import, that are to be judged again: one of each organisation whose key is asked
    /// for, then a second of each, so that nobody's many keep others waiting. Of these first those whom we know, then
    /// those that were tried least.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn temporary_mails(&mut self, source: &str, at_most: u32) -> Result<Vec<TemporaryMail>, StoreError> {
        if !any_waits(&self.db)? {
            return Ok(Vec::new());
        }
        let tx = self.begin()?;
        let chosen: Vec<i64> = tx
            .prepare_cached(
                "SELECT mail FROM (
                     SELECT waiting.mail, waiting.tries,
                            EXISTS (SELECT 1 FROM arrival
                                    WHERE arrival.reporter = waiting.reporter AND arrival.is_proven) AS is_known,
                            row_number() OVER (PARTITION BY waiting.reporter ORDER BY waiting.tries, waiting.mail) AS turn
                     FROM waiting JOIN mail ON mail.id = waiting.mail JOIN raw_mail ON raw_mail.mail = mail.id
                     WHERE mail.source IN (:source, 'import'))
                 ORDER BY turn, is_known DESC, tries, mail LIMIT :at_most",
            )?
            .query_map(named_params! { ":source": source, ":at_most": at_most }, |row| {
                row.get(0)
            })?
            .collect::<rusqlite::Result<_>>()?;
        let (mut mails, mut n_bytes) = (Vec::new(), 0_usize);
        for id in chosen {
            if n_bytes >= MAX_RAW_AT_A_TIME {
                break;
            }
            let mail = waiting_mail(&tx, id)?;
            n_bytes = n_bytes.saturating_add(mail.raw.len());
            mails.push(mail);
            tx.prepare_cached("UPDATE waiting SET tries = tries + 1 WHERE mail = :mail")?
                .execute(named_params! { ":mail": id })?;
        }
        tx.commit()?;
        Ok(mails)
    }

    /// Puts what a mail was judged to be now in the place of what was open, unless it still is; gives how many reports
    /// count now.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database; then the mail is as before.
    pub fn judge_again(
        &mut self,
        mail: i64,
        incoming: &IncomingMail,
        retention: Span,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let is_open = match &incoming.content {
            Content::Reports(reports) => reports.iter().any(|report| match report {
                IncomingReport::Read { standing, .. } => standing.waits_for.is_some(),
                IncomingReport::Rejected(_) => false,
            }),
            Content::NotAReport | Content::Rejected(_) => false,
        };
        if is_open {
            return Ok(0);
        }
        let terms = self.terms(retention, now);
        let tx = self.begin()?;
        let newest = "SELECT coalesce(max(id), 0) FROM report";
        let before: i64 = tx.query_row(newest, (), |row| row.get(0))?;
        reread(&tx, mail, incoming, &terms)?;
        let n_counted: i64 = tx.query_row(
            "SELECT count(*) FROM report WHERE id > :before AND status = 'counted'",
            named_params! { ":before": before },
            |row| row.get(0),
        )?;
        tx.commit()?;
        Ok(u64::try_from(n_counted).unwrap_or(0))
    }

    /// Leaves as they are the reports of mails read before `since` that could not be judged yet.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn give_up_temporary(&mut self, since: Timestamp) -> Result<(), StoreError> {
        let since = text(since);
        let reports: Vec<(i64, Option<i64>)> = self
            .db
            .prepare_cached(
                "SELECT id, mail FROM report
                 WHERE status = 'set-aside' AND authentication = 'temporary' AND stored_at < :since",
            )?
            .query_map(named_params! { ":since": since }, |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?
            .collect::<rusqlite::Result<_>>()?;
        let mails: Vec<i64> = self
            .db
            .prepare_cached(
                "SELECT mail.id FROM waiting CROSS JOIN mail ON mail.id = waiting.mail WHERE mail.processed_at < :since",
            )?
            .query_map(named_params! { ":since": since }, |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        if reports.is_empty() && mails.is_empty() {
            return Ok(());
        }
        let tx = self.begin()?;
        for (report, _) in &reports {
            tx.execute(
                "UPDATE report SET authentication = 'failed',
                     authentication_reason = 'given up after three days: ' || coalesce(authentication_reason, '')
                 WHERE id = :report",
                named_params! { ":report": report },
            )?;
        }
        for mail in mails
            .into_iter()
            .chain(reports.into_iter().filter_map(|(_, mail)| mail))
        {
            tx.execute(
                "DELETE FROM waiting WHERE mail = :mail",
                named_params! { ":mail": mail },
            )?;
            // What was rejected in it may be read after an upgrade.
            tx.execute(
                "DELETE FROM raw_mail WHERE mail = :mail AND NOT EXISTS (
                     SELECT 1 FROM mail_report WHERE mail_report.mail = raw_mail.mail AND outcome = 'rejected')",
                named_params! { ":mail": mail },
            )?;
            settle(&tx, mail)?;
        }
        tx.commit()?;
        Ok(())
    }
}

fn any_waits(db: &Connection) -> rusqlite::Result<bool> {
    db.prepare_cached("SELECT EXISTS (SELECT 1 FROM waiting)")?
        .query_row((), |row| row.get(0))
}

fn waiting_mail(db: &Connection, id: i64) -> rusqlite::Result<TemporaryMail> {
    db.prepare_cached(
        "SELECT mail.*, raw_mail.bytes FROM mail JOIN raw_mail ON raw_mail.mail = mail.id WHERE mail.id = :id",
    )?
    .query_row(named_params! { ":id": id }, |row| {
        Ok(TemporaryMail {
            id,
            origin: origin_of(row)?,
            raw: row.get("bytes")?,
        })
    })
}
