//! What broke: a precise cause from the coarse, and differing, words of the senders. Pure.
//!
//! The same fault has other result types from other senders: an expired certificate is `certificate-expired` from
//! Postfix, `certificate-not-trusted` with a reason from Stalwart and a bare `validation-failure` from Google.

use serde::{Deserialize, Serialize};

use std::fmt;

/// What broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Cause {
    /// The summary counts failures, nothing says which.
    Unspecified,
    /// The MX host isn't in the MTA-STS policy (RFC 8461, Section 4.1).
    MxNotInPolicy,
    /// No TLSA record fits the key shown (RFC 7672).
    TlsaMismatch,
    /// The policy file could not be fetched.
    PolicyFetch,
    /// The policy file isn't a valid policy.
    PolicyInvalid,
    /// The certificate of the web server that offers the policy isn't valid.
    PolicyHostCertificate,
    /// DNS answers could not be proved genuine.
    Dnssec,
    /// The certificate's last day has passed.
    Expired,
    /// The certificate is made out to another name.
    WrongName,
    /// TLSA records that SMTP doesn't use.
    TlsaUnusable,
    /// The sender demands DANE and finds none.
    DaneRequired,
    /// The certificate's first day is yet to come.
    NotYetValid,
    /// The certificate has no chain to an authority that the sender knows.
    NotTrusted,
    /// No encryption was offered.
    NoStarttls,
    /// The TLS handshake broke.
    Handshake,
    /// A certificate or a handshake, the sender doesn't say which.
    NotSpecified,
    /// A result type that RFC 8460 doesn't know.
    Unknown,
    /// A sender still applies a policy that has been replaced, beyond its time. Nothing fails by it: reports of several
    /// days show it, never a failure detail.
    StalePolicy,
}

impl Cause {
    /// All causes.
    pub const ALL: [Self; 18] = [
        Self::Unspecified,
        Self::MxNotInPolicy,
        Self::TlsaMismatch,
        Self::PolicyFetch,
        Self::PolicyInvalid,
        Self::PolicyHostCertificate,
        Self::Dnssec,
        Self::Expired,
        Self::WrongName,
        Self::TlsaUnusable,
        Self::DaneRequired,
        Self::NotYetValid,
        Self::NotTrusted,
        Self::NoStarttls,
        Self::Handshake,
        Self::NotSpecified,
        Self::Unknown,
        Self::StalePolicy,
    ];

    /// Its name for machines: in JSON and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::MxNotInPolicy => "mx-not-in-policy",
            Self::TlsaMismatch => "tlsa-mismatch",
            Self::PolicyFetch => "sts-policy-fetch-error",
            Self::PolicyInvalid => "sts-policy-invalid",
            Self::PolicyHostCertificate => "sts-webpki-invalid",
            Self::Dnssec => "dnssec",
            Self::Expired => "expired",
            Self::WrongName => "wrong-name",
            Self::TlsaUnusable => "tlsa-unusable",
            Self::DaneRequired => "dane-required",
            Self::NotYetValid => "not-yet-valid",
            Self::NotTrusted => "not-trusted",
            Self::NoStarttls => "no-starttls",
            Self::Handshake => "handshake",
            Self::NotSpecified => "not-specified",
            Self::Unknown => "unknown",
            Self::StalePolicy => "stale-policy",
        }
    }

    /// Whether the normal weather of SMTP shows it now and then, so that a single record proves little.
    pub fn is_noise_prone(self) -> bool {
        matches!(
            self,
            Self::Unspecified
                | Self::NotSpecified
                | Self::Unknown
                | Self::Handshake
                | Self::NoStarttls
                | Self::PolicyFetch
        )
    }

    /// Whether it is about the policy's file or its web server, and no MX.
    pub fn is_about_the_policy(self) -> bool {
        matches!(
            self,
            Self::PolicyFetch | Self::PolicyInvalid | Self::PolicyHostCertificate | Self::StalePolicy
        )
    }

    /// Whether it says so little that a better reading of the same failure is preferred.
    pub fn is_vague(self) -> bool {
        matches!(self, Self::Unspecified | Self::NotSpecified | Self::Unknown)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a report says about one failure, as far as the cause depends on it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Record<'a> {
    /// "policy-type".
    pub policy_type: &'a str,
    /// The usage fields of the TLSA records in "policy-string".
    pub tlsa_usages: &'a [u8],
    /// "result-type"; empty where absent.
    pub result_type: &'a str,
    /// "failure-reason-code"; empty where absent.
    pub reason: &'a str,
    /// Whether the MX host matches a pattern of the policy in the same report; `None`: can't be told.
    pub mx_in_policy: Option<bool>,
}

/// The cause of a failure. The first rule that holds wins; upper and lower case and `_`, `-` and blank are equal.
pub fn refine(record: &Record<'_>) -> Cause {
    let kind = normal(record.result_type);
    let reason = Reason(normal(record.reason));
    let about_name_or_date = matches!(kind.as_str(), "certificate expired" | "certificate host mismatch");
    let end_entity_only =
        !record.tlsa_usages.is_empty() && record.tlsa_usages.iter().all(|usage| *usage == 3);
    let outside_policy = record.policy_type == "sts" && record.mx_in_policy == Some(false);
    match kind.as_str() {
        "" | "unspecified" => Cause::Unspecified,
        _ if reason.has(MX_MISMATCH) => Cause::MxNotInPolicy,
        // Google gives no reason; the policy in its report does.
        "validation failure" | "certificate host mismatch" if outside_policy => Cause::MxNotInPolicy,
        // Names and dates don't count with usage 3 (RFC 7672, Section 3.1.1), so something else must be wrong.
        _ if record.policy_type == "tlsa" && end_entity_only && about_name_or_date => Cause::TlsaMismatch,
        // Before the reasons: `certificate-expired` here is about the policy's web server.
        "sts policy fetch error" => Cause::PolicyFetch,
        "sts policy invalid" => Cause::PolicyInvalid,
        "sts webpki invalid" => Cause::PolicyHostCertificate,
        // Before `expired`: a signature may be it, too.
        "dnssec invalid" => Cause::Dnssec,
        _ if reason.has(BOGUS) => Cause::Dnssec,
        // An alert of our server is its refusal of the sender, be it for an expired certificate of the sender.
        _ if reason.has(&["tls remote alert"]) => Cause::Handshake,
        _ => refine_connection(record, &kind, &reason),
    }
}

/// The rules for what happened between sender and MX.
fn refine_connection(record: &Record<'_>, kind: &str, reason: &Reason) -> Cause {
    let tlsa = record.policy_type == "tlsa";
    // Postfix says so when no TLSA record fits.
    let untrusted_without_reason = kind == "certificate not trusted" && reason.0.is_empty();
    if kind == "certificate expired" || reason.has(&["expired"]) {
        Cause::Expired
    } else if kind == "certificate host mismatch" || reason.has(WRONG_NAME) {
        Cause::WrongName
    } else if reason.has(&["unusable", "invalid tlsa record"]) {
        Cause::TlsaUnusable
    } else if kind == "dane required" || reason.has(NO_TLSA) {
        Cause::DaneRequired
    } else if tlsa && (kind == "tlsa invalid" || untrusted_without_reason || reason.has(TLSA_MISMATCH)) {
        Cause::TlsaMismatch
    } else if reason.has(&["not yet valid"]) {
        Cause::NotYetValid
    } else if reason.has(NOT_TRUSTED) {
        Cause::NotTrusted
    } else if kind == "starttls not supported" || reason.has(&["smtp starttls reply code"]) {
        Cause::NoStarttls
    } else if reason.has(HANDSHAKE) {
        Cause::Handshake
    } else {
        match kind {
            "certificate not trusted" => Cause::NotTrusted,
            "validation failure" => Cause::NotSpecified,
            // Outside tlsa it makes no sense, but the type alone says enough.
            "tlsa invalid" => Cause::TlsaMismatch,
            _ => Cause::Unknown,
        }
    }
}

const MX_MISMATCH: &[&str] = &[
    "mx hosts mismatch",
    "mtasts policy mx mismatch",
    "mx not authorized by policy",
    "mx mismatch",
];
const BOGUS: &[&str] = &["bogus", "dns extended error", "extended dns error"];
const WRONG_NAME: &[&str] = &[
    "hostname mismatch",
    "not valid for name",
    "does not match host",
    "name mismatch",
];
const NO_TLSA: &[&str] = &[
    "no tlsa dnssec records found",
    "no tlsa records found for mx",
    "not in a dnssec signed zone",
];
const TLSA_MISMATCH: &[&str] = &["dane no match", "no matching certificates", "no matching dane"];
const NOT_TRUSTED: &[&str] = &[
    "self signed",
    "unable to get local issuer",
    "unable to get issuer",
    "unknown issuer",
    "unknownissuer",
    "unknown ca",
];
const HANDSHAKE: &[&str] = &[
    "handshake",
    "tls local alert",
    "protocol version",
    "record header",
    "connection closed",
    "io timeout",
    "eof",
];

/// A normalised reason text.
struct Reason(String);

impl Reason {
    fn has(&self, parts: &[&str]) -> bool {
        parts.iter().any(|part| self.0.contains(part))
    }
}

fn normal(text: &str) -> String {
    text.trim().replace(['_', '-'], " ").to_ascii_lowercase()
}

/// Whether `host` matches the `mx` pattern of a policy: a leading `*` stands for exactly one label (RFC 8461,
/// Section 4.1).
pub fn mx_matches(pattern: &str, host: &str) -> bool {
    let pattern = host_form(pattern);
    let host = host_form(host);
    match pattern.strip_prefix("*.") {
        Some(suffix) => host
            .split_once('.')
            .is_some_and(|(label, rest)| !label.is_empty() && rest == suffix),
        None => pattern == host,
    }
}

/// A host name for comparison: trimmed, lower case, without a final dot.
pub fn host_form(text: &str) -> String {
    without_end(text).to_ascii_lowercase()
}

/// Trimmed, without final dots, whatever blanks stand between these.
pub(in crate::assess) fn without_end(text: &str) -> &str {
    text.trim_start()
        .trim_end_matches(|c: char| c == '.' || c.is_whitespace())
}

/// The usage fields of TLSA records, written with or without owner name.
pub fn tlsa_usages(policy_string: &[String]) -> Vec<u8> {
    policy_string
        .iter()
        .flat_map(|text| text.lines())
        .filter_map(|line| {
            let words: Vec<&str> = line.split_ascii_whitespace().collect();
            words.windows(4).find_map(|words| match words {
                [usage, selector, matching, data]
                    if matches!(*selector, "0" | "1")
                        && matches!(*matching, "0" | "1" | "2")
                        && data.bytes().all(|b| b.is_ascii_hexdigit()) =>
                {
                    usage.parse().ok()
                }
                _ => None,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const VECTORS: &str = include_str!("testdata/refine-vectors.tsv");
    const MORE_VECTORS: &str = include_str!("testdata/refine-vectors-more.tsv");

    fn check(table: &str) -> usize {
        let mut wrong = Vec::new();
        let rows: Vec<&str> = table
            .lines()
            .skip(1)
            .filter(|line| !line.trim().is_empty())
            .collect();
        for row in &rows {
            let columns: Vec<&str> = row.split('\t').collect();
            let [policy_type, usages, result_type, reason, in_policy, expected] = columns[..] else {
                panic!("{row:?} has {} columns", columns.len());
            };
            let usages: Vec<u8> = usages.bytes().map(|digit| digit.saturating_sub(b'0')).collect();
            let cause = refine(&Record {
                policy_type,
                tlsa_usages: &usages,
                result_type,
                reason,
                mx_in_policy: match in_policy {
                    "yes" => Some(true),
                    "no" => Some(false),
                    _ => None,
                },
            });
            if cause.as_str() != expected {
                wrong.push(format!("{row}: {cause}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        rows.len()
    }

    #[test]
    fn every_vector_gives_its_cause() {
        assert_eq!(check(VECTORS), 34);
    }

    #[test]
    fn every_further_vector_gives_its_cause() {
        assert!(check(MORE_VECTORS) >= 34);
    }

    #[test]
    fn star_stands_for_exactly_one_label() {
        for (pattern, host, expected) in [
            ("*.example.com", "mx1.example.com", true),
            ("*.example.com", "a.b.example.com", false),
            ("*.example.com", "example.com", false),
            ("*.example.com", ".example.com", false),
            ("mx1.example.com", "MX1.Example.COM.", true),
            (" MX1.example.com. ", "mx1.example.com", true),
            ("mx1.example.com", "mx2.example.com", false),
            ("*", "com", false),
            ("mx*.example.com", "mx1.example.com", false),
        ] {
            assert_eq!(mx_matches(pattern, host), expected, "{pattern} {host}");
        }
    }

    #[test]
    fn tlsa_usages_are_found_with_and_without_owner_name() {
        let texts = [
            "3 1 1 9f2c41aa",
            "_25._tcp.mx1.example.com. 3600 IN TLSA 2 0 1 41D0",
            "version: STSv1",
        ];
        assert_eq!(tlsa_usages(&texts.map(str::to_owned)), [3, 2]);
    }
}
