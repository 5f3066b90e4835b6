//! Sums by day and month, kept beside the reports so that totals over years take milliseconds.
//!
//! Whatever changes a report marks its month; the views then add up that month's reports themselves, so that they are
//! right at any moment, until [`Store::sum_up`] derives the sums anew. Nothing is ever added to a sum or taken from it.

use std::collections::BTreeMap;

use rusqlite::{Connection, ErrorCode, named_params};

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
    /// Adds up the months that have changed since they were, small ones together in a transaction. Months are left to the
    /// next time where others write meanwhile.
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
        let (mut months, mut at_most) = (changed.as_slice(), MONTHS);
        while !months.is_empty() {
            self.identity.check()?;
            let now = months.get(..at_most).unwrap_or(months);
            let done = match sum_up_months(&self.db, now) {
                // Of several it may be another one that is written into.
                Err(error) if is_busy(&error) && at_most > 1 => {
                    at_most = 1;
                    0
                }
                Err(error) if is_busy(&error) => 1,
                other => other?,
            };
            months = months.get(done..).unwrap_or_default();
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

/// Where the sums of months are put together; made once, so that the statements stay prepared.
const SCRATCH: &str = "CREATE TEMP TABLE IF NOT EXISTS new_domain_day (month, day, policy_domain, reports, ok, failed, unreadable);
     CREATE TEMP TABLE IF NOT EXISTS new_policy_month (month, policy, sender, first_day, last_day, reports, ok, failed, unreadable);
     CREATE TEMP TABLE IF NOT EXISTS new_sender_month (month, sender, first_day, last_day, last_stored_at, reports);";
const CLEAR: [&str; 3] = [
    "DELETE FROM temp.new_domain_day",
    "DELETE FROM temp.new_policy_month",
    "DELETE FROM temp.new_sender_month",
];
/// So many reports are added up at a time, if not in one month: what these come to is written in some ten milliseconds.
const REPORTS: i64 = 5000;

/// So many months at a time: one in which no report counts adds nothing to those.
const MONTHS: usize = 64;

fn is_busy(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
}

/// Adds up the first of these months in temporary tables, while others may write; the last part alone has the write lock.
/// Gives how many were added up, one at least.
fn sum_up_months(db: &Connection, months: &[String]) -> rusqlite::Result<usize> {
    let tx = db.unchecked_transaction()?;
    for sql in CLEAR {
        tx.prepare_cached(sql)?.execute(())?;
    }
    let (mut n_reports, mut n_months) = (0_i64, 0_usize);
    for month in months {
        if n_reports > REPORTS {
            break;
        }
        n_reports = n_reports.saturating_add(add_up(&tx, month)?);
        n_months = n_months.saturating_add(1);
    }
    for month in months.iter().take(n_months) {
        clear(&tx, month)?;
    }
    keep(&tx)?;
    tx.commit()?;
    Ok(n_months)
}

/// Adds up a month; gives how many reports it has.
fn add_up(tx: &Connection, month: &str) -> rusqlite::Result<i64> {
    let days =
        named_params! { ":month": month, ":first": format!("{month}-01"), ":last": format!("{month}-31") };
    tx.prepare_cached(
        "INSERT INTO temp.new_domain_day
         SELECT :month, report.day, policy.policy_domain, count(*) AS reports,
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
         SELECT :month, policy_result.policy, report.sender, min(report.day) AS first_day, max(report.day) AS last_day,
                count(domain_ok) AS reports, CAST(total(domain_ok) AS INTEGER) AS ok,
                CAST(total(domain_failed) AS INTEGER) AS failed, coalesce(sum(domain_unreadable), 0) AS unreadable
         FROM report CROSS JOIN policy_result ON policy_result.report = report.id
         WHERE report.day BETWEEN :first AND :last AND report.status = 'counted'
         GROUP BY policy_result.policy, report.sender",
    )?
    .execute(days)?;
    tx.prepare_cached(
        "INSERT INTO temp.new_sender_month
         SELECT :month, sender, min(day) AS first_day, max(day) AS last_day, max(stored_at) AS last_stored_at,
                count(*) AS reports
         FROM report WHERE day BETWEEN :first AND :last AND status = 'counted' GROUP BY sender",
    )?
    .execute(days)?;
    let sql = "SELECT coalesce(sum(reports), 0) FROM temp.new_sender_month WHERE month = :month";
    tx.prepare_cached(sql)?
        .query_row(named_params! { ":month": month }, |row| row.get(0))
}

/// Removes the old sums of a month.
fn clear(db: &Connection, month: &str) -> rusqlite::Result<()> {
    db.prepare_cached("DELETE FROM domain_day_sum WHERE day BETWEEN :first AND :last")?
        .execute(named_params! { ":first": format!("{month}-01"), ":last": format!("{month}-31") })?;
    for sql in [
        "DELETE FROM policy_month_sum WHERE month = :month",
        "DELETE FROM sender_month_sum WHERE month = :month",
        "DELETE FROM month WHERE month = :month",
    ] {
        db.prepare_cached(sql)?
            .execute(named_params! { ":month": month })?;
    }
    Ok(())
}

/// Puts the new sums in their place.
fn keep(db: &Connection) -> rusqlite::Result<()> {
    for sql in [
        "INSERT INTO domain_day_sum (day, policy_domain, reports, ok, failed, unreadable)
         SELECT day, policy_domain, reports, ok, failed, unreadable FROM temp.new_domain_day",
        "INSERT INTO policy_month_sum (month, policy, sender, first_day, last_day, reports, ok, failed, unreadable)
         SELECT month, policy, sender, first_day, last_day, reports, ok, failed, unreadable
         FROM temp.new_policy_month",
        "INSERT INTO sender_month_sum (month, sender, first_day, last_day, last_stored_at, reports)
         SELECT month, sender, first_day, last_day, last_stored_at, reports FROM temp.new_sender_month",
        "INSERT INTO month (month, is_summed) SELECT DISTINCT month, 1 FROM temp.new_sender_month",
    ] {
        db.prepare_cached(sql)?.execute(())?;
    }
    Ok(())
}
