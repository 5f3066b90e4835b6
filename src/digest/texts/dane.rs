//! Words for DANE and DNSSEC.

use super::{CauseText, Urgency};

pub(super) static TLSA_MISMATCH: CauseText = CauseText {
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

pub(super) static TLSA_UNUSABLE: CauseText = CauseText {
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

pub(super) static DNSSEC: CauseText = CauseText {
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

pub(super) static DANE_REQUIRED: CauseText = CauseText {
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
