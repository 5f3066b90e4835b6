//! The rows of the page that shows all days.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use jiff::civil::Date;
use rusqlite::{Connection, named_params};

use super::facts::{count, date};
use super::{Store, StoreError};
use crate::assess::history::PolicyText;

/// What a reporter says of a domain on one day, by reports that count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartRow {
    /// The policy domain; may be empty.
    pub domain: Rc<str>,
    /// As in the view `problem_days`.
    pub reporter: Rc<str>,
    /// UTC day.
    pub day: Date,
    /// Good connections.
    pub ok: u64,
    /// Failed ones.
    pub failed: u64,
    /// Whether a count could not be read.
    pub at_least: bool,
}

/// A policy with who showed it and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartPolicy {
    /// The policy domain; may be empty.
    pub domain: String,
    /// What was shown.
    pub text: PolicyText,
    /// As in the view `problem_days`.
    pub reporter: String,
    /// The first and last day on which that reporter showed it.
    pub days: (Date, Date),
}

impl Store {
    /// Connections by domain, reporter and day since `first`, in this order.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn chart(&self, first: Date) -> Result<Vec<ChartRow>, StoreError> {
        // One state of the database, though it takes several queries.
        let tx = self.db.unchecked_transaction()?;
        Ok(chart(&tx, first)?)
    }

    /// Every policy that a report since `first` shows, by domain; those shown last come first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn chart_policies(&self, first: Date) -> Result<Vec<ChartPolicy>, StoreError> {
        let list = |json: &str| -> Vec<String> { serde_json::from_str(json).unwrap_or_default() };
        let rows = self
            .db
            .prepare(
                "SELECT policy.policy_domain, policy.policy_type, policy.sts_mode, policy.policy_string, policy.mx_host,
                        sender.reporter, min(report.day), max(report.day)
                 FROM report JOIN sender ON sender.id = report.sender
                      JOIN policy_result ON policy_result.report = report.id
                      JOIN policy ON policy.id = policy_result.policy
                 WHERE report.status = 'counted' AND report.day >= :first
                 GROUP BY policy.id, sender.reporter ORDER BY 1, 8 DESC, 7 DESC, 2, policy.id, 6",
            )?
            .query_map(named_params! { ":first": first.to_string() }, |row| {
                Ok(ChartPolicy {
                    domain: row.get(0)?,
                    text: PolicyText {
                        policy_type: row.get(1)?,
                        mode: Some(row.get(2)?).filter(|mode: &String| !mode.is_empty()),
                        lines: list(row.get_ref(3)?.as_str()?),
                        mx_host: list(row.get_ref(4)?.as_str()?),
                    },
                    reporter: row.get(5)?,
                    days: (date(row.get_ref(6)?.as_str()?), date(row.get_ref(7)?.as_str()?)),
                })
            })?
            .collect::<rusqlite::Result<_>>()?;
        Ok(rows)
    }
}

/// As [`Store::chart`].
fn chart(db: &Connection, first: Date) -> rusqlite::Result<Vec<ChartRow>> {
    let domains = Names::read(db, "SELECT id, policy_domain FROM policy")?;
    let reporters = Names::read(db, "SELECT id, reporter FROM sender")?;
    // SQLite would sort all these rows by their names, in a file.
    let mut statement = db.prepare(
        "SELECT policy_result.policy, report.sender, report.day, domain_ok, domain_failed, domain_unreadable
         FROM report CROSS JOIN policy_result ON policy_result.report = report.id
         WHERE report.day >= :first AND report.status = 'counted' AND domain_ok IS NOT NULL",
    )?;
    let mut found = statement.query(named_params! { ":first": first.to_string() })?;
    let mut cells: Vec<((usize, usize, Date), Cell)> = Vec::new();
    let mut day = (String::new(), Date::ZERO);
    while let Some(row) = found.next()? {
        let text = row.get_ref(2)?.as_str()?;
        if text != day.0 {
            day = (text.to_owned(), date(text));
        }
        // Both are known: all three are read of one state of the database.
        let (Some(domain), Some(reporter)) = (domains.rank(row.get(0)?), reporters.rank(row.get(1)?)) else {
            continue;
        };
        let key = (domain, reporter, day.1);
        let cell = Cell {
            ok: count(row.get(3)?),
            failed: count(row.get(4)?),
            at_least: row.get::<_, i64>(5)? > 0,
        };
        cells.push((key, cell));
    }
    cells.sort_unstable_by_key(|(key, _)| *key);
    cells.dedup_by(|(key, cell), (kept, sum)| {
        let is_same = key == kept;
        if is_same {
            sum.add(*cell);
        }
        is_same
    });
    let row = |((domain, reporter, day), cell): ((usize, usize, Date), Cell)| ChartRow {
        domain: domains.name(domain),
        reporter: reporters.name(reporter),
        day,
        ok: cell.ok,
        failed: cell.failed,
        at_least: cell.at_least,
    };
    Ok(cells.into_iter().map(row).collect())
}

/// Connections.
#[derive(Debug, Clone, Copy)]
struct Cell {
    ok: u64,
    failed: u64,
    at_least: bool,
}

impl Cell {
    fn add(&mut self, other: Self) {
        self.ok = self.ok.saturating_add(other.ok);
        self.failed = self.failed.saturating_add(other.failed);
        self.at_least |= other.at_least;
    }
}

/// Names in their order, by the ids of rows that have them.
struct Names {
    sorted: Vec<Rc<str>>,
    ranks: HashMap<i64, usize>,
}

impl Names {
    fn read(db: &Connection, sql: &str) -> rusqlite::Result<Self> {
        let by_id: Vec<(i64, Rc<str>)> = db
            .prepare(sql)?
            .query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        let sorted: BTreeSet<Rc<str>> = by_id.iter().map(|(_, name)| Rc::clone(name)).collect();
        let sorted: Vec<Rc<str>> = sorted.into_iter().collect();
        let rank = |name: &Rc<str>| sorted.binary_search(name).unwrap_or_default();
        let ranks = by_id.iter().map(|(id, name)| (*id, rank(name))).collect();
        Ok(Self { sorted, ranks })
    }

    fn rank(&self, id: i64) -> Option<usize> {
        self.ranks.get(&id).copied()
    }

    fn name(&self, rank: usize) -> Rc<str> {
        self.sorted.get(rank).map_or_else(|| Rc::from(""), Rc::clone)
    }
}
