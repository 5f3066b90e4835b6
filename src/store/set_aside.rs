//! Reports that don't count because their origin isn't proven: accepted.

use jiff::Timestamp;
use rusqlite::{Connection, named_params};

use super::elect::elect;
use super::record::settle_mails_of;
use super::{Store, StoreError};
use crate::config::DomainsConfig;

/// Which reports are accepted.
#[derive(Debug, Clone, Copy)]
pub enum Accept<'a> {
    /// Those of a mail, by its id in `mails`.
    Mail(i64),
    /// Those of a reporter, by a domain of its.
    Reporter(&'a str),
}

impl Store {
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
    // Of what was judged for good nothing is judged again; what was rejected, or waits for a name server, still is.
    db.execute(
        "DELETE FROM raw_mail
         WHERE mail = (SELECT mail FROM report WHERE id = :id)
           AND NOT EXISTS (SELECT 1 FROM waiting WHERE waiting.mail = raw_mail.mail)
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
