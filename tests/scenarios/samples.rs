//! The six situations that the mails were written for.

use insta::assert_snapshot;
use jiff::ToSpan;
use jiff::civil::date;

use crate::old_mailbox::{Day, OldReport, old_reports};
use crate::world::{World, bare_sts, nov, sts, tlsa, utc};

const MX12: &[&str] = &["mx1.example.com", "mx2.example.com"];

#[test]
fn certificate_expired_on_one_of_two_mx_under_enforce() {
    let mut world = World::new("Asia/Tokyo", &["example.com"], MX12);
    let good = |ok| sts("example.com", "enforce", MX12, 604_800, ok, 0);
    for day in 4..=17 {
        world.report("google.com", nov(day), &[good(380)]);
        world.report("microsoft.com", nov(day), &[good(90)]);
    }
    world.all_so_far_is_old();
    world.report(
        "google.com",
        nov(18),
        &[sts("example.com", "enforce", MX12, 604_800, 373, 37).detail(
            "certificate-expired",
            "mx2.example.com",
            "192.0.2.26",
            37,
            "",
        )],
    );
    world.report(
        "microsoft.com",
        nov(18),
        &[sts("example.com", "enforce", MX12, 604_800, 87, 9).detail(
            "validation-failure",
            "mx2.example.com",
            "192.0.2.26",
            9,
            "VALIDATION_FAILURE",
        )],
    );
    world.live(utc("2026-11-18 21:00"), utc("2026-11-18 23:00"));
    assert_snapshot!(world.live(utc("2026-11-19 00:00"), utc("2026-11-19 23:00")));
}

/// The same in Berlin, where the first of the reports comes by day.
#[test]
fn certificate_expired_told_by_day() {
    let mut world = World::new("Europe/Berlin", &["example.com"], MX12);
    let good = |ok| sts("example.com", "enforce", MX12, 604_800, ok, 0);
    for day in 4..=17 {
        world.report("google.com", nov(day), &[good(380)]);
    }
    world.all_so_far_is_old();
    world.report(
        "google.com",
        nov(18),
        &[sts("example.com", "enforce", MX12, 604_800, 373, 37).detail(
            "certificate-expired",
            "mx2.example.com",
            "192.0.2.26",
            37,
            "",
        )],
    );
    world.live(utc("2026-11-19 05:00"), utc("2026-11-19 07:00"));
    assert_snapshot!(world.live(utc("2026-11-19 07:01"), utc("2026-11-20 07:00")));
}

#[test]
fn all_quiet_weekly() {
    let mut world = World::new(
        "Europe/Berlin",
        &["example.com", "example.org"],
        &["mx1.example.com"],
    );
    let com = |ok| sts("example.com", "enforce", &["mx1.example.com"], 604_800, ok, 0);
    let org = |ok| sts("example.org", "testing", &["mx1.example.com"], 86_400, ok, 0);
    // Three weeks like this one, so that it is known who reports when.
    for week in [-21, -14, -7, 0] {
        let on = |day: i64| nov(8).checked_add(ToSpan::days(week + day)).unwrap();
        for day in 0..7 {
            world.report(
                "google.com",
                on(day),
                &[com(360), org(if day == 6 { 61 } else { 60 })],
            );
            if day > 0 {
                world.report("microsoft.com", on(day), &[com(132), org(14)]);
            }
            world.report(
                "mail.ru",
                on(day),
                &match day {
                    2 | 3 => vec![com(12), org(2)],
                    4 => vec![com(12), org(3)],
                    6 => vec![com(11)],
                    _ => vec![com(12)],
                },
            );
            world.report("reflex.example", on(day), &[com(1)]);
        }
        for (day, ok) in [(1, 20), (2, 20), (4, 15), (5, 15)] {
            // Not often enough to be missed on a day.
            if week < 0 && day > 1 {
                continue;
            }
            let record = "3 1 1 9f2c41aa00112233445566778899aabbccddeeff00112233445566778899aabb";
            world.report(
                "postlane.example",
                on(day),
                &[tlsa("mx1.example.com", &[record], ok, 0)],
            );
        }
    }
    world.report("mail.ru", nov(15), &[com(12)]);
    world.live(utc("2026-11-09 00:00"), utc("2026-11-09 07:00"));
    assert_snapshot!(world.live(utc("2026-11-09 07:01"), utc("2026-11-16 07:00")));
}

#[test]
fn forgotten_backup_mx_in_testing() {
    let mut world = World::new("Europe/Berlin", &["example.org"], &["mx1.example.org"]);
    let mx = &["mx1.example.org"];
    let good = |ok| sts("example.org", "testing", mx, 86_400, ok, 0);
    for day in 5..=17 {
        world.report("google.com", nov(day), &[good(184)]);
        world.report(
            "microsoft.com",
            nov(day),
            &[good(if day == 17 { 38 } else { 36 })],
        );
    }
    world.report(
        "google.com",
        nov(18),
        &[sts("example.org", "testing", mx, 86_400, 188, 24).detail(
            "validation-failure",
            "backup.example.net",
            "192.0.2.7",
            24,
            "",
        )],
    );
    world.report(
        "microsoft.com",
        nov(18),
        &[sts("example.org", "testing", mx, 86_400, 41, 5).detail(
            "validation-failure",
            "",
            "",
            5,
            "MX_HOSTS_MISMATCH",
        )],
    );
    world.live(utc("2026-11-17 00:00"), utc("2026-11-19 06:00"));
    assert_snapshot!(world.live(utc("2026-11-19 06:01"), utc("2026-11-20 07:00")));
}

#[test]
fn only_microsoft_cannot_fetch_the_policy() {
    let mut world = World::new("Europe/Berlin", &["example.com"], &["mx1.example.com"]);
    let good = |ok| sts("example.com", "enforce", &["mx1.example.com"], 604_800, ok, 0);
    let bad = |n| bare_sts("example.com", 0, n).detail("sts-policy-fetch-error", "", "", n, "");
    for day in 8..=14 {
        world.report("microsoft.com", nov(day), &[good(30)]);
        world.report("google.com", nov(day), &[good(300)]);
    }
    world.report("microsoft.com", nov(15), &[bad(1)]);
    world.report_at(utc("2026-11-18 09:10"), "microsoft.com", nov(16), &[bad(6)]);
    world.report_at(utc("2026-11-18 20:12"), "microsoft.com", nov(17), &[bad(4)]);
    for (day, ok) in [(15, 130), (16, 402), (17, 388)] {
        world.report("google.com", nov(day), &[good(ok)]);
    }
    world.live(utc("2026-11-15 00:00"), utc("2026-11-16 06:30"));
    assert_snapshot!(world.live(utc("2026-11-16 06:31"), utc("2026-11-19 07:00")));
}

#[test]
fn tlsa_roll_over_gone_wrong_with_an_old_failure_resolved_and_a_reporter_silent() {
    let mut world = World::new("Asia/Tokyo", &["example.com", "example.org"], MX12);
    let mx1 = "3 1 1 9f2c41aa00112233445566778899aabbccddeeff00112233445566778899aabb";
    let mx2 = "3 1 1 41d0e6b300112233445566778899aabbccddeeff00112233445566778899aabb";
    let com = |ok| sts("example.com", "enforce", MX12, 604_800, ok, 0);
    let org = |ok| sts("example.org", "testing", MX12, 86_400, ok, 0);
    for day in 4..=17 {
        let mut microsoft = vec![tlsa("example.com", &[mx1, mx2], 50, 0), com(50)];
        match day {
            12..=16 => {
                let n = [2, 1, 3, 1, 2][usize::try_from(day - 12).unwrap()];
                microsoft.push(bare_sts("example.org", 0, n).detail("sts-policy-fetch-error", "", "", n, ""));
            }
            17 => microsoft.push(org(8)),
            _ => microsoft.push(org(9)),
        }
        world.report("microsoft.com", nov(day), &microsoft);
        world.report("google.com", nov(day), &[com(240), org(20)]);
        for reporter in ["postlane.example", "mailpost.example"] {
            world.report(
                reporter,
                nov(day),
                &[
                    tlsa("mx1.example.com", &[mx1], 3, 0),
                    tlsa("mx2.example.com", &[mx2], 3, 0),
                ],
            );
        }
    }
    for day in -14..=14_i64 {
        if day % 2 == 0 {
            world.report(
                "mail.ru",
                nov(1).checked_add(ToSpan::days(day - 1)).unwrap(),
                &[com(12)],
            );
        }
    }
    world.report("mail.ru", nov(14), &[com(12)]);
    let failing = tlsa("mx1.example.com", &[mx1], 0, 3).detail(
        "certificate-not-trusted",
        "mx1.example.com",
        "192.0.2.25",
        3,
        "",
    );
    world.report(
        "postlane.example",
        nov(18),
        &[failing, tlsa("mx2.example.com", &[mx2], 3, 0)],
    );
    let failing = tlsa("mx1.example.com", &[mx1], 0, 2).detail(
        "validation-failure",
        "mx1.example.com",
        "192.0.2.25",
        2,
        "dane-no-match",
    );
    world.report(
        "mailpost.example",
        nov(18),
        &[failing, tlsa("mx2.example.com", &[mx2], 2, 0)],
    );
    world.report("google.com", nov(18), &[com(240), org(20)]);
    let failing = tlsa("example.com", &[mx1, mx2], 22, 31).detail(
        "tlsa-invalid",
        "mx1.example.com",
        "192.0.2.25",
        31,
        "",
    );
    world.report("microsoft.com", nov(18), &[failing, com(53), org(11)]);
    world.live(utc("2026-11-10 00:00"), utc("2026-11-12 22:00"));
    assert_snapshot!(world.live(utc("2026-11-12 22:01"), utc("2026-11-19 23:00")));
}

#[test]
fn first_look_at_an_old_mailbox() {
    let mut world = World::new(
        "Europe/Berlin",
        &["example.com", "example.org"],
        &[
            "mx1.example.com",
            "mx2.example.com",
            "mx1.example.org",
            "mx3.example.org",
        ],
    );
    let old = old_reports();
    let rest =
        |all: u64, of: fn(&OldReport) -> &Day| all - old.iter().map(|report| of(report).total()).sum::<u64>();
    let rest = [rest(48_210, |old| &old.com), rest(3_904, |old| &old.org)];
    for (at, report) in old.iter().enumerate() {
        let mode = if report.day < date(2026, 7, 21) {
            "testing"
        } else {
            "enforce"
        };
        let [rest_com, rest_org] = if at == 0 { rest } else { [0, 0] };
        let mut entries = vec![report.com.entry("example.com", mode, MX12, 604_800, rest_com)];
        if report.org.total() > 0 {
            let mx = &["mx1.example.org", "mx3.example.org"];
            entries.push(report.org.entry("example.org", "testing", mx, 86_400, rest_org));
        }
        world.report(report.reporter, report.day, &entries);
    }
    assert_eq!(old.len(), 400);
    world.duplicates(12);
    for n in 0..37 {
        world.other_mail(utc(&format!("2026-08-{:02} 08:{n:02}", n % 28 + 1)));
    }
    for day in [5, 17] {
        world.unreadable_mail(utc(&format!("2026-09-{day:02} 04:57")));
    }
    world.all_so_far_is_old();
    assert_snapshot!(world.live(utc("2026-11-20 05:00"), utc("2026-11-20 06:30")));
}
