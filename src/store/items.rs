//! The failure items of a digest: what failed in the reports of its range.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use rusqlite::{Connection, OptionalExtension, Row, named_params};

use super::facts::{Question, Range, count, date, day_before};
use super::rows::{FailureItem, ItemReporter, Sum};

/// Items of a range by what a digest does with them.
#[derive(Debug, Default)]
pub(super) struct Items {
    /// Never told before.
    pub(super) new: Vec<FailureItem>,
    /// Told before.
    pub(super) ongoing: Vec<FailureItem>,
    /// Only in backfill, and too old to be news.
    pub(super) over: Vec<FailureItem>,
}

/// Reasons and addresses listed for an item.
const MAX_LISTED: usize = 5;
/// Different reasons counted for an item; a hostile report may hold 100,000.
const MAX_REASONS: usize = 200;
/// A failure whose last day lies further back comes from a late report.
const LATE_DAYS: u32 = 7;

/// domain, result type, MX, and the policy type, where sts and tlsa are one.
type Key = (String, String, String, String);

/// A failure of a counted report in the range.
struct Failure {
    type_id: i64,
    policy_type: String,
    first_day: Date,
    last_day: Date,
    announced: bool,
    report: i64,
    day: Date,
    backfill: bool,
    submitter: String,
    organization_name: String,
    sts_mode: String,
    policy_string: String,
    mx_host: String,
    policy_result: i64,
    summary: Option<u64>,
    sessions: Option<u64>,
    reason: Option<String>,
    receiving_ip: Option<String>,
}

/// An item as it is gathered.
#[derive(Default)]
struct Gathered {
    item: FailureItem,
    announced: bool,
    backfill_only: bool,
    reasons: BTreeMap<String, u64>,
    reporters: BTreeMap<(String, String), ItemReporter>,
    report: Option<OpenReport>,
}

/// The report at hand, closed when the next one begins.
struct OpenReport {
    id: i64,
    reporter: (String, String),
    day: Date,
    /// By policy result: its type, the sum of its details, and its summary.
    results: BTreeMap<i64, (String, Sum, Option<u64>)>,
}

pub(super) fn of_range(
    db: &Connection,
    range: Range,
    question: &Question<'_>,
    is_first: bool,
) -> rusqlite::Result<Items> {
    let mut gathered: BTreeMap<Key, Gathered> = BTreeMap::new();
    let mut statement = db.prepare(
        "SELECT failure_type.policy_domain, failure_type.result_type, failure_type.receiving_mx_hostname,
                failure_type.policy_type, failure_type.id, failure_type.first_day, failure_type.last_day,
                failure_type.announced_at IS NOT NULL, report.id, report.day, report.backfill, sender.submitter,
                sender.organization_name, policy.sts_mode, policy.policy_string, policy.mx_host, policy_result.id,
                policy_result.failed, failure.failed_session_count, failure.failure_reason_code,
                failure.receiving_ip
         FROM report JOIN policy_result ON policy_result.report = report.id
              JOIN failure ON failure.policy_result = policy_result.id
              JOIN failure_type ON failure_type.id = failure.failure_type
              JOIN policy ON policy.id = policy_result.policy JOIN sender ON sender.id = report.sender
         WHERE report.id > :after AND report.id <= :last AND report.status = 'counted'
         ORDER BY report.day, report.id, failure.id",
    )?;
    let mut rows =
        statement.query(named_params! { ":after": range.after_report, ":last": range.last_report })?;
    while let Some(row) = rows.next()? {
        let failure = row_to_failure(row)?;
        let group = match failure.policy_type.as_str() {
            "sts" | "tlsa" => "sts",
            other => other,
        };
        let key = (row.get(0)?, row.get(1)?, row.get(2)?, group.to_owned());
        gathered
            .entry(key)
            .or_insert_with_key(Gathered::new)
            .take(db, failure)?;
    }
    let mut items = Items::default();
    let silent_before = day_before(question.due_at, question.announce_days);
    for (key, mut entry) in gathered {
        entry.close_report(db)?;
        let announced = entry.announced || twin_announced(db, &key)?;
        let silent = entry.backfill_only && question.announce_days > 0 && entry.item.last_day < silent_before;
        let item = entry.finish(db, question, is_first)?;
        if announced {
            items.ongoing.push(item);
        } else if silent {
            items.over.push(item);
        } else {
            items.new.push(item);
        }
    }
    Ok(items)
}

fn row_to_failure(row: &Row<'_>) -> rusqlite::Result<Failure> {
    Ok(Failure {
        policy_type: row.get(3)?,
        type_id: row.get(4)?,
        first_day: date(row.get_ref(5)?.as_str()?),
        last_day: date(row.get_ref(6)?.as_str()?),
        announced: row.get(7)?,
        report: row.get(8)?,
        day: date(row.get_ref(9)?.as_str()?),
        backfill: row.get(10)?,
        submitter: row.get(11)?,
        organization_name: row.get(12)?,
        sts_mode: row.get(13)?,
        policy_string: row.get(14)?,
        mx_host: row.get(15)?,
        policy_result: row.get(16)?,
        summary: row.get::<_, Option<i64>>(17)?.map(count),
        sessions: row.get::<_, Option<i64>>(18)?.map(count),
        reason: row.get(19)?,
        receiving_ip: row.get(20)?,
    })
}

/// Whether the same failure was told under the other of sts and tlsa, even if this range shows only one of them.
fn twin_announced(db: &Connection, (domain, result, mx, group): &Key) -> rusqlite::Result<bool> {
    if group != "sts" {
        return Ok(false);
    }
    db.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM failure_type WHERE policy_domain = :domain AND result_type = :result
                        AND receiving_mx_hostname = :mx AND policy_type IN ('sts', 'tlsa')
                        AND announced_at IS NOT NULL)",
    )?
    .query_row(
        named_params! { ":domain": domain, ":result": result, ":mx": mx },
        |row| row.get(0),
    )
}

impl Gathered {
    fn new((domain, result, mx, _): &Key) -> Self {
        let item = FailureItem {
            policy_domain: domain.clone(),
            result_type: result.clone(),
            receiving_mx_hostname: mx.clone(),
            ..FailureItem::default()
        };
        Self {
            item,
            backfill_only: true,
            ..Self::default()
        }
    }

    fn take(&mut self, db: &Connection, failure: Failure) -> rusqlite::Result<()> {
        self.announced |= failure.announced;
        self.backfill_only &= failure.backfill;
        self.describe(&failure);
        if self
            .report
            .as_ref()
            .is_some_and(|report| report.id != failure.report)
        {
            self.close_report(db)?;
        }
        let report = self.report.get_or_insert_with(|| OpenReport {
            id: failure.report,
            reporter: reporter_key(&failure.submitter, &failure.organization_name),
            day: failure.day,
            results: BTreeMap::new(),
        });
        let result = report
            .results
            .entry(failure.policy_result)
            .or_insert_with(|| (failure.policy_type, Sum::default(), failure.summary));
        result.1.take(failure.sessions);
        let reporter = self.reporters.entry(report.reporter.clone()).or_default();
        reporter.submitter = failure.submitter;
        reporter.organization_name = failure.organization_name;
        Ok(())
    }

    /// Gathers what a failure says besides its counts.
    fn describe(&mut self, failure: &Failure) {
        let item = &mut self.item;
        let is_first_row = item.ids.is_empty();
        if !item.ids.contains(&failure.type_id) {
            item.ids.push(failure.type_id);
            item.policy_types.push(failure.policy_type.clone());
            item.first_day = if is_first_row {
                failure.first_day
            } else {
                item.first_day.min(failure.first_day)
            };
            item.last_day = if is_first_row {
                failure.last_day
            } else {
                item.last_day.max(failure.last_day)
            };
        }
        let in_spite = failure.summary == Some(0);
        item.delivered_in_spite = in_spite && (is_first_row || item.delivered_in_spite);
        if !failure.sts_mode.is_empty() {
            item.sts_modes.retain(|mode| *mode != failure.sts_mode);
            item.sts_modes.push(failure.sts_mode.clone());
        }
        // Rows come by day, so the last one is the newest.
        if failure.policy_string != "[]" || item.policy_string.is_empty() {
            item.policy_string = list(&failure.policy_string);
            item.mx_host = list(&failure.mx_host);
        }
        if let Some(ip) = &failure.receiving_ip
            && item.receiving_ips.len() < MAX_LISTED
            && !item.receiving_ips.contains(ip)
        {
            item.receiving_ips.push(ip.clone());
        }
        if let Some(reason) = failure.reason.clone().filter(|reason| !reason.is_empty())
            && (self.reasons.len() < MAX_REASONS || self.reasons.contains_key(&reason))
        {
            let n = self.reasons.entry(reason).or_default();
            *n = n.saturating_add(1);
        }
    }

    /// Adds the report at hand to its reporter's sums.
    fn close_report(&mut self, db: &Connection) -> rusqlite::Result<()> {
        let Some(report) = self.report.take() else {
            return Ok(());
        };
        let (mut sts, mut tlsa, mut other) = (Sum::default(), Sum::default(), Sum::default());
        for (policy_type, details, summary) in report.results.into_values() {
            // One bad session may stand in several details, so the summary bounds them; a clean or unreadable
            // summary beside details says nothing (mox counts what went through anyway as successful).
            let failed = match summary {
                Some(summary) if summary > 0 && !details.at_least => Sum {
                    known: details.known.min(summary),
                    at_least: false,
                },
                Some(summary) if summary > 0 => Sum {
                    known: summary,
                    at_least: false,
                },
                _ => details,
            };
            match policy_type.as_str() {
                "sts" => sts.add(failed),
                "tlsa" => tlsa.add(failed),
                _ => other.add(failed),
            }
        }
        let mut failed = sts.larger(tlsa);
        failed.add(other);
        let mut total = sessions_of(db, report.id, &self.item.policy_domain)?;
        total.known = total.known.max(failed.known);
        let reporter = self.reporters.entry(report.reporter).or_default();
        let is_new = reporter.last_day == Date::default();
        reporter.failed.add(failed);
        reporter.total.add(total);
        reporter.first_day = if is_new {
            report.day
        } else {
            reporter.first_day.min(report.day)
        };
        reporter.last_day = if is_new {
            report.day
        } else {
            reporter.last_day.max(report.day)
        };
        self.item.failed.add(failed);
        self.item.total.add(total);
        Ok(())
    }

    fn finish(
        self,
        db: &Connection,
        question: &Question<'_>,
        is_first: bool,
    ) -> rusqlite::Result<FailureItem> {
        let mut item = self.item;
        item.ids.sort_unstable();
        item.late = !is_first && item.last_day < day_before(question.due_at, LATE_DAYS);
        let mut reasons: Vec<(String, u64)> = self.reasons.into_iter().collect();
        reasons.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
        item.more_reasons = u64::try_from(reasons.len().saturating_sub(MAX_LISTED)).unwrap_or(u64::MAX);
        item.reasons = reasons
            .into_iter()
            .take(MAX_LISTED)
            .map(|(reason, _)| reason)
            .collect();
        item.reporters = self.reporters.into_values().collect();
        item.reporters.sort_by(|one, other| {
            other
                .failed
                .known
                .cmp(&one.failed.known)
                .then_with(|| one.submitter.cmp(&other.submitter))
        });
        if item.sts_modes.is_empty() {
            item.last_known_mode = last_known_mode(db, &item.policy_domain, item.last_day)?;
        }
        item.policy_types = item
            .policy_types
            .into_iter()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        Ok(item)
    }
}

/// Reporters are one by submitter; without one, by name.
fn reporter_key(submitter: &str, organization_name: &str) -> (String, String) {
    let name = if submitter.is_empty() {
        organization_name
    } else {
        ""
    };
    (submitter.to_owned(), name.to_owned())
}

/// All connections to a domain in a report.
fn sessions_of(db: &Connection, report: i64, domain: &str) -> rusqlite::Result<Sum> {
    let sum = db
        .prepare_cached(
            "SELECT ok, failed, unreadable FROM report_domains WHERE report = :report AND policy_domain = :domain",
        )?
        .query_row(named_params! { ":report": report, ":domain": domain }, |row| {
            let known = count(row.get(0)?).saturating_add(count(row.get(1)?));
            Ok(Sum { known, at_least: row.get::<_, i64>(2)? > 0 })
        })
        .optional()?;
    Ok(sum.unwrap_or_default())
}

/// The newest MTA-STS mode of a domain in the two weeks before a day.
fn last_known_mode(db: &Connection, domain: &str, day: Date) -> rusqlite::Result<Option<(String, Date)>> {
    let midnight = day
        .to_zoned(jiff::tz::TimeZone::UTC)
        .map(|zoned| zoned.timestamp());
    let since = midnight.map_or(day, |midnight| day_before(midnight, 14));
    db.prepare_cached(
        "SELECT policy.sts_mode, report.day FROM policy JOIN policy_result ON policy_result.policy = policy.id
         JOIN report ON report.id = policy_result.report
         WHERE policy.policy_domain = :domain AND policy.policy_type = 'sts' AND policy.sts_mode <> ''
           AND report.status = 'counted' AND report.day >= :since
         ORDER BY report.day DESC, report.id DESC LIMIT 1",
    )?
    .query_row(named_params! { ":domain": domain, ":since": since.to_string() }, |row| {
        Ok((row.get(0)?, date(row.get_ref(1)?.as_str()?)))
    })
    .optional()
}

fn list(json: &str) -> Vec<String> {
    serde_json::from_str(json).unwrap_or_default()
}
