//! Words for the policy and its web server.

use super::{CauseText, Urgency};

pub(super) static MX_NOT_IN_POLICY: CauseText = CauseText {
    headline: "{place} isn't in the policy of {domain}",
    headline_of_many: "MX not in the policy of {domain}",
    in_short: "MX not in the policy",
    subject: "{domain}: {place} isn't in your policy",
    saw: "The sender was led to an MX host that your MTA-STS policy doesn't list.",
    causes: "A backup MX that was forgotten, a move to other servers, or a * that should cover more than one label.",
    check: &[
        "dig +short MX {domain}",
        "curl -sS https://mta-sts.{domain}/.well-known/mta-sts.txt",
    ],
    reading: "Each MX must match an mx line of the file.",
    fix: "Add \"mx: {host}\" to the file, then change the id in the TXT record _mta-sts.{domain}.",
    who: "whoever keeps the policy of {domain}",
    urgency: Urgency::ThisWeek,
    urgency_without_policy: Urgency::ThisWeek,
};

pub(super) static POLICY_FETCH: CauseText = CauseText {
    headline: "policy file of {domain} not fetched",
    headline_of_many: "policy file not fetched for {domain}",
    in_short: "policy not fetched",
    subject: "{domain}: senders can't fetch your policy",
    saw: "Your DNS says that there is a policy, but the sender could not download it.",
    causes: "The web server is gone or answers with an error or a redirect (senders must not follow one), an IPv6 \
             address on which nothing listens, or a filter against bots.",
    check: &[
        "dig +short TXT _mta-sts.{domain}",
        "curl -sSi -4 https://mta-sts.{domain}/.well-known/mta-sts.txt",
        "curl -sSi -6 https://mta-sts.{domain}/.well-known/mta-sts.txt",
    ],
    reading: "Status 200, no redirect, text/plain (with -6 only if mta-sts.{domain} has an AAAA record). Then the \
              web server's log of these days: 403 or 5xx are your rules, no request at all points to DNS, IPv6 or \
              the CDN.",
    fix: "Serve the file over every address published; exempt it from redirects, filters and challenges. If your \
          check is fine and only one sender fails, wait.",
    who: "whoever runs the web server mta-sts.{domain}",
    urgency: Urgency::ThisWeek,
    urgency_without_policy: Urgency::ThisWeek,
};

pub(super) static POLICY_INVALID: CauseText = CauseText {
    headline: "policy of {domain} isn't valid",
    headline_of_many: "policy not valid for {domain}",
    in_short: "policy not valid",
    subject: "{domain}: your policy isn't valid",
    saw: "The policy file was downloaded, but isn't a valid policy.",
    causes: "An HTML page came back with status 200, a typing error (version, mode, max_age, mx), or two \
             v=STSv1 records in DNS.",
    check: &[
        "curl -sS https://mta-sts.{domain}/.well-known/mta-sts.txt | cat -A | head -20",
        "dig +short TXT _mta-sts.{domain}",
    ],
    reading: "First line \"version: STSv1\"; then mode, mx and max_age (at most 31557600).",
    fix: "Correct the file, then change the id in the TXT record.",
    who: "whoever keeps the policy of {domain}",
    urgency: Urgency::ThisWeek,
    urgency_without_policy: Urgency::ThisWeek,
};

pub(super) static POLICY_HOST_CERTIFICATE: CauseText = CauseText {
    headline: "certificate of mta-sts.{domain} fails",
    headline_of_many: "certificate of the policy host fails for {domain}",
    in_short: "policy host certificate fails",
    subject: "mta-sts.{domain}: certificate fails",
    saw: "The web server that offers your policy shows an invalid certificate, so the sender didn't trust the policy.",
    causes: "The certificate has expired, doesn't contain mta-sts.{domain}, or its chain has a gap; perhaps at one \
             of several addresses only.",
    check: &[
        "openssl s_client -connect mta-sts.{domain}:443 -servername mta-sts.{domain} -verify_hostname \
         mta-sts.{domain} -brief </dev/null",
    ],
    reading: "\"Verification: OK\" is needed at every address, IPv4 and IPv6.",
    fix: "Renew the certificate or add the name, install the full chain.",
    who: "whoever runs the web server mta-sts.{domain}",
    urgency: Urgency::ThisWeek,
    urgency_without_policy: Urgency::ThisWeek,
};

pub(super) static STALE: CauseText = CauseText {
    headline: "old policy of {domain} still used by {reporter}",
    headline_of_many: "old policy still used for {domain}",
    in_short: "old policy still used",
    subject: "{domain}: {reporter} still on the old policy",
    saw: "The sender applied a policy that you have replaced, longer than its max_age and 7 days after others had the \
          new one; or it reported an MX as not listed by it.",
    causes: "The id in the TXT record wasn't changed with the file, or it was changed before the file; or one of \
             several web servers, or a copy in a CDN, still has the old file.",
    check: &[
        "dig +short TXT _mta-sts.{domain}",
        "curl -sS https://mta-sts.{domain}/.well-known/mta-sts.txt",
    ],
    reading: "The file must be the new one, from every web server and over IPv6 too (curl -6).",
    fix: "Change the id in the TXT record _mta-sts.{domain}, once more if you did: senders fetch the file again when \
          the id changes.",
    who: "whoever keeps the policy of {domain}",
    urgency: Urgency::ThisWeek,
    urgency_without_policy: Urgency::ThisWeek,
};
