//! What problems do to mail, and those with names.

use super::super::impact::{Basis, Impact};
use super::super::problem::{Named, Whose};
use super::*;

#[test]
fn gravest_policy_decides_the_impact() {
    let problem = World::on(nov(19))
        .under(no_policy())
        .report("google.com", nov(17), 90, 10, &[expired(10)])
        .under(sts("testing", &["mx2.example.com"]))
        .report("google.com", nov(18), 90, 10, &[expired(10)])
        .problem();
    assert_eq!((problem.impact, problem.basis), (Impact::Passed, Basis::Testing));
    assert_eq!(problem.bases, [Basis::Testing, Basis::NoPolicy]);
}

#[test]
fn hidden_mode_is_the_one_that_the_domain_showed_within_14_days() {
    let world = |shown: i8| {
        World::on(nov(19))
            .report("google.com", nov(shown), 90, 0, &[])
            .under(sts_unseen())
            .report("mail.ru", nov(18), 90, 10, &[expired(10)])
            .problem()
    };
    let problem = world(4);
    assert_eq!(problem.impact, Impact::Held);
    assert_eq!(problem.basis, Basis::Unknown);
    assert_eq!(problem.last_known_mode, Some(("enforce".into(), nov(4))));
    let problem = world(3);
    assert_eq!(problem.impact, Impact::Unknown);
    assert_eq!(problem.last_known_mode, None);
}

#[test]
fn foreign_domain_is_marked_and_left_out_where_ours_fail_too() {
    let foreign =
        World::on(nov(19))
            .ours(&["example.org"])
            .report("google.com", nov(18), 90, 10, &[expired(10)]);
    assert!(foreign.problem().is_foreign);
    let mixed = foreign
        .to("example.org")
        .report("google.com", nov(18), 90, 10, &[expired(10)])
        .problem();
    assert!(!mixed.is_foreign);
    assert_eq!(mixed.domains, ["example.org"]);
}

#[test]
fn mx_of_a_provider_fails_for_two_of_our_domains() {
    let mx = || detail("certificate-expired", "mx.provider.example", 3);
    let one = World::on(nov(19))
        .ours(&["example.com", "example.org"])
        .under(sts("enforce", &["*.provider.example"]))
        .report("google.com", nov(18), 90, 3, &[mx()]);
    assert!(!one.problem().is_provider);
    let two = one
        .to("example.org")
        .report("google.com", nov(18), 90, 3, &[mx()]);
    assert!(two.problem().is_provider);
}

#[test]
fn one_of_two_mx_with_an_expired_certificate_is_a_node_left_behind() {
    let world = World::on(nov(19)).report("google.com", nov(18), 90, 10, &[expired(10)]);
    assert_eq!(world.problem().named, Some(Named::C1NodeLeftBehind));
}

#[test]
fn wildcard_too_short_is_named() {
    let world = World::on(nov(19))
        .under(sts("enforce", &["*.mx.example.net"]))
        .report("google.com", nov(18), 90, 10, &[backup("a.b.mx.example.net")]);
    assert_eq!(world.problem().named, Some(Named::C3WildcardTooShort));
}

#[test]
fn new_mx_under_an_old_enforce_is_a_move() {
    let world = World::on(nov(19))
        .report("google.com", nov(18), 0, 24, &[backup("new.example.net")])
        .problem();
    assert_eq!(world.named, Some(Named::C7MxMove));
}

#[test]
fn expired_certificate_of_the_policy_host_is_named() {
    let world = World::on(nov(19)).under(sts_unseen()).report(
        "google.com",
        nov(18),
        0,
        24,
        &[detail("sts-webpki-invalid", "", 24).because("certificate-expired")],
    );
    assert_eq!(world.problem().named, Some(Named::C8PolicyHostExpired));
}

#[test]
fn missing_encryption_on_every_mx_seen_by_two_is_stripping() {
    let off = |mx: &'static str| detail("starttls-not-supported", mx, 6);
    let world = World::on(nov(19));
    let world = ["google.com", "microsoft.com"]
        .iter()
        .fold(world, |world, reporter| {
            let details = [off("mx1.example.com"), off("mx2.example.com")];
            world.report(reporter, nov(18), 0, 12, &details)
        });
    for problem in world.problems() {
        assert_eq!(problem.named, Some(Named::C15StarttlsStripped));
    }
}

#[test]
fn few_dropped_connections_here_and_there_are_a_rate_limit() {
    let mut world = World::on(nov(19));
    for day in 1..=18 {
        let failed = u64::from(day % 3 == 0);
        let details = [broken(failed)
            .from(["198.51.100.1", "203.0.113.1", "192.0.2.1"][usize::try_from(day).unwrap() / 3 % 3])];
        let details = if failed == 0 { &[][..] } else { &details[..] };
        world = world.report("google.com", nov(day), 99, failed, details);
    }
    // One day in three: an episode each at first, for a single failure is over after two clean days.
    let world = world.report("google.com", nov(4), 99, 1, &[broken(1)]);
    assert_eq!(world.problem().named, Some(Named::C17RateLimit));
}

#[test]
fn trouble_of_one_reporter_with_three_unrelated_domains_is_its_own() {
    let world = |n: usize| {
        let names = ["example.com", "example.org", "example.net"];
        names
            .into_iter()
            .take(n)
            .fold(World::on(nov(19)), |world, domain| {
                world
                    .to(domain)
                    .under(sts_unseen())
                    .report("microsoft.com", nov(18), 0, 7, &[fetch_error(7)])
                    .under(sts("enforce", &["mx1.example.com"]))
                    .report("google.com", nov(18), 50, 0, &[])
            })
    };
    for problem in world(3).problems() {
        assert_eq!(problem.whose, Whose::Theirs);
        assert_eq!(problem.named, Some(Named::C20ReporterTrouble));
    }
    for problem in world(2).problems() {
        assert_eq!(problem.whose, Whose::OnlyOne);
    }
}

#[test]
fn one_sender_that_always_fails_without_a_reason_is_named() {
    let mut world = World::on(nov(19));
    for day in [17, 18] {
        world = world
            .report("microsoft.com", nov(day), 10, 30, &[vague(30)])
            .report("google.com", nov(day), 200, 0, &[]);
    }
    assert_eq!(world.problem().named, Some(Named::C21OneSender));
}

#[test]
fn too_short_an_overlap_of_tlsa_records_is_named_when_it_is_over() {
    let fault = || detail("tlsa-invalid", "mx1.example.com", 3);
    let world = World::on(nov(21))
        .under(tlsa(&["3 1 1 aaaa"]))
        .clean("microsoft.com", [nov(16), nov(17)])
        .report("microsoft.com", nov(18), 9, 3, &[fault()])
        .under(tlsa(&["3 1 1 bbbb"]))
        .clean("microsoft.com", [nov(19), nov(20)]);
    assert_eq!(world.problem().named, Some(Named::C12TlsaOverlapTooShort));
}

#[test]
fn worst_problem_comes_first() {
    let world = World::on(nov(19))
        .under(sts_unseen())
        .report("google.com", nov(18), 0, 50, &[fetch_error(50)])
        .under(sts("enforce", &["mx2.example.com"]))
        .report("google.com", nov(18), 90, 1, &[expired(1)]);
    let causes: Vec<Cause> = world.problems().iter().map(|problem| problem.cause).collect();
    assert_eq!(causes, [Cause::Expired, Cause::PolicyFetch]);
}

#[test]
fn record_that_was_changed_before_the_key_is_named_unless_the_old_one_is_still_there() {
    let fault = || detail("tlsa-invalid", "mx1.example.com", 3);
    let named = |good_days: &[i8], records: &[&str]| {
        let world = World::on(nov(21))
            .under(tlsa(&["3 1 1 aaaa"]))
            .clean("microsoft.com", good_days.iter().map(|day| nov(*day)))
            .under(tlsa(records))
            .report("microsoft.com", nov(18), 9, 3, &[fault()]);
        world.problem().named
    };
    let changed = Some(Named::C23TlsaChangedFirst);
    assert_eq!(named(&[15, 16], &["3 1 1 bbbb"]), changed, "two days before");
    assert_eq!(named(&[14, 15], &["3 1 1 bbbb"]), None, "three days before");
    assert_eq!(
        named(&[16, 17], &["3 1 1 aaaa", "3 1 1 bbbb"]),
        None,
        "both records"
    );
    let not_updated = Some(Named::C11TlsaNotUpdated);
    assert_eq!(named(&[16, 17], &["3 1 1 aaaa"]), not_updated);
}

#[test]
fn unproven_reports_alone_resolve_nothing() {
    let mut world = World::on(nov(20))
        .report("google.com", nov(10), 90, 10, &[expired(10)])
        .clean("google.com", [nov(11), nov(12)]);
    assert_eq!(world.state(), State::Resolved);
    world.history.unproven.insert(3);
    assert_eq!(world.state(), State::Fading, "one proven clean day isn't enough");
    world.history.unproven.extend([1, 2]);
    assert_eq!(
        world.state(),
        State::Ongoing,
        "its only known day is the failing one"
    );
    assert_eq!(
        world.asked_on(nov(24)).state(),
        State::Past,
        "closed without proof"
    );
}
