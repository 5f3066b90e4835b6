//! What polling and importing hand to the store.

use jiff::Timestamp;

use crate::report::{FailureDetails, Parsed, PolicyResult};

/// Where a mail or file came from.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// The mailbox's name in the configuration, or `import`.
    pub source: String,
    /// The folder's id in the store; `None` for an import.
    pub folder: Option<i64>,
    /// UIDVALIDITY (RFC 9051, Section 2.3.1.1); `None` for files.
    pub uid_validity: Option<u32>,
    /// UID; `None` for files.
    pub uid: Option<u32>,
    /// A Maildir file's name up to `:`, by which it is known again.
    pub base_name: Option<String>,
    /// How to find it again: folder and UID, or a path.
    pub locator: String,
    /// When it was received (INTERNALDATE), as far as known.
    pub received_at: Option<Timestamp>,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// Whether it was there before we first looked, or was imported.
    pub backfill: bool,
}

/// One mail or file, ready to be recorded.
#[derive(Debug)]
pub struct IncomingMail {
    /// Where it came from.
    pub origin: Origin,
    /// Message-ID.
    pub message_id: Option<String>,
    /// What was in it.
    pub content: Content,
    /// The mail itself, compressed, if some of it was rejected.
    pub raw: Option<Vec<u8>>,
    /// Hash of the mail, if some of it was rejected, so that a copy of it isn't told as news.
    pub raw_hash: Option<[u8; 32]>,
}

impl IncomingMail {
    /// Logs that it was recorded, for `--verbose`.
    pub fn log(&self) {
        let Origin { source, locator, .. } = &self.origin;
        let (reports, reason) = match &self.content {
            Content::NotAReport => (0, None),
            Content::Rejected(reason) => (0, Some(reason)),
            Content::Reports(reports) => (reports.len(), None),
        };
        tracing::debug!(source = ?source, locator = ?locator, reports, reason, "mail read");
    }
}

impl IncomingMail {
    /// About how many bytes of memory it takes: a small mail can hold large reports, so that not only what was read
    /// has to bound a batch.
    pub fn n_bytes(&self) -> u64 {
        let of_report = |report: &IncomingReport| match report {
            IncomingReport::Rejected(reason) => reason.len(),
            IncomingReport::Read { parsed, json, .. } => {
                let policies = &parsed.report.policies;
                let n_details = policies.iter().map(|result| result.failure_details.len());
                let details = n_details
                    .fold(0_usize, usize::saturating_add)
                    .saturating_mul(size_of::<FailureDetails>());
                json.len()
                    .saturating_add(policies.len().saturating_mul(size_of::<PolicyResult>()))
                    .saturating_add(details)
            }
        };
        let content = match &self.content {
            Content::NotAReport => 0,
            Content::Rejected(reason) => reason.len(),
            Content::Reports(reports) => reports.iter().map(of_report).fold(0, usize::saturating_add),
        };
        let raw = self.raw.as_ref().map_or(0, Vec::len);
        u64::try_from(content.saturating_add(raw)).unwrap_or(u64::MAX)
    }
}

/// What was in a mail or file.
#[derive(Debug)]
pub enum Content {
    /// Nothing for us.
    NotAReport,
    /// It is refused as a whole, for this reason.
    Rejected(String),
    /// These reports, in order; at least one.
    Reports(Vec<IncomingReport>),
}

/// A report found in a mail.
#[derive(Debug)]
pub enum IncomingReport {
    /// It was read.
    Read {
        /// The report with its deviations and hashes.
        parsed: Box<Parsed>,
        /// Its JSON as sent.
        json: String,
        /// Who sent it: contact-info's domain, else From's; `""` if neither is known.
        submitter: String,
        /// What is known of its origin.
        standing: Standing,
    },
    /// It can't be read, for this reason.
    Rejected(String),
}

/// What is known of a report's origin, and whether it counts for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The word for it in `reports.authentication`.
    pub authentication: &'static str,
    /// The domain that is proven to have sent it, if one is.
    pub signing_domain: Option<String>,
    /// Why none is, if that was looked at.
    pub reason: Option<String>,
    /// The organisation whose key no name server has told yet, if that is why.
    pub waits_for: Option<String>,
    /// Whether it counts.
    pub counts: bool,
}

impl Default for Standing {
    /// Nobody has looked, and it counts.
    fn default() -> Self {
        Self {
            authentication: "unchecked",
            signing_domain: None,
            reason: None,
            waits_for: None,
            counts: true,
        }
    }
}

/// Moves a folder's cursor with the batch that it covers.
#[derive(Debug, Clone, Copy)]
pub struct CursorMove {
    /// The folder's id in the store.
    pub folder: i64,
    /// Everything up to this UID is in this batch or an earlier one.
    pub last_uid: u32,
}
