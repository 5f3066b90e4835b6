//! Causes in the MTA-STS policy and its web server.

use super::When::{Always, MxOutsidePolicy};
use super::connection::MX_MISMATCH_WITHOUT_REASON;
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

pub(super) static MX_NOT_IN_POLICY: Guide = Guide {
    signs: &[
        Sign {
            what: "A backup MX was forgotten in the policy.",
            signs: "The failing MX matches no pattern, another MX does; few connections, more while the first MX is \
                    down.",
        },
        Sign {
            what: "The mail was moved to other servers while senders hold the old policy.",
            signs: "New MX names appear on the day of the first failures, and the reports show the old policy.",
        },
        Sign {
            what: "A * that should cover more than one label: it stands for exactly one.",
            signs: "A pattern *.S, and an MX with two labels or more before S. Microsoft's own names are such a case: \
                    *.mx.microsoft doesn't cover x.h-v1.mx.microsoft.",
        },
        Sign {
            what: "The file was changed but not the id in DNS, so senders keep their copy.",
            signs: "Reporters show the old text days after others show the new one.",
        },
    ],
    show: &["dig +short TXT _mta-sts.{domain}"],
    lasting: "Before a move: put the old and the new MX into the file, change the id, wait for max_age, then move.",
    others: "",
    urgency: "today under enforce; this week in testing, where it would be held back",
    said: &[
        said(
            "validation-failure",
            "MX_HOSTS_MISMATCH",
            "Microsoft; without the MX and its address",
        ),
        said("validation-failure", "mtasts-policy-mx-mismatch", "mox"),
        said("validation-failure", "MX not authorized by policy.", "Stalwart"),
        MX_MISMATCH_WITHOUT_REASON,
        Said {
            result_type: "certificate-host-mismatch",
            reason: "",
            policy_type: "sts",
            when: MxOutsidePolicy,
            by: "Google and others",
        },
    ],
    bounces: &[BounceCode {
        codes: "4.4.8, 5.4.8",
        by: "Exchange Online",
    }],
    remarks: &[
        "The report itself proves it: one record is enough.",
        "Stalwart bounces at once under enforce instead of waiting.",
    ],
};

pub(super) static FETCH: Guide = Guide {
    signs: &[
        Sign {
            what: "The web server or its name is gone or moved: no address for mta-sts.{domain}, status 404 (wrong \
                   path, no .well-known), 5xx, another site's default page.",
            signs: "All reporters; Mail.ru gives the status. From the start: it never worked. From a date: a \
                    deployment or a move.",
        },
        Sign {
            what: "A redirect. Senders must not follow one (RFC 8461, Section 3.3), browsers do, so it works for you.",
            signs: "All reporters; curl shows 3xx.",
        },
        Sign {
            what: "A CDN, web firewall, bot protection or block of countries answers senders with 403 or a challenge.",
            signs: "One or two reporters, others fine; Microsoft often among them.",
        },
        Sign {
            what: "mta-sts.{domain} has an IPv6 address on which nothing listens.",
            signs: "One or few reporters, timeouts, and over IPv4 all is fine. Check this first when one reporter \
                    fails.",
        },
        Sign {
            what: "The certificate of the web server: some senders have no other word for it.",
            signs: "Stalwart; others report sts-webpki-invalid for the same days.",
        },
        Sign {
            what: "The web server is slow or overloaded, or limits requests per address.",
            signs: "Few and now and then, between successes of the same reporter on the same day.",
        },
        Sign {
            what: "The TXT record _mta-sts.{domain} was removed while senders hold a copy of the policy.",
            signs: "mox: no-mta-sts-dns-txt-record; the old policy text stands in the reports.",
        },
        Sign {
            what: "Trouble of the sender's resolver or network.",
            signs: "One reporter, many unrelated domains of yours at once, gone after a day or two.",
        },
    ],
    show: &[
        "dig +short A mta-sts.{domain}",
        "dig +short AAAA mta-sts.{domain}",
        "curl -sSi -A '' https://mta-sts.{domain}/.well-known/mta-sts.txt",
    ],
    lasting: "Without a browser's name (curl -A '') the answer must be the same: 403 or a challenge is a filter \
              against bots.",
    others: "Nobody, if it is the sender's own trouble.",
    urgency: "this week; when convenient if one reporter fails and others don't; today if you have just changed the \
              MX hosts, for old copies of an enforce policy then hold mail back",
    said: &[
        said("sts-policy-fetch-error", "", "Microsoft, which gives no reason"),
        said(
            "sts-policy-fetch-error",
            "bad https response code: 404",
            "Mail.ru",
        ),
        said("sts-policy-fetch-error", "no-mta-sts-dns-txt-record", "mox"),
        said("sts-policy-fetch-error", "Timeout fetching policy.", "Stalwart"),
    ],
    bounces: &[],
    remarks: &[
        "No mail is lost by this alone. After max_age the last good copies end, and you are unprotected without any \
         further failure; and a copy of an enforce policy that no longer fits can't be replaced.",
        "Postfix with a policy plugin that demands a policy refuses to deliver without one, although the certificate \
         is fine; so fetch errors from small Postfix sites may mean held mail.",
        "mox puts a delivery off for a temporary error of DNS at _mta-sts.",
    ],
};

pub(super) static INVALID: Guide = Guide {
    signs: &[
        Sign {
            what: "An HTML page came back with status 200: a parking page, a catch-all of a web application, a login.",
            signs: "All reporters.",
        },
        Sign {
            what: "A typing error: mode: enforced, no \"version: STSv1\" in the first line, no max_age or one over \
                   31557600, no mx line with a mode other than none, patterns like *mx.example.com or .example.com.",
            signs: "All reporters, from an edit on.",
        },
        Sign {
            what: "A byte order mark, UTF-16, curly quotes or comments.",
            signs: "All reporters, from an edit on.",
        },
        Sign {
            what: "The media type isn't text/plain.",
            signs: "Only the strict senders.",
        },
        Sign {
            what: "Two v=STSv1 records in DNS, or an id with other characters than letters and digits, or longer than \
                   32.",
            signs: "All reporters.",
        },
    ],
    show: &[],
    lasting: "",
    others: "",
    urgency: "this week",
    said: &[
        said("sts-policy-invalid", "", "mox, Stalwart, Halon"),
        said("sts-policy-invalid", "policy-syntax-error", "mox"),
    ],
    bounces: &[],
    remarks: &["The report itself proves it: one record is enough."],
};

pub(super) static HOST_CERTIFICATE: Guide = Guide {
    signs: &[
        Sign {
            what: "The certificate of mta-sts.{domain} has expired.",
            signs: "All reporters, from its last day on.",
        },
        Sign {
            what: "The certificate doesn't contain mta-sts.{domain}: the name was added to DNS only, the CDN doesn't \
                   know the host, or a CNAME leads to a provider without a certificate for your name.",
            signs: "All reporters, from the first day or from a move.",
        },
        Sign {
            what: "The intermediate certificate isn't sent.",
            signs: "Some reporters; browsers fill the gap.",
        },
        Sign {
            what: "One place of the CDN, or the IPv6 address, shows another certificate.",
            signs: "Some reporters.",
        },
    ],
    show: &["curl -sSv https://mta-sts.{domain}/.well-known/mta-sts.txt 2>&1 | grep -E 'expire|subject|SSL'"],
    lasting: "Be warned before it ends as for the MX hosts: it is easily forgotten.",
    others: "The provider that hosts the policy.",
    urgency: "this week; protection ends for each sender when its copy of the policy does (max_age)",
    said: &[
        said(
            "sts-webpki-invalid",
            "",
            "Microsoft, mox, Halon; never Stalwart, which says sts-policy-fetch-error",
        ),
        said(
            "sts-webpki-invalid",
            "certificate-expired",
            "mox: the web server's certificate, not the MX's",
        ),
    ],
    bounces: &[],
    remarks: &[],
};

pub(super) static STALE: Guide = Guide {
    signs: &[
        Sign {
            what: "The file was changed, the id in the TXT record wasn't.",
            signs: "Those who have mail for you for the first time see the new text, all others the old one until \
                    their copies end.",
        },
        Sign {
            what: "The id was changed before the file: senders fetched the old text again, under the new id.",
            signs: "As above; reports can't tell the two apart.",
        },
        Sign {
            what: "Several web servers, or a CDN, of which one still has the old file.",
            signs: "A reporter that gets both texts on the same days, or only one reporter with the old text.",
        },
    ],
    show: &[
        "curl -sSi -4 https://mta-sts.{domain}/.well-known/mta-sts.txt",
        "curl -sSi -6 https://mta-sts.{domain}/.well-known/mta-sts.txt",
    ],
    lasting: "Change the file first, look at it from outside, then change the id.",
    others: "Whoever runs the web server or CDN, if it serves two files.",
    urgency: "this week; today if the old text is enforce and lacks an MX that you use now",
    said: &[],
    bounces: &[],
    remarks: &[
        "No report calls it a failure: it is seen by comparing the policies that reports of several days show. Its \
         connections are those for which the old policy was applied.",
        "A copy may be used until its max_age has passed, so that is no problem yet; a reporter that is 3 days late is \
         only mentioned.",
    ],
};
