//! Which senders can say what: that a type is missing from one of them proves nothing.

/// What a sender says.
#[derive(Debug, Clone, Copy)]
pub struct SenderRow {
    /// The result type.
    pub result_type: &'static str,
    /// In the order of [`SENDERS`]; empty: not known.
    pub says: [&'static str; 7],
}

/// The senders of which something is known; Postfix is with tlsrpt-reporter.
pub const SENDERS: [&str; 7] = [
    "Google",
    "Microsoft",
    "Mail.ru",
    "Postfix",
    "mox",
    "Stalwart",
    "Halon",
];

const ROWS: [SenderRow; 11] = [
    row(
        "starttls-not-supported",
        [
            "hearsay",
            "documented",
            "",
            "only if TLS was required, or offered and then refused",
            "yes, also without a policy",
            "yes, also without a policy",
            "yes",
        ],
    ),
    row(
        "certificate-host-mismatch",
        ["yes", "hearsay", "", "yes", "yes", "never", "yes"],
    ),
    row(
        "certificate-expired",
        ["hearsay", "documented", "", "yes", "yes", "never", "yes"],
    ),
    row(
        "certificate-not-trusted",
        [
            "",
            "",
            "",
            "yes; also for TLSA records that don't match",
            "yes",
            "yes, for any error of TLS",
            "yes",
        ],
    ),
    row(
        "validation-failure",
        [
            "usual",
            "usual",
            "",
            "handshake, self-signed, issuer",
            "yes",
            "MX or TLSA mismatch",
            "yes",
        ],
    ),
    row(
        "tlsa-invalid",
        [
            "no DANE seen",
            "documented",
            "",
            "only if no record can be used",
            "look-up errors, no record can be used",
            "records that can't be used",
            "",
        ],
    ),
    row(
        "dnssec-invalid",
        [
            "no DANE seen",
            "documented",
            "no DANE seen",
            "never",
            "yes",
            "yes",
            "",
        ],
    ),
    row(
        "dane-required",
        [
            "no DANE seen",
            "hearsay",
            "no DANE seen",
            "never",
            "no",
            "only if set so",
            "",
        ],
    ),
    row(
        "sts-policy-fetch-error",
        [
            "hearsay",
            "usual, without a reason",
            "usual, with a text",
            "only if its plugin says so",
            "yes",
            "yes",
            "yes",
        ],
    ),
    row(
        "sts-policy-invalid",
        [
            "hearsay",
            "",
            "",
            "only if its plugin says so",
            "yes",
            "yes",
            "yes",
        ],
    ),
    row(
        "sts-webpki-invalid",
        [
            "hearsay",
            "",
            "",
            "only if its plugin says so",
            "yes",
            "never: it says sts-policy-fetch-error",
            "yes",
        ],
    ),
];

const fn row(result_type: &'static str, says: [&'static str; 7]) -> SenderRow {
    SenderRow { result_type, says }
}

/// What each sender says of a result type; `None` for one that RFC 8460 doesn't know.
pub fn senders_of(result_type: &str) -> Option<&'static SenderRow> {
    ROWS.iter().find(|row| row.result_type == result_type)
}
