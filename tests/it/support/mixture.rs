//! A mailbox as the years fill it: good reports, the same again, contradictions, quirks, ruins, and other people's mail.

use serde_json::Value;

use super::reports::{Report, days_ago, gzip, letter};

/// How many failure types [`mixture`] holds, each with a domain of its own: see [`failing_domain`].
pub(crate) const N_FAILURE_TYPES: usize = 8;

/// The result types of the failures, one of them not registered.
const RESULT_TYPES: [&str; N_FAILURE_TYPES] = [
    "starttls-not-supported",
    "certificate-host-mismatch",
    "certificate-expired",
    "certificate-not-trusted",
    "validation-failure",
    "sts-policy-fetch-error",
    "sts-webpki-invalid",
    "moon-in-wrong-phase",
];

/// The domain that only the `nth` failure type is about.
pub(crate) fn failing_domain(nth: usize) -> String {
    format!("failing{nth}.example")
}

/// So many mails of all kinds in an order that `random` decides. The failure types come one after another.
pub(crate) fn mixture(random: &mut fastrand::Rng, n_mails: usize) -> Vec<Vec<u8>> {
    let mut known: Vec<Report> = Vec::new();
    (0..n_mails)
        .map(|i| {
            let mut report = fresh(random, i, n_mails);
            let every = n_mails.div_ceil(N_FAILURE_TYPES);
            if i % every == every / 2 {
                // So that chance can't leave out a type.
                report = failing(report, random, i / every);
                known.push(report.clone());
                return report.mail();
            }
            let kind = random.u32(0..100);
            match kind {
                0..50 => {
                    known.push(report.clone());
                    report.mail()
                }
                50..62 => random.choice(&known).unwrap_or(&report).mail(),
                62..70 => {
                    // The same report with other numbers.
                    let mut other = random.choice(&known).unwrap_or(&report).clone();
                    other.ok = random.u64(0..50);
                    other.mail()
                }
                70..82 => quirky(random, &report),
                82..90 => report.broken_mail(),
                _ => letter(&format!("Letter {i}")),
            }
        })
        .collect()
}

/// A report that no other mail holds; one in three tells of a failure.
fn fresh(random: &mut fastrand::Rng, i: usize, n_mails: usize) -> Report {
    let mut report = Report::quiet(format!("mail-{i}"))
        .by(&format!("reporter{}.example", random.u32(1..6)))
        .on(days_ago(random.i64(1..9)));
    report.ok = random.u64(1..1000);
    if random.u32(0..3) == 0 {
        // Types that are new by the end of the mailbox were not there at its beginning.
        let nth = random
            .usize(0..N_FAILURE_TYPES)
            .min(i * N_FAILURE_TYPES * 2 / n_mails);
        report = failing(report, random, nth);
    }
    report
}

/// The report with the `nth` failure type.
fn failing(mut report: Report, random: &mut fastrand::Rng, nth: usize) -> Report {
    report.domain = failing_domain(nth);
    // Five on a day are never noise.
    report.failing(RESULT_TYPES[nth], random.u64(5..20))
}

/// A mail whose report bends the standard in a way that is read nevertheless.
fn quirky(random: &mut fastrand::Rng, report: &Report) -> Vec<u8> {
    let mut json = report.json();
    match random.u32(0..6) {
        0 => return report.mail_with(&gzip(&report.gzip())),
        1 => json["policies"][0]["failure-details"] = Value::Null,
        2 => json["policies"][0]["policy"]["policy-string"] = "version: STSv1".into(),
        3 => json["date-range"]["start-datetime"] = format!("{}T00:00:00", report.day).into(),
        4 => json["policies"][0]["summary"]["total-successful-session-count"] = "12".into(),
        _ => {
            // Bytes after the end of the gzip stream.
            let mut attachment = report.gzip();
            attachment.extend_from_slice(b"\0\0\0\0");
            return report.mail_with(&attachment);
        }
    }
    report.mail_with(&gzip(json.to_string().as_bytes()))
}
