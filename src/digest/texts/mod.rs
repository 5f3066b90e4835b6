//! The one table of words: what each cause and each result type means, and what to do.
//!
//! `{place}` is the MX or the policy's domain, `{mx}` and `{domain}` are names, `{host}` the MX by its full name,
//! `{reporter}` who reports it, `{type}` the result type as sent. In commands `{mx}` and `{domain}` are checked names or
//! `MX` and `DOMAIN`.

use crate::assess::cause::Cause;
use crate::assess::impact::{Basis, Impact};

mod combinations;
mod connection;
mod dane;
mod patterns;
mod policy;
mod short;
mod vague;

pub use combinations::{COMBINATIONS, Combination, InMail, Needs, combination};
pub use short::{impact_in_short, state_in_short};

/// How soon a person should act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Mail is held back.
    Today,
    /// Mail arrives, but less protected, or would be held back in enforce.
    ThisWeek,
    /// It does little harm.
    WhenConvenient,
}

impl Urgency {
    /// Its words, after "act".
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Today => "today",
            Self::ThisWeek => "this week",
            Self::WhenConvenient => "when convenient",
        }
    }
}

/// The words for a cause.
#[derive(Debug, Clone, Copy)]
pub struct CauseText {
    /// The item's line.
    pub headline: &'static str,
    /// The same for several domains that are told as one; `{domain}` is their number.
    pub headline_of_many: &'static str,
    /// The fault alone, in two or three words.
    pub in_short: &'static str,
    /// The verdict in the Subject; `, mail held back` is added where it is.
    pub subject: &'static str,
    /// What the sender saw.
    pub saw: &'static str,
    /// The usual causes, most likely first.
    pub causes: &'static str,
    /// Commands that show it.
    pub check: &'static [&'static str],
    /// How to read their output.
    pub reading: &'static str,
    /// What mends it.
    pub fix: &'static str,
    /// Who acts, for "for WHO".
    pub who: &'static str,
    /// How soon when mail arrives under a policy in testing, or with a broken policy.
    pub urgency: Urgency,
    /// How soon when no policy asks for it.
    pub urgency_without_policy: Urgency,
}

impl CauseText {
    /// How soon a person should act.
    pub fn urgency(&self, impact: Impact, basis: Basis) -> Urgency {
        match (impact, basis) {
            (Impact::Held, _) => Urgency::Today,
            (_, Basis::NoPolicy | Basis::NoMode) => self.urgency_without_policy,
            _ => self.urgency,
        }
    }
}

/// What a result type of RFC 8460, Section 4.3 means; `None` for one that it doesn't know.
pub fn meaning(result_type: &str) -> Option<&'static str> {
    Some(match result_type {
        "starttls-not-supported" => "the mail server offered no encryption",
        "certificate-host-mismatch" => "the certificate is made out to another name than the mail server's",
        "certificate-expired" => "the certificate's last day has passed",
        "certificate-not-trusted" => {
            "the certificate isn't signed by an authority that the sender knows, or the chain has a gap"
        }
        "validation-failure" => "something about TLS failed (the type for all without a better name)",
        "tlsa-invalid" => "none of the TLSA records can be used, or none fits the certificate shown",
        "dnssec-invalid" => "the sender's resolver could not prove the DNS answers genuine",
        "dane-required" => "the sender was told to use DANE only, and found no valid TLSA record",
        "sts-policy-fetch-error" => "DNS announces a policy, but the sender could not download it",
        "sts-policy-invalid" => "the policy file was downloaded, but isn't a valid policy",
        "sts-webpki-invalid" => "the web server that offers the policy shows an invalid certificate",
        "unspecified" => "the sender counted failures, but gave no details",
        _ => return None,
    })
}

/// The words for `cause`.
pub fn text(cause: Cause) -> &'static CauseText {
    match cause {
        Cause::NoStarttls => &connection::NO_STARTTLS,
        Cause::WrongName => &connection::WRONG_NAME,
        Cause::Expired => &connection::EXPIRED,
        Cause::NotTrusted => &connection::NOT_TRUSTED,
        Cause::NotYetValid => &connection::NOT_YET_VALID,
        Cause::MxNotInPolicy => &policy::MX_NOT_IN_POLICY,
        Cause::Handshake => &connection::HANDSHAKE,
        Cause::NotSpecified => &vague::NOT_SPECIFIED,
        Cause::TlsaMismatch => &dane::TLSA_MISMATCH,
        Cause::TlsaUnusable => &dane::TLSA_UNUSABLE,
        Cause::Dnssec => &dane::DNSSEC,
        Cause::DaneRequired => &dane::DANE_REQUIRED,
        Cause::PolicyFetch => &policy::POLICY_FETCH,
        Cause::PolicyInvalid => &policy::POLICY_INVALID,
        Cause::PolicyHostCertificate => &policy::POLICY_HOST_CERTIFICATE,
        Cause::Unspecified => &vague::UNSPECIFIED,
        Cause::Unknown => &vague::UNKNOWN,
        Cause::StalePolicy => &policy::STALE,
    }
}

const MX_OPERATOR: &str = "whoever runs {mx}";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::ResultType;

    #[test]
    fn every_result_type_of_the_rfc_has_a_meaning() {
        use ResultType::{
            CertificateExpired, CertificateHostMismatch, CertificateNotTrusted, DaneRequired, DnssecInvalid,
            StarttlsNotSupported, StsPolicyFetchError, StsPolicyInvalid, StsWebpkiInvalid, TlsaInvalid,
            ValidationFailure,
        };
        for result_type in [
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
        ] {
            assert!(meaning(result_type.as_str()).is_some(), "{result_type}");
        }
        assert_eq!(meaning("Testing"), None);
    }

    #[test]
    fn every_gap_in_the_table_is_known() {
        let known = ["place", "short", "mx", "host", "domain", "reporter", "type"];
        for cause in Cause::ALL {
            let words = text(cause);
            let mut texts = vec![
                words.headline,
                words.headline_of_many,
                words.subject,
                words.saw,
                words.causes,
                words.reading,
                words.fix,
                words.who,
            ];
            texts.extend(words.check);
            for template in texts {
                for gap in template.split('{').skip(1) {
                    let name = gap.split('}').next().unwrap();
                    assert!(known.contains(&name), "{cause}: {template}");
                }
            }
        }
    }
}
