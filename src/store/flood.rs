//! How many reports of each sender come a day, and when they are far too many.

use rusqlite::{Connection, OptionalExtension, ToSql, named_params};

use super::facts::count;
use super::record::day_of;
use super::{Store, StoreError};
use crate::authenticate::organisation;

/// So many times what is usual is too many.
const TIMES_USUAL: u64 = 3;
/// What is usual is the median of so many days before; a day without any is one with none.
const USUAL_DAYS: i64 = 14;
/// Never more than so many times the limit: else who has patience makes anything usual.
const TIMES_LIMIT: u64 = 10;
/// Counts are kept for so many days.
const KEPT_DAYS: i64 = 60;

/// Counts a report that came on a day; whether it is one too many. Old mail counts as usual, however much it is.
pub(super) fn arrives(
    db: &Connection,
    submitter: &str,
    is_proven: bool,
    day: &str,
    limit: u64,
    backfill: bool,
) -> rusqlite::Result<bool> {
    // Nobody uses up the share of another by his name.
    let reporter = organisation(submitter);
    let names = named_params! { ":reporter": reporter, ":is_proven": is_proven, ":day": day };
    let n = increment(db, names)?;
    if backfill || count(n) <= limit {
        return Ok(false);
    }
    // The lower of the two in the middle.
    let usual: Option<i64> = db
        .prepare_cached(
            "SELECT reports FROM arrival
             WHERE reporter = :reporter AND is_proven = :is_proven
               AND day >= date(:day, :since) AND day < :day
             ORDER BY reports DESC LIMIT 1 OFFSET :half",
        )?
        .query_row(
            named_params! {
                ":reporter": reporter, ":is_proven": is_proven, ":day": day, ":since": format!("-{USUAL_DAYS} days"),
                ":half": USUAL_DAYS / 2,
            },
            |row| row.get(0),
        )
        .optional()?;
    let most = limit.saturating_mul(TIMES_LIMIT);
    if count(n) <= count(usual.unwrap_or(0)).saturating_mul(TIMES_USUAL).min(most) {
        return Ok(false);
    }
    // What is cut off doesn't make more usual.
    db.prepare_cached(
        "UPDATE arrival SET reports = reports - 1
         WHERE reporter = :reporter AND is_proven = :is_proven AND day = :day",
    )?
    .execute(names)?;
    Ok(true)
}

/// Counts one more; gives how many there are now. With RETURNING it would be one statement that takes as long as three.
fn increment(db: &Connection, names: &[(&str, &dyn ToSql)]) -> rusqlite::Result<i64> {
    let known: Option<i64> = db
        .prepare_cached(
            "SELECT reports FROM arrival WHERE reporter = :reporter AND is_proven = :is_proven AND day = :day",
        )?
        .query_row(names, |row| row.get(0))
        .optional()?;
    let sql = match known {
        Some(_) => {
            "UPDATE arrival SET reports = reports + 1
             WHERE reporter = :reporter AND is_proven = :is_proven AND day = :day"
        }
        None => {
            "INSERT INTO arrival (reporter, is_proven, day, reports) VALUES (:reporter, :is_proven, :day, 1)"
        }
    };
    db.prepare_cached(sql)?.execute(names)?;
    Ok(known.unwrap_or(0).saturating_add(1))
}

impl Store {
    /// Forgets counts of days that matter no more.
    pub(super) fn forget_arrivals(&mut self, now: jiff::Timestamp) -> Result<(), StoreError> {
        let hours = KEPT_DAYS.saturating_mul(24);
        let before = now.checked_sub(jiff::SignedDuration::from_hours(hours));
        let before = day_of(before.unwrap_or(jiff::Timestamp::MIN));
        self.in_slices("counts of arrivals", |db, slice| {
            db.prepare_cached(
                "DELETE FROM arrival WHERE (reporter, is_proven, day) IN
                     (SELECT reporter, is_proven, day FROM arrival WHERE day < :before LIMIT :slice)",
            )?
            .execute(named_params! { ":before": before, ":slice": slice })
        })?;
        Ok(())
    }
}
