//! Better words where several findings together tell more than each of them: the combinations worth a name.

use crate::assess::problem::Named;

/// The words for a combination; they stand in for those of the cause.
#[derive(Debug, Clone, Copy)]
pub struct NamedText {
    /// For the label Cause.
    pub causes: Option<&'static str>,
    /// For the label Fix.
    pub fix: Option<&'static str>,
    /// For the label Check: the commands, and how to read their output.
    pub check: Option<(&'static [&'static str], &'static str)>,
}

/// The words for `named`.
pub fn named(named: Named) -> &'static NamedText {
    match named {
        Named::C1NodeLeftBehind => &C1,
        Named::C2BackupMxForgotten => &C2,
        Named::C3WildcardTooShort => &C3,
        Named::C6PolicyRemoved => &C6,
        Named::C7MxMove => &C7,
        Named::C8PolicyHostExpired => &C8,
        Named::C10PolicyBlocked => &C10,
        Named::C11TlsaNotUpdated => &C11,
        Named::C12TlsaOverlapTooShort => &C12,
        Named::C14DnssecExpired => &C14,
        Named::C15StarttlsStripped => &C15,
        Named::C16OldTls => &C16,
        Named::C17RateLimit => &C17,
        Named::C18CertificateForDomain => &C18,
        Named::C20ReporterTrouble => &C20,
        Named::C21OneSender => &C21,
    }
}

static C1: NamedText = NamedText {
    causes: Some("Usually: renewed but not reloaded, or {mx} was left out."),
    fix: None,
    check: None,
};

static C2: NamedText = NamedText {
    causes: Some("A backup gets mail only when the others are down, so it stays hidden until such a day."),
    fix: None,
    check: None,
};

static C3: NamedText = NamedText {
    causes: Some("A * stands for exactly one label; {host} has more before the rest of the pattern."),
    fix: Some(
        "Add \"mx: {host}\" to the file (or a pattern one label longer), then change the id in the TXT record \
                 _mta-sts.{domain}.",
    ),
    check: None,
};

static C6: NamedText = NamedText {
    causes: Some("The policy was taken away while senders keep a copy of it for up to max_age."),
    fix: Some(
        "Publish the file again with mode: none, a short max_age and a new id; remove it when the old max_age \
                 is over.",
    ),
    check: None,
};

static C7: NamedText = NamedText {
    causes: Some("The MX changed while senders hold a copy of the old policy."),
    fix: Some(
        "Let the file list {host} beside the old hosts, then change the id in the TXT record _mta-sts.{domain}, \
         once more if it listed {host} already: senders fetch it when the id changes. Next time change the policy \
         before the MX.",
    ),
    check: None,
};

static C8: NamedText = NamedText {
    causes: Some("The certificate of mta-sts.{domain} has expired, or was replaced by a wrong one."),
    fix: None,
    check: None,
};

static C10: NamedText = NamedText {
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
};

static C11: NamedText = NamedText {
    causes: Some("The key was changed, the record wasn't: senders see the same record as on the good days."),
    fix: None,
    check: None,
};

static C12: NamedText = NamedText {
    causes: Some("The record and the key changed one after the other; caches still held the old record."),
    fix: Some("Nothing now: it is over when caches are. Next time publish both records for two TTLs."),
    check: None,
};

static C14: NamedText = NamedText {
    causes: None,
    fix: None,
    check: None,
};

static C15: NamedText = NamedText {
    causes: Some(
        "All senders find no encryption on any MX: usually SMTP inspection in a firewall (Cisco: \
                          inspect esmtp).",
    ),
    fix: Some("Have the firewall pass STARTTLS, or take the inspection off your MX."),
    check: None,
};

static C16: NamedText = NamedText {
    causes: Some("{mx} speaks only TLS versions that senders have switched off."),
    fix: Some("Update the server; it needs TLS 1.2 or newer."),
    check: None,
};

static C17: NamedText = NamedText {
    causes: Some("Connections dropped now and then; senders retried."),
    fix: Some("Raise limits for big senders; don't drop connections after STARTTLS. It can wait."),
    check: None,
};

static C18: NamedText = NamedText {
    causes: Some("Names are compared with the MX host name, never with {domain}."),
    fix: None,
    check: None,
};

static C20: NamedText = NamedText {
    causes: Some("Most likely {reporter}'s own resolver or network."),
    fix: Some("Nothing to do."),
    check: None,
};

static C21: NamedText = NamedText {
    causes: Some("The certificate is accepted by others; the two programs don't get on."),
    fix: Some(
        "Look in your mail log for handshakes from its addresses; search your server's issue tracker; update \
                 it.",
    ),
    check: None,
};
