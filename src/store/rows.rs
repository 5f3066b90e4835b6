//! Rows that the store hands out, by value.

use std::collections::BTreeSet;

use jiff::{Timestamp, civil::Date};

use crate::authenticate::Cause;

pub use crate::assess::history::Sum;

/// Which mail it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailKind {
    /// The first of all: how things stand.
    FirstLook,
    /// What is new.
    Daily,
    /// What is new, then the week.
    Weekly,
    /// Held mail that should be known today.
    Urgent,
}

impl MailKind {
    /// Its name for machines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FirstLook => "first-look",
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Urgent => "urgent",
        }
    }
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
    /// Reports in them that count nowhere because their origin isn't proven.
    pub set_aside: u64,
    /// Of those: they wait for a name server.
    pub waiting: u64,
    /// Of these: beyond the retention.
    pub too_old: u64,
}

/// That most reports of the last days aren't proven, in reporters' days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unproven {
    /// Days of reporters without a proven report.
    pub failing: u64,
    /// All.
    pub all: u64,
    /// Whether they count as before, for their reporters used to be proven.
    pub counted: bool,
}

/// Reports that don't count whoever sent them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeptOut {
    /// Reports about others of the last seven days, or ever for the first digest.
    pub foreign_reports: u64,
    /// Domains that they are about, most reports first, at most 1,000.
    pub foreign_domains: Vec<String>,
    /// Senders that were cut off, most reports first, at most 100.
    pub floods: Vec<Flood>,
    /// Those of the last weeks that don't count for their origin or number, by reporter and day, at most 10,000.
    pub withheld: Vec<Withheld>,
    /// Why reports in the range aren't proven, most first.
    pub unproven_for: Vec<(Cause, u64)>,
    /// Senders that have begun to report in the name of a known one in the last seven days, by name.
    pub new_senders: Vec<NewSender>,
}

/// Reports of a reporter about a day that are set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withheld {
    /// The reporter.
    pub reporter: String,
    /// UTC day of their start.
    pub day: Date,
    /// How many.
    pub reports: u64,
    /// Whether one waits for a name server.
    pub waits: bool,
}

/// A domain that signs reports in the name of an organisation which others have signed for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSender {
    /// The organization-name, as sent.
    pub organization_name: String,
    /// The domain that signs for it now too.
    pub signing_domain: String,
    /// The reporter that has that name for a week or longer.
    pub known: String,
}

/// A sender of far more reports than usual.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flood {
    /// Its domain.
    pub reporter: String,
    /// Reports that were cut off.
    pub reports: u64,
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
    /// Whether it is of some domains alone, for an audience: nothing of ours is told then.
    pub of_domains: bool,
    /// Mails and files read in the range; of some domains: no mails, but the reports about these.
    pub mails: MailCounts,
    /// Whether most reports of the last days aren't proven.
    pub unproven: Option<Unproven>,
    /// Reports that are set aside though they are sound: about others, or far too many.
    pub kept_out: KeptOut,
    /// Failure types that a report of the range shows which was neither imported nor there before we first looked.
    pub fresh_failure_types: BTreeSet<i64>,
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
