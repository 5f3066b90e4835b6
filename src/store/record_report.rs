//! Records one report: duplicate, conflict or stored, with the failure types it shows.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::Timestamp;
use ring::digest::{Context, SHA256};
use rusqlite::{CachedStatement, Connection, OptionalExtension, named_params, params};
use serde_json::json;

use super::record::{Outcome, day_of, settle, settle_mails_of};
use super::sums::{self, Share};
use super::{Standing, text, texts};
use crate::authenticate::organisation;
use crate::report::{FailureDetails, Parsed, Policy, PolicyResult, ResultType};

/// Bytes of a hash that are kept; 128 bits leave no room for chance.
const HASH_BYTES: usize = 16;

/// A stored report of the same identity.
struct Known {
    id: i64,
    content: Vec<u8>,
    sessions: i64,
    status: String,
    is_proven: bool,
}

impl Known {
    /// What decides which of several counts: a proven origin, then more sessions, then the smaller hash, so that the
    /// order of arrival doesn't matter.
    fn weight(&self) -> (bool, i64, Reverse<&[u8]>) {
        (self.is_proven, self.sessions, Reverse(&self.content))
    }
}

fn known(db: &Connection, identity: &[u8]) -> rusqlite::Result<Vec<Known>> {
    db.prepare_cached(
        "SELECT id, content, sessions, status, authentication IN ('dkim', 'trusted-mx') FROM report
         WHERE identity = :identity",
    )?
    .query_map(named_params! { ":identity": identity }, |row| {
        Ok(Known {
            id: row.get(0)?,
            content: row.get(1)?,
            sessions: row.get(2)?,
            status: row.get(3)?,
            is_proven: row.get(4)?,
        })
    })?
    .collect()
}

/// Records a report found in a mail, and says what became of it and which row it is.
pub(super) fn record(
    db: &Connection,
    (mail, backfill): (i64, bool),
    (parsed, json): (&Parsed, &str),
    (submitter, standing): (&str, &Standing),
    now: Timestamp,
) -> rusqlite::Result<(Outcome, Option<i64>)> {
    let (identity, content) = hashes(parsed, submitter);
    let rivals = known(db, &identity)?;
    let mut links = Vec::new();
    if let Some(twin) = rivals.iter().find(|known| known.content == content) {
        if !standing.counts || twin.status != "set-aside" {
            learn(db, &identity, twin, standing)?;
            return Ok((Outcome::Duplicate, Some(twin.id)));
        }
        // It counts from now on, so it is news: a new row, which no digest has covered.
        links = take_out(db, twin.id)?;
    }
    let sessions = sessions(parsed);
    let is_proven = standing.signing_domain.is_some();
    let own = (is_proven, sessions, Reverse(content.as_slice()));
    let rival = rivals.iter().find(|known| known.status == "counted");
    let (outcome, status) = match rival {
        _ if !standing.counts => (Outcome::SetAside, "set-aside"),
        Some(rival) if rival.weight() > own => (Outcome::Conflict, loser(rival.is_proven, is_proven)),
        Some(_) | None => (Outcome::Stored, "counted"),
    };
    let beaten = rival.filter(|_| outcome == Outcome::Stored);
    if let Some(rival) = beaten {
        db.prepare_cached("UPDATE report SET status = :status WHERE id = :id")?
            .execute(named_params! { ":status": loser(is_proven, rival.is_proven), ":id": rival.id })?;
    }
    let row = Row {
        mail,
        backfill,
        status,
        sessions,
        standing,
    };
    let id = insert(db, &row, parsed, submitter, now)?;
    texts::keep(db, id, parsed, submitter, json)?;
    let day = day_of(parsed.report.start);
    sums::forget_month(db, &day)?;
    let counted_day = Some(day.as_str()).filter(|_| status == "counted");
    let policies = &parsed.report.policies;
    for (result, share) in policies.iter().zip(sums::shares(policies)) {
        policy_result(db, id, (result, share), counted_day, now)?;
    }
    if let Some(rival) = beaten {
        discount(db, rival.id)?;
        settle_mails_of(db, rival.id)?;
    }
    relink(db, &links, id)?;
    Ok((outcome, Some(id)))
}

/// What becomes of a report that another of its identity beats.
pub(super) fn loser(winner_is_proven: bool, is_proven: bool) -> &'static str {
    if winner_is_proven && !is_proven {
        "replaced"
    } else {
        "conflict"
    }
}

/// A copy of a known report may prove its origin, or say more about why it isn't proven.
fn learn(db: &Connection, identity: &[u8], twin: &Known, standing: &Standing) -> rusqlite::Result<()> {
    let is_proven = standing.signing_domain.is_some();
    if twin.is_proven || standing.authentication == "unchecked" || standing.authentication == "temporary" {
        return Ok(());
    }
    if !is_proven && twin.status != "set-aside" {
        return Ok(());
    }
    let changed = db
        .prepare_cached(
            "UPDATE report SET authentication = :authentication, signing_domain = :signing_domain,
                 authentication_reason = :reason
             WHERE id = :id AND (authentication = 'temporary' OR :is_proven)",
        )?
        .execute(named_params! {
            ":authentication": standing.authentication, ":signing_domain": standing.signing_domain,
            ":reason": standing.reason, ":id": twin.id, ":is_proven": is_proven,
        })?;
    if changed > 0 && is_proven {
        super::reparse::elect(db, identity)?;
    }
    Ok(())
}

/// Takes out a report that counts nowhere, to be put in again; gives the mails that it was found in.
fn take_out(db: &Connection, report: i64) -> rusqlite::Result<Vec<(i64, i64)>> {
    let links = db
        .prepare_cached("SELECT mail, ordinal FROM mail_report WHERE report = :report")?
        .query_map(named_params! { ":report": report }, |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    db.prepare_cached("DELETE FROM report WHERE id = :report")?
        .execute(named_params! { ":report": report })?;
    Ok(links)
}

/// Lets mails that had a report before point at its new row.
fn relink(db: &Connection, links: &[(i64, i64)], report: i64) -> rusqlite::Result<()> {
    for (mail, ordinal) in links {
        db.prepare_cached(
            "UPDATE mail_report SET report = :report, outcome = 'duplicate' WHERE mail = :mail AND ordinal = :ordinal",
        )?
        .execute(named_params! { ":report": report, ":mail": mail, ":ordinal": ordinal })?;
        settle(db, *mail)?;
    }
    Ok(())
}

/// What a report's row has beside the report.
struct Row<'a> {
    mail: i64,
    backfill: bool,
    status: &'a str,
    sessions: i64,
    standing: &'a Standing,
}

/// Inserts the row of a report.
fn insert(
    db: &Connection,
    row: &Row<'_>,
    parsed: &Parsed,
    submitter: &str,
    now: Timestamp,
) -> rusqlite::Result<i64> {
    let report = &parsed.report;
    let (identity, content) = hashes(parsed, submitter);
    db.prepare_cached(
        "INSERT INTO report (mail, sender, report_id, start_datetime, end_datetime, day, stored_at, authentication,
                             signing_domain, authentication_reason, deviations, status, backfill, sessions, identity,
                             content)
         VALUES (:mail, :sender, :report_id, :start, :end, :day, :stored_at, :authentication, :signing_domain,
                 :reason, :deviations, :status, :backfill, :sessions, :identity, :content)",
    )?
    .execute(named_params! {
        ":mail": row.mail,
        ":sender": sender(db, submitter, report.organization_name.as_deref(), report.contact_info.as_deref())?,
        ":report_id": report.report_id,
        ":start": text(report.start),
        ":end": text(report.end),
        ":day": day_of(report.start),
        ":stored_at": text(now),
        ":authentication": row.standing.authentication,
        ":signing_domain": row.standing.signing_domain,
        ":reason": row.standing.reason,
        ":deviations": json!(parsed.deviations).to_string(),
        ":status": row.status,
        ":backfill": row.backfill,
        ":sessions": row.sessions,
        ":identity": identity,
        ":content": content,
    })?;
    Ok(db.last_insert_rowid())
}

/// The part of a hash that is kept.
pub(super) fn short(hash: &[u8; 32]) -> &[u8] {
    hash.get(..HASH_BYTES).unwrap_or(hash)
}

/// All sessions of a report, as a measure of how much it says.
fn sessions(parsed: &Parsed) -> i64 {
    let counts = parsed
        .report
        .policies
        .iter()
        .flat_map(|result| [result.successful, result.failed]);
    let sum = counts.flatten().fold(0_u64, u64::saturating_add);
    i64::try_from(sum).unwrap_or(i64::MAX)
}

fn sender(
    db: &Connection,
    submitter: &str,
    organization_name: Option<&str>,
    contact_info: Option<&str>,
) -> rusqlite::Result<i64> {
    let (organization_name, contact_info) = (
        organization_name.unwrap_or_default(),
        contact_info.unwrap_or_default(),
    );
    let known = db
        .prepare_cached(
            "SELECT id FROM sender WHERE submitter = :submitter AND organization_name = :organization_name
             AND contact_info = :contact_info",
        )?
        .query_row(
            named_params! {
                ":submitter": submitter, ":organization_name": organization_name, ":contact_info": contact_info,
            },
            |row| row.get(0),
        )
        .optional()?;
    if let Some(known) = known {
        return Ok(known);
    }
    db.prepare_cached(
        "INSERT INTO sender (submitter, organization_name, contact_info)
         VALUES (:submitter, :organization_name, :contact_info)",
    )?
    .execute(named_params! {
        ":submitter": submitter, ":organization_name": organization_name, ":contact_info": contact_info,
    })?;
    Ok(db.last_insert_rowid())
}

fn policy(db: &Connection, policy: &Policy, sts_mode: Option<&str>) -> rusqlite::Result<i64> {
    let domain = policy.policy_domain.as_deref().unwrap_or_default();
    let policy_string = json!(policy.policy_string).to_string();
    let mx_host = json!(policy.mx_host).to_string();
    let known = db
        .prepare_cached(
            "SELECT id FROM policy WHERE policy_domain = :domain AND policy_type = :policy_type
             AND policy_string = :policy_string AND mx_host = :mx_host",
        )?
        .query_row(
            named_params! {
                ":domain": domain, ":policy_type": policy.policy_type.as_str(),
                ":policy_string": policy_string, ":mx_host": mx_host,
            },
            |row| row.get(0),
        )
        .optional()?;
    if let Some(known) = known {
        return Ok(known);
    }
    db.prepare_cached(
        "INSERT INTO policy (policy_type, policy_domain, sts_mode, policy_string, mx_host)
         VALUES (:policy_type, :domain, :sts_mode, :policy_string, :mx_host)",
    )?
    .execute(named_params! {
        ":policy_type": policy.policy_type.as_str(), ":domain": domain,
        ":sts_mode": sts_mode.unwrap_or_default(), ":policy_string": policy_string, ":mx_host": mx_host,
    })?;
    Ok(db.last_insert_rowid())
}

/// A count as SQLite keeps it; reports over its range were made unreadable when they were parsed.
fn count(count: Option<u64>) -> Option<i64> {
    count.and_then(|count| i64::try_from(count).ok())
}

/// Records an element of "policies", with its failures. `day` is the report's if that counts.
fn policy_result(
    db: &Connection,
    report: i64,
    (result, share): (&PolicyResult, Option<Share>),
    day: Option<&str>,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let policy = policy(db, &result.policy, result.sts_mode().as_deref())?;
    db.prepare_cached(
        "INSERT INTO policy_result (report, policy, successful, failed, domain_ok, domain_failed, domain_unreadable)
         VALUES (:report, :policy, :successful, :failed, :domain_ok, :domain_failed, :domain_unreadable)",
    )?
    .execute(named_params! {
        ":report": report, ":policy": policy,
        ":successful": count(result.successful), ":failed": count(result.failed),
        ":domain_ok": share.map(|share| share.ok), ":domain_failed": share.map(|share| share.failed),
        ":domain_unreadable": share.map(|share| share.unreadable),
    })?;
    let mut failures = Failures {
        policy_result: db.last_insert_rowid(),
        result,
        day,
        now: text(now),
        types: BTreeMap::new(),
        insert: db.prepare_cached(INSERT_FAILURE)?,
        find_type: db.prepare_cached(FIND_TYPE)?,
        insert_type: db.prepare_cached(INSERT_TYPE)?,
        widen_type: db.prepare_cached(WIDEN_TYPE)?,
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

// A report may have 100,000 details with an MX each: these are looked up once a policy result, and bound by position.
const INSERT_FAILURE: &str =
    "INSERT INTO failure (policy_result, failure_type, detail, result_type, sending_mta_ip,
                          receiving_mx_hostname, receiving_mx_helo, receiving_ip, failed_session_count,
                          failure_reason_code, additional_information)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
const FIND_TYPE: &str = "SELECT id FROM failure_type
     WHERE policy_domain = ? AND policy_type = ? AND result_type = ? AND receiving_mx_hostname = ?";
const INSERT_TYPE: &str =
    "INSERT INTO failure_type (policy_domain, policy_type, result_type, receiving_mx_hostname,
                               first_day, last_day, first_stored_at)
     VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6)";
const WIDEN_TYPE: &str = "UPDATE failure_type
     SET first_day = iif(first_day = '', ?2, min(first_day, ?2)), last_day = max(last_day, ?2)
     WHERE id = ?1 AND (first_day = '' OR first_day > ?2 OR last_day < ?2)";

/// Records the failures of one policy result.
struct Failures<'a> {
    db: &'a Connection,
    policy_result: i64,
    result: &'a PolicyResult,
    /// The report's day if that counts.
    day: Option<&'a str>,
    now: String,
    /// Failure types by result type and MX: most details of a report share a few.
    types: BTreeMap<(&'a str, &'a str), i64>,
    insert: CachedStatement<'a>,
    find_type: CachedStatement<'a>,
    insert_type: CachedStatement<'a>,
    widen_type: CachedStatement<'a>,
}

impl<'a> Failures<'a> {
    fn add(&mut self, details: Option<&'a FailureDetails>) -> rusqlite::Result<()> {
        let failed = details.map_or(self.result.failed, |details| details.failed_session_count);
        let failure_type = if failed == Some(0) {
            None
        } else {
            Some(self.failure_type(details)?)
        };
        let none = FailureDetails::default();
        let row = details.unwrap_or(&none);
        self.insert.execute(params![
            self.policy_result,
            failure_type,
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

    /// Finds or makes a failure type, and widens its days by the report's if that counts.
    fn failure_type(&mut self, details: Option<&'a FailureDetails>) -> rusqlite::Result<i64> {
        let result_type = details.and_then(|details| details.result_type.as_ref());
        let mx = details.and_then(|details| details.receiving_mx_hostname.as_deref());
        let names = (
            result_type.map_or(UNSPECIFIED, ResultType::as_str),
            mx.unwrap_or_default(),
        );
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
                    .execute((domain, policy_type, names.0, names.1, day, &self.now))?;
                self.db.last_insert_rowid()
            }
        };
        self.types.insert(names, id);
        Ok(id)
    }
}

/// Takes a report that no longer counts out of the days of its failure types.
fn discount(db: &Connection, report: i64) -> rusqlite::Result<()> {
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

/// The parts of identity and content that are kept. Who reports belongs to the identity: nobody's report can take the
/// place of another's by its name.
pub(super) fn hashes(parsed: &Parsed, submitter: &str) -> (Vec<u8>, Vec<u8>) {
    let mut identity = Context::new(&SHA256);
    identity.update(&parsed.identity);
    identity.update(organisation(submitter).as_bytes());
    let identity = identity.finish();
    let kept = identity.as_ref().get(..HASH_BYTES).unwrap_or_default();
    (kept.to_vec(), short(&parsed.content).to_vec())
}

/// Puts what was read again in the place of a report whose entries are gone. Whether it counts, and the days of its
/// failure types, are left to the caller.
pub(super) fn update(
    db: &Connection,
    id: i64,
    parsed: &Parsed,
    deviations: &str,
    submitter: &str,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let report = &parsed.report;
    let (identity, content) = hashes(parsed, submitter);
    db.prepare_cached(
        "UPDATE report SET status = iif(status = 'counted', 'conflict', status), sender = :sender,
             report_id = :report_id, start_datetime = :start, end_datetime = :end, day = :day,
             deviations = :deviations, sessions = :sessions, identity = :identity, content = :content
         WHERE id = :id",
    )?
    .execute(named_params! {
        ":sender": sender(db, submitter, report.organization_name.as_deref(), report.contact_info.as_deref())?,
        ":report_id": report.report_id,
        ":start": text(report.start),
        ":end": text(report.end),
        ":day": day_of(report.start),
        ":deviations": deviations,
        ":sessions": sessions(parsed),
        ":identity": identity,
        ":content": content,
        ":id": id,
    })?;
    for (result, share) in report.policies.iter().zip(sums::shares(&report.policies)) {
        policy_result(db, id, (result, share), None, now)?;
        let mode = result.sts_mode().unwrap_or_default();
        db.prepare_cached(
            "UPDATE policy SET sts_mode = :mode
             WHERE id = (SELECT policy FROM policy_result WHERE id = (SELECT max(id) FROM policy_result))
               AND sts_mode <> :mode",
        )?
        .execute(named_params! { ":mode": mode })?;
    }
    Ok(())
}
