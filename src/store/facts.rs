//! What a digest tells, read from the database.

use std::collections::BTreeSet;

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use rusqlite::{Connection, named_params};

use super::kept_out::{kept_out, set_aside, withheld};
use super::rows::{
    DigestFacts, DomainTotals, FailingMailbox, KeptOut, MailCounts, RefusedRecipient, RejectedMail,
    ReporterTotals, Sum, Unproven,
};
use super::unproven::unproven;
use super::{Store, StoreError, moment, text};
use crate::oauth::NEEDS_AUTHORISATION;

/// What decides what a digest tells, besides the database.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// When the digest is due.
    pub due_at: Timestamp,
    /// The configured mailboxes; others are of no interest any more.
    pub mailboxes: &'a [String],
    /// To whom it goes.
    pub recipients: &'a [String],
    /// The name of the audience that these are.
    pub audience: &'a str,
    /// What it is told of: these policy domains alone, nothing of ours; empty: everything.
    pub domains: &'a [String],
    /// Every report counts, proven or not, by the configuration.
    pub counts_all: bool,
    /// Everybody who is sent a digest; others that were refused are of no interest any more.
    pub all_recipients: &'a [String],
}

/// The reports and mails that a digest covers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range {
    pub(super) after_report: i64,
    pub(super) last_report: i64,
    pub(super) after_mail: i64,
    pub(super) last_mail: i64,
}

/// Rejected mails that a digest names one by one.
const MAX_REJECTED: u32 = 10;
/// A mailbox counts as failing from then on.
const FAILING_HOURS: i64 = 24;

impl Store {
    /// What the next digest would tell: everything that arrived since the last one was fixed.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn digest_facts(&self, question: &Question<'_>) -> Result<DigestFacts, StoreError> {
        let (range, previous_at) = next_range(&self.db, question.audience)?;
        Ok(facts(&self.db, range, previous_at, question)?)
    }
}

/// The range of an audience's next digest, and when the one before was due.
pub(super) fn next_range(db: &Connection, audience: &str) -> rusqlite::Result<(Range, Option<Timestamp>)> {
    db.query_row(
        "SELECT coalesce(max(last_report), 0), coalesce((SELECT max(id) FROM report), 0),
                coalesce(max(last_mail), 0), coalesce((SELECT max(id) FROM mail), 0),
                (SELECT due_at FROM digest WHERE kind <> 'urgent' AND audience = :audience ORDER BY id DESC LIMIT 1)
         FROM digest WHERE audience = :audience",
        named_params! { ":audience": audience },
        |row| {
            let (after_report, last_report): (i64, i64) = (row.get(0)?, row.get(1)?);
            let (after_mail, last_mail): (i64, i64) = (row.get(2)?, row.get(3)?);
            // Retention may have removed the newest rows; a range never runs backwards.
            let range = Range {
                after_report,
                last_report: last_report.max(after_report),
                after_mail,
                last_mail: last_mail.max(after_mail),
            };
            let due_at: Option<String> = row.get(4)?;
            Ok((range, due_at.as_deref().and_then(moment)))
        },
    )
}

pub(super) fn facts(
    db: &Connection,
    range: Range,
    previous_at: Option<Timestamp>,
    question: &Question<'_>,
) -> rusqlite::Result<DigestFacts> {
    if !question.domains.is_empty() {
        return facts_of_domains(db, range, previous_at, question);
    }
    let (reports, days) = reports(db, range, None)?;
    Ok(DigestFacts {
        due_at: question.due_at,
        previous_at,
        after_report: range.after_report,
        last_report: range.last_report,
        reports,
        days,
        of_domains: false,
        mails: mails(db, range)?,
        unproven: unproven_of(db, range, question)?,
        kept_out: kept_out(db, range, previous_at, question.due_at)?,
        fresh_failure_types: fresh_failure_types(db, range)?,
        domains: domains(db, range)?,
        reporters: reporters(db, range, None)?,
        rejected: rejected(db, range)?,
        failing: failing(db, question)?,
        refused: refused(db, question)?,
    })
}

/// The same of some domains alone. Mails, mailboxes and recipients concern them all, so there is nothing of them.
fn facts_of_domains(
    db: &Connection,
    range: Range,
    previous_at: Option<Timestamp>,
    question: &Question<'_>,
) -> rusqlite::Result<DigestFacts> {
    let only = serde_json::Value::from(question.domains).to_string();
    let (reports, days) = reports(db, range, Some(&only))?;
    let mut domains = domains(db, range)?;
    domains.retain(|totals| question.domains.contains(&totals.policy_domain));
    Ok(DigestFacts {
        due_at: question.due_at,
        previous_at,
        after_report: range.after_report,
        last_report: range.last_report,
        reports,
        days,
        of_domains: true,
        mails: set_aside(db, range, Some(&only))?,
        // By whom reports are proven concerns all domains.
        unproven: None,
        kept_out: KeptOut {
            withheld: withheld(db, question.due_at, Some(&only))?,
            ..KeptOut::default()
        },
        fresh_failure_types: fresh_failure_types(db, range)?,
        domains,
        reporters: reporters(db, range, Some(&only))?,
        rejected: Vec::new(),
        failing: Vec::new(),
        refused: Vec::new(),
    })
}

fn unproven_of(db: &Connection, range: Range, question: &Question<'_>) -> rusqlite::Result<Option<Unproven>> {
    if question.counts_all {
        return Ok(None);
    }
    unproven(db, Some(range), question.due_at)
}

/// The parameters of a statement over a range of reports.
macro_rules! reports_of {
    ($range:expr) => {
        named_params! { ":after": $range.after_report, ":last": $range.last_report }
    };
    ($range:expr, $only:expr) => {
        named_params! { ":after": $range.after_report, ":last": $range.last_report, ":only": $only }
    };
}

/// `only`: a JSON array of the domains that count; `None`: all.
fn reports(
    db: &Connection,
    range: Range,
    only: Option<&str>,
) -> rusqlite::Result<(u64, Option<(Date, Date)>)> {
    db.query_row(
        "SELECT count(*), min(day), max(day) FROM report
         WHERE id > :after AND id <= :last AND status = 'counted'
           AND (:only IS NULL OR id IN (
               SELECT report FROM report_domains
               WHERE report > :after AND report <= :last
                 AND policy_domain IN (SELECT value FROM json_each(:only))))",
        reports_of!(range, only),
        |row| {
            let (first, last): (Option<String>, Option<String>) = (row.get(1)?, row.get(2)?);
            let days = first.zip(last).map(|(first, last)| (date(&first), date(&last)));
            Ok((count(row.get(0)?), days))
        },
    )
}

fn fresh_failure_types(db: &Connection, range: Range) -> rusqlite::Result<BTreeSet<i64>> {
    db.prepare(
        "SELECT DISTINCT failure.failure_type
         FROM report JOIN policy_result ON policy_result.report = report.id
              JOIN failure ON failure.policy_result = policy_result.id
         WHERE report.id > :after AND report.id <= :last AND report.status = 'counted' AND NOT report.backfill
           AND failure.failure_type IS NOT NULL",
    )?
    .query_map(reports_of!(range), |row| row.get(0))?
    .collect()
}

fn mails(db: &Connection, range: Range) -> rusqlite::Result<MailCounts> {
    let mut counts = set_aside(db, range, None)?;
    let mut statement = db.prepare(
        "SELECT iif(outcome = 'rejected' AND EXISTS (SELECT 1 FROM mail AS earlier
                                                         WHERE earlier.raw_hash = mail.raw_hash
                                                           AND earlier.id < mail.id), 'duplicate', outcome),
                    count(*)
             FROM mail WHERE id > :after AND id <= :last GROUP BY 1",
    )?;
    let mut rows = statement.query(named_params! { ":after": range.after_mail, ":last": range.last_mail })?;
    while let Some(row) = rows.next()? {
        let n = count(row.get(1)?);
        counts.read = counts.read.saturating_add(n);
        match row.get_ref(0)?.as_str()? {
            "duplicate" => counts.duplicates = n,
            "not-a-report" => counts.not_reports = n,
            "rejected" => counts.rejected = n,
            "too-old" => counts.too_old = n,
            _ => {}
        }
    }
    Ok(counts)
}

fn domains(db: &Connection, range: Range) -> rusqlite::Result<Vec<DomainTotals>> {
    let mut domains: Vec<DomainTotals> = db
        .prepare(
            "SELECT policy_domain, CAST(total(ok) AS INTEGER), CAST(total(failed) AS INTEGER), sum(unreadable)
             FROM report_domains WHERE report > :after AND report <= :last
             GROUP BY policy_domain ORDER BY policy_domain",
        )?
        .query_map(reports_of!(range), |row| {
            let at_least = row.get::<_, i64>(3)? > 0;
            Ok(DomainTotals {
                policy_domain: row.get(0)?,
                ok: Sum { known: count(row.get(1)?), at_least },
                failed: Sum { known: count(row.get(2)?), at_least },
                policy: String::new(),
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    // Of a group, SQLite takes the bare columns from the row that holds the maximum.
    let newest: Vec<(String, String, String, String)> = db
        .prepare(
            "SELECT policy.policy_domain, policy.policy_type, policy.sts_mode,
                    max(report.day || iif(policy.sts_mode <> '', 2, iif(policy.policy_type = 'tlsa', 1, 0)))
             FROM report JOIN policy_result ON policy_result.report = report.id
                  JOIN policy ON policy.id = policy_result.policy
             WHERE report.id > :after AND report.id <= :last AND report.status = 'counted'
             GROUP BY policy.policy_domain ORDER BY policy.policy_domain",
        )?
        .query_map(reports_of!(range), |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    for (domain, (name, policy_type, mode, _)) in domains.iter_mut().zip(newest) {
        if domain.policy_domain == name {
            domain.policy = match policy_type.as_str() {
                _ if !mode.is_empty() => mode,
                "tlsa" => "DANE".to_owned(),
                "no-policy-found" => "no policy".to_owned(),
                "sts" => "MTA-STS".to_owned(),
                _ => policy_type,
            };
        }
    }
    Ok(domains)
}

/// `only`: as for [`reports`].
fn reporters(db: &Connection, range: Range, only: Option<&str>) -> rusqlite::Result<Vec<ReporterTotals>> {
    db.prepare(
        "SELECT iif(sender.submitter = '', '', sender.reporter) AS submitter, max(sender.organization_name),
                count(DISTINCT report.id),
                CAST(total(report_domains.ok) AS INTEGER), CAST(total(report_domains.failed) AS INTEGER),
                coalesce(sum(report_domains.unreadable), 0), max(report.day)
         FROM report JOIN sender ON sender.id = report.sender
              LEFT JOIN report_domains ON report_domains.report = report.id
                                      AND report_domains.report > :after AND report_domains.report <= :last
         WHERE report.id > :after AND report.id <= :last AND report.status = 'counted'
           AND (:only IS NULL OR report_domains.policy_domain IN (SELECT value FROM json_each(:only)))
         GROUP BY 1, iif(sender.submitter = '', sender.organization_name, '')
         ORDER BY count(DISTINCT report.id) DESC, 1",
    )?
    .query_map(reports_of!(range, only), |row| {
        let at_least = row.get::<_, i64>(5)? > 0;
        Ok(ReporterTotals {
            submitter: row.get(0)?,
            organization_name: row.get(1)?,
            reports: count(row.get(2)?),
            ok: Sum {
                known: count(row.get(3)?),
                at_least,
            },
            failed: Sum {
                known: count(row.get(4)?),
                at_least,
            },
            last_day: date(row.get_ref(6)?.as_str()?),
        })
    })?
    .collect()
}

fn rejected(db: &Connection, range: Range) -> rusqlite::Result<Vec<RejectedMail>> {
    db.prepare(
        "SELECT id, source, locator, received_at, coalesce(reason, '') FROM mail
         WHERE outcome = 'rejected' AND id > :after AND id <= :last
           AND NOT EXISTS (SELECT 1 FROM mail AS earlier
                           WHERE earlier.raw_hash = mail.raw_hash AND earlier.id < mail.id)
         ORDER BY id DESC LIMIT :at_most",
    )?
    .query_map(
        named_params! { ":after": range.after_mail, ":last": range.last_mail, ":at_most": MAX_REJECTED },
        |row| {
            let received_at: Option<String> = row.get(3)?;
            Ok(RejectedMail {
                id: row.get(0)?,
                source: row.get(1)?,
                locator: row.get(2)?,
                received_at: received_at.as_deref().and_then(moment),
                reason: row.get(4)?,
            })
        },
    )?
    .collect()
}

fn failing(db: &Connection, question: &Question<'_>) -> rusqlite::Result<Vec<FailingMailbox>> {
    let before = question
        .due_at
        .to_zoned(TimeZone::UTC)
        .checked_sub(FAILING_HOURS.hours())
        .map_or(Timestamp::MIN, |then| then.timestamp());
    let before = text(before);
    // Nothing but a person mends that, so it is told at once.
    let parameters = named_params! { ":before": before, ":needs_authorisation": NEEDS_AUTHORISATION };
    let all: Vec<FailingMailbox> = db
        .prepare(
            "SELECT name, failing_since, coalesce(error, ''), told_at IS NULL FROM mailbox_state
             WHERE failing_since IS NOT NULL
                   AND (failing_since <= :before OR instr(error, :needs_authorisation) > 0) ORDER BY name",
        )?
        .query_map(parameters, |row| {
            Ok(FailingMailbox {
                name: row.get(0)?,
                since: moment(row.get_ref(1)?.as_str()?).unwrap_or(question.due_at),
                error: row.get(2)?,
                new: row.get(3)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(all
        .into_iter()
        .filter(|mailbox| question.mailboxes.contains(&mailbox.name))
        .collect())
}

fn refused(db: &Connection, question: &Question<'_>) -> rusqlite::Result<Vec<RefusedRecipient>> {
    let all: Vec<RefusedRecipient> = db
        .prepare("SELECT recipient, since, error, told_at IS NULL FROM refused_recipient ORDER BY recipient")?
        .query_map((), |row| {
            Ok(RefusedRecipient {
                recipient: row.get(0)?,
                since: moment(row.get_ref(1)?.as_str()?).unwrap_or(question.due_at),
                error: row.get(2)?,
                new: row.get(3)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(all
        .into_iter()
        .filter(|refused| question.all_recipients.contains(&refused.recipient))
        .collect())
}

/// A day that we wrote ourselves.
pub(super) fn date(text: &str) -> Date {
    text.parse().unwrap_or_default()
}

/// A count of rows or sessions, which is never negative.
pub(super) fn count(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}
