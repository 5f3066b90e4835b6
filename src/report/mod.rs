//! TLS reports as RFC 8460 defines them, read as real senders write them. No I/O.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;

pub mod deviation;
mod gaps;
mod hash;
mod json;
mod object;
mod parse;
mod policies;
mod time;
mod value;

#[cfg(test)]
mod tests;

pub use json::to_json;
pub use parse::parse;

/// One report (RFC 8460, Section 4.4), with all gaps filled that can be filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// "organization-name"; free text.
    pub organization_name: Option<String>,
    /// "report-id"; derived from the content when it was missing.
    pub report_id: String,
    /// "contact-info", as sent.
    pub contact_info: Option<String>,
    /// "start-datetime", in UTC.
    pub start: Timestamp,
    /// "end-datetime", in UTC.
    pub end: Timestamp,
    /// "policies", in the report's order.
    pub policies: Vec<PolicyResult>,
}

/// An element of "policies": a policy, how often it was met, and what failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyResult {
    /// The policy that the sender applied.
    pub policy: Policy,
    /// "total-successful-session-count"; `None`: unreadable.
    pub successful: Option<u64>,
    /// "total-failure-session-count"; `None`: unreadable.
    pub failed: Option<u64>,
    /// "failure-details", in the report's order.
    pub failure_details: Vec<FailureDetails>,
}

impl PolicyResult {
    /// The MTA-STS mode in "policy-string": `enforce`, `testing`, `none` or as sent, in lower case (RFC 8461,
    /// Section 3.2). `None` for other policies and where it isn't said.
    pub fn sts_mode(&self) -> Option<String> {
        /// Longest mode that is kept, in bytes.
        const MAX_MODE: usize = 64;
        if self.policy.policy_type != PolicyType::Sts {
            return None;
        }
        let lines = self
            .policy
            .policy_string
            .iter()
            .flat_map(|element| element.lines());
        let mut fields = lines.filter_map(|line| line.split_once(':'));
        let (_, mode) = fields.find(|(key, _)| key.trim().eq_ignore_ascii_case("mode"))?;
        let mut mode = mode.trim().to_lowercase();
        mode.truncate(mode.floor_char_boundary(MAX_MODE));
        (!mode.is_empty()).then_some(mode)
    }
}

/// The applied policy.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Policy {
    /// "policy-type".
    pub policy_type: PolicyType,
    /// "policy-string", one element a line or record; embedded JSON unpacked.
    pub policy_string: Vec<String>,
    /// "policy-domain": lower case, A-label, no final dot; `None` where nothing says it.
    pub policy_domain: Option<String>,
    /// "mx-host": lower case, without a leading `mx:`.
    pub mx_host: Vec<String>,
}

/// An element of "failure-details".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FailureDetails {
    /// "result-type".
    pub result_type: Option<ResultType>,
    /// "sending-mta-ip", canonical where it parses.
    pub sending_mta_ip: Option<String>,
    /// "receiving-mx-hostname": lower case, A-label, no final dot.
    pub receiving_mx_hostname: Option<String>,
    /// "receiving-mx-helo", as sent.
    pub receiving_mx_helo: Option<String>,
    /// "receiving-ip", canonical where it parses.
    pub receiving_ip: Option<String>,
    /// "failed-session-count"; `None`: unreadable.
    pub failed_session_count: Option<u64>,
    /// "failure-reason-code", as sent.
    pub failure_reason_code: Option<String>,
    /// "additional-information", as sent.
    pub additional_information: Option<String>,
}

/// "policy-type"; an open set.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PolicyType {
    /// DANE (RFC 7672).
    Tlsa,
    /// MTA-STS (RFC 8461).
    Sts,
    /// Neither.
    NoPolicyFound,
    /// A value that RFC 8460 doesn't know, as sent (bounded).
    Unregistered(String),
}

impl PolicyType {
    /// The type of that name, whatever its case and separators; else the text as sent.
    pub fn from_text(text: &str) -> Self {
        match spelling(text).as_str() {
            "tlsa" => Self::Tlsa,
            "sts" => Self::Sts,
            "no-policy-found" => Self::NoPolicyFound,
            _ => Self::Unregistered(text.to_owned()),
        }
    }

    /// The name on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Tlsa => "tlsa",
            Self::Sts => "sts",
            Self::NoPolicyFound => "no-policy-found",
            Self::Unregistered(text) => text,
        }
    }
}

impl fmt::Display for PolicyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// "result-type" (RFC 8460, Section 4.3); an open registry (Section 6.6).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(
    missing_docs,
    reason = "the names of the registry; meanings stand in digest::texts"
)]
pub enum ResultType {
    StarttlsNotSupported,
    CertificateHostMismatch,
    CertificateExpired,
    CertificateNotTrusted,
    ValidationFailure,
    TlsaInvalid,
    DnssecInvalid,
    DaneRequired,
    StsPolicyFetchError,
    StsPolicyInvalid,
    StsWebpkiInvalid,
    /// A value not registered with IANA, as sent (bounded).
    Unregistered(String),
}

impl ResultType {
    /// The type of that name, whatever its case and separators; else the text as sent.
    pub fn from_text(text: &str) -> Self {
        match spelling(text).as_str() {
            "starttls-not-supported" => Self::StarttlsNotSupported,
            "certificate-host-mismatch" => Self::CertificateHostMismatch,
            "certificate-expired" => Self::CertificateExpired,
            "certificate-not-trusted" => Self::CertificateNotTrusted,
            "validation-failure" => Self::ValidationFailure,
            "tlsa-invalid" => Self::TlsaInvalid,
            "dnssec-invalid" => Self::DnssecInvalid,
            "dane-required" => Self::DaneRequired,
            "sts-policy-fetch-error" => Self::StsPolicyFetchError,
            "sts-policy-invalid" => Self::StsPolicyInvalid,
            "sts-webpki-invalid" => Self::StsWebpkiInvalid,
            _ => Self::Unregistered(text.to_owned()),
        }
    }

    /// The name on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::StarttlsNotSupported => "starttls-not-supported",
            Self::CertificateHostMismatch => "certificate-host-mismatch",
            Self::CertificateExpired => "certificate-expired",
            Self::CertificateNotTrusted => "certificate-not-trusted",
            Self::ValidationFailure => "validation-failure",
            Self::TlsaInvalid => "tlsa-invalid",
            Self::DnssecInvalid => "dnssec-invalid",
            Self::DaneRequired => "dane-required",
            Self::StsPolicyFetchError => "sts-policy-fetch-error",
            Self::StsPolicyInvalid => "sts-policy-invalid",
            Self::StsWebpkiInvalid => "sts-webpki-invalid",
            Self::Unregistered(text) => text,
        }
    }
}

/// A registered name's spelling of the text: lower case, with hyphens.
fn spelling(text: &str) -> String {
    text.trim().to_ascii_lowercase().replace(['_', ' '], "-")
}

impl fmt::Display for ResultType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What else is known about a report than its JSON: only used where the JSON leaves a gap.
#[derive(Debug, Clone, Default)]
pub struct Context<'a> {
    /// The attachment's name (RFC 8460, Section 5.1).
    pub file_name: Option<&'a str>,
    /// The mail's TLS-Report-Domain (Section 5.3).
    pub tls_report_domain: Option<&'a str>,
    /// When the mail was sent or received, else when the file was read.
    pub date: Option<Timestamp>,
}

/// A report that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// The report.
    pub report: Report,
    /// Names of the tolerances it needed (docs/sql.md lists them).
    pub deviations: BTreeSet<&'static str>,
    /// Hash of organization-name, report-id, start, end and sorted policy domains, absent ones marked.
    pub identity: [u8; 32],
    /// Hash of the normalised content.
    pub content: [u8; 32],
}

/// Why a JSON document is not a report that we can use.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// JSON, but nothing that RFC 8460 describes.
    #[error("not a TLS report")]
    NotAReport,
    /// Not JSON.
    #[error("not valid JSON: {0}")]
    Json(String),
    /// A limit of the configuration was passed.
    #[error("more than limits.{limit} ({value}) allows")]
    Limit {
        /// The key in `[limits]`.
        limit: &'static str,
        /// Its value.
        value: u64,
    },
}
