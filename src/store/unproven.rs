//! Where most reports of those who used to prove their origin don't any more: then something on the way breaks the
//! signatures, and their reports count as before, for silence would be worse.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, named_params};

use super::facts::{Range, count};
use super::record::day_of;
use super::rows::Unproven;
use super::set_aside::let_count;
use super::{Store, StoreError, Tally, text};
use crate::config::{AuthenticationMode, Config};

/// Days of reports that are looked at.
const WINDOW_DAYS: i64 = 14;
/// A reporter that has proven itself within so many days used to.
const KNOWN_DAYS: i64 = 60;
/// What came in these last days must not all be well again.
const RECENT_DAYS: i64 = 3;
/// An installation is new for so many days.
const FIRST_DAYS: i64 = 7;

/// All of a reporter's reports about one day.
struct Pair {
    reporter: String,
    is_proven: bool,
    /// Something of it was set aside, whether it was set free or not.
    fails: bool,
    is_recent: bool,
}

/// Reporters, each with the days of which a proven report is known.
type Proven = BTreeMap<String, BTreeSet<String>>;

/// What the last days show.
struct Look {
    pairs: Vec<Pair>,
    /// Whom we know for proven reports, or for such as were set free.
    known: Proven,
}

impl Store {
    /// Lets reports count that are set aside if most reports of those who used to prove their origin fail; gives how many
    /// count now. Forged ones can't bring that about: a day of which a proven report is there is well, and those who have
    /// never proven themselves aren't looked at.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database; then all is as before.
    pub fn set_free(&mut self, now: Timestamp) -> Result<u64, StoreError> {
        if !has_aside(&self.db)? {
            return Ok(0);
        }
        let look = Look::at(&self.db, now)?;
        if !look.is_blind(true) {
            return Ok(0);
        }
        let reports: Vec<(i64, Vec<u8>, String, String)> = self
            .db
            .prepare(
                "SELECT report.id, report.identity, sender.reporter, report.day
                 FROM report JOIN sender ON sender.id = report.sender
                 WHERE report.status = 'set-aside' AND report.aside = 'origin' AND report.authentication IN ('failed', 'none')
                   AND NOT report.backfill AND report.stored_at >= :since AND report.day >= :day
                 ORDER BY report.id",
            )?
            .query_map(
                named_params! { ":since": text(before(now, WINDOW_DAYS)), ":day": day_of(before(now, KNOWN_DAYS)) },
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
            )?
            .collect::<rusqlite::Result<_>>()?;
        let proven = proven(&self.db, &day_of(before(now, KNOWN_DAYS)), false)?;
        let tx = self.begin()?;
        let mut n_counted = 0_u64;
        for (report, identity, reporter, day) in reports {
            let is_proven = proven.get(&reporter).is_some_and(|days| days.contains(&day));
            if is_proven || !look.known.contains_key(&reporter) {
                continue;
            }
            tx.execute(
                "UPDATE report SET set_free = 1 WHERE id = :report",
                named_params! { ":report": report },
            )?;
            n_counted = n_counted.saturating_add(u64::from(let_count(&tx, report, &identity)?));
        }
        tx.commit()?;
        Ok(n_counted)
    }

    /// As [`Store::set_free`] after a poll or an import, whose tally follows.
    ///
    /// # Errors
    ///
    /// As there.
    pub(super) fn set_free_of(
        &mut self,
        tally: &mut Tally,
        config: &Config,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if config.authentication.mode == AuthenticationMode::Off {
            return Ok(());
        }
        let n_counted = self.set_free(now)?;
        tally.stored = tally.stored.saturating_add(n_counted);
        tally.set_aside = tally.set_aside.saturating_sub(n_counted);
        Ok(())
    }

    /// Whether most reports of the last days fail, for `status`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn unproven(&self, now: Timestamp) -> Result<Option<Unproven>, StoreError> {
        Ok(unproven(&self.db, None, now)?)
    }
}

impl Look {
    fn at(db: &Connection, now: Timestamp) -> rusqlite::Result<Self> {
        let pairs = db
            .prepare(
                "SELECT sender.reporter, max(report.authentication IN ('dkim', 'trusted-mx')),
                        max(report.status = 'set-aside' OR report.set_free), max(report.stored_at >= :recent)
                 FROM report JOIN sender ON sender.id = report.sender
                 WHERE report.day >= :since AND NOT report.backfill
                   AND report.authentication IN ('dkim', 'trusted-mx', 'failed', 'none')
                 GROUP BY sender.reporter, report.day",
            )?
            .query_map(
                named_params! {
                    ":since": day_of(before(now, WINDOW_DAYS)), ":recent": text(before(now, RECENT_DAYS)),
                },
                |row| {
                    Ok(Pair {
                        reporter: row.get(0)?,
                        is_proven: row.get(1)?,
                        fails: row.get(2)?,
                        is_recent: row.get(3)?,
                    })
                },
            )?
            .collect::<rusqlite::Result<_>>()?;
        let known = proven(db, &day_of(before(now, KNOWN_DAYS)), true)?;
        Ok(Self { pairs, known })
    }

    /// How many pairs fail, and how many there are. A reporter's failing ones weigh no more than the days on which it has
    /// proven itself: nobody can make much of one that reports once a month.
    fn weigh(&self, only_known: bool, only_recent: bool) -> (u64, u64) {
        let mut by_reporter: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for pair in self.pairs.iter().filter(|pair| pair.is_recent || !only_recent) {
            let (failing, well) = by_reporter.entry(&pair.reporter).or_default();
            if pair.is_proven {
                *well = well.saturating_add(1);
            } else if pair.fails {
                *failing = failing.saturating_add(1);
            }
        }
        let mut sum = (0_u64, 0_u64);
        for (reporter, (failing, well)) in by_reporter {
            let weight = match self.known.get(reporter) {
                Some(days) => u64::try_from(days.len()).unwrap_or(u64::MAX),
                None if only_known => continue,
                None => u64::MAX,
            };
            let failing = failing.min(weight);
            sum.0 = sum.0.saturating_add(failing);
            sum.1 = sum.1.saturating_add(failing).saturating_add(well);
        }
        sum
    }

    fn is_blind(&self, only_known: bool) -> bool {
        let most = |(failing, all): (u64, u64)| failing > all.saturating_sub(failing);
        let recent = self.weigh(only_known, true);
        most(self.weigh(only_known, false)) && (recent.1 == 0 || most(recent))
    }
}

/// Whether most reports fail: of the last days, or of those that a digest covers.
pub(super) fn unproven(
    db: &Connection,
    range: Option<Range>,
    now: Timestamp,
) -> rusqlite::Result<Option<Unproven>> {
    let some_free: bool = db.query_row(
        "SELECT EXISTS (SELECT 1 FROM report WHERE set_free AND day >= :since)",
        named_params! { ":since": day_of(before(now, WINDOW_DAYS)) },
        |row| row.get(0),
    )?;
    if !some_free && !has_aside(db)? {
        return Ok(None);
    }
    let look = Look::at(db, now)?;
    let told = |(failing, all): (u64, u64), counted: bool| Unproven {
        failing,
        all,
        counted,
    };
    let is_new: bool = db.query_row(
        "SELECT coalesce(min(processed_at), '') > :since FROM mail",
        named_params! { ":since": text(before(now, FIRST_DAYS)) },
        |row| row.get(0),
    )?;
    if look.is_blind(true) {
        return Ok(Some(told(look.weigh(true, false), true)));
    }
    if (is_new || look.known.is_empty()) && look.is_blind(false) {
        return Ok(Some(told(look.weigh(false, false), false)));
    }
    let Some(range) = range else { return Ok(None) };
    let (failing, all) = weigh_range(db, &look.known, range)?;
    Ok((failing > all.saturating_sub(failing)).then_some(told((failing, all), false)))
}

/// As [`Look::weigh`] for the reports of a digest, old ones too.
fn weigh_range(db: &Connection, known: &Proven, range: Range) -> rusqlite::Result<(u64, u64)> {
    let first: Option<String> = db.query_row(
        "SELECT min(day) FROM report WHERE id > :after AND id <= :last",
        named_params! { ":after": range.after_report, ":last": range.last_report },
        |row| row.get(0),
    )?;
    let Some(first) = first else { return Ok((0, 0)) };
    let proven = proven(db, &first, false)?;
    let pairs: Vec<(String, String, bool)> = db
        .prepare(
            "SELECT sender.reporter, report.day, max(report.status = 'set-aside')
             FROM report JOIN sender ON sender.id = report.sender
             WHERE report.id > :after AND report.id <= :last
               AND report.authentication IN ('dkim', 'trusted-mx', 'failed', 'none')
             GROUP BY sender.reporter, report.day",
        )?
        .query_map(
            named_params! { ":after": range.after_report, ":last": range.last_report },
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )?
        .collect::<rusqlite::Result<_>>()?;
    let mut sum = (0_u64, 0_u64);
    for (reporter, day, is_aside) in pairs {
        let is_proven = proven.get(&reporter).is_some_and(|days| days.contains(&day));
        if !known.is_empty() && !known.contains_key(&reporter) && !is_proven {
            continue;
        }
        let fails = is_aside && !is_proven;
        sum.0 = sum.0.saturating_add(u64::from(fails));
        sum.1 = sum.1.saturating_add(u64::from(fails || is_proven));
    }
    Ok(sum)
}

/// The reports that count although their origin isn't proven, but for those that count as before.
pub(super) fn counted(db: &Connection) -> rusqlite::Result<BTreeSet<i64>> {
    db.prepare_cached(
        "SELECT id FROM report INDEXED BY report_unproven
         WHERE status = 'counted' AND authentication IN ('failed', 'none', 'temporary') AND NOT set_free",
    )?
    .query_map((), |row| row.get(0))?
    .collect()
}

/// Whether anything is set aside that some day may be set free.
fn has_aside(db: &Connection) -> rusqlite::Result<bool> {
    db.query_row(
        "SELECT EXISTS (SELECT 1 FROM report WHERE status = 'set-aside' AND aside = 'origin' AND authentication IN ('failed', 'none'))",
        (),
        |row| row.get(0),
    )
}

/// Who has proven reports about days from `since` on; also such as were set free, if `or_free`.
fn proven(db: &Connection, since: &str, or_free: bool) -> rusqlite::Result<Proven> {
    let mut proven = Proven::new();
    let mut statement = db.prepare(
        "SELECT DISTINCT sender.reporter, report.day FROM report JOIN sender ON sender.id = report.sender
         WHERE report.day >= :since
           AND (report.authentication IN ('dkim', 'trusted-mx') OR (:or_free AND report.set_free))",
    )?;
    let mut rows = statement.query(named_params! { ":since": since, ":or_free": or_free })?;
    while let Some(row) = rows.next()? {
        proven.entry(row.get(0)?).or_default().insert(row.get(1)?);
    }
    Ok(proven)
}

fn before(now: Timestamp, days: i64) -> Timestamp {
    now.checked_sub(SignedDuration::from_hours(days.saturating_mul(24)))
        .unwrap_or(Timestamp::MIN)
}

/// Reports that a digest covers and that are set aside for their origin.
pub(super) fn n_set_aside(db: &Connection, range: Range) -> rusqlite::Result<u64> {
    db.query_row(
        "SELECT count(*) FROM report
         WHERE id > :after AND id <= :last AND status = 'set-aside' AND aside = 'origin'",
        named_params! { ":after": range.after_report, ":last": range.last_report },
        |row| row.get(0).map(count),
    )
}
