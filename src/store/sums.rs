//! Sums by day and month, kept beside the reports so that totals over years take milliseconds.
//!
//! Whatever changes a report marks its month; the views then add up that month's reports themselves, so that they are
//! right at any moment, until [`Store::sum_up`] derives the sums anew. Nothing is ever added to a sum or taken from it.

use std::collections::BTreeMap;

use rusqlite::{Connection, ErrorCode, OptionalExtension, named_params};

use super::batch::Batch;
use super::{Store, StoreError};
use crate::report::PolicyResult;

/// How many months may wait for the daily round: what the reports of two months come to, the views add up in time.
const FEW_MONTHS: u32 = 3;
/// Of a day these are the month.
const MONTH_CHARS: usize = "2026-11".len();

/// What the entries of a report on one domain say together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) ok: i64,
    pub(super) failed: i64,
    /// Entries with an unreadable count.
    pub(super) unreadable: i64,
}

/// Readable counts of some entries.
#[derive(Debug, Default)]
struct Counts {
    ok: u128,
    failed: u128,
}

impl Counts {
    fn total(&self) -> u128 {
        self.ok.saturating_add(self.failed)
    }
}

/// Entries on one domain.
#[derive(Debug, Default)]
struct Domain {
    sts: Counts,
    tlsa: Counts,
    other: Counts,
    unreadable: i64,
}

/// For each entry of a report, what it and the later ones on its domain say together; `None` where an earlier one says
/// it. `sts` and `tlsa` entries are the same sessions: of the two the larger counts.
pub(super) fn shares(policies: &[PolicyResult]) -> Vec<Option<Share>> {
    let mut domains: BTreeMap<&str, (usize, Domain)> = BTreeMap::new();
    for (at, result) in policies.iter().enumerate() {
        let name = result.policy.policy_domain.as_deref().unwrap_or_default();
        let (_, domain) = domains.entry(name).or_insert_with(|| (at, Domain::default()));
        let counts = match result.policy.policy_type.as_str() {
            "sts" => &mut domain.sts,
            "tlsa" => &mut domain.tlsa,
            _ => &mut domain.other,
        };
        counts.ok = counts.ok.saturating_add(result.successful.unwrap_or(0).into());
        counts.failed = counts.failed.saturating_add(result.failed.unwrap_or(0).into());
        let is_unreadable = result.successful.is_none() || result.failed.is_none();
        domain.unreadable = domain.unreadable.saturating_add(is_unreadable.into());
    }
    let mut shares = vec![None; policies.len()];
    for (at, domain) in domains.into_values() {
        if let Some(share) = shares.get_mut(at) {
            *share = Some(domain.share());
        }
    }
    shares
}

impl Domain {
    fn share(&self) -> Share {
        let failed = self.sts.failed.max(self.tlsa.failed);
        let ok = self.sts.total().max(self.tlsa.total()).saturating_sub(failed);
        let count = |sum: u128| i64::try_from(sum).unwrap_or(i64::MAX);
        Share {
            ok: count(ok.saturating_add(self.other.ok)),
            failed: count(failed.saturating_add(self.other.failed)),
            unreadable: self.unreadable,
        }
    }
}

/// Marks the month of this day as not added up, which the triggers do for everything but new reports.
pub(super) fn forget_month(batch: &mut Batch<'_>, day: &str) -> rusqlite::Result<()> {
    let month = day.get(..MONTH_CHARS).unwrap_or(day);
    if batch.months.contains(month) {
        return Ok(());
    }
    let mark = "INSERT INTO month (month, is_summed) VALUES (?, 0)
         ON CONFLICT DO UPDATE SET is_summed = 0 WHERE is_summed";
    batch.db.prepare_cached(mark)?.execute((month,))?;
    batch.months.insert(month.to_owned());
    Ok(())
}

impl Store {
    /// Adds up the months that have changed since they were, each in a transaction of its own. A month that others write
    /// into meanwhile is left to the next time.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn sum_up(&mut self) -> Result<(), StoreError> {
        let changed: Vec<String> = self
            .db
            .prepare("SELECT month FROM month WHERE NOT is_summed ORDER BY month")?
            .query_map((), |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        if !changed.is_empty() {
            self.db.execute_batch(SCRATCH)?;
        }
        for month in changed {
            self.identity.check()?;
            match sum_up_month(&self.db, &month) {
                Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {}
                other => other?,
            }
        }
        Ok(())
    }

    /// As [`Store::sum_up`] where more months have changed than the views should add up themselves: after an import, or
    /// the first poll of an old mailbox.
    pub(super) fn sum_up_many(&mut self) -> Result<(), StoreError> {
        let n_changed: u32 =
            self.db
                .query_row("SELECT count(*) FROM month WHERE NOT is_summed", (), |row| {
                    row.get(0)
                })?;
        if n_changed > FEW_MONTHS {
            self.sum_up()?;
        }
        Ok(())
    }
}

/// Where the sums of a month are put together; made once, so that the statements stay prepared from month to month.
const SCRATCH: &str = "CREATE TEMP TABLE IF NOT EXISTS new_domain_day (day, policy_domain, reports, ok, failed, unreadable);
     CREATE TEMP TABLE IF NOT EXISTS new_policy_month (policy, sender, first_day, last_day, reports, ok, failed, unreadable);
     CREATE TEMP TABLE IF NOT EXISTS new_sender_month (sender, first_day, last_day, last_stored_at, reports);";
const CLEAR: [&str; 3] = [
    "DELETE FROM temp.new_domain_day",
    "DELETE FROM temp.new_policy_month",
    "DELETE FROM temp.new_sender_month",
];

/// Adds up in temporary tables, while others may write; the last part alone has the write lock.
fn sum_up_month(db: &Connection, month: &str) -> rusqlite::Result<()> {
    let tx = db.unchecked_transaction()?;
    let days = named_params! { ":first": format!("{month}-01"), ":last": format!("{month}-31") };
    for sql in CLEAR {
        tx.prepare_cached(sql)?.execute(())?;
    }
    tx.prepare_cached(
        "INSERT INTO temp.new_domain_day
         SELECT report.day, policy.policy_domain, count(*) AS reports,
                CAST(total(domain_ok) AS INTEGER) AS ok, CAST(total(domain_failed) AS INTEGER) AS failed,
                sum(domain_unreadable) AS unreadable
         FROM report CROSS JOIN policy_result ON policy_result.report = report.id
              CROSS JOIN policy ON policy.id = policy_result.policy
         WHERE report.day BETWEEN :first AND :last AND report.status = 'counted' AND domain_ok IS NOT NULL
         GROUP BY report.day, policy.policy_domain",
    )?
    .execute(days)?;
    tx.prepare_cached(
        "INSERT INTO temp.new_policy_month
         SELECT policy_result.policy, report.sender, min(report.day) AS first_day, max(report.day) AS last_day,
                count(domain_ok) AS reports, CAST(total(domain_ok) AS INTEGER) AS ok,
                CAST(total(domain_failed) AS INTEGER) AS failed, coalesce(sum(domain_unreadable), 0) AS unreadable
         FROM report CROSS JOIN policy_result ON policy_result.report = report.id
         WHERE report.day BETWEEN :first AND :last AND report.status = 'counted'
         GROUP BY policy_result.policy, report.sender",
    )?
    .execute(days)?;
    tx.prepare_cached(
        "INSERT INTO temp.new_sender_month
         SELECT sender, min(day) AS first_day, max(day) AS last_day, max(stored_at) AS last_stored_at,
                count(*) AS reports
         FROM report WHERE day BETWEEN :first AND :last AND status = 'counted' GROUP BY sender",
    )?
    .execute(days)?;
    keep(&tx, month, days)?;
    tx.commit()
}

/// Puts the new sums in the place of the old ones.
fn keep(db: &Connection, month: &str, days: &[(&str, &dyn rusqlite::ToSql)]) -> rusqlite::Result<()> {
    let month = named_params! { ":month": month };
    db.prepare_cached("DELETE FROM domain_day_sum WHERE day BETWEEN :first AND :last")?
        .execute(days)?;
    db.prepare_cached("DELETE FROM policy_month_sum WHERE month = :month")?
        .execute(month)?;
    db.prepare_cached("DELETE FROM sender_month_sum WHERE month = :month")?
        .execute(month)?;
    db.prepare_cached(
        "INSERT INTO domain_day_sum (day, policy_domain, reports, ok, failed, unreadable)
         SELECT day, policy_domain, reports, ok, failed, unreadable FROM temp.new_domain_day",
    )?
    .execute(())?;
    db.prepare_cached(
        "INSERT INTO policy_month_sum (month, policy, sender, first_day, last_day, reports, ok, failed, unreadable)
         SELECT :month, policy, sender, first_day, last_day, reports, ok, failed, unreadable
         FROM temp.new_policy_month",
    )?
    .execute(month)?;
    db.prepare_cached(
        "INSERT INTO sender_month_sum (month, sender, first_day, last_day, last_stored_at, reports)
         SELECT :month, sender, first_day, last_day, last_stored_at, reports FROM temp.new_sender_month",
    )?
    .execute(month)?;
    let is_empty = db
        .prepare_cached("SELECT 1 FROM temp.new_sender_month LIMIT 1")?
        .query_row((), |_| Ok(()))
        .optional()?
        .is_none();
    let settle = if is_empty {
        "DELETE FROM month WHERE month = :month"
    } else {
        "UPDATE month SET is_summed = 1 WHERE month = :month"
    };
    db.prepare_cached(settle)?.execute(month)?;
    Ok(())
}
