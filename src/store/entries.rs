//! The entries of a report, with the failures and failure types that they show.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{CachedStatement, Connection, OptionalExtension, named_params, params};

use super::batch::Batch;
use super::keys::{Said, Shown};
use super::record_report::as_json;
use super::sums::Share;
use crate::report::{FailureDetails, PolicyResult, ResultType};

pub(super) const FIND_POLICY: &str =
    "SELECT id FROM policy WHERE policy_domain = ? AND policy_type = ? AND policy_string = ? AND mx_host = ?";

fn policy<'a>(batch: &mut Batch<'a>, result: &'a PolicyResult) -> rusqlite::Result<i64> {
    let policy = &result.policy;
    if let Some(known) = batch.policies.get(policy) {
        return Ok(*known);
    }
    let db = batch.db;
    let policy_string = as_json(&policy.policy_string);
    let mx_host = as_json(&policy.mx_host);
    let row = [
        policy.policy_domain.as_deref().unwrap_or_default(),
        policy.policy_type.as_str(),
        &policy_string,
        &mx_host,
    ];
    let find = batch.statements.find_policy.get(db)?;
    let known = find.query_row(row, |row| row.get(0)).optional()?;
    let id = if let Some(known) = known {
        known
    } else {
        let [domain, policy_type, policy_string, mx_host] = row;
        let mode = result.sts_mode().unwrap_or_default();
        db.prepare_cached(
            "INSERT INTO policy (policy_domain, policy_type, sts_mode, policy_string, mx_host)
             VALUES (?, ?, ?, ?, ?)",
        )?
        .execute([domain, policy_type, &mode, policy_string, mx_host])?;
        db.last_insert_rowid()
    };
    batch.policies.insert(policy, id);
    Ok(id)
}

/// A count as SQLite keeps it; reports over its range were made unreadable when they were parsed.
fn count(count: Option<u64>) -> Option<i64> {
    count.and_then(|count| i64::try_from(count).ok())
}

pub(super) const INSERT_POLICY_RESULT: &str =
    "INSERT INTO policy_result (report, policy, successful, failed, domain_ok, domain_failed, domain_unreadable)
     VALUES (?, ?, ?, ?, ?, ?, ?)";

/// Records an element of "policies", with its failures. `day` is the report's if that counts.
pub(super) fn policy_result<'a>(
    batch: &mut Batch<'a>,
    report: i64,
    (result, share): (&'a PolicyResult, Option<Share>),
    day: Option<&str>,
) -> rusqlite::Result<()> {
    let policy = policy(batch, result)?;
    let db = batch.db;
    batch.statements.insert_policy_result.get(db)?.execute((
        report,
        policy,
        count(result.successful),
        count(result.failed),
        share.map(|share| share.ok),
        share.map(|share| share.failed),
        share.map(|share| share.unreadable),
    ))?;
    if result.failure_details.is_empty() && result.failed == Some(0) {
        return Ok(());
    }
    let statements = &mut batch.statements;
    let mut failures = Failures {
        policy_result: db.last_insert_rowid(),
        report,
        policy,
        result,
        day,
        now: &batch.now,
        shown: &mut batch.shown,
        known: HashMap::new(),
        types: BTreeMap::new(),
        insert: statements.insert_failure.get(db)?,
        find_type: statements.find_type.get(db)?,
        insert_type: statements.insert_type.get(db)?,
        widen_type: statements.widen_type.get(db)?,
        db,
    };
    for details in &result.failure_details {
        failures.add(Some(details))?;
    }
    // Failures that no detail accounts for.
    let accounted = result
        .failure_details
        .iter()
        .any(|details| details.failed_session_count != Some(0));
    if !accounted && result.failed != Some(0) {
        failures.add(None)?;
    }
    Ok(())
}

/// `unspecified`: the type of a failure whose kind the report doesn't say.
pub(super) const UNSPECIFIED: &str = "unspecified";
/// Most combinations of result type, MX and reason that are remembered in a policy result; most use a few.
const MAX_KNOWN: usize = 4096;

// A report may have 100,000 details with an MX each.
pub(super) const INSERT_FAILURE: &str =
    "INSERT INTO failure (policy_result, failure_type, problem, detail, result_type, sending_mta_ip,
                          receiving_mx_hostname, receiving_mx_helo, receiving_ip, failed_session_count,
                          failure_reason_code, additional_information)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
pub(super) const FIND_TYPE: &str = "SELECT id FROM failure_type
     WHERE policy_domain = ? AND policy_type = ? AND result_type = ? AND receiving_mx_hostname = ?";
pub(super) const INSERT_TYPE: &str =
    "INSERT INTO failure_type (policy_domain, policy_type, result_type, receiving_mx_hostname,
                               first_day, last_day, first_stored_at)
     VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6)";
pub(super) const WIDEN_TYPE: &str = "UPDATE failure_type
     SET first_day = iif(first_day = '', ?2, min(first_day, ?2)), last_day = max(last_day, ?2)
     WHERE id = ?1 AND (first_day = '' OR first_day > ?2 OR last_day < ?2)";

/// Records the failures of one policy result.
struct Failures<'s, 'a> {
    db: &'a Connection,
    policy_result: i64,
    report: i64,
    policy: i64,
    result: &'a PolicyResult,
    /// The report's day if that counts.
    day: Option<&'s str>,
    now: &'s str,
    shown: &'s mut Shown,
    /// Failure type and problem by result type, MX and reason.
    known: HashMap<[Option<&'a str>; 3], (i64, i64)>,
    /// Failure types by result type and MX: most details of a report share a few.
    types: BTreeMap<(&'a str, &'a str), i64>,
    insert: &'s mut CachedStatement<'a>,
    find_type: &'s mut CachedStatement<'a>,
    insert_type: &'s mut CachedStatement<'a>,
    widen_type: &'s mut CachedStatement<'a>,
}

impl<'a> Failures<'_, 'a> {
    fn add(&mut self, details: Option<&'a FailureDetails>) -> rusqlite::Result<()> {
        let failed = details.map_or(self.result.failed, |details| details.failed_session_count);
        let shows = if failed == Some(0) {
            None
        } else {
            Some(self.shows(details)?)
        };
        let none = FailureDetails::default();
        let row = details.unwrap_or(&none);
        self.insert.execute(params![
            self.policy_result,
            shows.map(|(failure_type, _)| failure_type),
            shows.map(|(_, problem)| problem),
            details.is_some(),
            row.result_type.as_ref().map(ResultType::as_str),
            row.sending_mta_ip,
            row.receiving_mx_hostname,
            row.receiving_mx_helo,
            row.receiving_ip,
            count(failed),
            row.failure_reason_code,
            row.additional_information,
        ])?;
        Ok(())
    }

    /// The failure type and the problem that a failure shows.
    fn shows(&mut self, details: Option<&'a FailureDetails>) -> rusqlite::Result<(i64, i64)> {
        let result_type = details.and_then(|details| details.result_type.as_ref());
        let said = Said {
            report: self.report,
            result_type: result_type.map(ResultType::as_str),
            mx: details.and_then(|details| details.receiving_mx_hostname.as_deref()),
            reason: details.and_then(|details| details.failure_reason_code.as_deref()),
        };
        let names = [said.result_type, said.mx, said.reason];
        if let Some(known) = self.known.get(&names) {
            return Ok(*known);
        }
        let failure_type = self.failure_type(said.result_type, said.mx)?;
        let problem = self.shown.number(self.db, self.policy, &said)?;
        if self.known.len() < MAX_KNOWN {
            self.known.insert(names, (failure_type, problem));
        }
        Ok((failure_type, problem))
    }

    /// Finds or makes a failure type, and widens its days by the report's if that counts.
    fn failure_type(&mut self, result_type: Option<&'a str>, mx: Option<&'a str>) -> rusqlite::Result<i64> {
        let names = (result_type.unwrap_or(UNSPECIFIED), mx.unwrap_or_default());
        if let Some(known) = self.types.get(&names) {
            return Ok(*known);
        }
        let policy = &self.result.policy;
        let domain = policy.policy_domain.as_deref().unwrap_or_default();
        let policy_type = policy.policy_type.as_str();
        let known = self
            .find_type
            .query_row((domain, policy_type, names.0, names.1), |row| row.get(0))
            .optional()?;
        let id = match (known, self.day) {
            (Some(id), Some(day)) => {
                self.widen_type.execute((id, day))?;
                id
            }
            (Some(id), None) => id,
            (None, day) => {
                // A type that only reports in conflict show has no days, and no view shows it.
                let day = day.unwrap_or_default();
                self.insert_type
                    .execute((domain, policy_type, names.0, names.1, day, self.now))?;
                self.db.last_insert_rowid()
            }
        };
        self.types.insert(names, id);
        Ok(id)
    }
}

/// Takes a report that no longer counts out of the days of its failure types.
pub(super) fn discount(db: &Connection, report: i64) -> rusqlite::Result<()> {
    let failure_types: Vec<i64> = db
        .prepare_cached(
            "SELECT DISTINCT failure.failure_type FROM failure
             JOIN policy_result ON policy_result.id = failure.policy_result
             WHERE policy_result.report = :report AND failure.failure_type IS NOT NULL",
        )?
        .query_map(named_params! { ":report": report }, |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for failure_type in failure_types {
        count_days(db, failure_type)?;
    }
    Ok(())
}

/// Derives the days of a failure type anew from the reports that count and those that retention removed.
pub(super) fn count_days(db: &Connection, failure_type: i64) -> rusqlite::Result<()> {
    db.prepare_cached(
        "UPDATE failure_type SET (first_day, last_day) = (
             SELECT coalesce(min(day), ''), coalesce(max(day), '') FROM (
                 SELECT other.day FROM failure
                 JOIN policy_result ON policy_result.id = failure.policy_result
                 JOIN report AS other ON other.id = policy_result.report AND other.status = 'counted'
                 WHERE failure.failure_type = failure_type.id
                 UNION ALL SELECT failure_type.expired_first_day WHERE failure_type.expired_first_day IS NOT NULL
                 UNION ALL SELECT failure_type.expired_last_day WHERE failure_type.expired_last_day IS NOT NULL))
         WHERE id = :failure_type",
    )?
    .execute(named_params! { ":failure_type": failure_type })?;
    Ok(())
}
