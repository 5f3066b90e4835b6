//! Long runs with odd reporters and odd reports.

use insta::assert_snapshot;
use tlsrptd::config::AuthenticationMode;

use crate::world::{Entry, World, day, nov, sts, utc};

const MX: &[&str] = &["mx1.example.com", "mx2.example.com"];

/// After the first look on Tuesday, 10 November, until the morning of a day.
fn after_first_look(world: &mut World, until: &str) -> String {
    world.live(utc("2026-11-10 05:00"), utc("2026-11-10 06:00"));
    world.live(utc("2026-11-10 06:01"), utc(&format!("{until} 06:00")))
}

#[test]
fn forty_domains_on_one_mx() {
    let names: Vec<String> = (1..=40).map(|n| format!("customer{n:02}.example")).collect();
    let domains: Vec<&str> = names.iter().map(String::as_str).collect();
    let mx = &["mx1.example.net", "mx2.example.net"];
    let mut world = World::new("Europe/Berlin", &domains, mx);
    for day in (1..=16).map(nov) {
        let of = |domain: &str, ok: u64, failed: u64| {
            let entry = sts(domain, "enforce", mx, 604_800, ok - failed, failed);
            if failed == 0 {
                return entry;
            }
            entry.detail(
                "certificate-expired",
                "mx2.example.net",
                "198.51.100.26",
                failed,
                "",
            )
        };
        for (reporter, ok) in [("google.com", 12), ("microsoft.com", 4)] {
            let failed = if (12..=14).contains(&day.day()) { ok / 4 } else { 0 };
            let entries: Vec<Entry> = domains.iter().map(|domain| of(domain, ok, failed)).collect();
            world.report(reporter, day, &entries);
        }
    }
    assert_snapshot!(after_first_look(&mut world, "2026-11-18"));
}

#[test]
fn microsoft_24_days_late() {
    let mut world = World::new("Europe/Berlin", &["example.com"], MX);
    for n in -12..=25 {
        let day = day(n - 1);
        let good = |ok| sts("example.com", "enforce", MX, 604_800, ok, 0);
        world.report("google.com", day, &[good(400)]);
        if day == nov(2) {
            let late = sts("example.com", "enforce", MX, 604_800, 60, 30).detail(
                "certificate-expired",
                "mx2.example.com",
                "192.0.2.26",
                30,
                "",
            );
            world.report_at(utc("2026-11-26 20:00"), "microsoft.com", day, &[late]);
        } else {
            world.report("microsoft.com", day, &[good(90)]);
        }
    }
    assert_snapshot!(world_after(&mut world));
}

fn world_after(world: &mut World) -> String {
    world.live(utc("2026-11-24 05:00"), utc("2026-11-24 06:00"));
    world.live(utc("2026-11-24 06:01"), utc("2026-11-28 06:00"))
}

#[test]
fn unreadable_count() {
    let mut world = World::new("Europe/Berlin", &["example.com"], MX);
    for day in (1..=16).map(nov) {
        let good = |ok| sts("example.com", "enforce", MX, 604_800, ok, 0);
        let entry = if day >= nov(12) {
            good(300).unreadable().detail(
                "certificate-expired",
                "mx2.example.com",
                "192.0.2.26",
                serde_json::Value::from(-1),
                "",
            )
        } else {
            good(300)
        };
        world.report("google.com", day, &[entry]);
        world.report("microsoft.com", day, &[good(90)]);
    }
    assert_snapshot!(after_first_look(&mut world, "2026-11-18"));
}

#[test]
fn domain_with_two_mails_a_day() {
    let mut world = World::new("Europe/Berlin", &["example.org"], &["mx.example.org"]);
    let mx = &["mx.example.org"];
    for day in (1..=18).map(nov) {
        let entry = if (12..=14).contains(&day.day()) {
            sts("example.org", "enforce", mx, 604_800, 0, 2).detail(
                "validation-failure",
                "mx.example.org",
                "192.0.2.30",
                2,
                "",
            )
        } else {
            sts("example.org", "enforce", mx, 604_800, 2, 0)
        };
        world.report("google.com", day, &[entry]);
    }
    assert_snapshot!(after_first_look(&mut world, "2026-11-20"));
}

#[test]
fn reporter_that_changes_its_name() {
    let mut world = World::new("Europe/Berlin", &["example.com"], MX);
    world.rename("google.com", "Google Inc.");
    for day in (1..=18).map(nov) {
        if day == nov(13) {
            world.rename("google.com", "Google LLC");
        }
        let entry = if (12..=14).contains(&day.day()) {
            sts("example.com", "testing", MX, 604_800, 380, 20).detail(
                "certificate-host-mismatch",
                "mx2.example.com",
                "192.0.2.26",
                20,
                "",
            )
        } else {
            sts("example.com", "testing", MX, 604_800, 400, 0)
        };
        world.report("google.com", day, &[entry]);
    }
    assert_snapshot!(after_first_look(&mut world, "2026-11-20"));
}

/// Google and Microsoft report each day; on Wednesday, 11 November, a gateway begins to add footers.
fn world_with_a_gateway() -> World {
    let mut world = World::new("Europe/Berlin", &["example.com"], MX);
    world.config.authentication.mode = AuthenticationMode::Auto;
    world.broken_from = Some(utc("2026-11-11 03:00"));
    for n in -10..=22 {
        let day = day(n);
        for (reporter, ok) in [("google.com", 400), ("microsoft.com", 90)] {
            let entry = if day >= nov(14) {
                sts("example.com", "enforce", MX, 604_800, ok - 30, 30).detail(
                    "certificate-expired",
                    "mx2.example.com",
                    "192.0.2.26",
                    30,
                    "",
                )
            } else {
                sts("example.com", "enforce", MX, 604_800, ok, 0)
            };
            world.report(reporter, day, &[entry]);
        }
    }
    world
}

#[test]
fn gateway_starts_to_add_footers() {
    let mut world = world_with_a_gateway();
    assert_snapshot!(after_first_look(&mut world, "2026-11-22"));
}
