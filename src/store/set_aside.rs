//! Reports that don't count because their origin isn't proven: judged again, accepted.

use jiff::Timestamp;
use rusqlite::{Connection, named_params};

use super::elect::elect;
use super::incoming::{Content, IncomingMail, IncomingReport};
use super::mails::origin_of;
use super::record::{settle, settle_mails_of};
use super::reread::reread;
use super::{Origin, Store, StoreError, text};
use crate::config::{DomainsConfig, Span};

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

/// Which reports are accepted.
#[derive(Debug, Clone, Copy)]
pub enum Accept<'a> {
    /// Those of a mail, by its id in `mails`.
    Mail(i64),
    /// Those of a reporter, by a domain of its.
    Reporter(&'a str),
}

impl Store {
    /// Some mails of a mailbox, or of an import, that are to be judged again.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn temporary_mails(&self, source: &str, at_most: u32) -> Result<Vec<TemporaryMail>, StoreError> {
        let mut statement = self.db.prepare_cached(
            "WITH chosen AS MATERIALIZED (
                 SELECT mail.id FROM mail JOIN raw_mail ON raw_mail.mail = mail.id
                 WHERE mail.source IN (:source, 'import')
                   AND mail.id IN (SELECT mail FROM report
                                   WHERE status = 'set-aside' AND authentication = 'temporary')
                 ORDER BY random() LIMIT :at_most)
             SELECT mail.*, raw_mail.bytes FROM chosen CROSS JOIN mail ON mail.id = chosen.id
             CROSS JOIN raw_mail ON raw_mail.mail = mail.id",
        )?;
        let mut rows = statement.query(named_params! { ":source": source, ":at_most": at_most })?;
        let (mut mails, mut n_bytes) = (Vec::new(), 0_usize);
        while n_bytes < MAX_RAW_AT_A_TIME
            && let Some(row) = rows.next()?
        {
            let raw: Vec<u8> = row.get("bytes")?;
            n_bytes = n_bytes.saturating_add(raw.len());
            mails.push(TemporaryMail {
                id: row.get("id")?,
                origin: origin_of(row)?,
                raw,
            });
        }
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
                IncomingReport::Read { standing, .. } => standing.authentication == "temporary",
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
        let find = "SELECT id, mail FROM report
                    WHERE status = 'set-aside' AND authentication = 'temporary' AND stored_at < :since";
        let old: Vec<(i64, Option<i64>)> = self
            .db
            .prepare_cached(find)?
            .query_map(named_params! { ":since": text(since) }, |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?
            .collect::<rusqlite::Result<_>>()?;
        if old.is_empty() {
            return Ok(());
        }
        let tx = self.begin()?;
        for (report, mail) in old {
            tx.execute(
                "UPDATE report SET authentication = 'failed',
                     authentication_reason = 'given up after three days: ' || coalesce(authentication_reason, '')
                 WHERE id = :report",
                named_params! { ":report": report },
            )?;
            if let Some(mail) = mail {
                tx.execute(
                    "DELETE FROM raw_mail WHERE mail = :mail",
                    named_params! { ":mail": mail },
                )?;
                settle(&tx, mail)?;
            }
        }
        tx.commit()?;
        Ok(())
    }

    /// Lets reports count that were set aside; gives how many there were, and how many of them count now: another of
    /// its identity may count in the place of one. They get new ids, so that the next digest covers them.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database; then all is as before.
    pub fn accept(
        &mut self,
        which: Accept<'_>,
        now: Timestamp,
        domains: &DomainsConfig,
    ) -> Result<(u64, u64), StoreError> {
        let tx = self.begin()?;
        let (mail, reporter) = match which {
            Accept::Mail(mail) => (Some(mail), None),
            Accept::Reporter(domain) => (None, Some(crate::authenticate::organisation(domain))),
        };
        let reports: Vec<(i64, Vec<u8>, String)> = tx
            .prepare(
                "SELECT report.id, report.identity, sender.submitter FROM report JOIN sender ON sender.id = report.sender
                 WHERE report.status = 'set-aside'
                   AND (:mail IS NULL OR report.id IN (SELECT report FROM mail_report WHERE mail = :mail))
                 ORDER BY report.id",
            )?
            .query_map(named_params! { ":mail": mail }, |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?
            .collect::<rusqlite::Result<_>>()?;
        let (mut n_found, mut n_counted) = (0_u64, 0_u64);
        for (report, identity, submitter) in reports {
            let is_wanted = reporter
                .as_ref()
                .is_none_or(|reporter| crate::authenticate::organisation(&submitter) == *reporter);
            if !is_wanted {
                continue;
            }
            n_found = n_found.saturating_add(1);
            n_counted = n_counted.saturating_add(u64::from(let_count(&tx, report, &identity)?));
        }
        tx.commit()?;
        let tally = super::Tally {
            stored: n_counted,
            ..super::Tally::default()
        };
        self.assess_new(&tally, now, domains);
        Ok((n_found, n_counted))
    }
}

/// Lets a report count unless another of its identity does; whether it does.
pub(super) fn let_count(db: &Connection, report: i64, identity: &[u8]) -> rusqlite::Result<bool> {
    let id = renew(db, report)?;
    db.execute(
        "UPDATE report SET status = 'conflict', aside = '' WHERE id = :id",
        named_params! { ":id": id },
    )?;
    elect(db, identity)?;
    settle_mails_of(db, id)?;
    // Of what was judged for good nothing is judged again; what was rejected still is.
    db.execute(
        "DELETE FROM raw_mail
         WHERE mail = (SELECT mail FROM report WHERE id = :id)
           AND NOT EXISTS (SELECT 1 FROM mail_reports
                           WHERE mail_reports.mail = raw_mail.mail AND outcome IN ('rejected', 'set-aside'))",
        named_params! { ":id": id },
    )?;
    db.query_row(
        "SELECT status = 'counted' FROM report WHERE id = :id",
        named_params! { ":id": id },
        |row| row.get(0),
    )
}

/// Gives a report a new id, so that the next digest covers it.
pub(super) fn renew(db: &Connection, report: i64) -> rusqlite::Result<i64> {
    db.execute_batch("PRAGMA defer_foreign_keys = ON")?;
    let id: i64 = db.query_row(
        "SELECT max((SELECT coalesce(max(id), 0) FROM report),
                    (SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'report')) + 1",
        (),
        |row| row.get(0),
    )?;
    db.execute(
        "UPDATE report SET id = :id WHERE id = :report",
        named_params! { ":id": id, ":report": report },
    )?;
    db.execute(
        "UPDATE sqlite_sequence SET seq = :id WHERE name = 'report'",
        named_params! { ":id": id },
    )?;
    for table in ["policy_result", "report_json", "mail_report"] {
        db.execute(
            &format!("UPDATE {table} SET report = :id WHERE report = :report"),
            named_params! { ":id": id, ":report": report },
        )?;
    }
    Ok(id)
}
