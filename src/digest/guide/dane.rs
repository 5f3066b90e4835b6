//! Causes in DANE and DNSSEC.

use super::When::{Always, Usage3};
use super::{BounceCode, Guide, Said, Sign};

const fn said(result_type: &'static str, reason: &'static str, by: &'static str) -> Said {
    Said {
        result_type,
        reason,
        policy_type: "tlsa",
        when: Always,
        by,
    }
}

const fn with_usage_3(result_type: &'static str, by: &'static str) -> Said {
    Said {
        result_type,
        reason: "",
        policy_type: "tlsa",
        when: Usage3,
        by,
    }
}

pub(super) static MISMATCH: Guide = Guide {
    signs: &[
        Sign {
            what: "The key changed and the TLSA record didn't: the renewal made a new key, or a server was restored.",
            signs: "Begins on a renewal day, for all that check DANE; the records in the reports are the same before \
                    and after; no good connection to that MX any more.",
        },
        Sign {
            what: "The record was changed too late or too early, and the old set was still in caches.",
            signs: "Good and failed ones mixed for at most twice the TTL, two different sets in the reports, then \
                    clean.",
        },
        Sign {
            what: "A record 2 x x, but the server doesn't send that certificate of the authority, or the authority \
                   changed its intermediate (Let's Encrypt rotates among several).",
            signs: "Begins on a renewal day.",
        },
        Sign {
            what: "A hash of the wrong thing: of the certificate instead of the key in a record 3 1 1.",
            signs: "From the first day.",
        },
        Sign {
            what: "Only one of several nodes has the published key.",
            signs: "The share of failures is about the other nodes' share of the mail.",
        },
    ],
    show: &[
        "openssl s_client -starttls smtp -connect {mx}:25 -dane_tlsa_domain {mx} -dane_tlsa_rrdata \"3 1 1 HEX\" \
         -verify_return_error -brief </dev/null",
        "posttls-finger -c -l dane -L summary {domain}",
        "danetool --check {mx} --starttls-proto=smtp --port 25",
    ],
    lasting: "Always publish the present and the next key, wait two TTLs, change the key, then remove the old record. \
              If you can't keep that up, rather remove TLSA than leave a wrong record.",
    others: "",
    urgency: "today",
    said: &[
        said("validation-failure", "dane-no-match", "mox"),
        said(
            "certificate-not-trusted",
            "",
            "Postfix, which gives no reason then",
        ),
        said(
            "validation-failure",
            "No matching certificates found.",
            "Stalwart",
        ),
        said("tlsa-invalid", "", "Microsoft"),
        with_usage_3("certificate-expired", "senders that check the date too"),
        with_usage_3("certificate-host-mismatch", "senders that check the name too"),
    ],
    bounces: &[BounceCode {
        codes: "4.7.323, 5.7.323",
        by: "Exchange Online",
    }],
    remarks: &[
        "The records in the report are what the sender saw: compare them without asking DNS.",
        "A record at the wrong name (_25._tcp.{domain} instead of _25._tcp.{mx}) is no failure: senders find none, \
         and you have no DANE without noticing.",
        "Stalwart bounces at once instead of waiting.",
    ],
};

pub(super) static UNUSABLE: Guide = Guide {
    signs: &[
        Sign {
            what: "Records of usage 0 or 1 only: they aren't defined for SMTP (RFC 7672, Section 3.1.3).",
            signs: "From the first day; the records in the reports begin with 0 or 1.",
        },
        Sign {
            what: "A selector or matching type that doesn't exist, or data of the wrong length.",
            signs: "From an edit on.",
        },
    ],
    show: &[],
    lasting: "",
    others: "",
    urgency: "this week: the mail arrives encrypted, but nobody checks the server",
    said: &[
        said("tlsa-invalid", "all-TLSA-records-unusable", "Postfix"),
        said("validation-failure", "all-unusable-records+ignored", "mox"),
        said("tlsa-invalid", "Invalid TLSA record.", "Stalwart"),
    ],
    bounces: &[],
    remarks: &[
        "With no record that can be used, senders insist on encryption and skip the check (RFC 7672).",
    ],
};

pub(super) static DNSSEC: Guide = Guide {
    signs: &[
        Sign {
            what: "Signatures have expired: the signer stopped, the secondaries weren't updated, or a clock is wrong.",
            signs: "Starts at one moment, for all that check; perhaps all your reports stop.",
        },
        Sign {
            what: "The DS record at the parent doesn't fit: other DNS host, new key, registrar not updated.",
            signs: "The same, right after a move.",
        },
        Sign {
            what: "One of several name servers has a stale or unsigned copy.",
            signs: "A share fails, other for each reporter; IPv4 and IPv6 differ.",
        },
        Sign {
            what: "The name servers can't prove that _25._tcp.{mx} doesn't exist: old software, or a load balancer \
                   that answers TLSA with SERVFAIL or not at all.",
            signs: "Only senders that check DANE, only this MX, all else is fine.",
        },
        Sign {
            what: "The sender's resolver.",
            signs: "One small reporter, and public resolvers find nothing wrong.",
        },
    ],
    show: &[
        "dig +dnssec MX {domain} @RESOLVER",
        "for ns in $(dig +short NS ZONE); do echo $ns; dig +dnssec +norec SOA ZONE @$ns | grep -E 'SOA|RRSIG'; done",
    ],
    lasting: "If it can't be mended soon, let the registrar remove the DS record: mail flows again, unprotected, when \
              its TTL is over.",
    others: "",
    urgency: "today, before everything else",
    said: &[
        said("dnssec-invalid", "", "Microsoft, mox, Stalwart; never Postfix"),
        said("dnssec-invalid", "Bogus TLSA records were found.", "Stalwart"),
        said("tlsa-invalid", "dns-extended-error-7-Signature-Expired", "mox"),
    ],
    bounces: &[BounceCode {
        codes: "4.7.324, 5.7.324",
        by: "Exchange Online",
    }],
    remarks: &[
        "Reports are a bad witness here: a zone that can't be proved genuine also hides where reports are to be sent, \
         so they tend not to come. Several DANE senders silent at once are a sign, too.",
    ],
};

pub(super) static REQUIRED: Guide = Guide {
    signs: &[
        Sign {
            what: "You removed TLSA or DNSSEC, or moved the MX into a zone without it, while a partner demands DANE.",
            signs: "Exactly one reporter; starts with your change.",
        },
        Sign {
            what: "DNS trouble.",
            signs: "Others report dnssec-invalid.",
        },
        Sign {
            what: "The partner's administrator set it by mistake; you never had DANE.",
            signs: "Exactly one reporter, from the start.",
        },
    ],
    show: &[],
    lasting: "",
    others: "",
    urgency: "today if you ever had TLSA records; otherwise when convenient, for only the partner can mend it",
    said: &[
        said(
            "dane-required",
            "",
            "Stalwart if set so; Exchange Online connectors that demand DANE",
        ),
        said("dane-required", "No TLSA DNSSEC records found.", "Stalwart"),
        said(
            "validation-failure",
            "MX host is not in a DNSSEC signed zone.",
            "Stalwart",
        ),
    ],
    bounces: &[],
    remarks: &["Exchange Online waits 24 hours, then gives up; Stalwart bounces at once."],
};
