//! The half year of reports that the first look finds.

use jiff::ToSpan;
use jiff::civil::{Date, date};

use crate::world::{Entry, bare_sts, nov, sts};

/// What a report of the old mailbox says of a domain: good, failed and the detail's type, MX, address and reason.
#[derive(Debug, Default)]
pub(crate) struct Day(u64, u64, [&'static str; 4]);

impl Day {
    pub(crate) fn total(&self) -> u64 {
        self.0 + self.1
    }

    pub(crate) fn entry(&self, domain: &str, mode: &str, mx: &[&str], max_age: u32, more: u64) -> Entry {
        let Self(ok, failed, [kind, host, ip, reason]) = *self;
        let entry = if ok == 0 {
            bare_sts(domain, 0, failed)
        } else {
            sts(domain, mode, mx, max_age, ok + more, failed)
        };
        if failed == 0 {
            entry
        } else {
            entry.detail(kind, host, ip, failed, reason)
        }
    }
}

/// A report of the old mailbox.
#[derive(Debug)]
pub(crate) struct OldReport {
    pub(crate) reporter: &'static str,
    pub(crate) day: Date,
    /// Of example.com.
    pub(crate) com: Day,
    /// Of example.org; no connections: not in the report.
    pub(crate) org: Day,
}

/// 3 June to 18 November: 168 reports of Google, 131 of Microsoft, 88 of Mail.ru, 13 of others.
pub(crate) fn old_reports() -> Vec<OldReport> {
    // Never so long a pause that it proves anything.
    let mut wrong_name = vec![date(2026, 10, 2)];
    for pause in [1, 2].into_iter().chain([3; 12]).chain([2; 4]) {
        let last = *wrong_name.last().unwrap();
        wrong_name.push(last.checked_add(pause.days()).unwrap());
    }
    assert_eq!((wrong_name.len(), wrong_name[18]), (19, nov(18)));
    let mut old = Vec::new();
    for n in 0..169_i64 {
        let day = date(2026, 6, 3).checked_add(n.days()).unwrap();
        let nth = wrong_name.iter().position(|failing| *failing == day);
        let mut report = |reporter, com, org| {
            old.push(OldReport {
                reporter,
                day,
                com,
                org,
            });
        };
        if n != 60 {
            report("google.com", google_com(day), google_org(day, nth));
        }
        if n % 4 != 1 || [1, 5, 9, 29].contains(&n) {
            report("microsoft.com", microsoft_com(day), microsoft_org(nth));
        }
        if n % 2 == 0 || n < 6 {
            report("mail.ru", Day(20, 0, [""; 4]), Day(3, 0, [""; 4]));
        }
        for (reporter, days) in [
            ("postlane.example", &[12, 40, 71, 99, 130, 158][..]),
            ("mailpost.example", &[33, 66, 104, 149]),
            ("mx.example.net", &[51, 88, 162]),
        ] {
            if days.contains(&n) {
                report(reporter, Day(2, 0, [""; 4]), Day::default());
            }
        }
    }
    old
}

fn google_com(day: Date) -> Day {
    let (expired, mx1) = (
        ["certificate-expired", "mx2.example.com", "192.0.2.26", ""],
        ["validation-failure", "mx1.example.com", "192.0.2.25", ""],
    );
    match (day.month(), day.day()) {
        (8, 12) => Day(100, 201, expired),
        (8, 13) => Day(100, 233, expired),
        (8, 14) => Day(100, 217, expired),
        (8, 15) => Day(100, 90, expired),
        (9, 9) => Day(243, 17, mx1),
        // Below the noise gate.
        (6, 24) => Day(
            219,
            1,
            [
                "validation-failure",
                "mx2.example.com",
                "192.0.2.26",
                "tls remote alert",
            ],
        ),
        (10, 20) => Day(
            219,
            1,
            ["starttls-not-supported", "mx1.example.com", "192.0.2.25", ""],
        ),
        _ => Day(220, 0, [""; 4]),
    }
}

fn google_org(day: Date, nth_wrong_name: Option<usize>) -> Day {
    if let Some(nth) = nth_wrong_name {
        let failed = if nth < 9 { 3 } else { 2 };
        let detail = ["certificate-host-mismatch", "mx3.example.org", "192.0.2.33", ""];
        return Day(15 - failed, failed, detail);
    }
    match (day.month(), day.day()) {
        // Below the noise gate.
        (7, 28) => Day(14, 1, ["sts-policy-fetch-error", "", "", ""]),
        (8, 30) => Day(
            14,
            1,
            ["validation-failure", "mx1.example.org", "192.0.2.31", "reason 7"],
        ),
        (9, 22) => Day(14, 1, ["tls-timeout", "mx1.example.org", "192.0.2.31", ""]),
        _ => Day(15, 0, [""; 4]),
    }
}

fn microsoft_com(day: Date) -> Day {
    let not_fetched = ["sts-policy-fetch-error", "", "", ""];
    let no_reason = [
        "validation-failure",
        "mx2.example.com",
        "192.0.2.26",
        "VALIDATION_FAILURE",
    ];
    match (day.month(), day.day()) {
        (7, 1) => Day(0, 19, not_fetched),
        (7, 2) => Day(0, 25, not_fetched),
        (8, 13) => Day(30, 40, no_reason),
        (8, 14) => Day(48, 22, no_reason),
        _ => Day(70, 0, [""; 4]),
    }
}

fn microsoft_org(nth_wrong_name: Option<usize>) -> Day {
    let failed = match nth_wrong_name {
        Some(2 | 3 | 6 | 7 | 8) => 2,
        Some(10 | 12 | 14 | 17) => 1,
        _ => 0,
    };
    let no_reason = [
        "validation-failure",
        "mx3.example.org",
        "192.0.2.33",
        "VALIDATION_FAILURE",
    ];
    Day(8 - failed, failed, no_reason)
}
