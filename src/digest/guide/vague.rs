//! Causes that say little.

use super::When::Always;
use super::{BounceCode, Guide, Said, Sign};

const fn said(result_type: &'static str, reason: &'static str, by: &'static str) -> Said {
    Said {
        result_type,
        reason,
        policy_type: "sts",
        when: Always,
        by,
    }
}

const CERTIFICATE_REFUSED: BounceCode = BounceCode {
    codes: "4.7.5, 5.7.5",
    by: "Exchange Online and others: certificate refused",
};

pub(super) static NOT_SPECIFIED: Guide = Guide {
    signs: &[
        Sign {
            what: "The certificate: expired, made out to another name, or with a gap in its chain.",
            signs: "The MX is in the policy, MX and address are given, all big reporters, the same receiving address.",
        },
        Sign {
            what: "The handshake breaks: old TLS only, no common cipher, a key or signature that is too weak, a \
                   broken box in between.",
            signs: "One MX, nearly all connections.",
        },
        Sign {
            what: "One sender's software and yours don't get on.",
            signs: "One big reporter, nearly all of its connections; others none; begins on a date.",
        },
        Sign {
            what: "Timeouts, dropped connections, limits, greylisting that hangs up after STARTTLS.",
            signs: "Under 5 %, several MX hosts, several reporters, comes and goes.",
        },
        Sign {
            what: "The weather of the network.",
            signs: "One or two connections, once.",
        },
    ],
    show: &[
        "openssl s_client -starttls smtp -connect {mx}:25 -tls1_2 -brief </dev/null",
        "openssl s_client -starttls smtp -connect {mx}:25 -tls1_3 -brief </dev/null",
        "curl -sS https://mta-sts.{domain}/.well-known/mta-sts.txt",
    ],
    lasting: "",
    others: "",
    urgency: "today under enforce or DANE if two reporters see it or a fifth of the connections fail; when convenient \
              for single ones",
    said: &[
        said("validation-failure", "", "Google, the MX being in the policy"),
        said(
            "validation-failure",
            "VALIDATION_FAILURE",
            "Microsoft, with MX and receiving address",
        ),
    ],
    bounces: &[CERTIFICATE_REFUSED],
    remarks: &[
        "When another reporter names a cause for the same MX and days, it joins that problem and is counted there as \
         \"no reason given\".",
    ],
};

pub(super) static UNSPECIFIED: Guide = Guide {
    signs: &[
        Sign {
            what: "The sender's software leaves the details out.",
            signs: "The same reporter always does so.",
        },
        Sign {
            what: "Its report writer doesn't know the code that the mail server gave it.",
            signs: "Details without a result type.",
        },
    ],
    show: &[],
    lasting: "",
    others: "You look; the sender knows more.",
    urgency: "today under enforce or DANE if a fifth of at least 20 connections fail; otherwise when convenient",
    said: &[
        said(
            "unspecified",
            "",
            "the name that tlsrptd gives to failures without details",
        ),
        said(
            "",
            "",
            "Postfix with tlsrpt-reporter, for codes that it doesn't know",
        ),
    ],
    bounces: &[],
    remarks: &[
        "When another reporter names a cause for the same domain and day, most likely it is the same.",
    ],
};

pub(super) static UNKNOWN: Guide = Guide {
    signs: &[Sign {
        what: "A sender uses a name of its own. The registry has had eleven since 2018.",
        signs: "One reporter.",
    }],
    show: &[],
    lasting: "",
    others: "",
    urgency: "today under enforce or DANE if a fifth of at least 20 connections fail; otherwise when convenient",
    said: &[said(
        "anything-else",
        "",
        "Stalwart may send one; some test reports do",
    )],
    bounces: &[],
    remarks: &["It is kept as sent, and a report is never refused for it."],
};
