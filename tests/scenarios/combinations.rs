//! Faults that have a name, day by day.

use insta::assert_snapshot;
use jiff::civil::Date;

use crate::world::{Entry, World, bare_sts, day, no_policy, nov, sts, tlsa, utc};

const MX12: &[&str] = &["mx1.example.com", "mx2.example.com"];
const MAX_AGE: u32 = 604_800;

/// A team in Berlin that has had its first look on 10 November.
fn team() -> World {
    World::new("Europe/Berlin", &["example.com"], MX12)
}

fn good(mode: &str, ok: u64) -> Entry {
    sts("example.com", mode, MX12, MAX_AGE, ok, 0)
}

/// Reports of days from 20 October to this one, before which all is well.
fn days_until(last: Date) -> impl Iterator<Item = Date> {
    (-12_i64..).map(day).take_while(move |day| *day <= last)
}

/// What happens after the first look on Tuesday, 10 November, until the morning of a day.
fn after_first_look(world: &mut World, until: &str) -> String {
    world.live(utc("2026-11-10 05:00"), utc("2026-11-10 06:00"));
    world.live(utc("2026-11-10 06:01"), utc(&format!("{until} 06:00")))
}

/// Renewed on mx1, forgotten on mx2, mended on 16 November.
#[test]
fn node_left_behind() {
    let mut world = team();
    for day in days_until(nov(19)) {
        let is_bad = (nov(12)..=nov(15)).contains(&day);
        let entry = |ok, failed: u64| {
            if is_bad {
                sts("example.com", "enforce", MX12, MAX_AGE, ok - failed, failed).detail(
                    "certificate-expired",
                    "mx2.example.com",
                    "192.0.2.26",
                    failed,
                    "",
                )
            } else {
                good("enforce", ok)
            }
        };
        world.report("google.com", day, &[entry(400, 35)]);
        world.report("microsoft.com", day, &[entry(90, 8)]);
    }
    assert_snapshot!(after_first_look(&mut world, "2026-11-21"));
}

/// The mode becomes enforce, the id stays: Microsoft doesn't fetch the new text.
#[test]
fn policy_changed_without_a_new_id() {
    let mut world = team();
    for day in days_until(day(36)) {
        let mode = |since| if day >= since { "enforce" } else { "testing" };
        world.report("google.com", day, &[good(mode(nov(12)), 400)]);
        // The id is changed on 2 December.
        world.report("microsoft.com", day, &[good(mode(crate::world::day(32)), 90)]);
    }
    assert_snapshot!(after_first_look(&mut world, "2026-12-07"));
}

/// The MX moves to new hosts while senders hold the old policy.
#[test]
fn mx_move_under_a_cached_enforce() {
    let mut world = team();
    for day in days_until(nov(16)) {
        let new_mx = &["mx1.example.net", "mx2.example.net"];
        let entry = |new_text: Date, ok: u64, failed: u64| {
            if day >= new_text {
                sts("example.com", "enforce", new_mx, MAX_AGE, ok, 0)
            } else if day >= nov(12) {
                sts("example.com", "enforce", MX12, MAX_AGE, ok - failed, failed).detail(
                    "validation-failure",
                    "mx1.example.net",
                    "198.51.100.25",
                    failed,
                    "",
                )
            } else {
                good("enforce", ok)
            }
        };
        world.report("google.com", day, &[entry(nov(14), 400, 210)]);
        world.report("microsoft.com", day, &[entry(nov(15), 90, 60)]);
    }
    assert_snapshot!(after_first_look(&mut world, "2026-11-18"));
}

/// A bot filter lets everybody but Microsoft have the file.
#[test]
fn policy_blocked_for_one_sender() {
    let mut world = team();
    for day in days_until(nov(24)) {
        world.report("google.com", day, &[good("enforce", 400)]);
        let is_bad = day >= nov(12);
        let entry = if is_bad {
            bare_sts("example.com", 0, 30).detail("sts-policy-fetch-error", "", "", 30, "")
        } else {
            good("enforce", 30)
        };
        world.report("microsoft.com", day, &[entry]);
    }
    assert_snapshot!(after_first_look(&mut world, "2026-11-26"));
}

/// The TLSA records go away and nothing fails.
#[test]
fn silent_loss_of_dane() {
    let mut world = team();
    let record = "3 1 1 9f2c41aa00112233445566778899aabbccddeeff00112233445566778899aabb";
    for day in days_until(nov(17)) {
        world.report("google.com", day, &[good("enforce", 400)]);
        let mut entries = vec![good("enforce", 90)];
        if day < nov(12) {
            entries.insert(0, tlsa("example.com", &[record, record], 90, 0));
        }
        world.report("microsoft.com", day, &entries);
    }
    assert_snapshot!(after_first_look(&mut world, "2026-11-19"));
}

/// A firewall takes STARTTLS away from both hosts.
#[test]
fn starttls_stripped() {
    let mut world = team();
    for day in days_until(nov(16)) {
        let entry = |ok: u64| {
            if day < nov(12) {
                return good("testing", ok);
            }
            sts("example.com", "testing", MX12, MAX_AGE, 0, ok)
                .detail(
                    "starttls-not-supported",
                    "mx1.example.com",
                    "192.0.2.25",
                    ok - ok / 3,
                    "",
                )
                .detail(
                    "starttls-not-supported",
                    "mx2.example.com",
                    "192.0.2.26",
                    ok / 3,
                    "",
                )
        };
        world.report("google.com", day, &[entry(400)]);
        world.report("microsoft.com", day, &[entry(90)]);
    }
    assert_snapshot!(after_first_look(&mut world, "2026-11-18"));
}

/// Now and then a connection breaks: the weather.
#[test]
fn noise() {
    let mut world = team();
    for day in days_until(nov(22)) {
        let is_bad = day.day() % 8 == 4;
        let entry = if is_bad {
            let mx = if day.day() % 16 == 4 { MX12[0] } else { MX12[1] };
            sts("example.com", "enforce", MX12, MAX_AGE, 399, 1).detail(
                "validation-failure",
                mx,
                "192.0.2.25",
                1,
                "",
            )
        } else {
            good("enforce", 400)
        };
        world.report("google.com", day, &[entry]);
        world.report("microsoft.com", day, &[good("enforce", 90)]);
    }
    assert_snapshot!(after_first_look(&mut world, "2026-11-24"));
}

/// Microsoft's own resolver fails: the policies of four domains on different hosts at once, for a day.
#[test]
fn trouble_at_the_reporter() {
    let domains = ["example.com", "example.net", "example.org", "a.example"];
    let mut world = World::new("Europe/Berlin", &domains, &[]);
    for day in days_until(nov(16)) {
        let of = |domain: &str, ok| {
            let mx = format!("mx.{domain}");
            sts(domain, "enforce", &[&mx], MAX_AGE, ok, 0)
        };
        let google: Vec<Entry> = domains.iter().map(|domain| of(domain, 100)).collect();
        world.report("google.com", day, &google);
        let microsoft: Vec<Entry> = domains
            .iter()
            .map(|domain| {
                if day == nov(12) {
                    bare_sts(domain, 0, 12).detail("sts-policy-fetch-error", "", "", 12, "")
                } else {
                    of(domain, 12)
                }
            })
            .collect();
        world.report("microsoft.com", day, &microsoft);
    }
    assert_snapshot!(after_first_look(&mut world, "2026-11-18"));
}

/// Nobody finds the policy any more, and that makes no failures.
#[test]
fn policy_gone() {
    let mut world = team();
    for day in days_until(nov(17)) {
        let is_gone = day >= nov(12);
        let entry = |ok| {
            if is_gone {
                no_policy("example.com", ok, 0)
            } else {
                good("enforce", ok)
            }
        };
        world.report("google.com", day, &[entry(400)]);
        world.report("microsoft.com", day, &[entry(90)]);
    }
    assert_snapshot!(after_first_look(&mut world, "2026-11-19"));
}

/// All reports stop: our own mailbox is the first suspect.
#[test]
fn no_reports_at_all() {
    let mut world = team();
    for day in days_until(nov(13)) {
        world.report("google.com", day, &[good("enforce", 400)]);
        world.report("microsoft.com", day, &[good("enforce", 90)]);
    }
    assert_snapshot!(after_first_look(&mut world, "2026-11-24"));
}

/// The policy is taken away at once: the record in DNS and the file.
#[test]
fn policy_removed_without_the_none_step() {
    let mut world = team();
    for day in days_until(nov(24)) {
        let is_gone = day >= nov(12);
        // Google finds nothing; Microsoft goes by its copy while that lasts and can't renew it.
        let google = if is_gone {
            no_policy("example.com", 400, 0)
        } else {
            good("enforce", 400)
        };
        let microsoft = match day {
            day if day > nov(18) => no_policy("example.com", 90, 0),
            _ if is_gone => good("enforce", 84).detail("sts-policy-fetch-error", "", "", 6, ""),
            _ => good("enforce", 90),
        };
        world.report("google.com", day, &[google]);
        world.report("microsoft.com", day, &[microsoft]);
    }
    assert_snapshot!(after_first_look(&mut world, "2026-11-26"));
}

/// The signatures of the zone expire on 12 November; they are renewed two days later.
#[test]
fn dnssec_signatures_expired() {
    let mut world = team();
    let record = "3 1 1 9f2c41aa00112233445566778899aabbccddeeff00112233445566778899aabb";
    for day in days_until(nov(17)) {
        let is_bad = (nov(12)..=nov(13)).contains(&day);
        let failed = if is_bad { 40 } else { 0 };
        let mut entry = tlsa("example.com", &[record, record], 50 - failed, failed);
        if is_bad {
            entry = entry.detail("dnssec-invalid", "", "", failed, "");
        }
        world.report("microsoft.com", day, &[entry, good("enforce", 50)]);
        world.report("google.com", day, &[good("enforce", 400)]);
    }
    assert_snapshot!(after_first_look(&mut world, "2026-11-19"));
}

/// mx2 knows nothing newer than TLS 1.1; each sender switches that off on a day of its own.
#[test]
fn old_tls_on_one_mx() {
    let mut world = team();
    for day in days_until(nov(22)) {
        let entry = |since: Date, ok: u64, failed: u64| {
            if day < since {
                return good("testing", ok);
            }
            sts("example.com", "testing", MX12, MAX_AGE, ok - failed, failed).detail(
                "validation-failure",
                "mx2.example.com",
                "192.0.2.26",
                failed,
                "tls-remote-alert-70-protocol-version",
            )
        };
        world.report("google.com", day, &[entry(nov(12), 400, 130)]);
        world.report("postlane.example", day, &[entry(nov(17), 40, 14)]);
    }
    assert_snapshot!(after_first_look(&mut world, "2026-11-24"));
}

/// The first policy of all, and the certificate of both hosts is made out to the mail domain.
#[test]
fn certificate_for_the_mail_domain() {
    let mut world = team();
    for day in days_until(nov(16)) {
        let entry = |ok: u64, failed: u64| {
            if day < nov(12) {
                return no_policy("example.com", ok, 0);
            }
            let entry = sts("example.com", "testing", MX12, MAX_AGE, 0, ok);
            let kind = "certificate-host-mismatch";
            entry
                .detail(kind, "mx1.example.com", "192.0.2.25", ok - failed, "")
                .detail(kind, "mx2.example.com", "192.0.2.26", failed, "")
        };
        world.report("google.com", day, &[entry(400, 120)]);
        world.report("microsoft.com", day, &[entry(90, 30)]);
    }
    assert_snapshot!(after_first_look(&mut world, "2026-11-18"));
}
