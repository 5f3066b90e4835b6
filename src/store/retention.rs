//! Removes what is older than the retention; failure types and the lives of problems stay.

use std::thread::sleep;
use std::time::{Duration, Instant};

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use rusqlite::{Connection, named_params};

use super::{Store, StoreError, flood, text};
use crate::config::Span;

/// Days for which the bytes of rejected mails are kept.
const RAW_DAYS: i64 = 30;
/// How long a transaction may take before the next one takes on less: nobody shall wait for 100 ms. That leaves time for
/// the disk at its end, which less work wouldn't shorten.
const SLICE_TIME: Duration = Duration::from_millis(25);
/// Where it took less than this, the next one takes on more.
const QUICK: Duration = Duration::from_millis(8);
/// The first slice.
const SLICE: Slice = Slice(100);
/// However slow the machine is.
const LEAST: u32 = 10;
/// Between two transactions. SQLite has no queue: who waits for the lock looks again now and then, and must find it free.
const PAUSE: Duration = Duration::from_millis(10);

/// How many reports, mails or other rows one transaction removes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slice(pub(super) u32);

impl Slice {
    /// The next one, after this one took so long.
    pub(super) fn after(self, took: Duration) -> Self {
        if took > SLICE_TIME {
            Self(self.0.div_ceil(4).max(LEAST))
        } else if took < QUICK {
            Self(self.0.saturating_mul(2).min(1000))
        } else {
            self
        }
    }
}

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
        let raw_before = now
            .to_zoned(TimeZone::UTC)
            .checked_sub(RAW_DAYS.days())
            .map_or(Timestamp::MIN, |then| then.timestamp());
        let raw: Vec<i64> = self
            .db
            .prepare(
                "SELECT raw_mail.mail FROM raw_mail CROSS JOIN mail ON mail.id = raw_mail.mail
                 WHERE mail.processed_at < :before",
            )?
            .query_map(named_params! { ":before": text(raw_before) }, |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        self.remove_ids(&raw, "DELETE FROM raw_mail WHERE mail = :id")?;
        flood::retain(&self.db, now)?;
        let Some(before) = retention.before(now) else {
            self.sum_up()?;
            return Ok(0);
        };
        let (day, moment) = (before.strftime("%Y-%m-%d").to_string(), text(before));
        let removed = self.in_slices(|db, slice| remove_reports(db, &day, slice))?;
        self.in_slices(|db, slice| {
            db.prepare_cached(
                "DELETE FROM mail WHERE id IN (SELECT id FROM mail WHERE processed_at < :before ORDER BY id LIMIT :slice)",
            )?
            .execute(named_params! { ":before": moment, ":slice": slice })
        })?;
        self.identity.check()?;
        self.db.execute(
            "DELETE FROM digest WHERE due_at < :before AND sent_at IS NOT NULL
             AND id < (SELECT max(id) FROM digest AS newest WHERE newest.audience = digest.audience)",
            named_params! { ":before": moment },
        )?;
        if removed > 0 {
            self.remove_unused()?;
        }
        self.sum_up()?;
        Ok(removed)
    }

    /// Removes in one transaction after another until one finds nothing; gives how much was removed.
    fn in_slices(
        &mut self,
        remove: impl Fn(&Connection, u32) -> rusqlite::Result<usize>,
    ) -> Result<u64, StoreError> {
        let (mut slice, mut sum) = (SLICE, 0_u64);
        loop {
            let tx = self.begin()?;
            let started = Instant::now();
            let removed = remove(&tx, slice.0)?;
            let took = started.elapsed();
            tx.commit()?;
            if removed == 0 {
                return Ok(sum);
            }
            sum = sum.saturating_add(u64::try_from(removed).unwrap_or(u64::MAX));
            slice = slice.after(took);
            sleep(PAUSE);
        }
    }

    /// Removes what no report names any more. It is looked for without the write lock, and looked at again with it.
    fn remove_unused(&mut self) -> Result<(), StoreError> {
        for (table, is_unused) in UNUSED {
            let ids: Vec<i64> = self
                .db
                .prepare(&format!("SELECT id FROM {table} WHERE {is_unused}"))?
                .query_map((), |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            self.remove_ids(
                &ids,
                &format!("DELETE FROM {table} WHERE id = :id AND {is_unused}"),
            )?;
        }
        Ok(())
    }

    /// Removes rows with these ids, in slices.
    fn remove_ids(&mut self, mut ids: &[i64], sql: &str) -> Result<(), StoreError> {
        let mut slice = SLICE;
        while !ids.is_empty() {
            let n = usize::try_from(slice.0).unwrap_or(ids.len()).min(ids.len());
            let (now, later) = ids.split_at_checked(n).unwrap_or((ids, &[]));
            let tx = self.begin()?;
            let started = Instant::now();
            for id in now {
                tx.prepare_cached(sql)?.execute(named_params! { ":id": id })?;
            }
            slice = slice.after(started.elapsed());
            tx.commit()?;
            ids = later;
            sleep(PAUSE);
        }
        Ok(())
    }
}

/// Removes a slice of reports that ended before `day`, and keeps their days in the failure types.
fn remove_reports(db: &Connection, day: &str, slice: u32) -> rusqlite::Result<usize> {
    db.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS leaving (id INTEGER PRIMARY KEY) STRICT; DELETE FROM leaving;",
    )?;
    db.execute(
        "INSERT INTO leaving SELECT id FROM report WHERE day < :day AND substr(end_datetime, 1, 10) < :day
         ORDER BY day LIMIT :slice",
        named_params! { ":day": day, ":slice": slice },
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
