//! Words for causes that say little.

use super::{CauseText, MX_OPERATOR, Urgency};

/// Looks at the certificate of each MX, where nothing tells which one it is.
const EACH_MX: &[&str] = &[
    "dig +short MX {domain}",
    "openssl s_client -starttls smtp -connect {mx}:25 -servername {mx} -verify_hostname {mx} \
     -verify_return_error -brief </dev/null",
];
const EACH_MX_READING: &str =
    "\"Verification: OK\" is needed for each MX. Then look in your mail log of these days.";
const AS_IT_SHOWS: &str = "Depends on what the check shows; nothing if it happened once and all is fine.";

pub(super) static NOT_SPECIFIED: CauseText = CauseText {
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
    fix: AS_IT_SHOWS,
    who: MX_OPERATOR,
    urgency: Urgency::ThisWeek,
    urgency_without_policy: Urgency::WhenConvenient,
};

pub(super) static UNSPECIFIED: CauseText = CauseText {
    headline: "failures without details from {reporter}",
    headline_of_many: "failures without details for {domain}",
    in_short: "failures without details",
    subject: "{domain}: {reporter} reports failures, no details",
    saw: "The sender counted failures, but gave no reason.",
    causes: "Not known. Another reporter that names a cause for the same days most likely means the same.",
    check: EACH_MX,
    reading: EACH_MX_READING,
    fix: AS_IT_SHOWS,
    who: "whoever runs the MX hosts",
    urgency: Urgency::WhenConvenient,
    urgency_without_policy: Urgency::WhenConvenient,
};

pub(super) static UNKNOWN: CauseText = CauseText {
    headline: "unknown result {type} from {reporter}",
    headline_of_many: "unknown result {type} for {domain}",
    in_short: "unknown result",
    subject: "{domain}: unknown result from {reporter}",
    saw: "The sender used a result name that this version doesn't know.",
    causes: "Not known; the name may say it.",
    check: EACH_MX,
    reading: EACH_MX_READING,
    fix: AS_IT_SHOWS,
    who: "whoever runs the MX hosts",
    urgency: Urgency::WhenConvenient,
    urgency_without_policy: Urgency::WhenConvenient,
};
