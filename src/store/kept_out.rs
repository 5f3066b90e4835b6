//! What a digest tells of reports that don't count whoever sent them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, named_params};

use super::facts::{Range, count, date};
use super::record::day_of;
use super::rows::{Flood, KeptOut, MailCounts, NewSender, Withheld};
use super::{moment, text};
use crate::authenticate::Cause;

/// Reports about others are told of so many days, as the weekly mail is about these.
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Who has been silent for longer is gone.
const GONE: SignedDuration = SignedDuration::from_hours(60 * 24);

pub(super) fn kept_out(
    db: &Connection,
    range: Range,
    previous_at: Option<Timestamp>,
    due_at: Timestamp,
) -> rusqlite::Result<KeptOut> {
    let since = previous_at.map_or(Timestamp::MIN, |_| {
        due_at.checked_sub(WEEK).unwrap_or(Timestamp::MIN)
    });
    let since = text(since);
    let foreign_reports = db
        .prepare_cached(
            "SELECT count(*) FROM report
             WHERE status = 'set-aside' AND aside = 'foreign' AND stored_at >= :since",
        )?
        .query_row(named_params! { ":since": since }, |row| row.get(0).map(count))?;
    let foreign_domains = db
        .prepare_cached(
            "SELECT policy.policy_domain, count(DISTINCT report.id) AS n
             FROM report JOIN policy_result ON policy_result.report = report.id
                  JOIN policy ON policy.id = policy_result.policy
             WHERE report.status = 'set-aside' AND report.aside = 'foreign' AND report.stored_at >= :since
             GROUP BY policy.policy_domain ORDER BY n DESC, policy.policy_domain LIMIT 1000",
        )?
        .query_map(named_params! { ":since": since }, |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(KeptOut {
        foreign_reports,
        foreign_domains,
        floods: floods(db, range)?,
        withheld: withheld(db, due_at, None)?,
        unproven_for: unproven_for(db, range)?,
        new_senders: new_senders(db, due_at)?,
    })
}

/// Reports of the last weeks that are set aside, but not for whom they are about, by reporter and day; first those of
/// reporters whose reports count, for whom they matter, so that nobody hides them behind names of his. `only`: a JSON array
/// of domains, one of which they are about.
pub(super) fn withheld(
    db: &Connection,
    due_at: Timestamp,
    only: Option<&str>,
) -> rusqlite::Result<Vec<Withheld>> {
    let since = due_at.checked_sub(GONE).unwrap_or(Timestamp::MIN);
    db.prepare_cached(
        "WITH known AS MATERIALIZED (
             SELECT DISTINCT reporter FROM sender
             WHERE EXISTS (SELECT 1 FROM report WHERE report.sender = sender.id AND report.status = 'counted'))
         SELECT sender.reporter, report.day, count(*) AS n, max(report.authentication = 'temporary')
         FROM report JOIN sender ON sender.id = report.sender
         WHERE report.status = 'set-aside' AND report.aside IN ('origin', 'flood')
           AND report.day BETWEEN :since AND :until
           AND (:only IS NULL OR EXISTS (
               SELECT 1 FROM policy_result JOIN policy ON policy.id = policy_result.policy
               WHERE policy_result.report = report.id
                 AND policy.policy_domain IN (SELECT value FROM json_each(:only))))
         GROUP BY sender.reporter, report.day
         ORDER BY sender.reporter IN known DESC, n DESC, sender.reporter, report.day LIMIT 10000",
    )?
    .query_map(named_params! { ":since": day_of(since), ":until": day_of(due_at), ":only": only }, |row| {
        Ok(Withheld {
            reporter: row.get(0)?,
            day: date(row.get_ref(1)?.as_str()?),
            reports: count(row.get(2)?),
            waits: row.get(3)?,
        })
    })?
    .collect()
}

/// Why the reports of a digest aren't proven, most first.
fn unproven_for(db: &Connection, range: Range) -> rusqlite::Result<Vec<(Cause, u64)>> {
    let mut causes: BTreeMap<Cause, u64> = BTreeMap::new();
    let mut statement = db.prepare_cached(
        "SELECT coalesce(authentication_reason, '') FROM report
         WHERE id > :after AND id <= :last AND status = 'set-aside' AND aside = 'origin'",
    )?;
    let mut rows =
        statement.query(named_params! { ":after": range.after_report, ":last": range.last_report })?;
    while let Some(row) = rows.next()? {
        let n = causes.entry(Cause::of(row.get_ref(0)?.as_str()?)).or_default();
        *n = n.saturating_add(1);
    }
    let mut causes: Vec<(Cause, u64)> = causes.into_iter().collect();
    causes.sort_by_key(|(_, n)| Reverse(*n));
    Ok(causes)
}

/// Senders whose first proven report is a week old at most, in a name that another had a week earlier.
fn new_senders(db: &Connection, due_at: Timestamp) -> rusqlite::Result<Vec<NewSender>> {
    // The first report of each of them, by the index of senders: few names have several.
    let mut statement = db.prepare_cached(
        "SELECT name, sender.reporter, sender.organization_name, first.stored_at,
                coalesce(first.signing_domain, sender.reporter)
         FROM (SELECT lower(trim(organization_name)) AS name FROM sender WHERE organization_name <> ''
               GROUP BY name HAVING count(DISTINCT reporter) > 1) AS names
              JOIN sender ON lower(trim(sender.organization_name)) = name
              JOIN report AS first ON first.id = (
                  SELECT report.id FROM report
                  WHERE report.sender = sender.id AND report.status = 'counted'
                    AND report.authentication IN ('dkim', 'trusted-mx', 'unchecked')
                  ORDER BY report.id LIMIT 1)
         ORDER BY name, first.stored_at, first.id",
    )?;
    let firsts: Vec<(String, First)> = statement
        .query_map((), |row| {
            let since: String = row.get(3)?;
            let first = First {
                reporter: row.get(1)?,
                organization_name: row.get(2)?,
                since: moment(&since).unwrap_or(Timestamp::MIN),
                signing_domain: row.get(4)?,
            };
            Ok((row.get(0)?, first))
        })?
        .collect::<rusqlite::Result<_>>()?;
    let mut found = Vec::new();
    for senders in firsts.chunk_by(|a, b| a.0 == b.0) {
        let Some((_, known)) = senders.first() else {
            continue;
        };
        let mut seen = BTreeSet::from([known.reporter.as_str()]);
        for (_, new) in senders {
            let is_known = !seen.insert(&new.reporter);
            let is_recent = due_at.duration_since(new.since) <= WEEK;
            if !is_known && is_recent && new.since.duration_since(known.since) >= WEEK {
                found.push(NewSender {
                    organization_name: new.organization_name.clone(),
                    signing_domain: new.signing_domain.clone(),
                    known: known.reporter.clone(),
                });
            }
        }
    }
    Ok(found)
}

/// The first report of a sender.
struct First {
    reporter: String,
    organization_name: String,
    since: Timestamp,
    signing_domain: String,
}

/// The senders that were cut off among the reports of a digest, most first.
fn floods(db: &Connection, range: Range) -> rusqlite::Result<Vec<Flood>> {
    db.prepare_cached(
        "SELECT sender.reporter, count(*) AS n FROM report JOIN sender ON sender.id = report.sender
         WHERE report.id > :after AND report.id <= :last AND report.status = 'set-aside' AND report.aside = 'flood'
         GROUP BY sender.reporter ORDER BY n DESC, sender.reporter LIMIT 100",
    )?
    .query_map(
        named_params! { ":after": range.after_report, ":last": range.last_report },
        |row| {
            Ok(Flood {
                reporter: row.get(0)?,
                reports: count(row.get(1)?),
            })
        },
    )?
    .collect()
}

/// Reports that a digest covers and that are set aside for their origin. `only`: a JSON array of domains, one of which they
/// are about.
pub(super) fn set_aside(db: &Connection, range: Range, only: Option<&str>) -> rusqlite::Result<MailCounts> {
    db.query_row(
        "SELECT count(*), coalesce(sum(authentication = 'temporary'), 0) FROM report
         WHERE id > :after AND id <= :last AND status = 'set-aside' AND aside = 'origin'
           AND (:only IS NULL OR EXISTS (
               SELECT 1 FROM policy_result JOIN policy ON policy.id = policy_result.policy
               WHERE policy_result.report = report.id
                 AND policy.policy_domain IN (SELECT value FROM json_each(:only))))",
        named_params! { ":after": range.after_report, ":last": range.last_report, ":only": only },
        |row| {
            Ok(MailCounts {
                set_aside: count(row.get(0)?),
                waiting: count(row.get(1)?),
                ..MailCounts::default()
            })
        },
    )
}
