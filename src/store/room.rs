//! How many reports of whom may count as before while most are unproven: nobody can add more in a known name.

use std::collections::HashMap;

use rusqlite::{Connection, named_params};

use super::facts::count;

/// How many reports of a reporter about a day and domain may count although they aren't proven: as many as were proven of
/// one day before, and one of a domain of which none was.
pub(super) struct Room {
    /// By reporter and domain.
    most: HashMap<(String, String), u64>,
    /// By reporter, day and domain.
    taken: HashMap<(String, String, String), u64>,
}

impl Room {
    /// What is left, by the proven reports of the days from `since` on.
    pub(super) fn of(db: &Connection, since: &str) -> rusqlite::Result<Self> {
        let most = db
            .prepare(
                "SELECT reporter, policy_domain, max(n) FROM (
                     SELECT sender.reporter, policy.policy_domain, count(DISTINCT report.id) AS n
                     FROM report JOIN sender ON sender.id = report.sender
                          JOIN policy_result ON policy_result.report = report.id
                          JOIN policy ON policy.id = policy_result.policy
                     WHERE report.day >= :since AND report.status = 'counted'
                       AND report.authentication IN ('dkim', 'trusted-mx')
                     GROUP BY sender.reporter, report.day, policy.policy_domain)
                 GROUP BY reporter, policy_domain",
            )?
            .query_map(named_params! { ":since": since }, |row| {
                Ok(((row.get(0)?, row.get(1)?), row.get(2).map(count)?))
            })?
            .collect::<rusqlite::Result<_>>()?;
        let taken = db
            .prepare(
                "SELECT sender.reporter, report.day, policy.policy_domain, count(DISTINCT report.id)
                 FROM report JOIN sender ON sender.id = report.sender
                      JOIN policy_result ON policy_result.report = report.id
                      JOIN policy ON policy.id = policy_result.policy
                 WHERE report.set_free AND report.day >= :since AND report.status = 'counted'
                 GROUP BY sender.reporter, report.day, policy.policy_domain",
            )?
            .query_map(named_params! { ":since": since }, |row| {
                Ok(((row.get(0)?, row.get(1)?, row.get(2)?), row.get(3).map(count)?))
            })?
            .collect::<rusqlite::Result<_>>()?;
        Ok(Self { most, taken })
    }

    /// Whether there is some for each domain.
    pub(super) fn has_some(&self, reporter: &str, day: &str, domains: &[String]) -> bool {
        domains.iter().all(|domain| {
            let most = self.most.get(&(reporter.to_owned(), domain.clone()));
            let taken = self
                .taken
                .get(&(reporter.to_owned(), day.to_owned(), domain.clone()));
            taken.copied().unwrap_or(0) < most.copied().unwrap_or(1)
        })
    }

    /// Uses up some of it.
    pub(super) fn take(&mut self, reporter: &str, day: &str, domains: &[String]) {
        for domain in domains {
            let taken = self
                .taken
                .entry((reporter.to_owned(), day.to_owned(), domain.clone()))
                .or_default();
            *taken = taken.saturating_add(1);
        }
    }
}

/// The domains that a report is about; `""` if it has no entry.
pub(super) fn domains(db: &Connection, report: i64) -> rusqlite::Result<Vec<String>> {
    let mut domains: Vec<String> = db.prepare_cached(
        "SELECT DISTINCT policy.policy_domain
         FROM policy_result JOIN policy ON policy.id = policy_result.policy WHERE policy_result.report = :report",
    )?
    .query_map(named_params! { ":report": report }, |row| row.get(0))?
    .collect::<rusqlite::Result<_>>()?;
    if domains.is_empty() {
        domains.push(String::new());
    }
    Ok(domains)
}
