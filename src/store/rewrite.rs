//! Reading stored reports again after an upgrade, in place.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, named_params};
use serde_json::json;

use super::batch::Batch;
use super::elect::{elect, failure_types};
use super::entries::count_days;
use super::record::settle;
use super::{Store, StoreError, moment, record_report};
use crate::authenticate::organisation;
use crate::report::Parsed;

/// A stored report as it is to be read again.
#[derive(Debug, Clone)]
pub struct StoredReport {
    /// Its id in `reports_all`.
    pub id: i64,
    /// As sent.
    pub json: String,
    /// Names of the tolerances that reading it needed.
    pub deviations: Vec<String>,
    /// Its reporter.
    pub submitter: String,
    /// The domain that is proven to have signed it.
    pub signing_domain: Option<String>,
    /// Start of the period.
    pub start: Timestamp,
    /// End of the period.
    pub end: Timestamp,
    /// Domains of its entries, in order; `""` where absent.
    pub domains: Vec<String>,
}

/// What reading a report again came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rewritten {
    /// All of it stands as before.
    Same,
    /// Something in it is read otherwise now.
    Changed,
    /// It turned out to be the same as this other report, and is gone.
    Merged(i64),
}

impl Store {
    /// The stored report with the smallest id above `after`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn stored_report_after(&self, after: i64) -> Result<Option<StoredReport>, StoreError> {
        let report = self
            .db
            .prepare_cached(
                "SELECT id, json, deviations, submitter, start_datetime, end_datetime, signing_domain FROM reports_all
                 WHERE id = (SELECT min(report) FROM report_json WHERE report > :after)",
            )?
            .query_row(named_params! { ":after": after }, |row| {
                let time = |text: &str| moment(text).unwrap_or(Timestamp::UNIX_EPOCH);
                Ok(StoredReport {
                    id: row.get(0)?,
                    json: row.get(1)?,
                    deviations: serde_json::from_str(row.get_ref(2)?.as_str()?).unwrap_or_default(),
                    submitter: row.get(3)?,
                    signing_domain: row.get(6)?,
                    start: time(row.get_ref(4)?.as_str()?),
                    end: time(row.get_ref(5)?.as_str()?),
                    domains: Vec::new(),
                })
            })
            .optional()?;
        let Some(mut report) = report else { return Ok(None) };
        report.domains = self
            .db
            .prepare_cached(
                "SELECT policy.policy_domain FROM policy_result JOIN policy ON policy.id = policy_result.policy
                 WHERE policy_result.report = :report ORDER BY policy_result.id",
            )?
            .query_map(named_params! { ":report": report.id }, |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        Ok(Some(report))
    }

    /// Puts what was read again in the place of a stored report, if it differs, in one transaction: its entries, which
    /// of its rivals counts, and the days of the failure types. What digests have told of its failures stays told.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database; then the report is as before.
    pub fn rewrite_report(
        &mut self,
        report: i64,
        parsed: &Parsed,
        deviations: &BTreeSet<String>,
        submitter: &str,
        now: Timestamp,
    ) -> Result<Rewritten, StoreError> {
        let mut tx = self.begin()?;
        let savepoint = tx.savepoint()?;
        let rewritten = rewrite(&savepoint, report, parsed, deviations, submitter, now)?;
        if rewritten == Rewritten::Same {
            drop(savepoint); // rolls back
        } else {
            savepoint.commit()?;
        }
        tx.commit()?;
        Ok(rewritten)
    }
}

fn rewrite(
    db: &Connection,
    report: i64,
    parsed: &Parsed,
    deviations: &BTreeSet<String>,
    submitter: &str,
    now: Timestamp,
) -> rusqlite::Result<Rewritten> {
    let before = picture(db, report)?;
    let (identity, content) = record_report::hashes(parsed, &organisation(submitter));
    let twin: Option<i64> = db
        .query_row(
            "SELECT id FROM report
             WHERE identity = :identity AND status = 'counted' AND content = :content AND id <> :report
             UNION ALL
             SELECT id FROM report
             WHERE identity = :identity AND status <> 'counted' AND content = :content AND id <> :report",
            named_params! { ":identity": identity, ":content": content, ":report": report },
            |row| row.get(0),
        )
        .optional()?;
    let old_identity: Vec<u8> = db.query_row(
        "SELECT identity FROM report WHERE id = :report",
        named_params! { ":report": report },
        |row| row.get(0),
    )?;
    let old_types = failure_types(db, report)?;
    db.execute(
        "DELETE FROM policy_result WHERE report = :report",
        named_params! { ":report": report },
    )?;
    if let Some(twin) = twin {
        merge(db, report, twin)?;
    } else {
        let deviations = json!(deviations).to_string();
        Batch::run(db, now, |batch| {
            record_report::update(batch, report, parsed, &deviations, submitter)
        })?;
    }
    elect(db, &old_identity)?;
    elect(db, &identity)?;
    let new_types = failure_types(db, report)?;
    keep_told(db, &old_types, &new_types)?;
    for failure_type in old_types.union(&new_types) {
        count_days(db, *failure_type)?;
    }
    Ok(match twin {
        Some(twin) => Rewritten::Merged(twin),
        None if picture(db, report)? == before => Rewritten::Same,
        None => Rewritten::Changed,
    })
}

/// Everything that users see of a report, as text to compare.
fn picture(db: &Connection, report: i64) -> rusqlite::Result<Vec<String>> {
    db.prepare_cached(
        "SELECT json_array(sender, report_id, start_datetime, end_datetime, deviations, status, sessions,
                           hex(identity), hex(content)) AS line, 0 AS part, 0 AS id
         FROM report WHERE id = :report
         UNION ALL
         SELECT json_array(policy.id, policy.sts_mode, policy_result.successful, policy_result.failed), 1,
                policy_result.id
         FROM policy_result JOIN policy ON policy.id = policy_result.policy WHERE policy_result.report = :report
         UNION ALL
         SELECT json_array(failure_type, detail, result_type, sending_mta_ip, receiving_mx_hostname,
                           receiving_mx_helo, receiving_ip, failed_session_count, failure_reason_code,
                           additional_information,
                           dense_rank() OVER (ORDER BY policy_result)), 2, failure.id
         FROM failure WHERE policy_result IN (SELECT id FROM policy_result WHERE report = :report)
         ORDER BY 2, 3",
    )?
    .query_map(named_params! { ":report": report }, |row| row.get(0))?
    .collect()
}

/// A report that is now the same as another: mails point to that one, and it goes.
fn merge(db: &Connection, report: i64, twin: i64) -> rusqlite::Result<()> {
    let mails: Vec<i64> = db
        .prepare("SELECT mail FROM mail_report WHERE report = :report")?
        .query_map(named_params! { ":report": report }, |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    // What counts, and what is proven, isn't lost with the row.
    db.execute(
        "UPDATE report SET status = 'conflict', aside = '', authentication = gone.authentication,
             signing_domain = gone.signing_domain, authentication_reason = gone.authentication_reason,
             set_free = gone.set_free
         FROM report AS gone
         WHERE report.id = :twin AND gone.id = :report AND report.status = 'set-aside' AND gone.status <> 'set-aside'",
        named_params! { ":twin": twin, ":report": report },
    )?;
    db.execute(
        "UPDATE mail_report SET report = :twin, outcome = 'duplicate' WHERE report = :report",
        named_params! { ":twin": twin, ":report": report },
    )?;
    db.execute(
        "DELETE FROM report WHERE id = :report",
        named_params! { ":report": report },
    )?;
    for mail in mails {
        settle(db, mail)?;
    }
    Ok(())
}

/// A failure that is only called otherwise now is no news: it takes over what digests told of its old name.
fn keep_told(db: &Connection, old: &BTreeSet<i64>, new: &BTreeSet<i64>) -> rusqlite::Result<()> {
    let gone: Vec<i64> = old.difference(new).copied().collect();
    for failure_type in new.difference(old) {
        db.execute(
            "UPDATE failure_type SET (announced, announced_at) = (
                 SELECT announced, announced_at FROM failure_type AS before
                 WHERE before.id IN (SELECT value FROM json_each(:gone)) AND before.announced_at IS NOT NULL
                 ORDER BY before.policy_domain = failure_type.policy_domain DESC, before.announced_at LIMIT 1)
             WHERE id = :id AND announced_at IS NULL",
            named_params! { ":gone": json!(gone).to_string(), ":id": failure_type },
        )?;
    }
    Ok(())
}
