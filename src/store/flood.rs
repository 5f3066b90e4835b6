//! How many reports of each sender come a day, and when they are far too many.

use std::collections::BTreeMap;
use std::rc::Rc;

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, named_params};

use super::batch::Batch;
use super::facts::count;
use super::record::day_of;
use super::{Store, StoreError};

/// So many times what is usual is too many.
const TIMES_USUAL: u64 = 3;
/// What is usual is the median of so many days before; a day without any is one with none.
const USUAL_DAYS: i64 = 14;
/// Never more than so many times the limit: else who has patience makes anything usual.
const TIMES_LIMIT: u64 = 10;
/// Counts are kept for so many days.
const KEPT_DAYS: i64 = 60;

/// How many reports of an organisation came on a day.
#[derive(Debug)]
struct Arrival {
    /// Without those that were cut off.
    reports: i64,
    /// Whether the database knows of the day, and whether what it knows is true.
    is_known: bool,
    is_saved: bool,
}

/// The counts of a batch, by organisation, whether its mails are proven, and day. They are written once a batch.
#[derive(Debug, Default)]
pub(super) struct Arrivals(BTreeMap<(Rc<str>, bool, String), Arrival>);

/// Counts a report that came on a day; whether it is one too many. Old mail counts as usual, however much it is.
pub(super) fn arrives(
    batch: &mut Batch<'_>,
    (reporter, is_proven): (Rc<str>, bool),
    day: String,
    limit: u64,
    backfill: bool,
) -> rusqlite::Result<bool> {
    let (db, arrivals) = (batch.db, &mut batch.arrivals);
    let key = (reporter, is_proven, day);
    let n = increment(db, arrivals, &key)?;
    if backfill || count(n) <= limit {
        return Ok(false);
    }
    // What is usual goes by the days before, which may be of this batch.
    save(db, arrivals)?;
    let (reporter, is_proven, day) = &key;
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
                ":reporter": &**reporter, ":is_proven": is_proven, ":day": day,
                ":since": format!("-{USUAL_DAYS} days"), ":half": USUAL_DAYS / 2,
            },
            |row| row.get(0),
        )
        .optional()?;
    let most = limit.saturating_mul(TIMES_LIMIT);
    if count(n) <= count(usual.unwrap_or(0)).saturating_mul(TIMES_USUAL).min(most) {
        return Ok(false);
    }
    // What is cut off doesn't make more usual.
    if let Some(arrival) = arrivals.0.get_mut(&key) {
        arrival.reports = n.saturating_sub(1);
        arrival.is_saved = false;
    }
    Ok(true)
}

/// Counts one more; gives how many there are now.
fn increment(
    db: &Connection,
    arrivals: &mut Arrivals,
    key: &(Rc<str>, bool, String),
) -> rusqlite::Result<i64> {
    if let Some(arrival) = arrivals.0.get_mut(key) {
        arrival.reports = arrival.reports.saturating_add(1);
        arrival.is_saved = false;
        return Ok(arrival.reports);
    }
    let (reporter, is_proven, day) = key;
    let known: Option<i64> = db
        .prepare_cached("SELECT reports FROM arrival WHERE reporter = ? AND is_proven = ? AND day = ?")?
        .query_row((&**reporter, is_proven, day), |row| row.get(0))
        .optional()?;
    let reports = known.unwrap_or(0).saturating_add(1);
    let arrival = Arrival {
        reports,
        is_known: known.is_some(),
        is_saved: false,
    };
    arrivals.0.insert(key.clone(), arrival);
    Ok(reports)
}

/// Writes the counts that have changed.
pub(super) fn save(db: &Connection, arrivals: &mut Arrivals) -> rusqlite::Result<()> {
    for ((reporter, is_proven, day), arrival) in &mut arrivals.0 {
        if arrival.is_saved {
            continue;
        }
        // An upsert would be one statement that takes as long as two.
        let sql = if arrival.is_known {
            "UPDATE arrival SET reports = ?4 WHERE reporter = ?1 AND is_proven = ?2 AND day = ?3"
        } else {
            "INSERT INTO arrival (reporter, is_proven, day, reports) VALUES (?1, ?2, ?3, ?4)"
        };
        db.prepare_cached(sql)?
            .execute((&**reporter, *is_proven, day, arrival.reports))?;
        arrival.is_known = true;
        arrival.is_saved = true;
    }
    Ok(())
}

/// Since when days are counted.
pub(super) fn kept_since(now: Timestamp) -> Timestamp {
    let hours = KEPT_DAYS.saturating_mul(24);
    now.checked_sub(SignedDuration::from_hours(hours))
        .unwrap_or(Timestamp::MIN)
}

impl Store {
    /// Forgets counts of days that matter no more.
    pub(super) fn forget_arrivals(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let before = day_of(kept_since(now));
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
