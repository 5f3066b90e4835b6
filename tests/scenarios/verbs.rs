//! What people say by `ack`, `note`, `fixed` and `retire`, and what the mails make of it; and when urgent mails go out.

use insta::assert_snapshot;
use jiff::civil::{Date, time};
use tlsrptd::assess::history::Saying;

use crate::world::{Entry, World, day, nov, sts, utc};

const MX: &[&str] = &["mx1.example.com", "mx2.example.com"];
/// An expired certificate on mx2, wherever it is seen.
const EXPIRED: &str = "5539";

fn entry(mode: &str, ok: u64, failed: u64) -> Entry {
    let entry = sts("example.com", mode, MX, 604_800, ok - failed, failed);
    if failed == 0 {
        return entry;
    }
    entry.detail("certificate-expired", "mx2.example.com", "192.0.2.26", failed, "")
}

/// A team whose mx2 shows an expired certificate on the days of each reporter.
fn expired(mode: &str, last: Date, google: &[i8], microsoft: &[i8]) -> World {
    let mut world = World::new("Europe/Berlin", &["example.com"], MX);
    for day in (-12_i64..).map(day).take_while(|day| *day <= last) {
        let failed = |days: &[i8], n| {
            let is_bad = day.month() == 11 && days.contains(&day.day());
            if is_bad { n } else { 0 }
        };
        world.report("google.com", day, &[entry(mode, 400, failed(google, 35))]);
        world.report("microsoft.com", day, &[entry(mode, 90, failed(microsoft, 8))]);
    }
    world.live(utc("2026-11-10 05:00"), utc("2026-11-10 06:00"));
    world
}

/// Acknowledged for ten days, and still there after them.
#[test]
fn acknowledged_for_ten_days() {
    let all: Vec<i8> = (12..=29).collect();
    let mut world = expired("testing", day(33), &all, &all);
    let mut out = world.live(utc("2026-11-10 06:01"), utc("2026-11-14 08:00"));
    let until = Saying::Acknowledged(nov(24));
    world.said(
        &mut out,
        utc("2026-11-14 08:10"),
        "ack 5539 --days 10",
        EXPIRED,
        until,
    );
    out += &world.live(utc("2026-11-14 08:11"), utc("2026-12-03 06:00"));
    assert_snapshot!(out);
}

/// Acknowledged while one reporter saw it; then another one sees it too.
#[test]
fn acknowledged_and_then_worse() {
    let (google, microsoft): (Vec<i8>, Vec<i8>) = ((12..=21).collect(), (17..=21).collect());
    let mut world = expired("testing", nov(24), &google, &microsoft);
    let mut out = world.live(utc("2026-11-10 06:01"), utc("2026-11-14 08:00"));
    let until = Saying::Acknowledged(day(44));
    world.said(&mut out, utc("2026-11-14 08:10"), "ack 5539", EXPIRED, until);
    out += &world.live(utc("2026-11-14 08:11"), utc("2026-11-25 06:00"));
    assert_snapshot!(out);
}

/// Renewed and noted at once: one clean day of one reporter is proof.
#[test]
fn note_shortens_the_proof() {
    let mut world = expired("enforce", nov(16), &[12, 13], &[12, 13]);
    let mut out = world.live(utc("2026-11-10 06:01"), utc("2026-11-14 08:00"));
    let note = Saying::Note("renewed mx2".to_owned());
    world.said(
        &mut out,
        utc("2026-11-14 08:10"),
        "note 5539 renewed mx2",
        EXPIRED,
        note,
    );
    out += &world.live(utc("2026-11-14 08:11"), utc("2026-11-18 06:00"));
    assert_snapshot!(out);
}

/// Said to be fixed, and it wasn't.
#[test]
fn fixed_too_early() {
    let days = [12, 13, 14, 15, 16];
    let mut world = expired("enforce", nov(19), &days, &days);
    let mut out = world.live(utc("2026-11-10 06:01"), utc("2026-11-14 08:00"));
    world.said(
        &mut out,
        utc("2026-11-14 08:10"),
        "fixed 5539",
        EXPIRED,
        Saying::Fixed,
    );
    out += &world.live(utc("2026-11-14 08:11"), utc("2026-11-17 08:00"));
    world.said(
        &mut out,
        utc("2026-11-17 08:10"),
        "fixed 5539",
        EXPIRED,
        Saying::Fixed,
    );
    out += &world.live(utc("2026-11-17 08:11"), utc("2026-11-21 06:00"));
    assert_snapshot!(out);
}

/// An MX that is no longer used: senders go on trying it for a while.
#[test]
fn retired_mx() {
    let all: Vec<i8> = (12..=24).collect();
    let mut world = expired("testing", nov(24), &all, &all);
    let mut out = world.live(utc("2026-11-10 06:01"), utc("2026-11-14 08:00"));
    let verb = "retire mx2.example.com";
    world.said(
        &mut out,
        utc("2026-11-14 08:10"),
        verb,
        "mx2.example.com",
        Saying::Retired,
    );
    out += &world.live(utc("2026-11-14 08:11"), utc("2026-11-26 06:00"));
    assert_snapshot!(out);
}

/// A report that comes at night waits until 06:00 where the daily mail isn't due within three hours.
#[test]
fn urgent_mail_waits_for_the_morning() {
    let mut world = World::new("Europe/Berlin", &["example.com"], MX);
    world.config.digest.at = time(12, 0, 0, 0);
    for day in (-12_i64..).map(day).take_while(|day| *day <= nov(13)) {
        let failed = if day >= nov(12) { 35 } else { 0 };
        let arrives = if day == nov(12) {
            "2026-11-13 21:40"
        } else {
            "2026-11-14 22:10"
        };
        let google = [entry("enforce", 400, failed)];
        if failed == 0 {
            world.report("google.com", day, &google);
        } else {
            world.report_at(utc(arrives), "google.com", day, &google);
        }
        world.report("microsoft.com", day, &[entry("enforce", 90, 0)]);
    }
    world.live(utc("2026-11-10 05:00"), utc("2026-11-10 11:00"));
    assert_snapshot!(world.live(utc("2026-11-10 11:01"), utc("2026-11-15 12:00")));
}
