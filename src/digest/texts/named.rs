//! Better words where several findings together tell more than each of them: the combinations worth a name.

use crate::assess::problem::Named;

/// The words for a combination; they stand in for those of the cause.
#[derive(Debug, Clone, Copy)]
pub struct NamedText {
    /// Its name.
    pub name: &'static str,
    /// What must hold for it.
    pub pattern: &'static str,
    /// For the label Cause.
    pub causes: Option<&'static str>,
    /// For the label Fix.
    pub fix: Option<&'static str>,
    /// For the label Check: the commands, and how to read their output.
    pub check: Option<(&'static [&'static str], &'static str)>,
}

/// The words for `named`.
pub fn named(named: Named) -> NamedText {
    match named {
        Named::C1NodeLeftBehind => NamedText {
            name: "node left behind",
            pattern: "expired, wrong name or not trusted on one MX, while no failure names another",
            causes: Some("Usually: renewed but not reloaded, or {mx} was left out."),
            fix: None,
            check: None,
        },
        Named::C2BackupMxForgotten => NamedText {
            name: "backup MX forgotten in the policy",
            pattern: "the failing MX matches no pattern of the policy, another MX does",
            causes: Some(
                "A backup gets mail only when the others are down, so it stays hidden until such a day.",
            ),
            fix: None,
            check: None,
        },
        Named::C3WildcardTooShort => NamedText {
            name: "wildcard too short",
            pattern: "as before, and a pattern *.S exists while the MX ends in .S with two labels before it",
            causes: Some("A * stands for exactly one label; {host} has more before the rest of the pattern."),
            fix: Some(
                "Add \"mx: {host}\" to the file (or a pattern one label longer), then change the id in the TXT record \
                 _mta-sts.{domain}.",
            ),
            check: None,
        },
        Named::C6PolicyRemoved => NamedText {
            name: "policy removed without the none step",
            pattern: "the policy can't be fetched while reports still show its old text",
            causes: Some("The policy was taken away while senders keep a copy of it for up to max_age."),
            fix: Some(
                "Publish the file again with mode: none, a short max_age and a new id; remove it when the old max_age \
                 is over.",
            ),
            check: None,
        },
        Named::C7MxMove => NamedText {
            name: "MX move under a cached enforce",
            pattern: "MX not in the policy, mode enforce, and the MX is new on the first failing day",
            causes: Some("The MX changed while senders hold a copy of the old policy."),
            fix: Some(
                "Add \"mx: {host}\" to the file and keep the old lines, then change the id in the TXT record \
                 _mta-sts.{domain}. Next time change the policy before the MX.",
            ),
            check: None,
        },
        Named::C8PolicyHostExpired => NamedText {
            name: "policy host certificate expired",
            pattern: "the policy host's certificate fails for all reporters since a day",
            causes: Some("The certificate of mta-sts.{domain} has expired, or was replaced by a wrong one."),
            fix: None,
            check: None,
        },
        Named::C10PolicyBlocked => NamedText {
            name: "policy blocked for one sender",
            pattern: "one reporter can't fetch the policy on 3 days or more, another shows it on the same days",
            causes: None,
            fix: Some(
                "Remove the AAAA record or serve the file there; exempt the file from filters. Otherwise wait: nothing \
                 to do.",
            ),
            check: Some((
                &[
                    "dig +short AAAA mta-sts.{domain}",
                    "curl -6 -sSi https://mta-sts.{domain}/.well-known/mta-sts.txt",
                ],
                "Then look in the web server's log of these days: a request answered with 403 or a redirect is yours; \
                 none at all points to DNS, IPv6 or the CDN.",
            )),
        },
        Named::C11TlsaNotUpdated => NamedText {
            name: "TLSA not updated on key change",
            pattern: "TLSA doesn't match, and the record is the same on the last good and the first bad day",
            causes: Some(
                "The key was changed, the record wasn't: senders see the same record as on the good days.",
            ),
            fix: None,
            check: None,
        },
        Named::C12TlsaOverlapTooShort => NamedText {
            name: "TLSA roll-over with too short an overlap",
            pattern: "two sets of TLSA records within 4 days, failures only in between",
            causes: Some(
                "The record and the key changed one after the other; caches still held the old record.",
            ),
            fix: Some(
                "Nothing now: it is over when caches are. Next time publish both records for two TTLs.",
            ),
            check: None,
        },
        Named::C14DnssecExpired => NamedText {
            name: "DNSSEC signature expired",
            pattern: "answers that can't be proved genuine",
            causes: None,
            fix: None,
            check: None,
        },
        Named::C15StarttlsStripped => NamedText {
            name: "STARTTLS stripped by a firewall",
            pattern: "no STARTTLS on all MX, seen by all reporters, since a day",
            causes: Some(
                "All senders find no encryption on any MX: usually SMTP inspection in a firewall (Cisco: \
                          inspect esmtp).",
            ),
            fix: Some("Have the firewall pass STARTTLS, or take the inspection off your MX."),
            check: None,
        },
        Named::C16OldTls => NamedText {
            name: "TLS 1.0-only MX",
            pattern: "the handshake breaks on nearly all connections of several reporters, each since a day of its own",
            causes: Some("{mx} speaks only TLS versions that senders have switched off."),
            fix: Some("Update the server; it needs TLS 1.2 or newer."),
            check: None,
        },
        Named::C17RateLimit => NamedText {
            name: "rate limit or greylisting",
            pattern: "under 5 % of connections drop, on several MX or days, for a week or more",
            causes: Some("Connections dropped now and then; senders retried."),
            fix: Some("Raise limits for big senders; don't drop connections after STARTTLS. It can wait."),
            check: None,
        },
        Named::C18CertificateForDomain => NamedText {
            name: "certificate for the mail domain",
            pattern: "wrong name on all MX since the first day of the policy",
            causes: Some("Names are compared with the MX host name, never with {domain}."),
            fix: None,
            check: None,
        },
        Named::C20ReporterTrouble => NamedText {
            name: "trouble at the reporter",
            pattern: "one reporter, three or more domains on unrelated hosts, at most two days",
            causes: Some("Most likely {reporter}'s own resolver or network."),
            fix: Some("Nothing to do."),
            check: None,
        },
        Named::C21OneSender => NamedText {
            name: "one sender can't talk to your software",
            pattern: "one large reporter fails on half its connections or more for two days, others don't",
            causes: Some("The certificate is accepted by others; the two programs don't get on."),
            fix: Some(
                "Look in your mail log for handshakes from its addresses; search your server's issue tracker; update \
                 it.",
            ),
            check: None,
        },
    }
}
