//! Removes what is older than the retention; failure types and the lives of problems stay.

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use rusqlite::{Connection, named_params};

use super::{Store, StoreError, text};
use crate::config::Span;

/// Days for which the bytes of rejected mails are kept.
const RAW_DAYS: i64 = 30;
/// What nothing refers to any more: a condition for each table.
const UNUSED: [(&str, &str); 3] = [
    (
        "policy",
        "NOT EXISTS (SELECT 1 FROM policy_result WHERE policy_result.policy = policy.id)",
    ),
    (
        "sender",
        "NOT EXISTS (SELECT 1 FROM report WHERE report.sender = sender.id)",
    ),
    (
        "json_template",
        "NOT EXISTS (SELECT 1 FROM report_json WHERE report_json.template = json_template.id)",
    ),
];

impl Store {
    /// Removes mails, reports, raw bytes and digests older than `retention`; gives the number of reports removed. Does
    /// so in slices of a few milliseconds, between which others may write. Then adds up what has changed since yesterday.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn retain(&mut self, retention: Span, now: Timestamp) -> Result<u64, StoreError> {
        self.sliced(|store| {
            let removed = store.remove_old(retention, now)?;
            store.sum_up()?;
            Ok(removed)
        })
    }

    fn remove_old(&mut self, retention: Span, now: Timestamp) -> Result<u64, StoreError> {
        let raw_before = now
            .to_zoned(TimeZone::UTC)
            .checked_sub(RAW_DAYS.days())
            .map_or(Timestamp::MIN, |then| then.timestamp());
        let raw = self.ids(
            "SELECT raw_mail.mail FROM raw_mail CROSS JOIN mail ON mail.id = raw_mail.mail
             WHERE mail.processed_at < :before",
            &text(raw_before),
        )?;
        self.for_each("DELETE FROM raw_mail WHERE mail = :id", &raw)?;
        self.forget_arrivals(now)?;
        let Some(before) = retention.before(now) else {
            return Ok(0);
        };
        let (day, moment) = (before.strftime("%Y-%m-%d").to_string(), text(before));
        let removed = self.in_slices("reports", |db, slice| remove_reports(db, &day, slice))?;
        self.in_slices("mails", |db, slice| {
            // Not by id: once the old ones are gone, all others would be looked at.
            db.prepare_cached(
                "DELETE FROM mail WHERE id IN
                     (SELECT id FROM mail WHERE processed_at < :before ORDER BY processed_at LIMIT :slice)",
            )?
            .execute(named_params! { ":before": moment, ":slice": slice })
        })?;
        let digests = self.ids(
            "SELECT id FROM digest WHERE due_at < :before AND sent_at IS NOT NULL
             AND id < (SELECT max(id) FROM digest AS newest WHERE newest.audience = digest.audience)",
            &moment,
        )?;
        self.for_each("DELETE FROM digest WHERE id = :id", &digests)?;
        if removed > 0 {
            self.remove_unused()?;
        }
        Ok(removed)
    }

    /// What is older than a moment: looked for without the write lock.
    fn ids(&self, sql: &str, before: &str) -> rusqlite::Result<Vec<i64>> {
        self.db
            .prepare(sql)?
            .query_map(named_params! { ":before": before }, |row| row.get(0))?
            .collect()
    }

    /// Removes what no report names any more. It is looked for without the write lock, and looked at again with it.
    fn remove_unused(&mut self) -> Result<(), StoreError> {
        for (table, is_unused) in UNUSED {
            let ids: Vec<i64> = self
                .db
                .prepare(&format!("SELECT id FROM {table} WHERE {is_unused}"))?
                .query_map((), |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            self.for_each(
                &format!("DELETE FROM {table} WHERE id = :id AND {is_unused}"),
                &ids,
            )?;
        }
        Ok(())
    }
}

/// Removes a slice of reports that ended before `day`, or were stored before it, for when they end is their own word; and
/// keeps their days in the failure types.
fn remove_reports(db: &Connection, day: &str, slice: u32) -> rusqlite::Result<usize> {
    db.prepare_cached("CREATE TEMP TABLE IF NOT EXISTS leaving (id INTEGER PRIMARY KEY) STRICT")?
        .execute(())?;
    db.prepare_cached("DELETE FROM temp.leaving")?.execute(())?;
    db.prepare_cached(
        "INSERT INTO temp.leaving SELECT id FROM report WHERE day < :day
         AND min(substr(end_datetime, 1, 10), substr(stored_at, 1, 10)) < :day
         ORDER BY day LIMIT :slice",
    )?
    .execute(named_params! { ":day": day, ":slice": slice })?;
    // The joins stand as they are run: SQLite, which doesn't know that few leave, would begin with all failures.
    db.prepare_cached(
        "UPDATE failure_type SET
             expired_first_day = min(coalesce(expired_first_day, days.first), days.first),
             expired_last_day = max(coalesce(expired_last_day, days.last), days.last)
         FROM (SELECT failure.failure_type AS id, min(report.day) AS first, max(report.day) AS last
               FROM leaving CROSS JOIN report ON report.id = leaving.id AND report.status = 'counted'
                    CROSS JOIN policy_result ON policy_result.report = report.id
                    CROSS JOIN failure ON failure.policy_result = policy_result.id
               WHERE failure.failure_type IS NOT NULL GROUP BY failure.failure_type) AS days
         WHERE failure_type.id = days.id",
    )?
    .execute(())?;
    keep_episodes(db)?;
    db.prepare_cached("DELETE FROM report WHERE id IN (SELECT id FROM leaving)")?
        .execute(())
}

/// Keeps what the leaving reports say of the lives of problems; counted as in the view `problem_days`, which would look
/// at all reports each time.
fn keep_episodes(db: &Connection) -> rusqlite::Result<()> {
    db.prepare_cached(
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
         FROM by_report CROSS JOIN problem_episode AS episode ON episode.problem = by_report.problem
                         AND by_report.day BETWEEN episode.first_day AND episode.last_day
         GROUP BY episode.problem, episode.first_day
         ON CONFLICT (problem, first_day) DO UPDATE SET
             last_day = excluded.last_day, removed_to = max(removed_to, excluded.removed_to),
             visible_from = excluded.visible_from, failed = CAST(0.0 + failed + excluded.failed AS INTEGER),
             at_least = max(at_least, excluded.at_least), ended = excluded.ended, ended_day = excluded.ended_day,
             by_note = excluded.by_note",
    )?
    .execute(())?;
    Ok(())
}
