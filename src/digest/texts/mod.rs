//! The one table of words: what each cause and each result type means, and what to do.
//!
//! `{place}` is the MX or the policy's domain, `{mx}` and `{domain}` are names, `{host}` the MX by its full name,
//! `{reporter}` who reports it, `{type}` the result type as sent. In commands `{mx}` and `{domain}` are checked names or
//! `MX` and `DOMAIN`.

use crate::assess::cause::Cause;
use crate::assess::impact::{Basis, Impact};

mod named;

pub use named::{NamedText, named};

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
        Cause::NoStarttls => &NO_STARTTLS,
        Cause::WrongName => &WRONG_NAME,
        Cause::Expired => &EXPIRED,
        Cause::NotTrusted => &NOT_TRUSTED,
        Cause::NotYetValid => &NOT_YET_VALID,
        Cause::MxNotInPolicy => &MX_NOT_IN_POLICY,
        Cause::Handshake => &HANDSHAKE,
        Cause::NotSpecified => &NOT_SPECIFIED,
        Cause::TlsaMismatch => &TLSA_MISMATCH,
        Cause::TlsaUnusable => &TLSA_UNUSABLE,
        Cause::Dnssec => &DNSSEC,
        Cause::DaneRequired => &DANE_REQUIRED,
        Cause::PolicyFetch => &POLICY_FETCH,
        Cause::PolicyInvalid => &POLICY_INVALID,
        Cause::PolicyHostCertificate => &POLICY_HOST_CERTIFICATE,
        Cause::Unspecified => &UNSPECIFIED,
        Cause::Unknown => &UNKNOWN,
    }
}

const MX_OPERATOR: &str = "whoever runs {mx}";

static NO_STARTTLS: CauseText = CauseText {
    headline: "{place} offers no encryption",
    headline_of_many: "no encryption offered for {domain}",
    in_short: "no encryption offered",
    subject: "{place}: no encryption offered",
    saw: "The sender connected to your mail server and was not offered encryption, or the offer was withdrawn when \
          it asked for it.",
    causes: "TLS isn't set up on one node, or the server started without it because it can't read the certificate \
             after a renewal; a firewall that rewrites SMTP (Cisco: inspect esmtp).",
    check: &["openssl s_client -starttls smtp -connect {mx}:25 -brief </dev/null"],
    reading: "\"Didn't find STARTTLS in server response\" shows it. Ask every address of the MX, from outside your \
              network.",
    fix: "Mend the path or permissions of the certificate and reload the server; let the firewall pass STARTTLS; \
          give a backup MX a certificate or take it out of DNS.",
    who: MX_OPERATOR,
    urgency: Urgency::ThisWeek,
    urgency_without_policy: Urgency::ThisWeek,
};

static WRONG_NAME: CauseText = CauseText {
    headline: "wrong name in the certificate of {place}",
    headline_of_many: "wrong name in the certificate for {domain}",
    in_short: "wrong certificate name",
    subject: "{place}: wrong certificate name",
    saw: "Encryption worked, but the certificate is made out to another name than the mail server's.",
    causes: "The certificate is for the mail domain and not for the MX host name, one node shows its default \
             certificate, or the MX was renamed.",
    check: &[
        "openssl s_client -starttls smtp -connect {mx}:25 -servername {mx} </dev/null 2>/dev/null | openssl x509 \
         -noout -ext subjectAltName",
    ],
    reading: "The list must contain {host}; a * stands for exactly one label.",
    fix: "Issue a certificate with every MX host name in it, install it on every node, reload the server.",
    who: MX_OPERATOR,
    urgency: Urgency::ThisWeek,
    urgency_without_policy: Urgency::WhenConvenient,
};

static EXPIRED: CauseText = CauseText {
    headline: "certificate expired on {place}",
    headline_of_many: "certificate expired for {domain}",
    in_short: "certificate expired",
    subject: "{place}: certificate expired",
    saw: "Encryption worked, but the certificate's last day has passed.",
    causes: "Usually: renewed but not reloaded, renewed on other nodes only, or the renewal fails.",
    check: &[
        "openssl s_client -starttls smtp -connect {mx}:25 -servername {mx} </dev/null 2>/dev/null | openssl x509 \
         -noout -enddate",
    ],
    reading: "Ask every address of the MX. If the date is fine, look for an expired intermediate with -showcerts.",
    fix: "Install the current certificate on {mx}, reload the server; let the renewal do both from now on.",
    who: MX_OPERATOR,
    urgency: Urgency::ThisWeek,
    urgency_without_policy: Urgency::WhenConvenient,
};

static NOT_TRUSTED: CauseText = CauseText {
    headline: "certificate of {place} isn't trusted",
    headline_of_many: "certificate not trusted for {domain}",
    in_short: "certificate not trusted",
    subject: "{place}: certificate not trusted",
    saw: "The certificate isn't signed by an authority that the sender knows, or the chain has a gap.",
    causes: "The intermediate certificate isn't sent (cert.pem installed instead of fullchain.pem), the certificate \
             is self-signed, or its authority is new or distrusted.",
    check: &[
        "openssl s_client -starttls smtp -connect {mx}:25 -servername {mx} -showcerts -verify_return_error \
         </dev/null",
    ],
    reading: "\"num=20\" or \"num=21\" is a gap in the chain, \"num=18\" a self-signed certificate.",
    fix: "Install the full chain of a public authority and reload the server.",
    who: MX_OPERATOR,
    urgency: Urgency::ThisWeek,
    urgency_without_policy: Urgency::WhenConvenient,
};

static NOT_YET_VALID: CauseText = CauseText {
    headline: "certificate of {place} isn't valid yet",
    headline_of_many: "certificate not valid yet for {domain}",
    in_short: "certificate not valid yet",
    subject: "{place}: certificate not valid yet",
    saw: "Encryption worked, but the certificate's first day is yet to come.",
    causes: "A clock is wrong, yours or the sender's, or the certificate was installed too early.",
    check: &[
        "openssl s_client -starttls smtp -connect {mx}:25 -servername {mx} </dev/null 2>/dev/null | openssl x509 \
         -noout -dates",
    ],
    reading: "\"notBefore\" must lie in the past.",
    fix: "Put the clock right, or the former certificate back until then.",
    who: MX_OPERATOR,
    urgency: Urgency::ThisWeek,
    urgency_without_policy: Urgency::WhenConvenient,
};

static MX_NOT_IN_POLICY: CauseText = CauseText {
    headline: "{place} isn't in the policy of {domain}",
    headline_of_many: "MX not in the policy of {domain}",
    in_short: "MX not in the policy",
    subject: "{domain}: {place} isn't in your policy",
    saw: "The sender was led to an MX host that your MTA-STS policy doesn't list.",
    causes: "A backup MX that was forgotten, a move to other servers, or a * that should cover more than one label.",
    check: &[
        "dig +short MX {domain}",
        "curl -sS https://mta-sts.{domain}/.well-known/mta-sts.txt",
    ],
    reading: "Each MX must match an mx line of the file.",
    fix: "Add \"mx: {host}\" to the file, then change the id in the TXT record _mta-sts.{domain}.",
    who: "whoever keeps the policy of {domain}",
    urgency: Urgency::ThisWeek,
    urgency_without_policy: Urgency::ThisWeek,
};

static HANDSHAKE: CauseText = CauseText {
    headline: "TLS handshake with {place} breaks",
    headline_of_many: "TLS handshake breaks for {domain}",
    in_short: "TLS breaks",
    subject: "{place}: TLS breaks",
    saw: "Encryption was offered, but the TLS handshake did not come to an end.",
    causes: "The server speaks only old TLS versions, shares no cipher with the sender, drops connections under \
             load, or doesn't get on with this sender's software.",
    check: &[
        "openssl s_client -starttls smtp -connect {mx}:25 -tls1_2 -brief </dev/null",
        "openssl s_client -starttls smtp -connect {mx}:25 -tls1_3 -brief </dev/null",
    ],
    reading: "One of them must work. Then look in your mail log of these days: it knows more than any probe.",
    fix: "Allow TLS 1.2 and 1.3; raise limits for big senders; update the mail server's software.",
    who: MX_OPERATOR,
    urgency: Urgency::ThisWeek,
    urgency_without_policy: Urgency::WhenConvenient,
};

static NOT_SPECIFIED: CauseText = CauseText {
    headline: "TLS check failed on {place}, no reason given",
    headline_of_many: "TLS check failed for {domain}",
    in_short: "TLS check fails",
    subject: "{place}: TLS check fails",
    saw: "Something about TLS failed; the sender doesn't say what. Google and Microsoft usually report so.",
    causes: "A certificate (expired, wrong name, gap in the chain), a broken handshake, or an MX that isn't in the \
             policy. Single ones are often dropped connections.",
    check: &[
        "openssl s_client -starttls smtp -connect {mx}:25 -servername {mx} -verify_hostname {mx} \
         -verify_return_error -brief </dev/null",
        "dig +short MX {domain}",
    ],
    reading: "\"Verification: OK\" means that the certificate is fine. Each MX must be in the policy. Then look in \
              your mail log of these days.",
    fix: "Depends on what the check shows; nothing if it happened once and all is fine.",
    who: MX_OPERATOR,
    urgency: Urgency::ThisWeek,
    urgency_without_policy: Urgency::WhenConvenient,
};

static TLSA_MISMATCH: CauseText = CauseText {
    headline: "TLSA record of {place} doesn't match its key",
    headline_of_many: "TLSA record doesn't match for {domain}",
    in_short: "TLSA doesn't match",
    subject: "{place}: TLSA doesn't match the key",
    saw: "You publish TLSA records, but none of them fits the certificate that the server shows.",
    causes: "The key was changed (often by an automatic renewal) and the record wasn't, or the old record was \
             removed too early.",
    check: &[
        "openssl s_client -starttls smtp -connect {mx}:25 -servername {mx} </dev/null 2>/dev/null | openssl x509 \
         -noout -pubkey | openssl pkey -pubin -outform DER | openssl dgst -sha256",
        "dig +short TLSA _25._tcp.{mx}",
    ],
    reading: "The hash must be the data of a record that begins with 3 1 1.",
    fix: "Put the old key back (works at once), or publish a 3 1 1 record of the new key beside the old one (works \
          when the old set's TTL is over). Next time publish both, wait two TTLs, then change the key.",
    who: "whoever runs {mx} and its DNS",
    urgency: Urgency::Today,
    urgency_without_policy: Urgency::ThisWeek,
};

static TLSA_UNUSABLE: CauseText = CauseText {
    headline: "TLSA records of {place} can't be used",
    headline_of_many: "TLSA records can't be used for {domain}",
    in_short: "TLSA can't be used",
    subject: "{place}: TLSA records can't be used",
    saw: "You publish TLSA records, but none of a kind that SMTP uses.",
    causes: "Records of usage 0 or 1, which are not defined for SMTP, or a wrong selector or matching type.",
    check: &["dig +short TLSA _25._tcp.{mx}"],
    reading: "Each record should begin with 3 or 2.",
    fix: "Publish a 3 1 1 record of the key in use, then remove the others.",
    who: "whoever runs {mx} and its DNS",
    urgency: Urgency::ThisWeek,
    urgency_without_policy: Urgency::ThisWeek,
};

static DNSSEC: CauseText = CauseText {
    headline: "DNSSEC of {place} fails",
    headline_of_many: "DNSSEC fails for {domain}",
    in_short: "DNSSEC fails",
    subject: "{place}: DNSSEC fails",
    saw: "The sender's resolver could not prove your DNS answers genuine: signatures are missing, expired or wrong.",
    causes: "Signatures have expired, the DS record at the parent doesn't fit after a move, one name server is \
             stale, or it answers TLSA queries badly.",
    check: &[
        "dig +dnssec MX {domain}",
        "dig +cd +dnssec MX {domain}",
        "delv TLSA _25._tcp.{mx}",
    ],
    reading: "Ask a resolver that validates. SERVFAIL without +cd and an answer with it: the signatures are wrong.",
    fix: "Sign again and push to all name servers, or correct the DS record. If that takes long, have the DS record \
          removed.",
    who: "whoever hosts your DNS, or the registrar",
    urgency: Urgency::Today,
    urgency_without_policy: Urgency::Today,
};

static DANE_REQUIRED: CauseText = CauseText {
    headline: "{reporter} requires DANE for {place}",
    headline_of_many: "DANE required for {domain}",
    in_short: "DANE required",
    subject: "{reporter} requires DANE, {place} has none",
    saw: "The sender has been told to send to you with DANE only, and found no valid TLSA record.",
    causes: "TLSA records or DNSSEC were removed while a partner relies on them, or the partner's rule is a mistake.",
    check: &["dig +dnssec TLSA _25._tcp.{mx}"],
    reading: "There must be an answer with the flag ad.",
    fix: "Publish TLSA records again, or ask the partner to drop the rule.",
    who: "you, or the partner if you never had DANE",
    urgency: Urgency::ThisWeek,
    urgency_without_policy: Urgency::ThisWeek,
};

static POLICY_FETCH: CauseText = CauseText {
    headline: "policy file of {domain} not fetched",
    headline_of_many: "policy file not fetched for {domain}",
    in_short: "policy not fetched",
    subject: "{domain}: senders can't fetch your policy",
    saw: "Your DNS says that there is a policy, but the sender could not download it.",
    causes: "The web server is gone or answers with an error or a redirect (senders must not follow one), an IPv6 \
             address on which nothing listens, or a filter against bots.",
    check: &[
        "dig +short TXT _mta-sts.{domain}",
        "curl -sSi -4 https://mta-sts.{domain}/.well-known/mta-sts.txt",
        "curl -sSi -6 https://mta-sts.{domain}/.well-known/mta-sts.txt",
    ],
    reading: "Status 200, no redirect, text/plain (with -6 only if mta-sts.{domain} has an AAAA record). Then the \
              web server's log of these days: 403 or 5xx are your rules, no request at all points to DNS, IPv6 or \
              the CDN.",
    fix: "Serve the file over every address published; exempt it from redirects, filters and challenges. If your \
          check is fine and only one sender fails, wait.",
    who: "whoever runs the web server mta-sts.{domain}",
    urgency: Urgency::ThisWeek,
    urgency_without_policy: Urgency::ThisWeek,
};

static POLICY_INVALID: CauseText = CauseText {
    headline: "policy of {domain} isn't valid",
    headline_of_many: "policy not valid for {domain}",
    in_short: "policy not valid",
    subject: "{domain}: your policy isn't valid",
    saw: "The policy file was downloaded, but isn't a valid policy.",
    causes: "An HTML page came back with status 200, a typing error (version, mode, max_age, mx), or two \
             v=STSv1 records in DNS.",
    check: &[
        "curl -sS https://mta-sts.{domain}/.well-known/mta-sts.txt | cat -A | head -20",
        "dig +short TXT _mta-sts.{domain}",
    ],
    reading: "First line \"version: STSv1\"; then mode, mx and max_age (at most 31557600).",
    fix: "Correct the file, then change the id in the TXT record.",
    who: "whoever keeps the policy of {domain}",
    urgency: Urgency::ThisWeek,
    urgency_without_policy: Urgency::ThisWeek,
};

static POLICY_HOST_CERTIFICATE: CauseText = CauseText {
    headline: "certificate of mta-sts.{domain} fails",
    headline_of_many: "certificate of the policy host fails for {domain}",
    in_short: "policy host certificate fails",
    subject: "mta-sts.{domain}: certificate fails",
    saw: "The web server that offers your policy shows an invalid certificate, so the sender didn't trust the policy.",
    causes: "The certificate has expired, doesn't contain mta-sts.{domain}, or its chain has a gap; perhaps at one \
             of several addresses only.",
    check: &[
        "openssl s_client -connect mta-sts.{domain}:443 -servername mta-sts.{domain} -verify_hostname \
         mta-sts.{domain} -brief </dev/null",
    ],
    reading: "\"Verification: OK\" is needed at every address, IPv4 and IPv6.",
    fix: "Renew the certificate or add the name, install the full chain.",
    who: "whoever runs the web server mta-sts.{domain}",
    urgency: Urgency::ThisWeek,
    urgency_without_policy: Urgency::ThisWeek,
};

static UNSPECIFIED: CauseText = CauseText {
    headline: "failures without details from {reporter}",
    headline_of_many: "failures without details for {domain}",
    in_short: "failures without details",
    subject: "{domain}: {reporter} reports failures, no details",
    saw: "The sender counted failures, but gave no reason.",
    causes: "Not known. Another reporter that names a cause for the same days most likely means the same.",
    check: &[
        "dig +short MX {domain}",
        "openssl s_client -starttls smtp -connect {mx}:25 -servername {mx} -verify_hostname {mx} \
         -verify_return_error -brief </dev/null",
    ],
    reading: "\"Verification: OK\" is needed for each MX. Then look in your mail log of these days.",
    fix: "Depends on what the check shows; nothing if it happened once and all is fine.",
    who: "whoever runs the MX hosts",
    urgency: Urgency::WhenConvenient,
    urgency_without_policy: Urgency::WhenConvenient,
};

static UNKNOWN: CauseText = CauseText {
    headline: "unknown result {type} from {reporter}",
    headline_of_many: "unknown result {type} for {domain}",
    in_short: "unknown result",
    subject: "{domain}: unknown result from {reporter}",
    saw: "The sender used a result name that this version doesn't know.",
    causes: "Not known; the name may say it.",
    check: &[
        "dig +short MX {domain}",
        "openssl s_client -starttls smtp -connect {mx}:25 -servername {mx} -verify_hostname {mx} \
         -verify_return_error -brief </dev/null",
    ],
    reading: "\"Verification: OK\" is needed for each MX. Then look in your mail log of these days.",
    fix: "Depends on what the check shows; nothing if it happened once and all is fine.",
    who: "whoever runs the MX hosts",
    urgency: Urgency::WhenConvenient,
    urgency_without_policy: Urgency::WhenConvenient,
};

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
