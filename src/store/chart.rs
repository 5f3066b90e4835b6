//! The rows of the page that shows all days.

use jiff::civil::Date;
use rusqlite::named_params;

use super::facts::{count, date};
use super::{Store, StoreError};
use crate::assess::history::PolicyText;

/// What a reporter says of a domain on one day, by reports that count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartRow {
    /// The policy domain; may be empty.
    pub domain: String,
    /// As in the view `problem_days`.
    pub reporter: String,
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
        let rows = self
            .db
            .prepare(
                "SELECT report_domains.policy_domain, sender.reporter, report_domains.day,
                        CAST(total(ok) AS INTEGER), CAST(total(failed) AS INTEGER), sum(unreadable) > 0
                 FROM report_domains JOIN report ON report.id = report_domains.report
                      JOIN sender ON sender.id = report.sender
                 WHERE report_domains.day >= :first GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
            )?
            .query_map(named_params! { ":first": first.to_string() }, |row| {
                Ok(ChartRow {
                    domain: row.get(0)?,
                    reporter: row.get(1)?,
                    day: date(row.get_ref(2)?.as_str()?),
                    ok: count(row.get(3)?),
                    failed: count(row.get(4)?),
                    at_least: row.get(5)?,
                })
            })?
            .collect::<rusqlite::Result<_>>()?;
        Ok(rows)
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
