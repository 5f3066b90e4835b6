//! Connections counted once, and failures joined to problems.

use super::super::impact::Impact;
use super::*;

#[test]
fn sts_and_tlsa_entries_of_one_report_count_once() {
    let problem = World::on(nov(19))
        .report("microsoft.com", nov(18), 20, 30, &[expired(30)])
        .under(tlsa(&["2 0 1 9f2c41aa"]))
        .also("microsoft.com", nov(18), 18, 32, &[expired(32)])
        .problem();
    assert_eq!(seen(&problem, "microsoft.com"), (32, 50));
}

#[test]
fn two_reports_of_a_day_are_added() {
    let problem = World::on(nov(19))
        .report("google.com", nov(18), 20, 3, &[expired(3)])
        .report("google.com", nov(18), 10, 4, &[expired(4)])
        .problem();
    assert_eq!(seen(&problem, "google.com"), (7, 37));
}

#[test]
fn failed_connections_are_no_more_than_the_summary_counts() {
    let problem = World::on(nov(19))
        .report("mail.ru", nov(18), 5, 4, &[expired(9)])
        .problem();
    assert_eq!(seen(&problem, "mail.ru"), (4, 9));
}

#[test]
fn details_under_a_clean_summary_are_failures_delivered_in_spite_of_it() {
    let problem = World::on(nov(19))
        .under(sts("testing", &["mx2.example.com"]))
        .report("mox.example.net", nov(18), 5, 0, &[expired(3)])
        .problem();
    assert_eq!(seen(&problem, "mox.example.net"), (3, 5));
    assert!(problem.delivered_in_spite);
    assert_eq!(problem.impact, Impact::InSpite);
}

#[test]
fn forty_domains_on_one_mx_are_one_problem() {
    let domains: Vec<&'static str> = (0..40)
        .map(|n| &*Box::leak(format!("d{n}.example").into_boxed_str()))
        .collect();
    let world = domains.iter().fold(World::on(nov(19)), |world, &domain| {
        world
            .to(domain)
            .report("google.com", nov(18), 90, 10, &[expired(10)])
    });
    let problem = world.problem();
    assert_eq!(problem.domains.len(), 40);
    assert_eq!(seen(&problem, "google.com"), (400, 4000));
}

#[test]
fn policy_causes_are_a_problem_for_each_domain() {
    let world = World::on(nov(19))
        .under(sts_unseen())
        .report("google.com", nov(18), 0, 7, &[fetch_error(7)])
        .to("example.org")
        .report("google.com", nov(18), 0, 7, &[fetch_error(7)]);
    assert_eq!(world.problems().len(), 2);
}

const MISMATCH: &str = "MX_HOSTS_MISMATCH";

#[test]
fn details_without_mx_join_the_only_problem_of_their_cause_and_domain() {
    let problem = World::on(nov(19))
        .report("google.com", nov(18), 188, 24, &[backup("backup.example.net")])
        .report(
            "microsoft.com",
            nov(17),
            41,
            5,
            &[detail("validation-failure", "", 5).because(MISMATCH)],
        )
        .problem();
    assert_eq!(problem.place, Place::Mx("backup.example.net".into()));
    assert!(witness(&problem, "microsoft.com").names_no_mx);
    assert!(!witness(&problem, "google.com").names_no_mx);
    assert_eq!(problem.failed.known, 29);
    // It was known before without a name, so the id of that time stays.
    let unnamed = Place::Unnamed("example.com".into());
    assert_eq!(problem.id, id::hash(Cause::MxNotInPolicy, &unnamed));
}

#[test]
fn details_without_mx_stay_alone_where_two_problems_would_fit() {
    let world = World::on(nov(19))
        .report(
            "google.com",
            nov(18),
            188,
            48,
            &[backup("a.example.net"), backup("b.example.net")],
        )
        .report(
            "microsoft.com",
            nov(18),
            41,
            5,
            &[detail("validation-failure", "", 5).because(MISMATCH)],
        );
    assert_eq!(world.problems().len(), 3);
    let alone = world.problem_of(Cause::MxNotInPolicy, "example.com");
    assert_eq!(alone.failed.known, 5);
}

#[test]
fn details_without_mx_of_another_domain_stay_alone() {
    let world = World::on(nov(19))
        .report("google.com", nov(18), 188, 24, &[backup("backup.example.net")])
        .to("example.org")
        .report(
            "microsoft.com",
            nov(18),
            41,
            5,
            &[detail("validation-failure", "", 5).because(MISMATCH)],
        );
    assert_eq!(world.problems().len(), 2);
}

#[test]
fn failures_without_a_reason_join_the_problem_that_has_one_on_the_same_day() {
    let problem = World::on(nov(19))
        .report("google.com", nov(18), 373, 37, &[vague(37)])
        .report("post.example.net", nov(18), 3, 2, &[expired(2)])
        .problem();
    assert_eq!(problem.cause, Cause::Expired);
    assert_eq!(witness(&problem, "google.com").unspecified.known, 37);
    assert!(witness(&problem, "google.com").is_vague);
    assert_eq!(witness(&problem, "post.example.net").unspecified.known, 0);
    assert_eq!(
        problem.aliases,
        [id::hash(
            Cause::NotSpecified,
            &Place::Mx("mx2.example.com".into())
        )]
    );
}

#[test]
fn problem_that_is_explained_later_keeps_its_id_and_first_day() {
    let before = World::on(nov(18)).report("google.com", nov(17), 373, 37, &[vague(37)]);
    let after = before
        .asked_on(nov(19))
        .report("google.com", nov(18), 373, 37, &[vague(37)])
        .report("post.example.net", nov(18), 3, 2, &[expired(2)]);
    assert_eq!(before.problem().cause, Cause::NotSpecified);
    assert_eq!(after.problem().cause, Cause::Expired);
    assert_eq!(after.problem().id, before.problem().id);
    assert_eq!(after.problem().episodes[0].first_day, nov(17));
}

#[test]
fn failures_without_a_reason_stay_alone_on_another_day_and_with_two_causes() {
    let other_day = World::on(nov(19))
        .report("google.com", nov(17), 373, 37, &[vague(37)])
        .report("post.example.net", nov(18), 3, 2, &[expired(2)]);
    assert_eq!(other_day.problems().len(), 2);
    let two_causes = World::on(nov(19))
        .report("google.com", nov(18), 373, 37, &[vague(37)])
        .report("post.example.net", nov(18), 3, 2, &[expired(2)])
        .report(
            "mox.example.net",
            nov(18),
            3,
            2,
            &[detail("certificate-host-mismatch", "mx2.example.com", 2)],
        );
    assert_eq!(two_causes.problems().len(), 3);
}

#[test]
fn what_goes_on_without_a_reason_becomes_a_problem_of_its_own() {
    let mut world = World::on(nov(22)).report("post.example.net", nov(15), 3, 2, &[expired(2)]);
    world = world.clean("post.example.net", [nov(16), nov(17), nov(18)]);
    for day in 14..=20 {
        world = world.report("google.com", nov(day), 373, 37, &[vague(37)]);
    }
    let explained = world.problem_of(Cause::Expired, "mx2.example.com");
    let left = world.problem_of(Cause::NotSpecified, "mx2.example.com");
    assert_eq!(explained.episodes[0].last_day, nov(17));
    assert_eq!(left.episodes[0].first_day, nov(18));
    assert_eq!(left.state, State::Ongoing);
    // Both ids that the two keys have are used, each once.
    assert_ne!(explained.id, left.id);
    assert!(explained.aliases.is_empty() && left.aliases.is_empty());
}
