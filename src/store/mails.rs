//! Mails and what became of them.

use rusqlite::{Row, named_params};
use serde::Serialize;
use serde_json::json;

use super::{Origin, Store, StoreError, moment};

/// What is asked about mails.
#[derive(Debug, Clone, Copy)]
pub struct MailQuestion<'a> {
    /// Only mails that have this outcome, or in which a report has it; empty: every mail.
    pub outcomes: &'a [&'a str],
    /// At most so many, the newest first.
    pub at_most: u32,
}

/// A mail or file that was read; `mails --format json` has these fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListedMail {
    /// Id in `mails`.
    pub id: i64,
    /// The mailbox's name, or `import`.
    pub source: String,
    /// The folder, if it came from one.
    pub folder: Option<String>,
    /// How to find it again.
    pub locator: String,
    /// Message-ID.
    pub message_id: Option<String>,
    /// RFC 3339, UTC.
    pub received_at: Option<String>,
    /// RFC 3339, UTC.
    pub processed_at: String,
    /// Its size in bytes.
    pub size_bytes: i64,
    /// What became of it.
    pub outcome: String,
    /// Why it, or the first report in it that has a reason, was not stored.
    pub reason: Option<String>,
    /// Whether its bytes are kept, so that `reparse` needs no server.
    pub kept: bool,
    /// The reports found in it, in order.
    pub reports: Vec<ListedReport>,
}

/// A report found in a mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListedReport {
    /// Id in `reports_all`, if it is kept.
    pub report: Option<i64>,
    /// What became of it.
    pub outcome: String,
    /// Why it was not stored.
    pub reason: Option<String>,
    /// For a report in conflict: the one that counts instead.
    pub counted: Option<i64>,
}

impl Store {
    /// The newest mails that `question` asks for, and how many there are in all.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn list_mails(&self, question: MailQuestion<'_>) -> Result<(Vec<ListedMail>, u64), StoreError> {
        let outcomes = json!(question.outcomes).to_string();
        let n_mails: i64 = self.db.query_row(
            "SELECT count(*) FROM mail
             WHERE :outcomes = '[]' OR outcome IN (SELECT value FROM json_each(:outcomes))
                OR EXISTS (SELECT 1 FROM mail_reports WHERE mail_reports.mail = mail.id
                           AND mail_reports.outcome IN (SELECT value FROM json_each(:outcomes)))",
            named_params! { ":outcomes": outcomes },
            |row| row.get(0),
        )?;
        let mut mails: Vec<ListedMail> = self
            .db
            .prepare(
                "SELECT mails.id, source, folder, locator, message_id, received_at, processed_at, size_bytes, outcome,
                        reason, EXISTS (SELECT 1 FROM raw_mail WHERE raw_mail.mail = mails.id)
                 FROM mails
                 WHERE :outcomes = '[]' OR outcome IN (SELECT value FROM json_each(:outcomes))
                    OR EXISTS (SELECT 1 FROM mail_reports WHERE mail_reports.mail = mails.id
                               AND mail_reports.outcome IN (SELECT value FROM json_each(:outcomes)))
                 ORDER BY mails.id DESC LIMIT :at_most",
            )?
            .query_map(
                named_params! { ":outcomes": outcomes, ":at_most": question.at_most },
                |row| {
                    Ok(ListedMail {
                        id: row.get(0)?,
                        source: row.get(1)?,
                        folder: row.get(2)?,
                        locator: row.get(3)?,
                        message_id: row.get(4)?,
                        received_at: row.get(5)?,
                        processed_at: row.get(6)?,
                        size_bytes: row.get(7)?,
                        outcome: row.get(8)?,
                        reason: row.get(9)?,
                        kept: row.get(10)?,
                        reports: Vec::new(),
                    })
                },
            )?
            .collect::<rusqlite::Result<_>>()?;
        for mail in &mut mails {
            mail.reports = self.listed_reports(mail.id)?;
        }
        Ok((mails, u64::try_from(n_mails).unwrap_or(0)))
    }

    fn listed_reports(&self, mail: i64) -> Result<Vec<ListedReport>, StoreError> {
        // The primary key gives the order of the mail.
        let reports = self
            .db
            .prepare_cached(
                "SELECT found.report, found.outcome, found.reason,
                        (SELECT other.id FROM report AS own
                         JOIN report AS other ON other.identity = own.identity AND other.status = 'counted'
                         WHERE own.id = found.report AND found.outcome = 'conflict')
                 FROM mail_reports AS found WHERE found.mail = :mail",
            )?
            .query_map(named_params! { ":mail": mail }, |row| {
                Ok(ListedReport {
                    report: row.get(0)?,
                    outcome: row.get(1)?,
                    reason: row.get(2)?,
                    counted: row.get(3)?,
                })
            })?
            .collect::<rusqlite::Result<_>>()?;
        Ok(reports)
    }
}

/// Where a mail came from, by its row in `mail`.
pub(super) fn origin_of(row: &Row<'_>) -> rusqlite::Result<Origin> {
    let received_at: Option<String> = row.get("received_at")?;
    Ok(Origin {
        source: row.get("source")?,
        folder: row.get("folder")?,
        uid_validity: row.get("uid_validity")?,
        uid: row.get("uid")?,
        base_name: None,
        locator: row.get("locator")?,
        received_at: received_at.as_deref().and_then(moment),
        size_bytes: u64::try_from(row.get::<_, i64>("size_bytes")?).unwrap_or(0),
        backfill: row.get("backfill")?,
    })
}
