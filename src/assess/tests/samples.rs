//! The histories of the six model mails.

use super::super::impact::{Basis, Impact};
use super::super::news::{self, Event};
use super::super::problem::{Named, Whose};
use super::*;

fn november(days: std::ops::RangeInclusive<i8>) -> impl Iterator<Item = Date> {
    days.map(nov)
}

#[test]
fn expired_certificate_on_one_of_two_mx_under_enforce() {
    let world = World::on(nov(19))
        .clean("google.com", november(4..=17))
        .clean("microsoft.com", november(4..=17))
        .report("google.com", nov(18), 373, 37, &[expired(37).at("192.0.2.26")])
        .report(
            "microsoft.com",
            nov(18),
            87,
            9,
            &[vague(9).at("192.0.2.26").because("VALIDATION_FAILURE")],
        );
    let problem = world.problem();
    assert_eq!(problem.cause, Cause::Expired);
    assert_eq!(problem.place, Place::Mx("mx2.example.com".into()));
    assert_eq!(problem.state, State::New);
    assert_eq!((problem.impact, problem.basis), (Impact::Held, Basis::Enforce));
    assert_eq!(problem.whose, Whose::YoursSeen);
    assert_eq!(seen(&problem, "google.com"), (37, 410));
    assert_eq!(seen(&problem, "microsoft.com"), (9, 96));
    assert!(witness(&problem, "microsoft.com").is_vague);
    assert!(!witness(&problem, "google.com").is_vague);
    assert_eq!(problem.spot.unnamed_mx, ["mx1.example.com"]);
    assert_eq!(problem.spot.receiving_ips, [("192.0.2.26".to_owned(), 46)]);
    assert_eq!(problem.named, Some(Named::C1NodeLeftBehind));
    assert_eq!(news::of(&problem, &[], nov(19)), Some(Event::New));
    assert!(news::is_urgent(&problem, Event::New, &[], nov(19)));
}

#[test]
fn quiet_week_has_no_problem() {
    let world = World::on(nov(16)).clean("google.com", november(2..=14));
    assert!(world.problems().is_empty());
}

#[test]
fn forgotten_backup_mx_in_testing() {
    let testing = || sts("testing", &["mx1.example.org"]);
    let mut world = World::on(nov(20)).to("example.org").under(testing());
    for day in 5..=17 {
        world = world.report("google.com", nov(day), 184, 0, &[]);
    }
    for day in 5..=16 {
        world = world.report("microsoft.com", nov(day), 36, 0, &[]);
    }
    let backup = detail("validation-failure", "backup.example.net", 24).at("192.0.2.7");
    let unnamed = detail("validation-failure", "", 5).because("MX_HOSTS_MISMATCH");
    let problem = world
        .report("google.com", nov(18), 188, 24, &[backup])
        .report("microsoft.com", nov(17), 38, 0, &[])
        .report("microsoft.com", nov(18), 41, 5, &[unnamed])
        .problem();
    assert_eq!(problem.cause, Cause::MxNotInPolicy);
    assert_eq!(problem.place, Place::Mx("backup.example.net".into()));
    assert_eq!((problem.impact, problem.basis), (Impact::Passed, Basis::Testing));
    assert_eq!(problem.whose, Whose::YoursProven);
    assert_eq!(seen(&problem, "google.com"), (24, 212));
    assert_eq!(seen(&problem, "microsoft.com"), (5, 46));
    assert!(witness(&problem, "microsoft.com").names_no_mx);
    assert_eq!(problem.named, Some(Named::C2BackupMxForgotten));
    assert_eq!(problem.policy, Some(PolicyText::clone(&testing())));
    assert!(!news::is_urgent(&problem, Event::New, &[], nov(20)));
}

#[test]
fn only_one_sender_cannot_fetch_the_policy() {
    let mut world = World::on(nov(18)).clean("microsoft.com", november(8..=14));
    for (day, ok) in [(15, 130), (16, 402), (17, 388)] {
        world = world.report("google.com", nov(day), ok, 0, &[]);
    }
    world = world
        .under(sts_unseen())
        .report("microsoft.com", nov(15), 0, 1, &[fetch_error(1)]);
    assert_eq!(world.state(), State::BelowGate);
    let problem = world
        .report("microsoft.com", nov(16), 0, 6, &[fetch_error(6)])
        .report("microsoft.com", nov(17), 0, 4, &[fetch_error(4)])
        .problem();
    assert_eq!(problem.place, Place::Policy("example.com".into()));
    assert_eq!(problem.state, State::Ongoing);
    assert_eq!(news::of(&problem, &[], nov(18)), Some(Event::New));
    assert_eq!(problem.episodes[0].visible_from, Some(nov(16)));
    assert_eq!(seen(&problem, "microsoft.com"), (11, 11));
    assert_eq!(problem.whose, Whose::OnlyOne);
    assert_eq!(problem.unaffected[0].ok, 920);
    assert_eq!(problem.impact, Impact::Cached);
    assert_eq!(problem.cached_until, Some(nov(21)));
    assert_eq!(problem.named, Some(Named::C10PolicyBlocked));
}

/// The roll-over that went wrong, seen by three with three result types, and a policy that came back.
fn roll_over() -> World {
    let (old, other) = ("3 1 1 9f2c41aa", "3 1 1 41d0e6b3");
    let enforce = || sts("enforce", &["mx1.example.com", "mx2.example.com"]);
    let mut world = World::on(nov(19)).mx(&["mx1.example.com", "mx2.example.com"]);
    for day in 4..=17 {
        world = world
            .under(tlsa(&[old, other]))
            .report("microsoft.com", nov(day), 50, 0, &[])
            .under(enforce())
            .also("microsoft.com", nov(day), 50, 0, &[]);
    }
    let fault = |kind, count| detail(kind, "mx1.example.com", count).at("192.0.2.25");
    world = world
        .under(tlsa(&[old, other]))
        .report("microsoft.com", nov(18), 22, 31, &[fault("tlsa-invalid", 31)])
        .under(enforce())
        .also("microsoft.com", nov(18), 53, 0, &[])
        .report("google.com", nov(18), 240, 0, &[]);
    world = world
        .under(tlsa(&[old]))
        .to("mx1.example.com")
        .report(
            "post.example.net",
            nov(18),
            0,
            3,
            &[fault("certificate-not-trusted", 3)],
        )
        .under(tlsa(&[other]))
        .to("mx2.example.com")
        .also("post.example.net", nov(18), 3, 0, &[]);
    world = world
        .under(tlsa(&[old]))
        .to("mx1.example.com")
        .report(
            "mail.example.net",
            nov(18),
            0,
            2,
            &[fault("validation-failure", 2).because("dane-no-match")],
        )
        .under(tlsa(&[other]))
        .to("mx2.example.com")
        .also("mail.example.net", nov(18), 2, 0, &[]);
    world = world.to("example.org").under(sts_unseen());
    for (day, failed) in [(12, 2), (13, 1), (14, 3), (15, 1), (16, 2)] {
        world = world.report("microsoft.com", nov(day), 0, failed, &[fetch_error(failed)]);
    }
    world
        .under(sts("testing", &["mx1.example.com"]))
        .report("microsoft.com", nov(17), 8, 0, &[])
        .report("microsoft.com", nov(18), 11, 0, &[])
}

#[test]
fn tlsa_roll_over_seen_by_three_is_one_problem() {
    let world = roll_over();
    assert_eq!(world.problems().len(), 2);
    let problem = world.problem_of(Cause::TlsaMismatch, "mx1.example.com");
    assert_eq!(seen(&problem, "microsoft.com"), (31, 53));
    assert_eq!(seen(&problem, "post.example.net"), (3, 6));
    assert_eq!(seen(&problem, "mail.example.net"), (2, 4));
    assert_eq!((problem.impact, problem.basis), (Impact::Held, Basis::Dane));
    assert_eq!(problem.whose, Whose::YoursSeen);
    assert_eq!(problem.named, Some(Named::C11TlsaNotUpdated));
    assert_eq!(problem.spot.proven_good, [("mx2.example.com".to_owned(), 5)]);
    assert_eq!(problem.state, State::New);
    assert_eq!(
        problem.result_types,
        ["certificate-not-trusted", "tlsa-invalid", "validation-failure"]
    );
}

#[test]
fn policy_that_failed_daily_is_resolved_by_two_clean_days() {
    let problem = roll_over().problem_of(Cause::PolicyFetch, "example.org");
    assert_eq!(problem.state, State::Resolved);
    assert_eq!(problem.failed.known, 9);
    assert_eq!(witness(&problem, "microsoft.com").clean_days, [nov(17), nov(18)]);
    let told = news::telling(&problem, Event::New, nov(15), false);
    assert_eq!(news::of(&problem, &[told], nov(19)), Some(Event::Resolved));
}

#[test]
fn half_a_year_has_one_open_problem_and_three_that_are_over() {
    let testing = || sts("testing", &["mx1.example.com", "mx2.example.com"]);
    let day = |month, day| date(2026, month, day);
    let mut world = World::on(nov(20)).under(testing());
    for (at, ok, failed) in [(12, 90, 201), (13, 90, 233), (14, 90, 217), (15, 90, 90)] {
        world = world.report("google.com", day(8, at), ok, failed, &[expired(failed)]);
    }
    for (at, failed) in [(13, 40), (14, 22)] {
        world = world.report("microsoft.com", day(8, at), 10, failed, &[vague(failed)]);
    }
    for reporter in ["google.com", "microsoft.com"] {
        world = world.clean(reporter, (16..=20).map(|at| day(8, at)));
    }
    world = world.report(
        "google.com",
        day(9, 9),
        243,
        17,
        &[detail("validation-failure", "mx1.example.com", 17)],
    );
    world = world.under(sts_unseen());
    for (at, failed) in [(1, 19), (2, 25)] {
        world = world.report("microsoft.com", day(7, at), 0, failed, &[fetch_error(failed)]);
    }
    world = world
        .to("example.org")
        .under(sts("testing", &["mx1.example.org", "mx3.example.org"]));
    let wrong = |kind| detail(kind, "mx3.example.org", 1);
    let mut at = day(10, 2);
    while at <= nov(18) {
        world = world
            .report("google.com", at, 60, 1, &[wrong("certificate-host-mismatch")])
            .report("microsoft.com", at, 20, 1, &[wrong("validation-failure")]);
        at = at.tomorrow().unwrap();
    }
    let problems = world.problems();
    let open: Vec<&Problem> = problems.iter().filter(|problem| problem.is_open()).collect();
    assert_eq!(open.len(), 1);
    assert_eq!((open[0].cause, open[0].state), (Cause::WrongName, State::Ongoing));
    assert_eq!(open[0].spot.unnamed_mx, ["mx1.example.org"]);
    let expired = world.problem_of(Cause::Expired, "mx2.example.com");
    assert_eq!((expired.state, expired.failed.known), (State::Resolved, 803));
    let fetch = world.problem_of(Cause::PolicyFetch, "example.com");
    assert_eq!(fetch.failed.known, 44);
    assert!(!fetch.is_open());
    let vague = world.problem_of(Cause::NotSpecified, "mx1.example.com");
    assert_eq!(
        (vague.state, seen(&vague, "google.com")),
        (State::Past, (17, 260))
    );
}
