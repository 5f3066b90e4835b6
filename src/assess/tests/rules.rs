use super::super::impact::{Basis, Impact};
use super::super::problem::{Named, Whose};
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

fn backup(mx: &'static str) -> Detail {
    detail("validation-failure", mx, 24)
}

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
