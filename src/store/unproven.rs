//! Where most reports of those who used to prove their origin don't any more: then something on the way breaks the
//! signatures, and their reports count as before, for silence would be worse.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, named_params};

use super::facts::{Range, count, date};
use super::record::day_of;
use super::room::{Room, domains};
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
/// Fewer proven days of a reporter than this say nothing of when its next one is due.
const REGULAR_DAYS: usize = 4;
/// Least days over which it is reckoned how many a reporter usually has.
const LEAST_SPAN: i64 = 7;
/// Fewer failing days of known reporters than this are no sign of anything.
const LEAST_FAILING: u64 = 4;
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
    /// Whom we know for proven reports.
    proven: Proven,
    /// The same and whom we know for such as were set free.
    known: Proven,
    /// The first day that is looked at.
    since: String,
}

impl Store {
    /// Lets reports count that are set aside if most reports of those who used to prove their origin fail; gives how many
    /// count now. Forged ones alone can't bring that about: those of a reporter weigh no more than the proven ones that
    /// are missing, and of each of its days no more count than usual.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database; then all is as before.
    pub fn set_free(&mut self, now: Timestamp) -> Result<u64, StoreError> {
        // Most polls bring nothing new, and reading weeks of reports takes its time.
        let seen = Seen::at(&self.db, now)?;
        if seen.n_aside == 0 || self.seen.as_ref() == Some(&seen) {
            return Ok(0);
        }
        let n_counted = self.look_and_set_free(now)?;
        // Only now: what failed is tried again.
        self.seen = Some(seen);
        Ok(n_counted)
    }

    fn look_and_set_free(&mut self, now: Timestamp) -> Result<u64, StoreError> {
        let pairs = pairs(&self.db, now)?;
        // Those that are well are known, so this is the most that weighing them could come to.
        let well = pairs.iter().filter(|pair| pair.is_proven).count();
        let failing = pairs.iter().filter(|pair| pair.fails && !pair.is_proven).count();
        if failing <= well {
            return Ok(0);
        }
        let look = Look::of(&self.db, pairs, now)?;
        if !look.is_blind(true) {
            return Ok(0);
        }
        let reports: Vec<(i64, Vec<u8>, String, String)> = self
            .db
            .prepare(
                "SELECT report.id, report.identity, sender.reporter, report.day
                 FROM report JOIN sender ON sender.id = report.sender
                 WHERE report.status = 'set-aside' AND report.aside = 'origin' AND report.authentication IN ('failed', 'none')
                   AND NOT report.backfill AND report.stored_at >= :since AND report.day BETWEEN :first AND :today
                 ORDER BY report.id",
            )?
            .query_map(
                named_params! {
                    ":since": text(before(now, WINDOW_DAYS)), ":first": day_of(before(now, KNOWN_DAYS)),
                    ":today": day_of(now),
                },
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
            )?
            .collect::<rusqlite::Result<_>>()?;
        let tx = self.begin()?;
        let mut room = Room::of(&tx, &day_of(before(now, KNOWN_DAYS)))?;
        let mut n_counted = 0_u64;
        for (report, identity, reporter, day) in reports {
            let is_proven = look.proven.get(&reporter).is_some_and(|days| days.contains(&day));
            if is_proven || !look.known.contains_key(&reporter) {
                continue;
            }
            let domains = domains(&tx, report)?;
            if !room.has_some(&reporter, &day, &domains) {
                continue;
            }
            tx.execute(
                "UPDATE report SET set_free = 1 WHERE id = :report",
                named_params! { ":report": report },
            )?;
            if let_count(&tx, report, &identity)? {
                n_counted = n_counted.saturating_add(1);
                room.take(&reporter, &day, &domains);
            } else {
                // It has got a new id, and another that counts has taken no room here.
                tx.execute(
                    "UPDATE report SET set_free = 0 WHERE identity = :identity AND status <> 'counted'",
                    named_params! { ":identity": identity },
                )?;
            }
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

/// What a look at the reports depends on, as far as it changes by itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Seen {
    newest: i64,
    /// Reports that are set aside and may be set free.
    n_aside: i64,
    day: String,
}

impl Seen {
    fn at(db: &Connection, now: Timestamp) -> rusqlite::Result<Self> {
        db.prepare_cached(
            "SELECT (SELECT coalesce(max(id), 0) FROM report),
                    (SELECT count(*) FROM report
                     WHERE status = 'set-aside' AND aside = 'origin' AND authentication IN ('failed', 'none'))",
        )?
        .query_row((), |row| {
            Ok(Self {
                newest: row.get(0)?,
                n_aside: row.get(1)?,
                day: day_of(now),
            })
        })
    }
}

/// What reporters sent about the last days.
fn pairs(db: &Connection, now: Timestamp) -> rusqlite::Result<Vec<Pair>> {
    db.prepare_cached(
        "SELECT sender.reporter, max(report.authentication IN ('dkim', 'trusted-mx')),
                max(report.status = 'set-aside' OR report.set_free), max(report.stored_at >= :recent)
         FROM report JOIN sender ON sender.id = report.sender
         WHERE report.day BETWEEN :since AND :today AND NOT report.backfill
           AND report.authentication IN ('dkim', 'trusted-mx', 'failed', 'none')
         GROUP BY sender.reporter, report.day",
    )?
    .query_map(
        named_params! {
            ":since": day_of(before(now, WINDOW_DAYS)), ":today": day_of(now),
            ":recent": text(before(now, RECENT_DAYS)),
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
    .collect()
}

impl Look {
    fn of(db: &Connection, pairs: Vec<Pair>, now: Timestamp) -> rusqlite::Result<Self> {
        let known_since = day_of(before(now, KNOWN_DAYS));
        Ok(Self {
            pairs,
            proven: proven(db, &known_since, false)?,
            known: proven(db, &known_since, true)?,
            since: day_of(before(now, WINDOW_DAYS)),
        })
    }

    /// How many pairs fail, and how many there are. A reporter's failing ones weigh no more than the days on which it has
    /// proven itself: nobody can make much of one that reports once a month. Of known reporters they weigh no more than
    /// the proven days that are missing, which a stranger can't take away.
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
                Some(days) if only_known => self.missing(reporter, days),
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

    /// How many proven days of a reporter are missing of those that it usually has in so many days. What was set free says
    /// what is usual only where nothing else does: else those that are forged would make room for more.
    fn missing(&self, reporter: &str, known: &BTreeSet<String>) -> u64 {
        let proven = self.proven.get(reporter);
        let days = proven.unwrap_or(known);
        let (Some(first), Some(last)) = (days.first(), days.last()) else {
            return 0;
        };
        if days.len() < REGULAR_DAYS {
            return 0;
        }
        let span = days_between(date(first), date(last))
            .saturating_add(1)
            .max(LEAST_SPAN);
        let n_days = i64::try_from(days.len()).unwrap_or(i64::MAX);
        let usual = n_days.saturating_mul(WINDOW_DAYS).checked_div(span).unwrap_or(0);
        let came = proven.map_or(0, |days| days.range(self.since.clone()..).count());
        count(usual.min(WINDOW_DAYS)).saturating_sub(u64::try_from(came).unwrap_or(u64::MAX))
    }

    fn is_blind(&self, only_known: bool) -> bool {
        let most = |(failing, all): (u64, u64)| failing > all.saturating_sub(failing);
        let all = self.weigh(only_known, false);
        let recent = self.weigh(only_known, true);
        let is_enough = !only_known || all.0 >= LEAST_FAILING;
        is_enough && most(all) && (recent.1 == 0 || most(recent))
    }
}

fn days_between(first: Date, last: Date) -> i64 {
    first.until(last).map_or(0, |span| i64::from(span.get_days()))
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
    let look = Look::of(db, pairs(db, now)?, now)?;
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
         WHERE status = 'counted'
           AND (authentication = 'failed' OR authentication = 'none' OR authentication = 'temporary') AND NOT set_free",
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
