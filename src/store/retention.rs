//! Removes what is older than the retention; failure types and the lives of problems stay.

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use rusqlite::{Connection, named_params};

use super::{Store, StoreError, text};
use crate::config::Span;

/// Days for which the bytes of rejected mails are kept.
const RAW_DAYS: i64 = 30;
/// Reports or mails removed in one transaction, so that no reader or writer waits long.
const SLICE: u32 = 200;

impl Store {
    /// Removes mails, reports, raw bytes and digests older than `retention`; gives the number of reports removed.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn retain(&mut self, retention: Span, now: Timestamp) -> Result<u64, StoreError> {
        let raw_before = now
            .to_zoned(TimeZone::UTC)
            .checked_sub(RAW_DAYS.days())
            .map_or(Timestamp::MIN, |then| then.timestamp());
        self.identity.check()?;
        self.db.execute(
            "DELETE FROM raw_mail WHERE mail IN (SELECT id FROM mail WHERE processed_at < :before)",
            named_params! { ":before": text(raw_before) },
        )?;
        let Some(before) = retention.before(now) else {
            return Ok(0);
        };
        let (day, moment) = (before.strftime("%Y-%m-%d").to_string(), text(before));
        let mut removed = 0_u64;
        loop {
            let tx = self.begin()?;
            let n_reports = remove_reports(&tx, &day)?;
            let n_mails = tx.execute(
                "DELETE FROM mail WHERE id IN (SELECT id FROM mail WHERE processed_at < :before ORDER BY id LIMIT :slice)",
                named_params! { ":before": moment, ":slice": SLICE },
            )?;
            tx.commit()?;
            removed = removed.saturating_add(u64::try_from(n_reports).unwrap_or(u64::MAX));
            if n_reports == 0 && n_mails == 0 {
                break;
            }
        }
        self.db.execute(
            "DELETE FROM digest WHERE due_at < :before AND sent_at IS NOT NULL
             AND id < (SELECT max(id) FROM digest)",
            named_params! { ":before": moment },
        )?;
        if removed > 0 {
            remove_unused(&self.db)?;
        }
        Ok(removed)
    }
}

/// Removes policies and senders that no report names any more.
fn remove_unused(db: &Connection) -> rusqlite::Result<()> {
    db.execute(
        "DELETE FROM policy WHERE NOT EXISTS (SELECT 1 FROM policy_result WHERE policy_result.policy = policy.id)",
        (),
    )?;
    // Looked for without the write lock: this reads every report.
    let senders: Vec<i64> = db
        .prepare("SELECT id FROM sender WHERE id NOT IN (SELECT sender FROM report)")?
        .query_map((), |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for sender in senders {
        db.execute(
            "DELETE FROM sender WHERE id = :sender AND NOT EXISTS (SELECT 1 FROM report WHERE sender = :sender)",
            named_params! { ":sender": sender },
        )?;
    }
    Ok(())
}

/// Removes a slice of reports that ended before `day`, and keeps their days in the failure types.
fn remove_reports(db: &Connection, day: &str) -> rusqlite::Result<usize> {
    db.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS leaving (id INTEGER PRIMARY KEY) STRICT; DELETE FROM leaving;",
    )?;
    db.execute(
        "INSERT INTO leaving SELECT id FROM report WHERE day < :day AND substr(end_datetime, 1, 10) < :day
         ORDER BY day LIMIT :slice",
        named_params! { ":day": day, ":slice": SLICE },
    )?;
    db.execute_batch(
        "UPDATE failure_type SET
             expired_first_day = min(coalesce(expired_first_day, days.first), days.first),
             expired_last_day = max(coalesce(expired_last_day, days.last), days.last)
         FROM (SELECT failure.failure_type AS id, min(report.day) AS first, max(report.day) AS last
               FROM leaving JOIN report ON report.id = leaving.id AND report.status = 'counted'
               JOIN policy_result ON policy_result.report = report.id
               JOIN failure ON failure.policy_result = policy_result.id
               WHERE failure.failure_type IS NOT NULL GROUP BY failure.failure_type) AS days
         WHERE failure_type.id = days.id;",
    )?;
    keep_episodes(db)?;
    db.execute("DELETE FROM report WHERE id IN (SELECT id FROM leaving)", ())
}

/// Keeps what the leaving reports say of the lives of problems; counted as in the view `problem_days`, which would look
/// at all reports each time.
fn keep_episodes(db: &Connection) -> rusqlite::Result<()> {
    db.execute_batch(
        "INSERT INTO expired_episode (problem, first_day, last_day, removed_to, visible_from, failed, at_least, ended,
                                      ended_day, by_note)
         WITH result AS (
             SELECT iif(joined.problem IS NULL, failure.problem, joined.into_problem) AS problem, report.id AS report, report.day,
                    policy.policy_type, policy_result.failed AS summary,
                    total(failure.failed_session_count) AS details,
                    count(*) > count(failure.failed_session_count) AS at_least
             FROM leaving CROSS JOIN report ON report.id = leaving.id AND report.status = 'counted'
                  CROSS JOIN policy_result ON policy_result.report = report.id
                  CROSS JOIN policy ON policy.id = policy_result.policy
                  CROSS JOIN failure ON failure.policy_result = policy_result.id AND failure.problem IS NOT NULL
                  LEFT JOIN joined ON joined.policy_result = failure.policy_result
                                  AND joined.problem = failure.problem
             GROUP BY policy_result.id, 1
         ), by_type AS (
             SELECT problem, report, day, policy_type,
                    total(iif(summary > 0, min(details, summary), details)) AS failed,
                    max(at_least AND NOT (coalesce(summary, 0) > 0 AND details >= summary)) AS at_least
             FROM result GROUP BY problem, report, policy_type
         ), by_report AS (
             SELECT problem, day, max(failed) AS failed, max(at_least) AS at_least
             FROM by_type GROUP BY problem, report, iif(policy_type = 'tlsa', 'sts', policy_type)
         )
         SELECT episode.problem, episode.first_day, episode.last_day, max(by_report.day), episode.visible_from,
                CAST(total(by_report.failed) AS INTEGER), max(by_report.at_least), episode.ended, episode.ended_day,
                episode.by_note
         FROM by_report JOIN problem_episode AS episode ON episode.problem = by_report.problem
                         AND by_report.day BETWEEN episode.first_day AND episode.last_day
         GROUP BY episode.problem, episode.first_day
         ON CONFLICT (problem, first_day) DO UPDATE SET
             last_day = excluded.last_day, removed_to = max(removed_to, excluded.removed_to),
             visible_from = excluded.visible_from, failed = CAST(0.0 + failed + excluded.failed AS INTEGER),
             at_least = max(at_least, excluded.at_least), ended = excluded.ended, ended_day = excluded.ended_day,
             by_note = excluded.by_note",
    )
}
