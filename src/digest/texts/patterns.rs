//! The combinations that have a name, with their words.

use super::combinations::{Combination, InMail, Needs};

/// All of them, by number.
pub static COMBINATIONS: [Combination; 23] = [
    Combination {
        number: "C1",
        word: "node-left-behind",
        name: "node left behind",
        pattern: "Certificate expired, not trusted or with the wrong name; one MX or receiving address fails, the \
                  domain has another which no failure names; at least 5 failed connections.",
        says: "The certificate on one MX was not renewed, or isn't the one of the others; no failures named another MX.",
        fix: "Install it there too and reload the server: you.",
        needs: Needs::Reports,
        in_mail: InMail {
            causes: Some("Usually: renewed but not reloaded, or {mx} was left out."),
            fix: None,
            check: None,
        },
    },
    Combination {
        number: "C2",
        word: "backup-mx-forgotten",
        name: "backup MX forgotten in the policy",
        pattern: "MX not in the policy; the failing MX matches no pattern, and a pattern matches another MX seen.",
        says: "The MX isn't listed in the policy.",
        fix: "Add it to the file, then change the id: you.",
        needs: Needs::Reports,
        in_mail: InMail {
            causes: Some(
                "A backup gets mail only when the others are down, so it stays hidden until such a day.",
            ),
            fix: None,
            check: None,
        },
    },
    Combination {
        number: "C3",
        word: "wildcard-too-short",
        name: "wildcard too short",
        pattern: "As C2, and a pattern *.S exists where the MX ends in .S with two labels or more before S.",
        says: "The * covers one label only.",
        fix: "List the exact name, or a * one label deeper: you.",
        needs: Needs::Reports,
        in_mail: InMail {
            causes: Some("A * stands for exactly one label; {host} has more before the rest of the pattern."),
            fix: Some(
                "Add \"mx: {host}\" to the file (or a pattern one label longer), then change the id in the TXT record \
                 _mta-sts.{domain}.",
            ),
            check: None,
        },
    },
    Combination {
        number: "C4",
        word: "policy-without-new-id",
        name: "policy changed without a new id",
        pattern: "One reporter shows the new text, another still the old one 3 days later.",
        says: "A sender still uses the old policy.",
        fix: "Change the id in the TXT record and wait for its TTL: you.",
        needs: Needs::Reports,
        in_mail: InMail::NONE,
    },
    Combination {
        number: "C5",
        word: "id-before-file",
        name: "new id before the new file",
        pattern: "A reporter's text stays old although DNS has a new id. The reports alone can't tell it from C4.",
        says: "Senders stored the old text under the new id.",
        fix: "Change the id once more: you.",
        needs: Needs::ALook,
        in_mail: InMail::NONE,
    },
    Combination {
        number: "C6",
        word: "policy-removed",
        name: "policy removed without the none step",
        pattern: "Fetch errors with the old text in the report, mox's no-mta-sts-dns-txt-record, later only \
                  no-policy-found.",
        says: "The policy was taken away while senders keep a copy for up to max_age.",
        fix: "Publish mode none with a short max_age and a new id, keep that for the old max_age, then remove it: you.",
        needs: Needs::Reports,
        in_mail: InMail {
            causes: Some("The policy was taken away while senders keep a copy of it for up to max_age."),
            fix: Some(
                "Publish the file again with mode: none, a short max_age and a new id; remove it when the old max_age \
                 is over.",
            ),
            check: None,
        },
    },
    Combination {
        number: "C7",
        word: "mx-move",
        name: "MX move under a cached enforce",
        pattern: "MX not in the policy, mode enforce, new MX names on the day of the first failures, the old text in \
                  the reports.",
        says: "Senders with the old policy hold back mail to the new MX.",
        fix: "Now: a file with the old and new MX, and a new id. Next time do so before the move: you, today.",
        needs: Needs::Reports,
        in_mail: InMail {
            causes: Some("The MX changed while senders hold a copy of the old policy."),
            fix: Some(
                "Let the file list {host} beside the old hosts, then change the id in the TXT record _mta-sts.{domain}, \
         once more if it listed {host} already: senders fetch it when the id changes. Next time change the policy \
         before the MX.",
            ),
            check: None,
        },
    },
    Combination {
        number: "C8",
        word: "policy-host-expired",
        name: "policy host's certificate expired",
        pattern: "sts-webpki-invalid, or expired in the reasons of fetch errors, from all reporters since a date.",
        says: "The certificate of mta-sts.DOMAIN has expired.",
        fix: "Renew it: whoever runs that web server.",
        needs: Needs::Reports,
        in_mail: InMail {
            causes: Some("The certificate of mta-sts.{domain} has expired, or was replaced by a wrong one."),
            fix: None,
            check: None,
        },
    },
    Combination {
        number: "C9",
        word: "policy-host-redirects",
        name: "policy host redirects",
        pattern: "Fetch errors from all reporters, and curl shows 3xx.",
        says: "Senders must not follow redirects.",
        fix: "Answer with 200 directly: whoever runs that web server.",
        needs: Needs::ALook,
        in_mail: InMail::NONE,
    },
    Combination {
        number: "C10",
        word: "policy-blocked",
        name: "policy blocked for one sender",
        pattern: "Fetch errors from one reporter on 3 days or more, while another shows the policy on the same days.",
        says: "Only one sender can't fetch the policy. Its mail arrives, unprotected.",
        fix: "Look at IPv6 first, then at filters against bots; else wait: whoever runs that web server.",
        needs: Needs::Reports,
        in_mail: InMail {
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
    },
    Combination {
        number: "C11",
        word: "tlsa-not-updated",
        name: "TLSA not updated when the key changed",
        pattern: "TLSA doesn't match; the same set on the last good and the first bad day.",
        says: "The key changed, the TLSA record didn't.",
        fix: "Publish a 3 1 1 record of the new key, or put the old key back: you, today.",
        needs: Needs::Reports,
        in_mail: InMail {
            causes: Some(
                "The key was changed, the record wasn't: senders see the same record as on the good days.",
            ),
            fix: None,
            check: None,
        },
    },
    Combination {
        number: "C12",
        word: "tlsa-overlap-too-short",
        name: "TLSA overlap too short",
        pattern: "Two sets within 4 days, failures only in between, then clean.",
        says: "It is over. The old record was removed too early.",
        fix: "Next time publish both for two TTLs.",
        needs: Needs::Reports,
        in_mail: InMail {
            causes: Some(
                "The record and the key changed one after the other; caches still held the old record.",
            ),
            fix: Some(
                "Nothing now: it is over when caches are. Next time publish both records for two TTLs.",
            ),
            check: None,
        },
    },
    Combination {
        number: "C13",
        word: "dane-lost",
        name: "silent loss of DANE",
        pattern: "A reporter that used to show TLSA records of an MX shows none for 3 reported days or more. No \
                  failure is reported; only this drift shows it.",
        says: "Senders no longer see TLSA records.",
        fix: "Look at dig TLSA _25._tcp.MX, perhaps they stand at the wrong name: you, this week.",
        needs: Needs::Reports,
        in_mail: InMail::NONE,
    },
    Combination {
        number: "C14",
        word: "dnssec-expired",
        name: "DNSSEC signatures expired",
        pattern: "dnssec-invalid or reasons with bogus from a reporter, or several that send TLSA entries fall silent \
                  on the same day.",
        says: "The DNS signatures fail.",
        fix: "Sign again: your DNS host, today.",
        needs: Needs::Reports,
        in_mail: InMail::NONE,
    },
    Combination {
        number: "C15",
        word: "starttls-stripped",
        name: "STARTTLS stripped by a firewall",
        pattern: "No encryption offered on all MX hosts of one network, all reporters, since a date.",
        says: "All senders find no encryption; the usual cause is inspection of SMTP (Cisco: inspect esmtp).",
        fix: "Let STARTTLS pass: your firewall people.",
        needs: Needs::Reports,
        in_mail: InMail {
            causes: Some(
                "All senders find no encryption on any MX: usually SMTP inspection in a firewall (Cisco: \
                          inspect esmtp).",
            ),
            fix: Some("Have the firewall pass STARTTLS, or take the inspection off your MX."),
            check: None,
        },
    },
    Combination {
        number: "C16",
        word: "old-tls",
        name: "old TLS only",
        pattern: "The handshake breaks on nearly all connections to one MX, several reporters, each since its own day.",
        says: "The MX speaks only TLS versions that senders have switched off.",
        fix: "Allow TLS 1.2 and 1.3: you.",
        needs: Needs::Reports,
        in_mail: InMail {
            causes: Some("{mx} speaks only TLS versions that senders have switched off."),
            fix: Some("Update the server; it needs TLS 1.2 or newer."),
            check: None,
        },
    },
    Combination {
        number: "C17",
        word: "rate-limit",
        name: "rate limit noise",
        pattern: "Handshake or unspecified failures, timeouts, 4xx; under 5 %, at least 2 MX or many sending addresses, coming \
                  and going for 7 days or more.",
        says: "Occasional dropped connections; senders tried again.",
        fix: "Raise limits for big senders, don't hang up after STARTTLS: you, when convenient.",
        needs: Needs::Reports,
        in_mail: InMail {
            causes: Some("Connections dropped now and then; senders retried."),
            fix: Some("Raise limits for big senders; don't drop connections after STARTTLS. It can wait."),
            check: None,
        },
    },
    Combination {
        number: "C18",
        word: "certificate-for-domain",
        name: "certificate for the mail domain",
        pattern: "Wrong name on all MX hosts since the first day of the policy.",
        says: "Names are checked against the MX host name, not against the mail domain.",
        fix: "A certificate with the names of the MX hosts: you.",
        needs: Needs::Reports,
        in_mail: InMail {
            causes: Some("Names are compared with the MX host name, never with {domain}."),
            fix: None,
            check: None,
        },
    },
    Combination {
        number: "C19",
        word: "mx-is-cname",
        name: "MX is a CNAME",
        pattern: "The MX in the reports isn't in DNS, but its target is.",
        says: "An MX should not be a CNAME; senders disagree about which name counts.",
        fix: "Give the MX its own A and AAAA records: you.",
        needs: Needs::ALook,
        in_mail: InMail::NONE,
    },
    Combination {
        number: "C20",
        word: "reporter-trouble",
        name: "trouble at the reporter",
        pattern: "One reporter, at least 3 domains on unrelated servers, the same day, at most 2 days long.",
        says: "Looks like trouble at the reporter.",
        fix: "Nothing.",
        needs: Needs::Reports,
        in_mail: InMail {
            causes: Some("Most likely {reporter}'s own resolver or network."),
            fix: Some("Nothing to do."),
            check: None,
        },
    },
    Combination {
        number: "C21",
        word: "one-sender",
        name: "one sender and your software",
        pattern: "Handshake or unspecified failures of one big reporter, at least half of its connections, on 2 days \
                  or more, while others with 20 connections or more have none.",
        says: "Only one sender fails. Others accept the certificate.",
        fix: "Look in your log for handshakes from its addresses, and in your server's issue tracker: you, today \
              under enforce.",
        needs: Needs::Reports,
        in_mail: InMail {
            causes: Some("The certificate is accepted by others; the two programs don't get on."),
            fix: Some(
                "Look in your mail log for handshakes from its addresses; search your server's issue tracker; update \
                 it.",
            ),
            check: None,
        },
    },
    Combination {
        number: "C22",
        word: "foreign-domain",
        name: "foreign domain",
        pattern: "The domain isn't in the configuration.",
        says: "Reports about a domain that you don't list.",
        fix: "Add it to domains.mail, or leave it.",
        needs: Needs::Reports,
        in_mail: InMail::NONE,
    },
    Combination {
        number: "C23",
        word: "tlsa-changed-first",
        name: "TLSA record changed before the key",
        pattern: "TLSA doesn't match; the set changed in the two days up to the first bad one, and a record of the good \
                  days is missing.",
        says: "The record was changed before the key, or the old one was removed too early.",
        fix: "Publish the old record again beside the new one until the key is changed and two TTLs have passed: you, \
              today.",
        needs: Needs::Reports,
        in_mail: InMail {
            causes: Some(
                "The record was changed before the key, or the old one was removed too early: senders see other records \
                 than on the good days.",
            ),
            fix: Some(
                "Publish the old record again beside the new one; take it away two TTLs after the key is changed. If \
                 the key is changed already, wait: it is over when caches are.",
            ),
            check: None,
        },
    },
];
