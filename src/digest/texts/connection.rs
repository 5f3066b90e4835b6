//! Words for encryption, certificate, handshake.

use super::{CauseText, MX_OPERATOR, Urgency};

pub(super) static NO_STARTTLS: CauseText = CauseText {
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

pub(super) static WRONG_NAME: CauseText = CauseText {
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

pub(super) static EXPIRED: CauseText = CauseText {
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

pub(super) static NOT_TRUSTED: CauseText = CauseText {
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

pub(super) static NOT_YET_VALID: CauseText = CauseText {
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

pub(super) static HANDSHAKE: CauseText = CauseText {
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
