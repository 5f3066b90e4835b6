//! What is no noise, whose it is, and where exactly.

use super::super::problem::Whose;
use super::*;

#[test]
fn noise_is_below_the_gate() {
    let world = World::on(nov(19)).report("google.com", nov(18), 99, 4, &[broken(4)]);
    assert_eq!(world.state(), State::BelowGate);
}

#[test]
fn one_record_of_a_certain_cause_is_enough() {
    let world = World::on(nov(19)).report("google.com", nov(18), 99, 1, &[expired(1)]);
    assert_eq!(world.state(), State::New);
}

#[test]
fn five_failed_connections_on_a_day_are_no_noise() {
    let world = World::on(nov(19)).report("google.com", nov(18), 99, 5, &[broken(5)]);
    assert_eq!(world.state(), State::New);
}

#[test]
fn two_failing_days_within_seven_are_no_noise() {
    let days = |first: i8| {
        World::on(nov(19))
            .report("google.com", nov(first), 99, 1, &[broken(1)])
            .report("google.com", nov(18), 99, 1, &[broken(1)])
    };
    assert_eq!(days(12).problem().episodes[0].visible_from, Some(nov(18)));
    assert_eq!(days(11).state(), State::BelowGate);
}

#[test]
fn two_reporters_are_no_noise() {
    let world = World::on(nov(19))
        .report("google.com", nov(18), 99, 1, &[broken(1)])
        .report("microsoft.com", nov(18), 99, 1, &[broken(1)]);
    assert_eq!(world.state(), State::New);
}

#[test]
fn all_of_two_connections_are_no_noise_and_all_of_one_is() {
    let all = |n: u64| World::on(nov(19)).report("google.com", nov(18), 0, n, &[broken(n)]);
    assert_eq!(all(1).state(), State::BelowGate);
    assert_eq!(all(2).state(), State::New);
}

#[test]
fn proven_by_the_report_is_yours() {
    let world = World::on(nov(19)).report("google.com", nov(18), 9, 1, &[backup("backup.example.net")]);
    assert_eq!(world.problem().whose, Whose::YoursProven);
}

#[test]
fn seen_by_two_is_yours() {
    let world = World::on(nov(19))
        .report("google.com", nov(17), 99, 1, &[expired(1)])
        .report("microsoft.com", nov(18), 99, 1, &[expired(1)]);
    assert_eq!(world.problem().whose, Whose::YoursSeen);
}

#[test]
fn seen_by_one_while_another_with_twenty_good_connections_does_not_is_only_one() {
    let world = |ok: u64| {
        World::on(nov(19))
            .report("google.com", nov(18), 99, 1, &[expired(1)])
            .report("microsoft.com", nov(18), ok, 0, &[])
            .problem()
    };
    assert_eq!(world(20).whose, Whose::OnlyOne);
    assert_eq!(world(20).unaffected[0].ok, 20);
    assert_eq!(world(19).whose, Whose::CantTell);
}

#[test]
fn reporter_under_another_policy_type_is_no_able_witness() {
    let world = World::on(nov(19))
        .under(tlsa(&["3 1 1 9f2c41aa"]))
        .report(
            "microsoft.com",
            nov(18),
            9,
            1,
            &[detail("tlsa-invalid", "mx1.example.com", 1)],
        )
        .under(sts("enforce", &["mx1.example.com"]))
        .report("google.com", nov(18), 240, 0, &[]);
    let problem = world.problem();
    assert_eq!(problem.cause, Cause::TlsaMismatch);
    assert_eq!(problem.whose, Whose::CantTell);
    assert!(problem.unaffected.is_empty());
}

#[test]
fn silence_about_missing_encryption_proves_nothing_without_a_policy() {
    let world = |policy: Rc<PolicyText>| {
        World::on(nov(19))
            .report(
                "google.com",
                nov(18),
                9,
                6,
                &[detail("starttls-not-supported", "mx1.example.com", 6)],
            )
            .under(policy)
            .report("post.example.net", nov(18), 240, 0, &[])
            .problem()
    };
    assert_eq!(world(no_policy()).whose, Whose::CantTell);
    assert_eq!(world(tlsa(&["3 1 1 9f2c41aa"])).whose, Whose::OnlyOne);
}

#[test]
fn other_mx_that_no_failure_named_is_told() {
    let world = World::on(nov(19)).report("google.com", nov(18), 90, 10, &[expired(10)]);
    assert_eq!(world.problem().spot.unnamed_mx, ["mx1.example.com"]);
    let both = world.report("google.com", nov(18), 90, 5, &[broken(5)]);
    let problem = both.problem_of(Cause::Expired, "mx2.example.com");
    assert!(problem.spot.unnamed_mx.is_empty());
}

#[test]
fn configured_mx_is_another_only_if_the_policy_covers_it() {
    let problem = World::on(nov(19))
        .mx(&["mx1.example.com", "mx1.example.org"])
        .under(sts("enforce", &["*.example.com"]))
        .report("google.com", nov(18), 90, 10, &[expired(10)])
        .problem();
    assert_eq!(problem.spot.unnamed_mx, ["mx1.example.com"]);
}

#[test]
fn only_ipv6_is_told_from_five_connections_on() {
    let world = |count: u64| {
        World::on(nov(19))
            .report(
                "google.com",
                nov(18),
                90,
                count,
                &[expired(count).at("2001:db8::25")],
            )
            .problem()
    };
    assert!(world(5).spot.only_ipv6);
    assert!(!world(4).spot.only_ipv6);
    let both = World::on(nov(19)).report(
        "google.com",
        nov(18),
        90,
        10,
        &[expired(8).at("2001:db8::25"), expired(2).at("192.0.2.25")],
    );
    assert!(!both.problem().spot.only_ipv6);
    assert_eq!(both.problem().spot.receiving_ips[0], ("2001:db8::25".into(), 8));
}

#[test]
fn one_sending_network_of_several_is_told() {
    let world = World::on(nov(19)).report(
        "google.com",
        nov(18),
        90,
        10,
        &[expired(5).from("198.51.100.1"), expired(5).from("198.51.100.2")],
    );
    assert_eq!(world.problem().spot.sending_network, None);
    let world = world.report("google.com", nov(1), 90, 1, &[broken(1).from("203.0.113.1")]);
    let problem = world.problem_of(Cause::Expired, "mx2.example.com");
    assert_eq!(problem.spot.sending_network.as_deref(), Some("198.51.100.0/24"));
}

#[test]
fn unproven_reports_confirm_nothing() {
    let mut world = World::on(nov(20))
        .report("google.com", nov(19), 90, 10, &[expired(10)])
        .report("microsoft.com", nov(19), 90, 10, &[expired(10)]);
    assert_eq!(world.problem().whose, Whose::YoursSeen);
    world.history.unproven.insert(2);
    let problem = world.problem();
    assert_eq!(problem.whose, Whose::CantTell, "one proven witness");
    let vouching: Vec<&str> = problem.vouching().map(|one| one.reporter.as_str()).collect();
    assert_eq!(vouching, ["google.com"]);
    world.history.unproven.insert(1);
    let problem = world.problem();
    assert_eq!(problem.whose, Whose::CantTell, "none");
    assert_eq!(problem.vouching().count(), 2);
}

#[test]
fn unproven_reports_refute_nothing() {
    let mut world = World::on(nov(20))
        .report("google.com", nov(19), 90, 10, &[expired(10)])
        .report("microsoft.com", nov(19), 90, 0, &[]);
    assert_eq!(world.problem().whose, Whose::OnlyOne);
    world.history.unproven.insert(2);
    assert_eq!(world.problem().whose, Whose::CantTell);
}

#[test]
fn unproven_report_proves_nothing_by_what_it_shows() {
    let mut world =
        World::on(nov(20)).report("google.com", nov(19), 188, 24, &[backup("backup.example.net")]);
    assert_eq!(world.problem().whose, Whose::YoursProven);
    world.history.unproven.insert(1);
    assert_eq!(world.problem().whose, Whose::CantTell);
}
