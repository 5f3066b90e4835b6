//! Reads what problems and the states of domains are derived from.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use jiff::{Span, ToSpan, civil::Date};
use rusqlite::{Connection, Row, ToSql, named_params};
use serde_json::json;

use super::facts::{count, date};
use super::keys::{Key, Keys, KnownPolicy, Policies, Resolver, Said};
use super::{Store, StoreError, remarks, unproven};
use crate::assess::cause::host_form;
use crate::assess::history::{Entry, Failure, History, Sum};
use crate::config::DomainsConfig;

/// Entries of these last days matter, whatever is in them.
pub(super) const RECENT_DAYS: i64 = 60;
/// Older ones matter for so long after a failure of the same reporter and domain: they show whether it was over.
const AFTER_DAYS: i64 = 60;
/// Where one in so many domains has failed, entries are read in the order of days, not by domain.
const MANY: i64 = 8;
/// Different hosts, addresses and reasons kept of a failure; a hostile report may hold 100,000.
const MAX_VALUES: usize = 100;

impl Store {
    /// Everything that problems and the states of domains are derived from, as of `today` (UTC).
    ///
    /// All failures that retention has left; entries without any only of the last 60 days, or where the same reporter
    /// saw the same domain fail in the 60 days before.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn history(&self, today: Date, domains: &DomainsConfig) -> Result<History, StoreError> {
        // One state of the database, though it takes several queries.
        let tx = self.db.unchecked_transaction()?;
        let keys = Keys::read(&tx)?;
        Ok(read(&tx, &keys, &mut Policies::default(), today, domains, RECENT_DAYS)?.history)
    }

    /// The same with every entry that retention has left, for totals and beginnings of all time. It takes the more time
    /// and memory the more is stored.
    ///
    /// # Errors
    ///
    /// [`StoreError`] from the database.
    pub fn whole_history(&self, today: Date, domains: &DomainsConfig) -> Result<History, StoreError> {
        let tx = self.db.unchecked_transaction()?;
        let keys = Keys::read(&tx)?;
        Ok(read(&tx, &keys, &mut Policies::default(), today, domains, i64::MAX)?.history)
    }
}

/// A history, and where its failures stand in the database.
pub(super) struct Read {
    pub(super) history: History,
    /// For each failure, the id of its row in `policy_result`.
    pub(super) policy_results: Vec<i64>,
}

pub(super) fn read(
    db: &Connection,
    keys: &Keys,
    policies: &mut Policies,
    today: Date,
    domains: &DomainsConfig,
    recent_days: i64,
) -> rusqlite::Result<Read> {
    let mut reader = Reader {
        db,
        keys,
        policies,
        reporters: BTreeMap::new(),
        known: HashMap::new(),
        entries: Vec::new(),
        failures: Vec::new(),
        policy_results: Vec::new(),
    };
    reader.failures()?;
    // The day before every other one where there are too many days for a span.
    let recent = Span::new()
        .try_days(recent_days)
        .and_then(|span| today.checked_sub(span))
        .unwrap_or(Date::MIN);
    reader.recent(recent)?;
    reader.older(recent)?;
    let names = |names: &[String]| names.iter().map(|name| host_form(name)).collect();
    Ok(Read {
        history: History {
            today,
            our_domains: names(&domains.mail),
            our_mx: names(&domains.mx),
            entries: reader.entries,
            failures: reader.failures,
            remarks: remarks::read(db)?,
            unproven: unproven::counted(db)?,
        },
        policy_results: reader.policy_results,
    })
}

/// Failing days by domain and reporter.
type Failing = BTreeMap<(Rc<str>, Rc<str>), BTreeSet<Date>>;

struct Reader<'a> {
    db: &'a Connection,
    keys: &'a Keys,
    policies: &'a mut Policies,
    /// By the sender's id.
    reporters: BTreeMap<i64, Rc<str>>,
    /// Index in `entries` by the id of the policy result.
    known: HashMap<i64, usize>,
    entries: Vec<Entry>,
    failures: Vec<Failure>,
    policy_results: Vec<i64>,
}

/// The columns of an entry, first in every query here.
macro_rules! entry_columns {
    () => {
        "SELECT policy_result.id, policy_result.report, report.day, report.sender, policy_result.policy,
                policy_result.successful, policy_result.failed "
    };
}

impl Reader<'_> {
    /// Every failure, with its entry.
    fn failures(&mut self) -> rusqlite::Result<()> {
        // In the order of rows, in which those of a policy result follow each other.
        let mut statement = self.db.prepare(concat!(
            entry_columns!(),
            ", failure.failure_type, failure.problem, failure.result_type, failure.receiving_mx_hostname,
               failure.failure_reason_code, failure.failed_session_count, failure.receiving_ip,
               failure.sending_mta_ip
             FROM failure CROSS JOIN policy_result ON policy_result.id = failure.policy_result
                  CROSS JOIN report ON report.id = policy_result.report
             WHERE failure.failure_type IS NOT NULL AND report.status = 'counted'
             ORDER BY failure.id"
        ))?;
        let mut rows = statement.query(())?;
        let mut resolver = Resolver::default();
        let mut open: Option<(i64, BTreeMap<Key, Failure>)> = None;
        while let Some(row) = rows.next()? {
            let policy_result = row.get(0)?;
            if open.as_ref().is_none_or(|(at, _)| *at != policy_result) {
                self.close(open.take());
            }
            let policy = self.policies.get(self.db, row.get(4)?)?;
            let entry = self.entry(row, &policy)?;
            let key = self.key(row, &policy, &mut resolver)?;
            let (_, group) = open.get_or_insert_with(|| (policy_result, BTreeMap::new()));
            let failure = group
                .entry(key)
                .or_insert_with_key(|key| empty_failure(entry, key.clone()));
            take(failure, row)?;
        }
        self.close(open.take());
        Ok(())
    }

    fn close(&mut self, open: Option<(i64, BTreeMap<Key, Failure>)>) {
        let Some((policy_result, group)) = open else {
            return;
        };
        for failure in group.into_values() {
            self.failures.push(failure);
            self.policy_results.push(policy_result);
        }
    }

    /// The problem that a failure shows by itself, known or not known yet.
    fn key(&self, row: &Row<'_>, policy: &KnownPolicy, resolver: &mut Resolver) -> rusqlite::Result<Key> {
        let problem: Option<i64> = row.get(8)?;
        if let Some(key) = problem.and_then(|number| self.keys.key(number)) {
            return Ok(key.clone());
        }
        let said = Said {
            report: row.get(1)?,
            result_type: row.get_ref(9)?.as_str_or_null()?,
            mx: row.get_ref(10)?.as_str_or_null()?,
            reason: row.get_ref(11)?.as_str_or_null()?,
        };
        Ok(resolver.key(&said, policy))
    }

    /// The index of the entry of a row, which is added where it isn't known.
    fn entry(&mut self, row: &Row<'_>, policy: &KnownPolicy) -> rusqlite::Result<usize> {
        let policy_result: i64 = row.get(0)?;
        if let Some(known) = self.known.get(&policy_result) {
            return Ok(*known);
        }
        let entry = Entry {
            report: row.get(1)?,
            day: date(row.get_ref(2)?.as_str()?),
            reporter: self.reporter(row.get(3)?)?,
            domain: Rc::clone(&policy.domain),
            policy: Rc::clone(&policy.text),
            ok: row.get::<_, Option<i64>>(5)?.map(count),
            failed: row.get::<_, Option<i64>>(6)?.map(count),
        };
        let at = self.entries.len();
        self.entries.push(entry);
        self.known.insert(policy_result, at);
        Ok(at)
    }

    fn reporter(&mut self, sender: i64) -> rusqlite::Result<Rc<str>> {
        if let Some(known) = self.reporters.get(&sender) {
            return Ok(Rc::clone(known));
        }
        let reporter: String = self
            .db
            .prepare_cached("SELECT reporter FROM sender WHERE id = :id")?
            .query_row(named_params! { ":id": sender }, |row| row.get(0))?;
        // Senders differ in more than the reporter's name, of which one copy will do.
        let shared = self.reporters.values().find(|known| known.as_ref() == reporter);
        let reporter = shared.map_or_else(|| Rc::from(reporter.as_str()), Rc::clone);
        self.reporters.insert(sender, Rc::clone(&reporter));
        Ok(reporter)
    }

    fn recent(&mut self, since: Date) -> rusqlite::Result<()> {
        let mut statement = self.db.prepare(concat!(
            entry_columns!(),
            "FROM report CROSS JOIN policy_result ON policy_result.report = report.id
             WHERE report.day >= :since AND report.status = 'counted'"
        ))?;
        let mut rows = statement.query(named_params! { ":since": since.to_string() })?;
        while let Some(row) = rows.next()? {
            let policy = self.policies.get(self.db, row.get(4)?)?;
            self.entry(row, &policy)?;
        }
        Ok(())
    }

    /// Entries from before `recent` by which it can be told whether a failure was over.
    fn older(&mut self, recent: Date) -> rusqlite::Result<()> {
        let mut failing = Failing::new();
        for failure in &self.failures {
            if let Some(entry) = self.entries.get(failure.entry).filter(|entry| entry.day < recent) {
                let pair = (Rc::clone(&entry.domain), Rc::clone(&entry.reporter));
                failing.entry(pair).or_default().insert(entry.day);
            }
        }
        let mut first_days: BTreeMap<&str, Date> = BTreeMap::new();
        for ((domain, _), days) in &failing {
            let first = days.first().copied().unwrap_or(recent);
            let known = first_days.entry(domain).or_insert(first);
            *known = first.min(*known);
        }
        let recent = recent.to_string();
        if self.are_many(first_days.len())? {
            // Nearly all rows are looked at, which goes quickest in their own order.
            let first = first_days.values().min().map(Date::to_string);
            let sql = concat!(
                entry_columns!(),
                "FROM report CROSS JOIN policy_result ON policy_result.report = report.id
                 WHERE report.day >= :first AND report.day < :recent AND report.status = 'counted'"
            );
            self.older_rows(
                sql,
                named_params! { ":first": first, ":recent": recent },
                &failing,
            )
        } else {
            let domains = json!(first_days).to_string();
            let sql = concat!(
                entry_columns!(),
                "FROM json_each(:domains) AS failing CROSS JOIN policy ON policy.policy_domain = failing.key
                      CROSS JOIN policy_result ON policy_result.policy = policy.id
                      CROSS JOIN report ON report.id = policy_result.report
                 WHERE report.day >= failing.value AND report.day < :recent AND report.status = 'counted'"
            );
            self.older_rows(
                sql,
                named_params! { ":domains": domains, ":recent": recent },
                &failing,
            )
        }
    }

    /// Whether so many domains are a good part of all.
    fn are_many(&self, n_domains: usize) -> rusqlite::Result<bool> {
        let n_all: i64 =
            self.db
                .query_row("SELECT count(DISTINCT policy_domain) FROM policy", (), |row| {
                    row.get(0)
                })?;
        Ok(i64::try_from(n_domains)
            .is_ok_and(|n_domains| n_domains.saturating_mul(MANY) >= n_all && n_domains > 0))
    }

    /// Adds those entries that follow a failure of the same domain and reporter.
    fn older_rows(
        &mut self,
        sql: &str,
        parameters: &[(&str, &dyn ToSql)],
        failing: &Failing,
    ) -> rusqlite::Result<()> {
        let mut statement = self.db.prepare(sql)?;
        let mut rows = statement.query(parameters)?;
        // By sender and policy, of which there are few.
        let mut pairs: HashMap<(i64, i64), Option<&BTreeSet<Date>>> = HashMap::new();
        while let Some(row) = rows.next()? {
            let (sender, policy): (i64, i64) = (row.get(3)?, row.get(4)?);
            let days = if let Some(days) = pairs.get(&(sender, policy)) {
                *days
            } else {
                let domain = Rc::clone(&self.policies.get(self.db, policy)?.domain);
                let days = failing.get(&(domain, self.reporter(sender)?));
                *pairs.entry((sender, policy)).or_insert(days)
            };
            let Some(days) = days else { continue };
            let day = date(row.get_ref(2)?.as_str()?);
            let since = day.checked_sub(AFTER_DAYS.days()).unwrap_or(Date::MIN);
            if days.range(since..=day).next().is_some() {
                let policy = self.policies.get(self.db, policy)?;
                self.entry(row, &policy)?;
            }
        }
        Ok(())
    }
}

fn empty_failure(entry: usize, (cause, place): Key) -> Failure {
    Failure {
        entry,
        cause,
        place,
        failed: Sum::default(),
        mx: Vec::new(),
        receiving_ips: Vec::new(),
        sending_ips: Vec::new(),
        reasons: Vec::new(),
        result_types: Vec::new(),
        failure_types: Vec::new(),
    }
}

/// Adds a detail to those of the same cause and place.
fn take(failure: &mut Failure, row: &Row<'_>) -> rusqlite::Result<()> {
    let failed = row.get::<_, Option<i64>>(12)?.map(count);
    failure.failed.take(failed);
    add(&mut failure.failure_types, row.get(7)?);
    let result_type = row
        .get_ref(9)?
        .as_str_or_null()?
        .unwrap_or(super::record_report::UNSPECIFIED);
    add(&mut failure.result_types, result_type.to_owned());
    if let Some(mx) = row
        .get_ref(10)?
        .as_str_or_null()?
        .map(host_form)
        .filter(|mx| !mx.is_empty())
    {
        add(&mut failure.mx, mx);
    }
    let n = failed.unwrap_or(0);
    add_count(&mut failure.reasons, row.get_ref(11)?.as_str_or_null()?, n);
    add_count(&mut failure.receiving_ips, row.get_ref(13)?.as_str_or_null()?, n);
    add_count(&mut failure.sending_ips, row.get_ref(14)?.as_str_or_null()?, n);
    Ok(())
}

fn add<T: PartialEq>(values: &mut Vec<T>, value: T) {
    if values.len() < MAX_VALUES && !values.contains(&value) {
        values.push(value);
    }
}

fn add_count(values: &mut Vec<(String, u64)>, value: Option<&str>, n: u64) {
    let Some(value) = value.filter(|value| !value.is_empty()) else {
        return;
    };
    if let Some((_, known)) = values.iter_mut().find(|(known, _)| known == value) {
        *known = known.saturating_add(n);
    } else if values.len() < MAX_VALUES {
        values.push((value.to_owned(), n));
    }
}
