//! The digest for machines. Its shape is a promise; see [`crate::digest::Digest::to_json`].

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use crate::digest::item::Reading;
use crate::digest::{TAG, names};
use crate::store::rows::{self, DigestFacts};

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Document {
    subject: String,
    due_at: Timestamp,
    previous_at: Option<Timestamp>,
    report_range: Range<i64>,
    reports: u64,
    days: Option<Range<Date>>,
    mails: Mails,
    new: Vec<Item>,
    ongoing: Vec<Item>,
    over: Vec<Item>,
    domains: Vec<Totals>,
    reporters: Vec<Reporter>,
    rejected_mails: Vec<RejectedMail>,
    failing_mailboxes: Vec<Trouble>,
    refused_recipients: Vec<Trouble>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
struct Range<T> {
    first: T,
    last: T,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
struct Mails {
    read: u64,
    duplicates: u64,
    not_reports: u64,
    rejected: u64,
    too_old: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
struct Sum {
    count: u64,
    at_least: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Item {
    failure_types: Vec<i64>,
    policy_domain: String,
    policy_types: Vec<String>,
    sts_modes: Vec<String>,
    result_type: String,
    receiving_mx_hostname: String,
    cause: &'static str,
    impact: &'static str,
    urgency: &'static str,
    headline: String,
    first_day: Date,
    last_day: Date,
    late: bool,
    failed: Sum,
    total: Sum,
    reporters: Vec<ItemReporter>,
    reasons: Vec<String>,
    more_reasons: u64,
    receiving_ips: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct ItemReporter {
    submitter: String,
    organization_name: String,
    failed: Sum,
    total: Sum,
    first_day: Date,
    last_day: Date,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Totals {
    policy_domain: String,
    policy: String,
    ok: Sum,
    failed: Sum,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Reporter {
    submitter: String,
    organization_name: String,
    reports: u64,
    ok: Sum,
    failed: Sum,
    last_day: Date,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct RejectedMail {
    id: i64,
    source: String,
    locator: String,
    received_at: Option<Timestamp>,
    reason: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Trouble {
    name: String,
    since: Timestamp,
    error: String,
    new: bool,
}

impl Document {
    pub(crate) fn new(
        facts: &DigestFacts,
        verdict: &str,
        new: &[Reading<'_>],
        ongoing: &[Reading<'_>],
    ) -> Self {
        Self {
            subject: format!("{TAG}{verdict}"),
            due_at: facts.due_at,
            previous_at: facts.previous_at,
            report_range: Range {
                first: facts.after_report.saturating_add(1),
                last: facts.last_report,
            },
            reports: facts.reports,
            days: facts.days.map(|(first, last)| Range { first, last }),
            mails: Mails {
                read: facts.mails.read,
                duplicates: facts.mails.duplicates,
                not_reports: facts.mails.not_reports,
                rejected: facts.mails.rejected,
                too_old: facts.mails.too_old,
            },
            new: new.iter().map(Item::from).collect(),
            ongoing: ongoing.iter().map(Item::from).collect(),
            over: facts
                .over
                .iter()
                .map(|item| Item::from(&Reading::new(item)))
                .collect(),
            domains: facts.domains.iter().map(Totals::from).collect(),
            reporters: facts.reporters.iter().map(Reporter::from).collect(),
            rejected_mails: facts.rejected.iter().map(RejectedMail::from).collect(),
            failing_mailboxes: facts.failing.iter().map(Trouble::from).collect(),
            refused_recipients: facts.refused.iter().map(Trouble::from).collect(),
        }
    }

    /// The document as indented JSON, with characters that could forge a terminal's output as `\u` escapes.
    pub(crate) fn to_json(&self) -> Result<String, serde_json::Error> {
        let mut text = names::json_escaped(&serde_json::to_string_pretty(self)?);
        text.push('\n');
        Ok(text)
    }
}

impl From<rows::Sum> for Sum {
    fn from(sum: rows::Sum) -> Self {
        Self {
            count: sum.known,
            at_least: sum.at_least,
        }
    }
}

impl From<&Reading<'_>> for Item {
    fn from(reading: &Reading<'_>) -> Self {
        let item = reading.item;
        Self {
            failure_types: item.ids.clone(),
            policy_domain: item.policy_domain.clone(),
            policy_types: item.policy_types.clone(),
            sts_modes: item.sts_modes.clone(),
            result_type: item.result_type.clone(),
            receiving_mx_hostname: item.receiving_mx_hostname.clone(),
            cause: reading.cause.as_str(),
            impact: reading.outcome.impact.as_str(),
            urgency: reading.urgency.as_str(),
            headline: crate::digest::words::plain(&reading.headline()),
            first_day: item.first_day,
            last_day: item.last_day,
            late: item.late,
            failed: item.failed.into(),
            total: item.total.into(),
            reporters: item.reporters.iter().map(ItemReporter::from).collect(),
            reasons: item.reasons.clone(),
            more_reasons: item.more_reasons,
            receiving_ips: item.receiving_ips.clone(),
        }
    }
}

impl From<&rows::ItemReporter> for ItemReporter {
    fn from(reporter: &rows::ItemReporter) -> Self {
        Self {
            submitter: reporter.submitter.clone(),
            organization_name: reporter.organization_name.clone(),
            failed: reporter.failed.into(),
            total: reporter.total.into(),
            first_day: reporter.first_day,
            last_day: reporter.last_day,
        }
    }
}

impl From<&rows::DomainTotals> for Totals {
    fn from(domain: &rows::DomainTotals) -> Self {
        Self {
            policy_domain: domain.policy_domain.clone(),
            policy: domain.policy.clone(),
            ok: domain.ok.into(),
            failed: domain.failed.into(),
        }
    }
}

impl From<&rows::ReporterTotals> for Reporter {
    fn from(reporter: &rows::ReporterTotals) -> Self {
        Self {
            submitter: reporter.submitter.clone(),
            organization_name: reporter.organization_name.clone(),
            reports: reporter.reports,
            ok: reporter.ok.into(),
            failed: reporter.failed.into(),
            last_day: reporter.last_day,
        }
    }
}

impl From<&rows::RejectedMail> for RejectedMail {
    fn from(mail: &rows::RejectedMail) -> Self {
        Self {
            id: mail.id,
            source: mail.source.clone(),
            locator: mail.locator.clone(),
            received_at: mail.received_at,
            reason: mail.reason.clone(),
        }
    }
}

impl From<&rows::FailingMailbox> for Trouble {
    fn from(mailbox: &rows::FailingMailbox) -> Self {
        Self {
            name: mailbox.name.clone(),
            since: mailbox.since,
            error: mailbox.error.clone(),
            new: mailbox.new,
        }
    }
}

impl From<&rows::RefusedRecipient> for Trouble {
    fn from(refused: &rows::RefusedRecipient) -> Self {
        Self {
            name: refused.recipient.clone(),
            since: refused.since,
            error: refused.error.clone(),
            new: refused.new,
        }
    }
}
