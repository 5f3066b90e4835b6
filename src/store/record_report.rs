//! Records one report: duplicate, conflict or stored.

use std::cmp::Reverse;
use std::rc::Rc;

use ring::digest::{Context, SHA256};
use rusqlite::{Connection, OptionalExtension, named_params, params};
use serde::Serialize;

use super::admission::Aside;
use super::batch::Batch;
use super::elect::{elect, loser};
pub(super) use super::entries::UNSPECIFIED;
use super::entries::{discount, policy_result};
use super::record::{Outcome, Terms, day_of, settle, settle_mails_of};
use super::sums;
use super::{Origin, Standing, text, texts};
use crate::report::{Parsed, Report};

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

/// The report of an identity that counts, and the one with this content: once for each of the two indexes by identity.
/// There may be any number of others.
pub(super) const FIND_IDENTITY: &str =
    "SELECT id, content, sessions, status, authentication IN ('dkim', 'trusted-mx') FROM report
     WHERE identity = ?1 AND status = 'counted'
     UNION ALL
     SELECT id, content, sessions, status, authentication IN ('dkim', 'trusted-mx') FROM report
     WHERE identity = ?1 AND status <> 'counted' AND content = ?2";

fn known(batch: &mut Batch<'_>, identity: &[u8], content: &[u8]) -> rusqlite::Result<Vec<Known>> {
    let rows = batch.statements.find_identity.get(batch.db)?;
    rows.query_map((identity, content), |row| {
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
pub(super) fn record<'a>(
    batch: &mut Batch<'a>,
    (mail, origin): (i64, &Origin),
    (parsed, json): (&'a Parsed, &str),
    (submitter, standing): (&'a str, &Standing),
    terms: &Terms,
) -> rusqlite::Result<(Outcome, Option<i64>)> {
    let db = batch.db;
    let reporter = batch.organisation(submitter);
    let (identity, content) = hashes(parsed, &reporter);
    let rivals = known(batch, &identity, &content)?;
    let mut aside = terms.admission.aside(parsed, standing);
    let twin = rivals.iter().find(|known| known.content == content);
    if let Some(twin) = twin
        && (aside.is_some() || twin.status != "set-aside")
    {
        learn(db, (mail, &identity), twin, standing, aside)?;
        return Ok((Outcome::Duplicate, Some(twin.id)));
    }
    if aside.is_none() {
        let came = (origin.received_at.unwrap_or(terms.now), origin.backfill);
        let reporter = (reporter, standing.signing_domain.is_some());
        let is_flood = terms.admission.is_flood(batch, reporter, came, terms.now)?;
        aside = is_flood.then_some(Aside::Flood);
    }
    if let (Some(twin), Some(_)) = (twin, aside) {
        learn(db, (mail, &identity), twin, standing, aside)?;
        return Ok((Outcome::Duplicate, Some(twin.id)));
    }
    // It counts from now on, so it is news: a new row, which no digest has covered.
    let (standing, links) = &put_again(db, twin, standing)?;
    let is_proven = standing.signing_domain.is_some();
    let sessions = sessions(parsed);
    let own = (is_proven, sessions, Reverse(content.as_slice()));
    let rival = rivals.iter().find(|known| known.status == "counted");
    let (outcome, status) = match rival {
        _ if aside.is_some() => (Outcome::SetAside, "set-aside"),
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
        backfill: origin.backfill,
        status,
        aside: aside.map_or("", Aside::as_str),
        sessions,
        standing,
        identity: &identity,
        content: &content,
    };
    let id = insert(batch, &row, parsed, submitter)?;
    texts::keep(batch, id, (parsed, submitter), json)?;
    entries(batch, id, parsed, status == "counted")?;
    if let Some(rival) = beaten {
        discount(db, rival.id)?;
        settle_mails_of(db, rival.id)?;
    }
    relink(db, links, id)?;
    Ok((outcome, Some(id)))
}

/// Records the entries of a new report.
fn entries<'a>(
    batch: &mut Batch<'a>,
    report: i64,
    parsed: &'a Parsed,
    is_counted: bool,
) -> rusqlite::Result<()> {
    let day = day_of(parsed.report.start);
    sums::forget_month(batch, &day)?;
    let counted_day = Some(day.as_str()).filter(|_| is_counted);
    let policies = &parsed.report.policies;
    for (result, share) in policies.iter().zip(sums::shares(policies)) {
        policy_result(batch, report, (result, share), counted_day)?;
    }
    Ok(())
}

/// A copy of a known report may prove its origin, or say more about why it isn't proven.
fn learn(
    db: &Connection,
    (mail, identity): (i64, &[u8]),
    twin: &Known,
    standing: &Standing,
    aside: Option<Aside>,
) -> rusqlite::Result<()> {
    let is_proven = standing.signing_domain.is_some();
    if twin.is_proven || standing.authentication == "unchecked" || standing.authentication == "temporary" {
        return Ok(());
    }
    if !is_proven && twin.status != "set-aside" {
        return Ok(());
    }
    // What is open is decided by its own mail alone: anybody can send an unsigned copy.
    let changed = db
        .prepare_cached(
            "UPDATE report SET authentication = :authentication, signing_domain = :signing_domain,
                 authentication_reason = :reason, aside = iif(status = 'set-aside', coalesce(:aside, aside), ''),
                 set_free = set_free AND NOT :is_proven
             WHERE id = :id AND (:is_proven OR (authentication = 'temporary' AND mail IS :mail))",
        )?
        .execute(named_params! {
            ":authentication": standing.authentication, ":signing_domain": standing.signing_domain,
            ":reason": standing.reason, ":id": twin.id, ":is_proven": is_proven, ":mail": mail,
            ":aside": aside.map(Aside::as_str),
        })?;
    if changed > 0 && is_proven {
        elect(db, identity)?;
    }
    Ok(())
}

/// Mails and the reports' ordinals in them.
type Links = Vec<(i64, i64)>;

/// Takes out a twin; gives the standing of the report from now on, and the mails that it was found in.
fn put_again(
    db: &Connection,
    twin: Option<&Known>,
    standing: &Standing,
) -> rusqlite::Result<(Standing, Links)> {
    let standing = proven_once(db, twin, standing)?;
    let links = twin.map_or(Ok(Vec::new()), |twin| take_out(db, twin.id))?;
    Ok((standing, links))
}

/// The standing of a report that is put in again: what a copy has proven stays proven.
fn proven_once(db: &Connection, twin: Option<&Known>, standing: &Standing) -> rusqlite::Result<Standing> {
    let Some(twin) = twin.filter(|twin| twin.is_proven && standing.signing_domain.is_none()) else {
        return Ok(standing.clone());
    };
    db.prepare_cached(
        "SELECT authentication = 'trusted-mx', signing_domain, authentication_reason FROM report WHERE id = :id",
    )?
    .query_row(named_params! { ":id": twin.id }, |row| {
        Ok(Standing {
            authentication: if row.get(0)? { "trusted-mx" } else { "dkim" },
            signing_domain: row.get(1)?,
            reason: row.get(2)?,
            ..Standing::default()
        })
    })
}

/// Takes out a report that counts nowhere, to be put in again; gives the mails that it was found in.
fn take_out(db: &Connection, report: i64) -> rusqlite::Result<Links> {
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
    aside: &'a str,
    sessions: i64,
    standing: &'a Standing,
    identity: &'a [u8],
    content: &'a [u8],
}

pub(super) const INSERT_REPORT: &str =
    "INSERT INTO report (mail, sender, report_id, start_datetime, end_datetime, day, stored_at, authentication,
                         signing_domain, authentication_reason, deviations, status, aside, backfill, sessions,
                         identity, content)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// Inserts the row of a report.
fn insert<'a>(
    batch: &mut Batch<'a>,
    row: &Row<'_>,
    parsed: &'a Parsed,
    submitter: &'a str,
) -> rusqlite::Result<i64> {
    let db = batch.db;
    let report = &parsed.report;
    let sender = sender(batch, submitter, report)?;
    let start = text(report.start);
    let day = start.split_once('T').map_or("", |(day, _)| day);
    batch.statements.insert_report.get(db)?.execute(params![
        row.mail,
        sender,
        report.report_id,
        start,
        text(report.end),
        day,
        batch.now,
        row.standing.authentication,
        row.standing.signing_domain,
        row.standing.reason,
        as_json(&parsed.deviations),
        row.status,
        row.aside,
        row.backfill,
        row.sessions,
        row.identity,
        row.content,
    ])?;
    Ok(db.last_insert_rowid())
}

/// Texts as a JSON array.
pub(super) fn as_json(texts: &impl Serialize) -> String {
    // It fails only where writing does, or for keys that are no text.
    serde_json::to_string(texts).unwrap_or_default()
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

fn sender<'a>(batch: &mut Batch<'a>, submitter: &'a str, report: &'a Report) -> rusqlite::Result<i64> {
    let names = [
        submitter,
        report.organization_name.as_deref().unwrap_or_default(),
        report.contact_info.as_deref().unwrap_or_default(),
    ];
    if let Some(known) = batch.senders.get(&names) {
        return Ok(*known);
    }
    let db = batch.db;
    let known = db
        .prepare_cached(
            "SELECT id FROM sender WHERE submitter = ? AND organization_name = ? AND contact_info = ?",
        )?
        .query_row(names, |row| row.get(0))
        .optional()?;
    let id = if let Some(known) = known {
        known
    } else {
        // Whoever has a domain has any number of names below it, and would be as many witnesses.
        let [submitter, organization_name, contact_info] = names;
        let reporter = if submitter.is_empty() {
            Rc::from(organization_name)
        } else {
            batch.organisation(submitter)
        };
        db.prepare_cached(
            "INSERT INTO sender (submitter, organization_name, contact_info, reporter) VALUES (?, ?, ?, ?)",
        )?
        .execute([submitter, organization_name, contact_info, &reporter])?;
        db.last_insert_rowid()
    };
    batch.senders.insert(names, id);
    Ok(id)
}

/// The parts of identity and content that are kept. Who reports belongs to the identity: nobody's report can take the
/// place of another's by its name.
pub(super) fn hashes(parsed: &Parsed, reporter: &str) -> (Vec<u8>, Vec<u8>) {
    let mut identity = Context::new(&SHA256);
    identity.update(&parsed.identity);
    identity.update(reporter.as_bytes());
    let identity = identity.finish();
    let kept = identity.as_ref().get(..HASH_BYTES).unwrap_or_default();
    (kept.to_vec(), short(&parsed.content).to_vec())
}

/// Puts what was read again in the place of a report whose entries are gone. Whether it counts, and the days of its
/// failure types, are left to the caller.
pub(super) fn update<'a>(
    batch: &mut Batch<'a>,
    id: i64,
    parsed: &'a Parsed,
    deviations: &str,
    submitter: &'a str,
) -> rusqlite::Result<()> {
    let db = batch.db;
    let report = &parsed.report;
    let reporter = batch.organisation(submitter);
    let (identity, content) = hashes(parsed, &reporter);
    db.prepare_cached(
        "UPDATE report SET status = iif(status = 'counted', 'conflict', status), sender = :sender,
             report_id = :report_id, start_datetime = :start, end_datetime = :end, day = :day,
             deviations = :deviations, sessions = :sessions, identity = :identity, content = :content
         WHERE id = :id",
    )?
    .execute(named_params! {
        ":sender": sender(batch, submitter, report)?,
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
        policy_result(batch, id, (result, share), None)?;
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
