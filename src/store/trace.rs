//! Where the figures about a problem come from: each is the result of a query that users can run themselves.

use std::time::Duration;

use jiff::civil::Date;

use super::{QueryError, QueryOutput, Store, Value};

/// Longest time that one of the queries may take.
const TIME_LIMIT: Duration = Duration::from_mins(1);
/// Rows that a list shows; the query without its LIMIT gives all.
const MAX_ROWS: u32 = 60;

/// A figure or a list, and the query that gives it.
#[derive(Debug, Clone, PartialEq)]
pub struct Traced {
    /// What it is, for machines.
    pub name: &'static str,
    /// The query, over documented views alone.
    pub sql: String,
    /// Names of the columns; a figure has one.
    pub columns: Vec<String>,
    /// The rows; a figure has one.
    pub rows: Vec<Vec<Value>>,
}

/// Of which problem and which days.
#[derive(Debug, Clone, Copy)]
pub struct TraceQuestion<'a> {
    /// Its id, hex digits.
    pub id: &'a str,
    /// First and last failing day of the present or last episode.
    pub episode: (Date, Date),
}

/// Takes rows as they are.
#[derive(Default)]
struct Collected {
    columns: Vec<String>,
    rows: Vec<Vec<Value>>,
}

impl QueryOutput for Collected {
    fn columns(&mut self, names: &[String]) -> std::io::Result<()> {
        self.columns = names.to_vec();
        Ok(())
    }

    fn row(&mut self, values: Vec<Value>) -> std::io::Result<()> {
        self.rows.push(values);
        Ok(())
    }
}

impl Store {
    /// The figures of a problem's episode, each by the query that is given with it.
    ///
    /// # Errors
    ///
    /// [`QueryError`] from the database, or [`QueryError::Refused`] if the id isn't one.
    pub fn figures(&mut self, question: &TraceQuestion<'_>) -> Result<Vec<Traced>, QueryError> {
        let of = condition(question)?;
        let totals = totals(question)?;
        let queries = [
            (
                "failed",
                format!("SELECT CAST(total(failed) AS INTEGER) AS failed FROM problem_days WHERE {of}"),
            ),
            (
                "connections",
                format!("SELECT CAST(total(connections) AS INTEGER) AS connections FROM ({totals})"),
            ),
            (
                "reporters",
                format!("SELECT count(DISTINCT reporter) AS reporters FROM problem_days WHERE {of}"),
            ),
            (
                "domains",
                format!("SELECT count(DISTINCT policy_domain) AS domains FROM problem_days WHERE {of}"),
            ),
            (
                "days",
                format!("SELECT count(DISTINCT day) AS days FROM problem_days WHERE {of}"),
            ),
            (
                "reports",
                format!("SELECT count(DISTINCT report) AS reports FROM problem_days WHERE {of}"),
            ),
            (
                "unreadable_counts",
                format!(
                    "SELECT coalesce(sum(unreadable), 0) AS unreadable_counts FROM problem_days WHERE {of}"
                ),
            ),
        ];
        queries
            .into_iter()
            .map(|(name, sql)| self.traced(name, sql))
            .collect()
    }

    /// The lists about a problem, over all its episodes, each by the query that is given with it.
    ///
    /// # Errors
    ///
    /// [`QueryError`] from the database, or [`QueryError::Refused`] if the id isn't one.
    pub fn lists(&mut self, question: &TraceQuestion<'_>) -> Result<Vec<Traced>, QueryError> {
        let id = checked(question.id)?;
        let all_days = totals(&TraceQuestion {
            episode: (Date::MIN, Date::MAX),
            ..*question
        })?;
        list_queries(id, &all_days)
            .into_iter()
            .map(|(name, sql)| self.traced(name, sql))
            .collect()
    }

    fn traced(&mut self, name: &'static str, sql: String) -> Result<Traced, QueryError> {
        let mut found = Collected::default();
        self.query(&sql, TIME_LIMIT, &mut found)?;
        Ok(Traced {
            name,
            sql,
            columns: found.columns,
            rows: found.rows,
        })
    }
}

/// The id, if it is one: it becomes part of a query.
fn checked(id: &str) -> Result<&str, QueryError> {
    if !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Ok(id)
    } else {
        Err(QueryError::Refused(format!("{id:?} is not the id of a problem")))
    }
}

/// Which rows of `problem_days` belong to the episode.
fn condition(question: &TraceQuestion<'_>) -> Result<String, QueryError> {
    let id = checked(question.id)?;
    let (first, last) = question.episode;
    Ok(if question.episode == (Date::MIN, Date::MAX) {
        format!("problem = '{id}'")
    } else {
        format!("problem = '{id}' AND day BETWEEN '{first}' AND '{last}'")
    })
}

/// Failed and all connections by day and reporter: all that it had on a failing day with the domains that failed then.
fn totals(question: &TraceQuestion<'_>) -> Result<String, QueryError> {
    let of = condition(question)?;
    Ok(format!(
        "SELECT bad.day, bad.reporter, bad.failed, max(bad.failed, CAST((SELECT total(ok + report_domains.failed) \
         FROM report_domains JOIN reports ON reports.id = report_domains.report \
         WHERE report_domains.day = bad.day AND reports.reporter = bad.reporter \
         AND report_domains.policy_domain IN (SELECT coalesce(policy_domain, '') FROM problem_days WHERE {of} \
         AND day = bad.day AND reporter = bad.reporter)) AS INTEGER)) AS connections \
         FROM (SELECT day, reporter, CAST(total(failed) AS INTEGER) AS failed FROM problem_days WHERE {of} \
         GROUP BY day, reporter) AS bad"
    ))
}

/// The lists, each with its query.
fn list_queries(id: &str, all_days: &str) -> [(&'static str, String); 8] {
    [
        (
            "history",
            format!(
                "SELECT first_day, last_day, failed, ended, ended_day, by_note FROM problem_episodes \
                     WHERE problem = '{id}' ORDER BY first_day DESC LIMIT {MAX_ROWS}"
            ),
        ),
        ("days_by_reporter", days_by_reporter(all_days)),
        (
            "domains",
            format!(
                "SELECT policy_domain, CAST(total(failed) AS INTEGER) AS failed, min(day) AS first_day, \
                     max(day) AS last_day FROM problem_days WHERE problem = '{id}' GROUP BY policy_domain \
                     ORDER BY failed DESC, policy_domain LIMIT {MAX_ROWS}"
            ),
        ),
        (
            "reasons",
            format!(
                "SELECT submitter, policy_type, sts_mode, result_type, failure_reason_code, \
                     CAST(total(failed_session_count) AS INTEGER) AS failed, max(day) AS last_day FROM failures \
                     WHERE problem = '{id}' GROUP BY 1, 2, 3, 4, 5 ORDER BY failed DESC, 1, 2, 3, 4, 5 LIMIT {MAX_ROWS}"
            ),
        ),
        (
            "addresses",
            format!(
                "SELECT receiving_mx_hostname, receiving_ip, CAST(total(failed_session_count) AS INTEGER) AS failed \
                     FROM failures WHERE problem = '{id}' GROUP BY 1, 2 ORDER BY failed DESC, 1, 2 LIMIT {MAX_ROWS}"
            ),
        ),
        (
            "reports",
            format!(
                "SELECT report, day, reporter, policy_domain, failed FROM problem_days WHERE problem = '{id}' \
                     ORDER BY day DESC, report DESC, policy_domain LIMIT {MAX_ROWS}"
            ),
        ),
        (
            "notes",
            format!(
                "SELECT day, said_by, coalesce(problem, about) AS about, kind, text, until FROM remarks \
                     WHERE problem = '{id}' OR about IN (SELECT policy_domain FROM problem_domains WHERE \
                     problem = '{id}' UNION SELECT place FROM problems WHERE id = '{id}') ORDER BY id DESC \
                     LIMIT {MAX_ROWS}"
            ),
        ),
        (
            "tellings",
            format!(
                "SELECT day, event, is_urgent, digest, subject FROM tellings LEFT JOIN digests \
                     ON digests.id = digest WHERE problem = '{id}' ORDER BY tellings.id DESC LIMIT {MAX_ROWS}"
            ),
        ),
    ]
}

fn days_by_reporter(all_days: &str) -> String {
    format!(
        "SELECT day, reporter, failed, connections FROM ({all_days}) ORDER BY day DESC, reporter LIMIT {MAX_ROWS}"
    )
}
