//! Causes between the sender and an MX: encryption, certificate, handshake.

use super::When::{Always, MxOutsidePolicy};
use super::{BounceCode, Guide, Said, Sign};

/// A way of putting it that needs nothing else.
const fn said(result_type: &'static str, reason: &'static str, by: &'static str) -> Said {
    Said {
        result_type,
        reason,
        policy_type: "",
        when: Always,
        by,
    }
}

const CERTIFICATE_REFUSED: BounceCode = BounceCode {
    codes: "4.7.5, 5.7.5",
    by: "Exchange Online and others, under MTA-STS: certificate refused",
};

pub(super) static NO_STARTTLS: Guide = Guide {
    signs: &[
        Sign {
            what: "TLS isn't set up on one listener or node: a new or rebuilt one, a container without the \
                   certificate, a backup MX at a third party.",
            signs: "One MX or one receiving address only; all reporters; starts on a date.",
        },
        Sign {
            what: "Certificate or key could not be read after a renewal, so the server started without TLS (Postfix \
                   logs that TLS has been disabled, Exim stops offering it).",
            signs: "Begins on a renewal day, for all reporters, from no failure to nothing but failures on that MX; \
                    often together with, or right after, an expired certificate.",
        },
        Sign {
            what: "A firewall or mail security box rewrites the server's answers (Cisco ASA: inspect esmtp, formerly \
                   fixup protocol smtp).",
            signs: "All MX hosts behind it; works from inside and fails from outside; EHLO shows XXXXXXXA in the place \
                    of STARTTLS.",
        },
        Sign {
            what: "The server refuses STARTTLS under load or by a rule for some clients, or a greeting filter answers \
                   without TLS.",
            signs: "A small share, several reporters, never all; reason smtp-starttls-reply-code-4xx.",
        },
        Sign {
            what: "A stray A, AAAA or MX record leads to a host that isn't the mail server.",
            signs: "The receiving address isn't one of yours, or IPv6 only.",
        },
        Sign {
            what: "Somebody on the path strips the offer: an access provider's SMTP proxy, or an attack.",
            signs: "One reporter or one sending network only, everybody else fine, and the receiving address is \
                    yours. Rare, but it is what the standard was made for.",
        },
    ],
    show: &[
        "posttls-finger -c -L summary -l may \"[{mx}]\"",
        "(sleep 3; printf 'EHLO probe.example.com\\r\\n'; sleep 2; printf 'QUIT\\r\\n'; sleep 1) | nc -w 15 {mx} 25",
    ],
    lasting: "On a Cisco ASA take inspect esmtp off for the MX, or allow TLS in its map.",
    others: "Your firewall people, if every MX behind it fails. For one reporter alone nobody, until a second one \
             confirms it; then your upstream provider.",
    urgency: "today under enforce or DANE; this week otherwise, for the mail can be read on its way",
    said: &[
        said(
            "starttls-not-supported",
            "",
            "Microsoft, Halon; mox and Stalwart also without a policy; Postfix only if TLS was required, or offered and then refused",
        ),
        said(
            "starttls-not-supported",
            "STARTTLS was not advertised by host",
            "Stalwart",
        ),
        said(
            "validation-failure",
            "smtp-starttls-reply-code-454",
            "mox; 4xx is a refusal for the moment",
        ),
    ],
    bounces: &[BounceCode {
        codes: "4.7.321, 5.7.321",
        by: "Exchange Online, under DANE",
    }],
    remarks: &["Ask every address of the MX, from outside your network."],
};

pub(super) static WRONG_NAME: Guide = Guide {
    signs: &[
        Sign {
            what: "The certificate is for the mail domain, or for mail. or www., but the MX has another name. Names \
                   are compared with the MX host name, never with the domain behind the @.",
            signs: "From the first day of the policy; all reporters; every MX with that certificate.",
        },
        Sign {
            what: "One node of several shows its default certificate: a new node, a failover, the wrong default for \
                   clients without SNI.",
            signs: "One MX or one receiving address.",
        },
        Sign {
            what: "The MX was renamed or moved to a provider; policy and DNS were changed, the certificate wasn't.",
            signs: "Starts on the day on which the name of the MX in the reports changes.",
        },
        Sign {
            what: "A wildcard certificate that should cover more than one label: a * stands for exactly one.",
            signs: "Only the MX hosts with the longer names.",
        },
        Sign {
            what: "The name stands in the subject (CN) only and not in the subjectAltName: today's verifiers ignore \
                   the CN (RFC 9525).",
            signs: "",
        },
        Sign {
            what: "The MX record points at a CNAME: senders disagree about which of the names counts.",
            signs: "Some reporters only.",
        },
    ],
    show: &[
        "openssl s_client -starttls smtp -connect {mx}:25 -servername {mx} -verify_hostname {mx} \
         -verify_return_error -brief </dev/null",
        "openssl s_client -starttls smtp -connect {mx}:25 -noservername </dev/null 2>/dev/null | openssl x509 -noout \
         -ext subjectAltName",
        "dig +short MX {domain}",
    ],
    lasting: "Ask with and without SNI (-servername, -noservername): senders may send none.",
    others: "",
    urgency: "today under enforce; this week in testing, where it would be held back; when convenient without a policy",
    said: &[
        said(
            "certificate-host-mismatch",
            "",
            "Google, Postfix, mox, Halon; never Stalwart",
        ),
        said(
            "certificate-not-trusted",
            "certificate not valid for name \"mx1.example.com\"",
            "Stalwart",
        ),
        said(
            "validation-failure",
            "4.7.5 [internal] SSL certificate subject does not match host",
            "Bird (Momentum)",
        ),
    ],
    bounces: &[CERTIFICATE_REFUSED],
    remarks: &[
        "Under DANE only records of usage 2 look at names; where all records have usage 3 it is read as a TLSA record \
         that doesn't match.",
    ],
};

pub(super) static EXPIRED: Guide = Guide {
    signs: &[
        Sign {
            what: "Renewed on disk, but the server was not reloaded: the renewal ran, its hook didn't.",
            signs: "Starts on the certificate's very last day, 60 or 90 days after the time before; all reporters; one \
                    MX or all.",
        },
        Sign {
            what: "Renewed on one node only.",
            signs: "One MX or receiving address, no failure names the others; the share of failures is about that \
                    node's share of the mail.",
        },
        Sign {
            what: "The renewal fails: port 80 closed, DNS token revoked, rate limit.",
            signs: "All MX hosts on the same day; the policy's web server follows if it renews in the same way.",
        },
        Sign {
            what: "A backup MX that nobody looks at.",
            signs: "Few connections, only that MX.",
        },
        Sign {
            what: "An intermediate certificate in the chain has expired: some senders fail, others know another way.",
            signs: "Only some reporters; the certificate itself is fine.",
        },
        Sign {
            what: "The sender's clock is wrong.",
            signs: "One small reporter; the certificate was only just issued, or is valid for long.",
        },
    ],
    show: &[
        "openssl s_client -starttls smtp -connect {mx}:25 -servername {mx} -showcerts </dev/null",
        "posttls-finger -c -l secure -F /etc/ssl/certs/ca-certificates.crt -L summary,certmatch \"[{mx}]\"",
        "gnutls-cli --starttls-proto=smtp --port 25 {mx} </dev/null | grep Status",
    ],
    lasting: "Let the renewal reload the server on every node, and be warned 14 days before a certificate ends, on \
              every node.",
    others: "The sender, if its clock is wrong.",
    urgency: "today under enforce; this week in testing; when convenient without a policy",
    said: &[
        said(
            "certificate-expired",
            "",
            "Postfix, mox, Microsoft, Halon; never Stalwart",
        ),
        said(
            "certificate-not-trusted",
            "invalid peer certificate: Expired",
            "Stalwart",
        ),
        said("validation-failure", "certificate has expired", "Postfix"),
    ],
    bounces: &[
        CERTIFICATE_REFUSED,
        BounceCode {
            codes: "4.7.322, 5.7.322",
            by: "Exchange Online, under DANE",
        },
    ],
    remarks: &[
        "Under DANE with records 3 x x dates don't count; where it is reported all the same, a record of usage 2 \
         (your authority's certificate) is meant, or the sender checks both.",
    ],
};

pub(super) static NOT_TRUSTED: Guide = Guide {
    signs: &[
        Sign {
            what: "The intermediate certificate isn't sent: cert.pem was installed where fullchain.pem belongs.",
            signs: "Some reporters fail and others don't, for some fill the gap themselves; reason \
                    unable_to_get_local_issuer_certificate from Postfix.",
        },
        Sign {
            what: "The certificate is self-signed, or of a private authority; usual on a fresh node.",
            signs: "All reporters, from the first day; reason self-signed_certificate.",
        },
        Sign {
            what: "The authority was distrusted, or is so new that some senders don't know it.",
            signs: "Few reporters, always the same; nothing changed on your side.",
        },
        Sign {
            what: "A security box in front of the MX replaces the certificate by its own.",
            signs: "All MX hosts behind it, and an issuer that you don't know.",
        },
    ],
    show: &[],
    lasting: "For MTA-STS use a public authority. If only some senders distrust it, change the authority or the chain.",
    others: "",
    urgency: "today under enforce or DANE; this week in testing; when convenient without a policy",
    said: &[
        said(
            "certificate-not-trusted",
            "",
            "Postfix, mox, Halon; from Stalwart it stands for any error of TLS, so the reason decides",
        ),
        said(
            "validation-failure",
            "unable_to_get_local_issuer_certificate",
            "Postfix",
        ),
        said("validation-failure", "self-signed_certificate", "Postfix"),
    ],
    bounces: &[CERTIFICATE_REFUSED],
    remarks: &[
        "Under DANE, from Postfix and without a reason, it means that no TLSA record fits the certificate shown; it is \
         read so.",
    ],
};

pub(super) static NOT_YET_VALID: Guide = Guide {
    signs: &[
        Sign {
            what: "A new certificate was installed before its first day.",
            signs: "All reporters, for a day or less.",
        },
        Sign {
            what: "A clock is wrong.",
            signs: "One small reporter: its clock. All reporters: the authority's, or a certificate made by hand.",
        },
    ],
    show: &["date -u"],
    lasting: "",
    others: "The sender, if its clock is wrong.",
    urgency: "today under enforce; this week in testing; when convenient without a policy",
    said: &[
        said("validation-failure", "certificate_is_not_yet_valid", "Postfix"),
        said(
            "certificate-not-trusted",
            "invalid peer certificate: NotYetValid: not yet valid",
            "Stalwart",
        ),
    ],
    bounces: &[CERTIFICATE_REFUSED],
    remarks: &[],
};

pub(super) static HANDSHAKE: Guide = Guide {
    signs: &[
        Sign {
            what: "The server speaks only TLS versions that senders have switched off, or shares no cipher with them.",
            signs: "One MX, nearly all of its connections, several reporters, each since a day of its own.",
        },
        Sign {
            what: "One sender's software and yours don't get on: in October 2024 Exchange Online began to break with \
                   servers written in Go, over session tickets of TLS 1.3.",
            signs: "One big reporter, nearly all of its connections; others none; nothing changed on your side. The \
                    cure may be on your side all the same.",
        },
        Sign {
            what: "Limits, greylisting that hangs up after STARTTLS, or fail2ban hitting addresses of senders.",
            signs: "A small share, several MX hosts and reporters, comes and goes.",
        },
        Sign {
            what: "A dropped connection.",
            signs: "One or two connections, once.",
        },
    ],
    show: &[],
    lasting: "Look in your mail log for the sender's address of that day (sending-mta-ip): it knows more than any \
              probe. Search your server's issue tracker.",
    others: "",
    urgency: "today under enforce or DANE if two reporters see it or a fifth of the connections fail; when \
              convenient for single ones",
    said: &[
        said("validation-failure", "tls-handshake-failure", "Postfix"),
        said(
            "validation-failure",
            "tls-remote-alert-40-handshake-failure",
            "mox; an alert of your server is its refusal of the sender",
        ),
        said("validation-failure", "io-timeout-during-handshake", "mox"),
        said(
            "certificate-not-trusted",
            "received fatal alert: HandshakeFailure",
            "Stalwart",
        ),
    ],
    bounces: &[CERTIFICATE_REFUSED],
    remarks: &[],
};

pub(super) const MX_MISMATCH_WITHOUT_REASON: Said = Said {
    result_type: "validation-failure",
    reason: "",
    policy_type: "sts",
    when: MxOutsidePolicy,
    by: "Google, which gives no reason",
};
