//! Rows that the store hands out, by value.

use jiff::{Timestamp, civil::Date};

pub use crate::assess::history::Sum;

/// What one reporter says about a failure item, over the reports of the digest's range in which it failed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ItemReporter {
    /// Domain that identifies the reporter; may be empty.
    pub submitter: String,
    /// Its organization-name: free text from the report.
    pub organization_name: String,
    /// Failed connections (sts and tlsa entries of one report counted once).
    pub failed: Sum,
    /// All connections to the domain in those reports.
    pub total: Sum,
    /// First day of those reports, UTC.
    pub first_day: Date,
    /// Last day of those reports, UTC.
    pub last_day: Date,
}

/// One failure of a digest: the failure types of one domain, result type and MX. The same failure under sts and
/// tlsa is one item.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FailureItem {
    /// Ids in `failure_types`, ascending; one, or two where sts and tlsa both show it.
    pub ids: Vec<i64>,
    /// Policy domain, `""` where absent.
    pub policy_domain: String,
    /// Policy types in which it was seen, as in `failure_types.policy_type`.
    pub policy_types: Vec<String>,
    /// Result type, as in `failure_types.result_type` (`unspecified` where the report gave no details).
    pub result_type: String,
    /// MX host name, `""` where absent.
    pub receiving_mx_hostname: String,
    /// First failing day ever, UTC.
    pub first_day: Date,
    /// Last failing day ever, UTC.
    pub last_day: Date,
    /// Who saw it in the digest's range; most failed connections first.
    pub reporters: Vec<ItemReporter>,
    /// Failed connections in the range.
    pub failed: Sum,
    /// Of so many connections to the domain in the reports that show it.
    pub total: Sum,
    /// MTA-STS modes in the failing entries of the range (`enforce`, `testing`, `none` or as sent), newest last.
    pub sts_modes: Vec<String>,
    /// The domain's newest known MTA-STS mode and the day it was reported, where the failing entries show none.
    pub last_known_mode: Option<(String, Date)>,
    /// Distinct failure-reason-codes as sent, most frequent first, at most 5.
    pub reasons: Vec<String>,
    /// How many further reasons there are.
    pub more_reasons: u64,
    /// Distinct receiving-ip values, at most 5.
    pub receiving_ips: Vec<String>,
    /// The newest failing entry's policy-string.
    pub policy_string: Vec<String>,
    /// The newest failing entry's mx-host.
    pub mx_host: Vec<String>,
    /// Whether every failing entry counts its sessions as successful: mail went through in spite of the failure.
    pub delivered_in_spite: bool,
    /// Whether its last failing day lies more than 7 days before the digest: a late report.
    pub late: bool,
}

/// Sums of one domain over the reports of the range.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DomainTotals {
    /// Policy domain, `""` where absent.
    pub policy_domain: String,
    /// Connections that met the policy.
    pub ok: Sum,
    /// Connections that failed.
    pub failed: Sum,
    /// What the newest report in the range says of its policy: `enforce`, `testing`, `none`, `DANE`, `no policy`, or as sent.
    pub policy: String,
}

/// Sums of one reporter over the reports of the range.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReporterTotals {
    /// Domain that identifies the reporter; may be empty.
    pub submitter: String,
    /// Its organization-name: free text from the report.
    pub organization_name: String,
    /// Reports.
    pub reports: u64,
    /// Connections that met the policy.
    pub ok: Sum,
    /// Connections that failed.
    pub failed: Sum,
    /// Newest day reported, UTC.
    pub last_day: Date,
}

/// A mail or file with a report that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedMail {
    /// Id in `mails`.
    pub id: i64,
    /// The mailbox's name, or `import`.
    pub source: String,
    /// Where it lies: folder and UID, or a path.
    pub locator: String,
    /// When it was received.
    pub received_at: Option<Timestamp>,
    /// Why, in words; may quote the sender.
    pub reason: String,
}

/// A mailbox that can't be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailingMailbox {
    /// Its name in the configuration.
    pub name: String,
    /// The first failure since the last success.
    pub since: Timestamp,
    /// The newest error; may quote the server.
    pub error: String,
    /// Whether no digest has told it yet.
    pub new: bool,
}

/// A recipient whom the mail server refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedRecipient {
    /// The address, from our configuration.
    pub recipient: String,
    /// Since when.
    pub since: Timestamp,
    /// The server's answer.
    pub error: String,
    /// Whether no digest has told it yet.
    pub new: bool,
}

/// How many mails and files were read in the range.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MailCounts {
    /// All.
    pub read: u64,
    /// Of these: already known.
    pub duplicates: u64,
    /// Of these: no TLS report in them.
    pub not_reports: u64,
    /// Of these: unreadable.
    pub rejected: u64,
    /// Of these: beyond the retention.
    pub too_old: u64,
}

/// Everything a digest tells: a function of the database, the range and the moment it is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestFacts {
    /// When it is due.
    pub due_at: Timestamp,
    /// When the one before was due; `None` for the first.
    pub previous_at: Option<Timestamp>,
    /// First report id of the range, exclusive.
    pub after_report: i64,
    /// Last report id of the range, inclusive.
    pub last_report: i64,
    /// Counted reports in the range.
    pub reports: u64,
    /// First and last report day in the range.
    pub days: Option<(Date, Date)>,
    /// Mails and files read in the range.
    pub mails: MailCounts,
    /// Failure types never told before, gravest first.
    pub new: Vec<FailureItem>,
    /// Failure types told before that failed again in the range.
    pub ongoing: Vec<FailureItem>,
    /// Failure types that only a backfill shows, too old to be news.
    pub over: Vec<FailureItem>,
    /// Sums by domain, by name.
    pub domains: Vec<DomainTotals>,
    /// Sums by reporter, most reports first.
    pub reporters: Vec<ReporterTotals>,
    /// Newly rejected mails, at most 10.
    pub rejected: Vec<RejectedMail>,
    /// Mailboxes failing for at least 24 hours.
    pub failing: Vec<FailingMailbox>,
    /// Refused recipients.
    pub refused: Vec<RefusedRecipient>,
}
